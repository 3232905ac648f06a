//===- Findings.h - What the simulator can find -----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The names of all findings. They are stable: users write them into their build files.
/// docs/tk-sim-findings.md explains each, with an example and the remedy.
///
//===----------------------------------------------------------------------===//

#ifndef TK_SIM_FINDINGS_H
#define TK_SIM_FINDINGS_H

#include "tk/Sim/Simulator.h"

namespace tk::sim {

/// Which of the checks that can be switched off looks for it. `Fixed` says that the launch was not run to its end, and can
/// be neither switched off nor graded.
enum class Check { Fixed, Always, Memory, Race, Wgmma, Barrier };

struct FindingKind {
  llvm::StringLiteral name;
  Check check;
  Severity severity; ///< The usual one: where it depends on the case, the gravest.
  llvm::StringLiteral meaning;
};

/// All kinds, by name.
llvm::ArrayRef<FindingKind> findingKinds();

/// The kind of that name, or null.
const FindingKind *findFindingKind(llvm::StringRef name);

/// The severity that the options give to a finding which has `severity` by itself; nothing where they switch it off.
std::optional<Severity> gradeOf(const Options &options, llvm::StringRef name, Severity severity);

} // namespace tk::sim

#endif // TK_SIM_FINDINGS_H
