//===- RunToolTest.cpp - tk-run from command line to files -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/RunTool.h"
#include "SamplePackage.h"
#include "tk/Runtime/Npy.h"
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;
using testing::HasSubstr;

/// y[i] = alpha * x[i] for i < n, one thread each, in blocks of 32.
static constexpr StringLiteral scalePtx = R"(.version 8.1
.target sm_90a
.address_size 64
.visible .entry scale(
	.param .u64 x, .param .u64 n, .param .u64 y, .param .f32 alpha)
.reqntid 32, 1, 1
{
	.reg .pred %p1;
	.reg .f32 %f<3>;
	.reg .b32 %r<4>;
	.reg .b64 %rd<7>;
	ld.param.u64 %rd1, [x];
	ld.param.u64 %rd2, [n];
	ld.param.u64 %rd3, [y];
	ld.param.f32 %f1, [alpha];
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %tid.x;
	mad.lo.s32 %r3, %r1, 32, %r2;
	cvt.u64.u32 %rd4, %r3;
	setp.ge.u64 %p1, %rd4, %rd2;
	@%p1 bra DONE;
	shl.b64 %rd4, %rd4, 2;
	add.s64 %rd5, %rd1, %rd4;
	add.s64 %rd6, %rd3, %rd4;
	ld.global.f32 %f2, [%rd5];
	mul.f32 %f2, %f2, %f1;
	st.global.f32 [%rd6], %f2;
DONE:
	ret;
}
)";

static Argument makeVector(std::string name, int64_t offset, int64_t sizeOffset) {
  Argument view;
  view.name = std::move(name);
  view.isView = true;
  view.sizes = {Argument::kDynamic};
  view.strides = {1};
  view.symbols = {"N"};
  view.sizeDivisors = view.strideDivisors = {1};
  view.offset = offset;
  view.sizeOffsets = {sizeOffset};
  view.strideOffsets = {-1};
  return view;
}

static Package makeScalePackage() {
  Package package;
  package.ptx = scalePtx.str();
  Kernel &kernel = package.kernels.emplace_back();
  kernel.name = "scale";
  kernel.arguments.push_back(makeVector("x", 0, 8));
  kernel.arguments.push_back(makeVector("y", 16, -1));
  kernel.arguments[1].written = true;
  kernel.arguments[1].read = false;
  Argument &alpha = kernel.arguments.emplace_back();
  alpha.name = "alpha";
  alpha.offset = 24;
  Variant &variant = kernel.variants.emplace_back();
  variant.entry = "scale";
  variant.grid = {Expr::binary(Expr::Op::CeilDiv, Expr::size(0, 0), Expr::constant(32)),
                  Expr::constant(1), Expr::constant(1)};
  variant.block = {32, 1, 1};
  variant.parameterBytes = 28;
  return package;
}

/// With a variant before it for whole blocks.
static Package makeVariantsPackage() {
  Package package = makeScalePackage();
  StringRef entry = scalePtx.substr(scalePtx.find(".visible"));
  auto [head, tail] = entry.split("scale");
  package.ptx += (head + "scale_whole" + tail).str();
  std::vector<Variant> &variants = package.kernels[0].variants;
  variants.insert(variants.begin(), variants[0]);
  variants[0].entry = "scale_whole";
  variants[0].preconditions.push_back(
      {Condition::Kind::Divisible, Expr::size(0, 0), Expr::constant(32), 0, -1, "no tail in N"});
  return package;
}

