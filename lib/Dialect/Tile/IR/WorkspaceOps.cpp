//===- WorkspaceOps.cpp - Sums passed on from program to program ----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Matchers.h"
#include "tk/Dialect/Tile/IR/TileOps.h"

using namespace mlir;
using namespace tk;
using namespace tk::tile;

static LogicalResult verifyWords(Operation *op, Type tile) {
  Type element = cast<RankedTensorType>(tile).getElementType();
  if (element.isF32() || element.isInteger(32))
    return success();
  return op->emitOpError() << "expected elements of f32 or i32, got " << element;
}

LogicalResult SharePartialOp::verify() { return verifyWords(*this, getValue().getType()); }
LogicalResult AddPartialsOp::verify() { return verifyWords(*this, getValue().getType()); }

/// The kernel must have a workspace, of as many such tiles as it has flags.
static LogicalResult verifyWorkspace(Operation *op, Value part, Type tile) {
  auto kernel = op->getParentOfType<KernelOp>();
  if (!kernel) // A fragment of a test or an example, or lowered already.
    return success();
  WorkspaceAttr workspace = kernel.getWorkspaceAttr();
  if (!workspace)
    return op->emitOpError() << "needs memory that the kernel does not ask for; give it a "
                                "'workspace', as tk-place-sums does";
  APInt number;
  if (matchPattern(part, m_ConstantInt(&number)) &&
      (number.isNegative() || number.getSExtValue() >= workspace.getFlags()))
    return op->emitOpError() << "expected one of the " << workspace.getFlags()
                             << " part(s) of the kernel's 'workspace', got part "
                             << number.getSExtValue();
  if (!tile)
    return success();
  auto tensor = cast<RankedTensorType>(tile);
  int64_t bytes = tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
  if (bytes > workspace.getBytes() / workspace.getFlags())
    return op->emitOpError() << "expected a tile of at most "
                             << workspace.getBytes() / workspace.getFlags()
                             << " bytes, a part of the kernel's 'workspace', got " << tile << " of "
                             << bytes;
  return verifyWords(op, tile);
}

LogicalResult WorkspaceStoreOp::verify() {
  return verifyWorkspace(*this, getPart(), getValue().getType());
}
LogicalResult WorkspaceLoadOp::verify() {
  return verifyWorkspace(*this, getPart(), getResult().getType());
}
LogicalResult WorkspaceSignalOp::verify() { return verifyWorkspace(*this, getPart(), {}); }
LogicalResult WorkspaceTakeOp::verify() { return verifyWorkspace(*this, getPart(), {}); }
