// RUN: tk-opt --convert-tk-to-nvvm --canonicalize --cse %s | FileCheck %s

// Every thread loads the element under the predicate that it lies in the view; `pad` is there before. No thread's index
// has a part in the address.
// CHECK:       tk.kernel @list({{.*}}reads = array<i1: true, false>{{.*}}writes = array<i1: false, false>
// CHECK-LABEL: llvm.func @list(
// CHECK-SAME:    %[[L:[^:]*]]: !llvm.ptr<1>, %[[SIZE:[^:]*]]: i64, %[[AT:[^:]*]]: i64)
// CHECK-NOT:     tid.x
// CHECK-DAG:     %[[BYTES:.*]] = arith.muli %[[AT]], %{{.*}} : i64
// CHECK-DAG:     %[[P:.*]] = llvm.getelementptr %[[L]][%[[BYTES]]]
// CHECK:         llvm.inline_asm {{.*}} "{
// CHECK-SAME:    setp.lt.u64 p, $2, $3;
// CHECK-SAME:    mov.b32 $0, 4294967295;
// CHECK-SAME:    @p ld.global.b32 $0, [$1];
// CHECK-SAME:    "=&r,l,l,l" %[[P]], %[[AT]], %[[SIZE]]
tk.kernel @list(%list: !tk.global<?xi32>, %n: index) grid {
  tk.grid %n
} {
  %a = tk.load_scalar %list[%n] pad -1 : !tk.global<?xi32> -> i32
  %i = arith.index_cast %a : i32 to index
  %t = tk.load_scalar %list[%i] : !tk.global<?xi32> -> i32
  tk.return
}

// CHECK-LABEL: llvm.func @widths(
// 64 bits in two words, the low one first; 16 and 8 bits in a register of 16; leading dimensions.
// CHECK:         mov.b32 $0, 4294967294;
// CHECK-SAME:    mov.b32 $1, 4294967295;
// CHECK-SAME:    @p ld.global.v2.b32 {$0, $1}, [$2];
// CHECK:         setp.lt.and.u64 p, $2, $3, $4;
// CHECK-SAME:    mov.b16 $0, 65535;
// CHECK-SAME:    @p ld.global.b16 $0, [$1];
// CHECK:         mov.b16 $0, 255;
// CHECK-SAME:    @p ld.global.b8 $0, [$1];
// CHECK:         mov.b32 $0, 0;
// CHECK-SAME:    @p ld.global.b32 $0, [$1];
tk.kernel @widths(%q: !tk.global<?xi64>, %h: !tk.global<?x?xi16>, %b: !tk.global<?xi8>, %f: !tk.global<?xf32>, %n: index) grid {
  tk.grid %n
} {
  %0 = tk.load_scalar %q[%n] pad -2 : !tk.global<?xi64> -> i64
  %1 = tk.load_scalar %h[%n, %n] pad -1 : !tk.global<?x?xi16> -> i16
  %2 = tk.load_scalar %b[%n] pad 255 : !tk.global<?xi8> -> i8
  %3 = tk.load_scalar %f[%n] : !tk.global<?xf32> -> f32
  tk.return
}
