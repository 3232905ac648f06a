// RUN: not tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-insert-fences))' %s 2>&1 | FileCheck %s

// silent race. A consumer may write its own slice, but what another one reads of it is only ordered by a barrier of the
// reader's own warpgroup. Expected: an error where a consumer reads more than its slice of what consumers write.

// CHECK: error: 'tk.shared_load' op reads more of "s" than the slice its consumer writes; nothing orders the others' writes before
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
!whole = !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" at 0 : !whole
  tk.specialize producer registers 40 {
  } consumers 2 registers 232 {
    %me = tk.replica
    %p = tk.shared_slice %s[%me] along 0 : !whole -> !s
    %t = arith.constant dense<0.0> : tensor<64x64xbf16, #rows>
    tk.shared_store %t, %p : tensor<64x64xbf16, #rows>, !s
    %l = tk.shared_load %s : !whole -> tensor<128x64xbf16, #rows>
  }
  tk.return
}
