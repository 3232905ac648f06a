//===- Parser.cpp - PTX text to statements --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace tk::sim {

std::string Module::source(const Function &f, const Inst &inst) const {
  auto text = [&](const Loc &l) {
    auto it = files.find(l.file);
    std::string name = it == files.end() ? "file" + std::to_string(l.file) : it->second;
    size_t slash = name.find_last_of('/');
    if (slash != std::string::npos)
      name = name.substr(slash + 1);
    return name + ":" + std::to_string(l.line) + ":" + std::to_string(l.column);
  };
  const Loc &l = f.locs[inst.loc];
  if (!l.line)
    return "";
  // A caller stands before what is inlined there, so this ends.
  const Loc *outermost = &l;
  while (outermost->caller)
    outermost = &f.locs[outermost->caller];
  return text(l) + (outermost == &l ? "" : " inlined at " + text(*outermost));
}

Opnd FunctionBuilder::newRegister(Ty ty, StringRef name) {
  if (ty == Ty::B128) { // two rows: see upperHalf
    Opnd low = newRegister(Ty::B64, name);
    newRegister(Ty::B64, name);
    return low;
  }
  Opnd o;
  o.off = fn.regWords;
  o.idx = fn.regCount++;
  fn.regRows.resize(fn.regCount);
  fn.regRows[o.idx] = {o.off, uint8_t(ty == Ty::Pred ? 0 : std::max(1u, bytesOf(ty) / 4))};
  o.wide = bytesOf(ty) == 8;
  fn.regWords += bytesOf(ty) == 8 ? 64 : 32;
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
    // By the name the machine knows what it fills and what stays poison.
    bool isUnknown = s == Special::Unknown || s == Special::Unknown64;
    it->second = newRegister(is64 ? Ty::B64 : Ty::B32, isUnknown ? "%unknown" : "%special");
    fn.specials.push_back({s, it->second.off});
  }
  return it->second;
}

/// Of instructions that no entry can be launched with; empty: of others.
static StringRef unsupportedKind(StringRef word) {
  StringRef name = word.split('.').first;
  if (is_contained({"tex", "tld4", "txq", "istypep"}, name))
    return "textures";
  if (is_contained({"suld", "sust", "sured", "suq"}, name))
    return "surfaces";
  return word.contains(".im2col") ? "tensor copies of .im2col" : "";
}

static constexpr size_t kShownOfLine = 120;

/// Enough of a text for a message: from a line that is long the part around the column.
static std::string printable(StringRef text, size_t column) {
  size_t most = column ? kShownOfLine : 4 * kShownOfLine; // messages name what they found
  size_t first = text.size() <= most || column < most / 2 ? 0 : std::min(column - most / 2, text.size() - most);
  std::string part = json::fixUTF8(text.substr(first, most));
  for (char &c : part)
    if (uint8_t(c) < ' ' || c == 0x7f)
      c = c == '\n' ? c : ' ';
  return (first ? "..." : "") + part + (first + most < text.size() ? "..." : "");
}

/// "FILE:LINE:COLUMN: error: MESSAGE", and the line.
static std::string errorText(const Module &module, const Failure &f) {
  std::string text = formatv("{0}:{1}:{2}: error: {3}", module.fileName, f.pos.line, f.pos.column, printable(f.message, 0));
  StringRef line = module.lineText(f.pos.line);
  if (line.size() > kShownOfLine) // as it stands, so that the column is right
    line = module.lines[f.pos.line - 1];
  if (!line.empty())
    text += "\n  " + printable(line, f.pos.column);
  return text;
}

