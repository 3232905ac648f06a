//===- TileRegisters.h - Registers that tiles take at once ------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// An estimate of the registers that a thread's part of the live tiles takes, before tiles have
/// layouts. Tiles that an instruction's operand says again, constants and repeated rows or columns,
/// take none; an elementwise operation takes the registers of an operand that it is the last to
/// use.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_DIALECT_TILE_TRANSFORMS_TILEREGISTERS_H
#define TK_LIB_DIALECT_TILE_TRANSFORMS_TILEREGISTERS_H

#include "tk/Dialect/Tile/IR/TileOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace tk::tile {

/// The tile that a value is or carries in flight, or null.
::mlir::RankedTensorType getRegisterTile(::mlir::Value value);

/// Registers of each thread of a warpgroup that holds the tile as it holds products' results.
int64_t countRegisters(::mlir::RankedTensorType tile);

/// Whether a tile takes no registers of its own, but those of the tiles it is made of.
bool isRepeated(::mlir::Value tile);

class TileRegisters {
public:
  explicit TileRegisters(KernelOp kernel);

  /// Registers that tiles take before and after an operation.
  int64_t before(::mlir::Operation *op) const { return liveBefore.lookup(op); }
  int64_t after(::mlir::Operation *op) const { return liveAfter.lookup(op); }
  /// The operation of a block around which most are taken, those in its regions not counted.
  ::mlir::Operation *findPeak(::mlir::Block &block) const;

private:
  using Tiles = llvm::DenseSet<::mlir::Value>;
  void visit(::mlir::Block &block, Tiles live);

  llvm::DenseMap<::mlir::Operation *, int64_t> liveBefore, liveAfter;
};

} // namespace tk::tile

#endif // TK_LIB_DIALECT_TILE_TRANSFORMS_TILEREGISTERS_H
