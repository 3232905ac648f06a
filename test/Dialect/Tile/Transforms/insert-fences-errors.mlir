// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' --verify-diagnostics --split-input-file %s

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32, #tk.wgmma_acc>

// An overwrite with the product still in flight: no fence can help.
tk.kernel @in_flight(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  // expected-error@+1 {{'tk.copy' op overwrites "a" while a product in flight may still read it; a 'tk.wgmma_wait' must come first}}
  tk.copy %A[%n, %n], %a : !tk.global<?x?xbf16>, !sa
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// -----

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32, #tk.wgmma_acc>

// A wait that leaves the newest group pending does not cover it; another buffer's bytes count by address.
tk.kernel @pending(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %alias = tk.alloc "alias" at 0 : !sa
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 1 : !tk.inflight<!acc>
  // expected-error@+1 {{'tk.copy' op overwrites "alias" while a product in flight may still read it; a 'tk.wgmma_wait' must come first}}
  tk.copy %A[%n, %n], %alias : !tk.global<?x?xbf16>, !sa
  tk.return
}

// -----

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32, #tk.wgmma_acc>

// Around a loop: the copy of the next trip meets the product of this one.
tk.kernel @next_trip(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %r = scf.for %i = %n to %n step %n iter_args(%sum = %f) -> !tk.inflight<!acc> {
    // expected-error@+1 {{'tk.copy' op overwrites "a" while a product in flight may still read it; a 'tk.wgmma_wait' must come first}}
    tk.copy %A[%n, %i], %a : !tk.global<?x?xbf16>, !sa
    %g = tk.wgmma %a, %b, %sum : !sa, !sb, !tk.inflight<!acc>
    tk.wgmma_commit
    scf.yield %g : !tk.inflight<!acc>
  }
  tk.return
}

// -----

tk.kernel @no_offset(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op has no offset yet; run tk-allocate-shared first}}
  %s = tk.alloc "s" : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
  tk.return
}

// -----

!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>

// A buffer chosen at run time.
tk.kernel @choice(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !sb
  %t = tk.alloc "t" at 256 : !sb
  %c = arith.cmpi eq, %n, %n : index
  %u = arith.select %c, %s, %t : !sb
  // expected-error@+1 {{'tk.shared_load' op accesses a shared tile that is no 'tk.alloc' of this kernel; fences can only be placed where the buffer is known}}
  %v = tk.shared_load %u : !sb -> tensor<16x8xbf16>
  tk.return
}

// -----

// Control flow that the pass does not follow.
tk.kernel @while(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
  // expected-error@+1 {{'scf.while' op is control flow that tk-insert-fences does not follow; use scf.for or scf.if}}
  scf.while : () -> () {
    %c = arith.constant false
    scf.condition(%c)
  } do {
    scf.yield
  }
  tk.return
}
