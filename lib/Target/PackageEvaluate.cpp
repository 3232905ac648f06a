//===- PackageEvaluate.cpp - Launch-time expressions of a package ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace llvm;

namespace tk {

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static std::string printArgument(int64_t index, const Kernel *kernel) {
  if (kernel && index >= 0 && index < static_cast<int64_t>(kernel->arguments.size()))
    return kernel->arguments[index].name;
  return ("argument" + Twine(index)).str();
}

std::string print(const Expr &expr, const Kernel *kernel) {
  auto call = [&](StringRef name) {
    return (name + "(" + print(expr.operands[0], kernel) + ", " + print(expr.operands[1], kernel) +
            ")")
        .str();
  };
  auto infix = [&](StringRef name) {
    return ("(" + print(expr.operands[0], kernel) + " " + name + " " +
            print(expr.operands[1], kernel) + ")")
        .str();
  };
  auto part = [&](StringRef name) {
    return (printArgument(expr.value, kernel) + "." + name + "[" + Twine(expr.dimension) + "]")
        .str();
  };
  switch (expr.op) {
  case Expr::Op::Const:
    return std::to_string(expr.value);
  case Expr::Op::Size:
    return part("size");
  case Expr::Op::Stride:
    return part("stride");
  case Expr::Op::Scalar:
    return printArgument(expr.value, kernel);
  case Expr::Op::NumSMs:
    return "num_sms";
  case Expr::Op::Rows:
    return "rows(" + printArgument(expr.value, kernel) + ")";
  case Expr::Op::Sum: {
    std::optional<Kernel> row;
    if (kernel && expr.value >= 0 && expr.value < static_cast<int64_t>(kernel->arguments.size()))
      row = makeRowKernel(kernel->arguments[expr.value]);
    return "sum over " + printArgument(expr.value, kernel) + " of " +
           print(expr.operands[0], row ? &*row : nullptr);
  }
  case Expr::Op::Add:
    return infix("+");
  case Expr::Op::Sub:
    return infix("-");
  case Expr::Op::Mul:
    return infix("*");
  case Expr::Op::FloorDiv:
    return call("floordiv");
  case Expr::Op::CeilDiv:
    return call("ceildiv");
  case Expr::Op::Mod:
    return call("mod");
  case Expr::Op::Min:
    return call("min");
  case Expr::Op::Max:
    return call("max");
  }
  llvm_unreachable("unknown expression");
}

std::string print(const Condition &condition, const Kernel *kernel) {
  if (condition.table >= 0) {
    std::optional<Kernel> row;
    if (kernel && condition.table < static_cast<int64_t>(kernel->arguments.size()))
      row = makeRowKernel(kernel->arguments[condition.table]);
    Condition ofRow = condition;
    ofRow.table = -1;
    return print(ofRow, row ? &*row : nullptr) + " in each row of " +
           printArgument(condition.table, kernel);
  }
  std::string lhs = print(condition.lhs, kernel), rhs = print(condition.rhs, kernel);
  switch (condition.kind) {
  case Condition::Kind::Equal:
    return lhs + " == " + rhs;
  case Condition::Kind::NotEqual:
    return lhs + " != " + rhs;
  case Condition::Kind::Less:
    return lhs + " < " + rhs;
  case Condition::Kind::LessEqual:
    return lhs + " <= " + rhs;
  case Condition::Kind::Divisible:
    return lhs + " % " + rhs + " == 0";
  case Condition::Kind::Aligned:
    return "address of " + printArgument(condition.argument, kernel) + " % " + rhs + " == 0";
  }
  llvm_unreachable("unknown condition");
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

static Error makeError(const Expr &expr, const Twine &problem) {
  return createStringError("cannot evaluate \"" + print(expr) + "\": " + problem);
}

static Expected<int64_t> evaluateDivision(const Expr &expr, int64_t lhs, int64_t rhs) {
  if (rhs == 0)
    return makeError(expr, "expected a divisor other than zero, got " + Twine(lhs) + " over 0");
  if (lhs == INT64_MIN && rhs == -1) {
    if (expr.op == Expr::Op::Mod)
      return 0;
    return makeError(expr, "expected a value of 64 bits, got " + Twine(lhs) + " over -1");
  }
  int64_t quotient = lhs / rhs, remainder = lhs % rhs;
  bool sameSign = (remainder < 0) == (rhs < 0);
  if (expr.op == Expr::Op::Mod)
    return remainder == 0 || sameSign ? remainder : remainder + rhs;
  if (expr.op == Expr::Op::FloorDiv)
    return remainder == 0 || sameSign ? quotient : quotient - 1;
  return remainder != 0 && sameSign ? quotient + 1 : quotient;
}

static Expected<int64_t> evaluateBinary(const Expr &expr, int64_t lhs, int64_t rhs) {
  int64_t result = 0;
  bool overflow = false;
  switch (expr.op) {
  case Expr::Op::Add:
    overflow = AddOverflow(lhs, rhs, result);
    break;
  case Expr::Op::Sub:
    overflow = SubOverflow(lhs, rhs, result);
    break;
  case Expr::Op::Mul:
    overflow = MulOverflow(lhs, rhs, result);
    break;
  case Expr::Op::Min:
    return std::min(lhs, rhs);
  case Expr::Op::Max:
    return std::max(lhs, rhs);
  default:
    return evaluateDivision(expr, lhs, rhs);
  }
  if (overflow)
    return makeError(expr, "expected a value of 64 bits, got an overflow from " + Twine(lhs) +
                               " and " + Twine(rhs));
  return result;
}

static Expected<int64_t> evaluateReference(const Expr &expr, const LaunchFacts &facts) {
  if (expr.value < 0 || expr.value >= static_cast<int64_t>(facts.arguments.size()))
    return makeError(expr, "expected an argument below " + Twine(facts.arguments.size()) +
                               ", got " + Twine(expr.value));
  const ArgumentFacts &argument = facts.arguments[expr.value];
  if (expr.op == Expr::Op::Rows)
    return static_cast<int64_t>(argument.rows.size());
  if (expr.op == Expr::Op::Scalar) {
    if (!argument.scalar)
      return makeError(expr, "expected an integer scalar, got another kind of argument");
    return *argument.scalar;
  }
  const std::vector<int64_t> &values =
      expr.op == Expr::Op::Size ? argument.sizes : argument.strides;
  if (expr.dimension >= values.size())
    return makeError(expr, "expected a dimension below " + Twine(values.size()) + ", got " +
                               Twine(expr.dimension));
  return values[expr.dimension];
}

static Expected<int64_t> evaluateSum(const Expr &expr, const LaunchFacts &facts) {
  if (expr.value < 0 || expr.value >= static_cast<int64_t>(facts.arguments.size()) ||
      expr.operands.size() != 1)
    return makeError(expr, "expected a table among " + Twine(facts.arguments.size()) +
                               " arguments, got " + Twine(expr.value));
  int64_t sum = 0;
  for (const LaunchFacts &row : facts.arguments[expr.value].rows) {
    Expected<int64_t> value = evaluate(expr.operands[0], row);
    if (!value)
      return value;
    if (AddOverflow(sum, *value, sum))
      return makeError(expr, "expected a value of 64 bits, got an overflow");
  }
  return sum;
}

Expected<int64_t> evaluate(const Expr &expr, const LaunchFacts &facts) {
  switch (expr.op) {
  case Expr::Op::Const:
    return expr.value;
  case Expr::Op::NumSMs:
    return facts.numSMs;
  case Expr::Op::Size:
  case Expr::Op::Stride:
  case Expr::Op::Scalar:
  case Expr::Op::Rows:
    return evaluateReference(expr, facts);
  case Expr::Op::Sum:
    return evaluateSum(expr, facts);
  default:
    break;
  }
  if (expr.operands.size() != 2)
    return createStringError("expected an expression of 2 operands, got " +
                             Twine(expr.operands.size()));
  Expected<int64_t> lhs = evaluate(expr.operands[0], facts);
  if (!lhs)
    return lhs;
  Expected<int64_t> rhs = evaluate(expr.operands[1], facts);
  if (!rhs)
    return rhs;
  return evaluateBinary(expr, *lhs, *rhs);
}

static Expected<bool> evaluateAlignment(const Condition &condition, const LaunchFacts &facts,
                                        int64_t align) {
  if (condition.argument >= facts.arguments.size())
    return createStringError("expected an argument below " + Twine(facts.arguments.size()) +
                             " in an alignment condition, got " + Twine(condition.argument));
  return facts.arguments[condition.argument].address % static_cast<uint64_t>(align) == 0;
}

Expected<std::optional<size_t>> findBrokenRow(const Condition &condition,
                                              const LaunchFacts &facts) {
  if (condition.table < 0 || condition.table >= static_cast<int64_t>(facts.arguments.size()))
    return createStringError("expected a table below " + Twine(facts.arguments.size()) +
                             " in a condition, got " + Twine(condition.table));
  Condition ofRow = condition;
  ofRow.table = -1;
  for (auto [index, row] : enumerate(facts.arguments[condition.table].rows)) {
    if (condition.argument < row.arguments.size() && row.arguments[condition.argument].isEmpty())
      continue;
    Expected<bool> holds = evaluate(ofRow, row);
    if (!holds)
      return holds.takeError();
    if (!*holds)
      return std::optional<size_t>(index);
  }
  return std::optional<size_t>();
}

Expected<std::vector<int64_t>> findStarts(const TableUse &use, const LaunchFacts &facts) {
  std::vector<int64_t> starts{0};
  for (auto [index, row] : enumerate(facts.arguments[use.argument].rows)) {
    Expected<int64_t> programs = evaluate(use.programs, row);
    if (!programs)
      return programs.takeError();
    int64_t next = 0;
    if (*programs < 0 || AddOverflow(starts.back(), *programs, next))
      return createStringError("programs of row " + Twine(index) +
                               ": expected a sum of 64 bits, not negative, got " +
                               Twine(*programs) + " after " + Twine(starts.back()));
    starts.push_back(next);
  }
  return starts;
}

Expected<bool> evaluate(const Condition &condition, const LaunchFacts &facts) {
  if (condition.table >= 0) {
    Expected<std::optional<size_t>> broken = findBrokenRow(condition, facts);
    if (!broken)
      return broken.takeError();
    return !*broken;
  }
  using Kind = Condition::Kind;
  Expected<int64_t> rhs = evaluate(condition.rhs, facts);
  if (!rhs)
    return rhs.takeError();
  if ((condition.kind == Kind::Divisible || condition.kind == Kind::Aligned) && *rhs <= 0)
    return createStringError("expected a positive divisor in \"" + print(condition) + "\", got " +
                             Twine(*rhs));
  if (condition.kind == Kind::Aligned)
    return evaluateAlignment(condition, facts, *rhs);
  Expected<int64_t> lhs = evaluate(condition.lhs, facts);
  if (!lhs)
    return lhs.takeError();
  switch (condition.kind) {
  case Kind::Equal:
    return *lhs == *rhs;
  case Kind::NotEqual:
    return *lhs != *rhs;
  case Kind::Less:
    return *lhs < *rhs;
  case Kind::LessEqual:
    return *lhs <= *rhs;
  default:
    return *lhs % *rhs == 0;
  }
}

} // namespace tk
