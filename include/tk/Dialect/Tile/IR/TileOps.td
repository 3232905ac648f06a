//===- TileOps.td - All operations of the tk dialect -------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEOPS_TD
#define TK_DIALECT_TILE_IR_TILEOPS_TD

include "tk/Dialect/Tile/IR/AsyncOps.td"
include "tk/Dialect/Tile/IR/KernelOps.td"
include "tk/Dialect/Tile/IR/PlacedOps.td"
include "tk/Dialect/Tile/IR/RingOps.td"
include "tk/Dialect/Tile/IR/TableOps.td"
include "tk/Dialect/Tile/IR/ValueOps.td"
include "tk/Dialect/Tile/IR/WorkspaceOps.td"

#endif // TK_DIALECT_TILE_IR_TILEOPS_TD
