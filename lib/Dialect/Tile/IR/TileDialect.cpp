//===- TileDialect.cpp - The tk dialect ---------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Dialect/Tile/IR/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

#include "tk/Dialect/Tile/IR/TileDialect.cpp.inc"

using namespace mlir;
using namespace tk::tile;

void TileDialect::initialize() {
  registerTypes();
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "tk/Dialect/Tile/IR/TileOps.cpp.inc"
      >();
}

Operation *TileDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                            Location location) {
  return arith::ConstantOp::materialize(builder, value, type, location);
}

std::optional<tk::layout::Distribution> tk::tile::getDistribution(RankedTensorType type) {
  auto layout = dyn_cast_if_present<RegisterLayoutInterface>(type.getEncoding());
  if (!layout)
    return std::nullopt;
  return layout.toDistribution(type.getShape());
}

std::string tk::tile::describeLocation(Location location) {
  std::string result;
  location->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    llvm::raw_string_ostream(result)
        << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn();
    return WalkResult::interrupt();
  });
  return result;
}
