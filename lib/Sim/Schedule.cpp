//===- Schedule.cpp - Which warp goes next, and when none can --------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

bool Cta::runnable(const Warp &w) const {
  return any_of(w.frags, [](const Frag &f) { return f.state == Frag::Run; });
}
bool Cta::finished() const {
  return all_of(warps, [](const Warp &w) { return w.frags.empty() && !w.live; });
}

bool Cta::turn() {
  idle = yields = false;
  ready.clear();
  for (Warp &w : warps)
    if (runnable(w))
      ready.push_back(w.index);
  if (tracer)
    traceWaits();
  if (ready.empty())
    return nothingReady();
  bool wasWatched = rng.hasDrawnWatched();
  unsigned quantum = 1 + rng.below(8u << rng.below(7));
  Warp &next = warps[ready[rng.below(ready.size())]];
  if (wasWatched != rng.hasDrawnWatched())
    describeTurn(next, quantum);
  uint64_t ran = next.ran;
  runWarp(next, quantum);
  if (!fn.wgmmas.empty())
    maybeProgress();
  if (!bulkOps.empty())
    progressBulk();
  if (!copyArrivals.empty())
    progressCopies(false);
  if (wasWatched != rng.hasDrawnWatched() && out->watched.text.empty())
    out->watched.text = formatv("in a turn of {0} that ends after {1} instructions: whether it goes on, or what "
                                "asynchronous work is done",
                                nameWarp(next), next.ran - ran)
                            .str();
  if (device && progress != countedProgress) {
    ++device->progress;
    countedProgress = progress;
  }
  if (ctx.options.maxSteps) {
    // A turn without an instruction counts, too: nothing may go on for ever.
    uint64_t done = std::max<uint64_t>(next.ran - ran, 1);
    uint64_t total = globalSteps.fetch_add(done, std::memory_order_relaxed) + done;
    if (total > ctx.options.maxSteps) {
      Finding *f = report("TK-SIM-STEP-LIMIT", Severity::Error, nullptr, 0, kNowhere, 0,
                          "stopped after " + Twine(ctx.options.maxSteps) +
                              " warp instructions; raise the limit or look for an endless loop");
      if (f)
        describeWaits(*f);
      stop = true;
    }
  }
  bool isInterrupted = ctx.options.interrupted && *ctx.options.interrupted;
  if (isInterrupted || (ctx.options.deadline && std::chrono::steady_clock::now() >= *ctx.options.deadline)) {
    Finding *f = report("TK-SIM-TIMEOUT", Severity::Error, nullptr, 0, kNowhere, 0,
                        isInterrupted ? "stopped by Ctrl-C; what would have followed is not run"
                                      : "stopped when the time was up; give it more (--timeout), make the problem "
                                        "smaller, or look for an endless loop");
    if (f)
      describeWaits(*f);
    globalSteps = kOutOfTime;
    stop = true;
  }
  if (ctx.options.cancelled && *ctx.options.cancelled) {
    globalSteps = kOutOfTime;
    stop = true;
  }
  return !stop;
}

/// The decision that is watched: whose turn it is.
void Cta::describeTurn(const Warp &next, unsigned quantum) {
  const Frag *frag = find_if(next.frags, [](const Frag &f) { return f.state == Frag::Run; });
  out->watched.text = formatv("{0} goes on, for up to {1} instructions, at {2}", nameWarp(next), quantum, place(frag->pc)).str();
}

/// Notes of each warp that cannot go on what it waits for.
void Cta::traceWaits() {
  for (const Warp &w : warps)
    if (!w.frags.empty() && !runnable(w))
      tracer->waits(w.index, w.frags[0].state, w.frags[0].pc);
}

/// No warp can go on by itself.
bool Cta::nothingReady() {
  if (finished())
    return false;
  if (forceBulk() || progressCopies(true) || timeOutWaits())
    return true;
  // The loop around a wait for a phase may look at what another CTA writes.
  bool isWaitingForPhase = any_of(warps, [](const Warp &w) {
    return any_of(w.frags, [](const Frag &f) { return f.state == Frag::AtMbarrier; });
  });
  idle = device && isWaitingForPhase;
  idleProgress = idle ? device->progress : 0;
  if (idle)
    return true;
  if (isWaitingForPhase && letWaitersGo())
    return true;
  reportDeadlock();
  return false;
}

void Cta::reportDeadlock() {
  const Warp *first = nullptr;
  for (Warp &w : warps)
    if (!first && !w.frags.empty())
      first = &w;
  uint32_t pc = first ? first->frags[0].pc : 0;
  Finding *f = report("TK-SIM-BARRIER-DEADLOCK", Severity::Error, first, first ? first->frags[0].mask : 0, pc, 0,
                      "no warp can go on: every live warp waits for something that no one will do");
  if (f)
    describeWaits(*f);
  stop = true;
}

/// Each warp's place and what it waits for.
void Cta::describeWaits(Finding &f) {
  for (Warp &w : warps) {
    if (w.frags.empty() && !w.live && w.local < ctx.warpsPerCta)
      f.details.push_back(nameWarp(w) + " has exited");
    for (Frag &fr : w.frags) {
      std::string what;
      if (fr.state == Frag::Run) {
        const Warp::Spin *spin = spinOf(w, fr);
        what = spin ? describeSpin(*spin) : "runs";
      } else if (fr.state == Frag::AtBarrier) {
        const Barrier &b = barriers[fr.barrier];
        unsigned live = 0;
        for (Warp &o : warps)
          live += o.live && o.cta == w.cta ? 32 : 0;
        what = formatv("waits at barrier {0}, which has {1} of {2} threads", fr.barrier % 16,
                       b.arrived, b.expected ? b.expected : live)
                   .str();
      } else if (fr.state == Frag::AtWarpSync)
        what = formatv("waits for lanes {0:x} of its warp, has {1:x}", fr.waitMask, fr.mask).str();
      else if (fr.state == Frag::AtMbarrier)
        what = describeWait(w, fr);
      else if (fr.state == Frag::AtRegisters)
        what = formatv("waits for {0} registers a thread, has {1}; {2} are free in the CTA's pool",
                       code[fr.pc].imm, w.registers, freeRegisters[w.cta])
                   .str();
      else if (fr.state == Frag::AtCluster)
        what = formatv("waits for phase {0} of the cluster barrier", clusterBarrier.phase).str();
      else
        what = "waits for a wgmma that the other warps of its warpgroup have not issued";
      f.details.push_back(
          formatv("{0} lanes {1:x} at {2} {3}", nameWarp(w), fr.mask, place(fr.pc), what).str());
    }
  }
}

bool Cta::runWarp(Warp &w, unsigned quantum) {
  SmallVector<unsigned, 8> choices;
  auto pick = [&]() -> int {
    if (w.frags.size() == 1)
      return w.frags[0].state == Frag::Run ? 0 : -1;
    choices.clear();
    for (unsigned i = 0; i < w.frags.size(); ++i)
      if (w.frags[i].state == Frag::Run)
        choices.push_back(i);
    return choices.empty() ? -1 : int(choices[rng.below(choices.size())]);
  };
  int f = pick();
  while (quantum-- && f >= 0 && !stop && !yields) {
    ++w.ran;
    Frag &fr = w.frags[f];
    if (tracer)
      tracer->ran(w.index, code[fr.pc].cls, fr.pc);
    bool same = fr.pc == fr.joinPc ? reachJoin(w, f) : step(w, f);
    if (!same)
      f = pick();
  }
  return true;
}

} // namespace tk::sim
