// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist,tk-stream-k,canonicalize,cse))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist,tk-stream-k,tk-stream-k))' %s >/dev/null
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-persist,tk-stream-k))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK '--implicit-check-not=tk-stream-k | Function=not_asked'
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stream-k))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=ALONE

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
#two = #tk.tuning<stream_k = 2>

// The host counts the steps of all tiles: as many programs as there are multiprocessors, fewer where they would have
// less than two steps.
// CHECK-LABEL: tk.kernel @even
// CHECK-DAG:     %[[H1:.*]] = arith.constant 1 : index
// CHECK-DAG:     %[[H2:.*]] = arith.constant 2 : index
// CHECK-DAG:     %[[H64:.*]] = arith.constant 64 : index
// CHECK:         %[[TILES:.*]] = arith.muli %n, %n : index
// CHECK:         %[[SMS:.*]] = tk.num_sms
// CHECK:         %[[K:.*]] = tk.dim %A, 1
// CHECK:         %[[SOME:.*]] = arith.maxsi %[[K]], %{{.*}} : index
// CHECK:         %[[STEPS:.*]] = arith.ceildivui %[[SOME]], %[[H64]] : index
// CHECK:         %[[TRIPS:.*]] = arith.maxui %[[STEPS]], %[[H1]] : index
// CHECK:         %[[UNITS:.*]] = arith.muli %[[TILES]], %[[TRIPS]] : index
// CHECK:         %[[SHARES:.*]] = arith.divui %[[UNITS]], %[[H2]] : index
// CHECK:         %[[MOST:.*]] = arith.maxui %[[TILES]], %[[SHARES]] : index
// CHECK:         %[[GRID:.*]] = arith.minui %[[MOST]], %[[SMS]] : index
// CHECK:         tk.grid %[[GRID]]
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : index
// CHECK:         %[[COUNT:.*]] = arith.muli %n, %n : index
// CHECK:         %[[P:.*]] = tk.program_id 0
// CHECK:         %[[N:.*]] = tk.num_programs 0
// CHECK:         %[[T:.*]] = arith.maxui %{{.*}}, %[[C1]] : index
// What is left of whole waves but the last is cut.
// CHECK-NEXT:    %[[WAVES:.*]] = arith.divui %[[COUNT]], %[[N]] : index
// CHECK-NEXT:    %[[BUT:.*]] = arith.subi %[[WAVES]], %[[C1]] : index
// CHECK-NEXT:    %[[NONE:.*]] = arith.maxsi %[[BUT]], %[[C0]] : index
// CHECK-NEXT:    %[[WHOLE:.*]] = arith.muli %[[NONE]], %[[N]] : index
// CHECK:         %[[LEFT:.*]] = arith.maxsi %{{.*}}, %[[C0]] : index
// CHECK-NEXT:    %[[CUT:.*]] = arith.select %{{.*}}, %[[LEFT]], %[[C0]] : index
// CHECK-NEXT:    %[[U:.*]] = arith.muli %[[CUT]], %[[T]] : index
// CHECK-NEXT:    %[[PU:.*]] = arith.muli %[[P]], %[[U]] : index
// CHECK-NEXT:    %[[BEGIN:.*]] = arith.divui %[[PU]], %[[N]] : index
// CHECK:         %[[END:.*]] = arith.divui %{{.*}}, %[[N]] : index
// CHECK-NEXT:    %[[PAST:.*]] = arith.ceildivui %[[END]], %[[T]] : index
// CHECK:         scf.for %[[TURN:.*]] = %[[C0]] to %{{.*}} step %[[C1]] {
// Downwards through tiles that are cut, then across the others.
// CHECK:           %[[DOWN:.*]] = arith.maxsi %{{.*}}, %[[C0]] : index
// CHECK:           %[[TILE:.*]] = arith.select %{{.*}}, %[[DOWN]], %{{.*}} : index
// CHECK-NEXT:      %[[UNIT:.*]] = arith.muli %[[TILE]], %[[T]] : index
// CHECK-NEXT:      %[[SKIP:.*]] = arith.subi %[[BEGIN]], %[[UNIT]] : index
// CHECK-NEXT:      %[[FIRST:.*]] = arith.maxsi %[[SKIP]], %[[C0]] : index
// CHECK:           %[[LAST:.*]] = arith.select %{{.*}}, %{{.*}}, %[[T]] : index
// CHECK-NEXT:      %[[ENDS:.*]] = arith.cmpi eq, %[[LAST]], %[[T]] : index
// CHECK:           %[[FROM:.*]] = arith.select %{{.*}}, %{{.*}}, %[[P]] : index
// CHECK:           %[[LOW:.*]] = arith.muli %[[FIRST]], %[[C64]] : index
// CHECK:           %[[HIGH:.*]] = arith.muli %[[LAST]], %[[C64]] : index
// CHECK:           %[[STOP:.*]] = arith.minsi %{{.*}}, %[[HIGH]] : index
// CHECK:           %[[ACC:.*]] = scf.for %{{.*}} = %[[LOW]] to %[[STOP]] step %[[C64]]
// CHECK:           scf.if %[[ENDS]] {
// CHECK-NEXT:        %[[SUM:.*]] = tk.add_partials %[[ACC]] from %[[FROM]] to %[[P]] : tensor<64x128xf32>
// CHECK-NEXT:        %[[ROUND:.*]] = arith.truncf %[[SUM]]
// CHECK-NEXT:        tk.store %[[ROUND]], %C
// CHECK-NEXT:      } else {
// CHECK-NEXT:        tk.share_partial %[[ACC]] as %[[P]] : tensor<64x128xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:    } {tk.independent}
// REMARK-DAG: remark: [Passed] stream-k | Category:tk-stream-k | Function=even | Remark="every program does as many steps of tiles that are no whole wave, at least 2 or those of a tile; sums of 32768 bytes go from program to program"
// ALONE-DAG: [Missed] stream-k | Category:tk-stream-k | Function=even | Reason="no program walks tiles: tk-persist has not made it do so"
tk.kernel @even(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n, %n
} {
  %x = tk.program_id 0
  %y = tk.program_id 1
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %wide = arith.constant 128 : index
  %to = tk.dim %A, 1 : !in
  %i = arith.muli %y, %step : index
  %j = arith.muli %x, %wide : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %to step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %j] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %j] : tensor<64x128xbf16>, !in
  tk.return
}

