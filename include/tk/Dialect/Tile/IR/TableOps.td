//===- TableOps.td - Lists of problems ---------------------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TABLEOPS_TD
#define TK_DIALECT_TILE_IR_TABLEOPS_TD

include "mlir/IR/OpAsmInterface.td"
include "tk/Dialect/Tile/IR/TileOpBase.td"

// A table does not change while the kernel runs: its operations have no effects and may be moved, merged and repeated,
// and roles that each read it take the same way.

def Tile_TableSizeOp : Tile_Op<"table_size", [Pure]> {
  let summary = "How many rows a table has";
  let description = [{
    Example:

    ```mlir
    tk.kernel @rows(%list: !tk.table<A: !tk.global<?xf32>>) grid {
      %n = tk.table_size %list : !tk.table<A: !tk.global<?xf32>>
      tk.grid %n
    } {
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_TableType:$table);
  let results = (outs Index:$result);
  let assemblyFormat = "$table attr-dict `:` qualified(type($table))";
  let hasVerifier = 1;
}

def Tile_TableRowOp : Tile_Op<"table_row", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "The views of one row of a table";
  let description = [{
    One view for each column, in order. Beyond the table they are empty: loads give zero, stores are dropped, sizes are
    0 where they are not known.

    Example: the product of one problem of a list, in a ragged grid:

    ```mlir
    tk.kernel @copies(%list: !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>> [[N], [N]]) grid {
      %i = tk.program_id 1
      %src, %dst = tk.table_row %list[%i] : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>>
      %extent = arith.constant 128 : index
      %n = tk.dim %dst, 0 : !tk.global<?xf32>
      %x = arith.ceildivui %n, %extent : index
      %y = tk.table_size %list : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>>
      tk.grid %x, %y
    } {
      %i = tk.program_id 1
      %src, %dst = tk.table_row %list[%i] : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>>
      %extent = arith.constant 128 : index
      %x = tk.program_id 0
      %at = arith.muli %x, %extent : index
      %t = tk.load %src[%at] : !tk.global<?xf32> -> tensor<128xf32>
      tk.store %t, %dst[%at] : tensor<128xf32>, !tk.global<?xf32>
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_TableType:$table, Index:$row);
  let results = (outs Variadic<Tile_GlobalType>:$views);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$table, "::mlir::Value":$row), [{
    auto type = ::mlir::cast<TableType>(table.getType());
    build($_builder, $_state, ::llvm::SmallVector<::mlir::Type>(type.getColumns().begin(), type.getColumns().end()),
          table, row);
  }]>];
}

def Tile_TableTilesOp : Tile_Op<"table_tiles", [Pure, IsolatedFromAbove, SingleBlock,
                                                HasParent<"KernelOp">]> {
  let summary = "How many programs all rows of a table need together (grid regions only)";
  let description = [{
    The region computes from the views of one row how many programs work on it: the product of the extents of its
    `tk.grid`. It is index arithmetic only. The host evaluates it for each row, adds up, and lays the running sum down
    beside the table, where `tk.table_locate` and `tk.table_total` read it. A kernel has at most one for each table.

    Example: see `tk.table_locate`.
  }];
  let arguments = (ins Tile_TableType:$table);
  let results = (outs Index:$result);
  let regions = (region SizedRegion<1>:$row);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_TableTotalOp : Tile_Op<"table_total", [Pure]> {
  let summary = "How many programs all rows of a table need together, in the body";
  let description = [{
    What `tk.table_tiles` of the kernel's grid gave, read from memory.

    Example: see `tk.table_locate`.
  }];
  let arguments = (ins Tile_TableType:$table);
  let results = (outs Index:$result);
  let assemblyFormat = "$table attr-dict `:` qualified(type($table))";
  let hasVerifier = 1;
}

def Tile_TableLocateOp : Tile_Op<"table_locate", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "Which row of a table a program works on, and which of that row's programs it is";
  let description = [{
    Programs are numbered row after row, as many in each as `tk.table_tiles` of the kernel's grid says; a row without
    any is skipped. Beyond all of them the row is the size of the table, whose views are empty. A search by halves in
    the running sum: as many reads, one after the other, as the number of rows has bits.

    Example: programs of 128 elements each, over all arrays of a list:

    ```mlir
    tk.kernel @copies(%list: !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>> [[N], [N]]) grid {
      %tiles = tk.table_tiles %list : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>> (%src, %dst) {
        %extent = arith.constant 128 : index
        %n = tk.dim %dst, 0 : !tk.global<?xf32>
        %x = arith.ceildivui %n, %extent : index
        tk.grid %x
      }
      tk.grid %tiles
    } {
      %tile = tk.program_id 0
      %i, %x = tk.table_locate %list[%tile] : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>>
      %src, %dst = tk.table_row %list[%i] : !tk.table<src: !tk.global<?xf32>, dst: !tk.global<?xf32>>
      %extent = arith.constant 128 : index
      %at = arith.muli %x, %extent : index
      %t = tk.load %src[%at] : !tk.global<?xf32> -> tensor<128xf32>
      tk.store %t, %dst[%at] : tensor<128xf32>, !tk.global<?xf32>
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_TableType:$table, Index:$tile);
  let results = (outs Index:$row, Index:$place);
  let assemblyFormat = "$table `[` $tile `]` attr-dict `:` qualified(type($table))";
  let hasVerifier = 1;
}

#endif // TK_DIALECT_TILE_IR_TABLEOPS_TD
