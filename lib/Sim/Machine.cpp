//===- Machine.cpp - Set-up, divergence and plain instructions ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "Decode.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

void Counters::reset(size_t code, bool trace) {
  warpExecutions.assign(code, 0);
  threadExecutions.assign(code, 0);
  wavefronts.assign(code, 0);
  minimum.assign(code, 0);
  if (trace)
    bankWords.assign(code, {});
}

void Counters::add(const Counters &o) {
  for (size_t i = 0; i < warpExecutions.size(); ++i) {
    warpExecutions[i] += o.warpExecutions[i];
    threadExecutions[i] += o.threadExecutions[i];
    wavefronts[i] += o.wavefronts[i];
    minimum[i] += o.minimum[i];
  }
  for (size_t i = 0; i < bankWords.size(); ++i)
    for (unsigned bank = 0; bank < 32; ++bank)
      bankWords[i][bank] += o.bankWords[i][bank];
  tensorFlop += o.tensorFlop;
  globalRead += o.globalRead;
  globalWritten += o.globalWritten;
  sharedRead += o.sharedRead;
  sharedWritten += o.sharedWritten;
  bulkLoaded += o.bulkLoaded;
  bulkStored += o.bulkStored;
  bulkReduced += o.bulkReduced;
  for (auto [offset, count] : o.phases)
    phases[offset] += count;
}

Cta::Cta(const LaunchContext &context, Counters &counters, std::atomic<uint64_t> &steps,
         InterCta *device)
    : ctx(context), fn(*context.fn), code(context.fn->code), counters(counters), globalSteps(steps),
      device(device) {
  warps.resize(size_t(ctx.warpStride) * ctx.clusterSize);
  groups.resize((warps.size() + 3) / 4);
  barriers.resize(16 * ctx.clusterSize);
  regFile.resize(size_t(fn.regWords) * warps.size() + 32);
  poisonFile.resize(size_t(fn.regCount) * warps.size());
  segment = ctx.sharedEnd - ctx.sharedBase + 16;
  if (ctx.clusterSize > 1)
    segment = alignTo(segment, 16);
  shared.resize(segment * ctx.clusterSize);
  sharedInit.resize(shared.size());
  local.resize(size_t(fn.localBytes) * warps.size() * 32);
  localInit.resize(local.size());
  checkRaces = ctx.options.checkRaces;
}

std::array<uint32_t, 3> Cta::ctaOf(unsigned rank) const {
  auto &c = ctx.launch.cluster;
  return {firstCta[0] + rank % c[0], firstCta[1] + rank / c[0] % c[1], firstCta[2] + rank / (c[0] * c[1])};
}

uint32_t Cta::specialValue(Special s, const Warp &w, unsigned t) const {
  auto &l = ctx.launch;
  std::array<uint32_t, 3> ctaid = ctaOf(w.cta);
  unsigned lane = t % 32;
  std::array<uint32_t, 3> tid = {t % l.block[0], t / l.block[0] % l.block[1], t / (l.block[0] * l.block[1])};
  unsigned at = unsigned(s);
  if (s <= Special::TidZ)
    return tid[at];
  if (s <= Special::NtidZ)
    return l.block[at - unsigned(Special::NtidX)];
  if (s <= Special::CtaidZ)
    return ctaid[at - unsigned(Special::CtaidX)];
  if (s <= Special::NctaidZ)
    return l.grid[at - unsigned(Special::NctaidX)];
  switch (s) {
  case Special::LaneId: return lane;
  case Special::WarpId: return t / 32;
  case Special::NWarpId: return ctx.warpsPerCta;
  case Special::SmId:
    return (ctaid[0] + l.grid[0] * (ctaid[1] + l.grid[1] * ctaid[2])) % ctx.options.multiprocessors;
  case Special::NSmId:
    return ctx.options.multiprocessors;
  case Special::LanemaskEq: return 1u << lane;
  case Special::LanemaskLe: return (2u << lane) - 1;
  case Special::LanemaskLt: return (1u << lane) - 1;
  case Special::LanemaskGe: return ~((1u << lane) - 1);
  case Special::LanemaskGt: return ~((2u << lane) - 1);
  case Special::DynamicSmemSize: return l.dynamicSharedBytes;
  case Special::TotalSmemSize: return ctx.sharedEnd - ctx.sharedBase;
  case Special::ClusterCtaidX: case Special::ClusterCtaidY: case Special::ClusterCtaidZ:
    at -= unsigned(Special::ClusterCtaidX);
    return ctaid[at] - firstCta[at];
  case Special::ClusterNctaidX: case Special::ClusterNctaidY: case Special::ClusterNctaidZ:
    return l.cluster[at - unsigned(Special::ClusterNctaidX)];
  case Special::IsExplicitCluster: return ctx.clusterSize > 1 || fn.reqcluster[0] ? ~0u : 0; // a predicate's row
  case Special::ClusterCtaRank: return w.cta;
  case Special::ClusterNctaRank: return ctx.clusterSize;
  case Special::ClusterIdX: case Special::ClusterIdY: case Special::ClusterIdZ:
    at -= unsigned(Special::ClusterIdX);
    return ctaid[at] / l.cluster[at];
  case Special::NClusterIdX: case Special::NClusterIdY: case Special::NClusterIdZ:
    at -= unsigned(Special::NClusterIdX);
    return l.grid[at] / l.cluster[at];
  default: return 0;
  }
}

