// Products by the functions of mma.h. README.md says how wmma.ptx is made; test/python/test_sim_wmma.py runs it.
#include <mma.h>
#include <cuda_bf16.h>
using namespace nvcuda;
template <class T, class S, class LA, class LB, int M, int N, int K>
__device__ void product(const T *a, const T *b, S *c, int lda, int ldb, int ldc) {
  wmma::fragment<wmma::matrix_a, M, N, K, T, LA> fa;
  wmma::fragment<wmma::matrix_b, M, N, K, T, LB> fb;
  wmma::fragment<wmma::accumulator, M, N, K, S> fc;
  wmma::load_matrix_sync(fa, a, lda);
  wmma::load_matrix_sync(fb, b, ldb);
  wmma::fill_fragment(fc, S(1));
  wmma::mma_sync(fc, fa, fb, fc);
  for (int i = 0; i < fc.num_elements; ++i) fc.x[i] = fc.x[i] + fc.x[i];
  wmma::store_matrix_sync(c, fc, ldc, wmma::mem_row_major);
}
extern "C" __global__ void half16(const half *a, const half *b, float *c) { product<half, float, wmma::row_major, wmma::col_major, 16, 16, 16>(a, b, c, 16, 16, 16); }
extern "C" __global__ void half32(const half *a, const half *b, half *c) { product<half, half, wmma::col_major, wmma::row_major, 32, 8, 16>(a, b, c, 32, 8, 8); }
extern "C" __global__ void bf8(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c) { product<__nv_bfloat16, float, wmma::row_major, wmma::row_major, 8, 32, 16>(a, b, c, 16, 32, 32); }
extern "C" __global__ void i8(const signed char *a, const signed char *b, int *c) { product<signed char, int, wmma::row_major, wmma::col_major, 16, 16, 16>(a, b, c, 16, 16, 16); }
extern "C" __global__ void f64(const double *a, const double *b, double *c) { product<double, double, wmma::row_major, wmma::col_major, 8, 8, 4>(a, b, c, 4, 4, 8); }
extern "C" __global__ void tf32(const float *a, const float *b, float *c) {
  wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, wmma::row_major> fa;
  wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32, wmma::col_major> fb;
  wmma::fragment<wmma::accumulator, 16, 16, 8, float> fc;
  wmma::load_matrix_sync(fa, a, 8); wmma::load_matrix_sync(fb, b, 8); wmma::load_matrix_sync(fc, c, 16, wmma::mem_col_major);
  for (int i = 0; i < fa.num_elements; ++i) fa.x[i] = wmma::__float_to_tf32(fa.x[i]);
  wmma::mma_sync(fc, fa, fb, fc);
  wmma::store_matrix_sync(c, fc, 16, wmma::mem_col_major);
}
extern "C" __global__ void bits(const unsigned *a, const unsigned *b, int *c) {
  using namespace wmma::experimental;
  wmma::fragment<wmma::matrix_a, 8, 8, 128, precision::b1, wmma::row_major> fa;
  wmma::fragment<wmma::matrix_b, 8, 8, 128, precision::b1, wmma::col_major> fb;
  wmma::fragment<wmma::accumulator, 8, 8, 128, int> fc;
  wmma::load_matrix_sync(fa, a, 128); wmma::load_matrix_sync(fb, b, 128); wmma::fill_fragment(fc, 0);
  wmma::bmma_sync(fc, fa, fb, fc, bmmaBitOpXOR);
  wmma::store_matrix_sync(c, fc, 8, wmma::mem_row_major);
}
