//===- WgmmaTest.cpp - Warpgroup products in every layout -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Shared memory is filled with an image made here from the canonical-layout formulas of the PTX manual; the result
/// is compared with a naive product. Nothing is shared with the simulator's own address code.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

struct Operand {
  unsigned rows, k, es; ///< rows: M or N
  bool mnMajor;
  unsigned swizzleBytes; ///< 0, 32, 64, 128
  uint32_t base, lbo = 0, sbo = 0, bytes = 0;

  /// Strides of a dense tile for each mode.
  void layOut() {
    unsigned t = 16 / es, w = swizzleBytes ? swizzleBytes / 16 : 1;
    if (!mnMajor && !swizzleBytes) {
      lbo = 128; // the next 16-byte column follows the core matrix
      sbo = 128 * (k / t);
      bytes = sbo * (rows / 8);
    } else if (!mnMajor) {
      sbo = 128 * w;
      bytes = sbo * (rows / 8);
      lbo = 16;
    } else if (!swizzleBytes) {
      sbo = 128; // next T elements along MN
      lbo = 128 * (rows / t);
      bytes = lbo * (k / 8);
    } else {
      sbo = 128 * w; // next 8 k
      lbo = sbo * (k / 8);
      bytes = lbo * ((rows / t + w - 1) / w);
    }
  }
  uint32_t address(unsigned mn, unsigned kk) const {
    unsigned t = 16 / es, w = swizzleBytes / 16;
    uint32_t off;
    if (!mnMajor) {
      unsigned c = kk / t, e = kk % t;
      off = swizzleBytes ? (mn % 8) * swizzleBytes + (mn / 8) * sbo + c * 16 + e * es
                         : (mn % 8) * 16 + (mn / 8) * sbo + c * lbo + e * es;
    } else {
      unsigned c = mn / t, e = mn % t;
      off = swizzleBytes ? (kk % 8) * swizzleBytes + (kk / 8) * sbo + (c / w) * lbo + (c % w) * 16 + e * es
                         : (kk % 8) * 16 + (kk / 8) * lbo + c * sbo + e * es;
    }
    uint32_t a = base + off;
    unsigned rowBits = swizzleBytes == 128 ? 7 : swizzleBytes == 64 ? 3 : swizzleBytes == 32 ? 1 : 0;
    return a ^ (((a / 128) & rowBits) * 16);
  }
  uint64_t descriptor() const {
    uint64_t mode = swizzleBytes == 128 ? 1 : swizzleBytes == 64 ? 2 : swizzleBytes == 32 ? 3 : 0;
    return uint64_t(base >> 4) | uint64_t(lbo >> 4) << 16 | uint64_t(sbo >> 4) << 32 | mode << 62;
  }
};

struct Case {
  unsigned n = 64;
  bool half = false, rs = false, accumulate = true;
  bool transA = false, transB = false;
  unsigned swizzleA = 128, swizzleB = 128;
  int scaleA = 1, scaleB = 1;
};

std::string list(const char *prefix, unsigned n) {
  std::string s = "{";
  for (unsigned i = 0; i < n; ++i)
    s += (i ? "," : "") + std::string(prefix) + std::to_string(i);
  return s + "}";
}

