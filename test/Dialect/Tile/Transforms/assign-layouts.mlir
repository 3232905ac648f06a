// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' %s | tk-opt | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!row = !tk.global<?x?xf32>
!column = !tk.global<?x?xf32, strides = [1, ?]>

// 16 bytes of a row to a thread, then lanes along the row, then down. One layout from the load through the arithmetic
// and the constant to the store; `threads` is set.
// CHECK-LABEL: tk.kernel @rows
// CHECK-SAME:    attributes {threads = 128 : i64}
// CHECK:         tk.load {{.*}} -> tensor<64x64xf32, #[[ROWS:tk.blocked<per_thread = \[1, 4\], lanes = \[4, 8\], warps = \[4, 1\], order = \[1, 0\]>]]>
// CHECK-NEXT:    arith.constant dense<1.000000e+00> : tensor<64x64xf32, #[[ROWS]]>
// CHECK-NEXT:    arith.addf {{.*}} : tensor<64x64xf32, #[[ROWS]]>
// CHECK-NEXT:    tk.store {{.*}} : tensor<64x64xf32, #[[ROWS]]>
// REMARK-DAG: [Passed] layout | Category:tk-assign-layouts | Function=rows | Remark="3 tile(s) of 64 x 64 get #tk.blocked<per_thread = [1, 4], lanes = [4, 8], warps = [4, 1], order = [1, 0]>"
tk.kernel @rows(%A: !row, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n] : !row -> tensor<64x64xf32>
  %one = arith.constant dense<1.0> : tensor<64x64xf32>
  %u = arith.addf %t, %one : tensor<64x64xf32>
  tk.store %u, %A[%n, %n] : tensor<64x64xf32>, !row
  tk.return
}

// Column-major memory: the other way round.
// CHECK-LABEL: tk.kernel @columns
// CHECK:         tensor<64x64xf32, #tk.blocked<per_thread = [4, 1], lanes = [8, 4], warps = [1, 4], order = [0, 1]>>
tk.kernel @columns(%A: !column, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n] : !column -> tensor<64x64xf32>
  tk.store %t, %A[%n, %n] : tensor<64x64xf32>, !column
  tk.return
}

// Small tiles keep all threads busy before vectors grow; smaller ones than the block are replicated; rank 1.
// CHECK-LABEL: tk.kernel @small
// CHECK:         tensor<8x32xf32, #tk.blocked<per_thread = [1, 2], lanes = [2, 16], warps = [4, 1], order = [1, 0]>>
// CHECK:         tensor<4x4xf32, #tk.blocked<per_thread = [1, 1], lanes = [8, 4], warps = [4, 1], order = [1, 0]>>
// CHECK:         tensor<1024xf32, #tk.blocked<per_thread = [4], lanes = [32], warps = [4], order = [0]>>
// CHECK:         tensor<80x24xf32, #tk.blocked<per_thread = [1, 4], lanes = [16, 2], warps = [4, 1], order = [1, 0]>>
tk.kernel @small(%A: !row, %v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n] : !row -> tensor<8x32xf32>
  %u = tk.load %A[%n, %n] : !row -> tensor<4x4xf32>
  %w = tk.load %v[%n] : !tk.global<?xf32> -> tensor<1024xf32>
  %x = tk.load %A[%n, %n] : !row -> tensor<80x24xf32>
  tk.return
}

// What the tensor core holds spreads, through loops and conversions, to the store.
// CHECK-LABEL: tk.kernel @accumulator
// CHECK:         scf.for {{.*}} -> (tensor<64x8xf32, #tk.wgmma_acc>)
// CHECK:           tk.wgmma_fence %{{.*}} : tensor<64x8xf32, #tk.wgmma_acc>
// CHECK:           tk.wgmma_wait {{.*}} : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
// CHECK:         arith.truncf %{{.*}} : tensor<64x8xf32, #tk.wgmma_acc> to tensor<64x8xf16, #tk.wgmma_acc>
// REMARK-DAG: Function=accumulator | Remark="{{[0-9]+}} tile(s) of 64 x 8 get #tk.wgmma_acc, as one of them must have it"
tk.kernel @accumulator(%H: !tk.global<?x?xf16>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %r = scf.for %i = %n to %n step %n iter_args(%sum = %z) -> tensor<64x8xf32> {
    %f = tk.wgmma_fence %sum : tensor<64x8xf32>
    %d = tk.wgmma_wait %f pending 0 : !tk.inflight<tensor<64x8xf32>>
    scf.yield %d : tensor<64x8xf32>
  }
  %h = arith.truncf %r : tensor<64x8xf32> to tensor<64x8xf16>
  tk.store %h, %H[%n, %n] : tensor<64x8xf16>, !tk.global<?x?xf16>
  tk.return
}

