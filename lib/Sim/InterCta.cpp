//===- InterCta.cpp - What the CTAs of a grid share -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InterCta.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
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
  uint64_t thread = threadOf(r.by);
  auto it = lower_bound(gifts, thread, [](const Gift &g, uint64_t t) { return g.thread < t; });
  if (it != gifts.end() && it->thread == thread && it->knows == r.knows && it->almost == r.almost)
    return;
  bool isKnown = r.knows == sum.knows && r.almost == sum.almost;
  uint32_t at = uint32_t(it - gifts.begin());
  if (it == gifts.end() || it->thread != thread) {
    gifts.insert(it, {thread, r.by, {}, {}});
    if (at + 1 != gifts.size())
      for (uint32_t &b : behind)
        b += b >= at;
  } else if (!it->isJoined)
    llvm::erase(behind, at);
  gifts[at] = {thread, r.by, std::move(r.knows), std::move(r.almost), isKnown};
  if (!isKnown)
    behind.push_back(at);
}

void Releases::add(Releases &&o) {
  joined();
  o.joined();
  Actor by = o.sum.by;
  o.forEach([&](Release r) { add(std::move(r)); });
  sum.by = by;
  joined();
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
  if (behind.empty())
    return sum;
  std::vector<Knowledge> knows, almost;
  for (uint32_t i : behind) {
    gifts[i].isJoined = true;
    knows.push_back(gifts[i].knows);
    almost.push_back(gifts[i].almost);
  }
  behind.clear();
  join(sum.knows, joinAll(std::move(knows)));
  join(sum.almost, joinAll(std::move(almost)));
  return sum;
}

