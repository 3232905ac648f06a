//===- StageOperands.cpp - Bring operands through rings -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/DenseSet.h"

namespace tk::tile {
#define GEN_PASS_DEF_STAGEOPERANDS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct StageOperands : tk::tile::impl::StageOperandsBase<StageOperands> {
  void runOnOperation() override;

private:
  SmallVector<LoadOp> findOperands(scf::ForOp loop);
  std::string findObstacle(LoadOp load);
  int64_t chooseStages(RingType one);
  int64_t countOtherBytes();
  void stage(ArrayRef<LoadOp> loads, scf::ForOp loop);
  llvm::DenseSet<Operation *> declined;
  int64_t numRings = 1; ///< That share the room for operands,
  int64_t room = 0;     ///< in bytes.
};

} // namespace

/// The first and the last of the dots that a load feeds, if nothing else uses it and they stand in
/// its own block.
static std::pair<Operation *, Operation *> findDots(LoadOp load) {
  Operation *first = nullptr, *last = nullptr;
  for (Operation *user : load.getResult().getUsers()) {
    auto dot = dyn_cast<DotOp>(user);
    if (!dot || dot.getAcc() == load.getResult() || dot->getBlock() != load->getBlock())
      return {};
    if (!first || user->isBeforeInBlock(first))
      first = user;
    if (!last || last->isBeforeInBlock(user))
      last = user;
  }
  return {first, last};
}

/// Why the load cannot go through a ring, or an empty string.
std::string StageOperands::findObstacle(LoadOp load) {
  std::optional<ViewSource> view = findViewSource(load.getView());
  if (!view)
    return "its view is no argument of the kernel and no row of one";
  std::string name = getOperation().describeView(*view), obstacle;
  getOperation().getBody().walk([&](StoreOp store) {
    std::optional<ViewSource> dest = findViewSource(store.getView());
    if (dest == view)
      obstacle =
          llvm::formatv("\"{0}\" is also stored to, and copies ahead could read old values", name);
    else if (!dest && obstacle.empty())
      obstacle =
          llvm::formatv("a store may go to \"{0}\", and copies ahead could read old values", name);
  });
  if (!obstacle.empty())
    return obstacle;
  auto tensor = cast<RankedTensorType>(load.getResult().getType());
  for (Operation *user : load.getResult().getUsers())
    if (std::string obstacle = cast<DotOp>(user).findObstacle(); !obstacle.empty())
      return "the tensor core cannot do its product: " + obstacle;
  if (std::string obstacle = findTMAObstacle(load.getView().getType(), tensor.getShape());
      !obstacle.empty())
    return llvm::formatv("the copy engine cannot read \"{0}\": {1}", name, obstacle);
  auto tile = SharedType::get(&getContext(), tensor.getShape(), tensor.getElementType(), {});
  if (!addSwizzle(tile, *load.getView().getType().getContiguousDimension(tensor.getRank())))
    return llvm::formatv("no swizzle fits a tile of {0}", tensor);
  for (Operation *parent = load->getParentOp(); parent != getOperation();
       parent = parent->getParentOp())
    if (!isa<scf::ForOp, scf::IfOp>(parent))
      return llvm::formatv("it is inside '{0}', which cursors are not carried through",
                           parent->getName());
  return {};
}

/// The loads of a loop's body that only feed its dots, in order, all before the first of those
/// dots.
SmallVector<LoadOp> StageOperands::findOperands(scf::ForOp loop) {
  SmallVector<LoadOp> loads;
  Operation *firstDot = nullptr;
  for (LoadOp load : loop.getBody()->getOps<LoadOp>()) {
    Operation *dot = findDots(load).first;
    if (!dot || declined.contains(load))
      continue;
    std::string obstacle = findObstacle(load);
    if (obstacle.empty() && firstDot && firstDot->isBeforeInBlock(load))
      obstacle = "an earlier product comes before it; a slot is filled at once";
    if (!obstacle.empty()) {
      declined.insert(load);
      remark::missed(load.getLoc(), remarkOn(getOperation(), "stage", "tk-stage-operands"))
          << remark::reason("{0}", obstacle);
      continue;
    }
    loads.push_back(load);
    if (!firstDot || dot->isBeforeInBlock(firstDot))
      firstDot = dot;
  }
  return loads;
}

