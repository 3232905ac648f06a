//===- WalkTiles.h - The order in which programs take tiles ----*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_DIALECT_TILE_TRANSFORMS_WALKTILES_H
#define TK_LIB_DIALECT_TILE_TRANSFORMS_WALKTILES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

namespace tk::tile {

/// Index arithmetic on values that are not negative.
struct IndexBuilder {
  ::mlir::OpBuilder &builder;
  ::mlir::Location location;

  ::mlir::Value constant(int64_t value) {
    return ::mlir::arith::ConstantIndexOp::create(builder, location, value);
  }
  ::mlir::Value add(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::AddIOp::create(builder, location, a, b);
  }
  ::mlir::Value sub(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::SubIOp::create(builder, location, a, b);
  }
  /// last - a, for a no greater than `last`, whose bits are all set: never negative, as anyone
  /// sees.
  ::mlir::Value flip(::mlir::Value last, ::mlir::Value a) {
    return ::mlir::arith::XOrIOp::create(builder, location, last, a);
  }
  ::mlir::Value mul(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::MulIOp::create(builder, location, a, b);
  }
  ::mlir::Value div(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::DivUIOp::create(builder, location, a, b);
  }
  ::mlir::Value rem(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::RemUIOp::create(builder, location, a, b);
  }
  ::mlir::Value min(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::MinUIOp::create(builder, location, a, b);
  }
  ::mlir::Value max(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::MaxUIOp::create(builder, location, a, b);
  }
  /// Of differences, which may be negative.
  ::mlir::Value minSigned(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::MinSIOp::create(builder, location, a, b);
  }
  ::mlir::Value maxSigned(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::MaxSIOp::create(builder, location, a, b);
  }
  ::mlir::Value ceilDiv(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::CeilDivUIOp::create(builder, location, a, b);
  }
  ::mlir::Value isEqual(::mlir::Value a, ::mlir::Value b) {
    return compare(::mlir::arith::CmpIPredicate::eq, a, b);
  }
  ::mlir::Value isLess(::mlir::Value a, ::mlir::Value b) {
    return compare(::mlir::arith::CmpIPredicate::ult, a, b);
  }
  ::mlir::Value both(::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::AndIOp::create(builder, location, a, b);
  }
  ::mlir::Value select(::mlir::Value condition, ::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::SelectOp::create(builder, location, condition, a, b);
  }

private:
  ::mlir::Value compare(::mlir::arith::CmpIPredicate predicate, ::mlir::Value a, ::mlir::Value b) {
    return ::mlir::arith::CmpIOp::create(builder, location, predicate, a, b);
  }
};

/// How the tiles of a grid are walked.
struct TileWalk {
  TileOrder order = TileOrder::Bands;
  int64_t group = 1; ///< Rows of tiles in a band; 1: row by row.
};

/// What `#tk.tuning` asks for, or bands.
TileWalk chooseWalk(KernelOp kernel);

/// Which program tile number `tile` stands for: bands of `group` rows of programs, walked column by
/// column, or square by square along Hilbert's curve, so that programs that run together share rows
/// and columns of operands in L2.
::llvm::SmallVector<::mlir::Value> decodeTile(IndexBuilder index, ::mlir::Value tile,
                                              ::llvm::ArrayRef<::mlir::Value> extents,
                                              const TileWalk &walk);

/// "in bands of 8 row(s)": for remarks.
std::string describeWalk(const TileWalk &walk, size_t dimensions);

} // namespace tk::tile

#endif // TK_LIB_DIALECT_TILE_TRANSFORMS_WALKTILES_H
