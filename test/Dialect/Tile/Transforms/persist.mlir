// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist,tk-persist))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=lowered

// A second run declines: the grid depends on the number of multiprocessors.

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>

// Two dimensions, in bands of eight rows; the last band may be lower. The host takes no more programs than there are
// tiles. The body's own number of programs is the step.
// CHECK-LABEL: tk.kernel @two
// CHECK-NEXT:    %[[M:.*]] = tk.dim %C, 0
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %n, %[[M]] : index
// CHECK-NEXT:    %[[SMS:.*]] = tk.num_sms
// CHECK-NEXT:    %[[PROGRAMS:.*]] = arith.minui %[[TILES]], %[[SMS]] : index
// CHECK-NEXT:    tk.grid %[[PROGRAMS]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[M:.*]] = tk.dim %C, 0
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %n, %[[M]] : index
// CHECK-NEXT:    %[[FIRST:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[STEP:.*]] = tk.num_programs 0
// CHECK-NEXT:    scf.for %[[T:.*]] = %[[FIRST]] to %[[TILES]] step %[[STEP]] {
// CHECK-NEXT:      %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK-NEXT:      %[[BAND:.*]] = arith.muli %n, %[[EIGHT]] : index
// CHECK-NEXT:      %[[WHICH:.*]] = arith.divui %[[T]], %[[BAND]] : index
// CHECK-NEXT:      %[[ROW:.*]] = arith.muli %[[WHICH]], %[[EIGHT]] : index
// CHECK-NEXT:      %[[IN:.*]] = arith.remui %[[T]], %[[BAND]] : index
// CHECK-NEXT:      %[[LEFT:.*]] = arith.subi %[[M]], %[[ROW]] : index
// CHECK-NEXT:      %[[HEIGHT:.*]] = arith.minui %[[LEFT]], %[[EIGHT]] : index
// CHECK-NEXT:      %[[X:.*]] = arith.divui %[[IN]], %[[HEIGHT]] : index
// CHECK-NEXT:      %[[DOWN:.*]] = arith.remui %[[IN]], %[[HEIGHT]] : index
// CHECK-NEXT:      %[[Y:.*]] = arith.addi %[[ROW]], %[[DOWN]] : index
// CHECK-NEXT:      %[[Z:.*]] = arith.constant dense
// CHECK-NEXT:      %[[L:.*]] = scf.for {{.*}} {
// CHECK-NEXT:        tk.load %A[%[[Y]], %{{.*}}]
// CHECK-NEXT:        tk.load %A[%{{.*}}, %[[X]]]
// CHECK-NEXT:        tk.dot
// CHECK-NEXT:        scf.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      tk.store %[[L]], %C[%[[Y]], %[[X]]]
// CHECK-NEXT:    } {tk.independent}
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Passed] persist | Category:tk-persist | Function=two | Remark="one program per multiprocessor walks the grid's 2 dimension(s) in bands of 8 row(s)"
tk.kernel @two(%A: !in, %C: !out, %n: index) grid {
  %m = tk.dim %C, 0 : !out
  tk.grid %n, %m
} {
  %x = tk.program_id 0
  %y = tk.program_id 1
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%y, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %x] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%y, %x] : tensor<64x64xf32>, !out
  tk.return
}

// One dimension: tile number and x are one.
// CHECK-LABEL: tk.kernel @one
// CHECK-NEXT:    %[[SMS:.*]] = tk.num_sms
// CHECK-NEXT:    %[[PROGRAMS:.*]] = arith.minui %n, %[[SMS]] : index
// CHECK-NEXT:    tk.grid %[[PROGRAMS]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[FIRST:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[STEP:.*]] = tk.num_programs 0
// CHECK-NEXT:    scf.for %[[T:.*]] = %[[FIRST]] to %n step %[[STEP]] {
// CHECK-NEXT:      arith.constant dense
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tk.load %A[%[[T]], %{{.*}}]
// CHECK:           } {note = "kept"}
// CHECK-NEXT:    } {tk.independent}
// REMARK-DAG: Function=one | Remark="one program per multiprocessor walks the grid's 1 dimension(s) row by row"
tk.kernel @one(%A: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %x = tk.program_id 0
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%x, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %x] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  } {note = "kept"}
  tk.return
}

