//===- VideoTest.cpp - Video instructions ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each form of PTX ISA 9.7.18 against arithmetic of 64 bits. That ptxas 13.0 makes code of the
/// same meaning was seen by running that code (for sm_90a) over such operands.
///
//===----------------------------------------------------------------------===//

#include "OperandTest.h"
#include "gmock/gmock.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

int64_t field(uint64_t v, unsigned first, unsigned bits, bool isSigned) {
  v = v >> first & ((1ull << bits) - 1);
  return isSigned && v >> (bits - 1) ? int64_t(v) - (1ll << bits) : int64_t(v);
}

using Primary = std::function<int64_t(int64_t, int64_t)>;
struct Operation {
  const char *name;
  Primary f;
};
const Operation kOperations[] = {
    {"add", [](int64_t a, int64_t b) { return a + b; }},
    {"sub", [](int64_t a, int64_t b) { return a - b; }},
    {"absdiff", [](int64_t a, int64_t b) { return a > b ? a - b : b - a; }},
    {"min", [](int64_t a, int64_t b) { return a < b ? a : b; }},
    {"max", [](int64_t a, int64_t b) { return a < b ? b : a; }},
    {"avrg", [](int64_t a, int64_t b) { return a + b < 0 ? (a + b) >> 1 : (a + b + 1) / 2; }}};
const Operation kComparisons[] = {{"eq", [](int64_t a, int64_t b) { return a == b; }},
                                  {"ne", [](int64_t a, int64_t b) { return a != b; }},
                                  {"lt", [](int64_t a, int64_t b) { return a < b; }},
                                  {"le", [](int64_t a, int64_t b) { return a <= b; }},
                                  {"gt", [](int64_t a, int64_t b) { return a > b; }},
                                  {"ge", [](int64_t a, int64_t b) { return a >= b; }}};

std::vector<Operands> operands(unsigned random = 300) {
  return crossed({0, 1, 31, 32, 33, 0x7f, 0x80, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                  0xffffffff, 0x80808080, 0x7f7f7f7f, 0x80007fff, 0x01ff7f80},
                 random, 918, [](std::mt19937_64 &rng) { return rng() >> (rng() % 64); });
}

const char *typeName(bool isSigned) { return isSigned ? ".s32" : ".u32"; }

/// One SIMD form with a mask and selectors, whose digits are elements from the upper one down.
void checkSimd(unsigned n, const std::string &word, const Primary &f, unsigned signs, char mode,
               const std::string &mask = "", const std::string &selA = "",
               const std::string &selB = "") {
  unsigned bits = 32 / n;
  std::string all = n == 2 ? "10" : "3210", upper = n == 2 ? "32" : "7654",
              letter = n == 2 ? ".h" : ".b";
  auto suffix = [&](const std::string &digits) { return digits.empty() ? "" : letter + digits; };
  std::string line = word + " %r50" + suffix(mask) + ", %r10" + suffix(selA) + ", %r11" +
                     suffix(selB) + ", %r12; cvt.u64.u32 %rd50, %r50;";
  std::string whichA = selA.empty() ? all : selA, whichB = selB.empty() ? upper : selB;
  expectEach(line, operands(), [&](const Operands &o) {
    uint64_t words = (o[1] & 0xffffffff) << 32 | (o[0] & 0xffffffff);
    uint32_t d = uint32_t(o[2]);
    for (unsigned i = 0; i < n; ++i) {
      if (!mask.empty() && mask.find(char('0' + i)) == std::string::npos)
        continue;
      int64_t v = f(field(words, bits * unsigned(whichA[n - 1 - i] - '0'), bits, signs & 2),
                    field(words, bits * unsigned(whichB[n - 1 - i] - '0'), bits, signs & 1));
      if (mode == 's') {
        int64_t low = signs & 4 ? -(1ll << (bits - 1)) : 0;
        v = std::clamp<int64_t>(v, low, low + (1ll << bits) - 1);
      }
      uint32_t place = ((1u << bits) - 1) << (bits * i);
      d = mode == '+' ? d + uint32_t(v) : (d & ~place) | (uint32_t(v) << (bits * i) & place);
    }
    return d;
  });
}

