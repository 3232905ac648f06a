// What CUDA C++ has no name for, as CUTLASS and the CUDA guide write it. For hopper.cu and clusters.cu.
#pragma once
#include <cstdint>
#include <cuda.h>

__device__ inline uint32_t shared(const void *p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }
__device__ inline const void *generic(const CUtensorMap &map) { return &map; }

//===--- mbarriers -------------------------------------------------------===//

__device__ inline void init(uint64_t *bar, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared(bar)), "r"(count) : "memory");
}
__device__ inline void publish_inits() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ inline void expect(uint64_t *bar, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared(bar)), "r"(bytes) : "memory");
}
__device__ inline void arrive(uint64_t *bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared(bar)) : "memory");
}
/// At the barrier of the same place in another block of the cluster.
__device__ inline void arrive_at(uint64_t *bar, int rank) {
  asm volatile("{\n.reg .b32 remote;\n"
               "mapa.shared::cluster.u32 remote, %0, %1;\n"
               "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n}" ::"r"(shared(bar)),
               "r"(rank)
               : "memory");
}
__device__ inline void wait(uint64_t *bar, int parity) {
  asm volatile("{\n.reg .pred p;\nagain:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
               "@p bra done;\nbra again;\ndone:\n}" ::"r"(shared(bar)),
               "r"(parity)
               : "memory");
}
__device__ inline void wait_cluster(uint64_t *bar, int parity) {
  asm volatile("{\n.reg .pred p;\nagain:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n"
               "@p bra done;\nbra again;\ndone:\n}" ::"r"(shared(bar)),
               "r"(parity)
               : "memory");
}
__device__ inline void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
__device__ inline void named_barrier(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
__device__ inline bool elect() {
  uint32_t chosen;
  asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.b32 %0, 1, 0, p;\n}" : "=r"(chosen));
  return chosen;
}

//===--- The copy engine -------------------------------------------------===//

#define TMA(RANK, COORDS, ...)                                                                                         \
  __device__ inline void load(void *to, const CUtensorMap &map, uint64_t *bar, __VA_ARGS__) {                          \
    asm volatile("cp.async.bulk.tensor." #RANK "d.shared::cluster.global.mbarrier::complete_tx::bytes "                \
                 "[%0], [%1, {" COORDS "}], [%2];" ::"r"(shared(to)),                                                  \
                 "l"(generic(map)), "r"(shared(bar)), TMA_##RANK                                                       \
                 : "memory");                                                                                          \
  }                                                                                                                    \
  __device__ inline void store(const CUtensorMap &map, const void *from, __VA_ARGS__) {                                \
    asm volatile("cp.async.bulk.tensor." #RANK "d.global.shared::cta.bulk_group [%1, {" COORDS "}], [%0];" ::"r"(      \
                     shared(from)),                                                                                    \
                 "l"(generic(map)), "r"(0), TMA_##RANK                                                                 \
                 : "memory");                                                                                          \
  }
#define TMA_1 "r"(c0)
#define TMA_2 TMA_1, "r"(c1)
#define TMA_3 TMA_2, "r"(c2)
#define TMA_4 TMA_3, "r"(c3)
#define TMA_5 TMA_4, "r"(c4)
TMA(1, "%3", int c0)
TMA(2, "%3, %4", int c0, int c1)
TMA(3, "%3, %4, %5", int c0, int c1, int c2)
TMA(4, "%3, %4, %5, %6", int c0, int c1, int c2, int c3)
TMA(5, "%3, %4, %5, %6, %7", int c0, int c1, int c2, int c3, int c4)

/// To the same place of each block of the cluster whose bit is set in `mask`.
__device__ inline void multicast(void *to, const CUtensorMap &map, uint64_t *bar, uint16_t mask, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1, {%3, %4}], [%2], %5;" ::"r"(shared(to)),
               "l"(generic(map)), "r"(shared(bar)), "r"(c0), "r"(c1), "h"(mask)
               : "memory");
}
__device__ inline void add(const CUtensorMap &map, const void *from, int c0, int c1) {
  asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.bulk_group [%0, {%2, %3}], [%1];" ::"l"(generic(map)),
               "r"(shared(from)), "r"(c0), "r"(c1)
               : "memory");
}
__device__ inline void commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int N> __device__ inline void wait_read() { asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory"); }
template <int N> __device__ inline void wait_written() { asm volatile("cp.async.bulk.wait_group %0;" ::"n"(N) : "memory"); }

//===--- wgmma -----------------------------------------------------------===//

/// K-major, 128-byte swizzle: rows of 128 bytes, eight of them to an atom.
__device__ inline uint64_t descriptor(const void *tile) {
  return (uint64_t(shared(tile)) & 0x3ffff) >> 4 | uint64_t(1) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;
}
/// K-major without a swizzle: 8 rows of 16 bytes; `next_k` and `next_rows` bytes on are the next 16 bytes of K, 8 rows.
__device__ inline uint64_t descriptor_plain(const void *tile, int next_k, int next_rows) {
  return (uint64_t(shared(tile)) & 0x3ffff) >> 4 | uint64_t(next_k >> 4) << 16 | uint64_t(next_rows >> 4) << 32;
}
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ inline void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }

__device__ inline void wgmma_64x64x16(float (&d)[32], uint64_t a, uint64_t b, int keep) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
      "%32, %33, p, 1, 1, 0, 0;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]),
        "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]),
        "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]),
        "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
      : "l"(a), "l"(b), "r"(keep));
}
