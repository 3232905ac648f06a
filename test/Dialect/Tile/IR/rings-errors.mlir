// RUN: tk-opt --verify-diagnostics --split-input-file %s

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

// The cursor counts the ring's stages.
!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  // expected-note@+1 {{prior use here}}
  %c = tk.ring_start : !tk.cursor<3>
  // expected-error@+1 {{use of value '%c' expects different type than prior uses: '!tk.cursor<2>' vs '!tk.cursor<3>'}}
  tk.ring_acquire %r[%c] : !ring
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!ring, !tk.cursor<3>)
  // expected-error@+1 {{'tk.ring_acquire' op failed to verify that the cursor counts the ring's stages}}
  "tk.ring_acquire"(%r, %c) : (!ring, !tk.cursor<3>) -> ()
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!ring, !tk.cursor<3>)
  // expected-error@+1 {{'tk.ring_publish' op failed to verify that the cursor counts the ring's stages}}
  "tk.ring_publish"(%r, %c) : (!ring, !tk.cursor<3>) -> ()
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!ring, !tk.cursor<3>)
  // expected-error@+1 {{'tk.ring_release' op failed to verify that the cursor counts the ring's stages}}
  "tk.ring_release"(%r, %c) : (!ring, !tk.cursor<3>) -> ()
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!ring, !tk.cursor<3>)
  // expected-error@+1 {{'tk.ring_wait' op failed to verify that the cursor counts the ring's stages}}
  %a, %b = "tk.ring_wait"(%r, %c) : (!ring, !tk.cursor<3>) -> (!tk.shared<128x64xbf16>, !tk.shared<8xf32>)
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!ring, !tk.cursor<3>)
  // expected-error@+1 {{'tk.ring_fill' op failed to verify that the cursor counts the ring's stages}}
  "tk.ring_fill"(%r, %c, %v, %n) <{tile = 1}> : (!ring, !tk.cursor<3>, !tk.global<?xf32>, index) -> ()
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_fill' op expected a tile below the ring's 2, got 2}}
  tk.ring_fill %r[%c] tile 2 from %v[%n] : !ring, !tk.global<?xf32>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_fill' op attribute 'tile' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  tk.ring_fill %r[%c] tile -1 from %v[%n] : !ring, !tk.global<?xf32>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_fill' op expected a tile of rank 1 to the view's 1, got rank 2}}
  tk.ring_fill %r[%c] tile 0 from %v[%n] : !ring, !tk.global<?xbf16>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_fill' op expected one offset per dimension of the view (1), got 2}}
  tk.ring_fill %r[%c] tile 1 from %v[%n, %n] : !ring, !tk.global<?xf32>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%v: !tk.global<?x?xf16>, %n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_fill' op expected the shared tile to have the view's element type 'f16', got 'bf16'; load, convert and store it instead}}
  tk.ring_fill %r[%c] tile 0 from %v[%n, %n] : !ring, !tk.global<?x?xf16>
  tk.return
}

// -----

// The results are the ring's tiles.
!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_wait' op expected the 2 tiles of '!tk.ring<2, <128x64xbf16>, <8xf32>>' as results, got '!tk.shared<128x64xbf16>'}}
  %a = "tk.ring_wait"(%r, %c) : (!ring, !tk.cursor<2>) -> !tk.shared<128x64xbf16>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_wait' op expected the 2 tiles of '!tk.ring<2, <128x64xbf16>, <8xf32>>' as results, got '!tk.shared<8xf32>', '!tk.shared<128x64xbf16>'}}
  %a, %b = "tk.ring_wait"(%r, %c) : (!ring, !tk.cursor<2>) -> (!tk.shared<8xf32>, !tk.shared<128x64xbf16>)
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{operation defines 2 results but was provided 1 to bind}}
  %a = tk.ring_wait %r[%c] : !ring
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{invalid kind of type specified: expected tk.ring, but found '!tk.cursor<2>'}}
  %a = tk.ring_wait %r[%c] : !tk.cursor<2>
  tk.return
}

// -----

!ring = !tk.ring<2, !tk.shared<128x64xbf16>, !tk.shared<8xf32>>
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %r = tk.ring "r" : !ring
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{expected '['}}
  %a, %b = tk.ring_wait %r : !ring
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.ring_advance' op requires the same type for all operands and results}}
  %d = "tk.ring_advance"(%c) : (!tk.cursor<2>) -> !tk.cursor<3>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.ring_start' op result #0 must be A place in a ring: slot and phase, but got 'index'}}
  %c = "tk.ring_start"() : () -> index
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Pieces of shared tiles
//===----------------------------------------------------------------------===//

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected a dimension below the tile's rank 2, got 2}}
  %t = tk.shared_slice %s[%n] along 2 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op attribute 'dimension' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %t = tk.shared_slice %s[%n] along -1 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
  tk.return
}

