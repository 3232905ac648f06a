//===- Passes.td - From the tk dialect to the machine ------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_CONVERSION_TILETONVVM_PASSES_TD
#define TK_CONVERSION_TILETONVVM_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTileToNVVM : Pass<"convert-tk-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Lower placed kernels to threads, registers, descriptors and inline PTX";
  let description = [{
    Before: placed programs: every register tile has a layout, every shared tile a layout and an offset, fences and
    barriers stand. After: one `gpu.module @tk_device` whose `llvm.func`s hold scalar `arith`, `scf`, `llvm` and `nvvm`
    operations; each register tile has become its registers, one SSA value each. The `tk.kernel` stays as what the
    host must know to launch it: arguments, grid, attributes, the report of its buffers; its body is empty and
    `lowered_to` names the function.

    A view argument becomes a pointer, then each dynamic size, then each dynamic stride, as `i64`.

    Work in flight is threaded through inline assembly: the register fence, each product and the wait take all
    registers of the accumulator as tied operands, so that LLVM can move no use of them across. Operations that have
    no lowering are an error that names the pass that should have removed them.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def LowerDeviceToLLVM : Pass<"tk-device-to-llvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Lower what remains in the machine module to the llvm dialect";
  let description = [{
    Before: the output of `convert-tk-to-nvvm` after `convert-scf-to-cf`: scalar `arith`, `cf`, and the `math` operations
    that are one machine instruction (`absf`, `exp2`, `fma`, `sqrt`). After: `llvm` and `nvvm` only. It runs inside the
    machine module, so that the host's grid expressions stay as they are. Anything else is an error: calling a
    library from a kernel is not a lowering.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TK_CONVERSION_TILETONVVM_PASSES_TD
