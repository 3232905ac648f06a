// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands))' %s | FileCheck %s --check-prefixes=CHECK,ONCE
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-stage-operands))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=lowered --implicit-check-not=Function=quiet

// What is staged is no load any more: a second run finds nothing, but what the first had declined for coming too late.

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
!acc = tensor<128x128xf32>

// Both operands are tiles of one ring, filled where the last load was, when all offsets are known; released after the
// product; the cursor is carried. 192 KiB hold six stages of 32 KiB, and more would be of no use.
// CHECK-LABEL: tk.kernel @gemm
// CHECK:       } {
// CHECK-NEXT:    %[[R:.*]] = tk.ring "A, B" : !tk.ring<6, <128x64xbf16>, <64x128xbf16>>
// CHECK-NEXT:    %[[START:.*]] = tk.ring_start : !tk.cursor<6>
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense
// CHECK-NEXT:    %[[L:.*]]:2 = scf.for %[[K:.*]] = %n to %n step %n iter_args(%[[S:.*]] = %[[Z]], %[[C:.*]] = %[[START]]) -> (tensor<128x128xf32>, !tk.cursor<6>) {
// CHECK-NEXT:      %[[J:.*]] = arith.addi %[[K]], %n : index
// CHECK-NEXT:      tk.ring_acquire %[[R]][%[[C]]]
// CHECK-NEXT:      tk.ring_fill %[[R]][%[[C]]] tile 0 from %A[%n, %[[K]]] : !tk.ring<6, <128x64xbf16>, <64x128xbf16>>, !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
// CHECK-NEXT:      tk.ring_fill %[[R]][%[[C]]] tile 1 from %B[%[[K]], %[[J]]]
// CHECK-NEXT:      tk.ring_publish %[[R]][%[[C]]]
// CHECK-NEXT:      %[[T:.*]]:2 = tk.ring_wait %[[R]][%[[C]]]
// CHECK-NEXT:      %[[A:.*]] = tk.shared_load %[[T]]#0 : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
// CHECK-NEXT:      %[[B:.*]] = tk.shared_load %[[T]]#1 : !tk.shared<64x128xbf16> -> tensor<64x128xbf16>
// CHECK-NEXT:      %[[D:.*]] = tk.dot %[[A]], %[[B]], %[[S]]
// CHECK-NEXT:      tk.ring_release %[[R]][%[[C]]]
// CHECK-NEXT:      %[[E:.*]] = arith.negf %[[D]]
// CHECK-NEXT:      %[[N:.*]] = tk.ring_advance %[[C]] : !tk.cursor<6>
// CHECK-NEXT:      scf.yield %[[E]], %[[N]] : tensor<128x128xf32>, !tk.cursor<6>
// CHECK-NEXT:    } {note = "kept", tk.independent}
// CHECK-NEXT:    tk.store %[[L]]#0, %C[%n, %n]
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+6]]:10: remark: [Passed] stage | Category:tk-stage-operands | Function=gemm | Remark="A, B come through a ring of 6 stages of 32768 bytes"
tk.kernel @gemm(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %j = arith.addi %k, %n : index
    %b = tk.load %B[%k, %j] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    %e = arith.negf %d : !acc
    scf.yield %e : !acc
  } {note = "kept", tk.independent}
  tk.store %l, %C[%n, %n] : !acc, !out
  tk.return
}

// `tuning` gives the stages, up to what a cursor counts; a slot larger than all there is for operands gets one.
// CHECK-LABEL: tk.kernel @tuned
// CHECK:         tk.ring "A, A" : !tk.ring<2, <128x64xbf16>, <64x128xbf16>>
// REMARK-DAG: Function=tuned | Remark="A, A come through a ring of 2 stages of 32768 bytes"
// CHECK-LABEL: tk.kernel @tuned_too_much
// CHECK:         tk.ring "A, A" : !tk.ring<64,
// CHECK-LABEL: tk.kernel @large
// CHECK:         tk.ring "A, A" : !tk.ring<1, <256x256xbf16>, <256x256xbf16>>
// REMARK-DAG: Function=large | Remark="A, A come through a ring of 1 stages of 262144 bytes"
tk.kernel @tuned(%A: !in, %n: index) attributes {tuning = #tk.tuning<stages = 2>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %d : !acc
  }
  tk.return
}
tk.kernel @tuned_too_much(%A: !in, %n: index) attributes {tuning = #tk.tuning<stages = 64>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %d : !acc
  }
  tk.return
}
tk.kernel @large(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<256x256xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<256x256xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<256x256xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<256x256xbf16>
    %d = tk.dot %a, %b, %s : tensor<256x256xbf16>, tensor<256x256xbf16>, tensor<256x256xf32>
    scf.yield %d : tensor<256x256xf32>
  }
  tk.return
}

