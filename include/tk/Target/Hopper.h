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

/// An mbarrier object (PTX ISA 9.1, 9.7.13.15).
inline constexpr int64_t kMBarrierBytes = 8;
/// More stages than this cannot be told apart in a report, and no tile is that small.
inline constexpr int64_t kMaxStages = 64;
/// More would be no tile that registers hold, and no band that L2 holds.
inline constexpr int64_t kMaxWidening = 16, kMaxBandRows = 65536;

/// Tensor maps (CUDA driver API, cuTensorMapEncodeTiled): alignment of the address and of strides,
/// elements of a box along one dimension.
inline constexpr int64_t kTMAAlign = 16;
inline constexpr int64_t kTMAMaxBox = 256;
/// Coordinates are 32 bits with sign; strides are below 2^40 bytes.
inline constexpr int64_t kTMAMaxExtent = (int64_t(1) << 31) - 1;
inline constexpr int64_t kTMAMaxStrideBytes = int64_t(1) << 40;
/// What a miss of L2 brings in: rows of a box are as long.
inline constexpr int64_t kTMAPromotionBytes = 128;
inline constexpr int64_t kTensorMapBytes = 128;
inline constexpr int64_t kTensorMapAlign = 64;

/// A block's threads, and the registers that a multiprocessor shares out among them.
inline constexpr int64_t kMaxBlockThreads = 1024;
inline constexpr int64_t kRegisterFile = 65536;
/// Consumers that a block has threads for, beside its producer.
inline constexpr int64_t kMaxBlockConsumers = 7;
/// What setmaxnreg takes (PTX ISA 9.1, 9.7.19.5), as far as a thread can use.
inline constexpr int64_t kMinRoleRegisters = 24;
inline constexpr int64_t kMaxRoleRegisters = 240;
inline constexpr int64_t kRegisterStep = 8;

/// Shared memory that rings of operands may take: the rest is for results on their way out.
inline constexpr int64_t kStageBytes = 192 * 1024;
/// Shared memory for results on their way out.
inline constexpr int64_t kEpilogueBytes = 32 * 1024;
/// More stages than this only hide a latency that fewer hide as well.
inline constexpr int64_t kUsefulStages = 6;
/// Consumers that keep one multiprocessor's tensor cores busy, with registers for the widest
/// products.
inline constexpr int64_t kUsualConsumers = 2;
/// Consumers for tiles whose slabs of 64 rows do not come in pairs.
inline constexpr int64_t kMaxConsumers = 3;
/// Programs of a cluster that every device runs (CUDA programming guide, thread block clusters).
inline constexpr int64_t kMaxCluster = 8;
/// Programs that share loads: the two multiprocessors of a texture processing cluster, so that no
/// multiprocessor is left over.
inline constexpr int64_t kClusterPrograms = 2;
/// Rows of tiles that a persistent grid walks together (see docs: order of tiles).
inline constexpr int64_t kBandRows = 8;

/// Registers that each thread of a block of `threads` starts with, where the block has a
/// multiprocessor to itself.
constexpr int64_t getLaunchRegisters(int64_t threads) {
  int64_t share = kRegisterFile / threads / kRegisterStep * kRegisterStep;
  return share > 255 ? 255 : share;
}

/// What a thread of a block without roles needs beside its tiles: addresses, sizes, predicates, and
/// elements on their way to shared memory (ptxas 13.0: with 196 registers of tiles, no spills).
inline constexpr int64_t kWorkRegisters = 48;

/// What ptxas 13.0 wants beside the accumulator of one wgmma, of the registers that a block's
/// threads start with, whatever setmaxnreg adds later (C7602 "Insufficient registers (128)", for
/// m64n208 and m64n256 with 512 threads: 130 and 154).
inline constexpr int64_t kWgmmaWorkRegisters = 26;

/// Columns of the widest 32-bit accumulator that one wgmma of a block of `threads` can have.
constexpr int64_t getWidestWgmma(int64_t threads) {
  int64_t columns = 2 * (getLaunchRegisters(threads) - kWgmmaWorkRegisters);
  columns = columns / kWgmmaNStep * kWgmmaNStep;
  return columns > kWgmmaMaxN ? kWgmmaMaxN : columns;
}

/// Registers to a thread of each role.
struct RoleRegisters {
  int64_t producer, consumer;
};
/// As CUTLASS deals them out: 1 + 2 warpgroups of 40 and 232; but 1 + 3 of 40 and 152 (32 and 160
/// there: a producer that walks tiles spills 4 bytes of 32 registers); more share what the producer
/// leaves of the registers that the block is launched with.
constexpr RoleRegisters chooseRoleRegisters(int64_t consumers) {
  if (consumers <= 1)
    return {40, 240};
  if (consumers == 2)
    return {40, 232};
  if (consumers == 3)
    return {40, 152};
  int64_t launched = (1 + consumers) * getLaunchRegisters(kWarpgroupThreads * (1 + consumers));
  int64_t share = (launched - kMinRoleRegisters) / consumers;
  return {kMinRoleRegisters, share / kRegisterStep * kRegisterStep};
}

} // namespace tk::hopper

#endif // TK_TARGET_HOPPER_H
