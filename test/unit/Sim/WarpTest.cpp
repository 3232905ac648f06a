//===- WarpTest.cpp - shfl, vote, match, redux, activemask ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Operand 3 is the member mask, the same in all lanes of a warp; lanes that it does not name do
/// not execute the instruction and keep 0.
///
//===----------------------------------------------------------------------===//

#include "OperandTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

/// `warps` warps of lanes with random operands: many equal ones, and masks of all kinds.
std::vector<Operands> warpsOf(unsigned warps, unsigned seed) {
  std::mt19937_64 rng(seed);
  std::vector<Operands> v(warps * 32);
  for (unsigned w = 0; w < warps; ++w) {
    uint64_t mask = w % 4 == 0   ? 0xffffffff
                    : w % 4 == 1 ? 1ull << (rng() % 32)
                                 : uint32_t(rng() | rng()),
             common = rng();
    if (!mask)
      mask = 1;
    unsigned kinds = 1 + rng() % 4;
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t a = w % 5 == 0 ? common : w % 5 == 1 ? common + rng() % kinds : rng();
      if (w % 7 == 3)
        a = w % 2 ? ~0ull : 0; // predicates that agree
      v[w * 32 + l] = {a, rng() % (w % 3 ? 33 : 1u << 20), rng(), mask};
    }
  }
  return v;
}

const char *const kMembers = "mov.u32 %r60, %laneid; shr.u32 %r61, %r13, %r60; and.b32 %r61, %r61, "
                             "1; setp.ne.u32 %p30, %r61, 0;\n";

struct LaneResult {
  uint64_t d = 0;
  bool p = false;
};
using WarpFunction = std::function<LaneResult(const Operands *warp, unsigned lane, uint32_t mask)>;

/// The instruction twice, for lanes of odd numbers with registers of their own.
std::string atTwoPlaces(const std::string &text) {
  std::string other = text;
  for (const auto &[from, to] : {std::pair("%r1", "%r7"), {"%rd1", "%rd7"}, {"%p10", "%p11"}, {"%p20", "%p21"}, {"%r50", "%r59"}})
    for (size_t at = 0; (at = other.find(from, at)) != std::string::npos; at += strlen(to))
      other.replace(at, strlen(from), to);
  return "and.b32 %r62, %r60, 1; setp.ne.u32 %p31, %r62, 0; @%p31 bra $odd;\n@%p30 " + text + "\nbra $both;\n$odd:\n"
         "mov.b32 %r70, %r10; mov.b32 %r71, %r11; mov.b32 %r72, %r12; mov.b32 %r73, %r13; mov.b64 %rd70, %rd10;\n"
         "mov.b32 %r59, %r50; mov.pred %p11, %p10; mov.pred %p21, %p20;\n@%p30 " + other +
         "\nmov.b32 %r50, %r59; mov.pred %p20, %p21;\n$both:\n";
}

void expectText(const std::string &text, const WarpFunction &f, bool result, bool predicate, const std::vector<Operands> &in) {
  std::string body = kMembers + ("mov.b32 %r50, 0;\n" + text + "\ncvt.u64.u32 %rd50, %r50;");
  auto got = runOperands(body, in);
  for (size_t i = 0; i < in.size(); ++i) {
    uint32_t mask = uint32_t(in[i][3]);
    LaneResult want = mask >> (i % 32) & 1 ? f(&in[i / 32 * 32], i % 32, mask) : LaneResult();
    ASSERT_TRUE((!result || got[i].d == want.d) && (!predicate || got[i].p == want.p))
        << shown(text, in[i]) << "\nlane " << i % 32 << ": got " << got[i].d << " " << got[i].p
        << ", expected " << want.d << " " << want.p;
  }
}

void expectWarps(const std::string &text, const WarpFunction &f, bool result, bool predicate, const std::vector<Operands> &in) {
  expectText("@%p30 " + text, f, result, predicate, in);
  expectText(atTwoPlaces(text), f, result, predicate, in);
}

TEST(Warp, Shuffles) {
  for (const char *mode : {"up", "down", "bfly", "idx"}) {
    auto source = [=](const Operands *warp, unsigned l) -> std::pair<int, bool> {
      // The manual's formula, in names of its own.
      int lane = int(l), b = warp[l][1] & 31, clamp = warp[l][2] & 31,
          segment = warp[l][2] >> 8 & 31;
      int last = (lane & segment) | (clamp & ~segment), first = lane & segment, j;
      bool inside;
      switch (mode[0]) {
      case 'u':
        j = lane - b;
        inside = j >= last;
        break;
      case 'd':
        j = lane + b;
        inside = j <= last;
        break;
      case 'b':
        j = lane ^ b;
        inside = j <= last;
        break;
      default:
        j = first | (b & ~segment);
        inside = j <= last;
      }
      return {inside ? j : lane, inside};
    };
    auto f = [=](const Operands *warp, unsigned lane, uint32_t) {
      auto [j, inside] = source(warp, lane);
      return LaneResult{uint32_t(warp[j][0]), inside};
    };
    auto in = warpsOf(120, 77);
    for (size_t i = 0; i < in.size(); i += 32) {
      // What a lane outside of the mask has is unknown: name those that are read.
      for (bool again = true; again;) {
        again = false;
        uint32_t mask = uint32_t(in[i][3]), more = mask;
        for (unsigned l = 0; l < 32; ++l)
          if (mask >> l & 1)
            more |= 1u << source(&in[i], l).first;
        again = more != mask;
        for (unsigned l = 0; l < 32; ++l)
          in[i + l][3] = more;
      }
    }
    std::string word = std::string("shfl.sync.") + mode + ".b32 ";
    expectWarps(word + "%r50|%p20, %r10, %r11, %r12, %r13;", f, true, true, in);
    expectWarps(word + "%r50, %r10, %r11, %r12, %r13;", f, true, false, in);
    for (Operands &o : in)
      o[1] = 1, o[2] = 31, o[3] = 0xffffffff;
    expectWarps(word + "%r50, %r10, 1, 31, -1;", f, true, false, in);
  }
}

