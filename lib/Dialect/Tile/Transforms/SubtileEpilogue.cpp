//===- SubtileEpilogue.cpp - Results leave through shared memory --------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileRegisters.h"
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

/// Of a slice that threads store themselves: 32 registers of f32.
static constexpr int64_t kDirectColumns = 64;
/// What a thread needs beside products and loads of slices that leave through shared memory (ptxas
/// 13.0: with 192 registers of them in 232, no spills; where threads store to global memory, one).
static constexpr int64_t kSliceWorkRegisters = 40;

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
  Slicer(StoreOp store, int64_t columns, int64_t workRegisters) : store(store), columns(columns) {
    collect();
    chooseAhead(workRegisters);
  }
  /// Starts the loads of the first slices.
  void start(OpBuilder &builder) { load(builder, 0); }
  /// Starts the loads of the slice after this one, where registers are left for two: so they are on
  /// their way while threads wait and store.
  void startNext(OpBuilder &builder, int64_t slice) {
    if (isAhead && (slice + 1) * columns < getType().getDimSize(1))
      load(builder, slice + 1);
  }
  /// How loads go, for a remark.
  std::string describeLoads() const { return text; }
  Value get(OpBuilder &builder, int64_t slice) { return get(builder, store.getValue(), slice); }
  /// Moves a load or a store of the whole tile's place to that of a slice.
  void move(Operation *access, int64_t slice) {
    OpBuilder before(access);
    moveAccess(before, access, /*dimension=*/1,
               arith::ConstantIndexOp::create(before, access->getLoc(), slice * columns));
  }
  /// Erases what only the whole tile needed.
  void eraseWhole();
  /// Whether anything but the product itself is made slice by slice.
  bool hasWork() const { return !sliced.empty(); }

private:
  void collect();
  void chooseAhead(int64_t workRegisters);
  void load(OpBuilder &builder, int64_t slice);
  RankedTensorType getType() { return cast<RankedTensorType>(store.getValue().getType()); }
  Value get(OpBuilder &builder, Value tile, int64_t slice);
  RankedTensorType getSliceType(Value tile);
  StoreOp store;
  int64_t columns;
  bool isAhead = true;
  std::string text;
  llvm::SetVector<Operation *> sliced; ///< Users before what they use.
  llvm::DenseMap<std::pair<Value, int64_t>, Value> done;
};

struct SubtileEpilogue : tk::tile::impl::SubtileEpilogueBase<SubtileEpilogue> {
  void runOnOperation() override;

private:
  std::string plan(StoreOp store, int64_t consumers, Slices &slices);
  std::string rewrite(StoreOp store, const Slices &slices);
  std::string storeSlices(StoreOp store);
};

} // namespace

/// Whether the tile is what a product left in registers, possibly converted.
static bool isProduct(Value tile) {
  llvm::SetVector<Value> work;
  work.insert(tile);
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (!op)
      continue;
    if (isa<DotOp>(op))
      return true;
    if (auto loop = dyn_cast<scf::ForOp>(op))
      work.insert(loop.getYieldedValues()[cast<OpResult>(work[i]).getResultNumber()]);
    else if (auto sum = dyn_cast<AddPartialsOp>(op))
      work.insert(sum.getValue());
    else if (OpTrait::hasElementwiseMappableTraits(op))
      work.insert_range(op->getOperands());
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
    // A row that all rows share is cut as well; a column is one value to a row, whatever the slice.
    if (!tile || tile.getRank() != 2 || tile.getDimSize(1) != shape[1] ||
        (tile.getDimSize(0) != shape[0] && tile.getDimSize(0) != 1))
      return false;
    if (isa<BroadcastOp>(op))
      return true;
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
  // Of a row that stays whole no slice can be taken: what spreads it stays whole too, and so does
  // all that this needs.
  auto isWholeRow = [&](Value value) {
    SplatElementsAttr splat;
    auto tile = dyn_cast<RankedTensorType>(value.getType());
    return tile && tile.getRank() == 2 && tile.getDimSize(0) == 1 && tile.getDimSize(1) != 1 &&
           !matchPattern(value, m_Constant(&splat)) &&
           !(value.getDefiningOp() && sliced.contains(value.getDefiningOp()));
  };
  size_t before;
  do {
    before = sliced.size();
    sliced.remove_if([&](Operation *op) {
      return llvm::any_of(op->getOperands(), isWholeRow) ||
             !llvm::all_of(op->getUsers(),
                           [&](Operation *user) { return user == store || sliced.contains(user); });
    });
  } while (sliced.size() != before);
}

