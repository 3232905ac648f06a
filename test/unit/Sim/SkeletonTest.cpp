//===- SkeletonTest.cpp - What --skeleton guesses, and that it runs -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"
#include "tk/Sim/LaunchFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

std::string skeleton(const Program &program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printSkeleton(program, os);
  return text;
}

/// Of the first entry: the parameters and the buffers as JSON without comments. It must run as it is printed.
std::string guessed(const std::string &ptx) {
  auto program = Program::parse(ptx, "x.ptx");
  if (!program)
    return llvm::toString(program.takeError());
  std::string text = skeleton(**program);
  llvm::SmallString<128> dir;
  EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tk-skeleton", dir));
  std::string path = (dir + "/k.json").str();
  std::error_code ec;
  llvm::raw_fd_ostream(path, ec) << text;
  RunOptions how;
  how.options.maxSteps = 100000;
  auto report = runLaunchFile(**program, path, how);
  EXPECT_TRUE(bool(report)) << llvm::toString(report.takeError()) << text;
  llvm::sys::fs::remove_directories(dir);
  std::function<llvm::json::Value(const llvm::json::Value &)> plain = [&](const llvm::json::Value &v) -> llvm::json::Value {
    if (auto *list = v.getAsArray()) {
      llvm::json::Array out;
      for (auto &e : *list)
        out.push_back(plain(e));
      return out;
    }
    auto *o = v.getAsObject();
    if (!o)
      return v;
    llvm::json::Object out;
    for (auto &[key, e] : *o)
      if (llvm::StringRef(key) != "comment")
        out[llvm::StringRef(key).str()] = plain(e);
    return out;
  };
  llvm::json::Value all = llvm::cantFail(llvm::json::parse(text));
  auto &launch = *(*all.getAsObject()->getArray("launches"))[0].getAsObject();
  std::string out;
  llvm::raw_string_ostream(out) << plain(*launch.get("params")) << " " << plain(*all.getAsObject()->get("buffers"));
  return out;
}

TEST(Skeleton, PtrMakesAPointer) {
  EXPECT_EQ(guessed(header() + ".visible .entry k(.param .u64 .ptr .global .align 16 a, .param .u64 n, .param .u64 .ptr.global .align 16 b, "
                               ".param .u32 i, .param .align 8 .b8 s[3])\n{\nret;\n}\n"),
            R"([{"pointer":"A"},{"u64":0},{"pointer":"B"},{"i32":0},{"hex":"000000"}] )"
            R"({"A":{"dtype":"f32","fill":"random","out":"A.npy","shape":["N"]},"B":{"dtype":"f32","fill":"random","out":"B.npy","shape":["N"]}})");
}

// As nvcc writes `out[i] = in[i] * factor` over half, with the tail of a loop that moves the pointers on.
TEST(Skeleton, UsesSayWhatIsAPointer) {
  EXPECT_EQ(guessed(header() + R"(.visible .entry k(.param .u64 in, .param .u64 out, .param .u64 n, .param .f32 factor, .param .u8 flag)
{
.reg .b64 %rd<9>; .reg .f32 %f<3>; .reg .b16 %h<3>; .reg .b32 %r<3>;
ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; ld.param.u64 %rd3, [n]; ld.param.f32 %f1, [factor];
cvta.to.global.u64 %rd4, %rd1; cvta.to.global.u64 %rd5, %rd2;
mov.u32 %r1, %tid.x; mul.wide.u32 %rd6, %r1, 2; add.s64 %rd7, %rd4, %rd6; add.s64 %rd8, %rd5, %rd6;
ld.global.u16 %h1, [%rd7]; cvt.f32.f16 %f2, %h1; mul.f32 %f2, %f2, %f1; cvt.rn.f16.f32 %h1, %f2; st.global.u16 [%rd8], %h1;
ret;
}
)"),
            R"([{"pointer":"A"},{"pointer":"B"},{"u64":0},{"f32":0},{"u8":0}] )"
            R"({"A":{"dtype":"f16","fill":"random","shape":["N"]},"B":{"dtype":"f16","fill":"random","out":"B.npy","shape":["N"]}})");
}

