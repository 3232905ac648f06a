//===- AllocateShared.cpp - Give shared tiles their place ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

namespace tk::tile {
#define GEN_PASS_DEF_ALLOCATESHARED
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct AllocateShared : tk::tile::impl::AllocateSharedBase<AllocateShared> {
  void runOnOperation() override;

private:
  LogicalResult checkLimit(ArrayRef<AllocOp> allocs, int64_t total);
};

} // namespace

static int64_t getAlignment(AllocOp alloc) { return alloc.getStorage().getAlignment(); }

void AllocateShared::runOnOperation() {
  KernelOp kernel = getOperation();
  if (kernel.getLoweredTo()) // Its buffers went with its body.
    return;
  SmallVector<AllocOp> allocs, open;
  int64_t end = 0;
  WalkResult walk = kernel.walk([&](AllocOp alloc) {
    if (!alloc.getStorage().hasLayout()) {
      alloc.emitOpError()
          << "has no layout yet; run tk-assign-swizzles first, or give its type a layout";
      return WalkResult::interrupt();
    }
    allocs.push_back(alloc);
    if (alloc.getOffset())
      end = std::max<int64_t>(end, *alloc.getOffset() + alloc.getStorage().getSizeInBytes());
    else
      open.push_back(alloc);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return signalPassFailure();

  // Strictest alignment first leaves no gaps between buffers whose sizes are multiples of their
  // alignment.
  SmallVector<std::pair<int64_t, size_t>> order;
  for (auto [index, alloc] : llvm::enumerate(open))
    order.emplace_back(-getAlignment(alloc), index);
  llvm::sort(order);
  for (auto [negatedAlignment, index] : order) {
    AllocOp alloc = open[index];
    end = llvm::alignTo(end, getAlignment(alloc));
    alloc.setOffset(end);
    end += alloc.getStorage().getSizeInBytes();
  }
  if (failed(checkLimit(allocs, end)))
    return signalPassFailure();
  kernel.setSharedBytes(end);
  remark::analysis(kernel.getLoc(), remark::RemarkOpts::name("shared")
                                        .category("tk-allocate-shared")
                                        .function(kernel.getSymName()))
      << remark::add("{0} buffer(s), {1} of {2} bytes of shared memory", allocs.size(), end,
                     hopper::kMaxSharedBytes);
}

LogicalResult AllocateShared::checkLimit(ArrayRef<AllocOp> allocs, int64_t total) {
  if (total <= hopper::kMaxSharedBytes)
    return success();
  InFlightDiagnostic diagnostic = getOperation().emitOpError()
                                  << "needs " << total
                                  << " bytes of shared memory, but a block has at most "
                                  << hopper::kMaxSharedBytes
                                  << "; use smaller tiles, or let passes take less: fewer 'stages', "
                                     "or 'widen = 1'";
  for (AllocOp alloc : allocs)
    diagnostic.attachNote(alloc.getLoc())
        << "\"" << alloc.getLabel() << "\" takes " << alloc.getStorage().getSizeInBytes()
        << " bytes: " << alloc.getResult().getType();
  return diagnostic;
}
