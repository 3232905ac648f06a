//===- PackageBuilder.cpp - What the host must know of a kernel -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackageBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "tk/Dialect/Tile/IR/TileOps.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static constexpr int64_t kMaxExprNodes = 4096;

static std::optional<ElementType> convertElementType(Type type) {
  if (type.isIndex())
    return ElementType::I64;
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return parseElementType(name);
}

/// The binary operations that grid regions may use (`isHostArithmetic`), with the rounding that
/// sizes (which are not negative) give them.
static std::optional<Expr::Op> getBinaryOp(Operation *op) {
  using Op = Expr::Op;
  return llvm::TypeSwitch<Operation *, std::optional<Expr::Op>>(op)
      .Case<arith::AddIOp>([](auto) { return Op::Add; })
      .Case<arith::SubIOp>([](auto) { return Op::Sub; })
      .Case<arith::MulIOp>([](auto) { return Op::Mul; })
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>([](auto) { return Op::FloorDiv; })
      .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>([](auto) { return Op::CeilDiv; })
      .Case<arith::RemUIOp, arith::RemSIOp>([](auto) { return Op::Mod; })
      .Case<arith::MinUIOp, arith::MinSIOp>([](auto) { return Op::Min; })
      .Case<arith::MaxUIOp, arith::MaxSIOp>([](auto) { return Op::Max; })
      .Default([](Operation *) { return std::nullopt; });
}

static FailureOr<Expr> convertExpr(Value value, int64_t &budget);

/// How many programs work on one row: an expression of a row, whose columns are the arguments.
static FailureOr<Expr> convertTiles(TableTilesOp tiles, int64_t &budget) {
  auto grid = cast<GridOp>(tiles.getRow().front().getTerminator());
  FailureOr<Expr> product = convertExpr(grid.getSizes().front(), budget);
  for (Value size : grid.getSizes().drop_front()) {
    FailureOr<Expr> extent = convertExpr(size, budget);
    if (failed(product) || failed(extent))
      return failure();
    product = Expr::binary(Expr::Op::Mul, std::move(*product), std::move(*extent));
  }
  return product;
}

/// `budget` bounds the tree, which repeats what the grid region shares.
static FailureOr<Expr> convertExpr(Value value, int64_t &budget) {
  if (--budget < 0)
    return emitError(value.getLoc())
           << "expected a grid expression of at most " << kMaxExprNodes
           << " operations once shared parts are written out; simplify it";
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Expr::constant(constant.getSExtValue());
  if (auto argument = dyn_cast<BlockArgument>(value))
    return Expr::scalar(argument.getArgNumber());
  Operation *op = value.getDefiningOp();
  auto dim = dyn_cast<DimOp>(op);
  if (auto view = dim ? dyn_cast<BlockArgument>(dim.getView()) : BlockArgument())
    return Expr::size(view.getArgNumber(), dim.getDimension());
  if (isa<NumSMsOp>(op))
    return Expr::numSMs();
  if (auto size = dyn_cast<TableSizeOp>(op))
    return Expr::rows(cast<BlockArgument>(size.getTable()).getArgNumber());
  if (auto tiles = dyn_cast<TableTilesOp>(op)) {
    FailureOr<Expr> ofRow = convertTiles(tiles, budget);
    if (failed(ofRow))
      return failure();
    return Expr::sum(cast<BlockArgument>(tiles.getTable()).getArgNumber(), std::move(*ofRow));
  }
  if (isa<ProgramIdOp, TableRowOp>(op) || (dim && dim.getView().getDefiningOp<TableRowOp>()))
    return op->emitOpError() << "depends on a row of a table, and the host counts the programs of "
                                "all rows at once; tk-flatten-grid makes one dimension of the grid";
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return convertExpr(op->getOperand(0), budget);
  std::optional<Expr::Op> binary = getBinaryOp(op);
  if (!binary)
    return op->emitOpError()
           << "has no counterpart in a package's grid expressions; use integer addition, "
              "subtraction, multiplication, division, remainder, minimum or maximum";
  FailureOr<Expr> lhs = convertExpr(op->getOperand(0), budget);
  if (failed(lhs))
    return failure();
  FailureOr<Expr> rhs = convertExpr(op->getOperand(1), budget);
  if (failed(rhs))
    return failure();
  return Expr::binary(*binary, std::move(*lhs), std::move(*rhs));
}

