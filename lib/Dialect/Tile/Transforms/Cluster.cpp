//===- Cluster.cpp - Programs that share loads --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk::tile {
#define GEN_PASS_DEF_CLUSTER
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// Operands that programs along one dimension of the grid have in common.
struct Sharing {
  unsigned dimension = 0;
  SmallVector<LoadOp> loads;
  int64_t bytes = 0; ///< Of those loads.
  std::string uncut; ///< Of those that every program would have to bring whole, the last tile.
};

struct Cluster : tk::tile::impl::ClusterBase<Cluster> {
  void runOnOperation() override;

private:
  std::string findObstacle();
  Sharing findSharing(unsigned dimension, int64_t programs);
};

} // namespace

/// What a value is computed from directly, through loops and branches.
static SmallVector<Value> getSources(Value value) {
  auto ofLoop = [](scf::ForOp loop, std::optional<unsigned> carried) {
    SmallVector<Value> sources{loop.getLowerBound(), loop.getUpperBound(), loop.getStep()};
    if (carried) {
      sources.push_back(loop.getInitArgs()[*carried]);
      sources.push_back(loop.getYieldedValues()[*carried]);
    }
    return sources;
  };
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop)
      return {};
    unsigned first = loop.getNumInductionVars(), index = argument.getArgNumber();
    return ofLoop(loop, index < first ? std::nullopt : std::optional(index - first));
  }
  auto result = cast<OpResult>(value);
  if (auto loop = dyn_cast<scf::ForOp>(result.getOwner()))
    return ofLoop(loop, result.getResultNumber());
  if (auto branch = dyn_cast<scf::IfOp>(result.getOwner()))
    return {branch.getCondition(), branch.thenYield().getOperand(result.getResultNumber()),
            branch.elseYield().getOperand(result.getResultNumber())};
  return SmallVector<Value>(result.getOwner()->getOperands());
}

/// Whether a value may differ between programs that differ along `dimension` only: it comes from
/// their place, or from something that is not followed.
static bool mayDiffer(ArrayRef<Value> roots, unsigned dimension) {
  llvm::SetVector<Value> sources(llvm::from_range, roots);
  for (size_t i = 0; i < sources.size(); ++i) { // Grows while it runs.
    Operation *op = sources[i].getDefiningOp();
    if (auto id = dyn_cast_if_present<ProgramIdOp>(op); id && id.getDimension() == dimension)
      return true;
    bool isFollowed = !op || isa<scf::ForOp, scf::IfOp>(op) ||
                      (op->getNumRegions() == 0 && isMemoryEffectFree(op));
    if (!isFollowed)
      return true;
    sources.insert_range(getSources(sources[i]));
  }
  return false;
}

/// Whether a load brings the same tile, equally often, to programs that differ along `dimension`.
static bool isSameAlong(LoadOp load, unsigned dimension) {
  SmallVector<Value> roots(load.getOffsets());
  roots.push_back(load.getView()); // That of another row of a table is another one.
  for (Operation *parent = load->getParentOp(); !isa<KernelOp>(parent);
       parent = parent->getParentOp()) {
    if (!isa<scf::ForOp, scf::IfOp>(parent))
      return false;
    // Bounds of loops and conditions, but not what is carried.
    size_t count = isa<scf::ForOp>(parent) ? 3 : 1;
    llvm::append_range(roots, parent->getOperands().take_front(count));
  }
  return !mayDiffer(roots, dimension);
}

Sharing Cluster::findSharing(unsigned dimension, int64_t programs) {
  Sharing sharing;
  sharing.dimension = dimension;
  getOperation().getBody().walk([&](LoadOp load) {
    bool feedsProduct = llvm::all_of(load->getUsers(), llvm::IsaPred<DotOp>);
    if (!feedsProduct || !isa<scf::ForOp>(load->getParentOp()) || !isSameAlong(load, dimension))
      return;
    // The layout that tk-assign-swizzles will give what the copy engine brings.
    GlobalType view = load.getView().getType();
    auto tile = cast<RankedTensorType>(load.getResult().getType());
    SharedType shared =
        addSwizzle(SharedType::get(&getContext(), tile.getShape(), view.getElementType(), {}),
                   getContiguousOrLast(view, tile.getRank()));
    if (!shared || !findClusterPart(shared, programs)) {
      llvm::raw_string_ostream(sharing.uncut = "") << tile;
      return;
    }
    sharing.loads.push_back(load);
    sharing.bytes += tile.getNumElements() * view.getElementBytes();
  });
  return sharing;
}

/// Why programs cannot share loads, or an empty string.
std::string Cluster::findObstacle() {
  KernelOp kernel = getOperation();
  if (kernel.getCluster())
    return "the kernel has clusters already";
  if (!kernel.getGrid().getOps<ProgramIdOp>().empty())
    return "the grid is ragged: neighbours may work on different rows of a table";
  bool hasLoop = false, asksForGrid = false, asksForCluster = false;
  kernel.getBody().walk([&](Operation *op) {
    hasLoop |= isa<DotOp>(op) && isa<scf::ForOp>(op->getParentOp());
    asksForGrid |= isa<NumProgramsOp>(op);
    asksForCluster |= isa<ClusterRankOp, ClusterBarrierOp, ClusterSumOp>(op);
  });
  if (!hasLoop)
    return "no product in a loop: nothing is loaded often enough to share";
  if (asksForGrid)
    return "the body asks how many programs there are";
  if (asksForCluster)
    return "the body asks for its place in a cluster, which is none";
  if (!areOperandsCopied(kernel))
    return "operands are not brought by the copy engine, which alone writes the shared memory of "
           "several programs";
  return {};
}

