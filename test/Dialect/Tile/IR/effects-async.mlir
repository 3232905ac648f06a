// RUN: tk-opt --canonicalize --cse --loop-invariant-code-motion --canonicalize --cse %s | FileCheck %s

// What generic passes may and may not do to rings, roles, barriers in memory and copies: see effects.mlir.

!panel = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!ring = !tk.ring<2, !panel, !panel>
!A = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!acc = tensor<64x64xf32>

// Equal operations of a ring, with or without users, are all kept, and in their order.
// CHECK-LABEL: tk.kernel @rings
// CHECK:         %[[R:.*]] = tk.ring
// CHECK-NEXT:    %[[C:.*]] = tk.ring_start
// CHECK-NEXT:    tk.ring_acquire %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_acquire %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_fill %[[R]][%[[C]]] tile 0
// CHECK-NEXT:    tk.ring_fill %[[R]][%[[C]]] tile 0
// CHECK-NEXT:    tk.ring_publish %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_publish %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_wait %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_wait %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_release %[[R]][%[[C]]]
// CHECK-NEXT:    tk.ring_release %[[R]][%[[C]]]
// CHECK-NEXT:    tk.return
tk.kernel @rings(%A: !A, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  tk.ring_acquire %r[%c] : !ring
  tk.ring_acquire %r[%c] : !ring
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !A
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !A
  tk.ring_publish %r[%c] : !ring
  tk.ring_publish %r[%c] : !ring
  %a, %b = tk.ring_wait %r[%c] : !ring
  %d, %e = tk.ring_wait %r[%c] : !ring
  tk.ring_release %r[%c] : !ring
  tk.ring_release %r[%c] : !ring
  tk.return
}

