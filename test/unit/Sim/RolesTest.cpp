//===- RolesTest.cpp - What warps with roles need -------------------------===//
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

/// %p1 to %p3: warpgroups 0 to 2; %r2 warp, %r3 lane.
Report runOne(const std::string &body, const std::string &directives, unsigned threads, uint64_t seed) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {threads, 1, 1};
  return sim.run(".version 8.6\n.target sm_90a\n.address_size 64\n.shared .align 16 .b8 s[4096];\n.visible .entry k() " + directives +
                 "\n{\n.reg .b64 %rd<9>; .reg .b32 %r<50>; .reg .pred %p<20>;\n"
                 "mov.u32 %r1, %tid.x; shr.u32 %r2, %r1, 5; and.b32 %r3, %r1, 31; mov.u32 %r4, s; shl.b32 %r5, %r1, 2; add.u32 %r4, %r4, %r5;\n"
                 "setp.lt.u32 %p1, %r1, 128; setp.ge.u32 %p3, %r1, 256;\n" + body + "\nret;\n}\n");
}
Names names(const std::string &body, const std::string &directives = "", unsigned threads = 384, unsigned seeds = 8) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, directives, threads, seed).findings)
      found.insert(f.name);
  return found;
}

const std::string kBounds = ".maxntid 384 .minnctapersm 1"; // 168 registers a thread
std::string budget(unsigned producer, unsigned consumer) {
  return "@%p1 bra $p; setmaxnreg.inc.sync.aligned.u32 " + std::to_string(consumer) + "; bra $end;\n$p: setmaxnreg.dec.sync.aligned.u32 " + std::to_string(producer) + ";\n$end:";
}

TEST(Roles, RegisterBudgets) {
  EXPECT_EQ(names(budget(24, 240), kBounds), Names());
  EXPECT_EQ(names(budget(40, 232), kBounds), Names());
  EXPECT_EQ(names(budget(24, 240), ".reqntid 384 .maxnreg 168"), Names());
  EXPECT_EQ(names(budget(32, 240), kBounds), Names{"TK-SIM-BARRIER-DEADLOCK"}) << "512 registers of 504";
  EXPECT_EQ(names(budget(24, 240), ".maxntid 384 .minnctapersm 1 .maxnreg 128"), Names{"TK-SIM-BARRIER-DEADLOCK"}) << "the smaller count";
  EXPECT_EQ(names(budget(24, 240), ".maxntid 384"), Names{"TK-SIM-SETMAXNREG"}) << "ptxas ignores it";
  EXPECT_EQ(runOne(budget(24, 240), ".maxntid 384", 384, 0).errors(), 0u) << "a warning";
  EXPECT_EQ(names(budget(176, 240), kBounds), (Names{"TK-SIM-SETMAXNREG", "TK-SIM-BARRIER-DEADLOCK"})) << "dec raises";
  EXPECT_EQ(names("setmaxnreg.inc.sync.aligned.u32 160;", kBounds), Names{"TK-SIM-SETMAXNREG"}) << "inc lowers";
  EXPECT_EQ(names("setmaxnreg.inc.sync.aligned.u32 168;", kBounds), Names());
  Report r = runOne(budget(32, 240), kBounds, 384, 1);
  ASSERT_EQ(r.findings.size(), 1u);
  EXPECT_THAT(r.findings[0].details, testing::Contains(testing::HasSubstr("waits for 240 registers a thread, has 168")));
}

TEST(Roles, AWarpgroupChangesItsRegistersTogether) {
  EXPECT_EQ(names("setmaxnreg.dec.sync.aligned.u32 96; bar.sync 0; setmaxnreg.dec.sync.aligned.u32 40;", kBounds), Names());
  EXPECT_TRUE(names("setmaxnreg.dec.sync.aligned.u32 96; setmaxnreg.dec.sync.aligned.u32 40;", kBounds).count("TK-SIM-SETMAXNREG")) << "no barrier between";
  EXPECT_EQ(names("setp.eq.u32 %p4, %r2, 2; @%p4 bra $a; setmaxnreg.dec.sync.aligned.u32 96; bra $b;\n$a: setmaxnreg.dec.sync.aligned.u32 40;\n$b:", kBounds),
            Names{"TK-SIM-SETMAXNREG"}) << "another one in one warp";
  EXPECT_EQ(names("setp.eq.u32 %p4, %r2, 2; @%p4 bra $a; setmaxnreg.dec.sync.aligned.u32 96;\n$a:", kBounds), Names{"TK-SIM-SETMAXNREG"}) << "none in one warp";
  EXPECT_TRUE(names("setp.lt.u32 %p4, %r3, 16; @%p4 bra $a; setmaxnreg.dec.sync.aligned.u32 96;\n$a: st.shared.u32 [%r4], %r1;", kBounds).count("TK-SIM-BARRIER-DIVERGENT"));
  for (const char *imm : {"16", "28", "264", "%r1"}) {
    auto p = Program::parse(kernel(0, std::string("setmaxnreg.dec.sync.aligned.u32 ") + imm + ";"), "bad.ptx");
    EXPECT_FALSE(bool(p)) << imm;
    llvm::consumeError(p.takeError());
  }
}

