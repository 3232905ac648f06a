//===- Report.h - What tk-run has to say ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_RUNTIME_TOOL_REPORT_H
#define TK_LIB_RUNTIME_TOOL_REPORT_H

#include "tk/Runtime/Check.h"
#include "tk/Runtime/Execute.h"
#include "tk/Runtime/Report.h"
#include "tk/Runtime/RunTool.h"

namespace tk::detail {

/// One argument as it was launched.
struct ArgumentLine {
  std::string name, type, value, layout; ///< Value: the sizes of a view, or the scalar.
  std::string source;                    ///< A file, "random", "output".
};

struct OutputLine {
  std::string name, type, sizes, file;
  std::optional<int64_t> unwritten;
  int64_t elements = 0;
};

struct CheckLine {
  std::string name, reference;
  uint64_t seed = 0; ///< The seed with the largest error.
  Comparison comparison;
};

/// All that a run has to report, before it is printed one way or the other.
struct RunReport {
  std::string file, kernel, deviceKind, device, deviceNote;
  uint64_t firstSeed = 0, lastSeed = 0, dataSeed = 0;
  std::vector<std::pair<std::string, double>> compileSteps; ///< Milliseconds; empty for a package.
  std::string compileNote;
  const Variant *variant = nullptr;
  bool isForced = false;             ///< By --variant.
  std::vector<std::string> declined; ///< Variants passed over, and why.
  std::array<int64_t, 3> grid = {0, 0, 0};
  bool launched = false;
  std::vector<ArgumentLine> arguments;
  std::vector<OutputLine> outputs;
  std::vector<CheckLine> checks;
  std::vector<SeededFinding> findings;  ///< Of all seeds, each once.
  std::optional<sim::Report> simulated; ///< Of the first seed: banks and counters.
  std::optional<Timing> timing;
  bool isSimulated = false;

  /// Whether the run is good: no errors found, no check failed, nothing left unwritten that was
  /// checked.
  bool succeeded() const;
  /// Elements of a checked output that no one wrote.
  int64_t countUnwrittenChecked() const;
};

void printText(const RunReport &report, llvm::raw_ostream &os, bool colours);
void printJSON(const RunReport &report, llvm::raw_ostream &os);

} // namespace tk::detail

#endif // TK_LIB_RUNTIME_TOOL_REPORT_H
