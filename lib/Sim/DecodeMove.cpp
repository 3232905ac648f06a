//===- DecodeMove.cpp - Decoding of moves, comparisons, conversions -----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

/// The types of what is only moved.
static constexpr std::initializer_list<Ty> kPlainTypes = {Ty::B16, Ty::U16, Ty::S16, Ty::B32, Ty::U32, Ty::S32,
                                                          Ty::F32, Ty::B64, Ty::U64, Ty::S64, Ty::F64};

bool Decoder::mov() {
  unsigned elements = take("v2") ? 2 : take("v4") ? 4 : 1;
  Ty ty = takeType();
  if (!count(2, 2))
    return false;
  in.cls = Class::Move;
  if (elements > 1)
    return movElements(ty, elements);
  if (ty == Ty::Pred) {
    in.op = Op::MovPred;
    if (operand(1).kind == RawOperand::Special && operand(1).text == "%is_explicit_cluster") {
      in.s[0] = b.special(Special::IsExplicitCluster, false);
      return dst(0, ty, in.d) && finish();
    }
    return dst(0, ty, in.d) && pred(operand(1), in.s[0], &in.negA) && finish();
  }
  if (ty == Ty::B128)
    return movWide();
  if (!typeIs(ty, kPlainTypes))
    return false;
  if (operand(0).kind == RawOperand::Vector || operand(1).kind == RawOperand::Vector)
    return movVector(ty);
  if (operand(1).kind == RawOperand::Special) {
    Special s = *specialByName(operand(1).text);
    if (s >= Special::Clock) {
      unsigned bytes = s == Special::Clock64 || s == Special::GlobalTimer ? 8 : 4;
      if (bytesOf(ty) != bytes || isFloat(ty))
        return fail(operand(1).pos, "'" + operand(1).text + "' has " + Twine(bytes * 8) + " bits, got '" + raw.word + "'");
      in.op = Op::MovSpecial;
      in.sub = uint8_t(s);
      return dst(0, ty, in.d) && finish();
    }
    // A 16-bit read of these takes the low half, as PTX 1.x had it.
    if (bytesOf(ty) == 2 && s > Special::NctaidZ)
      return fail(operand(1).pos, "'" + operand(1).text + "' has no 16-bit form; read 32 bits");
    if (isFloat(ty))
      return fail(operand(1).pos, "expected a register of type .f32 or .f64, got '" + operand(1).text + "'");
    if (bytesOf(ty) == 2) {
      in.op = Op::Alu;
      in.ty = Ty::B32;
      in.alu = laneOps().alu(Alu::And, Ty::B32, false);
      in.s[0] = b.special(s, false);
      in.s[1] = b.constant(0xffff, false);
      return dst(0, ty, in.d) && finish();
    }
  }
  if (!alu(Alu::Mov, 1, ty, ty, {}))
    return false;
  b.fn.code.back().cls = Class::Move;
  return true;
}

/// mov.v4: a move for each element, by way of others where it writes what it has yet to read.
bool Decoder::movElements(Ty ty, unsigned count) {
  if (!mods.empty())
    return finish(); // which says what is left
  if (!typeIs(ty, kPlainTypes))
    return false;
  std::vector<RawOperand> from = operand(1).elements;
  if (operand(1).kind == RawOperand::Special && count == 4 && *specialByName(operand(1).text) == Special::Vector) {
    from.assign(4, operand(1));
    for (unsigned i = 0; i < 4; ++i)
      from[i].text += std::string(".") + "xyzw"[i];
  }
  if (operand(0).elements.size() != count || from.size() != count || bytesOf(ty) * count > 16)
    return fail("'" + raw.word + "' moves " + Twine(count) + " elements in at most 128 bits, got " +
                Twine(operand(0).elements.size()) + " and " + Twine(from.size()));
  SmallVector<Opnd> to(count), source(count);
  bool overlaps = false;
  for (unsigned i = 0; i < count; ++i) {
    if (!reg(operand(0).elements[i], ty, to[i]) || !this->source(from[i], ty, source[i]))
      return false;
    for (unsigned earlier = 0; earlier < i; ++earlier)
      overlaps |= to[earlier].off == source[i].off;
  }
  in.op = Op::Alu;
  in.ty = ty;
  in.alu = laneOps().alu(Alu::Mov, ty, false);
  if (!in.alu)
    return fail("unsupported type in '" + raw.word + "'");
  auto move = [&](Opnd d, Opnd s) {
    in.d = d;
    in.s[0] = s;
    emit();
  };
  for (unsigned i = 0; overlaps && i < count; ++i) {
    Opnd other = b.newRegister(ty, "%copy");
    move(other, source[i]);
    source[i] = other;
  }
  for (unsigned i = 0; i < count; ++i)
    move(to[i], source[i]);
  return true;
}

