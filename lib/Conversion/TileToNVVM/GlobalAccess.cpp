//===- GlobalAccess.cpp - Loads and stores of global memory ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

///
/// A tile is loaded and stored in runs: up to 16 bytes that lie in a row in memory. One block of
/// assembly moves a run, in vectors as wide as alignment can be proven for, each under the
/// predicate that its coordinates lie in the view. Along leading dimensions, which the tile does
/// not have, all have one coordinate. Coordinates are 64-bit, and compared as unsigned numbers,
/// which refuses negative ones as well.
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

  /// Elements of one block of assembly: registers [k * run, (k + 1) * run) are consecutive in
  /// memory.
  int64_t run() const { return runElements; }
  int64_t accessesOfRun() const { return runElements / vectorElements; }
  int64_t registers() const { return distribution.registersPerThread(); }
  /// Loads registers [reg, reg + run); outside the view `pad`, in whose place only a single element
  /// may have anything but zero.
  SmallVector<Value> load(int64_t reg, int64_t pad = 0);
  /// Stores them; what lies outside the view is dropped.
  void store(int64_t reg, ValueRange values);

private:
  int64_t chooseVector(int64_t offsetDivisor) const;
  /// The dimension of the tile a run lies along.
  unsigned runDimension() const { return contiguous.value_or(type.getRank() - leading - 1); }
  /// A register's part of the coordinates in the view: zero along leading dimensions.
  layout::Coordinates registerCoordinate(int64_t reg) const {
    layout::Coordinates inTile = distribution.registerCoordinate(reg);
    layout::Coordinates inView(leading, 0);
    inView.append(inTile.begin(), inTile.end());
    return inView;
  }
  Value pointer(int64_t reg);
  Value rowPredicate(int64_t reg, bool firstReplicaOnly);
  SmallVector<Value> addressOperands(int64_t reg, bool firstReplicaOnly);
  Value advance(Value pointer, Value elements);
  Value rowPointer(const layout::Coordinates &row);
  Value coordinate(unsigned dimension, int64_t registerPart);
  Value inBounds(unsigned dimension, int64_t registerPart);

  OpBuilder &builder;
  Location location;
  GlobalType type;
  layout::Distribution distribution;
  ViewParts view;
  unsigned leading;                   ///< Dimensions of the view before those of the tile.
  std::optional<unsigned> contiguous; ///< Dimension of the tile.
  SmallVector<Value> bases;           ///< Per dimension, offset plus this thread's part, i64.
  int64_t vectorElements = 1; ///< Of one access in a run: in the view together, or not at all.
  int64_t runElements = 1;
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
      view(unpackView(builder, location, type, parts)), leading(type.getNumLeading(tile.getRank())),
      contiguous(type.getContiguousDimension(tile.getRank())) {
  for (auto [dimension, offset] : llvm::enumerate(convertedOffsets)) {
    Value base = arith::IndexCastOp::create(builder, location, builder.getI64Type(), offset);
    if (dimension < leading) {
      bases.push_back(base);
      continue;
    }
    SmallVector<int64_t> columns;
    for (unsigned bit = 0; bit < distribution.threadBits(); ++bit)
      columns.push_back(distribution.threadColumn(bit, dimension - leading));
    Value thread = arith::ExtUIOp::create(builder, location, builder.getI64Type(),
                                          applyThreadColumns(builder, location, columns));
    bases.push_back(arith::AddIOp::create(builder, location, base, thread));
  }
  if (type.getElementType().isInteger(1)) // One byte each, which only single accesses unpack.
    return;
  vectorElements = runElements = chooseVector(offsetDivisor);
  if (contiguous)
    runElements = std::min(distribution.contiguousRegisters(runDimension()),
                           hopper::kMaxVectorBytes / type.getElementBytes());
}

/// The widest vector whose alignment, and whose lying in the view as a whole, follow from the
/// view's type and from how the offsets are computed.
int64_t GlobalAccess::chooseVector(int64_t offsetDivisor) const {
  if (!contiguous)
    return 1;
  // In elements; gcd(x, 0) = x, so that offset zero and stride zero restrict nothing.
  int64_t divisor = std::gcd(type.getAlign() / type.getElementBytes(),
                             type.getKnownSizeDivisor(leading + *contiguous));
  divisor = std::gcd(divisor, offsetDivisor);
  for (unsigned d = 0; d < type.getRank(); ++d)
    if (d != leading + *contiguous)
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
  layout::Coordinates row = registerCoordinate(reg);
  int64_t distance = 0;
  if (contiguous)
    std::swap(distance, row[leading + *contiguous]);
  Value pointer = rowPointer(row);
  if (distance == 0)
    return pointer;
  return LLVM::GEPOp::create(builder, location, pointer.getType(), builder.getI8Type(), pointer,
                             LLVM::GEPArg(int32_t(distance * type.getElementBytes())));
}

