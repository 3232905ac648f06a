//===- ExecMemory.cpp - Loads, stores, atomics and their checks -----------===//
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
    std::string near = al ? formatv("; nearest below is '{0}', {1} bytes at {2:x}{3}, which the access passes by {4} bytes",
                                    al->name, al->bytes, al->base, al->live ? "" : " (freed)",
                                    int64_t(a + bytes - al->base - al->bytes))
                                .str()
                          : std::string();
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

/// The bytes of an access within its granule, which it does not cross: it is naturally aligned.
static uint64_t granuleBits(uint64_t addr, unsigned bytes) {
  return (~0ull >> (64 - bytes)) << (addr % 64);
}

void Cta::noteUse(const Inst &in, uint64_t addr, unsigned bytes, AccessKind kind) {
  Place place{nullptr, nullptr, addr, Space::Global};
  noteUses(in, 1, &place, bytes, kind);
}

void Cta::noteUses(const Inst &in, uint32_t mask, const Place *place, unsigned bytes,
                   AccessKind kind) {
  if (device) // looks for conflicts at each access
    return;
  auto bitsOf = isAtomic(kind)  ? &PageUse::atomic
                : isWrite(kind) ? &PageUse::written
                                : &PageUse::read;
  auto pcsOf = isWrite(kind) ? &PageUse::writePc : &PageUse::readPc;
  uint32_t pc = pcOf(in);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    const Place &p = place[std::countr_zero(rest)];
    if (p.space != Space::Global)
      continue;
    PageUse &use = useOf(p.raw);
    unsigned granule = p.raw % PageUse::kPage / 64;
    (use.*bitsOf)[granule] |= granuleBits(p.raw, bytes);
    (use.*pcsOf)[granule] = pc;
  }
}

inline bool Cta::shadowOf(const Place &p, ShadowPage &page, uint64_t &offset) {
  if (p.space == Space::Shared) {
    page = race.sharedShadow();
    offset = sharedIndex(p.raw);
    return true;
  }
  if (p.space != Space::Global)
    return false;
  page = race.globalShadow(p.raw);
  offset = p.raw % RaceState::kPage;
  return true;
}

inline bool Cta::isSettled(RaceState::WarpAccess &access, unsigned lane, const Place &p,
                           unsigned bytes) {
  ShadowPage page;
  uint64_t offset;
  return !shadowOf(p, page, offset) || access(page, offset, bytes, lane);
}

void Cta::raceAccess(Warp &w, const Inst &in, uint32_t event, unsigned lane, const Place &p,
                     unsigned bytes, AccessKind kind, const uint8_t *stored) {
  ShadowPage page;
  uint64_t offset;
  if (!shadowOf(p, page, offset))
    return;
  Conflict c{};
  bool sameValue = stored && !memcmp(p.data, stored, bytes);
  if (!race.access(page, offset, bytes, kind, w.index, lane, event, sameValue, c))
    reportConflict(w, in, lane, p.raw + c.address, kind, c, p.space);
}

void Cta::raceAccesses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes,
                       AccessKind kind) {
  uint32_t event = race.event(w.index, pcOf(in), kind);
  RaceState::WarpAccess access(race, w.index, event, kind);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (!isSettled(access, l, place[l], bytes))
      raceAccess(w, in, event, l, place[l], bytes, kind);
  }
}

