//===- InsertTMA.cpp - Rings become buffers, barriers and copies --------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

namespace tk::tile {
#define GEN_PASS_DEF_INSERTTMA
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct InsertTMA : tk::tile::impl::InsertTMABase<InsertTMA> {
  void runOnOperation() override;

private:
  LogicalResult check(CreateRingOp ring);
  /// Whether other programs of the cluster write to the ring's slots.
  bool isShared(CreateRingOp ring);
  void lower(CreateRingOp ring, OpBuilder &initialise);
  void lowerFill(RingFillOp fill, Value slots, Value full);
  Value rank; ///< Of this program in its cluster, made when needed.
};

} // namespace

/// Whether threads themselves read the ring's tiles, rather than the tensor core for them.
static bool isReadByThreads(CreateRingOp ring) {
  auto reads = [](Value tile) {
    SmallVector<Value> tiles{tile};
    while (!tiles.empty())
      for (Operation *user : tiles.pop_back_val().getUsers()) {
        if (auto slice = dyn_cast<SharedSliceOp>(user))
          tiles.push_back(slice.getResult());
        else if (!isa<WgmmaOp>(user))
          return true;
      }
    return false;
  };
  for (Operation *user : ring.getResult().getUsers())
    if (auto wait = dyn_cast<RingWaitOp>(user); wait && llvm::any_of(wait.getTiles(), reads))
      return true;
  return false;
}

/// Warpgroups that wait for the ring's slots: the consumers, or the block's only one.
static int64_t countConsumers(CreateRingOp ring) {
  for (Operation *user : ring.getResult().getUsers())
    if (isa<RingReleaseOp>(user))
      if (auto roles = user->getParentOfType<SpecializeOp>())
        return roles.getConsumers();
  return 1;
}

/// What must hold before a ring can be lowered; an error says which pass is missing.
LogicalResult InsertTMA::check(CreateRingOp ring) {
  RingType type = ring.getResult().getType();
  if (ring->getParentOp() != getOperation())
    return ring.emitOpError() << "expected in the kernel's own block: a ring made inside '"
                              << ring->getParentOp()->getName()
                              << "' would start again while its barriers go on";
  for (SharedType tile : type.getTiles())
    if (!tile.getLayout())
      return ring.emitOpError() << "has a tile without a layout, " << tile
                                << "; run tk-assign-swizzles first";
  for (Operation *user : ring.getResult().getUsers()) {
    if (!isa<RingAcquireOp, RingFillOp, RingPublishOp, RingWaitOp, RingReleaseOp>(user))
      return user->emitOpError() << "uses a ring, which only the operations of rings may";
    auto fill = dyn_cast<RingFillOp>(user);
    if (!fill)
      continue;
    SharedType tile = type.getTiles()[fill.getTile()];
    std::string obstacle = findTMAObstacle(fill.getView().getType(), tile.getShape());
    if (!obstacle.empty())
      return fill.emitOpError() << "cannot be done by the copy engine: " << obstacle;
  }
  return success();
}

bool InsertTMA::isShared(CreateRingOp ring) {
  int64_t programs = getOperation().getClusterSize();
  return programs > 1 && llvm::any_of(ring.getResult().getUsers(), [&](Operation *user) {
           auto fill = dyn_cast<RingFillOp>(user);
           return fill && fill.getMulticast() &&
                  findClusterPart(ring.getResult().getType().getTiles()[fill.getTile()], programs);
         });
}

/// One copy of a whole tile, or of this program's part of it to all programs of the cluster.
void InsertTMA::lowerFill(RingFillOp fill, Value slots, Value full) {
  OpBuilder builder(fill);
  Location location = fill.getLoc();
  int64_t programs = getOperation().getClusterSize();
  Value tile = SlotOp::create(builder, location, slots, fill.getCursor());
  SmallVector<Value> offsets(fill.getOffsets());
  IntegerAttr mask;
  if (fill.getMulticast() && programs > 1) {
    auto type = cast<SharedType>(tile.getType());
    auto part = findClusterPart(type, programs);
    if (part) {
      auto [dimension, partType] = *part;
      Value extent =
          arith::ConstantIndexOp::create(builder, location, partType.getShape()[dimension]);
      Value first = arith::MulIOp::create(builder, location, rank, extent);
      Value &offset =
          offsets[fill.getView().getType().getNumLeading(type.getShape().size()) + dimension];
      offset = arith::AddIOp::create(builder, location, offset, first);
      tile = SharedSliceOp::create(builder, location, partType, tile, rank, dimension);
      mask = builder.getI64IntegerAttr((int64_t(1) << programs) - 1);
    } else {
      remark::missed(location, remarkOn(getOperation(), "multicast", "tk-insert-tma"))
          << remark::reason("{0} cannot be cut into {1} parts of whole panels or of rows that are "
                            "multiples of 8; every program loads it",
                            Type(type), programs);
    }
  }
  TMALoadOp::create(builder, location, fill.getView(), offsets, tile, full, fill.getCursor(), mask);
}

