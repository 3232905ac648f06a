// RUN: tk-opt --tkg-to-tk --split-input-file %s | FileCheck %s
// RUN: tk-opt --tkg-to-tk --split-input-file --remarks-filter=.* --remark-policy=all %s 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Dynamic sizes: the full tile, the epilogue on it before the store.
// CHECK-LABEL: tk.kernel @dynamic(
// CHECK-SAME:    %A: !tk.global<?x?xbf16> [M, K], %B: !tk.global<?x?xbf16> [K, N], %out: !tk.global<?x?xbf16> [M, N]) grid {
// CHECK-DAG:     %[[N:.*]] = tk.dim %out, 1
// CHECK-DAG:     %[[M:.*]] = tk.dim %out, 0
// CHECK-DAG:     %[[X:.*]] = arith.ceildivui %[[N]], %c128{{.*}} : index
// CHECK-DAG:     %[[Y:.*]] = arith.ceildivui %[[M]], %c128{{.*}} : index
// CHECK:         tk.grid %[[X]], %[[Y]]
// CHECK:       } {
// CHECK:         %[[IDY:.*]] = tk.program_id 1
// CHECK:         %[[ROW:.*]] = arith.muli %[[IDY]], %c128
// CHECK:         %[[IDX:.*]] = tk.program_id 0
// CHECK:         %[[COLUMN:.*]] = arith.muli %[[IDX]], %c128
// CHECK:         %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<128x128xf32>
// CHECK:         %[[K:.*]] = tk.dim %A, 1
// CHECK:         %[[SUM:.*]] = scf.for %[[AT:.*]] = %c0 to %[[K]] step %c64 iter_args(%[[ACC:.*]] = %[[ZERO]])
// CHECK-NEXT:      %[[A:.*]] = tk.load %A[%[[ROW]], %[[AT]]] : !tk.global<?x?xbf16> -> tensor<128x64xbf16>
// CHECK-NEXT:      %[[B:.*]] = tk.load %B[%[[AT]], %[[COLUMN]]] : !tk.global<?x?xbf16> -> tensor<64x128xbf16>
// CHECK-NEXT:      %[[NEXT:.*]] = tk.dot %[[A]], %[[B]], %[[ACC]]
// CHECK-NEXT:      scf.yield %[[NEXT]]
// CHECK:         %[[T:.*]] = arith.truncf %[[SUM]] : tensor<128x128xf32> to tensor<128x128xbf16>
// CHECK-NEXT:    tk.store %[[T]], %out[%[[ROW]], %[[COLUMN]]] : tensor<128x128xbf16>, !tk.global<?x?xbf16>
// CHECK-NEXT:    tk.return
// CHECK-NOT:   func.func
// REMARK: {{.*}}.mlir:[[#@LINE+9]]:8: remark: [Passed] product | Category:tkg-to-tk | Function=dynamic | {{.*}}one program for each 128 x 128 of the result, in steps of 64
func.func @dynamic(%A: tensor<?x?xbf16>, %B: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %A, %c0 : tensor<?x?xbf16>
  %n = tensor.dim %B, %c1 : tensor<?x?xbf16>
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = linalg.matmul ins(%A, %B : tensor<?x?xbf16>, tensor<?x?xbf16>) outs(%zeros : tensor<?x?xf32>) -> tensor<?x?xf32>
  %out = arith.truncf %p : tensor<?x?xf32> to tensor<?x?xbf16>
  return %out : tensor<?x?xbf16>
}

// -----

// Static sizes below the full tile: powers of two that hold them, but no less than the tensor core has. Views keep the
// sizes; the second argument is the left operand here.
// CHECK-LABEL: tk.kernel @small(
// CHECK-SAME:    %A: !tk.global<24x20xf16> [K, N], %B: !tk.global<40x24xf16> [M, K], %out: !tk.global<40x20xf32> [M, N])
// CHECK:         tk.load %B[{{.*}}] : !tk.global<40x24xf16> -> tensor<64x32xf16>
// CHECK-NEXT:    tk.load %A[{{.*}}] : !tk.global<24x20xf16> -> tensor<32x32xf16>
func.func @small(%A: tensor<24x20xf16>, %B: tensor<40x24xf16>) -> tensor<40x20xf32> {
  %zeros = arith.constant dense<0.0> : tensor<40x20xf32>
  %p = linalg.matmul ins(%B, %A : tensor<40x24xf16>, tensor<24x20xf16>) outs(%zeros : tensor<40x20xf32>) -> tensor<40x20xf32>
  return %p : tensor<40x20xf32>
}

