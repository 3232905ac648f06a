// RUN: tk-opt --tk-place %s | FileCheck %s

// a program that compiled before does not: a load that two products use is not staged, without a remark, the others
// take all shared memory for their ring, and the buffers for the first do not fit. Expected: staged (all its users are
// products of the loop), or a remark and room.

// CHECK:     tk.wgmma
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %c = tk.dim %C, 0 : !out
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l:2 = scf.for %k = %n to %c step %n iter_args(%s = %z, %t = %z) -> (tensor<128x128xf32>, tensor<128x128xf32>) {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
    %f = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    %g = tk.dot %a, %f, %t : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d, %g : tensor<128x128xf32>, tensor<128x128xf32>
  }
  tk.store %l#0, %C[%n, %n] : tensor<128x128xf32>, !out
  tk.store %l#1, %C[%c, %n] : tensor<128x128xf32>, !out
  tk.return
}
