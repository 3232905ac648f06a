//===- PlaceSums.cpp - Memory and barriers for sums over a cluster ------===//
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
  LogicalResult place(ClusterSumOp sum, OpBuilder &initialise);
};

} // namespace

LogicalResult PlaceSums::place(ClusterSumOp sum, OpBuilder &initialise) {
  KernelOp kernel = getOperation();
  for (Operation *parent = sum->getParentOp(); parent != kernel; parent = parent->getParentOp())
    if (!isa<SpecializeOp>(parent))
      return sum.emitOpError() << "expected outside of loops and branches, got it inside '"
                               << parent->getName()
                               << "': its memory can be used once, and all programs must come here";
  auto roles = sum->getParentOfType<SpecializeOp>();
  int64_t consumers = roles ? int64_t(roles.getConsumers()) : 1;
  auto tile = cast<RankedTensorType>(sum.getValue().getType());
  int64_t bytes = tile.getNumElements() * tile.getElementTypeBitWidth() / 8;
  Location location = sum.getLoc();
  Value scratch =
      AllocOp::create(initialise, location, ScratchType::get(&getContext(), consumers * bytes),
                      "sum", IntegerAttr());
  auto one = MBarriersType::get(&getContext(), 1);
  Value ready = AllocOp::create(initialise, location, one, "sum ready", IntegerAttr());
  int64_t arrivals = kernel.getClusterSize() * consumers * hopper::kWarpgroupThreads;
  MBarrierInitOp::create(initialise, location, ready, arrivals);
  OpBuilder builder(sum);
  Value replica = consumers > 1
                      ? Value(ReplicaOp::create(builder, location, builder.getIndexType()))
                      : Value(arith::ConstantIndexOp::create(builder, location, 0));
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

void PlaceSums::runOnOperation() {
  KernelOp kernel = getOperation();
  SmallVector<ClusterSumOp> sums;
  kernel.getBody().walk([&](ClusterSumOp sum) {
    if (!sum.getScratch())
      sums.push_back(sum);
  });
  if (sums.empty())
    return;
  Location location = sums.front().getLoc();
  OpBuilder initialise = OpBuilder::atBlockBegin(&kernel.getBody().front());
  auto barrier = ClusterBarrierOp::create(initialise, location);
  initialise.setInsertionPoint(barrier);
  for (ClusterSumOp sum : sums)
    if (failed(place(sum, initialise)))
      return signalPassFailure();
  // A program that has ended has no shared memory that the others could still read.
  OpBuilder atEnd(kernel.getBody().front().getTerminator());
  ClusterBarrierOp::create(atEnd, location);
}
