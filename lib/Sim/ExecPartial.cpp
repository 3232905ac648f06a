//===- ExecPartial.cpp - Registers that are poison in part ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Poison is kept by register and lane. Where a lane's register is poison and some of its bits are known all the same (a
/// union loaded as one word, a struct with padding, fields of bits), they are noted here, with the value that the register
/// had, so that who takes only known bits out again is not told of poison: bitwise operations, shifts, narrower
/// conversions, parts of vectors, stores. Poison that is written anew is known in nothing. Sums and products are not
/// followed.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace llvm;

namespace tk::sim {

static constexpr unsigned kUnknownReads = 16;

/// Of the marks of memory (Memory.h).
static uint8_t bitsOf(uint8_t init) { return init == 1 ? 0xff : init == 0xff ? 1 : init; }
static uint8_t initOf(uint8_t bits) { return bits == 0xff ? 1 : bits == 1 ? 0xff : bits; }

uint64_t Cta::knownBits(const Warp &w, const Opnd &o, unsigned lane) const {
  if (!(w.poison[o.idx] >> lane & 1))
    return ~0ull;
  const PartialPoison *entry = find_if(w.partials, [&](const PartialPoison &p) { return p.idx == o.idx; });
  return entry != w.partials.end() && entry->value[lane] == value(w, o, lane) ? entry->known[lane] : 0;
}

void Cta::forgetKnown(Warp &w, const Opnd &o, uint32_t lanes) {
  PartialPoison *entry = find_if(w.partials, [&](const PartialPoison &p) { return p.idx == o.idx; });
  for (uint32_t rest = entry == w.partials.end() ? 0 : lanes; rest; rest &= rest - 1)
    entry->known[std::countr_zero(rest)] = 0;
}

void Cta::noteKnown(Warp &w, const Opnd &o, unsigned lane, uint64_t known) {
  uint64_t all = o.wide ? ~0ull : 0xffffffff;
  known &= all;
  if (known == all) {
    w.poison[o.idx] &= ~(1u << lane);
    return;
  }
  PartialPoison *entry = find_if(w.partials, [&](const PartialPoison &p) { return p.idx == o.idx; });
  if (entry == w.partials.end()) {
    if (!known)
      return;
    w.partials.emplace_back().idx = o.idx;
    entry = &w.partials.back();
  }
  entry->known[lane] = known;
  entry->value[lane] = value(w, o, lane);
}

void Cta::noteLoaded(Warp &w, const Opnd &o, Ty ty, uint32_t lanes, const Place *place, unsigned at) {
  unsigned bytes = bytesOf(ty);
  bool isExtended = ty == Ty::S8 || ty == Ty::S16 || ty == Ty::S32; // by copies of the sign
  w.unknownReads.resize(kUnknownReads);
  std::array<uint64_t, 32> &reads = w.unknownReads[w.nextUnknownRead++ % kUnknownReads];
  reads = {};
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint64_t known = 0;
    reads[l] = place[l].raw + at;
    for (unsigned i = 0; i < bytes; ++i)
      known |= uint64_t(bitsOf(place[l].init[at + i])) << (8 * i);
    if (!known)
      continue;
    if (bytes < 8 && (!isExtended || known >> (8 * bytes - 1) & 1))
      known |= ~0ull << (8 * bytes);
    noteKnown(w, o, l, known);
  }
}

/// What a store of poison leaves in the bytes of memory. True: what is unknown of them was so before, and is left as it
/// was, as in a word that is read, changed in some fields and written back.
bool Cta::storeKnown(const Warp &w, const Opnd &o, unsigned lane, unsigned bytes, const Place &p, uint8_t *init) const {
  uint64_t known = knownBits(w, o, lane), v = value(w, o, lane);
  bool isKept = true, wasRead = known && any_of(w.unknownReads, [&](const auto &reads) { return reads[lane] == p.raw; });
  for (unsigned i = 0; i < bytes; ++i) {
    uint8_t bits = uint8_t(known >> (8 * i)), unknown = uint8_t(~bits);
    init[i] = initOf(bits);
    isKept &= !unknown || (wasRead && !(unknown & (bitsOf(p.init[i]) | (p.data[i] ^ uint8_t(v >> (8 * i))))));
  }
  return isKept;
}

void Cta::knownOfPart(const Warp &w, const Opnd &o, uint32_t lanes, unsigned first, unsigned bits, uint64_t *known) const {
  uint64_t keep = bits == 64 ? ~0ull : (1ull << bits) - 1;
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    known[l] = (knownBits(w, o, l) >> first & keep) | ~keep;
  }
}

void Cta::noteKnownRow(Warp &w, const Opnd &o, uint32_t lanes, const uint64_t *known) {
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    noteKnown(w, o, unsigned(std::countr_zero(rest)), known[std::countr_zero(rest)]);
}

/// A bit of the result is known if it is the same whatever the unknown bits are: all of a source's at 0, or all at 1, for
/// one bit of each decides it.
uint32_t Cta::knownOfBits(Warp &w, const Inst &in, uint32_t lanes, uint64_t *known) const {
  SmallVector<unsigned, 4> open; // sources of which something is unknown
  for (unsigned k = 0; k < 4; ++k) {
    uint32_t bad = w.poison[in.s[k].idx] & lanes;
    if (!in.s[k].present() || !bad)
      continue;
    if (in.bitOperands >> k & 1)
      open.push_back(k);
    else
      lanes &= ~bad;
  }
  uint32_t rows[2][4][64];
  const uint32_t *s[4] = {ptr(w, in.s[0]), ptr(w, in.s[1]), ptr(w, in.s[2]), ptr(w, in.s[3])};
  uint64_t width = bytesOf(in.ty) >= 8 ? ~0ull : (1ull << 8 * bytesOf(in.ty)) - 1;
  for (unsigned k : open)
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t v = value(w, in.s[k], l), unknown = ~knownBits(w, in.s[k], l) & width;
      for (unsigned ones = 0; ones < 2; ++ones) {
        uint64_t x = ones ? v | unknown : v & ~unknown;
        if (in.s[k].wide)
          memcpy(rows[ones][k] + 2 * l, &x, 8);
        else
          rows[ones][k][l] = uint32_t(x);
      }
    }
  uint64_t any[32] = {}, all[32];
  std::fill_n(all, 32, ~0ull);
  for (unsigned way = 0; way < 1u << open.size(); ++way) {
    for (unsigned i = 0; i < open.size(); ++i)
      s[open[i]] = rows[way >> i & 1][open[i]];
    uint32_t d[64] = {};
    in.alu(d, s, lanes);
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t v = in.d.wide ? uint64_t(d[2 * l + 1]) << 32 | d[2 * l] : d[l];
      any[l] |= v;
      all[l] &= v;
    }
  }
  for (unsigned l = 0; l < 32; ++l)
    known[l] = ~(any[l] ^ all[l]);
  return lanes;
}

} // namespace tk::sim
