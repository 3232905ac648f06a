//===- LaunchFileTest.cpp - Launches described in JSON --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "SimTest.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace tk::sim;

namespace {

/// Loads the box at (4, 1) of the map and stores its 8 words.
constexpr const char *kPtx = R"(.version 8.6
.target sm_90a
.address_size 64
.shared .align 128 .b8 s[256];
.visible .entry k(.param .align 64 .b8 all[256])
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

llvm::Expected<Report> runFile(const Folder &folder, const std::string &json) {
  std::error_code ec;
  llvm::raw_fd_ostream(folder.file("l.json"), ec) << json;
  auto program = llvm::cantFail(Program::parse(kPtx, "l.ptx"));
  return runLaunchFile(*program, folder.file("l.json"), Options(), folder.path);
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
      {withMap(kMap + R"(, "swizle": "none")"), "unknown key 'swizle'"},
      {withMap(kMap + R"(, "swizzle": "128")"), "unknown \"swizzle\" '128'"},
      {withMap(R"("buffer": "B", "dtype": "i32", "globalDim": [8], "box": [8])"), "unknown buffer 'B'"},
      {withMap(R"("buffer": "A", "dtype": "i32", "globalDim": [8, 3], "box": [8, 1])"), "expected 1 integer(s) in \"globalStrides\""},
      {withMap(R"("buffer": "A", "dtype": "i32", "globalDim": [8, 3], "globalStrides": [36], "box": [8, 1])"), "expected the stride of dimension 1 to be a multiple of 16 bytes below 2^40, got 36"},
      {withMap(R"("buffer": "A", "globalDim": [8], "box": [8])"), "needs \"dtype\""},
      {withMap(kMap, R"(, {"offset": 60, "u64": 1})"), "overlaps another"},
      {withMap(kMap, R"(, {"offset": 252, "u64": 1})"), "does not end within its 256 bytes"},
      {withMap(kMap, R"(, {"u64": 1})"), "expected objects with \"offset\""},
  };
  for (auto &c : cases) {
    llvm::Expected<Report> r = runFile(folder, c.json);
    ASSERT_FALSE(bool(r)) << c.message;
    std::string text = llvm::toString(r.takeError());
    EXPECT_THAT(text, testing::HasSubstr(c.message));
  }
}

TEST(LaunchFile, SkeletonsKnowTensorMaps) {
  auto program = llvm::cantFail(Program::parse(".version 8.6\n.target sm_90a\n.address_size 64\n.visible .entry k(.param .align 64 .b8 m[128]) { ret; }\n", "s.ptx"));
  std::string out;
  llvm::raw_string_ostream os(out);
  printSkeleton(*program, os);
  EXPECT_THAT(out, testing::HasSubstr("\"tensorMap\": {"));
}

} // namespace