// -----

// Along one dimension only, and without rest; of one rank and element type.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<128x64xbf16>' along dimension 0, got '!tk.shared<48x64xbf16>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<48x64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<128x64xbf16>' along dimension 0, got '!tk.shared<256x64xbf16>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<256x64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<128x64xbf16>' along dimension 0, got '!tk.shared<64x32xbf16>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x32xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<128x64xbf16>' along dimension 0, got '!tk.shared<64x64xf16>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x64x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<64x64x64xbf16>' along dimension 2, got '!tk.shared<64x64xbf16>'}}
  %t = tk.shared_slice %s[%n] along 2 : !tk.shared<64x64x64xbf16> -> !tk.shared<64x64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected equal pieces of '!tk.shared<128x64xbf16>' along dimension 1, got '!tk.shared<64xbf16>'}}
  %t = tk.shared_slice %s[%n] along 1 : !tk.shared<128x64xbf16> -> !tk.shared<64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.shared_slice' op expected both tiles to have a layout or neither, got '!tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>' and '!tk.shared<64x64xbf16>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x64xbf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16>
  // expected-error@+1 {{'tk.shared_slice' op expected both tiles to have a layout or neither, got '!tk.shared<128x64xbf16>' and '!tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>'}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

// Rows of two panels are in two places.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x128xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.shared_slice' op expected pieces that lie in memory as '!tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>' does, at equal distances on its swizzle's repeat; in '!tk.shared<128x128xbf16, #tk.swizzle<128, order = [1, 0]>>' they do not}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x128xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x128xbf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

// Another swizzle, the other order.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.shared_slice' op expected pieces that lie in memory as '!tk.shared<64x64xbf16, #tk.swizzle<64, order = [1, 0]>>' does, at equal distances on its swizzle's repeat; in '!tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>' they do not}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x64xbf16, #tk.swizzle<64, order = [1, 0]>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.shared_slice' op expected pieces that lie in memory as '!tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>' does, at equal distances on its swizzle's repeat; in '!tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>' they do not}}
  %t = tk.shared_slice %s[%n] along 0 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
  tk.return
}

// -----

// Half a panel.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
  // expected-error@+1 {{'tk.shared_slice' op expected pieces that lie in memory as '!tk.shared<128x32xbf16, #tk.swizzle<64, order = [1, 0]>>' does, at equal distances on its swizzle's repeat; in '!tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>' they do not}}
  %t = tk.shared_slice %s[%n] along 1 : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>> -> !tk.shared<128x32xbf16, #tk.swizzle<64, order = [1, 0]>>
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected registers of a role to be a multiple of 8 from 24 to 240, got 16}}
  tk.specialize producer registers 16 {
  } consumers 1 registers 24 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected registers of a role to be a multiple of 8 from 24 to 240, got 248}}
  tk.specialize producer registers 248 {
  } consumers 1 registers 24 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected registers of a role to be a multiple of 8 from 24 to 240, got 36}}
  tk.specialize producer registers 36 {
  } consumers 1 registers 24 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected registers of a role to be a multiple of 8 from 24 to 240, got 16}}
  tk.specialize producer registers 24 {
  } consumers 1 registers 16 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected registers of a role to be a multiple of 8 from 24 to 240, got 248}}
  tk.specialize producer registers 24 {
  } consumers 1 registers 248 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected at most 7 consumers, which with the producer are 1024 threads, got 8}}
  tk.specialize producer registers 24 {
  } consumers 8 registers 24 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op expected roles that share the 65536 registers of a multiprocessor, got 66560: 128 threads of 40, and 2 times as many of 240}}
  tk.specialize producer registers 40 {
  } consumers 2 registers 240 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op attribute 'consumers' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  tk.specialize producer registers 40 {
  } consumers 0 registers 240 {
  }
  tk.return
}

// -----

// The block's threads part once, outside of control flow.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  scf.for %i = %n to %n step %n {
    // expected-error@+1 {{'tk.specialize' op expects parent op 'tk.kernel'}}
    tk.specialize producer registers 40 {
    } consumers 1 registers 240 {
    }
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op region #0 ('producer') failed to verify constraint: region with 1 blocks}}
  "tk.specialize"() <{producerRegisters = 40, consumers = 1, consumerRegisters = 240}> ({
  }, {
  ^bb0:
  }) : () -> ()
  tk.return
}

// -----

