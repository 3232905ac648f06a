//===- TmaTest.cpp - Bulk copies: what they move --------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Boxes of all ranks, swizzles and types, inside and outside the tensor, against a plain loop over elements. The
/// swizzles are written here as the programming guide draws them: the row of a line picks the place of its chunks.
///
//===----------------------------------------------------------------------===//

#include "tk/Sim/TensorMap.h"
#include "SimTest.h"

using namespace tk::sim;
using namespace tk::sim::test;

namespace {

using Map = TensorMap;

/// The place of a byte that lies at `a` without a swizzle.
uint64_t placeOf(uint64_t a, Map::Swizzle mode) {
  uint64_t line = a / 128 * 128, chunk = a / 16 % 8, row8 = a / 128 % 8, rest = a % 16;
  switch (mode) {
  case Map::Swizzle::Bytes128: return line + (chunk ^ row8) * 16 + rest;
  case Map::Swizzle::Bytes64: return line + chunk / 4 * 64 + (chunk % 4 ^ row8 % 4) * 16 + rest;
  case Map::Swizzle::Bytes32: return line + chunk / 2 * 32 + (chunk % 2 ^ row8 % 2) * 16 + rest;
  case Map::Swizzle::Bytes128Atom32: return line + ((chunk / 2) ^ (row8 % 4)) * 32 + a % 32;
  case Map::Swizzle::Bytes128Atom64: return line + ((chunk / 4) ^ (row8 % 2)) * 64 + a % 64;
  default: return a;
  }
}

struct Tensor {
  Map map;
  std::vector<uint8_t> bytes; ///< The whole allocation.
  uint64_t tensorOffset = 0;  ///< Where the tensor starts in it.

