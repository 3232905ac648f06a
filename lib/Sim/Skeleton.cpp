//===- Skeleton.cpp - Launch files to fill in -----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A parameter of PTX has a size and no meaning. What the code does with it says more: which bytes
/// it reads at once, and what becomes an address. All of it is a guess, and said to be one; nothing
/// of it is used anywhere else.
///
//===----------------------------------------------------------------------===//

#include "LaunchRun.h"
#include "Ptx.h"
#include "tk/Sim/LaunchFile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace tk::sim {

unsigned bytesOf(Ty ty); // Decode.cpp

namespace {

/// What an entry does with the value at one offset of its parameters, or with a variable.
struct ValueUse {
  unsigned bytes = 0;
  Ty ty = Ty::None;
  bool isPointer = false, isRead = false, isWritten = false;
  bool isMap = false;          ///< 128 bytes, read by tensor copies.
  unsigned rank = 0;           ///< Of the map, as the copies have it.
  bool isAccumulated = false;  ///< Atomics add to the memory behind a pointer.
  unsigned elementBytes = 0;   ///< Of the memory behind a pointer, at one access.
  const char *dtype = nullptr; ///< Of the same, where the instruction says it.
  bool isDtypeSure = false;    ///< What computes in memory or loads a matrix said so.
};

/// What a register holds.
struct Origin {
  enum Kind : uint8_t { None, Value, Parameter, Variable } kind = None;
  /// Value: the offset it was loaded from, or what was computed from that. Parameter: the offset it
  /// is the address of. Variable: whose address it is.
  uint64_t at = 0;
};

/// Follows what is loaded from the parameters through registers, to addresses; and the addresses of
/// variables of the module.
class ParameterUses {
public:
  explicit ParameterUses(const Function &fn) : fn(fn), origin(fn.regCount) {
    for (const AddressConst &a : fn.addressConsts)
      if (a.space == Space::Param)
        addresses[a.off] = {Origin::Parameter, uint64_t(a.addend)};
      else if (a.space == Space::Global || a.space == Space::Const)
        addresses[a.off] = {Origin::Variable, a.variable};
    // Twice, for what goes around a loop.
    for (unsigned round = 0; round < 2; ++round)
      for (const Inst &in : fn.code)
        visit(in);
  }
  std::map<uint64_t, ValueUse> at;        ///< By offset.
  std::map<uint64_t, ValueUse> variables; ///< By number.

private:
  Origin originOf(const Opnd &o) const {
    if (!o.isConst())
      return o.present() ? origin[o.idx] : Origin();
    return addresses.lookup(o.off & ~Opnd::kConst);
  }
  void visit(const Inst &in);
  void load(const Inst &in);
  void compute(const Inst &in);
  void computeAddress(const Inst &in);
  void tensorCopy(const BulkSpec &s);
  ValueUse *access(const Opnd &address, bool reads, bool writes, unsigned bytes);
  void typedAccess(const Inst &in, bool reads, bool writes);
  void bulkCopy(const BulkSpec &s);
  void matrixAccess(const Inst &in);

  const Function &fn;
  std::vector<Origin> origin;           ///< Of registers.
  DenseMap<uint32_t, Origin> addresses; ///< By place of the constant.
};

} // namespace

void ParameterUses::load(const Inst &in) {
  Origin from = originOf(in.s[0]);
  if (from.kind != Origin::Parameter)
    return;
  for (unsigned i = 0; i < in.vec.size(); ++i) {
    uint64_t offset = from.at + uint64_t(in.imm) + i * bytesOf(in.ty);
    ValueUse &use = at[offset];
    use.bytes = bytesOf(in.ty);
    if (use.ty != Ty::F32 && use.ty != Ty::F64) // which what is computed with it may have said
      use.ty = in.ty;
    if (bytesOf(in.ty) >= 4 && !in.vec[i].isConst())
      origin[in.vec[i].idx] = {Origin::Value, offset};
  }
}

/// What is known of the memory there; null: of no parameter and no variable.
ValueUse *ParameterUses::access(const Opnd &address, bool reads, bool writes, unsigned bytes) {
  Origin from = originOf(address);
  if (from.kind != Origin::Value && from.kind != Origin::Variable)
    return nullptr;
  ValueUse &use = from.kind == Origin::Value ? at[from.at] : variables[from.at];
  use.isPointer = true;
  use.isRead |= reads;
  use.isWritten |= writes;
  if (bytes)
    use.elementBytes = bytes;
  return &use;
}

