//===- Launch.cpp - Devices and launches ----------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// CTAs run on as many host threads as there are; what they leave is folded in the order of their numbers, so that
/// results and reports do not depend on how many threads ran.
///
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Machine.h"
#include "tk/Sim/Findings.h"
#include "tk/Support/Threads.h"
#include "llvm/Support/FormatVariadic.h"
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace llvm;

namespace tk::sim {

static constexpr uint32_t kMaxShared = 232448;

template <class... Args> static Error fail(const char *format, Args &&...args) {
  return createStringError(inconvertibleErrorCode(), formatv(format, std::forward<Args>(args)...).str());
}

namespace {

/// Who touched a page, over all CTAs folded so far.
struct GlobalUse {
  struct Past {
    uint64_t bits; ///< Bytes of the granule that no one has touched since.
    uint32_t cta, pc;
  };
  PageUse bits;
  uint32_t readCta[64] = {}, writeCta[64] = {}; ///< The last by granule.
  std::map<unsigned, SmallVector<Past, 2>> readers, writers; ///< Those before, where more than one shares a granule.
  std::map<unsigned, SmallVector<Past, 2>> ncReaders;        ///< Those after the first.
  std::map<unsigned, PageUse::Value> values; ///< What the last stores left, where that is known.

  static const PageUse::Value *valueOf(const PageUse &use, unsigned granule) {
    auto it = find_if(use.values, [&](const PageUse::Value &v) { return v.granule == granule; });
    return it == use.values.end() ? nullptr : &*it;
  }
  /// Those of `bits` in which a CTA has stored what was there.
  uint64_t sameOf(const PageUse &use, unsigned granule, uint64_t bits) const {
    const PageUse::Value *now = valueOf(use, granule);
    auto before = values.find(granule);
    if (!now || before == values.end())
      return 0;
    bits &= now->known & before->second.known;
    for (uint64_t rest = bits; rest; rest &= rest - 1)
      if (now->data[std::countr_zero(rest)] != before->second.data[std::countr_zero(rest)])
        bits &= ~(rest & -rest);
    return bits;
  }
  /// A CTA has written `bits` of a granule.
  void store(const PageUse &use, unsigned granule, uint64_t bits) {
    const PageUse::Value *now = valueOf(use, granule);
    auto it = values.find(granule);
    if (!now) {
      if (it != values.end())
        it->second.known &= ~bits;
      return;
    }
    if (it == values.end())
      it = values.emplace(granule, PageUse::Value{granule, 0, {}}).first;
    it->second.known = (it->second.known & ~bits) | (now->known & bits);
    for (uint64_t rest = bits; rest; rest &= rest - 1)
      it->second.data[std::countr_zero(rest)] = now->data[std::countr_zero(rest)];
  }

  /// The last that touched bit `bit` of a granule, of those that `past` and the last of all tell.
  static Past who(const std::map<unsigned, SmallVector<Past, 2>> &past, unsigned granule, uint64_t bit, Past last) {
    if (auto it = past.find(granule); it != past.end())
      for (const Past &p : it->second)
        if (p.bits & bit)
          return p;
    return last;
  }
  /// Another one touches `now` of what `before` says has been touched, `last` having been there last.
  static void displace(std::map<unsigned, SmallVector<Past, 2>> &past, unsigned granule, uint64_t before, uint64_t now, Past last) {
    uint64_t own = before;
    auto it = past.find(granule);
    if (it != past.end())
      for (Past &p : it->second) {
        own &= ~p.bits;
        p.bits &= ~now;
      }
    if (!(own & ~now))
      return;
    auto &list = it != past.end() ? it->second : past[granule];
    llvm::erase_if(list, [](const Past &p) { return !p.bits; });
    list.push_back({own & ~now, last.cta, last.pc});
  }
};

class DeviceImpl final : public Device {
public:
  DeviceMemory &memory() override { return mem; }
  Expected<uint64_t> addressOf(const Program &program, StringRef symbol) override;
  Expected<Report> launch(const Program &program, const Launch &launch, const Options &options) override;

private:
  Expected<LaunchContext> prepare(const Module &module, const Launch &launch, const Options &options);
  Error placeVariables(const Module &module);
  Error fillConstants(LaunchContext &c);
  Error placeWorkspace(LaunchContext &c);
  Error admitLocal(const LaunchContext &c, uint64_t units, unsigned &threads) const;

