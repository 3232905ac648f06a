//===- PoisonTest.cpp - Values that nobody wrote --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using testing::HasSubstr;

constexpr const char *kShared = ".shared .align 16 .b8 s[64];\n";

/// Of 16 bytes that a lane loads, those of `written` were stored before; `used` is what the pragma says of them.
Report copyOf16(uint32_t written, const std::string &used, const std::string &load,
                std::vector<uint8_t> *got = nullptr) {
  std::string body;
  for (unsigned i = 0; i < 16; ++i)
    if (written >> i & 1)
      body += "mov.b16 %rs1, " + std::to_string(i + 1) + "; st.shared.u8 [s+" + std::to_string(i) + "], %rs1;\n";
  Sim sim;
  uint64_t out = sim.buffer(std::vector<uint8_t>(32), "out");
  Report r = sim.run(kernel(1, body + used + load, kShared));
  if (got)
    *got = sim.read<uint8_t>(out, 32);
  return r;
}
std::string usedBytes(uint32_t mask) { return ".pragma \"used_bytes_mask " + std::to_string(mask) + "\";\n"; }

/// Every mask against every state of the bytes: poison is what is used and was not written, and used bytes arrive.
TEST(Poison, UsedBytesOfAWord) {
  for (uint32_t used = 0; used < 16; ++used)
    for (uint32_t written = 0; written < 16; ++written) {
      std::vector<uint8_t> got;
      Report r = copyOf16(written, usedBytes(used), "ld.shared.u32 %r1, [s]; st.global.u32 [%rd100], %r1;", &got);
      EXPECT_EQ(has(r, "TK-SIM-MEM-UNINIT"), (used & ~written) != 0) << used << " " << written << describe(r);
      for (unsigned i = 0; i < 4; ++i) {
        if (used & written & 1u << i)
          EXPECT_EQ(got[i], i + 1);
        else if (!(used >> i & 1))
          EXPECT_NE(got[i], i + 1) << "a program that uses what it calls unused must notice";
      }
    }
}

/// A union or a struct with padding, loaded as one word: what takes written bytes out of it is not told of the others.
TEST(Poison, WrittenBytesOfAWordThatIsPoisonInPart) {
  auto poisons = [](uint32_t written, const std::string &body) { return has(copyOf16(written, "", body), "TK-SIM-MEM-UNINIT"); };
  const std::string wide = "ld.shared.b64 %rd5, [s]; ", out = "st.global.u32 [%rd100], %r1;";
  for (uint32_t written = 0; written < 256; ++written) {
    bool low = (written & 15) == 15, high = written >> 4 == 15;
    EXPECT_EQ(poisons(written, wide + "cvt.u32.u64 %r1, %rd5; " + out), !low) << written;
    EXPECT_EQ(poisons(written, wide + "mov.b64 {%r1, %r2}, %rd5; " + out), !low) << written;
    EXPECT_EQ(poisons(written, wide + "mov.b64 {%r2, %r1}, %rd5; " + out), !high) << written;
    EXPECT_EQ(poisons(written, wide + "cvt.u16.u64 %rs1, %rd5; cvt.u32.u16 %r1, %rs1; " + out), (written & 3) != 3) << written;
    // Through shared memory, and back by halves.
    EXPECT_EQ(poisons(written, wide + "st.shared.b64 [s+32], %rd5; ld.shared.b32 %r1, [s+36]; " + out), !high) << written;
    EXPECT_EQ(poisons(written, wide + "add.u64 %rd5, %rd5, 1; cvt.u32.u64 %r1, %rd5; " + out), written != 255) << "sums are not followed";
    EXPECT_EQ(poisons(written, wide + "st.global.b64 [%rd100], %rd5;"), written != 255) << written;
  }
  for (uint32_t written = 0; written < 16; ++written) {
    EXPECT_EQ(poisons(written, "ld.shared.b32 %r1, [s]; mov.b32 {%rs1, %rs2}, %r1; cvt.u32.u16 %r1, %rs2; " + out), written >> 2 != 3);
    EXPECT_EQ(poisons(written, "ld.shared.s16 %r1, [s]; cvt.u8.u32 %r1, %r1; " + out), !(written & 1)) << "a sign that is poison";
    EXPECT_EQ(poisons(written, "ld.shared.s16 %r1, [s]; " + out), (written & 3) != 3);
    EXPECT_EQ(poisons(written, "ld.shared.u16 %r1, [s]; mov.b32 {%rs1, %rs2}, %r1; cvt.u32.u16 %r1, %rs2; " + out), !(written & 3)) << "zeros above";
  }
  // Another value since: what was noted is not of it.
  EXPECT_TRUE(poisons(15, wide + "add.u64 %rd5, %rd5, %rd77; cvt.u32.u64 %r1, %rd5; " + out));
}

