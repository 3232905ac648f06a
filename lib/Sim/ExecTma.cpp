//===- ExecTma.cpp - Boxes of tensor maps ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Which bytes of global and shared memory a box is, and how they move. A copy without a tensor map
/// is a box of one row of bytes.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

using Swizzle = TensorMap::Swizzle;

/// Of absolute shared addresses.
static uint64_t swizzled(uint64_t a, Swizzle mode) {
  switch (mode) {
  case Swizzle::Bytes32:
    return a ^ (a >> 3 & 0x10);
  case Swizzle::Bytes64:
    return a ^ (a >> 3 & 0x30);
  case Swizzle::Bytes128:
    return a ^ (a >> 3 & 0x70);
  case Swizzle::Bytes128Atom32:
    return a ^ (a >> 2 & 0x60);
  case Swizzle::Bytes128Atom64:
    return a ^ (a >> 1 & 0x40);
  default:
    return a;
  }
}

/// Bytes after which the pattern repeats, and bytes of a row of it.
static unsigned repeat(Swizzle mode) {
  switch (mode) {
  case Swizzle::Bytes32:
  case Swizzle::Bytes128Atom64:
    return 256;
  case Swizzle::Bytes64:
  case Swizzle::Bytes128Atom32:
    return 512;
  default:
    return 1024;
  }
}
static unsigned span(Swizzle mode) {
  return mode == Swizzle::None      ? 0
         : mode == Swizzle::Bytes32 ? 32
         : mode == Swizzle::Bytes64 ? 64
                                    : 128;
}

static unsigned boxCount(const TensorMap &m, unsigned d) {
  return d ? (m.box[d] + m.elementStride[d] - 1) / m.elementStride[d] : m.box[0];
}

uint32_t boxBytes(const TensorMap &m) {
  uint64_t n = m.getElementBytes();
  for (unsigned d = 0; d < m.rank; ++d)
    n *= boxCount(m, d);
  return uint32_t(std::min<uint64_t>(n, ~0u));
}

/// The part of each row that is inside the tensor, in bytes from the row's start.
struct RowRange {
  uint32_t from, to, bytes;
};
static RowRange rowRange(const BulkOp &op) {
  int64_t x = op.coord[0], n = op.map.box[0], es = op.map.getElementBytes();
  int64_t from = std::clamp<int64_t>(-x, 0, n),
          to = std::clamp<int64_t>(int64_t(op.map.size[0]) - x, from, n);
  return {uint32_t(from * es), uint32_t(to * es), uint32_t(n * es)};
}

/// Calls f(offset in the box, global address of the row's start, whether the row is inside) for
/// each row.
template <class F>
static void forEachRow(const BulkOp &op, F &&f) {
  const TensorMap &m = op.map;
  unsigned at[5] = {}, es = m.getElementBytes();
  uint32_t linear = 0, rowBytes = m.box[0] * es;
  for (;;) {
    uint64_t address = m.address + uint64_t(int64_t(op.coord[0]) * es);
    bool inside = true;
    for (unsigned d = 1; d < m.rank; ++d) {
      int64_t c = int64_t(op.coord[d]) + int64_t(at[d]) * m.elementStride[d];
      inside &= uint64_t(c) < m.size[d]; // a negative one is far above
      address += uint64_t(c) * m.stride[d - 1];
    }
    f(linear, address, inside);
    linear += rowBytes;
    unsigned d = 1;
    while (d < m.rank && ++at[d] == boxCount(m, d))
      at[d++] = 0;
    if (d >= m.rank)
      return;
  }
}

/// Bytes of shared memory from `linear` on, in runs that the swizzle leaves together: f(shared
/// address, offset, bytes).
template <class F>
static void forEachRun(const BulkOp &op, uint32_t linear, uint32_t bytes, F &&f) {
  if (!bytes) // of a copy that has none: its buffers have no place either
    return;
  if (op.map.swizzle == Swizzle::None)
    return f(op.shared + linear, linear, bytes);
  for (uint32_t end = linear + bytes; linear < end;) {
    uint32_t n = std::min<uint32_t>(16 - linear % 16, end - linear);
    f(swizzled(op.shared + linear, op.map.swizzle), linear, n);
    linear += n;
  }
}

