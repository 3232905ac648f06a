//===- SharedLayout.cpp - How a tile lies in shared memory ----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Layout/SharedLayout.h"
#include "llvm/Support/FormatVariadic.h"
#include <cassert>

using namespace tk::layout;

int64_t tk::layout::applySwizzle(SwizzleSpan span, int64_t address) {
  return address ^ (address >> 3 & (int64_t(span) - 16));
}

std::optional<SwizzleSpan> tk::layout::widestSpan(int64_t bytes) {
  for (SwizzleSpan span :
       {SwizzleSpan::B128, SwizzleSpan::B64, SwizzleSpan::B32, SwizzleSpan::None})
    if (bytes % int64_t(span) == 0)
      return span;
  return std::nullopt;
}

SharedLayout::SharedLayout(llvm::ArrayRef<int64_t> shape, int64_t elementBytes, SwizzleSpan span,
                           unsigned contiguousDimension)
    : tileShape(shape), bytesPerElement(elementBytes), swizzle(span),
      contiguous(contiguousDimension) {
  assert(shape.size() == 2 && contiguousDimension < 2 && "shared tiles are two-dimensional");
  assert(shape[contiguous] * elementBytes % int64_t(span) == 0 &&
         "the span divides the contiguous extent");
}

int64_t SharedLayout::linearOffset(llvm::ArrayRef<int64_t> coordinates) const {
  int64_t span = int64_t(swizzle), width = span / bytesPerElement;
  int64_t column = coordinates[contiguous], row = coordinates[1 - contiguous];
  return column / width * tileShape[1 - contiguous] * span + row * span +
         column % width * bytesPerElement;
}

/// Finds the steps of a plan whose vector and thread columns are set, and proves it: element
/// `element` of a thread's vector lies `bytes` behind the address of thread `from`, where
/// (from, bytes) is `source(thread, element)`. Where it does not, the error ends with `refusal`.
static llvm::Error
planSteps(const Distribution &tile, const SharedLayout &shared,
          llvm::function_ref<std::pair<int64_t, int64_t>(int64_t thread, int64_t element)> source,
          llvm::StringRef refusal, SharedAccess &plan) {
  llvm::SmallVector<int64_t> threadOffsets;
  llvm::SmallVector<Coordinates> threadCoordinates;
  for (int64_t thread = 0; thread < tile.numThreads(); ++thread) {
    int64_t offset = 0;
    for (unsigned bit = 0; bit < tile.threadBits(); ++bit)
      if (thread >> bit & 1)
        offset ^= plan.threadColumns[bit];
    threadOffsets.push_back(offset);
    threadCoordinates.push_back(tile.threadCoordinate(thread));
  }
  // Within one repeat of the swizzle an offset is a pure exclusive or; whole repeats (and panels,
  // when their height is no power of two) only add.
  int64_t repeat = shared.alignment();
  Coordinates at(2);
  for (int64_t reg = 0; reg < tile.registersPerThread(); reg += plan.vector) {
    int64_t offset = shared.offset(tile.registerCoordinate(reg));
    SharedAccess::Step step{offset % repeat, offset - offset % repeat};
    for (int64_t element = 0; element < plan.vector; ++element) {
      Coordinates inRegister = tile.registerCoordinate(reg + element);
      for (int64_t thread = 0; thread < tile.numThreads(); ++thread) {
        auto [from, bytes] = source(thread, element);
        int64_t planned = (threadOffsets[from] ^ step.exclusiveOr) + step.plus + bytes;
        for (unsigned d : {0, 1})
          at[d] = inRegister[d] + threadCoordinates[thread][d];
        if (shared.offset(at) != planned)
          return llvm::createStringError(llvm::formatv(
              "register {0} of thread {1} holds element ({2}, {3}) at byte {4}, expected {5}: {6}",
              reg + element, thread, at[0], at[1], shared.offset(at), planned, refusal));
      }
    }
    plan.steps.push_back(step);
  }
  return llvm::Error::success();
}

llvm::Expected<SharedAccess> tk::layout::planSharedAccess(const Distribution &tile,
                                                          const SharedLayout &shared) {
  assert(tile.shape() == shared.shape() && "one tile, two layouts");
  SharedAccess plan;
  int64_t contiguous = tile.contiguousRegisters(shared.contiguousDimension());
  plan.vector = std::min(contiguous, 16 / shared.elementBytes());
  plan.replicatedThreadBits = tile.replicatedThreadBits();
  for (unsigned bit = 0; bit < tile.threadBits(); ++bit)
    plan.threadColumns.push_back(shared.offset(tile.threadCoordinate(int64_t(1) << bit)));

  auto at = [&](int64_t thread, int64_t element) {
    return std::pair(thread, element * shared.elementBytes());
  };
  if (llvm::Error error =
          planSteps(tile, shared, at,
                    "the register layout and the shared layout share no constant distance", plan))
    return std::move(error);
  return plan;
}

