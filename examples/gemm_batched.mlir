// C[b] = A[b] * B[b]: a batch of products of matrices.
//
// The grid has a third dimension, and each view a first one: an access takes one index along it, the tiles are those of
// gemm.mlir. How far apart the matrices of a batch lie is a stride like any other: they may lie between one another, and
// with stride 0 one matrix is all of them:
//
//   tk-compile gemm_batched.mlir '--alias=B=!tk.global<?x?x?xbf16, strides = [0, ?, 1]>'

!in  = bf16
!out = bf16
!A = !tk.global<?x?x?x!in, strides = [?, ?, 1]>
!B = !tk.global<?x?x?x!in, strides = [?, ?, 1]>
!C = !tk.global<?x?x?x!out, strides = [?, ?, 1]>

tk.kernel @gemm_batched(%A: !A [L, M, K], %B: !B [L, K, N], %C: !C [L, M, N])
    attributes {numerics = #tk.numerics<contract = true, flush = true>} grid {
  %tile = arith.constant 128 : index
  %l = tk.dim %C, 0 : !C
  %m = tk.dim %C, 1 : !C
  %n = tk.dim %C, 2 : !C
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tile : index
  tk.grid %x, %y, %l
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %batch = tk.program_id 2
  %row = arith.muli %y, %tile : index
  %column = arith.muli %x, %tile : index

  %first = arith.constant 0 : index
  %depth = tk.dim %A, 2 : !A
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%batch, %row, %k] : !A -> tensor<128x64x!in>
    %b = tk.load %B[%batch, %k, %column] : !B -> tensor<64x128x!in>
    %next = tk.dot %a, %b, %sum : tensor<128x64x!in>, tensor<64x128x!in>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  tk.store %product, %C[%batch, %row, %column] : tensor<128x128xf32>, !C
  tk.return
}
