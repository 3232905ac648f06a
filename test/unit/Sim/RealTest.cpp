//===- RealTest.cpp - Floating-point arithmetic and comparison ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// PTX ISA 9.7.3, 9.7.4, 9.7.7 and the real forms of 9.7.6. What is rounded is compared with
/// APFloat (square roots with integers), what is approximate with long double and the bound of the
/// manual.
///
//===----------------------------------------------------------------------===//

#include "OperandTest.h"

using namespace llvm;
using namespace tk::sim;
using namespace tk::sim::test;

namespace {

struct Format {
  const char *name;
  const fltSemantics *semantics;
  unsigned bits, digits; ///< `digits`: of the mantissa, the hidden one included.
  char kind;
  bool packed = false;
};
const Format kF32 = {"f32", &APFloat::IEEEsingle(), 32, 24, 'f'},
             kF64 = {"f64", &APFloat::IEEEdouble(), 64, 53, 'g'};
const Format kF16 = {"f16", &APFloat::IEEEhalf(), 16, 11, 'h'},
             kBf16 = {"bf16", &APFloat::BFloat(), 16, 8, 'h'};
const Format kF16x2 = {"f16x2", &APFloat::IEEEhalf(), 16, 11, 'r', true},
             kBf16x2 = {"bf16x2", &APFloat::BFloat(), 16, 8, 'r', true};
const Format *const kHalves[] = {&kF16, &kF16x2, &kBf16, &kBf16x2};

struct Mode {
  const char *name;
  APFloat::roundingMode mode;
};
const Mode kModes[] = {{".rn", APFloat::rmNearestTiesToEven},
                       {".rz", APFloat::rmTowardZero},
                       {".rm", APFloat::rmTowardNegative},
                       {".rp", APFloat::rmTowardPositive}};
const Mode kDefault = {"", APFloat::rmNearestTiesToEven};

APFloat real(uint64_t v, const Format &f) {
  return APFloat(*f.semantics, APInt(f.bits, v & (~0ull >> (64 - f.bits))));
}
uint64_t bitsOf(const APFloat &v) { return v.bitcastToAPInt().getZExtValue(); }
APFloat flush(APFloat v) {
  return v.isDenormal() ? APFloat::getZero(v.getSemantics(), v.isNegative()) : v;
}
/// Of a NaN the sign and the payload are nobody's business but where the manual says "canonical".
uint64_t canonical(const Format &f) {
  return f.bits == 64 ? 0x7ff8000000000000 : (1ull << (f.bits - 1)) - 1;
}

std::vector<uint64_t> edgesOf(const Format &f) {
  auto at = [&](const APFloat &v) { return bitsOf(v); };
  const fltSemantics &s = *f.semantics;
  std::vector<uint64_t> v;
  for (bool negative : {false, true}) {
    uint64_t sign = uint64_t(negative) << (f.bits - 1), one = at(APFloat(s, 1)),
             smallest = at(APFloat::getSmallestNormalized(s));
    uint64_t largest = at(APFloat::getLargest(s)), inf = at(APFloat::getInf(s));
    for (uint64_t m : {uint64_t(0),
                       uint64_t(1),
                       uint64_t(2),
                       uint64_t(3),
                       smallest - 1,
                       smallest,
                       smallest + 1,
                       smallest / 2,
                       one - 1,
                       one,
                       one + 1,
                       at(APFloat(s, 2)),
                       at(APFloat(s, 3)),
                       at(APFloat(s, "0.5")),
                       at(APFloat(s, "0.75")),
                       at(APFloat(s, "1.5")),
                       largest - 1,
                       largest,
                       inf,
                       inf + 1,
                       canonical(f)})
      v.push_back(sign | m);
  }
  return v;
}
/// Edges crossed, random bits, and pairs of neighbouring exponents, where sums cancel. A packed
/// operand has two.
std::vector<Operands> reals(const Format &f, unsigned seed = 4711, unsigned random = 8000) {
  unsigned exponent = f.digits - 1;
  uint64_t all = ~0ull >> (64 - f.bits);
  auto v = crossed(edgesOf(f), 0, seed, nullptr);
  std::mt19937_64 rng(seed);
  for (unsigned i = 0; i < random; ++i) {
    uint64_t a = rng() & all, b = rng() & all, c = rng() & all;
    if (i % 3 == 1) // near each other
      b = ((a ^ (rng() % 2 << (f.bits - 1))) + ((rng() % 5 - 2) << exponent) + rng() % 8) & all;
    if (i % 3 == 2) // few digits: sums and products are ties more often
      a &= ~0ull << (exponent / 2), b &= ~0ull << (exponent / 2);
    if (i % 2) // c near the product
      c = (a + b - bitsOf(APFloat(*f.semantics, 1)) + (rng() % 5) * (1ull << exponent)) & all;
    v.push_back({a, b, c, rng()});
  }
  if (f.packed)
    for (size_t i = 0; i < v.size(); ++i)
      for (unsigned k = 0; k < 3; ++k)
        v[i][k] |= (v[(i * 7 + 3) % v.size()][k] & all) << 16;
  return v;
}

using Formula = std::function<APFloat(APFloat a, APFloat b, APFloat c)>;
enum class Nan { Any, Canonical };

/// One real of each operand: that of bits `at` and up.
uint64_t formulaOf(const Operands &o, unsigned at, const Format &f, const Formula &g) {
  return bitsOf(g(real(o[0] >> at, f), real(o[1] >> at, f), real(o[2] >> at, f)));
}

/// `word` of `sources` operands; with several formats of 16 bits each half by itself.
void expectReals(const std::string &word, unsigned sources, const Format &f, const Formula &g,
                 Nan nan = Nan::Any, const std::vector<Operands> *operands = nullptr) {
  std::string body = instruction(word, std::string(1, f.kind) + "=" + std::string(sources, f.kind));
  auto in = operands ? *operands : reals(f);
  auto got = runOperands(body, in);
  for (size_t i = 0; i < in.size(); ++i)
    for (unsigned at = 0; at < (f.packed ? 32u : f.bits); at += f.bits) {
      uint64_t want = formulaOf(in[i], at, f, g),
               have = (got[i].d >> at) & (~0ull >> (64 - f.bits));
      bool isNan = real(want, f).isNaN();
      if (isNan ? (nan == Nan::Any ? real(have, f).isNaN() : have == canonical(f)) : have == want)
        continue;
      ADD_FAILURE() << shown(body, in[i]) << "\ngot " << utohexstr(have) << ", expected "
                    << utohexstr(want) << " at bit " << at;
      return;
    }
}

/// The formula with its modifiers: flushing before and after, then the clamp.
Formula modified(const Formula &g, bool ftz, bool sat = false, bool relu = false) {
  return [=](APFloat a, APFloat b, APFloat c) {
    if (ftz)
      a = flush(a), b = flush(b), c = flush(c);
    APFloat r = g(a, b, c);
    if (ftz)
      r = flush(r);
    APFloat zero = APFloat::getZero(r.getSemantics()), one(r.getSemantics(), 1);
    if (sat)
      return r.isNaN() || r.isNegative() ? zero : r > one ? one : r;
    return relu && !r.isNaN() && r.isNegative() ? zero : r;
  };
}

Formula sum(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat b, APFloat) {
    a.add(b, m);
    return a;
  };
}
Formula difference(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat b, APFloat) {
    a.subtract(b, m);
    return a;
  };
}
Formula product(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat b, APFloat) {
    a.multiply(b, m);
    return a;
  };
}
Formula fused(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat b, APFloat c) {
    a.fusedMultiplyAdd(b, c, m);
    return a;
  };
}
Formula quotient(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat b, APFloat) {
    a.divide(b, m);
    return a;
  };
}
Formula reciprocal(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat, APFloat) {
    APFloat one(a.getSemantics(), 1);
    one.divide(a, m);
    return one;
  };
}
/// The root of an integer that ends in a digit for "and more", rounded by APFloat.
Formula root(APFloat::roundingMode m) {
  return [=](APFloat a, APFloat, APFloat) {
    if (a.isNaN() || a.isZero() || (a.isInfinity() && !a.isNegative()))
      return a;
    if (a.isNegative())
      return APFloat::getNaN(a.getSemantics());
    int exponent = ilogb(a);
    APFloat mantissa = scalbn(a, -exponent + 60 + (exponent & 1),
                              APFloat::rmTowardZero); // 2^60 to 2^62: too large for
    (void)mantissa;                                   // .f16, which has no sqrt
    APSInt whole(192, true);
    bool exact;
    mantissa.convertToInteger(whole, APFloat::rmTowardZero, &exact);
    APInt scaled = whole.shl(72), r = scaled.sqrt(); // APInt::sqrt rounds to nearest
    while (r * r != scaled && (r * r).ugt(scaled))
      r -= 1;
    APInt sticky = r.shl(1);
    if (r * r != scaled)
      sticky |= 1;
    APFloat v(a.getSemantics());
    v.convertFromAPInt(sticky, false, m);
    return scalbn(v, (exponent - (exponent & 1)) / 2 - 30 - 36 - 1, m);
  };
}

