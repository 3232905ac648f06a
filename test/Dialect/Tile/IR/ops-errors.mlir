// RUN: tk-opt --verify-diagnostics --split-input-file %s

//===----------------------------------------------------------------------===//
// tk.kernel
//===----------------------------------------------------------------------===//

// expected-error@+1 {{expected one name per dimension of a view, got 1 for '!tk.global<?x?xf32>'}}
tk.kernel @names(%A: !tk.global<?x?xf32> [M]) grid {
  tk.return
} {
  tk.return
}

// -----

// expected-error@+1 {{expected one name per dimension of a view, got 1 for 'f32'}}
tk.kernel @names(%alpha: f32 [M]) grid {
} {
}

// -----

// expected-error@+1 {{'tk.kernel' op expected arguments to be global views, tables or scalars of 8 to 64 bits, got 'tensor<8xf32>' for 't'}}
tk.kernel @argument(%t: tensor<8xf32>) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected arguments to be global views, tables or scalars of 8 to 64 bits, got 'i1' for 'flag'}}
tk.kernel @argument(%flag: i1) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'threads' to be whole warpgroups (a multiple of 128, at most 1024), got 96}}
tk.kernel @threads() attributes {threads = 96} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'threads' to be whole warpgroups (a multiple of 128, at most 1024), got 1152}}
tk.kernel @threads() attributes {threads = 1152} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'threads' to be whole warpgroups (a multiple of 128, at most 1024), got -128}}
tk.kernel @threads() attributes {threads = -128} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'shared_bytes' of at least 0, got -16}}
tk.kernel @bytes() attributes {shared_bytes = -16} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected a name and a list of size names for each of the 0 arguments, got 1 and 0}}
"tk.kernel"() <{sym_name = "lists", function_type = () -> (), arg_names = ["A"], size_names = []}> ({
  "tk.return"() : () -> ()
}, {
  %one = arith.constant 1 : index
  "tk.grid"(%one) : (index) -> ()
}) : () -> ()

// -----

// expected-error@+1 {{'tk.kernel' op expected one size name per dimension of 'A' (2) or none, got 1}}
"tk.kernel"() <{sym_name = "sizes", function_type = (!tk.global<?x?xf32>) -> (), arg_names = ["A"],
                size_names = [["M"]]}> ({
^bb0(%A: !tk.global<?x?xf32>):
  "tk.return"() : () -> ()
}, {
^bb0(%A: !tk.global<?x?xf32>):
  %one = arith.constant 1 : index
  "tk.grid"(%one) : (index) -> ()
}) : () -> ()

// -----

// expected-error@+1 {{'tk.kernel' op expected no results, got 1; kernels write to their views}}
"tk.kernel"() <{sym_name = "results", function_type = () -> f32, arg_names = [], size_names = []}> ({
  "tk.return"() : () -> ()
}, {
  %one = arith.constant 1 : index
  "tk.grid"(%one) : (index) -> ()
}) : () -> ()

// -----

// expected-error@+1 {{'tk.kernel' op expected both regions to have the kernel's 1 arguments}}
"tk.kernel"() <{sym_name = "regions", function_type = (index) -> (), arg_names = ["n"], size_names = [[]]}> ({
^bb0(%n: index):
  "tk.return"() : () -> ()
}, {
  %one = arith.constant 1 : index
  "tk.grid"(%one) : (index) -> ()
}) : () -> ()

// -----

// expected-error@+1 {{'tk.kernel' op expected both regions to have the kernel's 0 arguments}}
tk.kernel @no_body() grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
}

// -----

tk.kernel @terminator() grid {
  // expected-error@+1 {{'tk.return' op expected the grid region to end in 'tk.grid'}}
  tk.return
} {
  tk.return
}

// -----

tk.kernel @grid_op() grid {
  %x = tk.program_id 0
  // expected-error@+1 {{'tk.grid' op expected a program's place to choose the row of a table and nothing else in a grid region}}
  tk.grid %x
} {
  tk.return
}

// -----

// Only one block: passes follow structured control flow.
// expected-error@+1 {{'tk.kernel' op expected a body of one block, got 2; use scf for control flow}}
tk.kernel @blocks(%n: index) grid {
  tk.grid %n
} {
  cf.br ^end
^end:
  tk.return
}

