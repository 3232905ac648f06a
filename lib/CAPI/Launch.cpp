//===- Launch.cpp - C interface: devices and launches ---------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Handles.h"
#include "tk/Runtime/Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace llvm;
using namespace tk;

namespace {
/// Where a result goes.
struct Target {
  std::string name; ///< Of the result: "C", or "problems[3].C".
  const tkValue *value;
  std::vector<int64_t> strides;
};

/// The caller's values as the runtime takes them. `inputs` points into `tensors`.
struct Values {
  std::vector<std::unique_ptr<HostTensor>> tensors;
  std::vector<Target> outputs;
  LaunchInputs inputs;

  Error add(const tkValue &value) { return add(value, value.name ? value.name : "", inputs); }

private:
  /// `name` is what messages and results call it; it goes to `to` under its own name.
  Error add(const tkValue &value, const std::string &name, LaunchInputs &to);
  Error addArray(const tkValue &value, const std::string &name, LaunchInputs &to);
  Error addList(const tkValue &value, LaunchInputs &to);
};
} // namespace

static Error failValue(const Twine &name, const Twine &problem) {
  return createStringError("argument \"" + name + "\": " + problem);
}

Error Values::addList(const tkValue &value, LaunchInputs &to) {
  if (value.integer < 0 || (value.integer > 0 && !value.data))
    return failValue(value.name, "expected zero or more rows and their address, got " +
                                     Twine(value.integer) + (value.data ? "" : " at NULL"));
  LaunchInputs::Table &table = to.tables.emplace_back();
  table.name = value.name;
  ArrayRef<tkRow> rows(static_cast<const tkRow *>(value.data), static_cast<size_t>(value.integer));
  table.rows.resize(rows.size());
  for (auto [index, row] : enumerate(rows)) {
    if (row.numValues && !row.values)
      return failValue(value.name, "expected " + Twine(row.numValues) + " values of row " +
                                       Twine(index) + ", got their address as NULL");
    for (const tkValue &column : ArrayRef(row.values, row.numValues)) {
      std::string name = nameOfRow(value.name, index, column.name ? column.name : "");
      if (column.kind == TK_LIST)
        return failValue(name, "expected an array, got a list in a list");
      if (Error error = add(column, name, table.rows[index]))
        return error;
    }
  }
  return Error::success();
}

Error Values::add(const tkValue &value, const std::string &name, LaunchInputs &inputs) {
  if (!value.name)
    return createStringError("expected a name for every value, got NULL");
  switch (value.kind) {
  case TK_INTEGER:
    inputs.scalars.push_back({value.name, value.integer});
    return Error::success();
  case TK_REAL:
    inputs.scalars.push_back({value.name, value.real});
    return Error::success();
  case TK_INPUT:
  case TK_OUTPUT:
  case TK_INOUT:
  case TK_ON_DEVICE:
    return addArray(value, name, inputs);
  case TK_LIST:
    return addList(value, inputs);
  }
  return failValue(name, "expected a tkValueKind, got " + Twine(static_cast<int>(value.kind)));
}

