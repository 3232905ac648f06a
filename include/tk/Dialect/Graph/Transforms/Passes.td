//===- Passes.td - Passes on graphs ------------------------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_GRAPH_TRANSFORMS_PASSES_TD
#define TK_DIALECT_GRAPH_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def GraphToTile : Pass<"tkg-to-tk", "::mlir::ModuleOp"> {
  let summary = "Write the tile program of each function that is one matrix product";
  let description = [{
    Before: functions on tensors. After: each `func.func` that this pass understands is a `tk.kernel` of the same name;
    everything else in the module is as before.

    Understood is a function of two matrices, bf16 or f16, whose body is one `linalg.matmul` that accumulates in f32
    from zeros, then elementwise `arith` operations on floats, and a return of one result. Its arguments become
    row-major views `A` and `B` in their order, its result the view `out`; sizes are named `M`, `N` and `K`, so the
    host checks that they agree. One program computes a tile of 128 x 128, in steps of 64; static sizes below these
    take smaller tiles, down to what the tensor core has. The elementwise operations are applied to the tile before it
    is stored. The kernel has no `numerics`: a graph says of each operation what liberties it allows.

    Declines, with a `missed` remark at the operation in the way, every other function and leaves it as it is; a
    function that something refers to by name stays as well, since a kernel cannot be called.

    ```mlir
    module {
      func.func @gemm(%A: tensor<64x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<64x16xbf16> {
        %zero = arith.constant dense<0.0> : tensor<64x16xf32>
        %p = linalg.matmul ins(%A, %B : tensor<64x16xbf16>, tensor<16x16xbf16>)
                           outs(%zero : tensor<64x16xf32>) -> tensor<64x16xf32>
        %c = arith.truncf %p : tensor<64x16xf32> to tensor<64x16xbf16>
        return %c : tensor<64x16xbf16>
      }
    }
    // becomes
    tk.kernel @gemm(%A: !tk.global<64x16xbf16> [M, K], %B: !tk.global<16x16xbf16> [K, N],
                    %out: !tk.global<64x16xbf16> [M, N]) grid {
      %c1 = arith.constant 1 : index
      tk.grid %c1, %c1
    } {
      %c0 = arith.constant 0 : index
      %zero = arith.constant dense<0.0> : tensor<64x16xf32>
      %a = tk.load %A[%c0, %c0] : !tk.global<64x16xbf16> -> tensor<64x16xbf16>
      %b = tk.load %B[%c0, %c0] : !tk.global<16x16xbf16> -> tensor<16x16xbf16>
      %p = tk.dot %a, %b, %zero : tensor<64x16xbf16>, tensor<16x16xbf16>, tensor<64x16xf32>
      %c = arith.truncf %p : tensor<64x16xf32> to tensor<64x16xbf16>
      tk.store %c, %out[%c0, %c0] : tensor<64x16xbf16>, !tk.global<64x16xbf16>
      tk.return
    }
    ```

    for sizes of one tile. In general there are a loop over K, offsets from `tk.program_id` and a grid of ceiling
    divisions, as in `examples/gemm.mlir`; the pass always writes those, and canonicalisation removes them where it can.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::tk::tile::TileDialect"];
}

#endif // TK_DIALECT_GRAPH_TRANSFORMS_PASSES_TD
