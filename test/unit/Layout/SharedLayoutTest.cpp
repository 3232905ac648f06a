//===- SharedLayoutTest.cpp - Swizzles, accesses and banks --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Layout/SharedLayout.h"
#include "LayoutTest.h"
#include <map>
#include <set>

using namespace tk::layout;

namespace {

constexpr SwizzleSpan kSpans[] = {SwizzleSpan::None, SwizzleSpan::B32, SwizzleSpan::B64, SwizzleSpan::B128};

struct SharedLayoutTest : RandomTest {};

/// A 16-bit tile of whole panels.
SharedLayout makeTile(SwizzleSpan span, int64_t rows, int64_t panels, unsigned contiguous) {
  int64_t columns = panels * int64_t(span) / 2;
  llvm::SmallVector<int64_t, 2> shape{rows, columns};
  if (contiguous == 0)
    std::swap(shape[0], shape[1]);
  return SharedLayout(shape, 2, span, contiguous);
}

/// Wavefronts from the definition: per phase, the deepest bank; no data structure shared with the code under test.
BankCount countSlowly(llvm::ArrayRef<int64_t> addresses, int64_t width) {
  size_t phase = width <= 4 ? 32 : width == 8 ? 16 : 8;
  BankCount count;
  for (size_t first = 0; first < addresses.size(); first += phase) {
    std::map<int64_t, std::set<int64_t>> banks;
    for (size_t lane = first; lane < std::min(first + phase, addresses.size()); ++lane)
      for (int64_t byte = addresses[lane]; byte < addresses[lane] + width; ++byte)
        banks[(byte >> 2) & 31].insert(byte >> 2);
    size_t deepest = 0;
    for (auto &[bank, words] : banks)
      deepest = std::max(deepest, words.size());
    count.wavefronts += deepest;
    ++count.minimum;
  }
  return count;
}

llvm::SmallVector<int64_t> lanes(std::function<int64_t(int64_t)> address) {
  llvm::SmallVector<int64_t> result;
  for (int64_t lane = 0; lane < 32; ++lane)
    result.push_back(address(lane));
  return result;
}

} // namespace

// PTX ISA 9.1, 5.5.7: which 16-byte chunk of a row a chunk moves to, row by row of one repeat.
TEST_F(SharedLayoutTest, SwizzleTables) {
  const int64_t b128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
                              {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                              {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t chunk = 0; chunk < 8; ++chunk)
      EXPECT_EQ(applySwizzle(SwizzleSpan::B128, row * 128 + chunk * 16), row * 128 + b128[row][chunk] * 16);
  // 64-byte rows: two rows share a pattern, four patterns. 32-byte rows: four rows share one, two patterns.
  const int64_t b64[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}};
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t chunk = 0; chunk < 4; ++chunk)
      EXPECT_EQ(applySwizzle(SwizzleSpan::B64, row * 64 + chunk * 16), row * 64 + b64[row / 2][chunk] * 16);
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t chunk = 0; chunk < 2; ++chunk)
      EXPECT_EQ(applySwizzle(SwizzleSpan::B32, row * 32 + chunk * 16), row * 32 + (chunk ^ row / 4) * 16);
  for (int64_t address = 0; address < 2048; ++address)
    EXPECT_EQ(applySwizzle(SwizzleSpan::None, address), address);
}

TEST_F(SharedLayoutTest, SwizzleIsItsOwnInverseAndRepeats) {
  for (SwizzleSpan span : kSpans)
    for (int64_t address = 0; address < 4096; ++address) {
      EXPECT_EQ(applySwizzle(span, applySwizzle(span, address)), address);
      EXPECT_EQ(applySwizzle(span, address) % 16, address % 16) << "chunks stay whole";
      EXPECT_EQ(applySwizzle(span, address + 8 * int64_t(span)), applySwizzle(span, address) + 8 * int64_t(span));
    }
}

TEST_F(SharedLayoutTest, WidestSpan) {
  EXPECT_EQ(widestSpan(256), SwizzleSpan::B128);
  EXPECT_EQ(widestSpan(128), SwizzleSpan::B128);
  EXPECT_EQ(widestSpan(192), SwizzleSpan::B64);
  EXPECT_EQ(widestSpan(96), SwizzleSpan::B32);
  EXPECT_EQ(widestSpan(48), SwizzleSpan::None);
  EXPECT_EQ(widestSpan(8), std::nullopt);
  EXPECT_EQ(widestSpan(24), std::nullopt);
}

