// Hopper's own: TMA copies of every rank, bulk copies and reductions, wgmma products, a persistent matrix product with
// producer and consumers in the manner of CUTLASS, alone and in clusters. README.md says how hopper.ptx is made.
#include "hopper.h"
#include <cuda_bf16.h>

//===--- Copies ----------------------------------------------------------===//

// Loads a box, adds 1 to its numbers, stores it to the same place of another tensor.
#define COPY(RANK, BOX, ...)                                                                                           \
  extern "C" __global__ void tma_##RANK##d(const __grid_constant__ CUtensorMap in, const __grid_constant__ CUtensorMap out) { \
    __shared__ alignas(128) float box[BOX];                                                                            \
    __shared__ uint64_t bar;                                                                                           \
    if (threadIdx.x == 0) {                                                                                            \
      init(&bar, 1);                                                                                                   \
      publish_inits();                                                                                                 \
    }                                                                                                                  \
    __syncthreads();                                                                                                   \
    if (threadIdx.x == 0) {                                                                                            \
      expect(&bar, BOX * 4);                                                                                           \
      load(box, in, &bar, __VA_ARGS__);                                                                                \
    }                                                                                                                  \
    wait(&bar, 0);                                                                                                     \
    for (int i = threadIdx.x; i < BOX; i += blockDim.x)                                                                \
      box[i] += 1;                                                                                                     \
    proxy_fence();                                                                                                     \
    __syncthreads();                                                                                                   \
    if (threadIdx.x == 0) {                                                                                            \
      store(out, box, __VA_ARGS__);                                                                                    \
      commit();                                                                                                        \
      wait_read<0>();                                                                                                  \
    }                                                                                                                  \
  }
#define B(axis, size) int(blockIdx.axis * size)
COPY(1, 64, B(x, 64))
COPY(2, 32 * 4, B(x, 32), B(y, 4))
COPY(3, 8 * 4 * 3, B(x, 8), B(y, 4), B(z, 3))
COPY(4, 8 * 4 * 3 * 2, B(x, 8), B(y, 4), B(z, 3), 0)
COPY(5, 4 * 4 * 3 * 2 * 2, B(x, 4), B(y, 4), B(z, 3), 0, 1)

/// Many boxes through a ring of two, 128-byte swizzle: the transpose of 32x32 floats without a bank conflict.
extern "C" __global__ void tma_transpose(const __grid_constant__ CUtensorMap in, const __grid_constant__ CUtensorMap out, int columns) {
  __shared__ alignas(1024) float from[2][1024], to[2][1024];
  __shared__ uint64_t full[2];
  int t = threadIdx.x, boxes = columns / 32; // 256 threads
  if (t == 0) {
    init(full, 1);
    init(full + 1, 1);
    publish_inits();
  }
  __syncthreads();
  auto start = [&](int i) {
    expect(full + i % 2, 4096);
    load(from[i % 2], in, full + i % 2, 32 * i, 32 * int(blockIdx.x));
  };
  if (t == 0)
    for (int i = 0; i < 2 && i < boxes; ++i)
      start(i);
  auto at = [](int row, int column) { return row * 32 + (column ^ (row & 7) << 2); };
  for (int i = 0; i < boxes; ++i) {
    if (t == 0)
      wait_read<1>();
    __syncthreads();
    wait(full + i % 2, i / 2 & 1);
    for (int k = t; k < 1024; k += 256)
      to[i % 2][at(k / 32, k % 32)] = from[i % 2][at(k % 32, k / 32)];
    proxy_fence();
    __syncthreads();
    if (t == 0) {
      store(out, to[i % 2], 32 * int(blockIdx.x), 32 * i);
      commit();
      if (i + 2 < boxes)
        start(i + 2);
    }
  }
  if (t == 0)
    wait_written<0>();
}

/// Plain bulk copies: a row in, its double out, and its sum with what is there.
extern "C" __global__ void bulk(const float *in, float *out, float *sum, int n) {
  extern __shared__ __align__(16) float row[];
  __shared__ uint64_t bar;
  if (threadIdx.x == 0) {
    init(&bar, 1);
    expect(&bar, 4 * n);
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared(row)),
                 "l"(in + blockIdx.x * n), "r"(4 * n), "r"(shared(&bar))
                 : "memory");
  }
  __syncthreads();
  wait(&bar, 0);
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    row[i] *= 2;
  proxy_fence();
  __syncthreads();
  if (threadIdx.x == 0) {
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(out + blockIdx.x * n), "r"(shared(row)), "r"(4 * n)
                 : "memory");
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(sum), "r"(shared(row)), "r"(4 * n)
                 : "memory");
    commit();
    wait_read<0>();
  }
}

