//===- SplitRows.cpp - Rows of tiles in turns -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Finds the blocks in which more tiles are live at once than a thread has registers for, and makes
/// what is done there to tiles of R rows R / 64 slabs, one after the other:
///
///   p = product(a, b); t = p * s; store t
///   // becomes
///   p0 = product(a[0:64], b); t0 = p0 * s[0:64]; store t0
///   p1 = product(a[64:],  b); t1 = p1 * s[64:];  store t1
///
/// From stores and from what a loop carries it goes back as far as everything serves these alone.
/// What a loop carries is cut for all its users, since slabs are never put together again.
///
//===----------------------------------------------------------------------===//

#include "TileRegisters.h"
#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace tk::tile {
#define GEN_PASS_DEF_SPLITROWS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// Registers of a tile that are not worth a cut. Such a tile may be loaded early.
static constexpr int64_t kFewRegisters = 8;
/// What a cut that does not suffice must save at least: it stands in the way of other cuts.
static constexpr int64_t kWorthwhileRegisters = 32;

namespace {

/// A product that is waited for at once: fence, wgmma, commit, wait.
struct Product {
  WgmmaFenceOp fence;
  WgmmaOp wgmma;
  WgmmaCommitOp commit;
  WgmmaWaitOp wait;
};

/// What is cut into slabs to make one block's tiles fit.
class Slabs {
public:
  /// Finds what the rows of the block's results hang on, in this block and in those around it; or
  /// says why they cannot be cut.
  std::string find(Block &block);
  /// Registers in the block once it is cut: one slab's share of what is taken at the peak, and of
  /// the others what they leave or still need.
  int64_t estimate(const TileRegisters &registers, Operation *peak);
  int64_t getCount() const { return rows / hopper::kWgmmaM; }
  void rewrite();

private:
  bool isLarge(Value tile) const;
  std::string addUsers(Value tile);
  std::string add(Operation *op);
  std::string addCarried(scf::ForOp loop, unsigned index);
  std::string addDefinitions();
  std::string checkOrder(Block &block);

  void loadEarly(Block &block);
  void splitCarried(scf::ForOp &loop, ArrayRef<unsigned> indices);
  void yieldSlabs(scf::ForOp loop, ArrayRef<unsigned> indices);
  void rewrite(Block &block);
  void clone(OpBuilder &builder, Operation *op, int64_t slab);
  Value get(OpBuilder &builder, Value tile, int64_t slab);
  RankedTensorType getSlabType(RankedTensorType tile) const;

  int64_t rows = 0;
  llvm::SetVector<Operation *> ops;
  llvm::DenseMap<Operation *, Product> products; ///< By their fences.
  llvm::SetVector<Value> cut;                    ///< Results of `ops`, and what loops carry.
  llvm::MapVector<Operation *, SmallVector<unsigned>> carried; ///< Which values of which loop.
  llvm::DenseMap<Value, SmallVector<Value>> pieces;
};

struct SplitRows : tk::tile::impl::SplitRowsBase<SplitRows> {
  void runOnOperation() override;
};

} // namespace

/// The product that an operation is part of; nullopt where others stand between its parts, or it
/// stays in flight.
static std::optional<Product> findProduct(Operation *op) {
  Product product;
  if (auto fence = dyn_cast<WgmmaFenceOp>(op); fence && fence->hasOneUse())
    op = *fence->user_begin();
  if (auto commit = dyn_cast<WgmmaCommitOp>(op))
    op = commit->getPrevNode();
  if (auto wait = dyn_cast_if_present<WgmmaWaitOp>(op))
    op = wait.getAcc().getDefiningOp();
  product.wgmma = dyn_cast_if_present<WgmmaOp>(op);
  if (!product.wgmma || !product.wgmma->hasOneUse())
    return std::nullopt;
  product.fence = product.wgmma.getAcc().getDefiningOp<WgmmaFenceOp>();
  product.commit = dyn_cast_if_present<WgmmaCommitOp>(product.wgmma->getNextNode());
  product.wait = dyn_cast<WgmmaWaitOp>(*product.wgmma->user_begin());
  if (!product.fence || !product.fence->hasOneUse() || !product.commit || !product.wait ||
      product.wait.getPending() != 0 || product.wait->getPrevNode() != product.commit ||
      product.fence->getBlock() != product.wgmma->getBlock())
    return std::nullopt;
  return product;
}

