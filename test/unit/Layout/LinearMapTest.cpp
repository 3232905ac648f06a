//===- LinearMapTest.cpp - Linear maps over F2 --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayoutTest.h"
#include <set>

using namespace tk::layout;

namespace {

struct LinearMapTest : RandomTest {};

/// The rank by counting: a map of rank r has 2^r images.
unsigned countRank(const LinearMap &map) {
  std::set<uint64_t> images;
  for (uint64_t x = 0; x >> map.inputBits() == 0; ++x)
    images.insert(map.apply(x));
  unsigned rank = 0;
  while (uint64_t(1) << rank < images.size())
    ++rank;
  EXPECT_EQ(uint64_t(1) << rank, images.size()) << "images of a linear map are a power of two";
  return rank;
}

} // namespace

TEST_F(LinearMapTest, IdentityAndZero) {
  LinearMap identity = LinearMap::identity(7), zero = LinearMap::zero(7);
  for (uint64_t x = 0; x < 128; ++x) {
    EXPECT_EQ(identity.apply(x), x);
    EXPECT_EQ(zero.apply(x), 0u);
  }
  EXPECT_EQ(identity.rank(), 7u);
  EXPECT_TRUE(identity.isInjective());
  EXPECT_EQ(identity.image(), 127u);
  EXPECT_EQ(identity.freeInputBits(), 0u);
  EXPECT_EQ(zero.rank(), 0u);
  EXPECT_FALSE(zero.isInjective());
  EXPECT_EQ(zero.freeInputBits(), 127u);
  EXPECT_EQ(LinearMap().inputBits(), 0u);
  EXPECT_EQ(LinearMap().apply(5), 0u);
  EXPECT_TRUE(LinearMap().isInjective());
}

TEST_F(LinearMapTest, ApplyByHand) {
  LinearMap map({0b0011, 0b0110, 0b1000});
  EXPECT_EQ(map.apply(0b000), 0b0000u);
  EXPECT_EQ(map.apply(0b001), 0b0011u);
  EXPECT_EQ(map.apply(0b011), 0b0101u);
  EXPECT_EQ(map.apply(0b111), 0b1101u);
  EXPECT_EQ(map.image(), 0b1111u);
  EXPECT_EQ(map.rank(), 3u);
}

TEST_F(LinearMapTest, Bit63) {
  LinearMap map({uint64_t(1) << 63, 1});
  EXPECT_EQ(map.apply(3), (uint64_t(1) << 63) | 1);
  EXPECT_EQ(map.rank(), 2u);
}

TEST_F(LinearMapTest, ApplyIsLinear) {
  for (int round = 0; round < 200; ++round) {
    LinearMap map = pickMap(pick(0, 16), pick(1, 20));
    uint64_t mask = (uint64_t(1) << map.inputBits()) - 1, x = random() & mask, y = random() & mask;
    EXPECT_EQ(map.apply(x ^ y), map.apply(x) ^ map.apply(y));
    EXPECT_EQ(map.apply(x) & ~map.image(), 0u);
  }
}

TEST_F(LinearMapTest, RankCountsImages) {
  for (int round = 0; round < 200; ++round) {
    LinearMap map = pickMap(pick(0, 10), pick(1, 12));
    EXPECT_EQ(map.rank(), countRank(map));
    EXPECT_EQ(map.isInjective(), countRank(map) == map.inputBits());
  }
}

TEST_F(LinearMapTest, FreeInputBitsDoNotMatter) {
  for (int round = 0; round < 100; ++round) {
    LinearMap map = pickMap(pick(1, 10), 2);
    for (unsigned bit = 0; bit < map.inputBits(); ++bit) {
      uint64_t x = random() & ((uint64_t(1) << map.inputBits()) - 1), bitValue = uint64_t(1) << bit;
      EXPECT_EQ(map.apply(x) == map.apply(x ^ bitValue), bool(map.freeInputBits() & bitValue));
    }
  }
}

TEST_F(LinearMapTest, ComposeIsOneAfterTheOther) {
  for (int round = 0; round < 200; ++round) {
    unsigned middle = pick(1, 12);
    LinearMap outer = pickMap(middle, 16), inner = pickMap(pick(0, 10), middle);
    LinearMap both = outer.compose(inner);
    EXPECT_EQ(both.inputBits(), inner.inputBits());
    uint64_t x = random() & ((uint64_t(1) << inner.inputBits()) - 1);
    EXPECT_EQ(both.apply(x), outer.apply(inner.apply(x)));
  }
}

TEST_F(LinearMapTest, ConcatPutsItsInputsLow) {
  for (int round = 0; round < 200; ++round) {
    LinearMap low = pickMap(pick(0, 8), 16), high = pickMap(pick(0, 8), 16);
    LinearMap both = low.concat(high);
    EXPECT_EQ(both.inputBits(), low.inputBits() + high.inputBits());
    uint64_t x = random() & ((uint64_t(1) << low.inputBits()) - 1);
    uint64_t y = random() & ((uint64_t(1) << high.inputBits()) - 1);
    EXPECT_EQ(both.apply(x | y << low.inputBits()), low.apply(x) ^ high.apply(y));
  }
}

TEST_F(LinearMapTest, InverseUndoes) {
  int regular = 0;
  for (int round = 0; round < 400; ++round) {
    unsigned bits = pick(1, 14);
    LinearMap map = pickMap(bits, bits);
    if (!map.isInjective())
      continue;
    ++regular;
    EXPECT_EQ(map.inverse().compose(map), LinearMap::identity(bits));
    EXPECT_EQ(map.compose(map.inverse()), LinearMap::identity(bits));
  }
  EXPECT_GT(regular, 40) << "about 29 % of large random maps are regular";
}

TEST_F(LinearMapTest, PowerOfTwo) {
  for (int64_t x : {1, 2, 64, 1024})
    EXPECT_TRUE(isPowerOfTwo(x));
  for (int64_t x : {-2, 0, 3, 96})
    EXPECT_FALSE(isPowerOfTwo(x));
}
