//===- TensorMapTest.cpp - The rules of the driver's table ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/TensorMap.h"
#include "SimTest.h"

using namespace tk::sim;

namespace {

TensorMap good() {
  TensorMap m;
  m.type = TensorMap::Type::BF16;
  m.rank = 3;
  m.address = 0x1000;
  m.size = {100, 200, 3, 1, 1};
  m.stride = {208, 48000, 0, 0};
  m.box = {64, 128, 1, 1, 1};
  m.swizzle = TensorMap::Swizzle::Bytes128;
  return m;
}

/// The message for a map that one change spoils; empty: it is fine.
std::string after(const std::function<void(TensorMap &)> &change) {
  TensorMap m = good();
  change(m);
  llvm::Error e = m.verify();
  std::string text = e ? llvm::toString(std::move(e)) : "";
  auto bytes = encodeTensorMap(m);
  EXPECT_EQ(bool(bytes), text.empty());
  if (!bytes)
    EXPECT_EQ(llvm::toString(bytes.takeError()), text);
  return text;
}

TEST(TensorMap, EachRuleIsNamedWithBothValues) {
  using T = TensorMap;
  using testing::HasSubstr;
  EXPECT_EQ(after([](T &) {}), "");
  struct {
    const char *message;
    std::function<void(T &)> bad, edge;
  } rules[] = {
      {"a data type from 0 to 12, got 13", [](T &m) { m.type = T::Type(13); }, [](T &m) { m.type = T::Type::TF32Ftz; m.box[0] = 32; }},
      {"a rank from 1 to 5, got 0", [](T &m) { m.rank = 0; }, [](T &m) { m.rank = 1; }},
      {"a rank from 1 to 5, got 6", [](T &m) { m.rank = 6; }, [](T &m) { m.rank = 5; }},
      {"an interleave from 0 to 2, got 3", [](T &m) { m.interleave = T::Interleave(3); }, [](T &m) { m.interleave = T::Interleave::Bytes16; }},
      {"a swizzle from 0 to 6, got 7", [](T &m) { m.swizzle = T::Swizzle(7); }, [](T &m) { m.swizzle = T::Swizzle::Bytes128Atom64; }},
      {"a rank of at least 3 with an interleave, got 2", [](T &m) { m.interleave = T::Interleave::Bytes16; m.rank = 2; }, [](T &m) { m.rank = 2; }},
      {"swizzle 1 (32 bytes) with an interleave of 32 bytes, got 3",
       [](T &m) { m.interleave = T::Interleave::Bytes32; m.stride = {192, 64000}; },
       [](T &m) { m.interleave = T::Interleave::Bytes32; m.stride = {192, 64000}; m.swizzle = T::Swizzle::Bytes32; }},
      {"an L2 promotion from 0 to 3, got 4", [](T &m) { m.l2Promotion = 4; }, [](T &m) { m.l2Promotion = 3; }},
      {"fill 0 with an integer type, got 1", [](T &m) { m.type = T::Type::U16; m.fill = T::Fill::NaN; }, [](T &m) { m.fill = T::Fill::NaN; }},
      {"fill 0 or 1, got 2", [](T &m) { m.fill = T::Fill(2); }, [](T &m) { m.fill = T::Fill::NaN; }},
      {"an address that is a multiple of 16, got 0x1008", [](T &m) { m.address = 0x1008; }, [](T &m) { m.address = 0x1010; }},
      {"an address that is a multiple of 32, got 0x1010",
       [](T &m) { m.address = 0x1010; m.interleave = T::Interleave::Bytes32; m.stride = {192, 64000}; m.swizzle = T::Swizzle::Bytes32; },
       [](T &m) { m.address = 0x1010; m.interleave = T::Interleave::Bytes16; }},
      {"size 1 from 1 to 2^32, got 0", [](T &m) { m.size[1] = 0; }, [](T &m) { m.size[1] = 1; }},
      {"size 2 from 1 to 2^32, got 4294967297", [](T &m) { m.size[2] = (1ull << 32) + 1; }, [](T &m) { m.size[2] = 1ull << 32; }},
      {"box size 1 from 1 to 256, got 257", [](T &m) { m.box[1] = 257; }, [](T &m) { m.box[1] = 256; }},
      {"box size 2 from 1 to 256, got 0", [](T &m) { m.box[2] = 0; }, [](T &m) { m.box[3] = 0; }},
      {"element stride 1 from 1 to 8, got 9", [](T &m) { m.elementStride[1] = 9; }, [](T &m) { m.elementStride[1] = 8; m.elementStride[0] = 9; }},
      {"element stride 0 from 1 to 8, got 0", [](T &m) { m.interleave = T::Interleave::Bytes16; m.elementStride[0] = 0; }, [](T &m) { m.elementStride[0] = 0; }},
      {"the stride of dimension 1 to be a multiple of 16 bytes below 2^40, got 200", [](T &m) { m.stride[0] = 200; }, [](T &m) { m.stride[0] = 16; }},
      {"the stride of dimension 2 to be a multiple of 16 bytes below 2^40, got 1099511627776", [](T &m) { m.stride[1] = 1ull << 40; },
       [](T &m) { m.stride[1] = (1ull << 40) - 16; m.stride[2] = 7; }},
      {"the stride of dimension 1 to be a multiple of 32 bytes below 2^40, got 208",
       [](T &m) { m.interleave = T::Interleave::Bytes32; m.swizzle = T::Swizzle::Bytes32; },
       [](T &m) { m.interleave = T::Interleave::Bytes16; }},
      {"an inner box of a multiple of 16 bytes, got 60 elements of 2 bytes", [](T &m) { m.box[0] = 60; }, [](T &m) { m.box[0] = 56; }},
      {"an inner box of at most 128 bytes with this swizzle, got 144", [](T &m) { m.box[0] = 72; }, [](T &m) { m.box[0] = 72; m.swizzle = T::Swizzle::None; }},
      {"an inner box of at most 64 bytes with this swizzle, got 128", [](T &m) { m.swizzle = T::Swizzle::Bytes64; }, [](T &m) { m.swizzle = T::Swizzle::Bytes64; m.box[0] = 32; }},
      {"an inner box of at most 32 bytes with this swizzle, got 48", [](T &m) { m.swizzle = T::Swizzle::Bytes32; m.box[0] = 24; }, [](T &m) { m.swizzle = T::Swizzle::Bytes32; m.box[0] = 16; }},
  };
  for (auto &r : rules) {
    EXPECT_THAT(after(r.bad), HasSubstr(std::string("expected ") + r.message));
    EXPECT_EQ(after(r.edge), "") << "the clean twin of: " << r.message;
  }
  // A panel dimension inside a row: no rule relates one stride to the next.
  EXPECT_EQ(after([](T &m) { m.rank = 4; m.stride = {256, 128, 98304, 0}; }), "");
}

TEST(TensorMap, BytesDifferWhereMapsDo) {
  TensorMap a = good(), b = good();
  b.fill = TensorMap::Fill::NaN;
  auto x = llvm::cantFail(encodeTensorMap(a)), y = llvm::cantFail(encodeTensorMap(a)), z = llvm::cantFail(encodeTensorMap(b));
  EXPECT_EQ(x, y);
  EXPECT_NE(x, z);
}

TEST(TensorMap, ElementBytes) {
  unsigned want[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  for (unsigned i = 0; i < 13; ++i) {
    TensorMap m;
    m.type = TensorMap::Type(i);
    EXPECT_EQ(m.getElementBytes(), want[i]) << i;
  }
}

} // namespace
