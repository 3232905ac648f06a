// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-allocate-shared))' %s | FileCheck %s
// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-allocate-shared))' --remarks-filter=.* %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK

!loose = !tk.shared<8x8xbf16, #tk.swizzle<16, order = [1, 0]>>
!strict = !tk.shared<8x64xbf16, #tk.swizzle<128, order = [1, 0]>>

// Strictest alignment first, in program order where equal: no gap between them.
// CHECK-LABEL: tk.kernel @packs
// CHECK-SAME:    attributes {shared_bytes = 2304 : i64}
// CHECK:         tk.alloc "l0" at 2048 :
// CHECK-NEXT:    tk.alloc "s0" at 0 :
// CHECK-NEXT:    tk.alloc "l1" at 2176 :
// CHECK-NEXT:    tk.alloc "s1" at 1024 :
// REMARK-DAG: Function=packs | Remark="4 buffer(s), 2304 of 232448 bytes of shared memory"
tk.kernel @packs(%n: index) grid {
  tk.grid %n
} {
  %0 = tk.alloc "l0" : !loose
  %1 = tk.alloc "s0" : !strict
  %2 = tk.alloc "l1" : !loose
  %3 = tk.alloc "s1" : !strict
  tk.return
}

// Offsets written by hand stay; the others come after them, aligned.
// CHECK-LABEL: tk.kernel @by_hand
// CHECK-SAME:    attributes {shared_bytes = 3072 : i64}
// CHECK:         tk.alloc "hand" at 1152 :
// CHECK-NEXT:    tk.alloc "next" at 2048 :
tk.kernel @by_hand(%n: index) grid {
  tk.grid %n
} {
  %0 = tk.alloc "hand" at 1152 : !loose
  %1 = tk.alloc "next" : !strict
  tk.return
}

// No buffer, no bytes.
// CHECK-LABEL: tk.kernel @none
// CHECK-SAME:    attributes {shared_bytes = 0 : i64}
tk.kernel @none(%n: index) grid {
  tk.grid %n
} {
  tk.return
}

// As much as there is is not too much.
// CHECK-LABEL: tk.kernel @all
// CHECK-SAME:    attributes {shared_bytes = 232448 : i64}
tk.kernel @all(%n: index) grid {
  tk.grid %n
} {
  %0 = tk.alloc "a" : !tk.shared<1816x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}
