//===- SharedAccess.cpp - Shared memory, fences and barriers --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Conversion/TileToNVVM/Passes.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// Makes each step's pointer; `access(pointer, firstRegister)` uses it.
static void forEachStep(Location location, ConversionPatternRewriter &rewriter, Value base,
                        const layout::SharedAccess &plan,
                        function_ref<void(Value pointer, int64_t reg)> access) {
  Type i8 = rewriter.getI8Type();
  Value thread = applyThreadColumns(rewriter, location, plan.threadColumns);
  int64_t threadBits = 0;
  for (int64_t column : plan.threadColumns)
    threadBits |= column;
  for (auto [index, step] : llvm::enumerate(plan.steps)) {
    // Where thread and step set different bits, exclusive or is addition, and folds into the
    // instruction's offset.
    bool disjoint = (threadBits & step.exclusiveOr) == 0;
    Value offset = thread;
    if (!disjoint)
      offset = arith::XOrIOp::create(rewriter, location, thread,
                                     constantI32(rewriter, location, step.exclusiveOr));
    Value pointer = LLVM::GEPOp::create(rewriter, location, base.getType(), i8, base, offset);
    if (int64_t constant = step.plus + (disjoint ? step.exclusiveOr : 0))
      pointer = LLVM::GEPOp::create(rewriter, location, base.getType(), i8, pointer,
                                    LLVM::GEPArg(int32_t(constant)));
    access(pointer, index * plan.vector);
  }
}

/// The plan of an access, made by `planner` from the layouts of its operands.
template <typename Plan>
static FailureOr<Plan> planAccess(Operation *op, ConversionPatternRewriter &rewriter,
                                  RankedTensorType tile, SharedType shared,
                                  llvm::Expected<Plan> (*planner)(const layout::Distribution &,
                                                                  const layout::SharedLayout &)) {
  std::optional<layout::Distribution> distribution = getDistribution(tile);
  if (!distribution || !shared.getLayout())
    return rewriter.notifyMatchFailure(op, "an operand has no layout");
  llvm::Expected<Plan> plan = planner(*distribution, shared.getSharedLayout());
  if (!plan)
    return op->emitOpError() << "has no access plan: " << llvm::toString(plan.takeError());
  return std::move(*plan);
}

LogicalResult
tk::forEachSharedAccess(Operation *op, ConversionPatternRewriter &rewriter, RankedTensorType tile,
                        SharedType shared, Value base,
                        function_ref<void(Value pointer, int64_t reg, int64_t vector)> access) {
  FailureOr<layout::SharedAccess> plan =
      planAccess(op, rewriter, tile, shared, &layout::planSharedAccess);
  if (failed(plan))
    return failure();
  forEachStep(op->getLoc(), rewriter, base, *plan,
              [&](Value pointer, int64_t reg) { access(pointer, reg, plan->vector); });
  return success();
}

/// Packs pairs of 16-bit registers into 32-bit ones.
static SmallVector<Value> packPairs(OpBuilder &builder, Location location, ValueRange values) {
  SmallVector<Value> packed;
  Type pair = VectorType::get(2, values[0].getType());
  for (size_t i = 0; i < values.size(); i += 2) {
    Value both = LLVM::PoisonOp::create(builder, location, pair);
    for (int half : {0, 1})
      both = LLVM::InsertElementOp::create(builder, location, both, values[i + half],
                                           constantI32(builder, location, half));
    packed.push_back(LLVM::BitcastOp::create(builder, location, builder.getI32Type(), both));
  }
  return packed;
}

/// The type memory holds: booleans take a byte.
static Type storageType(Type elementType) {
  elementType = getRegisterType(elementType);
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

void tk::storeVector(OpBuilder &builder, Location location, ValueRange values, Value pointer) {
  Type elementType = values[0].getType(), stored = storageType(elementType);
  Value packed = LLVM::PoisonOp::create(builder, location, VectorType::get(values.size(), stored));
  for (auto [index, value] : llvm::enumerate(values)) {
    Value element =
        stored == elementType ? value : arith::ExtUIOp::create(builder, location, stored, value);
    packed = LLVM::InsertElementOp::create(builder, location, packed, element,
                                           constantI32(builder, location, index));
  }
  LLVM::StoreOp::create(builder, location, packed, pointer,
                        values.size() * stored.getIntOrFloatBitWidth() / 8);
}

static NVVM::LdStMatrixShapeAttr matrixShape(OpBuilder &builder) {
  return NVVM::LdStMatrixShapeAttr::get(builder.getContext(), 8, 8);
}

namespace {

struct LowerAlloc : OpConversionPattern<AllocOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AllocOp alloc, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!alloc.getOffset())
      return rewriter.notifyMatchFailure(alloc, "the buffer has no offset");
    auto pointer =
        cast<LLVM::LLVMPointerType>(getTypeConverter()->convertType(alloc.getResult().getType()));
    Value base = LLVM::AddressOfOp::create(rewriter, alloc.getLoc(), pointer, kSharedMemoryName);
    rewriter.replaceOpWithNewOp<LLVM::GEPOp>(alloc, pointer, rewriter.getI8Type(), base,
                                             LLVM::GEPArg(int32_t(*alloc.getOffset())));
    return success();
  }
};

