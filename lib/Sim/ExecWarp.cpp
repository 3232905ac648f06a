//===- ExecWarp.cpp - Operations of a whole warp or CTA -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

/// Instructions that name the lanes that take part.
static bool wantsMembers(Op op) {
  return is_contained({Op::BarWarp, Op::Shfl, Op::Vote, Op::Match, Op::Redux, Op::Elect}, op);
}

/// Lanes need not be at one place to take part in one operation: nvcc gives the copies of an unrolled loop instructions of
/// their own. The manual asks for the same qualifiers and the same member mask (shfl.sync, vote.sync, match.sync, redux.sync).
static bool areOneOperation(const Inst &a, const Inst &b) {
  return a.op == b.op && is_contained({Op::BarWarp, Op::Shfl, Op::Vote, Op::Match, Op::Redux}, a.op) && a.sub == b.sub && a.ty == b.ty;
}

/// Who waits in a join for lanes that wait for them goes on by itself.
void Cta::letExchangesGo(Warp &w) {
  uint32_t missing = 0;
  for (const Frag &f : w.frags) {
    if (f.state != Frag::AtWarpSync)
      return;
    missing |= wantsMembers(code[f.pc].op) ? f.waitMask & ~f.mask : 0;
  }
  if (any_of(w.joins, [&](const Join &join) { return (join.arrived & missing) != 0; }))
    letWaitersGo(w);
}

/// Waits until all of `members` stand at this instruction (bar.warp.sync: at any of its kind). True when they do:
/// `mask` is then all of them, and `advance` moves them on.
bool Cta::gather(Warp &w, unsigned frag, uint32_t members, uint32_t &mask) {
  Frag &f = w.frags[frag];
  members &= w.live;
  if (!(members & ~f.mask))
    return true;
  const Inst &in = code[f.pc];
  f.state = Frag::AtWarpSync;
  f.waitMask = members;
  uint32_t have = 0;
  auto matches = [&](const Frag &o) {
    return o.state == Frag::AtWarpSync && (o.mask & members) &&
           (o.pc == f.pc || (areOneOperation(in, code[o.pc]) && (in.op == Op::BarWarp || (o.waitMask & w.live) == members)));
  };
  for (const Frag &o : w.frags)
    if (matches(o))
      have |= o.mask;
  if (members & ~have) {
    letExchangesGo(w);
    return false;
  }
  mask = 0;
  for (Frag &o : w.frags)
    if (matches(o)) {
      o.state = Frag::Run;
      const Inst &theirs = code[o.pc];
      mask |= theirs.guard.present() ? o.mask & predicate(w, theirs.guard, theirs.guardNeg) : o.mask;
    }
  return true;
}

/// Lanes of one instruction may belong to different groups, each with a member mask of its own (tiles of cooperative
/// groups, peers found by match.sync): each group executes it by itself, and they meet behind it. True where they part.
bool Cta::partByMembers(Warp &w, unsigned frag, const Opnd &members, uint32_t mask) {
  if (members.isConst())
    return false;
  SmallVector<std::pair<uint32_t, uint32_t>, 8> groups; // member mask, lanes
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned lane = std::countr_zero(rest);
    uint32_t named = uint32_t(value(w, members, lane));
    auto *group = find_if(groups, [&](const auto &g) { return g.first == named; });
    if (group == groups.end())
      group = groups.insert(group, {named, 0});
    group->second |= 1u << lane;
  }
  if (groups.size() == 1)
    return false;
  Frag &f = w.frags[frag];
  groups[0].second |= f.mask & ~mask; // Whose predicate is false goes with any of them.
  for (auto &group : groups)
    group.first = f.pc;
  split(w, frag, f.pc + 1, groups);
  return true;
}

/// Moves every fragment that holds one of `lanes` past its instruction.
void Cta::advance(Warp &w, uint32_t lanes) {
  for (Frag &f : w.frags)
    if ((f.mask & lanes) && f.state == Frag::Run)
      ++f.pc;
}

/// All lanes but those of `f` are on a way that only leaves the kernel: once they have, the warp is whole.
bool Cta::othersLeave(const Warp &w, const Frag &f) const {
  auto waitsForUs = [&](int32_t join) {
    while (join >= 0 && !(w.joins[join].expected & f.mask))
      join = w.joins[join].parent;
    return join >= 0;
  };
  for (const Frag &o : w.frags)
    if (&o != &f && (code[o.pc].canGather || waitsForUs(o.join)))
      return false;
  for (size_t j = 0; j < w.joins.size(); ++j)
    if (w.joins[j].arrived && (code[w.joins[j].pc].canGather || waitsForUs(int32_t(j))))
      return false;
  return true;
}

