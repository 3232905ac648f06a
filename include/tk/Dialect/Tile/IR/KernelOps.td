//===- KernelOps.td - Kernels and what they ask of a launch -*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_KERNELOPS_TD
#define TK_DIALECT_TILE_IR_KERNELOPS_TD

include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "tk/Dialect/Tile/IR/TileOpBase.td"

def Tile_KernelOp : Tile_Op<"kernel", [IsolatedFromAbove, Symbol,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "A kernel: a body every program of a grid runs, and the grid itself";
  let description = [{
    The body is the work of one program (block of threads). The `grid` region computes, from sizes, scalars and facts
    of the device, how many programs run; it is index arithmetic only, evaluated by the host at launch, and ends in
    `tk.grid`. Both regions see the same arguments.

    Arguments are global views, lists of views (`!tk.table`) or scalars (index, integers, floats). Names in brackets
    after a view's type name its sizes: equal names are equal sizes, which the host checks, and from which it infers
    the shapes of outputs. A table has a list of names for each column, and equal ones are equal sizes in each row; they say nothing of
    arguments outside of it.

    Within a program, operations on views happen in the order they are written, whichever threads do them
    (`tk-insert-fences` adds the barriers). Views of different arguments must not overlap where one of them is written,
    nor must those of a table: what a view of one row writes, no other view of that row or of another may share.

    A grid over a table is **ragged**: its last extent is `tk.table_size`, and the others may depend on the views of the
    row that `tk.program_id` of that last dimension chooses. Each problem then has programs of its own number, and one
    without elements has none. `tk-flatten-grid` makes one dimension of them.

    Attributes, all optional in a tile program:
    - `numerics`: floating-point liberties; absent means none.
    - `threads`: threads of a block, a multiple of 128; `tk-assign-layouts` sets it.
    - `shared_bytes`: dynamic shared memory; `tk-allocate-shared` sets it.
    - `cluster`: how many programs along x, y and z run together on neighbouring multiprocessors, can write one
      another's shared memory and share loads; the grid must be a multiple. `tk-cluster` sets it.
    - `workspace`: memory for each program through which sums go from one to another; `tk-place-sums` sets it.
    - `tuning`: decisions taken out of the passes' hands.
    - `variant_of`: the kernel of which this is another way to run, under the promises its argument types make beyond
      those of that kernel's. The host takes the first variant whose promises hold, in the order of the module, and
      the kernel itself last.
    - `lowered_to`: the machine function this kernel became; the body is then empty and the op is what the host must
      know to launch it. `reads` and `writes` (per argument; of a table, per column), `buffers`, `bank_proofs`,
      `barrier_proofs` and `tensor_maps` keep what was known of the lowered body.

    Example:

    ```mlir
    tk.kernel @copy(%src: !tk.global<?x?xf32> [M, N], %dst: !tk.global<?x?xf32> [M, N]) grid {
      %c64 = arith.constant 64 : index
      %m = tk.dim %dst, 0 : !tk.global<?x?xf32>
      %n = tk.dim %dst, 1 : !tk.global<?x?xf32>
      %x = arith.ceildivui %n, %c64 : index
      %y = arith.ceildivui %m, %c64 : index
      tk.grid %x, %y
    } {
      %c64 = arith.constant 64 : index
      %x = tk.program_id 0
      %y = tk.program_id 1
      %i = arith.muli %y, %c64 : index
      %j = arith.muli %x, %c64 : index
      %t = tk.load %src[%i, %j] : !tk.global<?x?xf32> -> tensor<64x64xf32>
      tk.store %t, %dst[%i, %j] : tensor<64x64xf32>, !tk.global<?x?xf32>
      tk.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
    StrArrayAttr:$arg_names, TypedArrayAttrBase<StrArrayAttr, "names of sizes">:$size_names,
    OptionalAttr<Tile_NumericsAttr>:$numerics, OptionalAttr<I64Attr>:$threads, OptionalAttr<I64Attr>:$shared_bytes,
    OptionalAttr<DenseI64ArrayAttr>:$cluster, OptionalAttr<Tile_WorkspaceAttr>:$workspace,
    OptionalAttr<Tile_TuningAttr>:$tuning,
    OptionalAttr<FlatSymbolRefAttr>:$variant_of,
    OptionalAttr<SymbolRefAttr>:$lowered_to, OptionalAttr<DenseBoolArrayAttr>:$reads,
    OptionalAttr<DenseBoolArrayAttr>:$writes,
    OptionalAttr<TypedArrayAttrBase<Tile_BufferAttr, "buffers">>:$buffers,
    OptionalAttr<TypedArrayAttrBase<Tile_BankProofAttr, "bank proofs">>:$bank_proofs,
    OptionalAttr<TypedArrayAttrBase<Tile_BarrierProofAttr, "barrier proofs">>:$barrier_proofs,
    OptionalAttr<TypedArrayAttrBase<Tile_TensorMapAttr, "tensor maps">>:$tensor_maps);
  let regions = (region AnyRegion:$body, SizedRegion<1>:$grid);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    unsigned getNumArguments() { return getFunctionType().getNumInputs(); }
    /// Programs of a cluster; 1 where there are none.
    int64_t getClusterSize() {
      int64_t size = 1;
      for (int64_t extent : getCluster().value_or(::llvm::ArrayRef<int64_t>()))
        size *= extent;
      return size;
    }
    ::llvm::StringRef getArgumentName(unsigned index) {
      return ::mlir::cast<::mlir::StringAttr>(getArgNames()[index]).getValue();
    }
    /// Where `reads` and `writes` speak of an argument, or of its first column; for one more than there are
    /// arguments, how many entries they have.
    unsigned getAccessIndex(unsigned argument);
    /// What reports call a view: "A", of a table "problems.A".
    std::string describeView(const ViewSource &source);
  }];
}

def Tile_GridOp : Tile_Op<"grid", [Pure, Terminator, ParentOneOf<["KernelOp", "TableTilesOp"]>]> {
  let summary = "How many programs a launch runs";
  let description = [{
    Ends the grid region of a kernel with the extents of the grid: x, and where given y and z. A zero extent launches
    nothing. In `tk.table_tiles` it says how many programs work on one row.

    Example: see `tk.kernel`.
  }];
  let arguments = (ins Variadic<Index>:$sizes);
  let assemblyFormat = "$sizes attr-dict";
  let hasVerifier = 1;
}

def Tile_ReturnOp : Tile_Op<"return", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "Ends a program";
  let description = [{
    Example: see `tk.kernel`.
  }];
  let assemblyFormat = "attr-dict";
}

class Tile_LaunchIndexOp<string mnemonic> : Tile_Op<mnemonic, [Pure]> {
  let arguments = (ins ConfinedAttr<I64Attr, [IntNonNegative, IntMaxValue<2>]>:$dimension);
  let results = (outs Index:$result);
  let assemblyFormat = "$dimension attr-dict";
  let builders = [OpBuilder<(ins "int64_t":$dimension), [{
    build($_builder, $_state, $_builder.getIndexType(), $_builder.getI64IntegerAttr(dimension));
  }]>];
}

def Tile_ProgramIdOp : Tile_LaunchIndexOp<"program_id"> {
  let summary = "Which program of the grid this is, along x (0), y (1) or z (2)";
  let description = [{
    In a grid region it stands for each place along the last dimension, and chooses the row of a table on which the
    other extents depend.

    Example:

    ```mlir
    %x = tk.program_id 0
    ```
  }];
}

def Tile_NumProgramsOp : Tile_LaunchIndexOp<"num_programs"> {
  let summary = "How many programs the grid has along x (0), y (1) or z (2)";
  let description = [{
    Example:

    ```mlir
    %n = tk.num_programs 0
    ```
  }];
}

def Tile_ClusterRankOp : Tile_Op<"cluster_rank", [Pure]> {
  let summary = "Which program of its cluster this is, counted from zero, x fastest";
  let description = [{
    Zero in a kernel without `cluster`.

    Source: PTX ISA 9.1, 10.14 (%cluster_ctarank).

    Example:

    ```mlir
    %rank = tk.cluster_rank
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Tile_NumSMsOp : Tile_Op<"num_sms", [Pure]> {
  let summary = "How many multiprocessors the device has (grid regions only)";
  let description = [{
    Example:

    ```mlir
    tk.kernel @persistent() grid {
      %n = tk.num_sms
      tk.grid %n
    } {
      tk.return
    }
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Tile_DimOp : Tile_Op<"dim", [Pure]> {
  let summary = "The size of a view along a dimension";
  let description = [{
    Example:

    ```mlir
    %k = tk.dim %A, 1 : !tk.global<?x?xbf16>
    ```
  }];
  let arguments = (ins Tile_GlobalType:$view, ConfinedAttr<I64Attr, [IntNonNegative]>:$dimension);
  let results = (outs Index:$result);
  let assemblyFormat = "$view `,` $dimension attr-dict `:` qualified(type($view))";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // TK_DIALECT_TILE_IR_KERNELOPS_TD
