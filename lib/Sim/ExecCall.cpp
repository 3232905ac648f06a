//===- ExecCall.cpp - Calls, returns and the stack of each thread ---------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Lanes that call together wait for one another behind the call, as at a post-dominator: the call
/// makes a join that `ret` reaches. Each thread has a stack of its own, so lanes may be at any
/// depth of any function. A register is one row of the warp; a lane that enters a function it is
/// already in saves its values first.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

/// What a frame costs besides its variables: a return address and what a machine would save.
static constexpr uint32_t kFrameCost = 32;

void Cta::resetStacks() {
  if (!fn.usesStack)
    return;
  stacks.resize(warps.size() * 32);
  // As much as calls need that do not recur, which the driver provides, and the limit for those
  // that do.
  uint64_t limit = stackStart() + ctx.options.stackBytes;
  for (const Piece &p : fn.pieces)
    limit += alignTo(p.frameBytes + kFrameCost, p.frameAlign) + p.frameAlign;
  stackLimit = std::min(limit, kWindowBytes);
  for (ThreadStack &s : stacks) {
    s.frames.clear();
    s.saved.clear();
    s.top = stackStart();
  }
}

uint32_t Cta::stackStart() const { return uint32_t(alignTo(fn.localBytes, 16)); }

/// Bytes of a thread's frames, which are there.
Cta::LocalBytes Cta::localAt(const Warp &w, unsigned lane, uint64_t address) {
  size_t thread = size_t(w.index) * 32 + lane;
  if (address < fn.localBytes)
    return {local.data() + thread * fn.localBytes + address,
            localInit.data() + thread * fn.localBytes + address};
  ThreadStack &s = stacks[thread];
  return {s.data.data() + (address - stackStart()), s.init.data() + (address - stackStart())};
}

/// Makes room for a frame or an alloca of `bytes`. False: there is none.
bool Cta::pushStack(Warp &w, const Inst &in, unsigned lane, uint64_t bytes, uint32_t align,
                    const Twine &what, uint32_t &base) {
  ThreadStack &s = stackOf(w, lane);
  uint64_t start = alignTo(s.top, align), end = start + bytes;
  if (bytes > stackLimit || end > stackLimit) {
    report(
        "TK-SIM-STACK", Severity::Error, &w, 1u << lane, pcOf(in), 0,
        formatv("{0} needs {1} bytes of the thread's stack, which has {2} of {3} left; look for an "
                "endless recursion, or give it more (--stack-bytes)",
                what.str(), bytes > stackLimit ? bytes : alignTo(bytes, 16), stackLimit - std::min<uint64_t>(s.top, stackLimit),
                stackLimit - stackStart()));
    stop = true;
    return false;
  }
  base = uint32_t(start);
  s.top = uint32_t(alignTo(end, 16));
  size_t size = s.top - stackStart();
  if (s.data.size() < size) {
    s.data.resize(std::max(size, 2 * s.data.size()), 0xff);
    s.init.resize(s.data.size());
  }
  // The bytes stay what they were, so that a loop around a call is found to do the same again.
  std::fill(s.init.begin() + (start - stackStart()), s.init.begin() + size, 0);
  return true;
}

/// A value of what is passed; false: some of it is poison.
bool Cta::readPassed(const Warp &w, const Passed &p, unsigned lane, uint64_t frame, uint8_t *data,
                     uint8_t *init, unsigned bytes) {
  if (!p.reg.present()) {
    LocalBytes from = localAt(w, lane, frame + p.offset);
    memcpy(data, from.data, bytes);
    memcpy(init, from.init, bytes);
  } else {
    uint64_t v = value(w, p.reg, lane);
    memcpy(data, &v, bytes);
    memset(init, w.poison[p.reg.idx] >> lane & 1 ? 0 : 1, bytes);
  }
  return areWritten(init, bytes);
}

void Cta::writePassed(Warp &w, const Passed &p, unsigned lane, uint64_t frame, const uint8_t *data,
                      const uint8_t *init) {
  if (!p.reg.present()) {
    LocalBytes to = localAt(w, lane, frame + p.offset);
    memcpy(to.data, data, p.bytes);
    memcpy(to.init, init, p.bytes);
    return;
  }
  uint64_t v = 0;
  memcpy(&v, data, p.bytes);
  setValue(w, p.reg, lane, v);
  bool poison = !areWritten(init, p.bytes);
  setPoison(w, p.reg, 1u << lane, poison ? ~0u : 0);
}