void Cta::initWarp(Warp &w) {
  w.regs = regFile.data() + size_t(fn.regWords) * w.index;
  w.poison = poisonFile.data() + size_t(fn.regCount) * w.index;
  std::fill_n(w.regs, fn.regWords, 0xffffa5a5u);
  std::fill_n(w.poison, fn.regCount, ~0u);
  w.poison[0] = 0;
  w.cta = w.index / ctx.warpStride;
  w.local = w.index % ctx.warpStride;
  w.sharedLow = (uint64_t(w.cta) << kRankShift) + ctx.sharedBase;
  w.sharedAt = w.cta * segment;
  w.constants = ctx.constants[w.cta].data();
  w.clusterArrived = w.clusterOwed = w.clusterWaited = 0;
  unsigned first = w.local * 32, n = first < ctx.threadsPerCta ? std::min(32u, ctx.threadsPerCta - first) : 0;
  w.live = n == 32 ? ~0u : (1u << n) - 1;
  for (auto [s, off] : fn.specials) {
    bool wide = s == Special::GridId;
    for (unsigned l = 0; l < 32; ++l) {
      uint32_t v = specialValue(s, w, first + (l < n ? l : 0));
      if (wide) {
        w.regs[off + 2 * l] = v;
        w.regs[off + 2 * l + 1] = 0;
      } else
        w.regs[off + l] = v;
    }
  }
  for (size_t i = 1; i < fn.regNames.size(); ++i)
    if (fn.regNames[i] == "%special")
      w.poison[i] = 0;
  w.frags.clear();
  Frag f;
  f.mask = w.live;
  if (w.live) // what only fills up a warpgroup has no threads
    w.frags.push_back(f);
  w.joins.clear();
  w.active.clear();
  w.carry = 0;
  w.issued = w.committed = 0;
  w.uncommittedFrom = 1;
  w.fencedOnce = false;
  size_t marks = fn.wgmmas.empty() ? 0 : fn.regCount;
  w.inFlight.assign(marks, 0);
  w.shapeOf.assign(marks, 0);
  w.dirty.assign(marks, 0);
  w.pendingRegs = 0;
  w.groups.clear();
  w.lastAllocation = nullptr;
  w.tensormapFence = false;
  w.registers = ctx.entryRegisters;
  w.registerChanges = 0;
  w.copies.clear();
  std::fill(std::begin(w.copyGroup), std::end(w.copyGroup), 0);
  w.fences.clear();
  w.pendingReads.clear();
  w.spins.clear();
  w.ran = w.clockReads = 0;
  w.waits = Recurrence();
}