/// Bits of a word of which some bytes are unwritten, through every operation that is followed: poison is what differs
/// between fillings of those bytes.
TEST(Poison, KnownBitsThroughBitwiseOperations) {
  struct Case {
    std::string text; // of %r1 and %r2 to %r3; K is a constant
    std::function<uint32_t(uint32_t a, uint32_t b, uint32_t k)> f;
  };
  auto low = [](uint32_t k) { return k & 31; };
  const std::vector<Case> cases = {
      {"mov.b32 %r3, %r1;", [](uint32_t a, uint32_t, uint32_t) { return a; }},
      {"not.b32 %r3, %r1;", [](uint32_t a, uint32_t, uint32_t) { return ~a; }},
      {"and.b32 %r3, %r1, K;", [](uint32_t a, uint32_t, uint32_t k) { return a & k; }},
      {"or.b32 %r3, %r1, K;", [](uint32_t a, uint32_t, uint32_t k) { return a | k; }},
      {"and.b32 %r3, %r1, %r2;", [](uint32_t a, uint32_t b, uint32_t) { return a & b; }},
      {"xor.b32 %r1, %r1, %r2; or.b32 %r3, %r1, K;", [](uint32_t a, uint32_t b, uint32_t k) { return (a ^ b) | k; }},
      {"shl.b32 %r3, %r1, L;", [=](uint32_t a, uint32_t, uint32_t k) { return a << low(k); }},
      {"shr.u32 %r3, %r1, L;", [=](uint32_t a, uint32_t, uint32_t k) { return a >> low(k); }},
      {"shr.s32 %r3, %r1, L;", [=](uint32_t a, uint32_t, uint32_t k) { return uint32_t(int32_t(a) >> low(k)); }},
      {"bfe.u32 %r3, %r1, L, 7;", [=](uint32_t a, uint32_t, uint32_t k) { return a >> low(k) & 127; }},
      {"bfi.b32 %r3, %r2, %r1, 11, 9;", [](uint32_t a, uint32_t b, uint32_t) { return (a & ~(511u << 11)) | (b & 511) << 11; }},
      {"prmt.b32 %r3, %r1, %r2, 0x1604;", [](uint32_t a, uint32_t b, uint32_t) {
         return (b & 255) | (a & 255) << 8 | (b >> 16 & 255) << 16 | (a >> 8 & 255) << 24; }},
      {"lop3.b32 %r3, %r1, %r2, K, 0xe8;", [](uint32_t a, uint32_t b, uint32_t k) { return (a & b) | (a & k) | (b & k); }},
      {"lop3.b32 %r3, %r1, K, %r2, 0x6a;", [](uint32_t a, uint32_t b, uint32_t k) { return (a & k) ^ b; }},
      {"mov.b64 %rd5, {%r1, %r2}; shr.u64 %rd5, %rd5, L; cvt.u32.u64 %r3, %rd5;",
       [=](uint32_t a, uint32_t b, uint32_t k) { return uint32_t((uint64_t(b) << 32 | a) >> low(k)); }},
      {"cvt.s32.s8 %r3, %r1;", [](uint32_t a, uint32_t, uint32_t) { return uint32_t(int8_t(a)); }},
      {"cvt.s64.s32 %rd5, %r1; shr.u64 %rd5, %rd5, 20; cvt.u32.u64 %r3, %rd5;", [](uint32_t a, uint32_t, uint32_t) { return uint32_t(int64_t(int32_t(a)) >> 20); }},
  };
  std::mt19937 rng(2030);
  for (const Case &c : cases)
    for (unsigned round = 0; round < 60; ++round) {
      uint32_t written = rng() & 255, k = rng(), kept = rng() & rng(), values[2], unknown[2];
      for (unsigned i = 0; i < 2; ++i) {
        values[i] = unknown[i] = 0;
        for (unsigned b = 0; b < 4; ++b) {
          values[i] |= (4 * i + b + 1) << (8 * b);
          unknown[i] |= written >> (4 * i + b) & 1 ? 0 : 255u << (8 * b);
        }
      }
      bool depends = false;
      uint32_t first = 0;
      for (unsigned fill = 0; fill < 256; ++fill) {
        uint32_t x[2];
        for (unsigned i = 0; i < 2; ++i)
          x[i] = (values[i] & ~unknown[i]) | (uint32_t(rng()) & unknown[i]);
        uint32_t r = c.f(x[0], x[1], k) & kept;
        first = fill ? first : r;
        depends |= r != first;
      }
      std::string text = c.text;
      for (auto [name, value] : {std::pair('K', k), {'L', k & 31}})
        for (size_t at; (at = text.find(name)) != std::string::npos;)
          text.replace(at, 1, std::to_string(value));
      std::vector<uint8_t> got;
      Report r = copyOf16(written, "", "ld.shared.v2.b32 {%r1, %r2}, [s]; " + text + " and.b32 %r3, %r3, " + std::to_string(kept) +
                                           "; st.global.b32 [%rd100], %r3;", &got);
      ASSERT_EQ(has(r, "TK-SIM-MEM-UNINIT"), depends) << text << " written " << written << " kept " << kept << ", seed 2030" << describe(r);
      uint32_t word;
      memcpy(&word, got.data(), 4);
      if (!depends)
        ASSERT_EQ(word, first) << text;
    }
}

