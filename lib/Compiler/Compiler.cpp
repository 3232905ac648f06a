//===- Compiler.cpp - Source in, kernel package out -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Compiler.h"
#include "PackageBuilder.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "tk/Compiler/Pipelines.h"
#include "tk/Compiler/Registration.h"
#include "tk/Conversion/TileToNVVM/Passes.h"
#include "tk/Dialect/Graph/Transforms/Passes.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Support/Version.h"
#include "tk/Target/Hopper.h"
#include "tk/Target/PTX.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/SourceMgr.h"
#include <chrono>

using namespace mlir;
using namespace tk;

std::optional<Stage> tk::parseStage(StringRef name) {
  return llvm::StringSwitch<std::optional<Stage>>(name)
      .Case("tile", Stage::Tile)
      .Case("placed", Stage::Placed)
      .Case("nvvm", Stage::NVVM)
      .Case("llvm", Stage::LLVM)
      .Case("ptx", Stage::PTX)
      .Case("cubin", Stage::Cubin)
      .Case("package", Stage::Package)
      .Default(std::nullopt);
}

namespace {

/// Wall-clock time of named steps; passes of one name are added up.
class Stopwatch {
public:
  void add(StringRef name, std::chrono::steady_clock::time_point start) {
    double milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    for (StepTime &time : times)
      if (time.name == name) {
        time.milliseconds += milliseconds;
        return;
      }
    times.push_back({name.str(), milliseconds});
  }
  template <typename Fn>
  auto measure(StringRef name, Fn &&step) {
    auto start = std::chrono::steady_clock::now();
    auto result = step();
    add(name, start);
    return result;
  }
  std::vector<StepTime> times;
};

struct PassTimer : PassInstrumentation {
  explicit PassTimer(Stopwatch &watch) : watch(watch) {}
  void runBeforePass(Pass *pass, Operation *) override {
    starts.push_back(std::chrono::steady_clock::now());
  }
  void runAfterPass(Pass *pass, Operation *) override { finish(pass); }
  void runAfterPassFailed(Pass *pass, Operation *) override { finish(pass); }
  void finish(Pass *pass) {
    if (!pass->getArgument()
             .empty()) // Adaptors have none; their time is that of the passes inside.
      watch.add(pass->getArgument(), starts.back());
    starts.pop_back();
  }
  Stopwatch &watch;
  std::vector<std::chrono::steady_clock::time_point> starts;
};

/// Keeps remarks as data.
class RemarkCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkCollector(std::vector<Remark> &remarks) : remarks(remarks) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    Remark collected;
    collected.kind = kindName(remark.getRemarkType());
    collected.pass = remark.getCategoryName().str();
    collected.location = tile::describeLocation(remark.getLocation());
    collected.function = remark.getFunction().str();
    for (const auto &argument : remark.getArgs())
      collected.message += (collected.message.empty() ? "" : "; ") + argument.val;
    remarks.push_back(std::move(collected));
  }

private:
  static const char *kindName(llvm::remarks::Type kind) {
    switch (kind) {
    case llvm::remarks::Type::Passed:
      return "passed";
    case llvm::remarks::Type::Missed:
      return "missed";
    case llvm::remarks::Type::Failure:
      return "failed";
    default:
      return "analysis";
    }
  }
  std::vector<Remark> &remarks;
};

/// One compilation, step by step.
class Driver {
public:
  Driver(const CompileOptions &options, llvm::raw_ostream &diagnostics)
      : options(options), context(makeRegistry(), MLIRContext::Threading::DISABLED),
        handler(sourceManager, &context, diagnostics), diagnostics(diagnostics) {
    context.printOpOnDiagnostic(false); // The source line says it better.
  }

  llvm::Expected<Compilation> run(StringRef source, StringRef fileName);
  /// After a failure: what passes declined to do may be why.
  void printMissedRemarks();

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }
  llvm::Error runPasses(llvm::function_ref<void(OpPassManager &)> build, bool verify);
  llvm::Error setTuning();
  void remarkUnreadTuning();
  llvm::Error translate();
  llvm::Error buildPackage();
  void noteRoles();
  std::string describeRegisters(const Variant &variant);
  void reportResources(const Variant &variant);
  std::string print();

  const CompileOptions &options;
  llvm::SourceMgr sourceManager;
  MLIRContext context;
  SourceMgrDiagnosticHandler handler;
  llvm::raw_ostream &diagnostics;
  OwningOpRef<ModuleOp> module;
  llvm::StringMap<std::string> roles; ///< Registers of each kernel's roles, where they have some.
  std::optional<MachineCode> machineCode;
  Stopwatch watch;
  Compilation result;
};

} // namespace

