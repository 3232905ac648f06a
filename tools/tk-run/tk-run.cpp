//===- tk-run.cpp - Compile, launch, check, report ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/RunTool.h"
#include <cstdlib>

using namespace llvm;

static Expected<tk::Package> compile(StringRef path, ArrayRef<std::string> arguments) {
  return createStringError(path + ": compiling .mlir is not wired yet; expected a .tkpkg file");
}

int main(int argc, char **argv) {
  const char *noColour = std::getenv("NO_COLOR");
  bool colours = !(noColour && *noColour) && outs().is_displayed() && outs().has_colors();
  return tk::runTool(std::vector<std::string>(argv + 1, argv + argc), compile, outs(), errs(),
                     colours);
}
