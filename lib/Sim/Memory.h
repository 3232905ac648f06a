//===- Memory.h - Global memory of a simulated device -----------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_MEMORY_H
#define TK_LIB_SIM_MEMORY_H

#include "tk/Sim/Simulator.h"

namespace tk::sim {

/// What memory keeps of each of its bytes: 0 unwritten, 1 written, else which bits of it are known; 0xff stands for bit 0
/// alone. Only `ld` and `st` care for the bits (ExecPartial.cpp), to all others such a byte is unwritten.
inline bool isWritten(uint8_t init) { return init == 1; }
inline bool areWritten(const uint8_t *init, size_t n) {
  uint8_t others = 0;
  for (size_t i = 0; i < n; ++i)
    others |= init[i] ^ 1;
  return !others;
}

/// One allocation. One byte of `init` for each byte of data: CTAs on several host threads may write neighbouring
/// bytes, which bits could not bear without atomics.
struct Allocation {
  uint64_t base = 0, bytes = 0;
  std::string name;
  bool live = true, readOnly = false, onHeap = false;
  std::unique_ptr<uint8_t[]> data, init;
};

enum class HeapFault { None, Twice, Inside, Unknown };

class DeviceMemoryImpl final : public DeviceMemory {
public:
  void setLimit(uint64_t bytes) override;
  llvm::Error admit(uint64_t bytes) const override;
  uint64_t allocate(uint64_t bytes, uint64_t align, llvm::StringRef name) override;
  void free(uint64_t address) override;
  llvm::Error write(uint64_t address, llvm::ArrayRef<uint8_t> bytes) override;
  llvm::Error read(uint64_t address, llvm::MutableArrayRef<uint8_t> bytes) const override;
  uint64_t countUninitialised(uint64_t address, uint64_t bytes) const override;

  /// The allocation that holds `address`, or the nearest one below; null when there is none.
  Allocation *find(uint64_t address) const;

  /// The bytes of the allocation that starts at `address`, which is no more.
  std::unique_ptr<uint8_t[]> take(uint64_t address);

  /// What malloc gives, 0 where the heap would have more than `limit` bytes in use. It lasts longer than the launch.
  uint64_t allocateOnHeap(uint64_t bytes, uint64_t limit, llvm::StringRef name);
  /// `keep`: copies under way may still move its bytes.
  HeapFault freeOnHeap(uint64_t address, bool keep);
  uint64_t heapUsed() const { return heapBytes; }
  uint64_t bytesHeld() const { return held; }

private:
  Allocation &add(uint64_t base, uint64_t bytes, llvm::StringRef name);
  llvm::Expected<Allocation *> range(uint64_t address, uint64_t bytes) const;
  std::vector<std::unique_ptr<Allocation>> allocations; ///< By ascending base.
  uint64_t next = 0x0000100000000000ull;
  uint64_t heapBytes = 0;
  uint64_t limit = 0; ///< 0: not asked for yet.
  uint64_t held = 0;  ///< By all allocations.
};

} // namespace tk::sim

#endif // TK_LIB_SIM_MEMORY_H
