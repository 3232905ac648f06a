//===- SimTest.h - Helpers of the simulator's tests -------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TEST_SIM_SIMTEST_H
#define TK_TEST_SIM_SIMTEST_H

#include "tk/Sim/Simulator.h"
#include "llvm/ADT/StringExtras.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>
#include <bit>
#include <cmath>
#include <functional>
#include <random>
#include <set>

namespace tk::sim::test {

inline std::string header() { return ".version 8.4\n.target sm_90a\n.address_size 64\n"; }

/// A kernel `k` with 64-bit parameters p0, p1, ... already loaded into %rd100, %rd101, ...
inline std::string kernel(unsigned params, const std::string &body, const std::string &module = "") {
  std::string s = header() + module + ".visible .entry k(";
  for (unsigned i = 0; i < params; ++i)
    s += std::string(i ? ", " : "") + ".param .u64 p" + std::to_string(i);
  s += ")\n{\n.reg .b64 %rd<200>; .reg .b32 %r<400>; .reg .f32 %f<400>; .reg .pred %p<40>; .reg .b16 %rs<80>; "
       ".reg .f64 %fd<20>;\n";
  for (unsigned i = 0; i < params; ++i)
    s += "ld.param.u64 %rd" + std::to_string(100 + i) + ", [p" + std::to_string(i) + "];\n";
  return s + body + "\nret;\n}\n";
}

class Sim {
public:
  std::unique_ptr<Device> device = Device::create();
  Launch launch;
  Options options;
  Sim() { launch.entry = "k"; }

  uint64_t buffer(uint64_t bytes, const char *name = "buf") {
    uint64_t a = device->memory().allocate(bytes, 256, name);
    pass(a);
    return a;
  }
  template <class T> uint64_t buffer(const std::vector<T> &v, const char *name = "buf") {
    uint64_t a = buffer(v.size() * sizeof(T), name);
    llvm::cantFail(device->memory().write(a, {reinterpret_cast<const uint8_t *>(v.data()), v.size() * sizeof(T)}));
    return a;
  }
  void pass(uint64_t v) {
    const uint8_t *p = reinterpret_cast<const uint8_t *>(&v);
    launch.parameters.insert(launch.parameters.end(), p, p + 8);
  }
  template <class T> std::vector<T> read(uint64_t a, size_t n) {
    std::vector<T> v(n);
    llvm::cantFail(device->memory().read(a, {reinterpret_cast<uint8_t *>(v.data()), n * sizeof(T)}));
    return v;
  }
  Report run(const std::string &ptx) {
    auto program = Program::parse(ptx, "test.ptx");
    if (!program) {
      ADD_FAILURE() << llvm::toString(program.takeError());
      return {};
    }
    auto report = device->launch(**program, launch, options);
    if (!report) {
      ADD_FAILURE() << llvm::toString(report.takeError());
      return {};
    }
    return *report;
  }
};

inline std::string describe(const Report &r) {
  std::string s;
  for (const Finding &f : r.findings) {
    s += f.name + " x" + std::to_string(f.count) + " line " + std::to_string(f.ptxLine) + " '" + f.ptxText + "': " + f.message + "\n";
    for (auto &d : f.details)
      s += "    " + d + "\n";
  }
  return s;
}
inline bool has(const Report &r, const std::string &name) {
  for (const Finding &f : r.findings)
    if (f.name == name)
      return true;
  return false;
}

inline float bf16(uint16_t v) {
  uint32_t u = uint32_t(v) << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}

/// All words of a pattern, as in test/Sim/coverage: "a.(b|c)" is "a.b" and "a.c".
inline std::vector<std::string> expand(const std::string &s) {
  size_t close = s.find(')'), open = s.rfind('(', close);
  if (close == std::string::npos)
    return {s};
  std::vector<std::string> all;
  std::string inner = s.substr(open + 1, close - open - 1);
  for (size_t at = 0, bar; at <= inner.size(); at = bar + 1) {
    bar = std::min(inner.find('|', at), inner.size());
    for (auto &e : expand(s.substr(0, open) + inner.substr(at, bar - at) + s.substr(close + 1)))
      all.push_back(e);
  }
  return all;
}

} // namespace tk::sim::test

#endif // TK_TEST_SIM_SIMTEST_H
