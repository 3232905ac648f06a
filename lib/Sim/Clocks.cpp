//===- Clocks.cpp - Loops that look at a clock ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A wait that looks at a clock has other registers in each round, and may end by its time limit. So registers that only
/// say what time it is do not count when states are compared, and while all wait time passes in ever larger steps: who
/// gives up in the end does so, and counts as going on.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace llvm;

namespace tk::sim {

/// Whether the results are made of the sources' values alone. Comparisons settle when time has passed, so what is counted
/// by them is not of the clock.
static bool passesTimeOn(Op op) {
  return is_contained({Op::Alu, Op::Cvt, Op::MovPack, Op::MovUnpack, Op::Carry, Op::Selp}, op);
}

void findSteadyRows(Function &fn) {
  std::vector<bool> isTime(fn.regCount);
  auto isOf = [&](const Opnd &o) { return o.present() && !o.isConst() && isTime[o.idx]; };
  bool changed = false;
  auto mark = [&](const Opnd &o) {
    if (!o.present() || o.isConst() || isTime[o.idx])
      return;
    isTime[o.idx] = changed = true;
  };
  for (const Inst &in : fn.code)
    if (in.op == Op::MovSpecial)
      mark(in.d);
  fn.readsClocks = changed;
  while (std::exchange(changed, false))
    for (const Inst &in : fn.code) {
      if (!passesTimeOn(in.op) || !(any_of(in.s, isOf) || any_of(in.vec, isOf)))
        continue;
      mark(in.d);
      if (in.op == Op::MovUnpack)
        for (const Opnd &o : in.vec)
          mark(o);
    }
  fn.steadyRows.clear();
  for (uint32_t i = 1; i < fn.regCount && fn.readsClocks; ++i)
    if (!isTime[i])
      fn.steadyRows.push_back(fn.regRows[i]);
}

/// Nothing but time can let anybody go on. False: that has been tried `steps` times, and covers hours.
bool Cta::letTimePass(uint32_t steps) {
  constexpr uint32_t kSteps = 48, kFirst = 10, kLargest = 30;
  if (!fn.readsClocks)
    return false;
  // Low bits besides, for clocks of 32 bits.
  clockTicks += (1ull << (kFirst + std::min(steps, kLargest))) + (1ull << kLargest) * (steps > kLargest);
  if (steps >= kSteps)
    return false;
  for (Warp &w : warps) {
    w.waits = Recurrence();
    for (Warp::Spin &s : w.spins) {
      s.registers = Recurrence();
      s.idleTimes = 0;
    }
  }
  return true;
}

} // namespace tk::sim
