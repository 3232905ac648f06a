//===- Resident.cpp - CTAs that talk run together -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// In a kernel whose CTAs synchronise through global memory as many of them are resident at once as
/// the device holds. They take turns on one host thread, in an order drawn from the seed; when one
/// ends, the next by number starts. So whoever waits for a resident CTA goes on in the end.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

namespace tk::sim {

/// How many units the device holds: by threads, shared memory, registers where they are known, and
/// 32 CTAs to a multiprocessor. Which clusters fit into a GPC is left out.
static uint64_t capacity(const LaunchContext &c) {
  constexpr unsigned threads = 2048, ctas = 32, registers = 65536;
  constexpr unsigned sharedBytes = 228 << 10, reserved = 1 << 10; // reserved: of each CTA
  unsigned block = c.warpsPerCta * 32;
  unsigned n = std::min(ctas, threads / block);
  n = std::min(n, sharedBytes / (c.sharedEnd - c.sharedBase + reserved));
  if (c.entryRegisters)
    n = std::min(n, registers / (c.entryRegisters * block));
  return std::max(1u, std::max(1u, n) * c.options.multiprocessors / c.clusterSize);
}

namespace {
class Residents {
public:
  Residents(const LaunchContext &c, uint64_t units, Counters &counters,
            std::atomic<uint64_t> &steps, function_ref<void(uint64_t, CtaResult &&)> fold)
      : ctx(c), units(units), counters(counters), steps(steps), fold(fold), shared(*c.fn, units),
        rng(c.options.seed * 0x2545f4914f6cdd1dull + 1) {}
  void run();

private:
  struct Unit {
    uint32_t number;
    std::unique_ptr<Cta> cta;
    CtaResult result;
    unsigned pace = 0;  ///< Its turns are so many powers of two shorter.
    bool spins = false; ///< When it last had its turn, after so many strong writes.
    uint64_t strongWrites = 0;
  };
  void startNext();
  void end(size_t index);
  size_t choose();
  bool isStandstill();
  void endAll();