struct Operation {
  const char *name;
  unsigned sources;
  Formula (*make)(APFloat::roundingMode);
  bool hasDefault, saturates;
};

TEST(Real, RoundedOperations) {
  const Operation ops[] = {{"add", 2, sum, true, true},          {"sub", 2, difference, true, true},
                           {"mul", 2, product, true, true},      {"fma", 3, fused, false, true},
                           {"mad", 3, fused, false, true},       {"div", 2, quotient, false, false},
                           {"rcp", 1, reciprocal, false, false}, {"sqrt", 1, root, false, false}};
  for (const Operation &op : ops) {
    std::vector<Mode> modes(std::begin(kModes), std::end(kModes));
    if (op.hasDefault)
      modes.push_back(kDefault);
    for (const Mode &m : modes) {
      for (bool ftz : {false, true})
        for (bool sat : {false, true})
          if (!sat || op.saturates)
            expectReals(std::string(op.name) + m.name + (ftz ? ".ftz" : "") + (sat ? ".sat" : "") +
                            ".f32",
                        op.sources, kF32, modified(op.make(m.mode), ftz, sat));
      expectReals(std::string(op.name) + m.name + ".f64", op.sources, kF64, op.make(m.mode));
    }
  }
}

TEST(Real, SignsAndMagnitudes) {
  for (bool ftz : {false, true}) {
    std::string f = ftz ? ".ftz" : "";
    expectReals("abs" + f + ".f32", 1, kF32,
                modified([](APFloat a, APFloat, APFloat) { return abs(a); }, ftz));
    expectReals("neg" + f + ".f32", 1, kF32,
                modified([](APFloat a, APFloat, APFloat) { return neg(a); }, ftz));
  }
  // .f64 passes NaNs through.
  expectEach(instruction("abs.f64", "g=g"), reals(kF64),
             [](const Operands &o) { return o[0] & ~(1ull << 63); });
  expectEach(instruction("neg.f64", "g=g"), reals(kF64),
             [](const Operands &o) { return o[0] ^ 1ull << 63; });
  expectEach(instruction("copysign.f32", "f=ff"), reals(kF32),
             [](const Operands &o) { return (o[1] & 0x7fffffff) | (o[0] & 0x80000000); });
  expectEach(instruction("copysign.f64", "g=gg"), reals(kF64),
             [](const Operands &o) { return (o[1] & ~(1ull << 63)) | (o[0] & 1ull << 63); });
  std::string immediate =
      "add.f32 %f50, %f10, 0f3F800000; mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;";
  auto got = runOperands(immediate, reals(kF32));
  auto in = reals(kF32);
  for (size_t i = 0; i < in.size(); ++i) {
    APFloat a = real(in[i][0], kF32);
    a.add(APFloat(1.0f), APFloat::rmNearestTiesToEven);
    ASSERT_TRUE(a.isNaN() ? real(got[i].d, kF32).isNaN() : got[i].d == bitsOf(a))
        << shown(immediate, in[i]);
  }
}