//===----------------------------------------------------------------------===//
// Checks at the issue
//===----------------------------------------------------------------------===//

/// Reads the map at a generic address, or at an offset of the parameters.
bool Cta::readMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, bool inParam,
                  TensorMap &map) {
  auto bad = [&](const Twine &what) {
    report("TK-SIM-TENSORMAP", Severity::Error, &w, 1u << lane, pcOf(in), 0, what);
    stop = true;
    return false;
  };
  if (!inParam && !addr)
    return bad("the address of the tensor map is null: a pointer that the launch file leaves null, or the first parameter "
               "without cvta.param");
  if (!inParam && addr < ctx.parameters.size())
    return bad(formatv("the address of the tensor map, {0:x}, looks like an offset of the "
                       "parameters; make it generic "
                       "with cvta.param",
                       addr));
  if (addr % 64)
    return bad(formatv("expected a tensor map at a multiple of 64 bytes, got {0:x}; declare the "
                       "parameter with .align 64",
                       addr));
  if (addr - kParamWindow < kWindowBytes) {
    addr -= kParamWindow;
    inParam = true;
  }
  ArrayRef<uint8_t> bytes;
  if (inParam) {
    if (addr > ctx.parameters.size() || ctx.parameters.size() - addr < 128)
      return bad(formatv(
          "the tensor map at parameter offset {0} does not end within the {1} bytes of parameters",
          addr, ctx.parameters.size()));
    bytes = ArrayRef(ctx.parameters).slice(addr, 128);
  } else {
    Allocation *al = ctx.memory->find(addr);
    if (!al || !al->live || addr - al->base >= al->bytes || al->bytes - (addr - al->base) < 128)
      return bad(formatv("the tensor map at {0} is outside every allocation",
                         spaceAddress(addr, Space::Global)));
    bytes = ArrayRef(al->data.get() + (addr - al->base), 128);
    if (checkRaces)
      checkMapAccess(w, in, lane, addr);
  }
  Expected<TensorMap> m = decodeTensorMap(bytes);
  if (!m)
    return bad(formatv("no tensor map at {0}: {1}",
                       spaceAddress(addr, inParam ? Space::Param : Space::Global),
                       toString(m.takeError())));
  map = *m;
  return true;
}

/// What of a map this machine knows how to copy. What no manual says is refused.
bool Cta::checkMap(Warp &w, const Inst &in, unsigned lane, const BulkSpec &s, const BulkOp &op) {
  const TensorMap &m = op.map;
  auto bad = [&](const Twine &what) {
    report("TK-SIM-TENSORMAP", Severity::Error, &w, 1u << lane, pcOf(in), 1, what);
    stop = true;
    return false;
  };
  if (s.dims && m.rank != s.dims)
    return bad(formatv("expected a tensor map of rank {0}, got {1}", s.dims, m.rank));
  if (s.kind == BulkSpec::Prefetch)
    return true;
  if (m.interleave != TensorMap::Interleave::None)
    return bad("interleaved tensor maps are not supported");
  if (m.swizzle == Swizzle::Bytes128Atom32Flip8)
    return bad("swizzle 5 (128B_ATOM_32B_FLIP_8B) is not supported: its pattern is not documented");
  if (boxBytes(m) > ctx.sharedEnd - ctx.sharedBase)
    return bad(formatv("the box of the tensor map has {0} bytes{1}, the CTA {2} of shared memory", boxBytes(m),
                       boxBytes(m) == ~0u ? " or more" : "", ctx.sharedEnd - ctx.sharedBase));
  unsigned es = m.getElementBytes(), inner = m.box[0] * es;
  if (m.swizzle != Swizzle::None && inner < span(m.swizzle))
    return bad(formatv("the inner box has {0} bytes, its swizzle {1}; the row pitch of such boxes "
                       "is not documented: "
                       "make the inner box as wide as the swizzle",
                       inner, span(m.swizzle)));
  if (s.kind != BulkSpec::Load)
    for (unsigned d = 0; d < m.rank; ++d) {
      if (d && m.elementStride[d] != 1)
        return bad(
            formatv("stores with element stride {0} in dimension {1} are not documented; use 1",
                    m.elementStride[d], d));
      if (op.coord[d] < 0) {
        report(
            "TK-SIM-TMA-COORD", Severity::Error, &w, 1u << lane, pcOf(in), 0,
            formatv("expected a store at a coordinate that is not negative, got {0} in dimension "
                    "{1}; start the box at 0, or the map's base elsewhere",
                    op.coord[d], d));
        stop = true;
        return false;
      }
    }
  if (s.kind == BulkSpec::Reduce && !reduceElement(s.op, m))
    return bad(formatv("data type {0} of the tensor map has no such reduction", unsigned(m.type)));
  return true;
}

