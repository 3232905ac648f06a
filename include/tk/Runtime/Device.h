//===- Device.h - Where kernels run -----------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One interface over the simulator and a GPU. The driver is loaded when a GPU is first asked for,
/// never linked.
///
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_DEVICE_H
#define TK_RUNTIME_DEVICE_H

#include "tk/Runtime/Tensor.h"
#include "tk/Sim/Simulator.h"
#include "tk/Sim/TensorMap.h"
#include "tk/Target/Package.h"

namespace tk {

/// One launch of one entry of a package.
struct LaunchRequest {
  const Package *package = nullptr;
  const Variant *variant = nullptr;
  std::array<int64_t, 3> grid = {1, 1, 1};
  llvm::ArrayRef<uint8_t> parameters;
  std::string name; ///< What to call the PTX in messages: "gemm.ptx".
  sim::Options sim; ///< For the simulator: seed, checkers.
};

struct LaunchResult {
  std::optional<sim::Report> report; ///< From the simulator.
};

/// Median, least and greatest of some times.
struct Timing {
  double median = 0, least = 0, greatest = 0;
  size_t launches = 0;
};
std::optional<Timing> summarise(llvm::ArrayRef<double> milliseconds);

class Device {
public:
  virtual ~Device() = default;
  virtual llvm::StringRef getKind() const = 0;    ///< "sim" or "cuda"
  virtual std::string getDescription() const = 0; ///< "NVIDIA H100 (sm_90, 132 SMs, driver 13.0)"
  virtual int64_t getNumSMs() const = 0;
  virtual int64_t getMaxSharedBytes() const = 0; ///< That one block may ask for.

  virtual llvm::Expected<uint64_t> allocate(int64_t bytes, int64_t align, llvm::StringRef name) = 0;
  virtual llvm::Error free(uint64_t address) = 0;
  virtual llvm::Error upload(uint64_t address, llvm::ArrayRef<uint8_t> bytes) = 0;
  virtual llvm::Error download(uint64_t address, llvm::MutableArrayRef<uint8_t> bytes) = 0;
  /// Makes memory recognisable as never written. A simulator knows that by itself of fresh memory.
  virtual llvm::Error poison(uint64_t address, int64_t bytes) = 0;
  /// How many elements of a poisoned array no one has written; nothing where that cannot be told.
  /// `contents` is what `download` gave.
  virtual std::optional<int64_t> countUnwritten(uint64_t address, const HostTensor &contents) = 0;

  /// The 128 bytes that a kernel on this device takes for a tensor map.
  virtual llvm::Expected<std::array<uint8_t, 128>> encodeTensorMap(const sim::TensorMap &map) = 0;

  virtual llvm::Expected<LaunchResult> launch(const LaunchRequest &request) = 0;
  /// The milliseconds of each of `repeat` further launches, after a warm-up; empty where time means
  /// nothing. It writes the same memory again, so results are downloaded before.
  virtual llvm::Expected<std::vector<double>> measure(const LaunchRequest &request,
                                                      unsigned repeat) {
    return std::vector<double>();
  }
};

/// The simulator poses as an H100 SXM: 132 SMs.
std::unique_ptr<Device> createSimDevice(int64_t numSMs = 132);

/// GPU number `ordinal`; without a driver or a GPU the error is one line that says which is
/// missing. A launch that does not end within `timeoutSeconds` is an error, and the device is of no
/// more use. `driver` is for tests.
llvm::Expected<std::unique_ptr<Device>> createCudaDevice(unsigned ordinal = 0,
                                                         unsigned timeoutSeconds = 120,
                                                         llvm::StringRef driver = "libcuda.so.1");

/// By name: "sim", "sim:4" (a simulator of 4 multiprocessors), "cuda", or "auto": a GPU of compute capability 9.0 if there is one, else the
/// simulator. `note` says why "auto" did not take a GPU.
llvm::Expected<std::unique_ptr<Device>> createDevice(llvm::StringRef kind, std::string &note);

} // namespace tk

#endif // TK_RUNTIME_DEVICE_H