/// Whether all coordinates but the run's own lie in the view, or null where there are none.
Value GlobalAccess::rowPredicate(int64_t reg, bool firstReplicaOnly) {
  layout::Coordinates at = registerCoordinate(reg);
  Value result = firstReplicaOnly
                     ? isFirstReplica(builder, location, distribution.replicatedThreadBits())
                     : Value();
  for (unsigned d = 0; d < type.getRank(); ++d) {
    if (d == leading + runDimension())
      continue;
    Value inside = inBounds(d, at[d]);
    result = result ? arith::AndIOp::create(builder, location, result, inside).getResult() : inside;
  }
  return result;
}

/// What a block of assembly needs to know: pointer, first coordinate along the run, size of that
/// dimension, and the predicate of the others where there is one.
SmallVector<Value> GlobalAccess::addressOperands(int64_t reg, bool firstReplicaOnly) {
  unsigned along = leading + runDimension();
  int64_t registerPart = registerCoordinate(reg)[along];
  SmallVector<Value> operands{pointer(reg), coordinate(along, registerPart), view.sizes[along]};
  if (Value row = rowPredicate(reg, firstReplicaOnly))
    operands.push_back(row);
  return operands;
}

namespace {

/// The registers that hold a run: 32-bit words, or one 16-bit register.
struct RunRegisters {
  RunRegisters(MLIRContext *context, int64_t bytes)
      : count(bytes < 4 ? 1 : bytes / 4), type(IntegerType::get(context, bytes < 4 ? 16 : 32)) {}
  unsigned count;
  IntegerType type;
  std::string constraint() const { return type.getWidth() == 16 ? "h" : "r"; }
};

/// Writes the assembly that moves a run. Operands are numbered as LLVM does: outputs first.
struct RunAssembly {
  bool isLoad;
  int64_t run, vector, elementBytes; ///< In elements, and bytes of one.
  bool hasRow;                       ///< Whether there is a predicate for the other dimensions.
  unsigned words;
  uint64_t pad = 0; ///< Load: the bits of what lies outside.

  std::string str() const;

private:
  std::string operand(unsigned index) const { return "$" + std::to_string(index); }
  std::string address(unsigned index) const { return operand((isLoad ? words : 0) + index); }
  std::string word(unsigned index) const {
    return operand(isLoad ? index : index + (hasRow ? 4 : 3));
  }
  /// Bytes of an access that is smaller than the registers of the run, or 0. Such go through
  /// 16-bit registers of their own, h0, h1, ...
  int64_t pieceBytes() const {
    int64_t bytes = vector * elementBytes;
    return bytes < 4 && run > vector ? bytes : 0;
  }
  void access(llvm::raw_ostream &os, int64_t first) const;
  void pack(llvm::raw_ostream &os) const;
};

} // namespace

/// One vector access under its predicate:
///   add.s64 c, COORDINATE, 2; setp.lt.and.u64 p, c, SIZE, ROW; mov.b16 h2, 0;
///   @p ld.global.b16 h2, [POINTER+4];
void RunAssembly::access(llvm::raw_ostream &os, int64_t first) const {
  int64_t bytes = vector * elementBytes, offset = first * elementBytes;
  std::string coordinate = address(1);
  if (first > 0) {
    os << "add.s64 c, " << coordinate << ", " << first << ";\n\t";
    coordinate = "c";
  }
  os << "setp.lt" << (hasRow ? ".and" : "") << ".u64 p, " << coordinate << ", " << address(2)
     << (hasRow ? ", " + address(3) : "") << ";\n\t";
  SmallVector<std::string> registers;
  if (pieceBytes())
    registers.push_back("h" + std::to_string(offset / pieceBytes()));
  for (int64_t index = offset / 4;
       !pieceBytes() && index < std::max((offset + bytes) / 4, offset / 4 + 1); ++index)
    registers.push_back(word(index));
  for (auto [index, name] : llvm::enumerate(registers))
    if (isLoad)
      os << "mov.b" << (bytes < 4 ? 16 : 32) << " " << name << ", "
         << (index < 2 ? pad >> (32 * index) & (bytes < 4 ? 0xFFFF : 0xFFFFFFFF) : 0) << ";\n\t";
  std::string list = llvm::join(registers, ", ");
  std::string suffix = ".b" + std::to_string(8 * std::min<int64_t>(bytes, 4));
  if (registers.size() > 1) {
    list = "{" + list + "}";
    suffix = ".v" + std::to_string(registers.size()) + suffix;
  }
  std::string place = "[" + address(0) + (offset ? "+" + std::to_string(offset) : "") + "]";
  os << "@p " << (isLoad ? "ld" : "st") << ".global" << suffix << " " << (isLoad ? list : place)
     << ", " << (isLoad ? place : list) << ";\n\t";
}

