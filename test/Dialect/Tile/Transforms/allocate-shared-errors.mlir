// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-allocate-shared))' --verify-diagnostics --split-input-file %s

!big = !tk.shared<1024x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// Too much: the sum, the limit, and every buffer at its line, that with an offset too.
// expected-error@+1 {{'tk.kernel' op needs 263168 bytes of shared memory, but a block has at most 232448; use smaller tiles, or let passes take less: fewer 'stages', or 'widen = 1'}}
tk.kernel @too_much(%n: index) grid {
  tk.grid %n
} {
  // expected-note@+1 {{"a" takes 131072 bytes: '!tk.shared<1024x64xbf16, #tk.swizzle<128, order = [1, 0]>>'}}
  %a = tk.alloc "a" : !big
  // expected-note@+1 {{"b" takes 131072 bytes: '!tk.shared<1024x64xbf16, #tk.swizzle<128, order = [1, 0]>>'}}
  %b = tk.alloc "b" : !big
  // expected-note@+1 {{"c" takes 1024 bytes: '!tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>'}}
  %c = tk.alloc "c" at 0 : !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

tk.kernel @no_layout(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op has no layout yet; run tk-assign-swizzles first, or give its type a layout}}
  %a = tk.alloc "a" : !tk.shared<8x64xbf16>
  tk.return
}
