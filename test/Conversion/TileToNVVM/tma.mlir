// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file %s | FileCheck %s

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
!s = !tk.shared<64x192xbf16, #tk.swizzle<128, order = [1, 0]>>
!bars = !tk.mbarriers<1>

// One instruction for each panel of 64 columns: 8192 bytes further in shared memory, 64 further along the innermost
// coordinate, which comes first. The tensor map is the last parameter, by value; what the host needs to make it is on
// the kernel.
// CHECK:       tk.kernel @panels(
// CHECK-SAME:    reads = array<i1: false, true, false>, tensor_maps = [#tk.tensor_map<argument = 1, order = [1, 0], box = [64, 64], swizzle = 128>], writes = array<i1: false, false, false>}
// CHECK:       llvm.func @panels(%{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64,
// CHECK-SAME:    %[[MAP:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant})
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : i32
// CHECK-DAG:     %[[C128:.*]] = arith.constant 128 : i32
// CHECK-DAG:     %[[PANEL:.*]] = arith.constant 8192 : i32
// CHECK-DAG:     %[[PANELS:.*]] = arith.constant 16384 : i32
// CHECK-DAG:     %[[LEAST:.*]] = arith.constant -2147483648 : index
// CHECK-DAG:     %[[MOST:.*]] = arith.constant 2147483647 : index
// CHECK:         scf.if
// CHECK-NEXT:      %[[BAR:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK-NEXT:      %[[BASE:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// An offset of 2^32 would come out as 0: what no coordinate can hold becomes one that is outside as well.
// CHECK-NEXT:      %[[ABOVE:.*]] = arith.maxsi %{{.*}}, %[[LEAST]] : index
// CHECK-NEXT:      %[[FITS:.*]] = arith.minsi %[[ABOVE]], %[[MOST]] : index
// CHECK-NEXT:      %[[COLUMN:.*]] = arith.index_cast %[[FITS]] : index to i32
// CHECK:           %[[ROW:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-NEXT:      llvm.inline_asm has_side_effects asm_dialect = att "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$1], [$0, {$2, $3}], [$4];", "l,r,r,r,r,~{memory}" %[[MAP]], %[[BASE]], %[[COLUMN]], %[[ROW]], %[[BAR]] :
// CHECK-NEXT:      %[[BASE1:.*]] = arith.addi %[[BASE]], %[[PANEL]] : i32
// CHECK-NEXT:      %[[COLUMN1:.*]] = arith.addi %[[COLUMN]], %[[C64]] : i32
// CHECK-NEXT:      llvm.inline_asm {{.*}} %[[MAP]], %[[BASE1]], %[[COLUMN1]], %[[ROW]], %[[BAR]] :
// CHECK-NEXT:      %[[BASE2:.*]] = arith.addi %[[BASE]], %[[PANELS]] : i32
// CHECK-NEXT:      %[[COLUMN2:.*]] = arith.addi %[[COLUMN]], %[[C128]] : i32
// CHECK-NEXT:      llvm.inline_asm {{.*}} %[[MAP]], %[[BASE2]], %[[COLUMN2]], %[[ROW]], %[[BAR]] :
// CHECK-NEXT:    }
// CHECK-NEXT:    llvm.return
tk.kernel @panels(%C: !out, %A: !in, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 24576 : !bars
  %s = tk.alloc "s" at 0 : !s
  %c = tk.ring_start : !tk.cursor<1>
  %row = tk.program_id 0
  tk.tma_load %A[%row, %n], %s, %b[%c] : !in, !s, !bars
  tk.return
}

// -----

!rows = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!columns = !tk.global<?x?xf32, strides = [1, ?], align = 16, stride_divisible = [1, 4]>
!a = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!narrow = !tk.shared<64x64xbf16, #tk.swizzle<32, order = [1, 0]>>
!plain = !tk.shared<8x64xbf16, #tk.swizzle<16, order = [1, 0]>>
!b = !tk.shared<32x16xf32, #tk.swizzle<64, order = [0, 1]>>
!bars = !tk.mbarriers<1>

