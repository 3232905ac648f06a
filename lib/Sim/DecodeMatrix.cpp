//===- DecodeMatrix.cpp - Decoding of matrix instructions -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

bool Decoder::matrixMove() {
  StringRef n = raw.parts[0];
  in.cls = Class::Matrix;
  in.aligned = true;
  if (!take("sync") || !take("aligned") || !take("m8n8"))
    return fail("unsupported form '" + raw.word + "'");
  in.trans = take("trans");
  if (n == "movmatrix") {
    in.op = Op::MovMatrix;
    in.ty = takeType();
    if (!in.trans || in.ty != Ty::B16)
      return fail("'" + raw.word + "' needs .trans and .b16");
    return count(2, 2) && dst(0, Ty::B32, in.d) && reg(operand(1), Ty::B32, in.s[0]) && finish();
  }
  in.op = n == "ldmatrix" ? Op::LdMatrix : Op::StMatrix;
  StringRef number = takeAny({"x1", "x2", "x4"});
  if (number.empty())
    return fail("'" + raw.word + "' needs .x1, .x2 or .x4");
  in.numVec = uint8_t(number[1] - '0');
  if (!takeSpace(in.space))
    return false;
  if (in.space != Space::Shared && in.space != Space::Generic)
    return fail("'" + raw.word + "' works on shared memory");
  in.ty = takeType();
  if (in.ty != Ty::B16)
    return fail("unsupported type in '" + raw.word + "'");
  bool load = in.op == Op::LdMatrix;
  if (!count(2, 2))
    return false;
  const RawOperand &list = operand(load ? 0 : 1);
  if (list.kind != RawOperand::Vector || any_of(list.elements, [](const RawOperand &e) { return e.kind == RawOperand::Imm; }))
    return fail(list.pos, "expected registers in braces, got '" + list.text + "'");
  if (!vectorRegs(list, Ty::B32, load))
    return false;
  if (in.vec.size() != in.numVec)
    return fail("expected " + Twine(unsigned(in.numVec)) + " registers, got " +
                Twine(in.vec.size()));
  return address(load ? 1 : 0) && finish();
}

/// "m16n8k16" into its parts.
static bool parseShape(StringRef s, unsigned &m, unsigned &n, unsigned &k) {
  auto number = [&](char c, unsigned &v) {
    return s.consume_front(StringRef(&c, 1)) && !s.starts_with("0") && !s.consumeInteger(10, v);
  };
  return number('m', m) && number('n', n) && number('k', k) && s.empty();
}

bool Decoder::takeShape(unsigned &m, unsigned &n, unsigned &k) {
  for (auto it = mods.begin(); it != mods.end(); ++it)
    if (parseShape(*it, m, n, k)) {
      mods.erase(it);
      return true;
    }
  return fail("expected a shape such as .m16n8k16 in '" + raw.word + "'");
}

/// The next of .row and .col.
bool Decoder::takeLayout(bool &isCol) {
  auto it = llvm::find_if(mods, [](StringRef m) { return m == "row" || m == "col"; });
  if (it == mods.end())
    return fail("'" + raw.word + "' needs .row or .col");
  isCol = *it == "col";
  mods.erase(it);
  return true;
}

/// Like takeType, with the types that only matrices have.
Ty Decoder::takeMatrixType() {
  for (size_t i = mods.size(); i-- > 0;) {
    Ty ty = StringSwitch<Ty>(mods[i])
                .Case("u4", Ty::U4)
                .Case("s4", Ty::S4)
                .Default(typeByName(mods[i]));
    if (ty == Ty::None)
      continue;
    mods.erase(mods.begin() + i);
    return ty;
  }
  fail("instruction '" + raw.word + "' has no type");
  return Ty::None;
}

/// A braced list of `want` registers.
bool Decoder::registers(unsigned i, bool destination, Ty ty, unsigned want,
                        SmallVector<Opnd, 4> &out) {
  if (operand(i).kind != RawOperand::Vector)
    return fail(operand(i).pos, "expected registers in braces, got '" + operand(i).text + "'");
  in.vec.clear();
  if (!vectorRegs(operand(i), ty == Ty::F64 || ty == Ty::F32 || ty == Ty::S32 ? ty : Ty::B32,
                  destination))
    return false;
  if (in.vec.size() != want)
    return fail(operand(i).pos,
                "expected " + Twine(want) + " registers, got " + Twine(in.vec.size()));
  out.assign(in.vec.begin(), in.vec.end());
  in.vec.clear();
  return true;
}

