//===- LaunchFileTest.cpp - Launches described in JSON --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "SimTest.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace tk::sim;

namespace {

/// Loads the box at (4, 1) of the map and stores its 8 words.
constexpr const char *kPtx = R"(.version 8.6
.target sm_90a
.address_size 64
.shared .align 128 .b8 s[256];
.visible .entry k(.param .align 64 .b8 all[256]) .reqntid 1
{
.reg .b64 %rd<9>; .reg .b32 %r<9>; .reg .pred %p<4>;
mov.b64 %rd1, all; cvta.param.u64 %rd2, %rd1; ld.param.u64 %rd3, [all]; ld.param.u32 %r1, [all+8];
mbarrier.init.shared.b64 [s+128], 1;
mbarrier.arrive.expect_tx.shared.b64 _, [s+128], 32;
cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [s], [%rd2+64, {%r1, 1}], [s+128];
$w: mbarrier.try_wait.parity.shared.b64 %p1, [s+128], 0; @!%p1 bra $w;
ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [s]; st.global.v4.u32 [%rd3], {%r2, %r3, %r4, %r5};
ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [s+16]; st.global.v4.u32 [%rd3+16], {%r2, %r3, %r4, %r5};
ret;
}
)";

struct Folder {
  llvm::SmallString<128> path;
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tk-sim-test", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string file(const char *name) const { return (path + "/" + name).str(); }
};

