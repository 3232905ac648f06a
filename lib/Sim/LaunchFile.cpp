//===- LaunchFile.cpp - Launch files over one seed or several -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "SchedulePair.h"
#include "tk/Sim/Findings.h"
#include "tk/Support/JSON.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tk::sim {

namespace {

/// The reports of several seeds as one. Findings are merged; banks, barriers and counters are the
/// first seed's.
class SeedMerger {
public:
  explicit SeedMerger(const Options &options)
      : grade(gradeOf(options, "TK-SIM-NONDETERMINISTIC", Severity::Error)) {}
  /// What a buffer held at the start.
  using StartFn = function_ref<Expected<LaunchOutput>(StringRef)>;
  Error add(ScheduledRun &&run, uint64_t seed, StartFn start);
  Report finish();
  /// The first buffer that differs, and with which seed.
  struct Unlike {
    std::string buffer, identity;
    uint64_t seed;
  };
  std::optional<Unlike> unlike;

private:
  void addFinding(Finding &&f, uint64_t seed);
  Error compareOutputs(const std::map<std::string, LaunchOutput> &outputs, uint64_t seed, StartFn start);

  std::optional<Severity> grade; ///< Of outputs that differ.
  Report all;
  uint64_t first = 0;
  std::map<std::string, LaunchOutput> firstOutputs;
  std::map<std::pair<int, std::string>, size_t>
      at; ///< By launch and identity: which of the findings.
  std::map<std::pair<int, std::string>, uint64_t> lastSeed;
};

} // namespace

void SeedMerger::addFinding(Finding &&f, uint64_t seed) {
  std::pair<int, std::string> key(f.launch, f.identity);
  auto [it, fresh] = at.try_emplace(key, all.findings.size());
  auto [last, isNew] = lastSeed.try_emplace(key, seed);
  if (fresh) {
    f.firstSeed = seed;
    f.seeds = 1;
    all.findings.push_back(std::move(f));
    return;
  }
  Finding &known = all.findings[it->second];
  known.count += f.count;
  known.seeds += last->second != seed;
  last->second = seed;
}

Error SeedMerger::compareOutputs(const std::map<std::string, LaunchOutput> &outputs, uint64_t seed, StartFn start) {
  if (!grade)
    return Error::success();
  for (auto &[name, now] : outputs) {
    auto known = firstOutputs.find(name);
    if (known == firstOutputs.end())
      continue;
    const LaunchOutput *left = &known->second, *right = &now;
    if (!left->data && !right->data)
      continue;
    LaunchOutput atStart;
    if (const LaunchOutput *&unchanged = !left->data ? left : right; !unchanged->data) {
      Expected<LaunchOutput> made = start(name);
      if (!made)
        return made.takeError();
      atStart = std::move(*made);
      unchanged = &atStart;
    }
    std::optional<OutputDifference> d = firstDifference(*left, *right);
    if (!d)
      continue;
    Finding f;
    f.name = f.identity = "TK-SIM-NONDETERMINISTIC";
    f.severity = *grade;
    f.identity += " " + name;
    f.message =
        formatv("{0} depends on the order in which warps and copies run: {1} is {2} with "
                "seed {3} and {4} "
                "with seed {5}; look for a missing wait or fence, or an atomic whose order shows",
                name, d->where, d->left, first, d->right, seed)
            .str();
    f.details.push_back(formatv("replay with --seed {0} and --seed {1}", first, seed).str());
    if (!unlike)
      unlike = Unlike{name, f.identity, seed};
    addFinding(std::move(f), seed);
  }
  return Error::success();
}

Error SeedMerger::add(ScheduledRun &&run, uint64_t seed, StartFn start) {
  Report &r = run.report;
  bool isFirst = !all.seeds++;
  std::vector<Finding> findings = std::move(r.findings);
  r.findings.clear();
  if (isFirst) {
    first = seed;
    firstOutputs = std::move(run.outputs);
    r.seeds = all.seeds;
    all = std::move(r);
  } else {
    all.threadInstructions += r.threadInstructions;
    all.seconds += r.seconds;
  }
  for (Finding &f : findings)
    addFinding(std::move(f), seed);
  return isFirst ? Error::success() : compareOutputs(run.outputs, seed, start);
}

Report SeedMerger::finish() {
  // As in a single report: errors first.
  std::vector<Finding> sorted;
  for (Severity s : {Severity::Error, Severity::Warning, Severity::Note})
    for (Finding &f : all.findings)
      if (f.severity == s)
        sorted.push_back(std::move(f));
  all.findings = std::move(sorted);
  return std::move(all);
}

