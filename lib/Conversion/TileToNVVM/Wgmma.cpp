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

/// "=f,=f,...,0,1,..." for registers that are read and written in place, with `extra` operands
/// between.
static std::string tiedConstraints(ValueRange registers, StringRef extra = "") {
  unsigned count = registers.size();
  SmallVector<std::string> parts(count, registers.front().getType().isInteger() ? "=r" : "=f");
  if (!extra.empty())
    parts.push_back(extra.str());
  for (unsigned i = 0; i < count; ++i)
    parts.push_back(std::to_string(i));
  parts.push_back("~{memory}");
  return llvm::join(parts, ",");
}

/// The instruction of an operation that orders products.
static std::string writeOrdering(Operation *op) {
  if (isa<WgmmaFenceOp>(op))
    return "wgmma.fence.sync.aligned;";
  if (isa<WgmmaCommitOp>(op))
    return "wgmma.commit_group.sync.aligned;";
  auto retire = dyn_cast<WgmmaRetireOp>(op);
  int64_t pending = retire ? retire.getPending() : cast<WgmmaWaitOp>(op).getPending();
  return llvm::formatv("wgmma.wait_group.sync.aligned {0};", pending);
}

/// Assembly that names every register of an accumulator as read and written, so that no use of one
/// moves across.
static SmallVector<Value> threadThrough(OpBuilder &builder, Location location, StringRef text,
                                        ValueRange registers) {
  return inlinePTX(builder, location, text, tiedConstraints(registers), registers.getTypes(),
                   registers);
}

