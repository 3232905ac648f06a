//===- ExecBulk.cpp - Bulk copies in flight -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A copy is checked at its issue and done at a seeded point after it: at once, at some later step,
/// or only when nothing else can go on. A load ends at its mbarrier. A store has two ends, the
/// source read and the destination written, which its thread's groups wait for.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

static std::string whatIs(const BulkSpec &s) {
  if (s.kind == BulkSpec::Poke)
    return s.reduces ? "red.async" : "st.async";
  return s.kind == BulkSpec::Reduce || s.reduces ? "bulk reduction"
         : s.kind == BulkSpec::Load              ? "bulk load"
                                                 : "bulk store";
}

/// What is wrong with a copy ends the CTA: those of earlier lanes, which were checked and are dropped, need not go.
void Cta::bulk(Warp &w, const Inst &in, uint32_t mask) {
  const BulkSpec &s = fn.bulks[in.target];
  auto ends = [&](bool isRight) {
    assert((isRight || stop) && "copies of other lanes would be lost");
    return !isRight;
  };
  SmallVector<BulkOp, 1> issued;
  for (unsigned l = 0; l < 32 && !stop; ++l) {
    if (!(mask >> l & 1))
      continue;
    for (const Opnd &o : in.vec)
      if (w.poison[o.idx] >> l & 1) {
        poisoned(w, in, 1u << l, "an operand of a bulk copy");
        stop = true;
        return;
      }
    BulkOp op;
    op.pc = pcOf(in);
    op.warp = w.index;
    op.lane = l;
    uint64_t global = value(w, s.global, l) + uint64_t(s.globalOffset);
    if (s.tensor) {
      for (unsigned d = 0; d < s.dims; ++d)
        op.coord[d] = int32_t(value(w, s.coord[d], l));
      if (ends(readMap(w, in, l, global, s.mapInParam, op.map) && checkMap(w, in, l, s, op)))
        return;
      op.bytes = boxBytes(op.map);
    } else {
      op.bytes = uint32_t(value(w, s.size, l));
      op.map.address = global;
      op.map.box[0] = op.bytes;
      op.map.size[0] = op.bytes;
    }
    op.mapAddress = global;
    if (s.kind == BulkSpec::Prefetch)
      continue;
    op.shared = value(w, s.shared, l) + uint64_t(s.sharedOffset);
    if (s.kind == BulkSpec::Load)
      op.mbar = value(w, s.mbar, l) + uint64_t(s.mbarOffset);
    if (ends(toShared(w, in, l, op.shared) && toShared(w, in, l, op.mbar) && (!s.fromShared || toShared(w, in, l, global))))
      return;
    bool outside = false;
    if (!s.fromShared)
      op.allocation = boxAllocation(
          w, in, l, op, s.kind == BulkSpec::Load ? AccessKind::Read : AccessKind::Write, outside);
    if (!s.mask.present()) {
      if (ends(issueBulk(w, in, op, issued)))
        return;
      continue;
    }
    uint32_t targets = uint16_t(value(w, s.mask, l));
    if (!targets || targets >> ctx.clusterSize) {
      report("TK-SIM-CLUSTER-RANK", Severity::Error, &w, 1u << l, pcOf(in), 0,
             formatv("the mask {0:x} of a multicast must name CTAs of the cluster, which has {1}",
                     targets, ctx.clusterSize));
      stop = true;
      return;
    }
    // To the same place of each CTA, with a signal to the same place.
    constexpr uint64_t offset = (1u << kRankShift) - 1;
    for (uint64_t rank = 0; rank < ctx.clusterSize; ++rank) {
      op.shared = (op.shared & offset) | rank << kRankShift;
      op.mbar = (op.mbar & offset) | rank << kRankShift;
      if ((targets >> rank & 1) && ends(issueBulk(w, in, op, issued)))
        return;
    }
  }
  startBulk(issued);
}

/// In place before any is done: a copy must not find its neighbours unissued.
void Cta::startBulk(SmallVectorImpl<BulkOp> &issued) {
  for (BulkOp &op : issued) {
    uint32_t draw = rng.below(8);
    op.haste = draw < 2 ? 1 : draw < 5 ? 4 : 0;
    op.born = clockTicks;
    bulkOps.push_back(std::move(op));
  }
  for (size_t i = bulkOps.size() - issued.size(), n = issued.size(); n--;)
    if (bulkOps[i].haste != 1 || !advanceBulk(i))
      ++i;
}