namespace {
class RunTool : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("tk-run", directory));
    write("x.npy", makeRange(70, 1));
    write("good.npy", makeRange(70, 2));
    write("bad.npy", makeRange(70, 3));
    save(makeScalePackage());
  }
  void TearDown() override { sys::fs::remove_directories(directory); }

  std::string getPath(const Twine &name) const { return (directory + "/" + name).str(); }
  void save(const Package &package) {
    cantFail(writeFileAtomically(getPath("k.tkpkg"), serializePackage(package)));
  }
  void write(StringRef name, const HostTensor &tensor) {
    cantFail(writeFileAtomically(getPath(name), encodeNpy(tensor)));
  }
  static HostTensor makeRange(int64_t size, double factor) {
    HostTensor tensor{ElementType::F32, {size}, {1}, std::vector<uint8_t>(4 * size)};
    for (int64_t i = 0; i < size; ++i)
      encodeElement(ElementType::F32, factor * static_cast<double>(i), &tensor.bytes[4 * i]);
    return tensor;
  }
  /// Runs k.tkpkg on the simulator; '@' in an option is the test's folder.
  int run(std::vector<std::string> options) {
    std::vector<std::string> arguments = {getPath("k.tkpkg"), "--device=sim"};
    for (std::string &option : options) {
      size_t at = option.find('@');
      if (at != std::string::npos)
        option.replace(at, 1, getPath(""));
      arguments.push_back(option);
    }
    output.clear();
    errors.clear();
    raw_string_ostream os(output), err(errors);
    auto compile = [](const CompileRequest &request) -> Expected<CompiledPackage> {
      return createStringError("no compiler here");
    };
    return runTool(arguments, compile, os, err, /*colours=*/false);
  }
  bool exists(StringRef name) const { return sys::fs::exists(getPath(name)); }

  SmallString<128> directory;
  std::string output, errors;
};
} // namespace

TEST_F(RunTool, RunsChecksAndWrites) {
  EXPECT_EQ(run({"--arg", "x=@x.npy", "--arg", "alpha=2", "--out", "y=@y.npy", "--check",
                 "y=@good.npy", "--seeds=0..2"}),
            0)
      << output << errors;
  EXPECT_EQ(cantFail(readFile(getPath("y.npy"))), cantFail(readFile(getPath("good.npy"))));
  EXPECT_THAT(output, HasSubstr("scale on simulator (sm_90a, 132 SMs)"));
  EXPECT_THAT(output, HasSubstr("entry scale, grid 3x1x1, block 32x1x1"));
  EXPECT_THAT(output, HasSubstr("seeds 0 to 2"));
  EXPECT_THAT(output, HasSubstr("findings: none"));
  EXPECT_THAT(output, HasSubstr("relative error 0.00e+00, tolerance 2.00e-05: passed"));
}

TEST_F(RunTool, TheSimulatorTimesNothingAndSaysSo) {
  std::vector<std::string> options = {"--arg", "x=@x.npy", "--arg", "alpha=2", "--out", "y"};
  EXPECT_EQ(run(options), 0);
  EXPECT_EQ(errors, "");
  options.push_back("--repeat=10");
  EXPECT_EQ(run(options), 0);
  EXPECT_EQ(errors, "tk-run: warning: --repeat 10: expected a GPU, got the simulator, whose pace "
                    "says nothing of one; nothing was timed\n");
}

TEST_F(RunTool, AFailedCheckWritesNothing) {
  std::vector<std::string> options = {"--arg", "x=@x.npy", "--arg",   "alpha=2",
                                      "--out", "y=@y.npy", "--check", "y=@bad.npy"};
  EXPECT_EQ(run(options), 1);
  EXPECT_FALSE(exists("y.npy"));
  EXPECT_THAT(output, HasSubstr("relative error 3.33e-01, tolerance 2.00e-05: failed"));
  EXPECT_THAT(output, HasSubstr("largest difference 6.90e+01 at [69]: got 138, expected 207"));
  EXPECT_THAT(errors,
              HasSubstr("outputs were not written; --keep-output writes them all the same"));
  options.push_back("--keep-output");
  EXPECT_EQ(run(options), 1);
  EXPECT_TRUE(exists("y.npy"));
}

TEST_F(RunTool, NaNNeverPasses) {
  EXPECT_EQ(
      run({"--arg", "x=@x.npy", "--arg", "alpha=nan", "--out", "y", "--check", "y=@good.npy:1e30"}),
      1);
  EXPECT_THAT(output, HasSubstr("failed"));
}

