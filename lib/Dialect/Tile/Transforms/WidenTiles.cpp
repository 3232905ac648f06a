//===- WidenTiles.cpp - Neighbouring programs become one ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_WIDENTILES
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// A dimension of a register tile.
using Axis = std::pair<Value, unsigned>;

/// Finds the dimensions of tiles that run along x: those loaded and stored at `program_id(0) *
/// extent`, and what flows from and to them. Each index along them is computed by itself, so f
/// programs of extent e compute what one of extent f * e does.
class AlongX {
public:
  explicit AlongX(KernelOp kernel) : kernel(kernel) {}
  /// Why the programs along x are not neighbours that could be one, or an empty string.
  std::string find();
  /// Whether it is the columns of every product that run along x.
  bool areColumns();
  void widen(int64_t factor);

private:
  std::string findOffsets();
  std::string spread();
  std::string check();
  void link(Operation *op, function_ref<void(Axis, Axis)> same);

  KernelOp kernel;
  SmallVector<arith::MulIOp> offsets; ///< program_id(0) * extent
  arith::CeilDivUIOp gridExtent;
  int64_t extent = 0;
  llvm::SetVector<Axis> axes;
};

struct WidenTiles : tk::tile::impl::WidenTilesBase<WidenTiles> {
  void runOnOperation() override;

private:
  int64_t getOperandBytes(int64_t factor);
  std::string findWideObstacle(int64_t factor);
  int64_t chooseFactor(std::string &reason);
};

} // namespace

std::string AlongX::findOffsets() {
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  gridExtent = grid.getSizes()[0].getDefiningOp<arith::CeilDivUIOp>();
  APInt constant;
  if (!gridExtent || !matchPattern(gridExtent.getRhs(), m_ConstantInt(&constant)))
    return "the grid's x is not a size divided by a constant, rounded up";
  extent = constant.getSExtValue();
  std::string obstacle;
  kernel.getBody().walk([&](Operation *op) {
    if (isa<NumProgramsOp>(op))
      obstacle = "the body asks how many programs there are";
    auto id = dyn_cast<ProgramIdOp>(op);
    if (!id || id.getDimension() != 0)
      return;
    for (Operation *user : id->getUsers()) {
      auto product = dyn_cast<arith::MulIOp>(user);
      Value other;
      if (product)
        other = product.getLhs() == id.getResult() ? product.getRhs() : product.getLhs();
      if (!other || !matchPattern(other, m_ConstantInt(&constant)) ||
          constant.getSExtValue() != extent)
        obstacle = llvm::formatv("program_id 0 is used by '{0}', not only times {1}",
                                 user->getName(), extent);
      else
        offsets.push_back(product);
    }
  });
  if (offsets.empty() && obstacle.empty())
    return "no tile's place depends on program_id 0";
  return obstacle;
}

/// Calls `same` for dimensions that an operation makes one.
void AlongX::link(Operation *op, function_ref<void(Axis, Axis)> same) {
  auto all = [&](Value a, Value b) {
    auto type = dyn_cast<RankedTensorType>(a.getType());
    for (unsigned d = 0; type && isa<RankedTensorType>(b.getType()) && d < type.getRank(); ++d)
      same({a, d}, {b, d});
  };
  if (OpTrait::hasElementwiseMappableTraits(op))
    for (Value result : op->getResults())
      for (Value operand : op->getOperands())
        all(operand, result);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    for (auto [init, argument, yielded, result] :
         llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getYieldedValues(),
                         loop.getResults())) {
      all(init, argument);
      all(argument, yielded);
      all(yielded, result);
    }
  if (auto dot = dyn_cast<DotOp>(op)) {
    all(dot.getAcc(), dot.getResult());
    same({dot.getA(), 0}, {dot.getResult(), 0});
    same({dot.getB(), 1}, {dot.getResult(), 1});
    same({dot.getA(), 1}, {dot.getB(), 0});
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    for (unsigned d = 0; d < cast<RankedTensorType>(broadcast.getType()).getRank(); ++d)
      if (!broadcast.repeats(d))
        same({broadcast.getTile(), d}, {broadcast.getResult(), d});
}