/// The type that an access says its memory has. Compilers move reals of 16 bits as integers and
/// vectors of anything as vectors of .u32, and .b32 is anything. What computes in memory says
/// which integers it means.
static const char *dtypeOf(Ty ty, bool isVector, bool isAtom) {
  switch (ty) {
  case Ty::F16:
  case Ty::F16x2:
    return "f16";
  case Ty::BF16:
  case Ty::BF16x2:
    return "bf16";
  case Ty::F32:
    return "f32";
  case Ty::F64:
    return "f64";
  case Ty::S8:
    return "i8";
  case Ty::S32:
  case Ty::U32:
    return isVector ? nullptr : isAtom && ty == Ty::U32 ? "u32" : "i32";
  case Ty::S64:
  case Ty::U64:
    return isVector ? nullptr : isAtom && ty == Ty::U64 ? "u64" : "i64";
  default:
    return nullptr;
  }
}

void ParameterUses::typedAccess(const Inst &in, bool reads, bool writes) {
  ValueUse *use = access(in.s[0], reads, writes, bytesOf(in.ty));
  if (!use)
    return;
  bool isAtom = in.op == Op::Atom;
  use->isAccumulated |= isAtom;
  const char *dtype = dtypeOf(in.ty, in.numVec > 1, isAtom);
  if (dtype && (isAtom || !use->isDtypeSure)) {
    use->dtype = dtype;
    use->isDtypeSure |= isAtom;
  }
}

/// A number that is computed with as a real is one, whatever it was loaded as.
void ParameterUses::compute(const Inst &in) {
  bool isMove = in.cls == Class::Move;
  if (in.d.present() && isMove && !in.d.wide && originOf(in.s[0]).kind == Origin::Value)
    origin[in.d.idx] = originOf(in.s[0]);
  if (!isMove && in.op != Op::Selp && (in.ty == Ty::F32 || in.ty == Ty::F64))
    for (const Opnd &o : in.s)
      if (Origin from = originOf(o); from.kind == Origin::Value)
        if (ValueUse &use = at[from.at]; use.bytes == bytesOf(in.ty))
          use.ty = in.ty;
  if (in.op != Op::Setp)
    computeAddress(in);
}

/// What an address is made from is what it points into; to the address of a parameter only
/// constants are added.
void ParameterUses::computeAddress(const Inst &in) {
  if (!in.d.wide || in.d.isConst())
    return;
  bool isAdd = in.alu == laneOps().alu(Alu::Add, Ty::U64, false) ||
               in.alu == laneOps().alu(Alu::Add, Ty::S64, false);
  bool isMove = in.alu == laneOps().alu(Alu::Mov, Ty::U64, false);
  uint64_t added = 0;
  Origin found;
  for (const Opnd &o : in.s) {
    if (!o.present())
      continue;
    Origin from = o.isConst() || o.wide ? originOf(o) : Origin();
    if (from.kind != Origin::None)
      found = from;
    else if (o.isConst()) // the window of cvta has zeros here
      added += fn.constants[o.off & ~Opnd::kConst] & 0xffffff;
  }
  if (found.kind == Origin::None)
    return;
  if (found.kind == Origin::Parameter) {
    if (!isAdd && !isMove)
      return;
    found.at += added;
  }
  origin[in.d.idx] = found;
}

/// wmma.load and wmma.store: of 4 bits and of single ones the bytes are counted.
void ParameterUses::matrixAccess(const Inst &in) {
  const MmaSpec &s = fn.mmas[in.target];
  bool isLoad = in.op == Op::WmmaLoad;
  Ty ty = !isLoad ? s.d : !s.regsA.empty() ? s.a : !s.regsB.empty() ? s.b : s.c;
  ValueUse *use = access(in.s[0], isLoad, !isLoad, std::max(bitsOfElement(ty) / 8, 1u));
  if (!use || use->isDtypeSure)
    return;
  use->dtype = ty == Ty::TF32 ? "f32" : dtypeOf(ty, false, false);
  use->isDtypeSure = true; // beside moves of vectors of .b32
}

void ParameterUses::bulkCopy(const BulkSpec &s) {
  bool isReduction = s.kind == BulkSpec::Reduce;
  ValueUse *use = s.fromShared ? nullptr
                               : access(s.global, s.kind != BulkSpec::Store,
                                        s.kind == BulkSpec::Store || isReduction,
                                        isReduction ? bytesOf(s.ty) : 0);
  if (!use || !isReduction)
    return;
  use->isAccumulated = true;
  if (const char *dtype = dtypeOf(s.ty, false, true)) {
    use->dtype = dtype;
    use->isDtypeSure = true;
  }
}

