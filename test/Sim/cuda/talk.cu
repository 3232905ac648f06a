// Blocks that talk: grid barriers, flags, locks, queues, stream-K; cuda::atomic_ref, cuda::barrier, cuda::pipeline.
// README.md says how talk.ptx is made.
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/pipeline>
#include <cuda/std/array>

namespace cg = cooperative_groups;
using Device = cuda::atomic_ref<int, cuda::thread_scope_device>;
using Block = cuda::atomic_ref<int, cuda::thread_scope_block>;

//===--- All blocks meet -------------------------------------------------===//

/// A barrier of our own: a counter, and the number of the round.
__device__ void meet(int *state) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    volatile int *round = state + 1;
    int before = *round;
    if (atomicAdd(state, 1) == gridDim.x - 1) {
      *reinterpret_cast<volatile int *>(state) = 0;
      __threadfence();
      *round = before + 1;
    } else
      while (*round == before)
        ;
    __threadfence();
  }
  __syncthreads();
}

/// Steps of a diffusion on a ring, two buffers, every step with all blocks.
extern "C" __global__ void diffuse(float *a, float *b, int n, int steps, int *state) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  for (int s = 0; s < steps; ++s) {
    if (i < n)
      b[i] = 0.5f * a[i] + 0.25f * (a[(i + 1) % n] + a[(i + n - 1) % n]);
    meet(state);
    float *swap = a;
    a = b;
    b = swap;
  }
}

/// The same with cuda::atomic_ref, and a counter that only grows.
extern "C" __global__ void diffuse_atomics(float *a, float *b, int n, int steps, unsigned *state) {
  cuda::atomic_ref<unsigned, cuda::thread_scope_device> arrived(*state);
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  for (int s = 0; s < steps; ++s) {
    if (i < n)
      b[i] = 0.5f * a[i] + 0.25f * (a[(i + 1) % n] + a[(i + n - 1) % n]);
    __syncthreads();
    if (threadIdx.x == 0) {
      unsigned mine = arrived.fetch_add(1, cuda::memory_order_acq_rel) / gridDim.x;
      while (arrived.load(cuda::memory_order_acquire) / gridDim.x == mine)
        __nanosleep(20);
    }
    __syncthreads();
    float *swap = a;
    a = b;
    b = swap;
  }
}

//===--- Flags -----------------------------------------------------------===//

/// Stream-K: blocks take equal shares of all k-steps of all tiles; who does not have the last step of a tile leaves its sums
/// and a flag, who has it waits for those before it.
extern "C" __global__ void stream_k(const float *a, const float *b, float *c, int tiles, int k, float *partial, int *flags) {
  int steps = k / 8, all = tiles * steps, share = (all + gridDim.x - 1) / gridDim.x, t = threadIdx.x; // 16x16 threads
  int x = t % 16, y = t / 16, begin = blockIdx.x * share, end = min(begin + share, all);
  while (begin < end) {
    int tile = begin / steps, first = begin % steps, last = min(steps, first + end - begin);
    float sum = 0;
    for (int i = first * 8; i < last * 8; ++i)
      sum += a[(tile * 16 + y) * k + i] * b[i * 16 + x];
    if (last < steps) {
      partial[blockIdx.x * 256 + t] = sum;
      __threadfence();
      __syncthreads();
      if (t == 0)
        Device(flags[blockIdx.x]).store(1, cuda::memory_order_release);
    } else {
      for (int other = blockIdx.x - 1, from = begin - first; from < begin && other >= 0 && other >= from / share; --other) {
        if (t == 0)
          while (Device(flags[other]).load(cuda::memory_order_acquire) == 0)
            ;
        __syncthreads();
        sum += partial[other * 256 + t];
      }
      c[tile * 256 + t] = sum;
    }
    begin += last - first;
  }
}

/// A chain: each block takes what the one before has sent and sends on, several messages through one slot, which is
/// answered. Fences and relaxed operations.
extern "C" __global__ void chain(int *slots, int *full, int *out, int messages) {
  int me = blockIdx.x, t = threadIdx.x;
  for (int m = 0; m < messages; ++m) {
    int v = 100 * m + t;
    if (me > 0) {
      if (t == 0) {
        while (Device(full[me - 1]).load(cuda::memory_order_relaxed) != 1)
          ;
        cuda::atomic_thread_fence(cuda::memory_order_acquire, cuda::thread_scope_device);
      }
      __syncthreads();
      v = slots[(me - 1) * blockDim.x + t] + 1;
      __syncthreads();
      if (t == 0) {
        cuda::atomic_thread_fence(cuda::memory_order_release, cuda::thread_scope_device);
        Device(full[me - 1]).store(0, cuda::memory_order_relaxed);
      }
    }
    if (me < gridDim.x - 1) {
      if (t == 0) {
        while (Device(full[me]).load(cuda::memory_order_relaxed) != 0)
          ;
        cuda::atomic_thread_fence(cuda::memory_order_acquire, cuda::thread_scope_device);
      }
      __syncthreads();
      slots[me * blockDim.x + t] = v;
      __syncthreads();
      if (t == 0) {
        cuda::atomic_thread_fence(cuda::memory_order_release, cuda::thread_scope_device);
        Device(full[me]).store(1, cuda::memory_order_relaxed);
      }
    } else
      out[m * blockDim.x + t] = v;
  }
}

