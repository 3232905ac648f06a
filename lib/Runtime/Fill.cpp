//===- Fill.cpp - Tensors that need no file -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Tensor.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <numbers>

using namespace llvm;

namespace tk {

/// Philox 4x32-10 (Salmon et al., SC 2011): a counter-based generator, so element i needs no state
/// of i - 1.
static std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (unsigned round = 0; round < 10; ++round) {
    uint64_t low = uint64_t(0xD2511F53) * counter[0], high = uint64_t(0xCD9E8D57) * counter[2];
    counter = {static_cast<uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(high),
               static_cast<uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(low)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Normal by Box-Muller, from one block of the generator per element.
static double drawNormal(uint64_t index, uint64_t stream, uint64_t seed) {
  std::array<uint32_t, 4> bits =
      philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
              static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
             {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  double radius = std::sqrt(-2 * std::log((bits[0] + 0.5) * 0x1p-32));
  return radius * std::cos(2 * std::numbers::pi * ((bits[1] + 0.5) * 0x1p-32));
}

static double drawInteger(uint64_t index, uint64_t stream, uint64_t seed, ElementType type) {
  std::array<uint32_t, 4> bits =
      philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
              static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
             {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  switch (type) {
  case ElementType::I1:
    return bits[2] & 1;
  case ElementType::U64:
  case ElementType::U32:
  case ElementType::U16:
  case ElementType::U8:
    return bits[2] & 7;
  default:
    return static_cast<double>(bits[2] & 15) - 8;
  }
}

void fillTensor(HostTensor &tensor, Fill fill, uint64_t seed, StringRef stream) {
  uint64_t streamId = xxh3_64bits(stream), index = 0;
  unsigned width = getElementBytes(tensor.type);
  forEachOffset(tensor.sizes, tensor.strides, [&](int64_t offset) {
    double value = 0;
    switch (fill) {
    case Fill::Zeros:
      break;
    case Fill::Ones:
      value = 1;
      break;
    case Fill::Range:
      value = static_cast<double>(index);
      break;
    case Fill::Random:
      value = isFloat(tensor.type) ? drawNormal(index, streamId, seed)
                                   : drawInteger(index, streamId, seed, tensor.type);
      break;
    }
    encodeElement(tensor.type, value, &tensor.bytes[offset * width]);
    ++index;
  });
}

} // namespace tk
