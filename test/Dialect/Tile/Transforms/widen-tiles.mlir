// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles,tk-widen-tiles))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' %s | FileCheck %s --check-prefix=ONCE
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=lowered

// A second run finds the widest accumulator there already.

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>

// Two programs of 128 columns are one of 256: the grid's x, the places of tiles along x, and every tile that runs along
// x, through constants, loops, elementwise operations and conversions. What runs along y stays, and so does what else
// the constants say.
// CHECK-LABEL: tk.kernel @gemm
// CHECK-NEXT:    %[[E:.*]] = arith.constant 128 : index
// CHECK-NEXT:    %[[N:.*]] = tk.dim %C, 1
// CHECK-NEXT:    %[[M:.*]] = tk.dim %C, 0
// CHECK-NEXT:    %[[Y:.*]] = arith.ceildivui %[[M]], %[[E]] : index
// CHECK-NEXT:    %[[WIDE:.*]] = arith.constant 256 : index
// CHECK-NEXT:    %[[X:.*]] = arith.ceildivui %[[N]], %[[WIDE]] : index
// CHECK-NEXT:    tk.grid %[[X]], %[[Y]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[E:.*]] = arith.constant 128 : index
// CHECK-NEXT:    %[[X:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[Y:.*]] = tk.program_id 1
// CHECK-NEXT:    %[[I:.*]] = arith.muli %[[Y]], %[[E]] : index
// CHECK-NEXT:    %[[WIDE:.*]] = arith.constant 256 : index
// CHECK-NEXT:    %[[J:.*]] = arith.muli %[[WIDE]], %[[X]] : index
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<128x256xf32>
// CHECK-NEXT:    %[[L:.*]] = scf.for %[[K:.*]] = %{{.*}} to %{{.*}} step %[[E]] iter_args(%[[S:.*]] = %[[Z]]) -> (tensor<128x256xf32>) {
// CHECK-NEXT:      %[[A:.*]] = tk.load %A[%[[I]], %[[K]]] : {{.*}} -> tensor<128x128xbf16>
// CHECK-NEXT:      %[[B:.*]] = tk.load %B[%[[K]], %[[J]]] : {{.*}} -> tensor<128x256xbf16>
// CHECK-NEXT:      %[[D:.*]] = tk.dot %[[A]], %[[B]], %[[S]] : tensor<128x128xbf16>, tensor<128x256xbf16>, tensor<128x256xf32>
// CHECK-NEXT:      scf.yield %[[D]] : tensor<128x256xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %[[C:.*]] = tk.load %C[%[[I]], %[[J]]] : {{.*}} -> tensor<128x256xf32>
// CHECK-NEXT:    %[[T:.*]] = arith.addf %[[L]], %[[C]] : tensor<128x256xf32>
// CHECK-NEXT:    %[[H:.*]] = arith.truncf %[[T]] : tensor<128x256xf32> to tensor<128x256xf16>
// CHECK-NEXT:    tk.store %[[H]], %H[%[[I]], %[[J]]] : tensor<128x256xf16>,
// CHECK-NEXT:    tk.return
// REMARK: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Passed] widen | Category:tk-widen-tiles | Function=gemm | Remark="2 programs along x are one: each operand tile is used for more products"
tk.kernel @gemm(%A: !in, %B: !in, %C: !out, %H: !tk.global<?x?xf16>, %k: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 128 : index
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %e : index
  %m = tk.dim %C, 0 : !out
  %y = arith.ceildivui %m, %e : index
  tk.grid %x, %y
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %i = arith.muli %y, %e : index
  %j = arith.muli %e, %x : index
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %r = %k to %k step %e iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%i, %r] : !in -> tensor<128x128xbf16>
    %b = tk.load %B[%r, %j] : !in -> tensor<128x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x128xbf16>, tensor<128x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %c = tk.load %C[%i, %j] : !out -> tensor<128x128xf32>
  %t = arith.addf %l, %c : tensor<128x128xf32>
  %h = arith.truncf %t : tensor<128x128xf32> to tensor<128x128xf16>
  tk.store %h, %H[%i, %j] : tensor<128x128xf16>, !tk.global<?x?xf16>
  tk.return
}

