//===- PrintHtml.cpp - Reports as a page ----------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The page (Report.html) draws what it finds in a JSON object in its middle.
///
//===----------------------------------------------------------------------===//

#include "tk/Sim/Simulator.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tk::sim {

static constexpr StringLiteral kPage =
#include "ReportPage.inc"
    ;
static constexpr StringLiteral kPlaceOfData = "{\"placeOfData\": 0}";

static void writeTimeline(const Timeline &timeline, json::OStream &j) {
  j.attributeArray("warps", [&] {
    for (const std::string &warp : timeline.warps)
      j.value(warp);
  });
  // Flat: five numbers a span.
  j.attributeArray("spans", [&] {
    for (const Timeline::Span &span : timeline.spans)
      for (uint32_t number : {span.warp, span.kind, span.from, span.to, span.ptxLine})
        j.value(int64_t(number));
  });
  j.attribute("end", int64_t(timeline.end));
  j.attribute("isCut", timeline.isCut);
}

static void writeTrace(const Trace &trace, json::OStream &j) {
  j.attribute("entry", trace.entry);
  j.attributeArray("instructions", [&] {
    for (const InstructionRecord &record : trace.instructions)
      j.object([&] {
        j.attribute("line", int64_t(record.ptxLine));
        j.attribute("source", json::fixUTF8(record.source));
        j.attribute("warps", int64_t(record.warpExecutions));
        j.attribute("threads", int64_t(record.threadExecutions));
        if (!record.bankWords.empty())
          j.attributeArray("banks", [&] {
            for (uint64_t words : record.bankWords)
              j.value(int64_t(words));
          });
      });
  });
  writeTimeline(trace.timeline, j);
}

void printHtml(const Report &report, const Program &program, raw_ostream &os) {
  std::string data;
  raw_string_ostream stream(data);
  json::OStream j(stream);
  j.object([&] {
    j.attribute("file", json::fixUTF8(sys::path::filename(program.sourceName())));
    j.attributeArray("lines", [&] {
      for (const std::string &line : program.sourceLines())
        j.value(json::fixUTF8(line));
    });
    j.attributeArray("kinds", [&] {
      for (StringRef kind : Timeline::kinds())
        j.value(kind);
    });
    j.attribute("firstWait", int64_t(Timeline::kFirstWait));
    j.attributeArray("traces", [&] {
      for (const Trace &trace : report.traces)
        j.object([&] { writeTrace(trace, j); });
    });
    std::string rest;
    raw_string_ostream restStream(rest);
    printJson(report, restStream);
    j.attributeBegin("report");
    j.rawValue(rest);
    j.attributeEnd();
  });
  // "</script>" in a string would end the data.
  std::string safe;
  for (char c : data)
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  auto [before, after] = StringRef(kPage).split(kPlaceOfData);
  os << before << safe << after;
}

} // namespace tk::sim
