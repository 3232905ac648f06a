//===- Utils.h - What the passes share --------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_DIALECT_TILE_TRANSFORMS_UTILS_H
#define TK_LIB_DIALECT_TILE_TRANSFORMS_UTILS_H

#include "mlir/IR/Remarks.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

namespace mlir::scf {
class ForOp;
} // namespace mlir::scf

namespace tk::tile {

/// The options of a remark of a pass on a kernel.
inline ::mlir::remark::RemarkOpts remarkOn(KernelOp kernel, ::llvm::StringRef name,
                                           ::llvm::StringRef pass) {
  return ::mlir::remark::RemarkOpts::name(name).category(pass).function(kernel.getSymName());
}

/// The tile with the layout that serves data contiguous along `contiguous`: the widest swizzle
/// whose span divides that extent. Null where there is none.
SharedType addSwizzle(SharedType tile, unsigned contiguous);

/// The dimension along which a tile with a layout is cut into the parts that the programs of a
/// cluster bring, and the part; nullopt where no cut gives tiles that the copy engine writes.
std::optional<std::pair<unsigned, SharedType>> findClusterPart(SharedType tile, int64_t programs);

/// Whether every operand of the kernel's products is loaded from a view that the copy engine reads.
bool areOperandsCopied(KernelOp kernel);

/// The dimension of a tile of this view that its layout should be contiguous along: the view's own,
/// or the last.
unsigned getContiguousOrLast(GlobalType view, unsigned tileRank);

/// The dimension along which the data that is written to the tile is contiguous in global memory:
/// looks through elementwise operations, which keep positions, and at slots and slices. The last
/// dimension where nothing says otherwise.
unsigned findContiguousDimension(::mlir::Value memory, unsigned rank);

/// What reports call tile number `index` of a ring: its part of the ring's label where that has one
/// for each tile.
std::string nameTile(CreateRingOp ring, unsigned index);

/// Warpgroups that should share the rows of the kernel's products, as far as their number is
/// concerned: what the tuning says, or two; three where slabs of 64 rows come in threes only.
int64_t chooseConsumers(KernelOp kernel);

/// Whether a tile is loaded from the very place where `store`, the only one to that view, stores
/// what elementwise operations make of it, in no loop that comes back to the place: C = A * B + C.
/// Threads that deal both tiles out alike, or that take them in pieces, then load nothing that
/// another has stored to.
bool isUpdateInPlace(LoadOp load, StoreOp store);

/// Why consumers that share out a tile's rows could not each do the load for themselves, or an
/// empty string.
std::string findSharedLoadObstacle(KernelOp kernel, LoadOp load);

/// Whether an index is known not to be negative, from the places and sizes it is computed from, as
/// long as nothing overflows.
bool isNonNegative(::mlir::Value index);

/// Moves a load or a store by `distance` along a dimension of its tile of rank 2.
void moveAccess(::mlir::OpBuilder &builder, ::mlir::Operation *access, unsigned dimension,
                ::mlir::Value distance);

/// The piece of a register tile of rank 2 that begins at a row and a column; of a constant that is
/// the same everywhere, a smaller constant.
::mlir::Value takePiece(::mlir::OpBuilder &builder, ::mlir::Value tile,
                        ::mlir::RankedTensorType piece, int64_t row, int64_t column);

/// Erases operations without effects and without users, innermost users first.
void eraseDeadOps(::mlir::Region &region);

/// Rebuilds a loop without some of the values it carries, whose results and arguments must have no
/// other users than the loop's own yield.
void dropCarried(::mlir::scf::ForOp loop, ::llvm::function_ref<bool(unsigned)> isDropped);

/// Whether the loop's bounds say that it runs at all, as a value.
::mlir::Value makeTripCondition(::mlir::OpBuilder &builder, ::mlir::scf::ForOp loop);

} // namespace tk::tile

#endif // TK_LIB_DIALECT_TILE_TRANSFORMS_UTILS_H
