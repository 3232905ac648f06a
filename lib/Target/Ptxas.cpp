//===- Ptxas.cpp - From PTX to cubin --------------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/Hopper.h"
#include "tk/Target/PTX.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

/// `folder`/bin/ptxas, if it can be run.
static std::string inFolder(StringRef folder, StringRef tail = "bin") {
  SmallString<256> path(folder);
  sys::path::append(path, tail, "ptxas");
  return sys::fs::can_execute(path) ? path.str().str() : "";
}

/// NVIDIA's wheel puts the tool below site-packages/nvidia.
static std::string inVirtualEnvironment(StringRef root) {
  SmallString<256> lib(root);
  sys::path::append(lib, "lib");
  std::error_code error;
  for (sys::fs::directory_iterator it(lib, error), end; !error && it != end; it.increment(error)) {
    SmallString<256> folder(it->path());
    sys::path::append(folder, "site-packages", "nvidia", "cu13");
    if (std::string found = inFolder(folder); !found.empty())
      return found;
  }
  return "";
}

std::string tk::findPtxas(StringRef option) {
  if (!option.empty())
    return sys::fs::can_execute(option) ? option.str() : "";
  if (std::optional<std::string> home = sys::Process::GetEnv("CUDA_HOME"))
    if (std::string found = inFolder(*home); !found.empty())
      return found;
  if (ErrorOr<std::string> found = sys::findProgramByName("ptxas"))
    return *found;
  if (std::optional<std::string> root = sys::Process::GetEnv("VIRTUAL_ENV"))
    return inVirtualEnvironment(*root);
  return "";
}

/// Reads `ptxas -v`: "Compiling entry function 'x' for", "N bytes stack frame, N bytes spill
/// stores, N bytes spill loads", "Used N registers, used N barriers", and notes such as "(C7519)
/// ... in function 'x'". Notes stand before all entries or between them, and go by the function
/// they name.
std::map<std::string, tk::ResourceReport> tk::parsePtxasLog(StringRef log) {
  std::map<std::string, tk::ResourceReport> reports;
  tk::ResourceReport *current = nullptr;
  SmallVector<StringRef> lines, groups;
  log.split(lines, '\n');
  auto number = [&](const char *pattern, StringRef line, int64_t &field) {
    int64_t value;
    if (current && Regex(pattern).match(line, &groups) && !groups[1].getAsInteger(10, value))
      field = value;
  };
  std::vector<std::string> pending; // Notes that name no function, before any is known.
  for (StringRef line : lines) {
    if (Regex("Compiling entry function '([^']+)'").match(line, &groups)) {
      current = &reports[groups[1].str()];
      current->barriers = 0;
      llvm::append_range(current->notes, pending);
      pending.clear();
    }
    if (Regex("\\(C75[0-9][0-9]\\)").match(line)) {
      bool named = Regex("function '([^']+)'").match(line, &groups);
      std::vector<std::string> &notes = named     ? reports[groups[1].str()].notes
                                        : current ? current->notes
                                                  : pending;
      notes.push_back(line.trim().str());
    }
    if (!current)
      continue;
    number("([0-9]+) bytes stack frame", line, current->stackBytes);
    number("([0-9]+) bytes spill stores", line, current->spillStores);
    number("([0-9]+) bytes spill loads", line, current->spillLoads);
    number("Used ([0-9]+) registers", line, current->registers);
    number("used ([0-9]+) barriers", line, current->barriers);
  }
  return reports;
}

static Error runFailed(StringRef ptxas, StringRef message) {
  return createStringError(formatv("{0} failed:\n{1}", ptxas, message.rtrim()));
}

Expected<tk::AssembledPTX> tk::assemblePTX(StringRef ptx, StringRef ptxas) {
  SmallString<128> input, output, log;
  for (auto [suffix, path] : {std::pair("ptx", &input), {"cubin", &output}, {"log", &log}})
    if (std::error_code error = sys::fs::createTemporaryFile("tk", suffix, *path))
      return createStringError(error, "cannot create a temporary file for ptxas");
  llvm::scope_exit cleanUp([&] {
    for (SmallString<128> *path : {&input, &output, &log})
      sys::fs::remove(*path);
  });
  {
    std::error_code error;
    raw_fd_ostream stream(input, error);
    stream << ptx;
    if (error || stream.has_error())
      return createStringError(formatv("cannot write {0}", input));
  }
  std::string arch = formatv("-arch={0}", hopper::kChip);
  SmallVector<StringRef> arguments{ptxas, "-v", arch, "-lineinfo", input, "-o", output};
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  int status = sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &message);
  ErrorOr<std::unique_ptr<MemoryBuffer>> said = MemoryBuffer::getFile(log);
  StringRef text = said ? (*said)->getBuffer() : "";
  if (status != 0)
    return runFailed(ptxas, message.empty() ? text : StringRef(message));
  ErrorOr<std::unique_ptr<MemoryBuffer>> cubin = MemoryBuffer::getFile(output);
  if (!cubin || (*cubin)->getBufferSize() == 0)
    return runFailed(ptxas, "it wrote no cubin");
  AssembledPTX result;
  result.cubin.assign((*cubin)->getBuffer().begin(), (*cubin)->getBuffer().end());
  result.resources = parsePtxasLog(text);
  return result;
}
