//===- Parser.cpp - PTX text to statements --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>

using namespace llvm;

namespace tk::sim {

std::string Module::source(const Function &f, const Inst &inst) const {
  const Loc &l = f.locs[inst.loc];
  if (!l.line)
    return "";
  auto it = files.find(l.file);
  std::string name = it == files.end() ? "file" + std::to_string(l.file) : it->second;
  size_t slash = name.find_last_of('/');
  if (slash != std::string::npos)
    name = name.substr(slash + 1);
  return name + ":" + std::to_string(l.line) + ":" + std::to_string(l.column);
}

Opnd FunctionBuilder::newRegister(Ty ty, StringRef name) {
  Opnd o;
  o.off = fn.regWords;
  o.idx = fn.regCount++;
  o.wide = bytesOf(ty) == 8;
  fn.regWords += ty == Ty::B128 ? 128 : bytesOf(ty) == 8 ? 64 : 32;
  fn.regNames.resize(fn.regCount);
  fn.regNames[o.idx] = name.str();
  return o;
}

Opnd FunctionBuilder::constant(uint64_t value, bool is64) {
  auto [it, fresh] = constantAt.try_emplace({value, is64}, fn.constants.size());
  if (fresh)
    for (unsigned i = 0; i < 32; ++i) {
      fn.constants.push_back(uint32_t(value));
      if (is64)
        fn.constants.push_back(uint32_t(value >> 32));
    }
  Opnd o;
  o.off = Opnd::kConst | it->second;
  o.wide = is64;
  return o;
}

Opnd FunctionBuilder::addressConstant(Space space, uint32_t variable, int64_t addend, bool is64, bool generic) {
  Opnd o;
  o.off = Opnd::kConst | uint32_t(fn.constants.size());
  o.wide = is64;
  fn.addressConsts.push_back({uint32_t(fn.constants.size()), space, variable, addend, is64, generic});
  fn.constants.resize(fn.constants.size() + (is64 ? 64 : 32));
  return o;
}

Opnd FunctionBuilder::special(Special s, bool is64) {
  auto [it, fresh] = specialAt.try_emplace(unsigned(s));
  if (fresh) {
    it->second = newRegister(is64 ? Ty::B64 : Ty::B32, "%special");
    fn.specials.push_back({s, it->second.off});
  }
  return it->second;
}

namespace {

bool isWordStart(char c) { return isAlpha(c) || c == '_' || c == '$' || c == '%' || c == '.'; }
bool isWordChar(char c) { return isAlnum(c) || c == '_' || c == '$' || c == '%' || c == '.'; }

/// A name scope: a function body or a { } block inside it.
struct Scope {
  StringMap<RegInfo> registers;
  StringMap<std::pair<Ty, unsigned>> ranges; ///< %r<5>
  StringMap<uint32_t> labels;
  StringMap<FunctionBuilder::VarRef> variables;
  StringMap<std::vector<std::string>> targets;
  struct Pending { std::string label; Pos pos; uint32_t inst; int slot; };
  std::vector<Pending> pending;
};

class Parser final : public FunctionBuilder {
public:
  Parser(Module &module, StringRef text) : FunctionBuilder(module, scratch), text(text) {}
  Failure run();

  const RegInfo *findRegister(StringRef name) override;
  bool findVariable(StringRef name, VarRef &out) override;
  void branchTo(StringRef label, Pos pos, int slot) override {
    scopes.back().pending.push_back({label.str(), pos, uint32_t(current->code.size()), slot});
  }
  bool findBranchTargets(StringRef name, std::vector<std::string> &labels) override {
    for (Scope &s : reverse(scopes))
      if (auto it = s.targets.find(name); it != s.targets.end()) {
        labels = it->second;
        return true;
      }
    return false;
  }

private:
  // Characters.
  char peek(size_t k = 0) const { return at + k < text.size() ? text[at + k] : '\0'; }
  void advance() {
    if (text[at] == '\n') {
      ++pos.line;
      pos.column = 1;
    } else
      ++pos.column;
    ++at;
  }
  void skip();
  bool accept(char c) {
    skip();
    if (peek() != c)
      return false;
    advance();
    return true;
  }
  bool fail(Pos where, const Twine &message) {
    if (!failure)
      failure = {where, message.str()};
    return false;
  }
  bool expect(char c) {
    if (accept(c))
      return true;
    return fail(pos, Twine("expected '") + Twine(c) + "', got " + here());
  }
  std::string here() const {
    if (at >= text.size())
      return "the end of the file";
    return ("'" + text.substr(at, 12).take_until([](char c) { return c == '\n'; }) + "'").str();
  }
  bool word(std::string &out);
  bool integer(int64_t &out);
  bool number(RawOperand &out);

