//===- JSON.h - Reading JSON from anyone ------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_SUPPORT_JSON_H
#define TK_SUPPORT_JSON_H

#include "llvm/Support/JSON.h"

namespace tk {

/// llvm::json::parse, but an error for what is nested more than 256 deep: LLVM's parser recurses,
/// and a file of a million brackets must not exhaust the stack. And for a key given twice, of which
/// LLVM keeps the last without a word.
llvm::Expected<llvm::json::Value> parseJSON(llvm::StringRef text);

} // namespace tk

#endif // TK_SUPPORT_JSON_H
