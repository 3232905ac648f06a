//===- Strides.cpp - Layouts that suit an argument ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Binding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tk {

/// Rounds up, or leaves the value alone where that would overflow.
static int64_t roundUp(int64_t value, int64_t divisor) {
  int64_t result = 0;
  if (AddOverflow(value, divisor - 1, result))
    return value;
  return result / divisor * divisor;
}

/// Gives each dimension of `open` the least stride that clears the dimensions before it, last
/// dimension first.
static void fillStrides(const Argument &argument, ArrayRef<int64_t> sizes, ArrayRef<size_t> open,
                        SmallVectorImpl<size_t> &placed, std::vector<int64_t> &strides) {
  for (size_t d : open) {
    int64_t stride = 1;
    for (size_t other : placed) {
      int64_t span = 0;
      if (!MulOverflow(std::max<int64_t>(sizes[other], 1), strides[other], span))
        stride = std::max(stride, span);
    }
    strides[d] = roundUp(stride, argument.strideDivisors[d]);
    placed.push_back(d);
  }
}

std::vector<int64_t> getDefaultStrides(const Argument &argument, ArrayRef<int64_t> sizes) {
  std::vector<int64_t> strides = argument.strides;
  SmallVector<size_t> placed, open;
  for (size_t d = sizes.size(); d-- > 0;)
    (argument.strides[d] == Argument::kDynamic ? open : placed).push_back(d);
  fillStrides(argument, sizes, open, placed, strides);
  return strides;
}

std::vector<int64_t> normaliseStrides(const Argument &argument, ArrayRef<int64_t> sizes,
                                      ArrayRef<int64_t> strides) {
  std::vector<int64_t> result = strides.vec();
  bool isEmpty = llvm::is_contained(sizes, 0);
  SmallVector<size_t> placed, open;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] > 1 && !isEmpty) {
      placed.push_back(d);
    } else if (argument.strides[d] != Argument::kDynamic) {
      result[d] = argument.strides[d];
      placed.push_back(d);
    } else {
      open.push_back(d);
    }
  }
  fillStrides(argument, sizes, open, placed, result);
  return result;
}

} // namespace tk