/// A lane's registers of a function to its stack, or back from it.
void Cta::saveRegisters(Warp &w, const Piece &p, unsigned lane) {
  std::vector<uint32_t> &to = stackOf(w, lane).saved;
  for (uint32_t i = p.firstRegister; i < p.endRegister; ++i) {
    const Function::Row &row = fn.regRows[i];
    const uint32_t *r = w.regs + row.off;
    to.push_back(w.poison[i] >> lane & 1);
    if (!row.words)
      to.push_back(*r >> lane & 1);
    else
      to.insert(to.end(), r + row.words * lane, r + row.words * (lane + 1));
  }
}

void Cta::restoreRegisters(Warp &w, const Piece &p, unsigned lane) {
  ThreadStack &s = stackOf(w, lane);
  const uint32_t *from = s.saved.data() + s.frames.back().saved;
  for (uint32_t i = p.firstRegister; i < p.endRegister; ++i) {
    const Function::Row &row = fn.regRows[i];
    uint32_t *r = w.regs + row.off;
    w.poison[i] = (w.poison[i] & ~(1u << lane)) | *from++ << lane;
    if (!row.words)
      *r = (*r & ~(1u << lane)) | *from++ << lane;
    else {
      std::copy(from, from + row.words, r + row.words * lane);
      from += row.words;
    }
  }
  s.saved.resize(s.frames.back().saved);
}

/// Makes a frame for each of the lanes and passes the arguments. False: no room.
bool Cta::enter(Warp &w, const Inst &in, const CallSpec &call, uint32_t piece, uint32_t lanes) {
  const Piece &p = fn.pieces[piece];
  size_t bytes = 0;
  for (const Passed &to : p.signature.parameters)
    bytes += to.bytes;
  SmallVector<uint8_t, 2048> data(32 * bytes), init(32 * bytes);
  uint32_t base[32];
  w.active.resize(fn.pieces.size());
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint64_t frame = call.frame.present() ? value(w, call.frame, l) : 0;
    ThreadStack &s = stackOf(w, l);
    CallFrame next{pcOf(in), piece, s.top, uint32_t(s.saved.size()),
                   (w.active[piece] >> l & 1) != 0};
    // Before the room, which may move what is there; and before the registers are new ones.
    size_t at = l * bytes;
    for (size_t i = 0; i < p.signature.parameters.size(); at += p.signature.parameters[i++].bytes)
      readPassed(w, call.arguments[i], l, frame, &data[at], &init[at],
                 p.signature.parameters[i].bytes);
    if (!pushStack(w, in, l, uint64_t(p.frameBytes) + kFrameCost, p.frameAlign,
                   formatv("the call of '{0}', {1} deep,", p.name, s.frames.size() + 1).str(),
                   base[l]))
      return false;
    if (next.isSaved)
      saveRegisters(w, p, l);
    s.frames.push_back(next);
  }
  w.active[piece] |= lanes;
  for (uint32_t i = p.firstRegister; i < p.endRegister; ++i)
    w.poison[i] |= lanes;
  for (uint32_t i : p.specials)
    w.poison[i] &= ~lanes;
  setPoison(w, p.frame, lanes, 0);
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    setValue(w, p.frame, l, base[l]);
    size_t at = l * bytes;
    for (const Passed &to : p.signature.parameters) {
      writePassed(w, to, l, base[l], &data[at], &init[at]);
      at += to.bytes;
    }
  }
  return true;
}

/// Takes the frame of each of the lanes, which are in one function and came by one call, and passes
/// its results.
void Cta::leave(Warp &w, uint32_t lanes) {
  const CallFrame &any = stackOf(w, std::countr_zero(lanes)).frames.back();
  const CallSpec &call = fn.calls[code[any.callPc].target];
  const Piece &p = fn.pieces[any.piece];
  uint32_t piece = any.piece;
  SmallVector<uint8_t, 64> data, init;
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    ThreadStack &s = stackOf(w, l);
    data.clear();
    for (size_t i = 0; i < call.results.size(); ++i) {
      const Passed &from = p.signature.results[i];
      size_t at = data.size();
      data.resize(at + from.bytes);
      init.resize(at + from.bytes);
      readPassed(w, from, l, value(w, p.frame, l), &data[at], &init[at], from.bytes);
    }
    if (s.frames.back().isSaved)
      restoreRegisters(w, p, l);
    else
      w.active[piece] &= ~(1u << l);
    s.top = s.frames.back().top;
    s.frames.pop_back();
    uint64_t frame = call.frame.present() ? value(w, call.frame, l) : 0;
    size_t at = 0;
    for (const Passed &to : call.results) {
      writePassed(w, to, l, frame, &data[at], &init[at]);
      at += to.bytes;
    }
  }
}