// Three dimensions, each plane in its own bands, whose height `tuning` gives.
// CHECK-LABEL: tk.kernel @three
// CHECK:         %[[XY:.*]] = arith.muli %n, %n : index
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %[[XY]], %m : index
// CHECK-NEXT:    %[[SMS:.*]] = tk.num_sms
// CHECK-NEXT:    %[[PROGRAMS:.*]] = arith.minui %[[TILES]], %[[SMS]] : index
// CHECK-NEXT:    tk.grid %[[PROGRAMS]]
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to
// CHECK-NEXT:      %[[PLANE:.*]] = arith.muli %n, %n : index
// CHECK-NEXT:      %[[Z:.*]] = arith.divui %[[T]], %[[PLANE]] : index
// CHECK-NEXT:      %[[IN:.*]] = arith.remui %[[T]], %[[PLANE]] : index
// CHECK-NEXT:      %[[THREE:.*]] = arith.constant 3 : index
// CHECK-NEXT:      %[[BAND:.*]] = arith.muli %n, %[[THREE]] : index
// CHECK-NEXT:      arith.divui %[[IN]], %[[BAND]] : index
// CHECK:           tk.load %A[%[[Z]], %{{.*}}]
// REMARK-DAG: Function=three | Remark="one program per multiprocessor walks the grid's 3 dimension(s) in bands of 3 row(s)"
tk.kernel @three(%A: !in, %C: !out, %n: index, %m: index) attributes {tuning = #tk.tuning<group = 3>} grid {
  tk.grid %n, %n, %m
} {
  %p = tk.program_id 2
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%p, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Bands of one row: row by row.
// CHECK-LABEL: tk.kernel @row_by_row
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to
// CHECK-NEXT:      %[[X:.*]] = arith.remui %[[T]], %n : index
// CHECK-NEXT:      %[[Y:.*]] = arith.divui %[[T]], %n : index
// CHECK-NEXT:      arith.constant dense
// CHECK:           tk.load %A[%[[Y]], %{{.*}}]
// CHECK-NEXT:      tk.load %A[%{{.*}}, %[[X]]]
tk.kernel @row_by_row(%A: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<group = 1>} grid {
  tk.grid %n, %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %x = tk.program_id 0
    %y = tk.program_id 1
    %a = tk.load %A[%y, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %x] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// A cluster along y: what is walked is pairs of rows, and each program takes its own. As many programs as make whole
// clusters; at least one of those.
// CHECK-LABEL: tk.kernel @pair
// CHECK-SAME:    cluster = array<i64: 2>
// CHECK:         %[[EVEN:.*]] = arith.muli %m, %{{.*}} : index
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %n, %[[EVEN]] : index
// CHECK-NEXT:    %[[SMS:.*]] = tk.num_sms
// CHECK-NEXT:    %[[TWO:.*]] = arith.constant 2 : index
// CHECK-NEXT:    %[[ODD:.*]] = arith.remui %[[SMS]], %[[TWO]] : index
// CHECK-NEXT:    %[[WHOLE:.*]] = arith.subi %[[SMS]], %[[ODD]] : index
// CHECK-NEXT:    %[[MOST:.*]] = arith.maxui %[[WHOLE]], %[[TWO]] : index
// CHECK-NEXT:    %[[PROGRAMS:.*]] = arith.minui %[[TILES]], %[[MOST]] : index
// CHECK-NEXT:    tk.grid %[[PROGRAMS]]
// CHECK-NEXT:  } {
// CHECK:         %[[EVEN:.*]] = arith.muli %m, %{{.*}} : index
// CHECK-NEXT:    %[[TWO:.*]] = arith.constant 2 : index
// CHECK-NEXT:    %[[RANK:.*]] = tk.cluster_rank
// CHECK-NEXT:    %[[PAIRS:.*]] = arith.divui %[[EVEN]], %[[TWO]] : index
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %n, %[[PAIRS]] : index
// CHECK-NEXT:    %[[ID:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[NUM:.*]] = tk.num_programs 0
// CHECK-NEXT:    %[[FIRST:.*]] = arith.divui %[[ID]], %[[TWO]] : index
// CHECK-NEXT:    %[[STEP:.*]] = arith.divui %[[NUM]], %[[TWO]] : index
// CHECK-NEXT:    scf.for %[[T:.*]] = %[[FIRST]] to %[[TILES]] step %[[STEP]] {
// CHECK-NEXT:      arith.constant 4 : index
// CHECK:           %[[PAIR:.*]] = arith.addi %{{.*}}, %{{.*}} : index
// CHECK-NEXT:      %[[FROM:.*]] = arith.muli %[[PAIR]], %[[TWO]] : index
// CHECK-NEXT:      %[[Y:.*]] = arith.addi %[[FROM]], %[[RANK]] : index
// CHECK:             tk.load %A[%[[Y]], %{{.*}}]
// REMARK-DAG: Function=pair | Remark="one program of a cluster per multiprocessor walks the grid's 2 dimension(s) in bands of 4 row(s)"
tk.kernel @pair(%A: !in, %C: !out, %n: index, %m: index) attributes {cluster = array<i64: 1, 2>} grid {
  %two = arith.constant 2 : index
  %even = arith.muli %m, %two : index
  tk.grid %n, %even
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %x = tk.program_id 0
    %y = tk.program_id 1
    %a = tk.load %A[%y, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %x] multicast : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// REMARK-DAG: Function=square_cluster | Reason="clusters along several dimensions of the grid are not walked"
// A cluster by hand, and a grid that may end in the middle of one.
// REMARK-DAG: Function=odd_grid | Reason="the grid is not known to be whole clusters of 2 along dimension 0"
tk.kernel @odd_grid(%A: !in, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}
tk.kernel @square_cluster(%A: !in, %n: index) attributes {cluster = array<i64: 2, 2>} grid {
  tk.grid %n, %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Hilbert's curve, here through squares of two by two: (0, 0), (0, 1), (1, 1), (1, 0). Where a band is lower or too
// short for a square, the walk is column by column. test/python/test_order.py walks larger ones.
// CHECK-LABEL: tk.kernel @hilbert
// CHECK:         arith.cmpi ult
// CHECK:         arith.select
// REMARK-DAG: Function=hilbert | Remark="one program per multiprocessor walks the grid's 2 dimension(s) along Hilbert's curve in squares of 2"
tk.kernel @hilbert(%A: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<group = 2, order = hilbert>} grid {
  tk.grid %n, %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %x = tk.program_id 0
    %y = tk.program_id 1
    %a = tk.load %A[%y, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%k, %x] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Declined: no product in a loop, or none at all.
// CHECK-LABEL: tk.kernel @no_loop
// CHECK-NOT:     tk.num_sms
// CHECK-NOT:     scf.for
// REMARK-DAG: remark: [Missed] persist | Category:tk-persist | Function=no_loop | Reason="no product in a loop: several blocks on a multiprocessor hide latency better"
tk.kernel @no_loop(%A: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}

// CHECK-LABEL: tk.kernel @no_product
// CHECK-NOT:     tk.num_sms
// REMARK-DAG: Function=no_product | Reason="no product in a loop: several blocks on a multiprocessor hide latency better"
tk.kernel @no_product(%n: index) grid {
  tk.grid %n
} {
  scf.for %k = %n to %n step %n {
  }
  tk.return
}

// Operands that threads bring.
// CHECK-LABEL: tk.kernel @not_copied
// CHECK-NOT:     tk.num_sms
// REMARK-DAG: Function=not_copied | Reason="operands are not brought by the copy engine, and nothing would run ahead of the products: several blocks on a multiprocessor hide latency better"
tk.kernel @not_copied(%A: !tk.global<?x?xbf16>, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !tk.global<?x?xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Programs that know how many multiprocessors, or programs, there are.
// CHECK-LABEL: tk.kernel @knows_sms
// CHECK-COUNT-1: tk.num_sms
// CHECK-NOT:     tk.num_sms
// CHECK-NOT:     tk.independent
// REMARK-DAG: Function=knows_sms | Reason="the grid already depends on the number of multiprocessors"
// CHECK-LABEL: tk.kernel @knows_programs
// CHECK-NOT:     tk.num_sms
// REMARK-DAG: Function=knows_programs | Reason="the body asks how many programs there are"
tk.kernel @knows_sms(%A: !in, %n: index) grid {
  %sms = tk.num_sms
  tk.grid %sms
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}
tk.kernel @knows_programs(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %p = tk.num_programs 2
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %p iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// A lowered kernel has nothing to walk.
// CHECK-LABEL: tk.kernel @lowered
// CHECK-NEXT:    tk.grid %n
// CHECK-NEXT:  } {
// CHECK-NEXT:    tk.return
tk.kernel @lowered(%n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  tk.grid %n
} {
  tk.return
}