void InsertTMA::lower(CreateRingOp ring, OpBuilder &initialise) {
  MLIRContext *context = &getContext();
  RingType type = ring.getResult().getType();
  int64_t stages = type.getStages(), consumers = countConsumers(ring);
  bool byThreads = isReadByThreads(ring);
  Location location = ring.getLoc();
  OpBuilder builder(initialise);
  StringRef label = ring.getLabel();
  SmallVector<Location> sources(type.getTiles().size(), location);
  for (Operation *user : ring.getResult().getUsers())
    if (auto fill = dyn_cast<RingFillOp>(user))
      sources[fill.getTile()] = fill.getLoc();
  SmallVector<Value> slots;
  for (auto [index, tile] : llvm::enumerate(type.getTiles())) {
    slots.push_back(AllocOp::create(builder, sources[index], SlotsType::get(context, stages, tile),
                                    nameTile(ring, index), IntegerAttr()));
  }
  auto barriers = MBarriersType::get(context, stages);
  Value full = AllocOp::create(builder, location, barriers, (label + " full").str(), IntegerAttr());
  Value free = AllocOp::create(builder, location, barriers, (label + " free").str(), IntegerAttr());
  // A slot that several programs fill is free when the consumers of all have released it.
  int64_t programs = isShared(ring) ? getOperation().getClusterSize() : 1;
  IntegerAttr cluster = programs > 1 ? builder.getI64IntegerAttr(programs) : IntegerAttr();
  int64_t releases = programs * consumers * (byThreads ? hopper::kWarpgroupThreads : 1);
  MBarrierInitOp::create(initialise, location, full, /*arrivals=*/1);
  MBarrierInitOp::create(initialise, location, free, releases);

  for (Operation *user : llvm::make_early_inc_range(ring.getResult().getUsers())) {
    builder.setInsertionPoint(user);
    Location at = user->getLoc();
    if (auto acquire = dyn_cast<RingAcquireOp>(user)) {
      MBarrierWaitOp::create(builder, at, free, acquire.getCursor(), /*previous=*/true,
                             /*cluster=*/programs > 1);
      MBarrierExpectOp::create(builder, at, full, acquire.getCursor(), type.getSlotBytes());
    } else if (auto fill = dyn_cast<RingFillOp>(user)) {
      lowerFill(fill, slots[fill.getTile()], full);
    } else if (auto wait = dyn_cast<RingWaitOp>(user)) {
      MBarrierWaitOp::create(builder, at, full, wait.getCursor(), /*previous=*/false,
                             /*cluster=*/false);
      for (auto [slot, tile] : llvm::zip_equal(slots, wait.getTiles()))
        tile.replaceAllUsesWith(SlotOp::create(builder, at, slot, wait.getCursor()));
    } else if (auto release = dyn_cast<RingReleaseOp>(user)) {
      MBarrierArriveOp::create(builder, at, free, release.getCursor(), byThreads, cluster);
    } // Publishing is the copies' own doing.
    user->erase();
  }
  remark::passed(location, remarkOn(getOperation(), "tma", "tk-insert-tma")) << remark::add(
      "{0}: the copy engine brings {1} bytes a slot; {2} arrival(s) free it{3}", label,
      type.getSlotBytes(), releases, programs > 1 ? ", from all programs of the cluster" : "");
  ring.erase();
}

void InsertTMA::runOnOperation() {
  KernelOp kernel = getOperation();
  SmallVector<CreateRingOp> rings;
  kernel.getBody().walk([&](CreateRingOp ring) { rings.push_back(ring); });
  if (rings.empty())
    return;
  for (CreateRingOp ring : rings)
    if (failed(check(ring)))
      return signalPassFailure();
  // Buffers and barriers are made first of all, before anything that could use one.
  OpBuilder initialise = OpBuilder::atBlockBegin(&kernel.getBody().front());
  Location location = rings.back().getLoc();
  Operation *barrier;
  rank = Value();
  if (llvm::any_of(rings, [&](CreateRingOp ring) { return isShared(ring); })) {
    rank = ClusterRankOp::create(initialise, location, initialise.getIndexType());
    barrier = ClusterBarrierOp::create(initialise, location);
    // A program that has ended has no shared memory that the others could still write to.
    OpBuilder atEnd(kernel.getBody().front().getTerminator());
    ClusterBarrierOp::create(atEnd, location);
  } else {
    barrier = BarrierOp::create(initialise, location);
  }
  initialise.setInsertionPoint(barrier);
  for (CreateRingOp ring : rings)
    lower(ring, initialise);
}
