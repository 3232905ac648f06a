//===- PackageTest.cpp - The kernel package round trip and its damages ----===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SamplePackage.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include <functional>
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

TEST(Package, RoundTripKeepsEverything) {
  Package package = makeSamplePackage();
  std::string text = serializePackage(package);
  Expected<Package> back = parsePackage(text, "gemm.tkpkg");
  ASSERT_TRUE(static_cast<bool>(back)) << llvm::toString(back.takeError());
  EXPECT_EQ(serializePackage(*back), text);
  EXPECT_EQ(back->ptx, package.ptx);
  EXPECT_EQ(back->cubin, package.cubin);
  const Kernel *kernel = back->findKernel("gemm");
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(kernel->arguments[1].strides, (std::vector<int64_t>{1, Argument::kDynamic}));
  EXPECT_EQ(kernel->arguments[0].strideOffsets, (std::vector<int64_t>{24, -1}));
  EXPECT_FALSE(kernel->arguments[2].read);
  EXPECT_EQ(kernel->variants[0].preconditions[0].why, "no tail in K");
  EXPECT_FALSE(kernel->variants[0].resources.has_value());
  ASSERT_EQ(kernel->variants[0].tensorMaps.size(), 2u);
  EXPECT_TRUE(kernel->variants[1].tensorMaps.empty());
  const TensorMap &map = kernel->variants[0].tensorMaps[1];
  EXPECT_EQ(map.argument, 1u);
  EXPECT_EQ(map.offset, 256);
  EXPECT_EQ(map.type, ElementType::BF16);
  ASSERT_EQ(map.dimensions.size(), 2u);
  EXPECT_EQ(map.dimensions[1].box, 256);
  EXPECT_EQ(map.dimensions[1].stride.op, Expr::Op::Stride);
  EXPECT_EQ(map.swizzle, 128);
  EXPECT_EQ(kernel->variants[0].tensorMaps[0].l2Promotion, 256);
  EXPECT_TRUE(map.fillNaN);
  EXPECT_FALSE(kernel->variants[0].tensorMaps[0].fillNaN);
  EXPECT_EQ(kernel->variants[1].resources->registers, 168);
  EXPECT_EQ(kernel->variants[1].bankProofs[0].instructions, 8);
  EXPECT_EQ(kernel->variants[1].barrierProofs[0].name, "A full");
  EXPECT_EQ(kernel->variants[1].barrierProofs[0].offset, 229376);
  EXPECT_EQ(kernel->variants[1].barrierProofs[0].perTile, 2);
  EXPECT_EQ(kernel->variants[1].sharedBuffers[1].location, "gemm.mlir:21:10");
}

TEST(Package, WritingIsDeterministicAndEndsInANewline) {
  std::string text = serializePackage(makeSamplePackage());
  EXPECT_EQ(text, serializePackage(makeSamplePackage()));
  EXPECT_EQ(text.back(), '\n');
}

TEST(Package, TextThatIsNoUnicodeIsRepaired) {
  Package package = makeSamplePackage();
  package.remarks[0].message = "bad \xFF byte";
  EXPECT_EQ(getMessage(parsePackage(serializePackage(package), "p")), "success");
}

TEST(Package, EveryTruncationIsAnError) {
  std::string text = serializePackage(makeSamplePackage());
  // Without its last newline the file is still whole.
  for (size_t length = 0; length + 1 < text.size(); ++length) {
    std::string message =
        getMessage(parsePackage(StringRef(text).take_front(length), "gemm.tkpkg"));
    ASSERT_TRUE(StringRef(message).starts_with("gemm.tkpkg: ")) << length << ": " << message;
  }
}

TEST(Package, EveryDamagedByteIsAnErrorOrChangesNothing) {
  std::string text = serializePackage(makeSamplePackage());
  for (size_t i = 0; i < text.size(); ++i)
    for (unsigned char mask : {0x01, 0x02, 0x10, 0x80}) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      Expected<Package> package = parsePackage(damaged, "gemm.tkpkg");
      if (!package)
        consumeError(package.takeError());
      else
        ASSERT_EQ(serializePackage(*package), text) << "byte " << i;
    }
}

