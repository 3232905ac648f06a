//===- Simulator.h - Run and check PTX on a CPU -----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// The simulator's public face: parse PTX text once, then launch it any number of times over a device memory.
/// It knows PTX and nothing of MLIR or of tk's lowering: it is the independent witness.
///
//===----------------------------------------------------------------------===//

#ifndef TK_SIM_SIMULATOR_H
#define TK_SIM_SIMULATOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tk::sim {

enum class Severity { Note, Warning, Error };
enum class Numerics { Exact, H100 };

/// One problem: what was found of one kind between the same places of the source, as first seen, with how often and
/// the lines of further instructions. Without .loc, once per PTX line and kind (races: per pair of lines).
struct Finding {
  std::string name; ///< Stable: "TK-SIM-RACE-PROXY", ...
  Severity severity = Severity::Error;
  std::string message;      ///< Lower case, both values, the remedy.
  std::vector<std::string> details; ///< The other party, paths, who waits for what; one line each.
  unsigned ptxLine = 0;     ///< 1-based line of the PTX text; 0 when there is none.
  std::string ptxText;      ///< That line, trimmed, with long register lists elided: "{%r1 … %r64}".
  std::string source;       ///< "gemm.mlir:20:10" through .loc, or empty.
  std::array<uint32_t, 3> cta = {0, 0, 0};
  unsigned warp = 0;
  uint32_t lanes = 0;       ///< Mask of the lanes concerned.
  uint64_t count = 1;
  std::string identity;     ///< Equal for what is the same finding in another run of the launch.
  int launch = -1;          ///< Which of the report's launches; -1: none in particular.
  uint64_t firstSeed = 0, seeds = 0; ///< Over several seeds: the first that shows it, and how many do.
};

/// Wavefronts of one shared-memory instruction, summed over all its warp-level executions.
struct BankRecord {
  unsigned ptxLine = 0;
  std::string ptxText, source;
  unsigned widthBytes = 0;
  uint64_t executions = 0, wavefronts = 0, minimum = 0;
  int launch = -1; ///< Which of several launches.
};

/// Phases that the mbarriers at one place completed, summed over all CTAs.
struct BarrierRecord {
  int64_t offset = 0; ///< From the start of dynamic shared memory; negative in static shared memory.
  uint64_t phases = 0;
  int launch = -1; ///< Which of several launches.
};

/// How often an instruction was executed, and in which banks of shared memory.
struct InstructionRecord {
  unsigned ptxLine = 0;
  std::string source;
  uint64_t warpExecutions = 0, threadExecutions = 0;
  std::vector<uint64_t> bankWords; ///< By bank, words of 4 bytes that were accessed; empty: none in shared memory.
};

/// What the warps of a CTA, or of a cluster, did and waited for. Its clock counts the instructions that its warps have
/// executed: it shows an order, and no times.
struct Timeline {
  struct Span {
    uint32_t warp = 0; ///< Index of `warps`.
    uint32_t kind = 0; ///< Index of `kinds`.
    uint32_t from = 0, to = 0;
    uint32_t ptxLine = 0; ///< Its first instruction, or the one that waits.
  };
  std::array<uint32_t, 3> cta = {0, 0, 0};
  std::vector<std::string> warps;
  std::vector<Span> spans; ///< By beginning.
  uint32_t end = 0;
  bool isCut = false; ///< There was more than is kept.
  /// "integer", ..., "waits for an mbarrier", ...
  static llvm::ArrayRef<llvm::StringRef> kinds();
  static constexpr uint32_t kFirstWait = 11;
};

/// What Options::trace asks for.
struct Trace {
  std::string entry;
  std::vector<InstructionRecord> instructions; ///< Of all CTAs, in order of the entry's code.
  Timeline timeline;                           ///< Of the first CTA or cluster.
};

struct Report {
  std::vector<Finding> findings;
  std::vector<Trace> traces; ///< One for each launch; empty unless asked for.
  std::vector<BankRecord> banks;
  std::vector<BarrierRecord> barriers; ///< By offset.
  std::map<std::string, uint64_t> counters; ///< "instructions.wgmma", "flop.tensor", "bytes.global.read", ...
  uint64_t threadInstructions = 0;
  double seconds = 0;
  std::vector<std::string> launches; ///< The entries of a launch file's launches, in order.
  uint64_t seeds = 0;                ///< How many seeds were run, if more than one was asked for.
  std::string output;                ///< Of the kernels' printf: CTA by CTA, of each in the order of execution.
  uint64_t outputDropped = 0;        ///< Bytes of it beyond the limit.
  std::string decision;   ///< What was decided at Options::watch; empty: there was no such decision.
  uint64_t decisions = 0; ///< How many there were in that stream.
  unsigned errors() const; ///< Number of findings of severity Error.
};

/// One of the decisions that a seed makes: which warp goes next and how far, when asynchronous work ends, ...
struct Decision {
  uint32_t launch = 0; ///< Of the launch file's.
  uint64_t stream = 0; ///< 0: the order of CTAs that talk; 1 + n: in CTA n, or the cluster that begins there.
  uint64_t number = 0; ///< From 0, in the order in which they are made.
};

/// From a decision on, those of another seed. Two schedules that go over at neighbouring decisions differ in one.
struct SeedSwitch {
  uint64_t seed = 0;
  Decision at;
};

