//===- Knowledge.cpp - What threads know of other units -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Knowledge.h"
#include "LaneOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk::sim {

void join(Clock &into, const Clock &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  laneOps().max(into.data(), from.data(), from.size());
}

void join(Clocks &into, const Clocks &from) {
  join(into.seen, from.seen);
  join(into.fenced, from.fenced);
  join(into.ownFenced, from.ownFenced);
  join(into.fencedGlobal, from.fencedGlobal);
  join(into.reached, from.reached);
}

/// Whether `a` says all that `b` says.
static bool covers(const Clock &a, const Clock &b) {
  for (size_t i = 0; i < b.size(); ++i)
    if ((i < a.size() ? a[i] : 0) < b[i])
      return false;
  return true;
}

static bool covers(const Clocks &a, const Clocks &b) {
  return covers(a.seen, b.seen) && covers(a.fencedGlobal, b.fencedGlobal) &&
         covers(a.fenced, b.fenced) && covers(a.ownFenced, b.ownFenced) &&
         covers(a.reached, b.reached);
}

using SharedClocks = std::shared_ptr<const Clocks>;

/// One of the two where it covers the other: pointers stay equal as long as they can.
static SharedClocks joined(const SharedClocks &a, const SharedClocks &b) {
  if (a == b || covers(*a, *b))
    return a;
  if (covers(*b, *a))
    return b;
  auto both = std::make_shared<Clocks>(*a);
  join(*both, *b);
  return both;
}

void join(Knowledge &into, const Knowledge &from) {
  if (!from || into == from)
    return;
  if (!into) {
    into = from;
    return;
  }
  auto result = std::make_shared<KnowledgeMap>();
  const auto &a = into->units, &b = from->units;
  result->units.reserve(a.size() + b.size());
  bool isInto = true, isFrom = true; // Whether the result is one of the two.
  for (size_t i = 0, k = 0; i < a.size() || k < b.size();) {
    bool takeA = k == b.size() || (i < a.size() && a[i].first <= b[k].first);
    bool takeB = i == a.size() || (k < b.size() && b[k].first <= a[i].first);
    const KnowledgeMap::Entry &e = takeA ? a[i] : b[k];
    result->units.push_back(
        {e.first, takeA && takeB ? joined(a[i].second, b[k].second) : e.second});
    isInto &= takeA && result->units.back().second == a[i].second;
    isFrom &= takeB && result->units.back().second == b[k].second;
    i += takeA;
    k += takeB;
  }
  if (isFrom && !isInto)
    into = from;
  else if (!isInto)
    into = std::move(result);
}

static auto lowerBound(const KnowledgeMap &map, uint32_t unit) {
  return llvm::lower_bound(map.units, unit,
                           [](const KnowledgeMap::Entry &e, uint32_t u) { return e.first < u; });
}

const Clocks *find(const Knowledge &knowledge, uint32_t unit) {
  if (!knowledge)
    return nullptr;
  auto it = lowerBound(*knowledge, unit);
  return it != knowledge->units.end() && it->first == unit ? it->second.get() : nullptr;
}

Knowledge with(const Knowledge &knowledge, uint32_t unit, SharedClocks clocks) {
  auto result =
      knowledge ? std::make_shared<KnowledgeMap>(*knowledge) : std::make_shared<KnowledgeMap>();
  auto at = result->units.begin() + (lowerBound(*result, unit) - result->units.cbegin());
  if (at != result->units.end() && at->first == unit)
    at->second = std::move(clocks);
  else
    result->units.insert(at, {unit, std::move(clocks)});
  return result;
}

Knowledge fenced(const Knowledge &knowledge) {
  if (!knowledge || all_of(knowledge->units, [](const KnowledgeMap::Entry &e) {
        return covers(e.second->fencedGlobal, e.second->seen);
      }))
    return knowledge;
  auto result = std::make_shared<KnowledgeMap>(*knowledge);
  for (KnowledgeMap::Entry &e : result->units) {
    auto c = std::make_shared<Clocks>(*e.second);
    join(c->fencedGlobal, c->seen);
    e.second = std::move(c);
  }
  return result;
}

} // namespace tk::sim
