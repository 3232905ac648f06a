// RUN: tk-opt --convert-tk-to-nvvm %s | FileCheck %s

// A view is a pointer, then each dynamic size, then each dynamic stride; scalars are themselves, index is i64. The
// kernel stays with its grid, its report and an empty body.
// CHECK-LABEL: tk.kernel @arguments(%A: !tk.global<?x8xf32> [M, ?], %v: !tk.global<4xi8, strides = [?]>, %n: index, %alpha: f32, %h: f16, %i: i8) attributes {
// CHECK-SAME:    bank_proofs = [], buffers = [], lowered_to = @tk_device::@arguments, reads = array<i1: true, false, false, false, false, false>,
// CHECK-SAME:    writes = array<i1: false, true, false, false, false, false>} grid {
// CHECK-NEXT:    tk.grid %n, %n
// CHECK-NEXT:  } {
// CHECK-NEXT:    tk.return
// CHECK-NEXT:  }
// CHECK:       gpu.module @tk_device [#nvvm.target<chip = "sm_90a", features = "+ptx81">] {
// CHECK-NEXT:    llvm.mlir.global external @tk_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK-NEXT:    llvm.func @arguments(
// CHECK-SAME:      %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: f32, %{{[^:]*}}: f16, %{{[^:]*}}: i8)
// CHECK-SAME:      attributes {nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 128, 1, 1>}
#flat = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
#rows = #tk.blocked<per_thread = [1, 1], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
tk.kernel @arguments(%A: !tk.global<?x8xf32> [M, ?], %v: !tk.global<4xi8, strides = [?]>, %n: index, %alpha: f32,
                     %h: f16, %i: i8) grid {
  tk.grid %n, %n
} {
  %t = tk.load %A[%n, %n] : !tk.global<?x8xf32> -> tensor<16x8xf32, #rows>
  %z = arith.constant dense<0> : tensor<128xi8, #flat>
  tk.store %z, %v[%n] : tensor<128xi8, #flat>, !tk.global<4xi8, strides = [?]>
  tk.return
}

// Threads, flushing and contraction; two kernels share the machine module.
// CHECK:         llvm.func @numerics(%[[X:.*]]: f32, %{{.*}}: i64
// CHECK-SAME:      denormal_fp_math_f32 = "preserve-sign"
// CHECK-SAME:      nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 256, 1, 1>
// CHECK:           arith.mulf %[[X]], %[[X]] fastmath<contract> : f32
tk.kernel @numerics(%x: f32, %n: index) attributes {numerics = #tk.numerics<contract = true, flush = true>, threads = 256} grid {
  tk.grid %n
} {
  %y = arith.mulf %x, %x : f32
  tk.return
}

// Without permission there is neither.
// CHECK:         llvm.func @strict(%[[X:.*]]: f32, %{{.*}}: i64
// CHECK-NOT:       denormal_fp_math_f32
// CHECK:           arith.mulf %[[X]], %[[X]] : f32
tk.kernel @strict(%x: f32, %n: index) grid {
  tk.grid %n
} {
  %y = arith.mulf %x, %x : f32
  tk.return
}

// Sizes, ids and counts. A dynamic size is a parameter, a static one a constant.
// CHECK:         llvm.func @indices(%{{.*}}: !llvm.ptr<1>, %[[M:.*]]: i64, %{{.*}}: i64)
// CHECK:           nvvm.read.ptx.sreg.ctaid.x : i32
// CHECK:           nvvm.read.ptx.sreg.ctaid.z : i32
// CHECK:           nvvm.read.ptx.sreg.nctaid.y : i32
// CHECK:           arith.index_cast %[[M]] : i64 to index
// CHECK:           arith.constant 8 : index
// CHECK:           llvm.return
tk.kernel @indices(%A: !tk.global<?x8xf32>) grid {
  %n = tk.dim %A, 0 : !tk.global<?x8xf32>
  tk.grid %n
} {
  %x = tk.program_id 0
  %z = tk.program_id 2
  %y = tk.num_programs 1
  %m = tk.dim %A, 0 : !tk.global<?x8xf32>
  %n = tk.dim %A, 1 : !tk.global<?x8xf32>
  tk.return
}

// A kernel that was lowered stays as it is.
// CHECK-NOT:     llvm.func @lowered
tk.kernel @lowered(%n: index) attributes {lowered_to = @tk_device::@elsewhere} grid {
  tk.grid %n
} {
  tk.return
}
