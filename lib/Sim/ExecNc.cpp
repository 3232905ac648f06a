//===- ExecNc.cpp - Loads with .nc of what the launch writes --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// `ld.global.nc` goes through a cache that no store reaches: a byte that it reads must not be written by anyone in the
/// same launch, and no barrier, fence or flag helps. Which bytes are both is kept by bits; who did it comes from the
/// shadow where that still knows. Between CTAs that do not talk the bits meet when they are folded (Launch.cpp).
///
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

std::string ncMessage(const Twine &what) {
  return (what + " is read by ld.global.nc and written in the same launch; the load may give an older value whatever orders "
                 "the two, .nc is for what nobody writes while the kernel runs; use ld.global (no __ldg, no const "
                 "__restrict__ for this memory)")
      .str();
}

std::string Cta::describeParty(const NcParty &p) const {
  std::string unit = nameUnit(p.unit, rankOf(p));
  if (!p.event || p.event->agent)
    return formatv("{0} at {1}", unit, place(p.pc));
  return formatv("{0} warp {1}{2} at {3}", unit, p.event->slot / 32 % ctx.warpStride,
                 p.event->multi ? "" : formatv(" lane {0}", p.lane).str(), place(p.pc));
}

unsigned Cta::rankOf(const NcParty &p) const {
  return p.event && !p.event->agent ? p.event->slot / 32 / ctx.warpStride : 0;
}

/// The finding is one of the load, whoever comes last.
void Cta::reportNc(Warp &w, unsigned lane, uint64_t addr, bool isLoad, const Inst &in, const NcParty &other) {
  uint32_t pc = pcOf(in), load = isLoad ? pc : other.pc, write = isLoad ? other.pc : pc;
  Finding *f = report("TK-SIM-MEM-NC", Severity::Error, isLoad ? &w : nullptr, isLoad ? 1u << lane : 0, load, write + 1,
                      ncMessage(spaceAddress(addr, Space::Global)));
  if (!f)
    return;
  if (!isLoad) {
    f->cta = ctaOf(other.unit, rankOf(other));
    f->warp = other.event ? other.event->slot / 32 % ctx.warpStride : 0;
    f->lanes = other.event && !other.event->multi ? 1u << other.lane : 0;
  }
  std::string me = formatv("{0} warp {1} lane {2} at {3}", nameUnit(unit, w.cta), w.local, lane, place(pc));
  std::string them = describeParty(other);
  f->details.push_back("load: " + (isLoad ? me : them));
  f->details.push_back("write: " + (isLoad ? them : me));
}

/// The load with .nc of the byte at `addr` that the shadow knows, `otherwise` if there is none.
Cta::NcParty Cta::ncReader(const RaceState &of, uint32_t number, ShadowPage shadow, uint64_t addr, NcParty otherwise) const {
  of.forEachRead(shadow, addr % RaceState::kPage, [&](const Event &e, unsigned lane) {
    if (!otherwise.event && code[e.pc].isNc)
      otherwise = {number, e.pc, &e, lane};
  });
  return otherwise;
}

void Cta::noteNc(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind) {
  PageUse &use = useOf(addr);
  unsigned granule = addr % PageUse::kPage / 64;
  uint64_t now = granuleBits(addr, bytes);
  if (in.isNc) {
    if (!use.nc)
      use.nc = std::make_unique<NcReads>();
    use.nc->note(granule, now, unit, pcOf(in));
  }
  uint64_t both = now & (in.isNc ? use.written[granule] | use.atomic[granule] : use.nc ? use.nc->bits[granule] : 0);
  if (!both)
    return;
  uint64_t byte = (addr & ~63ull) + std::countr_zero(both);
  NcParty other{unit, in.isNc ? use.writePc[granule] : use.nc->pc[granule]};
  ShadowPage shadow = race.globalShadow(byte);
  if (!in.isNc)
    other = ncReader(race, unit, shadow, byte, other);
  else
    race.forEachWrite(shadow, byte % RaceState::kPage, 1,
                      [&](const Event &e, unsigned writer) { other = {unit, e.pc, &e, writer}; });
  reportNc(w, lane, byte, in.isNc, in, other);
}

/// The same where CTAs talk: the shadows say what they have written, and the page what they have loaded so.
void Cta::noteForeignNc(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind,
                        InterCta::Page &page) {
  uint64_t number = addr / RaceState::kPage;
  constexpr uint8_t kWrites = InterCta::kWrite | InterCta::kStrongWrite, kReads = InterCta::kRead;
  if (in.isNc) {
    unsigned granule = addr % RaceState::kPage / 64;
    if (!page.nc)
      page.nc = std::make_unique<NcReads>();
    page.nc->note(granule, granuleBits(addr, bytes), unit, pcOf(in));
    if (!(page.any & kWrites))
      return;
    auto look = [&](uint32_t who, const RaceState &of, ShadowPage shadow) {
      for (uint64_t byte = addr; byte < addr + bytes; ++byte) {
        NcParty other{who, ~0u};
        of.forEachWrite(shadow, byte % RaceState::kPage, 1,
                        [&](const Event &e, unsigned writer) { other = {who, e.pc, &e, writer}; });
        if (other.event)
          return reportNc(w, lane, byte, true, in, other);
      }
    };
    look(unit, race, race.globalShadow(addr));
    device->forEachOther(page, number, unit, kWrites, look);
    return;
  }
  if (!page.nc)
    return;
  for (uint64_t at = addr, end = addr + bytes; at < end;) {
    unsigned n = unsigned(std::min(end - at, 64 - at % 64)), granule = at % RaceState::kPage / 64;
    if (uint64_t both = granuleBits(at, n) & page.nc->bits[granule]) {
      uint64_t byte = (at & ~63ull) + std::countr_zero(both);
      NcParty other{page.nc->unit[granule], page.nc->pc[granule]};
      other = ncReader(race, unit, race.globalShadow(byte), byte, other);
      if (!other.event)
        device->forEachOther(page, number, unit, kReads, [&](uint32_t who, const RaceState &of, ShadowPage shadow) {
          other = ncReader(of, who, shadow, byte, other);
        });
      return reportNc(w, lane, byte, false, in, other);
    }
    at += n;
  }
}

} // namespace tk::sim
