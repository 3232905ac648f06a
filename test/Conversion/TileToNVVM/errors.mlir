// RUN: tk-opt --convert-tk-to-nvvm --verify-diagnostics --split-input-file %s

// A dot that the tensor core did not take.
tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32, #tk.wgmma_acc>
  // expected-error@+1 {{'tk.dot' op has no lowering: the tensor core cannot do it: operands of f32, which the tensor core takes only as tf32}}
  %d = tk.dot %z, %z, %z : tensor<64x64xf32, #tk.wgmma_acc>, tensor<64x64xf32, #tk.wgmma_acc>, tensor<64x64xf32, #tk.wgmma_acc>
  tk.return
}

// -----

// One that it could take.
tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32, #tk.wgmma_acc>
  %a = arith.constant dense<0.0> : tensor<64x64xbf16, #tk.wgmma_acc>
  // expected-error@+1 {{'tk.dot' op has no lowering; tk-insert-wgmma must map it onto the tensor core}}
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16, #tk.wgmma_acc>, tensor<64x64xbf16, #tk.wgmma_acc>, tensor<64x64xf32, #tk.wgmma_acc>
  tk.return
}

// -----

// fp8 is for the tensor core and for conversions.
tk.kernel @fp8(%v: !tk.global<?xf8E4M3FN>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf8E4M3FN> -> tensor<256xf8E4M3FN, #tk.blocked<per_thread = [2], lanes = [32], warps = [4], order = [0]>>
  // expected-error@+2 {{'arith.addf' op on fp8 has no lowering: expected arith.truncf from f32 or arith.extf to f32; compute in f32}}
  // expected-error@+1 {{failed to legalize operation 'arith.addf'}}
  %u = arith.addf %t, %t : tensor<256xf8E4M3FN, #tk.blocked<per_thread = [2], lanes = [32], warps = [4], order = [0]>>
  tk.store %u, %v[%n] : tensor<256xf8E4M3FN, #tk.blocked<per_thread = [2], lanes = [32], warps = [4], order = [0]>>, !tk.global<?xf8E4M3FN>
  tk.return
}

// -----

// A row that lies otherwise than the matrix needs it.
#acc = #tk.wgmma_acc
tk.kernel @broadcast(%v: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.load %v[%n, %n] : !tk.global<?x?xf32> -> tensor<64x1xf32, #tk.blocked<per_thread = [1, 1], lanes = [32, 1], warps = [4, 1], order = [0, 1]>>
  // expected-error@+2 {{'tk.broadcast' op takes elements that other threads hold: expected the layout #tk.slice<#tk.wgmma_acc, shape = [64, 16]>, got #tk.blocked}}
  // expected-error@+1 {{failed to legalize operation 'tk.broadcast'}}
  %t = tk.broadcast %s : tensor<64x1xf32, #tk.blocked<per_thread = [1, 1], lanes = [32, 1], warps = [4, 1], order = [0, 1]>> -> tensor<64x16xf32, #acc>
  tk.store %t, %v[%n, %n] : tensor<64x16xf32, #acc>, !tk.global<?x?xf32>
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