TEST(Roles, GridDependenciesAndSleepAreNothing) {
  EXPECT_EQ(names("griddepcontrol.wait; griddepcontrol.launch_dependents; nanosleep.u32 100;", "", 32), Names());
}

TEST(Roles, ElectPicksTheLowestLane) {
  Sim sim;
  sim.launch.block = {32, 1, 1};
  uint64_t a = sim.buffer(std::vector<uint32_t>(32), "words");
  Report r = sim.run(kernel(1, "mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd2, %rd100, %rd1; mov.u32 %r5, 0;\n"
                               "elect.sync _|%p1, -1; @%p1 add.u32 %r5, %r5, 1; setp.lt.u32 %p2, %r1, 5; @%p2 bra $x;\n"
                               "elect.sync %r6|%p3, 0xffffffe0; @%p3 add.u32 %r5, %r5, %r6;\n$x: st.global.u32 [%rd2], %r5;"));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  std::vector<uint32_t> want(32);
  want[0] = 1;
  want[5] = 5;
  EXPECT_EQ(sim.read<uint32_t>(a, 32), want);
}

TEST(Roles, NamedBarriersOfSomeWarps) {
  // Warps 0 and 1 meet at barrier 3, warps 2 and 3 at barrier 4, each pair exchanges through shared memory.
  std::string exchange = "st.shared.u32 [%r4], %r1; setp.lt.u32 %p5, %r1, 64; @%p5 bra $a; %BAR% 4, 64; bra $b;\n$a: %BAR% 3, 64;\n$b: xor.b32 %r6, %r4, 128; ld.shared.u32 %r7, [%r6];";
  auto with = [&](const std::string &bar) {
    std::string s = exchange;
    for (size_t at; (at = s.find("%BAR%")) != std::string::npos;)
      s.replace(at, 5, bar);
    return names(s, "", 128);
  };
  EXPECT_EQ(with("bar.sync"), Names());
  EXPECT_EQ(with("barrier.sync"), Names());
  EXPECT_EQ(with("barrier.sync.aligned"), Names());
  EXPECT_TRUE(with("bar.arrive").count("TK-SIM-RACE"));
  // Producers arrive, consumers wait: full and empty.
  EXPECT_EQ(names("setp.lt.u32 %p5, %r1, 64; @%p5 bra $a; bar.sync 1, 128; ld.shared.u32 %r7, [%r4+-256]; bar.arrive 2, 128; bra $b;\n"
                  "$a: st.shared.u32 [%r4], %r1; bar.arrive 1, 128; bar.sync 2, 128; st.shared.u32 [%r4], %r1;\n$b:", "", 128), Names());
}

TEST(Roles, BarriersWithoutAlignedCountAWarpOnce) {
  std::string halves = "setp.lt.u32 %p5, %r3, 16; @%p5 bra $a; st.shared.u32 [%r4], %r1; %ONE%; bra $b;\n$a: st.shared.u32 [%r4], %r1; %TWO%;\n$b: %AFTER%";
  auto with = [&](std::vector<std::string> parts) {
    std::string s = halves;
    for (const char *tag : {"%ONE%", "%TWO%", "%AFTER%"}) {
      s.replace(s.find(tag), strlen(tag), parts.front());
      parts.erase(parts.begin());
    }
    return names(s, "", 64);
  };
  std::string read = "xor.b32 %r6, %r4, 64; ld.shared.u32 %r7, [%r6]; xor.b32 %r6, %r4, 128; ld.shared.u32 %r7, [%r6];";
  EXPECT_EQ(with({"barrier.sync 1, 64", "barrier.sync 1, 64", read}), Names()) << "from both sides of a branch";
  EXPECT_EQ(with({"barrier.arrive 1, 128", "barrier.arrive 1, 128", "barrier.sync 1, 128;"}), Names());
  EXPECT_EQ(with({"barrier.sync 1, 64", "exit", ""}), Names()) << "the other half leaves";
  EXPECT_EQ(with({"barrier.sync 1, 64", "bar.warp.sync 0xffff; exit", ""}), Names()) << "the other half leaves, maybe later";
}

