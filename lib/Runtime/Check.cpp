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

/// Whether two arrays have matrices to multiply: as many of each, or one matrix for all of the
/// other.
static bool canMultiply(ArrayRef<int64_t> lhs, ArrayRef<int64_t> rhs) {
  if (lhs.size() < 2 || rhs.size() < 2 || lhs.back() != rhs[rhs.size() - 2])
    return false;
  return lhs.size() == 2 || rhs.size() == 2 || lhs.drop_back(2) == rhs.drop_back(2);
}

/// c += a * b, row-major.
static void multiplyMatrices(const double *a, const double *b, double *c, size_t rows, size_t depth,
                             size_t columns) {
  for (size_t i = 0; i < rows; ++i)
    for (size_t k = 0; k < depth; ++k) {
      double factor = a[i * depth + k];
      for (size_t j = 0; j < columns; ++j)
        c[i * columns + j] += factor * b[k * columns + j];
    }
}

Expected<HostTensor> multiplyReference(const HostTensor &lhs, const HostTensor &rhs) {
  if (!canMultiply(lhs.sizes, rhs.sizes))
    return createStringError(
        "expected two matrices MxK and KxN to multiply, or as many of each, got " +
        printSizes(lhs.sizes) + " and " + printSizes(rhs.sizes));
  ArrayRef<int64_t> left = lhs.sizes, right = rhs.sizes;
  ArrayRef<int64_t> batch = left.size() > 2 ? left.drop_back(2) : right.drop_back(2);
  size_t rows = left[left.size() - 2], depth = left.back(), columns = right.back(), count = 1;
  for (int64_t size : batch)
    count *= size;
  HostTensor product{ElementType::F64, batch.vec(), {}, {}};
  product.sizes.insert(product.sizes.end(), {int64_t(rows), int64_t(columns)});
  std::vector<double> a = decodeAll(lhs), b = decodeAll(rhs), c(count * rows * columns);
  for (size_t i = 0; i < count; ++i)
    multiplyMatrices(a.data() + (left.size() > 2 ? i * rows * depth : 0),
                     b.data() + (right.size() > 2 ? i * depth * columns : 0),
                     c.data() + i * rows * columns, rows, depth, columns);
  product.strides = getDenseStrides(product.sizes);
  product.bytes.resize(c.size() * sizeof(double));
  if (!c.empty())
    std::memcpy(product.bytes.data(), c.data(), product.bytes.size());
  return product;
}

} // namespace tk
