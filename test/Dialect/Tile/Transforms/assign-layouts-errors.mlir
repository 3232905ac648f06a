// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' --verify-diagnostics --split-input-file %s

#one = #tk.blocked<per_thread = [1, 4], lanes = [8, 4], warps = [4, 1], order = [1, 0]>
#two = #tk.blocked<per_thread = [4, 1], lanes = [4, 8], warps = [1, 4], order = [0, 1]>

// Two layouts in one component: both places. (Most operations refuse them themselves.)
tk.kernel @conflict(%A: !tk.global<?x?xf32>, %I: !tk.global<?x?xi32>, %n: index) grid {
  tk.grid %n
} {
  // expected-note@+1 {{and #tk.blocked<per_thread = [1, 4], lanes = [8, 4], warps = [4, 1], order = [1, 0]> here}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<64x64xf32, #one>
  // expected-error@+1 {{expected one layout for tiles that flow into each other, got #tk.blocked<per_thread = [4, 1], lanes = [4, 8], warps = [1, 4], order = [0, 1]> here; pass the tile through shared memory to change its layout}}
  %u = tk.load %I[%n, %n] : !tk.global<?x?xi32> -> tensor<64x64xi32, #two>
  %p = math.fpowi %t, %u : tensor<64x64xf32, #one>, tensor<64x64xi32, #two>
  tk.return
}

// -----

// The component's layout must fit each of its tiles.
tk.kernel @fit(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected a wgmma accumulator of 64 m x 8 n elements, got 32 x 8}}
  %z = arith.constant dense<0.0> : tensor<32x8xf32>
  %f = tk.wgmma_fence %z : tensor<32x8xf32>
  tk.return
}

// -----

// An encoding that is no layout.
tk.kernel @foreign(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected a register layout of the tk dialect, got 1 : i32}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<8x8xf32, 1 : i32>
  tk.return
}

// -----

// A layout over more threads than the block has.
#wide = #tk.blocked<per_thread = [1, 4], lanes = [8, 4], warps = [8, 1], order = [1, 0]>
tk.kernel @threads(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected a layout over the block's 128 threads, got #tk.blocked<per_thread = [1, 4], lanes = [8, 4], warps = [8, 1], order = [1, 0]> over 256}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<64x64xf32, #wide>
  tk.return
}

// -----

// Tiles have a dimension at least.
tk.kernel @rank(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected tiles of rank 1 or more, got 'tensor<f32>'; use a scalar}}
  %t = arith.constant dense<0.0> : tensor<f32>
  tk.return
}
