// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' %s | FileCheck %s

// silent race. tk.tma_load is not followed: here the copy for the next iteration overwrites what other threads of the
// block may still read, and no barrier is added (nor an error given while a product in flight reads the tile, nor a
// fence where threads wrote it). Buffers of rings are safe; a tile by hand, as in the example of tk.tma_load, is not.

// CHECK:     scf.for
// CHECK:     tk.barrier
// CHECK:     tk.tma_load
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
tk.kernel @k(%A: !in, %C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %b = tk.alloc "b" at 8192 : !tk.mbarriers<1>
  %c0 = tk.ring_start : !tk.cursor<1>
  tk.mbarrier_init %b arrivals 1 : !tk.mbarriers<1>
  tk.barrier
  %e = scf.for %i = %n to %n step %n iter_args(%c = %c0) -> !tk.cursor<1> {
    tk.mbarrier_expect %b[%c] bytes 8192 : !tk.mbarriers<1>
    tk.tma_load %A[%n, %i], %s, %b[%c] : !in, !s, !tk.mbarriers<1>
    tk.mbarrier_wait %b[%c] : !tk.mbarriers<1>
    %t = tk.shared_load %s : !s -> tensor<64x64xbf16, #rows>
    tk.store %t, %C[%n, %i] : tensor<64x64xbf16, #rows>, !tk.global<?x?xbf16>
    %d = tk.ring_advance %c : !tk.cursor<1>
    scf.yield %d : !tk.cursor<1>
  } {tk.independent}
  tk.return
}
