//===- ExecMemory.cpp - Loads, stores and their checks --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>
#include <cmath>

using namespace llvm;

namespace tk::sim {

const char *verbOf(Op op, bool isWrite, bool isStrong) {
  return !isWrite ? "read" : isStrong && op != Op::St ? "atomic" : "write";
}
static const char *verb(const Inst &in, AccessKind k) {
  return verbOf(in.op, isWrite(k), isAtomic(k));
}

/// Addresses of the active lanes; lanes whose address is poison are reported and dropped from the mask.
uint32_t Cta::addresses(Warp &w, const Inst &in, const Opnd &base, int64_t offset, uint32_t mask, uint64_t *out) {
  if (uint32_t bad = w.poison[base.idx] & mask) {
    poisoned(w, in, bad, "an address");
    mask &= ~bad;
  }
  const uint32_t *p = ptr(w, base);
  if (base.wide) {
    uint64_t a[32];
    memcpy(a, p, sizeof a);
    for (unsigned l = 0; l < 32; ++l)
      out[l] = a[l] + uint64_t(offset);
  } else
    for (unsigned l = 0; l < 32; ++l)
      out[l] = uint32_t(p[l] + uint32_t(offset));
  return mask;
}

bool Cta::locateOne(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind, Space space,
                    Place &out) {
  uint64_t a = addr;
  if (space == Space::Generic) {
    auto inside = [&](uint64_t base) { return a >= base && a < base + kWindowBytes; };
    if (a >= kSharedWindow && a < kSharedWindow + kSharedWindowBytes) {
      space = Space::Cluster;
      a -= kSharedWindow;
    } else if (inside(kLocalWindow)) {
      space = Space::Local;
      a -= kLocalWindow;
    } else if (inside(kParamWindow)) {
      space = Space::Param;
      a -= kParamWindow;
    } else
      space = Space::Global;
  }
  if (space == Space::Const)
    space = Space::Global; // constants are allocations like others, only read-only
  bool anyCta = space == Space::Cluster;
  if (anyCta)
    space = Space::Shared;
  out.raw = a;
  out.space = space;
  auto bad = [&](const char *name, const Twine &what) {
    if (ctx.options.checkMemory)
      report(name, Severity::Error, &w, 1u << lane, pcOf(in), 0, what);
    return false;
  };
  if (a % bytes)
    return bad("TK-SIM-MEM-MISALIGNED", formatv("expected an address that is a multiple of {0} bytes, got {1}", bytes,
                                                spaceAddress(a, space)));
  switch (space) {
  case Space::Shared:
    if (!insideShared(a, bytes) || (!anyCta && rankOf(a) != w.cta))
      return bad("TK-SIM-MEM-OOB",
                 formatv("{0} of {1} bytes at {2} is outside the CTA's shared memory, {3:x} to "
                         "{4:x} ({5} bytes)",
                         verb(in, kind), bytes, spaceAddress(a, space), ctx.sharedBase,
                         ctx.sharedEnd, ctx.sharedEnd - ctx.sharedBase));
    if (rankOf(a) != w.cta && !notePeer(w, pcOf(in), 1u << lane, a))
      return false;
    out.data = shared.data() + sharedIndex(a);
    out.init = sharedInit.data() + sharedIndex(a);
    return true;
  case Space::Local: {
    // The entry's frame, and above it those of the functions that the thread is in.
    uint64_t end = stacks.empty() ? fn.localBytes : stackOf(w, lane).top;
    uint64_t start = a < fn.localBytes ? 0 : stackStart(), room = a < fn.localBytes ? fn.localBytes : end;
    if (a < start || a > room || bytes > room - a)
      return bad(
          "TK-SIM-MEM-OOB",
          formatv("{0} of {1} bytes at {2} is outside the thread's {3} bytes of local memory",
                  verb(in, kind), bytes, spaceAddress(a, space), end));
    LocalBytes at = localAt(w, lane, a);
    out.data = at.data;
    out.init = at.init;
    return true;
  }
  case Space::Param: {
    if (a > ctx.parameters.size() || bytes > ctx.parameters.size() - a || isWrite(kind))
      return bad(
          "TK-SIM-MEM-OOB",
          formatv("{0} of {1} bytes at {2} is outside the {3} bytes of parameters, or no read",
                  verb(in, kind), bytes, spaceAddress(a, space), ctx.parameters.size()));
    out.data = const_cast<uint8_t *>(ctx.parameters.data()) + a;
    out.init = const_cast<uint8_t *>(ctx.parametersWritten.data()) + a;
    return true;
  }
  default:
    break;
  }
  Allocation *al = w.lastAllocation;
  if (!al || a - al->base >= al->bytes) {
    al = ctx.memory->find(a);
    w.lastAllocation = al;
  }
  if (!al || a - al->base >= al->bytes || bytes > al->bytes - (a - al->base) || !al->live) {
    w.lastAllocation = nullptr;
    bool wasThere = al && !al->live && a - al->base < al->bytes;
    std::string near;
    if (wasThere)
      near = formatv("; '{0}', {1} bytes at {2:x} (freed), was there", al->name, al->bytes, al->base).str();
    else if (al)
      near = formatv("; nearest below is '{0}', {1} bytes at {2:x}{3}, which the access passes by {4} bytes", al->name,
                     al->bytes, al->base, al->live ? "" : " (freed)", int64_t(a + bytes - al->base - al->bytes))
                 .str();
    return bad("TK-SIM-MEM-OOB", formatv("{0} of {1} bytes at {2} is outside every allocation{3}",
                                         verb(in, kind), bytes, spaceAddress(a, space), near));
  }
  if (al->readOnly && isWrite(kind))
    return bad("TK-SIM-MEM-OOB", formatv("'{0}' is constant and cannot be written", al->name));
  out.data = al->data.get() + (a - al->base);
  out.init = al->init.get() + (a - al->base);
  return true;
}

/// Finds where each lane's access goes. Lanes that go nowhere are reported and dropped.
uint32_t Cta::locate(Warp &w, const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes, AccessKind kind,
                     Space space, Place *out) {
  // The common cases, checked without calls.
  uint64_t low = bytes - 1;
  if (space == Space::Shared && std::has_single_bit(bytes)) {
    uint64_t bad = 0, base = w.sharedLow, size = ctx.sharedEnd - ctx.sharedBase;
    uint8_t *data = shared.data() + w.sharedAt, *init = sharedInit.data() + w.sharedAt;
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t a = addr[l];
      bool ok = a >= base && a - base + bytes <= size && !(a & low);
      bad |= uint64_t(!ok && (mask >> l & 1)) << l;
      uint64_t at = ok ? a - base : 0;
      out[l].data = data + at;
      out[l].init = init + at;
      out[l].raw = a;
      out[l].space = Space::Shared;
    }
    if (!bad)
      return mask;
  }
  Allocation *al = w.lastAllocation;
  if (space == Space::Global && std::has_single_bit(bytes) && al && al->live && !al->readOnly && al->bytes >= bytes) {
    uint64_t room = al->bytes - bytes, bad = 0;
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t at = addr[l] - al->base;
      bool ok = at <= room && !(addr[l] & low);
      bad |= uint64_t(!ok && (mask >> l & 1)) << l;
      at = ok ? at : 0;
      out[l] = {al->data.get() + at, al->init.get() + at, addr[l], Space::Global};
    }
    if (!bad)
      return mask;
  }
  uint32_t good = 0;
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l & 1) && locateOne(w, in, l, addr[l], bytes, kind, space, out[l]))
      good |= 1u << l;
  return good;
}

