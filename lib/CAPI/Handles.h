//===- Handles.h - What the C interface's handles hold ----------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_CAPI_HANDLES_H
#define TK_LIB_CAPI_HANDLES_H

#include "tk/CAPI/tk.h"
#include "tk/Runtime/Execute.h"
#include <atomic>

struct tkPackageOpaque {
  tk::Package package;
  std::string text; ///< Written when first asked for.
};

struct tkDeviceOpaque {
  std::unique_ptr<tk::Device> device;
  std::string kind, description, note;
  std::atomic<bool> cancelled = false;
};

struct tkResultOpaque {
  size_t numErrors = 0;
  std::string report;
};

namespace tk::capi {

/// Keeps the message for tkGetLastError; returns 1.
int fail(llvm::Error error);
int fail(const llvm::Twine &message);

} // namespace tk::capi

#endif // TK_LIB_CAPI_HANDLES_H
