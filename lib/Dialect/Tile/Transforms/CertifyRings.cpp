//===- CertifyRings.cpp - Run the barrier protocol symbolically ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each role's control flow is unrolled for chosen numbers of trips into a list of events: waits,
/// arrivals, announced bytes, copies, reads. Then the lists run against one another on a model of
/// mbarriers, in several orders. Cursors are counted without wrapping, so that a wait which a
/// parity lets through too early is seen.
///
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/MapVector.h"
#include <set>

namespace tk::tile {
#define GEN_PASS_DEF_CERTIFYRINGS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// One step of a role that matters to the protocol. `count` is how often the cursor was advanced:
/// its slot is `count % stages`, its phase `count / stages`.
struct Event {
  enum Kind { Wait, Expect, Copy, Arrive, Read, Commit, Retire } kind;
  Operation *op = nullptr;
  AllocOp object; ///< The row of barriers, or the slots.
  int64_t count = 0;
  int64_t amount = 0;    ///< Bytes, arrivals, or groups that may stay pending.
  AllocOp slots;         ///< Copy: where to; `object` is the barrier.
  bool previous = false; ///< Wait: for the phase before.
  bool inFlight = false; ///< Read: by a product, until it is retired.
  /// Copy, Arrive: the ranks of the cluster's programs whose memory it goes to; 0: its own.
  uint64_t programs = 0;
};

/// How often each loop runs in a scenario, and which tiles a branch leaves out.
struct Scenario {
  int64_t inner, outer;
  unsigned skipped = 0; ///< Bit i: the branch is not taken in tile i.
};

/// What each condition, and each loop's induction variable, reads when it is written out; empty
/// where that says nothing.
using Descriptions = llvm::DenseMap<Value, std::string>;

/// Unrolls one role.
class Unroller {
public:
  Unroller(Scenario scenario, Descriptions &descriptions)
      : scenario(scenario), descriptions(descriptions) {}
  /// An error says what cannot be followed.
  LogicalResult run(Block &block);
  std::vector<Event> events;
  std::string obstacle;
  std::string decision; ///< What branches around barriers depend on, or empty.
  std::string loops;    ///< The bounds of loops around barriers, in the order they are met.

private:
  LogicalResult describeLoop(scf::ForOp loop);
  LogicalResult visit(Operation &op);
  LogicalResult visitLoop(scf::ForOp loop);
  LogicalResult visitBranch(scf::IfOp branch);
  std::optional<bool> evaluate(Value condition);
  std::optional<bool> decide(Value condition);
  int64_t countOf(Value cursor) { return cursors.lookup(cursor); }
  /// The slots a shared tile lies in, and which one; null for other memory.
  std::pair<AllocOp, int64_t> findSlot(Value tile);

