//===- LaunchRun.h - One run of a launch file -------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A launch file on a fresh device with one seed: buffers, symbols, launches one after the other,
/// outputs.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_LAUNCHRUN_H
#define TK_LIB_SIM_LAUNCHRUN_H

#include "LaunchReader.h"
#include "llvm/ADT/StringSet.h"

namespace tk::sim {

/// Bytes of a parameter or a structure; `written` is 0 for those in gaps.
struct PartialBytes {
  std::vector<uint8_t> data, written;
  explicit PartialBytes(size_t size, uint8_t isWritten = 0)
      : data(size), written(size, isWritten) {}
};

/// What a buffer must hold after the launches.
struct Expectation {
  NpyArray array;
  const ElementType *type = nullptr;
  std::string file;                ///< As the launch file names it.
  std::optional<double> norm, max; ///< Neither: equal.
};

struct LaunchBuffer {
  uint64_t address = 0, bytes = 0;
  NpyArray array;                    ///< Without data.
  const ElementType *type = nullptr; ///< Null: bytes of no known type.
  bool hasTypeOfFile = false;        ///< Of a .npy file, and the launch file has no "dtype".
  std::string outPath;
  std::optional<Expectation> expect;
  /// A variable that "symbols" fills from the buffer.
  struct Binding {
    std::string variable;
    uint64_t address;
  };
  std::vector<Binding> bindings;
  std::string
      pointedAt; ///< Where in the launch file an address in it is first taken; empty: nowhere.
  bool isOutput() const { return expect || !outPath.empty(); }
};

/// What a buffer held at the end. Runs that are compared hold one each, so it is no copy.
struct LaunchOutput {
  std::vector<uint64_t> shape;
  const ElementType *type = nullptr;
  std::unique_ptr<uint8_t[]> data; ///< Null: what it held at the start.
  uint64_t bytes = 0;
};

/// The first element in which two outputs of one buffer differ, in words.
struct OutputDifference {
  std::string where, left, right;
};
std::optional<OutputDifference> firstDifference(const LaunchOutput &left,
                                                const LaunchOutput &right);

/// Which type of elements the instructions of an entry say that the memory behind its pointers has,
/// by offset in the parameters (Skeleton.cpp).
std::map<uint64_t, std::string> elementTypesBehind(const Program &program, llvm::StringRef entry);

class LaunchRun {
public:
  LaunchRun(const Program &program, const Options &options, llvm::StringRef file,
            llvm::StringRef dir, llvm::StringRef outDir)
      : program(program), options(options), dir(dir), outDir(outDir), reader(file) {
    device->memory().setLimit(options.memoryBytes);
  }
  /// The place that --then names must exist; a search also tries those behind the last.
  void requireThen() { mustReachThen = true; }
  llvm::Expected<Report> run(const llvm::json::Object &root);
  /// Before `run`: the outputs will be taken, and those that nothing changes need not be held.
  void noteStart() { notesStart = true; }
  /// After `run`, of which this is the end: the buffers that have "out" or "expect", or all where none has; by what
  /// messages call them.
  llvm::Expected<std::map<std::string, LaunchOutput>> takeOutputs();
  /// Instead of `run`: what an output holds at the start.
  llvm::Expected<LaunchOutput> takeStart(const llvm::json::Object &root, llvm::StringRef name);
  llvm::Error writeOutputs();
  /// After `run`: of each launch.
  std::vector<uint64_t> countCtas() const { return ctas; }

private:
  // Buffers (LaunchBuffers.cpp).
  llvm::Error makeBuffers(const llvm::json::Object &root);
  llvm::Error makeBuffer(llvm::StringRef name, const llvm::json::Object &o,
                         const std::string &path);
  llvm::Error loadBuffer(LaunchBuffer &b, const llvm::json::Object &o, const std::string &path);
  llvm::Error admit(uint64_t bytes, const std::string &path) const;
  llvm::Error shapeBuffer(LaunchBuffer &b, const llvm::json::Object &o, const std::string &path);
  llvm::Expected<bool> fillBuffer(LaunchBuffer &b, llvm::StringRef name,
                                  const llvm::json::Object &o, const std::string &path);
  llvm::Error fillFields(const LaunchBuffer &b, const llvm::json::Object &o,
                         const std::string &path);
  llvm::Error readExpectation(LaunchBuffer &b, const llvm::json::Object &o,
                              const std::string &path);
  llvm::Expected<NpyArray> loadArray(const llvm::json::Object &o, const std::string &path,
                                     const ElementType *&type);
  llvm::Expected<std::vector<uint64_t>> readShape(const llvm::json::Value &v,
                                                  const std::string &path);
  std::string inputPath(llvm::StringRef path) const;
  llvm::Error setOutPath(LaunchBuffer &b, llvm::StringRef name, llvm::StringRef out,
                         const std::string &path);
  /// The memory that a buffer's contents are in after the launches, and what messages call it.
  struct Shown {
    std::string name;
    uint64_t address;
  };
  static std::vector<Shown> shownMemory(llvm::StringRef name, const LaunchBuffer &b);
  llvm::Error verifyBindings() const;
  llvm::Error compare(llvm::StringRef name, LaunchBuffer &b, Report &report);

