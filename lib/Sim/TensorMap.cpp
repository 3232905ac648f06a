//===- TensorMap.cpp - Tensor maps: rules and bytes -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The rules are those of the driver manual's table. Its sample recurrence between strides is none:
/// shipped kernels break it.
///
//===----------------------------------------------------------------------===//

#include "tk/Sim/TensorMap.h"
#include "Async.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace llvm;

namespace tk::sim {

static constexpr uint64_t kMagic = 0x3150414d54534b54ull; ///< "TKSTMAP1"

unsigned TensorMap::getElementBytes() const {
  switch (type) {
  case Type::U8:
    return 1;
  case Type::U16:
  case Type::F16:
  case Type::BF16:
    return 2;
  case Type::U32:
  case Type::S32:
  case Type::F32:
  case Type::F32Ftz:
  case Type::TF32:
  case Type::TF32Ftz:
    return 4;
  case Type::U64:
  case Type::S64:
  case Type::F64:
    return 8;
  }
  return 0;
}

template <class... Args>
static Error broken(const char *format, Args &&...args) {
  return createStringError(inconvertibleErrorCode(),
                           formatv(format, std::forward<Args>(args)...).str());
}

Error TensorMap::verify() const {
  unsigned es = getElementBytes();
  if (!es)
    return broken("tensor map: expected a data type from 0 to 12, got {0}", unsigned(type));
  if (rank < 1 || rank > 5)
    return broken("tensor map: expected a rank from 1 to 5, got {0}", rank);
  if (interleave > Interleave::Bytes32)
    return broken("tensor map: expected an interleave from 0 to 2, got {0}", unsigned(interleave));
  if (swizzle > Swizzle::Bytes128Atom64)
    return broken("tensor map: expected a swizzle from 0 to 6, got {0}", unsigned(swizzle));
  if (interleave != Interleave::None && rank < 3)
    return broken("tensor map: expected a rank of at least 3 with an interleave, got {0}", rank);
  if (interleave == Interleave::Bytes32 && swizzle != Swizzle::Bytes32)
    return broken(
        "tensor map: expected swizzle 1 (32 bytes) with an interleave of 32 bytes, got {0}",
        unsigned(swizzle));
  if (l2Promotion > 3)
    return broken("tensor map: expected an L2 promotion from 0 to 3, got {0}",
                  unsigned(l2Promotion));
  bool isFloat = type >= Type::F16;
  if (fill > Fill::NaN || (fill == Fill::NaN && !isFloat))
    return broken("tensor map: expected fill 0{0}, got {1}",
                  isFloat ? " or 1" : " with an integer type", unsigned(fill));
  unsigned granule = interleave == Interleave::Bytes32 ? 32 : 16;
  if (address % granule)
    return broken("tensor map: expected an address that is a multiple of {0}, got {1:x}", granule,
                  address);
  for (unsigned i = 0; i < rank; ++i) {
    if (size[i] < 1 || size[i] > 1ull << 32)
      return broken("tensor map: expected size {0} from 1 to 2^32, got {1}", i, size[i]);
    if (box[i] < 1 || box[i] > 256)
      return broken("tensor map: expected box size {0} from 1 to 256, got {1}", i, box[i]);
    bool ignored = i == 0 && interleave == Interleave::None;
    if (!ignored && (elementStride[i] < 1 || elementStride[i] > 8))
      return broken("tensor map: expected element stride {0} from 1 to 8, got {1}", i,
                    elementStride[i]);
  }
  for (unsigned i = 0; i + 1 < rank; ++i)
    if (stride[i] % granule || stride[i] >= 1ull << 40)
      return broken("tensor map: expected the stride of dimension {0} to be a multiple of {1} "
                    "bytes below 2^40, got {2}",
                    i + 1, granule, stride[i]);
  unsigned inner = box[0] * es, span = swizzle == Swizzle::None      ? 0
                                       : swizzle == Swizzle::Bytes32 ? 32
                                       : swizzle == Swizzle::Bytes64 ? 64
                                                                     : 128;
  if (interleave == Interleave::None && inner % 16)
    return broken("tensor map: expected an inner box of a multiple of 16 bytes, got {0} elements "
                  "of {1} bytes",
                  box[0], es);
  if (interleave == Interleave::None && span && inner > span)
    return broken(
        "tensor map: expected an inner box of at most {0} bytes with this swizzle, got {1}", span,
        inner);
  return Error::success();
}

/// The bytes as they lie: native order, so that one can read them in a debugger.
namespace {
struct Packed {
  uint64_t magic, address, size[5], stride[4];
  uint16_t box[5];
  uint8_t elementStride[5], type, rank, interleave, swizzle, l2Promotion, fill;
  uint8_t unused[3];
  uint64_t check; ///< Over all before: a map that was copied in part is none.
  uint64_t reserved;
};
} // namespace
static_assert(sizeof(Packed) == 128);

static uint64_t checksum(const Packed &p) {
  uint64_t h = 0xcbf29ce484222325ull;
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&p);
  for (size_t i = 0; i < offsetof(Packed, check); ++i)
    h = (h ^ bytes[i]) * 0x100000001b3ull;
  return h;
}