void Parser::refuse(Pos where, const Twine &message) {
  if (scratch.refused.empty())
    scratch.refused = errorText(module, {where, message.str()});
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
  if (!module.version && name != ".version")
    return fail(where, "expected '.version' at the start of the PTX, got '" + name + "'");
  if (module.version && !module.target && name != ".target")
    return fail(where, "expected '.target' after '.version', got '" + name + "'");
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

const std::vector<std::string> *Parser::findVector(StringRef name) {
  for (Scope &s : reverse(scopes))
    if (auto it = s.vectors.find(name); it != s.vectors.end())
      return &it->second;
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
      if (scopes.size() > 100)
        return fail(pos, "expected blocks nested at most 100 deep");
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
  if (peek() == '.' ? !word(w) : !dottedWord(w))
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
  if (StringRef kind = unsupportedKind(w); !kind.empty()) {
    refuse(wordAt, kind + " are not supported, got '" + w + "'");
    return skipToSemicolon();
  }
  if (!instruction(w, wordAt, raw))
    return false;
  if (Failure f = checkTarget(module, raw))
    return fail(f.pos, f.message);
  size_t before = scratch.code.size();
  if (Failure f = decodeInstruction(*this, raw, loc))
    return fail(f.pos, f.message);
  // A pragma before what is no load is ignored.
  uint32_t used = std::exchange(usedBytes, ~0u);
  if (scratch.code.size() > before && scratch.code.back().op == Op::Ld)
    scratch.code.back().usedBytes = used;
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
    if (isVideo(raw.parts[0]) ? !videoOperand(o) : !operand(o))
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
  if (accept('+') && !constantInteger(out.offset))
    return false;
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
  if (startsConstant())
    return constant(out);
  if (accept('!'))
    out.negated = true;
  if (!dottedWord(out.text))
    return fail(pos, "expected an operand, got " + here());
  if (out.text == "_") {
    out.kind = RawOperand::Sink;
    return true;
  }
  if (specialByName(out.text) && !findRegister(out.text)) {
    out.kind = RawOperand::Special;
    // What is made of it is an address, of memory that nobody has here: such a kernel finds nothing but poison.
    if (StringRef(out.text).starts_with("%reserved_smem_offset_"))
      refuse(out.pos, "no manual says what the driver puts into '" + out.text +
                          "'; cooperative groups read it for tiles of more than 32 threads: use tiles of at most 32, or shared "
                          "memory of your own");
    return true;
  }
  if (findRegister(out.text)) {
    out.kind = RawOperand::Reg;
    return true;
  }
  if (const std::vector<std::string> *elements = findVector(out.text)) {
    out.kind = RawOperand::Vector;
    for (const std::string &name : *elements) {
      RawOperand &e = out.elements.emplace_back();
      e.kind = RawOperand::Reg;
      e.pos = out.pos;
      e.text = name;
    }
    return true;
  }
  if (out.text[0] == '%')
    return fail(out.pos, "unknown register '" + out.text + "'");
  out.kind = RawOperand::Symbol;
  skip();
  if (peek() == '[')
    return indexOperand(out);
  return !accept('+') || constantInteger(out.offset);
}

/// A register with what it may have around it: -%r1.b0.
bool Parser::videoOperand(RawOperand &out) {
  skip();
  Pos where = pos;
  size_t k = peek() == '-';
  while (k && isSpace(peek(k)))
    ++k;
  if (!isWordStart(peek(k)) || peek(k) == '.')
    return operand(out);
  out.minus = k;
  for (; k; --k)
    advance();
  std::string name;
  word(name);
  out.pos = where;
  if (name == "_") {
    out.kind = RawOperand::Sink;
    return true;
  }
  if (specialByName(name) || name == "WARP_SZ")
    return fail(where, "expected a register, got '" + name + "'; mov reads it");
  size_t dot = name.find('.');
  if (dot != std::string::npos) {
    out.selector = name.substr(dot + 1);
    name.resize(dot);
  } else if (skip(), peek() == '.') {
    word(out.selector);
    out.selector.erase(0, 1);
  }
  if (!findRegister(name))
    return fail(where, "unknown register '" + name + "'");
  out.kind = RawOperand::Reg;
  out.text = name;
  return true;
}

/// variable[index]: the index counts elements.
bool Parser::indexOperand(RawOperand &out) {
  VarRef ref;
  if (!findVariable(out.text, ref))
    return fail(out.pos, "unknown variable '" + out.text + "'");
  if (!ref.elementBytes)
    return fail(out.pos, "'" + out.text + "' is no array of a known element; write '[" + out.text +
                             "+bytes]'");
  if (!expect('['))
    return false;
  Pos where = pos;
  if (!startsConstant())
    return fail(where, "expected a constant index, got " + here() +
                           "; compute the address where the index is a register");
  int64_t index;
  if (!constantInteger(index))
    return false;
  if (index < 0 || index > 1 << 28)
    return fail(where, "expected an index of 0 to 268435456, got " + Twine(index));
  out.isIndexed = true;
  out.offset = index * int64_t(ref.elementBytes);
  return expect(']');
}

/// What a file is that is no text; empty: it may be text.
static StringRef notText(StringRef text) {
  if (text.starts_with("\x7f""ELF"))
    return "an ELF file, such as a cubin; take the PTX that it was made from";
  if (text.starts_with("\x50\xed\x55\xba"))
    return "a fatbin; cuobjdump -ptx prints the PTX in it";
  if (text.starts_with("\xef\xbb\xbf"))
    return "a UTF-8 byte order mark, which ptxas refuses, too; save the file without it";
  // PTX from memory may end in a zero.
  for (char c : text.drop_back(text.ends_with(StringRef("\0", 1))))
    if (uint8_t(c) < ' ' && !isSpace(c))
      return "bytes that are no characters";
  return "";
}

Expected<std::shared_ptr<const Program>> Program::parse(StringRef text, StringRef fileName) {
  if (StringRef kind = notText(text); !kind.empty())
    return createStringError(inconvertibleErrorCode(), fileName + ": error: not PTX text, but " + kind);
  auto module = std::make_shared<Module>();
  module->fileName = fileName.str();
  for (StringRef rest = text; !rest.empty();) {
    auto [line, tail] = rest.split('\n');
    module->lines.push_back(line.str());
    rest = tail;
  }
  Parser parser(*module, text);
  Failure f = parser.run();
  if (!f && !module->version)
    f.message = "no entries: expected '.version', got the end of the file";
  if (!f)
    return std::shared_ptr<const Program>(module);
  return createStringError(inconvertibleErrorCode(), errorText(*module, f));
}

} // namespace tk::sim
