//===- Persist.cpp - One program per multiprocessor ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

namespace tk::tile {
#define GEN_PASS_DEF_PERSIST
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct Persist : tk::tile::impl::PersistBase<Persist> {
  void runOnOperation() override;

private:
  std::string findObstacle();
};

/// Index arithmetic on values that are not negative.
struct IndexBuilder {
  OpBuilder &builder;
  Location location;

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, location, value); }
  Value add(Value a, Value b) { return arith::AddIOp::create(builder, location, a, b); }
  Value sub(Value a, Value b) { return arith::SubIOp::create(builder, location, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(builder, location, a, b); }
  Value div(Value a, Value b) { return arith::DivUIOp::create(builder, location, a, b); }
  Value rem(Value a, Value b) { return arith::RemUIOp::create(builder, location, a, b); }
  Value min(Value a, Value b) { return arith::MinUIOp::create(builder, location, a, b); }
};

} // namespace

/// Why one program per multiprocessor would be wrong or slower, or an empty string.
std::string Persist::findObstacle() {
  KernelOp kernel = getOperation();
  bool hasLoop = false;
  kernel.getBody().walk([&](DotOp dot) { hasLoop |= isa<scf::ForOp>(dot->getParentOp()); });
  if (!hasLoop)
    return "no product in a loop: several blocks on a multiprocessor hide latency better";
  if (!areOperandsCopied(kernel))
    return "operands are not brought by the copy engine, and nothing would run ahead of the "
           "products: "
           "several blocks on a multiprocessor hide latency better";
  if (!kernel.getGrid().getOps<NumSMsOp>().empty())
    return "the grid already depends on the number of multiprocessors";
  bool asksForGrid = false;
  kernel.getBody().walk([&](NumProgramsOp) { asksForGrid = true; });
  if (asksForGrid)
    return "the body asks how many programs there are";
  return {};
}

/// The grid's extents, computed again at the start of the body.
static SmallVector<Value> cloneGrid(KernelOp kernel, OpBuilder &builder) {
  IRMapping mapping;
  for (auto [inGrid, inBody] :
       llvm::zip_equal(kernel.getGrid().getArguments(), kernel.getBody().getArguments()))
    mapping.map(inGrid, inBody);
  for (Operation &op : kernel.getGrid().front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> extents;
  for (Value size : cast<GridOp>(kernel.getGrid().front().getTerminator()).getSizes())
    extents.push_back(mapping.lookup(size));
  return extents;
}

/// Which program tile number `tile` stands for: bands of `group` rows of programs, walked column by
/// column, so that programs that run together share rows and columns of operands in L2.
static SmallVector<Value> decode(IndexBuilder index, Value tile, ArrayRef<Value> extents,
                                 int64_t group) {
  SmallVector<Value> ids{tile};
  if (extents.size() == 1)
    return ids;
  Value columns = extents[0], rows = extents[1];
  if (extents.size() == 3) {
    Value plane = index.mul(columns, rows);
    ids.push_back(Value());
    ids.push_back(index.div(tile, plane));
    tile = index.rem(tile, plane);
  }
  ids.resize(extents.size());
  if (group == 1) {
    ids[0] = index.rem(tile, columns);
    ids[1] = index.div(tile, columns);
    return ids;
  }
  Value height = index.constant(group);
  Value band = index.mul(columns, height);
  Value firstRow = index.mul(index.div(tile, band), height);
  Value inBand = index.rem(tile, band);
  Value bandRows = index.min(index.sub(rows, firstRow), height);
  ids[0] = index.div(inBand, bandRows);
  ids[1] = index.add(firstRow, index.rem(inBand, bandRows));
  return ids;
}

void Persist::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo())
    return;
  auto opts = remarkOn(kernel, "persist", "tk-persist");
  if (std::string obstacle = findObstacle(); !obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  TuningAttr tuning = kernel.getTuningAttr();
  int64_t group = tuning && tuning.getGroup() ? *tuning.getGroup() : hopper::kBandRows;

  Location location = kernel.getLoc();
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> work;
  for (Operation &op : body.without_terminator())
    work.push_back(&op);
  OpBuilder builder = OpBuilder::atBlockBegin(&body);
  IndexBuilder index{builder, location};
  SmallVector<Value> extents = cloneGrid(kernel, builder);
  Value total = extents[0];
  for (Value extent : ArrayRef(extents).drop_front())
    total = index.mul(total, extent);
  Value first = ProgramIdOp::create(builder, location, int64_t(0));
  Value step = NumProgramsOp::create(builder, location, int64_t(0));
  auto loop = scf::ForOp::create(builder, location, first, total, step);
  // Its iterations were programs, whose accesses to views nothing orders.
  loop->setAttr(kIndependentAttrName, builder.getUnitAttr());
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> ids = decode(index, loop.getInductionVar(), extents, group);
  // A grid has one program along the dimensions it does not name.
  kernel.getBody().walk([&](ProgramIdOp id) {
    while (ids.size() <= id.getDimension())
      ids.push_back(index.constant(0));
  });
  for (Operation *op : work)
    op->moveBefore(loop.getBody()->getTerminator());
  loop.walk([&](ProgramIdOp id) {
    id.replaceAllUsesWith(ids[id.getDimension()]);
    id.erase();
  });

  // The grid: as many programs as there are multiprocessors, or tiles where those are fewer.
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  builder.setInsertionPoint(grid);
  IndexBuilder host{builder, grid.getLoc()};
  Value tiles = grid.getSizes()[0];
  for (Value extent : grid.getSizes().drop_front())
    tiles = host.mul(tiles, extent);
  Value sms = NumSMsOp::create(builder, grid.getLoc(), builder.getIndexType());
  GridOp::create(builder, grid.getLoc(), ValueRange(host.min(tiles, sms)));
  grid.erase();
  remark::passed(location, opts) << remark::add(
      "one program per multiprocessor walks the grid's {0} dimension(s) in bands of {1} row(s)",
      extents.size(), extents.size() > 1 ? group : 1);
}
