//===- PTX.h - From the machine module to PTX and cubin ---------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TARGET_PTX_H
#define TK_TARGET_PTX_H

#include "tk/Target/Package.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mlir::gpu {
class GPUModuleOp;
} // namespace mlir::gpu

namespace tk {

/// A machine module as LLVM IR. Its functions may be apart, each in a module and a context of its
/// own: they are then worked on side by side, which takes as long as the longest of them where
/// there are cores enough.
class MachineCode {
public:
  /// Translates a machine module of `llvm` and `nvvm` operations, with line directives and
  /// convergent synchronising assembly. The module itself is left as it is.
  static llvm::Expected<MachineCode> translate(mlir::gpu::GPUModuleOp device, bool apart);
  MachineCode(MachineCode &&);
  MachineCode &operator=(MachineCode &&);
  ~MachineCode();

  /// Optimises in place: scalar cleanup, common subexpressions and loop-invariant code, but no
  /// peeling, unrolling or vectorisation, which would put register writes between a fence and its
  /// product.
  void optimize();

  /// PTX text for the one target, the same whether functions are apart or not.
  llvm::Expected<std::string> emitPTX();

  /// The LLVM IR.
  std::string print() const;

private:
  struct Part;
  MachineCode();
  void forEachPart(llvm::function_ref<void(Part &)> work);
  std::vector<std::unique_ptr<Part>> parts;
};

/// One module of the PTX of several functions, each as LLVM writes it for a module of that function
/// alone. Labels and files are numbered as in a module of all.
std::string joinPTX(llvm::ArrayRef<std::string> functions);

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
