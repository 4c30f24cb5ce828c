// cancel_within() on one thread, and against a real clock that need not be waited for.
#include "belay/grace.hpp"

#include <gtest/gtest.h>

#include "belay/awaitable_operation.hpp"
#include "belay/biased_operation.hpp"
#include "belay/child_operation.hpp"
#include "belay/operation.hpp"

namespace {

using belay::cancel_result;
using belay::cancel_within;
using belay::grace;
using belay::operation;
using belay::outcome;
using belay::reason_kind;
namespace sync = belay::sync;

static_assert(belay::can_be_waited_for<operation>);
static_assert(belay::can_be_waited_for<belay::biased_operation>);
static_assert(belay::can_be_waited_for<belay::child_operation>);
static_assert(!belay::can_be_waited_for<belay::source>, "a source has no outcome");
static_assert(!belay::can_be_waited_for<belay::awaitable_operation>, "only what is inside it");
static_assert(belay::can_be_waited_for<belay::awaitable_operation::operation_type>);

TEST(cancel_within, finds_it_ended) {
  operation it;
  int escalated = 0;
  ASSERT_TRUE(it.complete(outcome::completed));
  EXPECT_EQ(cancel_within(it, reason_kind::user, sync::forever, [&] { ++escalated; }),
            grace::ended_before);
  EXPECT_EQ(escalated, 0);
  EXPECT_FALSE(it.cancelled());
}

struct finishing : belay::claim_routine {
  explicit finishing() : claim_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    static_cast<finishing&>(self).of->complete(outcome::canceled);
  }
  operation* of = nullptr;
};

TEST(cancel_within, ends_in_its_routine) {
  finishing routine;
  operation it(routine);
  routine.of = &it;
  int escalated = 0;
  EXPECT_EQ(cancel_within(it, {reason_kind::user, 3}, 0, [&] { ++escalated; }),
            grace::ended_in_time)
      << "even when the deadline has passed";
  EXPECT_EQ(escalated, 0);
  EXPECT_EQ(it.reason().code(), 3u);
}

TEST(cancel_within, escalates_once) {
  operation it;
  int escalated = 0;
  auto escalate = [&] {
    EXPECT_TRUE(it.cancelled());
    ++escalated;
  };
  EXPECT_EQ(cancel_within(it, reason_kind::timeout, 0, escalate), grace::escalated);
  EXPECT_EQ(escalated, 1);
  EXPECT_EQ(it.outcome(), outcome::none);
  EXPECT_EQ(cancel_within(it, reason_kind::user, sync::now() - 1, escalate), grace::escalated)
      << "each caller has an escalation of its own";
  EXPECT_EQ(escalated, 2);
  EXPECT_EQ(it.reason(), belay::reason(reason_kind::timeout));
}

TEST(cancel_within, escalation_may_end_it) {
  operation it;
  EXPECT_EQ(cancel_within(it, reason_kind::user, 0, [&] { it.complete(outcome::failed); }),
            grace::escalated);
  EXPECT_EQ(it.outcome(), outcome::failed);
}

TEST(cancel_within, waits_for_the_end) {
  operation it;
  const sync::actor_id owner = sync::spawn(
      {.name = "owner"},
      [](void* at) {
        auto& mine = *static_cast<operation*>(at);
        while (!mine.cancelled()) sync::yield();
        mine.complete(outcome::canceled);
      },
      &it);
  EXPECT_EQ(cancel_within(it, reason_kind::user, sync::forever, [] { FAIL(); }),
            grace::ended_in_time);
  sync::join(owner);
}

}  // namespace