// -----

tk.kernel @end(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.grid' op expected the body to end in 'tk.return'}}
  tk.grid %n
}

// -----

tk.kernel @no_extent() grid {
  // expected-error@+1 {{'tk.grid' op expected one to three extents, got 0}}
  tk.grid
} {
  tk.return
}

// -----

tk.kernel @four_extents(%n: index) grid {
  // expected-error@+1 {{'tk.grid' op expected one to three extents, got 4}}
  tk.grid %n, %n, %n, %n
} {
  tk.return
}

// -----

tk.kernel @sms(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.num_sms' op is known to the host only; use it in a grid region}}
  %s = tk.num_sms
  tk.return
}

// -----

tk.kernel @axis(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.program_id' op attribute 'dimension' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative whose maximum value is 2}}
  %s = tk.program_id 3
  tk.return
}

// -----

tk.kernel @dim(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.dim' op expected a dimension below the view's rank 2, got 2}}
  %s = tk.dim %A, 2 : !tk.global<?x?xf32>
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Tile programs
//===----------------------------------------------------------------------===//

tk.kernel @load(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op expected one offset per dimension of the view (2), got 1}}
  %t = tk.load %A[%n] : !tk.global<?x?xf32> -> tensor<8x8xf32>
  tk.return
}

// -----

tk.kernel @load(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op expected a tile of rank 1 to the view's 2, got rank 3}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<8x8x8xf32>
  tk.return
}

// -----

tk.kernel @load(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op expected a tile of rank 1 to the view's 2, got rank 0}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<f32>
  tk.return
}

// -----

tk.kernel @load(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op expected the tile to have the view's element type 'f32', got 'f16'; convert the tile after loading it}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<8x8xf16>
  tk.return
}

// -----

tk.kernel @load(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op result #0 must be static tensor of numbers, but got 'tensor<?x8xf32>'}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?xf32> -> tensor<?x8xf32>
  tk.return
}

// -----

tk.kernel @store(%A: !tk.global<?xf16>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<0.0> : tensor<8x8xf16>
  // expected-error@+1 {{'tk.store' op expected a tile of rank 1 to the view's 1, got rank 2}}
  tk.store %t, %A[%n] : tensor<8x8xf16>, !tk.global<?xf16>
  tk.return
}

// -----

// A store rounds, but neither widens nor converts between integers and floats.
tk.kernel @store(%A: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<0.0> : tensor<8xf16>
  // expected-error@+1 {{'tk.store' op expected a tile of the view's element type 'f32' or of a wider floating-point type, got 'f16'; convert the tile before storing it}}
  tk.store %t, %A[%n] : tensor<8xf16>, !tk.global<?xf32>
  tk.return
}

// -----

tk.kernel @store(%A: !tk.global<?xi8>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<0> : tensor<8xi32>
  // expected-error@+1 {{'tk.store' op expected a tile of the view's element type 'i8' or of a wider floating-point type, got 'i32'; convert the tile before storing it}}
  tk.store %t, %A[%n] : tensor<8xi32>, !tk.global<?xi8>
  tk.return
}

// -----

tk.kernel @store(%A: !tk.global<?xbf16>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<0.0> : tensor<8xf16>
  // expected-error@+1 {{'tk.store' op expected a tile of the view's element type 'bf16' or of a wider floating-point type, got 'f16'; convert the tile before storing it}}
  tk.store %t, %A[%n] : tensor<8xf16>, !tk.global<?xbf16>
  tk.return
}

// -----

tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (tensor<64x32xf16>, tensor<16x8xf16>, tensor<64x8xf32>)
  // expected-error@+1 {{'tk.dot' op expected the columns of 'a' to match the rows of 'b', got 32 and 16}}
  %d = tk.dot %a, %b, %c : tensor<64x32xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  tk.return
}

// -----

tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x16xf32>)
  // expected-error@+1 {{'tk.dot' op expected an accumulator of 64 x 8, got 64 x 16}}
  %d = tk.dot %a, %b, %c : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x16xf32>
  tk.return
}

// -----

tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (tensor<64x16xf16>, tensor<16x8xbf16>, tensor<64x8xf32>)
  // expected-error@+1 {{'tk.dot' op expected 'a' and 'b' of one element type, or both of 8-bit floats, got 'f16' and 'bf16'}}
  %d = tk.dot %a, %b, %c : tensor<64x16xf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  tk.return
}

// -----

tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xi32>)
  // expected-error@+1 {{'tk.dot' op expected an accumulator of the operands' kind, got 'i32' for 'f16'}}
  %d = tk.dot %a, %b, %c : tensor<64x16xf16>, tensor<16x8xf16>, tensor<64x8xi32>
  tk.return
}

// -----

tk.kernel @dot(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (tensor<16xf16>, tensor<16x8xf16>, tensor<64x8xf32>)
  // expected-error@+1 {{'tk.dot' op operand #0 must be 2-D static tensor of numbers, but got 'tensor<16xf16>'}}
  %d = tk.dot %a, %b, %c : tensor<16xf16>, tensor<16x8xf16>, tensor<64x8xf32>
  tk.return
}

// -----

//===----------------------------------------------------------------------===//
// Placed programs
//===----------------------------------------------------------------------===//

tk.kernel @alloc(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected a layout before an offset; run tk-assign-swizzles first}}
  %s = tk.alloc "s" at 0 : !tk.shared<8x64xf16>
  tk.return
}

// -----

tk.kernel @alloc(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected an offset that is a multiple of the layout's alignment 1024, got 512}}
  %s = tk.alloc "s" at 512 : !tk.shared<8x64xf16, #tk.swizzle<128, order = [1, 0]>>
  tk.return
}

// -----

tk.kernel @alloc(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.alloc' op expected an offset that is a multiple of the layout's alignment 128, got -128}}
  %s = tk.alloc "s" at -128 : !tk.shared<8x8xf16, #tk.swizzle<16, order = [1, 0]>>
  tk.return
}

// -----

tk.kernel @shared_load(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<8x64xf16>
  // expected-error@+1 {{'tk.shared_load' op expected a register tile of the shared tile's shape and element type, got 'tensor<8x64xbf16>' and '!tk.shared<8x64xf16>'}}
  %t = tk.shared_load %s : !tk.shared<8x64xf16> -> tensor<8x64xbf16>
  tk.return
}

// -----

tk.kernel @shared_store(%n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<8x64xf16>
  %t = arith.constant dense<0.0> : tensor<64x8xf16>
  // expected-error@+1 {{'tk.shared_store' op expected a register tile of the shared tile's shape and element type, got 'tensor<64x8xf16>' and '!tk.shared<8x64xf16>'}}
  tk.shared_store %t, %s : tensor<64x8xf16>, !tk.shared<8x64xf16>
  tk.return
}

// -----

tk.kernel @copy(%A: !tk.global<?xf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<8x64xf16>
  // expected-error@+1 {{'tk.copy' op expected a tile of rank 1 to the view's 1, got rank 2}}
  tk.copy %A[%n], %s : !tk.global<?xf16>, !tk.shared<8x64xf16>
  tk.return
}

// -----

tk.kernel @copy(%A: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<8x64xf16>
  // expected-error@+1 {{'tk.copy' op expected the shared tile to have the view's element type 'f32', got 'f16'; load, convert and store it instead}}
  tk.copy %A[%n, %n], %s : !tk.global<?x?xf32>, !tk.shared<8x64xf16>
  tk.return
}

// -----

