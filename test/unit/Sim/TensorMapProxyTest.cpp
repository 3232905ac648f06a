//===- TensorMapProxyTest.cpp - Tensor maps that kernels write ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "tk/Sim/TensorMap.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;
using Map = TensorMap;

struct Outcome {
  Report report;
  std::vector<uint32_t> words; ///< The output: 256 words for each CTA.
  std::vector<uint8_t> map;    ///< Global memory for maps.
};

/// Of the tensor: 64 rows of 64 words, word i holds i; boxes of 8 x 4 words.
Map plain(uint64_t address) {
  Map m;
  m.type = Map::Type::U32;
  m.rank = 2;
  m.address = address;
  m.size = {64, 64, 1, 1, 1};
  m.stride[0] = 256;
  m.box = {8, 4, 1, 1, 1};
  return m;
}

/// 64 threads a CTA. %r1 thread, %p1 thread 0, %p2 the first warp, %r9 the CTA; the map m in shared memory, at [%rd2]
/// in global memory room for a map of the CTA and at [%rd3] one for all; %rd4 the tensor, %rd5 the CTA's output. Shared:
/// s the box, an mbarrier at s+512, a map at s+1024.
Outcome runOne(const std::string &body, uint64_t seed, unsigned ctas = 1, const std::string &flags = "") {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {64, 1, 1};
  sim.launch.grid = {ctas, 1, 1};
  std::vector<uint32_t> words(64 * 64);
  for (unsigned i = 0; i < words.size(); ++i)
    words[i] = i;
  uint64_t tensor = sim.buffer(words, "tensor");
  uint64_t maps = sim.buffer(std::vector<uint8_t>(1024), "maps");
  uint64_t out = sim.buffer(std::vector<uint32_t>(256 * 4), "out");
  auto bytes = llvm::cantFail(encodeTensorMap(plain(tensor)));
  sim.launch.parameters.assign(bytes.begin(), bytes.end());
  for (uint64_t p : {tensor, maps, out})
    sim.pass(p);
  sim.buffer(std::vector<uint32_t>(64), "flags");
  Outcome o;
  std::string copy;
  for (unsigned i = 0; i < 128; i += 8)
    copy += "@%p1 ld.param.u64 %rd10, [m+" + std::to_string(i) + "]; @%p1 st.shared.u64 [s+" + std::to_string(1024 + i) + "], %rd10;\n";
  o.report = sim.run(".version 8.6\n.target sm_90a\n.address_size 64\n.shared .align 1024 .b8 s[4096];\n"
                     ".visible .entry k(.param .align 64 .b8 m[128], .param .u64 t, .param .u64 g, .param .u64 o, .param .u64 f)\n{\n"
                     ".reg .b64 %rd<40>; .reg .b32 %r<80>; .reg .pred %p<20>;\n"
                     "mov.u32 %r1, %tid.x; mov.u32 %r9, %ctaid.x; setp.eq.u32 %p1, %r1, 0; setp.lt.u32 %p2, %r1, 32; ld.param.u64 %rd4, [t]; ld.param.u64 %rd3, [g]; ld.param.u64 %rd5, [o]; ld.param.u64 %rd6, [f];\n"
                     "mul.wide.u32 %rd7, %r9, 128; add.u64 %rd2, %rd3, %rd7; add.u64 %rd2, %rd2, 128; mul.wide.u32 %rd8, %r9, 1024; add.u64 %rd5, %rd5, %rd8;\n"
                     "@%p1 mbarrier.init.shared.b64 [s+512], 1;\n" + copy + "bar.sync 0;\n" + body + "\nret;\n}\n");
  o.words = sim.read<uint32_t>(out, 1024);
  o.map = sim.read<uint8_t>(maps, 1024);
  return o;
}

Names names(const std::string &body, unsigned ctas = 1, unsigned seeds = 10) {
  Names found;
  for (unsigned seed = 0; seed < seeds; ++seed)
    for (const Finding &f : runOne(body, seed, ctas).report.findings) {
      found.insert(f.name);
      EXPECT_NE(f.ptxText, "") << f.name;
    }
  return found;
}
const Names kProxy = {"TK-SIM-RACE-PROXY"}, kRace = {"TK-SIM-RACE"};

