//===- SyntaxTest.cpp - Constants, vectors, special registers, limits -----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include <chrono>

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

std::string error(const std::string &text) {
  auto p = Program::parse(text, "x.ptx");
  return p ? "" : llvm::toString(p.takeError());
}

/// What the lines store at %rd100, in words of T.
template <class T>
std::vector<T> stored(const std::string &body, unsigned count, const std::string &module = "") {
  Sim sim;
  uint64_t o = sim.buffer(count * sizeof(T), "o");
  Report r = sim.run(kernel(1, body, module));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  return sim.read<T>(o, count);
}

// The right-hand sides are what ptxas 13.0 puts into the cubin for `.global .u64 v = …`.
const struct { const char *text; uint64_t value; } kExpressions[] = {
    {"0xfF", 255}, {"017", 15}, {"0b101", 5}, {"7U", 7}, {"-7", uint64_t(-7)}, {"0xffffffff", 0xffffffff}, {"0xffffffffffffffff", ~0ull},
    {"-9223372036854775808", 1ull << 63}, {"1+2*3", 7}, {"~7", ~7ull}, {"!0", 1}, {"!5", 0}, {"!!3", 1}, {"1<<4", 16}, {"(2>1)", 1}, {"1?2:3", 2},
    {"(.s64)7", 7}, {"7 % 4", 3}, {"-7/2", uint64_t(-3)}, {"7/-2", uint64_t(-3)}, {"-8>>1", uint64_t(-4)},
    {"0xffffffffffffffff>>1", 0x7fffffffffffffff}, {"0x8000000000000000U>>1", 0x4000000000000000}, {"-1>>63", ~0ull},
    {"6&3|8^1", 11}, {"-1<1", 1}, {"-1<1U", 0}, {"0xffffffffffffffff<1", 0}, {"1&&0||1", 1}, {"2==2", 1}, {"3 != 2", 1},
    {"1?-1:1U", ~0ull}, {"WARP_SZ*2", 64}, {"(.u64)-1/2", 0x7fffffffffffffff}, {"(.s64)0xffffffffffffffff/2", 0}, {"+7", 7},
    {"- 7", uint64_t(-7)}, {"-~7", 8}, {"~-7", 6}, {"1 ? 2 : 0 ? 4 : 5", 2}, {"2-1-1", 0}, {"1<2<3", 1}, {"1.5<2.5", 1},
    {"0x10U", 16}, {"010", 8}, {"0b11", 3}, {"9223372036854775808", 1ull << 63}, {"9223372036854775807+1", 1ull << 63},
    {"-9223372036854775808/-1", 0}, {"1 | 2 && 4", 1}, {"(1+2)*3", 9}};

TEST(Syntax, ConstantExpressions) {
  std::string values, body;
  unsigned n = 0;
  for (auto &e : kExpressions) {
    values += std::string(n ? ", " : "") + e.text;
    std::string at = std::to_string(16 * n);
    body += "ld.global.u64 %rd1, [v+8*" + std::to_string(n) + "]; st.global.u64 [%rd100+" + at + "], %rd1;\n";
    body += std::string("mov.u64 %rd1, ") + e.text + "; st.global.u64 [%rd100+(" + at + "+8)], %rd1;\n";
    ++n;
  }
  std::vector<uint64_t> out = stored<uint64_t>(body, 2 * n, ".global .u64 v[] = {" + values + "};\n");
  for (unsigned i = 0; i < n; ++i) {
    EXPECT_EQ(out[2 * i], kExpressions[i].value) << "initialiser " << kExpressions[i].text;
    EXPECT_EQ(out[2 * i + 1], kExpressions[i].value) << "operand " << kExpressions[i].text;
  }
}

TEST(Syntax, IdentifiersAndComments) {
  EXPECT_EQ(stored<uint32_t>(".reg .b32 $t, _t, %t$_1; mov.u32 $t, 1; mov.u32 _t, 2; /* mov.u32 $t, 3; // */ add.u32 %t$_1, $t, _t; // add.u32 %t$_1, $t, $t;\n"
                             "/*/ mov.u32 %t$_1, 4; */ st.global.u32 [%rd100], %t$_1; /**/", 1)[0], 3u);
  EXPECT_EQ(error(header() + "/* a"), "x.ptx:4:1: error: the comment is not closed\n  /* a");
  EXPECT_THAT(error(header() + "/*/"), testing::HasSubstr("the comment is not closed"));
}

