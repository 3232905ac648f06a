//===- RareOps.cpp - Lane kernels that few programs need ------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One lane at a time, compiled once: what is seldom on a hot path need not be vectorised for three
/// instruction sets. Modifiers that change operands or results around an operation of LaneOps.inc
/// are wrapped around its kernel.
///
//===----------------------------------------------------------------------===//

#include "LaneOps.h"
#include <algorithm>
#include <bit>
#include <climits>
#include <cmath>
#include <cstring>
#include <utility>

namespace tk::sim {
namespace {

/// The kernel of a function of one 32-bit word per operand.
template <auto F>
struct Each;
template <class... A, uint32_t (*F)(A...)>
struct Each<F> {
  static void run(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
    apply(d, s, mask, std::index_sequence_for<A...>());
  }
  template <size_t... I>
  static void apply(uint32_t *d, const uint32_t *const *s, uint32_t mask,
                    std::index_sequence<I...>) {
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        d[l] = F(s[I][l]...);
  }
};

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

uint32_t saturated(int64_t v) { return uint32_t(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)); }
int64_t s64(uint32_t v) { return int32_t(v); }

uint32_t addSat(uint32_t a, uint32_t b) { return saturated(s64(a) + s64(b)); }
uint32_t subSat(uint32_t a, uint32_t b) { return saturated(s64(a) - s64(b)); }
uint32_t madHiSat(uint32_t a, uint32_t b, uint32_t c) {
  return saturated((s64(a) * s64(b) >> 32) + s64(c));
}

/// Bits 47 to 16 of the product of the low 24 bits.
template <bool Signed>
uint32_t mul24Hi(uint32_t a, uint32_t b) {
  if (Signed)
    return uint32_t((s64(a << 8) >> 8) * (s64(b << 8) >> 8) >> 16);
  return uint32_t(uint64_t(a & 0xffffff) * (b & 0xffffff) >> 16);
}
template <bool Signed>
uint32_t mad24Hi(uint32_t a, uint32_t b, uint32_t c) {
  return mul24Hi<Signed>(a, b) + c;
}
uint32_t mad24HiSat(uint32_t a, uint32_t b, uint32_t c) {
  return saturated(s64(mul24Hi<true>(a, b)) + s64(c));
}

template <bool Max>
uint32_t minMaxRelu(uint32_t a, uint32_t b) {
  int64_t r = Max ? std::max(s64(a), s64(b)) : std::min(s64(a), s64(b));
  return uint32_t(std::max<int64_t>(r, 0));
}

/// The two halves of a word each by itself.
template <class F>
uint32_t byHalves(uint32_t a, uint32_t b, F f) {
  return (f(a & 0xffff, b & 0xffff) & 0xffff) | f(a >> 16, b >> 16) << 16;
}
uint32_t add16x2(uint32_t a, uint32_t b) {
  return byHalves(a, b, [](uint32_t x, uint32_t y) { return x + y; });
}
template <bool Max, bool Signed, bool Relu>
uint32_t minMax16x2(uint32_t a, uint32_t b) {
  return byHalves(a, b, [](uint32_t x, uint32_t y) {
    int32_t i = Signed ? int16_t(x) : int32_t(x), j = Signed ? int16_t(y) : int32_t(y);
    int32_t r = Max ? std::max(i, j) : std::min(i, j);
    return uint32_t(Relu ? std::max(r, 0) : r);
  });
}

template <bool Clamp, bool Signed>
uint32_t szext(uint32_t a, uint32_t n) {
  if (Clamp && n >= 32)
    return a;
  n &= 31;
  if (!n)
    return 0;
  return Signed ? uint32_t(int32_t(a << (32 - n)) >> (32 - n)) : a << (32 - n) >> (32 - n);
}

uint32_t bmskWrap(uint32_t position, uint32_t width) {
  return uint32_t(((1ull << (width & 31)) - 1) << (position & 31));
}

/// Where `base` is beyond 31 the result is undefined; here there is no bit.
uint32_t fns(uint32_t word, uint32_t base, uint32_t offset) {
  if (base > 31)
    return ~0u;
  int64_t n = int32_t(offset);
  int step = n < 0 ? -1 : 1;
  int64_t left = n ? std::abs(n) - 1 : 0;
  for (int at = int(base); at >= 0 && at < 32; at += step) {
    if ((word >> at & 1) && left-- == 0)
      return uint32_t(at);
    if (!n)
      break;
  }
  return ~0u;
}

template <bool Hi, bool SignedA, bool SignedB>
uint32_t dp2a(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned k = 0; k < 2; ++k) {
    uint32_t x = a >> (16 * k) & 0xffff, y = b >> (8 * (k + (Hi ? 2 : 0))) & 0xff;
    c += (SignedA ? uint32_t(int16_t(x)) : x) * (SignedB ? uint32_t(int8_t(y)) : y);
  }
  return c;
}

