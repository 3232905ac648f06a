//===- InterCta.cpp - What the CTAs of a grid share -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InterCta.h"
#include "llvm/ADT/STLExtras.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

//===----------------------------------------------------------------------===//
// Flags
//===----------------------------------------------------------------------===//

bool Releases::reachesAlike(const Actor &a) const {
  const Actor &by = sum.by;
  bool wide = a.scope >= SyncScope::Gpu && by.scope >= SyncScope::Gpu;
  return wide || (a.scope == by.scope && a.unit == by.unit && a.cta == by.cta);
}

void Releases::add(Release r) {
  sum.by = r.by;
  if (r.knows == sum.knows && r.almost == sum.almost)
    return;
  uint64_t thread = uint64_t(r.by.unit) << 32 | (r.by.warp * 32 + r.by.lane);
  auto it = lower_bound(gifts, thread, [](const Gift &g, uint64_t t) { return g.thread < t; });
  if (it == gifts.end() || it->thread != thread)
    it = gifts.insert(it, {thread, {}, {}});
  else if (it->knows == r.knows && it->almost == r.almost)
    return;
  *it = {thread, std::move(r.knows), std::move(r.almost)};
  isComplete = false;
}

void Releases::add(Releases &&o) {
  joined();
  gifts.clear();
  o.joined();
  sum.by = o.sum.by;
  join(sum.knows, o.sum.knows);
  join(sum.almost, o.sum.almost);
}

/// Pairs first, so that most joins are of small maps.
static Knowledge joinAll(std::vector<Knowledge> parts) {
  for (size_t step = 1; step < parts.size(); step *= 2)
    for (size_t i = 0; i + step < parts.size(); i += 2 * step)
      join(parts[i], parts[i + step]);
  return parts.empty() ? nullptr : std::move(parts[0]);
}

const Release &Releases::joined() {
  if (std::exchange(isComplete, true))
    return sum;
  std::vector<Knowledge> knows, almost;
  for (Gift &g : gifts)
    if (!std::exchange(g.isJoined, true)) {
      knows.push_back(g.knows);
      almost.push_back(g.almost);
    }
  join(sum.knows, joinAll(std::move(knows)));
  join(sum.almost, joinAll(std::move(almost)));
  return sum;
}

void Releases::narrow() {
  joined();
  gifts.clear();
  join(sum.almost, std::exchange(sum.knows, nullptr));
}

template <class R>
static void addAny(SmallVectorImpl<Releases> &all, const Actor &by, R &&r) {
  auto same = find_if(all, [&](const Releases &e) { return e.reachesAlike(by); });
  if (same == all.end())
    all.emplace_back(std::move(r));
  else
    same->add(std::move(r));
}

void add(SmallVectorImpl<Releases> &all, Release r) {
  Actor by = r.by;
  addAny(all, by, std::move(r));
}

void add(SmallVectorImpl<Releases> &all, Releases r) {
  Actor by = r.by();
  addAny(all, by, std::move(r));
}

static auto lowerBound(ArrayRef<FlagUnit> units, uint32_t number) {
  return lower_bound(units, number, [](const FlagUnit &u, uint32_t n) { return u.unit < n; });
}

FlagUnit &Flag::unit(uint32_t number) {
  auto it = units.begin() + (lowerBound(units, number) - units.begin());
  if (it == units.end() || it->unit != number)
    it = units.insert(it, FlagUnit{number});
  return *it;
}

const FlagUnit *Flag::findUnit(uint32_t number) const {
  auto it = lowerBound(units, number);
  return it != units.end() && it->unit == number ? it : nullptr;
}

void Flag::noteWrite(const Actor &by, bool isChained) {
  if (!isChained)
    units.clear();
  FlagUnit &u = unit(by.unit);
  last = by;
  u = {by.unit, by.warp, by.lane, by.pc, ++writes, u.seen};
}

/// What a thread itself wrote it has not seen for its unit.
void Flag::noteRead(const Actor &by) {
  FlagUnit &u = unit(by.unit);
  u.seen = std::max(u.seen, writes - last.isSameThread(by));
}

Flag *FlagTable::find(uint64_t address, unsigned bytes) {
  if (address < low || address >= high)
    return nullptr;
  auto page = pages.find(address / kPage);
  if (page == pages.end())
    return nullptr;
  auto it = page->second.find(address);
  return it != page->second.end() && it->second.bytes == bytes ? &it->second : nullptr;
}

const Flag *FlagTable::holding(uint64_t address) const {
  auto page = pages.find(address / kPage);
  if (page == pages.end())
    return nullptr;
  auto it = page->second.upper_bound(address);
  if (it == page->second.begin())
    return nullptr;
  --it;
  return address < it->first + it->second.bytes ? &it->second : nullptr;
}

