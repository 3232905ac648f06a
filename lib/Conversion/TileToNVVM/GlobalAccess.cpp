//===- GlobalAccess.cpp - Loads and stores of global memory ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

///
/// A tile is loaded and stored register by register, in vectors as wide as alignment can be proven
/// for, each under the predicate that its coordinates lie in the view. Coordinates are 64-bit, and
/// compared as unsigned numbers, which refuses negative ones as well.
///
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>
#include <numeric>

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

/// Addresses and predicates of a tile's registers in a view.
class GlobalAccess {
public:
  GlobalAccess(OpBuilder &builder, Location location, GlobalType type, ValueRange parts,
               ValueRange convertedOffsets, int64_t offsetDivisor, RankedTensorType tile);

  /// Elements of one access: registers [k * vector, (k + 1) * vector) are consecutive in memory and
  /// lie in the view together or not at all.
  int64_t vector() const { return vectorElements; }
  int64_t registers() const { return distribution.registersPerThread(); }
  Value pointer(int64_t reg);
  Value predicate(int64_t reg, bool firstReplicaOnly);

private:
  int64_t chooseVector(int64_t offsetDivisor) const;
  Value advance(Value pointer, Value elements);
  Value rowPointer(const layout::Coordinates &row);
  Value coordinate(unsigned dimension, int64_t registerPart);
  Value inBounds(unsigned dimension, int64_t registerPart);

  OpBuilder &builder;
  Location location;
  GlobalType type;
  layout::Distribution distribution;
  ViewParts view;
  SmallVector<Value> bases; ///< Per dimension, offset plus this thread's part, i64.
  int64_t vectorElements = 1;
  // Every register part of a coordinate is computed once.
  std::map<std::pair<unsigned, int64_t>, Value> coordinates, bounds;
  std::map<layout::Coordinates, Value> rowPointers;
  layout::Coordinates lastRow;
  Value lastPointer;
};

} // namespace

GlobalAccess::GlobalAccess(OpBuilder &builder, Location location, GlobalType type, ValueRange parts,
                           ValueRange convertedOffsets, int64_t offsetDivisor,
                           RankedTensorType tile)
    : builder(builder), location(location), type(type), distribution(*getDistribution(tile)),
      view(unpackView(builder, location, type, parts)) {
  for (auto [dimension, offset] : llvm::enumerate(convertedOffsets)) {
    SmallVector<int64_t> columns;
    for (unsigned bit = 0; bit < distribution.threadBits(); ++bit)
      columns.push_back(distribution.threadColumn(bit, dimension));
    Value thread = arith::ExtUIOp::create(builder, location, builder.getI64Type(),
                                          applyThreadColumns(builder, location, columns));
    Value base = arith::IndexCastOp::create(builder, location, builder.getI64Type(), offset);
    bases.push_back(arith::AddIOp::create(builder, location, base, thread));
  }
  vectorElements = chooseVector(offsetDivisor);
}

/// The widest vector whose alignment, and whose lying in the view as a whole, follow from the
/// view's type and from how the offsets are computed.
int64_t GlobalAccess::chooseVector(int64_t offsetDivisor) const {
  std::optional<unsigned> contiguous = type.getContiguousDimension();
  if (!contiguous)
    return 1;
  // In elements; gcd(x, 0) = x, so that offset zero restricts nothing.
  int64_t divisor =
      std::gcd(type.getAlign() / type.getElementBytes(), type.getKnownSizeDivisor(*contiguous));
  divisor = std::gcd(divisor, offsetDivisor);
  for (unsigned d = 0; d < type.getRank(); ++d)
    if (d != *contiguous)
      divisor = std::gcd(divisor, type.getKnownStrideDivisor(d));
  int64_t powerOfTwo = divisor & -divisor;
  return std::min({powerOfTwo, distribution.contiguousRegisters(*contiguous),
                   hopper::kMaxVectorBytes / type.getElementBytes()});
}

Value GlobalAccess::coordinate(unsigned dimension, int64_t registerPart) {
  Value &value = coordinates[{dimension, registerPart}];
  if (!value)
    value = arith::AddIOp::create(builder, location, bases[dimension],
                                  constantI64(builder, location, registerPart));
  return value;
}

Value GlobalAccess::inBounds(unsigned dimension, int64_t registerPart) {
  Value &value = bounds[{dimension, registerPart}];
  if (!value)
    value = arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ult,
                                  coordinate(dimension, registerPart), view.sizes[dimension]);
  return value;
}

/// Adds elements times the element size to a pointer.
Value GlobalAccess::advance(Value pointer, Value elements) {
  Value bytes = arith::MulIOp::create(builder, location, elements,
                                      constantI64(builder, location, type.getElementBytes()));
  return LLVM::GEPOp::create(builder, location, pointer.getType(), builder.getI8Type(), pointer,
                             bytes);
}

