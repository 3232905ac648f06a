//===- Link.cpp - Device functions into the entries that call them --------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// An entry gets a copy of each function that it may call: a program counter then names an
/// instruction as in an entry without calls, and so does everything that counts or reports by it. A
/// function has one set of registers however deep it recurs: who enters it again saves them
/// (ExecCall.cpp).
///
//===----------------------------------------------------------------------===//

#include "Parser.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tk::sim {

namespace {
class Linker {
public:
  explicit Linker(Module &module) : module(module), functions(module.deviceFunctions) {}
  Failure run();

private:
  uint32_t resolve(uint32_t number) const {
    return functions[number].aliasOf >= 0 ? uint32_t(functions[number].aliasOf) : number;
  }
  void findGathering();
  Failure linkEntry(Function &fn, Program::Entry &entry);
  Failure noteCallees(Function &from, bool &takesAny);
  Failure reach(uint32_t number, Pos where, const char *what);
  Failure checkCall(CallSpec &call);
  Failure checkIndirect(const CallSpec &call);
  void append(Function &to, uint32_t number);
  void placeShared(Function &fn, Program::Entry &entry, const Function &callee);

  Module &module;
  std::vector<Function> &functions;
  std::vector<bool> gathers;          ///< By number; last: calls through an address.
  std::vector<uint32_t> addressTaken; ///< Anywhere in the module.
  static constexpr size_t kMaxLinked = 1 << 22, kMaxFunctions = 20000;
  size_t linked = 0;                  ///< Instructions copied so far.
  std::vector<uint32_t> reached;      ///< From the entry at hand, in order.
};
} // namespace

/// Which functions care about the lanes that come with them; whoever calls through an address may
/// reach any.
void Linker::findGathering() {
  // Callers by callee; last: who calls through an address.
  const size_t anyAddress = functions.size();
  std::vector<std::vector<uint32_t>> callers(functions.size() + 1);
  for (size_t i = 0; i < functions.size(); ++i)
    for (const CallSpec &c : functions[i].calls)
      callers[c.function == ~0u ? anyAddress : resolve(c.function)].push_back(uint32_t(i));
  std::vector<bool> isTaken(functions.size());
  for (uint32_t n : addressTaken)
    isTaken[n] = true;
  gathers.assign(functions.size() + 1, false);
  std::vector<size_t> work;
  auto mark = [&](size_t i) {
    if (!gathers[i])
      work.push_back(i);
    gathers[i] = true;
  };
  for (size_t i = 0; i < functions.size(); ++i)
    if (hasGatheringInstruction(functions[i]))
      mark(i);
  while (!work.empty()) {
    size_t i = work.back();
    work.pop_back();
    for (uint32_t caller : callers[i])
      mark(caller);
    if (i != anyAddress && isTaken[i])
      mark(anyAddress);
  }
  for (size_t i = 0; i < functions.size(); ++i)
    if (functions[i].aliasOf >= 0)
      gathers[i] = gathers[resolve(uint32_t(i))];
}

Failure Linker::reach(uint32_t number, Pos where, const char *what) {
  const Function &f = functions[number = resolve(number)];
  if (!f.isDefined) {
    bool isEntry =
        any_of(module.publicEntries, [&](const Program::Entry &e) { return e.name == f.name; });
    bool isRuntime = runtimeByName(f.name) != Runtime::None;
    return {
        where,
        (Twine(what) + " '" + f.name + "': " +
         (isEntry ? Twine("it is an entry, and launches from the device are not supported")
          : isRuntime
              ? Twine("a function of the device runtime has no address here")
              : Twine("no function of this name is defined in the file, and of the device runtime "
                      "there are vprintf, malloc, free and __assertfail; link or inline it")))
            .str()};
  }
  if (!is_contained(reached, number))
    reached.push_back(number);
  return {};
}

static std::string sizes(ArrayRef<Passed> list) {
  std::string text;
  for (const Passed &p : list)
    text += (text.empty() ? "" : ", ") + std::to_string(p.bytes);
  return "(" + text + ")";
}

static Signature signatureOf(Runtime runtime) {
  Signature s;
  auto add = [](std::vector<Passed> &list, uint32_t bytes) { list.emplace_back().bytes = bytes; };
  if (runtime == Runtime::Vprintf || runtime == Runtime::Malloc)
    add(s.results, runtime == Runtime::Vprintf ? 4 : 8);
  unsigned count = runtime == Runtime::Vprintf ? 2 : runtime == Runtime::AssertFail ? 5 : 1;
  for (unsigned i = 0; i < count; ++i)
    add(s.parameters, runtime == Runtime::AssertFail && i == 2 ? 4 : 8);
  return s;
}

static Failure checkSizes(const CallSpec &call, const Signature &wanted, const Twine &what) {
  if (fits(wanted.results, call.results) && fits(call.arguments, wanted.parameters))
    return {};
  return {{call.line, call.column},
          ("the call takes " + sizes(call.results) + " from and gives " + sizes(call.arguments) + " to " + what +
           ", which has " + sizes(wanted.results) + " for " + sizes(wanted.parameters) + " bytes")
              .str()};
}

