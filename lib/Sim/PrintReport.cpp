//===- PrintReport.cpp - Reports as text and JSON -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/Simulator.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace tk::sim {

static const char *severityName(Severity s) {
  return s == Severity::Error ? "error" : s == Severity::Warning ? "warning" : "note";
}

/// "launches[1] ('scale')", as errors about the launch file name it.
static std::string launchName(const Report &r, int launch) {
  return formatv("launches[{0}] ('{1}')", launch, r.launches[size_t(launch)]);
}

/// Where and how often; a finding about a buffer has no place in the kernel.
static void printPlace(const Report &r, const Finding &f, raw_ostream &os) {
  if (f.launch >= 0 && r.launches.size() > 1)
    os << "  in " << launchName(r, f.launch) << '\n';
  if (f.ptxLine)
    os << "  at PTX line " << f.ptxLine << (f.source.empty() ? "" : " (" + f.source + ")") << ": " << f.ptxText << '\n';
  if (f.ptxLine || f.launch >= 0)
    os << formatv("  first in CTA ({0}, {1}, {2}){3}; seen {4} time(s)\n", f.cta[0], f.cta[1],
                  f.cta[2], f.lanes ? formatv(" warp {0} lanes {1:x}", f.warp, f.lanes).str() : "",
                  f.count);
  if (f.seeds)
    os << formatv("  first with --seed {0}; with {1} of {2} seeds\n", f.firstSeed, f.seeds, r.seeds);
}

/// What the kernels print, set off from what tk-sim says.
static void printOutput(const Report &r, raw_ostream &os) {
  for (StringRef rest = r.output; !rest.empty();) {
    auto [line, tail] = rest.split('\n');
    os << "| " << line << '\n';
    rest = tail;
  }
  if (r.outputDropped)
    os << formatv("{0} more byte(s) of output of printf, not kept (--printf-bytes)\n", r.outputDropped);
}

void printText(const Report &r, raw_ostream &os) {
  printOutput(r, os);
  // Of one name the first ten: the JSON has them all.
  constexpr unsigned kShown = 10;
  std::map<std::string, unsigned> seen;
  for (const Finding &f : r.findings) {
    if (++seen[f.name] > kShown)
      continue;
    os << severityName(f.severity) << ": " << f.name << ": " << f.message << '\n';
    printPlace(r, f, os);
    for (const std::string &d : f.details)
      os << "  - " << d << '\n';
  }
  for (auto &[name, n] : seen)
    if (n > kShown)
      os << formatv("{0}: {1} more findings, not shown\n", name, n - kShown);
  uint64_t fronts = 0, least = 0;
  for (const BankRecord &b : r.banks) {
    fronts += b.wavefronts;
    least += b.minimum;
    if (b.wavefronts > b.minimum)
      os << formatv("bank conflicts: {5}line {0}{1}: {2} wavefronts, minimum {3}: {4}\n", b.ptxLine,
                    b.source.empty() ? "" : " (" + b.source + ")", b.wavefronts, b.minimum, b.ptxText,
                    b.launch < 0 ? "" : launchName(r, b.launch) + " ");
  }
  os << formatv("shared memory: {0} wavefronts, minimum {1}\n", fronts, least);
  for (auto &[name, value] : r.counters)
    os << formatv("{0,-24} {1}\n", name, value);
  os << formatv("{0} error(s), {1} finding(s){4}; {2} thread instructions in {3:f3} s\n", r.errors(), r.findings.size(),
                r.threadInstructions, r.seconds, r.seeds ? formatv(" with {0} seed(s)", r.seeds).str() : "");
}

/// Texts of PTX files, names of files and what kernels print need not be UTF-8; JSON must.
void printJson(const Report &r, raw_ostream &os) {
  json::OStream j(os, 2);
  j.object([&] {
    j.attributeArray("findings", [&] {
      for (const Finding &f : r.findings)
        j.object([&] {
          j.attribute("name", f.name);
          j.attribute("severity", severityName(f.severity));
          j.attribute("message", json::fixUTF8(f.message));
          j.attributeArray("details", [&] {
            for (const std::string &d : f.details)
              j.value(json::fixUTF8(d));
          });
          j.attribute("ptxLine", int64_t(f.ptxLine));
          j.attribute("ptxText", json::fixUTF8(f.ptxText));
          j.attribute("source", json::fixUTF8(f.source));
          j.attributeArray("cta", [&] {
            for (uint32_t c : f.cta)
              j.value(int64_t(c));
          });
          j.attribute("warp", int64_t(f.warp));
          j.attribute("lanes", int64_t(f.lanes));
          j.attribute("count", int64_t(f.count));
          if (f.launch >= 0)
            j.attribute("launch", f.launch);
          if (f.seeds) {
            j.attribute("firstSeed", f.firstSeed);
            j.attribute("seeds", f.seeds);
          }
        });
    });
    j.attributeArray("banks", [&] {
      for (const BankRecord &b : r.banks)
        j.object([&] {
          j.attribute("ptxLine", int64_t(b.ptxLine));
          j.attribute("ptxText", json::fixUTF8(b.ptxText));
          j.attribute("source", json::fixUTF8(b.source));
          j.attribute("widthBytes", int64_t(b.widthBytes));
          j.attribute("executions", int64_t(b.executions));
          j.attribute("wavefronts", int64_t(b.wavefronts));
          j.attribute("minimum", int64_t(b.minimum));
          if (b.launch >= 0)
            j.attribute("launch", b.launch);
        });
    });
    j.attributeArray("barriers", [&] {
      for (const BarrierRecord &b : r.barriers)
        j.object([&] {
          j.attribute("offset", b.offset);
          j.attribute("phases", int64_t(b.phases));
          if (b.launch >= 0)
            j.attribute("launch", b.launch);
        });
    });
    j.attributeObject("counters", [&] {
      for (auto &[name, value] : r.counters)
        j.attribute(name, int64_t(value));
    });
    j.attributeArray("launches", [&] {
      for (const std::string &entry : r.launches)
        j.value(entry);
    });
    if (!r.output.empty())
      j.attribute("output", json::fixUTF8(r.output));
    if (r.outputDropped)
      j.attribute("outputDropped", int64_t(r.outputDropped));
    if (r.seeds)
      j.attribute("seeds", r.seeds);
    j.attribute("threadInstructions", int64_t(r.threadInstructions));
    j.attribute("seconds", r.seconds);
  });
  os << '\n';
}

} // namespace tk::sim
