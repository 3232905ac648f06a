//===- LaunchValues.cpp - Parameters and structures of launch files -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchRun.h"
#include "Machine.h"
#include "tk/Sim/TensorMap.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <set>

using namespace llvm;

namespace tk::sim {

//===----------------------------------------------------------------------===//
// Single values
//===----------------------------------------------------------------------===//

Expected<LaunchBuffer *> LaunchRun::buffer(const json::Value *v, const std::string &path) {
  if (!v)
    return reader.fail(path, "expected the name of a buffer, got nothing");
  Expected<StringRef> name = reader.string(*v, path);
  if (!name)
    return name.takeError();
  auto it = buffers.find(name->str());
  if (it != buffers.end())
    return &it->second;
  SmallVector<StringRef> names;
  for (auto &entry : buffers)
    names.push_back(entry.first);
  return reader.fail(path, "unknown buffer '" + *name + "'; \"buffers\" has " + quotedList(names));
}

Expected<uint64_t> LaunchRun::pointer(const json::Object &o, const std::string &path) {
  if (Error e = reader.known(o, path, {"pointer", "byteOffset"}))
    return std::move(e);
  constexpr int64_t kFar =
      1ll << 40; // Beyond its buffer an address may be: the kernel may add to it.
  Expected<int64_t> offset = reader.integer(o, "byteOffset", path, -kFar, kFar, 0);
  if (!offset)
    return offset.takeError();
  if (o.get("pointer")->getAsNull())
    return uint64_t(*offset);
  Expected<LaunchBuffer *> b = buffer(o.get("pointer"), pathOf(path, "pointer"));
  if (!b)
    return b.takeError();
  if ((*b)->pointedAt.empty())
    (*b)->pointedAt = path;
  return (*b)->address + uint64_t(*offset);
}

template <class T>
static PartialBytes bytesOfValue(T v, size_t size = sizeof(T)) {
  PartialBytes b(size, 1);
  memcpy(b.data.data(), &v, size);
  return b;
}

/// Whether a finite number became one. Those of 8 bits saturate: the limits are half a step above
/// their greatest.
static bool fits(double d, const ElementType &type, const PartialBytes &b) {
  double most = type.ty == Ty::E4M3 ? 464 : type.ty == Ty::E5M2 ? 61440 : HUGE_VAL;
  return std::isfinite(elementValue(type, b.data.data())) && std::fabs(d) <= most;
}

Expected<PartialBytes> LaunchRun::scalar(StringRef kind, const json::Value &v,
                                         const std::string &path) {
  if (kind == "hex") {
    std::string raw;
    auto s = v.getAsString();
    if (!s || s->size() % 2 || !tryGetFromHex(*s, raw))
      return reader.fail(path, "expected two hexadecimal digits for each byte, got " + shown(v));
    PartialBytes b(raw.size(), 1);
    memcpy(b.data.data(), raw.data(), raw.size());
    return b;
  }
  const ElementType &type = *elementType(kind);
  if (type.kind == ElementType::Real) {
    Expected<double> d = reader.real(v, path);
    if (!d)
      return d.takeError();
    PartialBytes b = bytesOfValue(type.ty == Ty::F64 ? llvm::bit_cast<uint64_t>(*d)
                                                     : encodeReal(*d, type.ty, Round::Rn),
                                  type.bytes);
    if (std::isfinite(*d) && !fits(*d, type, b))
      return reader.fail(path, "expected a number that fits " + kind +
                                   ", \"inf\" or \"-inf\", got " + shown(v));
    return b;
  }
  if (type.kind == ElementType::Bool && v.getAsBoolean())
    return bytesOfValue(uint8_t(*v.getAsBoolean()));
  unsigned bits = 8u * type.bytes;
  if (bits == 64 && type.kind != ElementType::Signed) {
    if (auto n = v.getAsUINT64())
      return bytesOfValue(*n);
    if (auto n = reader.largeVariable(v))
      return bytesOfValue(*n);
  }
  // Bits may be written with or without a sign. An expression has 63 bits and a sign.
  bool hasSign = type.kind == ElementType::Signed || type.kind == ElementType::Bits;
  int64_t low = hasSign ? std::numeric_limits<int64_t>::min() >> (64 - bits) : 0;
  int64_t high = type.kind == ElementType::Bool ? 1
                 : type.kind == ElementType::Signed || bits == 64
                     ? std::numeric_limits<int64_t>::max() >> (64 - bits)
                     : (int64_t(1) << bits) - 1;
  Expected<int64_t> n = reader.integer(v, path, low, high);
  if (!n)
    return n.takeError();
  return bytesOfValue(*n, type.bytes);
}

//===----------------------------------------------------------------------===//
// Structures
//===----------------------------------------------------------------------===//

/// One field: a value with "offset".
Error LaunchRun::field(PartialBytes &into, const json::Value &v, const std::string &path,
                       uint64_t align, unsigned depth) {
  Expected<const json::Object *> f = reader.object(v, path);
  if (!f)
    return f.takeError();
  const json::Value *at = (*f)->get("offset");
  if (!at)
    return reader.fail(path, "expected a field with \"offset\", got " + shown(v));
  size_t size = into.data.size();
  Expected<int64_t> offset = reader.integer(*at, pathOf(path, "offset"), 0, int64_t(size));
  if (!offset)
    return offset.takeError();
  json::Object rest = **f;
  rest.erase("offset");
  uint64_t inner = 1, first = uint64_t(*offset);
  Expected<PartialBytes> b = value(std::move(rest), path, size, inner, depth + 1);
  if (!b)
    return b.takeError();
  if (first % inner)
    return reader.fail(path, "expected an offset that is a multiple of the field's alignment of " +
                                 Twine(inner) + " bytes, got " + Twine(first));
  if (first + b->data.size() > size)
    return reader.fail(path, "the field of " + Twine(b->data.size()) + " bytes at " + Twine(first) +
                                 " does not end within the structure's " + Twine(size) + " bytes");
  for (size_t i = 0; i < b->data.size(); ++i) {
    if (!b->written[i])
      continue;
    if (std::exchange(into.written[first + i], 1))
      return reader.fail(path, "the field overlaps another at byte " + Twine(first + i) +
                                   " of the structure");
    into.data[first + i] = b->data[i];
  }
  return Error::success();
}

/// What no field covers stays unwritten.
Expected<PartialBytes> LaunchRun::structure(const json::Object &o, const std::string &path,
                                            uint64_t room, uint64_t &align, unsigned depth) {
  if (Error e = reader.known(o, path, {"bytes", "align", "fields"}))
    return std::move(e);
  const json::Value *size = o.get("bytes"), *fields = o.get("fields");
  const json::Array *list = fields ? fields->getAsArray() : nullptr;
  if (!size || !list)
    return reader.fail(path, "a structure needs \"bytes\" and a list of \"fields\"");
  Expected<int64_t> total = reader.integer(*size, pathOf(path, "bytes"), 0, int64_t(room));
  Expected<uint64_t> wanted = reader.alignment(o, path, 1);
  if (!total || !wanted)
    return joinErrors(total.takeError(), wanted.takeError());
  align = *wanted;
  PartialBytes bytes(static_cast<size_t>(*total));
  for (size_t i = 0; i < list->size(); ++i)
    if (Error e = field(bytes, (*list)[i], pathOf(pathOf(path, "fields"), i), align, depth))
      return std::move(e);
  return bytes;
}

namespace {
/// Puts arguments where a type has placeholders: "$rows" becomes the argument whatever it is,
/// "2*$rows" takes an integer or an expression.
class Substitution {
public:
  Substitution(const LaunchReader &reader, const json::Object &arguments, const std::string &path,
               size_t &values)
      : reader(reader), arguments(arguments), path(path), values(values) {}
  Expected<json::Value> apply(const json::Value &v);
  std::set<std::string> used;

private:
  Expected<json::Value> text(StringRef s);
  Expected<const json::Value *> argument(StringRef name);
  const LaunchReader &reader;
  const json::Object &arguments;
  const std::string &path;
  size_t &values; ///< Made so far in the whole file.
};

constexpr size_t kMaxValues = 1 << 20, kMaxText = 4096;
} // namespace

static size_t countValues(const json::Value &v) {
  size_t n = 1;
  if (const json::Array *list = v.getAsArray())
    for (const json::Value &element : *list)
      n += countValues(element);
  if (const json::Object *o = v.getAsObject())
    for (auto &[key, element] : *o)
      n += countValues(element);
  return n;
}

Expected<const json::Value *> Substitution::argument(StringRef name) {
  const json::Value *v = arguments.get(name);
  if (!v || name == "type" || name == "comment")
    return reader.fail(path, "the type needs an argument for its placeholder '$" + name +
                                 "'; add \"" + name + "\"");
  used.insert(name.str());
  return v;
}

Expected<json::Value> Substitution::text(StringRef s) {
  std::string out;
  for (StringRef rest = s; !rest.empty();) {
    auto [before, after] = rest.split('$');
    out += before;
    if (before.size() == rest.size())
      break;
    StringRef name = after.take_while([](char c) { return isAlnum(c) || c == '_'; });
    Expected<const json::Value *> v = argument(name);
    if (!v)
      return v.takeError();
    if (name.size() + 1 == s.size()) {
      values += countValues(**v);
      return **v;
    }
    auto expression = (*v)->getAsString();
    std::optional<int64_t> number = wholeNumber(**v);
    if (!expression && !number)
      return reader.fail(path, "expected an integer or an expression for '" + name + "' in \"" + s +
                                   "\", got " + shown(**v));
    out += "(" + (expression ? expression->str() : std::to_string(*number)) + ")";
    if (out.size() > kMaxText)
      return reader.fail(path, "the arguments make an expression of more than " + Twine(kMaxText) +
                                   " characters");
    rest = after.drop_front(name.size());
  }
  return out;
}

Expected<json::Value> Substitution::apply(const json::Value &v) {
  if (++values > kMaxValues)
    return reader.fail(path, "the types make more than " + Twine(kMaxValues) +
                                 " values in all; use fewer of them, or \"hex\"");
  if (auto s = v.getAsString())
    return s->contains('$') ? text(*s) : Expected<json::Value>(v);
  if (const json::Array *list = v.getAsArray()) {
    json::Array out;
    for (const json::Value &element : *list) {
      Expected<json::Value> e = apply(element);
      if (!e)
        return e.takeError();
      out.push_back(std::move(*e));
    }
    return std::move(out);
  }
  const json::Object *o = v.getAsObject();
  if (!o)
    return v;
  json::Object out;
  for (auto &[k, element] : *o) {
    Expected<json::Value> e =
        StringRef(k) == "comment" ? Expected<json::Value>(element) : apply(element);
    if (!e)
      return e.takeError();
    out[StringRef(k).str()] =
        std::move(*e); // a key that owns its text: `v` need not outlive the result
  }
  return std::move(out);
}

Error LaunchRun::readTypes(const json::Object &root) {
  Expected<const json::Object *> all = reader.object(root, "types", "");
  if (!all)
    return all.takeError();
  if (!*all)
    return Error::success();
  for (auto &[k, v] : **all) {
    std::string path = pathOf("types", StringRef(k));
    Expected<const json::Object *> o = reader.object(v, path);
    if (!o)
      return o.takeError();
    if (Error e = reader.known(**o, path, {"bytes", "align", "fields"}))
      return e;
    if (!(*o)->get("bytes") || !(*o)->getArray("fields"))
      return reader.fail(path, "a type needs \"bytes\" and a list of \"fields\"");
    types[StringRef(k).str()] = *o;
  }
  return Error::success();
}

Expected<PartialBytes> LaunchRun::instantiate(const json::Object &o, const std::string &path,
                                              uint64_t room, uint64_t &align, unsigned depth) {
  Expected<StringRef> name = reader.string(*o.get("type"), pathOf(path, "type"));
  if (!name)
    return name.takeError();
  auto it = types.find(name->str());
  if (it == types.end()) {
    SmallVector<StringRef> names;
    for (auto &entry : types)
      names.push_back(entry.first);
    return reader.fail(pathOf(path, "type"),
                       "unknown type '" + *name + "'; \"types\" has " + quotedList(names));
  }
  // Both places: where the type is used, and where it is written.
  std::string inner = path + "(types." + name->str() + ")";
  Substitution substitution(reader, o, inner, values);
  Expected<json::Value> body = substitution.apply(json::Object(*it->second));
  if (!body)
    return body.takeError();
  for (auto &[k, v] : o) {
    StringRef key = k;
    if (key != "type" && key != "comment" && !substitution.used.count(key.str()))
      return reader.fail(path, "type '" + *name + "' has no placeholder '$" + key + "'; it has " +
                                   quotedList(SmallVector<StringRef>(substitution.used.begin(),
                                                                     substitution.used.end())));
  }
  return structure(*body->getAsObject(), inner, room, align, depth);
}

static bool isKind(StringRef key) { return key == "hex" || elementType(key); }

/// The value of a parameter, a field or a symbol, and the alignment that it asks for.
Expected<PartialBytes> LaunchRun::value(const json::Value &v, const std::string &path,
                                        uint64_t room, uint64_t &align, unsigned depth) {
  if (depth > 20)
    return reader.fail(path,
                       "expected structures nested at most 20 deep; does a type contain itself?");
  Expected<const json::Object *> found = reader.object(v, path);
  if (!found)
    return found.takeError();
  const json::Object &o = **found;
  if (o.get("type"))
    return instantiate(o, path, room, align, depth);
  if (o.get("fields"))
    return structure(o, path, room, align, depth);
  if (o.get("pointer")) {
    Expected<uint64_t> address = pointer(o, path);
    if (!address)
      return address.takeError();
    return bytesOfValue(*address);
  }
  StringRef kind;
  for (auto &[k, element] : o)
    if (StringRef(k) == "tensorMap" || isKind(k))
      kind = k;
  if (kind.empty())
    return reader.fail(path, "expected one of pointer, type, fields, tensorMap, hex, " +
                                 elementTypeNames() + ", got " + shown(v));
  if (Error e = reader.known(o, path, {kind}))
    return std::move(e);
  if (kind != "tensorMap")
    return scalar(kind, *o.get(kind), pathOf(path, kind));
  Expected<const json::Object *> map = reader.object(*o.get(kind), pathOf(path, kind));
  if (!map)
    return map.takeError();
  align = 64;
  return tensorMap(**map, pathOf(path, kind));
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

static constexpr StringRef kTypes[] = {"u8",  "u16", "u32",  "i32",    "u64",  "i64",    "f16",
                                       "f32", "f64", "bf16", "f32ftz", "tf32", "tf32ftz"};
static constexpr StringRef kSwizzles[] = {
    "none", "32B", "64B", "128B", "128B_ATOM_32B", "128B_ATOM_32B_FLIP_8B", "128B_ATOM_64B"};
static constexpr StringRef kInterleaves[] = {"none", "16B", "32B"},
                           kPromotions[] = {"none", "64B", "128B", "256B"},
                           kFills[] = {"zero", "nan"};

namespace {
/// The parts of a tensor map that are choices or lists of integers.
class MapReader {
public:
  MapReader(const LaunchReader &reader, const json::Object &o, const std::string &path)
      : reader(reader), o(o), path(path) {}
  Error choose(StringRef key, ArrayRef<StringRef> names, unsigned &out) {
    Expected<std::optional<StringRef>> v = reader.string(o, key, path);
    if (!v)
      return v.takeError();
    StringRef name = v->value_or(names.front());
    auto it = llvm::find(names, name);
    if (it == names.end())
      return reader.fail(pathOf(path, key),
                         "expected one of " + join(names, ", ") + ", got '" + name + "'");
    out = unsigned(it - names.begin());
    return Error::success();
  }
  /// Exactly `count` integers.
  Error numbers(StringRef key, unsigned count, MutableArrayRef<uint64_t> out) {
    const json::Array *a = o.getArray(key);
    if (!a || a->size() != count)
      return reader.fail(pathOf(path, key), "expected " + Twine(count) + " integer(s), got " +
                                                (a ? Twine(a->size()) : Twine("none")));
    for (unsigned i = 0; i < count; ++i) {
      Expected<int64_t> n = reader.integer((*a)[i], pathOf(pathOf(path, key), i), 0,
                                           std::numeric_limits<int64_t>::max());
      if (!n)
        return n.takeError();
      out[i] = uint64_t(*n);
    }
    return Error::success();
  }
  Error readShape(TensorMap &m) {
    const json::Array *dims = o.getArray("globalDim");
    if (!dims || dims->empty() || dims->size() > 5)
      return reader.fail(pathOf(path, "globalDim"),
                         "expected 1 to 5 sizes, got " +
                             (dims ? Twine(dims->size()) : Twine("none")));
    m.rank = unsigned(dims->size());
    uint64_t box[5] = {}, strides[5] = {1, 1, 1, 1, 1};
    if (Error e = numbers("globalDim", m.rank, m.size))
      return e;
    // A rank-1 map has no strides.
    if (m.rank > 1 || o.get("globalStrides"))
      if (Error e = numbers("globalStrides", m.rank - 1, m.stride))
        return e;
    if (Error e = numbers("box", m.rank, box))
      return e;
    if (o.get("elementStrides"))
      if (Error e = numbers("elementStrides", m.rank, strides))
        return e;
    for (unsigned i = 0; i < m.rank; ++i) {
      m.box[i] = uint32_t(std::min<uint64_t>(box[i], ~0u));
      m.elementStride[i] = uint32_t(std::min<uint64_t>(strides[i], ~0u));
    }
    return Error::success();
  }
  Error readChoices(TensorMap &m) {
    unsigned type = 0, swizzle = 0, interleave = 0, promotion = 0, fill = 0;
    if (!o.get("dtype"))
      return reader.fail(path,
                         "a tensor map needs \"dtype\", one of " + join(ArrayRef(kTypes), ", "));
    std::pair<StringRef, std::pair<ArrayRef<StringRef>, unsigned *>> choices[] = {
        {"dtype", {kTypes, &type}},
        {"swizzle", {kSwizzles, &swizzle}},
        {"interleave", {kInterleaves, &interleave}},
        {"l2Promotion", {kPromotions, &promotion}},
        {"oobFill", {kFills, &fill}}};
    for (auto &[key, choice] : choices)
      if (Error e = choose(key, choice.first, *choice.second))
        return e;
    m.type = TensorMap::Type(type);
    m.swizzle = TensorMap::Swizzle(swizzle);
    m.interleave = TensorMap::Interleave(interleave);
    m.l2Promotion = uint8_t(promotion);
    m.fill = TensorMap::Fill(fill);
    return Error::success();
  }

private:
  const LaunchReader &reader;
  const json::Object &o;
  const std::string &path;
};
} // namespace

Expected<PartialBytes> LaunchRun::tensorMap(const json::Object &o, const std::string &path) {
  if (Error e = reader.known(o, path,
                             {"buffer", "byteOffset", "dtype", "globalDim", "globalStrides", "box",
                              "elementStrides", "interleave", "swizzle", "l2Promotion", "oobFill"}))
    return std::move(e);
  Expected<LaunchBuffer *> b = buffer(o.get("buffer"), pathOf(path, "buffer"));
  Expected<int64_t> offset = reader.integer(o, "byteOffset", path, 0, 1ll << 40, 0);
  if (!b || !offset)
    return joinErrors(b.takeError(), offset.takeError());
  if ((*b)->pointedAt.empty())
    (*b)->pointedAt = path;
  TensorMap m;
  m.address = (*b)->address + uint64_t(*offset);
  MapReader map(reader, o, path);
  if (Error e = map.readChoices(m))
    return std::move(e);
  if (Error e = map.readShape(m))
    return std::move(e);
  Expected<std::array<uint8_t, 128>> encoded = encodeTensorMap(m);
  if (!encoded)
    return reader.fail(path, toString(encoded.takeError()));
  PartialBytes bytes(128, 1);
  memcpy(bytes.data.data(), encoded->data(), 128);
  return bytes;
}

} // namespace tk::sim
