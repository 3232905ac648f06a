//===- Package.h - The kernel package (.tkpkg) ------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A kernel package is all that a host needs to launch a kernel: one JSON file, written by the compiler and read
/// by the runtime and the simulator's tools. It knows neither MLIR nor any pass.
///
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_PACKAGE_H
#define TK_TARGET_PACKAGE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tk {

/// Element types that cross the host boundary.
enum class ElementType { F64, F32, TF32, F16, BF16, E4M3, E5M2, I64, I32, I16, I8, U64, U32, U16, U8, I1 };

/// Bytes of one element as stored in memory (I1 takes one byte).
unsigned getElementBytes(ElementType type);
/// The MLIR spelling where there is one: "bf16", "f32", "i32", "f8E4M3FN", ...
llvm::StringRef stringifyElementType(ElementType type);
std::optional<ElementType> parseElementType(llvm::StringRef name);

/// An integer expression over what the host knows at launch: sizes and strides of views, scalar arguments, rows of
/// tables, and facts of the device. Division rounds as the name says; a zero divisor is an evaluation error.
///
/// An expression is of a kernel's arguments, or **of a row** of a table: then arguments are the table's columns.
struct Expr {
  enum class Op { Const, Size, Stride, Scalar, NumSMs, Rows, Sum, Add, Sub, Mul, FloorDiv, CeilDiv, Mod, Min, Max };
  Op op = Op::Const;
  int64_t value = 0;     ///< Const: the number. Size, Stride, Scalar, Rows, Sum: index of the argument.
  unsigned dimension = 0; ///< Size, Stride.
  std::vector<Expr> operands; ///< Two for the arithmetic ops, one of a row for Sum, else none.

  static Expr constant(int64_t value);
  static Expr size(unsigned argument, unsigned dimension);
  static Expr stride(unsigned argument, unsigned dimension);
  static Expr scalar(unsigned argument);
  static Expr numSMs();
  static Expr rows(unsigned argument);
  /// The sum over a table's rows of an expression of a row.
  static Expr sum(unsigned argument, Expr ofRow);
  static Expr binary(Op op, Expr lhs, Expr rhs);
};

/// A boolean the host checks before it picks a variant: `lhs % modulus == 0`, or a comparison of two expressions.
struct Condition {
  enum class Kind { Equal, NotEqual, Less, LessEqual, Divisible, Aligned };
  Kind kind = Kind::Equal;
  Expr lhs, rhs;         ///< Divisible: rhs is the divisor.
  unsigned argument = 0; ///< The view it is about; Aligned: whose base address is a multiple of rhs.
  /// The table all of whose rows it must hold for, but those in which the view is empty: both sides are of a row, and
  /// `argument` is a column. -1: none.
  int64_t table = -1;
  std::string why;       ///< What relies on it, for `--explain` and for error messages.
};

/// One argument of a kernel, with where its parts go in the parameter buffer: a view, a scalar, or a table, whose
/// columns are views with where their parts go in a row.
struct Argument {
  std::string name;
  bool isView = false;
  ElementType elementType = ElementType::F32; ///< The scalar's own type when not a view.

  // Views. `kDynamic` marks what only the launch knows.
  static constexpr int64_t kDynamic = INT64_MIN;
  std::vector<int64_t> sizes;         ///< One per dimension, or kDynamic.
  std::vector<int64_t> strides;       ///< In elements, one per dimension, or kDynamic.
  std::vector<std::string> symbols;   ///< Name of each size ("M", "K"), or "": equal names must be equal sizes.
  int64_t align = 1;                  ///< Promised alignment of the base address, bytes.
  std::vector<int64_t> sizeDivisors;  ///< Promised divisors of the sizes (1: none).
  std::vector<int64_t> strideDivisors; ///< Promised divisors of the strides (1: none).
  bool written = false, read = true;   ///< What the kernel does with it.

  int64_t offset = -1;                 ///< Byte offset of the pointer, or of the scalar, in the parameters.
  std::vector<int64_t> sizeOffsets;    ///< Byte offset of each size passed as i64, or -1.
  std::vector<int64_t> strideOffsets;  ///< Byte offset of each stride passed as i64, or -1.

  /// Tables: at `offset` the addresses of rows, their number, and the addresses of starts and of tensor maps, 8 bytes
  /// each. Starts are the number of each row's first program, and of all: see `TableUse`. A row of zeros comes after
  /// the last.
  std::vector<Argument> columns; ///< Empty: no table.
  int64_t rowBytes = 0;          ///< From one row to the next.
  bool isTable() const { return !columns.empty(); }

  static constexpr int64_t kTableBytes = 32;
};

/// What a variant asks for beside the rows of a table.
struct TableUse {
  unsigned argument = 0;
  Expr programs;        ///< Of a row: how many programs work on it. Starts are the running sum.
  int64_t mapBytes = 0; ///< From the tensor maps of one row to those of the next.
};

