//===- AtomicTest.cpp - What loads, stores and atomic operations mean -----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "llvm/ADT/APFloat.h"

using namespace tk::sim;
using namespace tk::sim::test;
using llvm::APFloat;
using llvm::APInt;

namespace {

std::string error(const std::string &line) {
  auto p = Program::parse(kernel(2, line, ".shared .align 16 .b8 s[64];\n"), "bad.ptx");
  return p ? std::string() : llvm::toString(p.takeError());
}

//===----------------------------------------------------------------------===//
// Atomic operations
//===----------------------------------------------------------------------===//

const llvm::fltSemantics &semantics(const std::string &type) {
  return type == "f64"               ? APFloat::IEEEdouble()
         : type == "f32"             ? APFloat::IEEEsingle()
         : type.find("bf16") == 0 ? APFloat::BFloat()
                                     : APFloat::IEEEhalf();
}
uint64_t bitsOf(const APFloat &f) { return f.bitcastToAPInt().getZExtValue(); }

/// One element by LLVM's arithmetic. NaNs are the canonical one of PTX.
uint64_t realResult(const std::string &op, const std::string &type, unsigned bits, uint64_t a, uint64_t b, bool flushes) {
  const llvm::fltSemantics &s = semantics(type);
  auto load = [&](uint64_t v) {
    APFloat f(s, APInt(bits, v));
    return flushes && f.isDenormal() ? APFloat::getZero(s, f.isNegative()) : f;
  };
  APFloat x = load(a), y = load(b), r = x;
  if (op == "add")
    r.add(y, APFloat::rmNearestTiesToEven);
  else
    r = op == "min" ? llvm::minimumnum(x, y) : llvm::maximumnum(x, y);
  if (r.isNaN())
    return bits == 16 ? 0x7fff : bits == 32 ? 0x7fffffff : 0x7fffffffffffffffull;
  if (flushes && r.isDenormal())
    r = APFloat::getZero(s, r.isNegative());
  return bitsOf(r);
}

uint64_t integerResult(const std::string &op, const std::string &type, unsigned bits, uint64_t a, uint64_t b) {
  uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
  auto isLess = [&](uint64_t x, uint64_t y) {
    return type[0] != 's' ? x < y : bits == 32 ? int32_t(x) < int32_t(y) : int64_t(x) < int64_t(y);
  };
  if (op == "add") return (a + b) & mask;
  if (op == "min") return isLess(b, a) ? b : a;
  if (op == "max") return isLess(a, b) ? b : a;
  if (op == "and") return a & b;
  if (op == "or") return a | b;
  if (op == "xor") return a ^ b;
  if (op == "exch") return b;
  if (op == "inc") return a >= b ? 0 : a + 1;
  if (op == "dec") return a == 0 || a > b ? b : a - 1;
  ADD_FAILURE() << op;
  return 0;
}

struct Case {
  const char *op, *type;
  unsigned bits;     ///< Of an element,
  unsigned packed;   ///< of which a register holds so many,
  unsigned vector;   ///< and the instruction has so many registers.
  bool isReal;
};

/// Values with many edges among them.
uint64_t pick(std::mt19937_64 &random, unsigned bits, bool isReal) {
  static const uint64_t f16[] = {0, 0x8000, 1, 0x83ff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x3c00, 0x0400};
  static const uint64_t f32[] = {0, 0x80000000, 1, 0x807fffff, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000, 0x00800000, 0x00ffffff};
  static const uint64_t f64[] = {0, 1ull << 63, 1, 0x800fffffffffffffull, 0x7fefffffffffffffull, 0x7ff0000000000000ull, 0xfff0000000000000ull, 0x7ff8000000000000ull, 0x3ff0000000000000ull};
  static const uint64_t integers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffffull, 1ull << 63, ~0ull, 2};
  uint64_t v = random(), mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
  if (random() % 2)
    return v & mask;
  if (!isReal)
    return integers[v % std::size(integers)] & mask;
  return bits == 16 ? f16[v % std::size(f16)] : bits == 32 ? f32[v % std::size(f32)] : f64[v % std::size(f64)];
}

/// Runs one operation of each of 32 lanes on a place of its own and compares what memory and the registers get.
/// The word as the manual writes it, operations behind the state space.
std::string wordOf(const Case &c, const std::string &space, bool isRed) {
  bool half = c.isReal && c.bits == 16;
  return std::string(isRed ? "red" : "atom") + space + "." + c.op + (half ? ".noftz" : "") + (c.vector > 1 ? ".v" + std::to_string(c.vector) : "") + "." + c.type;
}

