// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

!s = !tk.shared<32x64xbf16, #tk.swizzle<128, order = [1, 0]>>
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>

// A buffer is an address in the block's shared memory; the swizzle is one exclusive or of thread bits, computed once;
// the second access is 16 rows below.
// CHECK-LABEL: llvm.func @vectors
// CHECK-DAG:     %[[BASE:.*]] = llvm.mlir.addressof @tk_shared : !llvm.ptr<3>
// CHECK-DAG:     %[[TILE:.*]] = llvm.getelementptr %[[BASE]][1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK-DAG:     %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK:         %[[SWIZZLED:.*]] = arith.xori
// CHECK:         %[[P:.*]] = llvm.getelementptr %[[TILE]][%[[SWIZZLED]]] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK:         llvm.store %{{.*}}, %[[P]] {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK:         %[[Q:.*]] = llvm.getelementptr %[[P]][2048] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
// CHECK:         llvm.store %{{.*}}, %[[Q]] {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK:         nvvm.barrier
// CHECK-NOT:     arith.xori
// CHECK:         llvm.load %[[P]] {alignment = 16 : i64} : !llvm.ptr<3> -> vector<8xbf16>
// CHECK:         llvm.load %[[Q]] {alignment = 16 : i64} : !llvm.ptr<3> -> vector<8xbf16>
// CHECK-NOT:     llvm.load
tk.kernel @vectors(%C: !tk.global<?x?xbf16>, %x: bf16, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 1024 : !s
  %z = tk.load %C[%n, %n] : !tk.global<?x?xbf16> -> tensor<32x64xbf16, #rows>
  tk.shared_store %z, %s : tensor<32x64xbf16, #rows>, !s
  tk.barrier
  %t = tk.shared_load %s : !s -> tensor<32x64xbf16, #rows>
  tk.store %t, %C[%n, %n] : tensor<32x64xbf16, #rows>, !tk.global<?x?xbf16>
  tk.return
}

// Registers across the panel: element by element, as exclusive or with constants.
// CHECK-LABEL: llvm.func @scalars
// CHECK:         arith.xori
// CHECK-COUNT-16: llvm.store %{{.*}} {alignment = 2 : i64} : vector<1xbf16>, !llvm.ptr<3>
// CHECK-NOT:     llvm.store
#single = #tk.blocked<per_thread = [1, 1], lanes = [32, 1], warps = [1, 4], order = [0, 1]>
tk.kernel @scalars(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %z = arith.constant dense<1.0> : tensor<32x64xbf16, #single>
  tk.shared_store %z, %s : tensor<32x64xbf16, #single>, !s
  tk.return
}

// Matrices of 8 x 8: the lanes' addresses are those of rows, pairs of elements go in one register each; transposed
// where memory is contiguous along columns.
// CHECK-LABEL: llvm.func @matrices
// CHECK:         %[[ROWS:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK:         nvvm.stmatrix %[[ROWS]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>}
// CHECK-COUNT-3: nvvm.stmatrix
// CHECK-NOT:     nvvm.stmatrix
// CHECK:         nvvm.barrier
// CHECK:         nvvm.ldmatrix %[[ROWS]] {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK-COUNT-3: nvvm.ldmatrix
// CHECK-NOT:     nvvm.ldmatrix
// CHECK-COUNT-4: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK-NOT:     nvvm.stmatrix
// CHECK-NOT:     llvm.store
!m = !tk.shared<64x64xf16, #tk.swizzle<128, order = [1, 0]>>
!mt = !tk.shared<64x64xf16, #tk.swizzle<128, order = [0, 1]>>
tk.kernel @matrices(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !m
  %t = tk.alloc "t" at 8192 : !mt
  %z = arith.constant dense<1.0> : tensor<64x64xf16, #tk.wgmma_acc>
  tk.shared_store %z, %s {matrix} : tensor<64x64xf16, #tk.wgmma_acc>, !m
  tk.barrier
  %v = tk.shared_load %s {matrix} : !m -> tensor<64x64xf16, #tk.wgmma_acc>
  tk.shared_store %v, %t {matrix} : tensor<64x64xf16, #tk.wgmma_acc>, !mt
  tk.return
}

// Threads that hold the same elements: one of them stores, all of them load.
// CHECK-LABEL: llvm.func @replicated
// CHECK-DAG:     %[[BITS:.*]] = arith.constant 96 : i32
// CHECK:         %[[OWN:.*]] = arith.andi %{{.*}}, %[[BITS]] : i32
// CHECK:         %[[FIRST:.*]] = arith.cmpi eq, %[[OWN]], %{{.*}} : i32
// CHECK:         scf.if %[[FIRST]] {
// CHECK:           llvm.store
// CHECK:         }
// CHECK:         nvvm.barrier
// CHECK-NOT:     scf.if
// CHECK:         llvm.load
!small = !tk.shared<8x32xbf16, #tk.swizzle<64, order = [1, 0]>>
#small = #tk.blocked<per_thread = [1, 8], lanes = [8, 4], warps = [4, 1], order = [1, 0]>
tk.kernel @replicated(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !small
  %z = arith.constant dense<1.0> : tensor<8x32xbf16, #small>
  tk.shared_store %z, %s : tensor<8x32xbf16, #small>, !small
  tk.barrier
  %t = tk.shared_load %s : !small -> tensor<8x32xbf16, #small>
  tk.store %t, %C[%n, %n] : tensor<8x32xbf16, #small>, !tk.global<?x?xbf16>
  tk.return
}

// A copy of a replicated tile: all load, one of them stores.
// CHECK-LABEL: llvm.func @replicated_copy
// CHECK:         ld.global
// CHECK:         scf.if
// CHECK:           llvm.store
tk.kernel @replicated_copy(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !small
  tk.copy %C[%n, %n], %s : !tk.global<?x?xbf16>, !small through #small
  tk.return
}

// Fence and barrier.
// CHECK-LABEL: llvm.func @ordering
// CHECK:         llvm.inline_asm has_side_effects asm_dialect = att "fence.proxy.async.shared::cta;", "~{memory}"
// CHECK-NEXT:    nvvm.barrier
tk.kernel @ordering(%n: index) grid {
  tk.grid %n
} {
  tk.fence_async_proxy
  tk.barrier
  tk.return
}
