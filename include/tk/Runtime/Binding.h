//===- Binding.h - Arguments of a launch ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Matches what a caller gives with what a kernel asks for: names, types, ranks, sizes, strides,
/// promises. The sizes of outputs follow from the symbols of the inputs where they can.
///
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_BINDING_H
#define TK_RUNTIME_BINDING_H

#include "tk/Runtime/Tensor.h"
#include "tk/Target/Evaluate.h"
#include <variant>

namespace tk {

using ScalarValue = std::variant<int64_t, double>;

/// What the caller gives. Lists rather than maps, so that a name given twice is seen.
struct LaunchInputs {
  struct Input {
    std::string name;
    const HostTensor *tensor = nullptr; ///< Not owned.
    /// Where the array lies if the device has it already: neither uploaded nor downloaded, and
    /// `tensor` has no bytes.
    std::optional<uint64_t> address = std::nullopt;
  };
  struct Output {
    std::string name;
    std::optional<std::vector<int64_t>> sizes, strides; ///< Else inferred.
  };
  struct Scalar {
    std::string name;
    ScalarValue value;
  };
  /// A list of problems: what is given for the columns of each row.
  struct Table {
    std::string name;
    std::vector<LaunchInputs> rows;
  };
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Scalar> scalars;
  std::vector<Table> tables;
};

/// One argument of the kernel, with its part of the launch.
struct BoundArgument {
  const Argument *argument = nullptr;
  const HostTensor *input = nullptr; ///< Its contents before the launch; null: uninitialised.
  std::optional<uint64_t> address;   ///< Where the device has it already.
  bool isOutput = false;             ///< Wanted after the launch.
  std::vector<int64_t> sizes, strides;
  std::vector<uint8_t> scalar; ///< The scalar's bytes.
  std::optional<int64_t> integer;
  std::vector<std::vector<BoundArgument>> rows; ///< Of a table; columns in the table's order.

  /// Bytes from the first to the last element.
  int64_t getBytes() const;
};

struct Binding {
  const Kernel *kernel = nullptr;
  std::vector<BoundArgument> arguments; ///< In the kernel's order.

  /// The facts, but for addresses.
  LaunchFacts getFacts(int64_t numSMs) const;
};

/// The argument of this name; the error lists those there are.
llvm::Expected<const Argument *> findArgument(const Kernel &kernel, llvm::StringRef name);

/// "problems[3].C": what messages and results call a view of a row.
std::string nameOfRow(llvm::StringRef table, size_t row, llvm::StringRef column);

/// Who gives the arguments: a remedy is in words that can be typed there.
enum class Caller { Program, CommandLine };

/// Every mismatch is an error that names the argument, both values and the remedy. A view that the
/// kernel reads must be an input; one that it only writes is allocated.
llvm::Expected<Binding> bindArguments(const Kernel &kernel, const LaunchInputs &inputs,
                                      Caller caller = Caller::Program);

/// The index of the variant of this entry; the error lists those there are.
llvm::Expected<size_t> findVariant(const Kernel &kernel, llvm::StringRef entry);

/// The variant to launch.
struct VariantChoice {
  size_t index = 0;
  bool isForced = false; ///< Taken by name, and no other was looked at.
  std::array<int64_t, 3> grid = {1, 1, 1};
  std::vector<std::string> declined; ///< Why each variant before it was passed over.

  bool isEmpty() const { return grid[0] == 0 || grid[1] == 0 || grid[2] == 0; }
};
/// The first variant whose preconditions hold. If `entry` names one, only that: a precondition that
/// does not hold is then an error.
llvm::Expected<VariantChoice> chooseVariant(const Kernel &kernel, const LaunchFacts &facts,
                                            llvm::StringRef entry = "");

/// The parameter buffer of a variant: addresses, sizes and strides from the facts, scalars from the
/// binding. Its tensor maps are zeros until `encodeTensorMaps`.
std::vector<uint8_t> packParameters(const Binding &binding, const Variant &variant,
                                    const LaunchFacts &facts);

/// The rows of a table as they lie in memory, and a row of zeros: from the facts, addresses among
/// them.
std::vector<uint8_t> packRows(const BoundArgument &table, const ArgumentFacts &facts);

/// A tensor whose dimensions of size 1 (whose strides mean nothing) get the strides that the
/// argument asks for. Nothing changes where a stride matters.
std::vector<int64_t> normaliseStrides(const Argument &argument, llvm::ArrayRef<int64_t> sizes,
                                      llvm::ArrayRef<int64_t> strides);
/// The strides of a fresh array for an argument: its static ones, the rest dense around them (`[?,
/// 1]` is row-major, `[1, ?]` column-major), padded to the divisors it promises.
std::vector<int64_t> getDefaultStrides(const Argument &argument, llvm::ArrayRef<int64_t> sizes);

} // namespace tk

#endif // TK_RUNTIME_BINDING_H
