//===- ValueOps.cpp - Operations of the tile program --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

using namespace mlir;
using namespace tk::tile;

LogicalResult tk::tile::verifyTileRank(Operation *op, GlobalType view, size_t tileRank,
                                       size_t numOffsets) {
  if (view.getRank() != numOffsets)
    return op->emitOpError() << "expected one offset per dimension of the view (" << view.getRank()
                             << "), got " << numOffsets;
  if (tileRank < 1 || tileRank > view.getRank())
    return op->emitOpError() << "expected a tile of rank 1 to the view's " << view.getRank()
                             << ", got rank " << tileRank;
  return success();
}

LogicalResult LoadOp::verify() {
  auto tile = cast<RankedTensorType>(getResult().getType());
  GlobalType view = getView().getType();
  if (failed(verifyTileRank(*this, view, tile.getRank(), getOffsets().size())))
    return failure();
  if (tile.getElementType() != view.getElementType())
    return emitOpError() << "expected the tile to have the view's element type "
                         << view.getElementType() << ", got " << tile.getElementType()
                         << "; convert the tile after loading it";
  return success();
}

LogicalResult LoadScalarOp::verify() {
  GlobalType view = getView().getType();
  if (view.getRank() != getOffsets().size())
    return emitOpError() << "expected one offset per dimension of the view (" << view.getRank()
                         << "), got " << getOffsets().size();
  Type type = getResult().getType();
  if (type != view.getElementType())
    return emitOpError() << "expected a result of the view's element type " << view.getElementType()
                         << ", got " << type;
  if (getPad()) {
    if (!type.isInteger())
      return emitOpError() << "expected 'pad' for integers only, got elements of type " << type
                           << ", which are 0 outside the view";
    unsigned width = type.getIntOrFloatBitWidth();
    int64_t pad = *getPad();
    if (!llvm::isIntN(width, pad) && !(pad >= 0 && llvm::isUIntN(width, pad)))
      return emitOpError() << "expected a 'pad' that fits " << type << ", got " << pad;
  }
  // What makes it free of effects.
  auto argument = dyn_cast<BlockArgument>(getView());
  if (!argument || !isa_and_present<KernelOp>(argument.getOwner()->getParentOp()))
    return emitOpError()
           << "expected a view that is an argument of the kernel; of others it is not "
              "known whether they change";
  for (Operation *user : argument.getUsers())
    if (!isa<LoadOp, LoadScalarOp, CopyOp, RingFillOp, TMALoadOp, DimOp>(user)) {
      InFlightDiagnostic diagnostic =
          emitOpError() << "expected a view that the kernel only reads, got one that '"
                        << user->getName()
                        << "' may change; pass what is written as another argument";
      diagnostic.attachNote(user->getLoc()) << "used here";
      return diagnostic;
    }
  return success();
}

LogicalResult StoreOp::verify() {
  auto tile = cast<RankedTensorType>(getValue().getType());
  GlobalType view = getView().getType();
  if (failed(verifyTileRank(*this, view, tile.getRank(), getOffsets().size())))
    return failure();
  auto from = dyn_cast<FloatType>(tile.getElementType()),
       to = dyn_cast<FloatType>(view.getElementType());
  bool rounds = from && to && from.getWidth() > to.getWidth();
  if (tile.getElementType() != view.getElementType() && !rounds)
    return emitOpError() << "expected a tile of the view's element type " << view.getElementType()
                         << " or of a wider floating-point type, got " << tile.getElementType()
                         << "; convert the tile before storing it";
  return success();
}

LogicalResult StoreOp::canonicalize(StoreOp store, PatternRewriter &rewriter) {
  auto tile = cast<RankedTensorType>(store.getValue().getType());
  Type elementType = store.getView().getType().getElementType();
  if (tile.getElementType() == elementType)
    return failure();
  Value rounded =
      arith::TruncFOp::create(rewriter, store.getLoc(), tile.clone(elementType), store.getValue())
          .getResult();
  rewriter.modifyOpInPlace(store, [&] { store.getValueMutable().assign(rounded); });
  return success();
}

LogicalResult DotOp::verify() {
  auto a = cast<RankedTensorType>(getA().getType()), b = cast<RankedTensorType>(getB().getType());
  auto acc = cast<RankedTensorType>(getAcc().getType());
  if (a.getDimSize(1) != b.getDimSize(0))
    return emitOpError() << "expected the columns of 'a' to match the rows of 'b', got "
                         << a.getDimSize(1) << " and " << b.getDimSize(0);
  if (acc.getDimSize(0) != a.getDimSize(0) || acc.getDimSize(1) != b.getDimSize(1))
    return emitOpError() << "expected an accumulator of " << a.getDimSize(0) << " x "
                         << b.getDimSize(1) << ", got " << acc.getDimSize(0) << " x "
                         << acc.getDimSize(1);
  if (a.getElementType() != b.getElementType())
    return emitOpError() << "expected 'a' and 'b' of one element type, got " << a.getElementType()
                         << " and " << b.getElementType();
  if (a.getElementType().isInteger() != acc.getElementType().isInteger())
    return emitOpError() << "expected an accumulator of the operands' kind, got "
                         << acc.getElementType() << " for " << a.getElementType();
  return success();
}