/// A whole word over 32 threads, each with elements of its own.
void check(const Case &c, const std::string &word, std::mt19937_64 &random) {
  bool isRed = word.find("red") == 0;
  std::string policy = word.find("cache_hint") != std::string::npos ? ", %rd20" : "";
  unsigned elements = c.packed * c.vector, es = c.bits / 8, bytes = es * elements, lanes = 32;
  std::vector<uint8_t> memory(lanes * bytes), operand(lanes * bytes);
  for (unsigned i = 0; i < lanes * elements; ++i) {
    uint64_t a = pick(random, c.bits, c.isReal), b = random() % 4 ? pick(random, c.bits, c.isReal) : a;
    memcpy(&memory[i * es], &a, es);
    memcpy(&operand[i * es], &b, es);
  }
  unsigned width = c.bits * c.packed;
  std::string reg = width == 64 ? (c.isReal ? "%fd" : "%rd") : width == 32 ? (c.isReal && c.packed == 1 ? "%f" : "%r") : "%rs", type = width == 64 ? "b64" : width == 32 ? "b32" : "b16", to, from, load, store;
  for (unsigned i = 0; i < c.vector; ++i) {
    unsigned at = i * width / 8;
    std::string source = reg + std::to_string(10 + i), got = reg + std::to_string(1 + (reg == "%fd" ? i : i) + 20 * (reg != "%fd" && reg != "%rs") + (reg == "%rs" ? 30 : 0));
    if (reg == "%fd")
      source = reg + "9", got = reg + "3";
    load += "ld.global." + type + " " + source + ", [%rd3+" + std::to_string(at) + "];\n";
    store += "st.global." + type + " [%rd4+" + std::to_string(at) + "], " + got + ";\n";
    from += (i ? ", " : "") + source;
    to += (i ? ", " : "") + got;
  }
  if (c.vector > 1) {
    from = "{" + from + "}";
    to = "{" + to + "}";
  }
  Sim sim;
  sim.options.seed = random();
  sim.launch.block = {lanes, 1, 1};
  uint64_t m = sim.buffer(memory, "memory");
  sim.buffer(operand, "operand");
  uint64_t old = sim.buffer(std::vector<uint8_t>(lanes * bytes), "old");
  bool shared = word.find("shared") != std::string::npos;
  std::string body = "mov.b64 %rd20, 0x12F0000000000000; mov.u32 %r1, %tid.x; mul.wide.u32 %rd1, %r1, " + std::to_string(bytes) + "; add.u64 %rd2, %rd100, %rd1; add.u64 %rd3, %rd101, %rd1; add.u64 %rd4, %rd102, %rd1;\n" + load;
  std::string at = "[%rd2]", end;
  if (shared) {
    body += "mov.u32 %r2, s; cvt.u32.u64 %r3, %rd1; add.u32 %r2, %r2, %r3;\n";
    for (unsigned i = 0; i < bytes; i += es)
      body += "ld.global.b" + std::to_string(c.bits) + " " + (c.bits == 64 ? "%rd9" : c.bits == 32 ? "%r9" : "%rs9") + ", [%rd2+" + std::to_string(i) + "]; st.shared.b" + std::to_string(c.bits) + " [%r2+" + std::to_string(i) + "], " + (c.bits == 64 ? "%rd9" : c.bits == 32 ? "%r9" : "%rs9") + ";\n",
          end += "ld.shared.b" + std::to_string(c.bits) + " " + (c.bits == 64 ? "%rd9" : c.bits == 32 ? "%r9" : "%rs9") + ", [%r2+" + std::to_string(i) + "]; st.global.b" + std::to_string(c.bits) + " [%rd2+" + std::to_string(i) + "], " + (c.bits == 64 ? "%rd9" : c.bits == 32 ? "%r9" : "%rs9") + ";\n";
    at = "[%r2]";
  }
  body += word + " " + (isRed ? "" : to + ", ") + at + ", " + from + policy + ";\n" + (isRed ? "" : store) + end;
  Report r = sim.run(kernel(3, body, ".shared .align 16 .b8 s[1024];\n"));
  ASSERT_TRUE(r.findings.empty()) << word << describe(r);
  std::vector<uint8_t> result = sim.read<uint8_t>(m, lanes * bytes), before = sim.read<uint8_t>(old, lanes * bytes);
  bool flushes = std::string(c.type) == "f32" && !shared;
  for (unsigned i = 0; i < lanes * elements; ++i) {
    uint64_t a = 0, b = 0, got = 0, was = 0;
    memcpy(&a, &memory[i * es], es);
    memcpy(&b, &operand[i * es], es);
    memcpy(&got, &result[i * es], es);
    memcpy(&was, &before[i * es], es);
    uint64_t want = c.isReal ? realResult(c.op, c.type, c.bits, a, b, flushes) : integerResult(c.op, c.type, c.bits, a, b);
    bool bothNan = c.isReal && APFloat(semantics(c.type), APInt(c.bits, want)).isNaN() && APFloat(semantics(c.type), APInt(c.bits, got)).isNaN();
    ASSERT_TRUE(got == want || bothNan) << word << std::hex << ": " << a << ", " << b << ": got " << got << ", expected " << want;
    if (!isRed)
      ASSERT_EQ(was, a) << word;
  }
}

void check(const Case &c, const std::string &space, bool isRed, std::mt19937_64 &random) {
  check(c, wordOf(c, space, isRed), random);
}