void Cta::reset(std::array<uint32_t, 3> id) {
  firstCta = id;
  auto &g = ctx.launch.grid;
  uint64_t linear = id[0] + uint64_t(g[0]) * (id[1] + uint64_t(g[1]) * id[2]);
  rng = Rng(ctx.options.seed * 0x2545f4914f6cdd1dull + linear * 0x9e3779b97f4a7c15ull);
  stop = isAbandoned = false;
  std::fill(shared.begin(), shared.end(), 0xff);
  std::fill(sharedInit.begin(), sharedInit.end(), 0);
  std::fill(local.begin(), local.end(), 0xff);
  std::fill(localInit.begin(), localInit.end(), 0);
  resetStacks();
  for (unsigned i = 0; i < warps.size(); ++i) {
    warps[i].index = i;
    initWarp(warps[i]);
  }
  for (WarpgroupState &wg : groups)
    wg = WarpgroupState();
  for (Barrier &b : barriers)
    b = Barrier();
  mbarriers.clear();
  bulkOps.clear();
  bulkThreads.clear();
  freeRegisters = {};
  clusterBarrier = ClusterBarrier();
  peerUses.assign(ctx.clusterSize, {});
  peerUsePc.assign(ctx.clusterSize, 0);
  race.reset(unsigned(warps.size()), unsigned(code.size()), checkRaces ? shared.size() : 0, fn.usesBulk,
             ctx.clusterSize > 1 && ctx.options.narrowScope.has_value());
  recentUses = {};
  recentTouches = {};
  sharedFlags.clear();
  unitSequence = {};
  ctaSequence.assign(ctx.clusterSize, {});
  idle = false;
  countedProgress = progress;
  clockTicks = 1000;
}

void Cta::start(uint32_t number, std::array<uint32_t, 3> id, CtaResult &result) {
  out = &result;
  reset(id);
  unit = race.unit = number;
  tracer = id == std::array<uint32_t, 3>{0, 0, 0} ? ctx.tracer : nullptr;
  if (device)
    device->start(number, race);
}

void Cta::run(std::array<uint32_t, 3> id, CtaResult &result) {
  start(0, id, result);
  while (turn()) {
  }
  finish();
}

void Cta::finish() {
  CtaResult &result = *out;
  if (!stop && !bulkOps.empty())
    finishBulk();
  if (!stop && !mbarriers.empty())
    checkExitOfBarriers();
  if (!stop)
    checkWarpgroups();
  if (stop && result.findings.empty() && !isAbandoned)
    report("TK-SIM-STOPPED", Severity::Error, nullptr, 0, 0, 0,
           "execution ended at a fault whose check is switched off; switch it on to see which");
  result.stopped = stop;
}

//===----------------------------------------------------------------------===//
// Divergence
//===----------------------------------------------------------------------===//

void Cta::joinProgress(Warp &w, int32_t j) {
  Join &join = w.joins[j];
  if (join.expected && join.arrived == join.expected) {
    Frag f;
    f.pc = join.pc;
    f.mask = join.arrived;
    f.join = join.parent;
    f.joinPc = join.parentPc;
    join = Join();
    w.frags.push_back(f);
  } else if (!join.expected)
    join = Join();
  // Lanes may wait in a join while all that runs is beside it.
  if (w.frags.size() == 1 && w.frags[0].join < 0 && none_of(w.joins, [](const Join &o) { return o.expected; }))
    w.joins.clear();
}

int32_t Cta::addJoin(Warp &w, const Join &join) {
  auto it = find_if(w.joins, [](const Join &j) { return !j.expected; });
  if (it == w.joins.end())
    it = w.joins.insert(it, join);
  else
    *it = join;
  return int32_t(it - w.joins.begin());
}

bool Cta::reachJoin(Warp &w, unsigned frag) {
  Frag f = w.frags[frag];
  w.frags.erase(w.frags.begin() + frag);
  w.joins[f.join].arrived |= f.mask;
  joinProgress(w, f.join);
  return false;
}

