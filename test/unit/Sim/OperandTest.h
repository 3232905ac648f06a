//===- OperandTest.h - One instruction over many operands -------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Runs an instruction as one kernel over thousands of operands, and compares with a reference.
///
/// Operand k (0 to 3) is 64 bits and is there as %rs1k, %r1k, %rd1k (its low bits), %f1k, %fd1k
/// (the same as reals) and %p1k (its lowest bit). The result is %rd50, with the predicates %p20 and
/// %p21.
///
//===----------------------------------------------------------------------===//

#ifndef TK_TEST_SIM_OPERANDTEST_H
#define TK_TEST_SIM_OPERANDTEST_H

#include "SimTest.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSwitch.h"

namespace tk::sim::test {

using Operands = std::array<uint64_t, 4>;
struct Outcome {
  uint64_t d;
  bool p, q;
};
using Reference = std::function<uint64_t(const Operands &)>;

/// The registers of each kind: prefix of their names, and how %rd50 is made of number 50.
struct Kind {
  char letter;
  const char *prefix, *result, *load;
};
inline const Kind kKinds[] = {
    {'h', "rs", "cvt.u64.u16 %rd50, %rs50;", "cvt.u16.u64 %rs{}, %rd{};"},
    {'r', "r", "cvt.u64.u32 %rd50, %r50;", "cvt.u32.u64 %r{}, %rd{};"},
    {'d', "rd", "", ""},
    {'f', "f", "mov.b32 %r50, %f50; cvt.u64.u32 %rd50, %r50;",
     "cvt.u32.u64 %r3{}, %rd{}; mov.b32 %f{}, %r3{};"},
    {'g', "fd", "mov.b64 %rd50, %fd19;", "mov.b64 %fd{}, %rd{};"},
    {'p', "p", "", "and.b64 %rd60, %rd{}, 1; setp.ne.u64 %p{}, %rd60, 0;"}};

inline const Kind &kindOf(char letter) {
  for (const Kind &k : kKinds)
    if (k.letter == letter)
      return k;
  llvm_unreachable("no such kind");
}

/// "add.s32" with "r=rr" is "add.s32 %r50, %r10, %r11;" and what makes %rd50 of it. The result "q"
/// is a pair of predicates. `tail`: further operands.
inline std::string instruction(const std::string &word, const std::string &form,
                               const std::string &tail = "") {
  const Kind &to = kindOf(form[0] == 'q' ? 'p' : form[0]);
  std::string s = word + " ";
  if (form[0] == 'q')
    s += "%p20|%p21";
  else
    s += "%" + std::string(to.prefix) + (to.letter == 'p' ? "20" : to.letter == 'g' ? "19" : "50");
  for (size_t i = 2; i < form.size(); ++i)
    s += ", %" + std::string(kindOf(form[i]).prefix) + "1" + std::to_string(i - 2);
  return s + tail + ";\n" + to.result;
}

inline std::vector<Outcome> runOperands(const std::string &body, const std::vector<Operands> &in,
                                        const std::string &module = "") {
  Sim sim;
  sim.launch.block = {128, 1, 1};
  size_t n = (in.size() + 127) / 128 * 128;
  sim.launch.grid = {uint32_t(n / 128), 1, 1};
  std::vector<uint64_t> flat(n * 4), out(n * 2);
  for (size_t i = 0; i < n; ++i)
    std::copy(in[std::min(i, in.size() - 1)].begin(), in[std::min(i, in.size() - 1)].end(),
              flat.begin() + 4 * i);
  sim.buffer(flat, "in");
  uint64_t result = sim.buffer(n * 16, "out");
  std::string text =
      R"(mov.u32 %r90, %ctaid.x; shl.b32 %r90, %r90, 7; mov.u32 %r91, %tid.x; add.u32 %r90, %r90, %r91;
mul.wide.u32 %rd90, %r90, 32; add.u64 %rd90, %rd90, %rd100; mul.wide.u32 %rd91, %r90, 16; add.u64 %rd91, %rd91, %rd101;
ld.global.v2.u64 {%rd10, %rd11}, [%rd90]; ld.global.v2.u64 {%rd12, %rd13}, [%rd90+16];
setp.ne.u32 %p20, %r90, %r90; setp.ne.u32 %p21, %r90, %r90; mov.b64 %rd50, 0;
)";
  for (const Kind &k : kKinds)
    for (const char *number : {"10", "11", "12", "13"}) {
      std::string name = "%" + std::string(k.prefix) + number, load = k.load;
      size_t at = body.find(name);
      if (at == std::string::npos)
        continue;
      for (size_t hole; (hole = load.find("{}")) != std::string::npos;)
        load.replace(hole, 2, number);
      text += load + "\n";
    }
  text += body + R"(
selp.u64 %rd51, 1, 0, %p20; selp.u64 %rd52, 2, 0, %p21; or.b64 %rd51, %rd51, %rd52;
st.global.v2.u64 [%rd91], {%rd50, %rd51};)";
  Report r = sim.run(kernel(2, text, module));
  EXPECT_EQ(r.findings.size(), 0u) << body << "\n" << describe(r);
  auto raw = sim.read<uint64_t>(result, n * 2);
  std::vector<Outcome> v(in.size());
  for (size_t i = 0; i < in.size(); ++i)
    v[i] = {raw[2 * i], bool(raw[2 * i + 1] & 1), bool(raw[2 * i + 1] & 2)};
  return v;
}