/// Whether two sizes of arguments are known to be equal.
static bool isSameSize(KernelOp kernel, unsigned lhs, unsigned lhsDim, unsigned rhs,
                       unsigned rhsDim) {
  if (lhs == rhs && lhsDim == rhsDim)
    return true;
  auto nameOf = [&](unsigned argument, unsigned dimension) {
    auto names = cast<ArrayAttr>(kernel.getSizeNames()[argument]);
    return dimension < names.size() ? cast<StringAttr>(names[dimension]) : StringAttr();
  };
  StringAttr name = nameOf(lhs, lhsDim);
  return name && !name.empty() && name == nameOf(rhs, rhsDim);
}

/// Whether a store of a program whose id along `dimension` is `programs` or more is outside of the
/// view: its place there is the id times an extent, and so many extents fill the view.
static bool isOutsideBeyond(KernelOp kernel, StoreOp store, unsigned dimension, Value programs) {
  auto view = dyn_cast<BlockArgument>(store.getView());
  if (!view || view.getOwner() != &kernel.getBody().front())
    return false;
  for (auto [d, offset] : llvm::enumerate(store.getOffsets())) {
    auto product = offset.getDefiningOp<arith::MulIOp>();
    if (!product)
      continue;
    Value id = product.getLhs(), factor = product.getRhs();
    if (!id.getDefiningOp<ProgramIdOp>())
      std::swap(id, factor);
    auto program = id.getDefiningOp<ProgramIdOp>();
    APInt extent, count;
    if (!program || program.getDimension() != dimension ||
        !matchPattern(factor, m_ConstantInt(&extent)))
      continue;
    int64_t size = store.getView().getType().getShape()[d];
    if (matchPattern(programs, m_ConstantInt(&count)))
      return !ShapedType::isDynamic(size) && count.getSExtValue() * extent.getSExtValue() >= size;
    auto quotient = programs.getDefiningOp<arith::CeilDivUIOp>();
    auto dim = quotient ? quotient.getLhs().getDefiningOp<DimOp>() : DimOp();
    APInt divisor;
    return dim && matchPattern(quotient.getRhs(), m_ConstantInt(&divisor)) &&
           divisor.getSExtValue() <= extent.getSExtValue() &&
           isSameSize(kernel, cast<BlockArgument>(dim.getView()).getArgNumber(), dim.getDimension(),
                      view.getArgNumber(), d);
  }
  return false;
}

/// Why a program beyond the grid might store something, or an empty string.
static std::string findStoreInside(KernelOp kernel, unsigned dimension) {
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  std::string obstacle;
  kernel.getBody().walk([&](Operation *op) {
    auto store = dyn_cast<StoreOp>(op);
    if (store && isOutsideBeyond(kernel, store, dimension, grid.getSizes()[dimension]))
      return;
    if (store || hasEffect<MemoryEffects::Write>(op))
      obstacle = llvm::formatv("the grid must be filled up to whole clusters, and '{0}' is not "
                               "known to write outside of its view there",
                               op->getName());
  });
  return obstacle;
}

void Cluster::runOnOperation() {
  KernelOp kernel = getOperation();
  TuningAttr tuning = kernel.getTuningAttr();
  int64_t programs =
      tuning && tuning.getCluster() ? *tuning.getCluster() : hopper::kClusterPrograms;
  if (kernel.getLoweredTo() || programs == 1)
    return;
  auto opts = remarkOn(kernel, "cluster", "tk-cluster");
  auto miss = [&](const std::string &reason) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", reason);
  };
  if (tuning && tuning.getStreamK())
    return miss(
        "tk-stream-k gives programs different steps, and those of a cluster must do the same");
  if (std::string obstacle = findObstacle(); !obstacle.empty())
    return miss(obstacle);
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  Sharing best;
  std::string uncut;
  for (unsigned d = 0; d < grid.getSizes().size(); ++d) {
    Sharing sharing = findSharing(d, programs);
    if (!sharing.uncut.empty())
      uncut = sharing.uncut;
    if (sharing.bytes > best.bytes)
      best = std::move(sharing);
  }
  if (best.loads.empty() && !uncut.empty())
    return miss(llvm::formatv("{0} cannot be cut into {1} parts of whole panels or of rows that "
                              "are multiples of 8, and no other operand is shared",
                              uncut, programs));
  if (best.loads.empty())
    return miss("every operand is another one in every program");

  // Programs beyond the grid fill it up to whole clusters. They load what their neighbours load, or
  // zeros, and must store nothing.
  if (std::string obstacle = findStoreInside(kernel, best.dimension); !obstacle.empty())
    return miss(obstacle);
  SmallVector<int64_t> extents(grid.getSizes().size(), 1);
  extents[best.dimension] = programs;
  OpBuilder builder(grid);
  Value size = grid.getSizes()[best.dimension];
  Value extent = arith::ConstantIndexOp::create(builder, grid.getLoc(), programs);
  Value clusters = arith::CeilDivUIOp::create(builder, grid.getLoc(), size, extent);
  grid->setOperand(best.dimension, arith::MulIOp::create(builder, grid.getLoc(), clusters, extent));
  kernel.setCluster(extents);
  for (LoadOp load : best.loads)
    load.setMulticast(true);
  remark::passed(kernel.getLoc(), opts) << remark::add(
      "{0} programs along dimension {1} of the grid share {2} load(s): each brings a part of "
      "{3} bytes an iteration",
      programs, best.dimension, best.loads.size(), best.bytes);
}