/// min and max: NaNs lose unless .NaN, -0 is below +0, .xorsign.abs takes magnitudes.
void minMax(const Format &f, bool hasFtz, bool hasModifiers) {
  for (bool isMax : {false, true})
    for (bool ftz : {false, true})
      for (bool nan : {false, true})
        for (bool xorsign : {false, true}) {
          if ((ftz && !hasFtz) || ((nan || xorsign) && !hasModifiers))
            continue;
          std::string word = std::string(isMax ? "max" : "min") + (ftz ? ".ftz" : "") +
                             (nan ? ".NaN" : "") + (xorsign ? ".xorsign.abs" : "") + "." + f.name;
          expectReals(
              word, 2, f,
              [=](APFloat a, APFloat b, APFloat) {
                if (ftz)
                  a = flush(a), b = flush(b);
                bool sign = a.isNegative() != b.isNegative();
                if (xorsign)
                  a = abs(a), b = abs(b);
                APFloat r = a;
                if (a.isNaN() || b.isNaN())
                  r = a.isNaN() && (nan || b.isNaN()) ? a
                      : b.isNaN() && nan              ? b
                      : a.isNaN()                     ? b
                                                      : a;
                else if (a.isZero() && b.isZero())
                  r = a.isNegative() == isMax ? b : a;
                else
                  r = (a < b) == isMax ? b : a;
                return xorsign && !r.isNaN() && r.isNegative() != sign ? neg(r) : r;
              },
              nan ? Nan::Canonical : Nan::Any);
        }
}
TEST(Real, MinimaAndMaxima) {
  minMax(kF32, true, true);
  minMax(kF64, false, false);
}
TEST(Half, MinimaAndMaxima) {
  for (const Format *f : kHalves)
    minMax(*f, f->semantics == &APFloat::IEEEhalf(), true);
}

