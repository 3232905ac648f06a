//===- OverlapProducts.cpp - Keep a product in flight -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_OVERLAPPRODUCTS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// A loop whose body waits for a slot, multiplies, waits for the product, releases the slot.
struct ProductLoop {
  scf::ForOp loop;
  unsigned accumulator = 0; ///< Which of the loop's carried values.
  WgmmaFenceOp fence;
  WgmmaWaitOp wait;
  SmallVector<RingReleaseOp> releases; ///< After the wait.
};

struct OverlapProducts : tk::tile::impl::OverlapProductsBase<OverlapProducts> {
  void runOnOperation() override;

private:
  std::string match(ProductLoop &found);
  void rewrite(ProductLoop &found);
};

} // namespace

/// Fills in what the rewrite needs; otherwise says why the product must be waited for at once.
std::string OverlapProducts::match(ProductLoop &found) {
  scf::ForOp loop = found.loop;
  if (llvm::range_size(loop.getBody()->getOps<WgmmaFenceOp>()) != 1)
    return "more than one chain of products in the loop";
  found.fence = *loop.getBody()->getOps<WgmmaFenceOp>().begin();
  if (!loop.getBody()->getOps<WgmmaRetireOp>().empty())
    return "its products stay in flight already";
  auto argument = dyn_cast<BlockArgument>(found.fence.getAcc());
  if (!argument || argument.getOwner() != loop.getBody() || !argument.hasOneUse())
    return "the accumulator is not what the loop carries";
  found.accumulator = argument.getArgNumber() - 1;
  auto waits = loop.getBody()->getOps<WgmmaWaitOp>();
  if (llvm::range_size(waits) != 1)
    return "the loop has more than one wait for products";
  found.wait = *waits.begin();
  Value result = found.wait.getResult();
  if (found.wait.getPending() != 0 || !result.hasOneUse() ||
      loop.getYieldedValues()[found.accumulator] != result)
    return "the product is used before the next one starts";
  // Operands must stay where they are while the next iteration runs: in slots of a ring.
  for (auto product : loop.getBody()->getOps<WgmmaOp>())
    for (Value operand : {product.getA(), product.getB()}) {
      while (auto slice = operand.getDefiningOp<SharedSliceOp>())
        operand = slice.getSource();
      auto wait = operand.getDefiningOp<RingWaitOp>();
      if (!wait)
        return "an operand's buffer is overwritten by the next iteration";
      int64_t slots = llvm::count_if(loop.getBody()->getOps<RingWaitOp>(), [&](RingWaitOp other) {
        return other.getRing() == wait.getRing();
      });
      if (wait.getRing().getType().getStages() < 2 * slots)
        return llvm::formatv("a ring of {0} stage(s) has no slots for the next operands",
                             wait.getRing().getType().getStages());
      bool isReleased = false;
      for (auto release : loop.getBody()->getOps<RingReleaseOp>()) {
        if (release.getRing() != wait.getRing() || !found.wait->isBeforeInBlock(release))
          continue;
        auto cursor = dyn_cast<BlockArgument>(release.getCursor());
        if (!cursor || cursor.getOwner() != loop.getBody())
          return "the released slot is not one the loop carries";
        if (cursor != wait.getCursor())
          continue;
        isReleased = true;
        if (!llvm::is_contained(found.releases, release))
          found.releases.push_back(release);
      }
      if (!isReleased)
        return "an operand's slot is not released after the product";
    }
  return {};
}

void OverlapProducts::rewrite(ProductLoop &found) {
  IRRewriter rewriter(&getContext());
  scf::ForOp loop = found.loop;
  Location location = found.wait.getLoc();
  // Each cursor's slot of the iteration before.
  SmallVector<Value> starts;
  for (RingReleaseOp release : found.releases)
    starts.push_back(loop.getTiedLoopInit(cast<BlockArgument>(release.getCursor()))->get());
  rewriter.setInsertionPoint(loop);
  Value start =
      WgmmaFenceOp::create(rewriter, found.fence.getLoc(), loop.getInitArgs()[found.accumulator]);
  starts.push_back(start);
  SmallVector<RingReleaseOp> releases = found.releases;
  auto yields = [&](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
    SmallVector<Value> values;
    for (RingReleaseOp release : releases)
      values.push_back(release.getCursor());
    values.push_back(added.back()); // Set below.
    return values;
  };
  loop = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, starts, /*replaceInitOperandUsesInLoop=*/false, yields));
  size_t numAdded = starts.size();
  auto previous = loop.getRegionIterArgs().take_back(numAdded);
  Block &body = *loop.getBody();

  // The body: products go on from what is in flight; only those of the iteration before are over.
  rewriter.modifyOpInPlace(found.fence,
                           [&] { found.fence.getAccMutable().assign(previous.back()); });
  rewriter.setInsertionPoint(found.wait);
  Value inflight = WgmmaRetireOp::create(rewriter, location, found.wait.getAcc(), 1);
  Operation *yield = body.getTerminator();
  yield->setOperand(yield->getNumOperands() - 1, inflight);
  rewriter.setInsertionPointAfter(found.wait);
  Value notFirst = arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::ne,
                                         loop.getInductionVar(), loop.getLowerBound());
  auto inLoop = scf::IfOp::create(rewriter, location, notFirst, /*withElseRegion=*/false);

  // After the loop: the last product, and its slots if there was one.
  rewriter.setInsertionPointAfter(loop);
  Value last = WgmmaWaitOp::create(rewriter, location, loop.getResults().back(), 0);
  rewriter.replaceAllUsesWith(loop.getResults()[found.accumulator], last);
  auto afterLoop = scf::IfOp::create(rewriter, location, makeTripCondition(rewriter, loop),
                                     /*withElseRegion=*/false);
  for (auto [index, release] : llvm::enumerate(found.releases)) {
    RingReleaseOp op = release;
    rewriter.setInsertionPoint(inLoop.thenBlock()->getTerminator());
    RingReleaseOp::create(rewriter, op.getLoc(), op.getRing(), previous[index]);
    rewriter.setInsertionPoint(afterLoop.thenBlock()->getTerminator());
    RingReleaseOp::create(rewriter, op.getLoc(), op.getRing(),
                          loop.getResults().take_back(numAdded)[index]);
    rewriter.eraseOp(op);
  }
  yield->setOperand(found.accumulator, loop.getRegionIterArgs()[found.accumulator]);
  rewriter.eraseOp(found.wait);
  dropCarried(loop, [&](unsigned index) { return index == found.accumulator; });
}

void OverlapProducts::runOnOperation() {
  KernelOp kernel = getOperation();
  SmallVector<ProductLoop> loops;
  kernel.getBody().walk([&](scf::ForOp loop) {
    if (loop.getBody()->getOps<WgmmaOp>().empty())
      return;
    ProductLoop found;
    found.loop = loop;
    auto opts = remarkOn(kernel, "overlap", "tk-overlap-products");
    if (std::string obstacle = match(found); !obstacle.empty()) {
      remark::missed(loop.getLoc(), opts) << remark::reason("{0}", obstacle);
      return;
    }
    remark::passed(loop.getLoc(), opts)
        << remark::add("one group of products stays in flight from iteration to iteration");
    loops.push_back(found);
  });
  for (ProductLoop &found : loops)
    rewrite(found);
}
