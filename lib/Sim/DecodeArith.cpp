//===- DecodeArith.cpp - Decoding of arithmetic and bit instructions ----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

static bool isHalf(Ty ty) { return ty == Ty::F16 || ty == Ty::F16x2 || ty == Ty::BF16 || ty == Ty::BF16x2; }
static bool isInteger(Ty ty) { return isSigned(ty) || ty == Ty::U16 || ty == Ty::U32 || ty == Ty::U64; }

static uint8_t bitOperandsOf(Alu op) {
  switch (op) {
  case Alu::Mov: case Alu::Not: case Alu::Shl: case Alu::Shr: case Alu::Bfe: case Alu::Brev: return 1;
  case Alu::And: case Alu::Or: case Alu::Xor: case Alu::Bfi: case Alu::Prmt: return 3;
  case Alu::Lop3: return 7;
  default: return 0;
  }
}

bool Decoder::alu(Alu op, unsigned sources, Ty ty, Ty dstTy, ArrayRef<Ty> srcTy) {
  in.op = Op::Alu;
  in.ty = ty;
  in.cls = isFloat(ty) ? Class::Float : Class::Integer;
  if (!count(1 + sources, 1 + sources) || !dst(0, dstTy, in.d))
    return false;
  for (unsigned i = 0; i < sources; ++i)
    if (!src(1 + i, i < srcTy.size() ? srcTy[i] : ty, in.s[i]))
      return false;
  if (!in.alu)
    in.alu = rareAlu(op, ty, in.ftz);
  if (!in.alu)
    in.alu = laneOps().alu(op, ty, in.ftz);
  if (!in.alu)
    return fail("unsupported type in '" + raw.word + "'");
  in.bitOperands = bitOperandsOf(op);
  return finish();
}

/// Takes a modifier that only some types or operations have.
bool Decoder::takeFor(StringRef mod, bool allowed) {
  if (!take(mod))
    return false;
  if (!allowed)
    fail("'." + mod + "' is not defined for '" + raw.word + "'");
  return true;
}

bool Decoder::typeIs(Ty ty, std::initializer_list<Ty> types) {
  return llvm::is_contained(types, ty) || fail("unsupported type in '" + raw.word + "'");
}

bool Decoder::arith() { // add sub mul(real) div rem abs neg fma mad(real) sad
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  if (name == "addc" || name == "subc" || ((name == "add" || name == "sub") && take("cc")))
    return carryArith(name.starts_with("sub") ? kCarrySubtract : 0, 2, ty);
  Alu op = StringSwitch<Alu>(name).Case("add", Alu::Add).Case("sub", Alu::Sub).Case("div", Alu::Div)
               .Case("rem", Alu::Rem).Case("abs", Alu::Abs).Case("neg", Alu::Neg).Case("fma", Alu::Fma)
               .Case("mul", Alu::Mul).Case("mad", Alu::Fma).Case("sad", Alu::Sad).Default(Alu::Mov);
  return isFloat(ty) ? realArith(op, ty) : integerArith(op, ty);
}

bool Decoder::integerArith(Alu op, Ty ty) {
  bool pairs = ty == Ty::U16x2 || ty == Ty::S16x2;
  if (op == Alu::Fma || (pairs ? op != Alu::Add : !isInteger(ty)) ||
      ((op == Alu::Abs || op == Alu::Neg) && !isSigned(ty)))
    return fail("unsupported type in '" + raw.word + "'");
  if (takeFor("sat", ty == Ty::S32 && (op == Alu::Add || op == Alu::Sub)))
    op = op == Alu::Add ? Alu::AddSat : Alu::SubSat;
  return alu(op, op == Alu::Abs || op == Alu::Neg ? 1 : op == Alu::Sad ? 3 : 2, ty, ty, {});
}