TEST(Atomic, EveryOperationOnEveryType) {
  std::mt19937_64 random(5);
  std::vector<Case> scalars;
  for (const char *t : {"u32", "s32"})
    for (const char *op : {"add", "min", "max"})
      scalars.push_back({op, t, 32, 1, 1, false});
  for (const char *op : {"inc", "dec"})
    scalars.push_back({op, "u32", 32, 1, 1, false});
  scalars.push_back({"add", "u64", 64, 1, 1, false});
  for (const char *t : {"u64", "s64"})
    for (const char *op : {"min", "max"})
      scalars.push_back({op, t, 64, 1, 1, false});
  for (const char *op : {"and", "or", "xor", "exch"}) {
    scalars.push_back({op, "b32", 32, 1, 1, false});
    scalars.push_back({op, "b64", 64, 1, 1, false});
  }
  scalars.push_back({"add", "f32", 32, 1, 1, true});
  scalars.push_back({"add", "f64", 64, 1, 1, true});
  for (const char *t : {"f16", "bf16"})
    scalars.push_back({"add", t, 16, 1, 1, true});
  for (const char *t : {"f16x2", "bf16x2"})
    scalars.push_back({"add", t, 16, 2, 1, true});
  for (const Case &c : scalars)
    for (const char *space : {"", ".global", ".shared", ".shared::cta", ".shared::cluster"})
      for (bool isRed : {false, true})
        for (unsigned i = 0; i < 3 && !(isRed && !strcmp(c.op, "exch")); ++i)
          ASSERT_NO_FATAL_FAILURE(check(c, space, isRed, random));
  for (const char *space : {"", ".global"})
    for (bool isRed : {false, true})
      for (unsigned i = 0; i < 3; ++i) {
        for (unsigned v : {2u, 4u})
          ASSERT_NO_FATAL_FAILURE(check({"add", "f32", 32, 1, v, true}, space, isRed, random));
        for (const char *op : {"add", "min", "max"})
          for (const char *t : {"f16", "bf16"}) {
            for (unsigned v : {2u, 4u, 8u})
              ASSERT_NO_FATAL_FAILURE(check({op, t, 16, 1, v, true}, space, isRed, random));
            for (unsigned v : {2u, 4u})
              ASSERT_NO_FATAL_FAILURE(check({op, *t == 'b' ? "bf16x2" : "f16x2", 16, 2, v, true}, space, isRed, random));
          }
      }
}

/// The operation and the type of any spelling.
Case caseOf(const std::string &word) {
  llvm::SmallVector<llvm::StringRef, 12> parts;
  llvm::StringRef(word).split(parts, '.');
  Case c = {nullptr, nullptr, 32, 1, 1, false};
  for (llvm::StringRef part : parts) {
    for (const char *op : {"add", "min", "max", "and", "or", "xor", "exch", "inc", "dec"})
      if (part == op)
        c.op = op;
    for (const char *type : {"u32", "s32", "b32", "u64", "s64", "b64", "f32", "f64", "f16", "bf16", "f16x2", "bf16x2"})
      if (part == type) {
        c.type = type;
        c.isReal = part.contains('f');
        c.bits = part.contains("f16") ? 16 : part.ends_with("64") ? 64 : 32;
        c.packed = part.ends_with("x2") ? 2 : 1;
      }
  }
  return c;
}

/// In all spellings: the manual's, those of CUDA's headers and of Triton.
TEST(Atomic, OrdersScopesAndHintsChangeNoValue) {
  const unsigned seed = 2033;
  std::mt19937_64 random(seed);
  unsigned words = 0;
  for (const char *pattern :
       {"(atom|red).(relaxed|release).(cta|cluster|gpu|sys).global.add.u32", "atom.(acquire|acq_rel).(cta|cluster|gpu|sys).global.add.u32", "(atom|red).(cta|cluster|gpu|sys)(|.global).add.u32",
        "(atom|red).(relaxed|release).cta.shared.add.u32", "atom.(acquire|acq_rel).cta.shared.add.u32", "(atom|red).global.add.L2::cache_hint.u32", "(atom|red).(relaxed|release).gpu.global.add.noftz.f16x2",
        "(atom|red).(add|min).(relaxed|release).(cta|cluster|gpu|sys).(u32|s32)", "atom.(add|min).(acquire|acq_rel).(cta|cluster|gpu|sys).(u32|s32)", "(atom|red).or.(relaxed|release).(cta|cluster|gpu|sys).b32",
        "atom.or.(acquire|acq_rel).(cta|cluster|gpu|sys).b32", "(atom|red).(add.relaxed|add.release).gpu.(u64|f32|f64)", "atom.(add.acquire|add.acq_rel).gpu.(u64|f32|f64)",
        "(atom|red).max.(relaxed|release).gpu.(u64|s64)", "atom.max.(acquire|acq_rel).gpu.(u64|s64)", "(atom|red).xor.(relaxed|release).gpu.b64", "atom.xor.(acquire|acq_rel).gpu.b64", "(atom|red).(inc|dec).(cta|gpu).u32",
        "(atom|red).global.(cta|gpu|sys).(add|max).u32", "(atom|red).global.(cta|gpu|sys).(relaxed|release).(add|min|max).(u32|s32)", "atom.global.(cta|gpu|sys).(acquire|acq_rel).(add|min|max).(u32|s32)",
        "(atom|red).global.(cta|gpu|sys).(relaxed|release).(add.f32|and.b32)", "atom.global.(cta|gpu|sys).(acquire|acq_rel).(add.f32|and.b32)", "atom.global.gpu.acq_rel.add.noftz.(f16|bf16x2)",
        "(atom|red).relaxed.(cta|sys).shared.(add.u32|or.b32)", "atom.exch.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).(b32|b64)", "atom.global.(cta|gpu|sys)(|.relaxed|.acquire|.release|.acq_rel).exch.b32",
        "atom.shared::cluster.exch.(b32|b64)"})
    for (const std::string &word : expand(pattern)) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(check(caseOf(word), word, random));
      ++words;
    }
  EXPECT_GT(words, 350u);
  // Without a place for what was there.
  Sim sim;
  uint64_t m = sim.buffer(std::vector<uint32_t>(1, 5));
  EXPECT_TRUE(sim.run(kernel(1, "mov.u32 %r1, 9; atom.global.exch.b32 _, [%rd100], %r1;")).findings.empty());
  EXPECT_EQ(sim.read<uint32_t>(m, 1)[0], 9u);
}

