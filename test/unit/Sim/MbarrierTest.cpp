//===- MbarrierTest.cpp - mbarriers: what they do and what is found -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;

constexpr const char *kShared = ".shared .align 16 .b8 s[4096];\n";
/// %r1 thread, %r4 its word at s+1024, %rd2 its word of the buffer; %p1 thread 0, %p2 first warp.
constexpr const char *kHead = "mov.u32 %r1, %tid.x; shl.b32 %r3, %r1, 2; mov.u32 %r2, s; add.u32 %r4, %r2, %r3; add.u32 %r4, %r4, 1024;\n"
                              "mul.wide.u32 %rd1, %r1, 4; add.u64 %rd2, %rd100, %rd1; setp.eq.u32 %p1, %r1, 0; setp.lt.u32 %p2, %r1, 32;\n";

struct Outcome {
  Report report;
  std::vector<uint32_t> words;
};

Outcome runOne(const std::string &body, unsigned threads, uint64_t seed) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {threads, 1, 1};
  uint64_t a = sim.buffer(std::vector<uint32_t>(threads), "words");
  Outcome o;
  o.report = sim.run(kernel(1, kHead + body, kShared));
  o.words = sim.read<uint32_t>(a, threads);
  return o;
}

Names names(const std::string &body, unsigned threads = 64, unsigned seeds = 8) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, threads, seed).report.findings) {
      found.insert(f.name);
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  return found;
}

std::string wait(const std::string &bar, const std::string &parity) {
  return "{\n.reg .pred P1;\nLAB_WAIT:\nmbarrier.try_wait.parity.shared::cta.b64 P1, [" + bar + "], " + parity +
         ";\n@P1 bra DONE;\nbra LAB_WAIT;\nDONE:\n}\n";
}
std::string init(const std::string &count) {
  return "@%p1 mbarrier.init.shared.b64 [s], " + count + ";\nbar.sync 0;\n";
}

TEST(Mbarrier, EveryFormIsRead) {
  // Forms as LLVM 22, nvcc and CUTLASS write them.
  EXPECT_EQ(names("mov.u32 %r9, 1; mov.u64 %rd5, s; cvta.shared.u64 %rd6, %rd5;\n"
                  "mbarrier.init.shared.b64 [s], %r9; mbarrier.init.shared::cta.b64 [%r2+8], 8; mbarrier.init.b64 [%rd6+16], 1;\n"
                  "fence.mbarrier_init.release.cluster;\n"
                  "mbarrier.arrive.shared.b64 %rd7, [s]; mbarrier.test_wait.shared.b64 %p3, [s], %rd7;\n"
                  "mbarrier.try_wait.shared::cta.b64 %p3, [s], %rd7; mbarrier.try_wait.parity.shared.b64 %p3, [s], 0, 1000;\n"
                  "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 %p3, [s], 0; mbarrier.test_wait.parity.acquire.cluster.shared.b64 %p3, [s], 0;\n"
                  "mbarrier.try_wait.parity.relaxed.cta.b64 %p3, [%rd5+28672000], 0;\n",
                  1),
            Names{"TK-SIM-MEM-OOB"})
      << "a generic address outside the window";
  EXPECT_EQ(names("mbarrier.init.shared.b64 [s], 8; mbarrier.arrive.shared::cta.b64 _, [s]; mbarrier.arrive.release.cta.shared::cta.b64 _, [s], 2;\n"
                  "mbarrier.arrive.noComplete.shared.b64 %rd7, [s], 1; mbarrier.arrive_drop.shared.b64 %rd8, [s]; mbarrier.pending_count.b64 %r5, %rd8;\n"
                  "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [s], 16; mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [s], 16;\n"
                  "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [s], 0; mbarrier.arrive.expect_tx.shared.b64 %rd9, [s], 0;\n"
                  "mbarrier.arrive_drop.noComplete.shared.b64 %rd9, [s], 0x1; mbarrier.inval.shared.b64 [s]; st.global.u32 [%rd2], %r5;\n",
                  1),
            Names{"TK-SIM-MBARRIER-COUNT"})
      << "the last arrival completes the phase";
}