/// What is known is of one value in one register, and is no word for whoever else reads the bytes.
TEST(Poison, WhatIsKnownIsForgotten) {
  auto poisons = [](uint32_t written, const std::string &body) { return has(copyOf16(written, "", body), "TK-SIM-MEM-UNINIT"); };
  const std::string out = " st.global.u32 [%rd100], %r1;";
  // The same register and the same value, once written and once not: the second load is of bytes 4 to 7.
  EXPECT_FALSE(poisons(0x01, "ld.shared.u32 %r5, [s]; and.b32 %r1, %r5, 255;" + out));
  EXPECT_TRUE(poisons(0x01, "ld.shared.u32 %r5, [s]; and.b32 %r1, %r5, 255; ld.shared.u32 %r5, [s+4]; and.b32 %r1, %r5, 255;" + out));
  EXPECT_TRUE(poisons(0x01, "ld.shared.u32 %r5, [s]; xor.b32 %r5, %r5, %r77; and.b32 %r1, %r5, 255;" + out));
  // A narrow store of what is known, and of what is not.
  const std::string narrow = "ld.shared.u32 %r5, [s]; cvt.u16.u32 %rs2, %r5; ";
  EXPECT_FALSE(poisons(0x01, narrow + "st.global.u8 [%rd100], %rs2;"));
  EXPECT_TRUE(poisons(0x01, narrow + "st.global.u16 [%rd100], %rs2;"));
  EXPECT_TRUE(poisons(0x02, narrow + "st.global.u8 [%rd100], %rs2;"));
  // A sign that is not known fills what a narrow conversion leaves.
  EXPECT_TRUE(poisons(0x0f, "and.b32 %r5, %r77, 128; cvt.s8.u32 %r1, %r5; and.b32 %r1, %r1, 256;" + out));
  EXPECT_FALSE(poisons(0x0f, "and.b32 %r5, %r77, 64; cvt.s8.u32 %r1, %r5; and.b32 %r1, %r1, 256;" + out));
  // A byte of which four bits are known, to others than ld and st.
  const std::string part = "and.b32 %r5, %r77, -16; st.shared.b32 [s+32], %r5; bar.sync 0; ";
  EXPECT_FALSE(poisons(0, part + "ld.shared.u32 %r5, [s+32]; and.b32 %r1, %r5, 15;" + out));
  EXPECT_TRUE(poisons(0, part + usedBytes(15) + "ld.shared.u32 %r1, [s+32];" + out));
  EXPECT_TRUE(poisons(0, part + "cp.async.bulk.global.shared::cta.bulk_group [%rd100], [s+32], 16; cp.async.bulk.commit_group; "
                                "cp.async.bulk.wait_group 0;"));
}

