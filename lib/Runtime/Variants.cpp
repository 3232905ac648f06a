//===- Variants.cpp - The variant to launch, and its parameters -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Binding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tk {

/// Both sides of a condition that can be evaluated: "65 and 64".
static std::string printSides(const Condition &condition, const LaunchFacts &facts) {
  std::string lhs =
      condition.kind == Condition::Kind::Aligned
          ? "0x" + utohexstr(facts.arguments[condition.argument].address, /*LowerCase=*/true)
          : std::to_string(cantFail(evaluate(condition.lhs, facts)));
  return lhs + " and " + std::to_string(cantFail(evaluate(condition.rhs, facts)));
}

/// The same for a condition that must hold for every row of a table.
static Expected<std::string> findRowObstacle(const Kernel &kernel, const Condition &condition,
                                             const LaunchFacts &facts) {
  Expected<std::optional<size_t>> row = findBrokenRow(condition, facts);
  if (!row)
    return row.takeError();
  if (!*row)
    return std::string();
  const Argument &table = kernel.arguments[condition.table];
  Kernel columns = makeRowKernel(table);
  Condition ofRow = condition;
  ofRow.table = -1;
  return ("in row " + Twine(**row) + " of " + table.name + " " + print(ofRow, &columns) +
          (condition.why.empty() ? "" : " (" + condition.why + ")") + ", got " +
          printSides(ofRow, facts.arguments[condition.table].rows[**row]))
      .str();
}

/// The first condition that does not hold, as text; empty if all do.
static Expected<std::string> findObstacle(const Kernel &kernel, const Variant &variant,
                                          const LaunchFacts &facts) {
  for (const Condition &condition : variant.preconditions) {
    if (condition.table >= 0) {
      Expected<std::string> obstacle = findRowObstacle(kernel, condition, facts);
      if (!obstacle || !obstacle->empty())
        return obstacle;
      continue;
    }
    Expected<bool> holds = evaluate(condition, facts);
    if (!holds)
      return holds.takeError();
    if (!*holds)
      return print(condition, &kernel) + (condition.why.empty() ? "" : " (" + condition.why + ")") +
             ", got " + printSides(condition, facts);
  }
  return std::string();
}

static Expected<std::array<int64_t, 3>> evaluateGrid(const Variant &variant,
                                                     const LaunchFacts &facts) {
  std::array<int64_t, 3> grid;
  for (unsigned d = 0; d < 3; ++d) {
    Expected<int64_t> extent = evaluate(variant.grid[d], facts);
    if (!extent)
      return extent.takeError();
    std::string where =
        ("grid of \"" + variant.entry + "\" (dimension " + Twine(d) + "): expected ").str();
    int64_t limit = d == 0 ? INT32_MAX : 65535;
    if (*extent < 0 || *extent > limit)
      return createStringError(where + "0 to " + Twine(limit) + " blocks, got " + Twine(*extent));
    if (*extent % variant.cluster[d] != 0)
      return createStringError(where + "a multiple of " + Twine(variant.cluster[d]) +
                               " blocks, as the cluster has, got " + Twine(*extent));
    grid[d] = *extent;
  }
  return grid;
}

Expected<size_t> findVariant(const Kernel &kernel, StringRef entry) {
  std::string entries;
  for (auto [index, variant] : enumerate(kernel.variants)) {
    if (variant.entry == entry)
      return index;
    entries += (entries.empty() ? "\"" : ", \"") + variant.entry + "\"";
  }
  return createStringError("unknown variant \"" + entry + "\": expected one of " + entries +
                           " of kernel \"" + kernel.name + "\"");
}

/// What to launch, and nothing of whether it fits.
static Expected<VariantChoice> take(const Kernel &kernel, size_t index, const LaunchFacts &facts) {
  Expected<std::array<int64_t, 3>> grid = evaluateGrid(kernel.variants[index], facts);
  if (!grid)
    return grid.takeError();
  VariantChoice choice;
  choice.index = index;
  choice.grid = *grid;
  return choice;
}

