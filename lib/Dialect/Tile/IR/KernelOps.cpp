//===- KernelOps.cpp - Kernels and what they ask of a launch --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

#define GET_OP_CLASSES
#include "tk/Dialect/Tile/IR/TileOps.cpp.inc"

//===----------------------------------------------------------------------===//
// KernelOp: syntax
//
//   tk.kernel @name(%A: type [M, K], %alpha: f32) attributes {...} grid { ... } { ... }
//===----------------------------------------------------------------------===//

/// Dimensions of all columns together: the names of a table's sizes are one list.
static size_t countDimensions(Type type) {
  if (auto view = dyn_cast<GlobalType>(type))
    return view.getRank();
  size_t count = 0;
  if (auto table = dyn_cast<TableType>(type))
    for (GlobalType column : table.getColumns())
      count += column.getRank();
  return count;
}

/// Parses `[[M, K], [K, N]]`, a list for each column of a table, where there is one.
static ParseResult parseTableSymbols(OpAsmParser &parser, TableType table,
                                     function_ref<ParseResult()> parseSymbol,
                                     SmallVectorImpl<StringRef> &symbols) {
  SMLoc location = parser.getCurrentLocation();
  if (failed(parser.parseOptionalLSquare()))
    return success();
  unsigned column = 0;
  auto parseColumn = [&]() -> ParseResult {
    SMLoc at = parser.getCurrentLocation();
    size_t before = symbols.size();
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSymbol))
      return failure();
    if (column < table.getNumColumns() &&
        symbols.size() - before != table.getColumns()[column].getRank())
      return parser.emitError(at) << "expected one name per dimension of column "
                                  << table.getNames()[column] << ", got " << symbols.size() - before
                                  << " for " << Type(table.getColumns()[column]);
    ++column;
    return success();
  };
  if (parser.parseCommaSeparatedList(parseColumn) || parser.parseRSquare())
    return failure();
  if (column != table.getNumColumns())
    return parser.emitError(location) << "expected a list of names for each of the table's "
                                      << table.getNumColumns() << " columns, got " << column;
  return success();
}

