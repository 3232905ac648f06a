//===- TensorNumerics.h - How tensor cores add up ---------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The model behind `--numerics=h100`. It was published from measurements of matrix units
/// ("MATLAB-tensor-core", arXiv 2512.07004); nobody here has seen it on a GPU. PTX leaves order and
/// rounding of these sums open.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_TENSORNUMERICS_H
#define TK_LIB_SIM_TENSORNUMERICS_H

#include "LaneOps.h"

namespace tk::sim {

/// What the sums of a type of operands are like.
struct TensorModel {
  int minExponentA,
      minExponentB; ///< Of normal numbers: subnormal ones are aligned as if they had it.
  int fraction;     ///< Bits that a term keeps below the largest exponent.
  int minExponent;  ///< No sum is aligned to less.
  bool toHalf;      ///< The result is f16, rounded to the nearest; else f32, cut off.

  TensorModel(Ty a, Ty b, Ty d);
  /// c + the sum of a[i * strideA] * b[i * strideB] for i < k, in one step. A result that is no
  /// number is NaN.
  double sum(const double *a, unsigned strideA, const double *b, unsigned strideB, unsigned k,
             double c) const;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_TENSORNUMERICS_H
