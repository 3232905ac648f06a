//===- LaneOps.cpp - Choice of the lane kernels ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneOps.h"

namespace tk::sim {

namespace baseline { const LaneOps &ops(); }
namespace avx2 { const LaneOps &ops(); }
namespace avx512 { const LaneOps &ops(); }

const LaneOps &laneOps() {
  static const LaneOps &best = []() -> const LaneOps & {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
      return avx512::ops();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
        __builtin_cpu_supports("bmi2"))
      return avx2::ops();
    return baseline::ops();
  }();
  return best;
}

} // namespace tk::sim
