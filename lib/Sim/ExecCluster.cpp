//===- ExecCluster.cpp - CTAs that share a cluster ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The CTAs of a cluster are one machine with more warps. Shared addresses carry the rank of their
/// CTA above the offset; without clusters the rank is zero.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

bool Cta::alive(unsigned rank) const {
  for (unsigned i = 0; i < ctx.warpStride; ++i)
    if (warps[rank * ctx.warpStride + i].live)
      return true;
  return false;
}

/// Whether the warp knows that a CTA of its cluster has begun: something that a thread there did comes before, or it has waited
/// at the cluster's barrier, or comes after a warp that has.
bool Cta::hasStarted(const Warp &w, unsigned rank) const {
  if (w.firstClusterWait)
    return true;
  const Clock &seen = race.warps[w.index].seen;
  auto isBefore = [&](unsigned warp, uint32_t clock) {
    return any_of(ArrayRef(seen).slice(warp * 32, 32), [&](uint32_t known) { return known >= clock; });
  };
  unsigned first = rank * ctx.warpStride;
  for (unsigned i = first; i < first + ctx.warpsPerCta; ++i)
    if (isBefore(i, 1))
      return true;
  return any_of(warps, [&](const Warp &o) {
    return o.firstClusterWait && isBefore(o.index, o.firstClusterWait);
  });
}

/// A thread touches the shared memory of another CTA, which must have begun and not have left.
bool Cta::notePeer(const Warp &w, uint32_t pc, uint32_t lanes, uint64_t addr) {
  unsigned rank = rankOf(addr);
  if (!alive(rank)) {
    report("TK-SIM-CLUSTER-EXIT", Severity::Error, &w, lanes, pc, 0,
           formatv("this touches {0}, and that CTA has exited; it must wait in "
                   "barrier.cluster until its peers are "
                   "done",
                   spaceAddress(addr, Space::Shared)));
    stop = true;
    return false;
  }
  if (checkRaces && !hasStarted(w, rank))
    report("TK-SIM-CLUSTER-START", Severity::Error, &w, lanes, pc, 0,
           formatv("this touches {0}, and nothing says that this CTA has begun to run; add barrier.cluster "
                   "(arrive and wait; cluster.sync()) before the first access to a peer's shared memory",
                   spaceAddress(addr, Space::Shared)));
  if (checkRaces) {
    Clock &uses = peerUses[rank];
    if (uses.size() < race.warps.size() * 32)
      uses.resize(race.warps.size() * 32);
    for (unsigned l = 0; l < 32; ++l)
      if (lanes >> l & 1)
        uses[w.index * 32 + l] = race.warps[w.index].clock;
    peerUsePc[rank] = pc;
  }
  return true;
}

/// The last thread of a CTA leaves: whatever its peers did to its shared memory must be ordered
/// before that.
void Cta::checkPeersAtExit(unsigned rank) {
  for (const BulkOp &op : bulkOps) {
    const BulkSpec &s = fn.bulks[code[op.pc].target];
    bool touches = rankOf(op.shared) == rank || (s.fromShared && warps[op.warp].cta == rank);
    if (s.kind == BulkSpec::Load && touches)
      report("TK-SIM-CLUSTER-EXIT", Severity::Error, &warps[op.warp], 1u << op.lane, op.pc, 2,
             formatv("CTA rank {0} exits while this copy to or from its shared memory is under "
                     "way; it must wait for its phase",
                     rank));
  }
  const Clock &uses = peerUses[rank];
  for (unsigned t = 0; t < uses.size(); ++t) {
    uint32_t known = 0;
    for (unsigned i = 0; i < ctx.warpsPerCta; ++i)
      known = std::max(known, race.warps[rank * ctx.warpStride + i].seen[t]);
    if (uses[t] <= known)
      continue;
    report("TK-SIM-CLUSTER-EXIT", Severity::Error, &warps[t / 32], 1u << t % 32, peerUsePc[rank], 1,
           formatv("CTA rank {0} exits with nothing that orders it after accesses of its peers to "
                   "its shared memory, the "
                   "last by {1} lane {2}; add barrier.cluster before the exit",
                   rank, nameWarp(warps[t / 32]), t % 32));
    return;
  }
}

//===----------------------------------------------------------------------===//
// Cluster barrier
//===----------------------------------------------------------------------===//