template <unsigned Bits, bool Signed>
uint32_t packed(uint32_t v) {
  constexpr int64_t lo = Signed ? -(1ll << (Bits - 1)) : 0;
  constexpr int64_t hi = Signed ? (1ll << (Bits - 1)) - 1 : (1ll << Bits) - 1;
  return uint32_t(std::clamp(s64(v), lo, hi)) & uint32_t((1ull << Bits) - 1);
}
template <bool Signed>
uint32_t cvtPack16(uint32_t a, uint32_t b) {
  return packed<16, Signed>(a) << 16 | packed<16, Signed>(b);
}
template <unsigned Bits, bool Signed>
uint32_t cvtPack(uint32_t a, uint32_t b, uint32_t c) {
  return c << (2 * Bits) | packed<Bits, Signed>(a) << Bits | packed<Bits, Signed>(b);
}

template <bool Signed>
AluFn word(Alu op) {
  switch (op) {
  case Alu::Mul24Hi:
    return Each<mul24Hi<Signed>>::run;
  case Alu::Mad24Hi:
    return Each<mad24Hi<Signed>>::run;
  case Alu::SzextClamp:
    return Each<szext<true, Signed>>::run;
  case Alu::SzextWrap:
    return Each<szext<false, Signed>>::run;
  default:
    return nullptr;
  }
}

AluFn signedWord(Alu op) {
  switch (op) {
  case Alu::AddSat:
    return Each<addSat>::run;
  case Alu::SubSat:
    return Each<subSat>::run;
  case Alu::MadHiSat:
    return Each<madHiSat>::run;
  case Alu::Mad24HiSat:
    return Each<mad24HiSat>::run;
  case Alu::MinRelu:
    return Each<minMaxRelu<false>>::run;
  case Alu::MaxRelu:
    return Each<minMaxRelu<true>>::run;
  default:
    return word<true>(op);
  }
}

template <bool Signed>
AluFn pairs(Alu op) {
  switch (op) {
  case Alu::Add:
    return Each<add16x2>::run;
  case Alu::Min:
    return Each<minMax16x2<false, Signed, false>>::run;
  case Alu::Max:
    return Each<minMax16x2<true, Signed, false>>::run;
  case Alu::MinRelu:
    return Signed ? Each<minMax16x2<false, Signed, true>>::run : nullptr;
  case Alu::MaxRelu:
    return Signed ? Each<minMax16x2<true, Signed, true>>::run : nullptr;
  default:
    return nullptr;
  }
}

