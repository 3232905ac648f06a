//===- BindingTest.cpp - Arguments against signatures ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Binding.h"
#include "SamplePackage.h"
#include "llvm/Support/Endian.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

namespace {
/// The sample GEMM with good arguments: A 128x64, B 64x256 column-major, C inferred.
class Bind : public testing::Test {
protected:
  Bind() : package(makeSamplePackage()), kernel(package.kernels[0]) {
    a = makeTensor(ElementType::BF16, {128, 64});
    b = makeTensor(ElementType::BF16, {64, 256}, /*fortran=*/true);
    inputs.inputs = {{"A", &a}, {"B", &b}};
    inputs.outputs = {{"C", std::nullopt, std::nullopt}};
    inputs.scalars = {{"alpha", 0.5}, {"count", int64_t(3)}};
  }
  static HostTensor makeTensor(ElementType type, std::vector<int64_t> sizes, bool fortran = false) {
    HostTensor tensor{type, sizes, getDenseStrides(sizes, fortran), {}};
    tensor.bytes.resize(getExtent(tensor.sizes, tensor.strides).value() * getElementBytes(type));
    return tensor;
  }
  std::string message(Caller caller = Caller::CommandLine) const {
    return getMessage(bindArguments(kernel, inputs, caller));
  }
  Binding bind() const { return cantFail(bindArguments(kernel, inputs)); }

  Package package;
  Kernel &kernel;
  HostTensor a, b;
  LaunchInputs inputs;
};
} // namespace

TEST_F(Bind, OutputSizesFollowFromSymbols) {
  Binding binding = bind();
  EXPECT_EQ(binding.arguments[2].sizes, (std::vector<int64_t>{128, 256}));
  EXPECT_EQ(binding.arguments[2].strides, (std::vector<int64_t>{256, 1}));
  EXPECT_EQ(binding.arguments[2].getBytes(), 128 * 256 * 4);
  EXPECT_TRUE(binding.arguments[2].isOutput);
  EXPECT_EQ(binding.arguments[4].integer, 3);
}

TEST_F(Bind, Names) {
  inputs.inputs.push_back({"X", &a});
  EXPECT_EQ(message(), "unknown argument \"X\": expected one of \"A\", \"B\", \"C\", \"alpha\", "
                       "\"count\" of kernel \"gemm\"");
  inputs.inputs.back().name = "A";
  EXPECT_EQ(message(), "argument \"A\" is given twice: expected one value, got two");
  inputs.inputs.pop_back();
  inputs.inputs.pop_back();
  EXPECT_EQ(message(), "missing argument \"B\": expected an array KxN of bf16, which the kernel "
                       "reads, got nothing; give "
                       "--arg B=FILE.npy");
}

TEST_F(Bind, MissingOutputAndScalar) {
  inputs.outputs.clear();
  EXPECT_EQ(
      message(),
      "missing argument \"C\": expected an array MxN of f32, got nothing; give --out C=FILE.npy");
  EXPECT_EQ(message(Caller::Program), "missing argument \"C\": expected an array MxN of f32, got "
                                      "nothing; give a value named \"C\"");
  inputs.scalars.pop_back();
  EXPECT_EQ(message(), "missing argument \"count\": expected a scalar of type i32, got nothing; "
                       "give --arg count=NUMBER");
}

TEST_F(Bind, Sorts) {
  inputs.scalars.push_back({"A", int64_t(1)});
  EXPECT_EQ(message(), "argument \"A\" is given twice: expected one value, got two");
  inputs.inputs.erase(inputs.inputs.begin());
  EXPECT_EQ(message(), "argument \"A\": expected an array MxK of bf16, got a number");
  inputs.scalars.clear();
  inputs.inputs.push_back({"alpha", &a});
  EXPECT_EQ(message(), "argument \"alpha\": expected a scalar of type f32, got an array");
}

TEST_F(Bind, OutputsThatAreOnlyRead) {
  inputs.outputs.push_back({"A", std::nullopt, std::nullopt});
  EXPECT_EQ(
      message(),
      "output \"A\": expected an argument that kernel \"gemm\" writes, got one that it does not");
}

TEST_F(Bind, TypeAndRank) {
  a.type = ElementType::F16;
  EXPECT_EQ(message(), "argument \"A\": expected elements of type bf16, got f16");
  a = makeTensor(ElementType::BF16, {2, 64, 64});
  EXPECT_EQ(message(), "argument \"A\": expected 2 dimensions, got 3 (2x64x64)");
}

