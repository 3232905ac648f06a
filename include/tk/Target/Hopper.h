//===- Hopper.h - Machine facts of sm_90a -----------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The numbers of the one target there is. Passes ask here and hold no machine numbers of their
/// own.
///
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_HOPPER_H
#define TK_TARGET_HOPPER_H

#include <cstdint>

namespace tk::hopper {

inline constexpr char kChip[] = "sm_90a";
/// PTX ISA 8.1: wgmma needs 8.0, and 8.0 caps kernel parameters at 4,352 bytes.
inline constexpr char kFeatures[] = "+ptx81";

inline constexpr int64_t kWarpThreads = 32;
inline constexpr int64_t kWarpgroupThreads = 128;
/// Dynamic shared memory a block may ask for (CUDA programming guide, compute capability 9.0: 227
/// KiB).
inline constexpr int64_t kMaxSharedBytes = 232448;
/// The alignment the base of dynamic shared memory is declared with: the repeat of the widest
/// swizzle.
inline constexpr int64_t kSharedBaseAlign = 1024;
inline constexpr int64_t kMaxVectorBytes = 16;
/// The widest span of the shared-memory swizzles.
inline constexpr int64_t kSwizzleSpanBytes = 128;
/// A tile with more elements to a thread than four register files hold is a mistake, not a program.
inline constexpr int64_t kMaxTileElementsPerThread = 1024;
inline constexpr int64_t kMaxGridX = (int64_t(1) << 31) - 1;

/// wgmma.mma_async (PTX ISA 9.1, 9.7.15.2): M is 64, N a multiple of 8 up to 256, K 32 bytes of
/// operand.
inline constexpr int64_t kWgmmaM = 64;
inline constexpr int64_t kWgmmaMaxN = 256;
inline constexpr int64_t kWgmmaNStep = 8;
inline constexpr int64_t kWgmmaKBytes = 32;

} // namespace tk::hopper

#endif // TK_TARGET_HOPPER_H
