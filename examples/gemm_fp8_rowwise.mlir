// C = scale * SA * (A * B) * SB for fp8: a scale for each row of A, one for each column of B, and one for all.
//
// Scales that do not depend on K are for the end, where sums are in registers anyway. Sums keep about 14 bits while
// they are on the tensor core; where that is not enough, see gemm_fp8_blockwise.mlir.

!in  = f8E4M3FN
!in2 = f8E4M3FN
!out = bf16
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x!in2, strides = [1, ?]>
!C = !tk.global<?x?x!out, strides = [?, 1]>
!SA = !tk.global<?x1xf32, strides = [?, 1]>
!SB = !tk.global<1x?xf32, strides = [?, 1]>

tk.kernel @gemm(%A: !A [M, K], %B: !B [K, N], %SA: !SA [M, ?], %SB: !SB [?, N], %scale: f32, %C: !C [M, N])
    attributes {numerics = #tk.numerics<contract = true, flush = true>} grid {
  %tile = arith.constant 128 : index
  %m = tk.dim %C, 0 : !C
  %n = tk.dim %C, 1 : !C
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tile : index
  tk.grid %x, %y
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %tile : index
  %column = arith.muli %x, %tile : index

  %first = arith.constant 0 : index
  %depth = tk.dim %A, 1 : !A
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %first to %depth step %tile iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%row, %k] : !A -> tensor<128x128x!in>
    %b = tk.load %B[%k, %column] : !B -> tensor<128x128x!in2>
    %next = tk.dot %a, %b, %sum : tensor<128x128x!in>, tensor<128x128x!in2>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }

  %ofRow = tk.load %SA[%row, %first] : !SA -> tensor<128x1xf32>
  %ofAll = tensor.splat %scale : tensor<128x1xf32>
  %left = arith.mulf %ofRow, %ofAll : tensor<128x1xf32>
  %ofColumn = tk.load %SB[%first, %column] : !SB -> tensor<1x128xf32>
  %rows = tk.broadcast %left : tensor<128x1xf32> -> tensor<128x128xf32>
  %columns = tk.broadcast %ofColumn : tensor<1x128xf32> -> tensor<128x128xf32>
  %byRow = arith.mulf %product, %rows : tensor<128x128xf32>
  %result = arith.mulf %byRow, %columns : tensor<128x128xf32>
  tk.store %result, %C[%row, %column] : tensor<128x128xf32>, !C
  tk.return
}
