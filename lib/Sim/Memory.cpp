//===- Memory.cpp - Global memory of a simulated device -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Memory.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <unistd.h>

using namespace llvm;

namespace tk::sim {

static constexpr uint64_t kGuard = 1 << 20; ///< Between allocations, so that a stray index hits nothing.

/// A third of the host's memory: each byte has a mark beside it, and files are read before they are copied here.
static uint64_t hostLimit() {
  uint64_t bytes = uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  uint64_t container;
  if (auto file = MemoryBuffer::getFileAsStream("/sys/fs/cgroup/memory.max"))
    if (!(*file)->getBuffer().trim().getAsInteger(10, container))
      bytes = std::min(bytes, container);
  return bytes / 3;
}

void DeviceMemoryImpl::setLimit(uint64_t bytes) { limit = bytes; }

Error DeviceMemoryImpl::admit(uint64_t bytes) const {
  static const uint64_t host = hostLimit();
  uint64_t most = limit ? limit : host, left = most - std::min(most, held);
  if (bytes <= left)
    return Error::success();
  return createStringError(inconvertibleErrorCode(),
                           formatv("{0} bytes do not fit into device memory: {1} of its {2} are left{3}", bytes, left, most,
                                   limit ? "" : ", a third of the host's memory").str());
}

Allocation &DeviceMemoryImpl::add(uint64_t base, uint64_t bytes, StringRef name) {
  auto a = std::make_unique<Allocation>();
  a->base = base;
  a->bytes = bytes;
  a->name = name.str();
  a->data.reset(new uint8_t[bytes ? bytes : 1]);
  a->init.reset(new uint8_t[bytes ? bytes : 1]());
  memset(a->data.get(), 0xff, bytes); // NaN in every floating-point type: a missed write shows in the numbers too
  next = a->base + bytes;
  held += bytes;
  allocations.push_back(std::move(a));
  return *allocations.back();
}

uint64_t DeviceMemoryImpl::allocate(uint64_t bytes, uint64_t align, StringRef name) {
  return add(alignTo(next + kGuard, std::max<uint64_t>(align ? align : 1, 256)), bytes, name).base;
}

uint64_t DeviceMemoryImpl::allocateOnHeap(uint64_t bytes, uint64_t limit, StringRef name) {
  if (heapBytes > limit || bytes > limit - heapBytes)
    return 0;
  if (Error e = admit(bytes)) {
    consumeError(std::move(e));
    return 0;
  }
  // Aligned as malloc promises and no more.
  Allocation &a = add(alignTo(next + kGuard, 256) + 16, bytes, name);
  a.onHeap = true;
  heapBytes += bytes;
  return a.base;
}

HeapFault DeviceMemoryImpl::freeOnHeap(uint64_t address, bool keep) {
  Allocation *a = find(address);
  if (!a || !a->onHeap || address - a->base >= a->bytes)
    return HeapFault::Unknown;
  if (address != a->base)
    return HeapFault::Inside;
  if (!a->live)
    return HeapFault::Twice;
  a->live = false;
  heapBytes -= a->bytes;
  if (!keep) {
    held -= a->bytes;
    a->data.reset();
    a->init.reset();
  }
  return HeapFault::None;
}

void DeviceMemoryImpl::free(uint64_t address) {
  if (Allocation *a = find(address); a && a->base == address)
    a->live = false;
}

std::unique_ptr<uint8_t[]> DeviceMemoryImpl::take(uint64_t address) {
  Allocation *a = find(address);
  assert(a && a->base == address && a->live && "expected a live allocation");
  a->live = false;
  held -= a->bytes;
  a->init.reset();
  return std::move(a->data);
}

Allocation *DeviceMemoryImpl::find(uint64_t address) const {
  auto it = llvm::upper_bound(allocations, address, [](uint64_t v, const auto &a) { return v < a->base; });
  return it == allocations.begin() ? nullptr : std::prev(it)->get();
}

Expected<Allocation *> DeviceMemoryImpl::range(uint64_t address, uint64_t bytes) const {
  Allocation *a = find(address);
  if (!a || !a->live || address - a->base > a->bytes || bytes > a->bytes - (address - a->base))
    return createStringError(inconvertibleErrorCode(),
                             formatv("{0} bytes at device address {1:x} are not inside one allocation", bytes, address)
                                 .str());
  return a;
}

Error DeviceMemoryImpl::write(uint64_t address, ArrayRef<uint8_t> bytes) {
  Expected<Allocation *> a = range(address, bytes.size());
  if (!a)
    return a.takeError();
  if (!bytes.empty()) {
    memcpy((*a)->data.get() + (address - (*a)->base), bytes.data(), bytes.size());
    memset((*a)->init.get() + (address - (*a)->base), 1, bytes.size());
  }
  return Error::success();
}

Error DeviceMemoryImpl::read(uint64_t address, MutableArrayRef<uint8_t> bytes) const {
  Expected<Allocation *> a = range(address, bytes.size());
  if (!a)
    return a.takeError();
  if (!bytes.empty())
    memcpy(bytes.data(), (*a)->data.get() + (address - (*a)->base), bytes.size());
  return Error::success();
}

uint64_t DeviceMemoryImpl::countUninitialised(uint64_t address, uint64_t bytes) const {
  Expected<Allocation *> a = range(address, bytes);
  if (!a) {
    consumeError(a.takeError());
    return bytes;
  }
  uint64_t n = 0;
  for (uint64_t i = 0; i < bytes; ++i)
    n += !isWritten((*a)->init[address - (*a)->base + i]);
  return n;
}

} // namespace tk::sim
