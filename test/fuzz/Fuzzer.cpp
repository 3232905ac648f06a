//===- Fuzzer.cpp - libFuzzer's entry points ------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Compiled once for each target; TK_FUZZ_TARGET says which. The targets that read PTX change it
/// line by line and word by word, since bytes changed at random seldom get beyond the lexer.
///
//===----------------------------------------------------------------------===//

#include "Targets.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace llvm;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
#ifdef TK_FUZZ_LAUNCH
  static const std::string dir = [] {
    SmallString<128> path;
    if (sys::fs::createUniqueDirectory("tk-fuzz", path))
      abort();
    return path.str().str();
  }();
  tk::sim::fuzz::launch(text, dir);
#else
  tk::sim::fuzz::TK_FUZZ_TARGET(text);
#endif
  return 0;
}

#ifndef TK_FUZZ_LAUNCH

namespace {

/// The instructions of test/Sim/coverage/forms.py, one or a few a line.
const std::vector<std::string> &knownLines() {
  static const std::vector<std::string> lines = [] {
    std::vector<std::string> out = {
        "{",           "}",         "$l:", "$m:", "bra $l;", "@%p0 bra $m;", "@!%p1 bra $l;",
        "bar.sync 0;", "@%p1 exit;"};
    if (auto file = MemoryBuffer::getFile(TK_FUZZ_LINES)) {
      SmallVector<StringRef> parts;
      (*file)->getBuffer().split(parts, '\n', -1, false);
      for (StringRef part : parts)
        out.push_back(part.str());
    }
    return out;
  }();
  return lines;
}

const char *const kNumbers[] = {"0",
                                "1",
                                "2",
                                "3",
                                "-1",
                                "7",
                                "8",
                                "15",
                                "16",
                                "31",
                                "32",
                                "33",
                                "64",
                                "127",
                                "255",
                                "256",
                                "1024",
                                "4095",
                                "65535",
                                "65536",
                                "2147483647",
                                "2147483648",
                                "0xffffffff",
                                "4294967296",
                                "0x7fffffffffffffff",
                                "0xffffffffffffffff",
                                "-9223372036854775808",
                                "1.5",
                                "0f7FC00000",
                                "0fFF800000",
                                "0d7FF0000000000000"};

bool isWord(char c) {
  return isalnum(uint8_t(c)) || c == '_' || c == '$' || c == '%' || c == '.' || c == ':';
}

/// Where the words of a line begin and end.
std::vector<std::pair<size_t, size_t>> wordsOf(const std::string &line) {
  std::vector<std::pair<size_t, size_t>> words;
  for (size_t i = 0; i < line.size();) {
    size_t begin = i;
    while (i < line.size() && isWord(line[i]))
      ++i;
    if (i > begin)
      words.push_back({begin, i});
    else
      ++i;
  }
  return words;
}

class Mutator {
public:
  explicit Mutator(unsigned seed) : rng(seed) {}
  std::string mutate(StringRef text);

private:
  size_t below(size_t n) { return n ? rng() % n : 0; }
  template <class T>
  const T &one(const std::vector<T> &list) {
    return list[below(list.size())];
  }
  void mutateLine(std::string &line);
  void mutateModifier(std::string &line, size_t begin, size_t end);

  std::minstd_rand rng;
};

/// Drops a modifier of a word, doubles it, or takes one of another.
void Mutator::mutateModifier(std::string &line, size_t begin, size_t end) {
  std::string word = line.substr(begin, end - begin);
  size_t dot = word.find('.', 1 + below(word.size()));
  if (dot == std::string::npos)
    dot = word.find('.');
  if (dot == std::string::npos)
    return;
  size_t next = std::min(word.find('.', dot + 1), word.size());
  if (below(3) == 0)
    word.erase(dot, next - dot);
  else {
    const std::string &other = one(knownLines());
    auto words = wordsOf(other);
    if (words.empty())
      return;
    StringRef from = StringRef(other).slice(words[0].first, words[0].second);
    SmallVector<StringRef> parts;
    from.split(parts, '.');
    if (parts.size() < 2)
      return;
    std::string part = "." + parts[1 + below(parts.size() - 1)].str();
    word = below(2) ? word.substr(0, dot) + part + word.substr(next)
                    : word.substr(0, dot) + part + word.substr(dot);
  }
  line.replace(begin, end - begin, word);
}

void Mutator::mutateLine(std::string &line) {
  auto words = wordsOf(line);
  if (words.empty())
    return;
  auto [begin, end] = one(words);
  switch (below(5)) {
  case 0:
    return mutateModifier(line, begin, end);
  case 1: // a number
    for (auto [b, e] : words)
      if ((isdigit(uint8_t(line[b])) || line[b] == '-') && below(2)) {
        begin = b;
        end = e;
      }
    line.replace(begin, end - begin, kNumbers[below(std::size(kNumbers))]);
    return;
  case 2: { // a word of this line in the place of another
    auto [b, e] = one(words);
    line.replace(begin, end - begin, line.substr(b, e - b));
    return;
  }
  case 3: { // a word of another line
    const std::string &other = one(knownLines());
    auto theirs = wordsOf(other);
    if (!theirs.empty()) {
      auto [b, e] = one(theirs);
      line.replace(begin, end - begin, other.substr(b, e - b));
    }
    return;
  }
  default: { // punctuation
    static const char kMarks[] = "{}[](),;:+-!|<>=@~?/*&^ ";
    size_t at = below(line.size());
    if (below(2))
      line.insert(at, 1, kMarks[below(sizeof kMarks - 1)]);
    else
      line.erase(at, 1);
  }
  }
}

std::string Mutator::mutate(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, '\n');
  std::vector<std::string> lines;
  for (StringRef part : parts)
    lines.push_back(part.str());
  for (size_t n = 1 + below(4); n; --n) {
    size_t at = below(lines.size());
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
      lines.insert(lines.begin() + ptrdiff_t(at), one(knownLines()));
      break;
    case 3:
      if (lines.size() > 1)
        lines.erase(lines.begin() + ptrdiff_t(at));
      break;
    case 4:
      lines.insert(lines.begin() + ptrdiff_t(at), std::string(one(lines)));
      break;
    case 5:
      std::swap(lines[at], lines[below(lines.size())]);
      break;
    default:
      mutateLine(lines[at]);
    }
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i)
    out += (i ? "\n" : "") + lines[i];
  return out;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  if (seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string out = Mutator(seed).mutate(StringRef(reinterpret_cast<const char *>(data), size));
  out.resize(std::min(out.size(), maxSize));
  memcpy(data, out.data(), out.size());
  return out.size();
}

#endif
