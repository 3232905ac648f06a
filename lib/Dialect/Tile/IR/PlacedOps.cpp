//===- PlacedOps.cpp - Operations of the placed program -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk::tile;

SharedType AllocOp::getTile() {
  if (auto slots = dyn_cast<SlotsType>(getResult().getType()))
    return slots.getTile();
  return dyn_cast<SharedType>(getResult().getType());
}

LogicalResult AllocOp::verify() {
  if (!getOffset())
    return success();
  SharedStorageInterface storage = getStorage();
  if (!storage.hasLayout())
    return emitOpError() << "expected a layout before an offset; run tk-assign-swizzles first";
  int64_t offset = *getOffset();
  if (offset > hopper::kMaxSharedBytes - storage.getSizeInBytes())
    return emitOpError() << "expected an offset at which " << storage.getSizeInBytes()
                         << " bytes end within the block's " << hopper::kMaxSharedBytes << ", got "
                         << offset;
  if (int64_t alignment = storage.getAlignment(); offset < 0 || offset % alignment != 0)
    return emitOpError() << "expected an offset that is a multiple of the layout's alignment "
                         << alignment << ", got " << offset;
  return success();
}

/// A register tile and a shared tile that exchange data agree in shape and element type.
static LogicalResult verifySharedAccess(Operation *op, RankedTensorType tile, SharedType shared) {
  if (tile.getShape() != shared.getShape() || tile.getElementType() != shared.getElementType())
    return op->emitOpError()
           << "expected a register tile of the shared tile's shape and element type, got " << tile
           << " and " << shared;
  return success();
}

LogicalResult SharedLoadOp::verify() {
  return verifySharedAccess(*this, cast<RankedTensorType>(getResult().getType()),
                            getSource().getType());
}

LogicalResult SharedStoreOp::verify() {
  return verifySharedAccess(*this, cast<RankedTensorType>(getValue().getType()),
                            getDest().getType());
}

LogicalResult CopyOp::verify() {
  SharedType shared = getDest().getType();
  if (failed(verifyTileOfView(*this, getView().getType(), shared, getOffsets().size())))
    return failure();
  if (!getThrough())
    return success();
  return getThrough()->verifyShape(shared.getShape(), [&] { return emitOpError(); });
}

LogicalResult WgmmaOp::verify() {
  SharedType a = getA().getType(), b = getB().getType();
  RankedTensorType acc = getAcc().getType().getTensor();
  if (a.getShape().size() != 2 || b.getShape().size() != 2 || acc.getRank() != 2)
    return emitOpError() << "expected operands of rank 2, got " << a << ", " << b << " and " << acc;
  int64_t m = a.getShape()[0], k = a.getShape()[1], n = b.getShape()[1];
  if (b.getShape()[0] != k)
    return emitOpError() << "expected the columns of 'a' to match the rows of 'b', got " << k
                         << " and " << b.getShape()[0];
  if (acc.getDimSize(0) != m || acc.getDimSize(1) != n)
    return emitOpError() << "expected an accumulator of " << m << " x " << n << ", got "
                         << acc.getDimSize(0) << " x " << acc.getDimSize(1);
  std::optional<ProductKind> kind =
      findProductKind(a.getElementType(), b.getElementType(), acc.getElementType());
  if (!kind)
    return emitOpError() << "expected bf16, f16, f32 (as tf32) or fp8 operands and an f32 "
                            "accumulator, or i8 and i32, got "
                         << a.getElementType() << ", " << b.getElementType() << " and "
                         << acc.getElementType();
  if (m % 64 != 0 || n % 8 != 0 || k % kind->k != 0)
    return emitOpError() << "expected extents of 64 m x 8 n x " << kind->k << " k, got " << m
                         << " x " << n << " x " << k;
  for (auto [name, tile, alongK] : {std::tuple("a", a, 1u), std::tuple("b", b, 0u)})
    if (!kind->anyLayout && tile.getLayout() &&
        tile.getSharedLayout().contiguousDimension() != alongK)
      return emitOpError() << "expected '" << name << "' of " << tile.getElementType()
                           << " with K contiguous, order = [" << alongK << ", " << 1 - alongK
                           << "], got " << tile;
  return success();
}
