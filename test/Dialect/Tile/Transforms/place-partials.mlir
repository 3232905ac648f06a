// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums))' --split-input-file --verify-diagnostics %s | FileCheck %s
// RUN: not tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-place-sums))' --split-input-file --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Each consumer has its part of the slot and a flag of its own.
// CHECK-LABEL: tk.kernel @roles
// CHECK-SAME:    workspace = #tk.workspace<bytes = 32768, flags = 2>
// CHECK:         consumers 2 registers 232 {
// CHECK:           scf.if
// CHECK:             %[[PART:.*]] = tk.replica
// CHECK:             %[[SUM:.*]] = scf.for %[[P:.*]] = %first to %n step %{{.*}} iter_args(%[[BEFORE:.*]] = %[[T:.*]]) -> (tensor<64x64xf32>) {
// CHECK-NEXT:          tk.workspace_take %[[P]][%[[PART]]]
// CHECK-NEXT:          tk.barrier
// CHECK-NEXT:          %[[MORE:.*]] = tk.workspace_load %[[P]][%[[PART]]] : tensor<64x64xf32>
// CHECK-NEXT:          %[[AFTER:.*]] = arith.addf %[[BEFORE]], %[[MORE]] : tensor<64x64xf32>
// CHECK-NEXT:          scf.yield %[[AFTER]]
// CHECK:             tk.store %[[SUM]]
// CHECK:           } else {
// CHECK-NEXT:        %[[MINE:.*]] = tk.replica
// CHECK-NEXT:        tk.workspace_store %[[T]] to %n[%[[MINE]]] : tensor<64x64xf32>
// CHECK-NEXT:        tk.barrier
// CHECK-NEXT:        tk.workspace_signal %n[%[[MINE]]]
// REMARK: remark: [Passed] workspace | Category:tk-place-sums | Function=roles | Remark="32768 bytes of global memory for each program, in 2 part(s), each with a flag that says it is written"
!C = !tk.global<?x?xf32>
tk.kernel @roles(%C: !C, %first: index, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %t = arith.constant dense<1.0> : tensor<64x64xf32>
    %last = arith.cmpi eq, %first, %n : index
    scf.if %last {
      %s = tk.add_partials %t from %first to %n : tensor<64x64xf32>
      tk.store %s, %C[%n, %n] : tensor<64x64xf32>, !C
    } else {
      tk.share_partial %t as %n : tensor<64x64xf32>
    }
  }
  tk.return
}

// -----

// One warpgroup, whole numbers.
// CHECK-LABEL: tk.kernel @block
// CHECK-SAME:    workspace = #tk.workspace<bytes = 16384, flags = 1>
// CHECK-NOT:     tk.replica
// CHECK:         arith.addi %{{.*}} : tensor<64x64xi32>
!C = !tk.global<?x?xi32>
tk.kernel @block(%C: !C, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<64x64xi32>
  tk.share_partial %t as %n : tensor<64x64xi32>
  %s = tk.add_partials %t from %n to %n : tensor<64x64xi32>
  tk.store %s, %C[%n, %n] : tensor<64x64xi32>, !C
  tk.return
}

// -----

// expected-error@+1 {{expected one 'tk.share_partial', as a program's slot holds one tile, got 2}}
tk.kernel @twice(%n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<64x64xi32>
  tk.share_partial %t as %n : tensor<64x64xi32>
  tk.share_partial %t as %n : tensor<64x64xi32>
  tk.return
}

// -----

tk.kernel @other(%n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<64x64xi32>
  %u = arith.constant dense<1> : tensor<64x32xi32>
  tk.share_partial %t as %n : tensor<64x64xi32>
  // expected-error@+1 {{expected tiles as 'tk.share_partial' leaves them, 'tensor<64x64xi32>', got 'tensor<64x32xi32>'}}
  %s = tk.add_partials %u from %n to %n : tensor<64x32xi32>
  tk.return
}

// -----

// A part of one warpgroup's, and two that would take it.
!C = !tk.global<?x?xf32>
tk.kernel @roles_differ(%C: !C, %first: index, %n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %t = arith.constant dense<1.0> : tensor<64x64xf32>
    // expected-error@+1 {{expected to be run by 1 warpgroup(s), as 'tk.share_partial' is, got 2}}
    %s = tk.add_partials %t from %first to %n : tensor<64x64xf32>
    tk.store %s, %C[%n, %n] : tensor<64x64xf32>, !C
  }
  %t = arith.constant dense<1.0> : tensor<64x64xf32>
  tk.share_partial %t as %n : tensor<64x64xf32>
  tk.return
}

// -----

// Whole vectors of all threads, however few elements there are.
// CHECK-LABEL: tk.kernel @little
// CHECK-SAME:    workspace = #tk.workspace<bytes = 2048, flags = 1>
tk.kernel @little(%n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<3x5xi32>
  tk.share_partial %t as %n : tensor<3x5xi32>
  tk.return
}
