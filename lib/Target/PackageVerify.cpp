//===- PackageVerify.cpp - What a package's types alone cannot say --------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackageFields.h"
#include "tk/Target/Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include <tuple>

using namespace llvm;

namespace tk {

namespace {
using Problem = std::optional<std::string>;

/// Checks one kernel; each method returns the first problem it meets, as "path: expected X, got Y".
class KernelVerifier {
public:
  KernelVerifier(const Kernel &kernel, std::string path) : kernel(kernel), path(std::move(path)) {}
  Problem verify() const;

private:
  Problem verifyArgument(const Argument &argument, const std::string &where) const;
  Problem verifyDimensions(const Argument &argument, const std::string &where) const;
  Problem verifyVariant(const Variant &variant, const std::string &where) const;
  Problem verifyParameters(const Variant &variant, const std::string &where) const;
  Problem verifyTensorMap(const TensorMap &map, const std::string &where) const;
  Problem verifyBox(const TensorMap &map, const std::string &where) const;
  Problem verifyCondition(const Condition &condition, const std::string &where) const;
  Problem verifyExpr(const Expr &expr, const std::string &where) const;
  Problem verifyTable(const Argument &argument, const std::string &where) const;
  Problem verifyTables(const Variant &variant, const std::string &where) const;
  /// Whether the argument is a table.
  bool isTable(int64_t argument) const {
    return argument >= 0 && argument < int64_t(kernel.arguments.size()) &&
           kernel.arguments[argument].isTable();
  }

  const Kernel &kernel;
  std::string path;
};
} // namespace

static Problem fail(const Twine &where, const Twine &expected, const Twine &got) {
  return (where + ": expected " + expected + ", got " + got).str();
}

static Problem checkRange(const Twine &where, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high)
    return std::nullopt;
  return fail(where, "an integer from " + Twine(low) + " to " + Twine(high), Twine(value));
}

static bool isInteger(ElementType type) {
  switch (type) {
  case ElementType::I64:
  case ElementType::I32:
  case ElementType::I16:
  case ElementType::I8:
  case ElementType::U64:
  case ElementType::U32:
  case ElementType::U16:
  case ElementType::U8:
  case ElementType::I1:
    return true;
  default:
    return false;
  }
}

Problem KernelVerifier::verifyDimensions(const Argument &argument, const std::string &where) const {
  for (size_t d = 0; d < argument.sizes.size(); ++d) {
    std::string index = "[" + std::to_string(d) + "]";
    if (argument.sizes[d] != Argument::kDynamic)
      if (Problem problem = checkRange(where + ".sizes" + index, argument.sizes[d], 0, INT64_MAX))
        return problem;
    if (argument.strides[d] != Argument::kDynamic)
      if (Problem problem =
              checkRange(where + ".strides" + index, argument.strides[d], 0, INT64_MAX))
        return problem;
    if (Problem problem =
            checkRange(where + ".size_divisors" + index, argument.sizeDivisors[d], 1, INT64_MAX))
      return problem;
    if (Problem problem = checkRange(where + ".stride_divisors" + index, argument.strideDivisors[d],
                                     1, INT64_MAX))
      return problem;
  }
  return std::nullopt;
}

Problem KernelVerifier::verifyArgument(const Argument &argument, const std::string &where) const {
  if (argument.name.empty())
    return fail(where + ".name", "a name", "\"\"");
  if (argument.isTable())
    return verifyTable(argument, where);
  if (argument.rowBytes != 0)
    return fail(where + ".row_bytes", "0 for an argument that is no table",
                Twine(argument.rowBytes));
  size_t rank = argument.isView ? argument.sizes.size() : 0;
  if (argument.isView && (rank < 1 || rank > 5))
    return fail(where + ".sizes", "1 to 5 dimensions", Twine(rank));
  auto checkLength = [&](StringRef name, size_t length) -> Problem {
    if (length == rank)
      return std::nullopt;
    return fail(where + "." + name,
                "an array of " + Twine(rank) +
                    (argument.isView ? ", one per dimension" : " for a scalar"),
                "an array of " + Twine(length));
  };
  std::pair<StringRef, size_t> lengths[] = {{"sizes", argument.sizes.size()},
                                            {"strides", argument.strides.size()},
                                            {"symbols", argument.symbols.size()},
                                            {"size_divisors", argument.sizeDivisors.size()},
                                            {"stride_divisors", argument.strideDivisors.size()},
                                            {"size_offsets", argument.sizeOffsets.size()},
                                            {"stride_offsets", argument.strideOffsets.size()}};
  for (auto [name, length] : lengths)
    if (Problem problem = checkLength(name, length))
      return problem;
  if (argument.align < 1 || !isPowerOf2_64(argument.align))
    return fail(where + ".align", "a power of two", Twine(argument.align));
  return verifyDimensions(argument, where);
}

