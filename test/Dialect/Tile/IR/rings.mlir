// RUN: tk-opt --allow-unregistered-dialect %s | tk-opt --allow-unregistered-dialect | FileCheck %s
// RUN: tk-opt --allow-unregistered-dialect --mlir-print-op-generic %s | tk-opt --allow-unregistered-dialect | FileCheck %s

// Rings, roles, barriers in memory and the copy engine come back as they were written.

// Types; the tile of a ring or of slots may be written with its dialect and mnemonic or without.
// CHECK-LABEL: "test.types"
// CHECK-SAME: cursor = !tk.cursor<64>,
// CHECK-SAME: mbarriers = !tk.mbarriers<1>,
// CHECK-SAME: ring = !tk.ring<4, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, <8xf32>>,
// CHECK-SAME: short = !tk.ring<1, <8xf32>>,
// CHECK-SAME: slots = !tk.slots<3, <8x8xf16>>}
"test.types"() {
  cursor = !tk.cursor<64>,
  mbarriers = !tk.mbarriers<1>,
  ring = !tk.ring<4, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !tk.shared<8xf32>>,
  short = !tk.ring<1, <8xf32>>,
  slots = !tk.slots<3, !tk.shared<8x8xf16>>
} : () -> ()

// What is not given of a tuning is not printed; the order is the printer's.
// CHECK-LABEL: "test.tuning"
// CHECK-SAME: all = #tk.tuning<stages = 1, consumers = 2, producer_registers = 3, consumer_registers = 4, widen = 5, group = 6>,
// CHECK-SAME: none = #tk.tuning<>,
// CHECK-SAME: some = #tk.tuning<stages = 64, group = 3>}
"test.tuning"() {
  all = #tk.tuning<group = 6, widen = 5, consumer_registers = 4, producer_registers = 3, consumers = 2, stages = 1>,
  none = #tk.tuning<>,
  some = #tk.tuning<group = 3, stages = 64>
} : () -> ()

