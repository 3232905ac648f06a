//===- CudaDriver.cpp - The part of the CUDA driver API in use ------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CudaDriver.h"
#include "llvm/ADT/StringMap.h"
#include <dlfcn.h>
#include <mutex>

using namespace llvm;

namespace tk::cuda {

static Expected<Driver> open(StringRef library) {
  void *handle = dlopen(library.str().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return createStringError(
        "no CUDA driver: " + library +
        " was not found; use the simulator (device \"sim\"), or install NVIDIA's driver");
  Driver driver;
#define TK_CUDA_LOOK_UP(name, parameters)                                                          \
  driver.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));                      \
  if (!driver.name)                                                                                \
    return createStringError("the CUDA driver is too old: expected " + library +                   \
                             " to have " #name ", got none; install driver 525 or newer");
  TK_CUDA_FUNCTIONS(TK_CUDA_LOOK_UP)
#undef TK_CUDA_LOOK_UP
  if (Error error = driver.check(driver.cuInit(0), "cuInit"))
    return error;
  return driver;
}

Expected<const Driver *> Driver::load(StringRef library) {
  static std::mutex mutex;
  static StringMap<std::unique_ptr<Driver>> drivers;
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Driver> &driver = drivers[library];
  if (!driver) {
    Expected<Driver> opened = open(library);
    if (!opened)
      return opened.takeError();
    driver = std::make_unique<Driver>(*opened);
  }
  return driver.get();
}

Error Driver::check(Result result, StringRef call) const {
  if (result == success)
    return Error::success();
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(result, &name);
  cuGetErrorString(result, &text);
  return createStringError(call + " failed: " + (name ? name : "error " + std::to_string(result)) +
                           (text ? " (" + std::string(text) + ")" : ""));
}

} // namespace tk::cuda