/// One wgmma: copy the image into shared memory, multiply, store the registers.
std::string program(const Case &c, const Operand &a, const Operand &b, uint32_t imageBytes, const std::string &dropped) {
  std::string s;
  auto line = [&](const std::string &text) {
    if (dropped.empty() || text.find(dropped) == std::string::npos)
      s += text + "\n";
  };
  line("mov.u32 %r300, %tid.x;\nshl.b32 %r301, %r300, 4;\nmov.u32 %r302, smem;\nadd.u32 %r303, %r302, %r301;");
  line("cvt.u64.u32 %rd1, %r301;\nadd.u64 %rd2, %rd100, %rd1;\nmov.u32 %r304, %r301;");
  line("$copy:\nsetp.ge.u32 %p1, %r304, " + std::to_string(imageBytes) + ";\n@%p1 bra $done;");
  line("ld.global.nc.v4.b32 {%r310,%r311,%r312,%r313}, [%rd2];\nst.shared.v4.b32 [%r303], {%r310,%r311,%r312,%r313};");
  line("add.u64 %rd2, %rd2, 2048;\nadd.u32 %r303, %r303, 2048;\nadd.u32 %r304, %r304, 2048;\nbra.uni $copy;\n$done:");
  unsigned regs = c.n / 2;
  line("mul.wide.u32 %rd3, %r300, " + std::to_string(regs * 4) + ";\nadd.u64 %rd4, %rd101, %rd3;");
  for (unsigned i = 0; i < regs; ++i)
    line("ld.global.f32 %f" + std::to_string(i) + ", [%rd4+" + std::to_string(4 * i) + "];");
  if (c.rs) {
    line("shl.b32 %r305, %r300, 4;\ncvt.u64.u32 %rd6, %r305;\nadd.u64 %rd7, %rd102, %rd6;");
    line("ld.global.v4.b32 {%r320,%r321,%r322,%r323}, [%rd7];");
  }
  line("fence.proxy.async.shared::cta;");
  line("bar.sync 0;");
  line("wgmma.fence.sync.aligned;");
  std::string types = c.half ? "f32.f16.f16" : "f32.bf16.bf16";
  std::string op = c.rs ? "{%r320,%r321,%r322,%r323}" : std::to_string(a.descriptor());
  std::string tail = std::string(c.accumulate ? "1" : "0") + ", " + std::to_string(c.scaleA) + ", " + std::to_string(c.scaleB);
  tail += c.rs ? ", " + std::to_string(c.transB) : ", " + std::to_string(c.transA) + ", " + std::to_string(c.transB);
  line("wgmma.mma_async.sync.aligned.m64n" + std::to_string(c.n) + "k16." + types + " " + list("%f", regs) + ", " + op + ", " +
       std::to_string(b.descriptor()) + ", " + tail + ";");
  line("wgmma.commit_group.sync.aligned;");
  line("wgmma.wait_group.sync.aligned 0;");
  for (unsigned i = 0; i < regs; ++i)
    line("st.global.f32 [%rd4+" + std::to_string(4 * i) + "], %f" + std::to_string(i) + ";");
  return kernel(3, s, ".extern .shared .align 1024 .b8 smem[];\n");
}

uint16_t encode(float f, bool half) {
  if (half) {
    _Float16 h = _Float16(f);
    uint16_t u;
    memcpy(&u, &h, 2);
    return u;
  }
  uint32_t u;
  memcpy(&u, &f, 4);
  return uint16_t(u >> 16);
}

struct Outcome {
  Report report;
  double worst = 0; ///< Largest difference from the naive product.
};

Outcome runCase(const Case &c, uint64_t seed, const std::string &dropped = "") {
  Operand a{64, 16, 2, c.transA, c.swizzleA, 1024}, b{c.n, 16, 2, c.transB, c.swizzleB, 0};
  a.layOut();
  b.base = (1024 + a.bytes + 1023) / 1024 * 1024;
  b.layOut();
  uint32_t imageBytes = (b.base + b.bytes - 1024 + 2047) / 2048 * 2048;
  std::mt19937 rng(unsigned(seed) + 7);
  auto small = [&] { return float(int(rng() % 33) - 16) / 8; };
  std::vector<uint16_t> image(imageBytes / 2);
  std::vector<float> ma(64 * 16), mb(c.n * 16), d0(64 * c.n), want(64 * c.n);
  for (float &v : ma)
    v = small();
  for (float &v : mb)
    v = small();
  for (float &v : d0)
    v = small();
  for (unsigned k = 0; k < 16; ++k) {
    for (unsigned m = 0; m < 64; ++m)
      image[(a.address(m, k) - 1024) / 2] = encode(ma[m * 16 + k], c.half);
    for (unsigned n = 0; n < c.n; ++n)
      image[(b.address(n, k) - 1024) / 2] = encode(mb[n * 16 + k], c.half);
  }
  // Fragments of the manual: rows and columns of each thread's registers.
  std::vector<float> acc(128 * c.n / 2);
  std::vector<uint32_t> frag(128 * 4);
  auto where = [&](unsigned t, unsigned i, unsigned &row, unsigned &col) {
    row = 16 * (t / 32) + (t % 32) / 4 + 8 * (i / 2 % 2);
    col = 8 * (i / 4) + 2 * (t % 4) + i % 2;
  };
  for (unsigned t = 0; t < 128; ++t) {
    for (unsigned i = 0; i < c.n / 2; ++i) {
      unsigned r, col;
      where(t, i, r, col);
      acc[t * (c.n / 2) + i] = d0[r * c.n + col];
    }
    for (unsigned i = 0; i < 8; ++i) {
      unsigned r, k;
      where(t, i, r, k);
      frag[t * 4 + i / 2] |= uint32_t(encode(ma[r * 16 + k], c.half)) << (16 * (i % 2));
    }
  }
  for (unsigned m = 0; m < 64; ++m)
    for (unsigned n = 0; n < c.n; ++n) {
      double sum = c.accumulate ? d0[m * c.n + n] : 0;
      for (unsigned k = 0; k < 16; ++k)
        sum += double(c.scaleA) * ma[m * 16 + k] * c.scaleB * mb[n * 16 + k];
      want[m * c.n + n] = float(sum);
    }
  Sim sim;
  sim.launch.block = {128, 1, 1};
  sim.launch.dynamicSharedBytes = imageBytes;
  sim.options.seed = seed;
  sim.buffer(image, "image");
  uint64_t out = sim.buffer(acc, "acc");
  sim.buffer(frag, "frag");
  Outcome o;
  o.report = sim.run(program(c, a, b, imageBytes, dropped));
  std::vector<float> got = sim.read<float>(out, acc.size());
  for (unsigned t = 0; t < 128; ++t)
    for (unsigned i = 0; i < c.n / 2; ++i) {
      unsigned r, col;
      where(t, i, r, col);
      double e = std::abs(double(got[t * (c.n / 2) + i]) - want[r * c.n + col]);
      o.worst = e > o.worst || e != e ? e : o.worst;
    }
  return o;
}