namespace {
/// What takes bytes of the parameters, of a row, or of a row's maps, and the field that says where.
struct Part {
  int64_t offset, bytes;
  std::string where;
};
} // namespace

/// What an argument takes, of the parameters or of a row.
static void collectParts(const Argument &argument, const std::string &where,
                         SmallVectorImpl<Part> &parts) {
  int64_t bytes = argument.isView      ? 8
                  : argument.isTable() ? Argument::kTableBytes
                                       : int64_t(getElementBytes(argument.elementType));
  parts.push_back({argument.offset, bytes, where + ".offset"});
  for (auto [d, offset] : enumerate(argument.sizeOffsets))
    parts.push_back({offset, 8, (where + ".size_offsets[" + Twine(d) + "]").str()});
  for (auto [d, offset] : enumerate(argument.strideOffsets))
    parts.push_back({offset, 8, (where + ".stride_offsets[" + Twine(d) + "]").str()});
}

/// Every part lies within so many bytes, and no two share one.
static Problem checkParts(SmallVectorImpl<Part> &parts, int64_t size, const Twine &of) {
  llvm::erase_if(parts, [](const Part &part) { return part.offset == -1; });
  for (const Part &part : parts)
    if (Problem problem = checkRange(part.where, part.offset, 0, size - part.bytes))
      return *problem + " (" + of.str() + " " + std::to_string(size) + " bytes)";
  llvm::sort(parts, [](const Part &a, const Part &b) {
    return std::tie(a.offset, a.where) < std::tie(b.offset, b.where);
  });
  for (size_t i = 1; i < parts.size(); ++i)
    if (parts[i].offset < parts[i - 1].offset + parts[i - 1].bytes)
      return fail(parts[i].where, "bytes that no other parameter takes",
                  Twine(parts[i].offset) + ", inside " + parts[i - 1].where);
  return std::nullopt;
}

Problem KernelVerifier::verifyTable(const Argument &argument, const std::string &where) const {
  if (argument.isView)
    return fail(where + ".columns", "none for a view", "columns");
  if (!argument.sizes.empty() || !argument.strides.empty() || !argument.symbols.empty() ||
      !argument.sizeOffsets.empty() || !argument.strideOffsets.empty())
    return fail(where + ".sizes", "no dimensions for a table, whose columns have them", "some");
  if (Problem problem = checkRange(where + ".row_bytes", argument.rowBytes, 8, INT32_MAX))
    return problem;
  StringSet<> names;
  SmallVector<Part> parts;
  for (auto [index, column] : enumerate(argument.columns)) {
    std::string element = (where + ".columns[" + Twine(index) + "]").str();
    if (!column.isView)
      return fail(element + ".view", "a view", "another argument");
    if (Problem problem = verifyArgument(column, element))
      return problem;
    if (!names.insert(column.name).second)
      return fail(element + ".name", "names that differ", "\"" + Twine(column.name) + "\" twice");
    collectParts(column, element, parts);
  }
  return checkParts(parts, argument.rowBytes, "a row of \"" + argument.name + "\" has");
}

