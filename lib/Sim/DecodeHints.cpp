//===- DecodeHints.cpp - Hints to caches, and policies -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tk::sim {

/// One of `operations`, or priorities and sizes by level. They change no result, but must be such
/// as exist.
bool Decoder::takeCacheHints(std::initializer_list<StringRef> operations, bool isLoad) {
  bool isOperation = !takeAny(operations).empty();
  bool isGlobal = in.space == Space::Global || in.space == Space::Generic;
  StringRef priority = takeAny({"L1::evict_last", "L1::evict_first", "L1::evict_normal",
                                "L1::evict_unchanged", "L1::no_allocate"});
  hasHint = take("L2::cache_hint");
  bool isSized = isLoad && !takeAny({"L2::64B", "L2::128B", "L2::256B"}).empty();
  if (isOperation && !priority.empty())
    return fail("expected a cache operation or '." + priority + "', got both in '" + raw.word +
                "'");
  if ((!priority.empty() || hasHint || isSized) && !isGlobal)
    return fail("cache hints are for global memory, got '" + raw.word + "'");
  return true;
}

/// The policy of .L2::cache_hint is the last operand. What is in it changes no result.
bool Decoder::policy(unsigned i) {
  Opnd value;
  return !hasHint || src(i, Ty::U64, value);
}

/// What a functional machine cannot show: prefetches, priorities, discards. Those of global memory
/// may name any address: a prefetch of none is no fault.
bool Decoder::hint() {
  StringRef n = raw.parts[0];
  in.op = n == "discard" ? Op::Discard : Op::Nop;
  in.cls = Class::Memory;
  bool isSized = n == "applypriority" || n == "discard";
  if (n != "prefetchu" && take("global"))
    in.space = Space::Global;
  else if (n == "prefetch" && take("local"))
    in.space = Space::Local;
  StringRef level = n == "prefetchu" ? takeAny({"L1"})
                    : n == "discard" ? takeAny({"L2"})
                    : n == "applypriority"
                        ? takeAny({"L2::evict_normal"})
                        : takeAny({"L1", "L2", "L2::evict_last", "L2::evict_normal"});
  if (level.empty())
    return fail("unknown form '" + raw.word + "'");
  int64_t bytes = 128;
  if (!count(1 + isSized, 1 + isSized) || !address(0) || (isSized && !immediate(1, bytes)))
    return false;
  return bytes == 128 ? finish() : fail(operand(1).pos, "expected 128 bytes, got " + Twine(bytes));
}

/// Nothing but the check that a prefetched tensor map is one.
bool Decoder::prefetch() {
  if (!is_contained(mods, "tensormap"))
    return hint();
  take("tensormap");
  in.op = Op::Bulk;
  in.cls = Class::Async;
  BulkSpec s;
  s.kind = BulkSpec::Prefetch;
  s.tensor = true;
  bool param = take("param");
  if (!param)
    take("const");
  if (!count(1, 1) || !addressPart(operand(0), s.global, s.globalOffset, &s.mapInParam))
    return false;
  if (operand(0).elements.size() != 1)
    return fail(operand(0).pos, "expected the address of a tensor map alone, got '" + operand(0).text + "'");
  if (s.mapInParam && !param)
    return fail(operand(0).pos, "'" + raw.word + "' takes a generic address, '" + operand(0).text +
                                    "' is a parameter; write prefetch.param.tensormap");
  s.mapInParam |= param;
  in.vec.push_back(s.global);
  in.target = b.fn.bulks.size();
  b.fn.bulks.push_back(std::move(s));
  return finish();
}

bool Decoder::performanceEvent() {
  int64_t event, limit = take("mask") ? 65535 : 15;
  if (!count(1, 1) || !immediate(0, event))
    return false;
  if (event < 0 || event > limit)
    return fail(operand(0).pos, "expected 0 to " + Twine(limit) + ", got " + Twine(event));
  return finish();
}

/// A cache policy is opaque: what reads it does nothing with it. The value is that of a policy as
/// CUTLASS writes them as literals, with the whole range in it.
bool Decoder::createPolicy() {
  in.cls = Class::Move;
  StringRef kind = takeAny({"fractional", "range", "cvt"});
  if (kind == "cvt") {
    if (!take("L2") || !take("b64"))
      return fail("unknown form '" + raw.word + "'");
    return count(2, 2) && alu(Alu::Mov, 1, Ty::B64, Ty::U64, {Ty::U64});
  }
  if (kind == "range")
    take("global");
  StringRef primary =
      takeAny({"L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged"});
  StringRef second = takeAny({"L2::evict_first", "L2::evict_unchanged"});
  if (kind.empty() || primary.empty() || !take("b64"))
    return fail("unknown form '" + raw.word + "'");
  if (kind == "range") {
    in.space = Space::Global;
    if (!count(4, 4) || !address(1) || !src(2, Ty::U32, in.s[1]) || !src(3, Ty::U32, in.s[2]))
      return false;
    const RawOperand &part = operand(2), &whole = operand(3);
    if (part.kind == RawOperand::Imm && whole.kind == RawOperand::Imm && part.value > whole.value)
      return fail(part.pos, "expected at most the whole size, " + Twine(whole.value) + ", got " +
                                Twine(part.value));
  } else if (!count(1, 2) || (operands() == 2 && !src(1, Ty::F32, in.s[1])))
    return false;
  if (kind == "fractional" && operands() == 2 && operand(1).kind == RawOperand::FloatImm) {
    float fraction;
    uint32_t bits = b.fn.constants[in.s[1].off & ~Opnd::kConst];
    memcpy(&fraction, &bits, sizeof fraction);
    if (!(fraction > 0 && fraction <= 1))
      return fail(operand(1).pos,
                  "expected a fraction above 0 and at most 1, got " + operand(1).text);
  }
  uint64_t code = primary == "L2::evict_first"    ? 0x12
                  : primary == "L2::evict_last"   ? 0x14
                  : primary == "L2::evict_normal" ? 0x16
                                                  : 0x10;
  code |= uint64_t(second == "L2::evict_first") | uint64_t(kind == "range") << 3;
  in.op = Op::Alu;
  in.ty = Ty::B64;
  in.alu = laneOps().alu(Alu::Mov, Ty::B64, false);
  in.s[3] = in.s[0].present() ? in.s[0] : in.s[3]; // a base that is poison makes the policy poison
  in.s[0] = b.constant((code << 24 | 0xf << 20) << 32, true);
  return dst(0, Ty::U64, in.d) && finish();
}

/// Addresses of several devices' memory at once: there is one device here.
bool Decoder::multimem() {
  return fail("'" + raw.word + "' is not supported: multicast objects need several devices");
}

} // namespace tk::sim
