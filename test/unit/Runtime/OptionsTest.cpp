//===- OptionsTest.cpp - The command line of tk-run -----------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SamplePackage.h"
#include "tk/Runtime/RunTool.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

static std::string parseError(std::vector<std::string> arguments) {
  return getMessage(parseRunOptions(arguments));
}

TEST(Options, AllOfThem) {
  RunOptions options = cantFail(parseRunOptions({"x.tkpkg",
                                                 "--kernel=gemm",
                                                 "--variant",
                                                 "gemm_fast",
                                                 "--arg",
                                                 "A=dir/a=b.npy",
                                                 "--arg=B=random:512x256",
                                                 "--arg",
                                                 "alpha=-0.5",
                                                 "--arg",
                                                 "n=0x10",
                                                 "--out",
                                                 "C=c:1.npy:4x8",
                                                 "--out",
                                                 "D",
                                                 "--check",
                                                 "C=ref.npy:1e-3",
                                                 "--check=D=A@B",
                                                 "--device",
                                                 "sim",
                                                 "--seeds",
                                                 "2..5",
                                                 "--data-seed=9",
                                                 "--repeat",
                                                 "7",
                                                 "--report",
                                                 "json",
                                                 "--keep-output",
                                                 "--",
                                                 "-O",
                                                 "x"}));
  EXPECT_EQ(options.file, "x.tkpkg");
  EXPECT_EQ(options.kernel, "gemm");
  EXPECT_EQ(options.variant, "gemm_fast");
  EXPECT_EQ(options.inputs[0].text, "dir/a=b.npy");
  EXPECT_EQ(options.inputs[1].sizes, (std::vector<int64_t>{512, 256}));
  EXPECT_EQ(std::get<double>(options.inputs[2].scalar), -0.5);
  EXPECT_EQ(std::get<int64_t>(options.inputs[3].scalar), 16);
  EXPECT_EQ(options.outputs[0].file, "c:1.npy");
  EXPECT_EQ(options.outputs[0].sizes, (std::vector<int64_t>{4, 8}));
  EXPECT_EQ(options.outputs[1].file, "");
  EXPECT_EQ(options.checks[0].reference, "ref.npy");
  EXPECT_EQ(options.checks[0].tolerance, 1e-3);
  EXPECT_EQ(options.checks[1].reference, "A@B");
  EXPECT_EQ(options.firstSeed, 2u);
  EXPECT_EQ(options.lastSeed, 5u);
  EXPECT_EQ(options.dataSeed, 9u);
  EXPECT_EQ(options.repeat, 7u);
  EXPECT_TRUE(options.json);
  EXPECT_TRUE(options.keepOutput);
  EXPECT_EQ(options.compileArguments, (std::vector<std::string>{"-O", "x"}));
}

TEST(Options, Errors) {
  EXPECT_EQ(parseError({}), "expected a .mlir or .tkpkg file, got none; see --help");
  EXPECT_EQ(parseError({"a", "b"}), "expected one input file, got \"a\" and \"b\"");
  EXPECT_EQ(parseError({"a", "--sed", "1"}), "unknown option \"--sed\"; did you mean --seed?");
  EXPECT_EQ(parseError({"a", "--frobnicate"}), "unknown option \"--frobnicate\"; see --help");
  EXPECT_EQ(
      parseError({"a.mlir", "--tune=stages=3"}),
      "\"--tune=stages=3\" is decided when compiling: give it after --, as in tk-run FILE.mlir "
      "... -- --tune=stages=3; a .tkpkg is compiled already, by tk-compile, which takes it as "
      "well");
  EXPECT_THAT(parseError({"a.mlir", "--no-certify"}), testing::HasSubstr("give it after --"));
  EXPECT_EQ(parseError({"a", "--seed"}), "--seed: expected a value, got nothing");
  EXPECT_EQ(parseError({"a", "--variant"}), "--variant: expected a value, got nothing");
  EXPECT_EQ(parseError({"a", "--variant="}),
            "--variant: expected the entry of a variant, got \"\"");
  EXPECT_EQ(parseError({"a", "--varaint=x"}),
            "unknown option \"--varaint=x\"; did you mean --variant?");
  EXPECT_EQ(parseError({"a", "--seed", "-1"}), "--seed: expected a number, got \"-1\"");
  EXPECT_EQ(parseError({"a", "--seeds", "5..2"}),
            "--seeds: expected A..B with A <= B, got \"5..2\"");
  EXPECT_EQ(parseError({"a", "--seeds", "5"}), "--seeds: expected a number, got \"\"");
  EXPECT_EQ(parseError({"a", "--device=gpu"}), "--device: expected auto, sim, sim:N, cuda, got \"gpu\"");
  EXPECT_EQ(parseError({"a", "--report=xml"}), "--report: expected text, json, got \"xml\"");
  EXPECT_EQ(parseError({"a", "--arg", "A"}), "--arg: expected NAME=VALUE, got \"A\"");
  EXPECT_EQ(parseError({"a", "--arg", "=x"}), "--arg: expected NAME=VALUE, got \"=x\"");
  EXPECT_EQ(parseError({"a", "--arg", "A=random:5x"}),
            "--arg A: expected sizes such as random:512x256, got \"random:5x\"");
  EXPECT_EQ(parseError({"a", "--arg", "A=rnd:64x64"}),
            "--arg A: expected a file, or random:, zeros:, ones:, range: with sizes, got "
            "\"rnd:64x64\"; did you mean random:64x64?");
  EXPECT_EQ(parseError({"a", "--arg", "A=uniform:64"}),
            "--arg A: expected a file, or random:, zeros:, ones:, range: with sizes, got "
            "\"uniform:64\"");
  EXPECT_EQ(
      cantFail(parseRunOptions({"a", "--arg", "A=d:r.npy", "--arg", "B=./rnd:64"})).inputs[0].text,
      "d:r.npy");
  EXPECT_EQ(parseError({"a", "--check", "C=A@B:abc"}),
            "--check C: expected a tolerance behind the colon, a number such as 1e-3, got \"abc\"");
  EXPECT_EQ(parseError({"a", "--check", "C=r.npy:"}),
            "--check C: expected a tolerance behind the colon, a number such as 1e-3, got \"\"");
  EXPECT_EQ(cantFail(parseRunOptions({"a", "--check", "C=d:r.npy"})).checks[0].reference,
            "d:r.npy");
  EXPECT_EQ(parseError({"a", "--check", "C=r.npy:-1"}),
            "--check C: expected a tolerance of zero or more, got -1");
  EXPECT_EQ(parseError({"a", "--check", "C=r.npy:nan"}),
            "--check C: expected a tolerance of zero or more, got nan");
  EXPECT_EQ(parseError({"a", "--keep-output=1"}), "--keep-output: expected no value, got \"1\"");
  EXPECT_EQ(parseError({"a", "--repeat=9999999"}),
            "--repeat: expected at most 1000000, got 9999999");
}