TEST(Mbarrier, CountsPhasesAndTokens) {
  // 64 threads arrive twice; tokens name the phase and the pending count.
  std::string body = init("64") + "mbarrier.arrive.shared.b64 %rd7, [s];\n" + wait("s", "0") +
                     "mbarrier.test_wait.parity.shared.b64 %p5, [s], 1; mbarrier.arrive.shared.b64 %rd8, [s];\n" + wait("s", "1") +
                     "mbarrier.pending_count.b64 %r5, %rd7; selp.u32 %r6, 1000, 0, %p5; add.u32 %r5, %r5, %r6; st.global.u32 [%rd2], %r5;";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Outcome o = runOne(body, 64, seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << "\n" << describe(o.report);
    std::set<uint32_t> pending(o.words.begin(), o.words.end());
    EXPECT_EQ(pending.size(), 64u) << "seed " << seed;
    EXPECT_EQ(*pending.begin(), 1u);
    EXPECT_EQ(*pending.rbegin(), 64u) << "and the phase of parity 1 was not complete";
  }
}

TEST(Mbarrier, ArriveDropLowersLaterPhases) {
  std::string body = init("64") + "@!%p2 mbarrier.arrive_drop.shared.b64 _, [s]; @%p2 mbarrier.arrive.shared.b64 _, [s];\n@!%p2 bra $end;\n" +
                     wait("s", "0") + "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "1") + "$end:";
  EXPECT_EQ(names(body), Names());
}

TEST(Mbarrier, HandsOverWhatWasWritten) {
  std::string write = "st.shared.u32 [%r4], %r1;\n", read = "xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r2; ld.shared.u32 %r6, [%r5+1024]; st.global.u32 [%rd2], %r6;\n";
  std::string good = init("64") + write + "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0") + read;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(good, 64, seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << "\n" << describe(o.report);
    for (unsigned i = 0; i < 64; ++i)
      EXPECT_EQ(o.words[i], i ^ 32) << "seed " << seed;
  }
  EXPECT_TRUE(names(init("64") + write + "mbarrier.arrive.shared.b64 _, [s];\n" + read).count("TK-SIM-RACE")) << "no wait";
  EXPECT_TRUE(names(init("64") + "mbarrier.arrive.shared.b64 _, [s];\n" + write + wait("s", "0") + read).count("TK-SIM-RACE")) << "arrives too early";
  EXPECT_TRUE(names(init("64") + write + "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "1") + read).count("TK-SIM-RACE")) << "waits for the phase before";
  EXPECT_EQ(names(init("64") + write + "mbarrier.arrive.relaxed.cta.shared.b64 _, [s];\n" + wait("s", "0") + read), Names{"TK-SIM-RACE"}) << "relaxed arrival";
  EXPECT_EQ(names(init("64") + write + "mbarrier.arrive.shared.b64 _, [s];\n$l: mbarrier.try_wait.parity.relaxed.cta.shared.b64 %p5, [s], 0; @!%p5 bra $l;\n" + read),
            Names{"TK-SIM-RACE"}) << "relaxed wait";
  EXPECT_EQ(names(init("2") + write + "and.b32 %r7, %r1, 31; setp.eq.u32 %p6, %r7, 5; @%p6 mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0") + read),
            Names{"TK-SIM-RACE"}) << "one lane speaks for its warp without bar.warp.sync";
  EXPECT_EQ(names(init("2") + write + "bar.warp.sync -1; and.b32 %r7, %r1, 31; setp.eq.u32 %p6, %r7, 5; @%p6 mbarrier.arrive.shared.b64 _, [s];\n" +
                  wait("s", "0") + read), Names());
}

