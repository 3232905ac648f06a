//===- Async.h - Objects of asynchronous operations -------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_ASYNC_H
#define TK_LIB_SIM_ASYNC_H

#include "Race.h"
#include "tk/Sim/TensorMap.h"

namespace tk::sim {

/// The map in 128 bytes that encodeTensorMap made.
llvm::Expected<TensorMap> decodeTensorMap(llvm::ArrayRef<uint8_t> bytes);

/// An mbarrier from its init to its inval. The bytes in shared memory are opaque; this is what they
/// stand for.
struct Mbarrier {
  static constexpr int64_t kMax =
      (1 << 20) - 1;  ///< Of counts, and of transaction bytes either way.
  uint32_t phase = 0; ///< The one that is not complete.
  int64_t expected = 1, pending = 1, tx = 0;
  bool observed = true; ///< Someone has seen the phase before `phase` complete.
  // Who made it, to find uses that are not ordered after that.
  uint32_t initPc = 0, initWarp = 0, initLanes = 0, initClock = 0;
  Clock uses;             ///< The last use by each thread.
  ThreadClocks arriving;  ///< What those who arrived in this phase knew.
  ThreadClocks completed; ///< The same for the phase before.
  bool hasArriving = false, hasCompleted = false;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_ASYNC_H
