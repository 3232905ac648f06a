//===- Targets.cpp - What the fuzzers run ---------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Targets.h"
#include "tk/Sim/LaunchFile.h"
#include "tk/Sim/TensorMap.h"
#include "tk/Support/JSON.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

using namespace llvm;

namespace tk::sim::fuzz {

/// Not an assertion: those are off where speed counts.
static void require(bool holds, const Twine &message) {
  if (holds)
    return;
  errs() << "fuzz: " << message << '\n';
  abort();
}

static std::shared_ptr<const Program> parsed(StringRef ptx) {
  Expected<std::shared_ptr<const Program>> program = Program::parse(ptx, "x.ptx");
  if (program)
    return *program;
  std::string message = toString(program.takeError());
  require(StringRef(message).starts_with("x.ptx:") && StringRef(message).contains(": error: "),
          "an error without a place: " + message);
  return nullptr;
}

void parse(StringRef ptx) { parsed(ptx); }

static void printAll(const Report &report, const Program &program, bool isTraced) {
  std::string text;
  raw_string_ostream os(text);
  printText(report, os);
  text.clear();
  printJson(report, os);
  // What a kernel prints need not be text; everything else is.
  if (report.output.empty()) {
    Expected<json::Value> value = json::parse(text);
    require(bool(value), "the report is no JSON: " + text);
  }
  if (isTraced)
    printHtml(report, program, os);
}

/// A map of the buffer, for what looks like the place of one.
static std::array<uint8_t, 128> tensorMap(uint64_t address) {
  TensorMap map;
  map.address = address;
  map.type = TensorMap::Type::U32;
  map.rank = 2;
  map.size[0] = 64;
  map.size[1] = 4;
  map.stride[0] = 256;
  map.box[0] = 8;
  map.box[1] = 2;
  return cantFail(encodeTensorMap(map));
}

static void executeEntry(const Program &program, const Program::Entry &entry, uint64_t seed) {
  constexpr uint64_t kBytes = 1 << 14;
  std::unique_ptr<Device> device = Device::create();
  device->memory().setLimit(64 << 20);
  uint64_t buffer = device->memory().allocate(kBytes, 256, "B");
  cantFail(device->memory().write(buffer, std::vector<uint8_t>(kBytes)));
  for (const Program::Symbol &s : program.symbols())
    if (s.bytes == 128) {
      Expected<uint64_t> address = device->addressOf(program, s.name);
      if (!address)
        return consumeError(address.takeError());
      cantFail(device->memory().write(*address, tensorMap(buffer)));
    }
  Launch launch;
  launch.entry = entry.name;
  launch.block = {64, 1, 1};
  if (entry.requiredBlock[0])
    launch.block = entry.requiredBlock;
  if (entry.requiredCluster[0])
    launch.cluster = entry.requiredCluster;
  launch.grid = launch.cluster;
  launch.dynamicSharedBytes = 1024;
  launch.parameters.resize(entry.parameterBytes);
  for (const Program::Parameter &p : entry.parameters) {
    std::array<uint8_t, 128> map = tensorMap(buffer);
    if (p.bytes == 8)
      memcpy(&launch.parameters[p.offset], &buffer, 8);
    else if (p.bytes == 128)
      memcpy(&launch.parameters[p.offset], map.data(), 128);
    else
      launch.parameters[p.offset] = 3;
  }
  Options options;
  options.seed = seed;
  options.threads = 1;
  options.maxSteps = 4000;
  options.stackBytes = 4096;
  options.heapBytes = options.printfBytes = 4096;
  options.trace = seed % 8 == 0;
  Expected<Report> report = device->launch(program, launch, options);
  if (!report)
    return consumeError(report.takeError());
  printAll(*report, program, options.trace);
}

void execute(StringRef ptx) {
  std::shared_ptr<const Program> program = parsed(ptx);
  if (!program)
    return;
  std::string text;
  raw_string_ostream os(text);
  printSkeleton(*program, os);
  for (const Program::Entry &entry : program->entries().take_front(2))
    executeEntry(*program, entry, xxh3_64bits(ptx) % 1000);
}

/// Outputs would lie wherever the file says, so each is called o.npy.
static bool tameOutputs(json::Value &value) {
  bool isChanged = false;
  if (json::Array *list = value.getAsArray())
    for (json::Value &element : *list)
      isChanged |= tameOutputs(element);
  if (json::Object *object = value.getAsObject())
    for (auto &[key, element] : *object) {
      bool isOutput = StringRef(key) == "out";
      if (isOutput)
        element = "o.npy";
      isChanged |= isOutput || tameOutputs(element);
    }
  return isChanged;
}

static const char kModule[] = R"(.version 8.6
.target sm_90a
.address_size 64
.global .align 4 .u32 done;
.const .align 8 .b8 table[16];
.visible .entry k(.param .align 64 .b8 s[128], .param .u32 n, .param .u64 x)
{
  .reg .b32 %r<2>; .reg .b64 %d;
  ld.param.u64 %d, [x];
  ld.param.u32 %r0, [n];
  st.global.u32 [%d], %r0;
  ret;
}
.visible .entry none() { ret; }
)";

static void writeFile(StringRef dir, StringRef name, StringRef content) {
  SmallString<128> path(dir);
  sys::path::append(path, name);
  std::error_code ec;
  raw_fd_ostream(path, ec) << content;
  require(!ec, "cannot write " + path);
}

void launch(StringRef input, StringRef dir) {
  auto [json, array] = input.split("\n---\n");
  writeFile(dir, "a.npy", array);
  writeFile(dir, "a.safetensors", array);
  static const std::shared_ptr<const Program> program = cantFail(Program::parse(kModule, "k.ptx"));
  std::string text = json.str();
  Expected<json::Value> value = parseJSON(json);
  if (!value)
    consumeError(value.takeError());
  else if (tameOutputs(*value)) {
    text.clear();
    raw_string_ostream(text) << *value;
  }
  SmallString<128> path(dir);
  sys::path::append(path, "launch.json");
  writeFile(dir, "launch.json", text);
  RunOptions how;
  how.options.threads = 1;
  how.options.maxSteps = 4000;
  how.options.memoryBytes = 64 << 20;
  Expected<Report> report = runLaunchFile(*program, path, how);
  if (report)
    return printAll(*report, *program, false);
  std::string message = toString(report.takeError());
  require(StringRef(message).starts_with(path), "an error without the file: " + message);
}

} // namespace tk::sim::fuzz