TEST_F(RunTool, WritesOutOfBoundsAreFoundAndNothingIsWritten) {
  Package package = makeScalePackage();
  size_t at = package.ptx.find("@%p1 bra");
  package.ptx.replace(at, 5, "     ");
  package.ptx.replace(package.ptx.find("bra DONE;", at), 9, "         ");
  save(package);
  EXPECT_EQ(run({"--arg", "x=@x.npy", "--arg", "alpha=2", "--out", "y=@y.npy"}), 1)
      << output << errors;
  EXPECT_THAT(output, HasSubstr("error: TK-SIM-"));
  EXPECT_FALSE(exists("y.npy"));
}

TEST_F(RunTool, UnwrittenElementsFailACheckOnly) {
  Package package = makeScalePackage();
  package.kernels[0].variants[0].grid[0] = Expr::constant(2); // Six elements short.
  save(package);
  std::vector<std::string> options = {"--arg", "x=@x.npy", "--arg", "alpha=2", "--out", "y=@y.npy"};
  EXPECT_EQ(run(options), 0);
  EXPECT_THAT(output, HasSubstr("6 of 70 elements were never written"));
  sys::fs::remove(getPath("y.npy"));
  options.insert(options.end(), {"--check", "y=@good.npy:1e30"});
  EXPECT_EQ(run(options), 1);
  EXPECT_FALSE(exists("y.npy"));
}