TEST_F(Bind, SymbolsAgree) {
  b = makeTensor(ElementType::BF16, {72, 256}, true);
  EXPECT_EQ(message(), "size K of \"B\" (dimension 0) is 72, but \"A\" (dimension 1) has 64");
  b = makeTensor(ElementType::BF16, {64, 256}, true);
  inputs.outputs[0].sizes = {128, 255};
  EXPECT_EQ(message(), "size N of \"C\" (dimension 1) is 255, but \"B\" (dimension 1) has 256");
}

TEST_F(Bind, StaticSizesAndPromises) {
  kernel.arguments[0].sizes[1] = 32;
  EXPECT_EQ(message(), "size of \"A\" (dimension 1): expected 32, as the kernel fixes it, got 64");
  kernel.arguments[0].sizes[1] = Argument::kDynamic;
  kernel.arguments[0].sizeDivisors[1] = 48;
  EXPECT_EQ(
      message(),
      "size of \"A\" (dimension 1): expected a multiple of 48, as the kernel promises, got 64");
  kernel.arguments[0].sizeDivisors[1] = 1;
  kernel.arguments[0].strideDivisors[0] = 128;
  EXPECT_EQ(
      message(),
      "stride of \"A\" (dimension 0): expected a multiple of 128, as the kernel promises, got 64");
}

TEST_F(Bind, StaticStrides) {
  b = makeTensor(ElementType::BF16, {64, 256});
  EXPECT_EQ(message(), "stride of \"B\" (dimension 0): expected 1, as the kernel fixes it, got "
                       "256; store the array with "
                       "numpy.asfortranarray (column-major)");
  a = makeTensor(ElementType::BF16, {128, 64}, true);
  EXPECT_EQ(message(), "stride of \"A\" (dimension 1): expected 1, as the kernel fixes it, got "
                       "128; store the array with "
                       "numpy.ascontiguousarray (row-major)");
}

TEST_F(Bind, StridesOfOneElementMeanNothing) {
  // NumPy calls these C-contiguous, whatever order they were made in.
  a = makeTensor(ElementType::BF16, {1, 1});
  b = makeTensor(ElementType::BF16, {1, 256});
  Binding binding = bind();
  EXPECT_EQ(binding.arguments[1].strides, (std::vector<int64_t>{1, 1}));
  b = makeTensor(ElementType::BF16, {1, 1});
  b.strides = {77, 77};
  EXPECT_EQ(bind().arguments[1].strides, (std::vector<int64_t>{1, 1}));
}

TEST_F(Bind, FreshOutputsKeepPromises) {
  kernel.arguments[2].strideDivisors[0] = 8;
  b = makeTensor(ElementType::BF16, {64, 250}, true);
  EXPECT_EQ(bind().arguments[2].strides, (std::vector<int64_t>{256, 1}));
  kernel.arguments[2].strides = {1, Argument::kDynamic};
  kernel.arguments[2].strideDivisors = {1, 1};
  EXPECT_EQ(bind().arguments[2].strides, (std::vector<int64_t>{1, 128}));
}

TEST_F(Bind, OutputsThatNoInputFixes) {
  kernel.arguments[2].symbols = {"M", "Q"};
  EXPECT_EQ(
      message(),
      "size of output \"C\" (dimension 1): expected an input that fixes it, got none; give --out "
      "C=C.npy:MxQ");
  inputs.outputs[0].sizes = {128, 7};
  EXPECT_EQ(bind().arguments[2].sizes, (std::vector<int64_t>{128, 7}));
  inputs.outputs[0].sizes = {128};
  EXPECT_EQ(message(), "argument \"C\": expected 2 dimensions, got 1 (128)");
}

TEST_F(Bind, InputsThatAreWrittenToo) {
  HostTensor c = makeTensor(ElementType::F32, {128, 256});
  kernel.arguments[2].read = true;
  EXPECT_EQ(message(), "missing argument \"C\": expected an array MxN of f32, which the kernel "
                       "reads, got nothing; give "
                       "--arg C=FILE.npy");
  inputs.inputs.push_back({"C", &c});
  EXPECT_EQ(bind().arguments[2].input, &c);
  inputs.outputs[0].sizes = {1, 2};
  EXPECT_EQ(message(), "output \"C\": expected 128x256, the sizes of its input, got 1x2");
}

TEST_F(Bind, Scalars) {
  inputs.scalars[1].value = 1.5;
  EXPECT_EQ(message(), "argument \"count\": expected an integer of type i32, got 1.500000");
  inputs.scalars[1].value = int64_t(1) << 32;
  EXPECT_EQ(message(), "argument \"count\": expected a value that fits i32, got 4294967296");
  inputs.scalars[1].value = int64_t(-1);
  inputs.scalars[0].value = int64_t(2);
  Binding binding = bind();
  EXPECT_EQ(binding.arguments[4].scalar, (std::vector<uint8_t>{255, 255, 255, 255}));
  EXPECT_EQ(decodeElement(ElementType::F32, binding.arguments[3].scalar.data()), 2.0);
}

