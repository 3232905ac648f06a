//===- LaunchReader.cpp - Reading launch files ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace llvm;

namespace tk::sim {

std::string quotedList(ArrayRef<StringRef> names) {
  std::string all;
  for (StringRef name : names)
    all += (all.empty() ? "'" : ", '") + name.str() + "'";
  return all.empty() ? "none" : all;
}

std::string shown(const json::Value &v) {
  std::string text;
  raw_string_ostream(text) << v;
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  return text;
}

Error LaunchReader::fail(StringRef path, const Twine &message) const {
  return createStringError(inconvertibleErrorCode(),
                           file + ": " + (path.empty() ? Twine() : path + ": ") + message);
}

/// The nearest of the keys, where it is near enough to be what was meant.
static std::string suggestion(StringRef key, ArrayRef<StringRef> keys) {
  for (StringRef k : keys)
    if (key.equals_insensitive(k) || key.edit_distance(k, true, 2) <= 2)
      return " (did you mean '" + k.str() + "'?)";
  return "";
}

std::optional<int64_t> wholeNumber(const json::Value &v) {
  // LLVM takes 2^63 with a point or an exponent for a number of 64 bits.
  auto number = v.getAsNumber();
  if (!v.getAsUINT64() && number && *number >= 0x1p63)
    return std::nullopt;
  return v.getAsInteger();
}

Error LaunchReader::known(const json::Object &o, StringRef path, ArrayRef<StringRef> keys) const {
  for (auto &[k, v] : o) {
    StringRef key = k;
    if (key == "comment" && v.getAsString())
      continue;
    if (!is_contained(keys, key))
      return fail(path, "unknown key '" + key + "'" + suggestion(key, keys) + "; expected one of " +
                            quotedList(keys));
  }
  return Error::success();
}

Expected<const json::Object *> LaunchReader::object(const json::Value &v, StringRef path) const {
  if (const json::Object *o = v.getAsObject())
    return o;
  return fail(path, "expected an object, got " + shown(v));
}

Expected<StringRef> LaunchReader::string(const json::Value &v, StringRef path) const {
  if (auto s = v.getAsString())
    return *s;
  return fail(path, "expected a string, got " + shown(v));
}

Expected<const json::Object *> LaunchReader::object(const json::Object &o, StringRef key,
                                                    StringRef path) const {
  const json::Value *v = o.get(key);
  if (!v)
    return nullptr;
  return object(*v, pathOf(path, key));
}

Expected<std::optional<StringRef>> LaunchReader::string(const json::Object &o, StringRef key,
                                                        StringRef path) const {
  const json::Value *v = o.get(key);
  if (!v)
    return std::nullopt;
  Expected<StringRef> s = string(*v, pathOf(path, key));
  if (!s)
    return s.takeError();
  return *s;
}

static bool isName(StringRef text) {
  return !text.empty() && !isDigit(text[0]) &&
         all_of(text, [](char c) { return isAlnum(c) || c == '_'; });
}

Error LaunchReader::readVariables(const json::Object &root) {
  Expected<const json::Object *> all = object(root, "vars", "");
  if (!all)
    return all.takeError();
  if (!*all)
    return Error::success();
  for (auto &[k, value] : **all) {
    StringRef name = k;
    auto n = wholeNumber(value);
    if (!isName(name))
      return fail("vars", "expected a name of letters, digits and '_', got '" + name + "'");
    if (auto large = value.getAsUINT64(); large && !n)
      largeVars[name] = *large;
    else if (!n)
      return fail(pathOf("vars", name), "expected an integer, got " + shown(value));
    else
      vars[name] = *n;
  }
  return Error::success();
}

std::optional<uint64_t> LaunchReader::largeVariable(const json::Value &v) const {
  auto it = largeVars.find(v.getAsString().value_or(""));
  return it == largeVars.end() ? std::nullopt : std::optional(it->second);
}

/// A number, a variable, or an expression in parentheses.
Expected<int64_t> LaunchReader::operand(StringRef &text, StringRef path, unsigned depth) const {
  // Recursion on what a file says needs an end.
  if (depth > 100)
    return fail(path, "expected an expression of at most 100 nested parentheses and signs");
  text = text.ltrim();
  if (text.consume_front("-")) {
    Expected<int64_t> v = operand(text, path, depth + 1);
    if (v && *v == std::numeric_limits<int64_t>::min())
      return fail(path, "the expression does not fit 64 bits: -(" + Twine(*v) + ")");
    return v ? Expected<int64_t>(-*v) : std::move(v);
  }
  if (text.consume_front("(")) {
    Expected<int64_t> v = expression(text, path, 0, depth + 1);
    if (!v)
      return v;
    text = text.ltrim();
    if (!text.consume_front(")"))
      return fail(path, "expected ')' in the expression, got '" + text + "'");
    return v;
  }
  int64_t n;
  if (!text.empty() && isDigit(text[0]) && !text.consumeInteger(0, n))
    return n;
  StringRef name = text.take_while([](char c) { return isAlnum(c) || c == '_'; });
  auto it = vars.find(name);
  if (!name.empty() && it != vars.end()) {
    text = text.drop_front(name.size());
    return it->second;
  }
  if (largeVars.count(name))
    return fail(path,
                "'" + name +
                    "' is above 2^63 - 1: it may stand alone as a u64 or b64, in no expression");
  SmallVector<StringRef> names(vars.keys());
  llvm::sort(names);
  return fail(path, "expected a number or a variable, got '" + text + "'; \"vars\" has " +
                        quotedList(names));
}

/// + - at level 0, * / % at level 1.
Expected<int64_t> LaunchReader::expression(StringRef &text, StringRef path, unsigned level,
                                           unsigned depth) const {
  auto part = [&] { return level ? operand(text, path, depth) : expression(text, path, 1, depth); };
  Expected<int64_t> left = part();
  while (left) {
    text = text.ltrim();
    char op = text.empty() ? 0 : text[0];
    if (!op || !StringRef(level ? "*/%" : "+-").contains(op))
      return left;
    text = text.drop_front();
    Expected<int64_t> right = part();
    if (!right)
      return right;
    int64_t a = *left, b = *right, r = 0;
    bool isDivision = op == '/' || op == '%';
    if (isDivision && b == 0)
      return fail(path, "division by zero in the expression");
    bool overflows = op == '+'   ? __builtin_add_overflow(a, b, &r)
                     : op == '-' ? __builtin_sub_overflow(a, b, &r)
                     : op == '*' ? __builtin_mul_overflow(a, b, &r)
                                 : a == std::numeric_limits<int64_t>::min() && b == -1;
    if (overflows)
      return fail(path, "the expression does not fit 64 bits: " + Twine(a) + " " + Twine(op) + " " +
                            Twine(b));
    left = !isDivision ? r : op == '/' ? a / b : a % b;
  }
  return left;
}

Expected<int64_t> LaunchReader::integer(const json::Value &v, StringRef path) const {
  if (auto n = wholeNumber(v))
    return *n;
  auto s = v.getAsString();
  if (!s)
    return fail(path, "expected an integer or an expression over \"vars\", got " + shown(v));
  StringRef text = *s;
  Expected<int64_t> r = expression(text, path, 0, 0);
  if (r && !text.trim().empty())
    return fail(path, "expected the end of the expression \"" + *s + "\", got '" + text + "'");
  return r;
}

Expected<int64_t> LaunchReader::integer(const json::Value &v, StringRef path, int64_t low,
                                        int64_t high) const {
  Expected<int64_t> n = integer(v, path);
  if (n && (*n < low || *n > high))
    return fail(path, "expected " + Twine(low) + " to " + Twine(high) + ", got " + Twine(*n));
  return n;
}

Expected<int64_t> LaunchReader::integer(const json::Object &o, StringRef key, StringRef path,
                                        int64_t low, int64_t high, int64_t otherwise) const {
  const json::Value *v = o.get(key);
  return v ? integer(*v, pathOf(path, key), low, high) : otherwise;
}

Expected<double> LaunchReader::real(const json::Value &v, StringRef path) const {
  if (auto d = v.getAsNumber()) {
    if (std::isfinite(*d))
      return *d;
    return fail(path, "expected a number that fits f64, \"inf\" or \"-inf\", got " + shown(v));
  }
  StringRef s = v.getAsString().value_or("");
  if (s == "nan")
    return std::nan("");
  if (s == "inf" || s == "-inf")
    return s == "inf" ? HUGE_VAL : -HUGE_VAL;
  if (s.empty())
    return fail(
        path, "expected a number, an expression over \"vars\", \"nan\", \"inf\" or \"-inf\", got " +
                  shown(v));
  Expected<int64_t> n = integer(v, path);
  if (!n)
    return n.takeError();
  return double(*n);
}

Expected<uint64_t> LaunchReader::alignment(const json::Object &o, StringRef path,
                                           uint64_t otherwise) const {
  Expected<int64_t> n = integer(o, "align", path, 1, 1 << 20, int64_t(otherwise));
  if (!n)
    return n.takeError();
  if (*n & (*n - 1))
    return fail(pathOf(path, "align"), "expected a power of two, got " + Twine(*n));
  return uint64_t(*n);
}

} // namespace tk::sim
