//===- tk-compile.cpp - The whole way down --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Compiler.h"
#include "tk/Compiler/Tables.h"
#include "tk/Support/Version.h"
#include "tk/Target/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;

static cl::OptionCategory category("tk-compile options");
static cl::opt<std::string> inputFile(cl::Positional, cl::desc("FILE.mlir"), cl::Required,
                                      cl::cat(category));
static cl::opt<std::string>
    outputFile("o",
               cl::desc("Where to write (default: FILE.tkpkg for a package, else standard "
                        "output)"),
               cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    emit("emit", cl::desc("Stop at a stage: tile, placed, nvvm, llvm, ptx, cubin, package"),
         cl::value_desc("stage"), cl::init("package"), cl::cat(category));
static cl::list<std::string> aliases("alias",
                                     cl::desc("Redefine a type alias of the source: in=f16"),
                                     cl::value_desc("name=type"), cl::cat(category));
static cl::opt<std::string>
    ptxas("ptxas", cl::desc("Path of ptxas (default: CUDA_HOME, PATH, virtual environment)"),
          cl::value_desc("path"), cl::cat(category));
static cl::opt<bool> noAssemble("no-assemble", cl::desc("Leave the cubin out of the package"),
                                cl::cat(category));
static cl::opt<bool> noCertify("no-certify",
                               cl::desc("Do not prove bank conflicts and the barrier protocol"),
                               cl::cat(category));
static cl::list<std::string>
    disabled("disable", cl::desc("Leave out optional passes: tk-persist,tk-overlap-products"),
             cl::value_desc("pass"), cl::CommaSeparated, cl::cat(category));
static cl::list<std::string>
    tuning("tune", cl::desc("Decide for the passes: stages=3,consumers=2 (see #tk.tuning)"),
           cl::value_desc("list"), cl::cat(category));
static cl::opt<bool> remarks("remarks", cl::desc("Print what each pass decided, and why"),
                             cl::cat(category));
static cl::opt<bool> times("time", cl::desc("Print the time of each step"), cl::cat(category));

static Expected<tk::CompileOptions> readOptions() {
  tk::CompileOptions options;
  std::optional<tk::Stage> stage = tk::parseStage(emit);
  if (!stage)
    return createStringError(
        "--emit: expected tile, placed, nvvm, llvm, ptx, cubin or package, got '" + emit + "'");
  if (*stage == tk::Stage::Cubin && noAssemble)
    return createStringError("--emit=cubin and --no-assemble contradict each other; drop one");
  options.stage = *stage;
  options.ptxas = ptxas;
  options.assemble = !noAssemble;
  options.certify = !noCertify;
  options.disabled = disabled;
  options.tuning = join(tuning, ",");
  for (StringRef alias : aliases) {
    auto [name, type] = alias.split('=');
    if (name.empty() || type.empty())
      return createStringError("--alias: expected NAME=TYPE, got '" + alias + "'");
    options.aliases.emplace_back(name, type);
  }
  return options;
}

static Error run() {
  Expected<tk::CompileOptions> options = readOptions();
  if (!options)
    return options.takeError();
  ErrorOr<std::unique_ptr<MemoryBuffer>> source =
      MemoryBuffer::getFileOrSTDIN(inputFile, /*IsText=*/true);
  if (!source)
    return createStringError("cannot read '" + inputFile + "': " + source.getError().message());
  Expected<tk::Compilation> compilation =
      tk::compile((*source)->getBuffer(), (*source)->getBufferIdentifier(), *options, errs());
  if (!compilation)
    return compilation.takeError();

  std::string content = compilation->text;
  std::string target = outputFile.empty() ? "-" : outputFile.getValue();
  if (options->stage == tk::Stage::Cubin)
    content.assign(compilation->package.cubin.begin(), compilation->package.cubin.end());
  if (options->stage == tk::Stage::Package) {
    content = tk::serializePackage(compilation->package);
    SmallString<128> path(inputFile);
    sys::path::replace_extension(path, "tkpkg");
    if (outputFile.empty() && inputFile != "-")
      target = path.str().str();
  }
  if (remarks)
    tk::printRemarks(errs(), compilation->package.remarks);
  if (times)
    tk::printTimes(errs(), compilation->times);
  for (StringRef note : split(compilation->note, '\n'))
    if (!note.empty())
      WithColor::note() << note << "\n";
  if (target == "-") {
    outs() << content;
    return Error::success();
  }
  return tk::writeFileAtomically(target, content);
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter(tk::printVersion);
  cl::ParseCommandLineOptions(argc, argv, "Compiles tile kernels to kernel packages\n");
  if (Error error = run()) {
    WithColor::error(errs(), "tk-compile") << toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
