//===- SharedLayout.h - How a tile lies in shared memory --------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LAYOUT_SHAREDLAYOUT_H
#define TK_LAYOUT_SHAREDLAYOUT_H

#include "tk/Layout/Distribution.h"
#include "llvm/Support/Error.h"

namespace tk::layout {

/// The hardware's swizzles by their span in bytes. None keeps 16-byte wide panels as they are.
enum class SwizzleSpan : int64_t { None = 16, B32 = 32, B64 = 64, B128 = 128 };

/// Exclusive-ors address bits [7, 7+k) into [4, 4+k), k = 0 .. 3. Source: PTX ISA 9.1, 5.5.7
/// (swizzling modes).
int64_t applySwizzle(SwizzleSpan span, int64_t address);

/// A two-dimensional tile in shared memory: cut along its contiguous dimension into panels one span
/// wide, panels stacked outermost, each row of a panel `span` bytes, 16-byte chunks exchanged by
/// the swizzle. It is what TMA writes and wgmma reads.
///
///   linear(r, c) = (c / w) * rows * span + r * span + (c % w) * elementBytes      w = span /
///   elementBytes offset(r, c) = swizzle(linear(r, c))
///
/// with r the strided and c the contiguous coordinate. Offsets are relative to a base aligned to
/// `alignment()`.
class SharedLayout {
public:
  SharedLayout(llvm::ArrayRef<int64_t> shape, int64_t elementBytes, SwizzleSpan span,
               unsigned contiguousDimension);

  llvm::ArrayRef<int64_t> shape() const { return tileShape; }
  SwizzleSpan span() const { return swizzle; }
  unsigned contiguousDimension() const { return contiguous; }
  int64_t elementBytes() const { return bytesPerElement; }
  int64_t sizeInBytes() const { return tileShape[0] * tileShape[1] * bytesPerElement; }
  /// The repeat of the swizzle pattern: offsets are only right above a base aligned to it.
  int64_t alignment() const { return 8 * int64_t(swizzle); }
  int64_t linearOffset(llvm::ArrayRef<int64_t> coordinates) const;
  int64_t offset(llvm::ArrayRef<int64_t> coordinates) const {
    return applySwizzle(swizzle, linearOffset(coordinates));
  }

private:
  llvm::SmallVector<int64_t, 2> tileShape;
  int64_t bytesPerElement;
  SwizzleSpan swizzle;
  unsigned contiguous;
};

/// The widest span that fits a contiguous extent of `bytes`: the largest of 128, 64, 32, 16 that
/// divides it. None where not even 16 does.
std::optional<SwizzleSpan> widestSpan(int64_t bytes);

/// How the threads of a distribution touch a shared tile with vector accesses:
///
///   address(k, thread) = base + (threadOffset(thread) ^ accesses[k].exclusiveOr) +
///   accesses[k].plus
///
/// where access k moves registers [k * vector, (k + 1) * vector).
struct SharedAccess {
  struct Step {
    int64_t exclusiveOr, plus;
  };
  int64_t vector = 1;                          ///< Elements per access.
  llvm::SmallVector<int64_t, 8> threadColumns; ///< Byte offset that each thread bit contributes.
  llvm::SmallVector<Step> steps;
  uint64_t replicatedThreadBits = 0; ///< Threads that differ only here touch the same elements.
};

/// Plans the accesses and proves them against the two layouts on every register and thread; an
/// error names the first element where no constant distance exists.
llvm::Expected<SharedAccess> planSharedAccess(const Distribution &tile, const SharedLayout &shared);

/// How the warps of a distribution move 8 x 8 matrices of 16-bit elements, four with one
/// instruction (stmatrix, ldmatrix): access k moves registers [8k, 8k + 8) of every lane, two for
/// each matrix.
struct MatrixAccess {
  /// The rows: a thread gives the address of one row of 16 bytes, of matrix lane / 8, row lane % 8.
  SharedAccess rows;
  /// Whether lanes hold the matrices transposed: two elements along a column, not along a row.
  bool transposed = false;
};

/// Plans the accesses and proves them against the two layouts on every register and thread; an
/// error says why there are none. Source: PTX ISA 9.1, 9.7.14.5.15 and 9.7.14.5.16.
llvm::Expected<MatrixAccess> planMatrixAccess(const Distribution &tile, const SharedLayout &shared);

/// Wavefronts that a warp-level access takes and the least that any addresses would take.
struct BankCount {
  int64_t wavefronts = 0, minimum = 0;
  int64_t conflicts() const { return wavefronts - minimum; }
};

/// Counts one access: `addresses[lane]` in bytes, `width` bytes each. Source: phases of 32, 16 or 8
/// lanes for up to 4, 8 and 16 bytes; in a phase each bank delivers one 4-byte word per wavefront.
BankCount countWavefronts(llvm::ArrayRef<int64_t> addresses, int64_t width);

/// The worst warp-level access of a plan over all warps and steps: a proof by exhaustion, for any
/// base that keeps the layout's alignment.
/// Threads with one of `idleThreadBits` in their number take no part.
BankCount worstWavefronts(const SharedAccess &access, int64_t elementBytes,
                          uint64_t idleThreadBits = 0);

/// What a wgmma instruction needs to know of a shared operand, derived from its layout and proven
/// equal to the canonical layout of the PTX ISA (9.7.15.5.1.2) on the whole footprint of every
/// instruction.
struct WgmmaOperand {
  SwizzleSpan span;
  bool mnMajor;              ///< trans immediate
  int64_t leadingByteOffset; ///< LBO
  int64_t strideByteOffset;  ///< SBO
  /// The 64-bit descriptor's constant part: everything but the start address.
  uint64_t descriptorBits() const;
};

/// Derives the operand, whose `mnDimension` is M of A or N of B and whose other dimension is K, for
/// instructions of extents `mn` x `k`. An error says which rule the layout breaks.
llvm::Expected<WgmmaOperand> describeWgmmaOperand(const SharedLayout &layout, unsigned mnDimension,
                                                  int64_t mn, int64_t k);

} // namespace tk::layout

#endif // TK_LAYOUT_SHAREDLAYOUT_H
