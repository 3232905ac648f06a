//===- RuntimeTest.cpp - printf, the heap, assertions, clocks -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const char *kRuntime =
    R"(.extern .func (.param .b32 func_retval0) vprintf (.param .b64 vprintf_param_0, .param .b64 vprintf_param_1);
.extern .func (.param .b64 func_retval0) malloc (.param .b64 malloc_param_0);
.extern .func free (.param .b64 free_param_0);
.extern .func __assertfail (.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);
)";

std::string global(const std::string &name, const std::string &text) {
  std::string s = ".global .align 1 .b8 " + name + "[" + std::to_string(text.size() + 1) + "] = {";
  for (char c : text)
    s += std::to_string(uint8_t(c)) + ", ";
  return s + "0};\n";
}

std::string mallocCall(const std::string &size, const std::string &result) {
  return "{ .param .b64 p; st.param.b64 [p+0], " + size +
         "; .param .b64 q; call.uni (q), malloc, (p); ld.param.b64 " + result + ", [q+0]; }\n";
}
std::string freeCall(const std::string &address) {
  return "{ .param .b64 p; st.param.b64 [p+0], " + address + "; call.uni free, (p); }\n";
}
/// Prints `format` with what lies at `arguments` in local memory; the result goes to %r90.
std::string printfCall(const std::string &format, const std::string &arguments = "%rd81") {
  return "mov.u64 %rd80, " + format +
         "; cvta.global.u64 %rd80, %rd80;\n{ .param .b64 p; st.param.b64 [p+0], %rd80; .param .b64 "
         "a; st.param.b64 [a+0], " +
         arguments +
         "; .param .b32 q; call.uni (q), vprintf, (p, a); ld.param.b32 %r90, [q+0]; }\n";
}
const char *kBuffer = ".local .align 8 .b8 depot[64]; mov.u64 %rd82, depot; cvta.local.u64 %rd81, "
                      "%rd82; mov.u32 %r1, %tid.x;\n";

TEST(Runtime, PrintfFormatsAsC) {
  struct Case {
    const char *format;
    std::vector<uint64_t> words;
    unsigned bytes;
    std::string want;
  };
  char real[64];
  snprintf(real, sizeof real, "%12.5e|%a", -1.25e-7, 3.0);
  auto d = [](double v) { return std::bit_cast<uint64_t>(v); };
  std::vector<Case> cases = {
      {"plain %% 100%%", {}, 8, "plain % 100%"},
      {"%d %i %u %x %X %o %c",
       {uint64_t(uint32_t(-7)) << 32 | 5, 0xfffffff0u | 255ull << 32, 0xabcull | 8ull << 32, 'z'},
       8,
       "5 -7 4294967280 ff ABC 10 z"},
      {"%lld %llx %lu %zu",
       {uint64_t(-5), 0x123456789abcull, 1ull << 40, 3},
       8,
       "-5 123456789abc 1099511627776 3"},
      {"%hhx %hd %+05d|%-4d|%4u",
       {0x1ffull | 0x1fffeull << 32, 42ull | 7ull << 32, 9},
       8,
       "ff -2 +0042|7   |   9"},
      // A word of four bytes, then padding before eight.
      {"%d %f %.2f", {1, d(2.5), d(3.14159)}, 8, "1 2.500000 3.14"},
      {"%12.5e|%a", {d(-1.25e-7), d(3.0)}, 8, real},
      {"%*d|%-*.*f|", {6ull | 42ull << 32, 8ull | 3ull << 32, d(1.0)}, 8, "    42|1.000   |"},
  };
  for (const Case &c : cases) {
    std::string body = kBuffer;
    for (size_t i = 0; i < c.words.size(); ++i)
      body += "mov.u64 %rd1, " + std::to_string(c.words[i]) + "; st.local.u64 [%rd82+" +
              std::to_string(8 * i) + "], %rd1;\n";
    Sim sim;
    uint64_t out = sim.buffer(4);
    Report r = sim.run(kernel(1, body + printfCall("text") + "st.global.u32 [%rd100], %r90;",
                              kRuntime + global("text", c.format)));
    EXPECT_EQ(r.findings.size(), 0u) << describe(r);
    EXPECT_EQ(r.output, c.want) << c.format;
    EXPECT_LT(sim.read<uint32_t>(out, 1)[0], 8u);
  }
}

