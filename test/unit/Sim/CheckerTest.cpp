//===- CheckerTest.cpp - Each checker: found, and not found where all is well ===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

constexpr const char *kShared = ".shared .align 16 .b8 s[4096];\n";
constexpr const char *kTid = "mov.u32 %r1, %tid.x; mov.u32 %r2, s; shl.b32 %r3, %r1, 2; add.u32 %r4, %r2, %r3; "
                             "mul.wide.u32 %rd1, %r1, 4; add.u64 %rd2, %rd100, %rd1;\n";

/// Runs `body` on a block of `threads` with one buffer of a word per thread, over several seeds; the names found.
std::set<std::string> names(const std::string &body, unsigned threads = 64, unsigned seeds = 6) {
  std::set<std::string> found;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.launch.block = {threads, 1, 1};
    std::vector<uint32_t> words(threads);
    for (unsigned i = 0; i < threads; ++i)
      words[i] = i;
    sim.buffer(words, "words");
    Report r = sim.run(kernel(1, kTid + body, kShared));
    for (const Finding &f : r.findings) {
      found.insert(f.name);
      EXPECT_NE(f.message, "");
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  }
  return found;
}
using Names = std::set<std::string>;

TEST(Checker, OutOfBounds) {
  EXPECT_EQ(names("ld.global.u32 %r5, [%rd2];"), Names());
  EXPECT_EQ(names("ld.global.u32 %r5, [%rd2+4];"), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("st.global.u32 [%rd2+-4], %r1;"), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("st.shared.u32 [s+4092], 1;", 1), Names());
  EXPECT_EQ(names("st.shared.u32 [s+4096], 1;", 1), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("mov.u64 %rd5, 64; st.global.u32 [%rd5], 1;", 1), Names{"TK-SIM-MEM-OOB"});
}

TEST(Checker, Misaligned) {
  EXPECT_EQ(names("st.shared.v2.u32 [s+8], {%r1, %r1};", 1), Names());
  EXPECT_EQ(names("st.shared.v2.u32 [s+4], {%r1, %r1};", 1), Names{"TK-SIM-MEM-MISALIGNED"});
}

TEST(Checker, Uninitialised) {
  EXPECT_EQ(names("ld.shared.u32 %r5, [%r4];"), Names()) << "a load alone is no error";
  EXPECT_EQ(names("ld.shared.u32 %r5, [%r4]; st.global.u32 [%rd2], %r5;"), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("st.global.u32 [%rd2], %r77;"), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("ld.shared.u32 %r5, [s]; setp.eq.u32 %p1, %r5, 0; @%p1 bra $x; add.u32 %r6, 1, 2;\n$x:", 32), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("ld.shared.u32 %r5, [s]; add.u32 %r6, %r5, %r2; ld.shared.u32 %r7, [%r6];", 32), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("selp.u32 %r5, %r1, %r77, 1; st.global.u32 [%rd2], %r5;"), Names()) << "the poison side is not chosen";
}

TEST(Checker, SharedRaces) {
  std::string exchange = "st.shared.u32 [%r4], %r1;\n%SYNC%\nxor.b32 %r5, %r3, %X%; add.u32 %r5, %r5, %r2; ld.shared.u32 %r6, [%r5]; st.global.u32 [%rd2], %r6;";
  auto with = [&](const char *sync, const char *x) {
    std::string s = exchange;
    s.replace(s.find("%SYNC%"), 6, sync);
    s.replace(s.find("%X%"), 3, x);
    return names(s);
  };
  EXPECT_EQ(with("bar.sync 0;", "128"), Names());
  EXPECT_TRUE(with("", "128").count("TK-SIM-RACE"));
  EXPECT_TRUE(with("bar.warp.sync -1;", "128").count("TK-SIM-RACE")) << "another warp";
  EXPECT_EQ(with("bar.warp.sync -1;", "64"), Names()) << "the same warp";
  EXPECT_TRUE(with("", "64").count("TK-SIM-RACE"));
}