void Cta::reportConflict(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind, const Conflict &c,
                         Space space) {
  const Event &o = c.other;
  bool narrow = c.kind == Conflict::NarrowScope;
  if (fn.usesFlags && isObserved(addr, space, unit, c))
    return;
  if (seenBefore(narrow ? "TK-SIM-RACE-SCOPE" : "TK-SIM-RACE", pcOf(in), o.pc + 1))
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
    edge = ow.index == w.index ? "bar.warp.sync (__syncwarp) between the two"
           : ow.cta == w.cta   ? "bar.sync between the two"
                               : "barrier.cluster between the two";
  }
  Finding *f = nullptr;
  if (narrow)
    f = report(
        "TK-SIM-RACE-SCOPE", *ctx.options.narrowScope, &w, 1u << lane, pcOf(in), o.pc + 1,
        formatv("what orders this {0} of {1} after an earlier {2} of the same byte is an arrival "
                "from, a wait "
                "for, or a flag of another CTA, of scope .cta; the memory model asks for {3}",
                verb(in, kind), spaceAddress(addr, space), c.otherWrite ? "write" : "read",
                edge = kWideScopes));
  else
    f = report("TK-SIM-RACE", Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("{0} of {1} is not ordered after an earlier {2} of the same byte; add a {3}",
                       verb(in, kind), spaceAddress(addr, space), c.otherWrite ? "write" : "read",
                       edge));
  if (f) {
    f->details.push_back(formatv("this: {0} by {1} lane {2} at {3}", verb(in, kind), nameWarp(w),
                                 lane, place(pcOf(in)))
                             .str());
    f->details.push_back("other: " + who);
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
/// one bank group for different rows.
void Cta::banks(const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes) {
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

static uint64_t getElement(const uint8_t *p, unsigned es) {
  uint64_t v = 0;
  switch (es) {
  case 1:
    memcpy(&v, p, 1);
    break;
  case 2:
    memcpy(&v, p, 2);
    break;
  case 4:
    memcpy(&v, p, 4);
    break;
  default:
    memcpy(&v, p, 8);
    break;
  }
  return v;
}
static bool initialised(const uint8_t *init, unsigned es) {
  return getElement(init, es) == 0x0101010101010101ull >> (64 - 8 * es);
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
  Space space = place[std::countr_zero(mask)].space;
  if (ctx.options.checkBanks && space == Space::Shared)
    banks(in, mask, addr, bytes);
  if (!mbarriers.empty() && space == Space::Shared)
    checkBarrierBytes(w, in, mask, place, bytes, "a read");
  AccessKind kind = in.isVolatile ? AccessKind::AtomicRead : AccessKind::Read;
  if (checkRaces && space != Space::Param && space != Space::Local) {
    noteUses(in, mask, place, bytes, kind);
    foreignAccesses(w, in, mask, place, bytes, kind);
    raceAccesses(w, in, mask, place, bytes, kind);
    if (in.isVolatile)
      strongReads(w, in, mask, place);
  }
  if (device && in.isVolatile)
    noteSpin(w, in, mask, place, bytes);
  for (unsigned i = 0; i < n; ++i) {
    uint32_t poison = loadElements(in.ty, place, i * es, mask, reg(w, in.vec[i]), in.vec[i].wide);
    setPoison(w, in.vec[i], mask, poison);
  }
  (space == Space::Shared ? counters.sharedRead : counters.globalRead) +=
      space == Space::Shared || space == Space::Global ? uint64_t(std::popcount(mask)) * bytes : 0;
}

namespace {
/// What one lane stores, and which of its bytes are no poison.
struct Stored {
  uint8_t data[16], init[16];
};
} // namespace

/// One element of each lane from a register to `at` bytes into what the lane stores.
template <class T>
static void storeElements(const uint32_t *row, bool wide, uint32_t poison, uint32_t mask,
                          unsigned at, Stored *stored) {
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
                          uint32_t mask, unsigned at, Stored *stored) {
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

void Cta::st(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  unsigned es = bytesOf(in.ty), n = in.numVec, bytes = es * n;
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, bytes, AccessKind::Write, in.space, place);
  if (!mask)
    return;
  Space space = place[std::countr_zero(mask)].space;
  if (ctx.options.checkBanks && space == Space::Shared)
    banks(in, mask, addr, bytes);
  if (!mbarriers.empty() && space == Space::Shared)
    checkBarrierBytes(w, in, mask, place, bytes, "a write");
  AccessKind kind = in.isVolatile ? AccessKind::Atomic : AccessKind::Write;
  uint32_t event = checkRaces && space != Space::Local ? race.event(w.index, pcOf(in), kind) : 0;
  if (event) {
    noteUses(in, mask, place, bytes, kind);
    foreignAccesses(w, in, mask, place, bytes, kind);
  }
  Stored stored[32];
  uint32_t reached = 0;
  for (unsigned i = 0; i < n; ++i) {
    const Opnd &o = in.vec[i];
    uint32_t poison = w.poison[o.idx];
    reached |= poison & mask;
    storeElements(es, ptr(w, o), o.wide, poison, mask, i * es, stored);
  }
  RaceState::WarpAccess access(race, w.index, event, kind);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    if (event && !isSettled(access, l, place[l], bytes))
      raceAccess(w, in, event, l, place[l], bytes, kind, stored[l].data);
    if (device)
      device->progress += memcmp(place[l].data, stored[l].data, bytes) != 0;
    copySmall(place[l].data, stored[l].data, bytes);
    copySmall(place[l].init, stored[l].init, bytes);
  }
  if (event && fn.usesFlags) {
    if (in.isVolatile)
      strongWrites(w, in, mask, place);
    else
      endFlags(mask, place, bytes);
  }
  if (reached && space == Space::Global)
    poisoned(w, in, reached, "a store to global memory");
  if (space == Space::Shared)
    counters.sharedWritten += uint64_t(std::popcount(mask)) * bytes;
  else if (space == Space::Global)
    counters.globalWritten += uint64_t(std::popcount(mask)) * bytes;
}

//===----------------------------------------------------------------------===//
// Atomics
//===----------------------------------------------------------------------===//

static uint64_t realAtomic(AtomOp op, Ty ty, uint64_t old, uint64_t v, bool flush) {
  auto one = [&](uint64_t a, uint64_t b, Ty t) {
    double x = decodeReal(a, t), y = decodeReal(b, t), r;
    auto sub = [&](double q) { return flush && t == Ty::F32 && std::fabs(q) < 0x1p-126 ? std::copysign(0.0, q) : q; };
    x = sub(x);
    y = sub(y);
    if (op == AtomOp::Add)
      r = x + y;
    else if (op == AtomOp::Min)
      r = std::isnan(x) ? y : std::isnan(y) ? x : std::min(x, y);
    else
      r = std::isnan(x) ? y : std::isnan(y) ? x : std::max(x, y);
    return t == Ty::F64 ? std::bit_cast<uint64_t>(r) : encodeReal(sub(r), t, Round::Rn);
  };
  if (ty == Ty::F16x2 || ty == Ty::BF16x2) {
    Ty t = ty == Ty::F16x2 ? Ty::F16 : Ty::BF16;
    return one(old & 0xffff, v & 0xffff, t) | one(old >> 16 & 0xffff, v >> 16 & 0xffff, t) << 16;
  }
  return one(old, v, ty);
}

uint64_t atomicResult(AtomOp op, Ty ty, uint64_t old, uint64_t v, uint64_t swap, bool flush) {
  bool real = ty == Ty::F16 || ty == Ty::BF16 || ty == Ty::F32 || ty == Ty::F64 || ty == Ty::F16x2 || ty == Ty::BF16x2;
  if (real && (op == AtomOp::Add || op == AtomOp::Min || op == AtomOp::Max))
    return realAtomic(op, ty, old, v, flush);
  bool isSigned = ty == Ty::S32 || ty == Ty::S64;
  bool less = !isSigned ? v < old : bytesOf(ty) == 8 ? int64_t(v) < int64_t(old) : int32_t(v) < int32_t(old);
  switch (op) {
  case AtomOp::Add: return old + v;
  case AtomOp::Min: return less ? v : old;
  case AtomOp::Max: return less ? old : v;
  case AtomOp::And: return old & v;
  case AtomOp::Or: return old | v;
  case AtomOp::Xor: return old ^ v;
  case AtomOp::Exch: return v;
  case AtomOp::Cas: return old == v ? swap : old;
  case AtomOp::Inc: return old >= v ? 0 : old + 1;
  case AtomOp::Dec: return old == 0 || old > v ? v : old - 1;
  }
  return old;
}

void Cta::atom(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  unsigned es = bytesOf(in.ty), bytes = es * in.numVec;
  uint32_t wanted = mask;
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, bytes, AccessKind::Atomic, in.space, place);
  if (in.d.present())
    setPoison(w, in.d, wanted & ~mask, ~0u);
  if (!device)
    ++progress;
  if (!mbarriers.empty() && mask && place[std::countr_zero(mask)].space == Space::Shared)
    checkBarrierBytes(w, in, mask, place, bytes, "an atomic operation");
  uint32_t event = checkRaces && mask ? race.event(w.index, pcOf(in), AccessKind::Atomic) : 0, poison = 0, reached = 0;
  if (event) {
    noteUses(in, mask, place, bytes, AccessKind::Atomic);
    foreignAccesses(w, in, mask, place, bytes, AccessKind::Atomic);
  }
  bool changes = false;
  uint64_t keep = es == 8 ? ~0ull : (1ull << (8 * es)) - 1;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    if (event)
      raceAccess(w, in, event, l, place[l], bytes, AccessKind::Atomic);
    for (unsigned i = 0; i < in.numVec; ++i) {
      uint8_t *p = place[l].data + i * es, *init = place[l].init + i * es;
      bool oldBad = !initialised(init, es);
      bool bad = (w.poison[in.vec[i].idx] | w.poison[in.s[2].idx]) >> l & 1;
      reached |= uint32_t(bad) << l;
      poison |= uint32_t(oldBad) << l;
      uint64_t old = getElement(p, es), v = value(w, in.vec[i], l) & keep;
      uint64_t swap = in.s[2].present() ? value(w, in.s[2], l) & keep : 0;
      uint64_t r = atomicResult(AtomOp(in.sub), in.ty, old, v, swap, place[l].space == Space::Global);
      changes |= (r & keep) != old;
      memcpy(p, &r, es);
      memset(init, AtomOp(in.sub) == AtomOp::Exch ? !bad : !(bad || oldBad), es);
      if (in.d.present())
        setValue(w, in.d, l, old);
    }
  }
  if (in.d.present())
    setPoison(w, in.d, mask, poison);
  if (event)
    atomicFlags(w, in, mask, place);
  if (device && changes)
    ++progress;
  else if (device)
    noteSpin(w, in, mask, place, bytes);
  if (reached)
    poisoned(w, in, reached, "an atomic operation");
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

