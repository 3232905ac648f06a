//===- ExecInterCta.cpp - Conflicts between the CTAs of a grid ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

void Cta::foreignAccesses(Warp &w, const Inst &in, uint32_t mask, const Place *place,
                          unsigned bytes, AccessKind kind, const LaneBytes *stored) {
  if (!device)
    return;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (place[l].space == Space::Global)
      foreignAccess(w, in, l, place[l].raw, bytes, kind, race.warps[w.index], false,
                    stored && !memcmp(place[l].data, stored[l].data, bytes));
  }
}

void Cta::foreignAccess(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes,
                        AccessKind kind, const ThreadClocks &knows, bool isAsync, bool sameValue) {
  bool isStrong = device->strongCode[pcOf(in)];
  InterCta::Kind k = InterCta::kindOf(isWrite(kind), isStrong);
  uint64_t number = addr / RaceState::kPage;
  RecentTouch &recent = recentTouches[number % recentTouches.size()];
  if (recent.number != number)
    recent = {number, &device->page(number), 0};
  if (!(recent.kinds & k))
    recent.kinds = device->touch(*recent.page, unit, k);
  if (ctx.looksForNc && (in.isNc || isWrite(kind)))
    noteForeignNc(w, in, lane, addr, bytes, kind, *recent.page);
  uint8_t which = recent.page->others(unit, InterCta::conflictsOf(k));
  if (!which)
    return;
  // Who has read something there may have seen the place before one of the stores, or after it.
  constexpr uint8_t kReads = InterCta::kRead | InterCta::kStrongRead;
  sameValue &= !(recent.kinds & kReads) && !recent.page->others(unit, kReads);
  RaceState::Asker asker;
  asker.isWrite = isWrite(kind);
  asker.isAsync = isAsync;
  asker.isStrong = isStrong;
  asker.strongCode = device->strongCode;
  device->forEachOther(*recent.page, number, unit, which,
                       [&](uint32_t other, const RaceState &otherRace, ShadowPage shadow) {
                         asker.known = find(knows.foreign, other);
                         asker.almost = find(knows.almost, other);
                         Conflict c{};
                         if (!otherRace.meets(shadow, addr % RaceState::kPage, bytes, asker, c))
                           reportForeign(w, in, lane, addr + c.address, kind, other, c, sameValue);
                       });
}

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

std::array<uint32_t, 3> Cta::ctaOf(uint32_t number, unsigned rank) const {
  std::array<uint32_t, 3> at = firstCtaOf(ctx, number);
  auto &c = ctx.launch.cluster;
  return {at[0] + rank % c[0], at[1] + rank / c[0] % c[1], at[2] + rank / (c[0] * c[1])};
}

std::string Cta::nameUnit(uint32_t number, unsigned rank) const {
  std::array<uint32_t, 3> at = ctaOf(number, rank);
  return formatv("CTA ({0}, {1}, {2})", at[0], at[1], at[2]);
}

std::string Cta::nameActor(const Actor &a) const {
  return formatv("{0} warp {1} lane {2} at {3}", nameUnit(a.unit, a.cta), a.warp % ctx.warpStride,
                 a.lane, place(a.pc));
}

std::string Cta::describeFault(const InterCta::Fault &f) const {
  std::string flag =
      formatv("the flag at {0}, written by {1} and read by {2}, ",
              spaceAddress(f.address, Space::Global), nameActor(f.writer), nameActor(f.reader));
  switch (f.kind) {
  case InterCta::Fault::NoRelease:
    return flag + "orders nothing: the write is no release and no fence of its thread precedes it";
  case InterCta::Fault::NoAcquire:
    return flag + "orders nothing: the read is no acquire and no fence of its thread follows it";
  default:
    return flag + "orders nothing: a scope on the way (" +
           "of a fence, the write or the read) does not hold the other thread; use .gpu";
  }
}

