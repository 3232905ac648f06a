//===- EvaluateTest.cpp - Launch-time expressions -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/Evaluate.h"
#include "SamplePackage.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

static LaunchFacts makeFacts() {
  LaunchFacts facts;
  facts.arguments.push_back({{300, 520}, {520, 1}, 0x1008, std::nullopt, {}});
  facts.arguments.push_back({{}, {}, 0, -7, {}});
  facts.numSMs = 132;
  return facts;
}

static std::string evaluateToText(Expr::Op op, int64_t lhs, int64_t rhs) {
  Expected<int64_t> value =
      evaluate(Expr::binary(op, Expr::constant(lhs), Expr::constant(rhs)), makeFacts());
  return value ? std::to_string(*value) : llvm::toString(value.takeError());
}

TEST(Evaluate, References) {
  LaunchFacts facts = makeFacts();
  EXPECT_EQ(cantFail(evaluate(Expr::size(0, 1), facts)), 520);
  EXPECT_EQ(cantFail(evaluate(Expr::stride(0, 1), facts)), 1);
  EXPECT_EQ(cantFail(evaluate(Expr::scalar(1), facts)), -7);
  EXPECT_EQ(cantFail(evaluate(Expr::numSMs(), facts)), 132);
  EXPECT_EQ(getMessage(evaluate(Expr::size(5, 0), facts)),
            "cannot evaluate \"argument5.size[0]\": expected an argument below 2, got 5");
  EXPECT_EQ(getMessage(evaluate(Expr::size(0, 2), facts)),
            "cannot evaluate \"argument0.size[2]\": expected a dimension below 2, got 2");
  EXPECT_EQ(
      getMessage(evaluate(Expr::scalar(0), facts)),
      "cannot evaluate \"argument0\": expected an integer scalar, got another kind of argument");
}

TEST(Evaluate, DivisionRoundsAsItsNameSays) {
  for (auto [lhs, rhs, floor, ceil, mod] : {std::array<int64_t, 5>{7, 2, 3, 4, 1},
                                            {-7, 2, -4, -3, 1},
                                            {7, -2, -4, -3, -1},
                                            {-7, -2, 3, 4, -1},
                                            {6, 3, 2, 2, 0},
                                            {-6, 3, -2, -2, 0},
                                            {0, 5, 0, 0, 0}}) {
    EXPECT_EQ(evaluateToText(Expr::Op::FloorDiv, lhs, rhs), std::to_string(floor))
        << lhs << " " << rhs;
    EXPECT_EQ(evaluateToText(Expr::Op::CeilDiv, lhs, rhs), std::to_string(ceil))
        << lhs << " " << rhs;
    EXPECT_EQ(evaluateToText(Expr::Op::Mod, lhs, rhs), std::to_string(mod)) << lhs << " " << rhs;
  }
}

TEST(Evaluate, Arithmetic) {
  EXPECT_EQ(evaluateToText(Expr::Op::Add, 2, 3), "5");
  EXPECT_EQ(evaluateToText(Expr::Op::Sub, 2, 3), "-1");
  EXPECT_EQ(evaluateToText(Expr::Op::Mul, 2, 3), "6");
  EXPECT_EQ(evaluateToText(Expr::Op::Min, 2, 3), "2");
  EXPECT_EQ(evaluateToText(Expr::Op::Max, 2, 3), "3");
}

TEST(Evaluate, NothingWraps) {
  EXPECT_EQ(evaluateToText(Expr::Op::Add, INT64_MAX, 1),
            "cannot evaluate \"(9223372036854775807 + 1)\": expected a value of 64 bits, got an "
            "overflow from "
            "9223372036854775807 and 1");
  for (auto [op, lhs, rhs] : {std::tuple{Expr::Op::Sub, INT64_MIN, int64_t(1)},
                              {Expr::Op::Mul, INT64_MAX, int64_t(2)},
                              {Expr::Op::FloorDiv, INT64_MIN, int64_t(-1)},
                              {Expr::Op::CeilDiv, INT64_MIN, int64_t(-1)}})
    EXPECT_NE(evaluateToText(op, lhs, rhs).find("expected a value of 64 bits"), std::string::npos);
  EXPECT_EQ(evaluateToText(Expr::Op::Mod, INT64_MIN, -1), "0");
  EXPECT_EQ(evaluateToText(Expr::Op::CeilDiv, 5, 0),
            "cannot evaluate \"ceildiv(5, 0)\": expected a divisor other than zero, got 5 over 0");
}

TEST(Evaluate, Conditions) {
  LaunchFacts facts = makeFacts();
  auto holds = [&](Condition::Kind kind, int64_t lhs, int64_t rhs) {
    Condition condition;
    condition.kind = kind;
    condition.lhs = Expr::constant(lhs);
    condition.rhs = Expr::constant(rhs);
    return cantFail(evaluate(condition, facts));
  };
  using Kind = Condition::Kind;
  EXPECT_TRUE(holds(Kind::Equal, 1, 1));
  EXPECT_FALSE(holds(Kind::NotEqual, 1, 1));
  EXPECT_FALSE(holds(Kind::Less, 1, 1));
  EXPECT_TRUE(holds(Kind::LessEqual, 1, 1));
  EXPECT_TRUE(holds(Kind::Divisible, 128, 64));
  EXPECT_FALSE(holds(Kind::Divisible, 100, 64));
  EXPECT_TRUE(holds(Kind::Aligned, 0, 8)); // 0x1008
  EXPECT_FALSE(holds(Kind::Aligned, 0, 16));
  Condition condition;
  condition.kind = Kind::Divisible;
  condition.lhs = Expr::size(0, 0);
  condition.rhs = Expr::constant(0);
  EXPECT_EQ(getMessage(evaluate(condition, facts)),
            "expected a positive divisor in \"argument0.size[0] % 0 == 0\", got 0");
}

