//===- DecodeVideo.cpp - Decoding of video instructions -------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

/// The name without v and the number of elements.
static std::pair<StringRef, unsigned> operationOf(StringRef name) {
  unsigned elements = name.ends_with("2") ? 2 : name.ends_with("4") ? 4 : 1;
  return {name.drop_front().drop_back(elements > 1), elements};
}

bool isVideo(StringRef name) {
  if (!name.starts_with("v") || name == "vote")
    return false;
  auto [operation, elements] = operationOf(name);
  if (elements > 1 ? is_contained({"shl", "shr", "mad"}, operation) : operation == "avrg")
    return false;
  return is_contained({"add", "sub", "avrg", "absdiff", "min", "max", "shl", "shr", "mad", "set"},
                      operation);
}

/// Of scalar instructions ptxas 13.0 makes, for sm_90a, code that sees some operands otherwise than
/// the manual's pseudocode: it loses carries before it saturates, compares c as if it had another
/// sign, and merges the upper half of a result. No source says which is meant.
void Decoder::refuseVideo(const Twine &modifier) {
  b.refuse(raw.pos,
           "'" + raw.word + "' is not supported: ptxas 13.0 and the manual differ about '." +
               modifier +
               "' of scalar video instructions; write the operation with other instructions");
}

bool Decoder::videoModifiers(VideoSpec &s) {
  using V = VideoSpec;
  auto [operation, elements] = operationOf(raw.parts[0]);
  s.op = StringSwitch<V::Operation>(operation)
             .Case("add", V::Add)
             .Case("sub", V::Sub)
             .Case("avrg", V::Average)
             .Case("absdiff", V::AbsDiff)
             .Case("min", V::Min)
             .Case("max", V::Max)
             .Case("shl", V::Shl)
             .Case("shr", V::Shr)
             .Case("mad", V::Mad)
             .Default(V::Set);
  s.elements = uint8_t(elements);
  bool isSet = s.op == V::Set, isShift = s.op == V::Shl || s.op == V::Shr, isMad = s.op == V::Mad;
  SmallVector<bool, 3> isSignedType;
  llvm::erase_if(mods, [&](StringRef mod) {
    bool isType = mod == "u32" || mod == "s32";
    if (isType)
      isSignedType.push_back(mod == "s32");
    return isType;
  });
  unsigned types = isSet ? 2 : 3;
  if (isSignedType.size() != types)
    return fail("'" + raw.word + "' needs " + Twine(types) + " types, .u32 or .s32, got " +
                Twine(isSignedType.size()));
  s.signedB = isSignedType[types - 1];
  s.signedA = isSignedType[types - 2];
  s.signedD = !isSet && isSignedType[0];
  if (isSet) {
    StringRef cmp = takeAny({"eq", "ne", "lt", "le", "gt", "ge"});
    if (cmp.empty())
      return fail("'" + raw.word + "' needs a comparison: .eq, .ne, .lt, .le, .gt or .ge");
    s.cmp = StringSwitch<Cmp>(cmp)
                .Case("eq", Cmp::Eq)
                .Case("ne", Cmp::Ne)
                .Case("lt", Cmp::Lt)
                .Case("le", Cmp::Le)
                .Case("gt", Cmp::Gt)
                .Default(Cmp::Ge);
  }
  if (isShift) {
    if (s.signedB)
      return fail("the last type of '" + raw.word + "' must be .u32, got .s32");
    s.wrap = take("wrap");
    if (!s.wrap && !take("clamp"))
      return fail("'" + raw.word + "' needs .clamp or .wrap");
  }
  s.sat = takeFor("sat", !isSet);
  s.plusOne = takeFor("po", isMad);
  StringRef scale = takeAny({"shr7", "shr15"});
  if (!scale.empty() && !isMad)
    return fail("'." + scale + "' is not defined for '" + raw.word + "'");
  StringRef second = takeAny({"add", "min", "max"});
  if (!second.empty() && (isMad || (elements > 1 && second != "add")))
    return fail("'." + second + "' is not defined for '" + raw.word + "'");
  s.addsC = !second.empty();
  if (elements > 1 && s.sat && s.addsC)
    return fail("'.sat' and '.add' exclude each other in '" + raw.word + "'");
  if (elements == 1 && s.sat)
    refuseVideo("sat");
  if (!scale.empty())
    refuseVideo(scale);
  if (s.addsC && second != "add")
    refuseVideo(second);
  return !failure;
}

