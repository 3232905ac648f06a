//===- Decode.cpp - From words to instructions: arithmetic and moves ------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

Ty typeByName(StringRef n) {
  return StringSwitch<Ty>(n)
      .Case("pred", Ty::Pred).Case("b8", Ty::B8).Case("u8", Ty::U8).Case("s8", Ty::S8)
      .Case("b16", Ty::B16).Case("u16", Ty::U16).Case("s16", Ty::S16).Case("f16", Ty::F16).Case("bf16", Ty::BF16)
      .Case("b32", Ty::B32).Case("u32", Ty::U32).Case("s32", Ty::S32).Case("f32", Ty::F32)
      .Case("f16x2", Ty::F16x2).Case("bf16x2", Ty::BF16x2).Case("tf32", Ty::TF32)
      .Case("b64", Ty::B64).Case("u64", Ty::U64).Case("s64", Ty::S64).Case("f64", Ty::F64).Case("b128", Ty::B128)
      .Case("e4m3", Ty::E4M3).Case("e5m2", Ty::E5M2).Case("e4m3x2", Ty::E4M3x2).Case("e5m2x2", Ty::E5M2x2)
      .Case("b1", Ty::B1)
      .Default(Ty::None);
}

unsigned bytesOf(Ty ty) {
  switch (ty) {
  case Ty::None: return 0;
  case Ty::B1: case Ty::B8: case Ty::U8: case Ty::S8: case Ty::E4M3: case Ty::E5M2: return 1;
  case Ty::B16: case Ty::U16: case Ty::S16: case Ty::F16: case Ty::BF16: case Ty::E4M3x2: case Ty::E5M2x2: return 2;
  case Ty::Pred: case Ty::B32: case Ty::U32: case Ty::S32: case Ty::F32: case Ty::F16x2: case Ty::BF16x2:
  case Ty::TF32: return 4;
  case Ty::B64: case Ty::U64: case Ty::S64: case Ty::F64: return 8;
  case Ty::B128: return 16;
  }
  return 0;
}

static bool isFloat(Ty ty) {
  return ty == Ty::F16 || ty == Ty::BF16 || ty == Ty::F32 || ty == Ty::F64 || ty == Ty::F16x2 || ty == Ty::BF16x2;
}
static bool isSigned(Ty ty) { return ty == Ty::S8 || ty == Ty::S16 || ty == Ty::S32 || ty == Ty::S64; }

std::optional<Special> specialByName(StringRef n) {
  using S = std::optional<Special>;
  return StringSwitch<S>(n)
      .Case("%tid.x", Special::TidX).Case("%tid.y", Special::TidY).Case("%tid.z", Special::TidZ)
      .Case("%ntid.x", Special::NtidX).Case("%ntid.y", Special::NtidY).Case("%ntid.z", Special::NtidZ)
      .Case("%ctaid.x", Special::CtaidX).Case("%ctaid.y", Special::CtaidY).Case("%ctaid.z", Special::CtaidZ)
      .Case("%nctaid.x", Special::NctaidX).Case("%nctaid.y", Special::NctaidY).Case("%nctaid.z", Special::NctaidZ)
      .Case("%laneid", Special::LaneId).Case("%warpid", Special::WarpId).Case("%nwarpid", Special::NWarpId)
      .Case("%smid", Special::SmId).Case("%nsmid", Special::NSmId).Case("%gridid", Special::GridId)
      .Case("%lanemask_eq", Special::LanemaskEq).Case("%lanemask_le", Special::LanemaskLe)
      .Case("%lanemask_lt", Special::LanemaskLt).Case("%lanemask_ge", Special::LanemaskGe)
      .Case("%lanemask_gt", Special::LanemaskGt).Case("%dynamic_smem_size", Special::DynamicSmemSize)
      .Case("%total_smem_size", Special::TotalSmemSize)
      .Case("%is_explicit_cluster", Special::IsExplicitCluster)
      .Case("%cluster_ctaid.x", Special::ClusterCtaidX).Case("%cluster_ctaid.y", Special::ClusterCtaidY)
      .Case("%cluster_ctaid.z", Special::ClusterCtaidZ).Case("%cluster_nctaid.x", Special::ClusterNctaidX)
      .Case("%cluster_nctaid.y", Special::ClusterNctaidY).Case("%cluster_nctaid.z", Special::ClusterNctaidZ)
      .Case("%cluster_ctarank", Special::ClusterCtaRank).Case("%cluster_nctarank", Special::ClusterNctaRank)
      .Case("%clusterid.x", Special::ClusterIdX).Case("%clusterid.y", Special::ClusterIdY)
      .Case("%clusterid.z", Special::ClusterIdZ).Case("%nclusterid.x", Special::NClusterIdX)
      .Case("%nclusterid.y", Special::NClusterIdY).Case("%nclusterid.z", Special::NClusterIdZ)
      .Case("%clock", Special::Clock).Case("%clock64", Special::Clock64).Case("%globaltimer", Special::GlobalTimer)
      .Case("%clock_hi", Special::ClockHi).Case("%globaltimer_lo", Special::GlobalTimerLo)
      .Case("%globaltimer_hi", Special::GlobalTimerHi)
      .Default(std::nullopt);
}

