//===- FakeCuda.cpp - A driver library for tests --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/// Stands in for libcuda.so.1 on machines without one: device memory is host memory, and the
/// "kernels" of a module are chosen by name. It checks what a real driver checks (attributes before
/// large shared memory, whole configurations) and shows what a test cannot see otherwise. It knows
/// nothing of CudaDriver.h: the ABI is written down twice.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

namespace {
struct Module {
  std::string image;
};
struct Function {
  std::string name;
  int sharedLimit = 48 * 1024;
};
struct Config {
  unsigned grid[3], block[3], sharedBytes;
  void *stream;
  const char *attributes;
  unsigned numAttributes;
};

constexpr int invalidValue = 1, outOfMemory = 2, invalidPtx = 218, notFound = 500, notReady = 600;
bool isHung = false;
/// What the last launches and maps were asked for, as text; the parameters of the last launch.
std::string &seen = *new std::string, &parameterBytes = *new std::string;

template <class T>
void note(const char *name, const T *values, unsigned count) {
  seen += std::string(" ") + name + " ";
  for (unsigned i = 0; i < count; ++i)
    seen += (i ? "," : "") + std::to_string(values[i]);
}
void note(const char *name, uint64_t value) { note(name, &value, 1); }

/// Everything taken and not given back. Never destroyed, so that a leak checker still sees what a
/// hang leaves behind.
std::set<void *> &live = *new std::set<void *>;

template <class T>
T *take(T *object) {
  return live.insert(object), object;
}
template <class T>
T *giveBack(T *object) {
  return live.erase(object), object;
}
} // namespace

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int *version) { return *version = 12040, 0; }
int cuGetErrorName(int error, const char **name) {
  *name = error == invalidValue  ? "CUDA_ERROR_INVALID_VALUE"
          : error == outOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == invalidPtx  ? "CUDA_ERROR_INVALID_PTX"
          : error == notFound    ? "CUDA_ERROR_NOT_FOUND"
                                 : nullptr;
  return 0;
}
int cuGetErrorString(int, const char **text) { return *text = "so says the fake", 0; }
int cuDeviceGetCount(int *count) { return *count = 2, 0; }
int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, 0; }
int cuDeviceGetName(char *name, int length, int) {
  return std::strncpy(name, "Fake H100", length), 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  // Device 1 is an older GPU.
  *value = attribute == 16   ? 114
           : attribute == 75 ? (device ? 8 : 9)
           : attribute == 97 ? 232448
                             : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = take(&isHung), 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return giveBack(&isHung), 0; }
