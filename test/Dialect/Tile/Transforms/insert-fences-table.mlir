// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' %s | FileCheck %s

#l = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
!v = !tk.global<?xf32>
!list = !tk.table<src: !v, dst: !v>

// Two rows may be one, and then threads store what others loaded; of different columns one that is written shares no
// memory with the other.
// CHECK-LABEL: tk.kernel @rows(
// CHECK:         tk.load %dst
// CHECK-NEXT:    tk.barrier
// CHECK-NEXT:    tk.store %{{.*}}, %dst_
tk.kernel @rows(%list: !list, %i: index, %j: index) grid {
  tk.grid %i
} {
  %src, %dst = tk.table_row %list[%i] : !list
  %src2, %dst2 = tk.table_row %list[%j] : !list
  %t = tk.load %dst[%i] : !v -> tensor<128xf32, #l>
  tk.store %t, %dst2[%j] : tensor<128xf32, #l>, !v
  tk.return
}

// CHECK-LABEL: tk.kernel @columns(
// CHECK-NOT:     tk.barrier
// CHECK:         tk.return
tk.kernel @columns(%list: !list, %other: !v, %i: index, %j: index) grid {
  tk.grid %i
} {
  %src, %dst = tk.table_row %list[%i] : !list
  %src2, %dst2 = tk.table_row %list[%j] : !list
  %t = tk.load %src[%i] : !v -> tensor<128xf32, #l>
  tk.store %t, %dst2[%j] : tensor<128xf32, #l>, !v
  tk.store %t, %other[%j] : tensor<128xf32, #l>, !v
  tk.return
}
