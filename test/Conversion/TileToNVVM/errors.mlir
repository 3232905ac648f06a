// RUN: tk-opt --convert-tk-to-nvvm --verify-diagnostics --split-input-file %s

// A dot that the tensor core did not take.
tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32, #tk.wgmma_acc>
  // expected-error@+1 {{'tk.dot' op has no lowering; tk-insert-wgmma must map it onto the tensor core (see its remarks)}}
  %d = tk.dot %z, %z, %z : tensor<64x64xf32, #tk.wgmma_acc>, tensor<64x64xf32, #tk.wgmma_acc>, tensor<64x64xf32, #tk.wgmma_acc>
  tk.return
}

// -----

tk.kernel @no_layout(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op holds 'tensor<8xf32>' without a register layout; run tk-assign-layouts first}}
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<8xf32>
  tk.return
}

// -----

// A layout over another number of threads than the block has would leave elements out, or write them twice.
#half = #tk.blocked<per_thread = [1], lanes = [32], warps = [2], order = [0]>
tk.kernel @threads(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op holds a tile laid out over 64 threads, but the kernel's blocks have 128}}
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<64xf32, #half>
  tk.return
}

// -----

tk.kernel @copy(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.copy' op holds 'tensor<8x64xbf16>' without a register layout; run tk-assign-layouts first}}
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

// Constants that differ have no lowering.
#flat = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
tk.kernel @constant(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+2 {{'arith.constant' op is a tile of differing constants, which has no lowering; load it from a view}}
  // expected-error@+1 {{failed to legalize operation 'arith.constant'}}
  %t = arith.constant dense<[0.0, 1.0]> : tensor<2xf32, #flat>
  tk.store %t, %v[%n] : tensor<2xf32, #flat>, !tk.global<?xf32>
  tk.return
}

// -----

// A buffer without a place.
tk.kernel @alloc(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{failed to legalize operation 'tk.alloc'}}
  %a = tk.alloc "a" : !tk.shared<64x16xf16>
  tk.barrier
  tk.return
}