/// Parameters are laid out one after the other, each at its natural alignment, as PTX lays out what
/// LLVM declares.
static int64_t placeParameter(int64_t &end, int64_t bytes) {
  int64_t offset = llvm::alignTo(end, bytes);
  end = offset + bytes;
  return offset;
}

static void describeView(GlobalType type, Argument &argument, int64_t &end) {
  constexpr int64_t kPointerBytes = 8;
  auto known = [](int64_t value) {
    return ShapedType::isDynamic(value) ? Argument::kDynamic : value;
  };
  argument.isView = true;
  argument.align = type.getAlign();
  argument.sizeDivisors = type.getSizeDivisors();
  argument.strideDivisors = type.getStrideDivisors();
  argument.offset = placeParameter(end, kPointerBytes);
  auto place = [&](ArrayRef<int64_t> values, std::vector<int64_t> &described,
                   std::vector<int64_t> &offsets) {
    for (int64_t value : values) {
      described.push_back(known(value));
      offsets.push_back(ShapedType::isDynamic(value) ? placeParameter(end, kPointerBytes) : -1);
    }
  };
  place(type.getShape(), argument.sizes, argument.sizeOffsets);
  place(type.getStrides(), argument.strides, argument.strideOffsets);
}

/// What is known of a view's elements and sizes, but for where its parts go.
static LogicalResult describeElements(KernelOp kernel, GlobalType view, ArrayRef<Attribute> symbols,
                                      unsigned access, Argument &argument) {
  std::optional<ElementType> element = convertElementType(view.getElementType());
  if (!element)
    return kernel.emitOpError() << "has argument '" << argument.name << "' of type " << Type(view)
                                << ", which packages cannot describe";
  argument.elementType = *element;
  for (Attribute symbol : symbols)
    argument.symbols.push_back(cast<StringAttr>(symbol).str());
  argument.symbols.resize(view.getRank());
  argument.read = !kernel.getReads() || (*kernel.getReads())[access];
  argument.written = kernel.getWrites() && (*kernel.getWrites())[access];
  return success();
}

static LogicalResult describeTable(KernelOp kernel, unsigned index, Argument &argument,
                                   int64_t &end) {
  auto table = cast<TableType>(kernel.getArgumentTypes()[index]);
  argument.elementType = ElementType::U64; // Of the words that it is made of.
  argument.offset = llvm::alignTo(end, 8);
  end = argument.offset + Argument::kTableBytes;
  argument.rowBytes = table.getRowBytes();
  unsigned access = kernel.getAccessIndex(index);
  ArrayRef<Attribute> symbols = cast<ArrayAttr>(kernel.getSizeNames()[index]).getValue();
  int64_t inRow = 0;
  for (auto [name, view] : llvm::zip_equal(table.getNames(), table.getColumns())) {
    Argument &column = argument.columns.emplace_back();
    column.name = name.str();
    describeView(view, column, inRow);
    ArrayRef<Attribute> own = symbols.take_front(symbols.empty() ? 0 : view.getRank());
    symbols = symbols.drop_front(own.size());
    if (failed(describeElements(kernel, view, own, access++, column)))
      return failure();
  }
  return success();
}

static LogicalResult describeArguments(KernelOp kernel, Kernel &described,
                                       int64_t &parameterBytes) {
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    Argument argument;
    argument.name = kernel.getArgumentName(index);
    if (isa<TableType>(type)) {
      if (failed(describeTable(kernel, index, argument, parameterBytes)))
        return failure();
    } else if (auto view = dyn_cast<GlobalType>(type)) {
      describeView(view, argument, parameterBytes);
      if (failed(describeElements(kernel, view,
                                  cast<ArrayAttr>(kernel.getSizeNames()[index]).getValue(),
                                  kernel.getAccessIndex(index), argument)))
        return failure();
    } else {
      std::optional<ElementType> element = convertElementType(type);
      if (!element)
        return kernel.emitOpError() << "has argument '" << argument.name << "' of type " << type
                                    << ", which packages cannot describe";
      argument.elementType = *element;
      argument.offset = placeParameter(parameterBytes, getElementBytes(*element));
    }
    described.arguments.push_back(std::move(argument));
  }
  return success();
}

