//===- TensorMaps.cpp - The tensor maps of a launch -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/TensorMaps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tk {

static std::optional<sim::TensorMap::Type> convertType(ElementType type) {
  using Type = sim::TensorMap::Type;
  switch (type) {
  case ElementType::F64:
    return Type::F64;
  case ElementType::F32:
    return Type::F32;
  case ElementType::TF32:
    return Type::TF32;
  case ElementType::F16:
    return Type::F16;
  case ElementType::BF16:
    return Type::BF16;
  case ElementType::I64:
    return Type::S64;
  case ElementType::I32:
    return Type::S32;
  case ElementType::U64:
    return Type::U64;
  case ElementType::U32:
    return Type::U32;
  case ElementType::U16:
    return Type::U16;
  case ElementType::U8:
    return Type::U8;
  default:
    return std::nullopt;
  }
}

/// Where a value stands among those that there are: the driver numbers its enumerations so.
static std::optional<unsigned> findNumber(ArrayRef<int64_t> known, int64_t value) {
  const int64_t *it = find(known, value);
  if (it == known.end())
    return std::nullopt;
  return static_cast<unsigned>(it - known.begin());
}

namespace {
/// Evaluates one map of one variant.
class Evaluator {
public:
  Evaluator(const Kernel &kernel, const Variant &variant, const TensorMap &map,
            const LaunchFacts &facts)
      : kernel(kernel), variant(variant), map(map), facts(facts) {}
  Expected<sim::TensorMap> run();

private:
  Error setEnumerations();
  Error setDimension(unsigned d);
  Error checkExtent() const;
  Error fail(const Twine &where, const Twine &problem) const {
    return createStringError("kernel \"" + variant.entry + "\", tensor map of \"" +
                             kernel.arguments[map.argument].name + "\"" + where + ": " + problem);
  }

  const Kernel &kernel;
  const Variant &variant;
  const TensorMap &map;
  const LaunchFacts &facts;
  sim::TensorMap result;
};
} // namespace

/// Ends every message about what only the launch shows.
static constexpr StringLiteral blame = "; a precondition of the variant should have asked for it";

Error Evaluator::setEnumerations() {
  std::optional<sim::TensorMap::Type> type = convertType(map.type);
  if (!type)
    return fail("", "expected a type that tensor maps have, got " + stringifyElementType(map.type));
  std::optional<unsigned> swizzle = findNumber({0, 32, 64, 128}, map.swizzle);
  if (!swizzle)
    return fail("", "expected a swizzle of 0, 32, 64 or 128 bytes, got " + Twine(map.swizzle));
  std::optional<unsigned> promotion = findNumber({0, 64, 128, 256}, map.l2Promotion);
  if (!promotion)
    return fail("", "expected an L2 promotion of 0, 64, 128 or 256 bytes, got " +
                        Twine(map.l2Promotion));
  result.type = *type;
  result.swizzle = static_cast<sim::TensorMap::Swizzle>(*swizzle);
  result.l2Promotion = static_cast<uint8_t>(*promotion);
  result.fill = map.fillNaN ? sim::TensorMap::Fill::NaN : sim::TensorMap::Fill::Zero;
  return Error::success();
}

