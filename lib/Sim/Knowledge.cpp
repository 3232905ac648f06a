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

using Map = KnowledgeMap;

static unsigned digit(uint32_t unit, unsigned level) {
  return unit >> (level * Map::kBits) & (Map::kWidth - 1);
}
static bool holds(const Map &map, uint32_t unit) {
  unsigned bits = (map.level + 1) * Map::kBits;
  return bits >= 32 || !(unit >> bits);
}

/// The same in a tree with one level more.
static Knowledge raised(const Knowledge &map) {
  auto result = std::make_shared<Map>();
  result->level = map->level + 1;
  result->parts[0] = map;
  return result;
}

/// Both, which are of one level. One of the two where it covers the other.
static Knowledge joined(const Knowledge &a, const Knowledge &b) {
  if (a == b || !b)
    return a;
  if (!a)
    return b;
  auto merge = [&](auto member) -> Knowledge {
    auto all = (*a).*member;
    bool isA = true, isB = true; // Whether the result is one of the two.
    for (unsigned i = 0; i < Map::kWidth; ++i) {
      const auto &x = ((*a).*member)[i], &y = ((*b).*member)[i];
      all[i] = !y ? x : !x ? y : joined(x, y);
      isA &= all[i] == x;
      isB &= all[i] == y;
    }
    if (isA || isB)
      return isA ? a : b;
    auto result = std::make_shared<Map>();
    result->level = a->level;
    (*result).*member = std::move(all);
    return result;
  };
  return a->level ? merge(&Map::parts) : merge(&Map::clocks);
}

void join(Knowledge &into, const Knowledge &from) {
  if (!from || into == from)
    return;
  if (!into) {
    into = from;
    return;
  }
  Knowledge other = from;
  while (other->level < into->level)
    other = raised(other);
  Knowledge mine = into;
  while (mine->level < other->level)
    mine = raised(mine);
  Knowledge both = joined(mine, other);
  if (both == mine) // raised for nothing
    return;
  into = both == other ? from : both;
}

const Clocks *find(const Knowledge &knowledge, uint32_t unit) {
  const Map *map = knowledge.get();
  if (!map || !holds(*map, unit))
    return nullptr;
  while (map && map->level)
    map = map->parts[digit(unit, map->level)].get();
  return map ? map->clocks[digit(unit, 0)].get() : nullptr;
}

static Knowledge replaced(const Knowledge &map, unsigned level, uint32_t unit,
                          const SharedClocks &clocks) {
  auto result = map ? std::make_shared<Map>(*map) : std::make_shared<Map>();
  result->level = level;
  unsigned i = digit(unit, level);
  if (level)
    result->parts[i] = replaced(result->parts[i], level - 1, unit, clocks);
  else
    result->clocks[i] = clocks;
  return result;
}

Knowledge with(const Knowledge &knowledge, uint32_t unit, SharedClocks clocks) {
  Knowledge map = knowledge ? knowledge : std::make_shared<Map>();
  while (!holds(*map, unit))
    map = raised(map);
  return replaced(map, map->level, unit, clocks);
}

Knowledge fenced(const Knowledge &knowledge) {
  if (!knowledge)
    return knowledge;
  std::shared_ptr<Map> result;
  auto change = [&]() -> Map & {
    if (!result)
      result = std::make_shared<Map>(*knowledge);
    return *result;
  };
  for (unsigned i = 0; i < Map::kWidth; ++i) {
    if (Knowledge part = fenced(knowledge->parts[i]); part != knowledge->parts[i])
      change().parts[i] = std::move(part);
    const SharedClocks &old = knowledge->clocks[i];
    if (!old || covers(old->fencedGlobal, old->seen))
      continue;
    auto c = std::make_shared<Clocks>(*old);
    join(c->fencedGlobal, c->seen);
    change().clocks[i] = std::move(c);
  }
  return result ? Knowledge(std::move(result)) : knowledge;
}

} // namespace tk::sim
