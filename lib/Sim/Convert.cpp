//===- Convert.cpp - cvt --------------------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Every conversion to a floating-point type goes through one integer routine that rounds an exact value
/// mantissa * 2^exponent once.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include <bit>
#include <cmath>

using namespace llvm;

namespace tk::sim {

namespace {
struct Format {
  int exponentBits, mantissaBits;
  bool hasInfinity;
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
};
/// A finite value, or a special.
struct Exact {
  bool negative = false, isNan = false, isInf = false;
  uint64_t mantissa = 0;
  int exponent = 0; ///< Value is mantissa * 2^exponent.
};
} // namespace

static Format formatOf(Ty ty) {
  switch (ty) {
  case Ty::F16: return {5, 10, true};
  case Ty::BF16: return {8, 7, true};
  case Ty::TF32: return {8, 10, true};
  case Ty::F32: return {8, 23, true};
  case Ty::E4M3: return {4, 3, false};
  case Ty::E5M2: return {5, 2, true};
  default: return {11, 52, true};
  }
}

static bool isReal(Ty ty) {
  return ty == Ty::F16 || ty == Ty::BF16 || ty == Ty::TF32 || ty == Ty::F32 || ty == Ty::F64 || ty == Ty::E4M3 || ty == Ty::E5M2;
}

static Exact decode(uint64_t bits, Ty ty) {
  if (ty == Ty::TF32) // the low 13 bits are not there
    bits = (bits & 0xffffffff) >> 13;
  Format f = formatOf(ty);
  Exact e;
  uint64_t mask = (1ull << f.mantissaBits) - 1;
  e.mantissa = bits & mask;
  int exp = int(bits >> f.mantissaBits) & ((1 << f.exponentBits) - 1);
  e.negative = bits >> (f.mantissaBits + f.exponentBits) & 1;
  int top = (1 << f.exponentBits) - 1;
  if (f.hasInfinity && exp == top) {
    e.isNan = e.mantissa != 0;
    e.isInf = !e.isNan;
    return e;
  }
  if (!f.hasInfinity && exp == top && e.mantissa == mask) {
    e.isNan = true;
    return e;
  }
  if (exp)
    e.mantissa |= mask + 1;
  e.exponent = std::max(exp, 1) - f.bias() - f.mantissaBits;
  return e;
}

/// Rounds away from zero? `rest` is what is cut off, against `half`.
static bool roundUp(Round round, bool negative, bool odd, uint64_t rest, uint64_t half, bool sticky) {
  bool any = rest || sticky;
  switch (round) {
  case Round::Rz: return false;
  case Round::Rm: return negative && any;
  case Round::Rp: return !negative && any;
  case Round::Rna: return rest >= half;
  default: return rest > half || (rest == half && (sticky || odd));
  }
}

static uint64_t nanOf(Ty ty) {
  switch (ty) {
  case Ty::F16: case Ty::BF16: return 0x7fff;
  case Ty::E4M3: case Ty::E5M2: return 0x7f;
  case Ty::F64: return 0x7ff8000000000000ull;
  default: return 0x7fffffff;
  }
}

/// Encodes a finite exact value; `saturate`: overflow gives the largest finite value.
static uint64_t encode(const Exact &e, Ty ty, Round round, bool saturate) {
  Format f = formatOf(ty);
  uint64_t sign = uint64_t(e.negative) << (f.mantissaBits + f.exponentBits);
  int shiftOut = ty == Ty::TF32 ? 13 : 0;
  int top = (1 << f.exponentBits) - 1;
  uint64_t mantissaMask = (1ull << f.mantissaBits) - 1;
  uint64_t infinity = uint64_t(top) << f.mantissaBits;
  uint64_t largest = f.hasInfinity ? infinity - 1 : (infinity | mantissaMask) - 1;
  if (e.isNan)
    return ty == Ty::E4M3 || ty == Ty::E5M2 ? sign | 0x7f : nanOf(ty);
  if (e.isInf)
    return (sign | (saturate || !f.hasInfinity ? largest : infinity)) << shiftOut;
  if (!e.mantissa)
    return sign << shiftOut;
  int width = 64 - std::countl_zero(e.mantissa);
  // Exponent of the last kept bit: normal numbers keep mantissaBits + 1 digits, subnormals fewer.
  int last = std::max(e.exponent + width - 1 - f.mantissaBits, 1 - f.bias() - f.mantissaBits);
  int drop = last - e.exponent;
  uint64_t m = e.mantissa;
  bool up = false;
  if (drop <= 0)
    m <<= -drop;
  else if (drop >= 64) {
    up = roundUp(round, e.negative, false, 0, 1, true) && round != Round::Rn && round != Round::None;
    if (drop == 64 && (round == Round::Rn || round == Round::None))
      up = m > (1ull << 63);
    if (drop == 64 && round == Round::Rna)
      up = m >= (1ull << 63);
    m = 0;
  } else {
    uint64_t rest = m & ((1ull << drop) - 1);
    m >>= drop;
    up = roundUp(round, e.negative, m & 1, rest, 1ull << (drop - 1), false);
  }
  m += up;
  int biased = last + f.mantissaBits + f.bias(); // of a normal number with its top digit set
  uint64_t bits;
  if (m >> (f.mantissaBits + 1)) {
    m >>= 1;
    ++biased;
  }
  if (m >> f.mantissaBits) {
    if (biased > top)
      bits = ~0ull >> 1;
    else
      bits = uint64_t(biased) << f.mantissaBits | (m & mantissaMask);
  } else
    bits = m;
  if (bits > largest) {
    bool toLargest = saturate || round == Round::Rz || (round == Round::Rm && !e.negative) ||
                     (round == Round::Rp && e.negative) || !f.hasInfinity;
    bits = toLargest ? largest : infinity;
  }
  return (sign | bits) << shiftOut;
}

double decodeReal(uint64_t bits, Ty ty) {
  switch (ty) {
  case Ty::F32: return std::bit_cast<float>(uint32_t(bits));
  case Ty::BF16: return std::bit_cast<float>(uint32_t(bits) << 16);
  case Ty::TF32: return std::bit_cast<float>(uint32_t(bits) & ~0x1fffu);
  case Ty::F64: return std::bit_cast<double>(bits);
  default: break;
  }
  Exact e = decode(bits, ty);
  if (e.isNan)
    return std::nan("");
  double v = e.isInf ? HUGE_VAL : std::ldexp(double(e.mantissa), e.exponent);
  return e.negative ? -v : v;
}

uint64_t encodeReal(double v, Ty ty, Round round) {
  return encode(decode(std::bit_cast<uint64_t>(v), Ty::F64), ty, round, false);
}

static __int128 clampTo(__int128 v, Ty to) {
  unsigned bits = bytesOf(to) * 8;
  __int128 lo = isSigned(to) ? -((__int128)1 << (bits - 1)) : 0;
  __int128 hi = isSigned(to) ? ((__int128)1 << (bits - 1)) - 1 : ((__int128)1 << bits) - 1;
  return v < lo ? lo : v > hi ? hi : v;
}

static uint64_t realToInt(const Exact &e, const CvtSpec &s) {
  unsigned bits = bytesOf(s.to) * 8;
  if (e.isNan) { // the type's least number, or its greatest power of two, where one of the types has 64 bits
    uint64_t top = 1ull << (bits - 1);
    return s.from != Ty::F64 && bits < 64 ? 0 : isSigned(s.to) ? -top : top;
  }
  __int128 v;
  if (e.isInf || (e.mantissa && e.exponent + 64 - std::countl_zero(e.mantissa) > 65))
    v = (__int128)1 << 100;
  else if (e.exponent >= 0)
    v = (__int128)e.mantissa << e.exponent;
  else if (e.exponent <= -64)
    v = e.mantissa && roundUp(s.round, e.negative, false, 0, 1, true) && s.round != Round::Rn;
  else {
    uint64_t rest = e.mantissa & ((1ull << -e.exponent) - 1), m = e.mantissa >> -e.exponent;
    v = (__int128)m + roundUp(s.round, e.negative, m & 1, rest, 1ull << (-e.exponent - 1), false);
  }
  return uint64_t(clampTo(e.negative ? -v : v, s.to));
}

static Exact flushSubnormal(Exact e) {
  int width = e.mantissa ? 64 - std::countl_zero(e.mantissa) : 0;
  if (!e.isNan && !e.isInf && e.exponent + width - 1 < -126)
    e.mantissa = 0;
  return e;
}

static Exact roundIntegral(Exact e, Round round) {
  if (e.isNan || e.isInf || e.exponent >= 0 || !e.mantissa)
    return e;
  bool up;
  uint64_t m = 0;
  if (e.exponent <= -64)
    up = round != Round::Rn && roundUp(round, e.negative, false, 0, 1, true);
  else {
    uint64_t rest = e.mantissa & ((1ull << -e.exponent) - 1);
    m = e.mantissa >> -e.exponent;
    up = roundUp(round, e.negative, m & 1, rest, 1ull << (-e.exponent - 1), false);
  }
  e.mantissa = m + up;
  e.exponent = 0;
  return e;
}

static uint64_t realToReal(Exact e, const CvtSpec &s, Ty to) {
  if (s.ftz && s.from == Ty::F32)
    e = flushSubnormal(e);
  if (s.integerRound)
    e = roundIntegral(e, s.round);
  if (s.sat) {
    Exact one;
    one.mantissa = 1;
    bool above = !e.isNan && !e.negative && (e.isInf || (e.mantissa && e.exponent + 64 - std::countl_zero(e.mantissa) > 0));
    if (e.isNan || e.negative)
      e = Exact();
    else if (above)
      e = one;
  }
  if (s.relu && e.isNan)
    e.negative = false; // the canonical NaN
  else if (s.relu && e.negative)
    e = Exact();
  uint64_t r = encode(e, to, s.round == Round::None ? Round::Rn : s.round, s.satfinite);
  if (s.ftz && to == Ty::F32 && !(r & 0x7f800000))
    r &= 0x80000000;
  return r;
}

static Ty halfOf(Ty pair) {
  switch (pair) {
  case Ty::F16x2: return Ty::F16;
  case Ty::BF16x2: return Ty::BF16;
  case Ty::E4M3x2: return Ty::E4M3;
  case Ty::E5M2x2: return Ty::E5M2;
  default: return Ty::None;
  }
}

uint64_t convertValue(const CvtSpec &s, uint64_t a, uint64_t b, bool wideDst) {
  if (Ty to = halfOf(s.to); to != Ty::None) {
    unsigned shift = bytesOf(to) * 8;
    Ty from = halfOf(s.from);
    if (from == Ty::None) // two f32: the first goes to the high half
      return realToReal(decode(a, s.from), s, to) << shift | realToReal(decode(b, s.from), s, to);
    unsigned in = bytesOf(from) * 8;
    uint64_t mask = (1ull << in) - 1;
    return realToReal(decode(a >> in & mask, from), s, to) << shift | realToReal(decode(a & mask, from), s, to);
  }
  bool fromReal = isReal(s.from), toReal = isReal(s.to);
  unsigned fromBits = bytesOf(s.from) * 8;
  if (fromBits < 64)
    a &= (1ull << fromBits) - 1;
  if (fromReal && toReal)
    return realToReal(decode(a, s.from), s, s.to);
  if (fromReal) {
    Exact e = decode(a, s.from);
    if (s.ftz && s.from == Ty::F32)
      e = flushSubnormal(e);
    uint64_t r = realToInt(e, s);
    return bytesOf(s.to) == 8 ? r : wideDst ? uint64_t(int64_t(r)) : uint32_t(r);
  }
  bool negative = isSigned(s.from) && (a >> (fromBits - 1) & 1);
  __int128 v = negative ? (__int128)(int64_t)(a | (fromBits < 64 ? ~0ull << fromBits : 0)) : (__int128)a;
  if (toReal) {
    Exact e;
    e.negative = negative;
    e.mantissa = uint64_t(negative ? -v : v);
    return realToReal(e, s, s.to);
  }
  if (s.sat)
    v = clampTo(v, s.to);
  unsigned toBits = bytesOf(s.to) * 8;
  uint64_t r = uint64_t(v);
  if (toBits < 64) { // truncate, then extend to the register by the sign of the destination type
    r &= (1ull << toBits) - 1;
    if (isSigned(s.to) && (r >> (toBits - 1) & 1))
      r |= ~0ull << toBits;
  }
  return r;
}

} // namespace tk::sim