/// An aligned instruction wants the whole warp. When some lanes are elsewhere, says so and waits for them.
bool Cta::converged(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  if (mask == w.live)
    return true;
  Frag &f = w.frags[frag];
  if (w.isLoose && f.mask == mask) {
    uint32_t all = mask;
    if (!gather(w, frag, w.live, all) || meetAgain(w, pcOf(in)))
      return false; // comes back as one fragment
    report("TK-SIM-BARRIER-DIVERGENT", Severity::Error, &w, mask, pcOf(in), 0,
           "the lanes of the warp have come to an aligned instruction by calls at different places; call its function where all "
           "of them are together");
    stop = true;
    return false;
  }
  if (f.mask == mask && othersLeave(w, f))
    return gather(w, frag, w.live, mask);
  report("TK-SIM-BARRIER-DIVERGENT", Severity::Error, &w, mask, pcOf(in), 0,
         formatv("an aligned instruction needs all {0} live lanes of the warp together, got lanes {1:x}; move it out "
                 "of the divergent region",
                 std::popcount(w.live), mask));
  if (f.mask != mask)
    return true; // parted by its own predicate: no one else will come
  uint32_t ignored = mask;
  return gather(w, frag, w.live, ignored);
}

void Cta::exchange(Warp &w, const Inst &in, uint32_t pc, uint32_t mask, uint32_t members) {
  if (in.op == Op::Shfl)
    shfl(w, in, pc, mask);
  else if (in.op == Op::Vote)
    vote(w, in, mask, members);
  else if (in.op == Op::Match)
    match(w, in, mask);
  else
    redux(w, in, mask);
}

/// One exchange by fragments at different places, each with registers of its own: done in rows beside the warp's.
void Cta::exchangeSpread(Warp &w, uint32_t pc, uint32_t mask, uint32_t members) {
  constexpr uint32_t kRow = 64, kRows = 7; // s[0] to s[3], d, d2; row 0 is nobody's
  std::array<uint32_t, kRow * kRows> rows = {};
  std::array<uint32_t, kRows> poison = {};
  Inst all = code[pc];
  all.negB = false;
  auto at = [&](unsigned row, const Opnd &like) {
    Opnd o;
    o.off = kRow * row;
    o.idx = row;
    o.wide = like.wide;
    return o;
  };
  for (unsigned k = 0; k < 4; ++k)
    if (all.s[k].present())
      all.s[k] = at(1 + k, all.s[k]);
  all.d = at(5, all.d);
  auto hasSecond = [&](const Frag &f) { return (f.mask & mask) && code[f.pc].d2.present(); };
  all.d2 = any_of(w.frags, hasSecond) ? at(6, all.d2) : Opnd();
  bool takesPredicate = all.op == Op::Vote, givesPredicate = all.op == Op::Vote && all.sub != 3;
  auto keep = [](uint32_t &to, uint32_t from, uint32_t lanes) { to = (to & ~lanes) | (from & lanes); };
  for (const Frag &f : w.frags) {
    const Inst &in = code[f.pc];
    for (unsigned k = 0; k < 4 && (f.mask & mask); ++k) {
      if (!in.s[k].present())
        continue;
      uint32_t *row = rows.data() + kRow * (1 + k);
      keep(poison[1 + k], w.poison[in.s[k].idx], f.mask);
      if (takesPredicate && !k)
        keep(*row, predicate(w, in.s[k], in.negB), f.mask);
      else
        for (uint32_t rest = f.mask; rest; rest &= rest - 1) {
          unsigned l = std::countr_zero(rest);
          uint64_t v = value(w, in.s[k], l);
          if (in.s[k].wide)
            memcpy(row + 2 * l, &v, 8);
          else
            row[l] = uint32_t(v);
        }
    }
  }
  uint32_t *regs = std::exchange(w.regs, rows.data()), *marks = std::exchange(w.poison, poison.data());
  exchange(w, all, pc, mask, members);
  w.regs = regs;
  w.poison = marks;
  for (const Frag &f : w.frags) {
    const Inst &in = code[f.pc];
    uint32_t lanes = f.mask & mask;
    if (!lanes)
      continue;
    if (givesPredicate)
      setPredicate(w, in.d, lanes, rows[kRow * 5], poison[5]);
    else {
      for (uint32_t rest = lanes; rest; rest &= rest - 1)
        reg(w, in.d)[std::countr_zero(rest)] = rows[kRow * 5 + unsigned(std::countr_zero(rest))];
      setPoison(w, in.d, lanes, poison[5]);
    }
    if (in.d2.present())
      setPredicate(w, in.d2, lanes, rows[kRow * 6], poison[6]);
  }
}