/// A dot starts a word of its own and so does a '%', as in the inline assembly of cuda_fp16.hpp.
TEST(Syntax, WordsWithoutSpaces) {
  Sim sim;
  uint64_t o = sim.buffer(8 * 4, "o");
  Report r = sim.run(header() + R"(.const.b32 c = 3;
.visible.global.align 8 .v2.b32 g = {4, 5};
.extern.shared.align 16 .b8 dynamic[];
.shared.b32 s;
.weak.func(.param.b32 r)f(.param.b32 a){.reg.b32%x; ld.param.b32%x,[a]; add.u32%x,%x,1; st.param.b32 [r],%x; ret; }
.func h(.reg.b32%a).noreturn{exit;}
.section.debug_str { .b8 0 }
.visible.entry k(.param.u64.ptr.global.align 4 o).maxntid 32 .minnctapersm 1{
.reg.b64%o; .reg.b32%r<3>;
ld.param.u64%o,[o];
{.reg.pred p; setp.eq.u32 p, 0, 0; @p st.global.b32[%o],7;}
{.reg.b16 hl, hu; mov.b32{hl,hu}, 0x00020001; mov.b32%r1,{hu, hl}; st.global.b32[%o+4],%r1;}
{.reg.f32 f; mov .f32 f, 1.0; st.global.f32 [%o+8], f;}
{.reg.v2.b32 v; ld.global.v2.b32 v, [g]; st.global.v2 .b32 [%o+16], {v .y, v.x};}
{.local.b32 l; st.local.b32 [l], 9; ld.local.b32%r1,[l]; st.global.b32 [%o+12],%r1;}
{.param.b32 a; .param.b32 r; st.param.b32 [a], 10; call (r), f, (a); ld.param.b32%r1,[r]; st.global.b32[%o+24],%r1;}
ld.const.b32%r1,[c]; st.shared.b32[s],%r1; ld.shared.b32%r2,[s]; mov.u32%r1,%ntid .x; add.u32%r1,%r1,%r2; st.global.b32[%o+28],%r1;
ret;
}
)");
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  EXPECT_EQ(sim.read<uint32_t>(o, 8), (std::vector<uint32_t>{7, 0x00010002, 0x3f800000, 9, 5, 4, 11, 4}));
  // What ptxas refuses.
  for (const char *body : {".reg.b32$q;", ".reg .b32 a%b;", ".reg .b32 %a%b;", ".reg .b32 a.x;", ".reg . b32 a;", ".shared.align8 .b8 s[8];", ".reg .b32.v2 q;"})
    EXPECT_NE(error(kernel(0, body)), "") << body;
}

TEST(Syntax, RealConstants) {
  const struct { const char *text; uint32_t bits; } cases[] = {
      {"1.5", 0x3fc00000}, {"1.5*2.0", 0x40400000}, {"-1.5", 0xbfc00000}, {"1.5/2.0", 0x3f400000}, {"(1.5+2.5)*2.0", 0x41000000},
      {"-(1.5)", 0xbfc00000}, {"0f3F800000", 0x3f800000}, {"0d3FF0000000000000", 0x3f800000}, {"1e3", 0x447a0000},
      {"1e-3", 0x3a83126f}, {".5", 0x3f000000}};
  for (auto &c : cases)
    EXPECT_EQ(stored<uint32_t>("ld.global.b32 %r1, [v]; st.global.b32 [%rd100], %r1; mov.f32 %f1, " + std::string(c.text) +
                                   "; st.global.f32 [%rd100+4], %f1;", 2, ".global .f32 v = " + std::string(c.text) + ";\n"),
              (std::vector<uint32_t>{c.bits, c.bits})) << c.text;
}

TEST(Syntax, WhatIsNoConstant) {
  const struct { const char *text, *message; } cases[] = {
      {"1/0", "division by zero"}, {"1 % 0", "division by zero"}, {"7%4", "expected ';'"}, {"1<<64", "expected a shift by 0 to 63, got 64"},
      {"1.5+2", "takes two integers or two reals, got one of each"}, {"-0f3F800000", "take no sign"},
      {"0f3F800000+0f3F800000", "they take no operator"}, {"~1.5", "expected an integer here"}, {"1?1.5:2.5", "expected two integers around ':'"},
      {"08", "expected a number, got '08'"}, {"1.0e400", "that fits 64 bits"}, {"1.5", "expected an integer, got '1.5'"},
      {"18446744073709551616", "expected a number"}, {"1+", "expected a number"}, {"(1", "expected ')'"}};
  for (auto &c : cases)
    EXPECT_THAT(error(kernel(0, std::string("mov.b64 %rd1, ") + c.text + ";")), testing::HasSubstr(c.message)) << c.text;
  EXPECT_THAT(error(kernel(0, "mov.b64 %rd1, " + std::string(100000, '(') + ";")), testing::HasSubstr("nested at most 100 deep"));
  EXPECT_THAT(error(kernel(0, "mov.b64 %rd1, " + std::string(100000, '-') + ";")), testing::HasSubstr("nested at most 100 deep"));
  for (const char *v : {".f32 v = 3", ".u32 v = 1.5", ".f16 v = 1.0", ".u16 v = {0xff(u)}", ".u8 v = {0xf0(u)}", ".u32 v = {{{{{{{{{{{{{{{{{{{{1"})
    EXPECT_THAT(error(header() + ".global .u32 u;\n.global " + v + ";\n"), testing::HasSubstr("x.ptx:5:")) << v;
}

TEST(Syntax, BytesOfAnAddress) {
  std::vector<uint64_t> out = stored<uint64_t>(
      "ld.global.u64 %rd1, [v]; mov.u64 %rd2, u; st.global.u64 [%rd100], %rd1; add.u64 %rd2, %rd2, 4; st.global.u64 [%rd100+8], %rd2;",
      2, ".global .align 4 .u32 u[4];\n.global .align 8 .u8 v[8] = {0xff(u+4), 0xff00(u+4), 0xff0000(u+4), 0xff000000(u+4), "
         "0xff00000000(generic(u)+4), 0xff0000000000(u+4), 0xff000000000000(u+4), 0xff00000000000000(u+4)};\n");
  EXPECT_EQ(out[0], out[1]);
}

