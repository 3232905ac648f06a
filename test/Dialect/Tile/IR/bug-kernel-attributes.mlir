// RUN: tk-opt --verify-diagnostics --split-input-file %s

// attributes of a kernel of the wrong kind are dropped without a word (the parser puts them among the discardable ones,
// and the conversion to properties makes null of them): a misspelt tuning is no tuning.

// expected-error@+1 {{custom op 'tk.kernel' attribute 'tuning' failed to satisfy constraint}}
tk.kernel @k(%n: index) attributes {tuning = 3} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{custom op 'tk.kernel' attribute 'variant_of' failed to satisfy constraint}}
tk.kernel @k(%n: index) attributes {variant_of = @a::@b} grid {
  tk.grid %n
} {
  tk.return
}

// -----

// expected-error@+1 {{custom op 'tk.kernel' attribute 'threads' failed to satisfy constraint}}
tk.kernel @k(%n: index) attributes {threads = "384"} grid {
  tk.grid %n
} {
  tk.return
}
