//===- Elementwise.cpp - Elementwise operations, register by register -----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include <map>

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// Whether an operation computes with fp8, whose registers are plain bits. A select moves them.
static bool usesFp8(Operation *op) {
  auto isFp8 = [](Type type) {
    auto tile = dyn_cast<RankedTensorType>(type);
    return tile && tile.getElementType() != getRegisterType(tile.getElementType());
  };
  return !isa<arith::SelectOp>(op) &&
         (llvm::any_of(op->getOperandTypes(), isFp8) || llvm::any_of(op->getResultTypes(), isFp8));
}

namespace {

/// Any elementwise operation on register tiles: the same operation on each register.
struct LowerElementwise : ConversionPattern {
  LowerElementwise(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1 ||
        op->getNumRegions() != 0 || usesFp8(op))
      return rewriter.notifyMatchFailure(op, "not elementwise");
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<Type> types;
    if (!type || failed(getTypeConverter()->convertType(type, types)))
      return rewriter.notifyMatchFailure(op, "the result is no tile with a layout");
    SmallVector<Value> results;
    for (size_t reg = 0; reg < types.size(); ++reg) {
      // A scalar operand (the condition of a select) serves every register.
      SmallVector<Value> scalars;
      for (ValueRange operand : operands)
        scalars.push_back(operand.size() == types.size() ? operand[reg] : operand.front());
      OperationState state(op->getLoc(), op->getName(), scalars, types[reg], op->getAttrs());
      results.push_back(rewriter.create(state)->getResult(0));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

/// f32 to a 16-bit float in pairs, which is one instruction (cvt.rn.bf16x2.f32). By intrinsic: LLVM
/// takes a vector's conversion apart where its elements are stored one by one.
struct LowerTruncPairs : OpConversionPattern<arith::TruncFOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    auto from = dyn_cast<RankedTensorType>(op.getIn().getType());
    ValueRange in = adaptor.getIn();
    if (!type || type.getElementTypeBitWidth() != 16 || !from.getElementType().isF32() ||
        in.size() % 2 != 0)
      return rewriter.notifyMatchFailure(op, "not an even number of f32 registers to 16 bits");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return rewriter.notifyMatchFailure(op, "the instruction rounds to nearest even");
    Location location = op.getLoc();
    StringRef intrinsic =
        type.getElementType().isBF16() ? "llvm.nvvm.ff2bf16x2.rn" : "llvm.nvvm.ff2f16x2.rn";
    SmallVector<Value> results;
    for (size_t reg = 0; reg < in.size(); reg += 2) {
      // The first operand becomes the high half.
      Value rounded = LLVM::CallIntrinsicOp::create(
                          rewriter, location, VectorType::get(2, type.getElementType()),
                          rewriter.getStringAttr(intrinsic), ValueRange{in[reg + 1], in[reg]})
                          .getResult(0);
      for (int i : {0, 1})
        results.push_back(LLVM::ExtractElementOp::create(rewriter, location, rounded,
                                                         constantI32(rewriter, location, i)));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

/// Two registers of fp8 in the two bytes of one 16-bit register, which their conversions take.
struct LowerFp8 : ConversionPattern {
  LowerFp8(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/3, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1 || !usesFp8(op))
      return rewriter.notifyMatchFailure(op, "no operation on fp8");
    auto narrow = dyn_cast<arith::TruncFOp>(op);
    auto widen = dyn_cast<arith::ExtFOp>(op);
    auto other =
        cast<RankedTensorType>(narrow ? op->getOperand(0).getType() : op->getResult(0).getType());
    if ((!narrow && !widen) || !other.getElementType().isF32())
      return op->emitOpError() << "on fp8 has no lowering: expected arith.truncf from f32 or "
                                  "arith.extf to f32; compute in f32";
    if (narrow && narrow.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
                      arith::RoundingMode::to_nearest_even)
      return op->emitOpError() << "on fp8 has no lowering: expected rounding to nearest even";
    Location location = op->getLoc();
    auto type =
        cast<RankedTensorType>(narrow ? op->getResult(0).getType() : op->getOperand(0).getType());
    StringRef name = isa<Float8E4M3FNType>(type.getElementType()) ? "e4m3x2"
                     : isa<Float8E5M2Type>(type.getElementType()) ? "e5m2x2"
                                                                  : "";
    ValueRange in = operands[0];
    if (name.empty() || in.size() % 2 != 0)
      return op->emitOpError() << "has no lowering: expected f8E4M3FN or f8E5M2 and an even number "
                                  "of elements to a thread, got "
                               << type;
    Type i8 = rewriter.getI8Type(), i16 = rewriter.getI16Type();
    auto pair = VectorType::get(2, i8);
    SmallVector<Value> results;
    auto call = [&](Type result, const Twine &intrinsic, ValueRange arguments) {
      return LLVM::CallIntrinsicOp::create(rewriter, location, result,
                                           rewriter.getStringAttr(intrinsic), arguments)
          .getResult(0);
    };
    auto extract = [&](Value vector, int i) -> Value {
      return LLVM::ExtractElementOp::create(rewriter, location, vector,
                                            constantI32(rewriter, location, i));
    };
    for (size_t reg = 0; reg < in.size(); reg += 2) {
      if (narrow) { // The first operand becomes the high byte.
        Value bits = call(i16, "llvm.nvvm.ff.to." + name + ".rn", {in[reg + 1], in[reg]});
        Value bytes = LLVM::BitcastOp::create(rewriter, location, pair, bits);
        for (int i : {0, 1})
          results.push_back(extract(bytes, i));
        continue;
      }
      Value bytes = LLVM::PoisonOp::create(rewriter, location, pair);
      for (int i : {0, 1})
        bytes = LLVM::InsertElementOp::create(rewriter, location, bytes, in[reg + i],
                                              constantI32(rewriter, location, i));
      Value bits = LLVM::BitcastOp::create(rewriter, location, i16, bytes);
      Value halves = call(VectorType::get(2, rewriter.getF16Type()),
                          "llvm.nvvm." + name + ".to.f16x2.rn", bits);
      for (int i : {0, 1})
        results.push_back(
            LLVM::FPExtOp::create(rewriter, location, rewriter.getF32Type(), extract(halves, i)));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

struct LowerConstant : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(arith::ConstantOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    SmallVector<Type> types;
    if (!isa<RankedTensorType>(op.getType()))
      return rewriter.notifyMatchFailure(op, "not a tile");
    if (!splat)
      return op.emitOpError()
             << "is a tile of differing constants, which has no lowering; load it from a view";
    if (failed(getTypeConverter()->convertType(op.getType(), types)))
      return rewriter.notifyMatchFailure(op, "the tile has no layout");
    auto element = cast<TypedAttr>(splat.getSplatValue<Attribute>());
    if (Type bits = getRegisterType(element.getType()); bits != element.getType())
      element = IntegerAttr::get(bits, cast<FloatAttr>(element).getValue().bitcastToAPInt());
    Value scalar = arith::ConstantOp::create(rewriter, op.getLoc(), element);
    SmallVector<Value> results(types.size(), scalar);
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

/// A piece of a tile at fixed offsets whose elements each thread already holds: some of its
/// registers.
struct LowerExtractSlice : OpConversionPattern<tensor::ExtractSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp slice, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    std::optional<layout::Distribution> whole = getDistribution(slice.getSourceType()),
                                        piece = getDistribution(slice.getResultType());
    if (!whole || !piece)
      return rewriter.notifyMatchFailure(slice, "a tile has no layout");
    if (slice.getSourceType().getRank() != slice.getResultType().getRank() ||
        llvm::any_of(slice.getStaticOffsets(), ShapedType::isDynamic) ||
        llvm::any_of(slice.getStaticStrides(), [](int64_t stride) { return stride != 1; }))
      return slice.emitOpError() << "has no lowering: expected static offsets, strides of 1 and as "
                                    "many dimensions as the tile";
    std::optional<SmallVector<int64_t>> registers =
        findPieceRegisters(*whole, *piece, slice.getStaticOffsets());
    if (!registers)
      return slice.emitOpError() << "takes elements that other threads hold: "
                                 << slice.getSourceType() << " to " << slice.getResultType()
                                 << "; pass the tile through shared memory";
    SmallVector<Value> results;
    for (int64_t reg : *registers)
      results.push_back(adaptor.getSource()[reg]);
    rewriter.replaceOpWithMultiple(slice, {results});
    return success();
  }
};

/// Which registers hold what a thread repeats; each thread holds what it needs.
struct LowerBroadcast : OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BroadcastOp broadcast, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(broadcast.getResult().getType());
    auto tile = cast<RankedTensorType>(broadcast.getTile().getType());
    std::optional<layout::Distribution> to = getDistribution(type), from = getDistribution(tile);
    if (!to || !from)
      return rewriter.notifyMatchFailure(broadcast, "a tile has no layout");
    if (!(to->collapse(tile.getShape()) == *from))
      return broadcast.emitOpError()
             << "takes elements that other threads hold: expected the layout "
             << SliceAttr::get(getContext(), cast<RegisterLayoutInterface>(type.getEncoding()),
                               type.getShape())
             << ", got " << tile.getEncoding() << "; load the tile once for each use";
    std::map<layout::Coordinates, int64_t> registers;
    for (int64_t reg = 0; reg < from->registersPerThread(); ++reg)
      registers.try_emplace(from->registerCoordinate(reg), reg);
    SmallVector<Value> results;
    for (int64_t reg = 0; reg < to->registersPerThread(); ++reg) {
      layout::Coordinates at = to->registerCoordinate(reg);
      for (auto [coordinate, extent] : llvm::zip_equal(at, tile.getShape()))
        if (extent == 1)
          coordinate = 0;
      results.push_back(adaptor.getTile()[registers.at(at)]);
    }
    rewriter.replaceOpWithMultiple(broadcast, {results});
    return success();
  }
};

/// A scalar in every register.
struct LowerSplat : OpConversionPattern<tensor::SplatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::SplatOp splat, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertType(splat.getType(), types)))
      return rewriter.notifyMatchFailure(splat, "the tile has no layout");
    SmallVector<Value> results(types.size(), adaptor.getInput());
    rewriter.replaceOpWithMultiple(splat, {results});
    return success();
  }
};