/// The edge that would order this warp after what another unit did.
std::string Cta::missingOrder(const Warp &w, uint32_t otherUnit, const Conflict &c) const {
  const Event &o = c.other;
  std::string other = nameUnit(otherUnit, o.agent ? 0 : o.slot / 32 / ctx.warpStride);
  unsigned slot = o.slot + (o.agent || o.multi ? 0 : c.otherLane);
  for (const Warp &peer : warps) {
    const Clocks *known = find(race.warps[peer.index].foreign, otherUnit);
    if (&peer != &w && known && slot < known->seen.size() && known->seen[slot] >= o.clock)
      return formatv("{0} has acquired it from {1}; bar.sync (or another barrier) after that, "
                     "before this",
                     nameWarp(peer), other);
  }
  if (find(race.warps[w.index].foreign, otherUnit))
    return formatv("what this warp has acquired from {0} was released before that {1}, or by a "
                   "thread that it is not ordered before: bar.sync in {0} before the release, or "
                   "before the fence of its thread that stands for one",
                   other, c.otherWrite ? "write" : "read");
  return formatv("a release of scope .gpu in {0} after that {1} (st.release.gpu, or "
                 "fence.acq_rel.gpu and a strong store), and an acquire from it before this",
                 other, c.otherWrite ? "write" : "read");
}

void Cta::reportForeign(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind,
                        uint32_t otherUnit, const Conflict &c, bool sameValue) {
  const Event &o = c.other;
  bool isHarmless = sameValue && c.kind == Conflict::Unordered && c.otherWrite && !o.agent && !o.atomic;
  // Strong accesses of one place are no race where their scopes hold both threads.
  bool bothStrong = c.kind == Conflict::Unordered && o.atomic && isAtomic(kind);
  const char *name = c.kind == Conflict::NoProxyFence                ? "TK-SIM-RACE-PROXY"
                     : bothStrong || c.kind == Conflict::NarrowScope ? "TK-SIM-RACE-SCOPE"
                     : isHarmless                                    ? "TK-SIM-RACE-SAME-VALUE"
                                                                     : "TK-SIM-RACE-CTA";
  if (isObserved(w, lane, addr, Space::Global, otherUnit, c) || seenBefore(name, pcOf(in), o.pc + 1))
    return;
  bool asks = isWrite(kind);
  const char *did = verbOf(code[o.pc].op, c.otherWrite, o.atomic);
  unsigned rank = o.agent ? 0 : o.slot / 32 / ctx.warpStride;
  std::string other = nameUnit(otherUnit, rank), me = nameUnit(unit, w.cta), edge;
  std::string what = formatv("{0} of {1} by {2}",
                             in.op == Op::Bulk ? "bulk copy" : verbOf(in.op, asks, isAtomic(kind)),
                             spaceAddress(addr, Space::Global), me);
  std::string message;
  if (c.kind == Conflict::NoProxyFence) {
    edge = "fence.proxy.async (or .global) after that write, in its thread before the release, or "
           "after the acquire";
    message = formatv("{0} goes through the async proxy, and no fence.proxy.async lies between it "
                      "and an earlier write of the same byte by {1}; add {2}",
                      what, other, edge);
  } else if (bothStrong) {
    edge = "scope .gpu in both";
    message = formatv("{0} meets an earlier {1} of the same byte by {2}, and a scope of the two "
                      "does not hold both threads; use {3}",
                      what, did, other, edge);
  } else if (c.kind == Conflict::NarrowScope) {
    edge = "scope .gpu in every operation on the way";
    message = formatv("what orders this {0} after an earlier {1} of the same byte by {2} has a "
                      "scope that does not hold both threads; the memory model asks for {3}",
                      what, did, other, edge);
  } else {
    edge = missingOrder(w, otherUnit, c);
    message = isHarmless ? formatv("{0} is not ordered after an earlier write of the same value there by {1}; many kernels do "
                                   "that, the memory model asks for relaxed atomic stores (st.relaxed.gpu)",
                                   what, other)
                               .str()
                         : formatv("{0} is not ordered after an earlier {1} of the same byte by {2}", what, did, other).str();
  }
  Finding *f = report(name, isHarmless ? Severity::Warning : Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1, message);
  if (!f)
    return;
  f->details.push_back(
      formatv("this: {0} warp {1} lane {2} at {3}", me, w.local, lane, place(pcOf(in))).str());
  if (o.agent)
    f->details.push_back("other: " + other + ": " + describeAgent(o));
  else
    f->details.push_back(
        formatv("other: {0} warp {1}{2} at {3}", other, o.slot / 32 % ctx.warpStride,
                o.multi ? "" : formatv(" lane {0}", c.otherLane).str(), place(o.pc))
            .str());
  f->details.push_back("missing edge: " + edge);
  const InterCta::Fault *fault = bothStrong ? nullptr : device->findFault(otherUnit, unit);
  if (fault)
    f->details.push_back(describeFault(*fault));
}

} // namespace tk::sim
