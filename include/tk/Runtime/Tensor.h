//===- Tensor.h - Tensors in host memory ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_TENSOR_H
#define TK_RUNTIME_TENSOR_H

#include "tk/Target/Package.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tk {

/// A strided array in host memory: element (i, j, ...) lies at `(i * strides[0] + j * strides[1] +
/// ...)` elements from the start of `bytes`.
struct HostTensor {
  ElementType type = ElementType::F32;
  std::vector<int64_t> sizes, strides; ///< Strides in elements, never negative.
  std::vector<uint8_t> bytes;

  int64_t getNumElements() const;
};

/// The value of one element, exactly. Integers beyond 2^53 are rounded.
double decodeElement(ElementType type, const uint8_t *bytes);
/// Rounds to nearest even (floating point) or towards zero with saturation (integers).
void encodeElement(ElementType type, double value, uint8_t *bytes);
bool isFloat(ElementType type);

/// Strides of a dense array; Fortran order has the first dimension fastest.
std::vector<int64_t> getDenseStrides(llvm::ArrayRef<int64_t> sizes, bool fortranOrder = false);
/// Elements from the first to the last, inclusive; 0 for an empty array, nothing on overflow.
std::optional<int64_t> getExtent(llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> strides);
/// The product of the sizes, or nothing on overflow.
std::optional<int64_t> getNumElements(llvm::ArrayRef<int64_t> sizes);

/// Calls back with the element offset of every index, last dimension fastest.
void forEachOffset(llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> strides,
                   llvm::function_ref<void(int64_t offset)> callback);

/// The same values in another layout.
HostTensor withStrides(const HostTensor &tensor, llvm::ArrayRef<int64_t> strides);

/// "512x256"; "scalar" for rank 0.
std::string printSizes(llvm::ArrayRef<int64_t> sizes);
std::optional<std::vector<int64_t>> parseSizes(llvm::StringRef text);

/// Contents that need no file. Normal values come from Philox 4x32-10 by (seed, stream, element
/// index in row-major order): the same on every machine, whatever the layout. Integer types get
/// uniform values in [-8, 8) or [0, 8).
enum class Fill { Random, Zeros, Ones, Range };
void fillTensor(HostTensor &tensor, Fill fill, uint64_t seed = 0, llvm::StringRef stream = "");

} // namespace tk

#endif // TK_RUNTIME_TENSOR_H
