//===- Utils.cpp - What the passes share ----------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

SharedType tk::tile::addSwizzle(SharedType tile, unsigned contiguous) {
  if (tile.getShape().size() != 2 || tile.getShape()[1 - contiguous] % 8 != 0)
    return {};
  std::optional<layout::SwizzleSpan> span =
      layout::widestSpan(tile.getShape()[contiguous] * tile.getElementBytes());
  if (!span)
    return {};
  auto swizzle = SwizzleAttr::get(tile.getContext(), int64_t(*span), {contiguous, 1 - contiguous});
  return SharedType::get(tile.getContext(), tile.getShape(), tile.getElementType(),
                         cast<SharedLayoutInterface>(swizzle));
}

std::optional<std::pair<unsigned, SharedType>> tk::tile::findClusterPart(SharedType tile,
                                                                         int64_t programs) {
  layout::SharedLayout layout = tile.getSharedLayout();
  unsigned contiguous = layout.contiguousDimension();
  int64_t panel = int64_t(layout.span()) / layout.elementBytes();
  // The contiguous dimension first: parts of whole panels take fewer instructions. Within a panel
  // the swizzle repeats every eight rows.
  for (auto [d, step] : {std::pair(contiguous, panel), std::pair(1 - contiguous, int64_t(8))}) {
    SmallVector<int64_t> shape(tile.getShape());
    if (shape[d] % (programs * step) != 0)
      continue;
    shape[d] /= programs;
    auto part = SharedType::get(tile.getContext(), shape, tile.getElementType(), tile.getLayout());
    if (getSliceStride(tile, part, d))
      return std::pair(d, part);
  }
  return std::nullopt;
}