namespace {

/// A pattern that knows which operations are part of a product's block of assembly.
template <typename Op>
struct ChainPattern : OpConversionPattern<Op> {
  ChainPattern(const TypeConverter &converter, MLIRContext *context, const WgmmaChains &chains)
      : OpConversionPattern<Op>(converter, context), chains(chains) {}
  const WgmmaChains &chains;
};

/// A fence or a wait: the accumulator through a block of assembly, unless a product's has it.
template <typename Op>
struct LowerThreaded : ChainPattern<Op> {
  using ChainPattern<Op>::ChainPattern;
  LogicalResult matchAndRewrite(Op op, typename OpConversionPattern<Op>::OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> registers(adaptor.getAcc());
    if (!this->chains.absorbed.contains(op))
      registers = threadThrough(rewriter, op.getLoc(), writeOrdering(op), registers);
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct LowerWgmmaCommit : ChainPattern<WgmmaCommitOp> {
  using ChainPattern::ChainPattern;
  LogicalResult matchAndRewrite(WgmmaCommitOp commit, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!chains.absorbed.contains(commit))
      inlinePTX(rewriter, commit.getLoc(), writeOrdering(commit), "~{memory}", {}, {});
    rewriter.eraseOp(commit);
    return success();
  }
};

/// Splits a product into instructions of 64 x N x 32 bytes and issues them, K innermost, in one
/// block of assembly with what stands around it.
struct LowerWgmma : ChainPattern<WgmmaOp> {
  using ChainPattern::ChainPattern;
  LogicalResult matchAndRewrite(WgmmaOp product, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override;
};

} // namespace

/// The neighbour of `op` behind what touches no memory, if it is of type Op.
template <typename Op>
static Op findNeighbour(Operation *op, Operation *(Operation::*step)()) {
  for (op = (op->*step)(); op && op->getNumRegions() == 0 && isMemoryEffectFree(op);
       op = (op->*step)())
    ;
  return dyn_cast_or_null<Op>(op);
}

WgmmaChains tk::findWgmmaChains(Operation *root) {
  WgmmaChains chains;
  root->walk([&](WgmmaOp product) {
    auto absorb = [&](SmallVectorImpl<std::string> &list, Operation *op) {
      list.push_back(writeOrdering(op));
      chains.absorbed.insert(op);
    };
    WgmmaChain &chain = chains.products[product];
    auto fence = product.getAcc().getDefiningOp<WgmmaFenceOp>();
    if (fence && fence->hasOneUse() &&
        findNeighbour<WgmmaFenceOp>(product, &Operation::getPrevNode) == fence)
      absorb(chain.before, fence);
    auto commit = findNeighbour<WgmmaCommitOp>(product, &Operation::getNextNode);
    if (!commit)
      return;
    absorb(chain.after, commit);
    if (!product.getResult().hasOneUse())
      return;
    Operation *user = *product.getResult().user_begin();
    if (findNeighbour<WgmmaWaitOp>(commit, &Operation::getNextNode) == user ||
        findNeighbour<WgmmaRetireOp>(commit, &Operation::getNextNode) == user)
      absorb(chain.after, user);
  });
  return chains;
}

/// The largest N of an instruction that divides the tile's and starts no instruction inside a panel
/// of a tile that is contiguous along N.
static int64_t chooseInstructionN(const ProductKind &kind, int64_t n,
                                  const layout::SharedLayout &b) {
  int64_t panel = b.contiguousDimension() == 1 ? int64_t(b.span()) / b.elementBytes() : 1;
  for (int64_t candidate = std::min(n, hopper::kWgmmaMaxN);; candidate -= hopper::kWgmmaNStep)
    if (n % candidate == 0 && kind.hasN(candidate) && (candidate % panel == 0 || candidate == n))
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
  ProductKind kind = *findProductKind(aType.getElementType(), bType.getElementType(),
                                      product.getAcc().getType().getTensor().getElementType());
  int64_t instructionN = chooseInstructionN(kind, n, bLayout), instructionK = kind.k;
  auto a = layout::describeWgmmaOperand(aLayout, /*mnDimension=*/0, hopper::kWgmmaM, instructionK);
  if (!a)
    return product.emitOpError() << "cannot read \"a\": " << llvm::toString(a.takeError());
  auto b = layout::describeWgmmaOperand(bLayout, /*mnDimension=*/1, instructionN, instructionK);
  if (!b)
    return product.emitOpError() << "cannot read \"b\": " << llvm::toString(b.takeError());

  Value aDescriptor = makeDescriptor(rewriter, location, adaptor.getA().front(), *a);
  Value bDescriptor = makeDescriptor(rewriter, location, adaptor.getB().front(), *b);
  llvm::DenseMap<std::pair<Value, int64_t>, Value> advanced;
  auto advance = [&](Value descriptor, int64_t bytes) -> Value {
    if (bytes == 0)
      return descriptor;
    Value &value = advanced[{descriptor, bytes}];
    if (!value)
      value = arith::AddIOp::create(rewriter, location, descriptor,
                                    constantI64(rewriter, location, bytes / 16));
    return value;
  };
  // The instructions of an accumulator, and what orders them, are one block of assembly: each
  // register that goes through a block costs LLVM time, and there are hundreds.
  // Which operands take their negative, and which are contiguous along M or N: where PTX has a
  // choice, it wants it spelled.
  std::string modifiers = kind.isInteger ? "" : ", 1, 1";
  if (kind.anyLayout)
    modifiers += llvm::formatv(", {0}, {1}", int(a->mnMajor), int(b->mnMajor));
  else if (a->mnMajor || b->mnMajor)
    return product.emitOpError() << "cannot read \"" << (a->mnMajor ? "a" : "b")
                                 << "\": expected K contiguous, which " << aType.getElementType()
                                 << " needs";
  SmallVector<Value> registers(adaptor.getAcc()), descriptors;
  unsigned count = hopper::kWgmmaM * instructionN / hopper::kWarpgroupThreads;
  SmallVector<std::string> lines;
  const WgmmaChain &chain = chains.products.at(product);
  llvm::append_range(lines, chain.before);
  auto addDescriptor = [&](Value descriptor) {
    auto found = llvm::find(descriptors, descriptor);
    if (found == descriptors.end())
      descriptors.push_back(descriptor), found = descriptors.end() - 1;
    return registers.size() + (found - descriptors.begin());
  };
  // An accumulator's registers run over the N groups of one 64-row slab, then over slabs: each
  // instruction's are a contiguous range.
  for (int64_t m0 = 0; m0 < m; m0 += hopper::kWgmmaM)
    for (int64_t n0 = 0; n0 < n; n0 += instructionN) {
      unsigned first =
          (m0 / hopper::kWgmmaM * n + n0) * hopper::kWgmmaM / hopper::kWarpgroupThreads;
      std::string names =
          llvm::join(llvm::map_range(llvm::seq(first, first + count),
                                     [](unsigned reg) { return "$" + std::to_string(reg); }),
                     ", ");
      for (int64_t k0 = 0; k0 < k; k0 += instructionK) {
        size_t aIndex = addDescriptor(advance(aDescriptor, aLayout.linearOffset({m0, k0})));
        size_t bIndex = addDescriptor(advance(bDescriptor, bLayout.linearOffset({k0, n0})));
        lines.push_back(llvm::formatv(
            "wgmma.mma_async.sync.aligned.m64n{0}k{1}.{2}.{3}.{4} {{{5}}, ${6}, ${7}, {8}{9};",
            instructionN, instructionK, kind.acc, kind.a, kind.b, names, aIndex, bIndex,
            int(k0 != 0 || !product.getOverwrite()), modifiers));
      }
    }
  llvm::append_range(lines, chain.after);
  SmallVector<Type> types(ValueRange(registers).getTypes());
  SmallVector<StringRef> constraints(descriptors.size(), "l");
  std::string tied = tiedConstraints(registers, llvm::join(constraints, ","));
  SmallVector<Value> operands = descriptors;
  llvm::append_range(operands, registers);
  registers = inlinePTX(rewriter, location, llvm::join(lines, "\n\t"), tied, types, operands);
  rewriter.replaceOpWithMultiple(product, {registers});
  return success();
}

void tk::populateWgmmaPatterns(const TypeConverter &converter, RewritePatternSet &patterns,
                               const WgmmaChains &chains) {
  patterns.add<LowerThreaded<WgmmaFenceOp>, LowerThreaded<WgmmaRetireOp>,
               LowerThreaded<WgmmaWaitOp>, LowerWgmmaCommit, LowerWgmma>(
      converter, patterns.getContext(), chains);
}
