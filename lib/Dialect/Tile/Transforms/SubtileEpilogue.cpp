//===- SubtileEpilogue.cpp - Results leave through shared memory --------===//
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
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_SUBTILEEPILOGUE
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// How a tile is cut for its way out.
struct Slices {
  SharedType tile;     ///< One consumer's slice, with its layout.
  int64_t count = 0;   ///< Along the columns.
  int64_t columns = 0; ///< Of one slice.
};

/// Makes slices of a store's tile from slices of what it is computed from, as far as that serves
/// nothing else: so a thread holds a slice, not a tile, of what is added to a product.
class Slicer {
public:
  Slicer(StoreOp store, int64_t columns) : store(store), columns(columns) { collect(); }
  /// Starts the loads that slice number `slice` needs.
  void load(OpBuilder &builder, int64_t slice);
  Value get(OpBuilder &builder, int64_t slice) { return get(builder, store.getValue(), slice); }
  /// Erases what only the whole tile needed.
  void eraseWhole();

private:
  void collect();
  Value get(OpBuilder &builder, Value tile, int64_t slice);
  RankedTensorType getSliceType(Value tile);
  StoreOp store;
  int64_t columns;
  llvm::SetVector<Operation *> sliced; ///< Users before what they use.
  llvm::DenseMap<std::pair<Value, int64_t>, Value> done;
};

struct SubtileEpilogue : tk::tile::impl::SubtileEpilogueBase<SubtileEpilogue> {
  void runOnOperation() override;

private:
  std::string plan(StoreOp store, int64_t consumers, Slices &slices);
  void rewrite(StoreOp store, const Slices &slices);
};

} // namespace

/// Whether the tile is what a product left in registers, possibly converted.
static bool isProduct(Value tile) {
  while (Operation *op = tile.getDefiningOp()) {
    if (isa<DotOp>(op))
      return true;
    if (auto result = dyn_cast<OpResult>(tile); result && isa<scf::ForOp>(op)) {
      auto loop = cast<scf::ForOp>(op);
      tile = loop.getYieldedValues()[result.getResultNumber()];
      continue;
    }
    if (auto sum = dyn_cast<AddPartialsOp>(op)) {
      tile = sum.getValue();
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(op))
      return false;
    auto operand = llvm::find_if(op->getOperands(), isProduct);
    return operand != op->getOperands().end();
  }
  return false;
}

static int64_t countConsumers(StoreOp store) {
  auto roles = store->getParentOfType<SpecializeOp>();
  return roles ? int64_t(roles.getConsumers()) : 1;
}

/// Finds slices of whole panels that every consumer writes without bank conflicts, two buffers
/// deep; otherwise says why there are none.
std::string SubtileEpilogue::plan(StoreOp store, int64_t consumers, Slices &slices) {
  auto tensor = cast<RankedTensorType>(store.getValue().getType());
  GlobalType view = store.getView().getType();
  if (!isProduct(store.getValue()))
    return "the tile is no product: its threads hold rows that they store whole";
  if (!findViewSource(store.getView()))
    return "its view is no argument of the kernel and no row of one";
  if (std::string obstacle = findTMAObstacle(view, tensor.getShape()); !obstacle.empty())
    return "the copy engine cannot write the view: " + obstacle;
  if (view.getElementType() != tensor.getElementType())
    return llvm::formatv("{0} is not the view's element type", tensor);
  unsigned leading = store.getOffsets().size() - tensor.getRank();
  for (auto [d, offset] : llvm::enumerate(store.getOffsets().drop_front(leading)))
    if (!isNonNegative(offset))
      return llvm::formatv("its place along dimension {0} may be negative, where the copy engine "
                           "stores nothing",
                           leading + d);
  if (tensor.getDimSize(0) % hopper::kWgmmaM != 0)
    return llvm::formatv("{0} has no slabs of {1} rows", tensor, hopper::kWgmmaM);
  unsigned contiguous = *view.getContiguousDimension(tensor.getRank());
  std::string obstacle;
  for (int64_t columns = hopper::kSwizzleSpanBytes / view.getElementBytes(); columns >= 16;
       columns /= 2) {
    if (tensor.getDimSize(1) % columns != 0)
      continue;
    SmallVector<int64_t> shape{tensor.getDimSize(0), columns};
    SharedType tile =
        addSwizzle(SharedType::get(&getContext(), shape, tensor.getElementType(), {}), contiguous);
    if (!tile)
      continue;
    layout::Distribution registers = layout::wgmmaAccumulator(shape[0], shape[1]);
    llvm::Expected<layout::SharedAccess> access =
        layout::planSharedAccess(registers, tile.getSharedLayout());
    if (!access) {
      obstacle = llvm::toString(access.takeError());
      continue;
    }
    layout::BankCount banks = layout::worstWavefronts(*access, tile.getElementBytes());
    if (banks.conflicts() > 0) {
      obstacle = llvm::formatv("slices of {0} columns take {1} wavefronts where {2} would do, and "
                               "stores to global memory write whole sectors anyway",
                               columns, banks.wavefronts, banks.minimum);
      continue;
    }
    if (2 * consumers * tile.getSizeInBytes() > hopper::kEpilogueBytes) {
      obstacle =
          llvm::formatv("two slices for each of {0} consumer(s) take {1} bytes, of {2}", consumers,
                        2 * consumers * tile.getSizeInBytes(), hopper::kEpilogueBytes);
      continue;
    }
    slices = {tile, tensor.getDimSize(1) / columns, columns};
    return {};
  }
  return obstacle.empty() ? std::string("no swizzle fits its columns") : obstacle;
}

