// Transposes, filters, histograms, sorts, matrix products without tensor cores: what shared memory, constant tables,
// votes and matches are used for. README.md says how arrays.ptx is made.
#include <cooperative_groups.h>
#include <cstdint>

namespace cg = cooperative_groups;

//===--- Transposes ------------------------------------------------------===//

extern "C" __global__ void transpose_padded(const float *in, float *out, int rows, int columns) {
  __shared__ float tile[32][33];
  int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32 + threadIdx.y;
  for (int k = 0; k < 32; k += blockDim.y)
    if (x < columns && y + k < rows)
      tile[threadIdx.y + k][threadIdx.x] = in[(y + k) * columns + x];
  __syncthreads();
  x = blockIdx.y * 32 + threadIdx.x, y = blockIdx.x * 32 + threadIdx.y;
  for (int k = 0; k < 32; k += blockDim.y)
    if (x < rows && y + k < columns)
      out[(y + k) * rows + x] = tile[threadIdx.x][threadIdx.y + k];
}

/// Without padding: columns are exchanged by an exclusive or with the row. Two 16-bit numbers to a word.
extern "C" __global__ void transpose_swizzled(const uint32_t *in, uint32_t *out, int n) {
  __shared__ uint16_t tile[64 * 64];
  auto at = [](int row, int column) { return row * 64 + (column ^ (row & 31) * 2); };
  int by = blockIdx.y * 64, bx = blockIdx.x * 64, t = threadIdx.x;
  for (int i = t; i < 64 * 32; i += blockDim.x) {
    uint32_t two = in[((by + i / 32) * n + bx) / 2 + i % 32];
    *reinterpret_cast<uint32_t *>(tile + at(i / 32, i % 32 * 2)) = two;
  }
  __syncthreads();
  for (int i = t; i < 64 * 32; i += blockDim.x) {
    int row = i % 32 * 2, column = i / 32;
    out[((bx + column) * n + by + row) / 2] = tile[at(row, column)] | uint32_t(tile[at(row + 1, column)]) << 16;
  }
}

//===--- Filters ---------------------------------------------------------===//

__constant__ float taps[9];
__constant__ int3 offsets[4] = {{-1, 0, 1}, {2, -3, 4}, {5, 6, -7}, {0, 0, 1}};

/// A separable filter of nine taps with its halo in shared memory; outside, the edge goes on.
extern "C" __global__ void convolve_rows(const float *in, float *out, int width) {
  __shared__ float line[128 + 8];
  int x0 = blockIdx.x * 128, t = threadIdx.x;
  const float *row = in + blockIdx.y * width;
  for (int i = t; i < 136; i += blockDim.x)
    line[i] = row[min(max(x0 + i - 4, 0), width - 1)];
  __syncthreads();
  if (x0 + t >= width)
    return;
  float sum = 0;
#pragma unroll
  for (int k = 0; k < 9; ++k)
    sum = fmaf(taps[k], line[t + k], sum);
  out[blockIdx.y * width + x0 + t] = sum;
}

/// A median of 3x3 bytes, four to a thread; and a constant table with an index that differs from lane to lane.
extern "C" __global__ void median(const uchar4 *in, uchar4 *out, int *indexed, int width4, int height) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width4 || y >= height)
    return;
  uint8_t window[3][6];
  for (int r = 0; r < 3; ++r) {
    const uchar4 *row = in + min(max(y + r - 1, 0), height - 1) * width4;
    uchar4 c = row[x];
    window[r][0] = x ? row[x - 1].w : c.x;
    window[r][1] = c.x, window[r][2] = c.y, window[r][3] = c.z, window[r][4] = c.w;
    window[r][5] = x + 1 < width4 ? row[x + 1].x : c.w;
  }
  uint8_t result[4];
  for (int k = 0; k < 4; ++k) {
    uint8_t v[9];
    for (int i = 0; i < 9; ++i)
      v[i] = window[i / 3][k + i % 3];
    for (int i = 0; i < 5; ++i)
      for (int j = i + 1; j < 9; ++j)
        if (v[j] < v[i]) {
          uint8_t s = v[i];
          v[i] = v[j];
          v[j] = s;
        }
    result[k] = v[4];
  }
  out[y * width4 + x] = make_uchar4(result[0], result[1], result[2], result[3]);
  int3 o = offsets[x + y & 3];
  indexed[y * width4 + x] = o.x * 100 + o.y * 10 + o.z;
}

