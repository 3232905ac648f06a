// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' %s | FileCheck %s

// silent miscompile. A tile both of whose dimensions run along x is a block of the diagonal: two programs as one
// would also write the two blocks beside it. Expected: declined.

// CHECK:      tk.store %{{.*}} : tensor<128x128xf32>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x, %n
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %j = arith.muli %x, %e : index
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %k = %n to %e step %n iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%j, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %j] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  tk.store %l, %C[%j, %j] : tensor<128x128xf32>, !out
  tk.return
}
