//===- TensorTest.cpp - Elements, strides, made-up contents ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Tensor.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/Twine.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;

static double roundTrip(ElementType type, double value) {
  uint8_t bytes[8] = {};
  encodeElement(type, value, bytes);
  return decodeElement(type, bytes);
}

TEST(Tensor, SmallFloatsRoundToNearestEven) {
  EXPECT_EQ(roundTrip(ElementType::BF16, 1 + 1.0 / 256), 1);
  EXPECT_EQ(roundTrip(ElementType::BF16, 1 + 3.0 / 256), 1 + 4.0 / 256);
  EXPECT_EQ(roundTrip(ElementType::F16, 1 + 1.0 / 2048), 1);
  EXPECT_EQ(roundTrip(ElementType::F16, 0x1p-24), 0x1p-24);
  EXPECT_EQ(roundTrip(ElementType::E4M3, 448), 448);
  EXPECT_EQ(roundTrip(ElementType::E5M2, 57344), 57344);
  EXPECT_EQ(roundTrip(ElementType::E4M3, 17), 16);
  EXPECT_TRUE(std::isnan(roundTrip(ElementType::BF16, std::nan(""))));
  EXPECT_TRUE(std::isnan(roundTrip(ElementType::E4M3, std::nan(""))));
}

TEST(Tensor, BF16RoundsAsLLVMDoes) {
  auto expected = [](double value) {
    APFloat converted(value);
    bool losesInfo;
    converted.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &losesInfo);
    return static_cast<uint16_t>(converted.bitcastToAPInt().getZExtValue());
  };
  // Each pattern, what lies half way to the next one, and what is a little to either side of both.
  for (uint32_t pattern = 0; pattern < 65536; ++pattern)
    for (uint32_t half : {0u, 0x8000u})
      for (double direction : {-HUGE_VAL, 0.0, HUGE_VAL}) {
        double value = bit_cast<float>(pattern << 16 | half);
        if (direction != 0)
          value = std::nextafter(value, direction);
        uint16_t bits;
        encodeElement(ElementType::BF16, value, reinterpret_cast<uint8_t *>(&bits));
        ASSERT_EQ(bits, expected(value)) << value;
      }
}

TEST(Tensor, EveryPatternOfASmallFloatSurvives) {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::E4M3, ElementType::E5M2})
    for (uint32_t bits = 0; bits < (1u << (8 * getElementBytes(type))); ++bits) {
      uint8_t bytes[2] = {static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8)},
              back[2] = {};
      double value = decodeElement(type, bytes);
      if (std::isnan(value))
        continue;
      encodeElement(type, value, back);
      ASSERT_EQ(bytes[0] | bytes[1] << 8, back[0] | back[1] << 8)
          << stringifyElementType(type).str();
    }
}

TEST(Tensor, IntegersSaturate) {
  EXPECT_EQ(roundTrip(ElementType::I8, 300), 127);
  EXPECT_EQ(roundTrip(ElementType::U8, -3), 0);
  EXPECT_EQ(roundTrip(ElementType::I64, 1e30), 9223372036854775807.0);
  EXPECT_EQ(roundTrip(ElementType::I32, -2.9), -2);
}

TEST(Tensor, OffsetsInRowMajorOrder) {
  std::vector<int64_t> offsets;
  auto push = [&](int64_t offset) { offsets.push_back(offset); };
  forEachOffset({2, 1, 3}, {1, 100, 2}, push);
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 2, 4, 1, 3, 5}));
  offsets.clear();
  forEachOffset({2, 0}, {1, 1}, push);
  EXPECT_TRUE(offsets.empty());
  forEachOffset({}, {}, push);
  EXPECT_EQ(offsets, std::vector<int64_t>{0});
}

TEST(Tensor, ExtentsDoNotWrap) {
  EXPECT_EQ(getExtent({2, 3}, {4, 1}), 7);
  EXPECT_EQ(getExtent({0, 3}, {INT64_MAX, 1}), 0);
  EXPECT_EQ(getExtent({3, 3}, {INT64_MAX, 1}), std::nullopt);
  EXPECT_EQ(getNumElements({int64_t(1) << 32, int64_t(1) << 32}), std::nullopt);
  EXPECT_EQ(getNumElements({int64_t(1) << 32, int64_t(1) << 32, 0}), 0);
}

TEST(Tensor, Sizes) {
  EXPECT_EQ(parseSizes("512x1x7"), (std::vector<int64_t>{512, 1, 7}));
  for (StringRef bad : {"", "x", "5x", "x5", "5xx5", "-5", "5 x 5", "0x", "99999999999999999999"})
    EXPECT_EQ(parseSizes(bad), std::nullopt) << bad.str();
  EXPECT_EQ(printSizes({512, 7}), "512x7");
}

TEST(Fill, RandomValuesDependOnSeedStreamAndIndexOnly) {
  auto fill = [](std::vector<int64_t> strides, uint64_t seed, StringRef stream) {
    HostTensor tensor{ElementType::F32, {16, 16}, strides, std::vector<uint8_t>(1024)};
    fillTensor(tensor, Fill::Random, seed, stream);
    return withStrides(tensor, {16, 1}).bytes;
  };
  std::vector<uint8_t> base = fill({16, 1}, 0, "A");
  EXPECT_EQ(base, fill({1, 16}, 0, "A"));
  EXPECT_NE(base, fill({16, 1}, 1, "A"));
  EXPECT_NE(base, fill({16, 1}, 0, "B"));
}

TEST(Fill, RandomValuesAreNormal) {
  HostTensor tensor{ElementType::F64, {100000}, {1}, std::vector<uint8_t>(800000)};
  fillTensor(tensor, Fill::Random, 7, "A");
  double sum = 0, squares = 0;
  for (size_t i = 0; i < 100000; ++i) {
    double value = decodeElement(ElementType::F64, &tensor.bytes[8 * i]);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 1e5, 0, 0.02);
  EXPECT_NEAR(squares / 1e5, 1, 0.02);
}
