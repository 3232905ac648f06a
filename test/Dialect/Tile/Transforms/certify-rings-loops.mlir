// Two loops of products with a ring each: the protocol is certified; how often barriers complete hangs on how trips are
// dealt out to the loops, which the certificate has no number for.
//
// RUN: tk-compile %s --emit=placed --remarks -o %t.mlir 2>&1 | FileCheck %s
// RUN: FileCheck %s --check-prefix=PROOFS --input-file=%t.mlir
// CHECK-DAG: two tk-certify-rings passed the barrier protocol ends, without a lap or an early release, for 0, 1, 2, 3 trips in 1 and 2 tiles
// CHECK-DAG: two tk-certify-rings missed phases of "A, B full" are not counted: trips are dealt out to several loops
// CHECK-DAG: two tk-certify-rings missed phases of "X, Y free" are not counted: trips are dealt out to several loops
// PROOFS-NOT: barrier_proofs

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!C = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @two(%A: !in [M, K], %B: !in [K, N], %X: !in [M, R], %Y: !in [R, N], %C: !C [M, N]) grid {
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
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %depth = tk.dim %A, 1 : !in
  %rank = tk.dim %X, 1 : !in
  %base = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%row, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  %both = scf.for %k = %first to %rank step %step iter_args(%sum = %base) -> tensor<128x128xf32> {
    %a = tk.load %X[%row, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %Y[%k, %column] : !in -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  tk.store %both, %C[%row, %column] : tensor<128x128xf32>, !C
  tk.return
}