bool Decoder::realArith(Alu op, Ty ty) {
  bool flushes = ty == Ty::F16 || ty == Ty::F16x2 || ty == Ty::F32;
  bool rounds = op != Alu::Abs && op != Alu::Neg, fma = op == Alu::Fma;
  if (isHalf(ty) && (op == Alu::Div || raw.parts[0] == "mad"))
    return fail("unsupported type in '" + raw.word + "'");
  in.ftz = takeFor("ftz", flushes);
  in.sat = takeFor("sat", flushes && rounds && op != Alu::Div);
  if (take("oob")) // which NaN counts as out of bounds is written nowhere
    return fail("'" + raw.word + "' is not supported: no manual says which NaN '.oob' looks for");
  if (takeFor("relu", fma && isHalf(ty) && !in.sat))
    op = Alu::FmaRelu;
  bool approx = op == Alu::Div && ty == Ty::F32 && take("approx");
  if (approx)
    op = Alu::DivApprox;
  approx |= op == Alu::Div && ty == Ty::F32 && take("full");
  Round round = rounds && !approx ? takeRound() : Round::None;
  if (round == Round::None && !approx && (fma || op == Alu::Div))
    return fail("'" + raw.word + "' needs a rounding modifier");
  if (round != Round::None && round != Round::Rn && !(in.alu = roundedAlu(op, ty, round, in.ftz)))
    return fail("unsupported rounding in '" + raw.word + "'");
  return alu(op, !rounds ? 1 : fma ? 3 : 2, ty, ty, {});
}

/// Additions that take or give the carry flag; of mad* the product's low or high half is the first summand.
bool Decoder::carryArith(uint8_t form, unsigned sources, Ty ty) {
  StringRef name = raw.parts[0];
  bool takesCarry = name.size() == 4 && name.ends_with("c");
  bool setsCarry = !takesCarry || take("cc"); // the others have lost their .cc already
  if (!typeIs(ty, {Ty::U32, Ty::S32, Ty::U64, Ty::S64}))
    return false;
  in.op = Op::Carry;
  in.cls = Class::Integer;
  in.ty = ty;
  in.sub = form | (takesCarry ? kCarryIn : 0) | (setsCarry ? kCarryOut : 0);
  if (!count(1 + sources, 1 + sources) || !dst(0, ty, in.d))
    return false;
  for (unsigned i = 0; i < sources; ++i)
    if (!src(1 + i, ty, in.s[i]))
      return false;
  return finish();
}

bool Decoder::minMax() {
  Ty ty = takeType();
  bool isMin = raw.parts[0] == "min", pairs = ty == Ty::U16x2 || ty == Ty::S16x2;
  if (operands() == 4)
    return fail("three-input '" + raw.word + "' needs sm_100");
  if (!isFloat(ty) && !isInteger(ty) && !pairs)
    return fail("unsupported type in '" + raw.word + "'");
  in.ftz = takeFor("ftz", ty == Ty::F16 || ty == Ty::F16x2 || ty == Ty::F32);
  bool nan = takeFor("NaN", isFloat(ty) && ty != Ty::F64);
  if (takeFor("relu", ty == Ty::S32 || ty == Ty::S16x2))
    return alu(isMin ? Alu::MinRelu : Alu::MaxRelu, 2, ty, ty, {});
  if (takeFor("xorsign", isFloat(ty) && ty != Ty::F64)) {
    if (!take("abs"))
      return fail("'.xorsign' needs '.abs' in '" + raw.word + "'");
    return alu(isMin ? (nan ? Alu::MinNanXorsign : Alu::MinXorsign) : (nan ? Alu::MaxNanXorsign : Alu::MaxXorsign), 2, ty,
               ty, {});
  }
  return alu(isMin ? (nan ? Alu::MinNan : Alu::Min) : (nan ? Alu::MaxNan : Alu::Max), 2, ty, ty, {});
}

