//===- CudaDevice.cpp - A GPU as a device ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CudaDriver.h"
#include "tk/Runtime/Device.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <chrono>
#include <cstring>
#include <thread>

using namespace llvm;

namespace tk {
using cuda::Driver;

/// Outputs start as this byte everywhere: a NaN in every floating-point type, and not the one that
/// arithmetic makes.
static constexpr uint8_t poisonByte = 0xFF;
static constexpr unsigned warmUpLaunches = 3;

namespace {
class CudaDevice : public Device {
public:
  CudaDevice(const Driver &driver, unsigned timeoutSeconds)
      : driver(driver), timeoutSeconds(timeoutSeconds) {}
  ~CudaDevice() override;
  Error open(unsigned ordinal);

  StringRef getKind() const override { return "cuda"; }
  std::string getDescription() const override { return description; }
  int64_t getNumSMs() const override { return numSMs; }
  int64_t getMaxSharedBytes() const override { return maxSharedBytes; }

  Expected<uint64_t> allocate(int64_t bytes, int64_t align, StringRef name) override;
  Error free(uint64_t address) override;
  Error upload(uint64_t address, ArrayRef<uint8_t> bytes) override;
  Error download(uint64_t address, MutableArrayRef<uint8_t> bytes) override;
  Error poison(uint64_t address, int64_t bytes) override;
  std::optional<int64_t> countUnwritten(uint64_t address, const HostTensor &contents) override;
  Expected<std::array<uint8_t, 128>> encodeTensorMap(const sim::TensorMap &map) override;
  Expected<LaunchResult> launch(const LaunchRequest &request) override;
  Expected<std::vector<double>> measure(const LaunchRequest &request, unsigned repeat) override;

private:
  struct Prepared; ///< A launch made ready: configuration and parameters.

  Error loadModule(const Package &package);
  Error loadImage(const void *image, StringRef what);
  Error prepareLaunch(const LaunchRequest &request, Prepared &prepared);
  Error prepare(const LaunchRequest &request, Prepared &prepared);
  Error enqueue(Prepared &prepared);
  Error time(Prepared &prepared, unsigned repeat, std::vector<double> &milliseconds);
  Error record(std::vector<cuda::Event> &events);
  Error wait(cuda::Event event);
  Error makeCurrent() { return driver.check(driver.cuCtxSetCurrent(context), "cuCtxSetCurrent"); }

  const Driver &driver;
  unsigned timeoutSeconds;
  cuda::DeviceId device = 0;
  cuda::Context context = nullptr;
  cuda::Module module = nullptr;
  std::string moduleKey; ///< The PTX (or the cubin, without one) the module was loaded for.
  std::string description;
  int numSMs = 0, maxSharedBytes = 0;
  bool isHung = false; ///< A kernel never ended: no driver call would return.
  std::vector<std::pair<uint64_t, uint64_t>>
      allocations; ///< Aligned address, address as allocated.
};

struct CudaDevice::Prepared {
  /// Tensor maps among the parameters are aligned to this, so the parameters are too.
  struct alignas(TensorMap::kAlign) Block {
    uint8_t bytes[TensorMap::kAlign];
  };

