//===- ExecArith.cpp - Comparisons, carries, conversions, packing ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Arithmetic that is more than one lane kernel. What is one is in LaneOps.inc, RoundedOps.cpp and
/// RareOps.cpp.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

/// A comparison, of poison `p`, combined with the predicate s[2].
void Cta::combine(const Warp &w, const Inst &in, uint32_t &v, uint32_t &p) const {
  uint32_t c = predicate(w, in.s[2], in.negB), pc = w.poison[in.s[2].idx];
  // What the one decides, whatever the other is, is known.
  uint32_t decided = in.sub == 1 ? (~v & ~p) | (~c & ~pc) : in.sub == 2 ? (v & ~p) | (c & ~pc) : 0;
  p = (p | pc) & ~decided;
  v = in.sub == 1 ? v & c : in.sub == 2 ? v | c : v ^ c;
}

void Cta::predLogic(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t a = predicate(w, in.s[0], in.negA), pa = w.poison[in.s[0].idx];
  if (in.op == Op::MovPred)
    return setPredicate(w, in.d, mask, a, pa);
  uint32_t b = in.s[1].present() ? predicate(w, in.s[1], in.negB) : 0, pb = w.poison[in.s[1].idx];
  uint32_t r = in.sub == 0 ? a & b : in.sub == 1 ? a | b : in.sub == 2 ? a ^ b : ~a;
  // A known 0 decides an and, a known 1 an or.
  uint32_t decided = in.sub == 0   ? (~a & ~pa) | (~b & ~pb)
                     : in.sub == 1 ? (a & ~pa) | (b & ~pb)
                                   : 0;
  setPredicate(w, in.d, mask, r, (pa | pb) & ~decided);
}

/// Of pairs of halves: the comparison of the lower and of the upper ones.
std::pair<uint32_t, uint32_t> Cta::comparePairs(const Warp &w, const Inst &in) const {
  const uint32_t *s[2] = {ptr(w, in.s[0]), ptr(w, in.s[1])};
  uint32_t half[2][2][32];
  for (unsigned k = 0; k < 2; ++k)
    for (unsigned l = 0; l < 32; ++l) {
      half[0][k][l] = s[k][l] & 0xffff;
      half[1][k][l] = s[k][l] >> 16;
    }
  return {in.cmp(half[0][0], half[0][1]), in.cmp(half[1][0], half[1][1])};
}

void Cta::setpPair(Warp &w, const Inst &in, uint32_t mask) {
  auto [low, high] = comparePairs(w, in);
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx], pLow = p, pHigh = p;
  if (in.sub) {
    combine(w, in, low, pLow);
    combine(w, in, high, pHigh);
  }
  setPredicate(w, in.d, mask, low, pLow);
  if (in.d2.present())
    setPredicate(w, in.d2, mask, high, pHigh);
}

void Cta::set(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx], low, high = 0;
  if (in.numVec == 2)
    std::tie(low, high) = comparePairs(w, in);
  else
    low = in.cmp(ptr(w, in.s[0]), ptr(w, in.s[1]));
  if (in.sub) {
    uint32_t pHigh = p; // the poison of both halves is one: where either is unknown
    combine(w, in, low, p);
    if (in.numVec == 2) {
      combine(w, in, high, pHigh);
      p |= pHigh;
    }
  }
  uint32_t *d = reg(w, in.d), one = uint32_t(in.imm);
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1)
      d[l] = (low >> l & 1 ? one : 0) | (in.numVec == 2 && (high >> l & 1) ? one << 16 : 0);
  setPoison(w, in.d, mask, p);
}

/// lop3 that also says whether its result is not zero, combined with the predicate vec[0].
void Cta::lop3Pred(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t q = predicate(w, in.vec[0], in.negB), pq = w.poison[in.vec[0].idx], r = 0;
  alu(w, in, mask);
  for (unsigned l = 0; l < 32; ++l)
    r |= uint32_t(reg(w, in.d)[l] != 0) << l;
  uint32_t pr = w.poison[in.d.idx];
  uint32_t decided = in.sub ? (~r & ~pr) | (~q & ~pq) : (r & ~pr) | (q & ~pq);
  setPredicate(w, in.d2, mask, in.sub ? r & q : r | q, (pr | pq) & ~decided);
}

