// RUN: tk-opt --allow-unregistered-dialect %s | tk-opt --allow-unregistered-dialect | FileCheck %s
// RUN: tk-opt --allow-unregistered-dialect --mlir-print-op-generic %s | tk-opt --allow-unregistered-dialect | FileCheck %s

// Types come back as they were written; what is the default is not printed.

// CHECK-LABEL: "test.types"
// CHECK-SAME: default = !tk.global<?x?xbf16>,
// CHECK-SAME: defaults_in_full = !tk.global<?x?xbf16>}
"test.types"() {
  default = !tk.global<?x?xbf16>,
  defaults_in_full = !tk.global<?x?xbf16, strides = [?, 1], align = 2, divisible = [1, 1], stride_divisible = [1, 1]>
} : () -> ()

// Every promise, in the order of the printer whatever the order of the source.
// CHECK-LABEL: "test.promises"
// CHECK-SAME: !tk.global<?x128xf32, strides = [1, ?], align = 16, divisible = [8, 1], stride_divisible = [1, 4]>
"test.promises"() {
  type = !tk.global<?x128xf32, stride_divisible = [1, 4], divisible = [8, 1], align = 16, strides = [1, ?]>
} : () -> ()

// Ranks 1 to 5; a static stride; stride zero repeats; size zero is empty.
// CHECK-LABEL: "test.ranks"
// CHECK-SAME: a1 = !tk.global<?xf64>,
// CHECK-SAME: a2 = !tk.global<0x7xi8, strides = [64, 1]>,
// CHECK-SAME: a3 = !tk.global<?x?x?xi32, strides = [0, ?, ?]>,
// CHECK-SAME: a5 = !tk.global<1x2x3x4x?xf16>
"test.ranks"() {
  a1 = !tk.global<?xf64>,
  a2 = !tk.global<0x7xi8, strides = [64, 1]>,
  a3 = !tk.global<?x?x?xi32, strides = [0, ?, ?]>,
  a5 = !tk.global<1x2x3x4x?xf16>
} : () -> ()

// Booleans and 8-bit floats are memory's element types as well.
// CHECK-LABEL: "test.elements"
// CHECK-SAME: !tk.global<?xi1>
// CHECK-SAME: !tk.global<?xf8E4M3FN>
// CHECK-SAME: !tk.shared<32xf8E5M2>
"test.elements"() {b = !tk.global<?xi1>, c = !tk.global<?xf8E4M3FN>, d = !tk.shared<32xf8E5M2>} : () -> ()

// CHECK-LABEL: "test.shared_types"
// CHECK-SAME: bare = !tk.shared<128x64xbf16>,
// CHECK-SAME: swizzled = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
"test.shared_types"() {
  bare = !tk.shared<128x64xbf16>,
  swizzled = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
} : () -> ()

// CHECK-LABEL: "test.inflight_types"
// CHECK-SAME: !tk.inflight<tensor<64x8xf32>>
// CHECK-SAME: !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
"test.inflight_types"() {
  bare = !tk.inflight<tensor<64x8xf32>>,
  placed = !tk.inflight<tensor<64x8xf32, #tk.wgmma_acc>>
} : () -> ()
