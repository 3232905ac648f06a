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
#include "mlir/IR/Matchers.h"
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
  Value max(Value a, Value b) { return arith::MaxUIOp::create(builder, location, a, b); }
  Value isEqual(Value a, Value b) { return compare(arith::CmpIPredicate::eq, a, b); }
  Value isLess(Value a, Value b) { return compare(arith::CmpIPredicate::ult, a, b); }
  Value both(Value a, Value b) { return arith::AndIOp::create(builder, location, a, b); }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, location, condition, a, b);
  }

private:
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(builder, location, predicate, a, b);
  }
};

} // namespace

static bool isMultiple(Value size, int64_t divisor) {
  APInt constant;
  if (matchPattern(size, m_ConstantInt(&constant)))
    return constant.getSExtValue() % divisor == 0;
  auto product = size.getDefiningOp<arith::MulIOp>();
  return product &&
         (isMultiple(product.getLhs(), divisor) || isMultiple(product.getRhs(), divisor));
}

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
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster())
    if (llvm::count_if(*cluster, [](int64_t extent) { return extent > 1; }) > 1)
      return "clusters along several dimensions of the grid are not walked";
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster()) {
    auto sizes = cast<GridOp>(kernel.getGrid().front().getTerminator()).getSizes();
    unsigned along = llvm::max_element(*cluster) - cluster->begin();
    int64_t programs = kernel.getClusterSize();
    if (programs > 1 && (along >= sizes.size() || !isMultiple(sizes[along], programs)))
      return llvm::formatv("the grid is not known to be whole clusters of {0} along dimension {1}",
                           programs, along);
  }
  bool asksForGrid = false, hasSum = false;
  kernel.getBody().walk([&](ClusterSumOp) { hasSum = true; });
  if (hasSum)
    return "programs of a cluster add up one tile, and their memory for that can be used once";
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

/// A point of Hilbert's curve through a square of `side` (a power of two): the column and row of
/// step `step`. The curve starts at column 0 of row 0 and ends at the last column of that row, next
/// to where the curve through the square beside it starts.
static std::pair<Value, Value> followHilbert(IndexBuilder index, Value step, int64_t side) {
  Value zero = index.constant(0), one = index.constant(1), two = index.constant(2);
  Value x = zero, y = zero;
  for (int64_t s = 1; s < side; s *= 2) {
    Value right = index.rem(index.div(step, two), two);
    Value up =
        index.rem(index.add(step, right), two); // Whether exactly one of the low bits is set.
    step = index.div(step, index.constant(4));
    // A quarter that the curve enters from above is turned.
    Value last = index.constant(s - 1);
    Value turned = index.isEqual(up, zero), mirrored = index.isEqual(right, one);
    Value flipX = index.select(mirrored, index.sub(last, x), x);
    Value flipY = index.select(mirrored, index.sub(last, y), y);
    Value nextX = index.select(turned, flipY, x);
    Value nextY = index.select(turned, flipX, y);
    x = index.add(nextX, index.mul(index.constant(s), right));
    y = index.add(nextY, index.mul(index.constant(s), up));
  }
  return {x, y};
}

/// Which program tile number `tile` stands for: bands of `group` rows of programs, walked column by
/// column, or square by square along Hilbert's curve, so that programs that run together share rows
/// and columns of operands in L2.
static SmallVector<Value> decode(IndexBuilder index, Value tile, ArrayRef<Value> extents,
                                 int64_t group, bool hilbert) {
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
  Value row = index.rem(inBand, bandRows);
  if (hilbert) {
    // Whole squares of a whole band; what is left over is walked column by column.
    Value area = index.constant(group * group);
    Value square = index.div(inBand, area);
    auto [x, y] = followHilbert(index, index.rem(inBand, area), group);
    Value isSquare = index.both(index.isEqual(bandRows, height),
                                index.isLess(square, index.div(columns, height)));
    ids[0] = index.select(isSquare, index.add(index.mul(square, height), x), ids[0]);
    row = index.select(isSquare, y, row);
  }
  ids[1] = index.add(firstRow, row);
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
  TileOrder order = tuning && tuning.getOrder() ? *tuning.getOrder() : TileOrder::Bands;
  int64_t group = tuning && tuning.getGroup() ? *tuning.getGroup() : hopper::kBandRows;
  int64_t programs = kernel.getClusterSize();
  unsigned shared = 0; // The dimension of the grid along which a cluster lies.
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster())
    shared = llvm::max_element(*cluster) - cluster->begin();
  if (order == TileOrder::Rows)
    group = 1;
  else if (order == TileOrder::Bands && shared == 1) // As many rows, of programs or of clusters.
    group = std::max<int64_t>(1, group / programs);

  Location location = kernel.getLoc();
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> work;
  for (Operation &op : body.without_terminator())
    work.push_back(&op);
  OpBuilder builder = OpBuilder::atBlockBegin(&body);
  IndexBuilder index{builder, location};
  // What is walked is clusters; the extents of the grid are multiples of theirs.
  SmallVector<Value> extents = cloneGrid(kernel, builder);
  Value size, rank;
  if (programs > 1) {
    size = index.constant(programs);
    rank = ClusterRankOp::create(builder, location, builder.getIndexType());
    extents[shared] = index.div(extents[shared], size);
  }
  Value total = extents[0];
  for (Value extent : ArrayRef(extents).drop_front())
    total = index.mul(total, extent);
  Value first = ProgramIdOp::create(builder, location, int64_t(0));
  Value step = NumProgramsOp::create(builder, location, int64_t(0));
  if (programs > 1) {
    first = index.div(first, size);
    step = index.div(step, size);
  }
  auto loop = scf::ForOp::create(builder, location, first, total, step);
  // Its iterations were programs, whose accesses to views nothing orders.
  loop->setAttr(kIndependentAttrName, builder.getUnitAttr());
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> ids =
      decode(index, loop.getInductionVar(), extents, group, order == TileOrder::Hilbert);
  if (programs > 1)
    ids[shared] = index.add(index.mul(ids[shared], size), rank);
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
  if (programs > 1) {
    // Whole clusters, and at least one.
    Value size = host.constant(programs);
    sms = host.max(host.sub(sms, host.rem(sms, size)), size);
    kernel.setCluster(programs);
  }
  GridOp::create(builder, grid.getLoc(), ValueRange(host.min(tiles, sms)));
  grid.erase();
  std::string walk = group == 1 || extents.size() == 1 ? "row by row"
                     : order == TileOrder::Hilbert
                         ? llvm::formatv("along Hilbert's curve in squares of {0}", group).str()
                         : llvm::formatv("in bands of {0} row(s)", group).str();
  remark::passed(location, opts) << remark::add(
      "one {0} per multiprocessor walks the grid's {1} dimension(s) {2}",
      programs > 1 ? "program of a cluster" : "program", extents.size(), walk);
}
