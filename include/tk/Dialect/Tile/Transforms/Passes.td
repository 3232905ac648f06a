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

def SplitVariants : Pass<"tk-split-variants", "::mlir::ModuleOp"> {
  let summary = "Write the kernel that a launch with aligned views may run";
  let description = [{
    Whether the copy engine can read a view depends on its address and strides, which often only the launch knows. For
    each kernel whose products read such views, a copy named `..._tma` promises what is missing in the types of its
    arguments (`align`, `stride_divisible`), with `variant_of` naming the original. The passes that follow read the
    promises; the host checks them before it picks the variant.

    It promises what is stored to as well. Where that is in the way, a second copy, `..._tma_operands`, promises the
    operands alone: asked for with `variants = 3` (`#tk.tuning`), since each copy takes its time to compile; otherwise
    a `missed` remark says what is not made. The host tries them in this order, and the kernel itself last.
  }];
}

def WidenTiles : Tile_KernelPass<"tk-widen-tiles"> {
  let summary = "Make one program of neighbours along x, so that operands are used more often";
  let description = [{
    A wider tile needs fewer bytes of operands for each product. Where the columns of products are fewer than the
    tensor core takes at once, and two consumers hold the rows, the dimensions of tiles that run along x are
    multiplied (`widen` of `#tk.tuning`), and the grid divided.

    Declines, with a `missed` remark, where the places of tiles are not `program_id 0` times their extent, or where
    a product sums along x.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SplitK : Tile_KernelPass<"tk-split-k"> {
  let summary = "Let several programs share the depth of a product that has few tiles";
  let description = [{
    Where a product has fewer tiles than the device has multiprocessors, `split_k` programs (`#tk.tuning`, at most 8)
    become a cluster along z that computes one tile: each takes as many whole steps of the loop, and their sums are
    added through one another's shared memory (`tk.cluster_sum`), in the order of ranks. Each then does the rest for
    its piece of the columns. No memory besides the kernel's own is needed, and the result is the same every time,
    though not the same as that of one program: the sum is taken in another order.

    Declines, with a `missed` remark, kernels with more than one product, with loops that carry more than a sum from
    zero, with three dimensions in the grid, or whose columns cannot be cut.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def StreamK : Tile_KernelPass<"tk-stream-k"> {
  let summary = "Give every program of a persistent grid as many steps along the depth of tiles";
  let description = [{
    A grid of tiles that is no multiple of the multiprocessors leaves some of them idle in its last wave. Asked for with
    `stream_k` (`#tk.tuning`), the steps of the loop over the depth of all tiles are laid end to end and cut into equal
    pieces, one for each program; where tiles are fewer than multiprocessors, into no more than leave a program
    `stream_k` steps. Whole waves but the last are left as they are.

    A tile whose steps lie with several programs is finished by the one that does the last of them: the others leave
    their sums in its reach (`tk.share_partial`), and it adds them in the order of programs (`tk.add_partials`) before
    it does what comes after the loop. The result is the same every time, though another than that of one program: the
    sum is taken in another order. Programs walk their tiles downwards, so that what others wait for comes first.

    Declines, with a `missed` remark, kernels that `tk-persist` has not made loops over tiles of, loops whose bounds
    depend on the tile or that carry more than one sum from zero, and clusters.

    Source: M. Osama et al., Stream-K: Work-centric Parallel Decomposition for Dense Matrix-Matrix Multiplication on
    the GPU, PPoPP 2023.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def Cluster : Tile_KernelPass<"tk-cluster"> {
  let summary = "Let neighbouring programs share the loads that they have in common";
  let description = [{
    Programs along one dimension of the grid often load the same tiles of one operand: those below one another the
    same columns, those beside one another the same rows. Two of them (`cluster` of `#tk.tuning`) become a cluster
    along the dimension in which they share most bytes; the grid is filled up to whole clusters, and the loads they
    share are marked `multicast`, so that each program brings a part of them to all.

    Declines, with a `missed` remark, kernels whose operands the copy engine cannot read, whose programs have nothing
    in common (offsets or trip counts that depend on the program's place), or whose stores beyond the grid are not
    known to be outside of their view.

    ```mlir
    tk.grid %x, %y
    %b = tk.load %B[%k, %column] : ...
    // becomes, with cluster = [1, 2]
    tk.grid %x, %even
    %b = tk.load %B[%k, %column] multicast : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FlattenGrid : Tile_KernelPass<"tk-flatten-grid"> {
  let summary = "One dimension for all programs of a grid over a list of problems";
  let description = [{
    A ragged grid, whose last dimension is the rows of a table and whose other extents depend on the row, becomes one
    dimension: the programs of the first row, then those of the second. `tk.table_tiles` counts them on the host, and
    each program finds its row and its place there with `tk.table_locate`. Within a row programs are numbered in bands
    of `group` rows walked column by column, or as `order` says (`#tk.tuning`).

    Does nothing to other grids. It is an error if an extent depends on anything but the row, constants and the number
    of multiprocessors: the host counts row by row.

    ```mlir
    %i = tk.program_id 1
    %v = tk.table_row %list[%i] : ...
    %n = tk.dim %v, 0 : ...
    %rows = tk.table_size %list : ...
    tk.grid %n, %rows
    // becomes
    %tiles = tk.table_tiles %list : ... (%v) {
      %n = tk.dim %v, 0 : ...
      tk.grid %n
    }
    tk.grid %tiles
    // and in the body, for program_id 1 and program_id 0
    %tile = tk.program_id 0
    %i, %x = tk.table_locate %list[%tile] : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def Persist : Tile_KernelPass<"tk-persist"> {
  let summary = "One program per multiprocessor that walks the grid in an L2-friendly order";
  let description = [{
    The grid becomes as many programs as the device has multiprocessors, or as there were programs where those are
    fewer; the body becomes a loop over those, in bands of `group` rows (`#tk.tuning`) walked column by column:
    programs that run at one time share rows of one operand and columns of the other in L2. With `order = hilbert` a
    band's whole squares of `group` x `group` programs are walked along Hilbert's curve, with `order = rows` the grid
    row by row. What comes after a loop of products in one tile overlaps with the copies for the next. The programs of
    a cluster walk together, from one cluster's tiles to another's.

    Declines, with a `missed` remark, kernels without a product in a loop (several blocks on a multiprocessor hide
    latency better there), and those whose grid or body depends on the number of multiprocessors or programs.

    Source of the order: Triton's grouped ordering (matrix multiplication tutorial); D. Hilbert, "Ueber die stetige
    Abbildung einer Linie auf ein Flaechenstueck", 1891.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def StageOperands : Tile_KernelPass<"tk-stage-operands"> {
  let summary = "Bring the operands of products in loops through rings";
  let description = [{
    The loads of a loop's body that only feed its products become tiles of one ring, as deep as `stages`
    (`#tk.tuning`), or as fits in what shared memory leaves for operands. The ring's cursor is carried through the
    loop and all loops and branches around it, and never reset: a branch yields it from either side. Producer and
    consumer are still one: `tk-specialize-warps` splits them.

    Declines, with a `missed` remark, each load whose view the copy engine cannot read (its stride or alignment is not
    known to be a multiple of 16 bytes), is stored to, or whose tile no swizzle fits.

    ```mlir
    %a = tk.load %A[%i, %k] : !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]> -> tensor<128x64xbf16>
    // becomes
    tk.ring_acquire %ring[%cursor] : ...
    tk.ring_fill %ring[%cursor] tile 0 from %A[%i, %k] : ...
    tk.ring_publish %ring[%cursor] : ...
    %s = tk.ring_wait %ring[%cursor] : ...
    %a = tk.shared_load %s : ...
    // and after the last product that reads it
    tk.ring_release %ring[%cursor] : ...
    ```
  }];
}

def SpecializeWarps : Tile_KernelPass<"tk-specialize-warps"> {
  let summary = "Split the producer from the consumers and deal out rows";
  let description = [{
    The body is copied into the two regions of a `tk.specialize`: one keeps what fills rings with the loops and index
    arithmetic that needs, the other the rest. The rows of products, and of every tile that flows into or out of them
    elementwise, are dealt out to as many consumers as there are slabs of 64 rows, up to two (`consumers` of
    `#tk.tuning`); loads and stores move by the consumer's rows. Scalars are computed by each role for itself: those
    that `tk.load_scalar` reads do not change, so all roles take the same branches.

    Declines, with a `missed` remark, kernels without a ring, with loads past the rings, with scalars computed from
    tiles, or whose rows cannot be cut.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def SubtileEpilogue : Tile_KernelPass<"tk-subtile-epilogue"> {
  let summary = "Stream results out through shared memory in slices of columns";
  let description = [{
    The store of a product becomes, slice by slice, a store to one of two shared buffers and a copy by the copy engine,
    which goes on while the next slice is written, and while the next tile is computed. A slice is as many columns as
    the widest swizzle spans, in the swizzle that the threads write without bank conflicts; two slices for each
    consumer take at most 32 KiB. What is computed elementwise of the product, and what is loaded for that, is cut into
    slices too: a thread holds no more than two slices of a residual, of which one is on its way.

    Declines, with a `missed` remark, stores of tiles that are no products, to views the copy engine cannot write, and
    tiles whose slices have bank conflicts (f32: two lanes a bank) or do not fit.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def OverlapProducts : Tile_KernelPass<"tk-overlap-products"> {
  let summary = "Keep a product in flight from one iteration to the next";
  let description = [{
    Where a loop's body waits for a slot, multiplies into what the loop carries, and releases the slot, the wait for
    the product moves one iteration down: the accumulator stays with the tensor core, only the products of the
    iteration before are retired, and the slot they read is released. After the loop the last product is waited for
    and its slot released, if the loop ran.

    Declines, with a `missed` remark, loops whose operands are not in slots of a ring of at least two stages, that use
    the product between iterations, or hold several chains.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def InsertTMA : Tile_KernelPass<"tk-insert-tma"> {
  let summary = "Lower rings to buffers, barriers in memory and the copy engine";
  let description = [{
    Each tile of a ring becomes slots in shared memory, and the ring two rows of `mbarrier` objects: `full`, which
    completes when a slot's bytes have come in, and `free`, at which the consumers arrive. Acquiring waits for `free`
    and announces the bytes on `full`; filling is a `tk.tma_load`; waiting and releasing wait and arrive. The barriers
    are made at the start of the kernel.

    An error where a tile has no layout yet, or the copy engine cannot read a view.
  }];
}

def InsertWgmma : Tile_KernelPass<"tk-insert-wgmma"> {
  let summary = "Map each tk.dot onto warpgroup products in flight";
  let description = [{
    Before: tile programs. After: every `tk.dot` that the tensor core can do is a fence, a product, a commit and a
    wait. Operands that were just read from shared memory are used where they lie; others go to buffers allocated at
    the start of the kernel: `tk.copy` where the dot is the only user of a
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

def SplitRows : Tile_KernelPass<"tk-split-rows"> {
  let summary = "Work on the rows of a tile in turns where a thread's registers do not hold all at once";
  let description = [{
    Before: products in flight (`tk-insert-wgmma`), no layouts of register tiles. One warpgroup holds all rows of its
    tiles. Where the tiles that are live at once take more registers than a thread has beside its addresses, what is
    done to them in that block is done to slabs of 64 rows, one after the other: products (their left operand is
    sliced in shared memory), elementwise operations, loads and stores. What a loop carries becomes a value for each slab.
    Everything else stays one: copies to shared memory, scales, and a sum that fits (its rows are taken out of it).
    Each element is computed as before, from the same operands in the same order.

    A product that starts from zero takes the registers of the slab's before it, whose values are used up: without that,
    `ptxas` puts off their last uses and holds both. Small tiles that slabs share, e.g. scales, are loaded before the
    operands are copied: their addresses then need no registers beside a product's.

    Does nothing where the estimate (one register for each element, two for 64 bits; repeated and constant tiles take
    none) fits, where there are no products, and where rows have been dealt out to consumers. Declines, with a `missed`
    remark, tiles that do not fit and cannot be cut: an operation takes the whole tile, slabs would not fit either,
    memory is written in between, or the slabs of an operand are no tiles of their own in shared memory.

    ```mlir
    %sum = scf.for ... iter_args(%s = %zero) -> tensor<128x128xf32> {
      %p = tk.dot %a, %b, %zero : ...  // as a product in flight
      %t = arith.addf %s, %p : tensor<128x128xf32>
      scf.yield %t : tensor<128x128xf32>
    }
    // becomes
    %sum:2 = scf.for ... iter_args(%s0 = %zero, %s1 = %zero) -> (tensor<64x128xf32>, tensor<64x128xf32>) {
      %p0 = tk.dot %a0, %b, %zero : ...  // rows 0 to 63
      %t0 = arith.addf %s0, %p0 : tensor<64x128xf32>
      %p1 = tk.dot %a1, %b, %zero : ...  // rows 64 to 127, in the registers of %p0
      %t1 = arith.addf %s1, %p1 : tensor<64x128xf32>
      scf.yield %t0, %t1 : tensor<64x128xf32>, tensor<64x128xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::mlir::ub::UBDialect"];
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

def PlaceSums : Tile_KernelPass<"tk-place-sums"> {
  let summary = "Give sums over several programs their memory and barriers";
  let description = [{
    Each `tk.cluster_sum` gets scratch memory for the tiles of all warpgroups, a barrier at which every thread of
    every program arrives, and cluster barriers at the start and the end of the kernel.

    What `tk.share_partial` leaves goes through a `workspace` in global memory, with a part and a flag for each
    consumer: all threads write, one says so (`tk.workspace_signal`). For `tk.add_partials` one thread waits
    (`tk.workspace_take`), then all read and add, program after program.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
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

def InsertStmatrix : Tile_KernelPass<"tk-insert-stmatrix"> {
  let summary = "Move tiles of 8 x 8 matrices with stmatrix and ldmatrix";
  let description = [{
    Threads that hold a product have two neighbours of a row here and there: 4 bytes at a time to shared memory. Where
    the lanes of a warp hold whole 8 x 8 matrices of 16-bit elements, as an accumulator's do, a `tk.shared_store` or
    `tk.shared_load` gets the mark `matrix`: four matrices with one instruction, 16 bytes from each lane, exchanged
    between lanes on the way, transposed where shared memory is contiguous along columns.

    Accesses that move 16 bytes without it stay as they are. Declines, with a `missed` remark, elements of another size
    and tiles whose lanes hold no such matrices. Needs layouts (`tk-assign-layouts`).

    Source: PTX ISA 9.1, 9.7.14.5.15 (ldmatrix), 9.7.14.5.16 (stmatrix).
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

def CertifyRings : Tile_KernelPass<"tk-certify-rings"> {
  let summary = "Run the protocol of rings and barriers symbolically";
  let description = [{
    Unrolls what each role does to barriers and slots for 0, 1, 2, stages - 1, stages and stages + 1 trips of the
    innermost loops, in one and two tiles of the loops around them, and runs the roles against one another on a model
    of `mbarrier`s: each role as far ahead as it can get, and all in turns. Rounds are counted without wrapping.

    An error, with the number of trips, where no role can go on (each one's wait is named), where a parity lets a wait
    pass in the wrong round, where a slot is overwritten, released or read at the wrong time, or where announced bytes
    and copies differ. A branch around barriers may depend on a loop's bounds, or on one condition that every role
    computes by the same operations without effects from the same arguments and loops: then each tile is run with and
    without it. A `missed` remark where it depends on anything else.
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
