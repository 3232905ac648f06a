//===- Workspace.cpp - Sums through global memory -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// The slots of all programs, and behind them their flags.
template <typename Op>
struct WorkspacePattern : OpConversionPattern<Op> {
  WorkspacePattern(const TypeConverter &converter, MLIRContext *context,
                   const WorkspaceParameter &workspace)
      : OpConversionPattern<Op>(converter, context), workspace(workspace) {}

protected:
  /// Fails where the threads' registers, copies of others' included, take more than a part.
  LogicalResult checkRoom(Operation *op, RankedTensorType tile) const;
  /// Where this thread's registers of a part lie.
  Value findPlace(OpBuilder &builder, Location location, Value program, Value part) const;
  /// Walks the vectors of a tile: the first register, and where the thread has them.
  void forEachVector(OpBuilder &builder, Location location, RankedTensorType tile, Value place,
                     function_ref<void(int64_t reg, int64_t count, Value pointer)> access) const;
  Value findFlag(OpBuilder &builder, Location location, Value program, Value part) const;

private:
  Value advance(OpBuilder &builder, Location location, Value pointer, Value offset) const {
    return LLVM::GEPOp::create(builder, location, pointer.getType(), builder.getI8Type(), pointer,
                               offset);
  }
  const WorkspaceParameter &workspace;
};

struct LowerWorkspaceStore : WorkspacePattern<WorkspaceStoreOp> {
  using WorkspacePattern::WorkspacePattern;
  LogicalResult matchAndRewrite(WorkspaceStoreOp store, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (failed(checkRoom(store, cast<RankedTensorType>(store.getValue().getType()))))
      return failure();
    Value place = findPlace(rewriter, store.getLoc(), adaptor.getProgram().front(),
                            adaptor.getPart().front());
    forEachVector(rewriter, store.getLoc(), cast<RankedTensorType>(store.getValue().getType()),
                  place, [&](int64_t reg, int64_t count, Value pointer) {
                    storeVector(rewriter, store.getLoc(), adaptor.getValue().slice(reg, count),
                                pointer);
                  });
    rewriter.eraseOp(store);
    return success();
  }
};

struct LowerWorkspaceLoad : WorkspacePattern<WorkspaceLoadOp> {
  using WorkspacePattern::WorkspacePattern;
  LogicalResult matchAndRewrite(WorkspaceLoadOp load, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = load.getLoc();
    auto tile = cast<RankedTensorType>(load.getResult().getType());
    if (failed(checkRoom(load, tile)))
      return failure();
    Value place = findPlace(rewriter, location, adaptor.getProgram(), adaptor.getPart());
    SmallVector<Value> registers;
    forEachVector(rewriter, location, tile, place, [&](int64_t reg, int64_t count, Value pointer) {
      auto type = VectorType::get(count, tile.getElementType());
      Value vector = LLVM::LoadOp::create(rewriter, location, type, pointer, count * 4);
      for (int64_t i = 0; i < count; ++i)
        registers.push_back(LLVM::ExtractElementOp::create(rewriter, location, vector,
                                                           constantI32(rewriter, location, i)));
    });
    rewriter.replaceOpWithMultiple(load, {registers});
    return success();
  }
};

/// One thread comes here: what it releases is what the barrier before has told it.
struct LowerWorkspaceSignal : WorkspacePattern<WorkspaceSignalOp> {
  using WorkspacePattern::WorkspacePattern;
  LogicalResult matchAndRewrite(WorkspaceSignalOp signal, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = signal.getLoc();
    Value flag = findFlag(rewriter, location, adaptor.getProgram(), adaptor.getPart());
    inlinePTX(rewriter, location, "st.release.gpu.global.b32 [$0], $1;", "l,r,~{memory}", {},
              {flag, constantI32(rewriter, location, 1)});
    rewriter.eraseOp(signal);
    return success();
  }
};

/// The flag is nobody else's once it is set, and can be cleared in any way.
struct LowerWorkspaceTake : WorkspacePattern<WorkspaceTakeOp> {
  using WorkspacePattern::WorkspacePattern;
  LogicalResult matchAndRewrite(WorkspaceTakeOp take, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = take.getLoc();
    Value flag = findFlag(rewriter, location, adaptor.getProgram(), adaptor.getPart());
    inlinePTX(rewriter, location,
              "{\n\t.reg .b32 flag;\n\t.reg .pred set;\n"
              "again:\n\tld.acquire.gpu.global.b32 flag, [$0];\n\t"
              "setp.ne.b32 set, flag, 0;\n\t@!set bra again;\n\t"
              "st.relaxed.gpu.global.b32 [$0], $1;\n\t}",
              "l,r,~{memory}", {}, {flag, constantI32(rewriter, location, 0)});
    rewriter.eraseOp(take);
    return success();
  }
};

} // namespace

