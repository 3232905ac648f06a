//===- PipelineTest.cpp - A warp-specialised product and its mutants ------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One producer thread loads slots of a ring by TMA, a warpgroup multiplies them, and the result leaves by a TMA
/// store. Lines marked with a tag can be dropped or replaced.
///
//===----------------------------------------------------------------------===//

#include "tk/Sim/TensorMap.h"
#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

constexpr unsigned kSlot = 16384; ///< 64 x 64 of A and of B, bf16.

struct Change {
  std::string tag, with; ///< The line of this tag is replaced; empty: dropped.
};

/// C[64][64] = A[64][64 trips] B[64][64 trips]^T. Barriers: full at s, empty at s+64; slots from s+1024 on.
/// `pair`: two CTAs of a cluster have 64 rows of A and C each and share B, of which each loads half for both.
std::string product(unsigned slots, const Change &change = {}, bool pair = false) {
  std::string s;
  auto line = [&](const std::string &text, const std::string &tag = "") {
    s += (tag.empty() || tag != change.tag ? text : change.with) + "\n";
  };
  auto num = [](uint64_t v) { return std::to_string(v); };
  s += ".version 8.6\n.target sm_90a\n.address_size 64\n.extern .shared .align 1024 .b8 s[];\n"
       ".visible .entry k(.param .align 64 .b8 a[128], .param .align 64 .b8 b[128], .param .align 64 .b8 c[128], .param .u32 trips)\n"
       ".reqntid 160" + std::string(pair ? " .reqnctapercluster 2, 1, 1" : "") + "\n{\n.reg .b64 %rd<30>; .reg .b32 %r<80>; .reg .f32 %f<40>; .reg .pred %p<20>; .reg .b16 %rs<4>;\n";
  line("mov.u32 %r1, %tid.x; mov.u32 %r2, s; ld.param.u32 %r3, [trips]; mov.u32 %r10, 0; mov.u32 %r11, 0; mov.u32 %r12, 0;");
  line("mov.b64 %rd1, a; cvta.param.u64 %rd1, %rd1; mov.b64 %rd2, b; cvta.param.u64 %rd2, %rd2; mov.b64 %rd3, c; cvta.param.u64 %rd3, %rd3;");
  line("setp.ne.u32 %p1, %r1, 0; @%p1 bra $made;");
  for (unsigned i = 0; i < slots; ++i)
    line("mbarrier.init.shared.b64 [s+" + num(8 * i) + "], 1; mbarrier.init.shared.b64 [s+" + num(64 + 8 * i) + "], " + (pair ? "2;" : "1;"), "init");
  line("fence.mbarrier_init.release.cluster;", "fenceInit");
  line("$made: mov.u32 %r30, %cluster_ctarank;");
  line(pair ? "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.acquire.aligned;" : "bar.sync 0;", "bar");
  line("setp.lt.u32 %p2, %r1, 128; @%p2 bra $consumer;");
  // The producer: one thread of warp 4. %r10 trip, %r11 slot, %r12 parity.
  line("elect.sync %r13|%p3, -1; @!%p3 bra $end; mov.u32 %r12, 1;", "");
  line("$produce: setp.ge.u32 %p4, %r10, %r3; @%p4 bra $end;");
  line("shl.b32 %r14, %r11, 3; add.u32 %r15, %r2, %r14; mul.lo.u32 %r16, %r11, " + num(kSlot) + "; add.u32 %r17, %r2, %r16; add.u32 %r17, %r17, 1024; add.u32 %r18, %r17, 8192; shl.b32 %r19, %r10, 6;");
  if (pair)
    line("shl.b32 %r31, %r30, 12; add.u32 %r18, %r18, %r31; shl.b32 %r32, %r30, 6; shl.b32 %r33, %r30, 5; mov.u16 %rs1, 3;", "mask");
  line(std::string("{\n.reg .pred P1;\nLAB_WAIT: mbarrier.try_wait.parity") + (pair ? ".acquire.cluster" : "") +
       ".shared::cta.b64 P1, [%r15+64], %r12;\n@P1 bra DONE;\nbra LAB_WAIT;\nDONE:\n}", "waitEmpty");
  line("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r15], " + num(kSlot) + ";", "expect");
  line("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r17], [%rd1, {%r19, " + std::string(pair ? "%r32" : "0") + "}], [%r15];", "loadA");
  if (pair)
    line("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r18], [%rd2, {%r19, %r33}], [%r15], %rs1;", "loadB");
  else
    line("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r18], [%rd2, {%r19, 0}], [%r15];", "loadB");
  line("add.u32 %r10, %r10, 1; add.u32 %r11, %r11, 1; setp.eq.u32 %p5, %r11, " + num(slots) + "; @%p5 xor.b32 %r12, %r12, 1; @%p5 mov.u32 %r11, 0; bra.uni $produce;");
  // The consumers.
  line("$consumer:");
  for (unsigned i = 0; i < 32; ++i)
    line("mov.f32 %f" + num(i) + ", 0f00000000;");
  std::string acc = "{";
  for (unsigned i = 0; i < 32; ++i)
    acc += (i ? ",%f" : "%f") + num(i);
  acc += "}";
  line("and.b32 %r20, %r1, 127; setp.eq.u32 %p6, %r20, 0;");
  line("$consume: setp.ge.u32 %p4, %r10, %r3; @%p4 bra $out;");
  line("shl.b32 %r14, %r11, 3; add.u32 %r15, %r2, %r14; mul.lo.u32 %r16, %r11, " + num(kSlot) + "; add.u32 %r17, %r2, %r16; add.u32 %r17, %r17, 1024;");
  line("shr.u32 %r21, %r17, 4; and.b32 %r21, %r21, 16383; cvt.u64.u32 %rd10, %r21; or.b64 %rd10, %rd10, " + num(1ull << 62 | 64ull << 32 | 1ull << 16) + "; add.u64 %rd11, %rd10, 512;");
  line("{\n.reg .pred P1;\nLAB_WAIT: mbarrier.try_wait.parity.shared::cta.b64 P1, [%r15], %r12;\n@P1 bra DONE;\nbra LAB_WAIT;\nDONE:\n}", "waitFull");
  line("mbarrier.arrive.shared::cta.b64 _, [%r15+64];", "never");
  s.erase(s.rfind("mbarrier.arrive")); // the place of an early release
  line("", "early");
  line("wgmma.fence.sync.aligned;", "wgmmaFence");
  for (unsigned k = 0; k < 4; ++k)
    line("add.u64 %rd12, %rd10, " + num(2 * k) + "; add.u64 %rd13, %rd11, " + num(2 * k) + ";\n"
         "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " + acc + ", %rd12, %rd13, 1, 1, 1, 0, 0;");
  line("wgmma.commit_group.sync.aligned;");
  line("wgmma.wait_group.sync.aligned 0;", "wgmmaWait");
  if (pair) // one thread for each CTA
    line("setp.lt.u32 %p7, %r20, 2; @%p7 mapa.shared::cluster.u32 %r34, %r15, %r20; @%p7 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r34+64];", "release");
  else
    line("@%p6 mbarrier.arrive.shared::cta.b64 _, [%r15+64];", "release");
  line("add.u32 %r10, %r10, 1; add.u32 %r11, %r11, 1; setp.eq.u32 %p5, %r11, " + num(slots) + "; @%p5 xor.b32 %r12, %r12, 1; @%p5 mov.u32 %r11, 0; bra.uni $consume;");
  // Fragments to shared memory past the slots, then out.
  unsigned at = 1024 + slots * kSlot;
  line("$out: shr.u32 %r22, %r20, 5; and.b32 %r23, %r20, 31; shr.u32 %r24, %r23, 2; and.b32 %r25, %r23, 3; shl.b32 %r26, %r22, 4; add.u32 %r26, %r26, %r24;");
  line("shl.b32 %r27, %r26, 8; shl.b32 %r28, %r25, 3; add.u32 %r27, %r27, %r28; add.u32 %r27, %r27, %r2;");
  for (unsigned i = 0; i < 32; i += 2)
    line("st.shared.v2.f32 [%r27+" + num(at + 2048 * (i / 2 % 2) + 32 * (i / 4)) + "], {%f" + num(i) + ", %f" + num(i + 1) + "};", "storeC" + num(i));
  line("fence.proxy.async.shared::cta;", "fenceStore");
  line("bar.sync 1, 128;", "barStore");
  line("shl.b32 %r35, %r30, 6; @!%p6 bra $end;");
  line("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd3, {0, " + std::string(pair ? "%r35" : "0") + "}], [s+" + num(at) + "];", "store");
  line("cp.async.bulk.commit_group;", "commit");
  line("cp.async.bulk.wait_group.read 0;", "waitRead");
  line("$end:");
  if (pair)
    line("barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;", "tail");
  line("ret;\n}");
  return s;
}

