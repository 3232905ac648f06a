//===- LinearMap.cpp - Linear maps over F2 --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Layout/LinearMap.h"
#include <cassert>

using namespace tk::layout;

LinearMap LinearMap::identity(unsigned bits) {
  llvm::SmallVector<uint64_t> columns;
  for (unsigned bit = 0; bit < bits; ++bit)
    columns.push_back(uint64_t(1) << bit);
  return LinearMap(columns);
}

uint64_t LinearMap::apply(uint64_t x) const {
  uint64_t result = 0;
  for (unsigned bit = 0; bit < columns.size(); ++bit)
    if (x >> bit & 1)
      result ^= columns[bit];
  return result;
}

uint64_t LinearMap::image() const {
  uint64_t result = 0;
  for (uint64_t column : columns)
    result |= column;
  return result;
}

unsigned LinearMap::rank() const {
  // Gaussian elimination on the highest set bit of each remaining column.
  llvm::SmallVector<uint64_t> rows(columns);
  unsigned rank = 0;
  for (int bit = 63; bit >= 0; --bit) {
    unsigned pivot = rank;
    while (pivot < rows.size() && !(rows[pivot] >> bit & 1))
      ++pivot;
    if (pivot == rows.size())
      continue;
    std::swap(rows[rank], rows[pivot]);
    for (unsigned other = rank + 1; other < rows.size(); ++other)
      if (rows[other] >> bit & 1)
        rows[other] ^= rows[rank];
    ++rank;
  }
  return rank;
}

uint64_t LinearMap::freeInputBits() const {
  uint64_t result = 0;
  for (unsigned bit = 0; bit < columns.size(); ++bit)
    if (columns[bit] == 0)
      result |= uint64_t(1) << bit;
  return result;
}

LinearMap LinearMap::compose(const LinearMap &inner) const {
  llvm::SmallVector<uint64_t> result;
  for (uint64_t column : inner.columns)
    result.push_back(apply(column));
  return LinearMap(result);
}

LinearMap LinearMap::concat(const LinearMap &other) const {
  llvm::SmallVector<uint64_t> result(columns);
  result.append(other.columns);
  return LinearMap(result);
}

LinearMap LinearMap::inverse() const {
  unsigned bits = inputBits();
  assert(isInjective() && image() >> bits == 0 && "only square, regular maps have an inverse");
  // Gauss-Jordan on pairs (image, preimage).
  llvm::SmallVector<uint64_t> images(columns), preimages;
  for (unsigned bit = 0; bit < bits; ++bit)
    preimages.push_back(uint64_t(1) << bit);
  for (unsigned bit = 0; bit < bits; ++bit) {
    unsigned pivot = bit;
    while (!(images[pivot] >> bit & 1))
      ++pivot;
    std::swap(images[bit], images[pivot]);
    std::swap(preimages[bit], preimages[pivot]);
    for (unsigned other = 0; other < bits; ++other) {
      if (other == bit || !(images[other] >> bit & 1))
        continue;
      images[other] ^= images[bit];
      preimages[other] ^= preimages[bit];
    }
  }
  return LinearMap(preimages);
}