  // Values (LaunchValues.cpp). `room` is how many bytes a structure may have.
  llvm::Error readTypes(const llvm::json::Object &root);
  llvm::Expected<PartialBytes> value(const llvm::json::Value &v, const std::string &path,
                                     uint64_t room, uint64_t &align, unsigned depth = 0);
  llvm::Expected<PartialBytes> instantiate(const llvm::json::Object &o, const std::string &path,
                                           uint64_t room, uint64_t &align, unsigned depth);
  llvm::Expected<PartialBytes> structure(const llvm::json::Object &o, const std::string &path,
                                         uint64_t room, uint64_t &align, unsigned depth);
  llvm::Error field(PartialBytes &into, const llvm::json::Value &v, const std::string &path,
                    uint64_t align, unsigned depth);
  llvm::Expected<uint64_t> pointer(const llvm::json::Object &o, const std::string &path);
  llvm::Expected<PartialBytes> scalar(llvm::StringRef kind, const llvm::json::Value &v,
                                      const std::string &path);
  llvm::Expected<PartialBytes> tensorMap(const llvm::json::Object &o, const std::string &path);
  llvm::Expected<LaunchBuffer *> buffer(const llvm::json::Value *v, const std::string &path);

  bool isOutput(const LaunchBuffer &b) const;
  uint64_t hashOf(const LaunchBuffer &b) const;
  LaunchOutput take(const LaunchBuffer &b);

  // Launches (LaunchRun.cpp).
  llvm::Error setSymbols(const llvm::json::Object &root);
  llvm::Error setSymbol(const Program::Symbol &symbol, const llvm::json::Value &v,
                        const std::string &path);
  llvm::Expected<std::array<uint32_t, 3>> triple(const llvm::json::Object &o, llvm::StringRef key,
                                                 const std::string &path,
                                                 std::array<uint32_t, 3> otherwise);
  llvm::Expected<Launch> readLaunch(const llvm::json::Object &o, const std::string &path);
  llvm::Error readParameters(Launch &l, const Program::Entry &entry, const llvm::json::Object &o,
                             const std::string &path);
  llvm::Error verifyThen() const;
  llvm::Expected<std::vector<const llvm::json::Object *>> prepare(const llvm::json::Object &root);
  llvm::Expected<Report> runLaunches(llvm::ArrayRef<const llvm::json::Object *> launches,
                                     bool single);
  void noteZeroConstants(const Launch &l, Report &report) const;
  void noteWiderBuffers(const Launch &l, const llvm::json::Object &o, Report &report) const;

  const Program &program;
  const Options &options;
  std::string dir, outDir;
  LaunchReader reader;
  std::unique_ptr<Device> device = Device::create();
  std::map<std::string, LaunchBuffer>
      buffers; ///< In order of the names: addresses do not depend on a hash.
  std::map<std::string, const llvm::json::Object *> types;
  std::vector<uint64_t> ctas;
  llvm::StringSet<> symbolsGiven;
  llvm::StringMap<std::string> outFiles; ///< By their full paths: whose outputs they are.
  bool mustReachThen = false;
  size_t values = 0; ///< That types made.
  bool namesOutputs = false; ///< Some buffer has "out" or "expect".
  bool notesStart = false;
  std::map<std::string, uint64_t> startHashes; ///< Of the outputs.
};

} // namespace tk::sim

#endif // TK_LIB_SIM_LAUNCHRUN_H