Cta::LaneSpaces Cta::genericSpaces(uint32_t mask, const Place *place) {
  LaneSpaces lanes;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    Space space = place[std::countr_zero(rest)].space;
    lanes.shared |= space == Space::Shared ? rest & -rest : 0;
    lanes.global |= space == Space::Global ? rest & -rest : 0;
  }
  return lanes;
}

PageUse &Cta::useOf(uint64_t addr) {
  uint64_t page = addr / PageUse::kPage;
  RecentUse &recent = recentUses[page % recentUses.size()];
  if (recent.page != page) {
    auto &p = out->pages[page];
    if (!p)
      p = std::make_unique<PageUse>();
    recent = {page, p.get()};
  }
  return *recent.use;
}

/// No access crosses a granule: it is naturally aligned.
void Cta::noteUse(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind) {
  if (!device) // else each access looks for conflicts
    noteUseOf(w, in, lane, addr, bytes, kind);
}

void Cta::noteUseOf(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind) {
  auto bitsOf = isAtomic(kind) ? &PageUse::atomic : isWrite(kind) ? &PageUse::written : &PageUse::read;
  PageUse &use = useOf(addr);
  unsigned granule = addr % PageUse::kPage / 64;
  (use.*bitsOf)[granule] |= granuleBits(addr, bytes);
  (isWrite(kind) ? use.writePc : use.readPc)[granule] = pcOf(in);
  if (ctx.looksForNc && (in.isNc || isWrite(kind)))
    noteNc(w, in, lane, addr, bytes, kind);
}

