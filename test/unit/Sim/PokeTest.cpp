//===- PokeTest.cpp - st.async, red.async, reductions in shared memory ----===//
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

struct Outcome {
  Report report;
  std::vector<uint32_t> words; ///< 1024 for each of the two CTAs.
};

/// Two CTAs of one cluster, 32 threads each; in: word i of 1024 by `word`. %r1 thread, %r2 rank, %r3 the peer's s, %r4 16
/// times the thread, %rd2 the input, %rd3 the CTA's part of the output; %p1 thread 0. An mbarrier at s+4096.
Outcome runOne(const std::string &body, uint64_t seed, const std::function<uint32_t(unsigned)> &word, bool isCluster = true) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {32, 1, 1};
  sim.launch.grid = {2, 1, 1};
  sim.launch.cluster = {isCluster ? 2u : 1u, 1, 1};
  std::vector<uint32_t> in(1024);
  for (unsigned i = 0; i < in.size(); ++i)
    in[i] = word(i);
  sim.buffer(in, "in");
  uint64_t out = sim.buffer(std::vector<uint32_t>(2048), "out");
  Outcome o;
  o.report = sim.run(kernel(2,
                            "mov.u32 %r1, %tid.x; mov.u32 %r2, %cluster_ctarank; xor.b32 %r5, %r2, 1; mov.u32 %r6, s; shl.b32 %r4, %r1, 4; "
                            "mov.u64 %rd2, %rd100; mul.wide.u32 %rd3, %r2, 4096; add.u64 %rd3, %rd3, %rd101; setp.eq.u32 %p1, %r1, 0;\n" +
                                std::string(isCluster ? "mapa.shared::cluster.u32 %r3, %r6, %r5;\n" : "mov.u32 %r3, %r6;\n") + body,
                            ".shared .align 128 .b8 s[8192];\n"));
  o.words = sim.read<uint32_t>(out, 2048);
  return o;
}
uint32_t plain(unsigned i) { return 1000 + i; }

Names names(const std::string &body, unsigned seeds = 12, bool isCluster = true) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, seed, plain, isCluster).report.findings) {
      found.insert(f.name);
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  return found;
}
const Names kRace = {"TK-SIM-RACE"};

const std::string kSync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
/// The barrier expects `bytes`.
std::string arm(unsigned bytes) {
  return "@%p1 mbarrier.init.shared.b64 [s+4096], 1;\nfence.mbarrier_init.release.cluster;\n@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], " +
         std::to_string(bytes) + ";\n" + kSync;
}
const std::string kWait = "{\n$w: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p3, [s+4096], 0; @!%p3 bra $w;\n}\n";
const std::string kTx = ".shared::cluster.mbarrier::complete_tx::bytes";

struct Store {
  const char *type, *registers, *load;
  unsigned bytes;
};
const Store kStores[] = {
    {".b32", "%r10", "ld.global.b32 %r10, [%rd4]", 4},
    {".u32", "%r10", "ld.global.u32 %r10, [%rd4]", 4},
    {".s32", "%r10", "ld.global.s32 %r10, [%rd4]", 4},
    {".f32", "%f1", "ld.global.f32 %f1, [%rd4]", 4},
    {".b64", "%rd10", "ld.global.b64 %rd10, [%rd4]", 8},
    {".u64", "%rd10", "ld.global.u64 %rd10, [%rd4]", 8},
    {".s64", "%rd10", "ld.global.s64 %rd10, [%rd4]", 8},
    {".f64", "%fd1", "ld.global.f64 %fd1, [%rd4]", 8},
    {".v2.b32", "{%r10, %r11}", "ld.global.v2.b32 {%r10, %r11}, [%rd4]", 8},
    {".v2.f32", "{%f1, %f2}", "ld.global.v2.f32 {%f1, %f2}, [%rd4]", 8},
    {".v2.u64", "{%rd10, %rd11}", "ld.global.v2.u64 {%rd10, %rd11}, [%rd4]", 16},
    {".v2.f64", "{%fd1, %fd2}", "ld.global.v2.f64 {%fd1, %fd2}, [%rd4]", 16},
    {".v4.b32", "{%r10, %r11, %r12, %r13}", "ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%rd4]", 16},
    {".v4.f32", "{%f1, %f2, %f3, %f4}", "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd4]", 16},
};
const std::string kOut = "add.u32 %r20, %r6, %r4; ld.shared.v4.u32 {%r21, %r22, %r23, %r24}, [%r20]; cvt.u64.u32 %rd5, %r4; add.u64 %rd6, %rd3, %rd5;\n"
                         "st.global.v4.u32 [%rd6], {%r21, %r22, %r23, %r24};\n";

