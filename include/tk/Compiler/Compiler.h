//===- Compiler.h - Source in, kernel package out ---------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The one pipeline. tk-compile, tk-run, the C API and Python all come through here.
///
//===----------------------------------------------------------------------===//

#ifndef TK_COMPILER_COMPILER_H
#define TK_COMPILER_COMPILER_H

#include "tk/Target/Package.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <utility>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace tk {

/// How far to go. Each stage but the last two is text that the next one starts from.
enum class Stage { Tile, Placed, NVVM, LLVM, PTX, Cubin, Package };
std::optional<Stage> parseStage(llvm::StringRef name);

struct CompileOptions {
  Stage stage = Stage::Package;
  /// New definitions of type aliases of the source: ("in", "f16") for "!in = bf16".
  std::vector<std::pair<std::string, std::string>> aliases;
  std::string ptxas;                 ///< Path of ptxas; empty: search for it.
  bool assemble = true;              ///< Whether a package gets a cubin.
  bool certify = true;               ///< Whether bank conflicts are proved.
  std::vector<std::string> disabled; ///< Optional passes to leave out, by name.
  std::string
      tuning; ///< What `#tk.tuning<...>` holds, for every kernel: "stages = 3, consumers = 2".
};

struct StepTime {
  std::string name;
  double milliseconds = 0;
};

struct Compilation {
  std::string text;            ///< Stages Tile to PTX.
  Package package;             ///< Stages Cubin and Package.
  std::vector<StepTime> times; ///< In order: parsing, passes, translation, ptxas.
  std::string note;            ///< Lines worth saying ("no ptxas found ..."), or empty.
};

/// Compiles MLIR text. Diagnostics, with the source lines they are about, go to `diagnostics`; the
/// error then only says which step failed.
llvm::Expected<Compilation> compile(llvm::StringRef source, llvm::StringRef fileName,
                                    const CompileOptions &options, llvm::raw_ostream &diagnostics);

/// Replaces the definitions of type aliases in MLIR text, line by line, so that locations stay
/// true.
llvm::Expected<std::string>
replaceAliases(llvm::StringRef source, llvm::ArrayRef<std::pair<std::string, std::string>> aliases);

} // namespace tk

#endif // TK_COMPILER_COMPILER_H
