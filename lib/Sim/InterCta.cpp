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

void add(SmallVectorImpl<Release> &releases, Release r) {
  auto reachesAlike = [&](const Actor &a) {
    bool wide = a.scope >= SyncScope::Gpu && r.by.scope >= SyncScope::Gpu;
    return wide || (a.scope == r.by.scope && a.unit == r.by.unit && a.cta == r.by.cta);
  };
  for (Release &e : releases)
    if (reachesAlike(e.by)) {
      e.by = r.by;
      join(e.knows, r.knows);
      join(e.almost, r.almost);
      return;
    }
  releases.push_back(std::move(r));
}

Flag *FlagTable::find(uint64_t address, unsigned bytes) {
  if (address < low || address >= high)
    return nullptr;
  auto it = flags.find(address);
  return it != flags.end() && it->second.bytes == bytes ? &it->second : nullptr;
}

const Flag *FlagTable::holding(uint64_t address) const {
  auto it = flags.upper_bound(address);
  if (it == flags.begin())
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
  Flag &f = flags[address];
  f.bytes = bytes;
  return f;
}

void FlagTable::eraseOverlapping(uint64_t address, uint64_t bytes) {
  constexpr uint64_t widest = 8;
  auto it = flags.lower_bound(address >= widest ? address - widest + 1 : 0);
  while (it != flags.end() && it->first < address + bytes)
    it = it->first + it->second.bytes > address ? flags.erase(it) : std::next(it);
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
