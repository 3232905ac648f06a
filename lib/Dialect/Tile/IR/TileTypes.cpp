//===- TileTypes.cpp - Views, shared tiles, work in flight --------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "tk/Dialect/Tile/IR/TileDialect.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numeric>

using namespace mlir;
using namespace tk;
using namespace tk::tile;

#include "tk/Dialect/Tile/IR/TileTypeInterfaces.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "tk/Dialect/Tile/IR/TileTypes.cpp.inc"

void TileDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "tk/Dialect/Tile/IR/TileTypes.cpp.inc"
      >();
}

/// Bytes an element takes in memory; booleans take one.
static int64_t getBytes(Type elementType) {
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

/// Element types that memory can hold.
static LogicalResult verifyElementType(function_ref<InFlightDiagnostic()> emitError, Type type) {
  if (!type.isIntOrFloat())
    return emitError() << "expected an integer or floating-point element type, got " << type;
  unsigned width = type.getIntOrFloatBitWidth();
  if (width != 1 && width != 8 && width != 16 && width != 32 && width != 64)
    return emitError() << "expected elements of 1, 8, 16, 32 or 64 bits, got " << type;
  return success();
}

//===----------------------------------------------------------------------===//
// GlobalType
//===----------------------------------------------------------------------===//

GlobalType GlobalType::get(MLIRContext *context, ArrayRef<int64_t> shape, Type elementType,
                           ArrayRef<int64_t> strides) {
  SmallVector<int64_t> ones(shape.size(), 1);
  return get(context, shape, elementType, strides, getBytes(elementType), ones, ones);
}

SmallVector<int64_t> GlobalType::getRowMajorStrides(unsigned rank) {
  SmallVector<int64_t> strides(rank, ShapedType::kDynamic);
  if (rank > 0)
    strides.back() = 1;
  return strides;
}

int64_t GlobalType::getElementBytes() const { return getBytes(getElementType()); }

std::optional<unsigned> GlobalType::getContiguousDimension(unsigned tileRank) const {
  for (auto [dimension, stride] : llvm::enumerate(getStrides().take_back(tileRank)))
    if (stride == 1)
      return dimension;
  return std::nullopt;
}

int64_t GlobalType::getKnownSizeDivisor(unsigned dimension) const {
  int64_t size = getShape()[dimension];
  return ShapedType::isDynamic(size) ? getSizeDivisors()[dimension] : size;
}

int64_t GlobalType::getKnownStrideDivisor(unsigned dimension) const {
  int64_t stride = getStrides()[dimension];
  return ShapedType::isDynamic(stride) ? getStrideDivisors()[dimension] : stride;
}

LogicalResult GlobalType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Type elementType,
                                 ArrayRef<int64_t> strides, int64_t align,
                                 ArrayRef<int64_t> sizeDivisors, ArrayRef<int64_t> strideDivisors) {
  if (shape.empty() || shape.size() > 5)
    return emitError() << "expected a view of rank 1 to 5, got rank " << shape.size();
  if (failed(verifyElementType(emitError, elementType)))
    return failure();
  auto sameRank = [&](ArrayRef<int64_t> list, StringRef what) -> LogicalResult {
    if (list.size() == shape.size())
      return success();
    return emitError() << "expected '" << what << "' to have one entry per dimension ("
                       << shape.size() << "), got " << list.size();
  };
  if (failed(sameRank(strides, "strides")) || failed(sameRank(sizeDivisors, "divisible")) ||
      failed(sameRank(strideDivisors, "stride_divisible")))
    return failure();
  for (int64_t size : shape)
    if (!ShapedType::isDynamic(size) && size < 0)
      return emitError() << "expected sizes of at least 0, got " << size;
  for (int64_t stride : strides)
    if (!ShapedType::isDynamic(stride) && stride < 0)
      return emitError() << "expected strides of at least 0, got " << stride;
  for (ArrayRef<int64_t> divisors : {sizeDivisors, strideDivisors})
    for (int64_t divisor : divisors)
      if (divisor < 1)
        return emitError() << "expected divisors of at least 1, got " << divisor;
  if (!layout::isPowerOfTwo(align) || align < getBytes(elementType))
    return emitError() << "expected 'align' to be a power of two of at least the element's "
                       << getBytes(elementType) << " bytes, got " << align;
  return success();
}

/// Parses `[a, ?, b]` into `list`, `?` as kDynamic where allowed.
static ParseResult parseList(AsmParser &parser, SmallVectorImpl<int64_t> &list, bool allowDynamic) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
    if (allowDynamic && succeeded(parser.parseOptionalQuestion())) {
      list.push_back(ShapedType::kDynamic);
      return success();
    }
    return parser.parseInteger(list.emplace_back());
  });
}

static void printList(AsmPrinter &printer, ArrayRef<int64_t> list) {
  printer << "[";
  llvm::interleaveComma(list, printer, [&](int64_t value) {
    if (ShapedType::isDynamic(value))
      printer << "?";
    else
      printer << value;
  });
  printer << "]";
}