struct Outcome {
  Report report;
  double worst = 0;
};

Outcome runProduct(unsigned slots, unsigned trips, uint64_t seed, const Change &change = {}, bool pair = false,
                   const std::function<void(std::string &)> &damage = {}) {
  Sim sim;
  unsigned rows = pair ? 128 : 64;
  sim.launch.grid = {pair ? 2u : 1u, 1, 1};
  sim.options.seed = seed;
  sim.launch.block = {160, 1, 1};
  sim.launch.dynamicSharedBytes = 1024 + slots * kSlot + 16384;
  unsigned k = 64 * std::max(trips, 1u);
  std::mt19937 rng(unsigned(seed) * 77 + trips);
  std::vector<uint16_t> a(rows * k), b(64 * k);
  for (auto *m : {&a, &b})
    for (uint16_t &v : *m)
      v = uint16_t(std::bit_cast<uint32_t>(float(int(rng() % 17) - 8)) >> 16);
  std::vector<float> c(rows * 64, 77);
  uint64_t pa = sim.buffer(a, "A"), pb = sim.buffer(b, "B"), pc = sim.buffer(c, "C");
  sim.launch.parameters.clear();
  auto pass = [&](uint64_t address, bool result, unsigned height, unsigned boxHeight) {
    TensorMap m;
    m.rank = 2;
    m.address = address;
    m.type = result ? TensorMap::Type::F32 : TensorMap::Type::BF16;
    m.size = {result ? 64u : k, height, 1, 1, 1};
    m.stride[0] = result ? 256 : 2 * k;
    m.box = {64, boxHeight, 1, 1, 1};
    m.swizzle = result ? TensorMap::Swizzle::None : TensorMap::Swizzle::Bytes128;
    auto bytes = llvm::cantFail(encodeTensorMap(m));
    sim.launch.parameters.insert(sim.launch.parameters.end(), bytes.begin(), bytes.end());
  };
  pass(pa, false, rows, 64);
  pass(pb, false, 64, pair ? 32 : 64);
  pass(pc, true, rows, 64);
  for (unsigned i = 0; i < 4; ++i)
    sim.launch.parameters.push_back(uint8_t(trips >> (8 * i)));
  Outcome o;
  std::string text = product(slots, change, pair);
  if (damage) {
    damage(text);
    sim.options.maxSteps = 20000;
    auto program = Program::parse(text, "damaged.ptx");
    if (!program) {
      llvm::consumeError(program.takeError());
      return o;
    }
    if (auto report = sim.device->launch(**program, sim.launch, sim.options))
      o.report = *report;
    else
      llvm::consumeError(report.takeError());
    return o;
  }
  o.report = sim.run(text);
  c = sim.read<float>(pc, rows * 64);
  for (unsigned m = 0; m < rows; ++m)
    for (unsigned n = 0; n < 64; ++n) {
      double want = 0;
      for (unsigned i = 0; i < 64 * trips; ++i)
        want += double(bf16(a[m * k + i])) * bf16(b[n * k + i]);
      double e = std::abs(want - c[m * 64 + n]);
      o.worst = e > o.worst || e != e ? e : o.worst;
    }
  return o;
}

