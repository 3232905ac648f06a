//===- Pipelines.h - The order of passes ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_COMPILER_PIPELINES_H
#define TK_COMPILER_PIPELINES_H

#include "mlir/Pass/PassOptions.h"
#include "llvm/ADT/ArrayRef.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace tk {

/// What the way down leaves open. The same struct serves tk-opt, tk-compile and the JIT.
struct PipelineOptions : mlir::PassPipelineOptions<PipelineOptions> {
  Option<bool> certify{*this, "certify", llvm::cl::init(true),
                       llvm::cl::desc("Prove the bank conflicts of every shared-memory access")};
  ListOption<std::string> disable{*this, "disable",
                                  llvm::cl::desc("Optional passes to leave out, by name")};
};

/// The passes that `PipelineOptions::disable` may name: without any of them the result is the same.
llvm::ArrayRef<llvm::StringRef> getOptionalPasses();

/// `tk-place`: from a tile program to a placed program.
void buildPlacePipeline(mlir::OpPassManager &passes, const PipelineOptions &options);
/// `tk-to-llvm`: from a placed program to the llvm and nvvm dialects.
void buildToLLVMPipeline(mlir::OpPassManager &passes);
/// `tk-compile`: both.
void buildCompilePipeline(mlir::OpPassManager &passes, const PipelineOptions &options);

void registerPipelines();

} // namespace tk

#endif // TK_COMPILER_PIPELINES_H