void Releases::narrow() {
  joined();
  join(sum.almost, std::exchange(sum.knows, nullptr));
  gifts.clear();
  gifts.push_back({threadOf(sum.by), sum.by, sum.knows, sum.almost, true});
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

/// Folds what was noted last into what is sorted.
void Flag::sortUnits() {
  if (numSorted == units.size())
    return;
  llvm::sort(units, [](const FlagUnit &a, const FlagUnit &b) {
    return std::tie(a.unit, a.written) < std::tie(b.unit, b.written);
  });
  FlagUnit *end = units.begin();
  for (const FlagUnit &u : units) {
    bool isLater = end != units.begin() && end[-1].unit == u.unit;
    end[-int(isLater)] = u;
    end += !isLater;
  }
  units.truncate(size_t(end - units.begin()));
  numSorted = uint32_t(units.size());
}

const FlagUnit *Flag::findUnit(uint32_t number) {
  sortUnits();
  auto it = lower_bound(units, number, [](const FlagUnit &u, uint32_t n) { return u.unit < n; });
  return it != units.end() && it->unit == number ? it : nullptr;
}

void Flag::forgetUnits() {
  units.clear();
  numSorted = 0;
}

/// The list grows by all writes, so that none has to look for its unit in it.
void Flag::noteWrite(const Actor &by) {
  constexpr size_t kFew = 16;
  if (units.size() >= 2 * numSorted + kFew)
    sortUnits();
  last = by;
  units.push_back({by.unit, by.warp, by.lane, by.pc, ++writes});
}

/// Of reads of the same writes the first counts: more is ordered after it.
void FlagReads::note(const Flag &flag, const Actor &by, uint32_t clock) {
  Reads &reads = at[flag.address];
  if (reads.chain != flag.chain) {
    reads.chain = flag.chain;
    reads.by.clear();
  }
  uint32_t thread = by.warp * 32 + by.lane;
  auto it = lower_bound(reads.by, thread, [](const Read &r, uint32_t t) { return r.thread < t; });
  if (it == reads.by.end() || it->thread != thread)
    it = reads.by.insert(it, {thread, 0, 0});
  if (it->seen < flag.writes)
    *it = {thread, clock, flag.writes};
}

ArrayRef<FlagReads::Read> FlagReads::of(const Flag &flag) const {
  auto it = at.find(flag.address);
  return it != at.end() && it->second.chain == flag.chain ? ArrayRef<Read>(it->second.by)
                                                          : ArrayRef<Read>();
}

Flag *FlagTable::find(uint64_t address, unsigned bytes) {
  if (address < low || address >= high)
    return nullptr;
  Page *page = findPage(address);
  Flag *f = page ? (*page)[address % kPage / 4].get() : nullptr;
  while (f && f->address != address)
    f = f->next.get();
  return f && f->bytes == bytes ? f : nullptr;
}

Flag *FlagTable::holding(uint64_t address) {
  Page *page = findPage(address);
  if (!page)
    return nullptr;
  uint64_t word = address % kPage / 4, first = word - std::min(word, kWidest / 4);
  for (uint64_t i = first; i <= word; ++i)
    for (Flag *f = (*page)[i].get(); f; f = f->next.get())
      if (f->address <= address && address < f->address + f->bytes)
        return f;
  return nullptr;
}

Flag &FlagTable::make(uint64_t address, unsigned bytes) {
  if (Flag *f = find(address, bytes))
    return *f;
  erase(address, bytes);
  low = std::min(low, address);
  high = std::max(high, address + bytes);
  std::unique_ptr<Page> &page = pages[address / kPage];
  if (!page)
    page = std::make_unique<Page>();
  std::unique_ptr<Flag> &first = (*page)[address % kPage / 4];
  auto f = std::make_unique<Flag>();
  f->address = address;
  f->bytes = bytes;
  f->next = std::move(first);
  first = std::move(f);
  beginChain(*first);
  return *first;
}

void FlagTable::eraseFrom(std::unique_ptr<Flag> &flags, uint64_t address, uint64_t bytes) {
  for (std::unique_ptr<Flag> *at = &flags; *at;) {
    Flag &f = **at;
    if (f.address < address + bytes && f.address + f.bytes > address)
      *at = std::move(f.next);
    else
      at = &f.next;
  }
}

void FlagTable::eraseOverlapping(uint64_t address, uint64_t bytes) {
  uint64_t end = address + bytes;
  uint64_t word = (address - std::min(address, kWidest)) & ~3ull;
  while (word < end) {
    uint64_t pageEnd = std::min(end, (word / kPage + 1) * kPage);
    Page *page = findPage(word);
    for (; page && word < pageEnd; word += 4)
      if ((*page)[word % kPage / 4])
        eraseFrom((*page)[word % kPage / 4], address, bytes);
    word = std::max(word, pageEnd);
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

InterCta::InterCta(const Function &fn, uint64_t shadowBytes)
    : mostPages(shadowBytes / (2 * RaceState::kPage)) {
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

void InterCta::packPages() {
  for (RaceState *race : races)
    if (race)
      race->packPages();
}

void InterCta::retire(uint32_t unit, RaceState &&race) {
  auto kept = std::make_unique<RaceState>(std::move(race));
  kept->retire();
  races[unit] = kept.get();
  retired.push_back(std::move(kept));
}

void InterCta::noteFault(const Fault &f) {
  uint64_t pair = uint64_t(f.writer.unit) << 32 | f.reader.unit;
  if (pair == lastFault)
    return;
  lastFault = pair;
  constexpr size_t kMost = 1 << 18;
  llvm::DenseMap<uint32_t, Fault> &of = faults[f.writer.unit];
  if (of.empty() || numFaults < kMost)
    numFaults += of.try_emplace(f.reader.unit, f).second;
}

void InterCta::forgetFault(uint32_t writer, uint32_t reader) {
  auto of = faults.find(writer);
  if (of != faults.end())
    numFaults -= of->second.erase(reader);
  lastFault = kNoPair;
}

const InterCta::Fault *InterCta::findFault(uint32_t writer, uint32_t reader) const {
  auto of = faults.find(writer);
  if (of == faults.end() || of->second.empty())
    return nullptr;
  auto it = of->second.find(reader);
  if (it == of->second.end())
    it = llvm::min_element(of->second, [](auto &a, auto &b) { return a.first < b.first; });
  return &it->second;
}

} // namespace tk::sim
