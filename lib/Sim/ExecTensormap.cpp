//===- ExecTensormap.cpp - Tensor maps that kernels write ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Copies read their maps through the tensormap proxy. What the kernel wrote of one they find where
/// the write is ordered before the copy, a release of that proxy (a fence, or cp_fenceproxy, which
/// is the write itself) follows the write, and a thread of the copy's CTA has acquired the map's
/// address after that and before the copy.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

static constexpr unsigned kHalf = 64; ///< Maps are aligned to half their bytes.

bool Cta::locateMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind,
                    Space space, Place *halves) {
  for (unsigned i = 0; i < 2; ++i)
    if (!locateOne(w, in, lane, addr + i * kHalf, kHalf, kind, space, halves[i]))
      return false;
  if (halves[0].space == Space::Global ||
      (halves[0].space == Space::Shared && rankOf(halves[0].raw) == w.cta))
    return true;
  report("TK-SIM-TENSORMAP", Severity::Error, &w, 1u << lane, pcOf(in), 2,
         formatv("expected a tensor map in global or in the own CTA's shared memory, got {0}",
                 spaceAddress(halves[0].raw, halves[0].space)));
  return false;
}

/// The access, for races with all others. `stored`: what is about to be written.
void Cta::noteMapWrite(Warp &w, const Inst &in, unsigned lane, const Place *halves,
                       const uint8_t *stored) {
  if (!checkRaces)
    return;
  uint32_t event = race.event(w.index, pcOf(in), AccessKind::Write);
  for (unsigned i = 0; i < 2; ++i) {
    if (halves[i].space == Space::Global) {
      noteUse(w, in, lane, halves[i].raw, kHalf, AccessKind::Write);
      if (device)
        foreignAccess(w, in, lane, halves[i].raw, kHalf, AccessKind::Write, race.warps[w.index],
                      false);
    }
    raceAccess(w, in, event, lane, halves[i], kHalf, AccessKind::Write, stored + i * kHalf, ~0u);
    keepStored(halves[i], kHalf, stored + i * kHalf);
    if (FlagTable *table = fn.usesFlags ? flagsOf(halves[i]) : nullptr) {
      table->erase(halves[i].raw, kHalf);
      if (halves[i].space == Space::Global)
        device->endSums(halves[i].raw, kHalf);
    }
  }
}

bool Cta::tensormapReplace(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  if (uint32_t bad = w.poison[in.s[1].idx] & mask) {
    poisoned(w, in, bad, "a field of a tensor map");
    mask &= ~bad;
  }
  for (unsigned l = 0; l < 32; ++l) {
    Place halves[2];
    if (!(mask >> l & 1) || !locateMap(w, in, l, addr[l], AccessKind::Write, in.space, halves))
      continue;
    if (!mbarriers.empty() && halves[0].space == Space::Shared)
      checkBarrierBytes(&w, pcOf(in), 1u << l, halves[0].raw, 2 * kHalf, "a write");
    if (!areWritten(halves[0].init, 2 * kHalf)) {
      poisoned(w, in, 1u << l, "a tensor map");
      continue;
    }
    std::array<uint8_t, 2 * kHalf> map;
    memcpy(map.data(), halves[0].data, map.size());
    if (Error e = replaceInTensorMap(map, MapField(in.sub), in.numVec, value(w, in.s[1], l))) {
      report("TK-SIM-TENSORMAP", Severity::Error, &w, 1u << l, pcOf(in), 3,
             formatv("at {0}: {1}", spaceAddress(halves[0].raw, halves[0].space),
                     toString(std::move(e))));
      stop = true;
      return false;
    }
    noteMapWrite(w, in, l, halves, map.data());
    progress += memcmp(halves[0].data, map.data(), map.size()) != 0;
    if (device)
      ++device->progress;
    memcpy(halves[0].data, map.data(), map.size());
    (halves[0].space == Space::Shared ? counters.sharedWritten : counters.globalWritten) +=
        map.size();
  }
  return true;
}

