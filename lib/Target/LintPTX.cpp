//===- LintPTX.cpp - What ptxas does not report ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/PTX.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

/// The registers in the first braces of an instruction: a product's accumulator.
static SmallVector<StringRef> listedRegisters(StringRef instruction) {
  SmallVector<StringRef> registers;
  StringRef list = instruction.split('{').second.split('}').first;
  list.split(registers, ',', -1, false);
  for (StringRef &reg : registers)
    reg = reg.trim();
  return registers;
}

/// The registers an ordinary instruction writes: its first operand, which may be a list in braces,
/// unless it only reads.
static SmallVector<StringRef> writtenRegisters(StringRef instruction) {
  if (instruction.starts_with("@"))
    instruction = instruction.drop_front(instruction.find_first_of(" \t")).ltrim();
  auto [opcode, operands] =
      std::pair(instruction.take_until(isSpace), instruction.drop_until(isSpace).ltrim());
  if (operands.empty() || opcode.starts_with("st.") || opcode.starts_with("bra") ||
      opcode.starts_with("bar") || opcode.starts_with("."))
    return {};
  if (operands.starts_with("{"))
    return listedRegisters(operands);
  return {operands.split(',').first.trim()};
}

Error tk::lintPTX(StringRef ptx) {
  SmallVector<StringRef> lines;
  ptx.split(lines, '\n');
  // Registers written since the last fence, with the line that did.
  StringMap<unsigned> written;
  bool fenced = false;
  for (auto [index, raw] : llvm::enumerate(lines)) {
    StringRef line = raw.split("//").first.trim();
    line.consume_back(";");
    if (line.contains(".entry "))
      fenced = false;
    if (line.starts_with("wgmma.wait_group")) // The registers are ordinary again.
      fenced = false;
    if (line.starts_with("wgmma.fence")) {
      written.clear();
      fenced = true;
      continue;
    }
    if (!line.starts_with("wgmma.mma_async")) {
      for (StringRef reg : writtenRegisters(line))
        written.try_emplace(reg, index + 1);
      continue;
    }
    if (!fenced)
      return createStringError(
          formatv("line {0} of the PTX: a product without a wgmma.fence before it", index + 1));
    for (StringRef reg : listedRegisters(line))
      if (auto found = written.find(reg); found != written.end())
        return createStringError(formatv("line {0} of the PTX writes the accumulator register {1} "
                                         "between wgmma.fence and the product in line {2}",
                                         found->second, reg, index + 1));
  }
  return Error::success();
}