/// Lanes that exit leave everything.
void Cta::dropStacks(Warp &w, uint32_t lanes) {
  for (uint32_t &a : w.active)
    a &= ~lanes;
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    ThreadStack &s = stackOf(w, std::countr_zero(rest));
    s.frames.clear();
    s.saved.clear();
    s.top = stackStart();
  }
}

/// Which function each lane calls. False: some lane's address is none's.
bool Cta::findCallees(Warp &w, const Inst &in, const CallSpec &call, uint32_t mask,
                      SmallVectorImpl<std::pair<uint32_t, uint32_t>> &out) {
  if (!call.address.present()) {
    out.push_back({call.function, mask});
    return true;
  }
  auto bad = [&](uint32_t lanes, const Twine &what) {
    report("TK-SIM-CALL-TARGET", Severity::Error, &w, lanes, pcOf(in), 0, what);
    stop = true;
    return false;
  };
  if (uint32_t poison = w.poison[call.address.idx] & mask) {
    poisoned(w, in, poison, "the address of a call");
    stop = true;
    return false;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint64_t address = value(w, call.address, l), number = (address - kCodeBase) / 16 - 1;
    if (number >= ctx.module->deviceFunctions.size() || codeAddress(uint32_t(number)) != address)
      return bad(1u << l, formatv("{0:x} is the address of no function", address));
    StringRef name = ctx.module->deviceFunctions[number].name;
    int32_t piece = fn.pieceOf[number];
    if (piece < 0)
      return bad(1u << l,
                 "function '" + name + "', whose address this is, is not defined in the file");
    const Piece &p = fn.pieces[piece];
    if (call.hasTargets &&
        none_of(call.targets, [&](uint32_t t) { return fn.pieceOf[t] == piece; }))
      return bad(1u << l, "function '" + name +
                              "', whose address this is, is not among the call's .calltargets");
    auto sizes = [](ArrayRef<Passed> list) {
      std::string text;
      for (const Passed &s : list)
        text += (text.empty() ? "" : ", ") + std::to_string(s.bytes);
      return "(" + text + ")";
    };
    bool typed = call.prototype.has_value();
    ArrayRef<Passed> results = typed ? call.prototype->results : call.results;
    ArrayRef<Passed> arguments = typed ? call.prototype->parameters : call.arguments;
    const Signature &has = p.signature;
    bool ok = fits(arguments, has.parameters) && fits(has.results, results) &&
              fits(call.arguments, has.parameters) && fits(has.results, call.results);
    if (!ok)
      return bad(1u << l, formatv("the call expects a function that gives {0} for {1} bytes, "
                                  "'{2}', whose address this is, gives {3} "
                                  "for {4}",
                                  sizes(results), sizes(arguments), name,
                                  sizes(p.signature.results), sizes(p.signature.parameters)));
    auto known = find_if(out, [&](auto &o) { return o.first == uint32_t(piece); });
    if (known == out.end())
      out.push_back({uint32_t(piece), 1u << l});
    else
      known->second |= 1u << l;
  }
  return true;
}

bool Cta::call(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  const CallSpec &spec = fn.calls[in.target];
  if (spec.runtime != Runtime::None) {
    callRuntime(w, in, spec, mask);
    if (stop)
      return false;
    ++w.frags[frag].pc;
    return true;
  }
  SmallVector<std::pair<uint32_t, uint32_t>, 4> callees;
  if (!findCallees(w, in, spec, mask, callees))
    return false;
  for (auto [piece, lanes] : callees)
    if (!enter(w, in, spec, piece, lanes))
      return false;
  // Lanes that do not call are where the others come to.
  Frag cur = w.frags[frag];
  Join j;
  j.pc = cur.pc + 1;
  j.expected = cur.mask;
  j.arrived = cur.mask & ~mask;
  j.parent = cur.join;
  j.parentPc = cur.joinPc;
  j.isCall = true;
  cur.join = addJoin(w, j);
  cur.joinPc = ~0u;
  unsigned first = callees.size() > 1 ? rng.below(uint32_t(callees.size())) : 0;
  for (size_t i = 0; i < callees.size(); ++i) {
    auto [piece, lanes] = callees[(first + i) % callees.size()];
    cur.pc = fn.pieces[piece].first;
    cur.mask = lanes;
    if (i == 0)
      w.frags[frag] = cur;
    else
      w.frags.push_back(cur);
  }
  return true;
}

