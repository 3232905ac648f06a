//===- Targets.cpp - Which .version and .target have an instruction -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What ptxas 13.0 asks for, of the families that came after sm_70. Finer demands, of single types and modifiers, are
/// not checked.
///
//===----------------------------------------------------------------------===//

#include "ParserImpl.h"

using namespace llvm;

namespace tk::sim {

namespace {
struct Requirement {
  StringRef name; ///< Of an instruction as far as it goes, or of a modifier.
  unsigned version, target;
  bool isForOneTarget = false; ///< With the suffix 'a'.
};
} // namespace

static constexpr Requirement kInstructions[] = {
    {"ldmatrix", 65, 75},
    {"movmatrix", 78, 75},
    {"stmatrix", 78, 90},
    {"redux", 70, 80},
    {"elect", 80, 90},
    {"mbarrier.try_wait", 78, 90},
    {"mbarrier.expect_tx", 80, 90},
    {"mbarrier.complete_tx", 80, 90},
    {"mbarrier.arrive.expect_tx", 80, 90},
    {"mbarrier.arrive_drop.expect_tx", 80, 90},
    {"mbarrier", 70, 80},
    {"cp.async.bulk", 80, 90},
    {"cp.reduce.async.bulk", 80, 90},
    {"cp.async", 70, 80},
    {"createpolicy", 74, 80},
    {"applypriority", 74, 80},
    {"discard", 74, 80},
    {"wgmma", 80, 90, true},
    {"setmaxnreg", 80, 90, true},
    {"tensormap.replace", 83, 90, true},
    {"tensormap", 83, 90},
    {"mapa", 78, 90},
    {"getctarank", 78, 90},
    {"barrier.cluster", 78, 90},
    {"griddepcontrol", 78, 90},
    {"st.async", 81, 90},
    {"red.async", 81, 90},
    {"multimem", 81, 90},
    {"fence.mbarrier_init", 80, 90},
    {"fence.proxy.async", 80, 90},
    {"fence.proxy.tensormap::generic", 83, 90},
    {"prefetch.tensormap", 80, 90},
};

static constexpr Requirement kModifiers[] = {
    {"shared::cluster", 78, 90},
    {"cluster", 78, 90},
};

static const Requirement *requirementOf(const RawInst &raw) {
  for (const Requirement &r : kInstructions)
    if (StringRef rest = raw.word; rest.consume_front(r.name) && (rest.empty() || rest[0] == '.' || rest[0] == ':'))
      return &r;
  for (const Requirement &r : kModifiers)
    if (is_contained(raw.parts, r.name))
      return &r;
  return nullptr;
}

static std::string targetName(unsigned target, bool isForOneTarget) {
  return "sm_" + std::to_string(target) + (isForOneTarget ? "a" : "");
}

Failure checkTarget(const Module &module, const RawInst &raw) {
  const Requirement *r = requirementOf(raw);
  if (!r)
    return {};
  if (module.target < r->target || (r->isForOneTarget && !module.isForOneTarget))
    return {raw.pos, "'" + raw.word + "' needs .target " + targetName(r->target, r->isForOneTarget) + ", the PTX has " +
                         targetName(module.target, module.isForOneTarget)};
  if (module.version < r->version)
    return {raw.pos, "'" + raw.word + "' needs .version " + std::to_string(r->version / 10) + "." +
                         std::to_string(r->version % 10) + ", the PTX has " + std::to_string(module.version / 10) + "." +
                         std::to_string(module.version % 10)};
  return {};
}

} // namespace tk::sim
