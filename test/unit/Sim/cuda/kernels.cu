// Kernels of our own, as nvcc 13.0 compiles them: nvcc -arch=sm_90a -ptx -lineinfo kernels.cu
#include <cuda_bf16.h>
#include <cuda_fp16.h>
extern "C" __global__ void red(const float *a, float *o, int n) {
  __shared__ float s[32];
  float v = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    v += a[i];
  for (int k = 16; k; k >>= 1)
    v += __shfl_xor_sync(~0u, v, k);
  if (threadIdx.x % 32 == 0)
    s[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x < 32) {
    v = threadIdx.x < blockDim.x / 32 ? s[threadIdx.x] : 0;
    for (int k = 16; k; k >>= 1)
      v += __shfl_down_sync(~0u, v, k);
    if (!threadIdx.x)
      o[blockIdx.x] = v;
  }
}
extern "C" __global__ void transpose(const float *a, float *o, int n) {
  __shared__ float t[32][33];
  int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32 + threadIdx.y;
  for (int j = 0; j < 32; j += 8)
    if (x < n && y + j < n)
      t[threadIdx.y + j][threadIdx.x] = a[(y + j) * n + x];
  __syncthreads();
  x = blockIdx.y * 32 + threadIdx.x;
  y = blockIdx.x * 32 + threadIdx.y;
  for (int j = 0; j < 32; j += 8)
    if (x < n && y + j < n)
      o[(y + j) * n + x] = t[threadIdx.x][threadIdx.y + j];
}
extern "C" __global__ void softmax(const __nv_bfloat16 *a, __nv_bfloat16 *o, int n) {
  __shared__ float s[8];
  int row = blockIdx.x;
  float m = -INFINITY;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    m = fmaxf(m, __bfloat162float(a[row * n + i]));
  for (int k = 16; k; k >>= 1)
    m = fmaxf(m, __shfl_xor_sync(~0u, m, k));
  if (threadIdx.x % 32 == 0)
    s[threadIdx.x / 32] = m;
  __syncthreads();
  m = s[0];
  for (int i = 1; i < blockDim.x / 32; i++)
    m = fmaxf(m, s[i]);
  __syncthreads();
  float d = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    d += expf(__bfloat162float(a[row * n + i]) - m);
  for (int k = 16; k; k >>= 1)
    d += __shfl_xor_sync(~0u, d, k);
  if (threadIdx.x % 32 == 0)
    s[threadIdx.x / 32] = d;
  __syncthreads();
  d = 0;
  for (int i = 0; i < blockDim.x / 32; i++)
    d += s[i];
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    o[row * n + i] = __float2bfloat16(expf(__bfloat162float(a[row * n + i]) - m) / d);
}
extern "C" __global__ void hist(const int *a, int *o, int n) {
  __shared__ int h[64];
  if (threadIdx.x < 64)
    h[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    atomicAdd(&h[a[i] & 63], 1);
  __syncthreads();
  if (threadIdx.x < 64)
    atomicAdd(&o[threadIdx.x], h[threadIdx.x]);
}
extern "C" __global__ void collatz(const unsigned *a, unsigned *o, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  unsigned long long v = a[i];
  unsigned c = 0;
  while (v != 1) {
    if (v & 1) {
      v = 3 * v + 1;
    } else
      v >>= 1;
    c++;
    if (c > 1000)
      break;
  }
  o[i] = c + v / 7 % 13;
}
extern "C" __global__ void fmaloop(float *o, int n) {
  float a = threadIdx.x, b = a + 1, c = a + 2, d = a + 3;
  for (int i = 0; i < n; i++) {
    a = a * 1.01f + .5f;
    b = b * 1.01f + .5f;
    c = c * .99f + .5f;
    d = d * .98f + .5f;
  }
  o[blockIdx.x * blockDim.x + threadIdx.x] = a + b + c + d;
}
