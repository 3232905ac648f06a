//===- ParserTest.cpp - What is refused, and how --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "tk/Sim/LaunchFile.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

std::string error(const std::string &text) {
  auto p = Program::parse(text, "x.ptx");
  return p ? "" : llvm::toString(p.takeError());
}

TEST(Parser, ErrorsNameThePlaceAndTheText) {
  EXPECT_THAT(error(kernel(0, "\nfrobnicate.b32 %r1, %r2;")), testing::HasSubstr("x.ptx:8:1: error: unknown instruction 'frobnicate.b32'\n  frobnicate.b32 %r1, %r2;"));
  struct { const char *body, *message; } cases[] = {
      {"add.s32.zork %r1, %r2, %r3;", "modifier '.zork'"},
      {"add.s32 %r1, %r2;", "takes 3 operands, got 2"},
      {"add.s32 %r1, %r2, %rd3;", "register '%rd3' has 64 bits"},
      {"add.s32 %r1, %r2, %q3;", "unknown register '%q3'"},
      {"add.s32 %r1, %r2, %r400;", "unknown register '%r400'"},
      {"bra $nowhere;", "unknown label '$nowhere'"},
      {"$a: $a: ret;", "defined twice"},
      {"bar.sync 16;", "expected a barrier from 0 to 15, got 16"},
      {"bar.sync 1, 100;", "multiple of 32 threads, got 100"},
      {"mov.u64 %rd1, nosuch;", "unknown symbol 'nosuch'"},
      {"ld.global.v4.b64 {%rd1,%rd2,%rd3,%rd4}, [%rd5];", "moves 32 bytes"},
      {"ld.global.v2.b32 {%r1}, [%rd5];", "expected 2 registers, got 1"},
      {"mov.f32 %f1, 0f12;", "expected 8 hexadecimal digits"},
      {"wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16 {%f1}, 1, 1, 1, 1, 1, 0, 0;", "unsupported shape"},
      {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1}, 1, 1, 1, 1, 1, 0, 0;", "expected 4 accumulator registers, got 1"},
      {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1,%f2,%f3,%f4}, 1, 1, 1, 0, 1, 0, 0;", "expected scale 1 or -1, got 0"},
      {"wgmma.wait_group.sync.aligned %r1;", "expected an integer literal"},
      {"add.s32 %r1, %r2, %r3", "expected ';'"},
      {"setp.zz.s32 %p1, %r1, %r2;", "unknown comparison '.zz'"},
  };
  for (auto &c : cases)
    EXPECT_THAT(error(kernel(0, c.body)), testing::HasSubstr(c.message)) << c.body;
  EXPECT_THAT(error(".version 8.0\n.target sm_100a\n"), testing::HasSubstr("expected target sm_90a, or sm_90 or older, got 'sm_100a'"));
  EXPECT_THAT(error(header() + ".zork\n"), testing::HasSubstr("unknown directive '.zork'"));
  EXPECT_THAT(error(header() + ".visible .entry k(\n)\n{\n"), testing::HasSubstr("the end of the file"));
}

TEST(Parser, LabelsAreBlockScoped) {
  EXPECT_EQ(error(kernel(0, "{ bra.uni $x;\n$x: }\n{ bra.uni $x;\n$x: }\n bra.uni $x;\n$x:")), "");
  EXPECT_EQ(error(kernel(0, "{ { bra.uni $y; } }\n$y:")), "");
  EXPECT_THAT(error(kernel(0, "{ $x: }\n bra.uni $x;")), testing::HasSubstr("unknown label"));
}

TEST(Parser, RegistersOfAnInnerScopeShadow) {
  Sim sim;
  uint64_t o = sim.buffer(4, "o");
  sim.run(kernel(1, "mov.u32 %r1, 1; { .reg .b32 %r1; mov.u32 %r1, 2; } st.global.u32 [%rd100], %r1;"));
  EXPECT_EQ(sim.read<uint32_t>(o, 1)[0], 1u);
}

