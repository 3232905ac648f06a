//===- TensorNumerics.cpp - How tensor cores add up -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorNumerics.h"
#include "Machine.h"
#include <bit>
#include <cmath>

namespace tk::sim {

static int minNormalExponent(Ty ty) {
  switch (ty) {
  case Ty::E4M3:
    return -6;
  case Ty::F16:
  case Ty::E5M2:
    return -14;
  default:
    return -126; // bf16, tf32
  }
}
static bool isFp8(Ty ty) { return ty == Ty::E4M3 || ty == Ty::E5M2; }

TensorModel::TensorModel(Ty a, Ty b, Ty d)
    : minExponentA(minNormalExponent(a)), minExponentB(minNormalExponent(b)),
      fraction(isFp8(a) ? 13 : 25), minExponent(a == Ty::F16 && d == Ty::F16 ? -21 : -133),
      toHalf(d == Ty::F16) {}

/// Of a number that is normal in double, as all products and sums here are.
static int exponentOf(double v) { return int(std::bit_cast<uint64_t>(v) >> 52 & 0x7ff) - 1023; }
static double powerOfTwo(int e) { return std::bit_cast<double>(uint64_t(e + 1023) << 52); }

/// Each term is cut to a multiple of the last place that the largest one keeps, then all are added
/// exactly.
double TensorModel::sum(const double *a, unsigned strideA, const double *b, unsigned strideB,
                        unsigned k, double c) const {
  int top = minExponent;
  double special = c; // finite unless something is not: no sum of doubles here overflows
  for (unsigned i = 0; i < k; ++i) {
    double x = a[i * strideA], y = b[i * strideB], product = x * y;
    special += product;
    if (product != 0 && std::isfinite(product))
      top = std::max(top,
                     std::max(exponentOf(x), minExponentA) + std::max(exponentOf(y), minExponentB));
  }
  if (!std::isfinite(special))
    return std::isnan(special) ? std::nan("") : special;
  if (c != 0)
    top = std::max(top, std::max(exponentOf(c), -126));
  double scale = powerOfTwo(fraction - top);
  int64_t total = int64_t(c * scale);
  for (unsigned i = 0; i < k; ++i)
    total += int64_t(a[i * strideA] * b[i * strideB] * scale);
  double exact = double(total) * powerOfTwo(top - fraction);
  if (toHalf)
    return decodeReal(encodeReal(exact, Ty::F16, Round::Rn), Ty::F16);
  if (std::fabs(exact) >= 0x1p128)
    return std::copysign(HUGE_VAL, exact);
  return decodeReal(encodeReal(exact, Ty::F32, Round::Rz), Ty::F32);
}

} // namespace tk::sim
