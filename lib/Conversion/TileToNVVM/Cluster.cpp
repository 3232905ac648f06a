//===- Cluster.cpp - What the programs of a cluster do together -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct LowerClusterRank : OpConversionPattern<ClusterRankOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ClusterRankOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value rank = NVVM::ClusterId::create(rewriter, op.getLoc(), rewriter.getI32Type());
    rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(op, rewriter.getIndexType(), rank);
    return success();
  }
};

/// In the form that threads which arrive one by one may use: roles end at different times.
struct LowerClusterBarrier : OpConversionPattern<ClusterBarrierOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ClusterBarrierOp barrier, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    inlinePTX(rewriter, barrier.getLoc(),
              "barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;", "~{memory}", {},
              {});
    rewriter.eraseOp(barrier);
    return success();
  }
};

/// Every thread writes all its registers, 16 bytes of one next to those of the next thread, and
/// reads from every program those that are of its own program's piece.
struct LowerClusterSum : OpConversionPattern<ClusterSumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ClusterSumOp sum, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override;
};

} // namespace

/// Reads registers from another program's shared memory.
static SmallVector<Value> loadRemote(OpBuilder &builder, Location location, Type element,
                                     Value address, int64_t offset, int64_t count) {
  bool isFloat = isa<FloatType>(element);
  SmallVector<std::string> names;
  std::string constraints;
  for (int64_t i = 0; i < count; ++i) {
    names.push_back("$" + std::to_string(i));
    constraints += isFloat ? "=f," : "=r,";
  }
  std::string text =
      llvm::formatv("ld.shared::cluster{0}.{1} {2}, [${3}+{4}];",
                    count > 1 ? ".v" + std::to_string(count) : "", isFloat ? "f32" : "b32",
                    count > 1 ? "{" + llvm::join(names, ", ") + "}" : names[0], count, offset);
  return inlinePTX(builder, location, text, constraints + "r,~{memory}",
                   SmallVector<Type>(count, element), address);
}

LogicalResult LowerClusterSum::matchAndRewrite(ClusterSumOp sum, OneToNOpAdaptor adaptor,
                                               ConversionPatternRewriter &rewriter) const {
  if (!sum.getScratch())
    return sum.emitOpError() << "has no memory to exchange through; run tk-place-sums first";
  Location location = sum.getLoc();
  auto wholeType = cast<RankedTensorType>(sum.getValue().getType());
  auto pieceType = cast<RankedTensorType>(sum.getResult().getType());
  std::optional<layout::Distribution> whole = getDistribution(wholeType),
                                      piece = getDistribution(pieceType);
  if (!whole || !piece)
    return rewriter.notifyMatchFailure(sum, "a tile has no layout");
  int64_t extent = pieceType.getDimSize(sum.getDimension());
  int64_t programs = wholeType.getDimSize(sum.getDimension()) / extent;
  SmallVector<SmallVector<int64_t>> pieces;
  for (int64_t rank = 0; rank < programs; ++rank) {
    SmallVector<int64_t> offsets(2, 0);
    offsets[sum.getDimension()] = rank * extent;
    auto registers = findPieceRegisters(*whole, *piece, offsets);
    if (!registers)
      return sum.emitOpError() << "has a piece that other threads hold: " << wholeType << " to "
                               << pieceType;
    pieces.push_back(std::move(*registers));
  }
  int64_t count = pieces[0].size();
  int64_t vector = std::gcd<int64_t>(count, hopper::kMaxVectorBytes / 4);
  int64_t row = hopper::kWarpgroupThreads * vector * 4; // What the threads write at a time.
  int64_t pieceBytes = count / vector * row;

  // This thread's place in the scratch memory of its warpgroup.
  Value offset = arith::IndexCastUIOp::create(rewriter, location, rewriter.getI32Type(),
                                              adaptor.getAt().front());
  offset = arith::MulIOp::create(rewriter, location, offset,
                                 constantI32(rewriter, location, programs * pieceBytes));
  Value own = arith::MulIOp::create(rewriter, location, threadInWarpgroup(rewriter, location),
                                    constantI32(rewriter, location, vector * 4));
  offset = arith::AddIOp::create(rewriter, location, offset, own);
  Value pointer = adaptor.getScratch().front();
  pointer = LLVM::GEPOp::create(rewriter, location, pointer.getType(), rewriter.getI8Type(),
                                pointer, offset);
  for (int64_t rank = 0; rank < programs; ++rank)
    for (int64_t first = 0; first < count; first += vector) {
      SmallVector<Value> values;
      for (int64_t i = 0; i < vector; ++i)
        values.push_back(adaptor.getValue()[pieces[rank][first + i]]);
      int32_t at = rank * pieceBytes + first / vector * row;
      Value place = LLVM::GEPOp::create(rewriter, location, pointer.getType(), rewriter.getI8Type(),
                                        pointer, LLVM::GEPArg(at));
      storeVector(rewriter, location, values, place);
    }

  Value barrier = sharedAddress(rewriter, location, adaptor.getBarriers().front());
  for (int64_t rank = 0; rank < programs; ++rank)
    arriveAt(rewriter, location, barrier, constantI32(rewriter, location, rank));
  waitForPhase(rewriter, location, barrier, adaptor.getCursor()[1], /*cluster=*/true);

  Value mine = NVVM::ClusterId::create(rewriter, location, rewriter.getI32Type());
  mine =
      arith::MulIOp::create(rewriter, location, mine, constantI32(rewriter, location, pieceBytes));
  Value address =
      arith::AddIOp::create(rewriter, location, sharedAddress(rewriter, location, pointer), mine);
  SmallVector<Value> result;
  Type element = pieceType.getElementType();
  for (int64_t rank = 0; rank < programs; ++rank) {
    Value remote =
        inlinePTX(rewriter, location, "mapa.shared::cluster.u32 $0, $1, $2;", "=r,r,r",
                  rewriter.getI32Type(), {address, constantI32(rewriter, location, rank)})
            .front();
    for (int64_t first = 0; first < count; first += vector) {
      SmallVector<Value> summands =
          loadRemote(rewriter, location, element, remote, first / vector * row, vector);
      for (int64_t i = 0; i < vector; ++i) {
        if (rank == 0)
          result.push_back(summands[i]);
        else if (isa<FloatType>(element))
          result[first + i] =
              arith::AddFOp::create(rewriter, location, result[first + i], summands[i]);
        else
          result[first + i] =
              arith::AddIOp::create(rewriter, location, result[first + i], summands[i]);
      }
    }
  }
  rewriter.replaceOpWithMultiple(sum, {result});
  return success();
}

void tk::populateClusterPatterns(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerClusterRank, LowerClusterBarrier, LowerClusterSum>(converter,
                                                                       patterns.getContext());
}
