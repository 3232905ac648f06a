//===- Npy.cpp - NumPy's array files --------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Npy.h"
#include "NpyHeader.h"
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tk {

/// NumPy's own readers refuse headers beyond 10,000 bytes.
static constexpr uint32_t maxHeaderBytes = 65536;

static Error makeError(StringRef fileName, const Twine &message) {
  return createStringError(fileName + ": " + message);
}

/// Cuts the magic, version and header length off `bytes`; what remains is the data.
static Expected<StringRef> takeHeader(StringRef &bytes, StringRef fileName) {
  if (!bytes.starts_with("\x93NUMPY"))
    return makeError(fileName, bytes.empty()
                                   ? "expected a .npy array, got an empty file"
                                   : "expected a .npy array, got a file without its magic number");
  if (bytes.size() < 8)
    return makeError(fileName, "expected a .npy header, got a file of " + Twine(bytes.size()) +
                                   " bytes (truncated)");
  unsigned major = static_cast<uint8_t>(bytes[6]), minor = static_cast<uint8_t>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0)
    return makeError(fileName, "expected .npy version 1.0, 2.0 or 3.0, got " + Twine(major) + "." +
                                   Twine(minor));
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (bytes.size() < 8 + lengthBytes)
    return makeError(fileName, "expected a .npy header, got a file of " + Twine(bytes.size()) +
                                   " bytes (truncated)");
  uint32_t length = major == 1 ? support::endian::read16le(bytes.data() + 8)
                               : support::endian::read32le(bytes.data() + 8);
  if (length > maxHeaderBytes)
    return makeError(fileName, "expected a .npy header of at most " + Twine(maxHeaderBytes) +
                                   " bytes, got " + Twine(length));
  bytes = bytes.drop_front(8 + lengthBytes);
  if (bytes.size() < length)
    return makeError(fileName, "expected a .npy header of " + Twine(length) + " bytes, got " +
                                   Twine(bytes.size()) + " (truncated)");
  StringRef header = bytes.take_front(length);
  bytes = bytes.drop_front(length);
  return header;
}

/// Splits "<f4" into kind and width. Named types are those of ml_dtypes.
static Error parseDescr(NpyArray &array) {
  StringRef descr = array.descr;
  if (descr == "bfloat16" || descr.starts_with("float8_")) {
    array.kind = 'V';
    array.itemBytes = descr == "bfloat16" ? 2 : 1;
    return Error::success();
  }
  auto fail = [&](const Twine &why) {
    return makeError(array.fileName,
                     "expected elements of type f2, f4, f8, i1-i8, u1-u8, b1, V1 or V2, got \"" +
                         descr.take_front(40) + "\"" + why);
  };
  if (descr.size() < 2 || !StringRef("<>|=").contains(descr[0]))
    return fail("");
  if (descr[0] == '>')
    return fail(" (big endian); save it with array.astype(dtype.newbyteorder('<'))");
  array.kind = descr[1];
  if (array.kind == 'O')
    return fail(" (Python objects)");
  if (descr.drop_front(2).getAsInteger(10, array.itemBytes))
    return fail("");
  auto isWidth = [&](std::initializer_list<unsigned> widths) {
    return is_contained(widths, array.itemBytes);
  };
  bool known = (array.kind == 'f' && isWidth({1, 2, 4, 8})) ||
               ((array.kind == 'i' || array.kind == 'u') && isWidth({1, 2, 4, 8})) ||
               (array.kind == 'b' && isWidth({1})) || (array.kind == 'V' && isWidth({1, 2}));
  return known ? Error::success() : fail("");
}

static Error checkDataSize(const NpyArray &array, size_t actual) {
  std::optional<int64_t> count = getNumElements(array.shape);
  int64_t bytes = 0;
  if (!count || MulOverflow(*count, static_cast<int64_t>(array.itemBytes), bytes))
    return makeError(array.fileName,
                     "expected an array that fits 64 bits, got " + printSizes(array.shape));
  if (static_cast<uint64_t>(bytes) == actual)
    return Error::success();
  return makeError(array.fileName,
                   "expected " + Twine(bytes) + " bytes of data for " + printSizes(array.shape) +
                       " of \"" + array.descr + "\", got " + Twine(actual) +
                       (actual < static_cast<uint64_t>(bytes) ? " (truncated)" : ""));
}

Expected<NpyArray> parseNpy(StringRef bytes, StringRef fileName) {
  Expected<StringRef> text = takeHeader(bytes, fileName);
  if (!text)
    return text.takeError();
  Expected<detail::NpyHeader> header = detail::parseNpyHeader(*text);
  if (!header)
    return makeError(fileName, llvm::toString(header.takeError()));
  NpyArray array;
  array.fileName = fileName.str();
  array.descr = header->descr;
  array.fortranOrder = header->fortranOrder;
  array.shape = header->shape;
  if (Error error = parseDescr(array))
    return error;
  if (Error error = checkDataSize(array, bytes.size()))
    return error;
  array.data.assign(bytes.begin(), bytes.end());
  return array;
}

