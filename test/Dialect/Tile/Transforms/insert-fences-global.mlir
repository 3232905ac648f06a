// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts,tk-insert-fences))' %s | FileCheck %s

// A tile program has no threads: what one statement stores, a later one loads, whichever thread did either.

!v = !tk.global<?x?xf32>

// A load at other offsets may be of another thread's elements.
// CHECK-LABEL: tk.kernel @store_load
// CHECK: tk.store
// CHECK-NEXT: tk.barrier
// CHECK-NEXT: tk.load
tk.kernel @store_load(%A: !v, %B: !v) grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  tk.store %zero, %A[%c0, %c0] : tensor<64x64xf32>, !v
  %t = tk.load %A[%c1, %c1] : !v -> tensor<64x64xf32>
  tk.store %t, %B[%c0, %c0] : tensor<64x64xf32>, !v
  tk.return
}

// In place, each thread meets its own elements only: nothing is added. Different arguments do not overlap.
// CHECK-LABEL: tk.kernel @in_place
// CHECK-NOT: tk.barrier
// CHECK: tk.return
tk.kernel @in_place(%A: !v, %B: !v) grid {
  %c1 = arith.constant 1 : index
  tk.grid %c1
} {
  %c0 = arith.constant 0 : index
  %t = tk.load %A[%c0, %c0] : !v -> tensor<64x64xf32>
  %u = arith.addf %t, %t : tensor<64x64xf32>
  tk.store %u, %A[%c0, %c0] : tensor<64x64xf32>, !v
  tk.store %u, %B[%c0, %c0] : tensor<64x64xf32>, !v
  tk.return
}

// Around a loop: the next iteration loads what this one stored.
// CHECK-LABEL: tk.kernel @scan
// CHECK: scf.for
// CHECK: tk.barrier
// CHECK-NEXT: tk.load
tk.kernel @scan(%A: !v, %n: index) grid {
  tk.grid %n
} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %t = tk.load %A[%i, %c0] : !v -> tensor<64x64xf32>
    %next = arith.addi %i, %c1 : index
    tk.store %t, %A[%next, %c0] : tensor<64x64xf32>, !v
  }
  tk.return
}
