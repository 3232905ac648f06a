//===- GraphToTile.cpp - From functions on tensors to tile programs -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Graph/Transforms/Passes.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"
#include "llvm/Support/MathExtras.h"

namespace tk::graph {
#define GEN_PASS_DEF_GRAPHTOTILE
#include "tk/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace tk::graph

using namespace mlir;
using namespace tk;
using namespace tk::tile;

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

namespace {

/// The rows and columns of the result that one program computes, and the step along the sum.
struct TileShape {
  int64_t m, n, k;
};

/// A function that is one product, and how it is cut.
struct ProductPlan {
  linalg::MatmulOp product;
  SmallVector<Operation *> epilogue; ///< In order; each needs the product, or one before it.
  func::ReturnOp end;
  TileShape tile;
};

} // namespace

static remark::RemarkOpts remarkOpts(func::FuncOp func) {
  return remark::RemarkOpts::name("product").category("tkg-to-tk").function(func.getSymName());
}

static LogicalResult decline(func::FuncOp func, Location location, std::string why) {
  remark::missed(location, remarkOpts(func)) << remark::reason("{0}", std::move(why));
  return failure();
}

static std::string describe(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// Positive zeros everywhere: the sum's neutral start. Under -0.0 an empty sum would differ.
static bool isZeroFilled(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs().front();
  return matchPattern(value, m_PosZeroFloat());
}

/// Operations on floats that the lowering knows element by element.
static bool isEpilogueOp(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
             arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
             arith::TruncFOp, arith::ExtFOp>(op) &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

static LogicalResult checkSignature(func::FuncOp func) {
  if (func.isDeclaration())
    return decline(func, func.getLoc(), "a declaration: expected a body");
  if (!func.getBody().hasOneBlock())
    return decline(func, func.getLoc(), "control flow: expected a body of one block");
  if (!SymbolTable::symbolKnownUseEmpty(func, func->getParentOp()))
    return decline(func, func.getLoc(),
                   "something refers to this function by name, and kernels cannot be called");
  if (func.getNumArguments() != 2 || func.getNumResults() != 1)
    return decline(func, func.getLoc(),
                   llvm::formatv("{0} arguments and {1} results: expected the two operands of a "
                                 "product and one result",
                                 func.getNumArguments(), func.getNumResults()));
  return success();
}

static LogicalResult checkProduct(func::FuncOp func, linalg::MatmulOp product) {
  Location location = product.getLoc();
  Value lhs = product.getDpsInputOperand(0)->get(), rhs = product.getDpsInputOperand(1)->get();
  Value init = product.getDpsInitOperand(0)->get();
  if (!isa<BlockArgument>(lhs) || !isa<BlockArgument>(rhs) || lhs == rhs)
    return decline(func, location,
                   "operands that are computed or the same: expected two different arguments");
  if (product.hasUserDefinedMaps())
    return decline(func, location,
                   "transposed or broadcast operands: expected the default indexing maps");
  auto a = cast<RankedTensorType>(lhs.getType()), b = cast<RankedTensorType>(rhs.getType());
  auto sum = cast<RankedTensorType>(init.getType());
  for (RankedTensorType type : {a, b, sum})
    if (type.getEncoding())
      return decline(func, location,
                     llvm::formatv("an operand of type {0}: expected no encoding", describe(type)));
  Type element = a.getElementType();
  if (element != b.getElementType() || !(element.isBF16() || element.isF16()))
    return decline(func, location,
                   llvm::formatv("operands of types {0} and {1}: expected both bf16 or both f16",
                                 describe(element), describe(b.getElementType())));
  if (!sum.getElementType().isF32())
    return decline(func, location,
                   llvm::formatv("a sum of type {0}: expected f32; truncate the product afterwards",
                                 describe(sum.getElementType())));
  if (!isZeroFilled(init))
    return decline(func, location,
                   "a sum that starts from something else than zeros: expected linalg.fill of 0.0");
  return success();
}

/// Whether the operation maps tiles of what the plan computes, and constants, to such a tile.
static LogicalResult checkEpilogue(func::FuncOp func, Operation *op,
                                   const llvm::SmallDenseSet<Value> &computed) {
  for (Value operand : op->getOperands())
    if (!computed.contains(operand) &&
        !matchPattern(operand, m_Constant<SplatElementsAttr>(nullptr)))
      return decline(func, op->getLoc(),
                     llvm::formatv("an operand of '{0}' that is neither the product nor one number "
                                   "throughout",
                                   op->getName()));
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (!element.isF32() && !element.isBF16() && !element.isF16())
    return decline(func, op->getLoc(),
                   llvm::formatv("'{0}' with a result of {1}: expected f32, bf16 or f16",
                                 op->getName(), describe(element)));
  auto truncate = dyn_cast<arith::TruncFOp>(op);
  if (truncate && truncate.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
                      arith::RoundingMode::to_nearest_even)
    return decline(func, op->getLoc(), "'arith.truncf' with a rounding of its own");
  return success();
}

/// The full tile, or less where the size is known to be small.
static int64_t fitTile(int64_t size, int64_t least, int64_t most) {
  if (ShapedType::isDynamic(size) || size >= most)
    return most;
  return std::max<int64_t>(llvm::PowerOf2Ceil(size), least);
}

/// 128 x 128 sums are 128 registers of a warpgroup's threads; both staged operands, in steps of
/// 64, take one 128-byte swizzle span along K.
static TileShape chooseTile(linalg::MatmulOp product) {
  constexpr int64_t kMost = 128, kMostDepth = 64, kLeastN = 2 * hopper::kWgmmaNStep;
  auto a = cast<RankedTensorType>(product.getDpsInputOperand(0)->get().getType());
  auto sum = cast<RankedTensorType>(product.getDpsInitOperand(0)->get().getType());
  int64_t leastDepth = hopper::kWgmmaKBytes * 8 / a.getElementTypeBitWidth();
  return {fitTile(sum.getDimSize(0), hopper::kWgmmaM, kMost),
          fitTile(sum.getDimSize(1), kLeastN, kMost),
          fitTile(a.getDimSize(1), leastDepth, kMostDepth)};
}

/// The plan for a function that is one product, or a remark that says why there is none.
static FailureOr<ProductPlan> planProduct(func::FuncOp func) {
  if (failed(checkSignature(func)))
    return failure();
  ProductPlan plan;
  llvm::SmallDenseSet<Value> computed;
  for (Operation &op : func.getBody().front()) {
    if (isa<arith::ConstantOp, tensor::DimOp, tensor::EmptyOp, linalg::FillOp>(op))
      continue; // Shapes and the start of the sum: the views have the shapes.
    if (auto end = dyn_cast<func::ReturnOp>(op)) {
      plan.end = end;
    } else if (auto product = dyn_cast<linalg::MatmulOp>(op); product && !plan.product) {
      if (failed(checkProduct(func, product)))
        return failure();
      plan.product = product;
      computed.insert(product->getResult(0));
    } else if (isEpilogueOp(&op)) {
      if (failed(checkEpilogue(func, &op, computed)))
        return failure();
      plan.epilogue.push_back(&op);
      computed.insert(op.getResult(0));
    } else {
      return decline(func, op.getLoc(),
                     llvm::formatv("'{0}': expected one linalg.matmul from zeros and elementwise "
                                   "arith operations on its result",
                                   op.getName()));
    }
  }
  if (!plan.product || !computed.contains(plan.end.getOperand(0)))
    return decline(func, plan.end.getLoc(), "a result that is not computed from a product");
  plan.tile = chooseTile(plan.product);
  return plan;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

static GlobalType getViewType(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return GlobalType::get(value.getContext(), type.getShape(), type.getElementType(),
                         GlobalType::getRowMajorStrides(type.getRank()));
}

/// The kernel with its arguments, and both regions empty but for theirs.
static KernelOp createKernel(OpBuilder &builder, func::FuncOp func, ProductPlan &plan) {
  auto lhs = cast<BlockArgument>(plan.product.getDpsInputOperand(0)->get());
  bool lhsFirst = lhs.getArgNumber() == 0;
  SmallVector<Type> types{getViewType(func.getArgument(0)), getViewType(func.getArgument(1)),
                          getViewType(plan.end.getOperand(0))};
  ArrayAttr a = builder.getStrArrayAttr({"M", "K"}), b = builder.getStrArrayAttr({"K", "N"});
  ArrayAttr sizes = builder.getArrayAttr(
      {lhsFirst ? a : b, lhsFirst ? b : a, builder.getStrArrayAttr({"M", "N"})});
  OperationState state(func.getLoc(), KernelOp::getOperationName());
  state.addAttribute(KernelOp::getSymNameAttrName(state.name), func.getSymNameAttr());
  state.addAttribute(KernelOp::getFunctionTypeAttrName(state.name),
                     TypeAttr::get(builder.getFunctionType(types, {})));
  state.addAttribute(KernelOp::getArgNamesAttrName(state.name),
                     builder.getStrArrayAttr({"A", "B", "out"}));
  state.addAttribute(KernelOp::getSizeNamesAttrName(state.name), sizes);
  SmallVector<Location> locations{func.getArgument(0).getLoc(), func.getArgument(1).getLoc(),
                                  plan.end.getLoc()};
  for (int region = 0; region < 2; ++region)
    state.addRegion()->emplaceBlock().addArguments(types, locations);
  return cast<KernelOp>(builder.create(state));
}

static Value makeIndex(OpBuilder &builder, Location location, int64_t value) {
  return arith::ConstantIndexOp::create(builder, location, value);
}

/// As many programs along x as the result has tiles along its columns, along y as along its rows.
static void writeGrid(KernelOp kernel, Location location, TileShape tile) {
  OpBuilder builder = OpBuilder::atBlockEnd(&kernel.getGrid().front());
  Value out = kernel.getGrid().getArgument(2);
  auto count = [&](int64_t dimension, int64_t extent) -> Value {
    Value size = DimOp::create(builder, location, builder.getIndexType(), out, uint64_t(dimension));
    return arith::CeilDivUIOp::create(builder, location, size,
                                      makeIndex(builder, location, extent));
  };
  Value x = count(1, tile.n);
  Value y = count(0, tile.m);
  GridOp::create(builder, location, ValueRange{x, y});
}

/// The sum over K of one tile:
///
///   scf.for %k = 0 to K step tile.k iter_args(%sum = zeros) { sum + A[row, k] * B[k, column] }
static Value writeSum(OpBuilder &builder, ProductPlan &plan, Value lhs, Value rhs, Value row,
                      Value column) {
  Location location = plan.product.getLoc();
  auto [m, n, k] = plan.tile;
  Type element = cast<GlobalType>(lhs.getType()).getElementType();
  auto sumType = RankedTensorType::get({m, n}, builder.getF32Type());
  auto aType = RankedTensorType::get({m, k}, element),
       bType = RankedTensorType::get({k, n}, element);
  Value zero =
      arith::ConstantOp::create(builder, location, cast<TypedAttr>(builder.getZeroAttr(sumType)));
  Value depth = DimOp::create(builder, location, builder.getIndexType(), lhs, uint64_t(1));
  auto loop = scf::ForOp::create(
      builder, location, makeIndex(builder, location, 0), depth, makeIndex(builder, location, k),
      zero, [&](OpBuilder &inside, Location, Value at, ValueRange sums) {
        Value a = LoadOp::create(inside, location, aType, lhs, ValueRange{row, at});
        Value b = LoadOp::create(inside, location, bType, rhs, ValueRange{at, column});
        Value next = DotOp::create(inside, location, a, b, sums.front());
        scf::YieldOp::create(inside, location, next);
      });
  return loop.getResult(0);
}

/// The same operations on the tile.
static Value writeEpilogue(OpBuilder &builder, ProductPlan &plan, Value sum) {
  IRMapping mapping;
  mapping.map(plan.product->getResult(0), sum);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(sum.getType()).getShape();
  for (Operation *op : plan.epilogue) {
    for (Value operand : op->getOperands()) {
      SplatElementsAttr splat;
      if (mapping.contains(operand) || !matchPattern(operand, m_Constant(&splat)))
        continue;
      auto type = RankedTensorType::get(shape, splat.getElementType());
      mapping.map(operand, arith::ConstantOp::create(builder, operand.getLoc(),
                                                     cast<TypedAttr>(splat.resizeSplat(type))));
    }
    Operation *clone = builder.clone(*op, mapping);
    clone->getResult(0).setType(
        RankedTensorType::get(shape, getElementTypeOrSelf(op->getResult(0))));
  }
  return mapping.lookup(plan.end.getOperand(0));
}

static void writeBody(KernelOp kernel, ProductPlan &plan) {
  OpBuilder builder = OpBuilder::atBlockEnd(&kernel.getBody().front());
  Location location = plan.product.getLoc();
  auto view = [&](OpOperand *operand) {
    return kernel.getBody().getArgument(cast<BlockArgument>(operand->get()).getArgNumber());
  };
  auto origin = [&](int64_t dimension, int64_t extent) -> Value {
    Value program = ProgramIdOp::create(builder, location, dimension);
    return arith::MulIOp::create(builder, location, program, makeIndex(builder, location, extent));
  };
  Value row = origin(1, plan.tile.m);
  Value column = origin(0, plan.tile.n);
  Value sum = writeSum(builder, plan, view(plan.product.getDpsInputOperand(0)),
                       view(plan.product.getDpsInputOperand(1)), row, column);
  Value result = writeEpilogue(builder, plan, sum);
  StoreOp::create(builder, plan.end.getLoc(), result, kernel.getBody().getArgument(2),
                  ValueRange{row, column});
  ReturnOp::create(builder, plan.end.getLoc());
}

namespace {

struct GraphToTile : tk::graph::impl::GraphToTileBase<GraphToTile> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      FailureOr<ProductPlan> plan = planProduct(func);
      if (failed(plan))
        continue; // A remark says why.
      OpBuilder builder(func);
      KernelOp kernel = createKernel(builder, func, *plan);
      writeGrid(kernel, plan->product.getLoc(), plan->tile);
      writeBody(kernel, *plan);
      auto [m, n, k] = plan->tile;
      remark::passed(plan->product.getLoc(), remarkOpts(func))
          << remark::add("one program for each {0} x {1} of the result, in steps of {2}", m, n, k);
      func.erase();
    }
  }
};

} // namespace