Expected<std::array<uint8_t, 128>> encodeTensorMap(const TensorMap &m) {
  if (Error e = m.verify())
    return std::move(e);
  Packed p{};
  p.magic = kMagic;
  p.address = m.address;
  for (unsigned i = 0; i < m.rank; ++i) {
    p.size[i] = m.size[i];
    p.box[i] = uint16_t(m.box[i]);
    p.elementStride[i] = uint8_t(m.elementStride[i]);
    if (i)
      p.stride[i - 1] = m.stride[i - 1];
  }
  p.type = uint8_t(m.type);
  p.rank = uint8_t(m.rank);
  p.interleave = uint8_t(m.interleave);
  p.swizzle = uint8_t(m.swizzle);
  p.l2Promotion = m.l2Promotion;
  p.fill = uint8_t(m.fill);
  p.check = checksum(p);
  std::array<uint8_t, 128> bytes;
  memcpy(bytes.data(), &p, 128);
  return bytes;
}

Expected<TensorMap> decodeTensorMap(ArrayRef<uint8_t> bytes) {
  Packed p;
  assert(bytes.size() == sizeof p);
  memcpy(&p, bytes.data(), sizeof p);
  if (p.magic != kMagic)
    return broken(
        "expected the bytes of a tensor map of this simulator (first word {0:x}), got {1:x}",
        kMagic, p.magic);
  if (p.check != checksum(p))
    return broken("expected a whole tensor map (checksum {0:x}), got {1:x}", checksum(p), p.check);
  TensorMap m;
  m.address = p.address;
  m.rank = p.rank;
  for (unsigned i = 0; i < p.rank && i < 5; ++i) {
    m.size[i] = p.size[i];
    m.box[i] = p.box[i];
    m.elementStride[i] = p.elementStride[i];
    if (i)
      m.stride[i - 1] = p.stride[i - 1];
  }
  m.type = TensorMap::Type(p.type);
  m.interleave = TensorMap::Interleave(p.interleave);
  m.swizzle = TensorMap::Swizzle(p.swizzle);
  m.l2Promotion = p.l2Promotion;
  m.fill = TensorMap::Fill(p.fill);
  if (Error e = m.verify())
    return std::move(e);
  return m;
}

using Field = MapField;

/// The element type by the numbers of tensormap.replace, which are not the driver's.
static TensorMap::Type replacedType(uint64_t value) {
  using T = TensorMap::Type;
  constexpr T types[] = {T::U8,  T::U16, T::U32,    T::S32, T::U64,  T::S64,  T::F16,
                         T::F32, T::F32Ftz, T::F64, T::BF16, T::TF32, T::TF32Ftz};
  return types[value];
}

Error replaceInTensorMap(MutableArrayRef<uint8_t> bytes, Field field, unsigned ordinal, uint64_t value) {
  Packed p;
  assert(bytes.size() == sizeof p);
  memcpy(&p, bytes.data(), sizeof p);
  bool isBlank = all_of(bytes, [](uint8_t b) { return !b; });
  if (!isBlank && p.magic != kMagic)
    return broken("expected the bytes of a tensor map of this simulator (first word {0:x}), or zeros, got {1:x}", kMagic,
                  p.magic);
  if (!isBlank && p.check != checksum(p))
    return broken("expected a whole tensor map (checksum {0:x}), got {1:x}", checksum(p), p.check);
  p.magic = kMagic;
  switch (field) {
  case Field::GlobalAddress:
    p.address = value;
    break;
  case Field::Rank:
    if (value > 4)
      return broken("expected a rank less one from 0 to 4, got {0}", value);
    p.rank = uint8_t(value + 1);
    break;
  case Field::BoxDim:
    if (value < 1 || value > 256)
      return broken("expected box size {0} from 1 to 256, got {1}", ordinal, value);
    p.box[ordinal] = uint16_t(value);
    break;
  case Field::GlobalDim:
    p.size[ordinal] = value;
    break;
  case Field::GlobalStride:
    p.stride[ordinal] = value;
    break;
  case Field::ElementStride:
    if (value < 1 || value > 8)
      return broken("expected element stride {0} from 1 to 8, got {1}", ordinal, value);
    p.elementStride[ordinal] = uint8_t(value);
    break;
  case Field::ElemType:
    p.type = uint8_t(replacedType(value));
    break;
  case Field::Interleave:
    p.interleave = uint8_t(value);
    break;
  case Field::Swizzle:
    if (p.swizzle > uint8_t(TensorMap::Swizzle::Bytes128))
      return broken("what becomes of the atomicity of swizzle {0} is not documented", unsigned(p.swizzle));
    p.swizzle = uint8_t(value);
    break;
  case Field::Fill:
    p.fill = uint8_t(value);
    break;
  }
  p.check = checksum(p);
  memcpy(bytes.data(), &p, sizeof p);
  return Error::success();
}

} // namespace tk::sim