static bool isPart(Operation *op) {
  return isa<WgmmaFenceOp, WgmmaOp, WgmmaCommitOp, WgmmaWaitOp, WgmmaRetireOp>(op);
}

/// Whether an operation makes one tile whose rows it computes each by itself.
static bool isByRows(Operation *op) {
  return op->getNumResults() == 1 &&
         (isa<LoadOp>(op) || (OpTrait::hasElementwiseMappableTraits(op) && isPure(op)));
}

/// Why the slabs of a product's left operand are no tiles of their own, or an empty string.
static std::string findOperandObstacle(WgmmaOp product) {
  auto buffer = product.getA().getDefiningOp<AllocOp>();
  if (!buffer)
    return "the left operand of a product is no buffer of its own";
  SharedType whole = product.getA().getType();
  SmallVector<int64_t> shape(whole.getShape());
  shape[0] = hopper::kWgmmaM;
  auto slab = SharedType::get(product.getContext(), shape, whole.getElementType(), {});
  unsigned contiguous = findContiguousDimension(buffer, /*rank=*/2);
  SharedType laidOut = whole.getLayout() ? whole : addSwizzle(whole, contiguous);
  SharedType slabLaidOut =
      whole.getLayout()
          ? SharedType::get(product.getContext(), shape, whole.getElementType(), whole.getLayout())
          : addSwizzle(slab, contiguous);
  if (!laidOut || !slabLaidOut || laidOut.getLayout() != slabLaidOut.getLayout() ||
      !getSliceStride(laidOut, slabLaidOut, 0))
    return llvm::formatv("slabs of {0} rows of {1} are no tiles of their own in shared memory",
                         hopper::kWgmmaM, Type(whole));
  return {};
}

/// Whether a tile has the rows that are cut, and registers that make it worthwhile.
bool Slabs::isLarge(Value tile) const {
  RankedTensorType type = getRegisterTile(tile);
  return type && type.getRank() == 2 && type.getDimSize(0) == rows &&
         countRegisters(type) > kFewRegisters;
}

/// Slabs are not put together again: whoever uses the tile must take slabs.
std::string Slabs::addUsers(Value tile) {
  if (!cut.insert(tile))
    return {};
  for (OpOperand &use : tile.getUses()) {
    Operation *user = use.getOwner();
    auto loop = dyn_cast<scf::ForOp>(user->getParentOp());
    std::string obstacle;
    if (isa<scf::YieldOp>(user) && loop)
      obstacle = addCarried(loop, use.getOperandNumber());
    else
      obstacle = add(user);
    if (!obstacle.empty())
      return obstacle;
  }
  return {};
}

std::string Slabs::addCarried(scf::ForOp loop, unsigned index) {
  if (llvm::is_contained(carried[loop], index))
    return {};
  carried[loop].push_back(index);
  if (std::string obstacle = addUsers(loop.getRegionIterArg(index)); !obstacle.empty())
    return obstacle;
  return addUsers(loop.getResult(index));
}

std::string Slabs::add(Operation *op) {
  if (ops.contains(op))
    return {};
  if (isPart(op)) {
    std::optional<Product> product = findProduct(op);
    if (!product)
      return "a product stays in flight";
    if (std::string obstacle = findOperandObstacle(product->wgmma); !obstacle.empty())
      return obstacle;
    Operation *parts[] = {product->fence, product->wgmma, product->commit, product->wait};
    ops.insert_range(parts);
    products[product->fence] = *product;
    cut.insert(product->fence.getResult());
    cut.insert(product->wgmma.getResult());
    return addUsers(product->wait.getResult());
  }
  if (auto store = dyn_cast<StoreOp>(op); store && isLarge(store.getValue())) {
    ops.insert(op);
    return {};
  }
  if (!isByRows(op) || !isLarge(op->getResult(0)))
    return llvm::formatv("'{0}' takes a tile as a whole", op->getName());
  ops.insert(op);
  return addUsers(op->getResult(0));
}

