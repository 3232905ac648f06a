//===- Machine.h - One CTA in execution -------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A CTA runs on one host thread: its warps take turns in an order and for spans drawn from the seed. Lanes of a warp
/// that part run as fragments, which join again at the post-dominator of the branch that parted them.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_MACHINE_H
#define TK_LIB_SIM_MACHINE_H

#include "MachineState.h"

namespace tk::sim {

/// The CTAs of a cluster, or one without clusters, which run together.
class Cta {
public:
  /// `device`: what the CTAs of a grid that talk to one another share; null: they do not.
  Cta(const LaunchContext &context, Counters &counters, std::atomic<uint64_t> &steps,
      InterCta *device = nullptr);
  /// Runs the CTAs to their end. `ctaid` is the first one's.
  void run(std::array<uint32_t, 3> ctaid, CtaResult &result);

  // The same in parts. Machines of one device share what they know by the numbers of their units.
  void start(uint32_t unit, std::array<uint32_t, 3> ctaid, CtaResult &result);
  /// Lets some warp run for a while. False: there is nothing more to run.
  bool turn();
  void describeTurn(const Warp &next, unsigned quantum);
  void finish();
  /// The launch ends before these CTAs do.
  void abandon() { stop = isAbandoned = true; }
  /// Every warp only waits or reads the same flags again and again, `times` in a row.
  bool spins(unsigned times) const;
  /// The same, with nothing changing on the whole device meanwhile.
  bool isStuck();
  /// Lanes that wait where they would meet others go on without them. False: there are none.
  bool letWaitersGo();
  bool letTimePass(uint32_t steps);
  /// Whether the others shall have their turn now.
  bool wantsToYield() const { return yields; }
  void reportStandstill(unsigned resident, uint64_t waiting);
  RaceState takeRaceState() { return std::move(race); }

private:
  friend struct Reporter;
  const LaunchContext &ctx;
  const Function &fn;
  const std::vector<Inst> &code;
  Counters &counters;
  std::atomic<uint64_t> &globalSteps;
  CtaResult *out = nullptr;
  std::array<uint32_t, 3> firstCta = {0, 0, 0};
  Rng rng;
  uint64_t stream = 0; ///< Decision::stream
  bool isWatched() const { return ctx.options.watch && ctx.options.watch->stream == stream; }
  bool stop = false, isAbandoned = false;
  bool checkRaces = false;
  Tracer *tracer = nullptr;

  std::vector<Warp> warps;
  std::vector<uint32_t> regFile, poisonFile;
  std::vector<uint8_t> shared, sharedInit;
  std::vector<uint8_t> local, localInit; ///< [thread][localBytes], the entry's frame.
  std::vector<ThreadStack> stacks;       ///< By thread, where there are calls.
  uint64_t stackLimit = 0;               ///< Where a stack ends at the most.
  std::vector<WarpgroupState> groups;
  std::vector<Barrier> barriers; ///< 16 for each CTA.
  ClusterBarrier clusterBarrier;
  std::vector<Clock> peerUses;      ///< By rank: the last access to its shared memory by each thread of another CTA.
  std::vector<uint32_t> peerUsePc;  ///< By rank: one of them.
  std::map<uint64_t, Mbarrier> mbarriers; ///< By shared address: those that live.
  RaceState race;
  std::vector<BulkOp> bulkOps; ///< In flight.
  std::map<unsigned, BulkThread> bulkThreads;
  unsigned copySlot = 0; ///< Clock slot of copies by cp.async that nobody has seen; 0: none yet.
  std::vector<CopyArrival> copyArrivals; ///< That have yet to happen.
  MapReleases mapReleases;
  std::vector<MapFence> mapAcquires; ///< Of the tensormap proxy, the oldest first.
  uint64_t clockTicks = 0;
  uint32_t timeSteps = 0; ///< Rounds in which nothing but time could let a wait end.
  uint64_t progress = 0, lastProgress = 0; ///< Counts what may let a waiter go on.
  std::array<int64_t, 16> freeRegisters = {}; ///< Of each CTA's pool, where it is known.
  size_t segment = 0; ///< Bytes of host memory for one CTA's shared memory.
  /// Lanes go round a few pages, one for each row of a matrix.
  struct RecentUse {
    uint64_t page = ~0ull;
    PageUse *use = nullptr;
  };
  std::array<RecentUse, 64> recentUses;

