// Deadlines with one decision taken back each. The explorer must find every one of them, on the
// very programs that the real one is explored on: that is what the exploring is worth.
#include <gtest/gtest.h>

#include "deadline_programs.hpp"

namespace deadline_tests {
namespace {

using belay::deadline_traits;

struct round_down : deadline_traits {
  static constexpr bool rounds_up = false;
};
struct mark_in_a_later_section : deadline_traits {
  static constexpr bool marks_with_unlinking = false;
};
struct do_not_wait : deadline_traits {
  static constexpr bool disarm_waits = false;
};
struct forget_who_is_inside : deadline_traits {
  static constexpr bool knows_inside = false;
};
struct forget_the_destruction : deadline_traits {
  static constexpr bool heeds_destruction = false;
};
struct run_two_at_once : deadline_traits {
  static constexpr bool one_run_at_a_time = false;
};
struct forget_to_wake : deadline_traits {
  static constexpr bool wakes = false;
};
struct forget_the_driver : deadline_traits {
  static constexpr bool tells_driver = false;
};
struct forget_what_it_told : deadline_traits {
  static constexpr bool keeps_what_it_told = false;
};

struct caught {
  std::string by, as;
};

/// The first program on which `Traits` fails; empty when none does.
template <class Traits>
caught hunt() {
  // A mutant may trap, or call a wild pointer: a finding, too.
  [[maybe_unused]] static const bool ready = (belay::explore::install_crash_handlers(), true);
  const exhaust_options few = {.most_executions = 20'000};
  for (const shape& each : shapes()) {
    world<Traits> program(each);
    const auto result = program.explore(few);
    if (result.found) return {each.name(), result.found->text};
  }
  int ignored = 0;
  const std::pair<const char*, exhausted> others[] = {
      {"not early", not_early<Traits>()},
      {"service is in time", service_is_in_time<Traits>(few)},
      {"timer is in time", timer_is_in_time<Traits>(few)},
      {"disarm until", disarm_until_a_time<Traits>(ignored, few)},
  };
  for (const auto& [name, result] : others) {
    if (result.found) return {name, result.found->text};
  }
  return {};
}

template <class Traits>
void expect_caught(const char* by, const char* as) {
  const caught it = hunt<Traits>();
  EXPECT_EQ(it.by, by);
  EXPECT_NE(it.as.find(as), std::string::npos) << it.as;
}

TEST(deadline_mutants, none) { expect_caught<deadline_traits>("", ""); }
TEST(deadline_mutants, round_down) { expect_caught<round_down>("not early", "never early"); }
TEST(deadline_mutants, mark_in_a_later_section) {
  expect_caught<mark_in_a_later_section>("a -E", "who was cancelled was fired");
}
TEST(deadline_mutants, do_not_wait) { expect_caught<do_not_wait>("a -E", "data race"); }
TEST(deadline_mutants, forget_who_is_inside) {
  expect_caught<forget_who_is_inside>("a aE", "trap");
}
TEST(deadline_mutants, forget_the_destruction) {
  expect_caught<forget_the_destruction>("a xE", "what was freed");
}
TEST(deadline_mutants, run_two_at_once) {
  expect_caught<run_two_at_once>("a aEE", "what was freed");
}
TEST(deadline_mutants, forget_to_wake) {
  expect_caught<forget_to_wake>("a -E", "nobody can go on");
}
TEST(deadline_mutants, forget_the_driver) {
  expect_caught<forget_the_driver>("service is in time", "a tick late at most");
}
TEST(deadline_mutants, forget_what_it_told) {
  expect_caught<forget_what_it_told>("timer is in time", "a tick late at most");
}

/// What a pooled operation's next user would see.
TEST(deadline_mutants, the_next_use_is_cancelled) {
  int again = 0;
  const auto result = reset_against_expiry<do_not_wait>(true, again);
  ASSERT_TRUE(result.found);
  EXPECT_NE(result.found->text.find("next use"), std::string::npos) << result.found->text;
}

}  // namespace
}  // namespace deadline_tests
