// C = A * B.
//
// One program computes one 128 x 128 tile of C. There are no threads and no shared memory here: what is loaded,
// multiplied and stored is all that a tile program says; tk's passes decide the rest.
//
// The types are named, so that one file serves every element type and layout:
//
//   tk-compile gemm.mlir --alias=in=f16 --alias=out=f32 '--alias=A=!tk.global<?x?xf16, strides = [1, ?]>'

!in  = bf16
!out = bf16
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x!in, strides = [?, 1]>
!C = !tk.global<?x?x!out, strides = [?, 1]>

tk.kernel @gemm(%A: !A [M, K], %B: !B [K, N], %C: !C [M, N])
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
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%row, %k] : !A -> tensor<128x64x!in>
    %b = tk.load %B[%k, %column] : !B -> tensor<64x128x!in>
    %next = tk.dot %a, %b, %sum : tensor<128x64x!in>, tensor<64x128x!in>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  tk.store %product, %C[%row, %column] : tensor<128x128xf32>, !C
  tk.return
}
