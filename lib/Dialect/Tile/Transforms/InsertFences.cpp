//===- InsertFences.cpp - Proxy fences and barriers ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_INSERTFENCES
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// What has happened to one buffer that other threads or the async proxy have not been told yet.
struct BufferState {
  bool writtenUnfenced = false; ///< Generic writes since the last proxy fence.
  bool writtenUnsynced = false; ///< Generic writes since the last barrier.
  bool fencedUnsynced = false;  ///< A fence of such writes since the last barrier.
  bool readUnsynced = false;    ///< Generic reads since the last barrier.
  /// Products that read the buffer: how many groups have been committed since, their own included;
  /// -1: none.
  int groupsSinceRead = -1;
  /// Stores of the copy engine that read the buffer: the same, of its groups. They are one
  /// thread's; others learn of their end at a barrier.
  int bulkGroupsSinceRead = -1;
  bool bulkReadUnsynced = false;

  bool operator==(const BufferState &) const = default;

  /// The state when control may come from either side: whatever may be pending is.
  void join(const BufferState &other) {
    writtenUnfenced |= other.writtenUnfenced;
    writtenUnsynced |= other.writtenUnsynced;
    fencedUnsynced |= other.fencedUnsynced;
    readUnsynced |= other.readUnsynced;
    bulkReadUnsynced |= other.bulkReadUnsynced;
    auto joinGroups = [](int &mine, int theirs) {
      if (mine < 0 || (theirs >= 0 && theirs < mine))
        mine = theirs;
    };
    joinGroups(groupsSinceRead, other.groupsSinceRead);
    joinGroups(bulkGroupsSinceRead, other.bulkGroupsSinceRead);
  }
};

/// Accesses to one view that other threads of the block have not been told of yet. A tile program
/// has no threads: a load must see what an earlier store wrote, whichever thread did.
struct ViewState {
  SmallVector<Operation *> reads, writes;       ///< Since the last barrier, in this iteration.
  bool olderReads = false, olderWrites = false; ///< In earlier ones: of elements not known here.

  bool operator==(const ViewState &) const = default;

  void join(const ViewState &other) {
    auto add = [](SmallVector<Operation *> &to, ArrayRef<Operation *> from) {
      for (Operation *op : from)
        if (!llvm::is_contained(to, op))
          to.push_back(op);
    };
    add(reads, other.reads);
    add(writes, other.writes);
    olderReads |= other.olderReads;
    olderWrites |= other.olderWrites;
  }
  /// The iteration ends.
  void age() {
    olderReads |= !reads.empty();
    olderWrites |= !writes.empty();
    reads.clear();
    writes.clear();
  }
};

struct State {
  llvm::MapVector<AllocOp, BufferState> buffers;
  llvm::MapVector<Value, ViewState> views;

  void join(const State &other) {
    for (auto &[alloc, buffer] : buffers)
      buffer.join(other.buffers.lookup(alloc));
    for (auto &[view, accesses] : other.views)
      views[view].join(accesses);
  }
  bool operator==(const State &other) const {
    auto same = [](auto &lhs, auto &rhs) { return lhs.second == rhs.second; };
    return llvm::equal(buffers, other.buffers, same) && llvm::equal(views, other.views, same);
  }
  void age() {
    for (auto &[view, accesses] : views)
      accesses.age();
  }
};

