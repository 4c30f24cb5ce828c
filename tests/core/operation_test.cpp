// The operation on one thread: each call in each state, and what it answers.
#include "belay/operation.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::operation;
using belay::outcome;
using belay::reason;
using belay::reason_kind;

/// A routine of either kind that calls a function and counts.
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

template <class Kind>
class each_kind : public testing::Test {};
using kinds = testing::Types<notify, claim>;
TYPED_TEST_SUITE(each_kind, kinds, );

static_assert(sizeof(operation) == 16 && alignof(operation) == 8);
static_assert(!std::is_copy_constructible_v<operation>);
static_assert(std::is_nothrow_default_constructible_v<operation>);

TEST(reason, carries_kind_and_code) {
  constexpr reason why(reason_kind::service_stop, 0x12'3456);
  static_assert(why.kind() == reason_kind::service_stop && why.code() == 0x12'3456);
  static_assert(reason::from_bits(why.bits()) == why);
  static_assert(reason().kind() == reason_kind::none);
  EXPECT_EQ(reason(reason_kind::user, 0xff00'0001).code(), 1u) << "a code has 24 bits";
  EXPECT_EQ(reason(reason_kind::user, 0xff00'0001).kind(), reason_kind::user);
}

TEST(operation, is_open_at_first) {
  operation it;
  EXPECT_FALSE(it.cancelled());
  EXPECT_EQ(it.reason(), reason());
  EXPECT_EQ(it.outcome(), outcome::none);
  EXPECT_FALSE(it.wait(0));
}

TEST(operation, ends_once) {
  for (const outcome how : {outcome::completed, outcome::canceled, outcome::failed}) {
    operation it;
    EXPECT_TRUE(it.complete(how));
    EXPECT_EQ(it.outcome(), how);
    EXPECT_FALSE(it.complete(outcome::completed));
    EXPECT_FALSE(it.complete(outcome::failed));
    EXPECT_EQ(it.outcome(), how);
    EXPECT_TRUE(it.wait());
    EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::too_late);
    EXPECT_FALSE(it.cancelled());
  }
}

TEST(operation, first_request_counts_and_leaves_the_outcome_open) {
  operation it;
  EXPECT_EQ(it.cancel({reason_kind::timeout, 7}), cancel_result::requested_nothing_armed);
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::already_cancelled);
  EXPECT_TRUE(it.cancelled());
  EXPECT_EQ(it.reason(), reason(reason_kind::timeout, 7));
  EXPECT_EQ(it.outcome(), outcome::none);
  EXPECT_FALSE(it.wait(0));
  EXPECT_TRUE(it.complete(outcome::completed)) << "the holder decides how it ends";
  EXPECT_FALSE(it.complete(outcome::canceled));
  EXPECT_EQ(it.outcome(), outcome::completed);
  EXPECT_TRUE(it.cancelled());
  EXPECT_EQ(it.reason(), reason(reason_kind::timeout, 7));
  EXPECT_EQ(it.cancel(reason_kind::shutdown), cancel_result::too_late);
  EXPECT_EQ(it.reason(), reason(reason_kind::timeout, 7));
}

TYPED_TEST(each_kind, armed_and_disarmed_never_runs) {
  operation it;
  TypeParam routine;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(it.arm(routine));
    EXPECT_EQ(i % 2 != 0 ? it.disarm(routine) : it.try_disarm(routine), handshake::won);
  }
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::requested_nothing_armed);
  EXPECT_EQ(routine.runs, 0);
}

TYPED_TEST(each_kind, request_before_arm_is_seen) {
  operation it;
  TypeParam routine;
  it.cancel(reason_kind::parent);
  EXPECT_FALSE(it.arm(routine));
  EXPECT_EQ(routine.runs, 0);
  EXPECT_TRUE(it.complete(outcome::canceled)) << "the right to finish stayed with the owner";
}

TYPED_TEST(each_kind, armed_constructor_and_complete) {
  TypeParam routine;
  operation it(routine);
  EXPECT_EQ(it.complete(routine, outcome::failed), handshake::won);
  EXPECT_EQ(it.outcome(), outcome::failed);
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::too_late);
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::refused);
  EXPECT_EQ(it.disarm(routine), handshake::refused);
  EXPECT_FALSE(it.arm(routine));
  EXPECT_EQ(it.outcome(), outcome::failed);
  EXPECT_EQ(routine.runs, 0);
}

TYPED_TEST(each_kind, only_the_replacement_runs) {
  TypeParam first, second;
  operation it(first);
  EXPECT_EQ(it.replace(first, second), handshake::won);
  EXPECT_EQ(it.cancel(reason_kind::client_gone), cancel_result::claimed);
  EXPECT_EQ(first.runs, 0);
  EXPECT_EQ(second.runs, 1);
  EXPECT_EQ(second.why, reason(reason_kind::client_gone));
}

TEST(operation, kinds_can_replace_each_other) {
  notify first;
  claim second;
  operation it(first);
  EXPECT_EQ(it.replace(first, second), handshake::won);
  EXPECT_EQ(it.replace(second, first), handshake::won);
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(first.runs, 1);
  EXPECT_EQ(second.runs, 0);
}