/// Fields of bits in a word that nobody has written, as nvcc stores and reads them.
TEST(Poison, FieldsOfBits) {
  const std::string store = "ld.shared.u32 %r3, [s]; and.b32 %r4, %r3, -2097152; or.b32 %r5, %r4, 1053699; st.shared.u32 [s], %r5; ";
  auto poisons = [](const std::string &body) { return has(copyOf16(0, "", body), "TK-SIM-MEM-UNINIT"); };
  for (unsigned bit = 0; bit < 32; ++bit)
    EXPECT_EQ(poisons(store + "ld.shared.u32 %r2, [s]; and.b32 %r6, %r2, " + std::to_string(1u << bit) + "; st.global.u32 [%rd100], %r6;"), bit > 20) << bit;
  EXPECT_FALSE(poisons(store + "ld.shared.u32 %r2, [s]; shr.u32 %r8, %r2, 10; and.b32 %r9, %r8, 1023; setp.eq.u32 %p1, %r9, 5; @%p1 st.global.u32 [%rd100], %r9;"));
}

/// In global memory a word that was never written as a whole may be read, changed in some fields and written back; what is
/// unknown may not be carried there from elsewhere.
TEST(Poison, FieldsOfBitsInGlobalMemory) {
  auto poisons = [](const std::string &body) {
    Sim sim;
    sim.buffer(64, "fresh");
    return has(sim.run(kernel(1, body, kShared)), "TK-SIM-MEM-UNINIT");
  };
  const std::string read = "ld.global.u32 %r3, [%rd100]; and.b32 %r4, %r3, -2097152; or.b32 %r5, %r4, 1053699; ";
  EXPECT_FALSE(poisons(read + "st.global.u32 [%rd100], %r5; ld.global.u32 %r3, [%rd100]; and.b32 %r6, %r3, 1023; st.global.u32 [%rd100+4], %r6;"));
  EXPECT_TRUE(poisons(read + "st.global.u32 [%rd100], %r5; ld.global.u32 %r3, [%rd100]; shr.u32 %r6, %r3, 20; st.global.u32 [%rd100+4], %r6;"));
  EXPECT_TRUE(poisons(read + "st.global.u32 [%rd100+8], %r5;")) << "another place";
  EXPECT_TRUE(poisons(read + "xor.b32 %r5, %r5, -1; st.global.u32 [%rd100], %r5;")) << "other unknown bits";
  EXPECT_TRUE(poisons("mov.b16 %rs1, 1; st.shared.b16 [s], %rs1; ld.shared.u32 %r3, [s]; st.global.u32 [%rd100], %r3;")) << "half a word of shared memory";
}