llvm::Error Driver::runPasses(llvm::function_ref<void(OpPassManager &)> build, bool verify) {
  PassManager passes(&context, ModuleOp::getOperationName());
  passes.enableVerifier(verify);
  passes.addInstrumentation(std::make_unique<PassTimer>(watch));
  build(passes);
  if (failed(passes.run(*module)))
    return llvm::createStringError("compilation failed");
  return llvm::Error::success();
}

/// Whether a list of decisions has the form and the names of #tk.tuning: its own parser says
/// neither what there is nor what is wrong.
static llvm::Error checkTuning(StringRef list) {
  ArrayRef<StringRef> names = tile::getTuningNames();
  SmallVector<StringRef> items, seen;
  list.split(items, ',');
  for (StringRef item : items) {
    auto [name, value] = item.split('=');
    name = name.trim(), value = value.trim();
    auto refuse = [&](const llvm::Twine &expected) {
      return llvm::createStringError("tuning \"" + list + "\": " + expected);
    };
    if (!llvm::is_contained(names, name))
      return refuse("expected a list such as stages=3,consumers=2 of " + llvm::join(names, ", ") +
                    ", got \"" + item + "\"");
    if (llvm::is_contained(seen, name))
      return refuse("expected each name once, got " + name + " twice");
    seen.push_back(name);
    int64_t number;
    bool isOrder = name == "order";
    if (isOrder && !tile::symbolizeTileOrder(value))
      return refuse("expected order=rows, bands or hilbert, got \"" + value + "\"");
    if (!isOrder && value.getAsInteger(10, number))
      return refuse("expected a whole number for " + name + ", got \"" + value + "\"");
  }
  return llvm::Error::success();
}

/// Puts what the caller decided on every kernel.
llvm::Error Driver::setTuning() {
  if (options.tuning.empty())
    return llvm::Error::success();
  if (llvm::Error error = checkTuning(options.tuning))
    return error;
  // A graph has nowhere to put a decision: its kernels are made first.
  auto toTile = [](OpPassManager &passes) { passes.addPass(graph::createGraphToTile()); };
  if (llvm::Error error = runPasses(toTile, /*verify=*/true))
    return error;
  std::string problem;
  ScopedDiagnosticHandler listen(&context, [&](Diagnostic &diagnostic) {
    problem = diagnostic.str();
    return success();
  });
  auto tuning = dyn_cast_if_present<tile::TuningAttr>(
      parseAttribute("#tk.tuning<" + options.tuning + ">", &context));
  if (!tuning)
    return llvm::createStringError("tuning \"" + options.tuning + "\": " + problem);
  module->walk([&](tile::KernelOp kernel) { kernel.setTuningAttr(tuning); });
  return llvm::Error::success();
}

namespace {
/// A decision that one optional pass reads, and no other acts on. `order` and `group` are read by a
/// pass that is never left out.
struct TuningReader {
  StringRef name, pass;
  std::optional<int64_t> (tile::TuningAttr::*get)() const;
  int64_t without; ///< What there is without the pass.
};
} // namespace

static constexpr TuningReader kTuningReaders[] = {
    {"variants", "tk-split-variants", &tile::TuningAttr::getVariants, 1},
    {"widen", "tk-widen-tiles", &tile::TuningAttr::getWiden, 1},
    {"split_k", "tk-split-k", &tile::TuningAttr::getSplitK, 1},
    {"stream_k", "tk-stream-k", &tile::TuningAttr::getStreamK, 0},
    {"cluster", "tk-cluster", &tile::TuningAttr::getCluster, 1},
    {"stages", "tk-stage-operands", &tile::TuningAttr::getStages, 0},
    {"consumers", "tk-specialize-warps", &tile::TuningAttr::getConsumers, 0},
    {"producer_registers", "tk-specialize-warps", &tile::TuningAttr::getProducerRegisters, 0},
    {"consumer_registers", "tk-specialize-warps", &tile::TuningAttr::getConsumerRegisters, 0}};

