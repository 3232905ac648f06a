//===- Lowering.cpp - What the lowerings share ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringExtras.h"
#include <numeric>

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

Type tk::getRegisterType(Type elementType) {
  bool isFp8 = isa<FloatType>(elementType) && elementType.getIntOrFloatBitWidth() == 8;
  return isFp8 ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

TileTypeConverter::TileTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion(
      [](RankedTensorType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        std::optional<layout::Distribution> distribution = getDistribution(type);
        if (!distribution)
          return failure();
        results.append(distribution->registersPerThread(), getRegisterType(type.getElementType()));
        return success();
      });
  addConversion(
      [this](InflightType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        return convertType(type.getTensor(), results);
      });
  auto toSharedPointer = [](Type type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext(), kSharedSpace);
  };
  addConversion([=](SharedType type) { return toSharedPointer(type); });
  addConversion([=](SlotsType type) { return toSharedPointer(type); });
  addConversion([=](MBarriersType type) { return toSharedPointer(type); });
  addConversion([=](ScratchType type) { return toSharedPointer(type); });
  addConversion( // Slot and phase.
      [](CursorType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        results.append(2, IntegerType::get(type.getContext(), 32));
        return success();
      });
  addConversion(
      [](GlobalType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        Type i64 = IntegerType::get(type.getContext(), 64);
        results.push_back(LLVM::LLVMPointerType::get(type.getContext(), kGlobalSpace));
        results.append(llvm::count_if(type.getShape(), ShapedType::isDynamic), i64);
        results.append(llvm::count_if(type.getStrides(), ShapedType::isDynamic), i64);
        return success();
      });
  addConversion([](TableType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
    Type pointer = LLVM::LLVMPointerType::get(type.getContext(), kGlobalSpace);
    results.append({pointer, IntegerType::get(type.getContext(), 64), pointer, pointer});
    return success();
  });
  // Between a tile and its registers, until both sides are converted.
  auto cast = [](OpBuilder &builder, Type type, ValueRange inputs, Location location) -> Value {
    return UnrealizedConversionCastOp::create(builder, location, type, inputs).getResult(0);
  };
  addSourceMaterialization(cast);
  addTargetMaterialization(
      [](OpBuilder &builder, TypeRange types, ValueRange inputs, Location location) {
        return SmallVector<Value>(
            UnrealizedConversionCastOp::create(builder, location, types, inputs).getResults());
      });
}

ViewParts tk::unpackView(OpBuilder &builder, Location location, GlobalType type, ValueRange parts) {
  ViewParts view{parts.front(), {}, {}};
  parts = parts.drop_front();
  auto take = [&](ArrayRef<int64_t> known, SmallVectorImpl<Value> &values) {
    for (int64_t value : known) {
      if (!ShapedType::isDynamic(value)) {
        values.push_back(constantI64(builder, location, value));
        continue;
      }
      values.push_back(parts.front());
      parts = parts.drop_front();
    }
  };
  take(type.getShape(), view.sizes);
  take(type.getStrides(), view.strides);
  return view;
}

Value tk::constantI32(OpBuilder &builder, Location location, int64_t value) {
  return arith::ConstantOp::create(builder, location, builder.getI32IntegerAttr(value));
}

Value tk::constantI64(OpBuilder &builder, Location location, int64_t value) {
  return arith::ConstantOp::create(builder, location, builder.getI64IntegerAttr(value));
}

Value tk::sharedAddress(OpBuilder &builder, Location location, Value pointer) {
  return LLVM::PtrToIntOp::create(builder, location, builder.getI32Type(), pointer);
}

Value tk::threadIndex(OpBuilder &builder, Location location) {
  return NVVM::ThreadIdXOp::create(builder, location, builder.getI32Type());
}

Value tk::threadInWarpgroup(OpBuilder &builder, Location location) {
  return arith::AndIOp::create(builder, location, threadIndex(builder, location),
                               constantI32(builder, location, hopper::kWarpgroupThreads - 1));
}

