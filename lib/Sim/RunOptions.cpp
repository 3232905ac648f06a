//===- RunOptions.cpp - Options by their names ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/Findings.h"
#include "tk/Sim/LaunchFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tk::sim {

template <class T> static Error readNumber(StringRef name, StringRef text, T &number) {
  if (text.size() > 1 && text[0] == '0' && isDigit(text[1]))
    return createStringError("expected --" + name + " without a leading zero, which may mean an octal number, got '" +
                             text + "'; leave it out, or write 0o for an octal one");
  if (!text.getAsInteger(0, number))
    return Error::success();
  return createStringError("expected --" + name + " with a whole number of " +
                           Twine(8 * sizeof(T)) + " bits, such as 7, got '" + text + "'");
}

static Error readTimeout(StringRef text, Options &o) {
  double seconds = 0;
  if (text.getAsDouble(seconds) || !(seconds >= 0))
    return createStringError("expected --timeout with a number of seconds that is not negative, such as 0.5, got '" +
                             text + "'");
  // More than some years is no limit, and would not fit the clock.
  if (seconds > 0 && seconds < 1e8)
    o.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(int64_t(seconds * 1e6));
  return Error::success();
}

/// "A..B", both included.
static Error readSeeds(StringRef text, std::optional<SeedRange> &seeds) {
  auto [first, last] = text.split("..");
  SeedRange range;
  if (first.getAsInteger(10, range.first) || last.getAsInteger(10, range.last) || range.first > range.last)
    return createStringError("expected --seeds A..B with A at most B, got '" + text + "'");
  seeds = range;
  return Error::success();
}

static Error readThen(StringRef text, std::optional<SeedSwitch> &then) {
  auto [seed, at] = text.split('@');
  SmallVector<StringRef, 3> parts;
  at.split(parts, ':');
  SeedSwitch go;
  if (parts.size() != 3 || seed.getAsInteger(10, go.seed) || parts[0].getAsInteger(10, go.at.launch) ||
      parts[1].getAsInteger(10, go.at.stream) || parts[2].getAsInteger(10, go.at.number))
    return createStringError("expected --then SEED@LAUNCH:STREAM:NUMBER, such as 5@0:1:17, got '" + text + "'");
  then = go;
  return Error::success();
}

static Error readChecks(StringRef text, Options &o) {
  bool isAll = text == "all";
  o.checkMemory = o.checkRaces = o.checkWgmma = o.checkBarriers = o.checkBanks = isAll;
  if (isAll || text == "none")
    return Error::success();
  for (StringRef name : split(text, ',')) {
    bool *check = StringSwitch<bool *>(name)
                      .Case("memory", &o.checkMemory)
                      .Case("race", &o.checkRaces)
                      .Case("wgmma", &o.checkWgmma)
                      .Case("barrier", &o.checkBarriers)
                      .Case("banks", &o.checkBanks)
                      .Default(nullptr);
    if (!check)
      return createStringError("unknown check in '" + text +
                               "'; expected all, none, or a list of memory,race,wgmma,barrier,banks");
    *check = true;
  }
  return Error::success();
}

static Error readGrade(StringRef text, Options &o) {
  auto [name, grade] = text.split('=');
  const FindingKind *kind = findFindingKind(name);
  if (!kind)
    return createStringError("unknown finding '" + name + "' in --grade; --list-findings prints the names");
  if (kind->check == Check::Fixed)
    return createStringError(name + " cannot be graded: it says that the kernel was not run to its end");
  std::optional<Severity> severity = StringSwitch<std::optional<Severity>>(grade)
                                         .Case("note", Severity::Note)
                                         .Case("warning", Severity::Warning)
                                         .Case("error", Severity::Error)
                                         .Default(std::nullopt);
  if (!severity && grade != "off")
    return createStringError("expected --grade " + name + "=off, note, warning or error, got '" + text + "'");
  o.grades[name.str()] = severity;
  return Error::success();
}

static Error readStack(StringRef name, StringRef text, Options &o) {
  if (Error e = readNumber(name, text, o.stackBytes))
    return e;
  if (o.stackBytes > 8 << 20) // Local addresses have 24 bits.
    return createStringError("expected --stack-bytes with at most 8388608, got '" + text + "'");
  return Error::success();
}

static Error readThreads(StringRef name, StringRef text, Options &o) {
  if (Error e = readNumber(name, text, o.threads))
    return e;
  if (o.threads > 1024)
    return createStringError("expected --threads with at most 1024, got '" + text + "'");
  return Error::success();
}

static Error readNumerics(StringRef text, Numerics &numerics) {
  if (text != "exact" && text != "h100")
    return createStringError("unknown numerics '" + text + "'; expected exact or h100");
  numerics = text == "h100" ? Numerics::H100 : Numerics::Exact;
  return Error::success();
}

Error RunOptions::set(StringRef name, StringRef text) {
  if (name == "seed") {
    hasSeed = true;
    return readNumber(name, text, options.seed);
  }
  if (name == "seeds")
    return readSeeds(text, seeds);
  if (name == "then")
    return readThen(text, options.then);
  if (name == "check")
    return readChecks(text, options);
  if (name == "grade")
    return readGrade(text, options);
  if (name == "numerics")
    return readNumerics(text, options.numerics);
  if (name == "timeout")
    return readTimeout(text, options);
  if (name == "max-steps")
    return readNumber(name, text, options.maxSteps);
  if (name == "shared-base")
    return readNumber(name, text, options.sharedBase);
  if (name == "threads")
    return readThreads(name, text, options);
  if (name == "stack-bytes")
    return readStack(name, text, options);
  if (name == "heap-bytes")
    return readNumber(name, text, options.heapBytes);
  if (name == "printf-bytes")
    return readNumber(name, text, options.printfBytes);
  if (name == "memory-bytes")
    return readNumber(name, text, options.memoryBytes);
  if (name == "out") {
    outDir = text.str();
    return Error::success();
  }
  return createStringError("unknown option '" + name +
                           "'; expected check, grade, heap-bytes, max-steps, memory-bytes, numerics, out, printf-bytes, seed, seeds, "
                           "shared-base, stack-bytes, then, threads or timeout");
}

Error RunOptions::verify() const {
  if (seeds && (hasSeed || options.then))
    return createStringError("expected one of --seed, with or without --then, and --seeds");
  return Error::success();
}

} // namespace tk::sim
