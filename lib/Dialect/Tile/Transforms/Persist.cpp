//===- Persist.cpp - One program per multiprocessor ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "WalkTiles.h"
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
  WalkResult asksForDevice =
      kernel.getGrid().walk([](NumSMsOp) { return WalkResult::interrupt(); });
  if (asksForDevice.wasInterrupted())
    return "the grid already depends on the number of multiprocessors";
  if (!kernel.getGrid().getOps<ProgramIdOp>().empty())
    return "the grid is ragged: tk-flatten-grid makes one dimension of it";
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
  for (Operation &op : kernel.getGrid().front().without_terminator()) {
    // What the host counted is read.
    if (auto tiles = dyn_cast<TableTilesOp>(op))
      mapping.map(tiles.getResult(),
                  TableTotalOp::create(builder, op.getLoc(), builder.getIndexType(),
                                       mapping.lookup(tiles.getTable()))
                      .getResult());
    else
      builder.clone(op, mapping);
  }
  SmallVector<Value> extents;
  for (Value size : cast<GridOp>(kernel.getGrid().front().getTerminator()).getSizes())
    extents.push_back(mapping.lookup(size));
  return extents;
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
  TileWalk walk = chooseWalk(kernel);
  int64_t programs = kernel.getClusterSize();
  unsigned shared = 0; // The dimension of the grid along which a cluster lies.
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster())
    shared = llvm::max_element(*cluster) - cluster->begin();
  if (walk.order == TileOrder::Bands && shared == 1) // As many rows, of programs or of clusters.
    walk.group = std::max<int64_t>(1, walk.group / programs);

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
  SmallVector<Value> ids = decodeTile(index, loop.getInductionVar(), extents, walk);
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
  remark::passed(location, opts) << remark::add(
      "one {0} per multiprocessor walks the grid's {1} dimension(s) {2}",
      programs > 1 ? "program of a cluster" : "program", extents.size(),
      describeWalk(walk, extents.size()));
}
