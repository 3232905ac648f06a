// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences,tk-insert-fences))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

// The second run line: nothing is added twice.

!sa = !tk.shared<64x16xbf16, #tk.swizzle<32, order = [1, 0]>>
!sb = !tk.shared<16x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!acc = tensor<64x8xf32, #tk.wgmma_acc>
!tile = tensor<16x8xbf16>
!view = !tk.global<?x?xbf16>

// Copies, then a product: one fence and one barrier for both operands, before the register fence.
// CHECK-LABEL: tk.kernel @product
// CHECK:         tk.copy
// CHECK-NEXT:    tk.copy
// CHECK-NEXT:    tk.fence_async_proxy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.wgmma_fence
// CHECK-NEXT:    tk.wgmma %
// CHECK-NEXT:    tk.wgmma_commit
// CHECK-NEXT:    tk.wgmma_wait
// CHECK-NEXT:    tk.return
// REMARK-DAG: [Passed] fence | Category:tk-insert-fences | Function=product | Remark="proxy fence: the tensor core reads what threads wrote to "a""
// REMARK-DAG: [Passed] barrier | Category:tk-insert-fences | Function=product | Remark="barrier: every thread has written and fenced its part of "a""
tk.kernel @product(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  tk.copy %A[%n, %n], %a : !view, !sa
  tk.copy %A[%n, %n], %b : !view, !sb
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// What is there counts: neither fence nor barrier is added.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK:         tk.copy
// CHECK-NEXT:    tk.fence_async_proxy
// CHECK-NEXT:    arith.constant
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.wgmma_fence
tk.kernel @by_hand(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  tk.copy %A[%n, %n], %a : !view, !sa
  tk.fence_async_proxy
  %z = arith.constant dense<0.0> : !acc
  tk.barrier
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// A barrier before the fence tells no thread that the others have fenced: another one.
// CHECK-LABEL: tk.kernel @fence_too_late
// CHECK:         tk.copy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.fence_async_proxy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.wgmma_fence
tk.kernel @fence_too_late(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  tk.copy %A[%n, %n], %a : !view, !sa
  tk.barrier
  tk.fence_async_proxy
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// A fence before the write does not cover it.
// CHECK-LABEL: tk.kernel @fence_too_early
// CHECK:         tk.fence_async_proxy
// CHECK-NEXT:    tk.copy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.fence_async_proxy
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.wgmma_fence
tk.kernel @fence_too_early(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  tk.fence_async_proxy
  tk.copy %A[%n, %n], %a : !view, !sa
  tk.barrier
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
  tk.return
}

// Read after write by ordinary accesses: a barrier, no proxy fence; a second read asks for nothing.
// CHECK-LABEL: tk.kernel @read_after_write
// CHECK:         tk.shared_store
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load
// CHECK-NEXT:    tk.shared_load
// CHECK-NEXT:    tk.return
// REMARK-DAG: Function=read_after_write | Remark="barrier: other threads wrote "b""
tk.kernel @read_after_write(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  tk.shared_store %z, %b : !tile, !sb
  %t = tk.shared_load %b : !sb -> !tile
  %u = tk.shared_load %b : !sb -> !tile
  tk.return
}

// Write after read, and write after write.
// CHECK-LABEL: tk.kernel @write_after
// CHECK:         tk.shared_load
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_store
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_store
// CHECK-NEXT:    tk.return
// REMARK-DAG: Function=write_after | Remark="barrier: other threads still read "b""
// REMARK-DAG: Function=write_after | Remark="barrier: other threads also write "b""
tk.kernel @write_after(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  %t = tk.shared_load %b : !sb -> !tile
  tk.shared_store %z, %b : !tile, !sb
  tk.shared_store %z, %b : !tile, !sb
  tk.return
}

// Buffers that share bytes are one; buffers that do not are not.
// CHECK-LABEL: tk.kernel @bytes
// CHECK:         tk.shared_store %{{.*}}, %[[B:.*]] :
// CHECK-NEXT:    tk.shared_load %[[FAR:.*]] :
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load %[[NEAR:.*]] :
// CHECK-NEXT:    tk.return
tk.kernel @bytes(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %near = tk.alloc "near" at 128 : !sb
  %far = tk.alloc "far" at 256 : !sb
  %z = arith.constant dense<0.0> : !tile
  tk.shared_store %z, %b : !tile, !sb
  %t = tk.shared_load %far : !sb -> !tile
  %u = tk.shared_load %near : !sb -> !tile
  tk.return
}

// Around a loop: the read of one trip comes before the write of the next.
// CHECK-LABEL: tk.kernel @loop
// CHECK:         scf.for
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.shared_store
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.shared_load
// CHECK-NEXT:    }
tk.kernel @loop(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  scf.for %i = %n to %n step %n {
    tk.shared_store %z, %b : !tile, !sb
    %t = tk.shared_load %b : !sb -> !tile
  }
  tk.return
}

// To a fixed point: what the inner loop leaves pending reaches its own start only through the outer loop.
// CHECK-LABEL: tk.kernel @nested
// CHECK:         scf.for
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tk.barrier
// CHECK-NEXT:        tk.shared_store %{{.*}}, %[[B:.*]] :
// CHECK-NEXT:      }
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.shared_load %[[B]] :
// CHECK-NEXT:    }
tk.kernel @nested(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  scf.for %i = %n to %n step %n {
    scf.for %j = %n to %n step %n {
      tk.shared_store %z, %b : !tile, !sb
    }
    %t = tk.shared_load %b : !sb -> !tile
  }
  tk.return
}

// A loop may run zero times: what was pending before it is pending after it, whatever its body does.
// CHECK-LABEL: tk.kernel @zero_trips
// CHECK:         tk.shared_store
// CHECK-NEXT:    scf.for
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load
tk.kernel @zero_trips(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  tk.shared_store %z, %b : !tile, !sb
  scf.for %i = %n to %n step %n {
    tk.barrier
  }
  %t = tk.shared_load %b : !sb -> !tile
  tk.return
}

// The plain product's loop: one fence and one barrier a trip. The wait covers the tensor core's reads, so that the next
// trip's copies need nothing.
// CHECK-LABEL: tk.kernel @gemm
// CHECK:         scf.for
// CHECK-NEXT:      tk.copy
// CHECK-NEXT:      tk.copy
// CHECK-NEXT:      tk.fence_async_proxy
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.wgmma_fence
// CHECK-NEXT:      tk.wgmma %
// CHECK-NEXT:      tk.wgmma_commit
// CHECK-NEXT:      tk.wgmma_wait
// CHECK-NEXT:      scf.yield
tk.kernel @gemm(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %z = arith.constant dense<0.0> : !acc
  %r = scf.for %i = %n to %n step %n iter_args(%sum = %z) -> !acc {
    tk.copy %A[%n, %i], %a : !view, !sa
    tk.copy %A[%i, %n], %b : !view, !sb
    %f = tk.wgmma_fence %sum : !acc
    %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !tk.inflight<!acc>
    scf.yield %d : !acc
  }
  tk.return
}

// After an if, whatever either side left pending is; a barrier on one side only helps nothing.
// CHECK-LABEL: tk.kernel @branch
// CHECK:         scf.if
// CHECK-NEXT:      tk.shared_store
// CHECK-NEXT:    } else {
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load
tk.kernel @branch(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  %c = arith.cmpi eq, %n, %n : index
  scf.if %c {
    tk.shared_store %z, %b : !tile, !sb
  } else {
    tk.barrier
  }
  %t = tk.shared_load %b : !sb -> !tile
  tk.return
}

// An if without else: what was pending before it is pending after it.
// CHECK-LABEL: tk.kernel @branch_without_else
// CHECK:         tk.shared_store
// CHECK-NEXT:    scf.if
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:    }
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.shared_load
tk.kernel @branch_without_else(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !sb
  %z = arith.constant dense<0.0> : !tile
  %c = arith.cmpi eq, %n, %n : index
  tk.shared_store %z, %b : !tile, !sb
  scf.if %c {
    tk.barrier
  }
  %t = tk.shared_load %b : !sb -> !tile
  tk.return
}

// Two groups in flight, waited for in order: the older one's operands may be overwritten, once it is retired.
// CHECK-LABEL: tk.kernel @two_groups
// CHECK:         tk.wgmma_wait {{.*}} pending 1
// CHECK-NEXT:    tk.copy
// CHECK-NEXT:    tk.wgmma_wait {{.*}} pending 0
// CHECK-NEXT:    tk.return
tk.kernel @two_groups(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !sa
  %b = tk.alloc "b" at 2048 : !sb
  %a2 = tk.alloc "a2" at 4096 : !sa
  %z = arith.constant dense<0.0> : !acc
  %y = arith.constant dense<1.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %b, %f : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %f2 = tk.wgmma_fence %y : !acc
  %g2 = tk.wgmma %a2, %b, %f2 : !sa, !sb, !tk.inflight<!acc>
  tk.wgmma_commit
  %d = tk.wgmma_wait %g pending 1 : !tk.inflight<!acc>
  tk.copy %A[%n, %n], %a : !view, !sa
  %d2 = tk.wgmma_wait %g2 pending 0 : !tk.inflight<!acc>
  tk.return
}
