//===- RunProtocol.cpp - Roles run against one another --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BarrierProtocol.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;
using namespace tk::tile::protocol;

Barrier &Machine::barrier(int64_t program, AllocOp object, int64_t count) {
  auto [found, isNew] =
      barriers.try_emplace(Key{program, object.getOperation(), count % stagesOf(object)});
  if (isNew)
    found->second.arrivals = found->second.pending = arrivals.lookup(object);
  return found->second;
}

/// Whether the role can go on: by parity, as the machine decides it.
bool Machine::isReady(const Role &role, const Event &event) {
  if (event.kind != Event::Wait)
    return true;
  int64_t phase = event.count / stagesOf(event.object) - event.previous;
  return (barrier(role.program, event.object, event.count).completed & 1) != (phase & 1);
}

LogicalResult Machine::copyTo(int64_t program, Event &event, StringRef scenario) {
  if (event.slots) {
    Slot &target = slot(program, event.slots, event.count);
    if (!target.reading.empty() || !target.inFlight.empty()) {
      int reader = target.reading.empty() ? *target.inFlight.begin() : *target.reading.begin();
      return fail(event, scenario,
                  "overwrites a slot that " + roles[reader].name + " may still read");
    }
    target.filled = event.count / stagesOf(event.slots);
  }
  Barrier &state = barrier(program, event.object, event.count);
  state.bytes -= event.amount; // Any time from here on; the phase needs it.
  complete(state);
  return success();
}

LogicalResult Machine::arriveAt(int64_t program, int index, Event &event, StringRef scenario) {
  Barrier &state = barrier(program, event.object, event.count);
  if ((state.pending -= event.amount) < 0)
    return fail(event, scenario, "arrives once too often in one phase");
  complete(state);
  return success();
}

LogicalResult Machine::step(int index, StringRef scenario) {
  Role &role = roles[index];
  Event &event = role.events[role.next++];
  switch (event.kind) {
  case Event::Wait: {
    ++waits;
    int64_t phase = event.count / stagesOf(event.object) - event.previous;
    int64_t completed = barrier(role.program, event.object, event.count).completed;
    if (completed != phase + 1)
      return fail(event, scenario,
                  "is passed in the wrong round: it waits for phase " + Twine(phase) +
                      ", and the parity of " + Twine(completed) + " completed phases lets it go");
    return success();
  }
  case Event::Expect: {
    Barrier &state = barrier(role.program, event.object, event.count);
    state.bytes += event.amount;
    if (--state.pending < 0)
      return fail(event, scenario, "arrives once too often in one phase");
    complete(state);
    return success();
  }
  case Event::Copy: {
    for (int64_t program : targets(role, event))
      if (failed(copyTo(program, event, scenario)))
        return failure();
    return success();
  }
  case Event::Arrive: {
    for (auto &[key, state] : slots) {
      auto [program, object, slot] = key;
      if (program != role.program || slot != event.count % stagesOf(event.object) ||
          !freed[event.object.getOperation()].contains(object))
        continue;
      if (state.inFlight.count(index))
        return fail(event, scenario,
                    "releases a slot while products in flight read it; retire them first");
      state.reading.erase(index);
    }
    for (int64_t program : targets(role, event))
      if (failed(arriveAt(program, index, event, scenario)))
        return failure();
    return success();
  }
  case Event::Read: {
    Slot &source = slot(role.program, event.object, event.count);
    int64_t round = event.count / stagesOf(event.object);
    if (source.filled != round)
      return fail(event, scenario,
                  "reads a slot in round " + Twine(round) + " that holds round " +
                      Twine(source.filled));
    source.reading.insert(index);
    if (event.inFlight) {
      source.inFlight.insert(index);
      role.groups.back().emplace_back(event.object, event.count);
    }
    return success();
  }
  case Event::Commit:
    role.groups.emplace_back();
    return success();
  case Event::Retire:
    while (static_cast<int64_t>(role.groups.size()) - 1 > event.amount) {
      for (auto [object, count] : role.groups.front())
        slot(role.program, object, count).inFlight.erase(index);
      role.groups.erase(role.groups.begin());
    }
    return success();
  }
  llvm_unreachable("all kinds are handled");
}

llvm::MapVector<AllocOp, int64_t> Machine::countPhases() {
  llvm::MapVector<AllocOp, int64_t> counts;
  for (auto [alloc, arrivals] : arrivals)
    counts[cast<AllocOp>(alloc)] = 0;
  for (auto &[key, state] : barriers)
    if (std::get<0>(key) == 0)
      counts[cast<AllocOp>(std::get<Operation *>(key))] += state.completed;
  return counts;
}

LogicalResult Machine::reportDeadlock(StringRef scenario) {
  SmallVector<std::pair<Operation *, std::string>> stuck;
  for (Role &role : roles) {
    if (role.next == role.events.size())
      continue;
    Event &event = role.events[role.next];
    int64_t stages = stagesOf(event.object);
    stuck.emplace_back(event.op, llvm::formatv("{0} waits for phase {1} of \"{2}\", slot {3}",
                                               role.name, event.count / stages - event.previous,
                                               event.object.getLabel(), event.count % stages));
  }
  InFlightDiagnostic diagnostic = stuck.front().first->emitOpError()
                                  << "is never passed: no role can go on (" << scenario << "); "
                                  << stuck.front().second;
  for (auto &[op, text] : ArrayRef(stuck).drop_front())
    diagnostic.attachNote(op->getLoc()) << text;
  return diagnostic;
}

LogicalResult Machine::run(unsigned order, StringRef scenario) {
  size_t count = roles.size();
  // The first orders let one role run as far as it can; the last takes turns.
  while (true) {
    bool moved = false;
    for (size_t i = 0; i < count; ++i) {
      size_t index = (i + order) % count;
      Role &role = roles[index];
      while (role.next < role.events.size() && isReady(role, role.events[role.next])) {
        if (failed(step(index, scenario)))
          return failure();
        moved = true;
        if (order >= count)
          break;
      }
      if (moved && order < count)
        break;
    }
    if (moved)
      continue;
    if (llvm::all_of(roles, [](Role &role) { return role.next == role.events.size(); }))
      break;
    return reportDeadlock(scenario);
  }
  for (auto &[key, state] : barriers)
    if (state.bytes != 0)
      return std::get<Operation *>(key)->emitOpError()
             << (state.bytes > 0 ? "is told of " : "is not told of ") << std::abs(state.bytes)
             << (state.bytes > 0 ? " bytes that no copy brings (" : " bytes that copies bring (")
             << scenario << ")";
  return success();
}
