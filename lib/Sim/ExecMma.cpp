//===- ExecMma.cpp - mma.sync, mma.sp, wmma -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Fragments are gathered into dense matrices, multiplied and put back. Where each element lies was
/// worked out when the instruction was decoded (FragmentPlaces).
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "TensorNumerics.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>
#include <cmath>

using namespace llvm;

namespace tk::sim {

namespace {
/// The largest: A of m16n8k128, B of m8n32k16 or m8n8k128, C of m16n16.
struct Product {
  double a[16 * 128], b[128 * 8], c[4 * 64];
  /// Poison, of a row of A or a column of B as a whole.
  uint64_t badRows = 0, badColumns = 0;
  uint8_t badC[4 * 64] = {};
};
} // namespace

/// Element `e` of a register's lane, of the types that LaneOps::elements leaves.
static double elementOf(const uint32_t *row, unsigned lane, unsigned e, Ty ty) {
  uint32_t v = row[ty == Ty::F64 ? 2 * lane : lane];
  switch (ty) {
  case Ty::F64:
    return std::bit_cast<double>(v | uint64_t(row[2 * lane + 1]) << 32);
  case Ty::B1:
    return v;
  case Ty::S4:
    return int32_t(v << (28 - 4 * e)) >> 28;
  case Ty::U4:
    return v >> (4 * e) & 15;
  default:
    return decodeReal(v >> (8 * e) & 0xff, ty);
  }
}

/// Puts the elements of a fragment into a matrix, and calls spoil(place) for each that is poison.
/// wmma holds some twice. Returns whether any is poison.
template <class F>
bool Cta::takeElements(const Warp &w, ArrayRef<Opnd> regs, Ty ty, ArrayRef<uint16_t> places,
                       double *matrix, F &&spoil) const {
  unsigned per = elementsOfRegister(ty);
  uint32_t any = 0;
  for (unsigned i = 0; i < places.size() / 32; ++i) {
    const Opnd &o = regs[i / per];
    const uint32_t *row = ptr(w, o);
    const uint16_t *place = &places[i * 32];
    double values[32];
    if (!laneOps().elements(values, row, ty, i % per))
      for (unsigned l = 0; l < 32; ++l)
        values[l] = elementOf(row, l, i % per, ty);
    for (unsigned l = 0; l < 32; ++l)
      matrix[place[l]] = values[l];
    any |= w.poison[o.idx];
    for (uint32_t bad = w.poison[o.idx]; bad; bad &= bad - 1)
      spoil(place[std::countr_zero(bad)]);
  }
  return any;
}

//===----------------------------------------------------------------------===//
// Sparse A
//===----------------------------------------------------------------------===//

/// The four bits of metadata for a chunk of a row: which lane of four has them, and where. They lie
/// as CUTLASS orders them (reorder_meta): the manual says it in pictures only. Of 16 and 32 bits, a
/// lane has four chunks of row g in its lower and of row g + 8 in its upper half; of 8 and 4 bits
/// eight chunks of one of the two rows.
static unsigned chunkMetadata(const MmaSpec &s, const uint32_t *metadata, unsigned row,
                              unsigned chunk) {
  bool narrow = bitsOfElement(s.a) <= 8;
  unsigned chunks = narrow ? 8 : 4, lanes = s.storedK() *
                                            (s.a == Ty::TF32           ? 4
                                             : bitsOfElement(s.a) == 4 ? 1
                                                                       : 2) /
                                            16;
  unsigned high = row / 8, lane = narrow ? high + 2 * (chunk / chunks) : chunk / chunks;
  unsigned nibble = chunk % chunks + (narrow ? 0 : 4 * high);
  return metadata[row % 8 * 4 + s.selector * lanes + lane] >> (4 * nibble) & 15;
}

/// Spreads the stored elements of A along k. Returns the lanes whose metadata is wrong.
static uint32_t spread(const MmaSpec &s, const uint32_t *metadata, const double *stored,
                       double *a) {
  // A chunk of 2 has one element, a chunk of 4 two, a chunk of 8 two pairs.
  unsigned span = s.a == Ty::TF32 ? 2 : bitsOfElement(s.a) == 4 ? 8 : 4, width = span == 8 ? 2 : 1;
  uint32_t wrong = 0;
  std::fill(a, a + s.m * s.k, 0.0);
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned chunk = 0; chunk < s.k / span; ++chunk) {
      unsigned bits = chunkMetadata(s, metadata, row, chunk), first = bits & 3, second = bits >> 2;
      const double *from = stored + row * s.storedK() + chunk * span / 2;
      double *to = a + row * s.k + chunk * span;
      // 1:2 sparsity names both halves of its element.
      bool ok = span == 2 ? bits == 4 || bits == 14 : s.ordered ? first < second : first != second;
      wrong |= uint32_t(!ok) << (row % 8 * 4);
      if (span == 2) {
        to[bits == 14] = from[0];
        continue;
      }
      for (unsigned i = 0; i < width; ++i) {
        to[first * width + i] = from[i];
        to[second * width + i] = from[width + i];
      }
    }
  return wrong;
}

