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

/// The binary operations that grid regions may use, with the rounding that sizes (which are not
/// negative) give them.
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

static LogicalResult describeArguments(KernelOp kernel, Kernel &described,
                                       int64_t &parameterBytes) {
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    Argument argument;
    argument.name = kernel.getArgumentName(index);
    auto view = dyn_cast<GlobalType>(type);
    std::optional<ElementType> element = convertElementType(view ? view.getElementType() : type);
    if (!element)
      return kernel.emitOpError() << "has argument '" << argument.name << "' of type " << type
                                  << ", which packages cannot describe";
    argument.elementType = *element;
    if (view) {
      describeView(view, argument, parameterBytes);
      for (Attribute symbol : cast<ArrayAttr>(kernel.getSizeNames()[index]))
        argument.symbols.push_back(cast<StringAttr>(symbol).str());
      argument.symbols.resize(view.getRank());
      argument.read = !kernel.getReads() || (*kernel.getReads())[index];
      argument.written = kernel.getWrites() && (*kernel.getWrites())[index];
    } else {
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

/// What a variant's argument types promise beyond the kernel's own.
static void describePromises(KernelOp base, KernelOp variant, Variant &described) {
  auto require = [&](Condition::Kind kind, unsigned argument, Expr lhs, int64_t rhs,
                     StringRef why) {
    Condition condition;
    condition.kind = kind;
    condition.argument = argument;
    condition.lhs = std::move(lhs);
    condition.rhs = Expr::constant(rhs);
    condition.why = why.str();
    described.preconditions.push_back(std::move(condition));
  };
  for (auto [index, types] :
       llvm::enumerate(llvm::zip_equal(base.getArgumentTypes(), variant.getArgumentTypes()))) {
    auto known = dyn_cast<GlobalType>(std::get<0>(types));
    auto promised = dyn_cast<GlobalType>(std::get<1>(types));
    if (!known || !promised)
      continue;
    constexpr StringRef kWhy = "promised by the variant's type";
    if (promised.getAlign() > known.getAlign())
      require(Condition::Kind::Aligned, index, Expr(), promised.getAlign(), kWhy);
    for (unsigned d = 0; d < known.getRank(); ++d) {
      if (promised.getSizeDivisors()[d] != known.getSizeDivisors()[d])
        require(Condition::Kind::Divisible, index, Expr::size(index, d),
                promised.getSizeDivisors()[d], kWhy);
      if (promised.getStrideDivisors()[d] != known.getStrideDivisors()[d])
        require(Condition::Kind::Divisible, index, Expr::stride(index, d),
                promised.getStrideDivisors()[d], kWhy);
    }
  }
  // Coordinates of the copy engine have 32 bits with sign, strides 40 bits of bytes.
  llvm::SmallDenseSet<unsigned> seen;
  if (ArrayAttr maps = variant.getTensorMapsAttr())
    for (auto map : maps.getAsRange<TensorMapAttr>()) {
      unsigned index = map.getArgument();
      if (!seen.insert(index).second)
        continue;
      auto view = cast<GlobalType>(variant.getArgumentTypes()[index]);
      for (unsigned d = 0; d < view.getRank(); ++d) {
        constexpr StringRef kWhy = "the copy engine reads the view";
        if (ShapedType::isDynamic(view.getShape()[d])) {
          require(Condition::Kind::NotEqual, index, Expr::size(index, d), 0, kWhy);
          require(Condition::Kind::LessEqual, index, Expr::size(index, d), hopper::kTMAMaxExtent,
                  kWhy);
        }
        if (ShapedType::isDynamic(view.getStrides()[d])) {
          require(Condition::Kind::NotEqual, index, Expr::stride(index, d), 0, kWhy);
          require(Condition::Kind::Less, index, Expr::stride(index, d),
                  hopper::kTMAMaxStrideBytes / view.getElementBytes(), kWhy);
        }
      }
    }
}

/// Tensor maps come after the other parameters, each at its own alignment.
static void describeTensorMaps(KernelOp kernel, Variant &variant) {
  ArrayAttr maps = kernel.getTensorMapsAttr();
  if (!maps)
    return;
  for (auto map : maps.getAsRange<TensorMapAttr>()) {
    auto view = cast<GlobalType>(kernel.getArgumentTypes()[map.getArgument()]);
    TensorMap &described = variant.tensorMaps.emplace_back();
    described.argument = map.getArgument();
    described.offset = llvm::alignTo(variant.parameterBytes, hopper::kTensorMapAlign);
    variant.parameterBytes = described.offset + hopper::kTensorMapBytes;
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
      unsigned argument = map.getArgument();
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
  describePromises(base, kernel, variant);
  describeTensorMaps(kernel, variant);
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
      if (failed(
              describeVariant(variant, kernel, parameterBytes, described.variants.emplace_back())))
        return failure();
  }
  if (kernels.empty())
    return module.emitError() << "expected at least one 'tk.kernel', got none";
  return kernels;
}
