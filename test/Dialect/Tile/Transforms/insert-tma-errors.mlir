// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' --verify-diagnostics --split-input-file %s

!ring = !tk.ring<4, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !tk.shared<64x64xbf16>>
tk.kernel @layout(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.ring' op has a tile without a layout, '!tk.shared<64x64xbf16>'; run tk-assign-swizzles first}}
  %r = tk.ring "A, B" : !ring
  tk.return
}

// -----

!ring = !tk.ring<4, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
tk.kernel @engine(%A: !tk.global<?x?xbf16, stride_divisible = [8, 1]>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A" : !ring
  %c = tk.ring_start : !tk.cursor<4>
  // expected-error@+1 {{'tk.ring_fill' op cannot be done by the copy engine: its address is only known to be a multiple of 2 bytes, expected 16}}
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !tk.global<?x?xbf16, stride_divisible = [8, 1]>
  tk.return
}

// -----

!ring = !tk.ring<4, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
tk.kernel @carried(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A" : !ring
  // expected-error@+1 {{'scf.for' op uses a ring, which only the operations of rings may}}
  %l = scf.for %i = %n to %n step %n iter_args(%s = %r) -> !ring {
    scf.yield %s : !ring
  }
  tk.return
}

// -----

!ring = !tk.ring<4, !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>

// The copy engine does not transpose.
tk.kernel @transposed(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A" : !ring
  %c = tk.ring_start : !tk.cursor<4>
  // expected-error@+1 {{expected a tile that is contiguous along the view's dimension 1, got 0; the copy engine does not transpose}}
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !in
  tk.return
}

// -----

!ring = !tk.ring<4, !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>

// The host makes the tensor map.
tk.kernel @chosen(%A: !in, %B: !in, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A" : !ring
  %c = tk.ring_start : !tk.cursor<4>
  %t = arith.cmpi eq, %n, %n : index
  %v = arith.select %t, %A, %B : !in
  // expected-error@+1 {{expected a view that is an argument of the kernel, or of a row of a table: the host makes the tensor map}}
  tk.ring_fill %r[%c] tile 0 from %v[%n, %n] : !ring, !in
  tk.return
}
