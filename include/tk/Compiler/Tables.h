//===- Tables.h - Remarks and times to read ---------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_COMPILER_TABLES_H
#define TK_COMPILER_TABLES_H

#include "tk/Compiler/Compiler.h"

namespace tk {

/// One remark a line, in order: place, kernel or variant, pass, kind, text.
void printRemarks(llvm::raw_ostream &os, llvm::ArrayRef<Remark> remarks);
/// One step a line, with its share and the sum.
void printTimes(llvm::raw_ostream &os, llvm::ArrayRef<StepTime> times);

} // namespace tk

#endif // TK_COMPILER_TABLES_H
