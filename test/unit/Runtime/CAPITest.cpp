//===- CAPITest.cpp - The C interface, from the outside --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SamplePackage.h"
#include "tk/CAPI/tk.h"
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <thread>

using namespace tk::test;

extern "C" size_t tkTestSizeOfOptions(void);

namespace {
class CAPI : public testing::Test {
protected:
  void SetUp() override {
    text = tk::serializePackage(makeSamplePackage());
    ASSERT_EQ(tkPackageParse(text.data(), text.size(), "gemm.tkpkg", &package), 0)
        << tkGetLastError();
    ASSERT_EQ(tkDeviceCreate("sim", &device), 0) << tkGetLastError();
  }
  void TearDown() override {
    tkPackageFree(package);
    tkDeviceFree(device);
  }
  std::string launchError(std::vector<tkValue> values, const tkLaunchOptions *options = nullptr) {
    tkResult result = nullptr;
    if (tkLaunch(device, package, 0, values.data(), values.size(), options, &result))
      return tkGetLastError();
    tkResultFree(result);
    return "success";
  }
  static tkValue makeArray(const char *name, void *data, const int64_t *sizes,
                           const int64_t *strides = nullptr) {
    return {name, TK_INPUT, data, TK_BF16, 2, sizes, strides, 0, 0};
  }

  std::string text;
  tkPackage package = nullptr;
  tkDevice device = nullptr;
};
} // namespace

TEST_F(CAPI, ListsKernelsAndArguments) {
  EXPECT_EQ(tkTestSizeOfOptions(), sizeof(tkLaunchOptions));
  ASSERT_EQ(tkPackageGetNumKernels(package), 1u);
  EXPECT_STREQ(tkPackageGetKernelName(package, 0), "gemm");
  EXPECT_EQ(tkPackageGetKernelName(package, 1), nullptr);
  EXPECT_EQ(tkPackageFindKernel(package, "gemm"), 0);
  EXPECT_EQ(tkPackageFindKernel(package, "nothing"), -1);
  ASSERT_EQ(tkKernelGetNumArguments(package, 0), 5u);
  tkArgument argument;
  ASSERT_EQ(tkKernelGetArgument(package, 0, 1, &argument), 0);
  EXPECT_STREQ(argument.name, "B");
  EXPECT_EQ(argument.elementType, TK_BF16);
  EXPECT_EQ(argument.rank, 2);
  EXPECT_EQ(argument.strides[0], 1);
  EXPECT_EQ(argument.strides[1], TK_DYNAMIC);
  EXPECT_STREQ(argument.symbols[1], "N");
  EXPECT_EQ(tkKernelGetArgument(package, 0, 5, &argument), 1);
  EXPECT_STREQ(tkGetLastError(), "expected an argument of kernel 0 below 5, got 5");
}

TEST_F(CAPI, TextRoundTrips) {
  size_t length = 0;
  EXPECT_EQ(std::string(tkPackageGetText(package, &length)), text);
  EXPECT_EQ(length, text.size());
  tkPackage other = nullptr;
  EXPECT_EQ(tkPackageParse("{}", 2, "x", &other), 1);
  EXPECT_STREQ(tkGetLastError(), "x: format: expected \"tkpkg\", got nothing");
}

TEST_F(CAPI, ElementTypes) {
  EXPECT_STREQ(tkElementTypeGetName(TK_E4M3), "f8E4M3FN");
  EXPECT_EQ(tkElementTypeGetName(static_cast<tkElementType>(99)), nullptr);
  EXPECT_EQ(tkElementTypeParse("bf16"), TK_BF16);
  EXPECT_EQ(tkElementTypeParse("bf17"), -1);
  EXPECT_EQ(tkElementTypeGetBytes(TK_BF16), 2u);
}

TEST_F(CAPI, AVariantByName) {
  // 128x60 times 60x256: not for the fast one.
  int64_t sizes[][2] = {{128, 60}, {60, 256}, {128, 256}}, columns[] = {1, 60};
  std::vector<uint16_t> a(128 * 60), b(60 * 256);
  std::vector<float> c(128 * 256);
  std::vector<tkValue> values = {makeArray("A", a.data(), sizes[0]),
                                 makeArray("B", b.data(), sizes[1], columns),
                                 {"C", TK_OUTPUT, c.data(), TK_F32, 2, sizes[2], nullptr, 0, 0},
                                 {"alpha", TK_REAL, nullptr, 0, 0, nullptr, nullptr, 0, 1.0},
                                 {"count", TK_INTEGER, nullptr, 0, 0, nullptr, nullptr, 1, 0}};
  tkLaunchOptions options = {sizeof(options), 0, 0, 0, "gemm_fast"};
  EXPECT_EQ(launchError(values, &options),
            "variant \"gemm_fast\" does not fit these arguments: expected A.size[1] % 64 == 0 (no "
            "tail in K), got 60 and 64; name another variant, or none");
}

