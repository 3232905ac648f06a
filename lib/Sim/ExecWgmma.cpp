//===- ExecWgmma.cpp - Warpgroup matrix products in flight ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A wgmma is one operation of four warps. It starts when the fourth issues it and reads shared memory and registers
/// at some point, drawn from the seed, between that and the first wait that covers it. Its accumulators and A
/// registers are in flight, for each warp, until that warp's own wait.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "TensorNumerics.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <bit>
#include <cmath>

using namespace llvm;

namespace tk::sim {

/// Layout field of a descriptor: 0 none, 1 128B, 2 64B, 3 32B.
uint64_t swizzle(uint64_t a, unsigned mode) {
  switch (mode) {
  case 1: return a ^ (a >> 3 & 0x70);
  case 2: return a ^ (a >> 3 & 0x30);
  case 3: return a ^ (a >> 3 & 0x10);
  default: return a;
  }
}

namespace {
struct Descriptor {
  uint32_t start, leading, stride;
  unsigned baseOffset, mode;
  unsigned chunks() const { return mode == 1 ? 8 : mode == 2 ? 4 : mode == 3 ? 2 : 1; } ///< 16-byte chunks of a row
};
} // namespace

static Descriptor decodeDescriptor(uint64_t d) {
  return {uint32_t(d & 0x3fff) << 4, uint32_t(d >> 16 & 0x3fff) << 4, uint32_t(d >> 32 & 0x3fff) << 4,
          unsigned(d >> 49 & 7), unsigned(d >> 62)};
}

/// How many elements 16 bytes hold.
static unsigned elementsOfChunk(Ty ty) { return 128 / bitsOfElement(ty); }

/// No byte of an operand lies further than this beyond its start, before swizzling.
static uint64_t reach(const Descriptor &d, unsigned rows, unsigned k, unsigned perChunk,
                      bool alongMn) {
  uint64_t w = d.chunks(), eights = (alongMn ? k : rows) / 8 - 1,
           chunks = (alongMn ? rows : k) / perChunk - 1;
  uint64_t core = 7 * 16 * w + 16;
  if (!alongMn)
    return core + eights * d.stride + chunks * (d.mode ? 16 : d.leading);
  return d.mode ? core + eights * d.stride + chunks / w * d.leading + (w - 1) * 16
                : core + eights * d.leading + chunks * d.stride;
}

/// Bytes of the blocks that hold the chunks of an operand and nothing else, or 0: a swizzle moves chunks only within its
/// span, and two along k only together.
static unsigned blockOf(const Descriptor &d, unsigned rows, unsigned perChunk, bool alongMn) {
  unsigned w = d.chunks(), block = alongMn ? 16 * w : 32;
  bool apart = !d.mode || (d.start | d.stride) % block || (alongMn && (d.leading % block || rows / perChunk % w));
  return apart ? 0 : block;
}

/// Calls f(address) for each of these blocks. Stops when f returns false.
template <class F>
static bool forEachBlock(const Descriptor &d, unsigned rows, unsigned k, unsigned perChunk, bool alongMn, F &&f) {
  unsigned w = d.chunks(), across = alongMn ? rows / perChunk / w : 1;
  for (unsigned i = 0; i < (alongMn ? k : rows); ++i)
    for (unsigned c = 0; c < across; ++c) {
      uint64_t a = d.start + (i % 8) * 16 * w + uint64_t(i / 8) * d.stride + uint64_t(c) * d.leading;
      if (!f(alongMn ? a : alignDown(swizzle(a, d.mode), 32)))
        return false;
    }
  return true;
}

/// Calls f(address, mn, k) for each 16-byte chunk of an operand: `mn` and `k` are its first element's place. Chunks
/// lie along k, or along mn for a transposed operand. Stops when f returns false.
template <class F> bool Cta::forEachChunk(const WgmmaSpec &s, bool isA, uint64_t desc, F &&f) const {
  Descriptor d = decodeDescriptor(desc);
  unsigned t = elementsOfChunk(isA ? s.a : s.b), rows = isA ? 64 : s.n, w = d.chunks();
  if (!(isA ? s.transA : s.transB)) {
    for (unsigned mn = 0; mn < rows; ++mn)
      for (unsigned c = 0; c < s.k / t; ++c) {
        uint64_t off = (mn % 8) * 16 * w + uint64_t(mn / 8) * d.stride + uint64_t(c) * (d.mode ? 16 : d.leading);
        if (!f(swizzle(d.start + off, d.mode), mn, c * t))
          return false;
      }
    return true;
  }
  for (unsigned k = 0; k < s.k; ++k)
    for (unsigned c = 0; c < rows / t; ++c) {
      uint64_t off = d.mode ? (k % 8) * 16 * w + uint64_t(k / 8) * d.stride + uint64_t(c / w) * d.leading + (c % w) * 16
                            : (k % 8) * 16 + uint64_t(k / 8) * d.leading + uint64_t(c) * d.stride;
      if (!f(swizzle(d.start + off, d.mode), c * t, k))
        return false;
    }
  return true;
}

//===----------------------------------------------------------------------===//
// Issue
//===----------------------------------------------------------------------===//

/// A value that must be the same in all lanes of the warp.
bool Cta::uniform(Warp &w, const Inst &in, const Opnd &o, const char *what, uint64_t &out) {
  if (uint32_t bad = w.poison[o.idx] & w.live)
    poisoned(w, in, bad, what);
  out = value(w, o, 0);
  uint32_t differ = 0;
  for (unsigned l = 1; l < 32; ++l)
    differ |= uint32_t(value(w, o, l) != out) << l;
  if (differ)
    report("TK-SIM-WGMMA-GROUP", Severity::Error, &w, differ, pcOf(in), 0,
           formatv("{0} must be the same in all threads of the warpgroup, lane 0 has {1:x}, lane {2} has {3:x}", what,
                   out, std::countr_zero(differ), value(w, o, std::countr_zero(differ))));
  return !differ;
}

bool Cta::checkDescriptor(Warp &w, const Inst &in, uint64_t desc, const char *which) {
  Descriptor d = decodeDescriptor(desc);
  if (d.baseOffset) {
    report("TK-SIM-WGMMA-DESCRIPTOR", Severity::Error, &w, ~0u, pcOf(in), 0,
           formatv("the descriptor of {0} has base offset {1}; only 0 is defined here: align the buffer to {2} bytes",
                   which, d.baseOffset, d.chunks() * 128));
    return false;
  }
  // Bits 15:14, 31:30, 48:46 and 61:52 must be zero.
  constexpr uint64_t reserved = 3ull << 14 | 3ull << 30 | 7ull << 46 | 0x3ffull << 52;
  if (desc & reserved) {
    report("TK-SIM-WGMMA-DESCRIPTOR", Severity::Error, &w, ~0u, pcOf(in), 0,
           formatv("expected a descriptor of {0} with zeros in bits 15:14, 31:30, 48:46 and 61:52, "
                   "got {1:x}, which has {2:x} "
                   "there",
                   which, desc, desc & reserved));
    return false;
  }
  return true;
}

/// The wgmma of a sequence number, plus one; 0: it is forgotten.
uint32_t Cta::flightPc(const Warp &w, uint32_t sequence) const {
  const WarpgroupState &g = groups[w.index / 4];
  uint32_t at = sequence - g.firstSequence;
  return at < g.ops.size() ? g.ops[at].pc + 1 : 0;
}

/// Only accumulators may be those of a wgmma that is still in flight; a fence does not wait for it.
bool Cta::checkHeld(Warp &w, const Inst &in, const Opnd &o, uint8_t as) {
  if (!w.inFlight[o.idx] || !(w.heldAs[o.idx] & (as == 1 ? 2 : 1)))
    return true;
  uint32_t from = flightPc(w, w.inFlight[o.idx]);
  report("TK-SIM-WGMMA-INFLIGHT", Severity::Error, &w, ~0u, pcOf(in), from,
         formatv("{0} register '{1}' is {2} of the wgmma in flight{3}; wait for it first", as == 1 ? "accumulator" : "A",
                 fn.regNames[o.idx], as == 1 ? "an A register" : "an accumulator",
                 from ? " from " + place(from - 1) : std::string()));
  return false;
}

void Cta::checkRegisters(Warp &w, const Inst &in, const WgmmaSpec &s) {
  uint32_t pc = pcOf(in);
  if (!w.fencedOnce)
    report("TK-SIM-WGMMA-FENCE", Severity::Error, &w, ~0u, pc, 0,
           "no wgmma.fence before the first wgmma of the warp; add wgmma.fence.sync.aligned");
  auto dirty = [&](const Opnd &o, const char *what, uint8_t bits) {
    if (w.fencedOnce && (w.dirty[o.idx] & bits))
      report("TK-SIM-WGMMA-FENCE", Severity::Error, &w, ~0u, pc, 1,
             formatv("{0} register '{1}' was {2} between the last wgmma.fence and this wgmma; move the fence after it",
                     what, fn.regNames[o.idx], w.dirty[o.idx] & 2 ? "written" : "read"));
  };
  // Nearly always there is nothing to find.
  if (!w.anyDirty && oneWgmmaShape && s.aRegs.empty())
    return;
  for (const Opnd &o : s.acc) {
    dirty(o, "accumulator", 3);
    uint32_t last = w.shapeOf[o.idx];
    if (!checkHeld(w, in, o, 1) || !last)
      continue;
    const WgmmaSpec &before = fn.wgmmas[code[last - 1].target];
    if (before.n != s.n || before.d != s.d || before.k != s.k)
      report("TK-SIM-WGMMA-FENCE", Severity::Error, &w, ~0u, pc, last,
             formatv("accumulator '{0}' is shared with a wgmma of another shape at {1}; they need a wgmma.fence between",
                     fn.regNames[o.idx], place(last - 1)));
  }
  for (const Opnd &o : s.aRegs) {
    dirty(o, "A", 2);
    checkHeld(w, in, o, 2);
    if (any_of(s.acc, [&](const Opnd &acc) { return acc.idx == o.idx; }))
      report("TK-SIM-WGMMA-INFLIGHT", Severity::Error, &w, ~0u, pc, pc + 1,
             formatv("register '{0}' is both an accumulator and an A register of this wgmma; it may be written before it "
                     "is read", fn.regNames[o.idx]));
  }
}

bool Cta::wgmma(Warp &w, unsigned frag, const Inst &in) {
  const WgmmaSpec &s = fn.wgmmas[in.target];
  uint32_t pc = pcOf(in);
  unsigned first = w.local / 4 * 4;
  if (ctx.threadsPerCta < (first + 4) * 32 || w.live != ~0u) {
    report("TK-SIM-WGMMA-GROUP", Severity::Error, &w, w.live, pc, 0,
           formatv("wgmma needs a whole warpgroup of 128 threads, the block has {0} threads from warp {1} on and this "
                   "warp {2} live lanes",
                   ctx.threadsPerCta - first * 32, first, std::popcount(w.live)));
    stop = true;
    return false;
  }
  checkRegisters(w, in, s);
  uint64_t descA = 0, descB = 0, scale = s.scaleDValue;
  bool ok = (s.aInRegisters || uniform(w, in, s.aDesc, "the descriptor of A", descA)) &&
            uniform(w, in, s.bDesc, "the descriptor of B", descB);
  if (!s.scaleDConst) {
    uint32_t p = *ptr(w, s.scaleD);
    if (w.poison[s.scaleD.idx])
      poisoned(w, in, w.poison[s.scaleD.idx], "scale-d");
    if (p != 0 && p != ~0u)
      report("TK-SIM-WGMMA-GROUP", Severity::Error, &w, p, pc, 0,
             "scale-d must be the same in all threads of the warpgroup");
    scale = (p & 1) != s.scaleDNegated;
  }
  if (!ok || (!s.aInRegisters && !checkDescriptor(w, in, descA, "A")) || !checkDescriptor(w, in, descB, "B")) {
    stop = true;
    return false;
  }
  WarpgroupState &g = groups[w.index / 4];
  uint32_t sequence = ++w.issued;
  if (sequence - g.firstSequence >= g.ops.size()) {
    WgmmaOp op;
    op.pc = pc;
    op.sequence = sequence;
    op.descA = descA;
    op.descB = descB;
    op.scaleD = scale;
    g.ops.push_back(std::move(op));
  }
  WgmmaOp &op = g.ops[sequence - g.firstSequence];
  auto unequal = [&](const char *what, uint64_t theirs, uint64_t mine) {
    return formatv(
               "{0} must be equal in all four warps of a warpgroup, {1} has {2:x} and {3} {4:x}",
               what, nameWarp(warps[w.index / 4 * 4 + unsigned(std::countr_zero(op.issued))]),
               theirs, nameWarp(w), mine)
        .str();
  };
  if (op.pc != pc || op.descA != descA || op.descB != descB || op.scaleD != bool(scale)) {
    report(
        "TK-SIM-WGMMA-GROUP", Severity::Error, &w, ~0u, pc, op.pc,
        op.pc != pc
            ? "warps of one warpgroup must issue the same wgmmas, another warp issued the one at " +
                  place(op.pc)
        : op.descA != descA ? unequal("the descriptor of A", op.descA, descA)
        : op.descB != descB ? unequal("the descriptor of B", op.descB, descB)
                            : unequal("scale-d", op.scaleD, scale));
    stop = true;
    return false;
  }
  // A write must be ordered before the issue by each of the four warps: nothing makes them wait for one another.
  if (checkRaces)
    race.intersect(w.index, op.clocks, op.issued == 0);
  op.issued |= 1u << (w.index % 4);
  auto hold = [&](const Opnd &o, uint8_t as) {
    w.heldAs[o.idx] = as | (w.inFlight[o.idx] ? w.heldAs[o.idx] : 0);
    w.pendingRegs += !w.inFlight[o.idx];
    w.inFlight[o.idx] = sequence;
  };
  for (const Opnd &o : s.acc) {
    hold(o, 1);
    w.shapeOf[o.idx] = pc + 1;
  }
  for (const Opnd &o : s.aRegs)
    hold(o, 2);
  if (op.issued == 15)
    startOp(w, g, op);
  return !stop;
}

/// Checks the operands against shared memory as everyone ordered before the issue left it.
void Cta::startOp(Warp &w, WarpgroupState &g, WgmmaOp &op) {
  const WgmmaSpec &s = fn.wgmmas[code[op.pc].target];
  unsigned group = w.index / 4;
  uint32_t event = checkRaces ? race.agentEvent(group, op.sequence, op.pc, AccessKind::Read) : 0;
  if (!s.aInRegisters)
    checkOperand(w, op, s, true, event);
  checkOperand(w, op, s, false, event);
  for (unsigned i = 0; i < 4; ++i)
    for (Frag &f : warps[group * 4 + i].frags)
      if (f.state == Frag::AtWgmma)
        f.state = Frag::Run;
  uint32_t draw = rng.below(8);
  op.early = draw < 3;
  if (draw == 0)
    executeOps(group, op.sequence);
}

void Cta::checkOperand(Warp &w, const WgmmaOp &op, const WgmmaSpec &s, bool isA, uint32_t event) {
  uint64_t desc = isA ? op.descA : op.descB;
  const char *name = isA ? "A" : "B";
  // A swizzle moves nothing out of its 128 bytes, so that nearly all operands need no look at each
  // chunk.
  Descriptor d = decodeDescriptor(desc);
  unsigned rows = isA ? 64 : s.n, perChunk = elementsOfChunk(isA ? s.a : s.b);
  bool alongMn = isA ? s.transA : s.transB;
  uint64_t far = d.start + reach(d, rows, s.k, perChunk, alongMn);
  bool inside = alignDown(d.start, 128) >= ctx.sharedBase && alignTo(far, 128) <= ctx.sharedEnd;
  inside = inside || forEachChunk(s, isA, desc, [&](uint64_t a, unsigned mn, unsigned k) {
             if (a >= ctx.sharedBase && a + 16 <= ctx.sharedEnd)
               return true;
             report("TK-SIM-MEM-OOB", Severity::Error, &w, ~0u, op.pc, isA,
                    formatv("wgmma reads {0} at shared address {1:x} ({2} {3}, k {4}), outside the "
                            "CTA's shared memory, {5:x} to "
                            "{6:x}; check the descriptor's offsets",
                            name, a, isA ? "row" : "column", mn, k, ctx.sharedBase, ctx.sharedEnd));
             return false;
           });
  if (!inside) {
    stop = true;
    return;
  }
  bool uninitialised = false;
  RaceState::AsyncAccess read(race, AccessKind::Read, op.clocks, event, false);
  // Nearly always there is nothing to say.
  unsigned block = blockOf(d, rows, perChunk, alongMn);
  bool isFine = block && forEachBlock(d, rows, s.k, perChunk, alongMn, [&](uint64_t a) {
                  uint64_t at = w.sharedAt + a - ctx.sharedBase, written = ~0ull, word;
                  for (unsigned i = 0; i < block; i += 8) {
                    memcpy(&word, sharedInit.data() + at + i, 8);
                    written &= word;
                  }
                  Conflict c{};
                  return written == 0x0101010101010101ull && (!event || read(race.sharedShadow(), at, block, c));
                });
  if (isFine)
    return;
  unsigned worst = Conflict::IssuerFenceOnly + 1; // Of what was reported; a note must not hide a race.
  forEachChunk(s, isA, desc, [&](uint64_t a, unsigned mn, unsigned k) {
    uint64_t at = w.sharedAt + a - ctx.sharedBase, lo, hi;
    memcpy(&lo, sharedInit.data() + at, 8);
    memcpy(&hi, sharedInit.data() + at + 8, 8);
    if ((lo & hi) != 0x0101010101010101ull && !uninitialised) {
      uninitialised = true;
      report("TK-SIM-MEM-UNINIT", Severity::Error, &w, ~0u, op.pc, isA,
             formatv("wgmma reads {0} at shared address {1:x} ({2} {3}, k {4}), which no one has written", name, a,
                     isA ? "row" : "column", mn, k));
    }
    Conflict c{};
    if (!event || read(race.sharedShadow(), at, 16, c) || c.kind >= worst)
      return true;
    worst = c.kind;
    const Event &o = c.other;
    std::string writer = o.agent ? "an asynchronous operation at " + place(o.pc)
                                 : formatv("{0} lane {1} at {2}", nameWarp(warps[o.slot / 32]), c.otherLane, place(o.pc)).str();
    uint64_t where = a + c.address;
    Finding *f = nullptr;
    if (c.kind == Conflict::Unordered)
      f = report("TK-SIM-RACE", Severity::Error, &w, ~0u, op.pc, o.pc + 1,
                 formatv("wgmma reads {0} at shared address {1:x}, whose write by {2} is not ordered before it; add "
                         "fence.proxy.async and bar.sync after the write",
                         name, where, writer));
    else if (c.kind == Conflict::NoProxyFence)
      f = report("TK-SIM-RACE-PROXY", Severity::Error, &w, ~0u, op.pc, o.pc + 1,
                 formatv("wgmma reads {0} at shared address {1:x} through the async proxy, but no fence.proxy.async lies "
                         "between it and the write by {2}; add one after the write, before the barrier",
                         name, where, writer));
    else if (c.kind == Conflict::NarrowScope)
      f = report("TK-SIM-RACE-SCOPE", Severity::Warning, &w, ~0u, op.pc, o.pc + 1,
                 formatv("wgmma reads {0} at shared address {1:x}, and what orders it after the write by {2} is an arrival "
                         "from, or a wait for, another CTA of scope .cta; the memory model asks for {3}",
                         name, where, writer, kWideScopes));
    else
      f = report("TK-SIM-RACE-PROXY-ISSUER", Severity::Note, &w, ~0u, op.pc, o.pc + 1,
                 formatv("the fence.proxy.async between the write by {0} and this wgmma is on the reader's side only; the "
                         "memory model asks for it in the writer, before the barrier",
                         writer));
    if (f) {
      f->details.push_back("this: wgmma of warpgroup " + std::to_string(w.local / 4) + " at " +
                           place(op.pc));
      f->details.push_back("other: write by " + writer);
      describePaths(nullptr, 0, c, *f);
      f->details.push_back(c.kind == Conflict::Unordered ? "missing edge: a barrier from the writer to the four warps"
                           : c.kind == Conflict::NarrowScope ? std::string("missing edge: ") + kWideScopes
                                                         : "missing edge: fence.proxy.async in the writer, then a barrier");
    }
    return true;
  });
}

//===----------------------------------------------------------------------===//
// Fence, commit, wait
//===----------------------------------------------------------------------===//

void Cta::wgmmaFence(Warp &w) {
  w.fencedOnce = true;
  w.anyDirty = false;
  std::fill(w.dirty.begin(), w.dirty.end(), 0);
  std::fill(w.shapeOf.begin(), w.shapeOf.end(), 0);
}

void Cta::wgmmaCommit(Warp &w) {
  w.groups.push_back({++w.committed, w.issued});
  w.uncommittedFrom = w.issued + 1;
}

bool Cta::wgmmaWait(Warp &w, unsigned frag, const Inst &in) {
  size_t keep = size_t(in.imm);
  if (w.groups.size() <= keep) {
    ++w.groupWaits;
    w.groupWaitPc = pcOf(in);
    return true;
  }
  uint32_t target = w.groups[w.groups.size() - keep - 1].second;
  WarpgroupState &g = groups[w.index / 4];
  for (WgmmaOp &op : g.ops)
    if (op.sequence <= target && op.issued != 15) {
      w.frags[frag].state = Frag::AtWgmma; // until the other warps have issued it
      return false;
    }
  ++w.groupWaits;
  w.groupWaitPc = pcOf(in);
  executeOps(w.index / 4, target);
  w.groups.erase(w.groups.begin(), w.groups.end() - keep);
  for (uint32_t r : fn.wgmmaRegs)
    if (w.inFlight[r] && w.inFlight[r] <= target) {
      w.inFlight[r] = 0;
      --w.pendingRegs;
    }
  if (checkRaces) {
    race.see(w.index, race.agentSlot(w.index / 4), target);
    race.tookAt(w.index, pcOf(in));
  }
  return true;
}

/// At the end: what is .aligned for a warpgroup, all four warps of it have executed.
void Cta::checkWarpgroups() {
  for (Warp &w : warps) {
    Warp &first = warps[w.index / 4 * 4];
    if (w.local >= ctx.warpsPerCta)
      continue;
    const Warp &more = w.groupWaits > first.groupWaits ? w : first, &less = &more == &w ? first : w;
    if (w.groupWaits != first.groupWaits)
      report("TK-SIM-WGMMA-GROUP", Severity::Error, &less, ~0u, more.groupWaitPc, 1,
             formatv("all four warps of a warpgroup must execute the same wgmma.wait_group, {0} executed {1}, {2} {3}",
                     nameWarp(more), more.groupWaits, nameWarp(less), less.groupWaits));
    const Warp &longer = w.registerChanges > first.registerChanges ? w : first, &shorter = &longer == &w ? first : w;
    if (w.registerChanges != first.registerChanges)
      report("TK-SIM-SETMAXNREG", Severity::Error, &shorter, ~0u, longer.registerPc, 3,
             formatv("all four warps of a warpgroup must execute the same setmaxnreg, {0} executed {1}, {2} {3}",
                     nameWarp(longer), longer.registerChanges, nameWarp(shorter), shorter.registerChanges));
  }
}

/// An ordinary instruction names registers that some wgmma uses.
void Cta::wgmmaTouch(Warp &w, const Inst &in, uint32_t mask) {
  auto touch = [&](const Opnd &o, bool write) {
    if (!o.present() || o.isConst())
      return;
    w.dirty[o.idx] |= write ? 2 : 1;
    w.anyDirty = true;
    if (!w.inFlight[o.idx])
      return;
    uint32_t other = flightPc(w, w.inFlight[o.idx]);
    std::string from = other ? " from " + place(other - 1) : std::string();
    report("TK-SIM-WGMMA-INFLIGHT", Severity::Error, &w, mask, pcOf(in), other,
           formatv("register '{0}' is {1} while the wgmma{2} that uses it is in flight; add a wgmma.wait_group that "
                   "covers it",
                   fn.regNames[o.idx], write ? "written" : "read", from));
  };
  bool vecIsDst = in.op == Op::Ld || in.op == Op::MovUnpack || in.op == Op::LdMatrix;
  for (const Opnd &o : in.s)
    touch(o, false);
  for (const Opnd &o : in.vec)
    touch(o, vecIsDst);
  touch(in.guard, false);
  if (in.op == Op::Mma || in.op == Op::WmmaLoad || in.op == Op::WmmaStore) {
    const MmaSpec &m = fn.mmas[in.target];
    for (auto *list : {&m.regsA, &m.regsB, &m.regsC})
      for (const Opnd &o : *list)
        touch(o, in.op == Op::WmmaLoad);
    for (const Opnd &o : m.regsD)
      touch(o, in.op == Op::Mma);
    touch(m.metadata, false);
    touch(m.stride, false);
  }
  if (in.op == Op::Call)
    for (bool isResult : {false, true})
      for (const Passed &p : isResult ? fn.calls[in.target].results : fn.calls[in.target].arguments)
        touch(p.reg, isResult);
  touch(in.d, true);
  touch(in.d2, true);
}

void Cta::checkExit() {
  for (Warp &w : warps) {
    if (w.live || (w.groups.empty() && w.uncommittedFrom > w.issued) || !w.issued)
      continue;
    WarpgroupState &g = groups[w.index / 4];
    uint32_t sequence = w.groups.empty() ? w.uncommittedFrom : w.groups.front().second;
    uint32_t at = sequence - g.firstSequence;
    uint32_t pc = at < g.ops.size() ? g.ops[at].pc : 0;
    report("TK-SIM-WGMMA-UNWAITED", Severity::Error, &w, ~0u, pc, 0,
           formatv("{0} exits with {1} wgmma group(s) not waited for{2}; add wgmma.wait_group 0", nameWarp(w),
                   w.groups.size(), w.uncommittedFrom <= w.issued ? " and wgmmas never committed" : ""));
    w.groups.clear();
    w.uncommittedFrom = w.issued + 1;
  }
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

void Cta::executeOps(unsigned group, uint32_t upTo) {
  WarpgroupState &g = groups[group];
  while (g.nextDone <= upTo && g.nextDone - g.firstSequence < g.ops.size()) {
    WgmmaOp &op = g.ops[g.nextDone - g.firstSequence];
    if (op.issued != 15)
      break;
    executeOp(group, op);
    op.done = true;
    ++g.nextDone;
  }
  // The last one stays: reports name it.
  while (g.ops.size() > 32 && g.ops.front().done) {
    g.ops.pop_front();
    ++g.firstSequence;
  }
}

/// Now and then an operation that is allowed to goes ahead of its wait.
void Cta::maybeProgress() {
  for (unsigned i = 0; i < groups.size(); ++i) {
    WarpgroupState &g = groups[i];
    uint32_t at = g.nextDone - g.firstSequence;
    if (at < g.ops.size() && g.ops[at].issued == 15 && g.ops[at].early && rng.below(4) == 0)
      executeOps(i, g.nextDone);
  }
}

static const float *halfTable() {
  static const std::vector<float> table = [] {
    std::vector<float> t(65536);
    for (unsigned i = 0; i < 65536; ++i)
      t[i] = float(decodeReal(i, Ty::F16));
    return t;
  }();
  return table.data();
}

float halfValue(uint16_t bits) { return halfTable()[bits]; }

/// The elements of 16 bytes; returns how many.
static unsigned decodeChunk(const uint8_t *p, Ty ty, double *out) {
  switch (ty) {
  case Ty::BF16:
  case Ty::F16:
    for (unsigned i = 0; i < 8; ++i) {
      uint16_t v;
      memcpy(&v, p + 2 * i, 2);
      out[i] = decodeReal(v, ty);
    }
    return 8;
  case Ty::TF32:
    for (unsigned i = 0; i < 4; ++i) {
      uint32_t v;
      memcpy(&v, p + 4 * i, 4);
      out[i] = std::bit_cast<float>(v & ~0x1fffu);
    }
    return 4;
  case Ty::S8:
    for (unsigned i = 0; i < 16; ++i)
      out[i] = int8_t(p[i]);
    return 16;
  case Ty::U8:
    for (unsigned i = 0; i < 16; ++i)
      out[i] = p[i];
    return 16;
  case Ty::B1:
    for (unsigned i = 0; i < 128; ++i)
      out[i] = p[i / 8] >> (i % 8) & 1;
    return 128;
  default:
    for (unsigned i = 0; i < 16; ++i)
      out[i] = decodeReal(p[i], ty);
    return 16;
  }
}

/// Where an element lies in the panels. Each of A is there for the four lanes of its row; B lies as
/// [block][parity][k][q].
static double *placeInA(double *panel, unsigned k, unsigned row, unsigned at) {
  return panel + ((row / 8) * k + at) * 32 + 4 * (row % 8);
}
static double *placeInB(double *panel, unsigned k, unsigned column, unsigned at) {
  return panel + (((column / 8) * 2 + column % 2) * k + at) * 4 + column % 8 / 2;
}
static void putInA(double *p, double x) { p[0] = p[1] = p[2] = p[3] = x; }

/// An operand from shared memory, a chunk at a time.
void Cta::gatherShared(const WgmmaSpec &s, bool isA, uint64_t desc, size_t at) {
  unsigned k = s.k;
  Ty ty = isA ? s.a : s.b;
  bool alongMn = isA ? s.transA : s.transB;
  double scale = isA ? s.scaleA : s.scaleB;
  double *panel = isA ? panelA.data() : panelB.data();
  const uint8_t *memory = shared.data() + at - ctx.sharedBase;
  if ((ty == Ty::BF16 || ty == Ty::F16) && scale == 1) {
    const uint8_t *chunks[256 * 16 / 8];
    const uint8_t **next = chunks;
    forEachChunk(s, isA, desc, [&](uint64_t a, unsigned, unsigned) {
      *next++ = memory + a;
      return true;
    });
    laneOps().gather({panel, chunks, isA ? 64u : s.n, k, isA, alongMn, ty == Ty::F16});
    return;
  }
  forEachChunk(s, isA, desc, [&](uint64_t a, unsigned mn, unsigned kk) {
    double v[128];
    unsigned n = decodeChunk(memory + a, ty, v);
    for (unsigned i = 0; i < n; ++i) {
      unsigned row = mn + (alongMn ? i : 0), step = kk + (alongMn ? 0 : i);
      if (isA)
        putInA(placeInA(panel, k, row, step), v[i] * scale);
      else
        *placeInB(panel, k, row, step) = v[i] * scale;
    }
    return true;
  });
}

/// A from registers. Returns the warps whose fragments hold poison; `poison` gets the lanes whose rows do.
uint32_t Cta::gatherRegisters(unsigned group, const WgmmaSpec &s, uint32_t poison[4]) {
  unsigned k = s.k, perReg = 32 / bitsOfElement(s.a);
  uint32_t any = 0;
  for (unsigned wi = 0; wi < 4; ++wi) {
    Warp &w = warps[group * 4 + wi];
    uint32_t bad = 0;
    for (unsigned r = 0; r < 4; ++r) {
      const uint32_t *regs = ptr(w, s.aRegs[r]);
      bad |= w.poison[s.aRegs[r].idx];
      for (unsigned l = 0; l < 32; ++l)
        for (unsigned e = 0; e < perReg; ++e) {
          // Register r: rows + 8 for odd r, second half of k for r >= 2.
          unsigned row = 16 * wi + l / 4 + 8 * (r & 1), at = perReg * (l % 4) + e + 4 * perReg * (r >> 1);
          uint32_t v = regs[l];
          double x;
          switch (s.a) {
          case Ty::BF16: x = std::bit_cast<float>(v >> (16 * e) << 16); break;
          case Ty::F16: x = halfTable()[v >> (16 * e) & 0xffff]; break;
          case Ty::TF32: x = std::bit_cast<float>(v & ~0x1fffu); break;
          case Ty::S8: x = int8_t(v >> (8 * e)); break;
          case Ty::U8: x = uint8_t(v >> (8 * e)); break;
          case Ty::B1: x = v >> e & 1; break;
          default: x = decodeReal(v >> (8 * e) & 0xff, s.a);
          }
          putInA(placeInA(panelA.data(), k, row, at), x * s.scaleA);
        }
    }
    // A poisoned element spoils its whole row: the four lanes of its group.
    uint32_t rows = bad | bad >> 1;
    rows = (rows | rows >> 2) & 0x11111111u;
    poison[wi] = rows * 15;
    any |= uint32_t(bad != 0) << wi;
  }
  return any;
}

/// Integer products: exact in double, then wrapped or clamped to 32 bits. That of single bits is their .and.
void Cta::executeInteger(unsigned group, const WgmmaSpec &s, bool scaleD) {
  unsigned k = s.k;
  for (unsigned wi = 0; wi < 4; ++wi) {
    Warp &w = warps[group * 4 + wi];
    for (unsigned i = 0; i < s.n / 2u; ++i) {
      uint32_t *d = reg(w, s.acc[i]);
      unsigned half = i >> 1 & 1, block = i >> 2, parity = i & 1;
      const double *a = &panelA[(wi * 2 + half) * k * 32], *b = &panelB[(block * 2 + parity) * k * 4];
      for (unsigned l = 0; l < 32; ++l) {
        double sum = scaleD ? int32_t(d[l]) : 0;
        for (unsigned kk = 0; kk < k; ++kk)
          sum += a[kk * 32 + l] * b[kk * 4 + l % 4];
        if (s.satfinite)
          sum = std::min(std::max(sum, -2147483648.0), 2147483647.0);
        d[l] = uint32_t(int64_t(sum));
      }
    }
  }
}

/// One step of the tensor core over the panels, for each element of the accumulator.
void Cta::sumLikeH100(const WgmmaSpec &s, float *const *rows, bool scaleD) const {
  TensorModel model(s.a, s.b, s.d);
  unsigned k = s.k;
  for (unsigned wi = 0; wi < 4; ++wi)
    for (unsigned i = 0; i < s.n / 2u; ++i) {
      float *d = rows[wi * (s.n / 2) + i];
      const double *a = &panelA[(wi * 2 + (i >> 1 & 1)) * k * 32], *b = &panelB[((i >> 2) * 2 + (i & 1)) * k * 4];
      for (unsigned l = 0; l < 32; ++l) {
        float sum = float(model.sum(a + l, 32, b + l % 4, 4, k, scaleD ? d[l] : 0));
        d[l] = std::isnan(sum) ? std::bit_cast<float>(0x7fffffffu) : sum;
      }
    }
}

void Cta::executeOp(unsigned group, WgmmaOp &op) {
  const WgmmaSpec &s = fn.wgmmas[code[op.pc].target];
  panelA.resize(8u * s.k * 32);
  panelB.resize(size_t(s.n / 8) * 2 * s.k * 4);
  uint32_t poison[4] = {0, 0, 0, 0};
  if (s.aInRegisters)
    gatherRegisters(group, s, poison);
  else
    gatherShared(s, true, op.descA, warps[group * 4].sharedAt);
  gatherShared(s, false, op.descB, warps[group * 4].sharedAt);
  counters.tensorFlop += 2ull * 64 * s.n * s.k;
  counters.sharedRead += (s.aInRegisters ? 0 : 64ull * 32) + uint64_t(s.n) * 32;
  for (unsigned wi = 0; wi < 4; ++wi) {
    Warp &w = warps[group * 4 + wi];
    for (const Opnd &o : s.acc)
      w.poison[o.idx] = poison[wi] | (op.scaleD ? w.poison[o.idx] : 0);
  }
  if (s.d == Ty::S32)
    return executeInteger(group, s, op.scaleD);
  float *rows[4 * 128];
  std::vector<float> unpacked;
  unsigned half = s.n / 2;
  if (s.d == Ty::F16) {
    unpacked.resize(size_t(4) * half * 32);
    for (unsigned wi = 0; wi < 4; ++wi)
      for (unsigned i = 0; i < half; ++i) {
        const uint32_t *r = ptr(warps[group * 4 + wi], s.acc[i / 2]);
        float *f = rows[wi * half + i] = &unpacked[(size_t(wi) * half + i) * 32];
        for (unsigned l = 0; l < 32; ++l)
          f[l] = halfTable()[r[l] >> (16 * (i & 1)) & 0xffff];
      }
  } else
    for (unsigned wi = 0; wi < 4; ++wi)
      for (unsigned i = 0; i < half; ++i)
        rows[wi * half + i] = reinterpret_cast<float *>(reg(warps[group * 4 + wi], s.acc[i]));
  if (ctx.options.numerics == Numerics::H100)
    sumLikeH100(s, rows, op.scaleD);
  else
    laneOps().panel({panelA.data(), panelB.data(), rows, s.n, s.k, op.scaleD, s.d == Ty::F16});
  if (s.d != Ty::F16)
    return;
  for (unsigned wi = 0; wi < 4; ++wi)
    for (unsigned i = 0; i < half; i += 2) {
      uint32_t *r = reg(warps[group * 4 + wi], s.acc[i / 2]);
      for (unsigned l = 0; l < 32; ++l)
        r[l] = uint32_t(encodeReal(rows[wi * half + i][l], Ty::F16, Round::Rn)) |
               uint32_t(encodeReal(rows[wi * half + i + 1][l], Ty::F16, Round::Rn)) << 16;
    }
}

} // namespace tk::sim
