// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' %s | FileCheck %s

// silent hang. A ring that is used before another one is made: its barriers are made after their first use.

// CHECK-NOT: tk.mbarrier_wait
// CHECK:     tk.barrier
// CHECK:     tk.mbarrier_wait
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!ring = !tk.ring<2, !s>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %c = tk.ring_start : !tk.cursor<2>
  %r = tk.ring "r" : !ring
  %d = tk.ring_start : !tk.cursor<2>
  tk.ring_acquire %r[%c] : !ring
  %q = tk.ring "q" : !ring
  %e = tk.ring_start : !tk.cursor<2>
  tk.ring_acquire %q[%c] : !ring
  tk.return
}
