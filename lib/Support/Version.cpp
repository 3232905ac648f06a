//===- Version.cpp - Which tk this is -------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Support/Version.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

llvm::StringRef tk::getVersion() { return TK_VERSION; }

void tk::printVersion(llvm::raw_ostream &os) {
  os << "tk " << getVersion() << "\nLLVM " << LLVM_VERSION_STRING << '\n';
}
