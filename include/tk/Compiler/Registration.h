//===- Registration.h - All dialects, passes and pipelines ------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_COMPILER_REGISTRATION_H
#define TK_COMPILER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace tk {

/// Every dialect that tk's programs are written in, at any level, with their translations to LLVM
/// IR.
void registerAllDialects(mlir::DialectRegistry &registry);
/// Every pass and pipeline, under its name.
void registerAllPasses();

} // namespace tk

#endif // TK_COMPILER_REGISTRATION_H