  uint64_t elementAt(const std::array<int64_t, 5> &c) const {
    uint64_t at = tensorOffset + uint64_t(c[0]) * map.getElementBytes();
    for (unsigned d = 1; d < map.rank; ++d)
      at += uint64_t(c[d]) * map.stride[d - 1];
    return at;
  }
  bool inside(const std::array<int64_t, 5> &c) const {
    for (unsigned d = 0; d < map.rank; ++d)
      if (c[d] < 0 || uint64_t(c[d]) >= map.size[d])
        return false;
    return true;
  }
};

std::string coords(unsigned rank) {
  std::string s = "{";
  for (unsigned i = 0; i < rank; ++i)
    s += (i ? ", %r" : "%r") + std::to_string(50 + i);
  return s + "}";
}

std::string entry(const std::string &body) {
  return ".version 8.6\n.target sm_90a\n.address_size 64\n.extern .shared .align 1024 .b8 s[];\n"
         ".visible .entry k(.param .align 64 .b8 m[128], .param .u64 image, .param .align 4 .b8 c[20])\n{\n"
         ".reg .b64 %rd<20>; .reg .b32 %r<80>; .reg .pred %p<9>;\n"
         "mov.u32 %r1, %tid.x; setp.eq.u32 %p1, %r1, 0; mov.b64 %rd1, m; cvta.param.u64 %rd2, %rd1; ld.param.u64 %rd3, [image];\n"
         "ld.param.s32 %r50, [c]; ld.param.s32 %r51, [c+4]; ld.param.s32 %r52, [c+8]; ld.param.s32 %r53, [c+12]; ld.param.s32 %r54, [c+16];\n" +
         body + "ret;\n}\n";
}
/// Copies `bytes` between the image and shared memory from s+1024 on, word by word.
std::string copyImage(unsigned bytes, bool toShared) {
  std::string s = "shl.b32 %r2, %r1, 2;\n$copy:\nsetp.ge.u32 %p2, %r2, " + std::to_string(bytes) + "; @%p2 bra $done;\n"
                  "mov.u32 %r3, s; add.u32 %r3, %r3, %r2; cvt.u64.u32 %rd5, %r2; add.u64 %rd5, %rd5, %rd3;\n";
  s += toShared ? "ld.global.u32 %r4, [%rd5]; st.shared.u32 [%r3+1024], %r4;\n" : "ld.shared.u32 %r4, [%r3+1024]; st.global.u32 [%rd5], %r4;\n";
  return s + "add.u32 %r2, %r2, 512; bra $copy;\n$done:\n";
}

struct Outcome {
  Report report;
  std::vector<uint8_t> image, tensor;
};

Outcome runBox(Tensor t, const std::string &body, std::array<int32_t, 5> c, const std::vector<uint8_t> &image, uint64_t seed) {
  Sim sim;
  sim.options.seed = seed;
  sim.launch.block = {128, 1, 1};
  sim.launch.dynamicSharedBytes = uint32_t(1024 + image.size());
  uint64_t data = sim.buffer(t.bytes, "tensor"), out = sim.buffer(image, "image");
  t.map.address = data + t.tensorOffset;
  auto bytes = llvm::cantFail(encodeTensorMap(t.map));
  sim.launch.parameters.assign(bytes.begin(), bytes.end());
  sim.pass(out);
  const uint8_t *p = reinterpret_cast<const uint8_t *>(c.data());
  sim.launch.parameters.insert(sim.launch.parameters.end(), p, p + 20);
  Outcome o;
  o.report = sim.run(entry(body));
  o.image = sim.read<uint8_t>(out, image.size());
  o.tensor = sim.read<uint8_t>(data, t.bytes.size());
  return o;
}

unsigned steps(const Map &m, unsigned d) { return d ? (m.box[d] + m.elementStride[d] - 1) / m.elementStride[d] : m.box[0]; }
unsigned boxBytesOf(const Map &m) {
  unsigned n = m.getElementBytes();
  for (unsigned d = 0; d < m.rank; ++d)
    n *= steps(m, d);
  return n;
}
/// Calls f(linear element, coordinates) for each element of the box.
template <class F> void forEachElement(const Map &m, std::array<int32_t, 5> c, F f) {
  unsigned n = boxBytesOf(m) / m.getElementBytes();
  for (unsigned i = 0; i < n; ++i) {
    std::array<int64_t, 5> at = {};
    unsigned rest = i;
    for (unsigned d = 0; d < m.rank; ++d) {
      at[d] = c[d] + int64_t(rest % steps(m, d)) * (d ? m.elementStride[d] : 1);
      rest /= steps(m, d);
    }
    f(i, at);
  }
}

Tensor makeTensor(std::mt19937 &rng, unsigned rank, Map::Type type, Map::Swizzle swizzle) {
  Tensor t;
  Map &m = t.map;
  m.type = type;
  m.rank = rank;
  m.swizzle = swizzle;
  unsigned es = m.getElementBytes(), span = swizzle == Map::Swizzle::Bytes32 ? 32 : swizzle == Map::Swizzle::Bytes64 ? 64 : 128;
  m.box[0] = swizzle == Map::Swizzle::None ? 16 / es * (1 + rng() % 5) : span / es;
  uint64_t pitch = 0;
  for (unsigned d = 0; d < rank; ++d) {
    m.size[d] = 1 + rng() % (d ? 7 : 60);
    if (d) {
      m.stride[d - 1] = pitch = d == 1 ? (m.size[0] * es + 15) / 16 * 16 + 16 * (rng() % 3) : pitch * (m.size[d - 1] + rng() % 2);
      m.box[d] = 1 + rng() % 4;
      if (rng() % 3 == 0)
        m.elementStride[d] = 1 + rng() % 3;
    }
  }
  t.tensorOffset = 64;
  t.bytes.resize(128 + (pitch ? pitch * m.size[rank - 1] : m.size[0] * es + 16));
  for (uint8_t &b : t.bytes)
    b = uint8_t(rng());
  if (type == Map::Type::TF32) // what this type may round is left out
    for (size_t i = 0; i < t.bytes.size(); i += 4)
      t.bytes[i] = 0, t.bytes[i + 1] &= 0xe0;
  return t;
}

std::string loadBody(const Map &m, const std::string &space) {
  std::string n = std::to_string(boxBytesOf(m));
  return "@%p1 mbarrier.init.shared.b64 [s], 1;\nbar.sync 0;\n@!%p1 bra $wait;\nmbarrier.arrive.expect_tx.shared.b64 _, [s], " + n +
         ";\ncp.async.bulk.tensor." + std::to_string(m.rank) + "d." + space + ".global.tile.mbarrier::complete_tx::bytes [s+1024], [%rd2, " +
         coords(m.rank) + "], [s];\n$wait: mbarrier.try_wait.parity.shared.b64 %p3, [s], 0; @!%p3 bra $wait;\n" + copyImage(boxBytesOf(m), false);
}
std::string storeBody(const Map &m, const std::string &name) {
  return copyImage(boxBytesOf(m), true) + "fence.proxy.async.shared::cta;\nbar.sync 0;\n@!%p1 bra $end;\n" + name + " [%rd2, " + coords(m.rank) +
         "], [s+1024];\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n$end:\n";
}

constexpr Map::Swizzle kSwizzles[] = {Map::Swizzle::None, Map::Swizzle::Bytes32, Map::Swizzle::Bytes64, Map::Swizzle::Bytes128,
                                      Map::Swizzle::Bytes128Atom32, Map::Swizzle::Bytes128Atom64};

TEST(Tma, LoadsOfEveryRankSwizzleAndType) {
  for (unsigned trial = 0; trial < 180; ++trial) {
    std::mt19937 rng(trial);
    unsigned rank = 1 + trial % 5;
    auto type = Map::Type(trial % 13 == 10 || trial % 13 == 12 ? 7 : trial % 13);
    Tensor t = makeTensor(rng, rank, type, kSwizzles[trial / 5 % 6]);
    if (type >= Map::Type::F16 && rng() % 2)
      t.map.fill = Map::Fill::NaN;
    std::array<int32_t, 5> c = {};
    for (unsigned d = 0; d < rank; ++d)
      c[d] = int32_t(rng() % (t.map.size[d] + 6)) - 4;
    if (trial % 4 == 0)
      c = {};
    unsigned es = t.map.getElementBytes(), n = boxBytesOf(t.map);
    Outcome o = runBox(t, loadBody(t.map, trial % 2 ? "shared::cluster" : "shared::cta"), c, std::vector<uint8_t>(n), trial);
    EXPECT_TRUE(o.report.findings.empty()) << "trial " << trial << "\n" << describe(o.report);
    EXPECT_EQ(o.report.counters["bytes.tma.load"], n);
    unsigned wrong = 0, outside = 0;
    forEachElement(t.map, c, [&](unsigned i, const std::array<int64_t, 5> &at) {
      uint64_t got = 0, want = 0;
      memcpy(&got, &o.image[placeOf(2048 + uint64_t(i) * es, t.map.swizzle) - 2048], es);
      if (t.inside(at))
        memcpy(&want, &t.bytes[t.elementAt(at)], es);
      else if (++outside; t.map.fill == Map::Fill::NaN)
        want = es == 2 ? 0x7fff : es == 4 ? 0x7fffffff : ~0ull >> 1;
      wrong += got != want;
    });
    EXPECT_EQ(wrong, 0u) << "trial " << trial << " rank " << rank << " type " << unsigned(type) << " swizzle " << unsigned(t.map.swizzle)
                         << " of " << n / es << " elements, " << outside << " outside";
  }
}

TEST(Tma, StoresOfEveryRankSwizzleAndType) {
  for (unsigned trial = 0; trial < 120; ++trial) {
    std::mt19937 rng(trial + 1000);
    unsigned rank = 1 + trial % 5;
    Tensor t = makeTensor(rng, rank, Map::Type(trial % 13), kSwizzles[trial / 5 % 6]);
    t.map.elementStride = {1, 1, 1, 1, 1};
    std::array<int32_t, 5> c = {};
    for (unsigned d = 0; d < rank; ++d)
      c[d] = int32_t(rng() % (t.map.size[d] + 2));
    unsigned es = t.map.getElementBytes(), n = boxBytesOf(t.map);
    std::vector<uint8_t> image(n);
    for (uint8_t &b : image)
      b = uint8_t(rng());
    std::vector<uint8_t> want = t.bytes;
    forEachElement(t.map, c, [&](unsigned i, const std::array<int64_t, 5> &at) {
      if (t.inside(at))
        memcpy(&want[t.elementAt(at)], &image[placeOf(2048 + uint64_t(i) * es, t.map.swizzle) - 2048], es);
    });
    Outcome o = runBox(t, storeBody(t.map, "cp.async.bulk.tensor." + std::to_string(rank) + "d.global.shared::cta.bulk_group"), c, image, trial);
    EXPECT_TRUE(o.report.findings.empty()) << "trial " << trial << "\n" << describe(o.report);
    EXPECT_TRUE(o.tensor == want) << "trial " << trial;
    EXPECT_EQ(o.report.counters["bytes.tma.store"], n);
  }
}

template <class T> T combine(const std::string &op, T a, T b) {
  if constexpr (std::is_integral_v<T>)
    if (op == "add")
      return T(uint64_t(a) + uint64_t(b)); // wraps
  return op == "add" ? T(a + b) : op == "min" ? (b < a ? b : a) : op == "max" ? (b > a ? b : a) : T();
}
uint64_t reduced(const std::string &op, Map::Type type, uint64_t a, uint64_t b) {
  if (op == "and")
    return a & b;
  if (op == "or")
    return a | b;
  if (op == "xor")
    return a ^ b;
  if (op == "inc")
    return a >= b ? 0 : a + 1;
  if (op == "dec")
    return a == 0 || a > b ? b : a - 1;
  auto real = [&](auto f, auto &&back) { return back(combine<float>(op, f(a), f(b))); };
  switch (type) {
  case Map::Type::U32: return combine<uint32_t>(op, uint32_t(a), uint32_t(b));
  case Map::Type::S32: return uint32_t(combine<int32_t>(op, int32_t(a), int32_t(b)));
  case Map::Type::U64: return combine<uint64_t>(op, a, b);
  case Map::Type::S64: return uint64_t(combine<int64_t>(op, int64_t(a), int64_t(b)));
  case Map::Type::F32:
    return real([](uint64_t v) { return std::bit_cast<float>(uint32_t(v)); }, [](float v) { return uint64_t(std::bit_cast<uint32_t>(v)); });
  case Map::Type::BF16:
    return real([](uint64_t v) { return bf16(uint16_t(v)); }, [](float v) { return uint64_t(std::bit_cast<uint32_t>(v) >> 16); });
  default: return real([](uint64_t v) { return float(std::bit_cast<_Float16>(uint16_t(v))); },
                       [](float v) { return uint64_t(std::bit_cast<uint16_t>(_Float16(v))); });
  }
}

TEST(Tma, Reductions) {
  using T = Map::Type;
  std::map<std::string, std::set<T>> legal = {{"add", {T::U32, T::S32, T::U64, T::F32, T::F16, T::BF16, T::F32Ftz}},
                                              {"min", {T::U32, T::S32, T::U64, T::S64, T::F16, T::BF16}},
                                              {"max", {T::U32, T::S32, T::U64, T::S64, T::F16, T::BF16}},
                                              {"inc", {T::U32}}, {"dec", {T::U32}},
                                              {"and", {T::U32, T::S32, T::U64, T::S64}},
                                              {"or", {T::U32, T::S32, T::U64, T::S64}},
                                              {"xor", {T::U32, T::S32, T::U64, T::S64}}};
  unsigned trial = 0;
  for (auto &[op, types] : legal)
    for (unsigned ty = 0; ty < 13; ++ty, ++trial) {
      std::mt19937 rng(trial);
      Tensor t;
      t.map.type = T(ty);
      unsigned es = t.map.getElementBytes();
      t.map.rank = 2;
      t.map.size = {20, 5, 1, 1, 1};
      t.map.stride[0] = 160;
      t.map.box = {16, 4, 1, 1, 1};
      t.bytes.resize(160 * 5);
      bool real = T(ty) >= T::F16;
      auto small = [&]() -> uint64_t { // exact in every type
        int v = int(rng() % 61) - 30;
        return !real ? (rng() % 4 ? rng() | uint64_t(rng()) << 32 : uint64_t(rng() % 3)) : es == 4 ? std::bit_cast<uint32_t>(float(v))
               : T(ty) == T::BF16 ? std::bit_cast<uint32_t>(float(v)) >> 16 : uint64_t(std::bit_cast<uint16_t>(_Float16(float(v))));
      };
      std::vector<uint8_t> image(64 * es);
      for (auto *v : {&t.bytes, &image})
        for (size_t i = 0; i + es <= v->size(); i += es) {
          uint64_t x = small();
          memcpy(v->data() + i, &x, es);
        }
      std::array<int32_t, 5> c = {6, 2, 0, 0, 0};
      std::vector<uint8_t> want = t.bytes;
      forEachElement(t.map, c, [&](unsigned i, const std::array<int64_t, 5> &at) {
        if (!t.inside(at))
          return;
        uint64_t a = 0, b = 0;
        memcpy(&a, &want[t.elementAt(at)], es);
        memcpy(&b, &image[i * es], es);
        uint64_t r = reduced(op, T(ty) == T::F32Ftz ? T::F32 : T(ty), a, b);
        memcpy(&want[t.elementAt(at)], &r, es);
      });
      Outcome o = runBox(t, storeBody(t.map, "cp.reduce.async.bulk.tensor.2d.global.shared::cta." + op + ".tile.bulk_group"), c, image, trial);
      if (types.count(T(ty))) {
        EXPECT_TRUE(o.report.findings.empty()) << op << " type " << ty << "\n" << describe(o.report);
        EXPECT_TRUE(o.tensor == want) << op << " type " << ty;
      } else {
        EXPECT_TRUE(has(o.report, "TK-SIM-TENSORMAP")) << op << " type " << ty;
        EXPECT_TRUE(o.tensor == t.bytes);
      }
    }
}

/// Ways to write a copy that differ in what the hardware may do, not in what is copied.
TEST(Tma, EverySpelling) {
  unsigned words = 0;
  for (unsigned rank = 1; rank <= 5; ++rank) {
    std::mt19937 rng(rank + 500);
    Tensor t = makeTensor(rng, rank, Map::Type::U32, Map::Swizzle::None);
    t.map.elementStride = {1, 1, 1, 1, 1};
    std::array<int32_t, 5> c = {};
    for (unsigned d = 0; d < rank; ++d)
      c[d] = int32_t(rng() % (t.map.size[d] + 1));
    unsigned n = boxBytesOf(t.map);
    std::vector<uint8_t> image(n);
    for (uint8_t &b : image)
      b = uint8_t(rng());
    std::string dim = std::to_string(rank) + "d", hint = "mov.b64 %rd9, 0x12F0000000000000;\n", at = " [%rd2, " + coords(rank) + "]";
    auto policy = [](const std::string &word) { return word.find("cache_hint") == std::string::npos ? "" : ", %rd9"; };
    auto value = [](const std::vector<uint8_t> &bytes, uint64_t i) {
      uint32_t v;
      memcpy(&v, &bytes[i], 4);
      return v;
    };
    std::vector<std::string> loads = expand("(shared::cluster|shared::cta).global(|.tile).mbarrier::complete_tx::bytes(|.L2::cache_hint)");
    for (const std::string &word : expand("shared::cluster.global(|.tile).mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint)"))
      loads.push_back(word);
    for (const std::string &word : loads) {
      std::string body = loadBody(t.map, "shared::cluster"), mask = word.find("multicast") == std::string::npos ? "" : ", %h1";
      size_t from = body.find("cp.async"), to = body.find(";\n", from);
      body.replace(from, to - from, "cp.async.bulk.tensor." + dim + "." + word + " [s+1024]," + at + ", [s]" + mask + policy(word));
      Outcome o = runBox(t, ".reg .b16 %h1; mov.b16 %h1, 1;\n" + hint + body, c, image, ++words);
      EXPECT_TRUE(o.report.findings.empty()) << dim << word << describe(o.report);
      forEachElement(t.map, c, [&](unsigned i, const std::array<int64_t, 5> &place) {
        ASSERT_EQ(value(o.image, 4 * i), t.inside(place) ? value(t.bytes, t.elementAt(place)) : 0) << dim << word << i;
      });
    }
    auto expectTensor = [&](const std::string &word, const std::function<uint32_t(uint32_t, uint32_t)> &f) {
      std::vector<uint8_t> want = t.bytes;
      forEachElement(t.map, c, [&](unsigned i, const std::array<int64_t, 5> &place) {
        if (!t.inside(place))
          return;
        uint32_t v = f(value(t.bytes, t.elementAt(place)), value(image, 4 * i));
        memcpy(&want[t.elementAt(place)], &v, 4);
      });
      std::string body = storeBody(t.map, word);
      size_t from = body.find("], [s+1024]") + 11;
      Outcome o = runBox(t, hint + body.insert(from, policy(word)), c, image, ++words);
      EXPECT_TRUE(o.report.findings.empty()) << word << describe(o.report);
      EXPECT_TRUE(o.tensor == want) << word;
    };
    for (const std::string &word : expand("cp.async.bulk.tensor." + dim + ".global.shared::cta(|.tile).bulk_group(|.L2::cache_hint)"))
      expectTensor(word, [](uint32_t, uint32_t b) { return b; });
    for (const std::string &op : expand("(add|min|max|inc|dec|and|or|xor)"))
      for (const std::string &word : expand("cp.reduce.async.bulk.tensor." + dim + ".global.shared::cta." + op + "(|.tile).bulk_group(|.L2::cache_hint)"))
        expectTensor(word, [&](uint32_t a, uint32_t b) { return uint32_t(reduced(op, Map::Type::U32, a, b)); });
    // A prefetch moves nothing that a program could see; of no map there is none.
    for (const std::string &word : expand("cp.async.bulk.prefetch.tensor." + dim + ".L2.global(|.tile)(|.L2::cache_hint)")) {
      std::string prefetch = hint + "@%p1 " + word + at + policy(word) + ";\n";
      Outcome o = runBox(t, prefetch, c, image, ++words);
      EXPECT_TRUE(o.report.findings.empty()) << word << describe(o.report);
      EXPECT_TRUE(o.tensor == t.bytes && o.image == image) << word;
      o = runBox(t, "mov.b64 %rd2, %rd3;\n" + prefetch, c, image, words);
      EXPECT_TRUE(has(o.report, "TK-SIM-TENSORMAP")) << word << describe(o.report);
    }
  }
  EXPECT_EQ(words, 5 * (12 + 4 + 32 + 4));
}

} // namespace