TEST(Syntax, SeveralVariablesOfAType) {
  EXPECT_EQ(stored<uint32_t>("ld.global.u32 %r1, [b+4]; st.global.u32 [%rd100], %r1; ld.global.u32 %r1, [w+12]; st.global.u32 [%rd100+4], %r1;\n"
                             "mov.u32 %r1, t; mov.u32 %r2, s; sub.u32 %r1, %r1, %r2; st.global.u32 [%rd100+8], %r1;\n"
                             "mov.u64 %rd1, w; cvt.u32.u64 %r1, %rd1; and.b32 %r1, %r1, 15; and.b32 %r2, %r2, 7; or.b32 %r1, %r1, %r2; "
                             "st.global.u32 [%rd100+12], %r1;\n", 4,
                             ".global .u32 a = 3, b[2] = {7, 8}, c;\n.global .u8 one = 1;\n.global .v4 .u32 v = {1, 2, 3, 4}, w = {5, 6, 7, 9};\n"
                             ".shared .u8 x; .shared .v2 .u32 s, t[2];\n"),
            (std::vector<uint32_t>{8, 9, 8, 0})) << "vectors are aligned as a whole";
  EXPECT_THAT(error(header() + ".global .u32 a = 0, .u32 b;\n"), testing::HasSubstr("x.ptx:4:21: error: expected the name of a variable, got"));
}

TEST(Syntax, CommonVariables) {
  EXPECT_EQ(stored<uint32_t>("ld.global.u32 %r1, [v]; st.global.u32 [%rd100], %r1;", 1, ".common .global .u32 v = 3;\n")[0], 3u);
  EXPECT_THAT(error(header() + ".common .shared .u32 v;\n"), testing::HasSubstr("expected '.global' after '.common'"));
}

TEST(Syntax, IndexedVariables) {
  // An index counts scalars, of vectors too.
  EXPECT_EQ(stored<uint32_t>("ld.global.u32 %r1, v[1]; st.global.u32 [%rd100], %r1; mov.u64 %rd1, v[1+1]; ld.global.u32 %r1, [%rd1]; "
                             "st.global.u32 [%rd100+4], %r1; ld.global.u16 %rs1, h[3]; cvt.u32.u16 %r1, %rs1; st.global.u32 [%rd100+8], %r1; "
                             "ld.global.u32 %r1, q[5]; st.global.u32 [%rd100+12], %r1; st.shared.u32 s[2], 9; ld.shared.u32 %r1, [s+8]; "
                             "st.global.u32 [%rd100+16], %r1;", 5,
                             ".global .u32 v[4] = {10, 11, 12, 13};\n.global .u16 h[4] = {1, 2, 3, 4};\n"
                             ".global .v4 .u32 q[2] = {{0, 1, 2, 3}, {4, 5, 6, 7}};\n.shared .u32 s[4];\n"),
            (std::vector<uint32_t>{11, 12, 4, 5, 9}));
  const std::string v = ".global .u32 v[4];\n.global .u32 x;\n";
  EXPECT_THAT(error(kernel(0, "ld.global.u32 %r1, v[%r2];", v)), testing::HasSubstr("expected a constant index, got '%r2];'"));
  EXPECT_THAT(error(kernel(0, "ld.global.u32 %r1, v[-1];", v)), testing::HasSubstr("expected an index of 0"));
  EXPECT_THAT(error(kernel(0, "ld.global.u32 %r1, x[0];", v)), testing::HasSubstr("is no array"));
  EXPECT_THAT(error(kernel(0, "ld.global.u32 %r1, v;", v)), testing::HasSubstr("expected an address in brackets"));
  EXPECT_THAT(error(kernel(0, "atom.global.add.u32 %r1, v[1], 1;", v)), testing::HasSubstr("expected an address in brackets"));
  EXPECT_THAT(error(kernel(0, "add.u64 %rd1, v, 4;", v)), testing::HasSubstr("takes registers, got the name 'v'"));
  EXPECT_THAT(error(kernel(0, "ld.global.u32 %r1, [%rd1-4];")), testing::HasSubstr("expected ']'"));
}

TEST(Syntax, VectorRegisters) {
  EXPECT_EQ(stored<uint32_t>(".reg .v4 .u32 v, w; .reg .v2 .u32 p<2>; .reg .v2 .b16 h; mov.u32 v.x, 1; mov.u32 v.g, 2; mov.u32 v.z, 3; mov.u32 v.a, 4; "
                             "mov.v4.u32 w, v; st.global.v4.u32 [%rd100], w; ld.global.v4.u32 v, [%rd100]; mov.u32 p1.x, v.w; mov.u32 p1.y, v.r; "
                             "st.global.v2.u32 [%rd100+16], p1; mov.b32 h, 0x00050006; mov.b32 %r1, {h.y, h.x}; st.global.u32 [%rd100+24], %r1; "
                             // Elements that are read after another is written.
                             "mov.v2.u32 p1, {p1.y, p1.x}; st.global.v2.u32 [%rd100+32], p1; mov.b32 %r1, h; st.global.u32 [%rd100+28], %r1;", 10),
            (std::vector<uint32_t>{1, 2, 3, 4, 4, 1, 0x00060005, 0x00050006, 1, 4}));
  EXPECT_THAT(error(kernel(0, ".reg .v2 .u32 w; mov.u32 w.z, 1;")), testing::HasSubstr("'w.z'"));
  EXPECT_THAT(error(kernel(0, ".reg .v4 .f64 w;")), testing::HasSubstr("at most 128 bits"));
  for (const char *v3 : {"ld.global.v3.u32 {%r1, %r2, %r3}, [%rd1];", "st.global.v3.u32 [%rd1], {%r1, %r2, %r3};"})
    EXPECT_THAT(error(kernel(0, v3)), testing::HasSubstr("error: expected a vector of .v2 or .v4, got '.v3' in '")) << v3;
  EXPECT_THAT(error(kernel(0, ".reg .v2 .pred w;")), testing::HasSubstr("not of predicates"));
}

