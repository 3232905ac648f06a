//===- TileDialect.h - The tk dialect ---------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEDIALECT_H
#define TK_DIALECT_TILE_IR_TILEDIALECT_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/TensorEncoding.h"
#include "tk/Layout/Distribution.h"
#include "tk/Layout/SharedLayout.h"

#include "tk/Dialect/Tile/IR/TileDialect.h.inc"

#include "tk/Dialect/Tile/IR/TileAttrInterfaces.h.inc"
#include "tk/Dialect/Tile/IR/TileEnums.h.inc"
#include "tk/Dialect/Tile/IR/TileTypeInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "tk/Dialect/Tile/IR/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "tk/Dialect/Tile/IR/TileTypes.h.inc"

#endif // TK_DIALECT_TILE_IR_TILEDIALECT_H
