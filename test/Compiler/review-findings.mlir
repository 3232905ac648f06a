// Programs that were once miscompiled or crashed the compiler; each is now right in the simulator, or an error.
//
// Bytes in vectors of two (the halves of a word were named by element).
// RUN: split-file %s %t
// RUN: %python -c "import numpy, sys; numpy.save(sys.argv[1], numpy.random.default_rng(0).integers(-128, 128, (64, 64), 'i1'))" %t/a.npy
// RUN: tk-run %t/bytes.mlir --arg A=%t/a.npy --out B=%t/b.npy --device=sim | FileCheck %s --check-prefix=CLEAN
// RUN: cmp %t/a.npy %t/b.npy
//
// An N that a panel does not divide, and a tile whose panels lie at distances that are no power of two.
// RUN: sed 's/128x128xf32/64x320xf32/g; s/64x128x!in/48x320x!in/g; s/128x64x!in/64x48x!in/g; s/constant 64 : index/constant 48 : index/' %examples/gemm.mlir > %t/wide.mlir
// RUN: tk-run %t/wide.mlir --arg A=random:64x48 --arg B=random:48x100 --out C:64x100 --check C=A@B --device=sim | FileCheck %s --check-prefix=CLEAN
// CLEAN: findings: none
//
// RUN: not tk-compile %t/name.mlir -o - 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: 'tk.kernel' op expected a name of letters, digits, '_' and '$'
// RUN: not tk-compile %t/zero.mlir -o - 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: error: 'tk.load' op result #0 must be static tensor of numbers
// RUN: not tk-compile %t/huge.mlir -o - 2>&1 | FileCheck %s --check-prefix=HUGE
// HUGE: gives each thread 524288 elements of {{.*}} but at most 1024 are compiled; use smaller tiles

//--- bytes.mlir
!v = !tk.global<64x64xi8, strides = [64, 1], align = 2>
tk.kernel @bytes(%A: !v, %B: !v) grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  %c0 = arith.constant 0 : index
  %t = tk.load %A[%c0, %c0] : !v -> tensor<64x64xi8>
  tk.store %t, %B[%c0, %c0] : tensor<64x64xi8>, !v
  tk.return
}

//--- name.mlir
tk.kernel @"a-b"() grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  tk.return
}

//--- zero.mlir
!v = !tk.global<?x?xf32>
tk.kernel @zero(%A: !v) grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  %c0 = arith.constant 0 : index
  %t = tk.load %A[%c0, %c0] : !v -> tensor<0x64xf32>
  tk.return
}

//--- huge.mlir
!v = !tk.global<?x?xf32>
tk.kernel @huge(%A: !v) grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  %c0 = arith.constant 0 : index
  %t = tk.load %A[%c0, %c0] : !v -> tensor<8192x8192xf32>
  tk.store %t, %A[%c0, %c0] : tensor<8192x8192xf32>, !v
  tk.return
}
