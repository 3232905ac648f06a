// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-overlap-products))' %s | FileCheck %s

// silent hang. An iteration that takes two slots of a ring of two stages leaves none for the next one. Expected:
// declined, where a ring has less than twice the stages that an iteration waits for.

// CHECK-NOT: tk.wgmma_retire
// CHECK:     tk.return
!s = !tk.shared<64x64xbf16>
!two = !tk.ring<2, !s, !s>
!one = !tk.ring<1, !s>
!acc = tensor<64x64xf32>
!fly = !tk.inflight<tensor<64x64xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "ab" : !two
  %c0 = tk.ring_start : !tk.cursor<2>
  %d0 = tk.ring_advance %c0 : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %p:3 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0, %d = %d0) -> (!acc, !tk.cursor<2>, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !two
    %e, %h = tk.ring_wait %r[%d] : !two
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    %i = tk.wgmma %e, %h, %g : !s, !s, !fly
    tk.wgmma_commit
    %w = tk.wgmma_wait %i pending 0 : !fly
    tk.ring_release %r[%c] : !two
    tk.ring_release %r[%d] : !two
    %c1 = tk.ring_advance %d : !tk.cursor<2>
    %d1 = tk.ring_advance %c1 : !tk.cursor<2>
    scf.yield %w, %c1, %d1 : !acc, !tk.cursor<2>, !tk.cursor<2>
  }
  tk.return
}
