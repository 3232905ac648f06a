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

/// A .npy array as bytes.
struct NpyArray {
  std::string descr; ///< "<f4", "|u1", ...
  std::vector<uint64_t> shape;
  std::vector<uint8_t> data;
};
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

/// The first and the last seed.
struct SeedRange {
  uint64_t first = 0, last = 0;
};

/// Runs every launch of the file; paths are relative to the file's folder, outputs go to `outDir` (or there too).
/// The reports of all launches are merged into one. With `seeds` the whole file runs once for each, on fresh memory;
/// outputs that differ are a finding, and the first seed's are written.
llvm::Expected<Report> runLaunchFile(const Program &program, llvm::StringRef path, const Options &options,
                                     llvm::StringRef outDir, std::optional<SeedRange> seeds = std::nullopt);

/// A prefilled launch file and what the module declares.
void printSkeleton(const Program &program, llvm::raw_ostream &os);

} // namespace tk::sim

#endif // TK_SIM_LAUNCHFILE_H