llvm::Expected<MatrixAccess> tk::layout::planMatrixAccess(const Distribution &tile,
                                                          const SharedLayout &shared) {
  assert(tile.shape() == shared.shape() && "one tile, two layouts");
  constexpr int64_t kElementBytes = 2, kRegisters = 8, kLanes = 32, kRowBytes = 16;
  if (shared.elementBytes() != kElementBytes)
    return llvm::createStringError(llvm::formatv("elements take {0} bytes, and a matrix has {1}",
                                                 shared.elementBytes(), kElementBytes));
  if (tile.registersPerThread() % kRegisters != 0 || tile.numThreads() % kLanes != 0)
    return llvm::createStringError(
        llvm::formatv("each of {0} threads holds {1} elements, and four matrices take {2} of each "
                      "of {3} lanes",
                      tile.numThreads(), tile.registersPerThread(), kRegisters, kLanes));
  MatrixAccess plan;
  plan.transposed = tile.contiguousRegisters(shared.contiguousDimension()) < 2;
  SharedAccess &rows = plan.rows;
  rows.vector = kRegisters;
  rows.replicatedThreadBits = tile.replicatedThreadBits();
  // Lane 8 m + r gives the address of row r of matrix m. Which lane bits choose the row, among
  // those that hold the row's elements, is the instruction's; register bits 1 and 2 choose the
  // matrix.
  auto ofRegister = [&](int64_t reg) { return shared.offset(tile.registerCoordinate(reg)); };
  auto ofThread = [&](unsigned bit) {
    return shared.offset(tile.threadCoordinate(int64_t(1) << bit));
  };
  if (plan.transposed)
    rows.threadColumns = {ofRegister(1), ofThread(0), ofThread(1)};
  else
    rows.threadColumns = {ofThread(2), ofThread(3), ofThread(4)};
  rows.threadColumns.append({ofRegister(2), ofRegister(4)});
  for (unsigned bit = 5; bit < tile.threadBits(); ++bit)
    rows.threadColumns.push_back(ofThread(bit));
  auto at = [&](int64_t thread, int64_t element) {
    int64_t lane = thread % kLanes, matrix = element / 2, half = element % 2;
    int64_t row = plan.transposed ? 2 * (lane % 4) + half : lane / 4;
    int64_t column = plan.transposed ? lane / 4 : 2 * (lane % 4) + half;
    return std::pair(thread - lane + 8 * matrix + row, column * kElementBytes);
  };
  if (llvm::Error error = planSteps(tile, shared, at, "lanes hold no 8 x 8 matrices", rows))
    return std::move(error);
  auto isAligned = [&](int64_t offset) { return offset % kRowBytes == 0; };
  if (!llvm::all_of(rows.threadColumns, isAligned) ||
      !llvm::all_of(rows.steps, [&](auto step) { return isAligned(step.exclusiveOr | step.plus); }))
    return llvm::createStringError(llvm::formatv("rows are not aligned to {0} bytes", kRowBytes));
  return plan;
}

BankCount tk::layout::countWavefronts(llvm::ArrayRef<int64_t> addresses, int64_t width) {
  constexpr int64_t kBanks = 32, kWord = 4;
  size_t lanesPerPhase = width <= 4 ? 32 : width == 8 ? 16 : 8;
  BankCount count;
  for (size_t first = 0; first < addresses.size(); first += lanesPerPhase) {
    llvm::SmallVector<llvm::SmallVector<int64_t, 4>, 32> words(kBanks);
    for (int64_t address :
         addresses.slice(first, std::min(lanesPerPhase, addresses.size() - first)))
      for (int64_t word = address / kWord; word <= (address + width - 1) / kWord; ++word)
        if (!llvm::is_contained(words[word % kBanks], word))
          words[word % kBanks].push_back(word);
    size_t deepest = 0;
    for (const auto &bank : words)
      deepest = std::max(deepest, bank.size());
    count.wavefronts += deepest;
    count.minimum += 1;
  }
  return count;
}

BankCount tk::layout::worstWavefronts(const SharedAccess &access, int64_t elementBytes,
                                      uint64_t idleThreadBits) {
  int64_t threads = int64_t(1) << access.threadColumns.size();
  BankCount worst;
  for (int64_t warp = 0; warp < threads; warp += 32)
    for (const SharedAccess::Step &step : access.steps) {
      llvm::SmallVector<int64_t, 32> addresses;
      for (int64_t thread = warp; thread < std::min(warp + 32, threads); ++thread) {
        if (thread & idleThreadBits)
          continue;
        int64_t offset = 0;
        for (size_t bit = 0; bit < access.threadColumns.size(); ++bit)
          if (thread >> bit & 1)
            offset ^= access.threadColumns[bit];
        addresses.push_back((offset ^ step.exclusiveOr) + step.plus);
      }
      if (addresses.empty())
        continue;
      BankCount count = countWavefronts(addresses, access.vector * elementBytes);
      if (worst.minimum == 0 || count.conflicts() > worst.conflicts())
        worst = count;
    }
  return worst;
}