// A map for each argument and box, in the order of their first use, each once; columns that are contiguous come first
// in the order and in the coordinates. Loads through a map know it wherever they are.
// CHECK:       tk.kernel @maps(
// CHECK-SAME:    tensor_maps = [
// CHECK-SAME:      #tk.tensor_map<argument = 1, order = [0, 1], box = [16, 16], swizzle = 64>,
// CHECK-SAME:      #tk.tensor_map<argument = 0, order = [1, 0], box = [64, 64], swizzle = 128>,
// CHECK-SAME:      #tk.tensor_map<argument = 0, order = [1, 0], box = [16, 64], swizzle = 32>,
// CHECK-SAME:      #tk.tensor_map<argument = 0, order = [1, 0], box = [8, 8], swizzle = 16>]
// CHECK:       llvm.func @maps({{.*}}: i64, %[[M0:[^:]*]]: !llvm.ptr {{[^}]*}}}, %[[M1:[^:]*]]: !llvm.ptr {{[^}]*}}}, %[[M2:[^:]*]]: !llvm.ptr {{[^}]*}}}, %[[M3:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}) attributes
// CHECK-DAG:     %[[I:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK-DAG:     %[[IX:.*]] = arith.index_castui %[[I]]
// CHECK:           %[[JA:.*]] = arith.maxsi %[[IX]], %{{.*}} : index
// CHECK-NEXT:      %[[JF:.*]] = arith.minsi %[[JA]], %{{.*}} : index
// CHECK-NEXT:      %[[J:.*]] = arith.index_cast %[[JF]] : index to i32
// CHECK:           llvm.inline_asm {{.*}}"cp.async.bulk.tensor.2d{{.*}} %[[M0]], %{{[^,]*}}, %[[J]], %{{[^,]*}}, %{{[^,]*}} :
// CHECK:           llvm.inline_asm {{.*}}"cp.async.bulk.tensor.2d{{.*}} %[[M0]],
// CHECK-NOT:       %[[M0]]
// CHECK:           scf.for
// CHECK:           %[[JA:.*]] = arith.maxsi %[[IX]], %{{.*}} : index
// CHECK-NEXT:      %[[JF:.*]] = arith.minsi %[[JA]], %{{.*}} : index
// CHECK-NEXT:      %[[J:.*]] = arith.index_cast %[[JF]] : index to i32
// CHECK:           llvm.inline_asm {{.*}}"cp.async.bulk.tensor.2d{{.*}} %[[M1]], %{{[^,]*}}, %{{[^,]*}}, %[[J]], %{{[^,]*}} :
// CHECK:         llvm.inline_asm {{.*}} %[[M1]],
// CHECK-COUNT-4: llvm.inline_asm {{.*}} %[[M2]],
// CHECK-COUNT-8: llvm.inline_asm {{.*}} %[[M3]],
// CHECK-NOT:     cp.async.bulk
tk.kernel @maps(%A: !rows, %B: !columns, %m: index, %n: index) grid {
  tk.grid %n
} {
  %bar = tk.alloc "bar" at 0 : !bars
  %b = tk.alloc "b" at 1024 : !b
  %a = tk.alloc "a" at 8192 : !a
  %narrow = tk.alloc "narrow" at 16384 : !narrow
  %plain = tk.alloc "plain" at 24576 : !plain
  %c0 = tk.ring_start : !tk.cursor<1>
  %i = tk.program_id 0
  tk.tma_load %B[%i, %n], %b, %bar[%c0] : !columns, !b, !bars
  %e = scf.for %k = %m to %n step %n iter_args(%c = %c0) -> !tk.cursor<1> {
    tk.tma_load %A[%i, %k], %a, %bar[%c] : !rows, !a, !bars
    %next = tk.ring_advance %c : !tk.cursor<1>
    scf.yield %next : !tk.cursor<1>
  }
  tk.tma_load %A[%n, %i], %a, %bar[%e] : !rows, !a, !bars
  tk.tma_load %A[%n, %i], %narrow, %bar[%e] : !rows, !narrow, !bars
  tk.tma_load %A[%n, %i], %plain, %bar[%e] : !rows, !plain, !bars
  tk.return
}
