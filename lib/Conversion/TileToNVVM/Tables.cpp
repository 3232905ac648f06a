//===- Tables.cpp - Lists of problems in memory ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A table is rows of 8-byte words, the first program of each row, and the tensor maps of each row.
/// Nothing writes them while the kernel runs, so all are read by invariant loads, which LLVM drops
/// where no one needs them. A row beyond the last is read as the one that comes after it, which the
/// host makes of zeros: empty views.
///
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Target/Hopper.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static constexpr int64_t kWordBytes = 8;

static Value loadWord(OpBuilder &builder, Location location, Type type, Value base, Value offset) {
  Value at =
      LLVM::GEPOp::create(builder, location, base.getType(), builder.getI8Type(), base, offset);
  return LLVM::LoadOp::create(builder, location, type, at, /*alignment=*/kWordBytes,
                              /*isVolatile=*/false, /*isNonTemporal=*/false, /*isInvariant=*/true);
}

/// The row to read for an index: those beyond the list are all the one after it.
static Value clampRow(OpBuilder &builder, Location location, Value row, Value size) {
  Value wide = arith::IndexCastOp::create(builder, location, builder.getI64Type(), row);
  return arith::MinUIOp::create(builder, location, wide, size);
}

/// Where a map lies among those of a row, and how many there are.
static std::pair<int64_t, int64_t> findPlace(TensorMapAttr map, ArrayAttr all) {
  int64_t count = 0, index = 0;
  for (auto other : all.getAsRange<TensorMapAttr>()) {
    if (!other.getColumn() || other.getArgument() != map.getArgument())
      continue;
    if (other == map)
      index = count;
    ++count;
  }
  return {index, count};
}

/// maps + 128 * (count * row + index), where the row is taken.
static Value addressMap(TableRowOp row, TensorMapAttr map, ArrayAttr all) {
  Location location = row.getLoc();
  OpBuilder builder(row->getContext());
  builder.setInsertionPointAfter(row);
  auto [index, count] = findPlace(map, all);
  auto cast = row.getTable().getDefiningOp<UnrealizedConversionCastOp>();
  TableParts table(cast.getInputs());
  Value number = clampRow(builder, location, row.getRow(), table.size);
  Value bytes = constantI64(builder, location, count * hopper::kTensorMapBytes);
  Value offset = arith::AddIOp::create(
      builder, location, arith::MulIOp::create(builder, location, number, bytes),
      constantI64(builder, location, index * hopper::kTensorMapBytes));
  Value pointer = LLVM::GEPOp::create(builder, location, table.maps.getType(), builder.getI8Type(),
                                      table.maps, offset);
  return LLVM::AddrSpaceCastOp::create(builder, location,
                                       LLVM::LLVMPointerType::get(builder.getContext()), pointer);
}

void tk::addressTableMaps(Operation *root, TensorMaps &maps, ArrayAttr all) {
  // In the order of the program, which that of the maps is not.
  SmallVector<Operation *> copies;
  root->walk([&](Operation *op) {
    if (auto found = maps.find(op); found != maps.end() && found->second.first.getColumn())
      copies.push_back(op);
  });
  llvm::DenseMap<std::pair<Operation *, Attribute>, Value> known; // By row.
  for (Operation *copy : copies) {
    auto &[map, address] = maps[copy];
    auto isView = [](Value value) { return isa<GlobalType>(value.getType()); };
    auto row = (*llvm::find_if(copy->getOperands(), isView)).getDefiningOp<TableRowOp>();
    Value &made = known[{row, map}];
    if (!made)
      made = addressMap(row, map, all);
    address = made;
  }
}

namespace {

struct LowerTableSize : OpConversionPattern<TableSizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TableSizeOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, rewriter.getIndexType(),
                                                    TableParts(adaptor.getTable()).size);
    return success();
  }
};

