//===- FunctionTest.cpp - Device functions, calls and stacks --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// A call in nvcc's manner: %r<result> = name(%r<argument>).
std::string call32(const std::string &name, const std::string &argument,
                   const std::string &result) {
  return "{ .param .b32 param0; st.param.b32 [param0+0], " + argument +
         "; .param .b32 retval0; call.uni (retval0), " + name + ", (param0); ld.param.b32 " +
         result + ", [retval0+0]; }\n";
}

/// What each of `threads` threads leaves in %r50, with its number in %r1; no findings.
std::vector<uint32_t> each(const std::string &body, const std::string &module,
                           unsigned threads = 32, uint64_t seed = 0) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {threads, 1, 1};
  uint64_t out = sim.buffer(4 * threads);
  Report r = sim.run(
      kernel(1,
             "mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, %rd100;\n" +
                 body + "st.global.u32 [%rd1], %r50;",
             module));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  return sim.read<uint32_t>(out, threads);
}

/// The findings of a body that may have some.
Report findings(const std::string &body, const std::string &module, unsigned threads = 32) {
  Sim sim;
  sim.options.maxSteps = 1 << 20;
  sim.launch.block = {threads, 1, 1};
  sim.buffer(std::vector<uint32_t>(threads));
  return sim.run(kernel(1,
                        "mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, "
                        "%rd100; mov.u32 %r50, 0;\n" +
                            body + "st.global.u32 [%rd1], %r50;",
                        module));
}

std::string errorOf(const std::string &text) {
  auto p = Program::parse(text, "t.ptx");
  return p ? "" : llvm::toString(p.takeError());
}

const char *kFib = R"(
.func (.param .b32 func_retval0) fib(.param .b32 fib_param_0)
{
.reg .pred %p<2>; .reg .b32 %r<9>;
ld.param.u32 %r8, [fib_param_0];
setp.lt.s32 %p1, %r8, 2;
@%p1 bra $done;
add.s32 %r4, %r8, -1;
{ .reg .b32 temp_param_reg; .param .b32 param0; st.param.b32 [param0+0], %r4; .param .b32 retval0;
call.uni (retval0), fib, (param0); ld.param.b32 %r5, [retval0+0]; }
add.s32 %r6, %r8, -2;
{ .param .b32 param0; st.param.b32 [param0+0], %r6; .param .b32 retval0;
call.uni (retval0), fib, (param0); ld.param.b32 %r7, [retval0+0]; }
add.s32 %r8, %r7, %r5;
$done:
st.param.b32 [func_retval0+0], %r8;
ret;
}
)";

TEST(Function, RecursionKeepsEachLanesRegisters) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    auto got = each("rem.u32 %r2, %r1, 11;\n" + call32("fib", "%r2", "%r50"), kFib, 64, seed);
    unsigned want[11] = {0, 1};
    for (unsigned i = 2; i < 11; ++i)
      want[i] = want[i - 1] + want[i - 2];
    for (unsigned t = 0; t < 64; ++t)
      EXPECT_EQ(got[t], want[t % 11]) << t;
  }
}

// Predicates, 64-bit registers and local arrays live across a recursive call; even and odd call one
// another.
TEST(Function, MutualRecursion) {
  auto got = each(call32("even", "%r1", "%r50"), R"(
.func (.param .b32 r) odd(.param .b32 n);
.func (.param .b32 r) even(.param .b32 n)
{
.reg .pred %p<3>; .reg .b32 %r<9>; .reg .b64 %rd<4>; .local .align 8 .b8 depot[16];
ld.param.u32 %r1, [n];
setp.eq.u32 %p1, %r1, 0;
mov.u32 %r3, 1000;
@%p1 bra $out;
and.b32 %r4, %r1, 4; setp.ne.u32 %p2, %r4, 0;
cvt.u64.u32 %rd1, %r1; shl.b64 %rd1, %rd1, 33;
mov.u64 %rd2, depot; st.local.u32 [%rd2+4], %r1; st.local.u32 [depot+8], %r1;
sub.u32 %r2, %r1, 1;
{ .param .b32 p; st.param.b32 [p], %r2; .param .b32 q; call (q), odd, (p); ld.param.b32 %r3, [q]; }
selp.u32 %r5, 100, 0, %p2; add.u32 %r3, %r3, %r5;
shr.u64 %rd1, %rd1, 33; cvt.u32.u64 %r6, %rd1; add.u32 %r3, %r3, %r6;
ld.local.u32 %r7, [%rd2+4]; add.u32 %r3, %r3, %r7; ld.local.u32 %r7, [depot+8]; sub.u32 %r3, %r3, %r7;
$out:
st.param.b32 [r], %r3;
ret;
}
.func (.param .b32 r) odd(.param .b32 n)
{
.reg .pred %p<3>; .reg .b32 %r<9>;
ld.param.u32 %r1, [n]; mov.u32 %r3, 2000;
setp.eq.u32 %p1, %r1, 0;
@%p1 bra $out;
sub.u32 %r2, %r1, 1;
{ .param .b32 p; st.param.b32 [p], %r2; .param .b32 q; call (q), even, (p); ld.param.b32 %r3, [q]; }
$out:
st.param.b32 [r], %r3;
ret;
}
)");
  std::function<unsigned(unsigned)> odd,
      even = [&](unsigned n) { return n ? odd(n - 1) + (n & 4 ? 100 : 0) + n : 1000; };
  odd = [&](unsigned n) { return n ? even(n - 1) : 2000; };
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], even(t)) << t;
}

