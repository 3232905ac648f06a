//===- Version.h - Which tk this is -----------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_SUPPORT_VERSION_H
#define TK_SUPPORT_VERSION_H

#include "llvm/ADT/StringRef.h"

namespace llvm {
class raw_ostream;
}

namespace tk {

/// As packages carry it.
llvm::StringRef getVersion();

/// What --version of the tools prints: tk's version, then LLVM's. For cl::SetVersionPrinter.
void printVersion(llvm::raw_ostream &os);

} // namespace tk

#endif // TK_SUPPORT_VERSION_H