TEST(Skeleton, StructuresByValueAndTensorMaps) {
  EXPECT_EQ(guessed(header() + R"(.extern .shared .align 128 .b8 dynamic[];
.visible .entry k(.param .align 8 .b8 s[32], .param .align 64 .b8 map[128]) .reqntid 32, 1, 1 .reqnctapercluster 2, 1, 1
{
.reg .b64 %rd<9>; .reg .f32 %f<3>; .reg .b32 %r<3>;
ld.param.u64 %rd1, [s]; ld.param.f32 %f1, [s+8]; ld.param.u32 %r1, [s+16];
cvta.to.global.u64 %rd2, %rd1; st.global.f32 [%rd2], %f1;
ret;
}
)"),
            R"([{"align":8,"bytes":32,"fields":[{"offset":0,"pointer":"A"},{"f32":0,"offset":8},{"i32":0,"offset":16}]},)"
            R"({"tensorMap":{"box":[32],"buffer":"B","dtype":"f32","globalDim":[1024],"swizzle":"none"}}] )"
            R"({"A":{"dtype":"f32","fill":"random","out":"A.npy","shape":["N"]},"B":{"dtype":"f32","fill":"random","out":"B.npy","shape":["N"]}})");
}

TEST(Skeleton, TensorMapsWithinAStructure) {
  EXPECT_EQ(guessed(header() + R"(.visible .entry k(.param .align 64 .b8 s[256])
{
.reg .b64 %rd<9>;
mov.b64 %rd1, s; cvta.param.u64 %rd2, %rd1; add.s64 %rd3, %rd2, 64; prefetch.tensormap [%rd3];
cp.async.bulk.prefetch.tensor.1d.L2.global.tile [%rd3, {0}];
ld.param.u64 %rd4, [s+192]; red.global.add.u64 [%rd4], 1;
ret;
}
)"),
            R"([{"align":64,"bytes":256,"fields":[{"offset":64,"tensorMap":{"box":[32],"buffer":"A","dtype":"f32","globalDim":[1024],"swizzle":"none"}},{"offset":192,"pointer":"B"}]}] )"
            R"({"A":{"dtype":"f32","fill":"random","shape":["N"]},"B":{"dtype":"u64","fill":"zero","out":"B.npy","shape":["N"]}})");
}

TEST(Skeleton, TensorMapsHaveTheRankOfTheirCopies) {
  EXPECT_EQ(guessed(header() + R"(.shared .align 128 .b8 tile[1024];
.visible .entry k(.param .align 64 .b8 from[128], .param .align 64 .b8 to[128])
{
.reg .b64 %rd<9>;
mov.b64 %rd1, from; cvta.param.u64 %rd2, %rd1; mov.b64 %rd3, to; cvta.param.u64 %rd4, %rd3;
cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%rd2, {0, 0}];
cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%rd4, {0, 0, 0}], [tile];
cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;
ret;
}
)"),
            R"([{"tensorMap":{"box":[32,8],"buffer":"A","dtype":"f32","globalDim":[32,32],"globalStrides":[128],"swizzle":"none"}},)"
            R"({"tensorMap":{"box":[32,8,1],"buffer":"B","dtype":"f32","globalDim":[32,8,4],"globalStrides":[128,1024],"swizzle":"none"}}] )"
            R"({"A":{"dtype":"f32","fill":"random","shape":["N"]},"B":{"dtype":"f32","fill":"random","out":"B.npy","shape":["N"]}})");
}

