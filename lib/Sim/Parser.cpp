//===- Parser.cpp - PTX text to statements --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"
#include "llvm/Support/raw_ostream.h"

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
  fn.regRows.resize(fn.regCount);
  fn.regRows[o.idx] = {o.off, uint8_t(ty == Ty::Pred ? 0 : std::max(1u, bytesOf(ty) / 4))};
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

Failure Parser::run() {
  while (!failure) {
    skip();
    if (at >= text.size())
      break;
    if (!topLevel())
      break;
  }
  return failure ? failure : linkFunctions(module);
}

bool Parser::topLevel() {
  Pos where = pos;
  std::string name;
  if (!word(name) || name[0] != '.')
    return fail(where, "expected a directive, got " + (name.empty() ? here() : "'" + name + "'"));
  return directive(name, where, false);
}

const RegInfo *Parser::findRegister(StringRef name) {
  for (Scope &s : reverse(scopes)) {
    if (auto it = s.registers.find(name); it != s.registers.end())
      return &it->second;
    if (s.ranges.empty())
      continue;
    StringRef prefix = name.rtrim("0123456789");
    unsigned n = 0;
    if (prefix.size() == name.size() || name.substr(prefix.size()).getAsInteger(10, n))
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

bool Parser::body() {
  if (!expect('{'))
    return false;
  while (!failure) {
    skip();
    if (at >= text.size())
      return fail(pos, "expected '}' at the end of '" + scratch.name + "', got the end of the file");
    if (accept('}')) {
      if (scopes.size() == 1) {
        Inst end;
        end.op = scratch.isDevice ? Op::Ret : Op::Exit;
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
      uint32_t callBytes = scopes.back().callBytes;
      scopes.emplace_back();
      scopes.back().callBytes = callBytes;
      continue;
    }
    if (!statement())
      return false;
  }
  if (failure)
    return false;
  placeCallArea();
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
        std::string ignored;
        word(ignored);
        return nameList(scopes.back().targets[w]);
      }
      if (StringRef(text.substr(at)).starts_with(".calltargets")) {
        std::string ignored;
        word(ignored);
        return nameList(scopes.back().callTargets[w]);
      }
      if (StringRef(text.substr(at)).starts_with(".callprototype")) {
        std::string ignored;
        word(ignored);
        return callPrototype(scopes.back().prototypes[w]);
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
    return callOperands(raw);
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

Expected<std::shared_ptr<const Program>> Program::parse(StringRef text, StringRef fileName) {
  auto module = std::make_shared<Module>();
  module->fileName = fileName.str();
  for (StringRef rest = text; !rest.empty();) {
    auto [line, tail] = rest.split('\n');
    module->lines.push_back(line.str());
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
