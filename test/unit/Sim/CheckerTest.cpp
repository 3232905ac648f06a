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

TEST(Checker, PlaceOfInlinedCode) {
  auto source = [](const std::string &locs) {
    Report r = Sim().run(kernel(0, locs + "trap;") +
                         "\n.file 1 \"/x/a.cu\"\n.file 2 \"/x/b.h\"\n.file 3 \"c.h\"\n");
    EXPECT_EQ(r.findings.size(), 1u);
    return r.findings.empty() ? "" : r.findings[0].source;
  };
  std::string inB = ".loc 2 146 13, function_name $L0, inlined_at 1 14 5\n",
              inC = ".loc 3 62 3, function_name $L1, inlined_at 2 146 13\n";
  EXPECT_EQ(source(".loc 1 14 5\n"), "a.cu:14:5");
  EXPECT_EQ(source(".loc 1 14 5\n" + inB), "b.h:146:13 inlined at a.cu:14:5");
  EXPECT_EQ(source(".loc 1 14 5\n" + inB + inC), "c.h:62:3 inlined at a.cu:14:5");
  EXPECT_EQ(source(inB + inC), "c.h:62:3 inlined at a.cu:14:5")
      << "the caller has no line of its own";
  EXPECT_EQ(source(inC), "c.h:62:3 inlined at b.h:146:13") << "where that was inlined nobody said";
  EXPECT_EQ(source(inB + inC + ".loc 1 15 1\n"), "a.cu:15:1");
  // The second call of b, at another line, is what c belongs to.
  EXPECT_EQ(source(inB + ".loc 2 146 13, function_name $L0, inlined_at 1 20 5\n" + inC),
            "c.h:62:3 inlined at a.cu:20:5");
}

