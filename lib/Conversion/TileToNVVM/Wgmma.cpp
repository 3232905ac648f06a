//===- Wgmma.cpp - Warpgroup products -------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// "=f,=f,...,0,1,..." for `count` registers that are read and written in place, with `extra`
/// operands between.
static std::string tiedConstraints(unsigned count, StringRef extra = "") {
  SmallVector<std::string> parts(count, "=f");
  if (!extra.empty())
    parts.push_back(extra.str());
  for (unsigned i = 0; i < count; ++i)
    parts.push_back(std::to_string(i));
  parts.push_back("~{memory}");
  return llvm::join(parts, ",");
}

/// Assembly that names every register of an accumulator as read and written, so that no use of one
/// moves across.
static SmallVector<Value> threadThrough(OpBuilder &builder, Location location, StringRef text,
                                        ValueRange registers) {
  return inlinePTX(builder, location, text, tiedConstraints(registers.size()), registers.getTypes(),
                   registers);
}

namespace {

struct LowerWgmmaFence : OpConversionPattern<WgmmaFenceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WgmmaFenceOp fence, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> registers =
        threadThrough(rewriter, fence.getLoc(), "wgmma.fence.sync.aligned;", adaptor.getAcc());
    rewriter.replaceOpWithMultiple(fence, {registers});
    return success();
  }
};

struct LowerWgmmaCommit : OpConversionPattern<WgmmaCommitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WgmmaCommitOp commit, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    inlinePTX(rewriter, commit.getLoc(), "wgmma.commit_group.sync.aligned;", "~{memory}", {}, {});
    rewriter.eraseOp(commit);
    return success();
  }
};

struct LowerWgmmaWait : OpConversionPattern<WgmmaWaitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WgmmaWaitOp wait, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    std::string text = llvm::formatv("wgmma.wait_group.sync.aligned {0};", wait.getPending());
    rewriter.replaceOpWithMultiple(
        wait, {threadThrough(rewriter, wait.getLoc(), text, adaptor.getAcc())});
    return success();
  }
};

struct LowerWgmmaRetire : OpConversionPattern<WgmmaRetireOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WgmmaRetireOp retire, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    std::string text = llvm::formatv("wgmma.wait_group.sync.aligned {0};", retire.getPending());
    rewriter.replaceOpWithMultiple(
        retire, {threadThrough(rewriter, retire.getLoc(), text, adaptor.getAcc())});
    return success();
  }
};

/// Splits a product into instructions of 64 x N x 32 bytes and issues them, K innermost.
struct LowerWgmma : OpConversionPattern<WgmmaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WgmmaOp product, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override;
};

} // namespace

/// The largest N of an instruction that divides the tile's and starts no instruction inside a panel
/// of a tile that is contiguous along N.
static int64_t chooseInstructionN(int64_t n, const layout::SharedLayout &b) {
  int64_t panel = b.contiguousDimension() == 1 ? int64_t(b.span()) / b.elementBytes() : 1;
  for (int64_t candidate = std::min(n, hopper::kWgmmaMaxN);; candidate -= hopper::kWgmmaNStep)
    if (n % candidate == 0 && (candidate % panel == 0 || candidate == n))
      return candidate;
}

/// The descriptor of an operand whose tile starts at `pointer`: constant fields, and the address in
/// units of 16 bytes.
static Value makeDescriptor(OpBuilder &builder, Location location, Value pointer,
                            const layout::WgmmaOperand &operand) {
  Value address = sharedAddress(builder, location, pointer);
  Value field =
      arith::AndIOp::create(builder, location, address, constantI32(builder, location, 0x3FFFF));
  field = arith::ShRUIOp::create(builder, location, field, constantI32(builder, location, 4));
  Value wide = arith::ExtUIOp::create(builder, location, builder.getI64Type(), field);
  return arith::OrIOp::create(builder, location, wide,
                              constantI64(builder, location, operand.descriptorBits()));
}

