//===- PlacedOps.td - Operations of the placed program -----*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_PLACEDOPS_TD
#define TK_DIALECT_TILE_IR_PLACEDOPS_TD

include "tk/Dialect/Tile/IR/TileOpBase.td"

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

def Tile_AllocOp : Tile_Op<"alloc"> {
  let summary = "A place in shared memory that lives as long as the kernel";
  let description = [{
    `offset` is its place in dynamic shared memory, in bytes; `tk-allocate-shared` sets it. The contents are undefined
    until written.

    Example:

    ```mlir
    %a = tk.alloc "a" : !tk.shared<128x64xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$label, OptionalAttr<I64Attr>:$offset);
  let results = (outs Res<AnyTypeOf<[Tile_SharedType, Tile_SlotsType, Tile_MBarriersType, Tile_ScratchType]>, "",
                          [MemAlloc<Tile_SharedMemory>]>:$result);
  let assemblyFormat = "$label (`at` $offset^)? attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    SharedStorageInterface getStorage() { return ::mlir::cast<SharedStorageInterface>(getResult().getType()); }
    /// The tile, or the tile of each slot; null for barriers.
    SharedType getTile();
  }];
}

def Tile_SharedLoadOp : Tile_Op<"shared_load", [MemoryEffects<[MemRead<Tile_SharedMemory>]>]> {
  let summary = "Read a whole shared tile into registers";
  let description = [{
    Through the generic proxy (`ld.shared`; `ldmatrix` with `matrix`, which asks for elements of 2 bytes and for lanes
    that hold 8 x 8 matrices as that instruction does). Ordering with writes of other threads needs a `tk.barrier`.

    Source: PTX ISA 9.1, 9.7.14.5.15 (ldmatrix).

    Example:

    ```mlir
    %t = tk.shared_load %s : !tk.shared<128x64xbf16> -> tensor<128x64xbf16>
    ```
  }];
  let arguments = (ins Tile_SharedType:$source, OptionalAttr<Tile_BanksAttr>:$banks, UnitAttr:$matrix);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$source attr-dict `:` qualified(type($source)) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_SharedStoreOp : Tile_Op<"shared_store", [MemoryEffects<[MemWrite<Tile_SharedMemory>]>]> {
  let summary = "Write a register tile to a shared tile";
  let description = [{
    Through the generic proxy (`st.shared`; `stmatrix` with `matrix`, which asks for elements of 2 bytes and for lanes
    that hold 8 x 8 matrices as that instruction does, as those of an accumulator do). Before the async proxy (wgmma,
    TMA) reads it, `tk.fence_async_proxy` and then a `tk.barrier` are needed; `tk-insert-fences` adds them.

    Source: PTX ISA 9.1, 9.7.14.5.16 (stmatrix).

    Example:

    ```mlir
    tk.shared_store %t, %s : tensor<128x64xbf16>, !tk.shared<128x64xbf16>
    ```
  }];
  let arguments = (ins Tile_Tile:$value, Tile_SharedType:$dest, OptionalAttr<Tile_BanksAttr>:$banks,
                       UnitAttr:$matrix);
  let assemblyFormat = "$value `,` $dest attr-dict `:` type($value) `,` qualified(type($dest))";
  let hasVerifier = 1;
}

def Tile_CopyOp : Tile_Op<"copy", [MemoryEffects<[MemRead<Tile_GlobalMemory>, MemWrite<Tile_SharedMemory>]>]> {
  let summary = "Copy a tile from global to shared memory through registers";
  let description = [{
    `tk.load` and `tk.shared_store` in one: zero outside the view, leading dimensions indexed one by one, generic proxy,
    done when it returns. Only a few
    elements at a time are in registers. `through` says which thread moves which elements; `tk-assign-layouts` sets it.
    It comes last, since an attribute before a colon takes the type after it for its own.

    Example:

    ```mlir
    tk.copy %A[%i, %k], %s : !tk.global<?x?xbf16>, !tk.shared<128x64xbf16>
    ```
  }];
  let arguments = (ins Tile_GlobalType:$view, Variadic<Index>:$offsets, Tile_SharedType:$dest,
                       OptionalAttr<Tile_RegisterLayoutInterface>:$through, OptionalAttr<Tile_BanksAttr>:$banks);
  let assemblyFormat = [{
    $view `[` $offsets `]` `,` $dest attr-dict `:` qualified(type($view)) `,` qualified(type($dest))
    (`through` $through^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The tile as it passes through registers, with its layout where that is known.
    ::mlir::RankedTensorType getTileType() {
      return ::mlir::RankedTensorType::get(getDest().getType().getShape(), getDest().getType().getElementType(),
                                           getThroughAttr());
    }
  }];
}

//===----------------------------------------------------------------------===//
// Warpgroup products
//===----------------------------------------------------------------------===//

def Tile_WgmmaFenceOp : Tile_Op<"wgmma_fence", [
    MemoryEffects<[MemWrite<Tile_WgmmaQueue>]>,
    TypesMatchWith<"the result is the operand in flight", "acc", "result",
                   "::mlir::isa<InflightType>($_self) ? ::mlir::cast<InflightType>($_self) : "
                   "InflightType::get($_self.getContext(), ::mlir::cast<::mlir::RankedTensorType>($_self))">]> {
  let summary = "Hand an accumulator to the tensor core";
  let description = [{
    Orders ordinary accesses to the accumulator's registers before the products that follow (`wgmma.fence`). The tile
    is threaded through it, so that no register write can slip between the fence and the first product. An accumulator
    in flight may pass through as well: the assembler asks for a fence before the first product of each iteration of a
    loop (`ptxas` info C7519 where there is none).

    Source: PTX ISA 9.1, 9.7.15.7.1.

    Example:

    ```mlir
    %f = tk.wgmma_fence %acc : tensor<128x128xf32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Tile_Tile2D, Tile_InflightType]>:$acc);
  let results = (outs Tile_InflightType:$result);
  let assemblyFormat = "$acc attr-dict `:` qualified(type($acc))";
}

