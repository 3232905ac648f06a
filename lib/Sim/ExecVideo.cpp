//===- ExecVideo.cpp - Video instructions ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// PTX ISA 9.7.18, as its pseudocode has it. DecodeVideo.cpp refuses the forms for which ptxas
/// makes code that does something else.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace llvm;

namespace tk::sim {

using Wide = __int128;

static Wide field(uint64_t words, unsigned first, unsigned bits, bool isSigned) {
  uint64_t v = words >> first & (~0ull >> (64 - bits));
  return isSigned && v >> (bits - 1) ? Wide(v) - (Wide(1) << bits) : Wide(v);
}

static Wide clampTo(Wide v, unsigned bits, bool isSigned) {
  Wide low = isSigned ? -(Wide(1) << (bits - 1)) : 0;
  return std::clamp(v, low, low + (Wide(1) << bits) - 1);
}

static bool compares(Cmp cmp, Wide a, Wide b) {
  switch (cmp) {
  case Cmp::Eq:
    return a == b;
  case Cmp::Ne:
    return a != b;
  case Cmp::Lt:
    return a < b;
  case Cmp::Le:
    return a <= b;
  case Cmp::Gt:
    return a > b;
  default:
    return a >= b;
  }
}

static Wide element(const VideoSpec &s, Wide a, Wide b) {
  unsigned count = unsigned(s.wrap ? b & 31 : std::min<Wide>(b, 32)); // of shifts
  switch (s.op) {
  case VideoSpec::Add:
    return a + b;
  case VideoSpec::Sub:
    return a - b;
  case VideoSpec::Average:
    return (a + b + (a + b >= 0)) >> 1;
  case VideoSpec::AbsDiff:
    return a < b ? b - a : a - b;
  case VideoSpec::Min:
    return std::min(a, b);
  case VideoSpec::Max:
    return std::max(a, b);
  case VideoSpec::Shl:
    return a << count;
  case VideoSpec::Shr:
    return a >> count;
  case VideoSpec::Set:
    return compares(s.cmp, a, b);
  case VideoSpec::Mad:
    return a * b;
  }
  return 0;
}

static uint32_t result(const VideoSpec &s, uint32_t a, uint32_t b, uint32_t c) {
  uint64_t words = uint64_t(b) << 32 | a;
  auto at = [&](unsigned i) {
    return element(s, field(words, s.firstA[i], s.bitsA, s.signedA),
                   field(words, s.firstB[i], s.bitsB, s.signedB));
  };
  if (s.op == VideoSpec::Mad) { // the low bits are those of any signs
    uint32_t product = uint32_t(at(0));
    return (s.negateProduct ? 0 - product : product) + (s.negateC ? 0 - c : c) + s.plusOne;
  }
  uint32_t d = c;
  for (unsigned i = 0; i < s.elements; ++i) {
    if (!(s.mask >> i & 1))
      continue;
    Wide v = s.sat ? clampTo(at(i), s.bitsD, s.signedD) : at(i);
    unsigned first = s.firstD + s.bitsD * i;
    uint32_t place = uint32_t((1ull << s.bitsD) - 1) << first;
    d = s.addsC ? d + uint32_t(v) : (d & ~place) | (uint32_t(v) << first & place);
  }
  return d;
}

void Cta::video(Warp &w, const Inst &in, uint32_t mask) {
  const VideoSpec &s = fn.videos[in.target];
  uint32_t p = w.poison[in.s[0].idx] | w.poison[in.s[1].idx] | w.poison[in.s[2].idx];
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1)
      setValue(w, in.d, l,
               result(s, uint32_t(value(w, in.s[0], l)), uint32_t(value(w, in.s[1], l)),
                      in.s[2].present() ? uint32_t(value(w, in.s[2], l)) : 0));
  setPoison(w, in.d, mask, p);
}

} // namespace tk::sim