  // Directives.
  bool topLevel();
  bool directive(const std::string &name, Pos where, bool inFunction);
  bool fileDirective();
  bool locDirective();
  bool sectionDirective();
  bool variable(Space space);
  bool initialiser(Variable &v, unsigned elementBytes, bool isFloat);
  bool registers();
  bool entry();
  bool parameters(Program::Entry &entry);
  bool tuple(std::array<uint32_t, 3> &out);
  bool skipToSemicolon();

  // Statements.
  bool body();
  bool statement();
  bool instruction(const std::string &first, Pos where, RawInst &raw);
  bool operand(RawOperand &out);
  bool simpleOperand(RawOperand &out);
  bool addressOperand(RawOperand &out);
  bool closeScope();

  StringRef text;
  size_t at = 0;
  Pos pos;
  Failure failure;
  Function scratch;
  Function *current = &scratch;
  std::vector<Scope> scopes;
  StringMap<VarRef> moduleVariables;
  uint32_t loc = 0;
  bool externNext = false;
};

void Parser::skip() {
  while (at < text.size()) {
    char c = peek();
    if (c == '/' && peek(1) == '/') {
      while (at < text.size() && peek() != '\n')
        advance();
    } else if (c == '/' && peek(1) == '*') {
      while (at < text.size() && !(peek() == '*' && peek(1) == '/'))
        advance();
      if (at < text.size()) {
        advance();
        advance();
      }
    } else if (isSpace(c))
      advance();
    else
      return;
  }
}

bool Parser::word(std::string &out) {
  skip();
  out.clear();
  if (!isWordStart(peek()))
    return false;
  while (isWordChar(peek()) || (peek() == ':' && peek(1) == ':')) {
    if (peek() == ':') {
      out += "::";
      advance();
      advance();
      continue;
    }
    out += peek();
    advance();
  }
  return true;
}

bool Parser::number(RawOperand &out) {
  skip();
  out.pos = pos;
  bool negative = false;
  if (peek() == '-') {
    negative = true;
    advance();
    skip();
  }
  size_t begin = at;
  if (peek() == '0' && (peek(1) == 'f' || peek(1) == 'F' || peek(1) == 'd' || peek(1) == 'D')) {
    bool isF32 = peek(1) == 'f' || peek(1) == 'F';
    advance();
    advance();
    size_t digits = at;
    while (isHexDigit(peek()))
      advance();
    StringRef hex = text.slice(digits, at);
    if (hex.size() != (isF32 ? 8u : 16u) || hex.getAsInteger(16, out.value))
      return fail(out.pos, Twine("expected ") + Twine(isF32 ? 8 : 16) + " hexadecimal digits after '0" +
                               (isF32 ? "f" : "d") + "', got " + Twine(hex.size()));
    if (negative)
      out.value ^= isF32 ? 0x80000000ull : 0x8000000000000000ull;
    out.kind = RawOperand::FloatImm;
    out.isF32 = isF32;
    out.text = text.slice(begin, at).str();
    return true;
  }
  while (isAlnum(peek()) || peek() == '.' || ((peek() == '-' || peek() == '+') && at > begin &&
                                               toLower(text[at - 1]) == 'e' && !text.substr(begin, 2).starts_with("0x")))
    advance();
  StringRef digits = text.slice(begin, at);
  out.text = digits.str();
  if (digits.contains('.')) {
    double v;
    if (digits.getAsDouble(v))
      return fail(out.pos, "expected a number, got '" + digits + "'");
    v = negative ? -v : v;
    memcpy(&out.value, &v, 8);
    out.kind = RawOperand::FloatImm;
    return true;
  }
  digits.consume_back("U");
  uint64_t v;
  if (digits.empty() || digits.getAsInteger(0, v))
    return fail(out.pos, "expected a number, got '" + text.slice(begin, std::max(at, begin + 1)) + "'");
  out.kind = RawOperand::Imm;
  out.value = negative ? 0 - v : v;
  return true;
}

bool Parser::integer(int64_t &out) {
  RawOperand o;
  if (!number(o))
    return false;
  if (o.kind != RawOperand::Imm)
    return fail(o.pos, "expected an integer, got '" + o.text + "'");
  out = int64_t(o.value);
  return true;
}

Failure Parser::run() {
  while (!failure) {
    skip();
    if (at >= text.size())
      break;
    if (!topLevel())
      break;
  }
  return failure;
}

bool Parser::topLevel() {
  Pos where = pos;
  std::string name;
  if (!word(name) || name[0] != '.')
    return fail(where, "expected a directive, got " + (name.empty() ? here() : "'" + name + "'"));
  return directive(name, where, false);
}

bool Parser::skipToSemicolon() {
  while (at < text.size() && peek() != ';')
    advance();
  return expect(';');
}

bool Parser::tuple(std::array<uint32_t, 3> &out) {
  out = {1, 1, 1};
  unsigned i = 0;
  do {
    int64_t v;
    Pos where = pos;
    if (!integer(v))
      return false;
    if (i == 3 || v < 1 || v > 0x7fffffff)
      return fail(where, "expected up to three positive sizes, got " + Twine(v));
    out[i++] = uint32_t(v);
  } while (accept(','));
  return true;
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
    return fail(where, "device functions ('.func') are not supported yet; inline the call");
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
  } else if (!v.sized)
    return fail(where, "variable '" + v.name + "' has no size");
  VarRef ref{space, uint32_t(module.variables.size()), 0};
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

const RegInfo *Parser::findRegister(StringRef name) {
  StringRef prefix = name.rtrim("0123456789");
  unsigned n = 0;
  bool numbered = prefix.size() < name.size() && !name.substr(prefix.size()).getAsInteger(10, n);
  for (Scope &s : reverse(scopes)) {
    if (auto it = s.registers.find(name); it != s.registers.end())
      return &it->second;
    if (!numbered)
      continue;
    // "%f1<3>" makes %f10, %f11, %f12: try every split of the digits.
    for (size_t cut = prefix.size(); cut < name.size(); ++cut) {
      auto it = s.ranges.find(name.take_front(cut));
      if (it == s.ranges.end() || name.substr(cut).getAsInteger(10, n) || n >= it->second.second ||
          (name[cut] == '0' && cut + 1 < name.size()))
        continue;
      RegInfo info{it->second.first, newRegister(it->second.first, name)};
      return &(s.registers[name] = info);
    }
  }
  return nullptr;
}

bool Parser::findVariable(StringRef name, VarRef &out) {
  for (Scope &s : reverse(scopes))
    if (auto it = s.variables.find(name); it != s.variables.end()) {
      out = it->second;
      return true;
    }
  auto it = moduleVariables.find(name);
  if (it == moduleVariables.end())
    return false;
  out = it->second;
  return true;
}

bool Parser::parameters(Program::Entry &e) {
  if (accept(')'))
    return true;
  do {
    std::string w;
    Ty ty = Ty::None;
    uint32_t align = 0;
    uint64_t bytes = 0;
    skip();
    Pos where = pos;
    if (!word(w) || w != ".param")
      return fail(where, "expected '.param', got " + (w.empty() ? here() : "'" + w + "'"));
    for (;;) {
      skip();
      where = pos;
      if (!word(w))
        return fail(where, "expected a parameter, got " + here());
      if (w == ".align") {
        int64_t a;
        if (!integer(a))
          return false;
        if (a < 1 || a > 4096 || (a & (a - 1)))
          return fail(where, "expected a power of two after '.align', got " + Twine(a));
        if (ty == Ty::None || align == 0)
          align = uint32_t(a);
      } else if (w == ".ptr" || w == ".global" || w == ".shared" || w == ".const" || w == ".local") {
        // .ptr[.space][.align n]: an attribute of the pointee, not of the parameter.
        if (align == 0)
          align = bytesOf(ty);
      } else if (w == ".ptr.global" || w == ".ptr.shared" || w == ".ptr.const" || w == ".ptr.local") {
        if (align == 0)
          align = bytesOf(ty);
      } else if (w[0] == '.') {
        ty = typeByName(StringRef(w).drop_front());
        if (ty == Ty::None)
          return fail(where, "expected a parameter type, got '" + w + "'");
      } else
        break;
    }
    bytes = bytesOf(ty);
    if (!bytes)
      return fail(where, "parameter '" + w + "' has no type");
    if (!align)
      align = uint32_t(bytes);
    while (accept('[')) {
      int64_t n;
      if (!integer(n) || !expect(']'))
        return false;
      if (n < 1 || n > 32764)
        return fail(where, "expected at most 32764 bytes of parameters, got " + Twine(n));
      bytes *= uint64_t(n);
    }
    Program::Parameter p;
    p.name = w;
    p.offset = uint32_t(alignTo(e.parameterBytes, align));
    p.bytes = uint32_t(bytes);
    p.align = align;
    if (p.offset + bytes > 32764)
      return fail(where, "expected at most 32764 bytes of parameters, got " + Twine(p.offset + bytes));
    e.parameterBytes = p.offset + p.bytes;
    scopes.back().variables[w] = {Space::Param, 0, p.offset};
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
    } else if (w == ".minnctapersm" || w == ".maxnreg" || w == ".maxnctapersm" || w == ".maxclusterrank") {
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
  module.functions.back() = std::move(scratch);
  module.publicEntries.push_back(e);
  scratch = Function();
  return true;
}

bool Parser::body() {
  if (!expect('{'))
    return false;
  while (!failure) {
    skip();
    if (at >= text.size())
      return fail(pos, "expected '}' at the end of entry '" + scratch.name + "', got the end of the file");
    if (accept('}')) {
      if (scopes.size() == 1) {
        Inst end;
        end.op = Op::Exit;
        end.line = pos.line;
        scratch.code.push_back(end);
      }
      if (!closeScope())
        return false;
      if (scopes.empty())
        break;
      continue;
    }
    if (accept('{')) {
      scopes.emplace_back();
      continue;
    }
    if (!statement())
      return false;
  }
  if (failure)
    return false;
  computeReconvergence(scratch);
  return true;
}

/// Labels are block scoped: what this scope does not define is looked for in the one around it.
bool Parser::closeScope() {
  Scope scope = std::move(scopes.back());
  scopes.pop_back();
  for (Scope::Pending &p : scope.pending) {
    auto it = scope.labels.find(p.label);
    if (it == scope.labels.end()) {
      if (scopes.empty())
        return fail(p.pos, "branch to unknown label '" + p.label + "'");
      scopes.back().pending.push_back(std::move(p));
      continue;
    }
    Inst &inst = scratch.code[p.inst];
    if (p.slot < 0)
      inst.target = it->second;
    else
      inst.targets[unsigned(p.slot)] = it->second;
  }
  return true;
}

bool Parser::statement() {
  skip();
  Pos where = pos;
  RawInst raw;
  raw.pos = where;
  if (accept('@')) {
    raw.guarded = true;
    raw.guardNeg = accept('!');
    if (!word(raw.guard))
      return fail(pos, "expected a predicate register, got " + here());
    skip();
  }
  if (accept(';'))
    return true;
  std::string w;
  Pos wordAt = pos;
  if (!word(w))
    return fail(pos, "expected an instruction, got " + here());
  if (!raw.guarded) {
    if (accept(':')) {
      if (!scopes.back().labels.try_emplace(w, uint32_t(scratch.code.size())).second)
        return fail(where, "label '" + w + "' is defined twice in this scope");
      skip();
      if (StringRef(text.substr(at)).starts_with(".branchtargets")) {
        std::string ignored, label;
        word(ignored);
        std::vector<std::string> &list = scopes.back().targets[w];
        do {
          if (!word(label))
            return fail(pos, "expected a label, got " + here());
          list.push_back(label);
        } while (accept(','));
        return expect(';');
      }
      return true;
    }
    if (w[0] == '.')
      return directive(w, where, true);
  }
  if (!instruction(w, wordAt, raw))
    return false;
  if (Failure f = decodeInstruction(*this, raw, loc))
    return fail(f.pos, f.message);
  return true;
}

bool Parser::instruction(const std::string &first, Pos where, RawInst &raw) {
  raw.word = first;
  raw.pos = where;
  SmallVector<StringRef> parts;
  StringRef(raw.word).split(parts, '.');
  raw.parts.assign(parts.begin(), parts.end());
  if (raw.parts.empty() || raw.parts[0].empty())
    return fail(where, "expected an instruction, got '" + first + "'");
  if (raw.parts[0] == "call")
    return fail(where, "calls ('" + first + "') are not supported yet; inline the function");
  if (accept(';'))
    return true;
  do {
    RawOperand o;
    if (!operand(o))
      return false;
    raw.operands.push_back(std::move(o));
  } while (accept(','));
  return expect(';');
}

bool Parser::operand(RawOperand &out) {
  skip();
  out.pos = pos;
  if (accept('{')) {
    out.kind = RawOperand::Vector;
    if (accept('}'))
      return true;
    do {
      RawOperand e;
      if (!simpleOperand(e))
        return false;
      out.elements.push_back(std::move(e));
    } while (accept(','));
    return expect('}');
  }
  if (peek() == '[')
    return addressOperand(out);
  if (!simpleOperand(out))
    return false;
  if (accept('|')) {
    RawOperand second;
    if (!simpleOperand(second))
      return false;
    out.second.push_back(std::move(second));
  }
  return true;
}

bool Parser::addressOperand(RawOperand &out) {
  out.kind = RawOperand::Address;
  if (!expect('['))
    return false;
  RawOperand base;
  if (!simpleOperand(base))
    return false;
  skip();
  if (peek() == '+' || peek() == '-') {
    bool negative = peek() == '-';
    if (!negative)
      advance();
    int64_t v;
    if (!integer(v))
      return false;
    out.offset = v;
  }
  out.offset += base.offset;
  out.elements.push_back(std::move(base));
  while (accept(',')) {
    RawOperand extra;
    if (!operand(extra))
      return false;
    out.elements.push_back(std::move(extra));
  }
  return expect(']');
}

bool Parser::simpleOperand(RawOperand &out) {
  skip();
  out.pos = pos;
  if (accept('!'))
    out.negated = true;
  skip();
  if (isDigit(peek()) || peek() == '-')
    return number(out);
  if (!word(out.text))
    return fail(pos, "expected an operand, got " + here());
  if (out.text == "_") {
    out.kind = RawOperand::Sink;
    return true;
  }
  if (specialByName(out.text) && !findRegister(out.text)) {
    out.kind = RawOperand::Special;
    return true;
  }
  if (out.text == "WARP_SZ") {
    out.kind = RawOperand::Imm;
    out.value = 32;
    return true;
  }
  if (findRegister(out.text)) {
    out.kind = RawOperand::Reg;
    return true;
  }
  if (out.text[0] == '%')
    return fail(out.pos, "unknown register '" + out.text + "'");
  out.kind = RawOperand::Symbol;
  skip();
  if (peek() == '+') {
    advance();
    if (!integer(out.offset))
      return false;
  }
  return true;
}

} // namespace

Expected<std::shared_ptr<const Program>> Program::parse(StringRef text, StringRef fileName) {
  auto module = std::make_shared<Module>();
  module->fileName = fileName.str();
  for (StringRef rest = text; !rest.empty();) {
    auto [line, tail] = rest.split('\n');
    module->lines.push_back(line.rtrim().str());
    rest = tail;
  }
  Parser parser(*module, text);
  if (Failure f = parser.run()) {
    std::string message;
    raw_string_ostream os(message);
    os << fileName << ':' << f.pos.line << ':' << f.pos.column << ": error: " << f.message;
    if (StringRef line = module->lineText(f.pos.line); !line.empty())
      os << "\n  " << line;
    return createStringError(inconvertibleErrorCode(), message);
  }
  return std::shared_ptr<const Program>(module);
}

} // namespace tk::sim
