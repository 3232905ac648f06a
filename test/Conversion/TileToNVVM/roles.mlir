// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file %s | FileCheck %s

#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
!t = tensor<64x64xbf16, #rows>

// The warpgroup decides the role, in a form that is the same for a warp. One thread is the producer. Registers go from
// the producer to the consumers, from the 168 that 384 threads start with. Barriers in memory are made by the block's
// first thread, before a barrier of all; one thread of each warpgroup arrives, or every one; a consumer's barrier is
// its own, numbered from 1. A tile is laid out over the 128 threads of its warpgroup.
// CHECK-LABEL: llvm.func @two
// CHECK-SAME:    nvvm.reqntid = array<i32: 384, 1, 1>
// CHECK-DAG:     %[[MINUS:.*]] = arith.constant -1 : i32
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG:     %[[WARP:.*]] = arith.constant 31 : i32
// CHECK-DAG:     %[[LAST:.*]] = arith.constant 127 : i32
// CHECK-DAG:     %[[GROUP:.*]] = arith.constant 128 : i32
// CHECK-DAG:     %[[ROWS:.*]] = arith.constant 120 : i32
// CHECK:         %[[BASE:.*]] = llvm.mlir.addressof @tk_shared
// CHECK:         %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK:         %[[FIRST:.*]] = arith.cmpi eq, %[[TID]], %[[ZERO]] : i32
// CHECK-NEXT:    scf.if %[[FIRST]] {
// CHECK:           llvm.inline_asm has_side_effects asm_dialect = att "mbarrier.init.shared::cta.b64 [$0+0], 7;\0A\09mbarrier.init.shared::cta.b64 [$0+8], 7;\0A\09mbarrier.init.shared::cta.b64 [$0+16], 7;\0A\09fence.mbarrier_init.release.cluster;", "r,~{memory}" %{{.*}} : (i32) -> ()
// CHECK-NEXT:    }
// CHECK-NEXT:    nvvm.barrier0
// CHECK:         %[[INDEX:.*]] = arith.divui %{{.*}}, %[[GROUP]] : i32
// CHECK-NEXT:    %[[UNIFORM:.*]] = nvvm.shfl.sync idx %[[MINUS]], %[[INDEX]], %[[ZERO]], %[[WARP]] : i32 -> i32
// CHECK-NEXT:    %[[PRODUCES:.*]] = arith.cmpi eq, %[[UNIFORM]], %[[ZERO]] : i32
// CHECK-NEXT:    scf.if %[[PRODUCES]] {
// CHECK-NEXT:      nvvm.setmaxregister decrease 40
// CHECK-NEXT:      scf.if %[[FIRST]] {
// CHECK-NEXT:        llvm.ptrtoint
// CHECK-NEXT:        llvm.inline_asm {{.*}} "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 16;"
// CHECK-NEXT:        llvm.inline_asm {{.*}} "mbarrier.arrive.shared::cta.b64 _, [$0];", "r,~{memory}" %{{.*}} : (i32) -> ()
// CHECK-NEXT:      }
// CHECK-NEXT:    } else {
// CHECK-NEXT:      nvvm.setmaxregister increase 232
// CHECK-NEXT:      %[[ME:.*]] = arith.subi %[[UNIFORM]], %[[ONE]] : i32
// CHECK-NEXT:      %[[REPLICA:.*]] = arith.index_castui %[[ME]] : i32 to index
// CHECK-NEXT:      llvm.inline_asm has_side_effects asm_dialect = att "bar.sync $0, 128;", "r,~{memory}" %[[UNIFORM]] : (i32) -> ()
// CHECK:           %[[IN:.*]] = arith.andi %{{.*}}, %[[LAST]] : i32
// CHECK-NEXT:      %[[ELECTED:.*]] = arith.cmpi eq, %[[IN]], %[[ZERO]] : i32
// CHECK-NEXT:      scf.if %[[ELECTED]] {
// CHECK-NEXT:        llvm.ptrtoint
// CHECK-NEXT:        llvm.inline_asm {{.*}} "mbarrier.arrive.shared::cta.b64 _, [$0];", "r,~{memory}" %{{.*}} : (i32) -> ()
// CHECK-NEXT:      }
// CHECK:           "mbarrier.arrive.shared::cta.b64 _, [$0];"
// CHECK:           arith.andi %{{.*}}, %[[ROWS]] : i32
// CHECK-NOT:       nvvm.barrier0
// CHECK:         llvm.return
tk.kernel @two(%C: !tk.global<?x?xbf16>, %n: index) attributes {threads = 384} grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !tk.mbarriers<3>
  tk.mbarrier_init %b arrivals 7 : !tk.mbarriers<3>
  tk.barrier
  tk.specialize producer registers 40 {
    %c = tk.ring_start : !tk.cursor<3>
    tk.mbarrier_expect %b[%c] bytes 16 : !tk.mbarriers<3>
    tk.mbarrier_arrive %b[%c] : !tk.mbarriers<3>
  } consumers 2 registers 232 {
    %i = tk.replica
    %c = tk.ring_start : !tk.cursor<3>
    tk.barrier
    tk.mbarrier_arrive %b[%c] : !tk.mbarriers<3>
    tk.mbarrier_arrive %b[%c] all_threads : !tk.mbarriers<3>
    %z = arith.constant dense<0.0> : !t
    tk.store %z, %C[%i, %n] : !t, !tk.global<?x?xbf16>
  }
  tk.return
}