/// Parses `%A: type [M, K]`; an argument's name is kept, since the host binds arguments by name.
static ParseResult parseArgument(OpAsmParser &parser,
                                 SmallVectorImpl<OpAsmParser::Argument> &arguments,
                                 SmallVectorImpl<Attribute> &names,
                                 SmallVectorImpl<Attribute> &sizeNames) {
  OpAsmParser::Argument &argument = arguments.emplace_back();
  if (parser.parseArgument(argument, /*allowType=*/true))
    return failure();
  Builder &builder = parser.getBuilder();
  names.push_back(builder.getStringAttr(argument.ssaName.name.drop_front()));
  SmallVector<StringRef> symbols;
  auto parseSymbol = [&]() -> ParseResult {
    if (succeeded(parser.parseOptionalQuestion()))
      symbols.push_back("");
    else if (parser.parseKeyword(&symbols.emplace_back()))
      return failure();
    return success();
  };
  SMLoc location = parser.getCurrentLocation();
  if (auto table = dyn_cast<TableType>(argument.type)) {
    if (parseTableSymbols(parser, table, parseSymbol, symbols))
      return failure();
  } else if (succeeded(parser.parseOptionalLSquare())) {
    if (parser.parseCommaSeparatedList(parseSymbol) || parser.parseRSquare())
      return failure();
    auto view = dyn_cast<GlobalType>(argument.type);
    if (!view || view.getRank() != symbols.size())
      return parser.emitError(location) << "expected one name per dimension of a view, got "
                                        << symbols.size() << " for " << argument.type;
  }
  sizeNames.push_back(builder.getStrArrayAttr(symbols));
  return success();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Attribute> names, sizeNames;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        return parseArgument(parser, arguments, names, sizeNames);
      }))
    return failure();
  SMLoc attributes = parser.getCurrentLocation();
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      failed(verifyInherentAttrs(result.name, result.attributes,
                                 [&] { return parser.emitError(attributes); })))
    return failure();
  SmallVector<Type> types;
  for (OpAsmParser::Argument &argument : arguments)
    types.push_back(argument.type);
  result.addAttribute(getFunctionTypeAttrName(result.name),
                      TypeAttr::get(builder.getFunctionType(types, {})));
  result.addAttribute(getArgNamesAttrName(result.name), builder.getArrayAttr(names));
  result.addAttribute(getSizeNamesAttrName(result.name), builder.getArrayAttr(sizeNames));
  Region *body = result.addRegion(), *grid = result.addRegion();
  return failure(parser.parseKeyword("grid") || parser.parseRegion(*grid, arguments) ||
                 parser.parseRegion(*body, arguments));
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printSymbolName(getSymName());
  printer << "(";
  llvm::interleaveComma(getBody().getArguments(), printer, [&](BlockArgument argument) {
    printer.printRegionArgument(argument);
    auto symbols = cast<ArrayAttr>(getSizeNames()[argument.getArgNumber()]);
    if (symbols.empty())
      return;
    auto printList = [&](ArrayRef<Attribute> list) {
      printer << "[";
      llvm::interleaveComma(list, printer, [&](Attribute attribute) {
        auto symbol = cast<StringAttr>(attribute);
        printer << (symbol.empty() ? "?" : symbol.getValue());
      });
      printer << "]";
    };
    printer << " ";
    ArrayRef<Attribute> rest = symbols.getValue();
    auto table = dyn_cast<TableType>(argument.getType());
    if (!table)
      return printList(rest);
    printer << "[";
    llvm::interleaveComma(table.getColumns(), printer, [&](GlobalType column) {
      printList(rest.take_front(column.getRank()));
      rest = rest.drop_front(column.getRank());
    });
    printer << "]";
  });
  printer << ")";
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getSymNameAttrName(), getFunctionTypeAttrName(),
                                            getArgNamesAttrName(), getSizeNamesAttrName()});
  printer << " grid ";
  printer.shadowRegionArgs(getGrid(), getBody().getArguments());
  printer.printRegion(getGrid(), /*printEntryBlockArgs=*/false);
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  if (getArgNames().size() != region.getNumArguments())
    return;
  for (BlockArgument argument : region.getArguments())
    setName(argument, getArgumentName(argument.getArgNumber()));
}

//===----------------------------------------------------------------------===//
// KernelOp: verification
//===----------------------------------------------------------------------===//

/// A map that the host could make.
static LogicalResult verifyTensorMap(KernelOp kernel, TensorMapAttr map) {
  Type type = map.getArgument() < kernel.getNumArguments()
                  ? kernel.getArgumentTypes()[map.getArgument()]
                  : Type();
  auto view = dyn_cast_if_present<GlobalType>(type);
  if (auto table = dyn_cast_if_present<TableType>(type); table && map.getColumn()) {
    if (*map.getColumn() >= table.getNumColumns())
      return kernel.emitOpError() << "expected 'column' of " << map << " to be below "
                                  << table.getNumColumns() << ", got " << *map.getColumn();
    view = table.getColumns()[*map.getColumn()];
  } else if (map.getColumn()) {
    view = {};
  }
  if (!view)
    return kernel.emitOpError() << "expected " << map
                                << " to name an argument that is a view, or a column of a table";
  llvm::SmallBitVector seen(view.getRank());
  for (unsigned dimension : map.getOrder())
    if (dimension < view.getRank())
      seen.set(dimension);
  if (map.getOrder().size() != view.getRank() || !seen.all() ||
      map.getBox().size() != view.getRank())
    return kernel.emitOpError() << "expected 'order' of " << map << " to be a permutation of the "
                                << view.getRank()
                                << " dimensions of its argument, and as many extents";
  for (int64_t extent : map.getBox())
    if (extent < 1 || extent > hopper::kTMAMaxBox)
      return kernel.emitOpError() << "expected extents of the box of " << map << " to be 1 to "
                                  << hopper::kTMAMaxBox << ", got " << extent;
  if (!llvm::is_contained({16, 32, 64, 128}, map.getSwizzle()))
    return kernel.emitOpError() << "expected the swizzle of " << map
                                << " to span 16, 32, 64 or 128 bytes, got " << map.getSwizzle();
  return success();
}

