//===- ClusterTest.cpp - Clusters of CTAs ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/TensorMap.h"
#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;

struct Outcome {
  Report report;
  std::vector<uint32_t> words; ///< 64 for each CTA.
};

/// Grids of 4 x 2 CTAs in clusters of `cluster`, 64 threads each. %r1 thread, %r2 rank, %r3 CTA, %r4 the thread's word
/// at s+1024, %rd2 its word of the output, %rd3 the map of a tensor of 64 x 64 words; %p1 thread 0, %p2 rank 0.
Outcome runOne(const std::string &body, uint64_t seed, std::array<uint32_t, 3> cluster = {2, 1, 1}, const std::string &directives = "",
               unsigned threads = 64, std::optional<Severity> narrowScope = Severity::Warning) {
  Sim sim;
  sim.options.seed = seed;
  sim.options.grades["TK-SIM-RACE-SCOPE"] = narrowScope;
  sim.launch.block = {threads, 1, 1};
  sim.launch.grid = {4, 2, 1};
  sim.launch.cluster = cluster;
  uint64_t out = sim.buffer(std::vector<uint32_t>(8 * 64), "out");
  std::vector<uint32_t> words(64 * 64);
  for (unsigned i = 0; i < words.size(); ++i)
    words[i] = i;
  TensorMap m;
  m.type = TensorMap::Type::U32;
  m.rank = 2;
  m.address = sim.buffer(words, "tensor");
  m.size = {64, 64, 1, 1, 1};
  m.stride[0] = 256;
  m.box = {32, 2, 1, 1, 1};
  auto bytes = llvm::cantFail(encodeTensorMap(m));
  sim.launch.parameters.assign(bytes.begin(), bytes.end());
  sim.pass(out);
  Outcome o;
  o.report = sim.run(".version 8.6\n.target sm_90a\n.address_size 64\n.shared .align 1024 .b8 s[4096];\n.visible .entry k(.param .align 64 .b8 m[128], .param .u64 o) " +
                     directives + "\n{\n.reg .b64 %rd<20>; .reg .b32 %r<80>; .reg .pred %p<20>; .reg .b16 %rs<9>;\n"
                     "mov.u32 %r1, %tid.x; mov.u32 %r2, %cluster_ctarank; mov.u32 %r3, %ctaid.y; mov.u32 %r5, %ctaid.x; mad.lo.u32 %r3, %r3, 4, %r5;\n"
                     "mov.u32 %r6, s; shl.b32 %r7, %r1, 2; add.u32 %r4, %r6, %r7; add.u32 %r4, %r4, 1024; ld.param.u64 %rd1, [o];\n"
                     "mad.lo.u32 %r8, %r3, 64, %r1; mul.wide.u32 %rd4, %r8, 4; add.u64 %rd2, %rd1, %rd4; mov.b64 %rd5, m; cvta.param.u64 %rd3, %rd5;\n"
                     "setp.eq.u32 %p1, %r1, 0; setp.eq.u32 %p2, %r2, 0; xor.b32 %r9, %r2, 1;\n" + body + "\nret;\n}\n");
  o.words = sim.read<uint32_t>(out, 8 * 64);
  return o;
}
Names names(const std::string &body, std::array<uint32_t, 3> cluster = {2, 1, 1}, unsigned seeds = 8) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, seed, cluster).report.findings) {
      found.insert(f.name);
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  return found;
}

const std::string kSync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
const std::string kPeer = "mapa.shared::cluster.u32 %r10, %r4, %r9;\n";
std::string wait(const std::string &parity = "0", const std::string &scope = ".acquire.cluster") {
  return "{\n$w: mbarrier.try_wait.parity" + scope + ".shared::cta.b64 %p3, [s], " + parity + "; @!%p3 bra $w;\n}\n";
}

