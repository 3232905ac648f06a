//===- ReportJSON.cpp - tk-run's report for programs ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace llvm;

namespace tk::detail {

static json::Value toValue(StringRef text) {
  return json::isUTF8(text) ? json::Value(text) : json::Value(json::fixUTF8(text));
}

/// JSON has no NaN and no infinity: they travel as strings.
static json::Value toValue(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  return value;
}

static json::Array toArray(ArrayRef<int64_t> values) {
  json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

static void writeLaunch(json::OStream &stream, const RunReport &report) {
  const Variant &variant = *report.variant;
  stream.attributeObject("launch", [&] {
    stream.attribute("entry", toValue(variant.entry));
    stream.attribute("forced", report.isForced);
    stream.attribute("grid", toArray(report.grid));
    stream.attribute("block", toArray(variant.block));
    stream.attribute("cluster", toArray(variant.cluster));
    stream.attribute("dynamic_shared_bytes", variant.dynamicSharedBytes);
    stream.attribute("workspace_bytes_per_block",
                     variant.workspace ? variant.workspace->bytes : int64_t(0));
    stream.attribute("launched", report.launched);
    stream.attributeArray("declined", [&] {
      for (const std::string &reason : report.declined)
        stream.value(toValue(reason));
    });
  });
}

static void writeCompilation(json::OStream &stream, const RunReport &report) {
  stream.attributeObject("compilation", [&] {
    stream.attribute("note", toValue(report.compileNote));
    stream.attributeArray("steps", [&] {
      for (const auto &[name, milliseconds] : report.compileSteps)
        stream.object([&] {
          stream.attribute("name", toValue(name));
          stream.attribute("milliseconds", milliseconds);
        });
    });
  });
}

static void writeResources(json::OStream &stream, const Variant &variant) {
  stream.attributeObject("resources", [&] {
    if (variant.resources) {
      stream.attribute("registers", variant.resources->registers);
      stream.attribute("spill_stores", variant.resources->spillStores);
      stream.attribute("spill_loads", variant.resources->spillLoads);
    }
    stream.attributeArray("shared_buffers", [&] {
      for (const SharedBuffer &buffer : variant.sharedBuffers)
        stream.object([&] {
          stream.attribute("name", toValue(buffer.name));
          stream.attribute("offset", buffer.offset);
          stream.attribute("bytes", buffer.bytes);
          stream.attribute("type", toValue(buffer.type));
          stream.attribute("location", toValue(buffer.location));
        });
    });
  });
}

static void writeArguments(json::OStream &stream, const RunReport &report) {
  stream.attributeArray("arguments", [&] {
    for (const ArgumentLine &line : report.arguments)
      stream.object([&] {
        stream.attribute("name", toValue(line.name));
        stream.attribute("type", line.type);
        stream.attribute("value", toValue(line.value));
        stream.attribute("layout", line.layout);
        stream.attribute("source", toValue(line.source));
      });
  });
}

static void writeChecks(json::OStream &stream, const RunReport &report) {
  stream.attributeArray("checks", [&] {
    for (const CheckLine &check : report.checks)
      stream.object([&] {
        const Comparison &comparison = check.comparison;
        stream.attribute("output", toValue(check.name));
        stream.attribute("reference", toValue(check.reference));
        stream.attribute("relative_error", toValue(comparison.error));
        stream.attribute("tolerance", toValue(comparison.tolerance));
        stream.attribute("passed", comparison.passed());
        stream.attribute("max_absolute_error", toValue(comparison.maxAbsolute));
        stream.attribute("index", toArray(comparison.worst));
        stream.attribute("got", toValue(comparison.got));
        stream.attribute("expected", toValue(comparison.expected));
        stream.attribute("seed", check.seed);
      });
  });
}

static void writeOutputs(json::OStream &stream, const RunReport &report) {
  stream.attributeArray("outputs", [&] {
    for (const OutputLine &output : report.outputs)
      stream.object([&] {
        stream.attribute("name", toValue(output.name));
        stream.attribute("type", output.type);
        stream.attribute("sizes", output.sizes);
        stream.attribute("file", toValue(output.file));
        stream.attribute("elements", output.elements);
        stream.attribute("unwritten",
                         output.unwritten ? json::Value(*output.unwritten) : json::Value(nullptr));
      });
  });
}

static void writeSimulation(json::OStream &stream, const RunReport &report) {
  stream.attributeArray("findings", [&] {
    for (const SeededFinding &finding : report.findings)
      writeFinding(stream, finding);
  });
  if (!report.simulated)
    return;
  stream.attributeBegin("barriers");
  writeBarriers(stream, report.simulated->barriers);
  stream.attributeEnd();
  stream.attributeBegin("banks");
  writeBanks(stream, report.simulated->banks);
  stream.attributeEnd();
  stream.attributeBegin("counters");
  writeCounters(stream, *report.simulated);
  stream.attributeEnd();
}

void printJSON(const RunReport &report, raw_ostream &os) {
  json::OStream stream(os, 2);
  stream.object([&] {
    stream.attribute("file", toValue(report.file));
    stream.attribute("kernel", toValue(report.kernel));
    stream.attributeObject("device", [&] {
      stream.attribute("kind", report.deviceKind);
      stream.attribute("description", toValue(report.device));
      stream.attribute("note", toValue(report.deviceNote));
    });
    stream.attribute("seeds", json::Array{report.firstSeed, report.lastSeed});
    stream.attribute("data_seed", report.dataSeed);
    stream.attribute("succeeded", report.succeeded());
    writeLaunch(stream, report);
    writeCompilation(stream, report);
    writeArguments(stream, report);
    writeResources(stream, *report.variant);
    writeChecks(stream, report);
    writeOutputs(stream, report);
    if (report.isSimulated)
      writeSimulation(stream, report);
    if (report.timing)
      stream.attributeObject("milliseconds", [&] {
        stream.attribute("median", report.timing->median);
        stream.attribute("least", report.timing->least);
        stream.attribute("greatest", report.timing->greatest);
        stream.attribute("launches", static_cast<int64_t>(report.timing->launches));
      });
  });
  os << "\n";
}

} // namespace tk::detail
