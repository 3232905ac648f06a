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
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
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
  LogicalResult expandFunctions();
  void runOnOperation() override {
    if (failed(expandFunctions()))
      return signalPassFailure();
    LLVMTypeConverter converter(&getContext());
    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    patterns
        .add<LowerMath<math::AbsFOp, LLVM::FAbsOp>, LowerMath<math::CeilOp, LLVM::FCeilOp>,
             LowerMath<math::CopySignOp, LLVM::CopySignOp>, LowerMath<math::Exp2Op, LLVM::Exp2Op>,
             LowerMath<math::FloorOp, LLVM::FFloorOp>, LowerMath<math::FmaOp, LLVM::FMAOp>,
             LowerMath<math::RoundEvenOp, LLVM::RoundEvenOp>, LowerMath<math::SqrtOp, LLVM::SqrtOp>,
             LowerMath<math::TruncOp, LLVM::FTruncOp>>(converter, &getContext());
    LLVMConversionTarget target(getContext());
    target.addLegalDialect<NVVM::NVVMDialect, gpu::GPUDialect>();
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

/// Whether the machine has it as one instruction, of f32.
static bool isInstruction(Operation *op) {
  return isa<math::AbsFOp, math::CeilOp, math::CopySignOp, math::Exp2Op, math::FloorOp, math::FmaOp,
             math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
}

/// Functions that are no instruction become some, by MLIR's approximations: no library is called
/// from a kernel.
LogicalResult LowerDeviceToLLVM::expandFunctions() {
  SmallVector<Operation *> functions;
  getOperation().walk([&](Operation *op) {
    if (isa<math::MathDialect>(op->getDialect()) && !isInstruction(op))
      functions.push_back(op);
  });
  if (!functions.empty()) {
    RewritePatternSet patterns(&getContext());
    auto isExpanded = [](StringRef name) { return name != math::Exp2Op::getOperationName(); };
    populateMathF32ExpansionPatterns(patterns, isExpanded);
    populateMathPolynomialApproximationPatterns(patterns, isExpanded);
    math::populateExpansionPatterns(patterns, {"rsqrt"});
    FrozenRewritePatternSet frozen(std::move(patterns));
    (void)applyOpPatternsGreedily(functions, frozen);
  }
  WalkResult walk = getOperation().walk([](Operation *op) {
    if (!isa<math::MathDialect>(op->getDialect()))
      return WalkResult::advance();
    bool known = isInstruction(op);
    Type type = op->getResult(0).getType();
    if (known && type.isF32())
      return WalkResult::advance();
    InFlightDiagnostic diagnostic = op->emitOpError();
    if (type.isF32())
      diagnostic << "has no lowering, and no library is called from a kernel";
    else
      diagnostic << "expected f32, got " << type
                 << "; convert to f32 and back (arith.extf, arith.truncf)";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}