bool Cta::warpOp(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  uint32_t members = mask;
  switch (in.op) {
  case Op::Bar:
    return barrier(w, frag, in, mask);
  case Op::ActiveMask:
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        reg(w, in.d)[l] = mask;
    setPoison(w, in.d, mask, 0);
    break;
  case Op::BarWarp:
  case Op::Shfl:
  case Op::Vote:
  case Op::Match:
  case Op::Redux:
  case Op::Elect: {
    const Opnd &m = in.op == Op::BarWarp ? in.s[0] : in.s[3];
    unsigned lane = std::countr_zero(mask);
    if (w.poison[m.idx] & mask)
      poisoned(w, in, w.poison[m.idx] & mask, "a member mask");
    if (partByMembers(w, frag, m, mask))
      return false;
    members = uint32_t(value(w, m, lane));
    if (mask & ~members)
      report("TK-SIM-WARP-MASK", Severity::Error, &w, mask & ~members, pcOf(in), 0,
             formatv("lanes {0:x} execute an instruction whose member mask is {1:x}; the mask must name every lane "
                     "that executes it",
                     mask, members));
    if (!gather(w, frag, members, mask))
      return false;
    if (in.op == Op::BarWarp) {
      if (checkRaces)
        race.warpSync(w.index, (members & w.live) == w.live ? ~0u : members);
    } else if (any_of(w.frags, [&](const Frag &o) { return (o.mask & mask) && o.pc != w.frags[frag].pc; }))
      exchangeSpread(w, pcOf(in), mask, members);
    else if (in.op != Op::Elect)
      exchange(w, in, pcOf(in), mask, members);
    else { // elect: the lowest member
      unsigned leader = std::countr_zero(members & w.live ? members & w.live : mask);
      for (unsigned l = 0; l < 32; ++l)
        if (mask >> l & 1)
          reg(w, in.d)[l] = leader;
      setPoison(w, in.d, mask, 0);
      if (in.d2.present()) {
        uint32_t *p = reg(w, in.d2);
        *p = (*p & ~mask) | (mask & (1u << leader));
        setPoison(w, in.d2, mask, 0);
      }
    }
    break;
  }
  case Op::LdMatrix:
  case Op::StMatrix:
  case Op::MovMatrix:
  case Op::Mma:
  case Op::WmmaLoad:
  case Op::WmmaStore:
  case Op::WgmmaFence:
  case Op::WgmmaCommit:
  case Op::WgmmaWait:
  case Op::Wgmma:
  case Op::SetMaxNReg:
    if (!converged(w, frag, in, mask))
      return false;
    if (in.op == Op::LdMatrix)
      ldMatrix(w, in, mask);
    else if (in.op == Op::StMatrix)
      stMatrix(w, in, mask);
    else if (in.op == Op::MovMatrix)
      movMatrix(w, in);
    else if (in.op == Op::Mma)
      mma(w, in);
    else if (in.op == Op::WmmaLoad)
      wmmaLoad(w, in);
    else if (in.op == Op::WmmaStore)
      wmmaStore(w, in);
    else if (in.op == Op::WgmmaFence)
      wgmmaFence(w);
    else if (in.op == Op::WgmmaCommit)
      wgmmaCommit(w);
    else if (in.op == Op::SetMaxNReg) {
      if (!setMaxNReg(w, frag, in))
        return false;
    } else if (in.op == Op::WgmmaWait) {
      if (!wgmmaWait(w, frag, in))
        return false;
    } else if (!wgmma(w, frag, in))
      return false;
    mask = w.live;
    break;
  default:
    report("TK-SIM-INTERNAL", Severity::Error, &w, mask, pcOf(in), 0, "no executor for this instruction");
    stop = true;
    return false;
  }
  advance(w, mask | w.frags[frag].mask);
  return true;
}

