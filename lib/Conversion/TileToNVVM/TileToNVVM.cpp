//===- TileToNVVM.cpp - Lower placed kernels to the machine ---------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "tk/Conversion/TileToNVVM/Passes.h"
#include "tk/Target/Hopper.h"
#include "llvm/ADT/SetVector.h"

namespace tk {
#define GEN_PASS_DEF_CONVERTTILETONVVM
#include "tk/Conversion/TileToNVVM/Passes.h.inc"
} // namespace tk

using namespace mlir;
using namespace tk;
using namespace tk::tile;

namespace {

struct ConvertTileToNVVM : tk::impl::ConvertTileToNVVMBase<ConvertTileToNVVM> {
  void runOnOperation() override;

private:
  gpu::GPUModuleOp getDeviceModule();
  LogicalResult lowerKernel(KernelOp kernel);
  LLVM::LLVMFuncOp createFunction(KernelOp kernel, gpu::GPUModuleOp module, TensorMaps &maps,
                                  WorkspaceParameter &workspace);
  LogicalResult lowerBody(LLVM::LLVMFuncOp function, const TensorMaps &maps,
                          const WorkspaceParameter &workspace);
};

} // namespace

/// The machine module, with the one block of dynamic shared memory all kernels share by name.
gpu::GPUModuleOp ConvertTileToNVVM::getDeviceModule() {
  ModuleOp module = getOperation();
  if (auto existing = module.lookupSymbol<gpu::GPUModuleOp>(kDeviceModuleName))
    return existing;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto device = gpu::GPUModuleOp::create(builder, module.getLoc(), kDeviceModuleName);
  auto target = NVVM::NVVMTargetAttr::get(&getContext(), /*optLevel=*/2, "nvptx64-nvidia-cuda",
                                          hopper::kChip, hopper::kFeatures);
  device.setTargetsAttr(builder.getArrayAttr(target));
  builder.setInsertionPointToStart(device.getBody());
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, module.getLoc(), bytes, /*isConstant=*/false,
                         LLVM::Linkage::External, kSharedMemoryName, Attribute(),
                         hopper::kSharedBaseAlign, unsigned(NVVM::NVVMMemorySpace::Shared));
  return device;
}

/// What is read and written: an entry for each argument, for tables one for each column.
static void findAccesses(KernelOp kernel, SmallVector<bool> &reads, SmallVector<bool> &writes) {
  auto note = [&](Value view, unsigned index) {
    if (!isa<GlobalType>(view.getType()))
      return; // Scalars are offsets of loads and stores, which is no access of theirs.
    for (Operation *user : view.getUsers()) {
      // Through a loop or a branch, a view may be anything's.
      bool unknown =
          !isa<LoadOp, LoadScalarOp, CopyOp, TMALoadOp, StoreOp, TMAStoreOp, DimOp>(user);
      reads[index] |= isa<LoadOp, LoadScalarOp, CopyOp, TMALoadOp>(user) || unknown;
      writes[index] |= isa<StoreOp, TMAStoreOp>(user) || unknown;
    }
  };
  reads.resize(kernel.getAccessIndex(kernel.getNumArguments()));
  writes.resize(reads.size());
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    unsigned index = kernel.getAccessIndex(argument.getArgNumber());
    note(argument, index);
    if (isa<TableType>(argument.getType()))
      for (Operation *user : argument.getUsers())
        if (auto row = dyn_cast<TableRowOp>(user))
          for (OpResult view : row.getViews())
            note(view, index + view.getResultNumber());
  }
}

