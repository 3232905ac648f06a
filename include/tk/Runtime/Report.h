//===- Report.h - The simulator's report, merged and as JSON ----*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_REPORT_H
#define TK_RUNTIME_REPORT_H

#include "tk/Sim/Simulator.h"
#include "llvm/Support/JSON.h"

namespace tk {

/// A finding, and the first seed that showed it.
struct SeededFinding {
  sim::Finding finding;
  uint64_t seed = 0;
};

/// Adds findings of one more seed; the same name at the same line is one finding, counted on.
void mergeFindings(std::vector<SeededFinding> &all, llvm::ArrayRef<sim::Finding> more,
                   uint64_t seed);

llvm::StringRef stringifySeverity(sim::Severity severity);

/// Each writes one JSON value.
void writeFinding(llvm::json::OStream &stream, const SeededFinding &finding);
void writeBanks(llvm::json::OStream &stream, llvm::ArrayRef<sim::BankRecord> banks);
void writeBarriers(llvm::json::OStream &stream, llvm::ArrayRef<sim::BarrierRecord> barriers);
void writeCounters(llvm::json::OStream &stream, const sim::Report &report);

} // namespace tk

#endif // TK_RUNTIME_REPORT_H