TEST(Package, DeepNestingDoesNotExhaustTheStack) {
  std::string text(1 << 20, '[');
  EXPECT_EQ(getMessage(parsePackage(text, "p")),
            "p: expected a kernel package, got damaged JSON: JSON nested more than 256 deep");
}

//===----------------------------------------------------------------------===//
// Ill-typed and ill-valued fields, by path
//===----------------------------------------------------------------------===//

/// Edits the JSON of the sample before it is read back.
static std::string readEdited(const std::function<void(json::Object &)> &edit) {
  json::Value value = cantFail(json::parse(serializePackage(makeSamplePackage())));
  edit(*value.getAsObject());
  std::string text;
  raw_string_ostream(text) << value;
  return getMessage(parsePackage(text, "g"));
}

static json::Object &kernelOf(json::Object &root) {
  return *(*root.getArray("kernels"))[0].getAsObject();
}
static json::Object &argumentOf(json::Object &root, size_t index) {
  return *(*kernelOf(root).getArray("arguments"))[index].getAsObject();
}
static json::Object &variantOf(json::Object &root, size_t index) {
  return *(*kernelOf(root).getArray("variants"))[index].getAsObject();
}

/// Edits the sample itself, so that the checksum is right and only the verifier can complain.
static std::string readChanged(const std::function<void(Package &)> &change) {
  Package package = makeSamplePackage();
  change(package);
  return getMessage(parsePackage(serializePackage(package), "g"));
}

TEST(PackageErrors, Envelope) {
  EXPECT_EQ(getMessage(parsePackage("[]", "g")), "g: expected a kernel package, got an array of 0");
  EXPECT_EQ(getMessage(parsePackage("{}", "g")), "g: format: expected \"tkpkg\", got nothing");
  EXPECT_EQ(readEdited([](json::Object &root) { root["version"] = 7; }),
            "g: version: expected 5, got 7; compile the kernel again, or use the tk that wrote it");
  EXPECT_EQ(readEdited([](json::Object &root) { root["version"] = 1; }),
            "g: version: expected 5, got 1; compile the kernel again, or use the tk that wrote it");
  EXPECT_EQ(readEdited([](json::Object &root) { root["extra"] = 1; }),
            "g: extra: expected no such field, got 1");
  std::string message = readEdited([](json::Object &root) { root["ptx"] = "other"; });
  EXPECT_TRUE(StringRef(message).starts_with("g: checksum: expected \"sha256:")) << message;
  EXPECT_TRUE(
      StringRef(message).ends_with("the file is damaged, or was edited: compile the kernel again"))
      << message;
  EXPECT_EQ(readEdited([](json::Object &root) { root["cubin"] = "???"; }),
            "g: cubin: expected bytes in base64, got \"???\"");
}

TEST(PackageErrors, TypesNameTheJsonPath) {
  EXPECT_EQ(readEdited([](json::Object &root) { argumentOf(root, 1)["strides"] = "none"; }),
            "g: kernels[0].arguments[1].strides: expected an array, got \"none\"");
  EXPECT_EQ(
      readEdited([](json::Object &root) { argumentOf(root, 1)["strides"] = json::Array{1, 2.5}; }),
      "g: kernels[0].arguments[1].strides[1]: expected an integer, got 2.5");
  EXPECT_EQ(readEdited([](json::Object &root) { argumentOf(root, 0)["type"] = "f31"; }),
            "g: kernels[0].arguments[0].type: expected an element type such as \"bf16\" or "
            "\"f32\", got \"f31\"");
  EXPECT_EQ(readEdited([](json::Object &root) { argumentOf(root, 0).erase("name"); }),
            "g: kernels[0].arguments[0].name: expected a string, got nothing");
  EXPECT_EQ(readEdited([](json::Object &root) { variantOf(root, 1)["grid"] = json::Array{1}; }),
            "g: kernels[0].variants[1].grid: expected an array of 3, got an array of 1");
  EXPECT_EQ(readEdited([](json::Object &root) {
              variantOf(root, 1)["grid"] = json::Array{1, json::Array{"add", 1}, 1};
            }),
            "g: kernels[0].variants[1].grid[1]: expected 2 operands of \"add\", got nothing");
  EXPECT_EQ(readEdited([](json::Object &root) {
              variantOf(root, 1)["grid"] = json::Array{1, json::Array{"pow", 1}, 1};
            }),
            "g: kernels[0].variants[1].grid[1][0]: expected the name of an operator, got \"pow\"");
  EXPECT_EQ(readEdited([](json::Object &root) { variantOf(root, 1)["resources"] = true; }),
            "g: kernels[0].variants[1].resources: expected an object, got true");
}

