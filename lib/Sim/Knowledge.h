//===- Knowledge.h - What threads know of other units -----------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A *unit* is what one machine runs: a cluster, or a CTA where there are none. Each has vector
/// clocks over its own threads only. What a thread has learnt of other units is a map from units to
/// clocks, all of it immutable and shared: nearly every join meets equal pointers and costs
/// nothing. It is a tree by the digits of the units' numbers, so that one that differs in a few
/// units from another shares the rest with it: in a chain of thousands each adds a path to what the
/// one before it gave.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_KNOWLEDGE_H
#define TK_LIB_SIM_KNOWLEDGE_H

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tk::sim {

using Clock = std::vector<uint32_t>;

/// Elementwise maximum; a shorter clock counts as filled up with zeros.
void join(Clock &into, const Clock &from);

/// The clocks over one unit's threads and agents.
struct Clocks {
  Clock seen, fenced, ownFenced;
  Clock fencedGlobal; ///< The same for global memory, from any side. Empty where no bulk copy can
                      ///< ask.
  Clock reached; ///< Of `seen`, what came by synchronisation whose scope reaches both sides. Empty
                 ///< without clusters.
};

void join(Clocks &into, const Clocks &from);

struct KnowledgeMap;
/// Null: nothing.
using Knowledge = std::shared_ptr<const KnowledgeMap>;

struct KnowledgeMap {
  static constexpr unsigned kBits = 4, kWidth = 1u << kBits;
  unsigned level = 0; ///< Digits of a unit's number below this node's. At 0 stand clocks.
  std::array<std::shared_ptr<const Clocks>, kWidth> clocks; ///< Of level 0.
  std::array<Knowledge, kWidth> parts;                      ///< Of levels above.
};

void join(Knowledge &into, const Knowledge &from);
/// What is known of a unit; null: nothing.
const Clocks *find(const Knowledge &knowledge, uint32_t unit);
/// The same knowledge with other clocks for one unit.
Knowledge with(const Knowledge &knowledge, uint32_t unit, std::shared_ptr<const Clocks> clocks);
/// The same behind a proxy fence for global memory: all that was seen is fenced.
Knowledge fenced(const Knowledge &knowledge);

} // namespace tk::sim

#endif // TK_LIB_SIM_KNOWLEDGE_H
