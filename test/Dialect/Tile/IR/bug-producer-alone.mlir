// RUN: tk-opt --verify-diagnostics --split-input-file %s

// verifier holes: one thread runs the producer, so what all threads of a warpgroup do together cannot be in it. A
// tk.barrier there hangs, and a tk.copy or a tk.mbarrier_arrive all_threads does 1/128 of its work.

tk.kernel @barrier(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'tk.barrier' op}}
    tk.barrier
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @copy(%A: !tk.global<?x?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !s
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'tk.copy' op}}
    tk.copy %A[%n, %n], %s : !tk.global<?x?xbf16>, !s
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

tk.kernel @commit(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'tk.wgmma_commit' op}}
    tk.wgmma_commit
  } consumers 1 registers 240 {
  }
  tk.return
}
