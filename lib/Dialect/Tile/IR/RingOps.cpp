//===- RingOps.cpp - Rings and roles --------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Builders.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// What a copy from a view to a shared tile needs: ranks that fit and element types that match.
LogicalResult tk::tile::verifyTileOfView(Operation *op, GlobalType view, SharedType tile,
                                         size_t numOffsets) {
  if (failed(verifyTileRank(op, view, tile.getShape().size(), numOffsets)))
    return failure();
  if (tile.getElementType() != view.getElementType())
    return op->emitOpError() << "expected the shared tile to have the view's element type "
                             << view.getElementType() << ", got " << tile.getElementType()
                             << "; load, convert and store it instead";
  return success();
}

LogicalResult RingFillOp::verify() {
  ArrayRef<SharedType> tiles = getRing().getType().getTiles();
  if (getTile() >= tiles.size())
    return emitOpError() << "expected a tile below the ring's " << tiles.size() << ", got "
                         << getTile();
  return verifyTileOfView(*this, getView().getType(), tiles[getTile()], getOffsets().size());
}

//===----------------------------------------------------------------------===//
// RingWaitOp:  %a, %b = tk.ring_wait %ring[%cursor] : !tk.ring<...>
//===----------------------------------------------------------------------===//

ParseResult RingWaitOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand ring, cursor;
  RingType type;
  if (parser.parseOperand(ring) || parser.parseLSquare() || parser.parseOperand(cursor) ||
      parser.parseRSquare() || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type) || parser.resolveOperand(ring, type, result.operands) ||
      parser.resolveOperand(cursor, CursorType::get(parser.getContext(), type.getStages()),
                            result.operands))
    return failure();
  for (SharedType tile : type.getTiles())
    result.types.push_back(tile);
  return success();
}

void RingWaitOp::print(OpAsmPrinter &printer) {
  printer << " " << getRing() << "[" << getCursor() << "]";
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getRing().getType();
}

LogicalResult RingWaitOp::verify() {
  ArrayRef<SharedType> tiles = getRing().getType().getTiles();
  if (!llvm::equal(getResultTypes(), tiles))
    return emitOpError() << "expected the " << tiles.size() << " tiles of " << getRing().getType()
                         << " as results, got " << getResultTypes();
  return success();
}

//===----------------------------------------------------------------------===//
// SharedSliceOp
//===----------------------------------------------------------------------===//

std::optional<int64_t> tk::tile::getSliceStride(SharedType whole, SharedType piece,
                                                unsigned dimension) {
  layout::SharedLayout wholeLayout = whole.getSharedLayout(), pieceLayout = piece.getSharedLayout();
  int64_t extent = piece.getShape()[dimension];
  int64_t pieces = whole.getShape()[dimension] / extent;
  layout::Coordinates first(whole.getShape().size(), 0);
  first[dimension] = pieces > 1 ? extent : 0;
  int64_t stride = wholeLayout.linearOffset(first);
  // Proven on every element, or on one of each span where both layouts have the same: inside a span
  // elements lie in a row.
  layout::Coordinates at(first.size(), 0), step(first.size(), 1);
  if (wholeLayout.span() == pieceLayout.span())
    step[pieceLayout.contiguousDimension()] =
        int64_t(pieceLayout.span()) / pieceLayout.elementBytes();
  for (at[0] = 0; at[0] < piece.getShape()[0]; at[0] += step[0])
    for (at[1] = 0; at[1] < piece.getShape()[1]; at[1] += step[1])
      for (int64_t index = 0; index < pieces; ++index) {
        layout::Coordinates inWhole = at;
        inWhole[dimension] += index * extent;
        if (wholeLayout.linearOffset(inWhole) != pieceLayout.linearOffset(at) + index * stride)
          return std::nullopt;
      }
  return stride % pieceLayout.alignment() == 0 ? std::optional(stride) : std::nullopt;
}

std::optional<int64_t> SharedSliceOp::getStrideInBytes() {
  return getSliceStride(getSource().getType(), getResult().getType(), getDimension());
}

LogicalResult SharedSliceOp::verify() {
  SharedType whole = getSource().getType(), piece = getResult().getType();
  size_t rank = whole.getShape().size();
  if (getDimension() >= rank)
    return emitOpError() << "expected a dimension below the tile's rank " << rank << ", got "
                         << getDimension();
  SmallVector<int64_t> expected(whole.getShape());
  int64_t extent = getDimension() < piece.getShape().size() ? piece.getShape()[getDimension()] : 0;
  expected[getDimension()] = extent;
  if (piece.getShape() != ArrayRef(expected) || piece.getElementType() != whole.getElementType() ||
      whole.getShape()[getDimension()] % extent != 0)
    return emitOpError() << "expected equal pieces of " << whole << " along dimension "
                         << getDimension() << ", got " << piece;
  if (bool(whole.getLayout()) != bool(piece.getLayout()))
    return emitOpError() << "expected both tiles to have a layout or neither, got " << whole
                         << " and " << piece;
  if (whole.getLayout() && !getStrideInBytes())
    return emitOpError() << "expected pieces that lie in memory as " << piece
                         << " does, at equal distances on its swizzle's repeat; in " << whole
                         << " they do not";
  return success();
}

//===----------------------------------------------------------------------===//
// ClusterSumOp
//===----------------------------------------------------------------------===//

