//===- TensorMapsTest.cpp - From a package's maps to parameters -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/TensorMaps.h"
#include "SamplePackage.h"
#include "tk/Runtime/Binding.h"
#include "llvm/Support/Endian.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

namespace {
/// Keeps the maps it is asked for and numbers them in their bytes; it can do nothing else.
class MapDevice : public Device {
public:
  std::vector<sim::TensorMap> maps;

  Expected<std::array<uint8_t, 128>> encodeTensorMap(const sim::TensorMap &map) override {
    maps.push_back(map);
    std::array<uint8_t, 128> bytes;
    bytes.fill(static_cast<uint8_t>(0xA0 + maps.size()));
    return bytes;
  }
  StringRef getKind() const override { return "maps"; }
  std::string getDescription() const override { return "maps"; }
  int64_t getNumSMs() const override { return 132; }
  int64_t getMaxSharedBytes() const override { return 0; }
  Expected<uint64_t> allocate(int64_t, int64_t, StringRef) override { return refuse(); }
  Error free(uint64_t) override { return refuse(); }
  Error upload(uint64_t, ArrayRef<uint8_t>) override { return refuse(); }
  Error download(uint64_t, MutableArrayRef<uint8_t>) override { return refuse(); }
  Error poison(uint64_t, int64_t) override { return refuse(); }
  std::optional<int64_t> countUnwritten(uint64_t, const HostTensor &) override {
    return std::nullopt;
  }
  Expected<LaunchResult> launch(const LaunchRequest &) override { return refuse(); }

private:
  static Error refuse() { return createStringError("maps only"); }
};

/// The sample GEMM as a file gives it, bound to A 128x64 and B 64x256 of padded rows and columns.
class TensorMaps : public testing::Test {
protected:
  TensorMaps()
      : package(cantFail(parsePackage(serializePackage(makeSamplePackage()), "gemm.tkpkg"))),
        kernel(package.kernels[0]) {
    bind();
  }
  void bind() {
    inputs.inputs = {{"A", &a, 0x10000}, {"B", &b, 0x20010}};
    inputs.outputs = {{"C", std::nullopt, std::nullopt}};
    inputs.scalars = {{"alpha", 0.5}, {"count", int64_t(3)}};
    binding = cantFail(bindArguments(kernel, inputs));
    facts = binding.getFacts(132);
    for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments))
      known.address = bound.address.value_or(0x30000);
  }
  TensorMap &map(unsigned index) { return kernel.variants[0].tensorMaps[index]; }
  std::string message() {
    return getMessage(evaluateTensorMap(kernel, kernel.variants[0], map(0), facts));
  }

  Package package;
  Kernel &kernel;
  HostTensor a = {ElementType::BF16, {128, 64}, {72, 1}, {}};
  HostTensor b = {ElementType::BF16, {64, 256}, {1, 80}, {}};
  LaunchInputs inputs;
  Binding binding;
  LaunchFacts facts;
};
} // namespace

