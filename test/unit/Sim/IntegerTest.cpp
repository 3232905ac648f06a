//===- IntegerTest.cpp - Integer arithmetic, comparison, logic ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each form of PTX ISA 9.7.1, 9.7.2 and 9.7.8, and the integer ones of 9.7.6, against arithmetic
/// of 128 bits.
///
//===----------------------------------------------------------------------===//

#include "OperandTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using S128 = __int128;
using U128 = unsigned __int128;

struct Type {
  const char *name;
  unsigned bits;
  bool isSigned;
  char kind;
};
const Type kTypes[] = {{"u16", 16, false, 'h'}, {"s16", 16, true, 'h'},  {"u32", 32, false, 'r'},
                       {"s32", 32, true, 'r'},  {"u64", 64, false, 'd'}, {"s64", 64, true, 'd'}};
const Type kBits[] = {{"b16", 16, false, 'h'}, {"b32", 32, false, 'r'}, {"b64", 64, false, 'd'}};

uint64_t low(S128 v, unsigned bits) { return uint64_t(v) & (~0ull >> (64 - bits)); }
/// The number that the operand is.
S128 number(uint64_t v, const Type &t) {
  v = low(v, t.bits);
  return t.isSigned && v >> (t.bits - 1) ? S128(v) - (S128(1) << t.bits) : S128(v);
}
S128 clampTo(S128 v, unsigned bits) {
  S128 hi = (S128(1) << (bits - 1)) - 1;
  return v > hi ? hi : v < -hi - 1 ? -hi - 1 : v;
}
/// Bits from `from` on of a product.
S128 productFrom(S128 a, S128 b, const Type &t, unsigned from) {
  return t.isSigned ? (a * b) >> from : S128((U128(a) * U128(b)) >> from);
}

using Formula = std::function<S128(S128 a, S128 b, S128 c, const Type &t)>;

/// The word with each type of the list, `sources` operands of it.
void forTypes(const std::string &word, unsigned sources, std::initializer_list<const char *> names,
              const Formula &f, bool divides = false) {
  for (const Type &t : kTypes) {
    if (std::find(names.begin(), names.end(), std::string(t.name)) == names.end())
      continue;
    auto in = integers();
    if (divides) // by zero the result is unspecified
      llvm::erase_if(in, [&](const Operands &o) { return !low(o[1], t.bits); });
    std::string form = std::string(1, t.kind) + "=" + std::string(sources, t.kind);
    expectEach(instruction(word + "." + t.name, form), in, [&](const Operands &o) {
      return low(f(number(o[0], t), number(o[1], t), number(o[2], t), t), t.bits);
    });
  }
}
const std::initializer_list<const char *> kAll = {"u16", "s16", "u32", "s32", "u64", "s64"};
const std::initializer_list<const char *> kSigned = {"s16", "s32", "s64"};
const std::initializer_list<const char *> kWords = {"u32", "s32"};

void check32(const std::string &word, const std::string &form,
             const std::function<uint32_t(uint32_t, uint32_t, uint32_t, uint32_t)> &f,
             const std::string &tail = "") {
  expectEach(instruction(word, form, tail), integers(), [&](const Operands &o) {
    return f(uint32_t(o[0]), uint32_t(o[1]), uint32_t(o[2]), uint32_t(o[3]));
  });
}