TEST(Checker, PathsOfRaces) {
  // Warp 1 writes and one of its lanes arrives, which orders that lane's write only. Warp 0 waits
  // and reads.
  auto details = [](const std::string &before, const std::string &between, unsigned seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.launch.block = {64, 1, 1};
    sim.buffer(256, "words");
    Report r = sim.run(kernel(
        1,
        kTid +
            std::string("setp.ne.u32 %p1, %r1, 0; @!%p1 mbarrier.init.shared.b64 [s+512], 1;\n") +
            "@!%p1 mbarrier.init.shared.b64 [s+520], 40; bar.sync 0;\n" +
            "setp.ge.u32 %p2, %r1, 32; @%p2 bra $write;\n" + before +
            "ld.shared.u32 %r5, [%r4+128];\nbra $out;\n$write: st.shared.u32 [%r4], "
            "%r1;\nsetp.ne.u32 %p1, %r1, 32;\n" +
            between + "@!%p1 mbarrier.arrive.shared.b64 _, [s+512];\n$out:",
        kShared));
    EXPECT_EQ(r.findings.size(), 1u) << describe(r);
    if (r.findings.empty())
      return std::vector<std::string>();
    EXPECT_EQ(r.findings[0].name, "TK-SIM-RACE");
    return r.findings[0].details;
  };
  using testing::AllOf;
  using testing::Contains;
  using testing::EndsWith;
  using testing::HasSubstr;
  using testing::Not;
  using testing::StartsWith;
  std::string wait =
                  "$wait: mbarrier.try_wait.parity.shared.b64 %p3, [s+512], 0;\n@!%p3 bra $wait;\n",
              many;
  for (unsigned i = 0; i < 40; ++i)
    many += "@!%p1 mbarrier.arrive.shared.b64 _, [s+520];\n";
  for (unsigned seed = 0; seed < 8; ++seed) {
    EXPECT_THAT(details(wait, "", seed),
                AllOf(Contains(AllOf(StartsWith("path to this: warp 0 waited last at line"),
                                     HasSubstr("try_wait"))),
                      Contains(AllOf(
                          StartsWith("path from the other: warp 1 lanes 0x1 arrived next at line"),
                          HasSubstr("mbarrier.arrive")))));
    // What was forgotten is not said.
    EXPECT_THAT(details(wait, many, seed), Not(Contains(StartsWith("path from"))));
    // Nobody has waited since the first barrier, whichever warp comes second.
    EXPECT_THAT(details("", "", seed),
                Contains(AllOf(StartsWith("path to this: warp "), HasSubstr("waited last"),
                               EndsWith("bar.sync 0;'"))));
  }
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

TEST(Checker, PredicatesOfPoison) {
  auto uses = [](const std::string &p) { return "selp.u32 %r5, 1, 2, " + p + "; st.global.u32 [%rd2], %r5;"; };
  const Names uninit{"TK-SIM-MEM-UNINIT"};
  // Of !a, which c decides and a does not.
  EXPECT_EQ(names("setp.lt.and.s32 %p1|%p2, %r1, %r1, %p9; " + uses("%p1")), Names());
  EXPECT_EQ(names("setp.lt.and.s32 %p1|%p2, %r1, %r1, %p9; " + uses("%p2")), uninit);
  EXPECT_EQ(names("setp.eq.or.s32 %p1|%p2, %r1, %r1, %p9; " + uses("%p1")), Names());
  EXPECT_EQ(names("setp.eq.or.s32 %p1|%p2, %r1, %r1, %p9; " + uses("%p2")), uninit);
  // Whether a lane is inside does not depend on the value that is passed.
  EXPECT_EQ(names("shfl.sync.down.b32 %r6|%p1, %r77, 1, 31, -1; " + uses("%p1")), Names());
  EXPECT_EQ(names("shfl.sync.down.b32 %r6|%p1, %r1, %r77, 31, -1; " + uses("%p1")), uninit);
  EXPECT_EQ(names("shfl.sync.down.b32 %r6|%p1, %r1, 1, %r77, -1; " + uses("%p1")), uninit);
}

TEST(Checker, NothingOfACtaIsLeftToTheNext) {
  // CTA 0 traps after one of its warps has waited for wgmmas; the others do nothing.
  Sim sim;
  sim.launch.grid = {8, 1, 1};
  sim.launch.block = {128, 1, 1};
  for (unsigned threads : {1u, 2u}) {
    sim.options.threads = threads;
    Report r = sim.run(kernel(0, "mov.u32 %r1, %ctaid.x; mov.u32 %r2, %tid.x; setp.ne.u32 %p1, %r1, 0; @%p1 exit; setp.ge.u32 %p2, %r2, 32; @%p2 bra $other;\n"
                                 "wgmma.wait_group.sync.aligned 0; bar.sync 1, 64; exit;\n"
                                 "$other: setp.ge.u32 %p3, %r2, 64; @%p3 exit; bar.sync 1, 64; trap;"));
    ASSERT_EQ(r.findings.size(), 1u) << describe(r);
    EXPECT_EQ(r.findings[0].name, "TK-SIM-TRAP");
  }
}

TEST(Checker, UniformBranches) {
  std::string loop = "mov.u32 %r5, 3;\n$l: sub.u32 %r5, %r5, 1; setp.ne.u32 %p1, %r5, 0; @%p1 bra.uni $l; bra.uni $e;\n$e:";
  EXPECT_EQ(names(loop), Names());
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 0; @%p1 bra.uni $e; add.u32 %r5, %r1, 1;\n$e:"), Names{"TK-SIM-BRANCH-DIVERGENT"});
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 0; @%p1 bra $e; add.u32 %r5, %r1, 1;\n$e:"), Names());
  std::string list = "and.b32 %r5, %r1, 1;\n$t: .branchtargets $a, $b;\n";
  EXPECT_EQ(names(list + "brx.idx.uni %r5, $t;\n$a: exit;\n$b: exit;"), Names{"TK-SIM-BRANCH-DIVERGENT"});
  EXPECT_EQ(names(list + "mov.u32 %r5, 1; brx.idx.uni %r5, $t;\n$a: exit;\n$b: exit;"), Names());
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

// Two executions of one instruction are two: nothing orders lanes of the one before other lanes of the other.
TEST(Checker, SameValueFromOneInstructionInALoop) {
  auto loop = [](const std::string &body, const std::string &sync) {
    return "mov.u32 %r5, 0;\n$loop: setp.eq.u32 %p1, %r1, %r5; and.b32 %r6, %r1, 1; setp.eq.u32 %p2, %r6, 1;\n" + body + sync +
           "\nadd.u32 %r5, %r5, 1; setp.lt.u32 %p3, %r5, 32; @%p3 bra $loop;";
  };
  for (const char *body : {"@%p1 st.shared.u32 [s], 5;", "st.shared.u32 [s], 5;"}) {
    EXPECT_EQ(names(loop(body, ""), 32), Names{"TK-SIM-RACE-SAME-VALUE"}) << body;
    EXPECT_EQ(names(loop(body, "bar.warp.sync -1;"), 32), Names()) << body;
  }
  EXPECT_EQ(names(loop("@%p1 st.shared.u32 [s], %r1;", ""), 32), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(loop("st.shared.u32 [%r4], 5;", ""), 32), Names()) << "each to its own place";
  // Two places in turn: lanes of this execution that went to the other one are no excuse.
  EXPECT_EQ(names("selp.b32 %r7, 4, 0, 1; mov.u32 %r5, 0;\n$loop: add.u32 %r6, %r1, %r5; and.b32 %r6, %r6, 1; shl.b32 %r6, %r6, 2; "
                  "add.u32 %r6, %r6, %r2;\nst.shared.u32 [%r6], 5;\nadd.u32 %r5, %r5, 1; setp.lt.u32 %p3, %r5, 2; @%p3 bra $loop;", 32),
            Names{"TK-SIM-RACE-SAME-VALUE"});
}

// Of several warps: whichever comes last, memory holds the same. Bytes that differ, reads and barriers stay errors.
TEST(Checker, SameValueFromSeveralWarps) {
  EXPECT_EQ(names("st.shared.u32 [s], 5;"), Names{"TK-SIM-RACE-SAME-VALUE"});
  EXPECT_EQ(names("st.shared.u32 [s], 5; bar.sync 0; st.shared.u32 [s], 5;", 32), Names());
  EXPECT_EQ(names("setp.lt.u32 %p1, %r1, 32; @%p1 st.shared.u32 [s], 0x0505; @!%p1 st.shared.u8 [s+1], 6;"), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names("st.shared.u32 [s], 5; ld.shared.u32 %r5, [s];"), (Names{"TK-SIM-RACE", "TK-SIM-RACE-SAME-VALUE"}));
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 0; setp.eq.u32 %p2, %r1, 32; @%p1 mbarrier.init.shared.b64 [s], 1; "
                  "@%p2 mbarrier.init.shared.b64 [s], 1;"),
            (Names{"TK-SIM-MBARRIER-LIVE", "TK-SIM-RACE"}));
}