/// The pointer to a thread's element with register part `row` (zero along the contiguous
/// dimension). All but the first are a step from the one before: only one address and the steps
/// need registers, however many rows a thread has.
Value GlobalAccess::rowPointer(const layout::Coordinates &row) {
  Value &pointer = rowPointers[row];
  if (pointer)
    return pointer;
  if (rowPointers.size() == 1) {
    pointer = view.pointer;
    for (unsigned d = 0; d < type.getRank(); ++d) {
      Value elements = coordinate(d, row[d]);
      if (type.getStrides()[d] != 1)
        elements = arith::MulIOp::create(builder, location, elements, view.strides[d]);
      pointer = advance(pointer, elements);
    }
  } else {
    pointer = lastPointer;
    for (unsigned d = 0; d < type.getRank(); ++d)
      if (int64_t distance = row[d] - lastRow[d]) {
        Value elements = arith::MulIOp::create(builder, location, view.strides[d],
                                               constantI64(builder, location, distance));
        pointer = advance(pointer, elements);
      }
  }
  lastRow = row, lastPointer = pointer;
  return pointer;
}

Value GlobalAccess::pointer(int64_t reg) {
  // Along the contiguous dimension, a register's part of the coordinate is a constant distance.
  layout::Coordinates row = distribution.registerCoordinate(reg);
  int64_t distance = 0;
  if (std::optional<unsigned> contiguous = type.getContiguousDimension())
    std::swap(distance, row[*contiguous]);
  Value pointer = rowPointer(row);
  if (distance == 0)
    return pointer;
  return LLVM::GEPOp::create(builder, location, pointer.getType(), builder.getI8Type(), pointer,
                             LLVM::GEPArg(int32_t(distance * type.getElementBytes())));
}

Value GlobalAccess::predicate(int64_t reg, bool firstReplicaOnly) {
  layout::Coordinates at = distribution.registerCoordinate(reg);
  Value result = firstReplicaOnly
                     ? isFirstReplica(builder, location, distribution.replicatedThreadBits())
                     : Value();
  for (unsigned d = 0; d < type.getRank(); ++d) {
    Value inside = inBounds(d, at[d]);
    result = result ? arith::AndIOp::create(builder, location, result, inside).getResult() : inside;
  }
  return result;
}

namespace {

/// How an access of some bytes is written in PTX: `count` registers of `type`.
struct PTXAccess {
  unsigned count;
  IntegerType type;
  char constraint;
  std::string suffix; ///< ".v4.b32"
};

} // namespace

static PTXAccess describeAccess(MLIRContext *context, int64_t bytes) {
  auto integer = [&](unsigned bits) { return IntegerType::get(context, bits); };
  if (bytes == 1) // There are no 8-bit registers.
    return {1, integer(16), 'h', ".b8"};
  if (bytes == 2)
    return {1, integer(16), 'h', ".b16"};
  if (bytes <= 4)
    return {1, integer(32), 'r', ".b32"};
  unsigned words = bytes / 4;
  return {words, integer(32), 'r', llvm::formatv(".v{0}.b32", words)};
}

/// "{$0, $1}" for registers [first, first + count), without braces where there is one.
static std::string registerList(unsigned first, unsigned count) {
  SmallVector<std::string> names;
  for (unsigned i = first; i < first + count; ++i)
    names.push_back("$" + std::to_string(i));
  std::string list = llvm::join(names, ", ");
  return count == 1 ? list : "{" + list + "}";
}

/// Elements out of the machine words that hold them, low bits first.
static SmallVector<Value> unpackWords(OpBuilder &builder, Location location, ValueRange words,
                                      Type elementType, int64_t elements) {
  unsigned bits = elementType.getIntOrFloatBitWidth();
  if (bits == 1) {
    Value zero = arith::ConstantOp::create(builder, location, builder.getI16IntegerAttr(0));
    return {arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ne, words[0], zero)};
  }
  if (elements == 1 && bits < words[0].getType().getIntOrFloatBitWidth()) {
    Value value = LLVM::TruncOp::create(builder, location, builder.getIntegerType(bits), words[0]);
    return {LLVM::BitcastOp::create(builder, location, elementType, value)};
  }
  // words as one vector, recast to a vector of elements
  Value packed =
      LLVM::PoisonOp::create(builder, location, VectorType::get(words.size(), words[0].getType()));
  for (auto [index, word] : llvm::enumerate(words))
    packed = LLVM::InsertElementOp::create(builder, location, packed, word,
                                           constantI32(builder, location, index));
  Value recast =
      LLVM::BitcastOp::create(builder, location, VectorType::get(elements, elementType), packed);
  SmallVector<Value> values;
  for (int64_t i = 0; i < elements; ++i)
    values.push_back(LLVM::ExtractElementOp::create(builder, location, recast,
                                                    constantI32(builder, location, i)));
  return values;
}