TEST(Function, WhatIsPassed) {
  // Structures, small types, several results, literals.
  auto got = each(R"({ .param .align 16 .b8 s[24]; .param .b16 h; .param .b8 c; .param .b64 d;
cvt.u64.u32 %rd2, %r1; st.param.v2.b64 [s], {%rd2, %rd2}; st.param.b32 [s+20], %r1; st.param.b32 [s+16], 7;
mov.u16 %rs1, 300; st.param.b16 [h], %rs1; mov.u16 %rs2, 0x1ff; st.param.b8 [c], %rs2; mov.f64 %fd1, 0d4000000000000000; st.param.f64 [d], %fd1;
.param .align 16 .b8 out[16]; .param .b32 more;
call (out, more), f, (s, h, c, d);
ld.param.v2.b64 {%rd3, %rd4}, [out]; ld.param.b32 %r3, [more]; }
cvt.u32.u64 %r4, %rd3; cvt.u32.u64 %r5, %rd4; mad.lo.u32 %r50, %r4, 1000, %r5; mad.lo.u32 %r50, %r3, 1000000, %r50;)",
                  R"(
.visible .func (.param .align 16 .b8 r[16], .param .b32 m) f(.param .align 16 .b8 s[24], .param .b16 h, .param .b8 c, .param .b64 d)
{
.reg .b64 %rd<9>; .reg .b32 %r<9>; .reg .b16 %h<4>; .reg .f64 %d<2>;
ld.param.v2.b64 {%rd1, %rd2}, [s]; ld.param.u32 %r1, [s+20]; ld.param.u32 %r2, [s+16];
add.u64 %rd1, %rd1, %rd2; st.param.b64 [r], %rd1;
ld.param.u16 %h1, [h]; ld.param.u8 %h2, [c]; cvt.u32.u16 %r3, %h1; cvt.u32.u16 %r4, %h2; add.u32 %r3, %r3, %r4; cvt.u64.u32 %rd3, %r3; st.param.b64 [r+8], %rd3;
ld.param.f64 %d1, [d]; cvt.rzi.u32.f64 %r5, %d1; sub.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r5; st.param.b32 [m], %r1;
ret;
}
)");
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], (t - 7 + 2) * 1000000 + 2 * t * 1000 + 555) << t;
}

TEST(Function, RegistersAreParametersToo) {
  auto got = each(
      "call (%r50, %rd5), f, (%r1, 5, %rd2);\ncvt.u32.u64 %r5, %rd5; add.u32 %r50, %r50, %r5;", R"(
.func (.reg .b32 %a, .reg .b64 %w) f(.reg .b32 %x, .reg .b32 %y, .reg .b64 %z)
{
.reg .pred %p;
setp.eq.u32 %p, %x, 0;
mul.lo.u32 %a, %x, %y; mov.u64 %w, 3;
@%p ret;
sub.u32 %x, %x, 1;
call (%x, %z), f, (%x, %y, %z);
add.u32 %a, %a, %x; add.u64 %w, %w, %z;
ret;
}
)");
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], 5 * t * (t + 1) / 2 + 3 * (t + 1)) << t;
}

// Lanes of a warp in different functions, with warp operations among those of one; then all
// together again.
TEST(Function, LanesPartIntoFunctions) {
  const char *module = R"(
.func (.param .b32 r) sum(.param .b32 v, .param .b32 mask)
{
.reg .b32 %r<9>; .reg .pred %p;
ld.param.b32 %r1, [v]; ld.param.b32 %r2, [mask];
shfl.sync.bfly.b32 %r3|%p, %r1, 2, 31, %r2; add.u32 %r1, %r1, %r3;
bar.warp.sync %r2;
st.param.b32 [r], %r1;
ret;
}
.func (.param .b32 r) both(.param .b32 v, .param .b32 odd)
{
.reg .b32 %r<9>; .reg .pred %p;
ld.param.b32 %r1, [v]; ld.param.b32 %r2, [odd];
setp.ne.u32 %p, %r2, 0;
selp.b32 %r4, 0xaaaaaaaa, 0x55555555, %p;
{ .param .b32 a; .param .b32 b; .param .b32 c; st.param.b32 [a], %r1; st.param.b32 [b], %r4; call (c), sum, (a, b); ld.param.b32 %r3, [c]; }
@%p add.u32 %r3, %r3, 1000;
st.param.b32 [r], %r3;
ret;
}
)";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto got = each(R"(and.b32 %r2, %r1, 1; setp.ne.u32 %p1, %r2, 0;
@%p1 bra $odd;
{ .param .b32 a; .param .b32 b; .param .b32 c; st.param.b32 [a], %r1; st.param.b32 [b], 0x55555555; call (c), sum, (a, b); ld.param.b32 %r50, [c]; }
bra $join;
$odd:
{ .param .b32 a; .param .b32 b; .param .b32 c; st.param.b32 [a], %r1; st.param.b32 [b], 1; call (c), both, (a, b); ld.param.b32 %r50, [c]; }
$join:
bar.sync 0;
shfl.sync.idx.b32 %r3|%p2, %r50, 0, 31, -1; add.u32 %r50, %r50, %r3;
)",
                    module, 64, seed);
    for (unsigned t = 0; t < 64; ++t) {
      auto of = [](unsigned l) { return l + (l ^ 2) + (l & 1 ? 1000 : 0); };
      EXPECT_EQ(got[t], of(t) + of(t & 32)) << t;
    }
  }
}

