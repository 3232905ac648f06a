// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-cluster))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-cluster,tk-cluster))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-cluster))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=Function=alone

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xbf16>

// B is wider: programs below one another share it.
// CHECK-LABEL: tk.kernel @below
// CHECK-SAME:    cluster = array<i64: 1, 2>
// CHECK:         %[[X:.*]] = arith.ceildivui %{{.*}}, %{{.*}} : index
// CHECK-NEXT:    %[[Y:.*]] = arith.ceildivui %{{.*}}, %{{.*}} : index
// CHECK-NEXT:    %[[TWO:.*]] = arith.constant 2 : index
// CHECK-NEXT:    %[[PAIRS:.*]] = arith.ceildivui %[[Y]], %[[TWO]] : index
// CHECK-NEXT:    %[[EVEN:.*]] = arith.muli %[[PAIRS]], %[[TWO]] : index
// CHECK-NEXT:    tk.grid %[[X]], %[[EVEN]]
// CHECK:         tk.load %A[%{{.*}}, %{{.*}}] :
// CHECK:         tk.load %B[%{{.*}}, %{{.*}}] multicast :
// REMARK-DAG: remark: [Passed] cluster | Category:tk-cluster | Function=below | Remark="2 programs along dimension 1 of the grid share 1 load(s): each brings a part of 32768 bytes an iteration"
tk.kernel @below(%A: !in [M, K], %B: !in [K, N], %C: !out [M, N]) grid {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %m = tk.dim %C, 0 : !out
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %columns : index
  %y = arith.ceildivui %m, %rows : index
  tk.grid %x, %y
} {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %rows : index
  %column = arith.muli %x, %columns : index
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  %z = arith.constant dense<0.0> : tensor<128x256xf32>
  %l = scf.for %k = %first to %depth step %step iter_args(%s = %z) -> tensor<128x256xf32> {
    %a = tk.load %A[%row, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x256xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
    scf.yield %d : tensor<128x256xf32>
  }
  tk.store %l, %C[%row, %column] : tensor<128x256xf32>, !out
  tk.return
}

// B is wider, but its four panels cannot be cut into eight parts: A is shared instead.
// CHECK-LABEL: tk.kernel @eight
// CHECK-SAME:    cluster = array<i64: 8, 1>
// CHECK:         tk.load %A[%{{.*}}, %{{.*}}] multicast :
// CHECK:         tk.load %B[%{{.*}}, %{{.*}}] :
// REMARK-DAG: Function=eight | Remark="8 programs along dimension 0 of the grid share 1 load(s): each brings a part of 16384 bytes an iteration"
tk.kernel @eight(%A: !in [M, K], %B: !in [K, N], %C: !out [M, N]) attributes {tuning = #tk.tuning<cluster = 8>} grid {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %m = tk.dim %C, 0 : !out
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %columns : index
  %y = arith.ceildivui %m, %rows : index
  tk.grid %x, %y
} {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %rows : index
  %column = arith.muli %x, %columns : index
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  %z = arith.constant dense<0.0> : tensor<128x256xf32>
  %l = scf.for %k = %first to %depth step %step iter_args(%s = %z) -> tensor<128x256xf32> {
    %a = tk.load %A[%row, %k] : !in -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x256xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x64xbf16>, tensor<64x256xbf16>, tensor<128x256xf32>
    scf.yield %d : tensor<128x256xf32>
  }
  tk.store %l, %C[%row, %column] : tensor<128x256xf32>, !out
  tk.return
}

// Neither can.
// CHECK-LABEL: tk.kernel @uncut
// CHECK-NOT:     cluster = array
// CHECK-NOT:     multicast
// REMARK-DAG: [Missed] cluster | Category:tk-cluster | Function=uncut | Reason="tensor<16x256xbf16> cannot be cut into 8 parts of whole panels or of rows that are multiples of 8, and no other operand is shared"
!columns = !tk.global<?x?xbf16, strides = [1, ?], align = 16, stride_divisible = [1, 8]>
tk.kernel @uncut(%A: !columns [M, K], %B: !in [K, N], %C: !out [M, N]) attributes {tuning = #tk.tuning<cluster = 8>} grid {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %m = tk.dim %C, 0 : !out
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %columns : index
  %y = arith.ceildivui %m, %rows : index
  tk.grid %x, %y
} {
  %rows = arith.constant 128 : index
  %columns = arith.constant 256 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %rows : index
  %column = arith.muli %x, %columns : index
  %first = arith.constant 0 : index
  %step = arith.constant 16 : index
  %depth = tk.dim %A, 1 : !columns
  %z = arith.constant dense<0.0> : tensor<128x256xf32>
  %l = scf.for %k = %first to %depth step %step iter_args(%s = %z) -> tensor<128x256xf32> {
    %a = tk.load %A[%row, %k] : !columns -> tensor<128x16xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<16x256xbf16>
    %d = tk.dot %a, %b, %s : tensor<128x16xbf16>, tensor<16x256xbf16>, tensor<128x256xf32>
    scf.yield %d : tensor<128x256xf32>
  }
  tk.store %l, %C[%row, %column] : tensor<128x256xf32>, !out
  tk.return
}

// A is taller: programs beside one another share it; four of them.
// CHECK-LABEL: tk.kernel @beside
// CHECK-SAME:    cluster = array<i64: 4, 1>
// CHECK:         tk.load %A[%{{.*}}, %{{.*}}] multicast :
// CHECK:         tk.load %B[%{{.*}}, %{{.*}}] :
// REMARK-DAG: Function=beside | Remark="4 programs along dimension 0 of the grid share 1 load(s): each brings a part of 32768 bytes an iteration"
tk.kernel @beside(%A: !in [M, K], %B: !in [K, N], %C: !out [M, N]) attributes {tuning = #tk.tuning<cluster = 4>} grid {
  %rows = arith.constant 256 : index
  %columns = arith.constant 64 : index
  %m = tk.dim %A, 0 : !in
  %n = tk.dim %B, 1 : !in
  %x = arith.ceildivui %n, %columns : index
  %y = arith.ceildivui %m, %rows : index
  tk.grid %x, %y
} {
  %rows = arith.constant 256 : index
  %columns = arith.constant 64 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %row = arith.muli %y, %rows : index
  %column = arith.muli %columns, %x : index
  %first = arith.constant 0 : index
  %step = arith.constant 64 : index
  %depth = tk.dim %A, 1 : !in
  %z = arith.constant dense<0.0> : tensor<256x64xf32>
  %l = scf.for %k = %first to %depth step %step iter_args(%s = %z) -> tensor<256x64xf32> {
    %a = tk.load %A[%row, %k] : !in -> tensor<256x64xbf16>
    %b = tk.load %B[%k, %column] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %b, %s : tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<256x64xf32>
    scf.yield %d : tensor<256x64xf32>
  }
  tk.store %l, %C[%row, %column] : tensor<256x64xf32>, !out
  tk.return
}

// Asked for none.
// CHECK-LABEL: tk.kernel @alone
// CHECK-NOT:     multicast
tk.kernel @alone(%A: !in, %n: index) attributes {tuning = #tk.tuning<cluster = 1>} grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Every operand hangs on the program's place: by its offset, by the trips of its loop, by what a loop carries, by a
// condition.
// CHECK-LABEL: tk.kernel @own_tiles
// CHECK-NOT:     multicast
// REMARK-DAG: remark: [Missed] cluster | Category:tk-cluster | Function=own_tiles | Reason="every operand is another one in every program"
tk.kernel @own_tiles(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %x = tk.program_id 0
  %one = arith.constant 1 : index
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %moved = scf.for %i = %n to %n step %one iter_args(%p = %x) -> index {
    %q = arith.addi %p, %one : index
    scf.yield %q : index
  }
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%moved, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  %m = scf.for %k = %x to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  %c = arith.cmpi eq, %x, %n : index
  scf.if %c {
    %o = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
      %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
      %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
      scf.yield %d : tensor<64x64xf32>
    }
  }
  tk.return
}

// A program beyond the grid would store where nothing says that it is outside: the grid's extent is not that view's,
// or not divided by as much.
// CHECK-LABEL: tk.kernel @inside
// CHECK-NOT:     multicast
// REMARK-DAG: Function=inside | Reason="the grid must be filled up to whole clusters, and 'tk.store' is not known to write outside of its view there"
tk.kernel @inside(%A: !in [M, K], %C: !out [M, N]) grid {
  %extent = arith.constant 128 : index
  %n = tk.dim %C, 1 : !out
  %x = arith.ceildivui %n, %extent : index
  tk.grid %x
} {
  %half = arith.constant 64 : index
  %x = tk.program_id 0
  %column = arith.muli %x, %half : index
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %half to %half step %half iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%half, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%half, %column] : tensor<64x64xf32>, !out
  tk.return
}

