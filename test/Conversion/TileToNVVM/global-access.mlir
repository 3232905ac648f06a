// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

#rows = #tk.blocked<per_thread = [1, 8], lanes = [16, 2], warps = [4, 1], order = [1, 0]>
#columns = #tk.blocked<per_thread = [8, 1], lanes = [8, 4], warps = [1, 4], order = [0, 1]>
#flat = #tk.blocked<per_thread = [4], lanes = [32], warps = [4], order = [0]>

// Nothing is promised: element by element, each under its own predicate (this column below the columns, and the row
// below the rows), zero where that is false. One block of assembly for the row, so that predicates live for one access.
// CHECK-LABEL: llvm.func @scalar(
// CHECK-SAME:    %[[A:[^:]*]]: !llvm.ptr<1>, %[[M:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[LD:[^:]*]]: i64, %[[I:[^:]*]]: i64)
// CHECK:         %[[T:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK-DAG:     %[[IN_M:.*]] = arith.cmpi ult, %[[ROW:.*]], %[[M]] : i64
// CHECK-DAG:     arith.muli %[[ROW]], %[[LD]] : i64
// CHECK:         setp.lt.and.u64 p, $5, $6, $7;
// CHECK-SAME:    mov.b16 h0, 0;
// CHECK-SAME:    @p ld.global.b16 h0, [$4];
// CHECK-SAME:    add.s64 c, $5, 1;
// CHECK-SAME:    @p ld.global.b16 h1, [$4+2];
// CHECK-COUNT-6: @p ld.global.b16
// CHECK-NOT:     ld.global
// CHECK:         %[[N]], %[[IN_M]] :
// CHECK-COUNT-8: @p st.global.b16 [
// CHECK-NOT:     st.global
tk.kernel @scalar(%A: !tk.global<?x?xbf16>, %i: index) grid {
  tk.grid %i
} {
  %t = tk.load %A[%i, %i] : !tk.global<?x?xbf16> -> tensor<64x16xbf16, #rows>
  tk.store %t, %A[%i, %i] : tensor<64x16xbf16, #rows>, !tk.global<?x?xbf16>
  tk.return
}

// Alignment, size, stride and offset all divide: whole vectors, one predicate each.
// CHECK-LABEL: llvm.func @vector(
// CHECK:         @p ld.global.v4.b32 {$0, $1, $2, $3}, [$4];
// CHECK-NOT:     ld.global
// CHECK:         @p st.global.v4.b32 [$0], {$4, $5, $6, $7};
// CHECK-NOT:     st.global
!aligned = !tk.global<?x?xbf16, align = 16, divisible = [1, 8], stride_divisible = [8, 1]>
tk.kernel @vector(%A: !aligned, %i: index) grid {
  tk.grid %i
} {
  %c16 = arith.constant 16 : index
  %j = arith.muli %i, %c16 : index
  %t = tk.load %A[%i, %j] : !aligned -> tensor<64x16xbf16, #rows>
  tk.store %t, %A[%i, %j] : tensor<64x16xbf16, #rows>, !aligned
  tk.return
}

// The weakest promise decides. Alignment of 8 bytes:
// CHECK-LABEL: llvm.func @by_alignment(
// CHECK-COUNT-2: @p ld.global.v2.b32
// CHECK-NOT:     ld.global
!align8 = !tk.global<?x?xbf16, align = 8, divisible = [1, 8], stride_divisible = [8, 1]>
tk.kernel @by_alignment(%A: !align8, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%i, %zero] : !align8 -> tensor<64x16xbf16, #rows>
  tk.return
}

// Rows of even length:
// CHECK-LABEL: llvm.func @by_size(
// CHECK-COUNT-4: @p ld.global.b32 $
// CHECK-NOT:     ld.global
!even = !tk.global<?x?xbf16, align = 16, divisible = [1, 2], stride_divisible = [8, 1]>
tk.kernel @by_size(%A: !even, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%i, %zero] : !even -> tensor<64x16xbf16, #rows>
  tk.return
}

// Rows that start anywhere:
// CHECK-LABEL: llvm.func @by_stride(
// CHECK-COUNT-8: ld.global.b16
// CHECK-NOT:     ld.global
!stride = !tk.global<?x?xbf16, align = 16, divisible = [1, 8]>
tk.kernel @by_stride(%A: !stride, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%i, %zero] : !stride -> tensor<64x16xbf16, #rows>
  tk.return
}

// An offset that nothing is known of; one of a loop that steps by four.
// CHECK-LABEL: llvm.func @by_offset(
// CHECK-COUNT-8: ld.global.b16
// CHECK:         scf.for
// CHECK-COUNT-2: ld.global.v2.b32
// CHECK-NOT:     ld.global
tk.kernel @by_offset(%A: !aligned, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %four = arith.constant 4 : index
  %t = tk.load %A[%i, %i] : !aligned -> tensor<64x16xbf16, #rows>
  scf.for %k = %zero to %i step %four {
    %u = tk.load %A[%i, %k] : !aligned -> tensor<64x16xbf16, #rows>
  }
  tk.return
}

