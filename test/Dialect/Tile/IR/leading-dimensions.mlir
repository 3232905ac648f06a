// RUN: tk-opt %s | tk-opt | FileCheck %s
// RUN: tk-opt --mlir-print-op-generic %s | tk-opt | FileCheck %s

// A tile has the view's last dimensions; each one before takes one index.
!batch = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
!deep = !tk.global<?x?x?x?x?xbf16>
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-LABEL: tk.kernel @accesses(
tk.kernel @accesses(%A: !batch, %D: !deep, %C: !batch, %n: index) grid {
  tk.grid %n
} {
  // CHECK: tk.load %A[%n, %n, %n] : !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]> -> tensor<64x64xbf16>
  %t = tk.load %A[%n, %n, %n] : !batch -> tensor<64x64xbf16>
  // CHECK: tk.load %A[%n, %n, %n] : {{.*}} -> tensor<64xbf16>
  %row = tk.load %A[%n, %n, %n] : !batch -> tensor<64xbf16>
  // CHECK: tk.load %D[%n, %n, %n, %n, %n] : !tk.global<?x?x?x?x?xbf16> -> tensor<8x8xbf16>
  %d = tk.load %D[%n, %n, %n, %n, %n] : !deep -> tensor<8x8xbf16>
  // CHECK: tk.store %{{.*}}, %C[%n, %n, %n] : tensor<64x64xbf16>,
  tk.store %t, %C[%n, %n, %n] : tensor<64x64xbf16>, !batch
  %s = tk.alloc "s" : !s
  %full = tk.alloc "full" : !tk.mbarriers<1>
  %cursor = tk.ring_start : !tk.cursor<1>
  // CHECK: tk.copy %A[%n, %n, %n], %{{.*}} : !tk.global<?x?x?xbf16,
  tk.copy %A[%n, %n, %n], %s : !batch, !s
  // CHECK: tk.tma_load %A[%n, %n, %n], %{{.*}}, %{{.*}}[%{{.*}}] : !tk.global<?x?x?xbf16,
  tk.tma_load %A[%n, %n, %n], %s, %full[%cursor] : !batch, !s, !tk.mbarriers<1>
  // CHECK: tk.tma_store %{{.*}}, %C[%n, %n, %n] :
  tk.tma_store %s, %C[%n, %n, %n] : !s, !batch
  %ring = tk.ring "A" : !tk.ring<1, !tk.shared<64x64xbf16>>
  // CHECK: tk.ring_fill %{{.*}}[%{{.*}}] tile 0 from %A[%n, %n, %n] :
  tk.ring_fill %ring[%cursor] tile 0 from %A[%n, %n, %n] : !tk.ring<1, !tk.shared<64x64xbf16>>, !batch
  tk.return
}
