// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' --verify-diagnostics --split-input-file %s

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// Consumers share every buffer: what one wrote, another would overwrite.
tk.kernel @store(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %t = arith.constant dense<0.0> : tensor<64x64xbf16>
    scf.for %i = %n to %n step %n {
      // expected-error@+1 {{'tk.shared_store' op writes a buffer that all consumers share; give each the slice of its 'tk.replica'}}
      tk.shared_store %t, %s : tensor<64x64xbf16>, !s
    }
  }
  tk.return
}

// -----

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// A slice is only a consumer's own by its number.
tk.kernel @copy(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %p = tk.shared_slice %s[%n] along 0 : !s -> !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
    // expected-error@+1 {{'tk.copy' op writes a buffer that all consumers share; give each the slice of its 'tk.replica'}}
    tk.copy %A[%n, %n], %p : !tk.global<?x?xbf16>, !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  }
  tk.return
}

// -----

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!acc = tensor<64x64xf32, #tk.wgmma_acc>
!fly = !tk.inflight<!acc>

// Retiring older groups does not cover the newest.
tk.kernel @newest(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !s
  %b = tk.alloc "b" at 8192 : !s
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %a, %f : !s, !s, !fly
  tk.wgmma_commit
  %h = tk.wgmma %b, %b, %g : !s, !s, !fly
  tk.wgmma_commit
  %i = tk.wgmma_retire %h pending 1 : !fly
  // expected-error@+1 {{'tk.copy' op overwrites "b" while a product in flight may still read it; a 'tk.wgmma_wait' must come first}}
  tk.copy %A[%n, %n], %b : !tk.global<?x?xbf16>, !s
  %d = tk.wgmma_wait %i pending 0 : !fly
  tk.return
}

// -----

// A slot of a buffer that is chosen at run time.
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @chosen(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.slots<2, !s>
  %b = tk.alloc "b" at 16384 : !tk.slots<2, !s>
  %c = tk.ring_start : !tk.cursor<2>
  %t = arith.cmpi eq, %n, %n : index
  %x = arith.select %t, %a, %b : !tk.slots<2, !s>
  %s = tk.slot %x[%c] : !tk.slots<2, !s>
  // expected-error@+1 {{'tk.shared_load' op accesses a shared tile that is no 'tk.alloc' of this kernel; fences can only be placed where the buffer is known}}
  %l = tk.shared_load %s : !s -> tensor<64x64xbf16>
  tk.return
}