TEST(Integer, SumsProductsQuotients) {
  forTypes("add", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a + b; });
  forTypes("sub", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a - b; });
  forTypes("mul.lo", 2, kAll,
           [](S128 a, S128 b, S128, const Type &t) { return productFrom(a, b, t, 0); });
  forTypes("mul.hi", 2, kAll,
           [](S128 a, S128 b, S128, const Type &t) { return productFrom(a, b, t, t.bits); });
  forTypes("mad.lo", 3, kAll, [](S128 a, S128 b, S128 c, const Type &t) {
    return S128(U128(productFrom(a, b, t, 0)) + U128(c));
  });
  forTypes("mad.hi", 3, kAll,
           [](S128 a, S128 b, S128 c, const Type &t) { return productFrom(a, b, t, t.bits) + c; });
  forTypes("sad", 3, kAll,
           [](S128 a, S128 b, S128 c, const Type &) { return c + (a < b ? b - a : a - b); });
  forTypes("div", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a / b; }, true);
  forTypes("rem", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a % b; }, true);
  forTypes("abs", 1, kSigned, [](S128 a, S128, S128, const Type &) { return a < 0 ? -a : a; });
  forTypes("neg", 1, kSigned, [](S128 a, S128, S128, const Type &) { return -a; });
  forTypes("min", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a < b ? a : b; });
  forTypes("max", 2, kAll, [](S128 a, S128 b, S128, const Type &) { return a < b ? b : a; });
  expectEach(instruction("add.s32", "r=r", ", -5"), integers(),
             [](const Operands &o) { return low(S128(o[0]) - 5, 32); });
  expectEach(instruction("sub.s32", "r=r", ", -5"), integers(),
             [](const Operands &o) { return low(S128(o[0]) + 5, 32); });
}

TEST(Integer, WideProducts) {
  const Type narrow[] = {kTypes[0], kTypes[1], kTypes[2], kTypes[3]};
  for (const Type &t : narrow) {
    char wide = t.bits == 16 ? 'r' : 'd';
    std::string two = std::string(1, wide) + "=" + t.kind + t.kind;
    auto product = [&](const Operands &o) { return number(o[0], t) * number(o[1], t); };
    expectEach(instruction(std::string("mul.wide.") + t.name, two), integers(),
               [&](const Operands &o) { return low(product(o), 2 * t.bits); });
    expectEach(instruction(std::string("mad.wide.") + t.name, two + wide), integers(),
               [&](const Operands &o) { return low(product(o) + S128(o[2]), 2 * t.bits); });
  }
}

TEST(Integer, Saturation) {
  forTypes("add.sat", 2, {"s32"},
           [](S128 a, S128 b, S128, const Type &) { return clampTo(a + b, 32); });
  forTypes("sub.sat", 2, {"s32"},
           [](S128 a, S128 b, S128, const Type &) { return clampTo(a - b, 32); });
  forTypes("mad.hi.sat", 3, {"s32"},
           [](S128 a, S128 b, S128 c, const Type &) { return clampTo((a * b >> 32) + c, 32); });
  forTypes("min.relu", 2, {"s32"},
           [](S128 a, S128 b, S128, const Type &) { return std::max<S128>(std::min(a, b), 0); });
  forTypes("max.relu", 2, {"s32"},
           [](S128 a, S128 b, S128, const Type &) { return std::max<S128>(std::max(a, b), 0); });
  check32("min.s32.relu", "r=rr", [](auto a, auto b, auto, auto) {
    return uint32_t(std::max(0, std::min(int32_t(a), int32_t(b))));
  });
  check32("max.s32.relu", "r=rr", [](auto a, auto b, auto, auto) {
    return uint32_t(std::max(0, std::max(int32_t(a), int32_t(b))));
  });
}

TEST(Integer, Of24Bits) {
  auto number24 = [](S128 v, const Type &t) {
    v &= 0xffffff;
    return t.isSigned && v >= 0x800000 ? v - 0x1000000 : v;
  };
  auto product = [=](S128 a, S128 b, const Type &t, unsigned from) {
    return S128(number(uint64_t(number24(a, t) * number24(b, t) >> from), t));
  };
  forTypes("mul24.lo", 2, kWords,
           [=](S128 a, S128 b, S128, const Type &t) { return product(a, b, t, 0); });
  forTypes("mul24.hi", 2, kWords,
           [=](S128 a, S128 b, S128, const Type &t) { return product(a, b, t, 16); });
  forTypes("mad24.lo", 3, kWords,
           [=](S128 a, S128 b, S128 c, const Type &t) { return product(a, b, t, 0) + c; });
  forTypes("mad24.hi", 3, kWords,
           [=](S128 a, S128 b, S128 c, const Type &t) { return product(a, b, t, 16) + c; });
  forTypes("mad24.hi.sat", 3, {"s32"}, [=](S128 a, S128 b, S128 c, const Type &t) {
    return clampTo(product(a, b, t, 16) + c, 32);
  });
}