// Register tiles do not cross into a role, in loops or in flight either.
tk.kernel @k(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    // expected-error@+1 {{'tk.store' op uses a register tile from outside its role: 'tensor<64x8xf32>'; no warpgroup could hold it for the others}}
    tk.store %z, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    // expected-error@+1 {{'scf.for' op uses a register tile from outside its role: 'tensor<64x8xf32>'; no warpgroup could hold it for the others}}
    %t = scf.for %i = %n to %n step %n iter_args(%u = %z) -> tensor<64x8xf32> {
      scf.yield %u : tensor<64x8xf32>
    }
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  tk.specialize producer registers 40 {
  } consumers 1 registers 240 {
    scf.for %i = %n to %n step %n {
      // expected-error@+1 {{'tk.wgmma_wait' op uses a register tile from outside its role: '!tk.inflight<tensor<64x8xf32>>'; no warpgroup could hold it for the others}}
      %t = tk.wgmma_wait %f pending 0 : !tk.inflight<tensor<64x8xf32>>
    }
  }
  tk.return
}

// -----

tk.kernel @k(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'tk.store' op uses a register tile from outside its role: 'tensor<64x8xf32>'; no warpgroup could hold it for the others}}
    tk.store %z, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

// One thread holds no tiles.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'arith.constant' op is a register tile in a producer, which one thread runs: 'tensor<64x8xf32>'}}
    %z = arith.constant dense<0.0> : tensor<64x8xf32>
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x8xf32>
  tk.specialize producer registers 40 {
    scf.for %i = %n to %n step %n {
      // expected-error@+1 {{'tk.shared_load' op is a register tile in a producer, which one thread runs: 'tensor<64x8xf32>'}}
      %t = tk.shared_load %s : !tk.shared<64x8xf32> -> tensor<64x8xf32>
    }
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.replica' op is known to consumers only; use it in the consumer region of a 'tk.specialize'}}
  %i = tk.replica
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  tk.specialize producer registers 40 {
    // expected-error@+1 {{'tk.replica' op is known to consumers only; use it in the consumer region of a 'tk.specialize'}}
    %i = tk.replica
  } consumers 1 registers 240 {
  }
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Barriers in memory and the copy engine
//===----------------------------------------------------------------------===//

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.mbarrier_init' op attribute 'arrivals' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive whose maximum value is 1048575}}
  tk.mbarrier_init %b arrivals 0 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.mbarrier_init' op attribute 'arrivals' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive whose maximum value is 1048575}}
  tk.mbarrier_init %b arrivals 1048576 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.mbarrier_expect' op attribute 'bytes' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative whose maximum value is 1048575}}
  tk.mbarrier_expect %b[%c] bytes 1048576 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.mbarrier_expect' op attribute 'bytes' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative whose maximum value is 1048575}}
  tk.mbarrier_expect %b[%c] bytes -1 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.mbarriers<2>, !tk.cursor<3>)
  // expected-error@+1 {{'tk.mbarrier_expect' op failed to verify that the cursor counts the barriers}}
  "tk.mbarrier_expect"(%b, %c) <{bytes = 0}> : (!tk.mbarriers<2>, !tk.cursor<3>) -> ()
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.mbarriers<2>, !tk.cursor<3>)
  // expected-error@+1 {{'tk.mbarrier_arrive' op failed to verify that the cursor counts the barriers}}
  "tk.mbarrier_arrive"(%b, %c) : (!tk.mbarriers<2>, !tk.cursor<3>) -> ()
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.mbarriers<2>, !tk.cursor<3>)
  // expected-error@+1 {{'tk.mbarrier_wait' op failed to verify that the cursor counts the barriers}}
  "tk.mbarrier_wait"(%b, %c) : (!tk.mbarriers<2>, !tk.cursor<3>) -> ()
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.slots<2, !tk.shared<8xf32>>, !tk.cursor<3>)
  // expected-error@+1 {{'tk.slot' op failed to verify that the cursor counts the slots}}
  %t = "tk.slot"(%s, %c) : (!tk.slots<2, !tk.shared<8xf32>>, !tk.cursor<3>) -> !tk.shared<8xf32>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %s, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.slots<2, !tk.shared<8xf32>>, !tk.cursor<2>)
  // expected-error@+1 {{'tk.slot' op failed to verify that the result is a slot's tile}}
  %t = "tk.slot"(%s, %c) : (!tk.slots<2, !tk.shared<8xf32>>, !tk.cursor<2>) -> !tk.shared<16xf32>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op result #0 must be A tile of shared memory or Shared tiles of one type, one after the other or Barriers in shared memory, one for each slot of a ring or Shared memory without a shape, through which threads exchange registers, but got '!tk.cursor<2>'}}
  %s = tk.alloc "s" : !tk.cursor<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected a layout before an offset; run tk-assign-swizzles first}}
  %s = tk.alloc "s" at 0 : !tk.slots<2, !tk.shared<8x64xf16>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected an offset that is a multiple of the layout's alignment 8, got 4}}
  %s = tk.alloc "s" at 4 : !tk.mbarriers<2>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected an offset at which 32768 bytes end within the block's 232448, got 200704}}
  %s = tk.alloc "s" at 200704 : !tk.slots<2, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op expected one offset per dimension of the view (2), got 1}}
  tk.tma_load %A[%n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op expected the shared tile to have the view's element type 'bf16', got 'f16'; load, convert and store it instead}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %B: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  %i = arith.cmpi eq, %n, %n : index
  %v = arith.select %i, %A, %B : !view
  // expected-error@+1 {{'tk.tma_load' op expected a view that is an argument of the kernel, or of a row of a table: the host makes the tensor map}}
  tk.tma_load %v[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  %e = scf.for %i = %n to %n step %n iter_args(%v = %A) -> !view {
    // expected-error@+1 {{'tk.tma_load' op expected a view that is an argument of the kernel, or of a row of a table: the host makes the tensor map}}
    tk.tma_load %v[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
    scf.yield %v : !view
  }
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, strides = [?, ?], align = 16>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: !tk.global<?x?xbf16, strides = [?, ?], align = 16> has no dimension whose stride is known to be 1}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 8, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: its address is only known to be a multiple of 8 bytes, expected 16}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [4, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: its stride along dimension 0 is only known to be a multiple of 8 bytes, expected a multiple of 16}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----


!view = !tk.global<?x?xbf16, strides = [1, 60], align = 16>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: its stride along dimension 1 is 120 bytes, expected a multiple of 16}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<264x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: 264 elements along dimension 0: expected at most 256}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b = tk.alloc "b" : !tk.mbarriers<2>
  %c = tk.ring_start : !tk.cursor<2>
  // expected-error@+1 {{'tk.tma_load' op expected a tile that is contiguous along the view's dimension 1, got 0; the copy engine does not transpose}}
  tk.tma_load %A[%n, %n], %t, %b[%c] : !view, !tile, !tk.mbarriers<2>
  tk.return
}