static Error fail(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

static bool has(const Report &r, StringRef name) {
  return any_of(r.findings, [&](const Finding &f) { return f.name == name; });
}

namespace {

/// A launch file that was read, and how to run it.
class FileRun {
public:
  FileRun(const Program &program, const json::Object &root, StringRef name, StringRef folder,
          const RunOptions &how)
      : program(program), root(root), name(name), folder(folder),
        out(how.outDir.empty() ? folder : StringRef(how.outDir)), options(how.options) {}
  Expected<Report> runOnce() const;
  Expected<Report> runSeeds(SeedRange seeds) const;

private:
  /// `holdsAll`: also outputs that nothing has changed.
  Expected<ScheduledRun> runSeed(const Options &mine, bool writes, bool holdsAll) const;
  /// Says for outputs that differ in which decision that lies.
  Error addPair(const SeedMerger::Unlike &unlike, uint64_t first, Report &report) const;

  const Program &program;
  const json::Object &root;
  StringRef name, folder, out;
  const Options &options;
};

} // namespace

Expected<Report> FileRun::runOnce() const {
  LaunchRun run(program, options, name, folder, out);
  run.requireThen();
  Expected<Report> report = run.run(root);
  if (!report)
    return report;
  if (Error e = run.writeOutputs())
    return std::move(e);
  return report;
}

/// With outputs, unless it was cut short: what was differs from what was not, and says nothing.
Expected<ScheduledRun> FileRun::runSeed(const Options &mine, bool writes, bool holdsAll) const {
  LaunchRun run(program, mine, name, folder, out);
  if (!holdsAll)
    run.noteStart();
  Expected<Report> report = run.run(root);
  if (!report)
    return report.takeError();
  if (writes)
    if (Error e = run.writeOutputs())
      return std::move(e);
  ScheduledRun done{std::move(*report), {}, run.countCtas()};
  if (has(done.report, "TK-SIM-TIMEOUT") || has(done.report, "TK-SIM-STEP-LIMIT"))
    return done;
  auto outputs = run.takeOutputs();
  if (!outputs)
    return outputs.takeError();
  done.outputs = std::move(*outputs);
  return done;
}

Error FileRun::addPair(const SeedMerger::Unlike &unlike, uint64_t first, Report &report) const {
  auto run = [&](const Options &mine) { return runSeed(mine, /*writes=*/false, /*holdsAll=*/true); };
  Expected<std::vector<std::string>> lines =
      SchedulePair(run, options, first, unlike.seed, unlike.buffer).find();
  if (!lines)
    return lines.takeError();
  for (Finding &f : report.findings)
    if (f.identity == unlike.identity)
      llvm::move(*lines, std::back_inserter(f.details));
  return Error::success();
}

Expected<Report> FileRun::runSeeds(SeedRange seeds) const {
  SeedMerger merger(options);
  auto start = [&](StringRef buffer) -> Expected<LaunchOutput> {
    return LaunchRun(program, options, name, folder, out).takeStart(root, buffer);
  };
  for (uint64_t seed = seeds.first;; ++seed) {
    Options mine = options;
    mine.seed = seed;
    Expected<ScheduledRun> done = runSeed(mine, seed == seeds.first, /*holdsAll=*/false);
    if (!done)
      return done.takeError();
    bool isOutOfTime = has(done->report, "TK-SIM-TIMEOUT");
    if (Error e = merger.add(std::move(*done), seed, start))
      return std::move(e);
    if (isOutOfTime || seed == seeds.last)
      break;
  }
  Report report = merger.finish();
  if (merger.unlike)
    if (Error e = addPair(*merger.unlike, seeds.first, report))
      return std::move(e);
  return report;
}

Expected<Report> runLaunchText(const Program &program, StringRef text, StringRef name,
                               StringRef folder, const RunOptions &how) {
  if (Error e = how.verify())
    return std::move(e);
  Expected<json::Value> root = parseJSON(text);
  if (!root)
    return fail(name + ": " + toString(root.takeError()));
  const json::Object *o = root->getAsObject();
  if (!o)
    return fail(name + ": expected an object, got " + shown(*root));
  FileRun run(program, *o, name, folder, how);
  return how.seeds ? run.runSeeds(*how.seeds) : run.runOnce();
}

Expected<Report> runLaunchFile(const Program &program, StringRef path, const RunOptions &how) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return fail(path + ": cannot read: " + file.getError().message());
  return runLaunchText(program, (*file)->getBuffer(), path, sys::path::parent_path(path), how);
}

} // namespace tk::sim