struct InsertFences : tk::tile::impl::InsertFencesBase<InsertFences> {
  void runOnOperation() override {
    State state;
    WalkResult walk = getOperation().walk([&](AllocOp alloc) {
      if (alloc.getOffset()) {
        state.buffers[alloc] = {};
        return WalkResult::advance();
      }
      alloc.emitOpError() << "has no offset yet; run tk-allocate-shared first";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted() ||
        failed(visit(getOperation().getBody().front(), state, /*insert=*/true)))
      signalPassFailure();
  }

private:
  // Each visit updates the state as if what is missing had been inserted; with `insert`, it is.
  LogicalResult visit(Block &block, State &state, bool insert);
  LogicalResult visit(Operation &op, State &state, bool insert);
  LogicalResult visitLoop(scf::ForOp loop, State &state, bool insert);
  LogicalResult visitBranch(scf::IfOp branch, State &state, bool insert);
  LogicalResult visitRoles(SpecializeOp roles, State &state, bool insert);

  LogicalResult genericRead(Operation &op, Value buffer, State &state, bool insert);
  LogicalResult genericWrite(Operation &op, Value buffer, State &state, bool insert);
  void globalRead(Operation &op, Value view, State &state, bool insert);
  void globalWrite(StoreOp store, State &state, bool insert);
  LogicalResult asyncRead(Operation &op, Value buffer, State &state, bool insert);
  LogicalResult productRead(WgmmaOp product, State &state, bool insert);
  LogicalResult bulkRead(TMAStoreOp store, State &state, bool insert);
  LogicalResult bulkWrite(TMALoadOp load, State &state, bool insert);
  void barrier(Operation &before, State &state, bool insert, StringRef why);
  void fence(Operation &before, State &state, bool insert, AllocOp buffer);
};

} // namespace

static void applyBarrier(State &state) {
  state.views.clear();
  for (auto &[alloc, buffer] : state.buffers)
    buffer.writtenUnsynced = buffer.fencedUnsynced = buffer.readUnsynced = buffer.bulkReadUnsynced =
        false;
}

static void applyFence(State &state) {
  for (auto &[alloc, buffer] : state.buffers) {
    buffer.fencedUnsynced |= buffer.writtenUnfenced;
    buffer.writtenUnfenced = false;
  }
}

static bool overlap(AllocOp lhs, AllocOp rhs) {
  int64_t lhsBegin = *lhs.getOffset(), lhsEnd = lhsBegin + lhs.getStorage().getSizeInBytes();
  int64_t rhsBegin = *rhs.getOffset(), rhsEnd = rhsBegin + rhs.getStorage().getSizeInBytes();
  return lhsBegin < rhsEnd && rhsBegin < lhsEnd;
}

/// What is pending on any buffer that shares bytes with `alloc`.
static BufferState collect(State &state, AllocOp alloc) {
  BufferState result;
  for (auto &[other, buffer] : state.buffers)
    if (overlap(other, alloc))
      result.join(buffer);
  return result;
}

static FailureOr<AllocOp> resolve(Operation &op, Value buffer) {
  while (Operation *definition = buffer.getDefiningOp()) {
    if (auto alloc = dyn_cast<AllocOp>(definition))
      return alloc;
    if (!isa<SlotOp, SharedSliceOp>(definition))
      break;
    buffer = definition->getOperand(0);
  }
  return op.emitOpError() << "accesses a shared tile that is no 'tk.alloc' of this kernel; fences "
                             "can only be placed "
                             "where the buffer is known";
}

void InsertFences::barrier(Operation &before, State &state, bool insert, StringRef why) {
  applyBarrier(state);
  if (!insert)
    return;
  OpBuilder builder(&before);
  BarrierOp::create(builder, before.getLoc());
  remark::passed(before.getLoc(), remark::RemarkOpts::name("barrier")
                                      .category("tk-insert-fences")
                                      .function(getOperation().getSymName()))
      << remark::add("barrier: {0}", why.str());
}

void InsertFences::fence(Operation &before, State &state, bool insert, AllocOp buffer) {
  applyFence(state);
  if (!insert)
    return;
  OpBuilder builder(&before);
  FenceAsyncProxyOp::create(builder, before.getLoc());
  remark::passed(before.getLoc(), remark::RemarkOpts::name("fence")
                                      .category("tk-insert-fences")
                                      .function(getOperation().getSymName()))
      << remark::add("proxy fence: {1} reads what threads wrote to \"{0}\"",
                     buffer.getLabel().str(),
                     isa<TMAStoreOp, TMALoadOp>(before) ? "the copy engine" : "the tensor core");
}

LogicalResult InsertFences::genericRead(Operation &op, Value value, State &state, bool insert) {
  FailureOr<AllocOp> alloc = resolve(op, value);
  if (failed(alloc))
    return failure();
  if (collect(state, *alloc).writtenUnsynced)
    barrier(op, state, insert, ("other threads wrote \"" + alloc->getLabel() + "\"").str());
  state.buffers[*alloc].readUnsynced = true;
  return success();
}

