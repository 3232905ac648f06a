//===- Evaluate.h - Launch-time expressions of a package --------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Evaluates the grids and preconditions of a package over what the host knows at launch. Nothing
/// wraps: an overflow, a division by zero or a missing fact is an error that names the expression.
///
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_EVALUATE_H
#define TK_TARGET_EVALUATE_H

#include "tk/Target/Package.h"
#include <algorithm>

namespace tk {

struct LaunchFacts;

/// What the host knows of one argument.
struct ArgumentFacts {
  std::vector<int64_t> sizes, strides; ///< Views: one per dimension, strides in elements.
  uint64_t address = 0;                ///< Views and tables: the base address on the device.
  std::optional<int64_t> scalar;       ///< Integer scalars: the value.
  std::vector<LaunchFacts> rows;       ///< Tables: of each row, whose arguments are the columns.
  uint64_t starts = 0, maps = 0;       ///< Tables: more addresses.

  /// Whether a view has no elements.
  bool isEmpty() const { return std::find(sizes.begin(), sizes.end(), 0) != sizes.end(); }
};

/// What the host knows of one launch.
struct LaunchFacts {
  std::vector<ArgumentFacts> arguments; ///< One per argument of the kernel.
  int64_t numSMs = 1;
};

/// The value of an expression. `Mod` is the remainder of `FloorDiv`: it has the sign of the
/// divisor.
llvm::Expected<int64_t> evaluate(const Expr &expr, const LaunchFacts &facts);
/// Whether a condition holds, for a table in every row. A divisor or alignment that is not positive
/// is an error.
llvm::Expected<bool> evaluate(const Condition &condition, const LaunchFacts &facts);

/// The first row of the condition's table for which it does not hold; nothing if it holds for all.
llvm::Expected<std::optional<size_t>> findBrokenRow(const Condition &condition,
                                                    const LaunchFacts &facts);
/// The number of the first program of each row, and last of all of them: one more than rows.
llvm::Expected<std::vector<int64_t>> findStarts(const TableUse &use, const LaunchFacts &facts);

/// Readable spellings for messages: "ceildiv(A.size[0], 128)", "B.stride[0] % 8 == 0". Arguments go
/// by name where `kernel` is given, else by index.
std::string print(const Expr &expr, const Kernel *kernel = nullptr);
std::string print(const Condition &condition, const Kernel *kernel = nullptr);

} // namespace tk

#endif // TK_TARGET_EVALUATE_H
