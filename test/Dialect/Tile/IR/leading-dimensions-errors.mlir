// RUN: tk-opt --verify-diagnostics --split-input-file %s

tk.kernel @offsets(%A: !tk.global<?x?x?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load' op expected one offset per dimension of the view (3), got 2}}
  %t = tk.load %A[%n, %n] : !tk.global<?x?x?xf32> -> tensor<8x8xf32>
  tk.return
}

// -----

// What is contiguous is a leading dimension: threads can read it, the copy engine cannot.
!across = !tk.global<?x?x?xbf16, strides = [1, ?, ?], align = 16, stride_divisible = [1, 8, 8]>
tk.kernel @across(%A: !across, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n, %n] : !across -> tensor<64x64xbf16>
  %s = tk.alloc "s" : !tk.shared<64x64xbf16>
  %full = tk.alloc "full" : !tk.mbarriers<1>
  %cursor = tk.ring_start : !tk.cursor<1>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: !tk.global<?x?x?xbf16, strides = [1, ?, ?], align = 16, stride_divisible = [1, 8, 8]> has no dimension of the tile whose stride is known to be 1}}
  tk.tma_load %A[%n, %n, %n], %s, %full[%cursor] : !across, !tk.shared<64x64xbf16>, !tk.mbarriers<1>
  tk.return
}

// -----

!loose = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [4, 8, 1]>
tk.kernel @loose(%A: !loose, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<64x64xbf16>
  // expected-error@+1 {{'tk.tma_store' op cannot copy between this view and shared memory: its stride along dimension 0 is only known to be a multiple of 8 bytes, expected a multiple of 16}}
  tk.tma_store %s, %A[%n, %n, %n] : !tk.shared<64x64xbf16>, !loose
  tk.return
}

// -----

// One matrix for all of a batch.
!shared = !tk.global<?x?x?xbf16, strides = [0, ?, 1], align = 16, stride_divisible = [1, 8, 1]>
tk.kernel @shared(%A: !shared, %n: index) grid {
  tk.grid %n
} {
  %t = tk.load %A[%n, %n, %n] : !shared -> tensor<64x64xbf16>
  %s = tk.alloc "s" : !tk.shared<64x64xbf16>
  %full = tk.alloc "full" : !tk.mbarriers<1>
  %cursor = tk.ring_start : !tk.cursor<1>
  // expected-error@+1 {{'tk.tma_load' op cannot copy between this view and shared memory: its stride along dimension 0 is 0, expected a multiple of 16 bytes other than 0; a view without that dimension can be copied}}
  tk.tma_load %A[%n, %n, %n], %s, %full[%cursor] : !shared, !tk.shared<64x64xbf16>, !tk.mbarriers<1>
  tk.return
}

// -----

!tall = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
tk.kernel @box(%A: !tall, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !tk.shared<512x64xbf16>
  // expected-error@+1 {{512 elements along dimension 1: expected at most 256}}
  tk.tma_store %s, %A[%n, %n, %n] : !tk.shared<512x64xbf16>, !tall
  tk.return
}

// -----

!batch = !tk.global<?x?x?xbf16, align = 16, stride_divisible = [8, 8, 1]>
!s = !tk.shared<64x64xbf16, #tk.swizzle<128, order = [0, 1]>>
tk.kernel @transposed(%A: !batch, %n: index) grid {
  tk.grid %n
} {
  %s = tk.alloc "s" : !s
  // expected-error@+1 {{expected a tile that is contiguous along the view's dimension 2, got 1; the copy engine does not transpose}}
  tk.tma_store %s, %A[%n, %n, %n] : !s, !batch
  tk.return
}