  // Synchronisation through flags, and with other units.
  InterCta *device = nullptr;
  uint32_t unit = 0;
  FlagTable sharedFlags;
  FlagReads sharedReads, globalReads;
  Knowledge unitSequence;               ///< What earlier fence.sc of scope .cluster and wider gave,
  std::vector<Knowledge> ctaSequence;   ///< and of any scope, by rank.
  llvm::SmallVector<unsigned, 32> ready;
  llvm::SmallVector<uint32_t, 2> openJoins; ///< Where lanes had to go on without others: they do not wait there again.
  bool yields = false; ///< Others shall have their turn now.
  bool idle = false; ///< All wait for phases, and letting the waits time out has changed nothing.
  uint64_t idleProgress = 0; ///< The device's when `idle` was set.
  uint64_t countedProgress = 0;
  struct RecentTouch {
    uint64_t number = ~0ull;
    InterCta::Page *page = nullptr;
    uint8_t kinds = 0; ///< That this unit has noted there.
  };
  std::array<RecentTouch, 64> recentTouches;

  // Set-up and scheduling (Machine.cpp).
  void reset(std::array<uint32_t, 3> id);
  void initWarp(Warp &w);
  uint32_t specialValue(Special s, const Warp &w, unsigned thread) const;
  std::array<uint32_t, 3> ctaOf(unsigned rank) const;
  bool alive(unsigned rank) const;
  bool nothingReady();
  bool runWarp(Warp &w, unsigned quantum);
  bool runnable(const Warp &w) const;
  void traceWaits();
  bool finished() const;
  void reportDeadlock();
  void describeWaits(Finding &f);
  std::string describeSpin(const Warp::Spin &s) const;
  const Warp::Spin *spinOf(const Warp &w, const Frag &f) const;
  uint32_t cyclingLanes(const Warp &w) const;
  uint64_t registersOf(const Warp &w) const;
  void checkExit();

