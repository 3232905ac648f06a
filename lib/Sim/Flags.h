//===- Flags.h - Releases and acquires through memory -----------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What a strong write leaves at a location: the release patterns that end in it, or in writes that
/// atomic operations have carried on from (PTX's observation order). A strong read that finds it
/// there is, or begins, an acquire pattern.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_FLAGS_H
#define TK_LIB_SIM_FLAGS_H

#include "Ptx.h"
#include "Race.h"
#include <map>

namespace tk::sim {

/// A thread of the grid and one strong operation of it.
struct Actor {
  uint32_t unit = 0;
  unsigned cta = 0; ///< Rank in the cluster.
  unsigned warp = 0, lane = 0;
  SyncScope scope = SyncScope::None;
  uint32_t pc = 0;

  bool isSameThread(const Actor &o) const {
    return unit == o.unit && warp == o.warp && lane == o.lane;
  }
  /// Whether each one's scope holds the other's thread.
  bool reaches(const Actor &o) const {
    SyncScope both = std::min(scope, o.scope);
    return both >= (unit != o.unit ? SyncScope::Gpu
                    : cta != o.cta ? SyncScope::Cluster
                                   : SyncScope::Cta);
  }
};

/// A release pattern: what its first operation, by `by`, gives.
struct Release {
  Actor by;
  Knowledge knows, almost;
};

/// Patterns that reach the same threads become one.
void add(llvm::SmallVectorImpl<Release> &releases, Release r);

/// A location that was written by a strong operation last.
struct Flag {
  unsigned bytes = 0;
  Actor last;
  llvm::SmallVector<Release, 1> releases;
  llvm::SmallVector<uint32_t, 2> observers; ///< Units that have read what `last` wrote.
};

class FlagTable {
public:
  /// The flag of exactly this location.
  Flag *find(uint64_t address, unsigned bytes);
  /// The flag that holds a byte.
  const Flag *holding(uint64_t address) const;
  /// The flag of exactly this location, made where there is none; what only overlaps it ends.
  Flag &make(uint64_t address, unsigned bytes);
  /// An ordinary write ends what was written there before.
  void erase(uint64_t address, uint64_t bytes) {
    if (address < high && address + bytes > low)
      eraseOverlapping(address, bytes);
  }
  void clear() { *this = FlagTable(); }

private:
  void eraseOverlapping(uint64_t address, uint64_t bytes);
  std::map<uint64_t, Flag> flags;
  uint64_t low = ~0ull, high = 0; ///< All flags lie between.
};

/// A fence that may begin a release pattern: for the next strong writes of these lanes.
struct FenceRecord {
  uint32_t lanes;
  SyncScope scope;
  Past past;
};

/// A strong read that found a release and may begin an acquire pattern: at the lanes' next fence.
struct PendingRead {
  uint64_t address;
  unsigned bytes;
  uint32_t lanes;
  Actor reader;
  bool observes; ///< The scopes of the write and this read hold both.
  Release release;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_FLAGS_H