/// A tensor map the host makes for a launch and passes by value in the parameter buffer, or in memory beside a table.
struct TensorMap {
  struct Dimension {
    Expr size, stride; ///< Elements; innermost first; the first stride is 1.
    int64_t box = 1;
  };
  unsigned argument = 0;                ///< The view whose memory it maps, from its first element.
  int64_t table = -1;                   ///< For each row of this table: `argument` is a column, sizes are of a row.
  /// Byte offset of its 128 bytes in the parameters, or in the maps of a row; a multiple of 64.
  int64_t offset = -1;
  ElementType type = ElementType::BF16; ///< As the copy engine sees it: fp8 as U8.
  std::vector<Dimension> dimensions;    ///< 1 to 5.
  int64_t swizzle = 0;                  ///< 0, 32, 64 or 128 bytes.
  int64_t l2Promotion = 0;              ///< 0, 64, 128 or 256 bytes.
  bool fillNaN = false;                 ///< What loads beyond the sizes give, else zero.

  static constexpr int64_t kBytes = 128, kAlign = 64;
};

/// Global memory through which the programs of a grid pass on sums: for each program a slot of `bytes`, and behind all
/// slots `flags` words of 4 bytes for each. Flags are zero when a kernel starts and when it has ended, so that one
/// memory does for many launches, one after the other.
struct Workspace {
  int64_t bytes = 0, flags = 0;
  int64_t offset = -1; ///< Byte offset of its address in the parameters.

  static constexpr int64_t kAlign = 128;
  static constexpr int64_t kFlagBytes = 4;
};

/// One buffer of shared memory, for the resource report.
struct SharedBuffer {
  std::string name;
  int64_t offset = 0, bytes = 0;
  std::string type;     ///< As printed in the IR.
  std::string location; ///< "gemm.mlir:20:10"
};

/// What ptxas said.
struct ResourceReport {
  int64_t registers = -1, spillStores = -1, spillLoads = -1, stackBytes = -1, barriers = -1;
  std::vector<std::string> notes; ///< C75xx and other remarks of ptxas, verbatim.
};

/// A static proof about one shared-memory access.
struct BankProof {
  std::string location, access; ///< Source line; "shared_store tensor<...> -> !tk.shared<...>"
  int64_t widthBytes = 0;
  int64_t wavefronts = 0, minimum = 0; ///< Per warp-level instruction.
  int64_t instructions = 0;            ///< How many such instructions one execution of the access makes per warp.
};

/// How often the barriers of one row complete a phase: a program does `perProgram + perTile * tiles
/// + perTrip * trips` of them, with `trips` counted over all its tiles.
struct BarrierProof {
  std::string name;   ///< Of the buffer.
  int64_t offset = 0; ///< In dynamic shared memory.
  int64_t perProgram = 0, perTile = 0, perTrip = 0;
};

struct Remark {
  std::string kind, pass, location, message; ///< kind: passed, missed, failed, analysis.
  std::string function;                      ///< The kernel or variant it is about.
};

/// One way to run a kernel, with what must hold for it.
struct Variant {
  std::string entry;                     ///< The PTX entry.
  std::vector<Condition> preconditions;  ///< All must hold; empty: unconditional.
  std::array<Expr, 3> grid;              ///< x, y, z
  std::array<int64_t, 3> block = {1, 1, 1}, cluster = {1, 1, 1};
  int64_t dynamicSharedBytes = 0;
  int64_t parameterBytes = 0;
  std::vector<TableUse> tables; ///< Those that are arguments, in order.
  std::vector<TensorMap> tensorMaps;
  std::optional<Workspace> workspace;
  std::vector<SharedBuffer> sharedBuffers;
  std::optional<ResourceReport> resources; ///< Absent when no ptxas was found.
  std::vector<BankProof> bankProofs;
  std::vector<BarrierProof> barrierProofs;
};

struct Kernel {
  std::string name;
  std::vector<Argument> arguments;
  std::vector<Variant> variants; ///< In order of preference; the last is unconditional.
};

/// What a row of a table is bound and checked as: a kernel whose arguments are the columns.
Kernel makeRowKernel(const Argument &table);

struct Package {
  static constexpr int64_t kFormatVersion = 5;
  std::string compilerVersion;
  std::string target = "sm_90a";
  std::string ptx;                    ///< One module for all kernels.
  std::vector<uint8_t> cubin;         ///< Empty when not assembled.
  std::vector<Kernel> kernels;
  std::vector<Remark> remarks;

  const Kernel *findKernel(llvm::StringRef name) const;
};

/// The JSON text of a package; deterministic, ends in a newline.
std::string serializePackage(const Package &package);
/// Reads it back. An unknown format version, a missing or ill-typed field, a checksum that does not match, or an
/// out-of-range offset is an error that names the JSON path, what was expected and what was found.
llvm::Expected<Package> parsePackage(llvm::StringRef text, llvm::StringRef fileName);

} // namespace tk

#endif // TK_TARGET_PACKAGE_H