void ParameterUses::tensorCopy(const BulkSpec &s) {
  Origin from = originOf(s.global);
  if (from.kind != Origin::Parameter) {
    access(s.global, true, false, 0); // the map is in memory
    return;
  }
  ValueUse &use = at[from.at + uint64_t(s.globalOffset)];
  use.isMap = true;
  use.bytes = 128;
  use.rank = std::max<unsigned>(use.rank, s.dims);
  bool isWritten = s.kind == BulkSpec::Store || s.kind == BulkSpec::Reduce;
  use.isRead |= !isWritten;
  use.isWritten |= isWritten;
  use.isAccumulated |= s.kind == BulkSpec::Reduce;
}

void ParameterUses::visit(const Inst &in) {
  bool isGlobal =
      in.space == Space::Global || in.space == Space::Generic || in.space == Space::Const;
  switch (in.op) {
  case Op::Ld:
    if (in.space == Space::Param)
      load(in);
    else if (isGlobal)
      typedAccess(in, true, false);
    break;
  case Op::St:
    if (isGlobal)
      typedAccess(in, false, true);
    break;
  case Op::Atom:
    if (isGlobal)
      typedAccess(in, true, true);
    break;
  case Op::CpAsync: // its other operands are no addresses in global memory
    access(in.s[0], true, false, 0);
    break;
  case Op::Bulk: {
    const BulkSpec &s = fn.bulks[in.target];
    if (s.tensor)
      tensorCopy(s);
    else
      bulkCopy(s);
    break;
  }
  case Op::WmmaLoad:
  case Op::WmmaStore:
    if (isGlobal)
      matrixAccess(in);
    break;
  case Op::TensormapReplace:
    if (isGlobal)
      access(in.s[0], true, true, 0);
    if (MapField(in.sub) == MapField::GlobalAddress)
      access(in.s[1], false, false, 0);
    break;
  case Op::TensormapCopy:
    access(in.s[0], false, true, 0);
    break;
  case Op::Discard:
    access(in.s[0], false, true, 0);
    break;
  case Op::Nop: // prefetches and priorities; others have no operand
  case Op::FenceTensormap:
  case Op::Isspacep:
    access(in.s[0], false, false, 0);
    break;
  case Op::Alu:
    if (in.space == Space::Global) { // createpolicy.range: behind the policy's bits, its address
      access(in.s[3], false, false, 0);
      break;
    }
    compute(in);
    break;
  case Op::Selp:
  case Op::Setp:
    compute(in);
    break;
  default:
    break;
  }
}

std::map<uint64_t, std::string> elementTypesBehind(const Program &program, StringRef entry) {
  const Module &module = static_cast<const Module &>(program);
  std::map<uint64_t, std::string> types;
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.publicEntries[i].name == entry)
      for (auto &[offset, use] : ParameterUses(module.functions[i]).at)
        if (use.isPointer && use.dtype)
          types[offset] = use.dtype;
  return types;
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

namespace {

/// A buffer for a pointer.
struct GuessedBuffer {
  std::string name, comment;
  const char *dtype = "f32", *fill = "random";
  uint64_t size = 0; ///< In elements; 0: "N".
  bool isWritten = true;
};

class SkeletonPrinter {
public:
  SkeletonPrinter(const Module &module, raw_ostream &os) : module(module), os(os) {}
  void print();

private:
  std::string buffer(const Program::Entry &e, const Program::Parameter &p, const ValueUse &use);
  json::Object scalar(const ValueUse &use);
  json::Object tensorMap(const Program::Entry &e, const Program::Parameter &p, const ValueUse &use);
  json::Object parameter(const Program::Entry &e, const Program::Parameter &p);
  json::Object structure(const Program::Entry &e, const Program::Parameter &p);
  json::Value launch(size_t i);
  std::vector<std::string> symbols();
  std::string bufferName() const;

  const Module &module;
  raw_ostream &os;
  std::map<uint64_t, ValueUse> uses; ///< Of the entry at hand.
  std::map<std::string, ValueUse>
      variables; ///< Of the module, by name: what any entry does with them.
  std::vector<GuessedBuffer> buffers;
};

} // namespace

