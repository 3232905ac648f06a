//===- NpyTest.cpp - NumPy files, good and bad ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Npy.h"
#include "SamplePackage.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include <gtest/gtest.h>
#include <random>

using namespace llvm;
using namespace tk;
using namespace tk::test;

/// A file with the given header text, as NumPy would frame it.
static std::string makeFile(StringRef header, StringRef data, unsigned major = 1) {
  std::string file("\x93NUMPY", 6);
  file += static_cast<char>(major);
  file += '\0';
  for (unsigned i = 0; i < (major == 1 ? 2 : 4); ++i)
    file += static_cast<char>(header.size() >> (8 * i));
  return file + header.str() + data.str();
}

static std::string makeHeader(StringRef descr, StringRef shape, bool fortran = false) {
  return ("{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
          ", 'shape': " + shape + ", }       \n")
      .str();
}

static std::string readError(StringRef header, StringRef data) {
  return getMessage(parseNpy(makeFile(header, data), "a.npy"));
}

TEST(Npy, ReadsAllVersionsAndOrders) {
  for (unsigned major : {1, 2, 3})
    for (bool fortran : {false, true}) {
      std::string data(24, 'x');
      Expected<NpyArray> array =
          parseNpy(makeFile(makeHeader("<f4", "(2, 3)", fortran), data, major), "a.npy");
      ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
      EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 3}));
      HostTensor tensor = cantFail(toTensor(*array, ElementType::F32, "\"A\""));
      EXPECT_EQ(tensor.strides,
                fortran ? (std::vector<int64_t>{1, 2}) : (std::vector<int64_t>{3, 1}));
      EXPECT_EQ(tensor.bytes.size(), 24u);
    }
}

TEST(Npy, ShapesOfAnyRank) {
  for (auto [shape, expected] : {std::pair<StringRef, std::vector<int64_t>>{"()", {}},
                                 {"(5,)", {5}},
                                 {"(5L,)", {5}},
                                 {"(0, 7)", {0, 7}},
                                 {"(1,1,5)", {1, 1, 5}}}) {
    std::string data(4 * getNumElements(expected).value(), 0);
    Expected<NpyArray> array = parseNpy(makeFile(makeHeader("<f4", shape), data), "a");
    ASSERT_TRUE(static_cast<bool>(array)) << shape.str() << llvm::toString(array.takeError());
    EXPECT_EQ(array->shape, expected);
  }
}

/// What NumPy 2.4 with ml_dtypes 0.6 writes for each type, and each kernel type that takes it.
TEST(Npy, TypesThatAKernelTakes) {
  using Type = ElementType;
  std::vector<std::pair<StringRef, std::vector<Type>>> table = {
      {"<f8", {Type::F64}},
      {"<f4", {Type::F32, Type::TF32}},
      {"<f2", {Type::F16}},
      {"<V2", {Type::BF16}},
      {"|V2", {Type::BF16}},
      {"bfloat16", {Type::BF16}},
      {"<V1", {Type::E4M3, Type::E5M2}},
      {"|V1", {Type::E4M3, Type::E5M2}},
      {"<f1", {Type::E5M2}},
      {"float8_e4m3fn", {Type::E4M3}},
      {"float8_e5m2", {Type::E5M2}},
      {"<u2", {Type::BF16, Type::I16, Type::U16}},
      {"<i2", {Type::BF16, Type::I16}},
      {"|u1", {Type::E4M3, Type::E5M2, Type::I8, Type::U8}},
      {"|i1", {Type::E4M3, Type::E5M2, Type::I8}},
      {"<i4", {Type::I32}},
      {"<u4", {Type::I32, Type::U32}},
      {"<i8", {Type::I64}},
      {"<u8", {Type::I64, Type::U64}},
      {"|b1", {Type::I1}}};
  for (const auto &[descr, accepted] : table) {
    Expected<NpyArray> array = parseNpy(makeFile(makeHeader(descr, "(0,)"), ""), "a.npy");
    ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
    for (Type type : {Type::F64, Type::F32, Type::TF32, Type::F16, Type::BF16, Type::E4M3,
                      Type::E5M2, Type::I64, Type::I32, Type::I16, Type::I8, Type::U64, Type::U32,
                      Type::U16, Type::U8, Type::I1})
      EXPECT_EQ(isCompatible(*array, type), is_contained(accepted, type))
          << descr.str() << " " << stringifyElementType(type).str();
  }
}

TEST(Npy, WrongTypeNamesBoth) {
  NpyArray array = cantFail(parseNpy(makeFile(makeHeader("<f4", "(1,)"), "1234"), "a.npy"));
  EXPECT_EQ(
      getMessage(toTensor(array, ElementType::BF16, "\"A\"")),
      "a.npy: expected elements of type bf16 for \"A\" (<u2, <i2, or ml_dtypes' <V2), got \"<f4\"");
}

