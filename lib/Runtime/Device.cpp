//===- Device.cpp - Where kernels run -------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Device.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk {

std::optional<Timing> summarise(ArrayRef<double> milliseconds) {
  if (milliseconds.empty())
    return std::nullopt;
  std::vector<double> sorted = milliseconds.vec();
  llvm::sort(sorted);
  size_t half = sorted.size() / 2;
  double median = sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return Timing{median, sorted.front(), sorted.back(), sorted.size()};
}

static constexpr int64_t kMaxSimSMs = 4096;

Expected<std::unique_ptr<Device>> createDevice(StringRef kind, std::string &note) {
  if (kind == "sim")
    return createSimDevice();
  if (kind.starts_with("sim:")) {
    int64_t numSMs = 0;
    if (kind.drop_front(4).getAsInteger(10, numSMs) || numSMs < 1 || numSMs > kMaxSimSMs)
      return createStringError("device \"" + kind +
                               "\": expected sim:N for a simulator of N "
                               "multiprocessors, 1 to " +
                               Twine(kMaxSimSMs));
    return createSimDevice(numSMs);
  }
  if (kind == "cuda")
    return createCudaDevice();
  if (kind != "auto")
    return createStringError("unknown device \"" + kind + "\": expected auto, sim, sim:N or cuda");
  Expected<std::unique_ptr<Device>> cuda = createCudaDevice();
  if (cuda)
    return cuda;
  note = llvm::toString(cuda.takeError());
  return createSimDevice();
}

} // namespace tk