/// A, B, …, Z, A1, …, but no variable's name: those have buffers too.
std::string SkeletonPrinter::bufferName() const {
  for (size_t i = buffers.size();; ++i) {
    std::string name(1, char('A' + i % 26));
    if (i >= 26)
      name += std::to_string(i / 26);
    bool isTaken = any_of(buffers, [&](const GuessedBuffer &b) { return b.name == name; }) ||
                   any_of(module.variables, [&](const Variable &v) { return v.name == name; });
    if (!isTaken)
      return name;
  }
}

static const char *dtypeOf(const ValueUse &use) {
  if (use.dtype)
    return use.dtype;
  return use.elementBytes == 1   ? "u8"
         : use.elementBytes == 2 ? "f16"
         : use.elementBytes == 8 ? "f64"
                                 : "f32";
}

std::string SkeletonPrinter::buffer(const Program::Entry &e, const Program::Parameter &p,
                                    const ValueUse &use) {
  GuessedBuffer b;
  b.name = bufferName();
  b.isWritten = use.isWritten || !use.isRead;
  const char *access = use.isAccumulated ? "atomics add to it"
                       : use.isWritten   ? use.isRead ? "read and written" : "written"
                       : use.isRead      ? "read"
                       : use.isMap       ? "a tensor map"
                                         : "a pointer";
  b.comment = formatv("{0} of {1}: {2}{3}", p.name, e.name,
                      use.isMap && (use.isRead || use.isWritten) ? "a tensor map, " : "", access)
                  .str();
  if (use.elementBytes)
    b.comment += formatv(", {0} byte(s) at a time", use.elementBytes);
  b.dtype = dtypeOf(use);
  if (use.isAccumulated)
    b.fill = "zero";
  buffers.push_back(b);
  return b.name;
}

json::Object SkeletonPrinter::scalar(const ValueUse &use) {
  const char *kind = use.ty == Ty::F32   ? "f32"
                     : use.ty == Ty::F64 ? "f64"
                     : use.bytes == 8    ? "u64"
                     : use.bytes == 4    ? "i32"
                     : use.bytes == 2    ? "b16"
                                         : "u8";
  return json::Object{{kind, 0}};
}

/// Of as many dimensions as the copies say, over a buffer of 1024 elements.
json::Object SkeletonPrinter::tensorMap(const Program::Entry &e, const Program::Parameter &p,
                                        const ValueUse &use) {
  static constexpr int64_t kSizes[5][5] = {
      {1024}, {32, 32}, {32, 8, 4}, {32, 8, 2, 2}, {32, 4, 2, 2, 2}};
  unsigned rank = std::max(use.rank, 1u);
  json::Array sizes, strides, box;
  int64_t bytes = 4;
  for (unsigned i = 0; i < rank; ++i) {
    int64_t size = kSizes[rank - 1][i];
    sizes.push_back(size);
    box.push_back(i == 0 ? 32 : i == 1 ? std::min<int64_t>(size, 8) : 1);
    bytes *= size;
    if (i + 1 < rank)
      strides.push_back(bytes);
  }
  ValueUse known = use;
  known.isMap = true;
  json::Object map{{"buffer", buffer(e, p, known)},
                   {"dtype", "f32"},
                   {"globalDim", std::move(sizes)},
                   {"box", std::move(box)},
                   {"swizzle", "none"}};
  if (rank > 1)
    map["globalStrides"] = std::move(strides);
  return map;
}

/// The fields that the entry reads; the rest are gaps.
json::Object SkeletonPrinter::structure(const Program::Entry &e, const Program::Parameter &p) {
  json::Array fields;
  uint64_t end = 0;
  for (auto &[offset, use] : uses) {
    if (offset < p.offset || offset >= p.offset + p.bytes || offset - p.offset < end ||
        offset - p.offset + use.bytes > p.bytes)
      continue;
    json::Object field = use.isMap       ? json::Object{{"tensorMap", tensorMap(e, p, use)}}
                         : use.isPointer ? json::Object{{"pointer", buffer(e, p, use)}}
                                         : scalar(use);
    field["offset"] = int64_t(offset - p.offset);
    end = offset - p.offset + use.bytes;
    fields.push_back(std::move(field));
  }
  if (fields.empty())
    return json::Object{{"hex", std::string(2 * p.bytes, '0')}};
  return json::Object{
      {"bytes", int64_t(p.bytes)}, {"align", int64_t(p.align)}, {"fields", std::move(fields)}};
}

