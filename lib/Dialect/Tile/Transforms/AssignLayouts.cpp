//===- AssignLayouts.cpp - Give register tiles their layout -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// Tiles that must share one layout, and what is known about which.
struct Component {
  SmallVector<Value> tiles;
  Attribute layout;                   ///< Given by an anchor, or null.
  Value anchor;                       ///< Which one.
  std::optional<unsigned> contiguous; ///< The dimension that memory is contiguous in.
  int64_t memoryBytes = 4;            ///< Bytes of the element that memory holds.
  bool assigned = false;
};

struct AssignLayouts : tk::tile::impl::AssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override;

private:
  void link(Operation *op);
  void linkAll(ValueRange values);
  void inheritFromBroadcasts(Component &component, function_ref<Component *(Value)> find);
  LogicalResult addAnchor(Component &component, Value tile);
  void addMemoryAccesses(Component &component, Value tile);
  LogicalResult assign(Component &component);

  llvm::EquivalenceClasses<void *> classes;
  Value workspaceTile; ///< One of those that go through the workspace.
};

} // namespace

/// The tensor a value is or carries in flight, or null.
static RankedTensorType getTile(Value value) {
  if (auto inflight = dyn_cast<InflightType>(value.getType()))
    return inflight.getTensor();
  return dyn_cast<RankedTensorType>(value.getType());
}

void AssignLayouts::linkAll(ValueRange values) {
  Value first;
  for (Value value : values) {
    if (!getTile(value))
      continue;
    classes.insert(value.getAsOpaquePointer());
    if (first)
      classes.unionSets(first.getAsOpaquePointer(), value.getAsOpaquePointer());
    else
      first = value;
  }
}

/// Joins the tiles that one operation forces into one layout.
void AssignLayouts::link(Operation *op) {
  for (Value result : op->getResults())
    linkAll(result);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (BlockArgument argument : block.getArguments())
        linkAll(argument);
  if (OpTrait::hasElementwiseMappableTraits(op)) {
    SmallVector<Value> values(op->getOperands());
    llvm::append_range(values, op->getResults());
    return linkAll(values);
  }
  if (auto loop = dyn_cast<scf::ForOp>(op))
    for (auto [init, argument, yielded, result] :
         llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getYieldedValues(),
                         loop.getResults()))
      linkAll({init, argument, yielded, result});
  if (auto branch = dyn_cast<scf::IfOp>(op); branch && branch.getNumResults())
    for (auto [onTrue, onFalse, result] :
         llvm::zip_equal(branch.thenYield().getOperands(), branch.elseYield().getOperands(),
                         branch.getResults()))
      linkAll({onTrue, onFalse, result});
  if (auto fence = dyn_cast<WgmmaFenceOp>(op))
    linkAll({fence.getAcc(), fence.getResult()});
  if (auto product = dyn_cast<WgmmaOp>(op))
    linkAll({product.getAcc(), product.getResult()});
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    linkAll({slice.getSource(), slice.getResult()});
  if (auto sum = dyn_cast<ClusterSumOp>(op))
    linkAll({sum.getValue(), sum.getResult()});
  // What a thread reads there is what the same thread of another program has written.
  Value passedOn;
  if (auto sum = dyn_cast<AddPartialsOp>(op)) {
    linkAll({sum.getValue(), sum.getResult()});
    passedOn = sum.getValue();
  }
  if (auto partial = dyn_cast<SharePartialOp>(op))
    passedOn = partial.getValue();
  if (auto store = dyn_cast<WorkspaceStoreOp>(op))
    passedOn = store.getValue();
  if (auto load = dyn_cast<WorkspaceLoadOp>(op))
    passedOn = load.getResult();
  if (passedOn) {
    if (workspaceTile)
      linkAll({passedOn, workspaceTile});
    workspaceTile = passedOn;
  }
  if (auto retire = dyn_cast<WgmmaRetireOp>(op))
    linkAll({retire.getAcc(), retire.getResult()});
  if (auto wait = dyn_cast<WgmmaWaitOp>(op))
    linkAll({wait.getAcc(), wait.getResult()});
  if (auto dot = dyn_cast<DotOp>(op))
    linkAll({dot.getAcc(), dot.getResult()});
}

/// A layout that a tile already has, or must have because the tensor core holds it.
LogicalResult AssignLayouts::addAnchor(Component &component, Value tile) {
  Attribute layout = getTile(tile).getEncoding();
  if (isa<InflightType>(tile.getType()))
    layout = WgmmaAccAttr::get(&getContext());
  if (!layout || layout == component.layout)
    return success();
  if (!component.layout) {
    component.layout = layout;
    component.anchor = tile;
    return success();
  }
  InFlightDiagnostic diagnostic =
      emitError(tile.getLoc()) << "expected one layout for tiles that flow into each other, got "
                               << layout
                               << " here; pass the tile through shared memory to change its layout";
  diagnostic.attachNote(component.anchor.getLoc()) << "and " << component.layout << " here";
  return diagnostic;
}