TEST(Warp, Votes) {
  auto in = warpsOf(200, 78);
  for (bool negated : {false, true}) {
    auto votes = [=](const Operands *warp, uint32_t mask) {
      uint32_t r = 0;
      for (unsigned l = 0; l < 32; ++l)
        r |= uint32_t((warp[l][0] & 1) != negated) << l;
      return r & mask;
    };
    std::string p = negated ? "!%p10, %r13;" : "%p10, %r13;";
    expectWarps(
        "vote.sync.all.pred %p20, " + p,
        [=](const Operands *w, unsigned, uint32_t m) { return LaneResult{0, votes(w, m) == m}; },
        false, true, in);
    expectWarps(
        "vote.sync.any.pred %p20, " + p,
        [=](const Operands *w, unsigned, uint32_t m) { return LaneResult{0, votes(w, m) != 0}; },
        false, true, in);
    expectWarps(
        "vote.sync.uni.pred %p20, " + p,
        [=](const Operands *w, unsigned, uint32_t m) {
          return LaneResult{0, votes(w, m) == m || !votes(w, m)};
        },
        false, true, in);
    for (const char *word : {"vote.sync.ballot.b32 %r50, ", "vote.ballot.sync.b32 %r50, "})
      expectWarps(
          word + p,
          [=](const Operands *w, unsigned, uint32_t m) { return LaneResult{votes(w, m)}; }, true,
          false, in);
  }
}

TEST(Warp, Matches) {
  auto in = warpsOf(200, 79);
  for (bool wide : {false, true}) {
    auto at = [=](const Operands *warp, unsigned l) {
      return wide ? warp[l][0] : uint64_t(uint32_t(warp[l][0]));
    };
    auto any = [=](const Operands *warp, unsigned lane, uint32_t mask) {
      uint32_t r = 0;
      for (unsigned l = 0; l < 32; ++l)
        r |= uint32_t((mask >> l & 1) && at(warp, l) == at(warp, lane)) << l;
      return LaneResult{r};
    };
    auto all = [=](const Operands *warp, unsigned lane, uint32_t mask) {
      bool same = any(warp, lane, mask).d == mask;
      return LaneResult{same ? mask : 0, same};
    };
    std::string t = wide ? "b64 " : "b32 ", a = wide ? "%rd10, %r13;" : "%r10, %r13;";
    expectWarps("match.any.sync." + t + "%r50, " + a, any, true, false, in);
    expectWarps("match.all.sync." + t + "%r50|%p20, " + a, all, true, true, in);
    expectWarps("match.all.sync." + t + "%r50, " + a, all, true, false, in);
  }
}

TEST(Warp, Reductions) {
  auto in = warpsOf(200, 80);
  struct {
    const char *name;
    std::function<int64_t(int64_t, int64_t)> f;
    bool isSigned;
  } ops[] = {{"add.u32", [](int64_t a, int64_t b) { return a + b; }, false},
             {"add.s32", [](int64_t a, int64_t b) { return a + b; }, true},
             {"min.u32", [](int64_t a, int64_t b) { return std::min(a, b); }, false},
             {"min.s32", [](int64_t a, int64_t b) { return std::min(a, b); }, true},
             {"max.u32", [](int64_t a, int64_t b) { return std::max(a, b); }, false},
             {"max.s32", [](int64_t a, int64_t b) { return std::max(a, b); }, true},
             {"and.b32", [](int64_t a, int64_t b) { return a & b; }, false},
             {"or.b32", [](int64_t a, int64_t b) { return a | b; }, false},
             {"xor.b32", [](int64_t a, int64_t b) { return a ^ b; }, false}};
  for (auto &op : ops)
    expectWarps(
        std::string("redux.sync.") + op.name + " %r50, %r10, %r13;",
        [&](const Operands *warp, unsigned, uint32_t mask) {
          std::optional<int64_t> r;
          for (unsigned l = 0; l < 32; ++l) {
            int64_t v = op.isSigned ? int64_t(int32_t(warp[l][0])) : int64_t(uint32_t(warp[l][0]));
            if (mask >> l & 1)
              r = r ? op.f(*r, v) : v;
          }
          return LaneResult{uint32_t(*r)};
        },
        true, false, in);
}

/// Predicated lanes, lanes of a branch, and those that are left when others have exited.
TEST(Warp, ActiveMasks) {
  auto in = warpsOf(40, 81);
  auto members = [](const Operands *, unsigned, uint32_t mask) { return LaneResult{mask}; };
  expectText("@%p30 activemask.b32 %r50;", members, true, false, in);
  expectText("@%p30 bra $in; bra $out; $in: activemask.b32 %r50; $out:", members, true, false, in);
}

} // namespace
