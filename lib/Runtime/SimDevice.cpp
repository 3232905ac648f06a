//===- SimDevice.cpp - The simulator as a device --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Device.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tk {

namespace {
class SimDevice : public Device {
public:
  explicit SimDevice(int64_t numSMs) : numSMs(numSMs), device(sim::Device::create()) {}

  StringRef getKind() const override { return "sim"; }
  std::string getDescription() const override {
    return "simulator (sm_90a, " + std::to_string(numSMs) + " SMs)";
  }
  int64_t getNumSMs() const override { return numSMs; }
  int64_t getMaxSharedBytes() const override { return 227 * 1024; }

  Expected<uint64_t> allocate(int64_t bytes, int64_t align, StringRef name) override {
    if (Error e = device->memory().admit(static_cast<uint64_t>(bytes)))
      return std::move(e);
    return device->memory().allocate(static_cast<uint64_t>(bytes), static_cast<uint64_t>(align),
                                     name);
  }
  Error free(uint64_t address) override {
    device->memory().free(address);
    return Error::success();
  }
  Error upload(uint64_t address, ArrayRef<uint8_t> bytes) override {
    return device->memory().write(address, bytes);
  }
  Error download(uint64_t address, MutableArrayRef<uint8_t> bytes) override {
    return device->memory().read(address, bytes);
  }
  Error poison(uint64_t, int64_t) override { return Error::success(); }
  std::optional<int64_t> countUnwritten(uint64_t address, const HostTensor &contents) override;
  Expected<std::array<uint8_t, 128>> encodeTensorMap(const sim::TensorMap &map) override {
    return sim::encodeTensorMap(map);
  }
  Expected<LaunchResult> launch(const LaunchRequest &request) override;

private:
  Error parse(const LaunchRequest &request);

  int64_t numSMs;
  std::unique_ptr<sim::Device> device;
  std::shared_ptr<const sim::Program> program; ///< Of `programText`: parsed once for many launches.
  std::string programText;
};
} // namespace

std::optional<int64_t> SimDevice::countUnwritten(uint64_t address, const HostTensor &contents) {
  const sim::DeviceMemory &memory = device->memory();
  uint64_t width = getElementBytes(contents.type);
  if (contents.bytes.empty() || memory.countUninitialised(address, contents.bytes.size()) == 0)
    return 0;
  int64_t count = 0;
  forEachOffset(contents.sizes, contents.strides, [&](int64_t offset) {
    count += memory.countUninitialised(address + static_cast<uint64_t>(offset) * width, width) != 0;
  });
  return count;
}

Error SimDevice::parse(const LaunchRequest &request) {
  const std::string &ptx = request.package->ptx;
  if (ptx.empty())
    return createStringError(
        "expected a package with PTX, which the simulator runs, got one with a cubin only; compile "
        "the kernel again");
  if (program && programText == ptx)
    return Error::success();
  Expected<std::shared_ptr<const sim::Program>> parsed = sim::Program::parse(ptx, request.name);
  if (!parsed)
    return parsed.takeError();
  program = std::move(*parsed);
  programText = ptx;
  return Error::success();
}

Expected<LaunchResult> SimDevice::launch(const LaunchRequest &request) {
  if (Error error = parse(request))
    return error;
  const Variant &variant = *request.variant;
  sim::Launch launch;
  launch.entry = variant.entry;
  for (unsigned d = 0; d < 3; ++d) {
    launch.grid[d] = static_cast<uint32_t>(request.grid[d]);
    launch.block[d] = static_cast<uint32_t>(variant.block[d]);
    launch.cluster[d] = static_cast<uint32_t>(variant.cluster[d]);
  }
  launch.dynamicSharedBytes = static_cast<uint32_t>(variant.dynamicSharedBytes);
  launch.parameters = request.parameters.vec();
  sim::Options options = request.sim;
  options.multiprocessors = static_cast<unsigned>(numSMs);
  Expected<sim::Report> report = device->launch(*program, launch, options);
  if (!report)
    return report.takeError();
  LaunchResult result;
  result.report = std::move(*report);
  return result;
}

std::unique_ptr<Device> createSimDevice(int64_t numSMs) {
  return std::make_unique<SimDevice>(numSMs);
}

} // namespace tk
