//===- DecodeAsync.cpp - Decoding of mbarriers and bulk copies ------------===//
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

bool Decoder::mbarrier() {
  in.cls = Class::Barrier;
  static constexpr StringRef kNames[] = {"init",        "inval",    "expect_tx",
                                         "complete_tx", "arrive",   "arrive_drop",
                                         "test_wait",   "try_wait", "pending_count"};
  if (mods.empty() || !is_contained(kNames, mods[0]))
    return fail("unknown form '" + raw.word + "'");
  StringRef what = mods[0];
  mods.erase(mods.begin());
  if (!take("b64"))
    return fail("'" + raw.word + "' needs .b64");
  if (what == "pending_count") {
    in.op = Op::MbarPending;
    return count(2, 2) && dst(0, Ty::U32, in.d) && src(1, Ty::U64, in.s[0]) && finish();
  }
  bool arrive = what.starts_with("arrive"), wait = what.ends_with("wait"),
       tx = what.ends_with("_tx");
  if (arrive)
    in.sub = uint8_t((what == "arrive_drop" ? kArriveDrop : 0) |
                     (take("expect_tx") ? kArriveExpect : 0) |
                     (take("noComplete") ? kArriveNoComplete : 0));
  if (wait)
    in.sub = take("parity") ? 1 : 0;
  // One of them; a second is left over.
  StringRef order = arrive ? takeAny({"relaxed", "release"})
                    : wait ? takeAny({"relaxed", "acquire"})
                    : tx   ? takeAny({"relaxed"})
                           : "";
  bool relaxed = order == "relaxed";
  b.fn.usesFlags |= relaxed && !tx; // a fence may make it a release or an acquire
  in.isRelease = arrive && !relaxed;
  in.isAcquire = wait && !relaxed;
  if (arrive || wait || tx) {
    in.isWide = takeAny({"cta", "cluster"}) == "cluster";
  }
  if (!takeSpace(in.space))
    return false;
  bool remote = in.space == Space::Cluster;
  if (remote && !arrive && !tx)
    return fail("'" + raw.word + "' works on the own CTA's mbarriers only");
  if (remote && arrive && operands() && operand(0).kind != RawOperand::Sink)
    return fail(operand(0).pos, "a remote arrival gives no state; write '_'");
  if (remote && (in.sub & kArriveNoComplete))
    return fail("'.noComplete' works on the own CTA's mbarriers only");
  if (!remote && in.space != Space::Shared && in.space != Space::Generic)
    return fail("an mbarrier lives in shared memory, got '" + raw.word + "'");
  auto body = [&](unsigned at, unsigned lo, unsigned hi) {
    return count(lo, hi) && address(at) &&
           (operands() <= at + 1 || src(at + 1, wait && !in.sub ? Ty::U64 : Ty::U32, in.s[1]));
  };
  if (what == "init") {
    in.op = Op::MbarInit;
    return body(0, 2, 2) && finish();
  }
  if (what == "inval") {
    in.op = Op::MbarInval;
    return body(0, 1, 1) && finish();
  }
  if (tx) {
    in.op = what == "expect_tx" ? Op::MbarExpect : Op::MbarComplete;
    return body(0, 2, 2) && finish();
  }
  if (arrive) {
    in.op = Op::MbarArrive;
    bool counted = in.sub & (kArriveExpect | kArriveNoComplete);
    if (!body(1, counted ? 3 : 2, 3))
      return false;
    return (operand(0).kind == RawOperand::Sink || dst(0, Ty::U64, in.d)) && finish();
  }
  in.op = what == "try_wait" ? Op::MbarTry : Op::MbarTest;
  Opnd hint; // How long try_wait may suspend the thread: any time is legal here.
  return body(1, 3, what == "try_wait" ? 4 : 3) && dst(0, Ty::Pred, in.d) &&
         (operands() < 4 || src(3, Ty::U32, hint)) && finish();
}

//===----------------------------------------------------------------------===//
// Bulk copies
//===----------------------------------------------------------------------===//

