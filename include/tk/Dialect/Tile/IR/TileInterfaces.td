//===- TileInterfaces.td - What passes ask of layouts ------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEINTERFACES_TD
#define TK_DIALECT_TILE_IR_TILEINTERFACES_TD

include "mlir/IR/OpBase.td"

def Tile_RegisterLayoutInterface : AttrInterface<"RegisterLayoutInterface"> {
  let cppNamespace = "::tk::tile";
  let description = [{
    The encoding of a placed register tile. Passes ask for its distribution and never switch on its kind.
  }];
  let methods = [
    InterfaceMethod<[{
      How a tile of this shape lies over registers and threads. The shape must have passed `verifyShape`.
    }], "::tk::layout::Distribution", "toDistribution", (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<[{
      Whether a tile of this shape can have this layout; if not, a diagnostic with both values and the remedy.
    }], "::llvm::LogicalResult", "verifyShape",
      (ins "::llvm::ArrayRef<int64_t>":$shape,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
  ];
}

def Tile_SharedLayoutInterface : AttrInterface<"SharedLayoutInterface"> {
  let cppNamespace = "::tk::tile";
  let description = [{
    The layout of a shared tile: from coordinates to bytes.
  }];
  let methods = [
    InterfaceMethod<[{
      How a tile of this shape lies in shared memory. The shape must have passed `verifyShape`.
    }], "::tk::layout::SharedLayout", "toSharedLayout",
      (ins "::llvm::ArrayRef<int64_t>":$shape, "int64_t":$elementBytes)>,
    InterfaceMethod<[{
      Whether a tile of this shape and element size can have this layout; if not, a diagnostic.
    }], "::llvm::LogicalResult", "verifyShape",
      (ins "::llvm::ArrayRef<int64_t>":$shape, "int64_t":$elementBytes,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
  ];
}

def Tile_SharedStorageInterface : TypeInterface<"SharedStorageInterface"> {
  let cppNamespace = "::tk::tile";
  let description = [{
    What `tk.alloc` can make room for in shared memory.
  }];
  let methods = [
    InterfaceMethod<"Bytes it takes.", "int64_t", "getSizeInBytes">,
    InterfaceMethod<"What its address must be a multiple of. It must have its layout.", "int64_t", "getAlignment">,
    InterfaceMethod<"Whether its bytes have their final order.", "bool", "hasLayout">,
  ];
}

#endif // TK_DIALECT_TILE_IR_TILEINTERFACES_TD