/// Reads the metadata of the lanes that the selector names. False: it is poison or means nothing.
bool Cta::sparseA(Warp &w, const Inst &in, const MmaSpec &s, double *a) {
  double stored[16 * 64];
  std::copy(a, a + s.m * s.storedK(), stored);
  unsigned lanes = s.storedK() * (s.a == Ty::TF32 ? 4 : bitsOfElement(s.a) == 4 ? 1 : 2) / 16;
  uint32_t used = (((1u << lanes) - 1) << (s.selector * lanes)) * 0x11111111u;
  if (uint32_t bad = w.poison[s.metadata.idx] & used) {
    poisoned(w, in, bad, "sparsity metadata");
    return false;
  }
  uint32_t wrong = spread(s, ptr(w, s.metadata), stored, a);
  if (wrong)
    report("TK-SIM-MATRIX-OPERAND", Severity::Error, &w, wrong * 15, pcOf(in), 0,
           formatv("the sparsity metadata of lanes {0:x} has {1}", wrong * 15,
                   s.a == Ty::TF32 ? "an index that is neither 0b0100 nor 0b1110"
                   : s.ordered     ? "a pair of places that are not in order, the lower one first"
                                   : "a pair of places that are the same"));
  return !wrong;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static void multiplyExact(const MmaSpec &s, const double *a, const double *b, double *c) {
  laneOps().product(c, a, b, s.m, s.n, s.k);
}

/// As a chain of fused multiply-adds, k ascending: the manual says which operation, and not in
/// which order.
static void multiplyDouble(const MmaSpec &s, const double *a, const double *b, double *c) {
  AluFn fma = s.round == Round::Rn ? laneOps().alu(Alu::Fma, Ty::F64, false)
                                   : roundedAlu(Alu::Fma, Ty::F64, s.round, false);
  double x[32], y[32], z[32], d[32];
  const uint32_t *sources[3] = {reinterpret_cast<uint32_t *>(x), reinterpret_cast<uint32_t *>(y),
                                reinterpret_cast<uint32_t *>(z)};
  for (unsigned first = 0; first < unsigned(s.m) * s.n; first += 32) {
    std::copy(c + first, c + first + 32, z);
    for (unsigned k = 0; k < s.k; ++k) {
      for (unsigned i = 0; i < 32; ++i) {
        x[i] = a[(first + i) / s.n * s.k + k];
        y[i] = b[k * s.n + (first + i) % s.n];
      }
      fma(reinterpret_cast<uint32_t *>(d), sources, ~0u);
      std::copy(d, d + 32, z);
    }
    std::copy(z, z + 32, c + first);
  }
}

static void multiplyBits(const MmaSpec &s, const double *a, const double *b, double *c) {
  for (unsigned m = 0; m < s.m; ++m)
    for (unsigned n = 0; n < s.n; ++n)
      for (unsigned k = 0; k < s.k; ++k) {
        uint32_t x = uint32_t(a[m * s.k + k]), y = uint32_t(b[k * s.n + n]);
        c[m * s.n + n] += std::popcount(s.isXor ? x ^ y : x & y);
      }
}

static void multiplyLikeH100(const MmaSpec &s, const double *a, const double *b, double *c) {
  TensorModel model(s.a, s.b, s.d);
  for (unsigned m = 0; m < s.m; ++m)
    for (unsigned n = 0; n < s.n; ++n)
      c[m * s.n + n] = model.sum(a + m * s.k, 1, b + n, s.n, s.k, c[m * s.n + n]);
}

/// The bits of a sum, rounded once.
static uint64_t encodeSum(double v, const MmaSpec &s) {
  switch (s.d) {
  case Ty::S32:
    return uint32_t(int64_t(s.satfinite ? std::min(std::max(v, -2147483648.0), 2147483647.0) : v));
  case Ty::F64:
    return std::bit_cast<uint64_t>(v);
  case Ty::F16:
    return encodeReal(v, Ty::F16, Round::Rn);
  default:
    return std::isnan(v) ? 0x7fffffff : std::bit_cast<uint32_t>(float(v));
  }
}

void Cta::mma(Warp &w, const Inst &in) {
  const MmaSpec &s = fn.mmas[in.target];
  const FragmentPlaces &f = *s.places;
  Product p;
  bool spoilt = takeElements(w, s.regsA, s.a, f.a, p.a, [&](unsigned at) {
    p.badRows |= uint64_t(1) << (at / s.storedK());
  });
  spoilt |= takeElements(w, s.regsB, s.b, f.b, p.b, [&](unsigned at) {
    p.badColumns |= uint64_t(1) << (at / (s.k * s.n) * s.n + at % s.n);
  });
  spoilt |= takeElements(w, s.regsC, s.c, f.c, p.c, [&](unsigned at) { p.badC[at] = true; });
  if (s.form == MmaSpec::Sparse && !sparseA(w, in, s, p.a)) {
    p.badRows = ~0ull;
    spoilt = true;
  }
  bool real = s.d == Ty::F32 || s.d == Ty::F16, isH100 = ctx.options.numerics == Numerics::H100;
  auto multiply = s.a == Ty::B1    ? multiplyBits
                  : s.d == Ty::F64 ? multiplyDouble
                  : real && isH100 ? multiplyLikeH100
                                   : multiplyExact;
  for (unsigned i = 0; i < s.products(); ++i)
    multiply(s, p.a + i * s.m * s.k, p.b + i * s.k * s.n, p.c + i * s.m * s.n);
  putSums(w, s, p.c);
  if (spoilt)
    spoilSums(w, s, [&](unsigned at) {
      return p.badC[at] | (p.badRows >> (at / s.n) & 1) |
             (p.badColumns >> (at / (s.m * s.n) * s.n + at % s.n) & 1);
    });
  counters.tensorFlop += 2ull * s.products() * s.m * s.n * s.k * (s.a == Ty::B1 ? 32 : 1);
}

/// Where D lies: of m8n8k4 C and D of different types lie differently.
static ArrayRef<uint16_t> placesOfD(const MmaSpec &s) {
  return s.placesD ? s.placesD->c : s.places->c;
}

void Cta::putSums(Warp &w, const MmaSpec &s, const double *c) {
  unsigned per = elementsOfRegister(s.d);
  const uint16_t *place = placesOfD(s).data();
  for (const Opnd &o : s.regsD) {
    for (unsigned l = 0; l < 32; ++l)
      if (per == 1) {
        setValue(w, o, l, encodeSum(c[place[l]], s));
      } else {
        uint64_t low = encodeSum(c[place[l]], s), high = encodeSum(c[place[32 + l]], s);
        setValue(w, o, l, low | high << 16);
      }
    place += per * 32;
    setPoison(w, o, ~0u, 0);
  }
}

/// Makes poison of the registers that hold a sum of which isBad(place) is true.
template <class F> void Cta::spoilSums(Warp &w, const MmaSpec &s, F &&isBad) {
  unsigned per = elementsOfRegister(s.d);
  const uint16_t *place = placesOfD(s).data();
  for (const Opnd &o : s.regsD) {
    uint32_t poison = 0;
    for (unsigned e = 0; e < per; ++e, place += 32)
      for (unsigned l = 0; l < 32; ++l)
        poison |= uint32_t(bool(isBad(place[l]))) << l;
    setPoison(w, o, ~0u, poison);
  }
}

//===----------------------------------------------------------------------===//
// wmma.load, wmma.store
//===----------------------------------------------------------------------===//

/// How wmma's loads and stores go over memory.
struct WmmaWalk {
  ArrayRef<Opnd> regs;
  ArrayRef<uint16_t> places;
  Ty ty;
  unsigned unit = 1; ///< Elements that are counted as one: 32 single bits.
  unsigned bits;     ///< Of a unit.
  unsigned columns;  ///< Of the order in which places are counted.
  bool alongColumns; ///< Consecutive in memory are elements of a row of that order.
  unsigned lead;     ///< Units of a row (column) in memory.
  unsigned run;      ///< Units of one access.
  uint64_t offset(unsigned at, uint64_t stride) const {
    uint64_t row = at / columns, column = at % columns;
    return (alongColumns ? row * stride + column : column * stride + row) * bits / 8;
  }
};

static WmmaWalk walkOf(const MmaSpec &s) {
  WmmaWalk w;
  bool isA = !s.regsA.empty(), isB = !s.regsB.empty();
  w.regs = isA ? s.regsA : isB ? s.regsB : s.regsC.empty() ? s.regsD : s.regsC;
  w.places = isA ? s.places->a : isB ? s.places->b : s.places->c;
  w.ty = isA ? s.a : isB ? s.b : s.c;
  w.unit = w.ty == Ty::B1 ? 32 : 1;
  w.bits = w.unit * bitsOfElement(w.ty);
  w.columns = isA ? unsigned(s.k) : unsigned(s.n);
  w.alongColumns = !s.colA;
  w.lead = w.alongColumns ? w.columns : isB ? unsigned(s.k) : unsigned(s.m);
  // A register's elements lie along k, or along n of a sum.
  w.run = w.alongColumns != isB ? elementsOfRegister(w.ty) : 1;
  return w;
}

/// Address and stride must be the same in all lanes, and rows (columns) aligned. False: nothing can
/// be done.
bool Cta::wmmaAddress(Warp &w, const Inst &in, const MmaSpec &s, const WmmaWalk &walk,
                      uint64_t &address, uint64_t &stride) {
  uint64_t addr[32];
  if (addresses(w, in, in.s[0], in.imm, ~0u, addr) != ~0u)
    return false;
  if (uint32_t bad = s.stride.present() ? w.poison[s.stride.idx] : 0) {
    poisoned(w, in, bad, "a stride");
    return false;
  }
  unsigned least = walk.lead * walk.unit;
  stride = s.stride.present() ? uint32_t(value(w, s.stride, 0)) : least;
  uint32_t differ = 0;
  for (unsigned l = 1; l < 32; ++l)
    differ |= uint32_t(addr[l] != addr[0] ||
                       (s.stride.present() && value(w, s.stride, l) != value(w, s.stride, 0)))
              << l;
  if (differ) {
    unsigned l = std::countr_zero(differ);
    report("TK-SIM-MATRIX-OPERAND", Severity::Error, &w, differ, pcOf(in), 0,
           formatv("address and stride must be the same in all lanes, lane 0 has {0:x} and {1}, "
                   "lane {2} has {3:x} and {4}",
                   addr[0], stride, l, addr[l],
                   s.stride.present() ? value(w, s.stride, l) : least));
    return false;
  }
  if (stride < least || stride % walk.unit) {
    report("TK-SIM-MATRIX-OPERAND", Severity::Error, &w, ~0u, pcOf(in), 0,
           formatv("expected a stride of at least {0} elements{1}, got {2}", least,
                   walk.unit > 1 ? ", a multiple of 32" : "", stride));
    return false;
  }
  stride /= walk.unit;
  address = addr[0];
  // The manual asks for the size of a fragment, which its own default strides do not always keep;
  // CUDA for 16 bytes.
  unsigned fragment = walk.regs.size() * (walk.ty == Ty::F64 ? 8 : 4),
           bytes = stride * walk.bits / 8;
  unsigned align = std::min({16u, fragment, walk.lead * walk.bits / 8});
  if (address % align || bytes % align) {
    report(
        "TK-SIM-MEM-MISALIGNED", Severity::Error, &w, ~0u, pcOf(in), 0,
        formatv(
            "expected an address and a stride that are multiples of {0} bytes, got {1:x} and {2}",
            align, address, bytes));
    return false;
  }
  return true;
}

/// What every access of wmma to memory has to do before it touches a byte. Returns the lanes that
/// may.
uint32_t Cta::wmmaAccess(Warp &w, const Inst &in, const uint64_t *addr, unsigned bytes,
                         AccessKind kind, Place *place) {
  uint32_t good = locate(w, in, ~0u, addr, bytes, kind, in.space, place);
  if (!good)
    return 0;
  LaneSpaces lanes = spacesOf(in, good, place);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, lanes.shared, place, bytes, isWrite(kind) ? "a write" : "a read");
  if (checkRaces) {
    noteUses(w, in, good, place, bytes, kind);
    foreignAccesses(w, in, good, place, bytes, kind);
    raceAccesses(w, in, good, place, bytes, kind);
  }
  (isWrite(kind) ? counters.sharedWritten : counters.sharedRead) +=
      uint64_t(std::popcount(lanes.shared)) * bytes;
  (isWrite(kind) ? counters.globalWritten : counters.globalRead) +=
      uint64_t(std::popcount(lanes.global)) * bytes;
  return good;
}