/// Tasks by an atomic counter; task i waits for tasks i-1 and i/2 wherever they run.
extern "C" __global__ void tasks(int *next, int *done, long long *value, int n) {
  __shared__ int task;
  for (;;) {
    if (threadIdx.x == 0)
      task = atomicAdd(next, 1);
    __syncthreads();
    int mine = task;
    __syncthreads();
    if (mine >= n)
      return;
    if (threadIdx.x == 0) {
      long long v = 1;
      if (mine) {
        while (!Device(done[mine - 1]).load(cuda::memory_order_acquire) || !Device(done[mine / 2]).load(cuda::memory_order_acquire))
          ;
        v = value[mine - 1] + value[mine / 2];
      }
      value[mine] = v;
      Device(done[mine]).store(1, cuda::memory_order_release);
    }
  }
}

//===--- Locks -----------------------------------------------------------===//

/// A lock by each thread, tried inside the loop, so that lanes of one warp do not wait for one another.
extern "C" __global__ void spin(int *lock, int *count, int *order) {
  for (bool done = false; !done;)
    if (atomicCAS(lock, 0, 1) == 0) {
      __threadfence();
      int n = *static_cast<volatile int *>(count);
      order[n] = blockIdx.x * blockDim.x + threadIdx.x;
      *static_cast<volatile int *>(count) = n + 1;
      __threadfence();
      atomicExch(lock, 0);
      done = true;
    }
}

/// Tickets, by one thread of each block; what the block does is between two block barriers.
extern "C" __global__ void tickets(int *state, int *sums, int n) {
  Device next(state[0]), serving(state[1]);
  if (threadIdx.x == 0) {
    int mine = next.fetch_add(1, cuda::memory_order_relaxed);
    while (serving.load(cuda::memory_order_acquire) != mine)
      ;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    sums[i] += i + blockIdx.x;
  __syncthreads();
  if (threadIdx.x == 0)
    serving.fetch_add(1, cuda::memory_order_release);
}

//===--- In a block ------------------------------------------------------===//

/// Warp 0 makes numbers, the others take them; flags in shared memory with the scope of the block.
extern "C" __global__ void hand_over(int *out, int rounds) {
  __shared__ int data[32], flag, taken;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, others = blockDim.x / 32 - 1;
  if (threadIdx.x == 0)
    flag = taken = 0;
  __syncthreads();
  for (int r = 1; r <= rounds; ++r)
    if (warp == 0) {
      data[lane] = r * lane;
      __syncwarp();
      if (lane == 0) {
        Block(flag).store(r, cuda::memory_order_release);
        while (Block(taken).load(cuda::memory_order_acquire) != r * others)
          ;
      }
      __syncwarp();
    } else {
      if (lane == 0)
        while (Block(flag).load(cuda::memory_order_acquire) < r)
          ;
      __syncwarp();
      out[(warp - 1) * 32 + lane] += data[lane];
      __syncwarp();
      if (lane == 0)
        Block(taken).fetch_add(1, cuda::memory_order_release);
    }
}

/// cuda::barrier, arrive and wait apart: a ring of two between half the block and the other half.
extern "C" __global__ void barriers(const int *in, int *out, int rounds) {
  using Barrier = cuda::barrier<cuda::thread_scope_block>;
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ Barrier ready[2], filled[2];
  __shared__ int data[2][64];
  auto block = cg::this_thread_block();
  if (block.thread_rank() < 2) {
    init(ready + block.thread_rank(), block.size());
    init(filled + block.thread_rank(), block.size());
  }
  block.sync();
  int t = block.thread_rank() % 64;
  if (block.thread_rank() < 64)
    for (int r = 0; r < rounds; ++r) {
      ready[r % 2].arrive_and_wait();
      data[r % 2][t] = in[r * 64 + t];
      (void)filled[r % 2].arrive();
    }
  else {
    (void)ready[0].arrive();
    (void)ready[1].arrive();
    int sum = 0;
    for (int r = 0; r < rounds; ++r) {
      filled[r % 2].arrive_and_wait();
      sum += data[r % 2][63 - t];
      if (r + 2 < rounds)
        (void)ready[r % 2].arrive();
    }
    out[t] = sum;
  }
}

/// A cuda::pipeline of each thread, and cooperative groups' memcpy_async and wait.
extern "C" __global__ void pipeline_thread(const float *in, float *out, int tiles) {
  extern __shared__ float dynamic[];
  auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline();
  int n = block.size(), t = block.thread_rank();
  for (int k = 0; k < 2 && k < tiles; ++k) {
    pipe.producer_acquire();
    cuda::memcpy_async(dynamic + k * n + t, in + k * n + t, cuda::aligned_size_t<4>(4), pipe);
    pipe.producer_commit();
  }
  float sum = 0;
  for (int k = 0; k < tiles; ++k) {
    cuda::pipeline_consumer_wait_prior<1>(pipe);
    __syncthreads();
    sum += dynamic[k % 2 * n + (t + 1) % n];
    __syncthreads();
    if (k + 2 < tiles) {
      pipe.producer_acquire();
      cuda::memcpy_async(dynamic + k % 2 * n + t, in + (k + 2) * n + t, cuda::aligned_size_t<4>(4), pipe);
    }
    pipe.producer_commit();
  }
  out[t] = sum;
  __syncthreads();
  cg::memcpy_async(block, dynamic, in, 4 * n);
  cg::wait(block);
  out[n + t] = dynamic[n - 1 - t];
}