struct LowerPoison : OpConversionPattern<ub::PoisonOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ub::PoisonOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertType(op.getType(), types)))
      return rewriter.notifyMatchFailure(op, "the tile has no layout");
    SmallVector<Value> results;
    for (Type type : types)
      results.push_back(LLVM::PoisonOp::create(rewriter, op.getLoc(), type));
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

} // namespace

std::optional<SmallVector<int64_t>> tk::findPieceRegisters(const layout::Distribution &whole,
                                                           const layout::Distribution &piece,
                                                           ArrayRef<int64_t> offsets) {
  // A coordinate is a register's part plus a thread's.
  if (whole.threadBits() != piece.threadBits())
    return std::nullopt;
  for (unsigned bit = 0; bit < whole.threadBits(); ++bit)
    for (unsigned d = 0; d < whole.rank(); ++d)
      if (whole.threadColumn(bit, d) != piece.threadColumn(bit, d))
        return std::nullopt;
  std::map<layout::Coordinates, int64_t> registers;
  for (int64_t reg = 0; reg < whole.registersPerThread(); ++reg)
    registers.try_emplace(whole.registerCoordinate(reg), reg);
  SmallVector<int64_t> result;
  for (int64_t reg = 0; reg < piece.registersPerThread(); ++reg) {
    layout::Coordinates at = piece.registerCoordinate(reg);
    for (auto [coordinate, offset] : llvm::zip_equal(at, offsets))
      coordinate += offset;
    auto found = registers.find(at);
    if (found == registers.end())
      return std::nullopt;
    result.push_back(found->second);
  }
  return result;
}

void tk::populateElementwisePatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerElementwise>(converter, patterns.getContext());
  patterns.add<LowerBroadcast, LowerConstant, LowerExtractSlice, LowerPoison, LowerSplat>(
      converter, patterns.getContext());
  patterns.add<LowerFp8>(converter, patterns.getContext());
  patterns.add<LowerTruncPairs>(converter, patterns.getContext(), /*benefit=*/2);
}