/// Between the registers of the pieces and those of the run: bytes pair up in the first of two, low
/// byte first, and halves in words.
void RunAssembly::pack(llvm::raw_ostream &os) const {
  if (pieceBytes() == 0)
    return;
  int64_t distance = 2 / pieceBytes(), halves = run * elementBytes / 2;
  auto half = [&](int64_t index) { return "h" + std::to_string(index * distance); };
  auto packBytes = [&] {
    for (int64_t index = 0; distance == 2 && index < halves; ++index) {
      std::string low = half(index), high = "h" + std::to_string(2 * index + 1);
      if (isLoad)
        os << "shl.b16 " << high << ", " << high << ", 8;\n\tor.b16 " << low << ", " << low << ", "
           << high << ";\n\t";
      else
        os << "shr.u16 " << high << ", " << low << ", 8;\n\t";
    }
  };
  if (isLoad)
    packBytes();
  for (unsigned index = 0; index < words; ++index) {
    std::string place =
        halves == 1 ? half(0) : "{" + half(2 * index) + ", " + half(2 * index + 1) + "}";
    os << (halves == 1 ? "mov.b16 " : "mov.b32 ") << (isLoad ? word(index) : place) << ", "
       << (isLoad ? place : word(index)) << ";\n\t";
  }
  if (!isLoad)
    packBytes();
}

std::string RunAssembly::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "{\n\t.reg .pred p;\n\t";
  if (run > vector)
    os << ".reg .b64 c;\n\t";
  if (pieceBytes())
    os << ".reg .b16 h<" << run * elementBytes / pieceBytes() << ">;\n\t";
  if (!isLoad)
    pack(os);
  for (int64_t first = 0; first < run; first += vector)
    access(os, first);
  if (isLoad)
    pack(os);
  os << "}";
  return text;
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
                                    const RunRegisters &access) {
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

SmallVector<Value> GlobalAccess::load(int64_t reg, int64_t pad) {
  RunRegisters registers(builder.getContext(), run() * type.getElementBytes());
  SmallVector<Value> operands = addressOperands(reg, /*firstReplicaOnly=*/false);
  bool hasRow = operands.size() > 3;
  RunAssembly assembly{/*isLoad=*/true,        run(),  vectorElements,
                       type.getElementBytes(), hasRow, registers.count,
                       uint64_t(pad)};
  // Outputs are written before all inputs are read.
  SmallVector<std::string> constraints(registers.count, "=&" + registers.constraint());
  constraints.append({"l", "l", "l"});
  if (hasRow)
    constraints.push_back("b");
  SmallVector<Value> words =
      inlinePTX(builder, location, assembly.str(), llvm::join(constraints, ","),
                SmallVector<Type>(registers.count, registers.type), operands);
  return unpackWords(builder, location, words, getRegisterType(type.getElementType()), run());
}

void GlobalAccess::store(int64_t reg, ValueRange values) {
  RunRegisters registers(builder.getContext(), run() * type.getElementBytes());
  SmallVector<Value> operands = addressOperands(reg, /*firstReplicaOnly=*/true);
  bool hasRow = operands.size() > 3;
  RunAssembly assembly{/*isLoad=*/false,       run(),  vectorElements,
                       type.getElementBytes(), hasRow, registers.count};
  SmallVector<std::string> constraints{"l", "l", "l"};
  if (hasRow)
    constraints.push_back("b");
  constraints.append(registers.count, registers.constraint());
  constraints.push_back("~{memory}");
  llvm::append_range(operands, packWords(builder, location, values, registers));
  inlinePTX(builder, location, assembly.str(), llvm::join(constraints, ","), {}, operands);
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
    for (int64_t reg = 0; reg < access.registers(); reg += access.run())
      llvm::append_range(registers, access.load(reg));
    rewriter.replaceOpWithMultiple(load, {registers});
    return success();
  }

private:
  const OffsetDivisors &divisors;
};