TEST(Half, RoundedOperations) {
  const Operation ops[] = {{"add", 2, sum, true, true},
                           {"sub", 2, difference, true, true},
                           {"mul", 2, product, true, true}};
  auto rn = APFloat::rmNearestTiesToEven;
  for (const Format *f : kHalves) {
    bool isF16 = f->semantics == &APFloat::IEEEhalf();
    for (bool ftz : {false, true})
      for (bool sat : {false, true}) {
        if (!isF16 && (ftz || sat))
          continue;
        std::string tail = std::string(ftz ? ".ftz" : "") + (sat ? ".sat" : "") + "." + f->name;
        for (const Operation &op : ops)
          for (const char *round : {"", ".rn"})
            expectReals(op.name + std::string(round) + tail, 2, *f,
                        modified(op.make(rn), ftz, sat));
        expectReals("fma.rn" + tail, 3, *f, modified(fused(rn), ftz, sat));
        if (!sat)
          expectReals("fma.rn" + std::string(ftz ? ".ftz" : "") + ".relu." + f->name, 3, *f,
                      modified(fused(rn), ftz, false, true), Nan::Canonical);
      }
  }
}

/// All 65536, in both halves of a pair.
std::vector<Operands> everyHalf(bool packed) {
  std::vector<Operands> v(65536);
  for (uint64_t i = 0; i < 65536; ++i)
    v[i] = {packed ? i | (i * 40503 & 0xffff) << 16 : i, 0, 0, 0};
  return v;
}

