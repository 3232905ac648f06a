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

class Tile_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<Tile_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Tile_GlobalType : Tile_Type<"Global", "global"> {
  let summary = "A view of global memory, with what is known of it";
  let description = [{
    A strided array of rank 1 to 5 in global memory. Sizes and strides (in elements) are numbers where known, `?`
    where only the launch knows them; without `strides` the view is row-major: `[?, ..., ?, 1]`. Offsets are computed
    in 64 bits. Reading outside a view gives zero, writing outside it is dropped.

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
    /// The dimension whose stride is known to be one, or nullopt.
    std::optional<unsigned> getContiguousDimension() const;
    /// Divisors that follow from a static extent or stride as well as from the promises.
    int64_t getKnownSizeDivisor(unsigned dimension) const;
    int64_t getKnownStrideDivisor(unsigned dimension) const;
    static ::llvm::SmallVector<int64_t> getRowMajorStrides(unsigned rank);
  }];
}

def Tile_SharedType : Tile_Type<"Shared", "shared"> {
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
    int64_t getSizeInBytes() const;
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

#endif // TK_DIALECT_TILE_IR_TILETYPES_TD
