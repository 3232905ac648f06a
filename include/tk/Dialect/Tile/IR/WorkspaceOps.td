//===- WorkspaceOps.td - Sums passed on from program to program -*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_WORKSPACEOPS_TD
#define TK_DIALECT_TILE_IR_WORKSPACEOPS_TD

include "tk/Dialect/Tile/IR/TileOpBase.td"

//===----------------------------------------------------------------------===//
// What tk-stream-k writes
//===----------------------------------------------------------------------===//

def Tile_SharePartialOp : Tile_Op<"share_partial", [MemoryEffects<[MemWrite<Tile_Workspace>]>]> {
  let summary = "Leave a partial sum for the program that finishes the tile";
  let description = [{
    Leaves `value` in the slot of program number `program`, the one that runs, where one `tk.add_partials` of another
    program finds it. A program may do this once, and a kernel has one such operation. The values are 32 bits wide.

    Source: M. Osama et al., Stream-K: Work-centric Parallel Decomposition for Dense Matrix-Matrix Multiplication on
    the GPU, PPoPP 2023.

    Example:

    ```mlir
    %program = tk.program_id 0
    tk.share_partial %acc as %program : tensor<128x256xf32>
    ```
  }];
  let arguments = (ins Tile_Tile2D:$value, Index:$program);
  let assemblyFormat = "$value `as` $program attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Tile_AddPartialsOp : Tile_Op<"add_partials", [AllTypesMatch<["value", "result"]>,
    MemoryEffects<[MemRead<Tile_Workspace>, MemWrite<Tile_Workspace>]>]> {
  let summary = "Add what other programs have left to a partial sum";
  let description = [{
    `value` plus what programs `first`, `first` + 1, … up to, but not including, `end` leave with `tk.share_partial`,
    added in this order: the result does not depend on timing. Waits until they have. What is taken is gone.

    Programs must only wait for programs of lower numbers. So nobody waits for ever even where not all programs of a
    grid run at once, as long as they start in the order of their numbers.

    Example:

    ```mlir
    %first = arith.constant 0 : index
    %program = tk.program_id 0
    %sum = tk.add_partials %acc from %first to %program : tensor<128x256xf32>
    ```
  }];
  let arguments = (ins Tile_Tile2D:$value, Index:$first, Index:$end);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = "$value `from` $first `to` $end attr-dict `:` type($value)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// What tk-place-sums makes of it
//===----------------------------------------------------------------------===//

class Tile_WorkspaceOp<string mnemonic, list<Trait> traits = []> : Tile_Op<mnemonic, traits> {
  let hasVerifier = 1;
}

def Tile_WorkspaceStoreOp : Tile_WorkspaceOp<"workspace_store", [MemoryEffects<[MemWrite<Tile_Workspace>]>]> {
  let summary = "Write a tile to a program's slot of the workspace";
  let description = [{
    The slot has as many parts as the kernel's `workspace` has flags; `part` says which. Each thread of the warpgroup
    writes its registers, 16 bytes of one beside those of the next, so that a `tk.workspace_load` of the same type
    gives every thread what the same thread has written.

    Example:

    ```mlir
    tk.kernel @leave(%A: !tk.global<?x?xf32>) attributes {workspace = #tk.workspace<bytes = 32768, flags = 1>} grid {
      %one = arith.constant 1 : index
      tk.grid %one
    } {
      %zero = arith.constant 0 : index
      %t = tk.load %A[%zero, %zero] : !tk.global<?x?xf32> -> tensor<64x128xf32>
      tk.workspace_store %t to %zero[%zero] : tensor<64x128xf32>
      tk.barrier
      tk.workspace_signal %zero[%zero]
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_Tile2D:$value, Index:$program, Index:$part);
  let assemblyFormat = "$value `to` $program `[` $part `]` attr-dict `:` type($value)";
}

def Tile_WorkspaceLoadOp : Tile_WorkspaceOp<"workspace_load", [MemoryEffects<[MemRead<Tile_Workspace>]>]> {
  let summary = "Read a tile from a program's slot of the workspace";
  let description = [{
    See `tk.workspace_store`.

    Example:

    ```mlir
    tk.kernel @fetch(%A: !tk.global<?x?xf32>) attributes {workspace = #tk.workspace<bytes = 32768, flags = 1>} grid {
      %one = arith.constant 1 : index
      tk.grid %one
    } {
      %zero = arith.constant 0 : index
      tk.workspace_take %zero[%zero]
      tk.barrier
      %t = tk.workspace_load %zero[%zero] : tensor<64x128xf32>
      tk.store %t, %A[%zero, %zero] : tensor<64x128xf32>, !tk.global<?x?xf32>
      tk.return
    }
    ```
  }];
  let arguments = (ins Index:$program, Index:$part);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = "$program `[` $part `]` attr-dict `:` type($result)";
}

class Tile_FlagOp<string mnemonic> : Tile_WorkspaceOp<mnemonic, [
    MemoryEffects<[MemRead<Tile_Workspace>, MemWrite<Tile_Workspace>, MemRead<Tile_SharedMemory>,
                   MemWrite<Tile_SharedMemory>]>]> {
  let arguments = (ins Index:$program, Index:$part);
  let assemblyFormat = "$program `[` $part `]` attr-dict";
}

def Tile_WorkspaceSignalOp : Tile_FlagOp<"workspace_signal"> {
  let summary = "Say that a part of a program's slot is written";
  let description = [{
    One thread of the warpgroup sets the flag, which releases what it knows to the whole device: a `tk.barrier` before
    it makes that the writes of all threads.

    Source: PTX ISA 9.1, 8.9 (release patterns).

    Example: see `tk.workspace_store`.
  }];
}

def Tile_WorkspaceTakeOp : Tile_FlagOp<"workspace_take"> {
  let summary = "Wait until a part of a program's slot is written, and clear its flag";
  let description = [{
    One thread of the warpgroup waits; a `tk.barrier` after it lets the others know. The flag is clear again when the
    kernel ends, as the next launch needs it: each that is set must be taken once.

    Source: PTX ISA 9.1, 8.9 (acquire patterns).

    Example: see `tk.workspace_load`.
  }];
}

#endif // TK_DIALECT_TILE_IR_WORKSPACEOPS_TD
