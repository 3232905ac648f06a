//===- SplitK.cpp - Programs that share the depth of a product ----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_SPLITK
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct SplitK : tk::tile::impl::SplitKBase<SplitK> {
  void runOnOperation() override;

private:
  std::string findObstacle(int64_t programs);
  std::string findUserObstacle(Value tile);
  scf::ForOp loop;
  DotOp dot;
  llvm::SetVector<Operation *> users; ///< What becomes of the sum.
};

} // namespace

/// Why what becomes of a sum cannot be done on a piece of its columns, or an empty string.
std::string SplitK::findUserObstacle(Value tile) {
  for (Operation *user : tile.getUsers()) {
    if (!users.insert(user) || isa<StoreOp>(user))
      continue;
    if (!OpTrait::hasElementwiseMappableTraits(user))
      return llvm::formatv("'{0}' uses the product, and needs all of its columns", user->getName());
    for (Value operand : user->getOperands()) {
      auto constant = operand.getDefiningOp<arith::ConstantOp>();
      bool isSplat = constant && isa<SplatElementsAttr>(constant.getValue());
      bool isScalar = !isa<RankedTensorType>(operand.getType());
      if (operand != tile && !isSplat && !isScalar)
        return llvm::formatv("'{0}' combines the product with another tile", user->getName());
    }
    for (Value result : user->getResults())
      if (std::string obstacle = findUserObstacle(result); !obstacle.empty())
        return obstacle;
  }
  return {};
}

/// Why the depth cannot be shared, or an empty string.
std::string SplitK::findObstacle(int64_t programs) {
  KernelOp kernel = getOperation();
  if (kernel.getCluster())
    return "the kernel has clusters already";
  if (cast<GridOp>(kernel.getGrid().front().getTerminator()).getSizes().size() > 2)
    return "the grid has three dimensions, and none is left for the parts of the depth";
  if (!kernel.getGrid().getOps<ProgramIdOp>().empty())
    return "the grid is ragged: its last dimension is the rows of a table";
  loop = {};
  dot = {};
  users.clear();
  std::string obstacle;
  kernel.getBody().walk([&](Operation *op) {
    if (auto product = dyn_cast<DotOp>(op)) {
      if (dot)
        obstacle = "there is more than one product";
      dot = product;
    }
    if (isa<NumProgramsOp>(op))
      obstacle = "the body asks how many programs there are";
    if (isa<ClusterRankOp, ClusterBarrierOp, ClusterSumOp>(op))
      obstacle = "the body asks for its place in a cluster, which is none";
    auto id = dyn_cast<ProgramIdOp>(op);
    if (id && id.getDimension() == 2)
      obstacle = "the body asks for its place along z";
  });
  if (!obstacle.empty())
    return obstacle;
  loop = dot ? dyn_cast<scf::ForOp>(dot->getParentOp()) : scf::ForOp();
  if (!loop || loop->getParentOp() != kernel)
    return "there is no product in a loop of its own";
  if (loop.getNumResults() != 1 || dot.getAcc() != loop.getRegionIterArgs()[0] ||
      loop.getYieldedValues()[0] != dot.getResult() || !dot.getResult().hasOneUse() ||
      !loop.getRegionIterArgs()[0].hasOneUse())
    return "the loop carries more than the sum of its products";
  if (!matchPattern(loop.getInitArgs()[0], m_AnyZeroFloat()) &&
      !matchPattern(loop.getInitArgs()[0], m_Zero()))
    return "the sum does not start at zero";
  auto sum = cast<RankedTensorType>(dot.getResult().getType());
  if (!sum.getElementType().isF32() && !sum.getElementType().isInteger(32))
    return llvm::formatv("sums of {0} are not exchanged", sum.getElementType());
  if (sum.getDimSize(1) % (programs * hopper::kWgmmaNStep) != 0)
    return llvm::formatv("{0} columns are no {1} pieces of a multiple of {2}", sum.getDimSize(1),
                         programs, hopper::kWgmmaNStep);
  if (!loop.getInductionVar().getType().isIndex() || loop.getUnsignedCmp())
    return llvm::formatv("the loop counts in {0}{1}: expected index, with sign",
                         loop.getInductionVar().getType(),
                         loop.getUnsignedCmp() ? " without sign" : "");
  if (obstacle = findUserObstacle(loop.getResult(0)); !obstacle.empty())
    return obstacle;
  // Every program of the cluster does what is left of the body.
  kernel.getBody().walk([&](Operation *op) {
    if (op->getNumRegions() == 0 && hasEffect<MemoryEffects::Write>(op) && !users.contains(op))
      obstacle = llvm::formatv("'{0}' has nothing to do with the product, and every program that "
                               "shares it would do it",
                               op->getName());
  });
  return obstacle;
}