TEST(Integer, PairsOf16Bits) {
  auto pairs = [](const std::string &word, std::function<int32_t(int32_t, int32_t)> f,
                  bool isSigned) {
    check32(word, "r=rr", [=](uint32_t a, uint32_t b, uint32_t, uint32_t) {
      auto at = [=](uint32_t v, unsigned shift) {
        return isSigned ? int32_t(int16_t(v >> shift)) : int32_t(uint16_t(v >> shift));
      };
      return uint32_t(uint16_t(f(at(a, 16), at(b, 16)))) << 16 | uint16_t(f(at(a, 0), at(b, 0)));
    });
  };
  for (bool isSigned : {false, true}) {
    std::string t = isSigned ? ".s16x2" : ".u16x2";
    pairs("add" + t, [](int32_t a, int32_t b) { return a + b; }, isSigned);
    pairs("min" + t, [](int32_t a, int32_t b) { return std::min(a, b); }, isSigned);
    pairs("max" + t, [](int32_t a, int32_t b) { return std::max(a, b); }, isSigned);
  }
  for (const char *word : {"min.relu.s16x2", "min.s16x2.relu"})
    pairs(word, [](int32_t a, int32_t b) { return std::max(0, std::min(a, b)); }, true);
  for (const char *word : {"max.relu.s16x2", "max.s16x2.relu"})
    pairs(word, [](int32_t a, int32_t b) { return std::max(0, std::max(a, b)); }, true);
}

TEST(Integer, BitsCountedAndFound) {
  for (const Type &t : {kBits[1], kBits[2]}) {
    auto bit = [&](const Operands &o, unsigned i) { return low(o[0], t.bits) >> i & 1; };
    std::string form = std::string("r=") + t.kind, name = t.name;
    expectEach(instruction("popc." + name, form), integers(), [&](const Operands &o) {
      uint64_t n = 0;
      for (unsigned i = 0; i < t.bits; ++i)
        n += bit(o, i);
      return n;
    });
    expectEach(instruction("clz." + name, form), integers(), [&](const Operands &o) {
      uint64_t n = 0;
      while (n < t.bits && !bit(o, t.bits - 1 - n))
        ++n;
      return n;
    });
    expectEach(instruction("brev." + name, std::string(1, t.kind) + "=" + t.kind), integers(),
               [&](const Operands &o) {
                 uint64_t r = 0;
                 for (unsigned i = 0; i < t.bits; ++i)
                   r |= bit(o, t.bits - 1 - i) << i;
                 return r;
               });
  }
  for (const Type &t : kTypes) {
    if (t.bits < 32)
      continue;
    for (bool shift : {false, true})
      expectEach(instruction(std::string(shift ? "bfind.shiftamt." : "bfind.") + t.name,
                             std::string("r=") + t.kind),
                 integers(), [&](const Operands &o) -> uint64_t {
                   S128 v = number(o[0], t);
                   uint64_t u = low(v < 0 ? ~v : v, t.bits);
                   if (!u)
                     return 0xffffffff;
                   unsigned at = 63 - __builtin_clzll(u);
                   return shift ? t.bits - 1 - at : at;
                 });
  }
  // base is 0 to 31: above, the result is undefined.
  for (const char *offset : {"%r12", "1", "-1", "0", "2", "-3"})
    expectEach(
        std::string("and.b32 %r11, %r11, 31; shr.s32 %r12, %r12, 25;\nfns.b32 %r50, %r10, %r11, ") +
            offset + "; cvt.u64.u32 %rd50, %r50;",
        integers(), [&](const Operands &o) -> uint64_t {
          uint32_t word = uint32_t(o[0]), base = o[1] & 31;
          int n = offset[0] == '%' ? int32_t(o[2]) >> 25 : std::atoi(offset);
          if (n == 0)
            return word >> base & 1 ? base : 0xffffffffu;
          int seen = 0;
          for (int at = int(base); at >= 0 && at < 32; at += n > 0 ? 1 : -1)
            if ((word >> at & 1) && ++seen == std::abs(n))
              return unsigned(at);
          return 0xffffffffu;
        });
}

