//===- ParserFunctions.cpp - Device functions and what calls pass ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A frame in a thread's local memory holds, in this order, a device function's parameters and
/// results, its .local variables, and what its calls pass. Functions may be called before they are
/// defined: Link.cpp puts them together.
///
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tk::sim {

uint32_t FunctionBuilder::functionNumber(StringRef name) {
  auto [it, fresh] =
      module.functionNumbers.try_emplace(name, uint32_t(module.deviceFunctions.size()));
  if (fresh) {
    module.deviceFunctions.emplace_back();
    module.deviceFunctions.back().name = name.str();
    module.deviceFunctions.back().isDevice = true;
  }
  return it->second;
}

const Signature *Parser::findPrototype(StringRef name) {
  for (Scope &s : reverse(scopes))
    if (auto it = s.prototypes.find(name); it != s.prototypes.end())
      return &it->second;
  return nullptr;
}

const std::vector<std::string> *Parser::findCallTargets(StringRef name) {
  for (Scope &s : reverse(scopes))
    if (auto it = s.callTargets.find(name); it != s.callTargets.end())
      return &it->second;
  return nullptr;
}

bool Parser::nameList(std::vector<std::string> &out) {
  std::string name;
  do {
    if (!word(name))
      return fail(pos, "expected a name, got " + here());
    if (out.size() == 16384)
      return fail(pos, "expected at most 16384 names in a list");
    out.push_back(name);
  } while (accept(','));
  return expect(';');
}

bool Parser::formal(Formal &f) {
  std::string w;
  skip();
  f.pos = pos;
  if (!word(w) || (w != ".param" && w != ".reg"))
    return fail(f.pos, "expected '.param', got " + (w.empty() ? here() : "'" + w + "'"));
  f.isRegister = w == ".reg";
  return formalRest(f);
}

bool Parser::formalRest(Formal &f) {
  std::string w;
  for (;;) {
    skip();
    f.pos = pos;
    if (!word(w))
      return fail(f.pos, "expected a parameter, got " + here());
    if (w == ".align") {
      int64_t a;
      if (!integer(a))
        return false;
      if (a < 1 || a > 4096 || (a & (a - 1)))
        return fail(f.pos, "expected a power of two after '.align', got " + Twine(a));
      if (f.ty == Ty::None || f.align == 0)
        f.align = uint32_t(a);
    } else if (w == ".ptr" || w == ".global" || w == ".shared" || w == ".const" || w == ".local" ||
               w == ".ptr.global" || w == ".ptr.shared" || w == ".ptr.const" || w == ".ptr.local") {
      // .ptr[.space][.align n]: an attribute of the pointee, not of the parameter.
      f.isPointer |= StringRef(w).starts_with(".ptr");
      if (f.align == 0)
        f.align = bytesOf(f.ty);
    } else if (isOpaqueType(w)) {
      refuse(f.pos, "textures and surfaces are not supported, got '" + w + "'");
      f.ty = Ty::B64;
    } else if (w[0] == '.') {
      f.ty = typeByName(StringRef(w).drop_front());
      if (f.ty == Ty::None)
        return fail(f.pos, "expected a parameter type, got '" + w + "'");
    } else
      break;
  }
  f.name = w;
  f.bytes = bytesOf(f.ty);
  if (!f.bytes)
    return fail(f.pos, "parameter '" + w + "' has no type");
  if (!f.isRegister && f.ty == Ty::Pred)
    return fail(f.pos, "predicate '" + w + "' cannot be a parameter in memory");
  if (f.isRegister && (f.ty == Ty::Pred || f.bytes > 8))
    return fail(f.pos, "parameter '" + w +
                           "' is a register of 1 or 128 bits; such parameters are not supported");
  if (!f.align)
    f.align = uint32_t(f.bytes);
  while (accept('[')) {
    int64_t n;
    if (accept(']'))
      return fail(f.pos, "parameter '" + w +
                             "' has no size; functions with a variable number of "
                             "arguments are not supported, for no manual says how they are passed");
    if (!integer(n) || !expect(']'))
      return false;
    if (n < 1 || n > 32764)
      return fail(f.pos, "expected at most 32764 bytes of parameters, got " + Twine(n));
    f.bytes *= uint64_t(n);
    if (f.bytes > 32764)
      return fail(f.pos, "expected at most 32764 bytes of parameters, got " + Twine(f.bytes));
  }
  return true;
}

/// After the '('.
bool Parser::formals(std::vector<Formal> &list) {
  if (accept(')'))
    return true;
  do {
    Formal f;
    if (!formal(f))
      return false;
    list.push_back(std::move(f));
  } while (accept(','));
  return expect(')');
}

/// Parameters and results are the first that lies in a frame.
bool Parser::placeFormals(ArrayRef<Formal> list, std::vector<Passed> &out) {
  for (const Formal &f : list) {
    Passed p;
    p.ty = f.ty;
    p.bytes = uint32_t(f.bytes);
    p.align = f.align;
    if (f.isRegister) {
      p.reg = newRegister(f.ty, f.name);
      scopes.back().registers[f.name] = {f.ty, p.reg};
    } else {
      if (f.bytes > 32764)
        return fail(f.pos, "expected at most 32764 bytes of parameters, got " + Twine(f.bytes));
      p.offset = uint32_t(alignTo(scratch.localBytes, f.align));
      scratch.localBytes = p.offset + p.bytes;
      scratch.frameAlign = std::max(scratch.frameAlign, f.align);
      VarRef ref{Space::Local, 0, p.offset};
      ref.inFrame = ref.isParam = true;
      ref.bytes = p.bytes;
      ref.align = p.align;
      scopes.back().variables[f.name] = ref;
    }
    out.push_back(p);
  }
  return true;
}

/// What may follow a function's parameters, and a prototype's.
bool Parser::functionAttributes(Signature &signature) {
  for (;;) {
    skip();
    Pos where = pos;
    std::string w;
    int64_t ignored;
    if (peek() == '{' || peek() == ';')
      return true;
    if (!word(w))
      return fail(where, "expected the body of function '" + scratch.name + "', got " + here());
    if (w == ".noreturn")
      signature.noReturn = true;
    else if (w == ".abi_preserve" || w == ".abi_preserve_control") { // of machine registers
      if (!integer(ignored))
        return false;
    } else if (w == ".pragma") {
      if (!skipToSemicolon())
        return false;
    } else
      return fail(where, "unknown directive '" + w + "' of a function");
  }
}

static bool sameShape(ArrayRef<Passed> a, ArrayRef<Passed> b) {
  return a.size() == b.size() && all_of(zip(a, b), [](auto pair) {
           auto &[x, y] = pair;
           return x.bytes == y.bytes && x.reg.present() == y.reg.present();
         });
}

/// Notes what a declaration or a definition says; they must agree.
bool Parser::declare(Pos where, const Signature &signature) {
  Function &known = module.deviceFunctions[functionNumber(scratch.name)];
  auto shape = [](const Signature &s) {
    auto bytes = [](ArrayRef<Passed> list) {
      std::string text;
      for (const Passed &p : list)
        text += (text.empty() ? "" : ", ") + std::to_string(p.bytes);
      return "(" + text + ")";
    };
    return bytes(s.results) + " for " + bytes(s.parameters);
  };
  if (known.isDeclared && (!sameShape(known.signature.results, signature.results) ||
                           !sameShape(known.signature.parameters, signature.parameters)))
    return fail(where, "function '" + scratch.name + "' gives and takes " + shape(signature) +
                           " bytes here, it was declared with " + shape(known.signature));
  known.isDeclared = true;
  bool noReturn = known.signature.noReturn || signature.noReturn;
  known.signature = signature;
  known.signature.noReturn = noReturn;
  return true;
}

bool Parser::deviceFunction() {
  scopes.emplace_back();
  scratch = Function();
  scratch.isDevice = true;
  resetFunction();
  callAreaBytes = 0;
  callAreaAlign = 1;
  loc = 0;
  scratch.frame = newRegister(Ty::B64, "%frame");
  std::vector<Formal> results, params;
  if (accept('(') && !formals(results))
    return false;
  skip();
  Pos where = pos;
  if (!word(scratch.name))
    return fail(where, "expected the name of a function, got " + here());
  if (scratch.name[0] == '.')
    return fail(where, "unknown directive '" + scratch.name + "' of a function");
  if (accept('(') && !formals(params))
    return false;
  Signature signature;
  if (!placeFormals(params, signature.parameters) || !placeFormals(results, signature.results) ||
      !functionAttributes(signature) || !declare(where, signature))
    return false;
  uint32_t number = functionNumber(scratch.name);
  if (accept(';')) { // a declaration
    scopes.pop_back();
    scratch = Function();
    return true;
  }
  if (module.deviceFunctions[number].isDefined)
    return fail(where, "function '" + scratch.name + "' is defined twice");
  scratch.signature = module.deviceFunctions[number].signature;
  if (!body())
    return false;
  scratch.isDeclared = scratch.isDefined = true;
  module.deviceFunctions[number] = std::move(scratch);
  scratch = Function();
  return true;
}

/// .alias a, b;
bool Parser::aliasDirective() {
  std::vector<std::string> names;
  skip();
  Pos where = pos;
  if (!nameList(names))
    return false;
  if (names.size() != 2)
    return fail(where, "expected '.alias name, function', got " + Twine(names.size()) + " names");
  uint32_t of = functionNumber(names[1]), number = functionNumber(names[0]);
  if (of == number || module.deviceFunctions[of].aliasOf >= 0 ||
      module.deviceFunctions[number].isDefined)
    return fail(where, "'" + names[0] + "' cannot be an alias of '" + names[1] + "'");
  module.deviceFunctions[number].aliasOf = int32_t(of);
  return true;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// .param in a body: what a call passes. Scopes side by side share its place.
bool Parser::callParameter() {
  Formal f;
  if (!formalRest(f))
    return false;
  Scope &scope = scopes.back();
  VarRef ref{Space::Local, 0, alignTo(scope.callBytes, f.align)};
  ref.inFrame = ref.isParam = ref.inCallArea = true;
  ref.bytes = uint32_t(f.bytes);
  ref.align = f.align;
  if (ref.paramOffset + f.bytes > 32764)
    return fail(f.pos, "expected at most 32764 bytes of parameters, got " +
                           Twine(ref.paramOffset + f.bytes));
  scope.callBytes = uint32_t(ref.paramOffset + f.bytes);
  callAreaBytes = std::max(callAreaBytes, scope.callBytes);
  callAreaAlign = std::max(callAreaAlign, f.align);
  scope.variables[f.name] = ref;
  return expect(';');
}

/// The place of what calls pass: behind the variables.
void Parser::placeCallArea() {
  Function &f = scratch;
  if (!callAreaBytes)
    return;
  uint32_t start = uint32_t(alignTo(f.localBytes, callAreaAlign));
  f.localBytes = start + callAreaBytes;
  f.frameAlign = std::max(f.frameAlign, callAreaAlign);
  for (uint32_t i : callAreaUses)
    f.code[i].imm += start;
  for (CallSpec &c : f.calls)
    for (auto *list : {&c.results, &c.arguments})
      for (Passed &p : *list)
        if (p.inCallArea)
          p.offset += start;
}

/// (results) _ (parameters) after ".callprototype".
bool Parser::callPrototype(Signature &out) {
  std::vector<Formal> results, params;
  std::string name;
  if (accept('(') && !formals(results))
    return false;
  if (!word(name) || name != "_")
    return fail(pos,
                "expected '_' in a prototype, got " + (name.empty() ? here() : "'" + name + "'"));
  if (accept('(') && !formals(params))
    return false;
  auto shape = [](ArrayRef<Formal> list, std::vector<Passed> &to) {
    for (const Formal &f : list) {
      Passed p;
      p.ty = f.ty;
      p.bytes = uint32_t(f.bytes);
      to.push_back(p);
    }
  };
  shape(results, out.results);
  shape(params, out.parameters);
  return functionAttributes(out) && expect(';');
}

/// (results), function, (arguments), prototype; with all but the function optional.
bool Parser::callOperands(RawInst &raw) {
  auto list = [&](std::vector<RawOperand> &out) {
    if (!expect('('))
      return false;
    if (accept(')'))
      return true;
    do {
      RawOperand o;
      if (!simpleOperand(o))
        return false;
      out.push_back(std::move(o));
    } while (accept(','));
    return expect(')');
  };
  skip();
  if (peek() == '(' && (!list(raw.results) || !expect(',')))
    return false;
  RawOperand o;
  if (!simpleOperand(o))
    return false;
  raw.operands.push_back(std::move(o));
  while (accept(',')) {
    skip();
    if (peek() == '(') {
      if (!list(raw.arguments))
        return false;
      continue;
    }
    RawOperand prototype;
    if (!simpleOperand(prototype))
      return false;
    raw.operands.push_back(std::move(prototype));
  }
  return expect(';');
}

} // namespace tk::sim