LogicalResult InsertFences::genericWrite(Operation &op, Value value, State &state, bool insert) {
  FailureOr<AllocOp> alloc = resolve(op, value);
  if (failed(alloc))
    return failure();
  BufferState pending = collect(state, *alloc);
  if (pending.groupsSinceRead >= 0)
    return op.emitOpError()
           << "overwrites \"" << alloc->getLabel()
           << "\" while a product in flight may still read it; a 'tk.wgmma_wait' must come first";
  if (pending.bulkGroupsSinceRead >= 0)
    return op.emitOpError()
           << "overwrites \"" << alloc->getLabel()
           << "\" while the copy engine may still read it; a 'tk.bulk_wait' must come first";
  StringRef why = pending.readUnsynced ? "other threads still read \""
                  : pending.bulkReadUnsynced
                      ? "every thread must know that the copy engine has read \""
                      : "other threads also write \"";
  if (pending.readUnsynced || pending.writtenUnsynced || pending.bulkReadUnsynced)
    barrier(op, state, insert, (why + alloc->getLabel() + "\"").str());
  state.buffers[*alloc].writtenUnsynced = state.buffers[*alloc].writtenUnfenced = true;
  return success();
}

LogicalResult InsertFences::asyncRead(Operation &op, Value value, State &state, bool insert) {
  FailureOr<AllocOp> alloc = resolve(op, value);
  if (failed(alloc))
    return failure();
  if (collect(state, *alloc).writtenUnfenced)
    fence(op, state, insert, *alloc);
  BufferState pending = collect(state, *alloc);
  if (pending.writtenUnsynced || pending.fencedUnsynced)
    barrier(
        op, state, insert,
        ("every thread has written and fenced its part of \"" + alloc->getLabel() + "\"").str());
  return success();
}

LogicalResult InsertFences::productRead(WgmmaOp product, State &state, bool insert) {
  // Nothing comes between a register fence and its first product.
  Operation *first = product.getAcc().getDefiningOp<WgmmaFenceOp>();
  Operation &op = first && first->getNextNode() == product ? *first : *product;
  for (Value operand : {product.getA(), product.getB()}) {
    if (failed(asyncRead(op, operand, state, insert)))
      return failure();
    state.buffers[*resolve(op, operand)].groupsSinceRead = 0;
  }
  return success();
}

/// The copy engine overwrites a tile that is no slot of a ring, whose barriers would say when.
LogicalResult InsertFences::bulkWrite(TMALoadOp load, State &state, bool insert) {
  FailureOr<AllocOp> alloc = resolve(*load, load.getDest());
  if (failed(alloc) || isa<SlotsType>(alloc->getResult().getType()))
    return failure(failed(alloc));
  BufferState pending = collect(state, *alloc);
  if (pending.groupsSinceRead >= 0 || pending.bulkGroupsSinceRead >= 0)
    return load.emitOpError() << "overwrites \"" << alloc->getLabel()
                              << "\" while asynchronous work may still read it; a wait must come "
                                 "first";
  if (pending.writtenUnfenced)
    fence(*load, state, insert, *alloc);
  pending = collect(state, *alloc);
  if (pending.readUnsynced || pending.writtenUnsynced || pending.fencedUnsynced ||
      pending.bulkReadUnsynced)
    barrier(*load, state, insert,
            ("every thread is done with \"" + alloc->getLabel() + "\" before a copy").str());
  return success();
}

/// The copy engine stores for one thread what all have written.
LogicalResult InsertFences::bulkRead(TMAStoreOp store, State &state, bool insert) {
  if (failed(asyncRead(*store, store.getSource(), state, insert)))
    return failure();
  state.buffers[*resolve(*store, store.getSource())].bulkGroupsSinceRead = 0;
  return success();
}

/// Whether two accesses give each thread the same elements: the same offsets into the same view,
/// the same tile, each element with one thread.
static bool touchSameElements(Operation *lhs, Operation *rhs) {
  auto describe = [](Operation *op) -> std::tuple<Value, SmallVector<Value>, Type> {
    if (auto load = dyn_cast<LoadOp>(op))
      return {load.getView(), load.getOffsets(), load.getResult().getType()};
    if (auto copy = dyn_cast<CopyOp>(op))
      return {copy.getView(), copy.getOffsets(), copy.getTileType()};
    auto store = cast<StoreOp>(op);
    return {store.getView(), store.getOffsets(), store.getValue().getType()};
  };
  if (describe(lhs) != describe(rhs))
    return false;
  auto distribution = getDistribution(cast<RankedTensorType>(std::get<Type>(describe(lhs))));
  return distribution && distribution->replicatedThreadBits() == 0;
}

