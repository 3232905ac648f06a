// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

!acc8 = tensor<64x8xf32, #tk.wgmma_acc>

// One instruction. The fence, the product, the commit and the wait are one block of assembly, through which the
// accumulator goes as tied operands. The descriptors: stride 256 bytes, 32-byte swizzle for A; N along rows without
// swizzle for B (transposed): leading 128 bytes.
// CHECK-LABEL: llvm.func @one
// CHECK-DAG:     %[[ADESC:.*]] = arith.constant -4611685949707911168 : i64
// CHECK-DAG:     %[[MASK:.*]] = arith.constant 262143 : i32
// CHECK-NOT:     llvm.inline_asm
// CHECK:         llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK:         arith.andi %{{.*}}, %[[MASK]] : i32
// CHECK:         %[[A:.*]] = arith.ori %{{.*}}, %[[ADESC]] : i64
// CHECK:         %[[G:.*]] = llvm.inline_asm has_side_effects asm_dialect = att
// CHECK-SAME:      "wgmma.fence.sync.aligned;
// CHECK-SAME:      wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, $4, $5, 1, 1, 1, 0, 1;
// CHECK-SAME:      wgmma.commit_group.sync.aligned;
// CHECK-SAME:      wgmma.wait_group.sync.aligned 3;",
// CHECK-SAME:      "=f,=f,=f,=f,l,l,0,1,2,3,~{memory}" %[[A]], %{{.*}}, %[[C:.*]], %[[C]], %[[C]], %[[C]] :
// CHECK-NOT:     wgmma
tk.kernel @one(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 2048 : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
  %z = arith.constant dense<1.0> : !acc8
  %f = tk.wgmma_fence %z : !acc8
  %g = tk.wgmma %a, %b, %f : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>,
                             !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<!acc8>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 3 : !tk.inflight<!acc8>
  tk.store %d, %C[%n, %n] : !acc8, !tk.global<?x?xf32>
  tk.return
}

// Overwrite: scale-d is 0 in the first step along K only. All steps are one block of assembly. Both operands with K contiguous: no transposition; each step
// advances both descriptors by 32 bytes.
// CHECK-LABEL: llvm.func @overwrite
// CHECK:         %[[TWO:.*]] = arith.constant 2 : i64
// CHECK:         %[[A:.*]] = arith.ori
// CHECK:         %[[B:.*]] = arith.ori
// CHECK-DAG:     %[[A2:.*]] = arith.addi %[[A]], %[[TWO]] : i64
// CHECK-DAG:     %[[B2:.*]] = arith.addi %[[B]], %[[TWO]] : i64
// CHECK:         wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $4, $5, 0, 1, 1, 0, 0;
// CHECK-SAME:    m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $6, $7, 1, 1, 1, 0, 0;
// CHECK-SAME:    m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $8, $9, 1, 1, 1, 0, 0;
// CHECK-SAME:    m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $10, $11, 1, 1, 1, 0, 0;
// CHECK-SAME:    "=f,=f,=f,=f,l,l,l,l,l,l,l,l,0,1,2,3,~{memory}" %[[A]], %[[B]], %[[A2]], %[[B2]],
// CHECK-NOT:     wgmma.mma_async
tk.kernel @overwrite(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x64xf16, #tk.swizzle<128, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<64x8xf16, #tk.swizzle<128, order = [0, 1]>>
  %z = ub.poison : !acc8
  %f = tk.wgmma_fence %z : !acc8
  %g = tk.wgmma %a, %b, %f overwrite : !tk.shared<64x64xf16, #tk.swizzle<128, order = [1, 0]>>,
                             !tk.shared<64x8xf16, #tk.swizzle<128, order = [0, 1]>>, !tk.inflight<!acc8>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc8>
  tk.store %d, %C[%n, %n] : !acc8, !tk.global<?x?xf32>
  tk.return
}

