// Layers of neural networks: softmax, norms, activations, in float, half2, bfloat162 and fp8, with vector loads.
// README.md says how layers.ptx is made.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

__device__ float warp_max(float v) {
  for (int k = 16; k; k /= 2)
    v = fmaxf(v, __shfl_xor_sync(~0u, v, k));
  return v;
}
__device__ float warp_sum(float v) {
  for (int k = 16; k; k /= 2)
    v += __shfl_xor_sync(~0u, v, k);
  return v;
}
template <class F> __device__ float block(float v, float *part, F reduce) {
  v = reduce(v);
  __syncthreads();
  if (threadIdx.x % 32 == 0)
    part[threadIdx.x / 32] = v;
  __syncthreads();
  v = part[threadIdx.x % (blockDim.x / 32)];
  return reduce(v); // Every number as often as every other.
}

/// A warp to a row; the row stays in registers.
extern "C" __global__ void softmax_warp(const float *in, float *out, int rows, int columns) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (row >= rows)
    return;
  float v[8], most = -INFINITY, sum = 0;
#pragma unroll
  for (int k = 0; k < 8; ++k) {
    v[k] = lane + 32 * k < columns ? in[row * columns + lane + 32 * k] : -INFINITY;
    most = fmaxf(most, v[k]);
  }
  most = warp_max(most);
#pragma unroll
  for (int k = 0; k < 8; ++k)
    sum += v[k] = __expf(v[k] - most);
  sum = warp_sum(sum);
#pragma unroll
  for (int k = 0; k < 8; ++k)
    if (lane + 32 * k < columns)
      out[row * columns + lane + 32 * k] = v[k] / sum;
}

/// A block to a row, in one pass: maximum and sum are corrected together.
extern "C" __global__ void softmax_online(const __half *in, __half *out, int columns) {
  __shared__ float2 part[32];
  in += blockIdx.x * columns, out += blockIdx.x * columns;
  float most = -INFINITY, sum = 0;
  auto merge = [&](float m, float s) {
    float larger = fmaxf(most, m);
    sum = larger == -INFINITY ? 0 : sum * expf(most - larger) + s * expf(m - larger);
    most = larger;
  };
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    merge(__half2float(in[i]), 1);
  for (int k = 16; k; k /= 2)
    merge(__shfl_xor_sync(~0u, most, k), __shfl_xor_sync(~0u, sum, k));
  if (threadIdx.x % 32 == 0)
    part[threadIdx.x / 32] = make_float2(most, sum);
  __syncthreads();
  most = -INFINITY, sum = 0;
  for (int w = 0; w < blockDim.x / 32; ++w)
    merge(part[w].x, part[w].y);
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    out[i] = __float2half(expf(__half2float(in[i]) - most) / sum);
}

/// Four floats to a thread and step; mean and variance from two sums.
extern "C" __global__ void layer_norm(const float4 *in, const float4 *weight, const float4 *bias, float4 *out, int columns4) {
  __shared__ float part[32];
  extern __shared__ float4 row[];
  in += blockIdx.x * columns4, out += blockIdx.x * columns4;
  float sum = 0;
  for (int i = threadIdx.x; i < columns4; i += blockDim.x) {
    float4 v = row[i] = in[i];
    sum += v.x + v.y + v.z + v.w;
  }
  float warps = 32.f / (blockDim.x / 32), mean = block(sum, part, warp_sum) / (4 * columns4 * warps), squares = 0;
  for (int i = threadIdx.x; i < columns4; i += blockDim.x) {
    float4 v = row[i];
    v.x -= mean, v.y -= mean, v.z -= mean, v.w -= mean;
    squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    row[i] = v;
  }
  float scale = rsqrtf(block(squares, part, warp_sum) / (4 * columns4 * warps) + 1e-5f);
  for (int i = threadIdx.x; i < columns4; i += blockDim.x) {
    float4 v = row[i], w = weight[i], b = bias[i];
    out[i] = make_float4(v.x * scale * w.x + b.x, v.y * scale * w.y + b.y, v.z * scale * w.z + b.z, v.w * scale * w.w + b.w);
  }
}