TEST(Function, GuardedCallsAndEarlyReturns) {
  auto got = each(R"(setp.gt.u32 %p1, %r1, 9; mov.u32 %r50, 5;
{ .param .b32 p; .param .b32 q; st.param.b32 [p], %r1; @%p1 call (q), f, (p); @%p1 ld.param.b32 %r50, [q]; }
bar.sync 0;)",
                  R"(
.func (.param .b32 r) f(.param .b32 n)
{
.reg .pred %p<3>; .reg .b32 %r<4>;
ld.param.b32 %r1, [n]; st.param.b32 [r], 1;
setp.lt.u32 %p1, %r1, 16;
@%p1 ret;
setp.lt.u32 %p2, %r1, 20;
@%p2 bra $small;
st.param.b32 [r], 2;
setp.eq.u32 %p1, %r1, 31;
@%p1 ret;
add.u32 %r1, %r1, 100;
$small:
bar.warp.sync 0x7fff0000;
st.param.b32 [r], %r1;
ret;
}
)");
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], t < 10 ? 5 : t < 16 ? 1 : t < 20 ? t : t == 31 ? 2 : t + 100) << t;
}

// A call of a function with a barrier is a place to meet before, as the barrier itself would be.
TEST(Function, LanesMeetBeforeFunctionsWithBarriers) {
  for (std::string call :
       {"call sync;", "mov.u64 %rd7, sync; { type: .callprototype () _ (); call %rd7, (), type; }"})
    for (uint64_t seed = 0; seed < 8; ++seed) {
      auto got = each("mov.u32 %r50, 1; st.global.u32 [%rd1], %r50; setp.lt.u32 %p1, %r1, 16; "
                      "@!%p1 bra $on; setp.lt.u32 %p2, %r1, 4;\n"
                      "@%p2 ret;\ncall nothing;\n$on: mov.u32 %r50, 2;\n" +
                          call + "\n",
                      ".func nothing() { ret; }\n.func inner() { bar.sync 0; ret; }\n.func sync() "
                      "{ call inner; ret; }\n",
                      64, seed);
      for (unsigned t = 0; t < 64; ++t)
        EXPECT_EQ(got[t], t < 4 ? 1 : 2) << t;
    }
}

// Lanes that have gone on without the others call it by themselves, and meet in it.
TEST(Function, LanesThatCallByThemselvesMeetInside) {
  const std::string functions = ".func inner() { bar.sync 0; ret; }\n.func sync() { call inner; ret; }\n";
  const std::string parts[] = {
      // Behind a loop of which the others do not wait for the end, and behind exchanges in both branches.
      "setp.lt.u32 %p1, %r1, 16; @!%p1 bra $m; mov.u32 %r49, 0;\n$l: add.u32 %r49, %r49, 1; setp.lt.u32 %p2, %r49, 20000; @%p2 bra $l;\n$m:\n",
      "setp.lt.u32 %p1, %r1, 16; @!%p1 bra $m; shfl.sync.bfly.b32 %r49, %r1, 16, 31, -1;\n"
      "$m: @%p1 bra $n; shfl.sync.bfly.b32 %r49, %r1, 16, 31, -1;\n$n:\n"};
  for (const std::string &part : parts)
    for (uint64_t seed = 0; seed < 4; ++seed) {
      auto got = each(part + "call sync; call sync;\nadd.u32 %r50, %r1, 100;\n", functions, 32, seed);
      for (unsigned t = 0; t < 32; ++t)
        EXPECT_EQ(got[t], t + 100) << seed;
    }
}

// A thread that exits in a function is gone from every barrier and every join above it.
TEST(Function, ExitInAFunction) {
  auto got = each("mov.u32 %r50, 3; st.global.u32 [%rd1], %r50;\n" + call32("f", "%r1", "%r50") +
                      "bar.sync 0;\n",
                  R"(
.func (.param .b32 r) g(.param .b32 n) { .reg .b32 %r<3>; .reg .pred %p; ld.param.b32 %r1, [n]; and.b32 %r2, %r1, 2; setp.ne.u32 %p, %r2, 0; @%p exit; st.param.b32 [r], %r1; ret; }
.func (.param .b32 r) f(.param .b32 n)
{
.reg .b32 %r<4>; .reg .pred %p;
ld.param.b32 %r1, [n]; mov.u32 %r2, 77; and.b32 %r3, %r1, 1; setp.eq.u32 %p, %r3, 0;
@%p bra $even;
{ .param .b32 p; .param .b32 q; st.param.b32 [p], %r1; call (q), g, (p); ld.param.b32 %r2, [q]; }
$even:
st.param.b32 [r], %r2;
ret;
}
)",
                  64);
  for (unsigned t = 0; t < 64; ++t)
    EXPECT_EQ(got[t], t % 2 == 0 ? 77 : t & 2 ? 3 : t) << t;
}

