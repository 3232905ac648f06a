//===- TileTypes.td - Views, shared tiles, work in flight --*- tablegen -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_DIALECT_TILE_IR_TILETYPES_TD
#define TK_DIALECT_TILE_IR_TILETYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "tk/Dialect/Tile/IR/TileDialect.td"
include "tk/Dialect/Tile/IR/TileInterfaces.td"

class Tile_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<Tile_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Tile_GlobalType : Tile_Type<"Global", "global"> {
  let summary = "A view of global memory, with what is known of it";
  let description = [{
    A strided array of rank 1 to 5 in global memory. Sizes and strides (in elements) are numbers where known, `?`
    where only the launch knows them; without `strides` the view is row-major: `[?, ..., ?, 1]`. Offsets are computed
    in 64 bits. Reading outside a view gives zero, writing outside it is dropped.

    A tile may have fewer dimensions than the view: those it has are the view's last ones, and an access takes one
    index along each of the leading ones. A batch of matrices is a view of rank 3; `strides = [0, ?, 1]` says that all
    of them are one.

    What else the caller promises, and the host checks before it launches: `align`, the alignment of the first
    element in bytes (default: the element's own size); `divisible`, divisors of the sizes; `stride_divisible`, divisors
    of the strides, in elements.

    Example: a row-major matrix whose rows are 16-byte aligned:

    ```mlir
    !tk.global<?x?xbf16, strides = [?, 1], align = 16, stride_divisible = [8, 1]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        ArrayRefParameter<"int64_t">:$strides, "int64_t":$align,
                        ArrayRefParameter<"int64_t">:$sizeDivisors, ArrayRefParameter<"int64_t">:$strideDivisors);
  let builders = [TypeBuilder<(ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$elementType,
                                   "::llvm::ArrayRef<int64_t>":$strides)>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    unsigned getRank() const { return getShape().size(); }
    int64_t getElementBytes() const;
    /// Dimensions that come before those of a tile of this rank: an access takes one index along each.
    unsigned getNumLeading(unsigned tileRank) const { return getRank() - tileRank; }
    /// The dimension of a tile of this rank along which the view's stride is known to be one, or nullopt.
    std::optional<unsigned> getContiguousDimension(unsigned tileRank) const;
    /// Divisors that follow from a static extent or stride as well as from the promises.
    int64_t getKnownSizeDivisor(unsigned dimension) const;
    int64_t getKnownStrideDivisor(unsigned dimension) const;
    static ::llvm::SmallVector<int64_t> getRowMajorStrides(unsigned rank);
  }];
}

def Tile_TableType : Tile_Type<"Table", "table"> {
  let summary = "A list of problems: rows of views that lie in memory";
  let description = [{
    An argument of a kernel whose rows each hold one view for every column. How many rows there are, and addresses,
    sizes and strides of their views, only the launch knows; what a column's type promises (`align`, `divisible`,
    `stride_divisible`) holds for every row that has elements, and the host checks all of them. Each column has at
    least one size that the rows give: a row beyond the list is one of empty views.

    A row takes 8 bytes for each pointer, dynamic size and dynamic stride of its views, column after column.

    Example: products of matrices, each of its own size:

    ```mlir
    !tk.table<A: !tk.global<?x?xbf16>, B: !tk.global<?x?xbf16>, C: !tk.global<?x?xf32>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names,
                        ArrayRefParameter<"::tk::tile::GlobalType">:$columns);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    unsigned getNumColumns() const { return getColumns().size(); }
    /// Bytes from one row to the next.
    int64_t getRowBytes() const;
    /// Bytes from the start of a row to a column's pointer; its dynamic sizes and strides follow.
    int64_t getColumnOffset(unsigned column) const;
  }];
}

class Tile_SharedStorageType<string name, string typeMnemonic>
    : Tile_Type<name, typeMnemonic, [DeclareTypeInterfaceMethods<Tile_SharedStorageInterface>]>;

