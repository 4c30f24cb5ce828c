// Scopes by one caller: whose deadline counts, who has a timer, what those below learn, and reset.
#include <optional>

#include <gtest/gtest.h>

#include "as_actor.hpp"
#include "belay/callback.hpp"
#include "belay/child_operation.hpp"
#include "belay/scope.hpp"

#if defined(BELAY_EXPLORED)
#define suite deadline_scope_in_explored
#else
#define suite deadline_scope
#endif

namespace {

using belay::cancel_result;
using belay::reason_kind;
using belay::root_scope;
using belay::scope;
using belay::shielded_scope;
using belay::timer_wheel;
using core_tests::as_actor;
namespace sync = belay::sync;

constexpr sync::nanoseconds tick = timer_wheel::tick;

TEST(suite, the_earlier_deadline_counts) {
  as_actor([] {
    timer_wheel wheel(0);
    const root_scope endless(wheel);
    EXPECT_EQ(endless.deadline(), sync::forever);
    EXPECT_FALSE(endless.has_timer());
    root_scope root(wheel, 50 * tick);
    EXPECT_EQ(root.deadline(), 50 * tick);
    EXPECT_TRUE(root.has_timer());
    const scope earlier(root, 20 * tick), same(root, 50 * tick), later(root, 70 * tick), none(root);
    EXPECT_EQ(earlier.deadline(), 20 * tick);
    EXPECT_TRUE(earlier.has_timer());
    for (const scope* each : {&same, &later, &none}) {
      EXPECT_EQ(each->deadline(), 50 * tick);
      EXPECT_FALSE(each->has_timer());
    }
  });
}

TEST(suite, a_later_deadline_has_no_timer_however_far_below) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 50 * tick);
    scope middle(root), leaf(middle, 60 * tick);
    EXPECT_EQ(leaf.deadline(), 50 * tick);
    EXPECT_FALSE(leaf.has_timer());
    EXPECT_EQ(wheel.expire(49 * tick), 50 * tick);
    EXPECT_EQ(wheel.expire(50 * tick), sync::forever) << "there was one timer";
    EXPECT_TRUE(leaf.cancelled());
  });
}

TEST(suite, expiry_cancels_it_and_what_is_below) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 50 * tick);
    scope query(root, 20 * tick), row(query);
    belay::child_operation read(row);
    wheel.expire(20 * tick);
    EXPECT_FALSE(root.cancelled());
    EXPECT_EQ(query.reason(), belay::reason(reason_kind::timeout));
    EXPECT_EQ(row.reason().kind(), reason_kind::parent);
    EXPECT_EQ(row.reason().origin(), belay::reason(reason_kind::timeout));
    EXPECT_EQ(read.reason().origin(), belay::reason(reason_kind::timeout));
    wheel.expire(50 * tick);
    EXPECT_EQ(root.reason(), belay::reason(reason_kind::timeout));
    EXPECT_EQ(query.reason(), belay::reason(reason_kind::timeout)) << "the first one counts";
  });
}

TEST(suite, the_first_request_counts) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 50 * tick);
    scope query(root, 20 * tick);
    EXPECT_EQ(root.cancel(reason_kind::shutdown), cancel_result::claimed);
    wheel.expire(20 * tick);
    EXPECT_EQ(query.reason().origin(), belay::reason(reason_kind::shutdown));
    const scope late(root, 30 * tick);
    EXPECT_TRUE(late.cancelled());
    EXPECT_EQ(wheel.expire(29 * tick), 50 * tick) << "what was cancelled at birth has no timer";
  });
}

TEST(suite, ends_its_timer) {
  as_actor([] {
    timer_wheel wheel(0);
    {
      root_scope root(wheel, 50 * tick);
      scope query(root, 20 * tick);
    }
    EXPECT_EQ(wheel.expire(100 * tick), sync::forever);
  });
}

