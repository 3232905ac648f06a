//===- Package.cpp - The kernel package: types and expressions ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/Package.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;

namespace tk {

namespace {
struct ElementTypeInfo {
  ElementType type;
  StringLiteral name;
  unsigned bytes;
};
} // namespace

static constexpr ElementTypeInfo elementTypes[] = {
    {ElementType::F64, "f64", 8},     {ElementType::F32, "f32", 4},
    {ElementType::TF32, "tf32", 4},   {ElementType::F16, "f16", 2},
    {ElementType::BF16, "bf16", 2},   {ElementType::E4M3, "f8E4M3FN", 1},
    {ElementType::E5M2, "f8E5M2", 1}, {ElementType::I64, "i64", 8},
    {ElementType::I32, "i32", 4},     {ElementType::I16, "i16", 2},
    {ElementType::I8, "i8", 1},       {ElementType::U64, "ui64", 8},
    {ElementType::U32, "ui32", 4},    {ElementType::U16, "ui16", 2},
    {ElementType::U8, "ui8", 1},      {ElementType::I1, "i1", 1},
};

static const ElementTypeInfo &lookUp(ElementType type) {
  const auto *it = find_if(elementTypes, [&](const auto &info) { return info.type == type; });
  if (it == std::end(elementTypes))
    llvm_unreachable("unknown element type");
  return *it;
}

unsigned getElementBytes(ElementType type) { return lookUp(type).bytes; }

StringRef stringifyElementType(ElementType type) { return lookUp(type).name; }

std::optional<ElementType> parseElementType(StringRef name) {
  for (const ElementTypeInfo &info : elementTypes)
    if (info.name == name)
      return info.type;
  return std::nullopt;
}

Expr Expr::constant(int64_t value) {
  Expr expr;
  expr.value = value;
  return expr;
}

static Expr makeReference(Expr::Op op, unsigned argument, unsigned dimension) {
  Expr expr;
  expr.op = op;
  expr.value = argument;
  expr.dimension = dimension;
  return expr;
}

Expr Expr::size(unsigned argument, unsigned dimension) {
  return makeReference(Op::Size, argument, dimension);
}

Expr Expr::stride(unsigned argument, unsigned dimension) {
  return makeReference(Op::Stride, argument, dimension);
}

Expr Expr::scalar(unsigned argument) { return makeReference(Op::Scalar, argument, 0); }

Expr Expr::numSMs() { return makeReference(Op::NumSMs, 0, 0); }

Expr Expr::rows(unsigned argument) { return makeReference(Op::Rows, argument, 0); }

Expr Expr::sum(unsigned argument, Expr ofRow) {
  Expr expr = makeReference(Op::Sum, argument, 0);
  expr.operands.push_back(std::move(ofRow));
  return expr;
}

Kernel makeRowKernel(const Argument &table) { return {table.name, table.columns, {}}; }

Expr Expr::binary(Op op, Expr lhs, Expr rhs) {
  Expr expr;
  expr.op = op;
  expr.operands.push_back(std::move(lhs));
  expr.operands.push_back(std::move(rhs));
  return expr;
}

const Kernel *Package::findKernel(StringRef name) const {
  auto it = find_if(kernels, [&](const Kernel &kernel) { return kernel.name == name; });
  return it == kernels.end() ? nullptr : &*it;
}

} // namespace tk
