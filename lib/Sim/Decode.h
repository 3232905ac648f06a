//===- Decode.h - Instruction decoding, shared by its families --*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_DECODE_H
#define TK_LIB_SIM_DECODE_H

#include "Parser.h"

namespace tk::sim {

constexpr uint64_t kSharedWindow = 0x0000700000000000ull; ///< Generic windows, each on a 16 MiB boundary.
constexpr uint64_t kLocalWindow = 0x0000710000000000ull;
constexpr uint64_t kParamWindow = 0x0000720000000000ull;
constexpr uint64_t kWindowBytes = 1ull << 24;
/// Shared addresses carry the rank of their CTA in the cluster above the offset, as on real parts.
constexpr unsigned kRankShift = 24, kMaxCluster = 16;
constexpr uint64_t kSharedWindowBytes = uint64_t(kMaxCluster) << kRankShift;
constexpr uint64_t kConstBase = 0x0000730000000000ull; // then kCodeBase

inline bool isFloat(Ty ty) {
  return ty == Ty::F16 || ty == Ty::BF16 || ty == Ty::F32 || ty == Ty::F64 || ty == Ty::F16x2 || ty == Ty::BF16x2;
}
inline bool isSigned(Ty ty) { return ty == Ty::S8 || ty == Ty::S16 || ty == Ty::S32 || ty == Ty::S64; }

/// Decodes one instruction. Every modifier must be taken by someone: what is left over is an error.
class Decoder {
public:
  Decoder(FunctionBuilder &b, const RawInst &raw, uint32_t loc) : b(b), raw(raw) {
    mods.append(raw.parts.begin() + 1, raw.parts.end());
    in.line = raw.pos.line;
    in.loc = loc;
  }
  Failure decode();

private:
  FunctionBuilder &b;
  const RawInst &raw;
  Inst in;
  llvm::SmallVector<llvm::StringRef, 8> mods;
  Failure failure;
  bool tookSecond = false; ///< The second of two results, p|q.
  bool inAddress = false; ///< The operand at hand is the base of an address.

  bool fail(Pos pos, const llvm::Twine &message) {
    if (!failure)
      failure = {pos, message.str()};
    return false;
  }
  bool fail(const llvm::Twine &message) { return fail(raw.pos, message); }
  bool take(llvm::StringRef mod);
  llvm::StringRef takeAny(std::initializer_list<llvm::StringRef> names);
  bool takePrefix(llvm::StringRef prefix);
  Ty takeType();
  Round takeRound();
  bool takeSpace(Space &space);
  bool takeCacheHints(std::initializer_list<llvm::StringRef> operations, bool isLoad);
  bool takeScope();
  void noteStrong();
  bool finish();

  bool count(unsigned lo, unsigned hi);
  unsigned operands() const { return raw.operands.size(); }
  const RawOperand &operand(unsigned i) const { return raw.operands[i]; }
  bool reg(const RawOperand &o, Ty ty, Opnd &out, bool anyWidth = false);
  bool dst(unsigned i, Ty ty, Opnd &out, bool anyWidth = false) { return reg(operand(i), ty, out, anyWidth); }
  bool src(unsigned i, Ty ty, Opnd &out, bool anyWidth = false) { return source(operand(i), ty, out, anyWidth); }
  bool source(const RawOperand &o, Ty ty, Opnd &out, bool anyWidth = false);
  bool pred(const RawOperand &o, Opnd &out, bool *negated = nullptr);
  bool immediate(unsigned i, int64_t &out);
  bool groupCount(unsigned i);
  bool address(unsigned i);
  bool address(const RawOperand &o);
  bool addressSource(const RawOperand &base, Opnd &out);
  bool vectorRegs(const RawOperand &o, Ty ty, bool destination, bool anyWidth = false);
  bool secondPred(const RawOperand &o);
  void emit();

