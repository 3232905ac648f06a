//===- Passes.h - From the tk dialect to the machine ------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_CONVERSION_TILETONVVM_PASSES_H
#define TK_CONVERSION_TILETONVVM_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

namespace tk {

#define GEN_PASS_DECL
#include "tk/Conversion/TileToNVVM/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tk/Conversion/TileToNVVM/Passes.h.inc"

/// The machine module that holds all lowered kernels, and its dynamic shared memory.
inline constexpr char kDeviceModuleName[] = "tk_device";
inline constexpr char kSharedMemoryName[] = "tk_shared";

} // namespace tk

#endif // TK_CONVERSION_TILETONVVM_PASSES_H
