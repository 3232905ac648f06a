//===- SpecializeWarps.cpp - Split producer from consumers --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_SPECIALIZEWARPS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// Which register tiles lose rows when the rows of products are dealt out to consumers: those that
/// hold a product's rows, and all that flow into or out of them elementwise.
class RowSlices {
public:
  /// Follows tiles from every product's accumulator; an error says what cannot be sliced.
  static FailureOr<RowSlices> find(KernelOp kernel, int64_t consumers, std::string &obstacle);

  bool contains(Value tile) const { return tiles.contains(tile); }
  ArrayRef<Value> getTiles() const { return tiles.getArrayRef(); }

private:
  llvm::SetVector<Value> tiles;
};

struct SpecializeWarps : tk::tile::impl::SpecializeWarpsBase<SpecializeWarps> {
  void runOnOperation() override;

private:
  std::string findObstacle();
};

} // namespace

static bool isTile(Value value) { return isa<RankedTensorType>(value.getType()); }

/// The tiles that an operation forces to have the same rows; what follows is in `link`'s hands.
static void collectLinks(Operation *op, function_ref<void(ValueRange)> link) {
  if (OpTrait::hasElementwiseMappableTraits(op)) {
    SmallVector<Value> values(op->getOperands());
    llvm::append_range(values, op->getResults());
    link(values);
  }
  if (auto loop = dyn_cast<scf::ForOp>(op))
    for (auto [init, argument, yielded, result] :
         llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getYieldedValues(),
                         loop.getResults()))
      link({init, argument, yielded, result});
  if (auto branch = dyn_cast<scf::IfOp>(op); branch && branch.getNumResults())
    for (auto [onTrue, onFalse, result] :
         llvm::zip_equal(branch.thenYield().getOperands(), branch.elseYield().getOperands(),
                         branch.getResults()))
      link({onTrue, onFalse, result});
  if (auto dot = dyn_cast<DotOp>(op))
    link({dot.getA(), dot.getAcc(), dot.getResult()});
  if (auto broadcast = dyn_cast<BroadcastOp>(op); broadcast && !broadcast.repeats(0))
    link({broadcast.getTile(), broadcast.getResult()});
  if (auto sum = dyn_cast<ClusterSumOp>(op); sum && sum.getDimension() == 1)
    link({sum.getValue(), sum.getResult()});
  if (auto sum = dyn_cast<AddPartialsOp>(op))
    link({sum.getValue(), sum.getResult()});
}

/// Why the defining operation cannot give fewer rows, or an empty string.
static std::string findSliceObstacle(Value tile, int64_t consumers) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getRank() != 2 || type.getDimSize(0) % (consumers * hopper::kWgmmaM) != 0)
    return llvm::formatv("{0} has no {1} times {2} rows", type, consumers, hopper::kWgmmaM);
  Operation *op = tile.getDefiningOp();
  if (!op ||
      isa<scf::ForOp, scf::IfOp, DotOp, LoadOp, ClusterSumOp, AddPartialsOp, BroadcastOp,
          tensor::SplatOp>(op) ||
      OpTrait::hasElementwiseMappableTraits(op))
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue()) ? "" : "a constant differs from row to row";
  auto load = dyn_cast<SharedLoadOp>(op);
  if (!load)
    return llvm::formatv("rows of the result of '{0}' cannot be dealt out", op->getName());
  auto wait = load.getSource().getDefiningOp<RingWaitOp>();
  if (!wait)
    return "a shared tile that is not from a ring cannot be cut";
  unsigned index = cast<OpResult>(load.getSource()).getResultNumber();
  for (Operation *user : wait.getRing().getUsers())
    if (auto fill = dyn_cast<RingFillOp>(user); fill && fill.getTile() == index) {
      SharedType whole = load.getSource().getType();
      SmallVector<int64_t> shape(whole.getShape());
      shape[0] /= consumers;
      auto piece = SharedType::get(tile.getContext(), shape, whole.getElementType(), {});
      unsigned contiguous = getContiguousOrLast(fill.getView().getType(), 2);
      SharedType wholeSwizzled = addSwizzle(whole, contiguous);
      SharedType pieceSwizzled = addSwizzle(piece, contiguous);
      bool equal = wholeSwizzled && pieceSwizzled &&
                   wholeSwizzled.getSharedLayout().span() == pieceSwizzled.getSharedLayout().span();
      bool onePanel =
          equal && contiguous == 1 &&
          int64_t(wholeSwizzled.getSharedLayout().span()) == shape[1] * whole.getElementBytes();
      if (!equal || (contiguous == 1 && !onePanel))
        return llvm::formatv("rows of the shared tile {0} are no tiles of their own: it has more "
                             "than one panel",
                             Type(whole));
    }
  return {};
}

