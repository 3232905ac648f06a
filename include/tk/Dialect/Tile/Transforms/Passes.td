//===- Passes.td - Passes on the tk dialect ----------------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_TRANSFORMS_PASSES_TD
#define TK_DIALECT_TILE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

class Tile_KernelPass<string argument> : Pass<argument, "::tk::tile::KernelOp">;

def InsertWgmma : Tile_KernelPass<"tk-insert-wgmma"> {
  let summary = "Map each tk.dot onto warpgroup products in flight";
  let description = [{
    Before: tile programs. After: every `tk.dot` that the tensor core can do is a fence, a product, a commit and a
    wait. Operands go to buffers allocated at the start of the kernel: `tk.copy` where the dot is the only user of a
    load, `tk.shared_store` where the tile is needed in registers as well. A dot whose accumulator is a constant zero
    takes `overwrite` instead.

    Declines, with a `missed` remark, dots whose element types or extents no wgmma has.

    ```mlir
    %a = tk.load %A[%i, %k] : !tk.global<?x?xbf16> -> tensor<128x64xbf16>
    %d = tk.dot %a, %b, %c : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    // becomes
    tk.copy %A[%i, %k], %sa : !tk.global<?x?xbf16>, !tk.shared<128x64xbf16>
    tk.shared_store %b, %sb : tensor<64x128xbf16>, !tk.shared<64x128xbf16>
    %f = tk.wgmma_fence %c : tensor<128x128xf32>
    %g = tk.wgmma %sa, %sb, %f : ...
    tk.wgmma_commit
    %d = tk.wgmma_wait %g pending 0 : !tk.inflight<tensor<128x128xf32>>
    ```
  }];
  let dependentDialects = ["::mlir::ub::UBDialect"];
}

def AssignSwizzles : Tile_KernelPass<"tk-assign-swizzles"> {
  let summary = "Give every shared tile a layout that serves its readers and writers without conflict";
  let description = [{
    Chooses, for each `tk.alloc` without a layout, the contiguous dimension (the one its data is contiguous along in
    global memory, so that vectors stay whole on the way) and the widest swizzle whose span divides that extent.
    Layouts written by hand are kept.

    Declines, with a `missed` remark, tiles whose contiguous extent is no multiple of 16 bytes.
  }];
}

def AssignLayouts : Tile_KernelPass<"tk-assign-layouts"> {
  let summary = "Give every register tile a layout";
  let description = [{
    Tiles that flow into each other through elementwise operations and loops form a component and share one layout:
    the accumulator's where wgmma is involved, else a blocked one whose threads hold 16 bytes in a row along the
    dimension that memory is contiguous in. Sets `threads` on the kernel. Layouts written by hand are kept and spread
    through their component; two different ones in one component are an error that names both places.
  }];
}

def AllocateShared : Tile_KernelPass<"tk-allocate-shared"> {
  let summary = "Give every shared tile its place";
  let description = [{
    Packs the buffers one after the other, strictest alignment first; each lives for the whole kernel. Sets `offset`
    on each `tk.alloc` and `shared_bytes` on the kernel. Offsets written by hand are kept.

    More than a block may have is an error that lists each buffer with its source line, the sum and the limit.
  }];
}

def InsertFences : Tile_KernelPass<"tk-insert-fences"> {
  let summary = "Add the proxy fences and barriers that the memory model asks for, and no more";
  let description = [{
    Follows shared memory through the program, around loops to a fixed point, byte range by byte range:

    - generic writes that the tensor core then reads need `tk.fence_async_proxy` by their writers, then `tk.barrier`;
    - generic writes that other threads then read, or overwrite, and generic reads before another thread's overwrite,
      need `tk.barrier`;
    - reads by the tensor core before an overwrite need their `tk.wgmma_wait`, which covers the whole warpgroup's
      reads: nothing is added, and an overwrite with products still in flight is an error.

    Fences and barriers that are there already count. Needs offsets (`tk-allocate-shared`).

    Source: PTX ISA 9.1, 8.6 (proxies), 9.7.15.4 (async proxy of wgmma).
  }];
}

def Certify : Tile_KernelPass<"tk-certify"> {
  let summary = "Prove the bank conflicts of every shared-memory access";
  let description = [{
    Counts the wavefronts of each `tk.shared_load` and `tk.shared_store` over every warp and register, from the two
    layouts, and writes them to the op as `banks`: a proof by exhaustion, valid for every base that keeps the
    layout's alignment. The simulator counts the same independently. A `missed` remark where conflicts remain.
  }];
}

#endif // TK_DIALECT_TILE_TRANSFORMS_PASSES_TD
