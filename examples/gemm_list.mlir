// C = A * B for each problem of a list, every one with its own sizes and its own memory: adapters of different ranks,
// experts whose weights were never packed into one array.
//
// The list is a table whose rows are problems. The grid is ragged: its third dimension is the rows, and how many
// programs a row has along x and y follows from its sizes. Of a problem without elements there are none; one of depth 0
// is zeros. Promises in a column's type hold for all rows, and the host looks at each.

!in  = bf16
!out = bf16
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x!in, strides = [?, 1]>
!C = !tk.global<?x?x!out, strides = [?, 1]>
!Problems = !tk.table<A: !A, B: !B, C: !C>

tk.kernel @gemm_list(%problems: !Problems [[M, K], [K, N], [M, N]])
    attributes {numerics = #tk.numerics<contract = true, flush = true>} grid {
  %tile = arith.constant 128 : index
  %problem = tk.program_id 2
  %A, %B, %C = tk.table_row %problems[%problem] : !Problems
  %m = tk.dim %C, 0 : !C
  %n = tk.dim %C, 1 : !C
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tile : index
  %z = tk.table_size %problems : !Problems
  tk.grid %x, %y, %z
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %problem = tk.program_id 2
  %A, %B, %C = tk.table_row %problems[%problem] : !Problems
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