#mine = #tk.blocked<per_thread = [2, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>

// A layout written by hand on one tile is that of all it flows into; both branches of an if.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK:         scf.if %{{.*}} -> (tensor<64x64xf32, #tk.blocked<per_thread = [2, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>>)
// CHECK:         tk.store %{{.*}} : tensor<64x64xf32, #tk.blocked<per_thread = [2, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>>
tk.kernel @by_hand(%A: !row, %n: index) grid {
  tk.grid %n
} {
  %c = arith.cmpi eq, %n, %n : index
  %t = tk.load %A[%n, %n] : !row -> tensor<64x64xf32, #mine>
  %r = scf.if %c -> tensor<64x64xf32, #mine> {
    scf.yield %t : tensor<64x64xf32, #mine>
  } else {
    %u = tk.load %A[%n, %n] : !row -> tensor<64x64xf32, #mine>
    scf.yield %u : tensor<64x64xf32, #mine>
  }
  %v = tk.load %A[%n, %n] : !row -> tensor<64x64xf32>
  tk.store %r, %A[%n, %n] : tensor<64x64xf32, #mine>, !row
  tk.return
}

// Copies pass through the layout their view asks for; what is written by hand stays.
// CHECK-LABEL: tk.kernel @copies
// CHECK:         tk.copy %A{{.*}}> through #tk.blocked<per_thread = [1, 4], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
// CHECK:         tk.copy %C{{.*}}> through #tk.blocked<per_thread = [4, 1], lanes = [8, 4], warps = [1, 4], order = [0, 1]>
// CHECK:         tk.copy %A{{.*}}> through #tk.blocked<per_thread = [2, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>
tk.kernel @copies(%A: !row, %C: !column, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x64xf32>
  tk.copy %A[%n, %n], %s : !row, !tk.shared<64x64xf32>
  tk.copy %C[%n, %n], %s : !column, !tk.shared<64x64xf32>
  tk.copy %A[%n, %n], %s : !row, !tk.shared<64x64xf32> through #mine
  tk.return
}

// What is repeated lies as the tile that it is repeated to needs it: scales of rows and of columns of an accumulator,
// and one that is repeated twice.
// CHECK-LABEL: tk.kernel @repeated
// CHECK:         tk.load %S{{.*}} -> tensor<128x1xf32, #tk.slice<#tk.wgmma_acc, shape = [128, 64]>>
// CHECK:         tk.load %T{{.*}} -> tensor<1x1xf32, #tk.slice<#tk.slice<#tk.wgmma_acc, shape = [128, 64]>, shape = [128, 1]>>
// CHECK:         tk.load %U{{.*}} -> tensor<1x64xf32, #tk.slice<#tk.wgmma_acc, shape = [128, 64]>>
// CHECK:         tensor.splat %f : tensor<128x64xf32, #tk.wgmma_acc>
tk.kernel @repeated(%C: !row, %S: !row, %T: !row, %U: !row, %f: f32, %n: index) grid {
  tk.grid %n
} {
  %d = tk.load %C[%n, %n] : !row -> tensor<128x64xf32, #tk.wgmma_acc>
  %s = tk.load %S[%n, %n] : !row -> tensor<128x1xf32>
  %t = tk.load %T[%n, %n] : !row -> tensor<1x1xf32>
  %t1 = tk.broadcast %t : tensor<1x1xf32> -> tensor<128x1xf32>
  %st = arith.mulf %s, %t1 : tensor<128x1xf32>
  %u = tk.load %U[%n, %n] : !row -> tensor<1x64xf32>
  %rows = tk.broadcast %st : tensor<128x1xf32> -> tensor<128x64xf32, #tk.wgmma_acc>
  %columns = tk.broadcast %u : tensor<1x64xf32> -> tensor<128x64xf32, #tk.wgmma_acc>
  %f1 = tensor.splat %f : tensor<128x64xf32, #tk.wgmma_acc>
  %x = arith.mulf %d, %rows : tensor<128x64xf32, #tk.wgmma_acc>
  %y = arith.mulf %x, %columns : tensor<128x64xf32, #tk.wgmma_acc>
  %z = arith.mulf %y, %f1 : tensor<128x64xf32, #tk.wgmma_acc>
  tk.store %z, %C[%n, %n] : tensor<128x64xf32, #tk.wgmma_acc>, !row
  tk.return
}
