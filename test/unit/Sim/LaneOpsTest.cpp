//===- LaneOpsTest.cpp - The host instruction sets agree ------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../../../lib/Sim/LaneOps.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace tk::sim::baseline { const LaneOps &ops(); }
namespace tk::sim::avx2 { const LaneOps &ops(); }
namespace tk::sim::avx512 { const LaneOps &ops(); }

using namespace tk::sim;

namespace {

/// Every kernel of every type gives the same bits, and leaves inactive lanes alone, on whatever the host offers.
void compare(const LaneOps &a, const LaneOps &b) {
  std::mt19937 rng(99);
  uint32_t edge[] = {0, 1, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000, 0x00000001, 0x807fffff, 0x7c003c00, 0xffffffff, 31, 64};
  unsigned kernels = 0;
  for (unsigned op = 0; op <= unsigned(Alu::SatF); ++op)
    for (unsigned ty = 0; ty <= unsigned(Ty::B1); ++ty)
      for (bool ftz : {false, true}) {
        AluFn fa = a.alu(Alu(op), Ty(ty), ftz), fb = b.alu(Alu(op), Ty(ty), ftz);
        ASSERT_EQ(!fa, !fb);
        if (!fa)
          continue;
        ++kernels;
        for (uint32_t mask : {~0u, 0x0f0ff00fu, 1u}) {
          uint32_t in[4][64], da[64], db[64];
          for (auto &row : in)
            for (uint32_t &v : row)
              v = rng() % 3 ? rng() : edge[rng() % 13];
          memset(da, 0xcc, sizeof da);
          memcpy(db, da, sizeof da);
          const uint32_t *s[4] = {in[0], in[1], in[2], in[3]};
          fa(da, s, mask);
          fb(db, s, mask);
          ASSERT_EQ(memcmp(da, db, sizeof da), 0) << "op " << op << " type " << ty << " ftz " << ftz << " " << b.name;
        }
      }
  EXPECT_GT(kernels, 200u);
  for (unsigned c = 0; c <= unsigned(Cmp::Nan); ++c)
    for (unsigned ty = 0; ty <= unsigned(Ty::B1); ++ty) {
      CmpFn fa = a.cmp(Cmp(c), Ty(ty), false), fb = b.cmp(Cmp(c), Ty(ty), false);
      ASSERT_EQ(!fa, !fb);
      if (!fa)
        continue;
      uint32_t x[64], y[64];
      for (unsigned i = 0; i < 64; ++i) {
        x[i] = edge[rng() % 13];
        y[i] = rng() % 2 ? x[i] : edge[rng() % 13];
      }
      ASSERT_EQ(fa(x, y), fb(x, y)) << "cmp " << c << " type " << ty;
    }
  // With and without a rest beyond whole vectors; one value more stays as it is.
  for (unsigned n : {0, 1, 7, 67}) {
    std::vector<uint32_t> x(n + 1), y(n + 1), greater, smaller;
    for (unsigned i = 0; i <= n; ++i) {
      x[i] = rng();
      y[i] = rng() % 4 ? rng() : x[i];
      greater.push_back(i < n ? std::max(x[i], y[i]) : x[i]);
      smaller.push_back(i < n ? std::min(x[i], y[i]) : x[i]);
    }
    for (const LaneOps *ops : {&a, &b}) {
      std::vector<uint32_t> d = x;
      ops->max(d.data(), y.data(), n);
      EXPECT_EQ(d, greater) << ops->name;
      d = x;
      ops->min(d.data(), y.data(), n);
      EXPECT_EQ(d, smaller) << ops->name;
    }
  }
}

TEST(LaneOps, Avx2IsBaseline) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
    GTEST_SKIP() << "this processor has no AVX2, FMA and F16C";
  compare(baseline::ops(), avx2::ops());
}

TEST(LaneOps, Avx512IsBaseline) {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    GTEST_SKIP() << "this processor has no AVX-512 F, BW, DQ and VL";
  compare(baseline::ops(), avx512::ops());
}

} // namespace