// As many programs as fill 256 columns: four of 64. In loops in loops. A grid of one dimension; x may run along rows.
// CHECK-LABEL: tk.kernel @four
// CHECK:         %[[WIDE:.*]] = arith.constant 256 : index
// CHECK-NEXT:    arith.ceildivui %n, %[[WIDE]] : index
// CHECK:         scf.for {{.*}} -> (tensor<128x256xf32>)
// CHECK-NEXT:      scf.for {{.*}} -> (tensor<128x256xf32>)
// CHECK:             tk.dot {{.*}} tensor<16x256xbf16>, tensor<128x256xf32>
// CHECK:         tk.store %{{.*}} : tensor<128x256xf32>
// REMARK: Function=four | Remark="4 programs along x are one
tk.kernel @four(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 64 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 64 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l = scf.for %o = %n to %n step %e iter_args(%t = %z) -> tensor<128x64xf32> {
    %q = scf.for %r = %n to %n step %e iter_args(%s = %t) -> tensor<128x64xf32> {
      %a = tk.load %A[%o, %r] : !in -> tensor<128x16xbf16>
      %b = tk.load %B[%r, %j] : !in -> tensor<16x64xbf16>
      %d = tk.dot %a, %b, %s : tensor<128x16xbf16>, tensor<16x64xbf16>, tensor<128x64xf32>
      scf.yield %d : tensor<128x64xf32>
    }
    scf.yield %q : tensor<128x64xf32>
  }
  tk.store %l, %C[%n, %j] : tensor<128x64xf32>, !out
  tk.return
}

// `tuning` decides, products or not, once for each run. Tiles of rank 3 and 1.
// CHECK-LABEL: tk.kernel @tuned
// REMARK: Function=tuned | Remark="3 programs along x are one
// ONCE-LABEL:  tk.kernel @tuned
// ONCE:          %[[WIDE:.*]] = arith.constant 24 : index
// ONCE-NEXT:     arith.ceildivui %n, %[[WIDE]] : index
// ONCE:          %[[WIDE:.*]] = arith.constant 24 : index
// ONCE-NEXT:     %[[J:.*]] = arith.muli %{{.*}}, %[[WIDE]] : index
// ONCE-NEXT:     %[[V:.*]] = tk.load %v[%[[J]]] : !tk.global<?xf32> -> tensor<24xf32>
// ONCE-NEXT:     tk.store %[[V]], %v[%[[J]]] : tensor<24xf32>, !tk.global<?xf32>
// ONCE-NEXT:     %[[T:.*]] = tk.load %T[%n, %[[J]], %n] : !tk.global<?x?x?xf32> -> tensor<8x24x8xf32>
// ONCE-NEXT:     tk.store %[[T]], %T[%n, %[[J]], %n] : tensor<8x24x8xf32>, !tk.global<?x?x?xf32>
tk.kernel @tuned(%v: !tk.global<?xf32>, %T: !tk.global<?x?x?xf32>, %n: index) attributes {tuning = #tk.tuning<widen = 3>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %v[%j] : !tk.global<?xf32> -> tensor<8xf32>
  tk.store %t, %v[%j] : tensor<8xf32>, !tk.global<?xf32>
  %u = tk.load %T[%n, %j, %n] : !tk.global<?x?x?xf32> -> tensor<8x8x8xf32>
  tk.store %u, %T[%n, %j, %n] : tensor<8x8x8xf32>, !tk.global<?x?x?xf32>
  tk.return
}