TEST(PackageErrors, ListsFollowTheRank) {
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[1].strides.push_back(1); }),
            "g: kernels[0].arguments[1].strides: expected an array of 2, one per dimension, got an "
            "array of 3");
  EXPECT_EQ(
      readChanged([](Package &p) { p.kernels[0].arguments[3].symbols.push_back("M"); }),
      "g: kernels[0].arguments[3].symbols: expected an array of 0 for a scalar, got an array of 1");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[0].sizes.clear(); }),
            "g: kernels[0].arguments[0].sizes: expected 1 to 5 dimensions, got 0");
}

TEST(PackageErrors, Values) {
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[0].align = 24; }),
            "g: kernels[0].arguments[0].align: expected a power of two, got 24");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[0].sizes[1] = -3; }),
            "g: kernels[0].arguments[0].sizes[1]: expected an integer from 0 to "
            "9223372036854775807, got -3");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[1].name = "A"; }),
            "g: kernels[0].arguments[1].name: expected names that differ, got \"A\" twice");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].variants[0].block = {1024, 2, 1}; }),
            "g: kernels[0].variants[0].block: expected at most 1024 threads, got 2048");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].variants.pop_back(); }),
            "g: kernels[0].variants[0].preconditions: expected none, for the last variant must "
            "always run, got 2");
  EXPECT_EQ(
      readChanged([](Package &p) { p.kernels[0].variants[1].entry = "gemm_fast"; }),
      "g: kernels[0].variants[1].entry: expected entries that differ, got \"gemm_fast\" twice");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].variants.clear(); }),
            "g: kernels[0].variants: expected at least one variant, got none");
  EXPECT_EQ(readChanged([](Package &p) { p.ptx.clear(), p.cubin.clear(); }),
            "g: ptx: expected PTX, or a cubin beside it, got neither");
}

TEST(PackageErrors, OffsetsStayInsideTheParameters) {
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[2].strideOffsets[0] = 380; }),
            "g: kernels[0].arguments[2].stride_offsets[0]: expected an integer from 0 to 376, got "
            "380 (the parameters of "
            "\"gemm_fast\" have 384 bytes)");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].arguments[4].offset = 98; }),
            "g: kernels[0].arguments[4].offset: expected bytes that no other parameter takes, got "
            "98, inside "
            "kernels[0].arguments[3].offset");
}