/// Every operation, type and modifier; masks and selectors of all values go round.
void checkAllSimd(unsigned n) {
  std::vector<std::string> masks = {""};
  for (unsigned bits = 1; bits < (1u << n); ++bits) {
    masks.emplace_back();
    for (unsigned i = n; i-- > 0;)
      if (bits >> i & 1)
        masks.back() += char('0' + i);
  }
  std::mt19937_64 rng(97);
  unsigned turn = 0;
  auto check = [&](const std::string &word, const Primary &f, unsigned signs, char mode) {
    checkSimd(n, word, f, signs, mode);
    std::string selA, selB;
    for (unsigned i = 0; i < n; ++i) {
      selA += char('0' + rng() % (2 * n));
      selB += char('0' + rng() % (2 * n));
    }
    checkSimd(n, word, f, signs, mode, masks[turn++ % masks.size()], selA, selB);
  };
  std::string count = std::to_string(n);
  for (const Operation &op : kOperations)
    for (unsigned signs = 0; signs < 8; ++signs)
      for (const char *mode : {"", ".sat", ".add"})
        check("v" + std::string(op.name) + count + typeName(signs & 4) + typeName(signs & 2) +
                  typeName(signs & 1) + mode,
              op.f, signs,
              !*mode           ? ' '
              : mode[1] == 's' ? 's'
                               : '+');
  for (const Operation &op : kComparisons)
    for (unsigned signs = 0; signs < 4; ++signs)
      for (const char *mode : {"", ".add"})
        check("vset" + count + typeName(signs & 2) + typeName(signs & 1) + "." + op.name + mode,
              op.f, signs, *mode ? '+' : ' ');
}

TEST(Video, PairsOfHalves) { checkAllSimd(2); }
TEST(Video, QuadsOfBytes) { checkAllSimd(4); }

struct Part {
  const char *name;
  unsigned first, bits;
};
const Part kParts[] = {{"", 0, 32},    {".b0", 0, 8},  {".b1", 8, 8},  {".b2", 16, 8},
                       {".b3", 24, 8}, {".h0", 0, 16}, {".h1", 16, 16}};

/// One scalar operation with every part of its sources, alone, added to c and merged into it.
void checkScalar(const std::string &word, const Primary &f, unsigned signs) {
  for (const Part &a : kParts)
    for (const Part &b : kParts) {
      auto value = [&](const Operands &o) {
        return f(field(o[0], a.first, a.bits, signs & 2), field(o[1], b.first, b.bits, signs & 1));
      };
      std::string sources = std::string(", %r10") + a.name + ", %r11" + b.name,
                  end = "; cvt.u64.u32 %rd50, %r50;";
      unsigned turn = unsigned(&a - kParts) + unsigned(&b - kParts);
      const Part &to = kParts[turn % 6];
      if (turn % 3 == 0)
        expectEach(word + " %r50" + sources + end, operands(100),
                   [&](const Operands &o) { return uint32_t(value(o)); });
      if (turn % 3 == 1)
        expectEach(word + ".add %r50" + sources + ", %r12" + end, operands(100),
                   [&](const Operands &o) { return uint32_t(value(o) + int64_t(o[2])); });
      if (turn % 6)
        expectEach(word + " %r50" + to.name + sources + ", %r12" + end, operands(100),
                   [&](const Operands &o) {
                     uint32_t place = ((1u << to.bits) - 1) << to.first;
                     return (uint32_t(o[2]) & ~place) | (uint32_t(value(o)) << to.first & place);
                   });
    }
}

TEST(Video, Scalars) {
  for (const Operation &op : llvm::ArrayRef(kOperations).drop_back())
    for (unsigned signs = 0; signs < 8; ++signs)
      checkScalar("v" + std::string(op.name) + typeName(signs & 4) + typeName(signs & 2) +
                      typeName(signs & 1),
                  op.f, signs);
}

TEST(Video, ScalarComparisons) {
  for (const Operation &op : kComparisons)
    for (unsigned signs = 0; signs < 4; ++signs)
      checkScalar("vset" + std::string(typeName(signs & 2)) + typeName(signs & 1) + "." + op.name,
                  op.f, signs);
}

