#include <cuda/ptx>

namespace ptx = cuda::ptx;

// out[i] = (in[i-1] + 2 in[i] + in[i+1]) / 4, with the outermost samples repeated.
extern "C" __global__ void blur(const float *in, float *out, int n) {
  __shared__ alignas(16) float tile[256];
  int i = blockIdx.x * 256 + threadIdx.x;
  float left = i > 0 ? in[i - 1] : in[i];
  float right = i < n - 1 ? in[i + 1] : in[i];
  tile[threadIdx.x] = (left + 2 * in[i] + right) / 4;
  ptx::fence_proxy_async(ptx::space_shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::cp_async_bulk(ptx::space_global, ptx::space_shared, out + blockIdx.x * 256, tile, sizeof(tile));
    ptx::cp_async_bulk_commit_group();
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<0>());
  }
}