int64_t StageOperands::chooseStages(RingType one) {
  TuningAttr tuning = getOperation().getTuningAttr();
  if (tuning && tuning.getStages())
    return std::min(*tuning.getStages(), hopper::kMaxStages);
  return std::clamp<int64_t>(room / numRings / one.getSlotBytes(), 1, hopper::kUsefulStages);
}

/// What sums over a cluster need, and operands of products that are in no ring.
int64_t StageOperands::countOtherBytes() {
  llvm::DenseSet<Value> staged, others;
  getOperation().getBody().walk([&](scf::ForOp loop) {
    for (LoadOp load : findOperands(loop))
      staged.insert(load.getResult());
  });
  getOperation().getBody().walk([&](Operation *op) {
    if (auto sum = dyn_cast<ClusterSumOp>(op))
      others.insert(sum.getValue());
    if (auto dot = dyn_cast<DotOp>(op); dot && dot.findObstacle().empty())
      for (Value operand : {dot.getA(), dot.getB()})
        if (!staged.contains(operand) && !operand.getDefiningOp<SharedLoadOp>())
          others.insert(operand);
  });
  int64_t bytes = 0;
  for (Value value : others) {
    auto tile = cast<RankedTensorType>(value.getType());
    bytes += tile.getNumElements() * tile.getElementTypeBitWidth() / 8;
  }
  return bytes;
}

/// Rebuilds a branch with one more result: `value`, from either side.
static scf::IfOp addResult(IRRewriter &rewriter, scf::IfOp branch, Value value) {
  rewriter.setInsertionPoint(branch);
  SmallVector<Type> types(branch.getResultTypes());
  types.push_back(value.getType());
  auto rebuilt = scf::IfOp::create(rewriter, branch.getLoc(), types, branch.getCondition(),
                                   /*addThenBlock=*/false, /*addElseBlock=*/false);
  rebuilt.getThenRegion().takeBody(branch.getThenRegion());
  rebuilt.getElseRegion().takeBody(branch.getElseRegion());
  if (rebuilt.getElseRegion().empty()) {
    rewriter.createBlock(&rebuilt.getElseRegion());
    scf::YieldOp::create(rewriter, branch.getLoc());
  }
  for (Block *block : {rebuilt.thenBlock(), rebuilt.elseBlock()})
    block->getTerminator()->insertOperands(block->getTerminator()->getNumOperands(), value);
  rewriter.replaceOp(branch, rebuilt.getResults().drop_back());
  return rebuilt;
}

/// Adds a value to what `loop` and the loops and branches around it carry. Returns the loop, which
/// is rebuilt; its last iteration argument is the value.
static scf::ForOp carryThrough(IRRewriter &rewriter, scf::ForOp loop, Value start) {
  SmallVector<Operation *> around{loop}; // Innermost first.
  while (isa<scf::ForOp, scf::IfOp>(around.back()->getParentOp()))
    around.push_back(around.back()->getParentOp());
  auto keep = [](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
    return SmallVector<Value>(added.begin(), added.end());
  };
  Operation *yield =
      nullptr; // Of the operation around, whose last operand is the next one's result.
  for (size_t i = around.size(); i-- > 0;) {
    // Rebuilding an operation moves those inside, unchanged.
    Value result;
    Operation *next = nullptr;
    if (auto branch = dyn_cast<scf::IfOp>(around[i])) {
      branch = addResult(rewriter, branch, start);
      result = branch.getResults().back();
      next = around[i - 1]->getBlock()->getTerminator();
    } else {
      loop = cast<scf::ForOp>(*cast<scf::ForOp>(around[i]).replaceWithAdditionalYields(
          rewriter, start, /*replaceInitOperandUsesInLoop=*/false, keep));
      start = loop.getRegionIterArgs().back();
      result = loop.getResults().back();
      next = loop.getBody()->getTerminator();
    }
    if (yield)
      yield->setOperand(yield->getNumOperands() - 1, result);
    yield = next;
  }
  return loop;
}