// CHECK-LABEL: tk.kernel @not_asked
// CHECK-NOT:     tk.share_partial
// CHECK-LABEL: tk.kernel @depth_of_tile
// CHECK-NOT:     tk.share_partial
tk.kernel @not_asked(%A: !in, %B: !in, %C: !in, %n: index) grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// REMARK-DAG: [Missed] stream-k | Category:tk-stream-k | Function=depth_of_tile | Reason="the loop's bounds depend on the tile"
tk.kernel @depth_of_tile(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %to = arith.muli %i, %step : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %to step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// REMARK-DAG: Function=not_zero | Reason="the sum does not start at zero"
tk.kernel @not_zero(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %z = arith.constant dense<1.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// What is scaled at every step is no sum that can be cut.
// REMARK-DAG: Function=scaled | Reason="the loop carries something other than one sum that each step adds to"
tk.kernel @scaled(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %half = arith.mulf %s, %s : tensor<64x128xf32>
    %d = tk.dot %a, %b, %half : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// What comes before the loop would be done by all that share the tile.
// REMARK-DAG: Function=store_first | Reason="'tk.store' comes before the loop, and every program that shares the tile would do it"
tk.kernel @store_first(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %zero = arith.constant dense<0.0> : tensor<64x128xbf16>
  tk.store %zero, %C[%i, %i] : tensor<64x128xbf16>, !in
  %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// Sums that 128 threads do not hold in whole vectors.
// REMARK-DAG: Function=small | Reason="tensor<16x16xf32> is passed on in whole vectors of all threads: expected multiples of 64 rows and 8 columns"
tk.kernel @small(%A: !in, %B: !in, %E: !tk.global<?x?xf32>, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  %z = arith.constant dense<0.0> : tensor<16x16xf32>
  %zd = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<16x16xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %zd : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    %e = tk.load %E[%i, %k] : !tk.global<?x?xf32> -> tensor<16x16xf32>
    %next = arith.addf %s, %e : tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tk.store %l, %E[%i, %i] : tensor<16x16xf32>, !tk.global<?x?xf32>
  tk.return
}

// Bounds that the host cannot compute.
// REMARK-DAG: Function=shifted | Reason="the loop's bounds come from 'arith.shli', which the host does not compute"
tk.kernel @shifted(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  tk.grid %n
} {
  %i = tk.program_id 0
  %from = arith.constant 0 : index
  %one = arith.constant 1 : index
  %step = arith.constant 64 : index
  %to = arith.shli %n, %one : index
  %z = arith.constant dense<0.0> : tensor<64x128xf32>
  %l = scf.for %k = %from to %to step %step iter_args(%s = %z) -> tensor<64x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
    %b = tk.load %B[%k, %i] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
  tk.store %round, %C[%i, %i] : tensor<64x128xbf16>, !in
  tk.return
}

// Walked by hand, with a use of the smaller of tiles and multiprocessors beside the grid.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK:         tk.add_partials
tk.kernel @by_hand(%A: !in, %B: !in, %C: !in, %n: index) attributes {tuning = #two} grid {
  %sms = tk.num_sms
  %g = arith.minui %n, %sms : index
  %d = arith.addi %g, %g : index
  tk.grid %g
} {
  %p = tk.program_id 0
  %np = tk.num_programs 0
  %from = arith.constant 0 : index
  %step = arith.constant 64 : index
  scf.for %t = %p to %n step %np {
    %i = arith.muli %t, %step : index
    %z = arith.constant dense<0.0> : tensor<64x128xf32>
    %l = scf.for %k = %from to %n step %step iter_args(%s = %z) -> tensor<64x128xf32> {
      %a = tk.load %A[%i, %k] : !in -> tensor<64x64xbf16>
      %b = tk.load %B[%k, %from] : !in -> tensor<64x128xbf16>
      %d = tk.dot %a, %b, %s : tensor<64x64xbf16>, tensor<64x128xbf16>, tensor<64x128xf32>
      scf.yield %d : tensor<64x128xf32>
    }
    %round = arith.truncf %l : tensor<64x128xf32> to tensor<64x128xbf16>
    tk.store %round, %C[%i, %from] : tensor<64x128xbf16>, !in
  } {tk.independent}
  tk.return
}
