//===- EmitPTX.cpp - From the machine module to PTX -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "tk/Support/Threads.h"
#include "tk/Target/Hopper.h"
#include "tk/Target/PTX.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include <atomic>
#include <mutex>
#include <thread>

using namespace mlir;

static const char *const kTriple = "nvptx64-nvidia-cuda";

/// Loop strength reduction takes a third of code generation on loops that carry hundreds of
/// registers, and gains nothing here: ptxas does its own. LLVM offers no other switch than its
/// command-line option.
static void disableLoopStrengthReduction() {
  auto &known = llvm::cl::getRegisteredOptions();
  if (auto found = known.find("disable-lsr"); found != known.end())
    static_cast<llvm::cl::opt<bool> *>(found->second)->setValue(true);
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    disableLoopStrengthReduction();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, tk::hopper::kChip, tk::hopper::kFeatures, {},
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Less));
}

/// The user's own line: the first file location inside a fused, named or call-site one. Line tables
/// of fused locations come out as ".loc 1 0 0" otherwise.
static Location collapseLocation(Location location) {
  FileLineColLoc file;
  location->walk([&](Location inner) {
    file = dyn_cast<FileLineColLoc>(inner);
    return file ? WalkResult::interrupt() : WalkResult::advance();
  });
  return file ? Location(file) : UnknownLoc::get(location.getContext());
}

/// Synchronising assembly must not be duplicated or moved across divergent control flow, and MLIR
/// cannot say so.
static void markConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::BasicBlock &block : function)
      for (llvm::Instruction &instruction : block) {
        auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
        if (!call || !call->isInlineAsm())
          continue;
        llvm::StringRef text =
            llvm::cast<llvm::InlineAsm>(call->getCalledOperand())->getAsmString();
        if (!text.contains(".sync") && !text.contains("bar"))
          continue;
        call->setConvergent();
        function.setConvergent();
      }
}

struct tk::MachineCode::Part {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::string text, error; ///< Of emitPTX.
};

tk::MachineCode::MachineCode() = default;
tk::MachineCode::MachineCode(MachineCode &&) = default;
tk::MachineCode &tk::MachineCode::operator=(MachineCode &&) = default;
tk::MachineCode::~MachineCode() = default;

/// Whether each function can be a module of its own: they share declarations and nothing else.
static bool areIndependent(gpu::GPUModuleOp device) {
  return llvm::all_of(*device.getBody(), [](Operation &op) {
    if (auto global = dyn_cast<LLVM::GlobalOp>(op))
      return !global.getValueAttr() && global.getInitializerRegion().empty();
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    WalkResult walk = op.walk([](LLVM::CallOp) { return WalkResult::interrupt(); });
    return function && !function.isExternal() && !walk.wasInterrupted();
  });
}

/// Translates a machine module, or one function of it and what is declared.
static llvm::Error translate(gpu::GPUModuleOp device, Operation *only, llvm::LLVMContext &context,
                             std::unique_ptr<llvm::Module> &module) {
  // A plain module of its own: the pass that makes line tables refuses gpu.module.
  OwningOpRef<ModuleOp> plain = ModuleOp::create(device.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(plain->getBody());
  for (Operation &op : *device.getBody())
    if (!only || &op == only || !isa<LLVM::LLVMFuncOp>(op))
      builder.clone(op);
  plain->walk([](Operation *op) { op->setLoc(collapseLocation(op->getLoc())); });
  PassManager passes(device.getContext(), ModuleOp::getOperationName());
  LLVM::DIScopeForLLVMFuncOpPassOptions options;
  // Anything more emits ".target ..., debug", which turns ptxas's optimiser off.
  options.emissionKind = LLVM::DIEmissionKind::DebugDirectivesOnly;
  passes.enableVerifier(false); // The module came verified, and is only annotated.
  passes.addPass(LLVM::createDIScopeForLLVMFuncOpPass(options));
  if (failed(passes.run(*plain)))
    return llvm::createStringError("cannot attach line information to the machine module");
  module = translateModuleToLLVMIR(*plain, context, "tk");
  if (!module)
    return llvm::createStringError("cannot translate the machine module to LLVM IR");
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine();
  if (!machine)
    return llvm::createStringError("this build of LLVM has no NVPTX target");
  module->setTargetTriple(llvm::Triple(kTriple));
  module->setDataLayout(machine->createDataLayout());
  markConvergent(*module);
  return llvm::Error::success();
}

llvm::Expected<tk::MachineCode> tk::MachineCode::translate(gpu::GPUModuleOp device, bool apart) {
  SmallVector<Operation *> functions;
  if (apart && areIndependent(device))
    for (auto function : device.getBody()->getOps<LLVM::LLVMFuncOp>())
      functions.push_back(function);
  if (functions.size() < 2)
    functions = {nullptr}; // All in one.
  MachineCode code;
  for (Operation *function : functions) {
    Part &part = *code.parts.emplace_back(std::make_unique<Part>());
    if (llvm::Error error = ::translate(device, function, part.context, part.module))
      return std::move(error);
  }
  return code;
}

/// On as many threads as there are parts and cores.
void tk::MachineCode::forEachPart(llvm::function_ref<void(Part &)> work) {
  std::atomic<size_t> next{0};
  size_t cores = std::max(1u, std::thread::hardware_concurrency());
  runOnThreads(std::min(parts.size(), cores), [&](unsigned) {
    for (size_t i; (i = next.fetch_add(1)) < parts.size();)
      work(*parts[i]);
  });
}

static void optimize(llvm::Module &module) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine();
  llvm::PassBuilder builder(machine.get());
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  passes.addPass(llvm::GVNPass());
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::ADCEPass());
  passes.addPass(llvm::SimplifyCFGPass());
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  pipeline.run(module, modules);
}

static std::string emit(llvm::Module &module, std::string &error) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine();
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile,
                                   /*DisableVerify=*/true))
    error = "the NVPTX target cannot emit assembly";
  else
    passes.run(module);
  return text.str().str();
}

void tk::MachineCode::optimize() {
  forEachPart([](Part &part) { ::optimize(*part.module); });
}

llvm::Expected<std::string> tk::MachineCode::emitPTX() {
  forEachPart([](Part &part) { part.text = emit(*part.module, part.error); });
  std::vector<std::string> texts;
  for (std::unique_ptr<Part> &part : parts) {
    if (!part->error.empty())
      return llvm::createStringError(part->error);
    texts.push_back(std::move(part->text));
  }
  return texts.size() == 1 ? std::move(texts.front()) : joinPTX(texts);
}

std::string tk::MachineCode::print() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (const std::unique_ptr<Part> &part : parts)
    stream << *part->module;
  return text;
}
