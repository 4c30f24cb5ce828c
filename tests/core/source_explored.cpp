// Registering, deregistering and cancelling, in every interleaving.
//
// source_counts.hpp pins how many there are: a change that moves a number changed which steps the
// source takes, and must say why. Programs of one owner and one canceller count every interleaving;
// larger ones count one for those that differ only in the order of independent steps.
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "source_counts.hpp"
#include "source_world.hpp"

namespace source_tests {
namespace {

TEST(source_explored, every_program) {
  const bool print = std::getenv("BELAY_PRINT_COUNTS") != nullptr;  // the table, made anew
  for (const shape& each : shapes()) {
    world<belay::source> program(each);
    const bool small = each.owners.size() == 1 && each.cancels == 1;
    const auto result = program.explore({.prune = !small});
    EXPECT_TRUE(result.holds()) << each.name() << ": " << result.text();
    if (print) {
      std::printf("    {\"%s\", %llu},\n", each.name().c_str(),
                  static_cast<unsigned long long>(result.executions));
      std::fflush(stdout);
    } else {
      EXPECT_EQ(result.executions, pinned_count(each.name())) << each.name();
    }
  }
}

}  // namespace
}  // namespace source_tests
