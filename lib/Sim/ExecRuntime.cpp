//===- ExecRuntime.cpp - vprintf, malloc, free and __assertfail -----------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// What nvcc's kernels call and the driver provides, as the CUDA programming guide describes it:
/// formatted output, the device's heap, assertions.
///
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>

using namespace llvm;

namespace tk::sim {

/// Bytes that a function of the runtime reads at a generic address. False: a finding says why not.
bool Cta::readGeneric(Warp &w, const Inst &in, unsigned lane, uint64_t address, unsigned bytes,
                      const char *what, void *out) {
  Place place;
  if (!locateOne(w, in, lane, address, bytes, AccessKind::Read, Space::Generic, place))
    return false;
  memcpy(out, place.data, bytes);
  if (!areWritten(place.init, bytes)) {
    poisoned(w, in, 1u << lane, what);
    return false;
  }
  return true;
}

/// A string that ends with a zero.
bool Cta::readString(Warp &w, const Inst &in, unsigned lane, uint64_t address, const char *what,
                     std::string &out) {
  constexpr size_t kLongest = 1 << 16;
  out.clear();
  for (char c; out.size() < kLongest; out += c) {
    if (!readGeneric(w, in, lane, address + out.size(), 1, what, &c))
      return false;
    if (!c)
      break;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// vprintf
//===----------------------------------------------------------------------===//

namespace {
/// "%-8.3lld", parsed. `text` is without length modifiers.
struct Conversion {
  std::string text;
  char kind = 0;
  unsigned longs = 0;              ///< Of 64 bits if any.
  bool half = false, tiny = false; ///< h, hh
  unsigned stars = 0;
  bool isInteger() const { return StringRef("diuoxX").contains(kind); }
  bool isReal() const { return StringRef("aAeEfFgG").contains(kind); }
  /// In the buffer of arguments, where it is also the alignment.
  unsigned bytes() const {
    return isReal() || kind == 's' || kind == 'p' || (isInteger() && longs) ? 8 : 4;
  }
};
} // namespace

/// At `format[at]` stands the character after '%'. False: no conversion that is known.
static bool parseConversion(StringRef format, size_t &at, Conversion &c) {
  auto peek = [&] { return at < format.size() ? format[at] : '\0'; };
  c.text = "%";
  while (StringRef("-+ #0").contains(peek()) && peek())
    c.text += format[at++];
  auto number = [&] {
    if (peek() == '*') {
      ++c.stars;
      c.text += format[at++];
    } else
      while (isDigit(peek()))
        c.text += format[at++];
  };
  number();
  if (peek() == '.') {
    c.text += format[at++];
    number();
  }
  for (;; ++at) {
    if (peek() == 'h')
      (c.half ? c.tiny : c.half) = true;
    else if (peek() == 'l' || peek() == 'j' || peek() == 'z' || peek() == 't' || peek() == 'q')
      ++c.longs;
    else
      break;
  }
  c.kind = peek();
  if (!c.kind || !(c.isInteger() || c.isReal() || StringRef("cps").contains(c.kind)) ||
      c.text.size() > 64)
    return false;
  ++at;
  return true;
}

/// Of a width and a precision. What is wider would be printed by nobody, and takes for ever here.
static constexpr int kWidest = 65536;

static bool hasModestSizes(const Conversion &c, ArrayRef<int> stars) {
  auto isModest = [](int64_t n) { return n >= -kWidest && n <= kWidest; };
  for (StringRef rest = c.text; !rest.empty();) {
    StringRef digits = rest.take_while(isDigit);
    int64_t n;
    if (!digits.empty() && (digits.getAsInteger(10, n) || !isModest(n)))
      return false;
    rest = rest.drop_front(std::max<size_t>(digits.size(), 1));
  }
  return all_of(stars, isModest);
}

static std::string starsText(ArrayRef<int> stars) {
  std::string text;
  for (int n : stars)
    text += (text.empty() ? " with " : ", ") + std::to_string(n);
  return text;
}

template <class T>
static void print(const Conversion &c, ArrayRef<int> stars, const char *length, T v,
                  std::string &out) {
  std::string format = c.text + length + c.kind;
  auto make = [&](char *to, size_t room) {
    return stars.empty()       ? snprintf(to, room, format.c_str(), v)
           : stars.size() == 1 ? snprintf(to, room, format.c_str(), stars[0], v)
                               : snprintf(to, room, format.c_str(), stars[0], stars[1], v);
  };
  int n = make(nullptr, 0);
  if (n <= 0)
    return;
  size_t at = out.size();
  out.resize(at + size_t(n) + 1);
  make(out.data() + at, size_t(n) + 1);
  out.pop_back();
}

/// One lane's output, or why there is none.
bool Cta::formatLine(Warp &w, const Inst &in, unsigned lane, uint64_t formatAt,
                     uint64_t argumentsAt, std::string &out, int &count) {
  std::string format;
  if (!readString(w, in, lane, formatAt, "the format of printf", format))
    return false;
  uint64_t next = 0;
  auto argument = [&](unsigned bytes, uint64_t &v) {
    next = alignTo(next, bytes);
    v = 0;
    bool ok = readGeneric(w, in, lane, argumentsAt + next, bytes, "an argument of printf", &v);
    next += bytes;
    ++count;
    return ok;
  };
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    if (++at < format.size() && format[at] == '%') {
      out += format[at++];
      continue;
    }
    Conversion c;
    size_t begin = at - 1;
    if (!parseConversion(format, at, c)) {
      report("TK-SIM-PRINTF", Severity::Error, &w, 1u << lane, pcOf(in), 0,
             formatv("expected a conversion that the device's printf knows (diouxXcspaAeEfFgG), "
                     "got '{0}' in '{1}'",
                     StringRef(format).slice(begin, std::min(at + 1, format.size())),
                     StringRef(format).rtrim('\n')));
      return false;
    }
    SmallVector<int, 2> stars;
    uint64_t v;
    for (unsigned i = 0; i < c.stars; ++i) {
      if (!argument(4, v))
        return false;
      stars.push_back(int(uint32_t(v)));
    }
    if (!hasModestSizes(c, stars)) {
      report("TK-SIM-PRINTF", Severity::Error, &w, 1u << lane, pcOf(in), 0,
             formatv("expected a width and a precision of at most {0}, got '{1}'{2} in '{3}'",
                     kWidest, StringRef(format).slice(begin, at), starsText(stars),
                     StringRef(format).rtrim('\n')));
      return false;
    }
    if (!argument(c.bytes(), v))
      return false;
    if (c.isReal())
      print(c, stars, "", std::bit_cast<double>(v), out);
    else if (c.kind == 's') {
      std::string text;
      if (!readString(w, in, lane, v, "a string that printf prints", text))
        return false;
      print(c, stars, "", text.c_str(), out);
    } else if (c.kind == 'p')
      print(c, stars, "", reinterpret_cast<void *>(v), out);
    else if (c.kind == 'c')
      print(c, stars, "", int(uint32_t(v)), out);
    else
      print(c, stars,
            c.longs  ? "ll"
            : c.tiny ? "hh"
            : c.half ? "h"
                     : "",
            static_cast<unsigned long long>(v), out);
  }
  return true;
}

void Cta::write(StringRef text) {
  size_t room =
      ctx.options.printfBytes - std::min<size_t>(ctx.options.printfBytes, out->output.size());
  out->output += text.take_front(room);
  out->outputDropped += text.size() - std::min(text.size(), room);
}

//===----------------------------------------------------------------------===//
// The heap
//===----------------------------------------------------------------------===//

uint64_t Cta::allocate(Warp &w, const Inst &in, unsigned lane, uint64_t bytes) {
  std::array<uint32_t, 3> cta = ctaOf(w.cta);
  uint64_t used = ctx.memory->heapUsed(), limit = ctx.options.heapBytes;
  if (uint64_t a =
          ctx.memory->allocateOnHeap(bytes, limit,
                                     formatv("malloc at line {0} by CTA ({1}, {2}, {3}) thread {4}",
                                             in.line, cta[0], cta[1], cta[2], w.local * 32 + lane)
                                         .str()))
    return a;
  report(
      "TK-SIM-HEAP-FULL", Severity::Note, &w, 1u << lane, pcOf(in), 0,
      formatv(
          "malloc of {0} bytes gives null: {1} of the heap's {2} bytes are in use (--heap-bytes)",
          bytes, used, limit));
  return 0;
}

void Cta::release(Warp &w, const Inst &in, unsigned lane, uint64_t address) {
  HeapFault fault = ctx.memory->freeOnHeap(address, fn.usesBulk);
  if (!address || fault == HeapFault::None)
    return;
  const char *why = fault == HeapFault::Twice ? "is freed already"
                    : fault == HeapFault::Inside
                        ? "lies inside what malloc gave and is not its start"
                        : "is nothing that malloc gave";
  report("TK-SIM-HEAP-FREE", Severity::Error, &w, 1u << lane, pcOf(in), 0,
         formatv("free of {0}, which {1}; free what malloc gave, once",
                 spaceAddress(address, Space::Global), why));
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

/// "x.cu:12: function: block: [0,0,0], thread: [1,0,0] Assertion `…` failed.", as the driver prints
/// it.
void Cta::failAssertion(Warp &w, const Inst &in, unsigned lane, ArrayRef<uint64_t> arguments) {
  std::string text[3];
  constexpr unsigned places[3] = {0, 1, 3};
  for (unsigned i = 0; i < 3; ++i)
    if (!readString(w, in, lane, arguments[places[i]], "a text of an assertion", text[i]))
      text[i] = "?";
  std::array<uint32_t, 3> cta = ctaOf(w.cta);
  unsigned t = w.local * 32 + lane;
  auto &block = ctx.launch.block;
  std::string who = formatv("block ({0}, {1}, {2}) thread ({3}, {4}, {5})", cta[0], cta[1], cta[2],
                            t % block[0], t / block[0] % block[1], t / (block[0] * block[1]));
  Finding *f = report("TK-SIM-ASSERT", Severity::Error, &w, 1u << lane, pcOf(in), 0,
                      formatv("assertion '{0}' failed at {1}:{2} in '{3}' by {4}", text[0], text[1],
                              uint32_t(arguments[2]), text[2], who));
  constexpr size_t kShown = 8;
  auto at = out->findingAt.find({"TK-SIM-ASSERT", pcOf(in), 0});
  if (!f && at != out->findingAt.end()) {
    Finding &known = out->findings[at->second].second;
    known.lanes |= 1u << lane;
    if (known.details.size() < kShown)
      known.details.push_back("also by " + who);
  }
  stop = true;
}

void Cta::callRuntime(Warp &w, const Inst &in, const CallSpec &call, uint32_t mask) {
  constexpr const char *kNames[] = {"", "an argument of printf", "the size of malloc",
                                    "the address of free", "an argument of an assertion"};
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    uint64_t frame = call.frame.present() ? value(w, call.frame, l) : 0;
    SmallVector<uint64_t, 5> arguments;
    bool known = true;
    for (const Passed &p : call.arguments) {
      uint64_t v = 0;
      uint8_t init[8];
      known &=
          readPassed(w, p, l, frame, reinterpret_cast<uint8_t *>(&v), init, std::min(p.bytes, 8u));
      arguments.push_back(v);
    }
    if (!known)
      poisoned(w, in, 1u << l, kNames[unsigned(call.runtime)]);
    uint64_t result = 0;
    switch (call.runtime) {
    case Runtime::Vprintf: {
      std::string text;
      int count = 0;
      bool ok = known && formatLine(w, in, l, arguments[0], arguments[1], text, count);
      write(text);
      result = ok ? uint32_t(count) : ~0u;
      break;
    }
    case Runtime::Malloc:
      result = known && arguments[0] ? allocate(w, in, l, arguments[0]) : 0;
      break;
    case Runtime::Free:
      if (known)
        release(w, in, l, arguments[0]);
      break;
    case Runtime::AssertFail:
      failAssertion(w, in, l, arguments);
      break;
    case Runtime::None:
      break;
    }
    constexpr uint8_t init[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (const Passed &p : call.results)
      writePassed(w, p, l, frame, reinterpret_cast<const uint8_t *>(&result), init);
  }
}

} // namespace tk::sim
