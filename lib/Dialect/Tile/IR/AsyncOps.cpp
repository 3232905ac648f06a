//===- AsyncOps.cpp - Barriers in memory and the copy engine --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

std::string tk::tile::findTMAObstacle(GlobalType view, ArrayRef<int64_t> shape) {
  unsigned leading = view.getNumLeading(shape.size());
  std::optional<unsigned> contiguous = view.getContiguousDimension(shape.size());
  if (!contiguous)
    return llvm::formatv("{0} has no dimension{1} whose stride is known to be 1", Type(view),
                         leading ? " of the tile" : "");
  if (view.getAlign() < hopper::kTMAAlign)
    return llvm::formatv("its address is only known to be a multiple of {0} bytes, expected {1}",
                         view.getAlign(), hopper::kTMAAlign);
  int64_t bytes = view.getElementBytes();
  for (unsigned d = 0; d < view.getRank(); ++d) {
    if (d == leading + *contiguous)
      continue;
    // The driver's manual does not say what a map of one place many times would be.
    if (view.getStrides()[d] == 0)
      return llvm::formatv("its stride along dimension {0} is 0, expected a multiple of {1} bytes "
                           "other than 0; a view without that dimension can be copied",
                           d, hopper::kTMAAlign);
    int64_t pitch = view.getKnownStrideDivisor(d) * bytes;
    bool known = !ShapedType::isDynamic(view.getStrides()[d]);
    if (pitch % hopper::kTMAAlign != 0)
      return llvm::formatv("its stride along dimension {0} is {1}{2} bytes, expected a multiple "
                           "of {3}",
                           d, known ? "" : "only known to be a multiple of ", pitch,
                           hopper::kTMAAlign);
  }
  for (auto [d, extent] : llvm::enumerate(shape))
    if (d != *contiguous && extent > hopper::kTMAMaxBox)
      return llvm::formatv("{0} elements along dimension {1}: expected at most {2}", extent,
                           leading + d, hopper::kTMAMaxBox);
  return {};
}

/// A copy that the engine can do, between a view and a tile laid out as the view is.
static LogicalResult verifyTMA(Operation *op, Value value, SharedType tile, size_t numOffsets) {
  auto view = cast<GlobalType>(value.getType());
  if (failed(verifyTileOfView(op, view, tile, numOffsets)))
    return failure();
  if (!findViewSource(value))
    return op->emitOpError() << "expected a view that is an argument of the kernel, or of a row of "
                                "a table: the host makes the tensor map";
  if (std::string obstacle = findTMAObstacle(view, tile.getShape()); !obstacle.empty())
    return op->emitOpError() << "cannot copy between this view and shared memory: " << obstacle;
  if (!tile.getLayout())
    return success();
  unsigned leading = view.getNumLeading(tile.getShape().size());
  unsigned expected = *view.getContiguousDimension(tile.getShape().size());
  if (unsigned contiguous = tile.getSharedLayout().contiguousDimension(); contiguous != expected)
    return op->emitOpError() << "expected a tile that is contiguous along the view's dimension "
                             << leading + expected << ", got " << leading + contiguous
                             << "; the copy engine does not transpose";
  return success();
}

LogicalResult MBarrierArriveOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (kernel && getCluster() && int64_t(*getCluster()) != kernel.getClusterSize())
    return emitOpError() << "expected to arrive at all programs of the kernel's cluster of "
                         << kernel.getClusterSize() << ", got " << *getCluster();
  return success();
}

LogicalResult TMALoadOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (kernel && getMulticast() && int64_t(*getMulticast()) >> kernel.getClusterSize() != 0)
    return emitOpError() << "expected a mask of the " << kernel.getClusterSize()
                         << " program(s) of the kernel's cluster, got " << *getMulticast();
  return verifyTMA(*this, getView(), getDest().getType(), getOffsets().size());
}

LogicalResult TMAStoreOp::verify() {
  return verifyTMA(*this, getView(), getSource().getType(), getOffsets().size());
}
