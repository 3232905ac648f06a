//===- BarrierProtocol.h - The protocol of rings, unrolled and run --*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each role's control flow is unrolled for chosen numbers of trips into a list of events: waits,
/// arrivals, announced bytes, copies, reads. Then the lists run against one another on a model of
/// mbarriers, in several orders. Cursors are counted without wrapping, so that a wait which a
/// parity lets through too early is seen.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_DIALECT_TILE_TRANSFORMS_BARRIERPROTOCOL_H
#define TK_LIB_DIALECT_TILE_TRANSFORMS_BARRIERPROTOCOL_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "llvm/ADT/MapVector.h"
#include <map>
#include <set>

namespace tk::tile::protocol {

/// One step of a role that matters to the protocol. `count` is how often the cursor was advanced:
/// its slot is `count % stages`, its phase `count / stages`.
struct Event {
  enum Kind { Wait, Expect, Copy, Arrive, Read, Commit, Retire } kind;
  ::mlir::Operation *op = nullptr;
  AllocOp object; ///< The row of barriers, or the slots.
  int64_t count = 0;
  int64_t amount = 0;    ///< Bytes, arrivals, or groups that may stay pending.
  AllocOp slots;         ///< Copy: where to; `object` is the barrier.
  bool previous = false; ///< Wait: for the phase before.
  bool inFlight = false; ///< Read: by a product, until it is retired.
  /// Copy, Arrive: the ranks of the cluster's programs whose memory it goes to; 0: its own.
  uint64_t programs = 0;
};

/// How often each loop runs in a scenario, and which tiles a branch leaves out.
struct Scenario {
  int64_t inner, outer; ///< Trips in each tile, tiles.
  unsigned skipped = 0; ///< Bit i: the branch is not taken in tile i.
  /// Trips in the last tile, where the bounds of loops may differ from tile to tile; -1: as many.
  int64_t last = -1;

  int64_t tripsIn(int64_t tile) const { return last >= 0 && tile + 1 == outer ? last : inner; }
  /// In all tiles that are not left out.
  int64_t allTrips() const {
    int64_t trips = 0;
    for (int64_t tile = 0; tile < outer; ++tile)
      trips += skipped >> tile & 1 ? 0 : tripsIn(tile);
    return trips;
  }
};

/// What each condition, and each loop's induction variable, reads when it is written out; empty
/// where that says nothing.
using Descriptions = ::llvm::DenseMap<::mlir::Value, std::string>;

/// Unrolls one role.
class Unroller {
public:
  Unroller(Scenario scenario, Descriptions &descriptions)
      : scenario(scenario), descriptions(descriptions) {}
  /// An error says what cannot be followed.
  ::llvm::LogicalResult run(::mlir::Block &block);
  std::vector<Event> events;
  std::string obstacle;
  std::string decision; ///< What branches around barriers depend on, or empty.
  std::string loops;    ///< The bounds of loops around barriers, in the order they are met.
  bool varies = false;  ///< Whether bounds of an inner loop depend on the tile.

private:
  ::llvm::LogicalResult describeLoop(::mlir::scf::ForOp loop);
  ::llvm::LogicalResult visit(::mlir::Operation &op);
  ::llvm::LogicalResult visitLoop(::mlir::scf::ForOp loop);
  ::llvm::LogicalResult visitBranch(::mlir::scf::IfOp branch);
  std::optional<bool> evaluate(::mlir::Value condition);
  std::optional<bool> decide(::mlir::Value condition);
  int64_t countOf(::mlir::Value cursor) { return cursors.lookup(cursor); }
  /// The slots a shared tile lies in, and which one; null for other memory.
  std::pair<AllocOp, int64_t> findSlot(::mlir::Value tile);

