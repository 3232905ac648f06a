// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles,tk-assign-swizzles))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-swizzles))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!row = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!column = !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>
!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<64x128xbf16>>

// Each tile of a ring is laid out for the view that fills it; waits, slices and what else uses the ring see it.
// CHECK-LABEL: tk.kernel @ring
// CHECK:         %[[R:.*]] = tk.ring "A, B" : !tk.ring<2, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, <64x128xbf16, #tk.swizzle<128, order = [0, 1]>>>
// CHECK:         tk.ring_acquire %[[R]][%{{.*}}] : !tk.ring<2, <128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, <64x128xbf16, #tk.swizzle<128, order = [0, 1]>>>
// CHECK:         %[[T:.*]]:2 = tk.ring_wait
// CHECK-NEXT:    tk.shared_slice %[[T]]#0[%n] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
// CHECK-NEXT:    tk.shared_load %[[T]]#1 : !tk.shared<64x128xbf16, #tk.swizzle<128, order = [0, 1]>>
// REMARK-DAG: {{.*}}.mlir:[[#@LINE+5]]:8: remark: [Passed] swizzle | Category:tk-assign-swizzles | Function=ring | Remark=""A" lies in 1 panel(s) of 128 bytes, contiguous along dimension 1 as in global memory"
// REMARK-DAG: Function=ring | Remark=""B" lies in 1 panel(s) of 128 bytes, contiguous along dimension 0 as in global memory"
tk.kernel @ring(%A: !row, %B: !column, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "A, B" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  tk.ring_acquire %r[%c] : !ring
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !ring, !row
  tk.ring_fill %r[%c] tile 1 from %B[%n, %n] : !ring, !column
  %a, %b = tk.ring_wait %r[%c] : !ring
  %p = tk.shared_slice %a[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  %l = tk.shared_load %b : !tk.shared<64x128xbf16> -> tensor<64x128xbf16>
  tk.return
}

// A layout by hand stays, beside one that is chosen; in roles.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK:         tk.ring "r" : !tk.ring<2, <128x64xbf16, #tk.swizzle<32, order = [1, 0]>>, <64x128xbf16, #tk.swizzle<128, order = [1, 0]>>>
// CHECK:           tk.ring_wait %{{.*}} : !tk.ring<2, <128x64xbf16, #tk.swizzle<32, order = [1, 0]>>, <64x128xbf16, #tk.swizzle<128, order = [1, 0]>>>
!mixed = !tk.ring<2, !tk.shared<128x64xbf16, #tk.swizzle<32, order = [1, 0]>>, !tk.shared<64x128xbf16>>
tk.kernel @by_hand(%A: !row, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !mixed
  tk.specialize producer registers 40 {
    %c = tk.ring_start : !tk.cursor<2>
    tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !mixed, !row
    tk.ring_fill %r[%c] tile 1 from %A[%n, %n] : !mixed, !row
  } consumers 1 registers 240 {
    %c = tk.ring_start : !tk.cursor<2>
    %a, %b = tk.ring_wait %r[%c] : !mixed
  }
  tk.return
}

// Declined, as other tiles are: the ring stays as it is.
// CHECK-LABEL: tk.kernel @declined
// CHECK:         tk.ring "r" : !tk.ring<2, <8x12xbf16>, <64xbf16>>
// REMARK-DAG: [Missed] swizzle | Category:tk-assign-swizzles | Function=declined | Reason=""r.0" has 8 rows of 24 bytes: expected a multiple of 8 rows and of 16 bytes"
// REMARK-DAG: [Missed] swizzle | Category:tk-assign-swizzles | Function=declined | Reason=""r.1" has rank 1: swizzles are for tiles of rank 2"
tk.kernel @declined(%A: !row, %v: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !tk.ring<2, !tk.shared<8x12xbf16>, !tk.shared<64xbf16>>
  %c = tk.ring_start : !tk.cursor<2>
  tk.ring_fill %r[%c] tile 0 from %A[%n, %n] : !tk.ring<2, !tk.shared<8x12xbf16>, !tk.shared<64xbf16>>, !row
  tk.ring_fill %r[%c] tile 1 from %v[%n] : !tk.ring<2, !tk.shared<8x12xbf16>, !tk.shared<64xbf16>>, !tk.global<?xbf16>
  tk.return
}