TEST(Pipeline, IsRightAndClean) {
  for (unsigned slots = 2; slots <= 4; ++slots)
    for (unsigned trips : {0u, 1u, 2u, slots - 1, slots, slots + 1, 2 * slots + 1})
      for (uint64_t seed = 0; seed < 20; ++seed) {
        Outcome o = runProduct(slots, trips, seed);
        ASSERT_EQ(o.worst, 0) << slots << " slots, " << trips << " trips, seed " << seed << "\n" << describe(o.report);
        ASSERT_TRUE(o.report.findings.empty()) << slots << " slots, " << trips << " trips, seed " << seed << "\n" << describe(o.report);
        EXPECT_EQ(o.report.counters["bytes.tma.load"], trips * kSlot);
      }
}

TEST(Pipeline, APairOfCtasIsRightAndClean) {
  for (unsigned slots = 2; slots <= 4; ++slots)
    for (unsigned trips : {0u, 1u, 2u, slots - 1, slots, slots + 1, 2 * slots + 1})
      for (uint64_t seed = 0; seed < 20; ++seed) {
        Outcome o = runProduct(slots, trips, seed, {}, true);
        ASSERT_EQ(o.worst, 0) << slots << " slots, " << trips << " trips, seed " << seed << "\n" << describe(o.report);
        ASSERT_TRUE(o.report.findings.empty()) << slots << " slots, " << trips << " trips, seed " << seed << "\n" << describe(o.report);
      }
}