TEST(Runtime, PrintfPrintsStringsAndPointers) {
  Sim sim;
  std::vector<char> dynamic = {'m', 'o', 'r', 'e', 0};
  uint64_t text = sim.buffer(dynamic), out = sim.buffer(4);
  Report r = sim.run(
      kernel(2,
             std::string(kBuffer) +
                 "mov.u64 %rd1, word; cvta.global.u64 %rd1, %rd1; st.local.u64 [%rd82], %rd1; "
                 "st.local.u64 [%rd82+8], %rd100; st.local.u64 [%rd82+16], %rd100;\n" +
                 printfCall("text") + "st.global.u32 [%rd101], %r90;",
             kRuntime + global("text", "%s-%.2s %p\n") + global("word", "some")));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  char want[64];
  snprintf(want, sizeof want, "some-mo 0x%llx\n", (unsigned long long)text);
  EXPECT_EQ(r.output, want);
  EXPECT_EQ(sim.read<uint32_t>(out, 1)[0], 3u);
}

// CTA by CTA whatever the host's threads, in a CTA as it comes; up to the limit.
TEST(Runtime, PrintfOrderAndLimit) {
  std::string ptx = kernel(
      0,
      std::string(kBuffer) +
          "mov.u32 %r2, %ctaid.x; st.local.u32 [%rd82], %r2; st.local.u32 [%rd82+4], %r1;\n" +
          printfCall("text") + "bar.sync 0;\n" + printfCall("end"),
      kRuntime + global("text", "%d.%d\n") + global("end", "-"));
  std::string want;
  for (unsigned c = 0; c < 6; ++c)
    want += std::to_string(c) + ".0\n" + std::to_string(c) + ".1\n--";
  for (unsigned threads : {1, 2}) {
    Sim sim;
    sim.launch.grid = {6, 1, 1};
    sim.launch.block = {2, 1, 1};
    sim.options.threads = threads;
    Report r = sim.run(ptx);
    EXPECT_EQ(r.output, want);
    EXPECT_EQ(r.outputDropped, 0u);
    sim.options.printfBytes = 17;
    r = sim.run(ptx);
    EXPECT_EQ(r.output, want.substr(0, 17));
    EXPECT_EQ(r.outputDropped, want.size() - 17);
  }
}

TEST(Runtime, PrintfFaults) {
  auto run = [](const std::string &format, const std::string &body) {
    Sim sim;
    return sim.run(
        kernel(0, kBuffer + body + printfCall("text"), kRuntime + global("text", format)));
  };
  Report r = run("a %d %n b", "st.local.u64 [%rd82], 0;\n");
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-PRINTF");
  EXPECT_EQ(r.findings[0].message, "expected a conversion that the device's printf knows "
                                   "(diouxXcspaAeEfFgG), got '%n' in 'a %d %n b'");
  r = run("%d", "");
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_THAT(r.findings[0].message,
              HasSubstr("an uninitialised value reaches an argument of printf"));
  r = run("%s", "st.local.u64 [%rd82], 64;\n");
  EXPECT_TRUE(has(r, "TK-SIM-MEM-OOB")) << describe(r);
  r = run("%s %f %d", "mov.u64 %rd81, 0;\n"); // a null buffer
  EXPECT_TRUE(has(r, "TK-SIM-MEM-OOB")) << describe(r);
}

/// A linked list on the heap, by each thread, summed and freed.
TEST(Runtime, HeapLists) {
  Sim sim;
  sim.options.maxSteps = 1 << 20;
  sim.launch.grid = {3, 1, 1};
  sim.launch.block = {40, 1, 1};
  sim.options.heapBytes = 3 * 40 * 7 * 16; // as much as is in use at once, at the most
  uint64_t out = sim.buffer(4 * 120);
  std::string ptx = kernel(
      1,
      R"(mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r3, %r2, 40, %r1; mul.wide.u32 %rd1, %r3, 4; add.u64 %rd1, %rd1, %rd100;
mov.u64 %rd2, 0; rem.u32 %r5, %r1, 7; mov.u32 %r6, 0;
$grow: )" +
          mallocCall("16", "%rd3") +
          R"(st.u64 [%rd3+8], %rd2; st.u32 [%rd3], %r6; mov.u64 %rd2, %rd3; add.u32 %r6, %r6, 1; setp.le.u32 %p1, %r6, %r5; @%p1 bra $grow;
mov.u32 %r7, 0;
$sum: ld.u32 %r8, [%rd2]; ld.u64 %rd4, [%rd2+8]; mad.lo.u32 %r7, %r7, 3, %r8;
)" + freeCall("%rd2") +
          "mov.u64 %rd2, %rd4; setp.ne.u64 %p1, %rd2, 0; @%p1 bra $sum;\nst.global.u32 [%rd1], "
          "%r7;",
      kRuntime);
  Report r = sim.run(ptx);
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto got = sim.read<uint32_t>(out, 120);
  for (unsigned i = 0; i < 120; ++i) {
    uint32_t want = 0;
    for (int k = int(i % 40 % 7); k >= 0; --k)
      want = want * 3 + uint32_t(k);
    EXPECT_EQ(got[i], want) << i;
  }
  r = sim.run(ptx); // all of it is free again
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
}

