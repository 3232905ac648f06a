//===- ValueOps.td - Operations of the tile program --------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_VALUEOPS_TD
#define TK_DIALECT_TILE_IR_VALUEOPS_TD

include "tk/Dialect/Tile/IR/TileOpBase.td"

def Tile_LoadOp : Tile_Op<"load", [MemoryEffects<[MemRead<Tile_GlobalMemory>]>]> {
  let summary = "Read a tile from global memory";
  let description = [{
    Element `(i0, i1, ...)` of the result is element `(o0 + i0, o1 + i1, ...)` of the view, or zero where that lies
    outside the view. Offsets are in elements, one for each dimension of the view. Where the result has fewer
    dimensions, they are the view's last ones, and the leading offsets choose one index each: outside the view the whole
    tile is zero.

    `multicast` says that all programs of the kernel's cluster load the same tile, equally often: where it goes
    through a ring, each may bring a part of it to all. `tk-cluster` finds out.

    Example: a tile of a matrix, and of matrix `%b` of a batch:

    ```mlir
    %a = tk.load %A[%i, %k] : !tk.global<?x?xbf16> -> tensor<128x64xbf16>
    %c = tk.load %As[%b, %i, %k] : !tk.global<?x?x?xbf16> -> tensor<128x64xbf16>
    ```
  }];
  let arguments = (ins Tile_GlobalType:$view, Variadic<Index>:$offsets, UnitAttr:$multicast);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $view `[` $offsets `]` (`multicast` $multicast^)? attr-dict `:` qualified(type($view)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_LoadScalarOp : Tile_Op<"load_scalar", [Pure]> {
  let summary = "Read one element of a view that the kernel does not change";
  let description = [{
    The element at the given offsets, or `pad` (0 where none is given) outside the view. It steers a program: which
    group a block of rows belongs to, how long a sequence is.

    The view must be an argument of the kernel that the kernel only reads. Views of different arguments do not overlap
    where one of them is written (`tk.kernel`), so the element is the same whenever and wherever it is read: the
    operation has no effects, may be moved, merged and repeated, and **roles that each read it take the same way**.

    Example: the group of this program's rows, -1 beyond the list:

    ```mlir
    tk.kernel @group(%groups: !tk.global<?xi32>) grid {
      %n = tk.dim %groups, 0 : !tk.global<?xi32>
      tk.grid %n
    } {
      %y = tk.program_id 0
      %group = tk.load_scalar %groups[%y] pad -1 : !tk.global<?xi32> -> i32
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_GlobalType:$view, Variadic<Index>:$offsets, OptionalAttr<I64Attr>:$pad);
  let results = (outs AnyTypeOf<[AnySignlessInteger, AnyFloat]>:$result);
  let assemblyFormat = [{
    $view `[` $offsets `]` (`pad` $pad^)? attr-dict `:` qualified(type($view)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [MemoryEffects<[MemWrite<Tile_GlobalMemory>]>]> {
  let summary = "Write a tile to global memory";
  let description = [{
    Element `(i0, i1, ...)` of the tile becomes element `(o0 + i0, o1 + i1, ...)` of the view; what lies outside the
    view is dropped. A tile of fewer dimensions goes to one index of each leading dimension, as in `tk.load`. A tile of a wider floating-point type is rounded to the view's element type, to nearest even
    (canonicalisation makes the `arith.truncf` explicit).

    Example:

    ```mlir
    tk.store %c, %C[%i, %j] : tensor<128x128xf32>, !tk.global<?x?xbf16>
    ```
  }];
  let arguments = (ins Tile_Tile:$value, Tile_GlobalType:$view, Variadic<Index>:$offsets);
  let assemblyFormat = "$value `,` $view `[` $offsets `]` attr-dict `:` type($value) `,` qualified(type($view))";
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AllTypesMatch<["acc", "result"]>]> {
  let summary = "Matrix product of two tiles, added to a third";
  let description = [{
    `result[m, n] = acc[m, n] + sum over k of a[m, k] * b[k, n]`. Products of 16-bit floats are exact and accumulate
    in f32; the order of accumulation and its rounding are the machine's (PTX ISA 9.1, 9.7.15.5.2).

    Example:

    ```mlir
    %d = tk.dot %a, %b, %c : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    ```
  }];
  let arguments = (ins Tile_Tile2D:$a, Tile_Tile2D:$b, Tile_Tile2D:$acc);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = "$a `,` $b `,` $acc attr-dict `:` type($a) `,` type($b) `,` type($acc)";
  let hasVerifier = 1;
}

#endif // TK_DIALECT_TILE_IR_VALUEOPS_TD
