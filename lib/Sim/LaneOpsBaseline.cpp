//===- LaneOpsBaseline.cpp - Lane kernels for x86-64 -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#define TK_LANE_NS baseline
#define TK_LANE_NAME "baseline"
#include "LaneOps.inc"
