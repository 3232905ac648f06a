//===- Check.cpp - Results against a reference ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Check.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;

namespace tk {

double getDefaultTolerance(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return 1e-12;
  case ElementType::F32:
  case ElementType::TF32:
    return 2e-5;
  case ElementType::F16:
    return 6e-4;
  case ElementType::BF16:
    return 4e-3;
  case ElementType::E4M3:
    return 4e-2;
  case ElementType::E5M2:
    return 8e-2;
  default:
    return 0;
  }
}

static std::vector<double> decodeAll(const HostTensor &tensor) {
  std::vector<double> values;
  values.reserve(static_cast<size_t>(tensor.getNumElements()));
  unsigned width = getElementBytes(tensor.type);
  forEachOffset(tensor.sizes, tensor.strides, [&](int64_t offset) {
    values.push_back(
        decodeElement(tensor.type, &tensor.bytes[static_cast<size_t>(offset) * width]));
  });
  return values;
}

static std::vector<int64_t> unravel(int64_t index, ArrayRef<int64_t> sizes) {
  std::vector<int64_t> result(sizes.size());
  for (size_t d = sizes.size(); d-- > 0; index /= sizes[d])
    result[d] = index % sizes[d];
  return result;
}

Expected<Comparison> compare(const HostTensor &result, const HostTensor &reference, StringRef name,
                             double tolerance) {
  if (result.sizes != reference.sizes)
    return createStringError("reference of \"" + name + "\": expected " + printSizes(result.sizes) +
                             ", the sizes of the output, got " + printSizes(reference.sizes));
  std::vector<double> got = decodeAll(result), expected = decodeAll(reference);
  Comparison comparison;
  comparison.tolerance = tolerance;
  double squares = 0, norm = 0;
  size_t worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    // Equal infinities differ by NaN: they do not pass either.
    double difference = got[i] - expected[i], magnitude = std::abs(difference);
    squares += difference * difference;
    norm += expected[i] * expected[i];
    bool isWorse = magnitude > comparison.maxAbsolute || std::isnan(magnitude);
    if (isWorse && !std::isnan(comparison.maxAbsolute)) {
      comparison.maxAbsolute = magnitude;
      worst = i;
    }
  }
  if (got.empty())
    return comparison;
  if (squares == 0)
    comparison.error = 0;
  else
    comparison.error = norm == 0 && !std::isnan(squares) ? std::numeric_limits<double>::infinity()
                                                         : std::sqrt(squares) / std::sqrt(norm);
  comparison.worst = unravel(static_cast<int64_t>(worst), result.sizes);
  comparison.got = got[worst];
  comparison.expected = expected[worst];
  return comparison;
}

Expected<HostTensor> multiplyReference(const HostTensor &lhs, const HostTensor &rhs) {
  if (lhs.sizes.size() != 2 || rhs.sizes.size() != 2 || lhs.sizes[1] != rhs.sizes[0])
    return createStringError("expected two matrices MxK and KxN to multiply, got " +
                             printSizes(lhs.sizes) + " and " + printSizes(rhs.sizes));
  size_t rows = lhs.sizes[0], depth = lhs.sizes[1], columns = rhs.sizes[1];
  std::vector<double> a = decodeAll(lhs), b = decodeAll(rhs), c(rows * columns);
  for (size_t i = 0; i < rows; ++i)
    for (size_t k = 0; k < depth; ++k) {
      double factor = a[i * depth + k];
      for (size_t j = 0; j < columns; ++j)
        c[i * columns + j] += factor * b[k * columns + j];
    }
  HostTensor product{ElementType::F64, {lhs.sizes[0], rhs.sizes[1]}, {}, {}};
  product.strides = getDenseStrides(product.sizes);
  product.bytes.resize(c.size() * sizeof(double));
  if (!c.empty())
    std::memcpy(product.bytes.data(), c.data(), product.bytes.size());
  return product;
}

} // namespace tk
