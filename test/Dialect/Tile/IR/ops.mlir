// RUN: tk-opt %s | tk-opt | FileCheck %s
// RUN: tk-opt --mlir-print-op-generic %s | tk-opt | FileCheck %s

// Every operation comes back as it was written, through its own form and through the generic one.

// The least a kernel can be.
// CHECK-LABEL: tk.kernel @least() grid {
// CHECK-NEXT:    %[[ONE:.*]] = arith.constant 1 : index
// CHECK-NEXT:    tk.grid %[[ONE]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    tk.return
// CHECK-NEXT:  }
tk.kernel @least() grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// Arguments keep their names and the names of their sizes; a size may have none; scalars have none.
// CHECK-LABEL: tk.kernel @arguments(
// CHECK-SAME:    %A: !tk.global<?x?xbf16, align = 16> [M, K], %v: !tk.global<?xf32> [?], %w: !tk.global<4x?xi8> [?, K],
// CHECK-SAME:    %bare: !tk.global<?xf32>, %alpha: f32, %count: i32, %step: index) grid {
tk.kernel @arguments(%A: !tk.global<?x?xbf16, align = 16> [M, K], %v: !tk.global<?xf32> [?],
                     %w: !tk.global<4x?xi8> [?, K], %bare: !tk.global<?xf32>, %alpha: f32, %count: i32,
                     %step: index) grid {
  tk.grid %step
} {
  tk.return
}

