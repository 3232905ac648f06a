//===- Cfg.cpp - Reconvergence points -------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Threads of a warp that part at a branch meet again at its immediate post-dominator. Post-dominators are found on
/// basic blocks by the iterative algorithm of Cooper, Harvey and Kennedy, with one virtual exit.
///
//===----------------------------------------------------------------------===//

#include "Ptx.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk::sim {

static bool endsBlock(const Inst &i) {
  return i.op == Op::Bra || i.op == Op::BrxIdx || i.op == Op::Exit || i.op == Op::Trap || i.op == Op::Ret;
}

namespace {
struct Graph {
  std::vector<uint32_t> starts; ///< First instruction of each block.
  std::vector<SmallVector<uint32_t, 2>> succ, pred;
};
} // namespace

static Graph buildGraph(const std::vector<Inst> &code) {
  std::vector<bool> leader(code.size() + 1);
  leader[0] = true;
  for (size_t i = 0; i < code.size(); ++i) {
    if (!endsBlock(code[i]))
      continue;
    leader[i + 1] = true;
    if (code[i].op == Op::Bra)
      leader[code[i].target] = true;
    for (uint32_t t : code[i].targets)
      leader[t] = true;
  }
  Graph g;
  std::vector<uint32_t> blockOf(code.size());
  for (size_t i = 0; i < code.size(); ++i) {
    if (leader[i])
      g.starts.push_back(uint32_t(i));
    blockOf[i] = uint32_t(g.starts.size() - 1);
  }
  uint32_t exit = uint32_t(g.starts.size());
  g.succ.resize(exit + 1);
  g.pred.resize(exit + 1);
  auto edge = [&](uint32_t from, uint32_t to) {
    if (!is_contained(g.succ[from], to)) {
      g.succ[from].push_back(to);
      g.pred[to].push_back(from);
    }
  };
  for (uint32_t bb = 0; bb < exit; ++bb) {
    size_t last = (bb + 1 < exit ? g.starts[bb + 1] : code.size()) - 1;
    const Inst &i = code[last];
    bool guarded = i.guard.present();
    if (i.op == Op::Bra)
      edge(bb, blockOf[i.target]);
    for (uint32_t t : i.targets)
      edge(bb, blockOf[t]);
    bool leaves = i.op == Op::Exit || i.op == Op::Trap || i.op == Op::Ret;
    if (leaves)
      edge(bb, exit);
    if (!endsBlock(i) || guarded)
      edge(bb, last + 1 < code.size() ? blockOf[last + 1] : exit);
  }
  return g;
}

/// Instructions that care which lanes are together.
static bool wantsConvergence(Op op) {
  switch (op) {
  case Op::Bar: case Op::BarWarp: case Op::Shfl: case Op::Vote: case Op::Match: case Op::Redux: case Op::Elect:
  case Op::ActiveMask: case Op::LdMatrix: case Op::StMatrix: case Op::MovMatrix: case Op::Mma: case Op::WmmaLoad:
  case Op::WmmaStore: case Op::WgmmaFence: case Op::WgmmaCommit: case Op::WgmmaWait: case Op::Wgmma: case Op::SetMaxNReg:
  case Op::TensormapCopy: case Op::ClusterArrive: case Op::ClusterWait:
    return true;
  default:
    return false;
  }
}

static bool wantsLanes(const Inst &i, const Function &fn, const std::vector<bool> &gathers) {
  if (i.op != Op::Call)
    return wantsConvergence(i.op);
  uint32_t callee = fn.calls[i.target].function;
  return callee == ~0u ? gathers.back() : gathers[callee];
}

bool hasGatheringInstruction(const Function &fn) {
  return any_of(fn.code, [](const Inst &i) { return wantsConvergence(i.op); });
}

