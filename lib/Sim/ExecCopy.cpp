//===- ExecCopy.cpp - cp.async -------------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A copy is in flight from its issue on: whoever touches the bytes races with it, until its thread
/// has waited for its group, when it becomes a write of that thread, or until somebody has seen the
/// phase of an mbarrier complete that cp.async.mbarrier.arrive bound it to. It is done at a seeded
/// point in between. Unlike bulk copies it goes through the generic proxy.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

/// Whether the part of the source that is read is there. The address must fit the whole copy.
bool Cta::locateSource(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned copied,
                       unsigned bytes) {
  Place from;
  if (copied == bytes || addr % bytes)
    return locateOne(w, in, lane, addr, bytes, AccessKind::Read, Space::Global, from);
  return locateOne(w, in, lane, addr, 1, AccessKind::Read, Space::Global, from) &&
         locateOne(w, in, lane, addr + copied - 1, 1, AccessKind::Read, Space::Global, from);
}

void Cta::cpAsync(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t dst[32], src[32];
  uint32_t good = addresses(w, in, in.s[1], int32_t(value(w, in.s[3], 0)), mask, dst);
  good = addresses(w, in, in.s[0], in.imm, good, src);
  if (uint32_t bad = in.s[2].present() ? w.poison[in.s[2].idx] & good : 0) {
    poisoned(w, in, bad, "the source size of a copy");
    good &= ~bad;
  }
  Place place[32];
  unsigned bytes = in.numVec;
  good = locate(w, in, good, dst, bytes, AccessKind::Write, Space::Shared, place);
  if (ctx.options.checkBanks && good)
    banks(in, good, dst, bytes);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, good, place, bytes, "a write");
  RaceState::CopyEvents events{0, 0};
  if (checkRaces && good) {
    if (!copySlot)
      copySlot = race.addAgent();
    events = race.copyEvents(copySlot, w.index, pcOf(in));
  }
  uint32_t ignored = in.sub ? predicate(w, in.s[2], in.negB) : 0;
  size_t first = w.copies.size();
  for (unsigned l = 0; l < 32; ++l) {
    if (!(good >> l & 1))
      continue;
    uint64_t have = in.sub || !in.s[2].present() ? bytes : value(w, in.s[2], l);
    if (ignored >> l & 1)
      have = 0;
    if (have > bytes) {
      report("TK-SIM-MEM-OOB", Severity::Error, &w, 1u << l, pcOf(in), 1,
             formatv("expected a source of at most {0} bytes, got {1}", bytes, have));
      have = bytes;
    }
    if (have && !locateSource(w, in, l, src[l], unsigned(have), bytes))
      continue;
    if (events.write) {
      raceAccess(w, in, events.write, l, place[l], bytes, AccessKind::Write);
      if (have) { // reads from its issue on
        Place from{nullptr, nullptr, src[l], Space::Global};
        if (device)
          foreignAccess(w, in, l, src[l], unsigned(have), AccessKind::Read, race.warps[w.index],
                        false);
        raceAccess(w, in, events.read, l, from, unsigned(have), AccessKind::Read);
      }
    }
    w.copies.push_back({pcOf(in), l, dst[l], src[l], uint8_t(bytes), uint8_t(have), w.copyGroup[l],
                        ++w.copyCount, events.write, race.generation});
  }
  // Often late, sometimes at once: a missing wait shows as old bytes on some seeds.
  for (size_t i = first; i < w.copies.size(); ++i)
    if (rng.below(4) == 0)
      performCopy(w, w.copies[i]);
}

void Cta::performCopy(Warp &w, Warp::Copy &c) {
  const Inst &in = code[c.pc];
  c.done = true;
  Place from, to;
  if (!locateOne(w, in, c.lane, c.dst, c.bytes, AccessKind::Write, Space::Shared, to))
    return;
  uint8_t data[16] = {}, init[16];
  memset(init, 1, sizeof init);
  if (c.sourceBytes) {
    if (!locateOne(w, in, c.lane, c.src, 1, AccessKind::Read, Space::Global, from))
      return;
    memcpy(data, from.data, c.sourceBytes);
    memcpy(init, from.init, c.sourceBytes);
    for (uint64_t at = c.src, end = at + c.sourceBytes; checkRaces && at < end; ++at)
      noteUse(w, in, c.lane, at, 1, AccessKind::Read);
  }
  progress += memcmp(to.data, data, c.bytes) != 0;
  memcpy(to.data, data, c.bytes);
  memcpy(to.init, init, c.bytes);
  counters.globalRead += c.sourceBytes;
  counters.sharedWritten += c.bytes;
}

/// The thread has waited: what its copy wrote it has written itself. Who reads that without a
/// barrier after the wait finds an unordered write.
void Cta::settleCopy(Warp &w, const Warp::Copy &c) {
  if (c.event && !c.arrives && c.generation == race.generation)
    race.relabel(race.sharedShadow(), sharedIndex(c.dst), c.bytes, c.event,
                 race.event(w.index, c.pc, AccessKind::Write), c.lane);
}

void Cta::cpAsyncWait(Warp &w, const Inst &in, uint32_t mask, uint32_t keep) {
  bool all = in.imm < 0;
  auto isDue = [&](uint32_t lanes, uint32_t group, unsigned lane) {
    return (mask & lanes) && (all || group + keep < w.copyGroup[lane]);
  };
  size_t kept = 0;
  for (size_t i = 0; i < w.copies.size(); ++i) {
    Warp::Copy &c = w.copies[i];
    if (!isDue(1u << c.lane, c.group, c.lane)) {
      w.copies[kept++] = c;
      continue;
    }
    if (!c.done)
      performCopy(w, c);
    settleCopy(w, c);
  }
  w.copies.resize(kept);
  for (const Warp::CopyPhase &p : w.copyPhases)
    if (checkRaces && isDue(p.lanes, p.group, unsigned(countr_zero(p.lanes & mask))))
      race.see(w.index, p.slot, p.clock);
}

