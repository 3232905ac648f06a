// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-overlap-products))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-overlap-products,tk-overlap-products))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-overlap-products))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=quiet

// What is in flight already stays as it is.

!s = !tk.shared<64x64xbf16>
!ring = !tk.ring<2, !s, !s>
!acc = tensor<64x64xf32>
!fly = !tk.inflight<tensor<64x64xf32>>

// The accumulator is handed over once before the loop and taken back once after it. In the loop the products of the
// iteration before are retired, and its slot is released, but not in the first. After it the last slot is, if there
// was one: the loop may not run.
// CHECK-LABEL: tk.kernel @gemm
// CHECK:         %[[R:.*]] = tk.ring "A, B"
// CHECK-NEXT:    %[[START:.*]] = tk.ring_start : !tk.cursor<2>
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense
// CHECK-NEXT:    %[[F:.*]] = tk.wgmma_fence %[[Z]] : tensor<64x64xf32>
// CHECK-NEXT:    %[[L:.*]]:3 = scf.for %[[K:.*]] = %m to %n step %n iter_args(%[[C:.*]] = %[[START]], %[[P:.*]] = %[[START]], %[[G:.*]] = %[[F]]) -> (!tk.cursor<2>, !tk.cursor<2>, !tk.inflight<tensor<64x64xf32>>) {
// CHECK-NEXT:      %[[T:.*]]:2 = tk.ring_wait %[[R]][%[[C]]]
// CHECK-NEXT:      %[[A:.*]] = tk.shared_slice %[[T]]#0[%n]
// CHECK-NEXT:      %[[H:.*]] = tk.wgmma_fence %[[G]] : !tk.inflight<tensor<64x64xf32>>
// CHECK-NEXT:      %[[I:.*]] = tk.wgmma %[[A]], %[[T]]#1, %[[H]] :
// CHECK-NEXT:      tk.wgmma_commit
// CHECK-NEXT:      %[[J:.*]] = tk.wgmma_retire %[[I]] pending 1
// CHECK-NEXT:      %[[LATER:.*]] = arith.cmpi ne, %[[K]], %m : index
// CHECK-NEXT:      scf.if %[[LATER]] {
// CHECK-NEXT:        tk.ring_release %[[R]][%[[P]]]
// CHECK-NEXT:      }
// CHECK-NEXT:      %[[N:.*]] = tk.ring_advance %[[C]]
// CHECK-NEXT:      scf.yield %[[N]], %[[C]], %[[J]] : !tk.cursor<2>, !tk.cursor<2>, !tk.inflight<tensor<64x64xf32>>
// CHECK-NEXT:    } {note = "kept", tk.independent}
// CHECK-NEXT:    %[[D:.*]] = tk.wgmma_wait %[[L]]#2 pending 0
// CHECK-NEXT:    %[[RAN:.*]] = arith.cmpi slt, %m, %n : index
// CHECK-NEXT:    scf.if %[[RAN]] {
// CHECK-NEXT:      tk.ring_release %[[R]][%[[L]]#1]
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.store %[[D]], %C[%n, %n]
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+7]]:10: remark: [Passed] overlap | Category:tk-overlap-products | Function=gemm | Remark="one group of products stays in flight from iteration to iteration"
tk.kernel @gemm(%C: !tk.global<?x?xf32>, %m: index, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %m to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %p = tk.shared_slice %a[%n] along 0 : !s -> !s
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %p, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  } {note = "kept", tk.independent}
  tk.store %l#0, %C[%n, %n] : !acc, !tk.global<?x?xf32>
  tk.return
}

// In a loop, in a role: what the loop around carries is in registers between. Several products of one group, and other
// values that are carried.
// CHECK-LABEL: tk.kernel @nested
// CHECK:         consumers 1
// CHECK:           scf.for {{.*}} iter_args(%[[S:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}}) -> (tensor<64x64xf32>, !tk.cursor<2>) {
// CHECK-NEXT:        %[[F:.*]] = tk.wgmma_fence %[[S]]
// CHECK-NEXT:        %[[L:.*]]:4 = scf.for {{.*}} iter_args(%[[D:.*]] = %[[C]], %[[X:.*]] = %n, %[[P:.*]] = %[[C]], %[[G:.*]] = %[[F]]) -> (!tk.cursor<2>, index, !tk.cursor<2>, !tk.inflight<tensor<64x64xf32>>) {
// CHECK:               tk.wgmma_fence %[[G]]
// CHECK-NEXT:          tk.wgmma %
// CHECK-NEXT:          %[[H:.*]] = tk.wgmma %
// CHECK-NEXT:          tk.wgmma_commit
// CHECK-NEXT:          tk.wgmma_retire %[[H]] pending 1
// CHECK:               scf.yield %{{.*}}, %{{.*}}, %[[D]], %{{.*}}
// CHECK-NEXT:        }
// CHECK-NEXT:        %[[W:.*]] = tk.wgmma_wait %[[L]]#3 pending 0
// CHECK-NEXT:        arith.cmpi slt
// CHECK-NEXT:        scf.if
// CHECK-NEXT:          tk.ring_release %{{.*}}[%[[L]]#2]
// CHECK-NEXT:        }
// CHECK-NEXT:        arith.addi %[[L]]#1, %n
// CHECK-NEXT:        scf.yield %[[W]], %[[L]]#0
// REMARK-DAG: [Passed] overlap | Category:tk-overlap-products | Function=nested |
tk.kernel @nested(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %c0 = tk.ring_start : !tk.cursor<2>
    %z = arith.constant dense<0.0> : !acc
    %o:2 = scf.for %i = %n to %n step %n iter_args(%t = %z, %c1 = %c0) -> (!acc, !tk.cursor<2>) {
      %l:3 = scf.for %k = %n to %n step %n iter_args(%s = %t, %c = %c1, %x = %n) -> (!acc, !tk.cursor<2>, index) {
        %a, %b = tk.ring_wait %r[%c] : !ring
        %f = tk.wgmma_fence %s : !acc
        %g = tk.wgmma %a, %b, %f : !s, !s, !fly
        %h = tk.wgmma %b, %a, %g : !s, !s, !fly
        tk.wgmma_commit
        %d = tk.wgmma_wait %h pending 0 : !fly
        tk.ring_release %r[%c] : !ring
        %next = tk.ring_advance %c : !tk.cursor<2>
        %y = arith.addi %x, %n : index
        scf.yield %d, %next, %y : !acc, !tk.cursor<2>, index
      }
      %u = arith.addi %l#2, %n : index
      scf.yield %l#0, %l#1 : !acc, !tk.cursor<2>
    }
  }
  tk.return
}