void Cta::isspacep(Warp &w, const Inst &in, uint32_t mask) {
  uint32_t r = 0;
  for (unsigned l = 0; l < 32; ++l) {
    uint64_t a = value(w, in.s[0], l);
    auto inside = [&](uint64_t base, uint64_t bytes) { return a >= base && a < base + bytes; };
    bool shared = inside(kSharedWindow, kSharedWindowBytes),
         local = inside(kLocalWindow, kWindowBytes);
    bool param = inside(kParamWindow, kWindowBytes),
         own = shared && rankOf(a - kSharedWindow) == w.cta;
    bool windowed = shared || local || param;
    const Allocation *at = windowed ? nullptr : ctx.memory->find(a);
    bool constant = at && at->readOnly && a - at->base < at->bytes;
    // The manual puts the parameters of kernels within the global window.
    bool is = in.space == Space::Shared    ? own
              : in.space == Space::Cluster ? shared
              : in.space == Space::Local   ? local
              : in.space == Space::Param   ? param
              : in.space == Space::Const   ? constant
                                           : !(shared || local || constant);
    r |= uint32_t(is) << l;
  }
  setPredicate(w, in.d, mask, r, w.poison[in.s[0].idx]);
}

//===----------------------------------------------------------------------===//
// Carries
//===----------------------------------------------------------------------===//

/// A difference is the sum with the complement and 1, and leaves that sum's carry: no borrow. The manual calls the flag
/// a borrow there, which is the same as long as only subc reads it. ptxas 13 adds the carry itself where addc reads it,
/// and nvcc's division of __int128 counts on that.
void Cta::carry(Warp &w, const Inst &in, uint32_t mask) {
  using U128 = unsigned __int128;
  bool is64 = bytesOf(in.ty) == 8, product = in.sub & (kCarryMulLo | kCarryMulHi);
  bool isSignedType = in.ty == Ty::S32 || in.ty == Ty::S64;
  unsigned bits = is64 ? 64 : 32;
  auto wide = [&](uint64_t v) {
    return !isSignedType ? U128(v) : is64 ? U128(int64_t(v)) : U128(int32_t(v));
  };
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx] | w.poison[in.s[2].idx];
  if (in.sub & kCarryIn)
    p |= w.carryPoison;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    U128 a = value(w, in.s[0], l), b = value(w, in.s[1], l),
         c = in.sub & kCarryIn ? w.carry >> l & 1 : in.sub & kCarrySubtract ? 1 : 0;
    if (product) {
      U128 t = wide(uint64_t(a)) * wide(uint64_t(b));
      a = uint64_t(in.sub & kCarryMulHi ? t >> bits : t) & (~0ull >> (64 - bits));
      b = value(w, in.s[2], l);
    }
    if (in.sub & kCarrySubtract)
      b = ~uint64_t(b) & (~0ull >> (64 - bits));
    U128 r = a + b + c;
    if (in.sub & kCarryOut)
      w.carry = (w.carry & ~(1u << l)) | uint32_t(r >> bits & 1) << l;
    setValue(w, in.d, l, uint64_t(r));
  }
  if (in.sub & kCarryOut)
    w.carryPoison = (w.carryPoison & ~mask) | (p & mask);
  setPoison(w, in.d, mask, p);
}

//===----------------------------------------------------------------------===//
// Packing and conversion
//===----------------------------------------------------------------------===//

/// The parts of a register of 128 bits are two rows (d and d2, or s[0] and s[1]), with half of the
/// elements each.
void Cta::movPack(Warp &w, const Inst &in, uint32_t mask) {
  unsigned parts = in.d2.present() ? 2 : 1, n = in.numVec / parts,
           bits = bytesOf(in.ty) * 8 / in.numVec;
  uint64_t keep = ~0ull >> (64 - bits);
  for (unsigned part = 0; part < parts; ++part) {
    const Opnd &d = part ? in.d2 : in.d, *from = &in.vec[part * n];
    uint32_t p = 0;
    for (unsigned i = 0; i < n; ++i)
      p |= w.poison[from[i].idx] & mask;
    uint64_t known[32] = {};
    for (uint32_t rest = p; rest; rest &= rest - 1)
      for (unsigned i = 0, l = unsigned(std::countr_zero(rest)); i < n; ++i)
        known[l] |= (knownBits(w, from[i], l) & keep) << (bits * i);
    if (bits * n < 64)
      for (uint64_t &k : known)
        k |= ~0ull << (bits * n);
    for (unsigned l = 0; l < 32; ++l) {
      if (!(mask >> l & 1))
        continue;
      uint64_t v = 0;
      for (unsigned i = 0; i < n; ++i)
        v |= (value(w, from[i], l) & keep) << (bits * i);
      setValue(w, d, l, v);
    }
    setPoison(w, d, mask, p);
    if (p)
      noteKnownRow(w, d, p, known);
  }
}

