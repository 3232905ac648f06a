//===- Decode.cpp - From words to instructions --------------------------===//
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

static constexpr std::pair<StringLiteral, Ty> kTypes[] = {
    {"pred", Ty::Pred}, {"b8", Ty::B8}, {"u8", Ty::U8}, {"s8", Ty::S8}, {"b16", Ty::B16}, {"u16", Ty::U16},
    {"s16", Ty::S16}, {"f16", Ty::F16}, {"bf16", Ty::BF16}, {"b32", Ty::B32}, {"u32", Ty::U32}, {"s32", Ty::S32},
    {"f32", Ty::F32}, {"f16x2", Ty::F16x2}, {"bf16x2", Ty::BF16x2}, {"tf32", Ty::TF32}, {"b64", Ty::B64},
    {"u64", Ty::U64}, {"s64", Ty::S64}, {"f64", Ty::F64}, {"b128", Ty::B128}, {"e4m3", Ty::E4M3},
    {"e5m2", Ty::E5M2}, {"e4m3x2", Ty::E4M3x2}, {"e5m2x2", Ty::E5M2x2}, {"b1", Ty::B1}, {"u16x2", Ty::U16x2},
    {"s16x2", Ty::S16x2}};

Ty typeByName(StringRef n) {
  for (auto &[name, ty] : kTypes)
    if (name == n)
      return ty;
  return Ty::None;
}

static StringRef nameOf(Ty ty) {
  for (auto &[name, known] : kTypes)
    if (known == ty)
      return name;
  return ""; // u4 and s4 come as .b32
}

unsigned bytesOf(Ty ty) {
  switch (ty) {
  case Ty::None: return 0;
  case Ty::B1: case Ty::U4: case Ty::S4: case Ty::B8: case Ty::U8: case Ty::S8: case Ty::E4M3: case Ty::E5M2: return 1;
  case Ty::B16: case Ty::U16: case Ty::S16: case Ty::F16: case Ty::BF16: case Ty::E4M3x2: case Ty::E5M2x2: return 2;
  case Ty::Pred: case Ty::B32: case Ty::U32: case Ty::S32: case Ty::F32: case Ty::F16x2: case Ty::BF16x2:
  case Ty::TF32: case Ty::U16x2: case Ty::S16x2: return 4;
  case Ty::B64: case Ty::U64: case Ty::S64: case Ty::F64: return 8;
  case Ty::B128: return 16;
  }
  return 0;
}

/// Registers that hold what a driver, a profiler or the system says, by number or by name. Of two of them CUDA's headers
/// (cooperative_groups/details/driver_abi.h) say what it is.
static std::optional<Special> unknownSpecial(StringRef n) {
  unsigned i;
  if (n == "%aggr_smem_size")
    return Special::Unknown;
  if (n.consume_front("%envreg") && !n.getAsInteger(10, i))
    return i == 1   ? std::optional(Special::WorkspaceHigh)
           : i == 2 ? std::optional(Special::WorkspaceLow)
           : i < 32 ? std::optional(Special::Unknown) : std::nullopt;
  if (n.consume_front("%reserved_smem_offset_"))
    return is_contained({"begin", "end", "cap", "0", "1"}, n) ? std::optional(Special::Unknown) : std::nullopt;
  if (!n.consume_front("%pm"))
    return std::nullopt;
  bool is64 = n.consume_back("_64");
  if (n.getAsInteger(10, i) || i > 7)
    return std::nullopt;
  return is64 ? Special::Unknown64 : Special::Unknown;
}

/// The registers that are vectors of four.
static bool isVectorSpecial(StringRef n) {
  return is_contained({"%tid", "%ntid", "%ctaid", "%nctaid", "%clusterid", "%nclusterid", "%cluster_ctaid", "%cluster_nctaid"}, n);
}