/// Checks one copy and lets it go. False after what ends the CTA.
bool Cta::issueBulk(Warp &w, const Inst &in, BulkOp op, SmallVectorImpl<BulkOp> &issued) {
  const BulkSpec &s = fn.bulks[in.target];
  unsigned l = op.lane, rank = rankOf(op.shared);
  bool load = s.kind == BulkSpec::Load;
  if (!checkBox(w, in, l, s, op))
    return false;
  const char *wrong = nullptr;
  if (s.fromShared && rank == w.cta)
    wrong = "a copy between shared memories goes to another CTA";
  else if (s.fromShared &&
           (!insideShared(op.map.address, op.bytes) || rankOf(op.map.address) != w.cta))
    wrong = "the source must be in the own CTA's shared memory";
  else if (rank != w.cta && (!load || s.ownDestination))
    wrong = "the shared address must be the own CTA's";
  else if (load && rankOf(op.mbar) != rank)
    wrong = "the mbarrier must lie in the CTA of the destination";
  if (wrong) {
    report("TK-SIM-CLUSTER-RANK", Severity::Error, &w, 1u << l, pcOf(in), 1,
           formatv("{0}: got {1}{2}", wrong, spaceAddress(op.shared, Space::Shared),
                   load ? " and " + spaceAddress(op.mbar, Space::Shared) : std::string()));
    stop = true;
    return false;
  }
  const BulkOp *twin = nullptr;
  for (const BulkOp &o : issued)
    if (o.mapAddress == op.mapAddress && o.coord == op.coord && o.shared == op.shared &&
        o.mbar == op.mbar && o.bytes == op.bytes)
      twin = &o;
  if (twin)
    report("TK-SIM-BULK-DUPLICATE", Severity::Warning, &w, 1u << twin->lane | 1u << l, pcOf(in), 0,
           formatv("lanes {0} and {1} issue the same {2}; one thread issues a copy: elect one",
                   twin->lane, l, whatIs(s)));
  if (load ? !issueLoad(w, in, op, twin) : !issueStore(w, in, op, twin))
    return false;
  issued.push_back(std::move(op));
  return true;
}

/// An operand as an address in shared memory. False, and said: it is none. Only st.async and red.async take generic ones.
bool Cta::toShared(Warp &w, const Inst &in, unsigned lane, uint64_t &addr) {
  bool wantsGeneric = in.op == Op::Poke && in.space == Space::Generic, isInWindow = addr - kSharedWindow < kSharedWindowBytes;
  if (wantsGeneric ? isInWindow : addr < kSharedWindowBytes) {
    addr -= wantsGeneric ? kSharedWindow : 0;
    return true;
  }
  report("TK-SIM-MEM-OOB", Severity::Error, &w, 1u << lane, pcOf(in), 1,
         formatv("expected {0} of shared memory, got {1:x}{2}", wantsGeneric ? "a generic address" : "an address", addr,
                 isInWindow     ? ", which is generic; convert it with cvta.to.shared"
                 : wantsGeneric ? "; convert it with cvta.shared, or say .shared::cluster"
                                : ""));
  return false;
}

bool Cta::issueLoad(Warp &w, const Inst &in, BulkOp &op, const BulkOp *twin) {
  Mbarrier *b = useBarrier(w, in, 1u << op.lane, op.mbar);
  if (!b)
    return false;
  checkBarrierBytes(&w, op.pc, 1u << op.lane, op.shared, op.bytes, "a bulk load");
  op.phase = b->phase;
  b->lastLoad = b->phase + 1;
  b->lastLoadPc = op.pc;
  if (!checkRaces)
    return true;
  if (!b->slot)
    b->slot = race.addAgent();
  if (!twin)
    bulkRaces(w, in, op.lane, op, b->slot, b->slot, b->phase + 1);
  return true;
}

bool Cta::issueStore(Warp &w, const Inst &in, BulkOp &op, const BulkOp *twin) {
  BulkThread &t = bulkThreads[w.index * 32 + op.lane];
  op.group = t.lastStore = t.committed + 1;
  t.lastPc = op.pc;
  bulkUninitialised(w, in, op.lane, op);
  if (!checkRaces)
    return true;
  if (!t.readSlot) {
    t.readSlot = race.addAgent();
    t.writeSlot = race.addAgent();
  }
  if (!twin)
    bulkRaces(w, in, op.lane, op, t.readSlot, t.writeSlot, op.group);
  return true;
}