static void describeReports(KernelOp kernel, Variant &variant) {
  if (ArrayAttr buffers = kernel.getBuffersAttr())
    for (auto buffer : buffers.getAsRange<BufferAttr>()) {
      std::string type;
      llvm::raw_string_ostream(type) << buffer.getType();
      variant.sharedBuffers.push_back({buffer.getName().str(), buffer.getOffset(),
                                       buffer.getBytes(), type, buffer.getSource().str()});
    }
  if (ArrayAttr proofs = kernel.getBankProofsAttr())
    for (auto proof : proofs.getAsRange<BankProofAttr>()) {
      BanksAttr banks = proof.getBanks();
      variant.bankProofs.push_back({proof.getSource().str(), proof.getAccess().str(),
                                    banks.getWidth(), banks.getWavefronts(), banks.getMinimum(),
                                    banks.getInstructions()});
    }
}

static void describeBarriers(KernelOp kernel, Variant &variant) {
  if (ArrayAttr proofs = kernel.getBarrierProofsAttr())
    for (auto proof : proofs.getAsRange<BarrierProofAttr>())
      variant.barrierProofs.push_back({proof.getName().str(), proof.getOffset(),
                                       proof.getPerProgram(), proof.getPerTile(),
                                       proof.getPerTrip()});
}

/// Adds a precondition about a view: an argument, or a column of each row of a table.
static void require(Variant &variant, const ViewSource &view, Condition::Kind kind,
                    Expr (*part)(unsigned, unsigned), unsigned dimension, int64_t rhs,
                    StringRef why) {
  Condition &condition = variant.preconditions.emplace_back();
  condition.kind = kind;
  condition.argument = view.column.value_or(view.argument);
  condition.table = view.column ? int64_t(view.argument) : -1;
  if (part)
    condition.lhs = part(condition.argument, dimension);
  condition.rhs = Expr::constant(rhs);
  condition.why = why.str();
}

/// What a view's type promises beyond that of the kernel's own.
static void describePromise(GlobalType known, GlobalType promised, const ViewSource &view,
                            Variant &described) {
  constexpr StringRef kWhy = "promised by the variant's type";
  if (promised.getAlign() > known.getAlign())
    require(described, view, Condition::Kind::Aligned, nullptr, 0, promised.getAlign(), kWhy);
  for (unsigned d = 0; d < known.getRank(); ++d) {
    if (promised.getSizeDivisors()[d] != known.getSizeDivisors()[d])
      require(described, view, Condition::Kind::Divisible, Expr::size, d,
              promised.getSizeDivisors()[d], kWhy);
    if (promised.getStrideDivisors()[d] != known.getStrideDivisors()[d])
      require(described, view, Condition::Kind::Divisible, Expr::stride, d,
              promised.getStrideDivisors()[d], kWhy);
  }
}

/// The type of a view by where it comes from.
static GlobalType getViewType(KernelOp kernel, const ViewSource &view) {
  Type type = kernel.getArgumentTypes()[view.argument];
  return view.column ? cast<TableType>(type).getColumns()[*view.column] : cast<GlobalType>(type);
}