// -----

// REMARK: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Passed] product {{.*}}Function=least | {{.*}}one program for each 64 x 16 of the result, in steps of 16
// CHECK-LABEL: tk.kernel @least(
func.func @least(%A: tensor<1x1xf16>, %B: tensor<1x1xf16>) -> tensor<1x1xf32> {
  %zeros = arith.constant dense<0.0> : tensor<1x1xf32>
  %p = linalg.matmul ins(%A, %B : tensor<1x1xf16>, tensor<1x1xf16>) outs(%zeros : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %p : tensor<1x1xf32>
}

// -----

// Every operation after the product, on tiles; constants become tiles of the same number.
// CHECK-LABEL: tk.kernel @epilogue(
// CHECK:         %[[SUM:.*]] = scf.for
// CHECK:         %[[TWO:.*]] = arith.constant dense<2.000000e+00> : tensor<128x64xf32>
// CHECK:         %[[SCALED:.*]] = arith.mulf %[[SUM]], %[[TWO]] fastmath<contract> : tensor<128x64xf32>
// CHECK:         %[[ADDED:.*]] = arith.addf %[[SCALED]], %[[SUM]] : tensor<128x64xf32>
// CHECK:         tk.store %[[ADDED]], %out
func.func @epilogue(%A: tensor<200x64xbf16>, %B: tensor<64x48xbf16>) -> tensor<200x48xf32> {
  %zeros = arith.constant dense<0.0> : tensor<200x48xf32>
  %two = arith.constant dense<2.0> : tensor<200x48xf32>
  %p = linalg.matmul ins(%A, %B : tensor<200x64xbf16>, tensor<64x48xbf16>) outs(%zeros : tensor<200x48xf32>) -> tensor<200x48xf32>
  %q = arith.mulf %p, %two fastmath<contract> : tensor<200x48xf32>
  %r = arith.addf %q, %p : tensor<200x48xf32>
  return %r : tensor<200x48xf32>
}

// -----

// Kernels are left alone, and may stand beside graphs.
// CHECK-LABEL: tk.kernel @kernel(%n: index) grid {
// CHECK-NEXT:    tk.grid %n
tk.kernel @kernel(%n: index) grid {
  tk.grid %n
} {
  tk.return
}

// -----

// Declined: the function stays as it is.

// CHECK: func.func private @declaration(
// REMARK: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Missed] product | Category:tkg-to-tk | Function=declaration | Reason="a declaration: expected a body"
func.func private @declaration(%A: tensor<?x?xbf16>, %B: tensor<?x?xbf16>) -> tensor<?x?xf32>

// -----

// CHECK: func.func @one_argument(
// REMARK: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Missed] {{.*}}"1 arguments and 1 results: expected the two operands of a product and one result"
func.func @one_argument(%A: tensor<16x16xbf16>) -> tensor<16x16xbf16> {
  return %A : tensor<16x16xbf16>
}

// -----

// CHECK: func.func @no_product(
// REMARK: {{.*}}.mlir:[[#@LINE+2]]:3: remark: [Missed] {{.*}}"a result that is not computed from a product"
func.func @no_product(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xbf16> {
  return %A : tensor<16x16xbf16>
}

// -----

// CHECK: func.func @square(
// REMARK: {{.*}}.mlir:[[#@LINE+3]]:8: remark: [Missed] {{.*}}"operands that are computed or the same: expected two different arguments"
func.func @square(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %A : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// CHECK: func.func @transposed(
// REMARK: {{.*}}.mlir:[[#@LINE+6]]:8: remark: [Missed] {{.*}}"transposed or broadcast operands: expected the default indexing maps"
#a = affine_map<(m, n, k) -> (k, m)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @transposed(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul indexing_maps = [#a, #b, #c] ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// CHECK: func.func @encoded(
// REMARK: {{.*}}.mlir:[[#@LINE+3]]:8: remark: [Missed] {{.*}}expected no encoding"
func.func @encoded(%A: tensor<64x64xbf16, "mine">, %B: tensor<64x64xbf16>) -> tensor<64x64xf32> {
  %zeros = arith.constant dense<0.0> : tensor<64x64xf32>
  %p = linalg.matmul ins(%A, %B : tensor<64x64xbf16, "mine">, tensor<64x64xbf16>) outs(%zeros : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %p : tensor<64x64xf32>
}

// -----

// CHECK: func.func @operand_types(
// REMARK: {{.*}}.mlir:[[#@LINE+3]]:8: remark: [Missed] {{.*}}"operands of types f32 and bf16: expected both bf16 or both f16"
func.func @operand_types(%A: tensor<16x16xf32>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xf32>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// CHECK: func.func @narrow_sum(
// REMARK: {{.*}}.mlir:[[#@LINE+3]]:8: remark: [Missed] {{.*}}"a sum of type bf16: expected f32; truncate the product afterwards"
func.func @narrow_sum(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xbf16> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xbf16>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xbf16>) -> tensor<16x16xbf16>
  return %p : tensor<16x16xbf16>
}

// -----

// CHECK: func.func @from_one(
// REMARK: {{.*}}.mlir:[[#@LINE+5]]:8: remark: [Missed] {{.*}}"a sum that starts from something else than zeros: expected linalg.fill of 0.0"
func.func @from_one(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<16x16xf32>
  %ones = linalg.fill ins(%one : f32) outs(%empty : tensor<16x16xf32>) -> tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%ones : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// CHECK: func.func @from_empty(
// REMARK: {{.*}}.mlir:[[#@LINE+3]]:8: remark: [Missed] {{.*}}"a sum that starts from something else than zeros
func.func @from_empty(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %empty = tensor.empty() : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%empty : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// The second product is in the way of the first.
// CHECK: func.func @two_products(
// REMARK: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Missed] {{.*}}"'linalg.matmul': expected one linalg.matmul from zeros and elementwise arith operations on its result"
func.func @two_products(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%p : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %q : tensor<16x16xf32>
}

// -----

// CHECK: func.func @exponential(
// REMARK: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Missed] {{.*}}"'math.exp': expected one linalg.matmul
func.func @exponential(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = math.exp %p : tensor<16x16xf32>
  return %q : tensor<16x16xf32>
}

// -----

// Numbers that differ from element to element have no tile of their own.
// CHECK: func.func @residual(
// REMARK: {{.*}}.mlir:[[#@LINE+5]]:8: remark: [Missed] {{.*}}"an operand of 'arith.addf' that is neither the product nor one number throughout"
func.func @residual(%A: tensor<2x2xbf16>, %B: tensor<2x2xbf16>) -> tensor<2x2xf32> {
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %r = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %p = linalg.matmul ins(%A, %B : tensor<2x2xbf16>, tensor<2x2xbf16>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
  %q = arith.addf %p, %r : tensor<2x2xf32>
  return %q : tensor<2x2xf32>
}

// -----

// CHECK: func.func @narrow_result(
// REMARK: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Missed] {{.*}}"'arith.truncf' with a result of f8E4M3FN: expected f32, bf16 or f16"
func.func @narrow_result(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf8E4M3FN> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = arith.truncf %p : tensor<16x16xf32> to tensor<16x16xf8E4M3FN>
  return %q : tensor<16x16xf8E4M3FN>
}

// -----

// CHECK: func.func @rounded(
// REMARK: {{.*}}.mlir:[[#@LINE+4]]:8: remark: [Missed] {{.*}}"'arith.truncf' with a rounding of its own"
func.func @rounded(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xbf16> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = arith.truncf %p toward_zero : tensor<16x16xf32> to tensor<16x16xbf16>
  return %q : tensor<16x16xbf16>
}

// -----

// A caller needs a function; it is itself declined at the call.
// CHECK: func.func @called(
// CHECK: func.func @caller(
// REMARK: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Missed] {{.*}}Function=called | Reason="something refers to this function by name, and kernels cannot be called"
func.func @called(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = linalg.matmul ins(%A, %B : tensor<16x16xbf16>, tensor<16x16xbf16>) outs(%zeros : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}
// REMARK: {{.*}}.mlir:[[#@LINE+2]]:8: remark: [Missed] {{.*}}Function=caller | Reason="'func.call': expected one linalg.matmul
func.func @caller(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xf32> {
  %p = func.call @called(%A, %B) : (tensor<16x16xbf16>, tensor<16x16xbf16>) -> tensor<16x16xf32>
  return %p : tensor<16x16xf32>
}

// -----

// CHECK: func.func @branch(
// REMARK: {{.*}}.mlir:[[#@LINE+1]]:1: remark: [Missed] {{.*}}"control flow: expected a body of one block"
func.func @branch(%A: tensor<16x16xbf16>, %B: tensor<16x16xbf16>) -> tensor<16x16xbf16> {
  cf.br ^end
^end:
  return %A : tensor<16x16xbf16>
}