void Cta::wmmaLoad(Warp &w, const Inst &in) {
  const MmaSpec &s = fn.mmas[in.target];
  WmmaWalk walk = walkOf(s);
  uint64_t base, stride;
  if (!wmmaAddress(w, in, s, walk, base, stride)) {
    for (const Opnd &o : walk.regs)
      setPoison(w, o, ~0u, ~0u);
    return;
  }
  unsigned per = elementsOfRegister(walk.ty), bytes = walk.run * walk.bits / 8;
  unsigned distinct = walk.places.size() / 32 / per;
  for (unsigned r = 0; r < distinct; ++r) {
    uint64_t values[32] = {}, addr[32];
    uint32_t poison = 0;
    for (unsigned e = 0; e < per; e += walk.run) {
      Place place[32];
      for (unsigned l = 0; l < 32; ++l)
        addr[l] = base + walk.offset(walk.places[(r * per + e) * 32 + l], stride);
      uint32_t good = wmmaAccess(w, in, addr, bytes, AccessKind::Read, place);
      poison |= ~good;
      for (uint32_t rest = good; rest; rest &= rest - 1) {
        unsigned l = std::countr_zero(rest);
        uint64_t v = 0;
        memcpy(&v, place[l].data, bytes);
        values[l] |= v << (e * walk.bits);
        poison |=
            uint32_t(!areWritten(place[l].init, bytes))
            << l;
      }
    }
    for (unsigned copy = r; copy < walk.regs.size(); copy += distinct) {
      for (unsigned l = 0; l < 32; ++l)
        setValue(w, walk.regs[copy], l, values[l]);
      setPoison(w, walk.regs[copy], ~0u, poison);
    }
  }
}