TEST(PackageErrors, TensorMaps) {
  auto change = [](const std::function<void(TensorMap &)> &edit) {
    std::string message =
        readChanged([&](Package &p) { edit(p.kernels[0].variants[0].tensorMaps[1]); });
    StringRef rest = message;
    EXPECT_TRUE(rest.consume_front("g: kernels[0].variants[0].tensor_maps[1].")) << message;
    return rest.str();
  };
  EXPECT_EQ(change([](TensorMap &map) { map.argument = 3; }),
            "argument: expected the index of a view, got 3");
  EXPECT_EQ(change([](TensorMap &map) { map.argument = 5; }),
            "argument: expected the index of a view, got 5");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = -1; }),
            "offset: expected a multiple of 64, got -1");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 272; }),
            "offset: expected a multiple of 64, got 272");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 320; }),
            "offset: expected an integer from 0 to 256, got 320 (the parameters of \"gemm_fast\" "
            "have 384 bytes)");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 192; }),
            "offset: expected bytes that no other parameter takes, got 192, inside "
            "kernels[0].variants[0].tensor_maps[0].offset");
  EXPECT_EQ(change([](TensorMap &map) { map.offset = 64; }),
            "offset: expected bytes that no other parameter takes, got 64, inside "
            "kernels[0].arguments[2].offset");
  EXPECT_EQ(change([](TensorMap &map) { map.type = ElementType::E4M3; }),
            "type: expected a type that tensor maps have (fp8, i8 and i1 go as \"ui8\", i16 as "
            "\"ui16\"), got \"f8E4M3FN\"");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions.clear(); }),
            "dimensions: expected 1 to 5 dimensions, got 0");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions.resize(6); }),
            "dimensions: expected 1 to 5 dimensions, got 6");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[1].size = Expr::size(0, 2); }),
            "dimensions[1].size: expected a dimension of the view \"A\", got dimension 2");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[1].stride = Expr::scalar(3); }),
            "dimensions[1].stride: expected an integer scalar, got \"alpha\"");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[0].stride = Expr::stride(0, 1); }),
            "dimensions[0].stride: expected 1, got A.stride[1]");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[1].box = 257; }),
            "dimensions[1].box: expected an integer from 1 to 256, got 257");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[0].box = 0; }),
            "dimensions[0].box: expected an integer from 1 to 256, got 0");
  EXPECT_EQ(change([](TensorMap &map) { map.dimensions[0].box = 60; }),
            "dimensions[0].box: expected a multiple of 16 bytes, got 120");
  EXPECT_EQ(change([](TensorMap &map) { map.swizzle = 64; }),
            "dimensions[0].box: expected at most 64 bytes, the span of the swizzle, got 128");
  EXPECT_EQ(change([](TensorMap &map) { map.swizzle = 16; }),
            "swizzle: expected 0, 32, 64 or 128, got 16");
  EXPECT_EQ(change([](TensorMap &map) { map.l2Promotion = 32; }),
            "l2_promotion: expected 0, 64, 128 or 256, got 32");
  EXPECT_EQ(change([](TensorMap &map) { map.type = ElementType::U16; }),
            "fill: expected \"zero\" for an integer type, got \"nan\"");
  EXPECT_EQ(readEdited([](json::Object &root) {
              (*(*variantOf(root, 0).getArray("tensor_maps"))[0].getAsObject())["fill"] = "one";
            }),
            "g: kernels[0].variants[0].tensor_maps[0].fill: expected \"zero\" or \"nan\", got "
            "\"one\"");
  EXPECT_EQ(readEdited([](json::Object &root) { variantOf(root, 1).erase("tensor_maps"); }),
            "g: kernels[0].variants[1].tensor_maps: expected an array, got nothing");
}

/// The first variant passes sums on; its address comes behind the tensor maps.
static Variant &addWorkspace(Package &package) {
  Variant &variant = package.kernels[0].variants[0];
  variant.parameterBytes = 392;
  variant.workspace = {131072, 2, 384};
  return variant;
}

TEST(Package, AWorkspaceComesBack) {
  Package package = makeSamplePackage();
  addWorkspace(package);
  std::string text = serializePackage(package);
  Expected<Package> back = parsePackage(text, "gemm.tkpkg");
  ASSERT_TRUE(static_cast<bool>(back)) << llvm::toString(back.takeError());
  EXPECT_EQ(serializePackage(*back), text);
  ASSERT_TRUE(back->kernels[0].variants[0].workspace.has_value());
  EXPECT_EQ(back->kernels[0].variants[0].workspace->bytes, 131072);
  EXPECT_EQ(back->kernels[0].variants[0].workspace->flags, 2);
  EXPECT_FALSE(back->kernels[0].variants[1].workspace.has_value());
  json::Value root = cantFail(json::parse(text));
  EXPECT_EQ(*variantOf(*root.getAsObject(), 0).get("workspace"),
            cantFail(json::parse(R"({"bytes": 131072, "flags": 2, "offset": 384})")));
  EXPECT_EQ(*variantOf(*root.getAsObject(), 1).get("workspace"), json::Value(nullptr));
}