struct LowerSharedStore : OpConversionPattern<SharedStoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SharedStoreOp store, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = store.getLoc();
    auto tile = cast<RankedTensorType>(store.getValue().getType());
    SharedType shared = store.getDest().getType();
    // Threads that hold the same elements would write the same bytes: harmless, but a race all the
    // same.
    std::optional<layout::Distribution> distribution = getDistribution(tile);
    Value first = distribution
                      ? isFirstReplica(rewriter, location, distribution->replicatedThreadBits())
                      : Value();
    OpBuilder::InsertionGuard guard(rewriter);
    if (first) {
      auto branch = scf::IfOp::create(rewriter, location, first, /*withElseRegion=*/false);
      rewriter.setInsertionPointToStart(branch.thenBlock());
    }
    auto write = [&](Value pointer, int64_t reg, int64_t vector) {
      storeVector(rewriter, location, adaptor.getValue().slice(reg, vector), pointer);
    };
    Value base = adaptor.getDest().front();
    if (failed(store.getMatrix() ? storeMatrices(store, rewriter, tile, base, adaptor.getValue())
                                 : forEachSharedAccess(store, rewriter, tile, shared, base, write)))
      return failure();
    rewriter.eraseOp(store);
    return success();
  }

private:
  /// Lanes that hold copies of others' elements hold no matrices, so all lanes of a warp come here.
  static LogicalResult storeMatrices(SharedStoreOp store, ConversionPatternRewriter &rewriter,
                                     RankedTensorType tile, Value base, ValueRange registers) {
    FailureOr<layout::MatrixAccess> plan =
        planAccess(store, rewriter, tile, store.getDest().getType(), &layout::planMatrixAccess);
    if (failed(plan))
      return failure();
    auto write = [&](Value pointer, int64_t reg) {
      NVVM::StMatrixOp::create(
          rewriter, store.getLoc(), pointer,
          packPairs(rewriter, store.getLoc(), registers.slice(reg, plan->rows.vector)),
          plan->transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row, matrixShape(rewriter),
          NVVM::LdStMatrixEltType::B16);
    };
    forEachStep(store.getLoc(), rewriter, base, plan->rows, write);
    return success();
  }
};

struct LowerSharedLoad : OpConversionPattern<SharedLoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SharedLoadOp load, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = load.getLoc();
    auto tile = cast<RankedTensorType>(load.getResult().getType());
    SharedType shared = load.getSource().getType();
    Type stored = storageType(tile.getElementType());
    SmallVector<Value> registers;
    auto read = [&](Value pointer, int64_t reg, int64_t vector) {
      Value packed = LLVM::LoadOp::create(rewriter, location, VectorType::get(vector, stored),
                                          pointer, vector * shared.getElementBytes());
      for (int64_t i = 0; i < vector; ++i) {
        Value element = LLVM::ExtractElementOp::create(rewriter, location, packed,
                                                       constantI32(rewriter, location, i));
        if (stored != getRegisterType(tile.getElementType()))
          element = arith::TruncIOp::create(rewriter, location, tile.getElementType(), element);
        registers.push_back(element);
      }
    };
    Value base = adaptor.getSource().front();
    if (failed(load.getMatrix() ? loadMatrices(load, rewriter, tile, base, registers)
                                : forEachSharedAccess(load, rewriter, tile, shared, base, read)))
      return failure();
    rewriter.replaceOpWithMultiple(load, {registers});
    return success();
  }

private:
  static LogicalResult loadMatrices(SharedLoadOp load, ConversionPatternRewriter &rewriter,
                                    RankedTensorType tile, Value base,
                                    SmallVectorImpl<Value> &registers) {
    FailureOr<layout::MatrixAccess> plan =
        planAccess(load, rewriter, tile, load.getSource().getType(), &layout::planMatrixAccess);
    if (failed(plan))
      return failure();
    Location location = load.getLoc();
    Type i32 = rewriter.getI32Type();
    Type element = getRegisterType(tile.getElementType()), pair = VectorType::get(2, element);
    int64_t words = plan->rows.vector / 2;
    auto packed =
        LLVM::LLVMStructType::getLiteral(rewriter.getContext(), SmallVector<Type>(words, i32));
    auto read = [&](Value pointer, int64_t) {
      Value matrices =
          NVVM::LdMatrixOp::create(rewriter, location, packed, pointer, words,
                                   plan->transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                                   matrixShape(rewriter), NVVM::LdStMatrixEltType::B16);
      for (int64_t word = 0; word < words; ++word) {
        Value both = LLVM::ExtractValueOp::create(rewriter, location, matrices, word);
        both = LLVM::BitcastOp::create(rewriter, location, pair, both);
        for (int half : {0, 1})
          registers.push_back(LLVM::ExtractElementOp::create(
              rewriter, location, both, constantI32(rewriter, location, half)));
      }
    };
    forEachStep(location, rewriter, base, plan->rows, read);
    return success();
  }
};

struct LowerBarrier : OpConversionPattern<BarrierOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BarrierOp barrier, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::Barrier0Op>(barrier);
    return success();
  }
};

struct LowerFenceAsyncProxy : OpConversionPattern<FenceAsyncProxyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(FenceAsyncProxyOp fence, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    inlinePTX(rewriter, fence.getLoc(), "fence.proxy.async.shared::cta;", "~{memory}", {}, {});
    rewriter.eraseOp(fence);
    return success();
  }
};

} // namespace

void tk::populateSharedAccessPatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerAlloc, LowerSharedStore, LowerSharedLoad, LowerBarrier, LowerFenceAsyncProxy>(
      converter, patterns.getContext());
}
