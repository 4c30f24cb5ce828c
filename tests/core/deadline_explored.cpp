// Deadlines against expiry, in every interleaving.
//
// deadline_counts.hpp pins how many there are: a change that moves a number changed which steps a
// deadline takes, and must say why. `all` counts interleavings; `classes` counts one for those that
// differ only in the order of independent steps, which decides the same; the few programs that are
// too large for either are explored up to three preemptions.
#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include "deadline_counts.hpp"
#include "deadline_programs.hpp"

namespace deadline_tests {
namespace {

using traits = belay::deadline_traits;

const pinned* find(const std::string& name) {
  const auto* const at = std::find_if(std::begin(counts), std::end(counts),
                                      [&](const pinned& each) { return name == each.name; });
  return at != std::end(counts) ? at : nullptr;
}

TEST(deadline_explored, every_program) {
  for (const shape& each : shapes()) {
    const pinned* const expected = find(each.name());
    ASSERT_NE(expected, nullptr) << each.name() << " is not in deadline_counts.hpp";
    world<traits> program(each);
    const auto result = program.explore(
        {.bound = expected->mode == how::bounded ? 3 : belay::explore::bounded_search::unbounded,
         .prune = expected->mode == how::classes});
    EXPECT_TRUE(result.holds()) << each.name() << ": " << result.text();
    EXPECT_EQ(result.executions, expected->executions) << each.name();
  }
  EXPECT_EQ(shapes().size(), std::size(counts));
}

void expect(const exhausted& result, std::uint64_t executions) {
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, executions);
}

TEST(deadline_explored, complete_against_expiry) {
  expect(complete_against_expiry<traits, belay::notify_routine>(), 810);
  expect(complete_against_expiry<traits, belay::claim_routine>(), 1946);
}

TEST(deadline_explored, reset_against_expiry) {
  int again = 0;
  expect(reset_against_expiry<traits>(true, again), 690);
  EXPECT_GT(again, 0);
  again = 0;
  expect(reset_against_expiry<traits>(false, again), 71);
  EXPECT_GT(again, 0);
}

TEST(deadline_explored, disarm_until_a_time) {
  int late = 0;
  expect(disarm_until_a_time<traits>(late), 79);
  EXPECT_GT(late, 0);
}

TEST(deadline_explored, not_early) { expect(not_early<traits>(), 1); }

TEST(deadline_explored, service_is_in_time) {
  expect(service_is_in_time<traits>({.prune = true}), 49'200);
}
TEST(deadline_explored, service_and_disarm) { expect(service_and_disarm<traits>(), 1'397); }
TEST(deadline_explored, timer_is_in_time) { expect(timer_is_in_time<traits>({.bound = 3}), 9'738); }

}  // namespace
}  // namespace deadline_tests