TEST_F(Bind, TheFirstVariantWhosePreconditionsHold) {
  LaunchFacts facts = bind().getFacts(132);
  VariantChoice choice = cantFail(chooseVariant(kernel, facts));
  EXPECT_EQ(choice.index, 0u);
  EXPECT_EQ(choice.grid, (std::array<int64_t, 3>{1, 1, 1}));
  facts.arguments[1].address = 8;
  choice = cantFail(chooseVariant(kernel, facts));
  EXPECT_EQ(choice.index, 1u);
  EXPECT_EQ(choice.declined,
            std::vector<std::string>{"gemm_fast needs address of B % 16 == 0, got 0x8 and 16"});
  facts.arguments[0].sizes[1] = 65;
  choice = cantFail(chooseVariant(kernel, facts));
  EXPECT_EQ(choice.declined,
            std::vector<std::string>{
                "gemm_fast needs A.size[1] % 64 == 0 (no tail in K), got 65 and 64"});
}

TEST_F(Bind, AVariantByName) {
  LaunchFacts facts = bind().getFacts(132);
  VariantChoice choice = cantFail(chooseVariant(kernel, facts));
  EXPECT_FALSE(choice.isForced);
  choice = cantFail(chooseVariant(kernel, facts, "gemm_plain"));
  EXPECT_EQ(choice.index, 1u);
  EXPECT_EQ(choice.grid, (std::array<int64_t, 3>{1, 1, 1}));
  EXPECT_TRUE(choice.isForced);
  EXPECT_TRUE(choice.declined.empty());
  EXPECT_EQ(cantFail(chooseVariant(kernel, facts, "gemm_fast")).index, 0u);
  facts.arguments[0].sizes[1] = 65;
  EXPECT_EQ(getMessage(chooseVariant(kernel, facts, "gemm_fast")),
            "variant \"gemm_fast\" does not fit these arguments: expected A.size[1] % 64 == 0 (no "
            "tail in K), got 65 and 64; name another variant, or none");
  EXPECT_EQ(getMessage(chooseVariant(kernel, facts, "gemm")),
            "unknown variant \"gemm\": expected one of \"gemm_fast\", \"gemm_plain\" of kernel "
            "\"gemm\"");
  Condition &condition = kernel.variants[0].preconditions[0];
  condition = {Condition::Kind::LessEqual, Expr::numSMs(), Expr::size(0, 0), 0, -1, ""};
  EXPECT_EQ(
      getMessage(chooseVariant(kernel, facts, "gemm_fast")),
      "variant \"gemm_fast\" does not fit these arguments: expected num_sms <= A.size[0], got "
      "132 and 128; name another variant, or none");
}

TEST_F(Bind, Grids) {
  a = makeTensor(ElementType::BF16, {0, 64});
  VariantChoice choice = cantFail(chooseVariant(kernel, bind().getFacts(132)));
  EXPECT_TRUE(choice.isEmpty());
  for (Variant &variant : kernel.variants)
    variant.grid[1] = Expr::constant(-1);
  EXPECT_EQ(getMessage(chooseVariant(kernel, bind().getFacts(132))),
            "grid of \"gemm_fast\" (dimension 1): expected 0 to 65535 blocks, got -1");
  kernel.variants[0].grid[1] = Expr::constant(3);
  kernel.variants[0].cluster = {1, 2, 1};
  EXPECT_EQ(getMessage(chooseVariant(kernel, bind().getFacts(132))),
            "grid of \"gemm_fast\" (dimension 1): expected a multiple of 2 blocks, as the cluster "
            "has, got 3");
}

TEST_F(Bind, ParametersArePackedWhereTheSignatureSays) {
  Binding binding = bind();
  LaunchFacts facts = binding.getFacts(132);
  facts.arguments[1].address = 0x700000000100;
  std::vector<uint8_t> buffer = packParameters(binding, kernel.variants[1], facts);
  ASSERT_EQ(buffer.size(), 104u);
  auto word = [&](size_t offset) { return support::endian::read64le(&buffer[offset]); };
  EXPECT_EQ(word(32), 0x700000000100u);
  EXPECT_EQ(word(40), 64u);
  EXPECT_EQ(word(48), 256u);
  EXPECT_EQ(word(56), 64u); // The pitch of B, column-major.
  EXPECT_EQ(word(24), 64u); // The pitch of A.
  EXPECT_EQ(support::endian::read32le(&buffer[96]), 0x3F000000u);
  EXPECT_EQ(support::endian::read32le(&buffer[100]), 3u);
}