/// Adds what makes tiles for cut operations alone. What stays whole, slabs take their rows from.
std::string Slabs::addDefinitions() {
  // The set grows on the way.
  for (size_t i = 0; i < ops.size(); ++i)
    for (Value operand : ops[i]->getOperands()) {
      Operation *definition = operand.getDefiningOp();
      if (!definition || definition->getBlock() != ops[i]->getBlock() || !isLarge(operand) ||
          isRepeated(operand) || !(isByRows(definition) || isa<WgmmaWaitOp>(definition)) ||
          !llvm::all_of(definition->getUsers(),
                        [&](Operation *user) { return ops.contains(user); }))
        continue;
      if (std::string obstacle = add(definition); !obstacle.empty())
        return obstacle;
    }
  return {};
}

/// Whether the second of two operations must stay behind the first.
static bool areOrdered(Operation *first, Operation *second) {
  auto one = getEffectsRecursively(first), other = getEffectsRecursively(second);
  if (!one || !other)
    return true;
  for (MemoryEffects::EffectInstance &a : *one)
    for (MemoryEffects::EffectInstance &b : *other)
      if (a.getResource() == b.getResource() &&
          !(isa<MemoryEffects::Read>(a.getEffect()) && isa<MemoryEffects::Read>(b.getEffect())))
        return true;
  return false;
}

/// Whether two accesses to global memory, of which one may write, never meet: they go to different
/// arguments; or both are cut and go to the same place, where slabs have different rows.
static bool areApart(Operation *a, Operation *b, bool areCut) {
  auto getPlace = [](Operation *op) -> std::pair<Value, OperandRange> {
    if (auto load = dyn_cast<LoadOp>(op))
      return {load.getView(), load.getOffsets()};
    auto store = cast<StoreOp>(op);
    return {store.getView(), store.getOffsets()};
  };
  if (!isa<LoadOp, StoreOp>(a) || !isa<LoadOp, StoreOp>(b))
    return false;
  auto [viewA, placeA] = getPlace(a);
  auto [viewB, placeB] = getPlace(b);
  if (areCut && viewA == viewB && llvm::equal(placeA, placeB))
    return true;
  std::optional<ViewSource> sourceA = findViewSource(viewA), sourceB = findViewSource(viewB);
  return sourceA && sourceB && sourceA != sourceB;
}

/// All slabs but the first are worked on where the last cut operation of the block stands.
std::string Slabs::checkOrder(Block &block) {
  SmallVector<Operation *> before;
  auto last = llvm::find_if(llvm::reverse(block), [&](Operation &op) { return ops.contains(&op); });
  bool isBehind = false; // A cut operation.
  for (Operation &op : block) {
    // Slabs come to be behind it.
    if (isBehind &&
        llvm::any_of(ops, [&](Operation *inside) { return op.isProperAncestor(inside); }))
      return llvm::formatv("'{0}' with more of it stands in between", op.getName());
    isBehind |= ops.contains(&op);

    if (!isMemoryEffectFree(&op)) {
      for (Operation *moved : before)
        if (areOrdered(moved, &op) && !areApart(moved, &op, ops.contains(&op)) &&
            !(ops.contains(&op) && isPart(moved) && isPart(&op)))
          return llvm::formatv("'{0}' stands before '{1}', and would come after it",
                               moved->getName(), op.getName());
      if (ops.contains(&op))
        before.push_back(&op);
    }
    if (last != block.rend() && &op == &*last)
      break;
  }
  return {};
}

