// RUN: tk-opt --verify-diagnostics --split-input-file %s

tk.kernel @offsets(%list: !tk.global<?x?xi32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load_scalar' op expected one offset per dimension of the view (2), got 1}}
  %a = tk.load_scalar %list[%n] : !tk.global<?x?xi32> -> i32
  tk.return
}

// -----

tk.kernel @type(%list: !tk.global<?xi32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load_scalar' op expected a result of the view's element type 'i32', got 'i64'}}
  %a = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i64
  tk.return
}

// -----

tk.kernel @pad(%list: !tk.global<?xi8>, %n: index) grid {
  tk.grid %n
} {
  // -128 to 255: MLIR's plain integers have no sign of their own.
  %a = tk.load_scalar %list[%n] pad -128 : !tk.global<?xi8> -> i8
  %b = tk.load_scalar %list[%n] pad 255 : !tk.global<?xi8> -> i8
  // expected-error@+1 {{'tk.load_scalar' op expected a 'pad' that fits 'i8', got 256}}
  %c = tk.load_scalar %list[%n] pad 256 : !tk.global<?xi8> -> i8
  tk.return
}

// -----

tk.kernel @pad(%list: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.load_scalar' op expected 'pad' for integers only, got elements of type 'f32', which are 0 outside the view}}
  %c = tk.load_scalar %list[%n] pad 1 : !tk.global<?xf32> -> f32
  tk.return
}

// -----

tk.kernel @written(%list: !tk.global<?xi32>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<128xi32>
  // expected-error@+1 {{'tk.load_scalar' op expected a view that the kernel only reads, got one that 'tk.store' may change; pass what is written as another argument}}
  %c = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  // expected-note@+1 {{used here}}
  tk.store %t, %list[%n] : tensor<128xi32>, !tk.global<?xi32>
  tk.return
}

// -----

// What goes through another operation may be stored to under another name.
tk.kernel @through(%list: !tk.global<?xi32>, %other: !tk.global<?xi32>, %n: index) grid {
  tk.grid %n
} {
  %t = arith.constant dense<1> : tensor<128xi32>
  %same = arith.cmpi eq, %n, %n : index
  // expected-note@+1 {{used here}}
  %v = arith.select %same, %list, %other : !tk.global<?xi32>
  // expected-error@+1 {{'tk.load_scalar' op expected a view that the kernel only reads, got one that 'arith.select' may change; pass what is written as another argument}}
  %c = tk.load_scalar %list[%n] : !tk.global<?xi32> -> i32
  tk.store %t, %v[%n] : tensor<128xi32>, !tk.global<?xi32>
  tk.return
}

// -----

tk.kernel @no_argument(%list: !tk.global<?xi32>, %other: !tk.global<?xi32>, %n: index) grid {
  tk.grid %n
} {
  %same = arith.cmpi eq, %n, %n : index
  %v = arith.select %same, %list, %other : !tk.global<?xi32>
  // expected-error@+1 {{'tk.load_scalar' op expected a view that is an argument of the kernel; of others it is not known whether they change}}
  %c = tk.load_scalar %v[%n] : !tk.global<?xi32> -> i32
  tk.return
}
