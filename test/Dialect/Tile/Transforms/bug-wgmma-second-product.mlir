// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps,tk-insert-wgmma))' %s | FileCheck %s

// a program that compiled before does not: the operands of a second product are not used in place, because the first
// one's fence, product, commit and wait come between (they change no shared memory), and go to a buffer that all
// consumers share, which tk-insert-fences refuses (or that does not fit).

// CHECK-NOT: tk.shared_store
// CHECK:     tk.return
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
    %e = tk.load %B[%n, %k] : !in -> tensor<128x64xbf16>
    %f = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    %g = tk.dot %e, %f, %d : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %g : tensor<128x128xf32>
  }
  tk.store %l, %C[%n, %n] : tensor<128x128xf32>, !out
  tk.return
}