const char *kTargets = R"(
.func (.param .b32 r) add1(.param .b32 a) { .reg .b32 %r<3>; ld.param.b32 %r1, [a]; add.u32 %r1, %r1, 1; st.param.b32 [r], %r1; ret; }
.func (.param .b32 r) twice(.param .b32 a) { .reg .b32 %r<3>; ld.param.b32 %r1, [a]; shl.b32 %r1, %r1, 1; st.param.b32 [r], %r1; ret; }
.func (.param .b32 r) late(.param .b32 a);
.func (.param .b64 r) wide(.param .b32 a) { .reg .b64 %rd; mov.u64 %rd, 1; st.param.b64 [r], %rd; ret; }
.global .align 8 .u64 table[4] = {add1, twice, late, generic(table)};
.alias same, twice;
)";
const char *kLate = ".func (.param .b32 r) late(.param .b32 a) { .reg .b32 %r<3>; ld.param.b32 "
                    "%r1, [a]; neg.s32 %r1, %r1; st.param.b32 [r], %r1; ret; }\n";
const char *kIndirect = R"({ .param .b32 p; .param .b32 q; st.param.b32 [p], %r1;
prototype_1 : .callprototype (.param .b32 _) _ (.param .b32 _);
call (q), %rd7, (p), prototype_1; ld.param.b32 %r50, [q]; }
)";

TEST(Function, CallsThroughAddresses) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    auto got = each(
        std::string("rem.u32 %r2, %r1, 3; mul.wide.u32 %rd5, %r2, 8; mov.u64 %rd6, table; add.u64 "
                    "%rd6, %rd6, %rd5; ld.global.u64 %rd7, [%rd6];\n") +
            kIndirect + "mov.u32 %r10, %r50; mov.u64 %rd7, same;\n" + kIndirect +
            R"(add.u32 %r10, %r10, %r50; setp.lt.u32 %p1, %r1, 4; mov.u64 %rd8, add1; selp.b64 %rd7, %rd7, %rd8, %p1;
{ .param .b32 p; .param .b32 q; st.param.b32 [p], %r1;
list: .calltargets twice, add1;
call (q), %rd7, (p), list; ld.param.b32 %r50, [q]; }
add.u32 %r50, %r50, %r10;)",
        std::string(kTargets) + kLate, 32, seed);
    for (unsigned t = 0; t < 32; ++t)
      EXPECT_EQ(got[t], (t % 3 == 0   ? t + 1
                         : t % 3 == 1 ? 2 * t
                                      : 0 - t) +
                            2 * t + (t < 4 ? 2 * t : t + 1))
          << t;
  }
}

TEST(Function, AddressesOfNoFunction) {
  auto message = [](const std::string &before, const char *indirect = kIndirect) {
    Report r = findings(before + indirect, kTargets);
    if (r.findings.size() != 1)
      return describe(r);
    return r.findings[0].name + ": " + r.findings[0].message;
  };
  EXPECT_EQ(message("mov.u64 %rd7, 4096;\n"),
            "TK-SIM-CALL-TARGET: 0x1000 is the address of no function");
  EXPECT_EQ(message("mov.u64 %rd7, add1+4;\n"),
            "TK-SIM-CALL-TARGET: 0x740000000014 is the address of no function");
  EXPECT_EQ(
      message("ld.global.u64 %rd7, [table+16];\n"),
      "TK-SIM-CALL-TARGET: function 'late', whose address this is, is not defined in the file");
  EXPECT_EQ(message("mov.u64 %rd7, wide;\n"),
            "TK-SIM-CALL-TARGET: the call expects a function that gives (4) for (4) bytes, 'wide', "
            "whose address this is, gives (8) for (4)");
  EXPECT_EQ(
      message("mov.u64 %rd7, add1;\n", R"({ .param .b32 p; .param .b32 q; st.param.b32 [p], %r1;
list: .calltargets twice; call (q), %rd7, (p), list; })"),
      "TK-SIM-CALL-TARGET: function 'add1', whose address this is, is not among the call's "
      ".calltargets");
  EXPECT_THAT(message("mov.u64 %rd8, add1;\n"),
              HasSubstr("TK-SIM-MEM-UNINIT: an uninitialised value reaches the address of a call"));
}

TEST(Function, BranchesByIndex) {
  auto got = each(call32("f", "%r1", "%r50"), R"(
.func (.param .b32 r) f(.param .b32 n)
{
.reg .b32 %r<4>;
ld.param.b32 %r1, [n]; and.b32 %r2, %r1, 3;
$ts: .branchtargets $a, $b, $c, $b;
brx.idx %r2, $ts;
$a: mov.u32 %r3, 10; bra.uni $out;
$b: mov.u32 %r3, 20; bra.uni $out;
$c: mov.u32 %r3, 30;
$out: st.param.b32 [r], %r3;
ret;
}
)");
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], t % 4 == 0 ? 10 : t % 4 == 2 ? 30 : 20) << t;
}

