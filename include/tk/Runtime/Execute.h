//===- Execute.h - From bound arguments to results --------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_EXECUTE_H
#define TK_RUNTIME_EXECUTE_H

#include "tk/Runtime/Binding.h"
#include "tk/Runtime/Device.h"

namespace tk {

struct ExecuteOptions {
  sim::Options sim;
  unsigned repeat = 0; ///< Timed launches on a GPU; 0: none.
  std::string name;    ///< What to call the PTX in messages.
  std::string variant; ///< The entry of the only variant to take; empty: the first that fits.
};

/// One output after the launch.
struct OutputResult {
  std::string name;
  HostTensor tensor;
  std::optional<int64_t>
      unwritten; ///< Elements that no one wrote; nothing if the device cannot tell.
};

struct ExecuteResult {
  VariantChoice choice;
  bool launched = false; ///< False for an empty grid.
  std::vector<OutputResult> outputs;
  std::optional<sim::Report> report; ///< From the simulator.
  std::optional<Timing> timing;      ///< From a GPU, if asked for.
};

/// Bytes of this machine's memory: asking for more is a typing error, and would end the process.
uint64_t getHostMemory();

/// Allocates, uploads, poisons what is only written, picks the variant, launches, downloads, frees.
llvm::Expected<ExecuteResult> execute(Device &device, const Package &package,
                                      const Binding &binding, const ExecuteOptions &options);

} // namespace tk

#endif // TK_RUNTIME_EXECUTE_H