void Cta::noteUses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes,
                   AccessKind kind) {
  for (uint32_t rest = device ? 0 : mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (place[l].space == Space::Global)
      noteUseOf(w, in, l, place[l].raw, bytes, kind);
  }
}

/// Whether what this unit stored last in these bytes is what it is about to store. Global memory
/// itself does not tell where other host threads write it meanwhile.
bool Cta::leavesSame(const Place &p, ShadowPage page, uint64_t offset, unsigned bytes,
                     const uint8_t *stored) const {
  if (p.space == Space::Shared || device)
    return !memcmp(p.data, stored, bytes);
  const uint8_t *before = RaceState::storedIn(page) + offset;
  bool same = true;
  for (unsigned i = 0; i < bytes && same; ++i)
    race.forEachWrite(page, offset + i, 1, [&](const Event &e, unsigned) {
      Op op = code[e.pc].op;
      bool isKept = op == Op::St || op == Op::TensormapReplace || op == Op::TensormapCopy;
      same = isKept && before[i] == stored[i];
    });
  return same;
}

void Cta::keepValues() {
  constexpr unsigned kFew = 64;
  for (auto &[number, use] : out->pages) {
    unsigned bytes = 0;
    for (uint64_t written : use->written)
      bytes += unsigned(std::popcount(written));
    for (unsigned g = 0; g < 64 && bytes <= kFew; ++g) {
      if (!use->written[g])
        continue;
      ShadowPage page = race.globalShadow(number * PageUse::kPage);
      PageUse::Value &v = use->values.emplace_back(PageUse::Value{g, 0, {}});
      memcpy(v.data, RaceState::storedIn(page) + 64 * g, 64);
      for (uint64_t rest = use->written[g]; rest; rest &= rest - 1)
        race.forEachWrite(page, 64 * g + unsigned(std::countr_zero(rest)), 1, [&](const Event &e, unsigned) {
          v.known |= code[e.pc].op == Op::St ? rest & -rest : 0;
        });
    }
  }
}

void Cta::raceAccess(Warp &w, const Inst &in, uint32_t event, unsigned lane, const Place &p,
                     unsigned bytes, AccessKind kind, const uint8_t *stored, uint32_t sameLanes, uint32_t lanesBefore) {
  ShadowPage page;
  uint64_t offset;
  if (!shadowOf(p, page, offset))
    return;
  Conflict c{};
  bool sameValue = stored && leavesSame(p, page, offset, bytes, stored);
  if (!race.access(page, offset, bytes, kind, w.index, lane, event, sameValue ? sameLanes : 0, c))
    reportConflict(w, in, lane, p.raw + c.address, kind, c, p.space, sameValue && (in.op == Op::St || in.op == Op::StMatrix),
                   sameLanes | lanesBefore);
}

void Cta::raceAccesses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes,
                       AccessKind kind) {
  uint32_t event = race.event(w.index, pcOf(in), kind, in.scope);
  RaceState::WarpAccess access(race, w.index, event, kind);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (!isSettled(access, l, place[l], bytes))
      raceAccess(w, in, event, l, place[l], bytes, kind);
  }
}

void Cta::storeRows(Warp &w, const Inst &in, uint32_t mask, const Place *place, const LaneBytes *stored) {
  constexpr unsigned kRow = sizeof stored->data;
  uint32_t event = checkRaces ? race.event(w.index, pcOf(in), AccessKind::Write, in.scope) : 0;
  RaceState::WarpAccess access(race, w.index, event, AccessKind::Write);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (event && !isSettled(access, l, place[l], kRow))
      raceAccess(w, in, event, l, place[l], kRow, AccessKind::Write, stored[l].data, lanesAt(place, mask & ~rest, l));
    memcpy(place[l].data, stored[l].data, kRow);
    memcpy(place[l].init, stored[l].init, kRow);
  }
}