std::optional<Special> specialByName(StringRef n) {
  if (isVectorSpecial(n))
    return Special::Vector;
  if (n.consume_back(".w"))
    return isVectorSpecial(n) ? std::optional(Special::Zero) : std::nullopt;
  if (std::optional<Special> s = unknownSpecial(n))
    return s;
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
      .Case("%globaltimer_hi", Special::GlobalTimerHi).Case("%current_graph_exec", Special::Zero64)
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
  for (const RawOperand &o : raw.operands)
    if (!o.second.empty() && !tookSecond)
      return fail(o.second[0].pos, "'" + raw.word + "' has one result, got a second, '" + o.second[0].text + "'");
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

/// Whether a register may hold what an operand of a type wants, but for its width. Bits hold anything and are made of
/// anything; integers know no sign; of reals each is its own, and the packed ones are bits besides .f16x2. ptxas 13.0
/// takes .f16x2 registers for integers of 32 bits too.
static bool isKindOf(Ty have, Ty want) {
  auto isBits = [](Ty t) { return t == Ty::Pred || t == Ty::B8 || t == Ty::B16 || t == Ty::B32 || t == Ty::B64 || t == Ty::B128; };
  auto isInteger = [](Ty t) { return isSigned(t) || t == Ty::U8 || t == Ty::U16 || t == Ty::U32 || t == Ty::U64; };
  if (isBits(have) || isBits(want) || have == want)
    return true;
  if (have == Ty::F16x2)
    return isInteger(want) || want == Ty::U16x2 || want == Ty::S16x2;
  return isInteger(have) && isInteger(want);
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
  if (!isKindOf(info->ty, ty))
    return fail(o.pos, "register '" + o.text + "' is ." + nameOf(info->ty) + ", '" + raw.word + "' takes ." + nameOf(ty) + " here");
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

uint64_t immediateBits(const RawOperand &o, Ty ty) {
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
    if (isFloat(ty) && ty != Ty::F32 && ty != Ty::F64)
      return fail(o.pos, "'" + raw.word + "' takes no literal, got '" + o.text + "'");
    if (bytesOf(ty) == 2 && o.kind == RawOperand::FloatImm)
      return fail(o.pos, "a 16-bit type takes no floating-point literal, got '" + o.text + "'; write its bits");
    if (o.kind == RawOperand::Imm && isFloat(ty) && bytesOf(ty) >= 4 && (ty == Ty::F32 || ty == Ty::F64))
      return fail(o.pos, "expected a floating-point literal, got '" + o.text + "'");
    if (o.kind == RawOperand::FloatImm && !o.isBits && !isFloat(ty))
      return fail(o.pos, "expected an integer, got '" + o.text + "'");
    out = b.constant(immediateBits(o, ty), is64);
    return true;
  case RawOperand::Special: {
    Special s = *specialByName(o.text);
    if (raw.parts[0] != "mov" && raw.parts[0] != "cvt")
      return fail(o.pos, "'" + o.text + "' can only be read by mov and cvt; '" + raw.word + "' takes registers");
    if (s == Special::IsExplicitCluster)
      return fail(o.pos, "'" + o.text + "' can only be read by mov.pred");
    if (s == Special::Vector)
      return fail(o.pos, "'" + o.text + "' has four elements; '" + raw.word + "' takes one, such as " + o.text + ".x");
    if (s == Special::GridId && !is64) // its low half: grids are not counted here
      s = Special::Zero;
    bool wide = s == Special::Clock64 || s == Special::GlobalTimer || isWide(s);
    if (s >= Special::Clock)
      return fail(o.pos, "'" + o.text + "' can only be read by mov");
    if (wide != is64)
      return fail(o.pos, "'" + o.text + "' has " + Twine(wide ? 64 : 32) + " bits, '" + raw.word + "' needs " +
                             Twine(bytesOf(ty) * 8));
    out = b.special(s, wide);
    return true;
  }
  case RawOperand::Symbol: {
    if (!inAddress && !is_contained({"mov", "cvta", "mapa", "getctarank"}, raw.parts[0]))
      return fail(o.pos, "'" + raw.word + "' takes registers, got the name '" + o.text + "'; mov gives its address");
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

/// How many groups of copies or products may still be under way.
bool Decoder::groupCount(unsigned i) {
  if (!immediate(i, in.imm))
    return false;
  return (in.imm >= 0 && in.imm <= 0x7fffffff) ||
         fail(operand(i).pos, "expected a number of groups, got " + Twine(in.imm));
}

/// Names of variables stand in addresses; of other instructions only mov and cvta take them.
bool Decoder::addressSource(const RawOperand &base, Opnd &out) {
  inAddress = true;
  bool isRead = source(base, Ty::U64, out);
  inAddress = false;
  return isRead;
}

bool Decoder::address(unsigned i) {
  if (operand(i).isIndexed && (in.op == Op::Ld || in.op == Op::St)) { // variable[index]: the address of an element
    RawOperand bracketed;
    bracketed.kind = RawOperand::Address;
    bracketed.pos = operand(i).pos;
    bracketed.offset = operand(i).offset;
    bracketed.elements.push_back(operand(i));
    return address(bracketed);
  }
  return address(operand(i));
}

bool Decoder::address(const RawOperand &o) {
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
    return addressSource(plain, in.s[0]);
  }
  if (base.kind == RawOperand::Imm)
    return addressSource(base, in.s[0]);
  if (base.kind != RawOperand::Reg)
    return fail(base.pos, "expected a register or a symbol as address, got '" + base.text + "'");
  return reg(base, Ty::U32, in.s[0], true);
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
  tookSecond = true;
  if (o.second.empty())
    return true;
  return reg(o.second[0], Ty::Pred, in.d2);
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
    add(&Decoder::bitField, {"bfe", "bfi", "bmsk", "szext", "fns"});
    add(&Decoder::realUnary, {"sqrt", "rcp", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh", "copysign"});
    add(&Decoder::prmtShf, {"prmt", "shf"});
    add(&Decoder::dotProduct, {"dp4a", "dp2a"});
    add(&Decoder::lop3, {"lop3"});
    add(&Decoder::video, {"vadd", "vsub", "vabsdiff", "vmin", "vmax", "vshl", "vshr", "vmad", "vset",
                          "vadd2", "vsub2", "vavrg2", "vabsdiff2", "vmin2", "vmax2", "vset2",
                          "vadd4", "vsub4", "vavrg4", "vabsdiff4", "vmin4", "vmax4", "vset4"});
    add(&Decoder::testp, {"testp"});
    add(&Decoder::mov, {"mov"});
    add(&Decoder::setp, {"setp"});
    add(&Decoder::set, {"set"});
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
    add(&Decoder::hint, {"prefetchu", "applypriority", "discard"});
    add(&Decoder::performanceEvent, {"pmevent"});
    add(&Decoder::createPolicy, {"createpolicy"});
    add(&Decoder::multimem, {"multimem"});
    add(&Decoder::tensormap, {"tensormap"});
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
    add(&Decoder::wmma, {"wmma"});
    add(&Decoder::wgmma, {"wgmma"});
    add(&Decoder::cpAsync, {"cp"});
    add(&Decoder::mbarrier, {"mbarrier"});
    return m;
  }();
  return *map;
}

/// Whether "_" stands where ptxas 13.0 takes it: for the result of a few instructions, for one of two results, and for some
/// registers of a vector.
static bool mayDiscard(const RawInst &raw) {
  auto isSink = [](const RawOperand &o) { return o.kind == RawOperand::Sink; };
  auto isAllSinks = [&](const RawOperand &o) {
    return o.kind == RawOperand::Vector && !o.elements.empty() && all_of(o.elements, isSink);
  };
  if (raw.operands.empty() || any_of(raw.operands, isAllSinks))
    return raw.operands.empty();
  StringRef name = raw.parts[0];
  const RawOperand &first = raw.operands[0];
  bool isSecond = !first.second.empty() && isSink(first.second[0]);
  if (isSecond && (isSink(first) || !is_contained({"setp", "shfl", "match"}, name)))
    return false;
  return !isSink(first) || is_contained({"atom", "setp", "elect", "lop3"}, name) ||
         (name == "match" && raw.parts.size() > 1 && raw.parts[1] == "all") || (name == "cvt" && raw.operands.size() == 3) ||
         (name == "mbarrier" && raw.parts.size() > 1 && raw.parts[1].starts_with("arrive"));
}

Failure Decoder::decode() {
  auto it = families().find(raw.parts[0]);
  if (it == families().end())
    return {raw.pos, "unknown instruction '" + raw.word + "'"};
  // Elsewhere it would be the operands that are wrong.
  for (StringRef part : raw.parts)
    if (unsigned n; part.consume_front("v") && !part.getAsInteger(10, n) && !is_contained({2u, 4u, 8u}, n))
      return {raw.pos, ("expected a vector of .v2 or .v4, got '.v" + part + "' in '" + raw.word + "'").str()};
  if (raw.guarded) {
    RawOperand g;
    g.kind = RawOperand::Reg;
    g.pos = raw.pos;
    g.text = raw.guard;
    if (!reg(g, Ty::Pred, in.guard))
      return failure;
    in.guardNeg = raw.guardNeg;
  }
  if (!mayDiscard(raw)) {
    fail(raw.operands[0].pos, "'" + raw.word + "' cannot discard its result");
    return failure;
  }
  if (!(this->*it->second)() && !failure)
    fail("cannot decode '" + raw.word + "'");
  return failure;
}

Failure decodeInstruction(FunctionBuilder &builder, const RawInst &raw, uint32_t loc) {
  return Decoder(builder, raw, loc).decode();
}

} // namespace tk::sim
