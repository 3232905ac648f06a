//===- ExecAtomic.cpp - Atomic operations ---------------------------------===//
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

static uint64_t getElement(const uint8_t *p, unsigned es) {
  uint64_t v = 0;
  switch (es) {
  case 1:
    memcpy(&v, p, 1);
    break;
  case 2:
    memcpy(&v, p, 2);
    break;
  case 4:
    memcpy(&v, p, 4);
    break;
  default:
    memcpy(&v, p, 8);
    break;
  }
  return v;
}
static bool initialised(const uint8_t *init, unsigned es) {
  return getElement(init, es) == 0x0101010101010101ull >> (64 - 8 * es);
}

/// As min and max do: a NaN gives way to a number, and +0 is above -0.
static double pickReal(double x, double y, bool smaller) {
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) ? y : x;
  if (x == y)
    return std::signbit(x) == smaller ? x : y;
  return (x < y) == smaller ? x : y;
}

static uint64_t realAtomic(AtomOp op, Ty ty, uint64_t old, uint64_t v, bool flush) {
  auto one = [&](uint64_t a, uint64_t b, Ty t) {
    double x = decodeReal(a, t), y = decodeReal(b, t), r;
    auto sub = [&](double q) { return flush && t == Ty::F32 && std::fabs(q) < 0x1p-126 ? std::copysign(0.0, q) : q; };
    x = sub(x);
    y = sub(y);
    if (op == AtomOp::Add)
      r = x + y;
    else
      r = pickReal(x, y, op == AtomOp::Min);
    return t == Ty::F64 ? std::bit_cast<uint64_t>(r) : encodeReal(sub(r), t, Round::Rn);
  };
  if (ty == Ty::F16x2 || ty == Ty::BF16x2) {
    Ty t = ty == Ty::F16x2 ? Ty::F16 : Ty::BF16;
    return one(old & 0xffff, v & 0xffff, t) | one(old >> 16 & 0xffff, v >> 16 & 0xffff, t) << 16;
  }
  return one(old, v, ty);
}

/// What realAtomic does, without the way through wider numbers.
static uint32_t addF32(uint32_t old, uint32_t v, bool flush) {
  auto real = [&](float x) {
    return flush && std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x;
  };
  float sum = real(real(std::bit_cast<float>(old)) + real(std::bit_cast<float>(v)));
  return std::isnan(sum) ? 0x7fffffff : std::bit_cast<uint32_t>(sum);
}

uint64_t atomicResult(AtomOp op, Ty ty, uint64_t old, uint64_t v, uint64_t swap, bool flush) {
  bool real = ty == Ty::F16 || ty == Ty::BF16 || ty == Ty::F32 || ty == Ty::F64 || ty == Ty::F16x2 || ty == Ty::BF16x2;
  if (op == AtomOp::Add && ty == Ty::F32)
    return addF32(uint32_t(old), uint32_t(v), flush);
  if (real && (op == AtomOp::Add || op == AtomOp::Min || op == AtomOp::Max))
    return realAtomic(op, ty, old, v, flush);
  bool isSigned = ty == Ty::S32 || ty == Ty::S64;
  bool less = !isSigned ? v < old : bytesOf(ty) == 8 ? int64_t(v) < int64_t(old) : int32_t(v) < int32_t(old);
  switch (op) {
  case AtomOp::Add: return old + v;
  case AtomOp::Min: return less ? v : old;
  case AtomOp::Max: return less ? old : v;
  case AtomOp::And: return old & v;
  case AtomOp::Or: return old | v;
  case AtomOp::Xor: return old ^ v;
  case AtomOp::Exch: return v;
  case AtomOp::Cas: return old == v ? swap : old;
  case AtomOp::Inc: return old >= v ? 0 : old + 1;
  case AtomOp::Dec: return old == 0 || old > v ? v : old - 1;
  }
  return old;
}

