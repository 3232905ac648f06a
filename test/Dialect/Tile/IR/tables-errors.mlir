// RUN: tk-opt --split-input-file --verify-diagnostics %s

// expected-error@+1 {{expected columns to be global views, got 'f32' for 'a'}}
tk.kernel @scalar(%list: !tk.table<a: f32>) grid {

// -----

// expected-error@+1 {{expected columns of different names, got "a" twice}}
tk.kernel @names(%list: !tk.table<a: !tk.global<?xf32>, a: !tk.global<?xf32>>) grid {

// -----

// expected-error@+1 {{expected a size of column "a" that its rows give, for a row beyond the table has none, got '!tk.global<4xf32>'; make one of its sizes '?'}}
tk.kernel @static(%list: !tk.table<a: !tk.global<4xf32>>) grid {

// -----

// expected-error@+1 {{expected one name per dimension of column "b", got 1 for '!tk.global<?x?xf32>'}}
tk.kernel @symbols(%list: !tk.table<a: !tk.global<?xf32>, b: !tk.global<?x?xf32>> [[N], [N]]) grid {

// -----

// expected-error@+1 {{expected a list of names for each of the table's 2 columns, got 1}}
tk.kernel @symbols(%list: !tk.table<a: !tk.global<?xf32>, b: !tk.global<?xf32>> [[N]]) grid {

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @no_argument(%n: index) grid {
  tk.grid %n
} {
  %list = "builtin.unrealized_conversion_cast"(%n) : (index) -> !list
  // expected-error@+1 {{'tk.table_row' op expected a table that is an argument of the kernel; of others it is not known whether they change}}
  %a = tk.table_row %list[%n] : !list
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @columns(%list: !list, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.table_row' op expected a view of column "a" to be '!tk.global<?xf32>', got '!tk.global<?xf16>'}}
  %a = "tk.table_row"(%list, %n) : (!list, index) -> !tk.global<?xf16>
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
// expected-note@+1 {{the kernel's grid}}
tk.kernel @no_sum(%list: !list, %n: index) grid {
  tk.grid %n
} {
  // expected-error@+1 {{'tk.table_locate' op expected a 'tk.table_tiles' of "list" in the grid region, which says how many programs work on each row, got none}}
  %row, %place = tk.table_locate %list[%n] : !list
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @in_body(%list: !list) grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  // expected-error@+1 {{'tk.table_tiles' op is counted by the host; use it in a grid region, and 'tk.table_total' in the body}}
  %tiles = tk.table_tiles %list : !list (%a) {
    %one = arith.constant 1 : index
    tk.grid %one
  }
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @twice(%list: !list) grid {
  %tiles = tk.table_tiles %list : !list (%a) {
    %one = arith.constant 1 : index
    tk.grid %one
  }
  // expected-error@+1 {{'tk.table_tiles' op is the second of its table; there is one running sum for each}}
  %more = tk.table_tiles %list : !list (%a) {
    %one = arith.constant 1 : index
    tk.grid %one
  }
  tk.grid %more
} {
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @in_row(%list: !list) grid {
  %tiles = tk.table_tiles %list : !list (%a) {
    // expected-error@+1 {{'tk.program_id' op is not index arithmetic over a row's sizes and facts of the device, which is all that 'tk.table_tiles' may hold}}
    %x = tk.program_id 0
    tk.grid %x
  }
  tk.grid %tiles
} {
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>, b: !tk.global<?xf32>>
tk.kernel @names(%list: !list) grid {
  // expected-error@+1 {{expected one name for each of the table's 2 columns, got 1}}
  %tiles = tk.table_tiles %list : !list (%a) {

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @dimension(%list: !list) grid {
  // expected-error@+1 {{'tk.program_id' op expected the place along the grid's last dimension (1), which alone may choose a row here, got 0}}
  %i = tk.program_id 0
  %a = tk.table_row %list[%i] : !list
  %n = tk.dim %a, 0 : !tk.global<?xf32>
  %y = tk.table_size %list : !list
  tk.grid %n, %y
} {
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @other_use(%list: !list) grid {
  %i = tk.program_id 1
  %y = tk.table_size %list : !list
  // expected-error@+1 {{'arith.addi' op expected a program's place to choose the row of a table and nothing else in a grid region}}
  %n = arith.addi %i, %i : index
  tk.grid %n, %y
} {
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @constant_row(%list: !list) grid {
  %i = arith.constant 1 : index
  // expected-error@+1 {{'tk.table_row' op expected the row of 'tk.program_id 1' in a grid region: the grid is made for each row}}
  %a = tk.table_row %list[%i] : !list
  %n = tk.dim %a, 0 : !tk.global<?xf32>
  %y = tk.table_size %list : !list
  tk.grid %n, %y
} {
  tk.return
}

// -----

!list = !tk.table<a: !tk.global<?xf32>>
tk.kernel @other_size(%list: !list, %other: !list) grid {
  %i = tk.program_id 1
  // expected-note@+1 {{they depend on this row}}
  %a = tk.table_row %list[%i] : !list
  %n = tk.dim %a, 0 : !tk.global<?xf32>
  %y = tk.table_size %other : !list
  // expected-error@+1 {{'tk.grid' op expected 'tk.table_size' of the table whose rows the extents depend on as the last extent, got another number}}
  tk.grid %n, %y
} {
  tk.return
}

// -----

// A column of a table that is none, or that it has not.
// expected-error@+1 {{'tk.kernel' op expected #tk.tensor_map<argument = 0, column = 0, order = [0], box = [64], swizzle = 128> to name an argument that is a view, or a column of a table}}
tk.kernel @map(%a: !tk.global<?xf32>) attributes {tensor_maps = [#tk.tensor_map<argument = 0, column = 0, order = [0], box = [64], swizzle = 128>]} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'column' of #tk.tensor_map<argument = 0, column = 1, order = [0], box = [64], swizzle = 128> to be below 1, got 1}}
tk.kernel @map(%a: !tk.table<a: !tk.global<?xf32>>) attributes {tensor_maps = [#tk.tensor_map<argument = 0, column = 1, order = [0], box = [64], swizzle = 128>]} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}

// -----

// expected-error@+1 {{'tk.kernel' op expected 'reads' and 'writes' to have one entry for each of the 1 arguments, of tables one for each column (2), got 1}}
tk.kernel @reads(%a: !tk.table<a: !tk.global<?xf32>, b: !tk.global<?xf32>>) attributes {reads = array<i1: true>} grid {
  %one = arith.constant 1 : index
  tk.grid %one
} {
  tk.return
}
