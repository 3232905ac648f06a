//===- LintPTXTest.cpp - Register writes between a fence and a product ----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/PTX.h"
#include "gtest/gtest.h"

using namespace llvm;

namespace {

/// The complaint about a kernel whose lines follow each other, or an empty string.
std::string lint(std::initializer_list<StringRef> lines) {
  std::string text = ".visible .entry k(\n)\n{\n";
  for (StringRef line : lines)
    text += "\t" + line.str() + "\n";
  return toString(tk::lintPTX(text + "}\n"));
}

constexpr StringRef kFence = "wgmma.fence.sync.aligned;";
constexpr StringRef kProduct = "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r1, %r2, %r3, "
                               "%r4}, %rd1, %rd2, 1, 1, 1, 0, 1;";

} // namespace

TEST(LintPTXTest, AcceptsWhatIsRight) {
  EXPECT_EQ(lint({}), "");
  EXPECT_EQ(lint({"mov.b32 %r1, 0;", kFence, "add.s64 %rd1, %rd3, 2;", kProduct, kProduct}), "");
  // Reads and writes of other registers, comments, directives, branches and stores.
  EXPECT_EQ(lint({kFence, ".loc 1 3 4", "// mov.b32 %r1, 0;", "st.shared.b32 [%r9], %r1;",
                  "add.s32\t%r11, %r1, 1;", "@%p1 bra $L1;", "bar.sync 0;", kProduct}),
            "");
}

TEST(LintPTXTest, RefusesAMissingFence) {
  EXPECT_EQ(lint({kProduct}), "line 4 of the PTX: a product without a wgmma.fence before it");
}

TEST(LintPTXTest, RefusesTheFenceOfAnotherKernel) {
  std::string text = (".visible .entry a()\n{\n" + kFence + "\n" + kProduct + "\n}\n.visible .entry b()\n{\n" +
                      kProduct + "\n}\n")
                         .str();
  EXPECT_EQ(toString(tk::lintPTX(text)), "line 8 of the PTX: a product without a wgmma.fence before it");
}

// However it is written: with a tab, a space, a predicate, as one of a list, between two products.
TEST(LintPTXTest, RefusesRegisterWrites) {
  auto expected = [](unsigned line, StringRef reg, unsigned product) {
    return ("line " + Twine(line) + " of the PTX writes the accumulator register " + reg +
            " between wgmma.fence and the product in line " + Twine(product))
        .str();
  };
  EXPECT_EQ(lint({kFence, "mov.b32\t%r2, 0;", kProduct}), expected(5, "%r2", 6));
  EXPECT_EQ(lint({kFence, "mov.b32 %r4, 0;", "bar.sync 0;", kProduct}), expected(5, "%r4", 7));
  EXPECT_EQ(lint({kFence, "@%p1 mov.b32 %r1, 0;", kProduct}), expected(5, "%r1", 6));
  EXPECT_EQ(lint({kFence, "@!%p1 add.f32\t%r1, %r9, %r9;", kProduct}), expected(5, "%r1", 6));
  EXPECT_EQ(lint({kFence, "ld.shared.v2.b32 {%r9, %r3}, [%r8];", kProduct}), expected(5, "%r3", 6));
  EXPECT_EQ(lint({kFence, "mov.b64\t{%r4, %r9}, %rd7;", kProduct}), expected(5, "%r4", 6));
  EXPECT_EQ(lint({kFence, kProduct, "mov.b32 %r2, %r1;", kProduct}), expected(6, "%r2", 7));
}
