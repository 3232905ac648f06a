//===- CopyTest.cpp - cp.async: bytes, groups, mbarriers ------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../../../lib/Sim/Race.h"
#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;

struct Outcome {
  Report report;
  std::vector<uint32_t> words; ///< The output.
};

/// 64 threads; in: word i of 1022 holds 1000 + i. %r1 thread, %r2 its word of the tile s, %r3 a neighbour's, %rd2 its word of
/// in, %rd3 its word of out; %p1 the first warp, %p2 thread 0. An mbarrier at s+4096.
Outcome runOne(const std::string &body, uint64_t seed) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {64, 1, 1};
  std::vector<uint32_t> in(1022);
  for (unsigned i = 0; i < in.size(); ++i)
    in[i] = 1000 + i;
  sim.buffer(in, "in");
  uint64_t out = sim.buffer(std::vector<uint32_t>(1024), "out");
  Outcome o;
  o.report = sim.run(kernel(
      2,
      "mov.u32 %r1, %tid.x; shl.b32 %r4, %r1, 2; mov.u32 %r5, s; add.u32 %r2, %r5, %r4; xor.b32 %r3, %r1, 33; shl.b32 %r3, "
      "%r3, 2; add.u32 %r3, %r5, %r3; cvt.u64.u32 %rd4, %r4; add.u64 %rd2, %rd100, %rd4; add.u64 %rd3, %rd101, %rd4;\n"
      "setp.lt.u32 %p1, %r1, 32; setp.eq.u32 %p2, %r1, 0;\n" +
          body,
      ".shared .align 128 .b8 s[8192];\n"));
  o.words = sim.read<uint32_t>(out, 1024);
  return o;
}

Names names(const std::string &body, unsigned seeds = 12) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, seed).report.findings) {
      found.insert(f.name);
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  return found;
}
const Names kRace = {"TK-SIM-RACE"};
/// Without what follows from it: bytes that a copy in flight has not written yet are read.
Names races(const std::string &body) {
  Names found = names(body);
  found.erase("TK-SIM-MEM-UNINIT");
  return found;
}

const std::string kCopy = "cp.async.ca.shared.global [%r2], [%rd2], 4;\n", kAll = "cp.async.wait_all;\n",
                  kCommit = "cp.async.commit_group;\n", kSync = "bar.sync 0;\n",
                  kReadOwn = "ld.shared.u32 %r9, [%r2];\nst.global.u32 [%rd3], %r9;\n",
                  kReadOther = "ld.shared.u32 %r9, [%r3];\nst.global.u32 [%rd3], %r9;\n";
std::string waitGroup(unsigned n) { return "cp.async.wait_group " + std::to_string(n) + ";\n"; }
std::string wait(const char *parity = "0") {
  return std::string("{\n$w: mbarrier.try_wait.parity.shared.b64 %p3, [s+4096], ") + parity + "; @!%p3 bra $w;\n}\n";
}
std::string init(unsigned count) {
  return "@%p2 mbarrier.init.shared.b64 [s+4096], " + std::to_string(count) + ";\nbar.sync 0;\n";
}

/// Every size with every part of it that is read, and the rest zeros.
TEST(Copy, SizesAndSourceSizes) {
  std::mt19937 random(7);
  for (unsigned bytes : {4u, 8u, 16u})
    for (unsigned form = 0; form < 4; ++form)
      for (unsigned have = 0; have <= bytes; ++have) {
        std::vector<uint8_t> in(64);
        for (uint8_t &b : in)
          b = uint8_t(random());
        Sim sim;
        sim.options.seed = random();
        sim.buffer(in, "in");
        uint64_t out = sim.buffer(std::vector<uint8_t>(64, 0x77), "out");
        std::string n = std::to_string(bytes), size = std::to_string(have), word = bytes == 16 && form % 2 ? "cg" : "ca";
        // A literal, a register, either with a policy and a size of the prefetch.
        std::string last = form < 2 ? size : "%r1", hint = form % 2 ? ".L2::cache_hint.L2::128B" : "",
                    policy = form % 2 ? ", %rd9" : "";
        Report r = sim.run(kernel(2,
                                  "mov.b32 %r1, " + size + "; mov.b64 %rd9, 0x12F0000000000000; st.shared.v4.b32 [s], {-1, -1, -1, -1};\n"
                                  "cp.async." + word + ".shared.global" + hint + " [s], [%rd100+16], " + n + ", " + last + policy + ";\n"
                                  "cp.async.wait_all;\nld.shared.v4.b32 {%r2, %r3, %r4, %r5}, [s];\nst.global.v4.b32 [%rd101], {%r2, %r3, %r4, %r5};",
                                  ".shared .align 16 .b8 s[16];\n"));
        EXPECT_TRUE(r.findings.empty()) << describe(r);
        std::vector<uint8_t> got = sim.read<uint8_t>(out, 16);
        for (unsigned i = 0; i < 16; ++i)
          EXPECT_EQ(got[i], i >= bytes ? 0xff : i < have ? in[16 + i] : 0) << bytes << " " << have << " byte " << i;
      }
}

