// cuda::pipeline of a block, whose copies arrive at mbarriers, the grid barrier, and products by wmma. README.md says how fragments.ptx is made.
#include <cooperative_groups.h>
#include <cuda/barrier>
#include <cuda/pipeline>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>

namespace cg = cooperative_groups;

/// cuda::pipeline with four stages: memcpy_async of a tile, and its use three steps later.
extern "C" __global__ void pipeline(const float4 *in, float *out, int tiles) {
  constexpr int stages = 4, width = 64;
  __shared__ float4 tile[stages][width];
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, stages> state;
  auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline(block, &state);
  const float4 *mine = in + blockIdx.x * tiles * width;
  float sum = 0;
  for (int use = 0, load = 0; use < tiles; ++use) {
    for (; load < tiles && load < use + stages; ++load) {
      pipe.producer_acquire();
      cuda::memcpy_async(block, tile[load % stages], mine + load * width, sizeof(float4) * width, pipe);
      pipe.producer_commit();
    }
    pipe.consumer_wait();
    float4 v = tile[use % stages][(block.thread_rank() + use) % width];
    sum += v.x + 2 * v.y + 3 * v.z + 4 * v.w;
    pipe.consumer_release();
  }
  out[blockIdx.x * blockDim.x + block.thread_rank()] = sum;
}

/// All blocks meet twice in each step.
extern "C" __global__ void grid_steps(int *values, int *sums, int steps) {
  auto grid = cg::this_grid();
  int i = grid.thread_rank(), n = grid.size();
  for (int s = 0; s < steps; ++s) {
    int next = values[(i + 1) % n] + s;
    grid.sync();
    values[i] = next;
    grid.sync();
  }
  sums[i] = values[i] + values[n - 1 - i];
}

//===--- wmma ------------------------------------------------------------===//

/// C = A B + C, a warp to each 16x16, A row-major, B column-major, tiles of both in shared memory.
template <class T> __device__ void product(const T *a, const T *b, float *c, int n, int k) {
  using namespace nvcuda::wmma;
  __shared__ __align__(32) T as[16 * 24], bs[4][16 * 24];
  int warp = threadIdx.x / 32, row = blockIdx.y * 16, column = blockIdx.x * 64 + warp * 16;
  fragment<matrix_a, 16, 16, 16, T, row_major> x;
  fragment<matrix_b, 16, 16, 16, T, col_major> y;
  fragment<accumulator, 16, 16, 16, float> d;
  load_matrix_sync(d, c + row * n + column, n, mem_row_major);
  for (int k0 = 0; k0 < k; k0 += 16) {
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x)
      as[i / 16 * 24 + i % 16] = a[(row + i / 16) * k + k0 + i % 16];
    for (int i = threadIdx.x % 32; i < 256; i += 32)
      bs[warp][i / 16 * 24 + i % 16] = b[(column + i / 16) * k + k0 + i % 16];
    __syncthreads();
    load_matrix_sync(x, as, 24);
    load_matrix_sync(y, bs[warp], 24);
    mma_sync(d, x, y, d);
  }
  for (int i = 0; i < d.num_elements; ++i)
    d.x[i] *= 2;
  store_matrix_sync(c + row * n + column, d, n, mem_row_major);
}
extern "C" __global__ void wmma_half(const __half *a, const __half *b, float *c, int n, int k) { product(a, b, c, n, k); }
extern "C" __global__ void wmma_bfloat16(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int n, int k) { product(a, b, c, n, k); }

/// Straight from and to global memory: doubles, bytes.
extern "C" __global__ void wmma_double(const double *a, const double *b, double *c) {
  using namespace nvcuda::wmma;
  fragment<matrix_a, 8, 8, 4, double, row_major> x;
  fragment<matrix_b, 8, 8, 4, double, row_major> y;
  fragment<accumulator, 8, 8, 4, double> d;
  fill_fragment(d, 0.0);
  for (int k = 0; k < 12; k += 4) {
    load_matrix_sync(x, a + k, 12);
    load_matrix_sync(y, b + 8 * k, 8);
    mma_sync(d, x, y, d);
  }
  store_matrix_sync(c, d, 8, mem_row_major);
}
extern "C" __global__ void wmma_bytes(const signed char *a, const signed char *b, int *c) {
  using namespace nvcuda::wmma;
  fragment<matrix_a, 32, 8, 16, signed char, col_major> x;
  fragment<matrix_b, 32, 8, 16, signed char, row_major> y;
  fragment<accumulator, 32, 8, 16, int> d;
  fill_fragment(d, -7);
  load_matrix_sync(x, a, 32);
  load_matrix_sync(y, b, 16);
  mma_sync(d, x, y, d);
  store_matrix_sync(c, d, 32, mem_col_major);
}
