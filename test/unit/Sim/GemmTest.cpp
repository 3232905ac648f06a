//===- GemmTest.cpp - A plain matrix product, and its mutants -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The plain path: operands copied to swizzled shared memory by ordinary loads and stores, synchronous wgmma. One
/// tile is 64 x 128 x 64 for each warpgroup; two warpgroups share B. Lines marked with a tag can be dropped.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

constexpr unsigned N = 128, GROUPS = 2, THREADS = 128 * GROUPS;

std::string gemm(const std::string &dropped) {
  std::string s, module = ".extern .shared .align 1024 .b8 smem[];\n";
  auto line = [&](const std::string &text, const std::string &tag = "") {
    if (tag.empty() || tag != dropped)
      s += text + "\n";
  };
  auto num = [](unsigned v) { return std::to_string(v); };
  // p0 A [M][K], p1 B [N][K], p2 C [M][N] f32, p3 K, p4 row length of C.
  line("mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ctaid.y; mov.u32 %r4, smem;");
  line("shr.u32 %r5, %r1, 3; and.b32 %r6, %r1, 7; and.b32 %r7, %r5, 7; xor.b32 %r8, %r6, %r7;"); // row, chunk, swizzled
  line("shl.b32 %r9, %r5, 7; shl.b32 %r10, %r8, 4; add.u32 %r11, %r9, %r10; add.u32 %r12, %r4, %r11;");
  line("shl.b64 %rd1, %rd103, 1;"); // bytes of a row of A and B
  line("cvt.u64.u32 %rd2, %r5; mul.lo.u64 %rd3, %rd2, %rd1; mul.wide.u32 %rd4, %r6, 16; add.u64 %rd5, %rd3, %rd4;");
  line("mul.wide.u32 %rd6, %r2, " + num(64 * GROUPS) + "; mul.lo.u64 %rd7, %rd6, %rd1; add.u64 %rd8, %rd100, %rd7; add.u64 %rd8, %rd8, %rd5;");
  line("mul.wide.u32 %rd9, %r3, " + num(N) + "; mul.lo.u64 %rd10, %rd9, %rd1; add.u64 %rd11, %rd101, %rd10; add.u64 %rd11, %rd11, %rd5;");
  line("shl.b64 %rd12, %rd1, " + num(THREADS == 256 ? 5 : 4) + ";"); // THREADS / 8 rows on
  unsigned aBytes = 64 * GROUPS * 128, step = THREADS / 8;
  line("shr.u32 %r13, %r1, 7; shl.b32 %r14, %r13, 13; add.u32 %r15, %r4, %r14; shr.u32 %r16, %r15, 4; and.b32 %r16, %r16, 16383;");
  line("cvt.u64.u32 %rd20, %r16; or.b64 %rd20, %rd20, " + std::to_string(1ull << 62 | 64ull << 32 | 1ull << 16) + ";");
  line("add.u32 %r17, %r4, " + num(aBytes) + "; shr.u32 %r17, %r17, 4; and.b32 %r17, %r17, 16383;");
  line("cvt.u64.u32 %rd21, %r17; or.b64 %rd21, %rd21, " + std::to_string(1ull << 62 | 64ull << 32 | 1ull << 16) + ";");
  line("mov.u64 %rd30, 0; setp.ne.u32 %p3, 0, 0;");
  line("$loop:");
  auto copy = [&](const char *pointer, unsigned rows, unsigned at) {
    line(std::string("mov.u64 %rd31, ") + pointer + ";");
    for (unsigned r = 0; r < rows; r += step) {
      line("ld.global.nc.v4.b32 {%r20,%r21,%r22,%r23}, [%rd31];");
      line("st.shared.v4.b32 [%r12+" + num(at + r * 128) + "], {%r20,%r21,%r22,%r23};");
      line("add.u64 %rd31, %rd31, %rd12;");
    }
  };
  copy("%rd8", 64 * GROUPS, 0);
  copy("%rd11", N, aBytes);
  line("fence.proxy.async.shared::cta;", "proxy");
  line("bar.sync 0;", "bar1");
  line("wgmma.fence.sync.aligned;", "fence");
  std::string acc = "{";
  for (unsigned i = 0; i < N / 2; ++i)
    acc += (i ? ",%f" : "%f") + num(i);
  for (unsigned k = 0; k < 4; ++k) {
    line("add.u64 %rd22, %rd20, " + num(2 * k) + "; add.u64 %rd23, %rd21, " + num(2 * k) + ";");
    if (k == 1)
      line("setp.eq.u32 %p3, 0, 0;");
    line("{ .reg .pred p; and.pred p, %p3, %p3;\nwgmma.mma_async.sync.aligned.m64n" + num(N) +
         "k16.f32.bf16.bf16 " + acc + "}, %rd22, %rd23, p, 1, 1, 0, 0; }");
  }
  line("wgmma.commit_group.sync.aligned;", "commit");
  line("wgmma.wait_group.sync.aligned 0;", "wait");
  line("bar.sync 0;", "bar2");
  line("add.u64 %rd8, %rd8, 128; add.u64 %rd11, %rd11, 128; add.u64 %rd30, %rd30, 64;");
  line("setp.lt.u64 %p1, %rd30, %rd103;\n@%p1 bra $loop;");
  // Row 64 * GROUPS * x + 64 * g + 16 w + l / 4, column 2 (l % 4).
  line("shr.u32 %r30, %r1, 5; shl.b32 %r31, %r30, 4; and.b32 %r32, %r1, 31; shr.u32 %r33, %r32, 2; add.u32 %r34, %r31, %r33;");
  line("cvt.u64.u32 %rd40, %r34; add.u64 %rd40, %rd40, %rd6; mul.lo.u64 %rd41, %rd40, %rd104; and.b32 %r35, %r1, 3;");
  line("mul.wide.u32 %rd42, %r35, 2; add.u64 %rd43, %rd41, %rd42; add.u64 %rd43, %rd43, %rd9; shl.b64 %rd44, %rd43, 2;");
  line("add.u64 %rd45, %rd102, %rd44; shl.b64 %rd46, %rd104, 5; add.u64 %rd47, %rd45, %rd46;");
  for (unsigned i = 0; i < N / 2; i += 2)
    line("st.global.v2.f32 [" + std::string(i & 2 ? "%rd47" : "%rd45") + "+" + num(i / 4 * 32) + "], {%f" + num(i) + ",%f" + num(i + 1) + "};");
  return kernel(5, s, module);
}

