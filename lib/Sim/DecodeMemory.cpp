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

/// Volatile, relaxed and so on, with the scope. False: a combination that does not exist.
bool Decoder::memoryOrder(bool load) {
  bool isVolatile = take("volatile"), isMmio = take("mmio"), weak = take("weak");
  bool relaxed = take("relaxed");
  in.isAcquire = load && take("acquire");
  in.isRelease = !load && take("release");
  bool scoped = takeScope(), isOrdered = relaxed || in.isAcquire || in.isRelease;
  if (isVolatile && (scoped || isOrdered || weak))
    return fail("'.volatile' goes with no scope and no other memory order, got '" + raw.word + "'");
  if (isVolatile + weak + relaxed + in.isAcquire + in.isRelease > 1)
    return fail("expected one memory order, got '" + raw.word + "'");
  if (isOrdered && !scoped)
    return fail("'" + raw.word + "' needs a scope");
  if (scoped && !isOrdered)
    return fail("a scope goes with .relaxed, .acquire or .release only, got '" + raw.word + "'");
  if (isMmio && (!relaxed || in.scope != SyncScope::Sys))
    return fail("'.mmio' needs .relaxed.sys, got '" + raw.word + "'");
  if (isVolatile) // relaxed with the widest scope
    in.scope = SyncScope::Sys;
  in.isVolatile = isVolatile || isOrdered;
  in.saysVolatile = isVolatile;
  if (!takeSpace(in.space))
    return false;
  bool shared = in.space == Space::Shared || in.space == Space::Cluster;
  if (in.isVolatile && !shared && in.space != Space::Global && in.space != Space::Generic)
    return fail("only accesses of global and shared memory have a memory order, got '" + raw.word + "'");
  if (isMmio && shared)
    return fail("'.mmio' works on global memory, got '" + raw.word + "'");
  if (take("nc")) {
    if (weak || in.isVolatile)
      return fail("'.nc' goes with no memory order, got '" + raw.word + "'");
    if (!load || in.space != Space::Global)
      return fail("'.nc' is only defined for loads from .global, got '" + raw.word + "'");
    in.isNc = b.fn.usesNc = true;
    return takeCacheHints({"ca", "cg", "cs"}, true);
  }
  if (in.isVolatile)
    return takeCacheHints({}, load);
  return load ? takeCacheHints({"ca", "cg", "cs", "lu", "cv"}, true) : takeCacheHints({"wb", "cg", "cs", "wt"}, false);
}