LogicalResult ClusterSumOp::verify() {
  auto whole = cast<RankedTensorType>(getValue().getType());
  auto piece = cast<RankedTensorType>(getResult().getType());
  SmallVector<int64_t> expected(whole.getShape());
  int64_t extent = piece.getDimSize(getDimension());
  expected[getDimension()] = extent;
  if (piece.getShape() != ArrayRef(expected) || piece.getElementType() != whole.getElementType() ||
      whole.getDimSize(getDimension()) % extent != 0)
    return emitOpError() << "expected equal pieces of " << whole << " along dimension "
                         << getDimension() << ", got " << piece;
  if (!whole.getElementType().isF32() && !whole.getElementType().isInteger(32))
    return emitOpError() << "expected elements of f32 or i32, got " << whole.getElementType();
  auto kernel = (*this)->getParentOfType<KernelOp>();
  int64_t pieces = whole.getDimSize(getDimension()) / extent;
  if (kernel && pieces != kernel.getClusterSize())
    return emitOpError() << "expected a piece for each of the " << kernel.getClusterSize()
                         << " program(s) of the kernel's cluster, got " << pieces;
  if (getScratch() && getCursor().getType().getStages() != getBarriers().getType().getStages())
    return emitOpError() << "expected a cursor that counts the "
                         << getBarriers().getType().getStages() << " barrier(s), got one of "
                         << getCursor().getType().getStages();
  return success();
}

//===----------------------------------------------------------------------===//
// SpecializeOp
//===----------------------------------------------------------------------===//

void SpecializeOp::build(OpBuilder &builder, OperationState &state, int64_t producerRegisters,
                         int64_t consumers, int64_t consumerRegisters) {
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.setProducerRegisters(builder.getI64IntegerAttr(producerRegisters));
  properties.setConsumers(builder.getI64IntegerAttr(consumers));
  properties.setConsumerRegisters(builder.getI64IntegerAttr(consumerRegisters));
  for (int i = 0; i < 2; ++i)
    state.addRegion()->emplaceBlock();
}

LogicalResult SpecializeOp::verify() {
  int64_t producer = getProducerRegisters(), consumer = getConsumerRegisters();
  for (int64_t registers : {producer, consumer})
    if (registers < hopper::kMinRoleRegisters || registers > hopper::kMaxRoleRegisters ||
        registers % hopper::kRegisterStep != 0)
      return emitOpError() << "expected registers of a role to be a multiple of "
                           << hopper::kRegisterStep << " from " << hopper::kMinRoleRegisters
                           << " to " << hopper::kMaxRoleRegisters << ", got " << registers;
  if (int64_t most = hopper::kMaxBlockThreads / hopper::kWarpgroupThreads - 1;
      int64_t(getConsumers()) > most)
    return emitOpError() << "expected at most " << most
                         << " consumers, which with the producer are " << hopper::kMaxBlockThreads
                         << " threads, got " << getConsumers();
  // Roles hand registers over only where each gains or gives; then the block's own must do.
  int64_t warpgroups = 1 + int64_t(getConsumers());
  int64_t launch = hopper::getLaunchRegisters(hopper::kWarpgroupThreads * warpgroups);
  int64_t dealt = producer + (warpgroups - 1) * consumer;
  if (producer < launch && launch < consumer && dealt > warpgroups * launch &&
      hopper::kWarpgroupThreads * dealt <= hopper::kRegisterFile)
    return emitOpError() << "expected roles that share the registers their block is launched with, "
                         << warpgroups << " times " << launch << " to a thread, got " << producer
                         << " and " << warpgroups - 1 << " times " << consumer;
  int64_t sum = hopper::kWarpgroupThreads * (producer + int64_t(getConsumers()) * consumer);
  if (sum > hopper::kRegisterFile)
    return emitOpError() << "expected roles that share the " << hopper::kRegisterFile
                         << " registers of a multiprocessor, got " << sum << ": "
                         << hopper::kWarpgroupThreads << " threads of " << producer << ", and "
                         << getConsumers() << " times as many of " << consumer;
  return success();
}

LogicalResult SpecializeOp::verifyRegions() {
  for (Region *region : {&getProducer(), &getConsumer()}) {
    if (region->getNumArguments() != 0)
      return emitOpError() << "expected regions without arguments, got "
                           << region->getNumArguments();
    WalkResult walk = region->walk([&](Operation *op) {
      for (Value operand : op->getOperands()) {
        if (region->isAncestor(operand.getParentRegion()) ||
            !isa<RankedTensorType, InflightType>(operand.getType()))
          continue;
        op->emitOpError() << "uses a register tile from outside its role: " << operand.getType()
                          << "; no warpgroup could hold it for the others";
        return WalkResult::interrupt();
      }
      if (region != &getProducer())
        return WalkResult::advance();
      auto arrive = dyn_cast<MBarrierArriveOp>(op);
      if (isa<BarrierOp, CopyOp, WgmmaCommitOp>(op) || (arrive && arrive.getAllThreads())) {
        op->emitOpError() << "is the work of all threads of a warpgroup, but one thread runs the "
                             "producer";
        return WalkResult::interrupt();
      }
      for (Type type : op->getResultTypes())
        if (isa<RankedTensorType, InflightType>(type)) {
          op->emitOpError() << "is a register tile in a producer, which one thread runs: " << type;
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return failure();
  }
  return success();
}

LogicalResult ReplicaOp::verify() {
  auto roles = (*this)->getParentOfType<SpecializeOp>();
  if (!roles || !roles.getConsumer().isAncestor((*this)->getParentRegion()))
    return emitOpError() << "is known to consumers only; use it in the consumer region of a "
                            "'tk.specialize'";
  return success();
}
