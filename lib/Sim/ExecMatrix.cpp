//===- ExecMatrix.cpp - ldmatrix, stmatrix, movmatrix, mma.sync -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include <bit>
#include <cmath>

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

/// Generic addresses of shared memory are allowed; they lose their window here.
static void toShared(uint64_t *addr, Space space) {
  if (space == Space::Generic)
    for (unsigned l = 0; l < 32; ++l)
      if (addr[l] >= kSharedWindow && addr[l] < kSharedWindow + kSharedWindowBytes)
        addr[l] -= kSharedWindow;
}

void Cta::ldMatrix(Warp &w, const Inst &in, uint32_t mask) {
  unsigned n = in.numVec;
  uint32_t rows = n == 4 ? ~0u : (1u << (8 * n)) - 1;
  uint64_t addr[32];
  Place place[32];
  uint32_t good = addresses(w, in, in.s[0], in.imm, rows & mask, addr);
  toShared(addr, in.space);
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
        if (!place[src].init[2 * c] || !place[src].init[2 * c + 1])
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
  uint32_t good = addresses(w, in, in.s[0], in.imm, rows & mask, addr);
  toShared(addr, in.space);
  good = locate(w, in, good, addr, 16, AccessKind::Write, Space::Shared, place);
  if (ctx.options.checkBanks && good == rows)
    matrixBanks(in, addr, n);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, good, place, 16, "a write");
  // The values come from many lanes; the write counts as that of the lane that gave the address.
  if (checkRaces)
    raceAccesses(w, in, good, place, 16, AccessKind::Write);
  for (unsigned j = 0; j < n; ++j) {
    const uint32_t *v = ptr(w, in.vec[j]);
    for (unsigned l = 0; l < 32; ++l) {
      unsigned g = l / 4, q = l % 4;
      for (unsigned h = 0; h < 2; ++h) {
        unsigned r = in.trans ? 2 * q + h : g, c = in.trans ? g : 2 * q + h, dst = 8 * j + r;
        if (!(good >> dst & 1))
          continue;
        uint16_t e = uint16_t(v[l] >> (16 * h));
        memcpy(place[dst].data + 2 * c, &e, 2);
        memset(place[dst].init + 2 * c, !(w.poison[in.vec[j].idx] >> l & 1), 2);
      }
    }
  }
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

//===----------------------------------------------------------------------===//
// mma.sync
//===----------------------------------------------------------------------===//

namespace {
/// Row (or column) and k of element `i` of lane `l` in a fragment whose elements have `bits` bits.
struct At { unsigned outer, k; };
At fragmentA(unsigned i, unsigned l, unsigned perReg, unsigned k, unsigned bits) {
  unsigned g = l / 4, q = l % 4, r = i / perReg, e = i % perReg;
  (void)k;
  (void)bits;
  return {g + 8 * (r & 1), perReg * q + e + 4 * perReg * (r >> 1)};
}
At fragmentB(unsigned i, unsigned l, unsigned perReg) {
  unsigned g = l / 4, q = l % 4, r = i / perReg, e = i % perReg;
  return {g, perReg * q + e + 4 * perReg * r};
}
} // namespace

static double elementOf(uint32_t reg, unsigned e, Ty ty) {
  switch (ty) {
  case Ty::F16: case Ty::BF16: return decodeReal(reg >> (16 * e) & 0xffff, ty);
  case Ty::TF32: return decodeReal(reg, ty);
  case Ty::S8: return int8_t(reg >> (8 * e));
  case Ty::U8: return uint8_t(reg >> (8 * e));
  default: return decodeReal(reg >> (8 * e) & 0xff, ty);
  }
}

void Cta::mma(Warp &w, const Inst &in) {
  const MmaSpec &s = fn.mmas[in.target];
  unsigned perReg = s.a == Ty::TF32 ? 1 : bytesOf(s.a) == 2 ? 2 : 4;
  double a[16][32] = {}, b[8][32] = {}, c[16][8];
  uint32_t bad = 0;
  for (auto *list : {&s.regsA, &s.regsB, &s.regsC})
    for (const Opnd &o : *list)
      bad |= w.poison[o.idx];
  for (unsigned l = 0; l < 32; ++l) {
    for (unsigned i = 0; i < s.regsA.size() * perReg; ++i) {
      At p = fragmentA(i, l, perReg, s.k, 0);
      a[p.outer][p.k] = elementOf(ptr(w, s.regsA[i / perReg])[l], i % perReg, s.a);
    }
    for (unsigned i = 0; i < s.regsB.size() * perReg; ++i) {
      At p = fragmentB(i, l, perReg);
      b[p.outer][p.k] = elementOf(ptr(w, s.regsB[i / perReg])[l], i % perReg, s.b);
    }
    for (unsigned i = 0; i < 4; ++i) {
      double &v = c[l / 4 + 8 * (i >> 1)][2 * (l % 4) + (i & 1)];
      if (s.d == Ty::F16)
        v = decodeReal(ptr(w, s.regsC[i / 2])[l] >> (16 * (i & 1)) & 0xffff, Ty::F16);
      else if (s.d == Ty::S32)
        v = int32_t(ptr(w, s.regsC[i])[l]);
      else
        v = decodeReal(ptr(w, s.regsC[i])[l], Ty::F32);
    }
  }
  for (unsigned m = 0; m < 16; ++m)
    for (unsigned n = 0; n < 8; ++n)
      for (unsigned k = 0; k < s.k; ++k)
        c[m][n] += a[m][k] * b[n][k];
  for (unsigned l = 0; l < 32; ++l)
    for (unsigned i = 0; i < 4; ++i) {
      double v = c[l / 4 + 8 * (i >> 1)][2 * (l % 4) + (i & 1)];
      if (s.d == Ty::F16) {
        uint32_t &r = reg(w, s.regsD[i / 2])[l];
        uint32_t h = uint32_t(encodeReal(v, Ty::F16, Round::Rn));
        r = i & 1 ? (r & 0xffff) | h << 16 : (r & ~0xffffu) | h;
      } else if (s.d == Ty::S32) {
        double x = s.satfinite ? std::min(std::max(v, -2147483648.0), 2147483647.0) : v;
        reg(w, s.regsD[i])[l] = uint32_t(int64_t(x));
      } else
        reg(w, s.regsD[i])[l] = std::bit_cast<uint32_t>(float(v));
    }
  for (const Opnd &o : s.regsD)
    setPoison(w, o, ~0u, bad ? ~0u : 0);
  counters.tensorFlop += 2ull * 16 * 8 * s.k;
}

} // namespace tk::sim