TEST(PackageErrors, Workspace) {
  auto change = [](const std::function<void(Workspace &)> &edit) {
    std::string message = readChanged([&](Package &p) { edit(*addWorkspace(p).workspace); });
    StringRef rest = message;
    EXPECT_TRUE(rest.consume_front("g: kernels[0].variants[0].workspace.")) << message;
    return rest.str();
  };
  EXPECT_EQ(change([](Workspace &w) { w.bytes = 0; }),
            "bytes: expected an integer from 1 to 2147483647, got 0");
  EXPECT_EQ(change([](Workspace &w) { w.bytes = 1000; }),
            "bytes: expected a multiple of 16 for each of 2 flags, got 1000");
  EXPECT_EQ(change([](Workspace &w) { w.flags = 0; }),
            "flags: expected an integer from 1 to 2147483647, got 0");
  EXPECT_EQ(change([](Workspace &w) { w.offset = 385; }),
            "offset: expected an integer from 0 to 384, got 385 (the parameters of \"gemm_fast\" "
            "have 392 bytes)");
  EXPECT_EQ(change([](Workspace &w) { w.offset = 376; }),
            "offset: expected bytes that no other parameter takes, got 376, inside "
            "kernels[0].variants[0].tensor_maps[1].offset");
}

TEST(Package, TensorMapsReadAsTheyAreDocumented) {
  json::Value root = cantFail(json::parse(serializePackage(makeSamplePackage())));
  const json::Value &map = (*variantOf(*root.getAsObject(), 0).getArray("tensor_maps"))[0];
  EXPECT_EQ(map, cantFail(json::parse(R"({
    "argument": 0, "table": -1, "offset": 128, "type": "bf16",
    "dimensions": [{"size": ["size", 0, 1], "stride": 1, "box": 64},
                   {"size": ["size", 0, 0], "stride": ["stride", 0, 0], "box": 128}],
    "swizzle": 128, "l2_promotion": 256, "fill": "zero"})")));
}

TEST(PackageErrors, ExpressionsReferToArgumentsThatExist) {
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].variants[0].grid[0] = Expr::size(9, 0); }),
            "g: kernels[0].variants[0].grid[0]: expected an integer from 0 to 4, got 9");
  EXPECT_EQ(
      readChanged([](Package &p) { p.kernels[0].variants[0].grid[0] = Expr::stride(0, 2); }),
      "g: kernels[0].variants[0].grid[0]: expected a dimension of the view \"A\", got dimension 2");
  EXPECT_EQ(readChanged([](Package &p) { p.kernels[0].variants[0].grid[0] = Expr::scalar(3); }),
            "g: kernels[0].variants[0].grid[0]: expected an integer scalar, got \"alpha\"");
  EXPECT_EQ(
      readChanged([](Package &p) { p.kernels[0].variants[0].preconditions[1].argument = 3; }),
      "g: kernels[0].variants[0].preconditions[1].argument: expected the index of a view, got 3");
}

/// C = A * B for each row of a list, with maps in memory.
static Package makeListPackage() {
  Package package = makeSamplePackage();
  Kernel &kernel = package.kernels[0];
  Argument list;
  list.name = "problems";
  list.elementType = ElementType::U64;
  list.columns = {kernel.arguments.begin(), kernel.arguments.begin() + 3};
  list.offset = 0;
  list.rowBytes = 96;
  kernel.arguments = {list};
  Variant &fast = kernel.variants[0], &plain = kernel.variants[1];
  Expr tiles = Expr::binary(Expr::Op::CeilDiv, Expr::size(2, 0), Expr::constant(128));
  for (Variant *variant : {&fast, &plain}) {
    variant->grid = {Expr::sum(0, tiles), Expr::rows(0), Expr::constant(1)};
    variant->tables = {{0, tiles, 0}};
  }
  fast.tables[0].mapBytes = 256;
  for (auto [index, map] : enumerate(fast.tensorMaps)) {
    map.table = 0;
    map.offset = 128 * index;
  }
  for (Condition &condition : fast.preconditions)
    condition.table = 0;
  return package;
}

static std::string readChangedList(const std::function<void(Package &)> &change) {
  Package package = makeListPackage();
  change(package);
  return getMessage(parsePackage(serializePackage(package), "g"));
}

