//===- CudaDeviceTest.cpp - The cuda device over a fake driver ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SamplePackage.h"
#include "tk/Runtime/Execute.h"
#include "llvm/Support/Endian.h"
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

namespace {
/// A kernel of one argument, a vector of N words that it writes.
class Cuda : public testing::Test {
protected:
  Cuda() {
    package.ptx = ".entry ramp .entry hang .entry skip";
    Kernel &kernel = package.kernels.emplace_back();
    kernel.name = "ramp";
    Argument &output = kernel.arguments.emplace_back();
    output.name = "out";
    output.isView = output.written = true;
    output.read = false;
    output.elementType = ElementType::F32;
    output.sizes = {Argument::kDynamic};
    output.strides = {1};
    output.symbols = {""};
    output.sizeDivisors = output.strideDivisors = {1};
    output.offset = 0;
    output.sizeOffsets = {8};
    output.strideOffsets = {-1};
    Variant &variant = kernel.variants.emplace_back();
    variant.entry = "ramp";
    variant.grid = {Expr::constant(1), Expr::constant(1), Expr::constant(1)};
    variant.parameterBytes = 16;
  }
  Expected<ExecuteResult> run(Device &device, int64_t size, unsigned repeat = 0) {
    LaunchInputs inputs;
    inputs.outputs.push_back({"out", std::vector<int64_t>{size}, std::nullopt});
    Binding binding = cantFail(bindArguments(package.kernels[0], inputs));
    ExecuteOptions options;
    options.repeat = repeat;
    return execute(device, package, binding, options);
  }
  std::unique_ptr<Device> open(unsigned timeout = 10) {
    return cantFail(createCudaDevice(0, timeout, TK_FAKE_CUDA));
  }
  template <class Function>
  static Function *findFake(const char *name) {
    return reinterpret_cast<Function *>(dlsym(dlopen(TK_FAKE_CUDA, RTLD_NOW), name));
  }
  static int countLive() { return findFake<int()>("fakeLiveObjects")(); }
  /// What the driver was asked for since the last call.
  static std::string getSeen() { return findFake<const char *()>("fakeSeen")(); }
  Variant &variant() { return package.kernels[0].variants[0]; }
  Package package;
};
} // namespace

TEST_F(Cuda, WithoutADriverOneLineSaysSo) {
  EXPECT_EQ(getMessage(createCudaDevice(0, 1, "libno-such-driver.so")),
            "no CUDA driver: libno-such-driver.so was not found; use the "
            "simulator (device \"sim\"), or install NVIDIA's driver");
}

TEST_F(Cuda, DescribesTheDevice) {
  EXPECT_EQ(open()->getDescription(), "Fake H100 (sm_90, 114 SMs, driver 12.4)");
  EXPECT_EQ(getMessage(createCudaDevice(1, 1, TK_FAKE_CUDA)),
            "expected a GPU of compute capability 9.0 (Hopper), got Fake H100 (sm_80, 114 SMs, "
            "driver 12.4); use the simulator (device \"sim\")");
  EXPECT_EQ(getMessage(createCudaDevice(7, 1, TK_FAKE_CUDA)),
            "no GPU number 7: the CUDA driver sees 2; use the simulator (device \"sim\")");
}

TEST_F(Cuda, LaunchesAndGivesEverythingBack) {
  int before = countLive();
  {
    std::unique_ptr<Device> device = open();
    ExecuteResult result = cantFail(run(*device, 5));
    ASSERT_EQ(result.outputs.size(), 1u);
    const std::vector<uint8_t> &bytes = result.outputs[0].tensor.bytes;
    EXPECT_EQ(support::endian::read32le(&bytes[0]), 1u); // No cluster.
    EXPECT_EQ(support::endian::read32le(&bytes[16]), 4u);
    EXPECT_EQ(result.outputs[0].unwritten, 0);
    EXPECT_FALSE(result.timing.has_value());
  }
  EXPECT_EQ(countLive(), before);
}

TEST_F(Cuda, ClustersAndSharedMemoryAreAskedFor) {
  variant().cluster = {2, 1, 1};
  variant().dynamicSharedBytes = 200 * 1024;
  variant().grid[0] = Expr::constant(6);
  std::unique_ptr<Device> device = open();
  getSeen();
  ExecuteResult result = cantFail(run(*device, 1));
  EXPECT_EQ(support::endian::read32le(&result.outputs[0].tensor.bytes[0]), 2u);
  EXPECT_EQ(getSeen(), "set 8 to 204800\n"
                       "launch grid 6,1,1 block 1,1,1 shared 204800 attribute 4 of 2,1,1\n");
  variant().cluster = {2, 1, 8};
  variant().grid[2] = Expr::constant(16);
  variant().dynamicSharedBytes = 48 * 1024;
  cantFail(run(*device, 1));
  EXPECT_EQ(getSeen(), "set 14 to 1\n"
                       "launch grid 6,1,16 block 1,1,1 shared 49152 attribute 4 of 2,1,8\n");
  variant().cluster = {1, 1, 1};
  cantFail(run(*device, 1));
  EXPECT_EQ(getSeen(), "launch grid 6,1,16 block 1,1,1 shared 49152\n");
}

