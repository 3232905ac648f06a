// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-subtile-epilogue))' --split-input-file %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-subtile-epilogue))' --split-input-file --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!any = !tk.global<?x?xbf16>

// What is added to a product is loaded, and everything computed, a slice at a time; loads run a slice ahead. Nothing
// of the whole tile is left but the product.
// CHECK-LABEL: tk.kernel @residual
// CHECK:         %[[C0:.*]] = tk.alloc "C 0" : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK:         %[[C1:.*]] = tk.alloc "C 1"
// CHECK:         %[[SUM:.*]] = tk.dot {{.*}}, tensor<64x128xf32>{{$}}
// CHECK-NOT:     tensor<64x128xbf16>
// CHECK:         %[[R0:.*]] = tk.load %R[%{{.*}}, %{{.*}}] : !tk.global<?x?xbf16> -> tensor<64x64xbf16>
// CHECK:         %[[NEXT:.*]] = arith.addi %{{.*}}, %c64 : index
// CHECK-NEXT:    %[[R1:.*]] = tk.load %R[%{{.*}}, %[[NEXT]]] : !tk.global<?x?xbf16> -> tensor<64x64xbf16>
// CHECK:         %[[P0:.*]] = tensor.extract_slice %[[SUM]][0, 0] [64, 64] [1, 1] : tensor<64x128xf32> to tensor<64x64xf32>
// CHECK:         %[[HALF:.*]] = arith.constant dense<5.000000e-01> : tensor<64x64xf32>
// CHECK:         %[[M0:.*]] = arith.mulf %[[P0]], %[[HALF]] : tensor<64x64xf32>
// CHECK:         %[[E0:.*]] = arith.extf %[[R0]]
// CHECK:         %[[A0:.*]] = arith.addf %[[M0]], %[[E0]]
// CHECK:         %[[S0:.*]] = arith.mulf %[[A0]], %[[A0]]
// CHECK:         %[[T0:.*]] = arith.truncf %[[S0]] : tensor<64x64xf32> to tensor<64x64xbf16>
// CHECK:         tk.bulk_wait pending 1
// CHECK-NEXT:    tk.shared_store %[[T0]], %[[C0]]
// CHECK:         tk.tma_store %[[C0]], %C
// CHECK:         tensor.extract_slice %[[SUM]][0, 64]
// CHECK:         arith.extf %[[R1]]
// CHECK:         tk.bulk_wait pending 1
// CHECK-NEXT:    tk.shared_store %{{.*}}, %[[C1]]
// CHECK-NOT:     tensor<64x128xbf16>
// CHECK:         tk.bulk_wait pending 0
// REMARK: [Passed] epilogue | Category:tk-subtile-epilogue | Function=residual | Remark="results leave in 2 slice(s) of 64 columns through two buffers of 8192 bytes for each consumer, each loaded a slice ahead"
tk.kernel @residual(%A: !in, %B: !in, %R: !any, %C: !in, %x: f32) grid {
  %n = arith.constant 1 : index
  tk.grid %n
} {
  %n = arith.constant 0 : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %half = arith.constant dense<0.5> : tensor<64x128xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<64x128xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
  %r = tk.load %R[%n, %n] : !any -> tensor<64x128xbf16>
  %m = arith.mulf %d, %half : tensor<64x128xf32>
  %e = arith.extf %r : tensor<64x128xbf16> to tensor<64x128xf32>
  %s = arith.addf %m, %e : tensor<64x128xf32>
  %q = arith.mulf %s, %s : tensor<64x128xf32>
  %t = arith.truncf %q : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %t, %C[%n, %n] : tensor<64x128xbf16>, !in
  tk.return
}

// -----

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>

// What the store overwrites is read whole, before the first slice is stored; so is what serves something else.
// CHECK-LABEL: tk.kernel @in_place
// CHECK:         %[[OLD:.*]] = tk.load %C[%{{.*}}, %{{.*}}] : {{.*}} -> tensor<64x128xbf16>
// CHECK:         %[[KEPT:.*]] = arith.negf %[[OLD]] : tensor<64x128xbf16>
// CHECK-NOT:     tk.load
// CHECK:         tensor.extract_slice %[[KEPT]][0, 0]
// CHECK:         tensor.extract_slice %[[OLD]][0, 0]
// CHECK:         tk.tma_store
// CHECK:         tensor.extract_slice %[[KEPT]][0, 64]
// CHECK:         tensor.extract_slice %[[OLD]][0, 64]
// CHECK:         tk.tma_store
// CHECK:         tk.shared_store %[[KEPT]]
// REMARK: [Passed] epilogue | Category:tk-subtile-epilogue | Function=in_place
tk.kernel @in_place(%A: !in, %B: !in, %C: !in) grid {
  %n = arith.constant 1 : index
  tk.grid %n
} {
  %n = arith.constant 0 : index
  %other = tk.alloc "other" : !tk.shared<64x128xbf16>
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<64x128xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
  %c = tk.load %C[%n, %n] : !in -> tensor<64x128xbf16>
  %kept = arith.negf %c : tensor<64x128xbf16>
  %t = arith.truncf %d : tensor<64x128xf32> to tensor<64x128xbf16>
  %s = arith.addf %t, %kept : tensor<64x128xbf16>
  %u = arith.addf %s, %c : tensor<64x128xbf16>
  tk.store %u, %C[%n, %n] : tensor<64x128xbf16>, !in
  tk.shared_store %kept, %other : tensor<64x128xbf16>, !tk.shared<64x128xbf16>
  tk.return
}

// -----

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!list = !tk.table<A: !in, B: !in, R: !in, C: !in>

// Columns of a row do not overlap where one is written, no more than arguments do.
// CHECK-LABEL: tk.kernel @row
// CHECK:         %[[A:.*]], %[[B:.*]], %[[R:.*]], %[[C:.*]] = tk.table_row
// CHECK-NOT:     tk.load %[[R]]{{.*}} -> tensor<64x128xbf16>
// CHECK-COUNT-2: tk.load %[[R]]{{.*}} -> tensor<64x64xbf16>
// CHECK-NOT:     tk.load
// REMARK: [Passed] epilogue | Category:tk-subtile-epilogue | Function=row
tk.kernel @row(%list: !list) grid {
  %n = arith.constant 1 : index
  tk.grid %n
} {
  %n = arith.constant 0 : index
  %A, %B, %R, %C = tk.table_row %list[%n] : !list
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<64x128xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
  %r = tk.load %R[%n, %n] : !in -> tensor<64x128xbf16>
  %t = arith.truncf %d : tensor<64x128xf32> to tensor<64x128xbf16>
  %s = arith.addf %t, %r : tensor<64x128xbf16>
  tk.store %s, %C[%n, %n] : tensor<64x128xbf16>, !in
  tk.return
}