ArrayRef<StringRef> tk::tile::getTuningNames() {
  static constexpr StringRef kNames[] = {
      "variants", "widen",  "split_k",   "stream_k",           "cluster",           "order",
      "group",    "stages", "consumers", "producer_registers", "consumer_registers"};
  return kNames;
}

bool tk::tile::isHostArithmetic(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<IntegerAttr>(constant.getValue());
  if (auto dim = dyn_cast<DimOp>(op))
    return isa<BlockArgument>(dim.getView());
  return isa<TableSizeOp, NumSMsOp, arith::IndexCastOp, arith::IndexCastUIOp, arith::AddIOp,
             arith::SubIOp, arith::MulIOp, arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp,
             arith::CeilDivUIOp, arith::CeilDivSIOp, arith::RemUIOp, arith::RemSIOp, arith::MinUIOp,
             arith::MinSIOp, arith::MaxUIOp, arith::MaxSIOp>(op);
}

LogicalResult KernelOp::verify() {
  if (getArgNames().size() != getNumArguments() || getSizeNames().size() != getNumArguments())
    return emitOpError() << "expected a name and a list of size names for each of the "
                         << getNumArguments() << " arguments, got " << getArgNames().size()
                         << " and " << getSizeNames().size();
  if (getFunctionType().getNumResults() != 0)
    return emitOpError() << "expected no results, got " << getFunctionType().getNumResults()
                         << "; kernels write to their views";
  for (auto [index, type] : llvm::enumerate(getArgumentTypes())) {
    bool scalar = type.isIndex() || (type.isIntOrFloat() && type.getIntOrFloatBitWidth() >= 8);
    if (!scalar && !isa<GlobalType, TableType>(type))
      return emitOpError()
             << "expected arguments to be global views, tables or scalars of 8 to 64 bits, got "
             << type << " for '" << getArgumentName(index) << "'";
    size_t rank = countDimensions(type), sizes = cast<ArrayAttr>(getSizeNames()[index]).size();
    if (sizes != 0 && sizes != rank)
      return emitOpError() << "expected one size name per dimension of '" << getArgumentName(index)
                           << "' (" << rank << ") or none, got " << sizes;
  }
  // The name goes into PTX as it is.
  auto isWordCharacter = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '$'; };
  if (getSymName().empty() || llvm::isDigit(getSymName().front()) ||
      !llvm::all_of(getSymName(), isWordCharacter))
    return emitOpError()
           << "expected a name of letters, digits, '_' and '$' that does not start with "
              "a digit, got '"
           << getSymName() << "'";
  size_t accesses = getAccessIndex(getNumArguments());
  for (auto list : {getReads(), getWrites()})
    if (list && list->size() != accesses)
      return emitOpError() << "expected 'reads' and 'writes' to have one entry for each of the "
                           << getNumArguments() << " arguments, of tables one for each column ("
                           << accesses << "), got " << list->size();
  if (int64_t threads = getThreads().value_or(128);
      threads <= 0 || threads % 128 != 0 || threads > 1024)
    return emitOpError()
           << "expected 'threads' to be whole warpgroups (a multiple of 128, at most 1024), got "
           << threads;
  if (std::optional<ArrayRef<int64_t>> cluster = getCluster()) {
    bool inRange =
        !cluster->empty() && cluster->size() <= 3 && llvm::all_of(*cluster, [](int64_t extent) {
          return extent >= 1 && extent <= hopper::kMaxCluster;
        });
    if (!inRange || getClusterSize() > hopper::kMaxCluster)
      return emitOpError()
             << "expected 'cluster' to be one to three extents of at least 1, at most "
             << hopper::kMaxCluster << " programs, got [" << *cluster << "]";
  }
  if (ArrayAttr maps = getTensorMapsAttr())
    for (auto map : maps.getAsRange<TensorMapAttr>())
      if (failed(verifyTensorMap(*this, map)))
        return failure();
  if (int64_t bytes = getSharedBytes().value_or(0); bytes < 0)
    return emitOpError() << "expected 'shared_bytes' of at least 0, got " << bytes;
  return success();
}

