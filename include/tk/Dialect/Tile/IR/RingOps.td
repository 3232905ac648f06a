//===- RingOps.td - Rings and roles ------------------------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_RINGOPS_TD
#define TK_DIALECT_TILE_IR_RINGOPS_TD

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "tk/Dialect/Tile/IR/TileOpBase.td"

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

class Tile_RingOp<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, !listconcat(traits, [
        TypesMatchWith<"the cursor counts the ring's stages", "ring", "cursor",
                       "CursorType::get($_self.getContext(), ::mlir::cast<RingType>($_self).getStages())">])>;

// A wait, an acquire or a release orders shared memory and the work in flight around it.
defvar Tile_RingEffects = [MemRead<Tile_BarrierState>, MemWrite<Tile_BarrierState>, MemRead<Tile_SharedMemory>,
                           MemWrite<Tile_SharedMemory>];

def Tile_CreateRingOp : Tile_Op<"ring"> {
  let summary = "A ring of slots between a producer and its consumers";
  let description = [{
    All slots start free. See `!tk.ring`.

    Example:

    ```mlir
    %ring = tk.ring "A and B" : !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x256xbf16>>
    ```
  }];
  let arguments = (ins StrAttr:$label);
  let results = (outs Res<Tile_RingType, "", [MemAlloc<Tile_SharedMemory>]>:$result);
  let assemblyFormat = "$label attr-dict `:` qualified(type($result))";
}

def Tile_RingStartOp : Tile_Op<"ring_start", [Pure]> {
  let summary = "The first slot of a ring, in its first phase";
  let description = [{
    Example:

    ```mlir
    %start = tk.ring_start : !tk.cursor<4>
    ```
  }];
  let results = (outs Tile_CursorType:$result);
  let assemblyFormat = "attr-dict `:` qualified(type($result))";
}

def Tile_RingAdvanceOp : Tile_Op<"ring_advance", [Pure, SameOperandsAndResultType]> {
  let summary = "The slot after this one";
  let description = [{
    After the last slot comes the first, in the other phase.

    Example:

    ```mlir
    %next = tk.ring_advance %cursor : !tk.cursor<4>
    ```
  }];
  let arguments = (ins Tile_CursorType:$cursor);
  let results = (outs Tile_CursorType:$result);
  let assemblyFormat = "$cursor attr-dict `:` qualified(type($cursor))";
}

