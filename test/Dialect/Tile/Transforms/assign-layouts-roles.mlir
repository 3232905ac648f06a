// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' --split-input-file --verify-diagnostics %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts,tk-assign-layouts))' --split-input-file --verify-diagnostics %s | FileCheck %s

// A block has a warpgroup for the producer and each consumer; a tile in a role is laid out over one.
// CHECK-LABEL: tk.kernel @three
// CHECK-SAME:    attributes {threads = 384 : i64}
// CHECK:         tk.load {{.*}} -> tensor<64x64xf32, #tk.blocked<per_thread = [1, 4], lanes = [4, 8], warps = [4, 1], order = [1, 0]>>
tk.kernel @three(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<64x64xf32>
    tk.store %t, %A[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  }
  tk.return
}

// What stays in flight around a loop, through fences and retirements, is the tensor core's, and what flows into it and
// out of it as well.
// CHECK-LABEL: tk.kernel @inflight
// CHECK-SAME:    attributes {threads = 256 : i64}
// CHECK:         arith.constant dense<0.000000e+00> : tensor<64x8xf32, #tk.wgmma_acc>
// CHECK:         scf.for {{.*}} -> (!tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>)
// CHECK-NEXT:      tk.wgmma_fence %{{.*}} : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
// CHECK-NEXT:      tk.wgmma_retire %{{.*}} pending 1 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
// CHECK:         arith.negf %{{.*}} : tensor<64x8xf32, #tk.wgmma_acc>
tk.kernel @inflight(%C: !tk.global<?x?xf32>, %n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %z = arith.constant dense<0.0> : tensor<64x8xf32>
    %f = tk.wgmma_fence %z : tensor<64x8xf32>
    %l = scf.for %i = %n to %n step %n iter_args(%g = %f) -> !tk.inflight<tensor<64x8xf32>> {
      %h = tk.wgmma_fence %g : !tk.inflight<tensor<64x8xf32>>
      %r = tk.wgmma_retire %h pending 1 : !tk.inflight<tensor<64x8xf32>>
      scf.yield %r : !tk.inflight<tensor<64x8xf32>>
    }
    %d = tk.wgmma_wait %l pending 0 : !tk.inflight<tensor<64x8xf32>>
    %m = arith.negf %d : tensor<64x8xf32>
    tk.store %m, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  }
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'threads' of 384, what this pass deals tiles out to, got 128}}
tk.kernel @threads(%n: index) attributes {threads = 128} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
  }
  tk.return
}

// -----

// A layout over more threads than a role has.
#two = #tk.blocked<per_thread = [1], lanes = [32], warps = [8], order = [0]>
tk.kernel @layout(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    // expected-error@+1 {{expected a layout over the block's 128 threads, got #tk.blocked<per_thread = [1], lanes = [32], warps = [8], order = [0]> over 256}}
    %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<256xf32, #two>
  }
  tk.return
}
