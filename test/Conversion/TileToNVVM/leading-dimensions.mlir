// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file %s | FileCheck %s

#rows = #tk.blocked<per_thread = [1, 8], lanes = [16, 2], warps = [4, 1], order = [1, 0]>
!aligned = !tk.global<?x?x?xbf16, align = 16, divisible = [1, 1, 8], stride_divisible = [8, 8, 1]>

// The index along the leading dimension is no thread's: it is compared as it is, and moves the address by its stride.
// The batch's stride takes part in what is known of alignment.
// CHECK-LABEL: llvm.func @vector(
// CHECK-SAME:    %[[A:[^:]*]]: !llvm.ptr<1>, %[[L:[^:]*]]: i64, %[[M:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[LD0:[^:]*]]: i64, %[[LD1:[^:]*]]: i64, %[[BATCH:[^:]*]]: i64)
// CHECK-DAG:     arith.muli %[[BATCH]], %[[LD0]] : i64
// CHECK-DAG:     %[[IN:.*]] = arith.cmpi ult, %[[BATCH]], %[[L]] : i64
// CHECK-DAG:     %[[ROW:.*]] = arith.cmpi ult, %{{.*}}, %[[M]] : i64
// CHECK-DAG:     arith.andi %[[IN]], %[[ROW]] : i1
// CHECK:         @p ld.global.v4.b32 {$0, $1, $2, $3}, [$4];
// CHECK-NOT:     ld.global
// CHECK:         @p st.global.v4.b32 [$0], {$4, $5, $6, $7};
// CHECK-NOT:     st.global
tk.kernel @vector(%A: !aligned, %batch: index) grid {
  tk.grid %batch
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%batch, %zero, %zero] : !aligned -> tensor<64x16xbf16, #rows>
  tk.store %t, %A[%batch, %zero, %zero] : tensor<64x16xbf16, #rows>, !aligned
  tk.return
}

// -----

#rows = #tk.blocked<per_thread = [1, 8], lanes = [16, 2], warps = [4, 1], order = [1, 0]>
!loose = !tk.global<?x?x?xbf16, align = 16, divisible = [1, 1, 8], stride_divisible = [2, 8, 1]>
// CHECK-LABEL: llvm.func @by_batch_stride(
// CHECK:         @p ld.global.b32
// CHECK-NOT:     ld.global.v
tk.kernel @by_batch_stride(%A: !loose, %batch: index) grid {
  tk.grid %batch
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%batch, %zero, %zero] : !loose -> tensor<64x16xbf16, #rows>
  tk.store %t, %A[%batch, %zero, %zero] : tensor<64x16xbf16, #rows>, !loose
  tk.return
}

// -----

#flat = #tk.blocked<per_thread = [4], lanes = [32], warps = [4], order = [0]>
!across = !tk.global<?x?x?xf32, strides = [?, 1, ?], align = 16, divisible = [1, 4, 1], stride_divisible = [4, 1, 4]>
// Where a leading dimension is the contiguous one, nothing of the tile is in a row.
// CHECK-LABEL: llvm.func @across(
// CHECK-COUNT-4: @p ld.global.b32 $0, [$1];
// CHECK-NOT:     ld.global
tk.kernel @across(%A: !across, %n: index) grid {
  tk.grid %n
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%n, %zero, %zero] : !across -> tensor<512xf32, #flat>
  tk.return
}

// -----

!in = !tk.global<?x?x?x?xbf16, align = 16, stride_divisible = [8, 8, 8, 1]>
!columns = !tk.global<?x?x?xf32, strides = [?, 1, ?], align = 16, stride_divisible = [4, 1, 4]>
!s = !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
!t = !tk.shared<32x16xf32, #tk.swizzle<128, order = [0, 1]>>
!bars = !tk.mbarriers<1>
// A box takes one index of each leading dimension; those come last, the first dimension outermost.
// CHECK:       tk.kernel @maps(
// CHECK-SAME:    tensor_maps = [#tk.tensor_map<argument = 0, order = [3, 2, 1, 0], box = [64, 64, 1, 1], swizzle = 128>,
// CHECK-SAME:                   #tk.tensor_map<argument = 1, order = [1, 2, 0], box = [32, 16, 1], swizzle = 128>]
// CHECK:       llvm.func @maps({{.*}}%[[I:[^:]*]]: i64, %[[J:[^:]*]]: i64, %[[ROW:[^:]*]]: i64, %[[AT:[^:]*]]: i64, %{{[^:]*}}: !llvm.ptr {
// CHECK:         cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [$1], [$0, {$2, $3, $4, $5}], [$6];
// CHECK:         cp.async.bulk.tensor.4d.shared::cluster
// CHECK:         cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [$0, {$2, $3, $4}], [$1];
tk.kernel @maps(%A: !in, %C: !columns, %i: index, %j: index, %row: index, %column: index) grid {
  tk.grid %i
} {
  %b = tk.alloc "b" at 24576 : !bars
  %s = tk.alloc "s" at 0 : !s
  %t = tk.alloc "t" at 16384 : !t
  %c = tk.ring_start : !tk.cursor<1>
  tk.tma_load %A[%i, %j, %row, %column], %s, %b[%c] : !in, !s, !bars
  tk.tma_store %t, %C[%i, %row, %column] : !t, !columns
  tk.return
}
