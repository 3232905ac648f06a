//===- AsyncOps.td - Barriers in memory and the copy engine -*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_ASYNCOPS_TD
#define TK_DIALECT_TILE_IR_ASYNCOPS_TD

include "tk/Dialect/Tile/IR/TileOpBase.td"

class Tile_MBarrierOp<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, !listconcat(traits, [
        TypesMatchWith<"the cursor counts the barriers", "barriers", "cursor",
                       "CursorType::get($_self.getContext(), ::mlir::cast<MBarriersType>($_self).getStages())">])>;

defvar Tile_MBarrierEffects = [MemRead<Tile_BarrierState>, MemWrite<Tile_BarrierState>, MemRead<Tile_SharedMemory>,
                               MemWrite<Tile_SharedMemory>];

def Tile_MBarrierInitOp : Tile_Op<"mbarrier_init", [MemoryEffects<Tile_MBarrierEffects>]> {
  let summary = "Make barriers of shared memory";
  let description = [{
    Each of the barriers completes a phase when `arrivals` threads have arrived and the bytes they announced have come
    in. One thread does it, and makes it visible to the async proxy (`fence.mbarrier_init`); a `tk.barrier` must
    follow before any other thread uses them.

    Source: PTX ISA 9.1, 9.7.13.15.9.

    Example:

    ```mlir
    tk.mbarrier_init %full arrivals 1 : !tk.mbarriers<4>
    ```
  }];
  let arguments = (ins Tile_MBarriersType:$barriers, ConfinedAttr<I64Attr, [IntPositive, IntMaxValue<1048575>]>:$arrivals);
  let assemblyFormat = "$barriers `arrivals` $arrivals attr-dict `:` qualified(type($barriers))";
}

def Tile_MBarrierExpectOp : Tile_MBarrierOp<"mbarrier_expect", [MemoryEffects<Tile_MBarrierEffects>]> {
  let summary = "Arrive, and announce bytes that copies will bring";
  let description = [{
    One thread of the role arrives and adds `bytes` to what the phase waits for (`mbarrier.arrive.expect_tx`).

    Source: PTX ISA 9.1, 9.7.13.15.13.

    Example:

    ```mlir
    %full = tk.alloc "full" : !tk.mbarriers<4>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.mbarrier_expect %full[%cursor] bytes 49152 : !tk.mbarriers<4>
    ```
  }];
  let arguments = (ins Tile_MBarriersType:$barriers, Tile_CursorType:$cursor,
                       ConfinedAttr<I64Attr, [IntNonNegative, IntMaxValue<1048575>]>:$bytes);
  let assemblyFormat = "$barriers `[` $cursor `]` `bytes` $bytes attr-dict `:` qualified(type($barriers))";
}

def Tile_MBarrierArriveOp : Tile_MBarrierOp<"mbarrier_arrive", [
    MemoryEffects<!listconcat(Tile_MBarrierEffects, [MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>])>]> {
  let summary = "Arrive at a barrier";
  let description = [{
    One thread of each warpgroup arrives, or with `all_threads` every one: what a thread itself read or wrote through
    the generic proxy is only covered by its own arrival, but `tk.wgmma_wait` covers the whole warpgroup's products.

    With `cluster n`, it arrives at this barrier of each of the `n` programs of its cluster (`mapa`, and an arrival
    that releases at the cluster's scope).

    Source: PTX ISA 9.1, 9.7.13.15.13.

    Example:

    ```mlir
    %free = tk.alloc "free" : !tk.mbarriers<4>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.mbarrier_arrive %free[%cursor] : !tk.mbarriers<4>
    ```
  }];
  let arguments = (ins Tile_MBarriersType:$barriers, Tile_CursorType:$cursor, UnitAttr:$allThreads,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntMinValue<2>]>>:$cluster);
  let assemblyFormat = [{
    $barriers `[` $cursor `]` (`all_threads` $allThreads^)? (`cluster` $cluster^)? attr-dict
    `:` qualified(type($barriers))
  }];
  let hasVerifier = 1;
}