struct Mutant {
  const char *what;
  Change change;
  std::set<std::string> names; ///< One of these; none: the change is harmless.
};

void runMutants(llvm::ArrayRef<Mutant> mutants, bool pair) {
  for (const Mutant &m : mutants) {
    unsigned caught = 0, errors = 0;
    std::string seeds, last;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Outcome o = runProduct(2, 5, seed, m.change, pair);
      bool hit = false;
      for (const std::string &n : m.names)
        hit |= has(o.report, n);
      caught += hit;
      errors += o.report.errors() != 0;
      seeds += hit ? " " + std::to_string(seed) : "";
      last = describe(o.report);
    }
    std::cout << "  " << m.what << ": by name on seeds" << (seeds.empty() ? " none" : seeds) << "; errors on " << errors << " of 8\n";
    if (m.names.empty())
      EXPECT_EQ(last, "") << m.what;
    else
      EXPECT_GT(caught, 0u) << m.what << "\n" << last;
  }
}

/// Each mutant is reported under the name of its fault on some of 8 seeds; how often is printed.
TEST(Pipeline, MutantsAreReportedByName) {
  std::string loadB = "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r18], [%rd2, {%r19, 0}], [%r15];";
  auto waitFor = [](const char *bar, const char *parity) {
    return "{\n.reg .pred P1;\nLAB_WAIT: mbarrier.try_wait.parity.shared::cta.b64 P1, [" + std::string(bar) + "], " + parity + ";\n@P1 bra DONE;\nbra LAB_WAIT;\nDONE:\n}";
  };
  Mutant mutants[] = {
      {"no expect_tx", {"expect", "mbarrier.arrive.shared::cta.b64 _, [%r15];"}, {"TK-SIM-MBARRIER-TX"}},
      {"too few bytes expected", {"expect", "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r15], 8192;"}, {"TK-SIM-MBARRIER-TX"}},
      {"a few bytes too few", {"expect", "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r15], 16368;"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"too many bytes expected", {"expect", "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r15], 16400;"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"no arrival", {"expect", "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r15], 16384;"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"expected after the copy", {"loadB", loadB + "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r15], 16;"}, {"TK-SIM-BARRIER-DEADLOCK", "TK-SIM-MBARRIER-TX"}},
      {"a copy missing", {"loadB", ""}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"a copy twice", {"loadB", loadB + loadB}, {"TK-SIM-RACE"}},
      {"a copy to the other barrier", {"loadB", "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r18], [%rd2, {%r19, 0}], [%r15+64];"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"full: wrong parity", {"waitFull", "xor.b32 %r40, %r12, 1;\n" + waitFor("%r15", "%r40")}, {"TK-SIM-RACE"}},
      {"full: not waited for", {"waitFull", ""}, {"TK-SIM-RACE"}},
      {"full: asked once", {"waitFull", "mbarrier.try_wait.parity.shared::cta.b64 %p9, [%r15], %r12;"}, {"TK-SIM-RACE"}},
      {"full: one warp waits", {"waitFull", "@%p6 bra $w; bra $n;\n$w: mbarrier.try_wait.parity.shared::cta.b64 %p9, [%r15], %r12; @!%p9 bra $w;\n$n:"}, {"TK-SIM-RACE"}},
      {"empty: wrong parity", {"waitEmpty", "xor.b32 %r40, %r12, 1;\n" + waitFor("%r15+64", "%r40")}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"empty: not waited for", {"waitEmpty", ""}, {"TK-SIM-RACE"}},
      {"empty: parity never flips", {"waitEmpty", waitFor("%r15+64", "1")}, {"TK-SIM-RACE"}},
      {"released too early", {"early", "@%p6 mbarrier.arrive.shared::cta.b64 _, [%r15+64];"}, {"TK-SIM-RACE", "TK-SIM-MBARRIER-LAPPED"}},
      {"released before the wait", {"wgmmaWait", "@%p6 mbarrier.arrive.shared::cta.b64 _, [%r15+64];\nwgmma.wait_group.sync.aligned 0;\nsetp.ne.u32 %p6, %r1, %r1;"}, {"TK-SIM-RACE"}},
      {"released by every thread", {"release", "mbarrier.arrive.shared::cta.b64 _, [%r15+64];"}, {"TK-SIM-MBARRIER-LAPPED"}},
      {"never released", {"release", ""}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"init missing", {"init", ""}, {"TK-SIM-MBARRIER-INVALID"}},
      {"no barrier after init", {"bar", ""}, {"TK-SIM-RACE", "TK-SIM-MBARRIER-INVALID"}},
      {"no fence before the store", {"fenceStore", ""}, {"TK-SIM-RACE-PROXY"}},
      {"no barrier before the store", {"barStore", ""}, {"TK-SIM-RACE"}},
      {"fence on the issuer's side", {"barStore", "bar.sync 1, 128;\nfence.proxy.async.shared::cta;"}, {}},
      {"part of the result unwritten", {"storeC4", ""}, {"TK-SIM-MEM-UNINIT"}},
      {"store not committed", {"commit", ""}, {"TK-SIM-BULK-UNWAITED"}},
      {"store not waited for", {"waitRead", ""}, {"TK-SIM-BULK-UNWAITED"}},
      {"store waited for in full", {"waitRead", "cp.async.bulk.wait_group 0;"}, {}},
      {"source overwritten before the wait", {"commit", "cp.async.bulk.commit_group;\nst.shared.f32 [%r27+" + std::to_string(1024 + 2 * kSlot) + "], %f0;"}, {"TK-SIM-RACE"}},
  };
  runMutants(mutants, false);
}

TEST(Pipeline, MutantsOfThePairAreReportedByName) {
  std::string remote = "@%p7 mapa.shared::cluster.u32 %r34, %r15, %r20; @%p7 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r34+64];";
  Mutant mutants[] = {
      {"the peer is not released", {"release", "@%p6 mbarrier.arrive.shared::cta.b64 _, [%r15+64];"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"only the peer is released", {"release", "xor.b32 %r34, %r30, 1; @%p6 mapa.shared::cluster.u32 %r34, %r15, %r34; @%p6 mbarrier.arrive.shared::cluster.b64 _, [%r34+64];"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"own slot released twice", {"release", "setp.lt.u32 %p7, %r20, 2; @%p7 mbarrier.arrive.shared::cta.b64 _, [%r15+64];"}, {"TK-SIM-RACE"}},
      {"released before the wait", {"wgmmaWait", "setp.lt.u32 %p7, %r20, 2;" + remote + "\nwgmma.wait_group.sync.aligned 0;\nmov.u32 %r20, 9;"}, {"TK-SIM-RACE"}},
      {"no multicast to the peer", {"mask", "shl.b32 %r31, %r30, 12; add.u32 %r18, %r18, %r31; shl.b32 %r32, %r30, 6; shl.b32 %r33, %r30, 5; mov.u16 %rs1, 1;\n{ .reg .pred q; setp.eq.u32 q, %r30, 1; @q mov.u16 %rs1, 2; }"}, {"TK-SIM-BARRIER-DEADLOCK"}},
      {"half of B not expected", {"expect", "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r15], 12288;"}, {"TK-SIM-MBARRIER-TX", "TK-SIM-BARRIER-DEADLOCK"}},
      {"both halves to one place", {"mask", "shl.b32 %r32, %r30, 6; shl.b32 %r33, %r30, 5; mov.u16 %rs1, 3;"}, {"TK-SIM-RACE"}},
      {"empty: not waited for", {"waitEmpty", ""}, {"TK-SIM-RACE"}},
      {"full: not waited for", {"waitFull", ""}, {"TK-SIM-RACE"}},
      {"only the own CTA sees the barriers made", {"bar", "bar.sync 0;"}, {"TK-SIM-RACE", "TK-SIM-MBARRIER-INVALID"}},
      {"no fence.mbarrier_init", {"fenceInit", ""}, {"TK-SIM-RACE"}},
      {"groups waited for by one warp", {"wgmmaWait", "setp.lt.u32 %p7, %r20, 32; @!%p7 bra $skip; wgmma.wait_group.sync.aligned 0;\n$skip: bar.sync 1, 128;"}, {"TK-SIM-WGMMA-GROUP"}},
      {"empty: acquired for the own CTA only",
       {"waitEmpty", "{\n.reg .pred P1;\nLAB_WAIT: mbarrier.try_wait.parity.shared::cta.b64 P1, [%r15+64], %r12;\n@!P1 bra LAB_WAIT;\n}"},
       {"TK-SIM-RACE-SCOPE"}},
      {"released to the own CTA only", {"release", "setp.lt.u32 %p7, %r20, 2; @%p7 mapa.shared::cluster.u32 %r34, %r15, %r20; @%p7 mbarrier.arrive.release.cta.shared::cluster.b64 _, [%r34+64];"}, {"TK-SIM-RACE-SCOPE"}},
      {"no cluster barrier at the end", {"tail", ""}, {"TK-SIM-CLUSTER-EXIT"}},
  };
  runMutants(mutants, true);
}

/// Kernels with other numbers, registers and operations than meant run to some end and never crash.
TEST(Pipeline, DamagedKernelsNeverCrash) {
  unsigned ran = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 rng{unsigned(seed)};
    Outcome o = runProduct(2, 3, seed, {}, seed % 2, [&](std::string &t) {
      for (unsigned k = 0; k < 1 + rng() % 3; ++k) {
        size_t at = rng() % t.size();
        if (rng() % 4) { // one number for another
          while (at < t.size() && !llvm::isDigit(t[at]))
            ++at;
          size_t end = at;
          while (end < t.size() && llvm::isDigit(t[end]))
            ++end;
          static const char *const numbers[] = {"0", "1", "2", "7", "8", "16", "31", "64", "128", "1024", "16384", "65535", "4294967295", "2147483648"};
          t.replace(at, end - at, rng() % 2 ? numbers[rng() % 14] : std::to_string(rng() % 40));
        } else { // a statement lost
          size_t from = t.rfind(';', at), to = t.find(';', at);
          if (from != std::string::npos && to != std::string::npos)
            t.erase(from, to - from);
        }
      }
    });
    ran += o.report.threadInstructions != 0;
  }
  std::cout << "  " << ran << " of 400 ran\n";
  EXPECT_GT(ran, 100u);
}

} // namespace
