//===- TileDialect.cpp - The tk dialect ---------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Dialect/Tile/IR/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/FoldInterfaces.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

#include "tk/Dialect/Tile/IR/TileDialect.cpp.inc"

using namespace mlir;
using namespace tk::tile;

namespace {
/// Constants stay in the role that uses them: a register tile outside would belong to no warpgroup.
struct TileFoldInterface : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;
  bool shouldMaterializeInto(Region *region) const override {
    return isa<SpecializeOp>(region->getParentOp());
  }
};
} // namespace

void TileDialect::initialize() {
  addInterfaces<TileFoldInterface>();
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

LogicalResult TileDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != kIndependentAttrName)
    return op->emitError() << "has the unknown attribute '" << attribute.getName().getValue()
                           << "'; tk knows '" << kIndependentAttrName << "' on loops";
  if (!isa<UnitAttr>(attribute.getValue()) || op->getName().getStringRef() != "scf.for")
    return op->emitError() << "expected '" << kIndependentAttrName
                           << "' without a value, on an 'scf.for'";
  return success();
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