// Panels are stacked outermost; a row of a panel is one span.
TEST_F(SharedLayoutTest, PanelsByHand) {
  SharedLayout tile({64, 128}, 2, SwizzleSpan::B128, 1);
  EXPECT_EQ(tile.alignment(), 1024);
  EXPECT_EQ(tile.sizeInBytes(), 16384);
  EXPECT_EQ(tile.linearOffset({0, 63}), 126);
  EXPECT_EQ(tile.linearOffset({0, 64}), 8192);
  EXPECT_EQ(tile.linearOffset({1, 0}), 128);
  EXPECT_EQ(tile.offset({1, 0}), 128 + 16);
  EXPECT_EQ(tile.offset({3, 65}), 8192 + 3 * 128 + 3 * 16 + 2);
  SharedLayout columnMajor({128, 64}, 2, SwizzleSpan::B128, 0);
  EXPECT_EQ(columnMajor.linearOffset({64, 0}), 8192);
  EXPECT_EQ(columnMajor.linearOffset({0, 1}), 128);
}

TEST_F(SharedLayoutTest, EveryElementHasItsOwnBytes) {
  for (SwizzleSpan span : kSpans)
    for (unsigned contiguous : {0u, 1u}) {
      SharedLayout tile = makeTile(span, 8 * pick(1, 9), pick(1, 3), contiguous);
      std::set<int64_t> offsets;
      for (int64_t i = 0; i < tile.shape()[0]; ++i)
        for (int64_t j = 0; j < tile.shape()[1]; ++j) {
          int64_t offset = tile.offset({i, j});
          EXPECT_TRUE(offset >= 0 && offset < tile.sizeInBytes() && offset % 2 == 0) << offset;
          EXPECT_TRUE(offsets.insert(offset).second) << i << " " << j;
        }
    }
}

// The plan's formula, evaluated by hand for every register and thread, is the shared layout's own offset.
TEST_F(SharedLayoutTest, PlansAreTheLayouts) {
  int planned = 0;
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SwizzleSpan span = kSpans[pick(0, 3)];
    SharedLayout shared = makeTile(span, 8 * pick(1, 8), pick(1, 2), pick(0, 1));
    llvm::SmallVector<int64_t, 2> perThread{1, 1}, lanes{1, 1}, warps{1, 1};
    for (unsigned d : {0u, 1u})
      perThread[d] = std::min<int64_t>(shared.shape()[d] & -shared.shape()[d], int64_t(1) << pick(0, 4));
    for (int bit = 0; bit < 5; ++bit)
      lanes[pick(0, 1)] *= 2;
    for (int bit = 0; bit < 2; ++bit)
      warps[pick(0, 1)] *= 2;
    unsigned first = pick(0, 1);
    Distribution tile = blocked(shared.shape(), perThread, lanes, warps, {first, 1 - first});
    llvm::Expected<SharedAccess> plan = planSharedAccess(tile, shared);
    if (!plan) { // A refusal is allowed, but says which element; a wrong plan is not.
      EXPECT_NE(llvm::toString(plan.takeError()).find("share no constant distance"), std::string::npos);
      continue;
    }
    ++planned;
    ASSERT_LE(plan->vector * 2, 16);
    ASSERT_EQ(int64_t(plan->steps.size()) * plan->vector, tile.registersPerThread());
    EXPECT_EQ(plan->replicatedThreadBits, tile.replicatedThreadBits());
    for (int64_t thread = 0; thread < 128; ++thread) {
      int64_t offset = 0;
      for (unsigned bit = 0; bit < 7; ++bit)
        offset ^= thread >> bit & 1 ? plan->threadColumns[bit] : 0;
      for (int64_t reg = 0; reg < tile.registersPerThread(); ++reg) {
        SharedAccess::Step step = plan->steps[reg / plan->vector];
        int64_t address = (offset ^ step.exclusiveOr) + step.plus;
        ASSERT_EQ(address % (plan->vector * 2), 0) << "vectors are aligned";
        ASSERT_EQ(address + reg % plan->vector * 2, shared.offset(tile.coordinate(reg, thread)));
      }
    }
  }
  EXPECT_GT(planned, 20) << "many random pairs have a plan";
}

