//===- FlattenGrid.cpp - One dimension for the programs of a list -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "WalkTiles.h"
#include "mlir/IR/IRMapping.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_FLATTENGRID
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct FlattenGrid : tk::tile::impl::FlattenGridBase<FlattenGrid> {
  void runOnOperation() override;

private:
  LogicalResult check(TableRowOp row);
};

} // namespace

/// The host counts row by row, and knows nothing but the row then.
LogicalResult FlattenGrid::check(TableRowOp row) {
  KernelOp kernel = getOperation();
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  for (Operation &op : kernel.getGrid().front().without_terminator()) {
    if (isa<ProgramIdOp, TableRowOp, TableSizeOp>(op))
      continue;
    if (isa<NumSMsOp>(op))
      return op.emitOpError() << "has no place in a ragged grid: programs compute the extents of "
                                 "their row again, and only the host knows it";
    for (Value operand : op.getOperands())
      if (isa<BlockArgument>(operand) || operand.getDefiningOp<TableSizeOp>())
        return op.emitOpError() << "expected the extents of a grid over \""
                                << kernel.getArgumentName(
                                       cast<BlockArgument>(row.getTable()).getArgNumber())
                                << "\" to depend on its row alone, which is all that the host "
                                   "counts by, got another argument; give each row what it needs";
  }
  for (Value size : grid.getSizes().drop_back())
    if (isa<BlockArgument>(size) || size.getDefiningOp<TableSizeOp>())
      return grid.emitOpError() << "expected the extents of a grid over a table to depend on its "
                                   "row alone, got "
                                << (isa<BlockArgument>(size) ? "an argument of the kernel"
                                                             : "the size of a table");
  if (kernel.getClusterSize() > 1)
    return kernel.emitOpError() << "expected no clusters in a ragged grid, got "
                                << kernel.getClusterSize()
                                << " programs, which may belong to different rows";
  WalkResult walk = kernel.getBody().walk([](NumProgramsOp op) {
    op.emitOpError() << "has no meaning in a ragged grid, which has another number of programs for "
                        "each row; compute it from the row's sizes";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

/// Copies what the extents of one row are computed from, with the row's views for those in the
/// grid.
static SmallVector<Value> cloneExtents(KernelOp kernel, ValueRange views, OpBuilder &builder) {
  IRMapping mapping;
  SmallVector<Value> extents;
  for (Operation &op : kernel.getGrid().front()) {
    if (auto row = dyn_cast<TableRowOp>(op))
      mapping.map(row.getViews(), views);
    else if (auto grid = dyn_cast<GridOp>(op))
      for (Value size : grid.getSizes().drop_back())
        extents.push_back(mapping.lookup(size));
    else if (!isa<ProgramIdOp, TableSizeOp>(op))
      builder.clone(op, mapping);
  }
  return extents;
}

void FlattenGrid::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo() || kernel.getGrid().front().getOps<TableRowOp>().empty())
    return;
  TableRowOp inGrid = *kernel.getGrid().front().getOps<TableRowOp>().begin();
  if (failed(check(inGrid)))
    return signalPassFailure();
  unsigned table = cast<BlockArgument>(inGrid.getTable()).getArgNumber();
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  size_t dimensions = grid.getSizes().size();
  Location location = kernel.getLoc();

  // The body: which row, and which of its programs.
  TileWalk walk = chooseWalk(kernel);
  OpBuilder builder = OpBuilder::atBlockBegin(&kernel.getBody().front());
  IndexBuilder index{builder, location};
  SmallVector<ProgramIdOp> places;
  kernel.getBody().walk([&](ProgramIdOp id) { places.push_back(id); });
  Value tile = ProgramIdOp::create(builder, location, int64_t(0));
  auto found =
      TableLocateOp::create(builder, location, builder.getIndexType(), builder.getIndexType(),
                            kernel.getBody().getArgument(table), tile);
  auto row =
      TableRowOp::create(builder, location, kernel.getBody().getArgument(table), found.getRow());
  SmallVector<Value> extents = cloneExtents(kernel, row.getViews(), builder);
  SmallVector<Value> ids;
  if (!extents.empty())
    ids = decodeTile(index, found.getPlace(), extents, walk);
  ids.push_back(found.getRow());
  // A grid has one program along the dimensions it does not name.
  for (ProgramIdOp id : places)
    while (ids.size() <= id.getDimension())
      ids.push_back(index.constant(0));
  for (ProgramIdOp id : places) {
    id.replaceAllUsesWith(ids[id.getDimension()]);
    id.erase();
  }

  // The grid: the rows' extents, in a region of their own.
  builder.setInsertionPoint(grid);
  auto tiles = TableTilesOp::create(builder, grid.getLoc(), builder.getIndexType(),
                                    kernel.getGrid().getArgument(table));
  Block &count = tiles.getRow().emplaceBlock();
  for (GlobalType column : tiles.getTable().getType().getColumns())
    count.addArgument(column, grid.getLoc());
  OpBuilder inRow = OpBuilder::atBlockEnd(&count);
  SmallVector<Value> counted = cloneExtents(kernel, count.getArguments(), inRow);
  if (counted.empty()) // One program for each row.
    counted.push_back(arith::ConstantIndexOp::create(inRow, grid.getLoc(), 1));
  GridOp::create(inRow, grid.getLoc(), counted);
  GridOp::create(builder, grid.getLoc(), ValueRange(tiles.getResult()));
  grid.erase();
  eraseDeadOps(kernel.getGrid());
  remark::passed(location, remarkOn(kernel, "flatten", "tk-flatten-grid")) << remark::add(
      "the programs of all rows of \"{0}\" are numbered one after the other, those of a row's {1} "
      "dimension(s) {2}",
      kernel.getArgumentName(table), dimensions - 1, describeWalk(walk, dimensions - 1));
}