RankedTensorType Slicer::getSliceType(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getDimSize(1) == 1)
    return type;
  return RankedTensorType::get({type.getDimSize(0), columns}, type.getElementType(),
                               type.getEncoding());
}

/// A slice ahead, the products of the whole tile and two slices of all that is loaded are live.
void Slicer::chooseAhead(int64_t workRegisters) {
  int64_t loads = 0;
  for (Operation *op : sliced)
    if (isa<LoadOp>(op))
      loads += countRegisters(getSliceType(op->getResult(0)));
  if (loads == 0)
    return;
  auto roles = store->getParentOfType<SpecializeOp>();
  int64_t registers = roles ? int64_t(roles.getConsumerRegisters())
                            : hopper::getLaunchRegisters(hopper::kWarpgroupThreads);
  auto products = getType().clone(Float32Type::get(store.getContext()));
  int64_t taken = countRegisters(products) + 2 * loads, left = registers - workRegisters;
  isAhead = taken <= left;
  text = ", each loaded a slice ahead";
  if (!isAhead)
    text =
        llvm::formatv(", each loaded when it is due: a slice ahead, products and loads would take "
                      "{0} registers of {1}",
                      taken, left);
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
  Operation *op = tile.getDefiningOp();
  if (!op || !sliced.contains(op))
    return result = takePiece(builder, tile, type, 0, slice * columns);
  IRMapping operands;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      operands.map(operand, get(builder, operand, slice));
  Operation *clone = builder.clone(*op, operands);
  clone->getResult(0).setType(type);
  if (isa<LoadOp>(clone))
    move(clone, slice);
  // Not through `result`: operands have grown the map.
  return done[{tile, slice}] = clone->getResult(0);
}

void Slicer::eraseWhole() {
  for (Operation *op : sliced)
    op->erase();
}

/// Returns how loads go, for the remark.
std::string SubtileEpilogue::rewrite(StoreOp store, const Slices &slices) {
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
  Slicer slicer(store, slices.columns, kSliceWorkRegisters);
  slicer.start(builder);
  for (int64_t slice = 0; slice < slices.count; ++slice) {
    slicer.startNext(builder, slice);
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
  return slicer.describeLoads();
}

/// Cuts a store that threads do themselves, so that they hold slices of what is added to a product.
/// Returns what it did, or nothing where nothing is gained.
std::string SubtileEpilogue::storeSlices(StoreOp store) {
  auto tensor = cast<RankedTensorType>(store.getValue().getType());
  if (!store->getParentOfType<SpecializeOp>() || !isProduct(store.getValue()))
    return {};
  int64_t columns = kDirectColumns;
  if (tensor.getDimSize(1) % columns != 0 || tensor.getDimSize(1) == columns)
    return {};
  Slicer slicer(store, columns, hopper::kWorkRegisters);
  if (!slicer.hasWork())
    return {};
  int64_t count = tensor.getDimSize(1) / columns;
  OpBuilder builder(store);
  slicer.start(builder);
  for (int64_t slice = 0; slice < count; ++slice) {
    slicer.startNext(builder, slice);
    Value piece = slicer.get(builder, slice);
    auto part = cast<StoreOp>(builder.clone(*store));
    slicer.move(part, slice);
    part.getValueMutable().set(piece);
  }
  store.erase();
  slicer.eraseWhole();
  return llvm::formatv("threads compute and store results in {0} slice(s) of {1} columns{2}", count,
                       columns, slicer.describeLoads());
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
      Location location = store.getLoc();
      std::string done = stores.size() == 1 ? storeSlices(store) : std::string();
      if (!done.empty())
        remark::passed(location, opts) << remark::add("{0}", done);
      continue;
    }
    Location location = store.getLoc();
    std::string loads = rewrite(store, slices);
    remark::passed(location, opts) << remark::add(
        "results leave in {0} slice(s) of {1} columns through two buffers of {2} bytes for each "
        "consumer{3}",
        slices.count, slices.columns, slices.tile.getSizeInBytes(), loads);
  }
}