/// Whether an operand is read from a slot of a ring.
static bool isFromRing(Value operand) {
  auto load = operand.getDefiningOp<SharedLoadOp>();
  return load && load.getSource().getDefiningOp<RingWaitOp>();
}

/// Whether a tile was loaded, or computed from one that was.
static bool isLoaded(Value tile) {
  llvm::SetVector<Value> tiles;
  tiles.insert(tile);
  for (size_t i = 0; i < tiles.size(); ++i) {
    Operation *op = tiles[i].getDefiningOp();
    if (isa_and_present<LoadOp>(op))
      return true;
    if (op && (isa<BroadcastOp>(op) || OpTrait::hasElementwiseMappableTraits(op)))
      tiles.insert_range(op->getOperands());
  }
  return false;
}

FailureOr<RowSlices> RowSlices::find(KernelOp kernel, int64_t consumers, std::string &obstacle) {
  RowSlices slices;
  if (consumers == 1) // All rows are its own.
    return slices;
  SmallVector<DotOp> dots;
  kernel.getBody().walk([&](DotOp dot) {
    dots.push_back(dot);
    slices.tiles.insert(dot.getResult());
  });
  // A tile that has nothing to do with products is stored once as well.
  kernel.getBody().walk([&](StoreOp store) { slices.tiles.insert(store.getValue()); });
  size_t before;
  do {
    before = slices.tiles.size();
    kernel.getBody().walk([&](Operation *op) {
      collectLinks(op, [&](ValueRange values) {
        if (llvm::any_of(values, [&](Value value) { return slices.tiles.contains(value); }))
          for (Value value : values)
            if (isTile(value))
              slices.tiles.insert(value);
      });
    });
  } while (slices.tiles.size() != before);
  for (Value tile : slices.tiles)
    if (obstacle = findSliceObstacle(tile, consumers); !obstacle.empty())
      return failure();
  int64_t threads = hopper::kWarpgroupThreads * (1 + consumers);
  int64_t widest = hopper::getWidestWgmma(threads);
  for (DotOp dot : dots) {
    int64_t columns = dot.getResult().getType().getDimSize(1);
    if (int64_t width = std::min(columns, hopper::kWgmmaMaxN); width > widest) {
      obstacle = llvm::formatv(
          "a product of {0} columns takes {1} registers at once, and threads of a block of {2} "
          "start with {3}, of which ptxas wants {4} beside them: at most {5} columns (widen less)",
          width, width / 2, threads, hopper::getLaunchRegisters(threads),
          hopper::kWgmmaWorkRegisters, widest);
      return failure();
    }
    if (slices.tiles.contains(dot.getB())) {
      obstacle = "the right operand of a product depends on the rows of another";
      return failure();
    }
    if (!isFromRing(dot.getA()) || !isFromRing(dot.getB())) {
      obstacle = "an operand of a product is not from a ring, and its buffer would be one for all";
      return failure();
    }
  }
  return slices;
}

