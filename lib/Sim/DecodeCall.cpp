//===- DecodeCall.cpp - Decoding of calls, returns and the stack ----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

Runtime runtimeByName(StringRef name) {
  return StringSwitch<Runtime>(name)
      .Case("vprintf", Runtime::Vprintf)
      .Case("malloc", Runtime::Malloc)
      .Case("free", Runtime::Free)
      .Case("__assertfail", Runtime::AssertFail)
      .Default(Runtime::None);
}

/// The address of what lies in the frame: the sum is an instruction of its own.
bool Decoder::frameAddress(const RawOperand &o, const FunctionBuilder::VarRef &ref, Ty ty,
                           Opnd &out) {
  if (ref.inCallArea)
    return fail(o.pos, "the address of '" + o.text + "', which a call passes, cannot be taken");
  if (bytesOf(ty) != 8)
    return fail(o.pos, "the address of '" + o.text + "' has 64 bits, '" + raw.word + "' needs " +
                           Twine(bytesOf(ty) * 8));
  Inst add;
  add.op = Op::Alu;
  add.cls = Class::Integer;
  add.ty = Ty::U64;
  add.alu = laneOps().alu(Alu::Add, Ty::U64, false);
  add.line = in.line;
  add.loc = in.loc;
  add.d = out = b.newRegister(Ty::B64, o.text);
  add.s[0] = b.frame();
  add.s[1] = b.constant(ref.paramOffset + uint64_t(o.offset), true);
  b.fn.code.push_back(add);
  return true;
}

/// What a call passes: a parameter variable, a register, or of the arguments a literal.
bool Decoder::passed(const RawOperand &o, bool isResult, std::vector<Passed> &out) {
  Passed p;
  FunctionBuilder::VarRef ref;
  if (o.kind == RawOperand::Symbol && b.findVariable(o.text, ref) && ref.isParam && !o.offset) {
    p.offset = uint32_t(ref.paramOffset);
    p.bytes = ref.bytes;
    p.align = ref.align;
    p.inCallArea = ref.inCallArea;
  } else if (o.kind == RawOperand::Reg) {
    const RegInfo *info = b.findRegister(o.text);
    p.ty = info->ty;
    p.bytes = bytesOf(info->ty);
    if (p.ty == Ty::Pred || p.bytes > 8 || o.negated)
      return fail(o.pos,
                  "a call cannot pass '" + o.text + "', a predicate or a register of 128 bits");
    p.reg = info->opnd;
  } else if (!isResult && (o.kind == RawOperand::Imm || o.kind == RawOperand::FloatImm)) {
    p.isLiteral = true;
    p.bytes = 8;
    p.reg = b.constant(o.value, true);
  } else
    return fail(o.pos,
                "expected a '.param' variable or a register in a call, got '" + o.text + "'");
  out.push_back(p);
  return true;
}

bool Decoder::call() {
  in.op = Op::Call;
  take("uni");
  CallSpec spec;
  spec.line = raw.pos.line;
  spec.column = raw.pos.column;
  if (b.fn.isDevice)
    spec.frame = b.fn.frame;
  for (const RawOperand &o : raw.results)
    if (!passed(o, true, spec.results))
      return false;
  for (const RawOperand &o : raw.arguments)
    if (!passed(o, false, spec.arguments))
      return false;
  if (operands() < 1 || operands() > 2)
    return fail("expected 'call (results), function, (arguments), prototype', got " +
                Twine(operands()) + " names");
  const RawOperand &callee = operand(0);
  if (callee.kind == RawOperand::Reg) {
    if (operands() != 2)
      return fail(callee.pos,
                  "a call through '" + callee.text + "' needs a .callprototype or .calltargets");
    if (!reg(callee, Ty::U64, spec.address))
      return false;
  } else if (callee.kind == RawOperand::Symbol)
    spec.function = b.functionNumber(callee.text);
  else
    return fail(callee.pos, "expected a function or a register that holds its address, got '" +
                                callee.text + "'");
  if (operands() == 2) {
    const std::string &name = operand(1).text;
    if (const Signature *s = b.findPrototype(name))
      spec.prototype = *s;
    else if (const std::vector<std::string> *list = b.findCallTargets(name)) {
      spec.hasTargets = true;
      for (const std::string &target : *list)
        spec.targets.push_back(b.functionNumber(target));
    } else
      return fail(operand(1).pos, "unknown prototype or call targets '" + name + "'");
  }
  b.fn.usesStack = true;
  in.target = b.fn.calls.size();
  b.fn.calls.push_back(std::move(spec));
  return finish();
}

/// ret of an entry ends the thread.
bool Decoder::ret() {
  in.op = b.fn.isDevice ? Op::Ret : Op::Exit;
  take("uni");
  return count(0, 0) && finish();
}

bool Decoder::stack() { // alloca stacksave stackrestore
  StringRef n = raw.parts[0];
  in.op = n == "alloca" ? Op::Alloca : n == "stacksave" ? Op::StackSave : Op::StackRestore;
  Ty ty = takeType();
  if (bytesOf(ty) != 8)
    return fail("only 64-bit addresses are supported, got '" + raw.word + "'");
  b.fn.usesStack = true;
  if (in.op == Op::StackRestore)
    return count(1, 1) && src(0, ty, in.s[0]) && finish();
  if (in.op == Op::StackSave)
    return count(1, 1) && dst(0, ty, in.d) && finish();
  in.imm = 8;
  if (!count(2, 3) || !dst(0, ty, in.d) || !src(1, ty, in.s[0]) ||
      (operands() == 3 && !immediate(2, in.imm)))
    return false;
  if (in.imm < 1 || in.imm > 1 << 23 || (in.imm & (in.imm - 1)))
    return fail(operand(2).pos, "expected a power of two as alignment, got " + Twine(in.imm));
  return finish();
}

bool Decoder::sleep() {
  in.op = Op::Sleep;
  if (!take("u32"))
    return fail("'" + raw.word + "' needs .u32");
  return count(1, 1) && src(0, Ty::U32, in.s[0]) && finish();
}

} // namespace tk::sim
