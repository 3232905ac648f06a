// RUN: tk-opt %s | tk-opt | FileCheck %s
// RUN: tk-opt --mlir-print-op-generic %s | tk-opt | FileCheck %s
// RUN: tk-opt --cse --canonicalize %s | FileCheck %s --check-prefix=PURE
// RUN: tk-opt --loop-invariant-code-motion %s | FileCheck %s --check-prefix=MOVED

// CHECK-LABEL: tk.kernel @forms(
tk.kernel @forms(%list: !tk.global<?xi32>, %table: !tk.global<?x?xi64>, %scales: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  // CHECK: %{{.*}} = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  %a = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  // CHECK: %{{.*}} = tk.load_scalar %list[%n] pad -1 : !tk.global<?xi32> -> i32
  %b = tk.load_scalar %list[%n] pad -1 : !tk.global<?xi32> -> i32
  // CHECK: %{{.*}} = tk.load_scalar %table[%n, %n] pad 9223372036854775807 : !tk.global<?x?xi64> -> i64
  %c = tk.load_scalar %table[%n, %n] pad 9223372036854775807 : !tk.global<?x?xi64> -> i64
  // CHECK: %{{.*}} = tk.load_scalar %scales[%n] : !tk.global<?xf32> -> f32
  %d = tk.load_scalar %scales[%n] : !tk.global<?xf32> -> f32
  tk.return
}

// Nothing changes the list: two reads of one element are one, and one that no one uses is none, whatever is stored
// elsewhere in between.
// PURE-LABEL: tk.kernel @merged(
// PURE:         %[[G:.*]] = tk.load_scalar
// PURE-NEXT:    %[[I:.*]] = arith.index_cast %[[G]]
// PURE-NEXT:    tk.store %{{.*}}, %C[%[[I]]]
// PURE-NEXT:    tk.store %{{.*}}, %C[%[[I]]]
// PURE-NEXT:    tk.return
tk.kernel @merged(%list: !tk.global<?xi32>, %C: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<128xf32>
  %a = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  %i = arith.index_cast %a : i32 to index
  tk.store %t, %C[%i] : tensor<128xf32>, !tk.global<?xf32>
  %b = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  %j = arith.index_cast %b : i32 to index
  tk.store %t, %C[%j] : tensor<128xf32>, !tk.global<?xf32>
  %unused = tk.load_scalar %list[%j] : !tk.global<?xi32> -> i32
  tk.return
}

// It moves out of a loop that may not run: it is bounded by itself.
// MOVED-LABEL: tk.kernel @moved(
// MOVED:         tk.load_scalar
// MOVED:         scf.for
// MOVED-NOT:     tk.load_scalar
tk.kernel @moved(%list: !tk.global<?xi32>, %C: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<128xf32>
  scf.for %k = %n to %n step %n {
    %a = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
    %i = arith.index_cast %a : i32 to index
    tk.store %t, %C[%i] : tensor<128xf32>, !tk.global<?xf32>
  }
  tk.return
}
