// RUN: tk-opt --verify-diagnostics --split-input-file %s

// verifier hole: a role's region with arguments, of which nothing can be known. The conversion moves the operations
// away from under them ("using value defined outside the region", <<UNKNOWN SSA VALUE>>).

tk.kernel @k(%n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.specialize' op}}
  tk.specialize producer registers 40 {
  ^bb0(%i: index):
    %j = arith.addi %i, %i : index
  } consumers 1 registers 240 {
  }
  tk.return
}
