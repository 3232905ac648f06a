// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-stmatrix))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-stmatrix))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=vectors

!rows = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!columns = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
#acc = #tk.wgmma_acc

// An accumulator on its way through shared memory, both ways; contiguous along columns, transposed.
// CHECK-LABEL: tk.kernel @product
// CHECK:         tk.shared_store {{.*}} {matrix} : tensor<64x64xbf16, #tk.wgmma_acc>
// CHECK:         tk.shared_load {{.*}} {matrix} :
// CHECK:         tk.shared_store {{.*}} {matrix} : tensor<64x64xbf16, #tk.wgmma_acc>
// REMARK: [Passed] stmatrix | Category:tk-insert-stmatrix | Function=product | Remark="4 moves of four 8 x 8 matrices instead of 16 of 4 bytes a lane"
// REMARK: [Passed] stmatrix | Category:tk-insert-stmatrix | Function=product | Remark="4 moves of four 8 x 8 matrices instead of 16 of 4 bytes a lane"
// REMARK: [Passed] stmatrix | Category:tk-insert-stmatrix | Function=product | Remark="4 moves of four 8 x 8 matrices, transposed, instead of 32 of 2 bytes a lane"
tk.kernel @product(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !rows
  %t = tk.alloc "t" at 8192 : !columns
  %z = arith.constant dense<0.0> : tensor<64x64xbf16, #acc>
  tk.shared_store %z, %s : tensor<64x64xbf16, #acc>, !rows
  %v = tk.shared_load %s : !rows -> tensor<64x64xbf16, #acc>
  tk.shared_store %v, %t : tensor<64x64xbf16, #acc>, !columns
  tk.return
}

// Threads that hold 16 bytes in a row need nobody's help.
// CHECK-LABEL: tk.kernel @vectors
// CHECK-NOT:     matrix
#vectors = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
tk.kernel @vectors(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !rows
  %z = arith.constant dense<0.0> : tensor<64x64xbf16, #vectors>
  tk.shared_store %z, %s : tensor<64x64xbf16, #vectors>, !rows
  tk.return
}

// CHECK-LABEL: tk.kernel @no_matrices
// CHECK-NOT:     matrix
// REMARK: [Missed] stmatrix | Category:tk-insert-stmatrix | Function=no_matrices | Reason="no move of 8 x 8 matrices: elements take 4 bytes, and a matrix has 2"
// REMARK: [Missed] stmatrix | Category:tk-insert-stmatrix | Function=no_matrices | Reason="no move of 8 x 8 matrices: each of 128 threads holds 12 elements, and four matrices take 8 of each of 32 lanes"
// REMARK: [Missed] stmatrix | Category:tk-insert-stmatrix | Function=no_matrices | Reason="no move of 8 x 8 matrices: register 0 of thread 4 holds element (4, 0) at byte 576, expected 2: lanes hold no 8 x 8 matrices"
!f32 = !tk.shared<64x32xf32, #tk.swizzle<128, order = [1, 0]>>
!narrow = !tk.shared<64x24xbf16, #tk.swizzle<16, order = [1, 0]>>
#single = #tk.blocked<per_thread = [1, 1], lanes = [32, 1], warps = [1, 4], order = [0, 1]>
tk.kernel @no_matrices(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !f32
  %t = tk.alloc "t" at 8192 : !narrow
  %u = tk.alloc "u" at 16384 : !rows
  %x = arith.constant dense<0.0> : tensor<64x32xf32, #acc>
  tk.shared_store %x, %s : tensor<64x32xf32, #acc>, !f32
  %y = arith.constant dense<0.0> : tensor<64x24xbf16, #acc>
  tk.shared_store %y, %t : tensor<64x24xbf16, #acc>, !narrow
  %z = arith.constant dense<0.0> : tensor<64x64xbf16, #single>
  tk.shared_store %z, %u : tensor<64x64xbf16, #single>, !rows
  tk.return
}