/// Takes a piece of the columns through what becomes of a sum.
static void narrow(ArrayRef<Operation *> users, int64_t programs, Value rank) {
  auto shrink = [&](Type type) -> RankedTensorType {
    auto tensor = cast<RankedTensorType>(type);
    return RankedTensorType::get({tensor.getDimSize(0), tensor.getDimSize(1) / programs},
                                 tensor.getElementType());
  };
  llvm::SmallDenseMap<Operation *, Value> constants; // That other operations may need whole.
  for (Operation *user : users) {
    OpBuilder builder(user);
    Location location = user->getLoc();
    if (auto store = dyn_cast<StoreOp>(user)) {
      int64_t columns = cast<RankedTensorType>(store.getValue().getType()).getDimSize(1);
      // Its value has been narrowed, or is the sum itself.
      Value extent = arith::ConstantIndexOp::create(builder, location, columns);
      Value first = arith::MulIOp::create(builder, location, rank, extent);
      OpOperand &offset = store.getOffsetsMutable()[store.getOffsets().size() - 1];
      offset.set(arith::AddIOp::create(builder, location, offset.get(), first));
      continue;
    }
    for (OpOperand &operand : user->getOpOperands()) {
      auto constant = operand.get().getDefiningOp<arith::ConstantOp>();
      if (!constant || !isa<RankedTensorType>(constant.getType()))
        continue;
      Value &piece = constants[constant];
      if (!piece) {
        OpBuilder atConstant(constant);
        auto splat = cast<SplatElementsAttr>(constant.getValue());
        piece = arith::ConstantOp::create(atConstant, constant.getLoc(),
                                          splat.resizeSplat(shrink(constant.getType())));
      }
      operand.set(piece);
    }
    for (Value result : user->getResults())
      result.setType(shrink(result.getType()));
  }
}

void SplitK::runOnOperation() {
  KernelOp kernel = getOperation();
  TuningAttr tuning = kernel.getTuningAttr();
  int64_t programs = tuning && tuning.getSplitK() ? *tuning.getSplitK() : 1;
  if (kernel.getLoweredTo() || programs == 1)
    return;
  auto opts = remarkOn(kernel, "split-k", "tk-split-k");
  if (std::string obstacle = findObstacle(programs); !obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  Location location = loop.getLoc();
  OpBuilder builder(loop);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, location, value);
  };
  // Each program takes as many whole steps; the last ones may find none left.
  Value rank = ClusterRankOp::create(builder, location, builder.getIndexType());
  Value lower = loop.getLowerBound(), upper = loop.getUpperBound(), step = loop.getStep();
  Value depth = arith::SubIOp::create(builder, location, upper, lower);
  depth = arith::MaxSIOp::create(builder, location, depth, constant(0));
  Value steps = arith::CeilDivUIOp::create(builder, location, depth, step);
  Value share = arith::CeilDivUIOp::create(builder, location, steps, constant(programs));
  Value extent = arith::MulIOp::create(builder, location, share, step);
  Value first = arith::MulIOp::create(builder, location, rank, extent);
  first = arith::AddIOp::create(builder, location, lower, first);
  Value end = arith::AddIOp::create(builder, location, first, extent);
  end = arith::MinSIOp::create(builder, location, end, upper);
  loop.setLowerBound(first);
  loop.setUpperBound(end);

  Value whole = loop.getResult(0);
  auto type = cast<RankedTensorType>(whole.getType());
  auto piece = RankedTensorType::get({type.getDimSize(0), type.getDimSize(1) / programs},
                                     type.getElementType());
  builder.setInsertionPointAfter(loop);
  auto sum = ClusterSumOp::create(builder, location, piece, whole, /*dimension=*/1, Value(),
                                  Value(), Value(), Value(), BanksAttr());
  whole.replaceAllUsesExcept(sum.getResult(), sum);
  narrow(users.getArrayRef(), programs, rank);

  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  builder.setInsertionPoint(grid);
  SmallVector<Value> sizes(grid.getSizes());
  while (sizes.size() < 2)
    sizes.push_back(arith::ConstantIndexOp::create(builder, grid.getLoc(), 1));
  sizes.push_back(arith::ConstantIndexOp::create(builder, grid.getLoc(), programs));
  GridOp::create(builder, grid.getLoc(), sizes);
  grid.erase();
  kernel.setCluster(ArrayRef<int64_t>{1, 1, programs});
  remark::passed(kernel.getLoc(), opts) << remark::add(
      "{0} programs of a cluster share the depth of each tile; each adds up and stores {1} of {2} "
      "columns",
      programs, piece.getDimSize(1), type.getDimSize(1));
}