TEST(Package, TablesRoundTrip) {
  std::string text = serializePackage(makeListPackage());
  Expected<Package> package = parsePackage(text, "list.tkpkg");
  ASSERT_TRUE(static_cast<bool>(package)) << llvm::toString(package.takeError());
  EXPECT_EQ(serializePackage(*package), text);
  EXPECT_NE(text.find("[\"sum\",0,[\"ceildiv\",[\"size\",2,0],128]]"), std::string::npos);
  EXPECT_NE(text.find("[\"rows\",0]"), std::string::npos);
}

TEST(PackageErrors, Tables) {
  using Change = std::function<void(Package &)>;
  std::string kernel = "g: kernels[0].", table = kernel + "arguments[0].";
  std::string variant = kernel + "variants[0].";
  std::pair<Change, std::string> cases[] = {
      {[](Package &p) { p.kernels[0].arguments[0].rowBytes = 88; },
       table + "columns[2].stride_offsets[0]: expected an integer from 0 to 80, got 88 (a row of "
               "\"problems\" has 88 bytes)"},
      {[](Package &p) { p.kernels[0].arguments[0].columns[1].offset = 8; },
       table + "columns[1].offset: expected bytes that no other parameter takes, got 8, inside " +
           "kernels[0].arguments[0].columns[0].size_offsets[0]"},
      {[](Package &p) { p.kernels[0].arguments[0].columns[1].name = "A"; },
       table + "columns[1].name: expected names that differ, got \"A\" twice"},
      {[](Package &p) { p.kernels[0].arguments[0].columns[1].isView = false; },
       table + "columns[1].view: expected a view, got another argument"},
      {[](Package &p) { p.kernels[0].arguments[0].offset = 360; },
       table + "offset: expected an integer from 0 to 352, got 360 (the parameters of "
               "\"gemm_fast\" have 384 bytes)"},
      {[](Package &p) { p.kernels[0].variants[0].tables.clear(); },
       variant + "tables: expected an entry for the table \"problems\", got none"},
      {[](Package &p) { p.kernels[0].variants[0].tables[0].programs = Expr::size(3, 0); },
       variant + "tables[0].programs: expected an integer from 0 to 2, got 3"},
      {[](Package &p) { p.kernels[0].variants[0].tables[0].mapBytes = 128; },
       variant + "tensor_maps[1].offset: expected an integer from 0 to 0, got 128 (the maps of a "
                 "row have 128 bytes)"},
      {[](Package &p) { p.kernels[0].variants[0].tensorMaps[0].table = 1; },
       variant + "tensor_maps[0].table: expected the index of a table, or -1, got 1"},
      {[](Package &p) { p.kernels[0].variants[0].preconditions[0].table = 2; },
       variant + "preconditions[0].table: expected the index of a table, or -1, got 2"},
      {[](Package &p) { p.kernels[0].variants[0].grid[1] = Expr::rows(1); },
       variant + "grid[1]: expected the index of a table, got 1"},
  };
  for (const auto &[change, message] : cases)
    EXPECT_EQ(readChangedList(change), message);
}

TEST(PackageErrors, DamageThatIsAlsoInvalidSaysSo) {
  EXPECT_EQ(readEdited([](json::Object &root) { argumentOf(root, 0)["align"] = 24; }),
            "g: kernels[0].arguments[0].align: expected a power of two, got 24; the checksum does "
            "not match either: the "
            "file is damaged");
}

TEST(ElementTypes, NamesRoundTrip) {
  for (ElementType type :
       {ElementType::F64, ElementType::F32, ElementType::TF32, ElementType::F16, ElementType::BF16,
        ElementType::E4M3, ElementType::E5M2, ElementType::I64, ElementType::I32, ElementType::I16,
        ElementType::I8, ElementType::U64, ElementType::U32, ElementType::U16, ElementType::U8,
        ElementType::I1})
    EXPECT_EQ(parseElementType(stringifyElementType(type)), type);
  EXPECT_EQ(parseElementType("f17"), std::nullopt);
  EXPECT_EQ(getElementBytes(ElementType::BF16), 2u);
}