/// The element of a reduction with a map; None: there is no such reduction.
static Ty elementOf(AtomOp op, TensorMap::Type t) {
  using T = TensorMap::Type;
  bool bits = op == AtomOp::And || op == AtomOp::Or || op == AtomOp::Xor, add = op == AtomOp::Add;
  bool count = op == AtomOp::Inc || op == AtomOp::Dec;
  switch (t) {
  case T::U32:
    return bits ? Ty::B32 : Ty::U32;
  case T::S32:
    return bits ? Ty::B32 : count ? Ty::None : Ty::S32;
  case T::U64:
    return bits ? Ty::B64 : count ? Ty::None : Ty::U64;
  case T::S64:
    return bits ? Ty::B64 : count || add ? Ty::None : Ty::S64;
  case T::F16:
    return bits || count ? Ty::None : Ty::F16;
  case T::BF16:
    return bits || count ? Ty::None : Ty::BF16;
  case T::F32:
  case T::F32Ftz:
    return add ? Ty::F32 : Ty::None;
  default:
    return Ty::None;
  }
}
bool Cta::reduceElement(AtomOp op, const TensorMap &m) { return elementOf(op, m.type) != Ty::None; }

/// Alignment and bounds in shared memory.
bool Cta::checkBox(Warp &w, const Inst &in, unsigned lane, const BulkSpec &s, const BulkOp &op) {
  unsigned align = s.tensor ? 128 : 16;
  auto bad = [&](const char *name, const Twine &what) {
    report(name, Severity::Error, &w, 1u << lane, pcOf(in), 0, what);
    stop = true;
    return false;
  };
  if (op.shared % align)
    return bad("TK-SIM-MEM-MISALIGNED",
               formatv("expected a shared address that is a multiple of {0} bytes, got {1}", align,
                       spaceAddress(op.shared, Space::Shared)));
  if (!s.tensor && (op.map.address % 16 || op.bytes % 16))
    return bad(
        "TK-SIM-MEM-MISALIGNED",
        formatv("expected a source or destination and a size that are multiples of 16 bytes, "
                "got {0} and {1} bytes",
                spaceAddress(op.map.address, s.fromShared ? Space::Shared : Space::Global),
                op.bytes));
  if (!insideShared(op.shared, op.bytes))
    return bad("TK-SIM-MEM-OOB", formatv("the {0} bytes of the box at {1} are "
                                         "outside the CTA's shared memory, {2:x} to "
                                         "{3:x}",
                                         op.bytes, spaceAddress(op.shared, Space::Shared),
                                         ctx.sharedBase, ctx.sharedEnd));
  if (op.map.swizzle != Swizzle::None && op.shared % repeat(op.map.swizzle))
    report("TK-SIM-TMA-SWIZZLE", Severity::Warning, &w, 1u << lane, pcOf(in), 0,
           formatv("the box lies at {0} and its swizzle repeats after {1} bytes; "
                   "the pattern follows "
                   "absolute addresses: align the buffer to {1}",
                   spaceAddress(op.shared, Space::Shared), repeat(op.map.swizzle)));
  return true;
}

