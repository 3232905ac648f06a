//===- Sim.cpp - C interface: the simulator, for any PTX ------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Handles.h"
#include "tk/Sim/LaunchFile.h"
#include "tk/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace tk;

struct tkSimProgramOpaque {
  std::shared_ptr<const sim::Program> program;
  std::string skeleton; ///< Written when first asked for.
  std::atomic<bool> cancelled = false;
};

struct tkSimReportOpaque {
  std::shared_ptr<const sim::Program> program;
  sim::Report report;
  std::string text, json, html; ///< Likewise.
};

/// A text, a number, or a list of them: an option may be given several times.
static Error setOption(sim::RunOptions &how, StringRef name, const json::Value &value) {
  if (std::optional<StringRef> text = value.getAsString())
    return how.set(name, *text);
  if (value.kind() == json::Value::Number) {
    std::string text;
    raw_string_ostream(text) << value;
    return how.set(name, text);
  }
  const json::Array *array = value.getAsArray();
  if (!array)
    return createStringError("simulator option \"" + name + "\": expected a text, a number or a list of them");
  for (const json::Value &element : *array) {
    if (element.getAsArray())
      return createStringError("simulator option \"" + name + "\": expected a list of texts, got a list in it");
    if (Error error = setOption(how, name, element))
      return error;
  }
  return Error::success();
}

static Expected<sim::RunOptions> readOptions(const char *text) {
  sim::RunOptions how;
  if (!text)
    return how;
  Expected<json::Value> value = parseJSON(text);
  if (!value)
    return createStringError("simulator options: expected a JSON object, got damaged JSON: " +
                             llvm::toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object)
    return createStringError("simulator options: expected a JSON object, got another value");
  for (const auto &[name, option] : *object) {
    if (name == "report") {
      std::optional<StringRef> kind = option.getAsString();
      if (!kind || !is_contained({"text", "json", "html"}, *kind))
        return createStringError("simulator option \"report\": expected \"text\", \"json\" or \"html\", got " +
                                 (kind ? "\"" + *kind + "\"" : Twine("another value")));
      how.options.trace = *kind == "html";
      continue;
    }
    if (Error error = setOption(how, name, option))
      return error;
  }
  return how;
}

extern "C" {

int tkSimParse(const char *ptx, size_t length, const char *fileName, tkSimProgram *program) {
  auto parsed = sim::Program::parse(StringRef(ptx, length), fileName);
  if (!parsed)
    return capi::fail(parsed.takeError());
  *program = new tkSimProgramOpaque{std::move(*parsed), {}};
  return 0;
}

void tkSimProgramFree(tkSimProgram program) { delete program; }

const char *tkSimGetSkeleton(tkSimProgram program) {
  if (program->skeleton.empty()) {
    raw_string_ostream os(program->skeleton);
    sim::printSkeleton(*program->program, os);
  }
  return program->skeleton.c_str();
}

int tkSimRun(tkSimProgram program, const char *launch, size_t length, const char *folder,
             const char *optionsJson, tkSimReport *report) {
  Expected<sim::RunOptions> how = readOptions(optionsJson);
  if (!how)
    return capi::fail(how.takeError());
  how->options.cancelled = &program->cancelled;
  Expected<sim::Report> done = sim::runLaunchText(*program->program, StringRef(launch, length), "launch file",
                                                  folder ? folder : "", *how);
  program->cancelled = false;
  if (!done)
    return capi::fail(done.takeError());
  *report = new tkSimReportOpaque{program->program, std::move(*done), {}, {}, {}};
  return 0;
}

void tkSimCancel(tkSimProgram program) { program->cancelled = true; }

void tkSimReportFree(tkSimReport report) { delete report; }

size_t tkSimReportGetNumErrors(tkSimReport report) { return report->report.errors(); }

const char *tkSimReportGet(tkSimReport report, const char *kind) {
  auto print = [&](std::string &into, auto &&write) {
    if (into.empty()) {
      raw_string_ostream os(into);
      write(os);
    }
    return into.c_str();
  };
  if (StringRef(kind) == "text")
    return print(report->text, [&](raw_ostream &os) { sim::printText(report->report, os); });
  if (StringRef(kind) == "json")
    return print(report->json, [&](raw_ostream &os) { sim::printJson(report->report, os); });
  if (StringRef(kind) == "html" && !report->report.traces.empty())
    return print(report->html, [&](raw_ostream &os) { sim::printHtml(report->report, *report->program, os); });
  return nullptr;
}

} // extern "C"