// Two rings of one type are two; one that nothing uses goes, with its cursor. Cursors, pieces and slots are values:
// computed once, and gone without users.
// CHECK-LABEL: tk.kernel @values
// CHECK:         %[[ONE:.*]] = tk.ring "r"
// CHECK-NEXT:    %[[TWO:.*]] = tk.ring "r"
// CHECK-NEXT:    %[[SLOTS:.*]] = tk.alloc "slots"
// CHECK-NEXT:    %[[C:.*]] = tk.ring_start : !tk.cursor<2>
// CHECK-NEXT:    %[[N:.*]] = tk.ring_advance %[[C]]
// CHECK-NEXT:    %[[S:.*]] = tk.slot %[[SLOTS]][%[[N]]]
// CHECK-NEXT:    %[[P:.*]] = tk.shared_slice %[[S]][%n]
// CHECK-NEXT:    tk.ring_acquire %[[ONE]][%[[N]]]
// CHECK-NEXT:    tk.ring_acquire %[[TWO]][%[[N]]]
// CHECK-NEXT:    tk.shared_store %{{.*}}, %[[P]]
// CHECK-NEXT:    tk.shared_store %{{.*}}, %[[P]]
// CHECK-NEXT:    tk.return
tk.kernel @values(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %t = tk.ring "r" : !ring
  %unused = tk.ring "unused" : !ring
  %slots = tk.alloc "slots" : !tk.slots<2, !panel>
  %c0 = tk.ring_start : !tk.cursor<2>
  %c1 = tk.ring_start : !tk.cursor<2>
  %c3 = tk.ring_start : !tk.cursor<3>
  %n0 = tk.ring_advance %c0 : !tk.cursor<2>
  %n1 = tk.ring_advance %c1 : !tk.cursor<2>
  %s0 = tk.slot %slots[%n0] : !tk.slots<2, !panel>
  %s1 = tk.slot %slots[%n1] : !tk.slots<2, !panel>
  %p0 = tk.shared_slice %s0[%n] along 0 : !panel -> !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %p1 = tk.shared_slice %s1[%n] along 0 : !panel -> !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.ring_acquire %r[%n0] : !ring
  tk.ring_acquire %t[%n1] : !ring
  %z = arith.constant dense<0.0> : tensor<32x64xbf16>
  tk.shared_store %z, %p0 : tensor<32x64xbf16>, !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.shared_store %z, %p1 : tensor<32x64xbf16>, !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// A load of a slot is another load after any operation that hands slots over, and equal to its twin without one.
// CHECK-LABEL: tk.kernel @loads
// CHECK:         %[[T0:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_release
// CHECK-NEXT:    %[[T1:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_wait
// CHECK-NEXT:    %[[T2:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_acquire
// CHECK-NEXT:    %[[T3:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_fill
// CHECK-NEXT:    %[[T4:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_publish
// CHECK-NEXT:    %[[T5:.*]] = tk.shared_load
// CHECK-NEXT:    tk.store %[[T0]],
// CHECK-NEXT:    tk.store %[[T0]],
// CHECK-NEXT:    tk.store %[[T1]],
// CHECK-NEXT:    tk.store %[[T2]],
// CHECK-NEXT:    tk.store %[[T3]],
// CHECK-NEXT:    tk.store %[[T4]],
// CHECK-NEXT:    tk.store %[[T5]],
// CHECK-NEXT:    tk.return
tk.kernel @loads(%A: !A, %C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  %a, %b = tk.ring_wait %r[%c] : !ring
  %t0 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  %same = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  tk.ring_release %r[%c] : !ring
  %t1 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  %d, %e = tk.ring_wait %r[%c] : !ring
  %t2 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  tk.ring_acquire %r[%c] : !ring
  %t3 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !A
  %t4 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  tk.ring_publish %r[%c] : !ring
  %t5 = tk.shared_load %a : !panel -> tensor<64x64xbf16>
  tk.store %t0, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %same, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t1, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t2, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t3, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t4, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t5, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.return
}

// The same of barriers in memory and of the copy engine.
// CHECK-LABEL: tk.kernel @barriers
// CHECK:         tk.mbarrier_init
// CHECK-NEXT:    tk.mbarrier_init
// CHECK-NEXT:    tk.mbarrier_expect
// CHECK-NEXT:    tk.mbarrier_expect
// CHECK-NEXT:    %[[T0:.*]] = tk.shared_load
// CHECK-NEXT:    tk.tma_load
// CHECK-NEXT:    tk.tma_load
// CHECK-NEXT:    %[[T1:.*]] = tk.shared_load
// CHECK-NEXT:    tk.mbarrier_wait
// CHECK-NEXT:    %[[T2:.*]] = tk.shared_load
// CHECK-NEXT:    tk.mbarrier_wait
// CHECK-NEXT:    tk.mbarrier_wait %{{.*}} previous
// CHECK-NEXT:    %[[T3:.*]] = tk.shared_load
// CHECK-NEXT:    tk.mbarrier_arrive
// CHECK-NEXT:    %[[T4:.*]] = tk.shared_load
// CHECK-NEXT:    tk.mbarrier_arrive
// CHECK-NEXT:    tk.mbarrier_arrive %{{.*}} all_threads
// CHECK-NEXT:    tk.store %[[T0]],
// CHECK-NEXT:    tk.store %[[T1]],
// CHECK-NEXT:    tk.store %[[T2]],
// CHECK-NEXT:    tk.store %[[T3]],
// CHECK-NEXT:    tk.store %[[T4]],
// CHECK-NEXT:    tk.return
tk.kernel @barriers(%A: !A, %C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %s = tk.alloc "s" : !panel
  %c = tk.ring_start : !tk.cursor<2>
  tk.mbarrier_init %b arrivals 1 : !tk.mbarriers<2>
  tk.mbarrier_init %b arrivals 1 : !tk.mbarriers<2>
  tk.mbarrier_expect %b[%c] bytes 8192 : !tk.mbarriers<2>
  tk.mbarrier_expect %b[%c] bytes 8192 : !tk.mbarriers<2>
  %t0 = tk.shared_load %s : !panel -> tensor<64x64xbf16>
  tk.tma_load %A[%n, %n], %s, %b[%c] : !A, !panel, !tk.mbarriers<2>
  tk.tma_load %A[%n, %n], %s, %b[%c] : !A, !panel, !tk.mbarriers<2>
  %t1 = tk.shared_load %s : !panel -> tensor<64x64xbf16>
  tk.mbarrier_wait %b[%c] : !tk.mbarriers<2>
  %t2 = tk.shared_load %s : !panel -> tensor<64x64xbf16>
  tk.mbarrier_wait %b[%c] : !tk.mbarriers<2>
  tk.mbarrier_wait %b[%c] previous : !tk.mbarriers<2>
  %t3 = tk.shared_load %s : !panel -> tensor<64x64xbf16>
  tk.mbarrier_arrive %b[%c] : !tk.mbarriers<2>
  %t4 = tk.shared_load %s : !panel -> tensor<64x64xbf16>
  tk.mbarrier_arrive %b[%c] : !tk.mbarriers<2>
  tk.mbarrier_arrive %b[%c] all_threads : !tk.mbarriers<2>
  tk.store %t0, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t1, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t2, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t3, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.store %t4, %C[%n, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
  tk.return
}

// Retirements and fences of what is in flight are kept, used or not.
// CHECK-LABEL: tk.kernel @retired
// CHECK:         tk.wgmma_fence %{{.*}} : tensor
// CHECK-NEXT:    tk.wgmma_fence %{{.*}} : !tk.inflight
// CHECK-NEXT:    tk.wgmma_fence %{{.*}} : !tk.inflight
// CHECK-NEXT:    tk.wgmma_retire
// CHECK-NEXT:    tk.wgmma_retire
// CHECK-NEXT:    tk.return
tk.kernel @retired(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma_fence %f : !tk.inflight<!acc>
  %h = tk.wgmma_fence %f : !tk.inflight<!acc>
  %i = tk.wgmma_retire %g pending 1 : !tk.inflight<!acc>
  %j = tk.wgmma_retire %g pending 1 : !tk.inflight<!acc>
  tk.return
}

// In loops of roles: what is invariant and pure leaves the loop but not its role; nothing else moves, though its
// operands are invariant.
// CHECK-LABEL: tk.kernel @loops
// CHECK:         tk.specialize producer registers 40 {
// CHECK:           %[[C:.*]] = tk.ring_start
// CHECK:           %[[N:.*]] = tk.ring_advance %[[C]]
// CHECK-NEXT:      %[[S:.*]] = tk.slot %{{.*}}[%[[N]]]
// CHECK-NEXT:      %[[SIZE:.*]] = arith.addi
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tk.ring_acquire %{{.*}}[%[[N]]]
// CHECK-NEXT:        tk.ring_fill %{{.*}}[%[[N]]] tile 0 from %A[%[[SIZE]], %n]
// CHECK-NEXT:        tk.ring_publish
// CHECK-NEXT:        tk.mbarrier_wait
// CHECK-NEXT:        tk.mbarrier_expect
// CHECK-NEXT:        tk.tma_load %A[%[[SIZE]], %n], %[[S]]
// CHECK-NEXT:      }
// CHECK-NEXT:    } consumers 2 registers 232 {
// CHECK:           %[[I:.*]] = tk.replica
// CHECK-NEXT:      %[[ROW:.*]] = arith.addi %[[I]], %n
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        %[[T:.*]]:2 = tk.ring_wait
// CHECK-NEXT:        %[[A:.*]] = tk.shared_slice %[[T]]#0[%[[I]]]
// CHECK-NEXT:        tk.wgmma_fence
// CHECK-NEXT:        tk.wgmma %
// CHECK-NEXT:        tk.wgmma_commit
// CHECK-NEXT:        tk.wgmma_retire
// CHECK-NEXT:        tk.ring_release
// CHECK-NEXT:        tk.shared_load %[[A]]
// CHECK-NEXT:        tk.barrier
// CHECK-NEXT:        tk.store %{{.*}}, %C[%[[ROW]], %n]
// CHECK-NEXT:        tk.mbarrier_wait
// CHECK-NEXT:        tk.mbarrier_arrive
// CHECK-NEXT:      }
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.return
tk.kernel @loops(%A: !A, %C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %slots = tk.alloc "slots" : !tk.slots<2, !panel>
  %m = tk.program_id 0
  tk.specialize producer registers 40 {
    %c = tk.ring_start : !tk.cursor<2>
    scf.for %i = %m to %n step %n {
      %d = tk.ring_advance %c : !tk.cursor<2>
      %s = tk.slot %slots[%d] : !tk.slots<2, !panel>
      %j = arith.addi %n, %n : index
      tk.ring_acquire %r[%d] : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>
      tk.ring_fill %r[%d] tile 0 from %A[%j, %n]
        : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>, !A
      tk.ring_publish %r[%d] : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>
      tk.mbarrier_wait %b[%d] previous : !tk.mbarriers<2>
      tk.mbarrier_expect %b[%d] bytes 8192 : !tk.mbarriers<2>
      tk.tma_load %A[%j, %n], %s, %b[%d] : !A, !panel, !tk.mbarriers<2>
    }
  } consumers 2 registers 232 {
    %c = tk.ring_start : !tk.cursor<2>
    scf.for %i = %m to %n step %n {
      %id = tk.replica
      %row = arith.addi %id, %n : index
      %a, %t = tk.ring_wait %r[%c] : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>
      %p = tk.shared_slice %a[%id] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !panel
      %z = arith.constant dense<0.0> : !acc
      %f = tk.wgmma_fence %z : !acc
      %g = tk.wgmma %p, %t, %f : !panel, !panel, !tk.inflight<!acc>
      tk.wgmma_commit
      %h = tk.wgmma_retire %g pending 1 : !tk.inflight<!acc>
      tk.ring_release %r[%c] : !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !panel>
      %l = tk.shared_load %p : !panel -> tensor<64x64xbf16>
      tk.barrier
      tk.store %l, %C[%row, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
      tk.mbarrier_wait %b[%c] : !tk.mbarriers<2>
      tk.mbarrier_arrive %b[%c] : !tk.mbarriers<2>
    }
  }
  tk.return
}

// Roles that do nothing go as a whole.
// CHECK-LABEL: tk.kernel @idle
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
tk.kernel @idle(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    %c = tk.ring_start : !tk.cursor<2>
  } consumers 2 registers 232 {
    %i = tk.replica
  }
  tk.return
}

// Constants stay in their role, where each has its own: a register tile outside would be no warpgroup's. Constants and
// sizes from outside are used inside.
// CHECK-LABEL: tk.kernel @constants
// CHECK-NEXT:    tk.grid
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[R:.*]] = tk.ring
// CHECK-NEXT:    tk.specialize producer registers 40 {
// CHECK-NEXT:      %[[SEVEN:.*]] = arith.constant 7 : index
// CHECK-NEXT:      %[[C:.*]] = tk.ring_start
// CHECK-NEXT:      tk.ring_fill %[[R]][%[[C]]] tile 0 from %A[%[[SEVEN]], %[[SEVEN]]]
// CHECK-NEXT:    } consumers 2 registers 232 {
// CHECK-DAG:       %[[SEVEN:.*]] = arith.constant 7 : index
// CHECK-DAG:       %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<64x64xbf16>
// CHECK-NOT:       arith.constant
// CHECK:           tk.store %[[Z]], %C[%[[SEVEN]], %[[SEVEN]]]
// CHECK:           scf.for
// CHECK-NEXT:        tk.store %[[Z]], %C[%{{.*}}, %[[SEVEN]]]
tk.kernel @constants(%A: !A, %C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %six = arith.constant 6 : index
  tk.specialize producer registers 40 {
    %one = arith.constant 1 : index
    %seven = arith.addi %six, %one : index
    %c = tk.ring_start : !tk.cursor<2>
    tk.ring_fill %r[%c] tile 0 from %A[%seven, %seven] : !ring, !A
  } consumers 2 registers 232 {
    %one = arith.constant 1 : index
    %seven = arith.addi %six, %one : index
    %z = arith.constant dense<0.0> : tensor<64x64xbf16>
    tk.store %z, %C[%seven, %seven] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
    scf.for %i = %one to %n step %one {
      %y = arith.constant dense<0.0> : tensor<64x64xbf16>
      tk.store %y, %C[%i, %seven] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
    }
  }
  tk.return
}