TEST(Mbarrier, APhaseThatCompletesTooEarlyHasNotAllLanes) {
  // Each thread reads what one of the other warp wrote. The phase completes in the midst of the last warp's arrivals.
  std::string write = "st.shared.u32 [%r4], %r1;\n", arrive = "mbarrier.arrive.release.cta.shared::cta.b64 _, [s]",
              read = "xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r2; ld.shared.u32 %r6, [%r5+1024];\n";
  // The lanes whose stores a load is told to race with.
  auto lanes = [&](const std::string &count, const std::string &how, const std::string &last) {
    std::set<std::string> found;
    for (uint64_t seed = 0; seed < 32; ++seed) {
      Outcome o = runOne(init(count) + write + arrive + how + ";\n" + wait("s", "0") + last, 64, seed);
      for (const Finding &f : o.report.findings)
        if (f.name != "TK-SIM-RACE")
          EXPECT_THAT(f.name, testing::AnyOf("TK-SIM-MBARRIER-LAPPED", "TK-SIM-MBARRIER-PENDING")) << describe(o.report);
        else
          for (const std::string &detail : f.details)
            if (size_t at = detail.find(" lane "); at != std::string::npos)
              found.insert(detail.substr(at, 8));
    }
    return found;
  };
  EXPECT_GT(lanes("63", "", read).size(), 8u) << "the seed says which lane is left out";
  EXPECT_GT(lanes("57", "", read).size(), 1u); // A finding names the first.
  EXPECT_GT(lanes("33", "", read).size(), 1u);
  EXPECT_GT(lanes("126", ", 2", read).size(), 8u) << "two arrivals by each lane";
  EXPECT_EQ(lanes("64", "", read).size(), 0u);
  EXPECT_EQ(lanes("128", ", 2", read).size(), 0u);
  EXPECT_EQ(lanes("63", "", "ld.shared.u32 %r6, [%r4];\n").size(), 0u) << "everyone reads what is its own";
  // Whose word nobody reads may be left out, and it is this lane that is.
  std::string but5 = "and.b32 %r7, %r1, 31; setp.ne.u32 %p6, %r7, 5;\n@%p6 " + arrive + ";\n@%p1 " + arrive +
                     ";\nsetp.eq.u32 %p7, %r1, 32; @%p7 " + arrive + ";\n" + wait("s", "0");
  EXPECT_EQ(names(init("64") + write + but5 + read), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(init("64") + write + but5 + "xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r2; @%p6 ld.shared.u32 %r6, [%r5+1024];\n"), Names());
}

TEST(Mbarrier, AnUnfinishedPhaseIsNoted) {
  std::string arrive = "@%p2 mbarrier.arrive.shared.b64 _, [s];\n"; // One warp.
  for (const char *end : {"", "bar.sync 0; @%p1 mbarrier.inval.shared.b64 [s];\n"}) {
    Outcome o = runOne(init("33") + arrive + end, 64, 0);
    ASSERT_EQ(o.report.findings.size(), 1u) << describe(o.report);
    EXPECT_EQ(o.report.findings[0].name, "TK-SIM-MBARRIER-PENDING");
    EXPECT_EQ(o.report.findings[0].severity, Severity::Note);
    EXPECT_THAT(o.report.findings[0].message, testing::HasSubstr("(phase 0, 1 of 33 arrivals pending"));
    EXPECT_EQ(names(init("32") + arrive + end), Names());
    EXPECT_EQ(names(init("33") + end), Names()) << "nobody arrives";
  }
  EXPECT_EQ(names(init("33") + arrive + wait("s", "0")), Names{"TK-SIM-BARRIER-DEADLOCK"});
}

