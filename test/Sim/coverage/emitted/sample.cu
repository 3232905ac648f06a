// Much of CUDA C++: mathematics, intrinsics, halves, fp8, atomics, wmma, groups, barriers, printf. What nvcc
// makes of it is counted in words.json: nvcc -arch=sm_90a -std=c++17 -ptx sample.cu
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cstdio>
#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/pipeline>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <mma.h>

namespace cg = cooperative_groups;
#define U(n, T, e)                                                                                           \
  extern "C" __global__ void n(T *a, const T *__restrict__ b, int k) {                                       \
    int i = threadIdx.x + blockIdx.x * blockDim.x;                                                           \
    T x = b[i];                                                                                              \
    a[i] = (e);                                                                                              \
  }
#define F(fn) U(f_##fn, float, fn##f(x)) U(d_##fn, double, fn(x))
F(sin);
F(cos);
F(tan);
F(exp);
F(exp2);
F(log);
F(log2);
F(sqrt);
F(tanh);
F(erf);
F(atan);
F(asin);
F(cbrt);
F(lgamma);
F(floor);
F(rint);
F(fabs);
F(round);
F(trunc);
F(ceil);
F(expm1);
F(log1p);
F(rsqrt);
F(sinh);
F(erfc);
F(normcdf);
F(j0);
U(pw, float, powf(x, b[i + 1]));
U(fm, float, fmodf(x, b[i + 1]));
U(pd, double, pow(x, b[i + 1]));
U(fd, double, fmod(x, b[i + 1]));
U(hy, float, hypotf(x, b[i + 1]));
U(cps, float, copysignf(x, b[i + 1]));
U(fr, float,
  __fdividef(x, b[i + 1]) + __expf(x) + __sinf(x) + __logf(x) + __saturatef(x) + __frcp_rn(x) +
      __fsqrt_rz(x) + __fadd_ru(x, x));
U(isn, int, isnan(__int_as_float(x)) + isinf(__int_as_float(x)) + signbit(__int_as_float(x)));
U(ints, int,
  __popc(x) + __clz(x) + __ffs(x) + __brev(x) + __byte_perm(x, k, 0x1234) + __mulhi(x, k) +
      __funnelshift_l(x, k, 3) + __sad(x, k, 3) + __mul24(x, k) + abs(x) + min(x, k) + __hadd(x, k) +
      __rhadd(x, k) + __dp4a(x, k, 3) + __dp2a_lo(x, k, 3) + __vadd2(x, k) + __vaddss4(x, k) +
      __vmaxs2(x, k) + __vcmpeq4(x, k) + __vabsdiffu4(x, k) + __vsadu4(x, k) + __vimax_s32_relu(x, k) +
      __vimin_s16x2_relu(x, k) + __viaddmax_s32(x, k, 3) + __usad(x, k, 3) + __fns(x, 0, 3));
U(ll, long long, x / k + x % k + __mul64hi(x, k) + __popcll(x) + __clzll(x) + __brevll(x) + llabs(x));
U(i128, long long, (long long)(((__int128)x * b[i + 1]) >> 64) + (long long)((__int128)x * x / (k + 1)));
U(hf, __half2,
  __hfma2(x, x, x) + __hmax2(x, b[i + 1]) + h2exp(x) + h2tanh(x) + __hmin2_nan(x, x) + __habs2(x) +
      __hneg2(x) + h2rcp(x) + h2sqrt(x) + __hfma2_relu(x, x, x) + __hadd2_sat(x, x) + h2sin(x) + h2log(x) +
      __heq2(x, b[i + 1]) + h2rint(x) + h2floor(x));
U(bf, __nv_bfloat162,
  __hfma2(x, x, x) + __hmax2(x, b[i + 1]) + h2exp(x) + h2tanh(x) + __hmin2_nan(x, x) + __habs2(x) +
      __hneg2(x) + h2rcp(x) + h2sqrt(x) + __hfma2_relu(x, x, x) + __hlt2(x, b[i + 1]));
U(hs, __half, __hlt(x, b[i + 1]) ? hexp(x) : __hdiv(x, b[i + 1]));
U(bs, __nv_bfloat16, __hlt(x, b[i + 1]) ? hexp(x) : __hdiv(x, b[i + 1]));

extern "C" __global__ void f8(__nv_fp8_e4m3 *a, const float *b, __nv_fp8x4_e5m2 *c, float4 *d) {
  a[threadIdx.x] = __nv_fp8_e4m3(b[threadIdx.x]);
  d[threadIdx.x] = (float4)c[threadIdx.x];
}