/// Blocks from whose start some way leads to an instruction that wants lanes together.
static std::vector<bool> reachingGathers(const Graph &g, const Function &fn, const std::vector<bool> &gathers) {
  const std::vector<Inst> &code = fn.code;
  size_t exit = g.starts.size();
  std::vector<bool> reaches(exit + 1);
  SmallVector<uint32_t> work;
  for (uint32_t bb = 0; bb < exit; ++bb) {
    size_t end = bb + 1 < exit ? g.starts[bb + 1] : code.size();
    for (size_t i = g.starts[bb]; i < end && !reaches[bb]; ++i)
      reaches[bb] = wantsLanes(code[i], fn, gathers);
    if (reaches[bb])
      work.push_back(bb);
  }
  while (!work.empty())
    for (uint32_t p : g.pred[work.pop_back_val()])
      if (!reaches[p]) {
        reaches[p] = true;
        work.push_back(p);
      }
  return reaches;
}

/// Notes for each instruction whether lanes that stand at it may still come to one that wants lanes together. What the
/// caller of a device function does with them is not known here.
static void markGathers(Function &fn, const Graph &g, const std::vector<bool> &gathers, const std::vector<bool> &reaches) {
  for (uint32_t bb = 0; bb < g.starts.size(); ++bb) {
    size_t end = bb + 1 < g.starts.size() ? g.starts[bb + 1] : fn.code.size();
    bool can = any_of(g.succ[bb], [&](uint32_t s) { return bool(reaches[s]); });
    can |= fn.isDevice && is_contained(g.succ[bb], uint32_t(g.starts.size())) && fn.code[end - 1].op != Op::Exit;
    for (size_t i = end; i-- > g.starts[bb];)
      fn.code[i].canGather = can |= wantsLanes(fn.code[i], fn, gathers);
  }
}

/// The graph without early ways out: of a block from which some way leads to an instruction that wants lanes together,
/// only the ways that do are kept. `if (a) { if (b) return; f(); } g(); __syncthreads();` meets again at g(), as it
/// does on hardware, and not at the return.
static Graph withoutEarlyExits(const Graph &g, const std::vector<bool> &reaches) {
  size_t exit = g.starts.size();
  Graph r;
  r.starts = g.starts;
  r.succ.resize(exit + 1);
  r.pred.resize(exit + 1);
  for (uint32_t bb = 0; bb < exit; ++bb) {
    bool prune = any_of(g.succ[bb], [&](uint32_t t) { return reaches[t]; });
    for (uint32_t t : g.succ[bb])
      if (!prune || reaches[t]) {
        r.succ[bb].push_back(t);
        r.pred[t].push_back(bb);
      }
  }
  return r;
}

/// Immediate post-dominator of each block; ~0 for blocks that never reach the exit (endless loops): their threads
/// stay apart, which is legal.
static std::vector<uint32_t> postDominators(const Graph &g) {
  uint32_t exit = uint32_t(g.starts.size());
  std::vector<uint32_t> order(exit + 1, ~0u), post;
  std::vector<std::pair<uint32_t, unsigned>> stack = {{exit, 0}};
  std::vector<bool> seen(exit + 1);
  seen[exit] = true;
  while (!stack.empty()) {
    auto &[node, next] = stack.back();
    if (next < g.pred[node].size()) {
      uint32_t p = g.pred[node][next++];
      if (!seen[p]) {
        seen[p] = true;
        stack.push_back({p, 0});
      }
      continue;
    }
    order[node] = uint32_t(post.size());
    post.push_back(node);
    stack.pop_back();
  }
  std::vector<uint32_t> idom(exit + 1, ~0u);
  idom[exit] = exit;
  auto intersect = [&](uint32_t a, uint32_t b) {
    while (a != b) {
      while (order[a] < order[b])
        a = idom[a];
      while (order[b] < order[a])
        b = idom[b];
    }
    return a;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t node : reverse(post)) {
      if (node == exit)
        continue;
      uint32_t best = ~0u;
      for (uint32_t s : g.succ[node])
        if (idom[s] != ~0u)
          best = best == ~0u ? s : intersect(best, s);
      if (best != ~0u && idom[node] != best) {
        idom[node] = best;
        changed = true;
      }
    }
  }
  return idom;
}