void Cta::reportConflict(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind, const Conflict &c,
                         Space space, bool sameValue, uint32_t lanesBefore) {
  const Event &o = c.other;
  bool narrow = c.kind == Conflict::NarrowScope;
  // Strong accesses of one place are no race where their scopes hold both threads.
  bool bothStrong = c.kind == Conflict::Unordered && o.atomic && isAtomic(kind);
  // Two stores of one value: whichever comes last, memory is the same.
  bool harmless = sameValue && c.kind == Conflict::Unordered && c.otherWrite && !o.agent && !o.atomic;
  if (fn.usesFlags && isObserved(w, lane, addr, space, unit, c))
    return;
  if (seenBefore(narrow || bothStrong ? "TK-SIM-RACE-SCOPE" : harmless ? "TK-SIM-RACE-SAME-VALUE" : "TK-SIM-RACE", pcOf(in), o.pc + 1))
    return;
  std::string who, edge;
  if (o.agent) {
    who = describeAgent(o);
    edge = agentEdge(o);
  } else {
    const Warp &ow = warps[o.slot / 32];
    who =
        formatv("{0} by {1}{2} at {3}", verbOf(code[o.pc].op, c.otherWrite, o.atomic), nameWarp(ow),
                o.multi ? std::string() : formatv(" lane {0}", c.otherLane).str(), place(o.pc))
            .str();
    // Lanes that execute one instruction apart, or at different times, are as any two.
    bool isUpdate = o.pc == pcOf(in) && ow.index == w.index && isWrite(kind) && c.otherWrite && (lanesBefore >> c.otherLane & 1);
    bool mayUpdate = ow.index == w.index && isWrite(kind) && !c.otherWrite && o.multi;
    edge = mayUpdate             ? "bar.warp.sync (__syncwarp) between the two, or, where each lane updates it, an atomic operation"
           : isUpdate              ? "an atomic operation, or one lane that writes: lanes of one instruction come in no order"
           : ow.index == w.index ? "bar.warp.sync (__syncwarp) between the two"
           : ow.cta == w.cta   ? "bar.sync between the two"
                               : "barrier.cluster between the two";
  }
  Finding *f = nullptr;
  if (narrow)
    f = report(
        "TK-SIM-RACE-SCOPE", Severity::Warning, &w, 1u << lane, pcOf(in), o.pc + 1,
        formatv("what orders this {0} of {1} after an earlier {2} of the same byte is an arrival "
                "from, a wait "
                "for, or a flag of another CTA, of scope .cta; the memory model asks for {3}",
                verb(in, kind), spaceAddress(addr, space), c.otherWrite ? "write" : "read",
                edge = kWideScopes));
  else if (bothStrong)
    f = report("TK-SIM-RACE-SCOPE", Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("{0} of {1} meets an earlier {2} of the same byte by another CTA of the cluster, and a scope of the two "
                       "does not hold both threads; use {3}",
                       verb(in, kind), spaceAddress(addr, space), verbOf(code[o.pc].op, c.otherWrite, o.atomic),
                       edge = "scope .cluster in both"));
  else if (harmless)
    f = report("TK-SIM-RACE-SAME-VALUE", Severity::Warning, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("{0} of {1} is not ordered after an earlier write of the same value there; many kernels do that, "
                       "the memory model asks for a {2}",
                       verb(in, kind), spaceAddress(addr, space), edge));
  else
    f = report("TK-SIM-RACE", Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("{0} of {1} is not ordered after an earlier {2} of the same byte; add {3}{4}",
                       verb(in, kind), spaceAddress(addr, space), c.otherWrite ? "write" : "read",
                       StringRef(edge).starts_with("a ") || StringRef(edge).starts_with("an ") ? "" : "a ", edge));
  if (f) {
    f->details.push_back(formatv("this: {0} by {1} lane {2} at {3}", verb(in, kind), nameWarp(w),
                                 lane, place(pcOf(in)))
                             .str());
    f->details.push_back("other: " + who);
    describePaths(&w, lane, c, *f);
    f->details.push_back("missing edge: " + edge);
  }
}

