//===- LaneOpsAvx512.cpp - Lane kernels for AVX-512 -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#define TK_LANE_NS avx512
#define TK_LANE_NAME "avx512"
#include "LaneOps.inc"