Error Values::addArray(const tkValue &value, const std::string &name, LaunchInputs &inputs) {
  if (value.elementType < TK_F64 || value.elementType > TK_I1)
    return failValue(name,
                     "expected a tkElementType, got " + Twine(static_cast<int>(value.elementType)));
  if (value.rank < 1 || value.rank > TK_MAX_RANK || !value.sizes)
    return failValue(name, "expected 1 to 5 sizes, got " + Twine(value.sizes ? value.rank : 0));
  HostTensor tensor;
  tensor.type = static_cast<ElementType>(value.elementType);
  tensor.sizes.assign(value.sizes, value.sizes + value.rank);
  if (any_of(tensor.sizes, [](int64_t size) { return size < 0; }))
    return failValue(name, "expected sizes of zero or more, got " + printSizes(tensor.sizes));
  tensor.strides = getDenseStrides(tensor.sizes);
  if (value.strides)
    tensor.strides.assign(value.strides, value.strides + value.rank);
  if (any_of(tensor.strides, [](int64_t stride) { return stride < 0; }))
    return failValue(name, "expected strides of zero or more, got a negative one; copy the array");
  std::optional<int64_t> extent = getExtent(tensor.sizes, tensor.strides);
  int64_t bytes = 0;
  if (!extent || MulOverflow(*extent, int64_t(getElementBytes(tensor.type)), bytes) ||
      static_cast<uint64_t>(bytes) > getHostMemory())
    return failValue(name, "expected an array that fits memory, got " + printSizes(tensor.sizes));
  if (bytes > 0 && !value.data)
    return failValue(name, "expected an address, got NULL");
  if (value.kind == TK_OUTPUT || value.kind == TK_INOUT) {
    inputs.outputs.push_back({value.name, tensor.sizes, tensor.strides});
    outputs.push_back({name, &value, tensor.strides});
  }
  if (value.kind == TK_OUTPUT)
    return Error::success();
  std::optional<uint64_t> address;
  if (value.kind == TK_ON_DEVICE) {
    address = reinterpret_cast<uint64_t>(value.data);
  } else if (bytes > 0) {
    const uint8_t *data = static_cast<const uint8_t *>(value.data);
    tensor.bytes.assign(data, data + bytes);
  }
  tensors.push_back(std::make_unique<HostTensor>(std::move(tensor)));
  inputs.inputs.push_back({value.name, tensors.back().get(), address});
  return Error::success();
}

/// Element by element, so that the gaps of a strided array stay as they are.
static void copyOut(const HostTensor &tensor, const tkValue &value, ArrayRef<int64_t> strides) {
  unsigned width = getElementBytes(tensor.type);
  std::vector<int64_t> targets;
  targets.reserve(static_cast<size_t>(tensor.getNumElements()));
  forEachOffset(tensor.sizes, strides, [&](int64_t offset) { targets.push_back(offset); });
  size_t next = 0;
  auto *data = static_cast<uint8_t *>(value.data);
  forEachOffset(tensor.sizes, tensor.strides, [&](int64_t offset) {
    std::memcpy(data + targets[next++] * width, &tensor.bytes[static_cast<size_t>(offset) * width],
                width);
  });
}