void Slicer::collect() {
  auto shape = cast<RankedTensorType>(store.getValue().getType()).getShape();
  std::optional<ViewSource> dest = findViewSource(store.getView());
  auto isSliceable = [&](Operation *op) {
    auto tile = op->getNumResults() == 1 ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                                         : RankedTensorType();
    if (!tile || tile.getShape() != shape)
      return false;
    // Slices before this one have been stored when it is loaded.
    if (auto load = dyn_cast<LoadOp>(op)) {
      std::optional<ViewSource> source = findViewSource(load.getView());
      return source && (source != dest || isUpdateInPlace(load, store));
    }
    return OpTrait::hasElementwiseMappableTraits(op) && isPure(op);
  };
  // Backwards, so that an operation's users in the block come before it.
  Block::iterator first = store->getBlock()->begin();
  for (Operation &op : llvm::reverse(llvm::make_range(first, store->getIterator())))
    if (isSliceable(&op) && !op.use_empty() && llvm::all_of(op.getUsers(), [&](Operation *user) {
          return user == store || sliced.contains(user);
        }))
      sliced.insert(&op);
}

RankedTensorType Slicer::getSliceType(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  return RankedTensorType::get({type.getDimSize(0), columns}, type.getElementType(),
                               type.getEncoding());
}

void Slicer::load(OpBuilder &builder, int64_t slice) {
  for (Operation *op : sliced)
    if (isa<LoadOp>(op))
      get(builder, op->getResult(0), slice);
}

Value Slicer::get(OpBuilder &builder, Value tile, int64_t slice) {
  RankedTensorType type = getSliceType(tile);
  if (type == tile.getType())
    return tile;
  Value &result = done[{tile, slice}];
  if (result)
    return result;
  Location location = tile.getLoc();
  Operation *op = tile.getDefiningOp();
  SplatElementsAttr splat;
  if (matchPattern(tile, m_Constant(&splat)))
    return result = arith::ConstantOp::create(builder, location, splat.resizeSplat(type));
  if (!op || !sliced.contains(op)) {
    SmallVector<OpFoldResult> at{builder.getIndexAttr(0), builder.getIndexAttr(slice * columns)};
    SmallVector<OpFoldResult> sizes{builder.getIndexAttr(type.getDimSize(0)),
                                    builder.getIndexAttr(columns)};
    SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
    return result =
               tensor::ExtractSliceOp::create(builder, location, type, tile, at, sizes, strides);
  }
  IRMapping operands;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      operands.map(operand, get(builder, operand, slice));
  Operation *clone = builder.clone(*op, operands);
  clone->getResult(0).setType(type);
  if (auto load = dyn_cast<LoadOp>(clone)) {
    builder.setInsertionPoint(clone);
    Value column = arith::ConstantIndexOp::create(builder, location, slice * columns);
    OpOperand &offset = load.getOffsetsMutable()[load.getOffsets().size() - 1];
    offset.set(arith::AddIOp::create(builder, location, offset.get(), column));
    builder.setInsertionPointAfter(clone);
  }
  // Not through `result`: operands have grown the map.
  return done[{tile, slice}] = clone->getResult(0);
}