void expectExact(const Case &c, const std::string &what) {
  for (uint64_t seed : {0, 1, 2}) {
    Outcome o = runCase(c, seed);
    EXPECT_EQ(o.worst, 0) << what << " seed " << seed;
    EXPECT_EQ(o.report.findings.size(), 0u) << what << " seed " << seed << "\n" << describe(o.report);
  }
}

TEST(Wgmma, EveryLayoutOfSharedOperands) {
  for (unsigned sa : {0u, 32u, 64u, 128u})
    for (unsigned sb : {0u, 32u, 64u, 128u})
      for (bool ta : {false, true})
        for (bool tb : {false, true}) {
          Case c;
          c.swizzleA = sa;
          c.swizzleB = sb;
          c.transA = ta;
          c.transB = tb;
          c.half = (sa + sb) % 64 != 0;
          expectExact(c, "A " + std::to_string(sa) + (ta ? " mn" : " k") + ", B " + std::to_string(sb) + (tb ? " mn" : " k"));
        }
}

TEST(Wgmma, EveryN) {
  for (unsigned n = 8; n <= 256; n += 8) {
    Case c;
    c.n = n;
    c.accumulate = n % 16;
    expectExact(c, "n " + std::to_string(n));
  }
}

TEST(Wgmma, AFromRegisters) {
  for (bool tb : {false, true})
    for (bool half : {false, true}) {
      Case c;
      c.rs = true;
      c.n = 128;
      c.transB = tb;
      c.half = half;
      c.scaleA = half ? -1 : 1;
      c.scaleB = tb ? -1 : 1;
      expectExact(c, "rs");
    }
}

/// A warpgroup with B, of zeros but for its first four elements of column 0, at the descriptor %rd5.
Report runSmall(const std::string &body, uint32_t *first = nullptr) {
  Sim sim;
  sim.launch.block = {128, 1, 1};
  uint64_t out = sim.buffer(std::vector<uint32_t>(1), "out");
  Report r = sim.run(kernel(1, "mov.u32 %r1, %tid.x; mov.u32 %r2, sm; shl.b32 %r3, %r1, 4; add.u32 %r3, %r2, %r3; mov.b32 %r4, 0;\n"
                               "st.shared.v4.b32 [%r3], {%r4, %r4, %r4, %r4}; bar.sync 0; setp.eq.u32 %p1, %r1, 0; @!%p1 bra $filled;\n"
                               "mov.b32 %r5, 0x28003c00; mov.b32 %r6, 0x400; st.shared.v2.b32 [%r2], {%r5, %r6};\n$filled: fence.proxy.async; bar.sync 0;\n"
                               "shr.u32 %r7, %r2, 4; cvt.u64.u32 %rd5, %r7; or.b64 %rd5, %rd5, 0x0000001000080000; .reg .b32 %a<8>; .reg .f32 %d<8>;\n"
                               "mov.b32 %a0, 0; mov.b32 %a1, 0; mov.b32 %a2, 0; mov.b32 %a3, 0; mov.b32 %a4, 0; mov.b32 %a5, 0; mov.b32 %a6, 0; mov.b32 %a7, 0;\n" +
                               body, ".shared .align 1024 .b8 sm[8192];\n.func f(.reg .b32 %x) { ret; }\n"));
  if (first)
    *first = sim.read<uint32_t>(out, 1)[0];
  return r;
}

