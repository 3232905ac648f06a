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

/// The first condition that does not hold, as text; empty if all do.
static Expected<std::string> findObstacle(const Kernel &kernel, const Variant &variant,
                                          const LaunchFacts &facts) {
  for (const Condition &condition : variant.preconditions) {
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

std::vector<uint8_t> packParameters(const Binding &binding, const Variant &variant,
                                    const LaunchFacts &facts) {
  std::vector<uint8_t> buffer(static_cast<size_t>(variant.parameterBytes));
  auto put = [&](int64_t offset, ArrayRef<uint8_t> bytes) {
    if (offset >= 0 && offset + static_cast<int64_t>(bytes.size()) <= variant.parameterBytes)
      llvm::copy(bytes, buffer.begin() + offset);
  };
  auto putWord = [&](int64_t offset, uint64_t value) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; ++i)
      bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    put(offset, bytes);
  };
  for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments)) {
    const Argument &argument = *bound.argument;
    if (!argument.isView) {
      put(argument.offset, bound.scalar);
      continue;
    }
    putWord(argument.offset, known.address);
    for (auto [offset, size] : zip_equal(argument.sizeOffsets, bound.sizes))
      putWord(offset, static_cast<uint64_t>(size));
    for (auto [offset, stride] : zip_equal(argument.strideOffsets, bound.strides))
      putWord(offset, static_cast<uint64_t>(stride));
  }
  return buffer;
}

} // namespace tk
