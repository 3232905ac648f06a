// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-wgmma))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-wgmma))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Operands that lie in shared memory already.

!sa = !tk.shared<64x16xbf16>
!sb = !tk.shared<16x8xbf16>
!ring = !tk.ring<2, !sa, !sb>
!acc = tensor<64x8xf32>

// Used where they lie: no buffer, no load, no store, though arithmetic and other loads come between.
// CHECK-LABEL: tk.kernel @in_place
// CHECK-NOT:     tk.alloc
// CHECK:         %[[T:.*]]:2 = tk.ring_wait
// CHECK-NEXT:    arith.addi
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense<1.0
// CHECK-NEXT:    %[[F:.*]] = tk.wgmma_fence %[[Z]]
// CHECK-NEXT:    %[[G:.*]] = tk.wgmma %[[T]]#0, %[[T]]#1, %[[F]] : !tk.shared<64x16xbf16>, !tk.shared<16x8xbf16>,
// CHECK-NEXT:    tk.wgmma_commit
// CHECK-NEXT:    %[[D:.*]] = tk.wgmma_wait %[[G]] pending 0
// CHECK-NEXT:    tk.ring_release
// CHECK-NEXT:    tk.store %[[D]]
// REMARK-DAG: Function=in_place | Remark="a product of 64 x 8 x 16 in bf16, operands where they lie in shared memory, waited for at once"
tk.kernel @in_place(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  %ta, %tb = tk.ring_wait %r[%c] : !ring
  %a = tk.shared_load %ta : !sa -> tensor<64x16xbf16>
  %b = tk.shared_load %tb : !sb -> tensor<16x8xbf16>
  %m = arith.addi %n, %n : index
  %z = arith.constant dense<1.0> : !acc
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, !acc
  tk.ring_release %r[%c] : !ring
  tk.store %d, %C[%m, %m] : !acc, !tk.global<?x?xf32>
  tk.return
}

// A slice is a shared tile as well. What else uses the load keeps it.
// CHECK-LABEL: tk.kernel @also_used
// CHECK-NOT:     tk.alloc
// CHECK:         %[[S:.*]] = tk.shared_slice
// CHECK-NEXT:    %[[A:.*]] = tk.shared_load %[[S]]
// CHECK-NOT:     tk.shared_load
// CHECK:         tk.wgmma %[[S]],
// CHECK:         tk.store %[[A]]
tk.kernel @also_used(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !tk.ring<2, !tk.shared<128x16xbf16>, !sb>
  %c = tk.ring_start : !tk.cursor<2>
  %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<2, !tk.shared<128x16xbf16>, !sb>
  %s = tk.shared_slice %ta[%n] along 0 : !tk.shared<128x16xbf16> -> !sa
  %a = tk.shared_load %s : !sa -> tensor<64x16xbf16>
  %b = tk.shared_load %tb : !sb -> tensor<16x8xbf16>
  %z = arith.constant dense<1.0> : !acc
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, !acc
  tk.store %a, %C[%n, %n] : tensor<64x16xbf16>, !tk.global<?x?xbf16>
  tk.return
}

// Not where something may have changed them since, or the load is in another block: they go through a buffer.
// CHECK-LABEL: tk.kernel @changed
// CHECK:         %[[BUFFER:.*]] = tk.alloc "a"
// CHECK:         tk.ring_wait
// CHECK-NEXT:    %[[A:.*]] = tk.shared_load
// CHECK-NEXT:    tk.ring_release
// CHECK-NEXT:    %[[T:.*]]:2 = tk.ring_wait
// CHECK-NEXT:    arith.constant
// CHECK-NEXT:    tk.shared_store %[[A]], %[[BUFFER]]
// CHECK-NEXT:    tk.wgmma_fence
// CHECK-NEXT:    tk.wgmma %[[BUFFER]], %[[T]]#1,
tk.kernel @changed(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  %ta, %tb = tk.ring_wait %r[%c] : !ring
  %a = tk.shared_load %ta : !sa -> tensor<64x16xbf16>
  tk.ring_release %r[%c] : !ring
  %ua, %ub = tk.ring_wait %r[%c] : !ring
  %b = tk.shared_load %ub : !sb -> tensor<16x8xbf16>
  %z = arith.constant dense<1.0> : !acc
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, !acc
  tk.return
}
// CHECK-LABEL: tk.kernel @other_block
// CHECK:         %[[SA:.*]] = tk.alloc "a"
// CHECK-NEXT:    %[[SB:.*]] = tk.alloc "b"
// CHECK:         scf.for
// CHECK-NEXT:      tk.shared_store %{{.*}}, %[[SB]]
// CHECK-NEXT:      tk.shared_store %{{.*}}, %[[SA]]
// CHECK-NEXT:      tk.wgmma_fence
// CHECK-NEXT:      tk.wgmma %[[SA]], %[[SB]],
// REMARK-DAG: Function=other_block | Remark="a product of 64 x 8 x 16 in bf16, operands staged through shared memory, waited for at once"
tk.kernel @other_block(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  %ta, %tb = tk.ring_wait %r[%c] : !ring
  %a = tk.shared_load %ta : !sa -> tensor<64x16xbf16>
  %b = tk.shared_load %tb : !sb -> tensor<16x8xbf16>
  %z = arith.constant dense<1.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %d = tk.dot %a, %b, %s : tensor<64x16xbf16>, tensor<16x8xbf16>, !acc
    scf.yield %d : !acc
  }
  tk.return
}