TEST(Half, SignsAndMagnitudes) {
  for (const Format *f : kHalves)
    for (bool ftz : {false, true}) {
      if (ftz && f->semantics != &APFloat::IEEEhalf())
        continue;
      auto in = everyHalf(f->packed);
      std::string t = std::string(ftz ? ".ftz." : ".") + f->name;
      expectReals("abs" + t, 1, *f,
                  modified([](APFloat a, APFloat, APFloat) { return abs(a); }, ftz), Nan::Any, &in);
      expectReals("neg" + t, 1, *f,
                  modified([](APFloat a, APFloat, APFloat) { return neg(a); }, ftz), Nan::Any, &in);
    }
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

struct Comparison {
  const char *name;
  bool less, equal, greater, unordered;
};
const Comparison kComparisons[] = {
    {"eq", false, true, false, false}, {"ne", true, false, true, false},
    {"lt", true, false, false, false}, {"le", true, true, false, false},
    {"gt", false, false, true, false}, {"ge", false, true, true, false},
    {"equ", false, true, false, true}, {"neu", true, false, true, true},
    {"ltu", true, false, false, true}, {"leu", true, true, false, true},
    {"gtu", false, false, true, true}, {"geu", false, true, true, true},
    {"num", true, true, true, false},  {"nan", false, false, false, true}};

bool holds(const Comparison &c, const Operands &o, unsigned at, const Format &f, bool ftz) {
  APFloat a = real(o[0] >> at, f), b = real(o[1] >> at, f);
  if (ftz)
    a = flush(a), b = flush(b);
  switch (a.compare(b)) {
  case APFloat::cmpLessThan:
    return c.less;
  case APFloat::cmpEqual:
    return c.equal;
  case APFloat::cmpGreaterThan:
    return c.greater;
  default:
    return c.unordered;
  }
}
bool combined(const char *op, bool t, bool c) {
  return op[0] == 'a' ? t && c : op[0] == 'o' ? t || c : op[0] == 'x' ? t != c : t;
}

/// setp and set of one format; `to`: the types of set.
void comparisons(const Format &f, bool hasFtz, std::initializer_list<const char *> to) {
  auto in = reals(f, 4712, 500);
  std::string two(2, f.kind);
  for (const Comparison &c : kComparisons)
    for (bool ftz : {false, true})
      for (const char *combine : {"", "and", "or", "xor"})
        for (bool negated : {false, true}) {
          if ((ftz && !hasFtz) || (negated && !*combine))
            continue;
          // Combinations are the same code for all comparisons: try them with two.
          if (*combine && std::string(c.name) != "lt" && std::string(c.name) != "gtu")
            continue;
          std::string word = std::string(c.name) + (*combine ? "." : "") + combine +
                             (ftz ? ".ftz" : ""),
                      tail = !*combine ? ""
                             : negated ? ", !%p12"
                                       : ", %p12";
          auto is = [&](const Operands &o, unsigned at, bool complement = false) {
            return combined(combine, holds(c, o, at, f, ftz) != complement,
                            bool(o[2] & 1) != negated);
          };
          bool halves = f.bits == 16 && !f.packed;
          expectPredicates(
              instruction("setp." + word + "." + f.name, (halves ? "p=" : "q=") + two, tail), in,
              [&](const Operands &o) {
                return uint64_t(is(o, 0)) |
                       (halves ? 0 : uint64_t(f.packed ? is(o, 16) : is(o, 0, true)) << 1);
              });
          for (const char *type : to) {
            std::string t = type;
            if (ftz && t == "bf16")
              continue;
            bool isHalf = t.ends_with("16"), isReal = t.find('f') != std::string::npos;
            uint64_t one = t.starts_with("bf")    ? 0x3f80
                           : t.starts_with("f16") ? 0x3c00
                           : isReal               ? 0x3f800000
                           : isHalf || f.packed   ? 0xffff
                                                  : 0xffffffff;
            char kind = t == "f32" ? 'f' : isHalf ? 'h' : 'r';
            expectEach(instruction("set." + word + "." + t + "." + f.name,
                                   std::string(1, kind) + "=" + two, tail),
                       in, [&](const Operands &o) {
                         return (is(o, 0) ? one : 0) | (f.packed && is(o, 16) ? one << 16 : 0);
                       });
          }
        }
}
TEST(Real, Comparisons) {
  comparisons(kF32, true, {"u32", "s32", "f32", "f16", "bf16"});
  comparisons(kF64, false, {"u32", "s32", "f32", "f16", "bf16"});
}
TEST(Half, Comparisons) {
  comparisons(kF16, true, {"f16", "bf16", "u16", "s16", "u32", "s32"});
  comparisons(kBf16, false, {"bf16", "u16", "s16", "u32", "s32"});
  comparisons(kF16x2, true, {"f16x2", "u32", "s32"});
  comparisons(kBf16x2, false, {"bf16x2", "u32", "s32"});
}

TEST(Real, Properties) {
  struct {
    const char *name;
    bool (*is)(const APFloat &);
  } properties[] = {
      {"finite", [](const APFloat &v) { return v.isFinite(); }},
      {"infinite", [](const APFloat &v) { return v.isInfinity(); }},
      {"number", [](const APFloat &v) { return !v.isNaN(); }},
      {"notanumber", [](const APFloat &v) { return v.isNaN(); }},
      {"normal",
       [](const APFloat &v) { return v.isNormal() || v.isZero(); }}, // zeros count as normal
      {"subnormal", [](const APFloat &v) { return v.isDenormal(); }}};
  for (const Format *f : {&kF32, &kF64})
    for (auto &p : properties)
      expectPredicates(
          instruction(std::string("testp.") + p.name + "." + f->name, std::string("p=") + f->kind),
          reals(*f), [&](const Operands &o) { return uint64_t(p.is(real(o[0], *f))); });
}

//===----------------------------------------------------------------------===//
// Approximations
//===----------------------------------------------------------------------===//

using Exact = long double (*)(long double a, long double b);
using Bound =
    std::function<long double(long double exact, const Format &f, long double a, long double b)>;

long double ulp(long double v, const Format &f) {
  int least = APFloat::semanticsMinExponent(*f.semantics);
  return std::ldexp(1.0L, std::max(v == 0 ? least : int(std::ilogb(v)), least) - int(f.digits) + 1);
}
Bound ulps(long double n) {
  return [=](long double r, const Format &f, long double, long double) { return n * ulp(r, f); };
}
Bound relative(long double e) {
  return [=](long double r, const Format &f, long double, long double) {
    return std::fabs(r) * e + ulp(0, f);
  };
}
Bound absolute(long double e) {
  return [=](long double, const Format &, long double, long double) { return e; };
}

long double wide(const APFloat &v) {
  if (v.isNaN() || v.isInfinity())
    return v.isNaN() ? NAN : v.isNegative() ? -INFINITY : INFINITY;
  return (long double)v.convertToDouble(); // exact: no format here is wider
}

/// Within the bound where the exact result is finite and in range, else a NaN, an infinity or zero
/// as it is.
void expectNear(const std::string &word, unsigned sources, const Format &f, bool ftz, Exact exact,
                const Bound &bound, const std::vector<Operands> &in) {
  std::string body = instruction(word, std::string(1, f.kind) + "=" + std::string(sources, f.kind));
  auto got = runOperands(body, in);
  long double largest = wide(APFloat::getLargest(*f.semantics)),
              smallest = wide(APFloat::getSmallestNormalized(*f.semantics));
  for (size_t i = 0; i < in.size(); ++i)
    for (unsigned at = 0; at < (f.packed ? 32u : f.bits); at += f.bits) {
      APFloat x = real(in[i][0] >> at, f), y = real(in[i][1] >> at, f),
              have = real(got[i].d >> at, f);
      if (ftz)
        x = flush(x), y = flush(y);
      long double a = wide(x), b = wide(y), r = exact(a, b), h = wide(have);
      long double allowed = bound(r, f, a, b);
      bool good;
      if (std::isnan(allowed)) // nothing is said here
        continue;
      if (std::isnan(r) || std::isinf(r))
        good = std::isnan(r) ? have.isNaN() : h == r;
      else if (r == 0)
        good = h == 0 && (exact == nullptr || std::signbit(r) == have.isNegative());
      else if (std::fabs(r) > largest)
        good = std::isinf(h) || std::fabs(h) == largest;
      else
        good = std::fabs(h - r) <= allowed || (ftz && std::fabs(r) < smallest * (1 + 1e-6L) &&
                                               h == 0 && have.isNegative() == std::signbit(r));
      if (ftz && have.isDenormal())
        good = false;
      if (good)
        continue;
      ADD_FAILURE() << shown(body, in[i]) << "\ngot " << double(h) << " (" << utohexstr(got[i].d)
                    << "), exactly " << double(r);
      return;
    }
}

TEST(Real, Approximations) {
  auto in = reals(kF32, 4713, 20000);
  std::mt19937_64 rng(99); // and where the functions are not constant
  for (int i = 0; i < 20000; ++i) {
    float a = float(std::ldexp(double(int64_t(rng())), -63 + int(rng() % 12))),
          b = float(std::ldexp(double(int64_t(rng())), -60));
    in.push_back({std::bit_cast<uint32_t>(a), std::bit_cast<uint32_t>(b), 0, 0});
  }
  const long double pi = 3.14159265358979323846L;
  Bound circle = [=](long double, const Format &, long double a, long double) {
    return std::fabs(a) <= 2 * pi           ? std::exp2(-20.5L)
           : std::fabs(a) <= 100 * pi       ? std::exp2(-14.7L)
           : std::isinf(a) || std::isnan(a) ? 0
                                            : NAN;
  };
  Bound logarithm = [](long double r, const Format &f, long double a, long double) {
    return a > 0.5L && a < 2 ? std::exp2(-22.0L) : std::fabs(r) * std::exp2(-22.0L) + ulp(0, f);
  };
  auto divides = [](bool approx) -> Bound {
    return [=](long double r, const Format &f, long double, long double b) {
      long double m = std::fabs(b);
      if (!approx || m == 0 || std::isinf(b) || std::isnan(b))
        return 2 * ulp(r, f);
      // Beyond 2^126 see below; subnormal divisors have no bound.
      return m >= std::exp2(-126.0L) && m <= std::exp2(126.0L) ? 2 * ulp(r, f) : NAN;
    };
  };
  for (bool ftz : {false, true}) {
    std::string f = ftz ? ".ftz.f32" : ".f32";
    expectNear(
        "ex2.approx" + f, 1, kF32, ftz, [](long double a, long double) { return std::exp2(a); },
        ulps(2.5L), in);
    expectNear(
        "lg2.approx" + f, 1, kF32, ftz, [](long double a, long double) { return std::log2(a); },
        logarithm, in);
    expectNear(
        "sin.approx" + f, 1, kF32, ftz, [](long double a, long double) { return std::sin(a); },
        circle, in);
    expectNear(
        "cos.approx" + f, 1, kF32, ftz, [](long double a, long double) { return std::cos(a); },
        circle, in);
    expectNear(
        "rcp.approx" + f, 1, kF32, ftz, [](long double a, long double) { return 1 / a; }, ulps(1),
        in);
    expectNear(
        "sqrt.approx" + f, 1, kF32, ftz, [](long double a, long double) { return std::sqrt(a); },
        relative(std::exp2(-23.0L)), in);
    expectNear(
        "rsqrt.approx" + f, 1, kF32, ftz,
        [](long double a, long double) { return 1 / std::sqrt(a); }, relative(std::exp2(-22.9L)),
        in);
    expectNear(
        "div.full" + f, 2, kF32, ftz, [](long double a, long double b) { return a / b; },
        divides(false), in);
    expectNear(
        "div.approx" + f, 2, kF32, ftz, [](long double a, long double b) { return a / b; },
        divides(true), in);
  }
  for (const char *name : {"ex2", "lg2", "sin", "cos"}) { // as CUDA's headers write it
    auto one = runOperands(instruction(std::string(name) + ".approx.ftz.f32", "f=f"), in);
    auto other = runOperands(instruction(std::string(name) + ".approx.f32.ftz", "f=f"), in);
    for (size_t i = 0; i < in.size(); ++i)
      ASSERT_EQ(one[i].d, other[i].d) << name << " of " << in[i][0];
  }
  expectNear(
      "tanh.approx.f32", 1, kF32, false, [](long double a, long double) { return std::tanh(a); },
      relative(std::exp2(-11.0L)), in);
}

/// Divisors from 2^126 on: zero, or NaN of infinities.
TEST(Real, ApproximateQuotientsByLargeDivisors) {
  auto in = reals(kF32);
  llvm::erase_if(in, [](const Operands &o) {
    uint32_t b = o[1] & 0x7fffffff;
    return b <= 0x7e800000 || b >= 0x7f800000;
  });
  ASSERT_GT(in.size(), 100u);
  for (const char *word : {"div.approx.f32", "div.approx.ftz.f32"}) {
    auto got = runOperands(instruction(word, "f=ff"), in);
    for (size_t i = 0; i < in.size(); ++i) {
      APFloat a = real(in[i][0], kF32);
      if (a.isNaN() || a.isInfinity())
        ASSERT_TRUE(real(got[i].d, kF32).isNaN()) << shown(word, in[i]);
      else
        ASSERT_EQ(got[i].d, (in[i][0] ^ in[i][1]) & 0x80000000) << shown(word, in[i]);
    }
  }
}

/// Of .f64 the lower word of operand and result is nothing, and subnormals are zeros. No manual
/// gives a bound.
TEST(Real, ApproximationsOfDoubles) {
  auto in = reals(kF64);
  for (bool rsqrt : {false, true}) {
    std::string body = instruction(rsqrt ? "rsqrt.approx.ftz.f64" : "rcp.approx.ftz.f64", "g=g");
    auto got = runOperands(body, in);
    for (size_t i = 0; i < in.size(); ++i) {
      uint64_t upper = in[i][0] >> 32 << 32;
      APFloat a = flush(real(upper, kF64)), have = real(got[i].d, kF64);
      ASSERT_EQ(uint32_t(got[i].d), 0u);
      if (a.isNaN() || (rsqrt && a.isNegative() && !a.isZero()))
        ASSERT_EQ(got[i].d, 0x7fffffff00000000) << shown(body, in[i]);
      else if (a.isZero())
        ASSERT_EQ(got[i].d, bitsOf(APFloat::getInf(APFloat::IEEEdouble(), a.isNegative())))
            << shown(body, in[i]);
      else if (a.isInfinity())
        ASSERT_EQ(got[i].d, bitsOf(APFloat::getZero(APFloat::IEEEdouble(), a.isNegative())))
            << shown(body, in[i]);
      else {
        long double r = rsqrt ? 1 / std::sqrt(wide(a)) : 1 / wide(a), h = wide(have);
        bool tiny = std::fabs(r) < std::exp2(-1021.9L) && have.isZero() &&
                    have.isNegative() == a.isNegative();
        ASSERT_TRUE(tiny || std::fabs(h - r) <= std::fabs(r) * std::exp2(-20.0L))
            << shown(body, in[i]);
      }
    }
  }
  expectNear(
      "rsqrt.approx.f64", 1, kF64, false,
      [](long double a, long double) { return 1 / std::sqrt(a); }, relative(std::exp2(-50.0L)), in);
}

TEST(Half, Approximations) {
  for (const Format *f : kHalves) {
    bool isF16 = f->semantics == &APFloat::IEEEhalf();
    auto in = everyHalf(f->packed);
    expectNear(
        std::string("tanh.approx.") + f->name, 1, *f, false,
        [](long double a, long double) { return std::tanh(a); },
        absolute(std::exp2(isF16 ? -10.987L : -8.0L)), in);
    expectNear(
        std::string(isF16 ? "ex2.approx." : "ex2.approx.ftz.") + f->name, 1, *f, !isF16,
        [](long double a, long double) { return std::exp2(a); },
        relative(std::exp2(isF16 ? -9.9L : -7.0L)), in);
  }
}

} // namespace
