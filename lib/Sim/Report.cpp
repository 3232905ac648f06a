//===- Report.cpp - Findings ----------------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "tk/Sim/Findings.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

unsigned Report::errors() const {
  return unsigned(count_if(findings, [](const Finding &f) { return f.severity == Severity::Error; }));
}

std::string Module::shownText(uint32_t line) const {
  std::string shown;
  StringRef rest = lineText(line);
  while (!rest.empty()) {
    auto [before, list] = rest.split('{');
    shown += before;
    if (before.size() == rest.size())
      break;
    size_t end = list.find_first_of("{};");
    bool isLong = end != StringRef::npos && list[end] == '}' && list.take_front(end).count(',') > 3;
    shown += '{';
    if (isLong) {
      StringRef all = list.take_front(end);
      shown += (all.split(',').first.trim() + " … " + all.rsplit(',').second.trim()).str();
      list = list.drop_front(end);
    }
    rest = list;
  }
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  return shown;
}

std::string Cta::place(uint32_t pc) const {
  if (pc >= code.size())
    return "?";
  const Inst &in = code[pc];
  std::string source = ctx.module->source(fn, in);
  return "line " + std::to_string(in.line) + (source.empty() ? "" : " (" + source + ")") + " '" +
         ctx.module->shownText(in.line) + "'";
}

std::string Cta::spaceAddress(uint64_t a, Space space) const {
  switch (space) {
  case Space::Shared:
  case Space::Cluster:
    return ctx.clusterSize > 1 ? formatv("shared address {0:x} of CTA rank {1}", a & 0xffffff, a >> 24).str()
                               : formatv("shared address {0:x}", a).str();
  case Space::Local: return formatv("local address {0:x}", a).str();
  case Space::Param: return formatv("parameter offset {0}", a).str();
  default: break;
  }
  Allocation *al = ctx.memory->find(a);
  if (al && a - al->base < al->bytes)
    return formatv("byte {0} of '{1}' ({2:x})", a - al->base, al->name, a).str();
  return formatv("global address {0:x}", a).str();
}

std::string Cta::nameWarp(const Warp &w) const {
  return (ctx.clusterSize > 1 ? "CTA rank " + std::to_string(w.cta) + " " : "") + "warp " + std::to_string(w.local);
}

bool Cta::seenBefore(const char *name, uint32_t pc, uint32_t other) {
  auto it = out->findingAt.find({name, pc, other});
  if (it == out->findingAt.end())
    return false;
  ++out->findings[it->second].second.count;
  return true;
}

Finding *Cta::report(const char *name, Severity severity, const Warp *w, uint32_t lanes, uint32_t pc, uint32_t other,
                     const Twine &message) {
  if (seenBefore(name, pc, other))
    return nullptr;
  std::optional<Severity> grade = gradeOf(ctx.options, name, severity);
  if (!grade)
    return nullptr;
  FindingKey key{name, pc, other};
  out->findingAt[key] = out->findings.size();
  out->findings.push_back({key, Finding()});
  Finding &f = out->findings.back().second;
  f.name = name;
  f.severity = *grade;
  f.message = message.str();
  if (pc < code.size()) {
    f.ptxLine = code[pc].line;
    f.ptxText = ctx.module->shownText(code[pc].line);
    f.source = ctx.module->source(fn, code[pc]);
  }
  f.cta = ctaOf(w ? w->cta : 0);
  f.warp = w ? w->local : 0;
  f.lanes = lanes;
  if (w && lanes)
    describeCalls(*w, unsigned(llvm::countr_zero(lanes)), f);
  return &f;
}

/// What the way between two accesses could go through: the last wait before this one, by `w` where
/// one warp makes it, and the first arrival after the other.
void Cta::describePaths(const Warp *w, unsigned lane, const Conflict &c, Finding &f) const {
  const Event &o = c.other;
  bool isSameThread = w && o.slot == w->index * 32 && !o.agent && !o.multi && c.otherLane == lane;
  if (isSameThread)
    return;
  uint32_t waited = w ? race.lastTaken(w->index) : RaceState::kUnknown;
  if (waited != RaceState::kUnknown)
    f.details.push_back("path to this: " + nameWarp(*w) +
                        (waited == RaceState::kNever ? " has waited for nothing before"
                                                     : " waited last at " + place(waited)));
  if (o.agent)
    return;
  const Warp &other = warps[o.slot / 32];
  RaceState::Gift gift = race.firstGift(other.index, o.clock);
  if (gift.pc == RaceState::kNever)
    f.details.push_back("path from the other: " + nameWarp(other) + " has arrived nowhere since");
  else if (gift.pc != RaceState::kUnknown)
    f.details.push_back(formatv("path from the other: {0} lanes {1:x} arrived next at {2}",
                                nameWarp(other), gift.lanes, place(gift.pc)));
}

bool Cta::poisoned(Warp &w, const Inst &in, uint32_t lanes, const char *what) {
  Finding *f = report("TK-SIM-MEM-UNINIT", Severity::Error, &w, lanes, pcOf(in), 2,
         formatv("an uninitialised value reaches {0} in lanes {1:x}; follow it to a register or to memory that no one "
                 "has written",
                 what, lanes));
  if (uint32_t stray = w.strayLanes & lanes; f && stray)
    f->details.push_back(formatv("lanes {0:x} of it last shuffled from lanes that do not take part in {1}: that gives no value",
                                 stray, place(w.strayPc)));
  return true;
}

const char *className(Class c) {
  switch (c) {
  case Class::Integer: return "integer";
  case Class::Float: return "float";
  case Class::Convert: return "convert";
  case Class::Move: return "move";
  case Class::Memory: return "memory";
  case Class::Control: return "control";
  case Class::Barrier: return "barrier";
  case Class::Warp: return "warp";
  case Class::Matrix: return "matrix";
  case Class::Wgmma: return "wgmma";
  case Class::Async: return "async";
  case Class::Count: break;
  }
  return "other";
}

} // namespace tk::sim
