// Device functions and the device runtime: recursion, function pointers, virtual functions, structures by value, warp
// and block operations in functions, printf, assert, the heap, alloca. README.md says how calls.ptx is made.
#include <cassert>
#include <cstdio>

//===--- Recursion -------------------------------------------------------===//

__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

struct Walk {
  int count, last;
  bool ordered;
};
/// In order through a binary search tree in an array, node i's children at 2i+1 and 2i+2; every thread from its own node.
__device__ __noinline__ int walk(const int *keys, int n, int node, Walk *w) {
  if (node >= n)
    return 0;
  int left = walk(keys, n, 2 * node + 1, w);
  w->ordered &= keys[node] >= w->last;
  w->last = keys[node];
  ++w->count;
  int right = walk(keys, n, 2 * node + 2, w);
  return 1 + (left > right ? left : right);
}

extern "C" __global__ void recursion(const int *keys, int n, int *fib, int *depth, int *count) {
  int t = threadIdx.x;
  fib[t] = fibonacci(t % 13);
  Walk w = {0, -1, true};
  depth[t] = walk(keys, n, t, &w);
  count[t] = w.ordered ? w.count : -1;
}

__device__ __noinline__ void quicksort(int *v, int n) {
  if (n < 2)
    return;
  int pivot = v[n / 2], i = 0, j = n - 1;
  while (i <= j) {
    while (v[i] < pivot)
      ++i;
    while (v[j] > pivot)
      --j;
    if (i <= j) {
      int s = v[i];
      v[i++] = v[j];
      v[j--] = s;
    }
  }
  quicksort(v, j + 1);
  quicksort(v + i, n - i);
}
/// Each thread a row of its own.
extern "C" __global__ void sort_rows(int *rows, int n) { quicksort(rows + n * (blockIdx.x * blockDim.x + threadIdx.x), n); }

//===--- Calls through addresses -----------------------------------------===//

typedef float (*Function)(float, int);
__device__ __noinline__ float shifted(float x, int i) { return x + i; }
__device__ __noinline__ float scaled(float x, int i) { return x * i; }
__device__ __noinline__ float chosen(float x, int i) {
  float values[4];
  for (int k = 0; k < 4; ++k)
    values[k] = x - k;
  return values[i & 3];
}
__device__ Function table[] = {shifted, scaled, chosen};

struct Shape {
  __device__ virtual float area() const = 0;
  __device__ virtual float twice() const { return 2 * area(); }
  __device__ virtual ~Shape() {}
};
struct Square : Shape {
  float side;
  __device__ Square(float side) : side(side) {}
  __device__ float area() const override { return side * side; }
};
struct Rectangle : Shape {
  float width, height;
  __device__ Rectangle(float width, float height) : width(width), height(height) {}
  __device__ float area() const override { return width * height; }
  __device__ float twice() const override { return 2 * width * height + 1; }
};

extern "C" __global__ void dispatch(float *pointers, float *shapes) {
  int t = threadIdx.x;
  pointers[t] = table[t % 3](1.5f * t, t);
  Shape *s = t % 5 == 0 ? static_cast<Shape *>(new Square(t)) : new Rectangle(t, t + 1);
  shapes[t] = s->twice();
  delete s;
}

/// Dense enough for a table of branches.
__device__ __noinline__ int opcode(int op, int a, int b) {
  switch (op) {
  case 0: return a + b;
  case 1: return a - b;
  case 2: return a * b;
  case 3: return a & b;
  case 4: return a | b;
  case 5: return a ^ b;
  case 6: return a << (b & 7);
  case 7: return a >> (b & 7);
  case 8: return ~a;
  case 9: return a > b ? a : b;
  case 10: return b % 7;
  case 11: return a / 3;
  case 12: return __popc(a);
  default: return -1;
  }
}
extern "C" __global__ void interpreter(const int *code, int n, int *out) {
  int a = threadIdx.x;
  for (int i = 0; i < n; ++i)
    a = opcode((code[i] + threadIdx.x) % 14, a, i + 3);
  out[threadIdx.x] = a;
}

//===--- Structures by value, and what needs several threads --------------===//

struct Matrix {
  double m[2][2];
  short tag;
};
__device__ __noinline__ Matrix product(Matrix a, Matrix b) {
  Matrix c;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j)
      c.m[i][j] = a.m[i][0] * b.m[0][j] + a.m[i][1] * b.m[1][j];
  c.tag = a.tag + b.tag;
  return c;
}
__device__ __noinline__ Matrix power(Matrix a, int n) {
  if (n == 1)
    return a;
  Matrix half = power(a, n / 2), all = product(half, half);
  return n % 2 ? product(all, a) : all;
}
extern "C" __global__ void matrices(double *out) {
  Matrix a = {{{1, 1}, {1, 0}}, 3};
  Matrix p = power(a, 1 + threadIdx.x);
  out[threadIdx.x] = p.m[0][1] + 1000 * p.tag;
}

__device__ __noinline__ int warp_sum(int v) {
  for (int k = 16; k; k /= 2)
    v += __shfl_xor_sync(~0u, v, k);
  return v;
}
__device__ __noinline__ int block_sum(int v) {
  __shared__ int part[32];
  v = warp_sum(v);
  if (threadIdx.x % 32 == 0)
    part[threadIdx.x / 32] = v;
  __syncthreads();
  v = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0;
  if (threadIdx.x < 32)
    v = warp_sum(v);
  return v;
}
extern "C" __global__ void reduce(const int *in, int *out) {
  int v = block_sum(in[blockIdx.x * blockDim.x + threadIdx.x]);
  if (threadIdx.x == 0)
    out[blockIdx.x] = v;
}

//===--- The device runtime ----------------------------------------------===//

struct Node {
  int value;
  Node *next;
};
/// Insertion into a sorted list on the heap.
extern "C" __global__ void lists(const int *in, int n, int *out) {
  Node *head = nullptr;
  int base = n * threadIdx.x;
  for (int i = 0; i < n; ++i) {
    Node *x = static_cast<Node *>(malloc(sizeof(Node))), **at = &head;
    assert(x);
    while (*at && (*at)->value < in[base + i])
      at = &(*at)->next;
    *x = {in[base + i], *at};
    *at = x;
  }
  for (int i = 0; head; ++i) {
    Node *next = head->next;
    out[base + i] = head->value;
    free(head);
    head = next;
  }
}

extern "C" __global__ void scratch(int n, int *out) {
  int mine = n + threadIdx.x % 4, *v = static_cast<int *>(alloca(mine * sizeof(int)));
  for (int i = 0; i < mine; ++i)
    v[i] = fibonacci(i % 8);
  int s = 0;
  for (int i = 0; i < mine; ++i)
    s = 3 * s + v[i * 5 % mine];
  out[threadIdx.x] = s;
}

extern "C" __global__ void talk(const char *name) {
  int t = threadIdx.x + blockDim.x * blockIdx.x;
  if (t % 3 == 0)
    printf("%s: thread %d of %llu, %c%% %08.3f %#x\n", name, t, 1ull << 40, 'a' + t, t / 8.0, 255 * t);
  if (t == 4)
    printf("no arguments\n");
}

extern "C" __global__ void check(int limit) { assert(int(threadIdx.x) < limit && "too many threads"); }