  Scenario scenario;
  Descriptions &descriptions;
  llvm::DenseMap<Value, int64_t> cursors;
  llvm::DenseMap<Value, int64_t> inductions;              ///< Induction variable to iteration.
  llvm::DenseMap<std::pair<Value, Value>, int64_t> trips; ///< Bounds to trips.
  int64_t tile = 0;                                       ///< Iteration of the outermost loop.
};

/// The state of one mbarrier.
struct Barrier {
  int64_t arrivals = 0; ///< Of one phase.
  int64_t pending = 0, bytes = 0;
  int64_t completed = 0; ///< Phases.
};

/// What is known of one slot.
struct Slot {
  int64_t filled = -1;    ///< The round of the last copy.
  std::set<int> reading;  ///< Roles that waited for it and have not released it.
  std::set<int> inFlight; ///< Roles whose products still read it.
};

struct Role {
  std::string name;
  int64_t program = 0; ///< Its rank in the cluster.
  std::vector<Event> events;
  size_t next = 0;
  /// Products by group, oldest first; the last is open.
  std::vector<std::vector<std::pair<AllocOp, int64_t>>> groups{{}};
};

/// Runs roles against one another.
class Machine {
public:
  Machine(std::vector<Role> roles, const llvm::MapVector<Operation *, int64_t> &arrivals)
      : roles(std::move(roles)), arrivals(arrivals) {
    // The barrier a role waits for before it copies is the one that frees those slots.
    for (Role &role : this->roles) {
      Operation *waited = nullptr;
      for (Event &event : role.events) {
        if (event.kind == Event::Wait)
          waited = event.object;
        if (event.kind == Event::Copy && event.slots && waited)
          freed[waited].insert(event.slots);
      }
    }
  }
  /// Runs to the end in one order of preference; emits an error and fails where the protocol
  /// breaks.
  LogicalResult run(unsigned order, StringRef scenario);
  int64_t waits = 0;
  /// Phases that the first program's barriers completed, by row.
  llvm::MapVector<AllocOp, int64_t> countPhases();

private:
  /// Memory is a program's own: which one, what, and which of its slots.
  using Key = std::tuple<int64_t, Operation *, int64_t>;
  Barrier &barrier(int64_t program, AllocOp object, int64_t count);
  Slot &slot(int64_t program, AllocOp object, int64_t count) {
    return slots[{program, object.getOperation(), count % stagesOf(object)}];
  }
  /// The programs that an event goes to.
  SmallVector<int64_t> targets(const Role &role, const Event &event) {
    SmallVector<int64_t> result;
    if (event.programs == 0)
      result.push_back(role.program);
    for (int64_t rank = 0; rank < 64; ++rank)
      if (event.programs >> rank & 1)
        result.push_back(rank);
    return result;
  }
  LogicalResult copyTo(int64_t program, Event &event, StringRef scenario);
  LogicalResult arriveAt(int64_t program, int index, Event &event, StringRef scenario);
  static int64_t stagesOf(AllocOp object) {
    if (auto barriers = dyn_cast<MBarriersType>(object.getResult().getType()))
      return barriers.getStages();
    return cast<SlotsType>(object.getResult().getType()).getStages();
  }
  void complete(Barrier &barrier) {
    if (barrier.pending == 0 && barrier.bytes == 0) {
      ++barrier.completed;
      barrier.pending = barrier.arrivals;
    }
  }
  bool isReady(const Role &role, const Event &event);
  LogicalResult step(int index, StringRef scenario);
  LogicalResult reportDeadlock(StringRef scenario);
  LogicalResult fail(Event &event, StringRef scenario, const Twine &message) {
    return event.op->emitOpError() << message.str() << " (" << scenario << ")";
  }

  std::vector<Role> roles;
  const llvm::MapVector<Operation *, int64_t> &arrivals;
  llvm::DenseMap<Operation *, llvm::SmallPtrSet<Operation *, 2>> freed; ///< Slots by barrier.
  std::map<Key, Barrier> barriers;
  std::map<Key, Slot> slots;
};

struct CertifyRings : tk::tile::impl::CertifyRingsBase<CertifyRings> {
  void runOnOperation() override;

private:
  LogicalResult certify(Scenario scenario, int64_t &waits, std::string &decision,
                        std::string &obstacle);
  Descriptions descriptions;
  void keepCounts();
  /// Phases of each row of barriers in each scenario.
  llvm::MapVector<AllocOp, std::map<std::pair<int64_t, int64_t>, int64_t>> phases;
  llvm::MapVector<Operation *, int64_t> arrivals; ///< Of each row of barriers, from its init.
};

} // namespace

//===----------------------------------------------------------------------===//
// Unrolling
//===----------------------------------------------------------------------===//

std::pair<AllocOp, int64_t> Unroller::findSlot(Value tile) {
  while (auto slice = tile.getDefiningOp<SharedSliceOp>())
    tile = slice.getSource();
  if (auto slot = tile.getDefiningOp<SlotOp>())
    return {slot.getSlots().getDefiningOp<AllocOp>(), countOf(slot.getCursor())};
  return {};
}

