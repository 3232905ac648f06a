//===- Pipelines.cpp - The order of passes --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Pipelines.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "tk/Conversion/TileToNVVM/Passes.h"
#include "tk/Dialect/Graph/Transforms/Passes.h"
#include "tk/Dialect/Tile/Transforms/Passes.h"

using namespace mlir;

static constexpr StringRef kOptionalPasses[] = {
    "tk-split-variants",   "tk-split-k",          "tk-widen-tiles",    "tk-cluster",
    "tk-persist",          "tk-stream-k",         "tk-stage-operands", "tk-specialize-warps",
    "tk-subtile-epilogue", "tk-overlap-products", "tk-split-rows",     "tk-insert-stmatrix"};

ArrayRef<StringRef> tk::getOptionalPasses() { return kOptionalPasses; }

void tk::buildPlacePipeline(OpPassManager &passes, const PipelineOptions &options) {
  auto addOptional = [&](OpPassManager &to, std::unique_ptr<Pass> pass) {
    if (!llvm::is_contained(options.disable, pass->getArgument()))
      to.addPass(std::move(pass));
  };
  passes.addPass(graph::createGraphToTile());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  addOptional(passes, tile::createSplitVariants());
  OpPassManager &kernel = passes.nest<tile::KernelOp>();
  addOptional(kernel, tile::createSplitK());
  addOptional(kernel, tile::createWidenTiles());
  addOptional(kernel, tile::createCluster());
  kernel.addPass(tile::createFlattenGrid());
  addOptional(kernel, tile::createPersist());
  addOptional(kernel, tile::createStreamK());
  addOptional(kernel, tile::createStageOperands());
  addOptional(kernel, tile::createSpecializeWarps());
  addOptional(kernel, tile::createSubtileEpilogue());
  kernel.addPass(tile::createInsertWgmma());
  addOptional(kernel, tile::createOverlapProducts());
  addOptional(kernel, tile::createSplitRows());
  kernel.addPass(tile::createAssignSwizzles());
  kernel.addPass(tile::createInsertTMA());
  kernel.addPass(tile::createPlaceSums());
  kernel.addPass(tile::createAssignLayouts());
  addOptional(kernel, tile::createInsertStmatrix());
  kernel.addPass(tile::createAllocateShared());
  kernel.addPass(tile::createInsertFences());
  if (options.certify) {
    kernel.addPass(tile::createCertifyRings());
    kernel.addPass(tile::createCertify());
  }
}

void tk::buildToLLVMPipeline(OpPassManager &passes) {
  passes.addPass(createConvertTileToNVVM());
  OpPassManager &device = passes.nest<gpu::GPUModuleOp>();
  // No canonicalisation here: its patterns are quadratic in the hundreds of values a loop carries,
  // and LLVM folds constants as well.
  device.addPass(createCSEPass());
  device.addPass(createSCFToControlFlowPass());
  device.addPass(createLowerDeviceToLLVM());
}

void tk::buildCompilePipeline(OpPassManager &passes, const PipelineOptions &options) {
  buildPlacePipeline(passes, options);
  buildToLLVMPipeline(passes);
}

void tk::registerPipelines() {
  PassPipelineRegistration<PipelineOptions>("tk-place", "From a tile program to a placed program",
                                            buildPlacePipeline);
  PassPipelineRegistration<>("tk-to-llvm", "From a placed program to the llvm and nvvm dialects",
                             buildToLLVMPipeline);
  PassPipelineRegistration<PipelineOptions>(
      "tk-compile", "From a tile program to the llvm and nvvm dialects", buildCompilePipeline);
}
