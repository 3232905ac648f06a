// RUN: tk-opt --pass-pipeline='builtin.module(gpu.module(tk-device-to-llvm))' %s | FileCheck %s

// Scalar arithmetic, branches and the math operations that are one instruction; the host's expressions stay.
// CHECK-LABEL: tk.kernel @host
// CHECK:         arith.ceildivui
tk.kernel @host(%n: index) grid {
  %x = arith.ceildivui %n, %n : index
  tk.grid %x
} {
  tk.return
}

// CHECK-LABEL: llvm.func @scalars
// CHECK:         llvm.fadd %{{.*}}, %{{.*}} {fastmathFlags = #llvm.fastmath<contract>} : f32
// CHECK:         llvm.intr.exp2(
// CHECK:         llvm.intr.fabs(
// CHECK:         llvm.intr.sqrt(
// CHECK:         llvm.intr.fma(
// CHECK:         llvm.udiv
// CHECK:         llvm.br
// CHECK:         llvm.mlir.poison
// CHECK-NOT:     arith.
// CHECK-NOT:     math.
gpu.module @tk_device {
  llvm.func @scalars(%x: f32, %i: i64) {
    %a = arith.addf %x, %x fastmath<contract> : f32
    %b = math.exp2 %a : f32
    %c = math.absf %b : f32
    %d = math.sqrt %c : f32
    %e = math.fma %d, %d, %d : f32
    %j = arith.ceildivui %i, %i : i64
    cf.br ^end
  ^end:
    %p = ub.poison : f32
    llvm.return
  }
}

// Functions that are no instruction become some.
// CHECK-LABEL: llvm.func @functions
// CHECK:         llvm.intr.fma(
// CHECK-NOT:     math.
// CHECK:         llvm.return
gpu.module @tk_functions {
  llvm.func @functions(%x: f32, %h: bf16, %p: !llvm.ptr) -> f32 {
    %a = math.exp %x : f32
    %b = math.tanh %a : f32
    %c = math.rsqrt %b : f32
    %d = math.erf %h : bf16
    llvm.store %d, %p : bf16, !llvm.ptr
    llvm.return %c : f32
  }
}