AluFn bits(Alu op) {
  switch (op) {
  case Alu::BmskWrap:
    return Each<bmskWrap>::run;
  case Alu::Fns:
    return Each<fns>::run;
  case Alu::Dp2aLoUU:
    return Each<dp2a<false, false, false>>::run;
  case Alu::Dp2aLoUS:
    return Each<dp2a<false, false, true>>::run;
  case Alu::Dp2aLoSU:
    return Each<dp2a<false, true, false>>::run;
  case Alu::Dp2aLoSS:
    return Each<dp2a<false, true, true>>::run;
  case Alu::Dp2aHiUU:
    return Each<dp2a<true, false, false>>::run;
  case Alu::Dp2aHiUS:
    return Each<dp2a<true, false, true>>::run;
  case Alu::Dp2aHiSU:
    return Each<dp2a<true, true, false>>::run;
  case Alu::Dp2aHiSS:
    return Each<dp2a<true, true, true>>::run;
  case Alu::CvtPackU16:
    return Each<cvtPack16<false>>::run;
  case Alu::CvtPackS16:
    return Each<cvtPack16<true>>::run;
  case Alu::CvtPackU8:
    return Each<cvtPack<8, false>>::run;
  case Alu::CvtPackS8:
    return Each<cvtPack<8, true>>::run;
  case Alu::CvtPackU4:
    return Each<cvtPack<4, false>>::run;
  case Alu::CvtPackS4:
    return Each<cvtPack<4, true>>::run;
  case Alu::CvtPackU2:
    return Each<cvtPack<2, false>>::run;
  case Alu::CvtPackS2:
    return Each<cvtPack<2, true>>::run;
  default:
    return nullptr;
  }
}

//===----------------------------------------------------------------------===//
// Reals
//===----------------------------------------------------------------------===//

/// The fields of a real within one word of a row, which holds one of them or a pair.
struct Fields {
  uint32_t sign, exponent;
  bool halves;
};
constexpr Fields fieldsOf(Ty ty) {
  switch (ty) {
  case Ty::F16:
  case Ty::F16x2:
    return {0x8000, 0x7c00, true};
  case Ty::BF16:
  case Ty::BF16x2:
    return {0x8000, 0x7f80, true};
  default:
    return {0x80000000, 0x7f800000, false};
  }
}

/// f of each real of the words a and b.
template <Ty T, class F>
uint32_t map(uint32_t a, uint32_t b, F f) {
  return fieldsOf(T).halves ? byHalves(a, b, f) : f(a, b);
}

template <Ty T>
uint32_t flushed(uint32_t v) {
  constexpr Fields fields = fieldsOf(T);
  return map<T>(v, v,
                [](uint32_t x, uint32_t) { return x & fields.exponent ? x : x & fields.sign; });
}

using Row = uint32_t[32];

template <Ty T>
void flushRow(Row &to, const uint32_t *from) {
  for (unsigned l = 0; l < 32; ++l)
    to[l] = flushed<T>(from[l]);
}
void store(uint32_t *d, const Row &from, uint32_t mask) {
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1)
      d[l] = from[l];
}

/// .ftz of 16-bit types: subnormal operands and results are zeros of their sign. (LaneOps.inc has
/// the one of .f32.)
template <Alu O, Ty T>
void flushing(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  constexpr unsigned n = O == Alu::Fma || O == Alu::FmaRelu                ? 3
                         : O == Alu::Abs || O == Alu::Neg || O == Alu::Ex2 ? 1
                                                                           : 2;
  Row in[n], out;
  const uint32_t *rows[n];
  for (unsigned k = 0; k < n; ++k) {
    flushRow<T>(in[k], s[k]);
    rows[k] = in[k];
  }
  laneOps().alu(O, T, false)(out, rows, ~0u);
  flushRow<T>(out, out);
  store(d, out, mask);
}

template <Ty T>
AluFn flushingAlu(Alu op) {
  switch (op) {
  case Alu::Add:
    return flushing<Alu::Add, T>;
  case Alu::Sub:
    return flushing<Alu::Sub, T>;
  case Alu::Mul:
    return flushing<Alu::Mul, T>;
  case Alu::Fma:
    return flushing<Alu::Fma, T>;
  case Alu::FmaRelu:
    return flushing<Alu::FmaRelu, T>;
  case Alu::Min:
    return flushing<Alu::Min, T>;
  case Alu::Max:
    return flushing<Alu::Max, T>;
  case Alu::MinNan:
    return flushing<Alu::MinNan, T>;
  case Alu::MaxNan:
    return flushing<Alu::MaxNan, T>;
  case Alu::Abs:
    return flushing<Alu::Abs, T>;
  case Alu::Neg:
    return flushing<Alu::Neg, T>;
  default:
    return nullptr;
  }
}