/// Every thread loads the element: a tile of one, of which all have a copy.
struct LowerLoadScalar : OpConversionPattern<LoadScalarOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LoadScalarOp load, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    GlobalType type = load.getView().getType();
    auto layout = BlockedAttr::get(getContext(), {1}, {hopper::kWarpThreads},
                                   {hopper::kWarpgroupThreads / hopper::kWarpThreads}, {0});
    SmallVector<Value> offsets =
        llvm::map_to_vector(adaptor.getOffsets(), [](ValueRange v) { return v.front(); });
    GlobalAccess access(rewriter, load.getLoc(), type, adaptor.getView(), offsets,
                        /*offsetDivisor=*/1,
                        RankedTensorType::get({1}, type.getElementType(), layout));
    rewriter.replaceOp(load, access.load(0, load.getPad().value_or(0)));
    return success();
  }
};

/// How many runs of a copy may be in registers at a time, and how many accesses: each takes a
/// register until it is packed. With 4 runs of 8, the 128 x 128 product of 16-bit types over one
/// warpgroup takes 239 to 241 registers (ptxas 13.0); without a bound, all 255 and spills.
constexpr int64_t kStepsInFlight = 4, kAccessesInFlight = 32;

/// Loads and shared stores take turns, so that few elements are in registers at a time.
struct LowerCopy : OpConversionPattern<CopyOp> {
  LowerCopy(const TypeConverter &converter, MLIRContext *context, const OffsetDivisors &divisors)
      : OpConversionPattern(converter, context), divisors(divisors) {}
  LogicalResult matchAndRewrite(CopyOp copy, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = copy.getLoc();
    RankedTensorType tile = copy.getTileType();
    SmallVector<Value> offsets =
        llvm::map_to_vector(adaptor.getOffsets(), [](ValueRange v) { return v.front(); });
    GlobalAccess access(rewriter, location, copy.getView().getType(), adaptor.getView(), offsets,
                        divisors.lookup_or(copy, 1), tile);
    Value first = isFirstReplica(rewriter, location, getDistribution(tile)->replicatedThreadBits());
    int64_t stepsInFlight =
        std::clamp<int64_t>(kAccessesInFlight / access.accessesOfRun(), 1, kStepsInFlight);
    SmallVector<Value> registers;
    auto move = [&](Value pointer, int64_t reg, int64_t vector) {
      while (int64_t(registers.size()) < reg + vector)
        llvm::append_range(registers, access.load(registers.size()));
      {
        OpBuilder::InsertionGuard guard(rewriter);
        if (first) {
          auto branch = scf::IfOp::create(rewriter, location, first, /*withElseRegion=*/false);
          rewriter.setInsertionPointToStart(branch.thenBlock());
        }
        storeVector(rewriter, location, ValueRange(registers).slice(reg, vector), pointer);
      }
      // ptxas would load the whole tile first, beside the accumulator, and spill. Nothing moves
      // memory accesses across this, and nothing waits for it in a convergent warp.
      bool last = reg + vector >= access.registers();
      if (!last && reg / vector % stepsInFlight == stepsInFlight - 1)
        inlinePTX(rewriter, location, "bar.warp.sync -1;", "~{memory}", {}, {});
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
    for (int64_t reg = 0; reg < access.registers(); reg += access.run())
      access.store(reg, adaptor.getValue().slice(reg, access.run()));
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
  patterns
      .add<LowerLoadScalar, LowerDim,
           LowerLaunchIndex<ProgramIdOp, NVVM::BlockIdXOp, NVVM::BlockIdYOp, NVVM::BlockIdZOp>,
           LowerLaunchIndex<NumProgramsOp, NVVM::GridDimXOp, NVVM::GridDimYOp, NVVM::GridDimZOp>>(
          converter, patterns.getContext());
}