// A callee works on the caller's variables through local and generic addresses, and on the
// addresses of its parameters.
TEST(Function, FramesAreLocalMemory) {
  auto got = each(R"(.local .align 8 .b8 here[16];
{ .param .b64 p; .param .b64 q; .param .align 8 .b8 s[8]; mov.u64 %rd2, here; add.u64 %rd2, %rd2, 4; cvta.local.u64 %rd3, %rd2;
st.local.u32 [here+4], %r1; st.local.u32 [%rd2+4], 40; st.param.b64 [p], %rd2; st.param.b64 [q], %rd3; st.param.b32 [s], 5; st.param.b32 [s+4], 6;
call f, (p, q, s); }
ld.local.u32 %r50, [here+4]; ld.local.u32 %r3, [here+8]; add.u32 %r50, %r50, %r3;)",
                  R"(
.func f(.param .b64 p, .param .b64 q, .param .align 8 .b8 s[8])
{
.local .align 4 .b8 mine[8]; .reg .b64 %rd<9>; .reg .b32 %r<9>;
ld.param.u64 %rd1, [p]; ld.param.u64 %rd2, [q];
mov.u64 %rd4, mine; cvta.local.u64 %rd5, %rd4; st.u32 [%rd5], 1000; ld.local.u32 %r1, [mine];
ld.u32 %r2, [%rd2]; add.u32 %r1, %r1, %r2; st.local.u32 [%rd1], %r1;
mov.u64 %rd6, s; ld.local.u32 %r3, [%rd6+4]; ld.u32 %r4, [%rd2+4]; add.u32 %r4, %r4, %r3; st.u32 [%rd2+4], %r4;
ret;
}
)");
  EXPECT_EQ(got[0], 1000u + 46);
  EXPECT_EQ(got[31], 1031u + 46);
}

TEST(Function, Stack) {
  auto got = each(
      R"(stacksave.u64 %rd20; shl.b32 %r2, %r1, 2; cvt.u64.u32 %rd2, %r2; add.u64 %rd2, %rd2, 4; alloca.u64 %rd3, %rd2, 16;
and.b64 %rd4, %rd3, 15; cvta.local.u64 %rd5, %rd3; add.u64 %rd6, %rd5, %rd2; st.u32 [%rd6+-4], %r1; cvt.u32.u64 %r4, %rd4;
)" + call32("fib", "8", "%r5") +
          R"(alloca.u64 %rd7, 4; st.local.u32 [%rd7], 100; ld.u32 %r50, [%rd6+-4]; add.u32 %r50, %r50, %r4; add.u32 %r50, %r50, %r5;
stackrestore.u64 %rd20; alloca.u64 %rd8, 4, 16; setp.ne.u64 %p1, %rd8, %rd3; @%p1 add.u32 %r50, %r50, 1000;
)",
      kFib);
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], t + 21) << t;
  Report r = findings(
      "stacksave.u64 %rd2; alloca.u64 %rd3, 4; stackrestore.u64 %rd2; st.local.u32 [%rd3], 1;\n",
      "");
  EXPECT_TRUE(has(r, "TK-SIM-MEM-OOB")) << describe(r);
  r = findings("stacksave.u64 %rd2; add.u64 %rd2, %rd2, 64; stackrestore.u64 %rd2;\n", "");
  EXPECT_TRUE(has(r, "TK-SIM-STACK")) << describe(r);
  r = findings("mov.u64 %rd2, -8; alloca.u64 %rd3, %rd2;\n", "");
  EXPECT_TRUE(has(r, "TK-SIM-STACK")) << describe(r);
}

TEST(Function, EndlessRecursionIsFound) {
  Sim sim;
  sim.launch.block = {64, 1, 1};
  sim.options.stackBytes = 4096;
  Report r = sim.run(kernel(0, "call f;", ".func f() { .reg .b32 %r; call f; ret; }\n"));
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-STACK");
  EXPECT_EQ(r.findings[0].message, "the call of 'f', 130 deep, needs 32 bytes of the thread's "
                                   "stack, which has 16 of 4144 left; look for an "
                                   "endless recursion, or give it more (--stack-bytes)");
  EXPECT_EQ(r.findings[0].details.front(),
            "lane 0 is in 'f', called at line 4 '.func f() { .reg .b32 %r; call f; ret; }'");
  EXPECT_EQ(r.findings[0].details.back(), "and 125 calls before");
}

