//===- InsertWgmma.cpp - Map dots onto warpgroup products ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

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

/// Why no wgmma can do this dot, or an empty string.
static std::string findObstacle(DotOp dot) {
  auto a = cast<RankedTensorType>(dot.getA().getType());
  auto acc = cast<RankedTensorType>(dot.getAcc().getType());
  Type element = a.getElementType();
  if (!element.isBF16() && !element.isF16())
    return llvm::formatv("operands of type {0}: expected bf16 or f16", element);
  if (!acc.getElementType().isF32())
    return llvm::formatv("an accumulator of type {0}: expected f32", acc.getElementType());
  int64_t m = acc.getDimSize(0), n = acc.getDimSize(1), k = a.getDimSize(1);
  int64_t kStep = hopper::kWgmmaKBytes * 8 / element.getIntOrFloatBitWidth();
  if (m % hopper::kWgmmaM != 0 || n % hopper::kWgmmaNStep != 0 || k % kStep != 0)
    return llvm::formatv("a product of {0} x {1} x {2}: expected multiples of {3} x {4} x {5}", m,
                         n, k, hopper::kWgmmaM, hopper::kWgmmaNStep, kStep);
  return {};
}

/// The buffer's name in reports: that of the view it is loaded from.
static StringRef chooseName(Value operand, StringRef fallback) {
  auto load = operand.getDefiningOp<LoadOp>();
  auto view = load ? dyn_cast<BlockArgument>(load.getView()) : BlockArgument();
  auto kernel = view ? dyn_cast<KernelOp>(view.getOwner()->getParentOp()) : KernelOp();
  return kernel ? kernel.getArgumentName(view.getArgNumber()) : fallback;
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
  if (std::string obstacle = findObstacle(dot); !obstacle.empty()) {
    remark::missed(location, opts) << remark::reason("{0}", obstacle);
    return;
  }
  bool inPlace = findSharedOperand(dot, dot.getA()) && findSharedOperand(dot, dot.getB());
  OpBuilder builder(dot);
  // Each allocation goes to the start of the kernel, so the last one made comes first.
  Value b = stage(builder, dot, dot.getB(), "b");
  Value a = stage(builder, dot, dot.getA(), "a");
  Value acc = dot.getAcc();
  bool overwrite = matchPattern(acc, m_AnyZeroFloat());
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
