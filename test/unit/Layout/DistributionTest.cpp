//===- DistributionTest.cpp - How register tiles lie over threads -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Layout/Distribution.h"
#include "LayoutTest.h"
#include <map>
#include <set>
#include <vector>

using namespace tk::layout;

namespace {

struct DistributionTest : RandomTest {
  struct Shape {
    llvm::SmallVector<int64_t, 4> tile, perThread, lanes, warps;
    llvm::SmallVector<unsigned, 4> order;
  };
  /// A random blocked layout that fits its tile.
  Shape pickBlocked() {
    Shape shape;
    unsigned rank = pick(1, 3);
    shape.lanes.assign(rank, 1), shape.warps.assign(rank, 1);
    for (int bit = 0; bit < 5; ++bit)
      shape.lanes[pick(0, rank - 1)] *= 2;
    for (int bit = pick(0, 3); bit > 0; --bit)
      shape.warps[pick(0, rank - 1)] *= 2;
    for (unsigned d = 0; d < rank; ++d) {
      int64_t power = int64_t(1) << pick(0, rank == 3 ? 3 : 5);
      shape.perThread.push_back(std::min<int64_t>(power, int64_t(1) << pick(0, 3)));
      shape.tile.push_back(power * pickOf<int64_t>({1, 1, 3, 5}));
      shape.order.push_back(d);
    }
    std::shuffle(shape.order.begin(), shape.order.end(), random);
    return shape;
  }
  static Distribution make(const Shape &shape) {
    return blocked(shape.tile, shape.perThread, shape.lanes, shape.warps, shape.order);
  }
};

/// How often each element is held, by walking all registers of all threads.
std::map<Coordinates, int64_t> countHolders(const Distribution &tile) {
  std::map<Coordinates, int64_t> holders;
  for (int64_t thread = 0; thread < tile.numThreads(); ++thread)
    for (int64_t reg = 0; reg < tile.registersPerThread(); ++reg)
      ++holders[tile.coordinate(reg, thread)];
  return holders;
}

void expectCoversOnce(const Distribution &tile) {
  int64_t elements = 1;
  for (int64_t extent : tile.shape())
    elements *= extent;
  int64_t replicas = int64_t(1) << llvm::popcount(tile.replicatedThreadBits());
  std::map<Coordinates, int64_t> holders = countHolders(tile);
  EXPECT_EQ(int64_t(holders.size()), elements);
  for (const auto &[at, count] : holders) {
    EXPECT_EQ(count, replicas);
    for (unsigned d = 0; d < tile.rank(); ++d) {
      EXPECT_GE(at[d], 0);
      EXPECT_LT(at[d], tile.shape()[d]);
    }
  }
}

/// `contiguousRegisters` by definition.
bool runsAreContiguous(const Distribution &tile, unsigned dimension, int64_t width) {
  if (tile.registersPerThread() % width != 0)
    return false;
  for (int64_t thread = 0; thread < tile.numThreads(); ++thread)
    for (int64_t reg = 0; reg < tile.registersPerThread(); ++reg) {
      Coordinates first = tile.coordinate(reg - reg % width, thread), at = tile.coordinate(reg, thread);
      first[dimension] += reg % width;
      if (first != at || tile.coordinate(reg - reg % width, thread)[dimension] % width != 0)
        return false;
    }
  return true;
}

} // namespace

// Element i of thread t of a 64 x N accumulator (PTX ISA 9.1, 9.7.15.5.1.1), written as the manual writes it.
TEST_F(DistributionTest, WgmmaAccumulatorIsTheManuals) {
  for (int64_t m : {64, 128, 192, 256})
    for (int64_t n : {8, 16, 24, 40, 64, 80, 96, 112, 128, 136, 200, 256, 264, 384}) {
      Distribution tile = wgmmaAccumulator(m, n);
      ASSERT_EQ(tile.numThreads(), 128);
      ASSERT_EQ(tile.registersPerThread(), m * n / 128);
      ASSERT_EQ(tile.replicatedThreadBits(), 0u);
      for (int64_t t = 0; t < 128; ++t)
        for (int64_t reg = 0; reg < m * n / 128; ++reg) {
          int64_t slab = reg / (n / 2), i = reg % (n / 2), w = t / 32, g = t % 32 / 4, q = t % 4;
          ASSERT_EQ(tile.coordinate(reg, t)[0], 64 * slab + 16 * w + g + 8 * ((i >> 1) & 1)) << m << " " << n;
          ASSERT_EQ(tile.coordinate(reg, t)[1], 8 * (i >> 2) + 2 * q + (i & 1)) << m << " " << n;
        }
    }
}

TEST_F(DistributionTest, WgmmaAccumulatorCoversOnce) {
  for (auto [m, n] : {std::pair<int64_t, int64_t>{64, 8}, {64, 264}, {128, 80}, {192, 24}})
    expectCoversOnce(wgmmaAccumulator(m, n));
}

TEST_F(DistributionTest, WgmmaAccumulatorHoldsPairs) {
  EXPECT_EQ(wgmmaAccumulator(128, 128).contiguousRegisters(1), 2);
  EXPECT_EQ(wgmmaAccumulator(128, 128).contiguousRegisters(0), 1);
}

