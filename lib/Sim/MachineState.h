//===- MachineState.h - What a CTA under way consists of --------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The parts of a Cta (Machine.h) and of what it leaves behind: fragments and joins of warps, stacks, barriers, the use of
/// global pages, findings, counters.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_MACHINESTATE_H
#define TK_LIB_SIM_MACHINESTATE_H

#include "Async.h"
#include "InterCta.h"
#include "Memory.h"
#include "Ptx.h"
#include "Race.h"
#include "Tracer.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <atomic>
#include <deque>

namespace tk::sim {

/// Small, fast, and the same on every host. May go over to the stream of another seed, at the place where that would be
/// by then: the state is a counter.
class Rng {
public:
  static constexpr uint64_t kNever = ~uint64_t(0);
  explicit Rng(uint64_t seed = 0) : state(seed + 0x9e3779b97f4a7c15ull) {}
  void switchTo(uint64_t from, uint64_t to, uint64_t number) {
    distance = to - from;
    switchAt = number;
  }
  void watch(uint64_t number) { watched = number; }
  uint64_t drawn() const { return count; }
  bool hasDrawnWatched() const { return count > watched && watched != kNever; }
  uint64_t next() {
    if (count++ == switchAt)
      state += distance;
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t n) { return uint32_t((next() >> 32) * n >> 32); }

private:
  uint64_t state, count = 0, switchAt = kNever, watched = kNever, distance = 0;
};

/// What all CTAs of a launch share; read only while they run.
struct LaunchContext {
  const Module *module = nullptr;
  const Function *fn = nullptr;
  const Program::Entry *entry = nullptr;
  DeviceMemoryImpl *memory = nullptr;
  Launch launch;
  Options options;
  std::vector<std::vector<uint32_t>> constants; ///< The function's pool with addresses filled in, by rank in the cluster.
  std::vector<uint8_t> parameters, parametersWritten; ///< Of equal size.
  uint32_t sharedBase = 0, sharedEnd = 0, dynamicStart = 0;
  unsigned warpsPerCta = 0, threadsPerCta = 0;
  unsigned clusterSize = 1;
  unsigned warpStride = 0; ///< Warps from one CTA of the cluster to the next; with clusters a multiple of four.
  /// The decisions of a stream (Decision::stream).
  Rng makeRng(uint64_t stream) const;
  bool looksForReuse = true, looksForScopes = true; ///< Whether TK-SIM-RACE-PROXY-REUSE and -RACE-SCOPE are graded.
  bool looksForNc = false; ///< Whether there are loads with .nc, and TK-SIM-MEM-NC is graded.
  uint64_t workspace = 0; ///< Address of the grid's; 0: nobody asks for it.
  unsigned entryRegisters = 0; ///< Of a thread, as the directives fix them; 0: they do not.
  Tracer *tracer = nullptr;    ///< For the unit of the first CTA; null: no one asks.
};

/// What the count of steps becomes when the launch is out of time.
inline constexpr uint64_t kOutOfTime = 1ull << 62;

/// Whether the launch must end before its CTAs do.
inline bool isCut(const LaunchContext &c, const std::atomic<uint64_t> &steps) {
  uint64_t n = steps.load(std::memory_order_relaxed);
  return n >= kOutOfTime || (c.options.maxSteps && n > c.options.maxSteps);
}

/// Whether a state that is looked at now and then comes again: Brent's algorithm, which keeps one.
struct Recurrence {
  uint64_t state = 0;
  uint32_t age = 0, limit = 1, returns = 0;
  void note(uint64_t now) {
    if (now == state) {
      ++returns;
    } else if (++age >= limit) {
      state = now;
      age = returns = 0;
      limit += limit < (1u << 30) ? limit : 0;
    }
  }
};

/// Lanes of a warp that run together.
struct Frag {
  enum State : uint8_t { Run, AtBarrier, AtWarpSync, AtWgmma, AtMbarrier, AtRegisters, AtCluster };
  uint32_t pc = 0, mask = 0;
  int32_t join = -1;
  uint32_t joinPc = ~0u;
  State state = Run;
  uint32_t waitMask = 0; ///< AtWarpSync: the lanes that must come. AtMbarrier: those that wait.
  unsigned barrier = 0;  ///< AtBarrier
  bool counted = false;  ///< AtBarrier: the barrier has its warp's arrival.
};

/// Where parted lanes meet.
struct Join {
  uint32_t pc = 0, expected = 0, arrived = 0;
  uint32_t age = 0; ///< Rounds of loops of others in the warp, since lanes have been waiting here.
  int32_t parent = -1;
  uint32_t parentPc = ~0u;
  bool isCall = false; ///< Behind a call: reached by ret.
};

/// A device function that a thread is in.
struct CallFrame {
  uint32_t callPc = 0, piece = 0;
  uint32_t top = 0;   ///< Of the stack before it.
  uint32_t saved = 0; ///< Words saved before it,
  bool isSaved = false; ///< and whether the function's registers are behind them.
};

/// A thread's local memory above the entry's frame.
struct ThreadStack {
  std::vector<uint8_t> data, init;
  std::vector<CallFrame> frames;
  std::vector<uint32_t> saved;
  uint32_t top = 0; ///< Address in local memory.
};

/// One wgmma of a warpgroup, from the first warp that issues it to its completion.
struct WgmmaOp {
  uint32_t pc = 0, sequence = 0;
  unsigned issued = 0; ///< Mask of the four warps.
  uint64_t descA = 0, descB = 0;
  bool scaleD = true, done = false;
  uint32_t group[4] = {0, 0, 0, 0}; ///< Commit group in each warp; 0: not committed yet.
  bool early = false;
  ThreadClocks clocks; ///< What all four issuing warps knew.
};

struct WarpgroupState {
  std::deque<WgmmaOp> ops;  ///< Not yet retired by all four warps.
  uint32_t firstSequence = 1; ///< Sequence of ops.front().
  uint32_t nextDone = 1;    ///< Sequence of the next to execute.
};

/// A register that is poison in part.
struct PartialPoison {
  uint32_t idx = 0;
  uint64_t known[32] = {}; ///< By lane: its bits that are no poison.
  uint64_t value[32] = {}; ///< What it held when that was noted.
};

struct Warp {
  unsigned index = 0;      ///< Of all warps of the cluster.
  unsigned cta = 0, local = 0; ///< Rank of its CTA, and number there.
  uint64_t sharedLow = 0;  ///< Address of its CTA's shared memory, and where that lies in the host's.
  size_t sharedAt = 0;
  const uint32_t *constants = nullptr;
  uint32_t clusterArrived = 0, clusterOwed = 0; ///< Lanes that arrived in this phase; that have yet to wait.
  uint32_t clusterWaited = 0;                   ///< Phases of the cluster barrier seen.
  uint32_t firstClusterWait = 0;                ///< Its clock when it saw the first; 0: it has not.
  uint32_t live = 0;
  uint32_t *regs = nullptr;
  uint32_t *poison = nullptr;
  llvm::SmallVector<Frag, 4> frags;
  llvm::SmallVector<Join, 4> joins;
  bool isLoose = false; ///< Lanes have gone on from a join without the others, and have not met them since.
  uint32_t looks = 0;   ///< Strong reads and atomic operations that changed nothing, since one did.
  std::vector<uint32_t> active; ///< By piece: lanes that are in the function.
  uint32_t carry = 0, carryPoison = ~0u;
  // wgmma
  uint32_t issued = 0;      ///< Sequence of the last wgmma this warp issued.
  uint32_t committed = 0;   ///< Groups closed.
  uint32_t groupWaits = 0;  ///< wgmma.wait_group executed.
  uint32_t groupWaitPc = 0; ///< The last.
  uint32_t uncommittedFrom = 1; ///< First sequence of the open group.
  bool fencedOnce = false;
  std::vector<uint32_t> inFlight; ///< By register: sequence of the wgmma that holds it, 0 none.
  std::vector<uint8_t> heldAs;    ///< While in flight: 1 accumulator, 2 A.
  std::vector<uint32_t> shapeOf;  ///< By register: pc of the wgmma that last used it since the fence.
  std::vector<uint8_t> dirty;   ///< By register: 1 read, 2 written since the last wgmma.fence.
  bool anyDirty = false;
  uint32_t pendingRegs = 0;     ///< Registers in flight.
  llvm::SmallVector<std::pair<uint32_t, uint32_t>, 4> groups; ///< Open groups: (number, last sequence).
  /// By lane: whom its last match.sync found, and the warp's clock then.
  struct Match { uint32_t lanes = 0, clock = 0; };
  std::array<Match, 32> matches = {};
  Allocation *lastAllocation = nullptr;
  unsigned registers = 0, registerChanges = 0, registerPc = 0; ///< Of a thread, 0: not known; setmaxnregs executed.
  // cp.async: what is outstanding, by group.
  struct Copy {
    uint32_t pc, lane;
    uint64_t dst, src;
    uint8_t bytes, sourceBytes;
    uint32_t group;
    uint64_t number; ///< Of all copies of the warp.
    uint32_t event = 0, generation = 0; ///< In the shadow, where races are looked for.
    bool done = false;
    bool arrives = false; ///< An mbarrier's phase waits for it, whose event it has.
  };
  std::vector<Copy> copies;
  uint64_t copyCount = 0;
  /// Phases that lanes' copies arrive at, by mbarrier slot: who waits for the copies has seen them too.
  struct CopyPhase { unsigned slot; uint32_t clock, lanes, group; };
  llvm::SmallVector<CopyPhase, 2> copyPhases;
  uint32_t copyGroup[32] = {};
  // Synchronisation through flags in memory.
  llvm::SmallVector<FenceRecord, 2> fences;
  PendingReads pendingReads;
  /// What a relaxed wait for a phase found, for the lanes' next fence.
  struct PendingPhase {
    uint64_t address;
    uint32_t lanes;
    bool isWide;
    ThreadClocks knows;
    Clock far;
  };
  llvm::SmallVector<PendingPhase, 1> pendingPhases;
  /// A strong load, or an atomic operation that changes nothing, and how often it has given the same in a row.
  struct Spin {
    uint32_t pc, mask;
    uint64_t hash, address, value; ///< Address and value of the first lane.
    uint64_t progress;             ///< Of the device, when it was executed last.
    uint64_t ran;                  ///< Of the warp, likewise.
    uint64_t stride = 0;           ///< Instructions between the last two times.
    uint32_t times = 0, idleTimes = 0; ///< idleTimes: without any progress of the device.
    Recurrence registers{};            ///< Of the warp, over those.
  };
  llvm::SmallVector<Spin, 2> spins;
  uint64_t ran = 0; ///< Instructions executed.
  llvm::SmallVector<PartialPoison, 0> partials;
  /// From where the lanes last read what was not written, or in part.
  llvm::SmallVector<std::array<uint64_t, 32>, 0> unknownReads;
  unsigned nextUnknownRead = 0;
  uint32_t strayLanes = 0, strayPc = 0; ///< That last shuffled from lanes that do not take part, and where.
  Recurrence
      waits; ///< Its state whenever nothing in the CTA but the time limits of waits can go on.
};

struct Barrier {
  std::array<uint32_t, 32> partial = {}; ///< By warp: lanes of it that arrived without .aligned, until all have.
  uint32_t expected = 0, arrived = 0; ///< Threads; expected 0: none waiting.
  uint32_t warps = 0;         ///< Warps that arrived in this phase.
  uint32_t firstPc = 0;
  ThreadClocks clocks;
  bool clocksValid = false;
  // bar.red
  uint32_t popc = 0, allTrue = 1, anyTrue = 0;
};

/// barrier.cluster: every live thread arrives once in a phase.
struct ClusterBarrier {
  uint32_t phase = 0;
  ThreadClocks arriving, completed;
  bool hasArriving = false, hasCompleted = false;
};

/// Bytes of one page that a CTA touched, to find conflicts between CTAs.
struct PageUse {
  static constexpr uint64_t kPage = 4096;
  uint64_t read[64] = {}, written[64] = {}, atomic[64] = {};
  uint32_t readPc[64] = {}, writePc[64] = {}; ///< By 64-byte granule: some instruction that did it.
  std::unique_ptr<NcReads> nc;
  /// What stores left in the bytes `known` of a granule: kept where few bytes of the page were written.
  struct Value {
    unsigned granule;
    uint64_t known;
    uint8_t data[64];
  };
  std::vector<Value> values;
};

struct FindingKey {
  const char *name;
  uint32_t pc, other;
  bool operator<(const FindingKey &o) const {
    int c = strcmp(name, o.name);
    return c ? c < 0 : std::tie(pc, other) < std::tie(o.pc, o.other);
  }
};

/// What a CTA leaves behind.
/// What became of Options::watch.
struct WatchedDecision {
  std::string text;   ///< Report::decision
  uint64_t count = 0; ///< Report::decisions
};

struct CtaResult {
  std::vector<std::pair<FindingKey, Finding>> findings; ///< In order of first occurrence.
  std::map<FindingKey, size_t> findingAt;
  std::map<uint64_t, std::unique_ptr<PageUse>> pages;
  std::string output; ///< Of printf.
  uint64_t outputDropped = 0;
  bool stopped = false;
  WatchedDecision watched;
};

/// Counts by instruction, summed over the CTAs of a host thread.
struct Counters {
  std::vector<uint64_t> warpExecutions, threadExecutions, wavefronts, minimum;
  uint64_t tensorFlop = 0, globalRead = 0, globalWritten = 0, sharedRead = 0, sharedWritten = 0;
  uint64_t bulkLoaded = 0, bulkStored = 0, bulkReduced = 0;
  std::map<int64_t, uint64_t> phases; ///< Of mbarriers, by offset from the start of dynamic shared memory.
  std::vector<std::array<uint64_t, 32>> bankWords; ///< By instruction and bank; empty: no one asks.
  void reset(size_t code, bool trace);
  void add(const Counters &o);
};

/// What one lane stores or loads, and which of its bytes are no poison.
struct LaneBytes {
  uint8_t data[16], init[16];
};

} // namespace tk::sim

#endif // TK_LIB_SIM_MACHINESTATE_H