/// For each lane of a shuffle the lane it reads, and whether that is in its segment. Without branches: the compiler makes
/// vectors of it.
template <unsigned mode>
static void shuffleSources(const uint32_t *distances, const uint32_t *bounds, int32_t *source, uint32_t *isInside) {
  for (int32_t l = 0; l < 32; ++l) {
    int32_t b = int32_t(distances[l] & 31), clamp = int32_t(bounds[l] & 31), segment = int32_t(bounds[l] >> 8 & 31);
    int32_t min = l & segment, max = min | (clamp & ~segment);
    int32_t j = mode == 0 ? l - b : mode == 1 ? l + b : mode == 2 ? l ^ b : min | (b & ~segment);
    bool inside = mode == 0 ? j >= max : j <= max;
    source[l] = (inside ? j : l) & 31;
    isInside[l] = inside;
  }
}

/// Lanes that read from one that does not take part: should the value matter, the report says where it comes from.
void Cta::noteStray(Warp &w, uint32_t pc, uint32_t mask, const int32_t *source) {
  uint32_t stray = 0;
  for (unsigned l = 0; l < 32; ++l)
    stray |= uint32_t((mask >> l & 1) && !(mask >> source[l] & 1)) << l;
  if (!stray)
    return;
  w.strayLanes = stray;
  w.strayPc = pc;
}

void Cta::shfl(Warp &w, const Inst &in, uint32_t pc, uint32_t mask) {
  constexpr decltype(&shuffleSources<0>) modes[] = {shuffleSources<0>, shuffleSources<1>, shuffleSources<2>,
                                                    shuffleSources<3>};
  uint32_t src[32], isInside[32];
  int32_t source[32];
  memcpy(src, ptr(w, in.s[0]), sizeof src);
  modes[in.sub](ptr(w, in.s[1]), ptr(w, in.s[2]), source, isInside);
  // A lane that does not take part gives nothing.
  uint32_t readable = mask & ~w.poison[in.s[0].idx], poison = 0;
  if (readable != ~0u)
    for (unsigned l = 0; l < 32; ++l)
      poison |= (~readable >> source[l] & 1) << l;
  if (mask != ~0u)
    noteStray(w, pc, mask, source);
  uint32_t *d = reg(w, in.d);
  if (mask == ~0u)
    for (unsigned l = 0; l < 32; ++l)
      d[l] = src[source[l]];
  else
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      d[std::countr_zero(rest)] = src[source[std::countr_zero(rest)]];
  setPoison(w, in.d, mask, poison | w.poison[in.s[1].idx] | w.poison[in.s[2].idx]);
  if (in.d2.present()) {
    uint32_t ok = 0;
    for (unsigned l = 0; l < 32; ++l)
      ok |= isInside[l] << l;
    uint32_t *p = reg(w, in.d2);
    *p = (*p & ~mask) | (ok & mask);
    setPoison(w, in.d2, mask, w.poison[in.s[1].idx] | w.poison[in.s[2].idx]);
  }
}

void Cta::vote(Warp &w, const Inst &in, uint32_t mask, uint32_t members) {
  uint32_t p = predicate(w, in.s[0], in.negB) & mask;
  uint32_t poison = w.poison[in.s[0].idx] & mask ? ~0u : 0;
  if (in.sub == 3) {
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        reg(w, in.d)[l] = p;
  } else {
    bool r = in.sub == 0 ? p == mask : in.sub == 1 ? p != 0 : p == mask || p == 0;
    uint32_t *d = reg(w, in.d);
    *d = (*d & ~mask) | (r ? mask : 0);
  }
  setPoison(w, in.d, mask, poison);
}

void Cta::match(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t poison = w.poison[in.s[0].idx] & mask ? ~0u : 0;
  uint64_t v[32];
  for (unsigned l = 0; l < 32; ++l)
    v[l] = value(w, in.s[0], l);
  bool all = true;
  unsigned first = std::countr_zero(mask);
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l & 1) && v[l] != v[first])
      all = false;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint32_t r = 0;
    if (in.sub)
      r = all ? mask : 0;
    else
      for (unsigned k = 0; k < 32; ++k)
        r |= uint32_t((mask >> k & 1) && v[k] == v[l]) << k;
    reg(w, in.d)[l] = r;
  }
  setPoison(w, in.d, mask, poison);
  if (in.d2.present()) {
    uint32_t *p = reg(w, in.d2);
    *p = (*p & ~mask) | (all ? mask : 0);
    setPoison(w, in.d2, mask, poison);
  }
  if (checkRaces && !mbarriers.empty())
    noteMatch(w, in, mask);
}

