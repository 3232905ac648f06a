//===- SuffixTest.cpp - Loads and stores with every suffix ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Cache operators, priorities, prefetch sizes, policies, orders and scopes change no byte of what
/// a load or a store moves. What orders and scopes mean to others is in OrderTest.cpp.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "llvm/ADT/StringSwitch.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

/// What the parts of a load's or store's name say.
struct Word {
  std::string text, space, type, prefix;
  unsigned bytes = 0, count = 1;
  bool hinted = false;

  explicit Word(const std::string &text) : text(text) {
    llvm::SmallVector<llvm::StringRef, 12> parts;
    llvm::StringRef(text).split(parts, '.');
    for (llvm::StringRef part : parts) {
      if (part.starts_with("global") || part.starts_with("shared") || part.starts_with("local") ||
          part.starts_with("param") || part.starts_with("const"))
        space = part.split(':').first.str();
      if (part == "v2" || part == "v4")
        count = part[1] - '0';
      hinted |= part == "L2::cache_hint";
    }
    llvm::StringRef last = parts.back();
    last.drop_front().getAsInteger(10, bytes);
    bytes /= 8;
    type = last.str();
    prefix = last == "f32"    ? "%f"
             : last == "f64"  ? "%fd"
             : last == "b128" ? "%q"
             : bytes == 8     ? "%rd"
             : bytes == 4     ? "%r"
                              : "%rs";
  }
  unsigned size() const { return bytes * count; }
  std::string registers() const {
    std::string list;
    for (unsigned i = 0; i < count; ++i)
      list += (i ? ", " : "") + prefix + std::to_string(10 + i);
    return count == 1 ? list : "{" + list + "}";
  }
  std::string vector() const { return count == 1 ? "" : ".v" + std::to_string(count); }
  /// The instruction, at an address.
  std::string operator()(const std::string &at) const {
    std::string policy = hinted ? ", %rd9" : "";
    return text.substr(0, 2) == "ld" ? text + " " + registers() + ", [" + at + "]" + policy + ";\n"
                                     : text + " [" + at + "], " + registers() + policy + ";\n";
  }
  /// The plain access of global memory of the same shape.
  std::string plain(const char *name, const std::string &at) const {
    std::string word = std::string(name) + ".global" + vector() + "." + type;
    return name[0] == 'l' ? word + " " + registers() + ", [" + at + "];\n"
                          : word + " [" + at + "], " + registers() + ";\n";
  }
};

std::vector<uint8_t> randomBytes(std::mt19937 &random, unsigned n) {
  std::vector<uint8_t> bytes(n);
  for (uint8_t &b : bytes)
    b = uint8_t(random());
  return bytes;
}

/// 16 bytes through `word`, a load: from its space to registers, from them to global memory.
void expectLoad(const std::string &text, std::mt19937 &random) {
  Word word(text);
  std::vector<uint8_t> in = randomBytes(random, 16);
  Sim sim;
  sim.options.seed = random();
  sim.buffer(in, "in");
  uint64_t out = sim.buffer(std::vector<uint8_t>(16, 0x5a), "out");
  std::string module = ".shared .align 16 .b8 s[16];\n.const .align 16 .b8 c[16] = {";
  for (unsigned i = 0; i < 16; ++i)
    module += (i ? ", " : "") + std::to_string(in[i]);
  module += "};\n";
  std::string at = llvm::StringSwitch<std::string>(word.space)
                       .Case("shared", "%r2")
                       .Case("local", "l")
                       .Case("param", "p2")
                       .Case("const", "c")
                       .Default("%rd100");
  std::string body = ".reg .b128 %q<12>;\n.local .align 16 .b8 l[16];\nmov.b64 %rd9, "
                     "0x12F0000000000000; mov.u32 %r2, s;\n"
                     "ld.global.v4.b32 {%r3, %r4, %r5, %r6}, [%rd100]; st.shared.v4.b32 [s], {%r3, "
                     "%r4, %r5, %r6}; st.local.v4.b32 [l], {%r3, %r4, %r5, %r6};\n" +
                     word(at) + word.plain("st", "%rd101");
  std::string kernelText = kernel(2, body, module);
  if (word.space == "param") {
    kernelText.replace(kernelText.find("p1)"), 3, "p1, .param .align 16 .b8 p2[16])");
    sim.launch.parameters.insert(sim.launch.parameters.end(), in.begin(), in.end());
  }
  Report r = sim.run(kernelText);
  ASSERT_TRUE(r.findings.empty()) << text << "\n" << describe(r);
  std::vector<uint8_t> got = sim.read<uint8_t>(out, 16);
  for (unsigned i = 0; i < 16; ++i)
    ASSERT_EQ(got[i], i < word.size() ? in[i] : 0x5a) << text << " byte " << i;
}

