//===- TileRegisters.cpp - Registers that tiles take at once --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileRegisters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Transforms/RegionUtils.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

RankedTensorType tk::tile::getRegisterTile(Value value) {
  if (auto inflight = dyn_cast<InflightType>(value.getType()))
    return inflight.getTensor();
  return dyn_cast<RankedTensorType>(value.getType());
}

int64_t tk::tile::countRegisters(RankedTensorType tile) {
  int64_t ofElement = tile.getElementTypeBitWidth() > 32 ? 2 : 1;
  if (tile.getRank() != 2)
    return ofElement * llvm::divideCeil(tile.getNumElements(), hopper::kWarpgroupThreads);
  // A warp holds 16 rows of each 64; a thread, 2 of them and 2 of each 8 columns (PTX ISA 9.1,
  // 9.7.15.5.1.1). What is repeated along a dimension of extent 1 has one element there.
  int64_t rows = tile.getDimSize(0), columns = tile.getDimSize(1);
  int64_t ofRows = rows == 1 ? 1 : 2 * llvm::divideCeil(rows, hopper::kWgmmaM);
  int64_t ofColumns = columns == 1 ? 1 : 2 * llvm::divideCeil(columns, hopper::kWgmmaNStep);
  return ofElement * ofRows * ofColumns;
}

bool tk::tile::isRepeated(Value tile) {
  llvm::SetVector<Value> work;
  work.insert(tile);
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (isa_and_present<BroadcastOp, arith::ConstantOp, tensor::SplatOp, tensor::ExtractSliceOp,
                        ub::PoisonOp>(op))
      continue;
    if (!op || !OpTrait::hasElementwiseMappableTraits(op))
      return false;
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        work.insert(operand);
  }
  return true;
}

/// Adds the tiles whose registers a use of `value` reads.
static void addHeld(Value value, llvm::DenseSet<Value> &tiles) {
  llvm::SetVector<Value> work;
  work.insert(value);
  for (size_t i = 0; i < work.size(); ++i) {
    Value tile = work[i];
    if (!getRegisterTile(tile))
      continue;
    if (isRepeated(tile))
      work.insert_range(tile.getDefiningOp()->getOperands());
    else
      tiles.insert(tile);
  }
}

static int64_t count(const llvm::DenseSet<Value> &tiles) {
  int64_t registers = 0;
  for (Value tile : tiles)
    registers += countRegisters(getRegisterTile(tile));
  return registers;
}

/// Whether an operation names an accumulator for its registers alone: the product reads nothing.
static bool isOverwritten(Operation &op) {
  auto fence = dyn_cast<WgmmaFenceOp>(op);
  if (!fence || !fence->hasOneUse())
    return false;
  auto product = dyn_cast<WgmmaOp>(*fence->user_begin());
  return product && product.getOverwrite();
}

TileRegisters::TileRegisters(KernelOp kernel) { visit(kernel.getBody().front(), {}); }

/// Backwards from what is live at the end of a block.
void TileRegisters::visit(Block &block, Tiles live) {
  for (Operation &op : llvm::reverse(block)) {
    liveAfter[&op] = count(live);
    for (Value result : op.getResults())
      live.erase(result);
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op.getRegions(), captured);
    for (Value value : captured)
      addHeld(value, live); // Through every iteration of a loop.
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        visit(inner, live);
    if (!isOverwritten(op))
      for (Value operand : op.getOperands())
        addHeld(operand, live);
    liveBefore[&op] = count(live);
  }
}

Operation *TileRegisters::findPeak(Block &block) const {
  auto taken = [&](Operation &op) { return std::max(before(&op), after(&op)); };
  return &*std::max_element(block.begin(), block.end(),
                            [&](Operation &a, Operation &b) { return taken(a) < taken(b); });
}
