//===- OrderTest.cpp - Every order and scope of accesses and fences -------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// One thread writes data and a flag, another sees the flag and reads the data. By PTX's memory
/// model that is no race if and only if the flag's write is a release, its read an acquire (or
/// fences stand beside them), and the scope of each holds the other thread. Each word is one side
/// of such a message, with a partner of the widest scope; the threads are of one CTA, of two CTAs
/// of a cluster, and of two clusters.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

enum Relation { SameCta, SameCluster, SameGrid };

bool hasPart(const std::string &word, const std::string &part) {
  return ("." + word + ".").find("." + part + ".") != std::string::npos;
}
/// Whether the word's scope holds both threads; an atomic operation's is .gpu where it has none,
/// .volatile's is .sys.
bool holds(const std::string &word, Relation relation) {
  return hasPart(word, "cta")       ? relation == SameCta
         : hasPart(word, "cluster") ? relation != SameGrid
                                    : true;
}
bool isStrong(const std::string &word) {
  return word.find("atom") == 0 || word.find("red") == 0 || hasPart(word, "relaxed") ||
         hasPart(word, "acquire") || hasPart(word, "release") || hasPart(word, "volatile");
}
bool releases(const std::string &word) {
  return hasPart(word, "release") || hasPart(word, "acq_rel");
}
bool acquires(const std::string &word) {
  return hasPart(word, "acquire") || hasPart(word, "acq_rel");
}

/// The operation that changes the flag, or looks at it: the flag's first value, what is written,
/// what leaves it be.
struct Flag {
  std::string reg = "%r", bits = "32", first = "0", write = "1", keep = "0";
  bool compares = false, isLoad = false, isStore = false;

  explicit Flag(const std::string &word) {
    isLoad = word.find("ld") == 0, isStore = word.find("st") == 0;
    for (const char *b : {"8", "16", "64"})
      for (const char *t : {"b", "u", "s", "f"})
        if (hasPart(word, std::string(t) + b))
          bits = b;
    reg = hasPart(word, "f32")   ? "%f"
          : hasPart(word, "f64") ? "%fd"
          : bits == "64"         ? "%rd"
          : bits == "32"         ? "%r"
                                 : "%rs";
    if (hasPart(word, "f16") || hasPart(word, "bf16x2") || hasPart(word, "f16x2"))
      reg = hasPart(word, "f16") ? "%rs" : "%r", bits = hasPart(word, "f16") ? "16" : "32",
      write = "0x3c00";
    if (hasPart(word, "f32"))
      write = "0x3f800000";
    if (hasPart(word, "f64"))
      write = "0x3ff0000000000000";
    if (hasPart(word, "min"))
      first = "5", keep = "9";
    if (hasPart(word, "and"))
      first = "3", keep = "-1";
    if (hasPart(word, "inc"))
      write = "100"; // the bound; 0 as bound gives 0, as an exchange for 0 does
    compares = hasPart(word, "cas");
  }
  std::string moved(const std::string &number, const std::string &value) const {
    return reg == "%f" || reg == "%fd"
               ? "mov.b" + bits + " " + (reg == "%f" ? "%r" : "%rd") + "60, " + value + "; mov.b" +
                     bits + " " + reg + number + ", " + (reg == "%f" ? "%r" : "%rd") + "60;\n"
               : "mov.b" + (bits == "8" ? std::string("16") : bits) + " " + reg + number + ", " +
                     value + ";\n";
  }
  /// The word with its operands; `atomic` ones leave what they found in register 3.
  std::string operator()(const std::string &word, const std::string &at, bool writes) const {
    std::string value = moved("2", writes ? write : keep);
    if (isLoad)
      return word + " " + reg + "3, " + at + ";\n";
    if (isStore)
      return value + word + " " + at + ", " + reg + "2;\n";
    if (word.find("red") == 0)
      return value + word + " " + at + ", " + reg + "2;\n";
    if (compares) // a reader's comparison fails as long as nobody has written
      return moved("4", writes ? first : write) + value + word + " " + reg + "3, " + at + ", " +
             reg + "4, " + reg + "2;\n";
    return value + word + " " + reg + "3, " + at + ", " + reg + "2;\n";
  }
  /// %p3: register 3 holds the flag's first value.
  std::string test() const {
    std::string b = bits == "8" ? "16" : bits;
    return "setp.eq.b" + b + " %p3, " + reg + "3, " + first + ";\n";
  }
};

struct Message {
  std::string set, see, test; ///< The flag's address is %rd101 or, shared, %r40.
  std::string after;          ///< Once the flag is seen.
  std::string first = "0";
  std::string space = ""; ///< Of the flag: global, or where shared: its address.
};

