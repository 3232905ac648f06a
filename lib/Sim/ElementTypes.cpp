//===- ElementTypes.cpp - Types of elements in launch files ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchReader.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

using E = ElementType;

// .npy has no names for bf16 and e4m3: tk writes them as the raw integers that numpy's .view()
// understands.
static constexpr ElementType kTypes[] = {
    {E::Unsigned, Ty::None, 1, "u8", "|u1", "U8"},
    {E::Unsigned, Ty::None, 2, "u16", "<u2", "U16"},
    {E::Unsigned, Ty::None, 4, "u32", "<u4", "U32"},
    {E::Unsigned, Ty::None, 8, "u64", "<u8", "U64"},
    {E::Signed, Ty::None, 1, "i8", "|i1", "I8"},
    {E::Signed, Ty::None, 2, "i16", "<i2", "I16"},
    {E::Signed, Ty::None, 4, "i32", "<i4", "I32"},
    {E::Signed, Ty::None, 8, "i64", "<i8", "I64"},
    {E::Real, Ty::F16, 2, "f16", "<f2", "F16"},
    {E::Real, Ty::BF16, 2, "bf16", "<u2", "BF16"},
    {E::Real, Ty::F32, 4, "f32", "<f4", "F32"},
    {E::Real, Ty::TF32, 4, "tf32", "<f4", ""},
    {E::Real, Ty::F64, 8, "f64", "<f8", "F64"},
    {E::Real, Ty::E4M3, 1, "e4m3", "|u1", "F8_E4M3"},
    {E::Real, Ty::E5M2, 1, "e5m2", "|u1", "F8_E5M2"},
    {E::Bool, Ty::None, 1, "bool", "|b1", "BOOL"},
    {E::Bits, Ty::None, 1, "b8", "|u1", ""},
    {E::Bits, Ty::None, 2, "b16", "<u2", ""},
    {E::Bits, Ty::None, 4, "b32", "<u4", ""},
    {E::Bits, Ty::None, 8, "b64", "<u8", ""},
};

const ElementType *elementType(StringRef name) {
  auto it = find_if(kTypes, [&](const E &t) { return t.name == name; });
  return it == std::end(kTypes) ? nullptr : it;
}

std::string elementTypeNames() {
  std::string all;
  for (const E &t : kTypes)
    all += (all.empty() ? "" : ", ") + t.name.str();
  return all;
}

const ElementType *elementTypeOfNpy(StringRef descr) {
  if (descr == "<f1") // ml_dtypes.float8_e5m2
    return elementType("e5m2");
  // The first of a name is the one whose values the file's own type means.
  auto it = find_if(kTypes, [&](const E &t) { return t.npy.drop_front() == descr.drop_front(); });
  return it == std::end(kTypes) || descr.starts_with(">") ? nullptr : it;
}

const ElementType *elementTypeOfSafetensors(StringRef name) {
  auto it = find_if(kTypes, [&](const E &t) { return !name.empty() && t.safetensors == name; });
  return it == std::end(kTypes) ? nullptr : it;
}

static uint64_t bitsOf(const E &type, const uint8_t *data) {
  uint64_t bits = 0;
  memcpy(&bits, data, type.bytes);
  return bits;
}

static int64_t signExtended(const E &type, uint64_t bits) {
  unsigned shift = 64 - 8 * type.bytes;
  return int64_t(bits << shift) >> shift;
}

long double elementValue(const E &type, const uint8_t *data) {
  uint64_t bits = bitsOf(type, data);
  if (type.kind == E::Real)
    return decodeReal(bits, type.ty);
  if (type.kind == E::Signed)
    return static_cast<long double>(signExtended(type, bits));
  return static_cast<long double>(bits);
}

std::string elementText(const E &type, const uint8_t *data) {
  uint64_t bits = bitsOf(type, data);
  if (type.kind == E::Signed)
    return std::to_string(signExtended(type, bits));
  if (type.kind == E::Bits)
    return formatv("{0:x}", bits).str();
  if (type.kind != E::Real)
    return std::to_string(bits);
  char text[40];
  snprintf(text, sizeof text, "%.*g", type.ty == Ty::F64 ? 17 : 9, decodeReal(bits, type.ty));
  return text;
}

std::string elementIndex(ArrayRef<uint64_t> shape, uint64_t number) {
  std::string text;
  for (uint64_t size : reverse(shape)) {
    text = std::to_string(size ? number % size : 0) + (text.empty() ? "" : ", ") + text;
    number /= size ? size : 1;
  }
  return "[" + text + "]";
}

} // namespace tk::sim