  Scenario scenario;
  Descriptions &descriptions;
  ::llvm::DenseMap<::mlir::Value, int64_t> cursors;
  ::llvm::DenseMap<::mlir::Value, int64_t> inductions; ///< Induction variable to iteration.
  ::llvm::DenseMap<std::pair<::mlir::Value, ::mlir::Value>, int64_t> trips; ///< Bounds to trips.
  int64_t tile = 0; ///< Iteration of the outermost loop.
};

/// The state of one mbarrier.
struct Barrier {
  int64_t arrivals = 0; ///< Of one phase.
  int64_t pending = 0, bytes = 0;
  int64_t completed = 0; ///< Phases.
};

/// What is known of one slot.
struct Slot {
  int64_t filled = -1;    ///< The round of the last copy.
  std::set<int> reading;  ///< Roles that waited for it and have not released it.
  std::set<int> inFlight; ///< Roles whose products still read it.
};

struct Role {
  std::string name;
  int64_t program = 0; ///< Its rank in the cluster.
  std::vector<Event> events;
  size_t next = 0;
  /// Products by group, oldest first; the last is open.
  std::vector<std::vector<std::pair<AllocOp, int64_t>>> groups{{}};
};

/// Runs roles against one another.
class Machine {
public:
  Machine(std::vector<Role> roles, const ::llvm::MapVector<::mlir::Operation *, int64_t> &arrivals)
      : roles(std::move(roles)), arrivals(arrivals) {
    // The barrier a role waits for before it copies is the one that frees those slots.
    for (Role &role : this->roles) {
      ::mlir::Operation *waited = nullptr;
      for (Event &event : role.events) {
        if (event.kind == Event::Wait)
          waited = event.object;
        if (event.kind == Event::Copy && event.slots && waited)
          freed[waited].insert(event.slots);
      }
    }
  }
  /// Runs to the end in one order of preference; emits an error and fails where the protocol
  /// breaks.
  ::llvm::LogicalResult run(unsigned order, ::llvm::StringRef scenario);
  int64_t waits = 0;
  /// Phases that the first program's barriers completed, by row.
  ::llvm::MapVector<AllocOp, int64_t> countPhases();

private:
  /// Memory is a program's own: which one, what, and which of its slots.
  using Key = std::tuple<int64_t, ::mlir::Operation *, int64_t>;
  Barrier &barrier(int64_t program, AllocOp object, int64_t count);
  Slot &slot(int64_t program, AllocOp object, int64_t count) {
    return slots[{program, object.getOperation(), count % stagesOf(object)}];
  }
  /// The programs that an event goes to.
  ::llvm::SmallVector<int64_t> targets(const Role &role, const Event &event) {
    ::llvm::SmallVector<int64_t> result;
    if (event.programs == 0)
      result.push_back(role.program);
    for (int64_t rank = 0; rank < 64; ++rank)
      if (event.programs >> rank & 1)
        result.push_back(rank);
    return result;
  }
  ::llvm::LogicalResult copyTo(int64_t program, Event &event, ::llvm::StringRef scenario);
  ::llvm::LogicalResult arriveAt(int64_t program, int index, Event &event,
                                 ::llvm::StringRef scenario);
  static int64_t stagesOf(AllocOp object) {
    if (auto barriers = ::mlir::dyn_cast<MBarriersType>(object.getResult().getType()))
      return barriers.getStages();
    return ::mlir::cast<SlotsType>(object.getResult().getType()).getStages();
  }
  void complete(Barrier &barrier) {
    if (barrier.pending == 0 && barrier.bytes == 0) {
      ++barrier.completed;
      barrier.pending = barrier.arrivals;
    }
  }
  bool isReady(const Role &role, const Event &event);
  ::llvm::LogicalResult step(int index, ::llvm::StringRef scenario);
  ::llvm::LogicalResult reportDeadlock(::llvm::StringRef scenario);
  ::llvm::LogicalResult fail(Event &event, ::llvm::StringRef scenario,
                             const ::llvm::Twine &message) {
    return event.op->emitOpError() << message.str() << " (" << scenario << ")";
  }

  std::vector<Role> roles;
  const ::llvm::MapVector<::mlir::Operation *, int64_t> &arrivals;
  ::llvm::DenseMap<::mlir::Operation *, ::llvm::SmallPtrSet<::mlir::Operation *, 2>>
      freed; ///< Slots by barrier.
  std::map<Key, Barrier> barriers;
  std::map<Key, Slot> slots;
};

/// The barriers of other programs of the cluster that an operation arrives at or lets copies arrive
/// at; null where it stays in its own.
::mlir::Value getReachedBarriers(::mlir::Operation *op);

} // namespace tk::tile::protocol

#endif // TK_LIB_DIALECT_TILE_TRANSFORMS_BARRIERPROTOCOL_H