static Expected<VariantChoice> takeByName(const Kernel &kernel, const LaunchFacts &facts,
                                          StringRef entry) {
  Expected<size_t> index = findVariant(kernel, entry);
  if (!index)
    return index.takeError();
  Expected<std::string> obstacle = findObstacle(kernel, kernel.variants[*index], facts);
  if (!obstacle)
    return obstacle.takeError();
  if (!obstacle->empty())
    return createStringError("variant \"" + entry + "\" does not fit these arguments: expected " +
                             *obstacle + "; name another variant, or none");
  Expected<VariantChoice> choice = take(kernel, *index, facts);
  if (choice)
    choice->isForced = true;
  return choice;
}

Expected<VariantChoice> chooseVariant(const Kernel &kernel, const LaunchFacts &facts,
                                      StringRef entry) {
  if (!entry.empty())
    return takeByName(kernel, facts, entry);
  std::vector<std::string> declined;
  for (auto [index, variant] : enumerate(kernel.variants)) {
    Expected<std::string> obstacle = findObstacle(kernel, variant, facts);
    if (!obstacle)
      return obstacle.takeError();
    if (!obstacle->empty()) {
      declined.push_back(variant.entry + " needs " + *obstacle);
      continue;
    }
    Expected<VariantChoice> choice = take(kernel, index, facts);
    if (choice)
      choice->declined = std::move(declined);
    return choice;
  }
  return createStringError(
      "kernel \"" + kernel.name +
      "\" has no variant for these arguments: expected an unconditional last one");
}

namespace {
/// Bytes in the machine's order; what a variant does not take has no place.
struct Words {
  MutableArrayRef<uint8_t> buffer;

  void put(int64_t offset, ArrayRef<uint8_t> bytes) {
    if (offset >= 0 && offset + bytes.size() <= buffer.size())
      llvm::copy(bytes, buffer.begin() + offset);
  }
  void put(int64_t offset, uint64_t value) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; ++i)
      bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    if (offset >= 0)
      put(offset, ArrayRef(bytes));
  }
  void putView(const BoundArgument &bound, const ArgumentFacts &known) {
    const Argument &argument = *bound.argument;
    put(argument.offset, known.address);
    for (auto [offset, size] : zip_equal(argument.sizeOffsets, bound.sizes))
      put(offset, static_cast<uint64_t>(size));
    for (auto [offset, stride] : zip_equal(argument.strideOffsets, bound.strides))
      put(offset, static_cast<uint64_t>(stride));
  }
};
} // namespace

std::vector<uint8_t> packParameters(const Binding &binding, const Variant &variant,
                                    const LaunchFacts &facts) {
  std::vector<uint8_t> buffer(static_cast<size_t>(variant.parameterBytes));
  Words words{buffer};
  for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments)) {
    int64_t offset = bound.argument->offset;
    if (bound.argument->isTable()) {
      uint64_t parts[] = {known.address, bound.rows.size(), known.starts, known.maps};
      for (auto [index, part] : enumerate(parts))
        words.put(offset + 8 * static_cast<int64_t>(index), part);
    } else if (bound.argument->isView) {
      words.putView(bound, known);
    } else {
      words.put(offset, bound.scalar);
    }
  }
  return buffer;
}

std::vector<uint8_t> packRows(const BoundArgument &table, const ArgumentFacts &facts) {
  size_t rowBytes = static_cast<size_t>(table.argument->rowBytes);
  std::vector<uint8_t> buffer((table.rows.size() + 1) * rowBytes);
  for (auto [index, row] : enumerate(table.rows)) {
    Words words{MutableArrayRef(buffer).slice(index * rowBytes, rowBytes)};
    for (auto [bound, known] : zip_equal(row, facts.rows[index].arguments))
      words.putView(bound, known);
  }
  return buffer;
}

} // namespace tk