int cuCtxSetCurrent(void *) { return 0; }
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (bytes > (1u << 30))
    return outOfMemory;
  *address = reinterpret_cast<uint64_t>(take(std::aligned_alloc(256, (bytes + 255) / 256 * 256)));
  return 0;
}
int cuMemFree_v2(uint64_t address) {
  return std::free(giveBack(reinterpret_cast<void *>(address))), 0;
}
int cuMemcpyHtoD_v2(uint64_t target, const void *source, size_t bytes) {
  return std::memcpy(reinterpret_cast<void *>(target), source, bytes), 0;
}
int cuMemcpyDtoH_v2(void *target, uint64_t source, size_t bytes) {
  return std::memcpy(target, reinterpret_cast<void *>(source), bytes), 0;
}
int cuMemsetD8_v2(uint64_t target, unsigned char value, size_t bytes) {
  return std::memset(reinterpret_cast<void *>(target), value, bytes), 0;
}
int cuModuleLoadDataEx(Module **module, const void *image, unsigned count, int *options,
                       void **values) {
  std::string text(static_cast<const char *>(image));
  if (text.find("damaged") != std::string::npos) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == 5)
        std::strcpy(static_cast<char *>(values[i]), "ptxas fatal: damaged\n");
    return invalidPtx;
  }
  return *module = take(new Module{text}), 0;
}
int cuModuleUnload(Module *module) { return delete giveBack(module), 0; }
int cuModuleGetFunction(Function **function, Module *module, const char *name) {
  if (module->image.find(name) == std::string::npos)
    return notFound;
  static Function functions[16];
  static unsigned next = 0;
  *function = &(functions[next++ % 16] = Function{name});
  return 0;
}
int cuFuncSetAttribute(Function *function, int attribute, int value) {
  if (attribute == 8)
    function->sharedLimit = value;
  seen += "set " + std::to_string(attribute) + " to " + std::to_string(value) + "\n";
  return 0;
}
/// The map it makes: its address eight times, then the letter T.
int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address, const uint64_t *sizes,
                           const uint64_t *strides, const uint32_t *box,
                           const uint32_t *elementStrides, int interleave, int swizzle,
                           int l2Promotion, int fill) {
  if (reinterpret_cast<uint64_t>(map) % 64 != 0 || rank < 1 || rank > 5)
    return invalidValue;
  seen += "map";
  note("type", type);
  note("address", reinterpret_cast<uint64_t>(address));
  note("sizes", sizes, rank);
  note("strides", strides, rank - 1);
  note("box", box, rank);
  note("element strides", elementStrides, rank);
  note("interleave", interleave);
  note("swizzle", swizzle);
  note("l2", l2Promotion);
  note("fill", fill);
  seen += "\n";
  constexpr unsigned widths[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  if (swizzle && box[0] * widths[type] > (16u << swizzle))
    return invalidValue;
  std::memset(map, 'T', 128);
  for (unsigned i = 0; i < 8; ++i)
    std::memcpy(static_cast<char *>(map) + 8 * i, &address, 8);
  return 0;
}
/// "ramp" writes, at the pointer in the parameters, as many 32-bit words as the next parameter
/// says: first the cluster's extent, then 1, 2, ...; "hang" never ends.
int cuLaunchKernelEx(const Config *config, Function *function, void **parameters, void **extra) {
  bool isComplete = !parameters && extra[0] == reinterpret_cast<void *>(1) &&
                    extra[2] == reinterpret_cast<void *>(2) && !extra[4];
  if (!isComplete || static_cast<int>(config->sharedBytes) > function->sharedLimit ||
      reinterpret_cast<uint64_t>(extra[1]) % 64 != 0)
    return invalidValue;
  parameterBytes.assign(static_cast<const char *>(extra[1]), *static_cast<size_t *>(extra[3]));
  seen += "launch";
  note("grid", config->grid, 3);
  note("block", config->block, 3);
  note("shared", config->sharedBytes);
  for (unsigned i = 0; i < config->numAttributes; ++i) {
    const char *attribute = config->attributes + 72 * i;
    note("attribute", *reinterpret_cast<const int *>(attribute));
    note("of", reinterpret_cast<const uint32_t *>(attribute + 8), 3);
  }
  seen += "\n";
  isHung |= function->name == "hang";
  if (function->name != "ramp" || *static_cast<size_t *>(extra[3]) < 16)
    return 0;
  uint64_t words[2];
  std::memcpy(words, extra[1], 16);
  auto *output = reinterpret_cast<uint32_t *>(words[0]);
  uint32_t cluster = 1;
  if (config->numAttributes == 1 && *reinterpret_cast<const int *>(config->attributes) == 4)
    std::memcpy(&cluster, config->attributes + 8, 4);
  for (uint64_t i = 0; i < words[1]; ++i)
    output[i] = i ? static_cast<uint32_t>(i) : cluster;
  return 0;
}
int cuEventCreate(void **event, unsigned) { return *event = take(std::malloc(1)), 0; }
int cuEventRecord(void *, void *) { return 0; }
int cuEventQuery(void *) { return isHung ? notReady : 0; }
int cuEventElapsedTime(float *milliseconds, void *, void *) {
  static int call = 0;
  return *milliseconds = static_cast<float>(1 + call++ % 5), 0;
}
int cuEventDestroy_v2(void *event) { return std::free(giveBack(event)), 0; }

/// For the test: everything taken and not given back.
int fakeLiveObjects() { return static_cast<int>(live.size()); }
/// For the test: what was asked for since the last call, and the last launch's parameters.
const char *fakeSeen() {
  static std::string &last = *new std::string;
  last = std::move(seen);
  seen.clear();
  return last.c_str();
}
const char *fakeParameters(size_t *size) {
  return *size = parameterBytes.size(), parameterBytes.data();
}
}