TEST(Copy, IgnoredSources) {
  // Odd threads ignore their source, which may then be anywhere; negated, even ones do.
  for (const char *negation : {"", "!"}) {
    std::string body = "and.b32 %r10, %r1, 1; setp.eq.u32 %p4, %r10, 1; selp.b64 %rd5, 64, %rd2, %p4;\n" +
                       std::string(*negation ? "selp.b64 %rd5, %rd2, 64, %p4;\n" : "") +
                       "cp.async.ca.shared.global [%r2], [%rd5], 4, " + negation + "%p4;\n" + kAll + kReadOwn;
    for (unsigned seed = 0; seed < 4; ++seed) {
      Outcome o = runOne(body, seed);
      EXPECT_TRUE(o.report.findings.empty()) << describe(o.report);
      for (unsigned i = 0; i < 64; ++i)
        EXPECT_EQ(o.words[i], (i & 1) == (*negation ? 0 : 1) ? 0 : 1000 + i) << negation << i;
    }
  }
  EXPECT_EQ(races("cp.async.cg.shared.global.L2::cache_hint [s], [%rd100], 16, %p2, %rd2;\n" + kAll), kRace) << "64 threads, one place";
}

TEST(Copy, WhatIsReadMustBeThere) {
  EXPECT_EQ(names("@%p2 cp.async.cg.shared.global [s], [%rd100+4080], 16, 8;\n" + kAll), Names()) << "the last eight bytes";
  EXPECT_EQ(names("@%p2 cp.async.cg.shared.global [s], [%rd100+4072], 16, 8;\n" + kAll), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names("@%p2 cp.async.cg.shared.global [s], [%rd100+4080], 16, 9;\n" + kAll), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("@%p2 cp.async.cg.shared.global [s], [%rd100+8192], 16, 0;\n" + kAll), Names());
  EXPECT_EQ(names("mov.b32 %r10, 17;\n@%p2 cp.async.cg.shared.global [s], [%rd100], 16, %r10;\n" + kAll), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("@%p2 cp.async.cg.shared.global [s], [%rd100], 16, %r10;\n" + kAll), Names{"TK-SIM-MEM-UNINIT"});
}

/// A copy is seen by its thread after the wait, by others after a barrier behind that; until then each touch is a race.
TEST(Copy, WaitsAndBarriersOrder) {
  for (const std::string &done : {kAll, kCommit + waitGroup(0)}) {
    EXPECT_EQ(names(kCopy + done + kReadOwn), Names());
    EXPECT_EQ(names(kCopy + done + kSync + kReadOther), Names());
    EXPECT_EQ(races(kCopy + done + kReadOther), kRace) << "no barrier";
    EXPECT_EQ(races(kCopy + kSync + kReadOther + done), kRace) << "a wait that comes too late";
    EXPECT_EQ(races(kCopy + "st.shared.u32 [%r2], %r1;\n" + done), kRace) << "written in flight";
    EXPECT_EQ(races(kCopy + kCopy + done), kRace) << "two copies to one place";
    EXPECT_EQ(races("st.shared.u32 [%r3], %r1;\n" + kCopy + done), kRace) << "over another's write";
    EXPECT_EQ(names("st.shared.u32 [%r3], %r1;\n" + kSync + kCopy + done), Names());
    EXPECT_EQ(races(kReadOther + kCopy + done), kRace) << "over another's read";
  }
  // On every seed, whenever the copy is done.
  for (unsigned seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(kCopy + kReadOwn + kAll, seed);
    ASSERT_TRUE(has(o.report, "TK-SIM-RACE")) << seed;
    EXPECT_THAT(describe(o.report), testing::HasSubstr("the cp.async at"));
    EXPECT_THAT(describe(o.report), testing::HasSubstr("cp.async.wait_group"));
    o = runOne(kCopy + kAll + kSync + kReadOther, seed);
    for (unsigned i = 0; i < 64; ++i)
      EXPECT_EQ(o.words[i], 1000 + (i ^ 33)) << seed;
  }
  // The source may be written when the copy is waited for, by its thread; by another thread after a barrier.
  EXPECT_EQ(names(kCopy + kAll + "st.global.u32 [%rd2], 1;\n"), Names());
  EXPECT_EQ(races("xor.b32 %r10, %r1, 33; mul.wide.u32 %rd5, %r10, 4; add.u64 %rd5, %rd100, %rd5;\n" + kCopy + "st.global.u32 [%rd5], 1;\n" + kAll), kRace);
}

