//===- Package.cpp - C interface: errors, types, packages -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Handles.h"
#include <cstdlib>

using namespace llvm;
using namespace tk;

// The enumerations are the same list.
static_assert(static_cast<int>(ElementType::F64) == TK_F64 &&
              static_cast<int>(ElementType::BF16) == TK_BF16 &&
              static_cast<int>(ElementType::I64) == TK_I64 &&
              static_cast<int>(ElementType::U64) == TK_U64 &&
              static_cast<int>(ElementType::I1) == TK_I1);
static_assert(TK_DYNAMIC == Argument::kDynamic);

static thread_local std::string lastError;

int capi::fail(Error error) {
  lastError = llvm::toString(std::move(error));
  return 1;
}

int capi::fail(const Twine &message) {
  lastError = message.str();
  return 1;
}

static tkArgument describeArgument(const Argument &argument) {
  tkArgument result = {};
  result.name = argument.name.c_str();
  result.isView = argument.isView;
  result.elementType = static_cast<tkElementType>(argument.elementType);
  result.rank = static_cast<int>(argument.sizes.size());
  for (size_t d = 0; d < argument.sizes.size() && d < TK_MAX_RANK; ++d) {
    result.sizes[d] = argument.sizes[d];
    result.strides[d] = argument.strides[d];
    result.symbols[d] = argument.symbols[d].c_str();
  }
  result.align = argument.align;
  result.read = argument.read;
  result.written = argument.written;
  result.numColumns = static_cast<int>(argument.columns.size());
  return result;
}

extern "C" {

const char *tkGetLastError(void) { return lastError.c_str(); }

int64_t tkGetPackageFormatVersion(void) { return Package::kFormatVersion; }

void tkStringFree(char *text) { std::free(text); }

static bool isElementType(tkElementType type) { return type >= TK_F64 && type <= TK_I1; }

const char *tkElementTypeGetName(tkElementType type) {
  // The names are literals: they end in a zero.
  return isElementType(type) ? stringifyElementType(static_cast<ElementType>(type)).data()
                             : nullptr;
}

int tkElementTypeParse(const char *name) {
  std::optional<ElementType> type = parseElementType(name);
  return type ? static_cast<int>(*type) : -1;
}

size_t tkElementTypeGetBytes(tkElementType type) {
  return isElementType(type) ? getElementBytes(static_cast<ElementType>(type)) : 0;
}

int tkPackageParse(const char *text, size_t length, const char *fileName, tkPackage *package) {
  Expected<Package> parsed = parsePackage(StringRef(text, length), fileName);
  if (!parsed)
    return capi::fail(parsed.takeError());
  *package = new tkPackageOpaque{std::move(*parsed), {}};
  return 0;
}

void tkPackageFree(tkPackage package) { delete package; }

const char *tkPackageGetText(tkPackage package, size_t *length) {
  if (package->text.empty())
    package->text = serializePackage(package->package);
  if (length)
    *length = package->text.size();
  return package->text.c_str();
}

const char *tkPackageGetPtx(tkPackage package) { return package->package.ptx.c_str(); }

size_t tkPackageGetNumKernels(tkPackage package) { return package->package.kernels.size(); }

const char *tkPackageGetKernelName(tkPackage package, size_t kernel) {
  const std::vector<Kernel> &kernels = package->package.kernels;
  return kernel < kernels.size() ? kernels[kernel].name.c_str() : nullptr;
}

int64_t tkPackageFindKernel(tkPackage package, const char *name) {
  const Kernel *kernel = package->package.findKernel(name);
  return kernel ? kernel - package->package.kernels.data() : -1;
}

size_t tkKernelGetNumArguments(tkPackage package, size_t kernel) {
  const std::vector<Kernel> &kernels = package->package.kernels;
  return kernel < kernels.size() ? kernels[kernel].arguments.size() : 0;
}

int tkKernelGetArgument(tkPackage package, size_t kernel, size_t index, tkArgument *result) {
  size_t count = tkKernelGetNumArguments(package, kernel);
  if (index >= count)
    return capi::fail("expected an argument of kernel " + Twine(kernel) + " below " + Twine(count) +
                      ", got " + Twine(index));
  *result = describeArgument(package->package.kernels[kernel].arguments[index]);
  return 0;
}

int tkKernelGetColumn(tkPackage package, size_t kernel, size_t index, size_t column,
                      tkArgument *result) {
  tkArgument list;
  if (int status = tkKernelGetArgument(package, kernel, index, &list))
    return status;
  const Argument &argument = package->package.kernels[kernel].arguments[index];
  if (column >= argument.columns.size())
    return capi::fail("expected a column of \"" + argument.name + "\" below " +
                      Twine(argument.columns.size()) + ", got " + Twine(column));
  *result = describeArgument(argument.columns[column]);
  return 0;
}

} // extern "C"