TEST_F(SharedLayoutTest, AccumulatorToSwizzledTile) {
  llvm::Expected<SharedAccess> plan =
      planSharedAccess(wgmmaAccumulator(128, 128), SharedLayout({128, 128}, 2, SwizzleSpan::B128, 1));
  ASSERT_TRUE(bool(plan)) << llvm::toString(plan.takeError());
  EXPECT_EQ(plan->vector, 2);
  EXPECT_EQ(plan->steps.size(), 64u);
}

// stmatrix by its definition (PTX ISA 9.1, 9.7.14.5.16): lane 8 m + r gives the address of row r of matrix m; lane l
// holds elements 2 (l % 4) and the next of row l / 4 of each matrix, or of column l / 4 with .trans. Every element of
// every accumulator arrives where the layout wants it.
TEST_F(SharedLayoutTest, MatricesArrive) {
  for (int64_t m : {64, 128})
    for (int64_t n : {16, 32, 64, 80, 128, 256})
      for (SwizzleSpan span : kSpans)
        for (unsigned contiguous : {0, 1}) {
          // Panels of 80 rows: thread bits that lead to the next panel would carry (see PlansRefuseCarries).
          if ((contiguous ? n : m) * 2 % int64_t(span) != 0 || (contiguous == 0 && n == 80))
            continue;
          Distribution tile = wgmmaAccumulator(m, n);
          SharedLayout shared({m, n}, 2, span, contiguous);
          llvm::Expected<MatrixAccess> plan = planMatrixAccess(tile, shared);
          ASSERT_TRUE(bool(plan)) << llvm::toString(plan.takeError());
          ASSERT_EQ(plan->transposed, contiguous == 0);
          ASSERT_EQ(int64_t(plan->rows.steps.size()) * 8, tile.registersPerThread());
          auto address = [&](int64_t thread, size_t step) {
            int64_t offset = 0;
            for (unsigned bit = 0; bit < 7; ++bit)
              offset ^= thread >> bit & 1 ? plan->rows.threadColumns[bit] : 0;
            return (offset ^ plan->rows.steps[step].exclusiveOr) + plan->rows.steps[step].plus;
          };
          std::map<int64_t, Coordinates> memory;
          for (int64_t warp = 0; warp < 128; warp += 32)
            for (size_t step = 0; step < plan->rows.steps.size(); ++step)
              for (int64_t matrix = 0; matrix < 4; ++matrix)
                for (int64_t row = 0; row < 8; ++row)
                  for (int64_t column = 0; column < 8; ++column) {
                    int64_t group = plan->transposed ? column : row, inGroup = plan->transposed ? row : column;
                    int64_t holder = warp + 4 * group + inGroup / 2;
                    int64_t to = address(warp + 8 * matrix + row, step);
                    ASSERT_EQ(to % 16, 0) << "rows are aligned";
                    memory[to + 2 * column] = tile.coordinate(int64_t(step) * 8 + 2 * matrix + inGroup % 2, holder);
                  }
          ASSERT_EQ(int64_t(memory.size()), m * n) << "every element once";
          for (auto &[offset, coordinate] : memory)
            ASSERT_EQ(shared.offset(coordinate), offset);
          EXPECT_EQ(worstWavefronts(plan->rows, 2).conflicts(), 0) << "what the swizzles are made for";
        }
}

TEST_F(SharedLayoutTest, MatricesRefused) {
  auto refusal = [](const Distribution &tile, const SharedLayout &shared) {
    llvm::Expected<MatrixAccess> plan = planMatrixAccess(tile, shared);
    return plan ? std::string("planned") : llvm::toString(plan.takeError());
  };
  EXPECT_EQ(refusal(wgmmaAccumulator(64, 32), SharedLayout({64, 32}, 4, SwizzleSpan::B128, 1)),
            "elements take 4 bytes, and a matrix has 2");
  EXPECT_EQ(refusal(wgmmaAccumulator(64, 24), SharedLayout({64, 24}, 2, SwizzleSpan::None, 1)),
            "each of 128 threads holds 12 elements, and four matrices take 8 of each of 32 lanes");
  EXPECT_EQ(refusal(blocked({64, 64}, {1, 8}, {4, 8}, {4, 1}, {1, 0}), SharedLayout({64, 64}, 2, SwizzleSpan::B128, 1)),
            "register 0 of thread 1 holds element (0, 8) at byte 16, expected 4: lanes hold no 8 x 8 matrices");
}

