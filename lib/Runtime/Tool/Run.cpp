//===- Run.cpp - What tk-run does -----------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"
#include "Report.h"
#include "tk/Runtime/Npy.h"
#include "tk/Runtime/RunTool.h"
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace llvm;

namespace tk {
using namespace detail;

namespace {
/// One run from options to a filled report; results are kept for writing.
class Run {
public:
  Run(const RunOptions &options, const CompileCallback &compile)
      : options(options), compile(compile) {}

  Error run();
  Error writeOutputs() const;
  const RunReport &getReport() const { return report; }
  bool hasOutputFiles() const {
    return any_of(loaded->outputs, [](const auto &output) { return !output.file.empty(); });
  }

private:
  Error prepare();
  void describeArguments();
  Error runSeed(uint64_t seed);
  Error check(const ExecuteResult &result, uint64_t seed);
  void compareSeeds(const ExecuteResult &result, uint64_t seed);
  void takeFirst(ExecuteResult result);

  const RunOptions &options;
  const CompileCallback &compile;
  Package package;
  const Kernel *kernel = nullptr;
  std::unique_ptr<LoadedInputs> loaded;
  Binding binding;
  std::vector<HostTensor> references;
  std::unique_ptr<Device> device;
  ExecuteResult first; ///< Of the first seed: what is written.
  RunReport report;
};
} // namespace

bool RunReport::succeeded() const {
  auto isError = [](const SeededFinding &seeded) {
    return seeded.finding.severity == sim::Severity::Error;
  };
  return none_of(findings, isError) &&
         all_of(checks, [](const CheckLine &check) { return check.comparison.passed(); }) &&
         countUnwrittenChecked() == 0;
}

int64_t RunReport::countUnwrittenChecked() const {
  int64_t count = 0;
  for (const OutputLine &output : outputs)
    if (any_of(checks, [&](const CheckLine &check) { return check.name == output.name; }))
      count += output.unwritten.value_or(0);
  return count;
}

/// Every array of a launch, those of rows under their own names.
static void forEachView(const Binding &binding,
                        function_ref<void(StringRef name, const BoundArgument &bound)> callback) {
  for (const BoundArgument &bound : binding.arguments) {
    if (bound.argument->isView)
      callback(bound.argument->name, bound);
    for (auto [index, row] : enumerate(bound.rows))
      for (const BoundArgument &column : row)
        callback(nameOfRow(bound.argument->name, index, column.argument->name), column);
  }
}

/// Two outputs in one file would leave only one of them.
static Error checkOutputFiles(ArrayRef<RunOptions::Output> outputs, StringRef where) {
  StringSet<> files;
  for (const RunOptions::Output &output : outputs)
    if (!output.file.empty() && !files.insert(output.file).second)
      return createStringError(where + ": expected a file for each output, got \"" + output.file +
                               "\" twice");
  return Error::success();
}

Error Run::prepare() {
  Expected<CompiledPackage> compiled = loadPackage(options, device->getKind() == "cuda", compile);
  if (!compiled)
    return compiled.takeError();
  package = std::move(compiled->package);
  report.compileSteps = std::move(compiled->steps);
  report.compileNote = std::move(compiled->note);
  Expected<const Kernel *> chosen = chooseKernel(package, options);
  if (!chosen)
    return chosen.takeError();
  kernel = *chosen;
  // A mistyped name is told before files are read.
  if (!options.variant.empty())
    if (Expected<size_t> index = findVariant(*kernel, options.variant); !index)
      return index.takeError();
  Expected<std::unique_ptr<LoadedInputs>> inputs = loadInputs(*kernel, options);
  if (!inputs)
    return inputs.takeError();
  loaded = std::move(*inputs);
  if (Error error = checkOutputFiles(loaded->outputs, "--arg and --out"))
    return error;
  Expected<Binding> bound = bindArguments(*kernel, loaded->inputs, Caller::CommandLine);
  if (!bound)
    return bound.takeError();
  binding = std::move(*bound);
  Expected<std::vector<HostTensor>> loadedReferences = loadReferences(*loaded);
  if (!loadedReferences)
    return loadedReferences.takeError();
  references = std::move(*loadedReferences);
  // A reference that cannot fit is told before the launch, not after it.
  for (auto [check, reference] : zip_equal(loaded->checks, references)) {
    std::vector<int64_t> expected = reference.sizes;
    forEachView(binding, [&, &check = check](StringRef name, const BoundArgument &bound) {
      if (name == check.check.name)
        expected = bound.sizes;
    });
    if (expected != reference.sizes)
      return createStringError("reference of \"" + check.check.name + "\": expected " +
                               printSizes(expected) + ", the sizes of the output, got " +
                               printSizes(reference.sizes));
  }
  return Error::success();
}

static std::string describeLayout(const BoundArgument &bound) {
  if (bound.strides == getDenseStrides(bound.sizes))
    return "row-major";
  if (bound.strides == getDenseStrides(bound.sizes, /*fortranOrder=*/true))
    return "column-major";
  std::string text;
  for (int64_t stride : bound.strides)
    text += (text.empty() ? "strides [" : ", ") + std::to_string(stride);
  return text + "]";
}

void Run::describeArguments() {
  auto findSource = [&](StringRef name) -> std::string {
    for (const RunOptions::Input &input : options.inputs)
      if (input.name == name)
        return input.kind == RunOptions::Input::Kind::Fill
                   ? StringRef(input.text).split(':').first.str()
                   : input.text;
    return "output";
  };
  for (const BoundArgument &bound : binding.arguments) {
    if (bound.argument->isView)
      continue;
    std::string source = findSource(bound.argument->name);
    if (bound.argument->isTable())
      report.arguments.push_back({bound.argument->name, "list",
                                  std::to_string(bound.rows.size()) + " row(s)", "", source});
    else
      report.arguments.push_back({bound.argument->name,
                                  stringifyElementType(bound.argument->elementType).str(), source,
                                  "", ""});
  }
  forEachView(binding, [&](StringRef name, const BoundArgument &bound) {
    bool isColumn = name != bound.argument->name;
    report.arguments.push_back({name.str(), stringifyElementType(bound.argument->elementType).str(),
                                printSizes(bound.sizes), describeLayout(bound),
                                isColumn ? (bound.input ? "list" : "output") : findSource(name)});
  });
}

Error Run::check(const ExecuteResult &result, uint64_t seed) {
  for (auto [index, loadedCheck] : enumerate(loaded->checks)) {
    const RunOptions::Check &check = loadedCheck.check;
    const OutputResult &output = *find_if(
        result.outputs, [&](const OutputResult &output) { return output.name == check.name; });
    double tolerance = check.tolerance.value_or(getDefaultTolerance(output.tensor.type));
    Expected<Comparison> comparison =
        compare(output.tensor, references[index], check.name, tolerance);
    if (!comparison)
      return comparison.takeError();
    CheckLine line{check.name, check.reference, seed, std::move(*comparison)};
    if (seed == options.firstSeed)
      report.checks.push_back(std::move(line));
    else if (!(line.comparison.error <= report.checks[index].comparison.error))
      report.checks[index] = std::move(line); // Worse, or NaN.
  }
  return Error::success();
}

/// A program that is free of races gives the same bits whatever the schedule.
void Run::compareSeeds(const ExecuteResult &result, uint64_t seed) {
  for (auto [before, now] : zip_equal(first.outputs, result.outputs)) {
    if (before.tensor.bytes == now.tensor.bytes)
      continue;
    unsigned width = getElementBytes(now.tensor.type);
    int64_t index = 0, count = 0, firstIndex = 0;
    double was = 0, is = 0;
    forEachOffset(now.tensor.sizes, now.tensor.strides,
                  [&, &before = before, &now = now](int64_t offset) {
                    const uint8_t *a = &before.tensor.bytes[offset * width],
                                  *b = &now.tensor.bytes[offset * width];
                    if (std::memcmp(a, b, width) != 0 && count++ == 0) {
                      firstIndex = index;
                      was = decodeElement(now.tensor.type, a);
                      is = decodeElement(now.tensor.type, b);
                    }
                    ++index;
                  });
    if (count == 0) // Only padding between rows differs.
      continue;
    sim::Finding finding;
    finding.name = "TK-RUN-SEEDS-DIFFER";
    std::string text;
    raw_string_ostream os(text);
    os << "output \"" << now.name << "\" depends on the schedule: " << count
       << " elements differ between seeds " << options.firstSeed << " and " << seed << "; element "
       << firstIndex << " (row-major) is " << was << ", then " << is
       << "; a wait, fence or barrier is missing";
    finding.message = text;
    mergeFindings(report.findings, finding, seed);
  }
}

void Run::takeFirst(ExecuteResult result) {
  report.variant = &kernel->variants[result.choice.index];
  report.isForced = result.choice.isForced;
  report.declined = result.choice.declined;
  report.grid = result.choice.grid;
  report.launched = result.launched;
  report.timing = result.timing;
  report.simulated = std::move(result.report);
  for (const OutputResult &output : result.outputs) {
    OutputLine line{output.name,
                    stringifyElementType(output.tensor.type).str(),
                    printSizes(output.tensor.sizes),
                    "",
                    output.unwritten,
                    output.tensor.getNumElements()};
    for (const RunOptions::Output &option : loaded->outputs)
      if (option.name == output.name)
        line.file = option.file;
    report.outputs.push_back(std::move(line));
  }
  first = std::move(result);
}

Error Run::runSeed(uint64_t seed) {
  ExecuteOptions execution;
  execution.sim.seed = seed;
  execution.sim.maxSteps = options.maxSteps;
  execution.repeat = options.repeat;
  execution.name = kernel->name + ".ptx";
  execution.variant = options.variant;
  Expected<ExecuteResult> result = execute(*device, package, binding, execution);
  if (!result)
    return result.takeError();
  if (result->report)
    mergeFindings(report.findings, result->report->findings, seed);
  if (Error error = check(*result, seed))
    return error;
  if (seed == options.firstSeed)
    takeFirst(std::move(*result));
  else
    compareSeeds(*result, seed);
  return Error::success();
}

Error Run::run() {
  Expected<std::unique_ptr<Device>> created = createDevice(options.device, report.deviceNote);
  if (!created)
    return created.takeError();
  device = std::move(*created);
  if (Error error = prepare())
    return error;
  report.file = options.file;
  report.kernel = kernel->name;
  report.deviceKind = device->getKind().str();
  report.device = device->getDescription();
  report.isSimulated = device->getKind() == "sim";
  report.firstSeed = options.firstSeed;
  // A GPU has no seeds: one run.
  report.lastSeed = report.isSimulated ? options.lastSeed : options.firstSeed;
  report.dataSeed = options.dataSeed;
  describeArguments();
  for (uint64_t seed = report.firstSeed;; ++seed) {
    if (Error error = runSeed(seed))
      return error;
    if (seed == report.lastSeed)
      return Error::success();
  }
}

Error Run::writeOutputs() const {
  AtomicFiles files;
  for (const RunOptions::Output &option : loaded->outputs)
    for (const OutputResult &output : first.outputs)
      if (!option.file.empty() && option.name == output.name)
        if (Error error = files.add(option.file, encodeNpy(output.tensor)))
          return error;
  return files.commit();
}

int runTool(ArrayRef<std::string> arguments, const CompileCallback &compile, raw_ostream &os,
            raw_ostream &errors, bool colours) {
  auto fail = [&](Error error) {
    errors << (colours ? "\033[1;31mtk-run: error:\033[0m " : "tk-run: error: ")
           << llvm::toString(std::move(error)) << "\n";
    return 1;
  };
  Expected<RunOptions> options = parseRunOptions(arguments);
  if (!options)
    return fail(options.takeError());
  if (options->help || options->version) {
    if (options->help)
      printRunHelp(os);
    else
      os << "tk-run, kernel package format " << Package::kFormatVersion << "\n";
    return 0;
  }
  if (Error error = checkOutputFiles(options->outputs, "--out"))
    return fail(std::move(error));
  Run run(*options, compile);
  if (Error error = run.run())
    return fail(std::move(error));
  auto warn = [&](const Twine &message) {
    errors << (colours ? "\033[1;35mtk-run: warning:\033[0m " : "tk-run: warning: ") << message
           << "\n";
  };
  bool isSimulated = run.getReport().isSimulated;
  if (options->repeat > 0 && isSimulated)
    warn("--repeat " + Twine(options->repeat) +
         ": expected a GPU, got the simulator, whose pace says nothing of one; nothing was timed");
  if (options->firstSeed != options->lastSeed && !isSimulated)
    warn("--seeds " + Twine(options->firstSeed) + ".." + Twine(options->lastSeed) +
         ": expected the simulator, got a GPU, which runs in its own order; it ran once");
  if (options->maxSteps > 0 && !isSimulated)
    warn("--max-steps " + Twine(options->maxSteps) +
         ": expected the simulator, got a GPU, which runs to the end");
  bool succeeded = run.getReport().succeeded();
  if (succeeded || options->keepOutput)
    if (Error error = run.writeOutputs())
      return fail(std::move(error));
  if (options->json)
    printJSON(run.getReport(), os);
  else
    printText(run.getReport(), os, colours);
  if (!succeeded && !options->keepOutput && run.hasOutputFiles())
    errors << "tk-run: outputs were not written; --keep-output writes them all the same\n";
  return succeeded ? 0 : 1;
}

} // namespace tk