TEST_F(Cuda, TooMuchSharedMemoryNamesEachBuffer) {
  variant().dynamicSharedBytes = 240000;
  variant().sharedBuffers.push_back({"a", 0, 120000, "!tk.shared<a>", "gemm.mlir:20:10"});
  variant().sharedBuffers.push_back({"b", 120000, 120000, "!tk.shared<b>", "gemm.mlir:21:10"});
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device, 1)),
            "kernel \"ramp\" needs too much shared memory: expected at most 232448 bytes per "
            "block, got 240000; use "
            "smaller tiles or fewer stages\n"
            "  gemm.mlir:20:10: \"a\" takes 120000 bytes at 0 (!tk.shared<a>)\n"
            "  gemm.mlir:21:10: \"b\" takes 120000 bytes at 120000 (!tk.shared<b>)");
}

TEST_F(Cuda, UnwrittenElementsAreCounted) {
  package.kernels[0].variants[0].entry = "skip";
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(cantFail(run(*device, 5)).outputs[0].unwritten, 5);
  package.kernels[0].arguments[0].elementType = ElementType::I32;
  EXPECT_EQ(cantFail(run(*device, 5)).outputs[0].unwritten, std::nullopt);
}

TEST_F(Cuda, TimesLaunches) {
  std::unique_ptr<Device> device = open();
  std::optional<Timing> timing = cantFail(run(*device, 5, 10)).timing;
  ASSERT_TRUE(timing.has_value());
  EXPECT_EQ(timing->launches, 10u);
  EXPECT_EQ(timing->median, 3);
  EXPECT_EQ(timing->least, 1);
  EXPECT_EQ(timing->greatest, 5);
}

TEST_F(Cuda, ErrorsNameTheCall) {
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device, int64_t(1) << 29)),
            "cuMemAlloc of 2147483648 bytes for \"out\" failed: CUDA_ERROR_OUT_OF_MEMORY (so says "
            "the fake)");
  variant().entry = "nothing";
  EXPECT_EQ(getMessage(run(*device, 1)),
            "cuModuleGetFunction of \"nothing\" failed: CUDA_ERROR_NOT_FOUND (so says the fake)");
}

TEST_F(Cuda, TheLogOfTheJitIsShown) {
  package.ptx = "damaged";
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device, 1)),
            "cuModuleLoadDataEx of the PTX failed: CUDA_ERROR_INVALID_PTX (so says the "
            "fake)\nptxas fatal: damaged");
}

TEST_F(Cuda, ACubinThatIsRefusedGivesWayToThePtx) {
  std::string cubin = "damaged";
  package.cubin.assign(cubin.begin(), cubin.end() + 1);
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device, 1)), "success");
}

TEST_F(Cuda, PackagesOfACubinAloneAreToldApart) {
  std::unique_ptr<Device> device = open();
  std::string image = std::move(package.ptx);
  package.ptx.clear();
  package.cubin.assign(image.begin(), image.end());
  package.cubin.push_back(0);
  EXPECT_EQ(getMessage(run(*device, 1)), "success");
  image = ".entry skip";
  package.cubin.assign(image.begin(), image.end());
  package.cubin.push_back(0);
  EXPECT_EQ(getMessage(run(*device, 1)),
            "cuModuleGetFunction of \"ramp\" failed: CUDA_ERROR_NOT_FOUND (so says the fake)");
}

namespace {
/// The sample GEMM, whose fast variant has tensor maps. A and B lie on the device already.
class CudaMaps : public Cuda {
protected:
  CudaMaps() {
    package = makeSamplePackage();
    package.ptx = ".entry gemm_fast .entry gemm_plain";
    package.cubin.clear();
    a = {ElementType::BF16, {128, 64}, {72, 1}, {}};
    b = {ElementType::BF16, {64, 256}, {1, 80}, {}};
  }
  Expected<ExecuteResult> run(Device &device) {
    LaunchInputs inputs;
    inputs.inputs = {{"A", &a, 0x10000}, {"B", &b, 0x20010}};
    inputs.outputs = {{"C", std::nullopt, std::nullopt}};
    inputs.scalars = {{"alpha", 0.5}, {"count", int64_t(3)}};
    Binding binding = cantFail(bindArguments(package.kernels[0], inputs));
    getSeen();
    return execute(device, package, binding, {});
  }
  HostTensor a, b;
};
} // namespace

