//===- InterCtaTest.cpp - Order between CTAs through global memory --------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each protocol is right over many schedules, and each small change of it is found by name.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include <ctime>

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;
/// What to replace, and by what.
using Edits = std::vector<std::pair<std::string, std::string>>;

std::string edited(std::string text, const Edits &edits) {
  for (auto &[from, to] : edits) {
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << "nothing to change: " << from;
    for (; at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

/// A grid over three buffers of zeros: `data` (%rd100), `flags` (%rd101) and `out` (%rd102).
struct Grid {
  unsigned ctas = 2, threads = 64, cluster = 1, words = 4096;
  uint32_t sharedBytes = 0;
  uint64_t maxSteps = 50000000;
  unsigned multiprocessors = 132;
  unsigned hostThreads = 0;
  std::vector<uint32_t> out;

  Report run(const std::string &body, uint64_t seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.options.maxSteps = maxSteps;
    sim.options.threads = hostThreads;
    sim.options.multiprocessors = multiprocessors;
    sim.launch.grid = {ctas, 1, 1};
    sim.launch.block = {threads, 1, 1};
    sim.launch.cluster = {cluster, 1, 1};
    sim.launch.dynamicSharedBytes = sharedBytes;
    std::vector<uint32_t> zeros(words);
    sim.buffer(zeros, "data");
    sim.buffer(zeros, "flags");
    uint64_t result = sim.buffer(zeros, "out");
    Report r = sim.run(kernel(3, kIds + body, ".shared .align 128 .b8 s[1024];\n"));
    out = sim.read<uint32_t>(result, words);
    return r;
  }

  /// %r1 thread, %r2 CTA, %p2 thread 0; %rd1 data and %rd2 out by thread, %rd4 data by thread and
  /// CTA, %rd5 flags by CTA.
  static constexpr const char *kIds =
      "mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %nctaid.x;\n"
      "setp.eq.u32 %p2, %r1, 0; mul.wide.u32 %rd3, %r1, 4; add.u64 %rd1, %rd100, %rd3;\n"
      "add.u64 %rd2, %rd102, %rd3; mad.lo.u32 %r9, %r2, %r3, %r1; mul.wide.u32 %rd3, %r9, 4;\n"
      "add.u64 %rd4, %rd100, %rd3; mul.wide.u32 %rd3, %r2, 4; add.u64 %rd5, %rd101, %rd3;\n";

  /// All names found over some seeds; none but errors are expected. `check` looks at the results of
  /// runs that found nothing.
  Names names(const std::string &body, unsigned seeds = 8,
              const std::function<void()> &check = nullptr) {
    Names found;
    for (unsigned seed = 0; seed < seeds; ++seed) {
      Report r = run(body, seed);
      for (const Finding &f : r.findings) {
        found.insert(f.name);
        EXPECT_EQ(f.severity, f.name == "TK-SIM-RACE-SAME-VALUE" ? Severity::Warning : Severity::Error) << f.name;
      }
      if (check && r.findings.empty())
        check();
    }
    return found;
  }
};

//===----------------------------------------------------------------------===//
// Message passing
//===----------------------------------------------------------------------===//

/// All threads of one CTA write, one of them sets a flag; one of the other CTA waits, all read what
/// another warp wrote.
std::string message(unsigned from, const std::string &set, const std::string &wait) {
  return "setp.eq.u32 %p1, %r2, " + std::to_string(from) + "; @!%p1 bra $reader;\n" +
         "add.u32 %r5, %r1, 100; st.global.u32 [%rd1], %r5;\nbar.sync 0;\n" + set +
         "\nexit;\n$reader:\n" + wait +
         "\n$go:\nbar.sync 1;\nxor.b32 %r7, %r1, 32; mul.wide.u32 %rd6, %r7, 4; "
         "add.u64 %rd6, %rd100, %rd6;\nld.global.u32 %r8, [%rd6];\nst.global.u32 [%rd2], %r8;";
}
const std::string kSet = "@%p2 st.release.gpu.global.u32 [%rd101], 1;";
const std::string kWait = "@!%p2 bra $go;\n$poll: ld.acquire.gpu.global.u32 %r6, [%rd101];\n"
                          "setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;";
const std::string kFenceSet =
    "@%p2 fence.acq_rel.gpu;\n@%p2 st.relaxed.gpu.global.u32 [%rd101], 1;";
const std::string kFenceWait = "@!%p2 bra $go;\n$poll: ld.relaxed.gpu.global.u32 %r6, [%rd101];\n"
                               "setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;\nfence.acq_rel.gpu;";

const Edits kNoData = {{"add.u32 %r5, %r1, 100; st.global.u32 [%rd1], %r5;\nbar.sync 0;", ""}};

/// The first CTA's data, released by an atomic operation; a second CTA's thread carries that on with
/// data of its own, and another thread of that CTA acquires from the chain with `scope`.
std::string chain(const std::string &read, const std::string &scope) {
  return "setp.eq.u32 %p1, %r2, 0; setp.eq.u32 %p4, %r1, 32; setp.eq.u32 %p5, %r1, 33;\n@!%p1 bra $second;\n@!%p2 exit;\n"
         "st.global.u32 [%rd100], 7;\natom.release.gpu.global.add.u32 %r10, [%rd101], 1;\nexit;\n$second:\n@%p4 bra $carrier;\n@%p2 bra $reader;\nexit;\n"
         "$carrier:\nld.relaxed.gpu.global.u32 %r11, [%rd101];\nsetp.eq.u32 %p6, %r11, 0;\n@%p6 bra $carrier;\nst.global.u32 [%rd100+512], 8;\n"
         "atom.release.gpu.global.add.u32 %r10, [%rd101], 1;\nexit;\n"
         "$reader:\nld.acquire." + scope + ".global.u32 %r12, [%rd101];\nsetp.lt.u32 %p6, %r12, 2;\n@%p6 bra $reader;\nld.global.u32 %r13, [" + read + "];\nst.global.u32 [%rd102], %r13;\n";
}
TEST(InterCta, ANarrowAcquireTakesWhatItsScopeHoldsOfAChain) {
  Grid g;
  EXPECT_EQ(g.names(chain("%rd100", "gpu"), 12, [&] { EXPECT_EQ(g.out[0], 7u); }), Names());
  EXPECT_EQ(g.names(chain("%rd100+512", "gpu"), 12, [&] { EXPECT_EQ(g.out[0], 8u); }), Names());
  // To read the flag with .cta is wrong in any case; the data are found by the line that reads them.
  auto isDataFound = [&](const std::string &read) {
    bool found = false;
    for (unsigned seed = 0; seed < 12; ++seed)
      for (const Finding &f : g.run(chain(read, "cta"), seed).findings) {
        EXPECT_EQ(f.name, "TK-SIM-RACE-SCOPE");
        found |= f.ptxText.find("%r13") != std::string::npos;
      }
    return found;
  };
  EXPECT_FALSE(isDataFound("%rd100+512")) << "of its own CTA";
  EXPECT_TRUE(isDataFound("%rd100")) << "of the other";
}

/// Thousands of CTAs each know all before: a chain that must not cost the square of their number.
TEST(InterCta, LongChainsOfAcquiresAndReleases) {
  Grid g;
  g.threads = 1;
  g.ctas = 3000;
  // Each reads what the one before it in the chain wrote.
  EXPECT_EQ(g.names("mul.wide.u32 %rd10, %r2, 4; add.u64 %rd11, %rd100, %rd10; st.global.u32 [%rd11], 1;\natom.acq_rel.gpu.global.exch.b32 %r10, [%rd101], %r2;\n"
                    "mul.wide.u32 %rd12, %r10, 4; add.u64 %rd13, %rd100, %rd12; setp.ne.u32 %p6, %r10, 0;\n@%p6 ld.global.u32 %r11, [%rd13];\n", 2), Names());
}

TEST(InterCta, AReleaseAndAnAcquireOrder) {
  for (unsigned from : {0u, 1u}) {
    Grid g;
    auto check = [&] {
      for (unsigned i = 0; i < 64; ++i)
        ASSERT_EQ(g.out[i], (i ^ 32) + 100);
    };
    EXPECT_EQ(g.names(message(from, kSet, kWait), 20, check), Names());
    EXPECT_EQ(g.names(message(from, kFenceSet, kFenceWait), 20, check), Names());
    EXPECT_EQ(g.names(message(from, kFenceSet, kWait), 20, check), Names());
    EXPECT_EQ(g.names(message(from, kSet, kFenceWait), 20, check), Names());
  }
}

/// No flag helps a load through the cache that no store reaches.
TEST(InterCta, NcLoadsOfWhatAnotherCtaWrites) {
  Grid g;
  Names nc = {"TK-SIM-MEM-NC"};
  Edits plain = {{"ld.global.u32 %r8", "ld.global.nc.u32 %r8"}};
  for (unsigned from : {0u, 1u}) {
    EXPECT_EQ(g.names(edited(message(from, kSet, kWait), plain)), nc);
    // What the writer of the flag, or the waiting CTA itself, loaded before.
    std::string before = "ld.global.nc.u32 %r20, [%rd1]; ";
    EXPECT_EQ(g.names(edited(message(from, kSet, kWait), {{"add.u32 %r5", before + "add.u32 %r5"}})), nc);
    EXPECT_EQ(g.names(edited(message(from, kSet, kWait), {{"add.u32 %r5", "ld.global.nc.u32 %r20, [%rd2]; add.u32 %r5"}})), nc);
    EXPECT_EQ(g.names(edited(message(from, kSet, kWait), {{"add.u32 %r5", "ld.global.nc.u32 %r20, [%rd2+4096]; add.u32 %r5"}})),
              Names());
  }
  for (std::string write : {"atom.global.add.u32 %r10, [%rd100], 1;", "red.global.add.u32 [%rd100], 1;",
                            "@%p2 st.relaxed.gpu.global.u32 [%rd100], 1;"})
    for (std::string at : {"0", "4"})
      for (bool first : {true, false}) {
        std::string load = "ld.global.nc.u32 %r11, [%rd100+" + at + "];\n";
        EXPECT_EQ(g.names(first ? load + write : write + load).count("TK-SIM-MEM-NC"), at == "0") << write << at;
      }
  // A unit that has ended is still asked.
  g.ctas = 40;
  g.multiprocessors = 1;
  EXPECT_EQ(g.names("red.global.add.u32 [%rd101], 1; setp.eq.u32 %p1, %r2, 0; setp.eq.u32 %p3, %r2, 39; @%p3 ld.global.nc.u32 %r11, "
                    "[%rd1];\n@%p1 red.global.add.u32 [%rd1], 1;", 2).count("TK-SIM-MEM-NC"), 1u);
  EXPECT_EQ(g.names("red.global.add.u32 [%rd101], 1; setp.eq.u32 %p1, %r2, 39; setp.eq.u32 %p3, %r2, 0; @%p3 ld.global.nc.u32 %r11, "
                    "[%rd1];\n@%p1 red.global.add.u32 [%rd1], 1;", 2).count("TK-SIM-MEM-NC"), 1u);
  Report r = Grid().run(edited(message(0, kSet, kWait), plain), 0);
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].cta[0], 1u);
  EXPECT_THAT(r.findings[0].details[0], testing::HasSubstr("load: CTA (1, 0, 0) warp"));
  EXPECT_THAT(r.findings[0].details[1], testing::HasSubstr("write: CTA (0, 0, 0) warp"));
}

/// Lane 0 of the instruction goes to its local memory, lane 1 to the place in question.
TEST(InterCta, OneLaneOfAGenericAccessMayBeLocal) {
  std::string mixed = ".local .align 4 .b32 loc;\nst.local.u32 [loc], 1; mov.u64 %rd20, loc; cvta.local.u64 %rd20, %rd20; "
                      "selp.b64 %rd21, %rd20, %rd101, %p2; setp.lt.u32 %p8, %r1, 2; setp.eq.u32 %p9, %r1, 1;\n";
  Grid g;
  // The flag is written, and read, by lane 1.
  std::string body = mixed + message(0, "@%p8 st.release.gpu.u32 [%rd21], 1;",
                                     "@!%p8 bra $go;\n$poll: ld.acquire.gpu.u32 %r6, [%rd21];\n"
                                     "setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;");
  EXPECT_EQ(g.names(body, 20), Names());
  EXPECT_EQ(g.names(edited(body, {{"st.release.gpu", "st.relaxed.gpu"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"ld.acquire.gpu", "ld.relaxed.gpu"}})), Names{"TK-SIM-RACE-CTA"});
  // Both CTAs write lane 1's word, without flags in the kernel and with one.
  EXPECT_EQ(g.names(mixed + "@%p8 st.u32 [%rd21], %r2;"), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(mixed + "@%p8 st.u32 [%rd21], %r2; red.global.add.u32 [%rd102], 1;"), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(mixed + "setp.eq.u32 %p1, %r2, 0; @!%p1 bra $second; @%p9 st.global.u32 [%rd101], 1; exit;\n"
                            "$second: @%p8 ld.u32 %r7, [%rd21];"),
            Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, EachChangeOfAMessageIsFound) {
  Names cta = {"TK-SIM-RACE-CTA"}, scope = {"TK-SIM-RACE-SCOPE"};
  struct Change {
    const char *what;
    Edits edits;
    Names found;
  } changes[] = {
      {"relaxed store", {{"st.release.gpu", "st.relaxed.gpu"}}, cta},
      {"volatile store", {{"st.release.gpu", "st.volatile"}}, cta},
      {"relaxed load", {{"ld.acquire.gpu", "ld.relaxed.gpu"}}, cta},
      {"volatile load", {{"ld.acquire.gpu", "ld.volatile"}}, cta},
      {"store of scope .cta", {{"st.release.gpu", "st.release.cta"}}, scope},
      {"load of scope .cta", {{"ld.acquire.gpu", "ld.acquire.cta"}}, scope},
      {"store of scope .cluster", {{"st.release.gpu", "st.release.cluster"}}, scope},
      {"flag written before the data",
       {{"add.u32 %r5, %r1, 100;",
         "@%p2 st.release.gpu.global.u32 [%rd101], 1; add.u32 %r5, %r1, 100;"},
        {kSet + "\nexit", "exit"}},
       cta},
      {"not waited for", {{kWait, ""}}, cta},
      {"looked at once", {{"@%p3 bra $poll;", ""}}, cta},
      {"no bar.sync before the release", {{"bar.sync 0;", ""}}, cta},
      {"no bar.sync after the acquire", {{"bar.sync 1;", ""}}, cta},
      {"flag by a thread that nothing orders",
       {{"bar.sync 0;\n@%p2", "setp.eq.u32 %p4, %r1, 32;\n@%p4"}},
       cta},
      {"an ordinary load of the flag", {{"ld.acquire.gpu", "ld"}}, cta},
      {"an ordinary store of the flag", {{"st.release.gpu", "st"}}, cta},
  };
  for (unsigned from : {0u, 1u})
    for (const Change &c : changes) {
      Grid g;
      EXPECT_EQ(g.names(edited(message(from, kSet, kWait), c.edits)), c.found)
          << c.what << ", from " << from;
    }
}

TEST(InterCta, EachChangeOfAMessageByFencesIsFound) {
  Names cta = {"TK-SIM-RACE-CTA"}, scope = {"TK-SIM-RACE-SCOPE"};
  std::string reader = ";\nfence.acq_rel.gpu;";
  struct Change {
    const char *what;
    Edits edits;
    Names found;
  } changes[] = {
      {"no fence before the store", {{"@%p2 fence.acq_rel.gpu;", ""}}, cta},
      {"no fence after the load", {{"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;"}}, cta},
      {"the fence after the store",
       {{"@%p2 fence.acq_rel.gpu;\n", ""}, {"[%rd101], 1;", "[%rd101], 1;\nfence.acq_rel.gpu;"}},
       cta},
      {"the fence of another thread",
       {{"@%p2 fence.acq_rel.gpu;", "setp.eq.u32 %p4, %r1, 1; @%p4 fence.acq_rel.gpu;"}},
       cta},
      {"a writer's fence of scope .cta",
       {{"@%p2 fence.acq_rel.gpu;", "@%p2 fence.acq_rel.cta;"}},
       scope},
      {"a reader's fence of scope .cta",
       {{"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;\nfence.acq_rel.cta;"}},
       scope},
      {"an acquire where a release is needed",
       {{"@%p2 fence.acq_rel.gpu;", "@%p2 fence.acquire.gpu;"}},
       cta},
      {"a release where an acquire is needed",
       {{"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;\nfence.release.gpu;"}},
       cta},
      {"no bar.sync before the fence", {{"bar.sync 0;", ""}}, cta},
      {"no bar.sync after the fence", {{"bar.sync 1;", ""}}, cta},
  };
  for (const Change &c : changes) {
    Grid g;
    EXPECT_EQ(g.names(edited(message(0, kFenceSet, kFenceWait), c.edits)), c.found) << c.what;
  }
  // Each thread's own fence covers what it did before, whatever the thread that sets the flag.
  Grid g;
  EXPECT_EQ(g.names(edited(message(1, kFenceSet, kFenceWait),
                           {{"@%p2 fence.acq_rel.gpu;", "fence.sc.sys;"},
                            {"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;\nmembar.sys;"}}),
                    20),
            Names());
}

TEST(InterCta, VolatileFlagsBetweenMembars) {
  Edits classical = {{"@%p2 fence.acq_rel.gpu;", "membar.gl;"},
                     {"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;\nmembar.gl;"},
                     {"st.relaxed.gpu", "st.volatile"},
                     {"ld.relaxed.gpu", "ld.volatile"}};
  for (unsigned from : {0u, 1u}) {
    Grid g;
    std::string right = edited(message(from, kFenceSet, kFenceWait), classical);
    EXPECT_EQ(g.names(right, 20), Names());
    EXPECT_EQ(g.names(edited(right, {{"bra $poll;\nmembar.gl;", "bra $poll;"}})),
              Names{"TK-SIM-RACE-CTA"});
    EXPECT_EQ(g.names(edited(right, {{"bar.sync 0;\nmembar.gl;", "bar.sync 0;"}})),
              Names{"TK-SIM-RACE-CTA"});
  }
}

TEST(InterCta, FencesScOrderThemselves) {
  // Every thread has a fence, on the wrong side of the barrier to belong to the flag's pattern: as
  // CUDA code has it.
  std::string body = edited(message(1, "@%p2 st.volatile.global.u32 [%rd101], 1;", kFenceWait),
                            {{"bar.sync 0;", "membar.gl;\nbar.sync 0;"},
                             {"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;"},
                             {"bar.sync 1;", "bar.sync 1;\nmembar.gl;"}});
  Grid g;
  EXPECT_EQ(g.names(body, 20), Names());
  EXPECT_EQ(g.names(edited(body, {{"membar.gl", "fence.sc.gpu"}}), 20), Names());
  EXPECT_EQ(g.names(edited(body, {{"membar.gl", "fence.acq_rel.gpu"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"membar.gl", "membar.cta"}})),
            (Names{"TK-SIM-RACE-CTA", "TK-SIM-RACE-SCOPE"}));
  EXPECT_EQ(g.names(edited(body, {{"bar.sync 1;\nmembar.gl;", "bar.sync 1;"}})),
            Names{"TK-SIM-RACE-CTA"});
}

//===----------------------------------------------------------------------===//
// Atomic operations
//===----------------------------------------------------------------------===//

/// Each CTA writes its words, the last one to arrive at the counter sums all.
const std::string kLastBlock =
    "st.global.u32 [%rd4], %r2;\nbar.sync 0;\n"
    "@!%p2 bra $sync;\nfence.acq_rel.gpu;\nsub.u32 %r5, %r4, 1; atom.global.inc.u32 %r6, [%rd101], "
    "%r5; st.shared.u32 [s], %r6;\n"
    "$sync: bar.sync 0; ld.shared.u32 %r6, [s]; sub.u32 %r5, %r4, 1; setp.ne.u32 %p3, %r6, %r5; "
    "@%p3 exit;\n"
    "mov.u32 %r7, 0; mov.u32 %r8, 0; mov.u64 %rd6, %rd1; mul.wide.u32 %rd7, %r3, 4;\n"
    "$sum: ld.global.u32 %r10, [%rd6]; add.u32 %r8, %r8, %r10; add.u64 %rd6, %rd6, %rd7; add.u32 "
    "%r7, %r7, 1;\n"
    "setp.lt.u32 %p3, %r7, %r4; @%p3 bra $sum;\nst.global.u32 [%rd2], %r8;";

TEST(InterCta, TheLastBlockReduces) {
  Grid g;
  g.ctas = 9;
  auto check = [&] { EXPECT_EQ(g.out[63], 36u); };
  std::string right = edited(
      kLastBlock, {{"st.shared.u32 [s], %r6;\n", "fence.acq_rel.gpu; st.shared.u32 [s], %r6;\n"}});
  EXPECT_EQ(g.names(kLastBlock), Names{"TK-SIM-RACE-CTA"}) << "no fence after the counter";
  EXPECT_EQ(g.names(right, 20, check), Names());
  EXPECT_EQ(g.names(edited(right, {{"fence.acq_rel.gpu", "membar.gl"}}), 20, check), Names());
  EXPECT_EQ(g.names(edited(right, {{"bra $sync;\nfence.acq_rel.gpu;", "bra $sync;\n"}})),
            Names{"TK-SIM-RACE-CTA"});
  // By the model a thread's fence covers what it comes after: not what the barrier after it brings.
  EXPECT_EQ(g.names(edited(
                right, {{"bra $sync;\nfence.acq_rel.gpu;", "bra $sync;\n"},
                        {"bar.sync 0;\n@!%p2 bra", "fence.acq_rel.gpu; bar.sync 0;\n@!%p2 bra"}})),
            Names{"TK-SIM-RACE-CTA"});
  std::string atomics = edited(kLastBlock, {{"fence.acq_rel.gpu;\n", ""},
                                            {"atom.global.inc", "atom.acq_rel.gpu.global.inc"}});
  EXPECT_EQ(g.names(atomics, 20, check), Names());
  EXPECT_EQ(g.names(edited(atomics, {{"atom.acq_rel", "atom.acquire"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(atomics, {{"atom.acq_rel", "atom.release"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(atomics, {{"acq_rel.gpu", "acq_rel.cta"}})), Names{"TK-SIM-RACE-SCOPE"});
  // As the programming guide has it: volatile sums, and no fence after the counter. Strong accesses
  // do not race.
  std::string guide =
      edited(kLastBlock, {{"fence.acq_rel.gpu", "membar.gl"},
                          {"ld.global.u32 %r10", "ld.volatile.global.u32 %r10"},
                          {"st.global.u32 [%rd4]", "st.volatile.global.u32 [%rd4]"}});
  EXPECT_EQ(g.names(guide, 20, check), Names());
}

TEST(InterCta, AtomicsCarryAReleaseOn) {
  // CTA 0 releases, CTA 1 adds to the flag and knows nothing, CTA 2 waits for both.
  std::string body =
      "@!%p2 exit; setp.eq.u32 %p1, %r2, 1; @%p1 bra $one; setp.eq.u32 %p1, %r2, 2; @%p1 bra "
      "$two;\n"
      "st.global.u32 [%rd100], 7; red.release.gpu.global.add.u32 [%rd101], 1; exit;\n"
      "$one: ld.relaxed.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $one;\n"
      "atom.relaxed.gpu.global.add.u32 %r6, [%rd101], 1; exit;\n"
      "$two: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.ne.u32 %p3, %r6, 2; @%p3 bra $two;\n"
      "ld.global.u32 %r7, [%rd100]; st.global.u32 [%rd102], %r7;";
  Grid g;
  g.ctas = 3;
  EXPECT_EQ(g.names(body, 20, [&] { EXPECT_EQ(g.out[0], 7u); }), Names());
  Edits plainStore = {{"atom.relaxed.gpu.global.add.u32 %r6, [%rd101], 1;",
                       "st.relaxed.gpu.global.u32 [%rd101], 2;"}};
  EXPECT_EQ(g.names(edited(body, plainStore)), Names{"TK-SIM-RACE-CTA"})
      << "a store ends the sequence";
  EXPECT_EQ(g.names(edited(body, {{"atom.relaxed.gpu", "atom.relaxed.cta"}})),
            Names{"TK-SIM-RACE-SCOPE"});
  EXPECT_EQ(g.names(edited(body, {{"$two: ld.acquire.gpu.global.u32 %r6, [%rd101];",
                                   "$two: atom.acquire.gpu.global.or.b32 %r6, [%rd101], 0;"}}),
                    20),
            Names());
}

TEST(InterCta, AReductionReadsNothing) {
  // Thread 0 sees the flag, thread 32 touches it by an atomic operation and has the fence.
  std::string body = edited(message(0, kSet, kFenceWait),
                            {{"bra $poll;\nfence.acq_rel.gpu;", "bra $poll;"},
                             {"bar.sync 1;", "bar.sync 1; setp.ge.u32 %p4, %r1, 32; @!%p4 exit;\n"
                                             "atom.relaxed.gpu.global.add.u32 %r8, [%rd101], 1; "
                                             "fence.acq_rel.gpu;"}});
  Grid g;
  EXPECT_EQ(g.names(body, 20), Names());
  EXPECT_EQ(g.names(edited(body, {{"atom.relaxed.gpu.global.add.u32 %r8,",
                                   "red.relaxed.gpu.global.add.u32"}})),
            Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, WhoHasReadAFlagMayClearItWhateverAtomicsMadeIt) {
  // Each CTA counts itself, the last one clears the counter for the next launch.
  std::string count =
      "@!%p2 exit;\natom.relaxed.gpu.global.add.u32 %r6, [%rd101], 1; sub.u32 %r5, %r4, 1; "
      "setp.ne.u32 %p3, %r6, %r5; @%p3 exit;\nst.global.u32 [%rd101], 0;";
  Grid g;
  g.ctas = 6;
  EXPECT_EQ(g.names(count), Names());
  EXPECT_EQ(g.names(edited(count, {{"@!%p2 exit;\n", "@!%p2 exit; fence.acq_rel.gpu;\n"}})),
            Names());
  EXPECT_TRUE(g.names(edited(count, {{"@%p3 exit;", ""}})).count("TK-SIM-RACE-CTA"))
      << "cleared by who has not seen all";
  EXPECT_EQ(g.names(edited(count, {{"sub.u32 %r5, %r4, 1;", "sub.u32 %r5, %r4, 2;"}})),
            Names{"TK-SIM-RACE-CTA"})
      << "cleared by the last but one";
  EXPECT_TRUE(g.names(edited(count, {{"atom.relaxed.gpu", "atom.relaxed.cta"}}))
                  .count("TK-SIM-RACE-SCOPE"));
  // All others count, the last CTA waits for them and clears the counter.
  std::string wait =
      "@!%p2 exit; sub.u32 %r5, %r4, 1; setp.eq.u32 %p3, %r2, %r5; @%p3 bra $l;\n"
      "red.relaxed.gpu.global.add.u32 [%rd101], 1; exit;\n"
      "$l: ld.relaxed.gpu.global.u32 %r6, [%rd101]; setp.ne.u32 %p3, %r6, %r5; @%p3 bra $l;\n"
      "st.global.u32 [%rd101], 0;";
  for (const char *add :
       {"red.relaxed.gpu.global.add.u32 [",
        "fence.acq_rel.gpu; "
        "red.relaxed.gpu.global.add.u32 [",
        "red.release.gpu.global.add.u32 [", "atom.relaxed.gpu.global.add.u32 %r7, ["}) {
    std::string right = edited(wait, {{"red.relaxed.gpu.global.add.u32 [", add}});
    EXPECT_EQ(g.names(right), Names()) << add;
    EXPECT_EQ(g.names(edited(right, {{"setp.ne.u32 %p3, %r6, %r5; @%p3 bra $l;",
                                      "setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;"}})),
              Names{"TK-SIM-RACE-CTA"})
        << "waits for one of them only, " << add;
    EXPECT_EQ(g.names(edited(right, {{"$l: ld.relaxed.gpu", "$l: ld"}})), Names{"TK-SIM-RACE-CTA"})
        << "an ordinary read, " << add;
  }
  // Within a CTA: the flag is in shared memory, each warp has a part.
  std::string shared =
      "@%p2 st.shared.u32 [s], 0; bar.sync 0; and.b32 %r5, %r1, 31; setp.ne.u32 %p3, %r5, 0; @%p3 "
      "exit;\nsetp.eq.u32 %p4, %r1, 0; @%p4 bra $l;\nred.shared.add.u32 [s], 1; exit;\n"
      "$l: ld.volatile.shared.u32 %r6, [s]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;\n"
      "st.shared.u32 [s], 0; red.global.add.u32 [%rd101], 1;";
  EXPECT_EQ(g.names(shared), Names());
  EXPECT_EQ(g.names(edited(shared, {{"@%p3 bra $l;\nst", "\nst"}})), Names{"TK-SIM-RACE"});
}

TEST(InterCta, ManyReadsAndManyReleasesAreCheap) {
  // 65536 relaxed reads that no fence follows; 400000 sums that nobody acquires.
  std::string stream =
      "mov.u64 %rd20, %rd1; mov.u32 %r20, 0; setp.eq.u32 %p3, %r2, 0; @!%p3 bra $r;\n"
      "fence.acq_rel.gpu;\n$w: st.volatile.global.u32 [%rd20], 1; add.u64 %rd20, %rd20, 256; "
      "add.u32 %r20, %r20, 1; setp.lt.u32 %p4, %r20, 2048; @%p4 bra $w;\n"
      "st.volatile.global.u32 [%rd2], 1; exit;\n"
      "$r: ld.volatile.global.u32 %r22, [%rd2]; setp.eq.u32 %p6, %r22, 0; @%p6 bra $r;\n"
      "$q: ld.volatile.global.u32 %r21, [%rd20]; add.u64 %rd20, %rd20, 256; add.u32 %r20, %r20, 1; "
      "setp.lt.u32 %p4, %r20, 2048; @%p4 bra $q;";
  Grid g;
  g.words = 1 << 18;
  g.maxSteps = 0;
  // Time of this process, not of the clock: others may use the machine.
  auto seconds = [](clock_t since) { return double(clock() - since) / CLOCKS_PER_SEC; };
  clock_t begin = clock();
  Report r = g.run(stream, 0);
  EXPECT_EQ(describe(r), "");
  EXPECT_LT(seconds(begin), 8);
  g.ctas = 2048;
  g.threads = 32;
  begin = clock();
  r = g.run("@!%p2 exit; mov.u32 %r20, 0; fence.acq_rel.gpu;\n"
            "$l: atom.relaxed.gpu.global.add.u32 %r12, [%rd101], 1; add.u32 %r20, %r20, 1; "
            "setp.lt.u32 %p5, %r20, 200; @%p5 bra $l;",
            0);
  EXPECT_EQ(describe(r), "");
  EXPECT_LT(seconds(begin), 12);
}

TEST(InterCta, AnOrdinaryStoreEndsAReleaseSequence) {
  // CTA 0 releases f; CTA 1 sees it, clears it by an ordinary store and releases g; CTA 2 acquires
  // g, then reads f.
  std::string body =
      "@!%p2 exit; setp.eq.u32 %p1, %r2, 1; @%p1 bra $one; setp.eq.u32 %p1, %r2, 2; @%p1 bra "
      "$two;\n"
      "st.global.u32 [%rd100], 7; st.release.gpu.global.u32 [%rd101], 1; exit;\n"
      "$one: ld.relaxed.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $one;\n"
      "st.global.u32 [%rd101], 0;\nst.release.gpu.global.u32 [%rd101+8], 1; exit;\n"
      "$two: ld.acquire.gpu.global.u32 %r6, [%rd101+8]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $two;\n"
      "ld.acquire.gpu.global.u32 %r6, [%rd101]; ld.global.u32 %r7, [%rd100];";
  Grid g;
  g.ctas = 3;
  EXPECT_EQ(g.names(body), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"st.global.u32 [%rd101], 0;\n",
                                   "atom.global.exch.b32 %r8, [%rd101], 0;\n"}}),
                    20),
            Names());
}

/// All CTAs meet: a counter that only grows, `rounds` times.
std::string gridBarrier(const std::string &arrive, const std::string &poll,
                        const std::string &after) {
  return "mov.u32 %r20, 0; mov.u32 %r21, 0;\n$round:\n"
         "add.u32 %r5, %r9, %r20; st.global.u32 [%rd4], %r5;\nbar.sync 0;\n"
         "add.u32 %r21, %r21, %r4; @!%p2 bra $met;\n" +
         arrive + "\n$poll: " + poll + " setp.lt.u32 %p3, %r6, %r21; @%p3 bra $poll;\n" + after +
         "\n$met: bar.sync 0;\n"
         // What the next CTA wrote.
         "add.u32 %r7, %r2, 1; rem.u32 %r7, %r7, %r4; mad.lo.u32 %r7, %r7, %r3, %r1; mul.wide.u32 "
         "%rd6, %r7, 4; add.u64 %rd6, %rd100, %rd6;\n"
         "ld.global.u32 %r8, [%rd6]; add.u32 %r7, %r7, %r20; setp.ne.u32 %p4, %r7, %r8; @%p4 "
         "trap;\n"
         "bar.sync 0;\nadd.u32 %r21, %r21, %r4; @!%p2 bra $met2;\n" +
         arrive + "\n$poll2: " + poll + " setp.lt.u32 %p3, %r6, %r21; @%p3 bra $poll2;\n" + after +
         "\n$met2: bar.sync 0;\n"
         "add.u32 %r20, %r20, 1; setp.lt.u32 %p3, %r20, 3; @%p3 bra $round;";
}

TEST(InterCta, AllCtasMeetInABarrier) {
  Grid g;
  g.ctas = 12;
  std::string fences = gridBarrier("membar.gl; atom.global.add.u32 %r6, [%rd101], 1;",
                                   "ld.volatile.global.u32 %r6, [%rd101];", "membar.gl;");
  std::string orders = gridBarrier("red.release.gpu.global.add.u32 [%rd101], 1;",
                                   "ld.acquire.gpu.global.u32 %r6, [%rd101];", "");
  EXPECT_EQ(g.names(fences, 20), Names());
  EXPECT_EQ(g.names(orders, 20), Names());
  EXPECT_EQ(g.names(edited(orders, {{"red.release", "red.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(orders, {{"ld.acquire", "ld.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(fences, {{"bra $poll;\nmembar.gl;", "bra $poll;\n"},
                                    {"bra $poll2;\nmembar.gl;", "bra $poll2;\n"},
                                    {"membar.gl; atom", "fence.acq_rel.gpu; atom"}})),
            Names{"TK-SIM-RACE-CTA"});
  EXPECT_TRUE(
      g.names(edited(orders, {{"$met: bar.sync 0;", "$met:"}}), 1).count("TK-SIM-RACE-CTA"));
}

TEST(InterCta, ASpinLock) {
  std::string body =
      "@!%p2 exit; mov.u32 %r20, 0;\n"
      "$lock: atom.acquire.gpu.global.cas.b32 %r6, [%rd101], 0, 1; setp.ne.u32 %p3, %r6, 0; @%p3 "
      "bra $lock;\n"
      "ld.global.u32 %r7, [%rd102]; add.u32 %r7, %r7, 1; st.global.u32 [%rd102], %r7;\n"
      "st.release.gpu.global.u32 [%rd101], 0;\n"
      "add.u32 %r20, %r20, 1; setp.lt.u32 %p3, %r20, 5; @%p3 bra $lock;";
  Grid g;
  g.ctas = 6;
  auto check = [&] { EXPECT_EQ(g.out[0], 30u); };
  EXPECT_EQ(g.names(body, 20, check), Names());
  EXPECT_EQ(g.names(edited(body, {{"st.release.gpu.global.u32 [%rd101], 0;",
                                   "atom.release.gpu.global.exch.b32 %r8, [%rd101], 0;"}}),
                    20, check),
            Names());
  EXPECT_EQ(g.names(edited(body, {{"st.release", "st.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"atom.acquire", "atom.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(
                body, {{"st.release.gpu.global.u32 [%rd101], 0;", "st.global.u32 [%rd101], 0;"}})),
            Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, StrongAccessesOfOnePlaceDoNotRace) {
  Grid g;
  g.ctas = 4;
  EXPECT_EQ(g.names("st.relaxed.gpu.global.u32 [%rd1], %r2; ld.relaxed.gpu.global.u32 %r5, [%rd1]; "
                    "red.global.add.u32 [%rd1], 1;"),
            Names());
  EXPECT_EQ(g.names("st.volatile.global.u32 [%rd1], %r2; ld.volatile.global.u32 %r5, [%rd1];"),
            Names());
  EXPECT_EQ(g.names("st.relaxed.gpu.global.u32 [%rd1], %r2; ld.global.u32 %r5, [%rd1];"),
            Names{"TK-SIM-RACE-CTA"})
      << "an ordinary load";
  EXPECT_EQ(g.names("st.global.u32 [%rd1], %r2; ld.relaxed.gpu.global.u32 %r5, [%rd1];"),
            Names{"TK-SIM-RACE-CTA"})
      << "an ordinary store";
  EXPECT_EQ(g.names("st.global.u32 [%rd1], 0; bar.sync 0; red.global.add.u32 [%rd1], 1;"),
            (Names{"TK-SIM-RACE-CTA", "TK-SIM-RACE-SAME-VALUE"}));
  EXPECT_EQ(g.names("st.global.u32 [%rd2], 7; red.global.add.u32 [%rd5], 1;"), Names{"TK-SIM-RACE-SAME-VALUE"});
  EXPECT_EQ(g.names("red.relaxed.cta.global.add.u32 [%rd1], 1;"), Names{"TK-SIM-RACE-SCOPE"});
  EXPECT_EQ(g.names("red.global.add.u32 [%rd4], 1; ld.global.u32 %r5, [%rd4];"), Names())
      << "its own place";
}

TEST(InterCta, WhoSawAFlagMayClearItByAnOrdinaryStore) {
  Grid g;
  std::string clears = "$go:\n@%p2 st.global.u32 [%rd101], 0;\n";
  for (unsigned from : {0u, 1u})
    EXPECT_EQ(g.names(edited(message(from, kFenceSet, kFenceWait), {{"$go:\n", clears}}), 20),
              Names());
  EXPECT_EQ(g.names(edited(message(0, kFenceSet, ""), {{"$go:\n", clears}})),
            Names{"TK-SIM-RACE-CTA"});
}

/// A thread polls a flag without acquiring. An ordinary read of the flag comes after its write for that thread, and for
/// those that come after it; all others of the CTA race as if nobody had looked.
TEST(InterCta, WhatOneThreadSawOthersHaveNot) {
  const std::string slow = "mov.u32 %r20, 0;\n$slow: add.u32 %r20, %r20, 1; setp.lt.u32 %p7, %r20, 3000; @%p7 bra $slow;\n";
  const std::string read = "ld.$.u32 %r7, [@];\n";
  auto poll = [](const std::string &then) {
    return "$w: ld.relaxed.gpu.$.u32 %r6, [@];\nsetp.eq.u32 %p3, %r6, 0; @%p3 bra $w;\n" + then;
  };
  struct Case {
    const char *what;
    std::string poller, other; ///< What the first warp that looks does, and the second.
    bool races;
  } cases[] = {
      {"nobody else", poll(read), "", false},
      {"another warp", poll(""), slow + read, true},
      {"ordered before the poll", "bar.sync 1, 64;\n" + poll(""), "bar.sync 1, 64;\n" + slow + read, true},
      {"ordered after the poll", poll("bar.sync 1, 64;\n"), "bar.sync 1, 64;\n" + read, false},
      {"ordered after the first of two polls", poll("bar.sync 1, 64; ld.relaxed.gpu.$.u32 %r6, [@];\n"),
       "bar.sync 1, 64;\n" + slow + read, false},
      {"a polled flag that is not looked at again", poll(""), slow, false},
      {"another lane", "elect.sync %r21|%p8, -1; @!%p8 bra $other;\n" + poll("bra.uni $out;\n$other:\n" + slow + read), "",
       true},
      {"another lane behind bar.warp.sync",
       "elect.sync %r21|%p8, -1; @!%p8 bra $other;\n" + poll("$other: bar.warp.sync -1;\n" + read), "", false},
  };
  for (bool isShared : {true, false})
    for (const Case &c : cases) {
      // In shared memory of one CTA, or from one CTA to another.
      Grid g;
      g.ctas = isShared ? 1 : 2;
      g.threads = 96;
      std::string body = std::string("@%p2 st.shared.u32 [s], 0;\nbar.sync 0;\n") +
                         (isShared ? "setp.lt.u32 %p1, %r1, 32; @!%p1 bra $look;\n" : "setp.eq.u32 %p1, %r2, 0; @!%p1 bra $look;\n") +
                         "@%p2 st.relaxed.gpu.$.u32 [@], 1;\nbra.uni $out;\n$look: setp.ge.u32 %p4, %r1, 64; @%p4 bra $late;\n" +
                         (isShared ? "" : "setp.lt.u32 %p4, %r1, 32; @%p4 bra $out;\n") + c.poller + "bra.uni $out;\n$late:\n" +
                         c.other + "$out:\n";
      std::string space = isShared ? "shared" : "global", place = isShared ? "s" : "%rd101";
      body = edited(body, {{".$.", "." + space + "."}, {"[@]", "[" + place + "]"}});
      EXPECT_EQ(g.names(body), c.races ? Names{isShared ? "TK-SIM-RACE" : "TK-SIM-RACE-CTA"} : Names())
          << c.what << ", " << space;
    }
}

//===----------------------------------------------------------------------===//
// Partial sums
//===----------------------------------------------------------------------===//

/// As stream-K does it: each CTA but the last gives a partial sum, each but the first adds that of
/// the one before. `order`: 1 waits for lower CTAs, -1 for higher ones.
std::string partials(int order) {
  std::string last = order > 0 ? "sub.u32 %r20, %r4, 1;" : "mov.u32 %r20, 0;";
  std::string first = order > 0 ? "mov.u32 %r21, 0;" : "sub.u32 %r21, %r4, 1;";
  std::string step = std::to_string(-order);
  return last + first +
         // Its words of the workspace, 16 bytes for each thread.
         "shl.b32 %r5, %r9, 4; cvt.u64.u32 %rd10, %r5; add.u64 %rd10, %rd100, %rd10;\n"
         "add.u32 %r22, %r2, " +
         step +
         "; mad.lo.u32 %r6, %r22, %r3, %r1; xor.b32 %r6, %r6, 33; shl.b32 %r6, %r6, 4; cvt.u64.u32 "
         "%rd11, %r6; add.u64 %rd11, %rd100, %rd11;\n"
         "mul.wide.s32 %rd12, %r22, 4; add.u64 %rd12, %rd101, %rd12; mov.u32 %r16, 0;\n"
         "setp.eq.u32 %p4, %r2, %r20; @%p4 bra $given;\n"
         "add.u32 %r7, %r9, 5; st.global.v4.u32 [%rd10], {%r7, %r7, %r7, %r7};\nbar.sync 1, 64;\n"
         "@%p2 st.release.gpu.global.u32 [%rd5], 1;\n"
         "$given: setp.eq.u32 %p4, %r2, %r21; @%p4 exit;\n"
         "@!%p2 bra $ready;\n$poll: ld.acquire.gpu.global.u32 %r8, [%rd12]; setp.eq.u32 %p3, %r8, "
         "0; @%p3 bra $poll;\n"
         "$ready: bar.sync 2, 64;\nld.global.v4.u32 {%r12, %r13, %r14, %r15}, [%rd11];\n"
         "add.u32 %r12, %r12, %r15; mul.wide.u32 %rd3, %r9, 4; add.u64 %rd3, %rd102, %rd3; "
         "st.global.u32 [%rd3], %r12;";
}

TEST(InterCta, PartialSumsOfManyCtas) {
  for (int order : {1, -1}) {
    Grid g;
    g.ctas = 16;
    auto check = [&] {
      for (unsigned cta = 1; cta < 15; ++cta)
        for (unsigned t = 0; t < 64; ++t)
          ASSERT_EQ(g.out[cta * 64 + t], 2 * (((cta - order) * 64 + t) ^ 33) + 10) << cta;
    };
    EXPECT_EQ(g.names(partials(order), 20, check), Names()) << order;
    for (const Edits &change :
         std::vector<Edits>{{{"bar.sync 1, 64;", ""}},
                            {{"bar.sync 2, 64;", ""}},
                            {{"st.release", "st.relaxed"}},
                            {{"ld.acquire", "ld.relaxed"}},
                            {{"@%p3 bra $poll;", ""}},
                            {{"mul.wide.s32 %rd12, %r22, 4;", "mul.wide.s32 %rd12, %r2, 4;"}}}) {
      Names found = g.names(edited(partials(order), change));
      EXPECT_TRUE(found.count("TK-SIM-RACE-CTA")) << change[0].first;
    }
  }
}

TEST(InterCta, ASlotUsedTwiceNeedsAnAnswer) {
  // CTA 0 gives two messages through one slot; CTA 1 answers in between.
  std::string body =
      "@!%p2 exit; setp.eq.u32 %p1, %r2, 1; @%p1 bra $reader;\n"
      "st.global.u32 [%rd100], 5; st.release.gpu.global.u32 [%rd101], 1;\n"
      "$answer: ld.acquire.gpu.global.u32 %r6, [%rd101+4]; setp.eq.u32 %p3, %r6, 0; @%p3 bra "
      "$answer;\n"
      "st.global.u32 [%rd100], 6; st.release.gpu.global.u32 [%rd101], 2; exit;\n"
      "$reader: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra "
      "$reader;\n"
      "ld.global.u32 %r7, [%rd100];\nst.release.gpu.global.u32 [%rd101+4], 1;\n"
      "$second: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.ne.u32 %p3, %r6, 2; @%p3 bra "
      "$second;\n"
      "ld.global.u32 %r8, [%rd100]; add.u32 %r8, %r8, %r7; st.global.u32 [%rd102], %r8;";
  Grid g;
  EXPECT_EQ(g.names(body, 20, [&] { EXPECT_EQ(g.out[0], 11u); }), Names());
  EXPECT_EQ(g.names(edited(body, {{"@%p3 bra $answer;", ""}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"st.release.gpu.global.u32 [%rd101+4]",
                                   "st.relaxed.gpu.global.u32 [%rd101+4]"}})),
            Names{"TK-SIM-RACE-CTA"})
      << "a write after another CTA's read";
  // Turns end at strong accesses, or hardly any schedule would show this one.
  unsigned found = 0;
  for (unsigned seed = 0; seed < 64; ++seed)
    found += has(g.run(edited(body, {{"@%p3 bra $answer;", ""}}), seed), "TK-SIM-RACE-CTA");
  EXPECT_GE(found, 8u);
  EXPECT_EQ(
      g.names(edited(body,
                     {{"ld.global.u32 %r7, [%rd100];\nst.release.gpu.global.u32 [%rd101+4], 1;",
                       "st.release.gpu.global.u32 [%rd101+4], 1;\nld.global.u32 %r7, [%rd100];"}})),
      Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, OrderIsPassedOn) {
  // CTA 0 to CTA 1 to CTA 2, another thread each time.
  std::string body =
      "setp.eq.u32 %p1, %r2, 1; @%p1 bra $one; setp.eq.u32 %p1, %r2, 2; @%p1 bra $two;\n"
      "st.global.u32 [%rd1], %r1; bar.sync 0; @%p2 st.release.gpu.global.u32 [%rd101], 1; exit;\n"
      "$one: @!%p2 bra $go; \n$poll1: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, "
      "%r6, 0; @%p3 bra $poll1;\n"
      "$go: bar.sync 0; setp.eq.u32 %p4, %r1, 40; @%p4 st.release.gpu.global.u32 [%rd101+4], 1; "
      "exit;\n"
      "$two: ld.acquire.gpu.global.u32 %r6, [%rd101+4]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $two;\n"
      "ld.global.u32 %r7, [%rd1]; st.global.u32 [%rd2], %r7;";
  Grid g;
  g.ctas = 3;
  EXPECT_EQ(g.names(body, 20, [&] { EXPECT_EQ(g.out[50], 50u); }), Names());
  EXPECT_EQ(g.names(edited(body, {{"$poll1: ld.acquire", "$poll1: ld.relaxed"}})),
            Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"$go: bar.sync 0;", "$go:"}})), Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"$poll1: ld.acquire.gpu", "$poll1: ld.acquire.cta"}})),
            Names{"TK-SIM-RACE-SCOPE"});
}

TEST(InterCta, NeighboursInAWordAreApart) {
  Grid g;
  // Byte 2 * CTA of each thread's word.
  std::string body =
      "shl.b32 %r5, %r2, 1; cvt.u64.u32 %rd6, %r5; add.u64 %rd6, %rd1, %rd6; cvt.u16.u32 %rs1, "
      "%r2;\n"
      "st.global.b16 [%rd6], %rs1; red.global.add.u32 [%rd101], 1;\nld.global.u16 %rs2, [%rd6];";
  EXPECT_EQ(g.names(body), Names());
  EXPECT_EQ(g.names(edited(body, {{"ld.global.u16 %rs2, [%rd6];", "ld.global.u32 %r6, [%rd1];"}})),
            Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"shl.b32 %r5, %r2, 1;", "mov.u32 %r5, 0;"}})),
            Names{"TK-SIM-RACE-CTA"});
}

