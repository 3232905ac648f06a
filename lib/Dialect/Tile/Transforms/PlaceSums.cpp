//===- PlaceSums.cpp - Memory and barriers for sums over programs -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

namespace tk::tile {
#define GEN_PASS_DEF_PLACESUMS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct PlaceSums : tk::tile::impl::PlaceSumsBase<PlaceSums> {
  void runOnOperation() override;

private:
  LogicalResult placeClusterSums();
  LogicalResult place(ClusterSumOp sum, OpBuilder &initialise);
  LogicalResult placePartials();
  void place(SharePartialOp partial);
  void place(AddPartialsOp sum);
};

} // namespace

static int64_t countConsumers(Operation *op) {
  auto roles = op->getParentOfType<SpecializeOp>();
  return roles ? int64_t(roles.getConsumers()) : 1;
}

/// Which of the consumers this is, or zero.
static Value createReplica(OpBuilder &builder, Location location, int64_t consumers) {
  if (consumers > 1)
    return ReplicaOp::create(builder, location, builder.getIndexType());
  return arith::ConstantIndexOp::create(builder, location, 0);
}

static int64_t countBytes(Type type) {
  auto tile = cast<RankedTensorType>(type);
  return tile.getNumElements() * tile.getElementTypeBitWidth() / 8;
}

LogicalResult PlaceSums::place(ClusterSumOp sum, OpBuilder &initialise) {
  KernelOp kernel = getOperation();
  for (Operation *parent = sum->getParentOp(); parent != kernel; parent = parent->getParentOp())
    if (!isa<SpecializeOp>(parent))
      return sum.emitOpError() << "expected outside of loops and branches, got it inside '"
                               << parent->getName()
                               << "': its memory can be used once, and all programs must come here";
  int64_t consumers = countConsumers(sum), bytes = countBytes(sum.getValue().getType());
  Location location = sum.getLoc();
  Value scratch =
      AllocOp::create(initialise, location, ScratchType::get(&getContext(), consumers * bytes),
                      "sum", IntegerAttr());
  auto one = MBarriersType::get(&getContext(), 1);
  Value ready = AllocOp::create(initialise, location, one, "sum ready", IntegerAttr());
  int64_t arrivals = kernel.getClusterSize() * consumers * hopper::kWarpgroupThreads;
  MBarrierInitOp::create(initialise, location, ready, arrivals);
  OpBuilder builder(sum);
  Value replica = createReplica(builder, location, consumers);
  Value cursor = RingStartOp::create(builder, location, CursorType::get(&getContext(), 1));
  auto placed =
      ClusterSumOp::create(builder, location, sum.getResult().getType(), sum.getValue(),
                           sum.getDimension(), scratch, replica, ready, cursor, BanksAttr());
  sum.replaceAllUsesWith(placed.getResult());
  sum.erase();
  remark::passed(location, remarkOn(kernel, "sum", "tk-place-sums"))
      << remark::add("{0} bytes of scratch memory for each of {1} warpgroup(s); {2} arrivals say "
                     "that all programs have written theirs",
                     bytes, consumers, arrivals);
  return success();
}

LogicalResult PlaceSums::placeClusterSums() {
  KernelOp kernel = getOperation();
  SmallVector<ClusterSumOp> sums;
  kernel.getBody().walk([&](ClusterSumOp sum) {
    if (!sum.getScratch())
      sums.push_back(sum);
  });
  if (sums.empty())
    return success();
  Location location = sums.front().getLoc();
  OpBuilder initialise = OpBuilder::atBlockBegin(&kernel.getBody().front());
  auto barrier = ClusterBarrierOp::create(initialise, location);
  initialise.setInsertionPoint(barrier);
  for (ClusterSumOp sum : sums)
    if (failed(place(sum, initialise)))
      return failure();
  // A program that has ended has no shared memory that the others could still read.
  OpBuilder atEnd(kernel.getBody().front().getTerminator());
  ClusterBarrierOp::create(atEnd, location);
  return success();
}

/// All threads write, then one says so.
void PlaceSums::place(SharePartialOp partial) {
  OpBuilder builder(partial);
  Location location = partial.getLoc();
  Value part = createReplica(builder, location, countConsumers(partial));
  WorkspaceStoreOp::create(builder, location, partial.getValue(), partial.getProgram(), part);
  BarrierOp::create(builder, location);
  WorkspaceSignalOp::create(builder, location, partial.getProgram(), part);
  partial.erase();
}

/// One thread waits for what a program has written, then all read it.
void PlaceSums::place(AddPartialsOp sum) {
  OpBuilder builder(sum);
  Location location = sum.getLoc();
  Value part = createReplica(builder, location, countConsumers(sum));
  Value one = arith::ConstantIndexOp::create(builder, location, 1);
  auto loop =
      scf::ForOp::create(builder, location, sum.getFirst(), sum.getEnd(), one, sum.getValue());
  builder.setInsertionPointToStart(loop.getBody());
  Value program = loop.getInductionVar(), before = loop.getRegionIterArgs()[0], after;
  WorkspaceTakeOp::create(builder, location, program, part);
  BarrierOp::create(builder, location);
  Value summand =
      WorkspaceLoadOp::create(builder, location, sum.getResult().getType(), program, part);
  if (isa<FloatType>(cast<RankedTensorType>(summand.getType()).getElementType()))
    after = arith::AddFOp::create(builder, location, before, summand);
  else
    after = arith::AddIOp::create(builder, location, before, summand);
  scf::YieldOp::create(builder, location, after);
  sum.replaceAllUsesWith(loop.getResult(0));
  sum.erase();
}

LogicalResult PlaceSums::placePartials() {
  KernelOp kernel = getOperation();
  SmallVector<SharePartialOp> partials;
  SmallVector<AddPartialsOp> sums;
  kernel.getBody().walk([&](SharePartialOp op) { partials.push_back(op); });
  kernel.getBody().walk([&](AddPartialsOp op) { sums.push_back(op); });
  if (partials.empty() && sums.empty())
    return success();
  if (partials.size() != 1)
    return kernel.emitOpError() << "expected one 'tk.share_partial', as a program's slot holds one "
                                   "tile, got "
                                << partials.size();
  SharePartialOp partial = partials.front();
  Type tile = partial.getValue().getType();
  for (AddPartialsOp sum : sums)
    if (sum.getValue().getType() != tile)
      return sum.emitOpError() << "expected tiles as 'tk.share_partial' leaves them, " << tile
                               << ", got " << sum.getValue().getType();
  int64_t consumers = countConsumers(partial);
  for (AddPartialsOp sum : sums)
    if (countConsumers(sum) != consumers)
      return sum.emitOpError() << "expected to be run by " << consumers
                               << " warpgroup(s), as 'tk.share_partial' is, got "
                               << countConsumers(sum);
  // Each thread has 16 bytes beside those of the next, however few it holds.
  int64_t bytes =
      llvm::alignTo(countBytes(tile), hopper::kWarpgroupThreads * hopper::kMaxVectorBytes);
  kernel.setWorkspaceAttr(WorkspaceAttr::get(&getContext(), consumers * bytes, consumers));
  remark::passed(partial.getLoc(), remarkOn(kernel, "workspace", "tk-place-sums"))
      << remark::add("{0} bytes of global memory for each program, in {1} part(s), each with a "
                     "flag that says it is written",
                     consumers * bytes, consumers);
  place(partial);
  for (AddPartialsOp sum : sums)
    place(sum);
  return success();
}

void PlaceSums::runOnOperation() {
  if (failed(placeClusterSums()) || failed(placePartials()))
    signalPassFailure();
}