TEST(Function, PoisonAndBounds) {
  // What nobody passed; a register of an earlier call; a local variable that is gone; beyond the
  // frames.
  const char *id = ".func (.param .b32 r) f(.param .b32 a) { .reg .b32 %r<3>; ld.param.b32 %r1, "
                   "[a]; st.param.b32 [r], %r1; ret; }\n";
  EXPECT_EQ(findings(call32("f", "%r1", "%r50"), id).findings.size(), 0u);
  EXPECT_TRUE(has(
      findings("{ .param .b32 p; .param .b32 q; call (q), f, (p); ld.param.b32 %r50, [q]; }\n", id),
      "TK-SIM-MEM-UNINIT"));
  const char *stale =
      ".func (.param .b32 r) f(.param .b32 a) { .reg .pred %p; .reg .b32 %r<3>; ld.param.b32 %r1, "
      "[a]; setp.eq.u32 %p, %r1, 1; @%p mov.u32 %r2, 5; st.param.b32 [r], %r2; ret; }\n";
  std::string one = call32("f", "1", "%r50"), both = one + call32("f", "0", "%r50");
  EXPECT_EQ(findings(one, stale).findings.size(), 0u);
  EXPECT_TRUE(has(findings(both, stale), "TK-SIM-MEM-UNINIT"));
  const char *unwritten =
      ".func (.param .b32 r) f(.param .b32 a) { .local .b32 x; .reg .pred %p; .reg .b32 %r<3>; "
      "ld.param.b32 %r1, [a]; setp.eq.u32 %p, %r1, 1; @%p st.local.b32 [x], 5; ld.local.b32 %r2, "
      "[x]; "
      "st.param.b32 [r], %r2; ret; }\n";
  EXPECT_EQ(findings(one, unwritten).findings.size(), 0u);
  EXPECT_TRUE(has(findings(both, unwritten), "TK-SIM-MEM-UNINIT"));
  const char *gone = ".func (.param .b64 r) f() { .local .b32 x; .reg .b64 %rd; mov.u64 %rd, x; "
                     "st.local.u32 [%rd], 1; st.param.b64 [r], %rd; ret; }\n";
  Report r = findings(
      "{ .param .b64 q; call (q), f; ld.param.b64 %rd2, [q]; } ld.local.u32 %r50, [%rd2];\n", gone);
  EXPECT_TRUE(has(r, "TK-SIM-MEM-OOB")) << describe(r);
  for (const char *at : {"[%rd2]", "[%rd2+1048576]"}) {
    r = findings(std::string("mov.u64 %rd2, -4; ld.local.u32 %r50, ") + at + ";\n", "");
    EXPECT_TRUE(has(r, "TK-SIM-MEM-OOB")) << describe(r);
  }
}

// Frames of calls that do not recur need no limit.
TEST(Function, LargeFrames) {
  Sim sim;
  sim.options.stackBytes = 0;
  const char *big = ".func f(.param .b32 a) { .local .align 128 .b8 x[70000]; .reg .b32 %r; "
                    "ld.param.b32 %r, [a]; "
                    "st.local.u32 [x+69996], %r; call g, (%r); ret; }\n";
  const char *small = ".func g(.reg .b32 %a) { .local .b32 y; st.local.u32 [y], %a; ret; }\n";
  Report r = sim.run(kernel(0,
                            ".local .align 4 .b8 own[100004]; mov.u32 %r1, %tid.x; st.local.u32 "
                            "[own+100000], %r1; call f, (%r1);",
                            std::string(".func g(.reg .b32 %a);\n") + big + small));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
}