  const LaunchContext &ctx;
  uint64_t units, next = 0;
  Counters &counters;
  std::atomic<uint64_t> &steps;
  function_ref<void(uint64_t, CtaResult &&)> fold;
  InterCta shared;
  Rng rng;
  std::vector<std::unique_ptr<Unit>> resident;
  std::vector<std::unique_ptr<Cta>> unused; ///< Machines whose unit has ended.
  uint64_t lastProgress = 0, idleTurns = 0;
};
} // namespace

void Residents::startNext() {
  auto u = std::make_unique<Unit>();
  u->number = uint32_t(next++);
  u->pace = 2 * rng.below(4); // Equal ones would stay abreast, and nobody would come too early.
  if (unused.empty())
    u->cta = std::make_unique<Cta>(ctx, counters, steps, &shared);
  else {
    u->cta = std::move(unused.back());
    unused.pop_back();
  }
  u->cta->start(u->number, firstCtaOf(ctx, u->number), u->result);
  resident.push_back(std::move(u));
}

void Residents::end(size_t index) {
  std::unique_ptr<Unit> u = std::move(resident[index]);
  resident.erase(resident.begin() + index);
  u->cta->finish();
  shared.retire(u->number, u->cta->takeRaceState());
  unused.push_back(std::move(u->cta));
  fold(u->number, std::move(u->result));
  ++shared.progress;
}

/// Whoever only spins, and has looked since the last strong write, mostly lets another go first.
size_t Residents::choose() {
  size_t i = rng.below(uint32_t(resident.size()));
  auto isPatient = [&] {
    return resident[i]->spins && resident[i]->strongWrites == shared.strongWrites;
  };
  for (unsigned tries = 0; tries < 3 && isPatient(); ++tries)
    i = rng.below(uint32_t(resident.size()));
  return i;
}

/// Nothing changes any more, and nobody does anything but look whether it has.
bool Residents::isStandstill() {
  constexpr uint64_t kTurns = 1024; // between two looks
  if (lastProgress != shared.progress)
    idleTurns = 0;
  lastProgress = shared.progress;
  return ++idleTurns % kTurns == 0 && all_of(resident, [](auto &u) { return u->cta->isStuck(); });
}

void Residents::endAll() {
  while (!resident.empty()) {
    resident.back()->cta->abandon();
    end(resident.size() - 1);
  }
}

void Residents::run() {
  constexpr unsigned kSpins = 4;
  uint64_t room = capacity(ctx);
  while (resident.size() < room && next < units)
    startNext();
  bool isFirst = true;
  while (!resident.empty()) {
    // Who starts matters most where nobody waits: neighbouring seeds differ.
    size_t i = std::exchange(isFirst, false) ? ctx.options.seed % resident.size() : choose();
    Unit &u = *resident[i];
    // Now and then one CTA gets far ahead of the others.
    unsigned turns = u.spins ? 1 : 1 + (rng.below(1u << rng.below(10)) >> u.pace);
    bool more = true;
    do {
      more = u.cta->turn();
      u.spins = more && u.cta->spins(kSpins);
    } while (--turns && more && !u.spins && !u.cta->wantsToYield());
    if (isCut(ctx, steps))
      return endAll();
    if (!more) {
      end(i);
      if (next < units)
        startNext();
      continue;
    }
    u.strongWrites = shared.strongWrites;
    if (isStandstill()) {
      for (auto &stuck : resident)
        stuck->cta->reportStandstill(unsigned(resident.size()), units - next);
      return endAll();
    }
  }
}

void runTogether(const LaunchContext &c, uint64_t units, Counters &counters,
                 std::atomic<uint64_t> &steps, function_ref<void(uint64_t, CtaResult &&)> fold) {
  Residents(c, units, counters, steps, fold).run();
}

//===----------------------------------------------------------------------===//
// Whether a unit spins
//===----------------------------------------------------------------------===//

/// Whether the warp may still be in the loop that reads so.
static bool isFresh(const Warp &w, const Warp::Spin &s) {
  constexpr uint64_t kSlack = 1024;
  return w.ran - s.ran <= 2 * s.stride + kSlack;
}

/// What a fragment has read again and again, most often.
const Warp::Spin *Cta::spinOf(const Warp &w, const Frag &f) const {
  const Warp::Spin *most = nullptr;
  for (const Warp::Spin &s : w.spins)
    if ((s.mask & f.mask) && isFresh(w, s) && (!most || s.times > most->times))
      most = &s;
  return most;
}

bool Cta::spins(unsigned times) const {
  bool any = idle;
  return all_of(warps,
                [&](const Warp &w) {
                  return all_of(w.frags, [&](const Frag &f) {
                    const Warp::Spin *s = f.state == Frag::Run ? spinOf(w, f) : nullptr;
                    any |= s != nullptr;
                    return f.state != Frag::Run || (s && s->times >= times);
                  });
                }) &&
         any;
}

/// What decides how a warp goes on, besides memory.
uint64_t Cta::registersOf(const Warp &w) const {
  uint64_t hash = xxh3_64bits({reinterpret_cast<const uint8_t *>(w.regs), 4 * size_t(fn.regWords)});
  auto mix = [&](uint64_t v) { hash = (hash ^ v) * 0x9e3779b97f4a7c15ull + (hash >> 29); };
  mix(uint64_t(w.carry) << 32 | w.clockReads);
  if (!stacks.empty())
    for (const ThreadStack &s : ArrayRef(stacks).slice(size_t(w.index) * 32, 32)) {
      mix(uint64_t(s.top) << 32 | s.frames.size());
      mix(xxh3_64bits({reinterpret_cast<const uint8_t *>(s.saved.data()), 4 * s.saved.size()}));
    }
  for (const Frag &f : w.frags)
    if (f.state != Frag::Run) // the others are on their way to where they were
      mix(uint64_t(f.pc) << 32 | f.mask);
  return hash;
}

/// The lanes that have come back to the same read with the same registers while no memory changed:
/// what they did since they will do for ever.
uint32_t Cta::cyclingLanes(const Warp &w) const {
  constexpr unsigned kReturns = 4;
  uint32_t lanes = 0;
  for (const Warp::Spin &s : w.spins)
    if (s.registers.returns >= kReturns && s.progress == device->progress && isFresh(w, s))
      lanes |= s.mask;
  return lanes;
}

bool Cta::isStuck() const {
  if (idle)
    return idleProgress == device->progress;
  auto isPending = [](const WgmmaOp &op) { return op.issued == 15 && !op.done; };
  return bulkOps.empty() &&
         none_of(groups, [&](const WarpgroupState &g) { return any_of(g.ops, isPending); }) &&
         all_of(warps, [&](const Warp &w) {
           uint32_t cycling = cyclingLanes(w);
           return all_of(w.frags, [&](const Frag &f) {
             return f.state != Frag::Run || !(f.mask & ~cycling);
           });
         });
}

std::string Cta::describeSpin(const Warp::Spin &s) const {
  return formatv("reads {0} again and again at {1} and finds {2}",
                 spaceAddress(s.address, Space::Global), place(s.pc), s.value);
}

void Cta::reportStandstill(unsigned resident, uint64_t waiting) {
  const Warp *first = nullptr;
  const Frag *frag = nullptr;
  const Warp::Spin *spin = nullptr;
  for (const Warp &w : warps)
    for (const Frag &f : w.frags) {
      const Warp::Spin *s = f.state == Frag::Run ? spinOf(w, f) : nullptr;
      if (frag && (spin || !s))
        continue;
      first = &w;
      frag = &f;
      spin = s;
    }
  stop = true;
  Finding *f = report(
      "TK-SIM-BARRIER-DEADLOCK", Severity::Error, first, frag ? frag->mask : 0,
      spin   ? spin->pc
      : frag ? frag->pc
             : 0,
      0,
      formatv("no CTA can go on: all {0} that are resident wait for what no one will do{1}{2}",
              resident, spin ? "; this one " + describeSpin(*spin) : std::string(),
              waiting ? formatv("; {0} more start only when one of these ends", waiting).str()
                      : ""));
  if (f)
    describeWaits(*f);
}

} // namespace tk::sim