TEST(suite, is_destroyed_by_its_own_expiry) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel);
    std::optional<scope> query(std::in_place, root, 20 * tick);
    struct last : belay::listener {
      explicit last(std::optional<scope>& to) : listener(&run), at(to) {}
      static void run(listener& self, belay::reason) noexcept {
        auto& me = static_cast<last&>(self);
        me.at->remove(me);
        me.at.reset();
      }
      std::optional<scope>& at;
    } listener(query);
    query->add(listener);
    EXPECT_EQ(wheel.expire(20 * tick), sync::forever);
    EXPECT_FALSE(query.has_value());
    EXPECT_EQ(root.cancel(reason_kind::user), cancel_result::claimed);
  });
}

TEST(suite, reset) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 50 * tick);
    scope query(root, 20 * tick);
    EXPECT_TRUE(query.try_reset(30 * tick));
    EXPECT_EQ(query.deadline(), 30 * tick);
    wheel.expire(29 * tick);
    EXPECT_FALSE(query.cancelled());
    {
      belay::callback on_cancel(query, [](belay::reason) {});
      EXPECT_FALSE(query.try_reset(90 * tick)) << "somebody is registered";
      EXPECT_EQ(query.deadline(), 30 * tick) << "nothing changed";
    }
    EXPECT_TRUE(query.try_reset(90 * tick));
    EXPECT_EQ(query.deadline(), 50 * tick);
    EXPECT_FALSE(query.has_timer());
    EXPECT_TRUE(query.try_reset(40 * tick));
    wheel.expire(40 * tick);
    EXPECT_EQ(query.reason(), belay::reason(reason_kind::timeout));
    EXPECT_FALSE(query.try_reset(45 * tick)) << "it was cancelled";
    EXPECT_TRUE(root.try_reset(60 * tick) == false) << "the scope is registered";
    wheel.expire(50 * tick);
    EXPECT_TRUE(root.cancelled()) << "its deadline stayed";
  });
}

TEST(suite, a_reset_that_is_refused_keeps_the_deadline) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 50 * tick);
    int ran = 0;
    belay::callback on_cancel(root, [&](belay::reason) {
      ++ran;
      EXPECT_FALSE(root.try_reset(90 * tick)) << "inside its own expiry";
    });
    EXPECT_FALSE(root.try_reset(90 * tick));
    wheel.expire(50 * tick);
    EXPECT_EQ(ran, 1);
    wheel.expire(90 * tick);
    EXPECT_EQ(ran, 1);
  });
}

TEST(suite, shielded_from_the_parents_deadline_but_not_from_its_own) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 20 * tick);
    {
      shielded_scope cleanup(root, 50 * tick);
      EXPECT_EQ(cleanup.deadline(), 50 * tick);
      scope below(cleanup, 30 * tick), later(cleanup, 70 * tick);
      EXPECT_TRUE(below.has_timer());
      EXPECT_FALSE(later.has_timer());
      wheel.expire(20 * tick);
      EXPECT_TRUE(root.cancelled());
      EXPECT_TRUE(cleanup.pending());
      EXPECT_FALSE(cleanup.cancelled());
      EXPECT_FALSE(below.cancelled());
      wheel.expire(30 * tick);
      EXPECT_EQ(below.reason(), belay::reason(reason_kind::timeout));
      wheel.expire(50 * tick);
      EXPECT_EQ(cleanup.reason(), belay::reason(reason_kind::timeout));
      EXPECT_EQ(later.reason().origin(), belay::reason(reason_kind::timeout));
    }
    EXPECT_EQ(wheel.expire(100 * tick), sync::forever);
  });
}

TEST(suite, a_shield_that_ends_delivers) {
  as_actor([] {
    timer_wheel wheel(0);
    root_scope root(wheel, 20 * tick);
    shielded_scope cleanup(root, 50 * tick), calm(root);
    scope below(cleanup);
    EXPECT_FALSE(calm.unshield());
    wheel.expire(20 * tick);
    EXPECT_TRUE(calm.cancelled());
    EXPECT_TRUE(cleanup.unshield());
    EXPECT_EQ(cleanup.reason().kind(), reason_kind::parent);
    EXPECT_EQ(cleanup.reason().origin(), belay::reason(reason_kind::timeout));
    EXPECT_TRUE(below.cancelled());
    EXPECT_FALSE(cleanup.unshield());
    shielded_scope late(root);
    EXPECT_TRUE(late.cancelled()) << "the parent was cancelled before";
  });
}

}  // namespace