std::optional<bool> Unroller::evaluate(Value condition) {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare)
    return std::nullopt;
  Value lhs = compare.getLhs(), rhs = compare.getRhs();
  std::optional<std::pair<int64_t, int64_t>> values;
  if (auto argument = dyn_cast<BlockArgument>(lhs))
    if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
        loop && loop.getInductionVar() == lhs && loop.getLowerBound() == rhs)
      values = {inductions.lookup(lhs), 0};
  if (auto found = trips.find({lhs, rhs}); found != trips.end())
    values = {0, found->second};
  if (auto found = trips.find({rhs, lhs}); found != trips.end()) // As canonicalisation has it.
    values = {found->second, 0};
  if (!values)
    return std::nullopt;
  return arith::applyCmpPredicate(compare.getPredicate(), APInt(64, values->first, true),
                                  APInt(64, values->second, true));
}

/// The barriers of other programs of the cluster that an operation arrives at or lets copies arrive
/// at; null where it stays in its own.
static Value getReachedBarriers(Operation *op) {
  if (auto arrive = dyn_cast<MBarrierArriveOp>(op); arrive && arrive.getCluster())
    return arrive.getBarriers();
  if (auto load = dyn_cast<TMALoadOp>(op); load && load.getMulticast())
    return load.getBarriers();
  if (auto sum = dyn_cast<ClusterSumOp>(op))
    return sum.getBarriers();
  return {};
}

/// The cluster a program belongs to: its number divided by the size of clusters along x.
static bool isClusterIndex(Operation *op, int64_t programs) {
  auto quotient = dyn_cast<arith::DivUIOp>(op);
  auto id = quotient ? quotient.getLhs().getDefiningOp<ProgramIdOp>() : ProgramIdOp();
  APInt divisor;
  return id && id.getDimension() == 0 && matchPattern(quotient.getRhs(), m_ConstantInt(&divisor)) &&
         divisor.getSExtValue() == programs;
}

/// Writes a scalar out as the operations it comes from. Two that read the same are the same number,
/// whichever role and program of a cluster computes them: all are free of effects, and none asks
/// who runs it.
static LogicalResult describe(Value value, int64_t programs, llvm::raw_ostream &os, int &budget) {
  if (--budget < 0)
    return failure();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (isa<KernelOp>(parent)) {
      os << "argument " << argument.getArgNumber();
      return success();
    }
    auto loop = dyn_cast<scf::ForOp>(parent);
    if (!loop || loop.getInductionVar() != value)
      return failure();
    // Nested loops may have equal bounds.
    int64_t depth = 0;
    for (Operation *outer = loop; (outer = outer->getParentOfType<scf::ForOp>());)
      ++depth;
    os << "each at depth " << depth << " of (";
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()}) {
      if (failed(describe(bound, programs, os, budget)))
        return failure();
      os << ", ";
    }
    os << ")";
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (programs > 1 && isClusterIndex(op, programs)) {
    os << "cluster";
    return success();
  }
  if (isa<ReplicaOp>(op) || (programs > 1 && isa<ProgramIdOp, ClusterRankOp>(op)) ||
      op->getNumRegions() != 0 || op->getNumResults() != 1 || !isMemoryEffectFree(op))
    return failure();
  os << op->getName() << " " << op->getAttrDictionary() << " " << op->getResultTypes() << "(";
  for (Value operand : op->getOperands()) {
    if (failed(describe(operand, programs, os, budget)))
      return failure();
    os << ", ";
  }
  os << ")";
  return success();
}

/// A condition that all roles see alike, tile by tile: the scenario decides.
std::optional<bool> Unroller::decide(Value condition) {
  auto [found, isNew] = descriptions.try_emplace(condition);
  std::string &text = found->second;
  if (isNew) {
    llvm::raw_string_ostream os(text);
    int budget = 4096;
    int64_t programs = condition.getParentRegion()->getParentOfType<KernelOp>().getClusterSize();
    if (failed(describe(condition, programs, os, budget)))
      text.clear();
  }
  if (text.empty() || (!decision.empty() && decision != text))
    return std::nullopt;
  decision = text;
  return !(scenario.skipped >> tile & 1);
}