void StageOperands::stage(ArrayRef<LoadOp> loads, scf::ForOp loop) {
  KernelOp kernel = getOperation();
  IRRewriter rewriter(&getContext());
  SmallVector<SharedType> tiles;
  SmallVector<std::string> names;
  SmallVector<Location> locations;
  for (LoadOp load : loads) {
    auto tensor = cast<RankedTensorType>(load.getResult().getType());
    tiles.push_back(SharedType::get(&getContext(), tensor.getShape(), tensor.getElementType(), {}));
    names.push_back(kernel.describeView(*findViewSource(load.getView())));
    locations.push_back(load.getLoc());
  }
  int64_t stages = chooseStages(RingType::get(&getContext(), 1, tiles));
  auto type = RingType::get(&getContext(), stages, tiles);

  Block &start = kernel.getBody().front();
  rewriter.setInsertionPointToStart(&start);
  Location location = FusedLoc::get(&getContext(), locations);
  std::string label = llvm::join(names, ", ");
  Value ring = CreateRingOp::create(rewriter, location, type, label);
  Value first = RingStartOp::create(rewriter, location, CursorType::get(&getContext(), stages));
  loop = carryThrough(rewriter, loop, first);
  Value cursor = loop.getRegionIterArgs().back();

  // Producer: where the last load stood, all offsets are known.
  LoadOp lastLoad = loads.back();
  rewriter.setInsertionPoint(lastLoad);
  RingAcquireOp::create(rewriter, location, ring, cursor);
  for (auto [index, load] : llvm::enumerate(loads)) {
    LoadOp op = load;
    RingFillOp::create(rewriter, op.getLoc(), ring, cursor, index, op.getView(), op.getOffsets(),
                       op.getMulticast());
  }
  RingPublishOp::create(rewriter, location, ring, cursor);
  // Consumer.
  auto wait = RingWaitOp::create(rewriter, location, SmallVector<Type>(tiles.begin(), tiles.end()),
                                 ring, cursor);
  Operation *lastDot = nullptr;
  for (auto [load, tile] : llvm::zip_equal(loads, wait.getTiles())) {
    LoadOp op = load;
    Operation *dot = findDots(op).second;
    if (!lastDot || lastDot->isBeforeInBlock(dot))
      lastDot = dot;
    Value value =
        SharedLoadOp::create(rewriter, op.getLoc(), op.getResult().getType(), tile, BanksAttr());
    rewriter.replaceOp(op, value);
  }
  rewriter.setInsertionPointAfter(lastDot);
  RingReleaseOp::create(rewriter, location, ring, cursor);
  Operation *yield = loop.getBody()->getTerminator();
  rewriter.setInsertionPoint(yield);
  Value next = RingAdvanceOp::create(rewriter, location, cursor);
  yield->setOperand(yield->getNumOperands() - 1, next);

  remark::passed(location, remarkOn(kernel, "stage", "tk-stage-operands")) << remark::add(
      "{0} come through a ring of {1} stages of {2} bytes", label, stages, type.getSlotBytes());
}

void StageOperands::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo())
    return;
  declined.clear();
  numRings = 0;
  kernel.getBody().walk([&](scf::ForOp loop) { numRings += !findOperands(loop).empty(); });
  room = std::max<int64_t>(0, hopper::kStageBytes - countOtherBytes());
  // A loop that is staged is rebuilt, and so are those around it: look again after each.
  while (true) {
    SmallVector<LoadOp> loads;
    scf::ForOp found;
    kernel.getBody().walk([&](scf::ForOp loop) {
      loads = findOperands(loop);
      found = loop;
      return loads.empty() ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (loads.empty())
      return;
    stage(loads, found);
  }
}
