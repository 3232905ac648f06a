// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-certify))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-certify))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!s = !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
#single = #tk.blocked<per_thread = [1, 1], lanes = [32, 1], warps = [1, 4], order = [0, 1]>

// Stores, loads and copies of 16 bytes along the panel: four wavefronts of eight lanes, which is the least.
// CHECK-LABEL: tk.kernel @free
// CHECK:         tk.shared_store {{.*}} {banks = #tk.banks<width = 16, instructions = 2, wavefronts = 4, minimum = 4>}
// CHECK:         tk.shared_load {{.*}} {banks = #tk.banks<width = 16, instructions = 2, wavefronts = 4, minimum = 4>}
// CHECK:         tk.copy {{.*}} {banks = #tk.banks<width = 16, instructions = 2, wavefronts = 4, minimum = 4>}
// REMARK-COUNT-3: [Passed] banks | Category:tk-certify | Function=free | Remark="free of bank conflicts: 2 accesses of 16 bytes, 4 wavefront(s) each"
tk.kernel @free(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %z = arith.constant dense<0.0> : tensor<32x64xbf16, #rows>
  tk.shared_store %z, %s : tensor<32x64xbf16, #rows>, !s
  %t = tk.shared_load %s : !s -> tensor<32x64xbf16, #rows>
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !s through #rows
  tk.return
}

// Rows of matrices, 16 bytes from each lane: the accumulator's own registers would take 4 bytes at a time.
// CHECK-LABEL: tk.kernel @matrices
// CHECK:         tk.shared_store {{.*}} {banks = #tk.banks<width = 16, instructions = 4, wavefronts = 4, minimum = 4>, matrix}
// CHECK:         tk.shared_load {{.*}} {banks = #tk.banks<width = 16, instructions = 4, wavefronts = 4, minimum = 4>, matrix}
// CHECK:         tk.shared_load {{.*}} {banks = #tk.banks<width = 4, instructions = 16, wavefronts = 1, minimum = 1>}
// REMARK: [Passed] banks | Category:tk-certify | Function=matrices | Remark="free of bank conflicts: 4 accesses of 16 bytes, 4 wavefront(s) each"
!m = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @matrices(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !m
  %z = arith.constant dense<0.0> : tensor<64x64xbf16, #tk.wgmma_acc>
  tk.shared_store %z, %s {matrix} : tensor<64x64xbf16, #tk.wgmma_acc>, !m
  %t = tk.shared_load %s {matrix} : !m -> tensor<64x64xbf16, #tk.wgmma_acc>
  %p = tk.shared_load %s : !m -> tensor<64x64xbf16, #tk.wgmma_acc>
  tk.return
}

// A warp down a column, element by element: eight chunks for 32 rows, four rows to a bank.
// CHECK-LABEL: tk.kernel @conflicts
// CHECK:         tk.shared_store {{.*}} {banks = #tk.banks<width = 2, instructions = 16, wavefronts = 4, minimum = 1>}
// REMARK: [Missed] banks | Category:tk-certify | Function=conflicts | Reason="4 wavefronts where 1 would do, in accesses of 2 bytes"
tk.kernel @conflicts(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %z = arith.constant dense<0.0> : tensor<32x64xbf16, #single>
  tk.shared_store %z, %s : tensor<32x64xbf16, #single>, !s
  tk.return
}