//===--- Histograms ------------------------------------------------------===//

/// In shared memory, sixteen bytes at a time, then into global memory.
extern "C" __global__ void histogram(const uint4 *in, int n, unsigned *bins) {
  __shared__ unsigned local[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    uint4 v = in[i];
    for (unsigned word : {v.x, v.y, v.z, v.w})
      for (int k = 0; k < 32; k += 8)
        atomicAdd(local + (word >> k & 255), 1);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    if (local[i])
      atomicAdd(bins + i, local[i]);
}

/// Lanes with the same bin find each other, and one of them counts for all.
extern "C" __global__ void histogram_matched(const uint8_t *in, int n, unsigned *bins) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned active = __ballot_sync(~0u, i < n);
  if (i >= n)
    return;
  unsigned peers = __match_any_sync(active, in[i]);
  if (__ffs(peers) - 1 == threadIdx.x % 32)
    atomicAdd(bins + in[i], __popc(peers));
}

/// Keeps the odd numbers, in any order: one atomic operation for all lanes that have one.
extern "C" __global__ void filter(const int *in, int n, int *out, int *count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n && in[i] % 2) {
    auto here = cg::coalesced_threads();
    int base;
    if (here.thread_rank() == 0)
      base = atomicAdd(count, int(here.size()));
    out[here.shfl(base, 0) + here.thread_rank()] = in[i];
  }
}

/// The same by hand, with __activemask().
extern "C" __global__ void filter_by_hand(const int *in, int n, int *out, int *count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  if (i < n && in[i] % 2) {
    unsigned active = __activemask();
    int leader = __ffs(active) - 1, base;
    if (lane == leader)
      base = atomicAdd(count, __popc(active));
    base = __shfl_sync(active, base, leader);
    out[base + __popc(active & ((1u << lane) - 1))] = in[i];
  }
}

//===--- Sorts -----------------------------------------------------------===//

/// Bitonic, each block a power of two of keys with their values; static and dynamic shared memory.
extern "C" __global__ void bitonic(const unsigned *keys, unsigned *sorted, unsigned *places) {
  extern __shared__ unsigned dynamic[];
  __shared__ unsigned place[512];
  int n = 2 * blockDim.x, base = n * blockIdx.x;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    dynamic[i] = keys[base + i];
    place[i] = i;
  }
  for (int size = 2; size <= n; size *= 2)
    for (int stride = size / 2; stride; stride /= 2) {
      __syncthreads();
      int i = 2 * threadIdx.x - (threadIdx.x & stride - 1), j = i + stride;
      bool up = (i & size) == 0;
      if ((dynamic[i] > dynamic[j]) == up) {
        unsigned k = dynamic[i], p = place[i];
        dynamic[i] = dynamic[j], place[i] = place[j];
        dynamic[j] = k, place[j] = p;
      }
    }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    sorted[base + i] = dynamic[i];
    places[base + i] = place[i];
  }
}