/// One copy by the whole warp: all of its lanes read the map, and all have written it.
bool Cta::tensormapCopy(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t from[32], to[32];
  uint32_t good = addresses(w, in, in.s[1], int32_t(value(w, in.s[2], 0)), mask, from);
  good &= addresses(w, in, in.s[0], in.imm, mask, to);
  if (!good)
    return true;
  unsigned l = std::countr_zero(good);
  for (unsigned k = l; k < 32; ++k)
    if ((good >> k & 1) && (from[k] != from[l] || to[k] != to[l])) {
      report("TK-SIM-TENSORMAP", Severity::Error, &w, good, pcOf(in), 4,
             "the lanes of a warp copy one tensor map; expected the same addresses in all of them");
      stop = true;
      return false;
    }
  Place source[2], target[2];
  if (!locateMap(w, in, l, from[l], AccessKind::Read, Space::Shared, source) ||
      !locateMap(w, in, l, to[l], AccessKind::Write, Space::Global, target))
    return true;
  if (!mbarriers.empty())
    checkBarrierBytes(&w, pcOf(in), 1u << l, source[0].raw, 2 * kHalf, "a read");
  if (checkRaces) {
    uint32_t event = race.event(w.index, pcOf(in), AccessKind::Read);
    for (const Place &half : source)
      for (uint32_t rest = good; rest; rest &= rest - 1)
        raceAccess(w, in, event, unsigned(std::countr_zero(rest)), half, kHalf, AccessKind::Read);
    race.warpSync(w.index, 0);
    noteMapWrite(w, in, l, target, source[0].data);
  }
  memcpy(target[0].data, source[0].data, 2 * kHalf);
  memcpy(target[0].init, source[0].init, 2 * kHalf);
  counters.sharedRead += 2 * kHalf;
  counters.globalWritten += 2 * kHalf;
  ++progress;
  if (device)
    ++device->progress;
  if (checkRaces) {
    race.warpSync(w.index, 1u << l);
    fence(w, in, mask);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Fences of the tensormap proxy
//===----------------------------------------------------------------------===//

/// A fence of these lanes here and now; what they do next is later.
MapFence Cta::mapFence(Warp &w, uint32_t lanes, SyncScope scope) {
  const ThreadClocks &now = race.warps[w.index];
  MapFence f{w.index, lanes, now.clock, scope, 0, now};
  race.warpSync(w.index, 0);
  return f;
}

/// They are fences of their scope besides: a release and an acquire of the proxy synchronise
/// through flags.
void Cta::tensormapFence(Warp &w, const Inst &in, uint32_t mask) {
  fence(w, in, mask);
  if (in.isRelease) {
    MapFence f = mapFence(w, mask, in.scope);
    if (device)
      device->mapReleases[unit].add(f);
    mapReleases.add(std::move(f));
    return;
  }
  uint64_t addr[32];
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  for (uint32_t rest = mask; rest;) {
    unsigned l = std::countr_zero(rest);
    Place halves[2];
    uint32_t same = 0;
    for (unsigned k = l; k < 32; ++k)
      same |= uint32_t((rest >> k & 1) && addr[k] == addr[l]) << k;
    rest &= ~same;
    if (!locateOne(w, in, l, addr[l], kHalf, AccessKind::Read, Space::Generic, halves[0]) ||
        !locateOne(w, in, l, addr[l] + kHalf, kHalf, AccessKind::Read, Space::Generic, halves[1]))
      continue;
    if (halves[0].space != Space::Global) {
      report(
          "TK-SIM-TENSORMAP", Severity::Warning, &w, same, pcOf(in), 5,
          formatv("tensor maps are acquired in global memory; what this does at {0} is not defined",
                  spaceAddress(halves[0].raw, halves[0].space)));
      continue;
    }
    auto mine = [&](const MapFence &f) { return f.warp == w.index && f.address == addr[l]; };
    constexpr long kOfOneMap = 8;
    if (count_if(mapAcquires, mine) == kOfOneMap)
      mapAcquires.erase(find_if(mapAcquires, mine));
    mapAcquires.push_back(mapFence(w, same, in.scope));
    mapAcquires.back().address = addr[l];
  }
}

//===----------------------------------------------------------------------===//
// Copies that read maps
//===----------------------------------------------------------------------===//

const Clocks *Cta::knownOf(const ThreadClocks &knows, uint32_t otherUnit) const {
  return otherUnit == unit ? &knows : find(knows.foreign, otherUnit);
}

static bool reaches(const Clocks *known, unsigned slot, uint32_t clock) {
  return known && slot < known->seen.size() && known->seen[slot] >= clock;
}

/// Whether the fence comes after what a thread of its unit did.
static bool follows(const MapFence &f, const Event &e, unsigned lane) {
  bool isOwn = !e.agent && e.slot == f.warp * 32 && (f.lanes >> lane & 1) && e.clock <= f.clock;
  return isOwn || reaches(&f.knows, e.slot + (e.agent ? 0 : lane), e.clock);
}

/// The narrowest scope that holds both.
static SyncScope scopeOf(bool sameUnit, bool sameCta) {
  return !sameUnit ? SyncScope::Gpu : !sameCta ? SyncScope::Cluster : SyncScope::Cta;
}

/// Whether a release of the tensormap proxy lies between the write and the acquire.
bool Cta::isReleased(const MapWrite &write, const MapFence &acquire) const {
  bool isOwn = write.unit == unit;
  unsigned cta = write.event.agent ? 0 : write.event.slot / 32 / ctx.warpStride;
  SyncScope least = scopeOf(isOwn, cta == warps[acquire.warp].cta);
  const Inst &in = code[write.event.pc];
  if (in.op == Op::TensormapCopy)
    return in.scope >= least;
  const MapReleases *releases = &mapReleases;
  if (!isOwn) {
    auto known = device->mapReleases.find(write.unit);
    if (known == device->mapReleases.end())
      return false;
    releases = &known->second;
  }
  // Whether one that is not kept any more lies between, is not known.
  if (any_of(releases->forgotten, [&](const auto &f) { return follows(f.second, write.event, write.lane); }))
    return true;
  return any_of(releases->kept, [&](const MapFence &f) {
    bool sameWarp = isOwn && f.warp == acquire.warp && f.clock <= acquire.clock;
    bool isBefore = sameWarp;
    for (unsigned l = 0; l < 32 && !isBefore; ++l)
      isBefore = (f.lanes >> l & 1) &&
                 reaches(knownOf(acquire.knows, write.unit), f.warp * 32 + l, f.clock);
    return f.scope >= least && isBefore && follows(f, write.event, write.lane);
  });
}

/// What a copy by this warp lacks to find the write through the tensormap proxy; null: nothing.
const char *Cta::missingMapFence(const Warp &w, uint64_t addr, const MapWrite &write) const {
  const ThreadClocks &now = race.warps[w.index];
  const Event &e = write.event;
  bool isOwn = write.unit == unit, isAcquired = false;
  unsigned cta = e.agent ? 0 : e.slot / 32 / ctx.warpStride;
  SyncScope least = scopeOf(isOwn, cta == w.cta);
  for (const MapFence &f : mapAcquires) {
    if (f.address != addr || warps[f.warp].cta != w.cta || f.scope < least)
      continue;
    bool isBefore = f.warp == w.index;
    for (unsigned l = 0; l < 32 && !isBefore; ++l)
      isBefore = (f.lanes >> l & 1) && now.seen[f.warp * 32 + l] >= f.clock;
    bool isAfter = isOwn ? follows(f, e, write.lane) ||
                               (!e.agent && f.warp * 32 == e.slot && e.clock <= f.clock &&
                                code[e.pc].op == Op::TensormapCopy)
                         : reaches(find(f.knows.foreign, write.unit),
                                   e.slot + (e.agent ? 0 : write.lane), e.clock);
    if (!isBefore || !isAfter)
      continue;
    isAcquired = true;
    if (isReleased(write, f))
      return nullptr;
  }
  if (isAcquired)
    return "fence.proxy.tensormap::generic.release after the write, in its thread or one that it "
           "is ordered before, of a "
           "scope that holds this CTA";
  return "fence.proxy.tensormap::generic.acquire of the map's address in this CTA after the write, "
         "of a scope that holds "
         "the writer, before the copy";
}

void Cta::reportMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, const MapWrite &write,
                    const char *edge) {
  const Event &e = write.event;
  bool isRace = !edge;
  const char *name = isRace ? "TK-SIM-RACE" : "TK-SIM-RACE-PROXY";
  if (seenBefore(name, pcOf(in), e.pc + 1))
    return;
  if (isRace)
    edge = "a barrier from it to the thread that issues the copy";
  Finding *f = report(name, Severity::Error, &w, 1u << lane, pcOf(in), e.pc + 1,
                      isRace ? formatv("a copy reads the tensor map at {0}, and an earlier write "
                                       "of it is not ordered before; "
                                       "add {1}",
                                       spaceAddress(addr, Space::Global), edge)
                             : formatv("the kernel writes the tensor map at {0}, and the fences "
                                       "are missing by which the copy "
                                       "finds it through the tensormap proxy; add {1}",
                                       spaceAddress(addr, Space::Global), edge));
  if (!f)
    return;
  unsigned cta = e.agent ? 0 : e.slot / 32 / ctx.warpStride;
  f->details.push_back(
      formatv("this: a copy issued by {0} lane {1} at {2}", nameWarp(w), lane, place(pcOf(in)))
          .str());
  if (e.agent)
    f->details.push_back("other: " + describeAgent(e));
  else
    f->details.push_back(formatv("other: write by {0}warp {1} lane {2} at {3}",
                                 write.unit == unit ? "" : nameUnit(write.unit, cta) + " ",
                                 e.slot / 32 % ctx.warpStride, write.lane, place(e.pc))
                             .str());
  f->details.push_back(std::string("missing edge: ") + edge);
}

/// A copy is about to read the map at a global address.
void Cta::checkMapAccess(Warp &w, const Inst &in, unsigned lane, uint64_t addr) {
  const ThreadClocks &now = race.warps[w.index];
  for (uint64_t half = addr; half < addr + 2 * kHalf; half += kHalf) {
    uint64_t offset = half % RaceState::kPage, number = half / RaceState::kPage;
    if (device)
      foreignAccess(w, in, lane, half, kHalf, AccessKind::Read, now, false);
    else
      noteUse(w, in, lane, half, kHalf, AccessKind::Read);
    race.forEachWrite(race.globalShadow(half), offset, kHalf, [&](const Event &e, unsigned writer) {
      MapWrite write{unit, e, writer};
      bool isOwn = !e.agent && e.slot == w.index * 32 && writer == lane;
      if (!isOwn && !reaches(&now, e.slot + (e.agent ? 0 : writer), e.clock))
        return reportMap(w, in, lane, addr, write, nullptr);
      if (const char *edge = missingMapFence(w, addr, write))
        reportMap(w, in, lane, addr, write, edge);
    });
    if (!device)
      continue;
    device->forEachOther(
        device->page(number), number, unit, InterCta::kWrite | InterCta::kStrongWrite,
        [&](uint32_t other, const RaceState &otherRace, ShadowPage shadow) {
          otherRace.forEachWrite(shadow, offset, kHalf, [&](const Event &e, unsigned writer) {
            if (!reaches(find(now.foreign, other), e.slot + (e.agent ? 0 : writer), e.clock))
              return; // said already
            MapWrite write{other, e, writer};
            if (const char *edge = missingMapFence(w, addr, write))
              reportMap(w, in, lane, addr, write, edge);
          });
        });
  }
}

} // namespace tk::sim