void Cta::clusterArrive(Warp &w, const Inst &in, uint32_t mask) {
  if (uint32_t twice = mask & w.clusterOwed)
    report("TK-SIM-BARRIER-COUNT", Severity::Error, &w, twice, pcOf(in), 0,
           formatv("lanes {0:x} arrive at the cluster barrier again before they have waited; each "
                   "thread arrives once in a "
                   "phase",
                   twice));
  w.clusterArrived |= mask;
  w.clusterOwed |= mask;
  ++progress;
  // A relaxed arrival ends a release pattern that a fence began, as an example of the manual has it.
  auto isBefore = [&](const FenceRecord &r) { return !in.isRelease && (r.lanes & mask); };
  if (checkRaces && (in.isRelease || any_of(w.fences, isBefore))) {
    if (!std::exchange(clusterBarrier.hasArriving, true))
      clusterBarrier.arriving = race.blank();
    for (const FenceRecord &r : w.fences)
      if (isBefore(r))
        race.releasePast(r.past, w.index, r.lanes & mask, clusterBarrier.arriving,
                         r.scope >= SyncScope::Cluster ? &clusterBarrier.arriving.reached : nullptr);
  }
  if (checkRaces && in.isRelease) {
    race.release(w.index, mask, clusterBarrier.arriving);
    race.gaveAt(w.index, mask, pcOf(in));
  }
  // What fence.mbarrier_init released becomes visible with any arrival.
  for (auto &[addr, b] : mbarriers)
    if (b.initFenced && !b.published && b.initWarp == w.index && (b.initLanes & mask))
      b.published = clusterBarrier.phase + 1;
  openClusterBarrier();
}

void Cta::openClusterBarrier() {
  uint32_t arrived = 0;
  for (Warp &w : warps) {
    if (w.live & ~w.clusterArrived)
      return;
    arrived |= w.clusterArrived;
  }
  if (!arrived)
    return;
  ++clusterBarrier.phase;
  ++progress;
  std::swap(clusterBarrier.completed, clusterBarrier.arriving);
  clusterBarrier.hasCompleted = std::exchange(clusterBarrier.hasArriving, false);
  for (Warp &w : warps)
    w.clusterArrived = 0;
  for (Warp &w : warps)
    for (Frag &f : w.frags)
      if (f.state == Frag::AtCluster)
        finishClusterWait(w, f);
}

void Cta::finishClusterWait(Warp &w, Frag &f) {
  w.clusterOwed &= ~f.waitMask;
  w.clusterWaited = clusterBarrier.phase;
  if (checkRaces && !w.firstClusterWait)
    w.firstClusterWait = race.warps[w.index].clock;
  if (checkRaces && clusterBarrier.hasCompleted) {
    race.acquire(w.index, clusterBarrier.completed);
    race.tookAt(w.index, f.pc);
  }
  f.state = Frag::Run;
  ++f.pc;
}

bool Cta::clusterWait(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  if (uint32_t never = mask & ~w.clusterOwed) {
    report("TK-SIM-BARRIER-COUNT", Severity::Error, &w, never, pcOf(in), 1,
           formatv("lanes {0:x} wait at the cluster barrier without having arrived", never));
    stop = true;
    return false;
  }
  Frag &f = w.frags[frag];
  f.waitMask = mask;
  if (mask & w.clusterArrived) {
    f.state = Frag::AtCluster;
    return false;
  }
  finishClusterWait(w, f);
  return true;
}

bool Cta::clusterOp(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  if (in.op == Op::ClusterArrive || in.op == Op::ClusterWait) {
    if (in.aligned && !converged(w, frag, in, mask))
      return false;
    if (in.op == Op::ClusterWait)
      return clusterWait(w, frag, in, mask);
    clusterArrive(w, in, mask);
  } else if (in.op == Op::FenceMbarInit) {
    for (auto &[addr, b] : mbarriers)
      b.initFenced |= b.initWarp == w.index && (b.initLanes & mask);
  } else { // mapa, getctarank
    bool generic = in.space == Space::Generic;
    for (unsigned l = 0; l < 32; ++l) {
      if (!(mask >> l & 1))
        continue;
      uint64_t a = value(w, in.s[0], l), base = generic ? kSharedWindow : 0;
      if (in.op == Op::GetCtaRank) {
        setValue(w, in.d, l, rankOf(a - base));
        continue;
      }
      uint64_t rank = uint32_t(value(w, in.s[1], l));
      bool known = !(((w.poison[in.s[0].idx] | w.poison[in.s[1].idx]) >> l) & 1);
      if (known && rank >= ctx.clusterSize) {
        report("TK-SIM-CLUSTER-RANK", Severity::Error, &w, 1u << l, pcOf(in), 0,
               formatv("expected a rank below {0}, the size of the cluster, got {1}",
                       ctx.clusterSize, rank));
        stop = true;
        return false;
      }
      if (known && generic && a - kSharedWindow >= kSharedWindowBytes) {
        report("TK-SIM-CLUSTER-RANK", Severity::Error, &w, 1u << l, pcOf(in), 1,
               formatv("expected a generic address of shared memory, got {0:x}", a));
        stop = true;
        return false;
      }
      setValue(w, in.d, l, base + (rank << kRankShift | (a & ((1u << kRankShift) - 1))));
    }
    setPoison(w, in.d, mask,
              w.poison[in.s[0].idx] | (in.s[1].present() ? w.poison[in.s[1].idx] : 0));
  }
  ++w.frags[frag].pc;
  return true;
}

} // namespace tk::sim
