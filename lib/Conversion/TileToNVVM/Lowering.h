//===- Lowering.h - What the lowerings share --------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_CONVERSION_TILETONVVM_LOWERING_H
#define TK_LIB_CONVERSION_TILETONVVM_LOWERING_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

namespace tk {

/// A register tile becomes one value per register, a view its pointer, dynamic sizes and dynamic
/// strides, a shared tile a pointer.
class TileTypeConverter : public mlir::TypeConverter {
public:
  TileTypeConverter();
};

/// The type of the registers that hold elements: the machine has none for fp8, only conversions of
/// their bits.
mlir::Type getRegisterType(mlir::Type elementType);

/// The parts of a converted view.
struct ViewParts {
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> sizes, strides; ///< i64, constants where static.
};
/// The parts of a converted table, in the order of the kernel's parameters.
struct TableParts {
  explicit TableParts(mlir::ValueRange parts)
      : rows(parts[0]), size(parts[1]), starts(parts[2]), maps(parts[3]) {}
  mlir::Value rows;   ///< The first row; a row of zeros comes after the last.
  mlir::Value size;   ///< i64
  mlir::Value starts; ///< The number of the first program of each row, and of all.
  mlir::Value maps;   ///< The tensor maps of the first row.
};
ViewParts unpackView(mlir::OpBuilder &builder, mlir::Location location, tile::GlobalType type,
                     mlir::ValueRange parts);

/// Small builders of integer arithmetic that fold nothing: LLVM does.
mlir::Value constantI32(mlir::OpBuilder &builder, mlir::Location location, int64_t value);
mlir::Value constantI64(mlir::OpBuilder &builder, mlir::Location location, int64_t value);
mlir::Value threadIndex(mlir::OpBuilder &builder, mlir::Location location);
mlir::Value threadInWarpgroup(mlir::OpBuilder &builder, mlir::Location location);

/// The exclusive or of `columns[b]` over the set bits b of the thread index, as i32.
mlir::Value applyThreadColumns(mlir::OpBuilder &builder, mlir::Location location,
                               llvm::ArrayRef<int64_t> columns);

/// Whether this thread is the first of those that hold the same elements; null if each holds its
/// own.
mlir::Value isFirstReplica(mlir::OpBuilder &builder, mlir::Location location,
                           uint64_t replicatedThreadBits);

/// Inline PTX with side effects. `results` may be empty; several come back unpacked.
llvm::SmallVector<mlir::Value> inlinePTX(mlir::OpBuilder &builder, mlir::Location location,
                                         llvm::StringRef text, llvm::StringRef constraints,
                                         mlir::TypeRange results, mlir::ValueRange operands);

/// What is known of the offset of each load and store along its view's contiguous dimension: the
/// largest number that divides it. Found before the conversion starts, which takes loops apart.
using OffsetDivisors = llvm::DenseMap<mlir::Operation *, int64_t>;
OffsetDivisors findOffsetDivisors(mlir::Operation *root);

/// Walks the vector accesses of a whole tile in shared memory; `access(pointer, firstRegister,
/// vector)` makes one.
llvm::LogicalResult forEachSharedAccess(
    mlir::Operation *op, mlir::ConversionPatternRewriter &rewriter, mlir::RankedTensorType tile,
    tile::SharedType shared, mlir::Value base,
    llvm::function_ref<void(mlir::Value pointer, int64_t reg, int64_t vector)> access);

/// Writes registers as one vector, to memory of any kind.
void storeVector(mlir::OpBuilder &builder, mlir::Location location, mlir::ValueRange values,
                 mlir::Value pointer);

/// Which of a thread's registers of `whole` hold the piece that starts at `offsets`, in the order
/// of the piece's registers; nullopt where other threads hold some.
std::optional<llvm::SmallVector<int64_t>> findPieceRegisters(const layout::Distribution &whole,
                                                             const layout::Distribution &piece,
                                                             llvm::ArrayRef<int64_t> offsets);

/// Arrives at the barrier of the same place in another program of the cluster; addresses are 32
/// bits.
void arriveAt(mlir::OpBuilder &builder, mlir::Location location, mlir::Value barrier,
              mlir::Value rank);
/// Waits until the phase of this parity is complete; with `cluster`, acquires what other programs
/// of the cluster did before they arrived.
void waitForPhase(mlir::OpBuilder &builder, mlir::Location location, mlir::Value barrier,
                  mlir::Value parity, bool cluster);

/// An address in shared memory as the 32 bits that assembly takes.
mlir::Value sharedAddress(mlir::OpBuilder &builder, mlir::Location location, mlir::Value pointer);

/// Makes explicit which threads do what: roles become branches on the warpgroup, and what one
/// thread does for the others a branch on the thread.
void expandThreads(mlir::Operation *root);

/// The tensor map that a copy by the copy engine needs; null for other operations.
tile::TensorMapAttr describeTensorMap(mlir::Operation *op);

/// The tensor map of each copy: its description and the address of the parameter. Found before the
/// conversion starts, which takes views apart.
using TensorMaps = llvm::DenseMap<mlir::Operation *, std::pair<tile::TensorMapAttr, mlir::Value>>;

/// The parameter through which sums go from program to program, and what lies there. Null where the
/// kernel has none.
struct WorkspaceParameter {
  mlir::Value base;
  tile::WorkspaceAttr layout;
  size_t gridDimensions = 1;
};

/// What is part of a product's block of assembly: its fence, commit and wait where they are its
/// neighbours. Found before the conversion starts, which replaces them one by one.
struct WgmmaChain {
  llvm::SmallVector<std::string, 2> before, after;
};
struct WgmmaChains {
  llvm::DenseMap<mlir::Operation *, WgmmaChain> products;
  llvm::DenseSet<mlir::Operation *> absorbed;
};
WgmmaChains findWgmmaChains(mlir::Operation *root);

/// For each copy between shared memory and the view of a row: the address of its map in memory,
/// computed where the row is taken from the table. Tables are `UnrealizedConversionCastOp`s of
/// their parts by then.
void addressTableMaps(mlir::Operation *root, TensorMaps &maps, mlir::ArrayAttr all);

void populateElementwisePatterns(const mlir::TypeConverter &converter,
                                 mlir::RewritePatternSet &patterns);
void populateGlobalAccessPatterns(const mlir::TypeConverter &converter,
                                  mlir::RewritePatternSet &patterns,
                                  const OffsetDivisors &divisors);
void populateTablePatterns(const mlir::TypeConverter &converter, mlir::RewritePatternSet &patterns);
void populateSharedAccessPatterns(const mlir::TypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);
void populateClusterPatterns(const mlir::TypeConverter &converter,
                             mlir::RewritePatternSet &patterns);
void populateAsyncPatterns(const mlir::TypeConverter &converter, mlir::RewritePatternSet &patterns,
                           const TensorMaps &maps);
void populateWorkspacePatterns(const mlir::TypeConverter &converter,
                               mlir::RewritePatternSet &patterns,
                               const WorkspaceParameter &workspace);
void populateWgmmaPatterns(const mlir::TypeConverter &converter, mlir::RewritePatternSet &patterns,
                           const WgmmaChains &chains);

} // namespace tk

#endif // TK_LIB_CONVERSION_TILETONVVM_LOWERING_H
