// Matrix products by mma.sync, with ldmatrix and stages of cp.async. README.md says how products.ptx is made.
#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

__device__ uint32_t shared(const void *p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }
/// 16 bytes, or zeros where `there` is false.
__device__ void copy16(void *to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared(to)), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ void wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
__device__ void ldmatrix(uint32_t (&r)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
__device__ void ldmatrix_trans(uint32_t (&r)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
__device__ void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, __half) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, __nv_bfloat16) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// C = A B, both row-major, 64x64 by four warps of 32x32, 32 of K a stage; the shared tiles are swizzled by hand.
template <class T> __device__ void staged(const T *a, const T *b, float *c, int m, int n, int k) {
  constexpr int stages = 3;
  __shared__ __align__(128) T as[stages][64 * 32], bs[stages][32 * 64];
  int t = threadIdx.x, lane = t % 32, row0 = blockIdx.y * 64, column0 = blockIdx.x * 64, steps = (k + 31) / 32;
  int warp_row = t / 64 * 32, warp_column = t / 32 % 2 * 32;
  auto a_at = [](int row, int chunk) { return row * 32 + (chunk ^ row / 2 & 3) * 8; };
  auto b_at = [](int row, int chunk) { return row * 64 + (chunk ^ row & 7) * 8; };
  auto load = [&](int step) {
    int s = step % stages, k0 = step * 32;
    if (step < steps)
      for (int i = t; i < 256; i += 128) {
        int row = i / 4, chunk = i % 4;
        bool there = row0 + row < m && k0 + chunk * 8 < k;
        copy16(as[s] + a_at(row, chunk), there ? a + (row0 + row) * k + k0 + chunk * 8 : a, there);
        row = i / 8, chunk = i % 8;
        there = k0 + row < k && column0 + chunk * 8 < n;
        copy16(bs[s] + b_at(row, chunk), there ? b + (k0 + row) * n + column0 + chunk * 8 : b, there);
      }
    commit();
  };
  float d[2][4][4] = {};
  for (int i = 0; i < stages - 1; ++i)
    load(i);
  for (int step = 0; step < steps; ++step) {
    wait<stages - 2>();
    __syncthreads();
    load(step + stages - 1);
    int s = step % stages;
    for (int k16 = 0; k16 < 2; ++k16) {
      uint32_t x[2][4], y[2][4];
      for (int i = 0; i < 2; ++i) {
        ldmatrix(x[i], shared(as[s] + a_at(warp_row + i * 16 + lane % 16, k16 * 2 + lane / 16)));
        ldmatrix_trans(y[i], shared(bs[s] + b_at(k16 * 16 + lane % 16, warp_column / 8 + i * 2 + lane / 16)));
      }
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 4; ++j)
          mma(d[i][j], x[i], y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1], T());
    }
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j)
      for (int e = 0; e < 4; e += 2) {
        int row = row0 + warp_row + i * 16 + lane / 4 + e * 4, column = column0 + warp_column + j * 8 + lane % 4 * 2;
        if (row < m && column < n)
          *reinterpret_cast<float2 *>(c + row * n + column) = make_float2(d[i][j][e], d[i][j][e + 1]);
      }
}
extern "C" __global__ void __launch_bounds__(128) staged_half(const __half *a, const __half *b, float *c, int m, int n, int k) {
  staged(a, b, c, m, n, k);
}
extern "C" __global__ void __launch_bounds__(128)
    staged_bfloat16(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int m, int n, int k) {
  staged(a, b, c, m, n, k);
}

/// One warp, one instruction: A's rows and B's columns have 32 bytes (TF32: 16x8 and 8x8).
template <class T, class F> __device__ void single(const uint32_t *a, const uint32_t *b, T *c, F product) {
  int lane = threadIdx.x, g = lane / 4, q = lane % 4;
  uint32_t x[4], y[2];
  for (int i = 0; i < 4; ++i)
    x[i] = a[(g + i % 2 * 8) * 8 + q + i / 2 * 4];
  for (int i = 0; i < 2; ++i)
    y[i] = b[g * 8 + q + i * 4];
  T d[4] = {};
  product(d, x, y);
  for (int i = 0; i < 4; ++i)
    c[(g + i / 2 * 8) * 8 + 2 * q + i % 2] = d[i];
}
#define SINGLE(NAME, T, KIND, SHAPE)                                                                                   \
  extern "C" __global__ void NAME(const uint32_t *a, const uint32_t *b, T *c) {                                        \
    single(a, b, c, [](T(&d)[4], uint32_t(&x)[4], uint32_t(&y)[2]) {                                                \
      asm volatile("mma.sync.aligned." SHAPE " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                  \
                   : "+" KIND(d[0]), "+" KIND(d[1]), "+" KIND(d[2]), "+" KIND(d[3])                                    \
                   : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));                                \
    });                                                                                                                \
  }
SINGLE(mma_tf32, float, "f", "m16n8k8.row.col.f32.tf32.tf32.f32")
SINGLE(mma_int8, int, "r", "m16n8k32.row.col.s32.s8.u8.s32")
SINGLE(mma_fp8, float, "f", "m16n8k32.row.col.f32.e5m2.e4m3.f32")