bool Decoder::mulMad() { // mul mad mul24 mad24 madc
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  bool mad = name.starts_with("mad");
  unsigned sources = mad ? 3 : 2;
  if (isFloat(ty) && (name == "mul" || name == "mad"))
    return realArith(mad ? Alu::Fma : Alu::Mul, ty);
  if (!isInteger(ty))
    return fail("unsupported type in '" + raw.word + "'");
  if (take("wide")) {
    Ty wide = ty == Ty::U16 ? Ty::U32 : ty == Ty::S16 ? Ty::S32 : ty == Ty::U32 ? Ty::U64 : ty == Ty::S32 ? Ty::S64 : Ty::None;
    if (wide == Ty::None || (name != "mul" && name != "mad"))
      return fail("unsupported type in '" + raw.word + "'");
    return alu(mad ? Alu::MadWide : Alu::MulWide, sources, ty, wide, {ty, ty, wide});
  }
  bool hi = take("hi");
  if (!hi && !take("lo"))
    return fail("'" + raw.word + "' needs .lo, .hi or .wide");
  if (name == "madc" || (name == "mad" && take("cc")))
    return carryArith(hi ? kCarryMulHi : kCarryMulLo, 3, ty);
  bool sat = takeFor("sat", mad && hi && ty == Ty::S32);
  if (name.ends_with("24")) {
    if (!typeIs(ty, {Ty::U32, Ty::S32}))
      return false;
    return alu(hi ? (sat ? Alu::Mad24HiSat : mad ? Alu::Mad24Hi : Alu::Mul24Hi) : mad ? Alu::Mad24 : Alu::Mul24, sources, ty,
               ty, {});
  }
  return alu(sat ? Alu::MadHiSat : mad ? (hi ? Alu::MadHi : Alu::MadLo) : (hi ? Alu::MulHi : Alu::MulLo), sources, ty, ty, {});
}

bool Decoder::bitOps() { // and or xor not cnot popc clz brev bfind
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  if (ty == Ty::Pred)
    return predLogic(name);
  bool shiftAmount = takeFor("shiftamt", name == "bfind");
  Alu op = StringSwitch<Alu>(name).Case("and", Alu::And).Case("or", Alu::Or).Case("xor", Alu::Xor).Case("not", Alu::Not)
               .Case("cnot", Alu::Cnot).Case("popc", Alu::Popc).Case("clz", Alu::Clz).Case("brev", Alu::Brev)
               .Default(shiftAmount ? Alu::BfindShift : Alu::Bfind);
  bool find = name == "bfind", counts = op == Alu::Popc || op == Alu::Clz;
  bool two = op == Alu::And || op == Alu::Or || op == Alu::Xor;
  bool known = find ? typeIs(ty, {Ty::U32, Ty::S32, Ty::U64, Ty::S64})
               : counts || op == Alu::Brev ? typeIs(ty, {Ty::B32, Ty::B64}) : typeIs(ty, {Ty::B16, Ty::B32, Ty::B64});
  return known && alu(op, two ? 2 : 1, ty, find || counts ? Ty::U32 : ty, {});
}

bool Decoder::predLogic(StringRef name) {
  if (name != "and" && name != "or" && name != "xor" && name != "not")
    return fail("unsupported type in '" + raw.word + "'");
  in.op = Op::PredLogic;
  in.cls = Class::Integer;
  in.sub = name == "and" ? 0 : name == "or" ? 1 : name == "xor" ? 2 : 3;
  unsigned n = in.sub == 3 ? 2 : 3;
  return count(n, n) && dst(0, Ty::Pred, in.d) && pred(operand(1), in.s[0], &in.negA) &&
         (n == 2 || pred(operand(2), in.s[1], &in.negB)) && finish();
}

bool Decoder::shift() {
  Ty ty = takeType();
  bool left = raw.parts[0] == "shl";
  bool bits = ty == Ty::B16 || ty == Ty::B32 || ty == Ty::B64;
  if (!bits && (left || !isInteger(ty)))
    return fail("unsupported type in '" + raw.word + "'");
  return alu(left ? Alu::Shl : Alu::Shr, 2, ty, ty, {ty, Ty::U32});
}

