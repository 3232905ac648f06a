//===- PtxasTest.cpp - What is read of ptxas' log -------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Target/PTX.h"
#include "gtest/gtest.h"

using namespace tk;

namespace {

/// The log of ptxas 13.0: all notes come first, each names its function, and the functions follow in
/// another order.
constexpr char log[] =
    R"(ptxas info    : (C7511) Potential Performance Loss: wgmma.mma_async instructions are serialized due to insufficient register resources for the wgmma pipeline in the function 'gemm'
ptxas info    : (C7511) Potential Performance Loss: wgmma.mma_async instructions are serialized due to insufficient register resources for the wgmma pipeline in the function 'gemm_tma'
ptxas info    : (C7519) Potential Performance Loss: a fence was injected in the function 'gemm_tma'
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'gemm_tma' for 'sm_90a'
ptxas info    : Function properties for gemm_tma
    624 bytes stack frame, 1184 bytes spill stores, 1180 bytes spill loads
ptxas info    : Used 168 registers, used 16 barriers, 624 bytes cumulative stack size
ptxas info    : Compiling entry function 'quiet' for 'sm_90a'
ptxas info    : Function properties for quiet
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 16 registers
ptxas info    : Compiling entry function 'gemm' for 'sm_90a'
ptxas info    : Function properties for gemm
    1024 bytes stack frame, 1668 bytes spill stores, 1668 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 1024 bytes cumulative stack size
)";

TEST(Ptxas, NotesGoToTheFunctionTheyName) {
  auto reports = parsePtxasLog(log);
  ASSERT_EQ(reports.size(), 3u);
  ASSERT_EQ(reports["gemm"].notes.size(), 1u);
  EXPECT_NE(reports["gemm"].notes[0].find("(C7511)"), std::string::npos);
  ASSERT_EQ(reports["gemm_tma"].notes.size(), 2u);
  EXPECT_NE(reports["gemm_tma"].notes[1].find("(C7519)"), std::string::npos);
  EXPECT_TRUE(reports["quiet"].notes.empty());
}

TEST(Ptxas, FiguresGoToTheEntryBeforeThem) {
  auto reports = parsePtxasLog(log);
  EXPECT_EQ(reports["gemm_tma"].registers, 168);
  EXPECT_EQ(reports["gemm_tma"].spillStores, 1184);
  EXPECT_EQ(reports["gemm_tma"].spillLoads, 1180);
  EXPECT_EQ(reports["gemm_tma"].stackBytes, 624);
  EXPECT_EQ(reports["gemm_tma"].barriers, 16);
  EXPECT_EQ(reports["quiet"].registers, 16);
  EXPECT_EQ(reports["quiet"].barriers, 0);
  EXPECT_EQ(reports["gemm"].registers, 255);
  EXPECT_EQ(reports["gemm"].spillStores, 1668);
}

TEST(Ptxas, ANoteWithoutAFunctionIsOfTheEntryItStandsIn) {
  auto reports = parsePtxasLog("ptxas info : (C7512) before all\n"
                               "ptxas info : Compiling entry function 'a' for 'sm_90a'\n"
                               "ptxas info : (C7510) serialized\n");
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports["a"].notes.size(), 2u);
  EXPECT_EQ(reports["a"].notes[0], "ptxas info : (C7512) before all");
  EXPECT_EQ(reports["a"].notes[1], "ptxas info : (C7510) serialized");
}

} // namespace