/// Bulk reductions into global memory are many atomic operations. Of reals small integers, which are exact.
TEST(Atomic, BulkReductionsOfEveryType) {
  const unsigned seed = 2034;
  std::mt19937_64 random(seed);
  std::vector<std::string> words;
  for (const char *pattern : {"cp.reduce.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint).add.(u32|s32|u64|f32|f64|noftz.f16|noftz.bf16)",
                              "cp.reduce.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint).(min|max).(u32|s32|u64|s64|f16|bf16)",
                              "cp.reduce.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint).((inc|dec).u32|(and|or|xor).(b32|b64))"})
    for (const std::string &word : expand(pattern))
      words.push_back(word);
  for (const std::string &word : words) {
    Case c = caseOf(word);
    unsigned es = c.bits / 8;
    std::vector<uint8_t> memory(256), operand(256);
    for (auto *bytes : {&memory, &operand})
      for (unsigned i = 0; i < 256; i += es) {
        APFloat small(semantics(c.type), int(random() % 61));
        if (c.isReal && random() % 2)
          small.changeSign();
        uint64_t v = c.isReal ? bitsOf(small) : pick(random, c.bits, false);
        memcpy(&(*bytes)[i], &v, es);
      }
    Sim sim;
    sim.options.seed = random();
    sim.launch.block = {16, 1, 1};
    uint64_t m = sim.buffer(memory, "memory");
    sim.buffer(operand, "operand");
    std::string policy = word.find("cache_hint") != std::string::npos ? ", %rd20" : "";
    Report r = sim.run(kernel(2, "mov.b64 %rd20, 0x12F0000000000000; mov.u32 %r1, %tid.x; shl.b32 %r2, %r1, 4; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; cvt.u64.u32 %rd1, %r2; add.u64 %rd1, %rd1, %rd101;\n"
                                 "ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%rd1]; st.shared.v4.b32 [%r3], {%r4, %r5, %r6, %r7}; fence.proxy.async.shared::cta; bar.sync 0; setp.eq.u32 %p1, %r1, 0;\n@%p1 " +
                                     word + " [%rd100], [s], 256" + policy + ";\n@%p1 cp.async.bulk.commit_group;\n@%p1 cp.async.bulk.wait_group 0;", ".shared .align 16 .b8 s[256];\n"));
    ASSERT_TRUE(r.findings.empty()) << word << describe(r);
    std::vector<uint8_t> got = sim.read<uint8_t>(m, 256);
    for (unsigned i = 0; i < 256; i += es) {
      uint64_t a = 0, b = 0, g = 0;
      memcpy(&a, &memory[i], es);
      memcpy(&b, &operand[i], es);
      memcpy(&g, &got[i], es);
      uint64_t want = c.isReal ? realResult(c.op, c.type, c.bits, a, b, false) : integerResult(c.op, c.type, c.bits, a, b);
      ASSERT_EQ(g, want) << word << std::hex << ": " << a << ", " << b << ", seed " << std::dec << seed;
    }
  }
}

TEST(Atomic, CompareAndSwap) {
  struct Width { const char *type, *reg; unsigned bytes; };
  std::vector<std::string> words;
  for (const char *pattern : {"atom(|.global|.shared|.shared::cluster).cas.", "atom.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).global.cas.", "atom.global.(cta|gpu|sys|acq_rel.gpu|gpu.acq_rel).cas.",
                              "atom.cas.(relaxed|acquire|release|acq_rel).(cta|cluster|gpu|sys)."})
    for (const std::string &word : expand(pattern))
      words.push_back(word);
  for (Width w : {Width{"b16", "%rs", 2}, {"b32", "%r", 4}, {"b64", "%rd", 8}})
    for (const std::string &name : words)
      for (bool equal : {false, true}) {
        Sim sim;
        std::vector<uint64_t> memory = {0x1122334455667788ull, 0};
        uint64_t m = sim.buffer(memory), out = sim.buffer(std::vector<uint64_t>(2));
        std::string r = w.reg, t = w.type, word = name + t;
        bool shared = word.find("shared") != std::string::npos;
        Report report = sim.run(kernel(2,
            "ld.global." + t + " " + r + "10, [%rd100];\n" + (shared ? "st.shared." + t + " [s], " + r + "10;\n" : "") + (equal ? "" : "xor." + t + " " + r + "11, " + r + "10, 1;\n") + "mov." + t + " " + r + "12, 77;\n" +
            word + " " + r + "13, [" + (shared ? "s" : "%rd100") + "], " + r + (equal ? "10, " : "11, ") + r + "12;\n" + (shared ? "ld.shared." + t + " " + r + "14, [s]; st.global." + t + " [%rd100], " + r + "14;\n" : "") +
            "st.global." + t + " [%rd101], " + r + "13;", ".shared .align 16 .b8 s[16];\n"));
        ASSERT_TRUE(report.findings.empty()) << describe(report);
        uint64_t mask = w.bytes == 8 ? ~0ull : (1ull << 8 * w.bytes) - 1, old = memory[0] & mask;
        EXPECT_EQ(sim.read<uint64_t>(m, 1)[0], (memory[0] & ~mask) | (equal ? 77 : old)) << word;
        EXPECT_EQ(sim.read<uint64_t>(out, 1)[0], old) << word;
      }
}

