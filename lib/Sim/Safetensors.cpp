//===- Safetensors.cpp - .safetensors files -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Eight bytes with the length of a JSON header, the header, the data. The header has for each
/// tensor its type, shape and where its data begin and end.
///
//===----------------------------------------------------------------------===//

#include "LaunchReader.h"
#include "tk/Support/JSON.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace tk::sim {

template <class... Args>
static Error fail(const char *format, Args &&...args) {
  return createStringError(inconvertibleErrorCode(),
                           formatv(format, std::forward<Args>(args)...).str());
}

/// The bytes of an array of that type and shape, or nothing where the shape is damaged.
static std::optional<uint64_t> readShape(const json::Array *shape, unsigned item,
                                         std::vector<uint64_t> &out) {
  if (!shape)
    return std::nullopt;
  uint64_t bytes = item;
  for (const json::Value &v : *shape) {
    auto n = v.getAsUINT64();
    if (!n || out.size() == kMaxRank || __builtin_mul_overflow(bytes, *n, &bytes))
      return std::nullopt;
    out.push_back(*n);
  }
  return bytes;
}

Expected<NpyArray> readSafetensors(StringRef path, StringRef tensor, const ElementType *&type) {
  if (Error e = checkRegularFile(path))
    return std::move(e);
  // Volatile: read, not mapped, so that a file cut short meanwhile cannot raise SIGBUS.
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false,
                                    /*IsVolatile=*/true);
  if (!file)
    return fail("cannot read '{0}': {1}", path, file.getError().message());
  StringRef text = (*file)->getBuffer();
  uint64_t length = text.size() < 8 ? ~0ull : support::endian::read64le(text.data());
  if (text.size() < 8 || length > text.size() - 8)
    return fail("'{0}' is not a .safetensors file: its header would take {1} of {2} bytes", path,
                length, text.size());
  Expected<json::Value> header = parseJSON(text.substr(8, length));
  if (!header)
    return fail("'{0}' has a damaged header: {1}", path, toString(header.takeError()));
  StringRef body = text.substr(8 + length);
  const json::Object *all = header->getAsObject();
  const json::Object *o = all && tensor != "__metadata__" ? all->getObject(tensor) : nullptr;
  if (!o && all && tensor != "__metadata__" && all->get(tensor))
    return fail("'{0}' has a damaged entry for the tensor '{1}': expected an object", path, tensor);
  if (!o) {
    std::vector<StringRef> names;
    if (all)
      for (auto &entry : *all)
        if (StringRef(entry.first) != "__metadata__")
          names.push_back(entry.first);
    llvm::sort(names);
    if (names.size() > 10)
      names.resize(10);
    return fail("'{0}' has no tensor '{1}'; it has {2}", path, tensor, quotedList(names));
  }
  StringRef name = o->getString("dtype").value_or("");
  type = elementTypeOfSafetensors(name);
  if (!type)
    return fail("tensor '{1}' of '{0}' has the type '{2}', which tk-sim does not read", path,
                tensor, name);
  NpyArray a;
  a.descr = type->npy.str();
  std::optional<uint64_t> bytes = readShape(o->getArray("shape"), type->bytes, a.shape);
  const json::Array *offsets = o->getArray("data_offsets");
  auto offset = [&](size_t i) {
    return offsets && offsets->size() == 2 ? (*offsets)[i].getAsUINT64() : std::nullopt;
  };
  auto begin = offset(0), end = offset(1);
  if (!bytes || !begin || !end || *begin > *end || *end > body.size())
    return fail("tensor '{1}' of '{0}' has a damaged shape or place in the file", path, tensor);
  if (*end - *begin != *bytes)
    return fail("tensor '{1}' of '{0}' has {2} bytes of data, its shape and type need {3}", path,
                tensor, *end - *begin, *bytes);
  a.data.assign(body.bytes_begin() + *begin, body.bytes_begin() + *end);
  return a;
}

} // namespace tk::sim