TEST_F(DistributionTest, BlockedByHand) {
  // 128 x 64 over 128 threads, 8 in a row: 8 lanes to a row, 4 rows to a warp, 16 rows to the block.
  Distribution tile = blocked({128, 64}, {1, 8}, {4, 8}, {4, 1}, {1, 0});
  EXPECT_EQ(tile.registersPerThread(), 64);
  EXPECT_EQ(tile.coordinate(0, 0), (Coordinates{0, 0}));
  EXPECT_EQ(tile.coordinate(7, 0), (Coordinates{0, 7}));
  EXPECT_EQ(tile.coordinate(8, 0), (Coordinates{16, 0}));
  EXPECT_EQ(tile.coordinate(0, 1), (Coordinates{0, 8}));
  EXPECT_EQ(tile.coordinate(0, 8), (Coordinates{1, 0}));
  EXPECT_EQ(tile.coordinate(0, 32), (Coordinates{4, 0}));
  EXPECT_EQ(tile.coordinate(63, 127), (Coordinates{127, 63}));
  EXPECT_EQ(tile.contiguousRegisters(1), 8);
  EXPECT_EQ(tile.contiguousRegisters(0), 1);
}

// Order decides which dimension neighbouring lanes run along.
TEST_F(DistributionTest, BlockedOrder) {
  Distribution tile = blocked({64, 64}, {8, 1}, {8, 4}, {1, 4}, {0, 1});
  EXPECT_EQ(tile.coordinate(1, 0), (Coordinates{1, 0}));
  EXPECT_EQ(tile.coordinate(0, 1), (Coordinates{8, 0}));
  EXPECT_EQ(tile.coordinate(0, 8), (Coordinates{0, 1}));
  EXPECT_EQ(tile.contiguousRegisters(0), 8);
}

// 128 threads, 16 elements: the three bits too many replicate.
TEST_F(DistributionTest, BlockedReplicates) {
  Distribution tile = blocked({16}, {1}, {32}, {4}, {0});
  EXPECT_EQ(tile.registersPerThread(), 1);
  EXPECT_EQ(tile.replicatedThreadBits(), 0b1110000u);
  EXPECT_EQ(tile.coordinate(0, 0x75), (Coordinates{5}));
}

TEST_F(DistributionTest, BlockedCoversOnce) {
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    Distribution tile = make(pickBlocked());
    expectCoversOnce(tile);
  }
}

TEST_F(DistributionTest, CoordinateIsASum) {
  for (int round = 0; round < 100; ++round) {
    Distribution tile = make(pickBlocked());
    int64_t thread = pick(0, tile.numThreads() - 1), reg = pick(0, tile.registersPerThread() - 1);
    for (unsigned d = 0; d < tile.rank(); ++d) {
      EXPECT_EQ(tile.coordinate(reg, thread)[d], tile.registerCoordinate(reg)[d] + tile.threadCoordinate(thread)[d]);
      int64_t columns = 0;
      for (unsigned bit = 0; bit < tile.threadBits(); ++bit)
        columns ^= thread >> bit & 1 ? tile.threadColumn(bit, d) : 0;
      EXPECT_EQ(columns, tile.threadCoordinate(thread)[d]);
    }
  }
}

TEST_F(DistributionTest, ContiguousRegistersIsTheWidest) {
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    Distribution tile = make(pickBlocked());
    for (unsigned d = 0; d < tile.rank(); ++d) {
      int64_t width = tile.contiguousRegisters(d);
      EXPECT_TRUE(runsAreContiguous(tile, d, width)) << width << " along " << d;
      EXPECT_FALSE(runsAreContiguous(tile, d, 2 * width)) << width << " along " << d;
    }
  }
}

TEST_F(DistributionTest, CollapseKeepsWhatEachThreadNeeds) {
  Distribution whole = wgmmaAccumulator(128, 48);
  for (llvm::SmallVector<int64_t> shape :
       {llvm::SmallVector<int64_t>{128, 1}, {1, 48}, {1, 1}, {128, 48}}) {
    Distribution part = whole.collapse(shape);
    EXPECT_EQ(part.shape(), llvm::ArrayRef(shape));
    EXPECT_EQ(part.numThreads(), 128);
    for (int64_t thread = 0; thread < 128; ++thread) {
      std::set<std::vector<int64_t>> needed, held;
      for (int64_t reg = 0; reg < whole.registersPerThread(); ++reg) {
        Coordinates at = whole.coordinate(reg, thread);
        needed.insert({shape[0] == 1 ? 0 : at[0], shape[1] == 1 ? 0 : at[1]});
      }
      for (int64_t reg = 0; reg < part.registersPerThread(); ++reg) {
        Coordinates at = part.coordinate(reg, thread);
        held.insert({at[0], at[1]});
      }
      EXPECT_EQ(needed, held);
      EXPECT_EQ(int64_t(held.size()), part.registersPerThread());
    }
  }
}

TEST_F(DistributionTest, Equality) {
  EXPECT_EQ(wgmmaAccumulator(64, 16), wgmmaAccumulator(64, 16));
  EXPECT_FALSE(wgmmaAccumulator(64, 16) == wgmmaAccumulator(64, 24));
  EXPECT_FALSE(blocked({64, 64}, {1, 8}, {4, 8}, {4, 1}, {1, 0}) == blocked({64, 64}, {8, 1}, {8, 4}, {1, 4}, {0, 1}));
}