std::string replace(const std::string &field, const std::string &value, const std::string &at = "s+1024") {
  bool wide = field.find("global_address") == 0 || field.find("global_stride") == 0;
  size_t comma = field.find(',');
  std::string name = field.substr(0, comma), ordinal = comma == std::string::npos ? "" : field.substr(comma) ;
  return "tensormap.replace.tile." + name + (at[0] == '%' ? ".global" : ".shared::cta") + ".b1024." + (wide ? "b64" : "b32") + " [" + at + "]" + ordinal + ", " + value + ";\n";
}
std::string publish(const std::string &to = "%rd2", const std::string &scope = "gpu") {
  return "@%p2 tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release." + scope + ".sync.aligned [" + to + "], [s+1024], 128;\n";
}
std::string acquire(const std::string &at = "%rd2", const std::string &scope = "gpu", const std::string &who = "@%p2 ") {
  return who + "fence.proxy.tensormap::generic.acquire." + scope + " [" + at + "], 128;\n";
}
/// Thread 0 copies the box at (8, 2) and waits; its 32 words go to the output.
std::string load(const std::string &map = "%rd2", unsigned bytes = 128, const std::string &coordinates = "2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [s], [MAP, {8, 2}]") {
  std::string at = coordinates;
  at.replace(at.find("MAP"), 3, map);
  return "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+512], " + std::to_string(bytes) + ";\n@%p1 cp.async.bulk.tensor." + at + ", [s+512];\n"
         "{\n$w: mbarrier.try_wait.parity.shared.b64 %p3, [s+512], 0; @!%p3 bra $w;\n}\n"
         "shl.b32 %r20, %r1, 2; mov.u32 %r21, s; add.u32 %r21, %r21, %r20; setp.lt.u32 %p4, %r1, 32;\n@%p4 ld.shared.u32 %r22, [%r21];\ncvt.u64.u32 %rd20, %r20; add.u64 %rd21, %rd5, %rd20;\n@%p4 st.global.u32 [%rd21], %r22;\n";
}
const std::string kMove = "add.u64 %rd9, %rd4, 1024;\n@%p1 " + replace("global_address", "%rd9"), kWarp = "bar.warp.sync -1;\n";

/// The grouped product of CUTLASS: one lane changes the map in shared memory, its warp copies it to global memory, the
/// warp that loads acquires it.
TEST(TensorMapProxy, TheGroupedProductsIdiom) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Outcome o = runOne(kMove + kWarp + publish() + acquire() + load(), seed);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    for (unsigned i = 0; i < 32; ++i)
      ASSERT_EQ(o.words[i], (4 + 2 + i / 8) * 64 + 8 + i % 8) << i;
  }
  // By one lane, from another warp after a barrier, again and again.
  EXPECT_EQ(names(kMove + kWarp + publish() + "bar.sync 0;\n" + acquire("%rd2", "cta", "@%p1 ") + load()), Names());
  EXPECT_EQ(names(kMove + kWarp + publish() + "bar.sync 0;\n@!%p2 " + "fence.proxy.tensormap::generic.acquire.gpu [%rd2], 128;\nbar.sync 0;\n" + load()), Names()) << "another warp acquires";
  EXPECT_EQ(names(kMove + kWarp + publish() + acquire() + acquire() + acquire() + load()), Names());
  // What is missing is found.
  EXPECT_EQ(names(kMove + kWarp + publish() + load()), kProxy) << "no acquire";
  EXPECT_EQ(names(kMove + publish() + acquire() + load()), kRace) << "no __syncwarp before the copy of the map";
  EXPECT_EQ(names(acquire() + kMove + kWarp + publish() + load()), kProxy) << "acquired too early";
  EXPECT_EQ(names(kMove + kWarp + publish() + acquire("%rd2+128") + load()), kProxy) << "another address";
  EXPECT_EQ(names(kMove + kWarp + publish() + "bar.sync 0;\n@!%p2 " + "fence.proxy.tensormap::generic.acquire.gpu [%rd2], 128;\n" + load()), kProxy) << "acquired by a warp that this one is not ordered after";
  EXPECT_EQ(names(kMove + kWarp + publish() + acquire() + "bar.sync 0;\n@%p1 st.global.u32 [%rd2+124], 0;\n" + load()), kProxy) << "written again";
  std::string other = "setp.eq.u32 %p5, %r1, 40;\n@%p5 " + replace("global_address", "%rd9", "%rd2") ;
  EXPECT_TRUE(names(kMove + kWarp + publish() + acquire() + "bar.sync 0;\n" + other + load()).count("TK-SIM-RACE")) << "written beside";
  Outcome o = runOne(kMove + kWarp + publish() + load(), 0);
  EXPECT_THAT(describe(o.report), testing::HasSubstr("fence.proxy.tensormap::generic.acquire"));
}