  // Fragments.
  bool reachJoin(Warp &w, unsigned frag);
  void branch(Warp &w, unsigned frag, const Inst &in, uint32_t taken);
  void noteParted(const Warp &w, const Inst &in, uint32_t taken, uint32_t rest);
  void branchIndexed(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void split(Warp &w, unsigned frag, uint32_t meet, llvm::ArrayRef<std::pair<uint32_t, uint32_t>> paths);
  void exitLanes(Warp &w, unsigned frag, uint32_t mask);
  void joinProgress(Warp &w, int32_t join);
  bool letWaitersGo(Warp &w);
  void noteLook(Warp &w);
  void letExchangesGo(Warp &w);
  void ageJoins(Warp &w);
  bool meetAgain(Warp &w, uint32_t pc);
  bool othersLeave(const Warp &w, const Frag &f) const;
  int32_t commonJoin(const Warp &w) const;
  int32_t addJoin(Warp &w, const Join &join);

  // Calls (ExecCall.cpp) and the device runtime (ExecRuntime.cpp).
  struct LocalBytes { uint8_t *data, *init; };
  void resetStacks();
  uint32_t stackStart() const;
  ThreadStack &stackOf(const Warp &w, unsigned lane) { return stacks[size_t(w.index) * 32 + lane]; }
  LocalBytes localAt(const Warp &w, unsigned lane, uint64_t address);
  bool pushStack(Warp &w, const Inst &in, unsigned lane, uint64_t bytes, uint32_t align, const llvm::Twine &what, uint32_t &base);
  bool readPassed(const Warp &w, const Passed &p, unsigned lane, uint64_t frame, uint8_t *data, uint8_t *init, unsigned bytes);
  void writePassed(Warp &w, const Passed &p, unsigned lane, uint64_t frame, const uint8_t *data, const uint8_t *init);
  void saveRegisters(Warp &w, const Piece &p, unsigned lane);
  void restoreRegisters(Warp &w, const Piece &p, unsigned lane);
  bool enter(Warp &w, const Inst &in, const CallSpec &call, uint32_t piece, uint32_t lanes);
  void leave(Warp &w, uint32_t lanes);
  void dropStacks(Warp &w, uint32_t lanes);
  bool findCallees(Warp &w, const Inst &in, const CallSpec &call, uint32_t mask,
                   llvm::SmallVectorImpl<std::pair<uint32_t, uint32_t>> &out);
  bool call(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void returnLanes(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void stackOp(Warp &w, const Inst &in, uint32_t mask);
  void describeCalls(const Warp &w, unsigned lane, Finding &f) const;
  static constexpr uint32_t kNowhere = ~0u; ///< In place of a pc: a finding of the whole CTA.
  void describePaths(const Warp *w, unsigned lane, const Conflict &c, Finding &f) const;
  bool readGeneric(Warp &w, const Inst &in, unsigned lane, uint64_t address, unsigned bytes, const char *what, void *out);
  bool readString(Warp &w, const Inst &in, unsigned lane, uint64_t address, const char *what, std::string &out);
  bool formatLine(Warp &w, const Inst &in, unsigned lane, uint64_t formatAt, uint64_t argumentsAt, std::string &out, int &count);
  void write(llvm::StringRef text);
  uint64_t allocate(Warp &w, const Inst &in, unsigned lane, uint64_t bytes);
  void release(Warp &w, const Inst &in, unsigned lane, uint64_t address);
  void failAssertion(Warp &w, const Inst &in, unsigned lane, llvm::ArrayRef<uint64_t> arguments);
  void callRuntime(Warp &w, const Inst &in, const CallSpec &call, uint32_t mask);

  // Execution. True: go on with the next instruction; false: the fragment blocked, ended or moved.
  bool step(Warp &w, unsigned frag);
  bool executeSlow(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void alu(Warp &w, const Inst &in, uint32_t mask);
  void setp(Warp &w, const Inst &in, uint32_t mask);
  void movPack(Warp &w, const Inst &in, uint32_t mask);
  void movUnpack(Warp &w, const Inst &in, uint32_t mask);
  void carry(Warp &w, const Inst &in, uint32_t mask);
  void convert(Warp &w, const Inst &in, uint32_t mask);
  void video(Warp &w, const Inst &in, uint32_t mask);
  void combine(const Warp &w, const Inst &in, uint32_t &v, uint32_t &p) const;
  void predLogic(Warp &w, const Inst &in, uint32_t mask);
  std::pair<uint32_t, uint32_t> comparePairs(const Warp &w, const Inst &in) const;
  void setpPair(Warp &w, const Inst &in, uint32_t mask);
  void set(Warp &w, const Inst &in, uint32_t mask);
  void lop3Pred(Warp &w, const Inst &in, uint32_t mask);
  void isspacep(Warp &w, const Inst &in, uint32_t mask);

  // Warp-wide operations (ExecWarp.cpp).
  bool gather(Warp &w, unsigned frag, uint32_t members, uint32_t &mask);
  bool partByMembers(Warp &w, unsigned frag, const Opnd &members, uint32_t mask);
  void advance(Warp &w, uint32_t lanes);
  bool warpOp(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void exchange(Warp &w, const Inst &in, uint32_t pc, uint32_t mask, uint32_t members);
  void exchangeSpread(Warp &w, uint32_t pc, uint32_t mask, uint32_t members);
  void shfl(Warp &w, const Inst &in, uint32_t pc, uint32_t mask);
  void noteStray(Warp &w, uint32_t pc, uint32_t mask, const int32_t *source);
  void vote(Warp &w, const Inst &in, uint32_t mask, uint32_t members);
  void match(Warp &w, const Inst &in, uint32_t mask);
  void noteMatch(Warp &w, const Inst &in, uint32_t mask);
  void redux(Warp &w, const Inst &in, uint32_t mask);
  bool barrier(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void completeBarrier(unsigned id, Warp &w, const Inst &in);
  void releaseBarrier(unsigned id);
  bool setMaxNReg(Warp &w, unsigned frag, const Inst &in);
  void checkRegisterChanges(Warp &w, const Inst &in);
  bool converged(Warp &w, unsigned frag, const Inst &in, uint32_t mask);

  // Memory (ExecMemory.cpp).
  struct Place { uint8_t *data = nullptr, *init = nullptr; uint64_t raw = 0; Space space = Space::Global; };
  /// Which lanes of an instruction go to memory that others see. A generic access may do both, and neither in some
  /// lanes.
  struct LaneSpaces {
    uint32_t shared = 0, global = 0;
    uint32_t common() const { return shared | global; }
  };
  static LaneSpaces genericSpaces(uint32_t mask, const Place *place);
  static LaneSpaces spacesOf(const Inst &in, uint32_t mask, const Place *place) {
    if (in.space == Space::Generic || !mask)
      return genericSpaces(mask, place);
    Space all = place[llvm::countr_zero(mask)].space;
    return {all == Space::Shared ? mask : 0, all == Space::Global ? mask : 0};
  }
  uint32_t addresses(Warp &w, const Inst &in, const Opnd &base, int64_t offset, uint32_t mask, uint64_t *out);
  uint32_t locate(Warp &w, const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes, AccessKind kind,
                  Space space, Place *out);
  bool locateOne(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind, Space space,
                 Place &out);
  void ld(Warp &w, const Inst &in, uint32_t mask);
  void st(Warp &w, const Inst &in, uint32_t mask);
  void atom(Warp &w, const Inst &in, uint32_t mask);
  void discard(Warp &w, const Inst &in, uint32_t mask);
  PageUse &useOf(uint64_t addr);
  void noteUse(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind);
  /// The same for the lanes of an instruction that access global memory.
  void noteUseOf(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind);
  void noteUses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes, AccessKind kind);
  /// `stored`: what a store is about to write there; `sameLanes`: which lanes this execution had do that before, and
  /// `lanesBefore`: which for messages, where two lanes that do are a race even with one value. The use
  /// of global memory is noted apart.
  void raceAccess(Warp &w, const Inst &in, uint32_t event, unsigned lane, const Place &p,
                  unsigned bytes, AccessKind kind, const uint8_t *stored = nullptr, uint32_t sameLanes = 0,
                  uint32_t lanesBefore = 0);
  bool leavesSame(const Place &p, ShadowPage page, uint64_t offset, unsigned bytes,
                  const uint8_t *stored) const;
  /// What a CTA leaves in flags and the like, for those that come after it.
  void keepValues();
  /// The shadow has the write; this adds its value, where that will be asked for.
  void keepStored(const Place &p, unsigned bytes, const uint8_t *stored) {
    if (p.space == Space::Global && !device)
      memcpy(RaceState::storedIn(race.globalShadow(p.raw)) + p.raw % RaceState::kPage, stored,
             bytes);
  }
  static uint32_t lanesAt(const Place *place, uint32_t mask, unsigned lane);
  /// The same for the lanes of an instruction whose order among one another does not matter.
  void raceAccesses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes,
                    AccessKind kind);
  /// Stores 16 bytes for each lane to shared memory, and checks their order.
  void storeRows(Warp &w, const Inst &in, uint32_t mask, const Place *place, const LaneBytes *stored);
  /// Where a place's shadow lies. False: it has none.
  bool shadowOf(const Place &p, ShadowPage &page, uint64_t &offset);
  /// The way of nearly all accesses of lanes; the others go through raceAccess.
  bool isSettled(RaceState::WarpAccess &access, unsigned lane, const Place &p, unsigned bytes);
  void banks(const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes);
  void banksOfCta(const Inst &in, uint32_t mask, const uint64_t *addr, unsigned bytes);
  void matrixBanks(const Inst &in, const uint64_t *rows, unsigned matrices);
  void reportConflict(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind, const Conflict &c,
                      Space space, bool sameValue, uint32_t lanesBefore);

  // Loads with .nc of what the launch writes (ExecNc.cpp).
  void noteNc(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind);
  void noteForeignNc(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind,
                     InterCta::Page &page);
  /// Who did a part of it: a unit, an instruction, and the event where it is known.
  struct NcParty {
    uint32_t unit, pc;
    const Event *event = nullptr;
    unsigned lane = 0;
  };
  NcParty ncReader(const RaceState &of, uint32_t unit, ShadowPage shadow, uint64_t addr, NcParty otherwise) const;
  unsigned rankOf(const NcParty &p) const;
  std::string describeParty(const NcParty &p) const;
  void reportNc(Warp &w, unsigned lane, uint64_t addr, bool isLoad, const Inst &in, const NcParty &other);

  // cp.async (ExecCopy.cpp).
  void cpAsync(Warp &w, const Inst &in, uint32_t mask);
  bool locateSource(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned copied, unsigned bytes);
  void cpAsyncWait(Warp &w, const Inst &in, uint32_t mask, uint32_t keep);
  void cpAsyncArrive(Warp &w, const Inst &in, uint32_t mask);
  void performCopy(Warp &w, Warp::Copy &c);
  void settleCopy(Warp &w, const Warp::Copy &c);
  void trackCopies(Warp &w, unsigned lane, Mbarrier &b);
  void fireCopyArrival(size_t index);
  bool progressCopies(bool isForced);
  void checkPhaseCopies(uint64_t addr, const Mbarrier &b);

  // Tensor maps that kernels write (ExecTensormap.cpp).
  bool tensormapReplace(Warp &w, const Inst &in, uint32_t mask);
  bool tensormapCopy(Warp &w, const Inst &in, uint32_t mask);
  void tensormapFence(Warp &w, const Inst &in, uint32_t mask);
  bool locateMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind, Space space, Place *halves);
  void noteMapWrite(Warp &w, const Inst &in, unsigned lane, const Place *halves, const uint8_t *stored);
  MapFence mapFence(Warp &w, uint32_t lanes, SyncScope scope);
  void checkMapAccess(Warp &w, const Inst &in, unsigned lane, uint64_t addr);
  /// What wrote a part of a map last.
  struct MapWrite { uint32_t unit; Event event; unsigned lane; };
  bool isReleased(const MapWrite &write, const MapFence &acquire) const;
  const char *missingMapFence(const Warp &w, uint64_t addr, const MapWrite &write) const;
  void reportMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, const MapWrite &write, const char *edge);
  const Clocks *knownOf(const ThreadClocks &knows, uint32_t otherUnit) const;

  // Flags in memory (ExecFlags.cpp).
  void fence(Warp &w, const Inst &in, uint32_t mask);
  void proxyFence(Warp &w, const Inst &in, uint32_t mask);
  void sequence(Warp &w, const Past &past, uint32_t mask, SyncScope scope);
  void acquirePending(Warp &w, const Inst &in, uint32_t mask);
  void acquireFrom(Warp &w, const Release &r, const Actor &reader, bool observes, uint64_t addr);
  void strongReads(Warp &w, const Inst &in, uint32_t mask, const Place *place);
  void strongWrites(Warp &w, const Inst &in, uint32_t mask, const Place *place);
  bool plainAtomic(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes);
  void atomicFlags(Warp &w, const Inst &in, uint32_t mask, const Place *place);
  void readFlag(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes);
  Flag *flagOfSums(FlagTable &table, const Place &p, unsigned bytes);
  void noteSum(const Place &p);
  Knowledge giveBy(FenceRecord &fence, unsigned warp, unsigned lane) const;
  void writeFlag(Warp &w, const Inst &in, unsigned lane, const Place &p, unsigned bytes, const Past *past);
  void endFlags(uint32_t mask, const Place *place, unsigned bytes);
  FlagTable *flagsOf(const Place &p) {
    return p.space == Space::Shared ? &sharedFlags : p.space == Space::Global && device ? &device->flags : nullptr;
  }
  Actor actor(const Warp &w, const Inst &in, unsigned lane) const {
    return {unit, w.cta, w.index, lane, in.scope, pcOf(in)};
  }
  FlagReads &readsOf(Space space) { return space == Space::Shared ? sharedReads : globalReads; }
  /// The two are the write of a flag and an access by a thread that has read it, or comes after one of this unit that
  /// has: PTX's observation order, and then base causality.
  bool isObserved(const Warp &w, unsigned lane, uint64_t addr, Space space, uint32_t otherUnit, const Conflict &c);
  void checkLook(Warp &w, const Inst &in, uint32_t mask, const Place *place);
  void noteSpin(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes);
  void noteRegisters(const Warp &w, Warp::Spin &s) const;

  // Other units (ExecInterCta.cpp).
  /// Looks for other units that are not ordered before these lanes' accesses of global memory.
  void foreignAccesses(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes, AccessKind kind,
                       const LaneBytes *stored = nullptr);
  void foreignAccess(Warp &w, const Inst &in, unsigned lane, uint64_t addr, unsigned bytes, AccessKind kind,
                     const ThreadClocks &knows, bool isAsync, bool sameValue = false);
  void reportForeign(Warp &w, const Inst &in, unsigned lane, uint64_t addr, AccessKind kind, uint32_t otherUnit,
                     const Conflict &c, bool sameValue);
  std::array<uint32_t, 3> ctaOf(uint32_t number, unsigned rank) const;
  std::string nameUnit(uint32_t number, unsigned rank) const;
  std::string nameActor(const Actor &a) const;
  std::string missingOrder(const Warp &w, uint32_t otherUnit, const Conflict &c) const;
  std::string describeFault(const InterCta::Fault &f) const;

  // mbarriers (ExecMbarrier.cpp).
  bool mbarrier(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void mbarInit(Warp &w, const Inst &in, uint32_t mask);
  void mbarInval(Warp &w, const Inst &in, uint32_t mask);
  void checkUsesBefore(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr, const Mbarrier &b);
  bool isSpokenFor(const Warp &w, uint32_t lanes, unsigned thread, uint32_t clock) const;
  void mbarTransaction(Warp &w, const Inst &in, uint32_t mask);
  void mbarArrive(Warp &w, const Inst &in, uint32_t mask);
  int64_t arrivalsOf(Warp &w, const Inst &in, unsigned lane);
  bool takeArrival(Warp &w, uint32_t pc, unsigned lane, uint64_t addr, Mbarrier &b, int64_t count, bool drops);
  void noteArrivalBefore(Warp &w, uint32_t pc, unsigned lane, uint64_t addr, Mbarrier &b);
  void giveToPhase(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr, Mbarrier &b);
  void arriveOne(Warp &w, const Inst &in, unsigned lane, uint64_t addr, Mbarrier &b, uint32_t &arrived);
  bool mbarWait(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  uint32_t waitDone(Warp &w, const Inst &in, uint32_t mask);
  void finishWait(Warp &w, Frag &f, const Inst &in, uint32_t mask, uint32_t done);
  void wakeWaiters();
  bool timeOutWaits();
  std::string describeWait(Warp &w, const Frag &f);
  uint32_t sharedAddresses(Warp &w, const Inst &in, const Opnd &base, int64_t offset, uint32_t mask, uint64_t *addr);
  std::string describeBarrier(uint64_t addr, const Mbarrier &b) const;
  Mbarrier *useBarrier(Warp &w, const Inst &in, uint32_t lanes, uint64_t addr);
  bool barrierCount(Warp &w, const Inst &in, unsigned lane, int64_t least, const char *what, int64_t &n);
  void checkBarrierBytes(const Warp *w, uint32_t pc, uint32_t lanes, uint64_t addr, uint64_t bytes, const char *what);
  void checkBarrierBytes(Warp &w, const Inst &in, uint32_t mask, const Place *place, unsigned bytes, const char *what);
  void checkBarrierEnd(uint64_t addr, const Mbarrier &b, uint32_t pc, const char *what);
  void checkExitOfBarriers();
  void addTransaction(const Warp *w, uint32_t pc, uint32_t lanes, uint64_t addr, Mbarrier &b, int64_t bytes);
  void tryComplete(uint64_t addr, Mbarrier &b);

  // Clusters (ExecCluster.cpp).
  bool clusterOp(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void clusterArrive(Warp &w, const Inst &in, uint32_t mask);
  bool clusterWait(Warp &w, unsigned frag, const Inst &in, uint32_t mask);
  void openClusterBarrier();
  void finishClusterWait(Warp &w, Frag &f);
  bool hasStarted(const Warp &w, unsigned rank) const;
  bool notePeer(const Warp &w, uint32_t pc, uint32_t lanes, uint64_t addr);
  void checkPeersAtExit(unsigned rank);

  // Bulk copies (ExecBulk.cpp) and their boxes (ExecTma.cpp).
  void bulk(Warp &w, const Inst &in, uint32_t mask);
  bool issueBulk(Warp &w, const Inst &in, BulkOp op, llvm::SmallVectorImpl<BulkOp> &issued);
  bool issueLoad(Warp &w, const Inst &in, BulkOp &op, const BulkOp *twin);
  bool issueStore(Warp &w, const Inst &in, BulkOp &op, const BulkOp *twin);
  void poke(Warp &w, const Inst &in, uint32_t mask);
  bool issuePoke(Warp &w, const Inst &in, BulkOp &op);
  void startBulk(llvm::SmallVectorImpl<BulkOp> &issued);
  bool advanceBulk(size_t index);
  void progressBulk();
  bool forceBulk();
  void finishBulk();
  void bulkCommit(Warp &w, uint32_t mask);
  void bulkWait(Warp &w, const Inst &in, uint32_t mask);
  void checkBulkExit(Warp &w, uint32_t mask);
  void checkPhaseLoads(uint64_t addr, const Mbarrier &b);
  void reportBulkConflict(Warp &w, const Inst &in, unsigned lane, uint64_t addr, Space space, AccessKind kind,
                          const Conflict &c);
  std::string describeAgent(const Event &e) const;
  const char *agentEdge(const Event &e) const;
  bool toShared(Warp &w, const Inst &in, unsigned lane, uint64_t &addr);
  static unsigned rankOf(uint64_t sharedAddress) { return unsigned(std::min<uint64_t>(sharedAddress >> 24, ~0u)); }
  /// Where a shared address that is inside lies in host memory and in the shadow.
  size_t sharedIndex(uint64_t a) const { return (a >> 24) * segment + (a & 0xffffff) - ctx.sharedBase; }
  bool insideShared(uint64_t a, uint64_t bytes) const {
    uint64_t at = a & 0xffffff;
    return rankOf(a) < ctx.clusterSize && at >= ctx.sharedBase && at + bytes <= ctx.sharedEnd;
  }
  bool readMap(Warp &w, const Inst &in, unsigned lane, uint64_t addr, bool inParam, TensorMap &map);
  bool checkMap(Warp &w, const Inst &in, unsigned lane, const BulkSpec &s, const BulkOp &op);
  static bool reduceElement(AtomOp op, const TensorMap &m);
  bool checkBox(Warp &w, const Inst &in, unsigned lane, const BulkSpec &s, const BulkOp &op);
  Allocation *boxAllocation(Warp &w, const Inst &in, unsigned lane, const BulkOp &op, AccessKind kind, bool &outside);
  void bulkRaces(Warp &w, const Inst &in, unsigned lane, const BulkOp &op, unsigned sharedSlot, unsigned globalSlot,
                 uint32_t clock);
  void bulkUninitialised(Warp &w, const Inst &in, unsigned lane, const BulkOp &op);
  void moveLoad(const BulkOp &op);
  void movePoke(const BulkOp &op);
  void reduceInto(const BulkSpec &s, Ty ty, bool isGlobal, uint8_t *to, uint8_t *init, const uint8_t *from,
                  const uint8_t *ok, uint32_t bytes);
  void readStore(BulkOp &op);
  void moveStore(const BulkOp &op);

  // Matrices (ExecMatrix.cpp, ExecWgmma.cpp).
  void ldMatrix(Warp &w, const Inst &in, uint32_t mask);
  void stMatrix(Warp &w, const Inst &in, uint32_t mask);
  void movMatrix(Warp &w, const Inst &in);
  void mma(Warp &w, const Inst &in);
  template <class F>
  bool takeElements(const Warp &w, llvm::ArrayRef<Opnd> regs, Ty ty, llvm::ArrayRef<uint16_t> places, double *matrix,
                    F &&spoil) const;
  bool sparseA(Warp &w, const Inst &in, const MmaSpec &s, double *a);
  void putSums(Warp &w, const MmaSpec &s, const double *c);
  template <class F> void spoilSums(Warp &w, const MmaSpec &s, F &&isBad);
  bool wmmaAddress(Warp &w, const Inst &in, const MmaSpec &s, const struct WmmaWalk &walk, uint64_t &address,
                   uint64_t &stride);
  uint32_t wmmaAccess(Warp &w, const Inst &in, const uint64_t *addr, unsigned bytes, AccessKind kind, Place *place);
  void wmmaLoad(Warp &w, const Inst &in);
  void wmmaStore(Warp &w, const Inst &in);
  bool wgmma(Warp &w, unsigned frag, const Inst &in);
  void wgmmaFence(Warp &w);
  void wgmmaCommit(Warp &w);
  bool wgmmaWait(Warp &w, unsigned frag, const Inst &in);
  void checkWarpgroups();
  void wgmmaTouch(Warp &w, const Inst &in, uint32_t mask);
  void startOp(Warp &w, WarpgroupState &g, WgmmaOp &op);
  void executeOps(unsigned group, uint32_t upTo);
  void executeOp(unsigned group, WgmmaOp &op);
  void maybeProgress();
  bool checkDescriptor(Warp &w, const Inst &in, uint64_t desc, const char *which);
  bool uniform(Warp &w, const Inst &in, const Opnd &o, const char *what, uint64_t &out);
  void checkRegisters(Warp &w, const Inst &in, const WgmmaSpec &spec);
  bool checkHeld(Warp &w, const Inst &in, const Opnd &o, uint8_t as);
  uint32_t flightPc(const Warp &w, uint32_t sequence) const;
  void checkOperand(Warp &w, const WgmmaOp &op, const WgmmaSpec &spec, bool isA, uint32_t event);
  void gatherShared(const WgmmaSpec &spec, bool isA, uint64_t desc, size_t at);
  uint32_t gatherRegisters(unsigned group, const WgmmaSpec &spec, uint32_t poison[4]);
  std::vector<double> panelA, panelB, dense;
  bool oneWgmmaShape = false; ///< All wgmmas of the kernel have the same, and A in shared memory.
  void sumLikeH100(const WgmmaSpec &spec, float *const *rows, bool scaleD) const;
  void executeInteger(unsigned group, const WgmmaSpec &spec, bool scaleD);
  template <class F> bool forEachChunk(const WgmmaSpec &spec, bool isA, uint64_t desc, F &&f) const;

  // Registers.
  const uint32_t *ptr(const Warp &w, const Opnd &o) const {
    return o.off & Opnd::kConst ? w.constants + (o.off & ~Opnd::kConst) : w.regs + o.off;
  }
  uint32_t *reg(Warp &w, const Opnd &o) const { return w.regs + o.off; }
  uint64_t value(const Warp &w, const Opnd &o, unsigned lane) const {
    const uint32_t *p = ptr(w, o);
    return o.wide ? uint64_t(p[2 * lane + 1]) << 32 | p[2 * lane] : p[lane];
  }
  void setValue(Warp &w, const Opnd &o, unsigned lane, uint64_t v) {
    uint32_t *p = reg(w, o);
    if (o.wide) {
      p[2 * lane] = uint32_t(v);
      p[2 * lane + 1] = uint32_t(v >> 32);
    } else
      p[lane] = uint32_t(v);
  }
  void setPoison(Warp &w, const Opnd &o, uint32_t mask, uint32_t bits) {
    if ((bits & mask) && !w.partials.empty()) [[unlikely]]
      forgetKnown(w, o, bits & mask);
    w.poison[o.idx] = (w.poison[o.idx] & ~mask) | (bits & mask);
  }
  // Registers that are poison in part (ExecPartial.cpp).
  uint64_t knownBits(const Warp &w, const Opnd &o, unsigned lane) const;
  /// Of a lane of a register that is poison these bits are known; all of them: it is none.
  void noteKnown(Warp &w, const Opnd &o, unsigned lane, uint64_t known);
  void forgetKnown(Warp &w, const Opnd &o, uint32_t lanes);
  void noteKnownRow(Warp &w, const Opnd &o, uint32_t lanes, const uint64_t *known);
  void noteLoaded(Warp &w, const Opnd &o, Ty ty, uint32_t lanes, const Place *place, unsigned at);
  bool storeKnown(const Warp &w, const Opnd &o, unsigned lane, unsigned bytes, const Place &p, uint8_t *init) const;
  /// By lane: which bits of a part of a register are known; those above it are.
  void knownOfPart(const Warp &w, const Opnd &o, uint32_t lanes, unsigned first, unsigned bits, uint64_t *known) const;
  /// What is known of the result of an operation with bitOperands; returns the lanes of which that can be told.
  uint32_t knownOfBits(Warp &w, const Inst &in, uint32_t lanes, uint64_t *known) const;
  void setPredicate(Warp &w, const Opnd &o, uint32_t mask, uint32_t value, uint32_t poison) {
    uint32_t *d = reg(w, o);
    *d = (*d & ~mask) | (value & mask);
    setPoison(w, o, mask, poison);
  }
  uint32_t predicate(const Warp &w, const Opnd &o, bool negated) const {
    uint32_t v = *ptr(w, o);
    return negated ? ~v : v;
  }

  // Findings (Report.cpp).
  Finding *report(const char *name, Severity severity, const Warp *w, uint32_t lanes, uint32_t pc, uint32_t other,
                  const llvm::Twine &message);
  /// Counts another instance of a finding that is already there.
  bool seenBefore(const char *name, uint32_t pc, uint32_t other);
  uint32_t pcOf(const Inst &in) const { return uint32_t(&in - code.data()); }
  std::string place(uint32_t pc) const;
  /// "warp 3", in clusters "CTA rank 1 warp 3".
  std::string nameWarp(const Warp &w) const;
  std::string spaceAddress(uint64_t addr, Space space) const;
  bool poisoned(Warp &w, const Inst &in, uint32_t lanes, const char *what);
};

/// What orders accesses of two CTAs of a cluster.
constexpr const char *kWideScopes = ".release.cluster in the arrival and .acquire.cluster in the wait";

/// The bytes of an access within its granule of 64, which it does not cross.
inline uint64_t granuleBits(uint64_t addr, unsigned bytes) { return (~0ull >> (64 - bytes)) << (addr % 64); }

/// Of TK-SIM-MEM-NC, about the bytes at `what`.
std::string ncMessage(const llvm::Twine &what);

/// The first CTA of a unit by its number: of a cluster, or without clusters the CTA of that number.
std::array<uint32_t, 3> firstCtaOf(const LaunchContext &c, uint64_t unit);

/// How many units (clusters, or CTAs) of a kernel whose CTAs talk the device holds at once.
uint64_t countResident(const LaunchContext &c);

/// Runs the units of a kernel whose CTAs talk: as many at once as the device holds, in turns on one host thread.
/// `fold` gets what each leaves.
WatchedDecision runTogether(const LaunchContext &c, uint64_t units, Counters &counters, std::atomic<uint64_t> &steps,
                 llvm::function_ref<void(uint64_t, CtaResult &&)> fold);

/// What an instruction does to memory; `isStrong`: its accesses are events of atomics and their
/// like.
const char *verbOf(Op op, bool isWrite, bool isStrong);
uint64_t atomicResult(AtomOp op, Ty ty, uint64_t old, uint64_t v, uint64_t swap, bool flush);
/// Of a whole box, what is outside the tensor included.
uint32_t boxBytes(const TensorMap &map);
uint64_t convertValue(const CvtSpec &spec, uint64_t a, uint64_t b, bool wideDst);
/// Exact value of a floating-point encoding.
double decodeReal(uint64_t bits, Ty ty);
/// The value of an f16, from a table.
float halfValue(uint16_t bits);
uint64_t encodeReal(double v, Ty ty, Round round);
uint64_t swizzle(uint64_t address, unsigned mode);

inline bool Cta::shadowOf(const Place &p, ShadowPage &page, uint64_t &offset) {
  if (p.space == Space::Shared) {
    page = race.sharedShadow();
    offset = sharedIndex(p.raw);
    return true;
  }
  if (p.space != Space::Global)
    return false;
  page = race.globalShadow(p.raw);
  offset = p.raw % RaceState::kPage;
  return true;
}

inline bool Cta::isSettled(RaceState::WarpAccess &access, unsigned lane, const Place &p,
                           unsigned bytes) {
  ShadowPage page;
  uint64_t offset;
  return !shadowOf(p, page, offset) || access(page, offset, bytes, lane);
}

} // namespace tk::sim

#endif // TK_LIB_SIM_MACHINE_H