void Cta::cpAsync(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t dst[32], src[32];
  uint32_t good = addresses(w, in, in.s[1], int32_t(value(w, in.s[3], 0)), mask, dst);
  good = addresses(w, in, in.s[0], in.imm, good, src);
  Place place[32];
  unsigned bytes = in.numVec;
  good = locate(w, in, good, dst, bytes, AccessKind::Write, Space::Shared, place);
  if (ctx.options.checkBanks && good)
    banks(in, good, dst, bytes);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, good, place, bytes, "a write");
  for (unsigned l = 0; l < 32; ++l) {
    if (!(good >> l & 1))
      continue;
    uint64_t have = in.s[2].present() ? std::min<uint64_t>(value(w, in.s[2], l), bytes) : bytes;
    Place from;
    if (have && !locateOne(w, in, l, src[l], bytes, AccessKind::Read, Space::Global, from))
      continue;
    if (have && device && checkRaces) { // reads from its issue on
      foreignAccess(w, in, l, src[l], bytes, AccessKind::Read, race.warps[w.index], false);
      raceAccess(w, in, race.event(w.index, pcOf(in), AccessKind::Read), l, from, bytes, AccessKind::Read);
    }
    w.copies.push_back({pcOf(in), l, dst[l], src[l], uint8_t(bytes), uint8_t(have), w.copyGroup[l], false});
    // Often late, sometimes at once: a missing wait shows as old bytes on some seeds.
    if (rng.below(4) == 0)
      performCopy(w, w.copies.back());
  }
}

