// out = A * B, as a graph: what is computed, and nothing of blocks or tiles. tkg-to-tk writes the tile program
// (compare gemm.mlir); to see it:
//
//   tk-opt gemm_graph.mlir --tkg-to-tk
//
// The arguments are called A and B, and the result out:
//
//   tk-run gemm_graph.mlir --arg A=random:300x520 --arg B=random:520x136 --out out=c.npy --check out=A@B

func.func @gemm(%A: tensor<?x?xbf16>, %B: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %rows = arith.constant 0 : index
  %columns = arith.constant 1 : index
  %m = tensor.dim %A, %rows : tensor<?x?xbf16>
  %n = tensor.dim %B, %columns : tensor<?x?xbf16>
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  %product = linalg.matmul ins(%A, %B : tensor<?x?xbf16>, tensor<?x?xbf16>)
                           outs(%zeros : tensor<?x?xf32>) -> tensor<?x?xf32>
  %out = arith.truncf %product : tensor<?x?xf32> to tensor<?x?xbf16>
  return %out : tensor<?x?xbf16>
}