def Tile_WgmmaOp : Tile_Op<"wgmma", [
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>]>,
    AllTypesMatch<["acc", "result"]>]> {
  let summary = "Issue a product of two shared tiles on the tensor core";
  let description = [{
    `acc + a * b`, asynchronously: the shared tiles are read through the async proxy and the accumulator is written
    until a `tk.wgmma_wait` retires it. `a` is M x K, `b` is K x N. With `overwrite` the old accumulator is ignored
    (scale-d = 0).

    Types are those of `tk.dot`; f32 tiles are taken as tf32, whatever the kernel's `#tk.numerics` say. The tiles'
    layouts must be ones that wgmma descriptors can say; types other than 16-bit floats only with K contiguous: `order`
    `[1, 0]` for `a`, `[0, 1]` for `b`.

    Source: PTX ISA 9.1, 9.7.15.5.

    Example:

    ```mlir
    %g = tk.wgmma %a, %b, %f : !tk.shared<128x64xbf16>, !tk.shared<64x128xbf16>, !tk.inflight<tensor<128x128xf32>>
    ```
  }];
  let arguments = (ins Tile_SharedType:$a, Tile_SharedType:$b, Tile_InflightType:$acc, UnitAttr:$overwrite);
  let results = (outs Tile_InflightType:$result);
  let assemblyFormat = "$a `,` $b `,` $acc (`overwrite` $overwrite^)? attr-dict `:` qualified(type($a)) `,` qualified(type($b)) `,` qualified(type($acc))";
  let hasVerifier = 1;
}

