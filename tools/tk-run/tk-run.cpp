//===- tk-run.cpp - Compile, launch, check, report ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Compiler.h"
#include "tk/Runtime/RunTool.h"
#include "tk/Target/AtomicFile.h"
#include <cstdlib>

using namespace llvm;

/// What may stand after `--`: tk-compile's options that make sense here.
static Expected<tk::CompileOptions> parseCompileOptions(ArrayRef<std::string> arguments) {
  tk::CompileOptions options;
  for (StringRef argument : arguments) {
    auto [name, value] = argument.split('=');
    if (name == "--ptxas" && !value.empty()) {
      options.ptxas = value.str();
    } else if (name == "--alias" && value.contains('=')) {
      auto [alias, type] = value.split('=');
      options.aliases.emplace_back(alias, type);
    } else if (name == "--disable" && !value.empty()) {
      SmallVector<StringRef> passes;
      value.split(passes, ',');
      for (StringRef pass : passes)
        options.disabled.push_back(pass.str());
    } else if (name == "--tune" && !value.empty()) {
      options.tuning += (options.tuning.empty() ? "" : ",") + value.str();
    } else if (argument == "--no-certify") {
      options.certify = false;
    } else if (argument != "--assemble" && argument != "--no-assemble") {
      return createStringError(
          "unknown compiler option \"" + argument +
          "\": expected --alias=NAME=TYPE, --disable=PASS, --tune=LIST, --ptxas=PATH, "
          "--no-certify, --assemble or --no-assemble after --");
    }
  }
  return options;
}

static Expected<tk::CompiledPackage> compile(const tk::CompileRequest &request) {
  Expected<tk::CompileOptions> options = parseCompileOptions(request.arguments);
  if (!options)
    return options.takeError();
  options->assemble = (request.assemble || is_contained(request.arguments, "--assemble")) &&
                      !is_contained(request.arguments, "--no-assemble");
  Expected<std::string> source = tk::readFile(request.path);
  if (!source)
    return source.takeError();
  Expected<tk::Compilation> compilation = tk::compile(*source, request.path, *options, errs());
  if (!compilation)
    return createStringError(request.path + ": " + toString(compilation.takeError()));
  tk::CompiledPackage result;
  result.package = std::move(compilation->package);
  for (const tk::StepTime &step : compilation->times)
    result.steps.emplace_back(step.name, step.milliseconds);
  result.note = std::move(compilation->note);
  return result;
}

int main(int argc, char **argv) {
  const char *noColour = std::getenv("NO_COLOR");
  bool colours = !(noColour && *noColour) && outs().is_displayed() && outs().has_colors();
  int code = tk::runTool(std::vector<std::string>(argv + 1, argv + argc), compile, outs(), errs(),
                         colours);
  // Straight out: the driver's own exit handlers would wait for a kernel that hangs.
  outs().flush();
  errs().flush();
  std::_Exit(code);
}
