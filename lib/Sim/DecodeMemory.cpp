//===- DecodeMemory.cpp - Decoding of memory and control ------------------===//
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

/// Threads may synchronise through what this strong access touches.
void Decoder::noteStrong() {
  b.fn.usesFlags = true;
  b.fn.usesInterCta |= in.space == Space::Global || in.space == Space::Generic;
}

bool Decoder::ldst() {
  bool load = raw.parts[0] != "st";
  in.op = load ? Op::Ld : Op::St;
  in.cls = Class::Memory;
  if (take("async"))
    return fail("'" + raw.word + "' is not supported yet");
  bool isVolatile = take("volatile");
  in.isVolatile = isVolatile || take("mmio");
  bool relaxed = take("relaxed");
  in.isAcquire = take("acquire");
  in.isRelease = take("release");
  take("weak");
  bool scoped = takeScope(), isMemoryOrder = relaxed || in.isAcquire || in.isRelease;
  if (isMemoryOrder && !scoped)
    return fail("'" + raw.word + "' needs a scope");
  if (isVolatile && (scoped || isMemoryOrder))
    return fail("'.volatile' goes with no scope and no other memory order, got '" + raw.word + "'");
  if (in.isVolatile && !scoped) // volatile: relaxed with the widest scope
    in.scope = SyncScope::Sys;
  in.isVolatile |= isMemoryOrder;
  if (!in.isVolatile)
    in.scope = SyncScope::None;
  if (!takeSpace(in.space))
    return false;
  if (load && (take("nc") || raw.parts[0] == "ldu") && in.space != Space::Global && in.space != Space::Generic)
    return fail("'.nc' is only defined for global memory, got '" + raw.word + "'");
  takeCacheHints();
  take("unified");
  in.numVec = take("v8") ? 8 : take("v4") ? 4 : take("v2") ? 2 : 1;
  in.ty = takeType();
  unsigned bytes = bytesOf(in.ty);
  if (in.ty == Ty::Pred || bytes == 16 || bytes == 0)
    return fail("unsupported type in '" + raw.word + "'");
  if (bytes * in.numVec > 16)
    return fail("'" + raw.word + "' moves " + Twine(bytes * in.numVec) + " bytes; more than 16 need sm_100");
  if (!load && in.space == Space::Const)
    return fail("cannot store to this state space in '" + raw.word + "'");
  if (in.isVolatile)
    noteStrong();
  // A third operand is the cache policy of .L2::cache_hint.
  if (!count(2, 3))
    return false;
  unsigned data = load ? 0 : 1;
  if (!vectorRegs(operand(data), in.ty, load, true))
    return false;
  if (in.vec.size() != in.numVec)
    return fail(operand(data).pos, "expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size()));
  if (!address(load ? 1 : 0))
    return false;
  if (!load && in.space == Space::Param) // a kernel's, or none: those of functions are in the frame
    return fail("cannot store to this state space in '" + raw.word + "'");
  return finish();
}

bool Decoder::atomRed() {
  in.op = Op::Atom;
  in.cls = Class::Memory;
  in.isRed = raw.parts[0] == "red";
  if (in.isRed && take("async"))
    return fail("'" + raw.word + "' is not supported yet");
  take("relaxed");
  in.isAcquire = take("acquire");
  in.isRelease = take("release");
  if (take("acq_rel"))
    in.isAcquire = in.isRelease = true;
  if (!takeScope())
    in.scope = SyncScope::Gpu;
  if (!takeSpace(in.space))
    return false;
  takeCacheHints();
  take("noftz");
  in.numVec = take("v8") ? 8 : take("v4") ? 4 : take("v2") ? 2 : 1;
  in.ty = takeType();
  StringRef op = takeAny({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  if (op.empty())
    return fail("unknown operation in '" + raw.word + "'");
  in.sub = uint8_t(StringSwitch<AtomOp>(op).Case("add", AtomOp::Add).Case("min", AtomOp::Min).Case("max", AtomOp::Max)
                       .Case("and", AtomOp::And).Case("or", AtomOp::Or).Case("xor", AtomOp::Xor)
                       .Case("exch", AtomOp::Exch).Case("cas", AtomOp::Cas).Case("inc", AtomOp::Inc)
                       .Default(AtomOp::Dec));
  unsigned bytes = bytesOf(in.ty);
  if (in.ty == Ty::Pred || bytes < 2 || bytes > 8)
    return fail("unsupported type in '" + raw.word + "'");
  noteStrong();
  unsigned sources = in.sub == uint8_t(AtomOp::Cas) ? 2 : 1, first = in.isRed ? 0 : 1;
  if (!count(first + 1 + sources, first + 2 + sources))
    return false;
  if (!in.isRed) {
    if (in.numVec > 1)
      return fail("vector '" + raw.word + "' is not supported; use red");
    if (!dst(0, in.ty, in.d))
      return false;
  }
  if (sources == 2 && !src(first + 2, in.ty, in.s[2]))
    return false;
  if (!vectorRegs(operand(first + 1), in.ty, false))
    return false;
  if (in.vec.size() != in.numVec)
    return fail("expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size()));
  return address(first) && finish();
}

bool Decoder::isspacep() {
  in.op = Op::Isspacep;
  in.cls = Class::Integer;
  if (!takeSpace(in.space))
    return false;
  return count(2, 2) && dst(0, Ty::Pred, in.d) && src(1, Ty::B64, in.s[0]) && finish();
}

bool Decoder::branch() {
  in.op = Op::Bra;
  take("uni");
  if (!count(1, 1))
    return false;
  if (operand(0).kind != RawOperand::Symbol)
    return fail(operand(0).pos, "expected a label, got '" + operand(0).text + "'");
  b.branchTo(operand(0).text, operand(0).pos, -1);
  return finish();
}

bool Decoder::brx() {
  in.op = Op::BrxIdx;
  take("uni");
  if (!take("idx") || !count(2, 2) || !src(0, Ty::U32, in.s[0]))
    return fail("expected 'brx.idx index, targets'");
  std::vector<std::string> labels;
  if (!b.findBranchTargets(operand(1).text, labels))
    return fail(operand(1).pos, "unknown branch targets '" + operand(1).text + "'");
  for (unsigned i = 0; i < labels.size(); ++i)
    b.branchTo(labels[i], operand(1).pos, int(i));
  in.targets.resize(labels.size());
  return finish();
}

bool Decoder::control() {
  StringRef n = raw.parts[0];
  in.op = n == "exit" ? Op::Exit : Op::Trap;
  return count(0, 0) && finish();
}

/// Instructions with no effect that a functional machine can show.
bool Decoder::ignored() {
  mods.clear();
  in.op = Op::Nop;
  return finish();
}

bool Decoder::clusterBarrier() {
  in.cls = Class::Barrier;
  bool arrive = take("arrive");
  if (!arrive && !take("wait"))
    return fail("unknown form '" + raw.word + "'");
  in.op = arrive ? Op::ClusterArrive : Op::ClusterWait;
  in.aligned = take("aligned");
  in.isRelease = arrive && !take("relaxed");
  if (arrive)
    take("release");
  else
    take("acquire");
  return count(0, 0) && finish();
}

/// Addresses in the shared memory of a CTA of the cluster, and whose they are.
bool Decoder::clusterAddress() {
  bool map = raw.parts[0] == "mapa";
  in.op = map ? Op::Mapa : Op::GetCtaRank;
  in.cls = Class::Integer;
  in.space = take("shared::cluster") ? Space::Cluster : Space::Generic;
  Ty ty = takeType();
  if (ty != Ty::U32 && ty != Ty::U64)
    return fail("'" + raw.word + "' needs .u32 or .u64");
  if (!count(map ? 3 : 2, map ? 3 : 2) || !dst(0, map ? ty : Ty::U32, in.d) || !src(1, ty, in.s[0]))
    return false;
  return (!map || src(2, Ty::U32, in.s[1])) && finish();
}

/// With one kernel in the machine nothing depends on another grid.
bool Decoder::gridDependency() {
  if (!take("wait") && !take("launch_dependents"))
    return fail("unknown form '" + raw.word + "'");
  in.op = Op::Nop;
  return count(0, 0) && finish();
}

bool Decoder::setMaxNReg() {
  in.op = Op::SetMaxNReg;
  in.cls = Class::Control;
  in.aligned = true;
  in.sub = take("inc") ? 1 : 0;
  if ((!in.sub && !take("dec")) || !take("sync") || !take("aligned") || !take("u32"))
    return fail("unknown form '" + raw.word + "'");
  if (!count(1, 1) || !immediate(0, in.imm))
    return false;
  if (in.imm < 24 || in.imm > 256 || in.imm % 8)
    return fail(operand(0).pos, "expected 24 to 256 registers in steps of 8, got " + Twine(in.imm));
  return finish();
}

bool Decoder::bar() {
  in.op = Op::Bar;
  in.cls = Class::Barrier;
  bool barrier = raw.parts[0] == "barrier";
  if (take("warp")) {
    if (!take("sync"))
      return fail("unknown form '" + raw.word + "'");
    in.op = Op::BarWarp;
    return count(1, 1) && src(0, Ty::B32, in.s[0]) && finish();
  }
  if (take("cluster"))
    return clusterBarrier();
  take("cta");
  in.aligned = take("aligned") || !barrier;
  bool arrive = take("arrive");
  if (!arrive && !take("sync")) {
    if (!take("red"))
      return fail("unknown form '" + raw.word + "'");
    StringRef op = takeAny({"popc", "and", "or"});
    in.ty = takeType();
    in.sub = op == "popc" ? 2 : op == "and" ? 3 : 4;
    unsigned n = operands();
    return count(3, 4) && dst(0, op == "popc" ? Ty::U32 : Ty::Pred, in.d) && src(1, Ty::U32, in.s[0]) &&
           (n == 3 || src(2, Ty::U32, in.s[1])) && pred(operand(n - 1), in.s[2], &in.negB) && finish();
  }
  in.sub = arrive ? 1 : 0;
  if (!count(1, 2) || !src(0, Ty::U32, in.s[0]))
    return false;
  if (arrive && operands() != 2)
    return fail("'" + raw.word + "' needs the number of threads");
  if (operands() == 2 && !src(1, Ty::U32, in.s[1]))
    return false;
  if (operand(0).kind == RawOperand::Imm && operand(0).value > 15)
    return fail(operand(0).pos, "expected a barrier from 0 to 15, got " + Twine(operand(0).value));
  if (operands() == 2 && operand(1).kind == RawOperand::Imm && (operand(1).value % 32 || !operand(1).value))
    return fail(operand(1).pos, "expected a positive multiple of 32 threads, got " + Twine(operand(1).value));
  return finish();
}

bool Decoder::fence() {
  in.cls = Class::Barrier;
  if (take("proxy")) {
    if (take("alias")) {
      in.op = Op::Nop;
      return finish();
    }
    if (take("tensormap::generic")) {
      in.op = Op::FenceTensormap;
      in.isAcquire = take("acquire");
      int64_t bytes = 128;
      if (!in.isAcquire && !take("release"))
        return fail("'" + raw.word + "' needs .acquire or .release");
      if (!takeScope())
        return fail("'" + raw.word + "' needs a scope");
      if (!count(in.isAcquire ? 2 : 0, in.isAcquire ? 2 : 0))
        return false;
      if (in.isAcquire && (!address(0) || !immediate(1, bytes)))
        return false;
      return bytes == 128 ? finish() : fail("expected 128 bytes, got " + Twine(bytes));
    }
    if (!take("async"))
      return fail("'" + raw.word + "' is not supported yet");
    in.op = Op::FenceProxy;
    in.space = Space::Generic;
    if (!takeSpace(in.space))
      return false;
    return count(0, 0) && finish();
  }
  in.op = Op::Fence;
  if (take("mbarrier_init")) {
    in.op = Op::FenceMbarInit;
    if (!take("release") || !take("cluster"))
      return fail("expected 'fence.mbarrier_init.release.cluster', got '" + raw.word + "'");
    return count(0, 0) && finish();
  }
  StringRef kind = "sc"; // what membar is since sm_70
  if (raw.parts[0] == "membar") {
    if (!takeScope() && !take("gl"))
      return fail("unknown form '" + raw.word + "'");
    if (in.scope == SyncScope::None)
      in.scope = SyncScope::Gpu;
  } else {
    kind = takeAny({"sc", "acq_rel", "acquire", "release"});
    if (!takeScope())
      return fail("'" + raw.word + "' is not supported");
  }
  in.isAcquire = kind != "release";
  in.isRelease = kind != "acquire";
  in.sub = kind == "sc";
  return count(0, 0) && finish();
}

bool Decoder::shfl() {
  in.op = Op::Shfl;
  in.cls = Class::Warp;
  if (!take("sync"))
    return fail("'" + raw.word + "' without .sync does not exist on sm_90");
  StringRef mode = takeAny({"up", "down", "bfly", "idx"});
  in.sub = mode == "up" ? 0 : mode == "down" ? 1 : mode == "bfly" ? 2 : 3;
  if (mode.empty())
    return fail("'" + raw.word + "' needs .up, .down, .bfly or .idx");
  in.ty = takeType();
  if (bytesOf(in.ty) != 4)
    return fail("'" + raw.word + "' moves 32 bits");
  return count(5, 5) && dst(0, in.ty, in.d) && secondPred(operand(0)) && src(1, in.ty, in.s[0]) &&
         src(2, Ty::B32, in.s[1]) && src(3, Ty::B32, in.s[2]) && src(4, Ty::B32, in.s[3]) && finish();
}

bool Decoder::vote() {
  in.op = Op::Vote;
  in.cls = Class::Warp;
  if (!take("sync"))
    return fail("'" + raw.word + "' without .sync does not exist on sm_90");
  StringRef mode = takeAny({"all", "any", "uni", "ballot"});
  in.sub = mode == "all" ? 0 : mode == "any" ? 1 : mode == "uni" ? 2 : 3;
  in.ty = takeType();
  return !mode.empty() && count(3, 3) && dst(0, in.sub == 3 ? Ty::B32 : Ty::Pred, in.d) &&
         pred(operand(1), in.s[0], &in.negB) && src(2, Ty::B32, in.s[3]) && finish();
}

bool Decoder::match() {
  in.op = Op::Match;
  in.cls = Class::Warp;
  in.sub = take("all") ? 1 : 0;
  if (!in.sub && !take("any"))
    return fail("'" + raw.word + "' needs .any or .all");
  if (!take("sync"))
    return fail("'" + raw.word + "' needs .sync");
  in.ty = takeType();
  return count(3, 3) && dst(0, Ty::B32, in.d) && secondPred(operand(0)) && src(1, in.ty, in.s[0]) &&
         src(2, Ty::B32, in.s[3]) && finish();
}

bool Decoder::warpOps() {
  in.cls = Class::Warp;
  StringRef n = raw.parts[0];
  if (n == "activemask") {
    in.op = Op::ActiveMask;
    takeType();
    return count(1, 1) && dst(0, Ty::B32, in.d) && finish();
  }
  if (!take("sync"))
    return fail("'" + raw.word + "' needs .sync");
  if (n == "elect") {
    in.op = Op::Elect;
    if (!count(2, 2) || !dst(0, Ty::B32, in.d) || !secondPred(operand(0)))
      return false;
    return src(1, Ty::B32, in.s[3]) && finish();
  }
  in.op = Op::Redux;
  StringRef op = takeAny({"add", "min", "max", "and", "or", "xor"});
  in.sub = StringSwitch<uint8_t>(op).Case("add", 0).Case("min", 1).Case("max", 2).Case("and", 3).Case("or", 4).Default(5);
  in.ty = takeType();
  if (op.empty() || bytesOf(in.ty) != 4 || in.ty == Ty::F32)
    return fail("unsupported form '" + raw.word + "'");
  return count(3, 3) && dst(0, in.ty, in.d) && src(1, in.ty, in.s[0]) && src(2, Ty::B32, in.s[3]) && finish();
}

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
    return count(2, 2) && dst(0, Ty::B32, in.d) && src(1, Ty::B32, in.s[0]) && finish();
  }
  in.op = n == "ldmatrix" ? Op::LdMatrix : Op::StMatrix;
  in.numVec = take("x4") ? 4 : take("x2") ? 2 : 1;
  take("x1");
  if (!takeSpace(in.space))
    return false;
  if (in.space != Space::Shared && in.space != Space::Generic)
    return fail("'" + raw.word + "' works on shared memory");
  in.ty = takeType();
  if (in.ty != Ty::B16)
    return fail("unsupported type in '" + raw.word + "'");
  bool load = in.op == Op::LdMatrix;
  if (!count(2, 2) || !vectorRegs(operand(load ? 0 : 1), Ty::B32, load))
    return false;
  if (in.vec.size() != in.numVec)
    return fail("expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size()));
  return address(load ? 1 : 0) && finish();
}

/// "m16n8k16" into its parts.
static bool parseShape(StringRef s, unsigned &m, unsigned &n, unsigned &k) {
  auto number = [&](char c, unsigned &v) { return s.consume_front(StringRef(&c, 1)) && !s.consumeInteger(10, v); };
  return number('m', m) && number('n', n) && number('k', k) && s.empty();
}

bool Decoder::mma() {
  in.op = Op::Mma;
  in.cls = Class::Matrix;
  in.aligned = true;
  MmaSpec spec;
  unsigned m = 0, n = 0, k = 0;
  if (!take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  if (mods.empty() || !parseShape(mods[0], m, n, k) || m != 16 || n != 8)
    return fail("unsupported shape in '" + raw.word + "'");
  mods.erase(mods.begin());
  if (!take("row") || !take("col"))
    return fail("'" + raw.word + "' needs .row.col");
  spec.satfinite = take("satfinite");
  Ty c = takeType();
  spec.b = takeType();
  spec.a = takeType();
  spec.d = takeType();
  if (failure)
    return false;
  unsigned bits = spec.a == Ty::TF32 ? 32 : bytesOf(spec.a) * 8;
  bool half = (spec.a == Ty::F16 || spec.a == Ty::BF16) && spec.b == spec.a, fp8 = spec.a == Ty::E4M3 || spec.a == Ty::E5M2;
  bool fp8b = spec.b == Ty::E4M3 || spec.b == Ty::E5M2;
  bool i8 = (spec.a == Ty::S8 || spec.a == Ty::U8) && (spec.b == Ty::S8 || spec.b == Ty::U8);
  bool tf = spec.a == Ty::TF32 && spec.b == Ty::TF32;
  bool shapeOk = half ? (k == 8 || k == 16) : tf ? (k == 4 || k == 8) : (k == 16 || k == 32);
  bool accOk = i8 ? spec.d == Ty::S32 : spec.d == Ty::F32 || (spec.d == Ty::F16 && (spec.a == Ty::F16 || fp8));
  if (!(half || (fp8 && fp8b) || i8 || tf) || !shapeOk || !accOk || c != spec.d)
    return fail("unsupported shape or types in '" + raw.word + "'");
  spec.k = uint16_t(k);
  if (!count(4, 4))
    return false;
  unsigned accRegs = spec.d == Ty::F16 ? 2 : 4, aRegs = 16 * k * bits / 1024, bRegs = 8 * k * bits / 1024;
  auto take4 = [&](unsigned i, bool destination, unsigned want, SmallVector<Opnd, 4> &out) {
    in.vec.clear();
    if (!vectorRegs(operand(i), Ty::B32, destination))
      return false;
    if (in.vec.size() != want)
      return fail(operand(i).pos, "expected " + Twine(want) + " registers, got " + Twine(in.vec.size()));
    out.assign(in.vec.begin(), in.vec.end());
    return true;
  };
  if (!take4(0, true, accRegs, spec.regsD) || !take4(1, false, aRegs, spec.regsA) || !take4(2, false, bRegs, spec.regsB) ||
      !take4(3, false, accRegs, spec.regsC))
    return false;
  in.vec.clear();
  in.target = b.fn.mmas.size();
  b.fn.mmas.push_back(std::move(spec));
  return finish();
}

bool Decoder::wgmma() {
  in.cls = Class::Wgmma;
  in.aligned = true;
  if (take("mma_async"))
    return wgmmaMma();
  bool f = take("fence"), c = take("commit_group"), w = take("wait_group");
  if (!(f || c || w) || !take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  in.op = f ? Op::WgmmaFence : c ? Op::WgmmaCommit : Op::WgmmaWait;
  if (w && (!count(1, 1) || !immediate(0, in.imm)))
    return false;
  return count(w ? 1 : 0, w ? 1 : 0) && finish();
}

bool Decoder::wgmmaMma() {
  in.op = Op::Wgmma;
  WgmmaSpec s;
  if (!take("sync") || !take("aligned"))
    return fail("unsupported form '" + raw.word + "'");
  unsigned m = 0, n = 0, k = 0;
  if (mods.empty() || !parseShape(mods[0], m, n, k))
    return fail("unsupported shape in '" + raw.word + "'");
  mods.erase(mods.begin());
  s.satfinite = take("satfinite");
  s.b = takeType();
  s.a = takeType();
  s.d = takeType();
  if (failure)
    return false;
  bool half = s.a == s.b && (s.a == Ty::F16 || s.a == Ty::BF16), tf = s.a == Ty::TF32 && s.b == Ty::TF32;
  auto fp8 = [](Ty t) { return t == Ty::E4M3 || t == Ty::E5M2; };
  auto i8 = [](Ty t) { return t == Ty::S8 || t == Ty::U8; };
  bool is8 = fp8(s.a) && fp8(s.b), isInt = i8(s.a) && i8(s.b);
  unsigned wantK = half ? 16 : tf ? 8 : 32;
  bool accOk = isInt ? s.d == Ty::S32 : s.d == Ty::F32 || (s.d == Ty::F16 && (s.a == Ty::F16 || is8));
  bool nOk = n >= 8 && n <= 256 && n % 8 == 0 && (!isInt || n <= 24 || n == 32 || n % 16 == 0);
  if (!(half || tf || is8 || isInt) || m != 64 || k != wantK || !nOk || !accOk || (s.satfinite && !isInt))
    return fail("unsupported shape or types in '" + raw.word + "'");
  s.n = uint16_t(n);
  s.k = uint16_t(k);
  if (operands() < 4)
    return count(4, 8);
  if (!vectorRegs(operand(0), Ty::B32, true))
    return false;
  unsigned want = s.d == Ty::F16 ? n / 4 : n / 2;
  if (in.vec.size() != want)
    return fail(operand(0).pos, "expected " + Twine(want) + " accumulator registers, got " + Twine(in.vec.size()));
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
  } else if (!src(1, Ty::B64, s.aDesc))
    return false;
  if (!src(2, Ty::B64, s.bDesc))
    return false;
  if (operand(3).negated)
    return fail(operand(3).pos, "scale-d takes no negated predicate");
  if (operand(3).kind == RawOperand::Imm) {
    s.scaleDConst = true;
    s.scaleDValue = operand(3).value != 0;
    if (operand(3).value > 1)
      return fail(operand(3).pos, "expected scale-d 0 or 1, got " + Twine(operand(3).value));
  } else if (!pred(operand(3), s.scaleD))
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

bool Decoder::cpAsync() {
  in.cls = Class::Async;
  bool reduce = take("reduce");
  if (!take("async") || take("mbarrier"))
    return fail("'" + raw.word + "' is not supported yet");
  if (take("bulk"))
    return bulk(reduce);
  if (reduce)
    return fail("unknown form '" + raw.word + "'");
  if (take("commit_group")) {
    in.op = Op::CpAsyncCommit;
    return count(0, 0) && finish();
  }
  if (take("wait_all")) {
    in.op = Op::CpAsyncWait;
    in.imm = -1;
    return count(0, 0) && finish();
  }
  if (take("wait_group")) {
    in.op = Op::CpAsyncWait;
    return count(1, 1) && immediate(0, in.imm) && finish();
  }
  in.op = Op::CpAsync;
  bool cg = take("cg");
  if (!cg && !take("ca"))
    return fail("'" + raw.word + "' needs .ca or .cg");
  if (!take("shared") && !take("shared::cta"))
    return fail("'" + raw.word + "' needs a .shared destination");
  if (!take("global"))
    return fail("'" + raw.word + "' needs a .global source");
  takeCacheHints();
  in.space = Space::Shared;
  int64_t bytes;
  if (!count(3, 4) || !address(0))
    return false;
  in.s[1] = in.s[0];
  int64_t sharedOffset = in.imm;
  in.space = Space::Global;
  if (!address(1) || !immediate(2, bytes))
    return false;
  if (bytes != 16 && (cg || (bytes != 4 && bytes != 8)))
    return fail(operand(2).pos, "expected 4, 8 or 16 bytes (.cg: 16), got " + Twine(bytes));
  in.numVec = uint8_t(bytes);
  if (operands() == 4 && !src(3, Ty::U32, in.s[2]))
    return false;
  in.s[3] = b.constant(uint64_t(sharedOffset), false);
  return finish();
}

} // namespace tk::sim