def Tile_WgmmaCommitOp : Tile_Op<"wgmma_commit", [
    MemoryEffects<[MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>]>]> {
  let summary = "Close a group of products";
  let description = [{
    All products issued since the last commit become one group (`wgmma.commit_group`), the unit of waiting.

    Example:

    ```mlir
    tk.wgmma_commit
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_WgmmaWaitOp : Tile_Op<"wgmma_wait", [
    MemoryEffects<[MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>, MemRead<Tile_SharedMemory>,
                   MemWrite<Tile_SharedMemory>]>,
    TypesMatchWith<"the result is the operand's tensor", "acc", "result",
                   "::mlir::cast<InflightType>($_self).getTensor()">]> {
  let summary = "Wait for products and take their accumulator back";
  let description = [{
    Waits until at most `pending` of the newest groups are unfinished (`wgmma.wait_group`). The groups that wrote
    `acc` must be among those retired. Their reads of shared memory are then done as well.

    Example:

    ```mlir
    %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<128x128xf32>>
    ```
  }];
  let arguments = (ins Tile_InflightType:$acc, ConfinedAttr<I64Attr, [IntNonNegative, IntMaxValue<7>]>:$pending);
  let results = (outs Tile_Tile2D:$result);
  let assemblyFormat = "$acc `pending` $pending attr-dict `:` qualified(type($acc))";
}

def Tile_WgmmaRetireOp : Tile_Op<"wgmma_retire", [
    MemoryEffects<[MemRead<Tile_WgmmaQueue>, MemWrite<Tile_WgmmaQueue>, MemRead<Tile_SharedMemory>,
                   MemWrite<Tile_SharedMemory>]>,
    AllTypesMatch<["acc", "result"]>]> {
  let summary = "Wait for older products while the newest go on";
  let description = [{
    Waits until at most `pending` of the newest groups are unfinished (`wgmma.wait_group`), and lets the accumulator
    stay with the tensor core: what the older groups read of shared memory may be overwritten, but `result` is still in
    flight. It is threaded through, so that no product moves across.

    Example:

    ```mlir
    %h = tk.wgmma_retire %g pending 1 : !tk.inflight<tensor<128x128xf32>>
    ```
  }];
  let arguments = (ins Tile_InflightType:$acc, ConfinedAttr<I64Attr, [IntPositive, IntMaxValue<7>]>:$pending);
  let results = (outs Tile_InflightType:$result);
  let assemblyFormat = "$acc `pending` $pending attr-dict `:` qualified(type($acc))";
}

//===----------------------------------------------------------------------===//
// Ordering
//===----------------------------------------------------------------------===//

def Tile_FenceAsyncProxyOp : Tile_Op<"fence_async_proxy", [
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemWrite<Tile_SharedMemory>]>]> {
  let summary = "Make this thread's shared-memory writes visible to the async proxy";
  let description = [{
    `fence.proxy.async.shared::cta`. It covers the executing thread's own earlier accesses: each writer fences, then a
    barrier leads to the thread that issues the asynchronous operation.

    Source: PTX ISA 9.1, 8.6 and 9.7.13.4.

    Example:

    ```mlir
    tk.fence_async_proxy
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_BarrierOp : Tile_Op<"barrier", [
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemWrite<Tile_SharedMemory>, MemRead<Tile_BarrierState>,
                   MemWrite<Tile_BarrierState>, MemRead<Tile_GlobalMemory>, MemWrite<Tile_GlobalMemory>,
                   MemRead<Tile_Workspace>, MemWrite<Tile_Workspace>]>]> {
  let summary = "Wait for all threads of the block, or of a consumer";
  let description = [{
    Every thread's earlier accesses happen before every thread's later ones: all threads of the block (`bar.sync 0`),
    or, in the consumer region of a `tk.specialize`, those of one replica (a named barrier of its own).

    Example:

    ```mlir
    tk.barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_ClusterBarrierOp : Tile_Op<"cluster_barrier", [HasParent<"KernelOp">,
    MemoryEffects<[MemRead<Tile_SharedMemory>, MemWrite<Tile_SharedMemory>, MemRead<Tile_BarrierState>,
                   MemWrite<Tile_BarrierState>, MemRead<Tile_GlobalMemory>, MemWrite<Tile_GlobalMemory>]>]> {
  let summary = "Wait for all threads of the cluster";
  let description = [{
    What `tk.barrier` is to a block: every thread of every program of the cluster arrives, and waits for the others.
    One is due after `tk.mbarrier_init` before another program arrives there, and one at the end, since a program that
    has ended has no shared memory to write to. Without `cluster` on the kernel it waits for the block.

    Source: PTX ISA 9.1, 9.7.13.4 (barrier.cluster).

    Example:

    ```mlir
    tk.kernel @pair() attributes {cluster = array<i64: 2>} grid {
      %two = arith.constant 2 : index
      tk.grid %two
    } {
      tk.cluster_barrier
      tk.return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
}

#endif // TK_DIALECT_TILE_IR_PLACEDOPS_TD
