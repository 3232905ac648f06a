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

FailureOr<std::vector<Kernel>> tk::describeKernels(ModuleOp module) {
  std::vector<Kernel> kernels;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    Kernel &described = kernels.emplace_back();
    described.name = kernel.getSymName();
    Variant variant;
    if (failed(describeArguments(kernel, described, variant.parameterBytes)))
      return failure();
    if (!kernel.getLoweredTo())
      return kernel.emitOpError() << "has not been lowered; run convert-tk-to-nvvm first";
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
    variant.block = {int64_t(kernel.getThreads().value_or(128)), 1, 1};
    variant.dynamicSharedBytes = kernel.getSharedBytes().value_or(0);
    describeReports(kernel, variant);
    described.variants.push_back(std::move(variant));
  }
  if (kernels.empty())
    return module.emitError() << "expected at least one 'tk.kernel', got none";
  return kernels;
}
