//===- Findings.cpp - What the simulator can find -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/Findings.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk::sim {

static constexpr FindingKind kKinds[] = {
    {"TK-SIM-ASSERT", Check::Always, Severity::Error, "an assert of the kernel failed"},
    {"TK-SIM-BARRIER-COUNT", Check::Always, Severity::Error, "threads disagree on a barrier's count, or exceed it"},
    {"TK-SIM-BARRIER-DEADLOCK", Check::Always, Severity::Error, "no warp can go on"},
    {"TK-SIM-BARRIER-DIVERGENT", Check::Barrier, Severity::Error, "an aligned instruction without the whole warp"},
    {"TK-SIM-BRANCH-DIVERGENT", Check::Barrier, Severity::Warning, "a .uni branch at which threads part"},
    {"TK-SIM-BRANCH-RANGE", Check::Always, Severity::Error, "brx.idx beyond its list"},
    {"TK-SIM-BUFFER-TYPE", Check::Always, Severity::Note, "a .npy file of wider elements than the kernel accesses"},
    {"TK-SIM-BULK-DUPLICATE", Check::Barrier, Severity::Warning, "the same bulk copy from several lanes"},
    {"TK-SIM-BULK-UNWAITED", Check::Barrier, Severity::Error, "a bulk copy that nobody waited for"},
    {"TK-SIM-CALL-RETURN", Check::Always, Severity::Error, "a .noreturn function returns"},
    {"TK-SIM-CALL-TARGET", Check::Always, Severity::Error, "a call of what is no fitting function"},
    {"TK-SIM-CLUSTER-EXIT", Check::Always, Severity::Error, "a CTA exits while peers may touch its shared memory"},
    {"TK-SIM-CLUSTER-RANK", Check::Always, Severity::Error, "a rank outside the cluster, or the wrong CTA's memory"},
    {"TK-SIM-CLUSTER-START", Check::Race, Severity::Error, "a peer's shared memory before it is known to run"},
    {"TK-SIM-CONST-ZERO", Check::Always, Severity::Note, "a constant that neither the PTX nor the launch file gives a value"},
    {"TK-SIM-EXPECT", Check::Always, Severity::Error, "a buffer is not as the launch file expects"},
    {"TK-SIM-HEAP-FREE", Check::Always, Severity::Error, "free of what malloc did not give, or twice"},
    {"TK-SIM-HEAP-FULL", Check::Always, Severity::Note, "malloc gave null"},
    {"TK-SIM-INTERNAL", Check::Fixed, Severity::Error, "the simulator contradicts itself: report it"},
    {"TK-SIM-MATRIX-OPERAND", Check::Always, Severity::Error, "wmma's address or stride, or metadata of mma.sp, that means nothing"},
    {"TK-SIM-MBARRIER-COUNT", Check::Barrier, Severity::Error, "more arrivals than the phase expects, or a count out of range"},
    {"TK-SIM-MBARRIER-FENCE", Check::Barrier, Severity::Warning, "a peer uses an mbarrier whose init no fence published"},
    {"TK-SIM-MBARRIER-INVALID", Check::Always, Severity::Error, "use of what is no mbarrier"},
    {"TK-SIM-MBARRIER-LAPPED", Check::Barrier, Severity::Error, "a phase passed that nobody had seen complete"},
    {"TK-SIM-MBARRIER-LIVE", Check::Barrier, Severity::Error, "init or ordinary access of a live mbarrier"},
    {"TK-SIM-MBARRIER-PENDING", Check::Barrier, Severity::Note, "the end in the midst of a phase"},
    {"TK-SIM-MBARRIER-PHASE", Check::Barrier, Severity::Error, "a state or parity of neither phase"},
    {"TK-SIM-MBARRIER-TX", Check::Barrier, Severity::Error, "bytes expected and bytes copied differ"},
    {"TK-SIM-MEM-MISALIGNED", Check::Memory, Severity::Error, "an address that is no multiple of the access"},
    {"TK-SIM-MEM-NC", Check::Race, Severity::Error, "ld.global.nc of what the same launch writes"},
    {"TK-SIM-MEM-OOB", Check::Memory, Severity::Error, "an access outside what is allocated"},
    {"TK-SIM-MEM-UNINIT", Check::Memory, Severity::Error, "a value that nobody wrote matters"},
    {"TK-SIM-NONDETERMINISTIC", Check::Always, Severity::Error, "outputs differ between seeds"},
    {"TK-SIM-PRINTF", Check::Always, Severity::Error, "a conversion that the device's printf does not know"},
    {"TK-SIM-RACE", Check::Race, Severity::Error, "two accesses with nothing to order them"},
    {"TK-SIM-RACE-CTA", Check::Race, Severity::Error, "accesses of two CTAs with nothing to order them"},
    {"TK-SIM-RACE-MATCH", Check::Race, Severity::Warning, "ordered only by match.sync, which orders no memory"},
    {"TK-SIM-RACE-PROXY", Check::Race, Severity::Error, "a generic and an asynchronous access without a proxy fence"},
    {"TK-SIM-RACE-PROXY-ISSUER", Check::Race, Severity::Note, "a proxy fence on the reader's side only"},
    {"TK-SIM-RACE-PROXY-REUSE", Check::Race, Severity::Warning, "a bulk load over generic reads without a proxy fence"},
    {"TK-SIM-RACE-SAME-VALUE", Check::Race, Severity::Warning, "two writes of one value with nothing to order them"},
    {"TK-SIM-RACE-SCOPE", Check::Race, Severity::Error, "accesses ordered by too narrow a scope"},
    {"TK-SIM-RACE-VOLATILE", Check::Race, Severity::Warning, "a volatile read that relies on lanes in step"},
    {"TK-SIM-SETMAXNREG", Check::Barrier, Severity::Error, "register counts that setmaxnreg does not allow"},
    {"TK-SIM-STACK", Check::Always, Severity::Error, "a thread's stack is full, or restored to nowhere"},
    {"TK-SIM-STEP-LIMIT", Check::Fixed, Severity::Error, "more instructions than --max-steps allows"},
    {"TK-SIM-STOPPED", Check::Fixed, Severity::Error, "a fault whose finding is switched off ended the CTA"},
    {"TK-SIM-TENSORMAP", Check::Always, Severity::Error, "no tensor map, or none that can be used so"},
    {"TK-SIM-TIMEOUT", Check::Fixed, Severity::Error, "more time than --timeout allows, or Ctrl-C"},
    {"TK-SIM-TMA-COORD", Check::Always, Severity::Error, "a store at a negative coordinate"},
    {"TK-SIM-TMA-NUMERICS", Check::Memory, Severity::Warning, "values that a TF32 or flushing map may change"},
    {"TK-SIM-TMA-SWIZZLE", Check::Memory, Severity::Warning, "a box that does not start where its swizzle repeats"},
    {"TK-SIM-TRAP", Check::Always, Severity::Error, "the kernel executed trap"},
    {"TK-SIM-WARP-MASK", Check::Barrier, Severity::Error, "a member mask without the executing lane"},
    {"TK-SIM-WGMMA-DESCRIPTOR", Check::Wgmma, Severity::Error, "a descriptor that wgmma does not allow"},
    {"TK-SIM-WGMMA-FENCE", Check::Wgmma, Severity::Error, "registers touched with no wgmma.fence before the wgmma"},
    {"TK-SIM-WGMMA-GROUP", Check::Wgmma, Severity::Error, "the warps of a warpgroup disagree"},
    {"TK-SIM-WGMMA-INFLIGHT", Check::Wgmma, Severity::Error, "registers touched while a wgmma uses them"},
    {"TK-SIM-WGMMA-UNWAITED", Check::Wgmma, Severity::Error, "the end, or a return, with wgmmas pending"},
};

ArrayRef<FindingKind> findingKinds() { return kKinds; }

const FindingKind *findFindingKind(StringRef name) {
  const FindingKind *kind = find_if(kKinds, [&](const FindingKind &k) { return k.name == name; });
  return kind == std::end(kKinds) ? nullptr : kind;
}

static bool isLookedFor(Check check, const Options &o) {
  switch (check) {
  case Check::Fixed:
  case Check::Always: return true;
  case Check::Memory: return o.checkMemory;
  case Check::Race: return o.checkRaces;
  case Check::Wgmma: return o.checkWgmma;
  case Check::Barrier: return o.checkBarriers;
  }
  return true;
}

std::optional<Severity> gradeOf(const Options &options, StringRef name, Severity severity) {
  const FindingKind *kind = findFindingKind(name);
  assert(kind && "a finding without an entry in the table");
  if (kind && !isLookedFor(kind->check, options))
    return std::nullopt;
  auto grade = options.grades.find(name.str());
  return grade == options.grades.end() ? severity : grade->second;
}

} // namespace tk::sim
