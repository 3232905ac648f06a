// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file %s | FileCheck %s

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// A cursor is slot and phase, two words that a loop carries; after the last slot comes the first, in the other phase.
// Slots are at equal distances, barriers eight bytes apart. A wait asks until the phase is complete; for the phase
// before it asks for the other parity.
// CHECK-LABEL: llvm.func @cursors
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG:     %[[THREE:.*]] = arith.constant 3 : i32
// CHECK-DAG:     %[[EIGHT:.*]] = arith.constant 8 : i32
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant 8192 : i32
// CHECK:         %[[BARRIERS:.*]] = llvm.getelementptr %{{.*}}[24576]
// CHECK:         %{{.*}}:2 = scf.for %{{.*}} iter_args(%[[SLOT:.*]] = %[[ZERO]], %[[PHASE:.*]] = %[[ZERO]]) -> (i32, i32) {
// CHECK-NEXT:      %[[AT:.*]] = arith.muli %[[SLOT]], %[[EIGHT]] : i32
// CHECK-NEXT:      %[[P:.*]] = llvm.getelementptr %[[BARRIERS]][%[[AT]]] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK-NEXT:      %[[B:.*]] = llvm.ptrtoint %[[P]] : !llvm.ptr<3> to i32
// CHECK-NEXT:      llvm.inline_asm has_side_effects asm_dialect = att "{\0A\09.reg .pred done;\0Aagain:\0A\09mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;\0A\09@!done bra again;\0A\09}", "r,r,~{memory}" %[[B]], %[[PHASE]] : (i32, i32) -> ()
// CHECK-NEXT:      %[[OTHER:.*]] = arith.xori %[[PHASE]], %[[ONE]] : i32
// CHECK-NEXT:      llvm.inline_asm {{.*}}mbarrier.try_wait.parity{{.*}} %[[B]], %[[OTHER]] : (i32, i32) -> ()
// CHECK-NEXT:      %[[OFFSET:.*]] = arith.muli %[[SLOT]], %[[BYTES]] : i32
// CHECK-NEXT:      llvm.getelementptr %{{.*}}[%[[OFFSET]]] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK:           %[[NEXT:.*]] = arith.addi %[[SLOT]], %[[ONE]] : i32
// CHECK-NEXT:      %[[AROUND:.*]] = arith.cmpi eq, %[[NEXT]], %[[THREE]] : i32
// CHECK-NEXT:      %[[SLOT1:.*]] = arith.select %[[AROUND]], %[[ZERO]], %[[NEXT]] : i32
// CHECK-NEXT:      %[[PHASE1:.*]] = arith.select %[[AROUND]], %[[OTHER]], %[[PHASE]] : i32
// CHECK-NEXT:      scf.yield %[[SLOT1]], %[[PHASE1]] : i32, i32
tk.kernel @cursors(%C: !tk.global<?x?xbf16>, %m: index, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 24576 : !tk.mbarriers<3>
  %slots = tk.alloc "a" at 0 : !tk.slots<3, !s>
  %c0 = tk.ring_start : !tk.cursor<3>
  %e = scf.for %i = %m to %n step %n iter_args(%c = %c0) -> !tk.cursor<3> {
    tk.mbarrier_wait %b[%c] : !tk.mbarriers<3>
    tk.mbarrier_wait %b[%c] previous : !tk.mbarriers<3>
    %s = tk.slot %slots[%c] : !tk.slots<3, !s>
    %t = tk.shared_load %s : !s -> tensor<64x64xbf16, #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>>
    tk.store %t, %C[%i, %n] : tensor<64x64xbf16, #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>>, !tk.global<?x?xbf16>
    %d = tk.ring_advance %c : !tk.cursor<3>
    scf.yield %d : !tk.cursor<3>
  }
  tk.return
}

// -----

!s = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!w = !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
!half = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>

// Pieces: 64 rows of 128 bytes, and panels of 64 rows, are both 8192 bytes apart; 8 rows are 1024.
// CHECK-LABEL: llvm.func @slices
// CHECK-DAG:     %[[PIECE:.*]] = arith.constant 8192 : i32
// CHECK-DAG:     %[[EIGHT:.*]] = arith.constant 1024 : i32
// CHECK:         %[[I:.*]] = arith.index_castui %{{.*}} : index to i32
// CHECK-NEXT:    %[[AT:.*]] = arith.muli %[[I]], %[[PIECE]] : i32
// CHECK-NEXT:    %[[P:.*]] = llvm.getelementptr %{{.*}}[%[[AT]]] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK-NEXT:    llvm.getelementptr %{{.*}}[%[[AT]]] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
// CHECK-NEXT:    %[[DOWN:.*]] = arith.muli %[[I]], %[[EIGHT]] : i32
// CHECK-NEXT:    llvm.getelementptr %[[P]][%[[DOWN]]]
tk.kernel @slices(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %w = tk.alloc "w" at 16384 : !w
  %p = tk.shared_slice %s[%n] along 0 : !s -> !half
  %q = tk.shared_slice %w[%n] along 1 : !w -> !half
  %r = tk.shared_slice %p[%n] along 0 : !half -> !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %t = arith.constant dense<0.0> : tensor<64x64xbf16, #rows>
  %u = arith.constant dense<0.0> : tensor<8x64xbf16, #rows>
  tk.shared_store %t, %p : tensor<64x64xbf16, #rows>, !half
  tk.shared_store %t, %q : tensor<64x64xbf16, #rows>, !half
  tk.shared_store %u, %r : tensor<8x64xbf16, #rows>, !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

// Retiring waits for the older groups and threads the accumulator through, as a wait does.
// CHECK-LABEL: llvm.func @retire
// CHECK:         %[[F:.*]] = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.fence.sync.aligned;"
// CHECK:         %[[F0:.*]] = llvm.extractvalue %[[F]][0]
// CHECK:         %[[R:.*]] = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 1;", "=f,=f,=f,=f,0,1,2,3,~{memory}" %[[F0]],
// CHECK:         %[[R0:.*]] = llvm.extractvalue %[[R]][0]
// CHECK:         %[[G:.*]] = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.fence.sync.aligned;", "=f,=f,=f,=f,0,1,2,3,~{memory}" %[[R0]],
// CHECK:         "wgmma.wait_group.sync.aligned 0;"
tk.kernel @retire(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<1.0> : tensor<64x8xf32, #tk.wgmma_acc>
  %f = tk.wgmma_fence %z : tensor<64x8xf32, #tk.wgmma_acc>
  %r = tk.wgmma_retire %f pending 1 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  %g = tk.wgmma_fence %r : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}
