// Biased operations with one decision taken back each: the explorer finds all of them.
#include <gtest/gtest.h>

#include "biased_world.hpp"

namespace biased_tests {
namespace {

using belay::biased_traits;
namespace order = belay::sync::order;

struct forgets_to_look_again : biased_traits {
  static constexpr bool looks_again = false;
};
struct does_not_ask : biased_traits {
  static constexpr bool asks = false;
};
struct settles_twice : biased_traits {
  static constexpr bool settles_once = false;
};
struct forgets_what_was_seen : biased_traits {
  static constexpr bool heeds_what_was_seen = false;
};
struct relaxed_publish : biased_traits {
  static constexpr order::kind publish = order::relaxed;
};
struct relaxed_look : biased_traits {
  static constexpr order::kind look = order::relaxed;
};

/// The first program on which `Traits` fails, and how; "" when none does.
template <class Traits>
std::string hunt() {
  [[maybe_unused]] static const bool ready = (belay::explore::install_crash_handlers(), true);
  for (const routine_kind kind :
       {routine_kind::notify, routine_kind::claim, routine_kind::finishing}) {
    for (const shape& each : shapes_of(kind, 2)) {
      operation_tests::world<in_world<Traits>> program(each);
      const auto result = program.explore({.prune = true, .most_executions = 200'000});
      if (result.found) return each.name() + ": " + result.found->text;
    }
  }
  return "";
}

template <class Traits>
void expect_caught(const std::string& as) {
  const std::string it = hunt<Traits>();
  EXPECT_EQ(it.substr(0, as.size()), as) << it;
}

TEST(biased_mutants, forgets_to_look_again) {
  expect_caught<forgets_to_look_again>("notify idle aK: a routine that was taken out does not run");
}
TEST(biased_mutants, does_not_ask) { expect_caught<does_not_ask>("notify idle aK: data race"); }
TEST(biased_mutants, settles_twice) {
  expect_caught<settles_twice>("notify idle aK: a routine that was taken out does not run");
}
TEST(biased_mutants, forgets_what_was_seen) {
  expect_caught<forgets_what_was_seen>(
      "notify idle aK: it was not inside, and had no outcome before");
}
TEST(biased_mutants, relaxed_publish) {
  expect_caught<relaxed_publish>("notify idle aK: data race");
}
TEST(biased_mutants, relaxed_look) { expect_caught<relaxed_look>("notify idle aK: data race"); }

}  // namespace
}  // namespace biased_tests
