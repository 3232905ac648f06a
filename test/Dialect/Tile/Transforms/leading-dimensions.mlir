// Tiles of views with more dimensions than they have, through every pass that looks at an offset or a stride.
//
// RUN: tk-opt --tk-split-variants --split-input-file %s | FileCheck %s --check-prefix=SPLIT
// RUN: tk-opt --tk-split-variants --split-input-file %s --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=SPLIT-REMARK
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' --split-input-file %s | FileCheck %s --check-prefix=WIDEN
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-widen-tiles))' --split-input-file %s --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=WIDEN-REMARK
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist),canonicalize,cse)' --split-input-file %s | FileCheck %s --check-prefix=PERSIST
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps,tk-subtile-epilogue,tk-insert-wgmma,tk-assign-swizzles,tk-insert-tma,tk-assign-layouts))' --split-input-file %s | FileCheck %s --check-prefix=PLACED

!in = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
!b = !tk.global<?x?x?xbf16, strides = [?, 1, ?], align = 16, stride_divisible = [8, 1, 8]>

// Along z there is nothing to widen, and what moves along x is dimension 2 of B and C.
// WIDEN-LABEL: tk.kernel @batched(
// WIDEN:         tk.load %A[%{{.*}}, %{{.*}}, %{{.*}}] : {{.*}} -> tensor<128x64xbf16>
// WIDEN:         tk.load %B[%{{.*}}, %{{.*}}, %{{.*}}] : {{.*}} -> tensor<64x256xbf16>
// WIDEN:         tk.store %{{.*}}, %C[%{{.*}}, %{{.*}}, %{{.*}}] : tensor<128x256xbf16>

// A plane after the other; within a plane bands of rows.
// PERSIST-LABEL: tk.kernel @batched(
// PERSIST:         tk.grid %{{[a-z0-9]+}}
// PERSIST-NEXT:  } {
// PERSIST-DAG:     %[[L:.*]] = tk.dim %C, 0
// PERSIST-DAG:     %[[X:.*]] = arith.ceildivui
// PERSIST-DAG:     %[[Y:.*]] = arith.ceildivui
// PERSIST:         %[[XY:.*]] = arith.muli %[[X]], %[[Y]]
// PERSIST:         %[[ALL:.*]] = arith.muli %[[XY]], %[[L]]
// PERSIST:         scf.for %[[TILE:.*]] = %{{.*}} to %[[ALL]] step
// PERSIST-NEXT:      %[[Z:.*]] = arith.divui %[[TILE]], %[[XY]]
// PERSIST-NEXT:      %[[IN:.*]] = arith.remui %[[TILE]], %[[XY]]
// PERSIST:           arith.divui %[[IN]],
// PERSIST:           tk.load %A[%[[Z]], %{{.*}}, %{{.*}}]
// PERSIST:           tk.store %{{.*}}, %C[%[[Z]],

// The consumers' rows are dimension 1 of the view, the slices' columns dimension 2. B lies along its own dimension 1.
// PLACED-LABEL: tk.kernel @batched(
// PLACED:         tk.alloc "A" : !tk.slots<6, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
// PLACED:         tk.alloc "B" : !tk.slots<6, <64x128xbf16, #tk.swizzle<128, order = [0, 1]>>>
// PLACED:         %[[Z:.*]] = tk.program_id 2
// PLACED:         tk.tma_load %A[%[[Z]], %{{.*}}, %[[K:.*]]],
// PLACED:         tk.tma_load %B[%[[Z]], %[[K]], %{{.*}}],
// PLACED:       } consumers 2
// PLACED:         %[[R:.*]] = arith.muli %{{.*}}, %c64
// PLACED:         %[[Z:.*]] = tk.program_id 2
// PLACED:         %[[ROW:.*]] = arith.addi %{{.*}}, %[[R]]
// PLACED:         %[[COLUMN:.*]] = arith.addi %[[AT:.*]], %c0
// PLACED:         tk.tma_store %{{.*}}, %C[%[[Z]], %[[ROW]], %[[COLUMN]]]
// PLACED:         %[[NEXT:.*]] = arith.addi %[[AT]], %c64
// PLACED:         tk.tma_store %{{.*}}, %C[%[[Z]], %[[ROW]], %[[NEXT]]]
tk.kernel @batched(%A: !in, %B: !b, %C: !in) grid {
  %tile = arith.constant 128 : index
  %l = tk.dim %C, 0 : !in
  %m = tk.dim %C, 1 : !in
  %n = tk.dim %C, 2 : !in
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tile : index
  tk.grid %x, %y, %l
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %z = tk.program_id 2
  %row = arith.muli %y, %tile : index
  %column = arith.muli %x, %tile : index
  %first = arith.constant 0 : index
  %depth = tk.dim %A, 2 : !in
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%z, %row, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%z, %k, %column] : !b -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  %rounded = arith.truncf %product : tensor<128x128xf32> to tensor<128x128xbf16>
  tk.store %rounded, %C[%z, %row, %column] : tensor<128x128xbf16>, !in
  tk.return
}

// -----

// The batch's stride is promised as well.
// SPLIT-LABEL: tk.kernel @promise_tma(
// SPLIT-SAME:    %A: !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>,
// SPLIT-SAME:    %B: !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>, %n: index)
// SPLIT-REMARK:  @promise_tma is the kernel where addresses and strides of A, B are multiples of 16 bytes
!any = !tk.global<?x?x?xbf16>
tk.kernel @promise(%A: !any, %B: !any, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n, %n] : !any -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n, %n] : !any -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.return
}

// -----

// A stride of 0 cannot be promised, and a product of which one operand comes by the copy engine is not worth a variant.
// SPLIT-LABEL: tk.kernel @closed(
// SPLIT-NOT:     @closed
// SPLIT-REMARK:  [Missed] variant | Category:tk-split-variants | Function=closed | Reason="the copy engine cannot read B, aligned or not, and a product needs it: its stride along dimension 0 is 0, expected
!any = !tk.global<?x?x?xbf16>
!one = !tk.global<?x?x?xbf16, strides = [0, ?, 1]>
tk.kernel @closed(%A: !any, %B: !one, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tk.load %A[%n, %n, %n] : !any -> tensor<64x16xbf16>
  %b = tk.load %B[%n, %n, %n] : !one -> tensor<16x8xbf16>
  %d = tk.dot %a, %b, %z : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.return
}

// -----

// x chooses a matrix: its neighbours are others, not wider tiles of this one.
// WIDEN-REMARK: remark: [Missed] widen | Category:tk-widen-tiles | Function=across | Reason="program_id 0 chooses one index along dimension 0 of a view: neighbours have other tiles, not wider ones"
!in = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
tk.kernel @across(%A: !in, %B: !in, %C: !in) attributes {tuning = #tk.tuning<widen = 2>} grid {
  %tile = arith.constant 128 : index
  %n = tk.dim %C, 2 : !in
  %x = arith.ceildivui %n, %tile : index
  tk.grid %x
} {
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %column = arith.muli %x, %tile : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %a = tk.load %A[%column, %column, %column] : !in -> tensor<128x64xbf16>
  %b = tk.load %B[%column, %column, %column] : !in -> tensor<64x128xbf16>
  %d = tk.dot %a, %b, %zero : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
  %rounded = arith.truncf %d : tensor<128x128xf32> to tensor<128x128xbf16>
  tk.store %rounded, %C[%column, %column, %column] : tensor<128x128xbf16>, !in
  tk.return
}
