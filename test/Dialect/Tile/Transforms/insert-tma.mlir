// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma,tk-insert-tma))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not="Function=none"

!a = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!b = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!ring = !tk.ring<4, !a, !b>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!fly = !tk.inflight<tensor<64x64xf32>>

// Slots for each tile, named after the views, and two rows of barriers, made once at the start. The producer waits for
// the slot's release of the round before, announces the bytes, and copies; the copies publish. One thread of each
// consumer releases: the tensor core read for all.
// CHECK-LABEL: tk.kernel @gemm
// CHECK:         %[[A:.*]] = tk.alloc "A" : !tk.slots<4, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
// CHECK-NEXT:    %[[B:.*]] = tk.alloc "B" : !tk.slots<4, <64x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
// CHECK-NEXT:    %[[FULL:.*]] = tk.alloc "A, B full" : !tk.mbarriers<4>
// CHECK-NEXT:    %[[FREE:.*]] = tk.alloc "A, B free" : !tk.mbarriers<4>
// CHECK-NEXT:    tk.mbarrier_init %[[FULL]] arrivals 1 : !tk.mbarriers<4>
// CHECK-NEXT:    tk.mbarrier_init %[[FREE]] arrivals 2 : !tk.mbarriers<4>
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.specialize producer registers 40 {
// CHECK-NEXT:      %[[C:.*]] = tk.ring_start
// CHECK-NEXT:      tk.mbarrier_wait %[[FREE]][%[[C]]] previous : !tk.mbarriers<4>
// CHECK-NEXT:      tk.mbarrier_expect %[[FULL]][%[[C]]] bytes 24576 : !tk.mbarriers<4>
// CHECK-NEXT:      %[[SA:.*]] = tk.slot %[[A]][%[[C]]] : !tk.slots<4, <128x64xbf16,
// CHECK-NEXT:      tk.tma_load %A[%n, %m], %[[SA]], %[[FULL]][%[[C]]] : {{.*}}, !tk.mbarriers<4>
// CHECK-NEXT:      %[[SB:.*]] = tk.slot %[[B]][%[[C]]]
// CHECK-NEXT:      tk.tma_load %B[%m, %n], %[[SB]], %[[FULL]][%[[C]]]
// CHECK-NEXT:    } consumers 2 registers 232 {
// CHECK-NEXT:      %[[C:.*]] = tk.ring_start
// CHECK-NEXT:      %[[ME:.*]] = tk.replica
// CHECK-NEXT:      tk.mbarrier_wait %[[FULL]][%[[C]]] : !tk.mbarriers<4>
// CHECK-NEXT:      %[[SA:.*]] = tk.slot %[[A]][%[[C]]]
// CHECK-NEXT:      %[[SB:.*]] = tk.slot %[[B]][%[[C]]]
// CHECK-NEXT:      %[[P:.*]] = tk.shared_slice %[[SA]][%[[ME]]]
// CHECK:           tk.wgmma %[[P]], %[[SB]],
// CHECK:           tk.mbarrier_arrive %[[FREE]][%[[C]]] : !tk.mbarriers<4>
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Passed] tma | Category:tk-insert-tma | Function=gemm | Remark="A, B: the copy engine brings 24576 bytes a slot; 2 arrival(s) free it"
tk.kernel @gemm(%A: !in, %B: !in, %m: index, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  tk.specialize producer registers 40 {
    %c = tk.ring_start : !tk.cursor<4>
    tk.ring_acquire %r[%c] : !ring
    tk.ring_fill %r[%c] tile 0 from %A[%n, %m] : !ring, !in
    tk.ring_fill %r[%c] tile 1 from %B[%m, %n] : !ring, !in
    tk.ring_publish %r[%c] : !ring
  } consumers 2 registers 232 {
    %c = tk.ring_start : !tk.cursor<4>
    %me = tk.replica
    %a, %b = tk.ring_wait %r[%c] : !ring
    %p = tk.shared_slice %a[%me] along 0 : !a -> !b
    %z = arith.constant dense<0.0> : tensor<64x64xf32>
    %f = tk.wgmma_fence %z : tensor<64x64xf32>
    %g = tk.wgmma %p, %b, %f : !b, !b, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
  }
  tk.return
}

