//===- LinearMap.h - Linear maps over F2 ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LAYOUT_LINEARMAP_H
#define TK_LAYOUT_LINEARMAP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace tk::layout {

/// A linear map over F2 between bit vectors of up to 64 bits: the image of x is the exclusive or of
/// the columns whose bit is set in x. Register distributions, swizzles and the addresses they lead
/// to are all of this kind inside a power-of-two block, which is what makes conversions and bank
/// conflicts decidable by algebra.
class LinearMap {
public:
  LinearMap() = default;
  explicit LinearMap(llvm::ArrayRef<uint64_t> columns) : columns(columns) {}
  static LinearMap identity(unsigned bits);
  static LinearMap zero(unsigned bits) { return LinearMap(llvm::SmallVector<uint64_t>(bits, 0)); }

  unsigned inputBits() const { return columns.size(); }
  uint64_t column(unsigned bit) const { return columns[bit]; }
  uint64_t apply(uint64_t x) const;
  /// The or of all columns: the output bits that some input can set.
  uint64_t image() const;
  unsigned rank() const;
  bool isInjective() const { return rank() == inputBits(); }
  /// Input bits whose column is zero: they do not matter ("replication").
  uint64_t freeInputBits() const;
  /// this after `inner`: x -> apply(inner.apply(x)).
  LinearMap compose(const LinearMap &inner) const;
  /// Inputs of both, this one's in the low bits: (x, y) -> apply(x) ^ other.apply(y).
  LinearMap concat(const LinearMap &other) const;
  /// The inverse of an injective, surjective square map. Asserts otherwise.
  LinearMap inverse() const;

  bool operator==(const LinearMap &other) const { return columns == other.columns; }

private:
  llvm::SmallVector<uint64_t> columns;
};

inline bool isPowerOfTwo(int64_t x) { return x > 0 && (x & (x - 1)) == 0; }

} // namespace tk::layout

#endif // TK_LAYOUT_LINEARMAP_H
