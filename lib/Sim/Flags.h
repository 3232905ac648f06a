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
  explicit Releases(Release first) : sum(std::move(first)) {
    gifts.push_back({threadOf(sum.by), sum.by, sum.knows, sum.almost, true});
  }
  const Actor &by() const { return sum.by; }
  bool reachesAlike(const Actor &a) const;
  /// A thread's later pattern gives all that its earlier ones gave.
  void add(Release r);
  void add(Releases &&o);
  const Release &joined();
  /// Calls f for what each thread has given. A reader whose scope does not hold all of them looks
  /// at each.
  template <class F>
  void forEach(F &&f) const {
    for (const Gift &g : gifts)
      f(Release{g.by, g.knows, g.almost});
  }
  /// All of it came over a pair of operations whose scopes do not hold both.
  void narrow();

private:
  struct Gift {
    uint64_t thread;
    Actor by;
    Knowledge knows, almost;
    bool isJoined = false;
  };
  static uint64_t threadOf(const Actor &by) {
    return uint64_t(by.unit) << 32 | (by.warp * 32 + by.lane);
  }
  Release sum;
  std::vector<Gift> gifts;      ///< By ascending thread.
  std::vector<uint32_t> behind; ///< Gifts that are not joined, by number.
};

/// Patterns that reach the same threads become one.
void add(llvm::SmallVectorImpl<Releases> &all, Release r);
void add(llvm::SmallVectorImpl<Releases> &all, Releases r);

/// A unit's last write among those of a flag that atomic operations carried on.
struct FlagUnit {
  uint32_t unit = 0, warp = 0, lane = 0, pc = 0;
  uint32_t written = 0; ///< The number of the write, from 1.
};

/// A location that was written by a strong operation last.
struct Flag {
  uint64_t address = 0;
  unsigned bytes = 0;
  Actor last;
  uint32_t writes = 0;   ///< In a chain, each a read of the one before.
  uint64_t chain = 0;    ///< Numbers those.
  uint64_t sequence = 0; ///< The releases of one sequence only grow.
  llvm::SmallVector<Releases, 1> releases;
  std::unique_ptr<Flag> next; ///< Of those that begin in the same word.

  const FlagUnit *findUnit(uint32_t number);
  void noteWrite(const Actor &by);
  void forgetUnits();

private:
  void sortUnits();
  /// By ascending number as far as they are sorted, then in the order of the writes. Nearly nobody
  /// asks.
  llvm::SmallVector<FlagUnit, 1> units;
  uint32_t numSorted = 0;
};

/// What the threads of a unit have read of flags that lie in one kind of memory.
class FlagReads {
public:
  /// A thread read the first `seen` writes of a flag at `clock` of its warp.
  struct Read {
    uint32_t thread, clock, seen; ///< `thread`: its clock slot.
  };
  void note(const Flag &flag, const Actor &by, uint32_t clock);
  /// Those of the flag's chain, by ascending thread: of each the one that read most.
  llvm::ArrayRef<Read> of(const Flag &flag) const;
  void clear() { at.clear(); }

private:
  struct Reads {
    uint64_t chain = 0;
    llvm::SmallVector<Read, 1> by;
  };
  llvm::DenseMap<uint64_t, Reads> at; ///< By the flag's address.
};

class FlagTable {
public:
  /// The flag of exactly this location.
  Flag *find(uint64_t address, unsigned bytes);
  /// The flag that holds a byte.
  Flag *holding(uint64_t address);
  /// The flag of exactly this location, made where there is none; what only overlaps it ends.
  Flag &make(uint64_t address, unsigned bytes);
  /// An ordinary write ends what was written there before.
  void erase(uint64_t address, uint64_t bytes) {
    if (address < high && address + bytes > low)
      eraseOverlapping(address, bytes);
  }
  /// No write so far is one that the next carries on.
  void beginChain(Flag &flag) {
    flag.chain = ++chains;
    flag.forgetUnits();
  }
  void clear() { *this = FlagTable(); }
  uint64_t sequences = 0; ///< Begun so far.

private:
  static constexpr uint64_t kPage = 4096; ///< No flag lies across its end.
  uint64_t chains = 0;
  static constexpr uint64_t kWidest = 8;
  /// By the word in which they begin.
  using Page = std::array<std::unique_ptr<Flag>, kPage / 4>;
  Page *findPage(uint64_t address) {
    Recent &r = recent[address / kPage % recent.size()];
    if (r.number != address / kPage) {
      auto it = pages.find(address / kPage);
      if (it == pages.end())
        return nullptr;
      r = {it->first, it->second.get()};
    }
    return r.page;
  }
  static void eraseFrom(std::unique_ptr<Flag> &flags, uint64_t address, uint64_t bytes);
  void eraseOverlapping(uint64_t address, uint64_t bytes);
  llvm::DenseMap<uint64_t, std::unique_ptr<Page>> pages;
  struct Recent {
    uint64_t number = ~0ull;
    Page *page = nullptr;
  };
  std::array<Recent, 16> recent;  ///< Of pages that there are.
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
