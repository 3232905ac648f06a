//===- BulkTest.cpp - Bulk copies: forms, and what is found ---------------===//
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
using Map = TensorMap;

/// Rows of 64 words; boxes of 32 words by 8 rows, 1 KiB.
Map plain() {
  Map m;
  m.type = Map::Type::U32;
  m.rank = 2;
  m.size = {64, 64, 1, 1, 1};
  m.stride[0] = 256;
  m.box = {32, 8, 1, 1, 1};
  return m;
}

struct Config {
  std::function<void(Map &)> map = {};                    ///< Changes the map.
  std::function<void(std::vector<uint8_t> &)> bytes = {}; ///< Changes its encoding.
  std::function<void(Options &)> options = {};
  std::string module = {};
  unsigned align = 64;
};

struct Outcome {
  Report report;
  std::vector<uint32_t> words; ///< The tensor: 64 x 64, word i holds i.
};

/// %rd2 the map, %rd3 the tensor, %rd4 the map's bytes in global memory; %p1 thread 0, %p2 the first warp; barrier at
/// s (count 1), a box at s+1024, %r4 the thread's word of it.
Outcome runOne(const std::string &body, uint64_t seed, const Config &setup = {}) {
  Sim sim;
  sim.options.seed = seed;
  if (setup.options)
    setup.options(sim.options);
  sim.launch.block = {64, 1, 1};
  std::vector<uint32_t> words(64 * 64);
  for (unsigned i = 0; i < words.size(); ++i)
    words[i] = i;
  uint64_t tensor = sim.buffer(words, "tensor");
  Map m = plain();
  m.address = tensor;
  if (setup.map)
    setup.map(m);
  auto encoded = llvm::cantFail(encodeTensorMap(m));
  std::vector<uint8_t> bytes(encoded.begin(), encoded.end());
  if (setup.bytes)
    setup.bytes(bytes);
  uint64_t inMemory = sim.buffer(bytes, "map");
  sim.launch.parameters = bytes;
  sim.pass(tensor);
  sim.pass(inMemory);
  Outcome o;
  o.report = sim.run(
      ".version 8.6\n.target sm_90a\n.address_size 64\n.shared .align 1024 .b8 s[8192];\n" + setup.module +
      ".visible .entry k(.param .align " + std::to_string(setup.align) + " .b8 m[128], .param .u64 t, .param .u64 g)\n{\n"
      ".reg .b64 %rd<20>; .reg .b32 %r<80>; .reg .f32 %f<40>; .reg .pred %p<20>; .reg .b16 %rs<9>;\n"
      "mov.u32 %r1, %tid.x; setp.eq.u32 %p1, %r1, 0; setp.lt.u32 %p2, %r1, 32; mov.u32 %r2, s; shl.b32 %r3, %r1, 2; add.u32 %r4, %r2, %r3; add.u32 %r4, %r4, 1024;\n"
      "mov.b64 %rd1, m; cvta.param.u64 %rd2, %rd1; ld.param.u64 %rd3, [t]; ld.param.u64 %rd4, [g]; mul.wide.u32 %rd5, %r1, 4; add.u64 %rd6, %rd3, %rd5;\n" +
      body + "\nret;\n}\n");
  o.words = sim.read<uint32_t>(tensor, 64 * 64);
  return o;
}

Names names(const std::string &body, const Config &setup = {}, unsigned seeds = 8) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, seed, setup).report.findings) {
      found.insert(f.name);
      EXPECT_TRUE(!f.ptxText.empty() || f.name == "TK-SIM-STOPPED") << f.name;
    }
  return found;
}

