//===- Async.h - Objects of asynchronous operations -------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_ASYNC_H
#define TK_LIB_SIM_ASYNC_H

#include <map>
#include "Memory.h"
#include "Ptx.h"
#include "Race.h"
#include "tk/Sim/TensorMap.h"

namespace tk::sim {

/// The map in 128 bytes that encodeTensorMap made.
llvm::Expected<TensorMap> decodeTensorMap(llvm::ArrayRef<uint8_t> bytes);
/// Puts a value as tensormap.replace has it into a field of the map in 128 bytes. Zeros are a map without any field set.
/// Whether the fields fit together is looked at where the map is used.
llvm::Error replaceInTensorMap(llvm::MutableArrayRef<uint8_t> bytes, MapField field, unsigned ordinal, uint64_t value);

/// An mbarrier from its init to its inval. The bytes in shared memory are opaque; this is what they
/// stand for.
struct Mbarrier {
  static constexpr int64_t kMax =
      (1 << 20) - 1;  ///< Of counts, and of transaction bytes either way.
  uint32_t phase = 0; ///< The one that is not complete.
  int64_t expected = 1, pending = 1, tx = 0;
  bool observed = true; ///< Someone has seen the phase before `phase` complete.
  // Who made it, to find uses that are not ordered after that.
  uint32_t initPc = 0, initWarp = 0, initLanes = 0, initClock = 0;
  bool initFenced = false; ///< fence.mbarrier_init followed.
  uint32_t published = 0;  ///< Phase plus one of the cluster barrier that carries it to the peers.
  Clock uses;             ///< The last use by each thread.
  ThreadClocks arriving;  ///< What those who arrived in this phase knew.
  ThreadClocks completed; ///< The same for the phase before.
  Clock arrivingFar, completedFar; ///< What peers that arrived with a wide scope give to a wait of a wide scope.
  bool hasArriving = false, hasCompleted = false;
  unsigned slot = 0; ///< Clock slot of the copies that end here; clocks are phases plus one.
  uint32_t lastLoad = 0,
           seen = 0; ///< Phase plus one of the last copy, and of the last that someone waited for.
  uint32_t lastLoadPc = 0;
};

/// A cp.async.mbarrier.arrive whose copies may not be done yet.
struct CopyArrival {
  uint32_t pc = 0;
  unsigned warp = 0, lane = 0;
  uint64_t address = 0;
  uint32_t phase = 0; ///< Of the mbarrier, at its issue.
  uint64_t last = 0;  ///< The last copy of the thread that it waits for.
};

/// What a thread had done and learnt at a fence of the tensormap proxy.
struct MapFence {
  unsigned warp = 0;
  uint32_t lanes = 0, clock = 0;
  SyncScope scope = SyncScope::None;
  uint64_t address = 0; ///< Of an acquire.
  ThreadClocks knows;
};

/// Releases of the tensormap proxy by a unit. A persistent kernel makes one for each of its tiles.
struct MapReleases {
  static constexpr size_t kKept = 64;
  std::vector<MapFence> kept;            ///< The oldest first.
  std::map<unsigned, MapFence> forgotten; ///< By warp: the last that is not kept, for the lanes of all those.

  void add(MapFence f) {
    if (kept.size() == kKept) {
      MapFence &last = forgotten[kept.front().warp];
      uint32_t lanes = last.lanes;
      last = std::move(kept.front());
      last.lanes |= lanes;
      kept.erase(kept.begin());
    }
    kept.push_back(std::move(f));
  }
};

/// A bulk copy from its issue to its end.
struct BulkOp {
  uint32_t pc = 0;
  unsigned warp = 0, lane = 0;
  uint64_t mapAddress = 0;           ///< Without a map: the global address.
  Allocation *allocation = nullptr;  ///< That holds the global side; null: nothing of it is inside.
  TensorMap map;                     ///< Of a copy without one: a row of bytes.
  std::array<int32_t, 5> coord = {}; ///< Where the box starts.
  uint64_t shared = 0;               ///< Shared address of the box.
  uint32_t bytes = 0;                ///< Of the whole box.
  uint64_t mbar = 0;                 ///< Loads
  uint32_t phase = 0;
  uint32_t group = 0; ///< Stores: number of the thread's group.
  bool read = false;  ///< Stores: the source is read.
  uint8_t haste = 0;  ///< 0: when nothing else can go on; else one step in so many.
  uint64_t born = 0;
  std::vector<uint8_t> data, init; ///< Stores: what was read. Pokes: what is written.
};

/// The bulk groups of one thread.
struct BulkThread {
  uint32_t committed = 0;
  uint32_t lastStore = 0, lastPc = 0; ///< Group of the last store.
  uint32_t readWaited = 0;            ///< Groups whose sources are known to be read.
  unsigned readSlot = 0, writeSlot = 0;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_ASYNC_H