/// Marks strong loads outside of loops: they wait for nothing. What a function reads may be in a loop of its caller.
static void markLoadsOutsideLoops(Function &fn, const Graph &g) {
  for (uint32_t bb = 0; bb < g.starts.size() && !fn.isDevice; ++bb) {
    auto from = fn.code.begin() + g.starts[bb];
    auto to = bb + 1 < g.starts.size() ? fn.code.begin() + g.starts[bb + 1] : fn.code.end();
    auto isStrongLoad = [](const Inst &i) { return i.op == Op::Ld && i.isVolatile; };
    if (std::none_of(from, to, isStrongLoad))
      continue;
    std::vector<bool> seen(g.succ.size());
    std::vector<uint32_t> work(g.succ[bb].begin(), g.succ[bb].end());
    while (!work.empty() && !seen[bb]) {
      uint32_t block = work.back();
      work.pop_back();
      if (seen[block])
        continue;
      seen[block] = true;
      append_range(work, g.succ[block]);
    }
    for (auto i = from; i != to; ++i)
      i->isOnce = isStrongLoad(*i) && !seen[bb];
  }
}

void computeReconvergence(Function &fn, const std::vector<bool> &gathers) {
  std::vector<Inst> &code = fn.code;
  Graph g = buildGraph(code);
  markLoadsOutsideLoops(fn, g);
  uint32_t exit = uint32_t(g.starts.size());
  std::vector<bool> reaches = reachingGathers(g, fn, gathers);
  markGathers(fn, g, gathers, reaches);
  std::vector<uint32_t> plain = postDominators(g), pruned = postDominators(withoutEarlyExits(g, reaches));
  for (uint32_t bb = 0; bb < exit; ++bb) {
    size_t last = (bb + 1 < exit ? g.starts[bb + 1] : code.size()) - 1;
    // Where all ways share real work, lanes meet there. Where they share nothing but the end of the kernel, they meet
    // where those that do not leave early do, or nowhere: others may wait until they have left.
    uint32_t d = plain[bb];
    bool onlyTheEnd = d == exit || (d != ~0u && (code[g.starts[d]].op == Op::Exit || code[g.starts[d]].op == Op::Ret) &&
                                    !code[g.starts[d]].guard.present());
    if (onlyTheEnd)
      d = pruned[bb];
    if (d != ~0u && d != exit)
      code[last].reconverge = g.starts[d];
  }
  // Only instructions that name a register of some wgmma need the in-flight check.
  llvm::sort(fn.wgmmaRegs);
  fn.wgmmaRegs.erase(llvm::unique(fn.wgmmaRegs), fn.wgmmaRegs.end());
  std::vector<bool> marked(fn.regCount);
  for (uint32_t r : fn.wgmmaRegs)
    marked[r] = true;
  auto check = [&](const Opnd &o) { return o.present() && !o.isConst() && marked[o.idx]; };
  for (Inst &i : code) {
    bool t = check(i.d) || check(i.d2) || check(i.guard);
    for (const Opnd &o : i.s)
      t |= check(o);
    for (const Opnd &o : i.vec)
      t |= check(o);
    if (i.op == Op::Mma || i.op == Op::WmmaLoad || i.op == Op::WmmaStore) {
      const MmaSpec &m = fn.mmas[i.target];
      t |= check(m.metadata) || check(m.stride);
      for (auto *list : {&m.regsA, &m.regsB, &m.regsC, &m.regsD})
        for (const Opnd &o : *list)
          t |= check(o);
    }
    if (i.op == Op::Call)
      for (auto *list : {&fn.calls[i.target].arguments, &fn.calls[i.target].results})
        t |= any_of(*list, [&](const Passed &p) { return check(p.reg); });
    i.touchesWgmma = t && i.op != Op::Wgmma;
  }
}

} // namespace tk::sim