/// A map changed in global memory needs the release as a fence.
TEST(TensorMapProxy, InGlobalMemory) {
  std::string first = kWarp + publish() + "bar.sync 0;\n", change = "add.u64 %rd9, %rd4, 1024;\n@%p1 " + replace("global_address", "%rd9", "%rd2"), release = "@%p1 fence.proxy.tensormap::generic.release.gpu;\n";
  for (unsigned seed = 0; seed < 10; ++seed) {
    Outcome o = runOne(first + change + release + acquire("%rd2", "gpu", "@%p1 ") + load(), seed);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    for (unsigned i = 0; i < 32; ++i)
      ASSERT_EQ(o.words[i], (4 + 2 + i / 8) * 64 + 8 + i % 8) << i;
  }
  EXPECT_EQ(names(first + change + acquire("%rd2", "gpu", "@%p1 ") + load()), kProxy) << "no release";
  EXPECT_EQ(names(first + change + release + load()), kProxy) << "no acquire";
  EXPECT_EQ(names(first + release + change + acquire("%rd2", "gpu", "@%p1 ") + load()), kProxy) << "released before the change";
  std::string often = "mov.u32 %r40, 0;\n$often: " + release + "add.u32 %r40, %r40, 1; setp.lt.u32 %p8, %r40, 200; @%p8 bra $often;\n";
  EXPECT_EQ(names(first + often + change + acquire("%rd2", "gpu", "@%p1 ") + load()), kProxy) << "released often, but before the change";
  EXPECT_EQ(names(first + often + change + release + acquire("%rd2", "gpu", "@%p1 ") + load()), Names());
  EXPECT_EQ(names(first + change + often + acquire("%rd2", "gpu", "@%p1 ") + load()), Names());
  std::string byAnother = "add.u64 %rd9, %rd4, 1024; setp.eq.u32 %p5, %r1, 40;\n@%p5 " + replace("global_address", "%rd9", "%rd2");
  EXPECT_EQ(names(first + byAnother + "@%p5 fence.proxy.tensormap::generic.release.cta;\nbar.sync 0;\n" + acquire("%rd2", "cta") + load()), Names());
  EXPECT_EQ(names(first + byAnother + "bar.sync 0;\n" + release + acquire() + load()), Names()) << "released by whom the write precedes";
}

/// A map that another CTA writes: flags order it, and the CTA that copies acquires it.
std::string handed(const std::string &publishing, const std::string &flag, const std::string &wait, const std::string &acquiring) {
  return "setp.eq.u32 %p6, %r9, 0;\n@!%p6 bra $other;\n" + kMove + kWarp + publishing + "@%p2 bar.warp.sync -1;\n@%p1 " + flag + "bra $end;\n$other:\n@!%p1 bra $all;\n$spin:\n" + wait +
         "setp.eq.u32 %p7, %r30, 0;\n@%p7 bra $spin;\n$all:\nbar.sync 0;\n" + acquiring + load("%rd3") + "$end:\n";
}
TEST(TensorMapProxy, OfAnotherCta) {
  std::string store = "st.release.gpu.global.u32 [%rd6], 1;\n", wait = "ld.acquire.gpu.global.u32 %r30, [%rd6];\n";
  for (unsigned seed = 0; seed < 12; ++seed) {
    Outcome o = runOne(handed(publish("%rd3"), store, wait, acquire("%rd3")), seed, 2);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    for (unsigned i = 0; i < 32; ++i)
      ASSERT_EQ(o.words[256 + i], (4 + 2 + i / 8) * 64 + 8 + i % 8) << i;
  }
  EXPECT_EQ(names(handed(publish("%rd3"), store, wait, ""), 2), kProxy) << "no acquire in the CTA that copies";
  EXPECT_EQ(names(handed(publish("%rd3"), store, wait, acquire("%rd3", "cta")), 2), kProxy) << "a scope too narrow";
  EXPECT_EQ(names(handed(publish("%rd3", "cta"), store, wait, acquire("%rd3")), 2), kProxy) << "a release too narrow";
  EXPECT_TRUE(names(handed(publish("%rd3"), "st.relaxed.gpu.global.u32 [%rd6], 1;\n", "ld.acquire.gpu.global.u32 %r30, [%rd6];\n", ""), 2).size()) << "nothing in order";
  // The fences of the proxy are a release and an acquire around relaxed flags.
  EXPECT_EQ(names(handed(publish("%rd3"), "st.relaxed.gpu.global.u32 [%rd6], 1;\n", "ld.relaxed.gpu.global.u32 %r30, [%rd6];\n", "@%p1 fence.proxy.tensormap::generic.acquire.gpu [%rd3], 128;\n"), 2), Names());
  // Without any flag the map is a race of two CTAs.
  EXPECT_TRUE(names("setp.eq.u32 %p6, %r9, 0;\n@%p6 bra $end;\n@!%p2 bra $end;\n" + publish("%rd3") + "$end:\n" , 3).count("TK-SIM-RACE-CTA"));
}