const std::string kInit = "@%p1 mbarrier.init.shared.b64 [s], 1;\nbar.sync 0;\n";
std::string load(const std::string &dst = "s+1024", const std::string &coord = "{0, 0}", const std::string &map = "%rd2") {
  return "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s], 1024;\n@%p1 cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [" + dst +
         "], [" + map + ", " + coord + "], [s];\n";
}
std::string wait(const std::string &parity = "0") {
  return "{\n$w: mbarrier.try_wait.parity.shared.b64 %p3, [s], " + parity + "; @!%p3 bra $w;\n}\n";
}
const std::string kRead = "ld.shared.u32 %r5, [%r4];\n", kWrite = "st.shared.u32 [%r4], %r1;\n";
std::string store(const std::string &coord = "{0, 0}") {
  return "@%p1 cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd2, " + coord + "], [s+1024];\n@%p1 cp.async.bulk.commit_group;\n";
}
const std::string kFill = "st.shared.v4.u32 [%r6], {%r1, %r1, %r1, %r1};\n"; ///< 16 bytes of each thread
const std::string kPlace = "shl.b32 %r6, %r1, 4; add.u32 %r6, %r2, %r6; add.u32 %r6, %r6, 1024;\n";

TEST(Bulk, EveryFormIsRead) {
  EXPECT_EQ(names("mov.u64 %rd7, s; cvta.shared.u64 %rd8, %rd7; cvta.to.shared::cluster.u64 %rd9, %rd8; mov.u16 %rs1, 1; mov.u64 %rd10, 0;\n" + kInit +
                  "@!%p1 bra $end;\nprefetch.tensormap [%rd2]; prefetch.param.tensormap [m];\n"
                  "mbarrier.arrive.expect_tx.shared.b64 _, [s], 4208;\n"
                  "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%rd9+1024], [%rd2, {0, 0}], [%rd7];\n"
                  "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [s+2048], [%rd2, {0, 0}], [s], %rd10;\n"
                  "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint [s+3072], [%rd2, {0, 0}], [s], %rs1, %rd10;\n"
                  "cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [s+4096], [%rd2, {0, 0}], [s];\n"
                  "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+5120], [%rd3], 64, [s];\n"
                  "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes.L2::cache_hint [s+5184], [%rd3+16], 48, [s], %rd10;\n" + wait() +
                  "fence.proxy.async; fence.proxy.async.global; fence.proxy.async.shared::cta; fence.proxy.tensormap::generic.release.gpu;\n"
                  "fence.proxy.tensormap::generic.acquire.gpu [%rd4], 128;\n"
                  "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd2, {0, 0}], [s+1024];\n"
                  "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group.L2::cache_hint [%rd2, {0, 8}], [s+1024], %rd10;\n"
                  "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%rd2, {32, 0}], [s+1024];\n"
                  "cp.reduce.async.bulk.tensor.2d.global.shared::cta.xor.bulk_group.L2::cache_hint [%rd2, {32, 8}], [s+1024], %rd10;\n"
                  "cp.async.bulk.global.shared::cta.bulk_group [%rd3+8192], [s+1024], 32;\n"
                  "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd3+8448], [s+1024], 32;\n"
                  "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.noftz.bf16 [%rd3+8704], [s+1024], 32;\n"
                  "cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 1; cp.async.bulk.wait_group 0;\n"
                  "cp.async.bulk.prefetch.L2.global [%rd3], 32; cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%rd2, {0, 0}];\n$end:"),
            Names());
  for (const char *bad : {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd3], 24, [s];", "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd2, {0}], [s];",
                          "cp.async.bulk.tensor.2d.global.shared::cta.mbarrier::complete_tx::bytes [%rd2, {0, 0}], [s];",
                          "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.s64 [%rd3], [s], 32;", "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f16 [%rd3], [s], 32;",
                          "cp.reduce.async.bulk.global.shared::cta.bulk_group.min.f32 [%rd3], [s], 32;", "cp.async.bulk.wait_group %r1;"}) {
    auto p = Program::parse(kernel(4, bad, ".shared .b8 s[64];\n"), "bad.ptx");
    EXPECT_FALSE(bool(p)) << bad;
    if (!p)
      EXPECT_THAT(llvm::toString(p.takeError()), testing::HasSubstr("bad.ptx:")) << bad;
  }
}