// In global memory what the CTA itself has stored counts: other CTAs write there meanwhile, on
// other host threads.
TEST(Checker, SameValueInGlobalMemoryOfManyCtas) {
  constexpr unsigned kCtas = 64, kRounds = 200;
  auto found = [](const std::string &value, unsigned threads) {
    Sim sim;
    sim.options.threads = threads;
    sim.launch.grid = {kCtas, 1, 1};
    sim.launch.block = {64, 1, 1};
    sim.buffer(std::vector<uint32_t>(64), "words");
    std::string all;
    for (const Finding &f :
         sim.run(kernel(1,
                        kTid + ("mov.u32 %r5, %ctaid.x; mov.u32 %r7, 0;\n" + value) +
                            "\n$l: st.global.u32 [%rd100], %r6; bar.sync 0; add.u32 %r7, %r7, 1; "
                            "setp.lt.u32 %p1, %r7, " +
                            std::to_string(kRounds) + "; @%p1 bra $l;",
                        kShared))
             .findings)
      all += f.name + " " + std::to_string(f.count) + "\n";
    return all;
  };
  // The second of the two warps races in each round.
  std::string races = std::to_string(kCtas * kRounds),
              others = "TK-SIM-RACE-CTA " + std::to_string(kCtas - 1) + "\n";
  for (unsigned threads : {1, 8}) {
    EXPECT_EQ(found("mov.u32 %r6, %r5;", threads),
              others + "TK-SIM-RACE-SAME-VALUE " + races + "\n")
        << threads;
    std::string warp =
        found("mad.lo.u32 %r6, %r5, 2, 0; shr.u32 %r8, %r1, 5; add.u32 %r6, %r6, %r8;", threads);
    EXPECT_EQ(warp, "TK-SIM-RACE " + races + "\n" + others) << threads;
  }
  // What memory held before discard is no value that a store left.
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 0; setp.eq.u32 %p2, %r1, 32;\n@%p1 discard.global.L2 "
                  "[%rd100], 128;\n@%p2 st.global.u32 [%rd100], 0;"),
            Names{"TK-SIM-RACE"});
}

TEST(Checker, MatricesThatStoreTheSame) {
  auto store = [](const char *value) { return std::string(value) + "stmatrix.sync.aligned.m8n8.x1.shared.b16 [s], {%r5};\n"; };
  EXPECT_EQ(names(store("mov.u32 %r5, 7;\n"), 32), Names()) << "all eight rows to one place";
  EXPECT_EQ(names(store("mov.u32 %r5, 7;\n")), Names{"TK-SIM-RACE-SAME-VALUE"}) << "and of two warps";
  EXPECT_EQ(names(store("shr.u32 %r5, %r1, 2;\n"), 32), Names{"TK-SIM-RACE"}) << "each row another";
}