/// min and max of magnitudes, whose sign is the exclusive or of the operands' signs unless the
/// result is a NaN.
template <Alu O, Ty T, bool Ftz>
void xorsign(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  constexpr Fields fields = fieldsOf(T);
  Row in[2], out;
  const uint32_t *rows[2] = {in[0], in[1]};
  constexpr uint32_t magnitudes = ~(fields.halves ? 0x80008000u : fields.sign);
  for (unsigned l = 0; l < 32; ++l)
    for (unsigned k = 0; k < 2; ++k)
      in[k][l] = (Ftz ? flushed<T>(s[k][l]) : s[k][l]) & magnitudes;
  laneOps().alu(O, T, false)(out, rows, ~0u);
  for (unsigned l = 0; l < 32; ++l)
    out[l] = map<T>(out[l], s[0][l] ^ s[1][l], [](uint32_t r, uint32_t signs) {
      return (r & ~fields.sign) > fields.exponent ? r : (r & ~fields.sign) | (signs & fields.sign);
    });
  store(d, out, mask);
}
template <Ty T, bool Ftz>
AluFn xorsignAlu(Alu op) {
  switch (op) {
  case Alu::MinXorsign:
    return xorsign<Alu::Min, T, Ftz>;
  case Alu::MaxXorsign:
    return xorsign<Alu::Max, T, Ftz>;
  case Alu::MinNanXorsign:
    return xorsign<Alu::MinNan, T, Ftz>;
  case Alu::MaxNanXorsign:
    return xorsign<Alu::MaxNan, T, Ftz>;
  default:
    return nullptr;
  }
}

/// a * (1 / b) with a reciprocal that is zero from 2^126 on, as the manual has it.
template <bool Ftz>
void divApprox(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  Row out;
  laneOps().alu(Alu::Div, Ty::F32, Ftz)(out, s, ~0u);
  for (unsigned l = 0; l < 32; ++l) {
    uint32_t a = s[0][l] & 0x7fffffff, b = s[1][l] & 0x7fffffff;
    if (b > 0x7e800000 && b < 0x7f800000 && a <= 0x7f800000)
      out[l] = a == 0x7f800000 ? 0x7fffffff : (s[0][l] ^ s[1][l]) & 0x80000000;
  }
  store(d, out, mask);
}

/// .approx.ftz.f64: of the upper words only; the lower one of the result is 0.
template <Alu O>
void upperWord(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint32_t upper = s[0][2 * l + 1];
    if (!(upper & 0x7ff00000))
      upper &= 0x80000000;
    double v = std::bit_cast<double>(uint64_t(upper) << 32);
    // Of -0 too the root's reciprocal is an infinity of its sign.
    v = O == Alu::Rcp ? 1.0 / v : 1.0 / std::sqrt(v);
    uint64_t r = std::bit_cast<uint64_t>(v);
    if (v != v)
      r = 0x7fffffffull << 32;
    else if ((r & 0x7ff0000000000000) != 0x7ff0000000000000)
      r = (r + 0x80000000) >> 32 << 32;
    if (!(r & 0x7ff0000000000000))
      r &= 0x8000000000000000;
    d[2 * l] = 0;
    d[2 * l + 1] = uint32_t(r >> 32);
  }
}

/// slct.ftz: a subnormal selector counts as zero.
template <bool Wide>
void slctFlushing(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  Row selector;
  flushRow<Ty::F32>(selector, s[2]);
  const uint32_t *rows[3] = {s[0], s[1], selector};
  laneOps().alu(Alu::SlctF, Wide ? Ty::B64 : Ty::B32, false)(d, rows, mask);
}

AluFn rareF32(Alu op, bool ftz) {
  if (op == Alu::DivApprox)
    return ftz ? divApprox<true> : divApprox<false>;
  return ftz ? xorsignAlu<Ty::F32, true>(op) : xorsignAlu<Ty::F32, false>(op);
}
template <Ty T>
AluFn rareF16(Alu op, bool ftz) {
  if (AluFn f = ftz ? xorsignAlu<T, true>(op) : xorsignAlu<T, false>(op))
    return f;
  return ftz ? flushingAlu<T>(op) : nullptr;
}
template <Ty T>
AluFn rareBf16(Alu op, bool ftz) {
  return ftz && op == Alu::Ex2 ? flushing<Alu::Ex2, T> : xorsignAlu<T, false>(op);
}
AluFn rareF64(Alu op, bool ftz) {
  if (!ftz)
    return nullptr;
  return op == Alu::Rcp ? upperWord<Alu::Rcp> : op == Alu::Rsqrt ? upperWord<Alu::Rsqrt> : nullptr;
}

