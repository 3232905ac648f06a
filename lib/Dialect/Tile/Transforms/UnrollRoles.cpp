//===- UnrollRoles.cpp - A role as the list of its events -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BarrierProtocol.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;
using namespace tk::tile::protocol;

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

Value protocol::getReachedBarriers(Operation *op) {
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

/// Whether programs of one cluster have different numbers here: they lie along this dimension.
static bool differsInCluster(ProgramIdOp id) {
  auto cluster = id->getParentOfType<KernelOp>().getCluster();
  size_t dimension = id.getDimension();
  return cluster && dimension < cluster->size() && (*cluster)[dimension] > 1;
}

/// What a loop's own number reads as.
static constexpr StringLiteral kEachTile = "each ";

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
    os << kEachTile << "at depth " << depth << " of (";
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
  auto id = dyn_cast<ProgramIdOp>(op);
  if (isa<ReplicaOp>(op) || (id && differsInCluster(id)) ||
      (programs > 1 && isa<ClusterRankOp>(op)) || op->getNumRegions() != 0 ||
      !isMemoryEffectFree(op))
    return failure();
  if (op->getNumResults() != 1) // Views and places of a table's rows.
    os << "result " << cast<OpResult>(value).getResultNumber() << " of ";
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
  varies |= StringRef(text).contains(kEachTile);
  return success();
}

LogicalResult Unroller::visitLoop(scf::ForOp loop) {
  if (failed(describeLoop(loop)))
    return failure();
  bool isOuter = false;
  loop.getBody()->walk([&](scf::ForOp) { isOuter = true; });
  int64_t count = isOuter ? scenario.outer : scenario.tripsIn(tile);
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
    if (isOuter) {
      tile = i;
      // What is known of a loop's trips is known of this tile alone.
      loop.getBody()->walk(
          [&](scf::ForOp inner) { trips.erase({inner.getLowerBound(), inner.getUpperBound()}); });
    }
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
