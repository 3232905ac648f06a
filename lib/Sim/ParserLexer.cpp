//===- ParserLexer.cpp - Words and numbers of PTX text --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"

using namespace llvm;

namespace tk::sim {

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