TEST(Bulk, CopiesAndReductionsOfRows) {
  // Row 1 of the tensor to shared memory, and from there onto row 3; row 1 is added to row 5.
  std::string body = kInit + "@!%p1 bra $end;\nmbarrier.arrive.expect_tx.shared.b64 _, [s], 256;\n"
                     "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1024], [%rd3+256], 256, [s];\n" + wait() +
                     "mov.u32 %r9, 256; cp.async.bulk.global.shared::cta.bulk_group [%rd3+768], [s+1024], %r9;\n"
                     "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd3+1280], [s+1024], 256;\n"
                     "cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0;\n$end:";
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(body, seed);
    EXPECT_TRUE(o.report.findings.empty()) << "seed " << seed << "\n" << describe(o.report);
    for (unsigned i = 0; i < 64; ++i) {
      EXPECT_EQ(o.words[192 + i], 64 + i) << "seed " << seed;
      EXPECT_EQ(o.words[320 + i], 320 + i + 64 + i) << "seed " << seed;
    }
    EXPECT_EQ(o.report.counters["bytes.tma.load"], 256u);
    EXPECT_EQ(o.report.counters["bytes.tma.store"], 256u);
    EXPECT_EQ(o.report.counters["bytes.tma.reduce"], 256u);
  }
}

TEST(Bulk, RowsInEverySpelling) {
  auto policy = [](const std::string &word) { return std::string(word.find("cache_hint") == std::string::npos ? "" : ", %rd10"); };
  std::vector<std::string> loads = expand("cp.async.bulk.(shared::cluster|shared::cta).global.mbarrier::complete_tx::bytes(|.L2::cache_hint)");
  for (const std::string &word : expand("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint)"))
    loads.push_back(word);
  for (const std::string &load : loads)
    for (const std::string &store : expand("cp.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint)"))
      for (const char *size : {"256", "%r9"}) {
        std::string mask = load.find("multicast") == std::string::npos ? "" : ", %rs1";
        Outcome o = runOne("mov.u16 %rs1, 1; mov.u64 %rd10, 0x12F0000000000000; mov.u32 %r9, 256;\n" + kInit + "@!%p1 bra $end;\nmbarrier.arrive.expect_tx.shared.b64 _, [s], 256;\n" + load + " [s+1024], [%rd3+256], " +
                               size + ", [s]" + mask + policy(load) + ";\n" + wait() + store + " [%rd3+768], [s+1024], " + size + policy(store) + ";\ncp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0;\n$end:",
                           7);
        EXPECT_TRUE(o.report.findings.empty()) << load << store << describe(o.report);
        for (unsigned i = 0; i < 256; ++i)
          EXPECT_EQ(o.words[i], i >= 192 ? i - 128 : i) << load << store;
      }
}