TEST(Integer, BitFields) {
  for (const Type &t : kTypes) {
    if (t.bits < 32)
      continue;
    std::string form = std::string(1, t.kind) + "=" + t.kind + "rr";
    expectEach(instruction(std::string("bfe.") + t.name, form), integers(), [&](const Operands &o) {
      unsigned pos = o[1] & 255, len = o[2] & 255, msb = t.bits - 1;
      uint64_t a = low(o[0], t.bits), sign = 0, d = 0;
      if (t.isSigned && len)
        sign = a >> std::min(pos + len - 1, msb) & 1;
      for (unsigned i = 0; i < t.bits; ++i)
        d |= (i < len && pos + i <= msb ? a >> (pos + i) & 1 : sign) << i;
      return d;
    });
  }
  for (const Type &t : {kBits[1], kBits[2]}) {
    std::string form = std::string(1, t.kind) + "=" + t.kind + t.kind + "rr";
    expectEach(instruction(std::string("bfi.") + t.name, form), integers(), [&](const Operands &o) {
      unsigned pos = o[2] & 255, len = o[3] & 255;
      uint64_t f = low(o[1], t.bits);
      for (unsigned i = 0; i < len && pos + i < t.bits; ++i)
        f = (f & ~(1ull << (pos + i))) | (o[0] >> i & 1) << (pos + i);
      return f;
    });
  }
  for (bool isSigned : {false, true})
    for (bool clamp : {false, true})
      check32(std::string(clamp ? "szext.clamp." : "szext.wrap.") + (isSigned ? "s32" : "u32"),
              "r=rr", [=](auto a, auto b, auto, auto) -> uint32_t {
                uint32_t n = clamp ? std::min(b, 32u) : b % 32, r = 0;
                for (uint32_t i = 0; i < 32 && n; ++i)
                  r |= (i < n ? a >> i & 1 : isSigned ? a >> (n - 1) & 1 : 0) << i;
                return r;
              });
  for (bool clamp : {false, true})
    check32(clamp ? "bmsk.clamp.b32" : "bmsk.wrap.b32", "r=rr",
            [=](auto a, auto b, auto, auto) -> uint32_t {
              uint64_t from = clamp ? a : a % 32, width = clamp ? std::min(b, 32u) : b % 32;
              uint32_t r = 0;
              for (uint64_t i = from; i < 32 && i < from + width; ++i)
                r |= 1u << i;
              return r;
            });
}

TEST(Integer, DotProducts) {
  auto part = [](uint32_t v, unsigned i, unsigned bits, bool isSigned) -> int64_t {
    int64_t x = v >> (i * bits) & ((1u << bits) - 1);
    return isSigned && x >> (bits - 1) ? x - (1 << bits) : x;
  };
  for (bool sa : {false, true})
    for (bool sb : {false, true}) {
      std::string types = std::string(sa ? ".s32" : ".u32") + (sb ? ".s32" : ".u32");
      check32("dp4a" + types, "r=rrr", [=](auto a, auto b, auto c, auto) {
        int64_t sum = c;
        for (unsigned i = 0; i < 4; ++i)
          sum += part(a, i, 8, sa) * part(b, i, 8, sb);
        return uint32_t(sum);
      });
      for (bool hi : {false, true})
        check32(std::string(hi ? "dp2a.hi" : "dp2a.lo") + types, "r=rrr",
                [=](auto a, auto b, auto c, auto) {
                  int64_t sum = c;
                  for (unsigned i = 0; i < 2; ++i)
                    sum += part(a, i, 16, sa) * part(b, i + 2 * hi, 8, sb);
                  return uint32_t(sum);
                });
    }
}