/// The allocation that holds all of the box that is inside the tensor. Null: there is none (said),
/// or nothing inside.
Allocation *Cta::boxAllocation(Warp &w, const Inst &in, unsigned lane, const BulkOp &op,
                               AccessKind kind, bool &outside) {
  RowRange r = rowRange(op);
  Allocation *al = nullptr;
  outside = false;
  if (r.from == r.to)
    return nullptr;
  forEachRow(op, [&](uint32_t, uint64_t row, bool inside) {
    if (!inside || outside)
      return;
    uint64_t a = row + r.from, n = r.to - r.from;
    if (!al)
      al = ctx.memory->find(a);
    bool good = al && al->live && a >= al->base && a - al->base <= al->bytes &&
                n <= al->bytes - (a - al->base);
    if (good && !(al->readOnly && isWrite(kind)))
      return;
    outside = true;
    report("TK-SIM-MEM-OOB", Severity::Error, &w, 1u << lane, pcOf(in), 0,
           !good ? formatv("a bulk copy {0} {1} bytes at {2}, which are not inside {3}; check the "
                           "map's sizes and strides",
                           isWrite(kind) ? "writes" : "reads", n, spaceAddress(a, Space::Global),
                           al ? "'" + al->name + "' (" + std::to_string(al->bytes) + " bytes)"
                              : std::string("any allocation"))
                       .str()
                 : formatv("'{0}' is constant and cannot be written", al->name).str());
  });
  return outside ? nullptr : al;
}

/// Calls f(global address, bytes) for each run of the box that is inside the tensor, cut at pages
/// of the shadow.
template <class F>
static void forEachGlobalRun(const BulkOp &op, F &&f) {
  RowRange r = rowRange(op);
  forEachRow(op, [&](uint32_t, uint64_t row, bool inside) {
    if (!inside)
      return;
    for (uint64_t a = row + r.from, end = row + r.to; a < end;) {
      uint64_t n = std::min(end - a, RaceState::kPage - a % RaceState::kPage);
      f(a, unsigned(n));
      a += n;
    }
  });
}

/// The copy's accesses enter the shadow at its issue: from here on whoever is not ordered after its
/// end races.
void Cta::bulkRaces(Warp &w, const Inst &in, unsigned lane, const BulkOp &op, unsigned sharedSlot,
                    unsigned globalSlot, uint32_t clock) {
  const BulkSpec &s = fn.bulks[in.target];
  bool load = s.kind == BulkSpec::Load;
  uint32_t pc = pcOf(in);
  ThreadClocks now = race.threadClocks(w.index, lane);
  AccessKind kind = s.kind == BulkSpec::Load && s.reduces ? AccessKind::Atomic
                    : load                                ? AccessKind::Write
                                                          : AccessKind::Read;
  uint32_t event = race.asyncEvent(sharedSlot, clock, pc, kind);
  RaceState::AsyncAccess shared(race, kind, now, event,
                                load && ctx.looksForReuse);
  unsigned worst = Conflict::IssuerFenceOnly + 1; // a note must not hide a race
  auto visit = [&](uint64_t addr, uint32_t, uint32_t bytes) {
    Conflict c{};
    if (shared(race.sharedShadow(), sharedIndex(addr), bytes, c) || c.kind >= worst)
      return;
    worst = c.kind;
    reportBulkConflict(w, in, lane, addr + c.address, Space::Shared, kind, c);
  };
  RowRange r = rowRange(op);
  // Whole lines of 128 bytes are the same set of bytes, swizzled or not. A store reads what is
  // inside the tensor.
  if (load && op.bytes % 128 == 0 && op.shared % 128 == 0)
    visit(op.shared, 0, op.bytes);
  else
    forEachRow(op, [&](uint32_t linear, uint64_t, bool inside) {
      if (load)
        forEachRun(op, linear, r.bytes, visit);
      else if (inside)
        forEachRun(op, linear + r.from, r.to - r.from, visit);
    });
  kind = s.kind == BulkSpec::Reduce ? AccessKind::Atomic
         : load                     ? AccessKind::Read
                                    : AccessKind::Write;
  event = race.asyncEvent(globalSlot, clock, pc, kind);
  if (s.fromShared) {
    Conflict c{};
    RaceState::AsyncAccess source(race, kind, now, event, false);
    if (!source(race.sharedShadow(), sharedIndex(op.map.address), op.bytes, c))
      reportBulkConflict(w, in, lane, op.map.address + c.address, Space::Shared, kind, c);
    return;
  }
  now.fenced = now.ownFenced = now.fencedGlobal;
  RaceState::AsyncAccess global(race, kind, now, event, false);
  worst = Conflict::IssuerFenceOnly + 1;
  forEachGlobalRun(op, [&](uint64_t a, unsigned bytes) {
    if (device) {
      foreignAccess(w, in, lane, a, bytes, kind, now, true);
      if (kind == AccessKind::Write) {
        device->flags.erase(a, bytes);
        device->endSums(a, bytes);
      }
    }
    for (uint64_t at = a, end = a + bytes; !device && at < end;) {
      unsigned n = unsigned(std::min(end - at, 64 - at % 64));
      noteUse(w, in, lane, at, n, kind);
      at += n;
    }
    Conflict c{};
    if (global(race.globalShadow(a), a % RaceState::kPage, bytes, c) || c.kind >= worst)
      return;
    worst = c.kind;
    reportBulkConflict(w, in, lane, a + c.address, Space::Global, kind, c);
  });
}