TEST(Syntax, SpecialRegisters) {
  const std::array<uint32_t, 3> grid = {2, 3, 2}, block = {5, 4, 3};
  const char *names[] = {"%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y",
                         "%nctaid.z", "%laneid", "%warpid", "%nwarpid", "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt",
                         "%dynamic_smem_size", "WARP_SZ", "%nsmid"};
  constexpr unsigned kCount = std::size(names), kThreads = 60;
  Sim sim;
  sim.launch.grid = grid;
  sim.launch.block = block;
  sim.launch.dynamicSharedBytes = 272;
  sim.options.multiprocessors = 17;
  uint64_t o = sim.buffer(12 * kThreads * kCount * 4, "o");
  std::string body = "mov.u32 %r1, %tid.z; mad.lo.u32 %r1, %r1, 4, 0; mov.u32 %r2, %tid.y; add.u32 %r1, %r1, %r2; mov.u32 %r2, %tid.x; mad.lo.u32 %r1, %r1, 5, %r2;"
                     "mov.u32 %r3, %ctaid.z; mov.u32 %r4, %ctaid.y; mad.lo.u32 %r3, %r3, 3, %r4; mov.u32 %r4, %ctaid.x; mad.lo.u32 %r3, %r3, 2, %r4;"
                     "mad.lo.u32 %r1, %r3, 60, %r1; mad.wide.u32 %rd1, %r1, " + std::to_string(4 * kCount) + ", %rd100;\n";
  for (unsigned i = 0; i < kCount; ++i)
    body += std::string("mov.u32 %r2, ") + names[i] + "; st.global.u32 [%rd1+" + std::to_string(4 * i) + "], %r2;\n";
  Report r = sim.run(kernel(1, body, ".extern .shared .align 16 .b8 d[];\n"));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  std::vector<uint32_t> out = sim.read<uint32_t>(o, 12 * kThreads * kCount);
  for (uint32_t cta = 0; cta < 12; ++cta)
    for (uint32_t t = 0; t < kThreads; ++t) {
      uint32_t lane = t % 32, bit = 1u << lane, below = bit - 1;
      std::vector<uint32_t> want = {t % 5, t / 5 % 4, t / 20, 5, 4, 3, cta % 2, cta / 2 % 3, cta / 6, 2, 3, 2, lane, t / 32, 2,
                                    bit, below | bit, below, ~below, ~(below | bit), 272, 32, 17};
      auto at = out.begin() + (cta * kThreads + t) * kCount;
      EXPECT_EQ(std::vector<uint32_t>(at, at + kCount), want) << "CTA " << cta << " thread " << t;
    }
}

TEST(Syntax, GuardsAndBranchesByIndex) {
  Sim sim;
  sim.launch.block = {4, 1, 1};
  uint64_t o = sim.buffer(4 * 4, "o");
  Report r = sim.run(kernel(1, "mov.u32 %r1, %tid.x; mad.wide.u32 %rd1, %r1, 4, %rd100; mov.u32 %r2, 0; setp.gt.u32 %p1, %r1, 1; @%p1 add.u32 %r2, %r2, 100; "
                               "@!%p1 add.u32 %r2, %r2, 200; $ts: .branchtargets $a, $b, $c, $b; brx.idx %r1, $ts; $a: add.u32 %r2, %r2, 1; bra.uni $e; "
                               "$b: add.u32 %r2, %r2, 2; bra $e; $c: add.u32 %r2, %r2, 4; $e: st.global.u32 [%rd1], %r2;"));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  EXPECT_EQ(sim.read<uint32_t>(o, 4), (std::vector<uint32_t>{201, 202, 104, 102}));
}

TEST(Syntax, SpecialRegistersInOtherWidths) {
  Sim sim;
  uint64_t o = sim.buffer(6 * 4 * 4, "o");
  sim.launch.block = {3, 2, 1};
  sim.launch.grid = {1, 1, 1};
  Report r = sim.run(kernel(1, ".reg .v4 .u32 t; mov.v4.u32 t, %tid; mov.u32 %r1, %ntid.x; mad.lo.u32 %r1, t.y, %r1, t.x; mad.wide.u32 %rd1, %r1, 16, %rd100; "
                               "mov.u16 %rs1, %tid.x; cvt.u32.u16 %r2, %rs1; mov.u32 %r3, %ntid.w; add.u32 %r3, %r3, t.w; mov.u64 %rd2, %current_graph_exec; "
                               "cvt.u32.u64 %r4, %rd2; mov.u32 %r5, %gridid; add.u32 %r4, %r4, %r5; "
                               "st.global.v4.u32 [%rd1], {%r2, t.y, %r3, %r4};"));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  std::vector<uint32_t> out = sim.read<uint32_t>(o, 24);
  for (uint32_t i = 0; i < 6; ++i)
    EXPECT_EQ(std::vector<uint32_t>(out.begin() + 4 * i, out.begin() + 4 * i + 4), (std::vector<uint32_t>{i % 3, i / 3, 0, 0}));
  EXPECT_THAT(error(kernel(0, "mov.u16 %rs1, %laneid;")), testing::HasSubstr("has no 16-bit form"));
  EXPECT_THAT(error(kernel(0, "mov.b32 %r1, %tid;")), testing::HasSubstr("has four elements"));
  EXPECT_THAT(error(kernel(0, "add.u32 %r1, %tid.x, 1;")), testing::HasSubstr("can only be read by mov and cvt"));
  EXPECT_THAT(error(kernel(0, "mov.f32 %f1, %tid.x;")), testing::HasSubstr("'%tid.x'"));
  EXPECT_THAT(error(kernel(0, "mov.u32 %r1, %envreg32;")), testing::HasSubstr("unknown register"));
}