/// The report of what the body holds, kept on the kernel when the body goes.
static void keepReport(KernelOp kernel) {
  SmallVector<Attribute> buffers, proofs;
  SmallVector<bool> reads, writes;
  findAccesses(kernel, reads, writes);
  MLIRContext *context = kernel.getContext();
  llvm::SetVector<Attribute> maps;
  kernel.walk([&](Operation *op) {
    if (Attribute map = describeTensorMap(op))
      maps.insert(map);
    std::string source = describeLocation(op->getLoc());
    if (auto alloc = dyn_cast<AllocOp>(op))
      buffers.push_back(BufferAttr::get(context, alloc.getLabel(), alloc.getOffset().value_or(0),
                                        alloc.getStorage().getSizeInBytes(),
                                        alloc.getResult().getType(), source));
    auto keep = [&](BanksAttr banks, StringRef access) {
      if (banks)
        proofs.push_back(BankProofAttr::get(context, access, source, banks));
    };
    if (auto store = dyn_cast<SharedStoreOp>(op))
      keep(store.getBanksAttr(), "shared_store");
    if (auto copy = dyn_cast<CopyOp>(op))
      keep(copy.getBanksAttr(), "copy");
    if (auto load = dyn_cast<SharedLoadOp>(op))
      keep(load.getBanksAttr(), "shared_load");
    if (auto sum = dyn_cast<ClusterSumOp>(op))
      keep(sum.getBanksAttr(), "cluster_sum");
  });
  Builder builder(context);
  kernel.setReads(reads);
  kernel.setWrites(writes);
  kernel.setBuffersAttr(builder.getArrayAttr(buffers));
  kernel.setBankProofsAttr(builder.getArrayAttr(proofs));
  if (!maps.empty())
    kernel.setTensorMapsAttr(builder.getArrayAttr(maps.getArrayRef()));
}

/// The machine function: scalar parameters, and the kernel's body over casts from them to the
/// kernel's own types.
LLVM::LLVMFuncOp ConvertTileToNVVM::createFunction(KernelOp kernel, gpu::GPUModuleOp module,
                                                   TensorMaps &maps,
                                                   WorkspaceParameter &workspace) {
  TileTypeConverter converter;
  SmallVector<Type> parameters;
  SmallVector<SmallVector<Type>> parts;
  for (Type type : kernel.getArgumentTypes()) {
    SmallVector<Type> &part = parts.emplace_back();
    if (type.isIndex())
      part.push_back(IntegerType::get(&getContext(), 64));
    else
      (void)converter.convertType(type, part); // Views, tables and scalars always convert.
    llvm::append_range(parameters, part);
  }
  // Tensor maps come last, and a workspace behind them, so that the other parameters lie where
  // every variant has them. Those of tables are in memory.
  SmallVector<TensorMapAttr> descriptions;
  if (ArrayAttr attributes = kernel.getTensorMapsAttr())
    llvm::copy_if(attributes.getAsRange<TensorMapAttr>(), std::back_inserter(descriptions),
                  [](TensorMapAttr map) { return !map.getColumn(); });
  size_t firstMap = parameters.size();
  parameters.append(descriptions.size(), LLVM::LLVMPointerType::get(&getContext()));
  auto global = LLVM::LLVMPointerType::get(&getContext(), unsigned(NVVM::NVVMMemorySpace::Global));
  workspace.layout = kernel.getWorkspaceAttr();
  workspace.gridDimensions =
      cast<GridOp>(kernel.getGrid().front().getTerminator()).getSizes().size();
  if (workspace.layout)
    parameters.push_back(global);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), parameters);
  auto function = LLVM::LLVMFuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  int32_t threads = kernel.getThreads().value_or(hopper::kWarpgroupThreads);
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    builder.getDenseI32ArrayAttr({threads, 1, 1}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), builder.getI32IntegerAttr(1));
  if (std::optional<ArrayRef<int64_t>> cluster = kernel.getCluster()) {
    SmallVector<int32_t> extents(3, 1);
    llvm::copy(*cluster, extents.begin());
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      builder.getDenseI32ArrayAttr(extents));
  }
  if (NumericsAttr numerics = kernel.getNumericsAttr(); numerics && numerics.getFlush())
    function.setDenormalFpMathF32("preserve-sign");

  Type mapType = LLVM::LLVMArrayType::get(builder.getI8Type(), hopper::kTensorMapBytes);
  for (size_t i = 0; i < descriptions.size(); ++i) {
    unsigned index = firstMap + i;
    function.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(mapType));
    function.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                        builder.getI64IntegerAttr(hopper::kTensorMapAlign));
    function.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(), builder.getUnitAttr());
  }

  function.getBody().takeBody(kernel.getBody());
  Block &entry = function.getBody().front();
  builder.setInsertionPointToStart(&entry);
  unsigned numArguments = entry.getNumArguments();
  for (unsigned index = 0; index < numArguments; ++index) {
    SmallVector<Value> values;
    for (Type part : parts[index])
      values.push_back(entry.addArgument(part, kernel.getLoc()));
    BlockArgument argument = entry.getArgument(index);
    Value whole = values.front();
    if (argument.getType().isIndex())
      whole = arith::IndexCastOp::create(builder, kernel.getLoc(), argument.getType(), whole);
    else if (isa<GlobalType, TableType>(argument.getType()))
      whole =
          UnrealizedConversionCastOp::create(builder, kernel.getLoc(), argument.getType(), values)
              .getResult(0);
    argument.replaceAllUsesWith(whole);
  }
  SmallVector<Value> mapArguments;
  for (size_t i = 0; i < descriptions.size(); ++i)
    mapArguments.push_back(
        entry.addArgument(LLVM::LLVMPointerType::get(&getContext()), kernel.getLoc()));
  if (workspace.layout)
    workspace.base = entry.addArgument(global, kernel.getLoc());
  for (auto &[load, map] : maps)
    if (!map.first.getColumn())
      map.second = mapArguments[llvm::find(descriptions, map.first) - descriptions.begin()];
  if (kernel.getTensorMapsAttr())
    addressTableMaps(function, maps, kernel.getTensorMapsAttr());
  entry.eraseArguments(0, numArguments);
  return function;
}

