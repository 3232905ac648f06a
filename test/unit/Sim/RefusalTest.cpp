//===- RefusalTest.cpp - Forms of arithmetic that there are not -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A modifier, type or operand that an instruction does not have is an error at its place: a
/// modifier that is ignored gives the numbers of another instruction. ptxas 13.0 refuses all of the
/// first list.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

std::string errorOf(const std::string &line) {
  auto program = Program::parse(kernel(0, "\n{ .reg .b128 %q<3>;\n" + line + "\n}"), "x.ptx");
  return program ? "" : llvm::toString(program.takeError());
}

TEST(Refusal, FormsThatPtxasRefuses) {
  const char *const lines[] = {
      "(abs|neg).(u32|b32) %r1, %r2;",
      // What may be discarded.
      "(add|prmt|sad).u32 _, %r1, %r2, %r3;",
      "mov.(u32|b32) _, %r1;",
      "mov.b64 {_, _}, %rd1;",
      "ld.global.(u32|b32|f32) _, [%rd1];",
      "ld.(global|relaxed.gpu.global|global.nc).b128 _, [%rd1];",
      "ld.global.v2.u32 {_, _}, [%rd1];",
      "shfl.sync.idx.b32 _, %r1, 1, 31, -1;",
      "shfl.sync.idx.b32 _|%p1, %r1, 1, 31, -1;",
      "match.any.sync.b32 _, %r1, -1;",
      "vote.sync.any.pred _, %p1, -1;",
      "activemask.b32 _;",
      "elect.sync %r1|_, -1;",
      "setp.eq.u32 _|_, %r1, 1;",
      "mbarrier.(test_wait|try_wait).parity.shared.b64 _, [%r1], 0;",
      "lop3.or.b32 %r1|_, %r1, %r2, %r3, 0x80, %p2;",
      "and.pred _, %p1, %p2;",
      "(add|sub|mul.lo).b32 %r1, %r2, %r3;",
      "(add|sub).sat.u32 %r1, %r2, %r3;",
      "(sub|sad).u16x2 %r1, %r2, %r3;",
      "mad.(lo.sat.s32|hi.sat.u32) %r1, %r2, %r3, %r4;",
      "mul24.hi.sat.s32 %r1, %r2, %r3;",
      "mad.wide.cc.u32 %rd1, %r2, %r3, %rd4;",
      "(min|max).(relu.u32|NaN.s32|relu.u16x2|b32) %r1, %r2, %r3;",
      "min.(NaN|ftz|xorsign.abs).f64 %fd1, %fd2, %fd3;",
      "min.(xorsign|abs).f32 %f1, %f2, %f3;",
      "min.f32 %f1, %f2, %f3, %f4;",
      "(fma|mad).(f32|ftz.f32) %f1, %f2, %f3, %f4;",
      "fma.rn.relu.f32 %f1, %f2, %f3, %f4;",
      "mad.rn.bf16x2 %r1, %r2, %r3, %r4;",
      "div.(f32|ftz.f32|sat.f32|approx.full.f32|rn.approx.f32) %f1, %f2, %f3;",
      "div.(approx|full).f64 %fd1, %fd2, %fd3;",
      "div.rn.f16x2 %r1, %r2, %r3;",
      "(abs|neg).ftz.f64 %fd1, %fd2;",
      "(abs|neg).(rn|sat).f32 %f1, %f2;",
      "(abs|neg).ftz.bf16x2 %r1, %r2;",
      "(add|sub|mul).(ftz|sat|rn.sat|rz).bf16x2 %r1, %r2, %r3;",
      "add.(rz|approx|relu|noftz).f16x2 %r1, %r2, %r3;",
      "fma.rn.(ftz|sat|sat.relu).bf16x2 %r1, %r2, %r3, %r4;",
      "fma.rn.sat.relu.f16x2 %r1, %r2, %r3, %r4;",
      "(min|max).ftz.bf16x2 %r1, %r2, %r3;",
      "tanh.approx.ftz.f32 %f1, %f2;",
      "tanh.approx.f32.ftz %f1, %f2;",
      "ex2.(approx|ftz).bf16x2 %r1, %r2;",
      "ex2.approx.ftz.f16x2 %r1, %r2;",
      "(sqrt|rcp).(f32|approx.rn.f32) %f1, %f2;",
      "(rsqrt|ex2|lg2|sin|cos|tanh).(f32|rn.f32) %f1, %f2;",
      "(sqrt|sin).approx.f64 %fd1, %fd2;",
      "rcp.approx.f64 %fd1, %fd2;",
      "(sin|cos|lg2).approx.f16x2 %r1, %r2;",
      "copysign.(ftz|approx).f32 %f1, %f2, %f3;",
      "(popc|clz|brev).u32 %r1, %r2;",
      "popc.shiftamt.b32 %r1, %r2;",
      "bfind.b32 %r1, %r2;",
      "(and|or|xor).u32 %r1, %r2, %r3;",
      "(not|cnot).s32 %r1, %r2;",
      "cnot.pred %p1, %p2;",
      "shl.(u32|s32) %r1, %r2, %r3;",
      "shr.clamp.b32 %r1, %r2, %r3;",
      "bfe.b32 %r1, %r2, %r3, %r4;",
      "bfi.u32 %r1, %r2, %r3, %r4, %r5;",
      "bmsk.(b32|clamp.u32) %r1, %r2, %r3;",
      "szext.(u32|clamp.b32) %r1, %r2, %r3;",
      "shf.(l.b32|wrap.b32|l.wrap.u32) %r1, %r2, %r3, %r4;",
      "prmt.u32 %r1, %r2, %r3, %r4;",
      "lop3.b32 %r1, %r2, %r3, %r4, %r5;",
      "lop3.(or.b32|xor.b32) %r1, %r2, %r3, %r4, 1, %p1;",
      "dp4a.(u32|b32.u32|lo.u32.u32) %r1, %r2, %r3, %r4;",
      "dp2a.u32.u32 %r1, %r2, %r3, %r4;",
      "fns.u32 %r1, %r2, %r3, %r4;",
      "setp.(lo|ls|hi|hs|num|equ).s32 %p1, %r1, %r2;",
      "setp.(lt|le|gt|ge|lo).b32 %p1, %r1, %r2;",
      "setp.eq.(f16|bf16) %p1|%p2, %rs1, %rs2;",
      "setp.eq.ftz.(f64|s32) %p1, %fd1, %fd2;",
      "setp.eq.ftz.bf16x2 %p1|%p2, %r1, %r2;",
      "setp.(s32|eq.ne.s32) %p1, %r1, %r2;",
      "testp.(finite.ftz.f32|finite.f16) %p1, %f1;",
      "set.eq.(u16|f16x2|u64).s32 %r1, %r2, %r3;",
      "set.eq.(f32|f16).bf16 %rs1, %rs2, %rs3;",
      "set.eq.ftz.bf16.f16 %rs1, %rs2, %rs3;",
      "set.eq.f16x2.bf16x2 %r1, %r2, %r3;",
      "selp.(f16|bf16) %rs1, %rs2, %rs3, %p1;",
      "selp.pred %p1, %p2, %p3, %p4;",
      "slct.(f16.s32|b32.u32|ftz.b32.s32) %r1, %r2, %r3, %r4;",
      "mov.(f16|bf16) %rs1, %rs2;",
      "mov.u32 %r1, {%rs1, %rs2};",
      "mov.b128 %q1, %rd1;",
      "add.s32 %q1, %q1, %r1;",
      "shfl.sync.(up|down|bfly|idx).(u32|f32) %r1, %r2, 1, 31, -1;",
      "vote.sync.(all.b32|ballot.u32) %r1, %p1, -1;",
      "match.any.sync.b32 %r1|%p1, %r2, -1;",
      "match.all.sync.u32 %r1, %r2, -1;",
      "redux.sync.(add.b32|and.u32|xor.s32|min.f32) %r1, %r2, -1;",
      "activemask.u32 %r1;",
      "isspacep.param::func %p1, %rd1;",
      "cvt.sat.(u8.u8|u16.u8|s64.s32|u64.u32|s32.u16) %rd1, %rd2;",
      "cvt.(rn|rzi|ftz).u32.u64 %r1, %rd2;",
      "cvt.s32.f32 %r1, %f1;",
      "cvt.(rn|rzi.rn).s32.f32 %r1, %f1;",
      "cvt.(rni|ftz.rn).f64.s32 %fd1, %r1;",
      "cvt.rzi.(u8|s8).bf16 %r1, %rs1;",
      "cvt.rn.bf16.(u8|s8) %rs1, %r1;",
      "cvt.rzi.ftz.s32.f16 %r1, %rs1;",
      "cvt(|.sat|.rni).f16.f32 %rs1, %f1;",
      "cvt.rn.f32.f16 %f1, %rs1;",
      "cvt.rn.f16.f16 %rs1, %rs2;",
      "cvt.(rm|rp).(relu|satfinite).f16.f32 %rs1, %f1;",
      "cvt.rn.relu.ftz.f16.f32 %rs1, %f1;",
      "cvt.rn.sat.bf16.f32 %rs1, %f1;",
      "cvt.rna.f16.f32 %rs1, %f1;",
      "cvt.(rm|rp|rna).(f16x2|bf16x2).f32 %r1, %f1, %f2;",
      "cvt.rn.(sat|ftz).f16x2.f32 %r1, %f1, %f2;",
      "cvt.rna.relu.tf32.f32 %r1, %f1;",
      "cvt.(rn|rz).satfinite.tf32.f32 %r1, %f1;",
      "cvt.rm.tf32.f32 %r1, %f1;",
      "cvt.rn(|.relu).(e4m3x2|e5m2x2).f32 %rs1, %f1, %f2;",
      "cvt.rz.satfinite.e4m3x2.f32 %rs1, %f1, %f2;",
      "cvt.rn.satfinite.e4m3x2.bf16x2 %rs1, %r1;",
      "cvt.rn.satfinite.f16x2.e4m3x2 %r1, %rs1;",
      "cvt.rn.bf16x2.e4m3x2 %r1, %rs1;",
      "cvt.f32.bf16 %f1, %r1;",
      "cvt.rn.bf16.f32 %r1, %f1;",
      "cvt.pack.(u16.s32|sat.u8.s32|sat.u16.u32) %r1, %r2, %r3;",
      "cvt.pack.sat.u16.s32.b32 %r1, %r2, %r3, %r4;",
      "add.f16 %rs1, %rs2, 0x3c00;",
      "min.bf16x2 %r1, %r2, 5;",
      "cvt.f32.f16 %f1, 0x3c00;",
      "bar.cluster.(arrive|wait);",
      "barrier.warp.sync -1;",
      "barrier.cluster.arrive.relaxed.release;",
      "mbarrier.arrive.relaxed.release.cta.shared.b64 _, [%r1];",
      "mbarrier.try_wait.parity.relaxed.acquire.cta.shared.b64 %p1, [%r1], 0;",
      "fence.proxy.async.(local|const|param|shared);",
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.(add.noftz.u32|min.noftz.f16) [%rd1], [%r2], 16;",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes ([%r2, %r3], [%rd1], 16, [%r1]|[%r2], [%rd1], 16, [%r1, %r3]);",
      "wgmma.wait_group.sync.aligned -1;",
      "mov.b32 %r1, 0o17;",
      "mbarrier.(arrive.release|arrive.expect_tx.relaxed).(gpu|sys).shared.b64 _, [%r1], 1;",
      "mbarrier.(try_wait|test_wait).parity.acquire.(gpu|sys).shared.b64 %p1, [%r1], 0;",
      "mbarrier.test_wait.parity.shared.b64 %p1|%p2, [%r1], 0;",
      "add.u32 %r1|%p1, %r2, %r3;",
      "ldmatrix.sync.aligned.m8n8(.x4.x1|.x1.x2|).shared.b16 {%r1}, [%r2];",
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 %r1, [%r2];",
      "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r2], {1};",
      "movmatrix.sync.aligned.m8n8.trans.b16 %r1, 1;",
      "mma.sync.aligned.m016n8k16.row.col.f32.bf16.bf16.f32 {%f0,%f1,%f2,%f3}, {%r0,%r1,%r2,%r3}, {%r4,%r5}, {%f0,%f1,%f2,%f3};",
      "setp.eq.f16 %p1, %rs1, 0;"};
  unsigned count = 0;
  for (const char *pattern : lines)
    for (const std::string &line : expand(pattern)) {
      std::string error = errorOf(line), word = line.substr(0, line.find(' '));
      EXPECT_TRUE(llvm::StringRef(error).starts_with("x.ptx:")) << line << " is accepted";
      EXPECT_NE(error.find(line), std::string::npos) << error;
      ++count;
    }
  EXPECT_GE(count, 250u);
}

