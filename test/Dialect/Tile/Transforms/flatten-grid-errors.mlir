// RUN: tk-opt --pass-pipeline='builtin.module(tk.kernel(tk-flatten-grid))' --split-input-file --verify-diagnostics %s

!v = !tk.global<?xf32>
tk.kernel @scalar(%list: !tk.table<v: !v>, %extent: index) grid {
  %i = tk.program_id 1
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %n = tk.dim %v, 0 : !v
  // expected-error@+1 {{'arith.ceildivui' op expected the extents of a grid over "list" to depend on its row alone, which is all that the host counts by, got another argument; give each row what it needs}}
  %x = arith.ceildivui %n, %extent : index
  %y = tk.table_size %list : !tk.table<v: !v>
  tk.grid %x, %y
} {
  tk.return
}

// -----

!v = !tk.global<?xf32>
tk.kernel @extent(%list: !tk.table<v: !v>, %extent: index) grid {
  %i = tk.program_id 1
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %y = tk.table_size %list : !tk.table<v: !v>
  // expected-error@+1 {{'tk.grid' op expected the extents of a grid over a table to depend on its row alone, got an argument of the kernel}}
  tk.grid %extent, %y
} {
  tk.return
}

// -----

!v = !tk.global<?xf32>
// expected-error@+1 {{'tk.kernel' op expected no clusters in a ragged grid, got 2 programs, which may belong to different rows}}
tk.kernel @cluster(%list: !tk.table<v: !v>) attributes {cluster = array<i64: 2>} grid {
  %i = tk.program_id 1
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %n = tk.dim %v, 0 : !v
  %y = tk.table_size %list : !tk.table<v: !v>
  tk.grid %n, %y
} {
  tk.return
}

// -----

!v = !tk.global<?xf32>
tk.kernel @programs(%list: !tk.table<v: !v>) grid {
  %i = tk.program_id 1
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %n = tk.dim %v, 0 : !v
  %y = tk.table_size %list : !tk.table<v: !v>
  tk.grid %n, %y
} {
  // expected-error@+1 {{'tk.num_programs' op has no meaning in a ragged grid, which has another number of programs for each row; compute it from the row's sizes}}
  %x = tk.num_programs 0
  tk.return
}

// -----

!v = !tk.global<?xf32>
tk.kernel @size(%list: !tk.table<v: !v>) grid {
  %i = tk.program_id 2
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %n = tk.dim %v, 0 : !v
  %y = tk.table_size %list : !tk.table<v: !v>
  // expected-error@+1 {{'tk.grid' op expected the extents of a grid over a table to depend on its row alone, got the size of a table}}
  tk.grid %n, %y, %y
} {
  tk.return
}

// -----

!v = !tk.global<?xf32>
tk.kernel @device(%list: !tk.table<v: !v>) grid {
  %i = tk.program_id 1
  %v = tk.table_row %list[%i] : !tk.table<v: !v>
  %n = tk.dim %v, 0 : !v
  // expected-error@+1 {{'tk.num_sms' op has no place in a ragged grid: programs compute the extents of their row again, and only the host knows it}}
  %sms = tk.num_sms
  %x = arith.minui %n, %sms : index
  %y = tk.table_size %list : !tk.table<v: !v>
  tk.grid %x, %y
} {
  tk.return
}
