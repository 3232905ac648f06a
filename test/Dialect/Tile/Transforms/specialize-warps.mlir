// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-specialize-warps))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-specialize-warps,tk-specialize-warps))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-specialize-warps))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=lowered

// What is split is not split again.

!a = !tk.shared<128x64xbf16>
!b = !tk.shared<64x64xbf16>
!ring = !tk.ring<4, !a, !b>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
!acc = tensor<128x64xf32>

// The producer keeps what fills the ring, with the loops and the index arithmetic that needs; it carries the cursor
// only. Each of two consumers has 64 of the 128 rows: of its slice of A, of what it carries, of what it stores and where.
// CHECK-LABEL: tk.kernel @gemm
// CHECK:       } {
// CHECK-NEXT:    %[[R:.*]] = tk.ring "A, B"
// CHECK-NEXT:    tk.specialize producer registers 40 {
// CHECK-NEXT:      %[[START:.*]] = tk.ring_start : !tk.cursor<4>
// CHECK-NEXT:      %[[I:.*]] = tk.program_id 0
// CHECK-NEXT:      scf.for %[[K:.*]] = %n to %n step %n iter_args(%[[C:.*]] = %[[START]]) -> (!tk.cursor<4>) {
// CHECK-NEXT:        %[[J:.*]] = arith.addi %[[K]], %n : index
// CHECK-NEXT:        tk.ring_acquire %[[R]][%[[C]]]
// CHECK-NEXT:        tk.ring_fill %[[R]][%[[C]]] tile 0 from %A[%[[I]], %[[K]]]
// CHECK-NEXT:        tk.ring_fill %[[R]][%[[C]]] tile 1 from %B[%[[K]], %[[J]]]
// CHECK-NEXT:        tk.ring_publish %[[R]][%[[C]]]
// CHECK-NEXT:        %[[N:.*]] = tk.ring_advance %[[C]]
// CHECK-NEXT:        scf.yield %[[N]] : !tk.cursor<4>
// CHECK-NEXT:      } {note = "kept", tk.independent}
// CHECK-NEXT:    } consumers 2 registers 232 {
// CHECK-NEXT:      %[[ME:.*]] = tk.replica
// CHECK-NEXT:      %[[ROWS:.*]] = arith.constant 64 : index
// CHECK-NEXT:      %[[MINE:.*]] = arith.muli %[[ME]], %[[ROWS]] : index
// CHECK-NEXT:      %[[START:.*]] = tk.ring_start : !tk.cursor<4>
// CHECK-NEXT:      %[[I:.*]] = tk.program_id 0
// CHECK-NEXT:      %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<64x64xf32>
// CHECK-NEXT:      %[[L:.*]]:2 = scf.for %[[K:.*]] = %n to %n step %n iter_args(%[[S:.*]] = %[[Z]], %[[C:.*]] = %[[START]]) -> (tensor<64x64xf32>, !tk.cursor<4>) {
// CHECK-NEXT:        %[[T:.*]]:2 = tk.ring_wait %[[R]][%[[C]]]
// CHECK-NEXT:        %[[SLICE:.*]] = tk.shared_slice %[[T]]#0[%[[ME]]] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
// CHECK-NEXT:        %[[A:.*]] = tk.shared_load %[[SLICE]] : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
// CHECK-NEXT:        %[[B:.*]] = tk.shared_load %[[T]]#1 : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
// CHECK-NEXT:        %[[D:.*]] = tk.dot %[[A]], %[[B]], %[[S]] : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
// CHECK-NEXT:        tk.ring_release %[[R]][%[[C]]]
// CHECK-NEXT:        %[[N:.*]] = tk.ring_advance %[[C]]
// CHECK-NEXT:        scf.yield %[[D]], %[[N]]
// CHECK-NEXT:      } {note = "kept", tk.independent}
// CHECK-NEXT:      %[[H:.*]] = arith.negf %[[L]]#0 : tensor<64x64xf32>
// CHECK-NEXT:      %[[ROW:.*]] = arith.addi %[[I]], %[[MINE]] : index
// CHECK-NEXT:      tk.store %[[H]], %C[%[[ROW]], %n] : tensor<64x64xf32>,
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Passed] specialize | Category:tk-specialize-warps | Function=gemm | Remark="one producer with 40 registers to a thread, 2 consumer(s) with 232, each with its share of the rows"
tk.kernel @gemm(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  } {note = "kept", tk.independent}
  %h = arith.negf %l#0 : !acc
  tk.store %h, %C[%i, %n] : !acc, !out
  tk.return
}

