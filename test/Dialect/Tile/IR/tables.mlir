// RUN: tk-opt %s | tk-opt | FileCheck %s
// RUN: tk-opt --mlir-print-op-generic %s | tk-opt | FileCheck %s
// RUN: tk-opt --cse --canonicalize %s | FileCheck %s --check-prefix=PURE
// RUN: tk-opt --loop-invariant-code-motion %s | FileCheck %s --check-prefix=MOVED

!v = !tk.global<?xf32>
!m = !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>
!list = !tk.table<v: !v, "odd name": !m>

// CHECK: tk.kernel @ragged(%list: !tk.table<v: !tk.global<?xf32>, "odd name": !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>> {{\[\[}}N], [N, ?]])
// CHECK-SAME: grid {
tk.kernel @ragged(%list: !list [[N], [N, ?]]) grid {
  // CHECK: %[[I:.*]] = tk.program_id 1
  %i = tk.program_id 1
  // CHECK: %v, %[[M:.*]] = tk.table_row %list[%[[I]]] : !tk.table<
  %v, %m = tk.table_row %list[%i] : !list
  %n = tk.dim %v, 0 : !v
  // CHECK: tk.table_size %list : !tk.table<
  %y = tk.table_size %list : !list
  tk.grid %n, %y
} {
  tk.return
}

// No names of sizes.
// CHECK: tk.kernel @flat(%list: !tk.table<v: !tk.global<?xf32>>)
tk.kernel @flat(%list: !tk.table<v: !v>) grid {
  // CHECK: %[[TILES:.*]] = tk.table_tiles %list : !tk.table<v: !tk.global<?xf32>> (%[[V:.*]]) {
  // CHECK-NEXT: tk.dim %[[V]], 0
  // CHECK: tk.grid
  // CHECK-NEXT: }
  %tiles = tk.table_tiles %list : !tk.table<v: !v> (%v) {
    %n = tk.dim %v, 0 : !v
    %sms = tk.num_sms
    tk.grid %n, %sms
  }
  // CHECK: tk.grid %[[TILES]]
  tk.grid %tiles
} {
  %t = tk.program_id 0
  // CHECK: %row, %place = tk.table_locate %list[%{{.*}}] : !tk.table<v: !tk.global<?xf32>>
  %row, %place = tk.table_locate %list[%t] : !tk.table<v: !v>
  // CHECK: tk.table_total %list : !tk.table<v: !tk.global<?xf32>>
  %all = tk.table_total %list : !tk.table<v: !v>
  tk.return
}

// Nothing changes a table: rows that are taken twice are one, and those that no one uses are none.
// PURE-LABEL: tk.kernel @merged(
// PURE-SAME:  grid {
// PURE:       } {
// PURE-COUNT-1: tk.table_row
// PURE-NOT:   tk.table_row
// PURE-NOT:   tk.table_locate
// PURE:       tk.return
tk.kernel @merged(%list: !tk.table<v: !v>, %n: index) grid {
  %tiles = tk.table_tiles %list : !tk.table<v: !v> (%v) {
    %x = tk.dim %v, 0 : !v
    tk.grid %x
  }
  tk.grid %tiles
} {
  %t = arith.constant dense<1.0> : tensor<128xf32>
  %a = tk.table_row %list[%n] : !tk.table<v: !v>
  tk.store %t, %a[%n] : tensor<128xf32>, !v
  %b = tk.table_row %list[%n] : !tk.table<v: !v>
  tk.store %t, %b[%n] : tensor<128xf32>, !v
  %row, %place = tk.table_locate %list[%n] : !tk.table<v: !v>
  tk.return
}

// It moves out of a loop that may not run: a row beyond the list is one of empty views.
// MOVED-LABEL: tk.kernel @moved(
// MOVED:       } {
// MOVED:         tk.table_row
// MOVED:         scf.for
// MOVED-NOT:     tk.table_row
tk.kernel @moved(%list: !tk.table<v: !v>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<128xf32>
  scf.for %k = %n to %n step %n {
    %a = tk.table_row %list[%n] : !tk.table<v: !v>
    tk.store %t, %a[%n] : tensor<128xf32>, !v
  }
  tk.return
}
