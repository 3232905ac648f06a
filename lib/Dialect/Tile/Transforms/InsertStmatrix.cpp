//===- InsertStmatrix.cpp - Moves of 8 x 8 matrices -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"

namespace tk::tile {
#define GEN_PASS_DEF_INSERTSTMATRIX
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct InsertStmatrix : tk::tile::impl::InsertStmatrixBase<InsertStmatrix> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (auto store = dyn_cast<SharedStoreOp>(op))
        mark(store, cast<RankedTensorType>(store.getValue().getType()), store.getDest().getType());
      if (auto load = dyn_cast<SharedLoadOp>(op))
        mark(load, cast<RankedTensorType>(load.getResult().getType()), load.getSource().getType());
    });
  }

private:
  template <typename Op>
  void mark(Op op, RankedTensorType tile, SharedType shared);
};

} // namespace

template <typename Op>
void InsertStmatrix::mark(Op op, RankedTensorType tile, SharedType shared) {
  std::optional<layout::Distribution> distribution = getDistribution(tile);
  if (op.getMatrix() || !distribution || !shared.getLayout())
    return;
  layout::SharedLayout layout = shared.getSharedLayout();
  int64_t bytes =
      shared.getElementBytes() * distribution->contiguousRegisters(layout.contiguousDimension());
  if (bytes >= hopper::kMaxVectorBytes)
    return;
  auto opts = remarkOn(getOperation(), "stmatrix", "tk-insert-stmatrix");
  llvm::Expected<layout::MatrixAccess> matrices = layout::planMatrixAccess(*distribution, layout);
  if (!matrices) {
    remark::missed(op.getLoc(), opts)
        << remark::reason("no move of 8 x 8 matrices: {0}", llvm::toString(matrices.takeError()));
    return;
  }
  op.setMatrix(true);
  remark::passed(op.getLoc(), opts)
      << remark::add("{0} moves of four 8 x 8 matrices{1} instead of {2} of {3} bytes a lane",
                     matrices->rows.steps.size(), matrices->transposed ? ", transposed," : "",
                     distribution->registersPerThread() * shared.getElementBytes() / bytes, bytes);
}
