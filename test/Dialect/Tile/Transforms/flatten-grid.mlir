// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-flatten-grid))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-flatten-grid,tk-flatten-grid))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-flatten-grid))' --remarks-filter='.*' -o /dev/null %s 2>&1 | FileCheck %s --check-prefix=REMARK

!v = !tk.global<?x?xf32>
!list = !tk.table<src: !v, dst: !v>

// The host counts a row's programs by its sizes, and each program finds its row and its place there.
// CHECK-LABEL: tk.kernel @ragged(
// CHECK-SAME:    grid {
// CHECK-NEXT:    %[[TILES:.*]] = tk.table_tiles %list : {{.*}} (%{{.*}}, %[[DST:.*]]) {
// CHECK-DAG:       %[[C:.*]] = arith.constant 128
// CHECK-DAG:       %[[M:.*]] = tk.dim %[[DST]], 0
// CHECK-DAG:       %[[N:.*]] = tk.dim %[[DST]], 1
// CHECK-DAG:       %[[X:.*]] = arith.ceildivui %[[N]], %[[C]]
// CHECK-DAG:       %[[Y:.*]] = arith.ceildivui %[[M]], %[[C]]
// CHECK:           tk.grid %[[X]], %[[Y]]
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.grid %[[TILES]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[T:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[ROW:.*]], %[[PLACE:.*]] = tk.table_locate %list[%[[T]]]
// CHECK-NEXT:    %{{.*}}, %[[TO:.*]] = tk.table_row %list[%[[ROW]]]
// Rows of programs, as `rows` asks.
// CHECK-DAG:     %[[WIDTH:.*]] = tk.dim %[[TO]], 1
// CHECK-DAG:     %[[COLUMNS:.*]] = arith.ceildivui %[[WIDTH]]
// CHECK-DAG:     %[[ATX:.*]] = arith.remui %[[PLACE]], %[[COLUMNS]]
// CHECK-DAG:     %[[ATY:.*]] = arith.divui %[[PLACE]], %[[COLUMNS]]
// CHECK-NOT:     tk.program_id
// CHECK:         %[[A:.*]], %[[B:.*]] = tk.table_row %list[%[[ROW]]]
// CHECK:         tk.load %[[A]][%[[ATY]], %[[ATX]]]
// CHECK:         tk.store %{{.*}}, %[[B]][%[[ATY]], %[[ATX]]]
// REMARK: [Passed] flatten | Category:tk-flatten-grid | Function=ragged | Remark="the programs of all rows of "list" are numbered one after the other, those of a row's 2 dimension(s) row by row"
tk.kernel @ragged(%list: !list) attributes {tuning = #tk.tuning<order = rows>} grid {
  %c = arith.constant 128 : index
  %i = tk.program_id 2
  %src, %dst = tk.table_row %list[%i] : !list
  %m = tk.dim %dst, 0 : !v
  %n = tk.dim %dst, 1 : !v
  %x = arith.ceildivui %n, %c : index
  %y = arith.ceildivui %m, %c : index
  %z = tk.table_size %list : !list
  tk.grid %x, %y, %z
} {
  %i = tk.program_id 2
  %x = tk.program_id 0
  %y = tk.program_id 1
  %src, %dst = tk.table_row %list[%i] : !list
  %t = tk.load %src[%y, %x] : !v -> tensor<128x128xf32>
  tk.store %t, %dst[%y, %x] : tensor<128x128xf32>, !v
  tk.return
}

// One program for each row, and a dimension that the grid does not name.
// CHECK-LABEL: tk.kernel @one(
// CHECK:         tk.table_tiles
// CHECK-NEXT:      %[[ONE:.*]] = arith.constant 1
// CHECK-NEXT:      tk.grid %[[ONE]]
// CHECK:         %[[ROW:.*]], %{{.*}} = tk.table_locate
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0
// CHECK:         tk.load %{{.*}}[%[[ROW]], %[[ZERO]]]
tk.kernel @one(%list: !list) grid {
  %i = tk.program_id 0
  %src, %dst = tk.table_row %list[%i] : !list
  %x = tk.table_size %list : !list
  tk.grid %x
} {
  %i = tk.program_id 0
  %y = tk.program_id 1
  %src, %dst = tk.table_row %list[%i] : !list
  %t = tk.load %src[%i, %y] : !v -> tensor<128x128xf32>
  tk.store %t, %dst[%i, %i] : tensor<128x128xf32>, !v
  tk.return
}

// Other grids stay.
// CHECK-LABEL: tk.kernel @other(
// CHECK:         tk.grid %n, %n
// CHECK-NOT:     tk.table_locate
tk.kernel @other(%n: index) grid {
  tk.grid %n, %n
} {
  tk.return
}