TEST(Copy, GroupsEndInOrder) {
  std::string second = "cp.async.ca.shared.global [%r2+512], [%rd2+512], 4;\n",
              readSecond = "ld.shared.u32 %r9, [%r2+512];\n";
  std::string two = kCopy + kCommit + second + kCommit;
  EXPECT_EQ(names(two + waitGroup(1) + kReadOwn + waitGroup(0) + readSecond), Names());
  EXPECT_EQ(races(two + waitGroup(1) + readSecond), kRace) << "the second group is in flight";
  EXPECT_EQ(races(two + waitGroup(2) + kReadOwn), kRace);
  EXPECT_EQ(names(kCopy + kCommit + second + waitGroup(0) + kReadOwn), Names());
  EXPECT_EQ(races(kCopy + kCommit + second + waitGroup(0) + readSecond), kRace) << "not committed";
  EXPECT_EQ(names(kCopy + kCommit + second + kAll + readSecond), Names()) << "wait_all waits for that too";
  EXPECT_EQ(names(two + kCommit + waitGroup(1) + readSecond), Names()) << "an empty group counts";
}

/// Three stages, as CUTLASS and Triton write them: `behind` groups may be under way when a stage is read.
std::string multistage(unsigned behind, const std::string &sync, unsigned ahead = 2) {
  std::string at = "rem.u32 %r20, %r11, 3; shl.b32 %r20, %r20, 8; add.u32 %r21, %r2, %r20; mul.wide.u32 %rd6, %r11, 256; add.u64 %rd7, %rd2, %rd6;\n",
              issue = at + "setp.lt.u32 %p5, %r11, 8;\n@%p5 cp.async.ca.shared.global [%r21], [%rd7], 4;\n" + kCommit;
  std::string body = "mov.b32 %r13, 0;\n";
  for (unsigned i = 0; i < 2; ++i)
    body += "mov.b32 %r11, " + std::to_string(i) + ";\n" + issue;
  return body + "mov.b32 %r12, 0;\n$loop:\n" + waitGroup(behind) + sync +
         "rem.u32 %r22, %r12, 3; shl.b32 %r22, %r22, 8; add.u32 %r23, %r3, %r22; ld.shared.u32 %r24, [%r23]; add.u32 %r13, %r13, %r24;\n"
         "add.u32 %r11, %r12, " + std::to_string(ahead) + ";\n" + issue +
         "add.u32 %r12, %r12, 1; setp.lt.u32 %p6, %r12, 8;\n@%p6 bra $loop;\nst.global.u32 [%rd3], %r13;\n";
}

TEST(Copy, MultistageLoops) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    Outcome o = runOne(multistage(1, kSync), seed);
    EXPECT_TRUE(o.report.findings.empty()) << describe(o.report);
    for (unsigned i = 0; i < 64; ++i)
      EXPECT_EQ(o.words[i], 8 * (1000 + (i ^ 33)) + 64 * 28);
  }
  EXPECT_EQ(races(multistage(2, kSync)), kRace) << "waits for one group too few";
  EXPECT_EQ(races(multistage(1, "")), kRace) << "no barrier";
  EXPECT_EQ(races(multistage(1, kSync, 3)), kRace) << "copies into the stage that is read";
}

/// The first warp copies; the second reads when the barrier says that all copies are there.
std::string handOver(const std::string &arrive, const std::string &how = wait()) {
  return "@!%p1 bra $read;\n" + kCopy + arrive + "bra $end;\n$read:\n" + how + "xor.b32 %r10, %r4, 128; add.u32 %r10, %r5, %r10; ld.shared.u32 %r9, [%r10]; st.global.u32 [%rd3], %r9;\n$end:\n";
}

