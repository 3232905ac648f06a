//===- Options.cpp - The command line of tk-run ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"
#include "tk/Runtime/RunTool.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tk {

static constexpr StringLiteral helpText =
    R"(OVERVIEW: compiles if needed, launches, checks and reports

USAGE: tk-run FILE.mlir|FILE.tkpkg [options] [-- compiler options]

  --kernel NAME               the kernel to launch; needed only where the file has several
  --variant ENTRY             only this variant of it, and an error if it does not fit; else the first that fits
  --arg NAME=VALUE            an argument; VALUE is one of
                                FILE.npy              an array
                                random:512x256        normal values (--data-seed); also zeros:, ones:, range:
                                0.5                   a number, for scalars
                                FILE.json             the rows of a list of problems: [{"A": VALUE, ...}, ...]
  --out NAME[=FILE.npy][:SIZES]
                              an output, and where to write it; SIZES (512x256) only where no input fixes them
  --check NAME=REF[:TOL]      compare an output: REF is FILE.npy, or A@B for the product of two arguments; LIST.NAME
                              compares each row's output with the product of two of its columns. TOL bounds
                              ||out - ref|| / ||ref||; default by type: f32 2e-5, f16 6e-4, bf16 4e-3
  --device auto|sim|sim:N|cuda
                              auto takes a Hopper GPU if there is one, else the simulator; sim:N has N
                              multiprocessors (132)
  --seed N                    the order in which the simulator schedules and completes (0)
  --seeds A..B                run once for each seed, and compare the outputs
  --data-seed N               seed of random: (0)
  --max-steps N               simulator: stop after so many warp instructions (0: never)
  --repeat N                  GPU: time N further launches
  --report text|json          the report on standard output (text)
  --keep-output               write outputs even if a check fails or the simulator finds an error
  --help, --version

Exit code: 0 if all is well; 1 after bad input, a failed check, or a finding of severity error.
)";

void printRunHelp(raw_ostream &os) { os << helpText; }

static Error fail(const Twine &message) { return createStringError(message); }

static constexpr StringLiteral valueOptions[] = {"kernel",    "variant",   "arg",    "out",
                                                 "check",     "device",    "seed",   "seeds",
                                                 "data-seed", "max-steps", "repeat", "report"};
static constexpr StringLiteral flags[] = {"keep-output", "help", "version"};

/// What tk-run takes only after "--".
static constexpr StringLiteral compilerOptions[] = {"alias",      "disable",  "tune",       "ptxas",
                                                    "no-certify", "assemble", "no-assemble"};

