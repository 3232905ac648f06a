//===- TableOps.cpp - Lists of problems -----------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

/// The kernel that a table is an argument of: only those are known not to change.
static KernelOp findKernel(Value table) {
  auto argument = dyn_cast<BlockArgument>(table);
  return argument ? dyn_cast<KernelOp>(argument.getOwner()->getParentOp()) : KernelOp();
}

static LogicalResult verifyTable(Operation *op, Value table) {
  if (findKernel(table))
    return success();
  return op->emitOpError() << "expected a table that is an argument of the kernel; of others it is "
                              "not known whether they change";
}

/// What reads the running sum needs one, which the grid says how to make.
static LogicalResult verifySum(Operation *op, Value table) {
  if (failed(verifyTable(op, table)))
    return failure();
  KernelOp kernel = findKernel(table);
  unsigned index = cast<BlockArgument>(table).getArgNumber();
  if (&kernel.getBody() != cast<BlockArgument>(table).getOwner()->getParent())
    return op->emitOpError()
           << "is for the kernel's body; in a grid region use 'tk.table_tiles' or 'tk.table_size'";
  // The kernel's own verifier compares the arguments of its regions, and has not run yet.
  if (kernel.getLoweredTo() || kernel.getGrid().empty() ||
      index >= kernel.getGrid().getNumArguments())
    return success();
  for (auto tiles : kernel.getGrid().front().getOps<TableTilesOp>())
    if (tiles.getTable() == kernel.getGrid().getArgument(index))
      return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << "expected a 'tk.table_tiles' of \"" << kernel.getArgumentName(index)
                        << "\" in the grid region, which says how many programs work on "
                           "each row, got none";
  diagnostic.attachNote(kernel.getLoc()) << "the kernel's grid";
  return diagnostic;
}

std::optional<ViewSource> tk::tile::findViewSource(Value view) {
  std::optional<unsigned> column;
  if (auto row = view.getDefiningOp<TableRowOp>()) {
    column = cast<OpResult>(view).getResultNumber();
    view = row.getTable();
  }
  auto argument = dyn_cast<BlockArgument>(view);
  auto kernel = argument ? dyn_cast<KernelOp>(argument.getOwner()->getParentOp()) : KernelOp();
  if (!kernel)
    return std::nullopt;
  return ViewSource{argument.getArgNumber(), column};
}

unsigned KernelOp::getAccessIndex(unsigned argument) {
  unsigned index = 0;
  for (Type type : getArgumentTypes().take_front(argument)) {
    auto table = dyn_cast<TableType>(type);
    index += table ? table.getNumColumns() : 1;
  }
  return index;
}

std::string KernelOp::describeView(const ViewSource &source) {
  std::string name = getArgumentName(source.argument).str();
  if (source.column)
    name +=
        "." + cast<TableType>(getArgumentTypes()[source.argument]).getNames()[*source.column].str();
  return name;
}

LogicalResult TableSizeOp::verify() { return verifyTable(*this, getTable()); }

LogicalResult TableTotalOp::verify() { return verifySum(*this, getTable()); }

LogicalResult TableLocateOp::verify() { return verifySum(*this, getTable()); }

void TableLocateOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getRow(), "row");
  setName(getPlace(), "place");
}

//===----------------------------------------------------------------------===//
// TableRowOp
//===----------------------------------------------------------------------===//

ParseResult TableRowOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand table, row;
  TableType type;
  if (parser.parseOperand(table) || parser.parseLSquare() || parser.parseOperand(row) ||
      parser.parseRSquare() || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type) || parser.resolveOperand(table, type, result.operands) ||
      parser.resolveOperand(row, parser.getBuilder().getIndexType(), result.operands))
    return failure();
  result.types.append(type.getColumns().begin(), type.getColumns().end());
  return success();
}

void TableRowOp::print(OpAsmPrinter &printer) {
  printer << " " << getTable() << "[" << getRow() << "]";
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << Type(getTable().getType());
}

LogicalResult TableRowOp::verify() {
  if (failed(verifyTable(*this, getTable())))
    return failure();
  ArrayRef<GlobalType> columns = getTable().getType().getColumns();
  if (columns.size() != getNumResults())
    return emitOpError() << "expected one view for each of the table's " << columns.size()
                         << " columns, got " << getNumResults();
  for (auto [index, column] : llvm::enumerate(columns))
    if (getResult(index).getType() != column)
      return emitOpError() << "expected a view of column \""
                           << getTable().getType().getNames()[index].getValue() << "\" to be "
                           << Type(column) << ", got " << getResult(index).getType();
  return success();
}

void TableRowOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  for (auto [view, name] : llvm::zip(getViews(), getTable().getType().getNames()))
    setName(view, name);
}

//===----------------------------------------------------------------------===//
// TableTilesOp
//
//   tk.table_tiles %list : type (%A, %B) { ... tk.grid %x, %y }
//===----------------------------------------------------------------------===//

ParseResult TableTilesOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand table;
  TableType type;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseOperand(table) || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type) || parser.resolveOperand(table, type, result.operands))
    return failure();
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren))
    return failure();
  if (arguments.size() != type.getNumColumns())
    return parser.emitError(location)
           << "expected one name for each of the table's " << type.getNumColumns()
           << " columns, got " << arguments.size();
  for (auto [argument, column] : llvm::zip_equal(arguments, type.getColumns()))
    argument.type = column;
  result.addTypes(parser.getBuilder().getIndexType());
  return parser.parseRegion(*result.addRegion(), arguments);
}

void TableTilesOp::print(OpAsmPrinter &printer) {
  printer << " " << getTable();
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << Type(getTable().getType()) << " (";
  llvm::interleaveComma(getRow().getArguments(), printer,
                        [&](BlockArgument argument) { printer.printOperand(argument); });
  printer << ") ";
  printer.printRegion(getRow(), /*printEntryBlockArgs=*/false);
}

LogicalResult TableTilesOp::verify() {
  if (failed(verifyTable(*this, getTable())))
    return failure();
  KernelOp kernel = findKernel(getTable());
  if (getOperation()->getParentRegion() != &kernel.getGrid())
    return emitOpError() << "is counted by the host; use it in a grid region, and "
                            "'tk.table_total' in the body";
  for (auto other : kernel.getGrid().front().getOps<TableTilesOp>())
    if (other != *this && other.getTable() == getTable() && other->isBeforeInBlock(*this))
      return emitOpError() << "is the second of its table; there is one running sum for each";
  return success();
}

LogicalResult TableTilesOp::verifyRegions() {
  ArrayRef<GlobalType> columns = getTable().getType().getColumns();
  if (getRow().getArgumentTypes() != TypeRange(SmallVector<Type>(columns.begin(), columns.end())))
    return emitOpError() << "expected a region with one view for each of the table's "
                         << columns.size() << " columns";
  if (!isa<GridOp>(getRow().front().getTerminator()))
    return getRow().front().getTerminator()->emitOpError()
           << "expected the region of 'tk.table_tiles' to end in 'tk.grid'";
  for (Operation &op : getRow().front()) {
    bool scalar = llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIntOrIndex(); });
    bool allowed = (isa_and_present<arith::ArithDialect>(op.getDialect()) && scalar) ||
                   isa<DimOp, NumSMsOp, GridOp>(op);
    if (!allowed)
      return op.emitOpError() << "is not index arithmetic over a row's sizes and facts of the "
                                 "device, which is all that 'tk.table_tiles' may hold";
  }
  return success();
}