static SmallVector<Value> packWords(OpBuilder &builder, Location location, ValueRange values,
                                    const PTXAccess &access) {
  Type elementType = values[0].getType();
  unsigned bits = elementType.getIntOrFloatBitWidth();
  if (values.size() == 1 && bits < access.type.getWidth()) {
    Value value =
        LLVM::BitcastOp::create(builder, location, builder.getIntegerType(bits), values[0]);
    return {LLVM::ZExtOp::create(builder, location, access.type, value)};
  }
  Value packed =
      LLVM::PoisonOp::create(builder, location, VectorType::get(values.size(), elementType));
  for (auto [index, value] : llvm::enumerate(values))
    packed = LLVM::InsertElementOp::create(builder, location, packed, value,
                                           constantI32(builder, location, index));
  Value recast = LLVM::BitcastOp::create(builder, location,
                                         VectorType::get(access.count, access.type), packed);
  SmallVector<Value> words;
  for (unsigned i = 0; i < access.count; ++i)
    words.push_back(LLVM::ExtractElementOp::create(builder, location, recast,
                                                   constantI32(builder, location, i)));
  return words;
}

/// The elements of registers [reg, reg + vector), zero outside the view.
static SmallVector<Value> loadRegisters(OpBuilder &builder, Location location, GlobalAccess &access,
                                        int64_t reg, Type elementType) {
  int64_t bytes = access.vector() * llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
  PTXAccess ptx = describeAccess(builder.getContext(), bytes);
  // Outside the view the tied zeros stay: "@p ld.global {$0..}, [address]" with $0.. initialised to
  // zero.
  std::string text = llvm::formatv("@${0} ld.global{1} {2}, [${3}];", ptx.count, ptx.suffix,
                                   registerList(0, ptx.count), ptx.count + 1);
  SmallVector<std::string> constraints(ptx.count, std::string("=") + ptx.constraint);
  constraints.append({"b", "l"});
  for (unsigned i = 0; i < ptx.count; ++i)
    constraints.push_back(std::to_string(i));
  Value zero = arith::ConstantOp::create(builder, location, builder.getIntegerAttr(ptx.type, 0));
  SmallVector<Value> operands{access.predicate(reg, /*firstReplicaOnly=*/false),
                              access.pointer(reg)};
  operands.append(ptx.count, zero);
  SmallVector<Value> words = inlinePTX(builder, location, text, llvm::join(constraints, ","),
                                       SmallVector<Type>(ptx.count, ptx.type), operands);
  return unpackWords(builder, location, words, elementType, access.vector());
}

