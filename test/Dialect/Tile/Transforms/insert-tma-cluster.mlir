// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!turned = !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>
!a = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!b = !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
!bt = !tk.shared<64x256xbf16, #tk.swizzle<128, order = [0, 1]>>
!c = !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// A is each program's own, B comes in two parts of one panel, each to both; a slot is free when both programs' only
// warpgroups have released it. Barriers are made before the other program uses them, and last until it is done.
// CHECK-LABEL: tk.kernel @panels
// CHECK:         tk.mbarrier_init %[[FULL:.*]] arrivals 1 : !tk.mbarriers<3>
// CHECK:         tk.mbarrier_init %[[FREE:.*]] arrivals 2 : !tk.mbarriers<3>
// CHECK-NEXT:    tk.cluster_barrier
// CHECK:         scf.for
// CHECK:           tk.mbarrier_wait %[[FREE]][%[[C:.*]]] previous cluster
// CHECK-NEXT:      tk.mbarrier_expect %[[FULL]][%[[C]]] bytes 32768
// CHECK-NEXT:      %[[A:.*]] = tk.slot
// CHECK-NEXT:      tk.tma_load %A[%n, %{{.*}}], %[[A]], %[[FULL]][%[[C]]] :
// CHECK-NEXT:      %[[B:.*]] = tk.slot
// CHECK-NEXT:      %[[PART:.*]] = arith.constant 64 : index
// CHECK-NEXT:      %[[FIRST:.*]] = arith.muli %[[RANK:.*]], %[[PART]] : index
// CHECK-NEXT:      %[[COLUMN:.*]] = arith.addi %n, %[[FIRST]] : index
// CHECK-NEXT:      %[[HALF:.*]] = tk.shared_slice %[[B]][%[[RANK]]] along 1 : {{.*}} -> !tk.shared<64x64xbf16
// CHECK-NEXT:      tk.tma_load %B[%{{.*}}, %[[COLUMN]]], %[[HALF]], %[[FULL]][%[[C]]] multicast 3 :
// CHECK-NEXT:      tk.mbarrier_wait %[[FULL]][%[[C]]] :
// CHECK:           tk.mbarrier_arrive %[[FREE]][%[[C]]] cluster 2
// CHECK:         tk.cluster_barrier
// CHECK-NEXT:    tk.return
// REMARK: Function=panels | Remark="A, B: the copy engine brings 32768 bytes a slot; 2 arrival(s) free it, from all programs of the cluster"
tk.kernel @panels(%A: !in, %B: !in, %n: index) attributes {cluster = array<i64: 1, 2>} grid {
  tk.grid %n, %n
} {
  %ring = tk.ring "A, B" : !tk.ring<3, !a, !b>
  %c0 = tk.ring_start : !tk.cursor<3>
  %e = scf.for %k = %n to %n step %n iter_args(%c = %c0) -> !tk.cursor<3> {
    tk.ring_acquire %ring[%c] : !tk.ring<3, !a, !b>
    tk.ring_fill %ring[%c] tile 0 from %A[%n, %k] : !tk.ring<3, !a, !b>, !in
    tk.ring_fill %ring[%c] tile 1 from %B[%k, %n] multicast : !tk.ring<3, !a, !b>, !in
    tk.ring_publish %ring[%c] : !tk.ring<3, !a, !b>
    %a, %b = tk.ring_wait %ring[%c] : !tk.ring<3, !a, !b>
    tk.ring_release %ring[%c] : !tk.ring<3, !a, !b>
    %d = tk.ring_advance %c : !tk.cursor<3>
    scf.yield %d : !tk.cursor<3>
  }
  tk.return
}

// One panel is cut along its rows, here the tile's columns.
// CHECK-LABEL: tk.kernel @rows
// CHECK:         tk.shared_slice %{{.*}}[%{{.*}}] along 1 : {{.*}} -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
// CHECK:         multicast 15
tk.kernel @rows(%B: !turned, %n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  %ring = tk.ring "B" : !tk.ring<3, !bt>
  %c = tk.ring_start : !tk.cursor<3>
  tk.ring_acquire %ring[%c] : !tk.ring<3, !bt>
  tk.ring_fill %ring[%c] tile 0 from %B[%n, %n] multicast : !tk.ring<3, !bt>, !turned
  tk.return
}

// Eight rows of one panel are no two parts: every program loads them, and shares nothing.
// CHECK-LABEL: tk.kernel @small
// CHECK:         tk.barrier
// CHECK-NOT:     multicast
// CHECK-NOT:     cluster 2
// CHECK-NOT:     tk.cluster_barrier
// REMARK: remark: [Missed] multicast | Category:tk-insert-tma | Function=small | Reason="!tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>> cannot be cut into 2 parts of whole panels or of rows that are multiples of 8; every program loads it"
tk.kernel @small(%B: !in, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %ring = tk.ring "B" : !tk.ring<3, !c>
  %c = tk.ring_start : !tk.cursor<3>
  tk.ring_acquire %ring[%c] : !tk.ring<3, !c>
  tk.ring_fill %ring[%c] tile 0 from %B[%n, %n] multicast : !tk.ring<3, !c>, !in
  tk.ring_release %ring[%c] : !tk.ring<3, !c>
  tk.return
}
