//===- ExecTest.cpp - Instructions and whole kernels ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

std::string cudaKernels() {
  auto file = llvm::MemoryBuffer::getFile(TK_TEST_DIR "/cuda/kernels.ptx");
  return file ? (*file)->getBuffer().str() : "";
}

/// Runs `body`, which leaves one 64-bit result per thread in %rd50, on rows of 64-bit inputs %rd10, %rd11, %rd12.
std::vector<uint64_t> each(const std::string &body, const std::vector<std::array<uint64_t, 3>> &in) {
  Sim sim;
  sim.launch.block = {32, 1, 1};
  sim.launch.grid = {uint32_t((in.size() + 31) / 32), 1, 1};
  std::vector<uint64_t> flat((in.size() + 31) / 32 * 32 * 3);
  for (size_t i = 0; i < in.size(); ++i)
    std::copy(in[i].begin(), in[i].end(), flat.begin() + 3 * i);
  sim.buffer(flat, "in");
  uint64_t out = sim.buffer(flat.size() / 3 * 8, "out");
  Report r = sim.run(kernel(2, R"(mov.u32 %r90, %ctaid.x; shl.b32 %r90, %r90, 5; mov.u32 %r91, %tid.x; add.u32 %r90, %r90, %r91;
mul.wide.u32 %rd90, %r90, 24; add.u64 %rd90, %rd90, %rd100; mul.wide.u32 %rd91, %r90, 8; add.u64 %rd91, %rd91, %rd101;
ld.global.u64 %rd10, [%rd90]; ld.global.u64 %rd11, [%rd90+8]; ld.global.u64 %rd12, [%rd90+16];
cvt.u32.u64 %r10, %rd10; cvt.u32.u64 %r11, %rd11; cvt.u32.u64 %r12, %rd12; mov.b32 %f10, %r10; mov.b32 %f11, %r11; mov.b32 %f12, %r12;
)" + body + "\nst.global.u64 [%rd91], %rd50;"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint64_t>(out, flat.size() / 3);
  v.resize(in.size());
  return v;
}

std::vector<std::array<uint64_t, 3>> samples(unsigned seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint64_t> edge = {0, 1, 2, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
                                0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull};
  std::vector<std::array<uint64_t, 3>> v;
  for (uint64_t a : edge)
    for (uint64_t b : edge)
      v.push_back({a, b, edge[rng() % edge.size()]});
  for (int i = 0; i < 500; ++i)
    v.push_back({rng(), rng() >> (rng() % 64), rng()});
  return v;
}

void checkInt(const std::string &body, const std::function<uint64_t(uint64_t, uint64_t, uint64_t)> &want) {
  auto in = samples(11);
  auto got = each(body, in);
  for (size_t i = 0; i < in.size(); ++i)
    ASSERT_EQ(got[i], want(in[i][0], in[i][1], in[i][2])) << body << " on " << std::hex << in[i][0] << " " << in[i][1] << " " << in[i][2];
}
void check32(const std::string &op, const std::function<uint32_t(uint32_t, uint32_t, uint32_t)> &want) {
  checkInt(op + "\ncvt.u64.u32 %rd50, %r50;", [&](uint64_t a, uint64_t b, uint64_t c) { return want(uint32_t(a), uint32_t(b), uint32_t(c)); });
}

TEST(Exec, Integers) {
  check32("add.s32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return a + b; });
  check32("sub.u32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return a - b; });
  check32("mad.lo.s32 %r50, %r10, %r11, %r12;", [](auto a, auto b, auto c) { return a * b + c; });
  check32("mul.hi.s32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return uint32_t(int64_t(int32_t(a)) * int32_t(b) >> 32); });
  check32("mul.hi.u32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return uint32_t(uint64_t(a) * b >> 32); });
  check32("div.u32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return b ? a / b : ~0u; });
  check32("min.s32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return uint32_t(std::min(int32_t(a), int32_t(b))); });
  check32("max.u32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return std::max(a, b); });
  check32("shl.b32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return b > 31 ? 0 : a << b; });
  check32("shr.u32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return b > 31 ? 0 : a >> b; });
  check32("shr.s32 %r50, %r10, %r11;", [](auto a, auto b, auto) { return uint32_t(int32_t(a) >> std::min(b, 31u)); });
  check32("shf.l.wrap.b32 %r50, %r10, %r11, %r12;", [](auto a, auto b, auto c) { return uint32_t(((uint64_t(b) << 32 | a) << (c & 31)) >> 32); });
  check32("shf.r.clamp.b32 %r50, %r10, %r11, %r12;", [](auto a, auto b, auto c) { return uint32_t((uint64_t(b) << 32 | a) >> std::min(c, 32u)); });
  check32("lop3.b32 %r50, %r10, %r11, %r12, 0xe8;", [](auto a, auto b, auto c) { return (a & b) | (a & c) | (b & c); });
  check32("popc.b32 %r50, %r10;", [](auto a, auto, auto) { return uint32_t(__builtin_popcount(a)); });
  check32("clz.b32 %r50, %r10;", [](auto a, auto, auto) { return a ? uint32_t(__builtin_clz(a)) : 32u; });
  check32("bfind.u32 %r50, %r10;", [](auto a, auto, auto) { return a ? 31u - __builtin_clz(a) : ~0u; });
  check32("bfe.u32 %r50, %r10, %r11, 5;", [](auto a, auto b, auto) { return (b & 255) > 31 ? 0 : a >> (b & 255) & 31; });
  check32("bfi.b32 %r50, %r10, %r11, 8, 8;", [](auto a, auto b, auto) { return (b & ~0xff00u) | (a & 255) << 8; });
  check32("prmt.b32 %r50, %r10, %r11, 0x5410;", [](auto a, auto b, auto) { return (a & 0xffff) | b << 16; });
  check32("setp.lt.s32 %p1, %r10, %r11; selp.u32 %r50, 7, 9, %p1;", [](auto a, auto b, auto) { return int32_t(a) < int32_t(b) ? 7u : 9u; });
  check32("setp.lo.u32 %p1|%p2, %r10, %r11; selp.u32 %r50, 7, 9, %p2;", [](auto a, auto b, auto) { return a < b ? 9u : 7u; });
  check32("add.cc.u32 %r50, %r10, %r11; addc.u32 %r50, %r12, 0;", [](auto a, auto b, auto c) { return c + uint32_t((uint64_t(a) + b) >> 32); });
  check32("cvt.u16.u32 %rs1, %r10; cvt.u16.u32 %rs2, %r11; mov.b32 %r50, {%rs2, %rs1};", [](auto a, auto b, auto) { return a << 16 | (b & 0xffff); });
  check32("cvt.u16.u32 %rs1, %r10; shr.s16 %rs2, %rs1, 3; cvt.s32.s16 %r50, %rs2;", [](auto a, auto, auto) { return uint32_t(int32_t(int16_t(a)) >> 3); });
  checkInt("mul.wide.s32 %rd50, %r10, %r11;", [](auto a, auto b, auto) { return uint64_t(int64_t(int32_t(a)) * int32_t(b)); });
  checkInt("mul.hi.u64 %rd50, %rd10, %rd11;", [](auto a, auto b, auto) { return uint64_t((unsigned __int128)a * b >> 64); });
  checkInt("mad.lo.u64 %rd50, %rd10, %rd11, %rd12;", [](auto a, auto b, auto c) { return a * b + c; });
  checkInt("shr.s64 %rd50, %rd10, %r11;", [](auto a, auto b, auto) { return uint64_t(int64_t(a) >> std::min(uint32_t(b), 63u)); });
  checkInt("rem.u64 %rd50, %rd10, %rd11;", [](auto a, auto b, auto) { return b ? a % b : a; });
  checkInt("mov.b64 {%r50, %r51}, %rd10; mov.b64 %rd50, {%r51, %r50};", [](auto a, auto, auto) { return a << 32 | a >> 32; });
}

TEST(Exec, Reals) {
  auto f = [](uint64_t v) { return std::bit_cast<float>(uint32_t(v)); };
  auto bits = [](float v) { return v != v ? 0x7fffffffu : std::bit_cast<uint32_t>(v); };
  auto run = [&](const std::string &op, const std::function<float(float, float, float)> &want) {
    checkInt(op + "\nmov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;",
             [&](uint64_t a, uint64_t b, uint64_t c) { return bits(want(f(a), f(b), f(c))); });
  };
  run("add.rn.f32 %f50, %f10, %f11;", [](float a, float b, float) { return a + b; });
  run("mul.f32 %f50, %f10, %f11;", [](float a, float b, float) { return a * b; });
  run("fma.rn.f32 %f50, %f10, %f11, %f12;", [](float a, float b, float c) { return std::fma(a, b, c); });
  run("div.rn.f32 %f50, %f10, %f11;", [](float a, float b, float) { return a / b; });
  run("sqrt.rn.f32 %f50, %f10;", [](float a, float, float) { return std::sqrt(a); });
  run("max.f32 %f50, %f10, %f11;", [](float a, float b, float) {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : std::max(a, b); });
  run("add.sat.f32 %f50, %f10, %f11;", [](float a, float b, float) { float s = a + b; return !(s > 0) ? 0.0f : s > 1 ? 1.0f : s; });
  auto flush = [](float v) { return std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(0.0f, v) : v; };
  run("add.ftz.f32 %f50, %f10, %f11;", [&](float a, float b, float) { return flush(flush(a) + flush(b)); });
  // A directed sum brackets the exact one.
  auto in = samples(5);
  auto lo = each("add.rm.f32 %f50, %f10, %f11; mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;", in);
  auto hi = each("add.rp.f32 %f50, %f10, %f11; mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;", in);
  unsigned strict = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    double a = f(in[i][0]), b = f(in[i][1]);
    if (!std::isfinite(a) || !std::isfinite(b) || std::abs(a) > 1e30 || std::abs(b) > 1e30 || std::abs(a) < 1e-20 || std::abs(b) < 1e-20)
      continue;
    EXPECT_LE(f(lo[i]), a + b);
    EXPECT_GE(f(hi[i]), a + b);
    strict += lo[i] != hi[i];
  }
  EXPECT_GT(strict, 10u);
}

TEST(Exec, CudaReduction) {
  Sim sim;
  sim.launch.entry = "red";
  sim.launch.block = {256, 1, 1};
  std::vector<float> a(1000);
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] = float(i % 17);
  sim.buffer(a, "a");
  uint64_t o = sim.buffer(4, "o");
  int n = 1000;
  sim.launch.parameters.insert(sim.launch.parameters.end(), (uint8_t *)&n, (uint8_t *)&n + 4);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    sim.options.seed = seed;
    Report r = sim.run(cudaKernels());
    EXPECT_EQ(r.findings.size(), 0u) << describe(r);
    EXPECT_EQ(sim.read<float>(o, 1)[0], sum);
  }
}

TEST(Exec, CudaTransposeWithPadding) {
  Sim sim;
  int n = 70;
  sim.launch.entry = "transpose";
  sim.launch.block = {32, 8, 1};
  sim.launch.grid = {3, 3, 1};
  std::vector<float> a(n * n);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = float(i);
  sim.buffer(a, "a");
  uint64_t o = sim.buffer(a.size() * 4, "o");
  sim.launch.parameters.insert(sim.launch.parameters.end(), (uint8_t *)&n, (uint8_t *)&n + 4);
  Report r = sim.run(cudaKernels());
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto got = sim.read<float>(o, a.size());
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      ASSERT_EQ(got[i * n + j], a[j * n + i]);
  for (const BankRecord &b : r.banks)
    EXPECT_EQ(b.wavefronts, b.minimum) << b.ptxText;
}

TEST(Exec, CudaSoftmax) {
  Sim sim;
  int n = 300, rows = 5;
  sim.launch.entry = "softmax";
  sim.launch.block = {128, 1, 1};
  sim.launch.grid = {unsigned(rows), 1, 1};
  std::vector<uint16_t> a(n * rows);
  std::mt19937 rng(3);
  for (auto &v : a)
    v = uint16_t(std::bit_cast<uint32_t>(float(rng() % 100) / 25 - 2) >> 16);
  sim.buffer(a, "a");
  uint64_t o = sim.buffer(a.size() * 2, "o");
  sim.launch.parameters.insert(sim.launch.parameters.end(), (uint8_t *)&n, (uint8_t *)&n + 4);
  Report r = sim.run(cudaKernels());
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto got = sim.read<uint16_t>(o, a.size());
  for (int row = 0; row < rows; ++row) {
    double sum = 0;
    for (int i = 0; i < n; ++i)
      sum += std::exp(double(bf16(a[row * n + i])));
    for (int i = 0; i < n; ++i)
      ASSERT_NEAR(bf16(got[row * n + i]), std::exp(double(bf16(a[row * n + i]))) / sum, 1e-2 / n);
  }
}

TEST(Exec, CudaHistogramWithAtomics) {
  Sim sim;
  int n = 5000;
  sim.launch.entry = "hist";
  sim.launch.block = {128, 1, 1};
  sim.launch.grid = {6, 1, 1};
  std::vector<int> a(n), want(64), zero(64);
  std::mt19937 rng(3);
  for (auto &v : a)
    ++want[(v = int(rng())) & 63];
  sim.buffer(a, "a");
  uint64_t o = sim.buffer(zero, "o");
  sim.launch.parameters.insert(sim.launch.parameters.end(), (uint8_t *)&n, (uint8_t *)&n + 4);
  Report r = sim.run(cudaKernels());
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  EXPECT_EQ(sim.read<int>(o, 64), want);
}

TEST(Exec, CudaDivergentLoop) {
  Sim sim;
  int n = 1000;
  sim.launch.entry = "collatz";
  sim.launch.block = {128, 1, 1};
  sim.launch.grid = {8, 1, 1};
  std::vector<unsigned> a(n), want(n);
  for (int i = 0; i < n; ++i) {
    unsigned long long v = a[i] = i + 1;
    unsigned c = 0;
    while (v != 1) {
      v = v & 1 ? 3 * v + 1 : v >> 1;
      if (++c > 1000)
        break;
    }
    want[i] = c + v / 7 % 13;
  }
  sim.buffer(a, "a");
  uint64_t o = sim.buffer(n * 4, "o");
  sim.launch.parameters.insert(sim.launch.parameters.end(), (uint8_t *)&n, (uint8_t *)&n + 4);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    sim.options.seed = seed;
    Report r = sim.run(cudaKernels());
    EXPECT_EQ(r.findings.size(), 0u) << describe(r);
    EXPECT_EQ(sim.read<unsigned>(o, n), want);
  }
}

TEST(Exec, ParametersAndShuffles) {
  Sim sim;
  sim.launch.block = {32, 1, 1};
  uint64_t o = sim.buffer(32 * 4 * 4, "o");
  Report r = sim.run(kernel(1, R"(mov.u32 %r1, %laneid;
shfl.sync.up.b32 %r2|%p1, %r1, 3, 0, -1; shfl.sync.down.b32 %r3, %r1, 3, 31, -1; shfl.sync.idx.b32 %r4, %r1, 5, 0x181f, -1;
vote.sync.ballot.b32 %r5, %p1, -1;
mul.wide.u32 %rd1, %r1, 16; add.u64 %rd1, %rd1, %rd100; st.global.v4.u32 [%rd1], {%r2,%r3,%r4,%r5};)"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint32_t>(o, 128);
  for (unsigned l = 0; l < 32; ++l) {
    EXPECT_EQ(v[4 * l], l < 3 ? l : l - 3);
    EXPECT_EQ(v[4 * l + 1], l > 28 ? l : l + 3);
    EXPECT_EQ(v[4 * l + 2], (l & 24) | 5);
    EXPECT_EQ(v[4 * l + 3], 0xfffffff8u);
  }
}

// The lanes of one instruction in any groups, each with its own member mask; `busy` are the groups that execute it.
TEST(Exec, GroupsOfLanesHaveTheirOwnMemberMasks) {
  std::mt19937 rng(5);
  for (unsigned round = 0; round < 40; ++round) {
    unsigned count = 1 + round % 7, busy = rng();
    std::vector<uint32_t> in, expected;
    uint32_t members[7] = {}, group[32], number[32], sum[7] = {};
    for (unsigned l = 0; l < 32; ++l) {
      group[l] = rng() % count;
      number[l] = rng();
      members[group[l]] |= 1u << l;
      sum[group[l]] += number[l];
    }
    for (unsigned l = 0; l < 32; ++l) {
      bool here = busy >> group[l] & 1;
      uint32_t first = std::countr_zero(members[group[l]]), ballot = 0;
      for (unsigned k = 0; k < 32; ++k)
        ballot |= uint32_t(group[k] == group[l] && (number[k] & 1)) << k;
      in.insert(in.end(), {members[group[l]], number[l], here, first});
      expected.insert(expected.end(), {here ? sum[group[l]] : 7, here ? number[first] : 7, here ? ballot : 7, here ? first : 7});
    }
    Sim sim;
    sim.launch.block = {32, 1, 1};
    sim.options.seed = round;
    sim.buffer(in, "in");
    uint64_t o = sim.buffer(sizeof(uint32_t) * in.size(), "o");
    Report r = sim.run(kernel(2, R"(mov.u32 %r1, %laneid; mul.wide.u32 %rd1, %r1, 16;
add.u64 %rd2, %rd1, %rd100; add.u64 %rd3, %rd1, %rd101; ld.global.v4.u32 {%r2,%r3,%r4,%r5}, [%rd2];
setp.ne.u32 %p1, %r4, 0; and.b32 %r6, %r3, 1; setp.ne.u32 %p2, %r6, 0;
mov.u32 %r10, 7; mov.u32 %r11, 7; mov.u32 %r12, 7; mov.u32 %r13, 7;
@%p1 redux.sync.add.u32 %r10, %r3, %r2;
@%p1 shfl.sync.idx.b32 %r11, %r3, %r5, 31, %r2;
@%p1 vote.sync.ballot.b32 %r12, %p2, %r2;
@%p1 elect.sync %r13|%p3, %r2;
@%p1 bar.warp.sync %r2;
activemask.b32 %r14; setp.ne.u32 %p4, %r14, -1; @%p4 trap; // All have met again.
st.global.v4.u32 [%rd3], {%r10,%r11,%r12,%r13};)"));
    EXPECT_EQ(r.findings.size(), 0u) << round << describe(r);
    EXPECT_EQ(sim.read<uint32_t>(o, 128), expected) << round;
  }
  // Who is not in the mask that it gives is still told so.
  Sim sim;
  sim.launch.block = {32, 1, 1};
  Report r = sim.run(kernel(0, "mov.u32 %r1, %laneid; setp.lt.u32 %p1, %r1, 9; selp.b32 %r2, 0xff, 0xffffff00, %p1;\n"
                               "redux.sync.add.u32 %r3, %r1, %r2;"));
  ASSERT_TRUE(has(r, "TK-SIM-WARP-MASK")) << describe(r);
  EXPECT_NE(describe(r).find("lanes 0x1ff execute an instruction whose member mask is 0xff"), std::string::npos) << describe(r);
}

TEST(Exec, SameReportForAnyNumberOfThreads) {
  auto run = [&](unsigned threads) {
    Sim sim;
    sim.launch.block = {64, 1, 1};
    sim.launch.grid = {40, 1, 1};
    sim.options.threads = threads;
    sim.options.seed = 9;
    sim.buffer(64, "small");
    return describe(sim.run(kernel(1, R"(mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mul.wide.u32 %rd1, %r1, 4;
add.u64 %rd1, %rd1, %rd100; mov.u32 %r3, s; st.shared.u32 [%r3], %r1; bar.sync 0; st.global.u32 [%rd1], %r2;)",
                                   ".shared .align 4 .b8 s[4];\n")));
  };
  std::string one = run(1);
  EXPECT_NE(one.find("TK-SIM-RACE"), std::string::npos);
  EXPECT_NE(one.find("TK-SIM-MEM-OOB"), std::string::npos);
  EXPECT_EQ(one, run(2));
  EXPECT_EQ(one, run(5));
}

} // namespace
