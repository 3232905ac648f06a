//===- PackageFields.h - The fields of a package, said once -----*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One list of fields per struct, walked by the writer (values are const) and by the reader alike,
/// so that the two cannot drift apart. Each names its fields in the order of the file.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_TARGET_PACKAGEFIELDS_H
#define TK_LIB_TARGET_PACKAGEFIELDS_H

#include "tk/Target/Package.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <type_traits>
#include <utility>

namespace tk::detail {

/// A spelling table for enumerations.
template <class Enum>
struct Spelling {
  Enum value;
  llvm::StringLiteral name;
};

inline constexpr Spelling<Expr::Op> exprOps[] = {
    {Expr::Op::Size, "size"},         {Expr::Op::Stride, "stride"},   {Expr::Op::Scalar, "scalar"},
    {Expr::Op::NumSMs, "num_sms"},    {Expr::Op::Rows, "rows"},       {Expr::Op::Sum, "sum"},
    {Expr::Op::Add, "add"},           {Expr::Op::Sub, "sub"},         {Expr::Op::Mul, "mul"},
    {Expr::Op::FloorDiv, "floordiv"}, {Expr::Op::CeilDiv, "ceildiv"}, {Expr::Op::Mod, "mod"},
    {Expr::Op::Min, "min"},           {Expr::Op::Max, "max"},
};

inline constexpr Spelling<Condition::Kind> conditionKinds[] = {
    {Condition::Kind::Equal, "equal"},         {Condition::Kind::NotEqual, "not_equal"},
    {Condition::Kind::Less, "less"},           {Condition::Kind::LessEqual, "less_equal"},
    {Condition::Kind::Divisible, "divisible"}, {Condition::Kind::Aligned, "aligned"},
};

/// Whether an expression starts with the index of an argument.
inline bool isReference(Expr::Op op) {
  return op == Expr::Op::Size || op == Expr::Op::Stride || op == Expr::Op::Scalar ||
         op == Expr::Op::Rows || op == Expr::Op::Sum;
}

/// A truth that the file spells as one of two words.
template <class Bool>
struct Words {
  Bool &value;
  llvm::StringLiteral whenFalse, whenTrue;
};

/// True for `T` and `const T`: the writer's and the reader's view of the same struct.
template <class T, class Struct>
concept Is = std::is_same_v<std::remove_const_t<T>, Struct>;

template <class IO, Is<Condition> T>
void fields(IO &io, T &condition) {
  io.field("kind", condition.kind);
  io.field("lhs", condition.lhs);
  io.field("rhs", condition.rhs);
  io.field("argument", condition.argument);
  io.field("table", condition.table);
  io.field("why", condition.why);
}

template <class IO, Is<Argument> T>
void fields(IO &io, T &argument) {
  io.field("name", argument.name);
  io.field("view", argument.isView);
  io.field("type", argument.elementType);
  io.field("sizes", argument.sizes);
  io.field("strides", argument.strides);
  io.field("symbols", argument.symbols);
  io.field("align", argument.align);
  io.field("size_divisors", argument.sizeDivisors);
  io.field("stride_divisors", argument.strideDivisors);
  io.field("written", argument.written);
  io.field("read", argument.read);
  io.field("offset", argument.offset);
  io.field("size_offsets", argument.sizeOffsets);
  io.field("stride_offsets", argument.strideOffsets);
  io.field("columns", argument.columns);
  io.field("row_bytes", argument.rowBytes);
}

template <class IO, Is<TableUse> T>
void fields(IO &io, T &table) {
  io.field("argument", table.argument);
  io.field("programs", table.programs);
  io.field("map_bytes", table.mapBytes);
}

template <class IO, Is<TensorMap::Dimension> T>
void fields(IO &io, T &dimension) {
  io.field("size", dimension.size);
  io.field("stride", dimension.stride);
  io.field("box", dimension.box);
}

template <class IO, Is<TensorMap> T>
void fields(IO &io, T &map) {
  io.field("argument", map.argument);
  io.field("table", map.table);
  io.field("offset", map.offset);
  io.field("type", map.type);
  io.field("dimensions", map.dimensions);
  io.field("swizzle", map.swizzle);
  io.field("l2_promotion", map.l2Promotion);
  Words fill{map.fillNaN, "zero", "nan"};
  io.field("fill", fill);
}

template <class IO, Is<Workspace> T>
void fields(IO &io, T &workspace) {
  io.field("bytes", workspace.bytes);
  io.field("flags", workspace.flags);
  io.field("offset", workspace.offset);
}

template <class IO, Is<SharedBuffer> T>
void fields(IO &io, T &buffer) {
  io.field("name", buffer.name);
  io.field("offset", buffer.offset);
  io.field("bytes", buffer.bytes);
  io.field("type", buffer.type);
  io.field("location", buffer.location);
}

template <class IO, Is<ResourceReport> T>
void fields(IO &io, T &report) {
  io.field("registers", report.registers);
  io.field("spill_stores", report.spillStores);
  io.field("spill_loads", report.spillLoads);
  io.field("stack_bytes", report.stackBytes);
  io.field("barriers", report.barriers);
  io.field("notes", report.notes);
}

template <class IO, Is<BankProof> T>
void fields(IO &io, T &proof) {
  io.field("location", proof.location);
  io.field("access", proof.access);
  io.field("width_bytes", proof.widthBytes);
  io.field("wavefronts", proof.wavefronts);
  io.field("minimum", proof.minimum);
  io.field("instructions", proof.instructions);
}

template <class IO, Is<BarrierProof> T>
void fields(IO &io, T &proof) {
  io.field("name", proof.name);
  io.field("offset", proof.offset);
  io.field("per_program", proof.perProgram);
  io.field("per_tile", proof.perTile);
  io.field("per_trip", proof.perTrip);
}

template <class IO, Is<Remark> T>
void fields(IO &io, T &remark) {
  io.field("kind", remark.kind);
  io.field("pass", remark.pass);
  io.field("location", remark.location);
  io.field("message", remark.message);
  io.field("function", remark.function);
}

template <class IO, Is<Variant> T>
void fields(IO &io, T &variant) {
  io.field("entry", variant.entry);
  io.field("preconditions", variant.preconditions);
  io.field("grid", variant.grid);
  io.field("block", variant.block);
  io.field("cluster", variant.cluster);
  io.field("dynamic_shared_bytes", variant.dynamicSharedBytes);
  io.field("parameter_bytes", variant.parameterBytes);
  io.field("tables", variant.tables);
  io.field("tensor_maps", variant.tensorMaps);
  io.field("workspace", variant.workspace);
  io.field("shared_buffers", variant.sharedBuffers);
  io.field("resources", variant.resources);
  io.field("bank_proofs", variant.bankProofs);
  io.field("barrier_proofs", variant.barrierProofs);
}

template <class IO, Is<Kernel> T>
void fields(IO &io, T &kernel) {
  io.field("name", kernel.name);
  io.field("arguments", kernel.arguments);
  io.field("variants", kernel.variants);
}

/// All of a package but the envelope (format, version, checksum).
template <class IO, Is<Package> T>
void fields(IO &io, T &package) {
  io.field("compiler", package.compilerVersion);
  io.field("target", package.target);
  io.field("kernels", package.kernels);
  io.field("remarks", package.remarks);
  io.field("ptx", package.ptx);
  io.field("cubin", package.cubin);
}

/// The SHA-256, in hex, of a package's canonical text without its checksum.
std::string computeChecksum(const Package &package);

/// What the types alone cannot say: lists as long as the rank, offsets inside the parameters,
/// references to arguments that exist, ... The error is the JSON path and the problem, or nothing.
std::optional<std::string> verifyPackage(const Package &package);

} // namespace tk::detail

#endif // TK_LIB_TARGET_PACKAGEFIELDS_H
