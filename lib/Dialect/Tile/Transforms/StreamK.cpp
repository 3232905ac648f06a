//===- StreamK.cpp - As many steps for every program ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "WalkTiles.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_STREAMK
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// The steps of a loop over the depth, all of whose bounds are the same for every tile.
struct Depth {
  Value lower, upper, step;
  Value trips; ///< At least one, so that a tile of depth zero has someone who finishes it.
};

struct StreamK : tk::tile::impl::StreamKBase<StreamK> {
  void runOnOperation() override;

private:
  std::string findObstacle();
  std::string findTilesObstacle();
  std::string findDepthObstacle();
  void rewriteGrid(int64_t least);
  void rewriteBody();
  void finish(Value isLast, Value firstProgram, Value program);

  scf::ForOp tiles, depth;
  arith::MinUIOp numPrograms;          ///< Of the grid: the smaller of tiles and multiprocessors.
  llvm::SetVector<Operation *> bounds; ///< What the bounds of `depth` are computed by.
};

} // namespace

/// Whether the sum in the loop's only argument is nothing but a sum: each iteration adds to it.
static bool onlyAdds(scf::ForOp loop) {
  Value sum = loop.getRegionIterArgs()[0], next = loop.getYieldedValues()[0];
  if (!sum.hasOneUse() || !next.hasOneUse())
    return false;
  Operation *op = next.getDefiningOp();
  if (auto dot = dyn_cast_if_present<DotOp>(op))
    return dot.getAcc() == sum;
  return isa_and_present<arith::AddFOp, arith::AddIOp>(op) &&
         llvm::is_contained(op->getOperands(), sum);
}

/// Why the body is not the loop over tiles that tk-persist makes, or an empty string.
std::string StreamK::findTilesObstacle() {
  KernelOp kernel = getOperation();
  tiles = {};
  for (auto loop : kernel.getBody().getOps<scf::ForOp>())
    if (loop->hasAttr(kIndependentAttrName))
      tiles = loop;
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  numPrograms = grid.getSizes()[0].getDefiningOp<arith::MinUIOp>();
  bool walks = tiles && tiles.getInitArgs().empty() && grid.getSizes().size() == 1 && numPrograms &&
               numPrograms.getRhs().getDefiningOp<NumSMsOp>() &&
               tiles.getLowerBound().getDefiningOp<ProgramIdOp>() &&
               tiles.getStep().getDefiningOp<NumProgramsOp>();
  if (kernel.getClusterSize() > 1)
    return "programs of a cluster share loads, and must do the same steps";
  return walks ? "" : "no program walks tiles: tk-persist has not made it do so";
}

/// Why the loop over the depth cannot be cut anywhere, or an empty string.
std::string StreamK::findDepthObstacle() {
  auto loops = tiles.getBody()->getOps<scf::ForOp>();
  if (!llvm::hasSingleElement(loops))
    return "there is not one loop over the depth of a tile";
  depth = *loops.begin();
  if (!depth.getInductionVar().getType().isIndex() || depth.getUnsignedCmp())
    return llvm::formatv("the loop counts in {0}{1}: expected index, with sign",
                         depth.getInductionVar().getType(),
                         depth.getUnsignedCmp() ? " without sign" : "");
  if (depth.getNumResults() != 1 || !onlyAdds(depth))
    return "the loop carries something other than one sum that each step adds to";
  auto sum = dyn_cast<RankedTensorType>(depth.getResult(0).getType());
  if (!sum || sum.getRank() != 2 || sum.getDimSize(0) % hopper::kWgmmaM != 0 ||
      sum.getDimSize(1) % hopper::kWgmmaNStep != 0)
    return llvm::formatv("{0} is passed on in whole vectors of all threads: expected multiples of "
                         "{1} rows and {2} columns",
                         depth.getResult(0).getType(), hopper::kWgmmaM, hopper::kWgmmaNStep);
  if (!sum.getElementType().isF32() && !sum.getElementType().isInteger(32))
    return llvm::formatv("sums of {0} are not exchanged", sum.getElementType());
  if (!matchPattern(depth.getInitArgs()[0], m_AnyZeroFloat()) &&
      !matchPattern(depth.getInitArgs()[0], m_Zero()))
    return "the sum does not start at zero";
  // The host counts the steps as well.
  bounds.clear();
  SmallVector<Value> worklist{depth.getLowerBound(), depth.getUpperBound(), depth.getStep()};
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op && !isa<KernelOp>(value.getParentBlock()->getParentOp()))
      return "the loop's bounds depend on the tile";
    if (!op || bounds.contains(op))
      continue;
    if (!isa<DimOp>(op) && !isHostArithmetic(op)) // A size is as known as its view.
      return llvm::formatv("the loop's bounds come from '{0}', which the host does not compute",
                           op->getName());
    bounds.insert(op);
    llvm::append_range(worklist, op->getOperands());
  }
  for (Operation &op : llvm::make_range(tiles.getBody()->begin(), depth->getIterator()))
    if (!isMemoryEffectFree(&op) && !isa<LoadOp, LoadScalarOp>(op))
      return llvm::formatv("'{0}' comes before the loop, and every program that shares the tile "
                           "would do it",
                           op.getName());
  return {};
}