static json::Array toArray(ArrayRef<int64_t> values) {
  json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

static void writeOutputs(json::OStream &stream, const ExecuteResult &result) {
  stream.attributeArray("outputs", [&] {
    for (const OutputResult &output : result.outputs)
      stream.object([&] {
        stream.attribute("name", output.name);
        stream.attribute("sizes", toArray(output.tensor.sizes));
        stream.attribute("unwritten",
                         output.unwritten ? json::Value(*output.unwritten) : json::Value(nullptr));
      });
  });
}

static void writeFindings(json::OStream &stream, const ExecuteResult &result, uint64_t seed) {
  std::vector<SeededFinding> findings;
  if (result.report)
    mergeFindings(findings, result.report->findings, seed);
  stream.attributeArray("findings", [&] {
    for (const SeededFinding &finding : findings)
      writeFinding(stream, finding);
  });
}

static void writeSimulation(json::OStream &stream, const sim::Report &report) {
  stream.attributeBegin("barriers");
  writeBarriers(stream, report.barriers);
  stream.attributeEnd();
  stream.attributeBegin("banks");
  writeBanks(stream, report.banks);
  stream.attributeEnd();
  stream.attributeBegin("counters");
  writeCounters(stream, report);
  stream.attributeEnd();
}

static std::string writeReport(const Device &device, const Kernel &kernel,
                               const ExecuteResult &result, uint64_t seed) {
  std::string text;
  raw_string_ostream os(text);
  json::OStream stream(os, 2);
  const Variant &variant = kernel.variants[result.choice.index];
  stream.object([&] {
    stream.attribute("device", device.getKind());
    stream.attribute("kernel", kernel.name);
    stream.attribute("entry", variant.entry);
    stream.attribute("forced", result.choice.isForced);
    stream.attribute("grid", toArray(result.choice.grid));
    stream.attribute("block", toArray(variant.block));
    stream.attribute("launched", result.launched);
    stream.attributeArray("declined", [&] {
      for (const std::string &reason : result.choice.declined)
        stream.value(reason);
    });
    writeOutputs(stream, result);
    // An empty grid launches nothing, in which nothing is found.
    writeFindings(stream, result, seed);
    if (result.report)
      writeSimulation(stream, *result.report);
    if (result.timing)
      stream.attributeObject("milliseconds", [&] {
        stream.attribute("median", result.timing->median);
        stream.attribute("least", result.timing->least);
        stream.attribute("greatest", result.timing->greatest);
        stream.attribute("launches", static_cast<int64_t>(result.timing->launches));
      });
  });
  return text;
}

extern "C" {

int tkDeviceCreate(const char *kind, tkDevice *device) {
  auto handle = std::make_unique<tkDeviceOpaque>();
  Expected<std::unique_ptr<Device>> created = createDevice(kind, handle->note);
  if (!created)
    return capi::fail(created.takeError());
  handle->device = std::move(*created);
  handle->kind = handle->device->getKind().str();
  handle->description = handle->device->getDescription();
  *device = handle.release();
  return 0;
}

void tkDeviceFree(tkDevice device) { delete device; }
const char *tkDeviceGetKind(tkDevice device) { return device->kind.c_str(); }
const char *tkDeviceGetDescription(tkDevice device) { return device->description.c_str(); }
const char *tkDeviceGetNote(tkDevice device) { return device->note.c_str(); }
void tkDeviceCancel(tkDevice device) { device->cancelled = true; }

int tkLaunch(tkDevice device, tkPackage package, size_t kernel, const tkValue *values,
             size_t numValues, const tkLaunchOptions *options, tkResult *result) {
  llvm::scope_exit notAgain([&] { device->cancelled = false; });
  const std::vector<Kernel> &kernels = package->package.kernels;
  if (kernel >= kernels.size())
    return capi::fail("expected a kernel below " + Twine(kernels.size()) + ", got " +
                      Twine(kernel));
  if (options && options->structSize != sizeof(tkLaunchOptions))
    return capi::fail("expected tkLaunchOptions of " + Twine(sizeof(tkLaunchOptions)) +
                      " bytes, got " + Twine(options->structSize) +
                      "; set structSize to sizeof(tkLaunchOptions)");
  if (options && options->variant)
    if (Expected<size_t> index = findVariant(kernels[kernel], options->variant); !index)
      return capi::fail(index.takeError());
  Values given;
  for (const tkValue &value : ArrayRef(values, numValues))
    if (Error error = given.add(value))
      return capi::fail(std::move(error));
  Expected<Binding> binding = bindArguments(kernels[kernel], given.inputs);
  if (!binding)
    return capi::fail(binding.takeError());
  ExecuteOptions execution;
  execution.name = kernels[kernel].name + ".ptx";
  execution.sim.cancelled = &device->cancelled;
  if (options) {
    execution.sim.seed = options->seed;
    execution.sim.maxSteps = options->maxSteps;
    execution.repeat = options->repeat;
    execution.variant = options->variant ? options->variant : "";
  }
  Expected<ExecuteResult> executed =
      execute(*device->device, package->package, *binding, execution);
  if (!executed)
    return capi::fail(executed.takeError());
  StringMap<const Target *> targets;
  for (const Target &target : given.outputs)
    targets[target.name] = &target;
  for (const OutputResult &output : executed->outputs)
    if (const Target *target = targets.lookup(output.name))
      copyOut(output.tensor, *target->value, target->strides);
  auto handle = std::make_unique<tkResultOpaque>();
  handle->numErrors = executed->report ? executed->report->errors() : 0;
  handle->report = writeReport(*device->device, kernels[kernel], *executed, execution.sim.seed);
  *result = handle.release();
  return 0;
}

void tkResultFree(tkResult result) { delete result; }
size_t tkResultGetNumErrors(tkResult result) { return result->numErrors; }
const char *tkResultGetReport(tkResult result) { return result->report.c_str(); }

} // extern "C"