/// Each thread stores to its sixteen bytes in the peer, through windows and generic addresses.
TEST(Poke, StoresOfEveryType) {
  std::mt19937 random(3);
  for (const Store &s : kStores)
    for (bool generic : {false, true}) {
      std::vector<uint32_t> in(1024);
      for (uint32_t &w : in)
        w = uint32_t(random());
      std::string at = generic ? "[%rd8]" : "[%r8]", bar = generic ? "[%rd9+4096]" : "[%r3+4096]", word = generic ? ".weak.mbarrier::complete_tx::bytes" : kTx;
      std::string body = "add.u32 %r20, %r6, %r4; st.shared.v4.u32 [%r20], {0, 0, 0, 0};\n" + arm(32 * s.bytes) +
                         "cvt.u64.u32 %rd4, %r4; add.u64 %rd4, %rd4, %rd2; " + s.load + "; add.u32 %r8, %r3, %r4; cvta.shared::cluster.u64 %rd9, %rd20; cvt.u64.u32 %rd20, %r3; cvta.shared::cluster.u64 %rd9, %rd20; cvt.u64.u32 %rd21, %r4; add.u64 %rd8, %rd9, %rd21;\n"
                         "st.async" + word + s.type + " " + at + ", " + s.registers + ", " + bar + ";\n" + kWait + kOut + kSync;
      size_t cut = body.find("cvta.shared::cluster.u64 %rd9, %rd20; "); // only the second is of a register that is set
      body.erase(cut, strlen("cvta.shared::cluster.u64 %rd9, %rd20; "));
      for (unsigned seed = 0; seed < 3; ++seed) {
        Outcome o = runOne(body, seed, [&](unsigned i) { return in[i]; });
        ASSERT_TRUE(o.report.findings.empty()) << s.type << describe(o.report);
        for (unsigned cta = 0; cta < 2; ++cta)
          for (unsigned i = 0; i < 128; ++i)
            ASSERT_EQ(o.words[cta * 1024 + i], i % 4 < s.bytes / 4 ? in[i] : 0) << s.type << " word " << i;
      }
    }
}

const std::string kStore = "add.u32 %r8, %r3, %r4; st.async" + kTx + ".u32 [%r8], %r1, [%r3+4096];\n";
const std::string kRead = "add.u32 %r20, %r6, %r4; ld.shared.u32 %r21, [%r20];\n";