/// The base of an address in brackets. `inParam` says whether it is a parameter's offset; null:
/// none is allowed.
bool Decoder::addressPart(const RawOperand &o, Opnd &out, int64_t &offset, bool *inParam) {
  if (o.kind != RawOperand::Address)
    return fail(o.pos, "expected an address in brackets, got '" + o.text + "'");
  // Behind that of a tensor map stand coordinates; its caller counts them.
  if (!inParam && o.elements.size() != 1)
    return fail(o.elements[1].pos, "expected an address of one part, got '" + o.elements[1].text + "' behind it");
  const RawOperand &base = o.elements[0];
  offset = o.offset;
  if (base.kind == RawOperand::Symbol) {
    RawOperand plain = base;
    plain.offset = 0;
    FunctionBuilder::VarRef ref;
    bool param = b.findVariable(base.text, ref) && ref.space == Space::Param;
    if (param && !inParam)
      return fail(base.pos, "'" + raw.word + "' takes no address of a parameter");
    if (inParam)
      *inParam = param;
    return addressSource(plain, out);
  }
  if (base.kind == RawOperand::Imm)
    return addressSource(base, out);
  if (base.kind != RawOperand::Reg)
    return fail(base.pos, "expected a register or a symbol as address, got '" + base.text + "'");
  return reg(base, Ty::U32, out, true);
}

bool Decoder::bulkGroup() {
  if (take("commit_group")) {
    in.op = Op::BulkCommit;
    return count(0, 0) && finish();
  }
  take("wait_group");
  in.op = Op::BulkWait;
  in.sub = take("read") ? 1 : 0;
  return count(1, 1) && groupCount(0) && finish();
}

/// cp.async.bulk and cp.reduce.async.bulk, with and without a tensor map.
bool Decoder::bulk(bool reduce) {
  if (!reduce && (is_contained(mods, "commit_group") || is_contained(mods, "wait_group")))
    return bulkGroup();
  in.op = Op::Bulk;
  BulkSpec s;
  bool prefetch = !reduce && take("prefetch");
  s.tensor = take("tensor");
  if (s.tensor) {
    StringRef dims = takeAny({"1d", "2d", "3d", "4d", "5d"});
    if (dims.empty())
      return fail("'" + raw.word + "' needs .1d to .5d");
    s.dims = uint8_t(dims[0] - '0');
  }
  for (StringRef m : mods)
    if (m.starts_with("im2col") || m.starts_with("tile::") || m.starts_with("cta_group"))
      return fail("'." + m + "' in '" + raw.word + "' is not supported");
  auto next = [&](StringRef name) {
    bool is = !mods.empty() && mods[0] == name;
    if (is)
      mods.erase(mods.begin());
    return is;
  };
  if (prefetch) {
    s.kind = BulkSpec::Prefetch;
    if (!take("L2") || !take("global"))
      return fail("'" + raw.word + "' needs .L2.global");
  } else if (next("global")) {
    s.kind = reduce ? BulkSpec::Reduce : BulkSpec::Store;
    if (!next("shared::cta"))
      return fail("'" + raw.word + "' needs a .shared::cta source");
    if (!take("bulk_group"))
      return fail("'" + raw.word + "' needs .bulk_group");
  } else if (next("shared::cluster") || (s.ownDestination = next("shared::cta"))) {
    s.fromShared = !s.tensor && !s.ownDestination && next("shared::cta");
    s.reduces = reduce;
    if (reduce && !s.fromShared)
      return fail("'" + raw.word + "' needs a .shared::cta source");
    if (!s.fromShared && !next("global"))
      return fail("'" + raw.word +
                  "' needs a .global source, or .shared::cta without a tensor map");
    if (!take("mbarrier::complete_tx::bytes"))
      return fail("'" + raw.word + "' needs .mbarrier::complete_tx::bytes");
  } else
    return fail("unknown form '" + raw.word + "'");
  if (s.tensor)
    take("tile");
  if (reduce && !reduceType(s))
    return false;
  b.fn.usesBulk = true;
  b.fn.usesInterCta |= s.kind == BulkSpec::Reduce;
  if (!bulkOperands(s))
    return false;
  in.target = b.fn.bulks.size();
  b.fn.bulks.push_back(std::move(s));
  return finish();
}

bool isAsyncReduction(AtomOp op, Ty ty) {
  switch (op) {
  case AtomOp::Add:
    return ty == Ty::U32 || ty == Ty::S32 || ty == Ty::U64;
  case AtomOp::Min:
  case AtomOp::Max:
    return ty == Ty::U32 || ty == Ty::S32;
  case AtomOp::Inc:
  case AtomOp::Dec:
    return ty == Ty::U32;
  default:
    return ty == Ty::B32;
  }
}

