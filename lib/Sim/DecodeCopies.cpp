//===- DecodeCopies.cpp - cp.async, st.async, tensormap ------------------===//
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

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

bool Decoder::cpAsyncArrive() {
  in.op = Op::CpAsyncArrive;
  if (!take("arrive"))
    return fail("unknown form '" + raw.word + "'");
  in.sub = take("noinc") ? 1 : 0;
  if (!takeSpace(in.space))
    return false;
  if (in.space != Space::Shared && in.space != Space::Generic)
    return fail("'" + raw.word + "' works on the own CTA's mbarriers only");
  if (!take("b64"))
    return fail("'" + raw.word + "' needs .b64");
  return count(1, 1) && address(0) && finish();
}

bool Decoder::cpAsync() {
  in.cls = Class::Async;
  bool reduce = take("reduce");
  if (!take("async"))
    return fail("unknown form '" + raw.word + "'");
  if (take("bulk"))
    return bulk(reduce);
  if (reduce)
    return fail("unknown form '" + raw.word + "'");
  if (take("mbarrier"))
    return cpAsyncArrive();
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
    return count(1, 1) && groupCount(0) && finish();
  }
  in.op = Op::CpAsync;
  bool cg = take("cg");
  if (!cg && !take("ca"))
    return fail("'" + raw.word + "' needs .ca or .cg");
  if (!take("shared") && !take("shared::cta"))
    return fail("'" + raw.word + "' needs a .shared destination");
  if (!take("global"))
    return fail("'" + raw.word + "' needs a .global source");
  bool hinted = take("L2::cache_hint");
  takeAny({"L2::64B", "L2::128B", "L2::256B"});
  in.space = Space::Shared;
  int64_t bytes;
  if (!count(3 + hinted, 4 + hinted) || !address(0))
    return false;
  in.s[1] = in.s[0];
  int64_t sharedOffset = in.imm;
  in.space = Space::Global;
  if (!address(1) || !immediate(2, bytes))
    return false;
  if (bytes != 16 && (cg || (bytes != 4 && bytes != 8)))
    return fail(operand(2).pos, "expected 4, 8 or 16 bytes (.cg: 16), got " + Twine(bytes));
  in.numVec = uint8_t(bytes);
  in.s[3] = b.constant(uint64_t(sharedOffset), false);
  return cpAsyncSize(hinted) && finish();
}

/// How much of the source is read, as a size or as a predicate that ignores it, and the cache
/// policy.
bool Decoder::cpAsyncSize(bool hinted) {
  Opnd policy;
  if (hinted && !src(operands() - 1, Ty::U64, policy))
    return false;
  if (operands() == 3u + hinted)
    return true;
  const RawOperand &o = operand(3);
  const RegInfo *info = o.kind == RawOperand::Reg ? b.findRegister(o.text) : nullptr;
  if (info && info->ty == Ty::Pred) {
    in.sub = 1;
    return pred(o, in.s[2], &in.negB);
  }
  if (o.kind == RawOperand::Imm && o.value > in.numVec)
    return fail(o.pos, "expected a source of at most " + Twine(unsigned(in.numVec)) +
                           " bytes, got " + Twine(o.value));
  return src(3, Ty::U32, in.s[2]);
}

//===----------------------------------------------------------------------===//
// st.async, red.async
//===----------------------------------------------------------------------===//

/// Registers to shared memory of the cluster, and their bytes to an mbarrier beside.
bool Decoder::poke() {
  bool reduce = raw.parts[0] == "red";
  in.op = Op::Poke;
  in.cls = Class::Async;
  BulkSpec s;
  s.kind = BulkSpec::Poke;
  s.reduces = reduce;
  if (reduce ? !take("relaxed") : false)
    return fail("'" + raw.word + "' needs .relaxed.cluster");
  bool weak = !reduce && take("weak"), scoped = takeScope();
  if (scoped ? in.scope != SyncScope::Cluster || weak : reduce)
    return fail("'" + raw.word + "' works within a cluster; expected .cluster");
  in.space = Space::Generic;
  if (take("shared::cluster") || (!reduce && (take("shared::cta") || take("shared"))))
    in.space = Space::Cluster;
  if (!take("mbarrier::complete_tx::bytes"))
    return fail("'" + raw.word + "' needs .mbarrier::complete_tx::bytes");
  in.numVec = reduce ? 1 : take("v4") ? 4 : take("v2") ? 2 : 1;
  if (reduce) {
    StringRef op = takeAny({"add", "min", "max", "inc", "dec", "and", "or", "xor"});
    if (op.empty())
      return fail("unknown operation in '" + raw.word + "'");
    s.op = reductionByName(op);
  }
  s.ty = in.ty = takeType();
  bool signedSum = reduce && s.op == AtomOp::Add && s.ty == Ty::S64; // as ptxas has it
  constexpr Ty kStored[] = {Ty::B32, Ty::U32, Ty::S32, Ty::F32, Ty::B64, Ty::U64, Ty::S64, Ty::F64};
  if (reduce ? !isAsyncReduction(s.op, s.ty) && !signedSum : !is_contained(kStored, s.ty))
    return fail("unsupported type in '" + raw.word + "'");
  if (bytesOf(in.ty) * in.numVec > 16)
    return fail("'" + raw.word + "' moves " + Twine(bytesOf(in.ty) * in.numVec) +
                " bytes; 16 are the most");
  if (!count(3, 3) || !addressPart(operand(0), s.shared, s.sharedOffset, nullptr) ||
      !vectorRegs(operand(1), in.ty, false) ||
      !addressPart(operand(2), s.mbar, s.mbarOffset, nullptr))
    return false;
  if (in.vec.size() != in.numVec)
    return fail(operand(1).pos, "expected " + Twine(unsigned(in.numVec)) + " registers, got " +
                                    Twine(in.vec.size()));
  in.target = b.fn.bulks.size();
  b.fn.bulks.push_back(std::move(s));
  return finish();
}

