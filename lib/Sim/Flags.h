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

/// Release patterns that reach the same threads. What they give is joined when somebody reads it:
/// of thousands of sums after a fence nobody may.
class Releases {
public:
  explicit Releases(Release first) : sum(std::move(first)) {}
  const Actor &by() const { return sum.by; }
  bool reachesAlike(const Actor &a) const;
  /// A thread's later pattern gives all that its earlier ones gave.
  void add(Release r);
  void add(Releases &&o);
  const Release &joined();
  /// All of it came over a pair of operations whose scopes do not hold both.
  void narrow();

private:
  struct Gift {
    uint64_t thread;
    Knowledge knows, almost;
    bool isJoined = false;
  };
  Release sum;
  std::vector<Gift> gifts; ///< By ascending thread; the first release is not among them.
  bool isComplete = true;  ///< All gifts are joined.
};

/// Patterns that reach the same threads become one.
void add(llvm::SmallVectorImpl<Releases> &all, Release r);
void add(llvm::SmallVectorImpl<Releases> &all, Releases r);

/// A unit's last write among those of a flag that atomic operations carried on, and how many of
/// these it has read.
struct FlagUnit {
  uint32_t unit = 0, warp = 0, lane = 0, pc = 0;
  uint32_t written = 0, seen = 0; ///< The number of the write, from 1; 0: none.
};

/// A location that was written by a strong operation last.
struct Flag {
  unsigned bytes = 0;
  Actor last;
  uint32_t writes = 0;   ///< In a chain, each a read of the one before.
  uint64_t sequence = 0; ///< The releases of one sequence only grow.
  llvm::SmallVector<Releases, 1> releases;
  llvm::SmallVector<FlagUnit, 1> units; ///< By ascending number.

  FlagUnit &unit(uint32_t number);
  const FlagUnit *findUnit(uint32_t number) const;
  void noteWrite(const Actor &by, bool isChained);
  void noteRead(const Actor &by);
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
  uint64_t sequences = 0; ///< Begun so far.

private:
  static constexpr uint64_t kPage = 4096; ///< No flag lies across its end.
  void eraseOverlapping(uint64_t address, uint64_t bytes);
  llvm::DenseMap<uint64_t, std::map<uint64_t, Flag>> pages;
  uint64_t low = ~0ull, high = 0; ///< All flags lie between.
};

/// A fence that may begin a release pattern: for the next strong writes of these lanes.
struct FenceRecord {
  uint32_t lanes;
  SyncScope scope;
  Past past;
  /// What lanes have given by it: one object however often they do.
  llvm::SmallVector<std::pair<unsigned, Knowledge>, 1> given = {};
};

/// A strong read that found a release and may begin an acquire pattern: at the lanes' next fence.
struct PendingRead {
  uint64_t address;
  unsigned bytes;
  uint32_t lanes;
  Actor reader;
  bool observes; ///< The scopes of the write and this read hold both.
  Release release;
  uint64_t sequence; ///< Of the flag.
};

/// Those of a warp, by location: without a fence they grow many.
class PendingReads {
public:
  void note(const PendingRead &read, unsigned lane);
  void clear() {
    reads.clear();
    index.clear();
  }
  template <class F>
  void forEach(uint64_t address, unsigned bytes, unsigned lane, F &&f) {
    auto it = index.find(address);
    if (it == index.end())
      return;
    for (uint32_t i : it->second)
      if (reads[i].bytes == bytes && (reads[i].lanes >> lane & 1))
        f(reads[i]);
  }
  /// Calls f for those of some of the lanes; it may take lanes away.
  template <class F>
  void forEach(uint32_t lanes, F &&f) {
    for (PendingRead &r : reads)
      if (r.lanes & lanes)
        f(r);
    dropTaken();
  }

private:
  void dropTaken();
  void mergeOldest(const llvm::SmallVectorImpl<uint32_t> &here, unsigned lane);
  std::vector<PendingRead> reads;
  llvm::DenseMap<uint64_t, llvm::SmallVector<uint32_t, 2>> index; ///< By address.
};

} // namespace tk::sim

#endif // TK_LIB_SIM_FLAGS_H