// clang takes the address of a structure first, and loads reals as bits.
TEST(Skeleton, StructuresThroughTheirAddress) {
  EXPECT_EQ(guessed(header() + R"(.visible .entry k(.param .align 8 .b8 p[24], .param .align 8 .b8 pair[8], .param .u64 whole)
{
.reg .b64 %rd<9>; .reg .b32 %r<9>;
mov.b64 %rd1, p; ld.param.b64 %rd2, [%rd1+8]; ld.param.v2.b32 {%r1, %r2}, [%rd1+16];
ld.param.v2.u32 {%r3, %r4}, [pair]; ld.param.u32 %r7, [whole];
cvta.to.global.u64 %rd3, %rd2; ld.global.b32 %r5, [%rd3]; mov.b32 %r6, %r2; fma.rn.f32 %r5, %r5, %r6, 0f3F800000; st.global.b32 [%rd3], %r5;
ret;
}
)"),
            R"([{"align":8,"bytes":24,"fields":[{"offset":8,"pointer":"A"},{"i32":0,"offset":16},{"f32":0,"offset":20}]},)"
            R"({"align":8,"bytes":8,"fields":[{"i32":0,"offset":0},{"i32":0,"offset":4}]},{"u64":0}] )"
            R"({"A":{"dtype":"f32","fill":"random","out":"A.npy","shape":["N"]}})");
}

TEST(Skeleton, AtomicsSayTheTypeAndStartFromZero) {
  EXPECT_EQ(guessed(header() + R"(.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d, .param .u64 e)
{
.reg .b64 %rd<9>; .reg .f32 %f<3>; .reg .b32 %r<3>; .reg .f64 %d;
ld.param.u64 %rd1, [a]; ld.param.u64 %rd2, [b]; ld.param.u64 %rd3, [c]; ld.param.u64 %rd4, [d]; ld.param.u64 %rd5, [e];
red.global.add.u32 [%rd1], 1; ld.global.f32 %f1, [%rd1]; atom.global.add.u64 %rd6, [%rd2], 1; red.global.add.f64 [%rd3], 0d3FF0000000000000;
mov.b32 %r1, 0; red.global.add.noftz.bf16x2 [%rd4], %r1; ld.global.u32 %r2, [%rd5];
ret;
}
)"),
            R"([{"pointer":"A"},{"pointer":"B"},{"pointer":"C"},{"pointer":"D"},{"pointer":"E"}] )"
            R"({"A":{"dtype":"u32","fill":"zero","out":"A.npy","shape":["N"]},"B":{"dtype":"u64","fill":"zero","out":"B.npy","shape":["N"]},)"
            R"("C":{"dtype":"f64","fill":"zero","out":"C.npy","shape":["N"]},"D":{"dtype":"bf16","fill":"zero","out":"D.npy","shape":["N"]},)"
            R"("E":{"dtype":"i32","fill":"random","shape":["N"]}})");
}

/// {"pointer":"A"} and so on, and a buffer of that dtype for each.
void expectPointers(const std::string &body, const std::vector<const char *> &dtypes) {
  std::string parameters, loads, params, found;
  for (size_t i = 0; i < dtypes.size(); ++i) {
    std::string n = std::to_string(i);
    parameters += (i ? ", .param .u64 p" : ".param .u64 p") + n;
    loads += "ld.param.u64 %rd" + n + ", [p" + n + "];\n";
    params += std::string(i ? "," : "[") + R"({"pointer":")" + char('A' + i) + R"("})";
  }
  std::string text = guessed(header() + ".shared .align 128 .b8 tile[1024];\n.visible .entry k(" + parameters +
                             ") .reqntid 32 {\n.reg .b64 %rd<20>, %mask; .reg .b32 %r<20>; .reg .f32 %f<9>; .reg .f64 %d<9>; .reg .pred %p;\n" + loads + "bra $out;\n" + body + "$out: ret;\n}\n");
  ASSERT_THAT(text, testing::StartsWith(params + "] ")) << body;
  auto buffers = llvm::cantFail(llvm::json::parse(llvm::StringRef(text).drop_front(params.size() + 2)));
  for (size_t i = 0; i < dtypes.size(); ++i)
    EXPECT_EQ(buffers.getAsObject()->getObject(std::string(1, char('A' + i)))->getString("dtype")->str(), dtypes[i]) << text;
}

