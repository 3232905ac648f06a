//===- LaunchFile.cpp - Launch files over one seed or several -------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "LaunchRun.h"
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
  void add(Report &&r, std::map<std::string, LaunchOutput> &&outputs, uint64_t seed);
  Report finish();

private:
  void addFinding(Finding &&f, uint64_t seed);
  void compareOutputs(const std::map<std::string, LaunchOutput> &outputs, uint64_t seed);

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

/// The first element that differs: its number, or nothing.
static std::optional<uint64_t> firstDifference(const LaunchOutput &a, const LaunchOutput &b,
                                               unsigned item) {
  auto [left, right] = std::mismatch(a.data.begin(), a.data.end(), b.data.begin());
  if (left == a.data.end())
    return std::nullopt;
  return uint64_t(left - a.data.begin()) / item;
}

void SeedMerger::compareOutputs(const std::map<std::string, LaunchOutput> &outputs, uint64_t seed) {
  for (auto &[name, now] : outputs) {
    auto known = firstOutputs.find(name);
    if (known == firstOutputs.end())
      continue;
    const LaunchOutput &then = known->second;
    const ElementType &type = now.type ? *now.type : *elementType("b8");
    std::optional<uint64_t> i = firstDifference(then, now, type.bytes);
    if (!i)
      continue;
    Finding f;
    f.name = f.identity = "TK-SIM-NONDETERMINISTIC";
    f.identity += " " + name;
    std::string where =
        now.type ? "element " + elementIndex(now.shape, *i) : "byte " + std::to_string(*i);
    f.message =
        formatv("buffer '{0}' depends on the order in which warps and copies run: {1} is {2} with "
                "seed {3} and {4} "
                "with seed {5}; look for a missing wait or fence, or an atomic whose order shows",
                name, where, elementText(type, then.data.data() + *i * type.bytes), first,
                elementText(type, now.data.data() + *i * type.bytes), seed)
            .str();
    f.details.push_back(formatv("replay with --seed {0} and --seed {1}", first, seed).str());
    addFinding(std::move(f), seed);
  }
}

void SeedMerger::add(Report &&r, std::map<std::string, LaunchOutput> &&outputs, uint64_t seed) {
  bool isFirst = !all.seeds++;
  std::vector<Finding> findings = std::move(r.findings);
  r.findings.clear();
  if (isFirst) {
    first = seed;
    firstOutputs = std::move(outputs);
    r.seeds = all.seeds;
    all = std::move(r);
  } else {
    all.threadInstructions += r.threadInstructions;
    all.seconds += r.seconds;
  }
  for (Finding &f : findings)
    addFinding(std::move(f), seed);
  if (!isFirst)
    compareOutputs(outputs, seed);
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

Expected<Report> runLaunchFile(const Program &program, StringRef path, const Options &options,
                               StringRef outDir, std::optional<SeedRange> seeds) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return fail(path + ": cannot read: " + file.getError().message());
  Expected<json::Value> root = parseJSON((*file)->getBuffer());
  if (!root)
    return fail(path + ": " + toString(root.takeError()));
  const json::Object *o = root->getAsObject();
  if (!o)
    return fail(path + ": expected an object, got " + shown(*root));
  StringRef dir = sys::path::parent_path(path);
  SeedRange range = seeds.value_or(SeedRange{options.seed, options.seed});
  SeedMerger merger;
  for (uint64_t seed = range.first;; ++seed) {
    Options mine = options;
    mine.seed = seed;
    LaunchRun run(program, mine, path, dir, outDir.empty() ? dir : outDir);
    Expected<Report> report = run.run(*o);
    if (!report)
      return report.takeError();
    if (seed == range.first)
      if (Error e = run.writeOutputs())
        return std::move(e);
    if (!seeds)
      return report;
    // What was cut short differs from what was not, and says nothing.
    bool outOfTime = has(*report, "TK-SIM-TIMEOUT");
    std::map<std::string, LaunchOutput> outputs;
    if (!outOfTime && !has(*report, "TK-SIM-STEP-LIMIT")) {
      auto read = run.readOutputs();
      if (!read)
        return read.takeError();
      outputs = std::move(*read);
    }
    merger.add(std::move(*report), std::move(outputs), seed);
    if (outOfTime || seed == range.last)
      return merger.finish();
  }
}

} // namespace tk::sim
