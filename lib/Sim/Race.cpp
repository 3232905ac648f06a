//===- Race.cpp - Happens-before within a CTA -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Race.h"
#include "LaneOps.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <bit>
#include <cstring>

using namespace llvm;

namespace tk::sim {

ThreadClocks RaceState::blank() const {
  ThreadClocks t;
  t.seen.assign(slots, 0);
  t.fenced.assign(slots, 0);
  t.ownFenced.assign(slots, 0);
  if (globalProxy)
    t.fencedGlobal.assign(slots, 0);
  if (scopes)
    t.reached.assign(slots, 0);
  return t;
}

void RaceState::reset(unsigned numWarps, unsigned code, uint64_t sharedBytes, bool tracksGlobal, unsigned ctaWarps) {
  warps.resize(numWarps);
  slots = numWarps * 32 + std::max(8u, (numWarps + 3) / 4); // threads, then the agents of warpgroups
  globalProxy = tracksGlobal;
  warpsOfCta = ctaWarps;
  scopes = ctaWarps != 0;
  for (ThreadClocks &w : warps)
    w = blank();
  gifts.resize(numWarps);
  for (Gifts &g : gifts)
    g.count = 0;
  taken.assign(numWarps, kNever);
  codeSize = code;
  lastEvent.assign(size_t(numWarps) * code, {});
  events.assign(1, {});
  size_t words = (sharedBytes + 3) / 4 + 4;
  sharedWrite.assign(words, 0);
  sharedRead.assign(words, 0);
  pageAt.clear();
  pagesUsed = 0;
  recent = {};
  splits.clear();
  sets.clear();
  setAt.clear();
  lost.clear();
}

unsigned RaceState::addAgent() {
  for (ThreadClocks &w : warps)
    for (Clock *c : {&w.seen, &w.fenced, &w.ownFenced})
      c->resize(slots + 1);
  if (globalProxy)
    for (ThreadClocks &w : warps)
      w.fencedGlobal.resize(slots + 1);
  if (scopes)
    for (ThreadClocks &w : warps)
      w.reached.resize(slots + 1);
  return slots++;
}

void RaceState::release(unsigned warp, uint32_t mask, ThreadClocks &barrier, Clock *reached) {
  ThreadClocks &w = warps[warp];
  join(barrier.seen, w.seen);
  join(barrier.fenced, w.fenced);
  join(barrier.ownFenced, w.ownFenced);
  join(barrier.fencedGlobal, w.fencedGlobal);
  join(barrier.foreign, w.foreign);
  join(barrier.almost, w.almost);
  bool reaches = scopes && reached;
  if (reaches)
    join(*reached, w.reached);
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1) {
      barrier.seen[warp * 32 + l] = w.clock;
      if (reaches)
        (*reached)[warp * 32 + l] = w.clock;
    }
  gifts[warp].add(w.clock++);
}

RaceState::Gift RaceState::firstGift(unsigned warp, uint32_t clock) const {
  const Gifts &g = gifts[warp];
  uint32_t kept = std::min(g.count, Gifts::kKept);
  Gift first{clock, 0, kNever};
  for (uint32_t i = g.count - kept; i < g.count && first.pc == kNever; ++i)
    if (g.of[i % Gifts::kKept].clock >= clock)
      first = g.of[i % Gifts::kKept];
  // There may have been one before those that were kept.
  bool isForgotten = g.count > kept && g.of[g.count % Gifts::kKept].clock >= clock;
  if (isForgotten)
    first.pc = kUnknown;
  return first;
}

void RaceState::see(unsigned warp, unsigned slot, uint32_t clock) {
  ThreadClocks &w = warps[warp];
  taken[warp] = kUnknown;
  w.seen[slot] = std::max(w.seen[slot], clock);
  if (scopes)
    w.reached[slot] = std::max(w.reached[slot], clock);
}

