//===- Race.h - Happens-before within a CTA ---------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Every access is an event: a warp (or the asynchronous agent of a warpgroup), that warp's clock, and an
/// instruction. Shadow memory holds, for each 4-byte word, the last write and the reads since, as event and lane;
/// words accessed in part are split into bytes. An access is ordered after another if the accessor's vector clock
/// has reached it. Clocks are kept per thread on the releasing side and per warp on the acquiring side.
///
/// Two more clocks of the same shape follow proxy fences: `fenced` says up to where writes have a
/// fence.proxy.async anywhere on the way, `ownFenced` where the writer itself made it.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_RACE_H
#define TK_LIB_SIM_RACE_H

#include "Knowledge.h"
#include "Ptx.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Compiler.h"
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace tk::sim {

/// What happened: enough to name both parties of a race.
struct Event {
  uint32_t slot;  ///< First clock slot: 32 * warp, or the agent's slot.
  uint32_t clock;
  uint32_t pc;
  bool agent, atomic, write;
  bool multi; ///< Stands for all lanes of the warp; only reads. The id after its one-lane event.
  uint64_t settled; ///< Of the first 64 warps those known to come after all of its lanes. They
                    ///< never unlearn it.
  bool generic = false; ///< Of an agent: in the generic proxy.
  SyncScope scope = SyncScope::Sys; ///< Of a strong access.
};

struct ThreadClocks : Clocks {
  uint32_t clock = 1;
  Knowledge foreign; ///< Of other units, by synchronisation through global memory.
  Knowledge almost;  ///< The same, but for a scope on the way that does not hold both sides.
};

/// What threads had done and learnt when they made a fence or a release.
struct Past {
  std::shared_ptr<const Clocks> own; ///< Without what was done since the warp's last release.
  uint32_t clock = 0;
  Knowledge foreign, almost;
};

/// Shadow cells of a run of words.
struct ShadowPage {
  uint32_t *write, *read;
};

enum class AccessKind : uint8_t { Read, Write, Atomic, AtomicRead };
inline bool isWrite(AccessKind k) { return k == AccessKind::Write || k == AccessKind::Atomic; }
inline bool isAtomic(AccessKind k) { return k == AccessKind::Atomic || k == AccessKind::AtomicRead; }

/// One conflict, before it is worded.
struct Conflict {
  /// Most severe first. NarrowScope: ordered, but by a scope that does not hold both threads. NoReuseFence: a generic
  /// read, then a write through the asynchronous proxy.
  enum Kind { Unordered, NoProxyFence, NarrowScope, NoReuseFence, IssuerFenceOnly } kind;
  Event other;
  unsigned otherLane;
  uint64_t address;
  bool otherWrite;
};

class RaceState {
public:
  /// `warpsOfCta`: in the clock slots; 0: scopes are not looked at.
  void reset(unsigned warps, unsigned codeSize, uint64_t sharedBytes, bool globalProxy, unsigned warpsOfCta);
  uint32_t unit = 0;
  bool keepsStored = false;

  std::vector<ThreadClocks> warps;
  unsigned agentSlot(unsigned warpgroup) const { return unsigned(warps.size()) * 32 + warpgroup; }
  /// A clock slot for one more agent: what it does is ordered for whoever has seen its clock.
  unsigned addAgent();

  // Synchronisation.
  /// Adds what `warp` knows, its own past included, to the three clocks of a barrier, and starts a new interval.
  void release(unsigned warp, ThreadClocks &barrier) { release(warp, ~0u, barrier); }
  /// The same for what only the lanes of `mask` did.
  void release(unsigned warp, uint32_t mask, ThreadClocks &barrier) { release(warp, mask, barrier, &barrier.reached); }
  /// What is known by sufficient scopes goes to `reached`, or nowhere if it is null: this release does not reach.
  void release(unsigned warp, uint32_t mask, ThreadClocks &barrier, Clock *reached);
  /// `wider`: what only a wide enough acquire takes besides.
  void acquire(unsigned warp, const ThreadClocks &barrier, const Clock *wider = nullptr);
  /// Lanes exit while others of their warp go on: nobody comes after what they wrote since their last release.
  void leave(unsigned warp, uint32_t mask);
  /// `warp` has seen an agent's operations up to `clock`.
  void see(unsigned warp, unsigned slot, uint32_t clock);
  /// Narrows `all` to what `warp` knows too (`first`: takes it over), and starts a new interval.
  /// For shared memory: `fencedGlobal` stays as it is.
  void intersect(unsigned warp, ThreadClocks &all, bool first);
  void warpSync(unsigned warp, uint32_t mask);
  void proxyFence(unsigned warp, uint32_t mask, bool sharedMemory = true, bool globalMemory = true);
  ThreadClocks blank() const;

  // What reports say of the ways between two accesses.
  /// The release of `warp` that was just made is that of these lanes and the instruction at `pc`.
  void gaveAt(unsigned warp, uint32_t lanes, uint32_t pc) {
    Gift &gift = gifts[warp].of[(gifts[warp].count - 1) % Gifts::kKept];
    gift.lanes = lanes;
    gift.pc = pc;
  }
  /// The acquire of `warp` that was just made is that of the instruction at `pc`.
  void tookAt(unsigned warp, uint32_t pc) { taken[warp] = pc; }
  static constexpr uint32_t kUnknown = ~0u, kNever = ~0u - 1;
  /// One release: which lanes, by which instruction, at the end of which interval.
  struct Gift {
    uint32_t clock, lanes, pc;
  };
  /// The first release of `warp` to others after what it did at `clock`. Its `pc` may be kNever or
  /// kUnknown.
  Gift firstGift(unsigned warp, uint32_t clock) const;
  /// By which instruction `warp` acquired anything last, kNever or kUnknown.
  uint32_t lastTaken(unsigned warp) const { return taken[warp]; }

  // Synchronisation through flags in memory.
  /// `barrier` gets what fences of these lanes said; `reached`: as in `release`.
  void releasePast(const Past &past, unsigned warp, uint32_t lanes, ThreadClocks &barrier, Clock *reached) const;
  /// What `warp` has done and learnt up to here; its next accesses are later.
  Past past(unsigned warp);
  /// What the threads give whose fence or release this is, all units in one map.
  Knowledge give(const Past &past, unsigned warp, uint32_t lanes) const;
  /// What came from a thread of this unit, or by scopes that hold both sides (`wide`).
  void take(unsigned warp, const Knowledge &knowledge, bool wide);

  /// The event of `warp` executing `pc` in its present interval.
  uint32_t event(unsigned warp, uint32_t pc, AccessKind kind, SyncScope scope = SyncScope::Sys);
  /// Of a cp.async: the write of what it copies, by the agent at `slot`, and the read of its source.
  struct CopyEvents {
    uint32_t write, read;
  };
  CopyEvents copyEvents(unsigned slot, unsigned warp, uint32_t pc);
  uint32_t agentEvent(unsigned warpgroup, uint32_t sequence, uint32_t pc, AccessKind kind);
  /// The event of an agent with a slot of its own.
  uint32_t asyncEvent(unsigned slot, uint32_t clock, uint32_t pc, AccessKind kind,
                      bool isGeneric = false);
  /// What one thread knows, its own past included: what a copy it issues starts from.
  ThreadClocks threadClocks(unsigned warp, unsigned lane) const;
  const Event &eventAt(uint32_t id) const { return events[id]; }

  ShadowPage sharedShadow() { return {sharedWrite.data(), sharedRead.data()}; }
  /// The shadow of the global page that holds `address`; made on first use.
  ShadowPage globalShadow(uint64_t address) {
    uint64_t page = address / kPage;
    Recent &r = recent[page % recent.size()];
    if (r.page != page)
      r = {page, findPage(page)};
    return r.shadow;
  }
  static constexpr uint64_t kPage = 4096;
  /// What stores of this unit left in the bytes of a global page, with `keepsStored` (pages are then never packed). Only
  /// bytes whose last write is a store mean anything.
  static uint8_t *storedIn(ShadowPage page) {
    return reinterpret_cast<uint8_t *>(page.read + kPage / 4);
  }

  /// A generic access of one lane. `words` are the shadow cells, `offset` the byte offset into them. Returns false
  /// and fills `conflict` with the most severe one found. `sameLanes`: those that this execution of the instruction had
  /// store the same value to the same place before.
  bool access(ShadowPage page, uint64_t offset, unsigned bytes, AccessKind kind, unsigned warp, unsigned lane,
              uint32_t event, uint32_t sameLanes, Conflict &conflict);
  /// Where the last write of a word is `from` of this lane, it becomes `to`: what went on by itself is now known to
  /// others than its event says.
  void relabel(ShadowPage page, uint64_t offset, unsigned bytes, uint32_t from, uint32_t to, unsigned lane);
  class WarpAccess;
  class AsyncAccess;

  // What other units ask. This unit may have ended.
  struct Asker;
  /// Looks whether an access of another unit is ordered after all that this unit did to the bytes.
  bool meets(ShadowPage page, uint64_t offset, unsigned bytes, const Asker &asker,
             Conflict &conflict) const;
  /// The event that wrote the word at `offset` last, and its lane; null: none, or it was written in
  /// parts.
  const Event *lastWrite(ShadowPage page, uint64_t offset, unsigned &lane) const;
  /// Calls f(event, lane) for what wrote the bytes last; neighbours that are alike are one.
  template <class F> void forEachWrite(ShadowPage page, uint64_t offset, unsigned bytes, F &&f) const {
    uint32_t last = 0;
    for (uint64_t byte = offset; byte < offset + bytes; ++byte) {
      uint32_t cell = page.write[byte / 4];
      if ((cell & kSplit) == kSplit)
        cell = splits[cell & kIndex].cell[byte % 4];
      if (cell && cell != last)
        f(events[cell >> 5], unsigned(cell & 31));
      last = cell;
    }
  }
  /// Calls f(event, lane) for the reads of a byte that were noted since its last write. They may lack some that others
  /// came after.
  template <class F> void forEachRead(ShadowPage page, uint64_t byte, F &&f) const {
    uint32_t cell = page.read[byte / 4];
    if ((cell & kSplit) == kSplit)
      cell = splits[cell & kIndex].cell[byte % 4];
    if (!(cell & kSet)) {
      if (cell)
        f(events[cell >> 5], unsigned(cell & 31));
      return;
    }
    for (uint32_t one : sets[cell & kIndex])
      f(events[one >> 5], unsigned(one & 31));
  }
  /// The shadow of a page that this unit has touched; null pointers: it has forgotten.
  ShadowPage existingShadow(uint64_t page);
  uint32_t generation = 0; ///< Events keep their numbers within one.
  size_t mostIds = (size_t(1) << 26) - 4; ///< From so many on what is past is forgotten. Tests take fewer.
  uint32_t placement = 0;  ///< Shadow pages keep their places within one.
  /// Packs all shadow pages of global memory: for when nobody holds one. They are unpacked as they
  /// are asked for.
  void packPages();
  /// Counts those of all units that are not packed.
  std::shared_ptr<size_t> pagesHeld = std::make_shared<size_t>(0);
  /// The unit has ended: only `meets` will be asked.
  void retire();

private:
  static constexpr uint32_t kSet = 0x80000000u, kSplit = 0xc0000000u, kIndex = 0x3fffffffu;
  struct Accessor {
    const uint32_t *seen;
    const ThreadClocks *async; ///< Set for an asynchronous access.
    unsigned warp, lane;
    uint32_t cell;
    bool atomic;
    uint32_t sameLanes; ///< See `access`.
    bool reuse = false; ///< An asynchronous write that checks earlier generic reads for a proxy fence.
    const uint32_t *reached = nullptr; ///< Null where scopes are not looked at.
  };
  /// Pairs of cells that an access was right to meet, and the read cell it left: an equal pair gets
  /// the same answer. Neighbours nearly always have equal pairs, and a tile that was read in slices
  /// has a few in turn.
  class Memo {
  public:
    struct Pair {
      uint32_t write = kSplit, read = kSplit, newRead = 0; // No unsplit word holds kSplit.
    };
    Pair &at(uint32_t write, uint32_t read) {
      return pairs[(write ^ read ^ (write ^ read) >> 5) % pairs.size()];
    }

  private:
    std::array<Pair, 8> pairs;
  };
  /// Whether a cell holds what nearly every one does: nothing, or an event of one lane or agent
  /// that is ordered before this access. False: look closer.
  bool isPast(uint32_t cell, const Accessor &me, bool otherWrite) const {
    if (!cell)
      return true;
    if (cell & kSet)
      return false;
    const Event &e = events[cell >> 5];
    unsigned slot = e.slot + (e.agent ? 0 : cell & 31);
    if (e.multi || isLost(e, cell & 31) || me.seen[slot] < e.clock || (me.reached && me.reached[slot] < e.clock))
      return false;
    if (!me.async || (e.agent && !e.generic) || !(otherWrite || me.reuse))
      return true;
    return (otherWrite && !e.agent ? me.async->ownFenced : me.async->fenced)[slot] >= e.clock;
  }
  bool isMorallyStrong(const Event &e, const Accessor &me) const;
  Clock lost; ///< By thread: the interval in which it left its warp; empty: none did.
  bool isLost(const Event &e, unsigned lane) const {
    return !lost.empty() && e.write && !e.agent && lost[e.slot + lane] == e.clock;
  }
  bool ordered(uint32_t cell, const Accessor &me, const uint32_t *seen) const;
  bool ordered(uint32_t cell, const Accessor &me) const { return ordered(cell, me, me.seen); }
  bool checkCell(uint32_t cell, const Accessor &me, bool otherWrite, Conflict &conflict);
  bool checkReaders(uint32_t cell, const Accessor &me, Conflict &conflict);
  static uint32_t mergeLanes(uint32_t cell, uint32_t mine);
  uint32_t addReader(uint32_t cell, const Accessor &me);
  bool cellAccess(uint32_t &write, uint32_t &read, bool isWrite, const Accessor &me, Conflict &conflict);
  bool wordAccess(ShadowPage page, uint64_t word, unsigned first, unsigned last, bool isWrite, const Accessor &me,
                  Conflict &conflict);
  bool meetsCell(uint32_t cell, bool otherWrite, const Asker &asker, Conflict &conflict) const;
  bool meetsCells(uint32_t write, uint32_t read, const Asker &asker, Conflict &conflict) const;
  template <class Fine>
  bool partFine(uint32_t &write, uint32_t &read, unsigned first, unsigned bytes, bool isWrite,
                uint32_t me, Fine &&fine);
  ShadowPage findPage(uint64_t page);
  ShadowPage pageNumber(uint32_t index);
  static void keepWorse(Conflict &conflict, const Conflict &c, bool &ok);
  bool run(ShadowPage page, uint64_t offset, unsigned bytes, bool isWrite, const Accessor &me,
           Memo &memo, Conflict &conflict);
  /// Looks whether `warp` has seen all of an event, and remembers that it has.
  bool settle(Event &e, unsigned warp) const;
  uint32_t split(uint32_t cell);
  /// Ids are 26 bits: a very long kernel forgets its past accesses, which can hide a race but never make one up.
  /// Ids that were drawn before it mean nothing any more: an instruction that needs several asks once.
  void forgetWhenFull();
  uint32_t warpEvent(unsigned warp, uint32_t pc, AccessKind kind, SyncScope scope);

  /// The latest releases of a warp.
  struct Gifts {
    static constexpr unsigned kKept = 32;
    std::array<Gift, kKept> of;
    uint32_t count = 0;
    void add(uint32_t clock) { of[count++ % kKept] = {clock, 0, kUnknown}; }
  };
  std::vector<Gifts> gifts;
  std::vector<uint32_t> taken;

  unsigned slots = 0; ///< Of every clock.
  bool globalProxy = false, scopes = false;
  unsigned warpsOfCta = 0;
  std::vector<Event> events;
  struct Cached { uint32_t clock = 0, id = 0; };
  std::vector<Cached> lastEvent; ///< [warp * codeSize + pc]
  unsigned codeSize = 0;
  std::vector<uint32_t> sharedWrite, sharedRead;
  llvm::DenseMap<uint64_t, uint32_t> pageAt;
  std::vector<std::unique_ptr<uint32_t[]>> pages; ///< Null: packed.
  std::vector<std::unique_ptr<uint8_t[]>> packed; ///< By the same numbers.
  unsigned pagesUsed = 0;
  /// Lanes go round a few pages, one for each row of a matrix.
  struct Recent {
    uint64_t page = ~0ull;
    ShadowPage shadow{};
  };
  std::array<Recent, 64> recent;
  struct Split { uint32_t cell[4]; };
  std::vector<Split> splits;
  std::vector<llvm::SmallVector<uint32_t, 4>> sets;
  llvm::DenseMap<uint64_t, uint32_t> setAt; ///< Interned: (set or cell, added cell) to set.
};

/// An access of another unit, and what it knows of this one.
struct RaceState::Asker {
  const Clocks *known = nullptr, *almost = nullptr;
  bool isWrite = false, isAsync = false;
  /// Whether the access is strong for all threads of the device, and which instructions are.
  bool isStrong = false;
  llvm::ArrayRef<uint8_t> strongCode;
};

/// The accesses of one operation of the asynchronous proxy, of one kind and with what the operation
/// knows.
class RaceState::AsyncAccess {
public:
  /// `reuse`: earlier generic reads of what it writes need a proxy fence too. `clocks` must outlive
  /// this.
  AsyncAccess(RaceState &race, AccessKind kind, const ThreadClocks &clocks, uint32_t event,
              bool reuse)
      : race(race), isWrite(sim::isWrite(kind)), me{clocks.seen.data(),
                                                    &clocks,
                                                    ~0u,
                                                    0,
                                                    event << 5,
                                                    isAtomic(kind),
                                                    0,
                                                    reuse,
                                                    race.scopes ? clocks.reached.data() : nullptr} {
  }

  bool operator()(ShadowPage page, uint64_t offset, unsigned bytes, Conflict &conflict) {
    if ((offset | bytes) & 15)
      return race.run(page, offset, bytes, isWrite, me, memo, conflict);
    bool ok = true;
    for (unsigned at = 0; at < bytes; at += 16)
      if (!chunk(page.write + (offset + at) / 4, page.read + (offset + at) / 4))
        slowChunk(page, offset, at, conflict, ok);
    return ok;
  }

private:
  using Words = uint32_t __attribute__((ext_vector_type(4)));

  /// Four words at once, if they are alike and known, or what nearly every cell holds.
  bool chunk(uint32_t *write, uint32_t *read) {
    Words w, r;
    memcpy(&w, write, sizeof w);
    memcpy(&r, read, sizeof r);
    if (__builtin_reduce_or((w ^ Words(*write)) | (r ^ Words(*read))))
      return false;
    Memo::Pair &known = memo.at(*write, *read);
    if (known.write != *write || known.read != *read) {
      if (!race.isPast(*write, me, true) || (*read != me.cell && !race.isPast(*read, me, false)))
        return false;
      known = {*write, *read, isWrite ? 0 : me.cell};
    }
    r = Words(known.newRead);
    memcpy(read, &r, sizeof r);
    w = Words(me.cell);
    if (isWrite)
      memcpy(write, &w, sizeof w);
    return true;
  }
  void slowChunk(ShadowPage page, uint64_t offset, unsigned at, Conflict &conflict, bool &ok) {
    Conflict c{};
    if (race.run(page, offset + at, 16, isWrite, me, memo, c))
      return;
    c.address += at;
    keepWorse(conflict, c, ok);
  }

  RaceState &race;
  bool isWrite;
  Accessor me;
  Memo memo;
};

/// The accesses of one instruction of a warp, as far as they need no second look: to bytes that
/// nobody touched but before it.
class RaceState::WarpAccess {
public:
  WarpAccess(RaceState &race, unsigned warp, uint32_t event, AccessKind kind)
      : race(race), warp(warp), warpBit(warp < 64 ? uint64_t(1) << warp : 0), event(event),
        isWrite(sim::isWrite(kind)), isAtomicWrite(kind == AccessKind::Atomic && !race.scopes) {}

  /// False: nothing was recorded, and `access` decides.
  LLVM_ATTRIBUTE_ALWAYS_INLINE bool operator()(ShadowPage page, uint64_t offset, unsigned bytes,
                                               unsigned lane) {
    uint32_t me = event << 5 | lane;
    uint32_t *write = page.write + offset / 4, *read = page.read + offset / 4;
    if ((offset | bytes) & 3)
      return part(write, read, offset % 4, bytes, me);
    unsigned words = bytes / 4;
    uint32_t w = 0, r = 0; // The last ones that were settled.
    for (unsigned i = 0; i < words; ++i) {
      if ((write[i] != w && !settled(write[i])) ||
          (read[i] != r && read[i] != me && !settled(read[i])))
        return false;
      w = write[i];
      r = read[i];
    }
    for (unsigned i = 0; i < words; ++i) {
      write[i] = isWrite ? me : write[i];
      read[i] = isWrite ? 0 : me;
    }
    return true;
  }

private:
  bool part(uint32_t *write, uint32_t *read, unsigned first, unsigned bytes, uint32_t me);
  /// Whether the warp has seen all that the event of the cell stands for, or both are atomic.
  bool settled(uint32_t cell) {
    if (!cell || (cell & kSet))
      return !cell;
    Event &e = race.events[cell >> 5];
    return (e.settled & warpBit) || (isAtomicWrite && e.atomic) || race.settle(e, warp);
  }

  RaceState &race;
  unsigned warp;
  uint64_t warpBit;
  uint32_t event;
  bool isWrite, isAtomicWrite;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_RACE_H