Error Evaluator::setDimension(unsigned d) {
  // A map's sizes go to 2^32, but its coordinates are signed and of 32 bits.
  constexpr int64_t maxSize = int64_t(1) << 31, maxStride = int64_t(1) << 40;
  const TensorMap::Dimension &dimension = map.dimensions[d];
  std::string where = (" (dimension " + Twine(d) + ")").str();
  Expected<int64_t> size = evaluate(dimension.size, facts);
  if (!size)
    return size.takeError();
  Expected<int64_t> stride = evaluate(dimension.stride, facts);
  if (!stride)
    return stride.takeError();
  if (*size < 1 || *size > maxSize)
    return fail(where, "expected a size from 1 to " + Twine(maxSize) + ", got " +
                           print(dimension.size, &kernel) + " = " + Twine(*size) + blame);
  if (dimension.box < 1 || dimension.box > 256)
    return fail(where, "expected a box from 1 to 256, got " + Twine(dimension.box));
  result.size[d] = static_cast<uint64_t>(*size);
  result.box[d] = static_cast<uint32_t>(dimension.box);
  if (d == 0)
    return Error::success();
  int64_t width = getElementBytes(map.type), bytes = 0;
  if (MulOverflow(*stride, width, bytes) || bytes < 0 || bytes >= maxStride || bytes % 16 != 0)
    return fail(where, "expected a stride of a multiple of 16 bytes below " + Twine(maxStride) +
                           ", got " + print(dimension.stride, &kernel) + " = " + Twine(*stride) +
                           " elements of " + Twine(width) + " bytes" + blame);
  result.stride[d - 1] = static_cast<uint64_t>(bytes);
  return Error::success();
}

/// The copy engine bounds a map by its sizes, and no one bounds those but us.
Error Evaluator::checkExtent() const {
  const ArgumentFacts &view = facts.arguments[map.argument];
  uint64_t width = getElementBytes(map.type), last = (result.size[0] - 1) * width;
  for (unsigned d = 1; d < result.rank; ++d)
    last = SaturatingMultiplyAdd(result.size[d] - 1, result.stride[d - 1], last);
  uint64_t mapped = SaturatingAdd(last, width);
  uint64_t bytes = static_cast<uint64_t>(getExtent(view.sizes, view.strides).value_or(0)) *
                   getElementBytes(kernel.arguments[map.argument].elementType);
  if (mapped <= bytes)
    return Error::success();
  return fail("", "expected at most the view's " + Twine(bytes) + " bytes, got a map of " +
                      Twine(mapped) + blame);
}

Expected<sim::TensorMap> Evaluator::run() {
  if (map.dimensions.empty() || map.dimensions.size() > result.size.size())
    return fail("", "expected 1 to 5 dimensions, got " + Twine(map.dimensions.size()));
  result.rank = static_cast<unsigned>(map.dimensions.size());
  result.address = facts.arguments[map.argument].address;
  if (Error error = setEnumerations())
    return error;
  if (result.address % 16 != 0)
    return fail("", "expected an address that is a multiple of 16, got 0x" +
                        utohexstr(result.address, /*LowerCase=*/true) + blame);
  for (unsigned d = 0; d < result.rank; ++d)
    if (Error error = setDimension(d))
      return error;
  if (Error error = checkExtent())
    return error;
  return result;
}

Expected<sim::TensorMap> evaluateTensorMap(const Kernel &kernel, const Variant &variant,
                                           const TensorMap &map, const LaunchFacts &facts) {
  if (map.argument >= kernel.arguments.size() || !kernel.arguments[map.argument].isView)
    return createStringError("kernel \"" + variant.entry +
                             "\": expected a tensor map of a view, got one of argument " +
                             Twine(map.argument));
  return Evaluator(kernel, variant, map, facts).run();
}

/// All that the device was asked for, for when it declines.
static std::string describe(const TensorMap &map, const sim::TensorMap &values) {
  std::string text;
  raw_string_ostream os(text);
  os << stringifyElementType(map.type) << " at 0x" << utohexstr(values.address, /*LowerCase=*/true);
  auto list = [&](StringRef name, auto elements) {
    os << ", " << name << " [";
    interleaveComma(elements, os);
    os << "]";
  };
  list("sizes", ArrayRef(values.size).take_front(values.rank));
  list("strides in bytes", ArrayRef(values.stride).take_front(values.rank - 1));
  list("box", ArrayRef(values.box).take_front(values.rank));
  os << ", swizzle " << map.swizzle << ", L2 promotion " << map.l2Promotion << ", fill "
     << (map.fillNaN ? "nan" : "zero");
  return text;
}