TEST(Cluster, RanksAndShapes) {
  // Rank, ids and sizes packed in decimal digits.
  std::string body = "mov.u32 %r20, %cluster_ctaid.x; mov.u32 %r21, %cluster_ctaid.y; mov.u32 %r22, %cluster_nctaid.x; mov.u32 %r23, %cluster_nctarank;\n"
                     "mov.u32 %r24, %clusterid.x; mov.u32 %r25, %nclusterid.x; mov.u32 %r26, %clusterid.y;\n"
                     "mad.lo.u32 %r30, %r2, 10, %r20; mad.lo.u32 %r30, %r30, 10, %r21; mad.lo.u32 %r30, %r30, 10, %r22; mad.lo.u32 %r30, %r30, 10, %r23;\n"
                     "mad.lo.u32 %r30, %r30, 10, %r24; mad.lo.u32 %r30, %r30, 10, %r25; mad.lo.u32 %r30, %r30, 10, %r26; st.global.u32 [%rd2], %r30;";
  for (std::array<uint32_t, 3> c : {std::array<uint32_t, 3>{1, 1, 1}, {2, 1, 1}, {4, 1, 1}, {2, 2, 1}, {1, 2, 1}, {4, 2, 1}}) {
    Outcome o = runOne(body, 3, c);
    EXPECT_TRUE(o.report.findings.empty()) << describe(o.report);
    EXPECT_EQ(o.report.counters["ctas"], 8u);
    for (unsigned y = 0; y < 2; ++y)
      for (unsigned x = 0; x < 4; ++x) {
        unsigned rx = x % c[0], ry = y % c[1], rank = rx + ry * c[0];
        unsigned want = 0;
        for (unsigned digit : {rank, rx, ry, c[0], c[0] * c[1], x / c[0], 4 / c[0], y / c[1]})
          want = want * 10 + digit;
        EXPECT_EQ(o.words[(y * 4 + x) * 64], want) << x << ", " << y;
      }
  }
  Sim sim;
  auto refuse = [&](std::array<uint32_t, 3> grid, std::array<uint32_t, 3> cluster, const char *directive, const char *message) {
    sim.launch.grid = grid;
    sim.launch.cluster = cluster;
    auto p = llvm::cantFail(Program::parse(header() + ".visible .entry k() " + directive + " { ret; }\n", "c.ptx"));
    auto r = sim.device->launch(*p, sim.launch, sim.options);
    EXPECT_EQ(bool(r), *message == 0) << message;
    EXPECT_THAT(r ? "" : llvm::toString(r.takeError()), testing::HasSubstr(message));
  };
  refuse({4, 1, 1}, {2, 1, 1}, "", "");
  refuse({4, 1, 1}, {1, 1, 1}, ".reqnctapercluster 2, 1, 1", "");
  refuse({5, 1, 1}, {2, 1, 1}, "", "whole clusters");
  refuse({32, 1, 1}, {32, 1, 1}, "", "clusters of 1 to 16");
  refuse({4, 1, 1}, {4, 1, 1}, ".reqnctapercluster 2, 1, 1", "requires clusters of 2x1x1");
}