namespace {

struct LowerLoad : OpConversionPattern<LoadOp> {
  LowerLoad(const TypeConverter &converter, MLIRContext *context, const OffsetDivisors &divisors)
      : OpConversionPattern(converter, context), divisors(divisors) {}
  LogicalResult matchAndRewrite(LoadOp load, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = load.getLoc();
    auto tile = cast<RankedTensorType>(load.getResult().getType());
    if (!getDistribution(tile))
      return rewriter.notifyMatchFailure(load, "the tile has no layout");
    SmallVector<Value> offsets =
        llvm::map_to_vector(adaptor.getOffsets(), [](ValueRange v) { return v.front(); });
    GlobalAccess access(rewriter, location, load.getView().getType(), adaptor.getView(), offsets,
                        divisors.lookup_or(load, 1), tile);
    SmallVector<Value> registers;
    for (int64_t reg = 0; reg < access.registers(); reg += access.vector())
      llvm::append_range(registers,
                         loadRegisters(rewriter, location, access, reg, tile.getElementType()));
    rewriter.replaceOpWithMultiple(load, {registers});
    return success();
  }

private:
  const OffsetDivisors &divisors;
};

/// Loads and shared stores take turns, so that few elements are in registers at a time.
struct LowerCopy : OpConversionPattern<CopyOp> {
  LowerCopy(const TypeConverter &converter, MLIRContext *context, const OffsetDivisors &divisors)
      : OpConversionPattern(converter, context), divisors(divisors) {}
  LogicalResult matchAndRewrite(CopyOp copy, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = copy.getLoc();
    if (!copy.getThrough())
      return copy.emitOpError() << "has no layout to pass through; run tk-assign-layouts first";
    RankedTensorType tile = copy.getTileType();
    SmallVector<Value> offsets =
        llvm::map_to_vector(adaptor.getOffsets(), [](ValueRange v) { return v.front(); });
    GlobalAccess access(rewriter, location, copy.getView().getType(), adaptor.getView(), offsets,
                        divisors.lookup_or(copy, 1), tile);
    Value first = isFirstReplica(rewriter, location, getDistribution(tile)->replicatedThreadBits());
    SmallVector<Value> registers;
    auto move = [&](Value pointer, int64_t reg, int64_t vector) {
      while (int64_t(registers.size()) < reg + vector)
        llvm::append_range(registers, loadRegisters(rewriter, location, access, registers.size(),
                                                    tile.getElementType()));
      OpBuilder::InsertionGuard guard(rewriter);
      if (first) {
        auto branch = scf::IfOp::create(rewriter, location, first, /*withElseRegion=*/false);
        rewriter.setInsertionPointToStart(branch.thenBlock());
      }
      storeSharedVector(rewriter, location, ValueRange(registers).slice(reg, vector), pointer);
    };
    if (failed(forEachSharedAccess(copy, rewriter, tile, copy.getDest().getType(),
                                   adaptor.getDest().front(), move)))
      return failure();
    rewriter.eraseOp(copy);
    return success();
  }

private:
  const OffsetDivisors &divisors;
};

struct LowerStore : OpConversionPattern<StoreOp> {
  LowerStore(const TypeConverter &converter, MLIRContext *context, const OffsetDivisors &divisors)
      : OpConversionPattern(converter, context), divisors(divisors) {}
  LogicalResult matchAndRewrite(StoreOp store, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = store.getLoc();
    auto tile = cast<RankedTensorType>(store.getValue().getType());
    if (!getDistribution(tile))
      return rewriter.notifyMatchFailure(store, "the tile has no layout");
    GlobalType type = store.getView().getType();
    if (tile.getElementType() != type.getElementType())
      return rewriter.notifyMatchFailure(store, "the tile must be rounded first; run canonicalize");
    SmallVector<Value> offsets =
        llvm::map_to_vector(adaptor.getOffsets(), [](ValueRange v) { return v.front(); });
    GlobalAccess access(rewriter, location, type, adaptor.getView(), offsets,
                        divisors.lookup_or(store, 1), tile);
    PTXAccess ptx = describeAccess(getContext(), access.vector() * type.getElementBytes());
    std::string text =
        llvm::formatv("@$0 st.global{0} [$1], {1};", ptx.suffix, registerList(2, ptx.count));
    SmallVector<std::string> constraints{"b", "l"};
    constraints.append(ptx.count, std::string(1, ptx.constraint));
    constraints.push_back("~{memory}");
    for (int64_t reg = 0; reg < access.registers(); reg += access.vector()) {
      SmallVector<Value> operands{access.predicate(reg, /*firstReplicaOnly=*/true),
                                  access.pointer(reg)};
      llvm::append_range(operands, packWords(rewriter, location,
                                             adaptor.getValue().slice(reg, access.vector()), ptx));
      inlinePTX(rewriter, location, text, llvm::join(constraints, ","), {}, operands);
    }
    rewriter.eraseOp(store);
    return success();
  }

private:
  const OffsetDivisors &divisors;
};

struct LowerDim : OpConversionPattern<DimOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(DimOp dim, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ViewParts view = unpackView(rewriter, dim.getLoc(), dim.getView().getType(), adaptor.getView());
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(dim, rewriter.getIndexType(),
                                                    view.sizes[dim.getDimension()]);
    return success();
  }
};

/// program_id and num_programs: a special register for each dimension.
template <typename Op, typename X, typename Y, typename Z>
struct LowerLaunchIndex : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Type i32 = rewriter.getI32Type();
    Value value = op.getDimension() == 0   ? X::create(rewriter, location, i32).getResult()
                  : op.getDimension() == 1 ? Y::create(rewriter, location, i32).getResult()
                                           : Z::create(rewriter, location, i32).getResult();
    rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(op, rewriter.getIndexType(), value);
    return success();
  }
};

} // namespace

void tk::populateGlobalAccessPatterns(const TypeConverter &converter, RewritePatternSet &patterns,
                                      const OffsetDivisors &divisors) {
  patterns.add<LowerLoad, LowerCopy, LowerStore>(converter, patterns.getContext(), divisors);
  patterns.add<
      LowerDim, LowerLaunchIndex<ProgramIdOp, NVVM::BlockIdXOp, NVVM::BlockIdYOp, NVVM::BlockIdZOp>,
      LowerLaunchIndex<NumProgramsOp, NVVM::GridDimXOp, NVVM::GridDimYOp, NVVM::GridDimZOp>>(
      converter, patterns.getContext());
}
