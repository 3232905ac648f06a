// RUN: tk-opt --tk-place %s | FileCheck %s

// a program that compiled before does not, with more than one consumer: a product of a product (attention) goes through
// a buffer that all consumers share ("writes a buffer that all consumers share"). Expected: tk-specialize-warps declines
// products whose operands are not from a ring, or the buffer has a slice for each replica.

// CHECK:     tk.wgmma
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %c = tk.dim %C, 0 : !out
  %z = arith.constant dense<0.0> : tensor<128x64xf32>
  %l = scf.for %k = %n to %c step %n iter_args(%s = %z) -> tensor<128x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x64xbf16>
    %e = tk.load %B[%k, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %z : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %p = arith.truncf %d : tensor<128x64xf32> to tensor<128x64xbf16>
    %g = tk.dot %p, %e, %s : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    scf.yield %g : tensor<128x64xf32>
  }
  tk.store %l, %C[%n, %n] : tensor<128x64xf32>, !out
  tk.return
}