bool tk::tile::areOperandsCopied(KernelOp kernel) {
  WalkResult walk = kernel.getBody().walk([](DotOp dot) {
    if (!dot.findObstacle().empty())
      return WalkResult::interrupt();
    for (Value operand : {dot.getA(), dot.getB()}) {
      auto load = operand.getDefiningOp<LoadOp>();
      auto tile = cast<RankedTensorType>(operand.getType());
      if (!load || !findTMAObstacle(load.getView().getType(), tile.getShape()).empty())
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return !walk.wasInterrupted();
}

unsigned tk::tile::getContiguousOrLast(GlobalType view, unsigned tileRank) {
  return view.getContiguousDimension(tileRank).value_or(tileRank - 1);
}

unsigned tk::tile::findContiguousDimension(Value memory, unsigned rank) {
  unsigned last = rank - 1;
  for (Operation *user : memory.getUsers()) {
    if (auto copy = dyn_cast<CopyOp>(user))
      return getContiguousOrLast(copy.getView().getType(), rank);
    if (auto load = dyn_cast<TMALoadOp>(user))
      return getContiguousOrLast(load.getView().getType(), rank);
    if (auto store = dyn_cast<TMAStoreOp>(user))
      return getContiguousOrLast(store.getView().getType(), rank);
    if (isa<SlotOp, SharedSliceOp>(user))
      if (unsigned found = findContiguousDimension(user->getResult(0), rank); found != last)
        return found;
    auto store = dyn_cast<SharedStoreOp>(user);
    Operation *source = store ? store.getValue().getDefiningOp() : nullptr;
    while (source && !isa<LoadOp>(source) && OpTrait::hasElementwiseMappableTraits(source))
      source = source->getOperand(0).getDefiningOp();
    if (auto load = dyn_cast_if_present<LoadOp>(source))
      return getContiguousOrLast(load.getView().getType(), rank);
  }
  return last;
}

std::string tk::tile::nameTile(CreateRingOp ring, unsigned index) {
  SmallVector<StringRef> names;
  ring.getLabel().split(names, ", ");
  if (names.size() == ring.getResult().getType().getTiles().size())
    return names[index].str();
  return (ring.getLabel() + "." + Twine(index)).str();
}

int64_t tk::tile::chooseConsumers(KernelOp kernel) {
  if (TuningAttr tuning = kernel.getTuningAttr(); tuning && tuning.getConsumers())
    return *tuning.getConsumers();
  int64_t rows = 0;
  kernel.getBody().walk(
      [&](DotOp dot) { rows = std::max(rows, dot.getResult().getType().getDimSize(0)); });
  int64_t slabs = rows / hopper::kWgmmaM;
  for (int64_t consumers = hopper::kUsualConsumers; consumers <= hopper::kMaxConsumers; ++consumers)
    if (slabs > 0 && slabs % consumers == 0)
      return consumers;
  return 1;
}

/// Whether two indices are computed alike. `known`: the pairs that are.
static bool isSameIndex(Value a, Value b, llvm::DenseSet<std::pair<Value, Value>> &known) {
  if (a == b || known.contains({a, b}))
    return true;
  auto one = dyn_cast<OpResult>(a), other = dyn_cast<OpResult>(b);
  if (!one || !other || one.getResultNumber() != other.getResultNumber() ||
      one.getOwner()->getNumRegions() != 0 || !isPure(one.getOwner()))
    return false;
  auto areSame = [&](Value x, Value y) { return success(isSameIndex(x, y, known)); };
  if (!OperationEquivalence::isEquivalentTo(one.getOwner(), other.getOwner(), areSame,
                                            /*markEquivalent=*/nullptr,
                                            OperationEquivalence::IgnoreLocations))
    return false; // And so are all that use it.
  known.insert({a, b});
  return true;
}

/// Whether a tile serves `store` alone, element by element.
static bool isOnlyFor(Value tile, StoreOp store) {
  llvm::SetVector<Value> work;
  work.insert(tile);
  for (size_t i = 0; i < work.size(); ++i)
    for (Operation *user : work[i].getUsers()) {
      if (user == store)
        continue;
      if (!OpTrait::hasElementwiseMappableTraits(user) || !isPure(user))
        return false;
      work.insert(user->getResult(0));
    }
  return !tile.use_empty();
}

bool tk::tile::isUpdateInPlace(LoadOp load, StoreOp store) {
  auto kernel = load->getParentOfType<KernelOp>();
  llvm::DenseSet<std::pair<Value, Value>> known;
  auto areSame = [&](Value a, Value b) { return isSameIndex(a, b, known); };
  WalkResult others = kernel.getBody().walk([&](StoreOp other) {
    bool isElsewhere = findViewSource(other.getView()) != findViewSource(store.getView());
    return other == store || isElsewhere ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (others.wasInterrupted() || !isOnlyFor(load.getResult(), store) ||
      load->getBlock() != store->getBlock() || !load->isBeforeInBlock(store) ||
      load.getView() != store.getView() ||
      cast<RankedTensorType>(load.getResult().getType()).getShape() !=
          cast<RankedTensorType>(store.getValue().getType()).getShape() ||
      !llvm::all_of_zip(load.getOffsets(), store.getOffsets(), areSame))
    return false;
  for (auto loop = store->getParentOfType<LoopLikeOpInterface>(); loop;
       loop = loop->getParentOfType<LoopLikeOpInterface>())
    if (!loop->hasAttr(kIndependentAttrName))
      return false;
  return true;
}

std::string tk::tile::findSharedLoadObstacle(KernelOp kernel, LoadOp load) {
  std::optional<ViewSource> view = findViewSource(load.getView());
  if (!view)
    return "a load's view is no argument of the kernel and no row of one";
  WalkResult walk = kernel.getBody().walk([&](StoreOp store) {
    std::optional<ViewSource> dest = findViewSource(store.getView());
    bool isApart = (dest && dest != view) || isUpdateInPlace(load, store);
    return isApart ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (walk.wasInterrupted())
    return llvm::formatv("\"{0}\" is loaded and stored to, and nothing orders one consumer's loads "
                         "and another's stores",
                         kernel.describeView(*view));
  return {};
}

/// `known`: what has been found out, since computations share operands.
static bool isNonNegative(Value index, llvm::DenseMap<Value, bool> &known) {
  if (auto found = known.find(index); found != known.end())
    return found->second;
  auto is = [&](Value operand) { return isNonNegative(operand, known); };
  auto decide = [&] {
    if (auto argument = dyn_cast<BlockArgument>(index)) {
      auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      // A loop's step is positive.
      return loop && loop.getInductionVar() == index && is(loop.getLowerBound());
    }
    Operation *op = index.getDefiningOp();
    APInt constant;
    if (matchPattern(index, m_ConstantInt(&constant)))
      return constant.isNonNegative();
    if (isa<ProgramIdOp, NumProgramsOp, ClusterRankOp, ReplicaOp, DimOp, arith::IndexCastUIOp,
            TableSizeOp, TableTotalOp, TableLocateOp>(op))
      return true;
    // A quotient or remainder is no larger than what is divided.
    if (isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op))
      return is(op->getOperand(0));
    if (isa<arith::MinUIOp, arith::MaxSIOp>(op))
      return is(op->getOperand(0)) || is(op->getOperand(1));
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return is(select.getTrueValue()) && is(select.getFalseValue());
    return isa<arith::AddIOp, arith::MulIOp, arith::MinSIOp, arith::MaxUIOp, arith::XOrIOp>(op) &&
           is(op->getOperand(0)) && is(op->getOperand(1));
  };
  bool result = decide();
  return known[index] = result;
}

bool tk::tile::isNonNegative(Value index) {
  llvm::DenseMap<Value, bool> known;
  return ::isNonNegative(index, known);
}

void tk::tile::moveAccess(OpBuilder &builder, Operation *access, unsigned dimension,
                          Value distance) {
  auto load = dyn_cast<LoadOp>(access);
  GlobalType view = load ? load.getView().getType() : cast<StoreOp>(access).getView().getType();
  MutableOperandRange offsets =
      load ? load.getOffsetsMutable() : cast<StoreOp>(access).getOffsetsMutable();
  OpOperand &offset = offsets[view.getNumLeading(/*tileRank=*/2) + dimension];
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(access);
  offset.set(arith::AddIOp::create(builder, access->getLoc(), offset.get(), distance));
}

Value tk::tile::takePiece(OpBuilder &builder, Value tile, RankedTensorType piece, int64_t row,
                          int64_t column) {
  Location location = tile.getLoc();
  SplatElementsAttr splat;
  if (matchPattern(tile, m_Constant(&splat)))
    return arith::ConstantOp::create(builder, location, splat.resizeSplat(piece));
  if (tile.getDefiningOp<ub::PoisonOp>())
    return ub::PoisonOp::create(builder, location, piece);
  SmallVector<OpFoldResult> at{builder.getIndexAttr(row), builder.getIndexAttr(column)};
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(piece.getDimSize(0)),
                                  builder.getIndexAttr(piece.getDimSize(1))};
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, location, piece, tile, at, sizes, strides);
}

void tk::tile::eraseDeadOps(Region &region) {
  // A walk of a region goes through its own blocks forwards, whatever the iterator.
  for (Block &block : region)
    for (Operation &outer : llvm::make_early_inc_range(llvm::reverse(block)))
      outer.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
        if (isOpTriviallyDead(op))
          op->erase();
      });
}

void tk::tile::dropCarried(scf::ForOp loop, function_ref<bool(unsigned)> isDropped) {
  SmallVector<Value> inits;
  SmallVector<unsigned> kept;
  for (auto [index, init] : llvm::enumerate(loop.getInitArgs()))
    if (!isDropped(index)) {
      inits.push_back(init);
      kept.push_back(index);
    }
  if (kept.size() == loop.getInitArgs().size())
    return;
  OpBuilder builder(loop);
  auto slim = scf::ForOp::create(builder, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(),
                                 loop.getStep(), inits);
  slim->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  slim.setUnsignedCmp(loop.getUnsignedCmp());
  if (kept.empty()) // The builder made a terminator.
    slim.getBody()->getTerminator()->erase();
  slim.getBody()->getOperations().splice(slim.getBody()->end(), loop.getBody()->getOperations());
  loop.getInductionVar().replaceAllUsesWith(slim.getInductionVar());
  Operation *yield = slim.getBody()->getTerminator();
  SmallVector<Value> yielded;
  for (auto [position, index] : llvm::enumerate(kept)) {
    loop.getRegionIterArgs()[index].replaceAllUsesWith(slim.getRegionIterArgs()[position]);
    loop.getResults()[index].replaceAllUsesWith(slim.getResults()[position]);
    yielded.push_back(yield->getOperand(index));
  }
  yield->setOperands(yielded);
  loop->dropAllUses(); // Of results that go with the loop; their users drop theirs.
  loop.erase();
}

Value tk::tile::makeTripCondition(OpBuilder &builder, scf::ForOp loop) {
  auto less = loop.getUnsignedCmp() ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
  return arith::CmpIOp::create(builder, loop.getLoc(), less, loop.getLowerBound(),
                               loop.getUpperBound());
}
