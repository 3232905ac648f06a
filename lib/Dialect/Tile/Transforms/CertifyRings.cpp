//===- CertifyRings.cpp - Certify the barrier protocol ------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BarrierProtocol.h"
#include "Utils.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

namespace tk::tile {
#define GEN_PASS_DEF_CERTIFYRINGS
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace tk::tile

using namespace mlir;
using namespace tk;
using namespace tk::tile;
using namespace tk::tile::protocol;

namespace {

struct CertifyRings : tk::tile::impl::CertifyRingsBase<CertifyRings> {
  void runOnOperation() override;

private:
  LogicalResult certify(Scenario scenario, int64_t &waits, std::string &decision,
                        std::string &obstacle);
  bool varies = false; ///< Whether trips may differ from tile to tile.
  Descriptions descriptions;
  void keepCounts();
  /// Phases of each row of barriers in each scenario.
  llvm::MapVector<AllocOp, std::vector<std::pair<Scenario, int64_t>>> phases;
  llvm::MapVector<Operation *, int64_t> arrivals; ///< Of each row of barriers, from its init.
};

} // namespace

LogicalResult CertifyRings::certify(Scenario scenario, int64_t &waits, std::string &decision,
                                    std::string &obstacle) {
  KernelOp kernel = getOperation();
  SpecializeOp roles;
  kernel.walk([&](SpecializeOp op) { roles = op; });
  std::vector<Role> unrolled;
  std::string loops;
  int64_t programs = kernel.getClusterSize();
  auto unroll = [&](Block &block, const std::string &name) {
    Unroller unroller(scenario, descriptions);
    if (failed(unroller.run(block))) {
      obstacle = unroller.obstacle;
      return failure();
    }
    // What only one role depends on may have to do with its loops' bounds.
    if (!unrolled.empty() && decision != unroller.decision) {
      obstacle = "the roles' branches around barriers depend on different conditions";
      return failure();
    }
    decision = unroller.decision;
    varies |= unroller.varies;
    if (!unrolled.empty() && loops != unroller.loops) {
      obstacle = "the roles' loops around barriers have different bounds";
      return failure();
    }
    loops = unroller.loops;
    for (int64_t program = 0; program < programs; ++program) {
      Role role;
      role.name = programs > 1 ? llvm::formatv("{0} of program {1}", name, program).str() : name;
      role.program = program;
      role.events = unroller.events;
      unrolled.push_back(std::move(role));
    }
    return success();
  };
  if (!roles) {
    if (failed(unroll(kernel.getBody().front(), "the block")))
      return success();
  } else {
    if (failed(unroll(roles.getProducer().front(), "the producer")))
      return success();
    for (int64_t i = 0, e = roles.getConsumers(); i < e; ++i)
      if (failed(unroll(roles.getConsumer().front(), "consumer " + std::to_string(i))))
        return success();
  }
  std::string text =
      llvm::formatv("{0} trip(s) in each of {1} tile(s)", scenario.inner, scenario.outer);
  if (scenario.last >= 0)
    text += llvm::formatv(" but {0} in the last", scenario.last);
  for (int64_t i = 0; i < scenario.outer; ++i)
    if (scenario.skipped >> i & 1)
      text += llvm::formatv(", tile {0} left out", i);
  for (unsigned order = 0; order <= unrolled.size(); ++order) {
    Machine machine(unrolled, arrivals);
    if (failed(machine.run(order, text)))
      return failure();
    waits = machine.waits;
    for (auto [row, count] : machine.countPhases())
      phases[row].push_back({scenario, count});
  }
  return success();
}

/// Keeps how often barriers complete, where that is linear in tiles and trips; a tile that is left
/// out is one without trips. With several inner loops nothing says how the trips are dealt out to
/// them.
void CertifyRings::keepCounts() {
  KernelOp kernel = getOperation();
  int64_t innerLoops = 0;
  bool hasTiles = false; // Whether a loop around walks tiles.
  kernel.getBody().walk([&](scf::ForOp loop) {
    bool isInner = true, hasBarriers = false;
    loop.getBody()->walk([&](Operation *op) {
      isInner &= !isa<scf::ForOp>(op);
      hasBarriers |= isa<MBarrierExpectOp>(op);
    });
    innerLoops += isInner && hasBarriers;
    hasTiles |= !isInner;
  });
  SmallVector<Attribute> proofs;
  for (auto &[row, counts] : phases) {
    auto at = [&](int64_t trips, int64_t tiles) {
      return llvm::find_if(counts,
                           [&](auto &entry) {
                             return entry.first.inner == trips && entry.first.outer == tiles &&
                                    entry.first.last < 0 && entry.first.skipped == 0;
                           })
          ->second;
    };
    int64_t perTrip = at(1, 1) - at(0, 1), perTile = at(0, 2) - at(0, 1);
    int64_t perProgram = at(0, 1) - perTile;
    bool linear = llvm::all_of(counts, [&](auto &entry) {
      const Scenario &scenario = entry.first;
      return (!hasTiles && scenario.outer > 1) ||
             entry.second == perProgram + perTile * scenario.outer + perTrip * scenario.allTrips();
    });
    if (innerLoops > 1 || !linear)
      remark::missed(AllocOp(row).getLoc(), remarkOn(kernel, "rings", "tk-certify-rings"))
          << remark::reason("phases of \"{0}\" are not counted: {1}", AllocOp(row).getLabel(),
                            innerLoops > 1 ? "trips are dealt out to several loops"
                                           : "they do not grow evenly with tiles and trips");
    else if (AllocOp(row).getOffset())
      proofs.push_back(BarrierProofAttr::get(&getContext(), AllocOp(row).getLabel(),
                                             *AllocOp(row).getOffset(), perProgram, perTile,
                                             perTrip));
  }
  if (!proofs.empty())
    kernel.setBarrierProofsAttr(Builder(&getContext()).getArrayAttr(proofs));
}

/// Before one program of a cluster reaches into another, that one must have made its barriers, and
/// it must not end before.
static LogicalResult checkCluster(KernelOp kernel) {
  llvm::SmallPtrSet<Operation *, 4> made; // Since the programs last met.
  Operation *reach = nullptr;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<ClusterBarrierOp>(op)) {
      made.clear();
      reach = nullptr;
    }
    WalkResult walk = op.walk([&](Operation *inner) {
      if (auto init = dyn_cast<MBarrierInitOp>(inner))
        made.insert(init.getBarriers().getDefiningOp());
      Value barriers = getReachedBarriers(inner);
      if (!barriers)
        return WalkResult::advance();
      reach = inner;
      if (!made.contains(barriers.getDefiningOp()))
        return WalkResult::advance();
      inner->emitOpError() << "reaches into programs that may not have made their barriers yet; a "
                              "'tk.cluster_barrier' must come between";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      return failure();
  }
  if (reach)
    return reach->emitOpError() << "reaches into programs that may have ended; a "
                                   "'tk.cluster_barrier' must follow at the end of the kernel";
  return success();
}

void CertifyRings::runOnOperation() {
  KernelOp kernel = getOperation();
  if (failed(checkCluster(kernel)))
    return signalPassFailure();
  arrivals.clear();
  descriptions.clear();
  phases.clear();
  int64_t stages = 0;
  kernel.walk([&](MBarrierInitOp init) {
    if (auto alloc = init.getBarriers().getDefiningOp<AllocOp>()) {
      arrivals[alloc] = init.getArrivals();
      stages = std::max(stages, init.getBarriers().getType().getStages());
    }
  });
  if (arrivals.empty())
    return;
  auto opts = remarkOn(kernel, "rings", "tk-certify-rings");
  std::set<int64_t> inner{0, 1, 2, stages - 1, stages, stages + 1};
  std::string obstacle;
  std::string decision;
  int64_t runs = 0, waits = 0;
  auto run = [&](Scenario scenario) {
    int64_t most = 0;
    if (failed(certify(scenario, most, decision, obstacle)))
      return failure();
    waits = std::max(waits, most);
    ++runs;
    return success();
  };
  varies = false;
  for (int64_t outer : {1, 2})
    for (int64_t trips : inner)
      for (unsigned skipped = 0; skipped < 1u << outer; ++skipped) {
        if (skipped != 0 && decision.empty()) // Nothing can be left out.
          break;
        if (failed(run({trips, outer, skipped})))
          return signalPassFailure();
      }
  // Every pair of trip counts in two tiles, where each tile has its own.
  for (int64_t trips : inner)
    for (int64_t last : inner)
      for (unsigned skipped = 0; varies && trips != last && skipped < 4; ++skipped) {
        if (skipped != 0 && decision.empty())
          break;
        if (failed(run({trips, 2, skipped, last})))
          return signalPassFailure();
      }
  if (!obstacle.empty()) {
    remark::missed(kernel.getLoc(), opts) << remark::reason("{0}", obstacle);
    return;
  }
  keepCounts();
  std::string list;
  for (int64_t trips : inner)
    list += (list.empty() ? "" : ", ") + std::to_string(trips);
  remark::passed(kernel.getLoc(), opts) << remark::add(
      "the barrier protocol ends, without a lap or an early release, for {0} trips in 1 and 2 "
      "tiles{1}{2}: {3} runs, {4} waits in the longest",
      list, varies ? ", in two also with different ones" : "",
      decision.empty() ? "" : ", each of them with and without the branch around its work", runs,
      waits);
}
