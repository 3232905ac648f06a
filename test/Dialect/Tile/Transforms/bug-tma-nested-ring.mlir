// RUN: not tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-tma))' %s 2>&1 | FileCheck %s

// a ring inside a loop or a role is passed over without a word, and the conversion then says that tk-insert-tma must
// make buffers of it. Expected: lowered, or an error here.

// CHECK: error: 'tk.ring' op expected in the kernel's own block: a ring made inside 'scf.for' would start again while its barriers go on
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!ring = !tk.ring<2, !s>
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  scf.for %i = %n to %n step %n {
    %c = tk.ring_start : !tk.cursor<2>
    %r = tk.ring "r" : !ring
    tk.ring_acquire %r[%c] : !ring
  }
  tk.return
}