// CHECK-LABEL: "test.tensor_map"
// CHECK-SAME: #tk.tensor_map<argument = 3, order = [1, 0], box = [64, 128], swizzle = 128>
"test.tensor_map"() {a = #tk.tensor_map<argument = 3, order = [1, 0], box = [64, 128], swizzle = 128>} : () -> ()

// CHECK-LABEL: tk.kernel @attributes(
// CHECK-SAME:    tensor_maps = [#tk.tensor_map<argument = 0, order = [0], box = [8], swizzle = 16>]
// CHECK-SAME:    tuning = #tk.tuning<stages = 2>, variant_of = @other}
tk.kernel @attributes(%A: !tk.global<?xbf16>, %n: index) attributes {
    variant_of = @other, tuning = #tk.tuning<stages = 2>,
    tensor_maps = [#tk.tensor_map<argument = 0, order = [0], box = [8], swizzle = 16>]} grid {
  tk.grid %n
} {
  tk.return
}

!ring = !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x256xbf16>>
!one = !tk.ring<1, !tk.shared<8xf32>>

// CHECK-LABEL: tk.kernel @rings
// CHECK:         %[[R:.*]] = tk.ring "A and B" : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>
// CHECK-NEXT:    %[[ONE:.*]] = tk.ring "" {note = "kept"} : !tk.ring<1, <8xf32>>
// CHECK-NEXT:    %[[C:.*]] = tk.ring_start : !tk.cursor<4>
// CHECK-NEXT:    %[[S:.*]] = tk.ring_start {note = "kept"} : !tk.cursor<1>
// CHECK-NEXT:    %[[N:.*]] = tk.ring_advance %[[C]] : !tk.cursor<4>
// CHECK-NEXT:    tk.ring_acquire %[[R]][%[[N]]] : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>
// CHECK-NEXT:    tk.ring_fill %[[R]][%[[N]]] tile 0 from %A[%n, %n] : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>, !tk.global<?x?xbf16>
// CHECK-NEXT:    tk.ring_fill %[[R]][%[[N]]] tile 1 from %A[%n, %n] {note = "kept"} : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>, !tk.global<?x?xbf16>
// CHECK-NEXT:    tk.ring_fill %[[ONE]][%[[S]]] tile 0 from %v[%n] : !tk.ring<1, <8xf32>>, !tk.global<?xf32>
// CHECK-NEXT:    tk.ring_publish %[[R]][%[[N]]] : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>
// CHECK-NEXT:    %[[T:.*]]:2 = tk.ring_wait %[[R]][%[[N]]] : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>
// CHECK-NEXT:    %{{.*}} = tk.ring_wait %[[ONE]][%[[S]]] {note = "kept"} : !tk.ring<1, <8xf32>>
// CHECK-NEXT:    %{{.*}} = tk.shared_slice %[[T]]#0[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
// CHECK-NEXT:    %{{.*}} = tk.shared_slice %[[T]]#1[%n] along 1 : !tk.shared<64x256xbf16> -> !tk.shared<64x32xbf16>
// CHECK-NEXT:    tk.ring_release %[[R]][%[[N]]] : !tk.ring<4, <128x64xbf16>, <64x256xbf16>>
tk.kernel @rings(%A: !tk.global<?x?xbf16>, %v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %ring = tk.ring "A and B" : !ring
  %one = tk.ring "" {note = "kept"} : !one
  %first = tk.ring_start : !tk.cursor<4>
  %only = tk.ring_start {note = "kept"} : !tk.cursor<1>
  %next = tk.ring_advance %first : !tk.cursor<4>
  tk.ring_acquire %ring[%next] : !ring
  tk.ring_fill %ring[%next] tile 0 from %A[%n, %n] : !ring, !tk.global<?x?xbf16>
  tk.ring_fill %ring[%next] tile 1 from %A[%n, %n] {note = "kept"} : !ring, !tk.global<?x?xbf16>
  tk.ring_fill %one[%only] tile 0 from %v[%n] : !one, !tk.global<?xf32>
  tk.ring_publish %ring[%next] : !ring
  %a, %b = tk.ring_wait %ring[%next] : !ring
  %t = tk.ring_wait %one[%only] {note = "kept"} : !one
  %rows = tk.shared_slice %a[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  %columns = tk.shared_slice %b[%n] along 1 : !tk.shared<64x256xbf16> -> !tk.shared<64x32xbf16>
  tk.ring_release %ring[%next] : !ring
  tk.return
}

!panel = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!wide = !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
!turned = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [0, 1]>>

// Pieces that lie in memory as tiles of their own: rows of one panel, whole panels, panels of a transposed tile, the
// whole, and pieces of pieces.
// CHECK-LABEL: tk.kernel @slices
// CHECK:         %[[P:.*]] = tk.shared_slice %{{.*}}[%n] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-NEXT:    tk.shared_slice %[[P]][%n] along 0 : {{.*}} -> !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-NEXT:    tk.shared_slice %{{.*}}[%n] along 1 : {{.*}} -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-NEXT:    tk.shared_slice %{{.*}}[%n] along 0 : {{.*}} -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
// CHECK-NEXT:    tk.shared_slice %{{.*}}[%n] along 1 : {{.*}} -> !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @slices(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !panel
  %w = tk.alloc "w" : !wide
  %t = tk.alloc "t" : !turned
  %half = tk.shared_slice %s[%n] along 0 : !panel -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %eight = tk.shared_slice %half[%n] along 0
    : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %panel = tk.shared_slice %w[%n] along 1 : !wide -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %lower = tk.shared_slice %t[%n] along 0 : !turned -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
  %all = tk.shared_slice %w[%n] along 1 : !wide -> !wide
  tk.return
}

// Roles, with no work and with some; a loop of a producer carries scalars and cursors.
// CHECK-LABEL: tk.kernel @roles
// CHECK:         %[[A:.*]] = tk.alloc "a"
// CHECK-NEXT:    tk.specialize producer registers 24 {
// CHECK-NEXT:    } consumers 1 registers 240 {
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.return
// CHECK-LABEL: tk.kernel @work
// CHECK:         tk.specialize producer registers 32 {
// CHECK-NEXT:      %[[START:.*]] = tk.ring_start : !tk.cursor<4>
// CHECK-NEXT:      %{{.*}} = scf.for {{.*}} iter_args(%{{.*}} = %[[START]]) -> (!tk.cursor<4>) {
// CHECK:         } consumers 3 registers 160 {
// CHECK-NEXT:      %[[I:.*]] = tk.replica
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      arith.constant dense<0.000000e+00> : tensor<64x8xf32>
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tk.store %{{.*}}, %C[%[[I]],
// CHECK:         } {note = "kept"}
tk.kernel @roles(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" : !panel
  tk.specialize producer registers 24 {
  } consumers 1 registers 240 {
  }
  tk.return
}
tk.kernel @work(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 32 {
    %start = tk.ring_start : !tk.cursor<4>
    %end = scf.for %i = %n to %n step %n iter_args(%c = %start) -> !tk.cursor<4> {
      scf.yield %c : !tk.cursor<4>
    }
  } consumers 3 registers 160 {
    %i = tk.replica
    tk.barrier
    %t = arith.constant dense<0.0> : tensor<64x8xf32>
    scf.for %k = %n to %n step %n {
      tk.store %t, %C[%i, %k] : tensor<64x8xf32>, !tk.global<?x?xf32>
    }
  } {note = "kept"}
  tk.return
}

!A = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!AT = !tk.global<?x?xbf16, strides = [1, 64], align = 32>

// Barriers in memory, slots and the copy engine.
// CHECK-LABEL: tk.kernel @async
// CHECK:         %[[BAR:.*]] = tk.alloc "full" at 8 : !tk.mbarriers<2>
// CHECK-NEXT:    %[[SLOTS:.*]] = tk.alloc "a" at 1024 : !tk.slots<2, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
// CHECK-NEXT:    %[[T:.*]] = tk.alloc "t" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [0, 1]>>
// CHECK-NEXT:    %[[OPEN:.*]] = tk.alloc "open" : !tk.shared<128x64xbf16>
// CHECK-NEXT:    %[[C:.*]] = tk.ring_start : !tk.cursor<2>
// CHECK-NEXT:    tk.mbarrier_init %[[BAR]] arrivals 1048575 : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_expect %[[BAR]][%[[C]]] bytes 0 : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_arrive %[[BAR]][%[[C]]] : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_arrive %[[BAR]][%[[C]]] all_threads : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_wait %[[BAR]][%[[C]]] : !tk.mbarriers<2>
// CHECK-NEXT:    tk.mbarrier_wait %[[BAR]][%[[C]]] previous {note = "kept"} : !tk.mbarriers<2>
// CHECK-NEXT:    %[[S:.*]] = tk.slot %[[SLOTS]][%[[C]]] : !tk.slots<2, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
// CHECK-NEXT:    tk.tma_load %A[%n, %n], %[[S]], %[[BAR]][%[[C]]] : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !tk.mbarriers<2>
// CHECK-NEXT:    tk.tma_load %B[%n, %n], %[[T]], %[[BAR]][%[[C]]] : !tk.global<?x?xbf16, strides = [1, 64], align = 32>, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [0, 1]>>, !tk.mbarriers<2>
// CHECK-NEXT:    tk.tma_load %A[%n, %n], %[[OPEN]], %[[BAR]][%[[C]]]
tk.kernel @async(%A: !A, %B: !AT, %n: index) grid {
  tk.grid %n
} {
  %bar = tk.alloc "full" at 8 : !tk.mbarriers<2>
  %slots = tk.alloc "a" at 1024 : !tk.slots<2, !panel>
  %t = tk.alloc "t" : !turned
  %open = tk.alloc "open" : !tk.shared<128x64xbf16>
  %c = tk.ring_start : !tk.cursor<2>
  tk.mbarrier_init %bar arrivals 1048575 : !tk.mbarriers<2>
  tk.mbarrier_expect %bar[%c] bytes 0 : !tk.mbarriers<2>
  tk.mbarrier_arrive %bar[%c] : !tk.mbarriers<2>
  tk.mbarrier_arrive %bar[%c] all_threads : !tk.mbarriers<2>
  tk.mbarrier_wait %bar[%c] : !tk.mbarriers<2>
  tk.mbarrier_wait %bar[%c] previous {note = "kept"} : !tk.mbarriers<2>
  %s = tk.slot %slots[%c] : !tk.slots<2, !panel>
  tk.tma_load %A[%n, %n], %s, %bar[%c] : !A, !panel, !tk.mbarriers<2>
  tk.tma_load %B[%n, %n], %t, %bar[%c] : !AT, !turned, !tk.mbarriers<2>
  tk.tma_load %A[%n, %n], %open, %bar[%c] : !A, !tk.shared<128x64xbf16>, !tk.mbarriers<2>
  tk.return
}

// An accumulator stays in flight through a fence and a retirement, and around a loop.
// CHECK-LABEL: tk.kernel @inflight
// CHECK:         %[[F:.*]] = tk.wgmma_fence %{{.*}} : tensor<64x8xf32>
// CHECK-NEXT:    %[[L:.*]] = scf.for {{.*}} iter_args(%[[G:.*]] = %[[F]]) -> (!tk.inflight<tensor<64x8xf32>>) {
// CHECK-NEXT:      %[[H:.*]] = tk.wgmma_fence %[[G]] : !tk.inflight<tensor<64x8xf32>>
// CHECK-NEXT:      %[[I:.*]] = tk.wgmma_retire %[[H]] pending 7 : !tk.inflight<tensor<64x8xf32>>
// CHECK-NEXT:      scf.yield %[[I]] : !tk.inflight<tensor<64x8xf32>>
// CHECK-NEXT:    } {tk.independent}
// CHECK-NEXT:    tk.wgmma_wait %[[L]] pending 0
tk.kernel @inflight(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  %l = scf.for %i = %n to %n step %n iter_args(%g = %f) -> !tk.inflight<tensor<64x8xf32>> {
    %h = tk.wgmma_fence %g : !tk.inflight<tensor<64x8xf32>>
    %r = tk.wgmma_retire %h pending 7 : !tk.inflight<tensor<64x8xf32>>
    scf.yield %r : !tk.inflight<tensor<64x8xf32>>
  } {tk.independent}
  %d = tk.wgmma_wait %l pending 0 : !tk.inflight<tensor<64x8xf32>>
  tk.return
}
