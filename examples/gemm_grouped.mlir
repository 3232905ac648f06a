// Rows of C = rows of A * B[group of the rows]: a mixture of experts, whose tokens have been sorted by expert.
//
// `groups` names the group of each 128 rows of A and C: an index of B, or -1 for rows that no one asked for, which stay
// as they are. Groups are padded to 128 rows by whoever sorts. A list that ends early leaves the rest out.
//
// Which group it is steers the whole program, so the list may not change while the kernel runs: tk.load_scalar reads
// views that nothing writes, and those only.

!in  = bf16
!out = bf16
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x?x!in, strides = [?, ?, 1]>
!C = !tk.global<?x?x!out, strides = [?, 1]>
!Groups = !tk.global<?xi32>

tk.kernel @gemm_grouped(%A: !A [M, K], %B: !B [G, K, N], %groups: !Groups [Blocks], %C: !C [M, N])
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

  %none = arith.constant 0 : i32
  %number = tk.load_scalar %groups[%y] pad -1 : !Groups -> i32
  %isAsked = arith.cmpi sge, %number, %none : i32
  scf.if %isAsked {
    %group = arith.index_cast %number : i32 to index
    %first = arith.constant 0 : index
    %depth = tk.dim %A, 1 : !A
    %step = arith.constant 64 : index
    %zero = arith.constant dense<0.0> : tensor<128x128xf32>
    %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
      %a = tk.load %A[%row, %k] : !A -> tensor<128x64x!in>
      %b = tk.load %B[%group, %k, %column] : !B -> tensor<64x128x!in>
      %next = tk.dot %a, %b, %sum : tensor<128x64x!in>, tensor<64x128x!in>, tensor<128x128xf32>
      scf.yield %next : tensor<128x128xf32>
    }
    tk.store %product, %C[%row, %column] : tensor<128x128xf32>, !C
  }
  tk.return
}