/// All names found over some seeds.
std::set<std::string> run(const Message &m, Relation relation) {
  std::set<std::string> found;
  bool isShared = !m.space.empty();
  for (unsigned seed = 0; seed < 3; ++seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.options.maxSteps = 1000000;
    sim.launch.grid = {4, 1, 1};
    sim.launch.block = {64, 1, 1};
    sim.launch.cluster = {2, 1, 1};
    sim.buffer(std::vector<uint32_t>(64), "data");
    sim.buffer(std::vector<uint64_t>(1, std::stoull(m.first)), "flag");
    uint64_t out = sim.buffer(std::vector<uint32_t>(64), "out");
    const char *who[] = {"32", "64", "128"}; // thread of the grid
    std::string body =
        "mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r5, %r2, 64, %r1;\n"
        "mov.u32 %r40, s; mapa.shared::cluster.u32 %r40, %r40, 0; setp.eq.u32 %p8, %r5, 0;\n" +
        std::string(isShared ? "@%p8 st.shared.u64 [s], " + m.first +
                                   ";\nbarrier.cluster.arrive; barrier.cluster.wait;\n"
                             : "") +
        "setp.eq.u32 %p1, %r5, 0; @%p1 bra $writer;\nsetp.eq.u32 %p1, %r5, " + who[relation] +
        "; @%p1 bra $reader; bra $end;\n" + "$writer: st.global.u32 [%rd100], 77;\n" + m.set +
        "bra $end;\n$reader:\n$poll:\n" + m.see + m.test + "@%p3 bra $poll;\n" + m.after +
        "ld.global.u32 %r8, [%rd100]; st.global.u32 [%rd102], %r8;\n$end:\n" +
        (isShared ? "barrier.cluster.arrive; barrier.cluster.wait;\n" : "");
    Report r = sim.run(kernel(3, body, ".shared .align 16 .b8 s[64];\n"));
    for (const Finding &f : r.findings)
      found.insert(f.name);
    if (r.findings.empty())
      EXPECT_EQ(sim.read<uint32_t>(out, 1)[0], 77u) << body;
  }
  return found;
}

/// A message must be found as the model has it.
void expectMessage(const Message &m, Relation relation, bool ordered, bool inScope,
                   const std::string &what) {
  std::set<std::string> found = run(m, relation);
  std::string names = what + " relation " + std::to_string(relation) + ": ";
  for (const std::string &name : found)
    names += name + " ";
  if (ordered && inScope) {
    EXPECT_TRUE(found.empty()) << names;
    return;
  }
  EXPECT_FALSE(found.empty()) << names;
  for (const std::string &name : found)
    EXPECT_EQ(name.find("TK-SIM-RACE"), 0u) << names;
  if (!inScope)
    EXPECT_TRUE(found.count("TK-SIM-RACE-SCOPE") || !ordered) << names;
  else
    EXPECT_TRUE(found.count(relation == SameGrid ? "TK-SIM-RACE-CTA" : "TK-SIM-RACE")) << names;
}

/// Where the flag of a word lies, and which threads can reach it.
std::vector<Relation> relationsOf(const std::string &word, std::string &at, std::string &space) {
  bool cluster = word.find("shared::cluster") != std::string::npos,
       shared = word.find("shared") != std::string::npos;
  at = cluster ? "[%r40]" : shared ? "[s]" : "[%rd101]";
  space = cluster ? ".shared::cluster" : shared ? ".shared" : "";
  return cluster  ? std::vector{SameCta, SameCluster}
         : shared ? std::vector{SameCta}
                  : std::vector{SameCta, SameCluster, SameGrid};
}

void expectWriter(const std::string &word) {
  Flag flag(word);
  Message m;
  std::string at;
  auto relations = relationsOf(word, at, m.space);
  std::string b = flag.bits, reader = "ld.relaxed.sys" + (m.space.empty() ? ".global" : m.space) +
                                      ".b" + b + " " + flag.reg + "3, " + at + ";\n";
  m.first = flag.first;
  m.see = reader;
  for (Relation relation : relations)
    for (bool fenced : {false, true}) {
      m.set = (fenced ? "fence.acq_rel.sys;\n" : "") + flag(word, at, true);
      m.test = flag.test();
      m.after = "fence.acq_rel.sys;\n";
      bool strong = isStrong(word);
      expectMessage(m, relation, strong && (fenced || releases(word)),
                    strong && holds(word, relation), word + (fenced ? " fenced" : ""));
    }
}

void expectReader(const std::string &word) {
  Flag flag(word);
  Message m;
  std::string at;
  auto relations = relationsOf(word, at, m.space);
  std::string b = flag.bits;
  m.first = flag.first;
  m.set = flag.moved("2", flag.write) + "fence.acq_rel.sys;\nst.relaxed.sys" +
          (m.space.empty() ? ".global" : m.space) + ".b" + b + " " + at + ", " + flag.reg + "2;\n";
  m.see = flag(word, at, false);
  for (Relation relation : relations)
    for (bool fenced : {false, true}) {
      m.test = flag.test();
      m.after = fenced ? "fence.acq_rel.sys;\n" : "";
      bool strong = isStrong(word);
      expectMessage(m, relation, strong && (fenced || acquires(word)),
                    strong && holds(word, relation), word + (fenced ? " fenced" : ""));
    }
}

