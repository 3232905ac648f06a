// C = A * B for the types that the tensor core reads with K contiguous only: int8, fp8 and f32 taken as tf32.
//
// A is row-major and B column-major. The same tile program as gemm.mlir, but that a trip takes 128 bytes of K. Types
// and the length of a trip are named, so that one file serves them all:
//
//   int8 to int32 (as written)
//   fp8 to bf16    --alias=in=f8E4M3FN --alias=in2=f8E4M3FN --alias=acc=f32 --alias=out=bf16
//   mixed fp8      --alias=in=f8E4M3FN --alias=in2=f8E5M2 --alias=acc=f32 --alias=out=bf16
//   tf32 to f32    --alias=in=f32 --alias=in2=f32 --alias=acc=f32 --alias=out=f32
//                  --alias=a=tensor<128x32xf32> --alias=b=tensor<32x128xf32> '--alias=step=32 : index'

!in  = i8
!in2 = i8
!acc = i32
!out = i32
!A = !tk.global<?x?x!in, strides = [?, 1]>
!B = !tk.global<?x?x!in2, strides = [1, ?]>
!C = !tk.global<?x?x!out, strides = [?, 1]>
!a = tensor<128x128x!in>
!b = tensor<128x128x!in2>
!c = tensor<128x128x!acc>
#step = 128 : index

tk.kernel @gemm(%A: !A [M, K], %B: !B [K, N], %C: !C [M, N])
    attributes {numerics = #tk.numerics<contract = true, flush = true, tf32 = true>} grid {
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
  %step = arith.constant #step
  %zero = arith.constant dense<0x00000000> : !c // The bits of zero, whatever the type.
  %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> !c {
    %a = tk.load %A[%row, %k] : !A -> !a
    %b = tk.load %B[%k, %column] : !B -> !b
    %next = tk.dot %a, %b, %sum : !a, !b, !c
    scf.yield %next : !c
  }
  tk.store %product, %C[%row, %column] : !c, !C
  tk.return
}