TEST(Bulk, TensorMapsMustBeMaps) {
  std::string good = kInit + load() + wait();
  EXPECT_EQ(names(good), Names());
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 0}", "%rd4") + wait()), Names()) << "a map in global memory";
  Names bad{"TK-SIM-TENSORMAP"};
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 0}", "%rd2+32") + wait()), bad) << "not 64-aligned";
  EXPECT_THAT(runOne(kInit + load("s+1024", "{0, 0}", "%rd2+32") + wait(), 0).report.findings[0].message, testing::HasSubstr("a multiple of 64 bytes, got 0x720000000020"));
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 0}", "%rd1") + wait()), bad) << "an offset of the parameters";
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 0}", "%rd3") + wait()), bad) << "not a map";
  EXPECT_EQ(names(good, {{}, [](std::vector<uint8_t> &b) { b[0] ^= 1; }}), bad) << "the magic word";
  EXPECT_EQ(names(good, {{}, [](std::vector<uint8_t> &b) { b[100] ^= 1; }}), bad) << "damaged";
  EXPECT_EQ(names("@%p1 prefetch.tensormap [%rd2];"), Names());
  EXPECT_EQ(names("@%p1 prefetch.tensormap [%rd3];"), bad);
  auto mapped = [&](std::function<void(Map &)> f) { return names(good, {f}); };
  EXPECT_EQ(mapped([](Map &m) { m.rank = 3; }), bad) << "rank";
  EXPECT_EQ(mapped([](Map &m) { m.rank = 3; m.interleave = Map::Interleave::Bytes16; }), bad);
  EXPECT_EQ(mapped([](Map &m) { m.swizzle = Map::Swizzle::Bytes128Atom32Flip8; }), bad) << "an undocumented pattern";
  EXPECT_EQ(mapped([](Map &m) { m.swizzle = Map::Swizzle::Bytes128; }), Names());
  EXPECT_EQ(mapped([](Map &m) { m.swizzle = Map::Swizzle::Bytes128; m.box = {16, 16, 1, 1, 1}; }), bad) << "an undocumented pitch";
  std::string write = "@%p1 st.global.u64 [%rd4+120], 0;\nbar.sync 0;\n";
  EXPECT_EQ(names(kInit + write + load("s+1024", "{0, 0}", "%rd4") + wait()), Names{"TK-SIM-RACE-PROXY"}) << "written by the kernel";
  std::string acquire = "fence.proxy.tensormap::generic.acquire.gpu [%rd4], 128;\n", release = "@%p1 st.global.u64 [%rd4+120], 0;\nfence.proxy.tensormap::generic.release.gpu;\nbar.sync 0;\n";
  EXPECT_EQ(names(kInit + release + acquire + load("s+1024", "{0, 0}", "%rd4") + wait()), Names());
  EXPECT_EQ(names(kInit + release + load("s+1024", "{0, 0}", "%rd4") + wait()), Names{"TK-SIM-RACE-PROXY"}) << "not acquired";
  EXPECT_EQ(names(kInit + write + acquire + load("s+1024", "{0, 0}", "%rd4") + wait()), Names{"TK-SIM-RACE-PROXY"}) << "not released";
}

TEST(Bulk, PlacesAndBounds) {
  EXPECT_EQ(names(kInit + load("s+1040") + wait()), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names(kInit + load("s+7168") + wait()), Names());
  EXPECT_EQ(names(kInit + load("s+7296") + wait()), Names{"TK-SIM-MEM-OOB"}) << "past shared memory";
  auto sw = [](Map &m) { m.swizzle = Map::Swizzle::Bytes128; };
  EXPECT_EQ(names(kInit + load("s+2048") + wait(), {sw}), Names());
  EXPECT_EQ(names(kInit + load("s+1152") + wait(), {sw}), Names{"TK-SIM-TMA-SWIZZLE"});
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 60}") + wait()), Names()) << "past the tensor is no error";
  EXPECT_EQ(names(kInit + load("s+1024", "{-8, -3}") + wait()), Names());
  auto taller = [](Map &m) { m.size[1] = 65; };
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 60}") + wait(), {taller}), Names{"TK-SIM-MEM-OOB"}) << "past the buffer";
  EXPECT_EQ(names(kInit + load("s+1024", "{0, 56}") + wait(), {taller}), Names());
  EXPECT_TRUE(names(kInit + load("s") + wait()).count("TK-SIM-MBARRIER-LIVE"));
  std::string filled = kPlace + kFill + "fence.proxy.async;\nbar.sync 0;\n", drain = "@%p1 cp.async.bulk.wait_group.read 0;\n";
  EXPECT_EQ(names(filled + store("{0, 60}") + drain), Names());
  EXPECT_EQ(names(filled + store("{0, -1}") + drain), Names{"TK-SIM-TMA-COORD"});
  EXPECT_EQ(names(filled + store("{0, 60}") + drain, {taller}), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names(filled + store() + drain, {[](Map &m) { m.elementStride[1] = 2; }}), Names{"TK-SIM-TENSORMAP"});
  EXPECT_EQ(names(kInit + "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1032], [%rd3], 16, [s];"), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names(kInit + "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1024], [%rd3+4], 16, [s];"), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names(kInit + "mov.u32 %r9, 20; @%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1024], [%rd3], %r9, [s];"), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names(kInit + "mov.u16 %rs1, 3; @%p1 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [s+1024], [%rd2, {0, 0}], [s], %rs1;"),
            Names{"TK-SIM-CLUSTER-RANK"});
}