TEST(Skeleton, MatricesSayTheType) {
  expectPointers(R"(
wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {%r0, %r1, %r2, %r3, %r4, %r5, %r6, %r7}, [%rd0], 16;
wmma.load.b.sync.aligned.col.m16n16k16.bf16 {%r0, %r1, %r2, %r3}, [%rd1], 16;
wmma.load.c.sync.aligned.row.m16n16k16.global.f32 {%f0, %f1, %f2, %f3, %f4, %f5, %f6, %f7}, [%rd2];
wmma.store.d.sync.aligned.row.m16n16k16.global.s32 [%rd3], {%r0, %r1, %r2, %r3, %r4, %r5, %r6, %r7};
wmma.load.a.sync.aligned.row.m16n16k8.global.tf32 {%r0, %r1, %r2, %r3}, [%rd4];
wmma.load.a.sync.aligned.row.m8n8k4.global.f64 {%d0}, [%rd5];
wmma.load.a.sync.aligned.row.m16n16k16.global.s8 {%r0, %r1}, [%rd6];
wmma.load.a.sync.aligned.row.m8n8k32.global.u4 {%r0}, [%rd7];
)", {"f16", "bf16", "f32", "i32", "f32", "f64", "i8", "u8"});
  // Beside them the same memory is moved in other types.
  expectPointers(R"(
wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {%r0, %r1, %r2, %r3, %r4, %r5, %r6, %r7}, [%rd0], 16;
ld.global.u32 %r0, [%rd0];
)", {"f16"});
  EXPECT_THAT(guessed(header() + R"(.visible .entry k(.param .u64 d) .reqntid 32
{
.reg .b64 %rd; .reg .b32 %r<8>;
ld.param.u64 %rd, [d]; mov.b32 %r0, 0;
wmma.store.d.sync.aligned.row.m16n16k16.global.f16 [%rd], {%r0, %r0, %r0, %r0};
ret;
}
)"), testing::HasSubstr(R"("out":"A.npy")"));
}

// Whatever takes an address says that it is one.
TEST(Skeleton, AllThatTakesAnAddressMakesAPointer) {
  for (const char *instruction : {"prefetch.global.L2 [%rd0];", "prefetch.L1 [%rd0];", "prefetchu.L1 [%rd0];", "applypriority.global.L2::evict_normal [%rd0], 128;", "discard.global.L2 [%rd0], 128;",
                                  "createpolicy.range.global.L2::evict_last.L2::evict_unchanged.b64 %rd1, [%rd0], 128, 256;", "isspacep.shared %p, %rd0;", "cp.async.ca.shared.global [tile], [%rd0], 4;",
                                  "cp.async.bulk.prefetch.L2.global [%rd0], 16;", "cp.async.bulk.global.shared::cta.bulk_group [%rd0], [tile], 16;",
                                  "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [tile], [%rd0], 16, [tile+512];", "cp.async.bulk.prefetch.tensor.1d.L2.global.tile [%rd0, {0}];",
                                  "tensormap.replace.tile.rank.global.b1024.b32 [%rd0], 1;", "tensormap.replace.tile.global_address.shared::cta.b1024.b64 [tile], %rd0;",
                                  "tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned [%rd0], [tile], 128;",
                                  "fence.proxy.tensormap::generic.acquire.gpu [%rd0], 128;", "atom.global.v4.add.f32 {%f0, %f1, %f2, %f3}, [%rd0], {%f0, %f1, %f2, %f3};"})
    expectPointers(std::string(instruction) + "\n", {"f32"});
  for (auto [type, dtype] : {std::pair("add.u32", "u32"), std::pair("add.noftz.bf16", "bf16"), std::pair("min.s64", "i64"), std::pair("add.f64", "f64"), std::pair("or.b64", "f64")})
    expectPointers(std::string("cp.reduce.async.bulk.global.shared::cta.bulk_group.") + type + " [%rd0], [tile], 16;\n", {dtype});
  // The size of a copy is none, nor is the value of a store.
  EXPECT_THAT(guessed(header() + R"(.shared .align 16 .b8 tile[16];
.visible .entry k(.param .align 8 .b8 s[16]) .reqntid 32
{
.reg .b64 %rd; .reg .b32 %r;
ld.param.u64 %rd, [s]; ld.param.u32 %r, [s+8]; cp.async.ca.shared.global [tile], [%rd], 4, %r; cp.async.wait_all;
ret;
}
)"), testing::StartsWith(R"([{"align":8,"bytes":16,"fields":[{"offset":0,"pointer":"A"},{"i32":0,"offset":8}]}])"));
}

// Those that an entry, or what it calls, reads or writes and the PTX does not initialise.
TEST(Skeleton, VariablesThatTheHostMaySet) {
  std::string ptx = header() + R"(.const .align 4 .b8 scale[16];
.const .align 4 .f32 known = 1.0;
.global .align 4 .u32 count, written, unused;
.global .align 8 .b8 A[12];
.extern .const .align 4 .b8 other[4];
.func reads() { .reg .f32 %f; .reg .b64 %d<3>; mov.b64 %d1, scale; add.s64 %d2, %d1, 4; ld.const.f32 %f, [%d2]; ret; }
.visible .entry k(.param .u64 p)
{
.reg .b64 %rd<9>; .reg .f32 %f<3>; .reg .b32 %r<3>;
call reads; ld.const.f32 %f1, [known]; atom.global.inc.u32 %r1, [count], 7; st.global.u32 [written], 1; ld.global.u64 %rd2, [A];
ld.param.u64 %rd1, [p]; st.global.f32 [%rd1], %f1;
ret;
}
)";
  EXPECT_EQ(guessed(ptx), R"([{"pointer":"B"}] )"
                          R"({"A":{"dtype":"u8","fill":"zero","shape":[12]},"B":{"dtype":"f32","fill":"random","out":"B.npy","shape":["N"]},)"
                          R"("count":{"dtype":"u32","fill":"zero","out":"count.npy","shape":[1]},"other":{"dtype":"u8","fill":"zero","shape":[4]},)"
                          R"("scale":{"dtype":"f32","fill":"zero","shape":[4]},"written":{"dtype":"i32","fill":"zero","out":"written.npy","shape":[1]}})");
  EXPECT_THAT(skeleton(*llvm::cantFail(Program::parse(ptx, "x.ptx"))),
              testing::HasSubstr(R"("symbols": {
    "scale": "scale",
    "count": "count",
    "written": "written",
    "A": "A",
    "other": "other"
  })"));
}

TEST(Skeleton, EntriesThatCannotRunSaySo) {
  auto program = llvm::cantFail(Program::parse(header() + ".visible .entry k() { .reg .b64 %d; .reg .b32 %r; txq.width.b32 %r, [%d]; ret; }\n", "x.ptx"));
  EXPECT_THAT(skeleton(*program), testing::HasSubstr("CANNOT RUN, delete this launch: x.ptx:4:51: error: textures are not supported, got 'txq.width.b32'\""));
}

TEST(Skeleton, CommentsSayWhatToFillIn) {
  auto program = llvm::cantFail(Program::parse(header() + ".extern .shared .align 16 .b8 d[];\n.visible .entry k(.param .align 16 .b8 s[48]) .maxntid 256\n"
                                                          "{ .reg .b32 %r; ld.param.b32 %r, [s+4]; mov.u32 %r, d; ret; }\n", "x.ptx"));
  std::string text = skeleton(*program);
  for (const char *part : {"Fill in: sizes", ".maxntid 256, 1, 1", "dynamicSharedBytes says how much", "s: 48 byte(s) at 0, .align 16, a structure: the fields"})
    EXPECT_THAT(text, testing::HasSubstr(part));
}

} // namespace