TEST(Video, ScalarShifts) {
  for (unsigned signs : {0u, 2u, 4u, 6u})
    for (bool isWrap : {false, true}) {
      auto count = [isWrap](int64_t b) {
        return unsigned(isWrap ? b & 31 : std::min<int64_t>(b, 32));
      };
      std::string end = std::string(typeName(signs & 4)) + typeName(signs & 2) + ".u32" +
                        (isWrap ? ".wrap" : ".clamp");
      checkScalar(
          "vshl" + end, [&](int64_t a, int64_t b) { return int64_t(uint64_t(a) << count(b)); },
          signs);
      checkScalar(
          "vshr" + end, [&](int64_t a, int64_t b) { return a >> count(b); }, signs);
    }
}

TEST(Video, Products) {
  const struct {
    const char *a, *b, *c, *modifier;
  } signs[] = {{"", "", "", ""},   {"-", "", "", ""},   {"", "-", "", ""},  {"", "", "-", ""},
               {"-", "-", "", ""}, {"-", "-", "-", ""}, {"", "", "", ".po"}};
  for (unsigned types = 0; types < 8; ++types)
    for (auto &s : signs)
      for (const Part &a : kParts) {
        const Part &b = kParts[(unsigned(&a - kParts) * 3 + types) % 7];
        std::string line = std::string("vmad") + typeName(types & 4) + typeName(types & 2) +
                           typeName(types & 1) + s.modifier + " %r50, " + s.a + "%r10" + a.name +
                           ", " + s.b + "%r11" + b.name + ", " + s.c + "%r12;";
        expectEach(line + " cvt.u64.u32 %rd50, %r50;", operands(), [&](const Operands &o) {
          __int128 product = __int128(field(o[0], a.first, a.bits, types & 2)) *
                             field(o[1], b.first, b.bits, types & 1);
          __int128 c = uint32_t(o[2]);
          return uint32_t((*s.a != *s.b ? -product : product) + (*s.c ? -c : c) +
                          (*s.modifier ? 1 : 0));
        });
      }
}

/// Modifiers in other orders, literals, spaces, and registers that no value is known of.
TEST(Video, Spellings) {
  auto is = [](const std::string &line, const Primary &f) {
    expectEach(line + " cvt.u64.u32 %rd50, %r50;", operands(), [&](const Operands &o) {
      return uint32_t(f(int64_t(uint32_t(o[0])), int64_t(uint32_t(o[1]))));
    });
  };
  is("vadd.add.u32.u32.u32 %r50, %r10 .b1, 5, - 7;",
     [](int64_t a, int64_t) { return (a >> 8 & 255) + 5 - 7; });
  is("vmad.u32.u32.u32 %r50, - %r10.h1, 3, -(2 + 3);",
     [](int64_t a, int64_t) { return (a >> 16) * -3 - 5; });
  is("vset.lt.u32.u32 %r50, %r10, %r11;", [](int64_t a, int64_t b) { return a < b; });
  is("{ .reg .b32 _r, $s; mov.b32 _r, %r10; mov.b32 $s, %r11; vsub.u32.u32.u32 %r50, _r, $s; }",
     [](int64_t a, int64_t b) { return a - b; });
  is("mov.b32 %r50, 9; vabsdiff4.u32.u32.u32.add %r50.b0, %r50.b0000, %r10, %r50;",
     [](int64_t a, int64_t) { return 9 + std::abs(9 - (a & 255)); });
}