Type GlobalType::parse(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> shape, strides, sizeDivisors, strideDivisors;
  Type elementType;
  int64_t align = 0;
  if (parser.parseLess() || parser.parseDimensionList(shape) || parser.parseType(elementType))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    StringRef key;
    SMLoc keyLocation = parser.getCurrentLocation();
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return {};
    ParseResult result =
        llvm::StringSwitch<function_ref<ParseResult()>>(key)
            .Case("strides", [&] { return parseList(parser, strides, /*allowDynamic=*/true); })
            .Case("align", [&] { return parser.parseInteger(align); })
            .Case("divisible", [&] { return parseList(parser, sizeDivisors, false); })
            .Case("stride_divisible", [&] { return parseList(parser, strideDivisors, false); })
            .Default([&]() -> ParseResult {
              return parser.emitError(keyLocation)
                     << "expected 'strides', 'align', 'divisible' or 'stride_divisible', got '"
                     << key << "'";
            })();
    if (result)
      return {};
  }
  if (parser.parseGreater())
    return {};
  auto emitError = [&] { return parser.emitError(location); };
  if (failed(verifyElementType(emitError, elementType)))
    return {};
  if (strides.empty())
    strides = getRowMajorStrides(shape.size());
  sizeDivisors.resize(std::max(shape.size(), sizeDivisors.size()), 1);
  strideDivisors.resize(std::max(shape.size(), strideDivisors.size()), 1);
  if (align == 0)
    align = getBytes(elementType);
  return getChecked(emitError, parser.getContext(), shape, elementType, strides, align,
                    sizeDivisors, strideDivisors);
}

void GlobalType::print(AsmPrinter &printer) const {
  auto notOne = [](int64_t value) { return value != 1; };
  printer << "<";
  printer.printDimensionList(getShape());
  printer << "x" << getElementType();
  if (getStrides() != ArrayRef<int64_t>(getRowMajorStrides(getRank())))
    printList(printer << ", strides = ", getStrides());
  if (getAlign() != getElementBytes())
    printer << ", align = " << getAlign();
  if (llvm::any_of(getSizeDivisors(), notOne))
    printList(printer << ", divisible = ", getSizeDivisors());
  if (llvm::any_of(getStrideDivisors(), notOne))
    printList(printer << ", stride_divisible = ", getStrideDivisors());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// TableType
//===----------------------------------------------------------------------===//

/// Pointers, sizes and strides take 8 bytes each.
static int64_t getViewBytes(GlobalType view) {
  constexpr int64_t kWordBytes = 8;
  return kWordBytes * (1 + llvm::count_if(view.getShape(), ShapedType::isDynamic) +
                       llvm::count_if(view.getStrides(), ShapedType::isDynamic));
}

int64_t TableType::getColumnOffset(unsigned column) const {
  int64_t offset = 0;
  for (GlobalType view : getColumns().take_front(column))
    offset += getViewBytes(view);
  return offset;
}

int64_t TableType::getRowBytes() const { return getColumnOffset(getNumColumns()); }

LogicalResult TableType::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArrayRef<StringAttr> names, ArrayRef<GlobalType> columns) {
  if (names.empty() || names.size() != columns.size())
    return emitError() << "expected a table of at least one column, each with a name, got "
                       << columns.size() << " columns and " << names.size() << " names";
  llvm::SmallDenseSet<StringAttr> seen;
  for (auto [name, column] : llvm::zip_equal(names, columns)) {
    if (name.empty())
      return emitError() << "expected a name for every column, got \"\" for " << Type(column);
    if (!seen.insert(name).second)
      return emitError() << "expected columns of different names, got \"" << name.getValue()
                         << "\" twice";
    if (!llvm::any_of(column.getShape(), ShapedType::isDynamic))
      return emitError() << "expected a size of column \"" << name.getValue()
                         << "\" that its rows give, for a row beyond the table has none, got "
                         << Type(column) << "; make one of its sizes '?'";
  }
  return success();
}

Type TableType::parse(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<StringAttr> names;
  SmallVector<GlobalType> columns;
  auto parseColumn = [&]() -> ParseResult {
    std::string name;
    Type type;
    if (parser.parseKeywordOrString(&name) || parser.parseColon())
      return failure();
    SMLoc typeLocation = parser.getCurrentLocation();
    if (parser.parseType(type))
      return failure();
    auto view = dyn_cast<GlobalType>(type);
    if (!view)
      return parser.emitError(typeLocation)
             << "expected columns to be global views, got " << type << " for '" << name << "'";
    names.push_back(StringAttr::get(parser.getContext(), name));
    columns.push_back(view);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parseColumn))
    return {};
  return getChecked([&] { return parser.emitError(location); }, parser.getContext(), names,
                    columns);
}

void TableType::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(llvm::zip_equal(getNames(), getColumns()), printer, [&](auto column) {
    printer.printKeywordOrString(std::get<0>(column).getValue());
    printer << ": " << Type(std::get<1>(column));
  });
  printer << ">";
}

//===----------------------------------------------------------------------===//
// InflightType
//===----------------------------------------------------------------------===//

