//===- ConvertTest.cpp - cvt against APFloat ------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "llvm/ADT/APFloat.h"

using namespace llvm;
using namespace tk::sim;
using namespace tk::sim::test;

namespace {

/// Runs "cvt" from 32-bit inputs `in` in register %r1/%f1/%rs1 to a 32-bit result %r2.
std::vector<uint32_t> convert(const std::string &body, const std::vector<uint32_t> &in) {
  Sim sim;
  sim.launch.block = {256, 1, 1};
  size_t n = (in.size() + 255) / 256 * 256;
  sim.launch.grid = {uint32_t(n / 256), 1, 1};
  std::vector<uint32_t> padded = in;
  padded.resize(n);
  sim.buffer(padded, "in");
  uint64_t out = sim.buffer(n * 4, "out");
  Report r = sim.run(kernel(2, "mov.u32 %r90, %ctaid.x; shl.b32 %r90, %r90, 8; mov.u32 %r91, %tid.x; add.u32 %r90, %r90, %r91;\n"
                               "mul.wide.u32 %rd1, %r90, 4; add.u64 %rd2, %rd100, %rd1; add.u64 %rd3, %rd101, %rd1;\n"
                               "ld.global.u32 %r1, [%rd2]; mov.b32 %f1, %r1; cvt.u16.u32 %rs1, %r1;\n" + body + "\nst.global.u32 [%rd3], %r2;"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint32_t>(out, n);
  v.resize(in.size());
  return v;
}

std::vector<uint32_t> floats() {
  std::vector<uint32_t> v;
  for (uint32_t i = 0; i < 65536; ++i) { // every upper half, with lower halves around the ties of both 16-bit types
    for (uint32_t low : {0x0000u, 0x7fffu, 0x8000u, 0x8001u})
      v.push_back(i << 16 | low);
  }
  std::mt19937 rng(17);
  for (int i = 0; i < 100000; ++i) // the range of f16, dense
    v.push_back((rng() % 2) << 31 | ((100 + rng() % 48) << 23) | (rng() & 0x7ff000) | (rng() % 3 ? 0 : rng() & 0xfff));
  return v;
}

uint32_t narrow(uint32_t f, const fltSemantics &to, APFloat::roundingMode mode) {
  APFloat a(APFloat::IEEEsingle(), APInt(32, f));
  if (a.isNaN())
    return 0x7fff;
  bool lost;
  a.convert(to, mode, &lost);
  return uint32_t(a.bitcastToAPInt().getZExtValue());
}

TEST(Convert, F32ToHalves) {
  struct { const char *name; APFloat::roundingMode mode; } modes[] = {
      {"rn", APFloat::rmNearestTiesToEven}, {"rz", APFloat::rmTowardZero}, {"rm", APFloat::rmTowardNegative}, {"rp", APFloat::rmTowardPositive}};
  auto in = floats();
  for (auto &m : modes)
    for (bool bf : {false, true}) {
      auto got = convert(std::string("cvt.") + m.name + (bf ? ".bf16" : ".f16") + ".f32 %rs2, %f1; cvt.u32.u16 %r2, %rs2;", in);
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(got[i], narrow(in[i], bf ? APFloat::BFloat() : APFloat::IEEEhalf(), m.mode)) << m.name << " bf " << bf << " of " << std::hex << in[i];
    }
}

TEST(Convert, PackedHalves) {
  auto in = floats();
  for (bool bf : {false, true}) {
    auto got = convert(std::string("cvt.rn.") + (bf ? "bf16x2" : "f16x2") + ".f32 %r2, %f1, 0f3F800000;", in);
    for (size_t i = 0; i < in.size(); ++i)
      ASSERT_EQ(got[i], narrow(in[i], bf ? APFloat::BFloat() : APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven) << 16 | (bf ? 0x3f80u : 0x3c00u));
  }
}

TEST(Convert, HalvesToF32AreExact) {
  std::vector<uint32_t> in(65536);
  for (uint32_t i = 0; i < 65536; ++i)
    in[i] = i;
  for (bool bf : {false, true}) {
    auto got = convert(std::string("cvt.f32.") + (bf ? "bf16" : "f16") + " %f2, %rs1; mov.b32 %r2, %f2;", in);
    for (uint32_t i = 0; i < 65536; ++i) {
      APFloat a(bf ? APFloat::BFloat() : APFloat::IEEEhalf(), APInt(16, i));
      bool lost;
      uint32_t want = 0x7fffffff;
      if (!a.isNaN()) {
        a.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
        want = uint32_t(a.bitcastToAPInt().getZExtValue());
      }
      ASSERT_EQ(got[i], want) << "bf " << bf << " " << std::hex << i;
    }
  }
}

TEST(Convert, RealsAndIntegers) {
  struct { const char *name; APFloat::roundingMode mode; } modes[] = {
      {"rni", APFloat::rmNearestTiesToEven}, {"rzi", APFloat::rmTowardZero}, {"rmi", APFloat::rmTowardNegative}, {"rpi", APFloat::rmTowardPositive}};
  auto in = floats();
  for (auto &m : modes)
    for (bool isSigned : {true, false}) {
      auto got = convert(std::string("cvt.") + m.name + (isSigned ? ".s32" : ".u32") + ".f32 %r2, %f1;", in);
      for (size_t i = 0; i < in.size(); ++i) {
        APFloat a(APFloat::IEEEsingle(), APInt(32, in[i]));
        APSInt v(32, !isSigned);
        bool exact;
        a.convertToInteger(v, m.mode, &exact); // saturates; NaN gives 0
        ASSERT_EQ(got[i], uint32_t(v.getZExtValue())) << m.name << " signed " << isSigned << " of " << std::hex << in[i];
      }
    }
  auto got = convert("cvt.rn.f32.s32 %f2, %r1; mov.b32 %r2, %f2;", in);
  auto down = convert("cvt.rz.f32.u32 %f2, %r1; mov.b32 %r2, %f2;", in);
  for (size_t i = 0; i < in.size(); ++i) {
    ASSERT_EQ(got[i], std::bit_cast<uint32_t>(float(int32_t(in[i]))));
    APFloat a(APFloat::IEEEsingle());
    a.convertFromAPInt(APInt(32, in[i]), false, APFloat::rmTowardZero);
    ASSERT_EQ(down[i], uint32_t(a.bitcastToAPInt().getZExtValue()));
  }
}

TEST(Convert, Fp8) {
  std::vector<uint32_t> in = floats();
  for (bool e5 : {false, true}) {
    const fltSemantics &s = e5 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN();
    auto got = convert(std::string("cvt.rn.satfinite.") + (e5 ? "e5m2x2" : "e4m3x2") + ".f32 %rs2, 0f00000000, %f1; cvt.u32.u16 %r2, %rs2;", in);
    for (size_t i = 0; i < in.size(); ++i) {
      APFloat a(APFloat::IEEEsingle(), APInt(32, in[i]));
      if (a.isNaN()) {
        ASSERT_EQ(got[i] & 0x7f, 0x7fu);
        continue;
      }
      APFloat limit = APFloat::getLargest(s, a.isNegative());
      bool lost;
      limit.convert(APFloat::IEEEsingle(), APFloat::rmTowardZero, &lost);
      bool beyond = a.isNegative() ? a < limit : a > limit;
      APFloat r = beyond ? APFloat::getLargest(s, a.isNegative()) : a;
      if (!beyond)
        r.convert(s, APFloat::rmNearestTiesToEven, &lost);
      ASSERT_EQ(got[i], uint32_t(r.bitcastToAPInt().getZExtValue())) << "e5m2 " << e5 << " of " << std::hex << in[i];
    }
  }
}

} // namespace
