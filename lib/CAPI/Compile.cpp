//===- Compile.cpp - C interface: the compiler ----------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Handles.h"
#include "tk/Compiler/Compiler.h"
#include "tk/Support/JSON.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace llvm;
using namespace tk;

static Error failOption(StringRef name, const Twine &expected) {
  return createStringError("compile option \"" + name + "\": expected " + expected +
                           ", got another value");
}

static Error readAliases(const json::Value &value, CompileOptions &options) {
  const json::Object *aliases = value.getAsObject();
  if (!aliases)
    return failOption("aliases", "an object of names and types");
  for (const auto &[name, type] : *aliases) {
    std::optional<StringRef> text = type.getAsString();
    if (!text)
      return failOption(("aliases." + StringRef(name)).str(), "a type in quotes");
    options.aliases.emplace_back(name.str(), text->str());
  }
  // Objects have no order of their own.
  llvm::sort(options.aliases);
  return Error::success();
}

static Error readFlag(StringRef name, const json::Value &value, bool &flag) {
  std::optional<bool> boolean = value.getAsBoolean();
  if (!boolean)
    return failOption(name, "true or false");
  flag = *boolean;
  return Error::success();
}

static Error readText(StringRef name, const json::Value &value, std::string &text) {
  std::optional<StringRef> string = value.getAsString();
  if (!string)
    return failOption(name, "a text in quotes");
  text = string->str();
  return Error::success();
}

static Error readNames(StringRef name, const json::Value &value, std::vector<std::string> &names) {
  const json::Array *array = value.getAsArray();
  for (const json::Value &element : array ? *array : json::Array()) {
    if (Error error = readText(name, element, names.emplace_back()))
      return error;
  }
  return array ? Error::success() : failOption(name, "a list of names");
}

static Error readOption(StringRef name, const json::Value &value, CompileOptions &options) {
  if (name == "aliases")
    return readAliases(value, options);
  if (name == "assemble")
    return readFlag(name, value, options.assemble);
  if (name == "certify")
    return readFlag(name, value, options.certify);
  if (name == "disable")
    return readNames(name, value, options.disabled);
  if (name == "tuning")
    return readText(name, value, options.tuning);
  if (name == "ptxas")
    return readText(name, value, options.ptxas);
  return createStringError("unknown compile option \"" + name +
                           "\": expected aliases, assemble, certify, disable, ptxas or tuning");
}

static Expected<CompileOptions> readOptions(const char *text) {
  CompileOptions options;
  if (!text)
    return options;
  Expected<json::Value> value = parseJSON(text);
  if (!value)
    return createStringError("compile options: expected a JSON object, got damaged JSON: " +
                             llvm::toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object)
    return createStringError("compile options: expected a JSON object, got another value");
  for (const auto &[name, option] : *object)
    if (Error error = readOption(name, option, options))
      return error;
  return options;
}

extern "C" int tkCompile(const char *source, size_t length, const char *fileName,
                         const char *optionsJson, tkPackage *package, char **diagnostics) {
  if (diagnostics)
    *diagnostics = nullptr;
  Expected<CompileOptions> options = readOptions(optionsJson);
  if (!options)
    return capi::fail(options.takeError());
  std::string messages;
  raw_string_ostream os(messages);
  Expected<Compilation> compilation = compile(StringRef(source, length), fileName, *options, os);
  if (compilation)
    for (StringRef note : split(compilation->note, '\n'))
      if (!note.empty())
        os << "note: " << note << "\n";
  if (diagnostics)
    *diagnostics = strdup(messages.c_str());
  if (!compilation)
    return capi::fail(Twine(fileName) + ": " + llvm::toString(compilation.takeError()));
  *package = new tkPackageOpaque{std::move(compilation->package), {}};
  return 0;
}