/// Arguments of a kernel, and columns of its tables, do not overlap where one is written (see
/// `tk.kernel`); of other views nothing is known.
static bool mayOverlap(Value lhs, Value rhs) {
  std::optional<ViewSource> left = findViewSource(lhs), right = findViewSource(rhs);
  return lhs == rhs || !left || !right || (left == right && left->column);
}

void InsertFences::globalRead(Operation &op, Value view, State &state, bool insert) {
  for (auto &[other, accesses] : state.views)
    if (mayOverlap(view, other) &&
        (accesses.olderWrites || llvm::any_of(accesses.writes, [&](Operation *write) {
           return !touchSameElements(write, &op);
         }))) {
      barrier(op, state, insert, "other threads wrote what this one loads");
      break;
    }
  state.views[view].reads.push_back(&op);
}

void InsertFences::globalWrite(StoreOp store, State &state, bool insert) {
  auto differs = [&](Operation *op) { return !touchSameElements(op, store); };
  for (auto &[other, accesses] : state.views)
    if (mayOverlap(store.getView(), other) &&
        (accesses.olderReads || accesses.olderWrites || llvm::any_of(accesses.reads, differs) ||
         llvm::any_of(accesses.writes, differs))) {
      barrier(*store, state, insert, "other threads load or store what this one overwrites");
      break;
    }
  state.views[store.getView()].writes.push_back(store);
}

/// What an iteration did to views concerns the next ones, unless they are independent.
static void endIteration(scf::ForOp loop, State &state) {
  if (loop->hasAttr(kIndependentAttrName))
    state.views.clear();
  else
    state.age();
}

LogicalResult InsertFences::visitLoop(scf::ForOp loop, State &state, bool insert) {
  // The first iteration starts from `state`, later ones from wherever an iteration ends: iterate
  // until that is covered. Joins only add, so this ends.
  State entry = state;
  while (true) {
    State exit = entry;
    if (failed(visit(*loop.getBody(), exit, /*insert=*/false)))
      return failure();
    endIteration(loop, exit);
    State joined = entry;
    joined.join(exit);
    if (joined == entry)
      break;
    entry = joined;
  }
  State exit = entry;
  if (failed(visit(*loop.getBody(), exit, insert)))
    return failure();
  endIteration(loop, exit);
  state.join(exit); // The loop may run zero times.
  return success();
}

LogicalResult InsertFences::visitBranch(scf::IfOp branch, State &state, bool insert) {
  State onTrue = state, onFalse = state;
  if (failed(visit(*branch.thenBlock(), onTrue, insert)) ||
      (branch.elseBlock() && failed(visit(*branch.elseBlock(), onFalse, insert))))
    return failure();
  state = onTrue;
  state.join(onFalse);
  return success();
}

static bool isOwnSlice(Value tile) {
  auto slice = tile.getDefiningOp<SharedSliceOp>();
  return slice && slice.getIndex().getDefiningOp<ReplicaOp>();
}

