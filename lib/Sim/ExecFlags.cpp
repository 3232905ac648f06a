//===- ExecFlags.cpp - Fences, and strong accesses as flags ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Release and acquire patterns of the PTX memory model. A release pattern is a release, or a fence
/// and a later strong write of the same thread; an acquire pattern an acquire, or a strong read and
/// a later fence. What one of several lanes acquires counts for its warp.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

void Cta::fence(Warp &w, const Inst &in, uint32_t mask) {
  if (in.isAcquire) {
    acquirePending(w, in, mask);
    for (const Warp::PendingPhase &p : w.pendingPhases)
      if (p.lanes & mask)
        race.acquire(w.index, p.knows,
                     p.isWide && in.scope >= SyncScope::Cluster ? &p.far : nullptr);
  }
  if (!in.isRelease)
    return;
  Past past = race.past(w.index);
  race.gaveAt(w.index, mask, pcOf(in));
  if (in.sub && in.op == Op::Fence) {
    sequence(w, past, mask, in.scope);
    race.tookAt(w.index, pcOf(in));
    past = race.past(w.index); // with what earlier fences gave
    race.gaveAt(w.index, mask, pcOf(in));
  }
  for (FenceRecord &r : w.fences) // A later fence that reaches as far says more.
    if (r.scope <= in.scope)
      r.lanes &= ~mask;
  erase_if(w.fences, [](const FenceRecord &r) { return !r.lanes; });
  w.fences.push_back({mask, in.scope, std::move(past)});
}

/// Of the async proxy. One that goes one way is a fence of its scope besides; an acquire fences
/// what was acquired, and not what its own thread did.
void Cta::proxyFence(Warp &w, const Inst &in, uint32_t mask) {
  if (in.sub == kFenceAcquire)
    fence(w, in, mask);
  race.proxyFence(w.index, in.sub == kFenceAcquire ? 0 : mask | ~w.live, in.space != Space::Global,
                  in.space == Space::Global || in.space == Space::Generic);
  if (in.sub == kFenceRelease)
    fence(w, in, mask);
}

/// A fence.sc synchronises with every later one whose scope and its own hold both threads. That the
/// later one is the one executed later is one of the orders that the model allows.
void Cta::sequence(Warp &w, const Past &past, uint32_t mask, SyncScope scope) {
  Knowledge mine = race.give(past, w.index, mask);
  SmallVector<Knowledge *, 3> orders = {&ctaSequence[w.cta]};
  if (scope >= SyncScope::Cluster)
    orders.push_back(&unitSequence);
  if (scope >= SyncScope::Gpu && device)
    orders.push_back(&device->sequence);
  for (Knowledge *order : orders) {
    Knowledge before = *order;
    join(*order, mine);
    race.take(w.index, before, true);
  }
}

/// A volatile read outside of loops finds what another thread of the CTA wrote by a volatile store, and nothing orders the two:
/// no race, but which value it finds is chance. Who waits for the value reads it in a loop.
void Cta::checkLook(Warp &w, const Inst &in, uint32_t mask, const Place *place) {
  if (!in.saysVolatile)
    return;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest)), other = 0;
    const Place &p = place[lane];
    const Event *e = nullptr;
    if (p.space == Space::Shared)
      e = race.lastWrite(race.sharedShadow(), sharedIndex(p.raw), other);
    else if (p.space == Space::Global)
      e = race.lastWrite(race.globalShadow(p.raw), p.raw % RaceState::kPage, other);
    if (!e || e->agent || code[e->pc].op != Op::St || !code[e->pc].saysVolatile)
      continue;
    const Warp &writer = warps[e->slot / 32];
    bool isOwn = writer.index == w.index && other == lane;
    bool isNear = writer.cta == w.cta && (p.space == Space::Shared || writer.index == w.index);
    if (isOwn || !isNear || race.warps[w.index].seen[e->slot + other] >= e->clock)
      continue;
    Finding *f = report(
        "TK-SIM-RACE-VOLATILE", Severity::Warning, &w, 1u << lane, pcOf(in), e->pc + 1,
        formatv("this reads once what {0} lane {1} wrote to {2}, and nothing orders the two: volatile accesses are "
                "no race, but lanes and warps do not run in step; add {3} between",
                nameWarp(writer), other, spaceAddress(p.raw, p.space),
                writer.index == w.index ? "bar.warp.sync (__syncwarp)" : "bar.sync (__syncthreads)"));
    if (f)
      f->details.push_back("other: write at " + this->place(e->pc));
  }
}

