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
      while (at < text.size() && !(peek() == '*' && peek(1) == '/'))
        advance();
      if (at < text.size()) {
        advance();
        advance();
      }
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

bool Parser::number(RawOperand &out) {
  skip();
  out.pos = pos;
  bool negative = false;
  if (peek() == '-') {
    negative = true;
    advance();
    skip();
  }
  size_t begin = at;
  if (peek() == '0' && (peek(1) == 'f' || peek(1) == 'F' || peek(1) == 'd' || peek(1) == 'D')) {
    bool isF32 = peek(1) == 'f' || peek(1) == 'F';
    advance();
    advance();
    size_t digits = at;
    while (isHexDigit(peek()))
      advance();
    StringRef hex = text.slice(digits, at);
    if (hex.size() != (isF32 ? 8u : 16u) || hex.getAsInteger(16, out.value))
      return fail(out.pos, Twine("expected ") + Twine(isF32 ? 8 : 16) + " hexadecimal digits after '0" +
                               (isF32 ? "f" : "d") + "', got " + Twine(hex.size()));
    if (negative)
      out.value ^= isF32 ? 0x80000000ull : 0x8000000000000000ull;
    out.kind = RawOperand::FloatImm;
    out.isF32 = isF32;
    out.text = text.slice(begin, at).str();
    return true;
  }
  while (isAlnum(peek()) || peek() == '.' || ((peek() == '-' || peek() == '+') && at > begin &&
                                               toLower(text[at - 1]) == 'e' && !text.substr(begin, 2).starts_with("0x")))
    advance();
  StringRef digits = text.slice(begin, at);
  out.text = digits.str();
  if (digits.contains('.')) {
    double v;
    if (digits.getAsDouble(v))
      return fail(out.pos, "expected a number, got '" + digits + "'");
    v = negative ? -v : v;
    memcpy(&out.value, &v, 8);
    out.kind = RawOperand::FloatImm;
    return true;
  }
  digits.consume_back("U");
  uint64_t v;
  if (digits.empty() || digits.getAsInteger(0, v))
    return fail(out.pos, "expected a number, got '" + text.slice(begin, std::max(at, begin + 1)) + "'");
  out.kind = RawOperand::Imm;
  out.value = negative ? 0 - v : v;
  return true;
}

bool Parser::integer(int64_t &out) {
  RawOperand o;
  if (!number(o))
    return false;
  if (o.kind != RawOperand::Imm)
    return fail(o.pos, "expected an integer, got '" + o.text + "'");
  out = int64_t(o.value);
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
