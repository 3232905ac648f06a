//===- WalkTiles.cpp - The order in which programs take tiles ----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WalkTiles.h"
#include "tk/Target/Hopper.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

TileWalk tk::tile::chooseWalk(KernelOp kernel) {
  TuningAttr tuning = kernel.getTuningAttr();
  TileWalk walk;
  if (tuning && tuning.getOrder())
    walk.order = *tuning.getOrder();
  walk.group = tuning && tuning.getGroup() ? *tuning.getGroup() : hopper::kBandRows;
  if (walk.order == TileOrder::Rows)
    walk.group = 1;
  return walk;
}

std::string tk::tile::describeWalk(const TileWalk &walk, size_t dimensions) {
  if (walk.group == 1 || dimensions == 1)
    return "row by row";
  if (walk.order == TileOrder::Hilbert)
    return llvm::formatv("along Hilbert's curve in squares of {0}", walk.group);
  return llvm::formatv("in bands of {0} row(s)", walk.group);
}

/// A point of Hilbert's curve through a square of `side` (a power of two): the column and row of
/// step `step`. The curve starts at column 0 of row 0 and ends at the last column of that row, next
/// to where the curve through the square beside it starts.
static std::pair<Value, Value> followHilbert(IndexBuilder index, Value step, int64_t side) {
  Value zero = index.constant(0), one = index.constant(1), two = index.constant(2);
  Value x = zero, y = zero;
  for (int64_t s = 1; s < side; s *= 2) {
    Value right = index.rem(index.div(step, two), two);
    Value up =
        index.rem(index.add(step, right), two); // Whether exactly one of the low bits is set.
    step = index.div(step, index.constant(4));
    // A quarter that the curve enters from above is turned.
    Value last = index.constant(s - 1);
    Value turned = index.isEqual(up, zero), mirrored = index.isEqual(right, one);
    Value flipX = index.select(mirrored, index.flip(last, x), x);
    Value flipY = index.select(mirrored, index.flip(last, y), y);
    Value nextX = index.select(turned, flipY, x);
    Value nextY = index.select(turned, flipX, y);
    x = index.add(nextX, index.mul(index.constant(s), right));
    y = index.add(nextY, index.mul(index.constant(s), up));
  }
  return {x, y};
}

SmallVector<Value> tk::tile::decodeTile(IndexBuilder index, Value tile, ArrayRef<Value> extents,
                                        const TileWalk &walk) {
  int64_t group = walk.group;
  SmallVector<Value> ids{tile};
  if (extents.size() == 1)
    return ids;
  Value columns = extents[0], rows = extents[1];
  if (extents.size() == 3) {
    Value plane = index.mul(columns, rows);
    ids.push_back(Value());
    ids.push_back(index.div(tile, plane));
    tile = index.rem(tile, plane);
  }
  ids.resize(extents.size());
  if (group == 1) {
    ids[0] = index.rem(tile, columns);
    ids[1] = index.div(tile, columns);
    return ids;
  }
  Value height = index.constant(group);
  Value band = index.mul(columns, height);
  Value firstRow = index.mul(index.div(tile, band), height);
  Value inBand = index.rem(tile, band);
  Value bandRows = index.min(index.sub(rows, firstRow), height);
  ids[0] = index.div(inBand, bandRows);
  Value row = index.rem(inBand, bandRows);
  if (walk.order == TileOrder::Hilbert) {
    // Whole squares of a whole band; what is left over is walked column by column.
    Value area = index.constant(group * group);
    Value square = index.div(inBand, area);
    auto [x, y] = followHilbert(index, index.rem(inBand, area), group);
    Value isSquare = index.both(index.isEqual(bandRows, height),
                                index.isLess(square, index.div(columns, height)));
    ids[0] = index.select(isSquare, index.add(index.mul(square, height), x), ids[0]);
    row = index.select(isSquare, y, row);
  }
  ids[1] = index.add(firstRow, row);
  return ids;
}