/// What ptxas 13.0 refuses.
TEST(Video, Refusals) {
  for (const char *line : {"vadd.u32.u32 %r1, %r2, %r3;",
                           "vadd.b32.b32.b32 %r1, %r2, %r3;",
                           "vadd.u32.u32.u32 %r1.b0, %r2, %r3;",
                           "vadd.u32.u32.u32.add %r1.b0, %r2, %r3, %r4;",
                           "vadd.u32.u32.u32.add %r1, %r2, %r3;",
                           "vadd.u32.u32.u32 %r1, %r2.b4, %r3;",
                           "vadd.u32.u32.u32 %r1, %r2.h2, %r3;",
                           "vadd.u32.u32.u32 %r1, %r2.b10, %r3;",
                           "vadd.u32.u32.u32 %r1, -%r2, %r3;",
                           "vadd.u32.u32.u32 %r1, %tid.x, %r3;",
                           "vadd.u32.u32.u32 %r1, 5.b0, %r3;",
                           "vadd.u32.u32.u32.min.add %r1, %r2, %r3, %r4;",
                           "vadd.u32.u32.u32.wrap %r1, %r2, %r3;",
                           "vadd.u32.u32.u32 _, %r2, %r3;",
                           "vadd.u32.u32.u32 %r1, %rs2, %r3;",
                           "vavrg.u32.u32.u32 %r1, %r2, %r3;",
                           "vshl2.u32.u32.u32.wrap %r1, %r2, %r3, %r4;",
                           "vshl.u32.u32.u32 %r1, %r2, %r3;",
                           "vshl.u32.u32.s32.wrap %r1, %r2, %r3;",
                           "vset.u32.u32 %r1, %r2, %r3;",
                           "vset.u32.u32.u32.lt %r1, %r2, %r3;",
                           "vset.u32.u32.lt.sat %r1, %r2, %r3;",
                           "vset.u32.u32.lo %r1, %r2, %r3;",
                           "vmad.u32.u32.u32 %r1, %r2, %r3;",
                           "vmad.u32.u32.u32.add %r1, %r2, %r3, %r4;",
                           "vmad.u32.u32.u32 %r1.b0, %r2, %r3, %r4;",
                           "vmad.u32.u32.u32 %r1, %r2, %r3, %r4.b0;",
                           "vmad.u32.u32.u32 %r1, -%r2, %r3, -%r4;",
                           "vmad.u32.u32.u32.po %r1, -%r2, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, %r2, %r3;",
                           "vadd2.u32.u32.u32.sat.add %r1, %r2, %r3, %r4;",
                           "vadd2.u32.u32.u32.min %r1, %r2, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1.h01, %r2, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, %r2.h14, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, %r2.h1, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, %r2.b3210, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, 5, %r3, %r4;",
                           "vadd2.u32.u32.u32 %r1, %r2, %r3, 5;",
                           "vmax4.u32.u32.u32 %r1.b0123, %r2, %r3, %r4;",
                           "vmax4.u32.u32.u32 %r1.b33, %r2, %r3, %r4;",
                           "vmax4.u32.u32.u32 %r1, %r2.b7658, %r3, %r4;",
                           "vmax4.u32.u32.u32 %r1, %r2, %r3, %r4.b1;",
                           "vset4.u32.u32.ne.max %r1, %r2, %r3, %r4;"}) {
    auto program = Program::parse(kernel(0, line), "x.ptx");
    EXPECT_FALSE(bool(program)) << line << " is accepted";
    EXPECT_THAT(llvm::toString(program.takeError()), testing::HasSubstr(line));
  }
}

/// ptxas and the manual differ: such an entry is refused, and others of the file run.
TEST(Video, WhatIsUncertainStopsItsEntryOnly) {
  for (const char *line :
       {"vadd.u32.u32.u32.sat %r1, %r2, %r3;", "vsub.u32.u32.u32 %r1.h1, %r2, %r3, %r4;",
        "vset.s32.s32.lt.min %r1, %r2, %r3, %r4;", "vmax.u32.u32.u32.max %r1, %r2, %r3, %r4;",
        "vmad.u32.u32.u32.shr7 %r1, %r2, %r3, %r4;",
        "vmad.s32.s32.s32.sat.shr15 %r1, %r2, %r3, %r4;"}) {
    auto program =
        Program::parse(kernel(0, line) + "\n.visible .entry plain() { ret; }\n", "x.ptx");
    ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
    for (bool isPlain : {true, false}) {
      Sim sim;
      sim.launch.entry = isPlain ? "plain" : "k";
      auto report = sim.device->launch(**program, sim.launch, sim.options);
      std::string message = report ? "" : llvm::toString(report.takeError());
      if (isPlain)
        EXPECT_EQ(message, "") << line;
      else
        EXPECT_THAT(message, testing::HasSubstr(
                                 "is not supported: ptxas 13.0 and the manual differ about '."))
            << line;
    }
  }
}

} // namespace
