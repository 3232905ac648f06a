//===- Binding.cpp - Arguments of a launch --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Binding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace llvm;

namespace tk {

static Error fail(const Twine &message) { return createStringError(message); }

int64_t BoundArgument::getBytes() const {
  return getExtent(sizes, strides).value_or(0) * getElementBytes(argument->elementType);
}

static LaunchFacts collectFacts(ArrayRef<BoundArgument> arguments, int64_t numSMs) {
  LaunchFacts facts;
  facts.numSMs = numSMs;
  for (const BoundArgument &argument : arguments) {
    ArgumentFacts &known = facts.arguments.emplace_back();
    known.sizes = argument.sizes;
    known.strides = argument.strides;
    known.scalar = argument.integer;
    for (ArrayRef<BoundArgument> row : argument.rows)
      known.rows.push_back(collectFacts(row, numSMs));
  }
  return facts;
}

LaunchFacts Binding::getFacts(int64_t numSMs) const { return collectFacts(arguments, numSMs); }

std::string nameOfRow(StringRef table, size_t row, StringRef column) {
  return (table + "[" + Twine(row) + "]." + column).str();
}

Expected<const Argument *> findArgument(const Kernel &kernel, StringRef name) {
  std::string names;
  for (const Argument &argument : kernel.arguments) {
    if (argument.name == name)
      return &argument;
    names += (names.empty() ? "\"" : ", \"") + argument.name + "\"";
  }
  return fail("unknown argument \"" + name + "\": expected one of " +
              (names.empty() ? "none" : names) + " of kernel \"" + kernel.name + "\"");
}

namespace {
/// A size seen under a symbol, and where.
struct SymbolUse {
  int64_t size;
  std::string where;
};

class Binder {
public:
  /// A row of a table is bound as the arguments of a kernel are.
  Binder(const Kernel &kernel, const LaunchInputs &given, Caller caller, bool isRow = false)
      : kernel(kernel), given(given), caller(caller), isRow(isRow) {}
  Expected<Binding> bind();

private:
  Error checkNames();
  Error bindTable(BoundArgument &bound);
  Error bindScalar(BoundArgument &bound);
  Error bindInput(BoundArgument &bound);
  Error bindOutput(BoundArgument &bound);
  Error inferSizes(BoundArgument &bound);
  Error checkSizes(const BoundArgument &bound);
  Error checkStrides(const BoundArgument &bound);
  Error fixSymbol(const Argument &argument, size_t dimension, int64_t size);

  template <class List>
  auto *find(const List &list, StringRef name) {
    auto it = find_if(list, [&](const auto &item) { return item.name == name; });
    return it == list.end() ? nullptr : &*it;
  }

  /// How to give what is missing.
  std::string remedy(StringRef option, const Argument &argument, const Twine &value) {
    if (isRow)
      return "; give the row a \"" + argument.name + "\"";
    if (caller == Caller::Program)
      return "; give a value named \"" + argument.name + "\"";
    return ("; give --" + option + " " + argument.name + "=" + value).str();
  }