/// What a variant's argument types promise beyond the kernel's own.
static void describePromises(KernelOp base, KernelOp variant, Variant &described) {
  for (auto [index, types] :
       llvm::enumerate(llvm::zip_equal(base.getArgumentTypes(), variant.getArgumentTypes()))) {
    unsigned argument = index;
    auto [known, promised] = types;
    if (isa<GlobalType>(known) && isa<GlobalType>(promised))
      describePromise(cast<GlobalType>(known), cast<GlobalType>(promised), {argument, {}},
                      described);
    auto table = dyn_cast<TableType>(known);
    for (unsigned column = 0; table && column < table.getNumColumns(); ++column)
      describePromise(table.getColumns()[column], cast<TableType>(promised).getColumns()[column],
                      {argument, column}, described);
  }
  // Coordinates of the copy engine have 32 bits with sign, strides 40 bits of bytes.
  SmallVector<ViewSource> seen;
  if (ArrayAttr maps = variant.getTensorMapsAttr())
    for (auto map : maps.getAsRange<TensorMapAttr>()) {
      ViewSource source{map.getArgument(), map.getColumn()};
      if (llvm::is_contained(seen, source))
        continue;
      seen.push_back(source);
      GlobalType view = getViewType(variant, source);
      for (unsigned d = 0; d < view.getRank(); ++d) {
        constexpr StringRef kWhy = "the copy engine reads the view";
        using Kind = Condition::Kind;
        if (ShapedType::isDynamic(view.getShape()[d])) {
          if (!source.column) // Empty views of a table have maps of nothing.
            require(described, source, Kind::NotEqual, Expr::size, d, 0, kWhy);
          require(described, source, Kind::LessEqual, Expr::size, d, hopper::kTMAMaxExtent, kWhy);
        }
        if (ShapedType::isDynamic(view.getStrides()[d])) {
          require(described, source, Kind::NotEqual, Expr::stride, d, 0, kWhy);
          require(described, source, Kind::Less, Expr::stride, d,
                  hopper::kTMAMaxStrideBytes / view.getElementBytes(), kWhy);
        }
      }
    }
}

/// Tensor maps come after the other parameters, each at its own alignment; those of a table in its
/// memory, row after row.
static void describeTensorMaps(KernelOp kernel, Variant &variant) {
  ArrayAttr maps = kernel.getTensorMapsAttr();
  if (!maps)
    return;
  for (auto map : maps.getAsRange<TensorMapAttr>()) {
    GlobalType view = getViewType(kernel, {map.getArgument(), map.getColumn()});
    TensorMap &described = variant.tensorMaps.emplace_back();
    described.argument = map.getColumn().value_or(map.getArgument());
    if (map.getColumn()) {
      described.table = map.getArgument();
      auto use = llvm::find_if(
          variant.tables, [&](const TableUse &use) { return use.argument == map.getArgument(); });
      described.offset = use->mapBytes;
      use->mapBytes += hopper::kTensorMapBytes;
    } else {
      described.offset = llvm::alignTo(variant.parameterBytes, hopper::kTensorMapAlign);
      variant.parameterBytes = described.offset + hopper::kTensorMapBytes;
    }
    // The copy engine has no 8-bit floats and no signed numbers of 8 or 16 bits: to it they are
    // bits.
    described.type = *convertElementType(view.getElementType());
    if (view.getElementBytes() == 1)
      described.type = ElementType::U8;
    else if (described.type == ElementType::I16)
      described.type = ElementType::U16;
    described.swizzle = map.getSwizzle() == 16 ? 0 : map.getSwizzle();
    described.l2Promotion = hopper::kTMAPromotionBytes;
    for (auto [d, box] : llvm::zip_equal(map.getOrder(), map.getBox())) {
      int64_t size = view.getShape()[d], stride = view.getStrides()[d];
      unsigned argument = described.argument;
      described.dimensions.push_back(
          {ShapedType::isDynamic(size) ? Expr::size(argument, d) : Expr::constant(size),
           ShapedType::isDynamic(stride) ? Expr::stride(argument, d) : Expr::constant(stride),
           box});
    }
  }
}