// Where threads read a slot themselves, through a slice as well, every one of them releases it.
// CHECK-LABEL: tk.kernel @by_threads
// CHECK:         tk.mbarrier_init %{{.*}} arrivals 1 : !tk.mbarriers<4>
// CHECK-NEXT:    tk.mbarrier_init %[[FREE:.*]] arrivals 384 : !tk.mbarriers<4>
// CHECK:         tk.mbarrier_arrive %[[FREE]][%{{.*}}] all_threads : !tk.mbarriers<4>
// REMARK-DAG: Function=by_threads | Remark="A, B: the copy engine brings 24576 bytes a slot; 384 arrival(s) free it"
tk.kernel @by_threads(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  tk.specialize producer registers 32 {
  } consumers 3 registers 160 {
    %c = tk.ring_start : !tk.cursor<4>
    %me = tk.replica
    %a, %b = tk.ring_wait %r[%c] : !ring
    %p = tk.shared_slice %a[%me] along 0 : !a -> !b
    %t = tk.shared_load %p : !b -> tensor<64x64xbf16>
    tk.ring_release %r[%c] : !ring
  }
  tk.return
}

// Without roles the block's one warpgroup is both. Two rings: all barriers are made before any is used, with one
// block barrier. A label that does not list its tiles numbers them.
// CHECK-LABEL: tk.kernel @no_roles
// CHECK:         %[[ONE:.*]] = tk.alloc "one.0" : !tk.slots<4, <128x64xbf16,
// CHECK-NEXT:    tk.alloc "one.1" : !tk.slots<4, <64x64xbf16,
// CHECK-NEXT:    %[[FULL:.*]] = tk.alloc "one full" : !tk.mbarriers<4>
// CHECK-NEXT:    %[[FREE:.*]] = tk.alloc "one free" : !tk.mbarriers<4>
// CHECK-NEXT:    tk.mbarrier_init %[[FULL]] arrivals 1
// CHECK-NEXT:    tk.mbarrier_init %[[FREE]] arrivals 1
// CHECK-NEXT:    tk.alloc "two" : !tk.slots<1, <64x64xbf16,
// CHECK-NEXT:    %[[FULL2:.*]] = tk.alloc "two full" : !tk.mbarriers<1>
// CHECK-NEXT:    %[[FREE2:.*]] = tk.alloc "two free" : !tk.mbarriers<1>
// CHECK-NEXT:    tk.mbarrier_init %[[FULL2]] arrivals 1
// CHECK-NEXT:    tk.mbarrier_init %[[FREE2]] arrivals 1
// CHECK-NEXT:    tk.barrier
// CHECK-NOT:     tk.barrier
// CHECK:         scf.for {{.*}} iter_args(%[[C:.*]] = %{{.*}})
// CHECK-NEXT:      tk.mbarrier_wait %[[FREE]][%[[C]]] previous
// CHECK-NEXT:      tk.mbarrier_expect %[[FULL]][%[[C]]] bytes 24576
// CHECK-NEXT:      tk.mbarrier_wait %[[FULL]][%[[C]]] :
// CHECK-NEXT:      = tk.slot %
// CHECK-NEXT:      = tk.slot %
// CHECK-NEXT:      tk.mbarrier_arrive %[[FREE]][%[[C]]] :
// CHECK-NEXT:      tk.ring_advance
// CHECK:         tk.mbarrier_expect %[[FULL2]][%{{.*}}] bytes 8192
tk.kernel @no_roles(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "one" : !ring
  %q = tk.ring "two" : !tk.ring<1, !b>
  %c0 = tk.ring_start : !tk.cursor<4>
  %d = tk.ring_start : !tk.cursor<1>
  %e = scf.for %k = %n to %n step %n iter_args(%c = %c0) -> !tk.cursor<4> {
    tk.ring_acquire %r[%c] : !ring
    tk.ring_publish %r[%c] : !ring
    %a, %b = tk.ring_wait %r[%c] : !ring
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %next : !tk.cursor<4>
  }
  tk.ring_acquire %q[%d] : !tk.ring<1, !b>
  tk.return
}

// No ring, no barrier; a lowered kernel has none.
// CHECK-LABEL: tk.kernel @none
// CHECK-NOT:     tk.barrier
// CHECK:         tk.return
tk.kernel @none(%n: index) attributes {lowered_to = @tk_device::@none} grid {
  tk.grid %n
} {
  tk.return
}
