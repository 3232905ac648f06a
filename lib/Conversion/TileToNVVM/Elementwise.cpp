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

namespace {

/// Any elementwise operation on register tiles: the same operation on each register.
struct LowerElementwise : ConversionPattern {
  LowerElementwise(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1 ||
        op->getNumRegions() != 0)
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
    Value scalar = arith::ConstantOp::create(rewriter, op.getLoc(),
                                             cast<TypedAttr>(splat.getSplatValue<Attribute>()));
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
    std::map<layout::Coordinates, int64_t> registers;
    for (int64_t reg = 0; reg < whole->registersPerThread(); ++reg)
      registers.try_emplace(whole->registerCoordinate(reg), reg);
    SmallVector<Value> results;
    // A coordinate is a register's part plus a thread's.
    bool sameThreads = whole->threadBits() == piece->threadBits();
    for (unsigned bit = 0; sameThreads && bit < whole->threadBits(); ++bit)
      for (unsigned d = 0; d < whole->rank(); ++d)
        sameThreads &= whole->threadColumn(bit, d) == piece->threadColumn(bit, d);
    for (int64_t reg = 0; reg < piece->registersPerThread(); ++reg) {
      layout::Coordinates at = piece->registerCoordinate(reg);
      for (auto [coordinate, offset] : llvm::zip_equal(at, slice.getStaticOffsets()))
        coordinate += offset;
      auto found = registers.find(at);
      bool same = sameThreads && found != registers.end();
      if (!same)
        return slice.emitOpError()
               << "takes elements that other threads hold: " << slice.getSourceType() << " to "
               << slice.getResultType() << "; pass the tile through shared memory";
      results.push_back(adaptor.getSource()[found->second]);
    }
    rewriter.replaceOpWithMultiple(slice, {results});
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

void tk::populateElementwisePatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerElementwise>(converter, patterns.getContext());
  patterns.add<LowerConstant, LowerExtractSlice, LowerPoison>(converter, patterns.getContext());
  patterns.add<LowerTruncPairs>(converter, patterns.getContext(), /*benefit=*/2);
}