TEST(Runtime, HeapFaults) {
  auto run = [](const std::string &body, uint64_t heap = 1 << 20) {
    Sim sim;
    sim.options.heapBytes = heap;
    sim.buffer(8);
    Report r = sim.run(kernel(1, mallocCall("24", "%rd1") + body, kRuntime));
    std::string all;
    for (auto &f : r.findings)
      all += f.name + ": " + f.message + "\n";
    return all;
  };
  EXPECT_EQ(run(""), ""); // what is not freed is no error
  EXPECT_EQ(run("st.u64 [%rd1+16], %rd1;" + freeCall("%rd1") + freeCall("0")), "");
  EXPECT_THAT(
      run(freeCall("%rd1") + freeCall("%rd1")),
      HasSubstr(
          "TK-SIM-HEAP-FREE: free of byte 0 of 'malloc at line 12 by CTA (0, 0, 0) thread 0' ("));
  EXPECT_THAT(run(freeCall("%rd1") + freeCall("%rd1")),
              HasSubstr("), which is freed already; free what malloc gave, once"));
  EXPECT_THAT(run("add.u64 %rd2, %rd1, 8;" + freeCall("%rd2")),
              HasSubstr("which lies inside what malloc gave and is not its start"));
  EXPECT_THAT(run(freeCall("%rd100")), HasSubstr("which is nothing that malloc gave"));
  EXPECT_THAT(run("st.u64 [%rd1+24], %rd1;"), HasSubstr("TK-SIM-MEM-OOB: write of 8 bytes at "));
  EXPECT_THAT(run(freeCall("%rd1") + "ld.u64 %rd2, [%rd1];"), HasSubstr("(freed)"));
  EXPECT_THAT(run("ld.u64 %rd2, [%rd1]; st.global.u64 [%rd100], %rd2;"),
              HasSubstr("TK-SIM-MEM-UNINIT"));
  // Full: null, and a note.
  EXPECT_EQ(run(mallocCall("16", "%rd2") + "st.global.u64 [%rd100], %rd2;", 32),
            "TK-SIM-HEAP-FULL: malloc of 16 bytes gives null: 24 of the heap's 32 bytes are in use "
            "(--heap-bytes)\n");
  EXPECT_EQ(run(mallocCall("8", "%rd2") + "st.u64 [%rd2], %rd2;" + mallocCall("0", "%rd3"), 32),
            "");
  EXPECT_THAT(run(mallocCall("%rd9", "%rd2")),
              HasSubstr("an uninitialised value reaches the size of malloc"));
}

TEST(Runtime, MemoryOfTheHeapIsUsedAgain) {
  Sim sim;
  sim.options.heapBytes = 8 << 20;
  uint64_t out = sim.buffer(8);
  sim.device->memory().setLimit(16 << 20);
  Report r = sim.run(kernel(1, "mov.u32 %r1, 0;\n$again:\n" + mallocCall("1048576", "%rd1") + freeCall("%rd1") +
                                   "add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 40; @%p1 bra $again; st.global.u64 [%rd100], %rd1;",
                            kRuntime));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  EXPECT_NE(sim.read<uint64_t>(out, 1)[0], 0u);
}

// What one launch allocates the next may use.
TEST(Runtime, HeapLastsFromLaunchToLaunch) {
  Sim sim;
  uint64_t out = sim.buffer(8);
  EXPECT_EQ(
      sim.run(kernel(1,
                     mallocCall("8", "%rd1") + "st.u64 [%rd1], 77; st.global.u64 [%rd100], %rd1;",
                     kRuntime))
          .findings.size(),
      0u);
  Report r = sim.run(
      kernel(1,
             "ld.global.u64 %rd1, [%rd100]; ld.u64 %rd2, [%rd1]; st.global.u64 [%rd100], %rd2;" +
                 freeCall("%rd1"),
             kRuntime));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  EXPECT_EQ(sim.read<uint64_t>(out, 1)[0], 77u);
}