TEST(Function, ReturnsWithAProductInFlight) {
  auto run = [](const char *wait) {
    Sim sim;
    sim.launch.block = {128, 1, 1};
    sim.buffer(4 * 128);
    return sim.run(kernel(1,
                          "mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, "
                          "%rd100; call (%f1), f; wgmma.wait_group.sync.aligned 0;\n"
                          "st.global.f32 [%rd1], %f1;",
                          std::string(R"(
.shared .align 1024 .b8 tile[4096];
.func (.reg .f32 %x) f()
{
.reg .f32 %f<5>; .reg .b32 %r<9>; .reg .b64 %rd<4>;
mov.u32 %r1, tile; mov.u32 %r2, %tid.x; shl.b32 %r2, %r2, 5; add.u32 %r3, %r1, %r2; mov.u32 %r4, 0;
st.shared.v4.u32 [%r3], {%r4, %r4, %r4, %r4}; st.shared.v4.u32 [%r3+16], {%r4, %r4, %r4, %r4};
fence.proxy.async; bar.sync 0;
shr.u32 %r1, %r1, 4; cvt.u64.u32 %rd1, %r1; or.b64 %rd1, %rd1, 0x800080000;
wgmma.fence.sync.aligned;
wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0, %f1, %f2, %f3}, %rd1, %rd1, 0, 1, 1, 0, 0;
wgmma.commit_group.sync.aligned;
)") + wait + "mov.f32 %x, 0f00000000; ret;\n}\n"));
  };
  Report r = run("wgmma.wait_group.sync.aligned 0;\n");
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  r = run("");
  EXPECT_TRUE(has(r, "TK-SIM-WGMMA-UNWAITED")) << describe(r);
}

// An entry without a register of its own; the function's specials keep their places.
TEST(Function, EntryWithoutRegisters) {
  Sim sim;
  sim.launch.block = {64, 1, 1};
  Report r = sim.run(header() + R"(.global .b32 out[64];
.func f(.param .b32 n)
{
.reg .pred %p; .reg .b32 %r<4>; .reg .b64 %rd<3>;
ld.param.b32 %r0, [n]; setp.eq.u32 %p, %r0, 0; @%p ret;
sub.u32 %r1, %r0, 1;
call f, (%r1); ld.param.b32 %r0, [n];
mov.u32 %r2, %tid.x; mov.u64 %rd0, out; mad.wide.u32 %rd1, %r2, 4, %rd0; st.global.b32 [%rd1], %r0;
ret;
}
.visible .entry k() { call f, (3); ret; }
)");
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
}

TEST(Function, NoReturn) {
  const char *die = ".func die(.param .b32 a) .noreturn { .reg .pred %p; .reg .b32 %r; "
                    "ld.param.b32 %r, [a]; setp.ne.u32 %p, %r, 31; @%p exit; ret; }\n";
  const char *body = "setp.gt.u32 %p1, %r1, %r2; @%p1 bra $die; bra $on;\n$die: { .param .b32 p; "
                     "st.param.b32 [p], %r1; call die, (p); }\n$on: bar.sync 0;\n";
  EXPECT_EQ(
      findings(std::string("mov.u32 %r2, 20; setp.eq.u32 %p2, %r1, 31; @%p2 exit;") + body, die)
          .findings.size(),
      0u);
  Report r = findings(std::string("mov.u32 %r2, 20;") + body, die);
  EXPECT_TRUE(has(r, "TK-SIM-CALL-RETURN")) << describe(r);
}

// Shared variables of functions, before and after the entry in the file, are the entry's; so are
// .loc lines.
TEST(Function, SharedVariablesAndLines) {
  auto f = [](std::string name) {
    return ".func (.param .b32 r) " + name +
           "(.param .b32 a) {\n.shared .align 4 .b32 s[32]; .reg .b32 %r<6>;\n.loc 1 7 "
           "3\nld.param.b32 %r1, [a]; mov.u32 %r2, s; mov.u32 %r5, %tid.x; shl.b32 %r3, %r5, 2; "
           "add.u32 %r2, %r2, %r3;\n"
           "st.shared.u32 [%r2], %r1; bar.warp.sync -1; xor.b32 %r3, %r3, 4; mov.u32 %r2, s; "
           "add.u32 %r2, %r2, %r3; ld.shared.u32 %r4, [%r2]; st.param.b32 [r], %r4; ret;\n}\n";
  };
  Sim sim;
  sim.launch.block = {32, 1, 1};
  uint64_t out = sim.buffer(4 * 32);
  Report r =
      sim.run(kernel(1,
                     ".shared .b32 own[32]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, 4; "
                     "add.u64 %rd1, %rd1, %rd100; shl.b32 %r2, %r1, 2; mov.u32 %r3, own; add.u32 "
                     "%r3, %r3, %r2; st.shared.u32 [%r3], %r1;\n" +
                         call32("f", "%r1", "%r5") + "add.u32 %r6, %r1, 100;\n" +
                         call32("g", "%r6", "%r7") +
                         "ld.shared.u32 %r8, [%r3]; mad.lo.u32 %r5, %r5, 1000, %r7; mad.lo.u32 "
                         "%r50, %r5, 1000, %r8; st.global.u32 [%rd1], %r50;",
                     ".file 1 \"x.cu\"\n" + f("f") + ".func (.param .b32 r) g(.param .b32 a);\n") +
              f("g"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto got = sim.read<uint32_t>(out, 32);
  for (unsigned t = 0; t < 32; ++t)
    EXPECT_EQ(got[t], ((t ^ 1) * 1000 + (t ^ 1) + 100) * 1000 + t) << t;
  ASSERT_FALSE(r.banks.empty());
  EXPECT_EQ(r.banks.back().source, "x.cu:7:3");
}

TEST(Function, PlacesOfInlinedCode) {
  // The function stands behind an entry that has places of its own.
  Report r = findings(".loc 1 500 1\nmov.u32 %r2, 1;\n.loc 1 600 1\nmov.u32 %r2, 2;\n" + call32("f", "%r2", "%r3"),
                      ".file 1 \"x.cu\"\n.func (.param .b32 r) f(.param .b32 a) {\n.loc 1 10 1\nst.param.b32 [r], 1;\n"
                      ".loc 1 20 1, function_name $L0, inlined_at 1 10 1\ntrap; ret;\n}\n");
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].source, "x.cu:20:1 inlined at x.cu:10:1");
}

// A thread that calls while it waits for a flag that nobody sets: the same again and again, however
// often it calls.
TEST(Function, WaitingForEverInCalls) {
  Report r = findings(R"($again:
{ .param .b64 p; st.param.b64 [p], %rd100; .param .b32 q; call (q), look, (p); ld.param.b32 %r2, [q]; }
setp.eq.u32 %p1, %r2, 0; @%p1 bra $again;
)",
                      ".func (.param .b32 r) look(.param .b64 a) { .local .b32 x; .reg .b64 %rd; "
                      ".reg .b32 %r; ld.param.b64 %rd, [a]; ld.acquire.gpu.global.u32 %r, [%rd]; "
                      "st.local.u32 [x], %r; st.param.b32 [r], %r; ret; }\n",
                      1);
  ASSERT_TRUE(has(r, "TK-SIM-BARRIER-DEADLOCK")) << describe(r);
}