TEST(Parser, InitialisedVariables) {
  Sim sim;
  uint64_t o = sim.buffer(24, "o");
  Report r = sim.run(kernel(1, "ld.const.u32 %r1, [c+4]; st.global.u32 [%rd100], %r1; ld.global.f32 %f1, [g]; st.global.f32 [%rd100+4], %f1; "
                               "ld.global.u64 %rd1, [ptr]; ld.u32 %r2, [%rd1]; st.global.u32 [%rd100+8], %r2;",
                            ".const .align 4 .u32 c[3] = {1, 0x22, 3};\n.global .f32 g = 0f3FC00000;\n.global .u64 ptr = generic(g);\n"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint32_t>(o, 3);
  EXPECT_EQ(v[0], 0x22u);
  EXPECT_EQ(v[1], 0x3fc00000u);
  EXPECT_EQ(v[2], 0x3fc00000u);
}

TEST(Parser, LocReachesTheFinding) {
  Sim sim;
  Report r = sim.run(kernel(0, ".loc 1 20 10\nmov.u64 %rd1, 0; st.global.u32 [%rd1], 1;") + ".file 1 \"dir/gemm.mlir\"\n");
  ASSERT_EQ(r.findings.size(), 1u);
  EXPECT_EQ(r.findings[0].source, "gemm.mlir:20:10");
}

TEST(Parser, VolatileTakesNoScopeAndNoOrder) {
  for (const char *word :
       {"ld.volatile.gpu.global.u32 %r1, [%rd1];", "ld.volatile.acquire.gpu.u32 %r1, [%rd1];",
        "st.volatile.relaxed.sys.u32 [%rd1], %r1;"})
    EXPECT_THAT(
        error(kernel(0, std::string("\n") + word)),
        testing::AllOf(testing::HasSubstr("x.ptx:8:1: error: '.volatile' goes with no scope"),
                       testing::HasSubstr(word)));
}

TEST(Parser, LaunchErrors) {
  auto fails = [](auto change) {
    Sim sim;
    change(sim);
    auto p = llvm::cantFail(Program::parse(kernel(1, "", ".extern .shared .align 16 .b8 dyn[];\n"), "x.ptx"));
    auto r = sim.device->launch(*p, sim.launch, sim.options);
    return r ? std::string() : llvm::toString(r.takeError());
  };
  EXPECT_THAT(fails([](Sim &) {}), testing::HasSubstr("takes 8 bytes of parameters, got 0"));
  EXPECT_THAT(fails([](Sim &s) { s.launch.entry = "zork"; }), testing::HasSubstr("unknown entry 'zork'; the module has 'k'"));
  EXPECT_THAT(fails([](Sim &s) { s.pass(0); s.launch.block = {1025, 1, 1}; }), testing::HasSubstr("1 to 1024 threads"));
  EXPECT_THAT(fails([](Sim &s) { s.pass(0); s.launch.dynamicSharedBytes = 232449; }), testing::HasSubstr("exceed the limit of 232448"));
  EXPECT_THAT(fails([](Sim &s) { s.pass(0); s.launch.cluster = {2, 1, 1}; }), testing::HasSubstr("expected a grid of whole clusters of 2x1x1 CTAs, got 1x1x1"));
  EXPECT_EQ(fails([](Sim &s) { s.pass(0); s.launch.dynamicSharedBytes = 232448; }), "");
}

/// Damaged text is refused or runs; it never crashes.
TEST(Parser, DamagedTextNeverCrashes) {
  auto file = llvm::MemoryBuffer::getFile(TK_TEST_DIR "/cuda/kernels.ptx");
  ASSERT_TRUE(bool(file));
  std::string text = (*file)->getBuffer().str();
  unsigned seed = 1234;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  for (unsigned i = 0; i < 300; ++i) {
    std::string t = text;
    for (unsigned k = 0; k < 1 + rng() % 3; ++k) {
      size_t at = rng() % t.size();
      switch (rng() % 4) {
      case 0: t.erase(at, 1 + rng() % 40); break;
      case 1: t[at] = char(rng() % 128); break;
      case 2: t.insert(at, t.substr(rng() % t.size(), rng() % 60)); break;
      default: t.resize(at);
      }
      if (t.empty())
        break;
    }
    error(t);
  }
}

} // namespace
