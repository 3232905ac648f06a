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
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/STLExtras.h"
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

Expected<LoadedInputs> loadInputs(const Kernel &kernel, const RunOptions &options) {
  LoadedInputs loaded;
  for (const RunOptions::Input &input : options.inputs) {
    Expected<const Argument *> argument = findArgument(kernel, input.name);
    if (!argument)
      return argument.takeError();
    bool isScalar = input.kind == RunOptions::Input::Kind::Scalar;
    if (isScalar || !(*argument)->isView) {
      if (!isScalar)
        return createStringError(
            "argument \"" + input.name + "\": expected a number, for it is a scalar of type " +
            stringifyElementType((*argument)->elementType) + ", got \"" + input.text + "\"");
      loaded.inputs.scalars.push_back({input.name, input.scalar});
      continue;
    }
    Expected<HostTensor> tensor = loadTensor(**argument, input, options.dataSeed);
    if (!tensor)
      return tensor.takeError();
    loaded.tensors.push_back(std::make_unique<HostTensor>(std::move(*tensor)));
    loaded.inputs.inputs.push_back({input.name, loaded.tensors.back().get()});
  }
  for (const RunOptions::Output &output : options.outputs)
    loaded.inputs.outputs.push_back({output.name, output.sizes, std::nullopt});
  // What is checked is wanted, written to a file or not.
  for (const RunOptions::Check &check : options.checks)
    if (none_of(loaded.inputs.outputs,
                [&](const auto &output) { return output.name == check.name; }))
      loaded.inputs.outputs.push_back({check.name, std::nullopt, std::nullopt});
  return loaded;
}

/// "A@B": the product of two inputs in double precision.
static Expected<HostTensor> multiply(StringRef expression, const LoadedInputs &loaded) {
  auto [left, right] = expression.split('@');
  const StringRef names[2] = {left, right};
  const HostTensor *operands[2] = {};
  for (auto [operand, name] : zip_equal(operands, names)) {
    auto it = find_if(loaded.inputs.inputs,
                      [&, name = name](const auto &input) { return input.name == name; });
    if (it == loaded.inputs.inputs.end())
      return createStringError("--check: expected arrays given by --arg in \"" + expression +
                               "\", got \"" + name + "\"");
    operand = it->tensor;
  }
  return multiplyReference(*operands[0], *operands[1]);
}

static Expected<HostTensor> loadReference(const Argument &argument, const RunOptions::Check &check,
                                          const LoadedInputs &loaded) {
  if (StringRef(check.reference).contains('@') && !StringRef(check.reference).ends_with(".npy"))
    return multiply(check.reference, loaded);
  Expected<NpyArray> array = readNpy(check.reference);
  if (!array)
    return array.takeError();
  Expected<ElementType> type = guessElementType(*array, argument.elementType);
  if (!type)
    return type.takeError();
  return toTensor(std::move(*array), *type, "the reference of \"" + check.name + "\"");
}

Expected<std::vector<HostTensor>> loadReferences(const Kernel &kernel, const LoadedInputs &loaded,
                                                 const RunOptions &options) {
  std::vector<HostTensor> references;
  for (const RunOptions::Check &check : options.checks) {
    Expected<const Argument *> argument = findArgument(kernel, check.name);
    if (!argument)
      return argument.takeError();
    Expected<HostTensor> reference = loadReference(**argument, check, loaded);
    if (!reference)
      return reference.takeError();
    references.push_back(std::move(*reference));
  }
  return references;
}

} // namespace tk::detail
