//===- Inputs.h - Files and arguments of a run ------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_RUNTIME_TOOL_INPUTS_H
#define TK_LIB_RUNTIME_TOOL_INPUTS_H

#include "tk/Runtime/RunTool.h"

namespace tk::detail {

/// Reads a package, or has one compiled, by the file's extension.
llvm::Expected<CompiledPackage> loadPackage(const RunOptions &options, bool assemble,
                                            const CompileCallback &compile);

/// The kernel asked for, or the only one.
llvm::Expected<const Kernel *> chooseKernel(const Package &package, const RunOptions &options);

/// `NAME=VALUE` of `--arg`, or what a row of a list says of a column: a file, made-up contents, or
/// a number.
llvm::Expected<RunOptions::Input> parseInputValue(llvm::StringRef name, llvm::StringRef value);

/// One comparison: of an argument, or of a column in one row of a table.
struct LoadedCheck {
  RunOptions::Check check; ///< Its name is that of the result: "problems[3].C".
  const Argument *argument = nullptr;
  const LaunchInputs *inputs = nullptr; ///< Those that a product may name.
};

/// The arguments in memory. Addresses are stable: `inputs` points into `tensors`.
struct LoadedInputs {
  std::vector<std::unique_ptr<HostTensor>> tensors;
  LaunchInputs inputs;
  std::vector<RunOptions::Output> outputs; ///< Those of rows among them, under their names.
  std::vector<LoadedCheck> checks;
};
llvm::Expected<std::unique_ptr<LoadedInputs>> loadInputs(const Kernel &kernel,
                                                         const RunOptions &options);

/// The references of the checks, in their order.
llvm::Expected<std::vector<HostTensor>> loadReferences(const LoadedInputs &loaded);

} // namespace tk::detail

#endif // TK_LIB_RUNTIME_TOOL_INPUTS_H