/// What consumers write slice by slice, each may only read its own slice of: no barrier joins them.
static LogicalResult checkNeighbours(SpecializeOp roles) {
  if (roles.getConsumers() == 1)
    return success();
  llvm::SmallPtrSet<Operation *, 4> written;
  roles.walk([&](SharedStoreOp store) {
    if (FailureOr<AllocOp> alloc = resolve(*store, store.getDest()); succeeded(alloc))
      written.insert(*alloc);
  });
  WalkResult walk = roles.walk([&](Operation *op) {
    for (Value operand : op->getOperands()) {
      if (!isa<SharedType>(operand.getType()) || isa<SharedSliceOp>(op) || isOwnSlice(operand))
        continue;
      FailureOr<AllocOp> alloc = resolve(*op, operand);
      if (failed(alloc))
        return WalkResult::interrupt();
      if (!written.contains(*alloc))
        continue;
      op->emitOpError() << "reads more of \"" << alloc->getLabel()
                        << "\" than the slice its consumer writes; nothing orders the others' "
                           "writes before";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

/// Roles run side by side. What one does to shared memory the others learn through the barriers
/// that rings are made of; a barrier in a role is for its own threads.
LogicalResult InsertFences::visitRoles(SpecializeOp roles, State &state, bool insert) {
  WalkResult walk = roles.walk([&](Operation *op) {
    Value dest;
    if (auto store = dyn_cast<SharedStoreOp>(op))
      dest = store.getDest();
    if (auto copy = dyn_cast<CopyOp>(op))
      dest = copy.getDest();
    if (!dest || roles.getConsumers() == 1 || isOwnSlice(dest))
      return WalkResult::advance();
    op->emitOpError() << "writes a buffer that all consumers share; give each the slice of its "
                         "'tk.replica'";
    return WalkResult::interrupt();
  });
  if (walk.wasInterrupted() || failed(checkNeighbours(roles)))
    return failure();
  State entry = state;
  for (Region *region : {&roles.getProducer(), &roles.getConsumer()}) {
    State exit = entry;
    if (failed(visit(region->front(), exit, insert)))
      return failure();
    state.join(exit);
  }
  return success();
}

LogicalResult InsertFences::visit(Operation &op, State &state, bool insert) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitLoop(loop, state, insert);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return visitBranch(branch, state, insert);
  if (auto roles = dyn_cast<SpecializeOp>(op))
    return visitRoles(roles, state, insert);
  if (op.getNumRegions() != 0)
    return op.emitOpError()
           << "is control flow that tk-insert-fences does not follow; use scf.for or scf.if";
  if (auto load = dyn_cast<SharedLoadOp>(op))
    return genericRead(op, load.getSource(), state, insert);
  if (auto store = dyn_cast<SharedStoreOp>(op))
    return genericWrite(op, store.getDest(), state, insert);
  if (auto copy = dyn_cast<CopyOp>(op)) {
    globalRead(op, copy.getView(), state, insert);
    return genericWrite(op, copy.getDest(), state, insert);
  }
  if (auto load = dyn_cast<LoadOp>(op))
    globalRead(op, load.getView(), state, insert);
  if (auto store = dyn_cast<StoreOp>(op))
    globalWrite(store, state, insert);
  if (auto product = dyn_cast<WgmmaOp>(op))
    return productRead(product, state, insert);
  if (auto store = dyn_cast<TMAStoreOp>(op))
    return bulkRead(store, state, insert);
  if (auto load = dyn_cast<TMALoadOp>(op))
    return bulkWrite(load, state, insert);
  if (isa<BulkCommitOp>(op))
    for (auto &[alloc, buffer] : state.buffers)
      buffer.bulkGroupsSinceRead += buffer.bulkGroupsSinceRead >= 0;
  if (auto wait = dyn_cast<BulkWaitOp>(op))
    for (auto &[alloc, buffer] : state.buffers)
      if (buffer.bulkGroupsSinceRead > int64_t(wait.getPending())) {
        buffer.bulkGroupsSinceRead = -1;
        buffer.bulkReadUnsynced = true;
      }
  if (isa<BarrierOp, ClusterBarrierOp>(op))
    applyBarrier(state);
  if (isa<FenceAsyncProxyOp>(op))
    applyFence(state);
  if (isa<WgmmaCommitOp>(op))
    for (auto &[alloc, buffer] : state.buffers)
      buffer.groupsSinceRead += buffer.groupsSinceRead >= 0;
  std::optional<int64_t> pending;
  if (auto wait = dyn_cast<WgmmaWaitOp>(op))
    pending = wait.getPending();
  if (auto retire = dyn_cast<WgmmaRetireOp>(op))
    pending = retire.getPending();
  if (pending)
    for (auto &[alloc, buffer] : state.buffers)
      if (buffer.groupsSinceRead > *pending)
        buffer.groupsSinceRead = -1;
  return success();
}

LogicalResult InsertFences::visit(Block &block, State &state, bool insert) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (failed(visit(op, state, insert)))
      return failure();
  return success();
}