// A thread bit that leads to the next panel of 24 rows adds 24 * 128 bytes, in which exclusive or cannot carry.
TEST_F(SharedLayoutTest, PlansRefuseCarries) {
  SharedLayout shared({24, 256}, 2, SwizzleSpan::B128, 1);
  llvm::Expected<SharedAccess> plan = planSharedAccess(blocked({24, 256}, {1, 8}, {1, 32}, {4, 1}, {1, 0}), shared);
  ASSERT_FALSE(bool(plan));
  EXPECT_NE(llvm::toString(plan.takeError()).find("share no constant distance"), std::string::npos);
}

TEST_F(SharedLayoutTest, WavefrontsByHand) {
  auto count = [](std::function<int64_t(int64_t)> address, int64_t width) {
    BankCount result = countWavefronts(lanes(address), width);
    return std::pair(result.wavefronts, result.minimum);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(count([](int64_t l) { return 4 * l; }, 4), Pair(1, 1)) << "one word each";
  EXPECT_EQ(count([](int64_t) { return 0; }, 4), Pair(1, 1)) << "broadcast";
  EXPECT_EQ(count([](int64_t l) { return 8 * l; }, 4), Pair(2, 1)) << "stride two";
  EXPECT_EQ(count([](int64_t l) { return 128 * l; }, 4), Pair(32, 1)) << "one bank";
  EXPECT_EQ(count([](int64_t l) { return 132 * l; }, 4), Pair(1, 1)) << "padded";
  EXPECT_EQ(count([](int64_t l) { return 2 * l; }, 2), Pair(1, 1)) << "halves of words";
  EXPECT_EQ(count([](int64_t l) { return 8 * l; }, 8), Pair(2, 2)) << "two phases of 16 lanes";
  EXPECT_EQ(count([](int64_t l) { return 16 * l; }, 16), Pair(4, 4)) << "four phases of 8 lanes";
  EXPECT_EQ(count([](int64_t l) { return 128 * l; }, 16), Pair(32, 4)) << "a column of unswizzled rows";
  EXPECT_EQ(count([](int64_t l) { return applySwizzle(SwizzleSpan::B128, 128 * l); }, 16), Pair(4, 4));
  EXPECT_EQ(count([](int64_t l) { return applySwizzle(SwizzleSpan::B64, 64 * l); }, 16), Pair(4, 4));
  EXPECT_EQ(count([](int64_t l) { return applySwizzle(SwizzleSpan::B32, 32 * l); }, 16), Pair(4, 4));
}

TEST_F(SharedLayoutTest, WavefrontsOfRandomAddresses) {
  for (int round = 0; round < 300; ++round) {
    int64_t width = pickOf<int64_t>({1, 2, 4, 8, 16});
    llvm::SmallVector<int64_t> addresses = lanes([&](int64_t) { return width * pick(0, 200); });
    BankCount fast = countWavefronts(addresses, width), slow = countSlowly(addresses, width);
    EXPECT_EQ(fast.wavefronts, slow.wavefronts) << "width " << width;
    EXPECT_EQ(fast.minimum, slow.minimum) << "width " << width;
    EXPECT_EQ(fast.conflicts(), fast.wavefronts - fast.minimum);
  }
}

// The plain matrix product's stores are free of conflicts; the same tile without swizzle is not.
TEST_F(SharedLayoutTest, WorstWavefronts) {
  Distribution rows = blocked({128, 64}, {1, 8}, {4, 8}, {4, 1}, {1, 0});
  BankCount swizzled = worstWavefronts(*planSharedAccess(rows, SharedLayout({128, 64}, 2, SwizzleSpan::B128, 1)), 2);
  EXPECT_EQ(swizzled.wavefronts, 4);
  EXPECT_EQ(swizzled.minimum, 4);
  Distribution columns = blocked({128, 64}, {1, 8}, {32, 1}, {4, 1}, {0, 1});
  BankCount column = worstWavefronts(*planSharedAccess(columns, SharedLayout({128, 64}, 2, SwizzleSpan::None, 1)), 2);
  EXPECT_EQ(column.conflicts(), 0) << "16-byte panels: a column of chunks is one run of memory";
  Distribution halves = blocked({128, 64}, {1, 1}, {32, 1}, {1, 4}, {0, 1});
  BankCount half = worstWavefronts(*planSharedAccess(halves, SharedLayout({128, 64}, 2, SwizzleSpan::B128, 1)), 2);
  EXPECT_EQ(half.wavefronts, 4) << "32 rows of 128 bytes, 8 chunks exchanged: 4 rows to a bank";
  EXPECT_EQ(half.minimum, 1);
}