std::string Slabs::find(Block &block) {
  SmallVector<Value> ends;
  for (Operation &op : block)
    if (auto store = dyn_cast<StoreOp>(op))
      ends.push_back(store.getValue());
  auto loop = dyn_cast<scf::ForOp>(block.getParentOp());
  if (loop)
    llvm::append_range(ends, loop.getYieldedValues());
  for (Value end : ends)
    if (RankedTensorType type = getRegisterTile(end); type && type.getRank() == 2)
      rows = std::max(rows, type.getDimSize(0));
  if (rows < 2 * hopper::kWgmmaM || rows % hopper::kWgmmaM != 0)
    return llvm::formatv("no result has several times {0} rows", hopper::kWgmmaM);
  for (Operation &op : block)
    if (auto store = dyn_cast<StoreOp>(op); store && isLarge(store.getValue()))
      ops.insert(store);
  for (auto [index, value] : llvm::enumerate(loop ? loop.getYieldedValues() : ValueRange())) {
    Operation *definition = value.getDefiningOp();
    if (!isLarge(value) || !definition || definition->getBlock() != &block ||
        !(isByRows(definition) || isa<WgmmaWaitOp>(definition)))
      continue;
    if (std::string obstacle = add(definition); !obstacle.empty())
      return obstacle;
  }
  if (std::string obstacle = addDefinitions(); !obstacle.empty())
    return obstacle;
  if (ops.empty())
    return "no result that has rows is computed here";
  llvm::SetVector<Block *> blocks;
  for (Operation *op : ops)
    blocks.insert(op->getBlock());
  for (Block *touched : blocks)
    if (std::string obstacle = checkOrder(*touched); !obstacle.empty())
      return obstacle;
  return {};
}

int64_t Slabs::estimate(const TileRegisters &registers, Operation *peak) {
  Operation *first = nullptr, *last = nullptr;
  for (Operation &op : *peak->getBlock())
    if (ops.contains(&op)) {
      first = first ? first : &op;
      last = &op;
    }
  int64_t whole = std::max(registers.before(peak), registers.after(peak));
  if (!first || peak->isBeforeInBlock(first) || last->isBeforeInBlock(peak))
    return whole;
  int64_t others = std::max(registers.before(first), registers.after(last));
  return llvm::divideCeil(whole + (getCount() - 1) * others, getCount());
}

RankedTensorType Slabs::getSlabType(RankedTensorType tile) const {
  return RankedTensorType::get({hopper::kWgmmaM, tile.getDimSize(1)}, tile.getElementType(),
                               tile.getEncoding());
}

/// Rows of a tile that is not cut are taken out of it.
Value Slabs::get(OpBuilder &builder, Value tile, int64_t slab) {
  if (auto found = pieces.find(tile); found != pieces.end())
    return found->second[slab];
  return takePiece(builder, tile, getSlabType(cast<RankedTensorType>(tile.getType())),
                   slab * hopper::kWgmmaM, 0);
}

void Slabs::clone(OpBuilder &builder, Operation *op, int64_t slab) {
  IRMapping operands;
  auto fence = dyn_cast<WgmmaFenceOp>(op);
  bool fromZero = fence && fence.getAcc().getDefiningOp<ub::PoisonOp>();
  if (fromZero && slab > 0) // In the registers of the product before, which is used up.
    operands.map(fence.getAcc(), pieces.lookup(products.lookup(fence).wait.getResult())[slab - 1]);
  for (Value operand : op->getOperands())
    if (isa<InflightType>(operand.getType()))
      operands.map(operand, pieces.lookup(operand)[slab]);
    else if (isa<RankedTensorType>(operand.getType()) && !operands.contains(operand))
      operands.map(operand, get(builder, operand, slab));
  if (auto product = dyn_cast<WgmmaOp>(op)) {
    SharedType whole = product.getA().getType();
    SmallVector<int64_t> shape(whole.getShape());
    shape[0] = hopper::kWgmmaM;
    auto type = SharedType::get(op->getContext(), shape, whole.getElementType(), whole.getLayout());
    Value index = arith::ConstantIndexOp::create(builder, op->getLoc(), slab);
    operands.map(product.getA(), SharedSliceOp::create(builder, op->getLoc(), type, product.getA(),
                                                       index, /*dimension=*/0));
  }
  Operation *copy = builder.clone(*op, operands);
  if (isa<LoadOp, StoreOp>(copy) && slab > 0) {
    OpBuilder before(copy);
    moveAccess(before, copy, /*dimension=*/0,
               arith::ConstantIndexOp::create(before, copy->getLoc(), slab * hopper::kWgmmaM));
  }
  for (auto [result, old] : llvm::zip_equal(copy->getResults(), op->getResults())) {
    RankedTensorType type = getSlabType(getRegisterTile(old));
    result.setType(isa<InflightType>(old.getType())
                       ? Type(InflightType::get(op->getContext(), type))
                       : Type(type));
    pieces[old].push_back(result);
  }
}

