// RUN: tk-opt --pass-pipeline='builtin.module(tk-place)' %examples/gemm.mlir -o %t.place.mlir
// RUN: tk-compile %examples/gemm.mlir --emit=placed -o %t.placed.mlir
// RUN: diff %t.place.mlir %t.placed.mlir
// RUN: tk-opt --pass-pipeline='builtin.module(tk-to-llvm)' %t.placed.mlir | FileCheck %s
// RUN: tk-compile %t.placed.mlir --emit=ptx -o %t.twice.ptx
// RUN: FileCheck %s --check-prefix=TWICE --input-file=%t.twice.ptx

// tk-opt replays what tk-compile does, by the same pipelines; a placed program can be read back and compiled: placing
// it again adds nothing.
// CHECK:       llvm.func @gemm
// CHECK-NOT:   arith.
// CHECK-NOT:   scf.
// TWICE-COUNT-1: fence.proxy.async
// TWICE-COUNT-1: bar.sync
// TWICE-COUNT-8: wgmma.mma_async
// TWICE-NOT:     wgmma.mma_async
// TWICE-NOT:     bar.sync