  cuda::Function function = nullptr;
  cuda::LaunchConfig config = {};
  cuda::LaunchAttribute cluster;
  std::vector<Block> parameters;
  size_t parameterBytes = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// The device
//===----------------------------------------------------------------------===//

CudaDevice::~CudaDevice() {
  if (isHung || !context)
    return;
  driver.cuCtxSetCurrent(context);
  if (module)
    driver.cuModuleUnload(module);
  driver.cuDevicePrimaryCtxRelease_v2(device);
}

Error CudaDevice::open(unsigned ordinal) {
  int count = 0, major = 0, minor = 0, version = 0;
  if (Error error = driver.check(driver.cuDeviceGetCount(&count), "cuDeviceGetCount"))
    return error;
  if (ordinal >= static_cast<unsigned>(count))
    return createStringError("no GPU number " + Twine(ordinal) + ": the CUDA driver sees " +
                             Twine(count) + "; use the simulator (device \"sim\")");
  if (Error error =
          driver.check(driver.cuDeviceGet(&device, static_cast<int>(ordinal)), "cuDeviceGet"))
    return error;
  char name[256] = {};
  if (Error error =
          driver.check(driver.cuDeviceGetName(name, sizeof(name) - 1, device), "cuDeviceGetName"))
    return error;
  driver.cuDriverGetVersion(&version);
  std::pair<int, int *> attributes[] = {{cuda::multiprocessorCount, &numSMs},
                                        {cuda::computeCapabilityMajor, &major},
                                        {cuda::computeCapabilityMinor, &minor},
                                        {cuda::maxSharedMemoryPerBlockOptin, &maxSharedBytes}};
  for (auto [attribute, value] : attributes)
    if (Error error = driver.check(driver.cuDeviceGetAttribute(value, attribute, device),
                                   "cuDeviceGetAttribute"))
      return error;
  description = (Twine(name) + " (sm_" + Twine(major) + Twine(minor) + ", " + Twine(numSMs) +
                 " SMs, driver " + Twine(version / 1000) + "." + Twine(version % 1000 / 10) + ")")
                    .str();
  // Code for sm_90a runs on compute capability 9.0 and on no other.
  if (major != 9 || minor != 0)
    return createStringError("expected a GPU of compute capability 9.0 (Hopper), got " +
                             description + "; use the simulator (device \"sim\")");
  if (Error error = driver.check(driver.cuDevicePrimaryCtxRetain(&context, device),
                                 "cuDevicePrimaryCtxRetain"))
    return error;
  return makeCurrent();
}

Expected<std::unique_ptr<Device>> createCudaDevice(unsigned ordinal, unsigned timeoutSeconds,
                                                   StringRef library) {
  Expected<const Driver *> driver = Driver::load(library);
  if (!driver)
    return driver.takeError();
  auto device = std::make_unique<CudaDevice>(**driver, timeoutSeconds);
  if (Error error = device->open(ordinal))
    return error;
  return device;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Expected<uint64_t> CudaDevice::allocate(int64_t bytes, int64_t align, StringRef name) {
  if (Error error = makeCurrent())
    return error;
  // The driver aligns to 256; beyond that, take more and round up.
  uint64_t slack = align > 256 ? static_cast<uint64_t>(align) : 0, address = 0;
  std::string call = ("cuMemAlloc of " + Twine(bytes) + " bytes for \"" + name + "\"").str();
  if (Error error =
          driver.check(driver.cuMemAlloc_v2(&address, static_cast<uint64_t>(bytes) + slack), call))
    return error;
  uint64_t aligned = alignTo(address, static_cast<uint64_t>(align));
  allocations.emplace_back(aligned, address);
  return aligned;
}

Error CudaDevice::free(uint64_t address) {
  auto it = find_if(allocations, [&](const auto &entry) { return entry.first == address; });
  if (it == allocations.end() || isHung)
    return Error::success();
  uint64_t original = it->second;
  allocations.erase(it);
  return driver.check(driver.cuMemFree_v2(original), "cuMemFree");
}

Error CudaDevice::upload(uint64_t address, ArrayRef<uint8_t> bytes) {
  return driver.check(driver.cuMemcpyHtoD_v2(address, bytes.data(), bytes.size()), "cuMemcpyHtoD");
}

Error CudaDevice::download(uint64_t address, MutableArrayRef<uint8_t> bytes) {
  return driver.check(driver.cuMemcpyDtoH_v2(bytes.data(), address, bytes.size()), "cuMemcpyDtoH");
}

Error CudaDevice::poison(uint64_t address, int64_t bytes) {
  return driver.check(driver.cuMemsetD8_v2(address, poisonByte, static_cast<size_t>(bytes)),
                      "cuMemsetD8");
}

std::optional<int64_t> CudaDevice::countUnwritten(uint64_t, const HostTensor &contents) {
  if (!isFloat(contents.type))
    return std::nullopt; // All ones is an honest integer.
  unsigned width = getElementBytes(contents.type);
  int64_t count = 0;
  forEachOffset(contents.sizes, contents.strides, [&](int64_t offset) {
    ArrayRef<uint8_t> element =
        ArrayRef(contents.bytes).slice(static_cast<size_t>(offset) * width, width);
    count += all_of(element, [](uint8_t byte) { return byte == poisonByte; });
  });
  return count;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

Error CudaDevice::loadImage(const void *image, StringRef what) {
  std::vector<char> errors(16384), infos(16384);
  int options[] = {cuda::jitInfoLogBuffer, cuda::jitInfoLogBufferSizeBytes, cuda::jitErrorLogBuffer,
                   cuda::jitErrorLogBufferSizeBytes};
  void *values[] = {infos.data(), reinterpret_cast<void *>(infos.size() - 1), errors.data(),
                    reinterpret_cast<void *>(errors.size() - 1)};
  cuda::Result result = driver.cuModuleLoadDataEx(&module, image, 4, options, values);
  if (result == cuda::success)
    return Error::success();
  module = nullptr;
  StringRef log = StringRef(errors.data()).trim();
  std::string message =
      llvm::toString(driver.check(result, ("cuModuleLoadDataEx of the " + what).str()));
  return createStringError(message + (log.empty() ? "" : "\n" + log.str()));
}

/// Takes the cubin; where the driver refuses it (built for another GPU) or there is none, its JIT
/// takes the PTX.
Error CudaDevice::loadModule(const Package &package) {
  // A package of a cubin alone is told by that.
  std::string key =
      package.ptx.empty() ? std::string(package.cubin.begin(), package.cubin.end()) : package.ptx;
  if (module && moduleKey == key)
    return Error::success();
  if (module)
    driver.cuModuleUnload(module);
  module = nullptr;
  std::string cubinProblem;
  if (!package.cubin.empty()) {
    Error error = loadImage(package.cubin.data(), "cubin");
    if (!error || package.ptx.empty()) {
      moduleKey = std::move(key);
      return error;
    }
    cubinProblem = llvm::toString(std::move(error));
  }
  if (Error error = loadImage(package.ptx.c_str(), "PTX"))
    return cubinProblem.empty()
               ? std::move(error)
               : createStringError(cubinProblem + "\n" + llvm::toString(std::move(error)));
  moduleKey = std::move(key);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

Expected<std::array<uint8_t, 128>> CudaDevice::encodeTensorMap(const sim::TensorMap &map) {
  if (Error error = makeCurrent())
    return error;
  cuda::TensorMap encoded;
  cuda::Result result = driver.cuTensorMapEncodeTiled(
      &encoded, static_cast<int>(map.type), map.rank, reinterpret_cast<void *>(map.address),
      map.size.data(), map.stride.data(), map.box.data(), map.elementStride.data(),
      static_cast<int>(map.interleave), static_cast<int>(map.swizzle), map.l2Promotion,
      static_cast<int>(map.fill));
  if (Error error = driver.check(result, "cuTensorMapEncodeTiled"))
    return error;
  return encoded.bytes;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

Error CudaDevice::prepare(const LaunchRequest &request, Prepared &prepared) {
  const Variant &variant = *request.variant;
  std::string call = "cuModuleGetFunction of \"" + variant.entry + "\"";
  if (Error error = driver.check(
          driver.cuModuleGetFunction(&prepared.function, module, variant.entry.c_str()), call))
    return error;
  auto set = [&](int attribute, int64_t value, StringRef name) {
    return driver.check(
        driver.cuFuncSetAttribute(prepared.function, attribute, static_cast<int>(value)),
        ("cuFuncSetAttribute of " + name + " = " + Twine(value)).str());
  };
  // 48 KiB is what a kernel gets without asking.
  if (variant.dynamicSharedBytes > 48 * 1024)
    if (Error error = set(cuda::maxDynamicSharedSizeBytes, variant.dynamicSharedBytes,
                          "the dynamic shared memory"))
      return error;
  int64_t clusterSize = variant.cluster[0] * variant.cluster[1] * variant.cluster[2];
  if (clusterSize > 8)
    if (Error error = set(cuda::nonPortableClusterSizeAllowed, 1, "the non-portable cluster size"))
      return error;
  auto narrow = [](int64_t value) { return static_cast<unsigned>(value); };
  prepared.config = {narrow(request.grid[0]),
                     narrow(request.grid[1]),
                     narrow(request.grid[2]),
                     narrow(variant.block[0]),
                     narrow(variant.block[1]),
                     narrow(variant.block[2]),
                     narrow(variant.dynamicSharedBytes),
                     nullptr,
                     &prepared.cluster,
                     clusterSize > 1 ? 1u : 0u};
  for (unsigned d = 0; d < 3; ++d)
    prepared.cluster.value[d] = narrow(variant.cluster[d]);
  prepared.parameterBytes = request.parameters.size();
  prepared.parameters.resize(divideCeil(prepared.parameterBytes, sizeof(Prepared::Block)));
  if (!request.parameters.empty())
    std::memcpy(prepared.parameters.data(), request.parameters.data(), prepared.parameterBytes);
  return Error::success();
}

Error CudaDevice::enqueue(Prepared &prepared) {
  void *extra[] = {cuda::launchParamBufferPointer, prepared.parameters.data(),
                   cuda::launchParamBufferSize, &prepared.parameterBytes, cuda::launchParamEnd};
  return driver.check(driver.cuLaunchKernelEx(&prepared.config, prepared.function, nullptr, extra),
                      "cuLaunchKernelEx");
}

Error CudaDevice::record(std::vector<cuda::Event> &events) {
  cuda::Event event = nullptr;
  if (Error error = driver.check(driver.cuEventCreate(&event, 0), "cuEventCreate"))
    return error;
  events.push_back(event);
  return driver.check(driver.cuEventRecord(event, nullptr), "cuEventRecord");
}

/// Polls, so that a kernel that hangs does not hang the host too.
Error CudaDevice::wait(cuda::Event event) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  while (true) {
    cuda::Result result = driver.cuEventQuery(event);
    if (result != cuda::errorNotReady)
      return driver.check(result, "the kernel");
    Clock::duration passed = Clock::now() - start;
    if (passed > std::chrono::seconds(timeoutSeconds)) {
      isHung = true;
      return createStringError("the kernel did not end: expected at most " + Twine(timeoutSeconds) +
                               " s, got a hang; run it on the simulator (device \"sim\"), which "
                               "names the wait that never ends");
    }
    if (passed > std::chrono::milliseconds(5))
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

/// All launches are queued at once with an event between each two, so that the host's own pace does
/// not show.
Error CudaDevice::time(Prepared &prepared, unsigned repeat, std::vector<double> &milliseconds) {
  std::vector<cuda::Event> events;
  auto run = [&]() -> Error {
    for (unsigned i = 0; i < warmUpLaunches; ++i)
      if (Error error = enqueue(prepared))
        return error;
    if (Error error = record(events))
      return error;
    for (unsigned i = 0; i < repeat; ++i) {
      if (Error error = enqueue(prepared))
        return error;
      if (Error error = record(events))
        return error;
    }
    if (Error error = wait(events.back()))
      return error;
    for (unsigned i = 0; i < repeat; ++i) {
      float elapsed = 0;
      if (Error error = driver.check(driver.cuEventElapsedTime(&elapsed, events[i], events[i + 1]),
                                     "cuEventElapsedTime"))
        return error;
      milliseconds.push_back(elapsed);
    }
    return Error::success();
  };
  Error error = run();
  if (!isHung)
    for (cuda::Event event : events)
      driver.cuEventDestroy_v2(event);
  return error;
}

Error CudaDevice::prepareLaunch(const LaunchRequest &request, Prepared &prepared) {
  if (isHung)
    return createStringError("an earlier kernel on this GPU did not end; start a new process");
  if (Error error = makeCurrent())
    return error;
  if (Error error = loadModule(*request.package))
    return error;
  return prepare(request, prepared);
}

Expected<LaunchResult> CudaDevice::launch(const LaunchRequest &request) {
  Prepared prepared;
  if (Error error = prepareLaunch(request, prepared))
    return error;
  if (Error error = enqueue(prepared))
    return error;
  std::vector<cuda::Event> events;
  Error error = record(events);
  if (!error)
    error = wait(events.back());
  if (!isHung)
    for (cuda::Event event : events)
      driver.cuEventDestroy_v2(event);
  if (error)
    return error;
  return LaunchResult();
}

Expected<std::vector<double>> CudaDevice::measure(const LaunchRequest &request, unsigned repeat) {
  Prepared prepared;
  std::vector<double> milliseconds;
  if (Error error = prepareLaunch(request, prepared))
    return error;
  if (Error error = time(prepared, repeat, milliseconds))
    return error;
  return milliseconds;
}

} // namespace tk
