//===- JSON.cpp - Reading JSON from anyone --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Support/JSON.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

/// The end of the string that begins at `begin`, behind its closing quote.
static size_t endOfString(StringRef text, size_t begin) {
  size_t i = begin + 1;
  while (i < text.size() && text[i] != '"')
    i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

/// What a key means, its escapes read.
static std::string keyOf(StringRef quoted) {
  Expected<json::Value> value = json::parse(quoted);
  if (!value) { // json::parse of the whole will say so
    consumeError(value.takeError());
    return quoted.str();
  }
  return value->getAsString().value_or(quoted).str();
}

Expected<json::Value> tk::parseJSON(StringRef text) {
  constexpr unsigned limit = 256;
  std::vector<StringSet<>> keys; // of what is open; of a list none
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '[' || c == '{') {
      if (keys.size() == limit)
        return createStringError("JSON nested more than " + Twine(limit) + " deep");
      keys.emplace_back();
    } else if ((c == ']' || c == '}') && !keys.empty()) {
      keys.pop_back();
    } else if (c == '"') {
      size_t end = endOfString(text, i);
      if (!keys.empty() && text.substr(end).ltrim().starts_with(":") &&
          !keys.back().insert(keyOf(text.slice(i, end))).second)
        return createStringError("line " + Twine(text.take_front(i).count('\n') + 1) + ": expected each key once, got " +
                                 text.slice(i, end) + " again");
      i = end - 1;
    }
  }
  return json::parse(text);
}
