//===- ParserDirectives.cpp - Directives, variables and entries -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"

using namespace llvm;

namespace tk::sim {

bool Parser::directive(const std::string &name, Pos where, bool inFunction) {
  StringRef n = name;
  std::string w;
  int64_t v;
  if (n == ".file")
    return fileDirective();
  if (n == ".loc")
    return locDirective();
  if (n == ".section")
    return sectionDirective();
  if (n == ".pragma")
    return skipToSemicolon();
  if (n == ".global")
    return variable(Space::Global);
  if (n == ".const")
    return variable(Space::Const);
  if (n == ".shared")
    return variable(Space::Shared);
  if (inFunction) {
    if (n == ".reg")
      return registers();
    if (n == ".local")
      return variable(Space::Local);
    if (n == ".param")
      return callParameter();
    return fail(where, "unknown directive '" + n + "' in a function body");
  }
  if (n == ".version") {
    RawOperand o;
    return number(o);
  }
  if (n == ".target") {
    do {
      Pos at = pos;
      if (!word(w))
        return fail(pos, "expected a target, got " + here());
      if (StringRef(w).starts_with("sm_") && w != "sm_90" && w != "sm_90a")
        return fail(at, "expected target sm_90a or sm_90, got '" + w + "'");
    } while (accept(','));
    return true;
  }
  if (n == ".address_size") {
    Pos at = pos;
    if (!integer(v))
      return false;
    return v == 64 || fail(at, "expected 64-bit addresses, got " + Twine(v));
  }
  if (n == ".visible" || n == ".weak" || n == ".extern") {
    Pos at = pos;
    skip();
    at = pos;
    if (!word(w))
      return fail(at, "expected a directive after '" + n + "', got " + here());
    if (n == ".extern" && (w == ".shared" || w == ".global" || w == ".const")) {
      externNext = true;
    }
    return directive(w, at, false);
  }
  if (n == ".entry")
    return entry();
  if (n == ".func")
    return deviceFunction();
  if (n == ".alias")
    return aliasDirective();
  return fail(where, "unknown directive '" + n + "'");
}

bool Parser::fileDirective() {
  int64_t index;
  if (!integer(index))
    return false;
  skip();
  if (peek() != '"')
    return fail(pos, "expected a file name, got " + here());
  advance();
  std::string name;
  while (at < text.size() && peek() != '"' && peek() != '\n') {
    name += peek();
    advance();
  }
  if (!expect('"'))
    return false;
  while (accept(',')) {
    int64_t ignored;
    if (!integer(ignored))
      return false;
  }
  module.files[uint32_t(index)] = name;
  return true;
}

bool Parser::locDirective() {
  int64_t f, l, c, ignored;
  if (!integer(f) || !integer(l) || !integer(c))
    return false;
  std::string w;
  while (accept(',')) {
    if (!word(w))
      return fail(pos, "expected an attribute of '.loc', got " + here());
    if (w == "function_name") {
      if (!word(w))
        return fail(pos, "expected a label, got " + here());
      if (accept('+') && !integer(ignored))
        return false;
    } else if (w == "inlined_at") {
      if (!integer(ignored) || !integer(ignored) || !integer(ignored))
        return false;
    } else
      return fail(pos, "unknown attribute '" + w + "' of '.loc'");
  }
  current->locs.push_back({uint32_t(f), uint32_t(l), uint32_t(c)});
  loc = current->locs.size() - 1;
  return true;
}

bool Parser::sectionDirective() {
  std::string w;
  if (!word(w))
    return fail(pos, "expected a section name, got " + here());
  if (!expect('{'))
    return false;
  unsigned depth = 1;
  while (at < text.size() && depth) {
    depth += peek() == '{';
    depth -= peek() == '}';
    advance();
  }
  return depth == 0 || fail(pos, "section '" + w + "' is not closed");
}

/// Element bytes and kind of a variable or register type.
bool Parser::variable(Space space) {
  Variable v;
  v.space = space;
  v.isExtern = externNext;
  externNext = false;
  std::string w;
  Ty ty = Ty::None;
  Pos where;
  unsigned vectorElements = 1;
  for (;;) {
    skip();
    where = pos;
    if (!word(w))
      return fail(where, "expected the type or name of a variable, got " + here());
    if (w == ".align") {
      int64_t a;
      if (!integer(a))
        return false;
      if (a < 1 || a > 65536 || (a & (a - 1)))
        return fail(where, "expected a power of two after '.align', got " + Twine(a));
      v.align = uint32_t(a);
    } else if (w == ".attribute") {
      while (at < text.size() && peek() != ')')
        advance();
      if (!expect(')'))
        return false;
    } else if (w == ".v2" || w == ".v4") {
      vectorElements = w == ".v2" ? 2 : 4;
    } else if (w[0] == '.') {
      ty = typeByName(StringRef(w).drop_front());
      if (ty == Ty::None || ty == Ty::Pred)
        return fail(where, "expected the type of a variable, got '" + w + "'");
    } else
      break;
  }
  if (ty == Ty::None)
    return fail(where, "variable '" + w + "' has no type");
  v.name = w;
  uint64_t count = vectorElements;
  while (accept('[')) {
    skip();
    if (peek() == ']') {
      v.sized = false;
      count = 0;
    } else {
      int64_t n;
      Pos at = pos;
      if (!integer(n))
        return false;
      if (n < 0 || (n && count > (uint64_t(1) << 32) / uint64_t(n)))
        return fail(at, "expected a sensible array size, got " + Twine(n));
      count *= uint64_t(n);
    }
    if (!expect(']'))
      return false;
  }
  unsigned es = bytesOf(ty);
  v.align = std::max<uint32_t>(v.align, es);
  v.bytes = count * es;
  if (accept('=')) {
    if (space != Space::Global && space != Space::Const)
      return fail(pos, "variable '" + v.name + "' is not in .global or .const and cannot be initialised");
    v.initialised = true;
    v.init.reserve(v.bytes);
    if (!initialiser(v, es, ty == Ty::F32 || ty == Ty::F64))
      return false;
    if (!v.sized) {
      v.bytes = v.init.size();
      v.sized = true;
    }
    if (v.init.size() > v.bytes)
      return fail(where, "variable '" + v.name + "' has " + Twine(v.bytes) + " bytes, its initialiser " +
                             Twine(v.init.size()));
    v.init.resize(v.bytes);
  }
  if (space == Space::Shared) {
    if (!v.sized) {
      module.hasDynamicShared = true;
      module.dynamicSharedAlign = std::max(module.dynamicSharedAlign, v.align);
    } else {
      module.staticSharedBytes = alignTo(module.staticSharedBytes, v.align);
      v.address = module.staticSharedBytes;
      module.staticSharedBytes += v.bytes;
    }
  } else if (space == Space::Local) {
    current->localBytes = alignTo(current->localBytes, v.align);
    v.address = current->localBytes;
    current->localBytes += v.bytes;
    current->frameAlign = std::max(current->frameAlign, v.align);
  } else if (!v.sized)
    return fail(where, "variable '" + v.name + "' has no size");
  VarRef ref{space, uint32_t(module.variables.size()), 0};
  if (space == Space::Local && current->isDevice) { // wherever the frame is
    ref.inFrame = true;
    ref.paramOffset = v.address;
  }
  module.variables.push_back(v);
  if (scopes.empty())
    moduleVariables[v.name] = ref;
  else
    scopes.back().variables[v.name] = ref;
  return expect(';');
}

bool Parser::initialiser(Variable &v, unsigned es, bool isFloat) {
  if (accept('{')) {
    if (accept('}'))
      return true;
    do {
      if (!initialiser(v, es, isFloat))
        return false;
    } while (accept(','));
    return expect('}');
  }
  skip();
  Pos where = pos;
  if (isWordStart(peek())) {
    std::string w;
    word(w);
    bool generic = false;
    if (w == "generic") {
      generic = true;
      if (!expect('(') || !word(w) || !expect(')'))
        return fail(where, "expected generic(symbol)");
    }
    int64_t addend = 0;
    if (accept('+') && !integer(addend))
      return false;
    if (es != 8)
      return fail(where, "the address of '" + w + "' needs an 8-byte element, got " + Twine(es) + " bytes");
    v.relocs.push_back({v.init.size(), w, addend, generic});
    v.init.resize(v.init.size() + 8);
    return true;
  }
  RawOperand o;
  if (!number(o))
    return false;
  uint64_t bits = o.value;
  if (isFloat && o.kind == RawOperand::Imm) {
    double d = double(int64_t(bits));
    memcpy(&bits, &d, 8);
    o.isF32 = false;
  }
  if (isFloat && es == 4 && !o.isF32) {
    double d;
    memcpy(&d, &bits, 8);
    float f = float(d);
    bits = 0;
    memcpy(&bits, &f, 4);
  }
  for (unsigned i = 0; i < es; ++i)
    v.init.push_back(uint8_t(bits >> (8 * i)));
  return true;
}

bool Parser::registers() {
  std::string w;
  skip();
  Pos where = pos;
  if (!word(w))
    return fail(where, "expected a register type, got " + here());
  if (w == ".v2" || w == ".v4")
    return fail(where, "vector registers ('" + w + "') are not supported");
  Ty ty = typeByName(StringRef(w).drop_front());
  if (ty == Ty::None)
    return fail(where, "expected a register type, got '" + w + "'");
  do {
    skip();
    where = pos;
    if (!word(w))
      return fail(where, "expected a register name, got " + here());
    if (accept('<')) {
      int64_t n;
      if (!integer(n) || !expect('>'))
        return false;
      if (n < 0 || n > (1 << 20))
        return fail(where, "expected at most 1048576 registers, got " + Twine(n));
      scopes.back().ranges[w] = {ty, unsigned(n)};
    } else
      scopes.back().registers[w] = {ty, newRegister(ty, w)};
  } while (accept(','));
  return expect(';');
}

bool Parser::parameters(Program::Entry &e) {
  if (accept(')'))
    return true;
  do {
    Formal f;
    if (!formal(f))
      return false;
    if (f.isRegister)
      return fail(f.pos, "expected '.param', got '.reg'");
    Program::Parameter p;
    p.name = f.name;
    p.offset = uint32_t(alignTo(e.parameterBytes, f.align));
    p.bytes = uint32_t(f.bytes);
    p.align = f.align;
    p.isPointer = f.isPointer;
    if (p.offset + f.bytes > 32764)
      return fail(f.pos, "expected at most 32764 bytes of parameters, got " + Twine(p.offset + f.bytes));
    e.parameterBytes = p.offset + p.bytes;
    scopes.back().variables[f.name] = {Space::Param, 0, p.offset};
    e.parameters.push_back(p);
  } while (accept(','));
  return expect(')');
}

bool Parser::entry() {
  std::string name;
  if (!word(name))
    return fail(pos, "expected the name of an entry, got " + here());
  Program::Entry e;
  e.name = name;
  module.functions.emplace_back();
  scopes.emplace_back();
  // The builder's `fn` is `scratch`; the finished function moves into the module.
  scratch = Function();
  scratch.name = name;
  resetFunction();
  uint32_t moduleShared = module.staticSharedBytes;
  callAreaBytes = 0;
  callAreaAlign = 1;
  loc = 0;
  if (accept('(') && !parameters(e))
    return false;
  for (;;) {
    skip();
    Pos where = pos;
    std::string w;
    if (peek() == '{' || peek() == ';')
      break;
    int64_t ignored;
    if (!word(w))
      return fail(where, "expected the body of entry '" + name + "', got " + here());
    if (w == ".reqntid") {
      if (!tuple(scratch.reqntid))
        return false;
      e.requiredBlock = scratch.reqntid;
    } else if (w == ".maxntid") {
      if (!tuple(scratch.maxntid))
        return false;
    } else if (w == ".reqnctapercluster") {
      if (!tuple(scratch.reqcluster))
        return false;
      e.requiredCluster = scratch.reqcluster;
    } else if (w == ".minnctapersm" || w == ".maxnreg") {
      if (!integer(ignored))
        return false;
      if (ignored < 1 || ignored > 65536)
        return fail(where, "expected a positive count after '" + w + "', got " + Twine(ignored));
      (w == ".maxnreg" ? scratch.maxnreg : scratch.minCtas) = uint32_t(ignored);
    } else if (w == ".maxnctapersm" || w == ".maxclusterrank") {
      if (!integer(ignored))
        return false;
    } else if (w == ".explicitcluster" || w == ".noreturn" || w == ".blocksareclusters") {
    } else if (w == ".pragma") {
      if (!skipToSemicolon())
        return false;
    } else
      return fail(where, "unknown directive '" + w + "' of an entry");
  }
  if (accept(';')) { // a declaration
    scopes.pop_back();
    module.functions.pop_back();
    return true;
  }
  if (!body())
    return false;
  // Shared variables belong to the entry that declares them, and module ones to all; static space is shared out once.
  e.staticSharedBytes = module.staticSharedBytes;
  module.staticSharedBytes = moduleShared;
  scratch.variablesSeen = uint32_t(module.variables.size());
  module.functions.back() = std::move(scratch);
  module.publicEntries.push_back(e);
  scratch = Function();
  return true;
}

} // namespace tk::sim