/// One lane may speak for those that it has found: what it does next is of a later interval.
void Cta::noteMatch(Warp &w, const Inst &in, uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    w.matches[l] = {reg(w, in.d)[l], race.warps[w.index].clock};
  }
  ++race.warps[w.index].clock;
}

void Cta::redux(Warp &w, const Inst &in, uint32_t mask) {
  const uint32_t *s = ptr(w, in.s[0]);
  bool isSigned = in.ty == Ty::S32;
  uint32_t r = s[std::countr_zero(mask)];
  for (unsigned l = std::countr_zero(mask) + 1; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint32_t v = s[l];
    bool less = isSigned ? int32_t(v) < int32_t(r) : v < r;
    switch (in.sub) {
    case 0: r += v; break;
    case 1: r = less ? v : r; break;
    case 2: r = less ? r : v; break;
    case 3: r &= v; break;
    case 4: r |= v; break;
    default: r ^= v;
    }
  }
  uint32_t poison = w.poison[in.s[0].idx] & mask ? ~0u : 0;
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1)
      reg(w, in.d)[l] = r;
  setPoison(w, in.d, mask, poison);
}

/// The warps of a warpgroup change their registers together, from and to what the CTA got at its start.
void Cta::checkRegisterChanges(Warp &w, const Inst &in) {
  unsigned first = w.index / 4 * 4;
  auto bad = [&](const Twine &what) {
    report("TK-SIM-SETMAXNREG", Severity::Error, &w, w.live, pcOf(in), 0, what);
  };
  for (unsigned i = first; i < std::min<size_t>(first + 4, warps.size()); ++i) {
    Warp &o = warps[i];
    if (o.local >= ctx.warpsPerCta)
      continue;
    if (o.registerChanges + 1 < w.registerChanges)
      bad(formatv("warp {0} executes its setmaxnreg number {1} before warp {2} of its warpgroup has executed number {3}; "
                  "they must synchronise between",
                  w.local, w.registerChanges, o.local, w.registerChanges - 1));
    else if (o.registerChanges == w.registerChanges && o.registerPc != w.registerPc)
      bad(formatv("the warps of a warpgroup must execute the same setmaxnreg, warp {0} executed the one at {1}", o.local,
                  place(o.registerPc)));
  }
}

bool Cta::setMaxNReg(Warp &w, unsigned frag, const Inst &in) {
  unsigned now = w.registers, want = unsigned(in.imm);
  if (!ctx.entryRegisters)
    report("TK-SIM-SETMAXNREG", Severity::Warning, &w, w.live, pcOf(in), 1,
           "ptxas ignores setmaxnreg where it cannot tell the registers at the entry; add .minnctapersm (with .maxntid or "
           ".reqntid) or .maxnreg");
  if (now && (in.sub ? want < now : want > now))
    report("TK-SIM-SETMAXNREG", Severity::Error, &w, w.live, pcOf(in), 2,
           formatv("expected {0} registers, got {1}: {2}", in.sub ? formatv("at least {0}", now) : formatv("at most {0}", now),
                   want, in.sub ? ".inc cannot lower them" : ".dec cannot raise them"));
  else if (now && ctx.entryRegisters) {
    int64_t need = (int64_t(want) - now) * 32;
    if (need > freeRegisters[w.cta]) {
      w.frags[frag].state = Frag::AtRegisters;
      return false;
    }
    freeRegisters[w.cta] -= need;
    ++progress;
    for (Warp &o : warps)
      for (Frag &f : o.frags)
        if (need < 0 && f.state == Frag::AtRegisters && o.cta == w.cta)
          f.state = Frag::Run;
  }
  w.registers = want;
  ++w.registerChanges;
  w.registerPc = pcOf(in);
  checkRegisterChanges(w, in);
  return true;
}