/// Each block adds its box to the one sum.
extern "C" __global__ void tma_sum(const __grid_constant__ CUtensorMap in, const __grid_constant__ CUtensorMap sum) {
  __shared__ alignas(128) float box[256];
  __shared__ uint64_t bar;
  if (threadIdx.x < 32 && elect()) {
    init(&bar, 1);
    proxy_fence();
    expect(&bar, 1024);
    load(box, in, &bar, 16 * int(blockIdx.x), 0);
    wait(&bar, 0);
    add(sum, box, 0, 0);
    commit();
    wait_read<0>();
  }
}

//===--- wgmma by itself -------------------------------------------------===//

/// 64x8 = 64x32 times (8x32)^T in 8 bits or 64x16 in 16: operands without swizzle, written by ordinary stores.
template <class F> __device__ void small_product(const uint4 *a, const uint4 *b, uint4 (&as)[128], uint4 (&bs)[16], F product) {
  int t = threadIdx.x; // Chunks of 16 bytes: two to a row. First all of the first half.
  as[t % 2 * 64 + t / 2] = a[t];
  if (t < 16)
    bs[t % 2 * 8 + t / 2] = b[t];
  proxy_fence();
  __syncthreads();
  wgmma_fence();
  product(descriptor_plain(as, 1024, 128), descriptor_plain(bs, 128, 128));
  wgmma_commit();
  wgmma_wait<0>();
}
template <class T> __device__ void store_64x8(T *c, const T (&d)[4]) {
  int t = threadIdx.x, row = t / 32 * 16 + t % 32 / 4, column = t % 4 * 2;
  for (int i = 0; i < 4; ++i)
    c[(row + i / 2 * 8) * 8 + column + i % 2] = d[i];
}
#define SMALL(NAME, T, KIND, SHAPE, IMMEDIATES)                                                                        \
  extern "C" __global__ void NAME(const uint4 *a, const uint4 *b, T *c) {                                              \
    __shared__ uint4 as[128], bs[16];                                                                                  \
    T d[4];                                                                                                            \
    small_product(a, b, as, bs, [&](uint64_t x, uint64_t y) {                                                          \
      asm volatile("wgmma.mma_async.sync.aligned." SHAPE " {%0,%1,%2,%3}, %4, %5, 0" IMMEDIATES ";"                    \
                   : "=" KIND(d[0]), "=" KIND(d[1]), "=" KIND(d[2]), "=" KIND(d[3])                                    \
                   : "l"(x), "l"(y));                                                                                  \
    });                                                                                                                \
    store_64x8(c, d);                                                                                                  \
  }
SMALL(wgmma_f16, float, "f", "m64n8k16.f32.f16.f16", ", 1, 1, 0, 0")
SMALL(wgmma_minus, float, "f", "m64n8k16.f32.bf16.bf16", ", -1, 1, 0, 0")
SMALL(wgmma_tf32, float, "f", "m64n8k8.f32.tf32.tf32", ", 1, 1")
SMALL(wgmma_fp8, float, "f", "m64n8k32.f32.e4m3.e5m2", ", 1, 1")
SMALL(wgmma_int8, int, "r", "m64n8k32.s32.s8.u8", "")

/// A from registers, twice its product: the second group is issued before the first is waited for.
extern "C" __global__ void wgmma_registers(const __nv_bfloat162 *a, const uint4 *b, float *c) {
  __shared__ uint4 bs[16];
  int t = threadIdx.x, row = t / 32 * 16 + t % 32 / 4;
  const uint32_t *words = reinterpret_cast<const uint32_t *>(a);
  uint32_t r[4];
  for (int i = 0; i < 4; ++i)
    r[i] = words[(row + i % 2 * 8) * 8 + i / 2 * 4 + t % 4];
  if (t < 16)
    bs[t % 2 * 8 + t / 2] = b[t];
  proxy_fence();
  __syncthreads();
  float d[2][4] = {};
  uint64_t y = descriptor_plain(bs, 128, 128);
  for (float(&half)[4] : d)
    for (float &x : half)
      asm volatile("" : "+f"(x)::"memory"); // Else the zeros come behind the fence, which TK-SIM-WGMMA-FENCE tells.
  wgmma_fence();
  for (int i = 0; i < 2; ++i) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0,%1,%2,%3}, {%4,%5,%6,%7}, %8, 1, 1, 1, 0;"
                 : "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
                 : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "l"(y));
    wgmma_commit();
  }
  wgmma_wait<1>();
  store_64x8(c, d[0]);
  wgmma_wait<0>();
  store_64x8(c + 512, d[1]);
}

//===--- A matrix product with producer and consumers --------------------===//

