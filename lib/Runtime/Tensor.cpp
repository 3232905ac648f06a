//===- Tensor.cpp - Tensors in host memory --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Tensor.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;

namespace tk {

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

bool isFloat(ElementType type) {
  switch (type) {
  case ElementType::F64:
  case ElementType::F32:
  case ElementType::TF32:
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::E4M3:
  case ElementType::E5M2:
    return true;
  default:
    return false;
  }
}

static const fltSemantics &getSemantics(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return APFloat::IEEEhalf();
  case ElementType::BF16:
    return APFloat::BFloat();
  case ElementType::E4M3:
    return APFloat::Float8E4M3FN();
  case ElementType::E5M2:
    return APFloat::Float8E5M2();
  default:
    llvm_unreachable("not a small float");
  }
}

template <class T>
static T load(const uint8_t *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class T>
static void store(uint8_t *bytes, T value) {
  std::memcpy(bytes, &value, sizeof(T));
}

static double decodeSmallFloat(ElementType type, uint16_t bits) {
  APFloat value(getSemantics(type), APInt(8 * getElementBytes(type), bits));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

/// Decoding by table: 8- and 16-bit floats have at most 65,536 values.
static double decodeByTable(ElementType type, uint16_t bits) {
  auto makeTable = [](ElementType type) {
    std::vector<double> table(size_t(1) << (8 * getElementBytes(type)));
    for (size_t i = 0; i < table.size(); ++i)
      table[i] = decodeSmallFloat(type, static_cast<uint16_t>(i));
    return table;
  };
  static const std::vector<double> half = makeTable(ElementType::F16);
  static const std::vector<double> e4m3 = makeTable(ElementType::E4M3);
  static const std::vector<double> e5m2 = makeTable(ElementType::E5M2);
  return (type == ElementType::F16 ? half : type == ElementType::E4M3 ? e4m3 : e5m2)[bits];
}

double decodeElement(ElementType type, const uint8_t *bytes) {
  switch (type) {
  case ElementType::F64:
    return load<double>(bytes);
  case ElementType::F32:
  case ElementType::TF32:
    return load<float>(bytes);
  case ElementType::BF16:
    return bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(bytes)) << 16);
  case ElementType::F16:
    return decodeByTable(type, load<uint16_t>(bytes));
  case ElementType::E4M3:
  case ElementType::E5M2:
    return decodeByTable(type, *bytes);
  case ElementType::I64:
    return static_cast<double>(load<int64_t>(bytes));
  case ElementType::I32:
    return load<int32_t>(bytes);
  case ElementType::I16:
    return load<int16_t>(bytes);
  case ElementType::I8:
    return load<int8_t>(bytes);
  case ElementType::U64:
    return static_cast<double>(load<uint64_t>(bytes));
  case ElementType::U32:
    return load<uint32_t>(bytes);
  case ElementType::U16:
    return load<uint16_t>(bytes);
  case ElementType::U8:
    return *bytes;
  case ElementType::I1:
    return *bytes != 0;
  }
  llvm_unreachable("unknown element type");
}

template <class T>
static void storeInteger(uint8_t *bytes, double value) {
  constexpr double low = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double high = static_cast<double>(std::numeric_limits<T>::max());
  if (std::isnan(value))
    return store<T>(bytes, 0);
  if (value <= low)
    return store<T>(bytes, std::numeric_limits<T>::min());
  if (value >= high)
    return store<T>(bytes, std::numeric_limits<T>::max());
  store<T>(bytes, static_cast<T>(value));
}

static void storeSmallFloat(ElementType type, double value, uint8_t *bytes) {
  APFloat converted(value);
  bool losesInfo;
  converted.convert(getSemantics(type), APFloat::rmNearestTiesToEven, &losesInfo);
  uint64_t bits = converted.bitcastToAPInt().getZExtValue();
  if (getElementBytes(type) == 2)
    store<uint16_t>(bytes, static_cast<uint16_t>(bits));
  else
    *bytes = static_cast<uint8_t>(bits);
}

