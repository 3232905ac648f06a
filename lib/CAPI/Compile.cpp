//===- Compile.cpp - C interface: the compiler ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Handles.h"

extern "C" int tkCompile(const char *, size_t, const char *fileName, const char *,
                         tkPackage *package, char **diagnostics) {
  *package = nullptr;
  if (diagnostics)
    *diagnostics = nullptr;
  return tk::capi::fail(llvm::Twine(fileName) +
                        ": compiling .mlir is not wired yet; expected a .tkpkg file");
}
