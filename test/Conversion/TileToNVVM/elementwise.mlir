// RUN: tk-opt --convert-tk-to-nvvm %s | FileCheck %s

#flat = #tk.blocked<per_thread = [2], lanes = [32], warps = [4], order = [0]>
!tile = tensor<256xf32, #flat>

// Register by register, attributes kept; a splat constant is one scalar; a scalar condition serves all registers.
// CHECK-LABEL: llvm.func @registers
// CHECK:         %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK:         %[[X0:.*]] = arith.addf %{{.*}}, %[[ONE]] fastmath<nnan> : f32
// CHECK-NEXT:    %[[X1:.*]] = arith.addf %{{.*}}, %[[ONE]] fastmath<nnan> : f32
// CHECK-NEXT:    %[[C0:.*]] = arith.cmpf olt, %[[X0]], %[[ONE]] : f32
// CHECK-NEXT:    %[[C1:.*]] = arith.cmpf olt, %[[X1]], %[[ONE]] : f32
// CHECK-NEXT:    %[[S0:.*]] = arith.select %[[C0]], %[[X0]], %[[ONE]] : f32
// CHECK-NEXT:    %[[S1:.*]] = arith.select %[[C1]], %[[X1]], %[[ONE]] : f32
// CHECK-NEXT:    math.exp2 %[[S0]] : f32
// CHECK-NEXT:    math.exp2 %[[S1]] : f32
// CHECK:         %[[K0:.*]] = arith.select %[[K:.*]], %[[S0]], %{{.*}} : f32
// CHECK-NEXT:    %[[K1:.*]] = arith.select %[[K]], %[[S1]], %{{.*}} : f32
tk.kernel @registers(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> !tile
  %one = arith.constant dense<1.0> : !tile
  %x = arith.addf %t, %one fastmath<nnan> : !tile
  %c = arith.cmpf olt, %x, %one : !tile
  %s = arith.select %c, %x, %one : tensor<256xi1, #flat>, !tile
  %e = math.exp2 %s : !tile
  %k = arith.cmpi eq, %n, %n : index
  %r = arith.select %k, %s, %e : !tile
  tk.store %r, %v[%n] : !tile, !tk.global<?xf32>
  tk.return
}

// f32 to 16 bits in pairs.
// CHECK-LABEL: llvm.func @pairs
// CHECK:         %[[PAIR:.*]] = llvm.call_intrinsic "llvm.nvvm.ff2bf16x2.rn"(%{{.*}}, %{{.*}}) : (f32, f32) -> vector<2xbf16>
// CHECK:         llvm.extractelement %[[PAIR]]
// CHECK-NOT:     arith.truncf
tk.kernel @pairs(%v: !tk.global<?xf32>, %h: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> !tile
  %b = arith.truncf %t : !tile to tensor<256xbf16, #flat>
  tk.store %b, %h[%n] : tensor<256xbf16, #flat>, !tk.global<?xbf16>
  tk.return
}

// An odd number of registers has no pairs.
// CHECK-LABEL: llvm.func @odd
// CHECK-COUNT-1: arith.truncf %{{.*}} : f32 to bf16
#one = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
tk.kernel @odd(%v: !tk.global<?xf32>, %h: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32, #one>
  %b = arith.truncf %t : tensor<128xf32, #one> to tensor<128xbf16, #one>
  tk.store %b, %h[%n] : tensor<128xbf16, #one>, !tk.global<?xbf16>
  tk.return
}

// A loop carries registers.
// CHECK-LABEL: llvm.func @loop
// CHECK:         scf.for {{.*}} iter_args(%[[A0:.*]] = %{{.*}}, %[[A1:.*]] = %{{.*}}) -> (f32, f32) {
// CHECK:           %[[N0:.*]] = arith.addf %[[A0]], %{{.*}} : f32
// CHECK:           %[[N1:.*]] = arith.addf %[[A1]], %{{.*}} : f32
// CHECK:           scf.yield %[[N0]], %[[N1]] : f32, f32
tk.kernel @loop(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> !tile
  %r = scf.for %i = %n to %n step %n iter_args(%sum = %t) -> !tile {
    %next = arith.addf %sum, %t : !tile
    scf.yield %next : !tile
  }
  tk.store %r, %v[%n] : !tile, !tk.global<?xf32>
  tk.return
}