void Cta::performCopy(Warp &w, Warp::Copy &c) {
  const Inst &in = code[c.pc];
  c.done = true;
  Place from, to;
  if (!locateOne(w, in, c.lane, c.dst, c.bytes, AccessKind::Write, Space::Shared, to))
    return;
  uint8_t data[16] = {}, init[16];
  memset(init, 1, sizeof init);
  if (c.sourceBytes) {
    if (!locateOne(w, in, c.lane, c.src, c.bytes, AccessKind::Read, Space::Global, from))
      return;
    memcpy(data, from.data, c.sourceBytes);
    memcpy(init, from.init, c.sourceBytes);
    if (checkRaces)
      noteUse(in, c.src, c.bytes, AccessKind::Read);
  }
  progress += memcmp(to.data, data, c.bytes) != 0;
  memcpy(to.data, data, c.bytes);
  memcpy(to.init, init, c.bytes);
  counters.globalRead += c.sourceBytes;
  counters.sharedWritten += c.bytes;
}

/// The copies of a group count as writes of the waiting lane from here on: who reads them without this wait and a
/// barrier finds an unordered write.
void Cta::cpAsyncWait(Warp &w, const Inst &in, uint32_t mask, uint32_t keep) {
  bool all = in.imm < 0;
  size_t kept = 0;
  for (size_t i = 0; i < w.copies.size(); ++i) {
    Warp::Copy &c = w.copies[i];
    bool due = (mask >> c.lane & 1) && (all || c.group + keep < w.copyGroup[c.lane]);
    if (!due) {
      w.copies[kept++] = c;
      continue;
    }
    if (!c.done)
      performCopy(w, c);
    Place to;
    if (checkRaces && locateOne(w, code[c.pc], c.lane, c.dst, c.bytes, AccessKind::Write, Space::Shared, to))
      raceAccess(w, code[c.pc], race.event(w.index, c.pc, AccessKind::Write), c.lane, to, c.bytes,
                 AccessKind::Write);
  }
  w.copies.resize(kept);
}

} // namespace tk::sim