void Cta::wmmaStore(Warp &w, const Inst &in) {
  const MmaSpec &s = fn.mmas[in.target];
  WmmaWalk walk = walkOf(s);
  uint64_t base, stride;
  if (!wmmaAddress(w, in, s, walk, base, stride))
    return;
  unsigned per = elementsOfRegister(walk.ty), bytes = walk.run * walk.bits / 8;
  uint32_t reached = 0;
  for (unsigned r = 0; r < walk.regs.size(); ++r)
    for (unsigned e = 0; e < per; e += walk.run) {
      Place place[32];
      uint64_t addr[32];
      for (unsigned l = 0; l < 32; ++l)
        addr[l] = base + walk.offset(walk.places[(r * per + e) * 32 + l], stride);
      uint32_t good = wmmaAccess(w, in, addr, bytes, AccessKind::Write, place),
               poison = w.poison[walk.regs[r].idx];
      for (uint32_t rest = good; rest; rest &= rest - 1) {
        unsigned l = std::countr_zero(rest);
        uint64_t v = value(w, walk.regs[r], l) >> (e * walk.bits);
        if (device)
          device->progress += memcmp(place[l].data, &v, bytes) != 0;
        memcpy(place[l].data, &v, bytes);
        memset(place[l].init, !(poison >> l & 1), bytes);
        if (place[l].space == Space::Global)
          reached |= poison & 1u << l;
      }
      if (checkRaces && good && fn.usesFlags)
        endFlags(good, place, bytes);
    }
  ++progress;
  if (reached)
    poisoned(w, in, reached, "a store to global memory");
}

} // namespace tk::sim