//===----------------------------------------------------------------------===//
// mma, mma.sp, wmma: PTX ISA 9.7.14
//===----------------------------------------------------------------------===//

namespace {
/// Pairs of types of A and B that have the same shapes.
enum class Kind { None, F16, BF16, TF32, Fp8, F64, I8, I4, Bits };
} // namespace

static Kind kindOf(Ty a, Ty b) {
  auto both = [&](Ty x, Ty y) { return (a == x || a == y) && (b == x || b == y); };
  return both(Ty::F16, Ty::F16)     ? Kind::F16
         : both(Ty::BF16, Ty::BF16) ? Kind::BF16
         : both(Ty::TF32, Ty::TF32) ? Kind::TF32
         : both(Ty::E4M3, Ty::E5M2) ? Kind::Fp8
         : both(Ty::F64, Ty::F64)   ? Kind::F64
         : both(Ty::U8, Ty::S8)     ? Kind::I8
         : both(Ty::U4, Ty::S4)     ? Kind::I4
         : both(Ty::B1, Ty::B1)     ? Kind::Bits
                                    : Kind::None;
}
static bool isInteger(Kind k) { return k == Kind::I8 || k == Kind::I4 || k == Kind::Bits; }

/// The shapes of a form, by kind. What ptxas takes beyond them (m8n8k4 of bf16) the manual does not
/// have.
static const char *shapesOf(unsigned form, Kind kind) {
  static const char *const shapes[3][9] = {
      {"", "m8n8k4 m16n8k8 m16n8k16", "m16n8k8 m16n8k16", "m16n8k4 m16n8k8", "m16n8k16 m16n8k32",
       "m8n8k4 m16n8k4 m16n8k8 m16n8k16", "m8n8k16 m16n8k16 m16n8k32", "m8n8k32 m16n8k32 m16n8k64",
       "m8n8k128 m16n8k128 m16n8k256"},
      {"", "m16n8k16 m16n8k32", "m16n8k16 m16n8k32", "m16n8k8 m16n8k16", "m16n8k64", "",
       "m16n8k32 m16n8k64", "m16n8k64 m16n8k128", ""},
      {"", "m16n16k16 m8n32k16 m32n8k16", "m16n16k16 m8n32k16 m32n8k16", "m16n16k8", "", "m8n8k4",
       "m16n16k16 m8n32k16 m32n8k16", "m8n8k32", "m8n8k128"}};
  return shapes[form][unsigned(kind)];
}

static bool hasShape(unsigned form, Kind kind, const MmaSpec &s) {
  std::string name = ("m" + Twine(s.m) + "n" + Twine(s.n) + "k" + Twine(s.k)).str();
  SmallVector<StringRef> names;
  StringRef(shapesOf(form, kind)).split(names, ' ', -1, false);
  return is_contained(names, name);
}

static bool hasSums(unsigned form, Kind kind, const MmaSpec &s) {
  if (isInteger(kind))
    return s.c == Ty::S32 && s.d == Ty::S32;
  if (kind == Kind::F64)
    return s.c == Ty::F64 && s.d == Ty::F64;
  auto real = [](Ty t) { return t == Ty::F16 || t == Ty::F32; };
  if (!real(s.c) || !real(s.d))
    return false;
  if (form == MmaSpec::Wmma && kind == Kind::F16)
    return true;
  if (kind == Kind::F16 && s.m == 8)
    return s.c == Ty::F16 || s.d == Ty::F32;
  bool half = kind == Kind::F16 || (kind == Kind::Fp8 && form == MmaSpec::Mma);
  return s.c == s.d && (s.d == Ty::F32 || half);
}

