//===- Parser.h - PTX text to statements ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The parser reads directives itself and hands every instruction, as words and operands, to the decoder.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_PARSER_H
#define TK_LIB_SIM_PARSER_H

#include "Ptx.h"
#include <optional>

namespace tk::sim {

/// Where something stands in the text.
struct Pos {
  uint32_t line = 1, column = 1;
};

/// An operand as written.
struct RawOperand {
  enum Kind { Reg, Imm, FloatImm, Symbol, Vector, Address, Sink, Label, Special } kind = Imm;
  Pos pos;
  std::string text;           ///< Register, symbol or label name; the text of an immediate.
  bool negated = false;       ///< !%p
  bool minus = false;         ///< Of vmad: -%r
  std::string selector;       ///< Of video instructions: the b0 of %r.b0
  uint64_t value = 0;         ///< Immediate bits: integers as written, 0d/decimal floats as f64 bits, 0f as f32 bits.
  bool isF32 = false;
  bool isBits = false;        ///< A real as its bits: 0f..., 0d...
  bool isUnsigned = false;    ///< An integer of type .u64; others are .s64.
  bool isIndexed = false;     ///< variable[index], with `offset` in bytes.
  int64_t offset = 0;         ///< [base + offset], symbol + offset.
  std::vector<RawOperand> elements; ///< Vector elements, or base of an address (and coordinates).
  std::vector<RawOperand> second;   ///< d|p: the second destination.
};

struct RawInst {
  Pos pos;
  std::string word;           ///< "ld.global.v4.b32"
  std::vector<llvm::StringRef> parts; ///< The word split at dots; "L1::no_allocate" stays whole.
  bool guarded = false, guardNeg = false;
  std::string guard;
  std::vector<RawOperand> operands;
  std::vector<RawOperand> results, arguments; ///< Of a call, whose operands are the function and, after it, the prototype.
};

/// What a name means inside a function.
struct RegInfo {
  Ty ty = Ty::None;
  Opnd opnd;
};

/// Gives registers, constants and symbols their places while a function is decoded.
class FunctionBuilder {
public:
  FunctionBuilder(Module &module, Function &function) : module(module), fn(function) {}
  virtual ~FunctionBuilder() = default;
  Module &module;
  Function &fn;

  /// A new register row.
  Opnd newRegister(Ty ty, llvm::StringRef name);
  /// A constant row of 32 or 64 bits per lane.
  Opnd constant(uint64_t value, bool is64);
  Opnd special(Special s, bool is64);
  Opnd addressConstant(Space space, uint32_t variable, int64_t addend, bool is64, bool generic);

  virtual const RegInfo *findRegister(llvm::StringRef name) = 0;
  struct VarRef {
    Space space;
    uint32_t index;
    uint64_t paramOffset;   ///< In the frame: the offset there.
    bool inFrame = false;   ///< Of a device function, or of an entry what a call passes.
    bool isParam = false;   ///< Accessed by ld.param and st.param.
    bool inCallArea = false; ///< What a call passes; its place is known when the function ends.
    uint32_t bytes = 0, align = 1; ///< Of a parameter.
    uint32_t elementBytes = 0;     ///< Of a variable that is an array: of its scalars.
  };
  /// Keeps the function from being launched, and lets the rest of the file be.
  virtual void refuse(Pos where, const llvm::Twine &message) = 0;
  virtual bool findVariable(llvm::StringRef name, VarRef &out) = 0;
  /// Records that the instruction about to be added branches to `label` (slot: index in `targets`, or -1).
  virtual void branchTo(llvm::StringRef label, Pos pos, int slot) = 0;
  virtual bool findBranchTargets(llvm::StringRef name, std::vector<std::string> &labels) = 0;
  virtual const Signature *findPrototype(llvm::StringRef name) = 0;
  virtual const std::vector<std::string> *findCallTargets(llvm::StringRef name) = 0;
  /// The number of a function, which may be defined later.
  uint32_t functionNumber(llvm::StringRef name);
  /// The address at which the frame starts.
  Opnd frame() { return fn.isDevice ? fn.frame : constant(0, true); }
  /// The instruction about to be added has an offset within what calls pass.
  void noteCallArea() { callAreaUses.push_back(uint32_t(fn.code.size())); }

  /// Forgets the places of the previous function.
  void resetFunction() {
    constantAt.clear();
    specialAt.clear();
    callAreaUses.clear();
  }

protected:
  std::vector<uint32_t> callAreaUses;

private:
  std::map<std::pair<uint64_t, unsigned>, uint32_t> constantAt;
  llvm::DenseMap<unsigned, Opnd> specialAt;
};

/// A message and where; empty message: success.
struct Failure {
  Pos pos;
  std::string message;
  explicit operator bool() const { return !message.empty(); }
};

/// Appends the decoded form of `raw` to the function.
/// Whether an instruction is one of PTX ISA 9.7.18, whose operands have selectors.
bool isVideo(llvm::StringRef name);

Failure decodeInstruction(FunctionBuilder &builder, const RawInst &raw, uint32_t loc);

/// Puts what each entry may call into its code.
Failure linkFunctions(Module &module);

/// The bits of a literal as that type.
uint64_t immediateBits(const RawOperand &o, Ty ty);
/// Type by its suffix ("b32"); None when it is not one.
Ty typeByName(llvm::StringRef name);
unsigned bytesOf(Ty ty);
std::optional<Special> specialByName(llvm::StringRef name);

} // namespace tk::sim

#endif // TK_LIB_SIM_PARSER_H
