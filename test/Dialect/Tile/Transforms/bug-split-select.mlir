// RUN: tk-opt --tk-split-variants %s | FileCheck %s

// invalid IR ("'arith.select' op failed to verify that all of {true_value, false_value, result} have same type"). The
// type of a view changes under operations whose types depend on it. Expected: no variant, or these retyped as well.

// CHECK:      tk.kernel @k(
!in = !tk.global<?x?xbf16>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %D: !in, %C: !out, %n: index) grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x, %n
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %i = tk.program_id 1
  %j = arith.muli %x, %e : index
  %t = arith.cmpi eq, %i, %n : index
  %v = arith.select %t, %A, %D : !in
  %w = tk.load %v[%i, %i] : !in -> tensor<8x8xbf16>
  tk.store %w, %D[%i, %i] : tensor<8x8xbf16>, !in
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
