//===- SamplePackage.h - A package for tests --------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TK_TEST_UNIT_TARGET_SAMPLEPACKAGE_H
#define TK_TEST_UNIT_TARGET_SAMPLEPACKAGE_H

#include "tk/Target/Package.h"

namespace tk::test {

/// A view of two dimensions whose pointer, sizes and strides follow each other from `offset` on.
inline Argument makeView(std::string name, ElementType type, std::array<std::string, 2> symbols,
                         std::vector<int64_t> strides, int64_t offset) {
  Argument view;
  view.name = std::move(name);
  view.isView = true;
  view.elementType = type;
  view.sizes = {Argument::kDynamic, Argument::kDynamic};
  view.strides = std::move(strides);
  view.symbols = {symbols[0], symbols[1]};
  view.align = 16;
  view.sizeDivisors = {1, 1};
  view.strideDivisors = {1, 1};
  view.offset = offset;
  view.sizeOffsets = {offset + 8, offset + 16};
  view.strideOffsets = {-1, -1};
  for (size_t d = 0; d < 2; ++d)
    if (view.strides[d] == Argument::kDynamic)
      view.strideOffsets[d] = offset + 24;
  return view;
}

/// The map of a view that is contiguous along `inner`.
inline TensorMap makeTensorMap(unsigned argument, unsigned inner, int64_t offset,
                               std::array<int64_t, 2> box) {
  TensorMap map;
  map.argument = argument;
  map.offset = offset;
  map.dimensions = {{Expr::size(argument, inner), Expr::constant(1), box[0]},
                    {Expr::size(argument, 1 - inner), Expr::stride(argument, 1 - inner), box[1]}};
  map.swizzle = 128;
  return map;
}

/// C[M, N] = alpha * A[M, K] * B[K, N], B column-major, with a fast variant, which has tensor maps,
/// for K a multiple of 64.
inline Package makeSamplePackage() {
  constexpr int64_t dynamic = Argument::kDynamic;
  Package package;
  package.compilerVersion = "tk 0.1";
  package.ptx = ".version 8.1\n.target sm_90a\n// \"quotes\", \\ and \t tab\n";
  package.cubin = {0x7F, 'E', 'L', 'F', 0, 1, 2, 3};
  package.remarks.push_back({"missed", "tk-insert-wgmma", "gemm.mlir:20:10", "tile too small", "gemm_plain"});
  Kernel &kernel = package.kernels.emplace_back();
  kernel.name = "gemm";
  kernel.arguments.push_back(makeView("A", ElementType::BF16, {"M", "K"}, {dynamic, 1}, 0));
  kernel.arguments.push_back(makeView("B", ElementType::BF16, {"K", "N"}, {1, dynamic}, 32));
  kernel.arguments.push_back(makeView("C", ElementType::F32, {"M", "N"}, {dynamic, 1}, 64));
  kernel.arguments[2].written = true;
  kernel.arguments[2].read = false;
  Argument &alpha = kernel.arguments.emplace_back();
  alpha.name = "alpha";
  alpha.elementType = ElementType::F32;
  alpha.offset = 96;
  Argument &count = kernel.arguments.emplace_back();
  count.name = "count";
  count.elementType = ElementType::I32;
  count.offset = 100;
  Variant plain;
  plain.entry = "gemm_plain";
  plain.grid = {Expr::binary(Expr::Op::CeilDiv, Expr::size(2, 0), Expr::constant(128)),
                Expr::binary(Expr::Op::CeilDiv, Expr::size(2, 1), Expr::constant(256)),
                Expr::constant(1)};
  plain.block = {128, 1, 1};
  plain.dynamicSharedBytes = 49152;
  plain.parameterBytes = 104;
  plain.sharedBuffers.push_back({"a", 0, 16384, "!tk.shared<128x64xbf16>", "gemm.mlir:20:10"});
  plain.sharedBuffers.push_back({"b", 16384, 32768, "!tk.shared<64x256xbf16>", "gemm.mlir:21:10"});
  plain.resources = ResourceReport{168, 0, 0, 0, 1, {"note"}};
  plain.bankProofs.push_back({"gemm.mlir:20:10", "shared_store", 16, 4, 4, 8});
  plain.barrierProofs.push_back({"A full", 229376, 1, 2, 3});
  Variant fast = plain;
  fast.entry = "gemm_fast";
  Condition divisible;
  divisible.kind = Condition::Kind::Divisible;
  divisible.lhs = Expr::size(0, 1);
  divisible.rhs = Expr::constant(64);
  divisible.why = "no tail in K";
  Condition aligned;
  aligned.kind = Condition::Kind::Aligned;
  aligned.argument = 1;
  aligned.rhs = Expr::constant(16);
  fast.preconditions = {divisible, aligned};
  fast.resources = std::nullopt;
  fast.parameterBytes = 384;
  fast.tensorMaps = {makeTensorMap(0, 1, 128, {64, 128}), makeTensorMap(1, 0, 256, {64, 256})};
  fast.tensorMaps[0].l2Promotion = 256;
  fast.tensorMaps[1].fillNaN = true;
  kernel.variants = {fast, plain};
  return package;
}

/// The message of an error, or "success".
template <class T>
std::string getMessage(llvm::Expected<T> value) {
  return value ? "success" : llvm::toString(value.takeError());
}
inline std::string getMessage(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : "success";
}

} // namespace tk::test

#endif // TK_TEST_UNIT_TARGET_SAMPLEPACKAGE_H
