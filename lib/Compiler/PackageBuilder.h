//===- PackageBuilder.h - What the host must know of a kernel ---*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_COMPILER_PACKAGEBUILDER_H
#define TK_LIB_COMPILER_PACKAGEBUILDER_H

#include "mlir/IR/BuiltinOps.h"
#include "tk/Target/Package.h"

namespace tk {

/// The kernels of a lowered module: arguments, grids, launch attributes and reports. Failure has
/// been reported as a diagnostic.
mlir::FailureOr<std::vector<Kernel>> describeKernels(mlir::ModuleOp module);

} // namespace tk

#endif // TK_LIB_COMPILER_PACKAGEBUILDER_H
