//===- ParserDirectives.cpp - Directives, variables and entries -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"

using namespace llvm;

namespace tk::sim {

/// Of the pragmas only "used_bytes_mask" changes what a program means; ptxas ignores those that it does not know.
bool Parser::pragmaDirective() {
  do {
    skip();
    Pos where = pos;
    if (peek() != '"')
      return fail(where, "expected a string after '.pragma', got " + here());
    size_t end = text.find('"', at + 1);
    if (end == StringRef::npos)
      return fail(where, "expected '\"' at the end of the pragma, got the end of the file");
    StringRef said = text.slice(at + 1, end).trim();
    while (at <= end)
      advance();
    if (!said.consume_front("used_bytes_mask"))
      continue;
    if (said.trim().getAsInteger(0, usedBytes))
      return fail(where, "expected 'used_bytes_mask' with a number of 32 bits, got '" + said.trim() + "'");
  } while (accept(','));
  return expect(';');
}

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
    return pragmaDirective();
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
  if (n == ".version")
    return versionDirective();
  if (n == ".target")
    return targetDirective();
  if (n == ".address_size") {
    Pos at = pos;
    if (!integer(v))
      return false;
    return v == 64 || fail(at, "expected 64-bit addresses, got " + Twine(v));
  }
  if (n == ".visible" || n == ".weak" || n == ".extern" || n == ".common") {
    Pos at = pos;
    skip();
    at = pos;
    if (!word(w))
      return fail(at, "expected a directive after '" + n + "', got " + here());
    if (n == ".extern" && (w == ".shared" || w == ".global" || w == ".const")) {
      externNext = true;
    }
    if (w == ".visible" || w == ".weak" || w == ".extern" || w == ".common")
      return fail(at, "expected what is declared after '" + n + "', got a second linking directive, '" + w + "'");
    if (n == ".common" && w != ".global")
      return fail(at, "expected '.global' after '.common', got '" + w + "'");
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

/// Versions above 9.0 too, which ptxas 13.0 refuses: Triton writes 9.4 and uses nothing of it for sm_90a. What is newer
/// than 9.0 is refused where it stands.
bool Parser::versionDirective() {
  RawOperand o;
  if (!number(o))
    return false;
  auto [major, minor] = StringRef(o.text).split('.');
  unsigned v, after;
  bool isKnown = !major.getAsInteger(10, v) && !minor.getAsInteger(10, after) && v >= 1 && v <= 9 && after <= 9;
  module.version = isKnown ? 10 * v + after : 0;
  return isKnown || fail(o.pos, "expected a PTX ISA version from 1.0 to 9.x, got '" + o.text + "'");
}

/// What is written for an older architecture runs on sm_90 as well, but not what is for one architecture alone.
bool Parser::targetDirective() {
  std::string w;
  do {
    skip();
    Pos where = pos;
    if (!word(w))
      return fail(where, "expected a target, got " + here());
    StringRef name = w;
    unsigned sm;
    if (name.consume_front("sm_")) {
      if (w != "sm_90a" && (name.getAsInteger(10, sm) || sm > 90))
        return fail(where, "expected target sm_90a, or sm_90 or older, got '" + w + "'");
      module.isForOneTarget = w == "sm_90a";
      module.target = module.isForOneTarget ? 90 : sm;
    } else if (w != "debug" && w != "texmode_unified" && w != "texmode_independent")
      return fail(where, "unknown or unsupported target option '" + w + "'");
  } while (accept(','));
  return module.target || fail(pos, "expected a target, such as sm_90a, before " + here());
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

/// The place of that line and column, the latest one: compilers name a caller right before what is
/// inlined there.
uint32_t Parser::callerAt(const Loc &place) {
  std::vector<Loc> &locs = current->locs;
  constexpr size_t kNear = 64;
  for (size_t i = locs.size(), end = i - std::min(i - 1, kNear); i-- > end;)
    if (locs[i].file == place.file && locs[i].line == place.line && locs[i].column == place.column)
      return uint32_t(i);
  locs.push_back(place);
  return uint32_t(locs.size() - 1);
}

bool Parser::locDirective() {
  int64_t f, l, c, ignored;
  if (!integer(f) || !integer(l) || !integer(c))
    return false;
  Loc found{uint32_t(f), uint32_t(l), uint32_t(c)};
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
      if (!integer(f) || !integer(l) || !integer(c))
        return false;
      found.caller = callerAt({uint32_t(f), uint32_t(l), uint32_t(c)});
    } else
      return fail(pos, "unknown attribute '" + w + "' of '.loc'");
  }
  current->locs.push_back(found);
  loc = current->locs.size() - 1;
  return true;
}

bool Parser::sectionDirective() {
  std::string w;
  if (!dottedWord(w))
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

/// Of shared memory there are 227 KiB, of local memory 512 KiB a thread, of constants 64 KiB a module.
static uint64_t mostBytes(Space space) {
  return space == Space::Shared  ? 232448
         : space == Space::Local ? 524288
         : space == Space::Const ? 65536
                                 : ~0ull;
}

/// A declaration of one or several variables of a type.
bool Parser::variable(Space space) {
  Variable common;
  common.space = space;
  common.isExtern = externNext;
  externNext = false;
  std::string name;
  Ty ty = Ty::None;
  unsigned vectorElements = 1;
  Pos where;
  for (;;) {
    skip();
    where = pos;
    if (!word(name))
      return fail(where, "expected the type or name of a variable, got " + here());
    if (isOpaqueType(name)) { // those that use it are refused
      scopes.empty() ? void() : refuse(where, "textures and surfaces are not supported, got '" + name + "'");
      return skipToSemicolon();
    }
    if (name == ".align") {
      int64_t a;
      if (!integer(a))
        return false;
      if (a < 1 || a > 65536 || (a & (a - 1)))
        return fail(where, "expected a power of two after '.align', got " + Twine(a));
      common.align = uint32_t(a);
    } else if (name == ".attribute") {
      while (at < text.size() && peek() != ')')
        advance();
      if (!expect(')'))
        return false;
    } else if (name == ".v2" || name == ".v4") {
      vectorElements = name == ".v2" ? 2 : 4;
    } else if (name[0] == '.') {
      ty = typeByName(StringRef(name).drop_front());
      if (ty == Ty::None || ty == Ty::Pred)
        return fail(where, "expected the type of a variable, got '" + name + "'");
    } else
      break;
  }
  if (ty == Ty::None)
    return fail(where, "variable '" + name + "' has no type");
  // A vector is aligned as a whole.
  common.align = std::max<uint32_t>(common.align, bytesOf(ty) * vectorElements);
  for (;;) {
    Variable v = common;
    v.name = name;
    bool isArray = false;
    if (!variableSize(v, ty, vectorElements, isArray, where) ||
        (accept('=') && !variableValue(v, ty, where)) || !placeVariable(v, where) ||
        !nameVariable(v, isArray ? bytesOf(ty) : 0, where))
      return false;
    if (!accept(','))
      return expect(';');
    skip();
    where = pos;
    if (peek() == '.' || !word(name))
      return fail(where, "expected the name of a variable, got " + here());
  }
}

/// [4][2], [] or nothing.
bool Parser::variableSize(Variable &v, Ty ty, unsigned vectorElements, bool &isArray, Pos where) {
  uint64_t count = vectorElements;
  while (accept('[')) {
    isArray = true;
    skip();
    if (peek() == ']') {
      v.sized = false;
      count = 0;
    } else {
      int64_t n;
      Pos at = pos;
      if (!integer(n))
        return false;
      if (n < 0 || (n && count > (uint64_t(1) << 36) / uint64_t(n)))
        return fail(at, "expected an array of at most 2^36 elements, got " + Twine(n) + " of " + Twine(count));
      count *= uint64_t(n);
    }
    if (!expect(']'))
      return false;
  }
  v.bytes = count * bytesOf(ty);
  if (v.bytes > mostBytes(v.space))
    return fail(where, "expected at most " + Twine(mostBytes(v.space)) + " bytes in this state space, got " + Twine(v.bytes));
  return true;
}

/// What follows '='.
bool Parser::variableValue(Variable &v, Ty ty, Pos where) {
  if (v.space != Space::Global && v.space != Space::Const)
    return fail(pos, "variable '" + v.name + "' is not in .global or .const and cannot be initialised");
  v.initialised = true;
  if (!initialiser(v, ty, 0))
    return false;
  if (!v.sized) {
    v.bytes = v.init.size();
    v.sized = true;
  }
  return v.init.size() <= v.bytes || fail(where, "variable '" + v.name + "' has " + Twine(v.bytes) +
                                                     " bytes, its initialiser " + Twine(v.init.size()));
}

/// Gives a shared or local variable its place.
bool Parser::placeVariable(Variable &v, Pos where) {
  if (v.space == Space::Shared) {
    if (!v.sized) {
      module.hasDynamicShared = true;
      module.dynamicSharedAlign = std::max(module.dynamicSharedAlign, v.align);
    } else {
      module.staticSharedBytes = alignTo(module.staticSharedBytes, v.align);
      v.address = module.staticSharedBytes;
      module.staticSharedBytes += v.bytes;
    }
  } else if (v.space == Space::Local) {
    current->localBytes = alignTo(current->localBytes, v.align);
    v.address = current->localBytes;
    current->localBytes += v.bytes;
    current->frameAlign = std::max(current->frameAlign, v.align);
  } else if (!v.sized)
    return fail(where, "variable '" + v.name + "' has no size");
  else if (v.space == Space::Const && !v.isExtern)
    module.constBytes = alignTo(module.constBytes, v.align) + v.bytes;
  uint64_t most = mostBytes(v.space);
  uint64_t together = v.space == Space::Shared  ? module.staticSharedBytes
                      : v.space == Space::Local ? current->localBytes
                      : v.space == Space::Const ? module.constBytes
                                                : 0;
  return together <= most ||
         fail(where, "the variables of this state space have more than " + Twine(most) + " bytes together");
}

bool Parser::nameVariable(const Variable &v, unsigned elementBytes, Pos where) {
  StringMap<VarRef> &names = scopes.empty() ? moduleVariables : scopes.back().variables;
  if (auto known = names.find(v.name); known != names.end()) {
    bool isDeclared = known->second.space == v.space && !known->second.isParam &&
                      (v.isExtern || module.variables[known->second.index].isExtern);
    if (!isDeclared)
      return fail(where, "'" + v.name + "' is defined twice in this scope");
  }
  VarRef ref{v.space, uint32_t(module.variables.size()), 0};
  ref.elementBytes = elementBytes;
  if (v.space == Space::Local && current->isDevice) { // wherever the frame is
    ref.inFrame = true;
    ref.paramOffset = v.address;
  }
  module.variables.push_back(v);
  names[v.name] = ref;
  return true;
}

/// symbol, symbol+4, generic(symbol)+4: eight bytes, or one of them.
bool Parser::addressInitialiser(Variable &v, unsigned bytes, unsigned firstByte) {
  Pos where = pos;
  Variable::Reloc r;
  r.offset = v.init.size();
  r.bytes = bytes;
  r.firstByte = firstByte;
  if (!word(r.symbol))
    return fail(where, "expected a symbol, got " + here());
  if (r.symbol == "generic") {
    r.generic = true;
    if (!expect('(') || !word(r.symbol) || !expect(')'))
      return fail(where, "expected generic(symbol)");
  }
  if (accept('+') && !constantInteger(r.addend))
    return false;
  v.relocs.push_back(std::move(r));
  v.init.resize(v.init.size() + bytes);
  return true;
}

/// After the mask: 0xff00(symbol) is the second byte of its address.
bool Parser::maskedAddress(Variable &v, const RawOperand &mask) {
  unsigned byte = 0;
  while (byte < 8 && mask.value != uint64_t(0xff) << 8 * byte)
    ++byte;
  if (byte == 8 || mask.kind != RawOperand::Imm)
    return fail(mask.pos, "expected a mask of one byte, 0xff, 0xff00, …, got '" + mask.text + "'");
  return expect('(') && addressInitialiser(v, 1, byte) && expect(')');
}

bool Parser::initialiser(Variable &v, Ty ty, unsigned depth) {
  unsigned es = bytesOf(ty);
  if (accept('{')) {
    if (depth > 16)
      return fail(pos, "expected an initialiser nested at most 16 deep");
    if (accept('}'))
      return true;
    do {
      if (!initialiser(v, ty, depth + 1))
        return false;
    } while (accept(','));
    return expect('}');
  }
  skip();
  Pos where = pos;
  if (!startsConstant()) {
    if (es != 8)
      return fail(where, "expected a number or, in elements of 8 bytes, an address, got " + here());
    return addressInitialiser(v, 8, 0);
  }
  RawOperand o;
  if (!constant(o))
    return false;
  skip();
  if (peek() == '(') {
    if (es != 1)
      return fail(where, "bytes of an address go into elements of one byte, got " + Twine(es));
    return maskedAddress(v, o);
  }
  bool isReal = ty == Ty::F32 || ty == Ty::F64, isBits = ty == Ty::B32 || ty == Ty::B64;
  if (ty == Ty::F16 || ty == Ty::F16x2 || ty == Ty::BF16 || ty == Ty::BF16x2)
    return fail(where, "variables of 16-bit reals cannot be initialised; declare them as .b16");
  if (isReal != (o.kind == RawOperand::FloatImm) && !(isBits && o.kind == RawOperand::FloatImm))
    return fail(where, Twine("expected ") + (isReal ? "a real, such as 1.0" : "an integer") +
                           ", got '" + o.text + "'");
  uint64_t bits = immediateBits(o, ty);
  for (unsigned i = 0; i < es; ++i)
    v.init.push_back(uint8_t(bits >> (8 * i)));
  return true;
}

/// Types that instructions have and registers have not.
static bool isPackedReal(Ty ty) {
  return ty == Ty::E4M3 || ty == Ty::E5M2 || ty == Ty::E4M3x2 || ty == Ty::E5M2x2 || ty == Ty::B1;
}

bool Parser::registers() {
  std::string w;
  skip();
  Pos where = pos;
  if (!word(w))
    return fail(where, "expected a register type, got " + here());
  unsigned elements = w == ".v2" ? 2 : w == ".v4" ? 4 : 1;
  skip();
  if (elements > 1 && !word(w))
    return fail(pos, "expected a register type, got " + here());
  Ty ty = typeByName(StringRef(w).drop_front());
  if (ty == Ty::None || ty == Ty::BF16 || ty == Ty::BF16x2 || ty == Ty::TF32 || isPackedReal(ty))
    return fail(where, "expected a register type, such as .b32, got '" + w + "'");
  if (elements > 1 && (ty == Ty::Pred || bytesOf(ty) * elements > 16))
    return fail(where, "expected a vector of at most 128 bits and not of predicates, got " +
                           Twine(elements) + " of '" + w + "'");
  do {
    skip();
    where = pos;
    if (!word(w))
      return fail(where, "expected a register name, got " + here());
    if (elements > 1) {
      if (!vectorRegisters(w, ty, elements))
        return false;
    } else if (accept('<')) {
      int64_t n;
      if (!integer(n) || !expect('>'))
        return false;
      if (n < 0 || n > (1 << 20))
        return fail(where, "expected at most 1048576 registers, got " + Twine(n));
      scopes.back().ranges[w] = {ty, unsigned(n)};
    } else if (!scopes.back().registers.try_emplace(w, RegInfo{ty, newRegister(ty, w)}).second)
      return fail(where, "register '" + w + "' is defined twice in this scope");
  } while (accept(','));
  return expect(';');
}

/// After the name: v.x, v.y, … are registers of their own, and so v.r, v.g, … which are the same.
bool Parser::vectorRegisters(const std::string &name, Ty ty, unsigned elements) {
  constexpr int64_t kMost = 32;
  int64_t count = 0;
  bool isRange = accept('<');
  Pos where = pos;
  if (isRange && (!integer(count) || !expect('>')))
    return false;
  if (count < 0 || count > kMost)
    return fail(where, "expected at most " + Twine(kMost) + " vector registers, got " + Twine(count));
  Scope &scope = scopes.back();
  for (int64_t i = 0; i < (isRange ? count : 1); ++i) {
    std::string one = isRange ? name + std::to_string(i) : name;
    std::vector<std::string> &names = scope.vectors[one];
    names.clear();
    for (unsigned e = 0; e < elements; ++e) {
      names.push_back(one + "." + "xyzw"[e]);
      scope.registers[names.back()] = {ty, newRegister(ty, names.back())};
      scope.registers[one + "." + "rgba"[e]] = scope.registers[names.back()];
    }
  }
  return true;
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
  skip();
  Pos named = pos;
  if (!word(name))
    return fail(named, "expected the name of an entry, got " + here());
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
    } else if (w == ".maxclusterrank") {
      if (!integer(ignored))
        return false;
      if (ignored < 1 || ignored > 65536)
        return fail(where, "expected a positive rank after '" + w + "', got " + Twine(ignored));
      scratch.maxClusterRank = uint32_t(ignored);
    } else if (w == ".explicitcluster") {
      e.needsCluster = true;
    } else if (w == ".blocksareclusters") {
      scratch.blocksAreClusters = true;
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
  if (any_of(module.publicEntries, [&](const Program::Entry &known) { return known.name == name; }))
    return fail(named, "entry '" + name + "' is defined twice");
  if (scratch.blocksAreClusters && (!e.requiredBlock[0] || !e.requiredCluster[0]))
    return fail(named, "'.blocksareclusters' needs .reqntid and .reqnctapercluster");
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