/// Unwritten shared bytes must not reach global memory.
void Cta::bulkUninitialised(Warp &w, const Inst &in, unsigned lane, const BulkOp &op) {
  RowRange r = rowRange(op);
  bool said = false;
  forEachRow(op, [&](uint32_t linear, uint64_t, bool inside) {
    if (inside && !said)
      forEachRun(op, linear + r.from, r.to - r.from, [&](uint64_t a, uint32_t, uint32_t n) {
        const uint8_t *p = sharedInit.data() + sharedIndex(a);
        if (said || areWritten(p, n))
          return;
        said = true;
        report("TK-SIM-MEM-UNINIT", Severity::Error, &w, 1u << lane, pcOf(in), 3,
               formatv("a bulk copy stores shared address {0:x}, which no one has written",
                       a + uint64_t(std::find_if_not(p, p + n, isWritten) - p)));
      });
  });
}

//===----------------------------------------------------------------------===//
// Moving bytes
//===----------------------------------------------------------------------===//

static uint64_t nanBits(TensorMap::Type t) {
  switch (t) {
  case TensorMap::Type::F16:
  case TensorMap::Type::BF16:
    return 0x7fff7fff7fff7fffull;
  case TensorMap::Type::F64:
    return ~0ull >> 1;
  default:
    return 0x7fffffff7fffffffull;
  }
}

/// Bits that maps of TF32 and of flushed floats might change, which no manual says.
static std::optional<uint32_t> mayBeRounded(TensorMap::Type t, const uint8_t *p, uint32_t bytes) {
  using T = TensorMap::Type;
  bool tf = t == T::TF32 || t == T::TF32Ftz, flush = t == T::F32Ftz || t == T::TF32Ftz;
  for (uint32_t i = 0; (tf || flush) && i + 4 <= bytes; i += 4) {
    uint32_t v;
    memcpy(&v, p + i, 4);
    if ((tf && (v & 0x1fff)) || (flush && !(v & 0x7f800000) && (v & 0x7fffff)))
      return v;
  }
  return std::nullopt;
}