bool Decoder::movVector(Ty ty) {
  bool pack = operand(1).kind == RawOperand::Vector;
  const RawOperand &v = operand(pack ? 1 : 0);
  unsigned n = v.elements.size(), bytes = bytesOf(ty);
  if (!typeIs(ty, {Ty::B16, Ty::B32, Ty::B64, Ty::B128}))
    return false;
  if (n != 2 && n != 4)
    return fail(v.pos, "expected 2 or 4 elements, got " + Twine(n));
  unsigned es = bytes / n;
  if (es == 0 || (ty == Ty::B128 && es < 4))
    return fail(v.pos, "cannot cut " + Twine(bytes * 8) + " bits into " + Twine(n) + " elements");
  Ty element = es == 1 ? Ty::B8 : es == 2 ? Ty::B16 : es == 4 ? Ty::B32 : Ty::B64;
  in.op = pack ? Op::MovPack : Op::MovUnpack;
  in.ty = ty;
  in.numVec = uint8_t(n);
  if (!vectorRegs(v, element, !pack) || !(pack ? dst(0, ty, in.d) : src(1, ty, in.s[0])))
    return false;
  if (ty == Ty::B128)
    (pack ? in.d2 : in.s[1]) = upperHalf(pack ? in.d : in.s[0]);
  return finish();
}

/// Of 128 bits: a vector's elements in both directions, and a register as the vector of its halves.
bool Decoder::movWide() {
  if (operand(0).kind == RawOperand::Vector || operand(1).kind == RawOperand::Vector)
    return movVector(Ty::B128);
  in.op = Op::MovPack;
  in.ty = Ty::B128;
  in.numVec = 2;
  Opnd from;
  if (operand(1).kind != RawOperand::Reg || !reg(operand(1), Ty::B128, from))
    return fail(operand(1).pos, "expected a register of 128 bits, got '" + operand(1).text + "'");
  in.vec = {from, upperHalf(from)};
  if (!dst(0, Ty::B128, in.d))
    return false;
  in.d2 = upperHalf(in.d);
  return finish();
}