TEST(Syntax, WhatADriverSetsIsPoison) {
  for (const char *name : {"%envreg0", "%envreg31", "%pm0", "%pm7", "%aggr_smem_size"}) {
    Sim sim;
    sim.buffer(4, "o");
    Report unused = sim.run(kernel(1, std::string("mov.u32 %r1, ") + name + ";"));
    EXPECT_TRUE(unused.findings.empty()) << name << describe(unused);
    EXPECT_TRUE(has(sim.run(kernel(1, std::string("mov.u32 %r1, ") + name + "; st.global.u32 [%rd100], %r1;")), "TK-SIM-MEM-UNINIT")) << name;
  }
  Sim sim;
  sim.buffer(8, "o");
  EXPECT_TRUE(has(sim.run(kernel(1, "mov.u64 %rd1, %pm3_64; st.global.u64 [%rd100], %rd1;")), "TK-SIM-MEM-UNINIT"));
}

/// Where the driver's part of shared memory is.
TEST(Syntax, ReservedSharedMemoryStopsItsEntriesOnly) {
  const std::string ptx = header() + R"(.func scratch() { .reg .b32 %r;
mov.u32 %r, %reserved_smem_offset_1; ret; }
.visible .entry plain() { ret; }
.visible .entry calls() { call scratch; ret; }
.visible .entry begin() { .reg .b32 %r; mov.u32 %r, %reserved_smem_offset_begin; ret; }
.visible .entry end() { .reg .b32 %r; mov.u32 %r, %reserved_smem_offset_end; ret; }
.visible .entry cap() { .reg .b32 %r; mov.u32 %r, %reserved_smem_offset_cap; ret; }
.visible .entry zero() { .reg .b32 %r; cvt.u32.u32 %r, %reserved_smem_offset_0; ret; }
.visible .entry own() { .reg .b32 %reserved_smem_offset_0; mov.u32 %reserved_smem_offset_0, 1; ret; }
)";
  auto program = Program::parse(ptx, "x.ptx");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  const struct { const char *entry, *message; } cases[] = {
      {"plain", ""}, {"own", ""},
      {"calls", "entry 'calls' cannot run: x.ptx:5:13: error: no manual says what the driver puts into '%reserved_smem_offset_1'; cooperative groups "
                "read it for tiles of more than 32 threads: use tiles of at most 32"},
      {"begin", "x.ptx:8:53: error: no manual says what the driver puts into '%reserved_smem_offset_begin'"},
      {"end", "into '%reserved_smem_offset_end'"}, {"cap", "into '%reserved_smem_offset_cap'"}, {"zero", "into '%reserved_smem_offset_0'"}};
  for (auto &c : cases) {
    Sim sim;
    sim.launch.entry = c.entry;
    auto report = sim.device->launch(**program, sim.launch, sim.options);
    std::string message = report ? "" : llvm::toString(report.takeError());
    EXPECT_THAT(message, testing::HasSubstr(c.message)) << c.entry;
    EXPECT_EQ(message.empty(), !*c.message) << c.entry;
  }
}

/// %envreg1 and %envreg2 are the address of a structure for each launch: a word that nobody describes, and a barrier of zero.
TEST(Syntax, TheWorkspaceOfAGrid) {
  const std::string address = "mov.u32 %r1, %envreg2; mov.u32 %r2, %envreg1; mov.b64 %rd1, {%r1, %r2};\n";
  Sim sim;
  sim.launch.grid = {5, 1, 1};
  sim.launch.block = {3, 1, 1};
  uint64_t out = sim.buffer(std::vector<uint32_t>(1), "out");
  std::string count = kernel(1, address + "atom.global.add.u32 %r3, [%rd1+4], 1; red.global.max.u32 [%rd100], %r3;");
  for (unsigned launch = 0; launch < 2; ++launch) {
    Report r = sim.run(count);
    EXPECT_TRUE(r.findings.empty()) << describe(r);
    EXPECT_EQ(sim.read<uint32_t>(out, 1)[0], 14u) << "zero when each launch starts";
  }
  sim.launch.grid = {1, 1, 1};
  EXPECT_TRUE(has(sim.run(kernel(1, address + "ld.global.u32 %r3, [%rd1]; st.global.u32 [%rd100], %r3;")), "TK-SIM-MEM-UNINIT"));
  for (const char *at : {"+8", "+-4"}) {
    Report r = sim.run(kernel(1, address + "ld.global.u32 %r3, [%rd1" + at + "];"));
    ASSERT_EQ(r.findings.size(), 1u) << describe(r);
    EXPECT_THAT(r.findings[0].message, testing::HasSubstr("'workspace of the grid (%envreg1, %envreg2)', 8 bytes"));
  }
  // Its address is of no use to the next launch.
  Report keep = sim.run(kernel(1, address + "st.global.u32 [%rd100], %r1;"));
  EXPECT_TRUE(keep.findings.empty()) << describe(keep);
  Report stale = sim.run(kernel(1, "ld.global.u32 %r1, [%rd100]; mov.u32 %r2, 4096; mov.b64 %rd1, {%r1, %r2}; ld.global.u32 %r3, [%rd1+4];"));
  EXPECT_TRUE(has(stale, "TK-SIM-MEM-OOB")) << describe(stale);
  EXPECT_THAT(describe(stale), testing::HasSubstr("(freed)"));
}

