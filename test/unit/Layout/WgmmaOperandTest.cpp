//===- WgmmaOperandTest.cpp - Descriptors of wgmma operands -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayoutTest.h"
#include "tk/Layout/SharedLayout.h"

using namespace tk::layout;

namespace {

struct WgmmaOperandTest : RandomTest {};

/// The canonical layouts of PTX ISA 9.1, 9.7.15.5.1.2, as CuTe writes them: byte offset, before swizzling, of element
/// (mn, k), with W 16-byte chunks to a row and T elements to a chunk. Read from the 64-bit descriptor alone.
int64_t readsAt(uint64_t descriptor, bool mnMajor, int64_t elementBytes, int64_t mn, int64_t k) {
  int64_t lbo = int64_t(descriptor >> 16 & 0x3FFF) * 16, sbo = int64_t(descriptor >> 32 & 0x3FFF) * 16;
  int mode = descriptor >> 62; // 0 none, 1 = 128 bytes, 2 = 64 bytes, 3 = 32 bytes
  int64_t w = mode == 0 ? 1 : 16 >> mode, t = 16 / elementBytes;
  if (!mnMajor) {
    int64_t c = k / t, e = k % t * elementBytes;
    return mode == 0 ? mn % 8 * 16 + mn / 8 * sbo + c * lbo + e : mn % 8 * 16 * w + mn / 8 * sbo + c * 16 + e;
  }
  int64_t c = mn / t, e = mn % t * elementBytes;
  return mode == 0 ? k % 8 * 16 + k / 8 * lbo + c * sbo + e
                   : k % 8 * 16 * w + k / 8 * sbo + c / w * lbo + c % w * 16 + e;
}

int64_t swizzleByMode(int mode, int64_t address) {
  int bits = mode == 0 ? 0 : 4 - mode;
  return address ^ ((address >> 7 & ((1 << bits) - 1)) << 4);
}

/// What the instruction reads is what the tile holds, for all elements of all instructions of the tile.
void expectReads(const SharedLayout &tile, unsigned mnDimension, int64_t mn, int64_t k) {
  llvm::Expected<WgmmaOperand> operand = describeWgmmaOperand(tile, mnDimension, mn, k);
  ASSERT_TRUE(bool(operand)) << llvm::toString(operand.takeError());
  EXPECT_EQ(operand->mnMajor, tile.contiguousDimension() == mnDimension);
  EXPECT_EQ(operand->span, tile.span());
  uint64_t descriptor = operand->descriptorBits();
  EXPECT_EQ(descriptor & 0x3FFF, 0u) << "the start address is added at run time";
  EXPECT_EQ(descriptor >> 46 & 0xFFFF, 0u) << "no base offset";
  auto at = [&](int64_t mnIndex, int64_t kIndex) {
    Coordinates c{mnIndex, kIndex};
    if (mnDimension == 1)
      std::swap(c[0], c[1]);
    return c;
  };
  for (int64_t mn0 = 0; mn0 < tile.shape()[mnDimension]; mn0 += mn)
    for (int64_t k0 = 0; k0 < tile.shape()[1 - mnDimension]; k0 += k) {
      int64_t start = tile.linearOffset(at(mn0, k0));
      ASSERT_EQ(start % 16, 0);
      for (int64_t i = 0; i < mn; ++i)
        for (int64_t j = 0; j < k; ++j) {
          int64_t linear = start + readsAt(descriptor, operand->mnMajor, tile.elementBytes(), i, j);
          ASSERT_EQ(swizzleByMode(descriptor >> 62, linear), tile.offset(at(mn0 + i, k0 + j))) << mn0 << " " << k0;
        }
    }
}

std::string refusal(const SharedLayout &tile, unsigned mnDimension, int64_t mn, int64_t k) {
  llvm::Expected<WgmmaOperand> operand = describeWgmmaOperand(tile, mnDimension, mn, k);
  return operand ? "" : llvm::toString(operand.takeError());
}

} // namespace