constexpr int kStages = 3, kRows = 128, kColumns = 64, kDepth = 64;
struct alignas(1024) Tiles {
  __nv_bfloat16 a[kStages][kRows * kDepth], b[kStages][kColumns * kDepth], c[2][64 * kColumns];
  uint64_t full[kStages], empty[kStages];
};

__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

/// C = A B^T of bfloat16, 128x64 to a block and step. A cluster's blocks lie one below the other and share B: each loads
/// its part for all. Warpgroup 0 produces, the other two have 64 rows each.
template <int Cluster>
__device__ void product(const CUtensorMap &a, const CUtensorMap &b, const CUtensorMap &c, int tiles_m, int tiles_n, int steps) {
  extern __shared__ __align__(1024) unsigned char dynamic[];
  Tiles &s = *reinterpret_cast<Tiles *>(dynamic);
  int group = threadIdx.x / 128, rank = 0;
  if (Cluster > 1)
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0) {
    for (int i = 0; i < kStages; ++i) {
      init(s.full + i, 1);
      init(s.empty + i, 2 * Cluster);
    }
    publish_inits();
  }
  if (Cluster > 1)
    cluster_sync();
  else
    __syncthreads();
  int first = blockIdx.x / Cluster, stride = gridDim.x / Cluster, tiles = tiles_m / Cluster * tiles_n, stage = 0, phase = 0;
  auto advance = [&] {
    if (++stage == kStages) {
      stage = 0;
      phase ^= 1;
    }
  };
  if (group == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x < 32 && elect())
      for (int tile = first; tile < tiles; tile += stride) {
        int row = (tile / tiles_n * Cluster + rank) * kRows, column = tile % tiles_n * kColumns;
#pragma unroll 1
        for (int k = 0; k < steps; ++k) {
          wait_cluster(s.empty + stage, phase ^ 1);
          expect(s.full + stage, (kRows + kColumns) * kDepth * 2);
          load(s.a[stage], a, s.full + stage, k * kDepth, row);
          constexpr int part = kColumns / Cluster;
          if (Cluster > 1)
            multicast(s.b[stage] + rank * part * kDepth, b, s.full + stage, (1 << Cluster) - 1, k * kDepth, column + rank * part);
          else
            load(s.b[stage], b, s.full + stage, k * kDepth, column);
          advance();
        }
      }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    int mine = group - 1, t = threadIdx.x % 128, lane = t % 32;
    for (int tile = first; tile < tiles; tile += stride) {
      float d[32];
#pragma unroll 1
      for (int k = 0; k < steps; ++k) {
        wait(s.full + stage, phase);
        uint64_t x = descriptor(s.a[stage] + mine * 64 * kDepth), y = descriptor(s.b[stage]);
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i)
          wgmma_64x64x16(d, x + 2 * i, y + 2 * i, k || i);
        wgmma_commit();
        wgmma_wait<0>();
        if (t < Cluster)
          if (Cluster > 1)
            arrive_at(s.empty + stage, t);
          else
            arrive(s.empty + stage);
        advance();
      }
      // Out through shared memory, of which each warpgroup has a part, and the copy engine.
      if (t == 0)
        wait_read<0>();
      named_barrier(1 + mine, 128);
      for (int j = 0; j < 8; j += 2) {
        __nv_bfloat162 v[4];
        for (int i = 0; i < 4; ++i)
          v[i] = __floats2bfloat162_rn(d[4 * j + 2 * i], d[4 * j + 2 * i + 1]);
        auto *r = reinterpret_cast<uint32_t *>(v);
        int row = t / 32 * 16 + lane % 16, chunk = j + lane / 16;
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(
                         shared(s.c[mine]) + row * 128 + (chunk ^ row & 7) * 16),
                     "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
                     : "memory");
      }
      proxy_fence();
      named_barrier(1 + mine, 128);
      if (t == 0) {
        store(c, s.c[mine], tile % tiles_n * kColumns, (tile / tiles_n * Cluster + rank) * kRows + mine * 64);
        commit();
      }
    }
    if (t == 0)
      wait_read<0>();
  }
  if (Cluster > 1)
    cluster_sync();
}

extern "C" __global__ void __launch_bounds__(384, 1)
    gemm(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b, const __grid_constant__ CUtensorMap c, int tiles_m,
         int tiles_n, int steps) {
  product<1>(a, b, c, tiles_m, tiles_n, steps);
}
extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(384, 1)
    gemm_cluster(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b, const __grid_constant__ CUtensorMap c,
                 int tiles_m, int tiles_n, int steps) {
  product<2>(a, b, c, tiles_m, tiles_n, steps);
}
