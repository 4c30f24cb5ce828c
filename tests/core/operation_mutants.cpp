// Operations with one decision taken back each. The explorer must find every one of them, on the
// very programs that the real one is explored on: that is what the exploring is worth.
#include <gtest/gtest.h>

#include "operation_destroy.hpp"

namespace operation_tests {
namespace {

using belay::operation_traits;
namespace order = sync::order;

struct drop_the_owners_wait : operation_traits {
  static constexpr bool owner_waits = false;
};
struct drop_the_waiters_wait : operation_traits {
  static constexpr bool waiter_waits_for_routine = false;
};
struct forget_the_recheck : operation_traits {
  static constexpr bool arm_heeds_request = false;
};
struct cancel_past_the_outcome : operation_traits {
  static constexpr bool cancel_heeds_outcome = false;
};
struct complete_twice : operation_traits {
  static constexpr bool complete_heeds_outcome = false;
};
struct forget_the_destruction : operation_traits {
  static constexpr bool heeds_destruction = false;
};
struct forget_to_wake : operation_traits {
  static constexpr bool wakes = false;
};
struct relaxed_arm : operation_traits {
  static constexpr order::kind arm = order::relaxed;
};
struct cancel_without_acquire : operation_traits {
  static constexpr order::kind cancel = order::release;
};
struct cancel_without_release : operation_traits {
  static constexpr order::kind cancel = order::acquire;
};
struct relaxed_finish : operation_traits {
  static constexpr order::kind finish_routine = order::relaxed;
};
struct relaxed_complete : operation_traits {
  static constexpr order::kind complete = order::relaxed;
};
struct relaxed_look : operation_traits {
  static constexpr order::kind look = order::relaxed;
};

struct caught {
  std::string by, as;
};

/// The first program on which `Traits` fails; empty when none does.
template <class Traits>
caught hunt() {
  // A mutant may call a wild pointer: a finding, too.
  [[maybe_unused]] static const bool ready = (belay::explore::install_crash_handlers(), true);
  for (const routine_kind kind :
       {routine_kind::notify, routine_kind::claim, routine_kind::finishing}) {
    for (const shape& each : shapes(kind, 2)) {
      world<belay::basic_operation<Traits>> program(each);
      const auto result = program.explore({.most_executions = 200'000});
      if (result.found) return {each.name(), result.found->text};
    }
  }
  const auto result = destroying<belay::basic_operation<Traits>>(2, false).explore();
  if (result.found) return {"destroying", result.found->text};
  return {};
}

template <class Traits>
void expect_caught(const char* by, const char* as) {
  const caught it = hunt<Traits>();
  EXPECT_EQ(it.by, by);
  EXPECT_NE(it.as.find(as), std::string::npos) << it.as;
}

TEST(operation_mutants, drop_the_owners_wait) {
  expect_caught<drop_the_owners_wait>("notify idle aK", "data race");
}
TEST(operation_mutants, drop_the_waiters_wait) {
  expect_caught<drop_the_waiters_wait>("finishing armed -KW", "after the notify routine");
}
TEST(operation_mutants, forget_the_recheck) {
  expect_caught<forget_the_recheck>("notify idle aK", "knows of the request");
}
TEST(operation_mutants, cancel_past_the_outcome) {
  expect_caught<cancel_past_the_outcome>("notify idle aK", "memory");
}
TEST(operation_mutants, complete_twice) {
  expect_caught<complete_twice>("finishing idle aK", "exactly once");
}
TEST(operation_mutants, forget_the_destruction) {
  expect_caught<forget_the_destruction>("destroying", "memory that is not there");
}
TEST(operation_mutants, forget_to_wake) {
  expect_caught<forget_to_wake>("notify idle aK", "nobody can go on");
}
TEST(operation_mutants, relaxed_arm) { expect_caught<relaxed_arm>("notify idle aK", "data race"); }
TEST(operation_mutants, cancel_without_acquire) {
  expect_caught<cancel_without_acquire>("notify idle aK", "data race");
}
TEST(operation_mutants, cancel_without_release) {
  expect_caught<cancel_without_release>("notify idle aK", "data race");
}
TEST(operation_mutants, relaxed_finish) {
  expect_caught<relaxed_finish>("notify idle aK", "data race");
}
TEST(operation_mutants, relaxed_complete) {
  expect_caught<relaxed_complete>("notify idle aW", "data race");
}
TEST(operation_mutants, relaxed_look) {
  expect_caught<relaxed_look>("notify idle aK", "data race");
}

}  // namespace
}  // namespace operation_tests
