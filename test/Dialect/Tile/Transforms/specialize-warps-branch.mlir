// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps))' %s | FileCheck %s

// A scalar that nothing changes is read by each role, and each takes the branch for itself with its own cursor.
// CHECK-LABEL: tk.kernel @grouped(
// CHECK:         tk.specialize producer registers 40 {
// CHECK:           %[[G:.*]] = tk.load_scalar %groups[%{{.*}}] pad -1
// CHECK:           %[[ASKED:.*]] = arith.cmpi sge, %[[G]],
// CHECK:           scf.if %[[ASKED]] -> (!tk.cursor<6>) {
// CHECK-NEXT:        %[[GROUP:.*]] = arith.index_cast %[[G]]
// CHECK:             scf.for
// CHECK:               tk.ring_fill {{.*}} tile 1 from %B[%[[GROUP]], %{{.*}}, %{{.*}}]
// CHECK-NOT:         tk.dot
// CHECK-NOT:         tk.store
// CHECK:           } else {
// CHECK:         } consumers 2
// CHECK:           %[[G:.*]] = tk.load_scalar %groups[%{{.*}}] pad -1
// CHECK:           %[[ASKED:.*]] = arith.cmpi sge, %[[G]],
// CHECK:           scf.if %[[ASKED]] -> (!tk.cursor<6>) {
// CHECK:             tk.dot {{.*}} tensor<64x128xf32>
// CHECK:             tk.store {{.*}} tensor<64x128xf32>
// CHECK:           } else {
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!batch = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
tk.kernel @grouped(%A: !in, %B: !batch, %groups: !tk.global<?xi32>, %C: !tk.global<?x?xf32>) grid {
  %y = tk.dim %C, 0 : !tk.global<?x?xf32>
  tk.grid %y
} {
  %y = tk.program_id 0
  %none = arith.constant 0 : i32
  %number = tk.load_scalar %groups[%y] pad -1 : !tk.global<?xi32> -> i32
  %asked = arith.cmpi sge, %number, %none : i32
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  scf.if %asked {
    %group = arith.index_cast %number : i32 to index
    %zero = arith.constant dense<0.0> : tensor<128x128xf32>
    %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
      %a = tk.load %A[%y, %k] : !in -> tensor<128x64xbf16>
      %b = tk.load %B[%group, %k, %first] : !batch -> tensor<64x128xbf16>
      %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
      scf.yield %next : tensor<128x128xf32>
    }
    tk.store %product, %C[%y, %first] : tensor<128x128xf32>, !tk.global<?x?xf32>
  }
  tk.return
}