/// 16 bytes through `word`, a store: from registers to its space; all 16 bytes there are looked at.
void expectStore(const std::string &text, std::mt19937 &random) {
  Word word(text);
  std::vector<uint8_t> in = randomBytes(random, 16);
  Sim sim;
  sim.options.seed = random();
  sim.buffer(in, "in");
  uint64_t out = sim.buffer(std::vector<uint8_t>(16, 0x5a), "out");
  bool isShared = word.space == "shared", isParam = word.space == "param",
       isLocal = word.space == "local";
  std::string at = isShared  ? "%r2"
                   : isLocal ? "l"
                   : isParam ? "a"
                             : "%rd101",
              space = isLocal ? "local" : "shared", place = isLocal ? "l" : "s";
  const std::string fill = "{0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a}",
                    four = "{%r3, %r4, %r5, %r6}";
  std::string body = ".reg .b128 %q<12>;\n.local .align 16 .b8 l[16];\nmov.b64 %rd9, "
                     "0x12F0000000000000; mov.u32 %r2, s;\n" +
                     word.plain("ld", "%rd100");
  if (isShared || isLocal)
    body += "st." + space + ".v4.b32 [" + place + "], " + fill + ";\n" + word(at) + "ld." + space +
            ".v4.b32 " + four + ", [" + place + "]; st.global.v4.b32 [%rd101], " + four + ";\n";
  else if (isParam)
    body += "{ .param .align 16 .b8 a[16]; .param .b64 to;\nst.param.v4.b32 [a], " + fill +
            "; st.param.b64 [to], %rd101;\n" + word(at) + "call take, (a, to); }\n";
  else
    body += word(at);
  Report r = sim.run(kernel(2, body,
                            ".shared .align 16 .b8 s[16];\n.func take(.param .align 16 .b8 a[16], "
                            ".param .b64 to) { .reg .b32 %r<9>; .reg .b64 %t; "
                            "ld.param.v4.b32 " +
                                four + ", [a]; ld.param.b64 %t, [to]; st.global.v4.b32 [%t], " +
                                four + "; ret; }\n"));
  ASSERT_TRUE(r.findings.empty()) << text << "\n" << describe(r);
  std::vector<uint8_t> got = sim.read<uint8_t>(out, 16);
  for (unsigned i = 0; i < 16; ++i)
    ASSERT_EQ(got[i], i < word.size() ? in[i] : 0x5a) << text << " byte " << i;
}

#define TYPES                                                                                      \
  "(b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64|v2.b8|v4.u8|v2.u16|v4.b16|v2.u32|v4.b32|" \
  "v2.f32|v4.f32|v4.u32|v4.s32|v2.b64|v2.u64|v2.f64|b128)"
#define SCOPES "(cta|cluster|gpu|sys)"

TEST(Suffix, LoadsMoveTheirBytes) {
  const unsigned seed = 2031;
  std::mt19937 random(seed);
  unsigned words = 0;
  for (const char *pattern :
       {"ld(|.global|.shared|.shared::cta|.shared::cluster|.local|.const|.param|.param::entry)"
        "." TYPES,
        "ld.weak(|.global|.shared|.const)." TYPES, "ld.volatile(|.global|.shared)." TYPES,
        "ld.(relaxed|acquire)." SCOPES "(|.global|.shared|.shared::cta|.shared::cluster)." TYPES,
        "ld.mmio.relaxed.sys(|.global).(u32|b32|f32|b64)",
        "ld(|.global|.shared|.local|.const|.param).(ca|cg|cs|lu|cv)." TYPES,
        "ld(|.global).L1::(evict_last|evict_first|evict_normal|evict_unchanged|no_allocate)(|.L2::"
        "64B|.L2::128B|.L2::256B|.L2::cache_hint|.L2::cache_hint.L2::128B)." TYPES,
        "ld(|.global).L2::(64B|128B|256B|cache_hint)." TYPES, "ld.global(|.ca|.cg|.cs).nc." TYPES,
        "ld.global.nc(|.L1::evict_last|.L1::evict_first|.L1::evict_normal|.L1::evict_unchanged|.L1:"
        ":no_allocate)(|.L2::64B|.L2::128B|.L2::256B|.L2::cache_hint|.L2::cache_hint.L2::256B)"
        "." TYPES,
        "ldu(|.global)." TYPES})
    for (const std::string &word : expand(pattern)) {
      bool isWide = word.find("b128") != std::string::npos;
      if (isWide &&
          (word.find("local") != std::string::npos || word.find("param") != std::string::npos ||
           word.find("const") != std::string::npos))
        continue; // of these spaces no 128 bits
      SCOPED_TRACE("seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(expectLoad(word, random));
      ++words;
    }
  EXPECT_GT(words, 2500u);
}

TEST(Suffix, StoresMoveTheirBytes) {
  const unsigned seed = 2032;
  std::mt19937 random(seed);
  unsigned words = 0;
  for (const char *pattern :
       {"st(|.global|.shared|.shared::cta|.shared::cluster|.local|.param|.param::func)." TYPES,
        "st.weak(|.global|.shared)." TYPES, "st.volatile(|.global|.shared)." TYPES,
        "st.(relaxed|release)." SCOPES "(|.global|.shared|.shared::cta|.shared::cluster)." TYPES,
        "st.mmio.relaxed.sys(|.global).(u32|b32|f32|b64)",
        "st(|.global|.shared|.local).(wb|cg|cs|wt)." TYPES,
        "st(|.global).L1::(evict_last|evict_first|evict_normal|evict_unchanged|no_allocate)(|.L2::"
        "cache_hint)." TYPES,
        "st(|.global).L2::cache_hint." TYPES})
    for (const std::string &word : expand(pattern)) {
      bool isWide = word.find("b128") != std::string::npos;
      if (isWide &&
          (word.find("local") != std::string::npos || word.find("param") != std::string::npos))
        continue;
      SCOPED_TRACE("seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(expectStore(word, random));
      ++words;
    }
  EXPECT_GT(words, 1500u);
}

} // namespace