TEST(Copy, MbarriersSeeCopiesEnd) {
  std::string noinc = "cp.async.mbarrier.arrive.noinc.shared.b64 [s+4096];\n", plain = "mbarrier.arrive.shared.b64 _, [s+4096];\n",
              counted = "cp.async.mbarrier.arrive.shared::cta.b64 [s+4096];\n",
              generic = "mov.u64 %rd8, s; cvta.shared.u64 %rd8, %rd8; cp.async.mbarrier.arrive.noinc.b64 [%rd8+4096];\n";
  for (const std::string &arrive : {noinc, counted + plain, generic})
    for (unsigned seed = 0; seed < 20; ++seed) {
      Outcome o = runOne(init(32) + handOver(arrive), seed);
      EXPECT_TRUE(o.report.findings.empty()) << arrive << describe(o.report);
      for (unsigned i = 32; i < 64; ++i)
        EXPECT_EQ(o.words[i], 1000 + i - 32) << seed;
    }
  EXPECT_EQ(races(init(32) + handOver(plain)), kRace) << "an arrival does not wait for the copies";
  EXPECT_EQ(races(init(32) + handOver(noinc, "")), kRace) << "no wait";
  EXPECT_EQ(names(init(32) + handOver(counted)), Names{"TK-SIM-BARRIER-DEADLOCK"}) << "it counts itself up and down";
  EXPECT_TRUE(names(init(31) + handOver(noinc)).count("TK-SIM-MBARRIER-COUNT")) << "a count that is too small";
  EXPECT_EQ(names(init(33) + handOver(noinc)), Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(races(init(32) + "@!%p1 bra $read;\n" + noinc + kCopy + "bra $end;\n$read:\n" + wait() + "xor.b32 %r10, %r4, 128; add.u32 %r10, %r5, %r10; ld.shared.u32 %r9, [%r10];\n$end:\n"), kRace)
      << "the arrival is for copies before it";
  // What the thread itself stored is not the copy.
  EXPECT_EQ(races(init(32) + handOver("st.shared.u32 [%r2+512], %r1;\n" + noinc, wait() + "ld.shared.u32 %r9, [%r2+384];\n")), kRace);
  // Waits of the thread itself still count.
  EXPECT_EQ(names(init(64) + kCopy + noinc + kAll + kReadOwn), Names());
  EXPECT_EQ(names(init(64) + kCopy + noinc + kAll + kSync + kReadOther), Names());
  EXPECT_EQ(races(init(64) + kCopy + noinc + kSync + kReadOther), kRace);
  // Copies that an earlier barrier tracks are over too when a later one's phase is.
  EXPECT_EQ(names("@%p2 mbarrier.init.shared.b64 [s+4104], 32;\n" + init(32) + handOver("cp.async.mbarrier.arrive.noinc.shared.b64 [s+4104];\n" + noinc)), Names());
  // An mbarrier must live.
  EXPECT_TRUE(names(handOver(noinc, "")).count("TK-SIM-MBARRIER-INVALID"));
  EXPECT_TRUE(names(init(32) + "@%p1 " + kCopy + "@%p1 " + noinc + "@%p2 mbarrier.inval.shared.b64 [s+4096];\n").count("TK-SIM-MBARRIER-INVALID"));
}

/// A ring of two stages: full barriers by copies, empty ones by arrivals.
std::string ring(const std::string &waitEmpty, const std::string &waitFull, const std::string &arrive) {
  std::string at = "and.b32 %r20, %r12, 1; shl.b32 %r21, %r20, 3; add.u32 %r22, %r5, 4096; add.u32 %r22, %r22, %r21; add.u32 %r23, %r22, 16;\n"
                   "shr.u32 %r24, %r12, 1; and.b32 %r24, %r24, 1; xor.b32 %r25, %r24, 1; shl.b32 %r26, %r20, 8;\n";
  return "@!%p2 bra $set;\nmbarrier.init.shared.b64 [s+4096], 32; mbarrier.init.shared.b64 [s+4104], 32; mbarrier.init.shared.b64 [s+4112], 32; mbarrier.init.shared.b64 [s+4120], 32;\n"
         "$set:\nbar.sync 0;\nmov.b32 %r12, 0; mov.b32 %r13, 0;\n@!%p1 bra $reader;\n$copy:\n" + at + waitEmpty +
         "add.u32 %r27, %r2, %r26; mul.wide.u32 %rd6, %r12, 256; add.u64 %rd7, %rd2, %rd6; cp.async.ca.shared.global [%r27], [%rd7], 4;\n" + arrive +
         "add.u32 %r12, %r12, 1; setp.lt.u32 %p6, %r12, 6;\n@%p6 bra $copy;\nbra $end;\n$reader:\n" + at + waitFull +
         "add.u32 %r27, %r3, %r26; xor.b32 %r28, %r4, 128; add.u32 %r27, %r5, %r28; add.u32 %r27, %r27, %r26; ld.shared.u32 %r29, [%r27]; add.u32 %r13, %r13, %r29;\n"
         "mbarrier.arrive.shared.b64 _, [%r23];\nadd.u32 %r12, %r12, 1; setp.lt.u32 %p6, %r12, 6;\n@%p6 bra $reader;\nst.global.u32 [%rd3], %r13;\n$end:\n";
}

TEST(Copy, RingsOfMbarriers) {
  std::string empty = "{\n$e: mbarrier.try_wait.parity.shared.b64 %p3, [%r23], %r25; @!%p3 bra $e;\n}\n",
              full = "{\n$f: mbarrier.try_wait.parity.shared.b64 %p4, [%r22], %r24; @!%p4 bra $f;\n}\n",
              arrive = "cp.async.mbarrier.arrive.noinc.shared.b64 [%r22];\n";
  for (unsigned seed = 0; seed < 30; ++seed) {
    Outcome o = runOne(ring(empty, full, arrive), seed);
    EXPECT_TRUE(o.report.findings.empty()) << describe(o.report);
    for (unsigned i = 32; i < 64; ++i)
      EXPECT_EQ(o.words[i], 6 * (1000 + i - 32) + 64 * 15);
  }
  EXPECT_TRUE(names(ring("", full, arrive)).count("TK-SIM-RACE")) << "overwrites what is read";
  EXPECT_TRUE(names(ring(empty, "", arrive)).count("TK-SIM-RACE")) << "reads what is copied";
  EXPECT_TRUE(names(ring(empty, full, "mbarrier.arrive.shared.b64 _, [%r22];\n")).count("TK-SIM-RACE"));
}

TEST(Copy, WrongFormsAreRefused) {
  for (const char *bad :
       {"cp.async.cg.shared.global [s], [%rd100], 8;", "cp.async.ca.shared.global [s], [%rd100], 12;", "cp.async.cg.shared.global [s], [%rd100], 16, 17;",
        "cp.async.ca.shared.global [s], [%rd100], 8, %rd1;", "cp.async.ca.shared.global.L2::cache_hint [s], [%rd100], 8;", "cp.async.ca.shared.global [s], [%rd100], 8, %r1, %rd1;",
        "cp.async.ca.shared.global.L1::no_allocate [s], [%rd100], 8;", "cp.async.ca.shared::cluster.global [s], [%rd100], 8;", "cp.async.wait_group %r1;",
        "cp.async.wait_group -1;", "cp.async.mbarrier.arrive.shared::cluster.b64 [s];", "cp.async.mbarrier.arrive.shared.b32 [s];", "cp.async.mbarrier.arrive.shared.b64 [s], 1;"}) {
    auto p = Program::parse(kernel(1, bad, ".shared .align 16 .b8 s[64];\n"), "bad.ptx");
    EXPECT_FALSE(bool(p)) << bad;
    if (!p)
      EXPECT_THAT(llvm::toString(p.takeError()), testing::HasSubstr("bad.ptx:")) << bad;
  }
}

/// The two events of a copy are both there, wherever the past is forgotten.
TEST(Copy, BothEventsOfACopyAreRemembered) {
  for (unsigned before = 0; before < 24; ++before) {
    RaceState race;
    race.reset(1, 4, 64, false, 0);
    race.mostIds = 8;
    unsigned slot = race.addAgent();
    for (unsigned i = 0; i < before; ++i)
      race.asyncEvent(slot, i + 1, 0, AccessKind::Write);
    RaceState::CopyEvents e = race.copyEvents(slot, 0, 3);
    ASSERT_EQ(e.read, e.write + 1) << before;
    EXPECT_TRUE(race.eventAt(e.write).agent && race.eventAt(e.write).write) << before;
    EXPECT_EQ(race.eventAt(e.write).pc, 3u);
    EXPECT_FALSE(race.eventAt(e.read).agent || race.eventAt(e.read).write) << before;
    EXPECT_EQ(race.eventAt(e.read).pc, 3u);
  }
}

} // namespace
