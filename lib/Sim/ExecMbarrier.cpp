//===- ExecMbarrier.cpp - mbarriers ---------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Every arrival gives what its thread knows to the phase; who sees the phase complete takes all of
/// it. A waiting try_wait blocks its lanes; now and then, and when nothing else can go on, it
/// answers false as the time limit of the hardware would make it.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

/// State tokens of arrive: the phase above the pending count.
static uint64_t token(const Mbarrier &b) { return uint64_t(b.phase) << 32 | uint64_t(b.pending); }

/// Addresses in shared memory, of an instruction that says .shared or takes generic ones. Lanes whose generic address is
/// elsewhere are reported and dropped.
uint32_t Cta::sharedAddresses(Warp &w, const Inst &in, const Opnd &base, int64_t offset, uint32_t mask, uint64_t *addr) {
  mask = addresses(w, in, base, offset, mask, addr);
  if (in.space != Space::Generic)
    return mask;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (addr[l] - kSharedWindow < kSharedWindowBytes) {
      addr[l] -= kSharedWindow;
      continue;
    }
    report("TK-SIM-MEM-OOB", Severity::Error, &w, 1u << l, pcOf(in), 1,
           formatv("expected a generic address of shared memory, got {0:x}; convert it with cvta.shared, or say .shared",
                   addr[l]));
    mask &= ~(1u << l);
  }
  return mask;
}

std::string Cta::describeBarrier(uint64_t addr, const Mbarrier &b) const {
  return formatv("the mbarrier at {0} (phase {1}, {2} of {3} arrivals pending, {4} bytes {5})",
                 spaceAddress(addr, Space::Shared), b.phase, b.pending, b.expected, b.tx < 0 ? -b.tx : b.tx,
                 b.tx < 0 ? "more than expected have come" : "expected");
}

/// The barrier that the lanes use, or null after saying why there is none.
Mbarrier *Cta::useBarrier(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr) {
  unsigned rank = rankOf(addr);
  bool remoteForm =
      in.op == Op::Bulk || in.op == Op::Poke || in.space == Space::Cluster ||
      (in.space == Space::Generic &&
       (in.op == Op::MbarArrive || in.op == Op::MbarExpect || in.op == Op::MbarComplete));
  if (rank != w.cta && rank < ctx.clusterSize) {
    if (!remoteForm) {
      report("TK-SIM-MBARRIER-INVALID", Severity::Error, &w, lanes, pcOf(in), 2,
             formatv("this works on the own CTA's mbarriers only, got {0}",
                     spaceAddress(addr, Space::Shared)));
      stop = true;
      return nullptr;
    }
    if (!notePeer(w, pcOf(in), lanes, addr))
      return nullptr;
  }
  auto it = mbarriers.find(addr);
  if (it == mbarriers.end()) {
    report("TK-SIM-MBARRIER-INVALID", Severity::Error, &w, lanes, pcOf(in), 0,
           formatv("no mbarrier lives at {0}: it was never initialised, or it was "
                   "invalidated; add "
                   "mbarrier.init before its first use",
                   spaceAddress(addr, Space::Shared)));
    stop = true;
    return nullptr;
  }
  Mbarrier &b = it->second;
  if (!checkRaces)
    return &b;
  ThreadClocks &t = race.warps[w.index];
  bool ordered = t.seen[b.initWarp * 32 + std::countr_zero(b.initLanes)] >= b.initClock ||
                 (w.index == b.initWarp && !(lanes & ~b.initLanes)) ||
                 (b.published && w.clusterWaited >= b.published);
  if (rank != w.cta && !b.initFenced)
    report("TK-SIM-MBARRIER-FENCE", Severity::Warning, &w, lanes, pcOf(in), b.initPc + 1,
           formatv("another CTA uses {0}, and no fence.mbarrier_init.release.cluster follows its "
                   "mbarrier.init at {1}",
                   describeBarrier(addr, b), place(b.initPc)));
  if (!ordered && !seenBefore("TK-SIM-RACE", pcOf(in), b.initPc + 1))
    if (Finding *f = report(
            "TK-SIM-RACE", Severity::Error, &w, lanes, pcOf(in), b.initPc + 1,
            formatv(
                "this use of {0} is not ordered after its mbarrier.init; add a bar.sync between",
                describeBarrier(addr, b))))
      f->details.push_back(formatv("other: mbarrier.init by {0} lanes {1:x} at {2}",
                                   nameWarp(warps[b.initWarp]), b.initLanes, place(b.initPc)));
  if (b.uses.size() < race.warps.size() * 32)
    b.uses.resize(race.warps.size() * 32);
  for (unsigned l = 0; l < 32; ++l)
    if (lanes >> l & 1)
      b.uses[w.index * 32 + l] = t.clock;
  return &b;
}