//===----------------------------------------------------------------------===//
// st.async and red.async
//===----------------------------------------------------------------------===//

/// In flight like a load, with what the registers hold now, but through the generic proxy.
void Cta::poke(Warp &w, const Inst &in, uint32_t mask) {
  const BulkSpec &s = fn.bulks[in.target];
  SmallVector<BulkOp, 32> issued;
  unsigned es = bytesOf(in.ty), bytes = es * in.numVec;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    if ((w.poison[s.shared.idx] | w.poison[s.mbar.idx]) >> l & 1) {
      poisoned(w, in, 1u << l, "an address");
      continue;
    }
    BulkOp op;
    op.pc = pcOf(in);
    op.warp = w.index;
    op.lane = l;
    op.bytes = bytes;
    op.shared = value(w, s.shared, l) + uint64_t(s.sharedOffset);
    op.mbar = value(w, s.mbar, l) + uint64_t(s.mbarOffset);
    if (!toShared(w, in, l, op.shared) || !toShared(w, in, l, op.mbar)) {
      stop = true;
      return;
    }
    op.map.address = op.shared;
    for (const Opnd &o : in.vec) {
      uint64_t v = value(w, o, l);
      op.data.insert(op.data.end(), reinterpret_cast<uint8_t *>(&v),
                     reinterpret_cast<uint8_t *>(&v) + es);
      op.init.insert(op.init.end(), es, !(w.poison[o.idx] >> l & 1));
    }
    if (!issuePoke(w, in, op)) {
      stop = true;
      return;
    }
    issued.push_back(std::move(op));
  }
  startBulk(issued);
}

bool Cta::issuePoke(Warp &w, const Inst &in, BulkOp &op) {
  const BulkSpec &s = fn.bulks[in.target];
  unsigned l = op.lane, rank = rankOf(op.shared);
  Place to;
  if (!locateOne(w, in, l, op.shared, op.bytes, AccessKind::Write, Space::Cluster, to))
    return false;
  const char *wrong = ctx.clusterSize == 1 ? "this needs a cluster of several CTAs"
                      : rankOf(op.mbar) != rank
                          ? "the mbarrier must lie in the CTA of the destination"
                      : s.reduces && rank == w.cta ? "the destination must be another CTA's"
                                                   : nullptr;
  if (wrong) {
    report("TK-SIM-CLUSTER-RANK", Severity::Error, &w, 1u << l, pcOf(in), 1,
           formatv("{0}: got {1} and {2}", wrong, spaceAddress(op.shared, Space::Shared),
                   spaceAddress(op.mbar, Space::Shared)));
    return false;
  }
  Mbarrier *b = useBarrier(w, in, 1u << l, op.mbar);
  if (!b)
    return false;
  checkBarrierBytes(&w, op.pc, 1u << l, op.shared, op.bytes, "an asynchronous store");
  op.phase = b->phase;
  b->lastLoad = b->phase + 1;
  b->lastLoadPc = op.pc;
  if (!checkRaces)
    return true;
  if (!b->slot)
    b->slot = race.addAgent();
  AccessKind kind = s.reduces ? AccessKind::Atomic : AccessKind::Write;
  raceAccess(w, in, race.asyncEvent(b->slot, b->phase + 1, op.pc, kind, true), l, to, op.bytes,
             kind);
  return true;
}

/// One step of a copy: a load is done, a store's source is read, or its destination written. True
/// when it is over.
bool Cta::advanceBulk(size_t index) {
  ++progress;
  BulkOp &op = bulkOps[index];
  const BulkSpec &spec = fn.bulks[code[op.pc].target];
  if (!spec.signals()) {
    if (!op.read) {
      readStore(op);
      return false;
    }
    moveStore(op);
    bulkOps.erase(bulkOps.begin() + index);
    return true;
  }
  BulkOp load = std::move(op);
  bulkOps.erase(bulkOps.begin() + index);
  spec.kind == BulkSpec::Poke ? movePoke(load) : moveLoad(load);
  auto it = mbarriers.find(load.mbar);
  if (it == mbarriers.end()) {
    report("TK-SIM-MBARRIER-INVALID", Severity::Error, &warps[load.warp], 1u << load.lane, load.pc,
           1,
           formatv("the mbarrier at {0} was invalidated before the copy that ends there",
                   spaceAddress(load.mbar, Space::Shared)));
    return true;
  }
  addTransaction(&warps[load.warp], load.pc, 1u << load.lane, load.mbar, it->second,
                 -int64_t(load.bytes));
  tryComplete(load.mbar, it->second);
  return true;
}

