//===- ExecMatrix.cpp - ldmatrix, stmatrix, movmatrix ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"

using namespace llvm;

namespace tk::sim {

/// Each 8x8 matrix is one phase of eight 16-byte rows.
void Cta::matrixBanks(const Inst &in, const uint64_t *rows, unsigned matrices) {
  uint32_t pc = pcOf(in);
  for (unsigned j = 0; j < matrices; ++j) {
    unsigned worst = 0;
    for (unsigned g = 0; g < 8; ++g) {
      SmallVector<uint64_t, 8> distinct;
      for (unsigned r = 0; r < 8; ++r) {
        uint64_t chunk = rows[8 * j + r] / 16;
        if (chunk % 8 != g || is_contained(distinct, chunk))
          continue;
        distinct.push_back(chunk);
        if (!counters.bankWords.empty())
          for (unsigned word = 0; word < 4; ++word)
            ++counters.bankWords[pc][4 * g + word];
      }
      worst = std::max<unsigned>(worst, distinct.size());
    }
    counters.wavefronts[pc] += worst;
    counters.minimum[pc] += 1;
  }
}

void Cta::ldMatrix(Warp &w, const Inst &in, uint32_t mask) {
  unsigned n = in.numVec;
  uint32_t rows = n == 4 ? ~0u : (1u << (8 * n)) - 1;
  uint64_t addr[32];
  Place place[32];
  uint32_t good = sharedAddresses(w, in, in.s[0], in.imm, rows & mask, addr);
  good = locate(w, in, good, addr, 16, AccessKind::Read, Space::Shared, place);
  if (ctx.options.checkBanks && good == rows)
    matrixBanks(in, addr, n);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, good, place, 16, "a read");
  if (checkRaces)
    raceAccesses(w, in, good, place, 16, AccessKind::Read);
  for (unsigned j = 0; j < n; ++j) {
    uint32_t poison = 0;
    for (unsigned l = 0; l < 32; ++l) {
      unsigned g = l / 4, q = l % 4;
      uint32_t v = 0;
      for (unsigned h = 0; h < 2; ++h) {
        unsigned r = in.trans ? 2 * q + h : g, c = in.trans ? g : 2 * q + h, src = 8 * j + r;
        if (!(good >> src & 1)) {
          poison |= 1u << l;
          continue;
        }
        uint16_t e;
        memcpy(&e, place[src].data + 2 * c, 2);
        v |= uint32_t(e) << (16 * h);
        if (!areWritten(place[src].init + 2 * c, 2))
          poison |= 1u << l;
      }
      reg(w, in.vec[j])[l] = v;
    }
    setPoison(w, in.vec[j], ~0u, poison);
  }
  counters.sharedRead += uint64_t(n) * 128;
}

void Cta::stMatrix(Warp &w, const Inst &in, uint32_t mask) {
  unsigned n = in.numVec;
  uint32_t rows = n == 4 ? ~0u : (1u << (8 * n)) - 1;
  uint64_t addr[32];
  Place place[32];
  uint32_t good = sharedAddresses(w, in, in.s[0], in.imm, rows & mask, addr);
  good = locate(w, in, good, addr, 16, AccessKind::Write, Space::Shared, place);
  if (ctx.options.checkBanks && good == rows)
    matrixBanks(in, addr, n);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, good, place, 16, "a write");
  LaneBytes stored[32];
  for (unsigned j = 0; j < n; ++j) {
    const uint32_t *v = ptr(w, in.vec[j]);
    for (unsigned l = 0; l < 32; ++l) {
      unsigned g = l / 4, q = l % 4;
      for (unsigned h = 0; h < 2; ++h) {
        unsigned r = in.trans ? 2 * q + h : g, c = in.trans ? g : 2 * q + h;
        uint16_t e = uint16_t(v[l] >> (16 * h));
        memcpy(stored[8 * j + r].data + 2 * c, &e, 2);
        memset(stored[8 * j + r].init + 2 * c, !(w.poison[in.vec[j].idx] >> l & 1), 2);
      }
    }
  }
  // The values come from many lanes; the write counts as that of the lane that gave the address.
  storeRows(w, in, good, place, stored);
  ++progress;
  counters.sharedWritten += uint64_t(n) * 128;
}

void Cta::movMatrix(Warp &w, const Inst &in) {
  const uint32_t *s = ptr(w, in.s[0]);
  uint16_t m[8][8];
  for (unsigned l = 0; l < 32; ++l) {
    m[l / 4][2 * (l % 4)] = uint16_t(s[l]);
    m[l / 4][2 * (l % 4) + 1] = uint16_t(s[l] >> 16);
  }
  uint32_t poison = 0, src = w.poison[in.s[0].idx], *d = reg(w, in.d);
  for (unsigned l = 0; l < 32; ++l) {
    unsigned g = l / 4, q = l % 4;
    d[l] = m[2 * q][g] | uint32_t(m[2 * q + 1][g]) << 16;
    unsigned from0 = 4 * (2 * q) + g / 2, from1 = 4 * (2 * q + 1) + g / 2;
    poison |= uint32_t((src >> from0 | src >> from1) & 1) << l;
  }
  setPoison(w, in.d, ~0u, poison);
}

} // namespace tk::sim