/// 1 + 2^-11 + 2^-28 lies above the middle of two halves; as a float it is the middle.
TEST(Wgmma, SumsOfHalvesAreRoundedOnce) {
  uint32_t first = 0;
  Report r = runSmall("@!%p1 bra $row; mov.b32 %a0, 0x24003c00;\n$row: setp.eq.u32 %p2, %r1, 1; @!%p2 bra $go; mov.b32 %a0, 0x400;\n$go:\n"
                      "wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f16.f16.f16 {%a6, %a7}, {%a0, %a1, %a2, %a3}, %rd5, 0, 1, 1, 0;\n"
                      "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; @%p1 st.global.u32 [%rd100], %a6;", &first);
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  EXPECT_EQ(first & 0xffff, 0x3c01u);
}

TEST(Wgmma, RegistersInFlightAreNoOthers) {
  auto mma = [](const std::string &d, const std::string &a) {
    return "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {" + d + "}, {" + a + "}, %rd5, 0, 1, 1, 0;\n";
  };
  const std::string fence = "wgmma.fence.sync.aligned;\n", commit = "wgmma.commit_group.sync.aligned;\n",
                    wait = "wgmma.wait_group.sync.aligned 0;\n", low = "%a0, %a1, %a2, %a3", high = "%a4, %a5, %a6, %a7",
                    sums = "%r40, %r41, %r42, %r43", others = "%r44, %r45, %r46, %r47";
  auto found = [&](const std::string &body) {
    std::set<std::string> names;
    for (const Finding &f : runSmall(fence + body + commit + wait).findings)
      names.insert(f.name);
    return names;
  };
  const std::set<std::string> none, inFlight{"TK-SIM-WGMMA-INFLIGHT"};
  EXPECT_EQ(found(mma(sums, low) + mma(sums, high)), none) << "accumulators may be those of the one before";
  EXPECT_EQ(found(mma(sums, low) + mma(others, low)), none) << "and A be read twice";
  EXPECT_EQ(found(mma(sums, low) + commit + wait + fence + mma(others, sums)), none);
  EXPECT_EQ(found(mma(sums, low) + commit + fence + mma(others, sums)), inFlight) << "a fence waits for nothing";
  EXPECT_EQ(found(mma(sums, low) + mma(low, high)), inFlight);
  EXPECT_EQ(found(mma(sums, low) + commit + fence + mma(low, high)), inFlight);
  EXPECT_EQ(found(mma(low, low)), inFlight);
  EXPECT_EQ(found(mma(sums, low) + commit + "call f, (%r40);\n"), inFlight);
  EXPECT_EQ(found(mma(sums, low) + commit + wait + "call f, (%r40);\n"), none);
}

/// Without one of its synchronising instructions the kernel is reported, by name.
TEST(Wgmma, EveryDroppedLineIsFound) {
  struct { const char *line, *finding; } cases[] = {
      {"fence.proxy.async", "TK-SIM-RACE-PROXY"},   {"bar.sync", "TK-SIM-RACE"},
      {"wgmma.fence", "TK-SIM-WGMMA-FENCE"},        {"wgmma.commit_group", "TK-SIM-WGMMA-INFLIGHT"},
      {"wgmma.wait_group", "TK-SIM-WGMMA-INFLIGHT"}, {"wgmma.wait_group", "TK-SIM-WGMMA-UNWAITED"}};
  for (auto &k : cases) {
    bool wrong = false;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Outcome o = runCase(Case(), seed, k.line);
      EXPECT_TRUE(has(o.report, k.finding)) << k.line << " seed " << seed << "\n" << describe(o.report);
      wrong |= o.worst != 0;
    }
    if (std::string(k.line) == "wgmma.wait_group")
      EXPECT_TRUE(wrong) << "a missing wait must give wrong numbers on some seed";
  }
}

} // namespace
