// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps))' %s | FileCheck %s

// use after free (valgrind: dropCarried, OperandStorage). In the producer, a loop whose tile another loop takes, or
// yields, is erased while that use is there: dropCarried must drop the uses of the results it drops.

// CHECK:     producer
// CHECK-NOT: tensor
// CHECK:     consumers
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %c = tk.dim %C, 0 : !out
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %k = %n to %c step %n iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %m = scf.for %k = %n to %c step %n iter_args(%s = %l) -> tensor<128x128xf32> {
    %a = tk.load %B[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  tk.store %m, %C[%n, %n] : tensor<128x128xf32>, !out
  tk.return
}