struct Options {
  uint64_t seed = 0;
  std::optional<SeedSwitch> then;
  std::optional<Decision> watch; ///< Report::decision describes it.
  Numerics numerics = Numerics::Exact;
  bool checkMemory = true, checkRaces = true, checkWgmma = true, checkBarriers = true, checkBanks = true;
  /// Other severities than the usual ones, by name of the finding; nothing: it is not reported.
  std::map<std::string, std::optional<Severity>> grades;
  uint32_t sharedBase = 1024;     ///< Where a CTA's shared memory starts in the shared window.
  uint64_t maxSteps = 0;          ///< Warp-instruction bound for the whole launch; 0: none.
  uint64_t stackBytes = 32 << 10; ///< Of a thread: the frames of its calls.
  uint64_t heapBytes = 8 << 20;   ///< For the kernels' malloc.
  uint64_t printfBytes = 1 << 20; ///< Of output of printf that a launch keeps.
  uint64_t memoryBytes = 0;       ///< Limit of a launch file's buffers and variables; 0: what the host bears.
  unsigned multiprocessors = 132; ///< How many CTAs that talk run at once depends on it.
  bool trace = false;             ///< Report::traces are wanted.
  unsigned threads = 0;           ///< Host threads over independent CTAs; 0: all cores.
  std::optional<std::chrono::steady_clock::time_point> deadline; ///< When to stop.
  /// True once somebody pressed Ctrl-C: the launch stops as at the deadline, with its findings so far.
  const std::atomic<bool> *interrupted = nullptr;
  /// True once nobody wants the launch any more: it stops and is an Error.
  const std::atomic<bool> *cancelled = nullptr;
};

/// Parsed, decoded and checked PTX. Immutable; may be shared between threads.
class Program {
public:
  /// Parses a module. Any directive or instruction that is not understood is an error naming file, line, column
  /// and the text.
  static llvm::Expected<std::shared_ptr<const Program>> parse(llvm::StringRef text, llvm::StringRef fileName);
  virtual ~Program() = default;
  struct Parameter {
    std::string name;
    uint32_t offset = 0, bytes = 0, align = 1;
    bool isPointer = false; ///< Declared with .ptr.
  };
  struct Entry {
    std::string name;
    std::vector<Parameter> parameters;
    uint32_t parameterBytes = 0, staticSharedBytes = 0;
    std::array<uint32_t, 3> requiredBlock = {0, 0, 0};   ///< .reqntid, zeros when absent
    std::array<uint32_t, 3> requiredCluster = {0, 0, 0}; ///< .reqnctapercluster, zeros when absent
    bool needsCluster = false; ///< .explicitcluster: a launch says which.
  };
  virtual llvm::ArrayRef<Entry> entries() const = 0;
  /// A variable in .global or .const.
  struct Symbol {
    std::string name;
    uint64_t bytes = 0;
    bool isConst = false, isExtern = false;
  };
  virtual std::vector<Symbol> symbols() const = 0;
  /// The text that was parsed, and its file's name.
  virtual llvm::ArrayRef<std::string> sourceLines() const = 0;
  virtual llvm::StringRef sourceName() const = 0;
};

/// The global memory of one simulated device. Addresses are device addresses; every allocation is separated by
/// unmapped guard space, and bytes never written are poison.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  /// How many bytes all allocations may have together; 0, and before anyone says: what the host bears.
  virtual void setLimit(uint64_t bytes) = 0;
  /// Whether so many bytes more stay within the limit; the error says by how much they do not.
  virtual llvm::Error admit(uint64_t bytes) const = 0;
  /// The caller has asked `admit` where the size is somebody else's wish.
  virtual uint64_t allocate(uint64_t bytes, uint64_t align, llvm::StringRef name) = 0;
  virtual void free(uint64_t address) = 0;
  /// Host copies; writing marks bytes initialised.
  virtual llvm::Error write(uint64_t address, llvm::ArrayRef<uint8_t> bytes) = 0;
  virtual llvm::Error read(uint64_t address, llvm::MutableArrayRef<uint8_t> bytes) const = 0;
  /// How many of the `bytes` at `address` no one has written.
  virtual uint64_t countUninitialised(uint64_t address, uint64_t bytes) const = 0;
};

struct Launch {
  std::string entry;
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1}, cluster = {1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  std::vector<uint8_t> parameters; ///< The packed parameter buffer, laid out as the entry declares.
  /// For each byte of `parameters`: 0 where nothing was written, which is poison to the kernel. Empty: all is written.
  std::vector<uint8_t> parametersWritten;
};

class Device {
public:
  static std::unique_ptr<Device> create();
  virtual ~Device() = default;
  virtual DeviceMemory &memory() = 0;
  /// Where a variable of the program lies, which holds what the program initialises it with until someone writes it.
  virtual llvm::Expected<uint64_t> addressOf(const Program &program, llvm::StringRef symbol) = 0;
  /// Runs one launch to its end. Findings are data in the report; an Error means that the launch could not run at
  /// all (unknown entry, parameter size, too many threads or too much shared memory, ...).
  virtual llvm::Expected<Report> launch(const Program &program, const Launch &launch, const Options &options) = 0;
};

/// The report for a person, and as one JSON object.
void printText(const Report &report, llvm::raw_ostream &os);
void printJson(const Report &report, llvm::raw_ostream &os);
/// The report as one page that needs no network: findings, timeline, banks, and the source with counts. Wants a report
/// with traces.
void printHtml(const Report &report, const Program &program, llvm::raw_ostream &os);

} // namespace tk::sim

#endif // TK_SIM_SIMULATOR_H
