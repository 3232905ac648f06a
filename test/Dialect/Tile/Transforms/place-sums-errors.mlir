// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums))' --verify-diagnostics %s

tk.kernel @again(%C: !tk.global<?x?xf32>, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf32>
  scf.for %i = %n to %n step %n {
    // expected-error@+1 {{expected outside of loops and branches, got it inside 'scf.for': its memory can be used once, and all programs must come here}}
    %s = tk.cluster_sum %t along 1 : tensor<64x64xf32> -> tensor<64x32xf32>
    tk.store %s, %C[%n, %n] : tensor<64x32xf32>, !tk.global<?x?xf32>
  }
  tk.return
}