/// Ordinary accesses have no business in a live barrier's bytes.
void Cta::checkBarrierBytes(const Warp *w, uint32_t pc, uint32_t lanes, uint64_t addr,
                            uint64_t bytes, const char *what) {
  auto it = mbarriers.lower_bound(addr >= 7 ? addr - 7 : 0);
  if (it == mbarriers.end() || it->first >= addr + bytes)
    return;
  report("TK-SIM-MBARRIER-LIVE", Severity::Error, w, lanes, pc, 1,
         formatv("{0} at {1} touches {2}; its bytes are opaque while it lives: "
                 "mbarrier.inval first",
                 what, spaceAddress(addr, Space::Shared), describeBarrier(it->first, it->second)));
}

void Cta::mbarInit(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, 8, AccessKind::Write, Space::Shared, place);
  if (uint32_t bad = w.poison[in.s[1].idx] & mask)
    poisoned(w, in, bad, "the count of an mbarrier");
  uint32_t event = checkRaces && mask ? race.event(w.index, pcOf(in), AccessKind::Write) : 0;
  for (uint32_t rest = mask; rest;) {
    unsigned l = std::countr_zero(rest);
    uint32_t same = 0; // Lanes that do the same: one init.
    for (unsigned k = l; k < 32; ++k)
      same |= uint32_t((rest >> k & 1) && addr[k] == addr[l] &&
                       value(w, in.s[1], k) == value(w, in.s[1], l))
              << k;
    rest &= ~same;
    if (auto it = mbarriers.find(addr[l]); it != mbarriers.end()) {
      report("TK-SIM-MBARRIER-LIVE", Severity::Error, &w, same, pcOf(in), it->second.initPc + 1,
             formatv("{0} was initialised at {1} and still lives; mbarrier.inval it first",
                     describeBarrier(addr[l], it->second), this->place(it->second.initPc)));
      mbarriers.erase(it);
    } else
      checkBarrierBytes(&w, pcOf(in), same, addr[l], 8, "an mbarrier.init");
    Mbarrier b;
    b.expected = b.pending = int64_t(uint32_t(value(w, in.s[1], l)));
    if (b.expected < 1 || b.expected > Mbarrier::kMax) {
      report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, same, pcOf(in), 0,
             formatv("expected a count from 1 to {0}, got {1}", Mbarrier::kMax, b.expected));
      b.expected = b.pending = 1;
    }
    b.initPc = pcOf(in);
    b.initWarp = w.index;
    b.initLanes = same;
    if (event) {
      b.initClock = race.warps[w.index].clock;
      raceAccess(w, in, event, l, place[l], 8, AccessKind::Write, place[l].data);
    }
    memset(place[l].data, 0, 8);
    memset(place[l].init, 1, 8);
    mbarriers[addr[l]] = std::move(b);
  }
  ++progress;
}

/// Whether what the thread did up to `clock` comes before what these lanes do now, if match.sync ordered memory: the thread
/// took part in one since, and a lane that it was found with is one of these, or has released to them.
bool Cta::isSpokenFor(const Warp &w, uint32_t lanes, unsigned thread, uint32_t clock) const {
  const Warp &other = warps[thread / 32];
  const Warp::Match &match = other.matches[thread % 32];
  if (clock > match.clock)
    return false;
  if (other.index == w.index && (lanes & match.lanes))
    return true;
  for (uint32_t rest = match.lanes; rest; rest &= rest - 1)
    if (race.warps[w.index].seen[other.index * 32 + std::countr_zero(rest)] > match.clock)
      return true;
  return false;
}