TEST(operation, notify_leaves_the_right_with_the_owner) {
  notify routine, other;
  operation it(routine);
  EXPECT_EQ(it.cancel({reason_kind::shutdown, 3}), cancel_result::claimed);
  EXPECT_EQ(routine.runs, 1);
  EXPECT_EQ(routine.why, reason(reason_kind::shutdown, 3));
  EXPECT_EQ(it.try_disarm(routine), handshake::cancelled);
  EXPECT_EQ(it.replace(routine, other), handshake::cancelled);
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::cancelled);
  EXPECT_EQ(it.outcome(), outcome::none) << "a lost complete() reports nothing";
  EXPECT_TRUE(it.complete(outcome::canceled));
  EXPECT_EQ(it.outcome(), outcome::canceled);
}

TEST(operation, claim_receives_the_right) {
  operation* at = nullptr;
  claim routine([&] { EXPECT_TRUE(at->complete(outcome::canceled)); });
  operation it(routine);
  at = &it;
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::cancelled);
  EXPECT_EQ(it.outcome(), outcome::canceled);
  EXPECT_TRUE(it.wait());
}

TEST(operation, claim_routine_may_finish_later) {
  claim routine;
  operation it(routine);
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(it.outcome(), outcome::none);
  EXPECT_FALSE(it.wait(0));
  EXPECT_TRUE(it.complete(outcome::canceled));
  EXPECT_TRUE(it.wait());
}

TEST(operation, owner_inside_its_notify_routine) {
  operation* at = nullptr;
  notify* self = nullptr;
  notify routine([&] {
    EXPECT_TRUE(at->cancelled());
    EXPECT_EQ(at->disarm(*self), handshake::cancelled_inside);
    EXPECT_EQ(at->try_disarm(*self), handshake::cancelled_inside);
    EXPECT_EQ(at->replace(*self, *self), handshake::cancelled_inside);
    EXPECT_EQ(at->complete(*self, outcome::completed), handshake::cancelled_inside);
    EXPECT_FALSE(at->arm(*self));
    EXPECT_EQ(at->cancel(reason_kind::user), cancel_result::already_cancelled);
    EXPECT_TRUE(at->complete(outcome::canceled));
    EXPECT_TRUE(at->wait()) << "it does not wait for itself";
    EXPECT_EQ(at->cancel(reason_kind::user), cancel_result::too_late);
  });
  operation it(routine);
  at = &it;
  self = &routine;
  EXPECT_EQ(it.cancel(reason_kind::timeout), cancel_result::claimed);
  EXPECT_EQ(it.disarm(routine), handshake::cancelled);
  EXPECT_EQ(it.outcome(), outcome::canceled);
  EXPECT_EQ(routine.runs, 1);
}

TEST(operation, notify_routine_may_destroy_it) {
  auto* it = new std::optional<operation>;
  notify* self = nullptr;
  notify routine([&] {
    EXPECT_EQ((*it)->disarm(*self), handshake::cancelled_inside);
    it->reset();
    delete it;
  });
  self = &routine;
  it->emplace(routine);
  EXPECT_EQ((*it)->cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(routine.runs, 1);
}

TEST(operation, claim_routine_may_destroy_it) {
  auto* it = new std::optional<operation>;
  claim routine([&] {
    EXPECT_TRUE((*it)->complete(outcome::canceled));
    delete it;
  });
  it->emplace(routine);
  EXPECT_EQ((*it)->cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(routine.runs, 1);
}

TEST(operation, routine_goes_with_its_operation) {
  struct both {
    both() : routine([this] { delete this; }), it(routine) {}
    notify routine;
    operation it;
  };
  auto* const object = new both;
  EXPECT_EQ(object->it.cancel(reason_kind::user), cancel_result::claimed);
}

TEST(operation, destroyed_while_armed_runs_nothing) {
  notify first;
  claim second;
  { operation one(first), two(second); }
  EXPECT_EQ(first.runs + second.runs, 0);
}

TEST(operation, nested_cancels_are_told_apart) {
  notify inner_routine;
  operation inner(inner_routine);
  notify* outer_self = nullptr;
  operation* outer = nullptr;
  notify outer_routine([&] {
    EXPECT_EQ(inner.cancel(reason_kind::parent), cancel_result::claimed);
    EXPECT_EQ(inner.disarm(inner_routine), handshake::cancelled);
    EXPECT_EQ(outer->disarm(*outer_self), handshake::cancelled_inside);
  });
  operation it(outer_routine);
  outer = &it;
  outer_self = &outer_routine;
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(inner_routine.runs, 1);
}

void arm_twice() {
  notify one, two;
  operation it(one);
  it.arm(two);
}
void disarm_another() {
  notify one, two;
  operation it(one);
  it.disarm(two);
}
void complete_past_an_armed_routine() {
  claim one;
  operation it(one);
  it.complete(outcome::completed);
}

TEST(operation_misuse, ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(arm_twice(), "");
  EXPECT_DEATH(disarm_another(), "");
  EXPECT_DEATH(complete_past_an_armed_routine(), "");
}

}  // namespace