/// Marks multiplications and additions as contractible into FMAs.
static void allowContraction(LLVM::LLVMFuncOp function) {
  function.walk([](arith::ArithFastMathInterface op) {
    auto flags = op.getFastMathFlagsAttr();
    if (!flags)
      return;
    auto contract = flags.getValue() | arith::FastMathFlags::contract;
    op->setAttr(op.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op->getContext(), contract));
  });
}

LogicalResult ConvertTileToNVVM::lowerBody(LLVM::LLVMFuncOp function, const TensorMaps &maps,
                                           const WorkspaceParameter &workspace) {
  TileTypeConverter converter;
  RewritePatternSet patterns(&getContext());
  populateElementwisePatterns(converter, patterns);
  OffsetDivisors divisors = findOffsetDivisors(function);
  populateGlobalAccessPatterns(converter, patterns, divisors);
  populateTablePatterns(converter, patterns);
  populateSharedAccessPatterns(converter, patterns);
  populateAsyncPatterns(converter, patterns, maps);
  populateClusterPatterns(converter, patterns);
  if (workspace.layout)
    populateWorkspacePatterns(converter, patterns, workspace);
  WgmmaChains chains = findWgmmaChains(function);
  populateWgmmaPatterns(converter, patterns, chains);
  ConversionTarget target(getContext());
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
  target.addIllegalDialect<TileDialect>();
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  target.addLegalOp<UnrealizedConversionCastOp>();
  target.markUnknownOpDynamicallyLegal([&](Operation *op) { return converter.isLegal(op); });
  target.addLegalOp<LLVM::LLVMFuncOp>();
  return applyFullConversion(function, target, std::move(patterns));
}