/// mbarrier.inval must come after each use.
void Cta::checkUsesBefore(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr, const Mbarrier &b) {
  const Clock &seen = race.warps[w.index].seen;
  std::optional<unsigned> bad, matched;
  for (unsigned t = 0; t < b.uses.size() && !bad; ++t) {
    bool isOwn = t / 32 == w.index && (lanes >> t % 32 & 1);
    if (b.uses[t] <= seen[t] || isOwn)
      continue;
    (isSpokenFor(w, lanes, t, b.uses[t]) ? matched : bad) = t;
  }
  auto user = [&](unsigned t) { return formatv("{0} lane {1}", nameWarp(warps[t / 32]), t % 32).str(); };
  if (bad)
    report("TK-SIM-RACE", Severity::Error, &w, lanes, pcOf(in), 0,
           formatv("mbarrier.inval of {0} is not ordered after a use of it by {1}; add a bar.sync between",
                   describeBarrier(addr, b), user(*bad)));
  else if (matched)
    report("TK-SIM-RACE-MATCH", Severity::Warning, &w, lanes, pcOf(in), 0,
           formatv("mbarrier.inval of {0} comes after a use of it by {1} only because one lane speaks for those that "
                   "match.sync found, and that orders no memory; cuda::pipeline's destructor does so, the memory model asks "
                   "for a bar.sync (__syncthreads) or bar.warp.sync (__syncwarp) before",
                   describeBarrier(addr, b), user(*matched)));
}

void Cta::mbarInval(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, 8, AccessKind::Write, Space::Shared, place);
  uint32_t event = checkRaces && mask ? race.event(w.index, pcOf(in), AccessKind::Write) : 0;
  for (uint32_t rest = mask; rest && !stop;) {
    unsigned l = std::countr_zero(rest);
    uint32_t same = 0;
    for (unsigned k = l; k < 32; ++k)
      same |= uint32_t((rest >> k & 1) && addr[k] == addr[l]) << k;
    rest &= ~same;
    Mbarrier *b = useBarrier(w, in, same, addr[l]);
    if (!b)
      return;
    if (event) {
      checkUsesBefore(w, in, same, addr[l], *b);
      raceAccess(w, in, event, l, place[l], 8, AccessKind::Write, place[l].data);
    }
    checkBarrierEnd(addr[l], *b, pcOf(in), "is invalidated");
    memset(place[l].init, 0, 8);
    mbarriers.erase(addr[l]);
  }
  ++progress;
}

/// At its inval or the end of the CTA no bytes may be outstanding. Arrivals may: who waited for
/// them would be a deadlock.
void Cta::checkBarrierEnd(uint64_t addr, const Mbarrier &b, uint32_t pc, const char *what) {
  if (b.lastLoad > b.seen)
    report("TK-SIM-BULK-UNWAITED", Severity::Error, nullptr, 0, b.lastLoadPc, 0,
           formatv("no one has waited for this copy when {0} {1}; wait for its phase first",
                   describeBarrier(addr, b), what));
  if (b.tx)
    report("TK-SIM-MBARRIER-TX", Severity::Error, nullptr, 0, pc, 2,
           formatv("{0} {1} with transactions outstanding; {2}", describeBarrier(addr, b), what,
                   b.tx > 0 ? "more bytes were expected than copied"
                            : "fewer bytes were expected than copied"));
  else if (b.pending != b.expected)
    report("TK-SIM-MBARRIER-PENDING", Severity::Note, nullptr, 0, pc, 3,
           formatv("{0} {1} in the midst of a phase that nobody waits for: its count may be wrong, "
                   "or an arrival missing",
                   describeBarrier(addr, b), what));
}

void Cta::checkExitOfBarriers() {
  for (auto &[addr, b] : mbarriers)
    checkBarrierEnd(addr, b, b.initPc, "ends with the CTA");
}