// 64 rows are one consumer's; all of them. It is no wider than a block of 256 threads can have.
// CHECK-LABEL: tk.kernel @one
// CHECK:         tk.specialize producer registers 40 {
// CHECK:         } consumers 1 registers 240 {
// CHECK-NOT:       tk.shared_slice
// CHECK:           tk.dot
// REMARK-DAG: Function=one | Remark="one producer with 40 registers to a thread, 1 consumer(s) with 240, each with its share of the rows"
tk.kernel @one(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<64x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<64x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<64x64xf32>, !out
  tk.return
}

// Two consumers at most, unless `tuning` says more: 256 rows are two times 128.
// CHECK-LABEL: tk.kernel @more_rows
// CHECK:         } consumers 2 registers 232 {
// CHECK:           arith.constant 128 : index
// CHECK:           tk.dot {{.*}} tensor<128x64xf32>
tk.kernel @more_rows(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<256x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<256x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<256x64xbf16> -> tensor<256x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<256x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<256x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<256x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<256x64xf32>, !out
  tk.return
}

// Three slabs of 64 rows do not come in pairs: three consumers.
// CHECK-LABEL: tk.kernel @three
// CHECK:         tk.specialize producer registers 40 {
// CHECK:         } consumers 3 registers 152 {
// CHECK:           %[[ROWS:.*]] = arith.constant 64 : index
// CHECK:           tk.shared_slice %{{.*}} along 0 : !tk.shared<192x64xbf16> -> !tk.shared<64x64xbf16>
// REMARK-DAG: Function=three | Remark="one producer with 40 registers to a thread, 3 consumer(s) with 152, each with its share of the rows"
tk.kernel @three(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<192x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<192x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<192x64xbf16> -> tensor<192x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<192x64xbf16>, tensor<64x64xbf16>, tensor<192x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<192x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<192x64xf32>, !out
  tk.return
}

// Registers by hand.
// CHECK-LABEL: tk.kernel @registers
// CHECK:         tk.specialize producer registers 24 {
// CHECK:         } consumers 2 registers 240 {
tk.kernel @registers(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<producer_registers = 24, consumer_registers = 240>} grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// A with its rows contiguous: panels of 64 rows, of which each consumer has one.
// CHECK-LABEL: tk.kernel @columns
// CHECK:         } consumers 2 registers 232 {
// CHECK:           tk.shared_slice %{{.*}} along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
tk.kernel @columns(%A: !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// Stores under a condition that is the same for all: the producer has none of it.
// CHECK-LABEL: tk.kernel @branches
// CHECK:         tk.specialize
// CHECK-NOT:       scf.if
// CHECK:         } consumers 2
// CHECK:           scf.if
// CHECK:             %[[ROW:.*]] = arith.addi
// CHECK-NEXT:        tk.store %{{.*}}, %C[%[[ROW]], %n] : tensor<64x64xf32>
tk.kernel @branches(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %t = arith.cmpi eq, %i, %n : index
  scf.if %t {
    tk.store %l#0, %C[%i, %n] : !acc, !out
  }
  tk.return
}

// A constant of two uses, elementwise operations in the loop, a conversion on the way out; a tile
// that no product touches. The left operand is computed, so its buffer would be one for all consumers: there is one.
// CHECK-LABEL: tk.kernel @constants
// CHECK:         } consumers 1
// CHECK:           %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<128x64xf32>
// CHECK:           scf.for {{.*}} iter_args(%{{.*}} = %[[Z]],
// CHECK:             arith.negf %{{.*}} : tensor<128x64xbf16>
// CHECK:           %[[SUM:.*]] = arith.addf %{{.*}}, %[[Z]] : tensor<128x64xf32>
// CHECK-NEXT:      %[[H:.*]] = arith.truncf %[[SUM]] : tensor<128x64xf32> to tensor<128x64xf16>
// CHECK:           tk.store %[[H]], %H[%{{.*}}, %n] : tensor<128x64xf16>
// CHECK:           %[[OTHER:.*]] = arith.constant dense<1.000000e+00> : tensor<16x16xf32>
// CHECK-NEXT:      tk.store %[[OTHER]], %C[%n, %n] : tensor<16x16xf32>
tk.kernel @constants(%A: !in, %B: !in, %C: !out, %n: index, %H: !tk.global<?x?xf16>) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %neg = arith.negf %a : tensor<128x64xbf16>
    %d = tk.dot %neg, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %sum = arith.addf %l#0, %z : !acc
  %h = arith.truncf %sum : !acc to tensor<128x64xf16>
  tk.store %h, %H[%i, %n] : tensor<128x64xf16>, !tk.global<?x?xf16>
  %other = arith.constant dense<1.0> : tensor<16x16xf32>
  tk.store %other, %C[%n, %n] : tensor<16x16xf32>, !out
  tk.return
}

