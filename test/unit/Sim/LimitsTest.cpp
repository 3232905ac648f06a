//===- LimitsTest.cpp - Launches that ask for the extreme -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Sizes that no product of 64 bits holds, grids that no memory holds, loops around malloc: an
/// error that says what, or an end in time, and never a crash.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "tk/Sim/LaunchFile.h"

using namespace tk::sim;
using namespace tk::sim::test;
using testing::HasSubstr;

namespace {

std::string errorOf(llvm::Expected<Report> r) {
  return r ? "no error: " + describe(*r) : llvm::toString(r.takeError());
}

std::string errorOfFile(const std::string &launch) {
  auto program =
      Program::parse(header() + ".visible .entry k(.param .u64 x) .reqntid 1\n{\nret;\n}\n", "k.ptx");
  RunOptions how;
  how.options.memoryBytes = 64 << 20;
  return errorOf(runLaunchText(*llvm::cantFail(std::move(program)), launch, "l.json", ".", how));
}

TEST(Limits, IntegersOfLaunchFiles) {
  const std::string big = "9.223372036854775808e18"; // 2^63, which is no integer of 64 bits
  auto value = [](const std::string &v, const std::string &vars = "") {
    return errorOfFile("{" + vars + R"("entry": "k", "params": [{"i64": )" + v + "}]}");
  };
  EXPECT_EQ(value("9223372036854775807"), "no error: ");
  EXPECT_EQ(value("-9.223372036854775808e18"), "no error: ");
  EXPECT_EQ(value("4e3"), "no error: ");
  EXPECT_THAT(value(big),
              HasSubstr("l.json: params[0].i64: expected an integer or an expression over"));
  EXPECT_THAT(value("9223372036854775808"), HasSubstr("params[0].i64: expected an integer"));
  EXPECT_THAT(value("1", "\"vars\": {\"N\": " + big + "}, "),
              HasSubstr("vars.N: expected an integer, got 9.223372036854775"));
  EXPECT_THAT(value("\"-(-9223372036854775807-1)\""),
              HasSubstr("the expression does not fit 64 bits: -(-9223372036854775808)"));
  EXPECT_EQ(value("\"-(-9223372036854775807)\""), "no error: ");
  EXPECT_THAT(errorOfFile(R"({"entry": "k", "grid": [)" + big + R"(], "params": [{"u64": 1}]})"),
              HasSubstr("l.json: grid[0]: expected an integer"));
  EXPECT_THAT(
      errorOfFile(R"({"types": {"t": {"bytes": 8, "fields": [{"offset": 0, "u64": "$x+1"}]}},
                      "entry": "k", "params": [{"type": "t", "x": )" +
                  big + "}]}"),
      HasSubstr("expected an integer or an expression for 'x'"));
}

TEST(Limits, NumbersHaveNoLeadingZeros) {
  RunOptions how;
  for (const char *n : {"0", "0x10", "0o10"})
    EXPECT_FALSE(bool(how.set("max-steps", n)));
  EXPECT_EQ(how.options.maxSteps, 8u);
  EXPECT_EQ(llvm::toString(how.set("max-steps", "010")),
            "expected --max-steps without a leading zero, which may mean an octal number, got '010'; leave it out, "
            "or write 0o for an octal one");
}

TEST(Limits, HostThreads) {
  RunOptions how;
  EXPECT_FALSE(bool(how.set("threads", "1024")));
  for (const char *n : {"1025", "4294967295"})
    EXPECT_EQ(llvm::toString(how.set("threads", n)),
              std::string("expected --threads with at most 1024, got '") + n + "'");
}

/// CTA 0 never ends. The others wait for it when they are far ahead, and all end when the time is
/// up.
TEST(Limits, OneCtaThatNeverEnds) {
  Sim sim;
  sim.buffer(8);
  sim.options.threads = 3;
  sim.options.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  sim.launch.grid = {0x7fffffff, 1, 1};
  Report r = sim.run(kernel(1, "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 bra L;\n"
                               "ld.global.u32 %r2, [%rd100]; ret;\nL: bra L;"));
  EXPECT_TRUE(has(r, "TK-SIM-TIMEOUT")) << describe(r);
  EXPECT_LE(r.counters.at("bytes.global.read"), 4u * (4096 + 3));
}

TEST(Limits, DirectivesWhoseProductsOverflow) {
  auto run = [](const std::string &directives) {
    Sim sim;
    sim.launch.block = {128, 1, 1};
    auto program = Program::parse(header() + ".visible .entry k() " + directives +
                                      "\n{\nsetmaxnreg.dec.sync.aligned.u32 24;\nret;\n}\n",
                                  "k.ptx");
    if (!program)
      return llvm::toString(program.takeError());
    return errorOf(sim.device->launch(**program, sim.launch, sim.options));
  };
  // 2^72 threads; 2^40 threads of 2^24 CTAs.
  EXPECT_THAT(run(".maxntid 16777216, 16777216, 16777216"), HasSubstr("no error: "));
  for (const char *ctas : {"1", "64", "65535"})
    EXPECT_THAT(run(std::string(".maxntid 1048576, 1048576, 1048576 .minnctapersm ") + ctas),
                HasSubstr("no error: "));
  EXPECT_THAT(run(".maxntid 4, 4, 4"), HasSubstr("allows at most 64 threads (.maxntid), got 128"));
}

TEST(Limits, LocalMemoryOfAllThatRunsAtOnce) {
  Sim sim;
  sim.buffer(8);
  sim.device->memory().setLimit(100 << 20);
  sim.launch.block = {64, 1, 1};
  sim.launch.grid = {1000, 1, 1};
  sim.options.maxSteps = 100000;
  sim.options.multiprocessors = 1;
  const std::string local = ".local .align 4 .b8 a[524288]; st.local.u32 [a], 1;\n";
  auto run = [&](const std::string &body) {
    auto program = llvm::cantFail(Program::parse(kernel(1, body), "k.ptx"));
    return errorOf(sim.device->launch(*program, sim.launch, sim.options));
  };
  // 32 MiB for each CTA; a multiprocessor holds 32 of them.
  EXPECT_THAT(run(local + "st.relaxed.gpu.global.u32 [%rd100], 1;"),
              HasSubstr("the local memory of 32 CTAs that run at once, 524288 bytes for each "
                        "thread, is too large: 1073741824 bytes do not fit into device memory"));
  // Fewer host threads need less.
  sim.options.maxSteps = 0;
  sim.options.threads = 4;
  sim.launch.grid = {4, 1, 1};
  EXPECT_EQ(run(local), "no error: ");
  sim.launch.block = {256, 1, 1};
  EXPECT_THAT(run(local), HasSubstr("the local memory of 1 CTAs that run at once"));
}

const char *kHeap = ".extern .func (.param .b64 r) malloc (.param .b64 n);\n"
                    ".extern .func free (.param .b64 p);\n";

/// What is free counts neither for the heap nor for the device's memory.
TEST(Limits, MallocAndFreeInALoop) {
  Sim sim;
  uint64_t out = sim.buffer(8);
  sim.device->memory().setLimit(1 << 20);
  Report r = sim.run(kernel(1,
                            "mov.u32 %r1, 0;\n"
                            "L: { .param .b64 p; st.param.b64 [p], 300000; .param .b64 q; "
                            "call.uni (q), malloc, (p); ld.param.b64 %rd1, [q]; }\n"
                            "setp.eq.u64 %p1, %rd1, 0; @%p1 bra M;\n"
                            "{ .param .b64 p; st.param.b64 [p], %rd1; call.uni free, (p); }\n"
                            "add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 100; @%p1 bra L;\n"
                            "M: st.global.u32 [%rd100], %r1;",
                            kHeap));
  EXPECT_EQ(describe(r), "");
  EXPECT_EQ(sim.read<uint32_t>(out, 1)[0], 100u);
}

/// A width of two thousand millions is not made, even to be dropped.
TEST(Limits, WidthsOfPrintf) {
  auto run = [](const std::string &format, const std::string &width = "5") {
    Sim sim;
    std::string text = ".global .align 1 .b8 text[" + std::to_string(format.size() + 1) + "] = {";
    for (char c : format)
      text += std::to_string(int(c)) + ", ";
    Report r =
        sim.run(kernel(0,
                       ".local .align 8 .b8 v[16]; st.local.u32 [v], " + width +
                           "; st.local.u32 [v+4], 7; mov.u64 %rd1, v; cvta.local.u64 %rd1, %rd1;\n"
                           "mov.u64 %rd2, text; cvta.global.u64 %rd2, %rd2;\n"
                           "{ .param .b64 f; .param .b64 a; .param .b32 r; st.param.b64 [f], %rd2; "
                           "st.param.b64 [a], %rd1; call.uni (r), vprintf, (f, a); }",
                       ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n" +
                           text + "0};\n"));
    return r.output.substr(0, 20) + std::to_string(r.output.size()) + describe(r);
  };
  EXPECT_EQ(run("%*d"), "    75");
  EXPECT_EQ(run("%-*d|", "-3"), "7  |4");
  EXPECT_EQ(run("%65536d").substr(20), "65536");
  EXPECT_EQ(run("%*d", "65536").substr(20), "65536");
  EXPECT_EQ(run("%.65536d").substr(20), "65536");
  for (const char *format : {"%65537d", "%2147483647d", "%.99999999999999999999d", "%1.65537d"})
    EXPECT_THAT(run(format), HasSubstr(std::string("expected a width and a precision of at most "
                                                   "65536, got '") +
                                       format + "' in '" + format + "'"));
  EXPECT_THAT(run("%*d", "65537"), HasSubstr("got '%*d' with 65537 in"));
  EXPECT_THAT(run("%*d", "0x80000000"), HasSubstr("got '%*d' with -2147483648 in"));
  EXPECT_THAT(run("%.*d", "2147483647"), HasSubstr("got '%.*d' with 2147483647 in"));
}

TEST(Limits, AllocaSaysWhatItNeeds) {
  Sim sim;
  Report r = sim.run(kernel(0, "mov.u64 %rd2, -8; alloca.u64 %rd3, %rd2;"));
  ASSERT_EQ(r.findings.size(), 1u) << describe(r);
  EXPECT_THAT(r.findings[0].message, HasSubstr("alloca needs 18446744073709551608 bytes"));
}

} // namespace
