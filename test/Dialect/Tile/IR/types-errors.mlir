// RUN: tk-opt --allow-unregistered-dialect --verify-diagnostics --split-input-file %s

// A view's rank.
// expected-error@+1 {{expected a view of rank 1 to 5, got rank 0}}
"test.def"() {t = !tk.global<f32>} : () -> ()

// -----

// expected-error@+1 {{expected a view of rank 1 to 5, got rank 6}}
"test.def"() {t = !tk.global<1x1x1x1x1x1xf32>} : () -> ()

// -----

// Element types that no memory holds.
// expected-error@+1 {{expected an integer or floating-point element type, got 'index'}}
"test.def"() {t = !tk.global<?xindex>} : () -> ()

// -----

// expected-error@+1 {{expected elements of 1, 8, 16, 32 or 64 bits, got 'i24'}}
"test.def"() {t = !tk.global<?xi24>} : () -> ()

// -----

// expected-error@+1 {{expected an integer or floating-point element type, got 'vector<4xf32>'}}
"test.def"() {t = !tk.shared<8xvector<4xf32>>} : () -> ()

// -----

// expected-error@+1 {{expected elements of 1, 8, 16, 32 or 64 bits, got 'i4'}}
"test.def"() {t = !tk.shared<8xi4>} : () -> ()

// -----

// Lists have one entry per dimension.
// expected-error@+1 {{expected 'strides' to have one entry per dimension (2), got 1}}
"test.def"() {t = !tk.global<?x?xf32, strides = [1]>} : () -> ()

// -----

// expected-error@+1 {{expected 'divisible' to have one entry per dimension (2), got 3}}
"test.def"() {t = !tk.global<?x?xf32, divisible = [8, 8, 8]>} : () -> ()

// -----

// expected-error@+1 {{expected 'stride_divisible' to have one entry per dimension (1), got 2}}
"test.def"() {t = !tk.global<?xf32, stride_divisible = [8, 1]>} : () -> ()

// -----

// Negative strides are not supported: the host would have to pass another first element.
// expected-error@+1 {{expected strides of at least 0, got -1}}
"test.def"() {t = !tk.global<?xf32, strides = [-1]>} : () -> ()

// -----

// expected-error@+1 {{expected divisors of at least 1, got 0}}
"test.def"() {t = !tk.global<?xf32, divisible = [0]>} : () -> ()

// -----

// expected-error@+1 {{expected divisors of at least 1, got -8}}
"test.def"() {t = !tk.global<?xf32, stride_divisible = [-8]>} : () -> ()

// -----

// Alignment: a power of two, no less than an element.
// expected-error@+1 {{expected 'align' to be a power of two of at least the element's 4 bytes, got 12}}
"test.def"() {t = !tk.global<?xf32, align = 12>} : () -> ()

// -----

// expected-error@+1 {{expected 'align' to be a power of two of at least the element's 4 bytes, got 2}}
"test.def"() {t = !tk.global<?xf32, align = 2>} : () -> ()

// -----

// expected-error@+1 {{expected 'strides', 'align', 'divisible' or 'stride_divisible', got 'pitch'}}
"test.def"() {t = !tk.global<?xf32, pitch = 3>} : () -> ()

// -----

// Shared tiles are static.
// expected-error@+1 {{expected static shape}}
"test.def"() {t = !tk.shared<?x64xbf16>} : () -> ()

// -----

// expected-error@+1 {{expected a shared tile of static, positive extents}}
"test.def"() {t = !tk.shared<0x64xbf16>} : () -> ()

// -----

// A layout that is none of shared memory.
// expected-error@+1 {{invalid kind of attribute specified}}
"test.def"() {t = !tk.shared<64x64xbf16, #tk.wgmma_acc>} : () -> ()

// -----

// The layout must fit the tile: rank, span, rows.
// expected-error@+1 {{expected a tile of rank 2 for layout #tk.swizzle<128, order = [1, 0]>, got rank 1}}
"test.def"() {t = !tk.shared<64xbf16, #tk.swizzle<128, order = [1, 0]>>} : () -> ()

// -----

// expected-error@+1 {{expected the span to divide the contiguous extent, got a span of 128 bytes and 64 bytes along dimension 1; choose a smaller span}}
"test.def"() {t = !tk.shared<64x32xbf16, #tk.swizzle<128, order = [1, 0]>>} : () -> ()

// -----

// expected-error@+1 {{expected a multiple of 8 rows, got 12 along dimension 0}}
"test.def"() {t = !tk.shared<12x64xbf16, #tk.swizzle<128, order = [1, 0]>>} : () -> ()

// -----

// expected-error@+1 {{expected the span to divide the contiguous extent, got a span of 64 bytes and 48 bytes along dimension 0; choose a smaller span}}
"test.def"() {t = !tk.shared<24x64xbf16, #tk.swizzle<64, order = [0, 1]>>} : () -> ()

// -----

// What is in flight is a ranked tensor.
// expected-error@+2 {{invalid kind of type specified: expected builtin.tensor, but found 'f32'}}
// expected-error@+1 {{failed to parse Tile_InflightType parameter 'tensor'}}
"test.def"() {t = !tk.inflight<f32>} : () -> ()