/// Each form with the carry flag set by operand 3 before it and read after it.
TEST(Integer, Carries) {
  for (const Type &t : kTypes) {
    if (t.bits < 32)
      continue;
    std::string name = t.name;
    auto run = [&](const std::string &word, unsigned sources, bool takes, bool sets,
                   const std::function<S128(const Operands &, S128 carry)> &f) {
      std::string form = std::string(1, t.kind) + "=" + std::string(sources, t.kind);
      std::string body = "add.cc.u32 %r60, %r13, 0xffffffff;\n" +
                         instruction(word + "." + name, form) +
                         "\naddc.u32 %r61, 0, 0; setp.ne.u32 %p20, %r61, 0;";
      auto in = integers(2027, 1000);
      auto got = runOperands(body, in);
      for (size_t i = 0; i < in.size(); ++i) {
        S128 before = uint32_t(in[i][3]) != 0;
        S128 r = f(in[i], takes ? before : 0);
        bool carry = sets ? (U128(r) >> t.bits & 1) : before != 0;
        ASSERT_TRUE(got[i].d == low(r, t.bits) && got[i].p == carry) << shown(body, in[i]);
      }
    };
    auto at = [&](const Operands &o, unsigned i) { return S128(low(o[i], t.bits)); };
    for (bool takes : {false, true})
      for (bool sets : {false, true}) {
        if (!takes && !sets)
          continue;
        std::string c = takes ? "c" : "", cc = sets ? ".cc" : "";
        run("add" + c + cc, 2, takes, sets,
            [&](const Operands &o, S128 carry) { return at(o, 0) + at(o, 1) + carry; });
        run("sub" + c + cc, 2, takes, sets,
            [&](const Operands &o, S128 carry) { return at(o, 0) + S128(low(~o[1], t.bits)) + (takes ? carry : 1); });
        for (bool hi : {false, true})
          run("mad" + c + (hi ? ".hi" : ".lo") + cc, 3, takes, sets,
              [&](const Operands &o, S128 carry) {
                S128 product = productFrom(number(o[0], t), number(o[1], t), t, hi ? t.bits : 0);
                return S128(low(product, t.bits)) + at(o, 2) + carry;
              });
      }
  }
  // Differences and sums read one another's flag, as nvcc's division of __int128 has it: 1 where nothing was borrowed.
  expectEach("sub.cc.u64 %rd50, %rd10, %rd11; addc.u64 %rd50, 0, 0;", integers(), [](const Operands &o) { return uint64_t(o[0] >= o[1]); });
  expectEach("add.cc.u64 %rd50, %rd10, %rd11; subc.u64 %rd50, 0, 0;", integers(), [](const Operands &o) { return o[0] + o[1] < o[0] ? 0 : ~0ull; });
  // 64 by 64 bits in words of 32, as the manual's example has it.
  std::string body = R"(mov.b64 {%r20, %r21}, %rd10; mov.b64 {%r22, %r23}, %rd11;
mul.lo.u32 %r0, %r20, %r22; mul.hi.u32 %r1, %r20, %r22; mad.lo.cc.u32 %r1, %r21, %r22, %r1; madc.hi.u32 %r2, %r21, %r22, 0;
mad.lo.cc.u32 %r1, %r20, %r23, %r1; madc.hi.cc.u32 %r2, %r20, %r23, %r2; addc.u32 %r3, 0, 0;
mad.lo.cc.u32 %r2, %r21, %r23, %r2; madc.hi.u32 %r3, %r21, %r23, %r3;
mov.b64 %rd50, {%r0, %r1}; mov.b64 %rd53, {%r2, %r3}; xor.b64 %rd50, %rd50, %rd53;)";
  expectEach(body, integers(), [](const Operands &o) {
    U128 p = U128(o[0]) * o[1];
    return uint64_t(p) ^ uint64_t(p >> 64);
  });
}