LogicalResult ConvertTileToNVVM::lowerKernel(KernelOp kernel) {
  if (kernel.getSymName().starts_with("$L__"))
    return kernel.emitOpError() << "has a name that begins with \"$L__\", as labels of PTX do; "
                                   "choose another";
  // Name the pass that is missing, rather than the pattern that failed.
  WalkResult walk = kernel.walk([&](Operation *op) {
    if (auto dot = dyn_cast<DotOp>(op)) {
      std::string obstacle = dot.findObstacle();
      if (obstacle.empty())
        dot.emitOpError() << "has no lowering; tk-insert-wgmma must map it onto the tensor core";
      else
        dot.emitOpError() << "has no lowering: the tensor core cannot do it: " << obstacle;
      return WalkResult::interrupt();
    }
    if (auto roles = dyn_cast<SpecializeOp>(op)) {
      int64_t needed = hopper::kWarpgroupThreads * (1 + int64_t(roles.getConsumers()));
      int64_t threads = kernel.getThreads().value_or(hopper::kWarpgroupThreads);
      if (threads != needed) {
        op->emitOpError() << "needs blocks of " << needed << " threads, but the kernel's have "
                          << threads << "; tk-assign-layouts sets 'threads'";
        return WalkResult::interrupt();
      }
    }
    if (isa<SharePartialOp, AddPartialsOp>(op)) {
      op->emitOpError() << "has no memory to go through; run tk-place-sums first";
      return WalkResult::interrupt();
    }
    if (isa<CreateRingOp>(op)) {
      op->emitOpError() << "has no lowering; tk-insert-tma must make buffers and barriers of it";
      return WalkResult::interrupt();
    }
    if (isa<TMALoadOp, TMAStoreOp>(op))
      for (Value operand : op->getOperands())
        if (auto tile = dyn_cast<SharedType>(operand.getType()); tile && !tile.getLayout()) {
          op->emitOpError() << "copies a tile without a layout; run tk-assign-swizzles first";
          return WalkResult::interrupt();
        }
    SmallVector<Type> types(op->getResultTypes());
    if (auto copy = dyn_cast<CopyOp>(op))
      types.push_back(copy.getTileType());
    for (Type type : types) {
      auto tile = dyn_cast<RankedTensorType>(type);
      if (!tile)
        continue;
      std::optional<layout::Distribution> distribution = getDistribution(tile);
      if (!distribution) {
        op->emitOpError() << "holds " << tile
                          << " without a register layout; run tk-assign-layouts first";
        return WalkResult::interrupt();
      }
      // In a role, a tile is one warpgroup's.
      bool inRole = op->getParentOfType<SpecializeOp>() != nullptr;
      int64_t threads = inRole ? hopper::kWarpgroupThreads
                               : kernel.getThreads().value_or(hopper::kWarpgroupThreads);
      if (distribution->numThreads() != threads) {
        op->emitOpError() << "holds a tile laid out over " << distribution->numThreads()
                          << " threads, but "
                          << (inRole ? "a role has " : "the kernel's blocks have ") << threads;
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  keepReport(kernel);
  TensorMaps maps;
  kernel.walk([&](Operation *op) {
    if (TensorMapAttr map = describeTensorMap(op))
      maps[op] = {map, Value()};
  });
  WorkspaceParameter workspace;
  LLVM::LLVMFuncOp function = createFunction(kernel, getDeviceModule(), maps, workspace);
  expandThreads(function);
  if (NumericsAttr numerics = kernel.getNumericsAttr(); numerics && numerics.getContract())
    allowContraction(function);
  // The kernel stays as the host's view: the same signature and grid, an empty body.
  Block &entry = kernel.getBody().emplaceBlock();
  for (Type type : kernel.getArgumentTypes())
    entry.addArgument(type, kernel.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(&entry);
  ReturnOp::create(builder, kernel.getLoc());
  kernel.setLoweredToAttr(
      SymbolRefAttr::get(&getContext(), kDeviceModuleName, {FlatSymbolRefAttr::get(function)}));
  // The body's terminator is the function's.
  for (Block &block : function.getBody())
    if (auto ret = dyn_cast<ReturnOp>(block.getTerminator())) {
      builder.setInsertionPoint(ret);
      LLVM::ReturnOp::create(builder, ret.getLoc(), ValueRange());
      ret.erase();
    }
  return lowerBody(function, maps, workspace);
}

void ConvertTileToNVVM::runOnOperation() {
  for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>()))
    if (!kernel.getLoweredTo() && failed(lowerKernel(kernel)))
      return signalPassFailure();
  SmallVector<UnrealizedConversionCastOp> casts;
  getOperation().walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
}
