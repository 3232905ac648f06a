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

  bool operator==(const BufferState &) const = default;

  /// The state when control may come from either side: whatever may be pending is.
  void join(const BufferState &other) {
    writtenUnfenced |= other.writtenUnfenced;
    writtenUnsynced |= other.writtenUnsynced;
    fencedUnsynced |= other.fencedUnsynced;
    readUnsynced |= other.readUnsynced;
    if (groupsSinceRead < 0 ||
        (other.groupsSinceRead >= 0 && other.groupsSinceRead < groupsSinceRead))
      groupsSinceRead = other.groupsSinceRead;
  }
};

using State = llvm::MapVector<AllocOp, BufferState>;

struct InsertFences : tk::tile::impl::InsertFencesBase<InsertFences> {
  void runOnOperation() override {
    State state;
    WalkResult walk = getOperation().walk([&](AllocOp alloc) {
      if (alloc.getOffset()) {
        state[alloc] = {};
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

  LogicalResult genericRead(Operation &op, Value buffer, State &state, bool insert);
  LogicalResult genericWrite(Operation &op, Value buffer, State &state, bool insert);
  LogicalResult asyncRead(WgmmaOp product, Value buffer, State &state, bool insert);
  void barrier(Operation &before, State &state, bool insert, StringRef why, AllocOp buffer);
  void fence(Operation &before, State &state, bool insert, AllocOp buffer);
};

} // namespace

static void applyBarrier(State &state) {
  for (auto &[alloc, buffer] : state)
    buffer.writtenUnsynced = buffer.fencedUnsynced = buffer.readUnsynced = false;
}

static void applyFence(State &state) {
  for (auto &[alloc, buffer] : state) {
    buffer.fencedUnsynced |= buffer.writtenUnfenced;
    buffer.writtenUnfenced = false;
  }
}

static bool overlap(AllocOp lhs, AllocOp rhs) {
  int64_t lhsBegin = *lhs.getOffset(), lhsEnd = lhsBegin + lhs.getType().getSizeInBytes();
  int64_t rhsBegin = *rhs.getOffset(), rhsEnd = rhsBegin + rhs.getType().getSizeInBytes();
  return lhsBegin < rhsEnd && rhsBegin < lhsEnd;
}

/// What is pending on any buffer that shares bytes with `alloc`.
static BufferState collect(State &state, AllocOp alloc) {
  BufferState result;
  for (auto &[other, buffer] : state)
    if (overlap(other, alloc))
      result.join(buffer);
  return result;
}

static FailureOr<AllocOp> resolve(Operation &op, Value buffer) {
  if (auto alloc = buffer.getDefiningOp<AllocOp>())
    return alloc;
  return op.emitOpError() << "accesses a shared tile that is no 'tk.alloc' of this kernel; fences "
                             "can only be placed "
                             "where the buffer is known";
}

void InsertFences::barrier(Operation &before, State &state, bool insert, StringRef why,
                           AllocOp buffer) {
  applyBarrier(state);
  if (!insert)
    return;
  OpBuilder builder(&before);
  BarrierOp::create(builder, before.getLoc());
  remark::passed(before.getLoc(), remark::RemarkOpts::name("barrier")
                                      .category("tk-insert-fences")
                                      .function(getOperation().getSymName()))
      << remark::add("barrier: {0} \"{1}\"", why.str(), buffer.getLabel().str());
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
      << remark::add("proxy fence: the tensor core reads what threads wrote to \"{0}\"",
                     buffer.getLabel().str());
}

LogicalResult InsertFences::genericRead(Operation &op, Value value, State &state, bool insert) {
  FailureOr<AllocOp> alloc = resolve(op, value);
  if (failed(alloc))
    return failure();
  if (collect(state, *alloc).writtenUnsynced)
    barrier(op, state, insert, "other threads wrote", *alloc);
  state[*alloc].readUnsynced = true;
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
  if (pending.readUnsynced || pending.writtenUnsynced)
    barrier(op, state, insert,
            pending.readUnsynced ? "other threads still read" : "other threads also write", *alloc);
  state[*alloc].writtenUnsynced = state[*alloc].writtenUnfenced = true;
  return success();
}

LogicalResult InsertFences::asyncRead(WgmmaOp product, Value value, State &state, bool insert) {
  // Nothing comes between a register fence and its first product.
  Operation *first = product.getAcc().getDefiningOp<WgmmaFenceOp>();
  Operation &op = first && first->getNextNode() == product ? *first : *product;
  FailureOr<AllocOp> alloc = resolve(op, value);
  if (failed(alloc))
    return failure();
  if (collect(state, *alloc).writtenUnfenced)
    fence(op, state, insert, *alloc);
  BufferState pending = collect(state, *alloc);
  if (pending.writtenUnsynced || pending.fencedUnsynced)
    barrier(op, state, insert, "every thread has written and fenced its part of", *alloc);
  state[*alloc].groupsSinceRead = 0;
  return success();
}

LogicalResult InsertFences::visitLoop(scf::ForOp loop, State &state, bool insert) {
  // The first iteration starts from `state`, later ones from wherever an iteration ends: iterate
  // until that is covered. Joins only add, so this ends.
  State entry = state;
  while (true) {
    State exit = entry;
    if (failed(visit(*loop.getBody(), exit, /*insert=*/false)))
      return failure();
    State joined = entry;
    for (auto &[alloc, buffer] : joined)
      buffer.join(exit[alloc]);
    bool stable =
        llvm::equal(joined, entry, [](auto &lhs, auto &rhs) { return lhs.second == rhs.second; });
    entry = joined;
    if (stable)
      break;
  }
  State exit = entry;
  if (failed(visit(*loop.getBody(), exit, insert)))
    return failure();
  for (auto &[alloc, buffer] : state) // The loop may run zero times.
    buffer.join(exit[alloc]);
  return success();
}

LogicalResult InsertFences::visitBranch(scf::IfOp branch, State &state, bool insert) {
  State onTrue = state, onFalse = state;
  if (failed(visit(*branch.thenBlock(), onTrue, insert)) ||
      (branch.elseBlock() && failed(visit(*branch.elseBlock(), onFalse, insert))))
    return failure();
  state = onTrue;
  for (auto &[alloc, buffer] : state)
    buffer.join(onFalse[alloc]);
  return success();
}

LogicalResult InsertFences::visit(Operation &op, State &state, bool insert) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitLoop(loop, state, insert);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return visitBranch(branch, state, insert);
  if (op.getNumRegions() != 0)
    return op.emitOpError()
           << "is control flow that tk-insert-fences does not follow; use scf.for or scf.if";
  if (auto load = dyn_cast<SharedLoadOp>(op))
    return genericRead(op, load.getSource(), state, insert);
  if (auto store = dyn_cast<SharedStoreOp>(op))
    return genericWrite(op, store.getDest(), state, insert);
  if (auto copy = dyn_cast<CopyOp>(op))
    return genericWrite(op, copy.getDest(), state, insert);
  if (auto product = dyn_cast<WgmmaOp>(op))
    return failure(failed(asyncRead(product, product.getA(), state, insert)) ||
                   failed(asyncRead(product, product.getB(), state, insert)));
  if (isa<BarrierOp>(op))
    applyBarrier(state);
  if (isa<FenceAsyncProxyOp>(op))
    applyFence(state);
  if (isa<WgmmaCommitOp>(op))
    for (auto &[alloc, buffer] : state)
      buffer.groupsSinceRead += buffer.groupsSinceRead >= 0;
  if (auto wait = dyn_cast<WgmmaWaitOp>(op))
    for (auto &[alloc, buffer] : state)
      if (buffer.groupsSinceRead > int64_t(wait.getPending()))
        buffer.groupsSinceRead = -1;
  return success();
}

LogicalResult InsertFences::visit(Block &block, State &state, bool insert) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (failed(visit(op, state, insert)))
      return failure();
  return success();
}