TEST_F(CudaMaps, AreEncodedAndPassedByValue) {
  std::unique_ptr<Device> device = open();
  ExecuteResult result = cantFail(run(*device));
  EXPECT_TRUE(result.launched);
  EXPECT_EQ(getSeen(), "map type 9 address 65536 sizes 64,128 strides 144 box 64,128 element "
                       "strides 1,1 interleave 0 swizzle 3 l2 3 fill 0\n"
                       "map type 9 address 131088 sizes 64,256 strides 160 box 64,256 element "
                       "strides 1,1 interleave 0 swizzle 3 l2 0 fill 1\n"
                       "launch grid 1,1,1 block 128,1,1 shared 49152\n");
  size_t size = 0;
  const char *bytes = findFake<const char *(size_t *)>("fakeParameters")(&size);
  ASSERT_EQ(size, 384u);
  EXPECT_EQ(support::endian::read64le(bytes), 0x10000u); // The pointer of A still goes too.
  for (auto [offset, address] : {std::pair{128, 0x10000u}, {256, 0x20010u}}) {
    EXPECT_EQ(support::endian::read64le(bytes + offset), address);
    EXPECT_EQ(support::endian::read64le(bytes + offset + 56), address);
    EXPECT_EQ(std::string(bytes + offset + 64, 64), std::string(64, 'T'));
  }
}

TEST_F(CudaMaps, OfOneAndOfFiveDimensions) {
  Variant &fast = variant();
  fast.tensorMaps.resize(1);
  TensorMap &map = fast.tensorMaps[0];
  map.type = ElementType::U8;
  map.swizzle = 32;
  map.l2Promotion = 64;
  map.dimensions = {{Expr::constant(112), Expr::constant(1), 32}};
  std::unique_ptr<Device> device = open();
  cantFail(run(*device));
  EXPECT_THAT(getSeen(), testing::StartsWith(
                             "map type 0 address 65536 sizes 112 strides  box 32 element strides 1 "
                             "interleave 0 swizzle 1 l2 1 fill 0\n"));
  map.type = ElementType::F32;
  map.swizzle = 64;
  map.l2Promotion = 128;
  map.dimensions = {{Expr::constant(16), Expr::constant(1), 16},
                    {Expr::constant(2), Expr::constant(4), 1},
                    {Expr::constant(3), Expr::constant(8), 2},
                    {Expr::constant(5), Expr::constant(12), 3},
                    {Expr::constant(7), Expr::constant(16), 4}};
  cantFail(run(*device));
  EXPECT_THAT(getSeen(),
              testing::StartsWith("map type 7 address 65536 sizes 16,2,3,5,7 strides 16,32,48,64 "
                                  "box 16,1,2,3,4 element strides 1,1,1,1,1 interleave 0 swizzle 2 "
                                  "l2 2 fill 0\n"));
}

TEST_F(CudaMaps, ADriverThatDeclinesIsLocated) {
  variant().tensorMaps[1].dimensions[0].box = 128;
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device)),
            "kernel \"gemm_fast\", tensor map of \"B\": cuTensorMapEncodeTiled failed: "
            "CUDA_ERROR_INVALID_VALUE (so says the fake); it was to be bf16 at 0x20010, sizes [64, "
            "256], strides in bytes [160], box [128, 256], swizzle 128, L2 promotion 0, fill nan");
}

TEST_F(CudaMaps, AVariantWithoutMapsNeedsNone) {
  a.sizes[1] = b.sizes[0] = 60;
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(cantFail(run(*device)).choice.index, 1u);
  EXPECT_EQ(getSeen(), "launch grid 1,1,1 block 128,1,1 shared 49152\n");
}

TEST_F(CudaMaps, AnEmptyGridMakesNone) {
  a.sizes[0] = 0;
  std::unique_ptr<Device> device = open();
  EXPECT_EQ(getMessage(run(*device)), "success");
  EXPECT_EQ(getSeen(), "");
}

/// Last in the file: the fake hangs for ever after.
using CudaHang = Cuda;
TEST_F(CudaHang, Ends) {
  variant().entry = "hang";
  std::unique_ptr<Device> device = open(/*timeout=*/0);
  EXPECT_EQ(getMessage(run(*device, 1)),
            "the kernel did not end: expected at most 0 s, got a hang; run it on "
            "the simulator (device \"sim\"), which names the wait that never ends");
  EXPECT_EQ(getMessage(run(*device, 1)),
            "an earlier kernel on this GPU did not end; start a new process");
}
