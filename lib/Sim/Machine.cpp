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
  oneWgmmaShape = all_of(fn.wgmmas, [&](const WgmmaSpec &s) {
    const WgmmaSpec &first = fn.wgmmas.front();
    return s.n == first.n && s.d == first.d && s.k == first.k && !s.aInRegisters;
  });
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
  case Special::WorkspaceHigh: return uint32_t(ctx.workspace >> 32);
  case Special::WorkspaceLow: return uint32_t(ctx.workspace);
  default: return 0;
  }
}

void Cta::initWarp(Warp &w) {
  Warp fresh; // nothing of the CTA that ran here before is left
  fresh.index = w.index;
  w = std::move(fresh);
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
  unsigned first = w.local * 32, n = first < ctx.threadsPerCta ? std::min(32u, ctx.threadsPerCta - first) : 0;
  w.live = n == 32 ? ~0u : (1u << n) - 1;
  for (auto [s, off] : fn.specials) {
    bool wide = isWide(s);
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
  Frag f;
  f.mask = w.live;
  if (w.live) // what only fills up a warpgroup has no threads
    w.frags.push_back(f);
  size_t marks = fn.wgmmas.empty() ? 0 : fn.regCount;
  w.inFlight.assign(marks, 0);
  w.heldAs.assign(marks, 0);
  w.shapeOf.assign(marks, 0);
  w.dirty.assign(marks, 0);
  w.registers = ctx.entryRegisters;
}

Rng LaunchContext::makeRng(uint64_t stream) const {
  auto start = [&](uint64_t seed) { return Rng(seed * 0x2545f4914f6cdd1dull + Rng(stream).next()).next(); };
  Rng rng(start(options.seed));
  if (options.then && options.then->at.stream <= stream)
    rng.switchTo(start(options.seed), start(options.then->seed),
                 options.then->at.stream == stream ? options.then->at.number : 0);
  if (options.watch && options.watch->stream == stream)
    rng.watch(options.watch->number);
  return rng;
}

void Cta::reset(std::array<uint32_t, 3> id) {
  firstCta = id;
  auto &g = ctx.launch.grid;
  uint64_t linear = id[0] + uint64_t(g[0]) * (id[1] + uint64_t(g[1]) * id[2]);
  stream = 1 + linear;
  rng = ctx.makeRng(stream);
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
  copySlot = 0;
  copyArrivals.clear();
  mapReleases = MapReleases();
  mapAcquires.clear();
  freeRegisters = {};
  clusterBarrier = ClusterBarrier();
  peerUses.assign(ctx.clusterSize, {});
  peerUsePc.assign(ctx.clusterSize, 0);
  race.reset(unsigned(warps.size()), unsigned(code.size()), checkRaces ? shared.size() : 0, fn.usesBulk,
             ctx.clusterSize > 1 && ctx.looksForScopes ? ctx.warpStride : 0);
  openJoins.clear();
  recentUses = {};
  recentTouches = {};
  sharedFlags.clear();
  sharedReads.clear();
  globalReads.clear();
  unitSequence = {};
  ctaSequence.assign(ctx.clusterSize, {});
  idle = false;
  countedProgress = progress;
  clockTicks = 1000;
  timeSteps = 0;
}

void Cta::start(uint32_t number, std::array<uint32_t, 3> id, CtaResult &result) {
  out = &result;
  reset(id);
  unit = race.unit = number;
  race.keepsStored = !device;
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
  while (!stop && progressCopies(true)) {
  }
  if (!stop && !mbarriers.empty())
    checkExitOfBarriers();
  if (!stop)
    checkWarpgroups();
  bool isSaid = any_of(result.findings, [](auto &f) { return f.second.severity == Severity::Error; });
  if (stop && !isSaid && !isAbandoned)
    report("TK-SIM-STOPPED", Severity::Error, nullptr, 0, kNowhere, 0,
           "execution ended at a fault whose check is switched off; switch it on to see which");
  result.stopped = stop;
  if (checkRaces && !device)
    keepValues();
  if (isWatched())
    result.watched.count = rng.drawn();
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

/// Threads of a warp make progress whatever the others do (since sm_70): lanes that wait in a join for lanes that only wait
/// for them go on, and meet them at the next join, or where the whole warp is wanted.
bool Cta::letWaitersGo(Warp &w) {
  bool any = false;
  for (Join &join : w.joins) {
    if (!join.arrived)
      continue;
    Frag f;
    f.pc = join.pc;
    f.mask = join.arrived;
    f.join = join.parent;
    f.joinPc = join.parentPc;
    w.frags.push_back(f);
    join.expected &= ~join.arrived;
    join.arrived = 0;
    if (!join.isCall && !is_contained(openJoins, join.pc))
      openJoins.push_back(join.pc);
    any = w.isLoose = true;
  }
  progress += any;
  return any;
}

bool Cta::letWaitersGo() {
  bool any = false;
  for (Warp &w : warps)
    any |= letWaitersGo(w);
  return any;
}

/// A lane has looked at memory and found or changed nothing new. Where CTAs talk, their residence finds those that do so for
/// ever; a CTA alone takes this many in a row for it.
void Cta::noteLook(Warp &w) {
  constexpr uint32_t kPatience = 4096;
  if (++w.looks % kPatience == 0)
    letWaitersGo(w);
}

/// The innermost join that all fragments are in; -1: none.
int32_t Cta::commonJoin(const Warp &w) const {
  auto holds = [&](const Frag &f, int32_t join) {
    int32_t j = f.join;
    while (j >= 0 && j != join)
      j = w.joins[j].parent;
    return j == join;
  };
  int32_t join = w.frags[0].join;
  while (join >= 0 && !all_of(w.frags, [&](const Frag &f) { return holds(f, join); }))
    join = w.joins[join].parent;
  return join;
}

/// All live lanes stand at `pc`, in fragments of their own: makes them one. False where they were called from different
/// places.
bool Cta::meetAgain(Warp &w, uint32_t pc) {
  int32_t common = commonJoin(w);
  // Who called one function at one place by himself, has a join of his own where it returns to.
  auto callsOf = [&](const Frag &f) {
    SmallVector<int32_t, 4> calls; // the innermost first
    for (int32_t j = f.join; j != common; j = w.joins[j].parent)
      if (w.joins[j].isCall)
        calls.push_back(j);
    return calls;
  };
  auto placesOf = [&](const Frag &f) {
    SmallVector<uint32_t, 4> places;
    for (int32_t j : callsOf(f))
      places.push_back(w.joins[j].pc);
    return places;
  };
  for (const Frag &f : w.frags)
    if (placesOf(f) != placesOf(w.frags[0]))
      return false;
  SmallVector<int32_t, 4> calls = callsOf(w.frags[0]);
  std::vector<bool> isKept(w.joins.size());
  for (int32_t j = common; j >= 0; j = w.joins[j].parent)
    isKept[size_t(j)] = true;
  Frag all = w.frags[0];
  all.pc = pc;
  all.mask = w.live;
  for (; all.join != common; all.join = w.joins[all.join].parent)
    all.joinPc = w.joins[all.join].parentPc;
  for (int32_t j : reverse(calls)) {
    isKept[size_t(j)] = true;
    w.joins[j].expected = w.live;
    w.joins[j].parent = all.join;
    w.joins[j].parentPc = all.joinPc;
    all.join = j;
    all.joinPc = w.joins[j].pc;
  }
  for (size_t j = 0; j < w.joins.size(); ++j)
    if (!isKept[j]) // nobody comes there any more
      w.joins[j] = Join();
  w.frags.assign(1, all);
  w.isLoose = false;
  return true;
}

bool Cta::reachJoin(Warp &w, unsigned frag) {
  Frag f = w.frags[frag];
  Join &join = w.joins[f.join];
  if ((join.arrived | f.mask) != join.expected && is_contained(openJoins, join.pc)) {
    join.expected &= ~f.mask;
    w.frags[frag].join = join.parent;
    w.frags[frag].joinPc = join.parentPc;
    w.isLoose = true;
    joinProgress(w, f.join);
    return false;
  }
  w.frags.erase(w.frags.begin() + frag);
  w.joins[f.join].arrived |= f.mask;
  joinProgress(w, f.join);
  letExchangesGo(w);
  return false;
}

void Cta::exitLanes(Warp &w, unsigned frag, uint32_t mask) {
  Frag &f = w.frags[frag];
  w.live &= ~mask;
  bool hasArrived = any_of(barriers, [&](const Barrier &b) { return b.partial[w.local]; });
  if (checkRaces && w.live && !hasArrived)
    race.leave(w.index, mask);
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

void Cta::split(Warp &w, unsigned frag, uint32_t meet, ArrayRef<std::pair<uint32_t, uint32_t>> paths) {
  Frag cur = w.frags[frag];
  if (meet != ~0u && cur.joinPc != meet) {
    Join j;
    j.pc = meet;
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

/// The rest of the warp goes round a loop, perhaps for as long as those that wait in a join hold a lock.
void Cta::ageJoins(Warp &w) {
  constexpr uint32_t kPatience = 1 << 13;
  bool isOver = false;
  for (Join &join : w.joins)
    isOver |= join.arrived && ++join.age >= kPatience;
  if (!isOver)
    return;
  for (Join &join : w.joins)
    join.age = 0;
  letWaitersGo(w);
}

void Cta::branch(Warp &w, unsigned frag, const Inst &in, uint32_t taken) {
  if (taken && in.target <= w.frags[frag].pc && !w.joins.empty())
    ageJoins(w);
  Frag &f = w.frags[frag];
  uint32_t rest = f.mask & ~taken;
  if (!rest)
    f.pc = in.target;
  else if (!taken)
    ++f.pc;
  else {
    if (in.isUniform)
      noteParted(w, in, taken, rest);
    split(w, frag, in.reconverge, {{in.target, taken}, {f.pc + 1, rest}});
  }
}

/// .uni says that threads do not part here.
void Cta::noteParted(const Warp &w, const Inst &in, uint32_t taken, uint32_t rest) {
  report("TK-SIM-BRANCH-DIVERGENT", Severity::Warning, &w, taken, pcOf(in), 0,
         formatv("the branch is .uni, but of the lanes {0:x} that execute it only {1:x} take it; the behaviour is "
                 "undefined: leave .uni out, or make its condition the same in all of them",
                 taken | rest, taken));
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
             "expected an index of brx.idx below " + Twine(in.targets.size()) +
                 ", the number of its targets, got " + Twine(i));
      stop = true;
      return;
    }
    add(in.targets[i], 1u << l);
  }
  if (rest)
    add(pc + 1, rest);
  if (paths.size() == 1) {
    w.frags[frag].pc = paths[0].first;
    return;
  }
  if (in.isUniform)
    noteParted(w, in, paths[0].second, (mask | rest) & ~paths[0].second);
  split(w, frag, in.reconverge, paths);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

void Cta::alu(Warp &w, const Inst &in, uint32_t mask) {
  const uint32_t *s[4] = {ptr(w, in.s[0]), ptr(w, in.s[1]), ptr(w, in.s[2]), ptr(w, in.s[3])};
  uint32_t *d = reg(w, in.d);
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx] | w.poison[in.s[2].idx] | w.poison[in.s[3].idx];
  uint32_t partial = in.bitOperands ? p & mask : 0;
  uint64_t known[32];
  if (partial)
    partial = knownOfBits(w, in, partial, known);
  in.alu(d, s, mask);
  if (in.sat) {
    const uint32_t *self[1] = {d};
    laneOps().alu(Alu::SatF, in.ty, false)(d, self, mask);
  }
  setPoison(w, in.d, mask, p);
  if (partial)
    noteKnownRow(w, in.d, partial, known);
}

void Cta::setp(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t r = in.cmp(ptr(w, in.s[0]), ptr(w, in.s[1])), not_r = ~r;
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx];
  uint32_t not_p = p;
  if (in.sub) {
    combine(w, in, r, p);
    combine(w, in, not_r, not_p);
  }
  setPredicate(w, in.d, mask, r, p);
  if (in.d2.present())
    setPredicate(w, in.d2, mask, not_r, not_p);
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
  switch (in.op) {
  case Op::Selp: {
    uint32_t p = predicate(w, in.s[2], in.negB), pp = w.poison[in.s[2].idx];
    laneOps().select(reg(w, in.d), ptr(w, in.s[0]), ptr(w, in.s[1]), p, mask, in.d.wide);
    setPoison(w, in.d, mask, pp | (p & w.poison[in.s[0].idx]) | (~p & w.poison[in.s[1].idx]));
    break;
  }
  case Op::PredLogic:
  case Op::MovPred: predLogic(w, in, mask); break;
  case Op::SetpPair: setpPair(w, in, mask); break;
  case Op::Set: set(w, in, mask); break;
  case Op::Lop3Pred: lop3Pred(w, in, mask); break;
  case Op::MovPack: movPack(w, in, mask); break;
  case Op::MovUnpack: movUnpack(w, in, mask); break;
  case Op::Carry: carry(w, in, mask); break;
  case Op::Cvt: convert(w, in, mask); break;
  case Op::Video: video(w, in, mask); break;
  case Op::MovSpecial:
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        setValue(w, in.d, l, in.sub == uint8_t(Special::ClockHi) || in.sub == uint8_t(Special::GlobalTimerHi) ? clockTicks >> 32 : clockTicks);
    setPoison(w, in.d, mask, 0);
    break;
  case Op::Isspacep: isspacep(w, in, mask); break;
  case Op::Atom: atom(w, in, mask); break;
  case Op::Discard: discard(w, in, mask); break;
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
      proxyFence(w, in, mask);
    break;
  case Op::Mapa:
  case Op::GetCtaRank:
  case Op::ClusterArrive:
  case Op::ClusterWait:
  case Op::FenceMbarInit:
    return clusterOp(w, frag, in, mask);
  case Op::FenceTensormap:
    if (checkRaces)
      tensormapFence(w, in, mask);
    break;
  case Op::TensormapReplace:
    if (!tensormapReplace(w, in, mask))
      return false;
    break;
  case Op::TensormapCopy:
    if (!converged(w, frag, in, mask))
      return false;
    if (!tensormapCopy(w, in, mask))
      return false;
    break;
  case Op::Poke:
    poke(w, in, mask);
    if (stop)
      return false;
    break;
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
  case Op::CpAsyncWait: cpAsyncWait(w, in, mask, uint32_t(in.imm)); break;
  case Op::CpAsyncArrive:
    cpAsyncArrive(w, in, mask);
    if (stop)
      return false;
    break;
  default:
    return warpOp(w, frag, in, mask);
  }
  ++w.frags[frag].pc;
  return true;
}

} // namespace tk::sim
