//===- NpyHeader.cpp - The Python literal that heads a .npy ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NpyHeader.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tk::detail {

namespace {
/// A recursive-descent reader of the one dictionary NumPy writes. Methods return true on failure.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}
  Expected<NpyHeader> parse();

private:
  bool parseDictionary();
  bool parseEntry();
  bool parseString(std::string &result);
  bool parseBoolean(bool &result);
  bool parseShape();

  bool consume(StringRef token) {
    rest = rest.ltrim(" \t\n\r");
    return rest.consume_front(token);
  }
  bool fail(const Twine &expected) {
    if (problem.empty())
      problem = ("expected " + expected + " in the .npy header, got \"" +
                 sanitize(rest.trim(" \t\n\r").take_front(30)) + "\"")
                    .str();
    return true;
  }
  static std::string sanitize(StringRef text) {
    std::string result;
    for (char c : text)
      result += isPrint(c) ? c : '?';
    return result;
  }

  StringRef rest;
  NpyHeader header;
  std::string problem;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};
} // namespace

bool HeaderParser::parseString(std::string &result) {
  char quote = consume("'") ? '\'' : consume("\"") ? '"' : 0;
  size_t end = quote ? rest.find(quote) : StringRef::npos;
  if (end == StringRef::npos)
    return fail("a string");
  result = sanitize(rest.take_front(end));
  rest = rest.drop_front(end + 1);
  return false;
}

bool HeaderParser::parseBoolean(bool &result) {
  if (consume("True"))
    result = true;
  else if (consume("False"))
    result = false;
  else
    return fail("True or False");
  return false;
}

bool HeaderParser::parseShape() {
  if (!consume("("))
    return fail("a tuple of sizes");
  while (!consume(")")) {
    rest = rest.ltrim(" \t\n\r");
    uint64_t size = 0;
    StringRef digits = rest.take_while(isDigit);
    if (digits.empty() || digits.getAsInteger(10, size) || size > INT64_MAX)
      return fail("a size of at most 63 bits");
    rest = rest.drop_front(digits.size());
    rest.consume_front("L"); // Python 2
    header.shape.push_back(static_cast<int64_t>(size));
    if (header.shape.size() > 32)
      return fail("at most 32 dimensions");
    if (consume(","))
      continue;
    if (!consume(")"))
      return fail("',' or ')'");
    break;
  }
  return false;
}

bool HeaderParser::parseEntry() {
  std::string key;
  if (parseString(key))
    return true;
  if (!consume(":"))
    return fail("':'");
  bool *seen = key == "descr"           ? &hasDescr
               : key == "fortran_order" ? &hasOrder
               : key == "shape"         ? &hasShape
                                        : nullptr;
  if (!seen || *seen) {
    problem = "expected the keys 'descr', 'fortran_order' and 'shape', once each, in the .npy "
              "header, got '" +
              key + (seen ? "' twice" : "'");
    return true;
  }
  *seen = true;
  if (key == "fortran_order")
    return parseBoolean(header.fortranOrder);
  if (key == "shape")
    return parseShape();
  if (rest.ltrim().starts_with("["))
    return fail("one plain element type (no structured array)");
  return parseString(header.descr);
}

bool HeaderParser::parseDictionary() {
  if (!consume("{"))
    return fail("a dictionary");
  while (!consume("}")) {
    if (parseEntry())
      return true;
    if (consume(","))
      continue;
    if (!consume("}"))
      return fail("',' or '}'");
    break;
  }
  rest = rest.ltrim(" \t\n\r");
  if (!rest.empty())
    return fail("nothing after the dictionary");
  if (!hasDescr || !hasOrder || !hasShape)
    return fail("the keys 'descr', 'fortran_order' and 'shape'");
  return false;
}

Expected<NpyHeader> HeaderParser::parse() {
  if (parseDictionary())
    return createStringError(problem);
  return header;
}

Expected<NpyHeader> parseNpyHeader(StringRef text) { return HeaderParser(text).parse(); }

} // namespace tk::detail
