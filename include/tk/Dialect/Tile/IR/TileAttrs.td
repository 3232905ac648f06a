//===- TileAttrs.td - Layouts and launch attributes --------*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILEATTRS_TD
#define TK_DIALECT_TILE_IR_TILEATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"
include "tk/Dialect/Tile/IR/TileDialect.td"
include "tk/Dialect/Tile/IR/TileInterfaces.td"

class Tile_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Tile_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Register layouts
//===----------------------------------------------------------------------===//

class Tile_RegisterLayout<string name, string attrMnemonic>
    : Tile_Attr<name, attrMnemonic,
                [DeclareAttrInterfaceMethods<Tile_RegisterLayoutInterface>,
                 DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]>;

def Tile_BlockedAttr : Tile_RegisterLayout<"Blocked", "blocked"> {
  let summary = "A register tile dealt out to threads in rectangular runs";
  let description = [{
    Each thread holds `per_thread` elements, a warp covers `lanes` such runs, a block of threads `warps` warps;
    `order` lists the dimensions, fastest first. Where the tile is larger, registers repeat; where it is smaller,
    threads hold the same elements. All extents are powers of two; `lanes` multiply to 32.

    Example: a 128x64 tile over 128 threads, each holding 8 consecutive elements of a row, 8 times:

    ```mlir
    #load = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$perThread, ArrayRefParameter<"int64_t">:$lanes,
                        ArrayRefParameter<"int64_t">:$warps, ArrayRefParameter<"unsigned">:$order);
  let assemblyFormat = [{
    `<` `per_thread` `=` `[` $perThread `]` `,` `lanes` `=` `[` $lanes `]` `,` `warps` `=` `[` $warps `]` `,`
    `order` `=` `[` $order `]` `>`
  }];
  let genVerifyDecl = 1;
}

def Tile_WgmmaAccAttr : Tile_RegisterLayout<"WgmmaAcc", "wgmma_acc"> {
  let summary = "The accumulator of wgmma over one warpgroup";
  let description = [{
    An `M x N` tile held by the 128 threads of a warpgroup as `wgmma.mma_async.m64nNkK` leaves it; `M` is a multiple
    of 64 (one slab of registers after the other), `N` a multiple of 8. Element `i` of a 64-row slab in thread `t`,
    with `w = t / 32`, `g = t % 32 / 4`, `q = t % 4`:

    ```
    row = 16 w + g + 8 ((i >> 1) & 1)        column = 8 (i >> 2) + 2 q + (i & 1)
    ```

    Source: PTX ISA 9.1, section 9.7.15.5.1.1.

    Example:

    ```mlir
    #acc = #tk.wgmma_acc
    ```
  }];
}

def Tile_SliceAttr : Tile_RegisterLayout<"Slice", "slice"> {
  let summary = "What a thread needs of a tile that is repeated along some dimensions"
                " to fill one of another layout";
  let description = [{
    The layout of a tile that `tk.broadcast` repeats to `shape`, laid out as `parent`: of each row or column that a
    thread holds there it holds the one element here. The tile's extents are those of `shape`, or 1. Threads that
    differ only in what is repeated hold the same elements.

    Example: the scale of each row of an accumulator:

    ```mlir
    #rows = #tk.slice<#tk.wgmma_acc, shape = [128, 128]>
    ```
  }];
  let parameters = (ins "RegisterLayoutInterface":$parent, ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` $parent `,` `shape` `=` `[` $shape `]` `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Shared layouts
//===----------------------------------------------------------------------===//

def Tile_SwizzleAttr : Tile_Attr<"Swizzle", "swizzle", [DeclareAttrInterfaceMethods<Tile_SharedLayoutInterface>]> {
  let summary = "A shared tile in swizzled panels, as TMA writes and wgmma reads it";
  let description = [{
    The tile is cut along its contiguous dimension (`order[0]`) into panels `span` bytes wide, stacked outermost. In a
    panel, byte address bits `[7, 7 + k)` are exclusive-ored into bits `[4, 4 + k)`, with `span = 16 << k`; a span of
    16 means no exchange. The base must be aligned to `8 * span` bytes.

    Source: PTX ISA 9.1, section 5.5.7; CuTe `Swizzle<k, 4, 3>`.

    Example: 64 columns of bf16 are one 128-byte panel:

    ```mlir
    #smem = #tk.swizzle<128, order = [1, 0]>
    ```
  }];
  let parameters = (ins "int64_t":$span, ArrayRefParameter<"unsigned">:$order);
  let assemblyFormat = "`<` $span `,` `order` `=` `[` $order `]` `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Launch and numerics
//===----------------------------------------------------------------------===//

def Tile_NumericsAttr : Tile_Attr<"Numerics", "numerics"> {
  let summary = "What floating-point liberties a kernel allows";
  let description = [{
    `contract`: a multiplication and the addition that uses it may become one FMA. `flush`: f32 subnormals are taken
    as zero, in and out (the `.ftz` forms). Without them every operation rounds and keeps subnormals as IEEE 754 says.
    `tf32`: `tk.dot` may take f32 operands as tf32, without the 13 low bits of their significands; without it such a
    product has no lowering.

    Example:

    ```mlir
    #fast = #tk.numerics<contract = true, flush = true>
    #tensor_core = #tk.numerics<contract = true, flush = true, tf32 = true>
    ```
  }];
  let parameters = (ins "bool":$contract, "bool":$flush, DefaultValuedParameter<"bool", "false">:$tf32);
  let assemblyFormat = "`<` `contract` `=` $contract `,` `flush` `=` $flush (`,` `tf32` `=` $tf32^)? `>`";
}

def Tile_TileOrder : I32EnumAttr<"TileOrder", "the order in which a persistent grid walks tiles", [
    I32EnumAttrCase<"Rows", 0, "rows">, I32EnumAttrCase<"Bands", 1, "bands">,
    I32EnumAttrCase<"Hilbert", 2, "hilbert">]> {
  let cppNamespace = "::tk::tile";
  let genSpecializedAttr = 0;
}

def Tile_TuningAttr : Tile_Attr<"Tuning", "tuning"> {
  let summary = "Decisions taken out of the passes' hands";
  let description = [{
    What is not given is decided by the pass that needs it, and said in its remark:

    - `variants`: ways to run a kernel that are compiled, the kernel itself included, 1 to 3 (`tk-split-variants`);
    - `stages`: slots of a ring of operands (`tk-stage-operands`);
    - `consumers`: warpgroups that share a tile's rows (`tk-specialize-warps`);
    - `producer_registers`, `consumer_registers`: registers to a thread of a role (`tk-specialize-warps`);
    - `widen`: how many programs along x become one (`tk-widen-tiles`);
    - `group`: rows of programs that a persistent program walks together (`tk-persist`); 1 is row by row;
    - `order`: how it walks them (`tk-persist`): `rows`, `bands` of `group` rows column by column, or squares of
      `group` x `group` programs along Hilbert's curve (`hilbert`, a power of two);
    - `cluster`: how many programs share loads by multicast (`tk-cluster`); 1: none;
    - `split_k`: how many programs of a cluster share the depth of a product (`tk-split-k`); 1: none;
    - `stream_k`: each program does as many steps along the depth of a product, whatever tiles they belong to, and
      where tiles are fewer than multiprocessors at least this many, or those of a tile (`tk-stream-k`).

    Example:

    ```mlir
    #four = #tk.tuning<stages = 4, consumers = 2>
    #curve = #tk.tuning<group = 16, order = hilbert, cluster = 2>
    ```
  }];
  let parameters = (ins OptionalParameter<"std::optional<int64_t>">:$stages,
                        OptionalParameter<"std::optional<int64_t>">:$consumers,
                        OptionalParameter<"std::optional<int64_t>">:$producer_registers,
                        OptionalParameter<"std::optional<int64_t>">:$consumer_registers,
                        OptionalParameter<"std::optional<int64_t>">:$widen,
                        OptionalParameter<"std::optional<int64_t>">:$group,
                        OptionalParameter<"std::optional<int64_t>">:$variants,
                        OptionalParameter<"std::optional<::tk::tile::TileOrder>">:$order,
                        OptionalParameter<"std::optional<int64_t>">:$cluster,
                        OptionalParameter<"std::optional<int64_t>">:$split_k,
                        OptionalParameter<"std::optional<int64_t>">:$stream_k);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Tile_TensorMapAttr : Tile_Attr<"TensorMap", "tensor_map"> {
  let summary = "A tensor map that a lowered kernel takes as a parameter";
  let description = [{
    What the host needs to make it (`cuTensorMapEncodeTiled`) besides the argument's address, sizes and strides: which
    argument, the order of its dimensions, innermost first, the extents of a box in that order, and the swizzle's span
    in bytes (16: none).

    With `column`, the argument is a table, and the host makes one map for each of its rows, in memory and not among
    the parameters.

    Example:

    ```mlir
    #a = #tk.tensor_map<argument = 0, order = [1, 0], box = [64, 128], swizzle = 128>
    #b = #tk.tensor_map<argument = 1, column = 2, order = [1, 0], box = [64, 128], swizzle = 128>
    ```
  }];
  let parameters = (ins "unsigned":$argument, OptionalParameter<"std::optional<unsigned>">:$column,
                        ArrayRefParameter<"unsigned">:$order, ArrayRefParameter<"int64_t">:$box, "int64_t":$swizzle);
  let assemblyFormat = [{
    `<` `argument` `=` $argument `,` (`column` `=` $column^ `,`)? `order` `=` `[` $order `]` `,` `box` `=` `[` $box `]` `,`
    `swizzle` `=` $swizzle `>`
  }];
}

def Tile_BufferAttr : Tile_Attr<"Buffer", "buffer"> {
  let summary = "One buffer of a lowered kernel's shared memory, for the resource report";
  let description = [{
    Example:

    ```mlir
    #a = #tk.buffer<"a", offset = 0, bytes = 16384, type = !tk.shared<128x64xbf16>, source = "gemm.mlir:20:10">
    ```
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$offset, "int64_t":$bytes, "::mlir::Type":$type,
                        StringRefParameter<>:$source);
  let assemblyFormat = [{
    `<` $name `,` `offset` `=` $offset `,` `bytes` `=` $bytes `,` `type` `=` $type `,` `source` `=` $source `>`
  }];
}

def Tile_BanksAttr : Tile_Attr<"Banks", "banks"> {
  let summary = "The certified bank behaviour of a shared-memory access";
  let description = [{
    What `tk-certify` proved about one `tk.shared_load` or `tk.shared_store`: a warp executes `instructions` accesses
    of `width` bytes per lane; the worst of them takes `wavefronts`, where no addresses could take fewer than
    `minimum`.

    Example:

    ```mlir
    #b = #tk.banks<width = 16, instructions = 8, wavefronts = 4, minimum = 4>
    ```
  }];
  let parameters = (ins "int64_t":$width, "int64_t":$instructions, "int64_t":$wavefronts, "int64_t":$minimum);
  let assemblyFormat = [{
    `<` `width` `=` $width `,` `instructions` `=` $instructions `,` `wavefronts` `=` $wavefronts `,`
    `minimum` `=` $minimum `>`
  }];
}

def Tile_WorkspaceAttr : Tile_Attr<"Workspace", "workspace"> {
  let summary = "Memory through which the programs of a grid pass on sums";
  let description = [{
    For each program a slot of `bytes`, a multiple of 16, in as many equal parts as there are `flags`, each of which
    says that its part is written. The host allocates the slots of all programs of the grid, one after the other, and
    behind them the flags, 4 bytes each, which must be zero when the kernel starts, and are when it ends.

    Example:

    ```mlir
    #w = #tk.workspace<bytes = 131072, flags = 2>
    ```
  }];
  let parameters = (ins "int64_t":$bytes, "int64_t":$flags);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Tile_BankProofAttr : Tile_Attr<"BankProof", "bank_proof"> {
  let summary = "The certificate of one access, kept on a lowered kernel";
  let description = [{
    Example:

    ```mlir
    #p = #tk.bank_proof<"shared_store", source = "gemm.mlir:20:10",
                        banks = <width = 16, instructions = 8, wavefronts = 4, minimum = 4>>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$access, StringRefParameter<>:$source, "BanksAttr":$banks);
  let assemblyFormat = "`<` $access `,` `source` `=` $source `,` `banks` `=` $banks `>`";
}

def Tile_BarrierProofAttr : Tile_Attr<"BarrierProof", "barrier_proof"> {
  let summary = "How often the barriers of one row complete, from the protocol run symbolically";
  let description = [{
    What `tk-certify-rings` found: a program completes `per_program + per_tile * tiles + per_trip * trips` phases of
    the row of barriers `name`, where `tiles` is how often its outer loop runs and `trips` how often the loop inside
    runs in all of those, but for tiles that a branch around the barriers leaves out: these have no trips. A simulator
    or a debugger can count the same.

    Example:

    ```mlir
    #p = #tk.barrier_proof<"A, B full", offset = 229376, per_program = 0, per_tile = 0, per_trip = 1>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$offset, "int64_t":$perProgram, "int64_t":$perTile,
                        "int64_t":$perTrip);
  let assemblyFormat = [{
    `<` $name `,` `offset` `=` $offset `,` `per_program` `=` $perProgram `,` `per_tile` `=` $perTile `,`
    `per_trip` `=` $perTrip `>`
  }];
}

#endif // TK_DIALECT_TILE_IR_TILEATTRS_TD