json::Object SkeletonPrinter::parameter(const Program::Entry &e, const Program::Parameter &p) {
  std::string comment =
      formatv("{0}: {1} byte(s) at {2}, .align {3}", p.name, p.bytes, p.offset, p.align);
  auto found = uses.find(p.offset);
  ValueUse use = found == uses.end() ? ValueUse() : found->second;
  // Of an int2 the halves are read.
  auto second = uses.upper_bound(p.offset);
  bool isInParts = second != uses.end() && second->first < p.offset + p.bytes;
  json::Object o;
  if (p.bytes == 8 && (p.isPointer || use.isPointer)) {
    o["pointer"] = buffer(e, p, use);
    comment += p.isPointer ? "" : ", used as an address";
  } else if (p.bytes == 128 && p.align >= 64) {
    comment += ", the size of a tensor map";
    o["tensorMap"] = tensorMap(e, p, use);
  } else if (!isInParts && (p.bytes == 1 || p.bytes == 2 || p.bytes == 4 || p.bytes == 8)) {
    use.bytes = p.bytes;
    o = scalar(use);
  } else {
    o = structure(e, p);
    comment +=
        o.get("fields")
            ? ", a structure: the fields that the kernel reads by themselves; no field, no value"
            : ", a structure";
  }
  o["comment"] = comment;
  return o;
}

static json::Array sizes(const std::array<uint32_t, 3> &v) {
  json::Array list;
  for (uint32_t size : v)
    list.push_back(int64_t(size ? size : 1)); // of clusters: whole ones
  return list;
}

json::Value SkeletonPrinter::launch(size_t i) {
  const Program::Entry &e = module.publicEntries[i];
  const Function &fn = module.functions[i];
  ParameterUses all(fn);
  uses = std::move(all.at);
  for (uint32_t v : unsetVariables(module, fn)) {
    ValueUse &known = variables[module.variables[v].name];
    const ValueUse &use = all.variables[v];
    bool isKnown = use.isRead || use.isWritten;
    known.isRead |= use.isRead || !isKnown; // whoever gets its address may read it
    known.isWritten |= use.isWritten;
    known.elementBytes = std::max(known.elementBytes, use.elementBytes);
    if (use.dtype && !known.isDtypeSure) {
      known.dtype = use.dtype;
      known.isDtypeSure = use.isDtypeSure;
    }
  }
  std::string text =
      formatv("{0} parameter(s) in {1} bytes", e.parameters.size(), e.parameterBytes);
  auto directive = [&](const char *name, const std::array<uint32_t, 3> &v) {
    if (v[0])
      text += formatv("; {0} {1}, {2}, {3}", name, v[0], v[1], v[2]);
  };
  if (!fn.refused.empty())
    text += ("; CANNOT RUN, delete this launch: " + StringRef(fn.refused).split('\n').first).str();
  directive(".reqntid", e.requiredBlock);
  directive(".maxntid", fn.maxntid);
  directive(".reqnctapercluster", e.requiredCluster);
  if (e.staticSharedBytes)
    text += formatv("; {0} bytes of static shared memory", e.staticSharedBytes);
  if (any_of(fn.addressConsts, [&](const AddressConst &a) {
        return a.space == Space::Shared && !module.variables[a.variable].sized;
      }))
    text += "; uses .extern .shared memory: dynamicSharedBytes says how much there is";
  if (fn.maxClusterRank)
    text += formatv("; .maxclusterrank {0}", fn.maxClusterRank);
  if (fn.blocksAreClusters)
    text += "; .blocksareclusters: the grid counts clusters";
  json::Array params;
  for (const Program::Parameter &p : e.parameters)
    params.push_back(parameter(e, p));
  json::Object launch{{"comment", text},
                      {"entry", e.name},
                      {"grid", sizes(fn.blocksAreClusters ? std::array<uint32_t, 3>{} : e.requiredCluster)},
                      {"block", sizes(e.requiredBlock)},
                      {"dynamicSharedBytes", 0},
                      {"params", std::move(params)}};
  if (e.needsCluster && !e.requiredCluster[0])
    launch["cluster"] = sizes({});
  return launch;
}