struct LowerTableTotal : OpConversionPattern<TableTotalOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TableTotalOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    TableParts table(adaptor.getTable());
    Value offset = arith::MulIOp::create(rewriter, location, table.size,
                                         constantI64(rewriter, location, kWordBytes));
    Value total = loadWord(rewriter, location, rewriter.getI64Type(), table.starts, offset);
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, rewriter.getIndexType(), total);
    return success();
  }
};

/// The last row whose first program is not beyond this one. Steps of powers of two, the greatest
/// first, are taken where they do not lead too far:
///   row = 0; for (step = 2^bits; step; step /= 2)
///     if (row + step <= size && starts[row + step] <= tile) row += step;
struct LowerTableLocate : OpConversionPattern<TableLocateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TableLocateOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    TableParts table(adaptor.getTable());
    Type i64 = rewriter.getI64Type();
    auto constant = [&](int64_t value) { return constantI64(rewriter, location, value); };
    Value tile = arith::IndexCastOp::create(rewriter, location, i64, adaptor.getTile().front());
    Value zeros = LLVM::CountLeadingZerosOp::create(rewriter, location, i64, table.size,
                                                    /*is_zero_poison=*/false);
    Value bits = arith::SubIOp::create(rewriter, location, constant(64), zeros);
    auto loop = scf::ForOp::create(rewriter, location, constant(0), bits, constant(1),
                                   ValueRange{constant(0), constant(0)});
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToEnd(loop.getBody());
      Value row = loop.getRegionIterArgs()[0], start = loop.getRegionIterArgs()[1];
      Value bit = arith::SubIOp::create(
          rewriter, location, arith::SubIOp::create(rewriter, location, bits, constant(1)),
          loop.getInductionVar());
      Value step = arith::ShLIOp::create(rewriter, location, constant(1), bit);
      Value next = arith::AddIOp::create(rewriter, location, row, step);
      Value inside =
          arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::ule, next, table.size);
      Value read = arith::MinUIOp::create(rewriter, location, next, table.size);
      Value offset = arith::MulIOp::create(rewriter, location, read, constant(kWordBytes));
      Value first = loadWord(rewriter, location, i64, table.starts, offset);
      Value before =
          arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::ule, first, tile);
      Value taken = arith::AndIOp::create(rewriter, location, inside, before);
      Value rowOut = arith::SelectOp::create(rewriter, location, taken, next, row);
      Value startOut = arith::SelectOp::create(rewriter, location, taken, first, start);
      scf::YieldOp::create(rewriter, location, ValueRange{rowOut, startOut});
    }
    Value place = arith::SubIOp::create(rewriter, location, tile, loop.getResult(1));
    auto toIndex = [&](Value value) -> Value {
      return arith::IndexCastOp::create(rewriter, location, rewriter.getIndexType(), value);
    };
    rewriter.replaceOp(op, {toIndex(loop.getResult(0)), toIndex(place)});
    return success();
  }
};

struct LowerTableRow : OpConversionPattern<TableRowOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TableRowOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    TableParts table(adaptor.getTable());
    TableType type = op.getTable().getType();
    Value row = clampRow(rewriter, location, adaptor.getRow().front(), table.size);
    Value start = arith::MulIOp::create(rewriter, location, row,
                                        constantI64(rewriter, location, type.getRowBytes()));
    SmallVector<SmallVector<Value>> views;
    for (auto [index, column] : llvm::enumerate(type.getColumns())) {
      SmallVector<Type> parts;
      if (failed(getTypeConverter()->convertType(column, parts)))
        return failure();
      int64_t offset = type.getColumnOffset(index);
      SmallVector<Value> &view = views.emplace_back();
      for (Type part : parts) {
        Value at = arith::AddIOp::create(rewriter, location, start,
                                         constantI64(rewriter, location, offset));
        view.push_back(loadWord(rewriter, location, part, table.rows, at));
        offset += kWordBytes;
      }
    }
    rewriter.replaceOpWithMultiple(op, views);
    return success();
  }
};

} // namespace

void tk::populateTablePatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerTableSize, LowerTableTotal, LowerTableLocate, LowerTableRow>(
      converter, patterns.getContext());
}
