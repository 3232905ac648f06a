//===- CheckTest.cpp - Results against references -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Check.h"
#include "SamplePackage.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace llvm;
using namespace tk;
using namespace tk::test;

static HostTensor makeTensor(ElementType type, std::vector<int64_t> sizes,
                             std::vector<double> values) {
  HostTensor tensor{type, sizes, getDenseStrides(sizes), {}};
  unsigned width = getElementBytes(type);
  tensor.bytes.resize(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    encodeElement(type, values[i], &tensor.bytes[i * width]);
  return tensor;
}

static Comparison check(std::vector<double> got, std::vector<double> expected,
                        double tolerance = 1e-3) {
  std::vector<int64_t> sizes = {1, static_cast<int64_t>(got.size())};
  return cantFail(compare(makeTensor(ElementType::F64, sizes, got),
                          makeTensor(ElementType::F64, sizes, expected), "C", tolerance));
}

TEST(Check, RelativeFrobeniusError) {
  Comparison comparison = check({3, 4.05}, {3, 4}, 0.011);
  EXPECT_NEAR(comparison.error, 0.01, 1e-12);
  EXPECT_TRUE(comparison.passed());
  EXPECT_NEAR(comparison.maxAbsolute, 0.05, 1e-12);
  EXPECT_EQ(comparison.worst, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(comparison.got, 4.05);
  EXPECT_EQ(comparison.expected, 4.0);
  EXPECT_FALSE(check({3, 4.05}, {3, 4}, 0.009).passed());
}

TEST(Check, NaNNeverPasses) {
  double nan = std::nan("");
  for (double tolerance : {1e-3, std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(check({1, nan, 9}, {1, 2, 3}, tolerance).passed());
    EXPECT_FALSE(check({1, 2, 3}, {1, nan, 3}, tolerance).passed());
    EXPECT_FALSE(check({1, nan, 3}, {1, nan, 3}, tolerance).passed());
  }
  EXPECT_EQ(check({1, nan, 9}, {1, 2, 3}).worst, (std::vector<int64_t>{0, 1}));
}

TEST(Check, InfinityNeverPasses) {
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(check({1, infinity}, {1, 2}).passed());
  EXPECT_FALSE(check({1, infinity}, {1, infinity}).passed());
  EXPECT_FALSE(check({1, 2}, {1, infinity}).passed());
}

TEST(Check, ReferencesOfZero) {
  EXPECT_TRUE(check({0, 0}, {0, 0}).passed());
  EXPECT_FALSE(check({0, 1e-30}, {0, 0}).passed());
  EXPECT_FALSE(check({0, std::nan("")}, {0, 0}).passed());
}

TEST(Check, SizesMustAgree) {
  EXPECT_EQ(getMessage(compare(makeTensor(ElementType::F32, {2, 1}, {1, 2}),
                               makeTensor(ElementType::F32, {1, 2}, {1, 2}), "C", 1)),
            "reference of \"C\": expected 2x1, the sizes of the output, got 1x2");
}

TEST(Check, TypesAndLayoutsMayDiffer) {
  HostTensor result = makeTensor(ElementType::BF16, {2, 2}, {1, 2, 3, 4});
  HostTensor reference = withStrides(makeTensor(ElementType::F64, {2, 2}, {1, 2, 3, 4}), {1, 2});
  EXPECT_EQ(cantFail(compare(result, reference, "C", 0)).error, 0);
}

TEST(Check, DefaultTolerances) {
  EXPECT_EQ(getDefaultTolerance(ElementType::BF16), 4e-3);
  EXPECT_EQ(getDefaultTolerance(ElementType::F16), 6e-4);
  EXPECT_EQ(getDefaultTolerance(ElementType::F32), 2e-5);
  EXPECT_EQ(getDefaultTolerance(ElementType::I32), 0);
}

TEST(Check, ProductInDouble) {
  HostTensor product =
      cantFail(multiplyReference(makeTensor(ElementType::BF16, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                 makeTensor(ElementType::F32, {3, 1}, {1, 10, 100})));
  EXPECT_EQ(product.sizes, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(decodeElement(ElementType::F64, &product.bytes[0]), 321.0);
  EXPECT_EQ(decodeElement(ElementType::F64, &product.bytes[8]), 654.0);
  EXPECT_EQ(getMessage(multiplyReference(product, product)),
            "expected two matrices MxK and KxN to multiply, or as many of each, got 2x1 and 2x1");
}

TEST(Check, ProductsOfABatch) {
  HostTensor a = makeTensor(ElementType::F32, {2, 1, 2}, {1, 2, 3, 4});
  HostTensor b = makeTensor(ElementType::F32, {2, 2, 2}, {1, 10, 100, 1000, 5, 6, 7, 8});
  auto values = [](const HostTensor &product) {
    std::vector<double> result;
    for (size_t i = 0; i < product.bytes.size(); i += 8)
      result.push_back(decodeElement(ElementType::F64, &product.bytes[i]));
    return result;
  };
  HostTensor product = cantFail(multiplyReference(a, b));
  EXPECT_EQ(product.sizes, (std::vector<int64_t>{2, 1, 2}));
  EXPECT_EQ(values(product), (std::vector<double>{201, 2010, 43, 50}));
  // One matrix for all, on either side.
  HostTensor one = makeTensor(ElementType::F32, {2, 2}, {1, 10, 100, 1000});
  EXPECT_EQ(values(cantFail(multiplyReference(a, one))),
            (std::vector<double>{201, 2010, 403, 4030}));
  product = cantFail(multiplyReference(one, b));
  EXPECT_EQ(product.sizes, (std::vector<int64_t>{2, 2, 2}));
  EXPECT_EQ(values(product),
            (std::vector<double>{1001, 10010, 100100, 1001000, 75, 86, 7500, 8600}));
  HostTensor three = makeTensor(ElementType::F32, {3, 2, 1}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(
      getMessage(multiplyReference(a, three)),
      "expected two matrices MxK and KxN to multiply, or as many of each, got 2x1x2 and 3x2x1");
}