void Cta::returnLanes(Warp &w, unsigned frag, const Inst &in, uint32_t mask) {
  Frag &f = w.frags[frag];
  const CallFrame &frame = stackOf(w, std::countr_zero(mask)).frames.back();
  const Piece &p = fn.pieces[frame.piece];
  if (p.signature.noReturn) {
    report("TK-SIM-CALL-RETURN", Severity::Error, &w, mask, pcOf(in), 0,
           "function '" + p.name +
               "' is declared .noreturn and returns; its caller has no code for that");
    stop = true;
    return;
  }
  auto first = w.inFlight.begin();
  if (w.pendingRegs && any_of(make_range(first + p.firstRegister, first + p.endRegister),
                              [](uint32_t op) { return op != 0; }))
    report("TK-SIM-WGMMA-UNWAITED", Severity::Error, &w, mask, pcOf(in), 1,
           "function '" + p.name +
               "' returns while a wgmma works on its registers; put a wgmma.wait_group before it");
  leave(w, mask);
  int32_t chain = f.join;
  f.mask &= ~mask;
  if (!f.mask)
    w.frags.erase(w.frags.begin() + frag);
  else
    ++f.pc;
  // Joins of the function itself no longer wait for these lanes, that of the call has them.
  SmallVector<int32_t, 8> inner;
  for (; !w.joins[chain].isCall; chain = w.joins[chain].parent)
    inner.push_back(chain);
  for (int32_t j : inner)
    w.joins[j].expected &= ~mask;
  w.joins[chain].arrived |= mask;
  for (int32_t j : inner)
    joinProgress(w, j);
  joinProgress(w, chain);
}

//===----------------------------------------------------------------------===//
// alloca
//===----------------------------------------------------------------------===//

void Cta::stackOp(Warp &w, const Inst &in, uint32_t mask) {
  if (in.op == Op::StackSave) {
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      unsigned l = std::countr_zero(rest);
      setValue(w, in.d, l, stackOf(w, l).top);
    }
    return setPoison(w, in.d, mask, 0);
  }
  if (uint32_t bad = w.poison[in.s[0].idx] & mask) {
    poisoned(w, in, bad, "the stack pointer");
    stop = true;
    return;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    ThreadStack &s = stackOf(w, l);
    uint64_t v = value(w, in.s[0], l);
    if (in.op == Op::Alloca) {
      uint32_t base;
      if (!pushStack(w, in, l, v, uint32_t(in.imm), "alloca", base))
        return;
      setValue(w, in.d, l, base);
      continue;
    }
    if (v < stackStart() || v > s.top) {
      report("TK-SIM-STACK", Severity::Error, &w, 1u << l, pcOf(in), 1,
             formatv("expected a value of stacksave to restore, from {0:x} to {1:x}, got {2:x}",
                     stackStart(), s.top, v));
      stop = true;
      return;
    }
    s.top = uint32_t(v);
  }
  if (in.op == Op::Alloca)
    setPoison(w, in.d, mask, 0);
}

/// The calls that brought a lane to where it is, the last first.
void Cta::describeCalls(const Warp &w, unsigned lane, Finding &f) const {
  constexpr size_t kShown = 4;
  if (stacks.empty())
    return;
  const std::vector<CallFrame> &frames = stacks[size_t(w.index) * 32 + lane].frames;
  for (size_t i = 0; i < std::min(kShown, frames.size()); ++i) {
    const CallFrame &c = frames[frames.size() - 1 - i];
    f.details.push_back(formatv("lane {0} is in '{1}', called at {2}", lane,
                                fn.pieces[c.piece].name, place(c.callPc))
                            .str());
  }
  if (frames.size() > kShown)
    f.details.push_back(formatv("and {0} calls before", frames.size() - kShown).str());
}

} // namespace tk::sim
