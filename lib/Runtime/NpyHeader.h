//===- NpyHeader.h - The Python literal that heads a .npy -------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_RUNTIME_NPYHEADER_H
#define TK_LIB_RUNTIME_NPYHEADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace tk::detail {

struct NpyHeader {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. The error has no file name.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef text);

} // namespace tk::detail

#endif // TK_LIB_RUNTIME_NPYHEADER_H
