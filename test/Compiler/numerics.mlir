// RUN: split-file %s %t
// RUN: tk-compile %t/fast.mlir --emit=ptx -o - | FileCheck %s --check-prefix=FAST
// RUN: tk-compile %t/strict.mlir --emit=ptx -o - | FileCheck %s --check-prefix=STRICT
// RUN: tk-compile %t/contract.mlir --emit=ptx -o - | FileCheck %s --check-prefix=CONTRACT
// RUN: tk-compile %t/flush.mlir --emit=ptx -o - | FileCheck %s --check-prefix=FLUSH

// With both liberties: one rounding, subnormals flushed, the fast exponential.
// FAST-NOT:     mul.
// FAST:         fma.rn.ftz.f32
// FAST:         ex2.approx.ftz.f32
// FAST-NOT:     mul.

// With neither: each operation rounds for itself and keeps subnormals.
// STRICT-NOT:   fma
// STRICT:       mul.rn.f32
// STRICT:       add.rn.f32
// STRICT-NOT:   fma
// STRICT-NOT:   .ftz

// Contraction alone keeps subnormals.
// CONTRACT-NOT: .ftz
// CONTRACT:     fma.rn.f32
// CONTRACT-NOT: .ftz

// Flushing alone does not contract.
// FLUSH-NOT:    fma
// FLUSH:        mul.rn.ftz.f32
// FLUSH:        add.rn.ftz.f32
// FLUSH-NOT:    fma

//--- fast.mlir
tk.kernel @k(%v: !tk.global<?xf32> [N], %n: index) attributes {numerics = #tk.numerics<contract = true, flush = true>} grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32>
  %m = arith.mulf %t, %t : tensor<128xf32>
  %a = arith.addf %m, %t : tensor<128xf32>
  %e = math.exp2 %a : tensor<128xf32>
  tk.store %e, %v[%n] : tensor<128xf32>, !tk.global<?xf32>
  tk.return
}
//--- strict.mlir
tk.kernel @k(%v: !tk.global<?xf32> [N], %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32>
  %m = arith.mulf %t, %t : tensor<128xf32>
  %a = arith.addf %m, %t : tensor<128xf32>
  tk.store %a, %v[%n] : tensor<128xf32>, !tk.global<?xf32>
  tk.return
}
//--- contract.mlir
tk.kernel @k(%v: !tk.global<?xf32> [N], %n: index) attributes {numerics = #tk.numerics<contract = true, flush = false>} grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32>
  %m = arith.mulf %t, %t : tensor<128xf32>
  %a = arith.addf %m, %t : tensor<128xf32>
  tk.store %a, %v[%n] : tensor<128xf32>, !tk.global<?xf32>
  tk.return
}
//--- flush.mlir
tk.kernel @k(%v: !tk.global<?xf32> [N], %n: index) attributes {numerics = #tk.numerics<contract = false, flush = true>} grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32>
  %m = arith.mulf %t, %t : tensor<128xf32>
  %a = arith.addf %m, %t : tensor<128xf32>
  tk.store %a, %v[%n] : tensor<128xf32>, !tk.global<?xf32>
  tk.return
}
