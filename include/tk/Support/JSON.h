//===- JSON.h - Reading JSON from anyone ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_SUPPORT_JSON_H
#define TK_SUPPORT_JSON_H

#include "llvm/Support/JSON.h"

namespace tk {

/// llvm::json::parse, but an error for what is nested more than 256 deep: LLVM's parser recurses,
/// and a file of a million brackets must not exhaust the stack.
inline llvm::Expected<llvm::json::Value> parseJSON(llvm::StringRef text) {
  constexpr unsigned limit = 256;
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      i += c == '\\';
      inString = c != '"';
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit)
        return llvm::createStringError("JSON nested more than 256 deep");
    } else if (c == ']' || c == '}') {
      depth -= depth != 0;
    }
  }
  return llvm::json::parse(text);
}

} // namespace tk

#endif // TK_SUPPORT_JSON_H
