//===- LaunchFile.cpp - Launches described in JSON ------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Sim/LaunchFile.h"
#include "Machine.h"
#include "tk/Sim/TensorMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tk::sim {

static Error fail(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

namespace {

struct Buffer {
  uint64_t address = 0, bytes = 0;
  NpyArray array;
  std::string outPath;
};

class Runner {
public:
  Runner(const Program &p, const Options &o, StringRef dir, StringRef outDir)
      : program(p), options(o), dir(dir), outDir(outDir.empty() ? dir : outDir) {}
  Expected<Report> run(const json::Object &root);

private:
  const Program &program;
  const Options &options;
  std::string dir, outDir;
  std::unique_ptr<Device> device = Device::create();
  StringMap<int64_t> vars;
  StringMap<Buffer> buffers;

  Error known(const json::Object &o, StringRef where, std::initializer_list<StringRef> keys);
  Expected<int64_t> integer(const json::Value &v, StringRef where);
  Expected<int64_t> expression(StringRef &text, unsigned level);
  Error makeBuffer(StringRef name, const json::Object &o);
  Error triple(const json::Object &o, StringRef key, std::array<uint32_t, 3> &out);
  /// The value of a parameter or of a field.
  Expected<std::vector<uint8_t>> value(const json::Object &o, const std::string &where);
  Expected<std::vector<uint8_t>> fields(const json::Object &o, const std::string &where);
  Expected<std::vector<uint8_t>> tensorMap(const json::Object &o, const std::string &where);
  Error numbers(const json::Object &o, StringRef key, unsigned count, const std::string &where,
                MutableArrayRef<uint64_t> out);
  Expected<Launch> launch(const json::Object &o);
};

} // namespace

Error Runner::known(const json::Object &o, StringRef where, std::initializer_list<StringRef> keys) {
  for (auto &[k, v] : o)
    if (!is_contained(keys, StringRef(k)))
      return fail("unknown key '" + StringRef(k) + "' in " + where);
  return Error::success();
}

/// + - * / % over integers and variables, with parentheses.
Expected<int64_t> Runner::expression(StringRef &text, unsigned level) {
  text = text.ltrim();
  if (level == 2) {
    if (text.consume_front("(")) {
      Expected<int64_t> v = expression(text, 0);
      text = text.ltrim();
      if (v && !text.consume_front(")"))
        return fail("expected ')' at '" + text + "'");
      return v;
    }
    int64_t n;
    if (!text.empty() && isDigit(text[0]) && !text.consumeInteger(0, n))
      return n;
    StringRef name = text.take_while([](char c) { return isAlnum(c) || c == '_'; });
    auto it = vars.find(name);
    if (name.empty() || it == vars.end())
      return fail("unknown variable or number at '" + text + "'");
    text = text.drop_front(name.size());
    return it->second;
  }
  Expected<int64_t> left = expression(text, level + 1);
  while (left) {
    text = text.ltrim();
    char op = text.empty() ? 0 : text[0];
    if (level == 0 ? op != '+' && op != '-' : op != '*' && op != '/' && op != '%')
      return left;
    text = text.drop_front();
    Expected<int64_t> right = expression(text, level + 1);
    if (!right)
      return right;
    if ((op == '/' || op == '%') && *right == 0)
      return fail("division by zero in an expression");
    uint64_t a = uint64_t(*left), b = uint64_t(*right);
    left = op == '+' ? int64_t(a + b) : op == '-' ? int64_t(a - b) : op == '*' ? int64_t(a * b)
           : op == '/' ? *left / *right : *left % *right;
  }
  return left;
}

Expected<int64_t> Runner::integer(const json::Value &v, StringRef where) {
  if (auto n = v.getAsInteger())
    return *n;
  if (auto s = v.getAsString()) {
    StringRef text = *s;
    Expected<int64_t> r = expression(text, 0);
    if (r && !text.trim().empty())
      return fail("cannot read '" + *s + "' in " + where);
    return r;
  }
  return fail("expected an integer or an expression in " + where);
}

static unsigned dtypeBytes(StringRef d) {
  return StringSwitch<unsigned>(d).Cases({"bf16", "f16", "i16", "u16"}, 2).Cases({"f32", "i32", "u32", "tf32"}, 4)
      .Cases({"f64", "i64", "u64"}, 8).Cases({"e4m3", "e5m2", "i8", "u8", "bool"}, 1).Default(0);
}
static const char *npyDescr(StringRef d) {
  return StringSwitch<const char *>(d).Case("f16", "<f2").Cases({"bf16", "u16"}, "<u2").Case("i16", "<i2")
      .Cases({"f32", "tf32"}, "<f4").Case("i32", "<i4").Case("u32", "<u4").Case("f64", "<f8").Case("i64", "<i8")
      .Case("u64", "<u8").Case("i8", "|i1").Default("|u1");
}

Error Runner::makeBuffer(StringRef name, const json::Object &o) {
  if (Error e = known(o, "buffer '" + name.str() + "'", {"npy", "dtype", "shape", "fill", "bytes", "out"}))
    return e;
  Buffer b;
  StringRef dtype = o.getString("dtype").value_or("u8");
  unsigned item = dtypeBytes(dtype);
  if (!item)
    return fail("unknown dtype '" + dtype + "' of buffer '" + name + "'");
  StringRef fill = o.getString("fill").value_or("uninit");
  bool written = true;
  if (auto path = o.getString("npy")) {
    SmallString<128> full(*path);
    if (sys::path::is_relative(full)) {
      full = dir;
      sys::path::append(full, *path);
    }
    Expected<NpyArray> a = readNpy(full);
    if (!a)
      return a.takeError();
    b.array = std::move(*a);
  } else {
    uint64_t count = 1;
    if (auto *shape = o.getArray("shape")) {
      for (const json::Value &d : *shape) {
        Expected<int64_t> n = integer(d, "the shape of '" + name.str() + "'");
        if (!n)
          return n.takeError();
        if (*n < 0 || *n > (1ll << 36))
          return fail("buffer '" + name + "' has a dimension of " + Twine(*n));
        b.array.shape.push_back(uint64_t(*n));
        count *= uint64_t(*n);
      }
    } else if (auto *bytes = o.get("bytes")) {
      Expected<int64_t> n = integer(*bytes, "the size of '" + name.str() + "'");
      if (!n)
        return n.takeError();
      count = uint64_t(*n) / item;
      b.array.shape = {count};
    } else
      return fail("buffer '" + name + "' needs \"npy\", \"shape\" or \"bytes\"");
    if (count * item > (1ull << 36))
      return fail("buffer '" + name + "' is too large");
    b.array.descr = npyDescr(dtype);
    b.array.data.resize(count * item);
    Rng rng(options.seed * 31 + buffers.size());
    if (fill == "nan")
      std::fill(b.array.data.begin(), b.array.data.end(), 0xff);
    else if (fill == "random")
      for (uint64_t i = 0; i < count; ++i) {
        double v = double(rng.next() >> 40) / double(1 << 23) - 1;
        uint64_t bits = dtype == "bf16" ? encodeReal(v, Ty::BF16, Round::Rn) : dtype == "f16" ? encodeReal(v, Ty::F16, Round::Rn)
                        : dtype == "f32" || dtype == "tf32" ? encodeReal(v, Ty::F32, Round::Rn)
                        : dtype == "f64" ? encodeReal(v, Ty::F64, Round::Rn) : rng.next();
        memcpy(b.array.data.data() + i * item, &bits, item);
      }
    else if (fill == "uninit")
      written = false;
    else if (fill != "zero")
      return fail("unknown fill '" + fill + "' of buffer '" + name + "'; expected zero, nan, uninit or random");
  }
  b.bytes = b.array.data.size();
  b.address = device->memory().allocate(b.bytes, 256, name);
  if (written)
    if (Error e = device->memory().write(b.address, b.array.data))
      return e;
  if (auto out = o.getString("out")) {
    SmallString<128> full(outDir);
    sys::path::append(full, *out);
    b.outPath = full.str().str();
  }
  buffers[name] = std::move(b);
  return Error::success();
}

Error Runner::triple(const json::Object &o, StringRef key, std::array<uint32_t, 3> &out) {
  const json::Value *v = o.get(key);
  if (!v)
    return Error::success();
  const json::Array *a = v->getAsArray();
  if (!a || a->empty() || a->size() > 3)
    return fail("expected one to three sizes in \"" + key + "\"");
  for (size_t i = 0; i < a->size(); ++i) {
    Expected<int64_t> n = integer((*a)[i], key);
    if (!n)
      return n.takeError();
    if (*n < 1 || *n > 0x7fffffff)
      return fail("expected positive sizes in \"" + key + "\", got " + Twine(*n));
    out[i] = uint32_t(*n);
  }
  return Error::success();
}

/// Exactly `count` integers.
Error Runner::numbers(const json::Object &o, StringRef key, unsigned count, const std::string &where,
                      MutableArrayRef<uint64_t> out) {
  const json::Array *a = o.getArray(key);
  if (!a || a->size() != count)
    return fail("expected " + Twine(count) + " integer(s) in \"" + key + "\" of " + where + ", got " +
                (a ? Twine(a->size()) : Twine("none")));
  for (unsigned i = 0; i < count; ++i) {
    Expected<int64_t> n = integer((*a)[i], where);
    if (!n)
      return n.takeError();
    if (*n < 0)
      return fail("expected no negative number in \"" + key + "\" of " + where + ", got " + Twine(*n));
    out[i] = uint64_t(*n);
  }
  return Error::success();
}

static Error choose(const json::Object &o, StringRef key, const std::string &where, ArrayRef<StringRef> names, unsigned &out) {
  StringRef v = o.getString(key).value_or(names.front());
  auto it = llvm::find(names, v);
  if (it == names.end())
    return fail("unknown \"" + key + "\" '" + v + "' of " + where + "; expected one of " + join(names, ", "));
  out = unsigned(it - names.begin());
  return Error::success();
}

Expected<std::vector<uint8_t>> Runner::tensorMap(const json::Object &o, const std::string &where) {
  static constexpr StringRef kTypes[] = {"u8",  "u16",  "u32",     "i32",  "u64",     "i64", "f16",
                                         "f32", "f64", "bf16", "f32ftz", "tf32", "tf32ftz"};
  static constexpr StringRef kSwizzles[] = {"none", "32B", "64B", "128B", "128B_ATOM_32B", "128B_ATOM_32B_FLIP_8B", "128B_ATOM_64B"};
  static constexpr StringRef kInterleaves[] = {"none", "16B", "32B"}, kPromotions[] = {"none", "64B", "128B", "256B"}, kFills[] = {"zero", "nan"};
  if (Error e = known(o, where, {"buffer", "byteOffset", "dtype", "globalDim", "globalStrides", "box", "elementStrides",
                                 "interleave", "swizzle", "l2Promotion", "oobFill"}))
    return std::move(e);
  TensorMap m;
  auto buffer = buffers.find(o.getString("buffer").value_or(""));
  if (buffer == buffers.end())
    return fail("the tensor map of " + where + " names unknown buffer '" + o.getString("buffer").value_or("") + "'");
  m.address = buffer->second.address;
  if (auto *v = o.get("byteOffset")) {
    Expected<int64_t> n = integer(*v, where);
    if (!n)
      return n.takeError();
    m.address += uint64_t(*n);
  }
  const json::Array *dims = o.getArray("globalDim");
  if (!dims || dims->empty() || dims->size() > 5)
    return fail("expected 1 to 5 sizes in \"globalDim\" of " + where);
  m.rank = unsigned(dims->size());
  unsigned type, swizzle, interleave, promotion, fill;
  if (!o.get("dtype"))
    return fail("the tensor map of " + where + " needs \"dtype\"");
  auto chosen = [&](StringRef key, ArrayRef<StringRef> names, unsigned &out) { return choose(o, key, where, names, out); };
  if (Error e = joinErrors(joinErrors(chosen("dtype", kTypes, type), chosen("swizzle", kSwizzles, swizzle)),
                           joinErrors(joinErrors(chosen("interleave", kInterleaves, interleave),
                                                 chosen("l2Promotion", kPromotions, promotion)),
                                      chosen("oobFill", kFills, fill))))
    return std::move(e);
  uint64_t box[5] = {}, strides[5] = {1, 1, 1, 1, 1};
  if (Error e = numbers(o, "globalDim", m.rank, where, m.size))
    return std::move(e);
  // A rank-1 map has no strides.
  if (m.rank > 1 || o.get("globalStrides"))
    if (Error e = numbers(o, "globalStrides", m.rank - 1, where, m.stride))
      return std::move(e);
  if (Error e = numbers(o, "box", m.rank, where, box))
    return std::move(e);
  if (o.get("elementStrides"))
    if (Error e = numbers(o, "elementStrides", m.rank, where, strides))
      return std::move(e);
  for (unsigned i = 0; i < m.rank; ++i) {
    m.box[i] = uint32_t(std::min<uint64_t>(box[i], ~0u));
    m.elementStride[i] = uint32_t(std::min<uint64_t>(strides[i], ~0u));
  }
  m.type = TensorMap::Type(type);
  m.swizzle = TensorMap::Swizzle(swizzle);
  m.interleave = TensorMap::Interleave(interleave);
  m.l2Promotion = uint8_t(promotion);
  m.fill = TensorMap::Fill(fill);
  Expected<std::array<uint8_t, 128>> bytes = encodeTensorMap(m);
  if (!bytes)
    return fail(where + ": " + toString(bytes.takeError()));
  return std::vector<uint8_t>(bytes->begin(), bytes->end());
}

/// A structure by its fields; what no field covers is zero.
Expected<std::vector<uint8_t>> Runner::fields(const json::Object &o, const std::string &where) {
  if (Error e = known(o, where, {"bytes", "align", "fields"}))
    return std::move(e);
  const json::Value *size = o.get("bytes");
  const json::Array *list = o.getArray("fields");
  if (!size || !list)
    return fail(where + " needs \"bytes\" and a list of \"fields\"");
  Expected<int64_t> total = integer(*size, where);
  if (!total)
    return total.takeError();
  if (*total < 1 || *total > 32764)
    return fail("expected 1 to 32764 bytes of " + where + ", got " + Twine(*total));
  size_t count = size_t(*total);
  std::vector<uint8_t> bytes(count), covered(count);
  for (const json::Value &v : *list) {
    const json::Object *f = v.getAsObject();
    const json::Value *at = f ? f->get("offset") : nullptr;
    if (!at)
      return fail("expected objects with \"offset\" in the fields of " + where);
    Expected<int64_t> offset = integer(*at, where);
    if (!offset)
      return offset.takeError();
    json::Object rest = *f;
    rest.erase("offset");
    std::string name = "the field at " + std::to_string(*offset) + " of " + where;
    Expected<std::vector<uint8_t>> b = value(rest, name);
    if (!b)
      return b.takeError();
    if (*offset < 0 || uint64_t(*offset) + b->size() > bytes.size())
      return fail(name + " does not end within its " + Twine(bytes.size()) + " bytes");
    for (size_t i = 0; i < b->size(); ++i) {
      if (std::exchange(covered[size_t(*offset) + i], 1))
        return fail(name + " overlaps another");
      bytes[size_t(*offset) + i] = (*b)[i];
    }
  }
  return bytes;
}

Expected<std::vector<uint8_t>> Runner::value(const json::Object &o, const std::string &where) {
  if (o.get("fields"))
    return fields(o, where);
  auto bytes = [](auto v) {
    std::vector<uint8_t> b(sizeof v);
    memcpy(b.data(), &v, sizeof v);
    return b;
  };
  if (auto name = o.getString("pointer")) {
    if (Error e = known(o, where, {"pointer", "byteOffset"}))
      return std::move(e);
    auto it = buffers.find(*name);
    if (it == buffers.end())
      return fail(where + " points to unknown buffer '" + *name + "'");
    int64_t offset = 0;
    if (auto *v = o.get("byteOffset")) {
      Expected<int64_t> n = integer(*v, where);
      if (!n)
        return n.takeError();
      offset = *n;
    }
    return bytes(it->second.address + uint64_t(offset));
  }
  if (o.size() != 1)
    return fail(where + " needs exactly one value");
  StringRef key = o.begin()->first;
  const json::Value &v = o.begin()->second;
  if (key == "f32" || key == "f64") {
    auto d = v.getAsNumber();
    if (!d)
      return fail("expected a number in " + where);
    return key == "f32" ? bytes(float(*d)) : bytes(*d);
  }
  if (key == "hex") {
    auto s = v.getAsString();
    std::string raw;
    if (!s || !tryGetFromHex(*s, raw))
      return fail("expected hexadecimal digits in " + where);
    return std::vector<uint8_t>(raw.begin(), raw.end());
  }
  if (key == "tensorMap") {
    const json::Object *map = v.getAsObject();
    return map ? tensorMap(*map, where) : fail("expected an object in \"tensorMap\" of " + where);
  }
  unsigned size = dtypeBytes(key);
  if (!size)
    return fail("unknown kind '" + key + "' of " + where);
  Expected<int64_t> n = integer(v, where);
  if (!n)
    return n.takeError();
  std::vector<uint8_t> all = bytes(*n);
  all.resize(size);
  return all;
}

Expected<Launch> Runner::launch(const json::Object &o) {
  Launch l;
  l.entry = o.getString("entry").value_or("").str();
  const Program::Entry *entry = nullptr;
  for (const Program::Entry &e : program.entries())
    if (e.name == l.entry)
      entry = &e;
  if (!entry)
    return fail("unknown entry '" + l.entry + "' in the launch file");
  if (Error e = triple(o, "grid", l.grid))
    return std::move(e);
  l.block = entry->requiredBlock[0] ? entry->requiredBlock : l.block;
  if (Error e = triple(o, "block", l.block))
    return std::move(e);
  if (Error e = triple(o, "cluster", l.cluster))
    return std::move(e);
  if (auto *v = o.get("dynamicSharedBytes")) {
    Expected<int64_t> n = integer(*v, "dynamicSharedBytes");
    if (!n)
      return n.takeError();
    if (*n < 0 || *n > (1 << 20))
      return fail("expected a size of dynamic shared memory, got " + Twine(*n));
    l.dynamicSharedBytes = uint32_t(*n);
  }
  const json::Array *params = o.getArray("params");
  size_t have = params ? params->size() : 0;
  if (have != entry->parameters.size())
    return fail("entry '" + l.entry + "' has " + Twine(entry->parameters.size()) + " parameters, got " + Twine(have));
  l.parameters.resize(entry->parameterBytes);
  for (size_t i = 0; i < have; ++i) {
    const Program::Parameter &p = entry->parameters[i];
    const json::Object *po = (*params)[i].getAsObject();
    if (!po)
      return fail("expected an object for parameter '" + p.name + "'");
    Expected<std::vector<uint8_t>> b = value(*po, "parameter '" + p.name + "'");
    if (!b)
      return b.takeError();
    if (b->size() != p.bytes)
      return fail("parameter '" + p.name + "' has " + Twine(p.bytes) + " bytes, got " + Twine(b->size()));
    memcpy(l.parameters.data() + p.offset, b->data(), b->size());
  }
  return l;
}

static void mergeReports(Report &into, Report &&r) {
  into.findings.insert(into.findings.end(), r.findings.begin(), r.findings.end());
  into.banks.insert(into.banks.end(), r.banks.begin(), r.banks.end());
  into.barriers.insert(into.barriers.end(), r.barriers.begin(), r.barriers.end());
  for (auto &[k, v] : r.counters)
    into.counters[k] += v;
  into.threadInstructions += r.threadInstructions;
  into.seconds += r.seconds;
}

Expected<Report> Runner::run(const json::Object &root) {
  bool single = root.get("launches") == nullptr;
  constexpr const char *kTop = "the launch file";
  if (Error e = single ? known(root, kTop, {"vars", "buffers", "entry", "grid", "block", "cluster", "dynamicSharedBytes", "params"})
                       : known(root, kTop, {"vars", "buffers", "launches"}))
    return std::move(e);
  if (auto *v = root.getObject("vars"))
    for (auto &[k, value] : *v) {
      auto n = value.getAsInteger();
      if (!n)
        return fail("variable '" + StringRef(k) + "' is not an integer");
      vars[StringRef(k)] = *n;
    }
  if (auto *b = root.getObject("buffers"))
    for (auto &[k, value] : *b) {
      auto *o = value.getAsObject();
      if (!o)
        return fail("buffer '" + StringRef(k) + "' is not an object");
      if (Error e = makeBuffer(k, *o))
        return std::move(e);
    }
  std::vector<const json::Object *> launches;
  if (single)
    launches.push_back(&root);
  else if (auto *a = root.getArray("launches")) {
    for (const json::Value &v : *a) {
      auto *o = v.getAsObject();
      if (!o)
        return fail("expected an object in \"launches\"");
      if (Error e = known(*o, "a launch", {"entry", "grid", "block", "cluster", "dynamicSharedBytes", "params"}))
        return std::move(e);
      launches.push_back(o);
    }
  } else
    return fail("\"launches\" is not an array");
  Report all;
  for (const json::Object *o : launches) {
    Expected<Launch> l = launch(*o);
    if (!l)
      return l.takeError();
    Expected<Report> r = device->launch(program, *l, options);
    if (!r)
      return r.takeError();
    mergeReports(all, std::move(*r));
  }
  for (auto &entry : buffers) {
    Buffer &b = entry.second;
    if (b.outPath.empty())
      continue;
    if (Error e = device->memory().read(b.address, b.array.data))
      return std::move(e);
    if (Error e = writeNpy(b.outPath, b.array))
      return std::move(e);
  }
  return all;
}

Expected<Report> runLaunchFile(const Program &program, StringRef path, const Options &options, StringRef outDir) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return fail("cannot read '" + path + "': " + file.getError().message());
  Expected<json::Value> root = json::parse((*file)->getBuffer());
  if (!root)
    return fail(path + ": " + toString(root.takeError()));
  auto *o = root->getAsObject();
  if (!o)
    return fail("'" + path + "' does not hold a JSON object");
  return Runner(program, options, sys::path::parent_path(path), outDir).run(*o);
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
    j.attributeArray("launches", [&] {
      for (const Program::Entry &e : program.entries())
        j.object([&] {
          j.attribute("entry", e.name);
          j.attributeArray("grid", [&] { j.value(1); });
          j.attributeArray("block", [&] {
            for (uint32_t b : e.requiredBlock)
              j.value(int64_t(b ? b : 1));
          });
          j.attribute("dynamicSharedBytes", 0);
          j.attributeArray("params", [&] {
            for (const Program::Parameter &p : e.parameters)
              j.object([&] {
                if (p.isPointer)
                  j.attribute("pointer", "A");
                else if (p.bytes == 128 && p.align >= 64)
                  j.attributeObject("tensorMap", [&] {
                    j.attribute("buffer", "A");
                    j.attribute("dtype", "f32");
                    j.attributeArray("globalDim", [&] { j.value(1024); });
                    j.attributeArray("box", [&] { j.value(32); });
                    j.attribute("swizzle", "none");
                  });
                else if (p.bytes == 8)
                  j.attribute("u64", 0);
                else if (p.bytes == 4)
                  j.attribute("i32", 0);
                else
                  j.attribute("hex", std::string(2 * p.bytes, '0'));
              });
          });
        });
    });
  });
  os << '\n';
}

} // namespace tk::sim
