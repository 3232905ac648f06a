// RUN: tk-compile %s --emit=placed --remarks -o /dev/null 2>&1 | FileCheck %s

// The second B is loaded after the first product, so it is in no ring. Stages were chosen as if it took no room, and
// 245,824 bytes were asked for.
// CHECK: two tk-stage-operands passed A, B come through a ring of 3 stages of 49152 bytes

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @two(%A: !in [M, K], %B: !in [K, N], %B2: !in [K, N], %C: !out [M, N], %D: !out [M, N]) grid {
  %tile = arith.constant 128 : index
  %tall = arith.constant 256 : index
  %m = tk.dim %C, 0 : !out
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tall : index
  tk.grid %x, %y
} {
  %tile = arith.constant 128 : index
  %tall = arith.constant 256 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %tall : index
  %column = arith.muli %x, %tile : index
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  %zero = arith.constant dense<0.0> : tensor<256x128xf32>
  %p:2 = scf.for %k = %first to %depth step %step iter_args(%s = %zero, %t = %zero) -> (tensor<256x128xf32>, tensor<256x128xf32>) {
    %a = tk.load %A[%row, %k] : !in -> tensor<256x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x128xbf16>
    %s1 = tk.dot %a, %b, %s : tensor<256x64xbf16>, tensor<64x128xbf16>, tensor<256x128xf32>
    %b2 = tk.load %B2[%k, %column] : !in -> tensor<64x128xbf16>
    %t1 = tk.dot %a, %b2, %t : tensor<256x64xbf16>, tensor<64x128xbf16>, tensor<256x128xf32>
    scf.yield %s1, %t1 : tensor<256x128xf32>, tensor<256x128xf32>
  }
  tk.store %p#0, %C[%row, %column] : tensor<256x128xf32>, !out
  tk.store %p#1, %D[%row, %column] : tensor<256x128xf32>, !out
  tk.return
}
