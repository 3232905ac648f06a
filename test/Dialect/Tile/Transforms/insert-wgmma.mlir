// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-wgmma))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-wgmma))' --remarks-filter=.* --remark-policy=all %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Both operands are loads that only the dot uses: copies in the place of the loads, buffers named after the views at
// the start of the kernel, a's first.
// CHECK-LABEL: tk.kernel @copies
// CHECK:       } {
// CHECK-NEXT:    %[[SA:.*]] = tk.alloc "A" : !tk.shared<64x16xbf16>
// CHECK-NEXT:    %[[SB:.*]] = tk.alloc "B" : !tk.shared<16x8xbf16>
// CHECK-NEXT:    %[[C:.*]] = tk.load %C[%n, %n]
// CHECK-NEXT:    tk.copy %A[%n, %n], %[[SA]] : !tk.global<?x?xbf16>, !tk.shared<64x16xbf16>
// CHECK-NEXT:    tk.copy %B[%n, %n], %[[SB]] : !tk.global<?x?xbf16>, !tk.shared<16x8xbf16>
// CHECK-NEXT:    %[[F:.*]] = tk.wgmma_fence %[[C]] : tensor<64x8xf32>
// CHECK-NEXT:    %[[G:.*]] = tk.wgmma %[[SA]], %[[SB]], %[[F]] : !tk.shared<64x16xbf16>, !tk.shared<16x8xbf16>, !tk.inflight<tensor<64x8xf32>>
// CHECK-NEXT:    tk.wgmma_commit
// CHECK-NEXT:    %[[D:.*]] = tk.wgmma_wait %[[G]] pending 0
// CHECK-NEXT:    tk.store %[[D]], %C[%n, %n]
// CHECK-NEXT:    tk.return
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+7]]:8: remark: [Passed] wgmma | Category:tk-insert-wgmma | Function=copies | {{.*}}a product of 64 x 8 x 16 in bf16, operands staged through shared memory, waited for at once
tk.kernel @copies(%A: !tk.global<?x?xbf16>, %B: !tk.global<?x?xbf16>, %C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %c = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xbf16> -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xbf16> -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %c : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// A load that something else uses as well, or a tile that was computed, is needed in registers: shared_store. What has
// no view of its own is named after the operand.
// CHECK-LABEL: tk.kernel @stores
// CHECK:         %[[SA:.*]] = tk.alloc "A"
// CHECK-NEXT:    %[[SB:.*]] = tk.alloc "b"
// CHECK-NEXT:    %[[C:.*]] = tk.load %C[%n, %n]
// CHECK-NEXT:    %[[A:.*]] = tk.load %A[%n, %n]
// CHECK-NEXT:    %[[B:.*]] = arith.constant
// CHECK-NEXT:    tk.store %[[A]], %A[%n, %n]
// CHECK-NEXT:    tk.shared_store %[[B]], %[[SB]] : tensor<16x8xf16>, !tk.shared<16x8xf16>
// CHECK-NEXT:    tk.shared_store %[[A]], %[[SA]] : tensor<64x16xf16>, !tk.shared<64x16xf16>
// CHECK-NEXT:    tk.wgmma_fence %[[C]]
tk.kernel @stores(%A: !tk.global<?x?xf16>, %C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %c = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xf16> -> tensor<64x16xf16>
  %b = arith.constant dense<1.0> : tensor<16x8xf16>
  tk.store %a, %A[%n, %n] : tensor<64x16xf16>, !tk.global<?x?xf16>
  %d = tk.dot %a, %b, %c : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// A load outside the loop of its dot is copied on every trip otherwise: it stays where it is.
// CHECK-LABEL: tk.kernel @outer_load
// CHECK:         %[[A:.*]] = tk.load %A
// CHECK:         scf.for
// CHECK:           tk.copy %B
// CHECK:           tk.shared_store %[[A]]
tk.kernel @outer_load(%A: !tk.global<?x?xf16>, %B: !tk.global<?x?xf16>, %C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %c = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xf16> -> tensor<64x16xf16>
  %d = scf.for %k = %n to %n step %n iter_args(%sum = %c) -> tensor<64x8xf32> {
    %b = tk.load %B[%k, %n] : !tk.global<?x?xf16> -> tensor<16x8xf16>
    %next = tk.dot %a, %b, %sum : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
    scf.yield %next : tensor<64x8xf32>
  }
  tk.store %d, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// A constant zero is not written to registers: overwrite.
// CHECK-LABEL: tk.kernel @overwrite
// CHECK:         %[[P:.*]] = ub.poison : tensor<64x8xf32>
// CHECK-NEXT:    %[[F:.*]] = tk.wgmma_fence %[[P]]
// CHECK-NEXT:    tk.wgmma %{{.*}}, %{{.*}}, %[[F]] overwrite :
tk.kernel @overwrite(%A: !tk.global<?x?xf16>, %C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xf16> -> tensor<64x16xf16>
  %b = tk.load %A[%n, %n] : !tk.global<?x?xf16> -> tensor<16x8xf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// Declined: the dots stay, each with its reason.
// CHECK-LABEL: tk.kernel @declined
// CHECK-NOT:     tk.alloc
// CHECK-NOT:     tk.wgmma
// CHECK-COUNT-4: tk.dot
// CHECK-NOT:     tk.wgmma
// CHECK:         tk.return
// REMARK-DAG: [Missed] wgmma | Category:tk-insert-wgmma | Function=declined | Reason="operands of f32, which the tensor core takes only as tf32, without their 13 low bits: allow it with tf32 = true in the kernel's #tk.numerics, or convert them"
// REMARK-DAG: [Missed] wgmma | Category:tk-insert-wgmma | Function=declined | Reason="operands of f16 and f16 with an accumulator of f16: expected bf16, f16, f32 (as tf32) or fp8 with f32, or i8 with i32"
// REMARK-DAG: [Missed] wgmma | Category:tk-insert-wgmma | Function=declined | Reason="a product of 32 x 8 x 16: expected multiples of 64 x 8 x 16"
// REMARK-DAG: [Missed] wgmma | Category:tk-insert-wgmma | Function=declined | Reason="a product of 64 x 12 x 8: expected multiples of 64 x 8 x 16"
tk.kernel @declined(%C: !tk.global<?x?xf32>, %H: !tk.global<?x?xf16>, %n: index) grid {
  tk.grid %n
} {
  %a32 = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x16xf32>
  %b32 = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<16x8xf32>
  %c32 = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x8xf32>
  %d0 = tk.dot %a32, %b32, %c32 : tensor<64x16xf32>, tensor<16x8xf32>, tensor<64x8xf32>
  tk.store %d0, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  %a16 = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<64x16xf16>
  %b16 = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<16x8xf16>
  %c16 = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<64x8xf16>
  %d1 = tk.dot %a16, %b16, %c16 : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf16>
  tk.store %d1, %H[%n, %n] : tensor<64x8xf16>, !tk.global<?x?xf16>
  %half = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<32x16xf16>
  %chalf = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<32x8xf32>
  %d2 = tk.dot %half, %b16, %chalf : tensor<32x16xf16>, tensor<16x8xf16>, tensor<32x8xf32>
  tk.store %d2, %C[%n, %n] : tensor<32x8xf32>, !tk.global<?x?xf32>
  %ak = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<64x8xf16>
  %bk = tk.load %H[%n, %n] : !tk.global<?x?xf16> -> tensor<8x12xf16>
  %ck = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x12xf32>
  %d3 = tk.dot %ak, %bk, %ck : tensor<64x8xf16>, tensor<8x12xf16>, tensor<64x12xf32>
  tk.store %d3, %C[%n, %n] : tensor<64x12xf32>, !tk.global<?x?xf32>
  tk.return
}

// Types that need K contiguous: B lies so in its view. A tile that was computed gets a layout that has it so.
// CHECK-LABEL: tk.kernel @kmajor
// CHECK:         %[[SC:.*]] = tk.alloc "b" : !tk.shared<32x8xi8, #tk.swizzle<32, order = [0, 1]>>
// CHECK-NEXT:    %[[SA:.*]] = tk.alloc "A" : !tk.shared<64x32xi8>
// CHECK-NEXT:    %[[SB:.*]] = tk.alloc "B" : !tk.shared<32x8xi8>
// CHECK:         tk.wgmma %[[SA]], %[[SB]], %{{.*}} overwrite : !tk.shared<64x32xi8>, !tk.shared<32x8xi8>, !tk.inflight<tensor<64x8xi32>>
// CHECK:         tk.shared_store %{{.*}}, %[[SC]]
tk.kernel @kmajor(%A: !tk.global<?x?xi8>, %B: !tk.global<?x?xi8, strides = [1, ?]>, %C: !tk.global<?x?xi32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0> : tensor<64x8xi32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xi8> -> tensor<64x32xi8>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xi8, strides = [1, ?]> -> tensor<32x8xi8>
  %d = tk.dot %a, %b, %z : tensor<64x32xi8>, tensor<32x8xi8>, tensor<64x8xi32>
  %a2 = tk.load %A[%n, %n] : !tk.global<?x?xi8> -> tensor<64x32xi8>
  %b2 = arith.constant dense<1> : tensor<32x8xi8>
  %e = tk.dot %a2, %b2, %d : tensor<64x32xi8>, tensor<32x8xi8>, tensor<64x8xi32>
  tk.store %e, %C[%n, %n] : tensor<64x8xi32>, !tk.global<?x?xi32>
  tk.return
}

// f32 where the numerics allow tf32; fp8 of both kinds.
// CHECK-LABEL: tk.kernel @allowed
// CHECK:         tk.wgmma {{.*}} : !tk.shared<64x8xf32>, !tk.shared<8x8xf32>, !tk.inflight<tensor<64x8xf32>>
// CHECK:         tk.wgmma {{.*}} : !tk.shared<64x32xf8E4M3FN>, !tk.shared<32x8xf8E5M2>, !tk.inflight<tensor<64x8xf32>>
tk.kernel @allowed(%A: !tk.global<?x?xf32>, %B: !tk.global<?x?xf32, strides = [1, ?]>, %D: !tk.global<?x?xf8E4M3FN>,
                   %E: !tk.global<?x?xf8E5M2, strides = [1, ?]>, %n: index)
    attributes {numerics = #tk.numerics<contract = false, flush = false, tf32 = true>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<64x8xf32>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xf32, strides = [1, ?]> -> tensor<8x8xf32>
  %d = tk.dot %a, %b, %z : tensor<64x8xf32>, tensor<8x8xf32>, tensor<64x8xf32>
  %a2 = tk.load %D[%n, %n] : !tk.global<?x?xf8E4M3FN> -> tensor<64x32xf8E4M3FN>
  %b2 = tk.load %E[%n, %n] : !tk.global<?x?xf8E5M2, strides = [1, ?]> -> tensor<32x8xf8E5M2>
  %e = tk.dot %a2, %b2, %d : tensor<64x32xf8E4M3FN>, tensor<32x8xf8E5M2>, tensor<64x8xf32>
  tk.store %e, %A[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// Declined: K is not what lies in a row.
// CHECK-LABEL: tk.kernel @not_kmajor
// CHECK-COUNT-2: tk.dot
// CHECK:         tk.return
// REMARK-DAG: Function=not_kmajor | Reason="'b' of i8 lies with N contiguous: expected K contiguous, which the tensor core needs for all but 16-bit floats; store it so (strides = [1, ?])"
// REMARK-DAG: Function=not_kmajor | Reason="'a' of i8 lies with M contiguous: expected K contiguous, which the tensor core needs for all but 16-bit floats; store it so (strides = [?, 1])"
tk.kernel @not_kmajor(%A: !tk.global<?x?xi8>, %B: !tk.global<?x?xi8, strides = [1, ?]>, %C: !tk.global<?x?xi32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0> : tensor<64x8xi32>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xi8> -> tensor<64x32xi8>
  %b = tk.load %A[%n, %n] : !tk.global<?x?xi8> -> tensor<32x8xi8>
  %d = tk.dot %a, %b, %z : tensor<64x32xi8>, tensor<32x8xi8>, tensor<64x8xi32>
  %a2 = tk.load %B[%n, %n] : !tk.global<?x?xi8, strides = [1, ?]> -> tensor<64x32xi8>
  %b2 = tk.load %B[%n, %n] : !tk.global<?x?xi8, strides = [1, ?]> -> tensor<32x8xi8>
  %e = tk.dot %a2, %b2, %d : tensor<64x32xi8>, tensor<32x8xi8>, tensor<64x8xi32>
  tk.store %e, %C[%n, %n] : tensor<64x8xi32>, !tk.global<?x?xi32>
  tk.return
}