Problem KernelVerifier::verifyExpr(const Expr &expr, const std::string &where) const {
  bool isViewPart = expr.op == Expr::Op::Size || expr.op == Expr::Op::Stride;
  if (expr.op == Expr::Op::Rows || expr.op == Expr::Op::Sum) {
    if (!isTable(expr.value))
      return fail(where, "the index of a table", Twine(expr.value));
    if (expr.op == Expr::Op::Rows)
      return std::nullopt;
    Kernel row = makeRowKernel(kernel.arguments[expr.value]);
    return KernelVerifier(row, path).verifyExpr(expr.operands.front(), where);
  }
  if (isViewPart || expr.op == Expr::Op::Scalar) {
    if (Problem problem = checkRange(where, expr.value, 0, int64_t(kernel.arguments.size()) - 1))
      return problem;
    const Argument &argument = kernel.arguments[expr.value];
    if (isViewPart && expr.dimension >= argument.sizes.size())
      return fail(where, "a dimension of the view \"" + Twine(argument.name) + "\"",
                  "dimension " + Twine(expr.dimension));
    if (!isViewPart && (argument.isView || argument.isTable() || !isInteger(argument.elementType)))
      return fail(where, "an integer scalar", "\"" + Twine(argument.name) + "\"");
  }
  for (const Expr &operand : expr.operands)
    if (Problem problem = verifyExpr(operand, where))
      return problem;
  return std::nullopt;
}

Problem KernelVerifier::verifyCondition(const Condition &condition,
                                        const std::string &where) const {
  if (condition.table != -1) {
    if (!isTable(condition.table))
      return fail(where + ".table", "the index of a table, or -1", Twine(condition.table));
    Kernel row = makeRowKernel(kernel.arguments[condition.table]);
    Condition ofRow = condition;
    ofRow.table = -1;
    return KernelVerifier(row, path).verifyCondition(ofRow, where);
  }
  if (condition.kind == Condition::Kind::Aligned &&
      (condition.argument >= kernel.arguments.size() ||
       !kernel.arguments[condition.argument].isView))
    return fail(where + ".argument", "the index of a view", Twine(condition.argument));
  if (Problem problem = verifyExpr(condition.lhs, where + ".lhs"))
    return problem;
  return verifyExpr(condition.rhs, where + ".rhs");
}

/// The copy engine has these types and no others.
static bool hasTensorMapType(ElementType type) {
  switch (type) {
  case ElementType::E4M3:
  case ElementType::E5M2:
  case ElementType::I16:
  case ElementType::I8:
  case ElementType::I1:
    return false;
  default:
    return true;
  }
}

Problem KernelVerifier::verifyBox(const TensorMap &map, const std::string &where) const {
  for (auto [d, dimension] : enumerate(map.dimensions))
    if (Problem problem =
            checkRange(where + ".dimensions[" + Twine(d) + "].box", dimension.box, 1, 256))
      return problem;
  std::string inner = where + ".dimensions[0].box";
  int64_t bytes = map.dimensions[0].box * getElementBytes(map.type);
  if (bytes % 16 != 0)
    return fail(inner, "a multiple of 16 bytes", Twine(bytes));
  if (map.swizzle != 0 && bytes > map.swizzle)
    return fail(inner, "at most " + Twine(map.swizzle) + " bytes, the span of the swizzle",
                Twine(bytes));
  return std::nullopt;
}

Problem KernelVerifier::verifyTensorMap(const TensorMap &map, const std::string &where) const {
  if (map.table != -1) {
    if (!isTable(map.table))
      return fail(where + ".table", "the index of a table, or -1", Twine(map.table));
    Kernel row = makeRowKernel(kernel.arguments[map.table]);
    TensorMap ofRow = map;
    ofRow.table = -1;
    return KernelVerifier(row, path).verifyTensorMap(ofRow, where);
  }
  if (map.argument >= kernel.arguments.size() || !kernel.arguments[map.argument].isView)
    return fail(where + ".argument", "the index of a view", Twine(map.argument));
  if (map.offset % TensorMap::kAlign != 0)
    return fail(where + ".offset", "a multiple of " + Twine(TensorMap::kAlign), Twine(map.offset));
  if (!hasTensorMapType(map.type))
    return fail(where + ".type",
                "a type that tensor maps have (fp8, i8 and i1 go as \"ui8\", i16 as \"ui16\")",
                "\"" + stringifyElementType(map.type) + "\"");
  if (map.dimensions.empty() || map.dimensions.size() > 5)
    return fail(where + ".dimensions", "1 to 5 dimensions", Twine(map.dimensions.size()));
  for (auto [d, dimension] : enumerate(map.dimensions)) {
    std::string element = (where + ".dimensions[" + Twine(d) + "]").str();
    if (Problem problem = verifyExpr(dimension.size, element + ".size"))
      return problem;
    if (Problem problem = verifyExpr(dimension.stride, element + ".stride"))
      return problem;
  }
  const Expr &stride = map.dimensions[0].stride;
  if (stride.op != Expr::Op::Const || stride.value != 1)
    return fail(where + ".dimensions[0].stride", "1", print(stride, &kernel));
  if (!is_contained({0, 32, 64, 128}, map.swizzle))
    return fail(where + ".swizzle", "0, 32, 64 or 128", Twine(map.swizzle));
  if (!is_contained({0, 64, 128, 256}, map.l2Promotion))
    return fail(where + ".l2_promotion", "0, 64, 128 or 256", Twine(map.l2Promotion));
  if (map.fillNaN && isInteger(map.type))
    return fail(where + ".fill", "\"zero\" for an integer type", "\"nan\"");
  return verifyBox(map, where);
}

