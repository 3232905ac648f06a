//===- LaneOps.h - Arithmetic over the 32 lanes of a warp -------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Lane kernels: one function per operation and type, over whole register rows. LaneOps.inc is compiled once per
/// host instruction set; `laneOps()` picks the best one the machine has. The .inc files include nothing but this
/// header, because an inline function of a library compiled for AVX-512 could be the copy the linker keeps.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_LANEOPS_H
#define TK_LIB_SIM_LANEOPS_H

#include <stdint.h>

namespace tk::sim {

enum class Ty : uint8_t {
  None, Pred, B8, U8, S8, B16, U16, S16, F16, BF16, B32, U32, S32, F32, F16x2, BF16x2, TF32, B64, U64, S64, F64, B128,
  E4M3, E5M2, E4M3x2, E5M2x2, B1, U16x2, S16x2, U4, S4
};

enum class Round : uint8_t { None, Rn, Rz, Rm, Rp, Rna };

enum class Alu : uint8_t {
  Mov, Add, Sub, MulLo, MulHi, MulWide, MadLo, MadHi, MadWide, Mul24, Mad24, Div, Rem, Min, Max, MinNan, MaxNan, Abs,
  Neg, And, Or, Xor, Not, Cnot, Shl, Shr, Popc, Clz, Brev, Bfind, BfindShift, Bfe, Bfi, Bmsk, Sad, Prmt, PrmtF4e, PrmtB4e,
  PrmtRc8, PrmtEcl, PrmtEcr, PrmtRc16, Lop3, ShfLWrap, ShfLClamp, ShfRWrap, ShfRClamp, Mul, Fma, FmaRelu, Sqrt, Rcp, Rsqrt,
  Ex2, Lg2, Sin, Cos, Tanh, Copysign, Dp4aUU, Dp4aUS, Dp4aSU, Dp4aSS, Slct, SlctF, SatF,
  // Those of RareOps.cpp.
  AddSat, SubSat, MadHiSat, Mul24Hi, Mad24Hi, Mad24HiSat, MinRelu, MaxRelu, SzextClamp, SzextWrap, BmskWrap, Fns,
  Dp2aLoUU, Dp2aLoUS, Dp2aLoSU, Dp2aLoSS, Dp2aHiUU, Dp2aHiUS, Dp2aHiSU, Dp2aHiSS, CvtPackU16, CvtPackS16, CvtPackU8,
  CvtPackS8, CvtPackU4, CvtPackS4, CvtPackU2, CvtPackS2, MinXorsign, MaxXorsign, MinNanXorsign, MaxNanXorsign, DivApprox
};

enum class Cmp : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };
enum class Testp : uint8_t { Finite, Infinite, Number, NotANumber, Normal, Subnormal };

/// d = op(s[0], s[1], ...) on the lanes of `mask`.
using AluFn = void (*)(uint32_t *d, const uint32_t *const *s, uint32_t mask);
/// Lane mask of the comparison; lanes outside any mask are computed too.
using CmpFn = uint32_t (*)(const uint32_t *a, const uint32_t *b);

/// One wgmma as dense panels, in the register order of the accumulator (see ExecWgmma.cpp).
struct PanelArgs {
  const double *a; ///< [warp 4][half 2][k][32 lanes]
  const double *b; ///< [n/8][parity 2][k][4]
  float *const *acc; ///< [warp * n/2 + register] rows of 32 lanes
  unsigned n, k;
  bool accumulate;
  bool toOdd; ///< Sums are rounded to odd, for one that rounds them again to fewer bits.
};

/// A wgmma operand of bf16, or of f16 (`isHalf`), from shared memory to its panel.
struct GatherArgs {
  double *panel;
  const uint8_t *const *chunks; ///< Of 16 bytes, in the order of Cta::forEachChunk.
  unsigned rows, k;             ///< Of B its columns.
  bool isA, alongMn, isHalf;
};

struct LaneOps {
  AluFn (*alu)(Alu op, Ty ty, bool ftz);
  CmpFn (*cmp)(Cmp op, Ty ty, bool ftz);
  void (*panel)(const PanelArgs &args);
  void (*gather)(const GatherArgs &args);
  /// Element `e` of each lane of a row of registers. False: not of this type; nothing was done.
  bool (*elements)(double *out, const uint32_t *row, Ty ty, unsigned e);
  /// c[m][n] += a[m][k] * b[k][n]; n is a multiple of 8. Products of two elements must be exact.
  void (*product)(double *c, const double *a, const double *b, unsigned m, unsigned n, unsigned k);
  void (*cvtBf16x2)(uint32_t *d, const uint32_t *hi, const uint32_t *lo, uint32_t mask);
  void (*cvtF32Bf16)(uint32_t *d, const uint32_t *s, uint32_t mask);
  void (*select)(uint32_t *d, const uint32_t *a, const uint32_t *b, uint32_t pred, uint32_t mask, bool is64);
  /// d[i] = the greater, or the smaller, of d[i] and s[i], for n values.
  void (*max)(uint32_t *d, const uint32_t *s, uint64_t n);
  void (*min)(uint32_t *d, const uint32_t *s, uint64_t n);
  const char *name;
};

const LaneOps &laneOps();

/// Kernels with a directed rounding; null where the operation has none. Kept apart because they change the
/// floating-point environment of the host.
AluFn roundedAlu(Alu op, Ty ty, Round round, bool ftz);

/// Kernels that LaneOps has not, and those whose .ftz it ignores; null: ask LaneOps.
AluFn rareAlu(Alu op, Ty ty, bool ftz);
CmpFn rareCmp(Cmp cmp, Ty ty, bool ftz);
CmpFn testpCmp(Testp property, Ty ty);

} // namespace tk::sim

#endif // TK_LIB_SIM_LANEOPS_H