TEST(Cluster, SharedMemoryOfPeers) {
  std::string write = "add.u32 %r11, %r3, 100; st.shared.u32 [%r4], %r11;\n", out = "st.global.u32 [%rd2], %r12;\n";
  std::string read = kPeer + "ld.shared::cluster.u32 %r12, [%r10];\n" + out;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(write + kSync + read + kSync, seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << describe(o.report);
    for (unsigned cta = 0; cta < 8; ++cta)
      EXPECT_EQ(o.words[cta * 64 + 9], 100 + (cta ^ 1)) << "seed " << seed;
  }
  std::string generic = "cvt.u64.u32 %rd7, %r4; cvta.shared.u64 %rd7, %rd7; mapa.u64 %rd8, %rd7, %r9; ld.u32 %r12, [%rd8];\n"
                        "getctarank.u64 %r13, %rd8; setp.ne.u32 %p5, %r13, %r9; @%p5 mov.u32 %r12, 0; getctarank.shared::cluster.u32 %r13, %r4; setp.ne.u32 %p5, %r13, %r2; @%p5 mov.u32 %r12, 0;\n";
  EXPECT_EQ(names(write + kSync + generic + out + kSync), Names());
  EXPECT_EQ(runOne(write + kSync + generic + out + kSync, 1).words[64], 100u);
  EXPECT_TRUE(names(write + "bar.sync 0;\n" + read + kSync).count("TK-SIM-RACE")) << "a CTA's own barrier orders no peers";
  EXPECT_TRUE(names(write + "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n" + read + kSync).count("TK-SIM-RACE")) << "a relaxed arrival";
  // With a fence before it is a release, of a scope that holds the peer.
  auto fenced = [&](const std::string &fence) {
    return names(write + fence + "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n" + read + kSync);
  };
  EXPECT_EQ(fenced("fence.acq_rel.cluster;"), Names());
  EXPECT_EQ(fenced("fence.acq_rel.gpu;"), Names());
  EXPECT_EQ(fenced("fence.acq_rel.cta;"), Names{"TK-SIM-RACE-SCOPE"});
  EXPECT_TRUE(fenced("@%p2 fence.acq_rel.cluster;").count("TK-SIM-RACE")) << "rank 0 alone";
  EXPECT_TRUE(names("fence.acq_rel.cluster;" + write + "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n" + read + kSync).count("TK-SIM-RACE"))
      << "written behind the fence";
  // Only rank 0 reads, and only rank 1: before that has left on some seeds, after it on others.
  std::string once = write + kSync + "@!%p2 bra $end;\n" + read + "$end:";
  for (uint64_t seed = 0; seed < 16; ++seed)
    EXPECT_TRUE(has(runOne(once, seed, {4, 2, 1}).report, "TK-SIM-CLUSTER-EXIT")) << "who is read may have left, seed " << seed;
  EXPECT_EQ(names(once + kSync, {4, 2, 1}), Names());
  std::string push = kPeer + "st.shared::cluster.u32 [%r10], %r3;\n" + kSync + "ld.shared.u32 %r12, [%r4];\n" + out;
  EXPECT_EQ(names(kSync + push), Names());
  EXPECT_EQ(runOne(kSync + push, 2).words[64 * 5], 4u);
  EXPECT_EQ(names("@%p1 st.shared.u32 [s], 0;\n" + kSync + "mapa.shared::cluster.u32 %r10, %r6, 0; red.shared::cluster.add.u32 [%r10], 1;\n" + kSync + "@%p2 ld.shared.u32 %r12, [s]; @!%p2 mov.u32 %r12, 0;\n" + out), Names());
  EXPECT_EQ(runOne("@%p1 st.shared.u32 [s], 0;\n" + kSync + "mapa.shared::cluster.u32 %r10, %r6, 0; red.shared::cluster.add.u32 [%r10], 1;\n" + kSync + "@%p2 ld.shared.u32 %r12, [s]; @!%p2 mov.u32 %r12, 0;\n" + out, 0).words[0], 128u);
  EXPECT_TRUE(names(write + kSync + kPeer + "ld.shared.u32 %r12, [%r10];\n" + kSync).count("TK-SIM-MEM-OOB")) << "not a shared::cta address";
  EXPECT_EQ(names("mapa.shared::cluster.u32 %r10, %r4, 2;\n"), Names{"TK-SIM-CLUSTER-RANK"});
}

TEST(Cluster, BarrierPhases) {
  EXPECT_EQ(names(kSync + kSync), Names());
  EXPECT_EQ(names("barrier.cluster.arrive.release; barrier.cluster.wait.acquire;\n", {4, 2, 1}), Names());
  EXPECT_EQ(names(kSync, {1, 1, 1}), Names());
  EXPECT_EQ(names("setp.lt.u32 %p5, %r1, 32; @%p5 bra $end;\n" + kSync + "$end:", {1, 1, 1}), Names());
  EXPECT_EQ(names("barrier.cluster.arrive.aligned; barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n"), Names{"TK-SIM-BARRIER-COUNT"});
  EXPECT_EQ(names("barrier.cluster.wait.aligned;\n"), Names{"TK-SIM-BARRIER-COUNT"});
  EXPECT_EQ(names("@%p2 bra $end;\n" + kSync + "$end:"), Names()) << "threads that have left are not waited for";
  EXPECT_EQ(names("@%p2 bra $end;\n" + kSync + "bra $out;\n$end: bar.sync 1, 128;\n$out:"), Names{"TK-SIM-BARRIER-DEADLOCK"});
  Report r = runOne("@%p2 bra $end;\n" + kSync + "bra $out;\n$end: bar.sync 1, 128;\n$out:", 0).report;
  ASSERT_FALSE(r.findings.empty());
  EXPECT_THAT(r.findings[0].details, testing::Contains(testing::HasSubstr("CTA rank 1 warp 0 lanes 0xffffffff at line")));
  EXPECT_THAT(r.findings[0].details, testing::Contains(testing::HasSubstr("waits for phase 0 of the cluster barrier")));
  // Named barriers and barrier 0 stay each CTA's own.
  EXPECT_EQ(names("@%p2 bra $a; bar.sync 0; bar.sync 1, 64; bra $b;\n$a: bar.sync 1, 64; bar.sync 0;\n$b:"), Names());
}

