//===- PackageReader.cpp - JSON to package --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackageFields.h"
#include "tk/Support/JSON.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include <limits>

using namespace llvm;

namespace tk {
using namespace detail;

/// A value as it appears in "got ...": short whatever the file holds.
static std::string describe(const json::Value *value) {
  if (!value)
    return "nothing";
  switch (value->kind()) {
  case json::Value::Null:
    return "null";
  case json::Value::Boolean:
    return *value->getAsBoolean() ? "true" : "false";
  case json::Value::Number:
    return formatv("{0}", *value).str();
  case json::Value::String: {
    StringRef text = *value->getAsString();
    return ("\"" + text.take_front(40) + (text.size() > 40 ? "...\"" : "\"")).str();
  }
  case json::Value::Array:
    return "an array of " + std::to_string(value->getAsArray()->size());
  case json::Value::Object:
    return "an object";
  }
  return "an unknown value";
}

namespace {
/// Reads structs from objects. Keeps the first problem, with its path; everything after that is
/// skipped.
class Reader {
public:
  Reader(const json::Object &object, std::string path, std::optional<std::string> &problem)
      : object(object), path(std::move(path)), problem(problem) {}

  template <class T>
  void field(StringRef key, T &value) {
    seen.insert(key);
    if (!problem)
      read(object.get(key), path.empty() ? key.str() : (path + "." + key).str(), value);
  }
  void fail(const Twine &where, const Twine &expected, const json::Value *got) {
    if (!problem)
      problem = (where + ": expected " + expected + ", got " + describe(got)).str();
  }
  /// A field that no one asked for may carry what this reader would silently ignore: refused.
  void refuseUnknownFields() {
    if (problem)
      return;
    std::vector<StringRef> unknown;
    for (const auto &entry : object)
      if (!seen.contains(entry.first))
        unknown.push_back(entry.first);
    if (unknown.empty())
      return;
    llvm::sort(unknown);
    fail(Twine(path) + (path.empty() ? "" : ".") + unknown.front(), "no such field",
         object.get(unknown.front()));
  }

private:
  void read(const json::Value *value, const Twine &where, bool &result) {
    std::optional<bool> boolean = value ? value->getAsBoolean() : std::nullopt;
    if (!boolean)
      return fail(where, "true or false", value);
    result = *boolean;
  }
  void read(const json::Value *value, const Twine &where, int64_t &result) {
    std::optional<int64_t> integer = value ? value->getAsInteger() : std::nullopt;
    if (!integer)
      return fail(where, "an integer", value);
    result = *integer;
  }
  void read(const json::Value *value, const Twine &where, unsigned &result) {
    std::optional<int64_t> integer = value ? value->getAsInteger() : std::nullopt;
    if (!integer || *integer < 0 || *integer > std::numeric_limits<int32_t>::max())
      return fail(where, "an index", value);
    result = static_cast<unsigned>(*integer);
  }
  void read(const json::Value *value, const Twine &where, std::string &result) {
    std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
    if (!text)
      return fail(where, "a string", value);
    result = text->str();
  }
  void read(const json::Value *value, const Twine &where, ElementType &result) {
    std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
    std::optional<ElementType> type = text ? parseElementType(*text) : std::nullopt;
    if (!type)
      return fail(where, "an element type such as \"bf16\" or \"f32\"", value);
    result = *type;
  }
  void read(const json::Value *value, const Twine &where, Condition::Kind &result) {
    readEnum(value, where, conditionKinds, "a kind of condition", result);
  }
  template <class Bool>
  void read(const json::Value *value, const Twine &where, Words<Bool> &words) {
    std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
    if (text != words.whenFalse && text != words.whenTrue)
      return fail(where, "\"" + words.whenFalse + "\" or \"" + words.whenTrue + "\"", value);
    words.value = text == words.whenTrue;
  }
  void read(const json::Value *value, const Twine &where, std::vector<uint8_t> &bytes);
  void read(const json::Value *value, const Twine &where, Expr &expr);
  void readOperands(const json::Array &array, const std::string &where, Expr &expr);

  /// A number, or "?" where it is known only at launch.
  void readElement(const json::Value *value, const Twine &where, int64_t &result) {
    if (value && value->getAsString() == "?")
      result = Argument::kDynamic;
    else
      read(value, where, result);
  }
  template <class T>
  void readElement(const json::Value *value, const Twine &where, T &result) {
    read(value, where, result);
  }
  template <class T>
  void read(const json::Value *value, const Twine &where, std::vector<T> &list) {
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (!array)
      return fail(where, "an array", value);
    list.resize(array->size());
    for (auto [index, element] : enumerate(list))
      if (!problem)
        readElement(&(*array)[index], where + "[" + Twine(index) + "]", element);
  }
  template <class T, size_t size>
  void read(const json::Value *value, const Twine &where, std::array<T, size> &list) {
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (!array || array->size() != size)
      return fail(where, "an array of " + Twine(size), value);
    for (auto [index, element] : enumerate(list))
      if (!problem)
        read(&(*array)[index], where + "[" + Twine(index) + "]", element);
  }
  template <class T>
  void read(const json::Value *value, const Twine &where, std::optional<T> &result) {
    if (value && value->kind() == json::Value::Null)
      result = std::nullopt;
    else
      read(value, where, result.emplace());
  }
  template <class T>
  void read(const json::Value *value, const Twine &where, T &result) {
    const json::Object *nested = value ? value->getAsObject() : nullptr;
    if (!nested)
      return fail(where, "an object", value);
    Reader reader(*nested, where.str(), problem);
    fields(reader, result);
    reader.refuseUnknownFields();
  }
  template <class Table, class Enum>
  bool readEnum(const json::Value *value, const Twine &where, const Table &table, StringRef what,
                Enum &result) {
    std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
    for (const auto &entry : table) {
      if (text == entry.name) {
        result = entry.value;
        return true;
      }
    }
    fail(where, what, value);
    return false;
  }