#define SCOPES "(cta|cluster|gpu|sys)"
#define PLACES "(|.global|.shared|.shared::cta|.shared::cluster)"

TEST(Order, StoresAsFlags) {
  for (const char *pattern :
       {"st.(relaxed|release)." SCOPES PLACES "(.u32|.b8|.b16|.b32|.s64|.f64|.f32|.u64)",
        "st.volatile(|.global|.shared).u32", "st.mmio.relaxed.sys(|.global).u32"})
    for (const std::string &word : expand(pattern))
      expectWriter(word);
}

TEST(Order, LoadsAsFlags) {
  for (const char *pattern :
       {"ld.(relaxed|acquire)." SCOPES PLACES "(.u32|.b8|.b16|.b32|.s64|.f64|.f32|.u64)",
        "ld.volatile(|.global|.shared).u32", "ld.mmio.relaxed.sys(|.global).u32"})
    for (const std::string &word : expand(pattern))
      expectReader(word);
}

const char *const kAtomics[] = {"ATOM.ORDERSCOPE.global.add.u32",
                                "ATOM(|.relaxed).SCOPE(|.global).add.u32",
                                "ATOM.(add|min).ORDERSCOPE.(u32|s32)",
                                "ATOM.or.ORDERSCOPE.b32",
                                "ATOM.add.ORDERSCOPE.(u64|f32|f64)",
                                "ATOM.max.ORDERSCOPE.(u64|s64)",
                                "ATOM.xor.ORDERSCOPE.b64",
                                "ATOM.(inc|dec).(cta|gpu).u32",
                                "ATOM.global.(cta|gpu|sys).(add|max).u32",
                                "ATOM.global.SCOPE.ORDER(add|min|max).(u32|s32)",
                                "ATOM.global.SCOPE.ORDERadd.f32",
                                "ATOM.global.SCOPE.ORDERand.b32",
                                "ATOM.global.gpu.ORDERadd.noftz.(f16|bf16x2)",
                                "ATOM.ORDERgpu.global.add.noftz.f16x2",
                                "ATOM.ORDER(cta|sys).shared.(add.u32|or.b32)"};
const char *const kSwaps[] = {"atom.exch.ORDERSCOPE.(b32|b64)",
                              "atom.global.SCOPE.exch.b32",
                              "atom.global.SCOPE.ORDERexch.b32",
                              "atom.ORDERSCOPE.global.cas.b32",
                              "atom.global.(cta|gpu|sys|acq_rel.gpu|gpu.acq_rel).cas.b32",
                              "atom.cas.ORDERSCOPE.(b16|b32|b64)"};

std::vector<std::string> atomics(std::string pattern, const std::string &name) {
  const std::pair<std::string, std::string> parts[] = {
      {"ATOM", name},
      {"ORDER", name == "atom" ? "(relaxed|acquire|release|acq_rel)." : "(relaxed|release)."},
      {"SCOPE", SCOPES}};
  for (auto &[from, to] : parts)
    for (size_t at; (at = pattern.find(from)) != std::string::npos;)
      pattern.replace(at, from.size(), to);
  return expand(pattern);
}

TEST(Order, AtomicOperationsAsFlags) {
  unsigned words = 0;
  for (std::string name : {"atom", "red"})
    for (const char *pattern : kAtomics)
      for (const std::string &word : atomics(pattern, name)) {
        expectWriter(word);
        if (name == "atom")
          expectReader(word);
        ++words;
      }
  for (const char *pattern : kSwaps)
    for (const std::string &word : atomics(pattern, "atom")) {
      expectWriter(word);
      expectReader(word);
      ++words;
    }
  EXPECT_GT(words, 450u);
}

/// Fences beside relaxed flags of the widest scope: those that release before the write, those that
/// acquire behind the read.
TEST(Order, Fences) {
  for (const char *pattern : {"fence(|.sc|.acq_rel|.acquire|.release)." SCOPES,
                              "membar.(cta|gl|sys)", "fence.proxy.alias", "membar.proxy.alias"})
    for (const std::string &word : expand(pattern))
      for (Relation relation : {SameCta, SameCluster, SameGrid}) {
        Message m;
        bool alias = word.find("alias") != std::string::npos,
             toRelease = !alias && !hasPart(word, "acquire"),
             toAcquire = !alias && !hasPart(word, "release");
        m.see = "ld.relaxed.sys.global.u32 %r3, [%rd101];\n";
        std::string set = "st.relaxed.sys.global.u32 [%rd101], 1;\n";
        m.test = "setp.eq.u32 %p3, %r3, 0;\n";
        m.set = word + ";\n" + set;
        m.after = "fence.acq_rel.sys;\n";
        expectMessage(m, relation, toRelease, alias || holds(word, relation),
                      word + " before the write");
        m.set = "fence.acq_rel.sys;\n" + set;
        m.after = word + ";\n";
        expectMessage(m, relation, toAcquire, alias || holds(word, relation),
                      word + " behind the read");
      }
}

} // namespace