// Attributes of a kernel, those of a lowered one too.
// CHECK-LABEL: tk.kernel @attributes(%A: !tk.global<?xf32> [N]) attributes {
// CHECK-SAME:    bank_proofs = [#tk.bank_proof<"copy", source = "x:1:1", banks = <width = 16, instructions = 1, wavefronts = 4, minimum = 4>>]
// CHECK-SAME:    buffers = [#tk.buffer<"a", offset = 0, bytes = 16384, type = !tk.shared<128x64xbf16>, source = "x:1:1">]
// CHECK-SAME:    lowered_to = @tk_device::@attributes
// CHECK-SAME:    numerics = #tk.numerics<contract = true, flush = false>
// CHECK-SAME:    reads = array<i1: true>
// CHECK-SAME:    shared_bytes = 16384 : i64, threads = 256 : i64
// CHECK-SAME:    writes = array<i1: false>} grid {
tk.kernel @attributes(%A: !tk.global<?xf32> [N]) attributes {
    numerics = #tk.numerics<contract = true, flush = false>, threads = 256, shared_bytes = 16384,
    lowered_to = @tk_device::@attributes, reads = array<i1: true>, writes = array<i1: false>,
    buffers = [#tk.buffer<"a", offset = 0, bytes = 16384, type = !tk.shared<128x64xbf16>, source = "x:1:1">],
    bank_proofs = [#tk.bank_proof<"copy", source = "x:1:1",
                                  banks = <width = 16, instructions = 1, wavefronts = 4, minimum = 4>>]} grid {
  %n = tk.dim %A, 0 : !tk.global<?xf32>
  tk.grid %n
} {
  tk.return
}

// The grid: sizes, scalars, multiprocessors, arithmetic, three extents. Both regions see the arguments.
// CHECK-LABEL: tk.kernel @grid(%A: !tk.global<?x?xf32>, %n: index) grid {
// CHECK-NEXT:    %[[M:.*]] = tk.dim %A, 0 : !tk.global<?x?xf32>
// CHECK-NEXT:    %[[SMS:.*]] = tk.num_sms
// CHECK-NEXT:    %[[MIN:.*]] = arith.minui %[[M]], %[[SMS]] : index
// CHECK-NEXT:    tk.grid %[[MIN]], %n, %[[M]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    tk.dim %A, 1 : !tk.global<?x?xf32>
// CHECK-NEXT:    tk.program_id 0
// CHECK-NEXT:    tk.program_id 2
// CHECK-NEXT:    tk.num_programs 1
tk.kernel @grid(%A: !tk.global<?x?xf32>, %n: index) grid {
  %m = tk.dim %A, 0 : !tk.global<?x?xf32>
  %sms = tk.num_sms
  %x = arith.minui %m, %sms : index
  tk.grid %x, %n, %m
} {
  %k = tk.dim %A, 1 : !tk.global<?x?xf32>
  %x = tk.program_id 0
  %z = tk.program_id 2
  %ny = tk.num_programs 1
  tk.return
}

// Tile programs.
// CHECK-LABEL: tk.kernel @tiles
// CHECK:         %[[I:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[A:.*]] = tk.load %A[%[[I]], %[[I]]] : !tk.global<?x?xbf16> -> tensor<64x32xbf16>
// CHECK-NEXT:    %[[B:.*]] = tk.load %A[%[[I]], %[[I]]] {note = "kept"} : !tk.global<?x?xbf16> -> tensor<32x8xbf16>
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<64x8xf32>
// CHECK-NEXT:    %[[D:.*]] = tk.dot %[[A]], %[[B]], %[[Z]] : tensor<64x32xbf16>, tensor<32x8xbf16>, tensor<64x8xf32>
// CHECK-NEXT:    tk.store %[[D]], %A[%[[I]], %[[I]]] : tensor<64x8xf32>, !tk.global<?x?xbf16>
// CHECK-NEXT:    %[[V:.*]] = tk.load %v[%[[I]]] : !tk.global<?xi32> -> tensor<128xi32>
// CHECK-NEXT:    tk.store %[[V]], %v[%[[I]]] : tensor<128xi32>, !tk.global<?xi32>
tk.kernel @tiles(%A: !tk.global<?x?xbf16>, %v: !tk.global<?xi32>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %i = tk.program_id 0
  %a = tk.load %A[%i, %i] : !tk.global<?x?xbf16> -> tensor<64x32xbf16>
  %b = tk.load %A[%i, %i] {note = "kept"} : !tk.global<?x?xbf16> -> tensor<32x8xbf16>
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %d = tk.dot %a, %b, %z : tensor<64x32xbf16>, tensor<32x8xbf16>, tensor<64x8xf32>
  tk.store %d, %A[%i, %i] : tensor<64x8xf32>, !tk.global<?x?xbf16>
  %t = tk.load %v[%i] : !tk.global<?xi32> -> tensor<128xi32>
  tk.store %t, %v[%i] : tensor<128xi32>, !tk.global<?xi32>
  tk.return
}

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32, #tk.wgmma_acc>
#rows = #tk.blocked<per_thread = [1, 8], lanes = [16, 2], warps = [4, 1], order = [1, 0]>

// Placed programs.
// CHECK-LABEL: tk.kernel @placed
// CHECK:         %[[SA:.*]] = tk.alloc "a" at 0 : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
// CHECK-NEXT:    %[[SB:.*]] = tk.alloc "b b" : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
// CHECK-NEXT:    %[[I:.*]] = arith.constant 0 : index
// CHECK-NEXT:    tk.copy %A[%[[I]], %[[I]]], %[[SA]] : !tk.global<?x?xbf16>, !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
// CHECK-NEXT:    tk.copy %A[%[[I]], %[[I]]], %[[SA]] {banks = #tk.banks<width = 16, instructions = 1, wavefronts = 4, minimum = 4>} : !tk.global<?x?xbf16>, !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>> through #tk.blocked<per_thread = [1, 8], lanes = [16, 2], warps = [4, 1], order = [1, 0]>
// CHECK-NEXT:    %[[T:.*]] = tk.shared_load %[[SB]] {banks = #tk.banks<width = 2, instructions = 1, wavefronts = 1, minimum = 1>} : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>> -> tensor<16x8xbf16>
// CHECK-NEXT:    tk.shared_store %[[T]], %[[SB]] : tensor<16x8xbf16>, !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
// CHECK-NEXT:    tk.fence_async_proxy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<64x8xf32, #tk.wgmma_acc>
// CHECK-NEXT:    %[[F:.*]] = tk.wgmma_fence %[[Z]] : tensor<64x8xf32, #tk.wgmma_acc>
// CHECK-NEXT:    %[[G:.*]] = tk.wgmma %[[SA]], %[[SB]], %[[F]] overwrite : {{.*}}, !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
// CHECK-NEXT:    %[[H:.*]] = tk.wgmma %[[SA]], %[[SB]], %[[G]] : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>, !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
// CHECK-NEXT:    tk.wgmma_commit
// CHECK-NEXT:    %{{.*}} = tk.wgmma_wait %[[H]] pending 7 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
tk.kernel @placed(%A: !tk.global<?x?xbf16>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  %sa = tk.alloc "a" at 0 : !sa
  %sb = tk.alloc "b b" : !sb
  %i = arith.constant 0 : index
  tk.copy %A[%i, %i], %sa : !tk.global<?x?xbf16>, !sa
  tk.copy %A[%i, %i], %sa {banks = #tk.banks<width = 16, instructions = 1, wavefronts = 4, minimum = 4>}
      : !tk.global<?x?xbf16>, !sa through #rows
  %t = tk.shared_load %sb {banks = #tk.banks<width = 2, instructions = 1, wavefronts = 1, minimum = 1>}
      : !sb -> tensor<16x8xbf16>
  tk.shared_store %t, %sb : tensor<16x8xbf16>, !sb
  tk.fence_async_proxy
  tk.barrier
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %sa, %sb, %f overwrite : !sa, !sb, !tk.inflight<!acc>
  %h = tk.wgmma %sa, %sb, %g : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %h pending 7 : !tk.inflight<!acc>
  tk.return
}
