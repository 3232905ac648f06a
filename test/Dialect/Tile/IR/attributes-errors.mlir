// RUN: tk-opt --allow-unregistered-dialect --verify-diagnostics --split-input-file %s

// Blocked layouts: ranks, powers of two, 32 lanes, a permutation.
// expected-error@+1 {{expected 'per_thread', 'lanes' and 'warps' of one rank, got 2, 1 and 2}}
"test.def"() {a = #tk.blocked<per_thread = [1, 8], lanes = [32], warps = [4, 1], order = [1, 0]>} : () -> ()

// -----

// expected-error@+1 {{expected 'per_thread', 'lanes' and 'warps' of one rank, got 1, 1 and 2}}
"test.def"() {a = #tk.blocked<per_thread = [1], lanes = [32], warps = [4, 1], order = [0]>} : () -> ()

// -----

// expected-error@+1 {{expected extents that are powers of two, got 3}}
"test.def"() {a = #tk.blocked<per_thread = [3], lanes = [32], warps = [4], order = [0]>} : () -> ()

// -----

// expected-error@+1 {{expected extents that are powers of two, got 0}}
"test.def"() {a = #tk.blocked<per_thread = [1], lanes = [32], warps = [0], order = [0]>} : () -> ()

// -----

// expected-error@+1 {{expected 'lanes' to multiply to 32, got 16}}
"test.def"() {a = #tk.blocked<per_thread = [1, 8], lanes = [2, 8], warps = [4, 1], order = [1, 0]>} : () -> ()

// -----

// expected-error@+1 {{expected 'order' to be a permutation of the 2 dimensions, got [1, 1]}}
"test.def"() {a = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 1]>} : () -> ()

// -----

// expected-error@+1 {{expected 'order' to be a permutation of the 1 dimensions, got [0, 1]}}
"test.def"() {a = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0, 1]>} : () -> ()

// -----

// A layout must fit the tensor whose encoding it is.
// expected-error@+1 {{expected a tile of rank 1 for layout #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>, got rank 2}}
"test.def"() {a = tensor<64x64xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>} : () -> ()

// -----

// expected-error@+1 {{expected 'per_thread' to divide the tile, got 8 for extent 12 of dimension 0}}
"test.def"() {a = tensor<12xf32, #tk.blocked<per_thread = [8], lanes = [32], warps = [4], order = [0]>>} : () -> ()

// -----

// expected-error@+1 {{expected static, positive tile extents, got 0}}
"test.def"() {a = tensor<0xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>} : () -> ()

// -----

// expected-error@+1 {{expected a wgmma accumulator of 64 m x 8 n elements, got 32 x 8}}
"test.def"() {a = tensor<32x8xf32, #tk.wgmma_acc>} : () -> ()

// -----

// expected-error@+1 {{expected a wgmma accumulator of 64 m x 8 n elements, got 64 x 12}}
"test.def"() {a = tensor<64x12xf32, #tk.wgmma_acc>} : () -> ()

// -----

// expected-error@+1 {{expected a tile of rank 2 for layout #tk.wgmma_acc, got rank 1}}
"test.def"() {a = tensor<64xf32, #tk.wgmma_acc>} : () -> ()

// -----

// Swizzles: the machine's four spans, two dimensions.
// expected-error@+1 {{expected a swizzle span of 16, 32, 64 or 128 bytes, got 256}}
"test.def"() {a = #tk.swizzle<256, order = [1, 0]>} : () -> ()

// -----

// expected-error@+1 {{expected 'order' to be a permutation of the 2 dimensions, got [0]}}
"test.def"() {a = #tk.swizzle<128, order = [0]>} : () -> ()

// -----

// expected-error@+1 {{expected 'order' to be a permutation of the 2 dimensions, got [1, 2]}}
"test.def"() {a = #tk.swizzle<128, order = [1, 2]>} : () -> ()