// -----

// Where all threads start with as many registers as there are, nothing changes hands: 256 threads start with 255. Nor
// where a role has just what it starts with, 128 of 512 threads.
// CHECK-LABEL: llvm.func @enough
// CHECK-NOT:     nvvm.setmaxregister
// CHECK-LABEL: llvm.func @even
// CHECK-NOT:     nvvm.setmaxregister
// CHECK-LABEL: llvm.func @three
// CHECK:         nvvm.setmaxregister decrease 32
// CHECK:         nvvm.setmaxregister increase 160
// CHECK-NOT:     nvvm.setmaxregister
tk.kernel @enough(%n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    tk.fence_async_proxy
  } consumers 1 registers 240 {
    tk.barrier
  }
  tk.return
}
tk.kernel @even(%n: index) attributes {threads = 512} grid {
  tk.grid %n
} {
  tk.specialize producer registers 128 {
    tk.fence_async_proxy
  } consumers 3 registers 128 {
    tk.barrier
  }
  tk.return
}
tk.kernel @three(%n: index) attributes {threads = 512} grid {
  tk.grid %n
} {
  tk.specialize producer registers 32 {
    tk.fence_async_proxy
  } consumers 3 registers 160 {
    tk.barrier
  }
  tk.return
}

// -----

// Without roles one thread of the block's warpgroup announces bytes, copies and arrives.
// CHECK-LABEL: llvm.func @no_roles
// CHECK-NOT:     arith.andi
// CHECK:         %[[ELECTED:.*]] = arith.cmpi eq, %{{.*}},
// CHECK-NEXT:    scf.if %[[ELECTED]] {
// CHECK:           "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 1024;"{{.*}} : (i32) -> ()
// CHECK-NEXT:    }
// CHECK:         scf.if %[[ELECTED]] {
// CHECK:           "cp.async.bulk.tensor.2d{{.*}} -> ()
// CHECK-NEXT:    }
// CHECK-NOT:     scf.if
// CHECK:         mbarrier.try_wait
// CHECK-NOT:     bar.sync
// CHECK:         nvvm.barrier0
tk.kernel @no_roles(%A: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 1024 : !tk.mbarriers<1>
  %s = tk.alloc "s" at 0 : !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  %c = tk.ring_start : !tk.cursor<1>
  tk.mbarrier_expect %b[%c] bytes 1024 : !tk.mbarriers<1>
  tk.tma_load %A[%n, %n], %s, %b[%c] : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>,
    !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !tk.mbarriers<1>
  tk.mbarrier_wait %b[%c] : !tk.mbarriers<1>
  tk.barrier
  tk.return
}
