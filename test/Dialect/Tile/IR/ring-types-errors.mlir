// RUN: tk-opt --allow-unregistered-dialect --verify-diagnostics --split-input-file %s

// Types and attributes of rings and of tuning that cannot be.

// expected-error@+1 {{expected 1 to 64 stages, got 0}}
"test.def"() {t = !tk.cursor<0>} : () -> ()

// -----

// expected-error@+1 {{expected 1 to 64 stages, got 65}}
"test.def"() {t = !tk.cursor<65>} : () -> ()

// -----

// expected-error@+1 {{expected 1 to 64 stages, got -1}}
"test.def"() {t = !tk.ring<-1, !tk.shared<8xf32>>} : () -> ()

// -----

// expected-error@+1 {{expected 1 to 64 stages, got 65}}
"test.def"() {t = !tk.ring<65, !tk.shared<8xf32>>} : () -> ()

// -----

// expected-error@+1 {{expected 1 to 64 stages, got 0}}
"test.def"() {t = !tk.slots<0, !tk.shared<8xf32>>} : () -> ()

// -----

// expected-error@+1 {{expected 1 to 64 stages, got 65}}
"test.def"() {t = !tk.mbarriers<65>} : () -> ()

// -----

// expected-error@+1 {{expected ','}}
"test.def"() {t = !tk.ring<2>} : () -> ()

// -----

// A ring carries shared tiles.
// expected-error@+2 {{expected '<'}}
// expected-error@+1 {{failed to parse Tile_RingType parameter 'tiles' which is to be a `::llvm::ArrayRef<::tk::tile::SharedType>`}}
"test.def"() {t = !tk.ring<2, tensor<8xf32>>} : () -> ()

// -----

// What is wrong with a tile is said of the tile.
// expected-error@+2 {{failed to parse Tile_RingType parameter 'tiles' which is to be a `::llvm::ArrayRef<::tk::tile::SharedType>`}}
// expected-error@+1 {{expected a multiple of 8 rows, got 12 along dimension 0}}
"test.def"() {t = !tk.ring<2, !tk.shared<12x64xbf16, #tk.swizzle<128, order = [1, 0]>>>} : () -> ()

// -----

// expected-error@+1 {{expected 'stages' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<stages = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'consumers' of at least 1, got -1}}
"test.def"() {a = #tk.tuning<stages = 1, consumers = -1>} : () -> ()

// -----

// expected-error@+1 {{expected 'producer_registers' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<producer_registers = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'consumer_registers' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<consumer_registers = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'widen' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<widen = 0>} : () -> ()

// -----

// expected-error@+1 {{expected 'group' of at least 1, got 0}}
"test.def"() {a = #tk.tuning<group = 0>} : () -> ()

// -----

// expected-error@+1 {{duplicate or unknown struct parameter name: depth}}
"test.def"() {a = #tk.tuning<depth = 3>} : () -> ()

// -----

// expected-error@+1 {{duplicate or unknown struct parameter name: stages}}
"test.def"() {a = #tk.tuning<stages = 3, stages = 4>} : () -> ()

// -----

// expected-error@+1 {{expected 'order'}}
"test.def"() {a = #tk.tensor_map<argument = 0, box = [64, 128], order = [1, 0], swizzle = 128>} : () -> ()
