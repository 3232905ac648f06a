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

/// By threads, shared memory, registers where they are known, and 32 CTAs to a multiprocessor. Which
/// clusters fit into a GPC is left out.
uint64_t countResident(const LaunchContext &c) {
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
      : ctx(c), units(units), counters(counters), steps(steps), fold(fold), shared(*c.fn, shadowBytes(c)),
        rng(c.makeRng(0)) {}
  /// Packing costs time, so none where there is little to save.
  static uint64_t shadowBytes(const LaunchContext &c) {
    return std::max<uint64_t>(64 << 20, c.memory->bytesHeld() / 2);
  }
  void run();
  WatchedDecision watched; ///< Of the order of units.

private:
  void runAll();
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
  uint64_t firstSeed() const;
  std::string describeTurns(uint32_t number, unsigned turns) const;
  bool isStandstill();
  bool letWaitersGo();
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
  uint32_t timeSteps = 0;
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
    idleTurns = timeSteps = 0;
  lastProgress = shared.progress;
  if (++idleTurns % kTurns)
    return false;
  bool all = true; // Each is asked: that ends waits.
  for (auto &u : resident)
    all &= u->cta->isStuck();
  bool isOver = all;
  for (auto &u : resident)
    isOver &= !(all && u->cta->letTimePass(timeSteps));
  timeSteps += all;
  return isOver;
}

bool Residents::letWaitersGo() {
  bool any = false;
  for (auto &u : resident)
    any |= u->cta->letWaitersGo();
  shared.progress += any;
  return any;
}

void Residents::endAll() {
  while (!resident.empty()) {
    resident.back()->cta->abandon();
    end(resident.size() - 1);
  }
}

/// What Options::then says of the first decision holds for this too.
uint64_t Residents::firstSeed() const {
  const std::optional<SeedSwitch> &then = ctx.options.then;
  return then && then->at.stream == 0 && then->at.number == 0 ? then->seed : ctx.options.seed;
}

std::string Residents::describeTurns(uint32_t number, unsigned turns) const {
  auto [x, y, z] = firstCtaOf(ctx, number);
  return formatv("CTA ({0}, {1}, {2}) goes on, for up to {3} turns of its warps", x, y, z, turns).str();
}

void Residents::run() {
  runAll();
  if (ctx.options.watch && ctx.options.watch->stream == 0)
    watched.count = rng.drawn();
}

void Residents::runAll() {
  constexpr unsigned kSpins = 4;
  uint64_t room = countResident(ctx);
  while (resident.size() < room && next < units)
    startNext();
  bool isFirst = true;
  while (!resident.empty()) {
    // Who starts matters most where nobody waits: neighbouring seeds differ.
    bool wasWatched = rng.hasDrawnWatched();
    size_t i = std::exchange(isFirst, false) ? firstSeed() % resident.size() : choose();
    Unit &u = *resident[i];
    // Now and then one CTA gets far ahead of the others.
    unsigned turns = u.spins ? 1 : 1 + (rng.below(1u << rng.below(10)) >> u.pace);
    if (wasWatched != rng.hasDrawnWatched())
      watched.text = describeTurns(u.number, turns);
    bool more = true;
    do {
      more = u.cta->turn();
      shared.saveMemory();
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
    if (isStandstill() && !letWaitersGo()) {
      for (auto &stuck : resident)
        stuck->cta->reportStandstill(unsigned(resident.size()), units - next);
      return endAll();
    }
  }
}

WatchedDecision runTogether(const LaunchContext &c, uint64_t units, Counters &counters,
                 std::atomic<uint64_t> &steps, function_ref<void(uint64_t, CtaResult &&)> fold) {
  Residents residents(c, units, counters, steps, fold);
  residents.run();
  return std::move(residents.watched);
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
  auto hashOf = [](const uint32_t *words, size_t n) {
    return xxh3_64bits({reinterpret_cast<const uint8_t *>(words), 4 * n});
  };
  uint64_t hash = fn.readsClocks ? 0 : hashOf(w.regs, fn.regWords);
  auto mix = [&](uint64_t v) { hash = (hash ^ v) * 0x9e3779b97f4a7c15ull + (hash >> 29); };
  for (const Function::Row &row : fn.steadyRows)
    mix(hashOf(w.regs + row.off, row.words ? 32 * row.words : 1));
  mix(w.carry);
  // Counters may lie in local memory, as unoptimised code has them; so may clocks, which cannot be told apart there.
  auto mixBytes = [&](ArrayRef<uint8_t> bytes) { mix(xxh3_64bits(bytes)); };
  const size_t localOfWarp = 32 * size_t(fn.localBytes);
  if (!fn.readsClocks && localOfWarp)
    mixBytes(ArrayRef(local).slice(w.index * localOfWarp, localOfWarp));
  if (!fn.readsClocks && !stacks.empty())
    for (const ThreadStack &s : ArrayRef(stacks).slice(size_t(w.index) * 32, 32))
      mixBytes(ArrayRef(s.data).take_front(s.top > stackStart() ? s.top - stackStart() : 0));
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

bool Cta::isStuck() {
  if (idle)
    return idleProgress == device->progress;
  auto isPending = [](const WgmmaOp &op) { return op.issued == 15 && !op.done; };
  bool canRun = !bulkOps.empty() ||
                any_of(groups, [&](const WarpgroupState &g) { return any_of(g.ops, isPending); }) ||
                any_of(warps, [&](const Warp &w) {
                  uint32_t cycling = cyclingLanes(w);
                  return any_of(w.frags, [&](const Frag &f) {
                    return f.state == Frag::Run && (f.mask & ~cycling);
                  });
                });
  // A wait for a phase ends by its time limit, and its loop may give up then.
  return !canRun && !timeOutWaits();
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
