// RUN: tk-opt --pass-pipeline='builtin.module(gpu.module(tk-device-to-llvm))' --verify-diagnostics --split-input-file %s

// No library is called from a kernel.
gpu.module @tk_device {
  llvm.func @library(%x: f32) -> f32 {
    // expected-error@+1 {{'math.tan' op has no lowering, and no library is called from a kernel}}
    %a = math.tan %x : f32
    llvm.return %a : f32
  }
}

// -----

// One instruction in f32 only.
gpu.module @tk_device {
  llvm.func @double(%x: f64) {
    // expected-error@+1 {{expected f32, got 'f64'; convert to f32 and back (arith.extf, arith.truncf)}}
    %a = math.exp2 %x : f64
    llvm.return
  }
}

// -----

// Structured control flow must be gone.
gpu.module @tk_device {
  llvm.func @loop(%c: i1) {
    // expected-error@+1 {{failed to legalize operation 'scf.if'}}
    scf.if %c {
    }
    llvm.return
  }
}