void RaceState::acquire(unsigned warp, const ThreadClocks &barrier, const Clock *wider) {
  ThreadClocks &w = warps[warp];
  join(w.seen, barrier.seen);
  join(w.fenced, barrier.fenced);
  join(w.ownFenced, barrier.ownFenced);
  join(w.fencedGlobal, barrier.fencedGlobal);
  join(w.reached, barrier.reached);
  join(w.foreign, barrier.foreign);
  join(w.almost, barrier.almost);
  if (wider)
    join(w.reached, *wider);
  taken[warp] = kUnknown;
}

void RaceState::intersect(unsigned warp, ThreadClocks &all, bool first) {
  ThreadClocks &w = warps[warp];
  auto narrow = [first](Clock &into, const Clock &from) {
    if (first) {
      into = from;
      return;
    }
    into.resize(from.size());
    laneOps().min(into.data(), from.data(), into.size());
  };
  // Its own past a warp knows, which its clocks say only of what was released.
  auto narrowWithOwn = [&](Clock &into, Clock &from) {
    uint32_t released[32], *own = from.data() + warp * 32;
    memcpy(released, own, sizeof released);
    std::fill_n(own, 32, w.clock);
    narrow(into, from);
    memcpy(own, released, sizeof released);
  };
  narrowWithOwn(all.seen, w.seen);
  narrow(all.fenced, w.fenced);
  narrow(all.ownFenced, w.ownFenced);
  if (scopes)
    narrowWithOwn(all.reached, w.reached);
  ++w.clock;
}

void RaceState::warpSync(unsigned warp, uint32_t mask) {
  ThreadClocks &w = warps[warp];
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1) {
      w.seen[warp * 32 + l] = w.clock;
      if (scopes)
        w.reached[warp * 32 + l] = w.clock;
    }
  ++w.clock;
}

void RaceState::leave(unsigned warp, uint32_t mask) {
  if (lost.empty())
    lost.resize(warps.size() * 32);
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    lost[warp * 32 + unsigned(llvm::countr_zero(rest))] = warps[warp].clock;
  ++warps[warp].clock;
}

void RaceState::proxyFence(unsigned warp, uint32_t mask, bool sharedMemory, bool globalMemory) {
  ThreadClocks &w = warps[warp];
  globalMemory &= globalProxy;
  if (sharedMemory)
    join(w.fenced, w.seen);
  if (globalMemory) {
    join(w.fencedGlobal, w.seen);
    w.foreign = sim::fenced(w.foreign);
  }
  for (unsigned l = 0; l < 32; ++l) {
    unsigned slot = warp * 32 + l;
    if ((mask >> l & 1) && sharedMemory)
      w.fenced[slot] = w.ownFenced[slot] = w.clock;
    if ((mask >> l & 1) && globalMemory)
      w.fencedGlobal[slot] = w.clock;
  }
  ++w.clock;
}

ThreadClocks RaceState::threadClocks(unsigned warp, unsigned lane) const {
  ThreadClocks t = warps[warp];
  t.seen[warp * 32 + lane] = t.clock;
  if (scopes)
    t.reached[warp * 32 + lane] = t.clock;
  return t;
}

void RaceState::forgetWhenFull() {
  if (events.size() < mostIds && splits.size() < mostIds && sets.size() < mostIds)
    return;
  ++generation;
  ++placement;
  events.assign(1, {});
  std::fill(lastEvent.begin(), lastEvent.end(), Cached());
  std::fill(sharedWrite.begin(), sharedWrite.end(), 0);
  std::fill(sharedRead.begin(), sharedRead.end(), 0);
  pageAt.clear();
  pagesUsed = 0;
  recent = {};
  splits.clear();
  sets.clear();
  setAt.clear();
}

uint32_t RaceState::event(unsigned warp, uint32_t pc, AccessKind kind, SyncScope scope) {
  forgetWhenFull();
  return warpEvent(warp, pc, kind, scope);
}