TEST(Poke, TheBarrierOrdersWhatWasStored) {
  EXPECT_EQ(names(arm(128) + kStore + kWait + kRead + kSync), Names());
  EXPECT_EQ(names(arm(128) + kStore + kRead + kWait + kSync), kRace) << "read before the wait";
  EXPECT_EQ(names(arm(128) + kStore + kSync + kRead + kWait + kSync), kRace) << "a cluster barrier does not wait for it";
  EXPECT_EQ(names(arm(128) + kStore + kStore + kWait + kSync), Names({"TK-SIM-RACE", "TK-SIM-MBARRIER-TX"})) << "twice to one place";
  EXPECT_TRUE(names(arm(124) + kStore + kWait + kRead + kSync).count("TK-SIM-MBARRIER-TX")) << "expects too little";
  EXPECT_TRUE(names(arm(132) + kStore + kWait + kRead + kSync).count("TK-SIM-BARRIER-DEADLOCK")) << "expects too much";
  std::string unarmed = "@%p1 mbarrier.init.shared.b64 [s+4096], 1;\nfence.mbarrier_init.release.cluster;\n@%p1 mbarrier.arrive.shared.b64 _, [s+4096];\n" + kSync;
  EXPECT_TRUE(names(unarmed + kStore + kWait + kRead + kSync).count("TK-SIM-MBARRIER-TX")) << "no expect_tx";
  EXPECT_EQ(names(arm(128) + kStore + kSync), Names({"TK-SIM-BULK-UNWAITED"})) << "nobody waits";
  // What else the thread stored is not ordered by it.
  EXPECT_EQ(names(arm(128) + "add.u32 %r8, %r3, %r4; st.shared::cluster.u32 [%r8+1024], %r1;\n" + kStore + kWait + "add.u32 %r20, %r6, %r4; ld.shared.u32 %r21, [%r20+1024];\n" + kSync), kRace);
  // It is a write of the generic proxy: a bulk copy that reads it needs a fence, by who saw it.
  auto copied = [](const std::string &fence) {
    return arm(512) + "add.u32 %r8, %r3, %r4; st.async" + kTx + ".v4.b32 [%r8], {%r1, %r1, %r1, %r1}, [%r3+4096];\n" + kWait + fence +
           "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd3], [s], 512;\n@%p1 cp.async.bulk.commit_group;\n@%p1 cp.async.bulk.wait_group 0;\n" + kSync;
  };
  EXPECT_EQ(names(copied("fence.proxy.async;\n")), Names());
  EXPECT_EQ(names(copied("")), Names{"TK-SIM-RACE-PROXY"});
}

TEST(Poke, PlacesAreLookedAt) {
  EXPECT_EQ(names(arm(128) + "add.u32 %r8, %r3, %r4; st.async" + kTx + ".u32 [%r8], %r1, [s+4096];\n" + kSync), Names{"TK-SIM-CLUSTER-RANK"}) << "barrier elsewhere";
  EXPECT_EQ(names("@%p1 mbarrier.init.shared.b64 [s+4096], 1;\nst.async" + kTx + ".u32 [s], %r1, [s+4096];\n", 2, false), Names{"TK-SIM-CLUSTER-RANK"}) << "no cluster";
  EXPECT_EQ(names(arm(4) + "@%p1 st.async" + kTx + ".u32 [s], %r1, [s+4096];\n" + kWait + kSync), Names()) << "the own CTA is in the cluster";
  EXPECT_EQ(names(arm(4) + "@%p1 red.async.relaxed.cluster" + kTx + ".add.u32 [s], %r1, [s+4096];\n" + kSync), Names{"TK-SIM-CLUSTER-RANK"}) << "red.async is for peers";
  EXPECT_EQ(names(arm(8) + "@%p1 st.async" + kTx + ".b64 [%r3+4], %rd2, [%r3+4096];\n" + kSync), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names(arm(8) + "@%p1 st.async" + kTx + ".b64 [%r3+8192], %rd2, [%r3+4096];\n" + kSync), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names(arm(8) + "@%p1 st.async" + kTx + ".b64 [%r3+4096], %rd2, [%r3+4096];\n" + kWait + kSync), Names{"TK-SIM-MBARRIER-LIVE"});
  EXPECT_EQ(names(kSync + "@%p1 st.async" + kTx + ".b64 [%r3], %rd2, [%r3+4096];\n" + kSync), Names{"TK-SIM-MBARRIER-INVALID"});
}

