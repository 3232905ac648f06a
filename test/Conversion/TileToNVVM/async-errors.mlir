// RUN: tk-opt --convert-tk-to-nvvm --verify-diagnostics --split-input-file %s

// The pass that is missing is named.
tk.kernel @ring(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.ring' op has no lowering; tk-insert-tma must make buffers and barriers of it}}
  %r = tk.ring "r" : !tk.ring<2, !tk.shared<64x64xbf16>>
  tk.return
}

// -----

!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @layout(%A: !in, %n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" at 0 : !tk.mbarriers<1>
  %s = tk.alloc "s" : !tk.shared<64x64xbf16>
  %c = tk.ring_start : !tk.cursor<1>
  // expected-error@+1 {{'tk.tma_load' op copies a tile without a layout; run tk-assign-swizzles first}}
  tk.tma_load %A[%n, %n], %s, %b[%c] : !in, !tk.shared<64x64xbf16>, !tk.mbarriers<1>
  tk.return
}

// -----

// A role's tile is one warpgroup's, whatever the block has.
#two = #tk.blocked<per_thread = [1], lanes = [32], warps = [8], order = [0]>
tk.kernel @role(%v: !tk.global<?xf32>, %n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    // expected-error@+1 {{'tk.load' op holds a tile laid out over 256 threads, but a role has 128}}
    %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<256xf32, #two>
  }
  tk.return
}

// -----

tk.kernel @no_layout(%v: !tk.global<?xf32>, %n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    // expected-error@+1 {{'tk.load' op holds 'tensor<128xf32>' without a register layout; run tk-assign-layouts first}}
    %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32>
  }
  tk.return
}

// -----

// Around the roles the block's threads are all there.
#one = #tk.blocked<per_thread = [1], lanes = [32], warps = [4], order = [0]>
tk.kernel @block(%v: !tk.global<?xf32>, %n: index) attributes {threads = 256} grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op holds a tile laid out over 128 threads, but the kernel's blocks have 256}}
  %t = tk.load %v[%n] : !tk.global<?xf32> -> tensor<128xf32, #one>
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

// A piece of a tile without a layout.
tk.kernel @slice(%n: index) grid {
  tk.grid %n
} {
  %s = "builtin.unrealized_conversion_cast"(%n) : (index) -> !tk.shared<128x64xbf16>
  // expected-error@+2 {{'tk.shared_slice' op cuts a tile without a layout; run tk-assign-swizzles first}}
  // expected-error@+1 {{failed to legalize operation 'tk.shared_slice'}}
  %p = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  tk.return
}
