//===- TileOps.h - Operations of the tk dialect -----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEOPS_H
#define TK_DIALECT_TILE_IR_TILEOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tk/Dialect/Tile/IR/TileDialect.h"

namespace tk::tile {

#define TK_RESOURCE(NAME)                                                                          \
  struct NAME : ::mlir::SideEffects::Resource::Base<NAME> {                                        \
    ::llvm::StringRef getName() final { return #NAME; }                                            \
  };
TK_RESOURCE(GlobalMemory)
TK_RESOURCE(SharedMemory)
TK_RESOURCE(BarrierState)
TK_RESOURCE(WgmmaQueue)
TK_RESOURCE(Workspace)
TK_RESOURCE(BulkQueue)
#undef TK_RESOURCE

/// Where a view comes from: an argument of the kernel, or a column of one that is a table. Views of
/// different sources share no memory where one of them is written (`tk.kernel`).
struct ViewSource {
  unsigned argument;
  std::optional<unsigned> column;
  bool operator==(const ViewSource &) const = default;
};
/// Nullopt for views of which nothing is known.
std::optional<ViewSource> findViewSource(::mlir::Value view);

/// On a loop whose iterations were programs of a grid.
inline constexpr char kIndependentAttrName[] = "tk.independent";

/// The distribution of a placed register tile, or nullopt if the tensor has no register layout.
std::optional<layout::Distribution> getDistribution(::mlir::RankedTensorType type);

/// The names of what `#tk.tuning` decides.
::llvm::ArrayRef<::llvm::StringRef> getTuningNames();

/// Whether the host can compute what the operation does for a grid, from arguments and other such
/// operations.
bool isHostArithmetic(::mlir::Operation *op);

/// "gemm.mlir:20:10": the user's line behind an operation, for reports. Empty where there is none.
std::string describeLocation(::mlir::Location location);

/// What every access of a view has: an offset for each of its dimensions, and a tile of as many or
/// fewer.
::llvm::LogicalResult verifyTileRank(::mlir::Operation *op, GlobalType view, size_t tileRank,
                                     size_t numOffsets);

/// A copy between a view and a shared tile moves one element type.
::llvm::LogicalResult verifyTileOfView(::mlir::Operation *op, GlobalType view, SharedType tile,
                                       size_t numOffsets);

/// Bytes from one of the equal pieces that a shared tile is cut into along `dimension` to the next,
/// or nullopt where they do not lie so. Both types must have layouts.
std::optional<int64_t> getSliceStride(SharedType whole, SharedType piece, unsigned dimension);

/// A kind of product that the tensor core has: how PTX names its types, and what restricts it.
struct ProductKind {
  ::llvm::StringRef a, b, acc;
  int64_t k;      ///< Of one instruction.
  bool anyLayout; ///< Whether operands may be contiguous along M or N; along K they always may.
  bool isInteger; ///< Neither negates nor scales; N in steps of 16 beyond 24.
  bool hasN(int64_t n) const;
};
/// f32 operands are taken as tf32. Nullopt for types it has no product of.
std::optional<ProductKind> findProductKind(::mlir::Type a, ::mlir::Type b, ::mlir::Type acc);

/// Why the copy engine cannot bring a tile of this shape from the view, or an empty string.
std::string findTMAObstacle(GlobalType view, ::llvm::ArrayRef<int64_t> shape);

} // namespace tk::tile

#define GET_OP_CLASSES
#include "tk/Dialect/Tile/IR/TileOps.h.inc"

#endif // TK_DIALECT_TILE_IR_TILEOPS_H
