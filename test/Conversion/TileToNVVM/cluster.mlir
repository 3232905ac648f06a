// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file %s | FileCheck %s

!A = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!wide = !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>

// Two panels to both programs of the cluster, by one thread; the barrier of the same place is told in each.
// CHECK-LABEL: llvm.func @multicast
// CHECK-SAME:    nvvm.cluster_dim = array<i32: 1, 2, 1>
// CHECK:         llvm.inline_asm {{.*}}"barrier.cluster.arrive.release;\0A\09barrier.cluster.wait.acquire;", "~{memory}"
// CHECK:         %[[RANK:.*]] = nvvm.read.ptx.sreg.cluster.ctarank : i32
// CHECK-COUNT-2: "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [$1], [$0, {$2, $3}], [$4], 3;", "l,r,r,r,r,~{memory}"
// CHECK:         "barrier.cluster.arrive.release;
tk.kernel @multicast(%A: !A, %n: index) attributes {cluster = array<i64: 1, 2>} grid {
  tk.grid %n, %n
} {
  %b = tk.alloc "full" at 16384 : !tk.mbarriers<1>
  %s = tk.alloc "s" at 0 : !wide
  %c = tk.ring_start : !tk.cursor<1>
  tk.mbarrier_init %b arrivals 1 : !tk.mbarriers<1>
  tk.cluster_barrier
  %r = tk.cluster_rank
  tk.tma_load %A[%n, %r], %s, %b[%c] multicast 3 : !A, !wide, !tk.mbarriers<1>
  tk.cluster_barrier
  tk.return
}

// -----

// One thread for each program of the cluster arrives there; with all threads, each does at every one. Arrivals of other
// programs are acquired at their scope.
// CHECK-LABEL: llvm.func @arrivals
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : i32
// CHECK-DAG:     %[[MASK:.*]] = arith.constant 127 : i32
// CHECK:         %[[T:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK:         %[[I:.*]] = arith.andi %[[T]], %[[MASK]] : i32
// CHECK-NEXT:    %[[FIRST:.*]] = arith.cmpi ult, %[[I]], %[[TWO]] : i32
// CHECK-NEXT:    scf.if %[[FIRST]] {
// CHECK:           llvm.inline_asm has_side_effects asm_dialect = att "{\0A\09.reg .b32 remote;\0A\09mapa.shared::cluster.u32 remote, $0, $1;\0A\09mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\0A\09}", "r,r,~{memory}" %[[B:.*]], %[[I]] : (i32, i32) -> ()
// CHECK-NEXT:    }
// CHECK:         llvm.inline_asm {{.*}}mapa{{.*}} %[[B:.*]], %[[ZERO]] : (i32, i32) -> ()
// CHECK-NEXT:    llvm.inline_asm {{.*}}mapa{{.*}} %[[B]], %[[ONE]] : (i32, i32) -> ()
// CHECK-NEXT:    llvm.inline_asm {{.*}}mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [$0], $1;
// CHECK-NEXT:    llvm.inline_asm {{.*}}mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [$0], $1;
// CHECK-NEXT:    llvm.inline_asm {{.*}}mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;
tk.kernel @arrivals(%n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %b = tk.alloc "free" at 0 : !tk.mbarriers<1>
  %c = tk.ring_start : !tk.cursor<1>
  tk.mbarrier_arrive %b[%c] cluster 2 : !tk.mbarriers<1>
  tk.mbarrier_arrive %b[%c] all_threads cluster 2 : !tk.mbarriers<1>
  tk.mbarrier_wait %b[%c] cluster : !tk.mbarriers<1>
  tk.mbarrier_wait %b[%c] previous cluster : !tk.mbarriers<1>
  tk.mbarrier_wait %b[%c] : !tk.mbarriers<1>
  tk.return
}

// -----

#acc = #tk.wgmma_acc

// Two programs, 8 of 16 columns each: a thread writes its four registers of either piece, arrives at both programs,
// waits for both, and adds up the four registers of its own piece, the first program's first.
// CHECK-LABEL: llvm.func @sum
// CHECK-DAG:     %[[PIECE:.*]] = arith.constant 2048 : i32
// CHECK-DAG:     %[[BOTH:.*]] = arith.constant 4096 : i32
// CHECK-DAG:     %[[SIXTEEN:.*]] = arith.constant 16 : i32
// CHECK:         %[[AT:.*]] = arith.muli %{{.*}}, %[[BOTH]] : i32
// CHECK:         %[[T:.*]] = arith.muli %{{.*}}, %[[SIXTEEN]] : i32
// CHECK:         %[[OFFSET:.*]] = arith.addi %[[AT]], %[[T]] : i32
// CHECK-NEXT:    %[[P:.*]] = llvm.getelementptr %{{.*}}[%[[OFFSET]]]
// CHECK-COUNT-2: llvm.store %{{.*}} : vector<4xf32>, !llvm.ptr<3>
// CHECK-COUNT-2: mbarrier.arrive.release.cluster.shared::cluster.b64
// CHECK:         mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64
// CHECK:         %[[RANK:.*]] = nvvm.read.ptx.sreg.cluster.ctarank : i32
// CHECK-NEXT:    %[[MINE:.*]] = arith.muli %[[RANK]], %[[PIECE]] : i32
// CHECK:         %[[A:.*]] = llvm.inline_asm {{.*}}"mapa.shared::cluster.u32 $0, $1, $2;"
// CHECK-NEXT:    llvm.inline_asm {{.*}}"ld.shared::cluster.v4.f32 {$0, $1, $2, $3}, [$4+0];", "=f,=f,=f,=f,r,~{memory}" %[[A]]
// CHECK:         %[[B:.*]] = llvm.inline_asm {{.*}}"mapa.shared::cluster.u32 $0, $1, $2;"
// CHECK-NEXT:    llvm.inline_asm {{.*}}ld.shared::cluster.v4.f32{{.*}} %[[B]]
// CHECK:         %[[X:.*]] = llvm.extractvalue
// CHECK-COUNT-4: arith.addf
tk.kernel @sum(%C: !tk.global<?x?xf32>, %n: index) attributes {cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  %scratch = tk.alloc "sum" at 0 : !tk.scratch<4096>
  %ready = tk.alloc "ready" at 4096 : !tk.mbarriers<1>
  %c = tk.ring_start : !tk.cursor<1>
  %t = arith.constant dense<1.0> : tensor<64x16xf32, #acc>
  %s = tk.cluster_sum %t along 1 through %scratch at %n, %ready[%c]
    : tensor<64x16xf32, #acc> -> tensor<64x8xf32, #acc>, !tk.scratch<4096>, !tk.mbarriers<1>, !tk.cursor<1>
  tk.store %s, %C[%n, %n] : tensor<64x8xf32, #acc>, !tk.global<?x?xf32>
  tk.return
}