std::string AlongX::spread() {
  std::string obstacle;
  auto seed = [&](Value tile, OperandRange indices) {
    unsigned leading = indices.size() - cast<RankedTensorType>(tile.getType()).getRank();
    for (auto [d, index] : llvm::enumerate(indices)) {
      auto product = index.getDefiningOp<arith::MulIOp>();
      if (!product || !llvm::is_contained(offsets, product))
        continue;
      if (d < leading)
        obstacle = llvm::formatv("program_id 0 chooses one index along dimension {0} of a view: "
                                 "neighbours have other tiles, not wider ones",
                                 d);
      else
        axes.insert({tile, d - leading});
    }
  };
  for (arith::MulIOp product : offsets)
    for (Operation *user : product->getUsers()) {
      if (auto load = dyn_cast<LoadOp>(user))
        seed(load.getResult(), load.getOffsets());
      else if (auto store = dyn_cast<StoreOp>(user))
        seed(store.getValue(), store.getOffsets());
      else
        return llvm::formatv("'{0}' uses a tile's place along x", user->getName());
    }
  if (!obstacle.empty())
    return obstacle;
  size_t before;
  do {
    before = axes.size();
    kernel.getBody().walk([&](Operation *op) {
      link(op, [&](Axis a, Axis b) {
        if (axes.contains(a))
          axes.insert(b);
        if (axes.contains(b))
          axes.insert(a);
      });
    });
  } while (axes.size() != before);
  return {};
}

/// Every place a widened dimension comes from or goes to must be one that moves with the program.
std::string AlongX::check() {
  // The offset along dimension d of the tile; the view may have others before.
  auto moves = [&](OperandRange indices, RankedTensorType type, unsigned d) {
    auto product = indices[indices.size() - type.getRank() + d].getDefiningOp<arith::MulIOp>();
    return product && llvm::is_contained(offsets, product);
  };
  for (auto [tile, d] : axes) {
    auto type = cast<RankedTensorType>(tile.getType());
    for (unsigned other = 0; other < type.getRank(); ++other)
      if (other != d && axes.contains({tile, other}))
        return llvm::formatv("two dimensions of {0} run along x: wider, it would reach beside the "
                             "diagonal",
                             Type(type));
    if (type.getDimSize(d) != extent)
      return llvm::formatv("dimension {0} of {1} moves by {2} from program to program", d,
                           Type(type), extent);
    if (Operation *op = tile.getDefiningOp()) {
      auto constant = dyn_cast<arith::ConstantOp>(op);
      auto load = dyn_cast<LoadOp>(op);
      if (constant ? !isa<SplatElementsAttr>(constant.getValue())
                   : !isa<DotOp, scf::ForOp, BroadcastOp, tensor::SplatOp>(op) &&
                         !OpTrait::hasElementwiseMappableTraits(op) &&
                         !(load && moves(load.getOffsets(), type, d)))
        return llvm::formatv("the result of '{0}' does not widen", op->getName());
    }
    for (Operation *user : tile.getUsers()) {
      auto store = dyn_cast<StoreOp>(user);
      if (auto dot = dyn_cast<DotOp>(user);
          dot && ((tile == dot.getA() && d == 1) || (tile == dot.getB() && d == 0)))
        return "a product sums along x";
      bool isCarried = isa<scf::ForOp>(user) ||
                       (isa<scf::YieldOp>(user) && isa<scf::ForOp>(user->getParentOp()));
      if (!isCarried && !isa<DotOp, BroadcastOp>(user) &&
          !OpTrait::hasElementwiseMappableTraits(user) &&
          !(store && moves(store.getOffsets(), type, d)))
        return llvm::formatv("'{0}' uses a tile along x", user->getName());
    }
  }
  return {};
}