TEST_F(TensorMaps, GoWhereThePackageSays) {
  VariantChoice choice = cantFail(chooseVariant(kernel, facts));
  ASSERT_EQ(choice.index, 0u);
  const Variant &variant = kernel.variants[choice.index];
  std::vector<uint8_t> buffer = packParameters(binding, variant, facts);
  ASSERT_EQ(buffer.size(), 384u);
  MapDevice device;
  ASSERT_EQ(getMessage(encodeTensorMaps(device, kernel, variant, facts, buffer)), "success");
  EXPECT_EQ(support::endian::read64le(&buffer[0]), 0x10000u);
  EXPECT_EQ(support::endian::read64le(&buffer[8]), 128u);
  EXPECT_EQ(support::endian::read64le(&buffer[24]), 72u);
  EXPECT_EQ(support::endian::read64le(&buffer[32]), 0x20010u);
  EXPECT_EQ(support::endian::read32le(&buffer[100]), 3u);
  for (size_t i = 104; i < 128; ++i)
    EXPECT_EQ(buffer[i], 0) << i;
  for (size_t i = 128; i < 384; ++i)
    EXPECT_EQ(buffer[i], i < 256 ? 0xA1 : 0xA2) << i;

  ASSERT_EQ(device.maps.size(), 2u);
  const sim::TensorMap &map = device.maps[1];
  EXPECT_EQ(map.type, sim::TensorMap::Type::BF16);
  EXPECT_EQ(map.rank, 2u);
  EXPECT_EQ(map.address, 0x20010u);
  EXPECT_EQ(map.size, (std::array<uint64_t, 5>{64, 256, 1, 1, 1}));
  EXPECT_EQ(map.stride, (std::array<uint64_t, 4>{160, 0, 0, 0}));
  EXPECT_EQ(map.box, (std::array<uint32_t, 5>{64, 256, 1, 1, 1}));
  EXPECT_EQ(map.elementStride, (std::array<uint32_t, 5>{1, 1, 1, 1, 1}));
  EXPECT_EQ(map.interleave, sim::TensorMap::Interleave::None);
  EXPECT_EQ(map.swizzle, sim::TensorMap::Swizzle::Bytes128);
  EXPECT_EQ(map.l2Promotion, 0);
  EXPECT_EQ(map.fill, sim::TensorMap::Fill::NaN);
  EXPECT_EQ(device.maps[0].l2Promotion, 3);
  EXPECT_EQ(device.maps[0].fill, sim::TensorMap::Fill::Zero);
}

TEST(TensorMapsOfABatch, TakeOneIndexOfTheBatch) {
  constexpr int64_t dynamic = Argument::kDynamic;
  Kernel kernel;
  kernel.name = "batched";
  Argument &view = kernel.arguments.emplace_back();
  view.name = "A";
  view.isView = true;
  view.elementType = ElementType::BF16;
  view.sizes = {dynamic, dynamic, dynamic};
  view.strides = {dynamic, dynamic, 1};
  view.symbols = {"L", "M", "K"};
  view.sizeDivisors = view.strideDivisors = {1, 1, 1};
  view.align = 16;
  Variant &variant = kernel.variants.emplace_back();
  variant.entry = "batched";
  TensorMap &map = variant.tensorMaps.emplace_back();
  map.offset = 0;
  map.swizzle = 128;
  map.dimensions = {{Expr::size(0, 2), Expr::constant(1), 64},
                    {Expr::size(0, 1), Expr::stride(0, 1), 128},
                    {Expr::size(0, 0), Expr::stride(0, 0), 1}};
  // Rows of 200 elements; the matrices lie between one another.
  HostTensor a = {ElementType::BF16, {3, 128, 64}, {200, 600, 1}, {}};
  LaunchInputs inputs;
  inputs.inputs = {{"A", &a, 0x10000}};
  auto evaluated = [&]() -> Expected<sim::TensorMap> {
    Binding binding = cantFail(bindArguments(kernel, inputs));
    LaunchFacts facts = binding.getFacts(132);
    facts.arguments[0].address = 0x10000;
    return evaluateTensorMap(kernel, variant, map, facts);
  };
  sim::TensorMap made = cantFail(evaluated());
  EXPECT_EQ(made.rank, 3u);
  EXPECT_EQ(made.size, (std::array<uint64_t, 5>{64, 128, 3, 1, 1}));
  EXPECT_EQ(made.stride, (std::array<uint64_t, 4>{1200, 400, 0, 0}));
  EXPECT_EQ(made.box, (std::array<uint32_t, 5>{64, 128, 1, 1, 1}));
  a.strides = {204, 600, 1};
  EXPECT_EQ(getMessage(evaluated()), "kernel \"batched\", tensor map of \"A\" (dimension 2): "
                                     "expected a stride of a multiple of 16 bytes "
                                     "below 1099511627776, got A.stride[0] = 204 elements of 2 "
                                     "bytes; a precondition of the variant should "
                                     "have asked for it");
}