const std::string kInit = "@%p1 mbarrier.init.shared.b64 [s], %COUNT%; @%p1 fence.mbarrier_init.release.cluster;\nbarrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n";
std::string init(const std::string &count) {
  std::string s = kInit;
  s.replace(s.find("%COUNT%"), 7, count);
  return s;
}

// As nvcc compiles `if (tid < 8) return; cluster.sync();`: all ways meet at the return, and who waits there never leaves.
TEST(Cluster, LanesThatLeaveBeforeTheBarrier) {
  const std::string early = "setp.lt.u32 %p3, %r1, 8; setp.lt.u32 %p4, %r1, 16;\n";
  for (std::string sync : {kSync, std::string("barrier.cluster.arrive; barrier.cluster.wait;\n")}) {
    EXPECT_EQ(names(early + "@%p3 bra $out;\n" + sync + "$out:"), Names{});
    EXPECT_EQ(names(early + "@!%p4 bra $x;\n@%p3 bra $out;\nadd.u32 %r20, %r1, 1;\n$x: add.u32 %r21, %r1, 1;\n" + sync +
                    "st.global.u32 [%rd2], %r21;\n$out:"),
              Names{});
  }
}

TEST(Cluster, RemoteArrivals) {
  std::string arrive = "mapa.shared::cluster.u32 %r14, %r6, %r9; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r14];\n";
  // Each thread pushes a word to its peer and arrives there.
  std::string push = kPeer + "st.shared::cluster.u32 [%r10], %r3;\n" + arrive + wait() + "ld.shared.u32 %r12, [%r4]; st.global.u32 [%rd2], %r12;\n";
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(init("64") + push + kSync, seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << describe(o.report);
    for (unsigned cta = 0; cta < 8; ++cta)
      EXPECT_EQ(o.words[cta * 64 + 63], cta ^ 1) << "seed " << seed;
  }
  EXPECT_EQ(names(init("64") + push), Names()) << "the waits order both exits";
  EXPECT_EQ(names(init("64") + kPeer + arrive + "st.shared::cluster.u32 [%r10], %r3;\n" + wait() + "ld.shared.u32 %r12, [%r4];\n" + kSync), Names{"TK-SIM-RACE"}) << "arrives too early";
  EXPECT_TRUE(names(init("64") + arrive).count("TK-SIM-CLUSTER-EXIT"));
  EXPECT_EQ(names("@%p1 mbarrier.init.shared.b64 [s], 64;\n" + kSync + push + kSync), Names{"TK-SIM-MBARRIER-FENCE"}) << "a warning: no fence.mbarrier_init";
  EXPECT_TRUE(names("@%p1 mbarrier.init.shared.b64 [s], 64;\nbarrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n" + push + kSync).count("TK-SIM-RACE"));
  EXPECT_EQ(names(init("1") + "mapa.shared::cluster.u32 %r14, %r6, %r9;\n@%p1 mbarrier.expect_tx.relaxed.cluster.shared::cluster.b64 [%r14], 16;\n"
                  "@%p1 mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%r14], 32; @%p1 mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [%r14], 48;\n" + wait() + kSync), Names());
  EXPECT_TRUE(names(init("1") + "mapa.shared::cluster.u32 %r14, %r6, %r9; mbarrier.test_wait.parity.shared::cta.b64 %p3, [%r14], 0;\n" + kSync).count("TK-SIM-MBARRIER-INVALID"));
  for (const char *bad : {"mbarrier.init.shared::cluster.b64 [%r1], 1;", "mbarrier.try_wait.parity.shared::cluster.b64 %p1, [%r1], 0;", "mbarrier.arrive.shared::cluster.b64 %rd1, [%r1];"}) {
    auto p = Program::parse(kernel(0, bad), "bad.ptx");
    EXPECT_FALSE(bool(p)) << bad;
    llvm::consumeError(p.takeError());
  }
}