LogicalResult LowerWgmma::matchAndRewrite(WgmmaOp product, OneToNOpAdaptor adaptor,
                                          ConversionPatternRewriter &rewriter) const {
  Location location = product.getLoc();
  SharedType aType = product.getA().getType(), bType = product.getB().getType();
  if (!aType.getLayout() || !bType.getLayout())
    return rewriter.notifyMatchFailure(product, "a shared operand has no layout");
  int64_t m = aType.getShape()[0], k = aType.getShape()[1], n = bType.getShape()[1];
  layout::SharedLayout aLayout = aType.getSharedLayout(), bLayout = bType.getSharedLayout();
  int64_t instructionN = chooseInstructionN(n, bLayout),
          instructionK = hopper::kWgmmaKBytes / aType.getElementBytes();
  auto a = layout::describeWgmmaOperand(aLayout, /*mnDimension=*/0, hopper::kWgmmaM, instructionK);
  if (!a)
    return product.emitOpError() << "cannot read \"a\": " << llvm::toString(a.takeError());
  auto b = layout::describeWgmmaOperand(bLayout, /*mnDimension=*/1, instructionN, instructionK);
  if (!b)
    return product.emitOpError() << "cannot read \"b\": " << llvm::toString(b.takeError());

  Value aDescriptor = makeDescriptor(rewriter, location, adaptor.getA().front(), *a);
  Value bDescriptor = makeDescriptor(rewriter, location, adaptor.getB().front(), *b);
  auto advance = [&](Value descriptor, int64_t bytes) -> Value {
    if (bytes == 0)
      return descriptor;
    return arith::AddIOp::create(rewriter, location, descriptor,
                                 constantI64(rewriter, location, bytes / 16));
  };
  unsigned count = hopper::kWgmmaM * instructionN / hopper::kWarpgroupThreads;
  StringRef element = aType.getElementType().isBF16() ? "bf16" : "f16";
  SmallVector<std::string> names;
  for (unsigned i = 0; i < count; ++i)
    names.push_back("$" + std::to_string(i));
  // The instructions that share an accumulator are one block of assembly: each operand of a block
  // costs LLVM time, and there are hundreds.
  int64_t steps = k / instructionK;
  std::string text, descriptors;
  for (int64_t step = 0; step < steps; ++step) {
    text +=
        llvm::formatv("{0}wgmma.mma_async.sync.aligned.m64n{1}k{2}.f32.{3}.{3} {{{4}}, ${5}, "
                      "${6}, {7}, 1, 1, {8}, {9};",
                      step == 0 ? "" : "\n\t", instructionN, instructionK, element,
                      llvm::join(names, ", "), count + 2 * step, count + 2 * step + 1,
                      int(step != 0 || !product.getOverwrite()), int(a->mnMajor), int(b->mnMajor));
    descriptors += step == 0 ? "l,l" : ",l,l";
  }
  // An accumulator's registers run over the N groups of one 64-row slab, then over slabs: each
  // instruction's are a contiguous range.
  SmallVector<Value> registers(adaptor.getAcc());
  std::string constraints = tiedConstraints(count, descriptors);
  for (int64_t m0 = 0; m0 < m; m0 += hopper::kWgmmaM)
    for (int64_t n0 = 0; n0 < n; n0 += instructionN) {
      unsigned first =
          (m0 / hopper::kWgmmaM * n + n0) * hopper::kWgmmaM / hopper::kWarpgroupThreads;
      SmallVector<Value> operands;
      for (int64_t k0 = 0; k0 < k; k0 += instructionK) {
        operands.push_back(advance(aDescriptor, aLayout.linearOffset({m0, k0})));
        operands.push_back(advance(bDescriptor, bLayout.linearOffset({k0, n0})));
      }
      llvm::append_range(operands, ArrayRef(registers).slice(first, count));
      SmallVector<Value> results =
          inlinePTX(rewriter, location, text, constraints,
                    SmallVector<Type>(count, rewriter.getF32Type()), operands);
      llvm::copy(results, registers.begin() + first);
    }
  rewriter.replaceOpWithMultiple(product, {registers});
  return success();
}

void tk::populateWgmmaPatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerWgmmaFence, LowerWgmmaCommit, LowerWgmmaRetire, LowerWgmmaWait, LowerWgmma>(
      converter, patterns.getContext());
}