  using Family = bool (Decoder::*)();
  static const llvm::StringMap<Family> &families();
  bool alu(Alu op, unsigned sources, Ty ty, Ty dstTy, llvm::ArrayRef<Ty> srcTy);
  bool takeFor(llvm::StringRef mod, bool allowed);
  bool typeIs(Ty ty, std::initializer_list<Ty> types);
  bool arith();
  bool integerArith(Alu op, Ty ty);
  bool realArith(Alu op, Ty ty);
  bool carryArith(uint8_t form, unsigned sources, Ty ty);
  bool minMax();
  bool mulMad();
  bool bitOps();
  bool shift();
  bool bitField();
  bool realUnary();
  bool prmtShf();
  bool dotProduct();
  bool lop3();
  bool video();
  void refuseVideo(const llvm::Twine &modifier);
  bool videoModifiers(VideoSpec &s);
  bool videoOperands(VideoSpec &s);
  bool videoFields(const RawOperand &o, const VideoSpec &s, unsigned base, uint8_t *first, uint8_t &bits);
  bool testp();
  bool predLogic(llvm::StringRef name);
  bool mov();
  bool movVector(Ty ty);
  bool movWide();
  bool comparison(Ty ty);
  bool movElements(Ty ty, unsigned count);
  bool setp();
  bool set();
  bool selp();
  bool slct();
  bool cvt();
  bool cvtPack();
  bool scalarConversion(const CvtSpec &s);
  bool packedConversion(const CvtSpec &s);
  bool cvta();
  bool isspacep();
  bool ldst();
  bool atomRed();
  bool branch();
  bool brx();
  bool control();
  bool call();
  bool ret();
  bool stack();
  bool sleep();
  bool passed(const RawOperand &o, bool isResult, std::vector<Passed> &out);
  bool frameAddress(const RawOperand &o, const FunctionBuilder::VarRef &ref, Ty ty, Opnd &out);
  bool hint();
  bool createPolicy();
  bool performanceEvent();
  bool bar();
  bool fence();
  bool shfl();
  bool vote();
  bool match();
  bool warpOps();
  bool matrixMove();
  Ty takeMatrixType();
  bool takeShape(unsigned &m, unsigned &n, unsigned &k);
  bool takeLayout(bool &isCol);
  bool registers(unsigned i, bool destination, Ty ty, unsigned want, llvm::SmallVector<Opnd, 4> &out);
  bool mma();
  bool mmaTypes(MmaSpec &s, unsigned form);
  bool mmaOperands(MmaSpec &s, unsigned form);
  bool wmma();
  bool wmmaMove(bool load);
  bool wgmma();
  bool wgmmaMma();
  bool cpAsync();
  bool cpAsyncArrive();
  bool cpAsyncSize(bool hinted);
  bool poke();
  bool tensormap();
  bool tensormapReplace();
  bool tensormapCopy();
  bool multimem();
  bool proxyFence();
  bool memoryOrder(bool load);
  bool isAtomicType(llvm::StringRef op, bool noftz);
  bool wideRegister(const RawOperand &o);
  bool wideSwap(bool compares);
  bool hasHint = false; ///< .L2::cache_hint: one more operand, the policy.
  bool policy(unsigned i);
  bool mbarrier();
  bool bulk(bool reduce);
  bool bulkGroup();
  bool prefetch();
  bool setMaxNReg();
  bool gridDependency();
  bool clusterBarrier();
  bool clusterAddress();
  bool bulkOperands(BulkSpec &s);
  bool addressPart(const RawOperand &o, Opnd &out, int64_t &offset, bool *inParam);
  bool reduceType(BulkSpec &s);
};

/// Operations and types of asynchronous reductions in shared memory, by copies and by red.async.
bool isAsyncReduction(AtomOp op, Ty ty);
AtomOp reductionByName(llvm::StringRef op);

} // namespace tk::sim

#endif // TK_LIB_SIM_DECODE_H
