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
    `result[m, n] = acc[m, n] + sum over k of a[m, k] * b[k, n]`. The order of accumulation and its rounding are the
    machine's (PTX ISA 9.1, 9.7.15.5.2). What it has:

    | operands | accumulator | K in steps of | in memory | |
    |---|---|---|---|---|
    | bf16, f16 | f32 | 16 | any layout | products are exact |
    | f32 as tf32 | f32 | 8 | K contiguous | where `#tk.numerics` says `tf32 = true`; the 13 low bits of each operand are ignored: it is truncated, not rounded |
    | f8E4M3FN, f8E5M2, also one of each | f32 | 32 | K contiguous | sums keep about 14 bits while they are on the tensor core; add up partial sums of 128 in f32 |
    | i8 | i32 | 32 | K contiguous | signed; sums wrap around |

    "K contiguous" means that `a` is loaded from a view with strides `[?, 1]` and `b` from one with strides `[1, ?]`.

    Example:

    ```mlir
    %d = tk.dot %a, %b, %c : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    ```
  }];
  let extraClassDeclaration = [{
    /// Why the tensor core cannot do this product, with the remedy where there is one, or an empty string.
    std::string findObstacle();
  }];
  let arguments = (ins Tile_Tile2D:$a, Tile_Tile2D:$b, Tile_Tile2D:$acc);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = "$a `,` $b `,` $acc attr-dict `:` type($a) `,` type($b) `,` type($acc)";
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "Repeat a tile along its dimensions of extent 1";
  let description = [{
    Each dimension of the result has the tile's extent, or, where that is 1, any: the one element is repeated along it.
    A column of scales, one for each row, becomes a tile; so does a row of scales, or a single one. (`tensor.splat`
    makes a tile of a scalar.) No data moves: threads load what they need of the tile, each for itself.

    Example:

    ```mlir
    %s = tk.load %S[%row, %block] : !tk.global<?x?xf32> -> tensor<128x1xf32>
    %t = tk.broadcast %s : tensor<128x1xf32> -> tensor<128x128xf32>
    ```
  }];
  let arguments = (ins Tile_Tile:$tile);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$tile attr-dict `:` type($tile) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the result repeats the tile along the dimension.
    bool repeats(unsigned dimension);
  }];
}

#endif // TK_DIALECT_TILE_IR_VALUEOPS_TD