// Loops in loops: the cursor goes through all of them, beside what each carries, and is never reset.
// CHECK-LABEL: tk.kernel @nested
// CHECK:         %[[START:.*]] = tk.ring_start
// CHECK:         scf.for %{{.*}} iter_args(%[[C0:.*]] = %[[START]]) -> (!tk.cursor<6>) {
// CHECK:           %[[M:.*]]:2 = scf.for %{{.*}} iter_args(%{{.*}} = %{{.*}}, %[[C1:.*]] = %[[C0]]) -> (tensor<128x128xf32>, !tk.cursor<6>) {
// CHECK-NEXT:        %[[I:.*]]:2 = scf.for %{{.*}} iter_args(%{{.*}} = %{{.*}}, %[[C2:.*]] = %[[C1]]) -> (tensor<128x128xf32>, !tk.cursor<6>) {
// CHECK:               tk.ring_acquire %{{.*}}[%[[C2]]]
// CHECK:               %[[N:.*]] = tk.ring_advance %[[C2]]
// CHECK-NEXT:          scf.yield %{{.*}}, %[[N]]
// CHECK:             scf.yield %[[I]]#0, %[[I]]#1
// CHECK:           tk.store %[[M]]#0
// CHECK:           scf.yield %[[M]]#1 : !tk.cursor<6>
// CHECK:         } {tk.independent}
tk.kernel @nested(%A: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  scf.for %t = %n to %n step %n {
    %z = arith.constant dense<0.0> : !acc
    %o = scf.for %i = %n to %n step %n iter_args(%r = %z) -> !acc {
      %l = scf.for %k = %n to %n step %n iter_args(%s = %r) -> !acc {
        %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
        %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
        %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
        scf.yield %d : !acc
      }
      scf.yield %l : !acc
    }
    tk.store %o, %C[%n, %n] : !acc, !out
  } {tk.independent}
  tk.return
}

// Each loop has its own ring and cursor; a loop around both carries both.
// CHECK-LABEL: tk.kernel @two_loops
// CHECK-DAG:     %[[R1:.*]] = tk.ring "A, B"
// CHECK-DAG:     %[[R2:.*]] = tk.ring "B, A"
// CHECK:         scf.for %{{.*}} iter_args(%[[C1:.*]] = %{{.*}}, %[[C2:.*]] = %{{.*}}) -> (!tk.cursor<2>, !tk.cursor<2>) {
// CHECK:           %[[L1:.*]]:2 = scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %[[D1:.*]] = %[[C1]])
// CHECK:             tk.ring_acquire %[[R1]][%[[D1]]]
// CHECK:           %[[L2:.*]]:2 = scf.for {{.*}} iter_args(%{{.*}} = %[[L1]]#0, %[[D2:.*]] = %[[C2]])
// CHECK:             tk.ring_acquire %[[R2]][%[[D2]]]
// CHECK:           scf.yield %[[L1]]#1, %[[L2]]#1
tk.kernel @two_loops(%A: !in, %B: !in, %n: index) attributes {tuning = #tk.tuning<stages = 2>} grid {
  tk.grid %n
} {
  scf.for %t = %n to %n step %n {
    %z = arith.constant dense<0.0> : !acc
    %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
      %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
      %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
      %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
      scf.yield %d : !acc
    }
    %m = scf.for %k = %n to %n step %n iter_args(%s = %l) -> !acc {
      %a = tk.load %B[%n, %k] : !in -> tensor<128x64xbf16>
      %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
      %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
      scf.yield %d : !acc
    }
  }
  tk.return
}

// Four operands of two products: one slot, released after the last product.
// CHECK-LABEL: tk.kernel @two_products
// CHECK:         tk.ring "A, B, B, A" : !tk.ring<3, <128x64xbf16>, <64x128xbf16>, <128x64xbf16>, <64x128xbf16>>
// CHECK:           tk.ring_fill {{.*}} tile 3 from %A
// CHECK:           tk.ring_wait
// CHECK:           tk.dot
// CHECK-NEXT:      tk.dot
// CHECK-NEXT:      tk.ring_release
tk.kernel @two_products(%A: !in, %B: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
    %e = tk.load %B[%n, %k] : !in -> tensor<128x64xbf16>
    %f = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    %g = tk.dot %e, %f, %d : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %g : !acc
  }
  tk.return
}