uint32_t RaceState::warpEvent(unsigned warp, uint32_t pc, AccessKind kind, SyncScope scope) {
  Cached &c = lastEvent[size_t(warp) * codeSize + pc];
  uint32_t clock = warps[warp].clock;
  if (c.clock != clock) {
    c = {clock, uint32_t(events.size())};
    Event e{warp * 32, clock, pc, false, isAtomic(kind), isWrite(kind), false, 0, false, scope};
    events.push_back(e);
    e.multi = true;
    events.push_back(e);
  }
  return c.id;
}

RaceState::CopyEvents RaceState::copyEvents(unsigned slot, unsigned warp, uint32_t pc) {
  uint32_t write = asyncEvent(slot, ~0u, pc, AccessKind::Write, true);
  return {write, warpEvent(warp, pc, AccessKind::Read, SyncScope::Sys)};
}

uint32_t RaceState::agentEvent(unsigned warpgroup, uint32_t sequence, uint32_t pc, AccessKind kind) {
  forgetWhenFull();
  events.push_back({agentSlot(warpgroup), sequence, pc, true, false, isWrite(kind), false, 0});
  return uint32_t(events.size() - 1);
}

uint32_t RaceState::asyncEvent(unsigned slot, uint32_t clock, uint32_t pc, AccessKind kind,
                               bool isGeneric) {
  forgetWhenFull();
  events.push_back({slot, clock, pc, true, isAtomic(kind), isWrite(kind), false, 0, isGeneric});
  return uint32_t(events.size() - 1);
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

/// Cells of a page are mostly like their neighbour, or one lane further. For each group of 32: a bit
/// that says whether any differs from the one before it, and then two bits for each cell.
enum PackedCell { kSame, kNext, kOther };
static constexpr size_t kGroup = 32;

static std::unique_ptr<uint8_t[]> packCells(ArrayRef<uint32_t> cells) {
  uint64_t groups = 0, tags[64];
  uint32_t others[2048];
  assert(cells.size() == std::size(others) && cells.size() / kGroup == std::size(tags));
  size_t numTags = 0, numOthers = 0;
  uint32_t last = 0;
  for (size_t g = 0; g < std::size(tags); ++g) {
    uint64_t tag = 0;
    for (size_t i = 0; i < kGroup; ++i) {
      uint32_t now = cells[g * kGroup + i];
      uint64_t kind = now == last ? kSame : now == last + 1 ? kNext : kOther;
      if (kind == kOther)
        others[numOthers++] = now;
      tag |= kind << (2 * i);
      last = now;
    }
    groups |= uint64_t(tag != 0) << g;
    if (tag)
      tags[numTags++] = tag;
  }
  auto out = std::make_unique_for_overwrite<uint8_t[]>(8 + 8 * numTags + 4 * numOthers);
  memcpy(out.get(), &groups, 8);
  memcpy(out.get() + 8, tags, 8 * numTags);
  memcpy(out.get() + 8 + 8 * numTags, others, 4 * numOthers);
  return out;
}

static void unpackCells(const uint8_t *from, MutableArrayRef<uint32_t> cells) {
  uint64_t groups;
  memcpy(&groups, from, 8);
  const uint8_t *tags = from + 8, *others = tags + 8 * std::popcount(groups);
  uint32_t last = 0;
  for (size_t g = 0; g < cells.size() / kGroup; ++g) {
    uint64_t tag = 0;
    if (groups >> g & 1) {
      memcpy(&tag, tags, 8);
      tags += 8;
    }
    for (size_t i = 0; i < kGroup; ++i, tag >>= 2) {
      if ((tag & 3) == kOther) {
        memcpy(&last, others, 4);
        others += 4;
      } else
        last += (tag & 3) == kNext;
      cells[g * kGroup + i] = last;
    }
  }
}

ShadowPage RaceState::findPage(uint64_t page) {
  auto [it, fresh] = pageAt.try_emplace(page, pagesUsed);
  constexpr size_t words = kPage / 4;
  if (!fresh)
    return pageNumber(it->second);
  if (pagesUsed == pages.size())
    pages.emplace_back();
  std::unique_ptr<uint32_t[]> &p = pages[pagesUsed++];
  if (!p) {
    p = std::make_unique_for_overwrite<uint32_t[]>((keepsStored ? 3 : 2) * words);
    *pagesHeld += 1;
  }
  memset(p.get(), 0, 8 * words);
  return {p.get(), p.get() + words};
}

ShadowPage RaceState::pageNumber(uint32_t index) {
  constexpr size_t words = kPage / 4;
  std::unique_ptr<uint32_t[]> &p = pages[index];
  if (!p) {
    p = std::make_unique_for_overwrite<uint32_t[]>(2 * words);
    *pagesHeld += 1;
    unpackCells(packed[index].get(), llvm::MutableArrayRef(p.get(), 2 * words));
    packed[index].reset();
  }
  return {p.get(), p.get() + words};
}

void RaceState::packPages() {
  packed.resize(pages.size());
  for (size_t i = 0; i < pages.size(); ++i) {
    if (!pages[i])
      continue;
    if (i < pagesUsed)
      packed[i] = packCells(llvm::ArrayRef(pages[i].get(), 2 * kPage / 4));
    pages[i].reset();
    *pagesHeld -= 1;
  }
  recent = {};
  ++placement;
}

// A plain cell is event << 5 | lane, which leaves 25 bits of events below the tags.
bool RaceState::ordered(uint32_t cell, const Accessor &me, const uint32_t *seen) const {
  const Event &e = events[cell >> 5];
  unsigned lane = cell & 31;
  if (e.agent)
    return seen[e.slot] >= e.clock;
  if (e.multi) {
    bool all = true;
    for (unsigned l = 0; l < 32; ++l)
      all &= seen[e.slot + l] >= e.clock || (e.slot == me.warp * 32 && l == me.lane);
    return all;
  }
  if (!me.async && e.slot == me.warp * 32 && lane == me.lane)
    return true;
  return seen[e.slot + lane] >= e.clock && !isLost(e, lane);
}

/// Whether two strong accesses are no race: each one's scope holds the other's thread. Those of agents reach far enough.
bool RaceState::isMorallyStrong(const Event &e, const Accessor &me) const {
  if (!e.atomic || !me.atomic)
    return false;
  const Event &mine = events[me.cell >> 5];
  return !warpsOfCta || e.agent || mine.agent || e.slot / 32 / warpsOfCta == me.warp / warpsOfCta ||
         std::min(e.scope, mine.scope) >= SyncScope::Cluster;
}

bool RaceState::checkCell(uint32_t cell, const Accessor &me, bool otherWrite, Conflict &conflict) {
  if (!cell || cell == me.cell)
    return true;
  const Event &e = events[cell >> 5];
  auto fill = [&](Conflict::Kind kind) {
    conflict.kind = kind;
    conflict.other = e;
    conflict.otherLane = cell & 31;
    conflict.otherWrite = otherWrite;
    return false;
  };
  if (!ordered(cell, me)) {
    if (isMorallyStrong(e, me))
      return true;
    // Lanes of one instruction that store the same value: one of them wins, and nobody can tell which.
    if (otherWrite && (me.sameLanes >> (cell & 31) & 1) && (cell >> 5) == (me.cell >> 5))
      return true;
    return fill(Conflict::Unordered);
  }
  bool crosses = me.async && otherWrite && (!e.agent || e.generic);
  unsigned slot = e.slot + (e.agent ? 0 : cell & 31);
  if (crosses && me.async->fenced[slot] < e.clock)
    return fill(Conflict::NoProxyFence);
  if (me.reached && !ordered(cell, me, me.reached) && (me.async || !isMorallyStrong(e, me)))
    return fill(Conflict::NarrowScope);
  if (crosses && !e.agent && me.async->ownFenced[slot] < e.clock)
    return fill(Conflict::IssuerFenceOnly);
  if (me.reuse && !otherWrite && !e.agent)
    for (unsigned l = e.multi ? 0 : cell & 31, last = e.multi ? 31 : l; l <= last; ++l)
      if (me.async->fenced[e.slot + l] < e.clock)
        return fill(Conflict::NoReuseFence);
  return true;
}

bool RaceState::checkReaders(uint32_t cell, const Accessor &me, Conflict &conflict) {
  if (!(cell & kSet))
    return checkCell(cell, me, false, conflict);
  for (uint32_t c : sets[cell & kIndex])
    if (!checkCell(c, me, false, conflict))
      return false;
  return true;
}

/// Several lanes of one instruction read the word: one cell for the whole warp, or 0 when `cell` is another event.
uint32_t RaceState::mergeLanes(uint32_t cell, uint32_t mine) {
  uint32_t id = mine >> 5;
  if (cell >> 5 == id)
    return cell == mine ? cell : (id + 1) << 5;
  return cell == (id + 1) << 5 ? cell : 0;
}

/// Reads that happen before this one need no record: whoever is ordered after this one is ordered after them.
uint32_t RaceState::addReader(uint32_t cell, const Accessor &me) {
  if (!cell || cell == me.cell)
    return me.cell;
  if (!(cell & kSet)) {
    if (!me.async)
      if (uint32_t merged = mergeLanes(cell, me.cell))
        return merged;
    if (ordered(cell, me))
      return me.cell;
  }
  auto [it, fresh] = setAt.try_emplace(uint64_t(cell) << 32 | me.cell, 0);
  if (!fresh)
    return it->second;
  SmallVector<uint32_t, 4> keep;
  ArrayRef<uint32_t> old = cell & kSet ? ArrayRef<uint32_t>(sets[cell & kIndex]) : ArrayRef<uint32_t>(cell);
  uint32_t mine = me.cell;
  for (uint32_t c : old) {
    if (uint32_t merged = me.async ? 0 : mergeLanes(c, mine))
      mine = merged;
    else if (c != mine && !ordered(c, me))
      keep.push_back(c);
  }
  uint32_t result = mine;
  if (!keep.empty()) {
    keep.push_back(mine);
    llvm::sort(keep);
    if ((cell & kSet) && keep == sets[cell & kIndex]) // who polls reads the same again and again
      result = cell;
    else {
      sets.push_back(std::move(keep));
      result = kSet | uint32_t(sets.size() - 1);
    }
  }
  it->second = result;
  return result;
}

bool RaceState::cellAccess(uint32_t &write, uint32_t &read, bool isWrite, const Accessor &me, Conflict &conflict) {
  bool ok = checkCell(write, me, true, conflict);
  if (!isWrite) {
    read = addReader(read, me);
    return ok;
  }
  if (ok && read)
    ok = checkReaders(read, me, conflict);
  write = me.cell;
  read = 0;
  return ok;
}

uint32_t RaceState::split(uint32_t cell) {
  splits.push_back({{cell, cell, cell, cell}});
  return kSplit | uint32_t(splits.size() - 1);
}

/// Of the conflicts of one access the most severe counts, of equals the first: a note must not hide a race.
void RaceState::keepWorse(Conflict &conflict, const Conflict &c, bool &ok) {
  if (ok || c.kind < conflict.kind)
    conflict = c;
  ok = false;
}

bool RaceState::wordAccess(ShadowPage page, uint64_t word, unsigned first, unsigned last, bool isWrite,
                           const Accessor &me, Conflict &conflict) {
  uint32_t &w = page.write[word], &r = page.read[word];
  bool whole = first == 0 && last == 4, isSplit = (w & kSplit) == kSplit || (r & kSplit) == kSplit;
  if (whole && !isSplit)
    return cellAccess(w, r, isWrite, me, conflict);
  if ((w & kSplit) != kSplit)
    w = split(w);
  if ((r & kSplit) != kSplit)
    r = split(r);
  bool ok = true;
  for (unsigned i = first; i < last; ++i) {
    Conflict c{};
    if (!cellAccess(splits[w & kIndex].cell[i], splits[r & kIndex].cell[i], isWrite, me, c)) {
      c.address = i;
      keepWorse(conflict, c, ok);
    }
  }
  // One owner again: give the word back its single cell.
  if (whole && isWrite) {
    w = me.cell;
    r = 0;
  }
  return ok;
}

/// The same for a part of one word: true if it is ordered and was recorded. A read leaves the write's cell whole.
template <class Fine>
bool RaceState::partFine(uint32_t &w, uint32_t &r, unsigned first, unsigned bytes, bool isWrite,
                         uint32_t me, Fine &&fine) {
  auto isSplit = [](uint32_t cell) { return (cell & kSplit) == kSplit; };
  auto all = [&](uint32_t cell, bool otherWrite) {
    if (!isSplit(cell))
      return (cell == me && !otherWrite) || fine(cell, otherWrite);
    const Split &s = splits[cell & kIndex];
    bool ok = true;
    for (unsigned i = first; i < first + bytes; ++i)
      ok &= (s.cell[i] == me && !otherWrite) || fine(s.cell[i], otherWrite);
    return ok;
  };
  if (!all(w, true) || !all(r, false))
    return false;
  auto put = [&](uint32_t &cell, uint32_t value) {
    if (cell == value)
      return;
    if (!isSplit(cell))
      cell = split(cell);
    for (unsigned i = first; i < first + bytes; ++i)
      splits[cell & kIndex].cell[i] = value;
  };
  if (isWrite)
    put(w, me);
  put(r, isWrite ? 0 : me);
  return true;
}

bool RaceState::run(ShadowPage page, uint64_t offset, unsigned bytes, bool isWrite,
                    const Accessor &me, Memo &memo, Conflict &conflict) {
  uint64_t end = offset + bytes;
  auto fine = [&](uint32_t cell, bool otherWrite) { return isPast(cell, me, otherWrite); };
  if (((offset | bytes) & 3) && offset / 4 == (end - 1) / 4 &&
      partFine(page.write[offset / 4], page.read[offset / 4], offset % 4, bytes, isWrite, me.cell,
               fine))
    return true;
  bool ok = true;
  for (uint64_t word = offset / 4; word * 4 < end; ++word) {
    unsigned first = word * 4 < offset ? unsigned(offset - word * 4) : 0;
    unsigned last = unsigned(std::min<uint64_t>(4, end - word * 4));
    uint32_t &w = page.write[word], &r = page.read[word], write = w, read = r;
    bool whole = first == 0 && last == 4;
    Conflict c{};
    Memo::Pair &known = memo.at(write, read);
    if (whole && write == known.write && read == known.read) {
      w = isWrite ? me.cell : write;
      r = known.newRead;
    } else if (whole && fine(write, true) && (read == me.cell || fine(read, false))) {
      w = isWrite ? me.cell : write;
      r = isWrite ? 0 : me.cell;
      known = {write, read, r};
    } else if (!wordAccess(page, word, first, last, isWrite, me, c)) {
      c.address =
          word * 4 + std::max<uint64_t>(c.address, first) - offset; // relative to the access
      keepWorse(conflict, c, ok);
    } else if (whole && (write & kSplit) != kSplit && (read & kSplit) != kSplit)
      known = {write, read, r};
  }
  return ok;
}

bool RaceState::WarpAccess::part(uint32_t *write, uint32_t *read, unsigned first, unsigned bytes,
                                 uint32_t me) {
  if (first + bytes > 4)
    return false;
  if (isWrite || (*write & kSplit) == kSplit)
    return race.partFine(*write, *read, first, bytes, isWrite, me,
                         [&](uint32_t cell, bool) { return settled(cell); });
  // What copies of single elements do, which read the parts of a word one after the other.
  if (!settled(*write))
    return false;
  if (*read == me)
    return true;
  if ((*read & kSplit) != kSplit) {
    if (!settled(*read))
      return false;
    *read = race.split(*read);
  }
  uint32_t *cells = race.splits[*read & kIndex].cell + first;
  for (unsigned i = 0; i < bytes; ++i)
    if (cells[i] != me && !settled(cells[i]))
      return false;
  for (unsigned i = 0; i < bytes; ++i)
    cells[i] = me;
  return true;
}

bool RaceState::settle(Event &e, unsigned warp) const {
  auto covers = [&](const Clock &clock) {
    return llvm::all_of(llvm::ArrayRef(clock).slice(e.slot, e.agent ? 1 : 32),
                        [&](uint32_t known) { return known >= e.clock; });
  };
  bool hasLost = !lost.empty() && e.write && !e.agent &&
                 llvm::is_contained(llvm::ArrayRef(lost).slice(e.slot, 32), e.clock);
  if (hasLost || !covers(warps[warp].seen) || (scopes && !covers(warps[warp].reached)))
    return false;
  if (warp < 64)
    e.settled |= uint64_t(1) << warp;
  return true;
}

bool RaceState::access(ShadowPage page, uint64_t offset, unsigned bytes, AccessKind kind, unsigned warp, unsigned lane,
                       uint32_t event, uint32_t sameLanes, Conflict &conflict) {
  Accessor me{warps[warp].seen.data(), nullptr, warp, lane, event << 5 | lane, isAtomic(kind), sameLanes};
  me.reached = scopes ? warps[warp].reached.data() : nullptr;
  Memo memo;
  return run(page, offset, bytes, isWrite(kind), me, memo, conflict);
}

void RaceState::relabel(ShadowPage page, uint64_t offset, unsigned bytes, uint32_t from,
                        uint32_t to, unsigned lane) {
  uint32_t old = from << 5 | lane, now = to << 5 | lane;
  for (uint64_t byte = offset, end = offset + bytes; byte < end;) {
    uint32_t &cell = page.write[byte / 4];
    bool isSplit = (cell & kSplit) == kSplit, whole = byte % 4 == 0 && end - byte >= 4;
    if (!isSplit && cell == old && !whole)
      cell = split(cell);
    if ((cell & kSplit) != kSplit) {
      if (cell == old)
        cell = now;
      byte = (byte & ~3ull) + 4;
      continue;
    }
    uint32_t &part = splits[cell & kIndex].cell[byte % 4];
    if (part == old)
      part = now;
    ++byte;
  }
}

//===----------------------------------------------------------------------===//
// Flags in memory, and other units
//===----------------------------------------------------------------------===//

Past RaceState::past(unsigned warp) {
  ThreadClocks &w = warps[warp];
  Past p{std::make_shared<const Clocks>(w), w.clock, w.foreign, w.almost};
  gifts[warp].add(w.clock++);
  return p;
}

void RaceState::releasePast(const Past &past, unsigned warp, uint32_t lanes, ThreadClocks &barrier,
                            Clock *reached) const {
  join(barrier.seen, past.own->seen);
  join(barrier.fenced, past.own->fenced);
  join(barrier.ownFenced, past.own->ownFenced);
  join(barrier.fencedGlobal, past.own->fencedGlobal);
  join(barrier.foreign, past.foreign);
  join(barrier.almost, past.almost);
  if (scopes && reached)
    join(*reached, past.own->reached);
  for (unsigned l = 0; l < 32; ++l)
    if (lanes >> l & 1) {
      uint32_t &seen = barrier.seen[warp * 32 + l];
      seen = std::max(seen, past.clock);
      if (scopes && reached)
        (*reached)[warp * 32 + l] = std::max((*reached)[warp * 32 + l], past.clock);
    }
}

Knowledge RaceState::give(const Past &past, unsigned warp, uint32_t lanes) const {
  auto own = std::make_shared<Clocks>(*past.own);
  for (unsigned l = 0; l < 32; ++l)
    if (lanes >> l & 1) {
      own->seen[warp * 32 + l] = past.clock;
      if (scopes)
        own->reached[warp * 32 + l] = past.clock;
    }
  return with(past.foreign, unit, std::move(own));
}

void RaceState::take(unsigned warp, const Knowledge &knowledge, bool wide) {
  ThreadClocks &w = warps[warp];
  if (const Clocks *own = find(knowledge, unit)) {
    join(w.seen, own->seen);
    join(w.fenced, own->fenced);
    join(w.ownFenced, own->ownFenced);
    join(w.fencedGlobal, own->fencedGlobal);
    if (wide)
      join(w.reached, own->reached);
  }
  join(wide ? w.foreign : w.almost, knowledge);
  taken[warp] = kUnknown;
}

ShadowPage RaceState::existingShadow(uint64_t page) {
  auto it = pageAt.find(page);
  return it == pageAt.end() ? ShadowPage{nullptr, nullptr} : pageNumber(it->second);
}

const Event *RaceState::lastWrite(ShadowPage page, uint64_t offset, unsigned &lane) const {
  uint32_t cell = page.write[offset / 4];
  lane = cell & 31;
  return cell && !(cell & kSet) ? &events[cell >> 5] : nullptr;
}

void RaceState::retire() {
  warps = {};
  lastEvent = {};
  sharedWrite = {};
  sharedRead = {};
  setAt.shrink_and_clear();
}

static uint32_t at(const Clock &clock, unsigned slot) {
  return slot < clock.size() ? clock[slot] : 0;
}

bool RaceState::meetsCell(uint32_t cell, bool otherWrite, const Asker &asker,
                          Conflict &conflict) const {
  const Event &e = events[cell >> 5];
  if (asker.isStrong && asker.strongCode[e.pc])
    return true;
  unsigned first = e.slot + (e.agent || e.multi ? 0 : cell & 31), last = first + (e.multi ? 31 : 0);
  auto reaches = [&](const Clocks *known, Clock Clocks::*which) {
    for (unsigned slot = first; slot <= last; ++slot)
      if (!known || at(known->*which, slot) < e.clock)
        return false;
    return true;
  };
  Conflict::Kind kind;
  if (!reaches(asker.known, &Clocks::seen))
    kind =
        reaches(asker.almost, &Clocks::seen) ? Conflict::NarrowScope : Conflict::Unordered;
  else if (asker.isAsync && otherWrite && !e.agent &&
           !reaches(asker.known, &Clocks::fencedGlobal))
    kind = Conflict::NoProxyFence;
  else
    return true;
  conflict = {kind, e, cell & 31, 0, otherWrite};
  return false;
}

bool RaceState::meetsCells(uint32_t write, uint32_t read, const Asker &asker,
                           Conflict &conflict) const {
  if (write && !meetsCell(write, true, asker, conflict))
    return false;
  if (!asker.isWrite || !read)
    return true;
  if (!(read & kSet))
    return meetsCell(read, false, asker, conflict);
  return all_of(sets[read & kIndex],
                [&](uint32_t cell) { return meetsCell(cell, false, asker, conflict); });
}

bool RaceState::meets(ShadowPage page, uint64_t offset, unsigned bytes, const Asker &asker,
                      Conflict &conflict) const {
  bool ok = true;
  uint32_t write = 0, read = 0; // What was right before.
  auto cells = [&](uint32_t w, uint32_t r, uint64_t byte) {
    Conflict c{};
    if (meetsCells(w, r, asker, c))
      return true;
    c.address = byte - offset;
    keepWorse(conflict, c, ok);
    return false;
  };
  for (uint64_t byte = offset, end = offset + bytes; byte < end;) {
    uint32_t w = page.write[byte / 4], r = page.read[byte / 4];
    bool splitW = (w & kSplit) == kSplit, splitR = (r & kSplit) == kSplit;
    if (!splitW && !splitR) {
      if ((w != write || r != read) && cells(w, r, byte)) {
        write = w;
        read = r;
      }
      byte = (byte & ~3ull) + 4;
      continue;
    }
    cells(splitW ? splits[w & kIndex].cell[byte % 4] : w,
          splitR ? splits[r & kIndex].cell[byte % 4] : r, byte);
    ++byte;
  }
  return ok;
}

} // namespace tk::sim
