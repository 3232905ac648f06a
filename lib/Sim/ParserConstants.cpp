//===- ParserConstants.cpp - Numbers and constant expressions -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Constant expressions of PTX ISA 4.5: C's operators on 64-bit integers with and without sign and
/// on reals, as ptxas 13.0 evaluates them.
///
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"
#include <cmath>

using namespace llvm;

namespace tk::sim {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

/// The bits of a real, 0f3F800000 or 0d3FF0000000000000, after the '0'.
bool Parser::realBits(RawOperand &out) {
  bool isF32 = toLower(peek()) == 'f';
  advance();
  size_t digits = at;
  while (isHexDigit(peek()))
    advance();
  StringRef hex = text.slice(digits, at);
  if (hex.size() != (isF32 ? 8u : 16u) || hex.getAsInteger(16, out.value))
    return fail(out.pos, Twine("expected ") + Twine(isF32 ? 8 : 16) +
                             " hexadecimal digits after '0" + (isF32 ? "f" : "d") + "', got " +
                             Twine(hex.size()));
  out.kind = RawOperand::FloatImm;
  out.isF32 = isF32;
  out.isBits = true;
  return true;
}

/// A number without a sign.
bool Parser::number(RawOperand &out) {
  skip();
  out.pos = pos;
  size_t begin = at;
  if (peek() == '0' && StringRef("fFdD").contains(peek(1)) && peek(1)) {
    advance();
    bool isRead = realBits(out);
    out.text = text.slice(begin, at).str();
    return isRead;
  }
  bool isHex = peek() == '0' && toLower(peek(1)) == 'x';
  auto isExponentSign = [&] {
    return (peek() == '-' || peek() == '+') && at > begin && toLower(text[at - 1]) == 'e' && !isHex;
  };
  while (isAlnum(peek()) || peek() == '.' || isExponentSign())
    advance();
  StringRef digits = text.slice(begin, at);
  out.text = digits.str();
  auto wrong = [&] {
    return fail(out.pos,
                "expected a number, got '" + text.slice(begin, std::max(at, begin + 1)) + "'");
  };
  if (!isHex && digits.find_first_of(".eE") != StringRef::npos) {
    double v;
    if (!(isDigit(digits[0]) || digits[0] == '.') || digits.getAsDouble(v))
      return wrong();
    if (!std::isfinite(v))
      return fail(out.pos, "expected a number that fits 64 bits, got '" + digits + "'");
    memcpy(&out.value, &v, 8);
    out.kind = RawOperand::FloatImm;
    return true;
  }
  out.isUnsigned = digits.consume_back("U");
  if (digits.empty() || digits.find_first_of("_oO") != StringRef::npos || digits.getAsInteger(0, out.value))
    return wrong();
  out.isUnsigned |= out.value >> 63; // what does not fit .s64
  out.kind = RawOperand::Imm;
  return true;
}

bool Parser::integer(int64_t &out) {
  skip();
  bool isNegative = peek() == '-';
  if (isNegative)
    advance();
  RawOperand o;
  if (!number(o))
    return false;
  if (o.kind != RawOperand::Imm)
    return fail(o.pos, "expected an integer, got '" + o.text + "'");
  out = int64_t(isNegative ? 0 - o.value : o.value);
  return true;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

namespace {
struct Operator {
  StringRef text;
  unsigned level;
};
} // namespace

/// Longer ones first. Level 0 binds least.
static constexpr Operator kOperators[] = {{"||", 0}, {"&&", 1}, {"==", 5}, {"!=", 5}, {"<=", 6},
                                          {">=", 6}, {"<<", 7}, {">>", 7}, {"|", 2},  {"^", 3},
                                          {"&", 4},  {"<", 6},  {">", 6},  {"+", 8},  {"-", 8},
                                          {"*", 9},  {"/", 9},  {"%", 9}};
static constexpr unsigned kMaxDepth = 100;

static double realOf(const RawOperand &o) {
  double d;
  memcpy(&d, &o.value, 8);
  return d;
}

static void setReal(RawOperand &o, double d) { memcpy(&o.value, &d, 8); }

static void setInteger(RawOperand &o, uint64_t value, bool isUnsigned) {
  o.kind = RawOperand::Imm;
  o.value = value;
  o.isUnsigned = isUnsigned;
}

bool Parser::startsConstant() {
  skip();
  size_t k = 0;
  while (peek(k) == '!' || isSpace(peek(k)))
    ++k;
  char c = peek(k);
  if (isDigit(c) || c == '-' || c == '+' || c == '~' || c == '(')
    return true;
  if (c == '.')
    return isDigit(peek(k + 1));
  return text.substr(at + k).starts_with("WARP_SZ") && !isWordChar(peek(k + 7));
}

/// Two real operands.
bool Parser::applyToReals(StringRef op, RawOperand &left, const RawOperand &right) {
  double a = realOf(left), b = realOf(right);
  if (op == "+" || op == "-" || op == "*" || op == "/") {
    setReal(left, op == "+" ? a + b : op == "-" ? a - b : op == "*" ? a * b : a / b);
    return true;
  }
  int truth = op == "<"    ? a < b
              : op == ">"  ? a > b
              : op == "<=" ? a <= b
              : op == ">=" ? a >= b
              : op == "==" ? a == b
              : op == "!=" ? a != b
                           : -1;
  if (truth < 0)
    return fail(right.pos, "operator '" + op + "' takes integers, got reals");
  setInteger(left, uint64_t(truth), false);
  return true;
}

/// Two integer operands: "usual conversions" make both unsigned where one is.
bool Parser::applyToIntegers(StringRef op, RawOperand &left, const RawOperand &right) {
  uint64_t a = left.value, b = right.value;
  bool isUnsigned = left.isUnsigned || right.isUnsigned;
  auto set = [&](uint64_t value, bool unsignedResult) {
    setInteger(left, value, unsignedResult);
    return true;
  };
  if (op == "+" || op == "-" || op == "*")
    return set(op == "+" ? a + b : op == "-" ? a - b : a * b, isUnsigned);
  if (op == "/" || op == "%") {
    if (!b)
      return fail(right.pos, "division by zero in a constant expression");
    if (op == "%")
      return set(a % b, false); // of operands taken as .u64
    if (isUnsigned)
      return set(a / b, true);
    return set(b == ~0ull ? 0 - a : uint64_t(int64_t(a) / int64_t(b)), false);
  }
  if (op == "<<" || op == ">>") {
    if (b > 63)
      return fail(right.pos, "expected a shift by 0 to 63, got " + Twine(b));
    return set(op == "<<"          ? a << b
               : left.isUnsigned ? a >> b
                                 : uint64_t(int64_t(a) >> b),
               left.isUnsigned);
  }
  if (op == "&" || op == "|" || op == "^")
    return set(op == "&" ? a & b : op == "|" ? a | b : a ^ b, true);
  if (op == "&&" || op == "||")
    return set(op == "&&" ? a && b : a || b, false);
  if (op == "==" || op == "!=")
    return set((a == b) == (op == "=="), false);
  bool isLess = isUnsigned ? a < b : int64_t(a) < int64_t(b);
  return set(op == "<"    ? isLess
             : op == ">=" ? !isLess
             : op == ">"  ? !isLess && a != b
                          : isLess || a == b,
             false);
}

bool Parser::applyOperator(StringRef op, RawOperand &left, const RawOperand &right) {
  if (left.isBits || right.isBits)
    return fail(left.pos, "the bits of a real, '" + (left.isBits ? left : right).text +
                              "', stand alone: they take no operator");
  if (left.kind != right.kind)
    return fail(right.pos,
                "operator '" + op + "' takes two integers or two reals, got one of each");
  return left.kind == RawOperand::FloatImm ? applyToReals(op, left, right)
                                           : applyToIntegers(op, left, right);
}

bool Parser::primary(RawOperand &out, unsigned depth) {
  skip();
  if (accept('('))
    return expression(out, 0, depth + 1) && expect(')');
  if (text.substr(at).starts_with("WARP_SZ") && !isWordChar(peek(7))) {
    out.pos = pos;
    word(out.text);
    setInteger(out, 32, false);
    return true;
  }
  return number(out);
}

/// Signs, complements and casts.
bool Parser::unary(RawOperand &out, unsigned depth) {
  if (depth > kMaxDepth)
    return fail(pos, "expected a constant expression nested at most " + Twine(kMaxDepth) + " deep");
  skip();
  out.pos = pos;
  Pos where = pos;
  char op = peek();
  StringRef cast = text.substr(at, 6);
  if (cast == "(.u64)" || cast == "(.s64)") {
    for (unsigned i = 0; i < 6; ++i)
      advance();
    op = 'c';
  } else if (op != 0 && StringRef("+-!~").contains(op))
    advance();
  else
    return primary(out, depth);
  if (!unary(out, depth + 1))
    return false;
  if (out.isBits)
    return fail(where, "the bits of a real, '" + out.text + "', take no sign");
  bool isReal = out.kind == RawOperand::FloatImm;
  if (isReal && op != '+' && op != '-')
    return fail(where, "expected an integer here, got '" + out.text + "'");
  if (op == '-' && isReal)
    setReal(out, -realOf(out));
  else if (op == '-')
    out.value = 0 - out.value;
  else if (op == '!')
    setInteger(out, !out.value, false);
  else if (op == '~')
    setInteger(out, ~out.value, true);
  else if (op == 'c')
    out.isUnsigned = cast == "(.u64)";
  return true;
}

/// Operators that bind at least as `level` does.
bool Parser::expression(RawOperand &out, unsigned level, unsigned depth) {
  if (!unary(out, depth))
    return false;
  for (;;) {
    skip();
    // "%4" is the name of a register, as it is to ptxas.
    const Operator *op = find_if(kOperators, [&](const Operator &o) {
      return text.substr(at).starts_with(o.text) && !(o.text == "%" && isWordChar(peek(1)));
    });
    if (op == std::end(kOperators) || op->level < level)
      break;
    for (size_t i = 0; i < op->text.size(); ++i)
      advance();
    RawOperand right;
    if (!expression(right, op->level + 1, depth + 1) || !applyOperator(op->text, out, right))
      return false;
  }
  return level > 0 || choice(out, depth);
}

/// condition ? a : b
bool Parser::choice(RawOperand &out, unsigned depth) {
  if (!accept('?'))
    return true;
  if (out.kind != RawOperand::Imm)
    return fail(out.pos, "expected an integer before '?', got a real");
  RawOperand yes, no;
  if (!expression(yes, 0, depth + 1) || !expect(':') || !expression(no, 0, depth + 1))
    return false;
  if (yes.kind != RawOperand::Imm || no.kind != RawOperand::Imm)
    return fail(yes.pos, "expected two integers around ':'");
  setInteger(out, out.value ? yes.value : no.value, yes.isUnsigned || no.isUnsigned);
  return true;
}

/// A constant expression; its text is what was written.
bool Parser::constant(RawOperand &out) {
  skip();
  size_t begin = at;
  if (!expression(out, 0, 0))
    return false;
  out.text = text.slice(begin, at).rtrim().str();
  out.negated = StringRef(out.text).starts_with("!"); // the value is what it makes
  return true;
}

bool Parser::constantInteger(int64_t &out) {
  RawOperand o;
  if (!constant(o))
    return false;
  if (o.kind != RawOperand::Imm)
    return fail(o.pos, "expected an integer, got '" + o.text + "'");
  out = int64_t(o.value);
  return true;
}

} // namespace tk::sim