def Tile_MBarrierWaitOp : Tile_MBarrierOp<"mbarrier_wait", [MemoryEffects<Tile_MBarrierEffects>]> {
  let summary = "Wait for a phase of a barrier";
  let description = [{
    Every thread of the role waits until the phase the cursor names is complete; with `previous`, the one before it,
    which the first time round has always been (`mbarrier.try_wait.parity`). With `cluster`, arrivals of other programs
    of the cluster are acquired as well.

    Source: PTX ISA 9.1, 9.7.13.15.16.

    Example:

    ```mlir
    %full = tk.alloc "full" : !tk.mbarriers<4>
    %cursor = tk.ring_start : !tk.cursor<4>
    tk.mbarrier_wait %full[%cursor] : !tk.mbarriers<4>
    ```
  }];
  let arguments = (ins Tile_MBarriersType:$barriers, Tile_CursorType:$cursor, UnitAttr:$previous,
                       UnitAttr:$cluster);
  let assemblyFormat = [{
    $barriers `[` $cursor `]` (`previous` $previous^)? (`cluster` $cluster^)? attr-dict
    `:` qualified(type($barriers))
  }];
}

def Tile_SlotOp : Tile_Op<"slot", [Pure,
    TypesMatchWith<"the cursor counts the slots", "slots", "cursor",
                   "CursorType::get($_self.getContext(), ::mlir::cast<SlotsType>($_self).getStages())">,
    TypesMatchWith<"the result is a slot's tile", "slots", "result", "::mlir::cast<SlotsType>($_self).getTile()">]> {
  let summary = "The shared tile of one slot";
  let description = [{
    Example:

    ```mlir
    %slots = tk.alloc "a" : !tk.slots<4, !tk.shared<128x64xbf16>>
    %cursor = tk.ring_start : !tk.cursor<4>
    %a = tk.slot %slots[%cursor] : !tk.slots<4, !tk.shared<128x64xbf16>>
    ```
  }];
  let arguments = (ins Tile_SlotsType:$slots, Tile_CursorType:$cursor);
  let results = (outs Tile_SharedType:$result);
  let assemblyFormat = "$slots `[` $cursor `]` attr-dict `:` qualified(type($slots))";
}

