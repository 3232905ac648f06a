//===- ValueOps.cpp - Operations of the tile program --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"
#include "llvm/Support/FormatVariadic.h"

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
  // One of them looks for all: there may be thousands.
  for (Operation *user : argument.getUsers())
    if (isa<LoadScalarOp>(user)) {
      if (user != getOperation())
        return success();
      break;
    }
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
  auto isFp8 = [](Type type) { return isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 8; };
  if (a.getElementType() != b.getElementType() &&
      !(isFp8(a.getElementType()) && isFp8(b.getElementType())))
    return emitOpError()
           << "expected 'a' and 'b' of one element type, or both of 8-bit floats, got "
           << a.getElementType() << " and " << b.getElementType();
  if (a.getElementType().isInteger() != acc.getElementType().isInteger())
    return emitOpError() << "expected an accumulator of the operands' kind, got "
                         << acc.getElementType() << " for " << a.getElementType();
  return success();
}

bool ProductKind::hasN(int64_t n) const {
  return n % hopper::kWgmmaNStep == 0 && n <= hopper::kWgmmaMaxN &&
         (!isInteger || n <= 24 || n % 16 == 0);
}

// PTX ISA 9.1, 9.7.15.5.2, narrowed to what tk lowers: no f16 accumulators, no unsigned or 1-bit
// integers.
std::optional<ProductKind> tk::tile::findProductKind(Type a, Type b, Type acc) {
  auto name = [](Type type) -> StringRef {
    if (type.isBF16())
      return "bf16";
    if (type.isF16())
      return "f16";
    if (type.isF32())
      return "tf32";
    if (isa<Float8E4M3FNType>(type))
      return "e4m3";
    if (isa<Float8E5M2Type>(type))
      return "e5m2";
    return type.isSignlessInteger(8) ? "s8" : "";
  };
  StringRef aName = name(a), bName = name(b);
  if (aName.empty() || bName.empty())
    return std::nullopt;
  int64_t bits = a.getIntOrFloatBitWidth();
  bool isInteger = a.isInteger(), isFp8 = bits == 8 && !isInteger;
  bool isFp8Pair = isFp8 && b.getIntOrFloatBitWidth() == 8 && !b.isInteger();
  if ((a != b && !isFp8Pair) || !(isInteger ? acc.isSignlessInteger(32) : acc.isF32()))
    return std::nullopt;
  return ProductKind{aName,
                     bName,
                     isInteger ? "s32" : "f32",
                     hopper::kWgmmaKBytes * 8 / bits,
                     /*anyLayout=*/bits == 16,
                     isInteger};
}

/// The dimension along which an operand will lie in a row in shared memory, as far as it is known:
/// that of the view it is loaded from, or that of the shared tile it is read from.
static std::optional<unsigned> findContiguous(Value operand) {
  if (auto load = operand.getDefiningOp<LoadOp>())
    return load.getView().getType().getContiguousDimension(/*tileRank=*/2).value_or(1);
  auto load = operand.getDefiningOp<SharedLoadOp>();
  if (!load)
    return std::nullopt;
  if (load.getSource().getType().getLayout())
    return load.getSource().getType().getSharedLayout().contiguousDimension();
  if (auto wait = load.getSource().getDefiningOp<RingWaitOp>())
    for (Operation *user : wait.getRing().getUsers())
      if (auto fill = dyn_cast<RingFillOp>(user);
          fill && fill.getTile() == cast<OpResult>(load.getSource()).getResultNumber())
        return fill.getView().getType().getContiguousDimension(/*tileRank=*/2);
  return std::nullopt;
}

std::string DotOp::findObstacle() {
  auto a = cast<RankedTensorType>(getA().getType()), b = cast<RankedTensorType>(getB().getType());
  auto acc = cast<RankedTensorType>(getAcc().getType());
  std::optional<ProductKind> kind =
      findProductKind(a.getElementType(), b.getElementType(), acc.getElementType());
  if (!kind)
    return llvm::formatv("operands of {0} and {1} with an accumulator of {2}: expected bf16, f16, "
                         "f32 (as tf32) or fp8 with f32, or i8 with i32",
                         a.getElementType(), b.getElementType(), acc.getElementType());
  auto kernel = (*this)->getParentOfType<KernelOp>();
  NumericsAttr numerics = kernel ? kernel.getNumericsAttr() : NumericsAttr();
  if (a.getElementType().isF32() && !(numerics && numerics.getTf32()))
    return "operands of f32, which the tensor core takes only as tf32, without their 13 low bits: "
           "allow it with tf32 = true in the kernel's #tk.numerics, or convert them";
  int64_t m = acc.getDimSize(0), n = acc.getDimSize(1), k = a.getDimSize(1);
  if (m % hopper::kWgmmaM != 0 || n % hopper::kWgmmaNStep != 0 || k % kind->k != 0)
    return llvm::formatv("a product of {0} x {1} x {2}: expected multiples of {3} x {4} x {5}", m,
                         n, k, hopper::kWgmmaM, hopper::kWgmmaNStep, kind->k);
  for (auto [name, operand, alongK] : {std::tuple("a", getA(), 1u), std::tuple("b", getB(), 0u)})
    if (std::optional<unsigned> contiguous = findContiguous(operand);
        !kind->anyLayout && contiguous && *contiguous != alongK)
      return llvm::formatv(
          "'{0}' of {1} lies with {2} contiguous: expected K contiguous, which the "
          "tensor core needs for all but 16-bit floats; store it so (strides = "
          "[{3}])",
          name, cast<RankedTensorType>(operand.getType()).getElementType(), alongK == 1 ? "M" : "N",
          alongK == 1 ? "?, 1" : "1, ?");
  return {};
}

bool BroadcastOp::repeats(unsigned dimension) {
  return cast<RankedTensorType>(getTile().getType()).getDimSize(dimension) == 1 &&
         cast<RankedTensorType>(getResult().getType()).getDimSize(dimension) != 1;
}

LogicalResult BroadcastOp::verify() {
  auto tile = cast<RankedTensorType>(getTile().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (tile.getRank() != result.getRank() || tile.getElementType() != result.getElementType())
    return emitOpError() << "expected a result of rank " << tile.getRank() << " and of "
                         << tile.getElementType() << ", got " << result;
  for (int64_t d = 0; d < tile.getRank(); ++d)
    if (tile.getDimSize(d) != 1 && tile.getDimSize(d) != result.getDimSize(d))
      return emitOpError() << "expected an extent of " << tile.getDimSize(d) << " for dimension "
                           << d << ", as the tile has more than one element along it, got "
                           << result.getDimSize(d);
  return success();
}
