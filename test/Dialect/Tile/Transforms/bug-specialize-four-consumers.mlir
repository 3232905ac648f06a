// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-stage-operands,tk-specialize-warps))' %s | FileCheck %s

// invalid IR ("expected roles that share the 65536 registers of a multiprocessor, got 86016"). chooseRoleRegisters has
// no budget for more than three consumers.

// CHECK:     consumers 4
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
!out = !tk.global<?x?xf32>
tk.kernel @k(%A: !in, %B: !in, %C: !out, %n: index) attributes {tuning = #tk.tuning<consumers = 4>} grid {
  %e = arith.constant 128 : index
  %x = arith.ceildivui %n, %e : index
  tk.grid %x, %n
} {
  %e = arith.constant 128 : index
  %x = tk.program_id 0
  %i = tk.program_id 1
  %j = arith.muli %x, %e : index
  %z = arith.constant dense<0.0> : tensor<256x128xf32>
  %l = scf.for %k = %n to %e step %n iter_args(%s = %z) -> tensor<256x128xf32> {
    %a = tk.load %A[%i, %k] : !in -> tensor<256x64xbf16>
    %b = tk.load %B[%k, %j] : !in -> tensor<64x128xbf16>
    %d = tk.dot %a, %b, %s : tensor<256x64xbf16>, tensor<64x128xbf16>, tensor<256x128xf32>
    scf.yield %d : tensor<256x128xf32>
  }
  tk.store %l, %C[%i, %j] : tensor<256x128xf32>, !out
  tk.return
}