void Cta::moveLoad(const BulkOp &op) {
  counters.bulkLoaded += op.bytes;
  if (fn.bulks[code[op.pc].target].fromShared) {
    size_t from = sharedIndex(op.map.address), to = sharedIndex(op.shared);
    if (const BulkSpec &s = fn.bulks[code[op.pc].target]; s.reduces)
      return reduceInto(s, s.ty, false, shared.data() + to, sharedInit.data() + to,
                        shared.data() + from, sharedInit.data() + from, op.bytes);
    memcpy(shared.data() + to, shared.data() + from, op.bytes);
    memcpy(sharedInit.data() + to, sharedInit.data() + from, op.bytes);
    return;
  }
  RowRange r = rowRange(op);
  const Allocation *al = op.allocation;
  std::vector<uint8_t> data(r.bytes), init(r.bytes);
  uint64_t fill = op.map.fill == TensorMap::Fill::NaN ? nanBits(op.map.type) : 0;
  forEachRow(op, [&](uint32_t linear, uint64_t row, bool inside) {
    if (!inside || r.from || r.to != r.bytes)
      for (uint32_t i = 0; i < r.bytes; ++i) {
        data[i] = uint8_t(fill >> (8 * (i % 8)));
        init[i] = 1;
      }
    if (inside && r.from != r.to) {
      if (al) {
        memcpy(data.data() + r.from, al->data.get() + (row + r.from - al->base), r.to - r.from);
        memcpy(init.data() + r.from, al->init.get() + (row + r.from - al->base), r.to - r.from);
      } else // was outside every allocation
        std::fill(init.begin() + r.from, init.begin() + r.to, 0);
      if (std::optional<uint32_t> v =
              mayBeRounded(op.map.type, data.data() + r.from, r.to - r.from))
        report("TK-SIM-TMA-NUMERICS", Severity::Warning, &warps[op.warp], 1u << op.lane, op.pc, 0,
               formatv("the map's data type may round or flush these values, such as {0} ({1:x}), "
                       "which is not documented; they are copied as they are",
                       std::bit_cast<float>(*v), *v));
    }
    forEachRun(op, linear, r.bytes, [&](uint64_t a, uint32_t at, uint32_t n) {
      memcpy(shared.data() + sharedIndex(a), data.data() + (at - linear), n);
      memcpy(sharedInit.data() + sharedIndex(a), init.data() + (at - linear), n);
    });
  });
}

/// Element by element: `to` becomes what the operation makes of it and `from`.
void Cta::reduceInto(const BulkSpec &s, Ty ty, bool isGlobal, uint8_t *to, uint8_t *init,
                     const uint8_t *from, const uint8_t *ok, uint32_t bytes) {
  unsigned es = bytesOf(ty);
  for (uint32_t i = 0; i < bytes; i += es) {
    uint64_t old = 0, v = 0;
    memcpy(&old, to + i, es);
    memcpy(&v, from + i, es);
    uint64_t result = atomicResult(s.op, ty, old, v, 0, isGlobal);
    memcpy(to + i, &result, es);
    for (unsigned k = 0; k < es; ++k)
      init[i + k] = isWritten(init[i + k]) && isWritten(ok[i + k]);
  }
}

void Cta::movePoke(const BulkOp &op) {
  const BulkSpec &s = fn.bulks[code[op.pc].target];
  uint8_t *to = shared.data() + sharedIndex(op.shared),
          *init = sharedInit.data() + sharedIndex(op.shared);
  counters.sharedWritten += op.bytes;
  if (s.reduces)
    return reduceInto(s, s.ty, false, to, init, op.data.data(), op.init.data(), op.bytes);
  memcpy(to, op.data.data(), op.bytes);
  memcpy(init, op.init.data(), op.bytes);
}

void Cta::readStore(BulkOp &op) {
  op.read = true;
  op.data.resize(op.bytes);
  op.init.resize(op.bytes);
  forEachRun(op, 0, op.bytes, [&](uint64_t a, uint32_t at, uint32_t n) {
    memcpy(op.data.data() + at, shared.data() + sharedIndex(a), n);
    memcpy(op.init.data() + at, sharedInit.data() + sharedIndex(a), n);
  });
}

void Cta::moveStore(const BulkOp &op) {
  const BulkSpec &s = fn.bulks[code[op.pc].target];
  RowRange r = rowRange(op);
  Allocation *al = op.allocation;
  (s.kind == BulkSpec::Reduce ? counters.bulkReduced : counters.bulkStored) += op.bytes;
  if (!al)
    return;
  Ty ty = s.kind != BulkSpec::Reduce ? Ty::None : s.tensor ? elementOf(s.op, op.map.type) : s.ty;
  forEachRow(op, [&](uint32_t linear, uint64_t row, bool inside) {
    if (!inside || r.from == r.to)
      return;
    uint8_t *to = al->data.get() + (row + r.from - al->base),
            *init = al->init.get() + (row + r.from - al->base);
    const uint8_t *from = op.data.data() + linear + r.from, *ok = op.init.data() + linear + r.from;
    if (s.kind != BulkSpec::Reduce) {
      memcpy(to, from, r.to - r.from);
      memcpy(init, ok, r.to - r.from);
      return;
    }
    reduceInto(s, ty, true, to, init, from, ok, r.to - r.from);
  });
}

} // namespace tk::sim
