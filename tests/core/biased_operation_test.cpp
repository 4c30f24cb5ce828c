// The biased operation on one thread: each call in each state, before and after somebody asked.
#include "belay/biased_operation.hpp"

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace {

using belay::biased_operation;
using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason;
using belay::reason_kind;

static_assert(sizeof(biased_operation) == 32);
static_assert(!std::is_copy_constructible_v<biased_operation>);
static_assert(std::is_nothrow_default_constructible_v<biased_operation>);

template <class Kind>
struct counting : Kind {
  explicit counting(std::function<void()> then = {}) : Kind(&run), then_(std::move(then)) {}
  static void run(belay::routine& self, reason why) noexcept {
    auto& me = static_cast<counting&>(self);
    ++me.runs;
    me.why = why;
    if (me.then_) me.then_();
  }
  int runs = 0;
  reason why;

 private:
  std::function<void()> then_;
};
using notify = counting<belay::notify_routine>;
using claim = counting<belay::claim_routine>;

/// Somebody waited for it: from here on the operation inside decides.
void settle(biased_operation& it) { EXPECT_FALSE(it.wait(0)); }

template <class Kind>
class biased_kinds : public testing::Test {};
using kinds = testing::Types<notify, claim>;
TYPED_TEST_SUITE(biased_kinds, kinds, );

TYPED_TEST(biased_kinds, armed_and_disarmed_never_runs) {
  for (const int settled_at : {-1, 0, 1, 2}) {
    biased_operation it;
    TypeParam routine;
    for (int i = 0; i < 3; ++i) {
      if (settled_at == i) settle(it);
      EXPECT_TRUE(it.arm(routine));
      if (settled_at == i) settle(it);
      EXPECT_EQ(i % 2 != 0 ? it.disarm(routine) : it.try_disarm(routine), handshake::won);
    }
    EXPECT_FALSE(it.cancelled());
    EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::requested_nothing_armed);
    EXPECT_EQ(routine.runs, 0);
    EXPECT_FALSE(it.arm(routine));
    EXPECT_EQ(it.outcome(), outcome::none);
    EXPECT_TRUE(it.complete(outcome::canceled)) << "the right to finish stayed with the owner";
    EXPECT_EQ(it.outcome(), outcome::canceled);
  }
}

TYPED_TEST(biased_kinds, armed_constructor_and_complete) {
  for (const bool settled : {false, true}) {
    TypeParam routine;
    biased_operation it(routine);
    if (settled) settle(it);
    EXPECT_EQ(it.outcome(), outcome::none);
    EXPECT_EQ(it.complete(routine, outcome::failed), handshake::won);
    EXPECT_EQ(it.outcome(), outcome::failed);
    EXPECT_EQ(it.complete(routine, outcome::completed), handshake::refused);
    EXPECT_EQ(it.disarm(routine), handshake::refused);
    EXPECT_FALSE(it.arm(routine));
    EXPECT_FALSE(it.complete(outcome::completed));
    EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::too_late);
    EXPECT_FALSE(it.cancelled());
    EXPECT_EQ(it.outcome(), outcome::failed);
    EXPECT_TRUE(it.wait());
    EXPECT_EQ(it.complete(routine, outcome::completed), handshake::refused);
    EXPECT_EQ(routine.runs, 0);
  }
}

TYPED_TEST(biased_kinds, a_request_takes_the_routine_out) {
  for (const bool settled : {false, true}) {
    TypeParam routine;
    biased_operation it;
    EXPECT_TRUE(it.arm(routine));
    if (settled) settle(it);
    EXPECT_EQ(it.cancel({reason_kind::shutdown, 3}), cancel_result::claimed);
    EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::already_cancelled);
    EXPECT_EQ(routine.runs, 1);
    EXPECT_EQ(routine.why, reason(reason_kind::shutdown, 3));
    EXPECT_EQ(it.reason(), reason(reason_kind::shutdown, 3));
    EXPECT_TRUE(it.cancelled());
    EXPECT_TRUE(it.is_canceller());
    EXPECT_EQ(it.complete(routine, outcome::completed), handshake::cancelled);
    EXPECT_EQ(it.outcome(), outcome::none) << "a lost complete() reports nothing";
    EXPECT_TRUE(it.complete(outcome::canceled));
    EXPECT_EQ(it.outcome(), outcome::canceled);
    EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::too_late);
  }
}