/// The fields of a source that its selector names, counted from bit `base` of b and a: of a scalar
/// one, of others one per element, which may be of either source.
bool Decoder::videoFields(const RawOperand &o, const VideoSpec &s, unsigned base, uint8_t *first,
                          uint8_t &bits) {
  StringRef digits = o.selector;
  bool isByte = digits.consume_front("b"), isHalf = !isByte && digits.consume_front("h");
  if (s.elements == 1 && o.selector.empty())
    return true;
  unsigned width = isByte ? 8 : 16;
  auto wrong = [&](const Twine &expected) {
    return fail(o.pos, "expected " + expected + ", got '." + o.selector + "'");
  };
  if (s.elements == 1) {
    unsigned index;
    if ((!isByte && !isHalf) || digits.size() != 1 || digits.getAsInteger(10, index) ||
        index >= 32 / width)
      return wrong("a selector .b0 to .b3, .h0 or .h1");
    bits = uint8_t(width);
    first[0] = uint8_t(base + index * width);
    return true;
  }
  width = bits = uint8_t(32 / s.elements);
  for (unsigned i = 0; i < s.elements; ++i) {
    unsigned index = base / width + i;
    if (!o.selector.empty()) {
      StringRef one = digits.size() == s.elements ? digits.substr(s.elements - 1 - i, 1) : "";
      if (isByte != (s.elements == 4) || one.getAsInteger(10, index) || index >= 2u * s.elements)
        return wrong(s.elements == 4 ? "a selector of four bytes, .b and digits of 0 to 7"
                                     : "a selector of two halves, .h and digits of 0 to 3");
    }
    first[i] = uint8_t(index * width);
  }
  return true;
}

bool Decoder::videoOperands(VideoSpec &s) {
  const RawOperand &d = operand(0);
  for (unsigned i = 0; i < operands(); ++i) {
    const RawOperand &o = operand(i);
    if (o.minus && (i == 0 || s.op != VideoSpec::Mad))
      return fail(o.pos, "'-' is not allowed here");
    if (i == 3 && !o.selector.empty())
      return fail(o.pos, "the last operand has no selector, got '." + o.selector + "'");
    if (s.elements > 1 && o.kind != RawOperand::Reg)
      return fail(o.pos, "expected a register, got '" + o.text + "'");
  }
  if (!videoFields(operand(1), s, 0, s.firstA, s.bitsA) ||
      !videoFields(operand(2), s, 32, s.firstB, s.bitsB))
    return false;
  if (s.elements == 1) {
    if (d.selector.empty())
      return true;
    if (s.op == VideoSpec::Mad || s.addsC)
      return fail(d.pos,
                  "the result of '" + raw.word + "' has no selector, got '." + d.selector + "'");
    if (d.selector == "h1")
      refuseVideo("h1");
    return videoFields(d, s, 0, &s.firstD, s.bitsD);
  }
  s.bitsD = uint8_t(32 / s.elements);
  s.mask = uint8_t((1u << s.elements) - 1);
  if (d.selector.empty())
    return true;
  // Which elements, from the last one down.
  StringRef digits = d.selector;
  bool isKnown = digits.consume_front(s.elements == 4 ? "b" : "h") && !digits.empty();
  s.mask = 0;
  for (char c : digits) {
    unsigned bit = unsigned(c - '0');
    isKnown &= bit < s.elements && !(s.mask & ((2u << bit) - 1));
    if (!isKnown)
      break;
    s.mask |= uint8_t(1u << bit);
  }
  return isKnown || fail(d.pos, Twine("expected a mask ") +
                                    (s.elements == 4 ? ".b0 to .b3210" : ".h0, .h1 or .h10") +
                                    ", got '." + d.selector + "'");
}

bool Decoder::video() {
  VideoSpec s;
  in.op = Op::Video;
  in.cls = Class::Integer;
  in.ty = Ty::B32;
  if (!videoModifiers(s))
    return false;
  bool isMerge = !raw.operands.empty() && !operand(0).selector.empty();
  unsigned n = s.elements > 1 || s.op == VideoSpec::Mad || s.addsC || isMerge ? 4 : 3;
  if (!count(n, n) || !videoOperands(s) || !dst(0, Ty::U32, in.d))
    return false;
  for (unsigned i = 1; i < n; ++i)
    if (!src(i, Ty::U32, in.s[i - 1]))
      return false;
  if (s.op == VideoSpec::Mad) {
    s.negateProduct = operand(1).minus != operand(2).minus;
    s.negateC = operand(3).minus;
    bool isNegated = operand(1).minus || operand(2).minus || s.negateC;
    if (s.plusOne && isNegated)
      return fail("'.po' and '-' exclude each other in '" + raw.word + "'");
    if (s.negateProduct && s.negateC)
      return fail("'" + raw.word + "' takes '-' of the product or of the last operand, got both");
  }
  in.target = uint32_t(b.fn.videos.size());
  b.fn.videos.push_back(s);
  return finish();
}

} // namespace tk::sim