/// Every part of every argument and every tensor map lies inside the parameter buffer, and no two
/// share a byte.
Problem KernelVerifier::verifyParameters(const Variant &variant,
                                         const std::string &variantPath) const {
  SmallVector<Part> parts;
  for (auto [index, argument] : enumerate(kernel.arguments))
    collectParts(argument, (path + ".arguments[" + Twine(index) + "]").str(), parts);
  for (auto [index, map] : enumerate(variant.tensorMaps))
    if (map.table < 0)
      parts.push_back({map.offset, TensorMap::kBytes,
                       (variantPath + ".tensor_maps[" + Twine(index) + "].offset").str()});
  if (variant.workspace)
    parts.push_back({variant.workspace->offset, 8, variantPath + ".workspace.offset"});
  return checkParts(parts, variant.parameterBytes,
                    "the parameters of \"" + variant.entry + "\" have");
}

/// What a variant wants beside each table, and its tensor maps there.
Problem KernelVerifier::verifyTables(const Variant &variant, const std::string &where) const {
  StringSet<> seen;
  for (auto [index, use] : enumerate(variant.tables)) {
    std::string element = (where + ".tables[" + Twine(index) + "]").str();
    if (!isTable(use.argument) || !seen.insert(Twine(use.argument).str()).second)
      return fail(element + ".argument", "the index of a table, each once", Twine(use.argument));
    Kernel row = makeRowKernel(kernel.arguments[use.argument]);
    if (Problem problem = KernelVerifier(row, path).verifyExpr(use.programs, element + ".programs"))
      return problem;
    if (use.mapBytes < 0 || use.mapBytes > INT32_MAX || use.mapBytes % TensorMap::kAlign != 0)
      return fail(element + ".map_bytes", "a multiple of " + Twine(TensorMap::kAlign),
                  Twine(use.mapBytes));
    SmallVector<Part> parts;
    for (auto [number, map] : enumerate(variant.tensorMaps))
      if (map.table == int64_t(use.argument))
        parts.push_back({map.offset, TensorMap::kBytes,
                         (where + ".tensor_maps[" + Twine(number) + "].offset").str()});
    if (Problem problem = checkParts(parts, use.mapBytes, "the maps of a row have"))
      return problem;
  }
  for (auto [index, argument] : enumerate(kernel.arguments))
    if (argument.isTable() && !seen.contains(Twine(index).str()))
      return fail(where + ".tables", "an entry for the table \"" + Twine(argument.name) + "\"",
                  "none");
  return std::nullopt;
}

