//===- InterCta.h - What the CTAs of a grid share ---------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The state of a launch whose CTAs synchronise through global memory: its flags, and who has
/// touched which page. The shadow itself stays with each unit: a unit that accesses a page asks the
/// shadows of the others that did something there that may conflict. So what nobody writes costs
/// nothing.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_INTERCTA_H
#define TK_LIB_SIM_INTERCTA_H

#include "Async.h"
#include "Flags.h"
#include <bitset>

namespace tk::sim {

/// What loads with .nc read of a page. Only pages with such loads have one.
struct NcReads {
  uint64_t bits[64] = {}; ///< By 64-byte granule.
  /// By granule: the first instruction that did it, and the unit.
  uint32_t pc[64] = {}, unit[64] = {};
  /// The bytes among `now` that nobody has read so before.
  uint64_t note(unsigned granule, uint64_t now, uint32_t byUnit, uint32_t byPc) {
    uint64_t fresh = now & ~bits[granule];
    if (!bits[granule]) {
      pc[granule] = byPc;
      unit[granule] = byUnit;
    }
    bits[granule] |= now;
    return fresh;
  }
};

class InterCta {
public:
  /// `shadowBytes`: how much shadow of global memory may lie unpacked.
  InterCta(const Function &fn, uint64_t shadowBytes);

  /// What a unit did to a page. Strong: with a scope that holds the whole device.
  enum Kind : uint8_t { kRead = 1, kStrongRead = 2, kWrite = 4, kStrongWrite = 8 };
  static Kind kindOf(bool isWrite, bool isStrong) {
    return isWrite ? isStrong ? kStrongWrite : kWrite : isStrong ? kStrongRead : kRead;
  }
  /// With which kinds of another unit it may conflict.
  static uint8_t conflictsOf(Kind k) {
    return k == kRead         ? kWrite | kStrongWrite
           : k == kStrongRead ? kWrite
           : k == kWrite      ? kRead | kStrongRead | kWrite | kStrongWrite
                              : kRead | kWrite;
  }

  struct Touch {
    uint32_t unit;
    uint8_t kinds;
    uint32_t placement = 0; ///< Of the unit's shadow when `shadow` was looked up.
    ShadowPage shadow{};
  };
  struct Page {
    std::vector<Touch> touches;   ///< One for each unit.
    uint32_t first[4] = {};       ///< By kind: the first unit.
    uint8_t any = 0, several = 0; ///< Kinds of anyone, and of more than one unit.
    /// Words that reductions without a fence went to, and no flag was made: the shadows tell whose.
    std::unique_ptr<std::bitset<1024>> sums;
    std::unique_ptr<NcReads> nc;
    /// The kinds of `which` that units other than `unit` have done.
    uint8_t others(uint32_t unit, uint8_t which) const {
      uint8_t left = any & which, found = left & several;
      for (unsigned k = 0; k < 4; ++k)
        if ((left >> k & 1) && first[k] != unit)
          found |= uint8_t(1u << k);
      return found;
    }
  };
  Page &page(uint64_t number) {
    std::unique_ptr<Page> &p = pages[number];
    if (!p)
      p = std::make_unique<Page>();
    return *p;
  }
  /// What the unit has done to the page so far, `kind` included.
  uint8_t touch(Page &page, uint32_t unit, Kind kind);

  /// Calls f(unit, its race state, its shadow of the page) for each other unit with such a kind.
  template <class F>
  void forEachOther(Page &page, uint64_t number, uint32_t unit, uint8_t which, F &&f) {
    for (Touch &t : page.touches) {
      RaceState *race = t.unit != unit && (t.kinds & which) ? races[t.unit] : nullptr;
      if (!race)
        continue;
      if (!t.shadow.write || t.placement != race->placement) {
        t.shadow = race->existingShadow(number);
        t.placement = race->placement;
      }
      if (t.shadow.write)
        f(t.unit, *race, t.shadow);
    }
  }

  /// An ordinary write ends what reductions left there.
  void endSums(uint64_t address, uint64_t bytes) {
    Page *last = nullptr;
    if (!hasSums)
      return;
    for (uint64_t a = address & ~3ull; a < address + bytes; a += 4) {
      if (!last || a % RaceState::kPage == 0)
        last = &page(a / RaceState::kPage);
      if (last->sums)
        last->sums->reset(a % RaceState::kPage / 4);
    }
  }

  bool hasSums = false; ///< Of some page.

  void start(uint32_t unit, RaceState &race) {
    if (unit >= races.size()) // Units start in order; a grid may have more than memory has room for.
      races.resize(size_t(unit) + 1);
    races[unit] = &race;
    race.pagesHeld = pagesHeld;
  }
  /// The unit has ended. What it did is still asked for.
  void retire(uint32_t unit, RaceState &&race);
  /// For when no unit is in the midst of an access.
  void saveMemory() {
    if (*pagesHeld > mostPages)
      packPages();
  }

  /// Why a read of a flag gave no order, by the unit that wrote and the one that read. For
  /// messages.
  struct Fault {
    enum Kind { None, NoRelease, NoAcquire, Narrow } kind = None;
    uint64_t address = 0;
    Actor writer, reader;
  };
  void noteFault(const Fault &f);
  void forgetFault(uint32_t writer, uint32_t reader);
  /// The one between the two units, else one of the writer's with any.
  const Fault *findFault(uint32_t writer, uint32_t reader) const;

  FlagTable flags;
  Knowledge sequence; ///< What earlier fence.sc of scope .gpu and .sys gave.
  /// Releases of the tensormap proxy, by unit.
  std::map<uint32_t, MapReleases> mapReleases;
  uint64_t progress =
      0; ///< Counts what may let a waiter go on: bytes that change, barriers, exits.
  uint64_t strongWrites = 0; ///< Counts what a waiter may look for.
  std::vector<uint8_t>
      strongCode; ///< By instruction: strong accesses whose scope holds the device.

private:
  llvm::DenseMap<uint64_t, std::unique_ptr<Page>> pages;
  void packPages();
  std::vector<RaceState *> races; ///< By unit, of those that have started.
  size_t mostPages;
  std::shared_ptr<size_t> pagesHeld = std::make_shared<size_t>(0); ///< RaceState::pagesHeld
  std::vector<std::unique_ptr<RaceState>> retired;
  static constexpr uint64_t kNoPair = ~0ull;
  llvm::DenseMap<uint32_t, llvm::DenseMap<uint32_t, Fault>> faults; ///< By writer and reader.
  size_t numFaults = 0;
  uint64_t lastFault = kNoPair; ///< The pair that was noted last, and is noted still.
};

} // namespace tk::sim

#endif // TK_LIB_SIM_INTERCTA_H