/// The word closest to a mistyped one, or "": one that takes at most so many changes.
static StringRef findSimilar(StringRef word, ArrayRef<StringRef> candidates, unsigned changes) {
  StringRef best;
  unsigned bestDistance = changes + 1;
  for (StringRef candidate : candidates) {
    unsigned distance = word.edit_distance(candidate, true, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

static Error failUnknown(StringRef argument, StringRef name) {
  if (is_contained(compilerOptions, name))
    return fail("\"" + argument +
                "\" is decided when compiling: give it after --, as in tk-run FILE.mlir ... -- " +
                argument + "; a .tkpkg is compiled already, by tk-compile, which takes it as well");
  SmallVector<StringRef> known(std::begin(valueOptions), std::end(valueOptions));
  known.append(std::begin(flags), std::end(flags));
  StringRef similar = findSimilar(name, known, 2);
  return fail("unknown option \"" + argument + "\"" +
              (similar.empty() ? "; see --help" : "; did you mean --" + similar.str() + "?"));
}

static Expected<uint64_t> parseCount(StringRef option, StringRef text) {
  uint64_t value = 0;
  if (text.empty() || !all_of(text, isDigit) || text.getAsInteger(10, value))
    return fail("--" + option + ": expected a number, got \"" + text + "\"");
  return value;
}

/// NAME=REST.
static Expected<std::pair<StringRef, StringRef>> splitName(StringRef option, StringRef text,
                                                           bool needsValue) {
  auto [name, value] = text.split('=');
  if (name.empty() || (needsValue && value.empty()))
    return fail("--" + option + ": expected NAME=VALUE, got \"" + text + "\"");
  return std::pair(name, value);
}

Expected<RunOptions::Input> detail::parseInputValue(StringRef name, StringRef value) {
  RunOptions::Input input;
  input.name = name.str();
  input.text = value.str();
  static constexpr std::pair<StringLiteral, Fill> fills[] = {{"random", Fill::Random},
                                                             {"zeros", Fill::Zeros},
                                                             {"ones", Fill::Ones},
                                                             {"range", Fill::Range}};
  auto [word, sizes] = value.split(':');
  for (const auto &[spelling, fill] : fills) {
    if (word != spelling)
      continue;
    std::optional<std::vector<int64_t>> parsed = parseSizes(sizes);
    if (!parsed)
      return fail("--arg " + name + ": expected sizes such as " + word + ":512x256, got \"" +
                  value + "\"");
    input.kind = RunOptions::Input::Kind::Fill;
    input.fill = fill;
    input.sizes = std::move(*parsed);
    return input;
  }
  // A bare word before a colon is a mistyped kind, unless a file's ending says otherwise.
  if (word != value && !word.empty() && all_of(word, isAlpha) && !value.contains('.')) {
    SmallVector<StringRef> known;
    for (const auto &[spelling, fill] : fills)
      known.push_back(spelling);
    StringRef similar = findSimilar(word, known, 3);
    return fail("--arg " + name + ": expected a file, or " + llvm::join(known, ":, ") +
                ": with sizes, got \"" + value + "\"" +
                (similar.empty() ? "" : "; did you mean " + (similar + ":" + sizes).str() + "?"));
  }
  int64_t integer = 0;
  double real = 0;
  if (!value.getAsInteger(0, integer)) {
    input.kind = RunOptions::Input::Kind::Scalar;
    input.scalar = integer;
  } else if (!value.getAsDouble(real)) {
    input.kind = RunOptions::Input::Kind::Scalar;
    input.scalar = real;
  }
  return input;
}

static Expected<RunOptions::Input> parseInput(StringRef text) {
  auto parts = splitName("arg", text, /*needsValue=*/true);
  if (!parts)
    return parts.takeError();
  return detail::parseInputValue(parts->first, parts->second);
}

static Expected<RunOptions::Output> parseOutput(StringRef text) {
  RunOptions::Output output;
  auto [head, tail] = text.rsplit(':');
  if (std::optional<std::vector<int64_t>> sizes = parseSizes(tail); sizes && head != text) {
    output.sizes = std::move(sizes);
    text = head;
  }
  auto parts = splitName("out", text, /*needsValue=*/text.contains('='));
  if (!parts)
    return parts.takeError();
  output.name = parts->first.str();
  output.file = parts->second.str();
  return output;
}

static Expected<RunOptions::Check> parseCheck(StringRef text) {
  auto parts = splitName("check", text, /*needsValue=*/true);
  if (!parts)
    return parts.takeError();
  RunOptions::Check check;
  check.name = parts->first.str();
  auto [head, tail] = parts->second.rsplit(':');
  double tolerance = 0;
  if (head != parts->second && !tail.getAsDouble(tolerance)) {
    if (!(tolerance >= 0))
      return fail("--check " + check.name + ": expected a tolerance of zero or more, got " + tail);
    check.tolerance = tolerance;
    check.reference = head.str();
  } else if (head != parts->second && !tail.ends_with(".npy") &&
             (head.contains('@') || head.ends_with(".npy"))) {
    // What stands before the colon is a whole reference.
    return fail("--check " + check.name +
                ": expected a tolerance behind the colon, a number such " + "as 1e-3, got \"" +
                tail + "\"");
  } else {
    check.reference = parts->second.str();
  }
  return check;
}

static Error parseSeeds(StringRef text, RunOptions &options) {
  auto [first, last] = text.split("..");
  Expected<uint64_t> low = parseCount("seeds", first);
  if (!low)
    return low.takeError();
  Expected<uint64_t> high = parseCount("seeds", last);
  if (!high)
    return high.takeError();
  if (*high < *low)
    return fail("--seeds: expected A..B with A <= B, got \"" + text + "\"");
  options.firstSeed = *low;
  options.lastSeed = *high;
  return Error::success();
}

static Error parseChoice(StringRef option, StringRef text, ArrayRef<StringRef> choices) {
  if (is_contained(choices, text))
    return Error::success();
  return fail("--" + option + ": expected " + llvm::join(choices, ", ") + ", got \"" + text + "\"");
}

template <class T>
static Error append(Expected<T> item, std::vector<T> &list) {
  if (!item)
    return item.takeError();
  list.push_back(std::move(*item));
  return Error::success();
}

/// The options that take a number.
static Error parseNumber(StringRef name, StringRef value, RunOptions &options) {
  Expected<uint64_t> number = parseCount(name, value);
  if (!number)
    return number.takeError();
  if (name == "seed")
    options.firstSeed = options.lastSeed = *number;
  else if (name == "data-seed")
    options.dataSeed = *number;
  else if (name == "max-steps")
    options.maxSteps = *number;
  else if (*number > 1000000)
    return fail("--repeat: expected at most 1000000, got " + value);
  else
    options.repeat = static_cast<unsigned>(*number);
  return Error::success();
}

static Error parseOption(StringRef name, StringRef value, RunOptions &options) {
  if (name == "arg")
    return append(parseInput(value), options.inputs);
  if (name == "out")
    return append(parseOutput(value), options.outputs);
  if (name == "check")
    return append(parseCheck(value), options.checks);
  if (name == "seeds")
    return parseSeeds(value, options);
  if (name == "device") {
    options.device = value.str();
    return value.starts_with("sim:") ? Error::success() // createDevice reads the number.
                                     : parseChoice(name, value, {"auto", "sim", "sim:N", "cuda"});
  }
  if (name == "report") {
    options.json = value == "json";
    return parseChoice(name, value, {"text", "json"});
  }
  if (name == "kernel") {
    options.kernel = value.str();
    return Error::success();
  }
  if (name == "variant") {
    if (value.empty())
      return fail("--variant: expected the entry of a variant, got \"\"");
    options.variant = value.str();
    return Error::success();
  }
  return parseNumber(name, value, options);
}

static void setFlag(StringRef name, RunOptions &options) {
  if (name == "keep-output")
    options.keepOutput = true;
  else if (name == "help")
    options.help = true;
  else
    options.version = true;
}

Expected<RunOptions> parseRunOptions(ArrayRef<std::string> arguments) {
  RunOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    StringRef argument = arguments[i];
    if (argument == "--") {
      options.compileArguments.assign(arguments.begin() + i + 1, arguments.end());
      break;
    }
    if (argument == "-h")
      argument = "--help";
    if (!argument.starts_with("-") || argument == "-") {
      if (!options.file.empty())
        return fail("expected one input file, got \"" + Twine(options.file) + "\" and \"" +
                    argument + "\"");
      options.file = argument.str();
      continue;
    }
    auto [name, value] = argument.drop_while([](char c) { return c == '-'; }).split('=');
    bool hasValue = argument.contains('=');
    if (is_contained(flags, name)) {
      if (hasValue)
        return fail("--" + name + ": expected no value, got \"" + value + "\"");
      setFlag(name, options);
      continue;
    }
    if (!is_contained(valueOptions, name))
      return failUnknown(argument, name);
    if (!hasValue) {
      if (i + 1 == arguments.size())
        return fail("--" + name + ": expected a value, got nothing");
      value = arguments[++i];
    }
    if (Error error = parseOption(name, value, options))
      return error;
  }
  if (options.file.empty() && !options.help && !options.version)
    return fail("expected a .mlir or .tkpkg file, got none; see --help");
  return options;
}

} // namespace tk
