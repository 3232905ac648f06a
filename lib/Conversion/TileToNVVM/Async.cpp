//===- Async.cpp - Rings, barriers in memory and the copy engine ----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Target/Hopper.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static TensorMapAttr describe(Value value, SharedType tile) {
  auto view = cast<GlobalType>(value.getType());
  layout::SharedLayout layout = tile.getSharedLayout();
  unsigned contiguous = layout.contiguousDimension();
  unsigned leading = view.getNumLeading(tile.getShape().size());
  SmallVector<unsigned> order{leading + contiguous};
  SmallVector<int64_t> box{int64_t(layout.span()) / layout.elementBytes()};
  for (unsigned d = view.getRank(); d-- > 0;)
    if (d != order.front()) {
      order.push_back(d);
      box.push_back(d < leading ? 1 : tile.getShape()[d - leading]);
    }
  std::optional<ViewSource> source = findViewSource(value); // The verifier has seen to it.
  return TensorMapAttr::get(tile.getContext(), source->argument, source->column, order, box,
                            int64_t(layout.span()));
}

TensorMapAttr tk::describeTensorMap(Operation *op) {
  if (auto load = dyn_cast<TMALoadOp>(op))
    return describe(load.getView(), load.getDest().getType());
  if (auto store = dyn_cast<TMAStoreOp>(op))
    return describe(store.getView(), store.getSource().getType());
  return {};
}

void tk::arriveAt(OpBuilder &builder, Location location, Value barrier, Value rank) {
  inlinePTX(builder, location,
            "{\n\t.reg .b32 remote;\n\tmapa.shared::cluster.u32 remote, $0, $1;\n\t"
            "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n\t}",
            "r,r,~{memory}", {}, {barrier, rank});
}

void tk::waitForPhase(OpBuilder &builder, Location location, Value barrier, Value parity,
                      bool cluster) {
  // try_wait may give up before the phase completes.
  std::string text =
      llvm::formatv("{{\n\t.reg .pred done;\n"
                    "again:\n\tmbarrier.try_wait.parity{0}.shared::cta.b64 done, [$0], $1;\n\t"
                    "@!done bra again;\n\t}",
                    cluster ? ".acquire.cluster" : "");
  inlinePTX(builder, location, text, "r,r,~{memory}", {}, {barrier, parity});
}

namespace {

/// Slot and phase of a converted cursor.
struct Cursor {
  explicit Cursor(ValueRange parts) : slot(parts[0]), phase(parts[1]) {}
  Value slot, phase;
};

/// `base + index * bytes` in shared memory.
Value advance(OpBuilder &builder, Location location, Value base, Value index, int64_t bytes) {
  Value offset =
      arith::MulIOp::create(builder, location, index, constantI32(builder, location, bytes));
  return LLVM::GEPOp::create(builder, location, base.getType(), builder.getI8Type(), base, offset);
}

Value barrierAt(OpBuilder &builder, Location location, Value barriers, const Cursor &cursor) {
  return advance(builder, location, barriers, cursor.slot, hopper::kMBarrierBytes);
}

struct LowerRingStart : OpConversionPattern<RingStartOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RingStartOp start, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> parts(2);
    for (Value &part : parts)
      part = constantI32(rewriter, start.getLoc(), 0);
    rewriter.replaceOpWithMultiple(start, {parts});
    return success();
  }
};

struct LowerRingAdvance : OpConversionPattern<RingAdvanceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RingAdvanceOp advance, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = advance.getLoc();
    int64_t stages = advance.getCursor().getType().getStages();
    Cursor cursor(adaptor.getCursor());
    Value zero = constantI32(rewriter, location, 0), one = constantI32(rewriter, location, 1);
    Value next = arith::AddIOp::create(rewriter, location, cursor.slot, one);
    Value around = arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::eq, next,
                                         constantI32(rewriter, location, stages));
    Value turned = arith::XOrIOp::create(rewriter, location, cursor.phase, one);
    SmallVector<Value> parts{
        arith::SelectOp::create(rewriter, location, around, zero, next),
        arith::SelectOp::create(rewriter, location, around, turned, cursor.phase)};
    rewriter.replaceOpWithMultiple(advance, {parts});
    return success();
  }
};

struct LowerSlot : OpConversionPattern<SlotOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SlotOp slot, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(slot, advance(rewriter, slot.getLoc(), adaptor.getSlots().front(),
                                     Cursor(adaptor.getCursor()).slot,
                                     slot.getSlots().getType().getSlotBytes()));
    return success();
  }
};