/// Every field of a map of zeros, as Triton makes them: what the copy does says what the map is.
TEST(TensorMapProxy, EveryField) {
  std::string zero;
  for (unsigned i = 0; i < 128; i += 16)
    zero += "@%p1 st.shared.v4.b32 [s+" + std::to_string(1024 + i) + "], {0, 0, 0, 0};\n";
  struct Field { const char *name, *value; };
  const Field fields[] = {{"global_address", "%rd4"}, {"rank", "1"}, {"box_dim, 0", "16"}, {"box_dim, 1", "2"}, {"global_dim, 0", "20"}, {"global_dim, 1", "%r40"}, {"global_stride, 0", "%rd30"},
                          {"element_stride, 0", "1"}, {"element_stride, 1", "1"}, {"elemtype", "7"}, {"interleave_layout", "0"}, {"swizzle_mode", "2"}, {"fill_mode", "1"}};
  auto body = [&](int skipped) {
    std::string s = zero + "mov.b64 %rd30, 512; mov.b32 %r40, 3;\n";
    for (int i = 0; i < int(std::size(fields)); ++i)
      if (i != skipped)
        s += "@%p1 " + replace(fields[i].name, fields[i].value);
    return s + kWarp + publish() + acquire() + load();
  };
  for (unsigned seed = 0; seed < 4; ++seed) {
    Outcome o = runOne(body(-1), seed);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    // Rows 2 and 3 of 3, 512 bytes apart, columns 8 to 23 of 20; beyond NaN; 64 bytes a row, swizzled by 64 bytes.
    for (unsigned i = 0; i < 32; ++i) {
      unsigned at = 4 * i, from = (at ^ (at >> 3 & 0x30)) / 4, row = 2 + from / 16, column = 8 + from % 16;
      EXPECT_EQ(o.words[i], row < 3 && column < 20 ? 128 * row + column : 0x7fffffff) << i;
    }
  }
  for (int i : {0, 1, 2, 3, 4, 5, 6}) // without those the map is none, or another
    if (i != 0 && i != 6)
      EXPECT_EQ(names(body(i), 1, 1), Names{"TK-SIM-TENSORMAP"}) << fields[i].name;
  // The element types by the instruction's own numbers: what an encoded map of that type holds.
  constexpr Map::Type types[] = {Map::Type::U8, Map::Type::U16, Map::Type::U32, Map::Type::S32, Map::Type::U64, Map::Type::S64, Map::Type::F16,
                                 Map::Type::F32, Map::Type::F32Ftz, Map::Type::F64, Map::Type::BF16, Map::Type::TF32, Map::Type::TF32Ftz};
  for (unsigned i = 0; i < std::size(types); ++i) {
    Outcome o = runOne("@%p1 " + replace("elemtype", std::to_string(i)) + "@%p1 " + replace("box_dim, 0", "16") + kWarp + publish(), 1);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    uint64_t tensor;
    memcpy(&tensor, o.map.data() + 128 + 8, 8); // the address, as the encoding has it
    Map m = plain(tensor);
    m.type = types[i];
    m.box[0] = 16;
    auto bytes = llvm::cantFail(encodeTensorMap(m));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), o.map.begin() + 128)) << i;
  }
  auto changed = [&](const std::string &lines, const std::function<void(Map &)> &f) {
    Outcome o = runOne(lines + kWarp + publish(), 1);
    ASSERT_TRUE(o.report.findings.empty()) << describe(o.report);
    uint64_t tensor;
    memcpy(&tensor, o.map.data() + 128 + 8, 8);
    Map m = plain(tensor);
    f(m);
    auto bytes = llvm::cantFail(encodeTensorMap(m));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), o.map.begin() + 128)) << lines;
  };
  auto set = [&](const std::string &field, const std::string &value) { return "@%p1 " + replace(field, value); };
  changed(set("swizzle_mode", "1"), [](Map &m) { m.swizzle = Map::Swizzle::Bytes32; });
  changed(set("global_dim, 1", "5"), [](Map &m) { m.size[1] = 5; });
  changed(set("element_stride, 1", "3"), [](Map &m) { m.elementStride[1] = 3; });
  changed("mov.b64 %rd30, 4096;\n" + set("rank", "2") + set("global_dim, 2", "9") + set("box_dim, 2", "2") + set("element_stride, 2", "1") + set("global_stride, 1", "%rd30"),
          [](Map &m) { m.rank = 3; m.size[2] = 9; m.box[2] = 2; m.stride[1] = 4096; });
  changed("mov.b64 %rd30, 4096;\n" + set("rank", "2") + set("global_dim, 2", "9") + set("box_dim, 2", "2") + set("element_stride, 2", "1") + set("global_stride, 1", "%rd30") + set("interleave_layout", "1"),
          [](Map &m) { m.rank = 3; m.size[2] = 9; m.box[2] = 2; m.stride[1] = 4096; m.interleave = Map::Interleave::Bytes16; });
}

