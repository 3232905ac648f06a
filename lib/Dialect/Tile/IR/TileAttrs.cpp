//===- TileAttrs.cpp - Layouts and launch attributes --------------------------===//
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

using namespace mlir;
using namespace tk;
using namespace tk::tile;

#include "tk/Dialect/Tile/IR/TileAttrInterfaces.cpp.inc"
#include "tk/Dialect/Tile/IR/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "tk/Dialect/Tile/IR/TileAttrs.cpp.inc"

void TileDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tk/Dialect/Tile/IR/TileAttrs.cpp.inc"
      >();
}

/// `order` must be a permutation of the dimensions.
static LogicalResult verifyOrder(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<unsigned> order, size_t rank) {
  llvm::SmallBitVector seen(rank);
  for (unsigned dimension : order)
    if (dimension < rank)
      seen.set(dimension);
  if (order.size() != rank || !seen.all())
    return emitError() << "expected 'order' to be a permutation of the " << rank
                       << " dimensions, got [" << order << "]";
  return success();
}

//===----------------------------------------------------------------------===//
// BlockedAttr
//===----------------------------------------------------------------------===//

LogicalResult BlockedAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> perThread, ArrayRef<int64_t> lanes,
                                  ArrayRef<int64_t> warps, ArrayRef<unsigned> order) {
  size_t rank = perThread.size();
  if (lanes.size() != rank || warps.size() != rank)
    return emitError() << "expected 'per_thread', 'lanes' and 'warps' of one rank, got " << rank
                       << ", " << lanes.size() << " and " << warps.size();
  for (ArrayRef<int64_t> extents : {perThread, lanes, warps})
    for (int64_t extent : extents)
      if (!layout::isPowerOfTwo(extent))
        return emitError() << "expected extents that are powers of two, got " << extent;
  int64_t laneCount = 1;
  for (int64_t extent : lanes)
    laneCount *= extent;
  if (laneCount != 32)
    return emitError() << "expected 'lanes' to multiply to 32, got " << laneCount;
  constexpr int64_t kMaxWarps = 32; // 1024 threads
  int64_t warpCount = 1;
  for (int64_t extent : warps)
    if (llvm::MulOverflow(warpCount, extent, warpCount) || warpCount > kMaxWarps)
      return emitError() << "expected 'warps' to multiply to at most " << kMaxWarps
                         << ", the warps of a block, got [" << warps << "]";
  return verifyOrder(emitError, order, rank);
}

layout::Distribution BlockedAttr::toDistribution(ArrayRef<int64_t> shape) const {
  return layout::blocked(shape, getPerThread(), getLanes(), getWarps(), getOrder());
}

LogicalResult BlockedAttr::verifyShape(ArrayRef<int64_t> shape,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != getPerThread().size())
    return emitError() << "expected a tile of rank " << getPerThread().size() << " for layout "
                       << *this << ", got rank " << shape.size();
  for (auto [dimension, extent] : llvm::enumerate(shape)) {
    if (extent <= 0)
      return emitError() << "expected static, positive tile extents, got " << extent;
    int64_t powerOfTwo = extent & -extent;
    if (powerOfTwo % getPerThread()[dimension] != 0)
      return emitError() << "expected 'per_thread' to divide the tile, got "
                         << getPerThread()[dimension] << " for extent " << extent
                         << " of dimension " << dimension;
  }
  return success();
}

LogicalResult BlockedAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  return verifyShape(shape, emitError);
}

//===----------------------------------------------------------------------===//
// WgmmaAccAttr
//===----------------------------------------------------------------------===//

layout::Distribution WgmmaAccAttr::toDistribution(ArrayRef<int64_t> shape) const {
  return layout::wgmmaAccumulator(shape[0], shape[1]);
}

LogicalResult WgmmaAccAttr::verifyShape(ArrayRef<int64_t> shape,
                                        function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2)
    return emitError() << "expected a tile of rank 2 for layout " << *this << ", got rank "
                       << shape.size();
  if (shape[0] <= 0 || shape[0] % 64 != 0 || shape[1] <= 0 || shape[1] % 8 != 0)
    return emitError() << "expected a wgmma accumulator of 64 m x 8 n elements, got " << shape[0]
                       << " x " << shape[1];
  return success();
}

LogicalResult WgmmaAccAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                           function_ref<InFlightDiagnostic()> emitError) const {
  return verifyShape(shape, emitError);
}

//===----------------------------------------------------------------------===//
// SliceAttr
//===----------------------------------------------------------------------===//

LogicalResult SliceAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                RegisterLayoutInterface parent, ArrayRef<int64_t> shape) {
  return parent.verifyShape(shape, emitError);
}

layout::Distribution SliceAttr::toDistribution(ArrayRef<int64_t> shape) const {
  return getParent().toDistribution(getShape()).collapse(shape);
}

LogicalResult SliceAttr::verifyShape(ArrayRef<int64_t> shape,
                                     function_ref<InFlightDiagnostic()> emitError) const {
  bool fits = shape.size() == getShape().size();
  for (size_t d = 0; fits && d < shape.size(); ++d)
    fits = shape[d] == 1 || shape[d] == getShape()[d];
  if (!fits)
    return emitError() << "expected a tile whose extents are 1 or those of [" << getShape()
                       << "] for layout " << *this << ", got [" << shape << "]";
  return success();
}

