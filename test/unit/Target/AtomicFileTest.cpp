//===- AtomicFileTest.cpp - Whole files or none ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/AtomicFile.h"
#include "SamplePackage.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace tk;
using namespace tk::test;

namespace {
class AtomicFile : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(sys::fs::createUniqueDirectory("tk-atomic", directory)); }
  void TearDown() override { sys::fs::remove_directories(directory); }
  std::string getPath(StringRef name) const { return (directory + "/" + name).str(); }
  size_t countFiles() const {
    std::error_code code;
    size_t count = 0;
    for (sys::fs::directory_iterator it(directory, code), end; it != end; it.increment(code))
      ++count;
    return count;
  }
  SmallString<128> directory;
};
} // namespace

TEST_F(AtomicFile, NothingAppearsBeforeCommit) {
  AtomicFiles files;
  ASSERT_EQ(getMessage(files.add(getPath("a"), "one")), "success");
  ASSERT_EQ(getMessage(files.add(getPath("b"), "two")), "success");
  EXPECT_FALSE(sys::fs::exists(getPath("a")));
  ASSERT_EQ(getMessage(files.commit()), "success");
  EXPECT_EQ(cantFail(readFile(getPath("a"))), "one");
  EXPECT_EQ(cantFail(readFile(getPath("b"))), "two");
  EXPECT_EQ(countFiles(), 2u);
}

TEST_F(AtomicFile, WhatIsNotCommittedLeavesNoTrace) {
  ASSERT_EQ(getMessage(writeFileAtomically(getPath("a"), "old")), "success");
  {
    AtomicFiles files;
    ASSERT_EQ(getMessage(files.add(getPath("a"), "new")), "success");
  }
  EXPECT_EQ(cantFail(readFile(getPath("a"))), "old");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(AtomicFile, ErrorsNameTheFile) {
  std::string path = getPath("no/such/folder");
  EXPECT_EQ(getMessage(writeFileAtomically(path, "x")),
            "cannot write \"" + path + "\": No such file or directory");
  EXPECT_EQ(getMessage(readFile(path)), "cannot read \"" + path + "\": No such file or directory");
  EXPECT_EQ(getMessage(readFile(directory)),
            ("cannot read \"" + directory + "\": expected a file, got a directory").str());
  EXPECT_EQ(getMessage(writeFileAtomically(directory, "x")),
            ("cannot write \"" + directory + "\": expected a file, got a directory").str());
}