TEST(Mbarrier, InitMustBeOrderedAndOnce) {
  EXPECT_TRUE(names("@%p1 mbarrier.init.shared.b64 [s], 64; bar.warp.sync -1;\n$l: mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 64).count("TK-SIM-RACE") ||
              names("@%p1 mbarrier.init.shared.b64 [s], 64; bar.warp.sync -1; mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 64).count("TK-SIM-MBARRIER-INVALID"));
  EXPECT_TRUE(names("setp.eq.u32 %p3, %r1, 0; @%p3 mbarrier.init.shared.b64 [s], 32; mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 32).count("TK-SIM-RACE")) << "another lane";
  EXPECT_EQ(names("mbarrier.init.shared.b64 [s], 32; mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 32), Names()) << "every lane makes the same";
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.init.shared.b64 [s], 1;"), Names{"TK-SIM-MBARRIER-LIVE"});
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.inval.shared.b64 [s]; @%p1 mbarrier.init.shared.b64 [s], 1;"), Names());
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.arrive.shared.b64 _, [s+8];"), Names{"TK-SIM-MBARRIER-INVALID"});
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.inval.shared.b64 [s]; @%p1 mbarrier.arrive.shared.b64 _, [s];"), Names{"TK-SIM-MBARRIER-INVALID"});
  EXPECT_EQ(names("@%p1 mbarrier.init.shared.b64 [s+4], 1;"), Names{"TK-SIM-MEM-MISALIGNED"});
  std::string arrive = init("64") + "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0");
  EXPECT_EQ(names(arrive + "bar.sync 0; @%p1 mbarrier.inval.shared.b64 [s];"), Names());
  EXPECT_TRUE(names(arrive + "@%p1 mbarrier.inval.shared.b64 [s];").count("TK-SIM-RACE"));
}

TEST(Mbarrier, BytesAreOpaque) {
  EXPECT_EQ(names(init("1") + "@%p1 ld.shared.u32 %r5, [s+4];"), Names{"TK-SIM-MBARRIER-LIVE"});
  EXPECT_EQ(names(init("1") + "@%p1 st.shared.v2.u32 [s], {%r1, %r1};"), Names{"TK-SIM-MBARRIER-LIVE"});
  EXPECT_EQ(names(init("1") + "@%p1 red.shared.add.u32 [s], 1;"), Names{"TK-SIM-MBARRIER-LIVE"});
  EXPECT_EQ(names(init("1") + "@%p1 st.shared.v2.u32 [s+8], {%r1, %r1}; @%p1 st.shared.u32 [s+4092], 1;"), Names());
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.inval.shared.b64 [s]; @%p1 st.shared.u32 [s], 1;"), Names());
}

TEST(Mbarrier, Counts) {
  auto one = [](const std::string &s) { return names(s, 32); };
  EXPECT_EQ(one("@%p1 mbarrier.init.shared.b64 [s], 0;"), Names{"TK-SIM-MBARRIER-COUNT"});
  EXPECT_EQ(one("@%p1 mbarrier.init.shared.b64 [s], 1048576;"), Names{"TK-SIM-MBARRIER-COUNT"});
  EXPECT_EQ(one("@%p1 mbarrier.init.shared.b64 [s], 1048575;"), Names());
  EXPECT_EQ(one(init("2") + "@%p1 mbarrier.arrive.shared.b64 _, [s], 3;"), Names{"TK-SIM-MBARRIER-COUNT"});
  EXPECT_EQ(one(init("2") + "@%p1 mbarrier.arrive.shared.b64 _, [s], 2;"), Names());
  EXPECT_EQ(one(init("1") + "@%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s], 1048575; @%p1 mbarrier.complete_tx.relaxed.cta.shared.b64 [s], 1048575;"), Names());
  EXPECT_TRUE(one(init("1") + "@%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s], 1048575; @%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s], 1;").count("TK-SIM-MBARRIER-TX"));
  EXPECT_EQ(one(init("1") + "@%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s], 16;"), Names{"TK-SIM-MBARRIER-TX"}) << "exit with bytes outstanding";
  EXPECT_EQ(one(init("1") + "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s], 16; @%p1 mbarrier.arrive.shared.b64 _, [s];"),
            (Names{"TK-SIM-MBARRIER-COUNT", "TK-SIM-MBARRIER-TX"})) << "one arrival too many while bytes are awaited";
}

TEST(Mbarrier, PhasesMustBeSeen) {
  std::string arrive = "@%p1 mbarrier.arrive.shared.b64 %rd7, [s];\n";
  EXPECT_EQ(names(init("1") + arrive + arrive, 32), Names{"TK-SIM-MBARRIER-LAPPED"});
  EXPECT_EQ(names(init("1") + arrive + "@%p1 mbarrier.test_wait.parity.shared.b64 %p5, [s], 0;" + arrive, 32), Names());
  EXPECT_EQ(names(init("1") + arrive + "@%p1 mbarrier.test_wait.parity.shared.b64 %p5, [s], 1;" + arrive, 32), Names{"TK-SIM-MBARRIER-LAPPED"}) << "saw the other phase";
  std::string later = "@%p1 mbarrier.test_wait.shared.b64 %p5, [s], %rd8;\n";
  std::string two = init("1") + "@%p1 mbarrier.arrive.shared.b64 %rd8, [s];\n" + later + arrive;
  EXPECT_EQ(names(two, 32), Names());
  EXPECT_EQ(names(two + later, 32), Names{"TK-SIM-MBARRIER-PHASE"}) << "two phases ago";
  EXPECT_EQ(names(init("1") + "@%p1 mbarrier.test_wait.parity.shared.b64 %p5, [s], 2;", 32), Names{"TK-SIM-MBARRIER-PHASE"});
}

TEST(Mbarrier, DeadlockNamesTheBarrier) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Outcome o = runOne(init("65") + "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 64, seed);
    ASSERT_EQ(o.report.findings.size(), 1u) << "seed " << seed << describe(o.report);
    const Finding &f = o.report.findings[0];
    EXPECT_EQ(f.name, "TK-SIM-BARRIER-DEADLOCK");
    ASSERT_EQ(f.details.size(), 2u);
    EXPECT_THAT(f.details[0], testing::HasSubstr("warp 0 lanes 0xffffffff at line"));
    EXPECT_THAT(f.details[0], testing::HasSubstr("waits for phase 0 (parity 0) of the mbarrier at shared address 0x400 (phase 0, 1 of 65 arrivals pending, 0 bytes expected)"));
    o = runOne(init("64") + "@%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s], 48;\nmbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 64, seed);
    ASSERT_EQ(o.report.findings.size(), 1u);
    EXPECT_THAT(o.report.findings[0].details[0], testing::HasSubstr("48 bytes expected"));
    EXPECT_THAT(o.report.findings[0].details[0], testing::HasSubstr("fewer bytes than expected"));
  }
}

TEST(Mbarrier, TryWaitSometimesSaysNo) {
  // Warp 1 asks once and stores the answer; warp 0 arrives after it has waited a while for warp 1.
  std::string body = init("1") + "@%p2 bra $first;\nmbarrier.try_wait.parity.shared.b64 %p5, [s], 0; selp.u32 %r5, 1, 0, %p5; st.global.u32 [%rd2], %r5; bra $end;\n"
                     "$first: @%p1 mbarrier.arrive.shared.b64 _, [s];\n$end:";
  unsigned yes = 0, no = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Outcome o = runOne(body, 64, seed);
    for (unsigned i = 33; i < 64; ++i)
      EXPECT_EQ(o.words[i], o.words[32]) << "one answer for the whole instruction, seed " << seed;
    ++(o.words[32] ? yes : no);
  }
  EXPECT_GT(yes, 50u);
  EXPECT_GT(no, 0u);
}

TEST(Mbarrier, AWaitEndsByItsTimeLimitWhenNothingElseCanGoOn) {
  // Who polls once and then arrives itself does not hang.
  EXPECT_EQ(names(init("2") + "mbarrier.try_wait.parity.shared.b64 %p5, [s], 0; @%p5 bra $end; bar.sync 0; and.b32 %r7, %r1, 31; setp.eq.u32 %p6, %r7, 0;\n"
                  "@%p6 mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0") + "$end:"), Names());
}

TEST(Mbarrier, AWaitThatNobodyEndsIsADeadlockAndNoEndlessLoop) {
  EXPECT_EQ(names(init("1") + "@!%p2 bra $end;\n" + wait("s", "0") + "$end:"), Names{"TK-SIM-BARRIER-DEADLOCK"});
}

/// Lane 0 waits for what another lane does behind the place where the two meet.
TEST(Mbarrier, AWaitEndsThroughALaneOfTheSameWarp) {
  std::string early = init("1") + "@!%p1 bra $go;\n" + wait("s", "0") + "$go: setp.eq.u32 %p6, %r1, 1;\n", arrive = "@%p6 mbarrier.arrive.shared.b64 _, [s];\n";
  EXPECT_EQ(names(early + arrive + "bar.sync 0; st.global.u32 [%rd2], %r1;", 32), Names());
  EXPECT_EQ(names(early + "bar.sync 0;" + arrive, 32), Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(names(early + "bar.warp.sync -1;" + arrive, 32), Names{"TK-SIM-BARRIER-DEADLOCK"});
}

/// As cuda::pipeline's destructor does: one lane speaks for those that match.sync has found, and the last to come invalidates.
TEST(Mbarrier, OneLaneSpeaksForThoseThatMatch) {
  const std::string count = init("64") + "@%p1 st.shared.u32 [s+64], 64; bar.sync 0;\n",
                    use = "mbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), match = "match.any.sync.b32 %r10, %r2, -1;\n",
                    elect = "brev.b32 %r11, %r10; bfind.shiftamt.u32 %r11, %r11; mov.u32 %r12, %laneid; setp.ne.u32 %p6, %r11, %r12; @%p6 bra $end;\n",
                    leave = "popc.b32 %r13, %r10; neg.s32 %r14, %r13; fence.sc.cta; atom.add.acquire.cta.shared.u32 %r15, [s+64], %r14;\n"
                            "setp.ne.s32 %p7, %r15, %r13; @%p7 bra $end;\n",
                    end = "mbarrier.inval.shared.b64 [s];\n$end:";
  EXPECT_EQ(names(count + use + match + elect + leave + end), Names{"TK-SIM-RACE-MATCH"});
  EXPECT_EQ(names(count + use + "bar.warp.sync -1;\n" + match + elect + leave + end), Names());
  EXPECT_EQ(names(count + use + match + "bar.warp.sync -1;\n" + elect + leave + end), Names());
  Outcome o = runOne(count + use + match + elect + leave + end, 64, 0);
  ASSERT_EQ(o.report.findings.size(), 1u);
  EXPECT_EQ(o.report.findings[0].severity, Severity::Warning);
  // The same without match.sync, with uses after it, without a release by the one who speaks, or with one that came before.
  std::string leader = "mov.u32 %r10, -1;\n";
  EXPECT_EQ(names(count + use + leader + elect + leave + end), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(count + use + "vote.sync.ballot.b32 %r10, %p6, -1;\n" + leader + elect + leave + end), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(count + match + use + elect + leave + end), Names{"TK-SIM-RACE"});
  std::string relaxed = leave;
  relaxed.replace(relaxed.find("fence.sc.cta; "), 14, "");
  EXPECT_EQ(names(count + use + match + elect + relaxed + end), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(count + use + "fence.acq_rel.cta;\n" + match + elect + relaxed + end), Names{"TK-SIM-RACE"});
  // Lanes with another key are nobody's to speak for.
  std::string halves = "and.b32 %r16, %r1, 1; match.any.sync.b32 %r10, %r16, -1;\n";
  EXPECT_EQ(names(count + use + halves + "mov.u32 %r10, -1;\n" + elect + leave + end), Names{"TK-SIM-RACE"});
}

/// As cuda::barrier waits: it looks at a clock and sleeps for a part of the time since it began.
std::string patientWait(const std::string &giveUp = "") {
  return "mov.u64 %rd5, %globaltimer;\n$again: mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @%p3 bra $done;\n"
         "mov.u64 %rd6, %globaltimer; sub.s64 %rd7, %rd6, %rd5; shr.u64 %rd8, %rd7, 2; cvt.u32.u64 %r7, %rd8;\n"
         "nanosleep.u32 %r7; " + giveUp + "bra $again;\n$done:\n";
}

TEST(Mbarrier, AWaitThatLooksAtAClockIsADeadlockAllTheSame) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Outcome o = runOne(init("65") + "mbarrier.arrive.shared.b64 _, [s];\n" + patientWait(), 64, seed);
    ASSERT_EQ(o.report.findings.size(), 1u) << "seed " << seed << describe(o.report);
    EXPECT_EQ(o.report.findings[0].name, "TK-SIM-BARRIER-DEADLOCK");
    EXPECT_THAT(o.report.findings[0].details[0], testing::HasSubstr("phase 0, 1 of 65 arrivals pending"));
  }
}

TEST(Mbarrier, AWaitWithATimeLimitGivesUp) {
  // Of ten seconds by the clock, and of 3000 rounds of a millisecond each: no deadlock.
  EXPECT_EQ(names(init("65") + "mbarrier.arrive.shared.b64 _, [s];\n" +
                  patientWait("setp.gt.s64 %p4, %rd7, 10000000000; @%p4 bra $done;\n")),
            Names{"TK-SIM-MBARRIER-PENDING"});
  EXPECT_EQ(names(init("65") + "mbarrier.arrive.shared.b64 _, [s]; mov.u32 %r8, 0;\n" +
                  patientWait("setp.gt.s64 %p4, %rd7, 1000000; @%p4 add.u32 %r8, %r8, 1; mov.u64 %rd5, %rd6;\n"
                              "setp.gt.u32 %p4, %r8, 3000; @%p4 bra $done;\n")),
            Names{"TK-SIM-MBARRIER-PENDING"});
}

TEST(Mbarrier, AWaitThatCountsInLocalMemoryGivesUp) {
  // As nvcc -G has it. 200 rounds, and then for ever.
  std::string count = "ld.local.u32 %r8, [n]; add.u32 %r8, %r8, 1; st.local.u32 [n], %r8; setp.gt.u32 %p4, %r8, 200;\n";
  std::string start = ".local .b32 n; st.local.u32 [n], 0;\n" + init("65") + "mbarrier.arrive.shared.b64 _, [s];\n"
                      "$again: mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @%p3 bra $done;\n";
  EXPECT_EQ(names(start + count + "mov.u32 %r8, 0; @%p4 bra $done; bra $again;\n$done:\n"), Names{"TK-SIM-MBARRIER-PENDING"});
  EXPECT_EQ(names(start + "ld.local.u32 %r8, [n]; bra $again;\n$done:\n"), Names{"TK-SIM-BARRIER-DEADLOCK"});
}

TEST(Mbarrier, MoreBytesThanExpectedAreNamedSo) {
  Outcome o = runOne(init("64") + "@%p1 mbarrier.complete_tx.relaxed.cta.shared.b64 [s], 48;\nmbarrier.arrive.shared.b64 _, [s];\n" + wait("s", "0"), 64, 0);
  ASSERT_EQ(o.report.findings.size(), 1u) << describe(o.report);
  EXPECT_THAT(o.report.findings[0].details[0], testing::HasSubstr("48 bytes more than expected have come"));
}

} // namespace
