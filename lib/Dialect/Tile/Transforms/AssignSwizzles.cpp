//===- AssignSwizzles.cpp - Give shared tiles their layout --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_ASSIGNSWIZZLES
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct AssignSwizzles : tk::tile::impl::AssignSwizzlesBase<AssignSwizzles> {
  void runOnOperation() override {
    getOperation().walk([&](AllocOp alloc) {
      if (SharedType tile = alloc.getTile(); tile && !tile.getLayout())
        assign(alloc, tile);
    });
    getOperation().walk([&](CreateRingOp ring) { assign(ring); });
  }

private:
  void assign(AllocOp alloc, SharedType type);
  void assign(CreateRingOp ring);
  SharedType choose(Operation *op, StringRef label, SharedType type, unsigned contiguous);
};

} // namespace

/// The type with its layout, or null and a remark.
SharedType AssignSwizzles::choose(Operation *op, StringRef label, SharedType type,
                                  unsigned contiguous) {
  auto opts = remarkOn(getOperation(), "swizzle", "tk-assign-swizzles");
  if (type.getShape().size() != 2) {
    remark::missed(op->getLoc(), opts) << remark::reason(
        "\"{0}\" has rank {1}: swizzles are for tiles of rank 2", label, type.getShape().size());
    return {};
  }
  int64_t bytes = type.getShape()[contiguous] * type.getElementBytes();
  SharedType swizzled = addSwizzle(type, contiguous);
  if (!swizzled) {
    remark::missed(op->getLoc(), opts) << remark::reason(
        "\"{0}\" has {1} rows of {2} bytes: expected a multiple of 8 rows and of 16 bytes", label,
        type.getShape()[1 - contiguous], bytes);
    return {};
  }
  int64_t span = int64_t(swizzled.getSharedLayout().span());
  remark::passed(op->getLoc(), opts)
      << remark::add("\"{0}\" lies in {1} panel(s) of {2} bytes, contiguous along dimension {3} as "
                     "in global memory",
                     label, bytes / span, span, contiguous);
  return swizzled;
}

/// Slots and pieces of a tile lie as the tile does, in the same panels.
static void setTileType(Value memory, SharedType type) {
  if (auto slots = dyn_cast<SlotsType>(memory.getType()))
    memory.setType(SlotsType::get(type.getContext(), slots.getStages(), type));
  else
    memory.setType(type);
  for (Operation *user : memory.getUsers()) {
    if (auto slot = dyn_cast<SlotOp>(user))
      setTileType(slot.getResult(), type);
    if (auto slice = dyn_cast<SharedSliceOp>(user)) {
      SharedType piece = slice.getResult().getType();
      setTileType(slice.getResult(), SharedType::get(type.getContext(), piece.getShape(),
                                                     piece.getElementType(), type.getLayout()));
    }
  }
}

void AssignSwizzles::assign(AllocOp alloc, SharedType type) {
  unsigned rank = std::max<unsigned>(1, type.getShape().size());
  if (SharedType swizzled =
          choose(alloc, alloc.getLabel(), type, findContiguousDimension(alloc, rank)))
    setTileType(alloc.getResult(), swizzled);
}

/// Each tile of a ring is laid out for the view that fills it.
void AssignSwizzles::assign(CreateRingOp ring) {
  RingType type = ring.getResult().getType();
  SmallVector<SharedType> tiles(type.getTiles());
  for (Operation *user : ring.getResult().getUsers())
    if (auto fill = dyn_cast<RingFillOp>(user); fill && !tiles[fill.getTile()].getLayout()) {
      SharedType &tile = tiles[fill.getTile()];
      std::string label = nameTile(ring, fill.getTile());
      unsigned contiguous = getContiguousOrLast(fill.getView().getType(), tile.getShape().size());
      if (SharedType swizzled = choose(ring, label, tile, contiguous))
        tile = swizzled;
    }
  if (ArrayRef(tiles) == type.getTiles())
    return;
  ring.getResult().setType(RingType::get(&getContext(), type.getStages(), tiles));
  for (Operation *user : ring.getResult().getUsers())
    if (auto wait = dyn_cast<RingWaitOp>(user))
      for (auto [result, tile] : llvm::zip_equal(wait.getTiles(), tiles))
        setTileType(result, tile);
}
