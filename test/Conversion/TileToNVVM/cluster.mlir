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