// Static sizes: three programs of 64 fill 192, a fourth is outside.
// CHECK-LABEL: tk.kernel @static_sizes
// CHECK-SAME:    cluster = array<i64: 2>
// REMARK-DAG: Function=static_sizes | Remark="2 programs along dimension 0 of the grid share 1 load(s): each brings a part of 8192 bytes an iteration"
tk.kernel @static_sizes(%A: !in, %C: !tk.global<64x192xbf16>) grid {
  %x = arith.constant 3 : index
  tk.grid %x
} {
  %half = arith.constant 64 : index
  %zero = arith.constant 0 : index
  %x = tk.program_id 0
  %column = arith.muli %x, %half : index
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %zero to %half step %half iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%zero, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.store %l, %C[%zero, %column] : tensor<64x64xf32>, !tk.global<64x192xbf16>
  tk.return
}

// REMARK-DAG: Function=no_loop | Reason="no product in a loop: nothing is loaded often enough to share"
tk.kernel @no_loop(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %a = tk.load %A[%n, %n] : !in -> tensor<64x64xbf16>
  tk.return
}

// REMARK-DAG: Function=knows_programs | Reason="the body asks how many programs there are"
tk.kernel @knows_programs(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %p = tk.num_programs 0
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %p iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// REMARK-DAG: Function=not_copied | Reason="operands are not brought by the copy engine, which alone writes the shared memory of several programs"
tk.kernel @not_copied(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%n, %k] : !tk.global<?x?xbf16> -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// Its rank is zero; in a cluster that it did not ask for it would be another.
// REMARK-DAG: Function=knows_rank | Reason="the body asks for its place in a cluster, which is none"
tk.kernel @knows_rank(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %r = tk.cluster_rank
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {
    %a = tk.load %A[%r, %k] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }
  tk.return
}

// A lowered kernel has nothing to share.
// CHECK-LABEL: tk.kernel @lowered
// CHECK-NOT:     cluster =
tk.kernel @lowered(%n: index) attributes {lowered_to = @tk_device::@lowered} grid {
  tk.grid %n
} {
  tk.return
}

// What a row of a table has is another thing in every program that takes another row.
// CHECK-LABEL: tk.kernel @rows
// CHECK-NOT:     cluster = array
// CHECK-NOT:     multicast
// REMARK-DAG: [Missed] cluster | Category:tk-cluster | Function=rows | Reason="every operand is another one in every program"
!row = !tk.global<?x?xbf16, strides = [?, 1], align = 16, stride_divisible = [8, 1]>
!list = !tk.table<A: !row, B: !row>
tk.kernel @rows(%l: !list [[M, K], [K, N]], %C: !row) grid {
  %one = arith.constant 1 : index
  %tile = arith.constant 128 : index
  %m = tk.dim %C, 0 : !row
  %y = arith.ceildivui %m, %tile : index
  tk.grid %y
} {
  %i = tk.program_id 0
  %A, %B = tk.table_row %l[%i] : !list
  %tile = arith.constant 128 : index
  %row = arith.muli %i, %tile : index
  %c0 = arith.constant 0 : index
  %depth = arith.constant 256 : index
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %c0 to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {
    %a = tk.load %A[%c0, %k] : !row -> tensor<128x64xbf16>
    %b = tk.load %B[%k, %c0] : !row -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  %t = arith.truncf %product : tensor<128x128xf32> to tensor<128x128xbf16>
  tk.store %t, %C[%row, %c0] : tensor<128x128xbf16>, !row
  tk.return
}
