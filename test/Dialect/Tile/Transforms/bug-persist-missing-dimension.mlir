// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist))' %s | FileCheck %s

// invalid IR ("operand #0 does not dominate this use"). A grid of one dimension and a body that asks for program_id 1,
// which is 0: the constant is made after the body, not before it.

// CHECK:      scf.for
// CHECK-NEXT:   arith.constant 0 : index
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) grid {
  tk.grid %n
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
  tk.store %l, %C[%i, %j] : tensor<128x128xf32>, !out
  tk.return
}