/// Adds to the transaction count. `bytes` may be negative: a completion.
void Cta::addTransaction(const Warp *w, uint32_t pc, uint32_t lanes, uint64_t addr, Mbarrier &b,
                         int64_t bytes) {
  b.tx += bytes;
  ++progress;
  if (b.tx <= Mbarrier::kMax && b.tx >= -Mbarrier::kMax)
    return;
  report("TK-SIM-MBARRIER-TX", Severity::Error, w, lanes, pc, 0,
         formatv("{0} leaves the range of its transaction count, {1} bytes either way",
                 describeBarrier(addr, b), Mbarrier::kMax));
  b.tx -= bytes;
}

void Cta::tryComplete(uint64_t addr, Mbarrier &b) {
  if (b.pending || b.tx)
    return;
  ++progress;
  if (!bulkOps.empty())
    checkPhaseLoads(addr, b);
  if (!copyArrivals.empty())
    checkPhaseCopies(addr, b);
  if (b.slot) { // Who sees this phase complete comes after the copies that ended in it.
    if (!b.hasArriving) {
      b.arriving = race.blank();
      b.arrivingFar = b.arriving.reached;
    }
    b.hasArriving = true;
    b.arriving.seen.resize(std::max<size_t>(b.arriving.seen.size(), b.slot + 1));
    b.arriving.seen[b.slot] = b.phase + 1;
    if (!b.arriving.reached.empty()) {
      b.arriving.reached.resize(b.arriving.seen.size());
      b.arriving.reached[b.slot] = b.phase + 1;
    }
  }
  ++b.phase;
  ++counters.phases[int64_t(addr & ((1ull << kRankShift) - 1)) - int64_t(ctx.dynamicStart)];
  b.pending = b.expected;
  b.observed = false;
  std::swap(b.completed, b.arriving);
  std::swap(b.completedFar, b.arrivingFar);
  b.hasCompleted = std::exchange(b.hasArriving, false);
  wakeWaiters();
}

/// Reads a transaction or arrival count of one lane.
bool Cta::barrierCount(Warp &w, const Inst &in, unsigned lane, int64_t least, const char *what,
                       int64_t &n) {
  if (w.poison[in.s[1].idx] >> lane & 1)
    poisoned(w, in, 1u << lane, what);
  n = int64_t(uint32_t(value(w, in.s[1], lane)));
  if (n >= least && n <= Mbarrier::kMax)
    return true;
  report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, 1u << lane, pcOf(in), 1,
         formatv("expected {0} from {1} to {2}, got {3}", what, least, Mbarrier::kMax, n));
  return false;
}

void Cta::mbarTransaction(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  for (unsigned l = 0; l < 32 && !stop; ++l) {
    int64_t n;
    if (!(mask >> l & 1) || !barrierCount(w, in, l, 0, "a number of bytes", n))
      continue;
    Mbarrier *b = useBarrier(w, in, 1u << l, addr[l]);
    if (!b)
      return;
    addTransaction(&w, pcOf(in), 1u << l, addr[l], *b, in.op == Op::MbarExpect ? n : -n);
    if (in.op == Op::MbarComplete)
      tryComplete(addr[l], *b);
  }
}

/// How many arrivals one lane of the instruction makes.
int64_t Cta::arrivalsOf(Warp &w, const Inst &in, unsigned l) {
  bool counted = in.s[1].present() && !(in.sub & kArriveExpect);
  return counted ? int64_t(uint32_t(value(w, in.s[1], l))) : 1;
}