/// Shape, layouts and types, which all depend on one another.
bool Decoder::mmaTypes(MmaSpec &s, unsigned form) {
  bool isWmma = form == MmaSpec::Wmma;
  unsigned m, n, k;
  if (!takeShape(m, n, k) || !takeLayout(s.colA) || !takeLayout(s.colB))
    return false;
  s.m = uint16_t(m);
  s.n = uint16_t(n);
  s.k = uint16_t(k);
  s.form = MmaSpec::Form(form);
  s.satfinite = take("satfinite");
  Round round = takeRound();
  bool bitwise = take("popc");
  s.isXor = bitwise && take("xor");
  if (bitwise && !s.isXor && !take("and"))
    return fail("'" + raw.word + "' needs .xor or .and");
  s.c = takeMatrixType();
  // wmma of f16 names the types of D and C only.
  bool two = isWmma && mods.size() == 1;
  if (!two) {
    s.b = takeMatrixType();
    s.a = takeMatrixType();
  }
  s.d = takeMatrixType();
  if (failure)
    return false;
  Kind kind = kindOf(s.a, s.b);
  bool sameTypes = !isWmma || (s.a == s.b && two == (kind == Kind::F16));
  if (kind == Kind::None || !sameTypes || !hasShape(form, kind, s) || !hasSums(form, kind, s))
    return fail("unsupported shape or types in '" + raw.word + "'");
  s.quads = kind == Kind::F16 && s.m == 8 && s.k == 4;
  bool anyLayout = s.quads || (isWmma && kind != Kind::I4 && kind != Kind::Bits);
  if (!anyLayout && (s.colA || !s.colB))
    return fail("'" + raw.word + "' needs .row.col");
  if (s.satfinite && kind != Kind::I8 && kind != Kind::I4)
    return fail("'" + raw.word + "' takes no .satfinite");
  if ((round != Round::None && kind != Kind::F64) || round == Round::Rna)
    return fail("'" + raw.word + "' takes no such rounding");
  s.round = round == Round::None ? Round::Rn : round;
  if (bitwise != (kind == Kind::Bits))
    return fail("'" + raw.word + "' needs .popc for single bits, and only for them");
  if (kind == Kind::Bits)
    s.k /= 32;
  return true;
}

/// Registers that hold a fragment of `elements` of a matrix.
static unsigned registersOf(unsigned elements, Ty ty, unsigned lanes = 32) {
  return std::max(1u, elements / (lanes * elementsOfRegister(ty)));
}
static unsigned registersOfA(const MmaSpec &s) {
  if (s.form == MmaSpec::Wmma && s.a == Ty::F16)
    return 8;
  return s.quads ? 2 : registersOf(s.m * s.storedK(), s.a);
}
static unsigned registersOfB(const MmaSpec &s) {
  if (s.form == MmaSpec::Wmma && s.b == Ty::F16)
    return 8;
  return s.quads ? 2 : registersOf(s.n * s.k, s.b);
}
static unsigned registersOfSum(const MmaSpec &s, Ty ty) {
  return registersOf(s.m * s.n, ty, s.quads ? 8 : 32);
}

/// Places of m8n8k4 of f16: lanes 4p and up, and 16 + 4p and up, hold product p (9.7.14.5.1).
static FragmentPlaces quadPlaces(const MmaSpec &s, Ty sum) {
  FragmentPlaces f;
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned l = 0; l < 32; ++l) {
      unsigned t = l % 4, high = l / 16 * 4, p = l % 16 / 4;
      if (i < 4) {
        unsigned row = s.colA ? i + high : t + high, ka = s.colA ? t : i;
        unsigned column = s.colB ? t + high : i + high, kb = s.colB ? i : t;
        f.a.push_back(uint16_t((p * 8 + row) * 4 + ka));
        f.b.push_back(uint16_t((p * 4 + kb) * 8 + column));
      }
      bool half = sum == Ty::F16;
      unsigned row = high + (half ? t : (l & 1) + (i & 2)),
               column = half ? i : (i & 4) + (l & 2) + (i & 1);
      f.c.push_back(uint16_t((p * 8 + row) * 8 + column));
    }
  return f;
}

