//===- FuzzTest.cpp - What fuzzers started from and found -----------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// Each file of test/fuzz/corpus goes through its target, without a fuzzer. That it ends is the test.
///
//===----------------------------------------------------------------------===//

#include "../../fuzz/Targets.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace tk::sim;

namespace {

void replay(StringRef target, function_ref<void(StringRef)> run) {
  SmallString<128> dir(TK_TEST_DIR);
  sys::path::append(dir, "../../fuzz/corpus", target);
  std::error_code ec;
  unsigned files = 0;
  for (sys::fs::directory_iterator it(dir, ec), end; it != end && !ec; it.increment(ec)) {
    SCOPED_TRACE(it->path());
    auto file = MemoryBuffer::getFile(it->path());
    ASSERT_TRUE(bool(file));
    run((*file)->getBuffer());
    ++files;
  }
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_GE(files, 10u);
}

TEST(Fuzz, Parse) { replay("ptx", fuzz::parse); }

TEST(Fuzz, Execute) { replay("ptx", fuzz::execute); }

TEST(Fuzz, Launch) {
  SmallString<128> dir;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("tk-fuzz-test", dir));
  replay("launch", [&](StringRef text) { fuzz::launch(text, dir); });
  sys::fs::remove_directories(dir);
}

} // namespace