TEST(Runtime, Assertions) {
  std::string module =
      kRuntime + global("what", "i < 3") + global("file", "x.cu") + global("who", "void k(int)");
  std::string fail =
      R"(mov.u64 %rd1, what; cvta.global.u64 %rd1, %rd1; mov.u64 %rd2, file; cvta.global.u64 %rd2, %rd2; mov.u64 %rd3, who; cvta.global.u64 %rd3, %rd3;
{ .param .b64 a; st.param.b64 [a+0], %rd1; .param .b64 b; st.param.b64 [b+0], %rd2; .param .b32 c; st.param.b32 [c+0], 12; .param .b64 d; st.param.b64 [d+0], %rd3;
.param .b64 e; st.param.b64 [e+0], 1; call.uni __assertfail, (a, b, c, d, e); }
)";
  auto body = [&](const char *limit) {
    return "mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; setp.lt.u32 %p1, %r1, " + std::string(limit) +
           "; @%p1 bra $on;\n" + fail + "$on: bar.sync 0;\n";
  };
  Sim sim;
  sim.launch.block = {8, 4, 1};
  sim.launch.grid = {1, 2, 1};
  sim.options.threads = 1;
  EXPECT_EQ(sim.run(kernel(0, body("8"), module)).findings.size(), 0u);
  Report r = sim.run(kernel(0, body("6"), module));
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_EQ(r.findings[0].name, "TK-SIM-ASSERT");
  EXPECT_EQ(
      r.findings[0].message,
      "assertion 'i < 3' failed at x.cu:12 in 'void k(int)' by block (0, 0, 0) thread (6, 0, 0)");
  EXPECT_EQ(r.findings[0].lanes, 0xc0c0c0c0u);
  EXPECT_EQ(r.findings[0].count, 16u);
  EXPECT_EQ(r.findings[0].details.front(), "also by block (0, 0, 0) thread (7, 0, 0)");
  // Switched off, it adds nothing to what was found before.
  sim.options.grades["TK-SIM-ASSERT"] = std::nullopt;
  r = sim.run(kernel(0, "mov.u64 %rd1, 64; st.global.u32 [%rd1], 1;\n" + body("6"), module));
  ASSERT_FALSE(r.findings.empty());
  for (const Finding &f : r.findings)
    for (const std::string &detail : f.details)
      EXPECT_THAT(detail, testing::Not(HasSubstr("also by block"))) << f.name;
}

TEST(Runtime, ClocksAndSleep) {
  Sim sim;
  uint64_t out = sim.buffer(8 * 4);
  Report r = sim.run(kernel(
      1,
      R"(mov.u64 %rd1, %clock64; mov.u64 %rd2, %globaltimer; mov.u32 %r1, %clock; nanosleep.u32 5000; mov.u32 %r9, 100; nanosleep.u32 %r9;
mov.u64 %rd3, %clock64; mov.u64 %rd4, %globaltimer; mov.u32 %r2, %clock; mov.u32 %r3, %clock_hi; mov.u32 %r4, %globaltimer_hi; mov.u32 %r5, %globaltimer_lo;
sub.u64 %rd3, %rd3, %rd1; sub.u64 %rd4, %rd4, %rd2; sub.u32 %r2, %r2, %r1; cvt.u64.u32 %rd5, %r2; add.u32 %r3, %r3, %r4; cvt.u64.u32 %rd6, %r3;
st.global.u64 [%rd100], %rd3; st.global.u64 [%rd100+8], %rd4; st.global.u64 [%rd100+16], %rd5; st.global.u64 [%rd100+24], %rd6;)"));
  EXPECT_EQ(r.findings.size(), 0u) << describe(r);
  auto v = sim.read<uint64_t>(out, 4);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_GE(v[i], 5100u);
    EXPECT_LT(v[i], 5200u);
  }
  EXPECT_EQ(v[3], 0u);
}

TEST(Runtime, Refusals) {
  auto error = [](const std::string &body, const std::string &module) {
    auto p = Program::parse(kernel(1, body, module), "t.ptx");
    return p ? "" : llvm::toString(p.takeError());
  };
  EXPECT_THAT(
      error("{ .param .b32 p; call free, (p); }", kRuntime),
      HasSubstr("the call takes () from and gives (4) to 'free', which has () for (8) bytes"));
  EXPECT_THAT(error("call cudaDeviceSynchronize;",
                    ".extern .func (.param .b32 r) cudaDeviceSynchronize();\n"),
              HasSubstr("cannot call 'cudaDeviceSynchronize'"));
  EXPECT_THAT(error("nanosleep.u32;", ""), HasSubstr("error"));
  // A file's own function of the name is just that.
  Sim sim;
  uint64_t out = sim.buffer(8);
  EXPECT_EQ(
      sim.run(kernel(1, mallocCall("5", "%rd1") + "st.global.u64 [%rd100], %rd1;",
                     ".func (.param .b64 r) malloc(.param .b64 n) { .reg .b64 %rd; ld.param.b64 "
                     "%rd, [n]; add.u64 %rd, %rd, 1; st.param.b64 [r], %rd; ret; }\n"))
          .findings.size(),
      0u);
  EXPECT_EQ(sim.read<uint64_t>(out, 1)[0], 6u);
}

} // namespace