void Cta::exitLanes(Warp &w, unsigned frag, uint32_t mask) {
  Frag &f = w.frags[frag];
  w.live &= ~mask;
  ++progress;
  f.mask &= ~mask;
  int32_t chain = f.join;
  if (!stacks.empty())
    dropStacks(w, mask);
  if (!bulkThreads.empty())
    checkBulkExit(w, mask);
  if (!f.mask)
    w.frags.erase(w.frags.begin() + frag);
  else
    ++f.pc;
  SmallVector<int32_t, 8> joins;
  for (int32_t j = chain; j >= 0; j = w.joins[j].parent)
    joins.push_back(j);
  for (int32_t j : joins)
    w.joins[j].expected &= ~mask;
  for (int32_t j : joins)
    if (size_t(j) < w.joins.size())
      joinProgress(w, j);
  // Whoever waited for these lanes looks again.
  for (Frag &o : w.frags)
    if (o.state == Frag::AtWarpSync || (o.state == Frag::AtBarrier && !code[o.pc].aligned && !o.counted))
      o.state = Frag::Run;
  if (!w.live) {
    if (!w.groups.empty() || w.uncommittedFrom <= w.issued)
      checkExit();
    for (unsigned id = 0; id < 16; ++id)
      releaseBarrier(w.cta * 16 + id);
    if (ctx.clusterSize > 1 && !alive(w.cta))
      checkPeersAtExit(w.cta);
  }
  openClusterBarrier();
}

void Cta::split(Warp &w, unsigned frag, const Inst &in, ArrayRef<std::pair<uint32_t, uint32_t>> paths) {
  Frag cur = w.frags[frag];
  if (in.reconverge != ~0u && cur.joinPc != in.reconverge) {
    Join j;
    j.pc = in.reconverge;
    j.expected = cur.mask;
    j.parent = cur.join;
    j.parentPc = cur.joinPc;
    cur.join = addJoin(w, j);
    cur.joinPc = j.pc;
  }
  unsigned first = rng.below(paths.size());
  for (unsigned i = 0; i < paths.size(); ++i) {
    Frag f = cur;
    f.pc = paths[(first + i) % paths.size()].first;
    f.mask = paths[(first + i) % paths.size()].second;
    if (i == 0)
      w.frags[frag] = f;
    else
      w.frags.push_back(f);
  }
}

void Cta::branch(Warp &w, unsigned frag, const Inst &in, uint32_t taken) {
  Frag &f = w.frags[frag];
  uint32_t rest = f.mask & ~taken;
  if (!rest)
    f.pc = in.target;
  else if (!taken)
    ++f.pc;
  else
    split(w, frag, in, {{in.target, taken}, {f.pc + 1, rest}});
}

void Cta::branchIndexed(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  SmallVector<std::pair<uint32_t, uint32_t>, 4> paths;
  uint32_t rest = w.frags[frag].mask & ~mask, pc = w.frags[frag].pc;
  auto add = [&](uint32_t to, uint32_t lanes) {
    for (auto &p : paths)
      if (p.first == to) {
        p.second |= lanes;
        return;
      }
    paths.push_back({to, lanes});
  };
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t i = value(w, in.s[0], l);
    if (i >= in.targets.size()) {
      report("TK-SIM-BRANCH-RANGE", Severity::Error, &w, 1u << l, pc, 0,
             "index " + Twine(i) + " of brx.idx is beyond its " + Twine(in.targets.size()) + " targets");
      stop = true;
      return;
    }
    add(in.targets[i], 1u << l);
  }
  if (rest)
    add(pc + 1, rest);
  if (paths.size() == 1)
    w.frags[frag].pc = paths[0].first;
  else
    split(w, frag, in, paths);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

void Cta::alu(Warp &w, const Inst &in, uint32_t mask) {
  const uint32_t *s[4] = {ptr(w, in.s[0]), ptr(w, in.s[1]), ptr(w, in.s[2]), ptr(w, in.s[3])};
  uint32_t *d = reg(w, in.d);
  in.alu(d, s, mask);
  if (in.sat) {
    const uint32_t *self[1] = {d};
    laneOps().alu(Alu::SatF, in.ty, false)(d, self, mask);
  }
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx] | w.poison[in.s[2].idx] | w.poison[in.s[3].idx];
  setPoison(w, in.d, mask, p);
}