//===----------------------------------------------------------------------===//
// Tensor maps that kernels write
//===----------------------------------------------------------------------===//

bool Decoder::tensormap() {
  in.cls = Class::Memory;
  b.fn.usesBulk = true;
  if (take("replace"))
    return tensormapReplace();
  if (take("cp_fenceproxy"))
    return tensormapCopy();
  return fail("unknown form '" + raw.word + "'");
}

namespace {
struct FieldForm {
  MapField field;
  bool wide, ordinal;
  int limit; ///< The largest value, which is a literal; -1: a register too.
};
} // namespace

static std::optional<FieldForm> fieldByName(StringRef name) {
  using F = MapField;
  return StringSwitch<std::optional<FieldForm>>(name)
      .Case("global_address", FieldForm{F::GlobalAddress, true, false, -1})
      .Case("rank", FieldForm{F::Rank, false, false, -1})
      .Case("box_dim", FieldForm{F::BoxDim, false, true, -1})
      .Case("global_dim", FieldForm{F::GlobalDim, false, true, -1})
      .Case("global_stride", FieldForm{F::GlobalStride, true, true, -1})
      .Case("element_stride", FieldForm{F::ElementStride, false, true, -1})
      .Case("elemtype", FieldForm{F::ElemType, false, false, 12})
      .Case("interleave_layout", FieldForm{F::Interleave, false, false, 2})
      .Case("swizzle_mode", FieldForm{F::Swizzle, false, false, 3})
      .Case("fill_mode", FieldForm{F::Fill, false, false, 1})
      .Default(std::nullopt);
}

bool Decoder::tensormapReplace() {
  in.op = Op::TensormapReplace;
  std::optional<FieldForm> form =
      take("tile") && !mods.empty() ? fieldByName(mods[0]) : std::nullopt;
  if (!form)
    return fail("unknown form '" + raw.word + "'");
  mods.erase(mods.begin());
  in.sub = uint8_t(form->field);
  in.space = take("shared::cta") ? Space::Shared : take("global") ? Space::Global : Space::Generic;
  if (!take("b1024") || !take(form->wide ? "b64" : "b32"))
    return fail("'" + raw.word + "' needs .b1024" + (form->wide ? ".b64" : ".b32"));
  unsigned value = form->ordinal ? 2 : 1;
  int64_t ordinal = 0, literal;
  if (!count(value + 1, value + 1) || !address(0) || (form->ordinal && !immediate(1, ordinal)))
    return false;
  int64_t last = form->field == MapField::GlobalStride ? 3 : 4;
  if (ordinal < 0 || ordinal > last)
    return fail(operand(1).pos,
                "expected a dimension from 0 to " + Twine(last) + ", got " + Twine(ordinal));
  in.numVec = uint8_t(ordinal);
  if (form->limit >= 0) {
    if (!immediate(value, literal))
      return false;
    if (literal < 0 || literal > form->limit)
      return fail(operand(value).pos,
                  "expected a value from 0 to " + Twine(form->limit) + ", got " + Twine(literal));
  }
  return src(value, form->wide ? Ty::B64 : Ty::B32, in.s[1]) && finish();
}

bool Decoder::tensormapCopy() {
  in.op = Op::TensormapCopy;
  in.aligned = in.isRelease = true;
  if (!take("global") || !take("shared::cta") || !take("tensormap::generic") || !take("release") ||
      !takeScope() || !take("sync") || !take("aligned"))
    return fail("expected tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release, a "
                "scope and "
                ".sync.aligned, got '" +
                raw.word + "'");
  b.fn.usesFlags = true;
  int64_t bytes;
  if (!count(3, 3) || !immediate(2, bytes))
    return false;
  if (bytes != 128)
    return fail(operand(2).pos, "expected 128 bytes, got " + Twine(bytes));
  in.space = Space::Shared;
  if (!address(1))
    return false;
  in.s[1] = in.s[0];
  in.s[2] = b.constant(uint64_t(in.imm), false);
  in.space = Space::Global;
  return address(0) && finish();
}

} // namespace tk::sim
