// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-certify))' --verify-diagnostics --split-input-file %s

!s = !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @no_register_layout(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %z = arith.constant dense<0.0> : tensor<32x64xbf16>
  // expected-error@+1 {{'tk.shared_store' op has operands without a layout; run tk-assign-swizzles and tk-assign-layouts first}}
  tk.shared_store %z, %s : tensor<32x64xbf16>, !s
  tk.return
}

// -----

!bare = !tk.shared<64x8xf32>
tk.kernel @no_shared_layout(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !bare
  // expected-error@+1 {{'tk.shared_load' op has operands without a layout; run tk-assign-swizzles and tk-assign-layouts first}}
  %t = tk.shared_load %s : !bare -> tensor<64x8xf32, #tk.wgmma_acc>
  tk.return
}

// -----

tk.kernel @no_way(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.copy' op has operands without a layout}}
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

// Panels of 24 rows, threads across panels: no constant distance.
!odd = !tk.shared<24x256xbf16, #tk.swizzle<128, order = [1, 0]>>
#across = #tk.blocked<per_thread = [1, 8], lanes = [1, 32], warps = [4, 1], order = [1, 0]>
tk.kernel @carry(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !odd
  %z = arith.constant dense<0.0> : tensor<24x256xbf16, #across>
  // expected-error@+1 {{'tk.shared_store' op has no access plan: register 0 of thread 24 holds element (0, 192) at byte 9216, expected 5120: the register layout and the shared layout share no constant distance}}
  tk.shared_store %z, %s : tensor<24x256xbf16, #across>, !odd
  tk.return
}
