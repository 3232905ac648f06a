//===- Npy.h - NumPy's array files ------------------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Reads and writes `.npy` (format versions 1 to 3, little endian). NumPy itself has no bf16 and no
/// fp8, so these travel as integers of their width, or as what ml_dtypes makes NumPy write: '<V2'
/// for bfloat16, '<V1' for float8_e4m3fn, '<f1' for float8_e5m2. Only the kernel's signature tells
/// which is meant.
///
//===----------------------------------------------------------------------===//

#ifndef TK_RUNTIME_NPY_H
#define TK_RUNTIME_NPY_H

#include "tk/Runtime/Tensor.h"

namespace tk {

/// A file as it is: the element type is still NumPy's.
struct NpyArray {
  std::string fileName; ///< For messages.
  std::string descr;    ///< As written: "<f4", "|V2", "bfloat16".
  char kind = 'f';      ///< NumPy's: f, i, u, b, V
  unsigned itemBytes = 4;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;
};

/// Anything but a whole, plain array is an error that names the file.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef bytes, llvm::StringRef fileName);
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Whether elements written with this descriptor can be elements of `type`.
bool isCompatible(const NpyArray &array, ElementType type);
/// The array as a tensor of the given type; `what` is what the type belongs to: `"A"`.
llvm::Expected<HostTensor> toTensor(NpyArray array, ElementType type, llvm::StringRef what);
/// The type that the file itself suggests; `hint` decides where it leaves a choice (bf16 or
/// integers?).
llvm::Expected<ElementType> guessElementType(const NpyArray &array, ElementType hint);

/// A whole `.npy` file, dense; in Fortran order if the tensor's first dimension is its fastest.
/// bf16 and fp8 are written as unsigned integers: `np.load(f).view(ml_dtypes.bfloat16)`.
std::string encodeNpy(const HostTensor &tensor);

} // namespace tk

#endif // TK_RUNTIME_NPY_H
