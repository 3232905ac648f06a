// Clusters: reductions, histograms and scans through distributed shared memory, remote mbarriers, multicast.
// README.md says how clusters.ptx is made.
#include "hopper.h"
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>

namespace cg = cooperative_groups;

/// Each cluster of four sums a row: every block its part, the first one adds the parts of its peers.
extern "C" __global__ void __cluster_dims__(4, 1, 1) sum_rows(const float *in, float *out, int columns) {
  __shared__ float part;
  auto cluster = cg::this_cluster();
  auto block = cg::this_thread_block();
  auto warp = cg::tiled_partition<32>(block);
  __shared__ float warps[4];
  const float *row = in + blockIdx.x / 4 * columns;
  float v = 0;
  for (int i = cluster.thread_rank(); i < columns; i += cluster.num_threads())
    v += row[i];
  v = cg::reduce(warp, v, cg::plus<float>());
  if (warp.thread_rank() == 0)
    warps[warp.meta_group_rank()] = v;
  block.sync();
  if (block.thread_rank() == 0)
    part = warps[0] + warps[1] + warps[2] + warps[3];
  cluster.sync();
  if (cluster.block_rank() == 0 && block.thread_rank() < cluster.num_blocks()) {
    auto some = cg::coalesced_threads();
    v = *cluster.map_shared_rank(&part, block.thread_rank());
    v = cg::reduce(some, v, cg::plus<float>());
    if (some.thread_rank() == 0)
      out[blockIdx.x / 4] = v;
  }
  cluster.sync(); // Nobody leaves while its shared memory is read.
}

/// Softmax of a row by a cluster whose size the launch says: maximum and sum go to all blocks.
extern "C" __global__ void softmax_rows(const float *in, float *out, int columns) {
  extern __shared__ float mine[];
  __shared__ float most, sum, warps[8];
  auto cluster = cg::this_cluster();
  auto block = cg::this_thread_block();
  auto warp = cg::tiled_partition<32>(block);
  int blocks = cluster.num_blocks(), each = columns / blocks, t = threadIdx.x;
  const float *from = in + blockIdx.y * columns + cluster.block_rank() * each;
  auto reduce = [&](float v, auto op, float *result) {
    v = cg::reduce(warp, v, op);
    block.sync();
    if (warp.thread_rank() == 0)
      warps[warp.meta_group_rank()] = v;
    block.sync();
    if (t == 0) {
      for (int w = 1; w < block.size() / 32; ++w)
        v = op(v, warps[w]);
      *result = v;
    }
    cluster.sync();
    v = *cluster.map_shared_rank(result, 0);
    for (int b = 1; b < blocks; ++b)
      v = op(v, *cluster.map_shared_rank(result, b));
    return v;
  };
  float v = -INFINITY;
  for (int i = t; i < each; i += block.size())
    v = fmaxf(v, mine[i] = from[i]);
  float top = reduce(v, cg::greater<float>(), &most);
  v = 0;
  for (int i = t; i < each; i += block.size())
    v += mine[i] = __expf(mine[i] - top);
  float all = reduce(v, cg::plus<float>(), &sum);
  for (int i = t; i < each; i += block.size())
    out[blockIdx.y * columns + cluster.block_rank() * each + i] = mine[i] / all;
  cluster.sync();
}

/// Bins spread over the blocks: remote atomics. As in the CUDA programming guide.
extern "C" __global__ void histogram(const int *in, int n, int *bins, int each) {
  extern __shared__ int local[];
  auto cluster = cg::this_cluster();
  for (int i = threadIdx.x; i < each; i += blockDim.x)
    local[i] = 0;
  cluster.sync();
  for (int i = cg::this_grid().thread_rank(); i < n; i += blockDim.x * gridDim.x)
    atomicAdd(cluster.map_shared_rank(local, in[i] / each) + in[i] % each, 1);
  cluster.sync();
  for (int i = threadIdx.x; i < each; i += blockDim.x)
    atomicAdd(bins + cluster.block_rank() * each + i, local[i]);
}

/// A ring of four blocks: each writes into the next one's slot and arrives at its mbarrier; two slots, which are answered.
extern "C" __global__ void __cluster_dims__(4, 1, 1) ring(int *out, int rounds) {
  __shared__ int slot[2][64];
  __shared__ uint64_t full[2], empty[2];
  auto cluster = cg::this_cluster();
  int rank = cluster.block_rank(), next = (rank + 1) % 4, before = (rank + 3) % 4, t = threadIdx.x, v = rank * 100 + t;
  if (t == 0) {
    for (int i = 0; i < 2; ++i) {
      init(full + i, 64);
      init(empty + i, 64);
    }
    publish_inits();
  }
  cluster.sync();
  for (int r = 0; r < rounds; ++r) {
    int s = r % 2, parity = r / 2 & 1;
    wait_cluster(empty + s, parity ^ 1); // The next one has taken what was there.
    cluster.map_shared_rank(slot[s], next)[t] = v;
    arrive_at(full + s, next);
    wait_cluster(full + s, parity);
    v = slot[s][(t + 1) % 64] + 1;
    arrive_at(empty + s, before);
  }
  out[blockIdx.x * 64 + t] = v;
  cluster.sync();
}

/// Halves of a tile to both blocks; each block multiplies it with its own factor.
extern "C" __global__ void __cluster_dims__(2, 1, 1) broadcast(const __grid_constant__ CUtensorMap in, float *out) {
  __shared__ alignas(128) float tile[16 * 32];
  __shared__ uint64_t bar;
  auto cluster = cg::this_cluster();
  int rank = cluster.block_rank();
  if (threadIdx.x == 0) {
    init(&bar, 1);
    publish_inits();
  }
  cluster.sync();
  if (threadIdx.x == 0) {
    expect(&bar, sizeof tile);
    multicast(tile + rank * 256, in, &bar, 3, int(blockIdx.x / 2) * 32, rank * 8);
  }
  wait(&bar, 0);
  for (int i = threadIdx.x; i < 512; i += blockDim.x)
    out[blockIdx.x * 512 + i] = tile[i] * (rank + 1);
  cluster.sync();
}

/// Rank 0 copies what it has to its peers, who wait for the bytes.
extern "C" __global__ void __cluster_dims__(3, 1, 1) spread(const int *in, int *out) {
  __shared__ alignas(16) int tile[128];
  __shared__ uint64_t bar;
  auto cluster = cg::this_cluster();
  int t = threadIdx.x, rank = cluster.block_rank();
  if (t == 0) {
    init(&bar, 1);
    publish_inits();
    if (rank)
      expect(&bar, sizeof tile);
  }
  if (rank == 0)
    tile[t] = 3 * in[t] + blockIdx.x;
  proxy_fence();
  cluster.sync();
  if (rank == 0 && t > 0 && t < 3)
    asm volatile("{\n.reg .b32 to, at;\nmapa.shared::cluster.u32 to, %0, %1;\nmapa.shared::cluster.u32 at, %2, %1;\n"
                 "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [to], [%0], 512, [at];\n}" ::"r"(shared(tile)),
                 "r"(t), "r"(shared(&bar))
                 : "memory");
  if (rank)
    wait(&bar, 0);
  out[blockIdx.x * 128 + t] = tile[t];
  cluster.sync();
}