Failure Linker::checkCall(CallSpec &call) {
  Function &f = functions[resolve(call.function)];
  Pos where{call.line, call.column};
  if (!f.isDefined)
    call.runtime = runtimeByName(f.name);
  if (call.runtime == Runtime::None)
    if (Failure e = reach(call.function, where, "cannot call"))
      return e;
  return checkSizes(call, call.runtime == Runtime::None ? f.signature : signatureOf(call.runtime), "'" + f.name + "'");
}

/// A call through an address, against all that its text names.
Failure Linker::checkIndirect(const CallSpec &call) {
  if (call.prototype)
    if (Failure e = checkSizes(call, *call.prototype, "its .callprototype"))
      return e;
  for (uint32_t t : call.targets) {
    if (Failure e = reach(t, {call.line, call.column}, "cannot call"))
      return e;
    const Function &f = functions[resolve(t)];
    if (Failure e = checkSizes(call, f.signature, "'" + f.name + "'"))
      return e;
  }
  return {};
}

Failure Linker::noteCallees(Function &from, bool &takesAny) {
  for (CallSpec &c : from.calls) {
    if (c.function != ~0u) {
      if (Failure e = checkCall(c))
        return e;
    } else {
      if (Failure e = checkIndirect(c))
        return e;
      takesAny |= !c.hasTargets;
    }
  }
  for (const Function::AddressTaken &a : from.addressesTaken)
    if (Failure e = reach(a.function, {a.line, a.column}, "cannot take the address of"))
      return e;
  return {};
}

/// Shared variables of a function that stands behind the entry in the file were not counted with
/// the entry's.
void Linker::placeShared(Function &fn, Program::Entry &entry, const Function &callee) {
  for (const AddressConst &a : callee.addressConsts) {
    if (a.space != Space::Shared || a.variable < fn.variablesSeen ||
        !module.variables[a.variable].sized)
      continue;
    const Variable &v = module.variables[a.variable];
    auto [it, fresh] = fn.sharedPlaces.try_emplace(a.variable, 0);
    if (fresh) {
      it->second = uint32_t(alignTo(entry.staticSharedBytes, v.align));
      entry.staticSharedBytes = it->second + uint32_t(v.bytes);
    }
  }
}

/// Copies a function behind an entry's code, with everything that it counts from 0 moved on.
void Linker::append(Function &to, uint32_t number) {
  Function from = functions[number];
  uint32_t words = to.regWords, registers = to.regCount - 1,
           constants = uint32_t(to.constants.size()), code = uint32_t(to.code.size()),
           locs = uint32_t(to.locs.size());
  auto move = [&](Opnd &o) {
    if (!o.present())
      return;
    o.off += o.isConst() ? constants : words;
    o.idx += o.idx ? registers : 0;
  };
  auto moveAll = [&](auto &list) {
    for (Opnd &o : list)
      move(o);
  };
  auto movePassed = [&](std::vector<Passed> &list) {
    for (Passed &p : list)
      move(p.reg);
  };
  // What `target` of an instruction counts.
  std::pair<Op, size_t> tables[] = {
      {Op::Bra, code},
      {Op::Cvt, to.cvts.size()},
      {Op::Video, to.videos.size()},
      {Op::Mma, to.mmas.size()},
      {Op::WmmaLoad, to.mmas.size()},
      {Op::WmmaStore, to.mmas.size()},
      {Op::Wgmma, to.wgmmas.size()},
      {Op::Bulk, to.bulks.size()},
      {Op::Poke, to.bulks.size()},
      {Op::Call, to.calls.size()}};
  for (Inst &i : from.code) {
    move(i.guard);
    move(i.d);
    move(i.d2);
    moveAll(i.s);
    moveAll(i.vec);
    i.loc += i.loc ? locs : 0;
    if (i.reconverge != ~0u)
      i.reconverge += code;
    for (uint32_t &t : i.targets)
      t += code;
    for (auto [op, size] : tables)
      if (i.op == op)
        i.target += uint32_t(size);
  }
  for (WgmmaSpec &s : from.wgmmas) {
    moveAll(s.acc);
    moveAll(s.aRegs);
    for (Opnd *o : {&s.aDesc, &s.bDesc, &s.scaleD})
      move(*o);
  }
  for (MmaSpec &s : from.mmas) {
    for (auto *list : {&s.regsD, &s.regsA, &s.regsB, &s.regsC})
      moveAll(*list);
    move(s.metadata);
    move(s.stride);
  }
  for (BulkSpec &s : from.bulks) {
    for (Opnd *o : {&s.shared, &s.global, &s.mbar, &s.size, &s.mask})
      move(*o);
    moveAll(s.coord);
  }
  for (CallSpec &c : from.calls) {
    move(c.address);
    move(c.frame);
    movePassed(c.results);
    movePassed(c.arguments);
  }
  for (AddressConst &a : from.addressConsts)
    a.off += constants;
  for (auto &[special, off] : from.specials)
    off += words;
  for (uint32_t &r : from.wgmmaRegs)
    r += registers;
  for (Function::Row &r : from.regRows)
    r.off += words;

  Piece p;
  p.name = from.name;
  p.number = number;
  p.first = code;
  p.firstRegister = registers + 1;
  p.endRegister = registers + from.regCount;
  for (uint32_t i = 1; i < from.regCount; ++i)
    if (from.regNames[i] == "%special")
      p.specials.push_back(registers + i);
  p.frame = from.frame;
  move(p.frame);
  p.frameBytes = from.localBytes;
  p.frameAlign = from.frameAlign;
  p.signature = from.signature;
  movePassed(p.signature.results);
  movePassed(p.signature.parameters);
  to.pieceOf[number] = int32_t(to.pieces.size());
  to.pieces.push_back(std::move(p));

  auto append = [](auto &list, auto &more, size_t first = 0) {
    list.insert(list.end(), more.begin() + first, more.end());
  };
  append(to.code, from.code);
  append(to.cvts, from.cvts);
  append(to.videos, from.videos);
  append(to.wgmmas, from.wgmmas);
  append(to.mmas, from.mmas);
  append(to.bulks, from.bulks);
  append(to.calls, from.calls);
  append(to.locs, from.locs); // the first, which is none, too
  for (size_t i = locs; i < to.locs.size(); ++i)
    to.locs[i].caller += to.locs[i].caller ? locs : 0;
  append(to.constants, from.constants);
  append(to.addressConsts, from.addressConsts);
  append(to.specials, from.specials);
  append(to.wgmmaRegs, from.wgmmaRegs);
  to.regNames.resize(to.regCount); // an entry without registers has none
  to.regRows.resize(to.regCount);
  append(to.regNames, from.regNames, 1);
  append(to.regRows, from.regRows, 1);
  to.regWords += from.regWords;
  to.regCount += from.regCount - 1;
  if (to.refused.empty())
    to.refused = from.refused;
  to.usesBulk |= from.usesBulk;
  to.usesInterCta |= from.usesInterCta;
  to.usesNc |= from.usesNc;
  to.usesFlags |= from.usesFlags;
  to.usesStack |= from.usesStack;
}