LogicalResult SliceAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                        function_ref<InFlightDiagnostic()> emitError) const {
  return verifyShape(shape, emitError);
}

//===----------------------------------------------------------------------===//
// SwizzleAttr
//===----------------------------------------------------------------------===//

LogicalResult SwizzleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t span,
                                  ArrayRef<unsigned> order) {
  if (span != 16 && span != 32 && span != 64 && span != 128)
    return emitError() << "expected a swizzle span of 16, 32, 64 or 128 bytes, got " << span;
  return verifyOrder(emitError, order, 2);
}

layout::SharedLayout SwizzleAttr::toSharedLayout(ArrayRef<int64_t> shape,
                                                 int64_t elementBytes) const {
  return layout::SharedLayout(shape, elementBytes, layout::SwizzleSpan(getSpan()), getOrder()[0]);
}

LogicalResult SwizzleAttr::verifyShape(ArrayRef<int64_t> shape, int64_t elementBytes,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2)
    return emitError() << "expected a tile of rank 2 for layout " << *this << ", got rank "
                       << shape.size();
  int64_t contiguousBytes = shape[getOrder()[0]] * elementBytes, rows = shape[getOrder()[1]];
  if (contiguousBytes % getSpan() != 0)
    return emitError() << "expected the span to divide the contiguous extent, got a span of "
                       << getSpan() << " bytes and " << contiguousBytes << " bytes along dimension "
                       << getOrder()[0] << "; choose a smaller span";
  if (rows % 8 != 0)
    return emitError() << "expected a multiple of 8 rows, got " << rows << " along dimension "
                       << getOrder()[1];
  return success();
}

//===----------------------------------------------------------------------===//
// WorkspaceAttr
//===----------------------------------------------------------------------===//

LogicalResult WorkspaceAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bytes,
                                    int64_t flags) {
  if (flags < 1)
    return emitError() << "expected 'flags' of at least 1, got " << flags;
  if (bytes < 1 || bytes > INT32_MAX || bytes % flags != 0 ||
      bytes / flags % hopper::kMaxVectorBytes != 0)
    return emitError() << "expected 'bytes' to be " << flags << " part(s) of a multiple of "
                       << hopper::kMaxVectorBytes << ", at most " << INT32_MAX << ", got " << bytes;
  return success();
}

//===----------------------------------------------------------------------===//
// TuningAttr
//===----------------------------------------------------------------------===//

LogicalResult TuningAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 std::optional<int64_t> stages, std::optional<int64_t> consumers,
                                 std::optional<int64_t> producerRegisters,
                                 std::optional<int64_t> consumerRegisters,
                                 std::optional<int64_t> widen, std::optional<int64_t> group,
                                 std::optional<int64_t> variants, std::optional<TileOrder> order,
                                 std::optional<int64_t> cluster, std::optional<int64_t> splitK,
                                 std::optional<int64_t> streamK) {
  std::pair<StringRef, std::optional<int64_t>> all[] = {{"stages", stages},
                                                        {"consumers", consumers},
                                                        {"producer_registers", producerRegisters},
                                                        {"consumer_registers", consumerRegisters},
                                                        {"widen", widen},
                                                        {"group", group},
                                                        {"variants", variants},
                                                        {"cluster", cluster},
                                                        {"split_k", splitK},
                                                        {"stream_k", streamK}};
  for (auto [name, value] : all)
    if (value && *value < 1)
      return emitError() << "expected '" << name << "' of at least 1, got " << *value;
  std::tuple<StringRef, std::optional<int64_t>, int64_t> bounded[] = {
      {"variants", variants, 3},
      {"consumers", consumers, hopper::kMaxBlockConsumers},
      {"widen", widen, hopper::kMaxWidening},
      {"group", group, hopper::kMaxBandRows},
      {"stages", stages, hopper::kMaxStages}};
  for (auto [name, value, most] : bounded)
    if (value && *value > most)
      return emitError() << "expected '" << name << "' of 1 to " << most << ", got " << *value;
  for (auto [name, value] : {std::pair("cluster", cluster), std::pair("split_k", splitK)})
    if (value && *value > hopper::kMaxCluster)
      return emitError() << "expected '" << name << "' of at most " << hopper::kMaxCluster
                         << ", the programs of a cluster, got " << *value;
  if (cluster && splitK && *cluster > 1 && *splitK > 1)
    return emitError()
           << "expected 'cluster' or 'split_k', got both: a cluster shares loads or the "
              "depth of a product";
  for (auto [name, value] : {std::pair("cluster", cluster), std::pair("split_k", splitK)})
    if (streamK && value && *value > 1)
      return emitError() << "expected '" << name
                         << "' or 'stream_k', got both: programs of a cluster do the same steps";
  if (order == TileOrder::Hilbert && group && !llvm::isPowerOf2_64(*group))
    return emitError()
           << "expected a 'group' that is a power of two, as Hilbert's curve needs, got " << *group;
  return success();
}
