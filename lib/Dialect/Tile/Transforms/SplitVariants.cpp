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
  void makeVariant(KernelOp kernel, ArrayRef<ViewSource> views, StringRef suffix);
};

} // namespace

/// Variants of a kernel where no one says how many. A third takes 30 % longer to compile.
static constexpr int64_t kVariants = 2;

static std::string joinNames(KernelOp kernel, ArrayRef<ViewSource> views) {
  return llvm::join(
      llvm::map_range(views, [&](const ViewSource &view) { return kernel.describeView(view); }),
      ", ");
}

/// The values in the body that are this view: an argument, or the results of rows of a table.
static SmallVector<Value> findValues(KernelOp kernel, const ViewSource &view) {
  BlockArgument argument = kernel.getBody().getArgument(view.argument);
  if (!view.column)
    return {argument};
  SmallVector<Value> values;
  for (Operation *user : argument.getUsers())
    if (auto row = dyn_cast<TableRowOp>(user))
      values.push_back(row.getResult(*view.column));
  return values;
}

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

/// Views which a promise would open to the copy engine: those that products read
/// (`stored` false), or those that the kernel stores to and `views` does not hold yet.
static void findViews(KernelOp kernel, bool stored, SmallVector<ViewSource> &views) {
  auto add = [&](Value value, Type tile) {
    std::optional<ViewSource> view = findViewSource(value);
    if (!view || llvm::is_contained(views, *view))
      return;
    // Where a view goes through other operations, their types would have to change as well.
    for (Value same : findValues(kernel, *view))
      if (!llvm::all_of(same.getUsers(),
                        llvm::IsaPred<LoadOp, LoadScalarOp, StoreOp, DimOp, CopyOp>))
        return;
    ArrayRef<int64_t> shape = cast<RankedTensorType>(tile).getShape();
    auto type = cast<GlobalType>(value.getType());
    if (!findTMAObstacle(type, shape).empty() && findTMAObstacle(promise(type), shape).empty())
      views.push_back(*view);
  };
  if (stored)
    kernel.getBody().walk([&](StoreOp store) { add(store.getView(), store.getValue().getType()); });
  else
    kernel.getBody().walk([&](DotOp dot) {
      if (!dot.findObstacle().empty())
        return;
      for (Value operand : {dot.getA(), dot.getB()})
        if (auto load = operand.getDefiningOp<LoadOp>())
          add(load.getView(), operand.getType());
    });
  llvm::sort(views, [](const ViewSource &a, const ViewSource &b) {
    return std::tie(a.argument, a.column) < std::tie(b.argument, b.column);
  });
}

/// Why the copy engine could not bring every operand of the kernel's products whatever is promised,
/// or an empty string: it is the whole product that a variant is for.
static std::string findObstacle(KernelOp kernel) {
  std::string obstacle;
  kernel.getBody().walk([&](DotOp dot) {
    if (!dot.findObstacle().empty())
      return WalkResult::advance();
    for (Value operand : {dot.getA(), dot.getB()}) {
      auto load = operand.getDefiningOp<LoadOp>();
      if (!load)
        continue;
      auto tile = cast<RankedTensorType>(operand.getType());
      obstacle = findTMAObstacle(promise(load.getView().getType()), tile.getShape());
      if (!obstacle.empty()) {
        std::optional<ViewSource> view = findViewSource(load.getView());
        obstacle = llvm::formatv(
            "the copy engine cannot read {0}, aligned or not, and a product needs it: {1}",
            view ? kernel.describeView(*view) : "a view", obstacle);
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return obstacle;
}

/// In order of preference: everything by the copy engine; operands by it and results by threads;
/// the kernel itself.
void SplitVariants::split(KernelOp kernel) {
  SmallVector<ViewSource> operands;
  findViews(kernel, /*stored=*/false, operands);
  if (operands.empty())
    return;
  SmallVector<ViewSource> all = operands;
  findViews(kernel, /*stored=*/true, all);
  TuningAttr tuning = kernel.getTuningAttr();
  int64_t count = tuning && tuning.getVariants() ? *tuning.getVariants() : kVariants;
  auto opts = remarkOn(kernel, "variant", "tk-split-variants");
  if (count == 1) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("one variant is asked for");
    return;
  }
  if (std::string obstacle = findObstacle(kernel); !obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  makeVariant(kernel, all, "_tma");
  if (all.size() == operands.size())
    return;
  if (count == 3)
    makeVariant(kernel, operands, "_tma_operands");
  else
    remark::missed(kernel.getLoc(), opts) << remark::reason(
        "{0} variants of 3: where only {1} {2} aligned, @{3} runs without the copy engine", count,
        joinNames(kernel, operands), operands.size() > 1 ? "are" : "is", kernel.getSymName());
}

/// An argument's type where the host checks the promise for this view.
static Type promise(Type type, const ViewSource &view) {
  auto table = dyn_cast<TableType>(type);
  if (!table)
    return promise(cast<GlobalType>(type));
  SmallVector<GlobalType> columns(table.getColumns());
  columns[*view.column] = promise(columns[*view.column]);
  return TableType::get(type.getContext(), table.getNames(), columns);
}

/// Gives an argument of a region its new type, and the views of rows that are taken from it theirs.
static void retype(BlockArgument argument, Type type) {
  argument.setType(type);
  for (Operation *user : argument.getUsers()) {
    if (auto row = dyn_cast<TableRowOp>(user))
      for (auto [view, column] :
           llvm::zip_equal(row.getViews(), cast<TableType>(type).getColumns()))
        view.setType(column);
    if (auto tiles = dyn_cast<TableTilesOp>(user))
      for (auto [view, column] :
           llvm::zip_equal(tiles.getRow().getArguments(), cast<TableType>(type).getColumns()))
        view.setType(column);
  }
}

void SplitVariants::makeVariant(KernelOp kernel, ArrayRef<ViewSource> views, StringRef suffix) {
  OpBuilder builder(kernel);
  auto variant = cast<KernelOp>(builder.clone(*kernel));
  std::string name = (kernel.getSymName() + suffix).str();
  while (getOperation().lookupSymbol(name))
    name += "_";
  variant.setSymName(name);
  variant.setVariantOfAttr(FlatSymbolRefAttr::get(kernel.getSymNameAttr()));
  SmallVector<Type> types(kernel.getArgumentTypes());
  for (const ViewSource &view : views) {
    types[view.argument] = promise(types[view.argument], view);
    retype(variant.getBody().getArgument(view.argument), types[view.argument]);
    retype(variant.getGrid().getArgument(view.argument), types[view.argument]);
  }
  variant.setFunctionType(builder.getFunctionType(types, {}));
  remark::passed(kernel.getLoc(), remarkOn(kernel, "variant", "tk-split-variants")) << remark::add(
      "@{0} is the kernel where addresses and strides of {1} are multiples of {2} "
      "bytes; @{3} is for the rest",
      variant.getSymName(), joinNames(kernel, views), hopper::kTMAAlign, kernel.getSymName());
}
