//===- CudaDriver.h - The part of the CUDA driver API in use ----*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Own declarations of the stable ABI of `libcuda.so.1`, so that neither headers nor a driver are
/// needed to build.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_RUNTIME_CUDADRIVER_H
#define TK_LIB_RUNTIME_CUDADRIVER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstddef>
#include <cstdint>

namespace tk::cuda {

using Result = int;
using DeviceId = int;
using DevicePtr = uint64_t;
struct ContextT;
struct ModuleT;
struct FunctionT;
struct StreamT;
struct EventT;
using Context = ContextT *;
using Module = ModuleT *;
using Function = FunctionT *;
using Stream = StreamT *;
using Event = EventT *;

inline constexpr Result success = 0;
inline constexpr Result errorNotReady = 600;

enum DeviceAttribute : int {
  multiprocessorCount = 16,
  computeCapabilityMajor = 75,
  computeCapabilityMinor = 76,
  maxSharedMemoryPerBlockOptin = 97,
};
enum FunctionAttribute : int { maxDynamicSharedSizeBytes = 8, nonPortableClusterSizeAllowed = 14 };
enum JitOption : int {
  jitInfoLogBuffer = 3,
  jitInfoLogBufferSizeBytes = 4,
  jitErrorLogBuffer = 5,
  jitErrorLogBufferSizeBytes = 6,
};

/// CUlaunchAttribute: an id, padding to 8 bytes, and a union of 64 bytes.
struct LaunchAttribute {
  static constexpr int clusterDimension = 4;
  int id = clusterDimension;
  char padding[4] = {};
  uint32_t value[16] = {};
};
static_assert(sizeof(LaunchAttribute) == 72);

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};
static_assert(sizeof(LaunchConfig) == 56);

/// CUtensorMap: opaque.
struct alignas(128) TensorMap {
  std::array<uint8_t, 128> bytes;
};

/// Values of the `extra` array of a launch.
inline void *const launchParamEnd = nullptr;
inline void *const launchParamBufferPointer = reinterpret_cast<void *>(1);
inline void *const launchParamBufferSize = reinterpret_cast<void *>(2);

// The functions, under the names that the library exports.
#define TK_CUDA_FUNCTIONS(F)                                                                       \
  F(cuInit, (unsigned flags))                                                                      \
  F(cuDriverGetVersion, (int *version))                                                            \
  F(cuGetErrorName, (Result error, const char **name))                                             \
  F(cuGetErrorString, (Result error, const char **text))                                           \
  F(cuDeviceGetCount, (int *count))                                                                \
  F(cuDeviceGet, (DeviceId * device, int ordinal))                                                 \
  F(cuDeviceGetName, (char *name, int length, DeviceId device))                                    \
  F(cuDeviceGetAttribute, (int *value, int attribute, DeviceId device))                            \
  F(cuDevicePrimaryCtxRetain, (Context * context, DeviceId device))                                \
  F(cuDevicePrimaryCtxRelease_v2, (DeviceId device))                                               \
  F(cuCtxSetCurrent, (Context context))                                                            \
  F(cuMemAlloc_v2, (DevicePtr * address, size_t bytes))                                            \
  F(cuMemFree_v2, (DevicePtr address))                                                             \
  F(cuMemcpyHtoD_v2, (DevicePtr target, const void *source, size_t bytes))                         \
  F(cuMemcpyDtoH_v2, (void *target, DevicePtr source, size_t bytes))                               \
  F(cuMemsetD8_v2, (DevicePtr target, unsigned char value, size_t bytes))                          \
  F(cuModuleLoadDataEx,                                                                            \
    (Module * module, const void *image, unsigned count, int *options, void **values))             \
  F(cuModuleUnload, (Module module))                                                               \
  F(cuModuleGetFunction, (Function * function, Module module, const char *name))                   \
  F(cuFuncSetAttribute, (Function function, int attribute, int value))                             \
  F(cuLaunchKernelEx,                                                                              \
    (const LaunchConfig *config, Function function, void **parameters, void **extra))              \
  F(cuTensorMapEncodeTiled,                                                                        \
    (TensorMap * map, int type, uint32_t rank, void *address, const uint64_t *sizes,               \
     const uint64_t *strides, const uint32_t *box, const uint32_t *elementStrides, int interleave, \
     int swizzle, int l2Promotion, int fill))                                                      \
  F(cuEventCreate, (Event * event, unsigned flags))                                                \
  F(cuEventRecord, (Event event, Stream stream))                                                   \
  F(cuEventQuery, (Event event))                                                                   \
  F(cuEventElapsedTime, (float *milliseconds, Event start, Event end))                             \
  F(cuEventDestroy_v2, (Event event))

/// The loaded library.
struct Driver {
#define TK_CUDA_DECLARE(name, parameters) Result(*name) parameters = nullptr;
  TK_CUDA_FUNCTIONS(TK_CUDA_DECLARE)
#undef TK_CUDA_DECLARE

  /// Loads the library (once per path; it stays loaded) and calls cuInit.
  static llvm::Expected<const Driver *> load(llvm::StringRef library);

  /// "cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)", or success.
  llvm::Error check(Result result, llvm::StringRef call) const;
};

} // namespace tk::cuda

#endif // TK_LIB_RUNTIME_CUDADRIVER_H
