// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' %s | FileCheck %s

// invalid IR. A tile along x that an scf.if yields: the scf.yield is taken for a loop's, the if keeps its type.
// Expected: declined.

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
  %i = tk.program_id 1
  %j = arith.muli %x, %e : index
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %k = %n to %e step %n iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %j] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %t = arith.cmpi eq, %i, %n : index
  %y = scf.if %t -> tensor<128x128xf32> {
    scf.yield %l : tensor<128x128xf32>
  } else {
    %o = arith.constant dense<1.0> : tensor<128x128xf32>
    scf.yield %o : tensor<128x128xf32>
  }
  tk.store %y, %C[%i, %n] : tensor<128x128xf32>, !out
  tk.store %l, %C[%i, %j] : tensor<128x128xf32>, !out
  tk.return
}
