//===- Roles.cpp - Which threads do what ----------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Before anything else is lowered, threads are made explicit: roles become branches on the
/// warpgroup, and what one thread does for the others a branch on the thread.
///
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static Value isEqual(OpBuilder &builder, Location location, Value value, int64_t constant) {
  return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::eq, value,
                               constantI32(builder, location, constant));
}

/// The warpgroup this thread is of, in a form that the assembler knows to be the same for a warp.
static Value warpgroupIndex(OpBuilder &builder, Location location) {
  Value index = arith::DivUIOp::create(builder, location, threadIndex(builder, location),
                                       constantI32(builder, location, hopper::kWarpgroupThreads));
  return NVVM::ShflOp::create(
      builder, location, builder.getI32Type(), constantI32(builder, location, -1), index,
      constantI32(builder, location, 0), constantI32(builder, location, hopper::kWarpThreads - 1),
      NVVM::ShflKind::idx, UnitAttr());
}

/// Whether this is the first thread of its warpgroup.
static Value isElected(OpBuilder &builder, Location location) {
  return isEqual(builder, location, threadInWarpgroup(builder, location), 0);
}

/// Whether this is one of the first threads of its warpgroup, one for each program of a cluster.
static Value isElectedFor(OpBuilder &builder, Location location, int64_t programs) {
  return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ult,
                               threadInWarpgroup(builder, location),
                               constantI32(builder, location, programs));
}

/// Puts an operation under a condition.
static void guard(Operation *op, function_ref<Value(OpBuilder &, Location)> condition) {
  OpBuilder builder(op);
  auto branch = scf::IfOp::create(builder, op->getLoc(), condition(builder, op->getLoc()),
                                  /*withElseRegion=*/false);
  op->moveBefore(branch.thenBlock()->getTerminator());
}

static void setRegisters(OpBuilder &builder, Location location, int64_t launch, int64_t registers) {
  if (registers == launch)
    return;
  auto action = registers < launch ? NVVM::SetMaxRegisterAction::decrease
                                   : NVVM::SetMaxRegisterAction::increase;
  NVVM::SetMaxRegisterOp::create(builder, location, registers, action);
}

/// A barrier of one consumer's threads: barrier 0 is the block's, the next ones the consumers'.
static void nameBarrier(BarrierOp barrier, Value warpgroup) {
  OpBuilder builder(barrier);
  inlinePTX(builder, barrier.getLoc(),
            "bar.sync $0, " + std::to_string(hopper::kWarpgroupThreads) + ";", "r,~{memory}", {},
            warpgroup);
  barrier.erase();
}

static void expandRoles(SpecializeOp roles) {
  Location location = roles.getLoc();
  OpBuilder builder(roles);
  int64_t threads = hopper::kWarpgroupThreads * (1 + int64_t(roles.getConsumers()));
  int64_t launch = hopper::getLaunchRegisters(threads);
  int64_t producerRegisters = roles.getProducerRegisters(),
          consumerRegisters = roles.getConsumerRegisters();
  // Where a block's threads start with enough, handing registers over gains nothing.
  bool handOver = producerRegisters < launch && launch < consumerRegisters;
  Value warpgroup = warpgroupIndex(builder, location);
  auto branch = scf::IfOp::create(builder, location, isEqual(builder, location, warpgroup, 0),
                                  /*withElseRegion=*/true);

  builder.setInsertionPointToStart(branch.thenBlock());
  if (handOver)
    setRegisters(builder, location, launch, producerRegisters);
  Value first = isEqual(builder, location, threadIndex(builder, location), 0);
  auto single = scf::IfOp::create(builder, location, first, /*withElseRegion=*/false);
  Block &producer = roles.getProducer().front();
  single.thenBlock()->getOperations().splice(single.thenBlock()->begin(), producer.getOperations());

  builder.setInsertionPointToStart(branch.elseBlock());
  if (handOver)
    setRegisters(builder, location, launch, consumerRegisters);
  Value replica =
      arith::SubIOp::create(builder, location, warpgroup, constantI32(builder, location, 1));
  replica = arith::IndexCastUIOp::create(builder, location, builder.getIndexType(), replica);
  Operation *end = branch.elseBlock()->getTerminator();
  branch.elseBlock()->getOperations().splice(end->getIterator(),
                                             roles.getConsumer().front().getOperations());
  SmallVector<BarrierOp> barriers;
  branch.getElseRegion().walk([&](Operation *op) {
    if (auto query = dyn_cast<ReplicaOp>(op))
      query.replaceAllUsesWith(replica);
    if (auto barrier = dyn_cast<BarrierOp>(op))
      barriers.push_back(barrier);
  });
  branch.getElseRegion().walk([](ReplicaOp query) { query.erase(); });
  for (BarrierOp barrier : barriers)
    nameBarrier(barrier, warpgroup);
  roles.erase();
}

void tk::expandThreads(Operation *root) {
  SmallVector<SpecializeOp> roles;
  SmallVector<Operation *> elected, first;
  SmallVector<MBarrierInitOp> inits;
  root->walk([&](Operation *op) {
    if (auto specialize = dyn_cast<SpecializeOp>(op))
      roles.push_back(specialize);
    if (auto init = dyn_cast<MBarrierInitOp>(op))
      inits.push_back(init);
    auto arrive = dyn_cast<MBarrierArriveOp>(op);
    if (!isa<MBarrierExpectOp, TMALoadOp, TMAStoreOp, BulkCommitOp, BulkWaitOp, WorkspaceSignalOp,
             WorkspaceTakeOp>(op) &&
        (!arrive || arrive.getAllThreads()))
      return;
    auto parent = op->getParentOfType<SpecializeOp>();
    if (parent && parent.getProducer().isAncestor(op->getParentRegion()))
      return;
    // Outside of roles the block is one role, but each of its warpgroups arrives.
    (parent || arrive ? elected : first).push_back(op);
  });
  for (Operation *op : elected)
    guard(op, [&](OpBuilder &builder, Location location) {
      auto arrive = dyn_cast<MBarrierArriveOp>(op);
      if (arrive && arrive.getCluster())
        return isElectedFor(builder, location, *arrive.getCluster());
      return isElected(builder, location);
    });
  auto isFirst = [](OpBuilder &builder, Location location) {
    return isEqual(builder, location, threadIndex(builder, location), 0);
  };
  for (Operation *op : first)
    guard(op, isFirst);
  for (MBarrierInitOp init : inits)
    guard(init, isFirst);
  for (SpecializeOp specialize : roles)
    expandRoles(specialize);
}
