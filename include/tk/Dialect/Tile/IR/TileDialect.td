//===- TileDialect.td - The tk dialect ---------------------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEDIALECT_TD
#define TK_DIALECT_TILE_IR_TILEDIALECT_TD

include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tk";
  let cppNamespace = "::tk::tile";
  let summary = "Tile kernels: register tiles, shared tiles, and the asynchronous machinery of Hopper";
  let description = [{
    One dialect, two views of a kernel.

    A **tile program** says what a block computes: `tk.load`, `tk.dot`, `tk.store` on `tensor` values, with `scf`,
    `arith` and `math` around them; there are no threads and no memory spaces. A **placed program** says where: each
    tensor carries a register layout as its encoding, shared memory is allocated as `!tk.shared` tiles with a
    swizzle, and products are `tk.wgmma` operations in flight. Passes lead from the first view to the second; both
    are ordinary, editable IR.

    `tk.independent` on an `scf.for` says that its iterations were programs of a grid: what one does to views is not
    ordered before what another does.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
  }];
}

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

#endif // TK_DIALECT_TILE_IR_TILEDIALECT_TD