bool Decoder::ldst() {
  bool load = raw.parts[0] != "st", uniform = raw.parts[0] == "ldu";
  in.op = load ? Op::Ld : Op::St;
  in.cls = Class::Memory;
  if (!load && take("async"))
    return poke();
  bool isMmio = is_contained(mods, "mmio");
  if (uniform ? !takeSpace(in.space) : !memoryOrder(load))
    return false;
  if (uniform && in.space != Space::Global && in.space != Space::Generic)
    return fail("'ldu' reads global memory, got '" + raw.word + "'");
  in.numVec = take("v8") ? 8 : take("v4") ? 4 : take("v2") ? 2 : 1;
  in.ty = takeType();
  unsigned bytes = bytesOf(in.ty);
  bool isReal16 = in.ty == Ty::F16 || in.ty == Ty::BF16 || in.ty == Ty::F16x2 || in.ty == Ty::BF16x2 || in.ty == Ty::TF32;
  bool isPacked = in.ty == Ty::E4M3 || in.ty == Ty::E5M2 || in.ty == Ty::E4M3x2 || in.ty == Ty::E5M2x2 || in.ty == Ty::B1;
  if (in.ty == Ty::Pred || isReal16 || isPacked || bytes == 0)
    return fail("unsupported type in '" + raw.word + "'");
  if (bytes * in.numVec > 16)
    return fail("'" + raw.word + "' moves " + Twine(bytes * in.numVec) + " bytes; more than 16 need sm_100");
  if (isMmio && in.numVec > 1)
    return fail("'.mmio' moves no vectors, got '" + raw.word + "'");
  if (!load && in.space == Space::Const)
    return fail("cannot store to this state space in '" + raw.word + "'");
  if (in.isVolatile)
    noteStrong();
  if (!count(2 + hasHint, 2 + hasHint) || !policy(2))
    return false;
  unsigned data = load ? 0 : 1;
  if (bytes == 16 ? !wideRegister(operand(data)) : !vectorRegs(operand(data), in.ty, load, true))
    return false;
  if (in.vec.size() != in.numVec)
    return fail(operand(data).pos, "expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size()));
  if (!address(load ? 1 : 0))
    return false;
  if (!load && in.space == Space::Param) // a kernel's, or none: those of functions are in the frame
    return fail("cannot store to this state space in '" + raw.word + "'");
  return finish();
}

/// A register of 128 bits, as the vector of its halves.
bool Decoder::wideRegister(const RawOperand &o) {
  Opnd low;
  if (!reg(o, Ty::B128, low))
    return false;
  in.vec.append({low, upperHalf(low)});
  in.ty = Ty::B64;
  in.numVec = 2;
  return true;
}

/// Whether the operation has this type, width and .noftz.
bool Decoder::isAtomicType(StringRef op, bool noftz) {
  auto is = [&](std::initializer_list<Ty> list) { return is_contained(list, in.ty); };
  bool half = is({Ty::F16, Ty::BF16}), packed = is({Ty::F16x2, Ty::BF16x2});
  bool isMinMax = op == "min" || op == "max";
  if (noftz != (half || packed))
    return false;
  if (in.numVec > 1)
    return (op == "add" || (isMinMax && in.ty != Ty::F32)) && (half || (in.numVec < 8 && (packed || in.ty == Ty::F32)));
  if (op == "add")
    return half || packed || is({Ty::U32, Ty::S32, Ty::U64, Ty::F32, Ty::F64});
  if (isMinMax)
    return is({Ty::U32, Ty::S32, Ty::U64, Ty::S64});
  if (op == "inc" || op == "dec")
    return is({Ty::U32});
  bool isSwap = op == "exch" || op == "cas";
  return is({Ty::B32, Ty::B64}) || (op == "cas" && is({Ty::B16})) || (isSwap && is({Ty::B128}));
}

/// exch and cas of 128 bits: of two elements of 64, which cas compares together.
bool Decoder::wideSwap(bool compares) {
  if (compares) {
    if (!reg(operand(3), Ty::B128, in.s[2]))
      return false;
    in.s[3] = upperHalf(in.s[2]);
  }
  return wideRegister(operand(2)) && wideRegister(operand(0));
}

bool Decoder::atomRed() {
  in.op = Op::Atom;
  in.cls = Class::Memory;
  in.isRed = raw.parts[0] == "red";
  if (in.isRed && take("async"))
    return poke();
  StringRef order = takeAny({"relaxed", "acquire", "release", "acq_rel"});
  if (in.isRed && (order == "acquire" || order == "acq_rel"))
    return fail("a reduction reads nothing that it could acquire by, got '" + raw.word + "'");
  in.isAcquire = order == "acquire" || order == "acq_rel";
  in.isRelease = order == "release" || order == "acq_rel";
  if (!takeScope())
    in.scope = SyncScope::Gpu;
  if (!takeSpace(in.space))
    return false;
  bool isGlobal = in.space == Space::Global || in.space == Space::Generic;
  if (!isGlobal && in.space != Space::Shared && in.space != Space::Cluster)
    return fail("atomic operations work on global and shared memory, got '" + raw.word + "'");
  hasHint = take("L2::cache_hint");
  bool noftz = take("noftz");
  in.numVec = take("v8") ? 8 : take("v4") ? 4 : take("v2") ? 2 : 1;
  in.ty = takeType();
  StringRef op = takeAny({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  if (op.empty() || (in.isRed && (op == "exch" || op == "cas")))
    return fail("unknown operation in '" + raw.word + "'");
  in.sub = uint8_t(StringSwitch<AtomOp>(op).Case("add", AtomOp::Add).Case("min", AtomOp::Min).Case("max", AtomOp::Max)
                       .Case("and", AtomOp::And).Case("or", AtomOp::Or).Case("xor", AtomOp::Xor)
                       .Case("exch", AtomOp::Exch).Case("cas", AtomOp::Cas).Case("inc", AtomOp::Inc)
                       .Default(AtomOp::Dec));
  if (!isAtomicType(op, noftz))
    return fail("unsupported type in '" + raw.word + "'");
  if (in.numVec > 1 && !isGlobal)
    return fail("vector '" + raw.word + "' works on global memory only");
  if (hasHint && (!isGlobal || op == "cas"))
    return fail("'" + raw.word + "' takes no .L2::cache_hint");
  noteStrong();
  unsigned sources = op == "cas" ? 2 : 1, first = in.isRed ? 0 : 1;
  if (!count(first + 1 + sources + hasHint, first + 1 + sources + hasHint) || !policy(first + 1 + sources))
    return false;
  if (in.ty == Ty::B128)
    return wideSwap(op == "cas") && address(1) && finish();
  if (!in.isRed && in.numVec == 1 && !dst(0, in.ty, in.d))
    return false;
  if (sources == 2 && !src(first + 2, in.ty, in.s[2]))
    return false;
  if (!vectorRegs(operand(first + 1), in.ty, false))
    return false;
  if (in.vec.size() != in.numVec)
    return fail("expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size()));
  // Behind the sources: what a vector gives back.
  if (!in.isRed && in.numVec > 1 && !vectorRegs(operand(0), in.ty, true))
    return false;
  if (in.vec.size() > in.numVec && in.vec.size() != 2u * in.numVec)
    return fail(operand(0).pos, "expected " + Twine(unsigned(in.numVec)) + " registers, got " + Twine(in.vec.size() - in.numVec));
  return address(first) && finish();
}

bool Decoder::isspacep() {
  in.op = Op::Isspacep;
  in.cls = Class::Integer;
  if (llvm::is_contained(mods, "param::func"))
    return fail("unsupported state space in '" + raw.word + "'");
  if (!takeSpace(in.space))
    return false;
  if (in.space == Space::Generic)
    return fail("'" + raw.word + "' needs a state space");
  return count(2, 2) && dst(0, Ty::Pred, in.d) && src(1, Ty::U64, in.s[0]) && finish();
}

bool Decoder::branch() {
  in.op = Op::Bra;
  in.isUniform = take("uni");
  if (!count(1, 1))
    return false;
  if (operand(0).kind != RawOperand::Symbol)
    return fail(operand(0).pos, "expected a label, got '" + operand(0).text + "'");
  b.branchTo(operand(0).text, operand(0).pos, -1);
  return finish();
}

bool Decoder::brx() {
  in.op = Op::BrxIdx;
  in.isUniform = take("uni");
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

bool Decoder::clusterBarrier() {
  in.cls = Class::Barrier;
  bool arrive = take("arrive");
  if (!arrive && !take("wait"))
    return fail("unknown form '" + raw.word + "'");
  in.op = arrive ? Op::ClusterArrive : Op::ClusterWait;
  in.aligned = take("aligned");
  StringRef order = arrive ? takeAny({"relaxed", "release"}) : takeAny({"acquire"});
  in.isRelease = arrive && order != "relaxed";
  b.fn.usesFlags |= arrive && !in.isRelease; // a fence may make it a release
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
    if (barrier)
      return fail("unknown form '" + raw.word + "'; expected bar.warp.sync");
    if (!take("sync"))
      return fail("unknown form '" + raw.word + "'");
    in.op = Op::BarWarp;
    return count(1, 1) && src(0, Ty::U32, in.s[0]) && finish();
  }
  if (take("cluster"))
    return barrier ? clusterBarrier() : fail("unknown form '" + raw.word + "'; expected barrier.cluster");
  take("cta");
  in.aligned = take("aligned") || !barrier;
  bool arrive = take("arrive");
  if (!arrive && !take("sync")) {
    if (!take("red"))
      return fail("unknown form '" + raw.word + "'");
    StringRef op = takeAny({"popc", "and", "or"});
    in.ty = takeType();
    if (!barrier && is_contained(raw.parts, "aligned"))
      return fail("'" + raw.word + "' is aligned without saying so; write barrier.red.aligned");
    if (op.empty() || in.ty != (op == "popc" ? Ty::U32 : Ty::Pred))
      return fail("expected .popc.u32, .and.pred or .or.pred in '" + raw.word + "'");
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

bool Decoder::proxyFence() {
  if (take("alias")) { // one address space, in which nothing has two addresses
    in.op = Op::Nop;
    return count(0, 0) && finish();
  }
  if (take("tensormap::generic")) {
    in.op = Op::FenceTensormap;
    in.isAcquire = take("acquire");
    in.isRelease = !in.isAcquire;
    int64_t bytes = 128;
    if (!in.isAcquire && !take("release"))
      return fail("'" + raw.word + "' needs .acquire or .release");
    if (!takeScope())
      return fail("'" + raw.word + "' needs a scope");
    if (!count(in.isAcquire ? 2 : 0, in.isAcquire ? 2 : 0))
      return false;
    b.fn.usesFlags = b.fn.usesBulk = true;
    if (in.isAcquire && (!address(0) || !immediate(1, bytes)))
      return false;
    return bytes == 128 ? finish() : fail("expected 128 bytes, got " + Twine(bytes));
  }
  in.op = Op::FenceProxy;
  if (take("async::generic")) {
    in.isAcquire = take("acquire");
    in.isRelease = !in.isAcquire;
    if (!in.isAcquire && !take("release"))
      return fail("'" + raw.word + "' needs .acquire or .release");
    if (!take(in.isAcquire ? "sync_restrict::shared::cluster" : "sync_restrict::shared::cta") || !takeScope() ||
        in.scope != SyncScope::Cluster)
      return fail("expected .acquire.sync_restrict::shared::cluster.cluster or "
                  ".release.sync_restrict::shared::cta.cluster, got '" + raw.word + "'");
    in.sub = in.isAcquire ? kFenceAcquire : kFenceRelease;
    in.space = Space::Shared;
    b.fn.usesFlags = true;
    return count(0, 0) && finish();
  }
  if (!take("async"))
    return fail("'" + raw.word + "' is not supported yet");
  if (!takeSpace(in.space))
    return false;
  if (is_contained({Space::Local, Space::Param, Space::Const}, in.space) || is_contained(raw.parts, "shared"))
    return fail("expected .global, .shared::cta, .shared::cluster or no state space, got '" + raw.word + "'");
  return count(0, 0) && finish();
}

bool Decoder::fence() {
  in.cls = Class::Barrier;
  if (raw.parts[0] == "fence" && take("proxy"))
    return proxyFence();
  if (take("proxy")) {
    if (!take("alias"))
      return fail("'" + raw.word + "' is not supported; use fence.proxy");
    in.op = Op::Nop;
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
    bool scoped = takeScope();
    if (scoped ? in.scope != SyncScope::Cta && in.scope != SyncScope::Sys : !take("gl"))
      return fail("expected membar.cta, .gl or .sys, got '" + raw.word + "'");
    if (in.scope == SyncScope::None)
      in.scope = SyncScope::Gpu;
  } else {
    kind = takeAny({"sc", "acq_rel", "acquire", "release"});
    bool isRestricted = (kind == "acquire" && take("sync_restrict::shared::cluster")) ||
                        (kind == "release" && take("sync_restrict::shared::cta"));
    if (!takeScope())
      return fail("'" + raw.word + "' is not supported");
    if (isRestricted && in.scope != SyncScope::Cluster)
      return fail("'.sync_restrict' needs .cluster, got '" + raw.word + "'");
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
  if (in.ty != Ty::B32)
    return fail("expected the type .b32, got '" + raw.word + "'");
  return count(5, 5) && dst(0, in.ty, in.d) && secondPred(operand(0)) && src(1, in.ty, in.s[0]) &&
         src(2, Ty::B32, in.s[1]) && src(3, Ty::B32, in.s[2]) && src(4, Ty::U32, in.s[3]) && finish();
}

bool Decoder::vote() {
  in.op = Op::Vote;
  in.cls = Class::Warp;
  if (!take("sync"))
    return fail("'" + raw.word + "' without .sync does not exist on sm_90");
  StringRef mode = takeAny({"all", "any", "uni", "ballot"});
  in.sub = mode == "all" ? 0 : mode == "any" ? 1 : mode == "uni" ? 2 : 3;
  in.ty = takeType();
  if (in.ty != (in.sub == 3 ? Ty::B32 : Ty::Pred))
    return fail("expected the type ." + Twine(in.sub == 3 ? "b32" : "pred") + ", got '" + raw.word + "'");
  return !mode.empty() && count(3, 3) && dst(0, in.sub == 3 ? Ty::B32 : Ty::Pred, in.d) &&
         pred(operand(1), in.s[0], &in.negB) && src(2, Ty::U32, in.s[3]) && finish();
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
  if (!typeIs(in.ty, {Ty::B32, Ty::B64}))
    return false;
  if (!in.sub && count(3, 3) && !operand(0).second.empty())
    return fail(operand(0).pos, "'" + raw.word + "' has one result");
  return count(3, 3) && dst(0, Ty::U32, in.d) && secondPred(operand(0)) && src(1, in.ty, in.s[0]) &&
         src(2, Ty::U32, in.s[3]) && finish();
}

bool Decoder::warpOps() {
  in.cls = Class::Warp;
  StringRef n = raw.parts[0];
  if (n == "activemask") {
    in.op = Op::ActiveMask;
    return typeIs(takeType(), {Ty::B32}) && count(1, 1) && dst(0, Ty::B32, in.d) && finish();
  }
  if (!take("sync"))
    return fail("'" + raw.word + "' needs .sync");
  if (n == "elect") {
    in.op = Op::Elect;
    if (!count(2, 2) || !dst(0, Ty::U32, in.d) || !secondPred(operand(0)))
      return false;
    return src(1, Ty::U32, in.s[3]) && finish();
  }
  in.op = Op::Redux;
  StringRef op = takeAny({"add", "min", "max", "and", "or", "xor"});
  in.sub = StringSwitch<uint8_t>(op).Case("add", 0).Case("min", 1).Case("max", 2).Case("and", 3).Case("or", 4).Default(5);
  in.ty = takeType();
  if (op.empty() || (in.sub < 3 ? in.ty != Ty::U32 && in.ty != Ty::S32 : in.ty != Ty::B32))
    return fail("unsupported form '" + raw.word + "'");
  return count(3, 3) && dst(0, Ty::U32, in.d) && src(1, Ty::U32, in.s[0]) && src(2, Ty::U32, in.s[3]) && finish();
}

} // namespace tk::sim
