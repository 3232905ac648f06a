// RUN: tk-opt --allow-unregistered-dialect %s | tk-opt --allow-unregistered-dialect | FileCheck %s
// RUN: tk-opt --allow-unregistered-dialect --mlir-print-op-generic %s | tk-opt --allow-unregistered-dialect | FileCheck %s

// Attributes come back as they were written.

// CHECK-LABEL: "test.blocked"
// CHECK-SAME: #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
"test.blocked"() {
  b = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
} : () -> ()

// CHECK-LABEL: "test.wgmma_acc"
// CHECK-SAME: #tk.wgmma_acc
"test.wgmma_acc"() {b = #tk.wgmma_acc} : () -> ()

// CHECK-LABEL: "test.swizzle"
// CHECK-SAME: [#tk.swizzle<16, order = [1, 0]>, #tk.swizzle<32, order = [0, 1]>, #tk.swizzle<64, order = [1, 0]>, #tk.swizzle<128, order = [0, 1]>]
"test.swizzle"() {
  b = [#tk.swizzle<16, order = [1, 0]>, #tk.swizzle<32, order = [0, 1]>,
                          #tk.swizzle<64, order = [1, 0]>, #tk.swizzle<128, order = [0, 1]>]
} : () -> ()

// CHECK-LABEL: "test.numerics"
// CHECK-SAME: #tk.numerics<contract = true, flush = false>
"test.numerics"() {b = #tk.numerics<contract = true, flush = false>} : () -> ()

// CHECK-LABEL: "test.buffer"
// CHECK-SAME: #tk.buffer<"a b\22", offset = 1024, bytes = 16384, type = !tk.shared<128x64xbf16>, source = "x.mlir:3:1">
"test.buffer"() {
  b = #tk.buffer<"a b\22", offset = 1024, bytes = 16384, type = !tk.shared<128x64xbf16>, source = "x.mlir:3:1">
} : () -> ()

// CHECK-LABEL: "test.banks"
// CHECK-SAME: #tk.banks<width = 16, instructions = 8, wavefronts = 5, minimum = 4>
"test.banks"() {b = #tk.banks<width = 16, instructions = 8, wavefronts = 5, minimum = 4>} : () -> ()

// CHECK-LABEL: "test.bank_proof"
// CHECK-SAME: #tk.bank_proof<"copy", source = "x.mlir:3:1", banks = <width = 16, instructions = 8, wavefronts = 5, minimum = 4>>
"test.bank_proof"() {
  b = #tk.bank_proof<"copy", source = "x.mlir:3:1", banks = <width = 16, instructions = 8, wavefronts = 5, minimum = 4>>
} : () -> ()

// Register layouts are encodings of tensors.
// CHECK-LABEL: "test.encodings"
// CHECK-SAME: tensor<80x8xf32, #tk.blocked<per_thread = [1, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>>
// CHECK-SAME: tensor<128x24xf32, #tk.wgmma_acc>
"test.encodings"() {
  b = tensor<80x8xf32, #tk.blocked<per_thread = [1, 2], lanes = [8, 4], warps = [2, 2], order = [1, 0]>>,
  c = tensor<128x24xf32, #tk.wgmma_acc>
} : () -> ()