/// Places of all others. Lane l is the l / 4-th of eight rows (columns of B) and the l % 4-th along
/// k; further registers are first eight rows further (A) or further along k (B). That is 9.7.14.5.2
/// to 13 for mma, and for wmma, whose fragments the manual leaves open, the same extended.
static FragmentPlaces rowPlaces(const MmaSpec &s) {
  FragmentPlaces f;
  unsigned perA = elementsOfRegister(s.a), perB = elementsOfRegister(s.b), tiles = s.m / 8;
  unsigned k = s.storedK(), registersA = s.m * k / (32 * perA),
           registersB = s.n * s.k / (32 * perB);
  unsigned alongB = s.k / (4 * perB);
  for (unsigned i = 0; i < registersA * perA; ++i)
    for (unsigned l = 0; l < 32; ++l) {
      unsigned r = i / perA, row = l / 4 + 8 * (r % tiles),
               at = perA * (l % 4 + 4 * (r / tiles)) + i % perA;
      f.a.push_back(uint16_t(row * k + at));
    }
  for (unsigned i = 0; i < registersB * perB; ++i)
    for (unsigned l = 0; l < 32; ++l) {
      unsigned r = i / perB, column = l / 4 + 8 * (r / alongB),
               at = perB * (l % 4 + 4 * (r % alongB)) + i % perB;
      f.b.push_back(uint16_t(at * s.n + column));
    }
  for (unsigned i = 0; i < unsigned(s.m) * s.n / 32; ++i)
    for (unsigned l = 0; l < 32; ++l) {
      unsigned row = l / 4 + 8 * (i / 2 % tiles),
               column = 2 * (l % 4) + i % 2 + 8 * (i / 2 / tiles);
      f.c.push_back(uint16_t(row * s.n + column));
    }
  return f;
}

/// The places of a fragment, shared with an earlier instruction of the same shape.
static std::shared_ptr<const FragmentPlaces> placesOf(const MmaSpec &s, ArrayRef<MmaSpec> earlier) {
  for (const MmaSpec &e : earlier)
    if (e.m == s.m && e.n == s.n && e.k == s.k && e.a == s.a && e.b == s.b && e.quads == s.quads &&
        e.form == s.form && (!s.quads || (e.colA == s.colA && e.colB == s.colB && e.c == s.c)))
      return e.places;
  return std::make_shared<FragmentPlaces>(s.quads ? quadPlaces(s, s.c) : rowPlaces(s));
}

bool Decoder::mmaOperands(MmaSpec &s, unsigned form) {
  unsigned want = form == MmaSpec::Sparse ? 6 : 4;
  if (!count(want, want) || !registers(0, true, s.d, registersOfSum(s, s.d), s.regsD) ||
      !registers(1, false, s.a, registersOfA(s), s.regsA) ||
      !registers(2, false, s.b, registersOfB(s), s.regsB) ||
      !registers(3, false, s.c, registersOfSum(s, s.c), s.regsC))
    return false;
  if (form == MmaSpec::Sparse) {
    int64_t selector;
    if (operand(4).kind != RawOperand::Reg)
      return fail(operand(4).pos,
                  "expected a register with metadata, got '" + operand(4).text + "'");
    if (!src(4, Ty::B32, s.metadata) || !immediate(5, selector))
      return false;
    // One lane of four holds the metadata, two, or all: 32 bits of indices each.
    unsigned lanes = s.storedK() *
                     (s.a == Ty::TF32                  ? 4
                      : s.a == Ty::U4 || s.a == Ty::S4 ? 1
                                                       : 2) /
                     16;
    if (selector < 0 || selector >= 4 / lanes)
      return fail(operand(5).pos, "expected a sparsity selector from 0 to " + Twine(4 / lanes - 1) +
                                      ", got " + Twine(selector));
    s.selector = uint8_t(selector);
  }
  s.places = placesOf(s, b.fn.mmas);
  if (s.quads && s.d != s.c)
    s.placesD = std::make_shared<FragmentPlaces>(quadPlaces(s, s.d));
  in.target = uint32_t(b.fn.mmas.size());
  b.fn.mmas.push_back(std::move(s));
  return finish();
}

