//===- SplitVariants.cpp - Kernels under promises of the launch ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/IR/BuiltinOps.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringSet.h"
#include <numeric>

namespace tk::tile {
#define GEN_PASS_DEF_SPLITVARIANTS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct SplitVariants : tk::tile::impl::SplitVariantsBase<SplitVariants> {
  void runOnOperation() override {
    llvm::StringSet<> known; // Kernels that have variants.
    for (KernelOp kernel : getOperation().getOps<KernelOp>())
      if (kernel.getVariantOf())
        known.insert(*kernel.getVariantOf());
    for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>()))
      if (!kernel.getVariantOf() && !kernel.getLoweredTo() && !known.contains(kernel.getSymName()))
        split(kernel);
  }

private:
  void split(KernelOp kernel);
};

} // namespace

/// The view's type with what the copy engine needs of address and strides promised.
static GlobalType promise(GlobalType view) {
  int64_t elements = hopper::kTMAAlign / std::gcd(hopper::kTMAAlign, view.getElementBytes());
  SmallVector<int64_t> strideDivisors(view.getStrideDivisors());
  for (auto [stride, divisor] : llvm::zip_equal(view.getStrides(), strideDivisors))
    if (ShapedType::isDynamic(stride))
      divisor = std::lcm(divisor, elements);
  return GlobalType::get(view.getContext(), view.getShape(), view.getElementType(),
                         view.getStrides(), std::max(view.getAlign(), hopper::kTMAAlign),
                         view.getSizeDivisors(), strideDivisors);
}

/// Views that products read, by argument, which a promise would open to the copy engine; where
/// there are any, also those that the kernel stores to.
static SmallVector<unsigned> findViews(KernelOp kernel) {
  SmallVector<unsigned> views;
  auto add = [&](Value value, Type tile) {
    auto view = dyn_cast<BlockArgument>(value);
    if (!view || view.getOwner() != &kernel.getBody().front() ||
        llvm::is_contained(views, view.getArgNumber()))
      return;
    // Where a view goes through other operations, their types would have to change as well.
    if (!llvm::all_of(view.getUsers(), llvm::IsaPred<LoadOp, StoreOp, DimOp, CopyOp>))
      return;
    ArrayRef<int64_t> shape = cast<RankedTensorType>(tile).getShape();
    auto type = cast<GlobalType>(value.getType());
    if (!findTMAObstacle(type, shape).empty() && findTMAObstacle(promise(type), shape).empty())
      views.push_back(view.getArgNumber());
  };
  kernel.getBody().walk([&](DotOp dot) {
    for (Value operand : {dot.getA(), dot.getB()})
      if (auto load = operand.getDefiningOp<LoadOp>())
        add(load.getView(), operand.getType());
  });
  if (!views.empty())
    kernel.getBody().walk([&](StoreOp store) { add(store.getView(), store.getValue().getType()); });
  llvm::sort(views);
  return views;
}

void SplitVariants::split(KernelOp kernel) {
  SmallVector<unsigned> views = findViews(kernel);
  if (views.empty())
    return;
  OpBuilder builder(kernel);
  auto variant = cast<KernelOp>(builder.clone(*kernel));
  std::string name = (kernel.getSymName() + "_tma").str();
  while (getOperation().lookupSymbol(name))
    name += "_";
  variant.setSymName(name);
  variant.setVariantOfAttr(FlatSymbolRefAttr::get(kernel.getSymNameAttr()));
  SmallVector<Type> types(kernel.getArgumentTypes());
  SmallVector<StringRef> names;
  for (unsigned index : views) {
    types[index] = promise(cast<GlobalType>(types[index]));
    names.push_back(kernel.getArgumentName(index));
    variant.getBody().getArgument(index).setType(types[index]);
    variant.getGrid().getArgument(index).setType(types[index]);
  }
  variant.setFunctionType(builder.getFunctionType(types, {}));
  remark::passed(kernel.getLoc(), remarkOn(kernel, "variant", "tk-split-variants")) << remark::add(
      "@{0} is the kernel where addresses and strides of {1} are multiples of {2} "
      "bytes; @{3} is for the rest",
      variant.getSymName(), llvm::join(names, ", "), hopper::kTMAAlign, kernel.getSymName());
}