extern "C" __global__ void at(int *a, float *f, double *d, unsigned long long *u, __half2 *h,
                              __nv_bfloat162 *g, float4 *f4, unsigned short *us) {
  atomicAdd(a, 1);
  int o = atomicMax(a, threadIdx.x);
  atomicMin(a + 1, o);
  atomicAnd(a + 2, o);
  atomicExch(a + 3, o);
  atomicCAS(a + 4, o, 1);
  atomicInc((unsigned *)a + 5, 7);
  atomicAdd(f, 1.f);
  atomicAdd(d, 1.);
  atomicAdd(u, 1ull);
  atomicAdd(h, *h);
  atomicAdd(g, *g);
  atomicAdd(f4, *f4);
  atomicCAS(us, (unsigned short)1, (unsigned short)2);
  float4 r = atomicAdd(f4 + 1, *f4);
  f[3] = r.x;
  atomicAdd_block(a + 8, 1);
  atomicCAS_system(a + 9, 1, 2);
  __threadfence();
  __threadfence_block();
  __threadfence_system();
}

extern "C" __global__ void wm(half *a, half *b, float *c) {
  using namespace nvcuda::wmma;
  fragment<matrix_a, 16, 16, 16, half, row_major> x;
  fragment<matrix_b, 16, 16, 16, half, col_major> y;
  fragment<accumulator, 16, 16, 16, float> z;
  fill_fragment(z, 0.f);
  load_matrix_sync(x, a, 16);
  load_matrix_sync(y, b, 16);
  mma_sync(z, x, y, z);
  store_matrix_sync(c, z, 16, mem_row_major);
}

extern "C" __global__ void cgk(int *a) {
  auto b = cg::this_thread_block();
  auto t = cg::tiled_partition<32>(b);
  int s = cg::reduce(t, a[threadIdx.x], cg::plus<int>());
  b.sync();
  auto c = cg::coalesced_threads();
  if (c.thread_rank() == 0)
    a[0] = s;
  auto cl = cg::this_cluster();
  cl.sync();
  a[1] = cl.block_rank();
  auto l = cg::labeled_partition(t, a[2]);
  a[l.thread_rank()] = 1;
  cg::this_grid().sync();
}

extern "C" __global__ void bar(int *a, int *b) {
  __shared__ cuda::barrier<cuda::thread_scope_block> m;
  __shared__ int s[256];
  if (threadIdx.x == 0)
    init(&m, blockDim.x);
  __syncthreads();
  cuda::memcpy_async(s + threadIdx.x, a + threadIdx.x, cuda::aligned_size_t<4>(4), m);
  m.arrive_and_wait();
  b[threadIdx.x] = s[threadIdx.x];
  cuda::atomic_ref<int, cuda::thread_scope_device> r(*b);
  r.fetch_add(1, cuda::memory_order_release);
  while (r.load(cuda::memory_order_acquire) < 3)
    ;
  r.store(3);
  r.compare_exchange_strong(a[0], 3);
}

extern "C" __global__ void pipe(int *a, int *b) {
  __shared__ int s[2][256];
  auto p = cuda::make_pipeline();
  p.producer_acquire();
  cuda::memcpy_async(&s[0][threadIdx.x], a + threadIdx.x, 4, p);
  p.producer_commit();
  p.consumer_wait();
  b[threadIdx.x] = s[0][threadIdx.x];
  p.consumer_release();
}

extern "C" __global__ void misc(int *a, clock_t *c) {
  a[0] = __ballot_sync(-1, a[1]) + __match_any_sync(-1, a[2]) + __reduce_add_sync(-1, a[3]) +
         __any_sync(-1, a[4]) + __activemask();
  int p;
  a[5] = __match_all_sync(-1, a[6], &p) + p;
  c[0] = clock();
  ((long long *)c)[1] = clock64();
  __nanosleep(10);
  if (a[9] == 3)
    __trap();
  a[7] = __ldg(a + 8) + __ldcg(a + 9) + __ldcs(a + 10) + __ldlu(a + 11) + __ldcv(a + 12);
  __stcg(a + 13, 1);
  __stcs(a + 14, 1);
  __stwt(a + 15, 1);
  a[16] = __syncthreads_count(a[17]) + __syncthreads_and(a[18]);
  a[19] = __isShared(a) + __isGlobal(a);
  printf("%d\n", a[0]);
  int *q = (int *)malloc(16);
  q[0] = 1;
  free(q);
  void *al = alloca(a[20]);
  ((volatile char *)al)[3] = 1;
  unsigned long long g;
  asm volatile("mov.u64 %0,%%globaltimer;" : "=l"(g));
  c[3] = g;
  __assert_fail("a", "b", 1, "c");
}