struct Outcome {
  Report report;
  double error = 0;
};

Outcome run(unsigned m, unsigned n, unsigned k, uint64_t seed, const std::string &dropped = "", bool check = true,
            unsigned threads = 0) {
  std::mt19937 rng(1);
  std::vector<uint16_t> a(m * k), b(n * k);
  for (auto *v : {&a, &b})
    for (uint16_t &x : *v)
      x = uint16_t(std::bit_cast<uint32_t>(float(int(rng() % 65) - 32) / 32) >> 16);
  Sim sim;
  sim.options.seed = seed;
  sim.options.threads = threads;
  sim.options.checkRaces = check;
  sim.launch.block = {THREADS, 1, 1};
  sim.launch.grid = {m / (64 * GROUPS), n / N, 1};
  sim.launch.dynamicSharedBytes = (64 * GROUPS + N) * 128;
  sim.buffer(a, "A");
  sim.buffer(b, "B");
  uint64_t c = sim.buffer(uint64_t(m) * n * 4, "C");
  sim.pass(k);
  sim.pass(n);
  Outcome o;
  o.report = sim.run(gemm(dropped));
  auto got = sim.read<float>(c, m * n);
  double num = 0, den = 0;
  for (unsigned i = 0; i < m; i += 7)
    for (unsigned j = 0; j < n; j += 5) {
      double sum = 0;
      for (unsigned kk = 0; kk < k; ++kk)
        sum += double(bf16(a[i * k + kk])) * bf16(b[j * k + kk]);
      num += (got[i * n + j] - sum) * (got[i * n + j] - sum);
      den += sum * sum;
    }
  o.error = std::sqrt(num / den);
  return o;
}

TEST(Gemm, RightAndClean) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Outcome o = run(256, 256, 256, seed);
    EXPECT_LT(o.error, 1e-6) << seed;
    EXPECT_EQ(o.report.findings.size(), 0u) << describe(o.report);
    for (const BankRecord &b : o.report.banks)
      EXPECT_EQ(b.wavefronts, b.minimum) << b.ptxText;
  }
}

TEST(Gemm, MutantsAreReported) {
  struct { const char *tag, *finding; } mutants[] = {
      {"proxy", "TK-SIM-RACE-PROXY"}, {"bar1", "TK-SIM-RACE"},          {"bar2", "TK-SIM-RACE"},
      {"fence", "TK-SIM-WGMMA-FENCE"}, {"commit", "TK-SIM-WGMMA-UNWAITED"}, {"wait", "TK-SIM-WGMMA-UNWAITED"},
      {"wait", "TK-SIM-RACE"}};
  for (auto &mu : mutants) {
    unsigned wrong = 0;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Outcome o = run(128, 128, 192, seed, mu.tag);
      EXPECT_TRUE(has(o.report, mu.finding)) << mu.tag << " seed " << seed << "\n" << describe(o.report);
      wrong += !(o.error < 1e-6);
    }
    if (std::string(mu.tag) == "wait" || std::string(mu.tag) == "bar1")
      EXPECT_GT(wrong, 0u) << mu.tag << ": numbers must go wrong on some seed";
  }
}

// A benchmark, run by hand with --gtest_also_run_disabled_tests: nothing here is timed by a test.
TEST(Gemm, DISABLED_Speed) {
  for (bool check : {true, false}) {
    clock_t begin = clock(); // processor time: the machine may be shared
    Outcome o = run(512, 512, 2048, 0, "", check, 1);
    double seconds = double(clock() - begin) / CLOCKS_PER_SEC;
    printf("race checker %s: %.2f GFLOP/s, %.1f M thread instructions/s\n", check ? "on" : "off",
           double(o.report.counters["flop.tensor"]) / seconds / 1e9, double(o.report.threadInstructions) / seconds / 1e6);
  }
}

} // namespace