// What says .shared takes offsets, what does not takes generic addresses: neither is taken for the other.
TEST(Checker, GenericAddressesAndThoseInShared) {
  const std::string start = "mov.u64 %rd5, s; cvta.shared.u64 %rd6, %rd5; setp.eq.u32 %p1, %r1, 0; mov.u32 %r5, 1;\n"
                            "@%p1 mbarrier.init.shared.b64 [s+512], 1;\n";
  const std::string expect = "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+512], 16;\n";
  const std::string done = "bar.sync 0; $w: mbarrier.try_wait.parity.shared.b64 %p3, [s+512], 0; @!%p3 bra $w;\n";
  const struct { const char *before, *after; } cases[] = {
      {"@%p1 mbarrier.init.shared.b64 [", "], 1;"},
      {"@%p1 mbarrier.init.b64 [", "], 1;"},
      {"bar.sync 0; stmatrix.sync.aligned.m8n8.x1.shared.b16 [", "], {%r5};"},
      {"bar.sync 0; stmatrix.sync.aligned.m8n8.x1.b16 [", "], {%r5};"},
      {"@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [", "], [%rd100], 16, [%r2+512];"},
      {"@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd100], 16, [", "+512];"},
  };
  for (auto &c : cases) {
    bool isGeneric = !llvm::StringRef(c.before).contains("shared"), isBulk = llvm::StringRef(c.before).contains("bulk");
    for (bool gives : {false, true}) {
      std::string body = start + (isBulk ? expect : "") + c.before + (gives ? "%rd6" : "%rd5") + c.after + "\n" + (isBulk && !gives ? done : "");
      EXPECT_EQ(names(body, 32).count("TK-SIM-MEM-OOB"), isGeneric != gives) << body;
    }
  }
}

TEST(Checker, GlobalRaceInACta) {
  std::string s = "st.global.u32 [%rd2], %r1;\n%SYNC%\nxor.b32 %r5, %r3, 128; cvt.u64.u32 %rd5, %r5; add.u64 %rd5, %rd5, %rd100; ld.global.u32 %r6, [%rd5];";
  std::string synced = s, not_synced = s;
  synced.replace(s.find("%SYNC%"), 6, "bar.sync 0;");
  not_synced.replace(s.find("%SYNC%"), 6, "");
  EXPECT_EQ(names(synced), Names());
  EXPECT_EQ(names(not_synced), Names{"TK-SIM-RACE"});
}