// A slot is filled at once: what is loaded after a product of the ring stays.
// ONCE-LABEL: tk.kernel @after
// ONCE:         tk.ring "A, B" :
// ONCE-NOT:     tk.ring "
// ONCE:           tk.dot
// ONCE-NEXT:      tk.ring_release
// ONCE-NEXT:      tk.load
// ONCE-NEXT:      tk.load
// ONCE-NEXT:      tk.dot
// REMARK-DAG: [[#@LINE+10]]:10: remark: [Missed] stage | Category:tk-stage-operands | Function=after | Reason="an earlier product comes before it; a slot is filled at once"
// REMARK-DAG: [[#@LINE+10]]:10: remark: [Missed] stage | Category:tk-stage-operands | Function=after | Reason="an earlier product comes before it; a slot is filled at once"
tk.kernel @after(%A: !in, %B: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    %e = tk.load %B[%n, %k] : !in -> tensor<128x64xbf16>
    %f = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %g = tk.dot %e, %f, %d : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %g : !acc
  }
  tk.return
}

// One operand may come through a ring where the other cannot; f32 operands may, though no tensor core takes them.
// Columns that are contiguous as well as rows.
// CHECK-LABEL: tk.kernel @one_only
// CHECK:         tk.ring "B" : !tk.ring<6, <64x128xbf16>>
// CHECK:           %[[A:.*]] = tk.load %A
// CHECK-NEXT:      tk.ring_acquire
// CHECK:           tk.dot %[[A]],
// REMARK-DAG: Function=one_only | Reason="the copy engine cannot read "A": its address is only known to be a multiple of 2 bytes, expected 16"
tk.kernel @one_only(%A: !tk.global<?x?xbf16>, %B: !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !tk.global<?x?xbf16> -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]> -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %d : !acc
  }
  tk.return
}
// CHECK-LABEL: tk.kernel @single_precision
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
// REMARK-DAG: Function=single_precision | Reason="the tensor core cannot do its product: operands of f32, which the tensor core takes only as tf32, without their 13 low bits: allow it with tf32 = true in the kernel's #tk.numerics, or convert them"
tk.kernel @single_precision(%A: !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]> -> tensor<128x64xf32>
    %b = tk.load %A[%k, %n] : !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]> -> tensor<64x128xf32>
    %d = tk.dot %a, %b, %s : tensor<128x64xf32>, tensor<64x128xf32>, !acc
    scf.yield %d : !acc
  }
  tk.return
}

// Not touched, and nothing said: outside of loops; more users than the product; the accumulator; a product in another
// block; a lowered kernel.
// CHECK-LABEL: tk.kernel @quiet
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
tk.kernel @quiet(%A: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %b = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  scf.for %k = %n to %n step %n {
    %c = tk.load %C[%k, %k] : !out -> tensor<64x64xf32>
    %e = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
    %f = arith.negf %e : tensor<64x64xbf16>
    %g = tk.dot %e, %f, %c : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %h = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
    %t = arith.cmpi eq, %k, %n : index
    scf.if %t {
      %i = tk.dot %h, %f, %c : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    }
  }
  tk.return
}
// CHECK-LABEL: tk.kernel @lowered
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
tk.kernel @lowered(%A: !in, %n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : !acc
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> !acc {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, !acc
    scf.yield %d : !acc
  }
  tk.return
}

