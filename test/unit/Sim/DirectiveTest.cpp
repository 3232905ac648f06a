//===- DirectiveTest.cpp - State spaces, types, variables, directives -----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;
using testing::HasSubstr;

namespace {

std::string errorOf(const std::string &text) {
  auto p = Program::parse(text, "d.ptx");
  return p ? "" : llvm::toString(p.takeError());
}

/// What a body leaves in words at %rd100, with dynamic shared memory and no finding.
std::vector<uint32_t> words(const std::string &body, unsigned count, const std::string &module = "",
                            unsigned threads = 1) {
  Sim sim;
  sim.launch.block = {threads, 1, 1};
  sim.launch.dynamicSharedBytes = 64;
  uint64_t o = sim.buffer(std::vector<uint32_t>(count, 0xdeadu), "o");
  Report r = sim.run(kernel(1, body, module));
  EXPECT_TRUE(r.findings.empty()) << body << describe(r);
  return sim.read<uint32_t>(o, count);
}
using Words = std::vector<uint32_t>;

/// A variable of each space, of the module and of the function, is memory of its own with its size
/// and alignment.
TEST(Directive, VariablesOfEachSpace) {
  for (const char *space : {"global", "shared", "local"})
    for (bool isModule : {false, true})
      for (const char *shape :
           {".u32 v; SPACE .u32 w;", ".align 16 .b8 v[16]; SPACE .b32 w;",
            ".v4 .u32 v; SPACE .align 8 .b32 w;", ".u32 v[2][3]; SPACE .u32 w;"}) {
        if (isModule && !strcmp(space, "local"))
          continue;
        std::string dot = std::string(".") + space, declared = dot + " " + shape + "\n";
        declared.replace(declared.find("SPACE"), 5, dot);
        std::string st = "st" + dot + ".u32 ", ld = "ld" + dot + ".u32 ";
        Words got =
            words((isModule ? "" : declared) + st + "[v], 7; " + st + "[w], 8; " + ld +
                      "%r1, [v]; " + ld + "%r2, [w]; st.global.v2.u32 [%rd100], {%r1, %r2};",
                  2, isModule ? declared : "");
        EXPECT_EQ(got, (Words{7, 8})) << declared;
      }
  // One for all threads of a CTA where it is shared, one each where it is local.
  for (bool shared : {false, true}) {
    std::string space = shared ? ".shared" : ".local";
    Words got = words(space + " .u32 v; mov.u32 %r1, %tid.x; setp.eq.u32 %p1, %r1, " +
                          (shared ? "0" : "%r1") + "; @%p1 st" + space +
                          ".u32 [v], %r1; bar.warp.sync -1; ld" + space +
                          ".u32 %r2, [v]; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, %rd100; "
                          "st.global.u32 [%rd1], %r2;",
                      32, "", 32);
    for (unsigned i = 0; i < 32; ++i)
      EXPECT_EQ(got[i], shared ? 0 : i);
  }
  EXPECT_EQ(words("ld.const.u32 %r1, [v]; st.global.u32 [%rd100], %r1;", 1, ".const .u32 v = 7;\n"),
            Words{7});
  // Global memory without values is zero, so is what an array has more than its values.
  EXPECT_EQ(
      words(
          "ld.global.u32 %r1, [v]; ld.global.u32 %r2, [m]; st.global.v2.u32 [%rd100], {%r1, %r2};",
          2, ".global .align 8 .u64 v;\n.global .attribute(.managed) .u32 m;\n"),
      (Words{0, 0}));
  // Dynamic shared memory lies behind the static one, and is as large as the launch says.
  EXPECT_EQ(
      words("mov.u32 %r1, dyn; mov.u32 %r2, fix; sub.u32 %r1, %r1, %r2; st.shared.u32 [dyn+60], 3; "
            "ld.shared.u32 %r3, [dyn+60]; st.global.v2.u32 [%rd100], {%r1, %r3};",
            2, ".shared .align 16 .b8 fix[32];\n.extern .shared .align 16 .b8 dyn[];\n"),
      (Words{32, 3}));
  Sim sim;
  sim.launch.dynamicSharedBytes = 64;
  EXPECT_TRUE(has(
      sim.run(kernel(0, "st.shared.u32 [dyn+64], 3;", ".extern .shared .align 16 .b8 dyn[];\n")),
      "TK-SIM-MEM-OOB"));
}

TEST(Directive, InitialValues) {
  struct Case {
    const char *module, *load;
    Words want;
  };
  const Case cases[] = {
      {".const .s32 v[2][2] = {{1, -2}, {3, 4}};",
       "ld.const.v4.u32 {%r1, %r2, %r3, %r4}, [v];",
       {1, uint32_t(-2), 3, 4}},
      {".global .align 16 .u32 v[] = {1, 2, 3, 9};",
       "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [v];",
       {1, 2, 3, 9}},
      {".global .align 16 .u32 v[4] = {1};",
       "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [v];",
       {1, 0, 0, 0}},
      {".global .f64 v = 0d3FF8000000000000;",
       "ld.global.v2.u32 {%r1, %r2}, [v];",
       {0, 0x3ff80000}},
      {".global .align 4 .b8 v[6] = {72, 105, 0x21, 10, 0};",
       "ld.global.u32 %r1, [v]; ld.global.u8 %r2, [v+5];",
       {0x0a216948, 0}},
      {".global .align 2 .b16 v = 0x3C00;", "ld.global.u16 %r1, [v];", {0x3c00}},
      {".weak .global .u32 v = 3;", "ld.global.u32 %r1, [v];", {3}},
      {".global .v4 .f32 v;", "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [v];", {0, 0, 0, 0}},
      {".visible .const .align 8 .b8 v[8];", "ld.const.v2.u32 {%r1, %r2}, [v];", {0, 0}},
      // Addresses: the difference to the address itself.
      {".global .u32 u[4];\n.global .u64 v = u;",
       "ld.global.u64 %rd1, [v]; mov.u64 %rd2, u; sub.u64 %rd1, %rd1, %rd2; cvt.u32.u64 %r1, %rd1;",
       {0}},
      {".global .u32 u[4];\n.const .u64 v = u;",
       "ld.const.u64 %rd1, [v]; mov.u64 %rd2, u; sub.u64 %rd1, %rd1, %rd2; cvt.u32.u64 %r1, %rd1;",
       {0}},
      {".global .u32 u[4];\n.global .u64 v[2] = {u+8, 0};",
       "ld.global.u64 %rd1, [v]; mov.u64 %rd2, u; sub.u64 %rd1, %rd1, %rd2; cvt.u32.u64 %r1, %rd1;",
       {8}}};
  for (const Case &c : cases) {
    std::string out;
    for (size_t i = 0; i < c.want.size(); ++i)
      out += "st.global.u32 [%rd100+" + std::to_string(4 * i) + "], %r" + std::to_string(1 + i) +
             ";\n";
    EXPECT_EQ(words(std::string(c.load) + out, c.want.size(), std::string(c.module) + "\n"), c.want)
        << c.module;
  }
}

/// A register of each type holds as many bits as its type: all ones, with a wider value's upper
/// bits gone.
TEST(Directive, RegistersOfEachType) {
  struct Case {
    const char *type, *move;
    unsigned bits;
  };
  const Case cases[] = {
      {"b16", "b16", 16},   {"u16", "u16", 16}, {"s16", "s16", 16}, {"f16", "b16", 16},
      {"b32", "b32", 32},   {"u32", "u32", 32}, {"s32", "s32", 32}, {"f32", "f32", 32},
      {"f16x2", "b32", 32}, {"b64", "b64", 64}, {"u64", "u64", 64}, {"s64", "s64", 64},
      {"f64", "f64", 64},   {"b8", "b8", 8},    {"u8", "u8", 8},    {"s8", "s8", 8}};
  for (const Case &c : cases) {
    Sim sim;
    sim.buffer(std::vector<uint64_t>(1, 0x123456789abcdef0ull), "in");
    uint64_t out = sim.buffer(std::vector<uint64_t>(2), "out");
    std::string b = std::to_string(c.bits), t = c.type;
    // Two of a range and one alone; a load and a store of its bits, with a move between where there
    // is one.
    std::string move = c.bits == 8 ? "" : "mov." + std::string(c.move) + " v, w3;\n";
    Report r = sim.run(kernel(2, "\n{ .reg ." + t + " v, w<4>;\nld.global.b" + b +
                                     " w3, [%rd100];\n" + move + "st.global.b" + b + " [%rd101], " +
                                     (c.bits == 8 ? "w3" : "v") + ";\n}"));
    ASSERT_TRUE(r.findings.empty()) << t << describe(r);
    uint64_t mask = c.bits == 64 ? ~0ull : (1ull << c.bits) - 1;
    EXPECT_EQ(sim.read<uint64_t>(out, 2), (std::vector<uint64_t>{0x123456789abcdef0ull & mask, 0}))
        << t;
    EXPECT_THAT(errorOf(kernel(0, "\n{ .reg ." + t + " w<4>; st.global.b" + b + " [%rd1], w4; }")),
                HasSubstr("d.ptx:"))
        << "one beyond the range";
  }
  EXPECT_EQ(words(".reg .pred v, w<4>; setp.eq.u32 w3, 1, 1; setp.eq.u32 v, 1, 2; selp.u32 %r1, 5, "
                  "6, w3; selp.u32 %r2, 5, 6, v; st.global.v2.u32 [%rd100], {%r1, %r2};",
                  2),
            (Words{5, 6}));
  EXPECT_EQ(words(".reg .b128 v, w<4>; mov.b64 %rd1, 3; mov.b64 %rd2, 4; mov.b128 w3, {%rd1, "
                  "%rd2}; mov.b128 v, w3; st.global.b128 [%rd100], v;",
                  4),
            (Words{3, 0, 4, 0}));
  EXPECT_EQ(words(".reg .b32 a, b, c<2>; mov.u32 a, 1; mov.u32 b, 2; mov.u32 c0, 3; mov.u32 c1, 4; "
                  "st.global.v4.u32 [%rd100], {a, b, c0, c1};",
                  4),
            (Words{1, 2, 3, 4}));
  EXPECT_EQ(words(".reg .f16 a; .reg .f16x2 b; mov.f32 %f1, 0f3FC00000; cvt.rn.f16.f32 a, %f1; "
                  "mov.b32 b, {a, a}; add.f16x2 b, b, b; st.global.b32 [%rd100], b;",
                  1),
            Words{0x42004200});
}

TEST(Directive, VersionsAndTargets) {
  const std::string body = "\n.visible .entry k(.param .u64 o) { .reg .b64 %r; ld.param.u64 %r, "
                           "[o]; st.global.u32 [%r], 9; ret; }\n";
  auto stores = [&](const std::string &head) {
    Sim sim;
    uint64_t o = sim.buffer(4, "o");
    Report r = sim.run(head + body);
    EXPECT_TRUE(r.findings.empty()) << head << describe(r);
    return sim.read<uint32_t>(o, 1)[0];
  };
  for (const char *version : {"7.8", "8.0", "8.3", "8.6", "8.8", "9.0"})
    EXPECT_EQ(stores(std::string(".version ") + version + "\n.target sm_90\n.address_size 64\n"),
              9u)
        << version;
  for (const char *target : {"sm_90", "sm_80", "sm_75", "sm_90a", "sm_90a, texmode_independent"})
    EXPECT_EQ(stores(std::string(".version 9.0\n.target ") + target + "\n.address_size 64\n"), 9u)
        << target;
  EXPECT_EQ(stores(".version 9.0\n.target sm_90a\n"), 9u) << "without .address_size";
  for (const char *head :
       {".version 9.0\n.target sm_100a\n.address_size 64\n",
        ".version 9.0\n.target sm_90a\n.address_size 32\n", ".version 10.0\n.target sm_90a\n"})
    EXPECT_THAT(errorOf(head + body), HasSubstr("d.ptx:")) << head;
}

TEST(Directive, EntriesFunctionsAndAliases) {
  // Each entry stores a nine where its only parameter says.
  const std::string parameter =
      "(.param .u64 o) { .reg .b64 %r; ld.param.u64 %r, [o]; st.global.u32 [%r], 9; ret; }\n";
  for (const std::string &text :
       {".entry k" + parameter, ".weak .entry k" + parameter,
        ".visible .entry k(.param .u64 o);\n.visible .entry k" + parameter,
        ".visible .entry k" + parameter + ".visible .entry other() { trap; }\n"}) {
    Sim sim;
    uint64_t o = sim.buffer(4, "o");
    Report r = sim.run(header() + text);
    EXPECT_TRUE(r.findings.empty()) << text << describe(r);
    EXPECT_EQ(sim.read<uint32_t>(o, 1)[0], 9u) << text;
  }
  // Without parentheses it has no parameters.
  EXPECT_TRUE(has(Sim().run(header() + ".visible .entry k { trap; }\n"), "TK-SIM-TRAP"));
  // Of two entries the launch says which.
  Sim sim;
  sim.launch.entry = "other";
  EXPECT_TRUE(
      has(sim.run(header() + ".visible .entry k() { ret; }\n.visible .entry other() { trap; }\n"),
          "TK-SIM-TRAP"));
  // Functions of every linkage give what they should; an alias is its function; who calls none
  // needs none.
  const std::string add = "(.param .b32 o) add1(.param .b32 a) { .reg .b32 %t; ld.param.b32 %t, "
                          "[a]; add.u32 %t, %t, 1; st.param.b32 [o], %t; ret; }\n";
  auto call = [](const std::string &name) {
    return "{ .param .b32 p; .param .b32 q; st.param.b32 [p], 41; call (q), " + name +
           ", (p); ld.param.b32 %r1, [q]; } st.global.u32 [%rd100], %r1;";
  };
  for (const char *linkage : {"", ".visible ", ".weak "})
    EXPECT_EQ(words(call("add1"), 1, std::string(linkage) + ".func " + add), Words{42}) << linkage;
  EXPECT_EQ(words(call("same"), 1,
                  ".visible .func " + add +
                      ".visible .func (.param .b32 o) same(.param .b32 a);\n.alias same, add1;\n"),
            Words{42});
  EXPECT_EQ(words(call("add1"), 1,
                  ".func (.param .b32 o) add1(.param .b32 a) .abi_preserve 8 { .reg .b32 %t; "
                  "ld.param.b32 %t, [a]; add.u32 %t, %t, 1; st.param.b32 [o], %t; ret; }\n"),
            Words{42});
  EXPECT_EQ(words(call("add1"), 1,
                  ".func (.param .b32 o) add1(.param .b32 a) { .reg .b32 %t; ld.param::func.b32 "
                  "%t, [a]; add.u32 %t, %t, 1; st.param::func.b32 [o], %t; ret; }\n"),
            Words{42});
  for (const char *unused :
       {".func helper() { trap; }\n", ".func helper() .noreturn { trap; }\n",
        ".extern .func (.param .b32 o) vprintf(.param .b64 a, .param .b64 b);\n"})
    EXPECT_EQ(words("st.global.u32 [%rd100], 5;", 1, unused), Words{5}) << unused;
}

/// What bounds a launch is held to; what tells an assembler how to go about it changes nothing.
TEST(Directive, PerformanceDirectives) {
  auto launch = [](const std::string &directives, std::array<uint32_t, 3> block) {
    Sim sim;
    sim.launch.block = block;
    auto p =
        Program::parse(header() + ".visible .entry k() " + directives + " {\nret;\n}\n", "d.ptx");
    if (!p)
      return llvm::toString(p.takeError());
    auto r = sim.device->launch(**p, sim.launch, sim.options);
    return r ? "" : llvm::toString(r.takeError());
  };
  EXPECT_EQ(launch(".maxntid 128", {128, 1, 1}), "");
  EXPECT_NE(launch(".maxntid 128", {129, 1, 1}), "");
  EXPECT_EQ(launch(".maxntid 64, 2, 1", {32, 4, 1}), "") << "the product counts";
  EXPECT_NE(launch(".maxntid 64, 2, 1", {129, 1, 1}), "");
  for (const char *exact : {".reqntid 1", ".reqntid 1, 1, 1"}) {
    EXPECT_EQ(launch(exact, {1, 1, 1}), "");
    EXPECT_NE(launch(exact, {2, 1, 1}), "");
    EXPECT_NE(launch(exact, {1, 2, 1}), "");
  }
  for (const char *hint : {".maxnreg 64", ".maxntid 128 .minnctapersm 2", ".pragma \"nounroll\";"})
    EXPECT_EQ(launch(hint, {32, 1, 1}), "") << hint;
  EXPECT_EQ(words(".pragma \"nounroll\"; mov.u32 %r1, 4; .pragma \"used_bytes_mask 0xfff\"; "
                  "st.global.u32 [%rd100], %r1;",
                  1, ".pragma \"nounroll\";\n"),
            Words{4});
}

TEST(Directive, Linking) {
  EXPECT_EQ(
      words(
          "ld.global.u32 %r1, [a]; ld.global.u32 %r2, [b]; st.global.v2.u32 [%rd100], {%r1, %r2};",
          2, ".visible .global .u32 a = 6;\n.weak .global .u32 b = 7;\n.extern .global .u32 c;\n"),
      (Words{6, 7}));
}

TEST(Directive, TrapAndBreakpoint) {
  for (const char *word : {"trap", "brkpt"})
    for (unsigned limit : {0u, 1u, 7u, 32u}) {
      Sim sim;
      sim.launch.block = {32, 1, 1};
      Report r = sim.run(kernel(0, "mov.u32 %r1, %tid.x; setp.ge.u32 %p1, %r1, " +
                                       std::to_string(limit) + "; @!%p1 " + word + ";"));
      EXPECT_EQ(has(r, "TK-SIM-TRAP"), limit > 0) << word << limit << describe(r);
      EXPECT_EQ(r.findings.size(), limit > 0) << word << limit;
      if (limit)
        EXPECT_EQ(r.findings[0].lanes, limit == 32 ? ~0u : (1u << limit) - 1) << word << limit;
    }
}

TEST(Directive, Parameters) {
  Sim sim;
  uint64_t o = sim.buffer(std::vector<uint64_t>(4), "o");
  sim.launch.parameters.clear();
  std::vector<uint8_t> &p = sim.launch.parameters;
  auto put = [&](uint64_t v, unsigned bytes) {
    while (p.size() % bytes)
      p.push_back(0);
    for (unsigned i = 0; i < bytes; ++i)
      p.push_back(uint8_t(v >> 8 * i));
  };
  put(0x1234, 2);
  put(o, 8);
  put(o + 8, 8);
  put(16, 8);
  put(0x1122334455667788ull, 8);
  put(0x99aabbccddeeff00ull, 8);
  Report r = sim.run(
      header() +
      R"(.visible .entry k(.param .u16 h, .param .u64 .ptr a, .param .u64 .ptr .global .align 8 g, .param .u64 .ptr .shared .align 4 s, .param .b64 b, .param .align 8 .b8 c[8])
{
.reg .b64 %rd<9>; .reg .b16 %h; .shared .align 16 .b8 sm[32];
ld.param.u16 %h, [h]; ld.param.u64 %rd1, [a]; ld.param.u64 %rd2, [g]; ld.param.b64 %rd3, [b]; ld.param.u64 %rd4, [s];
st.global.u16 [%rd1], %h; st.global.b64 [%rd2], %rd3; st.global.u64 [%rd1+16], %rd4;
mov.b64 %rd5, c; cvta.param.u64 %rd6, %rd5; ld.u64 %rd7, [%rd6]; st.global.u64 [%rd1+24], %rd7;
ret;
}
)");
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  EXPECT_EQ(sim.read<uint64_t>(o, 4),
            (std::vector<uint64_t>{0x1234, 0x1122334455667788ull, 16, 0x99aabbccddeeff00ull}));
}

/// What the tables of special registers elsewhere leave out: three dimensions of clusters, 16 bits.
TEST(Directive, SpecialRegistersOfClusters) {
  const char *names[] = {"%clusterid.x",      "%clusterid.y",      "%clusterid.z",
                         "%nclusterid.x",     "%nclusterid.y",     "%nclusterid.z",
                         "%cluster_ctaid.x",  "%cluster_ctaid.y",  "%cluster_ctaid.z",
                         "%cluster_nctaid.x", "%cluster_nctaid.y", "%cluster_nctaid.z"};
  Sim sim;
  sim.launch.grid = {4, 6, 4};
  sim.launch.cluster = {2, 3, 2};
  uint64_t o = sim.buffer(96 * 14 * 4, "o");
  std::string body =
      "mov.u32 %r1, %ctaid.z; mov.u32 %r2, %ctaid.y; mad.lo.u32 %r1, %r1, 6, %r2; mov.u32 %r2, "
      "%ctaid.x; mad.lo.u32 %r1, %r1, 4, %r2; mad.wide.u32 %rd1, %r1, 56, %rd100;\n";
  for (unsigned i = 0; i < 12; ++i)
    body += std::string("mov.u32 %r2, ") + names[i] + "; st.global.u32 [%rd1+" +
            std::to_string(4 * i) + "], %r2;\n";
  body += "mov.u16 %rs1, %ctaid.x; cvt.u32.u16 %r2, %rs1; st.global.u32 [%rd1+48], %r2; mov.u16 "
          "%rs1, %ntid.x; cvt.u32.u16 %r2, %rs1; st.global.u32 [%rd1+52], %r2;";
  Report r = sim.run(kernel(1, body));
  EXPECT_TRUE(r.findings.empty()) << describe(r);
  Words out = sim.read<uint32_t>(o, 96 * 14);
  for (uint32_t cta = 0; cta < 96; ++cta) {
    uint32_t x = cta % 4, y = cta / 4 % 6, z = cta / 24;
    EXPECT_EQ(Words(out.begin() + cta * 14, out.begin() + cta * 14 + 14),
              (Words{x / 2, y / 3, z / 2, 2, 2, 2, x % 2, y % 3, z % 2, 2, 3, 2, x, 1}))
        << cta;
  }
}

} // namespace
