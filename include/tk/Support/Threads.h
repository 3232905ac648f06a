//===- Threads.h - Work on several threads ----------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_SUPPORT_THREADS_H
#define TK_SUPPORT_THREADS_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tk {

/// Calls `work(0)` on this thread and `work(1)` to `work(count - 1)` on threads of their own, and
/// waits for all. Where the system gives fewer threads, the last numbers are left out: the work
/// must be whatever is still to be done. Returns how many took part. std::thread would throw where
/// there are no more, llvm::thread would end the process, and tk is built without exceptions.
unsigned runOnThreads(unsigned count, llvm::function_ref<void(unsigned)> work);

} // namespace tk

#endif // TK_SUPPORT_THREADS_H