/// Extents of a ragged grid depend on the row that the place along the last dimension chooses.
static LogicalResult verifyRaggedGrid(Operation &op, GridOp grid) {
  size_t last = grid.getSizes().size() - 1;
  if (auto id = dyn_cast<ProgramIdOp>(op)) {
    if (id.getDimension() != last)
      return id.emitOpError() << "expected the place along the grid's last dimension (" << last
                              << "), which alone may choose a row here, got " << id.getDimension();
    for (Operation *user : id->getUsers())
      if (!isa<TableRowOp>(user))
        return user->emitOpError() << "expected a program's place to choose the row of a table and "
                                      "nothing else in a grid region";
  }
  auto row = dyn_cast<TableRowOp>(op);
  if (!row)
    return success();
  if (!row.getRow().getDefiningOp<ProgramIdOp>())
    return row.emitOpError() << "expected the row of 'tk.program_id " << last
                             << "' in a grid region: the grid is made for each row";
  auto rows = grid.getSizes()[last].getDefiningOp<TableSizeOp>();
  if (!rows || rows.getTable() != row.getTable()) {
    InFlightDiagnostic diagnostic =
        grid.emitOpError() << "expected 'tk.table_size' of the table whose rows the extents depend "
                              "on as the last extent, got another number";
    diagnostic.attachNote(row.getLoc()) << "they depend on this row";
    return diagnostic;
  }
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  for (Region *region : {&getBody(), &getGrid()})
    if (region->empty() || region->getArgumentTypes() != TypeRange(getArgumentTypes()))
      return emitOpError() << "expected both regions to have the kernel's " << getNumArguments()
                           << " arguments";
  if (!getBody().hasOneBlock())
    return emitOpError() << "expected a body of one block, got " << getBody().getBlocks().size()
                         << "; use scf for control flow";
  if (auto roles = getBody().getOps<SpecializeOp>(); llvm::range_size(roles) > 1)
    return (*std::next(roles.begin()))->emitOpError()
           << "is the second of its kernel; the threads of a block take their roles once";
  Operation *end = getBody().front().getTerminator();
  if (!isa<ReturnOp>(end))
    return end->emitOpError() << "expected the body to end in 'tk.return'";
  Region &grid = getGrid();
  if (!isa<GridOp>(grid.front().getTerminator()))
    return grid.front().getTerminator()->emitOpError()
           << "expected the grid region to end in 'tk.grid'";
  for (Operation &op : grid.front()) {
    bool scalar = llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIntOrIndex(); });
    bool allowed =
        (isa_and_present<arith::ArithDialect>(op.getDialect()) && scalar) ||
        isa<DimOp, NumSMsOp, GridOp, TableSizeOp, TableTilesOp, ProgramIdOp, TableRowOp>(op);
    if (!allowed)
      return op.emitOpError()
             << "is not index arithmetic over sizes, scalars and facts of the device, which is all "
                "that a grid region may hold";
    if (failed(verifyRaggedGrid(op, cast<GridOp>(grid.front().getTerminator()))))
      return failure();
  }
  return success();
}

LogicalResult GridOp::verify() {
  if (getSizes().empty() || getSizes().size() > 3)
    return emitOpError() << "expected one to three extents, got " << getSizes().size();
  return success();
}

LogicalResult NumSMsOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (!kernel || !kernel.getGrid().isAncestor((*this)->getParentRegion()))
    return emitOpError() << "is known to the host only; use it in a grid region";
  return success();
}

//===----------------------------------------------------------------------===//
// DimOp
//===----------------------------------------------------------------------===//

LogicalResult DimOp::verify() {
  unsigned rank = getView().getType().getRank();
  if (getDimension() >= rank)
    return emitOpError() << "expected a dimension below the view's rank " << rank << ", got "
                         << getDimension();
  return success();
}

OpFoldResult DimOp::fold(FoldAdaptor adaptor) {
  int64_t size = getView().getType().getShape()[getDimension()];
  return ShapedType::isDynamic(size) ? OpFoldResult() : Builder(getContext()).getIndexAttr(size);
}
