// RUN: tk-opt --verify-diagnostics --split-input-file %s

// The host makes maps from these: what it could not make is refused with the kernel.

// expected-error@+1 {{to be a permutation of the 2 dimensions of its argument, and as many extents}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 0, order = [1, 1], box = [64, 128], swizzle = 128>]} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{to be a permutation of the 2 dimensions of its argument, and as many extents}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 0, order = [1, 0], box = [64], swizzle = 128>]} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{to span 16, 32, 64 or 128 bytes, got 3}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 0, order = [1, 0], box = [64, 128], swizzle = 3>]} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{to be 1 to 256, got 512}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 0, order = [1, 0], box = [64, 512], swizzle = 128>]} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{to name an argument that is a view}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 7, order = [1, 0], box = [64, 128], swizzle = 128>]} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{to name an argument that is a view}}
tk.kernel @k(%A: !tk.global<?x?xbf16>, %n: index) attributes {tensor_maps = [#tk.tensor_map<argument = 1, order = [1, 0], box = [64, 128], swizzle = 128>]} grid {
  tk.grid %n
} {
  tk.return
}
