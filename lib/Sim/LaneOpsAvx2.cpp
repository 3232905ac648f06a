//===- LaneOpsAvx2.cpp - Lane kernels for AVX2 -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#define TK_LANE_NS avx2
#define TK_LANE_NAME "avx2"
#include "LaneOps.inc"