/// A pass that is left out cannot say that it did not do what was asked of it.
void Driver::remarkUnreadTuning() {
  module->walk([&](tile::KernelOp kernel) {
    tile::TuningAttr tuning = kernel.getTuningAttr();
    for (const TuningReader &reader : kTuningReaders) {
      std::optional<int64_t> asked = tuning ? (tuning.*reader.get)() : std::nullopt;
      if (asked && *asked != reader.without && llvm::is_contained(options.disabled, reader.pass))
        remark::missed(kernel.getLoc(), remark::RemarkOpts::name("UnreadTuning")
                                            .category(reader.pass)
                                            .function(kernel.getSymName()))
            << remark::reason("{0} = {1} is asked for, but the pass is disabled", reader.name,
                              *asked);
    }
  });
}

std::string Driver::print() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  stream << "\n";
  return text;
}

llvm::Error Driver::translate() {
  auto device = module->lookupSymbol<gpu::GPUModuleOp>(kDeviceModuleName);
  if (!device)
    return llvm::createStringError("the source holds no kernel");
  bool apart = options.stage != Stage::LLVM; // Whoever reads it wants one module.
  auto translated =
      watch.measure("translate to LLVM IR", [&] { return MachineCode::translate(device, apart); });
  if (!translated)
    return translated.takeError();
  machineCode = std::move(*translated);
  watch.measure("LLVM passes", [&] { return machineCode->optimize(), 0; });
  return llvm::Error::success();
}

llvm::Error Driver::buildPackage() {
  FailureOr<std::vector<Kernel>> kernels = describeKernels(*module);
  if (failed(kernels))
    return llvm::createStringError("compilation failed");
  Package &package = result.package;
  package.compilerVersion = getVersion();
  package.kernels = std::move(*kernels);
  package.ptx = result.text;
  if (!options.assemble && options.stage != Stage::Cubin)
    return llvm::Error::success();
  std::string ptxas = findPtxas(options.ptxas);
  if (ptxas.empty()) {
    if (!options.ptxas.empty())
      return llvm::createStringError("'" + options.ptxas +
                                     "' cannot be run; expected the path of ptxas");
    if (options.stage == Stage::Cubin)
      return llvm::createStringError(
          "a cubin needs ptxas, which is in none of --ptxas, CUDA_HOME, PATH and the "
          "virtual environment; install CUDA or nvidia-cuda-nvcc from PyPI");
    result.note = "no ptxas found (--ptxas, CUDA_HOME, PATH, virtual environment): the package "
                  "holds PTX only, which "
                  "the driver compiles at launch";
    return llvm::Error::success();
  }
  auto assembled = watch.measure("ptxas", [&] { return assemblePTX(package.ptx, ptxas); });
  if (!assembled)
    return assembled.takeError();
  package.cubin = std::move(assembled->cubin);
  for (Kernel &kernel : package.kernels)
    for (Variant &variant : kernel.variants)
      if (auto found = assembled->resources.find(variant.entry);
          found != assembled->resources.end()) {
        variant.resources = found->second;
        reportResources(variant);
      }
  return llvm::Error::success();
}

/// What each role has, while roles can still be told apart.
void Driver::noteRoles() {
  module->walk([&](tile::SpecializeOp op) {
    int64_t producer = op.getProducerRegisters(), consumer = op.getConsumerRegisters();
    int64_t launch =
        hopper::getLaunchRegisters(hopper::kWarpgroupThreads * (1 + int64_t(op.getConsumers())));
    if (producer < launch && launch < consumer) // Else they are not handed over (Roles.cpp).
      roles[op->getParentOfType<tile::KernelOp>().getSymName()] =
          llvm::formatv(" at the start, of which the producer keeps {0} and consumers have {1}",
                        producer, consumer);
  });
}

/// How many registers a variant's threads have, and what to do where they are too few.
std::string Driver::describeRegisters(const Variant &variant) {
  bool widened = llvm::any_of(result.package.remarks, [&](const Remark &remark) {
    return remark.kind == "passed" && remark.pass == "tk-widen-tiles" &&
           remark.function == variant.entry;
  });
  return llvm::formatv("{0} registers to a thread{1}; use {2}smaller tiles",
                       variant.resources->registers, roles.lookup(variant.entry),
                       widened ? "--tune=widen=1, or " : "");
}