/// A kernel that only copies still goes the whole way down.
static constexpr const char *source = R"(
!view = !tk.global<?x?xf32, strides = [?, 1]>
tk.kernel @copy(%A: !view [M, N], %C: !view [M, N]) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %zero = arith.constant 0 : index
  %a = tk.load %A[%zero, %zero] : !view -> tensor<16x16xf32>
  tk.store %a, %C[%zero, %zero] : tensor<16x16xf32>, !view
  tk.return
}
)";

TEST_F(CAPI, CompilesAndLaunches) {
  tkPackage compiled = nullptr;
  char *diagnostics = nullptr;
  ASSERT_EQ(tkCompile(source, strlen(source), "copy.mlir", "{\"assemble\": false}", &compiled,
                      &diagnostics),
            0)
      << tkGetLastError() << diagnostics;
  tkStringFree(diagnostics);
  // C is the left half of a wider array; what lies to its right stays.
  float a[3 * 5], c[3 * 5 * 2];
  for (int i = 0; i < 15; ++i) {
    a[i] = static_cast<float>(i);
    c[2 * i] = c[2 * i + 1] = -1;
  }
  int64_t sizes[] = {3, 5}, strides[] = {10, 1};
  tkValue values[] = {{"A", TK_INPUT, a, TK_F32, 2, sizes, nullptr, 0, 0},
                      {"C", TK_OUTPUT, c, TK_F32, 2, sizes, strides, 0, 0}};
  tkResult result = nullptr;
  tkLaunchOptions options = {sizeof(options), 0, 0, 0, "copy"};
  ASSERT_EQ(tkLaunch(device, compiled, 0, values, 2, &options, &result), 0) << tkGetLastError();
  EXPECT_EQ(tkResultGetNumErrors(result), 0u) << tkResultGetReport(result);
  EXPECT_NE(std::string(tkResultGetReport(result)).find("\"forced\": true"), std::string::npos);
  EXPECT_NE(std::string(tkResultGetReport(result)).find("\"unwritten\": 0"), std::string::npos);
  tkResultFree(result);
  tkPackageFree(compiled);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 10; ++j)
      EXPECT_EQ(c[10 * i + j], j < 5 ? a[5 * i + j] : -1) << i << " " << j;
}

/// A kernel that would take hours.
static constexpr const char *slow = R"(
!view = !tk.global<?x?xf32, strides = [?, 1]>
tk.kernel @slow(%A: !view [M, N], %C: !view [M, N]) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %many = arith.constant 1000000000 : index
  %a = tk.load %A[%zero, %zero] : !view -> tensor<16x16xf32>
  %sum = scf.for %i = %zero to %many step %one iter_args(%x = %a) -> tensor<16x16xf32> {
    %next = arith.mulf %x, %x : tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tk.store %sum, %C[%zero, %zero] : tensor<16x16xf32>, !view
  tk.return
}
)";

TEST_F(CAPI, ALaunchIsCancelled) {
  tkPackage compiled = nullptr, quick = nullptr;
  ASSERT_EQ(tkCompile(slow, strlen(slow), "slow.mlir", "{\"assemble\": false}", &compiled, nullptr),
            0)
      << tkGetLastError();
  ASSERT_EQ(
      tkCompile(source, strlen(source), "copy.mlir", "{\"assemble\": false}", &quick, nullptr), 0)
      << tkGetLastError();
  float a[1] = {1}, c[1] = {-1};
  int64_t sizes[] = {1, 1};
  tkValue values[] = {{"A", TK_INPUT, a, TK_F32, 2, sizes, nullptr, 0, 0},
                      {"C", TK_OUTPUT, c, TK_F32, 2, sizes, nullptr, 0, 0}};
  tkResult result = nullptr;
  // While it runs, and before it does.
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    tkDeviceCancel(device);
  });
  EXPECT_EQ(tkLaunch(device, compiled, 0, values, 2, nullptr, &result), 1);
  EXPECT_STREQ(tkGetLastError(), "the launch was cancelled");
  other.join();
  tkDeviceCancel(device);
  EXPECT_EQ(tkLaunch(device, compiled, 0, values, 2, nullptr, &result), 1);
  EXPECT_STREQ(tkGetLastError(), "the launch was cancelled");
  EXPECT_EQ(c[0], -1);
  // The next one is not.
  ASSERT_EQ(tkLaunch(device, quick, 0, values, 2, nullptr, &result), 0) << tkGetLastError();
  EXPECT_EQ(c[0], 1);
  tkResultFree(result);
  tkPackageFree(compiled);
  tkPackageFree(quick);
}