/// Everything that the copy engine asks of a view, and a grid that fills the device.
TEST(Evaluate, WhatAVariantWithTensorMapsAsksFor) {
  using Kind = Condition::Kind;
  Expr tiles = Expr::binary(Expr::Op::CeilDiv, Expr::size(0, 0), Expr::constant(128));
  const Condition conditions[] = {
      {Kind::Aligned, {}, Expr::constant(16), 0, -1, ""},
      {Kind::Divisible, Expr::stride(0, 0), Expr::constant(8), 0, -1, ""},
      {Kind::LessEqual, Expr::constant(1), Expr::size(0, 1), 0, -1, ""},
      {Kind::LessEqual, Expr::size(0, 0), Expr::constant(int64_t(1) << 31), 0, -1, ""},
      {Kind::Less, Expr::stride(0, 0), Expr::constant(int64_t(1) << 39), 0, -1, ""},
      {Kind::LessEqual, Expr::numSMs(), tiles, 0, -1, ""},
  };
  LaunchFacts good;
  good.arguments.push_back({{128 * 132, 64}, {64, 1}, 0x1010, std::nullopt, {}});
  good.numSMs = 132;
  std::vector<LaunchFacts> bad(std::size(conditions), good);
  bad[0].arguments[0].address = 0x1008;
  bad[1].arguments[0].strides[0] = 68;
  bad[2].arguments[0].sizes[1] = 0;
  bad[3].arguments[0].sizes[0] = (int64_t(1) << 31) + 1;
  bad[4].arguments[0].strides[0] = int64_t(1) << 39;
  bad[5].arguments[0].sizes[0] = 128 * 131;
  for (size_t i = 0; i < bad.size(); ++i)
    for (size_t j = 0; j < bad.size(); ++j)
      EXPECT_EQ(cantFail(evaluate(conditions[j], bad[i])), i != j)
          << i << " " << print(conditions[j]);
}

TEST(Evaluate, PrintsNamesOfArguments) {
  Package package = makeSamplePackage();
  const Kernel &kernel = package.kernels[0];
  EXPECT_EQ(print(kernel.variants[0].grid[0], &kernel), "ceildiv(C.size[0], 128)");
  EXPECT_EQ(print(kernel.variants[0].preconditions[0], &kernel), "A.size[1] % 64 == 0");
  EXPECT_EQ(print(kernel.variants[0].preconditions[1], &kernel), "address of B % 16 == 0");
}

/// Two problems: 300 x 64 at an address that is a multiple of 16, and one without rows.
static LaunchFacts makeListFacts() {
  LaunchFacts facts, row;
  row.arguments.push_back({{300, 64}, {64, 1}, 0x1010, std::nullopt, {}});
  facts.arguments.emplace_back().rows = {row, row};
  facts.arguments[0].rows[1].arguments[0].sizes[0] = 0;
  return facts;
}

TEST(Evaluate, Tables) {
  LaunchFacts facts = makeListFacts();
  Expr tiles = Expr::binary(Expr::Op::CeilDiv, Expr::size(0, 0), Expr::constant(128));
  EXPECT_EQ(cantFail(evaluate(Expr::rows(0), facts)), 2);
  EXPECT_EQ(cantFail(evaluate(Expr::sum(0, tiles), facts)), 3);
  EXPECT_EQ(cantFail(findStarts({0, tiles, 0}, facts)), (std::vector<int64_t>{0, 3, 3}));
  EXPECT_EQ(cantFail(findStarts({0, tiles, 0}, LaunchFacts{{{}}, 1})), std::vector<int64_t>{0});
  EXPECT_EQ(getMessage(findStarts({0, Expr::constant(-1), 0}, facts)),
            "programs of row 0: expected a sum of 64 bits, not negative, got -1 after 0");
  EXPECT_EQ(getMessage(findStarts({0, Expr::constant(INT64_MAX), 0}, facts)),
            "programs of row 1: expected a sum of 64 bits, not negative, got 9223372036854775807 "
            "after 9223372036854775807");
  EXPECT_EQ(getMessage(evaluate(Expr::sum(1, tiles), facts)),
            "cannot evaluate \"sum over argument1 of ceildiv(argument0.size[0], 128)\": expected a "
            "table among 1 arguments, got 1");
}

TEST(Evaluate, AConditionOfATableIsOneOfEachRowThatHasElements) {
  using Kind = Condition::Kind;
  LaunchFacts facts = makeListFacts();
  Condition aligned{Kind::Aligned, {}, Expr::constant(16), 0, 0, ""};
  Condition divisible{Kind::Divisible, Expr::stride(0, 0), Expr::constant(8), 0, 0, ""};
  EXPECT_TRUE(cantFail(evaluate(aligned, facts)));
  EXPECT_TRUE(cantFail(evaluate(divisible, facts)));
  // What is empty may lie anywhere.
  facts.arguments[0].rows[1].arguments[0].address = 0x1001;
  facts.arguments[0].rows[1].arguments[0].strides[0] = 7;
  EXPECT_TRUE(cantFail(evaluate(aligned, facts)));
  EXPECT_TRUE(cantFail(evaluate(divisible, facts)));
  facts.arguments[0].rows[1].arguments[0].sizes[0] = 1;
  EXPECT_FALSE(cantFail(evaluate(aligned, facts)));
  EXPECT_EQ(cantFail(findBrokenRow(divisible, facts)), std::optional<size_t>(1));
  EXPECT_EQ(print(divisible), "argument0.stride[0] % 8 == 0 in each row of argument0");
}
