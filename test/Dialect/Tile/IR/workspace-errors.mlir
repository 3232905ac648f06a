// RUN: tk-opt --allow-unregistered-dialect --split-input-file --verify-diagnostics %s

// expected-error@+1 {{expected 'flags' of at least 1, got 0}}
"test.attr"() {w = #tk.workspace<bytes = 16, flags = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'bytes' to be 2 part(s) of a multiple of 16, at most 2147483647, got 48}}
"test.attr"() {w = #tk.workspace<bytes = 48, flags = 2>} : () -> ()

// -----

// expected-error@+1 {{expected 'stream_k' of at least 1, got 0}}
"test.attr"() {t = #tk.tuning<stream_k = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'cluster' or 'stream_k', got both: programs of a cluster do the same steps}}
"test.attr"() {t = #tk.tuning<cluster = 2, stream_k = 4>} : () -> ()

// -----

// expected-error@+1 {{expected 'split_k' or 'stream_k', got both: programs of a cluster do the same steps}}
"test.attr"() {t = #tk.tuning<split_k = 2, stream_k = 4>} : () -> ()

// -----

"test.attr"() {t = #tk.tuning<cluster = 1, split_k = 1, stream_k = 4>} : () -> ()

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf16>
  // expected-error@+1 {{expected elements of f32 or i32, got 'f16'}}
  tk.share_partial %t as %n : tensor<64x64xf16>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x64xf64>
  // expected-error@+1 {{expected elements of f32 or i32, got 'f64'}}
  %s = tk.add_partials %t from %n to %n : tensor<64x64xf64>
  tk.return
}

// -----

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{needs memory that the kernel does not ask for; give it a 'workspace', as tk-place-sums does}}
  tk.workspace_signal %n[%n]
  tk.return
}

// -----

tk.kernel @k(%n: index) attributes {workspace = #tk.workspace<bytes = 32768, flags = 2>} grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected a tile of at most 16384 bytes, a part of the kernel's 'workspace', got 'tensor<64x128xf32>' of 32768}}
  %t = tk.workspace_load %n[%n] : tensor<64x128xf32>
  tk.return
}

// -----

tk.kernel @k(%n: index) attributes {workspace = #tk.workspace<bytes = 16384, flags = 1>} grid {
  tk.grid %n
} {
  %t = arith.constant dense<1.0> : tensor<64x128xf16>
  // expected-error@+1 {{expected elements of f32 or i32, got 'f16'}}
  tk.workspace_store %t to %n[%n] : tensor<64x128xf16>
  tk.return
}

// -----

// expected-error@+1 {{expected 'bytes' to be 1152921504606846976 part(s) of a multiple of 16, at most 2147483647, got 16}}
"test.attr"() {w = #tk.workspace<bytes = 16, flags = 1152921504606846976>} : () -> ()

// -----

// expected-error@+1 {{expected 'bytes' to be 1 part(s) of a multiple of 16, at most 2147483647, got 1099511627776}}
"test.attr"() {w = #tk.workspace<bytes = 1099511627776, flags = 1>} : () -> ()

// -----

tk.kernel @k(%n: index) attributes {workspace = #tk.workspace<bytes = 16384, flags = 2>} grid {
  tk.grid %n
} {
  %two = arith.constant 2 : index
  // expected-error@+1 {{expected one of the 2 part(s) of the kernel's 'workspace', got part 2}}
  tk.workspace_take %n[%two]
  tk.return
}