void Cta::movUnpack(Warp &w, const Inst &in, uint32_t mask) {
  unsigned parts = in.s[1].present() ? 2 : 1, n = in.numVec / parts,
           bits = bytesOf(in.ty) * 8 / in.numVec;
  uint64_t keep = ~0ull >> (64 - bits);
  for (unsigned part = 0; part < parts; ++part) {
    const Opnd &s = in.s[part], *to = &in.vec[part * n];
    uint32_t p = w.poison[s.idx] & mask;
    uint64_t known[8][32];
    for (unsigned i = 0; i < n && p; ++i)
      knownOfPart(w, s, p, bits * i, bits, known[i]);
    for (unsigned l = 0; l < 32; ++l) {
      if (!(mask >> l & 1))
        continue;
      uint64_t v = value(w, s, l); // read before any part overwrites it
      for (unsigned i = 0; i < n; ++i)
        setValue(w, to[i], l, v >> (bits * i) & keep);
    }
    for (unsigned i = 0; i < n; ++i) {
      setPoison(w, to[i], mask, p);
      if (p)
        noteKnownRow(w, to[i], p, known[i]);
    }
  }
}

static void convertRow(const CvtSpec &spec, const Inst &in, uint32_t *d, const uint32_t *a,
                       const uint32_t *b, uint32_t mask) {
  const LaneOps &ops = laneOps();
  bool plain = !spec.relu && !spec.satfinite && !spec.sat;
  if (spec.to == Ty::BF16x2 && spec.from == Ty::F32 && plain && spec.round == Round::Rn)
    return ops.cvtBf16x2(d, a, b, mask);
  if (spec.to == Ty::F32 && spec.from == Ty::BF16 && plain && !spec.ftz && !spec.integerRound)
    return ops.cvtF32Bf16(d, a, mask);
  bool wideD = in.d.wide, wideA = in.s[0].wide;
  auto at = [](const uint32_t *p, bool wide, unsigned l) {
    return wide ? uint64_t(p[2 * l + 1]) << 32 | p[2 * l] : uint64_t(p[l]);
  };
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t v;
    uint64_t x = at(a, wideA, l);
    if (spec.from == Ty::U32 && !spec.sat && (spec.to == Ty::U64 || spec.to == Ty::S64))
      v = uint32_t(x);
    else if (spec.from == Ty::S32 && !spec.sat && (spec.to == Ty::U64 || spec.to == Ty::S64))
      v = uint64_t(int64_t(int32_t(x)));
    else if ((spec.from == Ty::U64 || spec.from == Ty::S64) && spec.to == Ty::U32 && !spec.sat)
      v = uint32_t(x);
    else if (spec.from == Ty::S32 && spec.to == Ty::F32 && spec.round == Round::Rn && plain)
      v = std::bit_cast<uint32_t>(float(int32_t(x)));
    else
      v = convertValue(spec, x, b ? at(b, in.s[1].wide, l) : 0, wideD);
    if (wideD) {
      d[2 * l] = uint32_t(v);
      d[2 * l + 1] = uint32_t(v >> 32);
    } else
      d[l] = uint32_t(v);
  }
}

static bool isInteger(Ty ty) {
  return is_contained({Ty::U8, Ty::S8, Ty::U16, Ty::S16, Ty::U32, Ty::S32, Ty::U64, Ty::S64}, ty);
}

void Cta::convert(Warp &w, const Inst &in, uint32_t mask) {
  const CvtSpec &spec = fn.cvts[in.target];
  uint32_t poison = (w.poison[in.s[0].idx] | w.poison[in.s[1].idx]) & mask;
  // Between integers without .sat only the bits that both have count, and the sign that fills the rest of the register.
  bool isPartial = poison && isInteger(spec.to) && isInteger(spec.from) && !spec.sat && !in.s[1].present();
  uint64_t known[32];
  unsigned bits = 8 * std::min(bytesOf(spec.to), bytesOf(spec.from));
  if (isPartial)
    knownOfPart(w, in.s[0], poison, 0, bits, known);
  bool isFilled = isSigned(bytesOf(spec.to) <= bytesOf(spec.from) ? spec.to : spec.from);
  for (uint32_t rest = isPartial && isFilled ? poison : 0; rest && bits < 64; rest &= rest - 1) {
    uint64_t &k = known[std::countr_zero(rest)];
    k &= k >> (bits - 1) & 1 ? ~0ull : (1ull << bits) - 1;
  }
  convertRow(spec, in, reg(w, in.d), ptr(w, in.s[0]),
             in.s[1].present() ? ptr(w, in.s[1]) : nullptr, mask);
  setPoison(w, in.d, mask, poison);
  if (isPartial)
    noteKnownRow(w, in.d, poison, known);
}

} // namespace tk::sim
