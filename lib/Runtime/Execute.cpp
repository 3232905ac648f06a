//===- Execute.cpp - From bound arguments to results ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Runtime/Execute.h"
#include "tk/Runtime/TensorMaps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
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
  Expected<uint64_t> place(ArrayRef<uint8_t> bytes, const Twine &name);
  Error placeTables(const Variant &variant);
  Error placeWorkspace(MutableArrayRef<uint8_t> parameters);
  Error checkWorkspace(ExecuteResult &result);
  Error launch(ExecuteResult &result);
  Error measure(ExecuteResult &result);
  Error collect(const BoundArgument &bound, const ArgumentFacts &known, const std::string &name,
                ExecuteResult &result);

  Device &device;
  const Package &package;
  const Binding &binding;
  const ExecuteOptions &options;
  LaunchFacts facts;
  LaunchRequest request;
  std::vector<uint64_t> allocations;
  uint64_t flagAddress = 0; ///< Of the workspace's first flag.
};
} // namespace

/// The input as the device needs it. Its strides may differ in dimensions of size 1, which moves
/// nothing.
Error Execution::prepare(const BoundArgument &bound, ArgumentFacts &known) {
  for (auto [row, facts] : zip_equal(bound.rows, known.rows))
    for (auto [column, fact] : zip_equal(row, facts.arguments))
      if (Error error = prepare(column, fact))
        return error;
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

/// Memory of its own, with these contents.
Expected<uint64_t> Execution::place(ArrayRef<uint8_t> bytes, const Twine &name) {
  Expected<uint64_t> address = device.allocate(
      std::max<int64_t>(static_cast<int64_t>(bytes.size()), 1), leastAlignment, name.str());
  if (!address)
    return address;
  allocations.push_back(*address);
  if (!bytes.empty())
    if (Error error = device.upload(*address, bytes))
      return error;
  return address;
}

/// Rows, starts and maps of each table: for the variant that is launched, since starts and maps are
/// those of its tiles. The copies end before the launch begins, so that the kernel needs no fence
/// to read maps.
Error Execution::placeTables(const Variant &variant) {
  auto put = [&](uint64_t &address, ArrayRef<uint8_t> bytes, const Twine &name) -> Error {
    Expected<uint64_t> placed = place(bytes, name);
    if (!placed)
      return placed.takeError();
    address = *placed;
    return Error::success();
  };
  for (const TableUse &use : variant.tables) {
    const BoundArgument &bound = binding.arguments[use.argument];
    ArgumentFacts &known = facts.arguments[use.argument];
    const std::string &name = bound.argument->name;
    Expected<std::vector<int64_t>> starts = findStarts(use, facts);
    if (!starts)
      return starts.takeError();
    ArrayRef<uint8_t> startBytes(reinterpret_cast<const uint8_t *>(starts->data()),
                                 starts->size() * sizeof(int64_t));
    if (Error error = put(known.address, packRows(bound, known), name + ", rows"))
      return error;
    if (Error error = put(known.starts, startBytes, name + ", starts"))
      return error;
    if (use.mapBytes == 0)
      continue;
    Nothing nothing;
    std::vector<uint8_t> zeros(Nothing::kBytes);
    if (Error error = put(nothing.zeros, zeros, name + ", zeros"))
      return error;
    if (Error error = put(nothing.sink, zeros, name + ", sink"))
      return error;
    Expected<std::vector<uint8_t>> maps =
        encodeRowMaps(device, *binding.kernel, variant, use, facts, nothing);
    if (!maps)
      return maps.takeError();
    if (Error error = put(known.maps, *maps, name + ", tensor maps"))
      return error;
  }
  return Error::success();
}

/// Slots that nobody has written yet, and flags that are clear.
Error Execution::placeWorkspace(MutableArrayRef<uint8_t> parameters) {
  const Workspace &workspace = *request.variant->workspace;
  // Of a damaged package the product may not even fit 64 bits.
  uint64_t programs = 1, slotBytes = static_cast<uint64_t>(workspace.bytes),
           flagBytes = static_cast<uint64_t>(workspace.flags) * Workspace::kFlagBytes;
  for (int64_t extent : request.grid)
    programs = SaturatingMultiply(programs, static_cast<uint64_t>(extent));
  if (SaturatingMultiply(programs, slotBytes + flagBytes) > getHostMemory())
    return createStringError("workspace of \"" + request.variant->entry + "\": expected memory " +
                             "that fits this machine's " + Twine(getHostMemory()) + " bytes, got " +
                             Twine(slotBytes + flagBytes) + " for each of " + Twine(programs) +
                             " programs");
  uint64_t slots = programs * slotBytes;
  std::vector<uint8_t> flags(programs * flagBytes);
  Expected<uint64_t> address =
      device.allocate(static_cast<int64_t>(slots + flags.size()), Workspace::kAlign, "workspace");
  if (!address)
    return address.takeError();
  allocations.push_back(*address);
  std::memcpy(parameters.data() + workspace.offset, &*address, sizeof(uint64_t));
  flagAddress = *address + slots;
  return device.upload(flagAddress, flags);
}

/// A flag that is left set would be taken by the next launch before its part is written: beside
/// what a simulator has found, or an error.
Error Execution::checkWorkspace(ExecuteResult &result) {
  if (!request.variant->workspace)
    return Error::success();
  const Workspace &workspace = *request.variant->workspace;
  size_t programs = static_cast<size_t>(request.grid[0] * request.grid[1] * request.grid[2]);
  std::vector<uint32_t> flags(programs * static_cast<size_t>(workspace.flags));
  if (Error error = device.download(flagAddress, {reinterpret_cast<uint8_t *>(flags.data()),
                                                  flags.size() * sizeof(uint32_t)}))
    return error;
  auto set = find_if(flags, [](uint32_t flag) { return flag != 0; });
  if (set == flags.end())
    return Error::success();
  size_t index = static_cast<size_t>(set - flags.begin()),
         each = static_cast<size_t>(workspace.flags);
  std::string message =
      ("workspace of \"" + request.variant->entry +
       "\": expected flags that are zero again when the kernel has ended, got " + Twine(*set) +
       " in flag " + Twine(index % each) + " of program " + Twine(index / each))
          .str();
  if (!result.report)
    return createStringError(message);
  sim::Finding finding;
  finding.name = "TK-RUN-WORKSPACE";
  finding.message = std::move(message);
  result.report->findings.push_back(std::move(finding));
  return Error::success();
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
  return checkWorkspace(result);
}

Error Execution::measure(ExecuteResult &result) {
  if (!result.launched || options.repeat == 0)
    return Error::success();
  Expected<std::vector<double>> milliseconds = device.measure(request, options.repeat);
  if (!milliseconds)
    return milliseconds.takeError();
  result.timing = summarise(*milliseconds);
  return checkWorkspace(result);
}

Error Execution::collect(const BoundArgument &bound, const ArgumentFacts &known,
                         const std::string &name, ExecuteResult &result) {
  for (auto [row, columns] : enumerate(bound.rows))
    for (auto [column, fact] : zip_equal(columns, known.rows[row].arguments))
      if (Error error = collect(column, fact, nameOfRow(name, row, column.argument->name), result))
        return error;
  if (!bound.isOutput || bound.address)
    return Error::success();
  OutputResult &output = result.outputs.emplace_back();
  output.name = name;
  output.tensor = {bound.argument->elementType, bound.sizes, bound.strides, {}};
  output.tensor.bytes.resize(static_cast<size_t>(bound.getBytes()));
  if (!output.tensor.bytes.empty())
    if (Error error = device.download(known.address, output.tensor.bytes))
      return error;
  output.unwritten = bound.input ? 0 : device.countUnwritten(known.address, output.tensor);
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
  if (!result.choice.isEmpty())
    if (Error error = placeTables(variant))
      return error;
  std::vector<uint8_t> parameters = packParameters(binding, variant, facts);
  // Where nothing is launched, a size of zero is no map's fault.
  if (!result.choice.isEmpty())
    if (Error error = encodeTensorMaps(device, *binding.kernel, variant, facts, parameters))
      return error;
  request = {&package, &variant, result.choice.grid, parameters, options.name, options.sim};
  if (variant.workspace && !result.choice.isEmpty())
    if (Error error = placeWorkspace(parameters))
      return error;
  if (Error error = launch(result))
    return error;
  for (auto [bound, known] : zip_equal(binding.arguments, facts.arguments))
    if (Error error = collect(bound, known, bound.argument->name, result))
      return error;
  if (Error error = measure(result))
    return error;
  return result;
}

uint64_t getHostMemory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
}

static Error checkMemory(ArrayRef<BoundArgument> arguments, uint64_t &total) {
  for (const BoundArgument &bound : arguments) {
    for (ArrayRef<BoundArgument> row : bound.rows)
      if (Error error = checkMemory(row, total))
        return error;
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
  uint64_t total = 0;
  if (Error error = checkMemory(binding.arguments, total))
    return error;
  return Execution(device, package, binding, options).run();
}

} // namespace tk