struct LowerSharedSlice : OpConversionPattern<SharedSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SharedSliceOp slice, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!slice.getSource().getType().getLayout())
      return slice.emitOpError() << "cuts a tile without a layout; run tk-assign-swizzles first";
    Value index = arith::IndexCastUIOp::create(rewriter, slice.getLoc(), rewriter.getI32Type(),
                                               slice.getIndex());
    rewriter.replaceOp(slice, advance(rewriter, slice.getLoc(), adaptor.getSource(), index,
                                      *slice.getStrideInBytes()));
    return success();
  }
};

struct LowerMBarrierInit : OpConversionPattern<MBarrierInitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MBarrierInitOp init, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = init.getLoc();
    std::string text;
    for (int64_t i = 0; i < init.getBarriers().getType().getStages(); ++i)
      text += llvm::formatv("mbarrier.init.shared::cta.b64 [$0+{0}], {1};\n\t",
                            i * hopper::kMBarrierBytes, init.getArrivals());
    text += "fence.mbarrier_init.release.cluster;";
    inlinePTX(rewriter, location, text, "r,~{memory}", {},
              sharedAddress(rewriter, location, adaptor.getBarriers()));
    rewriter.eraseOp(init);
    return success();
  }
};

struct LowerMBarrierExpect : OpConversionPattern<MBarrierExpectOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MBarrierExpectOp expect, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = expect.getLoc();
    Value barrier =
        barrierAt(rewriter, location, adaptor.getBarriers().front(), Cursor(adaptor.getCursor()));
    inlinePTX(
        rewriter, location,
        llvm::formatv("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], {0};", expect.getBytes())
            .str(),
        "r,~{memory}", {}, sharedAddress(rewriter, location, barrier));
    rewriter.eraseOp(expect);
    return success();
  }
};

struct LowerMBarrierArrive : OpConversionPattern<MBarrierArriveOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MBarrierArriveOp arrive, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = arrive.getLoc();
    Value barrier = sharedAddress(
        rewriter, location,
        barrierAt(rewriter, location, adaptor.getBarriers().front(), Cursor(adaptor.getCursor())));
    if (!arrive.getCluster()) {
      inlinePTX(rewriter, location, "mbarrier.arrive.shared::cta.b64 _, [$0];", "r,~{memory}", {},
                barrier);
    } else if (arrive.getAllThreads()) {
      for (int64_t rank = 0, e = *arrive.getCluster(); rank < e; ++rank)
        arriveAt(rewriter, location, barrier, constantI32(rewriter, location, rank));
    } else { // One thread for each program.
      arriveAt(rewriter, location, barrier, threadInWarpgroup(rewriter, location));
    }
    rewriter.eraseOp(arrive);
    return success();
  }
};

struct LowerMBarrierWait : OpConversionPattern<MBarrierWaitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MBarrierWaitOp wait, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = wait.getLoc();
    Cursor cursor(adaptor.getCursor());
    Value parity = cursor.phase;
    if (wait.getPrevious())
      parity =
          arith::XOrIOp::create(rewriter, location, parity, constantI32(rewriter, location, 1));
    Value barrier = barrierAt(rewriter, location, adaptor.getBarriers().front(), cursor);
    waitForPhase(rewriter, location, sharedAddress(rewriter, location, barrier), parity,
                 wait.getCluster());
    rewriter.eraseOp(wait);
    return success();
  }
};

/// A coordinate has 32 bits. What does not fit is outside of every view, and must stay there: the
/// last of them is too, and a panel further along it wraps to where no view is.
/// Stores take no negative coordinate either.
Value makeCoordinate(OpBuilder &builder, Location location, Value offset, bool isStore) {
  constexpr int64_t least = std::numeric_limits<int32_t>::min(), most = hopper::kTMAMaxExtent;
  if (isStore) {
    offset = arith::MinUIOp::create(builder, location, offset,
                                    arith::ConstantIndexOp::create(builder, location, most));
    return arith::IndexCastOp::create(builder, location, builder.getI32Type(), offset);
  }
  offset = arith::MaxSIOp::create(builder, location, offset,
                                  arith::ConstantIndexOp::create(builder, location, least));
  offset = arith::MinSIOp::create(builder, location, offset,
                                  arith::ConstantIndexOp::create(builder, location, most));
  return arith::IndexCastOp::create(builder, location, builder.getI32Type(), offset);
}

