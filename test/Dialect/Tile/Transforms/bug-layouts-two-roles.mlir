// RUN: not tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-assign-layouts))' %s 2>&1 | FileCheck %s

// verifier hole: a kernel with two tk.specialize, whose threads tk-assign-layouts multiplies (128 * 2 * 3).

// CHECK:     'tk.specialize' op
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
  }
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
  }
  tk.return
}
