// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-split-k))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-split-k,tk-split-k))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-split-k))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=alone

!in = !tk.global<?x?xbf16>
#four = #tk.tuning<split_k = 4>

// Four programs along z take a quarter of the steps each, add up their sums, and store a quarter of the columns.
// CHECK-LABEL: tk.kernel @quarter
// CHECK-SAME:    cluster = array<i64: 1, 1, 4>
// CHECK:         %[[FOUR:.*]] = arith.constant 4 : index
// CHECK-NEXT:    tk.grid %n, %n, %[[FOUR]]
// CHECK:         %[[HALF:.*]] = arith.constant dense<5.000000e-01> : tensor<64x32xf32>
// CHECK:         %[[RANK:.*]] = tk.cluster_rank
// CHECK-NEXT:    %[[SPAN:.*]] = arith.subi %[[TO:.*]], %[[FROM:.*]] : index
// CHECK-NEXT:    %[[NONE:.*]] = arith.constant 0 : index
// CHECK-NEXT:    %[[DEPTH:.*]] = arith.maxsi %[[SPAN]], %[[NONE]] : index
// CHECK-NEXT:    %[[STEPS:.*]] = arith.ceildivui %[[DEPTH]], %[[STEP:.*]] : index
// CHECK-NEXT:    %[[PARTS:.*]] = arith.constant 4 : index
// CHECK-NEXT:    %[[SHARE:.*]] = arith.ceildivui %[[STEPS]], %[[PARTS]] : index
// CHECK-NEXT:    %[[EXTENT:.*]] = arith.muli %[[SHARE]], %[[STEP]] : index
// CHECK-NEXT:    %[[AT:.*]] = arith.muli %[[RANK]], %[[EXTENT]] : index
// CHECK-NEXT:    %[[FIRST:.*]] = arith.addi %[[FROM]], %[[AT]] : index
// CHECK-NEXT:    %[[LAST:.*]] = arith.addi %[[FIRST]], %[[EXTENT]] : index
// CHECK-NEXT:    %[[END:.*]] = arith.minsi %[[LAST]], %[[TO]] : index
// CHECK-NEXT:    %[[L:.*]] = scf.for %{{.*}} = %[[FIRST]] to %[[END]] step %[[STEP]]
// CHECK:         %[[SUM:.*]] = tk.cluster_sum %[[L]] along 1 : tensor<64x128xf32> -> tensor<64x32xf32>
// CHECK-NEXT:    %[[SCALED:.*]] = arith.mulf %[[SUM]], %[[HALF]] : tensor<64x32xf32>
// CHECK-NEXT:    %[[ROUND:.*]] = arith.truncf %[[SCALED]] : tensor<64x32xf32> to tensor<64x32xbf16>
// CHECK-NEXT:    %[[WIDTH:.*]] = arith.constant 32 : index
// CHECK-NEXT:    %[[COLUMN:.*]] = arith.muli %[[RANK]], %[[WIDTH]] : index
// CHECK-NEXT:    %[[PLACE:.*]] = arith.addi %n, %[[COLUMN]] : index
// CHECK-NEXT:    tk.store %[[ROUND]], %C[%n, %[[PLACE]]] : tensor<64x32xbf16>
// REMARK-DAG: remark: [Passed] split-k | Category:tk-split-k | Function=quarter | Remark="4 programs of a cluster share the depth of each tile; each adds up and stores 32 of 128 columns"
tk.kernel @quarter(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #four} grid {
  tk.grid %n, %n
} {
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %to = tk.dim %A, 1 : !in
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %half = arith.constant dense<0.5> : tensor<64x128xf32>
  %l = scf.for %k = %from to %to step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %n] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %scaled = arith.mulf %l, %half : tensor<64x128xf32>
  %round = arith.truncf %scaled : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%n, %n] : tensor<64x128xbf16>, !in
  tk.return
}

// One dimension of the grid: the others are filled in. Nothing was asked of @alone.
// CHECK-LABEL: tk.kernel @line
// CHECK:         tk.grid %n, %{{.*}}, %{{.*}}
// CHECK-LABEL: tk.kernel @alone
// CHECK-NOT:     tk.cluster_sum
tk.kernel @line(%A: !in, %C: !tk.global<?x?xf32>, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}
tk.kernel @alone(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Declined, one reason each.
// REMARK-DAG: remark: [Missed] split-k | Category:tk-split-k | Function=narrow | Reason="24 columns are no 4 pieces of a multiple of 8"
tk.kernel @narrow(%A: !in, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x24xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x24xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %A[%n, %k] : !in -> tensor<64x24xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x24xbf16>, tensor<64x24xf32>
    scf.yield %d : tensor<64x24xf32>
  }
  tk.return
}