LogicalResult Unroller::visitBranch(scf::IfOp branch) {
  bool matters = branch.getNumResults() != 0;
  branch.walk([&](Operation *inner) {
    matters |=
        isa<MBarrierWaitOp, MBarrierExpectOp, MBarrierArriveOp, TMALoadOp, WgmmaOp, ClusterSumOp>(
            inner);
  });
  if (!matters)
    return success();
  std::optional<bool> taken = evaluate(branch.getCondition());
  if (!taken)
    taken = decide(branch.getCondition());
  if (!taken) {
    obstacle = "a branch around barriers depends on more than a loop's bounds and one condition "
               "that all roles compute alike";
    return failure();
  }
  Block *block = *taken ? branch.thenBlock() : branch.elseBlock();
  if (block && failed(run(*block)))
    return failure();
  for (auto [index, result] : llvm::enumerate(branch.getResults()))
    cursors[result] = countOf(block->getTerminator()->getOperand(index));
  return success();
}

/// Whether one program of a cluster waits for another inside of loops: only then must their loops
/// run equally often.
static bool crossesInLoops(KernelOp kernel) {
  WalkResult walk = kernel.getBody().walk([](Operation *op) {
    bool crosses = getReachedBarriers(op) && op->getParentOfType<scf::ForOp>();
    return crosses ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

/// Roles, and the programs of a cluster, must run a loop around barriers equally often: their
/// bounds are written out to be compared.
LogicalResult Unroller::describeLoop(scf::ForOp loop) {
  WalkResult walk = loop.getBody()->walk([](Operation *op) {
    bool matters = isa<MBarrierWaitOp, MBarrierExpectOp, MBarrierArriveOp, TMALoadOp>(op);
    return matters ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (!walk.wasInterrupted())
    return success();
  auto [found, isNew] = descriptions.try_emplace(loop.getInductionVar());
  std::string &text = found->second;
  if (isNew) {
    auto kernel = loop->getParentOfType<KernelOp>();
    int64_t programs = crossesInLoops(kernel) ? kernel.getClusterSize() : 1;
    llvm::raw_string_ostream os(text);
    int budget = 4096;
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()}) {
      os << "; ";
      if (failed(describe(bound, programs, os, budget))) {
        text.clear();
        break;
      }
    }
  }
  if (text.empty()) {
    obstacle = "a loop around barriers has bounds that roles, or programs of a cluster, may see "
               "differently";
    return failure();
  }
  loops += text;
  return success();
}

LogicalResult Unroller::visitLoop(scf::ForOp loop) {
  if (failed(describeLoop(loop)))
    return failure();
  bool isOuter = false;
  loop.getBody()->walk([&](scf::ForOp) { isOuter = true; });
  int64_t count = isOuter ? scenario.outer : scenario.inner;
  trips[{loop.getLowerBound(), loop.getUpperBound()}] = count;
  auto copy = [&](ValueRange from, ValueRange to) {
    SmallVector<int64_t> counts;
    for (Value value : from)
      counts.push_back(countOf(value));
    for (auto [value, carried] : llvm::zip_equal(to, counts))
      cursors[value] = carried;
  };
  copy(loop.getInitArgs(), loop.getRegionIterArgs());
  for (int64_t i = 0; i < count; ++i) {
    inductions[loop.getInductionVar()] = i;
    if (isOuter)
      tile = i;
    if (failed(run(*loop.getBody())))
      return failure();
    copy(loop.getYieldedValues(), loop.getRegionIterArgs());
  }
  copy(loop.getRegionIterArgs(), loop.getResults());
  return success();
}

LogicalResult Unroller::visit(Operation &op) {
  auto add = [&](Event::Kind kind, Value object, Value cursor, int64_t amount = 0) -> Event & {
    AllocOp alloc = object ? object.getDefiningOp<AllocOp>() : AllocOp();
    return events.emplace_back(
        Event{kind, &op, alloc, cursor ? countOf(cursor) : 0, amount, {}, false, false, 0});
  };
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitLoop(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return visitBranch(branch);
  if (auto start = dyn_cast<RingStartOp>(op))
    cursors[start] = 0;
  if (auto advance = dyn_cast<RingAdvanceOp>(op))
    cursors[advance] = countOf(advance.getCursor()) + 1;
  if (auto wait = dyn_cast<MBarrierWaitOp>(op))
    add(Event::Wait, wait.getBarriers(), wait.getCursor()).previous = wait.getPrevious();
  if (auto expect = dyn_cast<MBarrierExpectOp>(op))
    add(Event::Expect, expect.getBarriers(), expect.getCursor(), expect.getBytes());
  if (auto arrive = dyn_cast<MBarrierArriveOp>(op))
    add(Event::Arrive, arrive.getBarriers(), arrive.getCursor(),
        arrive.getAllThreads() ? hopper::kWarpgroupThreads : 1)
        .programs = arrive.getCluster() ? (uint64_t(1) << *arrive.getCluster()) - 1 : 0;
  if (auto load = dyn_cast<TMALoadOp>(op)) {
    Event &event = add(Event::Copy, load.getBarriers(), load.getCursor(),
                       load.getDest().getType().getSizeInBytes());
    auto [slots, count] = findSlot(load.getDest());
    event.slots = slots;
    event.programs = load.getMulticast().value_or(0);
    if (slots && count != event.count) {
      obstacle = "a copy announces itself to the barrier of another slot";
      return failure();
    }
  }
  if (auto sum = dyn_cast<ClusterSumOp>(op); sum && sum.getScratch()) {
    int64_t programs =
        cast<RankedTensorType>(sum.getValue().getType()).getDimSize(sum.getDimension()) /
        cast<RankedTensorType>(sum.getResult().getType()).getDimSize(sum.getDimension());
    add(Event::Arrive, sum.getBarriers(), sum.getCursor(), hopper::kWarpgroupThreads).programs =
        (uint64_t(1) << programs) - 1;
    add(Event::Wait, sum.getBarriers(), sum.getCursor());
  }
  auto read = [&](Value tile, bool inFlight) {
    auto [slots, count] = findSlot(tile);
    if (!slots)
      return;
    Event &event = add(Event::Read, Value(), Value());
    event.object = slots;
    event.count = count;
    event.inFlight = inFlight;
  };
  if (auto product = dyn_cast<WgmmaOp>(op)) {
    read(product.getA(), true);
    read(product.getB(), true);
  }
  if (auto load = dyn_cast<SharedLoadOp>(op))
    read(load.getSource(), false);
  if (isa<WgmmaCommitOp>(op))
    add(Event::Commit, Value(), Value());
  if (auto retire = dyn_cast<WgmmaRetireOp>(op))
    add(Event::Retire, Value(), Value(), retire.getPending());
  if (auto wait = dyn_cast<WgmmaWaitOp>(op))
    add(Event::Retire, Value(), Value(), wait.getPending());
  return success();
}

LogicalResult Unroller::run(Block &block) {
  for (Operation &op : block)
    if (failed(visit(op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Barrier &Machine::barrier(int64_t program, AllocOp object, int64_t count) {
  auto [found, isNew] =
      barriers.try_emplace(Key{program, object.getOperation(), count % stagesOf(object)});
  if (isNew)
    found->second.arrivals = found->second.pending = arrivals.lookup(object);
  return found->second;
}

/// Whether the role can go on: by parity, as the machine decides it.
bool Machine::isReady(const Role &role, const Event &event) {
  if (event.kind != Event::Wait)
    return true;
  int64_t phase = event.count / stagesOf(event.object) - event.previous;
  return (barrier(role.program, event.object, event.count).completed & 1) != (phase & 1);
}

LogicalResult Machine::copyTo(int64_t program, Event &event, StringRef scenario) {
  if (event.slots) {
    Slot &target = slot(program, event.slots, event.count);
    if (!target.reading.empty() || !target.inFlight.empty()) {
      int reader = target.reading.empty() ? *target.inFlight.begin() : *target.reading.begin();
      return fail(event, scenario,
                  "overwrites a slot that " + roles[reader].name + " may still read");
    }
    target.filled = event.count / stagesOf(event.slots);
  }
  Barrier &state = barrier(program, event.object, event.count);
  state.bytes -= event.amount; // Any time from here on; the phase needs it.
  complete(state);
  return success();
}

LogicalResult Machine::arriveAt(int64_t program, int index, Event &event, StringRef scenario) {
  Barrier &state = barrier(program, event.object, event.count);
  if ((state.pending -= event.amount) < 0)
    return fail(event, scenario, "arrives once too often in one phase");
  complete(state);
  return success();
}

LogicalResult Machine::step(int index, StringRef scenario) {
  Role &role = roles[index];
  Event &event = role.events[role.next++];
  switch (event.kind) {
  case Event::Wait: {
    ++waits;
    int64_t phase = event.count / stagesOf(event.object) - event.previous;
    int64_t completed = barrier(role.program, event.object, event.count).completed;
    if (completed != phase + 1)
      return fail(event, scenario,
                  "is passed in the wrong round: it waits for phase " + Twine(phase) +
                      ", and the parity of " + Twine(completed) + " completed phases lets it go");
    return success();
  }
  case Event::Expect: {
    Barrier &state = barrier(role.program, event.object, event.count);
    state.bytes += event.amount;
    if (--state.pending < 0)
      return fail(event, scenario, "arrives once too often in one phase");
    complete(state);
    return success();
  }
  case Event::Copy: {
    for (int64_t program : targets(role, event))
      if (failed(copyTo(program, event, scenario)))
        return failure();
    return success();
  }
  case Event::Arrive: {
    for (auto &[key, state] : slots) {
      auto [program, object, slot] = key;
      if (program != role.program || slot != event.count % stagesOf(event.object) ||
          !freed[event.object.getOperation()].contains(object))
        continue;
      if (state.inFlight.count(index))
        return fail(event, scenario,
                    "releases a slot while products in flight read it; retire them first");
      state.reading.erase(index);
    }
    for (int64_t program : targets(role, event))
      if (failed(arriveAt(program, index, event, scenario)))
        return failure();
    return success();
  }
  case Event::Read: {
    Slot &source = slot(role.program, event.object, event.count);
    int64_t round = event.count / stagesOf(event.object);
    if (source.filled != round)
      return fail(event, scenario,
                  "reads a slot in round " + Twine(round) + " that holds round " +
                      Twine(source.filled));
    source.reading.insert(index);
    if (event.inFlight) {
      source.inFlight.insert(index);
      role.groups.back().emplace_back(event.object, event.count);
    }
    return success();
  }
  case Event::Commit:
    role.groups.emplace_back();
    return success();
  case Event::Retire:
    while (static_cast<int64_t>(role.groups.size()) - 1 > event.amount) {
      for (auto [object, count] : role.groups.front())
        slot(role.program, object, count).inFlight.erase(index);
      role.groups.erase(role.groups.begin());
    }
    return success();
  }
  llvm_unreachable("all kinds are handled");
}

llvm::MapVector<AllocOp, int64_t> Machine::countPhases() {
  llvm::MapVector<AllocOp, int64_t> counts;
  for (auto [alloc, arrivals] : arrivals)
    counts[cast<AllocOp>(alloc)] = 0;
  for (auto &[key, state] : barriers)
    if (std::get<0>(key) == 0)
      counts[cast<AllocOp>(std::get<Operation *>(key))] += state.completed;
  return counts;
}

LogicalResult Machine::reportDeadlock(StringRef scenario) {
  SmallVector<std::pair<Operation *, std::string>> stuck;
  for (Role &role : roles) {
    if (role.next == role.events.size())
      continue;
    Event &event = role.events[role.next];
    int64_t stages = stagesOf(event.object);
    stuck.emplace_back(event.op, llvm::formatv("{0} waits for phase {1} of \"{2}\", slot {3}",
                                               role.name, event.count / stages - event.previous,
                                               event.object.getLabel(), event.count % stages));
  }
  InFlightDiagnostic diagnostic = stuck.front().first->emitOpError()
                                  << "is never passed: no role can go on (" << scenario << "); "
                                  << stuck.front().second;
  for (auto &[op, text] : ArrayRef(stuck).drop_front())
    diagnostic.attachNote(op->getLoc()) << text;
  return diagnostic;
}

LogicalResult Machine::run(unsigned order, StringRef scenario) {
  size_t count = roles.size();
  // The first orders let one role run as far as it can; the last takes turns.
  while (true) {
    bool moved = false;
    for (size_t i = 0; i < count; ++i) {
      size_t index = (i + order) % count;
      Role &role = roles[index];
      while (role.next < role.events.size() && isReady(role, role.events[role.next])) {
        if (failed(step(index, scenario)))
          return failure();
        moved = true;
        if (order >= count)
          break;
      }
      if (moved && order < count)
        break;
    }
    if (moved)
      continue;
    if (llvm::all_of(roles, [](Role &role) { return role.next == role.events.size(); }))
      break;
    return reportDeadlock(scenario);
  }
  for (auto &[key, state] : barriers)
    if (state.bytes != 0)
      return std::get<Operation *>(key)->emitOpError()
             << (state.bytes > 0 ? "is told of " : "is not told of ") << std::abs(state.bytes)
             << (state.bytes > 0 ? " bytes that no copy brings (" : " bytes that copies bring (")
             << scenario << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

LogicalResult CertifyRings::certify(Scenario scenario, int64_t &waits, std::string &decision,
                                    std::string &obstacle) {
  KernelOp kernel = getOperation();
  SpecializeOp roles;
  kernel.walk([&](SpecializeOp op) { roles = op; });
  std::vector<Role> unrolled;
  std::string loops;
  int64_t programs = kernel.getClusterSize();
  auto unroll = [&](Block &block, const std::string &name) {
    Unroller unroller(scenario, descriptions);
    if (failed(unroller.run(block))) {
      obstacle = unroller.obstacle;
      return failure();
    }
    // What only one role depends on may have to do with its loops' bounds.
    if (!unrolled.empty() && decision != unroller.decision) {
      obstacle = "the roles' branches around barriers depend on different conditions";
      return failure();
    }
    decision = unroller.decision;
    if (!unrolled.empty() && loops != unroller.loops) {
      obstacle = "the roles' loops around barriers have different bounds";
      return failure();
    }
    loops = unroller.loops;
    for (int64_t program = 0; program < programs; ++program) {
      Role role;
      role.name = programs > 1 ? llvm::formatv("{0} of program {1}", name, program).str() : name;
      role.program = program;
      role.events = unroller.events;
      unrolled.push_back(std::move(role));
    }
    return success();
  };
  if (!roles) {
    if (failed(unroll(kernel.getBody().front(), "the block")))
      return success();
  } else {
    if (failed(unroll(roles.getProducer().front(), "the producer")))
      return success();
    for (int64_t i = 0, e = roles.getConsumers(); i < e; ++i)
      if (failed(unroll(roles.getConsumer().front(), "consumer " + std::to_string(i))))
        return success();
  }
  std::string text =
      llvm::formatv("{0} trip(s) in each of {1} tile(s)", scenario.inner, scenario.outer);
  for (int64_t i = 0; i < scenario.outer; ++i)
    if (scenario.skipped >> i & 1)
      text += llvm::formatv(", tile {0} left out", i);
  for (unsigned order = 0; order <= unrolled.size(); ++order) {
    Machine machine(unrolled, arrivals);
    if (failed(machine.run(order, text)))
      return failure();
    waits = machine.waits;
    for (auto [row, count] : machine.countPhases())
      if (scenario.skipped == 0)
        phases[row][{scenario.inner, scenario.outer}] = count;
  }
  return success();
}

/// Keeps how often barriers complete, where that is linear in tiles and trips. With several inner
/// loops nothing says how the trips are dealt out to them.
void CertifyRings::keepCounts() {
  KernelOp kernel = getOperation();
  int64_t innerLoops = 0;
  bool hasTiles = false; // Whether a loop around walks tiles.
  kernel.getBody().walk([&](scf::ForOp loop) {
    bool isInner = true, hasBarriers = false;
    loop.getBody()->walk([&](Operation *op) {
      isInner &= !isa<scf::ForOp>(op);
      hasBarriers |= isa<MBarrierExpectOp>(op);
    });
    innerLoops += isInner && hasBarriers;
    hasTiles |= !isInner;
  });
  SmallVector<Attribute> proofs;
  for (auto &[row, counts] : phases) {
    auto at = [&](int64_t trips, int64_t tiles) { return counts.at({trips, tiles}); };
    int64_t perTrip = at(1, 1) - at(0, 1), perTile = at(0, 2) - at(0, 1);
    int64_t perProgram = at(0, 1) - perTile;
    bool linear = llvm::all_of(counts, [&](auto &entry) {
      auto [trips, tiles] = entry.first;
      return (!hasTiles && tiles > 1) ||
             entry.second == perProgram + perTile * tiles + perTrip * tiles * trips;
    });
    if (linear && innerLoops <= 1 && AllocOp(row).getOffset())
      proofs.push_back(BarrierProofAttr::get(&getContext(), AllocOp(row).getLabel(),
                                             *AllocOp(row).getOffset(), perProgram, perTile,
                                             perTrip));
  }
  if (!proofs.empty())
    kernel.setBarrierProofsAttr(Builder(&getContext()).getArrayAttr(proofs));
}

/// Before one program of a cluster reaches into another, that one must have made its barriers, and
/// it must not end before.
static LogicalResult checkCluster(KernelOp kernel) {
  llvm::SmallPtrSet<Operation *, 4> made; // Since the programs last met.
  Operation *reach = nullptr;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<ClusterBarrierOp>(op)) {
      made.clear();
      reach = nullptr;
    }
    WalkResult walk = op.walk([&](Operation *inner) {
      if (auto init = dyn_cast<MBarrierInitOp>(inner))
        made.insert(init.getBarriers().getDefiningOp());
      Value barriers = getReachedBarriers(inner);
      if (!barriers)
        return WalkResult::advance();
      reach = inner;
      if (!made.contains(barriers.getDefiningOp()))
        return WalkResult::advance();
      inner->emitOpError() << "reaches into programs that may not have made their barriers yet; a "
                              "'tk.cluster_barrier' must come between";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      return failure();
  }
  if (reach)
    return reach->emitOpError() << "reaches into programs that may have ended; a "
                                   "'tk.cluster_barrier' must follow at the end of the kernel";
  return success();
}

void CertifyRings::runOnOperation() {
  KernelOp kernel = getOperation();
  if (failed(checkCluster(kernel)))
    return signalPassFailure();
  arrivals.clear();
  descriptions.clear();
  phases.clear();
  int64_t stages = 0;
  kernel.walk([&](MBarrierInitOp init) {
    if (auto alloc = init.getBarriers().getDefiningOp<AllocOp>()) {
      arrivals[alloc] = init.getArrivals();
      stages = std::max(stages, init.getBarriers().getType().getStages());
    }
  });
  if (arrivals.empty())
    return;
  auto opts = remarkOn(kernel, "rings", "tk-certify-rings");
  std::set<int64_t> inner{0, 1, 2, stages - 1, stages, stages + 1};
  std::string obstacle;
  std::string decision;
  int64_t runs = 0, waits = 0;
  for (int64_t outer : {1, 2})
    for (int64_t trips : inner)
      for (unsigned skipped = 0; skipped < 1u << outer; ++skipped) {
        if (skipped != 0 && decision.empty()) // Nothing can be left out.
          break;
        int64_t most = 0;
        if (failed(certify({trips, outer, skipped}, most, decision, obstacle)))
          return signalPassFailure();
        waits = std::max(waits, most);
        ++runs;
      }
  if (!obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  if (decision.empty()) // Else how many tiles are left out is not known.
    keepCounts();
  std::string list;
  for (int64_t trips : inner)
    list += (list.empty() ? "" : ", ") + std::to_string(trips);
  remark::passed(kernel.getLoc(), opts) << remark::add(
      "the barrier protocol ends, without a lap or an early release, for {0} trips in 1 and 2 "
      "tiles{1}: {2} runs, {3} waits in the longest",
      list, decision.empty() ? "" : ", each of them with and without the branch around its work",
      runs, waits);
}