std::string StreamK::findObstacle() {
  if (std::string obstacle = findTilesObstacle(); !obstacle.empty())
    return obstacle;
  return findDepthObstacle();
}

/// Writes the bounds of the loop over the depth where they hold for all tiles.
static Depth cloneDepth(IndexBuilder index, scf::ForOp loop, ArrayRef<Operation *> bounds,
                        IRMapping &mapping) {
  for (Operation *op : bounds)
    index.builder.clone(*op, mapping);
  Depth depth{mapping.lookupOrDefault(loop.getLowerBound()),
              mapping.lookupOrDefault(loop.getUpperBound()),
              mapping.lookupOrDefault(loop.getStep()), Value()};
  Value none = index.constant(0);
  Value extent = index.maxSigned(index.sub(depth.upper, depth.lower), none);
  depth.trips = index.max(index.ceilDiv(extent, depth.step), index.constant(1));
  return depth;
}

/// As many programs as there are multiprocessors; where tiles are fewer, no more than leave each
/// `least` steps, but one for each tile.
void StreamK::rewriteGrid(int64_t least) {
  KernelOp kernel = getOperation();
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  OpBuilder builder(grid);
  IndexBuilder index{builder, grid.getLoc()};
  IRMapping mapping;
  for (auto [inGrid, inBody] :
       llvm::zip_equal(kernel.getGrid().getArguments(), kernel.getBody().getArguments()))
    mapping.map(inBody, inGrid);
  Depth steps = cloneDepth(index, depth, bounds.getArrayRef(), mapping);
  Value count = numPrograms.getLhs(), sms = numPrograms.getRhs();
  Value shares = index.div(index.mul(count, steps.trips), index.constant(least));
  grid->setOperand(0, index.min(index.max(count, shares), sms));
  if (numPrograms->use_empty()) // Of a grid region written by hand, something else may use it.
    numPrograms.erase();
}

/// What comes after the loop over the depth is done by the program that does the last steps of the
/// tile, with what others did of it; these leave their part.
void StreamK::finish(Value isLast, Value firstProgram, Value program) {
  Location location = depth.getLoc();
  SmallVector<Operation *> after;
  for (Operation *op = depth->getNextNode(); op != depth->getBlock()->getTerminator();
       op = op->getNextNode())
    after.push_back(op);
  OpBuilder builder(depth->getContext());
  builder.setInsertionPointAfter(depth);
  auto branch = scf::IfOp::create(builder, location, isLast, /*withElseRegion=*/true);
  Value partial = depth.getResult(0);
  builder.setInsertionPointToStart(branch.thenBlock());
  auto sum = AddPartialsOp::create(builder, location, partial, firstProgram, program);
  for (Operation *op : after)
    op->moveBefore(branch.thenBlock()->getTerminator());
  partial.replaceAllUsesExcept(sum.getResult(), sum);
  builder.setInsertionPointToStart(branch.elseBlock());
  SharePartialOp::create(builder, location, partial, program);
}

