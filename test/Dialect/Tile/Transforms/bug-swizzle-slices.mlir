// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles))' %s --split-input-file | FileCheck %s

// invalid IR ("expected both tiles to have a layout or neither"). Slices of an alloc, and slices of slices, do not get
// the layout of what they are cut from; nor do slots (and what tk.slot gives).

// CHECK:     tk.shared_slice {{.*}} -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @alloc(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" : !tk.shared<128x64xbf16>
  %p = tk.shared_slice %a[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  %t = tk.shared_load %p : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
  tk.return
}

// -----

// CHECK:     tk.shared_slice
// CHECK:     tk.shared_slice {{.*}} -> !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!ring = !tk.ring<2, !tk.shared<128x64xbf16>>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @nested(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !in
  %a = tk.ring_wait %r[%c] : !ring
  %p = tk.shared_slice %a[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  %q = tk.shared_slice %p[%n] along 0 : !tk.shared<64x64xbf16> -> !tk.shared<8x64xbf16>
  tk.return
}

// -----

// CHECK:     tk.alloc "a" : !tk.slots<2, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
tk.kernel @slots(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" : !tk.slots<2, !tk.shared<128x64xbf16>>
  tk.return
}
