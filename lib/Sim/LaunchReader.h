//===- LaunchReader.h - Reading launch files --------------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// JSON with the place of every value at hand, so that each error can name file, path and remedy. A
/// path is what leads from the top of the file to a value: `launches[0].params[2].fields[1]`.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_LAUNCHREADER_H
#define TK_LIB_SIM_LAUNCHREADER_H

#include "LaneOps.h"
#include "tk/Sim/LaunchFile.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

namespace tk::sim {

inline std::string pathOf(llvm::StringRef parent, llvm::StringRef key) {
  return parent.empty() ? key.str() : (parent + "." + key).str();
}
inline std::string pathOf(llvm::StringRef parent, size_t index) {
  return (parent + "[" + llvm::Twine(index) + "]").str();
}

/// "'a', 'b'", or "none".
std::string quotedList(llvm::ArrayRef<llvm::StringRef> names);

class LaunchReader {
public:
  explicit LaunchReader(llvm::StringRef file) : file(file) {}

  llvm::Error fail(llvm::StringRef path, const llvm::Twine &message) const;
  /// Every key of the object is one of these, or "comment".
  llvm::Error known(const llvm::json::Object &o, llvm::StringRef path,
                    llvm::ArrayRef<llvm::StringRef> keys) const;
  /// The value as an object, or an error that names what is there instead.
  llvm::Expected<const llvm::json::Object *> object(const llvm::json::Value &v,
                                                    llvm::StringRef path) const;
  llvm::Expected<llvm::StringRef> string(const llvm::json::Value &v, llvm::StringRef path) const;
  /// That of a key that may be absent, which is then null.
  llvm::Expected<const llvm::json::Object *>
  object(const llvm::json::Object &o, llvm::StringRef key, llvm::StringRef path) const;
  llvm::Expected<std::optional<llvm::StringRef>>
  string(const llvm::json::Object &o, llvm::StringRef key, llvm::StringRef path) const;

  /// A variable above 2^63 - 1, which stands alone and in no expression.
  std::optional<uint64_t> largeVariable(const llvm::json::Value &v) const;
  llvm::Error readVariables(const llvm::json::Object &root);
  /// A number, or an expression over the variables.
  llvm::Expected<int64_t> integer(const llvm::json::Value &v, llvm::StringRef path) const;
  llvm::Expected<int64_t> integer(const llvm::json::Value &v, llvm::StringRef path, int64_t low,
                                  int64_t high) const;
  /// The integer of a key, or `otherwise` where it is absent.
  llvm::Expected<int64_t> integer(const llvm::json::Object &o, llvm::StringRef key,
                                  llvm::StringRef path, int64_t low, int64_t high,
                                  int64_t otherwise) const;
  /// A number, an expression, which is computed in reals, or "nan", "inf" and "-inf".
  llvm::Expected<double> real(const llvm::json::Value &v, llvm::StringRef path) const;
  /// A power of two.
  llvm::Expected<uint64_t> alignment(const llvm::json::Object &o, llvm::StringRef path,
                                     uint64_t otherwise) const;

private:
  /// T: int64_t, where / and % cut off as in C, or double.
  template <class T>
  llvm::Expected<T> evaluate(llvm::StringRef all, llvm::StringRef path) const;
  template <class T>
  llvm::Expected<T> expression(llvm::StringRef &text, llvm::StringRef path, unsigned level,
                               unsigned depth) const;
  template <class T>
  llvm::Expected<T> operand(llvm::StringRef &text, llvm::StringRef path, unsigned depth) const;

  std::string file;
  llvm::StringMap<int64_t> vars;
  llvm::StringMap<uint64_t> largeVars;
};

/// How an error shows the value that it found.
std::string shown(const llvm::json::Value &v);

/// A number without a fraction that 64 bits with a sign hold.
std::optional<int64_t> wholeNumber(const llvm::json::Value &v);

/// A type of elements and of scalar parameters.
struct ElementType {
  enum Kind : uint8_t { Bits, Bool, Unsigned, Signed, Real } kind;
  Ty ty; ///< Of reals.
  uint8_t bytes;
  llvm::StringRef name, npy,
      safetensors; ///< Its name here, and in files; empty where those have none.
};

/// Null: there is none of that name.
const ElementType *elementType(llvm::StringRef name);
/// The names that arrays and scalars may have, for messages.
std::string elementTypeNames();
/// Of an array in a file, where its own type says enough; null otherwise (void types, complex
/// numbers, …).
const ElementType *elementTypeOfNpy(llvm::StringRef descr);
const ElementType *elementTypeOfSafetensors(llvm::StringRef name);

/// The element at `data`. A long double holds every value of every type.
long double elementValue(const ElementType &type, const uint8_t *data);
/// The same as text, in as few digits as say it.
std::string elementText(const ElementType &type, const uint8_t *data);
/// "[1, 2]" of the element with that number.
std::string elementIndex(llvm::ArrayRef<uint64_t> shape, uint64_t number);

/// Reads one tensor of a .safetensors file. `type` becomes what the file says of it.
llvm::Expected<NpyArray> readSafetensors(llvm::StringRef path, llvm::StringRef tensor,
                                         const ElementType *&type);

} // namespace tk::sim

#endif // TK_LIB_SIM_LAUNCHREADER_H
