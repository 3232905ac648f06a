// RUN: tk-opt --tk-split-variants %s | FileCheck %s
// RUN: tk-opt --tk-split-variants %s | tk-opt --tk-split-variants | FileCheck %s
// RUN: tk-opt --tk-split-variants --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not="remark:"

!in = !tk.global<?x?xbf16>
!out = !tk.global<?x?xf32>

// The views that products read, and those that are stored to, get what the copy engine needs, in the signature, both
// regions and every use; what is only added does not. The variant comes first and names its original; tuning and grid are the same. What is read
// otherwise only once is promised once.
// CHECK:       tk.kernel @gemm_tma(
// CHECK-SAME:    %A: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]> [M, K],
// CHECK-SAME:    %B: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]> [K, N], %C: !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]> [M, N], %D: !tk.global<?x?xf32>)
// CHECK-SAME:    attributes {tuning = #tk.tuning<stages = 2>, variant_of = @gemm} grid {
// CHECK-NEXT:    %[[M:.*]] = tk.dim %A, 0 : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
// CHECK-NEXT:    tk.grid %[[M]]
// CHECK-NEXT:  } {
// CHECK-NEXT:    %[[I:.*]] = tk.program_id 0
// CHECK-NEXT:    %[[Z:.*]] = tk.load %D[%[[I]], %[[I]]] : !tk.global<?x?xf32> -> tensor<64x8xf32>
// CHECK-NEXT:    %[[A:.*]] = tk.load %A[%[[I]], %[[I]]] : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]> -> tensor<64x16xbf16>
// CHECK-NEXT:    %[[B:.*]] = tk.load %B[%[[I]], %[[I]]] : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]> -> tensor<16x8xbf16>
// CHECK-NEXT:    %[[D:.*]] = tk.dot %[[A]], %[[B]], %[[Z]]
// CHECK-NEXT:    tk.dot %[[A]], %[[B]], %[[D]]
// CHECK-NEXT:    tk.store %{{.*}}, %C[%[[I]], %[[I]]] : tensor<64x8xf32>, !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]>
// CHECK-NEXT:    tk.return
// CHECK:       tk.kernel @gemm(%A: !tk.global<?x?xbf16> [M, K], %B: !tk.global<?x?xbf16> [K, N], %C: !tk.global<?x?xf32> [M, N], %D: !tk.global<?x?xf32>)
// CHECK-SAME:    attributes {tuning = #tk.tuning<stages = 2>} grid {
// CHECK:         tk.load %A[%{{.*}}] : !tk.global<?x?xbf16> -> tensor<64x16xbf16>
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Passed] variant | Category:tk-split-variants | Function=gemm | Remark="@gemm_tma is the kernel where addresses and strides of A, B, C are multiples of 16 bytes; @gemm is for the rest"
tk.kernel @gemm(%A: !in [M, K], %B: !in [K, N], %C: !out [M, N], %D: !out) attributes {tuning = #tk.tuning<stages = 2>} grid {
  %m = tk.dim %A, 0 : !in
  tk.grid %m
} {
  %i = tk.program_id 0
  %z = tk.load %D[%i, %i] : !out -> tensor<64x8xf32>
  %a = tk.load %A[%i, %i] : !in -> tensor<64x16xbf16>
  %b = tk.load %B[%i, %i] : !in -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  %e = tk.dot %a, %b, %d : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.store %e, %C[%i, %i] : tensor<64x8xf32>, !out
  tk.return
}

// Only what is missing is promised: alignment beyond 16 stays, strides get the least common multiple, static strides
// stay, and a view that the copy engine reads already is none of the variant's names. Columns as well as rows.
// CHECK:       tk.kernel @partly_tma(
// CHECK-SAME:    %A: !tk.global<?x?xf16, align = 64, divisible = [3, 1], stride_divisible = [24, 1]>,
// CHECK-SAME:    %B: !tk.global<?x?xf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>,
// CHECK-SAME:    %D: !tk.global<?x?xf16, strides = [64, 1], align = 16>,
// CHECK-SAME:    %E: !tk.global<?x?xf16, align = 16, stride_divisible = [8, 1]>, %n: index)
// CHECK-SAME:    variant_of = @partly}
// REMARK-DAG: remark: [Passed] variant | Category:tk-split-variants | Function=partly | Remark="@partly_tma is the kernel where addresses and strides of A, B, D are multiples
tk.kernel @partly(%A: !tk.global<?x?xf16, align = 64, divisible = [3, 1], stride_divisible = [12, 1]>,
                  %B: !tk.global<?x?xf16, strides = [1, ?]>, %D: !tk.global<?x?xf16, strides = [64, 1]>,
                  %E: !tk.global<?x?xf16, align = 16, stride_divisible = [8, 1]>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %d = tk.load %D[%n, %n] : !tk.global<?x?xf16, strides = [64, 1]> -> tensor<64x16xf16>
  %e = tk.load %E[%n, %n] : !tk.global<?x?xf16, align = 16, stride_divisible = [8, 1]> -> tensor<16x8xf16>
  %a = tk.load %A[%n, %n] : !tk.global<?x?xf16, align = 64, divisible = [3, 1], stride_divisible = [12, 1]> -> tensor<64x16xf16>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xf16, strides = [1, ?]> -> tensor<16x8xf16>
  %0 = tk.dot %d, %e, %z : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  %1 = tk.dot %a, %b, %0 : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  tk.return
}

