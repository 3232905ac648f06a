//===- ParserImpl.h - The parser, shared by its files -----------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Characters and tokens are in ParserLexer.cpp, directives in ParserDirectives.cpp, statements in Parser.cpp.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_PARSERIMPL_H
#define TK_LIB_SIM_PARSERIMPL_H

#include "Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace tk::sim {

inline bool isWordStart(char c) { return llvm::isAlpha(c) || c == '_' || c == '$' || c == '%' || c == '.'; }
inline bool isWordChar(char c) { return llvm::isAlnum(c) || c == '_' || c == '$'; }

/// Types of what textures and surfaces are named by.
inline bool isOpaqueType(llvm::StringRef name) {
  return name == ".texref" || name == ".samplerref" || name == ".surfref";
}

/// A name scope: a function body or a { } block inside it.
struct Scope {
  llvm::StringMap<RegInfo> registers;
  llvm::StringMap<std::pair<Ty, unsigned>> ranges; ///< %r<5>
  llvm::StringMap<std::vector<std::string>> vectors; ///< Of a vector register, the registers of its elements.
  llvm::StringMap<uint32_t> labels;
  llvm::StringMap<FunctionBuilder::VarRef> variables;
  llvm::StringMap<std::vector<std::string>> targets; ///< .branchtargets
  llvm::StringMap<std::vector<std::string>> callTargets;
  llvm::StringMap<Signature> prototypes;
  uint32_t callBytes = 0; ///< What its calls pass, and those of the scopes around it.
  struct Pending { std::string label; Pos pos; uint32_t inst; int slot; };
  std::vector<Pending> pending;
};

/// Whether the .version and the .target of the module have the instruction.
Failure checkTarget(const Module &module, const RawInst &raw);

class Parser final : public FunctionBuilder {
public:
  Parser(Module &module, llvm::StringRef text) : FunctionBuilder(module, scratch), text(text) {}
  Failure run();

  const RegInfo *findRegister(llvm::StringRef name) override;
  bool findVariable(llvm::StringRef name, VarRef &out) override;
  void branchTo(llvm::StringRef label, Pos pos, int slot) override {
    scopes.back().pending.push_back({label.str(), pos, uint32_t(current->code.size()), slot});
  }
  const Signature *findPrototype(llvm::StringRef name) override;
  const std::vector<std::string> *findCallTargets(llvm::StringRef name) override;
  bool findBranchTargets(llvm::StringRef name, std::vector<std::string> &labels) override {
    for (Scope &s : llvm::reverse(scopes))
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
  bool fail(Pos where, const llvm::Twine &message) {
    if (!failure)
      failure = {where, message.str()};
    return false;
  }
  /// What is not supported, but is no reason to refuse entries that do without it.
  void refuse(Pos where, const llvm::Twine &message) override;
  bool expect(char c) {
    if (accept(c))
      return true;
    return fail(pos, llvm::Twine("expected '") + llvm::Twine(c) + "', got " + here());
  }
  std::string here() const {
    if (at >= text.size())
      return "the end of the file";
    return ("'" + text.substr(at, 12).take_until([](char c) { return c == '\n'; }) + "'").str();
  }
  /// A name, or a '.' and a name: as in ptxas '.reg.b32%r' is three.
  bool word(std::string &out);
  /// A name with all its parts, "ld.global.b32" and "%tid.x"; spaces may stand before a dot.
  bool dottedWord(std::string &out);
  bool integer(int64_t &out);
  // Constants (ParserConstants.cpp).
  bool realBits(RawOperand &out);
  bool number(RawOperand &out);
  bool startsConstant();
  bool constant(RawOperand &out);
  bool constantInteger(int64_t &out);
  bool expression(RawOperand &out, unsigned level, unsigned depth);
  bool choice(RawOperand &out, unsigned depth);
  bool unary(RawOperand &out, unsigned depth);
  bool primary(RawOperand &out, unsigned depth);
  bool applyOperator(llvm::StringRef op, RawOperand &left, const RawOperand &right);
  bool applyToReals(llvm::StringRef op, RawOperand &left, const RawOperand &right);
  bool applyToIntegers(llvm::StringRef op, RawOperand &left, const RawOperand &right);

  // Directives.
  bool topLevel();
  bool directive(const std::string &name, Pos where, bool inFunction);
  bool versionDirective();
  bool targetDirective();
  bool fileDirective();
  uint32_t callerAt(const Loc &place);
  bool locDirective();
  bool sectionDirective();
  bool variable(Space space);
  bool variableSize(Variable &v, Ty ty, unsigned vectorElements, bool &isArray, Pos where);
  bool variableValue(Variable &v, Ty ty, Pos where);
  bool placeVariable(Variable &v, Pos where);
  bool nameVariable(const Variable &v, unsigned elementBytes, Pos where);
  bool initialiser(Variable &v, Ty ty, unsigned depth);
  bool addressInitialiser(Variable &v, unsigned bytes, unsigned firstByte);
  bool maskedAddress(Variable &v, const RawOperand &mask);
  bool registers();
  bool vectorRegisters(const std::string &name, Ty ty, unsigned elements);
  bool entry();
  bool parameters(Program::Entry &entry);
  /// One of a list: ".param .align 8 .b8 x[16]", or ".reg .b32 x".
  struct Formal {
    std::string name;
    Pos pos;
    Ty ty = Ty::None;
    uint64_t bytes = 0;
    uint32_t align = 0;
    bool isPointer = false, isRegister = false;
  };
  bool formal(Formal &f);
  bool formalRest(Formal &f);
  bool formals(std::vector<Formal> &list);
  bool deviceFunction();
  bool declare(Pos where, const Signature &signature);
  bool placeFormals(llvm::ArrayRef<Formal> list, std::vector<Passed> &out);
  bool functionAttributes(Signature &signature);
  bool callParameter();
  bool callPrototype(Signature &out);
  bool nameList(std::vector<std::string> &out);
  bool aliasDirective();
  void placeCallArea();
  bool tuple(std::array<uint32_t, 3> &out);
  bool skipToSemicolon();
  bool pragmaDirective();

  // Statements.
  bool body();
  bool statement();
  bool instruction(const std::string &first, Pos where, RawInst &raw);
  bool callOperands(RawInst &raw);
  bool operand(RawOperand &out);
  bool simpleOperand(RawOperand &out);
  bool videoOperand(RawOperand &out);
  bool indexOperand(RawOperand &out);
  const std::vector<std::string> *findVector(llvm::StringRef name);
  bool addressOperand(RawOperand &out);
  bool closeScope();

  llvm::StringRef text;
  size_t at = 0;
  Pos pos;
  Failure failure;
  Function scratch;
  Function *current = &scratch;
  std::vector<Scope> scopes;
  llvm::StringMap<VarRef> moduleVariables;
  uint32_t loc = 0;
  bool externNext = false;
  uint32_t usedBytes = ~0u; ///< What a pragma says of the next instruction.
  uint32_t callAreaBytes = 0, callAreaAlign = 1;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_PARSERIMPL_H