uint64_t WgmmaOperand::descriptorBits() const {
  auto field = [](int64_t bytes) { return uint64_t(bytes & 0x3FFFF) >> 4; };
  uint64_t layout = span == SwizzleSpan::B128  ? 1
                    : span == SwizzleSpan::B64 ? 2
                    : span == SwizzleSpan::B32 ? 3
                                               : 0;
  return field(leadingByteOffset) << 16 | field(strideByteOffset) << 32 | layout << 62;
}

/// Byte offset, before swizzling, of element (mn, k) of an instruction's operand, from the
/// descriptor's fields alone: the canonical layouts of PTX ISA 9.1, 9.7.15.5.1.2.1.
static int64_t canonicalOffset(const WgmmaOperand &operand, int64_t elementBytes, int64_t mn,
                               int64_t k) {
  int64_t chunkElements = 16 / elementBytes, chunks = int64_t(operand.span) / 16;
  int64_t lbo = operand.leadingByteOffset, sbo = operand.strideByteOffset;
  int64_t contiguous = operand.mnMajor ? mn : k, strided = operand.mnMajor ? k : mn;
  int64_t chunk = contiguous / chunkElements, inChunk = contiguous % chunkElements * elementBytes;
  int64_t row = strided % 8 * 16 * chunks, rowGroup = strided / 8;
  if (operand.span == SwizzleSpan::None)
    return operand.mnMajor ? row + rowGroup * lbo + chunk * sbo + inChunk
                           : row + rowGroup * sbo + chunk * lbo + inChunk;
  if (!operand.mnMajor)
    return row + rowGroup * sbo + chunk * 16 + inChunk;
  return row + rowGroup * sbo + chunk / chunks * lbo + chunk % chunks * 16 + inChunk;
}

llvm::Expected<WgmmaOperand> tk::layout::describeWgmmaOperand(const SharedLayout &layout,
                                                              unsigned mnDimension, int64_t mn,
                                                              int64_t k) {
  unsigned kDimension = 1 - mnDimension;
  WgmmaOperand operand;
  operand.span = layout.span();
  operand.mnMajor = layout.contiguousDimension() == mnDimension;
  if (operand.mnMajor && layout.elementBytes() != 2)
    return llvm::createStringError(llvm::formatv(
        "wgmma reads {0}-byte elements only where K is contiguous, got a tile contiguous along {1}",
        layout.elementBytes(), mnDimension == 0 ? "M" : "N"));
  if (layout.shape()[mnDimension] % mn != 0 || layout.shape()[kDimension] % k != 0)
    return llvm::createStringError(
        llvm::formatv("instructions of {0} x {1} do not divide a tile of {2} x {3}", mn, k,
                      layout.shape()[mnDimension], layout.shape()[kDimension]));
  // The two strides are the distances of the neighbours they are defined by; 1 row group is 8 rows.
  auto at = [&](int64_t mnIndex, int64_t kIndex) {
    Coordinates c(2);
    c[mnDimension] = mnIndex, c[kDimension] = kIndex;
    return c;
  };
  int64_t extent = operand.mnMajor ? mn : k;
  int64_t nextPanel = int64_t(layout.span()) / layout.elementBytes();
  int64_t panelBytes = layout.shape()[1 - layout.contiguousDimension()] * int64_t(layout.span());
  int64_t rowGroupBytes = 8 * int64_t(layout.span());
  bool hasNextPanel = extent > nextPanel;
  operand.leadingByteOffset = hasNextPanel ? panelBytes : 0;
  operand.strideByteOffset = rowGroupBytes;
  if (operand.mnMajor && layout.span() == SwizzleSpan::None)
    std::swap(operand.leadingByteOffset, operand.strideByteOffset);

  for (int64_t mn0 = 0; mn0 < layout.shape()[mnDimension]; mn0 += mn)
    for (int64_t k0 = 0; k0 < layout.shape()[kDimension]; k0 += k) {
      int64_t start = layout.linearOffset(at(mn0, k0));
      for (int64_t i = 0; i < mn; ++i)
        for (int64_t j = 0; j < k; ++j) {
          int64_t read = applySwizzle(
              layout.span(), start + canonicalOffset(operand, layout.elementBytes(), i, j));
          int64_t held = layout.offset(at(mn0 + i, k0 + j));
          if (read != held)
            return llvm::createStringError(
                llvm::formatv("element ({0}, {1}) lies at byte {2}, but wgmma would read byte {3}: "
                              "the tile has no "
                              "canonical wgmma layout",
                              mn0 + i, k0 + j, held, read));
        }
    }
  return operand;
}
