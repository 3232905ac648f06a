//===- SchedulePair.cpp - Two schedules that differ in one decision -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SchedulePair.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

/// Where nobody set a limit.
static constexpr std::chrono::seconds kPatience(60);

Expected<ScheduledRun> SchedulePair::runAt(Decision at, std::optional<Decision> watch) {
  Options mine = options;
  mine.seed = seed;
  mine.then = SeedSwitch{other, at};
  mine.watch = watch ? watch : at;
  return run(mine);
}

bool SchedulePair::differ(const ScheduledRun &a, const ScheduledRun &b) const {
  auto left = a.outputs.find(buffer), right = b.outputs.find(buffer);
  // What was cut short has no outputs, and says nothing.
  return left != a.outputs.end() && right != b.outputs.end() &&
         firstDifference(left->second, right->second).has_value();
}

Expected<uint64_t> SchedulePair::halve(uint64_t lo, uint64_t hi, ScheduledRun &last,
                                       function_ref<Decision(uint64_t)> place) {
  while (hi - lo > 1 && !isTimeUp()) {
    uint64_t middle = lo + (hi - lo) / 2;
    Expected<ScheduledRun> now = runAt(place(middle));
    if (!now)
      return now.takeError();
    if (differ(*now, last)) {
      lo = middle;
    } else {
      hi = middle;
      last = std::move(*now);
    }
  }
  return lo;
}

static std::string spell(uint64_t seed, Decision at) {
  return formatv("{0}@{1}:{2}:{3}", seed, at.launch, at.stream, at.number).str();
}

std::vector<std::string> SchedulePair::describe(Decision at, const ScheduledRun &first,
                                                const ScheduledRun &second) const {
  Decision next = at;
  ++next.number;
  std::vector<std::string> lines;
  lines.push_back(
      formatv("one decision makes the difference: number {0} {1}{2}", at.number,
              at.stream ? formatv("in CTA {0}", at.stream - 1).str() : "of the order of CTAs",
              at.launch ? formatv(" of launch {0}", at.launch).str() : "")
          .str());
  for (auto &[run, place] : {std::pair(&second, next), std::pair(&first, at)})
    lines.push_back(formatv("--seed {0} --then {1}: {2}", seed, spell(other, place),
                            run->report.decision.empty() ? "none is made" : run->report.decision)
                        .str());
  // They need not differ where the two seeds did.
  if (auto d = firstDifference(second.outputs.at(buffer), first.outputs.at(buffer)))
    lines.push_back(formatv("with these two {0} is the first that differs: {1}, then {2}", d->where,
                            d->left, d->right)
                        .str());
  return lines;
}

Expected<std::vector<std::string>> SchedulePair::find() {
  options.threads = 1; // Where CTAs race, so do host threads.
  options.trace = false;
  deadline = options.deadline.value_or(std::chrono::steady_clock::now() + kPatience);
  Options whole = options;
  whole.seed = seed;
  Expected<ScheduledRun> last = run(whole);
  if (!last)
    return last.takeError();
  Expected<ScheduledRun> first = runAt({});
  if (!first)
    return first.takeError();
  if (!differ(*first, *last) && isTimeUp())
    return std::vector<std::string>{"which decision makes the difference was not found in the time there was"};
  if (!differ(*first, *last))
    return std::vector<std::string>{"on one host thread (--threads 1) the two seeds agree"};
  std::vector<uint64_t> ctas = last->ctas;
  Decision at;
  auto narrow = [&](uint64_t end, function_ref<void(Decision &, uint64_t)> set) -> Error {
    Expected<uint64_t> found = halve(0, end, *last, [&](uint64_t n) {
      Decision d = at;
      set(d, n);
      return d;
    });
    if (!found)
      return found.takeError();
    set(at, *found);
    return Error::success();
  };
  if (Error e = narrow(ctas.size(), [](Decision &d, uint64_t n) { d.launch = uint32_t(n); }))
    return std::move(e);
  if (Error e = narrow(ctas[at.launch] + 1, [](Decision &d, uint64_t n) { d.stream = n; }))
    return std::move(e);
  // How many decisions that stream has where they are all the first seed's.
  Decision behind = at;
  ++behind.stream;
  Expected<ScheduledRun> counted = runAt(behind, at);
  if (!counted)
    return counted.takeError();
  if (Error e = narrow(counted->report.decisions, [](Decision &d, uint64_t n) { d.number = n; }))
    return std::move(e);
  Expected<ScheduledRun> one = runAt(at);
  if (!one)
    return one.takeError();
  Decision next = at;
  ++next.number;
  Expected<ScheduledRun> two = runAt(next, at);
  if (!two)
    return two.takeError();
  if (!differ(*one, *two))
    return std::vector<std::string>{
        formatv("no two schedules that differ in one decision were found in the time there was; "
                "the nearest go over at {0}",
                spell(other, at))
            .str()};
  return describe(at, *one, *two);
}

} // namespace tk::sim