/// An arrival that reaches its own CTA only orders nothing for a peer, nor does a wait; the memory model's letter, which
/// many kernels do without: a warning, unless asked for otherwise.
TEST(Cluster, Scopes) {
  auto push = [](const std::string &arrive, const std::string &acquire) {
    return init("64") + kPeer + "st.shared::cluster.u32 [%r10], %r3;\nmapa.shared::cluster.u32 %r14, %r6, %r9; mbarrier.arrive" + arrive +
           ".shared::cluster.b64 _, [%r14];\n" + wait("0", acquire) + "ld.shared.u32 %r12, [%r4]; st.global.u32 [%rd2], %r12;\n" + kSync;
  };
  EXPECT_EQ(names(push(".release.cluster", ".acquire.cluster")), Names());
  for (const char *narrow : {"", ".release.cta"})
    EXPECT_EQ(names(push(narrow, ".acquire.cluster")), Names{"TK-SIM-RACE-SCOPE"}) << narrow;
  for (const char *narrow : {"", ".acquire.cta"})
    EXPECT_EQ(names(push(".release.cluster", narrow)), Names{"TK-SIM-RACE-SCOPE"}) << narrow;
  EXPECT_EQ(names(push(".relaxed.cluster", ".acquire.cluster")), Names{"TK-SIM-RACE"}) << "no order at all is the worse";
  for (const Finding &f : runOne(push("", ""), 0).report.findings) {
    EXPECT_EQ(f.severity, Severity::Warning);
    EXPECT_THAT(f.message, testing::HasSubstr("asks for .release.cluster in the arrival and .acquire.cluster in the wait"));
  }
  EXPECT_EQ(runOne(push("", ""), 0, {2, 1, 1}, "", 64, Severity::Error).report.errors(), 1u);
  EXPECT_TRUE(runOne(push("", ""), 0, {2, 1, 1}, "", 64, std::nullopt).report.findings.empty());
  // What is known goes on through the own CTA's barriers, and what is not known too.
  auto handed = [](const std::string &acquire) {
    return init("1") + kPeer + "@!%p1 bra $all;\nst.shared::cluster.u32 [%r10], %r3;\nmapa.shared::cluster.u32 %r14, %r6, %r9; "
           "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r14];\n" + wait("0", acquire) +
           "$all:\nbar.sync 0;\nld.shared.u32 %r12, [s+1024]; st.global.u32 [%rd2], %r12;\n" + kSync;
  };
  EXPECT_EQ(names(handed(".acquire.cluster")), Names());
  EXPECT_EQ(names(handed(".acquire.cta")), Names{"TK-SIM-RACE-SCOPE"});
  // Within a CTA the narrow scope is enough, also in a cluster.
  EXPECT_EQ(names(init("64") + "st.shared.u32 [%r4], %r3;\nmbarrier.arrive.release.cta.shared::cta.b64 _, [s];\n" + wait("0", "") +
                  "xor.b32 %r12, %r4, 4; ld.shared.u32 %r12, [%r12];\n" + kSync), Names());
}

