//===- RoundedOps.cpp - Arithmetic with directed rounding -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneOps.h"
#include <cfenv>
#include <cmath>
#include <cstring>

#pragma STDC FENV_ACCESS ON

namespace tk::sim {
namespace {

constexpr int hostRound(Round r) {
  return r == Round::Rz ? FE_TOWARDZERO : r == Round::Rm ? FE_DOWNWARD : r == Round::Rp ? FE_UPWARD : FE_TONEAREST;
}

template <class T> T flushed(T v) { return std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(T(0), v) : v; }

template <class T> T apply(Alu op, T a, T b, T c) {
  volatile T x = a, y = b, z = c; // keeps the operation between the two changes of mode
  switch (op) {
  case Alu::Add: return x + y;
  case Alu::Sub: return x - y;
  case Alu::Mul: return x * y;
  case Alu::Div: return x / y;
  case Alu::Fma: return std::fma(x, y, z);
  case Alu::Sqrt: return std::sqrt(x);
  case Alu::Rcp: return T(1) / x;
  default: return 0;
  }
}

template <class T, Alu O, Round R, bool Ftz> void rounded(uint32_t *d, const uint32_t *const *s, uint32_t mask) {
  constexpr unsigned n = O == Alu::Fma ? 3 : O == Alu::Sqrt || O == Alu::Rcp ? 1 : 2;
  int old = std::fegetround();
  std::fesetround(hostRound(R));
  for (unsigned i = 0; i < 32; ++i) {
    if (!(mask >> i & 1))
      continue;
    T v[3] = {0, 0, 0};
    for (unsigned k = 0; k < n; ++k) {
      memcpy(&v[k], reinterpret_cast<const char *>(s[k]) + i * sizeof(T), sizeof(T));
      if (Ftz)
        v[k] = flushed(v[k]);
    }
    volatile T r = apply<T>(O, v[0], v[1], v[2]);
    T out = Ftz ? flushed(T(r)) : T(r);
    if (sizeof(T) == 4 && out != out) {
      uint32_t nan = 0x7fffffff;
      memcpy(&out, &nan, 4);
    }
    memcpy(reinterpret_cast<char *>(d) + i * sizeof(T), &out, sizeof(T));
  }
  std::fesetround(old);
}

template <class T, Alu O, bool Ftz> AluFn byRound(Round r) {
  switch (r) {
  case Round::Rz: return rounded<T, O, Round::Rz, Ftz>;
  case Round::Rm: return rounded<T, O, Round::Rm, Ftz>;
  case Round::Rp: return rounded<T, O, Round::Rp, Ftz>;
  default: return nullptr;
  }
}

template <class T, bool Ftz> AluFn byOp(Alu op, Round r) {
  switch (op) {
  case Alu::Add: return byRound<T, Alu::Add, Ftz>(r);
  case Alu::Sub: return byRound<T, Alu::Sub, Ftz>(r);
  case Alu::Mul: return byRound<T, Alu::Mul, Ftz>(r);
  case Alu::Div: return byRound<T, Alu::Div, Ftz>(r);
  case Alu::Fma: return byRound<T, Alu::Fma, Ftz>(r);
  case Alu::Sqrt: return byRound<T, Alu::Sqrt, Ftz>(r);
  case Alu::Rcp: return byRound<T, Alu::Rcp, Ftz>(r);
  default: return nullptr;
  }
}

} // namespace

AluFn roundedAlu(Alu op, Ty ty, Round round, bool ftz) {
  if (ty == Ty::F32)
    return ftz ? byOp<float, true>(op, round) : byOp<float, false>(op, round);
  if (ty == Ty::F64)
    return byOp<double, false>(op, round);
  return nullptr;
}

} // namespace tk::sim