// -----

!view = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!tile = !tk.shared<64x64xbf16>
tk.kernel @k(%A: !view, %n: index) grid {
  tk.grid %n
} {
  %t = tk.alloc "t" : !tile
  %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.mbarriers<2>, !tk.cursor<3>)
  // expected-error@+1 {{'tk.tma_load' op failed to verify that the cursor counts the barriers}}
  "tk.tma_load"(%A, %n, %n, %t, %b, %c) : (!view, index, index, !tile, !tk.mbarriers<2>, !tk.cursor<3>) -> ()
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Products in flight
//===----------------------------------------------------------------------===//

// Waiting for all products gives the tile back: that is tk.wgmma_wait.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{'tk.wgmma_retire' op attribute 'pending' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive whose maximum value is 7}}
  %h = tk.wgmma_retire %f pending 0 : !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{'tk.wgmma_retire' op attribute 'pending' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive whose maximum value is 7}}
  %h = tk.wgmma_retire %f pending 8 : !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{'tk.wgmma_retire' op failed to verify that all of {acc, result} have same type}}
  %h = "tk.wgmma_retire"(%f) <{pending = 1}> : (!tk.inflight<tensor<64x8xf32>>) -> !tk.inflight<tensor<64x16xf32>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{'tk.wgmma_fence' op failed to verify that the result is the operand in flight}}
  %h = "tk.wgmma_fence"(%f) : (!tk.inflight<tensor<64x8xf32>>) -> !tk.inflight<tensor<64x16xf32>>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.wgmma_fence' op operand #0 must be 2-D static tensor of numbers or A register tile the tensor core may still be writing, but got 'index'}}
  %h = "tk.wgmma_fence"(%n) : (index) -> !tk.inflight<tensor<64x16xf32>>
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Kernels and loops
//===----------------------------------------------------------------------===//

// expected-error@+1 {{custom op 'tk.kernel' attribute 'tensor_maps' failed to satisfy constraint: tensor maps}}
tk.kernel @k(%n: index) attributes {tensor_maps = [1]} grid {
  tk.grid %n
} {

  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{has the unknown attribute 'tk.parallel'; tk knows 'tk.independent' on loops}}
  scf.for %i = %n to %n step %n {
  } {tk.parallel}
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected 'tk.independent' without a value, on an 'scf.for'}}
  scf.for %i = %n to %n step %n {
  } {tk.independent = true}
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %t = arith.cmpi eq, %n, %n : index
  // expected-error@+1 {{expected 'tk.independent' without a value, on an 'scf.for'}}
  scf.if %t {
  } {tk.independent}
  tk.return
}

// -----

// 640 threads start with 96 registers each: 480 to share, where the file's 512 were dealt out and no one got theirs.
tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected roles that share the registers their block is launched with, 5 times 96 to a thread, got 24 and 4 times 120}}
  tk.specialize producer registers 24 {
  } consumers 4 registers 120 {
  }
  tk.return
}