bool Cta::barrier(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  unsigned lane = std::countr_zero(mask);
  if (w.poison[in.s[0].idx] & mask)
    poisoned(w, in, w.poison[in.s[0].idx] & mask, "the number of a barrier");
  uint64_t id = value(w, in.s[0], lane), count = in.s[1].present() ? value(w, in.s[1], lane) : 0;
  if (id > 15 || count % 32 || (in.s[1].present() && !count) || count > 1024) {
    report("TK-SIM-BARRIER-COUNT", Severity::Error, &w, mask, pcOf(in), 0,
           formatv("expected a barrier from 0 to 15 and a multiple of 32 threads, got barrier {0} with {1}", id, count));
    stop = true;
    return false;
  }
  id += w.cta * 16;
  Frag &f = w.frags[frag];
  if (in.aligned) {
    if (!converged(w, frag, in, mask))
      return false;
  } else if (in.sub == 1) {
    uint32_t &partial = barriers[id].partial[w.local];
    partial |= mask;
    if (w.live & ~partial) { // the others of the warp are still to come
      advance(w, mask);
      return true;
    }
    partial = 0;
  } else {
    // Without .aligned the lanes may come by different ways; the warp counts once all have come.
    uint32_t here = f.mask;
    for (Frag &o : w.frags)
      if (&o != &f && o.state == Frag::AtBarrier && o.barrier == id)
        here |= o.mask;
    if (here != w.live) {
      f.state = Frag::AtBarrier;
      f.barrier = unsigned(id);
      f.counted = false;
      return false;
    }
  }
  Barrier &b = barriers[id];
  if (b.arrived && b.expected != count && ctx.options.checkBarriers)
    report("TK-SIM-BARRIER-COUNT", Severity::Error, &w, mask, pcOf(in), b.firstPc,
           formatv("expected barrier {0} with {1} threads as at {2}, got {3}", id % 16, b.expected, place(b.firstPc), count));
  if (!b.arrived)
    b.firstPc = pcOf(in);
  b.expected = uint32_t(count);
  b.arrived += 32;
  b.warps |= 1u << w.local;
  if (checkRaces) {
    if (!b.clocksValid)
      b.clocks = race.blank();
    b.clocksValid = true;
    race.release(w.index, b.clocks);
    race.gaveAt(w.index, mask, pcOf(in));
  }
  if (in.sub >= 2) {
    uint32_t p = predicate(w, in.s[2], in.negB);
    b.popc += std::popcount(p & w.live);
    b.allTrue &= (p & w.live) == w.live;
    b.anyTrue |= (p & w.live) != 0;
  }
  if (in.sub == 1)
    advance(w, mask);
  else
    for (Frag &o : w.frags)
      if (o.pc == f.pc && o.state == Frag::Run) {
        o.state = Frag::AtBarrier;
        o.barrier = unsigned(id);
      }
  for (Frag &o : w.frags)
    o.counted |= o.state == Frag::AtBarrier && o.barrier == id;
  releaseBarrier(unsigned(id));
  return in.sub == 1 || w.frags[frag].state == Frag::Run;
}

/// Opens the barrier if everyone it waits for has come.
void Cta::releaseBarrier(unsigned id) {
  Barrier &b = barriers[id];
  if (!b.arrived)
    return;
  uint32_t expected = b.expected;
  unsigned cta = id / 16;
  if (!expected)
    for (Warp &w : warps)
      if (w.cta == cta)
        expected += w.live || (b.warps >> w.local & 1) ? 32 : 0;
  if (b.arrived < expected)
    return;
  if (b.arrived > expected && ctx.options.checkBarriers)
    report("TK-SIM-BARRIER-COUNT", Severity::Error, nullptr, 0, b.firstPc, 1,
           formatv("barrier {0} expects {1} threads, got {2}", id % 16, expected, b.arrived));
  for (Warp &w : warps) {
    bool waited = false;
    uint32_t at = 0;
    for (Frag &f : w.frags) {
      if (f.state != Frag::AtBarrier || f.barrier != id)
        continue;
      const Inst &in = code[f.pc];
      if (in.sub >= 2) {
        uint32_t *d = reg(w, in.d);
        if (in.sub == 2)
          for (unsigned l = 0; l < 32; ++l) {
            if (f.mask >> l & 1)
              d[l] = b.popc;
          }
        else
          *d = (*d & ~f.mask) | ((in.sub == 3 ? b.allTrue : b.anyTrue) ? f.mask : 0);
        setPoison(w, in.d, f.mask, 0);
      }
      f.state = Frag::Run;
      at = f.pc++;
      waited = true;
    }
    progress += waited;
    if (waited && checkRaces) {
      race.acquire(w.index, b.clocks);
      race.tookAt(w.index, at);
    }
  }
  auto partial = b.partial; // of the next phase
  b = Barrier();
  b.partial = partial;
}

} // namespace tk::sim