Flag &FlagTable::make(uint64_t address, unsigned bytes) {
  if (Flag *f = find(address, bytes))
    return *f;
  erase(address, bytes);
  low = std::min(low, address);
  high = std::max(high, address + bytes);
  Flag &f = pages[address / kPage][address];
  f.bytes = bytes;
  return f;
}

void FlagTable::eraseOverlapping(uint64_t address, uint64_t bytes) {
  constexpr uint64_t widest = 8;
  for (uint64_t number = address / kPage; number <= (address + bytes - 1) / kPage; ++number) {
    auto page = pages.find(number);
    if (page == pages.end())
      continue;
    std::map<uint64_t, Flag> &flags = page->second;
    auto it = flags.lower_bound(address >= widest ? address - widest + 1 : 0);
    while (it != flags.end() && it->first < address + bytes)
      it = it->first + it->second.bytes > address ? flags.erase(it) : std::next(it);
  }
}

//===----------------------------------------------------------------------===//
// Pending reads
//===----------------------------------------------------------------------===//

void PendingReads::note(const PendingRead &read, unsigned lane) {
  constexpr size_t most = 8; // at one place
  SmallVector<uint32_t, 2> &here = index[read.address];
  PendingRead *same = nullptr;
  for (uint32_t i : here) {
    PendingRead &r = reads[i];
    if (r.bytes != read.bytes || r.observes != read.observes ||
        r.release.by.scope != read.release.by.scope || r.sequence != read.sequence)
      continue;
    if (r.release.knows == read.release.knows && r.release.almost == read.release.almost)
      same = &r;
    else // What the sequence has gathered since says more.
      r.lanes &= ~(1u << lane);
  }
  if (same) {
    same->lanes |= 1u << lane;
    return;
  }
  auto free = find_if(here, [&](uint32_t i) { return !reads[i].lanes; });
  if (free == here.end()) {
    here.push_back(uint32_t(reads.size()));
    reads.push_back(read);
    free = std::prev(here.end());
  }
  reads[*free] = read;
  reads[*free].lanes = 1u << lane;
  if (here.size() > most)
    mergeOldest(here, lane);
}

/// The two oldest of the lane become one where they would give the same threads.
void PendingReads::mergeOldest(const SmallVectorImpl<uint32_t> &here, unsigned lane) {
  PendingRead *oldest = nullptr;
  for (uint32_t i : here) {
    PendingRead &r = reads[i];
    if (r.lanes != 1u << lane)
      continue;
    if (!oldest) {
      oldest = &r;
      continue;
    }
    const Actor &a = r.release.by, &b = oldest->release.by;
    bool bothForeign = a.unit != r.reader.unit && b.unit != r.reader.unit;
    if (r.bytes != oldest->bytes || r.observes != oldest->observes || a.scope != b.scope ||
        (!bothForeign && (a.unit != b.unit || a.cta != b.cta)))
      continue;
    join(r.release.knows, oldest->release.knows);
    join(r.release.almost, oldest->release.almost);
    oldest->lanes = 0;
    return;
  }
}

void PendingReads::dropTaken() {
  size_t before = reads.size();
  erase_if(reads, [](const PendingRead &r) { return !r.lanes; });
  if (reads.size() == before)
    return;
  index.clear();
  for (uint32_t i = 0; i < reads.size(); ++i)
    index[reads[i].address].push_back(i);
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

InterCta::InterCta(const Function &fn, uint64_t units) : races(units) {
  for (const Inst &in : fn.code) {
    bool reduces = in.op == Op::Bulk && fn.bulks[in.target].kind == BulkSpec::Reduce;
    strongCode.push_back(in.scope >= SyncScope::Gpu || reduces);
  }
}

uint8_t InterCta::touch(Page &page, uint32_t unit, Kind kind) {
  unsigned index = std::countr_zero(uint8_t(kind));
  if (!(page.any & kind))
    page.first[index] = unit;
  else if (page.first[index] != unit)
    page.several |= kind;
  page.any |= kind;
  auto it = find_if(page.touches, [&](const Touch &t) { return t.unit == unit; });
  if (it == page.touches.end())
    it = page.touches.insert(it, Touch{unit, 0});
  return it->kinds |= kind;
}

void InterCta::retire(uint32_t unit, RaceState &&race) {
  auto kept = std::make_unique<RaceState>(std::move(race));
  kept->retire();
  races[unit] = kept.get();
  retired.push_back(std::move(kept));
}

const InterCta::Fault *InterCta::findFault(uint32_t writer, uint32_t reader) const {
  auto it = faults.find({writer, reader});
  if (it != faults.end())
    return &it->second;
  it = faults.lower_bound({writer, 0});
  return it != faults.end() && it->first.first == writer ? &it->second : nullptr;
}

} // namespace tk::sim
