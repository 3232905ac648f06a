// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts,tk-insert-fences))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts,tk-insert-fences,tk-insert-fences))' %s | FileCheck %s

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!v = !tk.global<?x?xf32>
!acc = tensor<64x64xf32>
!fly = !tk.inflight<tensor<64x64xf32>>

// Slots that rings hand over need nothing: their barriers order all, whether threads or the tensor core read.
// CHECK-LABEL: tk.kernel @slots
// CHECK-NOT:     tk.fence_async_proxy
// CHECK-NOT:     tk.barrier
// CHECK:         tk.return
tk.kernel @slots(%C: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %slots = tk.alloc "a" at 0 : !tk.slots<2, !s>
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %c = tk.ring_start : !tk.cursor<2>
    %a = tk.slot %slots[%c] : !tk.slots<2, !s>
    %p = tk.shared_slice %a[%n] along 0 : !s -> !s
    %z = arith.constant dense<0.0> : !acc
    scf.for %i = %n to %n step %n {
      %t = tk.shared_load %p : !s -> tensor<64x64xbf16>
      tk.store %t, %C[%i, %n] : tensor<64x64xbf16>, !tk.global<?x?xbf16>
      %f = tk.wgmma_fence %z : !acc
      %g = tk.wgmma %p, %a, %f : !s, !s, !fly
      tk.wgmma_commit
      %h = tk.wgmma_retire %g pending 1 : !fly
      %d = tk.wgmma_wait %h pending 0 : !fly
    } {tk.independent}
  }
  tk.return
}

// What was written before the roles part is not seen by others without the fence and the barrier; they come in the
// role that reads.
// CHECK-LABEL: tk.kernel @before
// CHECK:         tk.shared_store
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.specialize
// CHECK-NEXT:    } consumers 1
// CHECK:           tk.fence_async_proxy
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.wgmma_fence
// CHECK-NEXT:      tk.wgmma %
tk.kernel @before(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  %b = arith.constant dense<0.0> : tensor<64x64xbf16>
  tk.shared_store %b, %s : tensor<64x64xbf16>, !s
  tk.barrier
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %z = arith.constant dense<0.0> : !acc
    %f = tk.wgmma_fence %z : !acc
    %g = tk.wgmma %s, %s, %f : !s, !s, !fly
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !fly
  }
  tk.return
}

// Iterations that were programs are not ordered, but what one iteration does is.
// CHECK-LABEL: tk.kernel @independent
// CHECK:         scf.for
// CHECK-NOT:       tk.barrier
// CHECK:         } {tk.independent}
// CHECK-LABEL: tk.kernel @within
// CHECK:         scf.for
// CHECK:           tk.store
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.load
// CHECK:         } {tk.independent}
// CHECK-LABEL: tk.kernel @dependent
// CHECK:         scf.for
// CHECK:           tk.barrier
// CHECK:         }
tk.kernel @independent(%A: !v, %n: index) grid {
  tk.grid %n
} {
  scf.for %i = %n to %n step %n {
    %t = tk.load %A[%i, %n] : !v -> tensor<64x64xf32>
    tk.store %t, %A[%i, %n] : tensor<64x64xf32>, !v
  } {tk.independent}
  tk.return
}
tk.kernel @within(%A: !v, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  scf.for %i = %n to %n step %n {
    tk.store %z, %A[%i, %n] : tensor<64x64xf32>, !v
    %t = tk.load %A[%n, %i] : !v -> tensor<64x64xf32>
    tk.store %t, %A[%n, %i] : tensor<64x64xf32>, !v
  } {tk.independent}
  tk.return
}
tk.kernel @dependent(%A: !v, %n: index) grid {
  tk.grid %n
} {
  scf.for %i = %n to %n step %n {
    %t = tk.load %A[%i, %n] : !v -> tensor<64x64xf32>
    tk.store %t, %A[%i, %n] : tensor<64x64xf32>, !v
  }
  tk.return
}

// Retiring the older group covers what it read; the buffer of the newest may not be overwritten yet (see the errors).
// CHECK-LABEL: tk.kernel @retired
// CHECK:         tk.wgmma_retire
// CHECK-NEXT:    tk.copy
tk.kernel @retired(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" at 0 : !s
  %b = tk.alloc "b" at 8192 : !s
  %z = arith.constant dense<0.0> : !acc
  %f = tk.wgmma_fence %z : !acc
  %g = tk.wgmma %a, %a, %f : !s, !s, !fly
  tk.wgmma_commit
  %h = tk.wgmma %b, %b, %g : !s, !s, !fly
  tk.wgmma_commit
  %i = tk.wgmma_retire %h pending 1 : !fly
  tk.copy %A[%n, %n], %a : !tk.global<?x?xbf16>, !s
  %d = tk.wgmma_wait %i pending 0 : !fly
  tk.return
}

// What is a consumer's own it may write: its slice, or everything where it is the only one. The barrier is its own, too.
// CHECK-LABEL: tk.kernel @own
// CHECK:         consumers 2
// CHECK:           %[[P:.*]] = tk.shared_slice
// CHECK:           scf.for
// CHECK-NEXT:        tk.barrier
// CHECK-NEXT:        tk.shared_store %{{.*}}, %[[P]]
// CHECK-NEXT:        tk.barrier
// CHECK-NEXT:        tk.shared_load %[[P]]
// CHECK-NEXT:      }
// CHECK-LABEL: tk.kernel @only
// CHECK:         consumers 1
// CHECK:           tk.shared_store
// CHECK-NEXT:      tk.barrier
// CHECK-NEXT:      tk.shared_load
tk.kernel @own(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %me = tk.replica
    %p = tk.shared_slice %s[%me] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !s
    %t = arith.constant dense<0.0> : tensor<64x64xbf16>
    scf.for %i = %n to %n step %n {
      tk.shared_store %t, %p : tensor<64x64xbf16>, !s
      %l = tk.shared_load %p : !s -> tensor<64x64xbf16>
    }
  }
  tk.return
}
tk.kernel @only(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    %t = arith.constant dense<0.0> : tensor<64x64xbf16>
    tk.shared_store %t, %s : tensor<64x64xbf16>, !s
    %l = tk.shared_load %s : !s -> tensor<64x64xbf16>
  }
  tk.return
}