  const Kernel &kernel;
  const LaunchInputs &given;
  Caller caller;
  bool isRow;
  StringMap<SymbolUse> symbols;
};
} // namespace

static std::string quote(const Argument &argument) { return "\"" + argument.name + "\""; }

static std::string describe(const Argument &argument) {
  if (argument.isTable()) {
    std::string columns;
    for (const Argument &column : argument.columns)
      columns += (columns.empty() ? "" : ", ") + quote(column);
    return "a list of rows, each with " + columns;
  }
  std::string type = stringifyElementType(argument.elementType).str();
  if (!argument.isView)
    return "a scalar of type " + type;
  std::string sizes;
  for (auto [size, symbol] : zip_equal(argument.sizes, argument.symbols))
    sizes += (sizes.empty() ? "" : "x") + (size != Argument::kDynamic ? std::to_string(size)
                                           : symbol.empty()           ? "?"
                                                                      : symbol);
  return "an array " + sizes + " of " + type;
}

/// Every name given is an argument of the right sort, given once.
Error Binder::checkNames() {
  StringSet<> inputs, outputs;
  enum Given { Array, Number, List };
  auto check = [&](StringRef name, StringSet<> &seen, Given kind) -> Error {
    Expected<const Argument *> argument = findArgument(kernel, name);
    if (!argument)
      return argument.takeError();
    if (!seen.insert(name).second)
      return fail("argument \"" + name + "\" is given twice: expected one value, got two");
    Given expected = (*argument)->isView ? Array : (*argument)->isTable() ? List : Number;
    if (expected != kind)
      return fail("argument \"" + name + "\": expected " + describe(**argument) + ", got " +
                  (kind == Array    ? "an array"
                   : kind == Number ? "a number"
                                    : "a list of rows"));
    return Error::success();
  };
  for (const auto &input : given.inputs)
    if (Error error = check(input.name, inputs, Array))
      return error;
  for (const auto &scalar : given.scalars)
    if (Error error = check(scalar.name, inputs, Number))
      return error;
  for (const auto &table : given.tables)
    if (Error error = check(table.name, inputs, List))
      return error;
  for (const auto &output : given.outputs) {
    if (Error error = check(output.name, outputs, Array))
      return error;
    if (!(*findArgument(kernel, output.name))->written)
      return fail("output \"" + output.name + "\": expected an argument that kernel \"" +
                  kernel.name + "\" writes, got one that it does not");
  }
  return Error::success();
}

static bool fits(ElementType type, int64_t value) {
  unsigned bits = 8 * getElementBytes(type);
  switch (type) {
  case ElementType::U64:
    return value >= 0;
  case ElementType::U32:
  case ElementType::U16:
  case ElementType::U8:
    return value >= 0 && isUIntN(bits, static_cast<uint64_t>(value));
  case ElementType::I1:
    return value == 0 || value == 1;
  default: // MLIR's plain integers have no sign of their own.
    return bits == 64 || isIntN(bits, value) ||
           (value >= 0 && isUIntN(bits, static_cast<uint64_t>(value)));
  }
}

Error Binder::bindScalar(BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  const LaunchInputs::Scalar *scalar = find(given.scalars, argument.name);
  if (!scalar)
    return fail("missing argument " + quote(argument) + ": expected " + describe(argument) +
                ", got nothing" + remedy("arg", argument, "NUMBER"));
  bound.scalar.resize(getElementBytes(argument.elementType));
  const int64_t *integer = std::get_if<int64_t>(&scalar->value);
  if (isFloat(argument.elementType)) {
    double value = integer ? static_cast<double>(*integer) : std::get<double>(scalar->value);
    encodeElement(argument.elementType, value, bound.scalar.data());
    return Error::success();
  }
  std::string type = stringifyElementType(argument.elementType).str();
  if (!integer)
    return fail("argument " + quote(argument) + ": expected an integer of type " + type + ", got " +
                Twine(std::to_string(std::get<double>(scalar->value))));
  if (!fits(argument.elementType, *integer))
    return fail("argument " + quote(argument) + ": expected a value that fits " + type + ", got " +
                Twine(*integer));
  for (auto [index, byte] : enumerate(bound.scalar))
    byte = static_cast<uint8_t>(static_cast<uint64_t>(*integer) >> (8 * index));
  bound.integer = *integer;
  return Error::success();
}

Error Binder::bindTable(BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  const LaunchInputs::Table *table = find(given.tables, argument.name);
  if (!table)
    return fail("missing argument " + quote(argument) + ": expected " + describe(argument) +
                ", got nothing" + remedy("arg", argument, "FILE.json"));
  Kernel columns = makeRowKernel(argument);
  for (auto [index, row] : enumerate(table->rows)) {
    Expected<Binding> binding = Binder(columns, row, caller, /*isRow=*/true).bind();
    if (!binding)
      return fail("row " + Twine(index) + " of " + quote(argument) + ": " +
                  llvm::toString(binding.takeError()));
    for (auto [column, known] : zip_equal(binding->arguments, argument.columns))
      column.argument = &known;
    bound.rows.push_back(std::move(binding->arguments));
  }
  return Error::success();
}

/// The first size seen under a symbol is the size of all.
Error Binder::fixSymbol(const Argument &argument, size_t dimension, int64_t size) {
  StringRef symbol = argument.symbols[dimension];
  if (symbol.empty())
    return Error::success();
  std::string where = (quote(argument) + " (dimension " + Twine(dimension) + ")").str();
  auto [it, isNew] = symbols.try_emplace(symbol, SymbolUse{size, where});
  if (isNew || it->second.size == size)
    return Error::success();
  return fail("size " + symbol + " of " + where + " is " + Twine(size) + ", but " +
              it->second.where + " has " + Twine(it->second.size));
}

Error Binder::checkSizes(const BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  if (bound.sizes.size() != argument.sizes.size())
    return fail("argument " + quote(argument) + ": expected " + Twine(argument.sizes.size()) +
                " dimensions, got " + Twine(bound.sizes.size()) + " (" + printSizes(bound.sizes) +
                ")");
  for (auto [d, size] : enumerate(bound.sizes)) {
    if (argument.sizes[d] != Argument::kDynamic && argument.sizes[d] != size)
      return fail("size of " + quote(argument) + " (dimension " + Twine(d) + "): expected " +
                  Twine(argument.sizes[d]) + ", as the kernel fixes it, got " + Twine(size));
    if (Error error = fixSymbol(argument, d, size))
      return error;
    if (size % argument.sizeDivisors[d] != 0)
      return fail("size of " + quote(argument) + " (dimension " + Twine(d) +
                  "): expected a multiple of " + Twine(argument.sizeDivisors[d]) +
                  ", as the kernel promises, got " + Twine(size));
  }
  std::optional<int64_t> extent = getExtent(bound.sizes, bound.strides);
  int64_t bytes = 0;
  if (!extent || MulOverflow(*extent, int64_t(getElementBytes(argument.elementType)), bytes))
    return fail("argument " + quote(argument) + ": expected an array that fits 64 bits, got " +
                printSizes(bound.sizes));
  return Error::success();
}

Error Binder::checkStrides(const BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  for (auto [d, stride] : enumerate(bound.strides)) {
    std::string what = ("stride of " + quote(argument) + " (dimension " + Twine(d) + ")").str();
    if (argument.strides[d] != Argument::kDynamic && argument.strides[d] != stride) {
      bool wantsFortran = argument.strides[0] == 1 && argument.strides.size() > 1;
      return fail(what + ": expected " + Twine(argument.strides[d]) +
                  ", as the kernel fixes it, got " + Twine(stride) + "; store the array with " +
                  (wantsFortran ? "numpy.asfortranarray (column-major)"
                                : "numpy.ascontiguousarray (row-major)"));
    }
    if (stride % argument.strideDivisors[d] != 0)
      return fail(what + ": expected a multiple of " + Twine(argument.strideDivisors[d]) +
                  ", as the kernel promises, got " + Twine(stride));
  }
  return Error::success();
}

Error Binder::bindInput(BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  const HostTensor &tensor = *bound.input;
  if (tensor.type != argument.elementType)
    return fail("argument " + quote(argument) + ": expected elements of type " +
                stringifyElementType(argument.elementType) + ", got " +
                stringifyElementType(tensor.type));
  bound.sizes = tensor.sizes;
  bound.strides = tensor.strides;
  if (tensor.sizes.size() == argument.sizes.size())
    bound.strides = normaliseStrides(argument, tensor.sizes, tensor.strides);
  if (Error error = checkSizes(bound))
    return error;
  const LaunchInputs::Output *output = find(given.outputs, argument.name);
  if (output && output->sizes && *output->sizes != bound.sizes)
    return fail("output " + quote(argument) + ": expected " + printSizes(bound.sizes) +
                ", the sizes of its input, got " + printSizes(*output->sizes));
  if (bound.address && *bound.address % static_cast<uint64_t>(argument.align) != 0)
    return fail("address of " + quote(argument) + ": expected a multiple of " +
                Twine(argument.align) + ", as the kernel promises, got " + Twine(*bound.address));
  return checkStrides(bound);
}

/// The sizes of an output that was not given any, from static sizes and symbols.
Error Binder::inferSizes(BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  for (auto [d, size] : enumerate(argument.sizes)) {
    auto it = symbols.find(argument.symbols[d]);
    if (size != Argument::kDynamic) {
      bound.sizes.push_back(size);
    } else if (!argument.symbols[d].empty() && it != symbols.end()) {
      bound.sizes.push_back(it->second.size);
    } else {
      std::string letters;
      for (size_t i = 0; i < argument.sizes.size(); ++i)
        letters += (i ? "x" : "") +
                   (argument.symbols[i].empty() ? "N" + std::to_string(i) : argument.symbols[i]);
      return fail("size of output " + quote(argument) + " (dimension " + Twine(d) +
                  "): expected an input that fixes it, got none" +
                  (isRow ? "; give its sizes: \"sizes\": \"" + letters + "\""
                         : remedy("out", argument, argument.name + ".npy:" + letters)));
    }
  }
  return Error::success();
}

Error Binder::bindOutput(BoundArgument &bound) {
  const Argument &argument = *bound.argument;
  const LaunchInputs::Output *output = find(given.outputs, argument.name);
  if (argument.read)
    return fail("missing argument " + quote(argument) + ": expected " + describe(argument) +
                ", which the kernel reads, got nothing" + remedy("arg", argument, "FILE.npy"));
  if (!argument.written || !output)
    return fail("missing argument " + quote(argument) + ": expected " + describe(argument) +
                ", got nothing" + remedy(argument.written ? "out" : "arg", argument, "FILE.npy"));
  if (output->sizes)
    bound.sizes = *output->sizes;
  else if (Error error = inferSizes(bound))
    return error;
  if (bound.sizes.size() == argument.sizes.size())
    bound.strides = output->strides ? normaliseStrides(argument, bound.sizes, *output->strides)
                                    : getDefaultStrides(argument, bound.sizes);
  else
    bound.strides.resize(bound.sizes.size(), 1);
  if (Error error = checkSizes(bound))
    return error;
  return checkStrides(bound);
}

Expected<Binding> Binder::bind() {
  if (Error error = checkNames())
    return error;
  Binding binding;
  binding.kernel = &kernel;
  for (const Argument &argument : kernel.arguments) {
    BoundArgument &bound = binding.arguments.emplace_back();
    bound.argument = &argument;
    const LaunchInputs::Input *input = find(given.inputs, argument.name);
    bound.input = input ? input->tensor : nullptr;
    bound.address = input ? input->address : std::nullopt;
    bound.isOutput = find(given.outputs, argument.name) != nullptr;
    if (Error error = argument.isTable() ? bindTable(bound)
                      : !argument.isView ? bindScalar(bound)
                      : input            ? bindInput(bound)
                                         : Error::success())
      return error;
  }
  // Outputs last: every symbol that an input fixes is known by then; sizes given for one output
  // serve the others.
  auto isOpen = [&](const BoundArgument &bound) { return bound.argument->isView && !bound.input; };
  for (bool given : {true, false})
    for (BoundArgument &bound : binding.arguments) {
      const LaunchInputs::Output *output =
          isOpen(bound) ? find(this->given.outputs, bound.argument->name) : nullptr;
      if (isOpen(bound) && given == (output && output->sizes))
        if (Error error = bindOutput(bound))
          return error;
    }
  return binding;
}

Expected<Binding> bindArguments(const Kernel &kernel, const LaunchInputs &inputs, Caller caller) {
  return Binder(kernel, inputs, caller).bind();
}

} // namespace tk