TEST_F(CAPI, CompileErrorsComeWithDiagnostics) {
  tkPackage compiled = nullptr;
  char *diagnostics = nullptr;
  EXPECT_EQ(tkCompile("tk.kernel", 9, "bad.mlir", nullptr, &compiled, &diagnostics), 1);
  EXPECT_NE(std::string(diagnostics).find("bad.mlir:1:"), std::string::npos) << diagnostics;
  tkStringFree(diagnostics);
  EXPECT_STREQ(tkGetLastError(), "bad.mlir: compilation failed");
  for (auto [options, message] :
       {std::pair{"{", "compile options: expected a JSON object, got damaged JSON: "},
        {"[]", "compile options: expected a JSON object, got another value"},
        {"{\"speed\": 1}",
         "unknown compile option \"speed\": expected aliases, assemble, certify, disable, ptxas or tuning"},
        {"{\"assemble\": 1}",
         "compile option \"assemble\": expected true or false, got another value"}}) {
    EXPECT_EQ(tkCompile(source, strlen(source), "copy.mlir", options, &compiled, nullptr), 1);
    EXPECT_EQ(std::string(tkGetLastError()).find(message), 0u) << tkGetLastError();
  }
}

TEST_F(CAPI, BadDevices) {
  tkDevice other = nullptr;
  EXPECT_EQ(tkDeviceCreate("gpu", &other), 1);
  EXPECT_STREQ(tkGetLastError(), "unknown device \"gpu\": expected auto, sim, sim:N or cuda");
  EXPECT_STREQ(tkDeviceGetKind(device), "sim");
}

TEST_F(CAPI, BadValues) {
  int64_t sizes[] = {2, 2}, negative[] = {-2, 1}, huge[] = {INT64_MAX, INT64_MAX};
  uint16_t data[4] = {};
  EXPECT_EQ(launchError({makeArray(nullptr, data, sizes)}),
            "expected a name for every value, got NULL");
  EXPECT_EQ(launchError({makeArray("A", nullptr, sizes)}),
            "argument \"A\": expected an address, got NULL");
  EXPECT_EQ(launchError({makeArray("A", data, nullptr)}),
            "argument \"A\": expected 1 to 5 sizes, got 0");
  EXPECT_EQ(launchError({makeArray("A", data, sizes, negative)}),
            "argument \"A\": expected strides of zero or more, got a negative one; copy the array");
  EXPECT_EQ(launchError({makeArray("A", data, huge)}),
            "argument \"A\": expected an array that fits memory, got "
            "9223372036854775807x9223372036854775807");
  EXPECT_EQ(launchError({makeArray("X", data, sizes)}),
            "unknown argument \"X\": expected one of \"A\", \"B\", \"C\", \"alpha\", \"count\" of "
            "kernel \"gemm\"");
  tkRow row = {nullptr, 3};
  tkValue list = makeArray("A", &row, sizes);
  list.kind = TK_LIST;
  list.integer = 1;
  EXPECT_EQ(launchError({list}),
            "argument \"A\": expected 3 values of row 0, got their address as NULL");
  tkValue onDevice = makeArray("A", reinterpret_cast<void *>(0x1008), sizes);
  onDevice.kind = TK_ON_DEVICE;
  EXPECT_EQ(launchError({onDevice}),
            "address of \"A\": expected a multiple of 16, as the kernel promises, got 4104");
  tkLaunchOptions options = {1, 0, 0, 0, nullptr};
  EXPECT_EQ(launchError({}, &options),
            "expected tkLaunchOptions of 40 bytes, got 1; set structSize to "
            "sizeof(tkLaunchOptions)");
  options.structSize = sizeof(options);
  for (const char *entry : {"gemm", ""}) {
    options.variant = entry;
    EXPECT_EQ(launchError({}, &options), "unknown variant \"" + std::string(entry) +
                                             "\": expected one of \"gemm_fast\", \"gemm_plain\" "
                                             "of kernel \"gemm\"");
  }
}