/// What a poisoned sum has as its carry is poisoned too.
TEST(Integer, CarriesOfUnwrittenRegistersAreUnwritten) {
  Sim sim;
  uint64_t out = sim.buffer(4, "out");
  (void)out;
  Report r = sim.run(
      kernel(1, "add.cc.u32 %r2, %r1, 1; addc.u32 %r3, 0, 0; st.global.u32 [%rd100], %r3;"));
  EXPECT_TRUE(has(r, "TK-SIM-MEM-UNINIT")) << describe(r);
}

TEST(Integer, Comparisons) {
  struct {
    const char *name;
    bool less, equal, greater;
  } ops[] = {{"eq", false, true, false}, {"ne", true, false, true},  {"lt", true, false, false},
             {"le", true, true, false},  {"gt", false, false, true}, {"ge", false, true, true},
             {"lo", true, false, false}, {"ls", true, true, false},  {"hi", false, false, true},
             {"hs", false, true, true}};
  auto in = integers(2028, 500);
  auto types = std::vector<Type>(std::begin(kTypes), std::end(kTypes));
  types.insert(types.end(), std::begin(kBits), std::end(kBits));
  for (const Type &t : types)
    for (auto &op : ops) {
      std::string name = op.name;
      bool letters = name == "lo" || name == "ls" || name == "hi" || name == "hs",
           bits = t.name[0] == 'b';
      if ((letters && (t.isSigned || bits)) || (bits && name != "eq" && name != "ne"))
        continue;
      auto is = [&](const Operands &o) {
        S128 a = number(o[0], t), b = number(o[1], t);
        return a < b ? op.less : a == b ? op.equal : op.greater;
      };
      std::string two = std::string(2, t.kind), word = "setp." + name + "." + t.name;
      expectPredicates(instruction(word, "p=" + two), in,
                       [&](const Operands &o) { return uint64_t(is(o)); });
      expectPredicates(instruction(word, "q=" + two), in,
                       [&](const Operands &o) { return is(o) ? 1 : 2; });
      for (const char *to : {"u32", "s32", "f32", "f16", "bf16"}) {
        std::string form = std::string(1, to[0] == 'f' && to[1] == '3'   ? 'f'
                                          : to[0] == 'f' || to[0] == 'b' ? 'h'
                                                                         : 'r') +
                           "=" + two;
        uint64_t one = to[0] == 'b'   ? 0x3f80
                       : to[0] != 'f' ? 0xffffffff
                       : to[1] == '3' ? 0x3f800000
                                      : 0x3c00;
        expectEach(instruction("set." + name + "." + to + "." + t.name, form), in,
                   [&](const Operands &o) { return is(o) ? one : 0; });
      }
    }
  auto less = [](const Operands &o) { return int32_t(o[0]) < int32_t(o[1]); };
  for (const char *combine : {"and", "or", "xor"})
    for (bool negated : {false, true}) {
      auto with = [&](bool t, const Operands &o) {
        bool c = bool(o[2] & 1) != negated;
        return combine[0] == 'a' ? t && c : combine[0] == 'o' ? t || c : t != c;
      };
      std::string tail = negated ? ", !%p12" : ", %p12";
      expectPredicates(instruction(std::string("setp.lt.") + combine + ".s32", "q=rr", tail), in,
                       [&](const Operands &o) {
                         return uint64_t(with(less(o), o)) | uint64_t(with(!less(o), o)) << 1;
                       });
      expectEach(instruction(std::string("set.lt.") + combine + ".u32.s32", "r=rr", tail), in,
                 [&](const Operands &o) { return with(less(o), o) ? 0xffffffffu : 0u; });
    }
  expectPredicates("setp.lt.s32 _|%p21, %r10, %r11;", in,
                   [&](const Operands &o) { return less(o) ? 0 : 2; });
  expectPredicates("setp.eq.s32 %p20, %r10, 7;", in,
                   [&](const Operands &o) { return uint64_t(uint32_t(o[0]) == 7); });
}

