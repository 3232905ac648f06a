//===- Certify.cpp - Prove bank conflicts -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include <numeric>

namespace tk::tile {
#define GEN_PASS_DEF_CERTIFY
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct Certify : tk::tile::impl::CertifyBase<Certify> {
  void runOnOperation() override {
    WalkResult walk = getOperation().walk([&](Operation *op) {
      LogicalResult result = success();
      if (auto store = dyn_cast<SharedStoreOp>(op))
        result = certify(store, cast<RankedTensorType>(store.getValue().getType()),
                         store.getDest().getType(), store.getMatrix());
      if (auto copy = dyn_cast<CopyOp>(op))
        result = certify(copy, copy.getTileType(), copy.getDest().getType());
      if (auto load = dyn_cast<SharedLoadOp>(op))
        result = certify(load, cast<RankedTensorType>(load.getResult().getType()),
                         load.getSource().getType(), load.getMatrix());
      if (auto sum = dyn_cast<ClusterSumOp>(op))
        certifySum(sum);
      return failed(result) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }

private:
  template <typename Op>
  LogicalResult certify(Op op, RankedTensorType tile, SharedType shared, bool matrix = false);
  void certifySum(ClusterSumOp sum);
};

} // namespace

/// A thread's registers lie next to the next thread's, so each access of a warp is one run of
/// bytes: a wavefront for each 128 of them, and no addresses could take fewer.
void Certify::certifySum(ClusterSumOp sum) {
  auto tile = cast<RankedTensorType>(sum.getValue().getType());
  std::optional<layout::Distribution> piece =
      getDistribution(cast<RankedTensorType>(sum.getResult().getType()));
  if (!piece || !sum.getScratch())
    return;
  int64_t bytes = tile.getElementTypeBitWidth() / 8, count = piece->registersPerThread();
  int64_t vector = std::gcd(count, hopper::kMaxVectorBytes / bytes);
  int64_t wavefronts = hopper::kWarpThreads * vector * bytes / hopper::kSwizzleSpanBytes;
  int64_t programs = getOperation().getClusterSize();
  // Stores of all pieces, and loads of one from every program.
  sum.setBanksAttr(BanksAttr::get(&getContext(), vector * bytes, 2 * programs * count / vector,
                                  wavefronts, wavefronts));
}

/// Where the threads' addresses lie: those of their elements, or of rows of matrices.
static llvm::Expected<layout::SharedAccess> planAccess(const layout::Distribution &distribution,
                                                       SharedType shared, bool matrix) {
  if (!matrix)
    return layout::planSharedAccess(distribution, shared.getSharedLayout());
  llvm::Expected<layout::MatrixAccess> access =
      layout::planMatrixAccess(distribution, shared.getSharedLayout());
  if (!access)
    return access.takeError();
  return std::move(access->rows);
}

template <typename Op>
LogicalResult Certify::certify(Op op, RankedTensorType tile, SharedType shared, bool matrix) {
  std::optional<layout::Distribution> distribution = getDistribution(tile);
  if (!distribution || !shared.getLayout())
    return op.emitOpError()
           << "has operands without a layout; run tk-assign-swizzles and tk-assign-layouts first";
  llvm::Expected<layout::SharedAccess> access = planAccess(*distribution, shared, matrix);
  if (!access)
    return op.emitOpError() << "has no access plan: " << llvm::toString(access.takeError());
  int64_t bytes = shared.getElementBytes();
  // What several threads hold, the first of them stores.
  uint64_t idle =
      isa<SharedLoadOp>(op) || matrix ? 0 : uint64_t(distribution->replicatedThreadBits());
  layout::BankCount count = layout::worstWavefronts(*access, bytes, idle);
  op.setBanksAttr(BanksAttr::get(&getContext(), access->vector * bytes, access->steps.size(),
                                 count.wavefronts, count.minimum));
  auto opts = remark::RemarkOpts::name("banks")
                  .category("tk-certify")
                  .function(getOperation().getSymName());
  if (count.conflicts() > 0)
    remark::missed(op.getLoc(), opts)
        << remark::reason("{0} wavefronts where {1} would do, in accesses of {2} bytes",
                          count.wavefronts, count.minimum, access->vector * bytes);
  else
    remark::passed(op.getLoc(), opts)
        << remark::add("free of bank conflicts: {0} accesses of {1} bytes, {2} wavefront(s) each",
                       access->steps.size(), access->vector * bytes, count.wavefronts);
  return success();
}