def Tile_RingAcquireOp : Tile_RingOp<"ring_acquire", [MemoryEffects<Tile_RingEffects>]> {
  let summary = "Producer: wait until the consumers have released a slot";
  let description = [{
    The first time round no one waits.

    Example:

    ```mlir
    %ring = tk.ring "A" : !tk.ring<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.ring_acquire %ring[%cursor] : !tk.ring<4, !tk.shared<128x64xbf16>>
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, Tile_CursorType:$cursor);
  let assemblyFormat = "$ring `[` $cursor `]` attr-dict `:` qualified(type($ring))";
}

def Tile_RingFillOp : Tile_RingOp<"ring_fill", [
    MemoryEffects<[MemRead<Tile_GlobalMemory>, MemWrite<Tile_SharedMemory>, MemRead<Tile_BulkQueue>,
                   MemWrite<Tile_BulkQueue>]>]> {
  let summary = "Producer: copy a tile of a view into a slot";
  let description = [{
    Starts the copy of tile number `tile` of an acquired slot: element `(i0, i1, ...)` becomes element
    `(o0 + i0, o1 + i1, ...)` of the view, or zero outside of it. A tile of fewer dimensions comes from one index of
    each leading dimension, as in `tk.load`. It is done when a consumer's `tk.ring_wait` returns.

    With `multicast`, every program of the kernel's cluster fills its slot with the same tile at the same step, and
    each may bring a part of it to all of them (see `tk.load`).

    Example:

    ```mlir
    %ring = tk.ring "A" : !tk.ring<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.ring_fill %ring[%cursor] tile 0 from %A[%i, %k] : !tk.ring<4, !tk.shared<128x64xbf16>>, !tk.global<?x?xbf16>
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, Tile_CursorType:$cursor, ConfinedAttr<I64Attr, [IntNonNegative]>:$tile,
                       Tile_GlobalType:$view, Variadic<Index>:$offsets, UnitAttr:$multicast);
  let assemblyFormat = [{
    $ring `[` $cursor `]` `tile` $tile `from` $view `[` $offsets `]` (`multicast` $multicast^)? attr-dict
    `:` qualified(type($ring)) `,` qualified(type($view))
  }];
  let hasVerifier = 1;
}

def Tile_RingPublishOp : Tile_RingOp<"ring_publish", [MemoryEffects<Tile_RingEffects>]> {
  let summary = "Producer: hand a slot over, complete once its copies are";
  let description = [{
    Example:

    ```mlir
    %ring = tk.ring "A" : !tk.ring<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.ring_publish %ring[%cursor] : !tk.ring<4, !tk.shared<128x64xbf16>>
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, Tile_CursorType:$cursor);
  let assemblyFormat = "$ring `[` $cursor `]` attr-dict `:` qualified(type($ring))";
}

def Tile_RingWaitOp : Tile_RingOp<"ring_wait", [MemoryEffects<Tile_RingEffects>]> {
  let summary = "Consumer: wait for a slot and look at its tiles";
  let description = [{
    Returns when the slot is published and its copies are complete. The tiles may be read until the slot is released.

    Example:

    ```mlir
    %ring = tk.ring "A" : !tk.ring<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    %a = tk.ring_wait %ring[%cursor] : !tk.ring<4, !tk.shared<128x64xbf16>>
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, Tile_CursorType:$cursor);
  let results = (outs Variadic<Tile_SharedType>:$tiles);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Tile_RingReleaseOp : Tile_RingOp<"ring_release", [
    MemoryEffects<!listconcat(Tile_RingEffects, [MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>])>]> {
  let summary = "Consumer: give a slot back";
  let description = [{
    Every read of the slot's tiles must be complete: products that read it retired by a wait.

    Example:

    ```mlir
    %ring = tk.ring "A" : !tk.ring<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.ring_release %ring[%cursor] : !tk.ring<4, !tk.shared<128x64xbf16>>
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, Tile_CursorType:$cursor);
  let assemblyFormat = "$ring `[` $cursor `]` attr-dict `:` qualified(type($ring))";
}

def Tile_SharedSliceOp : Tile_Op<"shared_slice", [Pure]> {
  let summary = "One of the equal pieces of a shared tile";
  let description = [{
    Cuts `source` into pieces of the result's extent along `dimension` and takes number `index`. Where the tile has a
    layout, the piece must lie in memory as a tile of the result's type does, at a distance that grows by the same
    bytes from piece to piece.

    Example: the rows of one of two consumers:

    ```mlir
    %s = tk.alloc "a" : !tk.shared<128x64xbf16>
    %rows = tk.shared_slice %s[%index] along 0 : !tk.shared<128x64xbf16> -> !tk.shared<64x64xbf16>
    ```
  }];
  let arguments = (ins Tile_SharedType:$source, Index:$index, ConfinedAttr<I64Attr, [IntNonNegative]>:$dimension);
  let results = (outs Tile_SharedType:$result);
  let assemblyFormat = [{
    $source `[` $index `]` `along` $dimension attr-dict `:` qualified(type($source)) `->` qualified(type($result))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Bytes from one piece to the next, or nullopt where that is not the same for all. The types must have layouts.
    std::optional<int64_t> getStrideInBytes();
  }];
}

//===----------------------------------------------------------------------===//
// Sums over a cluster
//===----------------------------------------------------------------------===//

def Tile_ClusterSumOp : Tile_Op<"cluster_sum", [AttrSizedOperandSegments,
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemWrite<Tile_SharedMemory>, MemRead<Tile_BarrierState>,
                   MemWrite<Tile_BarrierState>]>]> {
  let summary = "Add the tiles of all programs of a cluster, and keep one piece";
  let description = [{
    Each of the `n` programs of the kernel's cluster gives a tile; program `r` gets piece number `r`, of `n` equal
    pieces along `dimension`, of their elementwise sum. The summands are added in the order of ranks, whichever comes
    first: the result is the same every time. All programs must come here equally often.

    Placed, `through` names the scratch memory for the tiles of a block and the barriers on which the threads of all
    programs arrive when they have written theirs: every thread of every program that takes part arrives once. `at` is
    the piece of the scratch memory that this warpgroup uses (`tk.replica`). It may be used once: nothing says when the
    others have read.

    Source: PTX ISA 9.1, 9.7.9.24 (mapa), 5.2.5 (shared::cluster).

    Example:

    ```mlir
    tk.kernel @quarter(%A: !tk.global<?x?xf32>, %C: !tk.global<?x?xf32>) attributes {cluster = array<i64: 4>} grid {
      %four = arith.constant 4 : index
      tk.grid %four
    } {
      %zero = arith.constant 0 : index
      %t = tk.load %A[%zero, %zero] : !tk.global<?x?xf32> -> tensor<64x128xf32>
      %sum = tk.cluster_sum %t along 1 : tensor<64x128xf32> -> tensor<64x32xf32>
      tk.store %sum, %C[%zero, %zero] : tensor<64x32xf32>, !tk.global<?x?xf32>
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_Tile2D:$value, ConfinedAttr<I64Attr, [IntNonNegative, IntMaxValue<1>]>:$dimension,
                       Optional<Tile_ScratchType>:$scratch, Optional<Index>:$at,
                       Optional<Tile_MBarriersType>:$barriers, Optional<Tile_CursorType>:$cursor,
                       OptionalAttr<Tile_BanksAttr>:$banks);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = [{
    $value `along` $dimension (`through` $scratch^ `at` $at `,` $barriers `[` $cursor `]`)? attr-dict
    `:` type($value) `->` type($result)
    (`,` qualified(type($scratch))^ `,` qualified(type($barriers)) `,` qualified(type($cursor)))?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

def Tile_SpecializeOp : Tile_Op<"specialize", [NoTerminator, SingleBlock, RecursiveMemoryEffects,
                                               HasParent<"KernelOp">]> {
  let summary = "Warpgroups with different work: one producer, some consumers";
  let description = [{
    The block has one warpgroup for the producer and one for each of `consumers`. The producer's region is run by one
    of its threads: it starts copies and holds no tiles. The consumers' region is run by every consumer; **each tile in
    it is private to one warpgroup**, and `tk.replica` tells which it is. Register tiles do not cross into either
    region, only scalars, views, rings and shared memory do.

    `producer_registers` and `consumer_registers` are what each thread of a role may hold (`setmaxnreg`): multiples
    of 8 from 24 to 240 whose sum over the block fits the register file.

    Source: PTX ISA 9.1, 9.7.19.5 (setmaxnreg).

    Example:

    ```mlir
    tk.specialize producer registers 40 {
      %c = tk.ring_start : !tk.cursor<4>
    } consumers 2 registers 232 {
      %i = tk.replica
    }
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$producerRegisters,
                       ConfinedAttr<I64Attr, [IntPositive]>:$consumers,
                       ConfinedAttr<I64Attr, [IntPositive]>:$consumerRegisters);
  let regions = (region SizedRegion<1>:$producer, SizedRegion<1>:$consumer);
  let assemblyFormat = [{
    `producer` `registers` $producerRegisters $producer `consumers` $consumers `registers` $consumerRegisters $consumer
    attr-dict
  }];
  let hasRegionVerifier = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "int64_t":$producerRegisters, "int64_t":$consumers, "int64_t":$consumerRegisters)>];
}

def Tile_ReplicaOp : Tile_Op<"replica", [Pure]> {
  let summary = "Which of the consumers this is, counted from zero";
  let description = [{
    Example: see `tk.specialize`.
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

#endif // TK_DIALECT_TILE_IR_RINGOPS_TD