static Value toI64(OpBuilder &builder, Location location, Value index) {
  return arith::IndexCastUIOp::create(builder, location, builder.getI64Type(), index);
}

constexpr int64_t kVector = hopper::kMaxVectorBytes / 4; // Registers are 32 bits.
constexpr int64_t kRowBytes = hopper::kWarpgroupThreads * hopper::kMaxVectorBytes;

template <typename Op>
LogicalResult WorkspacePattern<Op>::checkRoom(Operation *op, RankedTensorType tile) const {
  int64_t part = workspace.layout.getBytes() / workspace.layout.getFlags();
  int64_t needed =
      llvm::divideCeil(getDistribution(tile)->registersPerThread(), kVector) * kRowBytes;
  if (needed <= part)
    return success();
  return op->emitOpError() << "needs " << needed << " bytes for " << tile
                           << " as threads hold it, more than the " << part
                           << " of a part of the kernel's 'workspace'";
}

template <typename Op>
Value WorkspacePattern<Op>::findPlace(OpBuilder &builder, Location location, Value program,
                                      Value part) const {
  int64_t partBytes = workspace.layout.getBytes() / workspace.layout.getFlags();
  Value slot = arith::MulIOp::create(builder, location, toI64(builder, location, program),
                                     constantI64(builder, location, workspace.layout.getBytes()));
  Value offset = arith::MulIOp::create(builder, location, toI64(builder, location, part),
                                       constantI64(builder, location, partBytes));
  offset = arith::AddIOp::create(builder, location, slot, offset);
  Value thread = arith::MulIOp::create(builder, location, threadInWarpgroup(builder, location),
                                       constantI32(builder, location, hopper::kMaxVectorBytes));
  thread = arith::ExtUIOp::create(builder, location, builder.getI64Type(), thread);
  return advance(builder, location, workspace.base,
                 arith::AddIOp::create(builder, location, offset, thread));
}

template <typename Op>
void WorkspacePattern<Op>::forEachVector(OpBuilder &builder, Location location,
                                         RankedTensorType tile, Value place,
                                         function_ref<void(int64_t, int64_t, Value)> access) const {
  // The last vector may be shorter, at the same distance.
  int64_t count = getDistribution(tile)->registersPerThread();
  for (int64_t reg = 0; reg < count; reg += kVector) {
    int32_t at = reg / kVector * kRowBytes;
    access(reg, std::min(kVector, count - reg),
           LLVM::GEPOp::create(builder, location, place.getType(), builder.getI8Type(), place,
                               LLVM::GEPArg(at)));
  }
}

template <typename Op>
Value WorkspacePattern<Op>::findFlag(OpBuilder &builder, Location location, Value program,
                                     Value part) const {
  // The flags are behind the slots of all programs.
  auto extent = [&](auto op) -> Value {
    Value value = decltype(op)::create(builder, location, builder.getI32Type());
    return arith::ExtUIOp::create(builder, location, builder.getI64Type(), value);
  };
  Value programs = extent(NVVM::GridDimXOp());
  if (workspace.gridDimensions > 1)
    programs = arith::MulIOp::create(builder, location, programs, extent(NVVM::GridDimYOp()));
  if (workspace.gridDimensions > 2)
    programs = arith::MulIOp::create(builder, location, programs, extent(NVVM::GridDimZOp()));
  auto scaled = [&](Value value, int64_t factor) -> Value {
    return arith::MulIOp::create(builder, location, value, constantI64(builder, location, factor));
  };
  Value number = arith::AddIOp::create(
      builder, location, scaled(toI64(builder, location, program), workspace.layout.getFlags()),
      toI64(builder, location, part));
  Value offset = arith::AddIOp::create(
      builder, location, scaled(programs, workspace.layout.getBytes()), scaled(number, 4));
  return advance(builder, location, workspace.base, offset);
}

void tk::populateWorkspacePatterns(const TypeConverter &converter, RewritePatternSet &patterns,
                                   const WorkspaceParameter &workspace) {
  patterns.add<LowerWorkspaceStore, LowerWorkspaceLoad, LowerWorkspaceSignal, LowerWorkspaceTake>(
      converter, patterns.getContext(), workspace);
}
