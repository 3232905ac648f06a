//===- Distribution.cpp - How a register tile lies over threads -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Layout/Distribution.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>

using namespace tk::layout;

Distribution::Distribution(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> blockShape,
                           LinearMap registers, LinearMap threads)
    : tileShape(shape), blockShape(blockShape), registers(std::move(registers)),
      threads(std::move(threads)) {
  assert(shape.size() == blockShape.size() && "one block extent per dimension");
  for (auto [extent, block] : llvm::zip_equal(shape, blockShape)) {
    (void)extent, (void)block;
    assert(isPowerOfTwo(block) && extent % block == 0 &&
           "blocks are powers of two and divide the tile");
  }
  assert((this->registers.image() & this->threads.image()) == 0 &&
         "registers and threads set disjoint bits");
}

int64_t Distribution::numBlocks() const {
  int64_t blocks = 1;
  for (auto [extent, block] : llvm::zip_equal(tileShape, blockShape))
    blocks *= extent / block;
  return blocks;
}

int64_t Distribution::unpack(uint64_t packed, unsigned dimension) const {
  unsigned shift = 0;
  for (unsigned d = rank(); --d > dimension;)
    shift += llvm::Log2_64(blockShape[d]);
  return packed >> shift & (blockShape[dimension] - 1);
}

Coordinates Distribution::registerCoordinate(int64_t reg) const {
  int64_t block = reg / registersPerBlock();
  uint64_t packed = registers.apply(reg % registersPerBlock());
  Coordinates result(rank());
  for (unsigned d = rank(); d-- > 0;) {
    int64_t blocksHere = tileShape[d] / blockShape[d];
    result[d] = block % blocksHere * blockShape[d] + unpack(packed, d);
    block /= blocksHere;
  }
  return result;
}

Coordinates Distribution::threadCoordinate(int64_t thread) const {
  uint64_t packed = threads.apply(thread);
  Coordinates result(rank());
  for (unsigned d = 0; d < rank(); ++d)
    result[d] = unpack(packed, d);
  return result;
}

Coordinates Distribution::coordinate(int64_t reg, int64_t thread) const {
  Coordinates result = registerCoordinate(reg);
  Coordinates base = threadCoordinate(thread);
  for (unsigned d = 0; d < rank(); ++d)
    result[d] += base[d];
  return result;
}

int64_t Distribution::threadColumn(unsigned bit, unsigned dimension) const {
  return unpack(threads.column(bit), dimension);
}

int64_t Distribution::contiguousRegisters(unsigned dimension) const {
  int64_t width = 1;
  while (registersPerThread() % (2 * width) == 0) {
    // Doubling keeps the property if each group's second half follows its first directly and stays
    // aligned.
    for (int64_t reg = 0; reg < registersPerThread(); reg += 2 * width) {
      Coordinates low = registerCoordinate(reg), high = registerCoordinate(reg + width);
      if (low[dimension] % (2 * width) != 0)
        return width;
      low[dimension] += width;
      if (low != high)
        return width;
    }
    // A thread's own base must keep the alignment too.
    for (unsigned bit = 0; bit < threadBits(); ++bit)
      if (threadColumn(bit, dimension) % (2 * width) != 0)
        return width;
    width *= 2;
  }
  return width;
}

Distribution Distribution::collapse(llvm::ArrayRef<int64_t> shape) const {
  Coordinates block(blockShape.begin(), blockShape.end());
  for (unsigned d = 0; d < rank(); ++d) {
    assert((shape[d] == 1 || shape[d] == tileShape[d]) && "extents stay, or become 1");
    if (shape[d] == 1)
      block[d] = 1;
  }
  auto project = [&](uint64_t packed) {
    uint64_t result = 0;
    unsigned shift = 0;
    for (unsigned d = rank(); d-- > 0; shift += llvm::Log2_64(block[d]))
      result |= uint64_t(unpack(packed, d) & (block[d] - 1)) << shift;
    return result;
  };
  llvm::SmallVector<uint64_t> registerColumns, threadColumns;
  for (unsigned bit = 0; bit < registers.inputBits(); ++bit)
    if (uint64_t column = project(registers.column(bit)))
      registerColumns.push_back(column);
  for (unsigned bit = 0; bit < threads.inputBits(); ++bit)
    threadColumns.push_back(project(threads.column(bit)));
  return Distribution(shape, block, LinearMap(registerColumns), LinearMap(threadColumns));
}

Distribution tk::layout::wgmmaAccumulator(int64_t m, int64_t n) {
  assert(m % 64 == 0 && n % 8 == 0 && "wgmma accumulators are 64-row slabs of 8-column groups");
  // One 64x8 block, coordinates packed as col[0:3], row[3:9]. Element i of thread (warp w, lane
  // 4g+q):
  //   row = 16w + g + 8*(i>>1 & 1)    col = 2q + (i & 1)
  LinearMap registers({/*i0: col 0*/ 1u << 0, /*i1: row 3*/ 1u << 6});
  LinearMap threads(
      {/*q*/ 1u << 1, 1u << 2, /*g*/ 1u << 3, 1u << 4, 1u << 5, /*w*/ 1u << 7, 1u << 8});
  return Distribution({m, n}, {64, 8}, registers, threads);
}

Distribution tk::layout::blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> perThread,
                                 llvm::ArrayRef<int64_t> lanes, llvm::ArrayRef<int64_t> warps,
                                 llvm::ArrayRef<unsigned> order) {
  unsigned rank = shape.size();
  // The block takes, per dimension, the largest power of two that divides the extent, so that
  // registers repeat only over what is not a power of two.
  llvm::SmallVector<int64_t, 4> block;
  llvm::SmallVector<unsigned, 4> shift(rank, 0), next(rank, 0);
  for (int64_t extent : shape)
    block.push_back(extent & -extent);
  for (unsigned d = rank; d-- > 1;)
    shift[d - 1] = shift[d] + llvm::Log2_64(block[d]);

  // Deals out the bits of each dimension: first to a thread's run, then to lanes, then to warps,
  // the rest to registers.
  auto deal = [&](llvm::ArrayRef<int64_t> counts, bool keepSurplus) {
    llvm::SmallVector<uint64_t> columns;
    for (unsigned d : order)
      for (unsigned bit = 0; bit < llvm::Log2_64(counts[d]); ++bit) {
        bool fits = next[d] < llvm::Log2_64(block[d]);
        if (fits)
          columns.push_back(uint64_t(1) << (shift[d] + next[d]++));
        else if (keepSurplus)
          columns.push_back(0);
      }
    return LinearMap(columns);
  };
  LinearMap registers = deal(perThread, /*keepSurplus=*/false);
  LinearMap threads = deal(lanes, true).concat(LinearMap());
  threads = threads.concat(deal(warps, true));
  LinearMap rest = deal(block, false);
  return Distribution(shape, block, registers.concat(rest), threads);
}