// The pair's instruction rounds to nearest even: another rounding is left to scalars, which keep it.
// CHECK-LABEL: llvm.func @downward
// CHECK-NOT:     call_intrinsic
// CHECK-COUNT-2: arith.truncf %{{.*}} downward : f32 to bf16
tk.kernel @downward(%v: !tk.global<?xf32>, %h: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf32> -> !tile
  %b = arith.truncf %t downward : !tile to tensor<256xbf16, #flat>
  tk.store %b, %h[%n] : tensor<256xbf16, #flat>, !tk.global<?xbf16>
  tk.return
}

// A thread of an accumulator of 64 x 16 has 2 rows and 4 columns: two loads of a column of scales, each for the elements
// of its row; four of a row of scales. A scalar is in all registers.
// CHECK-LABEL: llvm.func @broadcast
// CHECK-COUNT-2: setp.lt.and.u64 p, $2, $3, $4;{{[^"]*}}ld.global.b32 $0, [$1]
// CHECK-COUNT-2: ld.global.b32 $0, [$2]{{[^"]*}}ld.global.b32 $1, [$2+4]
// CHECK-NOT:     ld.global
// CHECK-COUNT-8: arith.mulf %{{.*}}, %arg{{[0-9]+}} : f32
// CHECK-NOT:     arith.mulf
tk.kernel @broadcast(%S: !tk.global<?x?xf32>, %f: f32, %C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.load %S[%n, %n] : !tk.global<?x?xf32> -> tensor<64x1xf32, #tk.slice<#tk.wgmma_acc, shape = [64, 16]>>
  %u = tk.load %S[%n, %n] : !tk.global<?x?xf32> -> tensor<1x16xf32, #tk.slice<#tk.wgmma_acc, shape = [64, 16]>>
  %rows = tk.broadcast %s : tensor<64x1xf32, #tk.slice<#tk.wgmma_acc, shape = [64, 16]>> -> tensor<64x16xf32, #tk.wgmma_acc>
  %columns = tk.broadcast %u : tensor<1x16xf32, #tk.slice<#tk.wgmma_acc, shape = [64, 16]>> -> tensor<64x16xf32, #tk.wgmma_acc>
  %sum = arith.addf %rows, %columns : tensor<64x16xf32, #tk.wgmma_acc>
  %f1 = tensor.splat %f : tensor<64x16xf32, #tk.wgmma_acc>
  %x = arith.mulf %sum, %f1 : tensor<64x16xf32, #tk.wgmma_acc>
  tk.store %x, %C[%n, %n] : tensor<64x16xf32, #tk.wgmma_acc>, !tk.global<?x?xf32>
  tk.return
}

// fp8 goes in pairs, low byte first, through f16.
// CHECK-LABEL: llvm.func @fp8
// CHECK-DAG:     llvm.call_intrinsic "llvm.nvvm.e4m3x2.to.f16x2.rn"(%{{.*}}) : (i16) -> vector<2xf16>
// CHECK-DAG:     llvm.call_intrinsic "llvm.nvvm.ff.to.e5m2x2.rn"(%{{.*}}, %{{.*}}) : (f32, f32) -> i16
tk.kernel @fp8(%v: !tk.global<?xf8E4M3FN>, %w: !tk.global<?xf8E5M2>, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %v[%n] : !tk.global<?xf8E4M3FN> -> tensor<256xf8E4M3FN, #flat>
  %x = arith.extf %t : tensor<256xf8E4M3FN, #flat> to tensor<256xf32, #flat>
  %y = arith.truncf %x : tensor<256xf32, #flat> to tensor<256xf8E5M2, #flat>
  tk.store %y, %w[%n] : tensor<256xf8E5M2, #flat>, !tk.global<?xf8E5M2>
  tk.return
}