/// Lanes arrive one after another, in an order that nothing fixes: where a phase completes in their
/// midst, the seed says whose arrivals it has. Those of one phase give their clocks together, right
/// before it completes; the others' belong to the next.
void Cta::mbarArrive(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  for (uint32_t rest = mask; rest && !stop;) {
    unsigned first = std::countr_zero(rest), lanes = 0;
    uint32_t same = 0;
    uint8_t order[32];
    int64_t arrivals = 0;
    for (unsigned k = first; k < 32; ++k)
      if ((rest >> k & 1) && addr[k] == addr[first]) {
        same |= 1u << k;
        order[lanes++] = uint8_t(k);
        arrivals += arrivalsOf(w, in, k);
      }
    rest &= ~same;
    Mbarrier *b = useBarrier(w, in, same, addr[first]);
    if (!b)
      return;
    if (arrivals > b->pending)
      for (unsigned i = lanes; i > 1; --i)
        std::swap(order[i - 1], order[rng.below(i)]);
    uint32_t arrived = 0; // Lanes that the phase does not know of yet.
    for (unsigned i = 0; i < lanes; ++i)
      arriveOne(w, in, order[i], addr[first], *b, arrived);
    giveToPhase(w, in, arrived, addr[first], *b);
  }
}

/// The phase gets what `lanes` did, and what their warp knows.
void Cta::giveToPhase(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr, Mbarrier &b) {
  if (!checkRaces || !lanes)
    return;
  // A relaxed arrival ends a release pattern that a fence began.
  auto isBefore = [&](const FenceRecord &r) { return !in.isRelease && (r.lanes & lanes); };
  if (!in.isRelease && none_of(w.fences, isBefore))
    return;
  if (!b.hasArriving) {
    b.arriving = race.blank();
    b.arrivingFar = b.arriving.reached;
  }
  b.hasArriving = true;
  // Who waits is in the barrier's CTA. A peer's arrival reaches it by a wide scope, for a wait of
  // a wide scope.
  bool peer = rankOf(addr) != w.cta;
  for (const FenceRecord &r : w.fences)
    if (isBefore(r))
      race.releasePast(r.past, w.index, r.lanes & lanes, b.arriving,
                       !peer                                            ? &b.arriving.reached
                       : in.isWide && r.scope >= SyncScope::Cluster ? &b.arrivingFar
                                                                        : nullptr);
  if (!in.isRelease)
    return;
  race.release(w.index, lanes, b.arriving,
               !peer       ? &b.arriving.reached
               : in.isWide ? &b.arrivingFar
                           : nullptr);
  race.gaveAt(w.index, lanes, pcOf(in));
}

/// An arrival is about to be made: somebody must have seen the phase before complete.
void Cta::noteArrivalBefore(Warp &w, uint32_t pc, unsigned l, uint64_t addr, Mbarrier &b) {
  if (b.observed)
    return;
  report("TK-SIM-MBARRIER-LAPPED", Severity::Error, &w, 1u << l, pc, 0,
         formatv("arrival at {0}, whose phase {1} no one has seen complete; a thread must wait "
                 "for each phase before "
                 "any arrives at the next",
                 describeBarrier(addr, b), b.phase - 1));
  b.observed = true; // once a phase
}

/// Takes arrivals off the pending count. False: it has not so many.
bool Cta::takeArrival(Warp &w, uint32_t pc, unsigned l, uint64_t addr, Mbarrier &b, int64_t count,
                      bool drops) {
  if (count > b.pending) {
    report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, 1u << l, pc, 2,
           formatv("{0} arrival(s) at {1} are more than it expects in one phase; raise the count of "
                   "its mbarrier.init at {2}",
                   count, describeBarrier(addr, b), place(b.initPc)));
    return false;
  }
  if (drops && count > b.expected) {
    report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, 1u << l, pc, 3,
           formatv("{0} arrival(s) are dropped from {1}, which has fewer", count,
                   describeBarrier(addr, b)));
    return false;
  }
  if (drops)
    b.expected -= count;
  b.pending -= count;
  ++progress;
  return true;
}