// Declined, each with its reason.
// CHECK-LABEL: tk.kernel @stored
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
// REMARK-DAG: Function=stored | Reason=""A" is also stored to, and copies ahead could read old values"
tk.kernel @stored(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  scf.for %k = %n to %n step %n {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tk.store %d, %A[%k, %k] : tensor<64x64xf32>, !in
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @chosen
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
// REMARK-DAG: Function=chosen | Reason="its view is no argument of the kernel and no row of one"
tk.kernel @chosen(%A: !in, %B: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %t = arith.cmpi eq, %n, %n : index
  %v = arith.select %t, %A, %B : !in
  scf.for %k = %n to %n step %n {
    %a = tk.load %v[%n, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %v[%k, %n] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  }
  tk.return
}

// The cursor goes around what is left out: the branch yields it from either side.
// CHECK-LABEL: tk.kernel @branch
// CHECK:         %[[START:.*]] = tk.ring_start : !tk.cursor<6>
// CHECK:         scf.if %{{.*}} -> (!tk.cursor<6>) {
// CHECK-NEXT:      %[[END:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[START]]) -> (!tk.cursor<6>) {
// CHECK:           }
// CHECK-NEXT:      scf.yield %[[END]] : !tk.cursor<6>
// CHECK-NEXT:    } else {
// CHECK-NEXT:      scf.yield %[[START]] : !tk.cursor<6>
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.return
tk.kernel @branch(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %t = arith.cmpi eq, %n, %n : index
  scf.if %t {
    scf.for %k = %n to %n step %n {
      %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
      %b = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
      %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    }
  }
  tk.return
}

// A branch in the loop over tiles, with a result of its own and work on its other side.
// CHECK-LABEL: tk.kernel @branch_in_loop
// CHECK:         %[[START:.*]] = tk.ring_start : !tk.cursor<6>
// CHECK:         scf.for %{{.*}} iter_args(%[[TILE:.*]] = %[[START]]) -> (!tk.cursor<6>) {
// CHECK:           %[[BOTH:.*]]:2 = scf.if %{{.*}} -> (index, !tk.cursor<6>) {
// CHECK-NEXT:        scf.yield %n, %[[TILE]] : index, !tk.cursor<6>
// CHECK-NEXT:      } else {
// CHECK-NEXT:        %[[END:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[TILE]]) -> (!tk.cursor<6>) {
// CHECK:             }
// CHECK-NEXT:        scf.yield %{{.*}}, %[[END]] : index, !tk.cursor<6>
// CHECK-NEXT:      }
// CHECK-NEXT:      tk.load %A[%n, %[[BOTH]]#0]
// CHECK-NEXT:      scf.yield %[[BOTH]]#1 : !tk.cursor<6>
tk.kernel @branch_in_loop(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : index
  scf.for %i = %zero to %n step %n {
    %t = arith.cmpi eq, %i, %n : index
    %r = scf.if %t -> index {
      scf.yield %n : index
    } else {
      scf.for %k = %n to %n step %n {
        %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
        %b = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
        %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
      }
      scf.yield %zero : index
    }
    %after = tk.load %A[%n, %r] : !in -> tensor<64x64xbf16>
  }
  tk.return
}

// Inside the roles there are already.
// CHECK-LABEL: tk.kernel @roles
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
// REMARK-DAG: Function=roles | Reason="it is inside 'tk.specialize', which cursors are not carried through"
tk.kernel @roles(%A: !in, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %z = arith.constant dense<0.0> : tensor<64x64xf32>
    scf.for %k = %n to %n step %n {
      %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
      %b = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
      %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    }
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @no_swizzle
// CHECK-NOT:     tk.ring "
// CHECK:         tk.return
// REMARK-DAG: Function=no_swizzle | Reason="the tensor core cannot do its product: a product of 12 x 64 x 8: expected multiples of 64 x 8 x 16"
tk.kernel @no_swizzle(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<12x64xf32>
  scf.for %k = %n to %n step %n {
    %a = tk.load %A[%n, %k] : !in -> tensor<12x8xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<8x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<12x8xbf16>, tensor<8x64xbf16>, tensor<12x64xf32>
  }
  tk.return
}

// What the copy engine needs of a view: see tk.tma_load.
// CHECK-LABEL: tk.kernel @engine
// CHECK-NOT:     tk.ring
// CHECK:         tk.return
// REMARK-DAG: Function=engine | Reason="the copy engine cannot read "S": !tk.global<?x?xbf16, strides = [?, ?], align = 16> has no dimension whose stride is known to be 1"
// REMARK-DAG: Function=engine | Reason="the copy engine cannot read "P": its stride along dimension 0 is only known to be a multiple of 2 bytes, expected a multiple of 16"
// REMARK-DAG: Function=engine | Reason="the copy engine cannot read "R": 512 elements along dimension 0: expected at most 256"
tk.kernel @engine(%S: !tk.global<?x?xbf16, strides = [?, ?], align = 16>, %P: !tk.global<?x?xbf16, align = 16>, %R: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %y = arith.constant dense<0.0> : tensor<64x512xbf16>
  scf.for %k = %n to %n step %n {
    %a = tk.load %S[%n, %k] : !tk.global<?x?xbf16, strides = [?, ?], align = 16> -> tensor<64x64xbf16>
    %b = tk.load %P[%k, %n] : !tk.global<?x?xbf16, align = 16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %c = tk.load %R[%k, %n] : !in -> tensor<512x64xbf16>
    %e = tk.dot %y, %c, %d : tensor<64x512xbf16>, tensor<512x64xbf16>, tensor<64x64xf32>
  }
  tk.return
}
