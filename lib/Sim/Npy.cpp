//===- Npy.cpp - .npy files -----------------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace tk::sim {

static Error fail(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

Error checkRegularFile(StringRef path) {
  sys::fs::file_status status;
  if (sys::fs::status(path, status) || sys::fs::is_regular_file(status) || sys::fs::is_directory(status))
    return Error::success(); // whoever opens it says what is wrong
  return fail("'" + path + "' is no regular file; copy what it gives to one");
}

Expected<NpyArray> readNpy(StringRef path) {
  if (Error e = checkRegularFile(path))
    return std::move(e);
  // Volatile: read, not mapped, so that a file cut short meanwhile cannot raise SIGBUS.
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!file)
    return fail("cannot read '" + path + "': " + file.getError().message());
  StringRef text = (*file)->getBuffer();
  if (!text.starts_with("\x93NUMPY") || text.size() < 12)
    return fail("'" + path + "' is not a .npy file");
  auto byte = [&](size_t i) { return uint64_t(uint8_t(text[i])); };
  unsigned major = unsigned(byte(6));
  size_t start = major == 1 ? 10 : 12;
  uint64_t length = major == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (major < 1 || major > 3 || start + length > text.size())
    return fail("'" + path + "' has a damaged .npy header");
  StringRef header = text.substr(start, length), body = text.substr(start + length);
  NpyArray a;
  auto after = [&](StringRef key) { return header.split(("'" + key + "'").str()).second.split(':').second.ltrim(); };
  StringRef descr = after("descr");
  descr.consume_front("'"); // what has none is no type, and refused below
  a.descr = descr.take_until([](char c) { return c == '\''; }).str();
  if (after("fortran_order").starts_with("True"))
    return fail("'" + path + "' is in Fortran order; save it with numpy.ascontiguousarray");
  StringRef shape = after("shape");
  if (!shape.consume_front("(") || !shape.contains(')'))
    return fail("'" + path + "' has a damaged shape");
  shape = shape.split(')').first;
  uint64_t count = 1;
  while (!shape.trim().empty()) {
    auto [dim, rest] = shape.split(',');
    uint64_t n;
    if (dim.trim().getAsInteger(10, n) || (n && count > (1ull << 40) / n))
      return fail("'" + path + "' has a damaged shape");
    if (a.shape.size() == kMaxRank)
      return fail("'" + path + "' has more than " + Twine(kMaxRank) + " dimensions");
    a.shape.push_back(n);
    count *= n;
    shape = rest;
  }
  unsigned item = 0;
  if (a.descr.size() < 3 || StringRef(a.descr).drop_front(2).getAsInteger(10, item) || !item || item > 16 || a.descr[0] == '>')
    return fail("'" + path + "' has element type '" + a.descr + "'; expected little-endian numbers");
  if (body.size() != count * item)
    return fail(formatv("'{0}' holds {1} bytes of data, its shape and type need {2}", path, body.size(), count * item).str());
  a.data.assign(body.bytes_begin(), body.bytes_end());
  return a;
}

Error writeNpy(StringRef path, const NpyArray &a) {
  std::string header = "{'descr': '" + a.descr + "', 'fortran_order': False, 'shape': (";
  for (uint64_t d : a.shape)
    header += std::to_string(d) + ", ";
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::error_code ec;
  raw_fd_ostream os(path, ec);
  if (ec)
    return fail("cannot write '" + path + "': " + ec.message());
  os << StringRef("\x93NUMPY\x01\x00", 8) << char(header.size() & 255) << char(header.size() >> 8) << header;
  os.write(reinterpret_cast<const char *>(a.data.data()), a.data.size());
  os.close();
  if (os.has_error()) {
    std::error_code error = os.error();
    os.clear_error(); // or the stream ends the process
    return fail("cannot write '" + path + "': " + error.message());
  }
  return Error::success();
}

} // namespace tk::sim
