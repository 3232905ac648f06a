//===- ExecPartial.cpp - Registers that are poison in part ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Poison is kept by register and lane. A load of which some bytes are written and others are not (a union as one word,
/// a struct with its padding) is noted here besides, with the value that it gave, so that who takes only its written
/// bytes out again (a narrower conversion, a part of a vector, a store) is not told of poison. A register that has been
/// written since has another value, or the same one; so nothing need be forgotten.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace llvm;

namespace tk::sim {

void Cta::notePartial(Warp &w, const Opnd &o, Ty ty, uint32_t lanes, const Place *place, unsigned at) {
  unsigned bytes = bytesOf(ty), width = o.wide ? 8 : 4;
  bool isExtended = ty == Ty::S8 || ty == Ty::S16 || ty == Ty::S32; // by a copy of the sign, which may be poison
  PartialPoison *entry = find_if(w.partials, [&](const PartialPoison &p) { return p.idx == o.idx; });
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint8_t written = 0;
    for (unsigned i = 0; i < width; ++i)
      written |= uint8_t((i < bytes ? place[l].init[at + i] != 0 : !isExtended) << i);
    if (!(written & ((1u << bytes) - 1)) && entry == w.partials.end())
      continue;
    if (entry == w.partials.end()) {
      w.partials.emplace_back().idx = o.idx;
      entry = &w.partials.back();
    }
    entry->written[l] = written;
    entry->value[l] = value(w, o, l);
  }
}

uint8_t Cta::writtenBytes(const Warp &w, const Opnd &o, unsigned lane) const {
  const PartialPoison *entry = find_if(w.partials, [&](const PartialPoison &p) { return p.idx == o.idx; });
  return entry != w.partials.end() && entry->value[lane] == value(w, o, lane) ? entry->written[lane] : 0;
}

uint32_t Cta::poisonIn(const Warp &w, const Opnd &o, uint32_t mask, unsigned first, unsigned bytes) const {
  uint32_t poison = w.poison[o.idx] & mask;
  uint8_t wanted = uint8_t(((1u << bytes) - 1) << first);
  for (uint32_t rest = w.partials.empty() ? 0 : poison; rest; rest &= rest - 1)
    if (!(wanted & ~writtenBytes(w, o, unsigned(std::countr_zero(rest)))))
      poison &= ~(rest & -rest);
  return poison;
}

} // namespace tk::sim