TEST(Npy, BadFiles) {
  std::string good = makeHeader("<f4", "(2, 3)");
  EXPECT_EQ(getMessage(parseNpy("", "a.npy")), "a.npy: expected a .npy array, got an empty file");
  EXPECT_EQ(getMessage(parseNpy("PK\x03\x04", "a.npy")),
            "a.npy: expected a .npy array, got a file without its magic number");
  EXPECT_EQ(getMessage(parseNpy(makeFile(good, "", 4), "a.npy")),
            "a.npy: expected .npy version 1.0, 2.0 or 3.0, got 4.0");
  EXPECT_EQ(readError(good, "short"),
            "a.npy: expected 24 bytes of data for 2x3 of \"<f4\", got 5 (truncated)");
  EXPECT_EQ(readError(good, std::string(25, 'x')),
            "a.npy: expected 24 bytes of data for 2x3 of \"<f4\", got 25");
  std::string huge("\x93NUMPY\x02\x00\xFF\xFF\xFF\x7F", 12);
  EXPECT_EQ(getMessage(parseNpy(huge, "a.npy")),
            "a.npy: expected a .npy header of at most 65536 bytes, got 2147483647");
}

TEST(Npy, BadTypes) {
  StringRef expected =
      "a.npy: expected elements of type f2, f4, f8, i1-i8, u1-u8, b1, V1 or V2, got ";
  EXPECT_EQ(readError(makeHeader("|O", "(1,)"), ""), (expected + "\"|O\" (Python objects)").str());
  EXPECT_EQ(readError(makeHeader(">f4", "(1,)"), "1234"),
            (expected + "\">f4\" (big endian); save it with array.astype(dtype.newbyteorder('<'))")
                .str());
  for (StringRef descr :
       {"<c8", "<f16", "|S3", "<M8[s]", "<V16", "f", "", "<f", "<f4294967300", "<f-4"})
    EXPECT_EQ(readError(makeHeader(descr, "(1,)"), "1234"), (expected + "\"" + descr + "\"").str());
}

TEST(Npy, BadHeaders) {
  auto message = [](StringRef header) { return readError(header, ""); };
  EXPECT_EQ(message(""), "a.npy: expected a dictionary in the .npy header, got \"\"");
  EXPECT_EQ(message("{'descr': [('a', '<f4')], }"),
            "a.npy: expected one plain element type (no structured array) in the .npy header, got "
            "\"[('a', '<f4')], }\"");
  EXPECT_EQ(
      message("{'descr': '<f4', 'fortran_order': False}"),
      "a.npy: expected the keys 'descr', 'fortran_order' and 'shape' in the .npy header, got \"\"");
  EXPECT_EQ(message("{'descr': '<f4', 'descr': '<f4'}"),
            "a.npy: expected the keys 'descr', 'fortran_order' and 'shape', once each, in the .npy "
            "header, got 'descr' twice");
  EXPECT_EQ(message(makeHeader("<f4", "(-1,)")),
            "a.npy: expected a size of at most 63 bits in the .npy header, got \"-1,), }\"");
  EXPECT_EQ(message(makeHeader("<f4", "(9223372036854775808,)")),
            "a.npy: expected a size of at most 63 bits in the .npy header, got "
            "\"9223372036854775808,), }\"");
  EXPECT_EQ(message(makeHeader("<f4", "(4294967296, 4294967296)")),
            "a.npy: expected an array that fits 64 bits, got 4294967296x4294967296");
}

TEST(Npy, EveryTruncationIsAnError) {
  std::string file = makeFile(makeHeader("<f4", "(2, 3)"), std::string(24, 'x'));
  for (size_t length = 0; length < file.size(); ++length)
    ASSERT_NE(getMessage(parseNpy(StringRef(file).take_front(length), "a.npy")), "success")
        << length;
}

TEST(Npy, RandomDamageNeverCrashes) {
  std::string file = makeFile(makeHeader("<f4", "(2, 3)"), std::string(24, 'x'));
  std::mt19937 random(1);
  for (unsigned round = 0; round < 20000; ++round) {
    std::string damaged = file;
    for (unsigned i = 0; i < 1 + random() % 4; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    Expected<NpyArray> array = parseNpy(damaged, "a.npy");
    if (!array) {
      consumeError(array.takeError());
      continue;
    }
    EXPECT_EQ(array->data.size(), size_t(getNumElements(array->shape).value()) * array->itemBytes);
  }
}

TEST(Npy, WritesWhatItReads) {
  for (bool fortran : {false, true})
    for (std::vector<int64_t> sizes :
         {std::vector<int64_t>{3, 5}, {1, 4}, {4, 1}, {7}, {0, 3}, {2, 3, 4}}) {
      HostTensor tensor{ElementType::F32, sizes, getDenseStrides(sizes, fortran), {}};
      tensor.bytes.resize(4 * tensor.getNumElements());
      fillTensor(tensor, Fill::Range);
      std::string file = encodeNpy(tensor);
      EXPECT_EQ((file.size() - tensor.bytes.size()) % 64, 0u);
      HostTensor back = cantFail(toTensor(cantFail(parseNpy(file, "a")), ElementType::F32, "A"));
      EXPECT_EQ(back.sizes, sizes);
      EXPECT_EQ(withStrides(back, tensor.strides).bytes, tensor.bytes);
    }
}

TEST(Npy, PaddedRowsAreWrittenDense) {
  HostTensor tensor{ElementType::U8, {2, 3}, {4, 1}, {1, 2, 3, 99, 4, 5, 6}};
  NpyArray array = cantFail(parseNpy(encodeNpy(tensor), "a"));
  EXPECT_EQ(array.data, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(array.descr, "|u1");
}