// Loops around: the producer walks them too, for their cursors; scalars that both need both compute. A store between.
// CHECK-LABEL: tk.kernel @nested
// CHECK:         tk.specialize producer
// CHECK:           %[[P:.*]]:2 = scf.for %{{.*}} iter_args(%[[C0:.*]] = %{{.*}}, %[[O:.*]] = %{{.*}}) -> (!tk.cursor<4>, index) {
// CHECK-NEXT:        %[[Q:.*]] = scf.for %{{.*}} iter_args(%{{.*}} = %[[C0]]) -> (!tk.cursor<4>) {
// CHECK:               tk.ring_fill %{{.*}} tile 0 from %A[%[[O]], %{{.*}}]
// CHECK:             }
// CHECK-NEXT:        %[[NEXT:.*]] = arith.addi %[[O]], %n
// CHECK-NEXT:        scf.yield %[[Q]], %[[NEXT]]
// CHECK:         } consumers 2
// CHECK:           scf.for %{{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (!tk.cursor<4>, index) {
// CHECK:             scf.for %{{.*}} -> (tensor<64x64xf32>, !tk.cursor<4>) {
// CHECK:             tk.store
tk.kernel @nested(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c0 = tk.ring_start : !tk.cursor<4>
  %t:2 = scf.for %i = %n to %n step %n iter_args(%c1 = %c0, %o = %n) -> (!tk.cursor<4>, index) {
    %z = arith.constant dense<0.0> : !acc
    %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c1) -> (!acc, !tk.cursor<4>) {
      tk.ring_acquire %r[%c] : !ring
      tk.ring_fill %r[%c] tile 0 from %A[%o, %k] : !ring, !in
      tk.ring_fill %r[%c] tile 1 from %B[%k, %n] : !ring, !in
      tk.ring_publish %r[%c] : !ring
      %ta, %tb = tk.ring_wait %r[%c] : !ring
      %a = tk.shared_load %ta : !a -> tensor<128x64xbf16>
      %b = tk.shared_load %tb : !b -> tensor<64x64xbf16>
      %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, !acc
      tk.ring_release %r[%c] : !ring
      %next = tk.ring_advance %c : !tk.cursor<4>
      scf.yield %d, %next : !acc, !tk.cursor<4>
    }
    tk.store %l#0, %C[%i, %n] : !acc, !out
    %p = arith.addi %o, %n : index
    scf.yield %l#1, %p : !tk.cursor<4>, index
  }
  tk.return
}

// Fewer consumers than `tuning` asks for: with the rows of one.
// CHECK-LABEL: tk.kernel @too_few
// CHECK:         } consumers 1 registers 240 {
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=too_few | Reason="2 consumers: tensor<64x64xf32> has no 2 times 64 rows; one has all rows"
// REMARK-DAG: Function=too_few | Remark="one producer with 40 registers to a thread, 1 consumer(s) with 240, each with its share of the rows"
tk.kernel @too_few(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<consumers = 2>} grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<64x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<64x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<64x64xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @uneven
// CHECK:         } consumers 1 registers 240 {
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=uneven | Reason="2 consumers: tensor<192x64xf32> has no 2 times 64 rows; one has all rows"
tk.kernel @uneven(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<consumers = 2>} grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<192x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<192x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<192x64xbf16> -> tensor<192x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<192x64xbf16>, tensor<64x64xbf16>, tensor<192x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<192x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<192x64xf32>, !out
  tk.return
}

// ptxas wants an accumulator and 26 registers more of those that 512 threads start with.
// CHECK-LABEL: tk.kernel @too_wide
// CHECK:         } consumers 1 registers 240 {
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=too_wide | Reason="3 consumers: a product of 256 columns takes 128 registers at once, and threads of a block of 512 start with 128, of which ptxas wants 26 beside them: at most 200 columns (widen less); one has all rows"
tk.kernel @too_wide(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<192x256xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<192x256xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>
    %a = tk.shared_load %ta : !tk.shared<192x64xbf16> -> tensor<192x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x256xbf16> -> tensor<64x256xbf16>
    %d = tk.dot %a, %b, %s : tensor<192x64xbf16>, tensor<64x256xbf16>, tensor<192x256xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<192x64xbf16>, !tk.shared<64x256xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<192x256xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<192x256xf32>, !out
  tk.return
}

