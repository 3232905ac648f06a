//===- DeviceToLLVM.cpp - The machine module, down to llvm ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/LLVMCommon/VectorPattern.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "tk/Conversion/TileToNVVM/Passes.h"

namespace tk {
#define GEN_PASS_DEF_LOWERDEVICETOLLVM
#include "tk/Conversion/TileToNVVM/Passes.h.inc"
} // namespace tk

using namespace mlir;

namespace {

/// A math operation on scalars to the intrinsic of the same name, fast-math flags kept.
template <typename From, typename To>
struct LowerMath : OpConversionPattern<From> {
  using OpConversionPattern<From>::OpConversionPattern;
  LogicalResult matchAndRewrite(From op, typename From::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "only f32 is one instruction");
    rewriter.replaceOpWithNewOp<To>(op, op.getType(), adaptor.getOperands());
    return success();
  }
};

struct LowerDeviceToLLVM : tk::impl::LowerDeviceToLLVMBase<LowerDeviceToLLVM> {
  void runOnOperation() override {
    LLVMTypeConverter converter(&getContext());
    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    patterns.add<LowerMath<math::AbsFOp, LLVM::FAbsOp>, LowerMath<math::Exp2Op, LLVM::Exp2Op>,
                 LowerMath<math::FmaOp, LLVM::FMAOp>, LowerMath<math::SqrtOp, LLVM::SqrtOp>>(
        converter, &getContext());
    LLVMConversionTarget target(getContext());
    target.addLegalDialect<NVVM::NVVMDialect, gpu::GPUDialect>();
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