TEST_F(TensorMaps, ADeclinedVariantMakesNone) {
  a.sizes[1] = b.sizes[0] = 60;
  bind();
  VariantChoice choice = cantFail(chooseVariant(kernel, facts));
  ASSERT_EQ(choice.index, 1u);
  const Variant &variant = kernel.variants[choice.index];
  std::vector<uint8_t> buffer = packParameters(binding, variant, facts), before = buffer;
  ASSERT_EQ(buffer.size(), 104u);
  MapDevice device;
  EXPECT_EQ(getMessage(encodeTensorMaps(device, kernel, variant, facts, buffer)), "success");
  EXPECT_TRUE(device.maps.empty());
  EXPECT_EQ(buffer, before);
}

TEST_F(TensorMaps, TypesAndSwizzles) {
  using Type = sim::TensorMap::Type;
  for (auto [element, type] : {std::pair{ElementType::F64, Type::F64},
                               {ElementType::F32, Type::F32},
                               {ElementType::TF32, Type::TF32},
                               {ElementType::F16, Type::F16},
                               {ElementType::BF16, Type::BF16},
                               {ElementType::I64, Type::S64},
                               {ElementType::I32, Type::S32},
                               {ElementType::U64, Type::U64},
                               {ElementType::U32, Type::U32},
                               {ElementType::U16, Type::U16},
                               {ElementType::U8, Type::U8}}) {
    map(0).type = element;
    map(0).dimensions = {{Expr::constant(64), Expr::constant(1), 16}};
    EXPECT_EQ(cantFail(evaluateTensorMap(kernel, kernel.variants[0], map(0), facts)).type, type);
  }
  for (auto [bytes, number] : {std::pair{0, 0}, {32, 1}, {64, 2}, {128, 3}}) {
    map(0).swizzle = bytes;
    EXPECT_EQ(static_cast<int>(
                  cantFail(evaluateTensorMap(kernel, kernel.variants[0], map(0), facts)).swizzle),
              number);
  }
}

static constexpr const char *blame = "; a precondition of the variant should have asked for it";

TEST_F(TensorMaps, LimitsThatNoPreconditionCovered) {
  std::string head = "kernel \"gemm_fast\", tensor map of \"A\"";
  facts.arguments[0].address = 0x10008;
  EXPECT_EQ(message(),
            head + ": expected an address that is a multiple of 16, got 0x10008" + blame);
  facts.arguments[0].address = 0x10000;
  facts.arguments[0].sizes[0] = 0;
  EXPECT_EQ(message(), head +
                           " (dimension 1): expected a size from 1 to 2147483648, got A.size[0] "
                           "= 0" +
                           blame);
  facts.arguments[0].sizes[0] = (int64_t(1) << 31) + 1;
  EXPECT_EQ(message(), head +
                           " (dimension 1): expected a size from 1 to 2147483648, got A.size[0] "
                           "= 2147483649" +
                           blame);
  facts.arguments[0].sizes[0] = int64_t(1) << 31;
  EXPECT_EQ(message(), "success");
  facts.arguments[0].strides[0] = 68;
  EXPECT_EQ(message(), head +
                           " (dimension 1): expected a stride of a multiple of 16 bytes below "
                           "1099511627776, got A.stride[0] = 68 elements of 2 bytes" +
                           blame);
  facts.arguments[0].strides[0] = int64_t(1) << 39;
  EXPECT_EQ(message(), head +
                           " (dimension 1): expected a stride of a multiple of 16 bytes below "
                           "1099511627776, got A.stride[0] = 549755813888 elements of 2 bytes" +
                           blame);
  facts.arguments[0].strides[0] = INT64_MAX;
  EXPECT_EQ(message(), head +
                           " (dimension 1): expected a stride of a multiple of 16 bytes below "
                           "1099511627776, got A.stride[0] = 9223372036854775807 elements of 2 "
                           "bytes" +
                           blame);
  facts.arguments[0].sizes[0] = 2;
  facts.arguments[0].strides[0] = (int64_t(1) << 39) - 8;
  EXPECT_EQ(message(), "success");
}