TEST(Bulk, OneThreadIssuesACopy) {
  std::string head = kInit + "@!%p2 bra $wait;\n", form = "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes ";
  EXPECT_EQ(names(head + "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s], 32768; bar.warp.sync -1;\n" + form + "[s+1024], [%rd2, {0, 0}], [s];\n$wait:" + wait()),
            Names{"TK-SIM-BULK-DUPLICATE"});
  EXPECT_EQ(names(head + "setp.lt.u32 %p4, %r1, 4; @%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s], 4096; bar.warp.sync -1; shl.b32 %r8, %r1, 10; add.u32 %r8, %r2, %r8; shl.b32 %r9, %r1, 3;\n@%p4 " +
                  form + "[%r8+1024], [%rd2, {0, %r9}], [s];\n$wait:" + wait()),
            Names()) << "each lane its own box";
}

TEST(Bulk, NothingTouchesALoadInFlight) {
  std::string prepare = kInit, late = "@%p1 fence.proxy.async;\nbar.sync 0;\n";
  EXPECT_EQ(names(prepare + load() + wait() + kRead + "st.global.u32 [%rd6], %r5;"), Names());
  EXPECT_EQ(names(prepare + load() + wait() + kWrite), Names());
  EXPECT_EQ(names(prepare + load() + kRead + wait()), Names{"TK-SIM-RACE"}) << "read before the wait";
  EXPECT_EQ(names(prepare + load() + kWrite + wait()), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(prepare + load() + "@%p1 st.global.u32 [%rd3], 0;\n" + wait()), Names{"TK-SIM-RACE"}) << "the source changes under it";
  EXPECT_EQ(names(prepare + load() + wait() + "@%p1 st.global.u32 [%rd3], 0;\n"), Names());
  EXPECT_TRUE(names(prepare + load() + wait("1") + kRead).count("TK-SIM-RACE")) << "waits for the phase before";
  EXPECT_EQ(names(prepare + load()), Names{"TK-SIM-BULK-UNWAITED"}) << "no one waits";
  // Without the wait the old bytes are seen on some seeds and the new on others.
  std::set<uint32_t> seen;
  for (uint64_t seed = 0; seed < 40; ++seed)
    seen.insert(runOne(prepare + "st.shared.u32 [%r4], 99; fence.proxy.async; bar.sync 0;\n" + load() + kRead + "st.global.u32 [%rd6+8192], %r5;" + wait(), seed).words[2048 + 5]);
  EXPECT_EQ(seen, (std::set<uint32_t>{5, 99}));
}

