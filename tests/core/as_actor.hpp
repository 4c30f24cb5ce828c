// Tests by one caller, in both builds: in the explored one the body is the only actor.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#if defined(BELAY_EXPLORED)
#include "explore/explore.hpp"
#endif

namespace core_tests {

inline void as_actor(const std::function<void()>& body) {
#if defined(BELAY_EXPLORED)
  belay::explore::program_under_test program;
  program.actor("all", body);
  belay::sync::world().set_step_limit(2'000'000);
  const auto result = belay::explore::exhaust(program);
  belay::sync::world().set_step_limit(20'000);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 1u);
#else
  body();
#endif
}

}  // namespace core_tests
