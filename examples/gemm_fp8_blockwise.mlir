// C = A * B for fp8 with a scale for each 128 of K: of each row of A, and of each 128 columns of B.
//
// Hopper's tensor core keeps about 14 bits of a sum of fp8 products. So no sum stays there for more than 128 products:
// each trip starts from zero, and what it leaves is scaled and added up in f32 registers.
//
// B is column-major, as the tensor core wants fp8. SA[m, j] and SB[j, i] belong to K from 128 j on; i counts blocks of
// 128 columns.

!in  = f8E4M3FN
!in2 = f8E4M3FN
!out = bf16
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x!in2, strides = [1, ?]>
!C = !tk.global<?x?x!out, strides = [?, 1]>
!SA = !tk.global<?x?xf32, strides = [?, 1]>
!SB = !tk.global<?x?xf32, strides = [?, 1]>

tk.kernel @gemm(%A: !A [M, K], %B: !B [K, N], %SA: !SA [M, KB], %SB: !SB [KB, NB], %C: !C [M, N])
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
    %partial = tk.dot %a, %b, %zero : tensor<128x128x!in>, tensor<128x128x!in2>, tensor<128x128xf32>

    %block = arith.divui %k, %tile : index
    %ofRow = tk.load %SA[%row, %block] : !SA -> tensor<128x1xf32>
    %ofBlock = tk.load %SB[%block, %x] : !SB -> tensor<1x1xf32>
    %inEachRow = tk.broadcast %ofBlock : tensor<1x1xf32> -> tensor<128x1xf32>
    %both = arith.mulf %ofRow, %inEachRow : tensor<128x1xf32>
    %scale = tk.broadcast %both : tensor<128x1xf32> -> tensor<128x128xf32>
    %scaled = arith.mulf %partial, %scale : tensor<128x128xf32>
    %next = arith.addf %sum, %scaled : tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  tk.store %product, %C[%row, %column] : tensor<128x128xf32>, !C
  tk.return
}