/// Of 128 bits, which are compared as one.
TEST(Atomic, WideSwaps) {
  for (std::string space : {"", ".global", ".shared", ".acq_rel.gpu"})
    for (int differs : {-1, 0, 1, 2}) { // which half is not as expected; 2: exch
      Sim sim;
      std::vector<uint64_t> memory = {0x1122334455667788ull, 0x99aabbccddeeff00ull, 5};
      uint64_t m = sim.buffer(memory), out = sim.buffer(std::vector<uint64_t>(2));
      bool shared = space == ".shared";
      std::string at = shared ? "[s]" : "[%rd100]", word = "atom" + space + (differs == 2 ? ".exch" : ".cas") + ".b128";
      Report r = sim.run(kernel(2, ".reg .b128 %q<9>;\nld.global.b128 %q1, [%rd100];\n" + std::string(shared ? "st.shared.b128 [s], %q1;\n" : "") +
                                       "mov.b128 {%rd1, %rd2}, %q1;\n" + (differs == 0 ? "xor.b64 %rd1, %rd1, 1;\n" : differs == 1 ? "xor.b64 %rd2, %rd2, 1;\n" : "") +
                                       "mov.b128 %q2, {%rd1, %rd2}; mov.b64 %rd3, 77; mov.b64 %rd4, 78; mov.b128 %q3, {%rd3, %rd4};\n" +
                                       word + " %q4, " + at + (differs == 2 ? ", %q3;\n" : ", %q2, %q3;\n") + (shared ? "ld.shared.b128 %q5, [s];\nst.global.b128 [%rd100], %q5;\n" : "") + "st.global.b128 [%rd101], %q4;",
                                ".shared .align 16 .b8 s[16];\n"));
      ASSERT_TRUE(r.findings.empty()) << describe(r);
      bool swapped = differs != 0 && differs != 1;
      EXPECT_EQ(sim.read<uint64_t>(m, 3), (std::vector<uint64_t>{swapped ? 77 : memory[0], swapped ? 78 : memory[1], 5})) << word << differs;
      EXPECT_EQ(sim.read<uint64_t>(out, 2), (std::vector<uint64_t>{memory[0], memory[1]})) << word << differs;
    }
}

