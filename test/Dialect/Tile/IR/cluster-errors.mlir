// RUN: tk-opt --allow-unregistered-dialect --split-input-file --verify-diagnostics %s

// expected-error@+1 {{expected 'cluster' to be one to three extents of at least 1, at most 8 programs, got [4, 4]}}
tk.kernel @k(%n: index) attributes {cluster = array<i64: 4, 4>} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{expected 'cluster' to be one to three extents of at least 1, at most 8 programs, got [2, 0]}}
tk.kernel @k(%n: index) attributes {cluster = array<i64: 2, 0>} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{expected 'cluster' to be one to three extents of at least 1, at most 8 programs, got []}}
tk.kernel @k(%n: index) attributes {cluster = array<i64>} grid {
  tk.grid %n
} {
  tk.return
}

// -----

tk.kernel @k(%n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %b = tk.alloc "free" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{expected to arrive at all programs of the kernel's cluster of 2, got 4}}
  tk.mbarrier_arrive %b[%c] cluster 4 : !tk.mbarriers<2>
  tk.return
}

// -----

!A = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!panel = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>

tk.kernel @k(%A: !A, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "full" : !tk.mbarriers<2>
  %s = tk.alloc "s" : !panel
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{expected a mask of the 1 program(s) of the kernel's cluster, got 3}}
  tk.tma_load %A[%n, %n], %s, %b[%c] multicast 3 : !A, !panel, !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "free" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{attribute 'cluster' failed to satisfy constraint: 64-bit signless integer attribute whose minimum value is 2}}
  tk.mbarrier_arrive %b[%c] cluster 1 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %t = arith.cmpi eq, %n, %n : index
  scf.if %t {
    // expected-error@+1 {{expects parent op 'tk.kernel'}}
    tk.cluster_barrier
  }
  tk.return
}

// -----

// expected-error@+1 {{expected 'cluster' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<cluster = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'cluster' of at most 8, the programs of a cluster, got 16}}
"test.def"() {a = #tk.tuning<cluster = 16>} : () -> ()

// -----

// expected-error@+1 {{expected a 'group' that is a power of two, as Hilbert's curve needs, got 6}}
"test.def"() {a = #tk.tuning<group = 6, order = hilbert>} : () -> ()

// -----

// expected-error@+2 {{expected one of [rows, bands, hilbert] for the order in which a persistent grid walks tiles, got: spiral}}
// expected-error@+1 {{failed to parse Tile_TuningAttr parameter 'order'}}
"test.def"() {a = #tk.tuning<order = spiral>} : () -> ()

// -----

tk.kernel @k(%n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf32>
  // expected-error@+1 {{expected a piece for each of the 4 program(s) of the kernel's cluster, got 2}}
  %s = tk.cluster_sum %t along 1 : tensor<64x64xf32> -> tensor<64x32xf32>
  tk.return
}

// -----

tk.kernel @k(%n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf32>
  // expected-error@+1 {{expected equal pieces of 'tensor<64x64xf32>' along dimension 1, got 'tensor<64x24xf32>'}}
  %s = tk.cluster_sum %t along 1 : tensor<64x64xf32> -> tensor<64x24xf32>
  tk.return
}

// -----

tk.kernel @k(%n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xbf16>
  // expected-error@+1 {{expected elements of f32 or i32, got 'bf16'}}
  %s = tk.cluster_sum %t along 1 : tensor<64x64xbf16> -> tensor<64x16xbf16>
  tk.return
}

// -----

// expected-error@+1 {{expected a size that is a multiple of 16 bytes, got 24}}
"test.def"() : () -> !tk.scratch<24>

// -----

// expected-error@+1 {{expected 'split_k' of at most 8, the programs of a cluster, got 16}}
"test.def"() {a = #tk.tuning<split_k = 16>} : () -> ()

// -----

// expected-error@+1 {{expected 'cluster' or 'split_k', got both: a cluster shares loads or the depth of a product}}
"test.def"() {a = #tk.tuning<cluster = 2, split_k = 2>} : () -> ()
