//===- Passes.h - Passes on graphs ------------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_GRAPH_TRANSFORMS_PASSES_H
#define TK_DIALECT_GRAPH_TRANSFORMS_PASSES_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "tk/Dialect/Tile/IR/TileDialect.h"

namespace tk::graph {

#define GEN_PASS_DECL
#include "tk/Dialect/Graph/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tk/Dialect/Graph/Transforms/Passes.h.inc"

} // namespace tk::graph

#endif // TK_DIALECT_GRAPH_TRANSFORMS_PASSES_H