def Tile_SharedType : Tile_SharedStorageType<"Shared", "shared"> {
  let summary = "A tile of shared memory";
  let description = [{
    Memory of the block, of static shape. Its layout is absent until `tk-assign-swizzles` (or the author) chose one.

    Example:

    ```mlir
    !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        OptionalParameter<"::tk::tile::SharedLayoutInterface">:$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getElementBytes() const;
    /// The layout's map. There must be a layout.
    ::tk::layout::SharedLayout getSharedLayout() const;
  }];
}

def Tile_InflightType : Tile_Type<"Inflight", "inflight"> {
  let summary = "A register tile the tensor core may still be writing";
  let description = [{
    What `tk.wgmma_fence` and `tk.wgmma` yield. No operation but `tk.wgmma` and `tk.wgmma_wait` accepts it, so nothing
    can touch an accumulator before a wait names it.

    Example:

    ```mlir
    !tk.inflight<tensor<128x128xf32>>
    ```
  }];
  let parameters = (ins "::mlir::RankedTensorType":$tensor);
  let assemblyFormat = "`<` $tensor `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

def Tile_RingType : Tile_Type<"Ring", "ring"> {
  let summary = "A ring of slots that carries tiles from a producer to consumers";
  let description = [{
    `stages` slots, each with room for one tile of every type listed. A slot is filled and published by the producer,
    waited for and released by the consumers, over and over; slot and phase are a `!tk.cursor` that each side carries
    through its loops and never resets. A protocol, not memory yet: `tk-insert-tma` makes buffers and barriers of it.

    Example: four stages of the operands of a product:

    ```mlir
    !tk.ring<4, !tk.shared<128x64xbf16>, !tk.shared<64x256xbf16>>
    ```
  }];
  let parameters = (ins "int64_t":$stages, ArrayRefParameter<"::tk::tile::SharedType">:$tiles);
  let assemblyFormat = "`<` $stages `,` $tiles `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of all tiles of one slot: what a phase carries.
    int64_t getSlotBytes() const;
  }];
}

def Tile_CursorType : Tile_Type<"Cursor", "cursor"> {
  let summary = "A place in a ring: slot and phase";
  let description = [{
    Counts through the slots of a ring of `stages` slots; each time round the phase turns over. Two 32-bit registers
    in the machine.

    Example:

    ```mlir
    !tk.cursor<4>
    ```
  }];
  let parameters = (ins "int64_t":$stages);
  let assemblyFormat = "`<` $stages `>`";
  let genVerifyDecl = 1;
}

def Tile_SlotsType : Tile_SharedStorageType<"Slots", "slots"> {
  let summary = "Shared tiles of one type, one after the other";
  let description = [{
    The memory behind one tile of a ring.

    Example:

    ```mlir
    !tk.slots<4, !tk.shared<128x64xbf16, #tk.swizzle<128, order = [1, 0]>>>
    ```
  }];
  let parameters = (ins "int64_t":$stages, "::tk::tile::SharedType":$tile);
  let assemblyFormat = "`<` $stages `,` $tile `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes from one slot to the next: the tile's, up to its alignment where it has a layout.
    int64_t getSlotBytes() const;
  }];
}

def Tile_ScratchType : Tile_SharedStorageType<"Scratch", "scratch"> {
  let summary = "Shared memory without a shape, through which threads exchange registers";
  let description = [{
    So many bytes, a multiple of 16, at a multiple of 16. Its place comes from `tk-allocate-shared`.

    Example:

    ```mlir
    %buffer = tk.alloc "sum" : !tk.scratch<65536>
    ```
  }];
  let parameters = (ins "int64_t":$bytes);
  let assemblyFormat = "`<` $bytes `>`";
  let genVerifyDecl = 1;
}

def Tile_MBarriersType : Tile_SharedStorageType<"MBarriers", "mbarriers"> {
  let summary = "Barriers in shared memory, one for each slot of a ring";
  let description = [{
    Objects of eight bytes that count arrivals and bytes (`mbarrier`). Source: PTX ISA 9.1, 9.7.13.15.

    Example:

    ```mlir
    !tk.mbarriers<4>
    ```
  }];
  let parameters = (ins "int64_t":$stages);
  let assemblyFormat = "`<` $stages `>`";
  let genVerifyDecl = 1;
}

#endif // TK_DIALECT_TILE_IR_TILETYPES_TD
