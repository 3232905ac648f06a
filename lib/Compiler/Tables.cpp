//===- Tables.cpp - Remarks and times to read -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Tables.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

void tk::printRemarks(raw_ostream &os, ArrayRef<Remark> remarks) {
  size_t placeWidth = 5, functionWidth = 0, passWidth = 4;
  for (const Remark &remark : remarks) {
    placeWidth = std::max(placeWidth, sys::path::filename(remark.location).size());
    functionWidth = std::max(functionWidth, remark.function.size());
    passWidth = std::max(passWidth, remark.pass.size());
  }
  os << "Remarks\n";
  for (const Remark &remark : remarks)
    os << "  " << left_justify(sys::path::filename(remark.location), placeWidth) << "  "
       << left_justify(remark.function, functionWidth) << "  "
       << left_justify(remark.pass, passWidth) << "  " << left_justify(remark.kind, 8) << "  "
       << remark.message << "\n";
}

void tk::printTimes(raw_ostream &os, ArrayRef<StepTime> times) {
  size_t width = 5;
  double sum = 0;
  for (const StepTime &time : times) {
    width = std::max(width, time.name.size());
    sum += time.milliseconds;
  }
  auto line = [&](StringRef name, double milliseconds) {
    os << "  " << left_justify(name, width)
       << formatv("  {0,8:f2} ms  {1,3:f0} %\n", milliseconds,
                  sum > 0 ? 100 * milliseconds / sum : 0);
  };
  os << "Time\n";
  for (const StepTime &time : times)
    line(time.name, time.milliseconds);
  line("total", sum);
}