// The number of elements in 16 bytes depends on the type.
// CHECK:       tk.kernel @wide_tma(%A: !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]>, %B: !tk.global<?x?xf32, strides = [1, ?], align = 16, stride_divisible = [1, 4]>, %n: index)
// CHECK:       tk.kernel @wide(
// REMARK-DAG: remark: [Passed] variant | Category:tk-split-variants | Function=wide |
tk.kernel @wide(%A: !out, %B: !tk.global<?x?xf32, strides = [1, ?]>, %n: index)
    attributes {numerics = #tk.numerics<contract = false, flush = false, tf32 = true>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x16xf32>
  %a = tk.load %A[%n, %n] : !out -> tensor<64x64xf32>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xf32, strides = [1, ?]> -> tensor<64x16xf32>
  %d = tk.dot %a, %b, %z : tensor<64x64xf32>, tensor<64x16xf32>, tensor<64x16xf32>
  tk.return
}

// Where the tensor core cannot do the product, promises would help nobody.
// CHECK-NOT:   @not_allowed_tma
tk.kernel @not_allowed(%A: !out, %B: !tk.global<?x?xf32, strides = [1, ?]>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x16xf32>
  %a = tk.load %A[%n, %n] : !out -> tensor<64x64xf32>
  %b = tk.load %B[%n, %n] : !tk.global<?x?xf32, strides = [1, ?]> -> tensor<64x16xf32>
  %d = tk.dot %a, %b, %z : tensor<64x64xf32>, tensor<64x16xf32>, tensor<64x16xf32>
  tk.return
}

// A name that is taken is not taken again.
// CHECK:       tk.kernel @taken_tma_(
// CHECK-SAME:    variant_of = @taken}
// CHECK:       tk.kernel @taken(
// CHECK:       tk.kernel @taken_tma(%n: index) grid
// REMARK-DAG: remark: [Passed] variant | Category:tk-split-variants | Function=taken | Remark="@taken_tma_ is
tk.kernel @taken(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x16xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %b = tk.load %A[%n, %n] : !in -> tensor<64x16xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x64xbf16>, tensor<64x16xbf16>, tensor<64x16xf32>
  tk.return
}
tk.kernel @taken_tma(%n: index) grid {
  tk.grid %n
} {
  tk.return
}

// No variant where none would help: no product reads a view; all is known; no stride is known to be 1; a static stride
// or more rows than a box has are in the way; only the accumulator or arithmetic reads the view; it is a variant; it
// is lowered.
// CHECK-NOT: _tma
// CHECK:     tk.kernel @none(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @known(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @strided(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @pitch(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @rows(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @accumulator(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @variant(
// CHECK-NOT: _tma
// CHECK:     tk.kernel @lowered(
// CHECK-NOT: _tma
tk.kernel @none(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  tk.store %a, %A[%n, %n] : tensor<64x64xbf16>, !in
  tk.return
}
!known = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @known(%A: !known, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !known -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}
!strided = !tk.global<?x?xbf16, strides = [?, ?]>
tk.kernel @strided(%A: !strided, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !strided -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}
!pitch = !tk.global<?x?xbf16, strides = [60, 1]>
tk.kernel @pitch(%A: !pitch, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !pitch -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}
tk.kernel @rows(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<512x512xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<512x512xbf16>
  %d = tk.dot %a, %a, %z : tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xf32>
  tk.return
}
tk.kernel @accumulator(%A: !in, %C: !out, %n: index) grid {
  tk.grid %n
} {
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %n0 = arith.negf %a : tensor<64x64xbf16>
  %c = tk.load %C[%n, %n] : !out -> tensor<64x64xf32>
  %d = tk.dot %n0, %n0, %c : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}
tk.kernel @variant(%A: !in, %n: index) attributes {variant_of = @none} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}
tk.kernel @lowered(%A: !in, %n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  %d = tk.dot %a, %a, %z : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
  tk.return
}

// What is stored to may be in the way of all the rest: asked for three, a second variant promises operands alone. Each
// is tried before what promises less.
// CHECK:       tk.kernel @three_tma(
// CHECK-SAME:    %A: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, %B: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, %C: !tk.global<?x?xf32, align = 16, stride_divisible = [4, 1]>
// CHECK-SAME:    variant_of = @three}
// CHECK:       tk.kernel @three_tma_operands(
// CHECK-SAME:    %A: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, %B: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>, %C: !tk.global<?x?xf32>
// CHECK-SAME:    variant_of = @three}
// CHECK:       tk.kernel @three(%A: !tk.global<?x?xbf16>, %B: !tk.global<?x?xbf16>, %C: !tk.global<?x?xf32>
// REMARK-DAG: Function=three | Remark="@three_tma is the kernel where addresses and strides of A, B, C are multiples of 16 bytes; @three is for the rest"
// REMARK-DAG: Function=three | Remark="@three_tma_operands is the kernel where addresses and strides of A, B are multiples of 16 bytes; @three is for the rest"
tk.kernel @three(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<variants = 3>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.store %d, %C[%n, %n] : tensor<64x8xf32>, !out
  tk.return
}

// Two are made where no one says how many, and what is then slow is said.
// REMARK-DAG: [Missed] variant | Category:tk-split-variants | Function=gemm | Reason="2 variants of 3: where only A, B are aligned, @gemm runs without the copy engine"

// One is the kernel itself.
// CHECK-NOT:   @one_tma
// CHECK:       tk.kernel @one(
// REMARK-DAG: [Missed] variant | Category:tk-split-variants | Function=one | Reason="one variant is asked for"
tk.kernel @one(%A: !in, %B: !in, %n: index) attributes {tuning = #tk.tuning<variants = 1>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.return
}

// Three of a kernel that stores nothing, or nothing that a promise helps, are two.
// CHECK:       tk.kernel @two_tma(
// CHECK-NOT:   @two_tma_operands
// CHECK:       tk.kernel @two(
tk.kernel @two(%A: !in, %B: !in, %n: index) attributes {tuning = #tk.tuning<variants = 3>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n] : !in -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n] : !in -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.return
}