/// Learns from loads and stores of a tile which dimension memory is contiguous in; the first one
/// decides.
void AssignLayouts::addMemoryAccesses(Component &component, Value tile) {
  unsigned rank = getTile(tile).getRank();
  auto learnGlobal = [&](GlobalType view) {
    if (component.contiguous)
      return;
    component.contiguous = getContiguousOrLast(view, rank);
    component.memoryBytes = view.getElementBytes();
  };
  auto learnShared = [&](SharedType shared) {
    if (component.contiguous || !shared.getLayout() || shared.getShape().size() != 2)
      return;
    component.contiguous = shared.getSharedLayout().contiguousDimension();
    component.memoryBytes = shared.getElementBytes();
  };
  if (auto load = tile.getDefiningOp<LoadOp>())
    learnGlobal(load.getView().getType());
  if (auto load = tile.getDefiningOp<SharedLoadOp>())
    learnShared(load.getSource().getType());
  for (Operation *user : tile.getUsers()) {
    if (auto store = dyn_cast<SharedStoreOp>(user))
      learnShared(store.getDest().getType());
    if (auto store = dyn_cast<StoreOp>(user))
      learnGlobal(store.getView().getType());
  }
}

/// Deals a tile out to one warpgroup: 16 bytes of the contiguous dimension to a thread (less where
/// the tile is too small to keep every thread busy), then lanes, then warps along it, then along
/// the others.
static BlockedAttr chooseBlocked(MLIRContext *context, ArrayRef<int64_t> shape, unsigned contiguous,
                                 int64_t elementBytes) {
  unsigned rank = shape.size();
  SmallVector<unsigned> order{contiguous};
  for (unsigned d = rank; d-- > 0;)
    if (d != contiguous)
      order.push_back(d);
  SmallVector<int64_t> room, perThread(rank, 1), lanes(rank, 1), warps(rank, 1);
  int64_t elements = 1;
  for (int64_t extent : shape) {
    room.push_back(extent & -extent);
    elements *= extent;
  }
  int64_t busy =
      std::max<int64_t>(1, llvm::bit_floor(uint64_t(elements / hopper::kWarpgroupThreads)));
  perThread[contiguous] =
      std::min({hopper::kMaxVectorBytes / elementBytes, room[contiguous], busy});
  room[contiguous] /= perThread[contiguous];
  // Threads of one warp cover one span of shared memory, 128 bytes, in a row: further along, panels
  // may lie at distances that are no power of two, which only registers can follow.
  int64_t span = hopper::kSwizzleSpanBytes / elementBytes / perThread[contiguous];
  auto deal = [&](int64_t count, SmallVector<int64_t> &extents) {
    for (unsigned d : order) {
      int64_t take = std::min(count, room[d]);
      if (d == contiguous && rank > 1)
        take = std::min(take, std::max<int64_t>(1, span / lanes[d] / warps[d]));
      extents[d] *= take, room[d] /= take, count /= take;
    }
    extents[order.back()] *= count; // More threads than elements: they hold the same ones.
  };
  deal(hopper::kWarpThreads, lanes);
  deal(hopper::kWarpgroupThreads / hopper::kWarpThreads, warps);
  return BlockedAttr::get(context, perThread, lanes, warps, order);
}

static void setLayout(Value tile, Attribute layout) {
  RankedTensorType type = getTile(tile).cloneWithEncoding(layout);
  if (auto constant = tile.getDefiningOp<arith::ConstantOp>())
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      constant.setValueAttr(cast<TypedAttr>(dense.reshape(type)));
  tile.setType(isa<InflightType>(tile.getType()) ? Type(InflightType::get(tile.getContext(), type))
                                                 : Type(type));
}

/// What is repeated takes the layout that it needs in the first tile it is repeated to.
void AssignLayouts::inheritFromBroadcasts(Component &component,
                                          function_ref<Component *(Value)> find) {
  for (Value tile : component.tiles)
    for (Operation *user : tile.getUsers()) {
      auto broadcast = dyn_cast<BroadcastOp>(user);
      if (!broadcast || component.layout)
        continue;
      Component *result = find(broadcast.getResult());
      auto parent = dyn_cast<RegisterLayoutInterface>(result->layout);
      ArrayRef<int64_t> shape = getTile(broadcast.getResult()).getShape();
      if (!parent || shape == getTile(tile).getShape())
        continue;
      component.layout = SliceAttr::get(&getContext(), parent, shape);
      component.anchor = tile;
    }
}