/// Gives those variables a buffer that the host may set and an entry may read, or an entry may
/// write and the host read, and returns their names. What another module defines holds nothing
/// unless the launch file says what.
std::vector<std::string> SkeletonPrinter::symbols() {
  std::vector<std::string> names;
  for (const Program::Symbol &s : module.symbols()) {
    auto use = variables.find(s.name);
    bool isWritten = use != variables.end() && use->second.isWritten && !s.isConst;
    bool isUsed = isWritten || (use != variables.end() && use->second.isRead);
    if ((!isUsed && !s.isExtern) || !s.bytes || is_contained(names, s.name))
      continue;
    GuessedBuffer b;
    b.name = s.name;
    const char *dtype = isUsed && use->second.elementBytes ? dtypeOf(use->second) : "u8";
    unsigned bytes = elementType(dtype)->bytes;
    b.dtype = s.bytes % bytes ? "u8" : dtype;
    b.size = s.bytes % bytes ? s.bytes : s.bytes / bytes;
    b.fill = "zero";
    b.isWritten = isWritten;
    b.comment = formatv("variable {0} in {1}, {2}: what the host copies there, zero without "
                        "cudaMemcpyToSymbol{3}",
                        s.name, s.isConst ? ".const" : ".global",
                        s.isExtern ? "of another module" : "without an initialiser",
                        isWritten ? "; \"out\" is what it holds after the launches" : "")
                    .str();
    buffers.push_back(b);
    names.push_back(s.name);
  }
  return names;
}

/// Indented, but a list of numbers in one line and keys in the order in which one fills them in.
static void writeValue(json::OStream &j, const json::Value &v) {
  static constexpr StringRef kOrder[] = {
      "comment", "offset", "entry", "grid",   "block", "cluster", "dynamicSharedBytes",
      "params",  "bytes",  "align", "fields", "buffer"};
  if (const json::Array *list = v.getAsArray()) {
    bool isFlat = all_of(*list, [](const json::Value &e) { return e.getAsInteger().has_value(); });
    if (isFlat) {
      std::string text;
      for (const json::Value &e : *list)
        text += (text.empty() ? "[" : ", ") + std::to_string(*e.getAsInteger());
      return j.rawValue(text.empty() ? "[]" : text + "]");
    }
    return j.array([&] {
      for (const json::Value &e : *list)
        writeValue(j, e);
    });
  }
  const json::Object *o = v.getAsObject();
  if (!o)
    return j.value(v);
  auto attribute = [&](StringRef key, const json::Value &value) {
    j.attributeBegin(key);
    writeValue(j, value);
    j.attributeEnd();
  };
  j.object([&] {
    for (StringRef key : kOrder)
      if (const json::Value *value = o->get(key))
        attribute(key, *value);
    std::map<StringRef, const json::Value *> rest;
    for (auto &[key, value] : *o)
      if (!is_contained(kOrder, StringRef(key)))
        rest[key] = &value;
    for (auto &[key, value] : rest)
      attribute(key, *value);
  });
}

void SkeletonPrinter::print() {
  json::Array launches;
  for (size_t i = 0; i < module.publicEntries.size(); ++i)
    launches.push_back(launch(i));
  std::vector<std::string> names = symbols();
  json::OStream j(os, 2);
  j.object([&] {
    j.attribute(
        "comment",
        "Guessed from the PTX. Fill in: sizes, types and contents of the buffers; values of the "
        "parameters; grid "
        "and block as the host launches them. Launches run one after the other: delete those you "
        "do not want, "
        "and the buffers that are left over. A buffer is {\"npy\": \"a.npy\"}, or shape, dtype and "
        "fill (zero, "
        "random, nan); \"out\" writes it, \"expect\": {\"npy\": \"ref.npy\", \"norm\": 1e-3} "
        "compares it. A "
        "pointer may be null. \"symbols\" are variables that the host may set, and zero where it "
        "does not; \"out\" of their buffers is what the kernels left there. Sizes may be "
        "expressions over \"vars\": \"(N + 255) / 256\".");
    j.attributeObject("vars", [&] { j.attribute("N", 1024); });
    j.attributeObject("buffers", [&] {
      for (const GuessedBuffer &b : buffers)
        j.attributeObject(b.name, [&] {
          j.attribute("comment", b.comment);
          j.attributeBegin("shape");
          j.rawValue(b.size ? "[" + std::to_string(b.size) + "]" : "[\"N\"]");
          j.attributeEnd();
          j.attribute("dtype", b.dtype);
          j.attribute("fill", b.fill);
          if (b.isWritten)
            j.attribute("out", b.name + ".npy");
        });
    });
    if (!names.empty())
      j.attributeObject("symbols", [&] {
        for (const std::string &name : names)
          j.attribute(name, name);
      });
    j.attributeBegin("launches");
    writeValue(j, json::Value(std::move(launches)));
    j.attributeEnd();
  });
  os << '\n';
}

void printSkeleton(const Program &program, raw_ostream &os) {
  SkeletonPrinter(static_cast<const Module &>(program), os).print();
}

} // namespace tk::sim