struct Reduction {
  const char *word;
  unsigned bytes;
  std::function<uint64_t(uint64_t, uint64_t)> of; ///< Of the old value and the operand.
};
const Reduction kReductions[] = {
    {"add.u32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a + b); }},
    {"add.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a + b); }},
    {"add.u64", 8, [](uint64_t a, uint64_t b) { return a + b; }},
    {"min.u32", 4, [](uint64_t a, uint64_t b) { return std::min(uint32_t(a), uint32_t(b)); }},
    {"max.u32", 4, [](uint64_t a, uint64_t b) { return std::max(uint32_t(a), uint32_t(b)); }},
    {"min.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(std::min(int32_t(a), int32_t(b))); }},
    {"max.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(std::max(int32_t(a), int32_t(b))); }},
    {"inc.u32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a) >= uint32_t(b) ? 0 : uint32_t(a + 1); }},
    {"dec.u32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a) == 0 || uint32_t(a) > uint32_t(b) ? uint32_t(b) : uint32_t(a - 1); }},
    {"and.b32", 4, [](uint64_t a, uint64_t b) { return a & b; }},
    {"or.b32", 4, [](uint64_t a, uint64_t b) { return a | b; }},
    {"xor.b32", 4, [](uint64_t a, uint64_t b) { return a ^ b; }},
};
/// Old values at words 0 and on of the input, operands at 512 and on; edges among them.
std::vector<uint32_t> operands(unsigned seed) {
  std::mt19937 random(seed);
  constexpr uint32_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 2};
  std::vector<uint32_t> in(1024);
  for (uint32_t &w : in)
    w = random() % 3 ? uint32_t(random()) : edges[random() % 6];
  for (unsigned i = 0; i < 32; ++i)
    in[512 + 4 * i] = i % 5 == 0 ? in[4 * i] : in[512 + 4 * i]; // equal ones too
  return in;
}
uint64_t element(const std::vector<uint32_t> &in, unsigned at, unsigned bytes) {
  return in[at] | (bytes == 8 ? uint64_t(in[at + 1]) << 32 : 0);
}

TEST(Poke, ReductionsOfEveryType) {
  for (const Reduction &r : kReductions) {
    std::vector<uint32_t> in = operands(11);
    std::string value = r.bytes == 8 ? "%rd10" : "%r10", load = r.bytes == 8 ? "ld.global.u64 %rd10, [%rd4+2048];\n" : "ld.global.u32 %r10, [%rd4+2048];\n";
    // Both CTAs change their peer's memory.
    std::string body = "cvt.u64.u32 %rd4, %r4; add.u64 %rd4, %rd4, %rd2; ld.global.v4.u32 {%r21, %r22, %r23, %r24}, [%rd4]; add.u32 %r20, %r6, %r4;\n"
                       "st.shared.v4.u32 [%r20], {%r21, %r22, %r23, %r24};\n" + arm(32 * r.bytes) + load +
                       "add.u32 %r8, %r3, %r4; red.async.relaxed.cluster" + kTx + "." + r.word + " [%r8], " + value + ", [%r3+4096];\n" + kWait + kOut + kSync;
    for (unsigned seed = 0; seed < 3; ++seed) {
      Outcome o = runOne(body, seed, [&](unsigned i) { return in[i]; });
      ASSERT_TRUE(o.report.findings.empty()) << r.word << describe(o.report);
      for (unsigned cta = 0; cta < 2; ++cta)
        for (unsigned i = 0; i < 32; ++i) {
          uint64_t got = element(o.words, cta * 1024 + 4 * i, r.bytes);
          ASSERT_EQ(got, r.of(element(in, 4 * i, r.bytes), element(in, 512 + 4 * i, r.bytes))) << r.word << " " << i;
        }
    }
  }
}

/// All threads add to one word: reductions do not race with one another, and none is lost.
TEST(Poke, ReductionsMeet) {
  std::string init = "@%p1 st.shared.u32 [s], 5;\n", red = "red.async.relaxed.cluster" + kTx + ".add.u32 [%r3], %r1, [%r3+4096];\n",
              out = "@%p1 ld.shared.u32 %r21, [s]; @%p1 st.global.u32 [%rd3], %r21;\n";
  for (unsigned seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(init + arm(128) + red + kWait + out + kSync, seed, plain);
    EXPECT_TRUE(o.report.findings.empty()) << describe(o.report);
    EXPECT_EQ(o.words[0], 5u + 496);
    EXPECT_EQ(o.words[1024], 5u + 496);
  }
  EXPECT_EQ(names(init + arm(128) + red + out + kWait + kSync), kRace) << "read before the wait";
  EXPECT_EQ(names(init + arm(128) + red + "@%p1 st.shared.u32 [s], 7;\n" + kWait + kSync), kRace) << "written meanwhile";
  EXPECT_EQ(names(arm(128) + init + red + kWait + kSync), kRace) << "the first value is not ordered before";
}

/// The same by copies from shared memory, a row of 512 bytes.
TEST(Poke, BulkReductionsOfEveryType) {
  for (const Reduction &r : kReductions) {
    std::vector<uint32_t> in = operands(12);
    std::string fill = "cvt.u64.u32 %rd4, %r4; add.u64 %rd4, %rd4, %rd2; ld.global.v4.u32 {%r21, %r22, %r23, %r24}, [%rd4]; add.u32 %r20, %r6, %r4;\n"
                       "st.shared.v4.u32 [%r20], {%r21, %r22, %r23, %r24}; ld.global.v4.u32 {%r21, %r22, %r23, %r24}, [%rd4+2048]; st.shared.v4.u32 [%r20+1024], {%r21, %r22, %r23, %r24};\n",
                fence = "fence.proxy.async;\n",
                copy = std::string("@%p1 cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.") + r.word + " [%r3], [s+1024], 512, [%r3+4096];\n";
    for (unsigned seed = 0; seed < 3; ++seed) {
      Outcome o = runOne(fill + fence + arm(512) + copy + kWait + kOut + kSync, seed, [&](unsigned i) { return in[i]; });
      ASSERT_TRUE(o.report.findings.empty()) << r.word << describe(o.report);
      for (unsigned cta = 0; cta < 2; ++cta)
        for (unsigned i = 0; i < 128; i += r.bytes / 4)
          ASSERT_EQ(element(o.words, cta * 1024 + i, r.bytes), r.of(element(in, i, r.bytes), element(in, 512 + i, r.bytes))) << r.word << " " << i;
    }
    if (r.word != std::string("add.u32"))
      continue;
    EXPECT_EQ(names(fill + arm(512) + copy + kWait + kOut + kSync), Names{"TK-SIM-RACE-PROXY"}) << "no proxy fence";
    EXPECT_EQ(names(fill + fence + arm(512) + copy + kOut + kWait + kSync), kRace) << "read before the wait";
    EXPECT_TRUE(names(fill + fence + arm(496) + copy + kWait + kSync).count("TK-SIM-BARRIER-DEADLOCK")) << "more comes than was expected";
    EXPECT_EQ(names(fill + fence + arm(512) + "@%p1 cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.u32 [s], [s+1024], 512, [s+4096];\n" + kSync), Names{"TK-SIM-CLUSTER-RANK"});
  }
}

TEST(Poke, WrongFormsAreRefused) {
  for (const std::string &bad :
       {"st.async" + kTx + ".b16 [%r1], %rs1, [%r2];", "st.async" + kTx + ".v4.b64 [%r1], {%rd1, %rd2, %rd3, %rd4}, [%r2];", std::string("st.async.shared::cluster.b32 [%r1], %r3, [%r2];"),
        "st.async.relaxed.cluster" + kTx + ".b32 [%r1], %r3, [%r2];", "st.async.gpu" + kTx + ".b32 [%r1], %r3, [%r2];", "st.async" + kTx + ".b32 [%r1], %r3;",
        "red.async" + kTx + ".add.u32 [%r1], %r3, [%r2];", "red.async.relaxed.gpu" + kTx + ".add.u32 [%r1], %r3, [%r2];", "red.async.relaxed.cluster" + kTx + ".min.u64 [%r1], %rd3, [%r2];",
        "red.async.relaxed.cluster" + kTx + ".xor.b64 [%r1], %rd3, [%r2];", "red.async.relaxed.cluster" + kTx + ".exch.b32 [%r1], %r3, [%r2];", "red.async.relaxed.cluster" + kTx + ".add.f32 [%r1], %f3, [%r2];",
        std::string("cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.f32 [%r1], [s], 64, [%r2];"),
        std::string("cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.xor.b64 [%r1], [s], 64, [%r2];"),
        std::string("cp.reduce.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.add.u32 [%r1], [%rd1], 64, [%r2];"),
        std::string("st.async.mmio.release.sys.global.u32 [%rd1], %r1;")}) {
    auto p = Program::parse(kernel(1, bad, ".shared .align 16 .b8 s[64];\n"), "bad.ptx");
    EXPECT_FALSE(bool(p)) << bad;
    if (!p)
      EXPECT_THAT(llvm::toString(p.takeError()), testing::HasSubstr("bad.ptx:")) << bad;
  }
}

} // namespace