TEST(Poison, UsedBytesOfVectorsAndNarrowElements) {
  const std::string load = "ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [s]; ",
                    store = "st.global.v4.u32 [%rd100], {%r1, %r2, %r3, %r4};";
  EXPECT_FALSE(has(copyOf16(0x0fff, usedBytes(0x0fff), load + store), "TK-SIM-MEM-UNINIT"));
  EXPECT_TRUE(has(copyOf16(0x07ff, usedBytes(0x0fff), load + store), "TK-SIM-MEM-UNINIT"));
  EXPECT_TRUE(has(copyOf16(0x0fff, "", load + store), "TK-SIM-MEM-UNINIT")) << "without a pragma all bytes are used";
  // Each element by itself.
  for (unsigned i = 1; i <= 4; ++i) {
    std::string one = "st.global.u32 [%rd100], %r" + std::to_string(i) + ";";
    EXPECT_EQ(has(copyOf16(0, usedBytes(0xf0f0), load + one), "TK-SIM-MEM-UNINIT"), i % 2 == 0) << i;
  }
  // The sign of a used element comes with it; bits above the load say nothing.
  std::vector<uint8_t> got;
  Report r = copyOf16(0, usedBytes(0xfffffffe), "mov.b16 %rs1, 128; st.shared.u8 [s+1], %rs1; ld.shared.v2.s8 {%r1, %r2}, [s]; st.global.v2.u32 [%rd100], {%r1, %r2};", &got);
  // "used_bytes_mask" stood before the mov, which is no load.
  EXPECT_TRUE(has(r, "TK-SIM-MEM-UNINIT"));
  r = copyOf16(0, "mov.b16 %rs1, 128; st.shared.u8 [s+1], %rs1;\n" + usedBytes(0xfffffffe),
               "ld.shared.v2.s8 {%r1, %r2}, [s]; st.global.v2.u32 [%rd100], {%r1, %r2};", &got);
  EXPECT_FALSE(has(r, "TK-SIM-MEM-UNINIT")) << describe(r);
  uint32_t second;
  memcpy(&second, got.data() + 4, 4);
  EXPECT_EQ(second, 0xffffff80u);
}

/// A pragma is of the next instruction only, and one string of a list.
TEST(Poison, WhichLoadAPragmaIsOf) {
  const std::string two = "ld.shared.u32 %r1, [s];\nld.shared.u32 %r2, [s];\n";
  EXPECT_FALSE(has(copyOf16(0, usedBytes(0), two + "st.global.u32 [%rd100], %r1;"), "TK-SIM-MEM-UNINIT"));
  EXPECT_TRUE(has(copyOf16(0, usedBytes(0), two + "st.global.u32 [%rd100], %r2;"), "TK-SIM-MEM-UNINIT"));
  for (const char *text : {".pragma \"nounroll\", \"used_bytes_mask 0x0\";", ".pragma \"used_bytes_mask 0\", \"nounroll\";",
                           ".pragma \"used_bytes_mask 0\"; .pragma \"something else; of others\";"})
    EXPECT_FALSE(has(copyOf16(0, text, two + "st.global.u32 [%rd100], %r1;"), "TK-SIM-MEM-UNINIT")) << text;
}

TEST(Poison, PragmasThatMeanNothing) {
  auto errorOf = [](const std::string &pragma) {
    auto program = Program::parse(kernel(0, "\n" + pragma + "\n"), "x.ptx");
    return program ? "" : llvm::toString(program.takeError());
  };
  EXPECT_EQ(errorOf(".pragma \"foo\";"), "");
  for (const char *mask : {"", " foo", " 7 8", " 0x100000000", " -1"})
    EXPECT_THAT(errorOf(std::string(".pragma \"used_bytes_mask") + mask + "\";"),
                HasSubstr("x.ptx:8:9: error: expected 'used_bytes_mask' with a number of 32 bits, got '"))
        << mask;
  EXPECT_THAT(errorOf(".pragma foo;"), HasSubstr("x.ptx:8:9: error: expected a string after '.pragma', got 'foo;'"));
  EXPECT_THAT(errorOf(".pragma \"foo;"), HasSubstr("x.ptx:8:9: error: expected '\"' at the end of the pragma"));
}

} // namespace
