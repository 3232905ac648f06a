// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps))' --remarks-filter=.* %s 2>%t.remarks \
// RUN:   | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks

// A tile that no product made: every consumer stored all of it, and the simulator saw the race (TK-SIM-RACE). Its rows
// are dealt out as well; where they cannot be, one consumer has all of them.

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>

// CHECK-LABEL: tk.kernel @dealt_out
// CHECK:         consumers 2
// CHECK:           %[[REPLICA:.*]] = tk.replica
// CHECK:           %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<64x32xf32>
// CHECK:           %[[ROW:.*]] = arith.addi %n, %{{.*}} : index
// CHECK-NEXT:      tk.store %[[ONE]], %D[%[[ROW]], %n] : tensor<64x32xf32>
tk.kernel @dealt_out(%A: !in, %D: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %one = arith.constant dense<1.0> : tensor<128x32xf32>
  tk.store %one, %D[%n, %n] : tensor<128x32xf32>, !out
  tk.return
}

// CHECK-LABEL: tk.kernel @one_has_all
// CHECK:         consumers 1
// CHECK:           tk.store %{{.*}}, %D[%n, %n] : tensor<64x32xf32>
// REMARK: Function=one_has_all | Reason="2 consumers: tensor<64x32xf32> has no 2 times 64 rows; one has all rows"
tk.kernel @one_has_all(%A: !in, %D: !out, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<128x128xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<128x128xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %A[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %d : tensor<128x128xf32>
  }
  %one = arith.constant dense<1.0> : tensor<64x32xf32>
  tk.store %one, %D[%n, %n] : tensor<64x32xf32>, !out
  tk.return
}
