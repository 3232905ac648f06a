// Reductions and scans: of warps, blocks and grids, by shuffles, shared memory, atomics, flags and cooperative groups.
// README.md says how reduce.ptx is made.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>

namespace cg = cooperative_groups;

//===--- One warp, one block ---------------------------------------------===//

__device__ float warp_sum(float v) {
  for (int k = 16; k; k /= 2)
    v += __shfl_xor_sync(~0u, v, k);
  return v;
}

/// Sums by redux.sync, by shuffles and of a half of each warp alone.
extern "C" __global__ void warps(const int *in, int *sums, int *least, unsigned *bits, float *floats, int *halves) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  int sum = __reduce_add_sync(~0u, in[i]), low = __reduce_min_sync(~0u, in[i]);
  unsigned all = __reduce_or_sync(~0u, unsigned(in[i]));
  float real = warp_sum(0.5f * in[i]);
  int half = in[i];
  unsigned mask = lane < 16 ? 0xffff : 0xffff0000;
  if (lane < 16)
    half = __reduce_add_sync(mask, half);
  else
    half = __reduce_max_sync(mask, half);
  if (lane == 0) {
    sums[i / 32] = sum;
    least[i / 32] = low;
    bits[i / 32] = all;
    floats[i / 32] = real;
  }
  if (lane % 16 == 0)
    halves[i / 16] = half;
}

/// The tree in shared memory as every tutorial has it, down to one warp.
extern "C" __global__ void tree(const float *in, int n, float *out) {
  extern __shared__ float part[];
  int t = threadIdx.x;
  float v = 0;
  for (int i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x)
    v += in[i];
  part[t] = v;
  __syncthreads();
  for (int k = blockDim.x / 2; k > 32; k /= 2) {
    if (t < k)
      part[t] += part[t + k];
    __syncthreads();
  }
  if (t < 32) {
    v = part[t] + part[t + 32];
    v = warp_sum(v);
    if (t == 0)
      out[blockIdx.x] = v;
  }
}

struct Best {
  float value;
  int index;
};
__device__ Best better(Best a, Best b) {
  return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}
/// The place of the largest number of each row, the first of equals; a block of any number of warps to a row.
extern "C" __global__ void argmax(const float *in, int columns, int *out) {
  __shared__ Best part[32];
  const float *row = in + blockIdx.x * columns;
  Best best = {-INFINITY, 0x7fffffff};
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    best = better(best, {row[i], i});
  for (int k = 16; k; k /= 2)
    best = better(best, {__shfl_down_sync(~0u, best.value, k), __shfl_down_sync(~0u, best.index, k)});
  if (threadIdx.x % 32 == 0)
    part[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < blockDim.x / 32; ++w)
      best = better(best, part[w]);
    out[blockIdx.x] = best.index;
  }
}

//===--- A grid ----------------------------------------------------------===//

__device__ void atomic_max(float *at, float v) {
  int *bits = reinterpret_cast<int *>(at), old = *reinterpret_cast<volatile int *>(at), seen;
  do {
    seen = old;
    if (__int_as_float(seen) >= v)
      return;
    old = atomicCAS(bits, seen, __float_as_int(v));
  } while (old != seen);
}

/// One atomic operation of each warp or thread.
extern "C" __global__ void atomics(const float *in, int n, float *sum, double *wide, float *most, unsigned long long *count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float v = i < n ? in[i] : 0, s = warp_sum(v);
  if (threadIdx.x % 32 == 0) {
    atomicAdd(sum, s);
    atomicAdd(wide, double(s));
  }
  if (i < n && v > 2) {
    atomicAdd(count, 1ull);
    atomic_max(most, v);
  }
}