/// Eight bfloat16 to a thread, one step; a residual is added first, and kept.
extern "C" __global__ void rms_norm(const uint4 *in, uint4 *residual, const uint4 *weight, uint4 *out) {
  __shared__ float part[32];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  uint4 x = in[i], r = residual[i], w = weight[threadIdx.x];
  auto *x2 = reinterpret_cast<__nv_bfloat162 *>(&x), *r2 = reinterpret_cast<__nv_bfloat162 *>(&r),
       *w2 = reinterpret_cast<__nv_bfloat162 *>(&w);
  float squares = 0;
  for (int k = 0; k < 4; ++k) {
    r2[k] = __hadd2(r2[k], x2[k]);
    float2 f = __bfloat1622float2(r2[k]);
    squares += f.x * f.x + f.y * f.y;
  }
  residual[i] = r;
  float warps = 32.f / (blockDim.x / 32), scale = rsqrtf(block(squares, part, warp_sum) / (8 * blockDim.x * warps) + 1e-6f);
  __nv_bfloat162 scale2 = __float2bfloat162_rn(scale);
  for (int k = 0; k < 4; ++k)
    r2[k] = __hmul2(__hmul2(r2[k], scale2), w2[k]);
  out[i] = r;
}

__device__ __forceinline__ float gelu(float x) { return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x))); }
extern "C" __global__ void activations(const __half2 *in, __half2 *relu, __half2 *geglu, __half2 *silu, __half2 *clamped, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  __half2 x = in[i], zero = __float2half2_rn(0);
  float2 f = __half22float2(x);
  relu[i] = __hmax2(x, zero);
  geglu[i] = __floats2half2_rn(gelu(f.x), gelu(f.y));
  silu[i] = __floats2half2_rn(f.x / (1 + __expf(-f.x)), f.y / (1 + __expf(-f.y)));
  clamped[i] = __hfma2(__hmin2(__hmax2(x, __floats2half2_rn(-1, -2)), __floats2half2_rn(1, 2)), __floats2half2_rn(2, 4), __floats2half2_rn(1, -1));
}

/// A scale for each group of 64: largest magnitude, fp8 by twos.
extern "C" __global__ void quantise(const float2 *in, __nv_fp8x2_storage_t *out, float *scales) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float2 v = in[i];
  float most = warp_max(fmaxf(fabsf(v.x), fabsf(v.y))), scale = fmaxf(most, 1e-4f) / 448;
  if (threadIdx.x % 32 == 0)
    scales[i / 32] = scale;
  out[i] = __nv_cvt_float2_to_fp8x2(make_float2(v.x / scale, v.y / scale), __NV_SATFINITE, __NV_E4M3);
}
extern "C" __global__ void dequantise(const __nv_fp8x4_e4m3 *in, const float *scales, float4 *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float4 v = float4(in[i]);
  float s = scales[i / 16];
  out[i] = make_float4(v.x * s, v.y * s, v.z * s, v.w * s);
}

/// Rows of a table by index, and their gradients by atomic additions of halves.
extern "C" __global__ void embedding(const int *index, const __half2 *table, __half2 *out, __half2 *counts, int columns2) {
  int row = index[blockIdx.x];
  for (int i = threadIdx.x; i < columns2; i += blockDim.x) {
    out[blockIdx.x * columns2 + i] = __ldg(table + row * columns2 + i);
    atomicAdd(counts + row * columns2 + i, __floats2half2_rn(1, 2));
  }
}

/// One query for each block: scores, softmax and the weighted sum of values, with a mask of the future.
extern "C" __global__ void attention(const float *q, const float *k, const float *v, float *out, int tokens, int width) {
  extern __shared__ float scores[];
  __shared__ float part[32];
  int token = blockIdx.x, t = threadIdx.x, lane = t % 32;
  for (int j = t / 32; j <= token; j += blockDim.x / 32) {
    float dot = 0;
    for (int i = lane; i < width; i += 32)
      dot += q[token * width + i] * k[j * width + i];
    dot = warp_sum(dot);
    if (lane == 0)
      scores[j] = dot * rsqrtf(width);
  }
  __syncthreads();
  float most = -INFINITY, sum = 0;
  for (int j = t; j <= token; j += blockDim.x)
    most = fmaxf(most, scores[j]);
  most = block(most, part, warp_max);
  for (int j = t; j <= token; j += blockDim.x)
    sum += scores[j] = __expf(scores[j] - most);
  sum = block(sum, part, warp_sum) / (32.f / (blockDim.x / 32)); // Here too: between the scores and their use are barriers.
  for (int i = t; i < width; i += blockDim.x) {
    float o = 0;
    for (int j = 0; j <= token; ++j)
      o += scores[j] * v[j * width + i];
    out[token * width + i] = o / sum;
  }
}