tk.kernel @copy(%A: !tk.global<?x?xf16>, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<8x64xf16>
  // expected-error@+1 {{'tk.copy' op expected a wgmma accumulator of 64 m x 8 n elements, got 8 x 64}}
  tk.copy %A[%n, %n], %s : !tk.global<?x?xf16>, !tk.shared<8x64xf16> through #tk.wgmma_acc
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected operands of rank 2, got '!tk.shared<64xf16>', '!tk.shared<16x8xf16>' and 'tensor<64x8xf32>'}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x32xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected the columns of 'a' to match the rows of 'b', got 32 and 16}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x32xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x16xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x16xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected an accumulator of 64 x 8, got 64 x 16}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x16xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x16xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x16xf16>, !tk.shared<16x8xbf16>, !tk.inflight<tensor<64x8xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected bf16, f16, f32 (as tf32) or fp8 operands and an f32 accumulator, or i8 and i32, got 'f16', 'bf16' and 'f32'}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x16xf16>, !tk.shared<16x8xbf16>, !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x32xi8>, !tk.shared<32x8xi8>, !tk.inflight<tensor<64x8xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected bf16, f16, f32 (as tf32) or fp8 operands and an f32 accumulator, or i8 and i32, got 'i8', 'i8' and 'f32'}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x32xi8>, !tk.shared<32x8xi8>, !tk.inflight<tensor<64x8xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x16xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf16>>)
  // expected-error@+1 {{'tk.wgmma' op expected bf16, f16, f32 (as tf32) or fp8 operands and an f32 accumulator, or i8 and i32, got 'f16', 'f16' and 'f16'}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x16xf16>, !tk.shared<16x8xf16>, !tk.inflight<tensor<64x8xf16>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<32x24xf16>, !tk.shared<24x12xf16>, !tk.inflight<tensor<32x12xf32>>)
  // expected-error@+1 {{'tk.wgmma' op expected extents of 64 m x 8 n x 16 k, got 32 x 12 x 24}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<32x24xf16>, !tk.shared<24x12xf16>, !tk.inflight<tensor<32x12xf32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x48xi8>, !tk.shared<48x8xi8>, !tk.inflight<tensor<64x8xi32>>)
  // expected-error@+1 {{'tk.wgmma' op expected extents of 64 m x 8 n x 32 k, got 64 x 8 x 48}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x48xi8>, !tk.shared<48x8xi8>, !tk.inflight<tensor<64x8xi32>>
  tk.return
}

// -----

tk.kernel @wgmma(%n: index) grid {
  tk.grid %n
} {
  %a, %b, %c = "builtin.unrealized_conversion_cast"(%n) : (index) -> (!tk.shared<64x32xi8, #tk.swizzle<32, order = [1, 0]>>, !tk.shared<32x16xi8, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<tensor<64x16xi32>>)
  // expected-error@+1 {{'tk.wgmma' op expected 'b' of 'i8' with K contiguous, order = [0, 1], got}}
  %d = tk.wgmma %a, %b, %c : !tk.shared<64x32xi8, #tk.swizzle<32, order = [1, 0]>>, !tk.shared<32x16xi8, #tk.swizzle<16, order = [1, 0]>>, !tk.inflight<tensor<64x16xi32>>
  tk.return
}

// -----

tk.kernel @broadcast(%n: index) grid {
  tk.grid %n
} {
  %a = arith.constant dense<1.0> : tensor<128x2xf32>
  // expected-error@+1 {{'tk.broadcast' op expected an extent of 2 for dimension 1, as the tile has more than one element along it, got 128}}
  %b = tk.broadcast %a : tensor<128x2xf32> -> tensor<128x128xf32>
  tk.return
}

// -----

tk.kernel @broadcast(%n: index) grid {
  tk.grid %n
} {
  %a = arith.constant dense<1.0> : tensor<128xf32>
  // expected-error@+1 {{'tk.broadcast' op expected a result of rank 1 and of 'f32', got 'tensor<128x128xf32>'}}
  %b = tk.broadcast %a : tensor<128xf32> -> tensor<128x128xf32>
  tk.return
}

// -----

// The tile in flight cannot be touched before a wait: only tk.wgmma and tk.wgmma_wait take it.
tk.kernel @inflight(%C: !tk.global<?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  // expected-note@+1 {{prior use here}}
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{use of value '%f' expects different type than prior uses: 'tensor<64x8xf32>' vs '!tk.inflight<tensor<64x8xf32>>'}}
  tk.store %f, %C[%n, %n] : tensor<64x8xf32>, !tk.global<?x?xf32>
  tk.return
}

// -----

tk.kernel @pending(%n: index) grid {
  tk.grid %n
} {
  %z = arith.constant dense<0.0> : tensor<64x8xf32>
  %f = tk.wgmma_fence %z : tensor<64x8xf32>
  // expected-error@+1 {{'tk.wgmma_wait' op attribute 'pending' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative whose maximum value is 7}}
  %d = tk.wgmma_wait %f pending 8 : !tk.inflight<tensor<64x8xf32>>
  tk.return
}