TEST(Integer, Selection) {
  auto in = integers(2029, 1000);
  for (const char *name :
       {"b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64", "f32", "f64"}) {
    std::string n = name;
    char kind = n == "f32"          ? 'f'
                : n == "f64"        ? 'g'
                : n.ends_with("16") ? 'h'
                : n.ends_with("32") ? 'r'
                                    : 'd';
    unsigned bits = n.ends_with("16") ? 16 : n.ends_with("32") ? 32 : 64;
    std::string three = std::string(1, kind) + "=" + kind + kind;
    expectEach(instruction("selp." + n, three + "p"), in,
               [&](const Operands &o) { return low(o[2] & 1 ? o[0] : o[1], bits); });
    expectEach(instruction("selp." + n, three, ", !%p12"), in,
               [&](const Operands &o) { return low(o[2] & 1 ? o[1] : o[0], bits); });
    expectEach(instruction("slct." + n + ".s32", three + "r"), in,
               [&](const Operands &o) { return low(int32_t(o[2]) >= 0 ? o[0] : o[1], bits); });
    for (bool ftz : {false, true})
      expectEach(instruction("slct." + std::string(ftz ? "ftz." : "") + n + ".f32", three + "f"),
                 in, [&](const Operands &o) {
                   uint32_t c = uint32_t(o[2]), magnitude = c & 0x7fffffff;
                   bool isZero = magnitude == 0 || (ftz && magnitude < 0x00800000),
                        isNan = magnitude > 0x7f800000;
                   return low(!isNan && (isZero || !(c >> 31)) ? o[0] : o[1], bits);
                 });
  }
}

TEST(Integer, Logic) {
  for (const Type &t : kBits) {
    std::string two = std::string(1, t.kind) + "=" + t.kind + t.kind,
                one = std::string(1, t.kind) + "=" + t.kind, n = t.name;
    expectEach(instruction("and." + n, two), integers(),
               [&](const Operands &o) { return low(o[0] & o[1], t.bits); });
    expectEach(instruction("or." + n, two), integers(),
               [&](const Operands &o) { return low(o[0] | o[1], t.bits); });
    expectEach(instruction("xor." + n, two), integers(),
               [&](const Operands &o) { return low(o[0] ^ o[1], t.bits); });
    expectEach(instruction("not." + n, one), integers(),
               [&](const Operands &o) { return low(~o[0], t.bits); });
    expectEach(instruction("cnot." + n, one), integers(),
               [&](const Operands &o) { return uint64_t(low(o[0], t.bits) == 0); });
    expectEach(instruction("mov." + n, one), integers(),
               [&](const Operands &o) { return low(o[0], t.bits); });
  }
  auto in = integers();
  expectPredicates("and.pred %p20, %p10, %p11; not.pred %p21, %p10;", in,
                   [](const Operands &o) { return (o[0] & o[1] & 1) | (~o[0] & 1) << 1; });
  expectPredicates(
      "or.pred %p20, %p10, %p11; xor.pred %p21, %p10, %p11;", in,
      [](const Operands &o) { return ((o[0] | o[1]) & 1) | ((o[0] ^ o[1]) & 1) << 1; });
  expectPredicates("and.pred %p20, !%p10, !%p11; not.pred %p21, !%p10;", in,
                   [](const Operands &o) { return (~o[0] & ~o[1] & 1) | (o[0] & 1) << 1; });
  expectPredicates("mov.pred %p20, %p10; mov.pred %p21, !%p11;", in,
                   [](const Operands &o) { return (o[0] & 1) | (~o[1] & 1) << 1; });
  expectPredicates("mov.pred %p20, 1; mov.pred %p21, 0;", in, [](const Operands &) { return 1; });
}

