//===- TileOpBase.td - Constraints and resources of the ops -*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEOPBASE_TD
#define TK_DIALECT_TILE_IR_TILEOPBASE_TD

include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "tk/Dialect/Tile/IR/TileAttrs.td"
include "tk/Dialect/Tile/IR/TileTypes.td"

def Tile_PositiveExtents : CPred<
    "::llvm::all_of(::mlir::cast<::mlir::ShapedType>($_self).getShape(), [](int64_t extent) { return extent > 0; })">;
def Tile_Tile : Type<And<[StaticShapeTensorOf<[AnyFloat, AnySignlessInteger]>.predicate, Tile_PositiveExtents]>,
                     "static tensor of numbers", "::mlir::RankedTensorType">;
def Tile_Tile2D : Type<And<[Tile_Tile.predicate, HasAnyRankOfPred<[2]>]>, "2-D static tensor of numbers", "::mlir::RankedTensorType">;

// Waits, acquires and fences write the queue they drain and the memory they order, so that nothing moves across.
def Tile_GlobalMemory : Resource<"::tk::tile::GlobalMemory">;
def Tile_SharedMemory : Resource<"::tk::tile::SharedMemory">;
def Tile_BarrierState : Resource<"::tk::tile::BarrierState">;
def Tile_WgmmaQueue : Resource<"::tk::tile::WgmmaQueue">;
def Tile_BulkQueue : Resource<"::tk::tile::BulkQueue">;
def Tile_Workspace : Resource<"::tk::tile::Workspace">;

#endif // TK_DIALECT_TILE_IR_TILEOPBASE_TD