/// The comparison of set and setp, and the predicate that it is combined with, operand 3.
bool Decoder::comparison(Ty ty) {
  in.cls = isFloat(ty) ? Class::Float : Class::Integer;
  bool pairs = ty == Ty::F16x2 || ty == Ty::BF16x2;
  in.ftz = takeFor("ftz", ty == Ty::F16 || ty == Ty::F16x2 || ty == Ty::F32);
  StringRef c = takeAny({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
  StringRef u = take("lo") ? "lt" : take("ls") ? "le" : take("hi") ? "gt" : take("hs") ? "ge" : "";
  if (c.empty() && u.empty() && !mods.empty())
    return fail("unknown comparison '." + mods[0] + "' in '" + raw.word + "'");
  if (c.empty() == u.empty())
    return fail("'" + raw.word + "' needs one comparison");
  bool bits = ty == Ty::B16 || ty == Ty::B32 || ty == Ty::B64, isUnsigned = ty == Ty::U16 || ty == Ty::U32 || ty == Ty::U64;
  if ((bits && c != "eq" && c != "ne") || (!u.empty() && !isUnsigned))
    return fail("this comparison is not defined for the type of '" + raw.word + "'");
  int which = StringSwitch<int>(c.empty() ? u : c)
                  .Case("eq", 0).Case("ne", 1).Case("lt", 2).Case("le", 3).Case("gt", 4).Case("ge", 5)
                  .Case("equ", 6).Case("neu", 7).Case("ltu", 8).Case("leu", 9).Case("gtu", 10).Case("geu", 11)
                  .Case("num", 12).Default(13);
  Ty scalar = ty == Ty::F16x2 ? Ty::F16 : ty == Ty::BF16x2 ? Ty::BF16 : ty;
  in.cmp = rareCmp(Cmp(which), scalar, in.ftz);
  if (!in.cmp)
    in.cmp = laneOps().cmp(Cmp(which), scalar, in.ftz);
  if (!in.cmp)
    return fail("unsupported type or comparison in '" + raw.word + "'");
  in.numVec = pairs ? 2 : 1;
  StringRef combine = takeAny({"and", "or", "xor"});
  in.sub = combine == "and" ? 1 : combine == "or" ? 2 : combine == "xor" ? 3 : 0;
  unsigned n = in.sub ? 4 : 3;
  return count(n, n) && src(1, ty, in.s[0]) && src(2, ty, in.s[1]) && (!in.sub || pred(operand(3), in.s[2], &in.negB));
}

bool Decoder::setp() {
  Ty ty = takeType();
  in.ty = ty;
  bool pairs = ty == Ty::F16x2 || ty == Ty::BF16x2;
  in.op = pairs ? Op::SetpPair : Op::Setp;
  if (!comparison(ty) || !dst(0, Ty::Pred, in.d) || !secondPred(operand(0)))
    return false;
  if (in.d2.present() && (ty == Ty::F16 || ty == Ty::BF16))
    return fail(operand(0).pos, "'" + raw.word + "' has one result");
  return finish();
}

/// The number that a true comparison gives; 0: set has no such type.
static uint32_t trueValue(Ty to, Ty from) {
  bool half = from == Ty::F16 || from == Ty::BF16, pair = from == Ty::F16x2 || from == Ty::BF16x2;
  switch (to) {
  case Ty::U32: case Ty::S32: return pair ? 0xffff : 0xffffffff;
  case Ty::U16: case Ty::S16: return half ? 0xffff : 0;
  case Ty::F32: return half || pair ? 0 : 0x3f800000;
  case Ty::F16: return pair || from == Ty::BF16 ? 0 : 0x3c00;
  case Ty::BF16: return pair ? 0 : 0x3f80;
  case Ty::F16x2: return from == to ? 0x3c00 : 0;
  case Ty::BF16x2: return from == to ? 0x3f80 : 0;
  default: return 0;
  }
}

bool Decoder::set() {
  Ty from = takeType(), to = takeType();
  in.op = Op::Set;
  in.ty = to;
  in.imm = trueValue(to, from);
  if (!in.imm)
    return fail("unsupported type in '" + raw.word + "'");
  if (to == Ty::BF16 && llvm::is_contained(mods, "ftz"))
    return fail("'.ftz' is not defined for '" + raw.word + "'");
  return comparison(from) && dst(0, to, in.d) && finish();
}

bool Decoder::selp() {
  Ty ty = takeType();
  in.op = Op::Selp;
  in.cls = Class::Integer;
  in.ty = ty;
  return typeIs(ty, kPlainTypes) && count(4, 4) && dst(0, ty, in.d) && src(1, ty, in.s[0]) && src(2, ty, in.s[1]) &&
         pred(operand(3), in.s[2], &in.negB) && finish();
}

bool Decoder::slct() {
  Ty c = takeType(), ty = takeType();
  if (!typeIs(ty, kPlainTypes))
    return false;
  if (c != Ty::S32 && c != Ty::F32)
    return fail("'" + raw.word + "' selects by .s32 or .f32");
  in.ftz = takeFor("ftz", c == Ty::F32);
  Alu op = c == Ty::F32 ? Alu::SlctF : Alu::Slct;
  Ty bits = bytesOf(ty) == 8 ? Ty::B64 : Ty::B32; // rows of 16 bits are as wide as those of 32
  in.alu = rareAlu(op, bits, in.ftz);
  if (!in.alu)
    in.alu = laneOps().alu(op, bits, false);
  return alu(op, 3, ty, ty, {ty, ty, c});
}

static bool isIntegerType(Ty ty) {
  return isSigned(ty) || ty == Ty::U8 || ty == Ty::U16 || ty == Ty::U32 || ty == Ty::U64;
}
static bool isFp8Pair(Ty ty) { return ty == Ty::E4M3x2 || ty == Ty::E5M2x2; }

/// Whether the type holds every value of the other.
static bool holds(Ty to, Ty from) {
  unsigned a = bytesOf(to), b = bytesOf(from);
  return isSigned(to) ? (isSigned(from) ? a >= b : a > b) : !isSigned(from) && a >= b;
}

/// Of conversions between .f16, .bf16, .f32 and .f64: whether it must say how it rounds.
static bool losesDigits(Ty to, Ty from) {
  return bytesOf(to) < bytesOf(from) || (bytesOf(to) == bytesOf(from) && to != from);
}

/// Conversions between single integers and reals.
bool Decoder::scalarConversion(const CvtSpec &s) {
  bool fromInt = isIntegerType(s.from), toInt = isIntegerType(s.to), bf16 = s.from == Ty::BF16 || s.to == Ty::BF16;
  auto scalar = [](Ty t) { return isIntegerType(t) || t == Ty::F16 || t == Ty::BF16 || t == Ty::F32 || t == Ty::F64; };
  if (!scalar(s.to) || !scalar(s.from) || (bf16 && (bytesOf(s.to) == 1 || bytesOf(s.from) == 1)))
    return fail("unsupported conversion '" + raw.word + "'");
  bool rounded = s.round != Round::None && !s.integerRound, same = s.to == s.from;
  bool narrows = !fromInt && !toInt && losesDigits(s.to, s.from);
  if (fromInt && toInt ? s.round != Round::None
      : toInt          ? !s.integerRound
      : fromInt        ? !rounded
      : same           ? rounded
                       : s.integerRound || (narrows ? !rounded : rounded && s.from != Ty::BF16))
    return fail(toInt && !fromInt        ? "'" + raw.word + "' needs .rni, .rzi, .rmi or .rpi and no other rounding"
                : fromInt != toInt || narrows ? "'" + raw.word + "' needs .rn, .rz, .rm or .rp and no other rounding"
                                              : "'" + raw.word + "' does not round so");
  if (s.round == Round::Rna)
    return fail("'.rna' is not defined for '" + raw.word + "'");
  if (s.ftz && s.to != Ty::F32 && s.from != Ty::F32)
    return fail("'.ftz' is not defined for '" + raw.word + "'");
  if (s.sat && (bf16 || (fromInt && toInt && holds(s.to, s.from))))
    return fail("'.sat' is not defined for '" + raw.word + "'");
  bool toHalf = s.from == Ty::F32 && (s.to == Ty::F16 || s.to == Ty::BF16);
  if ((s.relu || s.satfinite) && (!toHalf || s.ftz || s.sat || (s.round != Round::Rn && s.round != Round::Rz)))
    return fail("'." + Twine(s.relu ? "relu" : "satfinite") + "' is not defined for '" + raw.word + "'");
  return true;
}

/// Conversions to pairs, to .tf32, and from and to pairs of 8-bit reals.
bool Decoder::packedConversion(const CvtSpec &s) {
  bool halves = s.to == Ty::F16x2 || s.to == Ty::BF16x2, fp8 = isFp8Pair(s.to), tf32 = s.to == Ty::TF32;
  bool known = halves ? s.from == Ty::F32 || (s.to == Ty::F16x2 && isFp8Pair(s.from))
               : fp8  ? s.from == Ty::F32 || s.from == Ty::F16x2
                      : tf32 && s.from == Ty::F32;
  if (!known)
    return fail("unsupported conversion '" + raw.word + "'");
  bool rounds = s.round == Round::Rn || (s.round == Round::Rz && !fp8 && !isFp8Pair(s.from)) || (tf32 && s.round == Round::Rna);
  if (!rounds || s.integerRound)
    return fail("unsupported rounding in '" + raw.word + "'");
  if (s.ftz || s.sat)
    return fail("'." + Twine(s.ftz ? "ftz" : "sat") + "' is not defined for '" + raw.word + "'");
  if (fp8 && !s.satfinite)
    return fail("'" + raw.word + "' needs .satfinite");
  if (s.satfinite && (isFp8Pair(s.from) || (tf32 && s.round != Round::Rna)))
    return fail("'.satfinite' is not defined for '" + raw.word + "'");
  if (s.relu && s.round == Round::Rna)
    return fail("'.relu' is not defined for '" + raw.word + "'");
  return true;
}

bool Decoder::cvt() {
  if (take("pack"))
    return cvtPack();
  CvtSpec spec;
  spec.from = takeType();
  spec.to = takeType();
  StringRef ir = takeAny({"rni", "rzi", "rmi", "rpi"});
  spec.integerRound = !ir.empty();
  spec.round = ir == "rni" ? Round::Rn : ir == "rzi" ? Round::Rz : ir == "rmi" ? Round::Rm
               : ir == "rpi" ? Round::Rp : takeRound();
  spec.ftz = take("ftz");
  spec.sat = take("sat");
  spec.satfinite = take("satfinite");
  spec.relu = take("relu");
  in.op = Op::Cvt;
  in.cls = Class::Convert;
  in.ty = spec.to;
  in.target = b.fn.cvts.size();
  bool pairs = bytesOf(spec.to) >= 2 && (spec.to == Ty::F16x2 || spec.to == Ty::BF16x2 || isFp8Pair(spec.to));
  bool two = pairs && spec.from == Ty::F32;
  if (failure || !(pairs || spec.to == Ty::TF32 ? packedConversion(spec) : scalarConversion(spec)))
    return false;
  b.fn.cvts.push_back(spec);
  // Registers may be wider than the types, but for these.
  bool exactTo = pairs || spec.to == Ty::BF16 || spec.to == Ty::TF32, exactFrom = spec.from == Ty::BF16 || isFp8Pair(spec.from) || isFp8Pair(spec.to);
  unsigned n = two ? 3 : 2;
  return count(n, n) && dst(0, spec.to, in.d, !exactTo) && src(1, spec.from, in.s[0], !exactFrom) &&
         (!two || src(2, spec.from, in.s[1], !exactFrom)) && finish();
}

bool Decoder::cvtPack() {
  bool three = typeByName(mods.back()) == Ty::B32;
  if (three)
    mods.pop_back();
  Ty from = takeType();
  StringRef to = takeAny({"u16", "s16", "u8", "s8", "u4", "s4", "u2", "s2"});
  Alu op = StringSwitch<Alu>(to).Case("u16", Alu::CvtPackU16).Case("s16", Alu::CvtPackS16).Case("u8", Alu::CvtPackU8)
               .Case("s8", Alu::CvtPackS8).Case("u4", Alu::CvtPackU4).Case("s4", Alu::CvtPackS4)
               .Case("u2", Alu::CvtPackU2).Case("s2", Alu::CvtPackS2).Default(Alu::Mov);
  if (!take("sat") || from != Ty::S32 || to.empty() || three == to.ends_with("16"))
    return fail("expected cvt.pack.sat.{u16,s16}.s32 or cvt.pack.sat.{u8,s8,u4,s4,u2,s2}.s32.b32, got '" + raw.word + "'");
  bool done = alu(op, three ? 3 : 2, Ty::B32, Ty::S32, {Ty::S32, Ty::S32});
  if (done)
    b.fn.code.back().cls = Class::Convert;
  return done;
}

bool Decoder::cvta() {
  bool to = take("to");
  Space space;
  if (!takeSpace(space))
    return false;
  if (space == Space::Cluster) // one window for both
    space = Space::Shared;
  Ty ty = takeType();
  if (bytesOf(ty) != 8)
    return fail("only 64-bit generic addresses are supported, got '" + raw.word + "'");
  uint64_t window = space == Space::Shared ? kSharedWindow : space == Space::Local ? kLocalWindow
                    : space == Space::Param ? kParamWindow : 0;
  if (space == Space::Generic)
    return fail("'" + raw.word + "' needs a state space");
  in.op = Op::Alu;
  in.cls = Class::Integer;
  in.ty = Ty::U64;
  in.alu = laneOps().alu(to ? Alu::Sub : Alu::Add, Ty::U64, false);
  if (!count(2, 2) || !dst(0, ty, in.d) || !src(1, ty, in.s[0]))
    return false;
  in.s[1] = b.constant(window, true);
  return finish();
}

} // namespace tk::sim