/// Why the kernel cannot be split, or an empty string.
std::string SpecializeWarps::findObstacle() {
  KernelOp kernel = getOperation();
  if (!kernel.getBody().getOps<SpecializeOp>().empty())
    return "it is split already";
  bool hasFill = false;
  std::string obstacle;
  kernel.getBody().walk([&](Operation *op) {
    hasFill |= isa<RingFillOp>(op);
    bool isKnown =
        isa<CreateRingOp, RingAcquireOp, RingFillOp, RingPublishOp, RingWaitOp, RingReleaseOp,
            StoreOp, SharedLoadOp, LoadOp, ClusterSumOp, SharePartialOp, AddPartialsOp>(op) ||
        op->getNumRegions() != 0;
    if (!isKnown && !isMemoryEffectFree(op))
      obstacle = llvm::formatv("every role would do the work of '{0}'", op->getName());
    if (isa<CopyOp, SharedStoreOp, AllocOp>(op))
      obstacle = llvm::formatv("'{0}' moves data past the rings", op->getName());
    if (auto load = dyn_cast<LoadOp>(op))
      if (std::string reason = findSharedLoadObstacle(kernel, load); !reason.empty())
        obstacle = reason;
    if (auto dot = dyn_cast<DotOp>(op); dot && (isLoaded(dot.getA()) || isLoaded(dot.getB())))
      obstacle = "an operand of a product is loaded past the rings";
    // Control flow must not hang on data: the producer has none.
    bool fromTiles = llvm::any_of(op->getOperands(), isTile);
    bool toScalar = llvm::any_of(op->getResults(), [](Value v) { return !isTile(v); });
    if (fromTiles && toScalar && !isa<scf::ForOp>(op))
      obstacle = llvm::formatv("'{0}' makes a scalar of a tile", op->getName());
    // A cursor is each role's own.
    if (isa<scf::IfOp>(op) && !llvm::all_of(op->getResultTypes(), llvm::IsaPred<CursorType>))
      obstacle = "an 'scf.if' yields values";
    if (op->getNumRegions() && !isa<scf::ForOp, scf::IfOp>(op))
      obstacle = llvm::formatv("control flow by '{0}' is not followed", op->getName());
  });
  if (!hasFill)
    return "no ring brings operands: there is no work for a producer";
  return obstacle;
}

/// Leaves what fills rings, and the loops and index arithmetic that it needs.
static void keepProducer(Region &region) {
  SmallVector<Operation *> consumed;
  SmallVector<scf::ForOp> loops;
  region.walk([&](Operation *op) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      loops.push_back(loop);
    else if (isa<RingWaitOp, RingReleaseOp, StoreOp, SharedLoadOp, SharePartialOp>(op) ||
             llvm::any_of(op->getResults(), isTile))
      consumed.push_back(op);
  });
  for (Operation *op : consumed)
    op->dropAllUses();
  for (Operation *op : llvm::reverse(consumed))
    op->erase();
  for (scf::ForOp loop : loops) // Innermost first.
    dropCarried(loop, [&](unsigned index) { return isTile(loop.getRegionIterArgs()[index]); });
  eraseDeadOps(region);
}

/// Leaves what uses rings.
static void keepConsumer(Region &region) {
  SmallVector<Operation *> produced;
  region.walk([&](Operation *op) {
    if (isa<RingAcquireOp, RingFillOp, RingPublishOp>(op))
      produced.push_back(op);
  });
  for (Operation *op : produced)
    op->erase();
  eraseDeadOps(region);
}

