// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse --split-input-file --verify-diagnostics %s | FileCheck %s

#blocked = #tk.blocked<per_thread = [1, 4], lanes = [1, 32], warps = [4, 1], order = [1, 0]>
!C = !tk.global<?x?xf32>

// The workspace is the last parameter. A thread's 16 bytes lie beside those of the next; the flags are behind the slots
// of all programs of the grid. One thread sets, waits for and clears them.
// CHECK-LABEL: llvm.func @pass_on
// CHECK-SAME:    %[[BASE:[a-z0-9]+]]: !llvm.ptr<1>) attributes
// CHECK:         %[[SLOT:.*]] = arith.muli %[[P:.*]], %c8192_i64 : i64
// CHECK:         %[[THREAD:.*]] = arith.muli %{{.*}}, %c16_i32 : i32
// CHECK:         %[[AT:.*]] = arith.addi %[[SLOT]], %{{.*}} : i64
// CHECK-NEXT:    %[[PLACE:.*]] = llvm.getelementptr %[[BASE]][%[[AT]]] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
// CHECK:         llvm.store %{{.*}}, %[[PLACE]] {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK:         %[[NEXT:.*]] = llvm.getelementptr %[[PLACE]][2048] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
// CHECK:         llvm.store %{{.*}}, %[[NEXT]] {alignment = 16 : i64}
// CHECK:         nvvm.barrier
// CHECK:         scf.if
// CHECK:           %[[ALL:.*]] = arith.muli %{{.*}}, %c8192_i64 : i64
// CHECK-NEXT:      %[[NUMBER:.*]] = arith.muli %[[P]], %c8_i64 : i64
// CHECK-NEXT:      %[[SUM:.*]] = arith.addi %[[ALL]], %[[NUMBER]] : i64
// CHECK-NEXT:      %[[FLAG:.*]] = llvm.getelementptr %[[BASE]][%[[SUM]]]
// CHECK-NEXT:      llvm.inline_asm {{.*}} "st.release.gpu.global.b32 [$0], $1;", "l,r,~{memory}" %[[FLAG]], %c1_i32
// CHECK:         scf.if
// CHECK:           llvm.inline_asm {{.*}}again:\0A\09ld.acquire.gpu.global.b32 flag, [$0];{{.*}}@!set bra again;\0A\09st.relaxed.gpu.global.b32 [$0], $1;{{.*}} %c0_i32
// CHECK:         nvvm.barrier
// CHECK:         llvm.load %[[PLACE]] {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
tk.kernel @pass_on(%C: !C, %n: index) attributes {threads = 128, workspace = #tk.workspace<bytes = 8192, flags = 2>} grid {
  tk.grid %n
} {
  %zero = arith.constant 0 : index
  %t = tk.load %C[%zero, %zero] : !C -> tensor<8x128xf32, #blocked>
  tk.workspace_store %t to %n[%zero] : tensor<8x128xf32, #blocked>
  tk.barrier
  tk.workspace_signal %n[%zero]
  tk.workspace_take %n[%zero]
  tk.barrier
  %u = tk.workspace_load %n[%zero] : tensor<8x128xf32, #blocked>
  tk.store %u, %C[%zero, %zero] : tensor<8x128xf32, #blocked>, !C
  tk.return
}

// -----

tk.kernel @unplaced(%n: index) attributes {threads = 128} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf32, #tk.wgmma_acc>
  // expected-error@+1 {{has no memory to go through; run tk-place-sums first}}
  tk.share_partial %t as %n : tensor<64x64xf32, #tk.wgmma_acc>
  tk.return
}

// -----

// Threads hold copies of one another's elements: more registers than elements.
#spread = #tk.blocked<per_thread = [1, 1], lanes = [1, 32], warps = [4, 1], order = [1, 0]>
tk.kernel @copies(%n: index) attributes {threads = 128, workspace = #tk.workspace<bytes = 2048, flags = 1>} grid {
  tk.grid %n
} {
  // expected-error@+2 {{needs 10240 bytes for 'tensor<17x8xf32, #tk.blocked<per_thread = [1, 1], lanes = [1, 32], warps = [4, 1], order = [1, 0]>>' as threads hold it, more than the 2048 of a part of the kernel's 'workspace'}}
  // expected-error@+1 {{failed to legalize operation 'tk.workspace_load'}}
  %t = tk.workspace_load %n[%n] : tensor<17x8xf32, #spread>
  tk.return
}

// -----

// Of a grid of two dimensions, the slots of all programs are in front of the flags.
// CHECK-LABEL: llvm.func @plane
// CHECK:         %[[X:.*]] = nvvm.read.ptx.sreg.nctaid.x
// CHECK:         %[[Y:.*]] = nvvm.read.ptx.sreg.nctaid.y
// CHECK:         arith.muli
tk.kernel @plane(%n: index) attributes {threads = 128, workspace = #tk.workspace<bytes = 8192, flags = 2>} grid {
  tk.grid %n, %n
} {
  tk.workspace_signal %n[%n]
  tk.return
}

// -----

// expected-error@+1 {{has a name that begins with "$L__", as labels of PTX do; choose another}}
tk.kernel @"$L__BB0_1"(%n: index) attributes {threads = 128} grid {
  tk.grid %n
} {
  tk.return
}