TEST(Atomic, WrongFormsAreRefused) {
  for (const char *bad :
       {"atom.global.add.s64 %rd1, [%rd2], %rd3;", "atom.global.add.b32 %r1, [%rd2], %r3;", "atom.global.min.f32 %f1, [%rd2], %f3;", "atom.global.or.u32 %r1, [%rd2], %r3;", "atom.global.exch.f32 %f1, [%rd2], %f3;",
        "atom.global.cas.u32 %r1, [%rd2], %r3, %r4;", "atom.global.inc.s32 %r1, [%rd2], %r3;", "atom.global.add.f16 %rs1, [%rd2], %rs3;", "atom.global.add.noftz.f32 %f1, [%rd2], %f3;", "atom.global.min.noftz.f16 %rs1, [%rd2], %rs3;",
        "atom.shared.add.v2.f32 {%f1, %f2}, [s], {%f3, %f4};", "atom.global.min.v2.f32 {%f1, %f2}, [%rd2], {%f3, %f4};", "atom.global.add.v2.f32 {%f1, %f2, %f3}, [%rd2], {%f3, %f4};", "atom.local.add.u32 %r1, [%rd2], %r3;",
        "atom.global.ca.add.u32 %r1, [%rd2], %r3;", "atom.global.add.u32 %r1, [%rd2], %r3, %rd4;", "atom.shared.add.L2::cache_hint.u32 %r1, [s], %r3, %rd4;", "atom.relaxed.acquire.gpu.add.u32 %r1, [%rd2], %r3;",
        "red.acquire.gpu.global.add.u32 [%rd2], %r3;", "red.acq_rel.gpu.global.add.u32 [%rd2], %r3;", "red.global.exch.b32 [%rd2], %r3;", "red.global.cas.b32 [%rd2], %r3, %r4;", "red.shared.add.v2.f32 [s], {%f1, %f2};",
        "red.global.add.u32 [%rd2], %r3, %rd4;", "red.global.add.zork.u32 [%rd2], %r3;"})
    EXPECT_THAT(error(bad), testing::HasSubstr("bad.ptx:")) << bad;
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

struct Type {
  const char *name, *reg;
  unsigned bytes;
  bool isSigned;
};
const Type kTypes[] = {{"b8", "%rs", 1, false}, {"u8", "%rs", 1, false}, {"s8", "%rs", 1, true}, {"b16", "%rs", 2, false}, {"u16", "%rs", 2, false}, {"s16", "%rs", 2, true}, {"b32", "%r", 4, false},
                       {"u32", "%r", 4, false}, {"s32", "%r", 4, true}, {"f32", "%f", 4, false}, {"b64", "%rd", 8, false}, {"u64", "%rd", 8, false}, {"s64", "%rd", 8, true}, {"f64", "%fd", 8, false}};

/// Each type and vector, from each space and to it: the bytes are those that lie there, the rest stays.
TEST(Memory, LoadsAndStoresMoveTheirBytes) {
  std::mt19937 random(9);
  const char *suffixes[] = {"", ".weak", ".volatile", ".relaxed.gpu", ".relaxed.cta", ".acquire.sys"}, *stores[] = {"", ".weak", ".volatile", ".relaxed.gpu", ".relaxed.cta", ".release.sys"};
  for (const Type &t : kTypes)
    for (unsigned n : {1u, 2u, 4u}) {
      unsigned bytes = t.bytes * n;
      if (bytes > 16)
        continue;
      for (const char *space : {"global", "", "shared", "shared::cluster", "local"})
        for (unsigned order = 0; order < std::size(suffixes); ++order) {
          if (order > 1 && !strcmp(space, "local"))
            continue;
          std::vector<uint8_t> in(16);
          for (uint8_t &b : in)
            b = uint8_t(random());
          Sim sim;
          sim.options.seed = random();
          sim.buffer(in, "in");
          uint64_t out = sim.buffer(std::vector<uint8_t>(32, 0x5a), "out");
          std::string list, dot = *space ? std::string(".") + space : "", v = n > 1 ? ".v" + std::to_string(n) : "";
          for (unsigned i = 0; i < n; ++i)
            list += (i ? ", " : "") + std::string(t.reg) + std::to_string(10 + i);
          list = n > 1 ? "{" + list + "}" : list;
          bool isLocal = !strcmp(space, "local"), isShared = dot.find(".shared") == 0;
          std::string at = isLocal ? "l" : isShared ? "%r2" : "%rd101", fill, back, local = ".local .align 16 .b8 l[32];\n";
          if (isLocal || isShared) {
            fill = std::string("st.") + (isLocal ? "local" : "shared") + ".v4.b32 [" + (isLocal ? "l" : "s") + "], {0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a};\n";
            back = std::string("ld.") + (isLocal ? "local" : "shared") + ".v4.b32 {%r30, %r31, %r32, %r33}, [" + (isLocal ? "l" : "s") + "];\nst.global.v4.b32 [%rd101], {%r30, %r31, %r32, %r33};\n";
          }
          // A load of the type from global memory, the store to the space, and a load of it there for the second half.
          std::string again = "ld" + std::string(suffixes[order]) + dot + v + "." + t.name + " " + list + ", [" + at + "];\nst.global" + v + "." + t.name + " [%rd101+16], " + list + ";\n";
          std::string body = local + "mov.u32 %r2, s;\n" + fill + "ld.global" + v + "." + t.name + " " + list + ", [%rd100];\nst" + stores[order] + dot + v + "." + t.name + " [" + at + "], " + list + ";\n" + again + back;
          Report r = sim.run(kernel(2, body, ".shared .align 16 .b8 s[32];\n"));
          ASSERT_TRUE(r.findings.empty()) << body << describe(r);
          std::vector<uint8_t> got = sim.read<uint8_t>(out, 32);
          for (unsigned i = 0; i < 16; ++i) {
            ASSERT_EQ(got[i], i < bytes ? in[i] : 0x5a) << body << i;
            ASSERT_EQ(got[16 + i], i < bytes ? in[i] : 0x5a) << body << i;
          }
        }
    }
}

TEST(Memory, WideRegisters) {
  for (const char *load : {"ld.global.b128", "ld.b128", "ld.relaxed.gpu.global.b128", "ld.acquire.sys.b128", "ld.global.nc.b128", "ldu.global.b128", "ld.volatile.global.b128"})
    for (const char *store : {"st.global.b128", "st.b128", "st.relaxed.cta.b128", "st.release.gpu.b128", "st.volatile.global.b128"}) {
      Sim sim;
      std::vector<uint64_t> in = {0x1122334455667788ull, 0x99aabbccddeeff00ull};
      sim.buffer(in);
      uint64_t out = sim.buffer(std::vector<uint64_t>(3, 5));
      Report r = sim.run(kernel(2, std::string(".reg .b128 %q<2>;\n") + load + " %q1, [%rd100];\n" + store + " [%rd101], %q1;"));
      ASSERT_TRUE(r.findings.empty()) << load << store << describe(r);
      EXPECT_EQ(sim.read<uint64_t>(out, 3), (std::vector<uint64_t>{in[0], in[1], 5})) << load << store;
    }
  Sim sim;
  sim.buffer(std::vector<uint64_t>(4));
  EXPECT_TRUE(has(sim.run(kernel(1, ".reg .b128 %q<2>;\nld.global.b128 %q1, [%rd100+8];")), "TK-SIM-MEM-MISALIGNED"));
}

/// Narrow types extend to the register by their sign; wide registers give their low bytes.
TEST(Memory, NarrowTypesExtend) {
  for (const Type &t : kTypes) {
    if (t.bytes > 4 || t.reg == std::string("%f"))
      continue;
    for (uint64_t value : {0x00ull, 0x7full, 0x80ull, 0xffull, 0x7fffull, 0x8000ull, 0xffffull, 0x80000000ull, 0xffffffffull, 0x12345678ull}) {
      Sim sim;
      sim.buffer(std::vector<uint64_t>{value | 0xabcdef0000000000ull}, "in");
      uint64_t out = sim.buffer(std::vector<uint64_t>(4, 0x5a5a5a5a5a5a5a5aull), "out");
      Report r = sim.run(kernel(2, std::string("ld.global.") + t.name + " %rd1, [%rd100];\nst.global.u64 [%rd101], %rd1;\n" + (t.bytes < 4 ? std::string("ld.global.") + t.name + " %r1, [%rd100];\nst.global.u32 [%rd101+8], %r1;\n" : "") +
                                       "ld.global.u64 %rd2, [%rd100];\nst.global." + t.name + " [%rd101+16], %rd2;"));
      ASSERT_TRUE(r.findings.empty()) << describe(r);
      unsigned shift = 64 - 8 * t.bytes;
      uint64_t low = value << shift >> shift, want = t.isSigned ? uint64_t(int64_t(value << shift) >> shift) : low;
      std::vector<uint64_t> got = sim.read<uint64_t>(out, 4);
      EXPECT_EQ(got[0], want) << t.name << std::hex << value;
      if (t.bytes < 4)
        EXPECT_EQ(uint32_t(got[1]), uint32_t(want)) << t.name << std::hex << value;
      EXPECT_EQ(got[2], (0x5a5a5a5a5a5a5a5aull >> 8 * t.bytes << 8 * t.bytes) | low) << t.name;
    }
  }
}

/// Hints of all kinds change nothing: what is read is what lies there, what is written lies there.
TEST(Memory, HintsChangeNothing) {
  std::string policies = "createpolicy.fractional.L2::evict_last.b64 %rd10, 0.5;\ncreatepolicy.fractional.L2::evict_first.L2::evict_unchanged.b64 %rd11;\ncreatepolicy.range.global.L2::evict_last.L2::evict_first.b64 %rd12, [%rd100], 64, 128;\n"
                         "createpolicy.cvt.L2.b64 %rd13, 7;\nmov.f32 %f9, 0f3F000000;\ncreatepolicy.fractional.L2::evict_normal.b64 %rd14, %f9;\n";
  for (const char *load : {"ld.global.ca.u32 %r1, [%rd100]", "ld.global.cg.u32 %r1, [%rd100]", "ld.global.cs.u32 %r1, [%rd100]", "ld.global.lu.u32 %r1, [%rd100]", "ld.global.cv.u32 %r1, [%rd100]", "ld.global.nc.u32 %r1, [%rd100]",
                           "ld.global.nc.L1::no_allocate.L2::cache_hint.L2::256B.u32 %r1, [%rd100], %rd10", "ld.global.L1::evict_last.u32 %r1, [%rd100]", "ld.global.L1::evict_unchanged.L2::cache_hint.u32 %r1, [%rd100], %rd11",
                           "ld.global.L2::64B.u32 %r1, [%rd100]", "ldu.global.u32 %r1, [%rd100]", "ldu.u32 %r1, [%rd100]", "ld.global.L2::cache_hint.u32 %r1, [%rd100], %rd12", "ld.mmio.relaxed.sys.global.u32 %r1, [%rd100]"})
    for (const char *store : {"st.global.wb.u32 [%rd101], %r1", "st.global.cg.u32 [%rd101], %r1", "st.global.cs.u32 [%rd101], %r1", "st.global.wt.u32 [%rd101], %r1", "st.global.L1::no_allocate.u32 [%rd101], %r1",
                              "st.global.L2::cache_hint.u32 [%rd101], %r1, %rd13", "st.global.L1::evict_first.L2::cache_hint.u32 [%rd101], %r1, %rd14", "st.mmio.relaxed.sys.global.u32 [%rd101], %r1"}) {
      Sim sim;
      sim.buffer(std::vector<uint32_t>(64, 0xdeadbeef), "in");
      uint64_t out = sim.buffer(std::vector<uint32_t>(64), "out");
      Report r = sim.run(kernel(2, policies + "prefetch.global.L1 [%rd100]; prefetch.L2 [%rd100+8]; prefetch.global.L2::evict_last [%rd100]; prefetchu.L1 [%rd100]; applypriority.global.L2::evict_normal [%rd100], 128; prefetch.L1 [1];\n"
                                   "cp.async.bulk.prefetch.L2.global [%rd100], 64; cp.async.bulk.prefetch.L2.global.L2::cache_hint [%rd100], 64, %rd10; pmevent 3; pmevent.mask 255;\n" + load + ";\n" + store + ";"));
      ASSERT_TRUE(r.findings.empty()) << load << store << describe(r);
      EXPECT_EQ(sim.read<uint32_t>(out, 1)[0], 0xdeadbeef) << load << store;
    }
  // A policy is what CUTLASS writes as a literal where there is one.
  Sim sim;
  uint64_t out = sim.buffer(std::vector<uint64_t>(4));
  sim.run(kernel(1, "createpolicy.fractional.L2::evict_first.b64 %rd1; createpolicy.fractional.L2::evict_last.b64 %rd2, 1.0;\nst.global.v2.u64 [%rd100], {%rd1, %rd2};"));
  EXPECT_EQ(sim.read<uint64_t>(out, 2), (std::vector<uint64_t>{0x12F0000000000000ull, 0x14F0000000000000ull}));
}

/// A weak write of values that nobody knows.
TEST(Memory, DiscardedLinesHoldNothing) {
  auto names = [](const std::string &body, unsigned threads = 64) {
    std::set<std::string> found;
    for (unsigned seed = 0; seed < 6; ++seed) {
      Sim sim;
      sim.options.seed = seed;
      sim.launch.block = {threads, 1, 1};
      sim.buffer(std::vector<uint32_t>(64, 7));
      sim.buffer(std::vector<uint32_t>(64));
      for (const Finding &f : sim.run(kernel(2, "mov.u32 %r1, %tid.x; setp.eq.u32 %p1, %r1, 0;\n" + body)).findings)
        found.insert(f.name);
    }
    return found;
  };
  using Names = std::set<std::string>;
  std::string copy = "@%p1 st.global.u32 [%rd101], %r2;\n";
  EXPECT_EQ(names("@%p1 discard.global.L2 [%rd100], 128;\n@%p1 ld.global.u32 %r2, [%rd100+124];\n" + copy), Names{"TK-SIM-MEM-UNINIT"});
  EXPECT_EQ(names("@%p1 discard.L2 [%rd100], 128;\n@%p1 ld.global.u32 %r2, [%rd100+128];\n" + copy), Names()) << "the next line";
  EXPECT_EQ(names("@%p1 discard.L2 [%rd100], 128;\n@%p1 st.global.u32 [%rd100+8], 1;\n@%p1 ld.global.u32 %r2, [%rd100+8];\n" + copy), Names()) << "written since";
  EXPECT_EQ(names("@%p1 discard.L2 [%rd100+64], 128;\n"), Names{"TK-SIM-MEM-MISALIGNED"});
  EXPECT_EQ(names("@%p1 discard.L2 [%rd100+256], 128;\n"), Names{"TK-SIM-MEM-OOB"});
  EXPECT_EQ(names("setp.eq.u32 %p2, %r1, 40;\n@%p1 discard.L2 [%rd100], 128;\n@%p2 ld.global.u32 %r2, [%rd100];\n"), Names{"TK-SIM-RACE"});
}

TEST(Memory, WrongFormsAreRefused) {
  for (const char *bad :
       {"ld.volatile.local.u32 %r1, [%rd2];", "ld.relaxed.gpu.local.u32 %r1, [%rd2];", "ld.volatile.const.u32 %r1, [%rd2];", "ld.mmio.relaxed.gpu.u32 %r1, [%rd2];", "ld.mmio.global.u32 %r1, [%rd2];", "ld.mmio.relaxed.sys.global.v2.u32 {%r1, %r2}, [%rd2];",
        "ld.global.L2::evict_last.u32 %r1, [%rd2];", "ld.global.unified.u32 %r1, [%rd2];", "ld.global.u32 %r1, [%rd2], %rd3;", "ld.global.L2::cache_hint.u32 %r1, [%rd2];", "ld.shared.L2::64B.u32 %r1, [s];", "ld.shared.L1::evict_first.u32 %r1, [s];",
        "ld.volatile.global.ca.u32 %r1, [%rd2];", "ld.global.ca.L1::evict_first.u32 %r1, [%rd2];", "ld.global.ca.cg.u32 %r1, [%rd2];", "ld.nc.u32 %r1, [%rd2];", "ld.weak.global.nc.u32 %r1, [%rd2];", "ld.global.nc.cv.u32 %r1, [%rd2];",
        "ld.global.wb.u32 %r1, [%rd2];", "st.global.ca.u32 [%rd2], %r1;", "st.global.L2::64B.u32 [%rd2], %r1;", "ld.weak.relaxed.gpu.global.u32 %r1, [%rd2];", "ld.gpu.global.u32 %r1, [%rd2];", "ld.release.gpu.global.u32 %r1, [%rd2];",
        "st.acquire.gpu.global.u32 [%rd2], %r1;", "ld.global.f16 %rs1, [%rd2];", "ld.global.zork.u32 %r1, [%rd2];", "ldu.shared.u32 %r1, [s];", "ldu.global.ca.u32 %r1, [%rd2];", "ldu.volatile.global.u32 %r1, [%rd2];", "ldu.global.u32 %r1, [%rd2], %rd3;",
        "st.volatile.local.u32 [%rd2], %r1;", "st.global.noftz.u32 [%rd2], %r1;", "prefetch.L3 [%rd2];", "prefetch.L1 [%rd2], 1;", "prefetch.global.L2::evict_first [%rd2];", "prefetch.shared.L1 [s];", "prefetchu.L2 [%rd2];", "prefetch.L1.zork [%rd2];",
        "applypriority.L2::evict_normal [%rd2], 64;", "applypriority.L2::evict_last [%rd2], 128;", "applypriority.L2::evict_normal [%rd2];", "discard.L2 [%rd2], 64;", "discard.L1 [%rd2], 128;", "pmevent 16;", "pmevent %r1;", "pmevent.zork 1;", "pmevent 1, 1;",
        "nanosleep.b32 %r1;", "nanosleep.u32 %r1, 1;", "createpolicy.fractional.L2::evict_last.b64 %rd1, 1.5;", "createpolicy.fractional.L2::evict_last.b64 %rd1, 0.0;", "createpolicy.fractional.L2::evict_last.L2::evict_last.b64 %rd1, 1.0;",
        "createpolicy.range.L2::evict_last.b64 %rd1, [%rd2], 4096, 2048;", "createpolicy.fractional.b64 %rd1;", "createpolicy.cvt.L1.b64 %rd1, %rd2;", "membar.gpu;", "membar.proxy.async;", "fence.acquire.sync_restrict::shared::cta.cluster;",
        "fence.release.sync_restrict::shared::cta.gpu;", "fence.proxy.async::generic.release.cluster;"})
    EXPECT_THAT(error(bad), testing::HasSubstr("bad.ptx:")) << bad;
  EXPECT_THAT(error("multimem.st.weak.global.u32 [%rd2], %r1;"), testing::HasSubstr("multicast objects need several devices"));
}

} // namespace
