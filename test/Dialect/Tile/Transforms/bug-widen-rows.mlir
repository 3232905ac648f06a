// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' --remarks-filter=.* %s 2>&1 | FileCheck %s

// Rows run along x: sixteen programs became one because the columns were few, and the tile of A had 4,096 rows.

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>

// CHECK: remark: [Missed] widen | Category:tk-widen-tiles | Function=rows_along_x | Reason="it is not the columns of every product that run along x"
// CHECK: tk.load %A[%{{.*}}, %{{.*}}] : {{.*}} -> tensor<256x64xbf16>
tk.kernel @rows_along_x(%A: !in [M, K], %B: !in [K, N], %C: !in [M, N]) grid {
  %rows = arith.constant 256 : index
  %columns = arith.constant 16 : index
  %m = tk.dim %C, 0 : !in
  %n = tk.dim %C, 1 : !in
  %down = arith.ceildivui %m, %rows : index
  %across = arith.ceildivui %n, %columns : index
  tk.grid %down, %across
} {
  %rows = arith.constant 256 : index
  %columns = arith.constant 16 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %x, %rows : index
  %column = arith.muli %y, %columns : index
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  %z = arith.constant dense<0.0> : tensor<256x16xf32>
  %l = scf.for %k = %first to %depth step %step iter_args(%s = %z) -> tensor<256x16xf32> {
    %a = tk.load %A[%row, %k] : !in -> tensor<256x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x16xbf16>
    %d = tk.dot %a, %b, %s : tensor<256x64xbf16>, tensor<64x16xbf16>, tensor<256x16xf32>
    scf.yield %d : tensor<256x16xf32>
  }
  tk.store %l, %C[%row, %column] : tensor<256x16xf32>, !in
  tk.return
}
