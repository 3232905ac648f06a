//===- Aliases.cpp - New definitions of type aliases ----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Compiler/Compiler.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

/// The name that a line such as "!in = bf16" or "#step = 64 : index" defines, or an empty string.
static StringRef definedAlias(StringRef line) {
  line = line.trim();
  if (!line.consume_front("!") && !line.consume_front("#"))
    return {};
  StringRef name = line.take_while([](char c) { return isAlnum(c) || c == '_' || c == '$'; });
  return line.drop_front(name.size()).ltrim().starts_with("=") ? name : StringRef();
}

Expected<std::string> tk::replaceAliases(StringRef source,
                                         ArrayRef<std::pair<std::string, std::string>> aliases) {
  SmallVector<StringRef> lines, known;
  SmallVector<std::string> storage;
  source.split(lines, '\n');
  for (StringRef line : lines)
    if (StringRef name = definedAlias(line); !name.empty())
      known.push_back(line.trim().take_front(name.size() + 1));
  for (const auto &[name, type] : aliases)
    if (none_of(known, [&](StringRef alias) { return alias.drop_front() == name; }))
      return createStringError(
          formatv("the source defines no alias '!{0}' or '#{0}'; it defines {1}", name,
                  known.empty() ? "none" : join(known, ", ")));
  for (StringRef line : lines) {
    storage.push_back(line.str());
    for (const auto &[name, type] : aliases)
      if (definedAlias(line) == name)
        storage.back() = formatv("{0}{1} = {2}", line.trim().front(), name, type);
  }
  return join(storage, "\n");
}