TEST_F(TensorMaps, StayInsideTheirView) {
  map(0).dimensions[0].size = Expr::binary(Expr::Op::Mul, Expr::size(0, 1), Expr::constant(2));
  EXPECT_EQ(message(), "kernel \"gemm_fast\", tensor map of \"A\": expected at most the view's "
                       "18416 bytes, got a map of 18544" +
                           std::string(blame));
  // As bytes, the same memory.
  map(0).type = ElementType::U8;
  map(0).dimensions[1].stride = Expr::binary(Expr::Op::Mul, Expr::stride(0, 0), Expr::constant(2));
  EXPECT_EQ(message(), "success");
  // Nothing wraps.
  map(0).dimensions.resize(5, {Expr::constant(int64_t(1) << 31), Expr::constant(1 << 30), 1});
  EXPECT_EQ(message(), "kernel \"gemm_fast\", tensor map of \"A\": expected at most the view's "
                       "18416 bytes, got a map of 6917529024419874800" +
                           std::string(blame));
  map(0).dimensions.back().stride = Expr::constant((int64_t(1) << 40) - 16);
  EXPECT_EQ(message(), "kernel \"gemm_fast\", tensor map of \"A\": expected at most the view's "
                       "18416 bytes, got a map of 18446744073709551615" +
                           std::string(blame));
}

/// A package fresh from the compiler has not been through the reader.
TEST_F(TensorMaps, MapsThatNoReaderVerified) {
  std::string head = "kernel \"gemm_fast\", tensor map of \"A\"";
  const TensorMap good = map(0);
  auto change = [&](auto edit) {
    map(0) = good;
    edit(map(0));
    MapDevice device;
    std::vector<uint8_t> buffer(384);
    return getMessage(encodeTensorMaps(device, kernel, kernel.variants[0], facts, buffer));
  };
  EXPECT_EQ(change([](TensorMap &map) { map.argument = 3; }),
            "kernel \"gemm_fast\": expected a tensor map of a view, got one of argument 3");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions.clear(); }),
            head + ": expected 1 to 5 dimensions, got 0");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions.resize(6); }),
            head + ": expected 1 to 5 dimensions, got 6");
  EXPECT_EQ(change([](TensorMap &map) { map.type = ElementType::E4M3; }),
            head + ": expected a type that tensor maps have, got f8E4M3FN");
  EXPECT_EQ(change([](TensorMap &map) { map.swizzle = 3; }),
            head + ": expected a swizzle of 0, 32, 64 or 128 bytes, got 3");
  EXPECT_EQ(change([](TensorMap &map) { map.l2Promotion = 3; }),
            head + ": expected an L2 promotion of 0, 64, 128 or 256 bytes, got 3");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[1].box = (int64_t(1) << 32) + 1; }),
            head + " (dimension 1): expected a box from 1 to 256, got 4294967297");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = -64; }),
            head + ": expected an offset that is a multiple of 64 up to 256, got -64");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 320; }),
            head + ": expected an offset that is a multiple of 64 up to 256, got 320");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 136; }),
            head + ": expected an offset that is a multiple of 64 up to 256, got 136");
}

TEST_F(TensorMaps, OfTheSimulatorAreItsOwn) {
  sim::TensorMap values = cantFail(evaluateTensorMap(kernel, kernel.variants[0], map(0), facts));
  EXPECT_EQ(cantFail(createSimDevice()->encodeTensorMap(values)),
            cantFail(sim::encodeTensorMap(values)));
  values.rank = 0;
  EXPECT_NE(getMessage(createSimDevice()->encodeTensorMap(values)), "success");
}