void Cta::setp(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t r = in.cmp(ptr(w, in.s[0]), ptr(w, in.s[1])), not_r = ~r;
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx];
  if (in.sub) {
    uint32_t c = predicate(w, in.s[2], in.negB);
    auto combine = [&](uint32_t v) { return in.sub == 1 ? v & c : in.sub == 2 ? v | c : v ^ c; };
    uint32_t pc = w.poison[in.s[2].idx];
    uint32_t decided = in.sub == 1 ? (~r & ~p) | (~c & ~pc) : in.sub == 2 ? (r & ~p) | (c & ~pc) : 0;
    p = (p | pc) & ~decided;
    r = combine(r);
    not_r = combine(not_r);
  }
  uint32_t *d = reg(w, in.d);
  *d = (*d & ~mask) | (r & mask);
  setPoison(w, in.d, mask, p);
  if (in.d2.present()) {
    uint32_t *q = reg(w, in.d2);
    *q = (*q & ~mask) | (not_r & mask);
    setPoison(w, in.d2, mask, p);
  }
}

void Cta::movPack(Warp &w, const Inst &in, uint32_t mask) {
  unsigned n = in.numVec, bits = bytesOf(in.ty) * 8 / n;
  uint64_t keep = (1ull << bits) - 1;
  uint32_t p = 0;
  const uint32_t *s[4];
  for (unsigned i = 0; i < n; ++i) {
    s[i] = ptr(w, in.vec[i]);
    p |= w.poison[in.vec[i].idx];
  }
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t v = 0;
    for (unsigned i = 0; i < n; ++i)
      v |= (s[i][l] & keep) << (bits * i);
    setValue(w, in.d, l, v);
  }
  setPoison(w, in.d, mask, p);
}

void Cta::movUnpack(Warp &w, const Inst &in, uint32_t mask) {
  unsigned n = in.numVec, bits = bytesOf(in.ty) * 8 / n;
  uint64_t keep = (1ull << bits) - 1;
  uint32_t p = w.poison[in.s[0].idx];
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t v = value(w, in.s[0], l); // read before any part overwrites it
    for (unsigned i = 0; i < n; ++i)
      setValue(w, in.vec[i], l, v >> (bits * i) & keep);
  }
  for (unsigned i = 0; i < n; ++i)
    setPoison(w, in.vec[i], mask, p);
}

void Cta::carry(Warp &w, const Inst &in, uint32_t mask) {
  bool subtract = in.sub & 1, useCC = in.sub & 2, is64 = bytesOf(in.ty) == 8;
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx];
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    unsigned __int128 a = value(w, in.s[0], l), b = value(w, in.s[1], l), c = useCC ? w.carry >> l & 1 : 0;
    unsigned __int128 r = subtract ? a - b - c : a + b + c;
    if (in.sub & 4) {
      bool flag = r >> (is64 ? 64 : 32) & 1;
      w.carry = (w.carry & ~(1u << l)) | uint32_t(flag) << l;
    }
    setValue(w, in.d, l, uint64_t(r));
  }
  setPoison(w, in.d, mask, p);
}

static void convert(const CvtSpec &spec, const Inst &in, uint32_t *d, const uint32_t *a, const uint32_t *b,
                    uint32_t mask) {
  const LaneOps &ops = laneOps();
  bool plain = !spec.relu && !spec.satfinite && !spec.sat;
  if (spec.to == Ty::BF16x2 && spec.from == Ty::F32 && plain && spec.round == Round::Rn)
    return ops.cvtBf16x2(d, a, b, mask);
  if (spec.to == Ty::F32 && spec.from == Ty::BF16 && plain && !spec.ftz && !spec.integerRound)
    return ops.cvtF32Bf16(d, a, mask);
  bool wideD = in.d.wide, wideA = in.s[0].wide;
  auto at = [](const uint32_t *p, bool wide, unsigned l) {
    return wide ? uint64_t(p[2 * l + 1]) << 32 | p[2 * l] : uint64_t(p[l]);
  };
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t v;
    uint64_t x = at(a, wideA, l);
    if (spec.from == Ty::U32 && !spec.sat && (spec.to == Ty::U64 || spec.to == Ty::S64))
      v = uint32_t(x);
    else if (spec.from == Ty::S32 && !spec.sat && (spec.to == Ty::U64 || spec.to == Ty::S64))
      v = uint64_t(int64_t(int32_t(x)));
    else if ((spec.from == Ty::U64 || spec.from == Ty::S64) && spec.to == Ty::U32 && !spec.sat)
      v = uint32_t(x);
    else if (spec.from == Ty::S32 && spec.to == Ty::F32 && spec.round == Round::Rn && plain)
      v = std::bit_cast<uint32_t>(float(int32_t(x)));
    else
      v = convertValue(spec, x, b ? at(b, in.s[1].wide, l) : 0, wideD);
    if (wideD) {
      d[2 * l] = uint32_t(v);
      d[2 * l + 1] = uint32_t(v >> 32);
    } else
      d[l] = uint32_t(v);
  }
}

