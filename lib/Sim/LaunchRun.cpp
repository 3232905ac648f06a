//===- LaunchRun.cpp - One run of a launch file ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchRun.h"
#include "Ptx.h"
#include "tk/Sim/Findings.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tk::sim {

static constexpr uint64_t kMaxParameterBytes = 32764;

std::optional<OutputDifference> firstDifference(const LaunchOutput &left,
                                                const LaunchOutput &right) {
  const ElementType &type = left.type ? *left.type : *elementType("b8");
  ArrayRef<uint8_t> bytes(left.data.get(), left.bytes);
  auto at = std::mismatch(bytes.begin(), bytes.end(), right.data.get()).first;
  if (at == bytes.end())
    return std::nullopt;
  uint64_t i = uint64_t(at - bytes.begin()) / type.bytes;
  return OutputDifference{left.type ? "element " + elementIndex(left.shape, i)
                                    : "byte " + std::to_string(i),
                          elementText(type, left.data.get() + i * type.bytes),
                          elementText(type, right.data.get() + i * type.bytes)};
}

static std::string tripleText(const std::array<uint32_t, 3> &t) {
  return formatv("[{0}, {1}, {2}]", t[0], t[1], t[2]).str();
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// A buffer's bytes, or a value like that of a parameter. Gaps keep what the PTX says.
Error LaunchRun::setSymbol(const Program::Symbol &symbol, const json::Value &v,
                           const std::string &path) {
  Expected<uint64_t> address = device->addressOf(program, symbol.name);
  if (!address)
    return reader.fail(path, toString(address.takeError()));
  PartialBytes bytes(0);
  if (v.getAsString()) {
    Expected<LaunchBuffer *> b = buffer(&v, path);
    if (!b)
      return b.takeError();
    if ((*b)->bytes != symbol.bytes)
      return reader.fail(path, "variable '" + symbol.name + "' has " + Twine(symbol.bytes) +
                                   " bytes in the PTX, the launch file gives " +
                                   Twine((*b)->bytes));
    (*b)->bindings.push_back({symbol.name, *address});
    bytes = PartialBytes((*b)->bytes, 1);
    if (Error e = device->memory().read((*b)->address, bytes.data))
      return e;
    if (device->memory().countUninitialised((*b)->address, (*b)->bytes))
      for (uint64_t i = 0; i < (*b)->bytes; ++i)
        bytes.written[i] = !device->memory().countUninitialised((*b)->address + i, 1);
  } else {
    uint64_t align = 1;
    Expected<PartialBytes> given = value(v, path, symbol.bytes, align);
    if (!given)
      return given.takeError();
    bytes = std::move(*given);
  }
  if (bytes.data.size() != symbol.bytes)
    return reader.fail(path, "variable '" + symbol.name + "' has " + Twine(symbol.bytes) +
                                 " bytes in the PTX, the launch file gives " +
                                 Twine(bytes.data.size()));
  for (size_t i = 0, end; i < bytes.data.size(); i = end) {
    for (end = i; end < bytes.data.size() && bytes.written[end] == bytes.written[i];)
      ++end;
    if (bytes.written[i])
      if (Error e = device->memory().write(*address + i, ArrayRef(bytes.data).slice(i, end - i)))
        return e;
  }
  return Error::success();
}

Error LaunchRun::setSymbols(const json::Object &root) {
  Expected<const json::Object *> all = reader.object(root, "symbols", "");
  if (!all)
    return all.takeError();
  if (!*all)
    return Error::success();
  std::vector<Program::Symbol> symbols = program.symbols();
  for (auto &[k, v] : **all) {
    StringRef name = k;
    auto it = find_if(symbols, [&](const Program::Symbol &s) { return s.name == name; });
    if (it == symbols.end()) {
      SmallVector<StringRef> names;
      for (const Program::Symbol &s : symbols)
        names.push_back(s.name);
      return reader.fail(pathOf("symbols", name), "unknown variable; the PTX has " +
                                                      quotedList(names) + " in .global and .const");
    }
    if (Error e = setSymbol(*it, v, pathOf("symbols", name)))
      return e;
    symbolsGiven.insert(name);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

Expected<std::array<uint32_t, 3>> LaunchRun::triple(const json::Object &o, StringRef key,
                                                    const std::string &parent,
                                                    std::array<uint32_t, 3> out) {
  const json::Value *v = o.get(key);
  if (!v)
    return out;
  std::string path = pathOf(parent, key);
  const json::Array *a = v->getAsArray();
  if (!a || a->empty() || a->size() > 3)
    return reader.fail(path, "expected a list of one to three sizes, got " + shown(*v));
  out = {1, 1, 1};
  for (size_t i = 0; i < a->size(); ++i) {
    Expected<int64_t> n = reader.integer((*a)[i], pathOf(path, i), 1, 0x7fffffff);
    if (!n)
      return n.takeError();
    out[i] = uint32_t(*n);
  }
  return out;
}

Error LaunchRun::readParameters(Launch &l, const Program::Entry &entry, const json::Object &o,
                                const std::string &parent) {
  std::string path = pathOf(parent, "params");
  const json::Value *v = o.get("params");
  const json::Array *params = v ? v->getAsArray() : nullptr;
  if (v && !params)
    return reader.fail(path, "expected a list, got " + shown(*v));
  size_t have = params ? params->size() : 0;
  if (have != entry.parameters.size())
    return reader.fail(path, "entry '" + entry.name + "' has " + Twine(entry.parameters.size()) +
                                 " parameters in the PTX, the launch file gives " + Twine(have));
  l.parameters.resize(entry.parameterBytes);
  l.parametersWritten.resize(entry.parameterBytes);
  for (size_t i = 0; i < have; ++i) {
    const Program::Parameter &p = entry.parameters[i];
    std::string where = pathOf(path, i);
    uint64_t align = 1;
    Expected<PartialBytes> b = value((*params)[i], where, kMaxParameterBytes, align);
    if (!b)
      return b.takeError();
    if (b->data.size() != p.bytes)
      return reader.fail(where, "parameter '" + p.name + "' has " + Twine(p.bytes) +
                                    " bytes in the PTX, the launch file gives " +
                                    Twine(b->data.size()));
    if (align > p.align)
      return reader.fail(where, "parameter '" + p.name + "' is aligned to " + Twine(p.align) +
                                    " bytes in the PTX, the launch file asks for " + Twine(align) +
                                    "; change \"align\" or the declaration");
    llvm::copy(b->data, l.parameters.begin() + p.offset);
    llvm::copy(b->written, l.parametersWritten.begin() + p.offset);
  }
  return Error::success();
}

Expected<Launch> LaunchRun::readLaunch(const json::Object &o, const std::string &path) {
  Expected<std::optional<StringRef>> name = reader.string(o, "entry", path);
  if (!name)
    return name.takeError();
  const Program::Entry *entry = nullptr;
  SmallVector<StringRef> names;
  for (const Program::Entry &e : program.entries()) {
    names.push_back(e.name);
    if (*name && e.name == **name)
      entry = &e;
  }
  if (!entry)
    return reader.fail(pathOf(path, "entry"), "expected an entry of the PTX, " + quotedList(names) +
                                                  ", got " +
                                                  (*name ? "'" + **name + "'" : Twine("nothing")));
  const std::string &refused =
      static_cast<const Module &>(program).functions[entry - program.entries().begin()].refused;
  if (!refused.empty())
    return createStringError(inconvertibleErrorCode(), refused + "\n  entry '" + entry->name +
                                                           "' cannot run, others of the file may");
  Launch l;
  l.entry = entry->name;
  bool needsBlock = entry->requiredBlock[0], needsCluster = entry->requiredCluster[0];
  if (!needsBlock && !o.get("block"))
    return reader.fail(path, "expected 'block', the threads of a CTA: entry '" + l.entry +
                                 "' has no .reqntid");
  auto grid = triple(o, "grid", path, l.grid);
  auto block = triple(o, "block", path, needsBlock ? entry->requiredBlock : l.block);
  auto cluster = triple(o, "cluster", path, needsCluster ? entry->requiredCluster : l.cluster);
  auto shared = reader.integer(o, "dynamicSharedBytes", path, 0, 1 << 20, 0);
  if (!grid || !block || !cluster || !shared)
    return joinErrors(joinErrors(grid.takeError(), block.takeError()),
                      joinErrors(cluster.takeError(), shared.takeError()));
  if (needsCluster && *cluster != entry->requiredCluster)
    return reader.fail(pathOf(path, "cluster"), "entry '" + l.entry + "' has .reqnctapercluster " +
                                                    tripleText(entry->requiredCluster) +
                                                    ", the launch file gives " +
                                                    tripleText(*cluster) + "; leave it out");
  if (entry->needsCluster && !needsCluster && !o.get("cluster"))
    return reader.fail(pathOf(path, "cluster"), "entry '" + l.entry + "' is .explicitcluster: expected the cluster's size");
  l.grid = *grid;
  l.block = *block;
  l.cluster = *cluster;
  l.dynamicSharedBytes = uint32_t(*shared);
  if (Error e = readParameters(l, *entry, o, path))
    return std::move(e);
  return l;
}

/// What is said of the launch file is said once, however many launches it is about.
static void addOnce(Report &report, Finding &&f) {
  if (none_of(report.findings, [&](const Finding &g) { return g.identity == f.identity; }))
    report.findings.push_back(std::move(f));
}

/// A kernel cannot write constants: one that nobody gives a value is zero whatever ran before,
/// which is seldom meant.
void LaunchRun::noteZeroConstants(const Launch &l, Report &report) const {
  std::optional<Severity> grade = gradeOf(options, "TK-SIM-CONST-ZERO", Severity::Note);
  const Module &module = static_cast<const Module &>(program);
  for (size_t e = 0; grade && e < module.functions.size(); ++e) {
    if (module.publicEntries[e].name != l.entry)
      continue;
    for (uint32_t n : unsetVariables(module, module.functions[e])) {
      const Variable &v = module.variables[n];
      if (v.space != Space::Const || v.isExtern || symbolsGiven.contains(v.name))
        continue;
      Finding f;
      f.name = f.identity = "TK-SIM-CONST-ZERO";
      f.identity += " " + v.name;
      f.severity = *grade;
      f.message = formatv(
          "variable '{0}' in .const is zero: the PTX has no value for it and the launch file none "
          "under \"symbols\", where the host would call cudaMemcpyToSymbol",
          v.name);
      addOnce(report, std::move(f));
    }
  }
}

/// Without a dtype numpy makes arrays of f64 and i64. A kernel that reads them as something
/// narrower finds the halves of their elements.
void LaunchRun::noteWiderBuffers(const Launch &l, const json::Object &o, Report &report) const {
  std::optional<Severity> grade = gradeOf(options, "TK-SIM-BUFFER-TYPE", Severity::Note);
  const json::Array *params = o.getArray("params");
  auto entry =
      find_if(program.entries(), [&](const Program::Entry &e) { return e.name == l.entry; });
  if (!grade || !params || none_of(buffers, [](auto &b) { return b.second.hasTypeOfFile; }))
    return;
  std::map<uint64_t, std::string> types = elementTypesBehind(program, l.entry);
  for (size_t i = 0; i < params->size(); ++i) {
    const json::Object *value = (*params)[i].getAsObject();
    auto b = value ? buffers.find(value->getString("pointer").value_or("").str()) : buffers.end();
    auto type = types.find(entry->parameters[i].offset);
    if (b == buffers.end() || type == types.end() || !b->second.hasTypeOfFile || !b->second.type ||
        elementType(type->second)->bytes >= b->second.type->bytes)
      continue;
    Finding f;
    f.name = f.identity = "TK-SIM-BUFFER-TYPE";
    f.identity += " " + b->first;
    f.severity = *grade;
    f.message =
        formatv("buffer '{0}' has elements of {1}, as its .npy file and no \"dtype\" says; entry "
                "'{2}' accesses "
                "them as {3} through parameter '{4}'",
                b->first, b->second.type->name, l.entry, type->second, entry->parameters[i].name);
    addOnce(report, std::move(f));
  }
}

/// What options of a whole file mean for one of its launches.
static Options optionsOf(const Options &all, uint32_t launch) {
  Options own = all;
  if (all.then && all.then->at.launch != launch) {
    if (all.then->at.launch < launch)
      own.seed = all.then->seed;
    own.then = std::nullopt;
  }
  if (all.watch && all.watch->launch != launch)
    own.watch = std::nullopt;
  return own;
}

static void append(Report &all, Report &&r, StringRef entry, bool single) {
  int index = int(all.launches.size());
  all.launches.push_back(entry.str());
  for (Finding &f : r.findings) {
    f.launch = index;
    all.findings.push_back(std::move(f));
  }
  for (BankRecord &b : r.banks) {
    b.launch = single ? -1 : index;
    all.banks.push_back(std::move(b));
  }
  for (BarrierRecord &b : r.barriers) {
    b.launch = single ? -1 : index;
    all.barriers.push_back(b);
  }
  llvm::move(r.traces, std::back_inserter(all.traces));
  for (auto &[k, v] : r.counters)
    all.counters[k] += v;
  all.output += r.output;
  all.outputDropped += r.outputDropped;
  if (r.decisions) {
    all.decision = std::move(r.decision);
    all.decisions = r.decisions;
  }
  all.threadInstructions += r.threadInstructions;
  all.seconds += r.seconds;
}

/// The launch was ended before the kernel was: what follows would run on unfinished memory.
static bool wasCut(const Report &r) {
  return any_of(r.findings, [](const Finding &f) {
    return f.name == "TK-SIM-TIMEOUT" || f.name == "TK-SIM-STEP-LIMIT";
  });
}

Error LaunchRun::verifyThen() const {
  if (!mustReachThen || !options.then)
    return Error::success();
  const Decision &at = options.then->at;
  if (at.launch >= ctas.size())
    return reader.fail("", "expected --then with a launch from 0 to " + Twine(ctas.size() - 1) +
                               ", got " + Twine(at.launch) + ": SEED@LAUNCH:STREAM:NUMBER");
  if (at.stream > ctas[at.launch])
    return reader.fail("", "expected --then with a stream from 0 to " + Twine(ctas[at.launch]) +
                               ", the CTAs of launch " + Twine(at.launch) + ", got " +
                               Twine(at.stream) + ": SEED@LAUNCH:STREAM:NUMBER");
  return Error::success();
}

Expected<Report> LaunchRun::runLaunches(ArrayRef<const json::Object *> launches, bool single) {
  Report all;
  std::vector<Launch> ready;
  auto path = [&](size_t i) { return single ? std::string() : pathOf("launches", i); };
  // All are read first: a mistake in the last need not wait for the others.
  for (size_t i = 0; i < launches.size(); ++i) {
    Expected<Launch> l = readLaunch(*launches[i], path(i));
    if (!l)
      return l.takeError();
    ctas.push_back(uint64_t(l->grid[0]) * l->grid[1] * l->grid[2]);
    ready.push_back(std::move(*l));
  }
  if (Error e = verifyBindings())
    return std::move(e);
  if (Error e = verifyThen())
    return std::move(e);
  for (size_t i = 0; i < ready.size(); ++i) {
    Expected<Report> r = device->launch(program, ready[i], optionsOf(options, uint32_t(i)));
    if (!r)
      return reader.fail(path(i), toString(r.takeError()));
    append(all, std::move(*r), ready[i].entry, launches.size() == 1);
    noteZeroConstants(ready[i], all);
    noteWiderBuffers(ready[i], *launches[i], all);
    if (wasCut(all))
      return all;
  }
  for (auto &[name, b] : buffers)
    if (b.expect)
      if (Error e = compare(name, b, all))
        return std::move(e);
  return all;
}

Expected<Report> LaunchRun::run(const json::Object &root) {
  Expected<std::vector<const json::Object *>> launches = prepare(root);
  if (!launches)
    return launches.takeError();
  for (auto &[name, b] : buffers)
    if (notesStart && isOutput(b))
      startHashes[name] = hashOf(b);
  return runLaunches(*launches, !root.get("launches"));
}

Expected<LaunchOutput> LaunchRun::takeStart(const json::Object &root, StringRef name) {
  Expected<std::vector<const json::Object *>> launches = prepare(root);
  if (!launches)
    return launches.takeError();
  auto it = find_if(buffers, [&](auto &entry) { return shownMemory(entry.first, entry.second).front().name == name; });
  assert(it != buffers.end() && "expected the name of an output");
  return take(it->second);
}

Expected<std::vector<const json::Object *>> LaunchRun::prepare(const json::Object &root) {
  static constexpr StringRef kLaunch[] = {"entry", "grid", "block", "cluster", "dynamicSharedBytes",
                                          "params"};
  SmallVector<StringRef> top = {"$schema", "types", "vars", "buffers", "symbols"};
  const json::Value *list = root.get("launches");
  if (list)
    top.push_back("launches");
  else
    top.append(std::begin(kLaunch), std::end(kLaunch));
  if (Error e = reader.known(root, "", top))
    return std::move(e);
  std::vector<const json::Object *> launches;
  if (!list)
    launches.push_back(&root);
  else if (const json::Array *a = list->getAsArray()) {
    if (a->empty())
      return reader.fail("launches", "expected at least one launch, got []");
    for (size_t i = 0; i < a->size(); ++i) {
      Expected<const json::Object *> o = reader.object((*a)[i], pathOf("launches", i));
      if (!o)
        return o.takeError();
      if (Error e = reader.known(**o, pathOf("launches", i), kLaunch))
        return std::move(e);
      launches.push_back(*o);
    }
  } else
    return reader.fail("launches", "expected a list, got " + shown(*list));
  if (Error e = reader.readVariables(root))
    return std::move(e);
  if (Error e = readTypes(root))
    return std::move(e);
  if (Error e = makeBuffers(root))
    return std::move(e);
  if (Error e = setSymbols(root))
    return std::move(e);
  return launches;
}

} // namespace tk::sim
