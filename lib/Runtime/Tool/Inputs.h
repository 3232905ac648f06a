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

/// The arguments in memory. Addresses are stable: `inputs` points into `tensors`.
struct LoadedInputs {
  std::vector<std::unique_ptr<HostTensor>> tensors;
  LaunchInputs inputs;
};
llvm::Expected<LoadedInputs> loadInputs(const Kernel &kernel, const RunOptions &options);

/// The references of `--check`, in its order.
llvm::Expected<std::vector<HostTensor>>
loadReferences(const Kernel &kernel, const LoadedInputs &loaded, const RunOptions &options);

} // namespace tk::detail

#endif // TK_LIB_RUNTIME_TOOL_INPUTS_H