void Slicer::eraseWhole() {
  for (Operation *op : sliced)
    op->erase();
}

void SubtileEpilogue::rewrite(StoreOp store, const Slices &slices) {
  KernelOp kernel = getOperation();
  Location location = store.getLoc();
  int64_t consumers = countConsumers(store);
  SmallVector<int64_t> shape(slices.tile.getShape());
  shape[0] *= consumers;
  auto all =
      SharedType::get(&getContext(), shape, slices.tile.getElementType(), slices.tile.getLayout());
  std::string name = kernel.describeView(*findViewSource(store.getView()));
  OpBuilder atStart = OpBuilder::atBlockBegin(&kernel.getBody().front());
  Value buffers[2];
  for (auto [index, buffer] : llvm::enumerate(buffers))
    buffer =
        AllocOp::create(atStart, location, all, (name + " " + Twine(index)).str(), IntegerAttr());
  OpBuilder builder(store);
  if (consumers > 1) {
    Value replica = ReplicaOp::create(builder, location, builder.getIndexType());
    for (Value &buffer : buffers)
      buffer = SharedSliceOp::create(builder, location, slices.tile, buffer, replica, 0);
  }
  Slicer slicer(store, slices.columns);
  slicer.load(builder, 0);
  for (int64_t slice = 0; slice < slices.count; ++slice) {
    // A slice ahead, so that what threads load is on its way while they wait and store.
    if (slice + 1 < slices.count)
      slicer.load(builder, slice + 1);
    Value piece = slicer.get(builder, slice);
    // The buffer was last used two slices ago; one, where an odd number of slices begins again.
    bool usedLast = slice == 0 && slices.count % 2 != 0;
    BulkWaitOp::create(builder, location, /*pending=*/usedLast ? 0 : 1);
    SharedStoreOp::create(builder, location, piece, buffers[slice % 2], BanksAttr());
    SmallVector<Value> offsets(store.getOffsets());
    Value column = arith::ConstantIndexOp::create(builder, location, slice * slices.columns);
    offsets.back() = arith::AddIOp::create(builder, location, offsets.back(), column);
    TMAStoreOp::create(builder, location, buffers[slice % 2], store.getView(), offsets);
    BulkCommitOp::create(builder, location);
  }
  // The block's shared memory must stay until it has been read.
  auto roles = store->getParentOfType<SpecializeOp>();
  Block &end = roles ? roles.getConsumer().front() : kernel.getBody().front();
  builder.setInsertionPointToEnd(&end);
  if (!roles)
    builder.setInsertionPoint(end.getTerminator());
  BulkWaitOp::create(builder, location, /*pending=*/0);
  store.erase();
  if (slices.count > 1)
    slicer.eraseWhole();
}

void SubtileEpilogue::runOnOperation() {
  KernelOp kernel = getOperation();
  SmallVector<StoreOp> stores;
  kernel.getBody().walk([&](StoreOp store) { stores.push_back(store); });
  for (StoreOp store : stores) {
    auto opts = remarkOn(kernel, "epilogue", "tk-subtile-epilogue");
    Slices slices;
    std::string obstacle = plan(store, countConsumers(store), slices);
    if (stores.size() > 1)
      obstacle = "several stores: their buffers would not fit";
    if (!obstacle.empty()) {
      remark::missed(store.getLoc(), opts) << remark::reason("{0}", obstacle);
      continue;
    }
    remark::passed(store.getLoc(), opts) << remark::add(
        "results leave in {0} slice(s) of {1} columns through two buffers of {2} bytes for each "
        "consumer",
        slices.count, slices.columns, slices.tile.getSizeInBytes());
    rewrite(store, slices);
  }
}