// The extent of a program must be written in the grid.
// CHECK-LABEL: tk.kernel @grid_constant
// CHECK-NOT:     arith.constant 16
// REMARK: Function=grid_constant | Reason="the grid's x is not a size divided by a constant, rounded up"
tk.kernel @grid_constant(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  tk.grid %n
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @grid_unknown
// CHECK-NOT:     arith.constant 16
// REMARK: Function=grid_unknown | Reason="the grid's x is not a size divided by a constant, rounded up"
tk.kernel @grid_unknown(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %x = arith.ceildivui %n, %n : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// Programs are counted.
// CHECK-LABEL: tk.kernel @counts
// CHECK-NOT:     arith.constant 16
// REMARK: Function=counts | Reason="the body asks how many programs there are"
tk.kernel @counts(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %p = tk.num_programs 1
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// The number of the program is used as it is, times something else, or in a loop's bounds.
// CHECK-LABEL: tk.kernel @other_use
// CHECK-NOT:     arith.constant 16
// REMARK: Function=other_use | Reason="program_id 0 is used by 'tk.store', not only times 8"
tk.kernel @other_use(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %x] : tensor<8x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @other_extent
// CHECK-NOT:     arith.constant 16
// REMARK: Function=other_extent | Reason="program_id 0 is used by 'arith.muli', not only times 8"
tk.kernel @other_extent(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %f = arith.constant 4 : index
  %j = arith.muli %x, %f : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @bounds
// CHECK-NOT:     arith.constant 16
// REMARK: Function=bounds | Reason="'scf.for' uses a tile's place along x"
tk.kernel @bounds(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  scf.for %k = %j to %n step %e {
  }
  tk.return
}

// CHECK-LABEL: tk.kernel @shifted
// CHECK-NOT:     arith.constant 16
// REMARK: Function=shifted | Reason="'arith.addi' uses a tile's place along x"
tk.kernel @shifted(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  %f = arith.addi %j, %e : index
  tk.return
}

// CHECK-LABEL: tk.kernel @no_place
// CHECK-NOT:     arith.constant 16
// REMARK: Function=no_place | Reason="no tile's place depends on program_id 0"
tk.kernel @no_place(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %t = tk.load %C[%n, %n] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %n] : tensor<8x8xf32>, !out
  tk.return
}

// The tile is larger than the distance of programs: they overlap.
// CHECK-LABEL: tk.kernel @larger
// CHECK-NOT:     arith.constant 16
// REMARK: Function=larger | Reason="dimension 1 of tensor<8x16xf32> moves by 8 from program to program"
tk.kernel @larger(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x16xf32>
  tk.store %t, %C[%n, %j] : tensor<8x16xf32>, !out
  tk.return
}

// What is loaded along x is stored elsewhere, and the other way round.
// CHECK-LABEL: tk.kernel @elsewhere
// CHECK-NOT:     arith.constant 16
// REMARK: Function=elsewhere | Reason="'tk.store' uses a tile along x"
tk.kernel @elsewhere(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %n] : tensor<8x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @from_elsewhere
// CHECK-NOT:     arith.constant 16
// REMARK: Function=from_elsewhere | Reason="the result of 'tk.load' does not widen"
tk.kernel @from_elsewhere(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %n] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// A constant whose columns differ.
// CHECK-LABEL: tk.kernel @constants
// CHECK-NOT:     arith.constant 16
// REMARK: Function=constants | Reason="the result of 'arith.constant' does not widen"
tk.kernel @constants(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = arith.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]> : tensor<1x8xf32>
  tk.store %t, %C[%n, %j] : tensor<1x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @branch
// CHECK-NOT:     arith.constant 16
// REMARK: Function=branch | Reason="the result of 'scf.if' does not widen"
tk.kernel @branch(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  %c = arith.cmpi eq, %n, %e : index
  %v = scf.if %c -> tensor<8x8xf32> {
    scf.yield %t : tensor<8x8xf32>
  } else {
    scf.yield %t : tensor<8x8xf32>
  }
  tk.store %v, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @staged
// CHECK-NOT:     arith.constant 16
// REMARK: Function=staged | Reason="'tk.shared_store' uses a tile along x"
tk.kernel @staged(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  %s = tk.alloc "s" : !tk.shared<8x8xf32>
  tk.shared_store %t, %s : tensor<8x8xf32>, !tk.shared<8x8xf32>
  tk.return
}

// The product sums over what the programs share out.
// CHECK-LABEL: tk.kernel @sums
// CHECK-NOT:     arith.constant 16
// REMARK: Function=sums | Reason="a product sums along x"
tk.kernel @sums(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %j] : !in -> tensor<8x8xbf16>
  %b = tk.load %B[%j, %n] : !in -> tensor<8x8xbf16>
  %z = arith.constant dense<0.0> : tensor<8x8xf32>
  %d = tk.dot %a, %b, %z : tensor<8x8xbf16>, tensor<8x8xbf16>, tensor<8x8xf32>
  tk.store %d, %C[%n, %n] : tensor<8x8xf32>, !out
  tk.return
}

// Left to itself, the pass asks for products whose rows two consumers share, and whose operands the copy engine brings.
// CHECK-LABEL: tk.kernel @no_product
// CHECK-NOT:     arith.constant 16
// REMARK: Function=no_product | Reason="no product with rows for every consumer"
tk.kernel @no_product(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %t = tk.load %C[%n, %j] : !out -> tensor<8x8xf32>
  tk.store %t, %C[%n, %j] : tensor<8x8xf32>, !out
  tk.return
}

// Three consumers of 64 rows each start with fewer registers, and hold 200 columns.
// CHECK-LABEL: tk.kernel @three_slabs
// CHECK:         arith.constant dense<0.000000e+00> : tensor<192x192xf32>
tk.kernel @three_slabs(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 64 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 64 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<192x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x64xbf16>
  %z = arith.constant dense<0.0> : tensor<192x64xf32>
  %d = tk.dot %a, %b, %z : tensor<192x64xbf16>, tensor<64x64xbf16>, tensor<192x64xf32>
  tk.store %d, %C[%n, %j] : tensor<192x64xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @three_wide_slabs
// CHECK:         arith.constant dense<0.000000e+00> : tensor<192x128xf32>
// REMARK: Function=three_wide_slabs | Reason="3 consumers hold 64 rows of at most 200 columns each"
tk.kernel @three_wide_slabs(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<192x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<192x128xf32>
  %d = tk.dot %a, %b, %z : tensor<192x64xbf16>, tensor<64x128xbf16>, tensor<192x128xf32>
  tk.store %d, %C[%n, %j] : tensor<192x128xf32>, !out
  tk.return
}

// Two consumers with two slabs each hold half as many columns.
// CHECK-LABEL: tk.kernel @four_slabs
// CHECK:         arith.constant dense<0.000000e+00> : tensor<256x128xf32>
// REMARK: Function=four_slabs | Reason="2 consumers hold 128 rows of at most 184 columns each"
tk.kernel @four_slabs(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<256x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<256x128xf32>
  %d = tk.dot %a, %b, %z : tensor<256x64xbf16>, tensor<64x128xbf16>, tensor<256x128xf32>
  tk.store %d, %C[%n, %j] : tensor<256x128xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @no_pairs
// CHECK:         arith.constant dense<0.000000e+00> : tensor<192x128xf32>
// REMARK: Function=no_pairs | Reason="2 consumers cannot share 192 rows in slabs of 64: one holds the whole tile, which is large enough"
tk.kernel @no_pairs(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<consumers = 2>} grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<192x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<192x128xf32>
  %d = tk.dot %a, %b, %z : tensor<192x64xbf16>, tensor<64x128xbf16>, tensor<192x128xf32>
  tk.store %d, %C[%n, %j] : tensor<192x128xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @few_rows
// CHECK-NOT:     arith.constant 16
// REMARK: Function=few_rows | Reason="no product with rows for every consumer"
tk.kernel @few_rows(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<64x8xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<8x8xbf16>
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %d = tk.dot %a, %b, %z : tensor<64x8xbf16>, tensor<8x8xbf16>, tensor<64x8xf32>
  tk.store %d, %C[%n, %j] : tensor<64x8xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @not_copied
// CHECK-NOT:     arith.constant 16
// REMARK: Function=not_copied | Reason="without the copy engine one warpgroup holds the whole tile, which is large enough"
tk.kernel @not_copied(%A: !tk.global<?x?xbf16>, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 8 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 8 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !tk.global<?x?xbf16> -> tensor<128x8xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<8x8xbf16>
  %z = arith.constant dense<0.0> : tensor<128x8xf32>
  %d = tk.dot %a, %b, %z : tensor<128x8xbf16>, tensor<8x8xbf16>, tensor<128x8xf32>
  tk.store %d, %C[%n, %j] : tensor<128x8xf32>, !out
  tk.return
}

// Wide enough, or tuned to one: nothing to do, and nothing to say. Nor of a lowered kernel.
// CHECK-LABEL: tk.kernel @wide
// CHECK:         tk.store %{{.*}} : tensor<128x256xf32>
// CHECK-LABEL: tk.kernel @tuned_off
// CHECK:         tk.store %{{.*}} : tensor<128x128xf32>
// CHECK-LABEL: tk.kernel @lowered
// CHECK:         tk.store %{{.*}} : tensor<128x128xf32>
// REMARK-NOT: Function={{wide|tuned_off|lowered}}
tk.kernel @wide(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 256 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 256 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<128x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x256xbf16>
  %z = arith.constant dense<0.0> : tensor<128x256xf32>
  %d = tk.dot %a, %b, %z : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
  tk.store %d, %C[%n, %j] : tensor<128x256xf32>, !out
  tk.return
}
tk.kernel @tuned_off(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<widen = 1>} grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<128x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %d = tk.dot %a, %b, %z : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
  tk.store %d, %C[%n, %j] : tensor<128x128xf32>, !out
  tk.return
}
tk.kernel @lowered(%A: !in, %B: !in, %C: !out, %n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %a = tk.load %A[%n, %n] : !in -> tensor<128x64xbf16>
  %b = tk.load %B[%n, %j] : !in -> tensor<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %d = tk.dot %a, %b, %z : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
  tk.store %d, %C[%n, %j] : tensor<128x128xf32>, !out
  tk.return
}