TEST(biased_operation, owner_inside_its_notify_routine) {
  biased_operation* at = nullptr;
  notify* self = nullptr;
  notify routine([&] {
    EXPECT_EQ(at->disarm(*self), handshake::cancelled_inside);
    EXPECT_EQ(at->try_disarm(*self), handshake::cancelled_inside);
    EXPECT_EQ(at->complete(*self, outcome::completed), handshake::cancelled_inside);
    EXPECT_FALSE(at->arm(*self));
    EXPECT_TRUE(at->complete(outcome::canceled));
    EXPECT_TRUE(at->wait()) << "it does not wait for itself";
  });
  biased_operation it(routine);
  at = &it;
  self = &routine;
  EXPECT_EQ(it.cancel(reason_kind::timeout), cancel_result::claimed);
  EXPECT_EQ(it.disarm(routine), handshake::cancelled);
  EXPECT_EQ(it.outcome(), outcome::canceled);
}

TEST(biased_operation, claim_routine_may_finish_and_destroy_it) {
  auto* it = new std::optional<biased_operation>;
  claim routine([&] {
    EXPECT_TRUE((*it)->complete(outcome::canceled));
    EXPECT_EQ((*it)->outcome(), outcome::canceled);
    delete it;
  });
  it->emplace(routine);
  EXPECT_EQ((*it)->cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(routine.runs, 1);
}

TEST(biased_operation, notify_routine_may_destroy_it) {
  auto* it = new std::optional<biased_operation>;
  notify routine([&] { delete it; });
  it->emplace(routine);
  EXPECT_EQ((*it)->cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(routine.runs, 1);
}

TEST(biased_operation, is_used_again) {
  biased_operation it;
  notify routine;
  EXPECT_TRUE(it.try_reset());
  EXPECT_TRUE(it.arm(routine));
  EXPECT_FALSE(it.try_reset()) << "armed";
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::won);
  EXPECT_TRUE(it.try_reset());
  EXPECT_EQ(it.outcome(), outcome::none);
  EXPECT_TRUE(it.complete(outcome::failed));
  EXPECT_TRUE(it.wait(0));
  EXPECT_FALSE(it.try_reset()) << "somebody waited";
  EXPECT_EQ(it.outcome(), outcome::failed);
}

TEST(biased_operation, cancel_all_cancels_each) {
  notify armed, disarmed, ended;
  claim other;
  biased_operation all[5];
  EXPECT_TRUE(all[0].arm(armed));
  EXPECT_TRUE(all[1].arm(disarmed));
  EXPECT_EQ(all[1].disarm(disarmed), handshake::won);
  EXPECT_TRUE(all[2].arm(ended));
  EXPECT_EQ(all[2].complete(ended, outcome::completed), handshake::won);
  EXPECT_TRUE(all[3].arm(other));
  EXPECT_EQ(all[4].cancel(reason_kind::user), cancel_result::requested_nothing_armed);
  biased_operation* const each[] = {&all[0], &all[1], &all[2], &all[3], &all[4]};
  EXPECT_EQ(biased_operation::cancel_all(each, {reason_kind::shutdown, 1}), 2u);
  EXPECT_EQ(biased_operation::cancel_all(each, {reason_kind::shutdown, 2}), 0u);
  EXPECT_EQ(biased_operation::cancel_all({}, reason_kind::shutdown), 0u);
  EXPECT_EQ(armed.runs + other.runs, 2);
  EXPECT_EQ(disarmed.runs + ended.runs, 0);
  EXPECT_EQ(all[0].reason(), reason(reason_kind::shutdown, 1));
  EXPECT_EQ(all[1].reason(), reason(reason_kind::shutdown, 1));
  EXPECT_EQ(all[2].outcome(), outcome::completed);
  EXPECT_FALSE(all[2].cancelled());
  EXPECT_EQ(all[4].reason(), reason(reason_kind::user));
}

void arm_twice(bool settled) {
  notify one, two;
  biased_operation it(one);
  if (settled) it.wait(0);
  it.arm(two);
}
void disarm_another(bool settled) {
  notify one, two;
  biased_operation it(one);
  if (settled) it.wait(0);
  it.disarm(two);
}
void complete_past_an_armed_routine(bool settled) {
  claim one;
  biased_operation it(one);
  if (settled) it.wait(0);
  it.complete(outcome::completed);
}

TEST(biased_operation_misuse, ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const bool settled : {false, true}) {
    EXPECT_DEATH(arm_twice(settled), "");
    EXPECT_DEATH(disarm_another(settled), "");
    EXPECT_DEATH(complete_past_an_armed_routine(settled), "");
  }
}

}  // namespace