/// Now and then a copy goes on; a late one too, after so long that a spinning waiter must not wait
/// for ever.
void Cta::progressBulk() {
  constexpr uint64_t kPatience = 1 << 14;
  size_t i = rng.below(uint32_t(bulkOps.size()));
  BulkOp &op = bulkOps[i];
  if (op.haste ? rng.below(op.haste) == 0 : clockTicks - op.born > kPatience)
    advanceBulk(i);
}

/// Nothing else can go on: some load must. False when there is none.
bool Cta::forceBulk() {
  SmallVector<size_t, 16> loads;
  for (size_t i = 0; i < bulkOps.size(); ++i)
    if (fn.bulks[code[bulkOps[i].pc].target].signals())
      loads.push_back(i);
  if (loads.empty())
    return false;
  advanceBulk(loads[rng.below(uint32_t(loads.size()))]);
  return true;
}

/// A phase completes: no copy that ends there may be under way.
void Cta::checkPhaseLoads(uint64_t addr, const Mbarrier &b) {
  for (const BulkOp &op : bulkOps)
    if (op.mbar == addr && op.phase == b.phase && fn.bulks[code[op.pc].target].signals())
      report("TK-SIM-MBARRIER-TX", Severity::Error, &warps[op.warp], 1u << op.lane, op.pc, 1,
             formatv("phase {0} of the mbarrier at {1} completes while {2} bytes "
                     "of this copy are under "
                     "way; its expect_tx is missing or too small",
                     b.phase, spaceAddress(addr, Space::Shared), op.bytes));
}

void Cta::bulkCommit(Warp &w, uint32_t mask) {
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1)
      ++bulkThreads[w.index * 32 + l].committed;
}

void Cta::bulkWait(Warp &w, const Inst &in, uint32_t mask) {
  bool readOnly = in.sub;
  for (unsigned l = 0; l < 32; ++l) {
    auto it = mask >> l & 1 ? bulkThreads.find(w.index * 32 + l) : bulkThreads.end();
    if (it == bulkThreads.end() || int64_t(it->second.committed) <= in.imm)
      continue;
    BulkThread &t = it->second;
    uint32_t target = t.committed - uint32_t(in.imm);
    t.readWaited = std::max(t.readWaited, target);
    for (size_t i = 0; i < bulkOps.size();) {
      BulkOp &op = bulkOps[i];
      bool mine = op.group && op.group <= target && op.warp == w.index && op.lane == l;
      if (mine && !op.read)
        advanceBulk(i);
      if (!mine || readOnly || !advanceBulk(i))
        ++i;
    }
    if (!checkRaces || !t.readSlot)
      continue;
    race.see(w.index, t.readSlot, target);
    if (!readOnly)
      race.see(w.index, t.writeSlot, target);
    race.tookAt(w.index, pcOf(in));
  }
}

/// Threads leave: the sources of their stores must have been read. That the destinations are
/// written needs no wait.
void Cta::checkBulkExit(Warp &w, uint32_t mask) {
  for (unsigned l = 0; l < 32; ++l) {
    auto it = mask >> l & 1 ? bulkThreads.find(w.index * 32 + l) : bulkThreads.end();
    if (it == bulkThreads.end() || it->second.lastStore <= it->second.readWaited)
      continue;
    BulkThread &t = it->second;
    report("TK-SIM-BULK-UNWAITED", Severity::Error, &w, 1u << l, t.lastPc, 0,
           formatv("{0} lane {1} exits with a bulk store not {2}; add "
                   "cp.async.bulk.{3}wait_group.read 0",
                   nameWarp(w), l, t.lastStore > t.committed ? "committed" : "waited for",
                   t.lastStore > t.committed ? "commit_group and " : ""));
    t.readWaited = t.lastStore;
  }
}

void Cta::finishBulk() {
  while (!bulkOps.empty())
    if (!advanceBulk(0) && bulkOps[0].group)
      advanceBulk(0);
}

