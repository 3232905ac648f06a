// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

!v = !tk.global<?xf32>
!m = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!list = !tk.table<v: !v, m: !m>

// Rows, their number, the first program of each row, tensor maps. What a column is used for is said of it alone.
// CHECK:       tk.kernel @row({{.*}}reads = array<i1: true, false, false>{{.*}}writes = array<i1: false, true, false>
// CHECK:       tk.kernel @map({{.*}}tensor_maps = [#tk.tensor_map<argument = 0, column = 1, order = [1, 0], box = [64, 64], swizzle = 128>]
// CHECK-LABEL: llvm.func @row(
// CHECK-SAME:    %[[ROWS:[^:]*]]: !llvm.ptr<1>, %[[SIZE:[^:]*]]: i64, %[[STARTS:[^:]*]]: !llvm.ptr<1>, %[[MAPS:[^:]*]]: !llvm.ptr<1>, %[[N:[^:]*]]: i64)
// A row beyond the last is the one after it. 48 bytes: pointer and size, pointer, two sizes and a stride.
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant 48 : i64
// CHECK-DAG:     %[[ROW:.*]] = arith.minui %[[N]], %[[SIZE]] : i64
// CHECK-DAG:     %[[AT:.*]] = arith.muli %[[ROW]], %[[BYTES]] : i64
// CHECK-DAG:     %[[P:.*]] = llvm.getelementptr %[[ROWS]][%[[AT]]]
// CHECK-DAG:     llvm.load %[[P]] invariant {alignment = 8 : i64} : !llvm.ptr<1> -> !llvm.ptr<1>
// CHECK-DAG:     %[[NEXT:.*]] = arith.addi %[[AT]], %{{.*}} : i64
// CHECK-DAG:     %[[Q:.*]] = llvm.getelementptr %[[ROWS]][%[[NEXT]]]
// CHECK-DAG:     llvm.load %[[Q]] invariant {alignment = 8 : i64} : !llvm.ptr<1> -> i64
tk.kernel @row(%list: !list, %n: index) grid {
  tk.grid %n
} {
  %v, %m = tk.table_row %list[%n] : !list
  %t = tk.load %v[%n] : !v -> tensor<128xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>
  %u = arith.truncf %t : tensor<128xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>> to tensor<128xbf16, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>
  tk.store %u, %m[%n, %n] : tensor<128xbf16, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>, !m
  tk.return
}

// The last start is the number of all programs; a search by halves finds the row whose start is not beyond a program.
// CHECK-LABEL: llvm.func @locate(
// CHECK-SAME:    %[[ROWS:[^:]*]]: !llvm.ptr<1>, %[[SIZE:[^:]*]]: i64, %[[STARTS:[^:]*]]: !llvm.ptr<1>, %{{[^:]*}}: !llvm.ptr<1>, %[[OUT:[^:]*]]: !llvm.ptr<1>,
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : i64
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i64
// CHECK-DAG:     %[[WORD:.*]] = arith.constant 8 : i64
// CHECK-DAG:     %[[WIDTH:.*]] = arith.constant 64 : i64
// CHECK:         %[[END:.*]] = arith.muli %[[SIZE]], %[[WORD]] : i64
// CHECK:         %[[LAST:.*]] = llvm.getelementptr %[[STARTS]][%[[END]]]
// CHECK:         %[[TOTAL:.*]] = llvm.load %[[LAST]] invariant
// CHECK:         %[[ZEROS:.*]] = "llvm.intr.ctlz"(%[[SIZE]]) <{is_zero_poison = false}>
// CHECK:         %[[BITS:.*]] = arith.subi %[[WIDTH]], %[[ZEROS]]
// CHECK:         scf.for %[[I:.*]] = %[[ZERO]] to %[[BITS]] step %[[ONE]] iter_args(%[[ROW:.*]] = %[[ZERO]], %[[START:.*]] = %[[ZERO]])
// CHECK:           %[[HIGH:.*]] = arith.subi %{{.*}}, %[[ZEROS]]
// CHECK:           %[[BIT:.*]] = arith.subi %[[HIGH]], %[[I]]
// CHECK:           %[[STEP:.*]] = arith.shli %[[ONE]], %[[BIT]]
// CHECK:           %[[NEXT:.*]] = arith.addi %[[ROW]], %[[STEP]]
// CHECK:           %[[INSIDE:.*]] = arith.cmpi ule, %[[NEXT]], %[[SIZE]]
// CHECK:           %[[READ:.*]] = arith.minui %[[NEXT]], %[[SIZE]]
// CHECK:           %[[OFFSET:.*]] = arith.muli %[[READ]], %[[WORD]]
// CHECK:           %[[PLACE:.*]] = llvm.getelementptr %[[STARTS]][%[[OFFSET]]]
// CHECK:           %[[FIRST:.*]] = llvm.load %[[PLACE]] invariant
// CHECK:           %[[BEFORE:.*]] = arith.cmpi ule, %[[FIRST]],
// CHECK:           %[[TAKEN:.*]] = arith.andi %[[INSIDE]], %[[BEFORE]]
// CHECK-DAG:       %[[R:.*]] = arith.select %[[TAKEN]], %[[NEXT]], %[[ROW]]
// CHECK-DAG:       %[[S:.*]] = arith.select %[[TAKEN]], %[[FIRST]], %[[START]]
// CHECK:           scf.yield %[[R]], %[[S]]
tk.kernel @locate(%list: !list, %out: !tk.global<?xf32>, %n: index) grid {
  %tiles = tk.table_tiles %list : !list (%v, %m) {
    %x = tk.dim %v, 0 : !v
    tk.grid %x
  }
  tk.grid %tiles
} {
  %zero = arith.constant dense<0.0> : tensor<128xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>
  %total = tk.table_total %list : !list
  %row, %place = tk.table_locate %list[%total] : !list
  %size = tk.table_size %list : !list
  %sum = arith.addi %row, %place : index
  %at = arith.addi %sum, %size : index
  tk.store %zero, %out[%at] : tensor<128xf32, #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>>, !tk.global<?xf32>
  tk.return
}

// A map in memory: 128 bytes for each row, for there is one of this table.
// CHECK-LABEL: llvm.func @map(
// CHECK-SAME:    %{{[^:]*}}: !llvm.ptr<1>, %[[SIZE:[^:]*]]: i64, %{{[^:]*}}: !llvm.ptr<1>, %[[MAPS:[^:]*]]: !llvm.ptr<1>, %[[N:[^:]*]]: i64)
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant 128 : i64
// CHECK-DAG:     %[[ROW:.*]] = arith.minui %[[N]], %[[SIZE]] : i64
// CHECK-DAG:     %[[AT:.*]] = arith.muli %[[ROW]], %[[BYTES]] : i64
// CHECK-DAG:     %[[P:.*]] = llvm.getelementptr %[[MAPS]][%[[AT]]]
// CHECK:         %[[MAP:.*]] = llvm.addrspacecast %[[P]] : !llvm.ptr<1> to !llvm.ptr
// CHECK:         cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [$0, {$2, $3}], [$1];", "l,r,r,r,~{memory}" %[[MAP]],
tk.kernel @map(%list: !list, %n: index) grid {
  tk.grid %n
} {
  %v, %m = tk.table_row %list[%n] : !list
  %c = tk.alloc "c" {offset = 0 : i64} : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.tma_store %c, %m[%n, %n] : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !m
  tk.bulk_commit
  tk.bulk_wait pending 0
  tk.return
}
