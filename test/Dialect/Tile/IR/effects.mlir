// RUN: tk-opt --canonicalize --cse --loop-invariant-code-motion --canonicalize --cse %s | FileCheck %s

// What generic passes may and may not do: memory effects are all that they know of asynchronous work.

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32>

// What has no effect and no user goes; what is computed twice is computed once.
// CHECK-LABEL: tk.kernel @pure
// CHECK-NEXT:    tk.grid
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[I:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[N:.*]] = tk.dim %A, 0
// CHECK-NEXT:    %[[T:.*]] = tk.load %A[%[[I]], %[[N]]]
// CHECK-NEXT:    tk.store %[[T]], %A[%[[I]], %[[N]]]
// CHECK-NEXT:    tk.store %[[T]], %A[%[[N]], %[[I]]]
// CHECK-NEXT:    tk.return
tk.kernel @pure(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %unused = tk.num_programs 0
  %n0 = tk.dim %A, 0 : !tk.global<?x?xf32>
  %n1 = tk.dim %A, 0 : !tk.global<?x?xf32>
  %dead = tk.load %A[%n1, %i] : !tk.global<?x?xf32> -> tensor<8x8xf32>
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %product = tk.dot %zero, %zero, %zero : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
  %t = tk.load %A[%i, %n0] : !tk.global<?x?xf32> -> tensor<8x8xf32>
  %u = tk.load %A[%i, %n1] : !tk.global<?x?xf32> -> tensor<8x8xf32>
  tk.store %t, %A[%i, %n0] : tensor<8x8xf32>, !tk.global<?x?xf32>
  tk.store %u, %A[%n0, %i] : tensor<8x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// A load after a store of the same view is another load.
// CHECK-LABEL: tk.kernel @loads_around_a_store
// CHECK:         tk.load
// CHECK:         tk.store
// CHECK:         tk.load
// CHECK:         tk.store
tk.kernel @loads_around_a_store(%A: !tk.global<?xf32>, %B: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n] : !tk.global<?xf32> -> tensor<8xf32>
  tk.store %t, %B[%n] : tensor<8xf32>, !tk.global<?xf32>
  %u = tk.load %A[%n] : !tk.global<?xf32> -> tensor<8xf32>
  tk.store %u, %A[%n] : tensor<8xf32>, !tk.global<?xf32>
  tk.return
}

// A load stays where a barrier stands between it and its twin: another thread may have written.
// CHECK-LABEL: tk.kernel @shared_loads_around_a_barrier
// CHECK:         tk.shared_load
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load
tk.kernel @shared_loads_around_a_barrier(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !sb
  %t = tk.shared_load %s : !sb -> tensor<16x8xbf16>
  tk.barrier
  %u = tk.shared_load %s : !sb -> tensor<16x8xbf16>
  %v = arith.addf %t, %u : tensor<16x8xbf16>
  tk.store %v, %C[%n, %n] : tensor<16x8xbf16>, !tk.global<?x?xbf16>
  tk.return
}

// Two buffers of one type are two buffers; one that nothing uses goes.
// CHECK-LABEL: tk.kernel @allocs
// CHECK-COUNT-2: tk.alloc "s"
// CHECK-NOT:     tk.alloc
tk.kernel @allocs(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !sb
  %t = tk.alloc "s" : !sb
  %unused = tk.alloc "unused" : !sb
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !sb
  tk.copy %A[%n, %n], %t : !tk.global<?x?xbf16>, !sb
  tk.return
}

// Equal barriers are all kept.
// CHECK-LABEL: tk.kernel @barriers
// CHECK:         tk.barrier
// CHECK-NEXT:    tk.barrier
tk.kernel @barriers(%n: index) grid {
  tk.grid %n
} {
  tk.barrier
  tk.barrier
  tk.return
}

// Equal fences are all kept.
// CHECK-LABEL: tk.kernel @proxy_fences
// CHECK:         tk.fence_async_proxy
// CHECK-NEXT:    tk.fence_async_proxy
tk.kernel @proxy_fences(%n: index) grid {
  tk.grid %n
} {
  tk.fence_async_proxy
  tk.fence_async_proxy
  tk.return
}

// Equal commits are all kept.
// CHECK-LABEL: tk.kernel @commits
// CHECK:         tk.wgmma_commit
// CHECK-NEXT:    tk.wgmma_commit
tk.kernel @commits(%n: index) grid {
  tk.grid %n
} {
  tk.wgmma_commit
  tk.wgmma_commit
  tk.return
}

// Copies and stores to shared memory, equal or overwritten, are kept in their order.
// CHECK-LABEL: tk.kernel @shared_writes
// CHECK:         %[[S:.*]] = tk.alloc
// CHECK:         tk.copy %A[%n, %n], %[[S]]
// CHECK-NEXT:    tk.copy %A[%n, %n], %[[S]]
// CHECK-NEXT:    tk.shared_store %{{.*}}, %[[S]]
// CHECK-NEXT:    tk.shared_store %{{.*}}, %[[S]]
tk.kernel @shared_writes(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !sb
  %z = arith.constant dense<0.0> : tensor<16x8xbf16>
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !sb
  tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !sb
  tk.shared_store %z, %s : tensor<16x8xbf16>, !sb
  tk.shared_store %z, %s : tensor<16x8xbf16>, !sb
  tk.return
}

// Products of equal operands are all kept, used or not: fence, product, wait.
// CHECK-LABEL: tk.kernel @products
// CHECK:         tk.wgmma_fence
// CHECK-NEXT:    tk.wgmma_fence
// CHECK-NEXT:    tk.wgmma %
// CHECK-NEXT:    tk.wgmma %
// CHECK-NEXT:    tk.wgmma_commit
// CHECK-NEXT:    tk.wgmma_wait
// CHECK-NEXT:    tk.wgmma_wait
tk.kernel @products(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %f2 = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  %g2 = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  %d2 = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// In a loop: what is invariant and pure leaves it, what orders or is asynchronous does not, though its operands are
// invariant.
// CHECK-LABEL: tk.kernel @loop
// CHECK:         %[[SIZE:.*]] = arith.addi
// CHECK:         scf.for
// CHECK-NEXT:      tk.copy %A[%[[SIZE]], %n]
// CHECK-NEXT:      tk.fence_async_proxy
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.wgmma_fence
// CHECK-NEXT:      tk.wgmma %
// CHECK-NEXT:      tk.wgmma_commit
// CHECK-NEXT:      tk.wgmma_wait
// CHECK-NEXT:      tk.shared_load
// CHECK-NEXT:      tk.store
// CHECK-NEXT:    }
tk.kernel @loop(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  %m = tk.program_id 0
  scf.for %i = %m to %n step %n {
    %j = arith.addi %n, %n : index
    tk.copy %A[%j, %n], %b : !tk.global<?x?xbf16>, !sb
    tk.fence_async_proxy
    tk.barrier
    %f = tk.wgmma_fence %z : !acc
    %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
    %t = tk.shared_load %b : !sb -> tensor<16x8xbf16>
    tk.store %t, %A[%j, %n] : tensor<16x8xbf16>, !tk.global<?x?xbf16>
  }
  tk.return
}
