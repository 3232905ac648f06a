//===- PTX.h - From the machine module to PTX and cubin ---------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_PTX_H
#define TK_TARGET_PTX_H

#include "tk/Target/Package.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <map>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace mlir::gpu {
class GPUModuleOp;
} // namespace mlir::gpu

namespace tk {

/// Translates a machine module of `llvm` and `nvvm` operations to LLVM IR, with line directives and
/// convergent synchronising assembly. The module itself is left as it is.
llvm::Expected<std::unique_ptr<llvm::Module>> translateToLLVM(mlir::gpu::GPUModuleOp device,
                                                              llvm::LLVMContext &context);

/// Optimises in place: scalar cleanup, common subexpressions and loop-invariant code, but no
/// peeling, unrolling or vectorisation, which would put register writes between a fence and its
/// product.
void optimizeForPTX(llvm::Module &module);

/// PTX text for the one target.
llvm::Expected<std::string> emitPTX(llvm::Module &module);

/// Refuses PTX in which an accumulator is written by an ordinary instruction between `wgmma.fence`
/// and the product that uses it: the ISA forbids it (PTX ISA 9.1, 9.7.15.7.1) and ptxas does not
/// report it.
llvm::Error lintPTX(llvm::StringRef ptx);

/// Where ptxas is looked for: `option` if not empty, then CUDA_HOME, PATH, and the virtual
/// environment (VIRTUAL_ENV). An empty string where there is none.
std::string findPtxas(llvm::StringRef option = "");

struct AssembledPTX {
  std::vector<uint8_t> cubin;
  std::map<std::string, ResourceReport> resources; ///< By entry.
};
/// What `ptxas -v` says of each function. A note C75xx belongs to the function it names, wherever
/// in the log it stands.
std::map<std::string, ResourceReport> parsePtxasLog(llvm::StringRef log);

/// Runs ptxas. Its errors come back as they are; so does any C75xx note, which says that it
/// serialised products.
llvm::Expected<AssembledPTX> assemblePTX(llvm::StringRef ptx, llvm::StringRef ptxas);

} // namespace tk

#endif // TK_TARGET_PTX_H