TEST(Syntax, WhatPtxasRefuses) {
  const struct { const char *text, *message; } bodies[] = {
      {".reg .bf16 v;", "expected a register type"}, {".reg .tf32 v;", "expected a register type"}, {".reg .e4m3 v;", "expected a register type"},
      {".reg .b32 v; .reg .b32 v;", "'v' is defined twice"}, {".shared .u32 v; .shared .u32 v;", "'v' is defined twice"},
      {"pmevent.zork 1;", "'.zork'"}, {"pmevent 1, 2;", "takes 1 operands, got 2"}, {"applypriority.L2::evict_normal.zork [%rd1], 128;", "'.zork'"},
      {"applypriority.global.L2::evict_normal [%rd1], 64;", "expected 128 bytes, got 64"}, {"applypriority.L2::evict_normal [%rd1], 128, 1;", "takes 2 operands"},
      {"bar.red.aligned.popc.u32 %r1, 1, %p1;", "write barrier.red.aligned"}, {"barrier.red.and.u32 %r1, 1, 32, %p1;", "expected .popc.u32"},
      {"barrier.red.popc.pred %p2, 1, 32, %p1;", "expected .popc.u32"}, {"mov.b32 %r1, 1.5;", "expected an integer, got '1.5'"}};
  for (auto &c : bodies)
    EXPECT_THAT(error(kernel(0, c.text)), testing::HasSubstr(c.message)) << c.text;
  const std::string entry = ".visible .entry k() { ret; }\n";
  const struct { std::string text; const char *message; } modules[] = {
      {".version 10.0\n", "expected a PTX ISA version from 1.0 to 9.x, got '10.0'"}, {".version 8\n", "got '8'"},
      {".version 8.0\n.target sm_90a, map_f64_to_f32\n", "'map_f64_to_f32'"},
      {".version 8.0\n.target sm_100a\n", "or sm_90 or older, got 'sm_100a'"}, {".version 8.0\n.target sm_80a\n", "got 'sm_80a'"},
      {"", "x.ptx:1:1: error: no entries"}, {"// nothing\n", "no entries"}, {".version 8.0\n", ""},
      {".target sm_90a\n", "x.ptx:1:1: error: expected '.version' at the start of the PTX, got '.target'"},
      {entry, "expected '.version' at the start of the PTX, got '.visible'"}, {".version 8.0\n" + entry, "expected '.target' after '.version', got '.visible'"},
      {".version 8.0\n.target debug\n" + entry, "expected a target, such as sm_90a"},
      {header() + entry + entry, "entry 'k' is defined twice"},
      {header() + ".visible .entry k() .noreturn { ret; }\n", "'.noreturn'"}, {header() + ".visible .entry k() .maxnctapersm 2 { ret; }\n", "'.maxnctapersm'"},
      {header() + ".visible .entry k(.param .pred a) { ret; }\n", "predicate 'a'"}};
  for (auto &c : modules)
    EXPECT_THAT(error(c.text), testing::HasSubstr(c.message)) << c.text;
  EXPECT_EQ(error(".version 7.0\n.target sm_80\n.address_size 64\n" + entry), "");
  EXPECT_EQ(error(header() + ".extern .global .u32 a;\n.global .u32 a;\n"), "");
}

// What a C preprocessor leaves behind, and only that.
TEST(Syntax, LineMarkers) {
  EXPECT_EQ(stored<uint32_t>("# 3 \"a b.cu\" 1 3\nmov.b32\n  #line 7 \"x.cu\"\r\n%r1, 5; #8 \"\"\nst.global.u32 [%rd100], %r1;", 1)[0], 5u);
  EXPECT_EQ(error("# 1 \"x.cu\"\n" + header() + ".visible .entry k() { ret; }\n# 9 \"x.cu\""), "");
  for (const char *line : {"#", "# 1", "# x", "# \"x.cu\"", "# 1 x.cu", "# 1 \"x.cu", "# 1 \"x.cu\" ret;", "#pragma once", "# 1 \"x\n.cu\""})
    EXPECT_THAT(error(kernel(0, std::string("\n") + line + "\n")), testing::HasSubstr("expected an instruction, got '#")) << line;
}

TEST(Syntax, ConstantMemoryIsOneBank) {
  const std::string k = ".visible .entry k() { ret; }\n.visible .entry l() { .const .b8 l[8]; ret; }\n";
  EXPECT_EQ(error(header() + ".const .b8 c[65525];\n.const .align 2 .b8 d[2];\n" + k), "");
  EXPECT_THAT(error(header() + ".const .b8 c[65525];\n.const .align 2 .b8 d[4];\n" + k), testing::HasSubstr("x.ptx:7:34: error: the variables of this state "
              "space have more than 65536 bytes together"));
  EXPECT_EQ(error(header() + ".extern .const .b8 c[65528];\n.const .b8 c[65528];\n" + k), "");
  EXPECT_THAT(error(header() + ".const .b8 c[65537];\n" + k), testing::HasSubstr("expected at most 65536 bytes in this state space, got 65537"));
}