LogicalResult InflightType::verify(function_ref<InFlightDiagnostic()> emitError,
                                   RankedTensorType tensor) {
  if (tensor.getEncoding() && !isa<WgmmaAccAttr>(tensor.getEncoding()))
    return emitError()
           << "expected a tile in flight to have no layout or #tk.wgmma_acc, which is how "
              "the tensor core holds it, got "
           << tensor.getEncoding();
  return success();
}

//===----------------------------------------------------------------------===//
// SharedType
//===----------------------------------------------------------------------===//

int64_t SharedType::getElementBytes() const { return getBytes(getElementType()); }

int64_t SharedType::getSizeInBytes() const {
  return std::accumulate(getShape().begin(), getShape().end(), getElementBytes(),
                         std::multiplies<>());
}

int64_t SharedType::getAlignment() const { return getSharedLayout().alignment(); }

bool SharedType::hasLayout() const { return bool(getLayout()); }

layout::SharedLayout SharedType::getSharedLayout() const {
  return getLayout().toSharedLayout(getShape(), getElementBytes());
}

LogicalResult SharedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Type elementType,
                                 SharedLayoutInterface layout) {
  if (failed(verifyElementType(emitError, elementType)))
    return failure();
  for (int64_t extent : shape)
    if (ShapedType::isDynamic(extent) || extent <= 0)
      return emitError() << "expected a shared tile of static, positive extents";
  int64_t bytes = getBytes(elementType);
  for (int64_t extent : shape)
    if (llvm::MulOverflow(bytes, extent, bytes))
      return emitError() << "expected a shared tile whose size is a number of 64 bits";
  return layout ? layout.verifyShape(shape, getBytes(elementType), emitError) : success();
}

Type SharedType::parse(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  Type elementType;
  SharedLayoutInterface layout;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(elementType))
    return {};
  if (succeeded(parser.parseOptionalComma()) && parser.parseAttribute(layout))
    return {};
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(location); }, parser.getContext(), shape,
                    elementType, layout);
}

void SharedType::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printDimensionList(getShape());
  printer << "x" << getElementType();
  if (getLayout())
    printer << ", " << getLayout();
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

static LogicalResult verifyStages(function_ref<InFlightDiagnostic()> emitError, int64_t stages) {
  if (stages < 1 || stages > hopper::kMaxStages)
    return emitError() << "expected 1 to " << hopper::kMaxStages << " stages, got " << stages;
  return success();
}

static LogicalResult verifySlots(function_ref<InFlightDiagnostic()> emitError, int64_t stages,
                                 SharedType tile) {
  int64_t bytes;
  if (failed(verifyStages(emitError, stages)))
    return failure();
  if (llvm::MulOverflow(stages, tile.getSizeInBytes(), bytes))
    return emitError() << "expected slots whose size is a number of 64 bits";
  return success();
}

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages,
                               ArrayRef<SharedType> tiles) {
  if (tiles.empty())
    return emitError() << "expected a ring of at least one tile";
  int64_t bytes = 0;
  for (SharedType tile : tiles) {
    if (failed(verifySlots(emitError, stages, tile)))
      return failure();
    if (llvm::AddOverflow(bytes, tile.getSizeInBytes(), bytes))
      return emitError() << "expected a ring whose size is a number of 64 bits";
  }
  return success();
}

int64_t RingType::getSlotBytes() const {
  int64_t bytes = 0;
  for (SharedType tile : getTiles())
    bytes += tile.getSizeInBytes();
  return bytes;
}

LogicalResult CursorType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages) {
  return verifyStages(emitError, stages);
}

LogicalResult SlotsType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages,
                                SharedType tile) {
  return verifySlots(emitError, stages, tile);
}

int64_t SlotsType::getSizeInBytes() const { return getStages() * getSlotBytes(); }

int64_t SlotsType::getSlotBytes() const {
  int64_t bytes = getTile().getSizeInBytes();
  return getTile().hasLayout() ? llvm::alignTo(bytes, getTile().getAlignment()) : bytes;
}

int64_t SlotsType::getAlignment() const { return getTile().getAlignment(); }

bool SlotsType::hasLayout() const { return getTile().hasLayout(); }

LogicalResult ScratchType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bytes) {
  if (bytes < hopper::kMaxVectorBytes || bytes % hopper::kMaxVectorBytes != 0)
    return emitError() << "expected a size that is a multiple of " << hopper::kMaxVectorBytes
                       << " bytes, got " << bytes;
  return success();
}
int64_t ScratchType::getSizeInBytes() const { return getBytes(); }

int64_t ScratchType::getAlignment() const { return hopper::kMaxVectorBytes; }

bool ScratchType::hasLayout() const { return true; }

LogicalResult MBarriersType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages) {
  return verifyStages(emitError, stages);
}

int64_t MBarriersType::getSizeInBytes() const { return getStages() * hopper::kMBarrierBytes; }

int64_t MBarriersType::getAlignment() const { return hopper::kMBarrierBytes; }

bool MBarriersType::hasLayout() const { return true; }