TEST_F(RunTool, AnEmptyGridSaysSo) {
  write("empty.npy", makeRange(0, 1));
  EXPECT_EQ(run({"--arg", "x=@empty.npy", "--arg", "alpha=2", "--out", "y=@y.npy"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("the grid is empty: nothing was launched"));
  EXPECT_EQ(cantFail(readNpy(getPath("y.npy"))).shape, std::vector<int64_t>{0});
}

TEST_F(RunTool, TheJsonReportParses) {
  ASSERT_EQ(run({"--arg", "x=random:70", "--arg", "alpha=2", "--out", "y", "--report=json"}), 0)
      << errors;
  json::Value value = cantFail(json::parse(output));
  const json::Object &root = *value.getAsObject();
  EXPECT_EQ(root.getString("kernel"), "scale");
  EXPECT_EQ(root.getBoolean("succeeded"), true);
  EXPECT_EQ(root.getObject("launch")->getString("entry"), "scale");
  EXPECT_EQ(root.getArray("findings")->size(), 0u);
  EXPECT_EQ((*root.getArray("outputs"))[0].getAsObject()->getInteger("unwritten"), 0);
}

TEST_F(RunTool, VariantsAreTakenInOrderOrByName) {
  save(makeVariantsPackage());
  std::vector<std::string> options = {"--arg", "x=random:70", "--arg", "alpha=2", "--out", "y"};
  ASSERT_EQ(run(options), 0) << errors;
  EXPECT_THAT(output, HasSubstr("  entry scale, grid 3x1x1"));
  EXPECT_THAT(output, HasSubstr("\n  not taken: scale_whole needs x.size[0] % 32 == 0 (no tail in "
                                "N), got 70 and 32\n"));
  options[1] = "x=random:64";
  ASSERT_EQ(run(options), 0) << errors;
  EXPECT_THAT(output, HasSubstr("  entry scale_whole, grid 2x1x1"));
  EXPECT_THAT(output, Not(HasSubstr("not taken")));
  options.push_back("--variant=scale");
  ASSERT_EQ(run(options), 0) << errors;
  EXPECT_THAT(output, HasSubstr("  entry scale (by --variant), grid 2x1x1"));
  options.back() = "--variant=scale_whole";
  options[1] = "x=random:70";
  EXPECT_EQ(run(options), 1);
  EXPECT_EQ(output, "");
  EXPECT_EQ(errors, "tk-run: error: variant \"scale_whole\" does not fit these arguments: expected "
                    "x.size[0] % 32 == 0 (no tail in N), got 70 and 32; name another variant, or "
                    "none\n");
  // Told before anything is read.
  EXPECT_EQ(run({"--variant=scale_half", "--arg", "x=@none.npy"}), 1);
  EXPECT_EQ(errors, "tk-run: error: unknown variant \"scale_half\": expected one of "
                    "\"scale_whole\", \"scale\" of kernel \"scale\"\n");
}

TEST_F(RunTool, TheJsonReportNamesTheVariant) {
  save(makeVariantsPackage());
  std::vector<std::string> options = {"--arg", "x=random:70", "--arg",        "alpha=2",
                                      "--out", "y",           "--report=json"};
  ASSERT_EQ(run(options), 0) << errors;
  json::Value value = cantFail(json::parse(output));
  const json::Object *launch = value.getAsObject()->getObject("launch");
  EXPECT_EQ(launch->getString("entry"), "scale");
  EXPECT_EQ(launch->getBoolean("forced"), false);
  EXPECT_EQ(*launch->getArray("declined"),
            json::Array{"scale_whole needs x.size[0] % 32 == 0 (no tail in N), got 70 and 32"});
  options.push_back("--variant=scale");
  ASSERT_EQ(run(options), 0) << errors;
  value = cantFail(json::parse(output));
  launch = value.getAsObject()->getObject("launch");
  EXPECT_EQ(launch->getString("entry"), "scale");
  EXPECT_EQ(launch->getBoolean("forced"), true);
  EXPECT_TRUE(launch->getArray("declined")->empty());
}

TEST_F(RunTool, BadInputIsLocated) {
  struct Case {
    std::vector<std::string> options;
    std::string message;
  };
  HostTensor wrong{ElementType::F16, {70}, {1}, std::vector<uint8_t>(140)};
  write("half.npy", wrong);
  write("matrix.npy", HostTensor{ElementType::F32, {7, 10}, {10, 1}, std::vector<uint8_t>(280)});
  for (const auto &[options, message] : {
           Case{{"--arg", "x=@half.npy"},
                "half.npy: expected elements of type f32 for \"x\" (<f4), got \"<f2\""},
           Case{{"--arg", "x=@matrix.npy"}, "argument \"x\": expected 1 dimensions, got 2 (7x10)"},
           Case{{"--arg", "x=@none.npy"}, "none.npy\": No such file or directory"},
           Case{{"--arg", "x=@x.npy", "--out", "y"},
                "missing argument \"alpha\": expected a scalar of type f32"},
           Case{{"--arg", "x=@x.npy", "--arg", "alpha=@x.npy"},
                "argument \"alpha\": expected a number"},
           Case{{"--arg", "x=@x.npy", "--arg", "alpha=1"}, "missing argument \"y\""},
           Case{{"--arg", "x=random:9999999999999", "--arg", "alpha=1"},
                "expected an array that fits memory"},
           Case{{"--arg", "x=@x.npy", "--arg", "alpha=1", "--check", "y=@matrix.npy"},
                "reference of \"y\": expected 70, the sizes of the output, got 7x10"},
           Case{{"--kernel", "other"}, "unknown kernel \"other\": expected one of \"scale\""},
           Case{{"--frob"}, "unknown option \"--frob\""},
           Case{{"--out", "y=f", "--out", "x=f"},
                "--out: expected a file for each output, got \"f\" twice"},
           Case{{"--arg", "x=@x.npy", "--arg", "alpha=1", "--out", "y=@no/such/y.npy"},
                "no/such/y.npy\": No such file or directory"},
       }) {
    EXPECT_EQ(run(options), 1);
    EXPECT_THAT(errors, HasSubstr(message));
    EXPECT_EQ(errors.find("tk-run: error: "), 0u);
    EXPECT_EQ(output, "");
  }
}

TEST_F(RunTool, DamagedPackagesAreRefused) {
  cantFail(writeFileAtomically(getPath("k.tkpkg"), "{\"format\": \"tkpkg\", \"version\": 1}"));
  EXPECT_EQ(run({}), 1);
  EXPECT_THAT(errors, HasSubstr("k.tkpkg: version: expected 5, got 1"));
  Package package = makeScalePackage();
  package.ptx = ".version 8.1\nnonsense";
  save(package);
  EXPECT_EQ(run({"--arg", "x=@x.npy", "--arg", "alpha=1", "--out", "y=@y.npy"}), 1);
  EXPECT_THAT(errors, HasSubstr("scale.ptx"));
  EXPECT_FALSE(exists("y.npy"));
}
