//===- Skeleton.cpp - Launch files to fill in -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace tk::sim {

static std::string describe(const Program::Entry &e) {
  std::string text =
      formatv("{0} parameter(s) in {1} bytes", e.parameters.size(), e.parameterBytes);
  auto directive = [&](const char *name, const std::array<uint32_t, 3> &v) {
    if (v[0])
      text += formatv("; {0} {1}, {2}, {3}", name, v[0], v[1], v[2]);
  };
  directive(".reqntid", e.requiredBlock);
  directive(".reqnctapercluster", e.requiredCluster);
  if (e.staticSharedBytes)
    text += formatv("; {0} bytes of static shared memory", e.staticSharedBytes);
  return text;
}

/// What the PTX lets one guess: tensor maps by size and alignment, the rest by size.
static void printParameter(const Program::Parameter &p, json::OStream &j) {
  j.attribute(
      "comment",
      formatv("{0}: {1} byte(s) at {2}, .align {3}", p.name, p.bytes, p.offset, p.align).str());
  if (p.isPointer)
    return j.attribute("pointer", "A");
  if (p.bytes == 128 && p.align >= 64)
    return j.attributeObject("tensorMap", [&] {
      j.attribute("buffer", "A");
      j.attribute("dtype", "f32");
      j.attributeArray("globalDim", [&] { j.value(1024); });
      j.attributeArray("box", [&] { j.value(32); });
      j.attribute("swizzle", "none");
    });
  if (p.bytes == 8)
    return j.attribute("u64", 0);
  if (p.bytes == 4)
    return j.attribute("i32", 0);
  j.attribute("hex", std::string(2 * p.bytes, '0'));
}

static void printLaunch(const Program::Entry &e, json::OStream &j) {
  j.attribute("comment", describe(e));
  j.attribute("entry", e.name);
  j.attributeArray("grid", [&] {
    for (uint32_t c : e.requiredCluster) // whole clusters
      j.value(int64_t(c ? c : 1));
  });
  j.attributeArray("block", [&] {
    for (uint32_t b : e.requiredBlock)
      j.value(int64_t(b ? b : 1));
  });
  j.attribute("dynamicSharedBytes", 0);
  j.attributeArray("params", [&] {
    for (const Program::Parameter &p : e.parameters)
      j.object([&] { printParameter(p, j); });
  });
}

void printSkeleton(const Program &program, raw_ostream &os) {
  json::OStream j(os, 2);
  j.object([&] {
    j.attributeObject("vars", [&] {});
    j.attributeObject("buffers", [&] {
      j.attributeObject("A", [&] {
        j.attributeArray("shape", [&] { j.value(1024); });
        j.attribute("dtype", "f32");
        j.attribute("fill", "random");
        j.attribute("out", "A.npy");
      });
    });
    // A variable that another module defines holds nothing unless the launch file says what.
    std::vector<Program::Symbol> symbols = program.symbols();
    if (any_of(symbols, [](const Program::Symbol &s) { return s.isExtern; }))
      j.attributeObject("symbols", [&] {
        for (const Program::Symbol &s : symbols)
          if (s.isExtern)
            j.attributeObject(s.name, [&] { j.attribute("hex", std::string(2 * s.bytes, '0')); });
      });
    j.attributeArray("launches", [&] {
      for (const Program::Entry &e : program.entries())
        j.object([&] { printLaunch(e, j); });
    });
  });
  os << '\n';
}

} // namespace tk::sim