  const json::Object &object;
  std::string path;
  std::optional<std::string> &problem;
  StringSet<> seen;
};
} // namespace

void Reader::read(const json::Value *value, const Twine &where, std::vector<uint8_t> &bytes) {
  std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
  if (!text)
    return fail(where, "bytes in base64", value);
  bytes.clear();
  if (text->empty())
    return;
  std::vector<char> decoded;
  if (Error error = decodeBase64(*text, decoded)) {
    consumeError(std::move(error));
    return fail(where, "bytes in base64", value);
  }
  bytes.assign(decoded.begin(), decoded.end());
}

void Reader::read(const json::Value *value, const Twine &where, Expr &expr) {
  if (value)
    if (std::optional<int64_t> constant = value->getAsInteger()) {
      expr = Expr::constant(*constant);
      return;
    }
  const json::Array *array = value ? value->getAsArray() : nullptr;
  if (!array || array->empty())
    return fail(where, "an integer or an expression such as [\"add\", 1, 2]", value);
  std::string path = where.str();
  if (readEnum(&array->front(), path + "[0]", exprOps, "the name of an operator", expr.op))
    readOperands(*array, path, expr);
}

void Reader::readOperands(const json::Array &array, const std::string &where, Expr &expr) {
  bool isView = expr.op == Expr::Op::Size || expr.op == Expr::Op::Stride;
  bool isOne = expr.op == Expr::Op::Scalar || expr.op == Expr::Op::Rows;
  size_t count = expr.op == Expr::Op::NumSMs ? 0 : isOne ? 1 : 2;
  if (array.size() != count + 1)
    return fail(where,
                Twine(count) + (count == 1 ? " operand" : " operands") + " of \"" +
                    *array[0].getAsString() + "\"",
                nullptr);
  if (isReference(expr.op)) {
    unsigned argument = 0;
    read(&array[1], where + "[1]", argument);
    expr.value = argument;
    if (isView)
      read(&array[2], where + "[2]", expr.dimension);
    if (expr.op == Expr::Op::Sum)
      read(&array[2], where + "[2]", expr.operands.emplace_back());
    return;
  }
  expr.operands.resize(count);
  for (size_t i = 0; i < count && !problem; ++i)
    read(&array[i + 1], where + "[" + Twine(i + 1) + "]", expr.operands[i]);
}

//===----------------------------------------------------------------------===//
// The envelope
//===----------------------------------------------------------------------===//

/// Reads the envelope and the fields; `problem` says what is wrong with either.
static Package readPackage(const json::Object &object, std::optional<std::string> &problem,
                           std::string &checksum) {
  Package package;
  std::string format;
  int64_t version = 0;
  Reader reader(object, "", problem);
  if (object.getString("format") != "tkpkg")
    reader.fail("format", "\"tkpkg\"", object.get("format"));
  reader.field("format", format);
  reader.field("version", version);
  if (!problem && version != Package::kFormatVersion)
    problem = ("version: expected " + Twine(Package::kFormatVersion) + ", got " + Twine(version) +
               "; compile the kernel again, or use the tk that wrote it")
                  .str();
  reader.field("checksum", checksum);
  fields(reader, package);
  reader.refuseUnknownFields();
  return package;
}

Expected<Package> parsePackage(StringRef text, StringRef fileName) {
  auto makeError = [&](const Twine &message) {
    return createStringError(fileName + ": " + message);
  };
  Expected<json::Value> value = parseJSON(text);
  if (!value)
    return makeError("expected a kernel package, got damaged JSON: " +
                     llvm::toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object)
    return makeError("expected a kernel package, got " + describe(&*value));

  std::optional<std::string> problem;
  std::string checksum;
  Package package = readPackage(*object, problem, checksum);
  if (problem)
    return makeError(*problem);
  std::string actual = "sha256:" + computeChecksum(package);
  bool isIntact = checksum == actual;
  if ((problem = verifyPackage(package)))
    return makeError(*problem +
                     (isIntact ? "" : "; the checksum does not match either: the file is damaged"));
  if (!isIntact)
    return makeError("checksum: expected \"" + actual + "\", got \"" +
                     StringRef(checksum).take_front(71) +
                     "\"; the file is damaged, or was edited: compile the kernel again");
  return package;
}

} // namespace tk