bool Decoder::take(StringRef mod) {
  auto it = llvm::find(mods, mod);
  if (it == mods.end())
    return false;
  mods.erase(it);
  return true;
}
StringRef Decoder::takeAny(std::initializer_list<StringRef> names) {
  for (StringRef n : names)
    if (take(n))
      return n;
  return "";
}
bool Decoder::takePrefix(StringRef prefix) {
  for (auto it = mods.begin(); it != mods.end(); ++it)
    if (it->starts_with(prefix)) {
      mods.erase(it);
      return true;
    }
  return false;
}
/// The last type suffix: in "cvt.rn.bf16.f32" the source, in "mad.wide.u32" the only one.
Ty Decoder::takeType() {
  for (size_t i = mods.size(); i-- > 0;)
    if (Ty ty = typeByName(mods[i]); ty != Ty::None) {
      mods.erase(mods.begin() + i);
      return ty;
    }
  fail("instruction '" + raw.word + "' has no type");
  return Ty::None;
}
Round Decoder::takeRound() {
  StringRef r = takeAny({"rn", "rz", "rm", "rp", "rna"});
  return r == "rn" ? Round::Rn : r == "rz" ? Round::Rz : r == "rm" ? Round::Rm : r == "rp" ? Round::Rp
         : r == "rna" ? Round::Rna : Round::None;
}
bool Decoder::takeSpace(Space &space) {
  if (take("global")) space = Space::Global;
  else if (take("shared") || take("shared::cta")) space = Space::Shared;
  else if (take("shared::cluster")) space = Space::Cluster;
  else if (take("local")) space = Space::Local;
  else if (take("param") || take("param::entry") || take("param::func")) space = Space::Param;
  else if (take("const")) space = Space::Const;
  else space = Space::Generic;
  return true;
}
void Decoder::takeCacheHints() {
  while (takePrefix("L1::") || takePrefix("L2::")) {
  }
  takeAny({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
}
bool Decoder::takeScope() {
  StringRef name = takeAny({"cta", "cluster", "gpu", "sys"});
  in.scope = StringSwitch<SyncScope>(name).Case("cta", SyncScope::Cta).Case("cluster", SyncScope::Cluster)
                 .Case("gpu", SyncScope::Gpu).Case("sys", SyncScope::Sys).Default(SyncScope::None);
  return !name.empty();
}

bool Decoder::finish() {
  if (failure)
    return false;
  if (!mods.empty())
    return fail("unknown or unsupported modifier '." + mods[0] + "' in '" + raw.word + "'");
  emit();
  return true;
}

void Decoder::emit() { b.fn.code.push_back(in); }

bool Decoder::count(unsigned lo, unsigned hi) {
  if (operands() >= lo && operands() <= hi)
    return true;
  return fail("'" + raw.word + "' takes " + Twine(lo) + (hi > lo ? " to " + Twine(hi) : Twine("")) + " operands, got " +
              Twine(operands()));
}

bool Decoder::reg(const RawOperand &o, Ty ty, Opnd &out, bool anyWidth) {
  if (o.kind == RawOperand::Sink) {
    out = b.newRegister(ty, "_");
    return true;
  }
  const RegInfo *info = o.kind == RawOperand::Reg ? b.findRegister(o.text) : nullptr;
  if (!info)
    return fail(o.pos, "expected a register, got '" + o.text + "'");
  if ((info->ty == Ty::Pred) != (ty == Ty::Pred))
    return fail(o.pos, "register '" + o.text + "' is " + (ty == Ty::Pred ? "not " : "") + "a predicate");
  if (o.negated)
    return fail(o.pos, "'!' is not allowed here");
  unsigned have = bytesOf(info->ty), want = bytesOf(ty);
  if (have == 16 && want != 16)
    return fail(o.pos, "register '" + o.text + "' has 128 bits, '" + raw.word + "' needs " + Twine(want * 8));
  if (!anyWidth && (have == 8) != (want == 8))
    return fail(o.pos, "register '" + o.text + "' has " + Twine(have * 8) + " bits, '" + raw.word + "' needs " +
                           Twine(want * 8));
  if (anyWidth ? have < want : have < want || (have > want && want >= 2 && have != want))
    return fail(o.pos, "register '" + o.text + "' has " + Twine(have * 8) + " bits, '" + raw.word + "' needs " +
                           Twine(want * 8));
  out = info->opnd;
  return true;
}

static uint64_t immediateBits(const RawOperand &o, Ty ty) {
  if (o.kind == RawOperand::FloatImm) {
    if (bytesOf(ty) == 8) {
      if (!o.isF32)
        return o.value;
      uint32_t u = uint32_t(o.value);
      float f;
      memcpy(&f, &u, 4);
      double d = f;
      uint64_t r;
      memcpy(&r, &d, 8);
      return r;
    }
    if (o.isF32)
      return o.value;
    double d;
    memcpy(&d, &o.value, 8);
    float f = float(d);
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
  }
  unsigned bits = bytesOf(ty) * 8;
  return bits >= 64 ? o.value : o.value & ((1ull << bits) - 1);
}

bool Decoder::source(const RawOperand &o, Ty ty, Opnd &out, bool anyWidth) {
  bool is64 = bytesOf(ty) == 8;
  switch (o.kind) {
  case RawOperand::Reg:
    return reg(o, ty, out, anyWidth);
  case RawOperand::Imm:
  case RawOperand::FloatImm:
    if (bytesOf(ty) == 2 && o.kind == RawOperand::FloatImm)
      return fail(o.pos, "a 16-bit type takes no floating-point literal, got '" + o.text + "'; write its bits");
    if (o.kind == RawOperand::Imm && isFloat(ty) && bytesOf(ty) >= 4 && (ty == Ty::F32 || ty == Ty::F64))
      return fail(o.pos, "expected a floating-point literal, got '" + o.text + "'");
    out = b.constant(immediateBits(o, ty), is64);
    return true;
  case RawOperand::Special: {
    Special s = *specialByName(o.text);
    if (s == Special::IsExplicitCluster)
      return fail(o.pos, "'" + o.text + "' can only be read by mov.pred");
    bool wide = s == Special::Clock64 || s == Special::GlobalTimer || s == Special::GridId;
    if (s >= Special::Clock)
      return fail(o.pos, "'" + o.text + "' can only be read by mov");
    if (wide != is64)
      return fail(o.pos, "'" + o.text + "' has " + Twine(wide ? 64 : 32) + " bits, '" + raw.word + "' needs " +
                             Twine(bytesOf(ty) * 8));
    out = b.special(s, wide);
    return true;
  }
  case RawOperand::Symbol: {
    FunctionBuilder::VarRef ref;
    if (!b.findVariable(o.text, ref)) {
      auto function = b.module.functionNumbers.find(o.text);
      if (function == b.module.functionNumbers.end())
        return fail(o.pos, "unknown symbol '" + o.text + "'");
      if (!is64)
        return fail(o.pos, "the address of function '" + o.text + "' has 64 bits, '" + raw.word + "' needs " +
                               Twine(bytesOf(ty) * 8));
      b.fn.addressesTaken.push_back({function->second, o.pos.line, o.pos.column});
      out = b.constant(codeAddress(function->second) + uint64_t(o.offset), true);
      return true;
    }
    if (ref.inFrame)
      return frameAddress(o, ref, ty, out);
    out = b.addressConstant(ref.space, ref.index, int64_t(ref.paramOffset) + o.offset, is64, false);
    return true;
  }
  default:
    return fail(o.pos, "expected a register or an immediate in '" + raw.word + "'");
  }
}

bool Decoder::pred(const RawOperand &o, Opnd &out, bool *negated) {
  if (o.kind == RawOperand::Imm) {
    out = b.constant(o.value ? ~0u : 0u, false);
    return true;
  }
  RawOperand plain = o;
  if (negated) {
    *negated = o.negated;
    plain.negated = false;
  }
  return reg(plain, Ty::Pred, out);
}

bool Decoder::immediate(unsigned i, int64_t &out) {
  if (operand(i).kind != RawOperand::Imm)
    return fail(operand(i).pos, "expected an integer literal, got '" + operand(i).text + "'");
  out = int64_t(operand(i).value);
  return true;
}

bool Decoder::address(unsigned i) {
  const RawOperand &o = operand(i);
  if (o.kind != RawOperand::Address)
    return fail(o.pos, "expected an address in brackets, got '" + o.text + "'");
  if (o.elements.size() != 1)
    return fail(o.pos, "expected one address, got " + Twine(o.elements.size()) + " parts");
  const RawOperand &base = o.elements[0];
  in.imm = o.offset;
  if (base.kind == RawOperand::Symbol) {
    RawOperand plain = base;
    plain.offset = 0;
    FunctionBuilder::VarRef ref;
    if (b.findVariable(base.text, ref)) {
      Space space = ref.space;
      if (ref.isParam) {
        if (in.space != Space::Param)
          return fail(base.pos, "'" + base.text + "' is a parameter of a function or a call; use ld.param or st.param");
        if (in.imm < 0 || uint64_t(in.imm) + bytesOf(in.ty) * in.numVec > ref.bytes)
          return fail(base.pos, "'" + base.text + "' has " + Twine(ref.bytes) + " bytes, '" + raw.word + "' accesses " +
                                    Twine(bytesOf(in.ty) * in.numVec) + " at " + Twine(in.imm));
        in.space = Space::Local;
      }
      if (ref.inFrame && in.space == Space::Local) {
        if (ref.inCallArea)
          b.noteCallArea();
        in.imm += int64_t(ref.paramOffset);
        in.s[0] = b.frame();
        return true;
      }
      if (in.space == Space::Generic && space != Space::Global && space != Space::Const)
        return fail(base.pos, "variable '" + base.text + "' is not in the generic space; use cvta");
      bool shared = space == Space::Shared && in.space == Space::Cluster;
      if (in.space != Space::Generic && in.space != space && !shared)
        return fail(base.pos, "variable '" + base.text + "' is in another state space than '" + raw.word + "'");
    }
    return source(plain, Ty::B64, in.s[0]);
  }
  if (base.kind == RawOperand::Imm)
    return source(base, Ty::B64, in.s[0]);
  if (base.kind != RawOperand::Reg)
    return fail(base.pos, "expected a register or a symbol as address, got '" + base.text + "'");
  return reg(base, Ty::B32, in.s[0], true);
}

bool Decoder::vectorRegs(const RawOperand &o, Ty ty, bool destination, bool anyWidth) {
  ArrayRef<RawOperand> list = o.kind == RawOperand::Vector ? ArrayRef(o.elements) : ArrayRef(o);
  for (const RawOperand &e : list) {
    Opnd r;
    if (!(destination ? reg(e, ty, r, anyWidth) : source(e, ty, r, anyWidth)))
      return false;
    in.vec.push_back(r);
  }
  return true;
}

bool Decoder::secondPred(const RawOperand &o) {
  if (o.second.empty())
    return true;
  return reg(o.second[0], Ty::Pred, in.d2);
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
    in.alu = laneOps().alu(op, ty, in.ftz);
  if (!in.alu)
    return fail("unsupported type in '" + raw.word + "'");
  return finish();
}

bool Decoder::arith() { // add sub mul(float) div rem abs neg fma sad
  StringRef name = raw.parts[0];
  if ((name == "add" || name == "sub") && take("cc"))
    return addCarry();
  if (name == "addc" || name == "subc")
    return addCarry();
  Ty ty = takeType();
  Round round = takeRound();
  in.ftz = take("ftz");
  in.sat = take("sat");
  bool approx = take("approx") || take("full"), relu = take("relu");
  take("noftz");
  (void)approx;
  Alu op = StringSwitch<Alu>(name).Case("add", Alu::Add).Case("sub", Alu::Sub).Case("div", Alu::Div)
               .Case("rem", Alu::Rem).Case("abs", Alu::Abs).Case("neg", Alu::Neg).Case("fma", Alu::Fma)
               .Case("mul", Alu::Mul).Case("mad", Alu::Fma).Case("sad", Alu::Sad).Default(Alu::Mov);
  unsigned n = op == Alu::Abs || op == Alu::Neg ? 1 : op == Alu::Fma || op == Alu::Sad ? 3 : 2;
  if (relu && op != Alu::Fma)
    return fail("'.relu' is only defined for fma, got '" + raw.word + "'");
  if (relu)
    op = Alu::FmaRelu;
  if (!isFloat(ty) && in.sat) {
    if (ty != Ty::S32)
      return fail("'.sat' on integers is only defined for .s32, got '" + raw.word + "'");
    return fail("saturating integer arithmetic ('" + raw.word + "') is not supported");
  }
  if (round != Round::None && round != Round::Rn) {
    in.alu = roundedAlu(op, ty, round, in.ftz);
    if (!in.alu)
      return fail("unsupported rounding in '" + raw.word + "'");
  }
  return alu(op, n, ty, ty, {});
}

bool Decoder::addCarry() {
  StringRef name = raw.parts[0];
  bool setCC = name == "add" || name == "sub" || take("cc"); // addc/subc may also set it
  Ty ty = takeType();
  if (bytesOf(ty) < 4 || isFloat(ty))
    return fail("unsupported type in '" + raw.word + "'");
  in.op = Op::Carry;
  in.cls = Class::Integer;
  in.ty = ty;
  in.sub = (name.starts_with("sub") ? 1 : 0) | (name.ends_with("c") && name.size() == 4 ? 2 : 0) | (setCC ? 4 : 0);
  return count(3, 3) && dst(0, ty, in.d) && src(1, ty, in.s[0]) && src(2, ty, in.s[1]) && finish();
}

bool Decoder::minMax() {
  Ty ty = takeType();
  in.ftz = take("ftz");
  bool nan = take("NaN"), isMin = raw.parts[0] == "min";
  if (operands() == 4)
    return fail("three-input '" + raw.word + "' needs sm_100");
  return alu(isMin ? (nan ? Alu::MinNan : Alu::Min) : (nan ? Alu::MaxNan : Alu::Max), 2, ty, ty, {});
}

bool Decoder::mulMad() { // mul mad mul24 mad24
  StringRef name = raw.parts[0];
  Ty ty = typeByName(mods.empty() ? "" : mods.back());
  if (isFloat(ty))
    return arith();
  ty = takeType();
  bool mad = name.starts_with("mad");
  if (name.ends_with("24")) {
    if (!take("lo"))
      return fail("'" + raw.word + "' needs .lo; .hi is not supported");
    return alu(mad ? Alu::Mad24 : Alu::Mul24, mad ? 3 : 2, ty, ty, {});
  }
  if (take("cc") || name == "madc")
    return fail("carries in '" + raw.word + "' are not supported");
  if (take("sat"))
    return fail("saturation in '" + raw.word + "' is not supported");
  if (take("wide")) {
    Ty wide = ty == Ty::U16 || ty == Ty::B16 ? Ty::U32 : ty == Ty::S16 ? Ty::S32
              : ty == Ty::U32 || ty == Ty::B32 ? Ty::U64 : ty == Ty::S32 ? Ty::S64 : Ty::None;
    if (wide == Ty::None)
      return fail("unsupported type in '" + raw.word + "'");
    return alu(mad ? Alu::MadWide : Alu::MulWide, mad ? 3 : 2, ty, wide, {ty, ty, wide});
  }
  bool hi = take("hi");
  if (!hi && !take("lo"))
    return fail("'" + raw.word + "' needs .lo, .hi or .wide");
  return alu(mad ? (hi ? Alu::MadHi : Alu::MadLo) : (hi ? Alu::MulHi : Alu::MulLo), mad ? 3 : 2, ty, ty, {});
}

bool Decoder::bitOps() { // and or xor not cnot popc clz brev bfind
  StringRef name = raw.parts[0];
  Ty ty = takeType();
  if (ty == Ty::Pred) {
    in.op = Op::PredLogic;
    in.cls = Class::Integer;
    in.sub = name == "and" ? 0 : name == "or" ? 1 : name == "xor" ? 2 : 3;
    if (name == "cnot")
      return fail("unsupported type in '" + raw.word + "'");
    unsigned n = in.sub == 3 ? 2 : 3;
    return count(n, n) && dst(0, ty, in.d) && pred(operand(1), in.s[0]) &&
           (n == 2 || pred(operand(2), in.s[1])) && finish();
  }
  bool shiftAmount = take("shiftamt");
  Alu op = StringSwitch<Alu>(name).Case("and", Alu::And).Case("or", Alu::Or).Case("xor", Alu::Xor).Case("not", Alu::Not)
               .Case("cnot", Alu::Cnot).Case("popc", Alu::Popc).Case("clz", Alu::Clz).Case("brev", Alu::Brev)
               .Default(shiftAmount ? Alu::BfindShift : Alu::Bfind);
  bool narrow = op == Alu::Popc || op == Alu::Clz || op == Alu::Bfind || op == Alu::BfindShift;
  bool two = op == Alu::And || op == Alu::Or || op == Alu::Xor;
  return alu(op, two ? 2 : 1, ty, narrow ? Ty::U32 : ty, {});
}

bool Decoder::shift() {
  Ty ty = takeType();
  return alu(raw.parts[0] == "shl" ? Alu::Shl : Alu::Shr, 2, ty, ty, {ty, Ty::U32});
}

bool Decoder::bitField() { // bfe bfi bmsk
  if (raw.parts[0] == "bmsk") {
    if (take("wrap"))
      return fail("'" + raw.word + "' is not supported; use .clamp");
    take("clamp");
    Ty ty = takeType();
    return alu(Alu::Bmsk, 2, ty, ty, {});
  }
  Ty ty = takeType();
  if (raw.parts[0] == "bfe")
    return alu(Alu::Bfe, 3, ty, ty, {ty, Ty::U32, Ty::U32});
  return alu(Alu::Bfi, 4, ty, ty, {ty, ty, Ty::U32, Ty::U32});
}

bool Decoder::realUnary() { // sqrt rcp rsqrt ex2 lg2 sin cos tanh copysign
  Ty ty = takeType();
  if (!isFloat(ty))
    return fail("unsupported type in '" + raw.word + "'");
  in.ftz = take("ftz");
  take("approx");
  Round round = takeRound();
  Alu op = StringSwitch<Alu>(raw.parts[0]).Case("sqrt", Alu::Sqrt).Case("rcp", Alu::Rcp).Case("rsqrt", Alu::Rsqrt)
               .Case("ex2", Alu::Ex2).Case("lg2", Alu::Lg2).Case("sin", Alu::Sin).Case("cos", Alu::Cos)
               .Case("tanh", Alu::Tanh).Default(Alu::Copysign);
  if (round != Round::None && round != Round::Rn && !(in.alu = roundedAlu(op, ty, round, in.ftz)))
    return fail("unsupported rounding in '" + raw.word + "'");
  return alu(op, op == Alu::Copysign ? 2 : 1, ty, ty, {});
}

bool Decoder::prmtShf() { // prmt lop3 shf dp4a
  StringRef name = raw.parts[0];
  if (name == "shf") {
    bool left = take("l"), clamp = take("clamp");
    if ((!left && !take("r")) || (!clamp && !take("wrap")))
      return fail("'" + raw.word + "' needs .l or .r and .wrap or .clamp");
    Ty ty = takeType();
    return alu(left ? (clamp ? Alu::ShfLClamp : Alu::ShfLWrap) : (clamp ? Alu::ShfRClamp : Alu::ShfRWrap), 3, ty, ty, {});
  }
  if (name == "dp4a") {
    Ty tb = takeType(), ta = takeType();
    bool sa = isSigned(ta), sb = isSigned(tb);
    Alu op = sa ? (sb ? Alu::Dp4aSS : Alu::Dp4aSU) : (sb ? Alu::Dp4aUS : Alu::Dp4aUU);
    return alu(op, 3, Ty::B32, Ty::B32, {});
  }
  if (name == "lop3") {
    Ty ty = takeType();
    return alu(Alu::Lop3, 4, ty, ty, {});
  }
  Alu op = StringSwitch<Alu>(takeAny({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"})).Case("f4e", Alu::PrmtF4e)
               .Case("b4e", Alu::PrmtB4e).Case("rc8", Alu::PrmtRc8).Case("ecl", Alu::PrmtEcl)
               .Case("ecr", Alu::PrmtEcr).Case("rc16", Alu::PrmtRc16).Default(Alu::Prmt);
  Ty ty = takeType();
  return alu(op, 3, ty, ty, {});
}

bool Decoder::mov() {
  Ty ty = takeType();
  if (!count(2, 2))
    return false;
  in.cls = Class::Move;
  if (ty == Ty::Pred) {
    in.op = Op::MovPred;
    if (operand(1).kind == RawOperand::Special && operand(1).text == "%is_explicit_cluster") {
      in.s[0] = b.special(Special::IsExplicitCluster, false);
      return dst(0, ty, in.d) && finish();
    }
    return dst(0, ty, in.d) && pred(operand(1), in.s[0]) && finish();
  }
  if (ty == Ty::B128)
    return fail("128-bit registers ('" + raw.word + "') are not supported");
  if (operand(0).kind == RawOperand::Vector || operand(1).kind == RawOperand::Vector)
    return movVector(ty);
  if (operand(1).kind == RawOperand::Special) {
    Special s = *specialByName(operand(1).text);
    if (s >= Special::Clock) {
      in.op = Op::MovSpecial;
      in.sub = uint8_t(s);
      return dst(0, s == Special::Clock64 || s == Special::GlobalTimer ? Ty::B64 : Ty::B32, in.d) && finish();
    }
    // A 16-bit read of a 32-bit special register takes its low half.
    if (bytesOf(ty) == 2)
      return fail(operand(1).pos, "16-bit reads of '" + operand(1).text + "' are not supported; read 32 bits");
  }
  if (!alu(Alu::Mov, 1, ty, ty, {}))
    return false;
  b.fn.code.back().cls = Class::Move;
  return true;
}

bool Decoder::movVector(Ty ty) {
  bool pack = operand(1).kind == RawOperand::Vector;
  const RawOperand &v = operand(pack ? 1 : 0);
  unsigned n = v.elements.size(), bytes = bytesOf(ty);
  if (n != 2 && n != 4)
    return fail(v.pos, "expected 2 or 4 elements, got " + Twine(n));
  unsigned es = bytes / n;
  if (es != 1 && es != 2 && es != 4)
    return fail(v.pos, "cannot cut " + Twine(bytes * 8) + " bits into " + Twine(n) + " elements");
  Ty element = es == 1 ? Ty::B8 : es == 2 ? Ty::B16 : Ty::B32;
  in.op = pack ? Op::MovPack : Op::MovUnpack;
  in.ty = ty;
  in.numVec = uint8_t(n);
  return vectorRegs(v, element, !pack) && (pack ? dst(0, ty, in.d) : src(1, ty, in.s[0])) && finish();
}

bool Decoder::setp() {
  Ty ty = takeType();
  in.op = Op::Setp;
  in.ty = ty;
  in.cls = isFloat(ty) ? Class::Float : Class::Integer;
  in.ftz = take("ftz");
  if (mods.empty())
    return fail("'" + raw.word + "' needs a comparison");
  StringRef c = mods[0];
  mods.erase(mods.begin());
  if (c == "lo" || c == "ls" || c == "hi" || c == "hs") // unsigned spellings
    c = c == "lo" ? "lt" : c == "ls" ? "le" : c == "hi" ? "gt" : "ge";
  int which = StringSwitch<int>(c).Case("eq", 0).Case("ne", 1).Case("lt", 2).Case("le", 3).Case("gt", 4).Case("ge", 5)
                  .Case("equ", 6).Case("neu", 7).Case("ltu", 8).Case("leu", 9).Case("gtu", 10).Case("geu", 11)
                  .Case("num", 12).Case("nan", 13).Default(-1);
  if (which < 0)
    return fail("unknown comparison '." + c + "' in '" + raw.word + "'");
  in.cmp = laneOps().cmp(Cmp(which), ty, in.ftz);
  if (!in.cmp)
    return fail("unsupported type or comparison in '" + raw.word + "'");
  StringRef combine = takeAny({"and", "or", "xor"});
  in.sub = combine == "and" ? 1 : combine == "or" ? 2 : combine == "xor" ? 3 : 0;
  unsigned n = in.sub ? 4 : 3;
  return count(n, n) && dst(0, Ty::Pred, in.d) && secondPred(operand(0)) && src(1, ty, in.s[0]) && src(2, ty, in.s[1]) &&
         (!in.sub || pred(operand(3), in.s[2], &in.negB)) && finish();
}

bool Decoder::selp() {
  Ty ty = takeType();
  in.op = ty == Ty::Pred ? Op::SelPred : Op::Selp;
  in.cls = Class::Integer;
  in.ty = ty;
  if (!count(4, 4) || !dst(0, ty, in.d))
    return false;
  if (ty == Ty::Pred)
    return pred(operand(1), in.s[0]) && pred(operand(2), in.s[1]) && pred(operand(3), in.s[2]) && finish();
  return src(1, ty, in.s[0]) && src(2, ty, in.s[1]) && pred(operand(3), in.s[2]) && finish();
}

bool Decoder::slct() {
  Ty c = takeType(), ty = takeType();
  in.ftz = take("ftz");
  if (c != Ty::S32 && c != Ty::F32)
    return fail("'" + raw.word + "' selects by .s32 or .f32");
  return alu(c == Ty::F32 ? Alu::SlctF : Alu::Slct, 3, ty, ty, {ty, ty, c});
}

bool Decoder::cvt() {
  if (take("pack"))
    return fail("'" + raw.word + "' is not supported");
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
  bool pairs = spec.to == Ty::F16x2 || spec.to == Ty::BF16x2 || spec.to == Ty::E4M3x2 || spec.to == Ty::E5M2x2;
  bool two = pairs && spec.from == Ty::F32;
  bool fp8Source = spec.from == Ty::E4M3x2 || spec.from == Ty::E5M2x2;
  bool known = two ||
               ((spec.to == Ty::E4M3x2 || spec.to == Ty::E5M2x2) && spec.from == Ty::F16x2) ||
               (spec.to == Ty::F16x2 && fp8Source) ||
               (spec.to == Ty::TF32 && spec.from == Ty::F32) ||
               (!pairs && !fp8Source && spec.from != Ty::F16x2 && spec.from != Ty::BF16x2 && spec.from != Ty::TF32 &&
                spec.to != Ty::TF32 && spec.from != Ty::Pred && spec.to != Ty::Pred && bytesOf(spec.to) <= 8 &&
                bytesOf(spec.from) <= 8 && spec.to != Ty::E4M3 && spec.to != Ty::E5M2 && spec.from != Ty::E4M3 &&
                spec.from != Ty::E5M2);
  if (!known)
    return fail("unsupported conversion '" + raw.word + "'");
  b.fn.cvts.push_back(spec);
  unsigned n = two ? 3 : 2;
  return count(n, n) && dst(0, spec.to, in.d, true) && src(1, spec.from, in.s[0], true) &&
         (!two || src(2, spec.from, in.s[1], true)) && finish();
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

const StringMap<Decoder::Family> &Decoder::families() {
  static const StringMap<Family> *map = [] {
    auto *m = new StringMap<Family>();
    auto add = [&](Family f, std::initializer_list<StringRef> names) {
      for (StringRef n : names)
        (*m)[n] = f;
    };
    add(&Decoder::arith, {"add", "sub", "addc", "subc", "div", "rem", "abs", "neg", "fma", "sad"});
    add(&Decoder::mulMad, {"mul", "mad", "mul24", "mad24", "madc"});
    add(&Decoder::minMax, {"min", "max"});
    add(&Decoder::bitOps, {"and", "or", "xor", "not", "cnot", "popc", "clz", "brev", "bfind"});
    add(&Decoder::shift, {"shl", "shr"});
    add(&Decoder::bitField, {"bfe", "bfi", "bmsk"});
    add(&Decoder::realUnary, {"sqrt", "rcp", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh", "copysign"});
    add(&Decoder::prmtShf, {"prmt", "lop3", "shf", "dp4a"});
    add(&Decoder::mov, {"mov"});
    add(&Decoder::setp, {"setp"});
    add(&Decoder::selp, {"selp"});
    add(&Decoder::slct, {"slct"});
    add(&Decoder::cvt, {"cvt"});
    add(&Decoder::cvta, {"cvta"});
    add(&Decoder::isspacep, {"isspacep"});
    add(&Decoder::ldst, {"ld", "ldu", "st"});
    add(&Decoder::atomRed, {"atom", "red"});
    add(&Decoder::branch, {"bra"});
    add(&Decoder::brx, {"brx"});
    add(&Decoder::control, {"exit", "trap", "brkpt"});
    add(&Decoder::call, {"call"});
    add(&Decoder::ret, {"ret"});
    add(&Decoder::stack, {"alloca", "stacksave", "stackrestore"});
    add(&Decoder::sleep, {"nanosleep"});
    add(&Decoder::ignored, {"prefetchu", "pmevent", "applypriority"});
    add(&Decoder::setMaxNReg, {"setmaxnreg"});
    add(&Decoder::gridDependency, {"griddepcontrol"});
    add(&Decoder::clusterAddress, {"mapa", "getctarank"});
    add(&Decoder::prefetch, {"prefetch"});
    add(&Decoder::bar, {"bar", "barrier"});
    add(&Decoder::fence, {"fence", "membar"});
    add(&Decoder::shfl, {"shfl"});
    add(&Decoder::vote, {"vote"});
    add(&Decoder::match, {"match"});
    add(&Decoder::warpOps, {"activemask", "redux", "elect"});
    add(&Decoder::matrixMove, {"ldmatrix", "stmatrix", "movmatrix"});
    add(&Decoder::mma, {"mma"});
    add(&Decoder::wgmma, {"wgmma"});
    add(&Decoder::cpAsync, {"cp"});
    add(&Decoder::mbarrier, {"mbarrier"});
    return m;
  }();
  return *map;
}

Failure Decoder::decode() {
  auto it = families().find(raw.parts[0]);
  if (it == families().end())
    return {raw.pos, "unknown instruction '" + raw.word + "'"};
  if (raw.guarded) {
    RawOperand g;
    g.kind = RawOperand::Reg;
    g.pos = raw.pos;
    g.text = raw.guard;
    if (!reg(g, Ty::Pred, in.guard))
      return failure;
    in.guardNeg = raw.guardNeg;
  }
  if (!(this->*it->second)() && !failure)
    fail("cannot decode '" + raw.word + "'");
  return failure;
}

Failure decodeInstruction(FunctionBuilder &builder, const RawInst &raw, uint32_t loc) {
  return Decoder(builder, raw, loc).decode();
}

} // namespace tk::sim
