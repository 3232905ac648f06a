//===- TensorMaps.h - The tensor maps of a launch ---------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_TENSORMAPS_H
#define TK_RUNTIME_TENSORMAPS_H

#include "tk/Runtime/Device.h"
#include "tk/Target/Evaluate.h"

namespace tk {

/// What the device is to encode, from the facts of a launch. A value that the copy engine does not
/// take, or a map that leaves the memory of its view, is an error that names the entry, the
/// argument, the dimension and both values: a precondition should have declined the variant.
llvm::Expected<sim::TensorMap> evaluateTensorMap(const Kernel &kernel, const Variant &variant,
                                                 const TensorMap &map, const LaunchFacts &facts);

/// Memory that maps of empty views stand for: 16 bytes of zeros to load from, and 16 to store to.
struct Nothing {
  uint64_t zeros = 0, sink = 0;
  static constexpr int64_t kBytes = 16;
};

/// The maps of every row of a table, and those of a row of empty views after the last: what goes
/// beside its rows. A map of an empty view is one of a single zero: loads give zeros.
llvm::Expected<std::vector<uint8_t>> encodeRowMaps(Device &device, const Kernel &kernel,
                                                   const Variant &variant, const TableUse &use,
                                                   const LaunchFacts &facts,
                                                   const Nothing &nothing);

/// Has the device encode every map of the variant but those of tables, into the parameters that
/// `packParameters` made.
llvm::Error encodeTensorMaps(Device &device, const Kernel &kernel, const Variant &variant,
                             const LaunchFacts &facts, llvm::MutableArrayRef<uint8_t> parameters);

} // namespace tk

#endif // TK_RUNTIME_TENSORMAPS_H
