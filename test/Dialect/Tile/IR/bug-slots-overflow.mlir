// RUN: tk-opt --verify-diagnostics --split-input-file %s

// verifier hole: 64 slots of 2^60 bytes are 2^66, which wraps to 0 and fits everywhere. !tk.shared refuses sizes beyond 64
// bits; !tk.slots and !tk.ring (the sum of its tiles) do not. Likewise tk.specialize with 2^57 - 1 consumers ("got 0").

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{expected}}
  %s = tk.alloc "s" at 0 : !tk.slots<64, !tk.shared<134217728x8589934592xi8, #tk.swizzle<128, order = [1, 0]>>>
  tk.return
}