/// `arrived` collects the lanes whose clocks the phase is still to get.
void Cta::arriveOne(Warp &w, const Inst &in, unsigned l, uint64_t addr, Mbarrier &b,
                    uint32_t &arrived) {
  uint32_t pc = pcOf(in);
  int64_t count = 1, bytes = 0;
  if (in.sub & kArriveExpect) {
    if (!barrierCount(w, in, l, 0, "a number of bytes", bytes))
      return;
  } else if (in.s[1].present() && !barrierCount(w, in, l, 1, "a number of arrivals", count))
    return;
  noteArrivalBefore(w, pc, l, addr, b);
  arrived |= 1u << l;
  if (in.d.present()) {
    setValue(w, in.d, l, token(b));
    setPoison(w, in.d, 1u << l, 0);
  }
  if (bytes)
    addTransaction(&w, pc, 1u << l, addr, b, bytes);
  if (!takeArrival(w, pc, l, addr, b, count, in.sub & kArriveDrop))
    return;
  if ((in.sub & kArriveNoComplete) && !b.pending && !b.tx)
    report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, 1u << l, pc, 4,
           formatv("an arrival with .noComplete completes the phase of {0}",
                   describeBarrier(addr, b)));
  if (!b.pending && !b.tx)
    giveToPhase(w, in, std::exchange(arrived, 0), addr, b);
  tryComplete(addr, b);
}

//===----------------------------------------------------------------------===//
// Waits
//===----------------------------------------------------------------------===//

/// The lanes whose phase is complete.
uint32_t Cta::waitDone(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  uint32_t done = 0;
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    auto it = mbarriers.find(addr[l]);
    if (it == mbarriers.end())
      continue;
    const Mbarrier &b = it->second;
    uint64_t v = value(w, in.s[1], l);
    bool complete = in.sub ? (b.phase & 1) != (v & 1) : b.phase != uint32_t(v >> 32);
    done |= uint32_t(complete) << l;
  }
  return done;
}

/// Ends a wait: gives the answer, and what the completed phases carry.
void Cta::finishWait(Warp &w, Frag &f, const Inst &in, uint32_t mask, uint32_t done) {
  uint64_t addr[32];
  sharedAddresses(w, in, in.s[0], in.imm, done, addr);
  uint64_t last = ~0ull;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(done >> l & 1) || addr[l] == last)
      continue;
    last = addr[l];
    Mbarrier &b = mbarriers[addr[l]];
    b.observed = true;
    b.seen = b.phase;
    if (!checkRaces || !b.hasCompleted)
      continue;
    if (in.isAcquire) {
      race.acquire(w.index, b.completed, in.isWide ? &b.completedFar : nullptr);
      race.tookAt(w.index, pcOf(in));
      continue;
    }
    erase_if(w.pendingPhases, [&](auto &p) { return p.address == addr[l]; });
    w.pendingPhases.push_back({addr[l], done, in.isWide, b.completed, b.completedFar});
  }
  uint32_t *d = reg(w, in.d);
  *d = (*d & ~mask) | (done & mask);
  setPoison(w, in.d, mask, 0);
  f.state = Frag::Run;
  ++f.pc;
}

bool Cta::mbarWait(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  uint32_t good = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  if (good != mask) { // nothing that they could wait for
    stop = true;
    return false;
  }
  if (uint32_t bad = w.poison[in.s[1].idx] & mask)
    poisoned(w, in, bad, in.sub ? "the parity of a wait" : "the state of a wait");
  for (unsigned l = 0; l < 32; ++l) {
    if (!(good >> l & 1))
      continue;
    uint32_t same = 1u << l;
    for (; l < 31 && (good >> (l + 1) & 1) && addr[l + 1] == addr[l]; ++l)
      same |= 2u << l;
    Mbarrier *b = useBarrier(w, in, same, addr[l]);
    if (!b)
      return false;
    uint64_t v = value(w, in.s[1], l);
    uint32_t asked = uint32_t(v >> 32);
    if (!in.sub && asked != b->phase && asked + 1 != b->phase)
      report("TK-SIM-MBARRIER-PHASE", Severity::Error, &w, same, pcOf(in), 0,
             formatv("the state asks for phase {0} of {1}; only that phase and the one before may "
                     "be asked for",
                     asked, describeBarrier(addr[l], *b)));
    if (in.sub && (v & ~1ull & 0xffffffff))
      report("TK-SIM-MBARRIER-PHASE", Severity::Error, &w, same, pcOf(in), 1,
             formatv("expected a parity of 0 or 1, got {0}", uint32_t(v)));
  }
  Frag &f = w.frags[frag];
  uint32_t done = waitDone(w, in, mask);
  if (in.op == Op::MbarTest || done == mask || rng.below(4) == 0) {
    finishWait(w, f, in, mask, done);
    return true;
  }
  f.state = Frag::AtMbarrier;
  f.waitMask = mask;
  return false;
}

