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

/// The number that the text starts with; false: none that T holds.
static bool takeNumber(StringRef &text, int64_t &n) { return !text.consumeInteger(0, n); }
static bool takeNumber(StringRef &text, double &n) {
  auto digits = [](StringRef rest) { return rest.take_while(isDigit).size(); };
  size_t end = digits(text);
  if (end == 1 && text[0] == '0' && text.size() > 2 && isAlpha(text[1]) &&
      toLower(text[1]) != 'e') {
    uint64_t bits;
    if (text.consumeInteger(0, bits))
      return false;
    n = double(bits);
    return true;
  }
  if (text.substr(end).starts_with("."))
    end += 1 + digits(text.substr(end + 1));
  if (StringRef rest = text.substr(end); rest.starts_with_insensitive("e")) {
    size_t sign = rest.size() > 1 && (rest[1] == '-' || rest[1] == '+');
    if (size_t exponent = digits(rest.substr(1 + sign)))
      end += 1 + sign + exponent;
  }
  if (text.take_front(end).getAsDouble(n) || !std::isfinite(n))
    return false;
  text = text.drop_front(end);
  return true;
}

/// The result; nothing: it does not fit 64 bits. No division is by zero.
static std::optional<int64_t> compute(int64_t a, char op, int64_t b) {
  int64_t r = 0;
  bool isLost = op == '+'   ? __builtin_add_overflow(a, b, &r)
                : op == '-' ? __builtin_sub_overflow(a, b, &r)
                : op == '*' ? __builtin_mul_overflow(a, b, &r)
                            : a == std::numeric_limits<int64_t>::min() && b == -1;
  if (isLost)
    return std::nullopt;
  return op == '/' ? a / b : op == '%' ? a % b : r;
}
static std::optional<double> compute(double a, char op, double b) {
  double r = op == '+'   ? a + b
             : op == '-' ? a - b
             : op == '*' ? a * b
             : op == '/' ? a / b
                         : std::fmod(a, b);
  return std::isfinite(r) ? std::optional(r) : std::nullopt;
}

/// Nothing: it does not fit.
static std::optional<int64_t> negate(int64_t n) { return compute(0, '-', n); }
static std::optional<double> negate(double n) { return -n; } // 0 has a sign

/// As one would write it.
static std::string numberText(int64_t n) { return std::to_string(n); }
static std::string numberText(double n) { return shown(json::Value(n)); }

/// A number, a variable, or an expression in parentheses.
template <class T>
Expected<T> LaunchReader::operand(StringRef &text, StringRef path, unsigned depth) const {
  // Recursion on what a file says needs an end.
  if (depth > 100)
    return fail(path, "expected an expression of at most 100 nested parentheses and signs");
  text = text.ltrim();
  if (text.consume_front("-")) {
    Expected<T> v = operand<T>(text, path, depth + 1);
    if (!v)
      return v;
    std::optional<T> negative = negate(*v);
    if (!negative)
      return fail(path, "the expression does not fit 64 bits: -(" + numberText(*v) + ")");
    return *negative;
  }
  if (text.consume_front("(")) {
    Expected<T> v = expression<T>(text, path, 0, depth + 1);
    if (!v)
      return v;
    text = text.ltrim();
    if (!text.consume_front(")"))
      return fail(path, "expected ')' in the expression, got '" + text + "'");
    return v;
  }
  StringRef digits = text.take_while(isDigit);
  if (digits.size() > 1 && digits[0] == '0')
    return fail(path,
                "expected a number without a leading zero, which may mean an octal one, got '" +
                    digits + "'; leave it out, or write 0o for an octal one");
  T n;
  if (!digits.empty() && takeNumber(text, n))
    return n;
  StringRef name = text.take_while([](char c) { return isAlnum(c) || c == '_'; });
  auto it = vars.find(name);
  if (!name.empty() && it != vars.end()) {
    text = text.drop_front(name.size());
    return T(it->second);
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
template <class T>
Expected<T> LaunchReader::expression(StringRef &text, StringRef path, unsigned level,
                                     unsigned depth) const {
  auto part = [&] {
    return level ? operand<T>(text, path, depth) : expression<T>(text, path, 1, depth);
  };
  Expected<T> left = part();
  while (left) {
    text = text.ltrim();
    char op = text.empty() ? 0 : text[0];
    if (!op || !StringRef(level ? "*/%" : "+-").contains(op))
      return left;
    text = text.drop_front();
    Expected<T> right = part();
    if (!right)
      return right;
    if ((op == '/' || op == '%') && *right == 0)
      return fail(path, "division by zero in the expression");
    std::optional<T> result = compute(*left, op, *right);
    if (!result)
      return fail(path, "the expression does not fit 64 bits: " + numberText(*left) + " " +
                            Twine(op) + " " + numberText(*right));
    left = *result;
  }
  return left;
}

template <class T>
Expected<T> LaunchReader::evaluate(StringRef all, StringRef path) const {
  StringRef text = all;
  Expected<T> r = expression<T>(text, path, 0, 0);
  if (r && !text.trim().empty())
    return fail(path, "expected the end of the expression \"" + all + "\", got '" + text + "'");
  return r;
}

Expected<int64_t> LaunchReader::integer(const json::Value &v, StringRef path) const {
  if (auto n = wholeNumber(v))
    return *n;
  auto s = v.getAsString();
  if (!s)
    return fail(path, "expected an integer or an expression over \"vars\", got " + shown(v));
  return evaluate<int64_t>(*s, path);
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
  return evaluate<double>(s, path);
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