// Two loops, one after the other: each takes its accumulator back.
// CHECK-LABEL: tk.kernel @two_loops
// CHECK:         %[[L:.*]]:3 = scf.for
// CHECK:         %[[D:.*]] = tk.wgmma_wait %[[L]]#2 pending 0
// CHECK:         %[[F:.*]] = tk.wgmma_fence %[[D]]
// CHECK-NEXT:    %[[M:.*]]:3 = scf.for {{.*}} iter_args(%{{.*}} = %[[L]]#0, %{{.*}} = %[[L]]#0, %{{.*}} = %[[F]])
// CHECK:         tk.wgmma_wait %[[M]]#2 pending 0
tk.kernel @two_loops(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  %m:2 = scf.for %k = %n to %n step %n iter_args(%s = %l#0, %c = %l#1) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// Nothing to say of loops without products, and of products outside of loops or in branches.
// CHECK-LABEL: tk.kernel @quiet
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
tk.kernel @quiet(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  %a, %b = tk.ring_wait %r[%c] : !ring
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !s, !s, !fly
  scf.for %k = %n to %n step %n {
    tk.wgmma_commit
    %t = arith.cmpi eq, %k, %n : index
    scf.if %t {
      %h = tk.wgmma %a, %b, %f : !s, !s, !fly
    }
  }
  tk.return
}

// Declined, each with its reason.
// CHECK-LABEL: tk.kernel @chains
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=chains | Reason="more than one chain of products in the loop"
tk.kernel @chains(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %e = tk.wgmma_fence %z : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @no_accumulator
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=no_accumulator | Reason="the accumulator is not what the loop carries"
tk.kernel @no_accumulator(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %z : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @accumulator_used
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=accumulator_used | Reason="the accumulator is not what the loop carries"
tk.kernel @accumulator_used(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    tk.store %s, %C[%n, %n] : !acc, !tk.global<?x?xf32>
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @waits
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=waits | Reason="the loop has more than one wait for products"
tk.kernel @waits(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %e = tk.wgmma_wait %g pending 1 : !fly
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @used
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=used | Reason="the product is used before the next one starts"
tk.kernel @used(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.store %d, %C[%n, %n] : !acc, !tk.global<?x?xf32>
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @changed
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=changed | Reason="the product is used before the next one starts"
tk.kernel @changed(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %e = tk.wgmma_wait %g pending 0 : !fly
    %d = arith.negf %e : !acc
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @pending
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=pending | Reason="the product is used before the next one starts"
tk.kernel @pending(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 1 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @buffer
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=buffer | Reason="an operand's buffer is overwritten by the next iteration"
tk.kernel @buffer(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %x = tk.alloc "x" : !s
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %x, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @one_stage
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=one_stage | Reason="a ring of 1 stage(s) has no slots for the next operands"
tk.kernel @one_stage(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<1, !s, !s>
  %c0 = tk.ring_start : !tk.cursor<1>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<1>) {
    %a, %b = tk.ring_wait %r[%c] : !tk.ring<1, !s, !s>
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !tk.ring<1, !s, !s>
    %next = tk.ring_advance %c : !tk.cursor<1>
    scf.yield %d, %next : !acc, !tk.cursor<1>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @not_released
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=not_released | Reason="an operand's slot is not released after the product"
tk.kernel @not_released(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @released_before
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=released_before | Reason="an operand's slot is not released after the product"
tk.kernel @released_before(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    tk.ring_release %r[%c] : !ring
    %d = tk.wgmma_wait %g pending 0 : !fly
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @other_slot
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=other_slot | Reason="the released slot is not one the loop carries"
tk.kernel @other_slot(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    %e = tk.ring_advance %c : !tk.cursor<2>
    tk.ring_release %r[%e] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @cursor
// CHECK-NOT:     tk.wgmma_retire
// CHECK:         tk.return
// REMARK-DAG: [Missed] overlap | Category:tk-overlap-products | Function=cursor | Reason="the released slot is not one the loop carries"
tk.kernel @cursor(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<2>
  %z = arith.constant dense<0.0> : !acc
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (!acc, !tk.cursor<2>) {
    %a, %b = tk.ring_wait %r[%c] : !ring
    %f = tk.wgmma_fence %s : !acc
    %g = tk.wgmma %a, %b, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
    tk.ring_release %r[%c] : !ring
    %e = tk.ring_advance %c : !tk.cursor<2>
    tk.ring_release %r[%e] : !ring
    %next = tk.ring_advance %c : !tk.cursor<2>
    scf.yield %d, %next : !acc, !tk.cursor<2>
  }
  tk.return
}