/// Ordinary accesses have no business in a live mbarrier.
void Cta::checkBarrierBytes(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes, const char *what) {
  uint64_t low = mbarriers.begin()->first, high = mbarriers.rbegin()->first + 8;
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l & 1) && place[l].raw < high && place[l].raw + bytes > low)
      checkBarrierBytes(&w, pcOf(in), 1u << l, place[l].raw, bytes, what);
}

/// Wavefronts against the minimum: one phase for each 128 bytes of the access, lanes of a phase conflict when they ask
/// one bank group for different rows. Each CTA of a cluster has banks of its own, and its lanes are counted by themselves.
void Cta::banks(const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes) {
  for (uint32_t rest = mask; rest;) {
    uint32_t same = rest;
    unsigned first = unsigned(std::countr_zero(rest));
    for (uint32_t others = ctx.clusterSize > 1 ? rest & (rest - 1) : 0; others; others &= others - 1)
      if (rankOf(addr[std::countr_zero(others)]) != rankOf(addr[first]))
        same &= ~(others & -others);
    banksOfCta(in, same, addr, bytes);
    rest &= ~same;
  }
}

void Cta::banksOfCta(const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes) {
  unsigned granule = bytes < 4 ? 4 : bytes, lanes = 128 / granule, groupsOf = 128 / granule;
  uint64_t fronts = 0, least = 0;
  for (unsigned first = 0; first < 32; first += lanes) {
    uint64_t rows[32];
    uint8_t group[32], count[32] = {};
    unsigned n = 0, worst = 0;
    for (unsigned l = first; l < first + lanes; ++l) {
      if (!(mask >> l & 1))
        continue;
      uint64_t row = addr[l] / granule;
      bool seen = false;
      unsigned g = row % groupsOf;
      if (count[g])
        for (unsigned i = 0; i < n && !seen; ++i)
          seen = rows[i] == row && group[i] == g;
      if (seen)
        continue;
      if (!counters.bankWords.empty())
        for (unsigned word = 0; word < granule / 4; ++word)
          ++counters.bankWords[pcOf(in)][(row * (granule / 4) + word) % 32];
      rows[n] = row;
      group[n++] = uint8_t(g);
      worst = std::max<unsigned>(worst, ++count[g]);
    }
    fronts += worst;
    least += n != 0;
  }
  uint32_t pc = pcOf(in);
  counters.wavefronts[pc] += fronts;
  counters.minimum[pc] += least;
}

/// One element of each lane, `at` bytes into its place, to the lanes of a register. `T` has its
/// width, and the sign to extend. Returns the lanes whose bytes are not all written.
template <class T, class Place>
static uint32_t loadElements(const Place *place, unsigned at, uint32_t mask, uint32_t *row,
                             bool wide) {
  constexpr uint64_t written = 0x0101010101010101ull >> (64 - 8 * sizeof(T));
  uint32_t poison = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    T v;
    std::make_unsigned_t<T> ok;
    memcpy(&v, place[l].data + at, sizeof v);
    memcpy(&ok, place[l].init + at, sizeof ok);
    poison |= uint32_t(ok != written) << l;
    if (wide) {
      uint64_t extended = uint64_t(int64_t(v));
      memcpy(row + 2 * l, &extended, 8);
    } else
      row[l] = uint32_t(v);
  }
  return poison;
}

template <class Place>
static uint32_t loadElements(Ty ty, const Place *place, unsigned at, uint32_t mask, uint32_t *row,
                             bool wide) {
  bool isSigned = ty == Ty::S8 || ty == Ty::S16 || ty == Ty::S32;
  auto load = [&](auto type) { return loadElements<decltype(type)>(place, at, mask, row, wide); };
  switch (bytesOf(ty)) {
  case 1:
    return isSigned ? load(int8_t()) : load(uint8_t());
  case 2:
    return isSigned ? load(int16_t()) : load(uint16_t());
  case 4:
    return isSigned ? load(int32_t()) : load(uint32_t());
  default:
    return load(uint64_t());
  }
}

