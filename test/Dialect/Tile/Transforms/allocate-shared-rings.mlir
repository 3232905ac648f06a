// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-allocate-shared))' --split-input-file --verify-diagnostics %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-allocate-shared,tk-allocate-shared))' --split-input-file --verify-diagnostics %s | FileCheck %s

// Slots take their tile's bytes once for each stage, up to its alignment; barriers eight bytes, and come last.
// CHECK-LABEL: tk.kernel @packs
// CHECK-SAME:    attributes {shared_bytes = 20536 : i64}
// CHECK:         tk.alloc "full" at 20480 : !tk.mbarriers<4>
// CHECK-NEXT:    tk.alloc "a" at 4096 : !tk.slots<2, <64x64xbf16,
// CHECK-NEXT:    tk.alloc "free" at 20512 : !tk.mbarriers<3>
// CHECK-NEXT:    tk.alloc "b" at 0 : !tk.slots<4, <8x64xbf16,
tk.kernel @packs(%n: index) grid {
  tk.grid %n
} {
  %full = tk.alloc "full" : !tk.mbarriers<4>
  %a = tk.alloc "a" : !tk.slots<2, !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
  %free = tk.alloc "free" : !tk.mbarriers<3>
  %b = tk.alloc "b" at 0 : !tk.slots<4, !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
  tk.return
}

// Three slots of 8 rows of 32 bytes.
// CHECK-LABEL: tk.kernel @aligned
// CHECK-SAME:    attributes {shared_bytes = 768 : i64}
tk.kernel @aligned(%n: index) grid {
  tk.grid %n
} {
  %a = tk.alloc "a" : !tk.slots<3, !tk.shared<8x16xbf16, #tk.swizzle<32, order = [1, 0]>>>
  tk.return
}

// -----

// Too many stages: each buffer with its bytes.
// expected-error@+1 {{'tk.kernel' op needs 262176 bytes of shared memory, but a block has at most 232448; use smaller tiles, or let passes take less: fewer 'stages', or 'widen = 1'}}
tk.kernel @too_much(%n: index) grid {
  tk.grid %n
} {
  // expected-note@+1 {{"a" takes 262144 bytes: '!tk.slots<4, <512x64xbf16, #tk.swizzle<128, order = [1, 0]>>>'}}
  %a = tk.alloc "a" : !tk.slots<4, !tk.shared<512x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
  // expected-note@+1 {{"full" takes 32 bytes: '!tk.mbarriers<4>'}}
  %b = tk.alloc "full" : !tk.mbarriers<4>
  tk.return
}

// -----

tk.kernel @open(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op has no layout yet; run tk-assign-swizzles first, or give its type a layout}}
  %a = tk.alloc "a" : !tk.slots<4, !tk.shared<64x64xbf16>>
  tk.return
}