Value tk::applyThreadColumns(OpBuilder &builder, Location location, ArrayRef<int64_t> columns) {
  // Thread bits that go to target bits at one distance move together: one mask and one shift for
  // each distance.
  std::map<int, int64_t> masks;
  for (auto [bit, column] : llvm::enumerate(columns))
    for (int target = 0; target < 32; ++target)
      if (column >> target & 1)
        masks[target - int(bit)] |= int64_t(1) << bit;
  Value thread = threadIndex(builder, location), result;
  for (auto [distance, mask] : masks) {
    Value term =
        arith::AndIOp::create(builder, location, thread, constantI32(builder, location, mask));
    Value amount = constantI32(builder, location, std::abs(distance));
    if (distance > 0)
      term = arith::ShLIOp::create(builder, location, term, amount);
    if (distance < 0)
      term = arith::ShRUIOp::create(builder, location, term, amount);
    result = result ? arith::XOrIOp::create(builder, location, result, term).getResult() : term;
  }
  return result ? result : constantI32(builder, location, 0);
}

Value tk::isFirstReplica(OpBuilder &builder, Location location, uint64_t replicatedThreadBits) {
  if (replicatedThreadBits == 0)
    return {};
  Value bits = arith::AndIOp::create(builder, location, threadIndex(builder, location),
                                     constantI32(builder, location, replicatedThreadBits));
  return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::eq, bits,
                               constantI32(builder, location, 0));
}

SmallVector<Value> tk::inlinePTX(OpBuilder &builder, Location location, StringRef text,
                                 StringRef constraints, TypeRange results, ValueRange operands) {
  Type type;
  if (results.size() == 1)
    type = results.front();
  if (results.size() > 1)
    type = LLVM::LLVMStructType::getLiteral(builder.getContext(), llvm::to_vector(results));
  auto assembly = LLVM::InlineAsmOp::create(
      builder, location, type ? TypeRange(type) : TypeRange(), operands, text, constraints,
      /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr::get(builder.getContext(), LLVM::AsmDialect::AD_ATT),
      /*operand_attrs=*/ArrayAttr());
  SmallVector<Value> values;
  if (results.size() == 1)
    values.push_back(assembly.getRes());
  for (unsigned i = 0; results.size() > 1 && i < results.size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(builder, location, assembly.getRes(), i));
  return values;
}

/// The largest power of two known to divide an index value, at least 1; zero, which everything
/// divides, gives 0. Values that are shared are looked at once; products stop at what a vector
/// could use.
static int64_t getKnownDivisor(Value value, llvm::DenseMap<Value, int64_t> &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  auto find = [&]() -> int64_t {
    constexpr int64_t kEnough = int64_t(1) << 20;
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return constant.isZero() ? 0 : int64_t(1) << std::min(constant.countr_zero(), 20u);
    if (auto product = value.getDefiningOp<arith::MulIOp>())
      return std::min(kEnough, getKnownDivisor(product.getLhs(), known) *
                                   getKnownDivisor(product.getRhs(), known));
    if (auto sum = value.getDefiningOp<arith::AddIOp>())
      return std::gcd(getKnownDivisor(sum.getLhs(), known), getKnownDivisor(sum.getRhs(), known));
    auto argument = dyn_cast<BlockArgument>(value);
    auto loop = argument ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()) : scf::ForOp();
    if (loop && loop.getInductionVar() == value)
      return std::gcd(getKnownDivisor(loop.getLowerBound(), known),
                      getKnownDivisor(loop.getStep(), known));
    return 1;
  };
  int64_t divisor = find();
  known[value] = divisor;
  return divisor;
}

OffsetDivisors tk::findOffsetDivisors(Operation *root) {
  OffsetDivisors divisors;
  llvm::DenseMap<Value, int64_t> known;
  auto find = [&](Operation *op, GlobalType view, unsigned rank, OperandRange offsets) {
    if (std::optional<unsigned> contiguous = view.getContiguousDimension(rank))
      divisors[op] = getKnownDivisor(offsets[view.getNumLeading(rank) + *contiguous], known);
  };
  auto rankOf = [](Value tile) { return cast<RankedTensorType>(tile.getType()).getRank(); };
  root->walk([&](Operation *op) {
    if (auto load = dyn_cast<LoadOp>(op))
      find(op, load.getView().getType(), rankOf(load.getResult()), load.getOffsets());
    if (auto copy = dyn_cast<CopyOp>(op))
      find(op, copy.getView().getType(), copy.getTileType().getRank(), copy.getOffsets());
    if (auto store = dyn_cast<StoreOp>(op))
      find(op, store.getView().getType(), rankOf(store.getValue()), store.getOffsets());
  });
  return divisors;
}
