// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums,tk-place-sums))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!C = !tk.global<?x?xf32>

// Memory for both consumers, of which each uses its own; every thread of both programs' consumers arrives.
// CHECK-LABEL: tk.kernel @roles
// CHECK:         %[[BUFFER:.*]] = tk.alloc "sum" : !tk.scratch<32768>
// CHECK-NEXT:    %[[READY:.*]] = tk.alloc "sum ready" : !tk.mbarriers<1>
// CHECK-NEXT:    tk.mbarrier_init %[[READY]] arrivals 512 : !tk.mbarriers<1>
// CHECK-NEXT:    tk.cluster_barrier
// CHECK:         consumers 2 registers 232 {
// CHECK:           %[[REPLICA:.*]] = tk.replica
// CHECK-NEXT:      %[[CURSOR:.*]] = tk.ring_start : !tk.cursor<1>
// CHECK-NEXT:      tk.cluster_sum %{{.*}} along 1 through %[[BUFFER]] at %[[REPLICA]], %[[READY]][%[[CURSOR]]] : tensor<64x64xf32> -> tensor<64x32xf32>, !tk.scratch<32768>, !tk.mbarriers<1>, !tk.cursor<1>
// CHECK:         tk.cluster_barrier
// CHECK-NEXT:    tk.return
// REMARK: remark: [Passed] sum | Category:tk-place-sums | Function=roles | Remark="16384 bytes of scratch memory for each of 2 warpgroup(s); 512 arrivals say that all programs have written theirs"
tk.kernel @roles(%C: !C, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %t = arith.constant dense<1.0> : tensor<64x64xf32>
    %s = tk.cluster_sum %t along 1 : tensor<64x64xf32> -> tensor<64x32xf32>
    tk.store %s, %C[%n, %n] : tensor<64x32xf32>, !C
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @block
// CHECK:         tk.alloc "sum" : !tk.scratch<16384>
// CHECK:         arrivals 512
// CHECK:         tk.cluster_sum %{{.*}} along 0 through
tk.kernel @block(%C: !C, %n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf32>
  %s = tk.cluster_sum %t along 0 : tensor<64x64xf32> -> tensor<16x64xf32>
  tk.store %s, %C[%n, %n] : tensor<16x64xf32>, !C
  tk.return
}

// No sums, nothing to do.
// CHECK-LABEL: tk.kernel @none
// CHECK-NOT:     tk.cluster_barrier
tk.kernel @none(%n: index) attributes {cluster = array<i64: 4>} grid {
  tk.grid %n
} {
  tk.return
}
