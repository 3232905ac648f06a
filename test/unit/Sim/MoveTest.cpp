//===- MoveTest.cpp - Moves, packing, address spaces ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OperandTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

uint64_t low(uint64_t v, unsigned bits) { return v & (~0ull >> (64 - bits)); }

TEST(Move, EveryType) {
  struct {
    const char *name;
    unsigned bits;
    char kind;
  } types[] = {{"b16", 16, 'h'}, {"u16", 16, 'h'}, {"s16", 16, 'h'}, {"b32", 32, 'r'},
               {"u32", 32, 'r'}, {"s32", 32, 'r'}, {"f32", 32, 'f'}, {"b64", 64, 'd'},
               {"u64", 64, 'd'}, {"s64", 64, 'd'}, {"f64", 64, 'g'}};
  auto in = integers();
  for (auto &t : types)
    expectEach(instruction(std::string("mov.") + t.name, std::string(1, t.kind) + "=" + t.kind), in,
               [&](const Operands &o) { return low(o[0], t.bits); });
  // Through registers of 128 bits, in all the ways to cut them.
  expectEach("{ .reg .b128 %q<3>; .reg .b32 %t<4>; mov.b128 %q0, {%rd10, %rd11}; mov.b128 %q1, "
             "%q0; mov.b128 {%t0, %t1, %t2, %t3}, %q1;\n"
             "mov.b128 %q2, {%t3, %t2, %t1, %t0}; mov.b128 {%rd50, _}, %q2; mov.b128 {_, %rd53}, "
             "%q2; xor.b64 %rd50, %rd50, %rd12; add.u64 %rd50, %rd50, %rd53; }",
             in, [](const Operands &o) {
               uint64_t a = o[1] >> 32 | o[1] << 32,
                        b = o[0] >> 32 | o[0] << 32; // the words in reverse
               return (a ^ o[2]) + b;
             });
}

TEST(Move, Immediates) {
  std::vector<Operands> one = {{0, 0, 0, 0}};
  expectEach("mov.u32 %r50, 42; cvt.u64.u32 %rd50, %r50;", one,
             [](const Operands &) { return 42; });
  expectEach("mov.f32 %f50, 0f3F800000; mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;", one,
             [](const Operands &) { return 0x3f800000; });
  expectEach("mov.f64 %fd19, 0d3FF0000000000001; mov.b64 %rd50, %fd19;", one,
             [](const Operands &) { return 0x3ff0000000000001; });
  expectEach("mov.b16 %rs50, -2; cvt.u64.u16 %rd50, %rs50;", one,
             [](const Operands &) { return 0xfffe; });
}

TEST(Move, PackingAndUnpacking) {
  auto in = integers();
  auto same = [](unsigned bits) { return [=](const Operands &o) { return low(o[0], bits); }; };
  auto swapped = [](unsigned bits, unsigned part) {
    return [=](const Operands &o) {
      uint64_t r = 0;
      for (unsigned i = 0; i < bits; i += part)
        r |= low(o[0] >> i, part) << (bits - part - i);
      return r;
    };
  };
  const std::string bytes = "{ .reg .b8 %x<4>; ", end = " }";
  const char *word = " cvt.u64.u32 %rd50, %r50;", *half = " cvt.u64.u16 %rd50, %rs50;";
  struct {
    std::string text;
    Reference want;
  } cases[] = {
      {bytes + "mov.b16 {%x0, %x1}, %rs10; mov.b16 %rs50, {%x0, %x1};" + half + end, same(16)},
      {bytes + "mov.b16 {%x0, %x1}, %rs10; mov.b16 %rs50, {%x1, %x0};" + half + end,
       swapped(16, 8)},
      {bytes + "mov.b32 {%x0, %x1, %x2, %x3}, %r10; mov.b32 %r50, {%x0, %x1, %x2, %x3};" + word +
           end,
       same(32)},
      {bytes + "mov.b32 {%x0, %x1, %x2, %x3}, %r10; mov.b32 %r50, {%x3, %x2, %x1, %x0};" + word +
           end,
       swapped(32, 8)},
      {std::string("mov.b32 {%rs1, %rs2}, %r10; mov.b32 %r50, {%rs1, %rs2};") + word, same(32)},
      {std::string("mov.b32 {%rs1, %rs2}, %r10; mov.b32 %r50, {%rs2, %rs1};") + word,
       swapped(32, 16)},
      {"mov.b64 {%rs1, %rs2, %rs3, %rs4}, %rd10; mov.b64 %rd50, {%rs1, %rs2, %rs3, %rs4};",
       same(64)},
      {"mov.b64 {%rs1, %rs2, %rs3, %rs4}, %rd10; mov.b64 %rd50, {%rs4, %rs3, %rs2, %rs1};",
       swapped(64, 16)},
      {"mov.b64 {%r1, %r2}, %rd10; mov.b64 %rd50, {%r1, %r2};", same(64)},
      {"mov.b64 {%r1, %r2}, %rd10; mov.b64 %rd50, {%r2, %r1};", swapped(64, 32)},
      {"mov.b64 {%f1, %f2}, %rd10; mov.b64 %rd50, {%f1, %f2};", same(64)},
      {"mov.b64 {%f1, %f2}, %rd10; mov.b64 %rd50, {%f2, %f1};", swapped(64, 32)},
      {std::string(
           "mov.b32 {%rs1, _}, %r10; mov.b32 {_, %rs2}, %r10; mov.b32 %r50, {%rs2, %rs1};") +
           word,
       swapped(32, 16)},
      {std::string("mov.b32 {%rs1, _}, %r10; mov.b32 %r50, {%rs1, 7};") + word,
       [](const Operands &o) { return low(o[0], 16) | 7 << 16; }}};
  for (auto &c : cases)
    expectEach(c.text, in, c.want);
}