TEST(Syntax, WhatIsNoText) {
  EXPECT_EQ(error("\xef\xbb\xbf" + header()), "x.ptx: error: not PTX text, but a UTF-8 byte order mark, which ptxas refuses, too; save the file without it");
  EXPECT_EQ(error(std::string("\x7f""ELF\2\1\1\0", 8)), "x.ptx: error: not PTX text, but an ELF file, such as a cubin; take the PTX that it was made from");
  EXPECT_THAT(error(std::string("\x50\xed\x55\xba\1\0\x10\0", 8)), testing::HasSubstr("not PTX text, but a fatbin"));
  EXPECT_EQ(error(header() + std::string("a\0b", 3)), "x.ptx: error: not PTX text, but bytes that are no characters");
  // Of a line or a name without end a message shows a part, the part in question.
  std::string at = error(header() + std::string(1000000, ' ') + "oops " + std::string(5000000, 'x'));
  EXPECT_THAT(at, testing::StartsWith("x.ptx:4:1000001: error: expected a directive, got 'oops'\n  ..."));
  EXPECT_THAT(at, testing::HasSubstr("oops xxx"));
  EXPECT_LT(at.size(), 250u);
  EXPECT_LT(error(header() + std::string(5000000, 'x')).size(), 700u);
}

// Each needs what stands after it, by ptxas 13.0: one version or one target less is refused.
TEST(Syntax, InstructionsNeedAVersionAndATarget) {
  auto at = [](const std::string &version, const std::string &target, const std::string &line) {
    return error(".version " + version + "\n.target " + target + "\n.address_size 64\n.visible .entry k() {\n.reg .pred %p<2>; .reg .b32 %r<4>; .reg .b64 %d<4>;\n" +
                 line + "\nret;\n}\n");
  };
  const struct { const char *line, *version, *target, *before, *below; } cases[] = {
      {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r0}, [%r1];", "6.5", "sm_75", "6.4", "sm_72"},
      {"redux.sync.add.s32 %r0, %r1, 0xffffffff;", "7.0", "sm_80", "6.5", "sm_75"},
      {"mbarrier.init.shared.b64 [%r0], 1;", "7.0", "sm_80", "6.5", "sm_75"},
      {"mbarrier.try_wait.shared.b64 %p0, [%r0], %d0;", "7.8", "sm_90", "7.7", "sm_89"},
      {"mbarrier.arrive.expect_tx.shared.b64 %d0, [%r0], 16;", "8.0", "sm_90", "7.8", "sm_89"},
      {"cp.async.commit_group;", "7.0", "sm_80", "6.5", "sm_75"},
      {"cp.async.bulk.commit_group;", "8.0", "sm_90", "7.8", "sm_89"},
      {"createpolicy.fractional.L2::evict_first.b64 %d0, 1.0;", "7.4", "sm_80", "7.3", "sm_75"},
      {"discard.global.L2 [%d0], 128;", "7.4", "sm_80", "7.3", "sm_75"},
      {"wgmma.fence.sync.aligned;", "8.0", "sm_90a", "7.8", "sm_90"},
      {"setmaxnreg.inc.sync.aligned.u32 64;", "8.0", "sm_90a", "7.8", "sm_90"},
      {"mapa.shared::cluster.u32 %r0, %r1, 0;", "7.8", "sm_90", "7.7", "sm_89"},
      {"barrier.cluster.arrive;", "7.8", "sm_90", "7.7", "sm_89"},
      {"griddepcontrol.wait;", "7.8", "sm_90", "7.7", "sm_89"},
      {"st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r0], %r1, [%r2];", "8.1", "sm_90", "8.0", "sm_89"},
      {"fence.proxy.async;", "8.0", "sm_90", "7.8", "sm_89"},
      {"fence.acq_rel.cluster;", "7.8", "sm_90", "7.7", "sm_89"},
      {"ld.shared::cluster.u32 %r0, [%r1];", "7.8", "sm_90", "7.7", "sm_89"}};
  for (auto &c : cases) {
    EXPECT_EQ(at(c.version, c.target, c.line), "") << c.line;
    EXPECT_THAT(at(c.version, c.below, c.line), testing::HasSubstr(std::string("needs .target ") + c.target + ", the PTX has " + c.below)) << c.line;
    EXPECT_THAT(at(c.before, c.target, c.line), testing::HasSubstr(std::string("needs .version ") + c.version + ", the PTX has " + c.before)) << c.line;
  }
}

