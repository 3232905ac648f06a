//===- ConvertTest.cpp - cvt against APFloat ------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OperandTest.h"

using namespace llvm;
using namespace tk::sim;
using namespace tk::sim::test;

namespace {

/// Runs "cvt" from 32-bit inputs `in` in register %r1/%f1/%rs1 to a 32-bit result %r2.
std::vector<uint32_t> convert(const std::string &body, const std::vector<uint32_t> &in) {
  Sim sim;
  sim.launch.block = {256, 1, 1};
  size_t n = (in.size() + 255) / 256 * 256;
  sim.launch.grid = {uint32_t(n / 256), 1, 1};
  std::vector<uint32_t> padded = in;
  padded.resize(n);
  sim.buffer(padded, "in");
  uint64_t out = sim.buffer(n * 4, "out");
  Report r = sim.run(kernel(2, "mov.u32 %r90, %ctaid.x; shl.b32 %r90, %r90, 8; mov.u32 %r91, %tid.x; add.u32 %r90, %r90, %r91;\n"
                               "mul.wide.u32 %rd1, %r90, 4; add.u64 %rd2, %rd100, %rd1; add.u64 %rd3, %rd101, %rd1;\n"
                               "ld.global.u32 %r1, [%rd2]; mov.b32 %f1, %r1; cvt.u16.u32 %rs1, %r1;\n" + body + "\nst.global.u32 [%rd3], %r2;"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint32_t>(out, n);
  v.resize(in.size());
  return v;
}

std::vector<uint32_t> floats() {
  std::vector<uint32_t> v;
  for (uint32_t i = 0; i < 65536; ++i) { // every upper half, with lower halves around the ties of both 16-bit types
    for (uint32_t low : {0x0000u, 0x7fffu, 0x8000u, 0x8001u})
      v.push_back(i << 16 | low);
  }
  std::mt19937 rng(17);
  for (int i = 0; i < 100000; ++i) // the range of f16, dense
    v.push_back((rng() % 2) << 31 | ((100 + rng() % 48) << 23) | (rng() & 0x7ff000) | (rng() % 3 ? 0 : rng() & 0xfff));
  return v;
}

uint32_t narrow(uint32_t f, const fltSemantics &to, APFloat::roundingMode mode) {
  APFloat a(APFloat::IEEEsingle(), APInt(32, f));
  if (a.isNaN())
    return 0x7fff;
  bool lost;
  a.convert(to, mode, &lost);
  return uint32_t(a.bitcastToAPInt().getZExtValue());
}

TEST(Convert, F32ToHalves) {
  struct { const char *name; APFloat::roundingMode mode; } modes[] = {
      {"rn", APFloat::rmNearestTiesToEven}, {"rz", APFloat::rmTowardZero}, {"rm", APFloat::rmTowardNegative}, {"rp", APFloat::rmTowardPositive}};
  auto in = floats();
  for (auto &m : modes)
    for (bool bf : {false, true}) {
      auto got = convert(std::string("cvt.") + m.name + (bf ? ".bf16" : ".f16") + ".f32 %rs2, %f1; cvt.u32.u16 %r2, %rs2;", in);
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(got[i], narrow(in[i], bf ? APFloat::BFloat() : APFloat::IEEEhalf(), m.mode)) << m.name << " bf " << bf << " of " << std::hex << in[i];
    }
}

TEST(Convert, PackedHalves) {
  auto in = floats();
  for (bool bf : {false, true}) {
    auto got = convert(std::string("cvt.rn.") + (bf ? "bf16x2" : "f16x2") + ".f32 %r2, %f1, 0f3F800000;", in);
    for (size_t i = 0; i < in.size(); ++i)
      ASSERT_EQ(got[i], narrow(in[i], bf ? APFloat::BFloat() : APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven) << 16 | (bf ? 0x3f80u : 0x3c00u));
  }
}

TEST(Convert, HalvesToF32AreExact) {
  std::vector<uint32_t> in(65536);
  for (uint32_t i = 0; i < 65536; ++i)
    in[i] = i;
  for (bool bf : {false, true}) {
    auto got = convert(std::string("cvt.f32.") + (bf ? "bf16" : "f16") + " %f2, %rs1; mov.b32 %r2, %f2;", in);
    for (uint32_t i = 0; i < 65536; ++i) {
      APFloat a(bf ? APFloat::BFloat() : APFloat::IEEEhalf(), APInt(16, i));
      bool lost;
      uint32_t want = 0x7fffffff;
      if (!a.isNaN()) {
        a.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
        want = uint32_t(a.bitcastToAPInt().getZExtValue());
      }
      ASSERT_EQ(got[i], want) << "bf " << bf << " " << std::hex << i;
    }
  }
}

TEST(Convert, RealsAndIntegers) {
  struct { const char *name; APFloat::roundingMode mode; } modes[] = {
      {"rni", APFloat::rmNearestTiesToEven}, {"rzi", APFloat::rmTowardZero}, {"rmi", APFloat::rmTowardNegative}, {"rpi", APFloat::rmTowardPositive}};
  auto in = floats();
  for (auto &m : modes)
    for (bool isSigned : {true, false}) {
      auto got = convert(std::string("cvt.") + m.name + (isSigned ? ".s32" : ".u32") + ".f32 %r2, %f1;", in);
      for (size_t i = 0; i < in.size(); ++i) {
        APFloat a(APFloat::IEEEsingle(), APInt(32, in[i]));
        APSInt v(32, !isSigned);
        bool exact;
        a.convertToInteger(v, m.mode, &exact); // saturates; NaN gives 0
        ASSERT_EQ(got[i], uint32_t(v.getZExtValue())) << m.name << " signed " << isSigned << " of " << std::hex << in[i];
      }
    }
  auto got = convert("cvt.rn.f32.s32 %f2, %r1; mov.b32 %r2, %f2;", in);
  auto down = convert("cvt.rz.f32.u32 %f2, %r1; mov.b32 %r2, %f2;", in);
  for (size_t i = 0; i < in.size(); ++i) {
    ASSERT_EQ(got[i], std::bit_cast<uint32_t>(float(int32_t(in[i]))));
    APFloat a(APFloat::IEEEsingle());
    a.convertFromAPInt(APInt(32, in[i]), false, APFloat::rmTowardZero);
    ASSERT_EQ(down[i], uint32_t(a.bitcastToAPInt().getZExtValue()));
  }
}

TEST(Convert, Fp8) {
  std::vector<uint32_t> in = floats();
  for (bool e5 : {false, true}) {
    const fltSemantics &s = e5 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN();
    auto got = convert(std::string("cvt.rn.satfinite.") + (e5 ? "e5m2x2" : "e4m3x2") + ".f32 %rs2, 0f00000000, %f1; cvt.u32.u16 %r2, %rs2;", in);
    for (size_t i = 0; i < in.size(); ++i) {
      APFloat a(APFloat::IEEEsingle(), APInt(32, in[i]));
      if (a.isNaN()) {
        ASSERT_EQ(got[i] & 0x7f, 0x7fu);
        continue;
      }
      APFloat limit = APFloat::getLargest(s, a.isNegative());
      bool lost;
      limit.convert(APFloat::IEEEsingle(), APFloat::rmTowardZero, &lost);
      bool beyond = a.isNegative() ? a < limit : a > limit;
      APFloat r = beyond ? APFloat::getLargest(s, a.isNegative()) : a;
      if (!beyond)
        r.convert(s, APFloat::rmNearestTiesToEven, &lost);
      ASSERT_EQ(got[i], uint32_t(r.bitcastToAPInt().getZExtValue())) << "e5m2 " << e5 << " of " << std::hex << in[i];
    }
  }
}

//===----------------------------------------------------------------------===//
// Every pair of types, with all modifiers
//===----------------------------------------------------------------------===//

struct Scalar {
  const char *name;
  unsigned bits;
  bool isSigned;
  const fltSemantics *semantics; ///< Of reals.
  char kind;
  bool is16() const { return semantics && bits == 16; }
  bool isBf16() const { return semantics == &APFloat::BFloat(); }
};
/// Bytes are in registers of 32 bits: what the type leaves of them is filled by its sign.
const Scalar kInts[] = {{"u8", 8, false, nullptr, 'r'},   {"s8", 8, true, nullptr, 'r'},   {"u16", 16, false, nullptr, 'h'},
                        {"s16", 16, true, nullptr, 'h'},  {"u32", 32, false, nullptr, 'r'}, {"s32", 32, true, nullptr, 'r'},
                        {"u64", 64, false, nullptr, 'd'}, {"s64", 64, true, nullptr, 'd'}};
const Scalar kF16 = {"f16", 16, true, &APFloat::IEEEhalf(), 'h'}, kBf16 = {"bf16", 16, true, &APFloat::BFloat(), 'h'};
const Scalar kF32 = {"f32", 32, true, &APFloat::IEEEsingle(), 'f'}, kF64 = {"f64", 64, true, &APFloat::IEEEdouble(), 'g'};
const Scalar kReals[] = {kF16, kBf16, kF32, kF64};

struct Mode {
  const char *name;
  APFloat::roundingMode mode;
};
const Mode kModes[] = {{"rn", APFloat::rmNearestTiesToEven}, {"rz", APFloat::rmTowardZero},
                       {"rm", APFloat::rmTowardNegative}, {"rp", APFloat::rmTowardPositive}};

using S128 = __int128;
uint64_t lowBits(S128 v, unsigned bits) { return uint64_t(v) & (~0ull >> (64 - bits)); }
S128 number(uint64_t v, const Scalar &t) {
  v = lowBits(v, t.bits);
  return t.isSigned && v >> (t.bits - 1) ? S128(v) - (S128(1) << t.bits) : S128(v);
}
S128 least(const Scalar &t) { return t.isSigned ? -(S128(1) << (t.bits - 1)) : 0; }
S128 greatest(const Scalar &t) { return (S128(1) << (t.bits - t.isSigned)) - 1; }
unsigned registerBits(const Scalar &t) { return t.kind == 'h' ? 16 : t.kind == 'd' || t.kind == 'g' ? 64 : 32; }

/// All values of 8 and 16 bits; of the others edges and random ones, reals of all exponents near the ranges of integers.
const std::vector<Operands> &valuesOf(const Scalar &t) {
  static std::map<std::string, std::vector<Operands>> all;
  std::vector<Operands> &v = all[t.name];
  if (!v.empty())
    return v;
  if (t.bits <= 16)
    for (uint64_t i = 0; i < (1u << t.bits); ++i)
      v.push_back({i | 0xabcdef0000 << (t.bits == 8 ? 0 : 16), 0, 0, 0});
  else if (!t.semantics)
    v = integers(31, 2000);
  std::mt19937_64 rng(32);
  for (int i = 0; t.semantics && t.bits > 16 && i < 6000; ++i) {
    unsigned mantissa = t.bits == 32 ? 23 : 52, top = t.bits == 32 ? 255 : 2047, bias = top / 2;
    uint64_t exponent = i % 4 ? bias - 30 + rng() % 100 : rng() % (top + 1), m = rng() & ((1ull << mantissa) - 1);
    if (i % 3 == 1) // few digits: ties and integers
      m &= ~0ull << (mantissa - rng() % 14);
    if (i % 3 == 2) // next to a tie
      m = (m & ~0ull << (mantissa - rng() % 14)) + rng() % 3 - 1;
    v.push_back({((rng() & 1) << (t.bits - 1)) | exponent << mantissa | (m & ((1ull << mantissa) - 1)), 0, 0, 0});
  }
  if (!t.semantics || t.bits == 16)
    return v;
  const fltSemantics &s = *t.semantics;
  for (bool negative : {false, true})
    for (const APFloat &special : {APFloat::getInf(s, negative), APFloat::getNaN(s, negative), APFloat::getNaN(s, negative, 5), APFloat::getLargest(s, negative),
                                   APFloat::getSmallest(s, negative), APFloat::getSmallestNormalized(s, negative)})
      for (int step : {-1, 0, 1}) // neighbours too
        v.push_back({lowBits(S128(special.bitcastToAPInt().getZExtValue()) + step, t.bits), 0, 0, 0});
  for (const char *text : {"0", "0.5", "1", "1.5", "2.5", "0.49999999", "127.5", "255.5", "32767.5", "65504", "65519.996", "65520", "2147483647.5", "4294967295.5", "1e30", "3.4e38"})
    for (uint64_t sign : {0, 1})
      v.push_back({APFloat(s, text).bitcastToAPInt().getZExtValue() | sign << (t.bits - 1), 0, 0, 0});
  return v;
}

APFloat realOf(uint64_t v, const Scalar &t) { return APFloat(*t.semantics, APInt(t.bits, lowBits(v, t.bits))); }
APFloat flushed(APFloat v) { return v.isDenormal() ? APFloat::getZero(v.getSemantics(), v.isNegative()) : v; }

std::string wordOf(const Scalar &to, const Scalar &from, const std::string &modifiers) {
  return "cvt" + modifiers + "." + to.name + "." + from.name;
}
std::string formOf(const Scalar &to, const Scalar &from) { return std::string(1, to.kind) + "=" + from.kind; }

TEST(Convert, IntegersToIntegers) {
  for (const Scalar &from : kInts)
    for (const Scalar &to : kInts)
      for (bool sat : {false, true}) {
        if (sat && least(to) <= least(from) && greatest(to) >= greatest(from))
          continue;
        expectEach(instruction(wordOf(to, from, sat ? ".sat" : ""), formOf(to, from)), valuesOf(from), [&](const Operands &o) {
          S128 v = number(o[0], from);
          if (sat)
            v = std::clamp(v, least(to), greatest(to));
          return lowBits(number(lowBits(v, to.bits), to), registerBits(to));
        });
      }
}

TEST(Convert, RealsToIntegers) {
  for (const Scalar &from : kReals)
    for (const Scalar &to : kInts)
      for (const Mode &m : kModes)
        for (bool ftz : {false, true})
          for (bool sat : {false, true}) {
            if ((ftz && from.bits != 32) || (from.isBf16() && (sat || to.bits == 8)))
              continue;
            std::string modifiers = std::string(".") + m.name + "i" + (ftz ? ".ftz" : "") + (sat ? ".sat" : "");
            expectEach(instruction(wordOf(to, from, modifiers), formOf(to, from)), valuesOf(from), [&](const Operands &o) {
              APFloat a = realOf(o[0], from);
              if (a.isNaN()) // 0, or the greatest power of two where a type has 64 bits
                return from.bits == 64 || to.bits == 64 ? lowBits(number(1ull << (to.bits - 1), to), registerBits(to)) : 0;
              APSInt v(to.bits, !to.isSigned);
              bool exact;
              (ftz ? flushed(a) : a).convertToInteger(v, m.mode, &exact); // saturates
              return lowBits(number(v.getZExtValue(), to), registerBits(to));
            });
          }
}

APFloat clamped(APFloat v) {
  if (v.isNaN() || v.isNegative())
    return APFloat::getZero(v.getSemantics());
  return v > APFloat(v.getSemantics(), 1) ? APFloat(v.getSemantics(), 1) : v;
}

TEST(Convert, IntegersToReals) {
  for (const Scalar &from : kInts)
    for (const Scalar &to : kReals)
      for (const Mode &m : kModes)
        for (bool ftz : {false, true})
          for (bool sat : {false, true}) {
            if ((ftz && to.bits != 32) || (to.isBf16() && (sat || from.bits == 8)))
              continue;
            std::string modifiers = std::string(".") + m.name + (ftz ? ".ftz" : "") + (sat ? ".sat" : "");
            expectEach(instruction(wordOf(to, from, modifiers), formOf(to, from)), valuesOf(from), [&](const Operands &o) {
              APFloat a(*to.semantics);
              a.convertFromAPInt(APInt(from.bits, lowBits(o[0], from.bits)), from.isSigned, m.mode);
              return (sat ? clamped(a) : a).bitcastToAPInt().getZExtValue();
            });
          }
}

/// The real of the wanted format; NaNs are NaNs, and canonical where `.relu` says so.
struct Change {
  bool integral = false, ftz = false, sat = false, relu = false, satfinite = false;
  APFloat::roundingMode mode = APFloat::rmNearestTiesToEven;
};
APFloat changed(APFloat a, const fltSemantics &to, const Change &c) {
  bool lost;
  if (c.ftz && &a.getSemantics() == &APFloat::IEEEsingle())
    a = flushed(a);
  if (c.integral)
    a.roundToIntegral(c.mode);
  if (c.relu && a.isNegative() && !a.isNaN())
    a = APFloat::getZero(a.getSemantics());
  if (c.satfinite && a.isInfinity())
    a = APFloat::getLargest(a.getSemantics(), a.isNegative());
  if (a.isNaN())
    return c.sat ? APFloat::getZero(to) : APFloat::getNaN(to);
  a.convert(to, c.mode, &lost);
  if (c.satfinite && (a.isInfinity() || a.isNaN()))
    a = APFloat::getLargest(to, a.isNegative());
  if (c.sat)
    a = clamped(a);
  return c.ftz && &to == &APFloat::IEEEsingle() ? flushed(a) : a;
}
bool agrees(uint64_t got, const APFloat &want, unsigned bits, bool canonical) {
  if (!want.isNaN())
    return got == want.bitcastToAPInt().getZExtValue();
  if (canonical)
    return got == (1ull << (bits - 1)) - 1;
  return APFloat(want.getSemantics(), APInt(bits, got)).isNaN();
}

void realToReal(const Scalar &to, const Scalar &from, const std::string &modifiers, const Change &c) {
  std::string body = instruction(wordOf(to, from, modifiers), formOf(to, from));
  const auto &in = valuesOf(from);
  auto got = runOperands(body, in);
  for (size_t i = 0; i < in.size(); ++i)
    if (!agrees(got[i].d, changed(realOf(in[i][0], from), *to.semantics, c), to.bits, c.relu)) {
      ADD_FAILURE() << shown(body, in[i]) << "\ngot " << utohexstr(got[i].d);
      return;
    }
}

TEST(Convert, RealsToReals) {
  for (const Scalar &from : kReals)
    for (const Scalar &to : kReals)
      for (const char *round : {"", "rni", "rzi", "rmi", "rpi", "rn", "rz", "rm", "rp"})
        for (bool ftz : {false, true})
          for (bool sat : {false, true}) {
            bool same = to.semantics == from.semantics, integral = strlen(round) == 3, rounds = strlen(round) == 2;
            bool bf16 = to.isBf16() || from.isBf16(), narrows = to.bits < from.bits || (to.is16() && from.is16() && !same);
            if ((ftz && to.bits != 32 && from.bits != 32) || (sat && bf16) || (integral && !same) || (same && rounds) ||
                (narrows && !rounds) || (!narrows && rounds && !from.isBf16()))
              continue;
            Change c{integral, ftz, sat};
            for (const Mode &m : kModes)
              if (StringRef(round).starts_with(m.name))
                c.mode = m.mode;
            realToReal(to, from, std::string(*round ? "." : "") + round + (ftz ? ".ftz" : "") + (sat ? ".sat" : ""), c);
          }
  for (const Scalar &to : {kF16, kBf16})
    for (const Mode &m : {kModes[0], kModes[1]})
      for (bool relu : {false, true})
        for (bool satfinite : {false, true})
          realToReal(to, kF32, std::string(".") + m.name + (relu ? ".relu" : "") + (satfinite ? ".satfinite" : ""),
                     Change{false, false, false, relu, satfinite, m.mode});
}

/// Two values in the upper and the lower half of the result.
void toPairs(const std::string &body, const std::vector<Operands> &in, const fltSemantics &to, unsigned bits, const Change &c,
             const std::function<APFloat(const Operands &, bool upper)> &source) {
  auto got = runOperands(body, in);
  for (size_t i = 0; i < in.size(); ++i)
    for (bool upper : {false, true})
      if (!agrees(got[i].d >> (upper ? bits : 0) & ((1u << bits) - 1), changed(source(in[i], upper), to, c), bits, c.relu)) {
        ADD_FAILURE() << shown(body, in[i]) << "\ngot " << utohexstr(got[i].d) << (upper ? " above" : " below");
        return;
      }
}
std::vector<Operands> pairsOfFloats() {
  std::vector<Operands> v = valuesOf(kF32);
  for (size_t i = 0; i < v.size(); ++i)
    v[i][1] = valuesOf(kF32)[(i * 11 + 5) % v.size()][0];
  std::mt19937 rng(33);
  for (int i = 0; i < 20000; ++i) // the ranges of 8 bits, dense
    v.push_back({(rng() % 2) << 31 | (105 + rng() % 42) << 23 | (rng() & 0x7c0000) | (rng() % 3 ? 0 : rng() & 0x3ffff),
                 (rng() % 2) << 31 | (105 + rng() % 42) << 23 | (rng() & 0x7c0000), 0, 0});
  return v;
}

TEST(Convert, PairsOfFloats) {
  auto in = pairsOfFloats();
  auto source = [](const Operands &o, bool upper) { return realOf(o[upper ? 0 : 1], kF32); };
  for (bool relu : {false, true}) {
    std::string r = relu ? ".relu" : "";
    for (bool bf : {false, true})
      for (const Mode &m : {kModes[0], kModes[1]})
        for (bool satfinite : {false, true})
          toPairs(instruction(std::string("cvt.") + m.name + r + (satfinite ? ".satfinite" : "") + (bf ? ".bf16x2" : ".f16x2") + ".f32", "r=ff"), in,
                  bf ? APFloat::BFloat() : APFloat::IEEEhalf(), 16, Change{false, false, false, relu, satfinite, m.mode}, source);
    for (bool e5 : {false, true})
      toPairs(instruction("cvt.rn.satfinite" + r + (e5 ? ".e5m2x2" : ".e4m3x2") + ".f32", "h=ff"), in,
              e5 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN(), 8, Change{false, false, false, relu, true}, source);
  }
}

TEST(Convert, PairsOf8BitsAndOfHalves) {
  std::vector<Operands> halves, bytes;
  for (uint64_t i = 0; i < 65536; ++i) {
    halves.push_back({i | (i * 40503 & 0xffff) << 16, 0, 0, 0});
    bytes.push_back({i, 0, 0, 0});
  }
  for (bool e5 : {false, true})
    for (bool relu : {false, true}) {
      const fltSemantics &s = e5 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN();
      std::string name = e5 ? "e5m2x2" : "e4m3x2", r = relu ? ".relu" : "";
      toPairs(instruction("cvt.rn.satfinite" + r + "." + name + ".f16x2", "h=r"), halves, s, 8, Change{false, false, false, relu, true},
              [](const Operands &o, bool upper) { return realOf(o[0] >> (upper ? 16 : 0), kF16); });
      toPairs(instruction("cvt.rn" + r + ".f16x2." + name, "r=h"), bytes, APFloat::IEEEhalf(), 16, Change{false, false, false, relu},
              [&](const Operands &o, bool upper) { return APFloat(s, APInt(8, o[0] >> (upper ? 8 : 0) & 255)); });
    }
}

/// .tf32 is the upper 19 bits of an .f32.
TEST(Convert, Tf32) {
  for (const char *round : {"rn", "rz", "rna"})
    for (bool relu : {false, true})
      for (bool satfinite : {false, true}) {
        bool away = strlen(round) == 3;
        if ((relu && away) || (satfinite && !away))
          continue;
        std::string body = instruction(std::string("cvt.") + round + (relu ? ".relu" : "") + (satfinite ? ".satfinite" : "") + ".tf32.f32", "r=f");
        auto in = pairsOfFloats();
        for (Operands &o : in)
          if (o[0] % 3 == 0) // ties
            o[0] = (o[0] & 0xffffe000) | 0x1000;
        auto got = runOperands(body, in);
        for (size_t i = 0; i < in.size(); ++i) {
          uint32_t a = uint32_t(in[i][0]), magnitude = a & 0x7fffffff;
          if (magnitude > 0x7f800000) {
            ASSERT_TRUE(relu ? got[i].d == 0x7fffffff : (got[i].d & 0x7fffffff) > 0x7f800000) << shown(body, in[i]);
            continue;
          }
          uint32_t up = away ? 0x1000 : round[1] == 'z' ? 0 : 0xfff + (magnitude >> 13 & 1), want = (magnitude + up) & 0xffffe000;
          if (satfinite)
            want = std::min(want, 0x7f7fe000u);
          want = relu && a >> 31 ? 0 : want | (a & 0x80000000);
          ASSERT_EQ(got[i].d, want) << shown(body, in[i]);
        }
      }
}

TEST(Convert, PackedIntegers) {
  for (unsigned bits : {16, 8, 4, 2})
    for (bool isSigned : {false, true}) {
      Scalar t = {"", bits, isSigned, nullptr, 'r'};
      std::string word = std::string("cvt.pack.sat.") + (isSigned ? "s" : "u") + std::to_string(bits) + (bits == 16 ? ".s32" : ".s32.b32");
      expectEach(instruction(word, bits == 16 ? "r=rr" : "r=rrr"), integers(), [&](const Operands &o) {
        auto part = [&](unsigned k) { return lowBits(std::clamp<S128>(int32_t(o[k]), least(t), greatest(t)), bits); };
        return lowBits((bits == 16 ? 0 : S128(uint32_t(o[2])) << (2 * bits)) | part(0) << bits | part(1), 32);
      });
    }
}

TEST(Convert, RegistersOf8BitsAndWiderOnes) {
  auto in = integers();
  expectEach("{ .reg .b8 %x<2>; mov.b16 {%x0, %x1}, %rs10; cvt.u32.u8 %r50, %x1; cvt.s32.s8 %r51, %x0; cvt.u8.u32 %x1, %r11; cvt.u32.u8 %r52, %x1; }\n"
             "shl.b32 %r50, %r50, 8; and.b32 %r51, %r51, 0xffff; shl.b32 %r51, %r51, 16; or.b32 %r50, %r50, %r51; or.b32 %r50, %r50, %r52; cvt.u64.u32 %rd50, %r50;",
             in, [](const Operands &o) {
               return uint64_t((o[0] >> 8 & 255) << 8 | uint64_t(uint16_t(int16_t(int8_t(o[0])))) << 16 | (o[1] & 255));
             });
  expectEach("cvt.s16.s8 %r50, %r10; cvt.u64.u32 %rd50, %r50;", in, [](const Operands &o) { return uint64_t(uint32_t(int32_t(int8_t(o[0])))); });
  expectEach("cvt.rn.f16.f32 %r50, %f10; cvt.f32.f16 %f50, %r50; mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;", pairsOfFloats(), [](const Operands &o) {
    APFloat a = realOf(o[0], kF32);
    bool lost;
    a.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &lost);
    a.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
    return a.isNaN() ? 0x7fffffff : a.bitcastToAPInt().getZExtValue();
  });
}

} // namespace