__device__ unsigned arrived;
/// Each block leaves a sum, the last one adds them: __threadfence and an atomic counter that wraps to zero.
extern "C" __global__ void last_block(const float *in, int n, float *partial, float *out) {
  __shared__ float part[8];
  __shared__ bool last;
  int t = threadIdx.x;
  float v = 0;
  for (int i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x)
    v += in[i];
  v = warp_sum(v);
  if (t % 32 == 0)
    part[t / 32] = v;
  __syncthreads();
  if (t == 0) {
    for (int w = 1; w < 8; ++w)
      v += part[w];
    partial[blockIdx.x] = v;
    __threadfence();
    last = atomicInc(&arrived, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last)
    return;
  __threadfence();
  if (t < 32) {
    v = 0;
    for (int b = t; b < gridDim.x; b += 32)
      v += partial[b];
    v = warp_sum(v);
    if (t == 0)
      *out = v;
  }
}

//===--- Cooperative groups ----------------------------------------------===//

extern "C" __global__ void groups(const int *in, int *sums, int *scans, int *odd, int *labels) {
  auto block = cg::this_thread_block();
  auto eight = cg::tiled_partition<8>(block);
  int i = blockIdx.x * blockDim.x + block.thread_rank(), v = in[i];
  int sum = cg::reduce(eight, v, cg::plus<int>());
  scans[i] = cg::exclusive_scan(eight, v, cg::plus<int>());
  if (eight.thread_rank() == 0)
    sums[i / 8] = sum;
  odd[i] = 0;
  if (v % 2) {
    auto here = cg::coalesced_threads();
    odd[i] = cg::reduce(here, v, cg::greater<int>()) * 64 + here.size();
  }
  auto alike = cg::labeled_partition(cg::tiled_partition<32>(block), v % 3);
  labels[i] = cg::reduce(alike, v, cg::plus<int>());
}

//===--- Scans -----------------------------------------------------------===//

__device__ int padded(int i) { return i + i / 32; }
/// Blelloch's: up and down a tree in shared memory, two numbers to a thread.
extern "C" __global__ void blelloch(const int *in, int *out) {
  extern __shared__ int tree_[];
  int t = threadIdx.x, n = 2 * blockDim.x, base = n * blockIdx.x;
  tree_[padded(t)] = in[base + t];
  tree_[padded(t + n / 2)] = in[base + t + n / 2];
  int offset = 1;
  for (int d = n / 2; d; d /= 2, offset *= 2) {
    __syncthreads();
    if (t < d)
      tree_[padded(offset * (2 * t + 2) - 1)] += tree_[padded(offset * (2 * t + 1) - 1)];
  }
  if (t == 0)
    tree_[padded(n - 1)] = 0;
  for (int d = 1; d < n; d *= 2) {
    offset /= 2;
    __syncthreads();
    if (t < d) {
      int a = padded(offset * (2 * t + 1) - 1), b = padded(offset * (2 * t + 2) - 1), left = tree_[a];
      tree_[a] = tree_[b];
      tree_[b] += left;
    }
  }
  __syncthreads();
  out[base + t] = tree_[padded(t)];
  out[base + t + n / 2] = tree_[padded(t + n / 2)];
}

__device__ int block_scan(int v, int *part, int *total) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int k = 1; k < 32; k *= 2) {
    int left = __shfl_up_sync(~0u, v, k);
    if (lane >= k)
      v += left;
  }
  if (lane == 31)
    part[warp] = v;
  __syncthreads();
  int before = 0;
  *total = 0;
  for (int w = 0; w < blockDim.x / 32; ++w) {
    before += w < warp ? part[w] : 0;
    *total += part[w];
  }
  return v + before;
}

/// One pass over the input with decoupled look-back: each block publishes its own sum, then looks at those before it until
/// one has published the sum of all up to it. State and sum are one word of 64 bits, so no fence is needed.
extern "C" __global__ void look_back(const int *in, int n, int *out, unsigned *next, unsigned long long *states) {
  __shared__ int part[8], tile, before;
  if (threadIdx.x == 0)
    tile = atomicAdd(next, 1);
  __syncthreads();
  int i = tile * blockDim.x + threadIdx.x, total, v = block_scan(i < n ? in[i] : 0, part, &total);
  if (threadIdx.x == 0) {
    auto publish = [&](unsigned long long state, int sum) { atomicExch(states + tile, state << 32 | unsigned(sum)); };
    int sum = 0;
    if (tile > 0) {
      publish(1, total);
      for (int k = tile - 1;;) {
        unsigned long long seen = *static_cast<volatile unsigned long long *>(states + k);
        if (seen >> 32 == 0)
          continue;
        sum += int(unsigned(seen));
        if (seen >> 32 == 2)
          break;
        --k;
      }
    }
    publish(2, sum + total);
    before = sum;
  }
  __syncthreads();
  if (i < n)
    out[i] = before + v;
}

/// The same with values beside their flags, a fence between, and a whole warp that looks back over 32 blocks at once.
extern "C" __global__ void look_back_warp(const int *in, int n, int *out, unsigned *next, volatile int *flags, int *own, int *all) {
  __shared__ int part[8], tile, before;
  if (threadIdx.x == 0)
    tile = atomicAdd(next, 1);
  __syncthreads();
  int i = tile * blockDim.x + threadIdx.x, total, v = block_scan(i < n ? in[i] : 0, part, &total);
  if (threadIdx.x < 32) {
    int lane = threadIdx.x, sum = 0;
    if (lane == 0) {
      own[tile] = total;
      __threadfence();
      flags[tile] = 1;
    }
    __syncwarp();
    for (int top = tile - 1; top >= 0; top -= 32) {
      int k = top - lane, flag = 2, value = 0;
      if (k >= 0) {
        while ((flag = flags[k]) == 0)
          ;
        __threadfence();
        value = flag == 2 ? __ldcg(all + k) : __ldcg(own + k);
      }
      unsigned done = __ballot_sync(~0u, flag == 2);
      sum += __reduce_add_sync(~0u, done && lane > __ffs(done) - 1 ? 0 : value);
      if (done)
        break;
    }
    if (lane == 0) {
      all[tile] = sum + total;
      __threadfence();
      flags[tile] = 2;
      before = sum;
    }
  }
  __syncthreads();
  if (i < n)
    out[i] = before + v;
}