/// Bytes that a pragma calls unused need not be loaded: they are of no known value, and no matter whether they were written.
template <class Place>
static void leaveUnused(const Inst &in, unsigned bytes, uint32_t mask, Place *place, LaneBytes *loaded) {
  constexpr uint8_t kAnything = 0xa5;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    for (unsigned i = 0; i < bytes; ++i) {
      bool isUsed = in.usedBytes >> i & 1;
      loaded[l].data[i] = isUsed ? place[l].data[i] : kAnything;
      loaded[l].init[i] = isUsed ? place[l].init[i] : 1;
    }
    place[l].data = loaded[l].data;
    place[l].init = loaded[l].init;
  }
}

void Cta::ld(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  unsigned es = bytesOf(in.ty), n = in.numVec, bytes = es * n;
  uint32_t wanted = mask;
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, bytes, AccessKind::Read, in.space, place);
  if (uint32_t lost = wanted & ~mask)
    for (const Opnd &o : in.vec)
      setPoison(w, o, lost, ~0u);
  if (!mask)
    return;
  LaneSpaces lanes = spacesOf(in, mask, place);
  if (ctx.options.checkBanks && lanes.shared)
    banks(in, lanes.shared, addr, bytes);
  if (!mbarriers.empty() && lanes.shared)
    checkBarrierBytes(w, in, lanes.shared, place, bytes, "a read");
  AccessKind kind = in.isVolatile ? AccessKind::AtomicRead : AccessKind::Read;
  if (checkRaces && lanes.common()) {
    noteUses(w, in, mask, place, bytes, kind);
    foreignAccesses(w, in, mask, place, bytes, kind);
    raceAccesses(w, in, mask, place, bytes, kind);
    if (in.isOnce)
      checkLook(w, in, mask, place);
    if (in.isVolatile)
      strongReads(w, in, mask, place);
  }
  if (in.isVolatile)
    device ? noteSpin(w, in, mask, place, bytes) : noteLook(w);
  LaneBytes loaded[32];
  if (in.usedBytes != ~0u)
    leaveUnused(in, bytes, mask, place, loaded);
  for (unsigned i = 0; i < n; ++i) {
    uint32_t poison = loadElements(in.ty, place, i * es, mask, reg(w, in.vec[i]), in.vec[i].wide);
    setPoison(w, in.vec[i], mask, poison);
    if (poison)
      noteLoaded(w, in.vec[i], in.ty, poison, place, i * es);
  }
  counters.sharedRead += uint64_t(std::popcount(lanes.shared)) * bytes;
  counters.globalRead += uint64_t(std::popcount(lanes.global)) * bytes;
}

/// One element of each lane from a register to `at` bytes into what the lane stores.
template <class T>
static void storeElements(const uint32_t *row, bool wide, uint32_t poison, uint32_t mask,
                          unsigned at, LaneBytes *stored) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint64_t v = row[l];
    if (wide)
      memcpy(&v, row + 2 * l, 8);
    T element = T(v), ok = poison >> l & 1 ? 0 : T(0x0101010101010101ull);
    memcpy(stored[l].data + at, &element, sizeof element);
    memcpy(stored[l].init + at, &ok, sizeof ok);
  }
}

static void storeElements(unsigned bytes, const uint32_t *row, bool wide, uint32_t poison,
                          uint32_t mask, unsigned at, LaneBytes *stored) {
  auto store = [&](auto type) {
    storeElements<decltype(type)>(row, wide, poison, mask, at, stored);
  };
  switch (bytes) {
  case 1:
    return store(uint8_t());
  case 2:
    return store(uint16_t());
  case 4:
    return store(uint32_t());
  default:
    return store(uint64_t());
  }
}

static void copySmall(uint8_t *to, const uint8_t *from, unsigned bytes) {
  switch (bytes) {
  case 1:
    *to = *from;
    break;
  case 2:
    memcpy(to, from, 2);
    break;
  case 4:
    memcpy(to, from, 4);
    break;
  case 8:
    memcpy(to, from, 8);
    break;
  case 16:
    memcpy(to, from, 16);
    break;
  default:
    memcpy(to, from, bytes);
    break;
  }
}

/// The lanes of `mask` that go where `lane` goes.
uint32_t Cta::lanesAt(const Place *place, uint32_t mask, unsigned lane) {
  uint32_t same = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    if (place[std::countr_zero(rest)].data == place[lane].data)
      same |= rest & -rest;
  return same;
}

