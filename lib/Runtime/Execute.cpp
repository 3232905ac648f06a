//===- Execute.cpp - From bound arguments to results ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Execute.h"
#include "tk/Runtime/TensorMaps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace llvm;

namespace tk {

/// Drivers give out memory aligned to this much; asking for it on every device makes runs alike.
static constexpr int64_t leastAlignment = 256;

/// Names every buffer with its source line, the sum and the limit: what one needs to decide which
/// to shrink.
static Error makeSharedMemoryError(const Variant &variant, int64_t limit) {
  std::string message;
  raw_string_ostream os(message);
  os << "kernel \"" << variant.entry << "\" needs too much shared memory: expected at most "
     << limit << " bytes per block, got " << variant.dynamicSharedBytes
     << "; use smaller tiles or fewer stages";
  for (const SharedBuffer &buffer : variant.sharedBuffers)
    os << "\n  " << buffer.location << ": \"" << buffer.name << "\" takes " << buffer.bytes
       << " bytes at " << buffer.offset << " (" << buffer.type << ")";
  return createStringError(message);
}

namespace {
/// The device memory of one launch; freed however it ends.
class Execution {
public:
  Execution(Device &device, const Package &package, const Binding &binding,
            const ExecuteOptions &options)
      : device(device), package(package), binding(binding), options(options),
        facts(binding.getFacts(device.getNumSMs())) {}
  ~Execution() {
    for (uint64_t address : allocations)
      consumeError(device.free(address));
  }
  Expected<ExecuteResult> run();

private:
  Error prepare(const BoundArgument &bound, ArgumentFacts &known);
  Error launch(ExecuteResult &result);
  Error measure(ExecuteResult &result);
  Error collect(const BoundArgument &bound, uint64_t address, ExecuteResult &result);

  Device &device;
  const Package &package;
  const Binding &binding;
  const ExecuteOptions &options;
  LaunchFacts facts;
  LaunchRequest request;
  std::vector<uint64_t> allocations;
};
} // namespace

/// The input as the device needs it. Its strides may differ in dimensions of size 1, which moves
/// nothing.
Error Execution::prepare(const BoundArgument &bound, ArgumentFacts &known) {
  if (!bound.argument->isView)
    return Error::success();
  if (bound.address) {
    known.address = *bound.address;
    return Error::success();
  }
  int64_t bytes = bound.getBytes();
  Expected<uint64_t> address =
      device.allocate(std::max<int64_t>(bytes, 1), std::max(leastAlignment, bound.argument->align),
                      bound.argument->name);
  if (!address)
    return address.takeError();
  known.address = *address;
  allocations.push_back(*address);
  if (bytes == 0)
    return Error::success();
  if (!bound.input)
    return device.poison(*address, bytes);
  return device.upload(*address, bound.input->bytes);
}

Error Execution::launch(ExecuteResult &result) {
  const Variant &variant = *request.variant;
  if (variant.dynamicSharedBytes > device.getMaxSharedBytes())
    return makeSharedMemoryError(variant, device.getMaxSharedBytes());
  if (result.choice.isEmpty())
    return Error::success();
  Expected<LaunchResult> launched = device.launch(request);
  if (!launched)
    return launched.takeError();
  result.report = std::move(launched->report);
  result.launched = true;
  return Error::success();
}

Error Execution::measure(ExecuteResult &result) {
  if (!result.launched || options.repeat == 0)
    return Error::success();
  Expected<std::vector<double>> milliseconds = device.measure(request, options.repeat);
  if (!milliseconds)
    return milliseconds.takeError();
  result.timing = summarise(*milliseconds);
  return Error::success();
}

Error Execution::collect(const BoundArgument &bound, uint64_t address, ExecuteResult &result) {
  OutputResult &output = result.outputs.emplace_back();
  output.name = bound.argument->name;
  output.tensor = {bound.argument->elementType, bound.sizes, bound.strides, {}};
  output.tensor.bytes.resize(static_cast<size_t>(bound.getBytes()));
  if (!output.tensor.bytes.empty())
    if (Error error = device.download(address, output.tensor.bytes))
      return error;
  output.unwritten = bound.input ? 0 : device.countUnwritten(address, output.tensor);
  return Error::success();
}

Expected<ExecuteResult> Execution::run() {
  for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments))
    if (Error error = prepare(bound, known))
      return error;
  ExecuteResult result;
  Expected<VariantChoice> choice = chooseVariant(*binding.kernel, facts, options.variant);
  if (!choice)
    return choice.takeError();
  result.choice = std::move(*choice);
  const Variant &variant = binding.kernel->variants[result.choice.index];
  std::vector<uint8_t> parameters = packParameters(binding, variant, facts);
  // Where nothing is launched, a size of zero is no map's fault.
  if (!result.choice.isEmpty())
    if (Error error = encodeTensorMaps(device, *binding.kernel, variant, facts, parameters))
      return error;
  request = {&package, &variant, result.choice.grid, parameters, options.name, options.sim};
  if (Error error = launch(result))
    return error;
  for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments))
    if (bound.isOutput && !bound.address)
      if (Error error = collect(bound, known.address, result))
        return error;
  if (Error error = measure(result))
    return error;
  return result;
}

uint64_t getHostMemory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
}

static Error checkMemory(const Binding &binding) {
  uint64_t total = 0;
  for (const BoundArgument &bound : binding.arguments) {
    if (!bound.argument->isView || bound.address)
      continue;
    uint64_t bytes = static_cast<uint64_t>(bound.getBytes());
    if (bytes > getHostMemory() || (total += bytes) > getHostMemory())
      return createStringError(
          "argument \"" + bound.argument->name + "\": expected arrays that fit this machine's " +
          Twine(getHostMemory()) + " bytes of memory, got " + printSizes(bound.sizes));
  }
  return Error::success();
}

Expected<ExecuteResult> execute(Device &device, const Package &package, const Binding &binding,
                                const ExecuteOptions &options) {
  if (Error error = checkMemory(binding))
    return error;
  return Execution(device, package, binding, options).run();
}

} // namespace tk