/// Moves small loads that slabs share, and what is computed from them, before what fills shared
/// memory for the products.
void Slabs::loadEarly(Block &block) {
  Operation *anchor = nullptr;
  for (Operation &op : block) {
    if (ops.contains(&op))
      break;
    if (op.getNumRegions()) // Not into or across a loop, which would carry it along.
      anchor = nullptr;
    else if (!anchor && isa<CopyOp>(op))
      anchor = &op;
  }
  if (!anchor)
    return;
  // An operation in front of the anchor, or one that can come there.
  llvm::DenseMap<Operation *, bool> known;
  auto canMove = [&](auto &self, Operation *op) -> bool {
    if (!op || op->getBlock() != &block || op->isBeforeInBlock(anchor))
      return true;
    if (auto found = known.find(op); found != known.end())
      return found->second;
    bool result = !op->getNumRegions() && !ops.contains(op);
    if (auto load = dyn_cast<LoadOp>(op)) {
      auto tile = cast<RankedTensorType>(load.getResult().getType());
      result &= countRegisters(tile) <= kFewRegisters;
      for (Operation *between = anchor; result && between != op; between = between->getNextNode())
        result = !areOrdered(between, op);
    } else {
      result &= isPure(op);
    }
    for (Value operand : op->getOperands())
      result = result && self(self, operand.getDefiningOp());
    return known[op] = result;
  };
  llvm::SetVector<Operation *> moved;
  auto collect = [&](auto &self, Value value) -> void {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block || op->isBeforeInBlock(anchor) || ops.contains(op) ||
        !canMove(canMove, op) || moved.contains(op))
      return;
    for (Value operand : op->getOperands())
      self(self, operand);
    moved.insert(op);
  };
  for (Operation *op : ops)
    if (op->getBlock() == &block)
      for (Value operand : op->getOperands())
        if (!operand.getDefiningOp<ub::PoisonOp>())
          collect(collect, operand);
  for (Operation *op : moved)
    op->moveBefore(anchor);
}

/// A value for each slab beside the whole, after those that the loop carries already.
void Slabs::splitCarried(scf::ForOp &loop, ArrayRef<unsigned> indices) {
  IRRewriter rewriter(loop);
  SmallVector<Value> starts;
  for (unsigned index : indices)
    for (int64_t slab = 0; slab < getCount(); ++slab)
      starts.push_back(get(rewriter, loop.getInitArgs()[index], slab));
  auto yields = [&](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
    return SmallVector<Value>(added.begin(), added.end()); // Set once they are computed.
  };
  loop = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, starts, /*replaceInitOperandUsesInLoop=*/false, yields));
  auto arguments = loop.getRegionIterArgs().take_back(starts.size());
  auto results = loop.getResults().take_back(starts.size());
  for (auto [position, index] : llvm::enumerate(indices)) {
    auto ofSlabs = [&](auto range) {
      return SmallVector<Value>(range.slice(position * getCount(), getCount()));
    };
    pieces[loop.getRegionIterArg(index)] = ofSlabs(arguments);
    pieces[loop.getResult(index)] = ofSlabs(results);
  }
}

/// Yields each slab's value, and of the whole what was there before.
void Slabs::yieldSlabs(scf::ForOp loop, ArrayRef<unsigned> indices) {
  Operation *yield = loop.getBody()->getTerminator();
  OpBuilder builder(yield);
  unsigned next = yield->getNumOperands() - indices.size() * getCount();
  for (unsigned index : indices) {
    for (int64_t slab = 0; slab < getCount(); ++slab)
      yield->setOperand(next++, get(builder, yield->getOperand(index), slab));
    yield->setOperand(index, loop.getRegionIterArg(index));
  }
}

void Slabs::rewrite(Block &block) {
  SmallVector<Operation *> inBlock;
  for (Operation &op : block)
    if (ops.contains(&op))
      inBlock.push_back(&op);
  OpBuilder builder(block.getParentOp()->getContext());
  for (Operation *op : inBlock) {
    builder.setInsertionPoint(op);
    clone(builder, op, 0);
  }
  builder.setInsertionPointAfter(inBlock.back());
  for (int64_t slab = 1; slab < getCount(); ++slab)
    for (Operation *op : inBlock)
      clone(builder, op, slab);
}