/// Spills and serialised products cost more than any pass gains: they are said aloud.
void Driver::reportResources(const Variant &variant) {
  const ResourceReport &resources = *variant.resources;
  std::vector<std::string> complaints = resources.notes;
  if (resources.spillStores > 0 || resources.spillLoads > 0)
    complaints.push_back(
        llvm::formatv("{0} bytes of registers are spilled and {1} read back, with {2}",
                      resources.spillStores, resources.spillLoads, describeRegisters(variant)));
  for (const std::string &complaint : complaints) {
    std::string text = "kernel '" + variant.entry + "': " + complaint;
    result.note += (result.note.empty() ? "" : "\n") + text;
    result.package.remarks.push_back({"missed", "ptxas", "", text, variant.entry});
  }
}

void Driver::printMissedRemarks() {
  for (const Remark &remark : result.package.remarks)
    if (remark.kind == "missed" && !llvm::is_contained(getOptionalPasses(), remark.pass))
      diagnostics << remark.location << ": remark: " << remark.pass
                  << " declined: " << remark.message << "\n";
}

llvm::Expected<Compilation> Driver::run(StringRef source, StringRef fileName) {
  // Naming the kinds matters: `all` only widens those that have a filter of their own.
  remark::RemarkCategories all;
  all.passed = all.missed = all.analysis = all.failed = ".*";
  if (failed(remark::enableOptimizationRemarks(
          context, std::make_unique<RemarkCollector>(result.package.remarks),
          std::make_unique<remark::RemarkEmittingPolicyAll>(), all)))
    return llvm::createStringError("cannot collect remarks");
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(source, fileName);
  sourceManager.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  ParserConfig config(&context);
  module = watch.measure("parse", [&] { return parseSourceFile<ModuleOp>(sourceManager, config); });
  if (!module)
    return llvm::createStringError("compilation failed");
  auto finish = [&](std::string text) {
    result.text = std::move(text);
    result.times = watch.times;
    return std::move(result);
  };
  context.getOrLoadDialect<tile::TileDialect>();
  if (llvm::Error error = setTuning())
    return std::move(error);

  PipelineOptions pipeline;
  pipeline.certify = options.certify;
  for (const std::string &name : options.disabled) {
    if (!llvm::is_contained(getOptionalPasses(), name))
      return llvm::createStringError("\"" + name + "\" cannot be left out; expected one of " +
                                     llvm::join(getOptionalPasses(), ", "));
    pipeline.disable.push_back(name);
  }
  if (options.stage == Stage::Tile)
    return finish(print());
  remarkUnreadTuning();
  if (llvm::Error error =
          runPasses([&](OpPassManager &passes) { buildPlacePipeline(passes, pipeline); }, true))
    return std::move(error);
  noteRoles();
  if (options.stage == Stage::Placed)
    return finish(print());
  // Verified once, at the end: between these passes it takes a tenth of the compile time.
  if (llvm::Error error = runPasses(buildToLLVMPipeline, /*verify=*/false))
    return std::move(error);
  if (failed(verify(*module)))
    return llvm::createStringError("compilation failed");
  if (options.stage == Stage::NVVM)
    return finish(print());

  if (llvm::Error error = translate())
    return std::move(error);
  if (options.stage == Stage::LLVM)
    return finish(machineCode->print());
  auto ptx = watch.measure("LLVM code generation", [&] { return machineCode->emitPTX(); });
  if (!ptx)
    return ptx.takeError();
  if (llvm::Error error = lintPTX(*ptx))
    return std::move(error);
  result.text = std::move(*ptx);
  if (options.stage != Stage::PTX)
    if (llvm::Error error = buildPackage())
      return std::move(error);
  return finish(result.text);
}

llvm::Expected<Compilation> tk::compile(StringRef source, StringRef fileName,
                                        const CompileOptions &options,
                                        llvm::raw_ostream &diagnostics) {
  llvm::Expected<std::string> replaced = replaceAliases(source, options.aliases);
  if (!replaced)
    return replaced.takeError();
  Driver driver(options, diagnostics);
  llvm::Expected<Compilation> compilation = driver.run(*replaced, fileName);
  if (!compilation)
    driver.printMissedRemarks();
  return compilation;
}