TEST(Function, Refusals) {
  auto error = [](const std::string &body, const std::string &module = "") {
    return errorOf(kernel(1, body, module));
  };
  EXPECT_THAT(error("call f, (%r1);"),
              HasSubstr("t.ptx:8:1: error: cannot call 'f': no function of this name is defined in "
                        "the file, and of the device "
                        "runtime there are vprintf, malloc, free and __assertfail; link or inline "
                        "it\n  call f, (%r1);"));
  EXPECT_THAT(error("call f;", ".extern .func f();\n"),
              HasSubstr("cannot call 'f': no function of this name"));
  EXPECT_EQ(error("", ".extern .func f();\n"), ""); // nobody calls it
  EXPECT_THAT(
      error("call k;"),
      HasSubstr("cannot call 'k': it is an entry, and launches from the device are not supported"));
  EXPECT_THAT(
      error("mov.u64 %rd1, malloc;",
            ".extern .func (.param .b64 r) malloc(.param .b64 n);\n.func f() { ret; }\n") +
          error("mov.u64 %rd1, malloc; call f;",
                ".extern .func (.param .b64 r) malloc(.param .b64 n);\n.func f() { ret; }\n"),
      HasSubstr("cannot take the address of 'malloc': a function of the device runtime has no "
                "address here"));
  const char *f = ".func (.param .b32 r) f(.param .b32 a) { st.param.b32 [r], 1; ret; }\n";
  EXPECT_THAT(
      error("{ .param .b64 p; .param .b32 q; call (q), f, (p); }", f),
      HasSubstr("the call takes (4) from and gives (8) to 'f', which has (4) for (4) bytes"));
  EXPECT_THAT(error("{ .param .b32 q; call (q), f; }", f),
              HasSubstr("the call takes (4) from and gives () to 'f'"));
  EXPECT_THAT(error("call (%rd1), f, (%r1);", f), HasSubstr("the call takes (8) from"));
  EXPECT_THAT(error("call f, (%r1);", f), HasSubstr("the call takes () from and gives (4) to 'f', which has (4) for (4) bytes"));
  // What a call through an address passes, too: a value copied by the size of another runs over.
  const char *large = ".func (.param .b32 r) f(.param .align 8 .b8 x[4096]) { st.param.b32 [r], 1; ret; }\n",
             *prototype = "P: .callprototype (.param .b32 _) _ (.param .align 8 .b8 _[4096]);\n";
  EXPECT_THAT(error("{ .param .b32 a; .param .b32 b;\n" + std::string(prototype) + "call (b), %rd1, (a), P; }", large),
              HasSubstr("the call takes (4) from and gives (4) to its .callprototype, which has (4) for (4096) bytes"));
  EXPECT_THAT(error("{ .param .b32 b;\n" + std::string(prototype) + "call (b), %rd1, (5), P; }", large),
              HasSubstr("to its .callprototype, which has (4) for (4096) bytes"));
  EXPECT_THAT(error("{ .param .b32 b;\nP: .calltargets f;\ncall (b), %rd1, (5), P; }", large),
              HasSubstr("to 'f', which has (4) for (4096) bytes"));
  EXPECT_THAT(error("{ .param .align 8 .b8 b[4096];\nP: .callprototype (.param .b32 _) _ (.param .b32 _);\ncall (b), %rd1, (%r1), P; }", f),
              HasSubstr("the call takes (4096) from"));
  EXPECT_THAT(error("call %rd1, (%r1);", f),
              HasSubstr("a call through '%rd1' needs a .callprototype or .calltargets"));
  EXPECT_THAT(error("call %rd1, (%r1), nowhere;", f),
              HasSubstr("unknown prototype or call targets 'nowhere'"));
  EXPECT_THAT(error("call (%p1), f, (%r1);", f), HasSubstr("a call cannot pass '%p1'"));
  EXPECT_THAT(error("{ .param .b32 p; st.param.b64 [p], %rd1; }"),
              HasSubstr("'p' has 4 bytes, 'st.param.b64' accesses 8 at 0"));
  EXPECT_THAT(error("{ .param .b32 p; ld.local.b32 %r1, [p]; }"),
              HasSubstr("'p' is a parameter of a function or a call; use ld.param or st.param"));
  EXPECT_THAT(error("{ .param .b32 p; mov.u64 %rd1, p; }"),
              HasSubstr("the address of 'p', which a call passes, cannot be taken"));
  EXPECT_THAT(error("st.param.b64 [p0], %rd1;"), HasSubstr("cannot store to this state space"));
  EXPECT_THAT(error("", std::string(f) + f), HasSubstr("function 'f' is defined twice"));
  EXPECT_THAT(
      error("", std::string(".func f(.param .b32 a);\n") + f),
      HasSubstr(
          "function 'f' gives and takes (4) for (4) bytes here, it was declared with () for (4)"));
  EXPECT_THAT(
      error("", ".func f(.reg .pred %p) { ret; }\n"),
      HasSubstr(
          "parameter '%p' is a register of 1 or 128 bits; such parameters are not supported"));
  EXPECT_THAT(error("", ".func f() .foo { ret; }\n"),
              HasSubstr("unknown directive '.foo' of a function"));
  EXPECT_THAT(error("", ".func f(.param .b32 n, .param .align 8 .b8 va[]) { ret; }\n"),
              HasSubstr("parameter 'va' has no size; functions with a variable number of arguments "
                        "are not supported"));
  EXPECT_THAT(error("stacksave.u32 %r1;"),
              HasSubstr("only 64-bit addresses are supported, got 'stacksave.u32'"));
  EXPECT_THAT(error("", ".alias a, a;\n"), HasSubstr("'a' cannot be an alias of 'a'"));
}

} // namespace