// A generic access whose first lane goes to local memory is checked in all the others.
TEST(Checker, GenericLanesOfSeveralSpaces) {
  // %rd10 a word of shared and %rd11 one of global memory, the same in both warps; %rd12 and %rd13 the thread's own. In
  // lane 0 all are local.
  std::string mixed = ".local .align 8 .b32 loc[2];\nmov.u64 %rd9, loc; cvta.local.u64 %rd9, %rd9; st.local.u32 [loc], 0;\n"
                      "mov.u64 %rd10, s; cvta.shared.u64 %rd10, %rd10; add.u64 %rd12, %rd10, %rd1; and.b32 %r6, %r1, 31;\n"
                      "mul.wide.u32 %rd5, %r6, 4; add.u64 %rd10, %rd10, %rd5; add.u64 %rd11, %rd100, %rd5; setp.eq.u32 %p1, %r6, 0;\n"
                      "selp.b64 %rd10, %rd9, %rd10, %p1; selp.b64 %rd11, %rd9, %rd11, %p1; selp.b64 %rd12, %rd9, %rd12, %p1;\n"
                      "selp.b64 %rd13, %rd9, %rd2, %p1; setp.lt.u32 %p2, %r1, 32;\n";
  for (std::string at : {"%rd10", "%rd11"}) {
    EXPECT_EQ(names(mixed + "st.u32 [" + at + "], %r1;"), Names{"TK-SIM-RACE"}) << at;
    EXPECT_EQ(names(mixed + "@%p2 st.u32 [" + at + "], %r1;\n@!%p2 ld.u32 %r7, [" + at + "];"), Names{"TK-SIM-RACE"}) << at;
    EXPECT_EQ(names(mixed + "@%p2 st.u32 [" + at + "], %r1;\nbar.sync 0;\n@!%p2 ld.u32 %r7, [" + at + "];"), Names()) << at;
  }
  EXPECT_EQ(names(mixed + "st.u32 [%rd12], %r1; st.u32 [%rd13], %r1; ld.u32 %r7, [%rd12];"), Names());
  EXPECT_EQ(names(mixed + "st.u32 [%rd13], %r77;"), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names(mixed + "mov.u32 %r7, 1; @%p1 mov.u32 %r7, %r77; st.u32 [%rd13], %r7;"), Names()) << "poison stays in local memory";
  // Warp 1 at a live mbarrier, where its lanes 2 and 3 go.
  std::string barrier = mixed + "@!%p2 bra $go;\nsetp.eq.u32 %p3, %r1, 1; @%p3 mbarrier.init.shared.b64 [s+8], 1;\n$go: bar.sync 0;\n";
  for (const char *access : {"st.u32 [%rd10], 1;", "ld.u32 %r7, [%rd10];", "atom.add.u32 %r7, [%rd10], 1;"})
    EXPECT_TRUE(names(barrier + "@!%p2 " + access).count("TK-SIM-MBARRIER-LIVE")) << access;
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
  // A flag that several set is no error, unless a CTA reads it or leaves another value there.
  auto flag = [](const std::string &body) {
    Sim sim;
    sim.launch.grid = {3, 1, 1};
    sim.buffer(std::vector<uint32_t>(4096), "words");
    Names found;
    for (const Finding &f : sim.run(kernel(1, "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 1;\n" + body)).findings)
      found.insert(f.name);
    return found;
  };
  const std::string raise = "st.global.u32 [%rd100], 1;\n";
  EXPECT_EQ(flag(raise), Names{"TK-SIM-RACE-SAME-VALUE"});
  EXPECT_EQ(flag("st.global.u32 [%rd100], 2; " + raise), Names{"TK-SIM-RACE-SAME-VALUE"}) << "the last value counts";
  EXPECT_EQ(flag(raise + "@%p1 st.global.u32 [%rd100], 2;"), Names{"TK-SIM-RACE-CTA"});
  EXPECT_TRUE(flag(raise + "@%p1 ld.global.u32 %r3, [%rd100];").count("TK-SIM-RACE-CTA"));
  EXPECT_TRUE(flag("@%p1 atom.global.add.u32 %r3, [%rd100], 1; @!%p1 " + raise).count("TK-SIM-RACE-CTA"));
  EXPECT_EQ(flag("@!%p1 " + raise + "@%p1 st.global.u8 [%rd100+1], 0;"), Names{"TK-SIM-RACE-SAME-VALUE"}) << "a byte of it";
  EXPECT_TRUE(flag("@!%p1 " + raise + "@%p1 st.global.u8 [%rd100], 0;").count("TK-SIM-RACE-CTA"));
  EXPECT_EQ(flag(raise + "@%p1 ld.global.u32 %r3, [%rd100+8]; @!%p1 st.global.u32 [%rd100+8], 1;").count("TK-SIM-RACE-CTA"), 1u)
      << "a race beside it";
  // Who was there is told byte by byte, not by who touched something near it last: CTAs 0 and 2 meet, or 1 and 2.
  for (unsigned first : {0u, 1u})
    for (std::string access : {"st.global.u32 [%rd2], %r1;", "setp.eq.u32 %p1, %r1, 2; @%p1 st.global.u32 [%rd2], %r1; @!%p1 ld.global.u32 %r3, [%rd2];"}) {
      Sim sim;
      sim.launch.grid = {3, 1, 1};
      sim.buffer(std::vector<uint32_t>(3), "words");
      Report r = sim.run(kernel(1, "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p3, %r1, 2; selp.u32 %r2, " + std::to_string(first) +
                                       ", %r1, %p3; mul.wide.u32 %rd1, %r2, 4; add.u64 %rd2, %rd100, %rd1;\n" + access));
      ASSERT_EQ(r.findings.size(), 1u);
      EXPECT_THAT(r.findings[0].details[1], testing::HasSubstr("by CTA (" + std::to_string(first) + ", 0, 0)")) << access;
      EXPECT_THAT(r.findings[0].message, testing::HasSubstr("byte " + std::to_string(4 * first) + " "));
    }
}

// Only lanes that write in one execution come in no order; those of two executions are as any two.
TEST(Checker, RacesOfOneInstruction) {
  auto edge = [](const std::string &body) {
    Sim sim;
    sim.launch.block = {32, 1, 1};
    sim.buffer(std::vector<uint32_t>(64), "words");
    Report r = sim.run(kernel(1, kTid + body, kShared));
    EXPECT_EQ(r.findings.size(), 1u) << describe(r);
    return r.findings.empty() ? "" : r.findings[0].details.back();
  };
  using testing::HasSubstr;
  std::string rounds = "mov.u32 %r9, 0;\n$l: setp.eq.u32 %p1, %r1, %r9;\n";
  std::string again = "add.u32 %r9, %r9, 1; setp.lt.u32 %p2, %r9, 2; @%p2 bra $l;\n";
  for (std::string at : {"shared.u32 [s]", "global.u32 [%rd100]"}) {
    EXPECT_THAT(edge("st." + at + ", %r1;"), HasSubstr("one lane that writes")) << at;
    EXPECT_THAT(edge(rounds + "@%p1 st." + at + ", %r1;\n" + again), HasSubstr("bar.warp.sync (__syncwarp) between")) << at;
    // Lanes that parted at a branch.
    EXPECT_THAT(edge(rounds + "@%p1 bra $go; bra $on;\n$go: st." + at + ", %r1;\n$on:\n" + again),
                HasSubstr("bar.warp.sync (__syncwarp) between"))
        << at;
  }
  EXPECT_THAT(edge("discard.global.L2 [%rd100], 128;"), HasSubstr("one lane that writes"));
  EXPECT_THAT(edge(rounds + "@%p1 discard.global.L2 [%rd100], 128;\n" + again), HasSubstr("bar.warp.sync (__syncwarp) between"));
}

