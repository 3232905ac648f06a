//===- Inputs.cpp - Files and arguments of a run --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"
#include "tk/Runtime/Check.h"
#include "tk/Runtime/Execute.h"
#include "tk/Runtime/Npy.h"
#include "tk/Support/JSON.h"
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tk::detail {

Expected<CompiledPackage> loadPackage(const RunOptions &options, bool assemble,
                                      const CompileCallback &compile) {
  StringRef extension = sys::path::extension(options.file);
  if (extension == ".mlir")
    return compile({options.file, options.compileArguments, assemble});
  if (extension != ".tkpkg")
    return createStringError("expected a .mlir or .tkpkg file, got \"" + options.file + "\"");
  if (!options.compileArguments.empty())
    return createStringError("expected no compiler options for a .tkpkg file, got \"" +
                             options.compileArguments.front() + "\"");
  Expected<std::string> text = readFile(options.file);
  if (!text)
    return text.takeError();
  Expected<Package> package = parsePackage(*text, options.file);
  if (!package)
    return package.takeError();
  return CompiledPackage{std::move(*package), {}, {}};
}

Expected<const Kernel *> chooseKernel(const Package &package, const RunOptions &options) {
  std::string names;
  for (const Kernel &kernel : package.kernels)
    names += (names.empty() ? "\"" : ", \"") + kernel.name + "\"";
  if (package.kernels.empty())
    return createStringError(options.file + ": expected a package with a kernel, got none");
  if (options.kernel.empty()) {
    if (package.kernels.size() > 1)
      return createStringError(options.file + ": expected one kernel, got " + names +
                               "; choose with --kernel NAME");
    return &package.kernels.front();
  }
  if (const Kernel *kernel = package.findKernel(options.kernel))
    return kernel;
  return createStringError("unknown kernel \"" + options.kernel + "\": expected one of " + names);
}

/// Made-up contents, in the layout that the argument asks for.
static Expected<HostTensor> makeTensor(const Argument &argument, const RunOptions::Input &input,
                                       uint64_t seed) {
  std::string name = "\"" + argument.name + "\"";
  if (input.sizes.size() != argument.sizes.size())
    return createStringError("argument " + name + ": expected " + Twine(argument.sizes.size()) +
                             " dimensions, got " + Twine(input.sizes.size()) + " (" +
                             printSizes(input.sizes) + ")");
  HostTensor tensor{
      argument.elementType, input.sizes, getDefaultStrides(argument, input.sizes), {}};
  std::optional<int64_t> extent = getExtent(tensor.sizes, tensor.strides);
  int64_t bytes = 0;
  if (!extent || MulOverflow(*extent, int64_t(getElementBytes(tensor.type)), bytes) ||

      static_cast<uint64_t>(bytes) > getHostMemory())
    return createStringError("argument " + name + ": expected an array that fits memory, got " +
                             printSizes(input.sizes));
  tensor.bytes.resize(static_cast<size_t>(bytes));
  fillTensor(tensor, input.fill, seed, argument.name);
  return tensor;
}

static Expected<HostTensor> loadTensor(const Argument &argument, const RunOptions::Input &input,
                                       uint64_t seed) {
  if (input.kind == RunOptions::Input::Kind::Fill)
    return makeTensor(argument, input, seed);
  Expected<NpyArray> array = readNpy(input.text);
  if (!array)
    return array.takeError();
  return toTensor(std::move(*array), argument.elementType, "\"" + argument.name + "\"");
}

namespace {
/// Reads the rows of a list of problems: a JSON file, `[{"A": "a.npy", "C": "c.npy"}, ...]`.
class ListReader {
public:
  ListReader(const Argument &table, const RunOptions::Input &input, uint64_t seed,
             LoadedInputs &loaded)
      : table(table), input(input), seed(seed), loaded(loaded) {}
  Expected<LaunchInputs::Table> read();

private:
  Error readRow(const json::Value &value, size_t index, LaunchInputs &row);
  Error addInput(const Argument &column, const std::string &name, StringRef text,
                 LaunchInputs &row);
  Error addOutput(const Argument &column, const std::string &name, const json::Value *file,
                  const json::Value *sizes, LaunchInputs &row);
  Error fail(const Twine &what) const { return createStringError(input.text + ": " + what); }
  /// Files lie beside the list, unless it says otherwise.
  std::string resolve(StringRef file) const {
    if (file.empty() || sys::path::is_absolute(file))
      return file.str();
    SmallString<256> path(sys::path::parent_path(input.text));
    sys::path::append(path, file);
    return std::string(path);
  }

  const Argument &table;
  const RunOptions::Input &input;
  uint64_t seed;
  LoadedInputs &loaded;
};
} // namespace

Error ListReader::addInput(const Argument &column, const std::string &name, StringRef text,
                           LaunchInputs &row) {
  Expected<RunOptions::Input> given = parseInputValue(name, text);
  if (!given)
    return given.takeError();
  if (given->kind == RunOptions::Input::Kind::Scalar)
    return fail(name + ": expected a file or contents such as \"random:512x256\", got the number " +
                text);
  if (given->kind == RunOptions::Input::Kind::File)
    given->text = resolve(text);
  Argument named = column; // Its name tells rows apart, in messages and in what is random.
  named.name = name;
  Expected<HostTensor> tensor = loadTensor(named, *given, seed);
  if (!tensor)
    return tensor.takeError();
  loaded.tensors.push_back(std::make_unique<HostTensor>(std::move(*tensor)));
  row.inputs.push_back({column.name, loaded.tensors.back().get()});
  return Error::success();
}

Error ListReader::addOutput(const Argument &column, const std::string &name,
                            const json::Value *file, const json::Value *sizes, LaunchInputs &row) {
  if (file && !file->getAsString())
    return fail(name + ": expected the name of a file for \"out\"");
  std::optional<std::vector<int64_t>> parsed;
  if (sizes) {
    if (std::optional<StringRef> text = sizes->getAsString())
      parsed = parseSizes(*text);
    if (!parsed)
      return fail(name + ": expected \"sizes\" such as \"512x256\"");
  }
  row.outputs.push_back({column.name, parsed, std::nullopt});
  loaded.outputs.push_back({name, file ? resolve(*file->getAsString()) : "", parsed});
  return Error::success();
}

Error ListReader::readRow(const json::Value &value, size_t index, LaunchInputs &row) {
  const json::Object *object = value.getAsObject();
  std::string where = ("row " + Twine(index)).str();
  if (!object)
    return fail(where + ": expected an object that names columns, {\"" + table.columns[0].name +
                "\": \"FILE.npy\", ...}, got another value");
  std::string names;
  for (const Argument &column : table.columns)
    names += (names.empty() ? "\"" : ", \"") + column.name + "\"";
  for (const auto &entry : *object)
    if (llvm::none_of(table.columns,
                      [&](const Argument &column) { return entry.first == column.name; }))
      return fail(where + ": unknown column \"" + StringRef(entry.first) + "\": expected one of " +
                  names + " of list \"" + table.name + "\"");
  for (const Argument &column : table.columns) {
    std::string name = nameOfRow(table.name, index, column.name);
    const json::Value *given = object->get(column.name);
    const json::Object *both = given ? given->getAsObject() : nullptr;
    std::optional<StringRef> text = given ? given->getAsString() : std::nullopt;
    if (given && !both && !text)
      return fail(name + ": expected a text in quotes or an object with \"in\", \"out\" and "
                         "\"sizes\", got another value");
    if (both)
      for (const auto &part : *both)
        if (!is_contained({"in", "out", "sizes"}, StringRef(part.first)))
          return fail(name + ": expected \"in\", \"out\" or \"sizes\", got \"" +
                      StringRef(part.first) + "\"");
    // Of a view that is only measured the kernel takes the sizes of an input.
    bool isResult = column.written && !column.read;
    const json::Value *in = both ? both->get("in") : text && !isResult ? given : nullptr;
    const json::Value *out = both ? both->get("out") : text && isResult ? given : nullptr;
    if (in && both && both->get("sizes"))
      return fail(name + ": expected \"sizes\" of a result alone, got them beside an input, which "
                         "has its own");
    if (in && !in->getAsString())
      return fail(name + ": expected a text in quotes for \"in\", got another value");
    if (in)
      if (Error error = addInput(column, name, *in->getAsString(), row))
        return error;
    // What is only written is wanted, with a file or without.
    if (out || (column.written && !in))
      if (Error error = addOutput(column, name, out, both ? both->get("sizes") : nullptr, row))
        return error;
  }
  return Error::success();
}

Expected<LaunchInputs::Table> ListReader::read() {
  Expected<std::string> text = readFile(input.text);
  if (!text)
    return text.takeError();
  Expected<json::Value> value = parseJSON(*text);
  if (!value)
    return fail("expected a list of rows, got damaged JSON: " + llvm::toString(value.takeError()));
  const json::Array *array = value->getAsArray();
  if (!array)
    return fail("expected a list of rows, [{\"" + table.columns[0].name +
                "\": \"FILE.npy\", ...}, ...], got another value");
  LaunchInputs::Table result{table.name, {}};
  for (auto [index, row] : enumerate(*array))
    if (Error error = readRow(row, index, result.rows.emplace_back()))
      return error;
  return result;
}

/// What is compared: an argument, or a column in each row of a table, which a point names.
static Error loadChecks(const Kernel &kernel, const RunOptions &options, LoadedInputs &loaded) {
  for (const RunOptions::Check &check : options.checks) {
    auto [tableName, columnName] = StringRef(check.name).split('.');
    auto table = find_if(loaded.inputs.tables,
                         [&, name = tableName](const auto &table) { return table.name == name; });
    if (columnName.empty() || table == loaded.inputs.tables.end()) {
      Expected<const Argument *> argument = findArgument(kernel, check.name);
      if (!argument)
        return argument.takeError();
      if ((*argument)->isTable())
        return createStringError("--check: expected a column of \"" + check.name + "\", such as " +
                                 check.name + "." + (*argument)->columns.back().name +
                                 "=A@B, got the list itself");
      loaded.checks.push_back({check, *argument, &loaded.inputs});
      // What is checked is wanted, written to a file or not.
      if (none_of(loaded.inputs.outputs,
                  [&](const auto &output) { return output.name == check.name; }))
        loaded.inputs.outputs.push_back({check.name, std::nullopt, std::nullopt});
      continue;
    }
    const Argument &list = **findArgument(kernel, tableName);
    auto column = find_if(list.columns, [&, name = columnName](const Argument &column) {
      return column.name == name;
    });
    if (column == list.columns.end() || !column->written)
      return createStringError("--check: expected a column of \"" + tableName +
                               "\" that the kernel writes, got \"" + columnName + "\"");
    if (!StringRef(check.reference).contains('@'))
      return createStringError("--check: expected a product of two columns such as A@B for \"" +
                               check.name + "\", got \"" + check.reference + "\"");
    for (auto [index, row] : enumerate(table->rows)) {
      LoadedCheck &ofRow = loaded.checks.emplace_back(LoadedCheck{check, &*column, &row});
      ofRow.check.name = nameOfRow(tableName, index, columnName);
      if (none_of(row.outputs, [&](const auto &output) { return output.name == column->name; }))
        row.outputs.push_back({column->name, std::nullopt, std::nullopt});
    }
  }
  return Error::success();
}

Expected<std::unique_ptr<LoadedInputs>> loadInputs(const Kernel &kernel,
                                                   const RunOptions &options) {
  auto loaded = std::make_unique<LoadedInputs>();
  loaded->outputs = options.outputs;
  for (const RunOptions::Input &input : options.inputs) {
    Expected<const Argument *> argument = findArgument(kernel, input.name);
    if (!argument)
      return argument.takeError();
    bool isScalar = input.kind == RunOptions::Input::Kind::Scalar;
    if ((*argument)->isTable() && input.kind == RunOptions::Input::Kind::File) {
      Expected<LaunchInputs::Table> table =
          ListReader(**argument, input, options.dataSeed, *loaded).read();
      if (!table)
        return table.takeError();
      loaded->inputs.tables.push_back(std::move(*table));
      continue;
    }
    if ((*argument)->isTable())
      return createStringError("argument \"" + input.name +
                               "\": expected a JSON file of rows, got \"" + input.text + "\"");
    if (isScalar || !(*argument)->isView) {
      if (!isScalar)
        return createStringError(
            "argument \"" + input.name + "\": expected a number, for it is a scalar of type " +
            stringifyElementType((*argument)->elementType) + ", got \"" + input.text + "\"");
      loaded->inputs.scalars.push_back({input.name, input.scalar});
      continue;
    }
    Expected<HostTensor> tensor = loadTensor(**argument, input, options.dataSeed);
    if (!tensor)
      return tensor.takeError();
    loaded->tensors.push_back(std::make_unique<HostTensor>(std::move(*tensor)));
    loaded->inputs.inputs.push_back({input.name, loaded->tensors.back().get()});
  }
  for (const RunOptions::Output &output : options.outputs)
    loaded->inputs.outputs.push_back({output.name, output.sizes, std::nullopt});
  if (Error error = loadChecks(kernel, options, *loaded))
    return error;
  return loaded;
}

/// "A@B": the product of two inputs in double precision.
static Expected<HostTensor> multiply(StringRef expression, const LaunchInputs &inputs) {
  auto [left, right] = expression.split('@');
  const StringRef names[2] = {left, right};
  const HostTensor *operands[2] = {};
  for (auto [operand, name] : zip_equal(operands, names)) {
    auto it =
        find_if(inputs.inputs, [&, name = name](const auto &input) { return input.name == name; });
    if (it == inputs.inputs.end())
      return createStringError("--check: expected arrays given by --arg in \"" + expression +
                               "\", got \"" + name + "\"");
    operand = it->tensor;
  }
  return multiplyReference(*operands[0], *operands[1]);
}

static Expected<HostTensor> loadReference(const LoadedCheck &loaded) {
  const Argument &argument = *loaded.argument;
  const RunOptions::Check &check = loaded.check;
  if (StringRef(check.reference).contains('@') && !StringRef(check.reference).ends_with(".npy"))
    return multiply(check.reference, *loaded.inputs);
  Expected<NpyArray> array = readNpy(check.reference);
  if (!array)
    return array.takeError();
  Expected<ElementType> type = guessElementType(*array, argument.elementType);
  if (!type)
    return type.takeError();
  return toTensor(std::move(*array), *type, "the reference of \"" + check.name + "\"");
}

Expected<std::vector<HostTensor>> loadReferences(const LoadedInputs &loaded) {
  std::vector<HostTensor> references;
  for (const LoadedCheck &check : loaded.checks) {
    Expected<HostTensor> reference = loadReference(check);
    if (!reference)
      return reference.takeError();
    references.push_back(std::move(*reference));
  }
  return references;
}

} // namespace tk::detail
