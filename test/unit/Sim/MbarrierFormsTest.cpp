//===- MbarrierFormsTest.cpp - Every form of arrivals and waits -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What each form counts, seen by forms that MbarrierTest.cpp checks, and whom it orders.
///
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Names = std::set<std::string>;

/// The address of the barrier at s that a word takes: generic, or shared.
std::string placeOf(const std::string &word) {
  return word.find("shared::cluster") != std::string::npos ? "[%r9]"
         : word.find("shared") != std::string::npos        ? "[s]"
                                                           : "[%rd9]";
}
const std::string kPlaces = "(|.shared|.shared::cta)",
                  kEverywhere = "(|.shared|.shared::cta|.shared::cluster)";

/// One thread. `stage` lines print whether the phase of parity 0, and of 1, is complete.
std::vector<uint32_t> stages(const std::vector<std::string> &lines) {
  Sim sim;
  uint64_t o = sim.buffer(std::vector<uint32_t>(2 * lines.size()), "o");
  std::string body = "mov.u32 %r9, s; mapa.shared::cluster.u32 %r9, %r9, 0; cvta.shared.u64 %rd9, "
                     "s; mov.b32 %r8, 2;\n";
  for (size_t i = 0; i < lines.size(); ++i) {
    body += lines[i] + "\n";
    for (unsigned parity : {0u, 1u})
      body += "mbarrier.test_wait.parity.shared.b64 %p1, [s], " + std::to_string(parity) +
              "; selp.u32 %r1, 1, 0, %p1; st.global.u32 [%rd100+" +
              std::to_string(8 * i + 4 * parity) + "], %r1;\n";
  }
  Report r = sim.run(kernel(1, body, ".shared .align 16 .b8 s[16];\n"));
  EXPECT_TRUE(r.findings.empty()) << body << describe(r);
  return sim.read<uint32_t>(o, 2 * lines.size());
}
// Phase 0 under way: the one before it, of parity 1, is complete. Then phase 0 is, then phase 1.
const std::vector<uint32_t> kFirst = {0, 1}, kSecond = {1, 0};
std::vector<uint32_t> joined(std::initializer_list<std::vector<uint32_t>> parts) {
  std::vector<uint32_t> all;
  for (auto &part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}
std::string init(unsigned count) {
  return "mbarrier.init.shared.b64 [s], " + std::to_string(count) + ";";
}
const std::string kOne = "mbarrier.arrive.shared.b64 _, [s];",
                  kDone = "mbarrier.complete_tx.relaxed.cta.shared.b64 [s], 16;";

TEST(MbarrierForms, CountsOfArrivals) {
  for (std::string name : {"arrive", "arrive_drop"}) {
    bool drops = name == "arrive_drop";
    const std::string orders = "(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)";
    // Two arrivals end phase 0, this form's and another; after a drop one ends the next.
    auto expect = [&](const std::string &line, unsigned count) {
      std::vector<std::string> lines = {init(count + 1), line, kOne, drops ? kOne : line + kOne};
      EXPECT_EQ(stages(lines), joined({kFirst, kFirst, kSecond, kFirst})) << line;
    };
    for (const std::string &word : expand("mbarrier." + name + orders + kPlaces + ".b64")) {
      expect(word + " _, " + placeOf(word) + ";", 1);
      expect(word + " %rd1, " + placeOf(word) + ";", 1);
      expect(word + " %rd1, " + placeOf(word) + ", 3;", 3);
      expect(word + " %rd1, " + placeOf(word) + ", %r8;", 2);
    }
    for (const std::string &word : expand("mbarrier." + name +
                                          "(|.release.cluster|.relaxed.cluster|.release.cta|."
                                          "relaxed.cta).shared::cluster.b64")) {
      expect(word + " _, " + placeOf(word) + ";", 1);
      expect(word + " _, " + placeOf(word) + ", 3;", 3);
    }
    for (const std::string &word :
         expand("mbarrier." + name + ".noComplete(|.release.cta)" + kPlaces + ".b64"))
      expect(word + " %rd1, " + placeOf(word) + ", 2;", 2);
    // With bytes to come: the phase waits for them although all have arrived.
    for (const std::string &word :
         expand("mbarrier." + name + ".expect_tx" + orders + kEverywhere + ".b64")) {
      std::string line = word + " _, " + placeOf(word) + ", 16;";
      EXPECT_EQ(
          stages({init(2), line, kOne, kDone, drops ? kOne : kOne + line, drops ? "" : kDone}),
          joined({kFirst, kFirst, kFirst, kSecond, drops ? kFirst : kSecond, kFirst}))
          << line;
    }
  }
}

TEST(MbarrierForms, BytesAreAwaited) {
  const std::string orders = "(|.relaxed.cta|.relaxed.cluster)";
  for (const std::string &word : expand("mbarrier.expect_tx" + orders + kEverywhere + ".b64"))
    EXPECT_EQ(stages({init(1), word + " " + placeOf(word) + ", 16;", kOne, kDone}),
              joined({kFirst, kFirst, kFirst, kSecond}))
        << word;
  for (const std::string &word : expand("mbarrier.complete_tx" + orders + kEverywhere + ".b64"))
    EXPECT_EQ(stages({init(1), "mbarrier.arrive.expect_tx.shared.b64 _, [s], 16;",
                      word + " " + placeOf(word) + ", 8;", word + " " + placeOf(word) + ", 8;"}),
              joined({kFirst, kFirst, kFirst, kSecond}))
        << word;
}

TEST(MbarrierForms, InitAndInval) {
  for (const std::string &word : expand("mbarrier.init" + kPlaces + ".b64")) {
    EXPECT_EQ(stages({word + " " + placeOf(word) + ", 2;", kOne, kOne}),
              joined({kFirst, kFirst, kSecond}))
        << word;
    EXPECT_EQ(stages({word + " " + placeOf(word) + ", %r8;", kOne, kOne}),
              joined({kFirst, kFirst, kSecond}))
        << word;
  }
  for (const std::string &word : expand("mbarrier.inval" + kPlaces + ".b64")) {
    std::string inval = word + " " + placeOf(word) + ";";
    EXPECT_EQ(stages({init(1), kOne, inval + init(2), kOne, kOne}),
              joined({kFirst, kSecond, kFirst, kFirst, kSecond}))
        << "a new one: " << word;
    Sim sim;
    EXPECT_TRUE(has(sim.run(kernel(0, "cvta.shared.u64 %rd9, s;" + init(1) + inval + kOne,
                                   ".shared .align 16 .b8 s[16];\n")),
                    "TK-SIM-MBARRIER-INVALID"))
        << word;
  }
}

/// Waits by state and by parity: false before the phase is complete, true then. Of try_wait false
/// is a possible answer always.
TEST(MbarrierForms, WaitsSayWhetherThePhaseIsComplete) {
  for (const std::string &word : expand("mbarrier.(test_wait|try_wait)(|.parity)(|.acquire.cta|."
                                        "acquire.cluster|.relaxed.cta|.relaxed.cluster)" +
                                        kPlaces + ".b64"))
    for (bool complete : {false, true})
      for (bool limited : {false, true}) {
        bool parity = word.find("parity") != std::string::npos,
             tries = word.find("try_wait") != std::string::npos;
        if (limited && !tries)
          continue;
        std::set<uint32_t> answers;
        for (unsigned seed = 0; seed < 16; ++seed) {
          Sim sim;
          sim.options.seed = seed;
          uint64_t o = sim.buffer(std::vector<uint32_t>(1), "o");
          Report r = sim.run(kernel(
              1,
              "cvta.shared.u64 %rd9, s; mbarrier.init.shared.b64 [s], 2; "
              "mbarrier.arrive.shared.b64 %rd1, [s]; mov.b32 %r8, 0;\n" +
                  std::string(complete ? kOne : "") + word + " %p1, " + placeOf(word) + ", " +
                  (parity ? (seed % 2 ? "%r8" : "0") : "%rd1") + (limited ? ", 100" : "") +
                  "; selp.u32 %r1, 1, 2, %p1; st.global.u32 [%rd100], %r1;" +
                  (complete ? "" : kOne),
              ".shared .align 16 .b8 s[16];\n"));
          EXPECT_TRUE(r.findings.empty()) << word << describe(r);
          answers.insert(sim.read<uint32_t>(o, 1)[0]);
        }
        EXPECT_EQ(answers.count(1), complete) << word;
        EXPECT_TRUE(tries || answers.size() == 1) << word;
      }
}

/// Thread 0 writes and arrives, one of the other CTA or warp waits and reads. %r9: the barrier of
/// CTA `owner`.
Names message(const std::string &arrive, const std::string &wait, bool acrossCtas) {
  Names found;
  for (unsigned seed = 0; seed < 4; ++seed) {
    Sim sim;
    sim.options.seed = seed;
    sim.launch.grid = {2, 1, 1};
    sim.launch.cluster = {2, 1, 1};
    sim.launch.block = {64, 1, 1};
    sim.buffer(std::vector<uint32_t>(4), "data");
    sim.buffer(std::vector<uint32_t>(4), "out");
    std::string owner = acrossCtas ? "1" : "0";
    Report r = sim.run(kernel(
        2,
        "mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r5, %r2, 64, %r1; mov.u32 %r9, s; "
        "mapa.shared::cluster.u32 %r9, %r9, " +
            owner +
            "; cvta.shared.u64 %rd9, s;\n"
            "setp.eq.u32 %p1, %r1, 0; @%p1 mbarrier.init.shared.b64 [s], 1; @%p1 "
            "fence.mbarrier_init.release.cluster;\nbarrier.cluster.arrive; barrier.cluster.wait;\n"
            "setp.eq.u32 %p1, %r5, 0; @!%p1 bra $other; st.global.u32 [%rd100], 7;\n" +
            arrive + "bra $end;\n$other: setp.ne.u32 %p2, %r5, " + (acrossCtas ? "64" : "32") +
            "; @%p2 bra $end;\n$w: " + wait +
            "@!%p3 bra $w;\nld.global.u32 %r6, [%rd100]; st.global.u32 [%rd101], %r6;\n$end: "
            "barrier.cluster.arrive; barrier.cluster.wait;",
        ".shared .align 16 .b8 s[16];\n"));
    for (const Finding &f : r.findings)
      found.insert(f.name);
  }
  return found;
}

TEST(MbarrierForms, OrdersAndScopes) {
  auto narrow = [](const std::string &word) { return word.find(".cluster.") == std::string::npos; };
  auto isRelaxed = [](const std::string &word) {
    return word.find("relaxed") != std::string::npos;
  };
  const Names none, race = {"TK-SIM-RACE"}, scope = {"TK-SIM-RACE-SCOPE"};
  const std::string wideWait = "mbarrier.try_wait.parity.acquire.cluster.shared.b64 %p3, [s], 0; ";
  for (std::string name : {"arrive", "arrive_drop", "arrive.expect_tx", "arrive_drop.expect_tx"})
    for (const std::string &word : expand(
             "mbarrier." + name + "(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)" +
             kEverywhere + ".b64")) {
      bool remote = word.find("shared::cluster") != std::string::npos;
      std::string line = word + " _, " + placeOf(word) +
                         (word.find("expect_tx") != std::string::npos ? ", 0;\n" : ";\n");
      EXPECT_EQ(message(line, wideWait, remote), isRelaxed(word)          ? race
                                                 : remote && narrow(word) ? scope
                                                                          : none)
          << word;
    }
  for (const std::string &word : expand("mbarrier.(test_wait|try_wait).parity(|.acquire.cta|."
                                        "acquire.cluster|.relaxed.cta|.relaxed.cluster)" +
                                        kPlaces + ".b64"))
    for (bool across : {false, true})
      EXPECT_EQ(message("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r9];\n",
                        word + " %p3, " + placeOf(word) + ", 0; ", across),
                isRelaxed(word)          ? race
                : across && narrow(word) ? scope
                                         : none)
          << word << across;
}

} // namespace
