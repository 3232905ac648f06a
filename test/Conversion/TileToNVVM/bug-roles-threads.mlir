// RUN: tk-opt --convert-tk-to-nvvm --verify-diagnostics --split-input-file %s

// silent hang: a kernel whose `threads` are not those of its roles (here absent, so 128 are launched; or written by hand) is
// lowered: consumers never run. Expected: an error that names tk-assign-layouts.

tk.kernel @absent(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op}}
  tk.specialize producer registers 40 {
    tk.fence_async_proxy
  } consumers 2 registers 232 {
    tk.barrier
  }
  tk.return
}

// -----

tk.kernel @fewer(%n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op}}
  tk.specialize producer registers 40 {
    tk.fence_async_proxy
  } consumers 2 registers 232 {
    tk.barrier
  }
  tk.return
}
