//===- RunTool.h - What tk-run does -----------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The whole of tk-run but the compiler, which its main hands in: the runtime itself knows no pass.
///
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_RUNTOOL_H
#define TK_RUNTIME_RUNTOOL_H

#include "tk/Runtime/Binding.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>

namespace tk {

/// What tk-run asks of the compiler.
struct CompileRequest {
  std::string path;
  llvm::ArrayRef<std::string> arguments; ///< What stood after `--` on the command line.
  bool assemble = true;                  ///< A GPU wants a cubin; the simulator runs PTX.
};

struct CompiledPackage {
  Package package;
  std::vector<std::pair<std::string, double>> steps; ///< Milliseconds, in order.
  std::string note;                                  ///< Lines worth saying, or empty.
};

/// Compiles a source file. Diagnostics go to standard error; the error then only says which step
/// failed.
using CompileCallback =
    std::function<llvm::Expected<CompiledPackage>(const CompileRequest &request)>;

/// The command line, understood but with no file opened yet.
struct RunOptions {
  /// NAME=VALUE: a file, made-up contents, or a number.
  struct Input {
    enum class Kind { File, Fill, Scalar };
    std::string name, text; ///< Text: the file's path, or the value as written.
    Kind kind = Kind::File;
    Fill fill = Fill::Random;
    std::vector<int64_t> sizes;
    ScalarValue scalar;
  };
  /// NAME[=FILE.npy][:SIZES]
  struct Output {
    std::string name, file;
    std::optional<std::vector<int64_t>> sizes;
  };
  /// NAME=REFERENCE[:TOLERANCE], the reference a file or a product "A@B".
  struct Check {
    std::string name, reference;
    std::optional<double> tolerance;
  };
  std::string file, kernel, variant, device = "auto";
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Check> checks;
  uint64_t firstSeed = 0, lastSeed = 0, dataSeed = 0;
  uint64_t maxSteps = 0;
  unsigned repeat = 0;
  bool json = false, keepOutput = false, help = false, version = false;
  std::vector<std::string> compileArguments;
};

/// Every unknown or ill-formed option is an error that names it.
llvm::Expected<RunOptions> parseRunOptions(llvm::ArrayRef<std::string> arguments);
void printRunHelp(llvm::raw_ostream &os);

/// tk-run's main: 0 if all went well; 1 after bad input, a finding of severity error or a failed
/// check. The report goes to `os`, what went wrong to `errors`. Outputs appear whole, and only when
/// everything succeeded.
int runTool(llvm::ArrayRef<std::string> arguments, const CompileCallback &compile,
            llvm::raw_ostream &os, llvm::raw_ostream &errors, bool colours);

} // namespace tk

#endif // TK_RUNTIME_RUNTOOL_H
