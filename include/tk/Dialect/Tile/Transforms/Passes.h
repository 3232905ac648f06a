//===- Passes.h - Passes on the tk dialect ----------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_TRANSFORMS_PASSES_H
#define TK_DIALECT_TILE_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

namespace tk::tile {

#define GEN_PASS_DECL
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tk/Dialect/Tile/Transforms/Passes.h.inc"

} // namespace tk::tile

#endif // TK_DIALECT_TILE_TRANSFORMS_PASSES_H