void Cta::st(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  unsigned es = bytesOf(in.ty), n = in.numVec, bytes = es * n;
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, bytes, AccessKind::Write, in.space, place);
  if (!mask)
    return;
  LaneSpaces lanes = spacesOf(in, mask, place);
  if (ctx.options.checkBanks && lanes.shared)
    banks(in, lanes.shared, addr, bytes);
  if (!mbarriers.empty() && lanes.shared)
    checkBarrierBytes(w, in, lanes.shared, place, bytes, "a write");
  AccessKind kind = in.isVolatile ? AccessKind::Atomic : AccessKind::Write;
  uint32_t event = checkRaces && lanes.common() ? race.event(w.index, pcOf(in), kind, in.scope) : 0;
  LaneBytes stored[32];
  uint32_t reached = 0;
  for (unsigned i = 0; i < n; ++i) {
    const Opnd &o = in.vec[i];
    uint32_t poison = w.poison[o.idx];
    storeElements(es, ptr(w, o), o.wide, poison, mask, i * es, stored);
    for (uint32_t rest = poison & mask; rest; rest &= rest - 1) {
      unsigned l = std::countr_zero(rest);
      Place part = place[l];
      part.data += i * es;
      part.init += i * es;
      part.raw += i * es;
      reached |= storeKnown(w, o, l, es, part, stored[l].init + i * es) ? 0 : 1u << l;
    }
  }
  if (event) {
    noteUses(w, in, mask, place, bytes, kind);
    foreignAccesses(w, in, mask, place, bytes, kind, stored);
  }
  RaceState::WarpAccess access(race, w.index, event, kind);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (event && !isSettled(access, l, place[l], bytes))
      raceAccess(w, in, event, l, place[l], bytes, kind, stored[l].data, lanesAt(place, mask & ~rest, l));
    if (event)
      keepStored(place[l], bytes, stored[l].data);
    if (device)
      device->progress += memcmp(place[l].data, stored[l].data, bytes) != 0;
    copySmall(place[l].data, stored[l].data, bytes);
    copySmall(place[l].init, stored[l].init, bytes);
  }
  if (event && fn.usesFlags) {
    if (in.isVolatile)
      strongWrites(w, in, lanes.common(), place);
    else
      endFlags(mask, place, bytes);
  }
  if (reached & lanes.global)
    poisoned(w, in, reached & lanes.global, "a store to global memory");
  counters.sharedWritten += uint64_t(std::popcount(lanes.shared)) * bytes;
  counters.globalWritten += uint64_t(std::popcount(lanes.global)) * bytes;
}

/// A weak write of values that nobody knows.
void Cta::discard(Warp &w, const Inst &in, uint32_t mask) {
  constexpr unsigned kLine = 128, kHalf = kLine / 2;
  uint64_t addr[32];
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  uint32_t event = checkRaces && mask ? race.event(w.index, pcOf(in), AccessKind::Write) : 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    Place line;
    if (!locateOne(w, in, l, addr[l], kLine, AccessKind::Write, in.space, line))
      continue;
    if (line.space != Space::Global) {
      report("TK-SIM-MEM-OOB", Severity::Error, &w, 1u << l, pcOf(in), 1,
             formatv("expected a line of global memory, got {0}", spaceAddress(line.raw, line.space)));
      continue;
    }
    uint32_t before = 0;
    for (uint32_t others = mask & ~rest; others; others &= others - 1)
      before |= addr[std::countr_zero(others)] == addr[l] ? others & -others : 0;
    for (unsigned at = 0; event && at < kLine; at += kHalf) {
      Place half{line.data + at, line.init + at, line.raw + at, Space::Global};
      noteUse(w, in, l, half.raw, kHalf, AccessKind::Write);
      if (device)
        foreignAccess(w, in, l, half.raw, kHalf, AccessKind::Write, race.warps[w.index], false);
      raceAccess(w, in, event, l, half, kHalf, AccessKind::Write, nullptr, 0, before);
      if (fn.usesFlags)
        endFlags(1, &half, kHalf);
    }
    memset(line.init, 0, kLine);
  }
}

} // namespace tk::sim