void Cta::atom(Warp &w, const Inst &in, uint32_t mask) {
  uint64_t addr[32];
  Place place[32];
  unsigned es = bytesOf(in.ty), bytes = es * in.numVec;
  uint32_t wanted = mask;
  mask = addresses(w, in, in.s[0], in.imm, mask, addr);
  mask = locate(w, in, mask, addr, bytes, AccessKind::Atomic, in.space, place);
  if (in.d.present())
    setPoison(w, in.d, wanted & ~mask, ~0u);
  for (unsigned i = in.numVec; i < in.vec.size(); ++i)
    setPoison(w, in.vec[i], wanted & ~mask, ~0u);
  if (!device)
    ++progress;
  uint32_t shared = spacesOf(in, mask, place).shared;
  if (ctx.options.checkBanks && shared)
    banks(in, shared, addr, bytes);
  if (!mbarriers.empty())
    checkBarrierBytes(w, in, shared, place, bytes, "an atomic operation");
  uint32_t event = checkRaces && mask ? race.event(w.index, pcOf(in), AccessKind::Atomic, in.scope) : 0, poison = 0, reached = 0;
  if (event) {
    noteUses(w, in, mask, place, bytes, AccessKind::Atomic);
    foreignAccesses(w, in, mask, place, bytes, AccessKind::Atomic);
  }
  bool changes = false;
  RaceState::WarpAccess access(race, w.index, event, AccessKind::Atomic);
  uint64_t keep = es == 8 ? ~0ull : (1ull << (8 * es)) - 1;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    if (event && !isSettled(access, l, place[l], bytes))
      raceAccess(w, in, event, l, place[l], bytes, AccessKind::Atomic);
    uint64_t given[8]; // A vector may give back to the registers it takes.
    bool isPoison[8], isEqual = true; // Of cas of 128 bits, which are two elements.
    for (unsigned i = 0; i < in.numVec; ++i) {
      given[i] = value(w, in.vec[i], l);
      isPoison[i] = (w.poison[in.vec[i].idx] | w.poison[in.s[2].idx] | w.poison[in.s[3].idx]) >> l & 1;
      isEqual &= !in.s[3].present() || getElement(place[l].data + i * es, es) == given[i];
    }
    for (unsigned i = 0; i < in.numVec; ++i) {
      uint8_t *p = place[l].data + i * es, *init = place[l].init + i * es;
      bool oldBad = !initialised(init, es);
      bool bad = isPoison[i];
      reached |= uint32_t(bad) << l;
      poison |= uint32_t(oldBad) << l;
      uint64_t old = getElement(p, es), v = given[i] & keep;
      const Opnd &swaps = in.s[2 + (i && in.s[3].present())];
      uint64_t swap = swaps.present() ? value(w, swaps, l) & keep : 0;
      uint64_t r = atomicResult(AtomOp(in.sub), in.ty, old, in.s[3].present() && isEqual ? old : v, swap,
                                place[l].space == Space::Global);
      if (!isEqual)
        r = old;
      changes |= (r & keep) != old;
      memcpy(p, &r, es);
      memset(init, AtomOp(in.sub) == AtomOp::Exch ? !bad : !(bad || oldBad), es);
      if (in.d.present())
        setValue(w, in.d, l, old);
      if (in.vec.size() > in.numVec) {
        const Opnd &d = in.vec[in.numVec + i];
        setValue(w, d, l, old);
        setPoison(w, d, 1u << l, oldBad ? ~0u : 0);
      }
    }
  }
  if (in.d.present())
    setPoison(w, in.d, mask, poison);
  if (event)
    atomicFlags(w, in, mask, place);
  if (changes) {
    progress += device != nullptr;
    w.looks = 0;
  } else if (device)
    noteSpin(w, in, mask, place, bytes);
  else
    noteLook(w);
  if (reached)
    poisoned(w, in, reached, "an atomic operation");
}

} // namespace tk::sim