/// A pass of a radix sort: counts of each digit by block, digit-major.
extern "C" __global__ void radix_count(const unsigned *keys, int n, int shift, unsigned *counts) {
  __shared__ unsigned local[16];
  if (threadIdx.x < 16)
    local[threadIdx.x] = 0;
  __syncthreads();
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    atomicAdd(local + (keys[i] >> shift & 15), 1);
  __syncthreads();
  if (threadIdx.x < 16)
    counts[threadIdx.x * gridDim.x + blockIdx.x] = local[threadIdx.x];
}
/// Exclusive sums, by one warp.
extern "C" __global__ void radix_scan(unsigned *counts, int n) {
  unsigned before = 0, lane = threadIdx.x;
  for (int i = 0; i < n; i += 32) {
    unsigned v = i + lane < n ? counts[i + lane] : 0, sum = v;
    for (int k = 1; k < 32; k *= 2) {
      unsigned left = __shfl_up_sync(~0u, sum, k);
      sum += lane >= k ? left : 0;
    }
    if (i + lane < n)
      counts[i + lane] = before + sum - v;
    before += __shfl_sync(~0u, sum, 31);
  }
}
/// Each key to its place; equal ones keep their order: lanes with the same digit by ballots, warps one after the other.
extern "C" __global__ void radix_scatter(const unsigned *keys, int n, int shift, const unsigned *offsets_, unsigned *out) {
  __shared__ unsigned next[16];
  if (threadIdx.x < 16)
    next[threadIdx.x] = offsets_[threadIdx.x * gridDim.x + blockIdx.x];
  int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  unsigned key = i < n ? keys[i] : 0, digit = key >> shift & 15, peers = __ballot_sync(~0u, i < n);
  for (int bit = 0; bit < 4; ++bit) {
    bool set = digit >> bit & 1;
    unsigned with = __ballot_sync(~0u, set);
    peers &= set ? with : ~with;
  }
  unsigned rank = __popc(peers & ((1u << lane) - 1));
  for (int w = 0; w < blockDim.x / 32; ++w) {
    __syncthreads();
    if (w != threadIdx.x / 32)
      continue;
    unsigned place = next[digit] + rank;
    __syncwarp();
    if (i < n) {
      if (rank == 0)
        next[digit] += __popc(peers);
      out[place] = key;
    }
  }
}

//===--- Products without tensor cores -----------------------------------===//

/// c = a b in double precision, 16x16 tiles of shared memory.
extern "C" __global__ void dgemm(const double *a, const double *b, double *c, int m, int n, int k) {
  __shared__ double as[16][17], bs[16][17];
  int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, column = blockIdx.x * 16 + x;
  double sum = 0;
  for (int k0 = 0; k0 < k; k0 += 16) {
    as[y][x] = row < m && k0 + x < k ? a[row * k + k0 + x] : 0;
    bs[y][x] = column < n && k0 + y < k ? b[(k0 + y) * n + column] : 0;
    __syncthreads();
    for (int i = 0; i < 16; ++i)
      sum = fma(as[y][i], bs[i][x], sum);
    __syncthreads();
  }
  if (row < m && column < n)
    c[row * n + column] = sum;
}

/// 64x64 of the result by 8x8 threads with 8x8 numbers each, float4 loads, two buffers.
extern "C" __global__ void sgemm(const float4 *a, const float4 *b, float4 *c, int n, int k) {
  __shared__ float as[2][8][64];
  __shared__ float4 bs[2][8][16];
  int t = threadIdx.x, tx = t % 8, ty = t / 8, row = blockIdx.y * 64, column = blockIdx.x * 16;
  float sum[8][8] = {};
  auto load = [&](int s, int k0) {
    for (int i = t; i < 128; i += 64) {
      float4 v = a[(row + i / 2) * (k / 4) + k0 / 4 + i % 2];
      as[s][i % 2 * 4][i / 2] = v.x, as[s][i % 2 * 4 + 1][i / 2] = v.y;
      as[s][i % 2 * 4 + 2][i / 2] = v.z, as[s][i % 2 * 4 + 3][i / 2] = v.w;
      bs[s][i / 16][i % 16] = b[(k0 + i / 16) * (n / 4) + column + i % 16];
    }
  };
  load(0, 0);
  __syncthreads();
  for (int k0 = 0; k0 < k; k0 += 8) {
    int s = k0 / 8 % 2;
    if (k0 + 8 < k)
      load(1 - s, k0 + 8);
    for (int i = 0; i < 8; ++i) {
      float4 p = bs[s][i][tx], q = bs[s][i][tx + 8];
      for (int r = 0; r < 8; ++r) {
        float v = as[s][i][ty * 8 + r];
        sum[r][0] += v * p.x, sum[r][1] += v * p.y, sum[r][2] += v * p.z, sum[r][3] += v * p.w;
        sum[r][4] += v * q.x, sum[r][5] += v * q.y, sum[r][6] += v * q.z, sum[r][7] += v * q.w;
      }
    }
    __syncthreads();
  }
  for (int r = 0; r < 8; ++r) {
    float4 *at = c + (row + ty * 8 + r) * (n / 4) + column + tx;
    at[0] = make_float4(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
    at[8] = make_float4(sum[r][4], sum[r][5], sum[r][6], sum[r][7]);
  }
}
