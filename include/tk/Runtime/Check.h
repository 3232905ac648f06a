//===- Check.h - Results against a reference --------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_CHECK_H
#define TK_RUNTIME_CHECK_H

#include "tk/Runtime/Tensor.h"

namespace tk {

/// How far a result is from its reference.
struct Comparison {
  double error = 0; ///< ||out - ref|| / ||ref|| (Frobenius), in double; NaN if anything is NaN.
  double tolerance = 0;
  double maxAbsolute = 0;       ///< The largest |out - ref|, or NaN.
  std::vector<int64_t> worst;   ///< Its index; the first NaN if there is one.
  double got = 0, expected = 0; ///< The values there.

  /// Written so that NaN never passes.
  bool passed() const { return error <= tolerance; }
};

/// What rounding the exact result to the type alone may cost, with some room: bf16 4e-3, f16 6e-4,
/// f32 2e-5.
double getDefaultTolerance(ElementType type);

/// Sizes that differ are an error; `name` is the output's.
llvm::Expected<Comparison> compare(const HostTensor &result, const HostTensor &reference,
                                   llvm::StringRef name, double tolerance);

/// The product of two matrices in double precision, row-major; of arrays of matrices, all products,
/// where one matrix may stand for an array of them.
llvm::Expected<HostTensor> multiplyReference(const HostTensor &lhs, const HostTensor &rhs);

} // namespace tk

#endif // TK_RUNTIME_CHECK_H