TEST_F(WgmmaOperandTest, KMajor) {
  for (SwizzleSpan span : {SwizzleSpan::None, SwizzleSpan::B32, SwizzleSpan::B64, SwizzleSpan::B128})
    for (int64_t panels : {1, 2, 4}) {
      int64_t k = panels * int64_t(span) / 2;
      if (k % 16 != 0)
        continue;
      SCOPED_TRACE(testing::Message() << "span " << int64_t(span) << ", k " << k);
      expectReads(SharedLayout({128, k}, 2, span, 1), /*mnDimension=*/0, 64, 16);
      expectReads(SharedLayout({k, 96}, 2, span, 0), /*mnDimension=*/1, 96, 16);
    }
}

TEST_F(WgmmaOperandTest, MNMajor) {
  for (SwizzleSpan span : {SwizzleSpan::None, SwizzleSpan::B32, SwizzleSpan::B64, SwizzleSpan::B128})
    for (int64_t n : {64, 128, 256}) {
      SCOPED_TRACE(testing::Message() << "span " << int64_t(span) << ", n " << n);
      expectReads(SharedLayout({64, n}, 2, span, 1), /*mnDimension=*/1, n, 16);
      expectReads(SharedLayout({n, 64}, 2, span, 0), /*mnDimension=*/0, 64, 16);
    }
}

// Tiles of several instructions in both directions.
TEST_F(WgmmaOperandTest, ManyInstructions) {
  expectReads(SharedLayout({256, 128}, 2, SwizzleSpan::B128, 1), 0, 64, 16);
  expectReads(SharedLayout({64, 512}, 2, SwizzleSpan::B128, 1), 1, 256, 16);
  expectReads(SharedLayout({192, 64}, 2, SwizzleSpan::B128, 0), 0, 64, 16);
}

// 8-bit operands: 32 elements along K to an instruction, K contiguous.
TEST_F(WgmmaOperandTest, EightBit) { expectReads(SharedLayout({128, 128}, 1, SwizzleSpan::B128, 1), 0, 64, 32); }

TEST_F(WgmmaOperandTest, DescriptorBits) {
  WgmmaOperand operand{SwizzleSpan::B128, false, 0, 1024};
  EXPECT_EQ(operand.descriptorBits(), uint64_t(1) << 62 | uint64_t(64) << 32);
  operand = {SwizzleSpan::B64, true, 4096, 512};
  EXPECT_EQ(operand.descriptorBits(), uint64_t(2) << 62 | uint64_t(32) << 32 | uint64_t(256) << 16);
  operand = {SwizzleSpan::B32, false, 0, 256};
  EXPECT_EQ(operand.descriptorBits() >> 62, 3u);
  operand = {SwizzleSpan::None, false, 128, 256};
  EXPECT_EQ(operand.descriptorBits() >> 62, 0u);
}

TEST_F(WgmmaOperandTest, Refusals) {
  EXPECT_EQ(refusal(SharedLayout({128, 64}, 1, SwizzleSpan::B128, 0), 0, 64, 32),
            "wgmma reads 1-byte elements only where K is contiguous, got a tile contiguous along M");
  EXPECT_EQ(refusal(SharedLayout({32, 128}, 4, SwizzleSpan::B128, 1), 1, 128, 8),
            "wgmma reads 4-byte elements only where K is contiguous, got a tile contiguous along N");
  EXPECT_EQ(refusal(SharedLayout({96, 64}, 2, SwizzleSpan::B128, 1), 0, 64, 16),
            "instructions of 64 x 16 do not divide a tile of 96 x 64");
  EXPECT_EQ(refusal(SharedLayout({64, 8}, 2, SwizzleSpan::None, 1), 0, 64, 16),
            "instructions of 64 x 16 do not divide a tile of 64 x 8");
}