TEST(TensorMapProxy, WhatIsNoMap) {
  EXPECT_EQ(names("@%p1 st.shared.u32 [s+1028], 7;\n@%p1 " + replace("rank", "1")), Names{"TK-SIM-TENSORMAP"}) << "not whole";
  EXPECT_EQ(names("@%p1 " + replace("rank", "1", "s+2048")), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("@%p1 " + replace("rank", "1", "s+1032")), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names("@%p1 " + replace("rank", "1", "s+4096")), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("@%p1 " + replace("rank", "9")), Names{"TK-SIM-TENSORMAP"});
  EXPECT_EQ(names("@%p1 " + replace("box_dim, 0", "257")), Names{"TK-SIM-TENSORMAP"});
  EXPECT_EQ(names("and.b32 %r30, %r1, 1; mul.wide.u32 %rd30, %r30, 128; add.u64 %rd31, %rd2, %rd30;\n" + publish("%rd31")), Names{"TK-SIM-TENSORMAP"}) << "lanes disagree";
  EXPECT_EQ(names("setp.lt.u32 %p5, %r1, 7;\n@!%p2 bra $end;\n@%p5 tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned [%rd2], [s+1024], 128;\n$end:\n"), Names{"TK-SIM-BARRIER-DIVERGENT"});
  for (const char *bad :
       {"tensormap.replace.tile.elemtype.shared::cta.b1024.b32 [s], 13;", "tensormap.replace.tile.elemtype.shared::cta.b1024.b32 [s], %r1;", "tensormap.replace.tile.swizzle_mode.shared::cta.b1024.b32 [s], 4;",
        "tensormap.replace.tile.fill_mode.shared::cta.b1024.b32 [s], 2;", "tensormap.replace.tile.interleave_layout.shared::cta.b1024.b32 [s], 3;", "tensormap.replace.tile.box_dim.shared::cta.b1024.b32 [s], 5, %r1;",
        "tensormap.replace.tile.box_dim.shared::cta.b1024.b32 [s], %r2, %r1;", "tensormap.replace.tile.global_stride.shared::cta.b1024.b32 [s], 0, %r1;", "tensormap.replace.tile.swizzle_atomicity.shared::cta.b1024.b32 [s], 0;",
        "tensormap.replace.tile.rank.shared.b1024.b32 [s], 1;", "tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned [%rd1], [s], 64;",
        "tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.sync.aligned [%rd1], [s], 128;", "fence.proxy.tensormap::generic.acquire.gpu [%rd1], 64;", "fence.proxy.tensormap::generic.release.gpu [%rd1], 128;"}) {
    auto p = Program::parse(kernel(1, bad, ".shared .align 128 .b8 s[256];\n"), "bad.ptx");
    EXPECT_FALSE(bool(p)) << bad;
    if (!p)
      EXPECT_THAT(llvm::toString(p.takeError()), testing::HasSubstr("bad.ptx:")) << bad;
  }
}

} // namespace