void Cta::reportBulkConflict(Warp &w, const Inst &in, unsigned lane, uint64_t addr, Space space,
                             AccessKind kind, const Conflict &c) {
  const Event &o = c.other;
  std::string what = whatIs(fn.bulks[in.target]), where = spaceAddress(addr, space);
  const char *does = isWrite(kind) ? "writes" : "reads", *access = c.otherWrite ? "write" : "read";
  std::string who =
      o.agent
          ? describeAgent(o)
          : formatv("{0} by {1}{2} at {3}", access, nameWarp(warps[o.slot / 32]),
                    o.multi ? std::string() : formatv(" lane {0}", c.otherLane).str(), place(o.pc))
                .str();
  Finding *f = nullptr;
  const char *edge = "";
  switch (c.kind) {
  case Conflict::Unordered:
    edge = o.agent ? agentEdge(o)
                   : "a barrier (bar.sync or mbarrier) from it to the thread that issues the copy";
    f = report(
        "TK-SIM-RACE", Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1,
        formatv("a {0} {1} {2}, and an earlier {3} of it is not ordered before the copy; add {4}",
                what, does, where, access, edge));
    break;
  case Conflict::NoProxyFence:
    edge = "fence.proxy.async after it, in its thread, before the barrier";
    f = report("TK-SIM-RACE-PROXY", Severity::Error, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("a {0} {1} {2} through the async proxy, but no fence.proxy.async lies "
                       "between it and an earlier "
                       "write; add {3}",
                       what, does, where, edge));
    break;
  case Conflict::NarrowScope:
    edge = kWideScopes;
    f = report(
        "TK-SIM-RACE-SCOPE", Severity::Warning, &w, 1u << lane, pcOf(in), o.pc + 1,
        formatv(
            "a {0} {1} {2}, and what orders it after an earlier {3} of it is an arrival from, or "
            "a wait for, another CTA of scope .cta; the memory model asks for {4}",
            what, does, where, access, edge));
    break;
  case Conflict::NoReuseFence:
    edge = "fence.proxy.async after the last read";
    f = report("TK-SIM-RACE-PROXY-REUSE", Severity::Warning, &w, 1u << lane, pcOf(in),
               o.pc + 1,
               formatv("a {0} writes {1} through the async proxy with no fence.proxy.async after "
                       "an earlier read; many "
                       "kernels do without, the memory model asks for {2}",
                       what, where, edge));
    break;
  case Conflict::IssuerFenceOnly:
    edge = "fence.proxy.async in the writer, before the barrier";
    f = report("TK-SIM-RACE-PROXY-ISSUER", Severity::Note, &w, 1u << lane, pcOf(in), o.pc + 1,
               formatv("the fence.proxy.async between an earlier write of {0} and this {1} is on "
                       "the issuer's side only; "
                       "the memory model asks for it in the writer, before the barrier",
                       where, what));
    break;
  }
  if (!f)
    return;
  f->details.push_back(
      formatv("this: {0} issued by {1} lane {2} at {3}", what, nameWarp(w), lane, place(pcOf(in)))
          .str());
  f->details.push_back("other: " + who);
  describePaths(&w, lane, c, *f);
  f->details.push_back(std::string("missing edge: ") + edge);
}

/// Who an asynchronous event is, and what orders others after it.
std::string Cta::describeAgent(const Event &e) const {
  const Inst &in = code[e.pc];
  if (in.op != Op::Bulk && in.op != Op::Poke && in.op != Op::CpAsync)
    return formatv("the tensor core, for the wgmma at {0}, is still allowed to read it",
                   place(e.pc));
  return formatv("the {0} at {1} is still allowed to {2} it",
                 in.op == Op::CpAsync ? "cp.async" : whatIs(fn.bulks[in.target]), place(e.pc),
                 e.write ? "write" : "read");
}
const char *Cta::agentEdge(const Event &e) const {
  const Inst &in = code[e.pc];
  if (in.op == Op::CpAsync)
    return e.slot == copySlot
               ? "cp.async.wait_group or wait_all in its thread, then a barrier to this thread"
               : "a wait for the phase of its mbarrier";
  if (in.op != Op::Bulk && in.op != Op::Poke)
    return "wgmma.wait_group that covers it, then a barrier to this warp";
  if (fn.bulks[in.target].signals())
    return "a wait for the phase of its mbarrier";
  return e.write ? "cp.async.bulk.wait_group in its thread, then a barrier to this warp"
                 : "cp.async.bulk.wait_group.read in its thread, then a barrier to this warp";
}

} // namespace tk::sim
