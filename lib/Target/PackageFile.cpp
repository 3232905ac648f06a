//===- PackageFile.cpp - Whole files or none ------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tk {

static Error makeFileError(StringRef verb, StringRef path, std::error_code code) {
  return createStringError("cannot " + verb + " \"" + path + "\": " + code.message());
}

/// Flushes and closes, and turns a full disk into an error rather than an abort in the stream's
/// destructor.
static Error finish(raw_fd_ostream &stream, StringRef path) {
  stream.close();
  if (!stream.has_error())
    return Error::success();
  std::error_code code = stream.error();
  stream.clear_error();
  return makeFileError("write", path, code);
}

static bool isSpecialFile(StringRef path) {
  sys::fs::file_status status;
  if (sys::fs::status(path, status))
    return false;
  return sys::fs::exists(status) && !sys::fs::is_regular_file(status) &&
         !sys::fs::is_directory(status);
}

static Error writeDirectly(StringRef path, StringRef content) {
  std::error_code code;
  raw_fd_ostream stream(path, code);
  if (code)
    return makeFileError("write", path, code);
  stream << content;
  return finish(stream, path);
}

AtomicFiles::~AtomicFiles() {
  for (const Pending &file : pending)
    sys::fs::remove(file.temporary);
}

Error AtomicFiles::add(StringRef path, ArrayRef<uint8_t> content) {
  return add(path, toStringRef(content));
}

Error AtomicFiles::add(StringRef path, StringRef content) {
  if (sys::fs::is_directory(path))
    return createStringError("cannot write \"" + path + "\": expected a file, got a directory");
  int descriptor = -1;
  SmallString<256> temporary;
  if (std::error_code code =
          sys::fs::createUniqueFile(path + ".tmp-%%%%%%%%", descriptor, temporary, sys::fs::OF_None,
                                    sys::fs::all_read | sys::fs::all_write))
    return makeFileError("write", path, code);
  pending.push_back({path.str(), temporary.str().str()});
  raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << content;
  return finish(stream, path);
}

Error AtomicFiles::commit() {
  while (!pending.empty()) {
    const Pending &file = pending.front();
    if (std::error_code code = sys::fs::rename(file.temporary, file.path))
      return makeFileError("write", file.path, code);
    pending.erase(pending.begin());
  }
  return Error::success();
}

Error writeFileAtomically(StringRef path, StringRef content) {
  if (isSpecialFile(path))
    return writeDirectly(path, content);
  AtomicFiles files;
  if (Error error = files.add(path, content))
    return error;
  return files.commit();
}

Expected<std::string> readFile(StringRef path) {
  if (sys::fs::is_directory(path))
    return createStringError("cannot read \"" + path + "\": expected a file, got a directory");
  // Volatile: read, not mapped, so that a file cut short meanwhile cannot raise SIGBUS.
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false,
                                      /*IsVolatile=*/true);
  if (!buffer)
    return makeFileError("read", path, buffer.getError());
  return (*buffer)->getBuffer().str();
}

} // namespace tk
