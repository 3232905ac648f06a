//===- LaunchFile.h - Launches described in JSON ----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What to run and on what: buffers from files or fills, and one or more launches. Unknown keys are errors.
/// docs/tk-sim.md describes the format.
///
//===----------------------------------------------------------------------===//

#ifndef TK_SIM_LAUNCHFILE_H
#define TK_SIM_LAUNCHFILE_H

#include "tk/Sim/Simulator.h"

namespace tk::sim {

/// Dimensions that an array may have: numpy's limit.
constexpr unsigned kMaxRank = 64;

/// A .npy array as bytes.
struct NpyArray {
  std::string descr; ///< "<f4", "|u1", ...
  std::vector<uint64_t> shape;
  std::vector<uint8_t> data;
};
/// An error for a device or a pipe, which may have no end.
llvm::Error checkRegularFile(llvm::StringRef path);
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

/// The first and the last seed.
struct SeedRange {
  uint64_t first = 0, last = 0;
};

/// How launches are run: what tk-sim is told besides the files.
struct RunOptions {
  Options options;
  std::optional<SeedRange> seeds;
  std::string outDir; ///< Of outputs; empty: beside the launch file.
  /// Sets one by its name and text on the command line ("max-steps", "1000"). Errors say what is expected.
  llvm::Error set(llvm::StringRef name, llvm::StringRef text);
  /// Whether those that were set go together.
  llvm::Error verify() const;

private:
  bool hasSeed = false;
};

/// Runs every launch of a launch file's text. `name` is for messages; relative paths are relative to `folder`. The reports
/// of all launches are merged into one. With seeds the whole file runs once for each, on fresh memory; outputs that differ
/// are a finding, and the first seed's are written.
llvm::Expected<Report> runLaunchText(const Program &program, llvm::StringRef text, llvm::StringRef name,
                                     llvm::StringRef folder, const RunOptions &how);
/// The same of a file; paths are relative to the folder it is in.
llvm::Expected<Report> runLaunchFile(const Program &program, llvm::StringRef path, const RunOptions &how);

/// A prefilled launch file and what the module declares.
void printSkeleton(const Program &program, llvm::raw_ostream &os);

} // namespace tk::sim

#endif // TK_SIM_LAUNCHFILE_H