TEST(Checker, AWarpBarrierOrdersOnlyWhatCameBefore) {
  std::string s = "st.shared.u32 [%r4], %r1; bar.warp.sync -1; st.shared.u32 [%r4+512], %r1;\n%SYNC%\n"
                  "xor.b32 %r5, %r3, 64; add.u32 %r5, %r5, %r2; ld.shared.u32 %r6, [%r5+512];";
  std::string synced = s, not_synced = s;
  synced.replace(s.find("%SYNC%"), 6, "bar.warp.sync -1;");
  not_synced.replace(s.find("%SYNC%"), 6, "");
  EXPECT_EQ(names(synced), Names());
  EXPECT_EQ(names(not_synced), Names{"TK-SIM-RACE"});
}

TEST(Checker, ExitedLanesAreNotExpectedAtTheJoin) {
  EXPECT_EQ(names("and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 0; setp.lt.u32 %p2, %r1, 16; @%p1 bra $a; @%p2 exit; add.u32 %r6, %r1, 1;\n"
                  "$a: bar.sync 0; st.global.u32 [%rd2], %r1;"), Names());
}

TEST(Checker, AKnownFalseDecidesAnAnd) {
  EXPECT_EQ(names("setp.ne.u32 %p2, 0, 0; setp.eq.and.u32 %p1, %r77, 0, %p2; @%p1 bra $a; add.u32 %r6, %r1, 1;\n$a:"), Names());
  EXPECT_EQ(names("setp.eq.u32 %p2, 0, 0; setp.eq.and.u32 %p1, %r77, 0, %p2; @%p1 bra $a; add.u32 %r6, %r1, 1;\n$a:"), Names{"TK-SIM-MEM-UNINIT"});
}

TEST(Checker, WriteAfterRead) {
  std::string s = "st.shared.u32 [%r4], %r1; bar.sync 0; xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r2; ld.shared.u32 %r6, [%r5];\n";
  EXPECT_EQ(names(s + "bar.sync 0; st.shared.u32 [%r4], %r6;"), Names());
  EXPECT_EQ(names(s + "st.shared.u32 [%r4], %r6;"), Names{"TK-SIM-RACE"});
}

TEST(Checker, BytesOfOneWordAreApart) {
  EXPECT_EQ(names("add.u32 %r5, %r2, %r1; cvt.u16.u32 %rs1, %r1; st.shared.b8 [%r5], %rs1;"), Names());
  EXPECT_EQ(names("shr.u32 %r6, %r1, 1; add.u32 %r5, %r2, %r6; cvt.u16.u32 %rs1, %r1; st.shared.b8 [%r5], %rs1;"), Names{"TK-SIM-RACE"});
}

