//===- tk-sim.cpp - Run and check PTX on a CPU ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/Findings.h"
#include "tk/Sim/LaunchFile.h"
#include "tk/Support/Version.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include <atomic>
#include <csignal>

using namespace llvm;
using namespace tk::sim;

static cl::OptionCategory category("tk-sim");
static cl::opt<std::string> input(cl::Positional, cl::desc("FILE.ptx"), cl::cat(category));
static cl::opt<std::string> launchFile("launch", cl::desc("Launch description (JSON)"), cl::value_desc("file"), cl::cat(category));
static cl::opt<bool> skeleton("skeleton", cl::desc("Print a launch file to fill in"), cl::cat(category));
// RunOptions reads them: LLVM's message says of which C++ type a value is not.
static cl::opt<std::string> seed("seed", cl::desc("Schedule and completion order (0)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> seeds("seeds", cl::desc("Run the whole file with each of these; outputs must not differ"), cl::value_desc("A..B"), cl::cat(category));
static cl::opt<std::string> then("then", cl::desc("Go over to another seed at a decision, as TK-SIM-NONDETERMINISTIC says"), cl::value_desc("SEED@LAUNCH:STREAM:NUMBER"), cl::cat(category));
static cl::opt<std::string> timeout("timeout", cl::desc("Stop after so many seconds (0: never)"), cl::value_desc("S"), cl::cat(category));
static cl::opt<std::string> reportKind("report", cl::desc("text, json or html"), cl::init("text"), cl::cat(category));
static cl::opt<std::string> outDir("out", cl::desc("Folder of the outputs"), cl::cat(category));
static cl::opt<std::string> check("check", cl::desc("all, none, or a list of memory,race,wgmma,barrier,banks"), cl::init("all"), cl::cat(category));
static cl::list<std::string> grades("grade", cl::desc("Severity of a finding, or off; several times, or with commas"), cl::value_desc("NAME=off|note|warning|error"), cl::CommaSeparated, cl::cat(category));
static cl::opt<bool> listFindings("list-findings", cl::desc("Print the names of all findings, and end"), cl::cat(category));
static cl::opt<std::string> numerics("numerics", cl::desc("Sums of matrix products: exact, or h100, a model of the rounding of its tensor cores"), cl::value_desc("exact|h100"), cl::init("exact"), cl::cat(category));
static cl::opt<bool> werror("werror", cl::desc("Warnings count as errors"), cl::cat(category));
static cl::opt<std::string> sharedBase("shared-base", cl::desc("Start of a CTA's shared memory (1024)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> maxSteps("max-steps", cl::desc("Limit of warp instructions (0: none)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> stackBytes("stack-bytes", cl::desc("Stack of a thread, for calls (32768)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> heapBytes("heap-bytes", cl::desc("Heap for the kernels' malloc (8388608)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> printfBytes("printf-bytes", cl::desc("Output of printf that a launch keeps (1048576)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> memoryBytes("memory-bytes", cl::desc("Limit of buffers and variables together (a third of the host's memory)"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> threads("threads", cl::desc("Host threads (0: all)"), cl::value_desc("N"), cl::cat(category));

static const char kOverview[] = R"(tk-sim: run and check Hopper PTX on a CPU

  tk-sim --skeleton k.ptx >k.json      prints a launch file with each entry and what can be guessed of its parameters
  (edit k.json: buffers, sizes, values, grid and block)
  tk-sim k.ptx --launch k.json         runs it; prints findings, then counters
  tk-sim k.ptx --launch k.json --seeds 0..15   in 16 orders of warps and copies

PTX: nvcc -arch=sm_90a -ptx k.cu (dynamic shared memory as in <<<grid, block, bytes>>>); of a Triton kernel,
kernel.asm["ptx"], with kernel.metadata.num_warps * 32 threads and metadata.shared bytes. Its last two pointers are null,
but global_scratch, the first of them, is a buffer of metadata.global_scratch_size * CTAs bytes where that is not 0
(tl.make_tensor_descriptor).

A launch file, in short ("comment" may stand in any object; docs/tk-sim.md has all of it):
  {"vars": {"N": 1000},
   "buffers": {"X": {"npy": "x.npy", "dtype": "f32"}, "Y": {"shape": ["N"], "dtype": "f32", "fill": "zero", "out": "y.npy",
               "expect": {"npy": "ref.npy", "norm": 1e-6}},
               "S": {"npy": "scale.npy", "dtype": "f32"}},
   "symbols": {"scale": "S"},
   "entry": "k", "grid": ["(N + 255) / 256"], "block": [256], "dynamicSharedBytes": 0,
   "params": [{"pointer": "X"}, {"pointer": "Y"}, {"u32": "N"}, {"f32": 0.5},
              {"bytes": 16, "align": 8, "fields": [{"offset": 0, "pointer": "X"}, {"offset": 8, "i32": 3}]},
              {"tensorMap": {"buffer": "X", "dtype": "f32", "globalDim": [64, 8], "globalStrides": [256], "box": [32, 8],
                             "swizzle": "128B"}}]}

"symbols" gives contents to variables in .const and .global (cudaMemcpyToSymbol), which are zero otherwise.
Integers may be expressions over "vars"; / cuts off as in C: "(N + 255) / 256"; of reals it does not.
Ctrl-C ends a run as --timeout does, with the findings so far; a second one at once.
Exit code 0: no error found, 1: errors, or an "expect" not met, 2: could not run.
)";

static int cannotRun(const Twine &message) {
  errs() << "tk-sim: error: " << message << '\n';
  return 2;
}

/// The exit code, unless the output is lost: a disk is full.
static int finish(int code) {
  outs().flush();
  if (!outs().has_error())
    return code;
  std::error_code error = outs().error();
  outs().clear_error(); // or the stream ends the process
  return cannotRun("cannot write the output: " + error.message());
}

/// Those that were given and that only a run heeds; empty: none.
static std::string optionsOfARun() {
  std::string names;
  const cl::Option *all[] = {&launchFile, &seed, &seeds, &then, &timeout, &reportKind, &outDir, &check, std::addressof(grades), &numerics,
                             &werror, &sharedBase, &maxSteps, &stackBytes, &heapBytes, &printfBytes, &memoryBytes, &threads};
  for (const cl::Option *option : all)
    if (option->getNumOccurrences())
      names += (names.empty() ? "--" : ", --") + option->ArgStr.str();
  return names;
}

static std::atomic<bool> interrupted = false;

/// The first Ctrl-C ends the run, the second one the program.
extern "C" void onInterrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

static void printFindings() {
  static constexpr StringRef checks[] = {"", "", "memory", "race", "wgmma", "barrier"};
  static constexpr StringRef severities[] = {"note", "warning", "error"};
  for (const FindingKind &kind : findingKinds())
    outs() << formatv("{0,-26} {1,-8} {2,-8} {3}\n", kind.name, severities[int(kind.severity)],
                      checks[int(kind.check)], kind.meaning);
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter(tk::printVersion);
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &errs()))
    return 2;
  if (listFindings) {
    printFindings();
    return finish(0);
  }
  if (input.empty())
    return cannotRun("expected a file: tk-sim FILE.ptx --launch LAUNCH.json");
  RunOptions how;
  for (const cl::opt<std::string> *option : {&seed, &seeds, &then, &timeout, &outDir, &check, &sharedBase, &maxSteps,
                                             &stackBytes, &heapBytes, &printfBytes, &memoryBytes, &threads, &numerics})
    if (option->getNumOccurrences())
      if (Error e = how.set(option->ArgStr, *option))
        return cannotRun(toString(std::move(e)));
  for (StringRef grade : grades)
    if (Error e = how.set("grade", grade))
      return cannotRun(toString(std::move(e)));
  if (Error e = how.verify())
    return cannotRun(toString(std::move(e)));
  if (reportKind != "text" && reportKind != "json" && reportKind != "html")
    return cannotRun("unknown report '" + reportKind + "'; expected text, json or html");
  how.options.trace = reportKind == "html";
  if (std::string unused = optionsOfARun(); skeleton && !unused.empty())
    return cannotRun("--skeleton runs nothing; leave out " + unused);
  auto file = MemoryBuffer::getFile(input);
  if (!file)
    return cannotRun("cannot read '" + input + "': " + file.getError().message());
  auto program = Program::parse((*file)->getBuffer(), input);
  if (!program)
    return cannotRun(toString(program.takeError()));
  if (skeleton) {
    if ((*program)->entries().empty())
      return cannotRun("'" + input + "' has no entries: expected '.entry'");
    printSkeleton(**program, outs());
    return finish(0);
  }
  if (launchFile.empty())
    return cannotRun("expected --launch FILE; --skeleton prints one to fill in");
  how.options.interrupted = &interrupted;
  if (std::signal(SIGINT, onInterrupt) == SIG_IGN) // who started this wants it so
    std::signal(SIGINT, SIG_IGN);
  Expected<Report> report = runLaunchFile(**program, launchFile, how);
  if (!report)
    return cannotRun(toString(report.takeError()));
  if (reportKind == "json")
    printJson(*report, outs());
  else if (reportKind == "html")
    printHtml(*report, **program, outs());
  else
    printText(*report, outs());
  bool bad = report->errors() || (werror && any_of(report->findings, [](const Finding &f) { return f.severity == Severity::Warning; }));
  return finish(bad ? 1 : 0);
}
