//===- LayoutTest.h - Random numbers that can be repeated ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TEST_UNIT_LAYOUT_LAYOUTTEST_H
#define TK_TEST_UNIT_LAYOUT_LAYOUTTEST_H

#include "tk/Layout/LinearMap.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <random>

namespace tk::layout {

/// A generator whose seed is in every failure message. TK_TEST_SEED repeats a run.
class RandomTest : public testing::Test {
protected:
  void SetUp() override {
    const char *given = std::getenv("TK_TEST_SEED");
    seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    random.seed(seed);
    trace.emplace(__FILE__, __LINE__, "TK_TEST_SEED=" + std::to_string(seed));
  }
  void TearDown() override { trace.reset(); }

  int64_t pick(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  }
  template <typename T>
  T pickOf(std::initializer_list<T> values) {
    return values.begin()[pick(0, values.size() - 1)];
  }
  LinearMap pickMap(unsigned inputBits, unsigned outputBits) {
    llvm::SmallVector<uint64_t> columns;
    for (unsigned bit = 0; bit < inputBits; ++bit)
      columns.push_back(random() & ((uint64_t(1) << outputBits) - 1));
    return LinearMap(columns);
  }

  uint64_t seed = 0;
  std::mt19937_64 random;

private:
  std::optional<testing::ScopedTrace> trace;
};

} // namespace tk::layout

#endif // TK_TEST_UNIT_LAYOUT_LAYOUTTEST_H