//===----------------------------------------------------------------------===//
// cp.async.mbarrier.arrive
//===----------------------------------------------------------------------===//

/// The lane's copies get events that end with the phase of the barrier at hand. Those that another
/// phase waits for already keep theirs: who sees this one complete has seen that one.
void Cta::trackCopies(Warp &w, unsigned lane, Mbarrier &b) {
  if (!b.slot)
    b.slot = race.addAgent();
  uint32_t pc = ~0u, event = 0;
  for (Warp::Copy &c : w.copies) {
    if (c.lane != lane || c.arrives || !c.event || c.generation != race.generation)
      continue;
    if (c.pc != pc)
      event = race.asyncEvent(b.slot, b.phase + 1, pc = c.pc, AccessKind::Write, true);
    race.relabel(race.sharedShadow(), sharedIndex(c.dst), c.bytes, c.event, event, lane);
    c.event = event;
    c.arrives = true;
  }
  auto same = find_if(w.copyPhases, [&](auto &p) { return p.slot == b.slot; });
  if (same == w.copyPhases.end())
    same = w.copyPhases.insert(same, {b.slot, 0, 0, 0});
  if (same->clock != b.phase + 1)
    same->lanes = 0;
  *same = {b.slot, b.phase + 1, same->lanes | 1u << lane, w.copyGroup[lane]};
}

void Cta::cpAsyncArrive(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  bool isCounted = in.sub; // .noinc: the barrier's count has this arrival
  mask = sharedAddresses(w, in, in.s[0], in.imm, mask, addr);
  for (unsigned l = 0; l < 32; ++l) {
    Mbarrier *b = mask >> l & 1 ? useBarrier(w, in, 1u << l, addr[l]) : nullptr;
    if (stop)
      return;
    if (!b)
      continue;
    noteArrivalBefore(w, pcOf(in), l, addr[l], *b);
    if (!isCounted && ++b->pending > Mbarrier::kMax) {
      report("TK-SIM-MBARRIER-COUNT", Severity::Error, &w, 1u << l, pcOf(in), 0,
             formatv("{0} leaves the range of its pending count, {1}", describeBarrier(addr[l], *b),
                     Mbarrier::kMax));
      --b->pending;
      continue;
    }
    if (checkRaces)
      trackCopies(w, l, *b);
    copyArrivals.push_back({pcOf(in), w.index, l, addr[l], b->phase, w.copyCount});
  }
}

/// Does what is left of the copies before it, and arrives.
void Cta::fireCopyArrival(size_t index) {
  CopyArrival a = copyArrivals[index];
  copyArrivals.erase(copyArrivals.begin() + index);
  Warp &w = warps[a.warp];
  for (Warp::Copy &c : w.copies)
    if (c.lane == a.lane && c.number <= a.last && !c.done)
      performCopy(w, c);
  // Nobody need wait for them: the thread's waits see the phase besides.
  erase_if(w.copies, [&](const Warp::Copy &c) {
    return c.lane == a.lane && c.number <= a.last && (c.arrives || !checkRaces);
  });
  auto it = mbarriers.find(a.address);
  if (it == mbarriers.end()) {
    report("TK-SIM-MBARRIER-INVALID", Severity::Error, &w, 1u << a.lane, a.pc, 1,
           formatv("the mbarrier at {0} was invalidated before the copies that arrive there",
                   spaceAddress(a.address, Space::Shared)));
    return;
  }
  Mbarrier &b = it->second;
  if (!takeArrival(w, a.pc, a.lane, a.address, b, 1, false))
    return;
  if (checkRaces && !b.hasArriving) {
    b.arriving = race.blank();
    b.arrivingFar = b.arriving.reached;
    b.hasArriving = true;
  }
  for (const Warp::CopyPhase &p : w.copyPhases) // of copies bound to other barriers before
    if (checkRaces && (p.lanes >> a.lane & 1) && p.slot != b.slot) {
      b.arriving.seen.resize(std::max<size_t>(b.arriving.seen.size(), p.slot + 1));
      b.arriving.seen[p.slot] = std::max(b.arriving.seen[p.slot], p.clock);
    }
  tryComplete(a.address, b);
}

/// Now and then copies end, and their thread arrives; when nothing else can go on they must. False:
/// there are none.
bool Cta::progressCopies(bool isForced) {
  if (copyArrivals.empty())
    return false;
  if (isForced || rng.below(3) == 0)
    fireCopyArrival(rng.below(uint32_t(copyArrivals.size())));
  return true;
}

/// A phase completes: nothing that arrives at it may be under way.
void Cta::checkPhaseCopies(uint64_t addr, const Mbarrier &b) {
  for (const CopyArrival &a : copyArrivals)
    if (a.address == addr && a.phase == b.phase)
      report("TK-SIM-MBARRIER-COUNT", Severity::Error, &warps[a.warp], 1u << a.lane, a.pc, 5,
             formatv("phase {0} of the mbarrier at {1} completes without this arrival, whose "
                     "copies may be under way; "
                     "its count is too small for .noinc",
                     b.phase, spaceAddress(addr, Space::Shared)));
}

} // namespace tk::sim
