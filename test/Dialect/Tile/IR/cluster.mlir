// RUN: tk-opt --allow-unregistered-dialect %s | tk-opt --allow-unregistered-dialect | FileCheck %s
// RUN: tk-opt --allow-unregistered-dialect --mlir-print-op-generic %s | tk-opt --allow-unregistered-dialect | FileCheck %s
// RUN: tk-opt --allow-unregistered-dialect --canonicalize --cse %s | FileCheck %s --check-prefix=KEPT

!A = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!panel = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// CHECK-LABEL: "test.tuning"
// CHECK-SAME: #tk.tuning<group = 4, order = hilbert, cluster = 8>
"test.tuning"() {a = #tk.tuning<cluster = 8, order = hilbert, group = 4>} : () -> ()

// What reaches other programs, and a rank, which is the same value wherever it is asked for. A barrier is no other's
// twin, and nothing moves across one.
// CHECK-LABEL: tk.kernel @cluster(
// CHECK-SAME:    attributes {cluster = array<i64: 1, 2, 2>}
// CHECK:         %[[R:.*]] = tk.cluster_rank
// CHECK-NEXT:    tk.cluster_rank {note = "kept"}
// CHECK:         tk.mbarrier_arrive %[[B:.*]][%[[C:.*]]] cluster 4 : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_arrive %[[B]][%[[C]]] all_threads cluster 4 : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_wait %[[B]][%[[C]]] cluster : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_wait %[[B]][%[[C]]] previous cluster : !tk.mbarriers<2>
// CHECK-NEXT:    tk.tma_load %A[%n, %[[R]]], %{{.*}}, %[[B]][%[[C]]] multicast 15 : !tk.global
// CHECK-NEXT:    tk.cluster_barrier
// CHECK-NEXT:    tk.cluster_barrier
// KEPT-LABEL: tk.kernel @cluster(
// KEPT-COUNT-1: tk.cluster_rank
// KEPT-COUNT-2: tk.mbarrier_arrive
// KEPT-COUNT-2: tk.mbarrier_wait
// KEPT:         tk.tma_load %A[%n, %{{.*}}], {{.*}} multicast 15
// KEPT-COUNT-2: tk.cluster_barrier
tk.kernel @cluster(%A: !A, %n: index) attributes {cluster = array<i64: 1, 2, 2>} grid {
  tk.grid %n, %n, %n
} {
  %r = tk.cluster_rank
  %q = tk.cluster_rank {note = "kept"}
  %b = tk.alloc "full" at 8 : !tk.mbarriers<2>
  %s = tk.alloc "s" at 1024 : !panel
  %c = tk.ring_start : !tk.cursor<2>
  tk.mbarrier_init %b arrivals 1 : !tk.mbarriers<2>
  tk.mbarrier_arrive %b[%c] cluster 4 : !tk.mbarriers<2>
  tk.mbarrier_arrive %b[%c] all_threads cluster 4 : !tk.mbarriers<2>
  tk.mbarrier_wait %b[%c] cluster : !tk.mbarriers<2>
  tk.mbarrier_wait %b[%c] previous cluster : !tk.mbarriers<2>
  tk.tma_load %A[%n, %r], %s, %b[%c] multicast 15 : !A, !panel, !tk.mbarriers<2>
  tk.cluster_barrier
  tk.cluster_barrier
  tk.return
}

// What all programs of a cluster load alike.
// CHECK-LABEL: tk.kernel @shared_load
// CHECK:         tk.load %A[%n, %n] multicast : !tk.global
// CHECK:         tk.ring_fill %{{.*}}[%{{.*}}] tile 0 from %A[%n, %n] multicast {note = "kept"} : !tk.ring
tk.kernel @shared_load(%A: !A, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n] multicast : !A -> tensor<128x64xbf16>
  %ring = tk.ring "A" : !tk.ring<2, !panel>
  %c = tk.ring_start : !tk.cursor<2>
  tk.ring_fill %ring[%c] tile 0 from %A[%n, %n] multicast {note = "kept"} : !tk.ring<2, !panel>, !A
  tk.return
}