AtomOp reductionByName(StringRef op) {
  return StringSwitch<AtomOp>(op)
      .Case("add", AtomOp::Add)
      .Case("min", AtomOp::Min)
      .Case("max", AtomOp::Max)
      .Case("inc", AtomOp::Inc)
      .Case("dec", AtomOp::Dec)
      .Case("and", AtomOp::And)
      .Case("or", AtomOp::Or)
      .Default(AtomOp::Xor);
}

bool Decoder::reduceType(BulkSpec &s) {
  StringRef op = takeAny({"add", "min", "max", "inc", "dec", "and", "or", "xor"});
  if (op.empty())
    return fail("unknown operation in '" + raw.word + "'");
  s.op = reductionByName(op);
  if (s.tensor)
    return true; // the element type is the map's
  bool noftz = take("noftz");
  s.ty = takeType();
  bool half = s.ty == Ty::F16 || s.ty == Ty::BF16, known = false;
  if (noftz && !(half && s.op == AtomOp::Add))
    return fail("'.noftz' is of .add.f16 and .add.bf16, got '" + raw.word + "'");
  auto is = [&](std::initializer_list<Ty> list) { return is_contained(list, s.ty); };
  if (s.reduces && !isAsyncReduction(s.op, s.ty))
    return fail("unsupported type in '" + raw.word + "'");
  switch (s.op) {
  case AtomOp::Add:
    known = half ? noftz : is({Ty::U32, Ty::S32, Ty::U64, Ty::F32, Ty::F64});
    break;
  case AtomOp::Min:
  case AtomOp::Max:
    known = half || is({Ty::U32, Ty::S32, Ty::U64, Ty::S64});
    break;
  case AtomOp::Inc:
  case AtomOp::Dec:
    known = is({Ty::U32});
    break;
  default:
    known = is({Ty::B32, Ty::B64});
  }
  return known || fail("unsupported type in '" + raw.word + "'");
}

bool Decoder::bulkOperands(BulkSpec &s) {
  bool multicast = s.kind == BulkSpec::Load && !s.fromShared && !s.ownDestination &&
                   take("multicast::cluster"),
       hint = !s.reduces && take("L2::cache_hint");
  bool load = s.kind == BulkSpec::Load, prefetch = s.kind == BulkSpec::Prefetch;
  unsigned sized = !s.tensor, n = 1 + !prefetch + load + sized + multicast + hint;
  if (!count(n, n))
    return false;
  unsigned i = 0;
  auto sharedPart = [&] { return addressPart(operand(i++), s.shared, s.sharedOffset, nullptr); };
  auto globalPart = [&] {
    const RawOperand &o = operand(i++);
    bool inParam = false;
    if (!addressPart(o, s.global, s.globalOffset, s.tensor ? &inParam : nullptr))
      return false;
    if (inParam)
      return fail(o.pos, "'" + raw.word + "' takes a generic address, '" + o.elements[0].text +
                             "' is a parameter; move its address to a register and use cvta.param");
    if (o.elements.size() != (s.tensor ? 2u : 1u))
      return fail(o.pos,
                  s.tensor ? "expected a tensor map and its coordinates" : "expected one address");
    if (!s.tensor)
      return true;
    const RawOperand &v = o.elements[1];
    if (v.kind != RawOperand::Vector || v.elements.size() != s.dims)
      return fail(v.pos, "expected " + Twine(unsigned(s.dims)) + " coordinates in braces, got " +
                             Twine(v.elements.size()));
    for (const RawOperand &e : v.elements) {
      Opnd c;
      if (!source(e, Ty::S32, c))
        return false;
      s.coord.push_back(c);
    }
    return true;
  };
  if (prefetch ? !globalPart()
      : load   ? !sharedPart() || !globalPart()
               : !globalPart() || !sharedPart())
    return false;
  if (sized) {
    if (operand(i).kind == RawOperand::Imm && operand(i).value % 16)
      return fail(operand(i).pos,
                  "expected a multiple of 16 bytes, got " + Twine(operand(i).value));
    if (!src(i++, Ty::U32, s.size))
      return false;
  }
  if (load && !addressPart(operand(i++), s.mbar, s.mbarOffset, nullptr))
    return false;
  Opnd policy; // Performance only.
  if ((multicast && !src(i++, Ty::U16, s.mask)) || (hint && !src(i++, Ty::U64, policy)))
    return false;
  for (const Opnd *o : {&s.shared, &s.global, &s.mbar, &s.size, &s.mask})
    if (o->present())
      in.vec.push_back(*o);
  in.vec.append(s.coord.begin(), s.coord.end());
  return true;
}

} // namespace tk::sim
