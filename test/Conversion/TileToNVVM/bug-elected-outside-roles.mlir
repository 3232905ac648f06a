// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

// silent hang: outside of the roles of a block of three warpgroups one thread of each of them announces the bytes, three
// times what the barrier expects (and each starts the copy). Outside of roles it should be the block's first thread.

// CHECK-NOT: arith.andi
// CHECK:     mbarrier.arrive.expect_tx
tk.kernel @k(%n: index) attributes {threads = 384} grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !tk.mbarriers<1>
  %c = tk.ring_start : !tk.cursor<1>
  tk.mbarrier_expect %b[%c] bytes 16 : !tk.mbarriers<1>
  tk.specialize producer registers 40 {
    tk.fence_async_proxy
  } consumers 2 registers 232 {
    tk.barrier
  }
  tk.return
}
