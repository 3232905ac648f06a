// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!row = !tk.global<?x?xbf16>
!column = !tk.global<?x?xbf16, strides = [1, ?]>
!strided = !tk.global<?x?xbf16, strides = [?, ?]>

// The widest span that divides the extent that is contiguous in global memory; users see the new type.
// CHECK-LABEL: tk.kernel @copies
// CHECK:         tk.alloc "rows" : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-NEXT:    tk.alloc "columns" : !tk.shared<64x16xbf16, #tk.swizzle<128, order = [0, 1]>>
// CHECK-NEXT:    tk.alloc "strided" : !tk.shared<64x96xbf16, #tk.swizzle<64, order = [1, 0]>>
// CHECK-NEXT:    tk.alloc "narrow" : !tk.shared<8x16xbf16, #tk.swizzle<32, order = [1, 0]>>
// CHECK-NEXT:    tk.alloc "odd" : !tk.shared<8x24xbf16, #tk.swizzle<16, order = [1, 0]>>
// CHECK-NEXT:    tk.copy {{.*}}, !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// REMARK-DAG: Function=copies | Remark=""rows" lies in 1 panel(s) of 128 bytes, contiguous along dimension 1 as in global memory"
// REMARK-DAG: Function=copies | Remark=""strided" lies in 3 panel(s) of 64 bytes, contiguous along dimension 1 as in global memory"
tk.kernel @copies(%R: !row, %C: !column, %S: !strided, %n: index) grid {
  tk.grid %n
} {
  %r = tk.alloc "rows" : !tk.shared<64x64xbf16>
  %c = tk.alloc "columns" : !tk.shared<64x16xbf16>
  %s = tk.alloc "strided" : !tk.shared<64x96xbf16>
  %t = tk.alloc "narrow" : !tk.shared<8x16xbf16>
  %u = tk.alloc "odd" : !tk.shared<8x24xbf16>
  tk.copy %R[%n, %n], %r : !row, !tk.shared<64x64xbf16>
  tk.copy %C[%n, %n], %c : !column, !tk.shared<64x16xbf16>
  tk.copy %S[%n, %n], %s : !strided, !tk.shared<64x96xbf16>
  tk.copy %R[%n, %n], %t : !row, !tk.shared<8x16xbf16>
  tk.copy %R[%n, %n], %u : !row, !tk.shared<8x24xbf16>
  tk.return
}

// Through a store of registers: the load's view decides, seen through elementwise operations.
// CHECK-LABEL: tk.kernel @through_elementwise
// CHECK:         tk.alloc "s" : !tk.shared<64x16xbf16, #tk.swizzle<128, order = [0, 1]>>
tk.kernel @through_elementwise(%C: !column, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x16xbf16>
  %t = tk.load %C[%n, %n] : !column -> tensor<64x16xbf16>
  %u = arith.negf %t : tensor<64x16xbf16>
  tk.shared_store %u, %s : tensor<64x16xbf16>, !tk.shared<64x16xbf16>
  tk.return
}

// A layout written by hand stays.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK:         tk.alloc "s" : !tk.shared<64x64xbf16, #tk.swizzle<32, order = [0, 1]>>
tk.kernel @by_hand(%R: !row, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x64xbf16, #tk.swizzle<32, order = [0, 1]>>
  tk.copy %R[%n, %n], %s : !row, !tk.shared<64x64xbf16, #tk.swizzle<32, order = [0, 1]>>
  tk.return
}

// Declined, each with its reason: rank, columns, rows.
// CHECK-LABEL: tk.kernel @declined
// CHECK:         tk.alloc "flat" : !tk.shared<64xbf16>
// CHECK-NEXT:    tk.alloc "columns" : !tk.shared<8x12xbf16>
// CHECK-NEXT:    tk.alloc "rows" : !tk.shared<12x64xbf16>
// REMARK-DAG: [Missed] swizzle | Category:tk-assign-swizzles | Function=declined | Reason=""flat" has rank 1: swizzles are for tiles of rank 2"
// REMARK-DAG: Function=declined | Reason=""columns" has 8 rows of 24 bytes: expected a multiple of 8 rows and of 16 bytes"
// REMARK-DAG: Function=declined | Reason=""rows" has 12 rows of 128 bytes: expected a multiple of 8 rows and of 16 bytes"
tk.kernel @declined(%n: index) grid {
  tk.grid %n
} {
  %f = tk.alloc "flat" : !tk.shared<64xbf16>
  %c = tk.alloc "columns" : !tk.shared<8x12xbf16>
  %r = tk.alloc "rows" : !tk.shared<12x64xbf16>
  tk.return
}