LogicalResult AssignLayouts::assign(Component &component) {
  RankedTensorType type = getTile(component.tiles.front());
  if (type.getRank() == 0)
    return emitError(component.tiles.front().getLoc())
           << "expected tiles of rank 1 or more, got " << type << "; use a scalar";
  bool given = bool(component.layout);
  if (!given)
    component.layout =
        chooseBlocked(&getContext(), type.getShape(),
                      component.contiguous.value_or(type.getRank() - 1), component.memoryBytes);
  Location location = given ? component.anchor.getLoc() : component.tiles.front().getLoc();
  auto registerLayout = dyn_cast<RegisterLayoutInterface>(component.layout);
  if (!registerLayout)
    return emitError(location) << "expected a register layout of the tk dialect, got "
                               << component.layout;
  for (Value tile : component.tiles) {
    auto emit = [&] { return emitError(tile.getLoc()); };
    if (failed(registerLayout.verifyShape(getTile(tile).getShape(), emit)))
      return failure();
    layout::Distribution distribution = registerLayout.toDistribution(getTile(tile).getShape());
    if (distribution.registersPerThread() > hopper::kMaxTileElementsPerThread)
      return emit() << "gives each thread " << distribution.registersPerThread() << " elements of "
                    << getTile(tile) << ", but at most " << hopper::kMaxTileElementsPerThread
                    << " are compiled; use smaller tiles";
    int64_t threads = distribution.numThreads();
    if (threads != hopper::kWarpgroupThreads)
      return emit() << "expected a layout over the block's " << hopper::kWarpgroupThreads
                    << " threads, got " << component.layout << " over " << threads;
    setLayout(tile, component.layout);
  }
  std::string text;
  llvm::raw_string_ostream(text) << component.layout;
  remark::passed(location, remark::RemarkOpts::name("layout")
                               .category("tk-assign-layouts")
                               .function(getOperation().getSymName()))
      << remark::add("{0} tile(s) of {1} x {2} get {3}{4}", component.tiles.size(),
                     type.getDimSize(0), type.getRank() > 1 ? type.getDimSize(1) : 1, text,
                     given ? ", as one of them must have it" : "");
  return success();
}

void AssignLayouts::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo()) // Its tiles went with its body.
    return;
  classes = {};
  workspaceTile = {};
  SmallVector<Value> tiles; // In program order, so that the result does not depend on addresses.
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    link(op);
    for (Value result : op->getResults())
      if (getTile(result))
        tiles.push_back(result);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          if (getTile(argument))
            tiles.push_back(argument);
  });
  llvm::MapVector<void *, Component> components;
  for (Value tile : tiles)
    components[classes.getLeaderValue(tile.getAsOpaquePointer())].tiles.push_back(tile);
  auto find = [&](Value tile) {
    return &components[classes.getLeaderValue(tile.getAsOpaquePointer())];
  };
  for (auto &[leader, component] : components)
    for (Value tile : component.tiles) {
      addMemoryAccesses(component, tile);
      if (failed(addAnchor(component, tile)))
        return signalPassFailure();
    }
  // Results of broadcasts before what they repeat; in a circle of them, whichever comes first.
  auto isReady = [&](Component &component) {
    return llvm::all_of(component.tiles, [&](Value tile) {
      return llvm::all_of(tile.getUsers(), [&](Operation *user) {
        auto broadcast = dyn_cast<BroadcastOp>(user);
        Component *result = broadcast ? find(broadcast.getResult()) : nullptr;
        return !result || result == &component || result->assigned;
      });
    });
  };
  for (size_t left = components.size(); left > 0; --left) {
    Component *next = nullptr;
    for (auto &[leader, component] : components)
      if (!component.assigned && (!next || (!isReady(*next) && isReady(component))))
        next = &component;
    inheritFromBroadcasts(*next, find);
    if (failed(assign(*next)))
      return signalPassFailure();
    next->assigned = true;
  }
  int64_t threads = hopper::kWarpgroupThreads;
  kernel.walk([&](SpecializeOp roles) { threads *= 1 + int64_t(roles.getConsumers()); });
  if (int64_t given = kernel.getThreads().value_or(threads); given != threads) {
    kernel.emitOpError() << "expected 'threads' of " << threads
                         << ", what this pass deals tiles out to, got " << given;
    return signalPassFailure();
  }
  kernel.walk([&](CopyOp copy) {
    if (copy.getThrough())
      return;
    // Along the dimension that is contiguous in global memory: there a thread's run is one access.
    GlobalType view = copy.getView().getType();
    ArrayRef<int64_t> shape = copy.getDest().getType().getShape();
    BlockedAttr layout = chooseBlocked(
        &getContext(), shape, getContiguousOrLast(view, shape.size()), view.getElementBytes());
    copy.setThroughAttr(cast<RegisterLayoutInterface>(layout));
  });
  kernel.setThreads(threads);
}