bool Decoder::bitField() { // bfe bfi bmsk szext fns
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  if (name == "bmsk" || name == "szext") {
    bool clamp = take("clamp");
    if (!clamp && !take("wrap"))
      return fail("'" + raw.word + "' needs .clamp or .wrap");
    if (name == "bmsk")
      return typeIs(ty, {Ty::B32}) && alu(clamp ? Alu::Bmsk : Alu::BmskWrap, 2, ty, Ty::U32, {Ty::U32, Ty::U32});
    return typeIs(ty, {Ty::U32, Ty::S32}) && alu(clamp ? Alu::SzextClamp : Alu::SzextWrap, 2, ty, ty, {ty, Ty::U32});
  }
  if (name == "fns")
    return typeIs(ty, {Ty::B32}) && alu(Alu::Fns, 3, ty, ty, {});
  if (name == "bfe")
    return typeIs(ty, {Ty::U32, Ty::S32, Ty::U64, Ty::S64}) && alu(Alu::Bfe, 3, ty, ty, {ty, Ty::U32, Ty::U32});
  return typeIs(ty, {Ty::B32, Ty::B64}) && alu(Alu::Bfi, 4, ty, ty, {ty, ty, Ty::U32, Ty::U32});
}

bool Decoder::realUnary() { // sqrt rcp rsqrt ex2 lg2 sin cos tanh copysign
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  Alu op = StringSwitch<Alu>(name).Case("sqrt", Alu::Sqrt).Case("rcp", Alu::Rcp).Case("rsqrt", Alu::Rsqrt)
               .Case("ex2", Alu::Ex2).Case("lg2", Alu::Lg2).Case("sin", Alu::Sin).Case("cos", Alu::Cos)
               .Case("tanh", Alu::Tanh).Default(Alu::Copysign);
  bool f32 = ty == Ty::F32, f64 = ty == Ty::F64, bf16 = ty == Ty::BF16 || ty == Ty::BF16x2;
  bool rounds = op == Alu::Sqrt || op == Alu::Rcp;
  if (!isFloat(ty) || (isHalf(ty) && op != Alu::Ex2 && op != Alu::Tanh) ||
      (f64 && !rounds && op != Alu::Rsqrt && op != Alu::Copysign))
    return fail("unsupported type in '" + raw.word + "'");
  if (op == Alu::Copysign)
    return alu(op, 2, ty, ty, {});
  bool approx = take("approx");
  Round round = rounds && !approx ? takeRound() : Round::None;
  if (!approx && round == Round::None)
    return fail("'" + raw.word + "' needs .approx" + (rounds ? " or a rounding modifier" : ""));
  in.ftz = takeFor("ftz", op != Alu::Tanh && (f32 || (f64 && approx) || (bf16 && op == Alu::Ex2)));
  if (f64 && approx && op != Alu::Rsqrt && !(op == Alu::Rcp && in.ftz))
    return fail("'.approx' is not defined for '" + raw.word + "'");
  if (bf16 && op == Alu::Ex2 && !in.ftz)
    return fail("'" + raw.word + "' needs .ftz");
  if (round != Round::None && round != Round::Rn && !(in.alu = roundedAlu(op, ty, round, in.ftz)))
    return fail("unsupported rounding in '" + raw.word + "'");
  return alu(op, 1, ty, ty, {});
}