// REMARK-DAG: Function=starts_at_one | Reason="the sum does not start at zero"
tk.kernel @starts_at_one(%A: !in, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<1.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// REMARK-DAG: Function=two_products | Reason="there is more than one product"
tk.kernel @two_products(%A: !in, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %c = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %d = tk.dot %a, %a, %c : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// REMARK-DAG: Function=carries_more | Reason="the loop carries more than the sum of its products"
tk.kernel @carries_more(%A: !in, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    %e = arith.addf %d, %d : tensor<64x64xf32>
    scf.yield %e : tensor<64x64xf32>
  }
  tk.return
}

// REMARK-DAG: Function=residual | Reason="'arith.addf' combines the product with another tile"
tk.kernel @residual(%A: !in, %C: !tk.global<?x?xf32>, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %r = tk.load %C[%n, %n] : !tk.global<?x?xf32> -> tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  %e = arith.addf %l, %r : tensor<64x64xf32>
  tk.store %e, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}

// REMARK-DAG: Function=deep_grid | Reason="the grid has three dimensions, and none is left for the parts of the depth"
// REMARK-DAG: Function=no_loop | Reason="there is no product in a loop of its own"
// REMARK-DAG: Function=clustered | Reason="the kernel has clusters already"
tk.kernel @deep_grid(%n: index) attributes {tuning = #four} grid {
  tk.grid %n, %n, %n
} {
  tk.return
}
tk.kernel @no_loop(%n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  tk.return
}
tk.kernel @clustered(%n: index) attributes {tuning = #four, cluster = array<i64: 2>} grid {
  tk.grid %n
} {
  tk.return
}

// A tile that is used twice by one operation is narrowed once; a constant that others need whole stays whole.
// CHECK-LABEL: tk.kernel @square
// CHECK:         %[[SUM:.*]] = tk.cluster_sum
// CHECK:         %[[TWICE:.*]] = arith.addf %[[SUM]], %[[SUM]] : tensor<64x16xf32>
// CHECK:         %[[SQUARE:.*]] = arith.mulf %[[TWICE]], %[[TWICE]] : tensor<64x16xf32>
tk.kernel @square(%A: !in, %C: !tk.global<?x?xf32>, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  %t = arith.addf %l, %l : tensor<64x64xf32>
  %q = arith.mulf %t, %t : tensor<64x64xf32>
  tk.store %q, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}

// What every program of the cluster would do again, and what asks where it stands in one.
// REMARK-DAG: Function=stores_more | Reason="'tk.store' has nothing to do with the product, and every program that shares it would do it"
// REMARK-DAG: Function=has_rank | Reason="the body asks for its place in a cluster, which is none"
// REMARK-DAG: Function=counts_i32 | Reason="the loop counts in i32: expected index, with sign"
tk.kernel @stores_more(%A: !in, %C: !tk.global<?x?xf32>, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.store %z, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}
tk.kernel @has_rank(%A: !in, %C: !tk.global<?x?xf32>, %n: index) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %r = tk.cluster_rank
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%n, %r] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}
tk.kernel @counts_i32(%A: !in, %C: !tk.global<?x?xf32>, %n: index, %i: i32) attributes {tuning = #four} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %i to %i step %i iter_args(%s = %z) -> tensor<64x64xf32> : i32 {
    %j = arith.index_cast %k : i32 to index
    %a = tk.load %A[%n, %j] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%n, %n] : tensor<64x64xf32>, !tk.global<?x?xf32>
  tk.return
}

// CHECK-LABEL: tk.kernel @ragged
// CHECK-NOT:     tk.cluster_sum
// REMARK-DAG: Function=ragged | Reason="the grid is ragged: its last dimension is the rows of a table"
!ragged = !tk.global<?x?xbf16, strides = [?, 1]>
!list = !tk.table<A: !ragged, B: !ragged, C: !ragged>
tk.kernel @ragged(%problems: !list [[M, K], [K, N], [M, N]])
    attributes {tuning = #tk.tuning<split_k = 2>} grid {
  %tile = arith.constant 128 : index
  %problem = tk.program_id 1
  %A, %B, %C = tk.table_row %problems[%problem] : !list
  %n = tk.dim %C, 1 : !ragged
  %x = arith.ceildivui %n, %tile : index
  %z = tk.table_size %problems : !list
  tk.grid %x, %z
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %problem = tk.program_id 1
  %A, %B, %C = tk.table_row %problems[%problem] : !list
  %column = arith.muli %x, %tile : index
  %row = arith.constant 0 : index
  %depth = tk.dim %A, 1 : !ragged
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %row to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%row, %k] : !ragged -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %column] : !ragged -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  %t = arith.truncf %product : tensor<128x128xf32> to tensor<128x128xbf16>
  tk.store %t, %C[%row, %column] : tensor<128x128xbf16>, !ragged
  tk.return
}