// Entries that need what is not supported are refused when they are launched, and others run.
TEST(Syntax, TexturesAndSurfacesStopTheirEntriesOnly) {
  const std::string ptx = header() + R"(.global .texref image; .global .surfref target; .global .samplerref sampler;
.func sample() { .reg .f32 %f<5>; .reg .b64 %d; .reg .pred %p;
tex.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d, {%f1, %f2}]; ret; }
.visible .entry plain() { ret; }
.visible .entry calls() { call sample; ret; }
.visible .entry loads() { .reg .b32 %r<3>; .reg .b64 %d; suld.b.1d.b32.trap %r1, [%d, {%r2}]; ret; }
.visible .entry takes(.param .texref t) { ret; }
.visible .entry columns() { .reg .b64 %d; .reg .b32 %r;
cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%r], [%d, {%r, %r, %r}], [%r], {1}; ret; }
)";
  auto program = Program::parse(ptx, "x.ptx");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  const struct { const char *entry, *message; } cases[] = {
      {"plain", ""},
      {"calls", "entry 'calls' cannot run: x.ptx:6:1: error: textures are not supported, got 'tex.2d.v4.f32.f32'"},
      {"loads", "x.ptx:9:58: error: surfaces are not supported, got 'suld.b.1d.b32.trap'"},
      {"takes", "x.ptx:10:30: error: textures and surfaces are not supported, got '.texref'"},
      {"columns", "x.ptx:12:1: error: tensor copies of .im2col are not supported"}};
  for (auto &c : cases) {
    Sim sim;
    sim.launch.entry = c.entry;
    if (c.entry == std::string("takes"))
      sim.pass(0);
    auto report = sim.device->launch(**program, sim.launch, sim.options);
    std::string message = report ? "" : llvm::toString(report.takeError());
    EXPECT_THAT(message, testing::HasSubstr(c.message)) << c.entry;
    EXPECT_EQ(message.empty(), !*c.message) << c.entry;
  }
}

/// Each is answered, by an error with a place or a program, within seconds and without much memory.
TEST(Syntax, HostileTextIsRefusedInTime) {
  auto repeat = [](const std::string &s, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i)
      out += s;
    return out;
  };
  std::string labels, functions, names;
  for (unsigned i = 0; i < 100000; ++i)
    labels += "$l" + std::to_string(i) + ": @%p1 bra $l" + std::to_string(i * 7919u % 100000) + ";\n";
  for (unsigned i = 0; i < 30000; ++i)
    functions += ".func f" + std::to_string(i) + "() { ret; }\n";
  for (unsigned i = 0; i < 20000; ++i)
    names += (i ? ", $l" : "$l") + std::to_string(i);
  const struct { std::string text; const char *message; } cases[] = {
      {kernel(0, repeat("{", 100000)), "nested at most 100 deep"},
      {kernel(0, ".reg .b32 %x<99999999999>;"), "expected at most 1048576 registers"},
      {kernel(0, ".reg .b32 %x<1048576>; mov.u32 %x1048575, 1;"), ""},
      {kernel(0, ".reg .v4 .b32 %x<1000000>;"), "expected at most 32 vector registers"},
      {kernel(0, labels), ""},
      {kernel(0, "$t: .branchtargets " + names + ";"), "at most 16384 names"},
      {kernel(0, "", ".shared .b8 s[4294967295];\n"), "expected at most 232448 bytes"},
      {kernel(0, "", repeat(".shared .b8 s[200000];\n", 1) + ".shared .b8 t[200000];\n"), "more than 232448 bytes together"},
      {kernel(0, ".local .b8 s[4294967295];"), "expected at most 524288 bytes"},
      {kernel(0, "", ".global .b8 s[18446744073709551615];\n"), "expected an array of at most 2^36 elements"},
      {kernel(0, "", ".global .b8 s[1000000][1000000];\n"), "expected an array of at most 2^36 elements"},
      {kernel(0, "", ".global .align 2147483648 .b8 s[4];\n"), "expected a power of two"},
      {kernel(0, "", ".global .b8 s[] = " + repeat("{", 100000) + ";\n"), "nested at most 16 deep"},
      {kernel(0, "mov.u64 %rd1, 0x" + repeat("f", 100000) + ";"), "expected a number"},
      {kernel(0, "mov.b64 {" + repeat("%r1, ", 100000) + "%r1}, %rd1;"), "expected 2 or 4 elements"},
      {kernel(0, repeat("@", 100000)), "expected a predicate register"},
      {header() + functions, "expected at most 20000 functions"},
      {header() + ".visible .entry k(.param .b8 a[32764][32764][32764]) { ret; }\n", "at most 32764 bytes"},
      {"/*" + repeat("/* ", 1000000), "the comment is not closed"},
      {header() + repeat(".visible ", 300000), "got a second linking directive, '.visible'"},
      {std::string(1000000, '\0'), "not PTX text"}};
  for (auto &c : cases) {
    auto begin = std::chrono::steady_clock::now();
    std::string message = error(c.text);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_THAT(message.substr(0, 300), testing::HasSubstr(c.message)) << c.text.substr(0, 100);
    if (!*c.message)
      EXPECT_EQ(message.substr(0, 300), "") << c.text.substr(0, 100);
    EXPECT_LT(seconds, 30) << c.text.substr(0, 100);
  }
}

TEST(Syntax, MemoryIsAskedForBeforeItIsTaken) {
  Sim sim;
  sim.device->memory().setLimit(1 << 20);
  auto program = llvm::cantFail(Program::parse(kernel(0, "", ".global .b8 s[4294967295] = {1};\n"), "x.ptx"));
  auto r = sim.device->launch(*program, sim.launch, sim.options);
  ASSERT_FALSE(bool(r));
  EXPECT_THAT(llvm::toString(r.takeError()), testing::HasSubstr("4294967295 bytes do not fit into device memory: 1048576 of its 1048576 are left"));
}

} // namespace