/// A phase is complete: whoever waited for it goes on.
void Cta::wakeWaiters() {
  for (Warp &w : warps)
    for (Frag &f : w.frags)
      if (f.state == Frag::AtMbarrier)
        if (uint32_t done = waitDone(w, code[f.pc], f.waitMask); done == f.waitMask)
          finishWait(w, f, code[f.pc], f.waitMask, done);
}

/// Nobody can go on: waits end by their time limit, as on hardware. When each warp has come back to
/// the same registers a few times and nothing else has changed, nothing ever will. A loop that
/// counts its rounds gives up in the end, and so does one that looks at a clock.
bool Cta::timeOutWaits() {
  constexpr unsigned kReturns = 4;
  uint64_t now = device ? device->progress : progress + counters.sharedWritten + counters.globalWritten;
  bool isIdle = now == lastProgress, any = false, isCycle = true;
  lastProgress = now;
  for (Warp &w : warps) {
    if (!isIdle)
      w.waits = Recurrence();
    if (!any_of(w.frags, [](const Frag &f) { return f.state == Frag::AtMbarrier; }))
      continue;
    if (w.waits.returns < kReturns)
      w.waits.note(registersOf(w));
    isCycle &= w.waits.returns >= kReturns;
    any = true;
  }
  timeSteps = isIdle ? timeSteps : 0;
  if (any && !device) // else when all units wait
    isCycle &= !letTimePass(timeSteps++);
  if (isCycle)
    return false;
  for (Warp &w : warps)
    for (Frag &f : w.frags)
      if (f.state == Frag::AtMbarrier)
        finishWait(w, f, code[f.pc], f.waitMask, waitDone(w, code[f.pc], f.waitMask));
  return any;
}

std::string Cta::describeWait(Warp &w, const Frag &f) {
  const Inst &in = code[f.pc];
  uint64_t addr[32];
  uint32_t waiting = f.waitMask & ~waitDone(w, in, f.waitMask);
  sharedAddresses(w, in, in.s[0], in.imm, f.waitMask, addr);
  unsigned l = std::countr_zero(waiting ? waiting : f.waitMask);
  auto it = mbarriers.find(addr[l & 31]);
  if (it == mbarriers.end())
    return "waits at an mbarrier that was invalidated";
  const Mbarrier &b = it->second;
  std::string s = formatv("waits for phase {0}{1} of {2}, initialised at {3}", b.phase,
                          in.sub ? formatv(" (parity {0})", value(w, in.s[1], l & 31) & 1).str()
                                 : std::string(),
                          describeBarrier(it->first, b), place(b.initPc));
  if (b.tx < 0)
    s += "; more bytes have arrived than were expected: expect_tx is missing or too small";
  else if (b.tx > 0)
    s += "; the copies under way bring fewer bytes than expected";
  return s;
}

bool Cta::mbarrier(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  switch (in.op) {
  case Op::MbarTest:
  case Op::MbarTry:
    return mbarWait(w, frag, in, mask);
  case Op::MbarInit:
    mbarInit(w, in, mask);
    break;
  case Op::MbarInval:
    mbarInval(w, in, mask);
    break;
  case Op::MbarArrive:
    mbarArrive(w, in, mask);
    break;
  case Op::MbarPending:
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        setValue(w, in.d, l, uint32_t(value(w, in.s[0], l)));
    setPoison(w, in.d, mask, w.poison[in.s[0].idx]);
    break;
  default:
    mbarTransaction(w, in, mask);
    break;
  }
  if (stop)
    return false;
  ++w.frags[frag].pc;
  return true;
}

} // namespace tk::sim
