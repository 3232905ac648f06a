//===- TensorMap.h - The simulator's tensor maps ----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What `cuTensorMapEncodeTiled` takes, checked by the table of the driver manual, and the simulator's own opaque
/// 128 bytes for it. A GPU's bytes are another matter: only the driver makes those.
///
//===----------------------------------------------------------------------===//

#ifndef TK_SIM_TENSORMAP_H
#define TK_SIM_TENSORMAP_H

#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>

namespace tk::sim {

/// The arguments of `cuTensorMapEncodeTiled`, with the driver's numbering of enumerations. Innermost dimension first.
struct TensorMap {
  enum class Type : uint8_t { U8, U16, U32, S32, U64, S64, F16, F32, F64, BF16, F32Ftz, TF32, TF32Ftz };
  enum class Interleave : uint8_t { None, Bytes16, Bytes32 };
  enum class Swizzle : uint8_t { None, Bytes32, Bytes64, Bytes128, Bytes128Atom32, Bytes128Atom32Flip8, Bytes128Atom64 };
  enum class Fill : uint8_t { Zero, NaN };

  Type type = Type::U8;
  unsigned rank = 1;
  uint64_t address = 0;
  std::array<uint64_t, 5> size = {1, 1, 1, 1, 1};         ///< Elements.
  std::array<uint64_t, 4> stride = {};                    ///< Bytes, of dimension 1 and up.
  std::array<uint32_t, 5> box = {1, 1, 1, 1, 1};          ///< Elements.
  std::array<uint32_t, 5> elementStride = {1, 1, 1, 1, 1};
  Interleave interleave = Interleave::None;
  Swizzle swizzle = Swizzle::None;
  uint8_t l2Promotion = 0; ///< 0 none, 1 64 B, 2 128 B, 3 256 B: no effect on results.
  Fill fill = Fill::Zero;

  unsigned getElementBytes() const;
  /// Success, or the condition of the manual's table that is broken, with both values.
  llvm::Error verify() const;
};

/// The 128 bytes a kernel gets as a parameter. The map must verify; the error says what does not.
llvm::Expected<std::array<uint8_t, 128>> encodeTensorMap(const TensorMap &map);

} // namespace tk::sim

#endif // TK_SIM_TENSORMAP_H