/// One element where there is none.
static sim::TensorMap makeMapOfNothing(const TensorMap &map, uint64_t address) {
  sim::TensorMap result;
  result.address = address;
  result.rank = static_cast<unsigned>(map.dimensions.size());
  // The verifier of packages has seen to what the enumerations take.
  result.type = *convertType(map.type);
  result.swizzle = static_cast<sim::TensorMap::Swizzle>(*findNumber({0, 32, 64, 128}, map.swizzle));
  result.l2Promotion = static_cast<uint8_t>(*findNumber({0, 64, 128, 256}, map.l2Promotion));
  for (auto [d, dimension] : enumerate(map.dimensions)) {
    result.size[d] = 1;
    result.box[d] = static_cast<uint32_t>(dimension.box);
    if (d > 0)
      result.stride[d - 1] = Nothing::kBytes;
  }
  return result;
}

Expected<std::vector<uint8_t>> encodeRowMaps(Device &device, const Kernel &kernel,
                                             const Variant &variant, const TableUse &use,
                                             const LaunchFacts &facts, const Nothing &nothing) {
  const std::vector<LaunchFacts> &rows = facts.arguments[use.argument].rows;
  Kernel columns = makeRowKernel(kernel.arguments[use.argument]);
  std::vector<uint8_t> bytes((rows.size() + 1) * static_cast<size_t>(use.mapBytes));
  for (const TensorMap &map : variant.tensorMaps) {
    if (map.table != static_cast<int64_t>(use.argument))
      continue;
    uint64_t address = columns.arguments[map.argument].written ? nothing.sink : nothing.zeros;
    for (size_t row = 0; row <= rows.size(); ++row) {
      bool isEmpty = row == rows.size() || rows[row].arguments[map.argument].isEmpty();
      Expected<sim::TensorMap> values = isEmpty
                                            ? makeMapOfNothing(map, address)
                                            : evaluateTensorMap(columns, variant, map, rows[row]);
      auto fail = [&](Error error) {
        return createStringError("row " + Twine(row) + " of \"" + columns.name +
                                 "\": " + llvm::toString(std::move(error)));
      };
      if (!values)
        return fail(values.takeError());
      Expected<std::array<uint8_t, 128>> encoded = device.encodeTensorMap(*values);
      if (!encoded)
        return fail(createStringError(llvm::toString(encoded.takeError()) + "; it was to be " +
                                      describe(map, *values)));
      llvm::copy(*encoded, bytes.begin() + row * static_cast<size_t>(use.mapBytes) + map.offset);
    }
  }
  return bytes;
}

Error encodeTensorMaps(Device &device, const Kernel &kernel, const Variant &variant,
                       const LaunchFacts &facts, MutableArrayRef<uint8_t> parameters) {
  for (const TensorMap &map : variant.tensorMaps) {
    if (map.table >= 0)
      continue;
    Expected<sim::TensorMap> values = evaluateTensorMap(kernel, variant, map, facts);
    if (!values)
      return values.takeError();
    std::string what = "kernel \"" + variant.entry + "\", tensor map of \"" +
                       kernel.arguments[map.argument].name + "\": ";
    int64_t end = static_cast<int64_t>(parameters.size()) - TensorMap::kBytes;
    if (map.offset < 0 || map.offset > end || map.offset % TensorMap::kAlign != 0)
      return createStringError(what + "expected an offset that is a multiple of 64 up to " +
                               Twine(end) + ", got " + Twine(map.offset));
    Expected<std::array<uint8_t, 128>> bytes = device.encodeTensorMap(*values);
    if (!bytes)
      return createStringError(what + llvm::toString(bytes.takeError()) + "; it was to be " +
                               describe(map, *values));
    llvm::copy(*bytes, parameters.begin() + map.offset);
  }
  return Error::success();
}

} // namespace tk