TEST(Integer, Lop3) {
  auto in = integers(2030, 100);
  auto function = [](const Operands &o, unsigned table) {
    uint32_t r = 0;
    for (unsigned i = 0; i < 32; ++i)
      r |= (table >> ((o[0] >> i & 1) * 4 + (o[1] >> i & 1) * 2 + (o[2] >> i & 1)) & 1) << i;
    return r;
  };
  for (unsigned table = 0; table < 256; ++table)
    expectEach(instruction("lop3.b32", "r=rrr", ", " + std::to_string(table)), in,
               [&](const Operands &o) { return uint64_t(function(o, table)); });
  for (unsigned table : {0x00u, 0xe8u, 0x80u, 0x96u, 0xffu})
    for (bool isAnd : {false, true})
      for (const char *d : {"%r50", "_"}) {
        std::string body = std::string(isAnd ? "lop3.and.b32 " : "lop3.or.b32 ") + d +
                           "|%p20, %r10, %r11, %r12, " + std::to_string(table) +
                           ", %p13; lop3.or.b32 %r51|%p21, %r10, %r11, %r12, " +
                           std::to_string(table) + ", !%p13;";
        if (d[0] == '%')
          expectEach(body + " cvt.u64.u32 %rd50, %r50;", in,
                     [&](const Operands &o) { return uint64_t(function(o, table)); });
        expectPredicates(body, in, [&](const Operands &o) {
          bool any = function(o, table), q = o[3] & 1;
          return uint64_t(isAnd ? any && q : any || q) | uint64_t(any || !q) << 1;
        });
      }
}

TEST(Integer, Shifts) {
  for (const Type &t : kBits)
    expectEach(
        instruction(std::string("shl.") + t.name, std::string(1, t.kind) + "=" + t.kind + "r"),
        integers(), [&](const Operands &o) {
          uint32_t n = uint32_t(o[1]);
          return n >= t.bits ? 0 : low(S128(U128(o[0]) << n), t.bits);
        });
  auto types = std::vector<Type>(std::begin(kTypes), std::end(kTypes));
  types.insert(types.end(), std::begin(kBits), std::end(kBits));
  for (const Type &t : types)
    expectEach(
        instruction(std::string("shr.") + t.name, std::string(1, t.kind) + "=" + t.kind + "r"),
        integers(), [&](const Operands &o) {
          return low(number(o[0], t) >> std::min(uint32_t(o[1]), t.bits), t.bits);
        });
  for (bool left : {false, true})
    for (bool clamp : {false, true})
      check32(std::string("shf.") + (left ? "l." : "r.") + (clamp ? "clamp" : "wrap") + ".b32",
              "r=rrr", [=](auto a, auto b, auto c, auto) {
                U128 both = U128(b) << 32 | a;
                unsigned n = clamp ? std::min(c, 32u) : c % 32;
                return uint32_t(left ? both << n >> 32 : both >> n);
              });
}

TEST(Integer, BytesPermuted) {
  auto byte = [](uint32_t a, uint32_t b, unsigned i) {
    return uint32_t((uint64_t(b) << 32 | a) >> (8 * (i & 7))) & 255;
  };
  check32("prmt.b32", "r=rrr", [=](auto a, auto b, auto c, auto) {
    uint32_t r = 0;
    for (unsigned k = 0; k < 4; ++k) {
      unsigned control = c >> (4 * k) & 15;
      uint32_t v = byte(a, b, control);
      r |= (control & 8 ? (v & 128 ? 255 : 0) : v) << (8 * k);
    }
    return r;
  });
  // The manual's tables: bytes 3 to 0 for the selectors 0 to 3.
  struct {
    const char *mode;
    unsigned bytes[4];
  } modes[] = {
      {"f4e", {0x3210, 0x4321, 0x5432, 0x6543}}, {"b4e", {0x5670, 0x6701, 0x7012, 0x0123}},
      {"rc8", {0x0000, 0x1111, 0x2222, 0x3333}}, {"ecl", {0x3210, 0x3211, 0x3222, 0x3333}},
      {"ecr", {0x0000, 0x1110, 0x2210, 0x3210}}, {"rc16", {0x1010, 0x3232, 0x1010, 0x3232}}};
  for (auto &m : modes)
    check32(std::string("prmt.b32.") + m.mode, "r=rrr", [=](auto a, auto b, auto c, auto) {
      uint32_t r = 0;
      for (unsigned k = 0; k < 4; ++k)
        r |= byte(a, b, m.bytes[c & 3] >> (4 * k)) << (8 * k);
      return r;
    });
}

} // namespace