void Slabs::rewrite() {
  llvm::SetVector<Block *> blocks;
  for (Operation *op : ops)
    blocks.insert(op->getBlock());
  for (Block *block : blocks)
    loadEarly(*block);
  SmallVector<std::pair<scf::ForOp, SmallVector<unsigned>>> loops;
  for (auto &[op, indices] : carried) {
    loops.emplace_back(cast<scf::ForOp>(op), indices);
    splitCarried(loops.back().first, indices);
  }
  blocks.clear(); // Loops have new ones.
  for (Operation *op : ops)
    blocks.insert(op->getBlock());
  for (Block *block : blocks)
    rewrite(*block);
  for (auto &[loop, indices] : loops)
    yieldSlabs(loop, indices);
  for (Operation *op : ops)
    op->dropAllUses();
  for (Operation *op : ops)
    op->erase();
  for (auto &[loop, indices] : loops)
    dropCarried(loop, [&](unsigned index) { return llvm::is_contained(indices, index); });
}

/// The first block, inner ones first, whose tiles take more than `limit` registers and that `use`
/// takes.
static Block *findCrowded(KernelOp kernel, const TileRegisters &registers, int64_t limit,
                          function_ref<bool(Block &, Operation *peak)> use) {
  Block *found = nullptr;
  kernel.getBody().walk([&](Block *block) {
    Operation *peak = registers.findPeak(*block);
    if (std::max(registers.before(peak), registers.after(peak)) <= limit || !use(*block, peak))
      return WalkResult::advance();
    found = block;
    return WalkResult::interrupt();
  });
  return found;
}

void SplitRows::runOnOperation() {
  KernelOp kernel = getOperation();
  bool hasProducts = false, hasRoles = false;
  kernel.getBody().walk([&](Operation *op) {
    hasProducts |= isa<WgmmaOp>(op);
    hasRoles |= isa<SpecializeOp>(op);
  });
  if (kernel.getLoweredTo() || !hasProducts || hasRoles)
    return;
  int64_t limit = hopper::getLaunchRegisters(hopper::kWarpgroupThreads) - hopper::kWorkRegisters;
  auto opts = remarkOn(kernel, "split_rows", "tk-split-rows");
  // Why a block's tiles stay whole, or an empty string and what is to be done.
  auto plan = [&](const TileRegisters &registers, Block &block, Operation *peak, Slabs &slabs) {
    int64_t whole = std::max(registers.before(peak), registers.after(peak));
    std::string reason = slabs.find(block);
    int64_t inTurns = reason.empty() ? slabs.estimate(registers, peak) : 0;
    // What is still too much spills less, if it is much less.
    if (reason.empty() && inTurns > limit && whole - inTurns < kWorthwhileRegisters)
      reason = llvm::formatv("slabs of {0} rows in turns would take {1}", hopper::kWgmmaM, inTurns);
    auto text = llvm::formatv("tiles take {0} registers to a thread at once, where {1} are left "
                              "for them: ",
                              whole, limit);
    return std::tuple(text.str(), reason, inTurns);
  };
  std::optional<TileRegisters> registers;
  auto cutOne = [&](Block &block, Operation *peak) {
    Slabs slabs;
    auto [text, reason, inTurns] = plan(*registers, block, peak, slabs);
    if (!reason.empty())
      return false;
    remark::passed(peak->getLoc(), opts)
        << remark::add("{0}{1} slabs of {2} rows in turns take {3}", text, slabs.getCount(),
                       hopper::kWgmmaM, inTurns);
    slabs.rewrite();
    return true;
  };
  auto report = [&](Block &block, Operation *peak) {
    Slabs slabs;
    auto [text, reason, inTurns] = plan(*registers, block, peak, slabs);
    remark::missed(peak->getLoc(), opts) << remark::reason("{0}{1}", text, reason);
    return true; // One is enough: blocks around this one hold the same tiles.
  };
  registers.emplace(kernel);
  bool changed = false;
  while (findCrowded(kernel, *registers, limit, cutOne)) {
    changed = true;
    registers.emplace(kernel);
  }
  findCrowded(kernel, *registers, limit, report);
  if (changed)
    eraseDeadOps(kernel.getBody());
}
