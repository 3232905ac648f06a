//===- Distribution.h - How a register tile lies over threads ---*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LAYOUT_DISTRIBUTION_H
#define TK_LAYOUT_DISTRIBUTION_H

#include "tk/Layout/LinearMap.h"

namespace tk::layout {

using Coordinates = llvm::SmallVector<int64_t, 4>;

/// A register tile over the threads of a block: which element each (register, thread) holds.
///
/// The tile is a grid of equal power-of-two blocks. Inside a block, the map from (register bits,
/// thread bits) to coordinates is linear over F2; over the grid, registers repeat, last dimension
/// fastest. So extents such as 80 or 112 are concatenations of blocks, and every register sits at a
/// constant distance from its thread's base:
///
///   coordinate(register, thread) = registerCoordinate(register) + threadCoordinate(thread)
///
/// Registers and threads set disjoint bits of a coordinate; the constructor checks it.
class Distribution {
public:
  /// `registers` and `threads` have one column per register or thread bit, over packed block
  /// coordinates: the last dimension takes the lowest bits. `blockShape` divides `shape`.
  Distribution(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> blockShape,
               LinearMap registers, LinearMap threads);

  llvm::ArrayRef<int64_t> shape() const { return tileShape; }
  unsigned rank() const { return tileShape.size(); }
  int64_t numThreads() const { return int64_t(1) << threads.inputBits(); }
  int64_t registersPerThread() const { return registersPerBlock() * numBlocks(); }

  Coordinates registerCoordinate(int64_t reg) const;
  Coordinates threadCoordinate(int64_t thread) const;
  Coordinates coordinate(int64_t reg, int64_t thread) const;
  /// The part of one dimension's coordinate that thread bit `bit` contributes.
  int64_t threadColumn(unsigned bit, unsigned dimension) const;
  unsigned threadBits() const { return threads.inputBits(); }
  /// Thread bits that do not matter: threads that differ only there hold the same elements.
  uint64_t replicatedThreadBits() const { return threads.freeInputBits(); }
  /// The largest power of two v such that registers [k*v, (k+1)*v) are consecutive along
  /// `dimension`, for all k.
  int64_t contiguousRegisters(unsigned dimension) const;

  /// What is left of it in a tile whose extents are this one's, or 1: of the elements that differ
  /// only along the latter, the first. Threads that held the others hold that one as well.
  Distribution collapse(llvm::ArrayRef<int64_t> shape) const;

  bool operator==(const Distribution &other) const {
    return tileShape == other.tileShape && blockShape == other.blockShape &&
           registers == other.registers && threads == other.threads;
  }

private:
  int64_t registersPerBlock() const { return int64_t(1) << registers.inputBits(); }
  int64_t numBlocks() const;
  int64_t unpack(uint64_t packed, unsigned dimension) const;

  llvm::SmallVector<int64_t, 4> tileShape, blockShape;
  LinearMap registers, threads;
};

/// The accumulator of `wgmma.mma_async.m64nNk*`: an M x N tile over the 128 threads of a warpgroup,
/// M a multiple of 64, N a multiple of 8. Registers run over a 64 x N slab first, in the
/// instruction's own order, then over slabs. Source: PTX ISA 9.1, 9.7.15.5.1.1 (register
/// fragments); CuTe CLayout_64xN.
Distribution wgmmaAccumulator(int64_t m, int64_t n);

/// A blocked distribution: each thread holds `perThread` elements in a row, a warp is `lanes`, a
/// block `warps`; `order` lists dimensions, fastest first. Where the tile is smaller than the
/// block, threads repeat elements; where it is larger, registers do.
Distribution blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> perThread,
                     llvm::ArrayRef<int64_t> lanes, llvm::ArrayRef<int64_t> warps,
                     llvm::ArrayRef<unsigned> order);

} // namespace tk::layout

#endif // TK_LAYOUT_DISTRIBUTION_H
