//===- AtomicFile.h - Whole files or none -----------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_ATOMICFILE_H
#define TK_TARGET_ATOMICFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace tk {

/// A set of files that appear together or not at all: each is written to a temporary file beside
/// its target, and `commit` renames them. Whatever was not committed is removed by the destructor.
/// (If a rename itself fails half-way, the files before it have been replaced; every file is whole
/// in any case.)
class AtomicFiles {
public:
  AtomicFiles() = default;
  AtomicFiles(const AtomicFiles &) = delete;
  AtomicFiles &operator=(const AtomicFiles &) = delete;
  ~AtomicFiles();

  /// Writes the content to a temporary file that `commit` will rename to `path`.
  llvm::Error add(llvm::StringRef path, llvm::ArrayRef<uint8_t> content);
  llvm::Error add(llvm::StringRef path, llvm::StringRef content);
  llvm::Error commit();

private:
  struct Pending {
    std::string path, temporary;
  };
  std::vector<Pending> pending;
};

/// One whole file or an error. What is no regular file (a pipe, `/dev/stdout`) is written straight.
llvm::Error writeFileAtomically(llvm::StringRef path, llvm::StringRef content);
/// Reads a whole file; the error names it.
llvm::Expected<std::string> readFile(llvm::StringRef path);

} // namespace tk

#endif // TK_TARGET_ATOMICFILE_H