/// Copies a tile panel by panel, one instruction each. `text` names the operands: $0 the map, $1
/// the panel in shared memory, {0} the rank, {1} the coordinates; `extra` comes after those.
void copyPanels(ConversionPatternRewriter &rewriter, Location location, const char *text,
                std::pair<TensorMapAttr, Value> map, SharedType tile, Value pointer,
                OperandRange offsets, ValueRange extra) {
  layout::SharedLayout layout = tile.getSharedLayout();
  unsigned contiguous = layout.contiguousDimension();
  int64_t width = map.first.getBox().front();
  Value base = sharedAddress(rewriter, location, pointer);
  SmallVector<Value> coordinates;
  SmallVector<std::string> names;
  std::string constraints = "l,r";
  for (unsigned d : map.first.getOrder()) { // Innermost first.
    names.push_back("$" + std::to_string(2 + coordinates.size()));
    coordinates.push_back(makeCoordinate(rewriter, location, offsets[d], extra.empty()));
  }
  for (size_t i = 0; i < coordinates.size() + extra.size(); ++i)
    constraints += ",r";
  std::string instruction =
      llvm::formatv(text, coordinates.size(), llvm::join(names, ", "), 2 + coordinates.size());
  layout::Coordinates at(tile.getShape().size(), 0);
  for (int64_t first = 0; first < tile.getShape()[contiguous]; first += width) {
    at[contiguous] = first;
    auto add = [&](Value value, int64_t constant) -> Value {
      if (constant == 0)
        return value;
      return arith::AddIOp::create(rewriter, location, value,
                                   constantI32(rewriter, location, constant));
    };
    SmallVector<Value> operands{map.second, add(base, layout.linearOffset(at)),
                                add(coordinates.front(), first)};
    llvm::append_range(operands, ArrayRef(coordinates).drop_front());
    llvm::append_range(operands, extra);
    inlinePTX(rewriter, location, instruction, constraints + ",~{memory}", {}, operands);
  }
}

struct LowerTMALoad : OpConversionPattern<TMALoadOp> {
  LowerTMALoad(const TypeConverter &converter, MLIRContext *context, const TensorMaps &maps)
      : OpConversionPattern(converter, context), maps(maps) {}
  LogicalResult matchAndRewrite(TMALoadOp load, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = load.getLoc();
    Value barrier = sharedAddress(
        rewriter, location,
        barrierAt(rewriter, location, adaptor.getBarriers().front(), Cursor(adaptor.getCursor())));
    std::string text = "cp.async.bulk.tensor.{0}d.shared::cluster.global.mbarrier::complete_tx::"
                       "bytes [$1], [$0, {{{1}}], [${2}];";
    if (load.getMulticast())
      text = llvm::formatv("cp.async.bulk.tensor.{{0}d.shared::cluster.global.mbarrier::complete_tx"
                           "::bytes.multicast::cluster [$1], [$0, {{{{{{1}}], [${{2}], {0};",
                           *load.getMulticast());
    copyPanels(rewriter, location, text.c_str(), maps.lookup(load), load.getDest().getType(),
               adaptor.getDest().front(), load.getOffsets(), barrier);
    rewriter.eraseOp(load);
    return success();
  }
  const TensorMaps &maps;
};

struct LowerTMAStore : OpConversionPattern<TMAStoreOp> {
  LowerTMAStore(const TypeConverter &converter, MLIRContext *context, const TensorMaps &maps)
      : OpConversionPattern(converter, context), maps(maps) {}
  LogicalResult matchAndRewrite(TMAStoreOp store, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    copyPanels(rewriter, store.getLoc(),
               "cp.async.bulk.tensor.{0}d.global.shared::cta.bulk_group [$0, {{{1}}], [$1];",
               maps.lookup(store), store.getSource().getType(), adaptor.getSource().front(),
               store.getOffsets(), {});
    rewriter.eraseOp(store);
    return success();
  }
  const TensorMaps &maps;
};

struct LowerBulkCommit : OpConversionPattern<BulkCommitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BulkCommitOp commit, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    inlinePTX(rewriter, commit.getLoc(), "cp.async.bulk.commit_group;", "~{memory}", {}, {});
    rewriter.eraseOp(commit);
    return success();
  }
};

struct LowerBulkWait : OpConversionPattern<BulkWaitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BulkWaitOp wait, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    inlinePTX(rewriter, wait.getLoc(),
              llvm::formatv("cp.async.bulk.wait_group.read {0};", wait.getPending()).str(),
              "~{memory}", {}, {});
    rewriter.eraseOp(wait);
    return success();
  }
};

} // namespace

void tk::populateAsyncPatterns(const TypeConverter &converter, RewritePatternSet &patterns,
                               const TensorMaps &maps) {
  MLIRContext *context = patterns.getContext();
  patterns.add<LowerRingStart, LowerRingAdvance, LowerSlot, LowerSharedSlice, LowerMBarrierInit,
               LowerMBarrierExpect, LowerMBarrierArrive, LowerMBarrierWait, LowerBulkCommit,
               LowerBulkWait>(converter, context);
  patterns.add<LowerTMALoad, LowerTMAStore>(converter, context, maps);
}
