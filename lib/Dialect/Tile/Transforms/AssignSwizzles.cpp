//===- AssignSwizzles.cpp - Give shared tiles their layout --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_ASSIGNSWIZZLES
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct AssignSwizzles : tk::tile::impl::AssignSwizzlesBase<AssignSwizzles> {
  void runOnOperation() override {
    getOperation().walk([&](AllocOp alloc) {
      if (!alloc.getType().getLayout())
        assign(alloc);
    });
  }

private:
  void assign(AllocOp alloc);
};

} // namespace

/// The dimension along which the data that is written to the tile is contiguous in global memory:
/// looks through elementwise operations, which keep positions. The last dimension where nothing
/// says otherwise.
static unsigned findContiguousDimension(AllocOp alloc) {
  unsigned last = alloc.getType().getShape().size() - 1;
  for (Operation *user : alloc.getResult().getUsers()) {
    if (auto copy = dyn_cast<CopyOp>(user))
      return copy.getView().getType().getContiguousDimension().value_or(last);
    auto store = dyn_cast<SharedStoreOp>(user);
    Operation *source = store ? store.getValue().getDefiningOp() : nullptr;
    while (source && !isa<LoadOp>(source) && OpTrait::hasElementwiseMappableTraits(source))
      source = source->getOperand(0).getDefiningOp();
    if (auto load = dyn_cast_if_present<LoadOp>(source))
      return load.getView().getType().getContiguousDimension().value_or(last);
  }
  return last;
}

void AssignSwizzles::assign(AllocOp alloc) {
  SharedType type = alloc.getType();
  auto opts = remark::RemarkOpts::name("swizzle")
                  .category("tk-assign-swizzles")
                  .function(getOperation().getSymName());
  if (type.getShape().size() != 2) {
    remark::missed(alloc.getLoc(), opts)
        << remark::reason("\"{0}\" has rank {1}: swizzles are for tiles of rank 2",
                          alloc.getLabel(), type.getShape().size());
    return;
  }
  unsigned contiguous = findContiguousDimension(alloc);
  int64_t bytes = type.getShape()[contiguous] * type.getElementBytes();
  std::optional<layout::SwizzleSpan> span = layout::widestSpan(bytes);
  if (!span || type.getShape()[1 - contiguous] % 8 != 0) {
    remark::missed(alloc.getLoc(), opts) << remark::reason(
        "\"{0}\" has {1} rows of {2} bytes: expected a multiple of 8 rows and of 16 bytes",
        alloc.getLabel(), type.getShape()[1 - contiguous], bytes);
    return;
  }
  auto swizzle = SwizzleAttr::get(&getContext(), int64_t(*span), {contiguous, 1 - contiguous});
  alloc.getResult().setType(SharedType::get(&getContext(), type.getShape(), type.getElementType(),
                                            cast<SharedLayoutInterface>(swizzle)));
  remark::passed(alloc.getLoc(), opts)
      << remark::add("\"{0}\" lies in {1} panel(s) of {2} bytes, contiguous along dimension {3} as "
                     "in global memory",
                     alloc.getLabel(), bytes / int64_t(*span), int64_t(*span), contiguous);
}
