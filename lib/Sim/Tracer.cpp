//===- Tracer.cpp - What warps do, in order -------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tracer.h"
#include "Machine.h"

using namespace llvm;

namespace tk::sim {

ArrayRef<StringRef> Timeline::kinds() {
  // By Class, then by Frag::State without Run.
  static constexpr StringRef names[] = {"integer",
                                        "float",
                                        "convert",
                                        "move",
                                        "memory",
                                        "control",
                                        "barrier",
                                        "warp",
                                        "matrix",
                                        "wgmma",
                                        "async",
                                        "waits at a barrier",
                                        "waits for lanes of its warp",
                                        "waits for the others' wgmma",
                                        "waits for an mbarrier",
                                        "waits for registers",
                                        "waits for the cluster"};
  static_assert(kFirstWait == unsigned(Class::Count));
  static_assert(std::size(names) == kFirstWait + Frag::AtCluster);
  return names;
}

void Tracer::extend(unsigned warp, uint32_t kind, uint32_t pc, uint32_t from, uint32_t to,
                    bool samePc) {
  if (last.size() <= warp)
    last.resize(warp + 1);
  if (last[warp]) {
    Timeline::Span &span = timeline.spans[last[warp] - 1];
    if (span.kind == kind && (samePc ? span.ptxLine == pc : span.to == from)) {
      span.to = to;
      return;
    }
  }
  if (timeline.spans.size() == kSpans) {
    timeline.isCut = true;
    return;
  }
  timeline.spans.push_back({warp, kind, from, to, pc});
  last[warp] = timeline.spans.size();
}

void Tracer::ran(unsigned warp, Class cls, uint32_t pc) {
  if (timeline.isCut)
    return;
  extend(warp, uint32_t(cls), pc, now, now + 1, /*samePc=*/false);
  ++now;
}

void Tracer::waits(unsigned warp, unsigned state, uint32_t pc) {
  if (!timeline.isCut)
    extend(warp, Timeline::kFirstWait + state - 1, pc, now, now, /*samePc=*/true);
}

Timeline Tracer::finish(ArrayRef<Inst> code) const {
  Timeline result = timeline;
  for (Timeline::Span &span : result.spans)
    span.ptxLine = span.ptxLine < code.size() ? code[span.ptxLine].line : 0;
  result.end = now;
  return result;
}

} // namespace tk::sim