// No ring, no producer.
// CHECK-LABEL: tk.kernel @no_ring
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: Function=no_ring | Reason="no ring brings operands: there is no work for a producer"
tk.kernel @no_ring(%n: index) grid {
  tk.grid %n
} {
  tk.return
}

// What moves past the rings.
// CHECK-LABEL: tk.kernel @load
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=load | Reason=""C" is loaded and stored to, and nothing orders one consumer's loads and another's stores"
tk.kernel @load(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %x = tk.load %C[%i, %n] : !out -> !acc
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @alloc
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=alloc | Reason="'tk.alloc' moves data past the rings"
tk.kernel @alloc(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %x = tk.alloc "x" : !a
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @copy
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=copy | Reason="'tk.copy' moves data past the rings"
tk.kernel @copy(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %x = tk.alloc "x" : !a
  tk.copy %A[%i, %n], %x : !in, !a
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @shared_store
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=shared_store | Reason="'tk.shared_store' moves data past the rings"
tk.kernel @shared_store(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %x = tk.alloc "x" : !a
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    tk.shared_store %a, %x : tensor<128x64xbf16>, !a
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// Control flow that could hang on data.
// CHECK-LABEL: tk.kernel @from_tile
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=from_tile | Reason="'tensor.extract' makes a scalar of a tile"
tk.kernel @from_tile(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %x = tensor.extract %l#0[%n, %n] : !acc
  tk.return
}

// CHECK-LABEL: tk.kernel @yields
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=yields | Reason="an 'scf.if' yields values"
tk.kernel @yields(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %t = arith.cmpi eq, %i, %n : index
  %o = scf.if %t -> index {
    scf.yield %i : index
  } else {
    scf.yield %n : index
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @while
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=while | Reason="control flow by 'scf.while' is not followed"
tk.kernel @while(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  scf.while : () -> () {
    %t = arith.cmpi eq, %i, %n : index
    scf.condition(%t)
  } do {
    scf.yield
  }
  tk.return
}

// Rows that differ cannot be dealt out.
// CHECK-LABEL: tk.kernel @differing
// CHECK:         } consumers 1
// CHECK:         tk.return
tk.kernel @differing(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<64x8xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>
    %a = tk.shared_load %ta : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x8xbf16> -> tensor<64x8xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x8xbf16>, tensor<64x8xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<64x64xbf16>, !tk.shared<64x8xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<64x8xf32>, !tk.cursor<4>
  }
  %q = arith.constant dense<"0x01010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"> : tensor<64x8xi1>
  %y = arith.select %q, %l#0, %z : tensor<64x8xi1>, tensor<64x8xf32>
  tk.store %y, %C[%i, %n] : tensor<64x8xf32>, !out
  tk.return
}

// Rows that cannot be dealt out: one consumer has them all.
// CHECK-LABEL: tk.kernel @other_source
// CHECK:         } consumers 1
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=other_source | Reason="2 consumers: rows of the result of 'ub.poison' cannot be dealt out; one has all rows"
tk.kernel @other_source(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %x = ub.poison : !acc
  %y = arith.addf %x, %l#0 : !acc
  tk.store %y, %C[%i, %n] : !acc, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @right
// CHECK:         } consumers 1
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=right | Reason="2 consumers: the right operand of a product depends on the rows of another; one has all rows"
tk.kernel @right(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  %w = arith.truncf %l#0 : !acc to tensor<128x64xbf16>
  %x = arith.constant dense<1.0> : tensor<128x128xbf16>
  %y = tk.dot %x, %w, %z : tensor<128x128xbf16>, tensor<128x64xbf16>, !acc
  tk.store %y, %C[%i, %n] : !acc, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @other_shared
// CHECK:         } consumers 1
// CHECK:         tk.return
// REMARK-DAG: [Missed] specialize | Category:tk-specialize-warps | Function=other_shared | Reason="2 consumers: a shared tile that is not from a ring cannot be cut; one has all rows"
tk.kernel @other_shared(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %half = tk.shared_slice %ta[%n] along 0 : !a -> !a
    %h = tk.shared_load %half : !a -> tensor<128x64xbf16>
    %g = tk.dot %h, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, !acc
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// A lowered kernel.
// CHECK-LABEL: tk.kernel @lowered
// CHECK-NOT:     tk.specialize
// CHECK:         tk.return
tk.kernel @lowered(%A: !in, %B: !in, %C: !out, %n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    %j = arith.addi %k, %n : index
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %j] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %next = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %d, %next : tensor<128x64xf32>, !tk.cursor<4>
  }
  tk.store %l#0, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}

// Loads that feed no product stay with the consumers: each has its own rows of what has rows, all of what has one row,
// and the producer none. What is repeated along the rows is not cut.
// CHECK-LABEL: tk.kernel @scales
// CHECK:         tk.specialize producer
// CHECK-NOT:       tk.load
// CHECK:         consumers 2
// CHECK:           %[[ME:.*]] = tk.replica
// CHECK:           %[[MINE:.*]] = arith.muli %[[ME]],
// CHECK:           scf.for
// CHECK:             tk.dot {{.*}} tensor<64x64xf32>
// CHECK:             %[[ROW:.*]] = arith.addi %{{.*}}, %[[MINE]]
// CHECK:             %[[S:.*]] = tk.load %S[%[[ROW]], %n] : {{.*}} -> tensor<64x1xf32>
// CHECK:             %[[T:.*]] = tk.load %T[%n, %n] : {{.*}} -> tensor<1x1xf32>
// CHECK:             %[[TS:.*]] = tk.broadcast %[[T]] : tensor<1x1xf32> -> tensor<64x1xf32>
// CHECK:             %[[B:.*]] = arith.mulf %[[S]], %[[TS]] : tensor<64x1xf32>
// CHECK:             tk.broadcast %[[B]] : tensor<64x1xf32> -> tensor<64x64xf32>
// CHECK:           %[[U:.*]] = tk.load %U[%n, %n] : {{.*}} -> tensor<1x64xf32>
// CHECK:           tk.broadcast %[[U]] : tensor<1x64xf32> -> tensor<64x64xf32>
// CHECK:           tensor.splat %f : tensor<64x64xf32>
// CHECK:           %[[ROW2:.*]] = arith.addi %{{.*}}, %[[MINE]]
// CHECK:           tk.load %R[%[[ROW2]], %n] : {{.*}} -> tensor<64x64xf32>
tk.kernel @scales(%A: !in, %B: !in, %S: !out, %T: !out, %U: !out, %R: !out, %C: !out, %f: f32, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
  %c0 = tk.ring_start : !tk.cursor<4>
  %i = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l:2 = scf.for %k = %n to %n step %n iter_args(%s = %z, %c = %c0) -> (tensor<128x64xf32>, !tk.cursor<4>) {
    tk.ring_acquire %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    tk.ring_fill %r[%c] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_fill %r[%c] tile 1 from %B[%k, %n] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>, !in
    tk.ring_publish %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %ta, %tb = tk.ring_wait %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %a = tk.shared_load %ta : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    %b = tk.shared_load %tb : !tk.shared<64x64xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tk.ring_release %r[%c] : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x64xbf16>>
    %sa = tk.load %S[%i, %n] : !out -> tensor<128x1xf32>
    %sb = tk.load %T[%n, %n] : !out -> tensor<1x1xf32>
    %sc = tk.broadcast %sb : tensor<1x1xf32> -> tensor<128x1xf32>
    %sd = arith.mulf %sa, %sc : tensor<128x1xf32>
    %se = tk.broadcast %sd : tensor<128x1xf32> -> tensor<128x64xf32>
    %m = arith.mulf %d, %se : tensor<128x64xf32>
    %next = arith.addf %s, %m : tensor<128x64xf32>
    %cn = tk.ring_advance %c : !tk.cursor<4>
    scf.yield %next, %cn : tensor<128x64xf32>, !tk.cursor<4>
  }
  %u = tk.load %U[%n, %n] : !out -> tensor<1x64xf32>
  %v = tk.broadcast %u : tensor<1x64xf32> -> tensor<128x64xf32>
  %w = tensor.splat %f : tensor<128x64xf32>
  %x = tk.load %R[%i, %n] : !out -> tensor<128x64xf32>
  %y0 = arith.mulf %l#0, %v : tensor<128x64xf32>
  %y1 = arith.mulf %y0, %w : tensor<128x64xf32>
  %y2 = arith.addf %y1, %x : tensor<128x64xf32>
  tk.store %y2, %C[%i, %n] : tensor<128x64xf32>, !out
  tk.return
}