Failure Linker::linkEntry(Function &fn, Program::Entry &entry) {
  computeReconvergence(fn, gathers);
  if (fn.calls.empty())
    return {};
  reached.clear();
  bool takesAny = false;
  if (Failure e = noteCallees(fn, takesAny))
    return e;
  for (size_t i = 0;; ++i) {
    if (takesAny &&
        i == reached.size()) // addresses come through memory from wherever they were taken
      for (uint32_t n : addressTaken)
        if (functions[n].isDefined && !is_contained(reached, n))
          reached.push_back(n);
    if (i == reached.size())
      break;
    if (Failure e = noteCallees(functions[reached[i]], takesAny))
      return e;
  }
  fn.pieceOf.assign(functions.size(), -1);
  for (uint32_t n : reached) {
    if ((linked += functions[n].code.size()) > kMaxLinked)
      return {{functions[n].code.front().line, 1},
              ("the functions that entries may call have more than " + Twine(kMaxLinked) +
               " instructions, counted once for each entry; '" + functions[n].name + "' is one too many").str()};
    placeShared(fn, entry, functions[n]);
    append(fn, n);
  }
  for (size_t i = 0; i < functions.size(); ++i)
    if (functions[i].aliasOf >= 0)
      fn.pieceOf[i] = fn.pieceOf[resolve(uint32_t(i))];
  for (CallSpec &c : fn.calls)
    if (c.function != ~0u && c.runtime == Runtime::None)
      c.function = uint32_t(fn.pieceOf[c.function]);
  fn.usesHeap = any_of(fn.calls, [](const CallSpec &c) {
    return c.runtime == Runtime::Malloc || c.runtime == Runtime::Free;
  });
  return {};
}

Failure Linker::run() {
  if (functions.size() > kMaxFunctions)
    return {{}, ("expected at most " + Twine(kMaxFunctions) + " functions, got " + Twine(functions.size())).str()};
  auto take = [&](uint32_t n) {
    if (!is_contained(addressTaken, n = resolve(n)))
      addressTaken.push_back(n);
  };
  for (auto *list : {&functions, &module.functions})
    for (const Function &f : *list)
      for (const Function::AddressTaken &a : f.addressesTaken)
        take(a.function);
  for (const Variable &v : module.variables)
    for (const Variable::Reloc &r : v.relocs)
      if (auto it = module.functionNumbers.find(r.symbol); it != module.functionNumbers.end())
        take(it->second);
  findGathering();
  for (Function &f : functions)
    if (f.isDefined)
      computeReconvergence(f, gathers);
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (Failure e = linkEntry(module.functions[i], module.publicEntries[i]))
      return e;
  for (Function &f : module.functions)
    findSteadyRows(f);
  return {};
}

Failure linkFunctions(Module &module) { return Linker(module).run(); }

} // namespace tk::sim