/// Rounds once: the float nearest below or above whose last bit is odd, unless one is equal, keeps
/// what decides the rounding to bf16.
static void storeBF16(double value, uint8_t *bytes) {
  if (std::isnan(value))
    return storeSmallFloat(ElementType::BF16, value, bytes);
  float near = static_cast<float>(value);
  uint32_t bits = bit_cast<uint32_t>(near);
  if (near != value && !(bits & 1))
    bits += std::abs(near) < std::abs(value) ? 1 : -1;
  store<uint16_t>(bytes, static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}

void encodeElement(ElementType type, double value, uint8_t *bytes) {
  switch (type) {
  case ElementType::F64:
    return store(bytes, value);
  case ElementType::F32:
  case ElementType::TF32:
    return store(bytes, static_cast<float>(value));
  case ElementType::BF16:
    return storeBF16(value, bytes);
  case ElementType::F16:
  case ElementType::E4M3:
  case ElementType::E5M2:
    return storeSmallFloat(type, value, bytes);
  case ElementType::I64:
    return storeInteger<int64_t>(bytes, value);
  case ElementType::I32:
    return storeInteger<int32_t>(bytes, value);
  case ElementType::I16:
    return storeInteger<int16_t>(bytes, value);
  case ElementType::I8:
    return storeInteger<int8_t>(bytes, value);
  case ElementType::U64:
    return storeInteger<uint64_t>(bytes, value);
  case ElementType::U32:
    return storeInteger<uint32_t>(bytes, value);
  case ElementType::U16:
    return storeInteger<uint16_t>(bytes, value);
  case ElementType::U8:
    return storeInteger<uint8_t>(bytes, value);
  case ElementType::I1:
    *bytes = value != 0;
    return;
  }
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

std::optional<int64_t> getNumElements(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  bool isEmpty = llvm::is_contained(sizes, 0);
  for (int64_t size : sizes)
    if (!isEmpty && MulOverflow(count, size, count))
      return std::nullopt;
  return isEmpty ? 0 : count;
}

int64_t HostTensor::getNumElements() const { return tk::getNumElements(sizes).value_or(0); }

std::vector<int64_t> getDenseStrides(ArrayRef<int64_t> sizes, bool fortranOrder) {
  std::vector<int64_t> strides(sizes.size(), 1);
  int64_t next = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    size_t d = fortranOrder ? i : sizes.size() - 1 - i;
    strides[d] = next;
    // Beyond 2^63 (an empty array with one huge dimension) strides mean nothing.
    if (MulOverflow(next, std::max<int64_t>(sizes[d], 1), next))
      next = 1;
  }
  return strides;
}

std::optional<int64_t> getExtent(ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  if (llvm::is_contained(sizes, 0))
    return 0;
  int64_t extent = 1;
  for (auto [size, stride] : zip_equal(sizes, strides)) {
    int64_t span = 0;
    if (MulOverflow(size - 1, stride, span) || AddOverflow(extent, span, extent))
      return std::nullopt;
  }
  return extent;
}

void forEachOffset(ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides,
                   function_ref<void(int64_t offset)> callback) {
  if (llvm::is_contained(sizes, 0))
    return;
  size_t rank = sizes.size();
  if (rank == 0)
    return callback(0);
  SmallVector<int64_t, 5> index(rank, 0);
  int64_t offset = 0;
  while (true) {
    for (int64_t i = 0; i < sizes[rank - 1]; ++i)
      callback(offset + i * strides[rank - 1]);
    size_t d = rank - 1;
    while (d > 0) {
      --d;
      offset += strides[d];
      if (++index[d] < sizes[d])
        break;
      offset -= sizes[d] * strides[d];
      index[d] = 0;
      if (d == 0)
        return;
    }
    if (rank == 1)
      return;
  }
}

HostTensor withStrides(const HostTensor &tensor, ArrayRef<int64_t> strides) {
  HostTensor result{tensor.type, tensor.sizes, strides.vec(), {}};
  unsigned width = getElementBytes(tensor.type);
  result.bytes.resize(static_cast<size_t>(getExtent(tensor.sizes, strides).value_or(0)) * width);
  if (tensor.strides == result.strides) {
    result.bytes = tensor.bytes;
    return result;
  }
  std::vector<int64_t> offsets;
  offsets.reserve(static_cast<size_t>(tensor.getNumElements()));
  forEachOffset(tensor.sizes, tensor.strides, [&](int64_t offset) { offsets.push_back(offset); });
  size_t next = 0;
  forEachOffset(tensor.sizes, strides, [&](int64_t offset) {
    std::memcpy(&result.bytes[offset * width], &tensor.bytes[offsets[next++] * width], width);
  });
  return result;
}

std::string printSizes(ArrayRef<int64_t> sizes) {
  if (sizes.empty())
    return "scalar";
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::optional<std::vector<int64_t>> parseSizes(StringRef text) {
  std::vector<int64_t> sizes;
  do {
    auto [head, tail] = text.split('x');
    int64_t size = 0;
    if (head.empty() || !all_of(head, isDigit) || head.getAsInteger(10, size))
      return std::nullopt;
    if (tail.empty() && text.ends_with("x"))
      return std::nullopt;
    sizes.push_back(size);
    text = tail;
  } while (!text.empty());
  return sizes;
}

} // namespace tk