// 128 rows are two instructions down: 64 rows of 32 bytes, in units of 16.
// CHECK-LABEL: llvm.func @two_slabs
// CHECK-DAG:     %[[SLAB:.*]] = arith.constant 128 : i64
// CHECK:         %[[A:.*]] = arith.ori
// CHECK:         %[[B:.*]] = arith.ori
// CHECK:         %[[A64:.*]] = arith.addi %[[A]], %[[SLAB]] : i64
// CHECK:         m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $8, $9, 1,
// CHECK-SAME:    m64n8k16.f32.f16.f16 {$4, $5, $6, $7}, $10, $9, 1,
// CHECK-SAME:    "=f,=f,=f,=f,=f,=f,=f,=f,l,l,l,0,1,2,3,4,5,6,7,~{memory}" %[[A]], %[[B]], %[[A64]],
// CHECK-NOT:     wgmma.mma_async
tk.kernel @two_slabs(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<128x16xf16, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<16x8xf16, #tk.swizzle<32, order = [0, 1]>>
  %z = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<128x8xf32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<128x8xf32, #tk.wgmma_acc>
  %g = tk.wgmma %a, %b, %f : !tk.shared<128x16xf16, #tk.swizzle<32, order = [1, 0]>>,
      !tk.shared<16x8xf16, #tk.swizzle<32, order = [0, 1]>>, !tk.inflight<tensor<128x8xf32, #tk.wgmma_acc>>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<128x8xf32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<128x8xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}

// More than 256 columns: the widest instruction that divides them. 384 = 2 * 192.
// CHECK-LABEL: llvm.func @wide
// CHECK-COUNT-2: wgmma.mma_async.sync.aligned.m64n192k16
// CHECK-NOT:     wgmma.mma_async
tk.kernel @wide(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x16xf16, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<16x384xf16, #tk.swizzle<128, order = [1, 0]>>
  %z = ub.poison : tensor<64x384xf32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<64x384xf32, #tk.wgmma_acc>
  %g = tk.wgmma %a, %b, %f overwrite : !tk.shared<64x16xf16, #tk.swizzle<32, order = [1, 0]>>,
      !tk.shared<16x384xf16, #tk.swizzle<128, order = [1, 0]>>, !tk.inflight<tensor<64x384xf32, #tk.wgmma_acc>>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<64x384xf32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<64x384xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}

// What touches memory between them keeps them apart: here a barrier, behind the fence and before the wait.
// CHECK-LABEL: llvm.func @apart
// CHECK:         llvm.inline_asm {{.*}} "wgmma.fence.sync.aligned;", "=f,=f,=f,=f,0,1,2,3,~{memory}"
// CHECK:         nvvm.barrier0
// CHECK:         llvm.inline_asm {{.*}} "wgmma.mma_async{{[^"]*}}wgmma.commit_group.sync.aligned;", "=f,=f,=f,=f,l,l,0,1,2,3,~{memory}"
// CHECK:         nvvm.barrier0
// CHECK:         llvm.inline_asm {{.*}} "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,~{memory}"
tk.kernel @apart(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 2048 : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
  %z = arith.constant dense<1.0> : !acc8
  %f = tk.wgmma_fence %z : !acc8
  tk.barrier
  %g = tk.wgmma %a, %b, %f : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>,
                             !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<!acc8>
  tk.wgmma_commit
  tk.barrier
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc8>
  tk.store %d, %C[%n, %n] : !acc8, !tk.global<?x?xf32>
  tk.return
}

// Two products of one chain: the fence goes with the first, the commit and the wait with the last.
// CHECK-LABEL: llvm.func @two_products
// CHECK:         llvm.inline_asm {{.*}} "wgmma.fence.sync.aligned;{{[^"]*}}m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, $4, $5, 1, 1, 1, 0, 1;", "=f,=f,=f,=f,l,l,
// CHECK:         llvm.inline_asm {{.*}} "wgmma.mma_async{{[^"]*}}wgmma.commit_group.sync.aligned;{{[^"]*}}wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,l,l,
// CHECK-NOT:     wgmma
tk.kernel @two_products(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 2048 : !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
  %z = arith.constant dense<1.0> : !acc8
  %f = tk.wgmma_fence %z : !acc8
  %g = tk.wgmma %a, %b, %f : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>,
                             !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<!acc8>
  %h = tk.wgmma %a, %b, %g : !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>,
                             !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<!acc8>
  tk.wgmma_commit
  %d = tk.wgmma_wait %h pending 0 : !tk.inflight<!acc8>
  tk.store %d, %C[%n, %n] : !acc8, !tk.global<?x?xf32>
  tk.return
}

// Integers: no negation, no transposition; registers of 32 bits. 40 columns, which only 8 divides among the legal
// numbers up to 24, and 32 does not.

// CHECK-LABEL: llvm.func @int8
// CHECK:         wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {$0, $1, $2, $3}, $20, $21, 0;
// CHECK-SAME:    wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {$0, $1, $2, $3}, $22, $23, 1;
// CHECK-SAME:    m64n8k32.s32.s8.s8 {$16, $17, $18, $19}, $22,
// CHECK-SAME:    "=r,=r,
tk.kernel @int8(%C: !tk.global<?x?xi32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x64xi8, #tk.swizzle<64, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<64x40xi8, #tk.swizzle<64, order = [0, 1]>>
  %z = ub.poison : tensor<64x40xi32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<64x40xi32, #tk.wgmma_acc>
  %g = tk.wgmma %a, %b, %f overwrite : !tk.shared<64x64xi8, #tk.swizzle<64, order = [1, 0]>>,
      !tk.shared<64x40xi8, #tk.swizzle<64, order = [0, 1]>>, !tk.inflight<tensor<64x40xi32, #tk.wgmma_acc>>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<64x40xi32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<64x40xi32, #tk.wgmma_acc>, !tk.global<?x?xi32>
  tk.return
}

// CHECK-LABEL: llvm.func @tf32
// CHECK:         wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {$0, $1, $2, $3}, $4, $5, 0, 1, 1;
// CHECK-SAME:    wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {$0, $1, $2, $3}, $6, $7, 1, 1, 1;
tk.kernel @tf32(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x16xf32, #tk.swizzle<64, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<16x8xf32, #tk.swizzle<64, order = [0, 1]>>
  %z = ub.poison : tensor<64x8xf32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<64x8xf32, #tk.wgmma_acc>
  %g = tk.wgmma %a, %b, %f overwrite : !tk.shared<64x16xf32, #tk.swizzle<64, order = [1, 0]>>,
      !tk.shared<16x8xf32, #tk.swizzle<64, order = [0, 1]>>, !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}

// CHECK-LABEL: llvm.func @mixed_fp8
// CHECK:         wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e5m2 {$0, $1, $2, $3}, $4, $5, 0, 1, 1;
tk.kernel @mixed_fp8(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !tk.shared<64x32xf8E4M3FN, #tk.swizzle<32, order = [1, 0]>>
  %b = tk.alloc "b" at 8192 : !tk.shared<32x8xf8E5M2, #tk.swizzle<32, order = [0, 1]>>
  %z = ub.poison : tensor<64x8xf32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<64x8xf32, #tk.wgmma_acc>
  %g = tk.wgmma %a, %b, %f overwrite : !tk.shared<64x32xf8E4M3FN, #tk.swizzle<32, order = [1, 0]>>,
      !tk.shared<32x8xf8E5M2, #tk.swizzle<32, order = [0, 1]>>, !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}
