//===- tk-sim.cpp - Run and check PTX on a CPU ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace tk::sim;

static cl::OptionCategory category("tk-sim");
static cl::opt<std::string> input(cl::Positional, cl::desc("FILE.ptx"), cl::Required, cl::cat(category));
static cl::opt<std::string> launchFile("launch", cl::desc("Launch description (JSON)"), cl::value_desc("file"), cl::cat(category));
static cl::opt<bool> skeleton("skeleton", cl::desc("Print a launch file to fill in"), cl::cat(category));
// Numbers are read here: LLVM's message says of which C++ type a value is not.
static cl::opt<std::string> seed("seed", cl::desc("Schedule and completion order (0)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> seeds("seeds", cl::desc("Run the whole file with each of these; outputs must not differ"), cl::value_desc("A..B"), cl::cat(category));
static cl::opt<std::string> timeout("timeout", cl::desc("Stop after so many seconds, 0: never"), cl::value_desc("S"), cl::cat(category));
static cl::opt<std::string> reportKind("report", cl::desc("text, json or html"), cl::init("text"), cl::cat(category));
static cl::opt<std::string> outDir("out", cl::desc("Folder of the outputs"), cl::cat(category));
static cl::opt<std::string> check("check", cl::desc("all, none, or a list of memory,race,wgmma,barrier,banks"), cl::init("all"), cl::cat(category));
static cl::opt<bool> werror("werror", cl::desc("Warnings count as errors"), cl::cat(category));
static cl::opt<std::string> sharedBase("shared-base", cl::desc("Start of a CTA's shared memory (1024)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> maxSteps("max-steps", cl::desc("Limit of warp instructions, 0: none"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> stackBytes("stack-bytes", cl::desc("Stack of a thread, for calls (32768)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> heapBytes("heap-bytes", cl::desc("Heap for the kernels' malloc (8388608)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> printfBytes("printf-bytes", cl::desc("Output of printf that a launch keeps (1048576)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> threads("threads", cl::desc("Host threads, 0: all"), cl::value_desc("N"), cl::cat(category));

static int cannotRun(const Twine &message) {
  errs() << "tk-sim: error: " << message << '\n';
  return 2;
}

/// What an option that was given says goes to `number`.
template <class T> static bool readNumber(const cl::opt<std::string> &option, T &number) {
  constexpr bool isReal = std::is_floating_point_v<T>;
  bool isWrong = false;
  if (option.getNumOccurrences()) {
    if constexpr (isReal)
      isWrong = StringRef(option).getAsDouble(number) || !(number >= 0);
    else
      isWrong = StringRef(option).getAsInteger(0, number);
  }
  if (isWrong)
    cannotRun("expected --" + option.ArgStr + " with a " +
              (isReal ? "number of seconds that is not negative, such as 0.5" : "whole number of " + std::to_string(8 * sizeof(T)) + " bits, such as 7") +
              ", got '" + option + "'");
  return !isWrong;
}

/// "A..B", both included.
static bool parseSeeds(std::optional<SeedRange> &out) {
  if (seeds.empty())
    return true;
  auto [first, last] = StringRef(seeds).split("..");
  SeedRange range;
  if (first.getAsInteger(10, range.first) || last.getAsInteger(10, range.last) || range.first > range.last)
    return false;
  out = range;
  return true;
}

static bool parseChecks(Options &o) {
  if (check == "all")
    return true;
  o.checkMemory = o.checkRaces = o.checkWgmma = o.checkBarriers = o.checkBanks = false;
  if (check == "none")
    return true;
  SmallVector<StringRef> names;
  StringRef(check).split(names, ',');
  for (StringRef n : names) {
    bool *flag = n == "memory" ? &o.checkMemory : n == "race" ? &o.checkRaces : n == "wgmma" ? &o.checkWgmma
                 : n == "barrier" ? &o.checkBarriers : n == "banks" ? &o.checkBanks : nullptr;
    if (!flag)
      return false;
    *flag = true;
  }
  return true;
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, "tk-sim: run and check Hopper PTX on a CPU\n\nExit code 0: no error found, 1: errors, 2: could not run.\n", &errs()))
    return 2;
  Options options;
  double seconds = 0;
  if (!readNumber(seed, options.seed) || !readNumber(sharedBase, options.sharedBase) || !readNumber(maxSteps, options.maxSteps) ||
      !readNumber(threads, options.threads) || !readNumber(timeout, seconds) || !readNumber(stackBytes, options.stackBytes) ||
      !readNumber(heapBytes, options.heapBytes) || !readNumber(printfBytes, options.printfBytes))
    return 2;
  // Local addresses have 24 bits.
  if (options.stackBytes > 8 << 20)
    return cannotRun("expected --stack-bytes with at most 8388608, got '" + stackBytes + "'");
  std::optional<SeedRange> range;
  if (!parseSeeds(range))
    return cannotRun("expected --seeds A..B with A at most B, got '" + seeds + "'");
  if (range && seed.getNumOccurrences())
    return cannotRun("expected one of --seed and --seeds");
  // More than some years is no limit, and would not fit the clock.
  if (seconds > 0 && seconds < 1e8)
    options.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(int64_t(seconds * 1e6));
  if (!parseChecks(options))
    return cannotRun("unknown check in '" + check + "'; expected all, none, or a list of memory,race,wgmma,barrier,banks");
  if (reportKind != "text" && reportKind != "json" && reportKind != "html")
    return cannotRun("unknown report '" + reportKind + "'; expected text, json or html");
  options.trace = reportKind == "html";
  auto file = MemoryBuffer::getFile(input);
  if (!file)
    return cannotRun("cannot read '" + input + "': " + file.getError().message());
  auto program = Program::parse((*file)->getBuffer(), input);
  if (!program)
    return cannotRun(toString(program.takeError()));
  if (skeleton) {
    printSkeleton(**program, outs());
    return 0;
  }
  if (launchFile.empty())
    return cannotRun("expected --launch FILE; --skeleton prints one to fill in");
  Expected<Report> report = runLaunchFile(**program, launchFile, options, outDir, range);
  if (!report)
    return cannotRun(toString(report.takeError()));
  if (reportKind == "json")
    printJson(*report, outs());
  else if (reportKind == "html")
    printHtml(*report, **program, outs());
  else
    printText(*report, outs());
  bool bad = report->errors() || (werror && any_of(report->findings, [](const Finding &f) { return f.severity == Severity::Warning; }));
  return bad ? 1 : 0;
}
