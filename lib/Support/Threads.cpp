//===- Threads.cpp - Work on several threads ------------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tk/Support/Threads.h"
#include <deque>
#include <pthread.h>

unsigned tk::runOnThreads(unsigned count, llvm::function_ref<void(unsigned)> work) {
  struct Helper {
    llvm::function_ref<void(unsigned)> work;
    unsigned number;
    pthread_t thread = {};
  };
  auto start = [](void *argument) -> void * {
    auto &helper = *static_cast<Helper *>(argument);
    helper.work(helper.number);
    return nullptr;
  };
  std::deque<Helper> helpers; // Whose places stay.
  for (unsigned number = 1; number < count; ++number) {
    Helper &helper = helpers.emplace_back(Helper{work, number});
    if (pthread_create(&helper.thread, nullptr, start, &helper) != 0) {
      helpers.pop_back();
      break;
    }
  }
  work(0);
  for (Helper &helper : helpers)
    pthread_join(helper.thread, nullptr);
  return 1 + helpers.size();
}