std::string AlongX::find() {
  if (std::string obstacle = findOffsets(); !obstacle.empty())
    return obstacle;
  if (std::string obstacle = spread(); !obstacle.empty())
    return obstacle;
  return check();
}

bool AlongX::areColumns() {
  WalkResult walk = kernel.getBody().walk([&](DotOp dot) {
    return axes.contains({dot.getResult(), 1}) ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !walk.wasInterrupted();
}

void AlongX::widen(int64_t factor) {
  for (auto [tile, d] : axes) {
    auto type = cast<RankedTensorType>(tile.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[d] *= factor;
    auto wide = RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
    if (auto constant = tile.getDefiningOp<arith::ConstantOp>())
      constant.setValueAttr(
          cast<SplatElementsAttr>(constant.getValue()).resizeSplat(cast<ShapedType>(wide)));
    tile.setType(wide);
  }
  auto scale = [&](OpOperand &operand) {
    OpBuilder builder(operand.getOwner());
    operand.set(
        arith::ConstantIndexOp::create(builder, operand.getOwner()->getLoc(), extent * factor));
  };
  // The division may serve other dimensions of the grid as well.
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  OpBuilder builder(grid);
  Value wide = arith::ConstantIndexOp::create(builder, gridExtent.getLoc(), extent * factor);
  grid->setOperand(
      0, arith::CeilDivUIOp::create(builder, gridExtent.getLoc(), gridExtent.getLhs(), wide));
  eraseDeadOps(kernel.getGrid());
  for (arith::MulIOp product : offsets)
    scale(product->getOpOperand(product.getLhs().getDefiningOp<ProgramIdOp>() ? 1 : 0));
}

/// How many programs along x should become one: as many as fill the widest accumulator that
/// consumers hold.
int64_t WidenTiles::chooseFactor(std::string &reason) {
  KernelOp kernel = getOperation();
  TuningAttr tuning = kernel.getTuningAttr();
  if (tuning && tuning.getWiden())
    return *tuning.getWiden();
  bool isShared = false;
  kernel.getBody().walk([&](ClusterSumOp) { isShared = true; });
  if (isShared) {
    reason =
        "programs share the depth of a tile because there are few tiles: wider, there would be "
        "fewer";
    return 1;
  }
  int64_t rows = 0, columns = 0;
  kernel.getBody().walk([&](DotOp dot) {
    auto type = cast<RankedTensorType>(dot.getResult().getType());
    rows = std::max(rows, type.getDimSize(0));
    columns = std::max(columns, type.getDimSize(1));
  });
  int64_t consumers = chooseConsumers(kernel);
  if (tuning && tuning.getConsumers() == 1) {
    reason = "one consumer holds the whole tile, which is large enough";
    return 1;
  }
  if (columns == 0 || consumers == 1 || rows < consumers * hopper::kWgmmaM) {
    reason = "no product with rows for every consumer";
    return 1;
  }
  if (rows % (consumers * hopper::kWgmmaM) != 0) {
    reason = llvm::formatv("{0} consumers cannot share {1} rows in slabs of {2}: one holds the "
                           "whole tile, which is large enough",
                           consumers, rows, hopper::kWgmmaM);
    return 1;
  }
  // With a load that consumers cannot share out, roles will not be split.
  WalkResult walk = kernel.getBody().walk([&](LoadOp load) {
    bool isOperand = llvm::all_of(load->getUsers(), llvm::IsaPred<DotOp>);
    std::string obstacle = isOperand ? "" : findSharedLoadObstacle(kernel, load);
    if (obstacle.empty())
      return WalkResult::advance();
    reason = obstacle + ": one warpgroup does all work, and holds the whole tile";
    return WalkResult::interrupt();
  });
  if (walk.wasInterrupted()) {
    return 1;
  }
  if (!areOperandsCopied(kernel)) {
    reason = "without the copy engine one warpgroup holds the whole tile, which is large enough";
    return 1;
  }
  int64_t slabs = rows / consumers / hopper::kWgmmaM;
  int64_t held = 2 * (hopper::chooseRoleRegisters(consumers).consumer - hopper::kWorkRegisters);
  int64_t threads = hopper::kWarpgroupThreads * (1 + consumers);
  int64_t widest = std::min(held / slabs, hopper::getWidestWgmma(threads));
  if (columns * 2 > widest && widest < hopper::kWgmmaMaxN)
    reason = llvm::formatv("{0} consumers hold {1} rows of at most {2} columns each", consumers,
                           slabs * hopper::kWgmmaM, widest);
  int64_t factor = std::max<int64_t>(1, widest / columns);
  // A ring of two stages must be left room for.
  while (factor > 1 && 2 * getOperandBytes(factor) > hopper::kStageBytes)
    if (--factor == 1)
      reason =
          llvm::formatv("operands of twice the columns take {0} bytes a step, of {1} for two steps",
                        getOperandBytes(2), hopper::kStageBytes);
  return factor;
}

/// Bytes that one step of the kernel's products loads, with `factor` times the columns.
int64_t WidenTiles::getOperandBytes(int64_t factor) {
  int64_t bytes = 0;
  llvm::SmallPtrSet<Operation *, 8> known;
  getOperation().getBody().walk([&](DotOp dot) {
    for (auto [operand, times] : {std::pair(dot.getA(), int64_t(1)), std::pair(dot.getB(), factor)})
      if (auto load = operand.getDefiningOp<LoadOp>(); load && known.insert(load).second) {
        auto tile = cast<RankedTensorType>(operand.getType());
        bytes += times * tile.getNumElements() * tile.getElementTypeBitWidth() / 8;
      }
  });
  return bytes;
}

/// Why a product would lose the copy engine for its right operand, or an empty string.
std::string WidenTiles::findWideObstacle(int64_t factor) {
  std::string obstacle;
  getOperation().getBody().walk([&](DotOp dot) {
    auto load = dot.getB().getDefiningOp<LoadOp>();
    if (!load)
      return;
    GlobalType view = load.getView().getType();
    SmallVector<int64_t> shape(cast<RankedTensorType>(dot.getB().getType()).getShape());
    if (!findTMAObstacle(view, shape).empty())
      return;
    shape.back() *= factor;
    if (std::string found = findTMAObstacle(view, shape); !found.empty())
      obstacle =
          llvm::formatv("the copy engine could not read the right operand any more: {0}", found);
  });
  return obstacle;
}

void WidenTiles::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo())
    return;
  auto opts = remarkOn(kernel, "widen", "tk-widen-tiles");
  std::string reason;
  int64_t factor = chooseFactor(reason);
  if (factor > 1) {
    AlongX along(kernel);
    reason = along.find();
    TuningAttr tuning = kernel.getTuningAttr();
    if (reason.empty() && !(tuning && tuning.getWiden()) && !along.areColumns())
      reason = "it is not the columns of every product that run along x";
    if (reason.empty())
      reason = findWideObstacle(factor);
    if (reason.empty()) {
      along.widen(factor);
      if (TuningAttr tuning = kernel.getTuningAttr()) // Done, and not to be done again.
        kernel.setTuningAttr(TuningAttr::get(
            &getContext(), tuning.getStages(), tuning.getConsumers(), tuning.getProducerRegisters(),
            tuning.getConsumerRegisters(), std::nullopt, tuning.getGroup(), tuning.getVariants(),
            tuning.getOrder(), tuning.getCluster(), tuning.getSplitK(), tuning.getStreamK()));
      remark::passed(kernel.getLoc(), opts) << remark::add(
          "{0} programs along x are one: each operand tile is used for more products", factor);
      return;
    }
  }
  if (!reason.empty())
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", reason);
}