TEST(Checker, NcLoadsOfWhatTheLaunchWrites) {
  Names nc = {"TK-SIM-MEM-NC"};
  std::string load = "ld.global.nc.u32 %r5, [%rd2];\n", store = "st.global.u32 [%rd2], %r1;\n", sync = "bar.sync 0;\n";
  EXPECT_EQ(names(load + "st.shared.u32 [%r4], %r5;"), Names());
  EXPECT_EQ(names("ld.global.u32 %r5, [%rd2];\n" + store), Names());
  EXPECT_EQ(names(load + store), nc);
  EXPECT_EQ(names(store + load), nc) << "the own thread's";
  EXPECT_EQ(names(load + sync + "st.global.u32 [%rd2+-4], %r1;", 1), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 40; @%p1 st.global.u32 [%rd100], 1;\n" + sync + "ld.global.nc.u32 %r5, [%rd100];"), nc);
  EXPECT_EQ(names("setp.eq.u32 %p1, %r1, 40; @%p1 ld.global.nc.u32 %r5, [%rd100];\n" + sync + "st.global.u32 [%rd2], %r1;"), nc);
  // Byte by byte: even words are read, odd ones written, and bytes of one word.
  std::string evenAndOdd = "and.b32 %r6, %r1, 1; setp.eq.u32 %p1, %r6, 0;\n";
  EXPECT_EQ(names(evenAndOdd + "@%p1 ld.global.nc.u32 %r5, [%rd2]; @!%p1 st.global.u32 [%rd2], %r1;"), Names());
  EXPECT_EQ(names("ld.global.nc.u8 %rs1, [%rd2]; st.global.u8 [%rd2+1], %rs1;"), Names());
  EXPECT_EQ(names("ld.global.nc.u8 %rs1, [%rd2+1]; st.global.u16 [%rd2], %rs1;"), nc);
  EXPECT_EQ(names("ld.global.nc.v2.u16 {%rs1, %rs2}, [%rd2]; st.global.u8 [%rd2+3], %rs1;"), nc);
  // A bulk store writes, a bulk load and cp.async read as everyone does.
  std::string bulk = "setp.eq.u32 %p1, %r1, 0; st.shared.u32 [%r4], 7; fence.proxy.async;\n" + sync;
  std::string wait = "@%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0;\n";
  std::string move = "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd100], [s], 256;\n" + wait;
  EXPECT_EQ(names(bulk + move), Names());
  EXPECT_EQ(names(load + bulk + move), nc);
  EXPECT_EQ(names(bulk + move + sync + load), nc);
  EXPECT_EQ(names("cp.async.ca.shared.global [%r4], [%rd2], 4; cp.async.wait_all;\n" + store), Names());
}

TEST(Checker, NcLoadsNameBothPlaces) {
  // Two instructions load, and two write, in one granule; words 3 and 2 are the ones in question. The middle CTA does
  // what is right, and may be folded between the two.
  for (bool loadsFirst : {true, false}) {
    for (bool oneCta : {true, false}) {
      Sim sim;
      sim.launch.grid = {oneCta ? 1u : 3u, 1, 1};
      sim.launch.block = {2, 1, 1};
      sim.buffer(std::vector<uint32_t>(16), "words");
      std::string loads = "@%p1 ld.global.nc.u32 %r5, [%rd100+12]; @%p1 ld.global.nc.u32 %r6, [%rd100+16];\n";
      std::string stores = "@%p2 st.global.u32 [%rd100+12], 1; @%p2 st.global.u32 [%rd100+4], 1;\n";
      std::string who = oneCta ? "mov.u32 %r1, %tid.x;" : "mov.u32 %r1, %ctaid.x;";
      std::string last = oneCta ? "1" : "2";
      Report r = sim.run(kernel(1, who + "mov.u32 %r2, %tid.x; setp.eq.u32 %p9, %r2, 1; setp.eq.u32 %p1, %r1, " +
                                       (loadsFirst ? "0" : last) + "; setp.eq.u32 %p2, %r1, " + (loadsFirst ? last : "0") + ";\n" +
                                       (oneCta ? "" : "@%p9 exit;\n") + "ld.global.nc.u32 %r7, [%rd100+8];\n" +
                                       (loadsFirst ? loads + (oneCta ? "bar.sync 0;\n" : "") + stores
                                                   : stores + (oneCta ? "bar.sync 0;\n" : "") + loads)));
      const Finding *f = nullptr;
      for (const Finding &g : r.findings)
        if (g.name == "TK-SIM-MEM-NC") {
          EXPECT_EQ(f, nullptr) << describe(r);
          f = &g;
        }
      ASSERT_NE(f, nullptr) << describe(r);
      EXPECT_EQ(has(r, "TK-SIM-RACE-CTA"), !oneCta) << describe(r);
      unsigned reader = loadsFirst || oneCta ? 0 : 2, writer = loadsFirst && !oneCta ? 2 : 0;
      EXPECT_THAT(f->message, testing::HasSubstr("byte 12 of 'words'"));
      EXPECT_EQ(f->cta[0], reader);
      EXPECT_THAT(f->details[0], testing::StartsWith("load: CTA (" + std::to_string(reader) + ", 0, 0)"));
      EXPECT_THAT(f->details[1], testing::StartsWith("write: CTA (" + std::to_string(writer) + ", 0, 0)"));
      if (oneCta) {
        EXPECT_THAT(f->ptxText, testing::HasSubstr("%rd100+12"));
        EXPECT_EQ(f->lanes, loadsFirst ? 1u : 2u);
        EXPECT_THAT(f->details[1], testing::HasSubstr(loadsFirst ? "lane 1" : "lane 0"));
      }
    }
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
  // Lanes that only leave are waited for, those that go on without the others are not.
  const std::string rounds = "setp.lt.u32 %p1, %r1, 8; @%p1 bra $out; mov.u32 %r5, 8;\n$l: bar.sync 0; add.u32 %r5, %r5, 1;\n"
                             "setp.gt.u32 %p2, %r5, %r1; @%p2 bra $out; bra $l;\n$out: ";
  EXPECT_EQ(names(rounds + "ret;", 32, 16), Names());
  EXPECT_TRUE(names(rounds + "st.global.u32 [%rd2], %r1;", 32).count("TK-SIM-BARRIER-DIVERGENT"));
  EXPECT_TRUE(names(rounds + "bar.sync 1; st.global.u32 [%rd2], %r1;", 32).count("TK-SIM-BARRIER-DIVERGENT"));
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
  sim.options.maxSteps = 20; // of which it takes one or two
  for (sim.options.seed = 0; sim.options.seed < 20; ++sim.options.seed)
    EXPECT_TRUE(sim.run(kernel(0, "")).findings.empty()) << sim.options.seed;
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

// Those of atomic operations like those of loads. Lanes at one word are no conflict, though they go one after the other.
TEST(Checker, BankConflictsOfAtomics) {
  auto banks = [](const std::string &word, const std::string &access) {
    Sim sim;
    sim.launch.block = {32, 1, 1};
    Report r = sim.run(kernel(0, "mov.u32 %r1, %tid.x; mov.u32 %r2, s; " + word + " shl.b32 %r3, %r3, 2; add.u32 %r4, %r2, %r3;\n"
                                 "cvt.u64.u32 %rd1, %r4; cvta.shared.u64 %rd1, %rd1;\n" + access, kShared));
    return r.banks.empty() ? std::pair(0u, 0u) : std::pair(unsigned(r.banks[0].wavefronts), unsigned(r.banks[0].minimum));
  };
  for (std::string access : {"red.shared.add.u32 [%r4], 1;", "atom.shared.exch.b32 %r5, [%r4], 1;", "atom.add.u32 %r5, [%rd1], 1;"}) {
    EXPECT_EQ(banks("mov.u32 %r3, %r1;", access), std::pair(1u, 1u)) << access;
    EXPECT_EQ(banks("shl.b32 %r3, %r1, 5;", access), std::pair(32u, 1u)) << access;
    EXPECT_EQ(banks("shl.b32 %r3, %r1, 2;", access), std::pair(4u, 1u)) << access;
    EXPECT_EQ(banks("shr.u32 %r3, %r1, 4;", access), std::pair(1u, 1u)) << access;
  }
  EXPECT_EQ(banks("shl.b32 %r3, %r1, 1;", "atom.shared.cas.b64 %rd2, [%r4], 0, 1;"), std::pair(2u, 2u));
  EXPECT_EQ(banks("shl.b32 %r3, %r1, 5;", "atom.global.add.u32 %r5, [%rd1], 1;"), std::pair(0u, 0u));
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

TEST(Checker, VolatileDoesNotKeepLanesInStep) {
  // Each lane stores, and reads what the 31st from it stored.
  std::string store = "st.volatile.shared.u32 [%r4], %r1; xor.b32 %r5, %r3, 124; add.u32 %r5, %r2, %r5;\n";
  std::string load = "ld.volatile.shared.u32 %r6, [%r5]; st.global.u32 [%rd2], %r6;\n";
  EXPECT_EQ(names(store + load, 32), Names{"TK-SIM-RACE-VOLATILE"});
  EXPECT_EQ(names(store + "bar.warp.sync -1;\n" + load, 32), Names());
  EXPECT_EQ(names(store + "bar.sync 0;\n" + load), Names());
  // A relaxed access is atomic on purpose, and no idiom of old warp-synchronous code.
  EXPECT_EQ(names("st.relaxed.cta.shared.u32 [%r4], %r1; xor.b32 %r5, %r3, 124; add.u32 %r5, %r2, %r5;\n"
                  "ld.relaxed.cta.shared.u32 %r6, [%r5]; st.global.u32 [%rd2], %r6;\n",
                  32),
            Names());
  // Who reads what it wrote itself needs nothing.
  EXPECT_EQ(names("st.volatile.shared.u32 [%r4], %r1; ld.volatile.shared.u32 %r6, [%r4]; st.global.u32 [%rd2], %r6;", 32), Names());
  // A flag that is waited for, and what an atomic operation or an acquire reads.
  EXPECT_EQ(names("st.volatile.shared.u32 [s], 0; bar.sync 0; setp.lt.u32 %p1, %r1, 32; @%p1 bra $w; st.volatile.shared.u32 [s], 1; bra $e;\n"
                  "$w: ld.volatile.shared.u32 %r6, [s]; setp.ne.u32 %p2, %r6, 1; @%p2 bra $w;\n$e:"),
            Names());
  EXPECT_EQ(names("st.volatile.shared.u32 [s], 1; atom.shared.add.u32 %r6, [s], 0; st.global.u32 [%rd2], %r6;", 32), Names());
}

TEST(Checker, AnExitOrdersNothing) {
  // Some lanes store and leave; the others meet at a barrier and read that.
  for (const char *first : {"48", "32"}) {
    std::string body = "add.u32 %r7, %r1, 5; st.shared.u32 [%r4], %r7; setp.ge.u32 %p1, %r1, " + std::string(first) + "; @%p1 exit;\n";
    std::string read = "xor.b32 %r5, %r3, 252; add.u32 %r5, %r2, %r5; ld.shared.u32 %r6, [%r5]; st.global.u32 [%rd2], %r6;\n";
    EXPECT_EQ(names(body + "barrier.sync 0;\n" + read), Names{"TK-SIM-RACE"}) << first;
    EXPECT_EQ(names("add.u32 %r7, %r1, 5; st.shared.u32 [%r4], %r7; bar.sync 0; setp.ge.u32 %p1, %r1, " + std::string(first) +
                    "; @%p1 exit;\n" + read),
              Names())
        << first;
    // What they read before may be written after the barrier.
    EXPECT_EQ(names("st.shared.u32 [%r4], %r1; bar.sync 0; ld.shared.u32 %r6, [s]; st.global.u32 [%rd2], %r6;\n"
                    "setp.ge.u32 %p1, %r1, 48; @%p1 exit;\nbarrier.sync 0; setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [s], 7;"),
              Names());
  }
}

TEST(Checker, ReportsSayWhatIsWrong) {
  auto text = [](const std::string &body) {
    Sim sim;
    sim.launch.block = {32, 1, 1};
    sim.buffer(std::vector<uint32_t>(32), "words");
    return describe(sim.run(kernel(1, kTid + body, kShared)));
  };
  EXPECT_THAT(text("setp.lt.u32 %p1, %r1, 16; @!%p1 exit; shfl.sync.down.b32 %r6, %r1, 8, 31, 0xffff; st.global.u32 [%rd2], %r6;"),
              testing::HasSubstr("lanes 0xff00 of it last shuffled from lanes that do not take part in"));
  EXPECT_THAT(text("ld.global.u32 %r6, [%rd100]; add.u32 %r6, %r6, %r1; st.global.u32 [%rd100], %r6;"), testing::HasSubstr("atomic operation"));
}

} // namespace