TEST(Checker, HalvesOfOneWordAreApart) {
  std::string other = "xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r2; cvt.u16.u32 %rs2, %r1; st.shared.u32 [%r4], %r1; bar.sync 0;";
  std::string reads = other + "ld.shared.u16 %rs1, [%r4];", writes = other + "st.shared.u16 [%r4], %rs2;";
  EXPECT_EQ(names(reads + "st.shared.u16 [%r5+2], %rs2;"), Names());
  EXPECT_EQ(names(reads + "st.shared.u16 [%r5], %rs2;"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(reads + "st.shared.u32 [%r5], %r1;"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(reads + "ld.shared.u16 %rs1, [%r4+2]; st.shared.u16 [%r5+2], %rs2;"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(reads + "bar.sync 0; st.shared.u16 [%r5], %rs2;"), Names());
  EXPECT_EQ(names(writes + "ld.shared.u16 %rs1, [%r5+2];"), Names());
  EXPECT_EQ(names(writes + "ld.shared.u16 %rs1, [%r5];"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(writes + "ld.shared.u32 %r6, [%r5];"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(writes + "bar.sync 0; ld.shared.u32 %r6, [%r5];"), Names());
}

TEST(Checker, SameValueFromOneInstruction) {
  EXPECT_EQ(names("st.shared.u32 [s], 5;", 32), Names()) << "every lane stores the same";
  EXPECT_EQ(names("st.shared.u32 [s], %r1;", 32), Names{"TK-SIM-RACE"});
}

TEST(Checker, GlobalRaceInACta) {
  std::string s = "st.global.u32 [%rd2], %r1;\n%SYNC%\nxor.b32 %r5, %r3, 128; cvt.u64.u32 %rd5, %r5; add.u64 %rd5, %rd5, %rd100; ld.global.u32 %r6, [%rd5];";
  std::string synced = s, not_synced = s;
  synced.replace(s.find("%SYNC%"), 6, "bar.sync 0;");
  not_synced.replace(s.find("%SYNC%"), 6, "");
  EXPECT_EQ(names(synced), Names());
  EXPECT_EQ(names(not_synced), Names{"TK-SIM-RACE"});
}

TEST(Checker, RaceBetweenCtas) {
  for (bool apart : {true, false}) {
    Sim sim;
    sim.launch.grid = {3, 1, 1};
    sim.buffer(std::vector<uint32_t>(3), "words");
    Report r = sim.run(kernel(1, std::string("mov.u32 %r1, %ctaid.x; mul.wide.u32 %rd1, %r1, ") + (apart ? "4" : "0") +
                                     "; add.u64 %rd2, %rd100, %rd1; st.global.u32 [%rd2], %r1;"));
    EXPECT_EQ(has(r, "TK-SIM-RACE-CTA"), !apart);
    EXPECT_EQ(r.findings.size(), apart ? 0u : 1u);
  }
}

TEST(Checker, AtomicsDoNotRace) {
  EXPECT_EQ(names("setp.ne.u32 %p1, %r1, 0; @%p1 bra $w; st.shared.u32 [s], 0;\n$w: bar.sync 0; red.shared.add.u32 [s], 1; bar.sync 0; "
                  "ld.shared.u32 %r5, [s]; st.global.u32 [%rd2], %r5;"), Names());
}

TEST(Checker, Barriers) {
  EXPECT_EQ(names("bar.sync 1, 64;"), Names());
  EXPECT_EQ(names("setp.lt.u32 %p1, %r1, 32; @%p1 bra $a; bar.sync 1, 64; bra.uni $b;\n$a: bar.sync 2, 64;\n$b:"), Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(names("setp.lt.u32 %p1, %r1, 32; @%p1 bra $a; bar.sync 1, 64; bra.uni $b;\n$a: bar.arrive 1, 64;\n$b:"), Names());
  EXPECT_TRUE(names("setp.lt.u32 %p1, %r1, 32; @%p1 bra $a; bar.sync 1, 64; bra.uni $b;\n$a: bar.arrive 1, 96;\n$b:").count("TK-SIM-BARRIER-COUNT"));
  EXPECT_TRUE(names("setp.lt.u32 %p1, %r1, 16; @%p1 bra $a; bar.sync 0;\n$a: st.global.u32 [%rd2], %r1;").count("TK-SIM-BARRIER-DIVERGENT"));
  EXPECT_EQ(names("setp.lt.u32 %p1, %r1, 16; @%p1 bra $end; bar.sync 0; st.global.u32 [%rd2], %r1;\n$end:"), Names()) << "an early return";
  EXPECT_EQ(names("setp.lt.u32 %p1, %r1, 32; @%p1 exit; bar.sync 0;"), Names()) << "threads that have left are not waited for";
}

TEST(Checker, ArriveOrdersOneWay) {
  std::string s = "setp.lt.u32 %p1, %r1, 32; @%p1 bra $a; bar.sync 1, 64; ld.shared.u32 %r5, [%r4+-128]; st.global.u32 [%rd2], %r5; bra.uni $b;\n"
                  "$a: st.shared.u32 [%r4], %r1; bar.arrive 1, 64;\n$b:";
  EXPECT_EQ(names(s), Names());
}

TEST(Checker, WgmmaNeedsAWarpgroup) {
  std::string body = "wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, 64, 64, 0, 1, 1, 0, 0;";
  EXPECT_TRUE(names(body, 96).count("TK-SIM-WGMMA-GROUP"));
  std::string base = "mov.u64 %rd5, " + std::to_string(1ull << 49 | 64) + ";wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd5, 64, 0, 1, 1, 0, 0;";
  EXPECT_TRUE(names(base, 128).count("TK-SIM-WGMMA-DESCRIPTOR"));
  EXPECT_TRUE(names(body + "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;", 128).count("TK-SIM-MEM-UNINIT"));
}

/// 128 threads, of which warp 0 writes the 8 chunks that A and B of a small wgmma both are, then `between`, then it.
std::string smallWgmma(const std::string &between) {
  return "setp.lt.u32 %p1, %r1, 8; shl.b32 %r5, %r1, 4; add.u32 %r5, %r2, %r5; mov.u32 %r6, 0; setp.eq.u32 %p2, %r1, 32;\n"
         "mov.u16 %rs1, 0; @%p1 st.shared.v4.u32 [%r5], {%r6, %r6, %r6, %r6};\n" + between +
         "\nwgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, 64, 64, 0, 1, 1, "
         "0, 0; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;";
}

TEST(Checker, AProxyFenceOfAnotherStateSpaceIsNone) {
  EXPECT_EQ(names(smallWgmma("fence.proxy.async; bar.sync 0;"), 128), Names());
  EXPECT_EQ(names(smallWgmma("fence.proxy.async.shared::cta; bar.sync 0;"), 128), Names());
  EXPECT_EQ(names(smallWgmma("fence.proxy.async.global; bar.sync 0;"), 128), Names{"TK-SIM-RACE-PROXY"});
}

TEST(Checker, ANoteHidesNoRace) {
  std::string reader = "bar.sync 0; fence.proxy.async;";
  EXPECT_EQ(names(smallWgmma(reader), 128), Names{"TK-SIM-RACE-PROXY-ISSUER"});
  EXPECT_TRUE(names(smallWgmma(reader + "@%p2 st.shared.u32 [s+16], 0;"), 128).count("TK-SIM-RACE")) << "another chunk of the operand";
  EXPECT_TRUE(names(smallWgmma(reader + "@%p2 st.shared.u32 [s+4], 0;"), 128).count("TK-SIM-RACE")) << "another word of the chunk";
  EXPECT_TRUE(names(smallWgmma(reader + "@%p2 st.shared.u8 [s+1], %rs1;"), 128).count("TK-SIM-RACE")) << "another byte of the word";
}

TEST(Checker, FindingsOfOneCauseAreOneAndReadable) {
  for (bool withLoc : {true, false}) {
    std::string list = "{", reads;
    for (unsigned i = 0; i < 32; ++i) {
      list += (i ? ", %f" : "%f") + std::to_string(i);
      reads += "add.f32\t%f100, %f" + std::to_string(i) + ", %f" + std::to_string(i) + ";\n";
    }
    std::string text = "shl.b32 %r5, %r1, 4; add.u32 %r5, %r2, %r5; mov.u32 %r6, 0; st.shared.v4.u32 [%r5], {%r6, %r6, %r6, %r6};\n"
                       "fence.proxy.async; bar.sync 0; wgmma.fence.sync.aligned;\n" + std::string(withLoc ? ".loc 1 7 3\n" : "") +
                       "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " + list + "}, 64, 64, 0, 1, 1, 0, 0;\n"
                       "wgmma.commit_group.sync.aligned;\n" + (withLoc ? ".loc 1 8 3\n" : "") + reads + "wgmma.wait_group.sync.aligned 0;";
    Sim sim;
    sim.launch.block = {128, 1, 1};
    sim.buffer(std::vector<uint32_t>(128), "words");
    Report r = sim.run(kernel(1, kTid + text, kShared) + ".file 1 \"a.mlir\"\n");
    ASSERT_EQ(r.findings.size(), withLoc ? 1u : 32u) << describe(r);
    const Finding &f = r.findings[0];
    EXPECT_EQ(f.name, "TK-SIM-WGMMA-INFLIGHT");
    EXPECT_THAT(f.message, testing::HasSubstr("bf16 {%f0 … %f31}, 64"));
    EXPECT_EQ(f.ptxText, "add.f32 %f100, %f0, %f0;");
    EXPECT_EQ(f.count, withLoc ? 2 * 32 * 4u : 2 * 4u);
    std::string out;
    llvm::raw_string_ostream os(out);
    printText(r, os);
    if (withLoc) {
      ASSERT_EQ(f.details.size(), 1u);
      std::string with = " with " + std::to_string(f.ptxLine - 3);
      EXPECT_THAT(f.details[0], testing::StartsWith("the same at 31 more instructions: lines " + std::to_string(f.ptxLine + 1) + with + ", "));
      EXPECT_THAT(f.details[0], testing::EndsWith(std::to_string(f.ptxLine + 4) + with + ", …"));
    } else
      EXPECT_THAT(out, testing::HasSubstr("TK-SIM-WGMMA-INFLIGHT: 22 more findings, not shown"));
  }
}

TEST(Checker, StepLimitEndsAnEndlessLoop) {
  Sim sim;
  sim.options.maxSteps = 10000;
  EXPECT_TRUE(has(sim.run(kernel(0, "$l: bra.uni $l;")), "TK-SIM-STEP-LIMIT"));
}

TEST(Checker, BankConflicts) {
  auto fronts = [](const char *shift) {
    Sim sim;
    sim.launch.block = {32, 1, 1};
    Report r = sim.run(kernel(0, std::string("mov.u32 %r1, %tid.x; mov.u32 %r2, s; shl.b32 %r3, %r1, ") + shift +
                                     "; add.u32 %r4, %r2, %r3; st.shared.u32 [%r4], %r1;", kShared));
    return r.banks.empty() ? 0u : unsigned(r.banks[0].wavefronts);
  };
  EXPECT_EQ(fronts("2"), 1u);
  EXPECT_EQ(fronts("3"), 2u);
  EXPECT_EQ(fronts("5"), 8u);
  EXPECT_EQ(fronts("7"), 32u);
}

TEST(Checker, WarpSyncAcrossDivergence) {
  // Two halves of a warp meet at one shuffle from different sides of a branch.
  EXPECT_EQ(names("and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 0; @%p1 bra $a; bar.warp.sync -1; bra.uni $b;\n$a: bar.warp.sync -1;\n$b:", 32), Names());
}

// Joins of which nobody is left are dropped, those in which lanes wait are not.
TEST(Checker, LanesWaitWhileOthersExit) {
  for (uint64_t seed = 0; seed < 64; ++seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.launch.block = {32, 1, 1};
    uint64_t out = sim.buffer(4 * 32);
    Report r = sim.run(kernel(1, R"(mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, %rd100;
mov.u32 %r5, 1; mov.u32 %r9, 0; and.b32 %r3, %r1, 4; setp.ne.u32 %p3, %r3, 0; setp.ge.u32 %p2, %r1, 24; setp.lt.u32 %p1, %r1, 16;
st.global.u32 [%rd1], %r5;
@%p1 bra $apart;
@%p2 bra $inner;
bra $join;
$inner: @%p3 bra $half;
@%p2 exit;
bra $rest;
$half: @%p2 exit;
$rest: mov.u32 %r5, 2;
$join: activemask.b32 %r8; mov.u32 %r5, 3; st.global.u32 [%rd1], %r5;
exit;
$apart: add.u32 %r9, %r9, 1; setp.lt.u32 %p4, %r9, 500; @%p4 bra $apart;
activemask.b32 %r8; mov.u32 %r5, 4; st.global.u32 [%rd1], %r5;)"));
    EXPECT_EQ(r.findings.size(), 0u) << describe(r) << "seed " << seed;
    auto got = sim.read<uint32_t>(out, 32);
    for (unsigned t = 0; t < 32; ++t)
      EXPECT_EQ(got[t], t < 16 ? 4 : t < 24 ? 3 : 1) << t << " seed " << seed;
  }
}

} // namespace
