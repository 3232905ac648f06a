//===- InsertWgmma.cpp - Map dots onto warpgroup products ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_INSERTWGMMA
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct InsertWgmma : tk::tile::impl::InsertWgmmaBase<InsertWgmma> {
  void runOnOperation() override {
    SmallVector<DotOp> dots;
    getOperation().walk([&](DotOp dot) { dots.push_back(dot); });
    for (DotOp dot : dots)
      mapDot(dot);
  }

private:
  void mapDot(DotOp dot);
  SmallVector<LoadOp> staged; ///< Loads that copies replace, once their dot is gone.
  Value stage(OpBuilder &builder, DotOp dot, Value operand, StringRef fallbackName);
};

} // namespace

/// The buffer's name in reports: that of the view it is loaded from.
static std::string chooseName(Value operand, StringRef fallback) {
  auto load = operand.getDefiningOp<LoadOp>();
  std::optional<ViewSource> view = load ? findViewSource(load.getView()) : std::nullopt;
  return view ? load->getParentOfType<KernelOp>().describeView(*view) : fallback.str();
}

/// The shared tile that an operand was just read from, if nothing can have changed it since.
static Value findSharedOperand(DotOp dot, Value operand) {
  auto load = operand.getDefiningOp<SharedLoadOp>();
  if (!load || load->getBlock() != dot->getBlock())
    return {};
  for (Operation *op = load->getNextNode(); op != dot; op = op->getNextNode())
    if (!isa<SharedLoadOp, WgmmaFenceOp, WgmmaOp, WgmmaCommitOp, WgmmaWaitOp>(op) &&
        !isMemoryEffectFree(op))
      return {};
  return load.getSource();
}

/// Brings a register operand to shared memory; the buffer is allocated at the start of the kernel.
Value InsertWgmma::stage(OpBuilder &builder, DotOp dot, Value operand, StringRef fallbackName) {
  if (Value shared = findSharedOperand(dot, operand))
    return shared;
  auto tensor = cast<RankedTensorType>(operand.getType());
  auto type = SharedType::get(&getContext(), tensor.getShape(), tensor.getElementType(),
                              SharedLayoutInterface());
  // What was computed has no layout of its own in memory, and some types need K contiguous.
  auto acc = cast<RankedTensorType>(dot.getAcc().getType());
  bool isLoaded = operand.getDefiningOp<LoadOp>() != nullptr;
  if (!isLoaded && !findProductKind(cast<RankedTensorType>(dot.getA().getType()).getElementType(),
                                    cast<RankedTensorType>(dot.getB().getType()).getElementType(),
                                    acc.getElementType())
                        ->anyLayout)
    if (SharedType alongK = addSwizzle(type, operand == dot.getA() ? 1 : 0))
      type = alongK;
  Location location = operand.getDefiningOp() ? operand.getLoc() : dot.getLoc();
  OpBuilder atStart(&getOperation().getBody().front(), getOperation().getBody().front().begin());
  Value buffer =
      AllocOp::create(atStart, location, type, chooseName(operand, fallbackName), IntegerAttr());
  // What is only loaded to be multiplied need not be in registers as a whole.
  auto load = operand.getDefiningOp<LoadOp>();
  if (load && operand.hasOneUse() && load->getBlock() == dot->getBlock()) {
    OpBuilder atLoad(load);
    CopyOp::create(atLoad, location, load.getView(), load.getOffsets(), buffer,
                   RegisterLayoutInterface(), BanksAttr());
    staged.push_back(load);
    return buffer;
  }
  SharedStoreOp::create(builder, location, operand, buffer, BanksAttr());
  return buffer;
}

void InsertWgmma::mapDot(DotOp dot) {
  Location location = dot.getLoc();
  auto opts = remark::RemarkOpts::name("wgmma")
                  .category("tk-insert-wgmma")
                  .function(getOperation().getSymName());
  if (std::string obstacle = dot.findObstacle(); !obstacle.empty()) {
    remark::missed(location, opts) << remark::reason("{0}", obstacle);
    return;
  }
  bool inPlace = findSharedOperand(dot, dot.getA()) && findSharedOperand(dot, dot.getB());
  OpBuilder builder(dot);
  // Each allocation goes to the start of the kernel, so the last one made comes first.
  Value b = stage(builder, dot, dot.getB(), "b");
  Value a = stage(builder, dot, dot.getA(), "a");
  Value acc = dot.getAcc();
  bool overwrite = matchPattern(acc, m_AnyZeroFloat()) || matchPattern(acc, m_Zero());
  if (overwrite)
    acc = ub::PoisonOp::create(builder, location, acc.getType());
  Value inflight = WgmmaFenceOp::create(builder, location, acc);
  inflight = WgmmaOp::create(builder, location, a, b, inflight, overwrite);
  WgmmaCommitOp::create(builder, location);
  Value result = WgmmaWaitOp::create(builder, location, inflight, /*pending=*/0);
  auto acc2 = cast<RankedTensorType>(acc.getType());
  remark::passed(location, opts) << remark::add(
      "a product of {0} x {1} x {2} in {3}, operands "
      "{4}, waited for at once",
      acc2.getDimSize(0), acc2.getDimSize(1), cast<SharedType>(a.getType()).getShape()[1],
      cast<SharedType>(a.getType()).getElementType(),
      inPlace ? "where they lie in shared memory" : "staged through shared memory");
  Value operands[] = {dot.getA(), dot.getB()};
  dot.getResult().replaceAllUsesWith(result);
  dot.erase();
  for (Value operand : operands)
    if (auto load = operand.getDefiningOp<SharedLoadOp>(); load && load->use_empty())
      load.erase();
  for (LoadOp load : staged)
    load.erase();
  staged.clear();
}