Problem KernelVerifier::verifyVariant(const Variant &variant, const std::string &where) const {
  if (variant.entry.empty())
    return fail(where + ".entry", "the name of a PTX entry", "\"\"");
  for (auto [index, condition] : enumerate(variant.preconditions))
    if (Problem problem =
            verifyCondition(condition, (where + ".preconditions[" + Twine(index) + "]").str()))
      return problem;
  for (unsigned d = 0; d < 3; ++d) {
    std::string index = "[" + std::to_string(d) + "]";
    if (Problem problem = verifyExpr(variant.grid[d], where + ".grid" + index))
      return problem;
    if (Problem problem =
            checkRange(where + ".block" + index, variant.block[d], 1, d == 2 ? 64 : 1024))
      return problem;
    if (Problem problem = checkRange(where + ".cluster" + index, variant.cluster[d], 1, 16))
      return problem;
  }
  int64_t threads = variant.block[0] * variant.block[1] * variant.block[2];
  if (threads > 1024)
    return fail(where + ".block", "at most 1024 threads", Twine(threads));
  int64_t clusterSize = variant.cluster[0] * variant.cluster[1] * variant.cluster[2];
  if (clusterSize > 16)
    return fail(where + ".cluster", "at most 16 blocks", Twine(clusterSize));
  if (Problem problem =
          checkRange(where + ".dynamic_shared_bytes", variant.dynamicSharedBytes, 0, INT32_MAX))
    return problem;
  // 32,764 bytes of parameters since PTX ISA 8.1 on sm_70 and later.
  if (Problem problem = checkRange(where + ".parameter_bytes", variant.parameterBytes, 0, 32764))
    return problem;
  for (auto [index, buffer] : enumerate(variant.sharedBuffers)) {
    std::string element = (where + ".shared_buffers[" + Twine(index) + "]").str();
    if (Problem problem = checkRange(element + ".offset", buffer.offset, 0, INT32_MAX))
      return problem;
    if (Problem problem = checkRange(element + ".bytes", buffer.bytes, 0, INT32_MAX))
      return problem;
  }
  for (auto [index, map] : enumerate(variant.tensorMaps))
    if (Problem problem =
            verifyTensorMap(map, (where + ".tensor_maps[" + Twine(index) + "]").str()))
      return problem;
  if (Problem problem = verifyTables(variant, where))
    return problem;
  if (variant.workspace) {
    // A slot for each program must fit the memory of a device by far.
    if (Problem problem =
            checkRange(where + ".workspace.bytes", variant.workspace->bytes, 1, INT32_MAX))
      return problem;
    if (Problem problem =
            checkRange(where + ".workspace.flags", variant.workspace->flags, 1, INT32_MAX))
      return problem;
    if (variant.workspace->bytes % variant.workspace->flags != 0 ||
        variant.workspace->bytes / variant.workspace->flags % 16 != 0)
      return fail(where + ".workspace.bytes",
                  "a multiple of 16 for each of " + Twine(variant.workspace->flags) + " flags",
                  Twine(variant.workspace->bytes));
  }
  return verifyParameters(variant, where);
}

Problem KernelVerifier::verify() const {
  if (kernel.name.empty())
    return fail(path + ".name", "a name", "\"\"");
  StringSet<> names;
  for (auto [index, argument] : enumerate(kernel.arguments)) {
    std::string where = (path + ".arguments[" + Twine(index) + "]").str();
    if (Problem problem = verifyArgument(argument, where))
      return problem;
    if (!names.insert(argument.name).second)
      return fail(where + ".name", "names that differ", "\"" + Twine(argument.name) + "\" twice");
  }
  if (kernel.variants.empty())
    return fail(path + ".variants", "at least one variant", "none");
  StringSet<> entries;
  for (auto [index, variant] : enumerate(kernel.variants)) {
    std::string where = (path + ".variants[" + Twine(index) + "]").str();
    if (Problem problem = verifyVariant(variant, where))
      return problem;
    if (!entries.insert(variant.entry).second)
      return fail(where + ".entry", "entries that differ",
                  "\"" + Twine(variant.entry) + "\" twice");
  }
  size_t last = kernel.variants.size() - 1;
  if (!kernel.variants[last].preconditions.empty())
    return fail(path + ".variants[" + Twine(last) + "].preconditions",
                "none, for the last variant must always run",
                Twine(kernel.variants[last].preconditions.size()));
  return std::nullopt;
}

Problem detail::verifyPackage(const Package &package) {
  if (package.target.empty())
    return fail("target", "a target such as \"sm_90a\"", "\"\"");
  StringSet<> names;
  for (auto [index, kernel] : enumerate(package.kernels)) {
    std::string path = ("kernels[" + Twine(index) + "]").str();
    if (Problem problem = KernelVerifier(kernel, path).verify())
      return problem;
    if (!names.insert(kernel.name).second)
      return fail(path + ".name", "names that differ", "\"" + Twine(kernel.name) + "\" twice");
  }
  if (!package.kernels.empty() && package.ptx.empty() && package.cubin.empty())
    return fail("ptx", "PTX, or a cubin beside it", "neither");
  return std::nullopt;
}

} // namespace tk