def Tile_TMALoadOp : Tile_MBarrierOp<"tma_load", [
    MemoryEffects<[MemRead<Tile_GlobalMemory>, MemWrite<Tile_SharedMemory>, MemRead<Tile_BarrierState>,
                   MemWrite<Tile_BarrierState>, MemRead<Tile_BulkQueue>, MemWrite<Tile_BulkQueue>]>]> {
  let summary = "Let the copy engine bring a tile of a view to shared memory";
  let description = [{
    One thread starts it; when all bytes of the tile have come in, zeros for what lies outside the view among them,
    they count for the barrier. The shared tile's layout must be one the engine writes: panels of one swizzle span. One
    instruction brings a panel.

    `multicast mask` brings the tile to the same place in the shared memory of every program of the cluster whose rank
    has its bit in `mask`, and counts its bytes at the barrier of the same place there (`.multicast::cluster`).

    The view must be an argument of the kernel or a column of a table's row, contiguous along the tile's contiguous
    dimension, aligned to 16 bytes, and its other strides multiples of 16 bytes other than zero. Of each leading dimension the tile does not have, the
    tensor map's box takes one index.

    Source: PTX ISA 9.1, 9.7.9.27.1.2 (cp.async.bulk.tensor); CUDA driver API, cuTensorMapEncodeTiled.

    Example:

    ```mlir
    tk.kernel @load(%A: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>) grid {
      %one = arith.constant 1 : index
      tk.grid %one
    } {
      %zero = arith.constant 0 : index
      %full = tk.alloc "full" : !tk.mbarriers<1>
      %a = tk.alloc "a" : !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
      %cursor = tk.ring_start : !tk.cursor<1>
      tk.mbarrier_init %full arrivals 1 : !tk.mbarriers<1>
      tk.barrier
      tk.mbarrier_expect %full[%cursor] bytes 16384 : !tk.mbarriers<1>
      tk.tma_load %A[%zero, %zero], %a, %full[%cursor]
        : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>,
          !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>, !tk.mbarriers<1>
      tk.mbarrier_wait %full[%cursor] : !tk.mbarriers<1>
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_GlobalType:$view, Variadic<Index>:$offsets, Tile_SharedType:$dest,
                       Tile_MBarriersType:$barriers, Tile_CursorType:$cursor,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive, IntMaxValue<65535>]>>:$multicast);
  let assemblyFormat = [{
    $view `[` $offsets `]` `,` $dest `,` $barriers `[` $cursor `]` (`multicast` $multicast^)? attr-dict
    `:` qualified(type($view)) `,` qualified(type($dest)) `,` qualified(type($barriers))
  }];
  let hasVerifier = 1;
}

def Tile_TMAStoreOp : Tile_Op<"tma_store", [
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemWrite<Tile_GlobalMemory>, MemRead<Tile_BulkQueue>,
                   MemWrite<Tile_BulkQueue>]>]> {
  let summary = "Let the copy engine write a shared tile to a view";
  let description = [{
    One thread of the role starts it. What lies outside the view is dropped. The tile is read through the async proxy:
    threads that wrote it fence (`tk.fence_async_proxy`) and meet at a barrier before; it may be written again when a
    `tk.bulk_wait` of its group has returned, and another barrier has told the other threads so. The view as for
    `tk.tma_load`.

    Source: PTX ISA 9.1, 9.7.9.27.1.2 (cp.async.bulk.tensor, .bulk_group).

    Example:

    ```mlir
    tk.kernel @store(%C: !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>) grid {
      %one = arith.constant 1 : index
      tk.grid %one
    } {
      %zero = arith.constant 0 : index
      %c = tk.alloc "c" : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>
      tk.tma_store %c, %C[%zero, %zero]
        : !tk.shared<64x64xbf16, #tk.swizzle<128, order = [1, 0]>>,
          !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
      tk.bulk_commit
      tk.bulk_wait pending 0
      tk.return
    }
    ```
  }];
  let arguments = (ins Tile_SharedType:$source, Tile_GlobalType:$view, Variadic<Index>:$offsets);
  let assemblyFormat = [{
    $source `,` $view `[` $offsets `]` attr-dict `:` qualified(type($source)) `,` qualified(type($view))
  }];
  let hasVerifier = 1;
}

def Tile_BulkCommitOp : Tile_Op<"bulk_commit", [
    MemoryEffects<[MemRead<Tile_BulkQueue>, MemWrite<Tile_BulkQueue>]>]> {
  let summary = "Close a group of the copy engine's stores";
  let description = [{
    All stores since the last commit become one group, the unit of waiting (`cp.async.bulk.commit_group`). Groups are
    one thread's: the same one starts, commits and waits.

    Example:

    ```mlir
    tk.bulk_commit
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_BulkWaitOp : Tile_Op<"bulk_wait", [
    MemoryEffects<[MemRead<Tile_BulkQueue>, MemWrite<Tile_BulkQueue>, MemRead<Tile_SharedMemory>,
                   MemWrite<Tile_SharedMemory>]>]> {
  let summary = "Wait until the copy engine has read what it stores";
  let description = [{
    The thread that started the stores waits until all but the `pending` newest groups have read their shared tiles
    (`cp.async.bulk.wait_group.read`). Their writes to global memory may still be on the way: nothing in the kernel may
    read them, and the end of the kernel waits for them.

    Source: PTX ISA 9.1, 9.7.9.27.2.

    Example:

    ```mlir
    tk.bulk_wait pending 1
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntNonNegative, IntMaxValue<63>]>:$pending);
  let assemblyFormat = "`pending` $pending attr-dict";
}

#endif // TK_DIALECT_TILE_IR_ASYNCOPS_TD