inline std::string shown(const std::string &body, const Operands &o) {
  std::string s = body + "\non";
  for (uint64_t v : o)
    s += " " + llvm::utohexstr(v);
  return s;
}

/// Each result bit by bit.
inline void expectEach(const std::string &body, const std::vector<Operands> &in,
                       const Reference &want, const std::string &module = "") {
  auto got = runOperands(body, in, module);
  for (size_t i = 0; i < in.size(); ++i) {
    uint64_t w = want(in[i]);
    if (got[i].d == w)
      continue;
    ADD_FAILURE() << shown(body, in[i]) << "\ngot " << llvm::utohexstr(got[i].d) << ", expected "
                  << llvm::utohexstr(w);
    return;
  }
}
/// Each predicate: bit 0 of the reference is %p20, bit 1 %p21.
inline void expectPredicates(const std::string &body, const std::vector<Operands> &in,
                             const Reference &want) {
  auto got = runOperands(body, in);
  for (size_t i = 0; i < in.size(); ++i) {
    uint64_t w = want(in[i]), g = uint64_t(got[i].p) | uint64_t(got[i].q) << 1;
    if (g == w)
      continue;
    ADD_FAILURE() << shown(body, in[i]) << "\ngot " << g << ", expected " << w;
    return;
  }
}

/// Edge values crossed with each other, the other operands drawn from them, and random ones of all
/// lengths.
inline std::vector<Operands> crossed(const std::vector<uint64_t> &edges, unsigned random,
                                     unsigned seed,
                                     const std::function<uint64_t(std::mt19937_64 &)> &draw) {
  std::mt19937_64 rng(seed);
  std::vector<Operands> v;
  auto edge = [&] { return edges[rng() % edges.size()]; };
  for (uint64_t a : edges)
    for (uint64_t b : edges)
      v.push_back({a, b, edge(), edge()});
  for (unsigned i = 0; i < random; ++i)
    v.push_back({draw(rng), draw(rng), draw(rng), draw(rng)});
  return v;
}

/// The operands of integer instructions; `seed` is in each test's text.
inline std::vector<Operands> integers(unsigned seed = 2026, unsigned random = 3000) {
  std::vector<uint64_t> edges = {0,
                                 1,
                                 2,
                                 3,
                                 5,
                                 31,
                                 32,
                                 33,
                                 63,
                                 64,
                                 65,
                                 0x7f,
                                 0x80,
                                 0xff,
                                 0x7fff,
                                 0x8000,
                                 0x8001,
                                 0xffff,
                                 0x10000,
                                 0x7fffffff,
                                 0x80000000,
                                 0x80000001,
                                 0xffffff,
                                 0x800000,
                                 0xffffffff,
                                 0x100000000,
                                 0x7fffffffffffffff,
                                 0x8000000000000000,
                                 0x8000000000000001,
                                 ~0ull,
                                 ~1ull};
  return crossed(edges, random, seed, [](std::mt19937_64 &rng) {
    uint64_t v = rng() >> (rng() % 64);
    return rng() % 4 ? v : ~v;
  });
}

} // namespace tk::sim::test

#endif // TK_TEST_SIM_OPERANDTEST_H