Expected<NpyArray> readNpy(StringRef path) {
  Expected<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  return parseNpy(*bytes, path);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static bool isNamed(StringRef descr) { return descr == "bfloat16" || descr.starts_with("float8_"); }

bool isCompatible(const NpyArray &array, ElementType type) {
  if (array.itemBytes != getElementBytes(type))
    return false;
  bool isInteger = array.kind == 'i' || array.kind == 'u';
  switch (type) {
  case ElementType::F64:
  case ElementType::F32:
  case ElementType::TF32:
  case ElementType::F16:
    return array.kind == 'f';
  case ElementType::BF16:
    return isInteger || array.kind == 'V';
  case ElementType::E4M3:
    return isInteger ||
           (array.kind == 'V' && (!isNamed(array.descr) || array.descr == "float8_e4m3fn"));
  case ElementType::E5M2:
    return isInteger || array.kind == 'f' ||
           (array.kind == 'V' && (!isNamed(array.descr) || array.descr == "float8_e5m2"));
  case ElementType::I1:
    return array.kind == 'b';
  case ElementType::U64:
  case ElementType::U32:
  case ElementType::U16:
  case ElementType::U8:
    return array.kind == 'u';
  default: // MLIR's plain integers have no sign of their own.
    return isInteger;
  }
}

static StringRef describeCompatible(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return "<f8";
  case ElementType::F32:
  case ElementType::TF32:
    return "<f4";
  case ElementType::F16:
    return "<f2";
  case ElementType::BF16:
    return "<u2, <i2, or ml_dtypes' <V2";
  case ElementType::E4M3:
    return "|u1, |i1, or ml_dtypes' <V1";
  case ElementType::E5M2:
    return "|u1, |i1, or ml_dtypes' <f1";
  case ElementType::I64:
    return "<i8 or <u8";
  case ElementType::I32:
    return "<i4 or <u4";
  case ElementType::I16:
    return "<i2 or <u2";
  case ElementType::I8:
    return "|i1 or |u1";
  case ElementType::U64:
    return "<u8";
  case ElementType::U32:
    return "<u4";
  case ElementType::U16:
    return "<u2";
  case ElementType::U8:
    return "|u1";
  case ElementType::I1:
    return "|b1";
  }
  llvm_unreachable("unknown element type");
}

Expected<HostTensor> toTensor(NpyArray array, ElementType type, StringRef what) {
  if (!isCompatible(array, type))
    return makeError(array.fileName, "expected elements of type " + stringifyElementType(type) +
                                         " for " + what + " (" + describeCompatible(type) +
                                         "), got \"" + array.descr + "\"");
  HostTensor tensor;
  tensor.type = type;
  tensor.sizes = std::move(array.shape);
  tensor.strides = getDenseStrides(tensor.sizes, array.fortranOrder);
  tensor.bytes = std::move(array.data);
  return tensor;
}

Expected<ElementType> guessElementType(const NpyArray &array, ElementType hint) {
  if (isCompatible(array, hint))
    return hint;
  using Type = ElementType;
  static constexpr Type candidates[] = {Type::F64, Type::F32, Type::F16, Type::E5M2, Type::I1,
                                        Type::U64, Type::U32, Type::U16, Type::U8,   Type::I64,
                                        Type::I32, Type::I16, Type::I8,  Type::BF16};
  for (Type type : candidates)
    if ((type != Type::E5M2 || array.kind == 'f') && isCompatible(array, type))
      return type;
  return makeError(array.fileName, "expected elements that can be compared with " +
                                       stringifyElementType(hint) + ", got \"" + array.descr +
                                       "\"");
}

static StringRef getDescr(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return "<f8";
  case ElementType::F32:
  case ElementType::TF32:
    return "<f4";
  case ElementType::F16:
    return "<f2";
  case ElementType::BF16:
  case ElementType::U16:
    return "<u2";
  case ElementType::E4M3:
  case ElementType::E5M2:
  case ElementType::U8:
    return "|u1";
  case ElementType::I64:
    return "<i8";
  case ElementType::I32:
    return "<i4";
  case ElementType::I16:
    return "<i2";
  case ElementType::I8:
    return "|i1";
  case ElementType::U64:
    return "<u8";
  case ElementType::U32:
    return "<u4";
  case ElementType::I1:
    return "|b1";
  }
  llvm_unreachable("unknown element type");
}

std::string encodeNpy(const HostTensor &tensor) {
  std::vector<int64_t> rowMajor = getDenseStrides(tensor.sizes);
  size_t rank = tensor.sizes.size();
  // A matrix of one row or column is dense in both orders; say C then, as NumPy does.
  bool fortranOrder =
      rank > 1 && tensor.strides != rowMajor && tensor.strides[0] == 1 && tensor.sizes[0] != 1;
  HostTensor dense = withStrides(tensor, getDenseStrides(tensor.sizes, fortranOrder));
  std::string header = "{'descr': '" + getDescr(tensor.type).str() +
                       "', 'fortran_order': " + (fortranOrder ? "True" : "False") + ", 'shape': (";
  for (size_t d = 0; d < rank; ++d)
    header += std::to_string(tensor.sizes[d]) + (rank == 1 ? "," : d + 1 < rank ? ", " : "");
  header += "), }";
  // The data starts at a multiple of 64 bytes; the header ends in a newline.
  header.append(alignTo(10 + header.size() + 1, 64) - 10 - header.size() - 1, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file.append(reinterpret_cast<const char *>(dense.bytes.data()), dense.bytes.size());
  return file;
}

} // namespace tk