static LogicalResult describeVariant(KernelOp kernel, KernelOp base, int64_t parameterBytes,
                                     Variant &variant) {
  if (!kernel.getLoweredTo())
    return kernel.emitOpError() << "has not been lowered; run convert-tk-to-nvvm first";
  variant.parameterBytes = parameterBytes;
  variant.entry = kernel.getLoweredTo()->getLeafReference().str();
  variant.grid.fill(Expr::constant(1));
  auto grid = cast<GridOp>(kernel.getGrid().front().getTerminator());
  for (auto [dimension, size] : llvm::enumerate(grid.getSizes())) {
    int64_t budget = kMaxExprNodes;
    FailureOr<Expr> expr = convertExpr(size, budget);
    if (failed(expr))
      return failure();
    variant.grid[dimension] = std::move(*expr);
  }
  variant.block = {int64_t(kernel.getThreads().value_or(hopper::kWarpgroupThreads)), 1, 1};
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster())
    llvm::copy(*cluster, variant.cluster.begin());
  variant.dynamicSharedBytes = kernel.getSharedBytes().value_or(0);
  describeReports(kernel, variant);
  describeBarriers(kernel, variant);
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (isa<TableType>(type))
      variant.tables.push_back({unsigned(index), Expr::constant(0), 0});
  for (auto tiles : kernel.getGrid().front().getOps<TableTilesOp>()) {
    int64_t budget = kMaxExprNodes;
    FailureOr<Expr> programs = convertTiles(tiles, budget);
    if (failed(programs))
      return failure();
    unsigned index = cast<BlockArgument>(tiles.getTable()).getArgNumber();
    for (TableUse &use : variant.tables)
      if (use.argument == index)
        use.programs = std::move(*programs);
  }
  describePromises(base, kernel, variant);
  describeTensorMaps(kernel, variant);
  if (WorkspaceAttr workspace = kernel.getWorkspaceAttr()) {
    int64_t offset = llvm::alignTo(variant.parameterBytes, 8);
    variant.workspace = {workspace.getBytes(), workspace.getFlags(), offset};
    variant.parameterBytes = offset + 8;
  }
  return success();
}

/// Whether two types are one but for what they promise.
static bool isSameBesidesPromises(Type lhs, Type rhs) {
  auto isSameView = [](GlobalType a, GlobalType b) {
    return a.getElementType() == b.getElementType() && a.getShape() == b.getShape() &&
           a.getStrides() == b.getStrides();
  };
  if (auto a = dyn_cast<GlobalType>(lhs), b = dyn_cast<GlobalType>(rhs); a && b)
    return isSameView(a, b);
  if (auto a = dyn_cast<TableType>(lhs), b = dyn_cast<TableType>(rhs); a && b)
    return a.getNames() == b.getNames() &&
           llvm::all_of_zip(a.getColumns(), b.getColumns(), isSameView);
  return lhs == rhs;
}

/// The host gives a variant the arguments of the kernel it stands for.
static LogicalResult verifyVariant(KernelOp variant, KernelOp base) {
  TypeRange expected = base.getArgumentTypes(), got = variant.getArgumentTypes();
  if (got.size() != expected.size())
    return variant.emitOpError() << "expected the " << expected.size() << " argument(s) of '@"
                                 << base.getSymName() << "', whose variant it is, got "
                                 << got.size();
  for (unsigned i = 0; i < got.size(); ++i)
    if (!isSameBesidesPromises(expected[i], got[i]))
      return variant.emitOpError()
             << "expected the type of \"" << base.getArgumentName(i) << "\" in '@"
             << base.getSymName()
             << "', whose variant it is, with other promises at most: " << expected[i] << ", got "
             << got[i];
  return success();
}

FailureOr<std::vector<Kernel>> tk::describeKernels(ModuleOp module) {
  std::vector<Kernel> kernels;
  llvm::StringMap<SmallVector<KernelOp>> variants;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    std::optional<StringRef> base = kernel.getVariantOf();
    if (base && !isa_and_present<KernelOp>(module.lookupSymbol(*base)))
      return kernel.emitOpError() << "is a variant of '@" << *base
                                  << "', which is no kernel of this module";
    variants[base.value_or(kernel.getSymName())].push_back(kernel);
  }
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    if (kernel.getVariantOf())
      continue;
    Kernel &described = kernels.emplace_back();
    described.name = kernel.getSymName();
    int64_t parameterBytes = 0;
    if (failed(describeArguments(kernel, described, parameterBytes)))
      return failure();
    // The kernel itself comes last, and needs nothing.
    SmallVector<KernelOp> all = variants[kernel.getSymName()];
    std::stable_partition(all.begin(), all.end(),
                          [&](KernelOp variant) { return variant != kernel; });
    for (KernelOp variant : all)
      if (failed(verifyVariant(variant, kernel)) ||
          failed(
              describeVariant(variant, kernel, parameterBytes, described.variants.emplace_back())))
        return failure();
  }
  if (kernels.empty())
    return module.emitError() << "expected at least one 'tk.kernel', got none";
  return kernels;
}