void StreamK::rewriteBody() {
  Location location = tiles.getLoc();
  OpBuilder builder(tiles);
  IndexBuilder index{builder, location};
  IRMapping mapping;
  Depth steps = cloneDepth(index, depth, bounds.getArrayRef(), mapping);
  Value zero = index.constant(0), one = index.constant(1);
  Value count = tiles.getUpperBound(), program = tiles.getLowerBound(), programs = tiles.getStep();

  // Tiles 0 to `shared` are cut; the others are whole waves. Of a grid without a rest, none is cut.
  Value waves = index.div(count, programs);
  Value whole = index.mul(index.maxSigned(index.sub(waves, one), zero), programs);
  Value hasRest = index.isLess(index.mul(waves, programs), count);
  Value shared = index.select(hasRest, index.maxSigned(index.sub(count, whole), zero), zero);
  Value units = index.mul(shared, steps.trips);
  Value begin = index.div(index.mul(program, units), programs);
  Value end = index.div(index.mul(index.add(program, one), units), programs);
  Value past = index.ceilDiv(end, steps.trips); // The tile after the last that it works on.
  Value numShared = index.sub(past, index.div(begin, steps.trips));
  Value numWhole = index.div(index.sub(count, shared), programs);

  auto loop = scf::ForOp::create(builder, location, zero, index.add(numShared, numWhole), one);
  loop->setAttr(kIndependentAttrName, builder.getUnitAttr());
  Operation *yield = loop.getBody()->getTerminator();
  builder.setInsertionPoint(yield);
  Value turn = loop.getInductionVar();
  Value isShared = index.isLess(turn, numShared);
  Value down = index.maxSigned(index.sub(past, index.add(turn, one)), zero);
  Value wave = index.maxSigned(index.sub(turn, numShared), zero);
  Value across = index.add(shared, index.add(index.mul(wave, programs), program));
  Value tile = index.select(isShared, down, across);
  Value firstUnit = index.mul(tile, steps.trips);
  Value firstStep = index.maxSigned(index.sub(begin, firstUnit), zero);
  Value lastStep = index.minSigned(index.sub(end, firstUnit), steps.trips);
  lastStep = index.select(isShared, lastStep, steps.trips);
  Value isLast = index.isEqual(lastStep, steps.trips);
  // Program p begins with unit p * units / programs, rounded down.
  Value firstProgram = index.div(index.sub(index.mul(index.add(firstUnit, one), programs), one),
                                 index.max(units, one));
  firstProgram = index.select(isShared, firstProgram, program);

  tiles.getInductionVar().replaceAllUsesWith(tile);
  loop.getBody()->getOperations().splice(yield->getIterator(), tiles.getBody()->getOperations(),
                                         tiles.getBody()->begin(),
                                         tiles.getBody()->getTerminator()->getIterator());
  builder.setInsertionPoint(depth);
  depth.setLowerBound(index.add(steps.lower, index.mul(firstStep, steps.step)));
  Value stop = index.add(steps.lower, index.mul(lastStep, steps.step));
  depth.setUpperBound(index.minSigned(steps.upper, stop));
  depth.setStep(steps.step);
  finish(isLast, firstProgram, program);
  tiles.erase();
}

void StreamK::runOnOperation() {
  KernelOp kernel = getOperation();
  TuningAttr tuning = kernel.getTuningAttr();
  if (kernel.getLoweredTo() || !tuning || !tuning.getStreamK())
    return;
  auto opts = remarkOn(kernel, "stream-k", "tk-stream-k");
  if (std::string obstacle = findObstacle(); !obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  int64_t least = *tuning.getStreamK();
  auto sum = cast<RankedTensorType>(depth.getResult(0).getType());
  // Definitions before uses.
  SmallVector<Operation *> sorted(bounds.getArrayRef());
  llvm::sort(sorted, [](Operation *a, Operation *b) {
    if (a->getBlock() == b->getBlock())
      return a->isBeforeInBlock(b);
    return a->getBlock()->getParentOp()->isProperAncestor(b); // The outer block first.
  });
  bounds = llvm::SetVector<Operation *>(sorted.begin(), sorted.end());
  rewriteGrid(least);
  rewriteBody();
  remark::passed(kernel.getLoc(), opts)
      << remark::add("every program does as many steps of tiles that are no whole wave, at least "
                     "{0} or those of a "
                     "tile; sums of {1} bytes go from program to program",
                     least, sum.getNumElements() * sum.getElementTypeBitWidth() / 8);
}
