//===- ParserLexer.cpp - Words and numbers of PTX text --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"

using namespace llvm;

namespace tk::sim {

/// Of '# 12 "file.cu" 1 3', or with '#line', which a preprocessor leaves behind, to the end of the line; 0: it is none.
static size_t lineMarkerLength(StringRef text) {
  StringRef line = text.take_until([](char c) { return c == '\n'; }), rest = line.drop_front().ltrim();
  if (rest.consume_front("line"))
    rest = rest.ltrim();
  unsigned number;
  if (rest.consumeInteger(10, number))
    return 0;
  rest = rest.ltrim();
  size_t end = rest.starts_with("\"") ? rest.find('"', 1) : StringRef::npos;
  bool isMarker = end != StringRef::npos && rest.substr(end + 1).find_first_not_of(" \t\r0123456789") == StringRef::npos;
  return isMarker ? line.size() : 0;
}

void Parser::skip() {
  while (at < text.size()) {
    char c = peek();
    if (c == '/' && peek(1) == '/') {
      while (at < text.size() && peek() != '\n')
        advance();
    } else if (c == '/' && peek(1) == '*') {
      Pos where = pos;
      advance(); // "/*/" opens a comment and does not close it
      do
        advance();
      while (at < text.size() && !(peek() == '*' && peek(1) == '/'));
      if (at == text.size()) {
        fail(where, "the comment is not closed");
        return;
      }
      advance();
      advance();
    } else if (isSpace(c))
      advance();
    else if (size_t length = c == '#' ? lineMarkerLength(text.substr(at)) : 0)
      while (length--)
        advance();
    else
      return;
  }
}

bool Parser::word(std::string &out) {
  skip();
  out.clear();
  if (!isWordStart(peek()))
    return false;
  out += peek();
  advance();
  while (isWordChar(peek()) || (peek() == ':' && peek(1) == ':')) {
    if (peek() == ':') {
      out += "::";
      advance();
      advance();
      continue;
    }
    out += peek();
    advance();
  }
  return true;
}

bool Parser::dottedWord(std::string &out) {
  if (!word(out))
    return false;
  std::string part;
  for (skip(); peek() == '.'; skip()) {
    word(part);
    out += part;
  }
  return true;
}

bool Parser::skipToSemicolon() {
  while (at < text.size() && peek() != ';')
    advance();
  return expect(';');
}

bool Parser::tuple(std::array<uint32_t, 3> &out) {
  out = {1, 1, 1};
  unsigned i = 0;
  do {
    int64_t v;
    Pos where = pos;
    if (!integer(v))
      return false;
    if (i == 3 || v < 1 || v > 0x7fffffff)
      return fail(where, "expected up to three positive sizes, got " + Twine(v));
    out[i++] = uint32_t(v);
  } while (accept(','));
  return true;
}

} // namespace tk::sim
