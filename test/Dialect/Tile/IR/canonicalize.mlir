// RUN: tk-opt --canonicalize %s | FileCheck %s

// The size of a static dimension is a constant; that of a dynamic one stays.
// CHECK-LABEL: tk.kernel @dim
// CHECK-DAG:     %[[SEVEN:.*]] = arith.constant 7 : index
// CHECK-DAG:     %[[N:.*]] = tk.dim %A, 0
// CHECK:         tk.load %A[%[[N]], %[[SEVEN]]]
tk.kernel @dim(%A: !tk.global<?x7xf32>, %C: !tk.global<?x?xf32>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %n = tk.dim %A, 0 : !tk.global<?x7xf32>
  %seven = tk.dim %A, 1 : !tk.global<?x7xf32>
  %t = tk.load %A[%n, %seven] : !tk.global<?x7xf32> -> tensor<8x8xf32>
  tk.store %t, %C[%n, %n] : tensor<8x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// In a grid region as well.
// CHECK-LABEL: tk.kernel @grid
// CHECK-NEXT:    %[[SEVEN:.*]] = arith.constant 7 : index
// CHECK-NEXT:    tk.grid %[[SEVEN]]
tk.kernel @grid(%A: !tk.global<?x7xf32>) grid {
  %seven = tk.dim %A, 1 : !tk.global<?x7xf32>
  tk.grid %seven
} {
  tk.return
}

// A store that rounds says so, keeping the tile's layout.
// CHECK-LABEL: tk.kernel @rounding
// CHECK:         %[[T:.*]] = tk.load
// CHECK:         %[[R:.*]] = arith.truncf %[[T]] : tensor<64x8xf32, #tk.wgmma_acc> to tensor<64x8xbf16, #tk.wgmma_acc>
// CHECK-NEXT:    tk.store %[[R]], %C[%{{.*}}, %{{.*}}] : tensor<64x8xbf16, #tk.wgmma_acc>, !tk.global<?x?xbf16>
tk.kernel @rounding(%A: !tk.global<?x?xf32>, %C: !tk.global<?x?xbf16>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %i = tk.program_id 0
  %t = tk.load %A[%i, %i] : !tk.global<?x?xf32> -> tensor<64x8xf32, #tk.wgmma_acc>
  tk.store %t, %C[%i, %i] : tensor<64x8xf32, #tk.wgmma_acc>, !tk.global<?x?xbf16>
  tk.return
}

// A store of the view's own type stays as it is.
// CHECK-LABEL: tk.kernel @exact
// CHECK-NOT:     arith.truncf
// CHECK:         tk.store %{{.*}} : tensor<8xf32>, !tk.global<?xf32>
tk.kernel @exact(%A: !tk.global<?xf32>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %i = tk.program_id 0
  %t = tk.load %A[%i] : !tk.global<?xf32> -> tensor<8xf32>
  tk.store %t, %A[%i] : tensor<8xf32>, !tk.global<?xf32>
  tk.return
}
