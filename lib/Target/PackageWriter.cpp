//===- PackageWriter.cpp - Package to JSON --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackageFields.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tk {
using namespace detail;

namespace {
/// Writes structs as objects. Lists of numbers and expressions stay on one line.
class Writer {
public:
  explicit Writer(json::OStream &stream) : stream(stream) {}

  template <class T>
  void field(StringRef key, const T &value) {
    stream.attributeBegin(key);
    write(value);
    stream.attributeEnd();
  }

private:
  void write(bool value) { stream.value(value); }
  void write(int64_t value) { stream.value(value); }
  void write(unsigned value) { stream.value(static_cast<int64_t>(value)); }
  void write(const std::string &value) { stream.value(toValue(value)); }
  void write(ElementType value) { stream.value(stringifyElementType(value)); }
  void write(Condition::Kind value) { stream.value(spell(conditionKinds, value)); }
  template <class Bool>
  void write(const Words<Bool> &words) {
    stream.value(words.value ? words.whenTrue : words.whenFalse);
  }
  void write(const std::vector<uint8_t> &bytes) { stream.value(encodeBase64(bytes)); }
  void write(const Expr &expr) { writeInline(toValue(expr)); }
  void write(const std::vector<int64_t> &list) { writeInlineList(list); }
  void write(const std::vector<std::string> &list) { writeInlineList(list); }
  template <size_t size>
  void write(const std::array<int64_t, size> &list) {
    writeInlineList(list);
  }
  template <size_t size>
  void write(const std::array<Expr, size> &list) {
    writeInlineList(list);
  }
  template <class T>
  void write(const std::vector<T> &list) {
    stream.array([&] {
      for (const T &element : list)
        write(element);
    });
  }
  template <class T>
  void write(const std::optional<T> &value) {
    if (value)
      write(*value);
    else
      stream.value(nullptr);
  }
  template <class T>
  void write(const T &value) {
    stream.object([&] { fields(*this, value); });
  }

  template <class List>
  void writeInlineList(const List &list) {
    json::Array array;
    for (const auto &element : list)
      array.push_back(toValue(element));
    writeInline(std::move(array));
  }
  void writeInline(const json::Value &value) {
    stream.rawValue([&](raw_ostream &os) { os << value; });
  }

  template <class Table, class Enum>
  static StringRef spell(const Table &table, Enum value) {
    return find_if(table, [&](const auto &entry) { return entry.value == value; })->name;
  }
  static json::Value toValue(int64_t value) {
    return value == Argument::kDynamic ? json::Value("?") : json::Value(value);
  }
  static json::Value toValue(const std::string &value) {
    return json::isUTF8(value) ? value : json::fixUTF8(value);
  }
  static json::Value toValue(const Expr &expr);

  json::OStream &stream;
};
} // namespace

/// Constants are numbers, all else is an array: ["size", argument, dimension], ["add", lhs, rhs],
/// ["num_sms"].
json::Value Writer::toValue(const Expr &expr) {
  if (expr.op == Expr::Op::Const)
    return expr.value;
  json::Array array{spell(exprOps, expr.op)};
  bool isView = expr.op == Expr::Op::Size || expr.op == Expr::Op::Stride;
  if (isReference(expr.op))
    array.push_back(expr.value);
  if (isView)
    array.push_back(static_cast<int64_t>(expr.dimension));
  for (const Expr &operand : expr.operands)
    array.push_back(toValue(operand));
  return array;
}

static std::string write(const Package &package, StringRef checksum, unsigned indent) {
  std::string text;
  raw_string_ostream os(text);
  os.SetBufferSize(1 << 16); // LLVM quotes strings a character at a time.
  json::OStream stream(os, indent);
  Writer writer(stream);
  stream.object([&] {
    stream.attribute("format", "tkpkg");
    stream.attribute("version", Package::kFormatVersion);
    if (!checksum.empty())
      stream.attribute("checksum", checksum);
    fields(writer, package);
  });
  os << "\n";
  os.flush();
  return text;
}

std::string detail::computeChecksum(const Package &package) {
  std::string text = write(package, "", /*indent=*/0);
  return toHex(SHA256::hash(arrayRefFromStringRef(text)), /*LowerCase=*/true);
}

std::string serializePackage(const Package &package) {
  return write(package, "sha256:" + computeChecksum(package), /*indent=*/1);
}

} // namespace tk