bool Cta::step(Warp &w, unsigned frag) {
  Frag &f = w.frags[frag];
  uint32_t pc = f.pc, mask = f.mask;
  const Inst &in = code[pc];
  ++clockTicks;
  if (in.guard.present()) {
    if (uint32_t bad = w.poison[in.guard.idx] & mask)
      poisoned(w, in, bad, in.op == Op::Bra ? "the predicate of a branch" : "a predicate");
    mask &= predicate(w, in.guard, in.guardNeg);
  }
  ++counters.warpExecutions[pc];
  counters.threadExecutions[pc] += std::popcount(mask);
  if (in.touchesWgmma && mask)
    wgmmaTouch(w, in, mask);
  switch (in.op) {
  case Op::Alu:
    if (mask)
      alu(w, in, mask);
    break;
  case Op::Setp:
    setp(w, in, mask);
    break;
  case Op::Bra:
    branch(w, frag, in, mask);
    return true;
  case Op::Ld:
    if (mask)
      ld(w, in, mask);
    break;
  case Op::St:
    if (mask)
      st(w, in, mask);
    break;
  default:
    if (mask)
      return executeSlow(w, frag, in, mask);
    break;
  }
  ++w.frags[frag].pc;
  return true;
}

bool Cta::executeSlow(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  uint32_t all = w.frags[frag].mask;
  switch (in.op) {
  case Op::Selp: {
    uint32_t p = *ptr(w, in.s[2]), pp = w.poison[in.s[2].idx];
    laneOps().select(reg(w, in.d), ptr(w, in.s[0]), ptr(w, in.s[1]), p, mask, in.d.wide);
    setPoison(w, in.d, mask, pp | (p & w.poison[in.s[0].idx]) | (~p & w.poison[in.s[1].idx]));
    break;
  }
  case Op::SelPred:
  case Op::PredLogic:
  case Op::MovPred: {
    uint32_t a = *ptr(w, in.s[0]), b = in.s[1].present() ? *ptr(w, in.s[1]) : 0, r, p;
    uint32_t pa = w.poison[in.s[0].idx], pb = w.poison[in.s[1].idx];
    if (in.op == Op::SelPred) {
      uint32_t c = *ptr(w, in.s[2]);
      r = (a & c) | (b & ~c);
      p = w.poison[in.s[2].idx] | (pa & c) | (pb & ~c);
    } else if (in.op == Op::MovPred) {
      r = a;
      p = pa;
    } else {
      r = in.sub == 0 ? a & b : in.sub == 1 ? a | b : in.sub == 2 ? a ^ b : ~a;
      // A known 0 decides an and, a known 1 an or.
      uint32_t decided = in.sub == 0 ? (~a & ~pa) | (~b & ~pb) : in.sub == 1 ? (a & ~pa) | (b & ~pb) : 0;
      p = (pa | pb) & ~decided;
    }
    uint32_t *d = reg(w, in.d);
    *d = (*d & ~mask) | (r & mask);
    setPoison(w, in.d, mask, p);
    break;
  }
  case Op::MovPack: movPack(w, in, mask); break;
  case Op::MovUnpack: movUnpack(w, in, mask); break;
  case Op::Carry: carry(w, in, mask); break;
  case Op::Cvt:
    convert(fn.cvts[in.target], in, reg(w, in.d), ptr(w, in.s[0]), in.s[1].present() ? ptr(w, in.s[1]) : nullptr, mask);
    setPoison(w, in.d, mask, w.poison[in.s[0].idx] | w.poison[in.s[1].idx]);
    break;
  case Op::MovSpecial:
    ++w.clockReads; // A loop that looks at a clock is never the same twice.
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        setValue(w, in.d, l, in.sub == uint8_t(Special::ClockHi) || in.sub == uint8_t(Special::GlobalTimerHi) ? clockTicks >> 32 : clockTicks);
    setPoison(w, in.d, mask, 0);
    break;
  case Op::Isspacep: {
    uint32_t r = 0, bit = 0;
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t a = value(w, in.s[0], l);
      auto inside = [&](uint64_t base) { return a >= base && a < base + kWindowBytes; };
      bool sh = a >= kSharedWindow && a < kSharedWindow + kSharedWindowBytes, lo = inside(kLocalWindow), pa = inside(kParamWindow);
      bool own = sh && rankOf(a - kSharedWindow) == w.cta;
      bit = in.space == Space::Shared ? own : in.space == Space::Cluster ? sh : in.space == Space::Local ? lo : in.space == Space::Param ? pa : !(sh || lo || pa);
      r |= bit << l;
    }
    uint32_t *d = reg(w, in.d);
    *d = (*d & ~mask) | (r & mask);
    setPoison(w, in.d, mask, w.poison[in.s[0].idx]);
    break;
  }
  case Op::Atom: atom(w, in, mask); break;
  case Op::BrxIdx:
    if (uint32_t bad = w.poison[in.s[0].idx] & mask)
      poisoned(w, in, bad, "the index of a branch");
    branchIndexed(w, frag, in, mask);
    return true;
  case Op::Exit:
    exitLanes(w, frag, mask);
    return false;
  case Op::Call: return call(w, frag, in, mask);
  case Op::Ret:
    returnLanes(w, frag, in, mask);
    return false;
  case Op::Alloca:
  case Op::StackSave:
  case Op::StackRestore:
    stackOp(w, in, mask);
    if (stop)
      return false;
    break;
  case Op::Sleep: // of nanoseconds, which are the clocks' ticks
    clockTicks += uint32_t(value(w, in.s[0], unsigned(std::countr_zero(mask))));
    break;
  case Op::Trap:
    report("TK-SIM-TRAP", Severity::Error, &w, mask, pcOf(in), 0, "the kernel executed trap");
    stop = true;
    return false;
  case Op::Nop:
    break;
  case Op::Fence:
    if (checkRaces && fn.usesFlags)
      fence(w, in, mask);
    break;
  case Op::FenceProxy:
    if (checkRaces)
      race.proxyFence(w.index, mask | ~w.live, in.space != Space::Global,
                      in.space == Space::Global || in.space == Space::Generic);
    break;
  case Op::Mapa:
  case Op::GetCtaRank:
  case Op::ClusterArrive:
  case Op::ClusterWait:
  case Op::FenceMbarInit:
    return clusterOp(w, frag, in, mask);
  case Op::FenceTensormap: w.tensormapFence |= in.isAcquire; break;
  case Op::Bulk:
    bulk(w, in, mask);
    if (stop)
      return false;
    break;
  case Op::BulkCommit: bulkCommit(w, mask); break;
  case Op::BulkWait: bulkWait(w, in, mask); break;
  case Op::MbarInit:
  case Op::MbarInval:
  case Op::MbarExpect:
  case Op::MbarComplete:
  case Op::MbarArrive:
  case Op::MbarTest:
  case Op::MbarTry:
  case Op::MbarPending:
    return mbarrier(w, frag, in, mask);
  case Op::CpAsync: cpAsync(w, in, mask); break;
  case Op::CpAsyncCommit:
    for (unsigned l = 0; l < 32; ++l)
      w.copyGroup[l] += mask >> l & 1;
    break;
  case Op::CpAsyncWait: cpAsyncWait(w, in, mask, in.imm < 0 ? 0 : uint32_t(in.imm)); break;
  default:
    (void)all;
    return warpOp(w, frag, in, mask);
  }
  ++w.frags[frag].pc;
  return true;
}

} // namespace tk::sim
