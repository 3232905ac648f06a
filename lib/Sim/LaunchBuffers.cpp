//===- LaunchBuffers.cpp - Buffers of launch files ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchRun.h"
#include "Memory.h"
#include "tk/Sim/Findings.h"
#include "Machine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace llvm;

namespace tk::sim {

static constexpr int64_t kMaxBytes = 1ll << 36;

std::string LaunchRun::inputPath(StringRef path) const {
  if (sys::path::is_absolute(path))
    return path.str();
  SmallString<128> full(dir);
  sys::path::append(full, path);
  return full.str().str();
}

static std::string shapeText(ArrayRef<uint64_t> shape) {
  std::string text;
  for (uint64_t size : shape)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

//===----------------------------------------------------------------------===//
// Arrays of files
//===----------------------------------------------------------------------===//

/// Raw integers and void types may be read as any type of their size; numbers are not taken for
/// other numbers.
static bool mayBeReadAs(const ElementType *have, const ElementType &type) {
  return !have || have->kind != ElementType::Real || have == &type ||
         (have->name == "f32" && type.name == "tf32") || (type.kind == ElementType::Bits);
}

/// An array of "npy" or "safetensors". `type` is what "dtype" says, or null; it becomes what the
/// elements are.
Expected<NpyArray> LaunchRun::loadArray(const json::Object &o, const std::string &path,
                                        const ElementType *&type) {
  bool isNpy = o.get("npy") != nullptr;
  auto file = reader.string(o, isNpy ? "npy" : "safetensors", path);
  auto tensor = reader.string(o, "tensor", path);
  if (!file || !tensor)
    return joinErrors(file.takeError(), tensor.takeError());
  if (isNpy && *tensor)
    return reader.fail(path, "\"tensor\" goes with \"safetensors\", not with \"npy\"");
  if (!isNpy && !*tensor)
    return reader.fail(path, "\"safetensors\" needs \"tensor\", the name of one in the file");
  const ElementType *inFile = nullptr;
  Expected<NpyArray> a =
      isNpy ? readNpy(inputPath(**file)) : readSafetensors(inputPath(**file), **tensor, inFile);
  if (!a)
    return reader.fail(path, toString(a.takeError()));
  if (isNpy)
    inFile = elementTypeOfNpy(a->descr);
  if (!type) {
    type = inFile;
    return a;
  }
  unsigned item = 0;
  StringRef(a->descr).drop_front(2).getAsInteger(10, item);
  if (item != type->bytes || !mayBeReadAs(inFile, *type))
    return reader.fail(
        path,
        "expected elements of \"dtype\" " + type->name + ", got '" +
            (isNpy ? StringRef(a->descr) : inFile->name) + "' in '" + **file +
            "'; leave \"dtype\" out, or convert the file (raw integers, numpy's .view(), may be "
            "read as any type of their size)");
  return a;
}

Expected<std::vector<uint64_t>> LaunchRun::readShape(const json::Value &v,
                                                     const std::string &path) {
  const json::Array *list = v.getAsArray();
  if (!list)
    return reader.fail(path, "expected a list of sizes, got " + shown(v));
  if (list->size() > kMaxRank)
    return reader.fail(path, "expected at most " + Twine(kMaxRank) + " sizes, got " +
                                 Twine(list->size()));
  std::vector<uint64_t> shape;
  for (size_t i = 0; i < list->size(); ++i) {
    Expected<int64_t> n = reader.integer((*list)[i], pathOf(path, i), 0, kMaxBytes);
    if (!n)
      return n.takeError();
    shape.push_back(uint64_t(*n));
  }
  return shape;
}

/// Before the host gives any memory for it.
Error LaunchRun::admit(uint64_t bytes, const std::string &path) const {
  if (Error e = device->memory().admit(bytes))
    return reader.fail(path, toString(std::move(e)) +
                                 "; make the buffer smaller, or --memory-bytes larger");
  return Error::success();
}

Error LaunchRun::loadBuffer(LaunchBuffer &b, const json::Object &o, const std::string &path) {
  for (StringRef key : {"fill", "bytes", "fields", "seed"})
    if (o.get(key))
      return reader.fail(path, "\"" + key + "\" does not go with \"" +
                                   (o.get("npy") ? "npy" : "safetensors") + "\"");
  Expected<NpyArray> a = loadArray(o, path, b.type);
  if (!a)
    return a.takeError();
  b.array = std::move(*a);
  b.bytes = b.array.data.size();
  b.hasTypeOfFile = o.get("npy") && !o.get("dtype");
  if (Error e = admit(b.bytes, path))
    return e;
  if (const json::Value *v = o.get("shape")) {
    Expected<std::vector<uint64_t>> shape = readShape(*v, pathOf(path, "shape"));
    if (!shape)
      return shape.takeError();
    if (*shape != b.array.shape)
      return reader.fail(path, "expected an array of shape " + shapeText(*shape) +
                                   ", the file has " + shapeText(b.array.shape));
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Arrays by shape and fill
//===----------------------------------------------------------------------===//

Error LaunchRun::shapeBuffer(LaunchBuffer &b, const json::Object &o, const std::string &path) {
  if (o.get("tensor"))
    return reader.fail(path, "\"tensor\" goes with \"safetensors\"");
  if (!b.type)
    b.type = elementType("u8");
  const json::Value *shape = o.get("shape"), *size = o.get("bytes");
  if (!shape == !size)
    return reader.fail(path, "expected one of \"npy\", \"safetensors\", \"shape\" and \"bytes\"");
  uint64_t bytes = b.type->bytes;
  if (shape) {
    Expected<std::vector<uint64_t>> sizes = readShape(*shape, pathOf(path, "shape"));
    if (!sizes)
      return sizes.takeError();
    b.array.shape = std::move(*sizes);
    for (uint64_t n : b.array.shape)
      if (__builtin_mul_overflow(bytes, n, &bytes) || bytes > uint64_t(kMaxBytes))
        return reader.fail(pathOf(path, "shape"),
                           "expected at most " + Twine(kMaxBytes) + " bytes, got the shape " +
                               shapeText(b.array.shape) + " of " + b.type->name);
  } else {
    Expected<int64_t> n = reader.integer(*size, pathOf(path, "bytes"), 0, kMaxBytes);
    if (!n)
      return n.takeError();
    if (*n % b.type->bytes)
      return reader.fail(pathOf(path, "bytes"), "expected a multiple of the " +
                                                    Twine(unsigned(b.type->bytes)) + " bytes of " +
                                                    b.type->name + ", got " + Twine(*n));
    bytes = uint64_t(*n);
    b.array.shape = {bytes / b.type->bytes};
  }
  b.array.descr = b.type->npy.str();
  b.bytes = bytes;
  return admit(bytes, path);
}

/// Reals in [-1, 1), integers of all bits. By the buffer's name and "seed", not by --seed: that is
/// the schedule's, and seeds can only be compared over the same data.
static void fillRandom(MutableArrayRef<uint8_t> data, const ElementType &type, StringRef name,
                       uint64_t seed) {
  Rng rng(xxh3_64bits(name) + seed);
  for (size_t i = 0; i + type.bytes <= data.size(); i += type.bytes) {
    uint64_t bits = rng.next();
    if (type.kind == ElementType::Real)
      bits = encodeReal(double(bits >> 40) / double(1 << 23) - 1, type.ty, Round::Rn);
    else if (type.kind == ElementType::Bool)
      bits &= 1;
    memcpy(data.data() + i, &bits, type.bytes);
  }
}

/// False: nothing is written.
Expected<bool> LaunchRun::fillBuffer(LaunchBuffer &b, StringRef name, const json::Object &o,
                                     const std::string &path) {
  auto fill = reader.string(o, "fill", path);
  Expected<int64_t> seed =
      reader.integer(o, "seed", path, 0, std::numeric_limits<int64_t>::max(), 0);
  if (!fill || !seed)
    return joinErrors(fill.takeError(), seed.takeError());
  StringRef kind = fill->value_or("uninit");
  if (o.get("seed") && kind != "random")
    return reader.fail(pathOf(path, "seed"),
                       "\"seed\" goes with \"fill\": \"random\", got \"" + kind + "\"");
  if (kind != "uninit")
    b.array.data.assign(b.bytes, kind == "nan" ? 0xff : 0);
  if (kind == "nan")
    return true;
  else if (kind == "random")
    fillRandom(b.array.data, *b.type, name, uint64_t(*seed));
  else if (kind != "zero" && kind != "uninit")
    return reader.fail(pathOf(path, "fill"),
                       "expected one of zero, nan, uninit, random, got \"" + kind + "\"");
  return kind != "uninit";
}

/// A structure in memory. All buffers have addresses by then.
Error LaunchRun::fillFields(const LaunchBuffer &b, const json::Object &o, const std::string &path) {
  const json::Value *list = o.get("fields");
  if (!list)
    return Error::success();
  uint64_t align = 1;
  json::Object body{{"bytes", int64_t(b.bytes)}, {"fields", *list}};
  Expected<PartialBytes> all = structure(body, path, b.bytes, align, 0);
  if (!all)
    return all.takeError();
  for (size_t i = 0, end; i < b.bytes; i = end) {
    for (end = i; end < b.bytes && all->written[end] == all->written[i];)
      ++end;
    if (all->written[i])
      if (Error e = device->memory().write(b.address + i, ArrayRef(all->data).slice(i, end - i)))
        return e;
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

/// Of two buffers with the same file one would be lost.
Error LaunchRun::setOutPath(LaunchBuffer &b, StringRef name, StringRef out,
                            const std::string &path) {
  SmallString<128> full(sys::path::is_absolute(out) ? "" : StringRef(outDir));
  sys::path::append(full, out);
  b.outPath = full.str().str();
  sys::fs::make_absolute(full);
  sys::path::remove_dots(full, /*remove_dot_dot=*/true);
  auto [other, isNew] = outFiles.try_emplace(full, name.str());
  if (!isNew)
    return reader.fail(path, "'" + out + "' is the output of buffer '" + other->second +
                                 "' too; give each a file of its own");
  return Error::success();
}

Error LaunchRun::makeBuffer(StringRef name, const json::Object &o, const std::string &path) {
  if (Error e = reader.known(o, path,
                             {"npy", "safetensors", "tensor", "dtype", "shape", "bytes", "align",
                              "fill", "seed", "fields", "out", "expect"}))
    return e;
  if (o.get("npy") && o.get("safetensors"))
    return reader.fail(path, "expected one of \"npy\", \"safetensors\", \"shape\" and \"bytes\"");
  if (o.get("fields") && !o.get("bytes"))
    return reader.fail(path, "\"fields\" need \"bytes\", the size of the structure");
  LaunchBuffer b;
  auto dtype = reader.string(o, "dtype", path), out = reader.string(o, "out", path);
  Expected<uint64_t> align = reader.alignment(o, path, 256);
  if (!dtype || !out || !align)
    return joinErrors(joinErrors(dtype.takeError(), out.takeError()), align.takeError());
  if (*dtype && !(b.type = elementType(**dtype)))
    return reader.fail(pathOf(path, "dtype"),
                       "expected one of " + elementTypeNames() + ", got '" + **dtype + "'");
  Expected<bool> isWritten = true;
  if (o.get("npy") || o.get("safetensors")) {
    if (Error e = loadBuffer(b, o, path))
      return e;
  } else {
    if (Error e = shapeBuffer(b, o, path))
      return e;
    isWritten = fillBuffer(b, name, o, path);
    if (!isWritten)
      return isWritten.takeError();
  }
  b.address = device->memory().allocate(b.bytes, *align, name);
  if (*isWritten)
    if (Error e = device->memory().write(b.address, b.array.data))
      return e;
  b.array.data = {};
  if (*out)
    if (Error e = setOutPath(b, name, **out, pathOf(path, "out")))
      return e;
  if (Error e = readExpectation(b, o, path))
    return e;
  namesOutputs |= b.expect || !b.outPath.empty();
  buffers[name.str()] = std::move(b);
  return Error::success();
}

Error LaunchRun::makeBuffers(const json::Object &root) {
  Expected<const json::Object *> all = reader.object(root, "buffers", "");
  if (!all)
    return all.takeError();
  if (!*all)
    return Error::success();
  std::map<std::string, const json::Object *> byName;
  for (auto &[k, v] : **all) {
    Expected<const json::Object *> o = reader.object(v, pathOf("buffers", StringRef(k)));
    if (!o)
      return o.takeError();
    byName[StringRef(k).str()] = *o;
  }
  for (auto &[name, o] : byName)
    if (Error e = makeBuffer(name, *o, pathOf("buffers", name)))
      return e;
  for (auto &[name, o] : byName)
    if (Error e = fillFields(buffers[name], *o, pathOf("buffers", name)))
      return e;
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

Error LaunchRun::readExpectation(LaunchBuffer &b, const json::Object &o,
                                 const std::string &parent) {
  Expected<const json::Object *> found = reader.object(o, "expect", parent);
  if (!found)
    return found.takeError();
  if (!*found)
    return Error::success();
  const json::Object &e = **found;
  std::string path = pathOf(parent, "expect");
  if (Error error = reader.known(e, path, {"npy", "safetensors", "tensor", "dtype", "norm", "max"}))
    return error;
  if (!e.get("npy") == !e.get("safetensors"))
    return reader.fail(path, "expected one of \"npy\" and \"safetensors\"");
  Expectation x;
  auto dtype = reader.string(e, "dtype", path);
  if (!dtype)
    return dtype.takeError();
  if (*dtype && !(x.type = elementType(**dtype)))
    return reader.fail(pathOf(path, "dtype"),
                       "expected one of " + elementTypeNames() + ", got '" + **dtype + "'");
  for (auto [key, to] : {std::pair("norm", &x.norm), std::pair("max", &x.max)})
    if (const json::Value *v = e.get(key)) {
      *to = v->getAsNumber();
      if (!*to || **to < 0)
        return reader.fail(pathOf(path, key),
                           "expected a number that is not negative, got " + shown(*v));
    }
  // A file of raw integers beside a buffer of, say, bf16 holds what tk-sim itself would write: the
  // same type.
  bool isNamed = x.type != nullptr;
  Expected<NpyArray> a = loadArray(e, path, x.type);
  if (!a)
    return a.takeError();
  if (!isNamed && b.type && e.get("npy") &&
      b.type->npy.drop_front() == StringRef(a->descr).drop_front())
    x.type = b.type;
  if (!isNamed && !x.type && b.type &&
      StringRef(a->descr).drop_front(2) == std::to_string(b.type->bytes))
    x.type = b.type;
  if (!x.type || !b.type)
    return reader.fail(path, Twine("what are the elements? add \"dtype\" to the ") +
                                 (b.type ? "expectation" : "buffer"));
  if (a->shape != b.array.shape)
    return reader.fail(path, "expected an array of the buffer's shape " + shapeText(b.array.shape) +
                                 ", got " + shapeText(a->shape));
  x.array = std::move(*a);
  const json::Value *name = e.get(e.get("npy") ? "npy" : "safetensors");
  x.file = name->getAsString().value_or("").str();
  b.expect = std::move(x);
  return Error::success();
}

namespace {
/// How far an array is from its reference.
struct Distance {
  long double difference = 0, reference = 0; ///< Sums of squares.
  double max = 0;
  uint64_t worst = 0;
  double norm() const {
    return difference == 0 ? 0 : double(std::sqrt(difference) / std::sqrt(reference));
  }
};
} // namespace

static Distance distance(const ElementType &type, ArrayRef<uint8_t> data, const Expectation &want) {
  Distance d;
  for (uint64_t i = 0, n = data.size() / type.bytes; i < n; ++i) {
    long double x = elementValue(type, data.data() + i * type.bytes),
                r = elementValue(*want.type, want.array.data.data() + i * want.type->bytes);
    // Equal infinities have no difference, nor have two NaNs; a NaN and anything else are as far
    // apart as can be.
    bool same = x == r || (std::isnan(x) && std::isnan(r));
    double off = same ? 0 : double(std::fabs(x - r));
    if (std::isnan(off))
      off = HUGE_VAL;
    d.difference += static_cast<long double>(off) * off;
    d.reference += std::isfinite(r) ? r * r : 0;
    if (off > d.max) {
      d.max = off;
      d.worst = i;
    }
  }
  return d;
}

static std::string shortText(double v) {
  char text[40];
  snprintf(text, sizeof text, "%.6g", v);
  return text;
}

/// That of the variables which "symbols" fills from it, and its own where a kernel can reach it.
std::vector<LaunchRun::Shown> LaunchRun::shownMemory(StringRef name, const LaunchBuffer &b) {
  std::string own = ("buffer '" + name + "'").str();
  std::vector<Shown> all;
  for (const LaunchBuffer::Binding &binding : b.bindings)
    all.push_back({own + " (variable '" + binding.variable + "')", binding.address});
  if (b.bindings.empty() || !b.pointedAt.empty())
    all.push_back({own, b.address});
  return all;
}

/// What "out" and "expect" show must be in one memory.
Error LaunchRun::verifyBindings() const {
  for (auto &[name, b] : buffers) {
    if (b.bindings.empty() || !b.isOutput())
      continue;
    std::string path = pathOf(pathOf("buffers", name), b.outPath.empty() ? "expect" : "out");
    std::vector<StringRef> variables;
    for (const LaunchBuffer::Binding &binding : b.bindings)
      variables.push_back(binding.variable);
    llvm::sort(variables);
    if (variables.size() > 1)
      return reader.fail(path, "expected one variable that it shows after the launches, got " +
                                   quotedList(variables) +
                                   ": \"symbols\" fills all of them from '" + name +
                                   "'; give each a buffer of its own");
    if (!b.pointedAt.empty())
      return reader.fail(path,
                         "expected what it shows after the launches, variable '" + variables[0] +
                             "' or the buffer's own memory: \"symbols\" fills "
                             "the variable from '" +
                             name + "', and " + b.pointedAt + " points to it; make two buffers");
  }
  return Error::success();
}

/// A finding where a buffer is not as expected.
Error LaunchRun::compare(StringRef name, LaunchBuffer &b, Report &report) {
  const Expectation &want = *b.expect;
  const Shown shown = shownMemory(name, b).front();
  std::vector<uint8_t> data(b.bytes);
  if (Error e = device->memory().read(shown.address, data))
    return e;
  Distance d = distance(*b.type, data, want);
  std::string unmet;
  auto limit = [&](const char *what, double got, double tolerance) {
    if (!(got <= tolerance))
      unmet += formatv("{0}{1} of at most {2}, got {3}", unmet.empty() ? "" : "; ", what,
                       shortText(tolerance), shortText(got))
                   .str();
  };
  if (want.norm)
    limit("a relative Frobenius norm of the difference", d.norm(), *want.norm);
  if (want.max || !want.norm)
    limit("a largest difference", d.max, want.max.value_or(0));
  if (unmet.empty())
    return Error::success();
  std::optional<Severity> grade = gradeOf(options, "TK-SIM-EXPECT", Severity::Error);
  if (!grade)
    return Error::success();
  Finding f;
  f.name = f.identity = "TK-SIM-EXPECT";
  f.severity = *grade;
  f.identity += " " + name.str();
  f.message = shown.name + " is not as in '" + want.file + "': expected " + unmet;
  f.details.push_back("worst element: " + elementIndex(b.array.shape, d.worst) + " is " +
                      elementText(*b.type, data.data() + d.worst * b.type->bytes) + ", expected " +
                      elementText(*want.type, want.array.data.data() + d.worst * want.type->bytes));
  if (uint64_t n = device->memory().countUninitialised(shown.address, b.bytes))
    f.details.push_back(formatv("nothing has written {0} of the buffer's {1} bytes", n, b.bytes));
  report.findings.push_back(std::move(f));
  return Error::success();
}

bool LaunchRun::isOutput(const LaunchBuffer &b) const { return b.isOutput() || !namesOutputs; }

static DeviceMemoryImpl &memoryOf(Device &device) { return static_cast<DeviceMemoryImpl &>(device.memory()); }

uint64_t LaunchRun::hashOf(const LaunchBuffer &b) const {
  return xxh3_64bits(ArrayRef(memoryOf(*device).find(b.address)->data.get(), b.bytes));
}

LaunchOutput LaunchRun::take(const LaunchBuffer &b) {
  return {b.array.shape, b.type, memoryOf(*device).take(b.address), b.bytes};
}

Expected<std::map<std::string, LaunchOutput>> LaunchRun::takeOutputs() {
  std::map<std::string, LaunchOutput> outputs;
  for (auto &[name, b] : buffers) {
    if (!isOutput(b))
      continue;
    for (const Shown &shown : shownMemory(name, b)) {
      LaunchOutput &o = outputs[shown.name];
      if (shown.address != b.address) { // a variable
        o = {b.array.shape, b.type, std::make_unique<uint8_t[]>(b.bytes), b.bytes};
        if (Error e = device->memory().read(shown.address, {o.data.get(), size_t(b.bytes)}))
          return std::move(e);
        continue;
      }
      auto start = startHashes.find(name);
      if (b.bindings.empty() && start != startHashes.end() && start->second == hashOf(b))
        o = {b.array.shape, b.type, nullptr, b.bytes};
      else
        o = take(b);
    }
  }
  return outputs;
}

Error LaunchRun::writeOutputs() {
  for (auto &[name, b] : buffers) {
    if (b.outPath.empty())
      continue;
    StringRef folder = sys::path::parent_path(b.outPath);
    if (std::error_code ec =
            folder.empty() ? std::error_code() : sys::fs::create_directories(folder))
      return reader.fail(pathOf("buffers", name),
                         "cannot make the folder of '" + b.outPath + "': " + ec.message());
    b.array.data.resize(b.bytes);
    if (Error e = device->memory().read(shownMemory(name, b).front().address, b.array.data))
      return e;
    Error e = writeNpy(b.outPath, b.array);
    b.array.data = {};
    if (e)
      return reader.fail(pathOf("buffers", name), toString(std::move(e)));
  }
  return Error::success();
}

} // namespace tk::sim
