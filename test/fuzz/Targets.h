//===- Targets.h - What the fuzzers run -------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One function for each fuzzer. TKSimTests calls them too, on the files of corpus/, so that
/// whatever was once found stays mended where no fuzzer runs.
///
//===----------------------------------------------------------------------===//

#ifndef TK_TEST_FUZZ_TARGETS_H
#define TK_TEST_FUZZ_TARGETS_H

#include "llvm/ADT/StringRef.h"

namespace tk::sim::fuzz {

/// PTX text is parsed and decoded, or refused with an error that names a place.
void parse(llvm::StringRef ptx);
/// Each entry of the text runs for a bounded number of steps, and the report is printed in every
/// form.
void execute(llvm::StringRef ptx);
/// A launch file of a small module and, behind a line "---", the content of a.npy and
/// a.safetensors. All is written to the folder `dir`, and so is what the launch writes.
void launch(llvm::StringRef input, llvm::StringRef dir);

} // namespace tk::sim::fuzz

#endif // TK_TEST_FUZZ_TARGETS_H
