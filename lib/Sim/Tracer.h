//===- Tracer.h - What warps do, in order -----------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_TRACER_H
#define TK_LIB_SIM_TRACER_H

#include "Ptx.h"
#include "tk/Sim/Simulator.h"

namespace tk::sim {

/// Collects the spans of a timeline. Used by one host thread.
class Tracer {
public:
  /// A warp executes an instruction.
  void ran(unsigned warp, Class cls, uint32_t pc);
  /// A warp cannot go on; `state` is a Frag::State. Said again and again as long as it lasts.
  void waits(unsigned warp, unsigned state, uint32_t pc);
  Timeline finish(llvm::ArrayRef<Inst> code) const;

private:
  /// `pc` for now in place of a line.
  void extend(unsigned warp, uint32_t kind, uint32_t pc, uint32_t from, uint32_t to, bool samePc);

  static constexpr size_t kSpans = 100'000;
  Timeline timeline;
  std::vector<size_t> last; ///< By warp: one more than the index of its last span.
  uint32_t now = 0;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_TRACER_H