bool Decoder::testp() {
  Ty ty = takeType();
  StringRef name = takeAny({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  Testp property = StringSwitch<Testp>(name).Case("finite", Testp::Finite).Case("infinite", Testp::Infinite)
                       .Case("number", Testp::Number).Case("notanumber", Testp::NotANumber).Case("normal", Testp::Normal)
                       .Default(Testp::Subnormal);
  if (name.empty())
    return fail("'" + raw.word + "' needs a property, such as .finite");
  in.op = Op::Setp; // a comparison of the operand with itself
  in.cls = Class::Float;
  in.ty = ty;
  in.cmp = testpCmp(property, ty);
  return typeIs(ty, {Ty::F32, Ty::F64}) && count(2, 2) && dst(0, Ty::Pred, in.d) && src(1, ty, in.s[0]) &&
         src(1, ty, in.s[1]) && finish();
}

bool Decoder::prmtShf() { // prmt shf
  Ty ty = takeType();
  if (!typeIs(ty, {Ty::B32}))
    return false;
  if (raw.parts[0] == "shf") {
    bool left = take("l"), clamp = take("clamp");
    if ((!left && !take("r")) || (!clamp && !take("wrap")))
      return fail("'" + raw.word + "' needs .l or .r and .wrap or .clamp");
    return alu(left ? (clamp ? Alu::ShfLClamp : Alu::ShfLWrap) : (clamp ? Alu::ShfRClamp : Alu::ShfRWrap), 3, ty, ty, {ty, ty, Ty::U32});
  }
  Alu op = StringSwitch<Alu>(takeAny({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"})).Case("f4e", Alu::PrmtF4e)
               .Case("b4e", Alu::PrmtB4e).Case("rc8", Alu::PrmtRc8).Case("ecl", Alu::PrmtEcl)
               .Case("ecr", Alu::PrmtEcr).Case("rc16", Alu::PrmtRc16).Default(Alu::Prmt);
  return alu(op, 3, ty, ty, {});
}

bool Decoder::dotProduct() { // dp4a dp2a
  Ty tb = takeType(), ta = takeType();
  if (!typeIs(ta, {Ty::U32, Ty::S32}) || !typeIs(tb, {Ty::U32, Ty::S32}))
    return false;
  static constexpr Alu ops[3][4] = {{Alu::Dp4aUU, Alu::Dp4aUS, Alu::Dp4aSU, Alu::Dp4aSS},
                                    {Alu::Dp2aLoUU, Alu::Dp2aLoUS, Alu::Dp2aLoSU, Alu::Dp2aLoSS},
                                    {Alu::Dp2aHiUU, Alu::Dp2aHiUS, Alu::Dp2aHiSU, Alu::Dp2aHiSS}};
  unsigned form = 0;
  if (raw.parts[0] == "dp2a") {
    form = take("lo") ? 1 : take("hi") ? 2 : 0;
    if (!form)
      return fail("'" + raw.word + "' needs .lo or .hi");
  }
  return alu(ops[form][(isSigned(ta) ? 2 : 0) + (isSigned(tb) ? 1 : 0)], 3, Ty::B32, Ty::U32, {Ty::U32, Ty::U32, Ty::U32});
}

bool Decoder::lop3() {
  Ty ty = takeType();
  StringRef combine = takeAny({"and", "or"});
  unsigned n = combine.empty() ? 5 : 6;
  int64_t table;
  if (!typeIs(ty, {Ty::B32}) || !count(n, n) || !immediate(4, table))
    return false;
  if (combine.empty())
    return alu(Alu::Lop3, 4, ty, ty, {});
  in.op = Op::Lop3Pred;
  in.cls = Class::Integer;
  in.ty = ty;
  in.sub = combine == "and";
  in.alu = laneOps().alu(Alu::Lop3, ty, false);
  if (operand(0).second.empty())
    return fail(operand(0).pos, "'" + raw.word + "' needs two results, 'd|p'");
  Opnd q;
  if (!dst(0, ty, in.d) || !secondPred(operand(0)) || !pred(operand(5), q, &in.negB))
    return false;
  in.vec.push_back(q);
  for (unsigned i = 0; i < 4; ++i)
    if (!src(1 + i, ty, in.s[i]))
      return false;
  return finish();
}

} // namespace tk::sim