  DeviceMemoryImpl mem;
  /// Where a module's .global and .const variables live on this device. Kept alive by address: a module that is
  /// destroyed and another made at its place would share them, so the lines of text are compared too.
  struct Instance { std::vector<uint64_t> addresses; size_t lines; std::string first; };
  std::map<const Module *, Instance> instances;
};

/// Collects what CTAs leave, in order.
class Folder {
public:
  explicit Folder(const LaunchContext &c) : ctx(c) {}
  /// May wait for CTAs of lower numbers: what is not folded yet is held in memory.
  void fold(uint64_t index, CtaResult &&r);
  /// From now on nobody waits: some of the CTAs will never come, or come when others have.
  void cut();
  std::vector<Finding> finish();
  std::string output; ///< Of printf, CTA by CTA.
  uint64_t outputDropped = 0;
  WatchedDecision watched;

private:
  void foldOne(uint64_t index, CtaResult &r);
  void conflict(uint64_t page, unsigned granule, uint64_t bits, bool otherWrote, uint32_t otherCta, uint32_t otherPc,
                uint32_t pc, uint64_t cta, bool wrote, bool isHarmless);
  void foldNc(uint64_t page, unsigned granule, GlobalUse &g, PageUse &use, uint64_t cta);
  void ncConflict(uint64_t address, GlobalUse::Past load, GlobalUse::Past write);
  void merge(const FindingKey &key, Finding &&f);
  std::array<uint32_t, 3> coordinates(uint64_t index) const { return firstCtaOf(ctx, index); }
  const LaunchContext &ctx;
  std::mutex mutex;
  std::condition_variable folded;
  bool isCutShort = false;
  uint64_t next = 0;
  std::map<uint64_t, CtaResult> waiting;
  std::string groupOf(const FindingKey &key) const;
  uint32_t lineOf(uint32_t pc) const { return pc < ctx.fn->code.size() ? ctx.fn->code[pc].line : 0; }
  std::vector<std::pair<FindingKey, Finding>> findings;
  std::map<FindingKey, size_t> at;
  std::map<uint64_t, std::unique_ptr<GlobalUse>> pages;
};

} // namespace

std::array<uint32_t, 3> firstCtaOf(const LaunchContext &c, uint64_t index) {
  auto &l = c.launch;
  uint64_t nx = l.grid[0] / l.cluster[0], ny = l.grid[1] / l.cluster[1];
  return {uint32_t(index % nx) * l.cluster[0], uint32_t(index / nx % ny) * l.cluster[1],
          uint32_t(index / (nx * ny)) * l.cluster[2]};
}

void Folder::fold(uint64_t index, CtaResult &&r) {
  constexpr uint64_t kAhead = 4096;
  std::unique_lock<std::mutex> lock(mutex);
  folded.wait(lock, [&] { return index - next < kAhead || isCutShort; });
  waiting.emplace(index, std::move(r));
  for (auto it = waiting.begin(); it != waiting.end() && it->first == next; it = waiting.erase(it), ++next)
    foldOne(it->first, it->second);
  folded.notify_all();
}

void Folder::cut() {
  std::lock_guard<std::mutex> lock(mutex);
  isCutShort = true;
  folded.notify_all();
}

void Folder::merge(const FindingKey &key, Finding &&f) {
  auto [it, fresh] = at.try_emplace(key, findings.size());
  if (fresh)
    findings.push_back({key, std::move(f)});
  else
    findings[it->second].second.count += f.count;
}

void Folder::conflict(uint64_t page, unsigned granule, uint64_t bits, bool otherWrote, uint32_t otherCta,
                      uint32_t otherPc, uint32_t pc, uint64_t cta, bool wrote, bool isHarmless) {
  const char *name = isHarmless ? "TK-SIM-RACE-SAME-VALUE" : "TK-SIM-RACE-CTA";
  std::optional<Severity> grade = gradeOf(ctx.options, name, isHarmless ? Severity::Warning : Severity::Error);
  if (!grade)
    return;
  const Function &fn = *ctx.fn;
  const Inst &in = fn.code[pc], &other = fn.code[otherPc];
  uint64_t address = page * PageUse::kPage + granule * 64 + llvm::countr_zero(bits);
  Allocation *al = ctx.memory->find(address);
  Finding f;
  f.name = name;
  f.severity = *grade;
  std::string where = formatv("byte {0} of '{1}'", al ? address - al->base : address, al ? al->name : "global memory");
  if (isHarmless)
    f.message = where + " is written by two CTAs with the same value and nothing to order them; many kernels do that, the "
                        "memory model asks for relaxed atomic stores (st.relaxed.gpu)";
  else
    f.message = formatv("{0} is {1} by one CTA and {2} by another with nothing to order them; give each CTA bytes of its own, "
                        "or use atomic operations",
                        where, wrote ? "written" : "read", otherWrote ? "written" : "read")
                    .str();
  f.ptxLine = in.line;
  f.ptxText = ctx.module->shownText(in.line);
  f.source = ctx.module->source(fn, in);
  f.cta = coordinates(cta);
  auto party = [&](const char *which, bool didWrite, uint64_t who, const Inst &at) {
    auto c = coordinates(who);
    std::string source = ctx.module->source(fn, at);
    f.details.push_back(formatv("{0}: {1} by CTA ({2}, {3}, {4}) at line {5}{6} '{7}'", which,
                                didWrite ? "write" : "read", c[0], c[1], c[2], at.line,
                                source.empty() ? "" : " (" + source + ")",
                                ctx.module->shownText(at.line)));
  };
  party("this", wrote, cta, in);
  party("other", otherWrote, otherCta, other);
  f.details.push_back("missing edge: a release of scope .gpu in the other after that, and an "
                      "acquire from it before this");
  merge({name, pc, otherPc + 1}, std::move(f));
}

/// The load may be of any CTA, and the write of any other.
void Folder::ncConflict(uint64_t address, GlobalUse::Past load, GlobalUse::Past write) {
  std::optional<Severity> grade = gradeOf(ctx.options, "TK-SIM-MEM-NC", Severity::Error);
  if (!grade)
    return;
  const Function &fn = *ctx.fn;
  const Inst &in = fn.code[load.pc];
  Allocation *al = ctx.memory->find(address);
  Finding f;
  f.name = "TK-SIM-MEM-NC";
  f.severity = *grade;
  f.message = ncMessage(al ? formatv("byte {0} of '{1}' ({2:x})", address - al->base, al->name, address).str()
                           : formatv("global address {0:x}", address).str());
  f.ptxLine = in.line;
  f.ptxText = ctx.module->shownText(in.line);
  f.source = ctx.module->source(fn, in);
  f.cta = coordinates(load.cta);
  for (auto &[what, by] : {std::pair("load", load), std::pair("write", write)}) {
    auto c = coordinates(by.cta);
    const Inst &at = fn.code[by.pc];
    std::string source = ctx.module->source(fn, at);
    f.details.push_back(formatv("{0}: CTA ({1}, {2}, {3}) at line {4}{5} '{6}'", what, c[0], c[1], c[2], at.line,
                                source.empty() ? "" : " (" + source + ")", ctx.module->shownText(at.line)));
  }
  merge({"TK-SIM-MEM-NC", load.pc, write.pc + 1}, std::move(f));
}

/// What a CTA loads with .nc against what others write, and the other way round; the CTA itself has looked for its own.
void Folder::foldNc(uint64_t page, unsigned granule, GlobalUse &g, PageUse &use, uint64_t cta) {
  uint64_t loaded = use.nc ? use.nc->bits[granule] : 0, wrote = use.written[granule] | use.atomic[granule];
  uint64_t start = page * PageUse::kPage + granule * 64;
  auto first = [](uint64_t bits) { return bits & -bits; };
  if (uint64_t bit = first(loaded & (g.bits.written[granule] | g.bits.atomic[granule]))) {
    GlobalUse::Past last{0, g.writeCta[granule], g.bits.writePc[granule]};
    ncConflict(start + llvm::countr_zero(bit), {bit, uint32_t(cta), use.nc->pc[granule]},
               GlobalUse::who(g.writers, granule, bit, last));
  }
  if (uint64_t bit = g.bits.nc ? first(wrote & g.bits.nc->bits[granule]) : 0) {
    GlobalUse::Past earliest{0, g.bits.nc->unit[granule], g.bits.nc->pc[granule]};
    ncConflict(start + llvm::countr_zero(bit), GlobalUse::who(g.ncReaders, granule, bit, earliest),
               {bit, uint32_t(cta), use.writePc[granule]});
  }
  if (!loaded)
    return;
  if (!g.bits.nc)
    g.bits.nc = std::make_unique<NcReads>();
  bool isFirst = !g.bits.nc->bits[granule];
  uint64_t fresh = g.bits.nc->note(granule, loaded, uint32_t(cta), use.nc->pc[granule]);
  if (fresh && !isFirst)
    g.ncReaders[granule].push_back({fresh, uint32_t(cta), use.nc->pc[granule]});
}

void Folder::foldOne(uint64_t index, CtaResult &r) {
  size_t room = ctx.options.printfBytes - std::min<size_t>(ctx.options.printfBytes, output.size());
  output += StringRef(r.output).take_front(room);
  outputDropped += r.outputDropped + r.output.size() - std::min(r.output.size(), room);
  if (r.watched.count)
    watched = std::move(r.watched);
  for (auto &[key, f] : r.findings)
    merge(key, std::move(f));
  for (auto &[page, use] : r.pages) {
    auto &slot = pages[page];
    if (!slot)
      slot = std::make_unique<GlobalUse>();
    GlobalUse &g = *slot;
    for (unsigned i = 0; i < 64; ++i) {
      uint64_t wrote = use->written[i], read = use->read[i], atomic = use->atomic[i];
      if (!(wrote | read | atomic))
        continue;
      if (ctx.looksForNc)
        foldNc(page, i, g, *use, index);
      GlobalUse::Past lastWrite{0, g.writeCta[i], g.bits.writePc[i]}, lastRead{0, g.readCta[i], g.bits.readPc[i]};
      auto against = [&](uint64_t bits, bool otherWrote, uint32_t pc, bool didWrite, bool isHarmless = false) {
        uint64_t bit = bits & -bits;
        auto other = otherWrote ? GlobalUse::who(g.writers, i, bit, lastWrite) : GlobalUse::who(g.readers, i, bit, lastRead);
        conflict(page, i, bit, otherWrote, other.cta, other.pc, pc, index, didWrite, isHarmless);
      };
      // Two stores of one value that nobody reads: whichever comes last, memory is the same.
      uint64_t same = g.sameOf(*use, i, wrote & g.bits.written[i] & ~(read | atomic | g.bits.read[i] | g.bits.atomic[i]));
      if (uint64_t b = (wrote | read | atomic) & g.bits.written[i] & ~same)
        against(b, true, (wrote | atomic) & b & -b ? use->writePc[i] : use->readPc[i], ((wrote | atomic) & b & -b) != 0);
      else if (uint64_t b2 = (wrote & (g.bits.read[i] | g.bits.atomic[i])) | (atomic & g.bits.read[i]))
        against(b2, !(g.bits.read[i] & b2 & -b2), use->writePc[i], true);
      else if (uint64_t b3 = read & g.bits.atomic[i])
        against(b3, true, use->readPc[i], false);
      else if (same)
        against(same, true, use->writePc[i], true, /*isHarmless=*/true);
      if (wrote | atomic) {
        g.store(*use, i, wrote | atomic);
        GlobalUse::displace(g.writers, i, g.bits.written[i] | g.bits.atomic[i], wrote | atomic, lastWrite);
        g.bits.writePc[i] = use->writePc[i];
        g.writeCta[i] = uint32_t(index);
      }
      if (read) {
        GlobalUse::displace(g.readers, i, g.bits.read[i], read, lastRead);
        g.bits.readPc[i] = use->readPc[i];
        g.readCta[i] = uint32_t(index);
      }
      g.bits.written[i] |= wrote;
      g.bits.read[i] |= read;
      g.bits.atomic[i] |= atomic;
    }
  }
}

static bool hasOtherPlace(const FindingKey &key) {
  StringRef name = key.name;
  return key.other && (name.starts_with("TK-SIM-RACE") || name == "TK-SIM-MEM-NC" || name == "TK-SIM-WGMMA-INFLIGHT");
}

/// What one cause makes: the same finding between the same places of the source, which the compiler may have made
/// into many instructions. Without a .loc each line is a place of its own.
std::string Folder::groupOf(const FindingKey &key) const {
  const Function &fn = *ctx.fn;
  auto place = [&](uint32_t pc) {
    std::string source = pc < fn.code.size() ? ctx.module->source(fn, fn.code[pc]) : "";
    return source.empty() ? std::to_string(lineOf(pc)) : source;
  };
  return std::string(key.name) + ' ' + place(key.pc) + ' ' +
         (hasOtherPlace(key) ? place(key.other - 1) : '#' + std::to_string(key.other));
}

std::vector<Finding> Folder::finish() {
  std::vector<Finding> sorted; // errors first, each severity in order of occurrence
  for (Severity s : {Severity::Error, Severity::Warning, Severity::Note}) {
    StringMap<size_t> groups;
    std::vector<std::pair<std::string, size_t>> more(findings.size()); // further lines, and how many
    for (auto &[key, f] : findings) {
      if (f.severity != s)
        continue;
      auto [it, fresh] = groups.try_emplace(groupOf(key), sorted.size());
      if (fresh) {
        f.identity = it->first().str();
        sorted.push_back(std::move(f));
        continue;
      }
      Finding &first = sorted[it->second];
      first.count += f.count;
      auto &[lines, n] = more[it->second];
      if (++n <= 4)
        lines += (n > 1 ? ", " : "") + std::to_string(f.ptxLine) +
                 (hasOtherPlace(key) ? " with " + std::to_string(lineOf(key.other - 1)) : "");
    }
    for (size_t i = 0; i < sorted.size(); ++i)
      if (size_t n = more[i].second)
        sorted[i].details.push_back(
            formatv("the same at {0} more instruction{1}: line{1} {2}{3}", n, n > 1 ? "s" : "", more[i].first, n > 4 ? ", …" : ""));
  }
  return sorted;
}

static bool isPlaced(const Variable &v) { return v.space == Space::Global || v.space == Space::Const; }

Error DeviceImpl::placeVariables(const Module &module) {
  auto it = instances.find(&module);
  std::string first = module.lines.empty() ? "" : module.lines.back();
  if (it != instances.end() && it->second.lines == module.lines.size() && it->second.first == first)
    return Error::success();
  Instance inst{std::vector<uint64_t>(module.variables.size()), module.lines.size(), first};
  uint64_t bytes = 0; // of arrays of at most 2^32 elements, and there is a line of text for each
  for (const Variable &v : module.variables)
    bytes += isPlaced(v) ? v.bytes : 0;
  if (Error e = mem.admit(bytes))
    return fail("the variables in .global and .const are too large: {0}; --memory-bytes sets another limit",
                toString(std::move(e)));
  StringMap<uint64_t> byName;
  for (size_t i = 0; i < module.variables.size(); ++i) {
    const Variable &v = module.variables[i];
    if (!isPlaced(v))
      continue;
    inst.addresses[i] = byName[v.name] = mem.allocate(v.bytes, std::max(v.align, 16u), v.name);
  }
  for (size_t i = 0; i < module.variables.size(); ++i) {
    const Variable &v = module.variables[i];
    if (!isPlaced(v) || v.isExtern)
      continue;
    std::vector<uint8_t> data(v.bytes); // zero where there is no initialiser, or what it leaves
    llvm::copy(v.init, data.begin());
    for (const Variable::Reloc &r : v.relocs) {
      auto found = byName.find(r.symbol);
      auto function = module.functionNumbers.find(r.symbol);
      if (found == byName.end() && function == module.functionNumbers.end())
        return fail("initialiser of '{0}' names unknown symbol '{1}'", v.name, r.symbol);
      uint64_t a = (found != byName.end() ? found->second : codeAddress(function->second)) + uint64_t(r.addend);
      a >>= 8 * r.firstByte;
      memcpy(data.data() + r.offset, &a, r.bytes);
    }
    if (Error e = mem.write(inst.addresses[i], data))
      return e;
    mem.find(inst.addresses[i])->readOnly = v.space == Space::Const;
  }
  instances[&module] = std::move(inst);
  return Error::success();
}

std::vector<Program::Symbol> Module::symbols() const {
  std::vector<Symbol> all;
  for (const Variable &v : variables)
    if (isPlaced(v))
      all.push_back({v.name, v.bytes, v.space == Space::Const, v.isExtern});
  return all;
}

std::vector<uint32_t> unsetVariables(const Module &module, const Function &fn) {
  std::vector<uint32_t> found;
  for (const AddressConst &a : fn.addressConsts)
    if ((a.space == Space::Global || a.space == Space::Const) && !module.variables[a.variable].initialised)
      found.push_back(a.variable);
  llvm::sort(found);
  found.erase(llvm::unique(found), found.end());
  return found;
}

Expected<uint64_t> DeviceImpl::addressOf(const Program &program, StringRef symbol) {
  const Module &module = static_cast<const Module &>(program);
  if (Error e = placeVariables(module))
    return std::move(e);
  for (size_t i = 0; i < module.variables.size(); ++i)
    if (isPlaced(module.variables[i]) && module.variables[i].name == symbol)
      return instances[&module].addresses[i];
  return fail("the module has no variable '{0}' in .global or .const", symbol);
}

Error DeviceImpl::fillConstants(LaunchContext &c) {
  std::vector<uint32_t> pool = c.fn->constants;
  pool.resize(pool.size() + 64);
  c.constants.assign(c.clusterSize, pool);
  const Instance &inst = instances[c.module];
  for (const AddressConst &a : c.fn->addressConsts) {
    uint64_t v = uint64_t(a.addend);
    if (a.space != Space::Param) {
      const Variable &var = c.module->variables[a.variable];
      auto place = c.fn->sharedPlaces.find(a.variable);
      uint64_t shared = place == c.fn->sharedPlaces.end() ? var.address : place->second;
      v += a.space == Space::Shared  ? (var.sized ? c.sharedBase + shared : c.dynamicStart)
           : a.space == Space::Local ? var.address
                                     : inst.addresses[a.variable];
    }
    for (uint64_t rank = 0; rank < c.clusterSize; ++rank) {
      std::vector<uint32_t> &to = c.constants[rank];
      uint64_t mine = a.space == Space::Shared ? v | rank << kRankShift : v;
      for (unsigned l = 0; l < 32; ++l) {
        if (a.is64) {
          to[a.off + 2 * l] = uint32_t(mine);
          to[a.off + 2 * l + 1] = uint32_t(mine >> 32);
        } else
          to[a.off + l] = uint32_t(mine);
      }
    }
  }
  return Error::success();
}

/// A directive may have sizes whose product has no 64 bits.
static uint64_t volumeOf(const std::array<uint32_t, 3> &sizes) {
  return SaturatingMultiply<uint64_t>(uint64_t(sizes[0]) * sizes[1], sizes[2]);
}

static Error checkShape(const LaunchContext &c) {
  auto &l = c.launch;
  uint64_t threads = uint64_t(l.block[0]) * l.block[1] * l.block[2];
  if (threads == 0 || threads > 1024 || l.block[0] > 1024 || l.block[1] > 1024 || l.block[2] > 64)
    return fail("expected a block of 1 to 1024 threads, got {0}x{1}x{2}", l.block[0], l.block[1], l.block[2]);
  if (!l.grid[0] || !l.grid[1] || !l.grid[2] || l.grid[0] > 0x7fffffff || l.grid[1] > 65535 || l.grid[2] > 65535)
    return fail("expected a grid of at most 2147483647x65535x65535, got {0}x{1}x{2}", l.grid[0], l.grid[1], l.grid[2]);
  auto &req = c.fn->reqntid;
  if (req[0] && req != l.block)
    return fail("entry '{0}' requires blocks of {1}x{2}x{3} threads (.reqntid), got {4}x{5}x{6}", l.entry, req[0], req[1],
                req[2], l.block[0], l.block[1], l.block[2]);
  auto &max = c.fn->maxntid;
  if (max[0] && threads > volumeOf(max))
    return fail("entry '{0}' allows at most {1} threads (.maxntid), got {2}", l.entry, volumeOf(max), threads);
  auto &cluster = l.cluster;
  uint64_t size = uint64_t(cluster[0]) * cluster[1] * cluster[2];
  if (!size || cluster[0] > kMaxCluster || cluster[1] > kMaxCluster || cluster[2] > kMaxCluster || size > kMaxCluster)
    return fail("expected clusters of 1 to {0} CTAs, got {1}x{2}x{3}", kMaxCluster, cluster[0], cluster[1], cluster[2]);
  auto &want = c.fn->reqcluster;
  if (want[0] && want != cluster)
    return fail("entry '{0}' requires clusters of {1}x{2}x{3} CTAs (.reqnctapercluster), got {4}x{5}x{6}", l.entry, want[0],
                want[1], want[2], cluster[0], cluster[1], cluster[2]);
  if (uint32_t most = c.fn->maxClusterRank; most && size > most)
    return fail("entry '{0}' allows clusters of at most {1} CTAs (.maxclusterrank), got {2}", l.entry, most, size);
  for (unsigned i = 0; i < 3; ++i)
    if (l.grid[i] % cluster[i])
      return fail("expected a grid of whole clusters of {0}x{1}x{2} CTAs, got {3}x{4}x{5}", cluster[0], cluster[1], cluster[2],
                  l.grid[0], l.grid[1], l.grid[2]);
  return Error::success();
}

/// As ptxas 13.0 fixes the count at the entry, without which it ignores setmaxnreg. Warps get multiples of eight.
static unsigned entryRegisters(const Function &fn) {
  unsigned n = fn.maxnreg ? std::min(fn.maxnreg, 255u) : 0;
  auto &block = fn.reqntid[0] ? fn.reqntid : fn.maxntid;
  if (uint64_t threads = volumeOf(block); threads && fn.minCtas) {
    unsigned fit = unsigned(std::min<uint64_t>(65536 / SaturatingMultiply<uint64_t>(threads, fn.minCtas) / 8 * 8, 255));
    n = n ? std::min(n, fit) : fit;
  }
  return unsigned(alignTo(n, 8));
}

/// What nobody has measured has no model.
static Error checkNumerics(const LaunchContext &c) {
  if (c.options.numerics == Numerics::Exact)
    return Error::success();
  for (const Inst &in : c.fn->code) {
    if (in.op != Op::Mma)
      continue;
    const MmaSpec &s = c.fn->mmas[in.target];
    const char *what = s.form == MmaSpec::Sparse                        ? "sparse products"
                       : s.quads                                        ? "m8n8k4 of f16"
                       : s.a == Ty::E4M3 || s.a == Ty::E5M2             ? "mma.sync of fp8 (it has one of wgmma)"
                                                                        : nullptr;
    bool isReal = s.d == Ty::F32 || s.d == Ty::F16;
    if (what && isReal)
      return fail("{0}:{1}: numerics 'h100' have no model of {2}, got '{3}'; use 'exact'", c.module->fileName, in.line, what,
                  c.module->shownText(in.line));
  }
  return Error::success();
}

/// What a cooperative launch gives a kernel that asks: a structure of two words of which cooperative groups use the second,
/// the grid's barrier, zero at the start. No manual says what is in the first.
Error DeviceImpl::placeWorkspace(LaunchContext &c) {
  constexpr uint64_t kBytes = 8, kBarrier = 4;
  bool isAsked = any_of(c.fn->specials, [](auto &s) {
    return s.first == Special::WorkspaceHigh || s.first == Special::WorkspaceLow;
  });
  if (!isAsked)
    return Error::success();
  c.workspace = mem.allocate(kBytes, kBytes, "workspace of the grid (%envreg1, %envreg2)");
  return mem.write(c.workspace + kBarrier, std::array<uint8_t, kBytes - kBarrier>{});
}

Expected<LaunchContext> DeviceImpl::prepare(const Module &module, const Launch &launch, const Options &options) {
  LaunchContext c;
  c.module = &module;
  c.memory = &mem;
  c.launch = launch;
  c.options = options;
  for (size_t i = 0; i < module.publicEntries.size(); ++i)
    if (module.publicEntries[i].name == launch.entry) {
      c.entry = &module.publicEntries[i];
      c.fn = &module.functions[i];
    }
  if (!c.entry) {
    std::string have;
    for (auto &e : module.publicEntries)
      have += (have.empty() ? "'" : ", '") + e.name + "'";
    return fail("unknown entry '{0}'; the module has {1}", launch.entry, have.empty() ? "none" : have);
  }
  if (!c.fn->refused.empty())
    return fail("entry '{0}' cannot run: {1}", launch.entry, c.fn->refused);
  if (launch.parameters.size() != c.entry->parameterBytes)
    return fail("entry '{0}' takes {1} bytes of parameters, got {2}", launch.entry, c.entry->parameterBytes,
                launch.parameters.size());
  if (Error e = checkNumerics(c))
    return std::move(e);
  // A launch that names no cluster takes the one that the entry asks for.
  if (c.fn->reqcluster[0] && launch.cluster == std::array<uint32_t, 3>{1, 1, 1})
    c.launch.cluster = c.fn->reqcluster;
  if (c.fn->blocksAreClusters)
    for (unsigned i = 0; i < 3; ++i) {
      uint64_t ctas = uint64_t(c.launch.grid[i]) * c.launch.cluster[i];
      c.launch.grid[i] = uint32_t(std::min<uint64_t>(ctas, ~0u)); // checkShape refuses so many
    }
  if (Error e = checkShape(c))
    return std::move(e);
  c.threadsPerCta = launch.block[0] * launch.block[1] * launch.block[2];
  c.warpsPerCta = (c.threadsPerCta + 31) / 32;
  c.entryRegisters = entryRegisters(*c.fn);
  auto &cluster = c.launch.cluster;
  c.clusterSize = cluster[0] * cluster[1] * cluster[2];
  c.warpStride = c.clusterSize > 1 ? unsigned(alignTo(c.warpsPerCta, 4)) : c.warpsPerCta;
  if (options.sharedBase % 128 || options.sharedBase > 65536)
    return fail("expected a shared base that is a multiple of 128 and at most 65536, got {0}", options.sharedBase);
  c.sharedBase = options.sharedBase;
  uint64_t end = uint64_t(c.sharedBase) + c.entry->staticSharedBytes;
  c.dynamicStart = uint32_t(alignTo(end, module.dynamicSharedAlign));
  if (launch.dynamicSharedBytes || module.hasDynamicShared)
    end = uint64_t(c.dynamicStart) + launch.dynamicSharedBytes;
  if (end - c.sharedBase > kMaxShared)
    return fail("{0} bytes of static and {1} of dynamic shared memory exceed the limit of {2}", c.entry->staticSharedBytes,
                launch.dynamicSharedBytes, kMaxShared);
  c.sharedEnd = uint32_t(end);
  c.looksForReuse = gradeOf(options, "TK-SIM-RACE-PROXY-REUSE", Severity::Warning).has_value();
  c.looksForScopes = gradeOf(options, "TK-SIM-RACE-SCOPE", Severity::Warning).has_value();
  c.looksForNc = c.fn->usesNc && gradeOf(options, "TK-SIM-MEM-NC", Severity::Error).has_value();
  c.parameters = launch.parameters;
  c.parametersWritten = launch.parametersWritten;
  if (c.parametersWritten.empty())
    c.parametersWritten.assign(c.parameters.size(), 1);
  if (c.parametersWritten.size() != c.parameters.size())
    return fail("expected a mark for each of the {0} bytes of parameters, got {1}", c.parameters.size(),
                c.parametersWritten.size());
  uint64_t registers = uint64_t(c.fn->regWords) * sizeof(uint32_t) * c.warpStride * c.clusterSize;
  if (Error e = mem.admit(registers))
    return fail("the registers of the entry's warps are too many: {0}", toString(std::move(e)));
  if (Error e = placeVariables(module))
    return std::move(e);
  if (Error e = fillConstants(c))
    return std::move(e);
  if (Error e = placeWorkspace(c))
    return std::move(e);
  return c;
}

static void fillReport(Report &r, const LaunchContext &c, const Counters &n) {
  const Function &fn = *c.fn;
  for (size_t pc = 0; pc < fn.code.size(); ++pc) {
    const Inst &in = fn.code[pc];
    if (n.warpExecutions[pc])
      r.counters[std::string("instructions.") + className(in.cls)] += n.warpExecutions[pc];
    r.threadInstructions += n.threadExecutions[pc];
    if (!n.minimum[pc])
      continue;
    BankRecord b;
    b.ptxLine = in.line;
    b.ptxText = c.module->shownText(in.line);
    b.source = c.module->source(fn, in);
    bool matrix = in.op == Op::LdMatrix || in.op == Op::StMatrix;
    b.widthBytes = matrix ? 16 : in.op == Op::CpAsync ? in.numVec : bytesOf(in.ty) * in.numVec;
    b.executions = n.warpExecutions[pc];
    b.wavefronts = n.wavefronts[pc];
    b.minimum = n.minimum[pc];
    r.banks.push_back(std::move(b));
  }
  for (auto [offset, phases] : n.phases)
    r.barriers.push_back({offset, phases});
  r.counters["flop.tensor"] = n.tensorFlop;
  r.counters["bytes.global.read"] = n.globalRead;
  r.counters["bytes.global.written"] = n.globalWritten;
  r.counters["bytes.shared.read"] = n.sharedRead;
  r.counters["bytes.shared.written"] = n.sharedWritten;
  // Only where there are any: most kernels have none.
  for (auto [name, bytes] : {std::pair("bytes.tma.load", n.bulkLoaded), std::pair("bytes.tma.store", n.bulkStored),
                             std::pair("bytes.tma.reduce", n.bulkReduced)})
    if (bytes)
      r.counters[name] = bytes;
  r.counters["ctas"] = uint64_t(c.launch.grid[0]) * c.launch.grid[1] * c.launch.grid[2];
}

static Trace makeTrace(const LaunchContext &c, const Counters &n, const Tracer &tracer) {
  Trace trace;
  trace.entry = c.entry->name;
  const Function &fn = *c.fn;
  for (size_t pc = 0; pc < fn.code.size(); ++pc) {
    if (c.module->lineText(fn.code[pc].line) == "}") // The end of the entry is an exit of its own.
      continue;
    InstructionRecord record;
    record.ptxLine = fn.code[pc].line;
    record.source = c.module->source(fn, fn.code[pc]);
    record.warpExecutions = n.warpExecutions[pc];
    record.threadExecutions = n.threadExecutions[pc];
    if (llvm::any_of(n.bankWords[pc], [](uint64_t words) { return words != 0; }))
      record.bankWords.assign(n.bankWords[pc].begin(), n.bankWords[pc].end());
    trace.instructions.push_back(std::move(record));
  }
  trace.timeline = tracer.finish(fn.code);
  for (unsigned rank = 0; rank < c.clusterSize; ++rank)
    for (unsigned warp = 0; warp < c.warpStride; ++warp)
      trace.timeline.warps.push_back((c.clusterSize > 1 ? "CTA " + std::to_string(rank) + " " : "") + "warp " +
                                     std::to_string(warp));
  return trace;
}

/// Local memory of all that runs at once must be there; fewer host threads need less.
Error DeviceImpl::admitLocal(const LaunchContext &c, uint64_t units, unsigned &threads) const {
  uint64_t each = uint64_t(c.fn->localBytes) * 32 * c.warpStride * c.clusterSize;
  uint64_t atOnce = c.fn->usesInterCta ? std::min(units, countResident(c)) : threads;
  for (;; atOnce = threads /= 2) {
    Error e = mem.admit(each * atOnce);
    if (!e)
      return Error::success();
    if (threads == 1)
      return fail("the local memory of {0} CTAs that run at once, {1} bytes for each thread, is too large: {2}; "
                  "--memory-bytes sets another limit",
                  atOnce * c.clusterSize, c.fn->localBytes, toString(std::move(e)));
    consumeError(std::move(e));
  }
}

Expected<Report> DeviceImpl::launch(const Program &program, const Launch &launch, const Options &options) {
  auto begin = std::chrono::steady_clock::now();
  const Module &module = static_cast<const Module &>(program);
  Expected<LaunchContext> prepared = prepare(module, launch, options);
  if (!prepared)
    return prepared.takeError();
  const LaunchContext &c = *prepared;
  uint64_t ctas = uint64_t(c.launch.grid[0]) * c.launch.grid[1] * c.launch.grid[2];
  unsigned threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  // CTAs that talk take turns on one host thread, so that every run gives the same answer.
  if (c.fn->usesInterCta || options.maxSteps || c.fn->usesHeap) // or share a heap
    threads = 1;
  uint64_t units = ctas / c.clusterSize; // clusters, or CTAs where there are none
  threads = unsigned(std::min<uint64_t>(threads, units));
  if (c.fn->usesInterCta && units > ~0u)
    return fail("expected a grid of at most {0} CTAs or clusters, which the kernel's atomics let talk to one another, got {1}", ~0u,
                units);
  if (Error e = admitLocal(c, units, threads))
    return std::move(e);
  Tracer tracer;
  if (options.trace)
    prepared->tracer = &tracer;
  Folder folder(c);
  std::atomic<uint64_t> next{0}, steps{0};
  std::vector<Counters> counters(threads);
  auto work = [&](unsigned t) {
    counters[t].reset(c.fn->code.size(), options.trace);
    if (c.fn->usesInterCta) {
      folder.cut(); // they end in any order, on this one thread, which must not wait for itself
      WatchedDecision watched = runTogether(c, units, counters[t], steps,
                                            [&](uint64_t i, CtaResult &&r) { folder.fold(i, std::move(r)); });
      if (watched.count)
        folder.watched = std::move(watched);
      return;
    }
    Cta cta(c, counters[t], steps);
    for (uint64_t i; (i = next.fetch_add(1)) < units;) {
      if (isCut(c, steps)) {
        folder.cut();
        break;
      }
      CtaResult result;
      cta.run(firstCtaOf(c, i), result);
      folder.fold(i, std::move(result));
    }
  };
  unsigned ran = runOnThreads(threads, work);
  mem.free(c.workspace);
  if (options.cancelled && *options.cancelled)
    return fail("the launch was cancelled");
  for (unsigned t = 1; t < ran; ++t)
    counters[0].add(counters[t]);
  Report report;
  fillReport(report, c, counters[0]);
  if (options.trace)
    report.traces.push_back(makeTrace(c, counters[0], tracer));
  report.findings = folder.finish();
  report.output = std::move(folder.output);
  report.outputDropped = folder.outputDropped;
  report.decision = std::move(folder.watched.text);
  report.decisions = folder.watched.count;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

std::unique_ptr<Device> Device::create() { return std::make_unique<DeviceImpl>(); }

} // namespace tk::sim