bool Decoder::mma() {
  in.op = Op::Mma;
  in.cls = Class::Matrix;
  in.aligned = true;
  MmaSpec s;
  s.ordered = take("sp::ordered_metadata");
  unsigned form = s.ordered || take("sp") ? MmaSpec::Sparse : MmaSpec::Mma;
  if (!take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  return mmaTypes(s, form) && mmaOperands(s, form);
}

bool Decoder::wmma() {
  in.cls = Class::Matrix;
  in.aligned = true;
  bool load = take("load"), store = take("store");
  if (!take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  if (load || store)
    return wmmaMove(load);
  if (!take("mma"))
    return fail("unsupported form '" + raw.word + "'");
  in.op = Op::Mma;
  MmaSpec s;
  return mmaTypes(s, MmaSpec::Wmma) && mmaOperands(s, MmaSpec::Wmma);
}

/// wmma.load.{a,b,c} and wmma.store.d.
bool Decoder::wmmaMove(bool load) {
  in.op = load ? Op::WmmaLoad : Op::WmmaStore;
  MmaSpec s;
  s.form = MmaSpec::Wmma;
  StringRef which = load ? takeAny({"a", "b", "c"}) : takeAny({"d"});
  unsigned m, n, k;
  if (which.empty())
    return fail("'" + raw.word + "' needs " + (load ? ".a, .b or .c" : ".d"));
  if (!takeShape(m, n, k) || !takeLayout(s.colA) || !takeSpace(in.space))
    return false;
  if (in.space != Space::Generic && in.space != Space::Global && in.space != Space::Shared)
    return fail("'" + raw.word + "' works on global or shared memory");
  s.m = uint16_t(m);
  s.n = uint16_t(n);
  s.k = uint16_t(k);
  Ty ty = takeMatrixType();
  if (failure)
    return false;
  bool isSum = which == "c" || which == "d", found = false;
  // A sum belongs to any operands whose products it can take.
  for (Ty t : {ty, Ty::F16, Ty::BF16, Ty::TF32, Ty::F64, Ty::U8, Ty::U4, Ty::B1}) {
    if (!isSum && t != ty)
      continue;
    s.a = s.b = t;
    Kind kind = kindOf(t, t);
    s.c = s.d = isSum ? ty : isInteger(kind) ? Ty::S32 : kind == Kind::F64 ? Ty::F64 : Ty::F32;
    found =
        kind != Kind::None && hasShape(MmaSpec::Wmma, kind, s) && hasSums(MmaSpec::Wmma, kind, s);
    if (found)
      break;
  }
  if (!found)
    return fail("unsupported shape or type in '" + raw.word + "'");
  bool packed = bitsOfElement(s.a) < 8;
  if (!isSum && packed && s.colA != (which == "b"))
    return fail("'" + raw.word + "' needs " + (which == "b" ? ".col" : ".row"));
  if (s.a == Ty::B1)
    s.k /= 32;
  in.ty = ty == Ty::F64 ? Ty::B64 : Ty::B32;
  unsigned list = load ? 0 : 1;
  auto &regs = which == "a" ? s.regsA : which == "b" ? s.regsB : which == "c" ? s.regsC : s.regsD;
  unsigned want = which == "a"   ? registersOfA(s)
                  : which == "b" ? registersOfB(s)
                                 : registersOfSum(s, ty);
  if (!count(2, 3) || !registers(list, load, ty, want, regs) || !address(1 - list))
    return false;
  if (operands() == 3 && !src(2, Ty::U32, s.stride))
    return false;
  s.places = placesOf(s, b.fn.mmas);
  in.target = uint32_t(b.fn.mmas.size());
  b.fn.mmas.push_back(std::move(s));
  return finish();
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

bool Decoder::wgmma() {
  in.cls = Class::Wgmma;
  in.aligned = true;
  if (take("mma_async"))
    return wgmmaMma();
  bool f = take("fence"), c = take("commit_group"), w = take("wait_group");
  if (!(f || c || w) || !take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  in.op = f ? Op::WgmmaFence : c ? Op::WgmmaCommit : Op::WgmmaWait;
  return count(w ? 1 : 0, w ? 1 : 0) && (!w || groupCount(0)) && finish();
}

bool Decoder::wgmmaMma() {
  in.op = Op::Wgmma;
  WgmmaSpec s;
  if (take("sp"))
    return fail("the sparse product '" + raw.word + "' is not supported; use a dense wgmma");
  if (!take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  unsigned m = 0, n = 0, k = 0;
  if (!takeShape(m, n, k))
    return false;
  s.satfinite = take("satfinite");
  s.b = takeType();
  s.a = takeType();
  s.d = takeType();
  if (failure)
    return false;
  bool half = s.a == s.b && (s.a == Ty::F16 || s.a == Ty::BF16),
       tf = s.a == Ty::TF32 && s.b == Ty::TF32;
  auto fp8 = [](Ty t) { return t == Ty::E4M3 || t == Ty::E5M2; };
  auto i8 = [](Ty t) { return t == Ty::S8 || t == Ty::U8; };
  bool is8 = fp8(s.a) && fp8(s.b), bits = s.a == Ty::B1 && s.b == Ty::B1,
       isInt = bits || (i8(s.a) && i8(s.b));
  if (bits && (!take("and") || !take("popc")))
    return fail("'" + raw.word + "' needs .and.popc");
  unsigned wantK = half ? 16 : tf ? 8 : bits ? 256 : 32;
  bool accOk =
      isInt ? s.d == Ty::S32 : s.d == Ty::F32 || (s.d == Ty::F16 && (s.a == Ty::F16 || is8));
  bool nOk = n >= 8 && n <= 256 && n % 8 == 0 && (!isInt || n <= 24 || n == 32 || n % 16 == 0);
  if (!(half || tf || is8 || isInt) || m != 64 || k != wantK || !nOk || !accOk ||
      (s.satfinite && (!isInt || bits)))
    return fail("unsupported shape or types in '" + raw.word + "'");
  s.n = uint16_t(n);
  s.k = uint16_t(k);
  if (operands() < 4)
    return count(4, 8);
  if (!vectorRegs(operand(0), s.d == Ty::F16 ? Ty::B32 : s.d, true))
    return false;
  unsigned want = s.d == Ty::F16 ? n / 4 : n / 2;
  if (in.vec.size() != want)
    return fail(operand(0).pos,
                "expected " + Twine(want) + " accumulator registers, got " + Twine(in.vec.size()));
  s.acc.assign(in.vec.begin(), in.vec.end());
  in.vec.clear();
  s.aInRegisters = operand(1).kind == RawOperand::Vector;
  if (s.aInRegisters) {
    if (!vectorRegs(operand(1), Ty::B32, false))
      return false;
    if (in.vec.size() != 4)
      return fail(operand(1).pos, "expected 4 registers of A, got " + Twine(in.vec.size()));
    s.aRegs.assign(in.vec.begin(), in.vec.end());
    in.vec.clear();
  } else if (!src(1, Ty::U64, s.aDesc))
    return false;
  if (!src(2, Ty::U64, s.bDesc))
    return false;
  if (operand(3).kind == RawOperand::Imm) {
    if (operand(3).negated)
      return fail(operand(3).pos, "'!' is not allowed before a literal");
    s.scaleDConst = true;
    s.scaleDValue = operand(3).value != 0;
    if (operand(3).value > 1)
      return fail(operand(3).pos, "expected scale-d 0 or 1, got " + Twine(operand(3).value));
  } else if (!pred(operand(3), s.scaleD, &s.scaleDNegated))
    return false;
  unsigned scales = isInt ? 0 : 2, transposes = half ? (s.aInRegisters ? 1 : 2) : 0;
  if (!count(4 + scales + transposes, 4 + scales + transposes))
    return false;
  int64_t v[4] = {1, 1, 0, 0};
  for (unsigned i = 0; i < scales + transposes; ++i)
    if (!immediate(4 + i, v[i]))
      return false;
  for (unsigned i = 0; i < scales; ++i)
    if (v[i] != 1 && v[i] != -1)
      return fail(operand(4 + i).pos, "expected scale 1 or -1, got " + Twine(v[i]));
  for (unsigned i = scales; i < scales + transposes; ++i)
    if (v[i] != 0 && v[i] != 1)
      return fail(operand(4 + i).pos, "expected transpose 0 or 1, got " + Twine(v[i]));
  s.scaleA = int8_t(v[0]);
  s.scaleB = int8_t(v[1]);
  s.transA = transposes == 2 && v[2];
  s.transB = transposes == 2 ? v[3] : transposes == 1 ? v[2] : 0;
  in.target = b.fn.wgmmas.size();
  for (const Opnd &o : s.acc)
    b.fn.wgmmaRegs.push_back(o.idx);
  for (const Opnd &o : s.aRegs)
    b.fn.wgmmaRegs.push_back(o.idx);
  b.fn.wgmmas.push_back(std::move(s));
  return finish();
}

} // namespace tk::sim
