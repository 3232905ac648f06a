//===- SchedulePair.h - Two schedules that differ in one decision -*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Two seeds differ in every decision, and their outputs say only that some order matters. A
/// schedule that takes its decisions from one seed up to a place and from the other behind it lies
/// between the two; halving the distance ends at two schedules that differ in one decision and
/// still have unlike outputs (as Zeller's isolation of failure-inducing thread schedules does).
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_SCHEDULEPAIR_H
#define TK_LIB_SIM_SCHEDULEPAIR_H

#include "LaunchRun.h"

namespace tk::sim {

/// One run of the launch file.
struct ScheduledRun {
  Report report;
  std::map<std::string, LaunchOutput> outputs;
  std::vector<uint64_t> ctas; ///< Of each launch.
};

class SchedulePair {
public:
  using RunFn = llvm::function_ref<llvm::Expected<ScheduledRun>(const Options &)>;
  /// `buffer` differs between the two seeds.
  SchedulePair(RunFn run, const Options &options, uint64_t seed, uint64_t other, std::string buffer)
      : run(run), options(options), seed(seed), other(other), buffer(std::move(buffer)) {}
  /// Lines for the finding: the decision in which the two differ and how to replay them, or why
  /// there is no such pair.
  llvm::Expected<std::vector<std::string>> find();

private:
  /// The buffer where decisions from `at` on are the other seed's.
  llvm::Expected<ScheduledRun> runAt(Decision at, std::optional<Decision> watch = std::nullopt);
  /// The first place in [lo, hi) such that it and the next differ, as `place` makes one of a
  /// number. Outputs at `lo` and `hi` differ, and `last` is the one at `hi`.
  llvm::Expected<uint64_t> halve(uint64_t lo, uint64_t hi, ScheduledRun &last,
                                 llvm::function_ref<Decision(uint64_t)> place);
  bool differ(const ScheduledRun &a, const ScheduledRun &b) const;
  bool isTimeUp() const {
    return std::chrono::steady_clock::now() >= deadline || (options.interrupted && *options.interrupted);
  }
  std::vector<std::string> describe(Decision at, const ScheduledRun &first,
                                    const ScheduledRun &second) const;

  RunFn run;
  Options options;
  uint64_t seed, other;
  std::string buffer;
  std::chrono::steady_clock::time_point deadline;
};

} // namespace tk::sim

#endif // TK_LIB_SIM_SCHEDULEPAIR_H