// Static sizes and strides promise by themselves, and the sizes are constants of the predicate.
// CHECK-LABEL: llvm.func @static(
// CHECK-SAME:    %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64)
// CHECK-DAG:     %[[COLUMNS:.*]] = arith.constant 24 : i64
// CHECK:         @p ld.global.v4.b32
// CHECK-SAME:    %[[COLUMNS]],
// CHECK-NOT:     ld.global
!static = !tk.global<100x24xbf16, strides = [32, 1], align = 16>
tk.kernel @static(%A: !static, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%i, %zero] : !static -> tensor<64x16xbf16, #rows>
  tk.return
}

// Column-major: vectors run down.
// CHECK-LABEL: llvm.func @column_major(
// CHECK-COUNT-1: ld.global.v4.b32
// CHECK-NOT:     ld.global
!column = !tk.global<?x?xbf16, strides = [1, ?], align = 16, divisible = [8, 1], stride_divisible = [1, 8]>
tk.kernel @column_major(%A: !column, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%zero, %i] : !column -> tensor<64x16xbf16, #columns>
  tk.return
}

// Rows of registers in column-major memory: no vector, whatever is promised.
// CHECK-LABEL: llvm.func @crosswise(
// CHECK-COUNT-8: ld.global.b16
// CHECK-NOT:     ld.global
tk.kernel @crosswise(%A: !column, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%zero, %i] : !column -> tensor<64x16xbf16, #rows>
  tk.return
}

// No dimension is known to be contiguous: two strides, no vector.
// CHECK-LABEL: llvm.func @strided(
// CHECK-SAME:    %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %[[LD0:[^:]*]]: i64, %[[LD1:[^:]*]]: i64, %{{[^:]*}}: i64)
// CHECK:         arith.muli %{{.*}}, %[[LD0]] : i64
// CHECK:         arith.muli %{{.*}}, %[[LD1]] : i64
// CHECK-COUNT-8: ld.global.b16
// CHECK-NOT:     ld.global
!strided = !tk.global<?x?xbf16, strides = [?, ?], align = 16, divisible = [8, 8], stride_divisible = [8, 8]>
tk.kernel @strided(%A: !strided, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %A[%zero, %zero] : !strided -> tensor<64x16xbf16, #rows>
  tk.return
}

// Vectors of one dimension; f32, f64, bytes and booleans.
// CHECK-LABEL: llvm.func @one_dimension(
// CHECK:         ld.global.v4.b32
// CHECK-COUNT-2: ld.global.v4.b32
// CHECK:         ld.global.b32
// CHECK-COUNT-4: @p ld.global.b8 $
// CHECK-NOT:     ld.global
// CHECK:         arith.cmpi ne, %{{.*}} : i16
tk.kernel @one_dimension(%f: !tk.global<512xf32, align = 16>, %d: !tk.global<512xf64, align = 16>,
                         %c: !tk.global<512xi8, align = 16>, %b: !tk.global<511xi1>, %B: !tk.global<?xi1>,
                         %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %t = tk.load %f[%zero] : !tk.global<512xf32, align = 16> -> tensor<512xf32, #flat>
  %u = tk.load %d[%zero] : !tk.global<512xf64, align = 16> -> tensor<512xf64, #flat>
  %v = tk.load %c[%zero] : !tk.global<512xi8, align = 16> -> tensor<512xi8, #flat>
  %w = tk.load %b[%zero] : !tk.global<511xi1> -> tensor<512xi1, #flat>
  tk.store %w, %B[%zero] : tensor<512xi1, #flat>, !tk.global<?xi1>
  tk.return
}

// Threads that hold the same elements all load them, but one of them stores: their bits of the thread's number are
// part of the predicate.
// CHECK-LABEL: llvm.func @replicated(
// CHECK-DAG:     %[[BITS:.*]] = arith.constant 112 : i32
// CHECK:         ld.global.b32
// CHECK:         %[[OWN:.*]] = arith.andi %{{.*}}, %[[BITS]] : i32
// CHECK:         %[[FIRST:.*]] = arith.cmpi eq, %[[OWN]], %{{.*}} : i32
// CHECK:         @p st.global.b32 [$0], $4;{{.*}}"l,l,l,b,r,~{memory}" %{{.*}}, %{{.*}}, %{{.*}}, %[[FIRST]],
#small = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
tk.kernel @replicated(%v: !tk.global<?xf32>, %i: index) grid {
  tk.grid %i
} {
  %t = tk.load %v[%i] : !tk.global<?xf32> -> tensor<16xf32, #small>
  tk.store %t, %v[%i] : tensor<16xf32, #small>, !tk.global<?xf32>
  tk.return
}

// A copy takes turns: load, store, load, store.
// CHECK-LABEL: llvm.func @copy(
// CHECK:         ld.global.v4.b32
// CHECK:         llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK:         ld.global.v4.b32
// CHECK:         llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<3>
// CHECK-NOT:     ld.global
// CHECK-NOT:     llvm.store
!smem = !tk.shared<128x16xbf16, #tk.swizzle<32, order = [1, 0]>>
tk.kernel @copy(%A: !aligned, %i: index) grid {
  tk.grid %i
} {
  %zero = arith.constant 0 : index
  %s = tk.alloc "s" at 0 : !smem
  tk.copy %A[%i, %zero], %s : !aligned, !smem through #rows
  tk.return
}