/// Addresses of variables, parameters and functions, their offsets, and which window a generic
/// address is in.
TEST(Move, Addresses) {
  const std::string module = ".global .align 16 .b8 gm[64]; .const .align 16 .b32 cm[4] = {5, 6, "
                             "7, 8}; .shared .align 16 .b8 sm[64];\n"
                             ".func helper() { ret; }\n";
  std::vector<Operands> in(128);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = {i, 0, 0, 0};
  auto equal = [&](const std::string &body, uint64_t want) {
    expectEach(body, in, [=](const Operands &) { return want; }, module);
  };
  equal("mov.u64 %rd53, gm; mov.u64 %rd54, gm+8; sub.u64 %rd50, %rd54, %rd53;", 8);
  equal("mov.u64 %rd53, gm; cvta.global.u64 %rd54, %rd53; cvta.to.global.u64 %rd55, %rd54; sub.u64 "
        "%rd50, %rd55, %rd53;",
        0);
  equal("mov.u32 %r53, sm; mov.u64 %rd53, sm; cvt.u32.u64 %r54, %rd53; sub.u32 %r50, %r53, %r54; "
        "cvt.u64.u32 %rd50, %r50;",
        0);
  equal("mov.u64 %rd53, helper; mov.b64 %rd54, helper; setp.eq.u64 %p0, %rd53, 0; sub.u64 %rd50, "
        "%rd53, %rd54; @%p0 mov.u64 %rd50, 1;",
        0);
  // What is written through the generic address is read in the space, and the other way round.
  const char *lane = "mov.u32 %r60, %tid.x; setp.ne.u32 %p1, %r60, 0; mov.u64 %rd50, 7; ";
  equal(std::string(lane) +
            "mov.u64 %rd53, sm; cvta.shared.u64 %rd54, %rd53; @!%p1 st.u32 [%rd54+4], 9; bar.sync "
            "0; mov.u32 %r61, sm; ld.shared.u32 %r62, [%r61+4]; cvt.u64.u32 %rd50, %r62;",
        9);
  equal(std::string(lane) +
            "cvta.const.u64 %rd54, cm; ld.u32 %r62, [%rd54+8]; cvta.to.const.u64 %rd55, %rd54; "
            "ld.const.u32 %r63, [%rd55+4]; add.u32 %r62, %r62, %r63; cvt.u64.u32 %rd50, %r62;",
        13);
  equal(".local .align 8 .b8 lm[16]; mov.u64 %rd53, lm; cvta.local.u64 %rd54, %rd53; st.local.u32 "
        "[lm+4], 11; ld.u32 %r62, [%rd54+4]; cvta.to.local.u64 %rd55, %rd54;\n"
        "ld.local.u32 %r63, [%rd55+4]; add.u32 %r62, %r62, %r63; cvt.u64.u32 %rd50, %r62;",
        22);
  equal("mov.b64 %rd53, p0; cvta.param.u64 %rd54, %rd53; ld.u64 %rd55, [%rd54]; cvta.to.param.u64 "
        "%rd56, %rd54; ld.param.u64 %rd57, [%rd56];\n"
        "sub.u64 %rd58, %rd55, %rd100; sub.u64 %rd59, %rd57, %rd100; or.b64 %rd50, %rd58, %rd59;",
        0);
  for (const char *space : {"shared", "shared::cta", "shared::cluster"}) {
    std::string s = space;
    equal(
        "mov.u64 %rd53, sm; cvta." + s + ".u64 %rd54, %rd53; cvta." + s +
            ".u64 %rd55, sm; cvta.to." + s +
            ".u64 %rd56, %rd54;\n"
            "sub.u64 %rd57, %rd54, %rd55; sub.u64 %rd58, %rd56, %rd53; or.b64 %rd50, %rd57, %rd58;",
        0);
  }
  const std::string all =
      ".local .align 8 .b8 lm[16]; cvta.global.u64 %rd70, gm; cvta.shared.u64 %rd71, sm; mov.u64 "
      "%rd75, lm; cvta.local.u64 %rd72, %rd75;\n"
      "mov.b64 %rd76, p0; cvta.param.u64 %rd73, %rd76; cvta.const.u64 %rd74, cm; "
      "cvta.shared::cta.u64 %rd77, sm; cvta.shared::cluster.u64 %rd78, sm;\n";
  // Of global, shared, local, parameter, constant, twice shared: one bit each.
  struct {
    const char *space;
    unsigned bits;
  } spaces[] = {{"global", 0b0001001},          {"shared", 0b1100010}, {"shared::cta", 0b1100010},
                {"shared::cluster", 0b1100010}, {"local", 0b0000100},  {"param", 0b0001000},
                {"param::entry", 0b0001000},    {"const", 0b0010000}};
  for (auto &s : spaces) {
    std::string body = all + "mov.b64 %rd50, 0;\n";
    for (unsigned i = 0; i < 7; ++i) {
      unsigned reg = i < 5 ? 70 + i : 72 + i;
      body += std::string("isspacep.") + s.space + " %p1, %rd" + std::to_string(reg) +
              "; selp.b64 %rd60, " + std::to_string(1 << i) +
              ", 0, %p1; or.b64 %rd50, %rd50, %rd60;\n";
    }
    equal(body, s.bits);
  }
}

} // namespace
