//===- JoinPTX.cpp - One module of several --------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/PTX.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace {

/// Takes texts of one function each, as LLVM writes them.
class Joiner {
public:
  void add(StringRef text, unsigned function);
  std::string finish();

private:
  void addLine(StringRef line, unsigned function, const SmallVector<unsigned> &files);
  SmallVector<unsigned> addFiles(StringRef text);
  std::string renumber(StringRef &line, unsigned function);

  std::string header, declarations, body, end;
  StringSet<> known;
  unsigned temporaries = 0, own = 0; ///< `$L__tmp` labels of the functions before, and of this one.
  StringMap<unsigned> files;         ///< By the line after its number.
};

} // namespace

/// The numbers that a text's files have in the whole: `.file` lines stand at its end.
SmallVector<unsigned> Joiner::addFiles(StringRef text) {
  SmallVector<unsigned> numbers{0};
  for (StringRef rest = text; !rest.empty();) {
    StringRef line;
    std::tie(line, rest) = rest.split('\n');
    unsigned number;
    if (!line.consume_front("\t.file\t") || line.consumeInteger(10, number))
      continue;
    auto [found, isNew] = files.try_emplace(line, unsigned(files.size() + 1));
    if (isNew)
      end += "\t.file\t" + std::to_string(found->second) + line.str() + "\n";
    if (numbers.size() <= number)
      numbers.resize(number + 1);
    numbers[number] = found->second;
  }
  return numbers;
}

/// Takes a label off the front of `line`, if one stands there. LLVM numbers those of a function
/// after its place in the module (`$L__BB0_12`, `$L__func_end0`, `__local_depot0`), and temporary
/// ones through the module.
std::string Joiner::renumber(StringRef &line, unsigned function) {
  if (!line.starts_with("$L__") && !line.starts_with("__local_depot"))
    return "";
  for (StringRef known : {"$L__BB", "$L__func_begin", "$L__func_end", "$L__tmp", "__local_depot"}) {
    StringRef rest = line;
    unsigned number;
    if (!rest.consume_front(known) || rest.consumeInteger(10, number))
      continue;
    line = rest;
    bool isTemporary = known == "$L__tmp";
    if (isTemporary)
      own = std::max(own, number + 1);
    return known.str() + std::to_string(isTemporary ? temporaries + number : function);
  }
  return "";
}

void Joiner::addLine(StringRef line, unsigned function, const SmallVector<unsigned> &numbers) {
  StringRef location = line;
  unsigned file;
  if (location.consume_front("\t.loc\t") && !location.consumeInteger(10, file) &&
      file < numbers.size()) {
    body += "\t.loc\t" + std::to_string(numbers[file]) + location.str() + "\n";
    return;
  }
  char before = ' ';
  while (!line.empty()) {
    // A label is a word of its own: names of kernels may hold the same characters.
    bool isWord = !isAlnum(before) && before != '_' && before != '$';
    std::string label = isWord ? renumber(line, function) : "";
    if (label.empty()) {
      label = line.take_front().str();
      line = line.drop_front();
    }
    body += label;
    before = label.back();
  }
  body += "\n";
}

void Joiner::add(StringRef text, unsigned function) {
  SmallVector<unsigned> numbers = addFiles(text);
  // What all functions share comes before the first one's name, and what is declared behind it.
  enum { Header, Declarations, Body } place = Header;
  for (StringRef rest = text; !rest.empty();) {
    StringRef line;
    std::tie(line, rest) = rest.split('\n');
    if (place == Header) {
      bool isName = line.starts_with("\t// .globl");
      place = isName ? Declarations : Header;
      if (function == 0)
        header += line.str() + "\n";
      else if (isName)
        body += line.str() + "\n";
    } else if (place == Declarations && (line.empty() || line.starts_with(".extern"))) {
      if (!line.empty() && known.insert(line).second)
        declarations += line.str() + "\n";
    } else if (line.starts_with("\t.section")) {
      if (known.insert(line).second)
        end = line.str() + "\n" + end;
    } else if (!line.starts_with("\t.file\t")) {
      place = Body;
      addLine(line, function, numbers);
    }
  }
  temporaries += own;
  own = 0;
}

std::string Joiner::finish() {
  if (!declarations.empty())
    declarations += "\n";
  return header + declarations + body + end;
}

std::string tk::joinPTX(ArrayRef<std::string> functions) {
  Joiner joiner;
  for (auto [index, text] : enumerate(functions))
    joiner.add(text, unsigned(index));
  return joiner.finish();
}