/// A fence and a relaxed arrival are a release, a relaxed wait and a fence an acquire; the fences that say so of shared
/// memory only too.
TEST(Cluster, FencesAroundRelaxedArrivals) {
  auto push = [](const std::string &before, const std::string &after) {
    return init("64") + kPeer + "st.shared::cluster.u32 [%r10], %r3;\n" + before + "mapa.shared::cluster.u32 %r14, %r6, %r9; mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%r14];\n" +
           wait("0", ".relaxed.cluster") + after + "ld.shared.u32 %r12, [%r4]; st.global.u32 [%rd2], %r12;\n" + kSync;
  };
  std::string release = "fence.release.sync_restrict::shared::cta.cluster;\n", acquire = "fence.acquire.sync_restrict::shared::cluster.cluster;\n";
  for (const std::string &r : {release, std::string("fence.acq_rel.cluster;\n"), std::string("fence.release.cluster;\n"), std::string("fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster;\n")})
    for (const std::string &a : {acquire, std::string("fence.acq_rel.cluster;\n"), std::string("fence.acquire.gpu;\n"), std::string("fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster;\n")})
      EXPECT_EQ(names(push(r, a)), Names()) << r << a;
  EXPECT_EQ(names(push("", acquire)), Names{"TK-SIM-RACE"}) << "no release";
  EXPECT_EQ(names(push(release, "")), Names{"TK-SIM-RACE"}) << "no acquire";
  EXPECT_EQ(names(push("fence.acq_rel.cta;\n", acquire)), Names{"TK-SIM-RACE-SCOPE"}) << "a narrow release";
  EXPECT_EQ(names(push(release, "fence.acq_rel.cta;\n")), Names{"TK-SIM-RACE-SCOPE"}) << "a narrow acquire";
  // The fences of the async proxy that go one way.
  auto copied = [](const std::string &fence) {
    return init("1") + "st.shared.u32 [%r4], %r1;\n" + fence + "bar.sync 0;\n@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd2], [s+1024], 256;\n@%p1 cp.async.bulk.commit_group;\n@%p1 cp.async.bulk.wait_group 0;\n" + kSync;
  };
  EXPECT_EQ(names(copied("fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster;\n")), Names());
  EXPECT_EQ(names(copied("")), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_EQ(names(copied("fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster;\n")), Names{"TK-SIM-RACE-PROXY"}) << "an acquire does not fence what its thread did";
}

TEST(Cluster, Multicast) {
  // Each CTA loads one row of 32 words for both; thread t stores word t of the two.
  auto body = [](const std::string &mask, const std::string &bytes, const std::string &before = "", const std::string &after = kSync) {
    return init("1") + before + "@!%p1 bra $wait;\nmbarrier.arrive.expect_tx.shared.b64 _, [s], " + bytes + "; mov.u16 %rs1, " + mask +
           "; shl.b32 %r15, %r2, 8; add.u32 %r15, %r15, %r6; shl.b32 %r16, %r2, 1;\n"
           "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r15+1024], [%rd3, {0, %r16}], [s], %rs1;\n$wait:\n" +
           wait() + "ld.shared.u32 %r12, [%r4]; ld.shared.u32 %r13, [%r4+256]; add.u32 %r12, %r12, %r13; st.global.u32 [%rd2], %r12;\n" + after;
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(body("3", "512"), seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << describe(o.report);
    for (unsigned cta = 0; cta < 8; ++cta)
      for (unsigned t = 0; t < 64; ++t)
        EXPECT_EQ(o.words[cta * 64 + t], (t / 32 * 64 + t % 32) + ((2 + t / 32) * 64 + t % 32)) << "seed " << seed;
  }
  EXPECT_EQ(names(body("7", "512")), Names{"TK-SIM-CLUSTER-RANK"});
  EXPECT_EQ(names(body("0", "512")), Names{"TK-SIM-CLUSTER-RANK"});
  Names early = names(body("3", "256"));
  EXPECT_TRUE(early.count("TK-SIM-MBARRIER-TX")) << "the peer's bytes are not expected";
  EXPECT_TRUE(names(body("1", "512")).count("TK-SIM-BARRIER-DEADLOCK")) << "nothing comes from the peer";
  EXPECT_TRUE(names(body("3", "512", "ld.shared.u32 %r12, [%r4]; bar.sync 0;\n")).count("TK-SIM-RACE")) << "the peer's slot is still read";
  EXPECT_EQ(names(body("3", "512", "ld.shared.u32 %r12, [%r4]; fence.proxy.async;\n" + kSync)), Names());
}

TEST(Cluster, CopiesToAPeer) {
  auto body = [](const std::string &fence, const std::string &source = "[s+1024]", const std::string &to = "%r9", const std::string &bar = "%r14") {
    return init("1") + "add.u32 %r11, %r3, 100; st.shared.u32 [%r4], %r11;\n" + fence + "bar.sync 0;\n@!%p1 bra $wait;\nmbarrier.arrive.expect_tx.shared.b64 _, [s], 256;\n"
           "mapa.shared::cluster.u32 %r10, %r6, " + to + "; mapa.shared::cluster.u32 %r14, %r6, %r9;\n"
           "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r10+2048], " + source + ", 256, [" + bar + "];\n$wait:\n" + wait() +
           "ld.shared.u32 %r12, [%r4+1024]; st.global.u32 [%rd2], %r12;\n" + kSync;
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(body("fence.proxy.async;\n"), seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << describe(o.report);
    for (unsigned cta = 0; cta < 8; ++cta)
      EXPECT_EQ(o.words[cta * 64 + 63], 100 + (cta ^ 1)) << "seed " << seed;
  }
  EXPECT_EQ(names(body("")), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_EQ(names(body("fence.proxy.async;\n", "[s+1024]", "%r2", "%r6")), Names{"TK-SIM-CLUSTER-RANK"}) << "to itself";
  EXPECT_EQ(names(body("fence.proxy.async;\n", "[s+1024]", "%r9", "%r6")), Names{"TK-SIM-CLUSTER-RANK"}) << "the barrier is not the destination's";
  EXPECT_EQ(names(body("fence.proxy.async;\n", "[%r10]")), Names{"TK-SIM-CLUSTER-RANK"}) << "the source is not the own CTA's";
  // What was copied may be overwritten once the copy is known to be over.
  std::string reuse = body("fence.proxy.async;\n");
  EXPECT_TRUE(names(reuse.substr(0, reuse.find("$wait:") + 7) + "st.shared.u32 [%r4], %r1;\n" + wait() + kSync).count("TK-SIM-RACE"));
  EXPECT_EQ(names(reuse + "st.shared.u32 [%r4], %r1;\n"), Names());
}

TEST(Cluster, ExplicitClusters) {
  std::string body = "mov.pred %p5, %is_explicit_cluster; selp.u32 %r12, 1, 2, %p5; st.global.u32 [%rd2], %r12;";
  EXPECT_EQ(runOne(body, 0, {1, 1, 1}).words[0], 2u);
  EXPECT_EQ(runOne(body, 0, {2, 1, 1}).words[0], 1u);
  EXPECT_EQ(runOne(body, 0, {1, 1, 1}, ".reqnctapercluster 1, 1, 1").words[0], 1u);
}

TEST(Cluster, DirectivesThatALaunchMustKeep) {
  auto run = [](const std::string &directives, std::array<uint32_t, 3> cluster, unsigned ctas, std::vector<uint32_t> *out = nullptr) {
    Sim sim;
    sim.launch.grid = {2, 1, 1};
    sim.launch.cluster = cluster;
    sim.launch.block = {1, 1, 1};
    uint64_t o = sim.buffer(std::vector<uint32_t>(ctas), "out");
    auto program = Program::parse(header() + ".visible .entry k(.param .u64 o) " + directives +
                                      " {\n.reg .b32 %r<3>; .reg .b64 %rd<3>; ld.param.u64 %rd1, [o]; mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x;\n"
                                      "mul.wide.u32 %rd2, %r1, 4; add.u64 %rd1, %rd1, %rd2; st.global.u32 [%rd1], %r2; ret;\n}\n", "x.ptx");
    if (!program)
      return llvm::toString(program.takeError());
    auto r = sim.device->launch(**program, sim.launch, sim.options);
    if (!r)
      return llvm::toString(r.takeError());
    if (out)
      *out = sim.read<uint32_t>(o, ctas);
    return describe(*r);
  };
  EXPECT_EQ(run(".maxclusterrank 1", {2, 1, 1}, 2), "entry 'k' allows clusters of at most 1 CTAs (.maxclusterrank), got 2");
  EXPECT_EQ(run(".maxclusterrank 2", {2, 1, 1}, 2), "");
  std::vector<uint32_t> sizes;
  EXPECT_EQ(run(".reqntid 1 .reqnctapercluster 2 .blocksareclusters", {1, 1, 1}, 4, &sizes), "");
  EXPECT_EQ(sizes, std::vector<uint32_t>(4, 4)) << "a grid of two clusters";
  EXPECT_THAT(run(".reqntid 1 .blocksareclusters", {1, 1, 1}, 2), testing::HasSubstr("needs .reqntid and .reqnctapercluster"));
}

TEST(Cluster, WarpgroupsStayWhole) {
  // 160 threads: five warps a CTA. Each CTA's first four multiply a slice of zeros.
  std::string mma = "setp.ge.u32 %p5, %r1, 128; @%p5 bra $end; shl.b32 %r20, %r1, 4; add.u32 %r20, %r20, %r6; mov.u32 %r21, 0; st.shared.v4.u32 [%r20], {%r21, %r21, %r21, %r21};\n"
                    "fence.proxy.async; bar.sync 1, 128; shr.u32 %r22, %r6, 4; and.b32 %r22, %r22, 0x3fff; cvt.u64.u32 %rd9, %r22; .reg .f32 %f<4>;\n"
                    "wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd9, %rd9, 0, 1, 1, 0, 0; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n"
                    "mov.b32 %r12, %f0; @%p1 st.global.u32 [%rd2], %r12;\n$end:";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Outcome o = runOne(mma, seed, {2, 2, 1}, "", 160);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << describe(o.report);
  }
}

TEST(Cluster, APeerMustBeKnownToRun) {
  // Rank 0 writes to its peer, which waits at the end.
  std::string store = "st.shared::cluster.u32 [%r10], %r1;\n", end = kSync + "ld.shared.u32 %r11, [%r4]; st.global.u32 [%rd2], %r11;";
  EXPECT_EQ(names(kPeer + kSync + store + end), Names());
  EXPECT_EQ(names(kPeer + store + end), Names{"TK-SIM-CLUSTER-START"});
  EXPECT_EQ(names(kPeer + "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n" + store + end), Names()) << "CUTLASS does so";
  EXPECT_EQ(names(kPeer + "barrier.cluster.arrive.aligned;\n" + store + "barrier.cluster.wait.aligned;\n" + end),
            Names{"TK-SIM-CLUSTER-START"})
      << "in each seed, whether the phase is complete by then or not";
  // Its own memory by its own rank is there.
  EXPECT_EQ(names("mapa.shared::cluster.u32 %r10, %r4, %r2;\n" + store + end), Names());
  // The first warp waits at the cluster's barrier, the other comes after it; and not.
  std::string own = "mapa.shared::cluster.u32 %r10, %r4, %r9; setp.lt.u32 %p4, %r1, 32;\nbarrier.cluster.arrive.relaxed.aligned;\n";
  EXPECT_EQ(names(own + "@!%p4 bra $o; barrier.cluster.wait.aligned; bar.sync 0; bra $m;\n$o: bar.sync 0; " + store +
                  "barrier.cluster.wait.aligned;\n$m:\n" + kSync),
            Names());
  EXPECT_EQ(names(own + "@!%p4 bra $o; barrier.cluster.wait.aligned; bra $m;\n$o: " + store + "barrier.cluster.wait.aligned;\n$m:\n" + kSync),
            Names{"TK-SIM-CLUSTER-START"});
}

// The lanes of one access that go to several CTAs meet in none of their banks.
TEST(Cluster, BanksAreThoseOfEachCta) {
  // Eight lanes go to each of four CTAs, `step` words apart.
  auto banks = [](const std::string &step, const std::string &access) {
    Report r = runOne("shr.u32 %r10, %r1, 3; and.b32 %r11, %r1, 7; mad.lo.u32 %r12, %r11, " + step + ", %r6;\n"
                      "mapa.shared::cluster.u32 %r13, %r12, %r10; cvt.u64.u32 %rd7, %r13; cvta.shared.u64 %rd7, %rd7;\n" +
                          kSync + access + "\n" + kSync, 0, {4, 1, 1}, "", 32).report;
    EXPECT_EQ(r.banks.size(), 1u) << describe(r);
    return r.banks.empty() ? std::pair(0u, 0u) : std::pair(unsigned(r.banks[0].wavefronts), unsigned(r.banks[0].minimum));
  };
  for (std::string access : {"ld.shared::cluster.u32 %r14, [%r13];", "ld.u32 %r14, [%rd7];", "red.shared::cluster.add.u32 [%r13], 1;"}) {
    EXPECT_EQ(banks("4", access), std::pair(8 * 4u, 8 * 4u)) << access;
    EXPECT_EQ(banks("0", access), std::pair(8 * 4u, 8 * 4u)) << access;
    EXPECT_EQ(banks("128", access), std::pair(8 * 32u, 8 * 4u)) << access;
  }
}

} // namespace