/// Gives each replica its rows of the tiles of a consumer's region.
static void sliceRows(SpecializeOp roles, ArrayRef<Value> tiles, int64_t consumers) {
  OpBuilder builder = OpBuilder::atBlockBegin(&roles.getConsumer().front());
  Value replica = ReplicaOp::create(builder, roles.getLoc(), builder.getIndexType());
  llvm::DenseMap<int64_t, Value> firstRows;
  auto getFirstRow = [&](int64_t rows) {
    Value &value = firstRows[rows];
    if (!value) {
      OpBuilder atStart(roles.getContext());
      atStart.setInsertionPointAfterValue(replica);
      Value extent = arith::ConstantIndexOp::create(atStart, roles.getLoc(), rows);
      value = arith::MulIOp::create(atStart, roles.getLoc(), replica, extent);
    }
    return value;
  };
  llvm::SmallPtrSet<Operation *, 8> stores;
  for (Value tile : tiles) {
    auto type = cast<RankedTensorType>(tile.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[0] /= consumers;
    auto sliced = RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
    tile.setType(sliced);
    for (Operation *user : tile.getUsers())
      if (isa<StoreOp>(user) && stores.insert(user).second)
        moveAccess(builder, user, /*dimension=*/0, getFirstRow(shape[0]));
    Operation *op = tile.getDefiningOp();
    if (auto constant = dyn_cast_if_present<arith::ConstantOp>(op))
      constant.setValueAttr(
          cast<SplatElementsAttr>(constant.getValue()).resizeSplat(cast<ShapedType>(sliced)));
    if (isa_and_present<LoadOp>(op))
      moveAccess(builder, op, /*dimension=*/0, getFirstRow(shape[0]));
    if (auto load = dyn_cast_if_present<SharedLoadOp>(op)) {
      builder.setInsertionPoint(load);
      SharedType whole = load.getSource().getType();
      auto piece =
          SharedType::get(roles.getContext(), shape, whole.getElementType(), whole.getLayout());
      load.getSourceMutable().assign(
          SharedSliceOp::create(builder, load.getLoc(), piece, load.getSource(), replica, 0));
    }
  }
}

void SpecializeWarps::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo())
    return;
  auto opts = remarkOn(kernel, "specialize", "tk-specialize-warps");
  if (std::string obstacle = findObstacle(); !obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  int64_t consumers = chooseConsumers(kernel);
  std::string obstacle;
  FailureOr<RowSlices> slices = RowSlices::find(kernel, consumers, obstacle);
  if (failed(slices) && consumers > 1) {
    remark::missed(kernel.getLoc(), opts)
        << remark::reason("{0} consumers: {1}; one has all rows", consumers, obstacle);
    consumers = 1;
    slices = RowSlices::find(kernel, 1, obstacle);
  }
  if (failed(slices)) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }

  TuningAttr tuning = kernel.getTuningAttr();
  hopper::RoleRegisters budget = hopper::chooseRoleRegisters(consumers);
  if (tuning && tuning.getProducerRegisters())
    budget.producer = *tuning.getProducerRegisters();
  if (tuning && tuning.getConsumerRegisters())
    budget.consumer = *tuning.getConsumerRegisters();

  // What the lowering hands over: only where each role gains or gives (Roles.cpp).
  int64_t launch = hopper::getLaunchRegisters(hopper::kWarpgroupThreads * (1 + consumers));
  bool asked = tuning && (tuning.getProducerRegisters() || tuning.getConsumerRegisters());
  if (asked && !(budget.producer < launch && launch < budget.consumer))
    remark::missed(kernel.getLoc(), opts) << remark::reason(
        "{0} registers for the producer and {1} for a consumer are not handed over: threads start "
        "with {2}, of which one must give and the others gain",
        budget.producer, budget.consumer, launch);

  Block &body = kernel.getBody().front();
  SmallVector<Operation *> work;
  for (Operation &op : body.without_terminator())
    if (!isa<CreateRingOp>(op))
      work.push_back(&op);
  OpBuilder builder(body.getTerminator());
  auto roles =
      SpecializeOp::create(builder, kernel.getLoc(), budget.producer, consumers, budget.consumer);
  IRMapping inConsumer;
  for (bool consumer : {false, true}) {
    IRMapping mapping;
    Region &region = consumer ? roles.getConsumer() : roles.getProducer();
    builder.setInsertionPointToEnd(&region.front());
    for (Operation *op : work)
      builder.clone(*op, mapping);
    if (consumer)
      inConsumer = mapping;
  }
  SmallVector<Value> tiles;
  for (Value tile : slices->getTiles())
    tiles.push_back(inConsumer.lookup(tile));
  if (consumers > 1)
    sliceRows(roles, tiles, consumers);
  for (Operation *op : llvm::reverse(work))
    op->erase();
  keepProducer(roles.getProducer());
  keepConsumer(roles.getConsumer());
  remark::passed(kernel.getLoc(), opts) << remark::add(
      "one producer with {0} registers to a thread, {1} consumer(s) with {2}, each with its share "
      "of the rows",
      budget.producer, consumers, budget.consumer);
}
