//===- Report.cpp - The simulator's report, merged and as JSON ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Report.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk {

void mergeFindings(std::vector<SeededFinding> &all, ArrayRef<sim::Finding> more, uint64_t seed) {
  for (const sim::Finding &finding : more) {
    auto it = find_if(all, [&](const SeededFinding &known) {
      return known.finding.name == finding.name && known.finding.ptxLine == finding.ptxLine;
    });
    if (it == all.end())
      all.push_back({finding, seed});
    else if (it->seed == seed)
      all.push_back({finding, seed}); // One report, two findings: both stand.
    else
      it->finding.count += finding.count;
  }
}

StringRef stringifySeverity(sim::Severity severity) {
  switch (severity) {
  case sim::Severity::Note:
    return "note";
  case sim::Severity::Warning:
    return "warning";
  case sim::Severity::Error:
    return "error";
  }
  llvm_unreachable("unknown severity");
}

static json::Value toValue(StringRef text) {
  return json::isUTF8(text) ? json::Value(text) : json::Value(json::fixUTF8(text));
}

void writeFinding(json::OStream &stream, const SeededFinding &seeded) {
  const sim::Finding &finding = seeded.finding;
  stream.object([&] {
    stream.attribute("name", toValue(finding.name));
    stream.attribute("severity", stringifySeverity(finding.severity));
    stream.attribute("message", toValue(finding.message));
    stream.attributeArray("details", [&] {
      for (const std::string &detail : finding.details)
        stream.value(toValue(detail));
    });
    stream.attribute("ptx_line", finding.ptxLine);
    stream.attribute("ptx", toValue(finding.ptxText));
    stream.attribute("source", toValue(finding.source));
    stream.attributeArray("cta", [&] {
      for (uint32_t index : finding.cta)
        stream.value(index);
    });
    stream.attribute("warp", finding.warp);
    stream.attribute("lanes", finding.lanes);
    stream.attribute("count", finding.count);
    stream.attribute("seed", seeded.seed);
  });
}

void writeBanks(json::OStream &stream, ArrayRef<sim::BankRecord> banks) {
  stream.array([&] {
    for (const sim::BankRecord &bank : banks)
      stream.object([&] {
        stream.attribute("ptx_line", bank.ptxLine);
        stream.attribute("ptx", toValue(bank.ptxText));
        stream.attribute("source", toValue(bank.source));
        stream.attribute("width_bytes", bank.widthBytes);
        stream.attribute("executions", bank.executions);
        stream.attribute("wavefronts", bank.wavefronts);
        stream.attribute("minimum", bank.minimum);
      });
  });
}

void writeBarriers(json::OStream &stream, ArrayRef<sim::BarrierRecord> barriers) {
  stream.array([&] {
    for (const sim::BarrierRecord &barrier : barriers)
      stream.object([&] {
        stream.attribute("offset", barrier.offset);
        stream.attribute("phases", barrier.phases);
      });
  });
}

void writeCounters(json::OStream &stream, const sim::Report &report) {
  stream.object([&] {
    for (const auto &[name, value] : report.counters)
      stream.attribute(name, value);
    stream.attribute("thread_instructions", report.threadInstructions);
    stream.attribute("seconds", report.seconds);
  });
}

} // namespace tk