TEST(Bulk, WhatALoadOverwritesIsDoneWith) {
  std::string fence = "fence.proxy.async;\n", sync = "bar.sync 0;\n";
  EXPECT_EQ(names(kInit + kWrite + fence + sync + load() + wait()), Names());
  EXPECT_EQ(names(kInit + kWrite + fence + load() + wait()), Names{"TK-SIM-RACE"}) << "no barrier";
  EXPECT_EQ(names(kInit + kWrite + sync + load() + wait()), Names{"TK-SIM-RACE-PROXY"}) << "no proxy fence";
  EXPECT_EQ(names(kInit + kWrite + "fence.proxy.async.global;\n" + sync + load() + wait()), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_EQ(names(kInit + kWrite + sync + "@%p1 fence.proxy.async.global;\n" + load() + wait()), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_EQ(names(kInit + kWrite + sync + fence + load() + wait()), Names{"TK-SIM-RACE-PROXY-ISSUER"});
  EXPECT_EQ(names(kInit + kRead + fence + sync + load() + wait()), Names());
  EXPECT_EQ(names(kInit + kRead + load() + wait()), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(kInit + kRead + sync + fence + load() + wait()), Names()) << "either side will do";
  std::string reuse = kInit + kRead + sync + load() + wait();
  EXPECT_EQ(names(reuse), Names{"TK-SIM-RACE-PROXY-REUSE"});
  EXPECT_EQ(runOne(reuse, 0).report.errors(), 0u) << "a warning";
  EXPECT_EQ(names(reuse, {{}, {}, [](Options &o) { o.grades["TK-SIM-RACE-PROXY-REUSE"] = std::nullopt; }}), Names());
  EXPECT_EQ(runOne(reuse, 0, {{}, {}, [](Options &o) { o.grades["TK-SIM-RACE-PROXY-REUSE"] = Severity::Error; }}).report.errors(), 1u);
  // A second load into the slot of the first.
  EXPECT_EQ(names(kInit + load() + wait() + sync + load() + wait("1")), Names());
  EXPECT_TRUE(names(kInit + load() + load("s+1024", "{0, 8}") + wait()).count("TK-SIM-RACE"));
}

TEST(Bulk, StoresReadWhatIsOrderedBeforeThem) {
  std::string fence = "fence.proxy.async.shared::cta;\n", sync = "bar.sync 0;\n", drain = "@%p1 cp.async.bulk.wait_group.read 0;\n", write = kPlace + kFill;
  EXPECT_EQ(names(write + fence + sync + store() + drain), Names());
  EXPECT_EQ(names(write + sync + store() + drain), Names{"TK-SIM-RACE-PROXY"});
  EXPECT_TRUE(names(write + fence + store() + drain).count("TK-SIM-RACE"));
  EXPECT_EQ(names(write + sync + "@%p1 " + fence + store() + drain), Names{"TK-SIM-RACE-PROXY-ISSUER"});
  EXPECT_EQ(names(write + fence + sync + store() + kFill + drain), Names{"TK-SIM-RACE"}) << "overwritten before the wait";
  EXPECT_EQ(names(write + fence + sync + store() + drain + kFill), Names{"TK-SIM-RACE"}) << "by threads that know nothing of the wait";
  EXPECT_EQ(names(write + fence + sync + store() + drain + sync + kFill), Names());
  EXPECT_EQ(names(fence + sync + store() + drain), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names(write + fence + sync + store()), Names{"TK-SIM-BULK-UNWAITED"});
  EXPECT_EQ(names(write + fence + sync + "@%p1 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd2, {0, 0}], [s+1024];\n" + drain), Names{"TK-SIM-BULK-UNWAITED"}) << "not committed";
  EXPECT_EQ(names(write + fence + sync + store() + "setp.eq.u32 %p5, %r1, 1; @%p5 cp.async.bulk.wait_group 0;"), Names{"TK-SIM-BULK-UNWAITED"}) << "another thread's groups";
  // What is written: seen after wait_group, not after wait_group.read.
  std::string look = "@%p1 ld.global.u32 %r7, [%rd3];\n";
  EXPECT_EQ(names(write + fence + sync + store() + drain + look), Names{"TK-SIM-RACE"});
  EXPECT_EQ(names(write + fence + sync + store() + "@%p1 cp.async.bulk.wait_group 0;\n" + look), Names());
  // Groups end in order: the older may be overwritten while the newer is read.
  std::string two = write + "st.shared.v4.u32 [%r6+1024], {%r1, %r1, %r1, %r1};\n" + fence + sync + store() +
                    "@%p1 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd2, {0, 8}], [s+2048]; @%p1 cp.async.bulk.commit_group;\n@%p1 cp.async.bulk.wait_group.read 1;\n";
  EXPECT_EQ(names(two + "@%p1 st.shared.u32 [s+1024], 0;\n" + drain), Names());
  EXPECT_EQ(names(two + "@%p1 st.shared.u32 [s+2048], 0;\n" + drain), Names{"TK-SIM-RACE"});
}

TEST(Bulk, GlobalMemoryHasProxiesToo) {
  std::string write = "@%p1 st.global.u32 [%rd3], 7;\n", sync = "bar.sync 0;\n";
  EXPECT_EQ(names(kInit + write + "@%p1 fence.proxy.async.global;\n" + sync + load() + wait()), Names());
  EXPECT_EQ(names(kInit + write + "@%p1 fence.proxy.async;\n" + sync + load() + wait()), Names());
  EXPECT_EQ(names(kInit + write + sync + load() + wait()), Names{"TK-SIM-RACE-PROXY"});
  for (const char *space : {"cta", "cluster"})
    EXPECT_EQ(names(kInit + write + "@%p1 fence.proxy.async.shared::" + space + ";\n" + sync + load() + wait()), Names{"TK-SIM-RACE-PROXY"});
  // Written by a store, read back by a load: one proxy, but in order.
  std::string out = kInit + kPlace + kFill + "fence.proxy.async;\nbar.sync 0;\n" + store();
  EXPECT_EQ(names(out + "@%p1 cp.async.bulk.wait_group 0;\n" + load("s+2048") + wait()), Names());
  EXPECT_EQ(names(out + "@%p1 cp.async.bulk.wait_group.read 0;\n" + load("s+2048") + wait()), Names{"TK-SIM-RACE"});
}

TEST(Bulk, WhatMapsMayRoundIsAWarning) {
  auto tf32 = [](Map &m) { m.type = Map::Type::TF32; };
  EXPECT_EQ(names(kInit + load() + wait(), {tf32}), Names{"TK-SIM-TMA-NUMERICS"});
  EXPECT_EQ(names("@%p1 st.global.u32 [%rd3], 0;" + kInit + load("s+1024", "{64, 0}") + wait(), {tf32}), Names()) << "all outside";
}

TEST(Bulk, ChecksCanBeSwitchedOff) {
  auto off = [](Options &o) { o.checkMemory = o.checkRaces = o.checkBarriers = false; };
  EXPECT_EQ(names(kInit + kWrite + load() + kRead, {{}, {}, off}), Names());
  EXPECT_EQ(names(kInit + load("s+1152") + wait(), {[](Map &m) { m.swizzle = Map::Swizzle::Bytes128; }, {}, off}), Names());
  EXPECT_EQ(names(kInit + load("s+7296") + wait(), {{}, {}, off}), Names{"TK-SIM-STOPPED"}) << "a fault still ends the kernel, and says so";
}

TEST(Bulk, UnwrittenBytesStayPoison) {
  std::string body = kInit + "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s], 16;\n@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1024], [%rd7], 16, [s];\n" +
                     wait() + "ld.shared.u32 %r5, [s+1024]; @%p1 st.global.u32 [%rd3], %r5;";
  Config s;
  s.module = ".global .align 16 .b32 zeros[4];\n";
  EXPECT_EQ(names("mov.u64 %rd7, zeros;\n" + body, s), Names());
  // A row of the tensor that the kernel has made poison.
  EXPECT_EQ(names("mov.u64 %rd7, %rd3; ld.shared.u32 %r5, [s+4096]; @%p1 st.global.u32 [%rd3], %r5; @%p1 fence.proxy.async;\n" + body), Names{"TK-SIM-MEM-UNINIT"});
}

} // namespace
