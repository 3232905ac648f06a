// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-overlap-products))' %s | FileCheck %s

// silent hang. All releases after the wait are put off, that of a ring of one stage too, which no product reads: the
// producer never gets its slot back for the next iteration. Expected: only the operands' slots are released later.

// CHECK:     scf.for
// CHECK:     tk.ring_wait %[[ONE:.*]][%[[D:.*]]] : !tk.ring<1
// CHECK:     tk.ring_release %[[ONE]][%[[D]]]
// CHECK:     scf.yield
!s = !tk.shared<64x64xbf16>
!two = !tk.ring<2, !s, !s>
!one = !tk.ring<1, !s>
!acc = tensor<64x64xf32>
!fly = !tk.inflight<tensor<64x64xf32>>
tk.kernel @k(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "ab" : !two
  %o = tk.ring "o" : !one
  %c0 = tk.ring_start : !tk.cursor<2>
  %d0 = tk.ring_start : !tk.cursor<1>
  %z = arith.constant dense<0.0> : !acc
  %p:3 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0, %d = %d0) -> (!acc, !tk.cursor<2>, !tk.cursor<1>) {
    %a, %b = tk.ring_wait %r[%c] : !two
    %t = tk.ring_wait %o[%d] : !one
    %v = tk.shared_load %t : !s -> tensor<64x64xbf16>
    tk.store %v, %C[%k, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %w = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !two
    tk.ring_release %o[%d] : !one
    %c1 = tk.ring_advance %c : !tk.cursor<2>
    %d1 = tk.ring_advance %d : !tk.cursor<1>
    scf.yield %w, %c1, %d1 : !acc, !tk.cursor<2>, !tk.cursor<1>
  }
  tk.return
}