/// Each form between what one warp writes and the other reads, with the count as a literal, in a register, and left out.
TEST(Roles, EveryBarrierOrders) {
  const std::string head = "mov.b32 %r8, 1; mov.b32 %r9, 64;\n", write = "st.shared.u32 [%r4], %r1;\n", read = "xor.b32 %r6, %r4, 128; ld.shared.u32 %r7, [%r6];";
  for (const std::string &word : expand("(bar.sync|bar.cta.sync|barrier.sync|barrier.cta.sync|barrier.sync.aligned|barrier.cta.sync.aligned)"))
    for (const char *operands : {" 1", " 1, 64", " %r8, %r9", " 15, %r9"}) {
      EXPECT_EQ(names(head + write + word + operands + ";\n" + read, "", 64), Names()) << word << operands;
      EXPECT_TRUE(names(head + word + operands + ";\n" + write + read, "", 64).count("TK-SIM-RACE")) << word << operands;
    }
  // The first warp gives and does not wait, the other takes.
  for (const std::string &word : expand("(bar.arrive|bar.cta.arrive|barrier.arrive|barrier.arrive.aligned|barrier.cta.arrive|barrier.cta.arrive.aligned)"))
    for (const char *operands : {" 1, 64", " %r8, %r9"})
      for (bool both : {false, true}) {
        Names found = names(head + write + "setp.ge.u32 %p5, %r1, 32; @%p5 bra $a; " + word + operands + "; " + (both ? "bra $b;" : "bra $c;") + "\n$a: barrier.sync 1, 64;\n" +
                                (both ? "$b: " + read : "$b: " + read + "\n$c:"), "", 64);
        EXPECT_EQ(found, both ? Names{"TK-SIM-RACE"} : Names()) << word << operands;
      }
}

/// Over all subsets that differ in a warp, a lane, or all.
TEST(Roles, BarriersReducePredicates) {
  for (const std::string &word : expand("(bar|bar.cta|barrier|barrier.aligned|barrier.cta|barrier.cta.aligned).red.(popc.u32|and.pred|or.pred)"))
    for (const char *operands : {", 0, ", ", 3, 64, "})
      for (bool negated : {false, true})
        for (uint64_t set : {0ull, ~0ull, 1ull, 1ull << 63, ~1ull, 0xffffffffull, 0x123456789abcdef0ull}) {
          std::string spelt = word;
          if (size_t at = spelt.find(".aligned"); at != std::string::npos) { // behind .red
            spelt.erase(at, 8);
            spelt.insert(spelt.find(".red") + 4, ".aligned");
          }
          Sim sim;
          sim.launch.block = {64, 1, 1};
          uint64_t out = sim.buffer(std::vector<uint32_t>(64), "out");
          bool counts = word.find("popc") != std::string::npos, isAnd = word.find("and") != std::string::npos;
          Report r = sim.run(kernel(1, "mov.u32 %r1, %tid.x; mov.b64 %rd1, " + std::to_string(set) + "; shr.u64 %rd1, %rd1, %r1; and.b64 %rd1, %rd1, 1; setp.ne.u64 %p1, %rd1, 0;\n" + spelt +
                                           (counts ? " %r2" : " %p2") + operands + (negated ? "!" : "") + "%p1;\n" + (counts ? "" : "selp.u32 %r2, 1, 0, %p2;\n") +
                                           "mul.wide.u32 %rd2, %r1, 4; add.u64 %rd2, %rd2, %rd100; st.global.u32 [%rd2], %r2;"));
          ASSERT_TRUE(r.findings.empty()) << spelt << describe(r);
          uint64_t given = negated ? ~set : set;
          uint32_t want = counts ? uint32_t(std::popcount(given)) : isAnd ? given == ~0ull : given != 0;
          EXPECT_EQ(sim.read<uint32_t>(out, 64), std::vector<uint32_t>(64, want)) << spelt << operands << negated << std::hex << set;
        }
}

} // namespace
