// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' %s | FileCheck %s

// crash. The barriers are made where the operation after the last ring is, which may be one of the ring's and is erased.
// (Make the tk.barrier first and put the rest before it.)

// CHECK:     tk.mbarrier_init
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
  tk.ring_acquire %r[%c] : !ring
  tk.return
}