template <Cmp C>
uint32_t flushingCompare(const uint32_t *a, const uint32_t *b) {
  Row x, y;
  flushRow<Ty::F16>(x, a);
  flushRow<Ty::F16>(y, b);
  return laneOps().cmp(C, Ty::F16, false)(x, y);
}
template <unsigned... C>
CmpFn flushingCmp(Cmp c, std::integer_sequence<unsigned, C...>) {
  static constexpr CmpFn all[] = {flushingCompare<Cmp(C)>...};
  return all[unsigned(c)];
}

/// testp looks at its first operand only.
template <Testp P, class U>
uint32_t testp(const uint32_t *a, const uint32_t *) {
  constexpr U exponent = sizeof(U) == 4 ? U(0x7f800000) : U(0x7ff0000000000000);
  uint32_t r = 0;
  for (unsigned l = 0; l < 32; ++l) {
    U v;
    memcpy(&v, reinterpret_cast<const char *>(a) + l * sizeof(U), sizeof(U));
    v &= ~U(0) >> 1;
    bool is = P == Testp::Finite       ? v < exponent
              : P == Testp::Infinite   ? v == exponent
              : P == Testp::Number     ? v <= exponent
              : P == Testp::NotANumber ? v > exponent
              : P == Testp::Normal     ? v < exponent && (!v || (v & exponent))
                                       : v && !(v & exponent);
    r |= uint32_t(is) << l;
  }
  return r;
}
template <class U>
CmpFn testpOf(Testp p) {
  switch (p) {
  case Testp::Finite:
    return testp<Testp::Finite, U>;
  case Testp::Infinite:
    return testp<Testp::Infinite, U>;
  case Testp::Number:
    return testp<Testp::Number, U>;
  case Testp::NotANumber:
    return testp<Testp::NotANumber, U>;
  case Testp::Normal:
    return testp<Testp::Normal, U>;
  case Testp::Subnormal:
    return testp<Testp::Subnormal, U>;
  }
  return nullptr;
}

} // namespace

AluFn rareAlu(Alu op, Ty ty, bool ftz) {
  switch (ty) {
  case Ty::U32:
    return word<false>(op);
  case Ty::S32:
    return signedWord(op);
  case Ty::B32:
    return op == Alu::SlctF && ftz ? slctFlushing<false> : bits(op);
  case Ty::B64:
    return op == Alu::SlctF && ftz ? slctFlushing<true> : nullptr;
  case Ty::U16x2:
    return pairs<false>(op);
  case Ty::S16x2:
    return pairs<true>(op);
  case Ty::F32:
    return rareF32(op, ftz);
  case Ty::F64:
    return rareF64(op, ftz);
  case Ty::F16:
    return rareF16<Ty::F16>(op, ftz);
  case Ty::F16x2:
    return rareF16<Ty::F16x2>(op, ftz);
  case Ty::BF16:
    return rareBf16<Ty::BF16>(op, ftz);
  case Ty::BF16x2:
    return rareBf16<Ty::BF16x2>(op, ftz);
  default:
    return nullptr;
  }
}

CmpFn rareCmp(Cmp cmp, Ty ty, bool ftz) {
  if (ty != Ty::F16 || !ftz)
    return nullptr;
  return flushingCmp(cmp, std::make_integer_sequence<unsigned, unsigned(Cmp::Nan) + 1>());
}

CmpFn testpCmp(Testp property, Ty ty) {
  return ty == Ty::F32   ? testpOf<uint32_t>(property)
         : ty == Ty::F64 ? testpOf<uint64_t>(property)
                         : nullptr;
}

} // namespace tk::sim
