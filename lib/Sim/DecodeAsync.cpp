//===- DecodeAsync.cpp - Decoding of mbarriers and bulk copies ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

bool Decoder::mbarrier() {
  in.cls = Class::Barrier;
  static constexpr StringRef kNames[] = {"init",        "inval",    "expect_tx",
                                         "complete_tx", "arrive",   "arrive_drop",
                                         "test_wait",   "try_wait", "pending_count"};
  if (mods.empty() || !is_contained(kNames, mods[0]))
    return fail("unknown form '" + raw.word + "'");
  StringRef what = mods[0];
  mods.erase(mods.begin());
  if (!take("b64"))
    return fail("'" + raw.word + "' needs .b64");
  if (what == "pending_count") {
    in.op = Op::MbarPending;
    return count(2, 2) && dst(0, Ty::B32, in.d) && src(1, Ty::B64, in.s[0]) && finish();
  }
  bool arrive = what.starts_with("arrive"), wait = what.ends_with("wait"),
       tx = what.ends_with("_tx");
  if (arrive)
    in.sub = uint8_t((what == "arrive_drop" ? kArriveDrop : 0) |
                     (take("expect_tx") ? kArriveExpect : 0) |
                     (take("noComplete") ? kArriveNoComplete : 0));
  if (wait)
    in.sub = take("parity") ? 1 : 0;
  bool relaxed = (arrive || wait || tx) && take("relaxed");
  in.isRelease = arrive && (take("release") || !relaxed);
  in.isAcquire = wait && (take("acquire") || !relaxed);
  if (arrive || wait || tx)
    takeScope();
  if (!takeSpace(in.space))
    return false;
  if (in.space != Space::Shared && in.space != Space::Generic)
    return fail("an mbarrier lives in shared memory, got '" + raw.word + "'");
  auto body = [&](unsigned at, unsigned lo, unsigned hi) {
    return count(lo, hi) && address(at) &&
           (operands() <= at + 1 || src(at + 1, wait && !in.sub ? Ty::B64 : Ty::U32, in.s[1]));
  };
  if (what == "init") {
    in.op = Op::MbarInit;
    return body(0, 2, 2) && finish();
  }
  if (what == "inval") {
    in.op = Op::MbarInval;
    return body(0, 1, 1) && finish();
  }
  if (tx) {
    in.op = what == "expect_tx" ? Op::MbarExpect : Op::MbarComplete;
    return body(0, 2, 2) && finish();
  }
  if (arrive) {
    in.op = Op::MbarArrive;
    bool counted = in.sub & (kArriveExpect | kArriveNoComplete);
    if (!body(1, counted ? 3 : 2, 3))
      return false;
    return (operand(0).kind == RawOperand::Sink || dst(0, Ty::B64, in.d)) && finish();
  }
  in.op = what == "try_wait" ? Op::MbarTry : Op::MbarTest;
  Opnd hint; // How long try_wait may suspend the thread: any time is legal here.
  return body(1, 3, what == "try_wait" ? 4 : 3) && dst(0, Ty::Pred, in.d) &&
         (operands() < 4 || src(3, Ty::U32, hint)) && finish();
}

} // namespace tk::sim