std::string withMap(const std::string &map, const std::string &extra = "") {
  return R"({"vars": {"W": 16}, "buffers": {"A": {"npy": "a.npy"}, "O": {"shape": [8], "dtype": "i32", "out": "o.npy"}},
  "entry": "k", "params": [{"bytes": 256, "fields": [{"offset": 0, "pointer": "O"}, {"offset": 8, "i32": "W/4"}, {"offset": 64, "tensorMap": {)" +
         map + "}}" + extra + "]}]}";
}
const std::string kMap = R"("buffer": "A", "dtype": "i32", "globalDim": ["W", 3], "globalStrides": ["4*W"], "box": [8, 1])";

void writeText(const Folder &folder, const char *name, const std::string &text) {
  std::error_code ec;
  llvm::raw_fd_ostream(folder.file(name), ec) << text;
}

llvm::Expected<Report> runFile(const Folder &folder, const std::string &json, const char *ptx = kPtx,
                               std::optional<SeedRange> seeds = std::nullopt, const Options &options = Options()) {
  writeText(folder, "l.json", json);
  auto program = llvm::cantFail(Program::parse(ptx, "l.ptx"));
  RunOptions how;
  how.options = options;
  how.seeds = seeds;
  return runLaunchFile(*program, folder.file("l.json"), how);
}

std::vector<uint64_t> words(const Folder &folder, const char *name) {
  NpyArray a = llvm::cantFail(readNpy(folder.file(name)));
  std::vector<uint64_t> w(a.data.size() / 8);
  memcpy(w.data(), a.data.data(), w.size() * 8);
  return w;
}

TEST(LaunchFile, TensorMapsAndFields) {
  Folder folder;
  NpyArray a{"<i4", {3, 16}, {}};
  for (int i = 0; i < 48; ++i)
    a.data.insert(a.data.end(), {uint8_t(i + 100), 0, 0, 0});
  llvm::cantFail(writeNpy(folder.file("a.npy"), a));
  struct { std::string map; int first; } cases[] = {
      {kMap, 120}, {kMap + R"(, "byteOffset": 64, "elementStrides": [1, 1], "interleave": "none", "swizzle": "32B", "l2Promotion": "256B", "oobFill": "zero")", 136}};
  for (auto &c : cases) {
    llvm::Expected<Report> r = runFile(folder, withMap(c.map));
    ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
    EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
    NpyArray o = llvm::cantFail(readNpy(folder.file("o.npy")));
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(o.data[4 * i], c.first + i);
  }
}

TEST(LaunchFile, WhatIsWrongIsNamed) {
  Folder folder;
  NpyArray a{"<i4", {3, 16}, std::vector<uint8_t>(192)};
  llvm::cantFail(writeNpy(folder.file("a.npy"), a));
  struct { std::string json; const char *message; } cases[] = {
      {withMap(kMap + R"(, "swizle": "none")"), "params[0].fields[2].tensorMap: unknown key 'swizle' (did you mean 'swizzle'?); expected one of 'buffer',"},
      {withMap(kMap + R"(, "swizzle": "128")"), "tensorMap.swizzle: expected one of none, 32B, 64B, 128B, 128B_ATOM_32B, 128B_ATOM_32B_FLIP_8B, 128B_ATOM_64B, got '128'"},
      {withMap(R"("buffer": "B", "dtype": "i32", "globalDim": [8], "box": [8])"), "tensorMap.buffer: unknown buffer 'B'; \"buffers\" has 'A', 'O'"},
      {withMap(R"("buffer": "A", "dtype": "i32", "globalDim": [8, 3], "box": [8, 1])"), "globalStrides: expected 1 integer(s), got none"},
      {withMap(R"("buffer": "A", "dtype": "i32", "globalDim": [8, 3], "globalStrides": [36], "box": [8, 1])"), "expected the stride of dimension 1 to be a multiple of 16 bytes below 2^40, got 36"},
      {withMap(R"("buffer": "A", "globalDim": [8], "box": [8])"), "needs \"dtype\""},
      {withMap(kMap, R"(, {"offset": 64, "u64": 1})"), "params[0].fields[3]: the field overlaps another at byte 64 of the structure"},
      {withMap(kMap, R"(, {"offset": 256, "u64": 1})"), "params[0].fields[3]: the field of 8 bytes at 256 does not end within the structure's 256 bytes"},
      {withMap(kMap, R"(, {"u64": 1})"), "params[0].fields[3]: expected a field with \"offset\", got {\"u64\":1}"},
  };
  for (auto &c : cases) {
    llvm::Expected<Report> r = runFile(folder, c.json);
    ASSERT_FALSE(bool(r)) << c.message;
    std::string text = llvm::toString(r.takeError());
    EXPECT_THAT(text, testing::HasSubstr(c.message));
  }
}

//===----------------------------------------------------------------------===//
// Small kernels, each for one thing
//===----------------------------------------------------------------------===//

constexpr const char *kKernels = R"(.version 8.6
.target sm_90a
.address_size 64
.global .align 8 .u64 table[2] = {7, 8};
.extern .global .align 4 .u32 other;
.const .align 4 .u32 factor = 3;

.visible .entry dump(.param .align 64 .b8 all[64], .param .u64 out) .reqntid 1
{ // the 8 words of its first parameter
.reg .b64 %rd<9>;
ld.param.u64 %rd0, [out];
ld.param.u64 %rd1, [all]; st.global.u64 [%rd0], %rd1;
ld.param.u64 %rd1, [all+8]; st.global.u64 [%rd0+8], %rd1;
ld.param.u64 %rd1, [all+16]; st.global.u64 [%rd0+16], %rd1;
ld.param.u64 %rd1, [all+24]; st.global.u64 [%rd0+24], %rd1;
ld.param.u64 %rd1, [all+32]; st.global.u64 [%rd0+32], %rd1;
ld.param.u64 %rd1, [all+40]; st.global.u64 [%rd0+40], %rd1;
ld.param.u64 %rd1, [all+48]; st.global.u64 [%rd0+48], %rd1;
ld.param.u64 %rd1, [all+56]; st.global.u64 [%rd0+56], %rd1;
ret;
}
.visible .entry walk(.param .u64 where, .param .u64 out) .reqntid 1
{ // *out = **(where + 8)
.reg .b64 %rd<9>;
ld.param.u64 %rd0, [where]; ld.param.u64 %rd2, [out];
ld.global.u64 %rd1, [%rd0+8]; ld.global.u64 %rd1, [%rd1]; st.global.u64 [%rd2], %rd1;
ret;
}
.visible .entry add(.param .u64 p, .param .u64 n) .reqntid 1
{
.reg .b64 %rd<9>;
ld.param.u64 %rd0, [p]; ld.param.u64 %rd1, [n];
ld.global.u64 %rd2, [%rd0]; add.u64 %rd2, %rd2, %rd1; st.global.u64 [%rd0], %rd2;
ret;
}
.visible .entry far(.param .u64 p) .reqntid 1
{
.reg .b64 %rd<9>;
ld.param.u64 %rd0, [p]; st.global.u64 [%rd0+4096], %rd0;
ret;
}
.visible .entry symbols(.param .u64 out) .reqntid 1
{
.reg .b64 %rd<9>; .reg .b32 %r<9>;
ld.param.u64 %rd0, [out];
ld.global.u64 %rd1, [table]; st.global.u64 [%rd0], %rd1;
ld.global.u64 %rd1, [table+8]; st.global.u64 [%rd0+8], %rd1;
ld.global.u32 %r1, [other]; ld.const.u32 %r2, [factor]; st.global.v2.u32 [%rd0+16], {%r1, %r2};
ret;
}
.visible .entry race(.param .u64 out)
{
.reg .b64 %rd<9>; .reg .b32 %r<9>;
ld.param.u64 %rd0, [out]; mov.u32 %r1, %tid.x; st.global.u32 [%rd0+8], %r1;
ret;
}
.visible .entry endless() .reqntid 1
{
$again: bra $again;
}
.visible .entry pair() .reqnctapercluster 2, 1, 1 .reqntid 1
{
ret;
}
.visible .entry clustered() .explicitcluster .reqntid 1 { ret; }
)";

std::string message(llvm::Expected<Report> r) {
  if (r)
    return "no error: " + test::describe(*r);
  return llvm::toString(r.takeError());
}
const std::string kOut = R"("O": {"shape": [8], "dtype": "u64", "out": "o.npy"})";

TEST(LaunchFile, ScalarsOfEveryType) {
  Folder folder;
  llvm::Expected<Report> r = runFile(folder, R"({"vars": {"N": 5}, "buffers": {)" + kOut + R"(}, "entry": "dump", "params": [{"bytes": 64, "fields": [
    {"offset": 0, "i8": -1}, {"offset": 1, "u8": 255}, {"offset": 2, "i16": "-N"}, {"offset": 4, "f32": 0.5},
    {"offset": 8, "u64": 18446744073709551615}, {"offset": 16, "f16": 1}, {"offset": 18, "bf16": "N"}, {"offset": 20, "e4m3": 1}, {"offset": 21, "e5m2": 1},
    {"offset": 22, "b16": -2}, {"offset": 24, "f64": -2}, {"offset": 32, "hex": "00ff10AB"}, {"offset": 36, "tf32": "inf"},
    {"offset": 40, "pointer": null}, {"offset": 48, "bool": true}, {"offset": 49, "bool": 0}, {"offset": 50, "u16": "N*N-1"}, {"offset": 52, "u32": 4294967295},
    {"offset": 56, "i64": "-(N - 1) * 2"}]}, {"pointer": "O"}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
  EXPECT_THAT(words(folder, "o.npy"), testing::ElementsAre(0x3f000000fffbffffull, ~0ull, 0xfffe3c3840a03c00ull, 0xc000000000000000ull, 0x7f800000ab10ff00ull,
                                                           0ull, 0xffffffff00180001ull, uint64_t(-8)));
}

TEST(LaunchFile, GapsOfParametersArePoison) {
  Folder folder;
  llvm::Expected<Report> r = runFile(folder, "{\"buffers\": {" + kOut + R"(}, "entry": "dump", "params": [{"bytes": 64, "fields": [
    {"offset": 0, "u64": 1}, {"offset": 8, "u32": 2}, {"offset": 16, "hex": "00000000000000000000000000000000000000000000000000000000000000000000000000000000"}]}, {"pointer": "O"}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  ASSERT_EQ(r->findings.size(), 2u) << test::describe(*r);
  EXPECT_EQ(r->findings[0].name, "TK-SIM-MEM-UNINIT"); // bytes 12 to 15, and 56 to 63
  EXPECT_THAT(r->findings[0].ptxText, testing::HasSubstr("all+8]"));
  EXPECT_THAT(r->findings[1].ptxText, testing::HasSubstr("all+56]"));
}

TEST(LaunchFile, TypesTakeArguments) {
  Folder folder;
  std::string head = R"({"types": {"inner": {"bytes": 16, "align": 8, "fields": [{"offset": "$at", "u64": "$n"}, {"offset": "8 - $at", "u64": "2*$n+1"}]},
    "outer": {"bytes": 64, "align": 64, "fields": [{"offset": 0, "type": "inner", "at": 8, "n": "$rows"}, {"offset": 16, "pointer": "$buf"},
      {"offset": 24, "hex": "0000000000000000000000000000000000000000000000000000000000000000"}, {"offset": 56, "u64": 0}]}},
    "vars": {"N": 3}, "buffers": {)" + kOut + R"(}, "entry": "dump", "params": [)";
  llvm::Expected<Report> r = runFile(folder, head + R"({"type": "outer", "buf": "O", "rows": "N+1"}, {"pointer": "O"}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
  std::vector<uint64_t> o = words(folder, "o.npy");
  EXPECT_EQ(o[0], 9u); // 2*(N+1)+1: the argument stands in parentheses
  EXPECT_EQ(o[1], 4u);
  EXPECT_NE(o[2], 0u);
  struct { const char *use, *message; } cases[] = {
      {R"({"type": "outr", "buf": "O"})", "params[0].type: unknown type 'outr'; \"types\" has 'inner', 'outer'"},
      {R"({"type": "outer", "buf": "O"})", "params[0](types.outer): the type needs an argument for its placeholder '$rows'; add \"rows\""},
      {R"({"type": "outer", "buf": "O", "rows": 1, "cols": 2})", "params[0]: type 'outer' has no placeholder '$cols'; it has 'buf', 'rows'"},
      {R"({"type": "outer", "buf": "X", "rows": 1})", "params[0](types.outer).fields[1].pointer: unknown buffer 'X'; \"buffers\" has 'O'"},
      {R"({"type": "outer", "buf": "O", "rows": {}})", "expected an integer or an expression for 'n' in \"2*$n+1\", got {}"},
      {R"({"type": "inner", "at": 0, "n": 0})", "parameter 'all' has 64 bytes in the PTX, the launch file gives 16"},
  };
  for (auto &c : cases)
    EXPECT_THAT(message(runFile(folder, head + c.use + ", {\"pointer\": \"O\"}]}", kKernels)), testing::HasSubstr(c.message));
  EXPECT_THAT(message(runFile(folder, R"({"types": {"t": {"bytes": 8, "fields": [{"offset": 0, "type": "t"}]}}, "entry": "add", "params": [{"type": "t"}, {"u64": 0}]})", kKernels)),
              testing::HasSubstr("does a type contain itself?"));
}

TEST(LaunchFile, StructuresInMemory) {
  Folder folder;
  std::string rest = R"(}, "entry": "walk", "params": [{"pointer": "T"}, {"pointer": "O"}]})";
  llvm::Expected<Report> r = runFile(folder, R"({"buffers": {"A": {"bytes": 16, "fields": [{"offset": 8, "u64": 42}]},
    "T": {"bytes": 64, "fields": [{"offset": 8, "pointer": "A", "byteOffset": 8}]}, )" + kOut + rest, kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
  EXPECT_EQ(words(folder, "o.npy")[0], 42u);
  r = runFile(folder, R"({"buffers": {"T": {"bytes": 64, "fields": [{"offset": 0, "pointer": "T"}]}, )" + kOut + rest, kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  // The pointer, then what was not read through it: one finding, as both stand in one line.
  ASSERT_EQ(r->findings.size(), 1u) << test::describe(*r);
  EXPECT_EQ(r->findings[0].count, 2u);
  EXPECT_THAT(r->findings[0].message, testing::HasSubstr("an uninitialised value reaches an address"));
}

TEST(LaunchFile, LaunchesRunInOrderAndFindingsNameTheirs) {
  Folder folder;
  llvm::Expected<Report> r = runFile(folder, "{\"buffers\": {\"O\": {\"shape\": [2], \"dtype\": \"u64\", \"fill\": \"zero\", \"out\": \"o.npy\"}}, \"launches\": [" R"(
    {"entry": "add", "params": [{"pointer": "O"}, {"u64": 40}]}, {"entry": "far", "params": [{"pointer": "O"}]}, {"entry": "add", "params": [{"pointer": "O"}, {"u64": 2}]}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_EQ(words(folder, "o.npy")[0], 42u);
  EXPECT_THAT(r->launches, testing::ElementsAre("add", "far", "add"));
  ASSERT_EQ(r->findings.size(), 1u) << test::describe(*r);
  EXPECT_EQ(r->findings[0].name, "TK-SIM-MEM-OOB");
  EXPECT_EQ(r->findings[0].launch, 1);
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(*r, os);
  printJson(*r, os);
  EXPECT_THAT(text, testing::AllOf(testing::HasSubstr("in launches[1] ('far')"), testing::HasSubstr("\"launch\": 1")));
}

/// Texts come from the PTX, from the names of source files in it, and from the kernel's memory.
TEST(LaunchFile, ReportsAreUtf8WhateverTheirTextsAre) {
  Folder folder;
  const std::string ptx = ".version 8.6\n.target sm_90a\n.address_size 64\n.file 1 \"caf\xe9.cu\"\n"
                          ".extern .func __assertfail (.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);\n"
                          ".global .align 1 .b8 text[2] = {255, 0};\n.visible .entry k()\n .reqntid 1{\n.reg .b64 %t; .reg .b32 %r; .shared .b32 s[32];\n.loc 1 7 1\n"
                          "mov.u64 %t, text;\ncvta.global.u64 %t, %t;\nst.shared.b32 [s], 1; // caf\xe9\n"
                          "{ .param .b64 a; .param .b64 b; .param .b32 c; .param .b64 d; .param .b64 e;\n"
                          "st.param.b64 [a], %t; st.param.b64 [b], %t; st.param.b32 [c], 1; st.param.b64 [d], %t; st.param.b64 [e], 1;\n"
                          "call.uni __assertfail, (a, b, c, d, e); /* caf\xe9 */ }\nret;\n}\n";
  auto program = Program::parse(ptx, "caf\xe9.ptx");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  writeText(folder, "l.json", R"({"entry": "k"})");
  RunOptions how;
  how.options.trace = true;
  llvm::Expected<Report> r = runLaunchFile(**program, folder.file("l.json"), how);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  std::string text, page;
  llvm::raw_string_ostream os(text), html(page);
  printJson(*r, os);
  printHtml(*r, **program, html);
  EXPECT_TRUE(llvm::json::isUTF8(page));
  llvm::json::Value all = llvm::cantFail(llvm::json::parse(text));
  const llvm::json::Object &finding = *(*all.getAsObject()->getArray("findings"))[0].getAsObject();
  EXPECT_EQ(finding.getString("name"), "TK-SIM-ASSERT") << text;
  EXPECT_EQ(finding.getString("source"), "caf\xef\xbf\xbd.cu:7:1");
  EXPECT_THAT(finding.getString("message")->str(), testing::HasSubstr("assertion '\xef\xbf\xbd' failed"));
  EXPECT_THAT(finding.getString("ptxText")->str(), testing::HasSubstr("caf\xef\xbf\xbd"));
}

TEST(LaunchFile, SymbolsTakeBuffersAndValues) {
  Folder folder;
  std::string head = R"({"buffers": {"T": {"bytes": 16, "fields": [{"offset": 0, "u64": 1}]}, )" + kOut + R"(}, "symbols": {)", tail = R"(}, "entry": "symbols", "params": [{"pointer": "O"}]})";
  llvm::Expected<Report> r = runFile(folder, head + R"("table": "T", "other": {"u32": 5}, "factor": {"u32": 6})" + tail, kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
  std::vector<uint64_t> o = words(folder, "o.npy");
  EXPECT_EQ(o[0], 1u);
  EXPECT_EQ(o[1], 8u); // a gap keeps what the PTX says
  EXPECT_EQ(o[2], 0x0000000600000005u);
  r = runFile(folder, head + R"("table": {"bytes": 16, "fields": [{"offset": 0, "pointer": "T"}, {"offset": 8, "pointer": "O"}]})" + tail, kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(test::has(*r, "TK-SIM-MEM-UNINIT")) << "an .extern variable that no one initialises";
  EXPECT_GT(words(folder, "o.npy")[0], words(folder, "o.npy")[1]) << "addresses go by names: O, then T";
  EXPECT_THAT(message(runFile(folder, head + "\"tabel\": \"T\"" + tail, kKernels)), testing::HasSubstr("symbols.tabel: unknown variable; the PTX has 'table', 'other', 'factor'"));
  EXPECT_THAT(message(runFile(folder, head + "\"other\": \"T\"" + tail, kKernels)), testing::HasSubstr("symbols.other: variable 'other' has 4 bytes in the PTX, the launch file gives 16"));
}

/// Each thread counts, and the last to come leaves its number.
constexpr const char *kCount = R"(.version 8.6
.target sm_90a
.address_size 64
.global .align 4 .u32 count = 5, last;
.const .align 4 .u32 step;
.visible .entry k(.param .u64 unused)
{
.reg .b32 %r<9>;
ld.const.u32 %r1, [step]; red.global.add.u32 [count], %r1; mov.u32 %r2, %tid.x; st.global.u32 [last], %r2;
ret;
}
)";

// As cudaMemcpyFromSymbol gives it.
TEST(LaunchFile, OutputsOfSymbolsAreWhatTheVariablesHold) {
  Folder folder;
  llvm::cantFail(writeNpy(folder.file("69.npy"), {"<u4", {1}, {69, 0, 0, 0}}));
  auto run = [&](const std::string &count, const char *unused = "{\"u64\": 0}", std::optional<SeedRange> seeds = std::nullopt, const char *symbols = "") {
    return runFile(folder, R"({"buffers": {"C": {"shape": [1], "dtype": "u32")" + count + R"(}, "S": {"shape": [1], "dtype": "u32", "fill": "zero", "out": "s.npy"}, "L": {"shape": [1], "dtype": "u32", "fill": "zero"},
      "T": {"bytes": 8, "fields": [{"offset": 0, "pointer": )" + (llvm::StringRef(unused) == "table" ? "\"C\"" : "null") + R"(}]}}, "symbols": {"count": "C", "step": {"u32": 1})" + symbols +
                           R"(}, "launches": [{"entry": "k", "block": [32], "params": [{"u64": 0}]}, {"entry": "k", "block": [32], "params": [)" + (llvm::StringRef(unused) == "table" ? "{\"u64\": 0}" : unused) + "]}]}",
                   kCount, seeds);
  };
  auto first = [&](const char *name) { return unsigned(llvm::cantFail(readNpy(folder.file(name))).data[0]); };
  // Nothing is written to the buffer: the variable keeps what the PTX says.
  llvm::Expected<Report> r = run(R"(, "out": "c.npy", "expect": {"npy": "69.npy"})");
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_FALSE(test::has(*r, "TK-SIM-EXPECT")) << test::describe(*r);
  EXPECT_EQ(first("c.npy"), 69u);
  r = run(R"(, "fill": "zero", "out": "c.npy", "expect": {"npy": "69.npy"})");
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_THAT(test::describe(*r), testing::HasSubstr("buffer 'C' (variable 'count') is not as in '69.npy': expected a largest difference of at most 0, got 5"));
  EXPECT_EQ(first("c.npy"), 64u);
  // A kernel cannot write constants.
  r = runFile(folder, R"({"buffers": {"S": {"npy": "69.npy", "out": "s.npy"}}, "symbols": {"step": "S"}, "entry": "k", "block": [1], "params": [{"u64": 0}]})", kCount);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_EQ(first("s.npy"), 69u);
  // One of two memories, or the other?
  EXPECT_THAT(message(run(R"(, "out": "c.npy")", "{\"pointer\": \"C\"}")),
              testing::HasSubstr("l.json: buffers.C.out: expected what it shows after the launches, variable 'count' or the buffer's own memory: \"symbols\" fills the variable from 'C', "
                                 "and launches[1].params[0] points to it; make two buffers"));
  EXPECT_THAT(message(run(R"(, "expect": {"npy": "69.npy"})", "table")), testing::HasSubstr("l.json: buffers.C.expect: expected what it shows after the launches, variable 'count' or the "
                                                                                         "buffer's own memory: \"symbols\" fills the variable from 'C', and buffers.T.fields[0] points to it"));
  EXPECT_THAT(message(run(R"(, "fill": "zero", "out": "c.npy")", "{\"u64\": 0}", std::nullopt, ", \"last\": \"C\"")),
              testing::HasSubstr("l.json: buffers.C.out: expected one variable that it shows after the launches, got 'count', 'last': \"symbols\" fills all of them from 'C'; give each a buffer of its own"));
  // It is no mistake where neither is asked for.
  r = run(R"(, "fill": "zero")", "{\"pointer\": \"C\"}", std::nullopt, ", \"last\": \"C\"");
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
}

TEST(LaunchFile, SeedsCompareWhatVariablesHold) {
  for (const char *out : {"", R"(, "out": "l.npy")"}) {
    Folder folder;
    std::string file = std::string(R"({"buffers": {"L": {"shape": [1], "dtype": "u32", "fill": "zero")") + out + R"(}}, "symbols": {"last": "L", "step": {"u32": 0}}, "entry": "k", "block": [64], "params": [{"u64": 0}]})";
    llvm::Expected<Report> r = runFile(folder, file, kCount, SeedRange{0, 15});
    ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
    EXPECT_THAT(test::describe(*r), testing::HasSubstr("buffer 'L' (variable 'last') depends on the order in which warps and copies run: element [0] is ")) << out;
  }
  // Of a buffer that two variables are filled from, and no output is asked for, each is compared.
  Folder folder;
  llvm::Expected<Report> r = runFile(folder, R"({"buffers": {"L": {"shape": [1], "dtype": "u32", "fill": "zero"}}, "symbols": {"count": "L", "last": "L", "step": {"u32": 0}}, "entry": "k", "block": [64], "params": [{"pointer": "L"}]})", kCount, SeedRange{0, 15});
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_THAT(test::describe(*r), testing::AllOf(testing::HasSubstr("buffer 'L' (variable 'last') depends on"), testing::Not(testing::HasSubstr("(variable 'count')"))));
}

TEST(LaunchFile, Expectations) {
  Folder folder;
  llvm::cantFail(writeNpy(folder.file("f.npy"), {"<f4", {2, 2}, {0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40}})); // 1 2 3 4
  llvm::cantFail(writeNpy(folder.file("h.npy"), {"<u2", {2, 2}, {0x80, 0x3f, 0, 0x40, 0x40, 0x40, 0x90, 0x40}})); // 1 2 3 4.5 in bf16
  auto with = [&](const std::string &expect, const char *buffer = R"("npy": "h.npy", "dtype": "bf16")") {
    return runFile(folder, std::string(R"({"buffers": {"A": {)") + buffer + R"(, "expect": {)" + expect + R"(}}}, "entry": "pair", "grid": [2]})", kKernels);
  };
  for (const char *met : {R"("npy": "f.npy", "norm": 0.1)", R"("npy": "f.npy", "max": 0.5)", R"("npy": "f.npy", "max": 1, "norm": 1)", R"("npy": "h.npy")"}) {
    llvm::Expected<Report> r = with(met);
    ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
    EXPECT_TRUE(r->findings.empty()) << met << test::describe(*r);
  }
  struct { const char *expect, *message; } unmet[] = {
      {R"("npy": "f.npy", "norm": 0.09)", "expected a relative Frobenius norm of the difference of at most 0.09, got 0.091"},
      {R"("npy": "f.npy", "max": 0.25)", "expected a largest difference of at most 0.25, got 0.5"},
      {R"("npy": "f.npy")", "expected a largest difference of at most 0, got 0.5"}};
  for (auto &c : unmet) {
    llvm::Expected<Report> r = with(c.expect);
    ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
    ASSERT_EQ(r->findings.size(), 1u);
    EXPECT_EQ(r->errors(), 1u);
    EXPECT_EQ(r->findings[0].name, "TK-SIM-EXPECT");
    EXPECT_THAT(r->findings[0].message, testing::HasSubstr(c.message));
    EXPECT_EQ(r->findings[0].details[0], "worst element: [1, 1] is 4.5, expected 4");
  }
  llvm::cantFail(writeNpy(folder.file("i.npy"), {"|i1", {2, 2}, {1, 2, 3, 0x80}}));
  llvm::Expected<Report> negative = with(R"("npy": "f.npy", "dtype": "f32")", R"("npy": "i.npy")");
  ASSERT_TRUE(bool(negative)) << llvm::toString(negative.takeError());
  EXPECT_EQ(negative->findings.at(0).details[0], "worst element: [1, 1] is -128, expected 4");
  EXPECT_THAT(negative->findings.at(0).message, testing::HasSubstr("at most 0, got 132"));
  llvm::Expected<Report> nan = with(R"("npy": "f.npy", "max": 1000)", R"("shape": [2, 2], "dtype": "f32", "fill": "nan")");
  ASSERT_TRUE(bool(nan)) << llvm::toString(nan.takeError());
  EXPECT_EQ(nan->errors(), 1u) << "a NaN is not near anything";
  EXPECT_THAT(message(with(R"("npy": "f.npy")", R"("shape": [4], "dtype": "f32", "fill": "zero")")), testing::HasSubstr("buffers.A.expect: expected an array of the buffer's shape [4], got [2, 2]"));
  EXPECT_THAT(message(with(R"("npy": "f.npy", "norm": -1)")), testing::HasSubstr("buffers.A.expect.norm: expected a number that is not negative, got -1"));
}

std::string safetensors(const std::string &header, const std::string &data) {
  std::string length(8, 0);
  uint64_t n = header.size();
  memcpy(length.data(), &n, 8);
  return length + header + data;
}

TEST(LaunchFile, Safetensors) {
  Folder folder;
  writeText(folder, "m.safetensors", safetensors(R"({"__metadata__": {"a": "b"}, "w": {"dtype": "BF16", "shape": [2], "data_offsets": [4, 8]}, "v": {"dtype": "I32", "shape": [], "data_offsets": [0, 4]}, "short": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, "out": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}, "x": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}})",
                                                 std::string("\x01\0\0\0\x80\x3f\0\x40", 8)));
  std::string deep(200000, '[');
  writeText(folder, "deep.safetensors", safetensors(deep, ""));
  writeText(folder, "five.safetensors", safetensors(R"({"w": 5})", ""));
  writeText(folder, "cut.safetensors", std::string("\xff\0\0\0\0\0\0\0{}", 10));
  auto with = [&](const std::string &buffer) { return runFile(folder, "{\"buffers\": {\"A\": {" + buffer + R"(, "out": "o.npy"}}, "entry": "pair", "grid": [2]})", kKernels); };
  for (const char *good : {R"("safetensors": "m.safetensors", "tensor": "w")", R"("safetensors": "m.safetensors", "tensor": "w", "dtype": "bf16", "shape": [2])"}) {
    llvm::Expected<Report> r = with(good);
    ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
    NpyArray o = llvm::cantFail(readNpy(folder.file("o.npy")));
    EXPECT_THAT(o.data, testing::ElementsAre(0x80, 0x3f, 0, 0x40));
    EXPECT_THAT(o.shape, testing::ElementsAre(2u));
  }
  struct { const char *buffer, *message; } cases[] = {
      {R"("safetensors": "m.safetensors", "tensor": "u")", "has no tensor 'u'; it has 'out', 'short', 'v', 'w', 'x'"},
      {R"("safetensors": "m.safetensors")", "\"safetensors\" needs \"tensor\""},
      {R"("safetensors": "m.safetensors", "tensor": "w", "dtype": "f16")", "expected elements of \"dtype\" f16, got 'bf16'"},
      {R"("safetensors": "m.safetensors", "tensor": "w", "shape": [3])", "expected an array of shape [3], the file has [2]"},
      {R"("safetensors": "m.safetensors", "tensor": "short")", "has 8 bytes of data, its shape and type need 12"},
      {R"("safetensors": "m.safetensors", "tensor": "out")", "has a damaged shape or place in the file"},
      {R"("safetensors": "m.safetensors", "tensor": "x")", "has the type 'F8_E8M0', which tk-sim does not read"},
      {R"("safetensors": "cut.safetensors", "tensor": "w")", "its header would take 255 of 10 bytes"},
      {R"("safetensors": "deep.safetensors", "tensor": "w")", "has a damaged header: JSON nested more than 256 deep"},
      {R"("safetensors": "five.safetensors", "tensor": "w")", "has a damaged entry for the tensor 'w': expected an object"},
      {R"("safetensors": "none.safetensors", "tensor": "w")", "none.safetensors': No such file"},
  };
  for (auto &c : cases)
    EXPECT_THAT(message(with(c.buffer)), testing::HasSubstr(c.message));
  EXPECT_THAT(message(runFile(folder, deep, kKernels)), testing::HasSubstr("JSON nested more than 256 deep"));
}

/// A .npy file of version 1 with that header and `bytes` zeros.
std::string npy(const std::string &header, size_t bytes) {
  std::string text("\x93NUMPY\x01\0", 8);
  text += {char(header.size() & 255), char(header.size() >> 8)};
  return text + header + std::string(bytes, 0);
}

TEST(LaunchFile, DamagedNpyHeaders) {
  Folder folder;
  auto read = [&](const std::string &header, size_t bytes) {
    writeText(folder, "a.npy", npy(header, bytes));
    llvm::Expected<NpyArray> a = readNpy(folder.file("a.npy"));
    return a ? std::string() : llvm::toString(a.takeError());
  };
  const std::string type = "{'descr': '<f4', 'fortran_order': False, ";
  EXPECT_EQ(read(type + "'shape': (), }", 4), "");
  EXPECT_EQ(read(type + "'shape': (2,), }", 8), "");
  struct { std::string header; const char *message; } cases[] = {
      {"", "damaged shape"},
      {"{'descr':", "damaged shape"},
      {"{'shape': (1,), 'descr':", "has element type ''; expected little-endian numbers"},
      {"{'shape': (1,), 'descr': '", "has element type ''"},
      {"{'shape': (1,), 'descr': [('a', '<f4')]", "has element type '[('"},
      {"{'shape': (1,), 'descr': '<f4294967296'", "has element type '<f4294967296'"},
      {"{'shape': (1,), 'descr': '<f17'", "has element type '<f17'"},
      {type, "damaged shape"},
      {type + "'shape': ", "damaged shape"},
      {type + "'shape': 1", "damaged shape"},
      {type + "'shape': (1", "damaged shape"},
      {type + "'shape': (-1,)", "damaged shape"},
      {type + "'shape': (4294967296, 4294967296)", "damaged shape"},
      {type + "'shape': (0, 18446744073709551615)", "its shape and type need 0"},
      {type + "'shape': (2,)", "holds 4 bytes of data, its shape and type need 8"},
  };
  for (auto &c : cases)
    EXPECT_THAT(read(c.header, 4), testing::HasSubstr(c.message)) << c.header;
  writeText(folder, "a.npy", npy(type, 0).substr(0, 20));
  EXPECT_THAT(message(runFile(folder, R"({"buffers": {"A": {"npy": "a.npy"}}, "entry": "pair", "grid": [2]})", kKernels)), testing::HasSubstr("has a damaged .npy header"));
}

TEST(LaunchFile, AnAbsoluteOutputGoesThere) {
  Folder folder, other;
  std::string path = other.file("o.npy");
  llvm::Expected<Report> r = runFile(folder, R"({"buffers": {"A": {"shape": [2], "dtype": "i32", "fill": "zero", "out": ")" + path + R"("}}, "entry": "pair", "grid": [2]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_EQ(llvm::cantFail(readNpy(path)).data.size(), 8u);
}

TEST(LaunchFile, AFullDiskIsAnError) {
  Folder folder;
  if (!llvm::sys::fs::exists("/dev/full"))
    GTEST_SKIP() << "this system has no /dev/full to stand for a full disk";
  EXPECT_THAT(message(runFile(folder, R"({"buffers": {"A": {"shape": [2], "dtype": "i32", "fill": "zero", "out": "/dev/full"}}, "entry": "pair", "grid": [2]})", kKernels)),
              testing::HasSubstr("l.json: buffers.A: cannot write '/dev/full': No space left on device"));
}

TEST(LaunchFile, SeedsAreComparedAndMerged) {
  Folder folder;
  std::string file = R"({"buffers": {"O": {"shape": [2, 2], "dtype": "i32", "fill": "zero", "out": "o.npy"}}, "entry": "race", "block": [64], "params": [{"pointer": "O"}]})";
  llvm::Expected<Report> r = runFile(folder, file, kKernels, SeedRange{0, 15});
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_EQ(r->seeds, 16u);
  unsigned races = 0, differ = 0;
  for (const Finding &f : r->findings) {
    races += llvm::StringRef(f.name).starts_with("TK-SIM-RACE");
    if (llvm::StringRef(f.name).starts_with("TK-SIM-RACE")) {
      EXPECT_EQ(f.seeds, 16u);
    }
    if (f.name != "TK-SIM-NONDETERMINISTIC")
      continue;
    ++differ;
    EXPECT_THAT(f.message, testing::HasSubstr("buffer 'O' depends on the order in which warps and copies run: element [1, 0] is "));
    EXPECT_GT(f.firstSeed, 0u);
    EXPECT_LT(f.seeds, 16u);
    EXPECT_EQ(f.details[0], "replay with --seed 0 and --seed " + std::to_string(f.firstSeed));
    EXPECT_EQ(f.severity, Severity::Error);
  }
  EXPECT_GE(races, 1u) << test::describe(*r);
  EXPECT_EQ(differ, 1u) << test::describe(*r);
  // What does not depend on the schedule: random data are the same with every seed.
  r = runFile(folder, R"({"buffers": {"O": {"shape": [4], "dtype": "u64", "fill": "random"}}, "entry": "add", "params": [{"pointer": "O"}, {"u64": 1}]})", kKernels, SeedRange{0, 3});
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_TRUE(r->findings.empty()) << test::describe(*r);
}

/// What nothing changes is not held: with some seeds the last store puts back what was there, with others not.
TEST(LaunchFile, SeedsThatChangeNothingAreComparedToo) {
  std::string kernel = test::kernel(1, "mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 32; selp.u32 %r2, 0, 7, %p1; "
                                       "st.volatile.global.u32 [%rd100+4], %r2;");
  for (const char *unchanged : {"", R"("S": {"shape": [4], "dtype": "i32", "fill": "random"}, )"}) {
    Folder folder;
    std::string file = std::string(R"({"buffers": {)") + unchanged +
                       R"("O": {"shape": [2], "dtype": "i32", "fill": "zero"}}, "entry": "k", "block": [64], "params": [{"pointer": "O"}]})";
    std::set<std::string> messages;
    for (uint64_t first = 0; first < 8; ++first) {
      llvm::Expected<Report> r = runFile(folder, file, kernel.c_str(), SeedRange{first, first + 15});
      ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
      for (const Finding &f : r->findings)
        if (f.name == "TK-SIM-NONDETERMINISTIC")
          messages.insert(f.message.substr(f.message.find("element"), 16));
    }
    EXPECT_THAT(messages, testing::UnorderedElementsAre("element [1] is 0", "element [1] is 7")) << unchanged;
  }
}

TEST(LaunchFile, RandomDataAreOfTheNameAndItsSeed) {
  Folder folder;
  auto fill = [&](const std::string &buffers) {
    llvm::Expected<Report> r = runFile(folder, "{\"buffers\": {" + buffers + R"(}, "entry": "pair", "grid": [2]})", kKernels);
    EXPECT_TRUE(bool(r)) << llvm::toString(r.takeError());
    return llvm::cantFail(readNpy(folder.file("o.npy"))).data;
  };
  auto first = fill(R"("A": {"shape": [64], "dtype": "bf16", "fill": "random", "out": "o.npy"})");
  EXPECT_EQ(first, fill(R"("0": {"bytes": 8, "fill": "random"}, "A": {"shape": [64], "dtype": "bf16", "fill": "random", "out": "o.npy"})"));
  EXPECT_NE(first, fill(R"("A": {"shape": [64], "dtype": "bf16", "fill": "random", "seed": 1, "out": "o.npy"})"));
  EXPECT_NE(first, fill(R"("B": {"shape": [64], "dtype": "bf16", "fill": "random", "out": "o.npy"})"));
}

TEST(LaunchFile, TimeIsLimited) {
  Folder folder;
  Options options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  llvm::Expected<Report> r = runFile(folder, R"({"buffers": {)" + kOut + R"(}, "launches": [{"entry": "endless", "grid": [8]}, {"entry": "far", "params": [{"pointer": "O"}]}]})", kKernels, SeedRange{0, 9}, options);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  ASSERT_EQ(r->findings.size(), 1u) << test::describe(*r);
  EXPECT_EQ(r->findings[0].name, "TK-SIM-TIMEOUT");
  EXPECT_EQ(r->launches.size(), 1u) << "nothing runs on what an unfinished launch leaves";
  EXPECT_EQ(r->seeds, 1u);
}

TEST(LaunchFile, EveryErrorSaysWhere) {
  Folder folder;
  llvm::cantFail(writeNpy(folder.file("f.npy"), {"<f4", {2}, std::vector<uint8_t>(8)}));
  std::string add = R"("entry": "add", "params": [{"u64": 0}, {"u64": 0}])";
  struct { std::string json, message; } cases[] = {
      {"[]", "l.json: expected an object, got []"},
      {"{", "l.json: ["},
      {"{\"entri\": 1}", "l.json: unknown key 'entri' (did you mean 'entry'?); expected one of '$schema', 'types',"},
      {"{\"launches\": [], \"entry\": \"add\"}", "unknown key 'entry'"},
      {"{\"launches\": []}", "l.json: launches: expected at least one launch, got []"},
      {"{\"entry\": \"add\",\n \"grid\": [1], \"gr\\u0069d\": [2]}", "l.json: line 2: expected each key once, got \"gr\\u0069d\" again"},
      {"{\"entry\": \"clustered\"}", "l.json: cluster: entry 'clustered' is .explicitcluster: expected the cluster's size"},
      {"{\"launches\": [{\"entry\": \"ad\"}]}", "l.json: launches[0].entry: expected an entry of the PTX, 'dump', 'walk', 'add', 'far', 'symbols', 'race', 'endless', 'pair', 'clustered', got 'ad'"},
      {"{\"launches\": [{\"entry\": \"add\"}]}", "launches[0].params: entry 'add' has 2 parameters in the PTX, the launch file gives 0"},
      {"{\"entry\": \"add\", \"params\": [{\"i32\": 0}, {\"u64\": 0}]}", "params[0]: parameter 'p' has 8 bytes in the PTX, the launch file gives 4"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": -1}, {\"u64\": 0}]}", "params[0].u64: expected 0 to 9223372036854775807, got -1"},
      {"{\"entry\": \"add\", \"params\": [{\"i8\": 128}, {\"u64\": 0}]}", "params[0].i8: expected -128 to 127, got 128"},
      {"{\"entry\": \"add\", \"params\": [{\"hex\": \"0g\"}, {\"u64\": 0}]}", "params[0].hex: expected two hexadecimal digits for each byte, got \"0g\""},
      {"{\"entry\": \"add\", \"params\": [{\"ptr\": 1}, {\"u64\": 0}]}", "params[0]: expected one of pointer, type, fields, tensorMap, hex, u8, u16"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": 0, \"i32\": 0}, {\"u64\": 0}]}", "params[0]: unknown key '"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": \"N\"}, {\"u64\": 0}], \"vars\": {\"M\": 1}}", "params[0].u64: expected a number or a variable, got 'N'; \"vars\" has 'M'"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": \"1 +\"}, {\"u64\": 0}]}", "got ''; \"vars\" has none"},
      {"{\"entry\": \"add\", \"params\": [{\"i64\": \"-9223372036854775807 - 2\"}, {\"u64\": 0}]}", "the expression does not fit 64 bits: -9223372036854775807 - 2"},
      {"{\"entry\": \"add\", \"params\": [{\"i64\": \"" + std::string(1000, '(') + "\"}, {\"u64\": 0}]}", "at most 100 nested parentheses"},
      {"{\"entry\": \"add\", \"params\": [{\"bytes\": 8, \"align\": 16, \"fields\": []}, {\"u64\": 0}]}", "params[0]: parameter 'p' is aligned to 8 bytes in the PTX, the launch file asks for 16"},
      {"{\"entry\": \"add\", \"params\": [{\"bytes\": 8, \"align\": 3, \"fields\": []}, {\"u64\": 0}]}", "params[0].align: expected a power of two, got 3"},
      {"{\"entry\": \"pair\", \"grid\": [2], \"cluster\": [1]}", "cluster: entry 'pair' has .reqnctapercluster [2, 1, 1], the launch file gives [1, 1, 1]; leave it out"},
      {"{\"entry\": \"pair\", \"grid\": [0]}", "grid[0]: expected 1 to 2147483647, got 0"},
      {"{\"buffers\": {\"A\": {}}, " + add + "}", "buffers.A: expected one of \"npy\", \"safetensors\", \"shape\" and \"bytes\""},
      {"{\"buffers\": {\"A\": {\"npy\": \"f.npy\", \"dtype\": \"bf16\"}}, " + add + "}", "buffers.A: expected elements of \"dtype\" bf16, got '<f4' in 'f.npy'"},
      {"{\"buffers\": {\"A\": {\"npy\": \"f.npy\", \"dtype\": \"i32\"}}, " + add + "}", "buffers.A: expected elements of \"dtype\" i32, got '<f4' in 'f.npy'"},
      {"{\"buffers\": {\"A\": {\"npy\": \"f.npy\", \"shape\": [1]}}, " + add + "}", "buffers.A: expected an array of shape [1], the file has [2]"},
      {"{\"buffers\": {\"A\": {\"npy\": \"f.npy\", \"fill\": \"zero\"}}, " + add + "}", "buffers.A: \"fill\" does not go with \"npy\""},
      {"{\"buffers\": {\"A\": {\"bytes\": 8, \"fill\": \"one\"}}, " + add + "}", "buffers.A.fill: expected one of zero, nan, uninit, random, got \"one\""},
      {"{\"buffers\": {\"A\": {\"bytes\": 8, \"dtype\": \"f31\"}}, " + add + "}", "buffers.A.dtype: expected one of u8, u16,"},
      {"{\"buffers\": {\"A\": {\"shape\": [4294967296, 4294967296], \"dtype\": \"u8\"}}, " + add + "}", "buffers.A.shape: expected at most 68719476736 bytes, got the shape [4294967296, 4294967296] of u8"},
      {"{\"buffers\": {\"A\": {\"shape\": [8], \"fields\": []}}, " + add + "}", "buffers.A: \"fields\" need \"bytes\""},
      {"{\"buffers\": {\"A\": {\"bytes\": 8, \"seed\": 1}}, " + add + "}", "buffers.A.seed: \"seed\" goes with \"fill\": \"random\""},
      {"{\"vars\": {\"N\": 1.5}, " + add + "}", "vars.N: expected an integer, got 1.5"},
      {"{\"vars\": {\"N\": 18446744073709551615}, \"entry\": \"add\", \"params\": [{\"u64\": \"N - 1\"}, {\"u64\": 0}]}", "params[0].u64: 'N' is above 2^63 - 1"},
      {"{\"entry\": \"add\", \"params\": [{\"bytes\": 8, \"fields\": [{\"offset\": 0, \"f32\": 1e39}]}, {\"u64\": 0}]}", "fields[0].f32: expected a number that fits f32, \"inf\" or \"-inf\", got 9.99"},
      {"{\"entry\": \"add\", \"params\": [{\"bytes\": 8, \"fields\": [{\"offset\": 0, \"e4m3\": -465}]}, {\"u64\": 0}]}", "fits e4m3"},
      {"{\"entry\": \"add\", \"params\": [{\"bytes\": 8, \"fields\": [{\"offset\": 0, \"f16\": 65520}]}, {\"u64\": 0}]}", "fits f16"},
      {"{\"launches\": []}", "l.json: launches: expected at least one launch, got []"},
      {"{\"buffers\": {\"A\": {\"bytes\": 8, \"out\": \"o.npy\"}, \"B\": {\"bytes\": 8, \"out\": \"x/.././o.npy\"}}, " + add + "}", "l.json: buffers.B.out: 'x/.././o.npy' is the output of buffer 'A' too; give each a file of its own"},
      {"{\"buffers\": {\"A\": {\"bytes\": 8, \"out\": \"o.npy\"}, \"B\": {\"bytes\": 8, \"out\": \"" + folder.file("o.npy") + "\"}}, " + add + "}", "is the output of buffer 'A' too"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": \"0100\"}, {\"u64\": 0}]}", "params[0].u64: expected a number without a leading zero, which may mean an octal one, got '0100'; leave it out, or write 0o"},
      {"{\"entry\": \"add\", \"params\": [{\"f64\": \"1 + 010.5\"}, {\"u64\": 0}]}", "params[0].f64: expected a number without a leading zero"},
      {"{\"entry\": \"add\", \"params\": [{\"f64\": \"1 / (2 - 2)\"}, {\"u64\": 0}]}", "params[0].f64: division by zero in the expression"},
      {"{\"entry\": \"add\", \"params\": [{\"f64\": \"1e308 * 10\"}, {\"u64\": 0}]}", "params[0].f64: the expression does not fit 64 bits: 1e+308 * 10"},
      {"{\"entry\": \"add\", \"params\": [{\"f64\": \"1e999\"}, {\"u64\": 0}]}", "params[0].f64: expected a number or a variable, got '1e999'"},
      {"{\"entry\": \"add\", \"params\": [{\"f64\": \"1.5.2\"}, {\"u64\": 0}]}", "params[0].f64: expected the end of the expression \"1.5.2\", got '.2'"},
      {"{\"entry\": \"add\", \"params\": [{\"u64\": \"1.5\"}, {\"u64\": 0}]}", "params[0].u64: expected the end of the expression \"1.5\", got '.5'"},
      {"{\"entry\": \"race\", \"params\": [{\"u64\": 0}]}", "l.json: expected 'block', the threads of a CTA: entry 'race' has no .reqntid"},
  };
  for (auto &c : cases)
    EXPECT_THAT(message(runFile(folder, c.json, kKernels)), testing::HasSubstr(c.message));
}

TEST(LaunchFile, ThePlaceOfThenMustExist) {
  Folder folder;
  auto run = [&](const char *then) {
    writeText(folder, "l.json", R"({"launches": [{"entry": "pair", "grid": [2]}, {"entry": "pair", "grid": [4]}]})");
    auto program = llvm::cantFail(Program::parse(kKernels, "l.ptx"));
    RunOptions how;
    llvm::cantFail(how.set("then", then));
    return message(runLaunchFile(*program, folder.file("l.json"), how));
  };
  EXPECT_EQ(run("5@1:4:0"), "no error: ");
  EXPECT_THAT(run("5@2:0:0"), testing::HasSubstr("l.json: expected --then with a launch from 0 to 1, got 2: SEED@LAUNCH:STREAM:NUMBER"));
  EXPECT_THAT(run("5@0:3:0"), testing::HasSubstr("l.json: expected --then with a stream from 0 to 2, the CTAs of launch 0, got 3: SEED@LAUNCH:STREAM:NUMBER"));
}

TEST(LaunchFile, ExpressionsOfRealsAreNotCutOff) {
  Folder folder;
  std::vector<std::pair<std::string, double>> cases = {{"1 / 2", 0.5}, {"-N / 4 + 1", 0.25}, {"0.5*N", 1.5}, {"2.5e-1 * (N - 0x10)", -3.25}, {"7.5 % 2", 1.5}, {"-0", -0.0},
                                                       {"N*4611686018427387904", 3 * 0x1p62}, {"0b11 / 0o10", 0.375}};
  std::string fields;
  for (size_t i = 0; i < 8; ++i)
    fields += (i ? ", {\"offset\": " : "{\"offset\": ") + std::to_string(8 * i) + ", \"f64\": \"" + cases[i].first + "\"}";
  llvm::Expected<Report> r = runFile(folder, R"({"vars": {"N": 3}, "buffers": {)" + kOut + R"(}, "entry": "dump", "params": [{"bytes": 64, "fields": [)" + fields + R"(]}, {"pointer": "O"}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  std::vector<uint64_t> o = words(folder, "o.npy");
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(o[i], llvm::bit_cast<uint64_t>(cases[i].second)) << cases[i].first << " is " << llvm::bit_cast<double>(o[i]);
}

// What is just below the limits of EveryErrorSaysWhere.
TEST(LaunchFile, TheGreatestNumbersOfATypeFit) {
  Folder folder;
  llvm::Expected<Report> r = runFile(folder, R"({"vars": {"BIG": 18446744073709551615}, "buffers": {"O": {"bytes": 64, "dtype": "u64", "out": "o.npy"}}, "entry": "dump", "params": [
    {"bytes": 64, "fields": [{"offset": 0, "u64": "BIG"}, {"offset": 8, "b64": 9223372036854775808}, {"offset": 16, "f32": 3.4028235e38}, {"offset": 20, "f16": 65519},
     {"offset": 22, "e4m3": -464}, {"offset": 23, "e5m2": 61439}, {"offset": 24, "f64": 1e308}, {"offset": 32, "f32": "-inf"}, {"offset": 36, "hex": "00000000"},
     {"offset": 40, "u64": 0}, {"offset": 48, "u64": 0}, {"offset": 56, "u64": 0}]}, {"pointer": "O"}]})", kKernels);
  ASSERT_TRUE(bool(r)) << llvm::toString(r.takeError());
  EXPECT_THAT(words(folder, "o.npy"), testing::ElementsAre(~0ull, 1ull << 63, 0x7bfe7bff7f7fffffull, 0x7fe1ccf385ebc8a0ull, 0xff800000ull, 0, 0, 0));
}

TEST(LaunchFile, SkeletonsKnowTensorMaps) {
  auto program = llvm::cantFail(Program::parse(".version 8.6\n.target sm_90a\n.address_size 64\n.visible .entry k(.param .align 64 .b8 m[128]) .reqntid 1{ ret; }\n", "s.ptx"));
  std::string out;
  llvm::raw_string_ostream os(out);
  printSkeleton(*program, os);
  EXPECT_THAT(out, testing::HasSubstr("\"tensorMap\": {"));
}

//===----------------------------------------------------------------------===//
// Files that ask for too much
//===----------------------------------------------------------------------===//

TEST(LaunchFile, WhatAsksForTooMuchIsRefusedInTime) {
  Folder folder;
  auto types = [](const std::string &fields, const std::string &argument) {
    std::string text = R"({"types": {"t0": {"bytes": 8, "fields": []})";
    for (int i = 1; i <= 18; ++i) {
      text += ", \"t" + std::to_string(i) + "\": {\"bytes\": 8, \"fields\": [";
      for (size_t f = 0; f < fields.size(); ++f)
        text += std::string(f ? ", " : "") + "{\"offset\": 0, \"type\": \"t" + std::to_string(i - 1) + "\"" + argument + "}";
      text += "]}";
    }
    return text + "}, \"entry\": \"k\", \"params\": [{\"type\": \"t18\"" + (argument.empty() ? "" : ", \"x\": \"1\"") + "}]}";
  };
  NpyArray deep{"|u1", std::vector<uint64_t>(65, 1), {0}};
  llvm::cantFail(writeNpy(folder.file("deep.npy"), deep));
  auto buffer = [](const std::string &body) { return R"({"entry": "k", "buffers": {"A": {)" + body + "}}}"; };
  std::string ones = "1";
  for (int i = 0; i < 64; ++i)
    ones += ", 1";
  struct { std::string json; const char *path, *message; } cases[] = {
      {types("12345678", ""), "params[0]", "the types make more than 1048576 values in all"},
      {types("1", R"(, "x": "$x+$x")"), "params[0]", "an expression of more than 4096 characters"},
      {types("1", R"(, "x": {"a": "$x", "b": ["$x", "$x", "$x", "$x"]})"), "params[0]", "the types make more than 1048576 values in all"},
      {buffer(R"("bytes": 68719476736, "fill": "zero")"), "buffers.A", "68719476736 bytes do not fit into device memory: 67108864 of its 67108864 are left"},
      {buffer(R"("bytes": 68719476736)"), "buffers.A", "or --memory-bytes larger"},
      {buffer(R"("bytes": 50000000}, "B": {"bytes": 50000000)"), "buffers.B", "50000000 bytes do not fit into device memory: 17108864 of its"},
      {buffer(R"("npy": "deep.npy")"), "buffers.A", "has more than 64 dimensions"},
      {buffer("\"shape\": [" + ones + "]"), "buffers.A.shape", "expected at most 64 sizes, got 65"},
      {buffer(R"("npy": "/dev/zero")"), "buffers.A", "'/dev/zero' is no regular file"},
      {buffer(R"("safetensors": "/dev/zero", "tensor": "x")"), "buffers.A", "'/dev/zero' is no regular file"}};
  Options options;
  options.memoryBytes = 64 << 20;
  for (auto &c : cases) {
    auto begin = std::chrono::steady_clock::now();
    llvm::Expected<Report> r = runFile(folder, c.json, kPtx, std::nullopt, options);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 20) << c.message;
    ASSERT_FALSE(bool(r)) << c.message;
    std::string text = llvm::toString(r.takeError());
    EXPECT_THAT(text, testing::HasSubstr(std::string("l.json: ") + c.path)) << c.message;
    EXPECT_THAT(text, testing::HasSubstr(c.message));
  }
}

} // namespace