//===----------------------------------------------------------------------===//
// Clusters, proxies, and inside a CTA
//===----------------------------------------------------------------------===//

TEST(InterCta, ClustersTalk) {
  // The first cluster's two CTAs write, one thread of it sets the flag after their barrier; a
  // thread of the second cluster's second CTA waits, both read.
  std::string body =
      "mov.u32 %r20, %cluster_ctarank; setp.ge.u32 %p1, %r2, 2; @%p1 bra $reader;\n"
      "st.global.u32 [%rd4], %r9; barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n"
      "setp.eq.u32 %p4, %r9, 0; @%p4 st.release.gpu.global.u32 [%rd101], 1; exit;\n"
      "$reader: setp.ne.u32 %p4, %r9, 192; @%p4 bra $go;\n"
      "$poll: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;\n"
      "$go: barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n"
      "xor.b32 %r7, %r9, 192; mul.wide.u32 %rd6, %r7, 4; add.u64 %rd6, %rd100, %rd6; ld.global.u32 "
      "%r8, [%rd6];\n"
      "mul.wide.u32 %rd6, %r9, 4; add.u64 %rd6, %rd102, %rd6; st.global.u32 [%rd6], %r8;";
  Grid g;
  g.ctas = 4;
  g.cluster = 2;
  auto check = [&] { EXPECT_EQ(g.out[255], 63u); };
  EXPECT_EQ(g.names(body, 20, check), Names());
  EXPECT_EQ(
      g.names(edited(body, {{"barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\nsetp",
                             "bar.sync 0;\nsetp"}})),
      Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(
      g.names(edited(body, {{"$go: barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;",
                             "$go: bar.sync 0;"}})),
      Names{"TK-SIM-RACE-CTA"});
  EXPECT_EQ(g.names(edited(body, {{"st.release.gpu", "st.release.cluster"}})),
            Names{"TK-SIM-RACE-SCOPE"});
  EXPECT_EQ(g.names(edited(body, {{"ld.acquire", "ld.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, InAClusterTheScopeOfTheClusterIsEnough) {
  Grid g;
  g.cluster = 2;
  std::string narrow = edited(message(0, kSet, kWait), {{"st.release.gpu", "st.release.cluster"},
                                                        {"ld.acquire.gpu", "ld.acquire.cluster"}});
  EXPECT_EQ(g.names(narrow, 20), Names());
  EXPECT_EQ(g.names(edited(narrow, {{"st.release.cluster", "st.relaxed.cluster"}})),
            Names{"TK-SIM-RACE"});
  Report r = g.run(edited(narrow, {{"st.release.cluster", "st.release.cta"}}), 0);
  EXPECT_TRUE(has(r, "TK-SIM-RACE-SCOPE")) << describe(r);
}

TEST(InterCta, StrongAccessesOfACluster) {
  Grid g;
  g.cluster = 2;
  Names scope = {"TK-SIM-RACE-SCOPE"};
  std::string sync = "barrier.cluster.arrive; barrier.cluster.wait;\n";
  std::string remote = "mov.u32 %r20, s; mapa.shared::cluster.u32 %r21, %r20, 0;\n";
  auto shared = [&](const std::string &accesses) { return remote + sync + accesses + sync; };
  struct {
    std::string body;
    const char *narrow;
  } cases[] = {
      {"red.relaxed.#.global.add.u32 [%rd101], 1;\n", "cta"},
      {"atom.relaxed.#.global.add.u32 %r5, [%rd101], 1;\n", "cta"},
      {"st.relaxed.#.global.u32 [%rd101], %r2; ld.relaxed.#.global.u32 %r5, [%rd101];\n", "cta"},
      {shared("atom.relaxed.#.shared::cluster.add.u32 %r5, [%r21], 1;\n"), "cta"},
      {shared("st.relaxed.#.shared::cluster.u32 [%r21], 1; ld.relaxed.#.shared::cluster.u32 %r5, [%r21];\n"), "cta"},
  };
  for (auto &c : cases) {
    EXPECT_EQ(g.names(edited(c.body, {{"#", c.narrow}})), scope) << c.body;
    for (const char *wide : {"cluster", "gpu", "sys"})
      EXPECT_EQ(g.names(edited(c.body, {{"#", wide}})), Names()) << c.body << wide;
  }
  // One of the two is narrow, whichever comes first.
  std::string pair = "setp.eq.u32 %p1, %r2, 0; @%p1 red.relaxed.#.global.add.u32 [%rd101], 1;\n@!%p1 red.relaxed.gpu.global.add.u32 [%rd101], 1;";
  EXPECT_EQ(g.names(edited(pair, {{"#", "cta"}})), scope);
  EXPECT_EQ(g.names(edited(pair, {{"#", "cluster"}})), Names());
  // In one CTA, and where a barrier orders the two, any scope does.
  EXPECT_EQ(g.names("red.relaxed.cta.global.add.u32 [%rd5], 1;"), Names());
  EXPECT_EQ(g.names("setp.eq.u32 %p1, %r2, 0; @%p1 red.relaxed.cta.global.add.u32 [%rd101], 1;\n" + sync +
                    "@!%p1 red.relaxed.cta.global.add.u32 [%rd101], 1;"),
            Names());
  // What a narrow flag orders is no race of strong accesses that hold both.
  std::string narrow = edited(message(0, kSet, kWait), {{"st.release.gpu", "st.release.cta"}, {"ld.acquire.gpu", "ld.acquire.cluster"}});
  auto isDataFound = [&](const std::string &body) {
    bool found = false;
    for (const Finding &f : g.run(body, 0).findings)
      found |= f.ptxText.find("%r8, [%rd6]") != std::string::npos;
    return found;
  };
  EXPECT_TRUE(isDataFound(narrow));
  EXPECT_FALSE(isDataFound(edited(narrow, {{"st.global.u32 [%rd1], %r5", "st.relaxed.cluster.global.u32 [%rd1], %r5"},
                                           {"ld.global.u32 %r8", "ld.relaxed.cluster.global.u32 %r8"}})));
}

TEST(InterCta, CopiesOfAnotherCtasWritesNeedAProxyFence) {
  // CTA 0 writes 256 bytes, CTA 1 copies them to shared memory.
  std::string body =
      "setp.eq.u32 %p1, %r2, 1; @%p1 bra $reader;\n"
      "st.global.u32 [%rd1], %r1;\nfence.proxy.async;\nbar.sync 0; @%p2 st.release.gpu.global.u32 "
      "[%rd101], 1; exit;\n"
      "$reader: @%p2 mbarrier.init.shared.b64 [s+512], 1; bar.sync 0; @!%p2 bra $wait;\n"
      "$poll: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;\n"
      "mbarrier.arrive.expect_tx.shared.b64 _, [s+512], 256;\n"
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd100], 256, "
      "[s+512];\n"
      "$wait: mbarrier.try_wait.parity.shared.b64 %p3, [s+512], 0; @!%p3 bra $wait;\n"
      "mov.u32 %r10, s; shl.b32 %r11, %r1, 2; add.u32 %r10, %r10, %r11; ld.shared.u32 %r12, "
      "[%r10]; st.global.u32 [%rd2], %r12;";
  Grid g;
  EXPECT_EQ(g.names(body, 20, [&] { EXPECT_EQ(g.out[63], 63u); }), Names());
  Edits noFence = {{"fence.proxy.async;\n", ""}};
  EXPECT_EQ(g.names(edited(body, noFence)), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_EQ(g.names(edited(
                body, {{"fence.proxy.async;\n", ""},
                       {"@%p3 bra $poll;\n", "@%p3 bra $poll;\nfence.proxy.async.global;\n"}})),
            Names());
  EXPECT_EQ(g.names(edited(body, {{"ld.acquire", "ld.relaxed"}})), Names{"TK-SIM-RACE-CTA"});
  // The other way: a copy writes, its thread waits for it and releases.
  std::string store = "setp.eq.u32 %p1, %r2, 1; @%p1 bra $reader;\n"
                      "mov.u32 %r10, s; shl.b32 %r11, %r1, 2; add.u32 %r10, %r10, %r11; "
                      "st.shared.u32 [%r10], %r1; fence.proxy.async; bar.sync 0;\n@!%p2 exit;\n"
                      "cp.async.bulk.global.shared::cta.bulk_group [%rd100], [s], 256; "
                      "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n"
                      "st.release.gpu.global.u32 [%rd101], 1; exit;\n"
                      "$reader: @!%p2 bra $go;\n$poll: ld.acquire.gpu.global.u32 %r6, [%rd101]; "
                      "setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;\n"
                      "$go: bar.sync 0; ld.global.u32 %r8, [%rd1]; st.global.u32 [%rd2], %r8;";
  EXPECT_EQ(g.names(store, 20, [&] { EXPECT_EQ(g.out[63], 63u); }), Names());
  EXPECT_EQ(g.names(edited(store, {{"wait_group 0", "wait_group.read 0"}})),
            Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, FlagsInSharedMemoryOrderTheThreadsOfACta) {
  // Warp 0 writes, a lane of it sets the flag, all lanes of warp 1 wait.
  std::string body =
      "@%p2 st.shared.u32 [s+512], 0; bar.sync 0; setp.ge.u32 %p1, %r1, 32; @%p1 bra $reader;\n"
      "mov.u32 %r10, s; shl.b32 %r11, %r1, 2; add.u32 %r10, %r10, %r11; st.shared.u32 [%r10], %r1; "
      "bar.warp.sync -1;\n"
      "@%p2 st.release.cta.shared.u32 [s+512], 1; exit;\n"
      "$reader: ld.acquire.cta.shared.u32 %r6, [s+512]; setp.eq.u32 %p3, %r6, 0; @%p3 bra "
      "$reader;\n"
      "mov.u32 %r10, s; sub.u32 %r11, %r1, 32; shl.b32 %r11, %r11, 2; add.u32 %r10, %r10, %r11; "
      "ld.shared.u32 %r12, [%r10];";
  Grid g;
  g.ctas = 1;
  EXPECT_EQ(g.names(body, 20), Names());
  EXPECT_EQ(g.names(edited(body, {{"st.release", "st.relaxed"}})), Names{"TK-SIM-RACE"});
  EXPECT_EQ(g.names(edited(body, {{"ld.acquire", "ld.relaxed"}})), Names{"TK-SIM-RACE"});
  EXPECT_EQ(
      g.names(edited(body, {{"@%p2 st.release.cta", "@%p2 fence.acq_rel.cta; @%p2 st.volatile"},
                            {"ld.acquire.cta", "ld.volatile"},
                            {"@%p3 bra $reader;", "@%p3 bra $reader; membar.cta;"}}),
              20),
      Names());
  EXPECT_EQ(g.names(edited(body, {{"bar.warp.sync -1;", ""}})), Names{"TK-SIM-RACE"})
      << "only the lane's own writes are released";
}

//===----------------------------------------------------------------------===//
// Waiting for ever, and reports
//===----------------------------------------------------------------------===//

TEST(InterCta, WaitingForEverEnds) {
  Grid g;
  g.maxSteps = 0;
  std::string nobody = "@!%p2 bra $end;\n$poll: ld.acquire.gpu.global.u32 %r6, [%rd5]; setp.eq.u32 "
                       "%p3, %r6, 0; @%p3 bra $poll;\n$end: bar.sync 0;";
  Report r = g.run(nobody, 1);
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-BARRIER-DEADLOCK");
  EXPECT_EQ(r.findings[0].count, 2u) << "each CTA once";
  EXPECT_THAT(r.findings[0].message, testing::HasSubstr("byte 0 of 'flags'"));
  EXPECT_THAT(r.findings[0].message, testing::HasSubstr("finds 0"));
  EXPECT_THAT(describe(r), testing::HasSubstr("warp 1 lanes 0xffffffff at"));
  // A lock that is never given back, and a wait for a phase beside one for a flag.
  EXPECT_EQ(g.names("@!%p2 exit;\n$l: atom.acquire.gpu.global.cas.b32 %r6, [%rd101], 0, 1; "
                    "setp.ne.u32 %p3, %r6, 0; @%p3 bra $l;"),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(
      g.names("@%p2 mbarrier.init.shared.b64 [s], 1; bar.sync 0;\n$l: "
              "mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @%p3 exit;\n"
              "ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;"),
      Names{"TK-SIM-BARRIER-DEADLOCK"});
  // A deadlock inside one CTA ends that one; the others go on.
  r = g.run("setp.eq.u32 %p1, %r2, 0; setp.lt.u32 %p3, %r1, 32; @!%p1 bra $other; @%p3 bar.sync 1, "
            "64;\nexit;\n"
            "$other: red.global.add.u32 [%rd102], 1;",
            0);
  EXPECT_TRUE(has(r, "TK-SIM-BARRIER-DEADLOCK")) << describe(r);
  EXPECT_EQ(g.out[0], 64u);
}

/// Each lane takes the lock in a loop and holds it behind the loop, where before sm_70 it would wait for those that want it.
const char *const kLockBehind =
    "$l: atom.acquire.gpu.global.cas.b32 %r6, [%rd101], 0, 1; setp.ne.u32 %p3, %r6, 0; @%p3 bra $l;\n"
    "ld.global.u32 %r7, [%rd102]; add.u32 %r7, %r7, 1; st.global.u32 [%rd102], %r7;\n"
    "atom.release.gpu.global.exch.b32 %r6, [%rd101], 0;\n";

TEST(InterCta, ALockHeldBehindItsLoop) {
  Grid g;
  g.maxSteps = 0;
  for (unsigned ctas : {1u, 3u}) {
    g.ctas = ctas;
    EXPECT_EQ(g.names(kLockBehind, 4, [&] { EXPECT_EQ(g.out[0], 64 * ctas); }), Names());
  }
  // The warp meets again where it is wanted as a whole: for a barrier, a shuffle and a product.
  std::string meet = "bar.sync 0; shfl.sync.bfly.b32 %r8, %r1, 1, 31, -1; xor.b32 %r9, %r1, 1; setp.ne.u32 %p4, %r8, %r9; @%p4 trap;\n"
                     "mov.b32 %f1, 0f00000000; mov.b32 %r10, 0;\n"
                     "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f2, %f3, %f4, %f5}, {%r10, %r10}, {%r10}, {%f1, %f1, %f1, %f1};\n";
  EXPECT_EQ(g.names(kLockBehind + meet, 4, [&] { EXPECT_EQ(g.out[0], 192u); }), Names());
  // Who waits counts its rounds where others see it, so that no round is as the one before.
  EXPECT_EQ(g.names(edited(kLockBehind, {{"@%p3 bra", "@%p3 red.relaxed.gpu.global.add.u32 [%rd101+64], 1;\n@%p3 bra"}}), 1,
                    [&] { EXPECT_EQ(g.out[0], 192u); }),
            Names());
  // In each round of a loop, and in a branch that only some lanes take.
  EXPECT_EQ(g.names("mov.u32 %r20, 0;\n$again:\n" + std::string(kLockBehind) +
                        "bar.sync 0; add.u32 %r20, %r20, 1; setp.lt.u32 %p5, %r20, 3; @%p5 bra $again;\n",
                    2, [&] { EXPECT_EQ(g.out[0], 576u); }),
            Names());
  EXPECT_EQ(g.names("and.b32 %r20, %r1, 3; setp.eq.u32 %p5, %r20, 0; @%p5 bra $out;\n" + std::string(kLockBehind) + "$out: bar.sync 0;", 4,
                    [&] { EXPECT_EQ(g.out[0], 144u); }),
            Names());
}

TEST(InterCta, ALockHeldBehindItsLoopMayStillBeWrong) {
  Grid g;
  g.maxSteps = 0;
  EXPECT_EQ(g.names(edited(kLockBehind, {{"atom.release.gpu.global.exch.b32 %r6, [%rd101], 0;", ""}}), 2), Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(g.names(edited(kLockBehind, {{".release", ".relaxed"}}), 8).count("TK-SIM-RACE"), 1u);
  // What the lanes do not all come to is still no place for the whole warp.
  EXPECT_EQ(g.names(std::string(kLockBehind) + "setp.lt.u32 %p4, %r1, 7; @%p4 bra $a; bar.sync 1, 32; bra.uni $b;\n$a: bar.sync 2, 32;\n$b:", 2),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
  // The holder needs the others.
  EXPECT_EQ(g.names(edited(kLockBehind, {{"ld.global.u32 %r7", "bar.warp.sync -1; ld.global.u32 %r7"}}), 2), Names{"TK-SIM-BARRIER-DEADLOCK"});
}

/// The same in shared memory of a kernel whose CTAs do not talk.
TEST(InterCta, ALockInSharedMemoryHeldBehindItsLoop) {
  Grid g;
  g.ctas = 3;
  std::string body = "@%p2 st.shared.u32 [s], 0; @%p2 st.shared.u32 [s+4], 0; bar.sync 0;\n"
                     "$l: atom.acquire.cta.shared.cas.b32 %r6, [s], 0, 1; setp.ne.u32 %p3, %r6, 0; @%p3 bra $l;\n"
                     "ld.shared.u32 %r7, [s+4]; add.u32 %r7, %r7, 1; st.shared.u32 [s+4], %r7;\n"
                     "atom.release.cta.shared.exch.b32 %r6, [s], 0;\n"
                     "bar.sync 0; ld.shared.u32 %r7, [s+4]; mul.wide.u32 %rd6, %r9, 4; add.u64 %rd6, %rd102, %rd6; st.global.u32 [%rd6], %r7;";
  EXPECT_EQ(g.names(body, 4, [&] { EXPECT_EQ(std::vector<uint32_t>(g.out.begin(), g.out.begin() + 192), std::vector<uint32_t>(192, 64)); }), Names());
}

TEST(InterCta, WhatCountsIsNoDeadlock) {
  // Many strong reads of what nobody changes, and an end.
  const char *loops[] = {
      "ld.volatile.global.u32 %r6, [%rd101]; add.u32 %r11, %r11, %r6;",
      "ld.relaxed.gpu.global.u32 %r6, [%rd101]; setp.ne.u32 %p4, %r6, 0; @%p4 exit;",
      "atom.global.cas.b32 %r6, [%rd101], 5, 6;",
      "ld.volatile.global.u32 %r6, [%rd5]; ld.volatile.global.u32 %r7, [%rd101+64];",
  };
  for (const char *loop : loops)
    for (unsigned ctas : {1u, 3u}) {
      Grid g;
      g.threads = 32;
      g.ctas = ctas;
      std::string body = std::string("mov.u32 %r10, 0; mov.u32 %r11, 0;\n$l: ") + loop +
                         "\nadd.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, 8000; @%p3 bra $l;\n"
                         "setp.eq.u32 %p5, %r2, 0; @%p5 st.global.u32 [%rd2], %r10;";
      EXPECT_EQ(g.names(body, 2, [&] { EXPECT_EQ(g.out[31], 8000u); }), Names()) << loop;
    }
}

TEST(InterCta, ALoopOfReadsThatHasEndedIsNoWait) {
  // CTA 0 reads a while, then computes for long without touching memory.
  std::string body =
      "@!%p2 exit; mov.u32 %r10, 0; setp.eq.u32 %p1, %r2, 0; @%p1 bra $q;\n"
      "$l: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;\n"
      "ld.global.u32 %r7, [%rd100]; st.global.u32 [%rd102], %r7; exit;\n"
      "$q: ld.volatile.global.u32 %r6, [%rd101+64]; add.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, "
      "2500; @%p3 bra $q;\nmov.u32 %r10, 0;\n"
      "$m: add.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, 300000; @%p3 bra $m;\n"
      "st.global.u32 [%rd100], 7; st.release.gpu.global.u32 [%rd101], 1;";
  Grid g;
  EXPECT_EQ(g.names(body, 3, [&] { EXPECT_EQ(g.out[0], 7u); }), Names());
}

TEST(InterCta, AWaitThatLooksAtAClockEnds) {
  // Its registers are the same at every read.
  std::string body = "@!%p2 exit; mov.u32 %r10, %clock; add.u32 %r10, %r10, 400000;\n"
                     "$l: ld.acquire.gpu.global.u32 %r6, [%rd101]; mov.u32 %r11, %clock; "
                     "setp.lt.u32 %p3, %r11, %r10; mov.u32 %r11, 0; @%p3 bra $l;\n"
                     "st.global.u32 [%rd4], %r11;";
  Grid g;
  EXPECT_EQ(g.names(body, 2), Names());
}

TEST(InterCta, AWaitThatLooksAtAClockMayBeADeadlock) {
  // As cuda::atomic::wait does.
  Grid g;
  EXPECT_EQ(g.names("@!%p2 exit; mov.u32 %r10, %clock;\n"
                    "$l: ld.acquire.gpu.global.u32 %r6, [%rd101]; mov.u32 %r11, %clock; sub.u32 %r11, %r11, %r10; nanosleep.u32 %r11; "
                    "setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;",
                    2),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
}

TEST(InterCta, AWaitForAPhaseThatCountsItsRoundsGivesUp) {
  std::string body = "mov.u32 %r10, 0; @%p2 mbarrier.init.shared.b64 [s], 1; bar.sync 0;\n"
                     "$l: mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @%p3 exit;\n"
                     "add.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, 1000; @%p3 bra $l;\n"
                     "st.global.u32 [%rd4], %r10;\n";
  Grid g;
  EXPECT_EQ(g.names(body, 3), Names());
  EXPECT_EQ(g.names(body + "red.global.add.u32 [%rd101], 1;", 3), Names()) << "CTAs that talk";
}

TEST(InterCta, ADeadlockOfSeveralWaitsIsFound) {
  // Lanes that wait apart, two flags in turn, and a flag of each CTA among many.
  Grid g;
  g.maxSteps = 0;
  EXPECT_EQ(g.names("setp.lt.u32 %p1, %r1, 7; @%p1 bra $m;\n"
                    "$l: ld.acquire.gpu.global.u32 %r6, [%rd101]; add.u32 %r7, %r6, 5; setp.ne.u32 "
                    "%p3, %r7, 6; @%p3 bra $l;\nexit;\n"
                    "$m: ld.acquire.gpu.global.u32 %r6, [%rd101+4]; setp.eq.u32 %p3, %r6, 0; @%p3 "
                    "bra $m;",
                    2),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
  EXPECT_EQ(g.names("mov.u32 %r10, 0;\n$l: xor.b32 %r10, %r10, 4; cvt.u64.u32 %rd6, %r10; add.u64 "
                    "%rd6, %rd6, %rd101;\n"
                    "ld.acquire.gpu.global.u32 %r6, [%rd6]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;",
                    2),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
  g.ctas = 200;
  EXPECT_EQ(g.names("@!%p2 exit;\n$l: ld.relaxed.gpu.global.u32 %r6, [%rd5]; setp.eq.u32 %p3, %r6, "
                    "0; @%p3 bra $l;",
                    1),
            Names{"TK-SIM-BARRIER-DEADLOCK"});
}

TEST(InterCta, AWaitForAPhaseMayEndThroughAnotherCta) {
  // The loop around try_wait looks at a flag of the other CTA, which comes late.
  std::string body =
      "setp.eq.u32 %p1, %r2, 1; @%p1 bra $setter; @%p2 mbarrier.init.shared.b64 [s], 1; bar.sync "
      "0;\n"
      "$l: mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @%p3 exit;\n"
      "ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $l;\nexit;\n"
      "$setter: mov.u32 %r5, 0;\n$late: add.u32 %r5, %r5, 1; setp.lt.u32 %p3, %r5, 200000; @%p3 "
      "bra "
      "$late;\n"
      "st.release.gpu.global.u32 [%rd101], 1;";
  Grid g;
  EXPECT_EQ(g.names(body), Names());
}

TEST(InterCta, TheLimitOfStepsEndsAllCtas) {
  // Who counts in memory while it waits is no standstill. Nothing is said of what the others leave
  // unfinished.
  std::string body =
      "@!%p2 bra $wait; mbarrier.init.shared.b64 [s], 1; mbarrier.expect_tx.shared.b64 [s], 16;\n"
      "$l: red.global.add.u32 [%rd101], 1; ld.acquire.gpu.global.u32 %r6, [%rd101+64]; setp.eq.u32 "
      "%p3, %r6, 0; @%p3 bra $l;\n"
      "$wait: bar.sync 0;";
  Grid g;
  g.ctas = 5;
  g.maxSteps = 20000;
  EXPECT_EQ(g.names(body), Names{"TK-SIM-STEP-LIMIT"});
}

TEST(InterCta, AsManyCtasAreResidentAsTheDeviceHolds) {
  // Each waits for the one of the highest number; with 200 KiB each a multiprocessor holds one.
  std::string body = "@!%p2 exit; sub.u32 %r5, %r4, 1; setp.eq.u32 %p1, %r2, %r5; @%p1 bra $set;\n"
                     "$poll: ld.acquire.gpu.global.u32 %r6, [%rd101]; setp.eq.u32 %p3, %r6, 0; "
                     "@%p3 bra $poll;\nexit;\n"
                     "$set: st.release.gpu.global.u32 [%rd101], 1;";
  Grid g;
  g.maxSteps = 0;
  g.threads = 32;
  g.ctas = 132;
  g.sharedBytes = 200 << 10;
  EXPECT_EQ(g.names(body, 1), Names());
  g.ctas = 133;
  Report r = g.run(body, 0);
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-BARRIER-DEADLOCK");
  EXPECT_THAT(r.findings[0].message,
              testing::HasSubstr("1 more start only when one of these ends"));
}

TEST(InterCta, ResidenceFollowsTheNumberOfMultiprocessors) {
  // Each waits for the next higher one, the last for nobody.
  std::string body =
      "@!%p2 exit; add.u32 %r5, %r2, 1; setp.eq.u32 %p1, %r5, %r4; @%p1 bra $set;\n"
      "$poll: ld.acquire.gpu.global.u32 %r6, [%rd5+4]; setp.eq.u32 %p3, %r6, 0; @%p3 bra $poll;\n"
      "$set: st.release.gpu.global.u32 [%rd5], 1; mov.u32 %r7, %nsmid; st.global.u32 [%rd2], %r7;";
  body = edited(body, {{"st.global.u32 [%rd2], %r7;", "st.relaxed.gpu.global.u32 [%rd102], %r7;"}});
  Grid g;
  g.maxSteps = 0;
  g.threads = 32;
  g.sharedBytes = 200 << 10;
  for (unsigned sms : {1u, 3u}) {
    g.multiprocessors = sms;
    g.ctas = sms;
    EXPECT_EQ(g.names(body, 2, [&] { EXPECT_EQ(g.out[0], sms); }), Names());
    g.ctas = sms + 1;
    EXPECT_EQ(g.names(body, 2), Names{"TK-SIM-BARRIER-DEADLOCK"});
  }
}

TEST(InterCta, TheSeedSaysWhoStarts) {
  // An acquire that does not look at the flag it reads.
  std::string body = "@!%p2 exit; setp.eq.u32 %p1, %r2, 0; @%p1 bra $w;\n"
                     "ld.acquire.gpu.global.u32 %r6, [%rd101]; ld.global.u32 %r7, [%rd100]; exit;\n"
                     "$w: st.global.u32 [%rd100], 5; st.release.gpu.global.u32 [%rd101], 1;";
  Grid g;
  EXPECT_EQ(g.names(body, 8), Names{"TK-SIM-RACE-CTA"});
}

TEST(InterCta, AStrongStoreIsNoAtomic) {
  Grid g;
  std::string text;
  for (unsigned seed = 0; seed < 4; ++seed)
    text +=
        describe(g.run("setp.eq.u32 %p1, %r2, 0; @%p1 st.relaxed.gpu.global.u32 [%rd1], 1; "
                       "@!%p1 ld.global.u32 %r5, [%rd1]; @!%p1 bra $e; bar.sync 0; xor.b32 %r7, "
                       "%r1, 32; mul.wide.u32 %rd6, %r7, 4; add.u64 %rd6, %rd102, %rd6;\n"
                       "st.relaxed.gpu.global.u32 [%rd6], 1; st.global.u32 [%rd2], 1;\n$e:",
                       seed));
  EXPECT_THAT(text, testing::HasSubstr("write of"));
  EXPECT_THAT(text, testing::HasSubstr("an earlier write of the same byte"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("atomic")));
}

TEST(InterCta, BothPartiesAreNamed) {
  Grid g;
  Report r = g.run(edited(message(0, kSet, kWait), {{"ld.acquire", "ld.relaxed"}}), 0);
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  const Finding &f = r.findings[0];
  EXPECT_EQ(f.name, "TK-SIM-RACE-CTA");
  EXPECT_THAT(
      f.message,
      testing::AllOf(testing::HasSubstr("of 'data'"), testing::HasSubstr("by CTA (1, 0, 0)"),
                     testing::HasSubstr("an earlier write of the same byte by CTA (0, 0, 0)")));
  EXPECT_THAT(describe(r), testing::AllOf(testing::HasSubstr("this: CTA (1, 0, 0) warp"),
                                          testing::HasSubstr("other: CTA (0, 0, 0) warp"),
                                          testing::HasSubstr("st.global.u32 [%rd1], %r5;'")));
  EXPECT_THAT(describe(r),
              testing::HasSubstr("the read is no acquire and no fence of its thread follows it"));
  r = g.run(edited(message(0, kSet, kWait), {{"st.release", "st.relaxed"}}), 0);
  EXPECT_THAT(describe(r),
              testing::HasSubstr("the write is no release and no fence of its thread precedes it"));
  auto texts = [&](const Edits &edits) {
    std::string all;
    for (unsigned seed = 0; seed < 8; ++seed)
      all += describe(g.run(edited(message(0, kSet, kWait), edits), seed));
    return all;
  };
  EXPECT_THAT(texts({{"bar.sync 1;", ""}}),
              testing::HasSubstr("warp 0 has acquired it from CTA (0, 0, 0); bar.sync"));
  EXPECT_THAT(texts({{"bar.sync 0;", ""}}),
              testing::HasSubstr("bar.sync in CTA (0, 0, 0) before the release"));
}

TEST(InterCta, ReportsDoNotDependOnHostThreads) {
  std::string wrong = edited(partials(-1), {{"bar.sync 1, 64;", ""}});
  for (unsigned seed = 0; seed < 3; ++seed) {
    std::string texts[3];
    for (unsigned i : {0, 1, 2}) {
      Grid g;
      g.ctas = 16;
      g.maxSteps = 0;
      g.hostThreads = i == 2 ? 8 : 1;
      texts[i] = describe(g.run(wrong, seed));
    }
    EXPECT_NE(texts[0], "");
    EXPECT_EQ(texts[0], texts[1]);
    EXPECT_EQ(texts[0], texts[2]);
  }
}

TEST(InterCta, LargeGridsTakeMemoryAsTheyGo) {
  Sim sim;
  sim.launch.grid = {0x7fffffff, 1, 1};
  sim.launch.block = {1, 1, 1};
  sim.options.maxSteps = 1000;
  sim.buffer(std::vector<uint32_t>(1), "sum");
  std::string text = kernel(1, "red.global.add.u32 [%rd100], 1;");
  Report r = sim.run(text);
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-STEP-LIMIT");
  sim.launch.grid = {0x7fffffff, 60000, 1};
  auto program = llvm::cantFail(Program::parse(text, "x.ptx"));
  auto refused = sim.device->launch(*program, sim.launch, sim.options);
  ASSERT_FALSE(bool(refused));
  EXPECT_THAT(llvm::toString(refused.takeError()), testing::HasSubstr("expected a grid of at most 4294967295 CTAs or clusters"));
}

} // namespace