/// ptxas takes them, and a device may do anything.
TEST(Refusal, GroupCounts) {
  for (const char *wait : {"cp.async.wait_group", "cp.async.bulk.wait_group", "cp.async.bulk.wait_group.read"})
    for (const char *count : {"-1", "4294967296", "2147483648"})
      EXPECT_THAT(errorOf(wait + std::string(" ") + count + ";"), testing::HasSubstr("expected a number of groups, got " + std::string(count)));
  EXPECT_EQ(errorOf("cp.async.wait_group 2147483647;"), "");
}

/// Registers of each type as an operand of each type: those that ptxas 13.0 takes, and no other.
/// (But for predicates as elements of a matrix, which it takes.) A message names both types.
TEST(Refusal, RegistersOfOtherTypes) {
  const std::string whole = "b32 u32 s32 f16x2", half = "b16 u16 s16", wide = "b64 u64 s64";
  const std::string bits32 = whole + " f32", bits16 = half + " f16", bits64 = wide + " f64",
                    wider32 = whole + " " + wide;
  const struct {
    const char *line; ///< @: the register.
    std::string types;
  } cases[] = {{"add.s32 @, s32_1, s32_1", whole},
               {"add.u32 u32_1, @, 5", whole},
               {"add.f32 @, f32_1, f32_1", "b32 f32"},
               {"fma.rn.f32 f32_1, f32_1, f32_1, @", "b32 f32"},
               {"add.f64 f64_1, @, f64_1", "b64 f64"},
               {"add.u16 u16_1, @, u16_1", half},
               {"add.f16 @, f16_1, f16_1", "b16 f16"},
               {"add.bf16 @, b16_1, b16_1", "b16"},
               {"add.f16x2 b32_1, @, b32_1", "b32 f16x2"},
               {"add.bf16x2 b32_1, @, b32_1", "b32"},
               {"min.s16x2 b32_1, @, b32_1", "b32 f16x2"},
               {"mul.wide.u32 @, u32_1, u32_1", wide},
               {"mad.wide.u32 u64_1, @, u32_1, u64_1", whole},
               {"and.b32 @, b32_1, b32_1", bits32},
               {"prmt.b32 b32_1, b32_1, @, b32_1", bits32},
               {"shl.b32 b32_1, @, 1", bits32},
               {"shr.s32 s32_1, @, 1", whole},
               {"popc.b32 u32_1, @", bits32},
               {"setp.eq.s32 pred_1, @, s32_1", whole},
               {"setp.lt.f32 pred_1, f32_1, @", "b32 f32"},
               {"setp.eq.b32 pred_1, @, b32_1", bits32},
               {"setp.lt.f16 pred_1, @, b16_1", "b16 f16"},
               {"selp.b64 @, b64_1, b64_1, pred_1", bits64},
               {"selp.f32 f32_1, @, f32_1, pred_1", "b32 f32"},
               {"set.eq.f32.u32 @, u32_1, u32_1", "b32 f32"},
               {"set.eq.u32.f32 @, f32_1, f32_1", whole},
               {"slct.b32.f32 b32_1, b32_1, b32_1, @", "b32 f32"},
               {"mov.b32 @, b32_1", bits32},
               {"mov.u32 @, b32_1", whole},
               {"mov.f32 f32_1, @", "b32 f32"},
               {"mov.b16 b16_1, @", bits16},
               {"mov.s16 s16_1, @", half},
               {"mov.u64 @, gm", wide},
               {"mov.b64 {@, b32_1}, b64_1", bits32},
               {"mov.b32 b32_1, {@, b16_1}", bits16},
               {"mov.u32 @, %tid.x", whole},
               {"mov.u64 @, %clock64", wide},
               {"ld.global.u32 @, [gm]", wider32},
               {"ld.global.b32 @, [gm]", bits32 + " " + bits64},
               {"ld.global.f32 @, [gm]", "b32 f32 b64"},
               {"ld.global.f64 @, [gm]", "b64 f64"},
               {"ld.global.s8 @, [gm]", "b8 u8 s8 " + half + " " + wider32},
               {"ld.global.u16 @, [gm]", half + " " + wider32},
               {"ld.global.b8 @, [gm]", "b8 u8 s8 " + bits16 + " " + bits32 + " " + bits64},
               {"st.global.u32 [gm], @", wider32},
               {"st.global.f32 [gm], @", "b32 f32 b64"},
               {"st.global.b64 [gm], @", bits64},
               {"st.global.u8 [gm], @", "b8 u8 s8 " + half + " " + wider32},
               {"cvt.u32.u16 @, u16_1", wider32},
               {"cvt.u32.u16 u32_1, @", half + " " + wider32},
               {"cvt.rn.f32.s32 @, s32_1", "b32 f32 b64"},
               {"cvt.rn.f32.s32 f32_1, @", wider32},
               {"cvt.rzi.s32.f32 s32_1, @", "b32 f32 b64"},
               {"cvt.f32.f16 f32_1, @", "b16 f16 b32 b64"},
               {"cvt.rn.bf16.f32 @, f32_1", "b16"},
               {"cvt.f32.bf16 f32_1, @", "b16"},
               {"cvt.rn.bf16x2.f32 @, f32_1, f32_1", "b32"},
               {"cvt.rna.tf32.f32 @, f32_1", "b32"},
               {"cvt.rn.satfinite.e4m3x2.f32 @, f32_1, f32_1", "b16"},
               {"cvt.rn.satfinite.e4m3x2.f32 b16_1, @, f32_1", "b32 f32"},
               {"cvt.rn.f16x2.e4m3x2 b32_1, @", "b16"},
               {"cvt.u8.u32 @, u32_1", "b8 u8 s8 " + half + " " + wider32},
               {"atom.global.add.u32 u32_1, [gm], @", whole},
               {"atom.global.add.f32 @, [gm], f32_1", "b32 f32"},
               {"atom.global.exch.b32 b32_1, [gm], @", bits32},
               {"red.global.add.f64 [gm], @", "b64 f64"},
               {"shfl.sync.idx.b32 @, b32_1, 0, 31, -1", bits32},
               {"vote.sync.ballot.b32 @, pred_1, -1", bits32},
               {"mbarrier.arrive.shared.b64 @, [sm]", wide},
               {"cvta.to.global.u64 u64_1, @", wide},
               {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 {@}, [sm]", bits32},
               {"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {@, f64_1}, {f64_1}, {f64_1}, "
                "{f64_1, f64_1}",
                "b64 f64"},
               {"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {@, f32_1, f32_1, f32_1}, "
                "{b32_1, b32_1}, {b32_1}, {f32_1, f32_1, f32_1, f32_1}",
                "b32 f32"},
               {"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {f32_1, f32_1, f32_1, f32_1}, "
                "{@, b32_1}, {b32_1}, {f32_1, f32_1, f32_1, f32_1}",
                bits32},
               {"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {@, f32_1, f32_1, f32_1}, "
                "b64_1, b64_1, 1, 1, 1, 0, 0",
                "b32 f32"},
               {"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {f32_1, f32_1, f32_1, f32_1}, "
                "@, b64_1, 1, 1, 1, 0, 0",
                wide}};
  const char *const types[] = {"b8",  "u8",  "s8",    "b16", "u16", "s16", "f16", "b32", "u32",
                               "s32", "f32", "f16x2", "b64", "u64", "s64", "f64", "pred"};
  std::string declared;
  for (const char *ty : types)
    declared += std::string(".reg .") + ty + " " + ty + "_<4>;\n";
  unsigned refused = 0;
  for (auto &c : cases)
    for (std::string ty : types) {
      std::string line = c.line, name = ty + "_2";
      line.replace(line.find('@'), 1, name);
      bool taken = (" " + c.types + " ").find(" " + ty + " ") != std::string::npos;
      std::string text = kernel(0, "{\n" + declared + line + ";\n}",
                                ".shared .align 16 .b8 sm[64];\n.global .align 16 .b8 gm[64];\n");
      auto program = Program::parse(text, "x.ptx");
      std::string error = program ? "" : llvm::toString(program.takeError());
      refused += !taken;
      EXPECT_EQ(error.empty(), taken) << line << "\n" << error;
      if (!taken)
        EXPECT_THAT(error, testing::HasSubstr("register '" + name + "' ")) << line;
    }
  EXPECT_GT(refused, 700u);
  EXPECT_THAT(errorOf("ld.global.u32 %r1, [%fd2];"),
              testing::HasSubstr("register '%fd2' is .f64, 'ld.global.u32' takes .u32 here"));
  EXPECT_THAT(errorOf("add.s32 %r1, %f2, %r3;"),
              testing::HasSubstr("register '%f2' is .f32, 'add.s32' takes .s32 here"));
  EXPECT_THAT(errorOf("fma.rn.f32 %f1, %rd2, %f3, %f4;"),
              testing::HasSubstr("register '%rd2' has 64 bits, 'fma.rn.f32' needs 32"));
}

/// What ptxas takes and no manual describes is refused too, and says so.
TEST(Refusal, FormsThatNoManualDescribes) {
  for (const char *line :
       {"fma.rz.bf16x2 %r1, %r2, %r3, %r4;", "madc.lo.u16 %rs1, %rs2, %rs3, %rs4;",
        "addc.sat.s32 %r1, %r2, %r3;", "rcp.rn.ftz.f64 %fd1, %fd2;",
        "fma.rn.oob.f16x2 %r1, %r2, %r3, %r4;", "cvt.bf16.f16 %rs1, %rs2;"})
    EXPECT_NE(errorOf(line).find(line), std::string::npos) << line;
}

} // namespace