/// Strong reads of these lanes become acquire patterns.
void Cta::acquirePending(Warp &w, const Inst &in, uint32_t mask) {
  w.pendingReads.forEach(mask, [&](PendingRead &p) {
    Actor reader = p.reader;
    reader.scope = in.scope; // of the last operation in the pattern
    acquireFrom(w, p.release, reader, p.observes, p.address);
    if (p.observes && p.release.by.reaches(reader)) // A later fence would take no more.
      p.lanes &= ~mask;
  });
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

/// `observes`: the read and the write are morally strong. The pattern's ends are looked at here.
void Cta::acquireFrom(Warp &w, const Release &r, const Actor &reader, bool observes,
                      uint64_t addr) {
  bool wide = observes && r.by.reaches(reader), isOwn = r.by.unit == unit;
  if (wide || isOwn) {
    race.take(w.index, r.knows, wide);
    race.tookAt(w.index, reader.pc);
  } else
    join(race.warps[w.index].almost, r.knows);
  join(race.warps[w.index].almost, r.almost);
  if (!device || isOwn)
    return;
  if (wide)
    device->forgetFault(r.by.unit, unit);
  else
    device->noteFault({InterCta::Fault::Narrow, addr, r.by, reader});
}

/// Reductions without a fence make no flag, for most are sums that nobody waits for. Who reads one
/// all the same has seen the last such write of each unit.
Flag *Cta::flagOfSums(FlagTable &table, const Place &p, unsigned bytes) {
  Flag *flag = nullptr;
  auto note = [&](uint32_t by, const RaceState &state, ShadowPage shadow, uint64_t offset) {
    unsigned lane;
    const Event *e = state.lastWrite(shadow, offset, lane);
    if (!e || e->agent || code[e->pc].op != Op::Atom || !code[e->pc].isRed)
      return;
    if (!flag)
      (flag = &table.make(p.raw, bytes))->sequence = ++table.sequences;
    unsigned warp = e->slot / 32;
    flag->noteWrite({by, warp / ctx.warpStride, warp, lane, code[e->pc].scope, e->pc});
  };
  if (p.space == Space::Shared) {
    note(unit, race, race.sharedShadow(), sharedIndex(p.raw));
    return flag;
  }
  uint64_t number = p.raw / RaceState::kPage, offset = p.raw % RaceState::kPage;
  InterCta::Page &page = device->page(number);
  if (!page.sums || !page.sums->test(offset / 4))
    return nullptr;
  page.sums->reset(offset / 4);
  note(unit, race, race.globalShadow(p.raw), offset);
  device->forEachOther(page, number, unit, InterCta::kStrongWrite,
                       [&](uint32_t other, const RaceState &state, ShadowPage shadow) {
                         note(other, state, shadow, offset);
                       });
  return flag;
}

void Cta::noteSum(const Place &p) {
  if (p.space != Space::Global)
    return;
  InterCta::Page &page = device->page(p.raw / RaceState::kPage);
  if (!page.sums)
    page.sums = std::make_unique<std::bitset<1024>>();
  page.sums->set(p.raw % RaceState::kPage / 4);
  device->hasSums = true;
}

void Cta::readFlag(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes) {
  FlagTable *table = flagsOf(p);
  Flag *f = table ? table->find(p.raw, bytes) : nullptr;
  if (table && !f)
    f = flagOfSums(*table, p, bytes);
  Actor me = actor(w, in, lane);
  if (!f)
    return;
  bool observes = f->last.reaches(me);
  if (observes)
    readsOf(p.space).note(*f, me, race.warps[w.index].clock);
  if (device && f->last.unit != unit && (f->releases.empty() || !in.isAcquire))
    device->noteFault(
        {f->releases.empty() ? InterCta::Fault::NoRelease : InterCta::Fault::NoAcquire, p.raw,
         f->last, me});
  if (in.isAcquire)
    w.pendingReads.forEach(p.raw, bytes, lane, [&](const PendingRead &r) {
      acquireFrom(w, r.release, me, r.observes, p.raw);
    });
  for (Releases &r : f->releases) {
    if (in.isAcquire && in.scope < SyncScope::Gpu && r.by().scope >= SyncScope::Gpu)
      // Of threads anywhere: those that this scope does not hold give nothing.
      r.forEach([&](const Release &one) { acquireFrom(w, one, me, observes, p.raw); });
    else if (in.isAcquire)
      acquireFrom(w, r.joined(), me, observes, p.raw);
    else
      w.pendingReads.note({p.raw, bytes, 0, me, observes, r.joined(), f->sequence}, lane);
  }
}

//===----------------------------------------------------------------------===//
// Writes
//===----------------------------------------------------------------------===//

Knowledge Cta::giveBy(FenceRecord &fence, unsigned warp, unsigned lane) const {
  auto it = find_if(fence.given, [&](auto &g) { return g.first == lane; });
  if (it == fence.given.end()) {
    fence.given.push_back({lane, race.give(fence.past, warp, 1u << lane)});
    it = std::prev(fence.given.end());
  }
  return it->second;
}

/// `past`: the write is a release, of this.
void Cta::writeFlag(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes,
                    const Past *past) {
  FlagTable *table = flagsOf(p);
  if (!table)
    return;
  if (device) {
    ++device->strongWrites;
    // What follows at once is what a flag written too early would let others meet.
    yields |= rng.below(2) == 0;
  }
  Actor me = actor(w, in, lane);
  SmallVector<Releases, 1> releases;
  Flag *old = table->find(p.raw, bytes);
  if (!old && in.isRed && !past && w.fences.empty())
    return noteSum(p); // one of many: nobody synchronises by it
  bool isChained = old && in.op == Op::Atom && old->last.reaches(me), carries = false;
  if (old && in.op == Op::Atom) { // carries on what it read
    carries = true;
    for (Releases &r : old->releases) {
      if (!isChained)
        r.narrow();
      add(releases, std::move(r));
    }
  } else if (old && old->last.isSameThread(me)) { // a release, then a strong write of its thread
    carries = true;
    releases = std::move(old->releases);
  }
  auto give = [&](SyncScope scope, Knowledge knows, const Knowledge &almost) {
    Actor by = me;
    by.scope = scope;
    add(releases, Release{by, std::move(knows), almost});
  };
  for (FenceRecord &r : w.fences) // The oldest first: later ones say more.
    if (r.lanes >> lane & 1)
      give(r.scope, giveBy(r, w.index, lane), r.past.almost);
  if (past)
    give(in.scope, race.give(*past, w.index, 1u << lane), past->almost);
  Flag &f = table->make(p.raw, bytes);
  if (!isChained)
    table->beginChain(f);
  f.noteWrite(me);
  f.releases = std::move(releases);
  if (!carries)
    f.sequence = ++table->sequences;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// Calls f(lane, place) for each element of a scalar or vector access: to each its own flag.
template <class Place, class F>
static void forEachElement(const Inst &in, uint32_t mask, const Place *place, F &&f) {
  unsigned bytes = bytesOf(in.ty);
  for (unsigned l = 0; l < 32; ++l)
    for (unsigned i = 0; (mask >> l & 1) && i < in.numVec; ++i) {
      Place p = place[l];
      p.raw += i * bytes;
      f(l, p, bytes);
    }
}

void Cta::strongReads(Warp &w, const Inst &in, uint32_t mask, const Place *place) {
  forEachElement(in, mask, place,
                 [&](unsigned l, const Place &p, unsigned bytes) { readFlag(w, in, l, p, bytes); });
}

void Cta::strongWrites(Warp &w, const Inst &in, uint32_t mask, const Place *place) {
  Past past;
  if (in.isRelease) {
    past = race.past(w.index);
    race.gaveAt(w.index, mask, pcOf(in));
  }
  forEachElement(in, mask, place, [&](unsigned l, const Place &p, unsigned bytes) {
    writeFlag(w, in, l, p, bytes, in.isRelease ? &past : nullptr);
  });
}

/// Most atomic operations are sums that nobody waits for: nothing is released, nothing acquired.
/// False: it is not one of them, and nothing was noted.
bool Cta::plainAtomic(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes) {
  FlagTable *table = flagsOf(p);
  Flag *f = table ? table->find(p.raw, bytes) : nullptr;
  if (!f || !f->releases.empty())
    return false;
  if (device) {
    ++device->strongWrites;
    yields |= rng.below(2) == 0; // as writeFlag does
  }
  Actor me = actor(w, in, lane);
  bool observes = f->last.reaches(me);
  if (observes)
    readsOf(p.space).note(*f, me, race.warps[w.index].clock);
  else
    table->beginChain(*f);
  if (device && f->last.unit != unit)
    device->noteFault({InterCta::Fault::NoRelease, p.raw, f->last, me});
  f->noteWrite(me);
  return true;
}

void Cta::atomicFlags(Warp &w, const Inst &in, uint32_t mask, const Place *place) {
  Past past;
  if (in.isRelease) {
    past = race.past(w.index);
    race.gaveAt(w.index, mask, pcOf(in));
  }
  bool mayBePlain = !in.isRed && !in.isAcquire && !in.isRelease && w.fences.empty();
  forEachElement(in, mask, place, [&](unsigned l, const Place &p, unsigned bytes) {
    if (mayBePlain && plainAtomic(w, in, l, p, bytes))
      return;
    if (!in.isRed) // whose read makes no acquire pattern
      readFlag(w, in, l, p, bytes);
    writeFlag(w, in, l, p, bytes, in.isRelease ? &past : nullptr);
  });
}

/// Ordinary stores end what strong writes left.
void Cta::endFlags(uint32_t mask, const Place *place, unsigned bytes) {
  for (unsigned l = 0; l < 32; ++l)
    if (FlagTable *table = mask >> l & 1 ? flagsOf(place[l]) : nullptr) {
      table->erase(place[l].raw, bytes);
      if (place[l].space == Space::Global)
        device->endSums(place[l].raw, bytes);
    }
}

bool Cta::isObserved(const Warp &w, unsigned lane, uint64_t addr, Space space, uint32_t otherUnit,
                     const Conflict &c) {
  FlagTable *table = flagsOf({nullptr, nullptr, addr, space});
  Flag *f = table && c.otherWrite && !c.other.agent ? table->holding(addr) : nullptr;
  const FlagUnit *writer = f ? f->findUnit(otherUnit) : nullptr;
  if (!writer || writer->pc != c.other.pc || writer->warp != c.other.slot / 32 ||
      writer->lane != c.otherLane)
    return false;
  const Clock &known = race.warps[w.index].seen;
  return any_of(readsOf(space).of(*f), [&](const FlagReads::Read &r) {
    return writer->written <= r.seen &&
           (r.thread == w.index * 32 + lane || r.clock <= known[r.thread]);
  });
}

//===----------------------------------------------------------------------===//
// Spinning
//===----------------------------------------------------------------------===//

void Cta::noteSpin(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes) {
  if (!mask)
    return;
  uint32_t pc = pcOf(in);
  uint64_t hash = 0, first = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    const Place &p = place[std::countr_zero(rest)];
    uint64_t value[2] = {};
    memcpy(value, p.data, std::min<size_t>(bytes, sizeof value));
    hash = (hash ^ p.raw ^ value[0] * 0x9e3779b97f4a7c15ull ^ value[1]) * 0xbf58476d1ce4e5b9ull;
    if (rest == mask)
      first = value[0];
  }
  uint64_t address = place[std::countr_zero(mask)].raw;
  auto known = find_if(w.spins, [&](auto &s) { return s.pc == pc && s.mask == mask; });
  if (known == w.spins.end()) {
    constexpr size_t limit = 16;
    yields |= rng.below(2) == 0;
    if (w.spins.size() == limit) // The oldest: its loop may have been left.
      w.spins.erase(min_element(w.spins, [](auto &a, auto &b) { return a.ran < b.ran; }));
    w.spins.push_back({pc, mask, hash, address, first, device->progress, w.ran});
    return;
  }
  Warp::Spin &s = *known;
  bool same = s.hash == hash;
  yields |= !same && rng.below(2) == 0; // as after a strong write
  s.times = same ? s.times + 1 : 0;
  s.hash = hash;
  s.address = address;
  s.value = first;
  s.stride = w.ran - s.ran;
  s.ran = w.ran;
  if (s.progress != device->progress) {
    s.idleTimes = 0;
    s.registers = Recurrence();
  }
  s.progress = device->progress;
  noteRegisters(w, s);
}

/// Looks at the registers seldom: most waits end soon, and a loop that counts never comes back.
void Cta::noteRegisters(const Warp &w, Warp::Spin &s) const {
  constexpr uint32_t kPatience = 128, kSeldom = 64;
  if (++s.idleTimes >= kPatience && s.idleTimes % std::min(s.registers.limit, kSeldom) == 0)
    s.registers.note(registersOf(w));
}

} // namespace tk::sim
